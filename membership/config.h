/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The syntax of corosync.conf: sections, keys and values, one item per line.
 * Knows nothing of the meaning of a key, and opens no file.
 */
#ifndef MEMBERSHIP_CONFIG_H
#define MEMBERSHIP_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_LINE_MAX		1024	/* bytes of a line that is not a comment, NUL included */
#define CONFIG_PATH_MAX		256	/* "nodelist.node", NUL included */
#define CONFIG_DEPTH_MAX	16	/* sections in sections */
#define CONFIG_SHOWN_MAX	44	/* bytes of what an error repeats of the file, "..." and NUL
					 * included */

/* Where the text of an error goes. file is the name that it starts with. */
struct config_error {
	const char *file;
	char *text;
	size_t size;
};

enum config_kind { CONFIG_OPEN, CONFIG_VALUE, CONFIG_CLOSE };

/* Strings are valid until the function that gets the item returns. */
struct config_item {
	enum config_kind kind;
	const char *path;	/* of the section: "nodelist.node"; "" outside of all */
	const char *key;	/* with CONFIG_VALUE, else "" */
	const char *value;	/* with CONFIG_VALUE, else "" */
	unsigned line;		/* from 1 */
};

/* 0, or a negative errno that ends the parsing, after config_fail(). */
typedef int (*config_fn)(void *user, const struct config_item *item, struct config_error *err);

/*
 * Calls fn for each section and value of a text of any bytes. A line is "name {" (or "name: {"),
 * "key: value", "}", empty, or a comment that starts with "#".
 * -EINVAL: something else, err says where, what and what was expected; or
 * what fn returned.
 */
int config_parse(const char *text, size_t len, config_fn fn, void *user, struct config_error *err);

/* A piece of the file that is safe to print: what is no ASCII becomes "?". Returns buf. */
const char *config_shown(const char *text, size_t len, char buf[CONFIG_SHOWN_MAX]);

/* Writes "file:line: ..." (line 0: "file: ...") and returns -EINVAL. */
int config_fail(struct config_error *err, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The next text goes behind what is there, if anything, with that between them. */
void config_behind(struct config_error *err, const char *between);

/*
 * Digits, then k, M or G (times 1024, its square, its cube) if suffixes are
 * allowed. -EINVAL: not such a number. -ERANGE: below min or above max.
 */
int config_number(const char *text, int suffixes, uint64_t min, uint64_t max,
		  uint64_t *ret_number);

#endif
