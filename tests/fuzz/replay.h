/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The main() of a fuzz target that is built without a fuzzer: runs every file of
 * the target's corpus (or those named) through it and prints one line as check.h does.
 * Included at the end of a target, which has defined FUZZ_NAME. Knows nothing of what
 * is fuzzed.
 */
#ifndef SINEW_TESTS_FUZZ_REPLAY_H
#define SINEW_TESTS_FUZZ_REPLAY_H

#ifndef FUZZING

#include "tests/fuzz/input.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#define REPLAY_FILE_MAX	(1u << 20)	/* bytes of an input */
#define REPLAY_CORPUS	"tests/fuzz/corpus/" FUZZ_NAME

static char replay_path[600];

/* Says which input it was; the signal then does what it always does. */
static void replay_died(int number)
{
	static const char begin[] = "not ok - " FUZZ_NAME ": died of ";
	ssize_t done = write(1, begin, sizeof begin - 1);

	done += write(1, replay_path, strlen(replay_path));
	done += write(1, "\n", 1);
	signal(number, done ? SIG_DFL : SIG_IGN);
	raise(number);
}

static int replay_file(const char *path)
{
	static uint8_t bytes[REPLAY_FILE_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	snprintf(replay_path, sizeof replay_path, "%s", path);
	if (!file) {
		printf("not ok - " FUZZ_NAME ": cannot open %s\n", path);
		return 1;
	}
	n = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	/* Just as long as the input, so that a look beyond it is seen. */
	exact = malloc(n ? n : 1);
	if (!exact)
		return 1;
	memcpy(exact, bytes, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

static int replay_corpus(unsigned *ret_n)
{
	DIR *dir = opendir(REPLAY_CORPUS);
	struct dirent *e;
	char path[600];
	int failed = 0;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, REPLAY_CORPUS "/%s", e->d_name);
		failed |= replay_file(path);
		++*ret_n;
	}
	if (dir)
		closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned n = (unsigned)argc - 1;
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, replay_died);
#ifndef __SANITIZE_ADDRESS__
	signal(SIGSEGV, replay_died);
#endif
	for (int i = 1; i < argc; i++)
		failed |= replay_file(argv[i]);
	if (argc == 1)
		failed = replay_corpus(&n);
	if (!failed && n)
		printf("ok - " FUZZ_NAME ": %u inputs\n", n);
	else if (!n)
		printf("not ok - " FUZZ_NAME ": no input in " REPLAY_CORPUS "\n");
	return failed || !n;
}

#endif
#endif
