/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies lines from standard input to standard output, each at its own time, so that they
 * are spread evenly over some seconds: `pace N_LINES SECONDS`. Knows nothing of who reads them.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000u

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(STDOUT_FILENO, p, n);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	double seconds = argc == 3 ? atof(argv[2]) : 0, n_lines = argc == 3 ? atof(argv[1]) : 0;
	uint64_t began = now_ns();
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (seconds <= 0 || n_lines < 1) {
		fprintf(stderr, "usage: pace N_LINES SECONDS\n");
		return 2;
	}
	for (uint64_t i = 0; (len = getline(&line, &room, stdin)) > 0; i++) {
		uint64_t due = began + (uint64_t)((double)i * seconds / n_lines * NS_PER_S);
		int err;

		if (due > now_ns())
			sleep_until(due);
		err = write_all(line, (size_t)len);
		if (err) {
			fprintf(stderr, "pace: %s\n", strerror(-err));
			return 1;
		}
	}
	free(line);
	return 0;
}
