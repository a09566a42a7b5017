/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the rows of options in sinew.conf(5) and sinew_node_new(3): the line below each option's
 * name is printed from lowcomms/options.def, or services/call_options.def, and compared with the
 * page. After a change of the table, `make pages` writes these lines anew, as
 *
 *	build/tests/test_option_pages --print PAGE
 *
 * prints the page with them. Other lines of a page are written by hand.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "lowcomms/sinew.h"
#include "tests/lib/check.h"

#define ROW_MAX		400	/* bytes of a row, NUL included */
#define FILE_PAGE	"membership/sinew.conf.5"
#define C_PAGE		"lowcomms/man/sinew_node_new.3"

enum form { NUMBERS, WORDS, TEXTS };

struct option {
	enum form form;
	const char *name, *unit, *sentence;
	uint64_t standard, least, most;
	const char *text;	/* the default of a text; the source text of that of a word */
	const char *words;
	bool in_file;
	bool of_calls;		/* not in the other page */
};

static const struct option options[] = {
#define IN_FILE	true
#define NO_KEY	false
#define MS(key, stem, standard, low, high, change, text) \
	NUMBER(key, stem##_ms, standard, low, high, " ms", change, text)
#define NUMBER(key, field, normal, low, high, in, change, says) \
	{ .form = NUMBERS, .name = #field, .unit = (in), .sentence = (says), .in_file = (key), \
	  .standard = (normal), .least = (low), .most = (high) },
#define WORD(key, field, normal, list, change, says) \
	{ .form = WORDS, .name = #field, .sentence = (says), .in_file = (key), \
	  .standard = (normal), .text = #normal, .words = (list) },
#define TEXT(key, field, normal, low, high, change, says) \
	{ .form = TEXTS, .name = #field, .sentence = (says), .in_file = (key), \
	  .text = (normal), .least = (low), .most = (high) },
#include "lowcomms/options.def"
#define NUMBER(key, field, normal, low, high, in, change, says) \
	{ .form = NUMBERS, .name = #field, .unit = (in), .sentence = (says), .in_file = (key), \
	  .of_calls = true, .standard = (normal), .least = (low), .most = (high) },
#include "services/call_options.def"
};

#define N_OPTIONS	(sizeof options / sizeof options[0])

/* A page, and how it writes numbers and words: as the file has them, or as C. */
struct page {
	const char *path;
	bool is_file;
};

static const struct page pages[] = { { FILE_PAGE, true }, { C_PAGE, false } };

/* Bytes are "32M" in the file and "33554432 (32 MiB)" in C. */
static void put_number(FILE *out, const struct page *page, const char *unit, uint64_t n)
{
	uint64_t short_n = n;
	int power = 0;

	for (; power < 3 && short_n >= 1024 && short_n % 1024 == 0; power++)
		short_n /= 1024;
	if (!power || strcmp(unit, " bytes"))
		fprintf(out, "%" PRIu64, n);
	else if (page->is_file)
		fprintf(out, "%" PRIu64 "%c", short_n, " kMG"[power]);
	else
		fprintf(out, "%" PRIu64 " (%" PRIu64 " %ciB)", n, short_n, " KMG"[power]);
}

static void put_numbers(FILE *out, const struct page *page, const struct option *o)
{
	if (o->unit[0])
		fprintf(out, " (%s)", o->unit + 1);
	fprintf(out, ": ");
	put_number(out, page, o->unit, o->least);
	fprintf(out, " to ");
	put_number(out, page, o->unit, o->most);
	if (!o->standard && o->least) {
		fprintf(out, "; required.\n");
		return;
	}
	fprintf(out, ", default ");
	put_number(out, page, o->unit, o->standard);
	fprintf(out, ".\n");
}

/* The meaning of the constants of C is behind the row. */
static void put_words(FILE *out, const struct page *page, const struct option *o)
{
	const char *standard = o->words;

	if (!page->is_file && strncmp(o->text, "SINEW_", 6) == 0) {
		fprintf(out, "; default \\fB%s\\fP.\n", o->text);
		return;
	}
	if (!page->is_file) {
		fprintf(out, ": false or true, default %s.\n", o->text);
		return;
	}
	for (uint64_t i = 0; i < o->standard; i++)
		standard += strlen(standard) + 1;
	for (const char *w = o->words; *w; w += strlen(w) + 1)
		fprintf(out, "%s%s", w == o->words ? ": " : w[strlen(w) + 1] ? ", " : " or ", w);
	fprintf(out, ", default %s.\n", standard);
}

static void put_row(FILE *out, const struct page *page, const struct option *o)
{
	fprintf(out, "%s", o->sentence);
	switch (o->form) {
	case NUMBERS:
		put_numbers(out, page, o);
		break;
	case WORDS:
		put_words(out, page, o);
		break;
	case TEXTS:
		fprintf(out, ": %" PRIu64 " to %" PRIu64 " bytes, default \"%s\".\n", o->least,
			o->most, o->text);
		break;
	}
}

static bool is_there(const struct page *page, const struct option *o)
{
	return page->is_file ? o->in_file : !o->of_calls;
}

/* The option that ".B NAME" is about, which has a row in that page; or NULL. */
static const struct option *find(const struct page *page, const char *line)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		size_t len = strlen(options[i].name);

		if (strncmp(line, ".B ", 3) == 0 && strncmp(line + 3, options[i].name, len) == 0 &&
		    line[3 + len] == '\n' && is_there(page, &options[i]))
			return &options[i];
	}
	return NULL;
}

/* The page with its rows anew. Returns how many options it has. */
static size_t print_page(FILE *out, FILE *in, const struct page *page)
{
	char line[ROW_MAX * 4];
	const struct option *o;
	bool is_tag = false;
	size_t n = 0;

	while (fgets(line, sizeof line, in)) {
		fputs(line, out);
		o = is_tag ? find(page, line) : NULL;
		is_tag = strcmp(line, ".TP\n") == 0;
		if (!o || !fgets(line, sizeof line, in))
			continue;
		put_row(out, page, o);
		n++;
	}
	return n;
}

static size_t n_of(const struct page *page)
{
	size_t n = 0;

	for (size_t i = 0; i < N_OPTIONS; i++)
		n += is_there(page, &options[i]);
	return n;
}

static void compare(const struct page *page)
{
	char *text = NULL, have[ROW_MAX * 4];
	size_t n = 0, at = 0;
	FILE *out = open_memstream(&text, &n), *in = fopen(page->path, "r");

	CHECK_OR_RETURN(out && in);
	CHECK_EQ(print_page(out, in, page), n_of(page));
	fclose(out);
	rewind(in);
	while (fgets(have, sizeof have, in)) {
		size_t len = strlen(have);

		if (at + len > n || memcmp(text + at, have, len))
			break;
		at += len;
	}
	fclose(in);
	if (!CHECK_EQ(at, n))
		printf("# %s: `make pages` writes %.*s\n", page->path,
		       (int)strcspn(text + at, "\n"), text + at);
	free(text);
}

static void pages_have_the_rows_of_the_table(void)
{
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		compare(&pages[i]);
}

static int print(const char *path)
{
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		FILE *in = strcmp(pages[i].path, path) ? NULL : fopen(path, "r");

		if (!in)
			continue;
		print_page(stdout, in, &pages[i]);
		fclose(in);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return print(argv[2]);
	RUN(pages_have_the_rows_of_the_table);
	return check_done();
}
