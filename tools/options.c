/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of a subcommand.
 * Knows no subcommand.
 */
#include "tools/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "membership/config.h"
#include "tools/command.h"
#include "tools/say.h"

#define HELP_COLUMN	21	/* where the text of an option begins in --help */
#define FIRST_ROW	256	/* what getopt_long() gives for it: no letter */
#define EXPECTED_MAX	128

const char *const options_levels[] = {
	[SINEW_ERROR] = "error", [SINEW_WARNING] = "warning",
	[SINEW_INFO] = "info", [SINEW_DEBUG] = "debug", NULL,
};

int options_written(int rc)
{
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	return STATUS_UNDELIVERED;
}

int options_printed(void)
{
	errno = EIO;
	return options_written(!fflush(stdout) && !ferror(stdout) ? 0 : -errno);
}

/* ---- --help ---- */

/* "  -n, --size BYTES"; gives its length. */
static int print_head(const struct option_row *row)
{
	int len = 0;

	if (row->kind == OPTION_IS_HELP)
		return row->value ? printf("  %s", row->value) : 0;
	if (row->letter)
		len = printf("  -%c,", row->letter);
	len += printf(len ? " --%s" : "  --%s", row->name);
	if (row->value)
		len += printf(" %s", row->value);
	return len;
}

static void print_row(const struct option_row *row)
{
	const int head = print_head(row);
	int blanks = head + 2 <= HELP_COLUMN ? HELP_COLUMN - head : 3, len;
	const char *line = row->help;

	for (; *line; line += len + (line[len] == '\n')) {
		len = (int)strcspn(line, "\n");
		printf("%*s%.*s\n", head ? blanks : 0, "", len, line);
		blanks = HELP_COLUMN;
	}
}

static int print_help(const struct option_table *table)
{
	const struct option_row *row;

	fputs(table->usage, stdout);
	for (row = table->rows; row->kind; row++)
		print_row(row);
	printf("  --help\n%s", table->end);
	return options_printed();
}

/* ---- what a value may be ---- */

/* "1000", "1M" or "0.05" */
static const char *show_limit(enum option_kind kind, uint64_t n, char *buf, size_t size)
{
	static const char suffixes[][2] = { "", "k", "M", "G" };
	unsigned i = 0;

	if (kind == OPTION_IS_SECONDS) {
		snprintf(buf, size, "%.10g", (double)n / 1000);
		return buf;
	}
	if (kind == OPTION_IS_SIZE)
		for (; n && n % 1024 == 0 && i < 3; i++)
			n /= 1024;
	snprintf(buf, size, "%" PRIu64 "%s", n, suffixes[i]);
	return buf;
}

static const char *expected_number(const struct option_row *row, char *buf)
{
	static const char *const nouns[] = {
		[OPTION_IS_NUMBER] = "", [OPTION_IS_NODEID] = "a nodeid from ",
		[OPTION_IS_SIZE] = "bytes from ", [OPTION_IS_MS] = "milliseconds from ",
		[OPTION_IS_SECONDS] = "seconds from ",
	};
	char least[24], most[24];

	snprintf(buf, EXPECTED_MAX, "%s%s to %s", nouns[row->kind],
		 show_limit(row->kind, row->least, least, sizeof(least)),
		 show_limit(row->kind, row->most, most, sizeof(most)));
	return buf;
}

/* "none, self or destroy" */
static const char *expected_word(const struct option_row *row, char *buf)
{
	const char *const *word = row->words;
	size_t len = (size_t)snprintf(buf, EXPECTED_MAX, "%s", *word++);

	for (; *word && len < EXPECTED_MAX; word++)
		len += (size_t)snprintf(buf + len, EXPECTED_MAX - len, "%s%s",
					word[1] ? ", " : " or ", *word);
	return buf;
}

/* Digits, perhaps with up to three behind a point; at most OPTIONS_SECONDS_MAX. */
static bool parse_seconds(const char *text, uint32_t *ret_ms)
{
	uint32_t whole = 0, part = 0, unit = 100;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		whole = whole * 10 + (uint32_t)(*text - '0');
		if (whole > OPTIONS_SECONDS_MAX)
			return false;
	}
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9' && unit; text++, unit /= 10)
			part += unit * (uint32_t)(*text - '0');
	*ret_ms = whole * 1000 + part;
	return !*text;
}

static void put_number(void *member, size_t size, uint64_t n)
{
	assert(size == sizeof(uint16_t) || size == sizeof(uint32_t) || size == sizeof(uint64_t));
	if (size == sizeof(uint16_t))
		*(uint16_t *)member = (uint16_t)n;
	else if (size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)n;
	else
		*(uint64_t *)member = n;
}

static bool take_number(const struct option_row *row, void *member, const char *text)
{
	uint32_t ms = 0;
	uint64_t n = 0;

	if (row->kind == OPTION_IS_SECONDS) {
		if (!parse_seconds(text, &ms) || ms < row->least || ms > row->most)
			return false;
		n = ms;
	} else if (config_number(text, row->kind == OPTION_IS_SIZE, row->least, row->most, &n)) {
		return false;
	}
	put_number(member, row->size, n);
	return true;
}

static bool take_word(const struct option_row *row, void *member, const char *text)
{
	unsigned i;

	for (i = 0; row->words[i]; i++) {
		if (strcmp(text, row->words[i]))
			continue;
		put_number(member, row->size, row->least + i);
		return true;
	}
	return false;
}

static bool take_nodes(struct option_nodes *nodes, const char *text)
{
	nodes->n = 0;
	nodes->all = !strcmp(text, "all");
	return nodes->all || options_nodeids(text, nodes->ids, OPTIONS_NODES_MAX, &nodes->n);
}

/* NULL, or what it expected instead, perhaps in buf. */
static const char *take(const struct option_row *row, void *settings, const char *text, char *buf)
{
	void *member = (char *)settings + row->offset;

	switch (row->kind) {
	case OPTION_IS_FLAG:
		*(bool *)member = true;
		return NULL;
	case OPTION_IS_TEXT:
		*(const char **)member = text;
		return NULL;
	case OPTION_IS_NUMBER:
	case OPTION_IS_NODEID:
	case OPTION_IS_SIZE:
	case OPTION_IS_MS:
	case OPTION_IS_SECONDS:
		return take_number(row, member, text) ? NULL : expected_number(row, buf);
	case OPTION_IS_WORD:
		return take_word(row, member, text) ? NULL : expected_word(row, buf);
	case OPTION_IS_NODES:
		return take_nodes(member, text) ? NULL :
			"\"all\", or at most 1024 nodeids with commas between";
	case OPTION_IS_OTHER:
		return row->take(member, text);
	case OPTION_IS_END:
	case OPTION_IS_HELP:
		break;
	}
	assert(!"a row that is no option");
	return NULL;
}

/* ---- the walk ---- */

/* The same rows for getopt_long(). */
static void list_options(const struct option_row *rows, struct option *list, char *letters)
{
	size_t i;

	letters += sprintf(letters, ":h");
	*list++ = (struct option){ "help", no_argument, NULL, 'h' };
	for (i = 0; rows[i].kind; i++) {
		assert(i < OPTIONS_MAX);
		if (rows[i].kind == OPTION_IS_HELP)
			continue;
		*list++ = (struct option){
			rows[i].name, rows[i].value ? required_argument : no_argument, NULL,
			FIRST_ROW + (int)i,
		};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
	}
	*list = (struct option){ 0 };
	*letters = '\0';
}

static const struct option_row *row_of(const struct option_row *rows, int option)
{
	if (option >= FIRST_ROW)
		return &rows[option - FIRST_ROW];
	while (rows->letter != option)
		rows++;
	return rows;
}

static int refuse_value(const char *option, const char *value, const char *expected)
{
	say(SINEW_ERROR, "--%s: found \"%.80s\", expected %s", option, value, expected);
	return STATUS_USAGE;
}

static int refuse_option(const char *name, int option, const char *word)
{
	if (option == ':')
		say(SINEW_ERROR, "option %s requires a value; see \"%s --help\"", word, name);
	else
		say(SINEW_ERROR, "unknown option %.80s; \"%s --help\" lists the options", word,
		    name);
	return STATUS_USAGE;
}

static int refuse_operand(const char *name, const char *value)
{
	say(SINEW_ERROR, "unexpected argument \"%.80s\"; \"%s --help\" lists the options", value,
	    name);
	return STATUS_USAGE;
}

int options_parse(const struct option_table *table, void *settings, int argc, char **argv)
{
	struct option list[OPTIONS_MAX + 2];
	char letters[OPTIONS_MAX + sizeof(":h")], buf[EXPECTED_MAX];
	const struct option_row *row;
	const char *expected;
	int option, rc;

	list_options(table->rows, list, letters);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		if (option == 'h')
			return print_help(table);
		if (option == ':' || option == '?')
			return refuse_option(table->name, option, argv[optind - 1]);
		row = row_of(table->rows, option);
		expected = take(row, settings, optarg, buf);
		if (expected)
			return refuse_value(row->name, optarg, expected);
	}
	for (; optind < argc; optind++) {
		rc = table->operand ? table->operand(settings, argv[optind]) :
				      refuse_operand(table->name, argv[optind]);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

/* ---- values ---- */

bool options_nodeid(const char *text, uint32_t *ret_id)
{
	uint64_t n;

	if (config_number(text, 0, 1, INT32_MAX, &n))
		return false;
	*ret_id = (uint32_t)n;
	return true;
}

bool options_nodeids(const char *text, uint32_t *ret_ids, unsigned max, unsigned *ret_n)
{
	char id[16];
	unsigned n = 0;
	size_t len;

	for (;;) {
		len = strcspn(text, ",");
		if (len >= sizeof(id) || n == max)
			return false;
		memcpy(id, text, len);
		id[len] = '\0';
		if (!options_nodeid(id, &ret_ids[n]))
			return false;
		n++;
		if (!text[len])
			break;
		text += len + 1;
	}
	*ret_n = n;
	return true;
}

/* ---- words that choose ---- */

static void print_choices(const struct choices *choices, FILE *to)
{
	const char *c;
	size_t i;

	fprintf(to, "%s\n", choices->usage);
	for (i = 0; i < choices->n; i++)
		fprintf(to, "  %-8s %s\n", choices->list[i].word, choices->list[i].summary);
	fprintf(to, "\n\"%s ", choices->name);
	for (c = choices->kind; *c; c++)
		fputc(toupper((unsigned char)*c), to);
	fputs(" --help\" shows its options.\n", to);
}

/* Lines from here on begin with the words that chose it. */
static int run_choice(const struct choices *choices, const struct choice *choice, int argc,
		      char **argv)
{
	char prefix[SAY_PREFIX_MAX];

	snprintf(prefix, sizeof(prefix), "%s %s", choices->name, choice->word);
	say_prefix(prefix);
	return choice->run(argc - 1, argv + 1);
}

int choices_run(const struct choices *choices, int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		print_choices(choices, stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_choices(choices, stdout);
		return options_printed();
	}
	for (i = 0; i < choices->n; i++)
		if (!strcmp(argv[1], choices->list[i].word))
			return run_choice(choices, &choices->list[i], argc, argv);
	say(SINEW_ERROR, "\"%.80s\" is not a %s; \"%s --help\" lists them", argv[1],
	    choices->kind, choices->name);
	return STATUS_USAGE;
}
