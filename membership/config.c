/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BLANKS	" \t\r"

struct parser {
	config_fn fn;
	void *user;
	struct config_error *err;
	unsigned line;
	unsigned depth;
	unsigned opened[CONFIG_DEPTH_MAX];	/* line of each open section */
	size_t ends[CONFIG_DEPTH_MAX];		/* length of the path outside of it */
	char path[CONFIG_PATH_MAX];
};

int config_fail(struct config_error *err, unsigned line, const char *fmt, ...)
{
	va_list args;
	int n;

	if (line)
		n = snprintf(err->text, err->size, "%s:%u: ", err->file, line);
	else
		n = snprintf(err->text, err->size, "%s: ", err->file);
	if (n < 0 || (size_t)n >= err->size)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(err->text + n, err->size - (size_t)n, fmt, args);
	va_end(args);
	return -EINVAL;
}

void config_behind(struct config_error *err, const char *between)
{
	size_t len;

	if (!err->size || !*err->text)
		return;
	len = strlen(err->text);
	snprintf(err->text + len, err->size - len, "%s", between);
	len += strlen(err->text + len);
	err->text += len;
	err->size -= len;
}

static bool is_blank(char c)
{
	return c && strchr(BLANKS, c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int config_number(const char *text, int suffixes, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	uint64_t n = 0;
	bool huge = false;
	unsigned shift = 0;

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (n > (UINT64_MAX - digit) / 10)
			huge = true;
		else
			n = n * 10 + digit;
	}
	if (suffixes && *text == 'k')
		shift = 10;
	if (suffixes && *text == 'M')
		shift = 20;
	if (suffixes && *text == 'G')
		shift = 30;
	if (shift)
		text++;
	if (*text)
		return -EINVAL;
	if (huge || n > UINT64_MAX >> shift)
		return -ERANGE;
	n <<= shift;
	if (n < min || n > max)
		return -ERANGE;
	*ret_number = n;
	return 0;
}

const char *config_shown(const char *text, size_t len, char buf[CONFIG_SHOWN_MAX])
{
	size_t i;

	for (i = 0; i < len && i < CONFIG_SHOWN_MAX - 4; i++) {
		unsigned char c = (unsigned char)text[i];

		buf[i] = c < 0x20 || c >= 0x7f ? '?' : text[i];
	}
	strcpy(buf + i, i < len ? "..." : "");
	return buf;
}

static int give(struct parser *p, enum config_kind kind, const char *key, const char *value)
{
	struct config_item item = {
		.kind = kind,
		.path = p->path,
		.key = key,
		.value = value,
		.line = p->line,
	};

	return p->fn(p->user, &item, p->err);
}

static int open_section(struct parser *p, const char *name)
{
	size_t len = strlen(name), end = strlen(p->path);
	size_t dot = end ? 1 : 0;

	if (!len)
		return config_fail(p->err, p->line, "found \"{\" without a name before it, "
				   "expected \"name {\"");
	if (p->depth == CONFIG_DEPTH_MAX || end + dot + len >= CONFIG_PATH_MAX)
		return config_fail(p->err, p->line, "found a section %u deep, expected at most %d "
				   "nested sections with names of %d bytes in total",
				   p->depth + 1, CONFIG_DEPTH_MAX, CONFIG_PATH_MAX - 1);
	p->ends[p->depth] = end;
	p->opened[p->depth] = p->line;
	p->depth++;
	if (dot)
		p->path[end] = '.';
	memcpy(p->path + end + dot, name, len + 1);
	return give(p, CONFIG_OPEN, "", "");
}

static int close_section(struct parser *p)
{
	int rc;

	if (!p->depth)
		return config_fail(p->err, p->line,
				   "found \"}\", but no section is open: remove it, "
				   "or add the \"name {\" that belongs to it");
	rc = give(p, CONFIG_CLOSE, "", "");
	if (rc)
		return rc;
	p->depth--;
	p->path[p->ends[p->depth]] = '\0';
	return 0;
}

/* A line that is neither empty nor a comment. The first of "{", ":" and "}" decides what it is. */
static int parse_item(struct parser *p, char *line)
{
	char *at = line + strcspn(line, "{:}"), *rest = at + 1, *end = at;
	const char mark = *at;
	char buf[CONFIG_SHOWN_MAX];

	if (!mark)
		return config_fail(p->err, p->line, "found \"%s\", expected \"name {\", "
				   "\"key: value\", \"}\" or a comment with \"#\"",
				   config_shown(line, strlen(line), buf));
	if (mark == '}' && strcmp(line, "}"))
		return config_fail(p->err, p->line, "found \"%s\", expected \"}\" alone on "
				   "its line", config_shown(line, strlen(line), buf));
	if (mark == '}')
		return close_section(p);
	if (mark == '{' && *rest)
		return config_fail(p->err, p->line, "found \"%s\" after \"{\", expected "
				   "the end of the line", config_shown(rest, strlen(rest), buf));
	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	rest += strspn(rest, BLANKS);
	/* "name: {" begins a section for corosync, too. */
	if (mark == '{' || !strcmp(rest, "{"))
		return open_section(p, line);
	if (!*line)
		return config_fail(p->err, p->line, "found \":\" without a key before it, "
				   "expected \"key: value\"");
	return give(p, CONFIG_VALUE, line, rest);
}

static int parse_line(struct parser *p, const char *text, size_t len)
{
	char line[CONFIG_LINE_MAX];

	while (len && is_blank(text[len - 1]))
		len--;
	for (; len && is_blank(*text); len--)
		text++;
	if (!len || *text == '#')
		return 0;
	if (len >= CONFIG_LINE_MAX)
		return config_fail(p->err, p->line, "found a line of %zu bytes, expected "
				   "at most %d", len, CONFIG_LINE_MAX - 1);
	if (memchr(text, '\0', len))
		return config_fail(p->err, p->line, "found a NUL byte, expected text");
	memcpy(line, text, len);
	line[len] = '\0';
	return parse_item(p, line);
}

int config_parse(const char *text, size_t len, config_fn fn, void *user, struct config_error *err)
{
	struct parser p = { .fn = fn, .user = user, .err = err };
	int rc;

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		p.line++;
		rc = parse_line(&p, text, n);
		if (rc)
			return rc;
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
	if (p.depth)
		return config_fail(err, p.line, "found the end of the file, expected the \"}\" "
				   "of \"%s {\" of line %u", p.path, p.opened[p.depth - 1]);
	return 0;
}
