/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the command line of a subcommand: each kind of row at its limits and beside
 * them, what is said of a wrong one, and the help. Knows no subcommand.
 */
#include <stdarg.h>
#include <unistd.h>

#include "tests/lib/check.h"
#include "tools/options.c"

enum color { COLOR_UNSAID, COLOR_RED, COLOR_GREEN, COLOR_BLUE };

struct inner {
	uint32_t node;
};

struct settings {
	uint64_t before;
	bool flag;
	uint16_t small;
	uint32_t medium;
	uint64_t large;
	const char *text;
	uint32_t ms;
	uint32_t seconds_ms;
	struct inner inner;
	size_t bytes;
	enum color color;
	enum sinew_level level;
	struct option_nodes nodes;
	unsigned n_other, n_operands;
	uint64_t after;
};

static const char *const colors[] = { "red", "green", "blue", NULL };

static const char *take_other(void *settings, const char *value)
{
	struct settings *s = settings;

	if (!strcmp(value, "bad"))
		return "something good";
	s->n_other++;
	return NULL;
}

static const struct option_row rows[] = {
	OPTION_FLAG_LETTER("flag", 'f', struct settings, flag, "a flag"),
	OPTION_NUMBER("small", struct settings, small, 1, UINT16_MAX, "N", "16 bits"),
	OPTION_NUMBER("medium", struct settings, medium, 0, UINT32_MAX, "N", "32 bits"),
	OPTION_NUMBER("large", struct settings, large, 0, UINT64_MAX, "N", "64 bits"),
	OPTION_HELP(NULL, "\nOthers:"),
	OPTION_TEXT("text", struct settings, text, "FILE", "a text\nof two lines"),
	OPTION_MS("ms", struct settings, ms, 5, 10, "a time"),
	OPTION_SECONDS("seconds", struct settings, seconds_ms, 50, OPTIONS_SECONDS_MAX_MS,
		       "a time"),
	OPTION_NODEID("node", struct settings, inner.node, "a node"),
	OPTION_SIZE("bytes", struct settings, bytes, 1, 3u << 30, "a size"),
	OPTION_WORD("color", struct settings, color, COLOR_RED, colors, "red|green|blue", "one\n"
		    "of three"),
	OPTION_LEVEL("level", struct settings, level, "LEVEL", "a level"),
	OPTION_NODES("to", struct settings, nodes, "ID,...", "nodes"),
	OPTION_OTHER("other", take_other, "X", "whatever"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew test", .usage = "usage:\n\n", .rows = rows, .end = "\nThe end.\n",
};

static struct settings got;
static char said[300], prefixed[SAY_PREFIX_MAX];

/* Instead of the one that writes to standard error. */
void say(enum sinew_level level, const char *fmt, ...)
{
	va_list args;

	CHECK_EQ(level, SINEW_ERROR);
	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
}

void say_prefix(const char *prefix)
{
	snprintf(prefixed, sizeof(prefixed), "%s", prefix);
}

static int parse_by(const struct option_table *t, char *first, char *second)
{
	char *argv[] = { "test", first, second, NULL };

	memset(&got, 0, sizeof(got));
	got.before = got.after = UINT64_MAX;
	said[0] = '\0';
	return options_parse(t, &got, second ? 3 : 2, argv);
}

static void takes(const char *option, const char *value)
{
	CHECK_EQ(parse_by(&table, (char *)option, (char *)value), -1);
	CHECK_STR(said, "");
	CHECK(got.before == UINT64_MAX && got.after == UINT64_MAX);
}

static void refuses(const char *option, const char *value, const char *why)
{
	CHECK_EQ(parse_by(&table, (char *)option, (char *)value), STATUS_USAGE);
	CHECK_STR(said, why);
}

static void numbers_have_limits_and_widths(void)
{
	takes("--small", "65535");
	CHECK(got.small == UINT16_MAX && !got.flag && !got.medium);
	takes("--medium", "4294967295");
	CHECK(got.medium == UINT32_MAX && !got.small && !got.large);
	takes("--large", "18446744073709551615");
	CHECK(got.large == UINT64_MAX && !got.medium && !got.text);
	refuses("--small", "0", "--small: found \"0\", expected 1 to 65535");
	refuses("--small", "65536", "--small: found \"65536\", expected 1 to 65535");
	refuses("--medium", "4294967296",
		"--medium: found \"4294967296\", expected 0 to 4294967295");
	refuses("--large", "1k", "--large: found \"1k\", expected 0 to 18446744073709551615");
	refuses("--large", "-1", "--large: found \"-1\", expected 0 to 18446744073709551615");
	CHECK(!got.large);
}

static void times_have_limits(void)
{
	takes("--ms", "10");
	CHECK_EQ(got.ms, 10);
	refuses("--ms", "4", "--ms: found \"4\", expected milliseconds from 5 to 10");
	refuses("--ms", "11", "--ms: found \"11\", expected milliseconds from 5 to 10");
	takes("--seconds", "0.05");
	CHECK_EQ(got.seconds_ms, 50);
	takes("--seconds", "1000000");
	CHECK_EQ(got.seconds_ms, 1000000000);
	refuses("--seconds", "0.049",
		"--seconds: found \"0.049\", expected seconds from 0.05 to 1000000");
	refuses("--seconds", "1000001",
		"--seconds: found \"1000001\", expected seconds from 0.05 to 1000000");
	refuses("--seconds", "1s",
		"--seconds: found \"1s\", expected seconds from 0.05 to 1000000");
}

static void sizes_have_suffixes(void)
{
	takes("--bytes", "3G");
	CHECK_EQ(got.bytes, (long long)3 << 30);
	takes("--bytes", "2k");
	CHECK_EQ(got.bytes, 2048);
	refuses("--bytes", "0", "--bytes: found \"0\", expected bytes from 1 to 3G");
	refuses("--bytes", "3221225473",
		"--bytes: found \"3221225473\", expected bytes from 1 to 3G");
}

static void nodes_are_numbers_or_all(void)
{
	char many[2 * OPTIONS_NODES_MAX + 2];
	unsigned i;

	takes("--node", "2147483647");
	CHECK_EQ(got.inner.node, INT32_MAX);
	refuses("--node", "0", "--node: found \"0\", expected a nodeid from 1 to 2147483647");
	refuses("--node", "2147483648",
		"--node: found \"2147483648\", expected a nodeid from 1 to 2147483647");
	takes("--to", "all");
	CHECK(got.nodes.all && !got.nodes.n);
	takes("--to", "3,1");
	CHECK(!got.nodes.all && got.nodes.n == 2);
	CHECK(got.nodes.ids[0] == 3 && got.nodes.ids[1] == 1);
	for (i = 0; i <= OPTIONS_NODES_MAX; i++)
		memcpy(many + 2 * i, "7,", 2);
	many[2 * OPTIONS_NODES_MAX - 1] = '\0';
	takes("--to", many);
	CHECK_EQ(got.nodes.n, OPTIONS_NODES_MAX);
	many[2 * OPTIONS_NODES_MAX - 1] = ',';
	many[2 * OPTIONS_NODES_MAX + 1] = '\0';
	CHECK_EQ(parse_by(&table, "--to", many), STATUS_USAGE);
	refuses("--to", "1,,2", "--to: found \"1,,2\", expected \"all\", or at most 1024 nodeids "
		"with commas between");
}

static void words_stand_for_values(void)
{
	takes("--color", "red");
	CHECK_EQ(got.color, COLOR_RED);
	takes("--color", "blue");
	CHECK_EQ(got.color, COLOR_BLUE);
	refuses("--color", "pink", "--color: found \"pink\", expected red, green or blue");
	refuses("--color", "", "--color: found \"\", expected red, green or blue");
	takes("--level", "debug");
	CHECK_EQ(got.level, SINEW_DEBUG);
	refuses("--level", "all",
		"--level: found \"all\", expected error, warning, info or debug");
}

static void others_are_taken_as_they_stand(void)
{
	takes("--text", "any thing");
	CHECK_STR(got.text, "any thing");
	takes("--other", "x");
	CHECK_EQ(got.n_other, 1);
	refuses("--other", "bad", "--other: found \"bad\", expected something good");
}

static void flags_have_no_value(void)
{
	takes("--flag", NULL);
	CHECK(got.flag);
	takes("-f", NULL);
	CHECK(got.flag);
	refuses("--flag=yes", NULL,
		"unknown option --flag=yes; \"sinew test --help\" lists the options");
}

static int take_two(void *settings, const char *value)
{
	struct settings *s = settings;

	s->n_operands++;
	return strcmp(value, "bad") ? -1 : STATUS_USAGE;
}

static void what_is_no_option(void)
{
	struct option_table with = table;

	with.operand = take_two;
	refuses("more", NULL,
		"unexpected argument \"more\"; \"sinew test --help\" lists the options");
	refuses("--none", NULL, "unknown option --none; \"sinew test --help\" lists the options");
	refuses("--text", NULL, "option --text requires a value; see \"sinew test --help\"");
	CHECK_EQ(parse_by(&with, "one", "two"), -1);
	CHECK_EQ(got.n_operands, 2);
	CHECK_EQ(parse_by(&with, "bad", "two"), STATUS_USAGE);
	CHECK_EQ(got.n_operands, 1);
}

/* Reads what it printed to standard output, which is not that of the test meanwhile. */
static void help_is_of_the_rows(void)
{
	static const char expected[] =
		"usage:\n"
		"\n"
		"  -f, --flag         a flag\n"
		"  --small N          16 bits\n"
		"  --medium N         32 bits\n"
		"  --large N          64 bits\n"
		"\n"
		"Others:\n"
		"  --text FILE        a text\n"
		"                     of two lines\n"
		"  --ms MS            a time\n"
		"  --seconds S        a time\n"
		"  --node ID          a node\n"
		"  --bytes BYTES      a size\n"
		"  --color red|green|blue   one\n"
		"                     of three\n"
		"  --level LEVEL      a level\n"
		"  --to ID,...        nodes\n"
		"  --other X          whatever\n"
		"  --help\n"
		"\n"
		"The end.\n";
	char printed[2000] = "";
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);

	fflush(stdout);
	CHECK_OR_RETURN(file && dup2(fileno(file), STDOUT_FILENO) >= 0);
	CHECK_EQ(parse_by(&table, "--help", "--none"), STATUS_OK);
	CHECK(dup2(out, STDOUT_FILENO) >= 0);
	CHECK(pread(fileno(file), printed, sizeof(printed) - 1, 0) > 0);
	CHECK_STR(printed, expected);
	CHECK_STR(said, "");
	fclose(file);
	close(out);
}

static int n_left;	/* arguments of a word that was run, itself included */

static int run_word(int argc, char **argv)
{
	CHECK_STR(argv[0], "walk");
	n_left = argc;
	return 7;
}

/* Each word is named by what is said behind it. */
static void a_word_is_run_with_its_prefix(void)
{
	static const struct choice list[] = { { "run", NULL, "" }, { "walk", run_word, "" } };
	static const struct choices choices = {
		.name = "sinew test", .kind = "pace", .usage = "", .list = list, .n = 2,
	};
	char *known[] = { "test", "walk", "--far", NULL }, *unknown[] = { "test", "fly", NULL };

	said[0] = prefixed[0] = '\0';
	CHECK_EQ(choices_run(&choices, 3, known), 7);
	CHECK_EQ(n_left, 2);
	CHECK_STR(prefixed, "sinew test walk");
	CHECK_STR(said, "");
	prefixed[0] = '\0';
	CHECK_EQ(choices_run(&choices, 2, unknown), STATUS_USAGE);
	CHECK_STR(prefixed, "");
	CHECK_STR(said, "\"fly\" is not a pace; \"sinew test --help\" lists them");
}

int main(void)
{
	RUN(numbers_have_limits_and_widths);
	RUN(times_have_limits);
	RUN(sizes_have_suffixes);
	RUN(nodes_are_numbers_or_all);
	RUN(words_stand_for_values);
	RUN(others_are_taken_as_they_stand);
	RUN(flags_have_no_value);
	RUN(what_is_no_option);
	RUN(help_is_of_the_rows);
	RUN(a_word_is_run_with_its_prefix);
	return check_done();
}
