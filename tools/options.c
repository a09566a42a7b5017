/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of a subcommand.
 * Knows no subcommand.
 */
#include "tools/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "membership/config.h"
#include "tools/command.h"
#include "tools/say.h"

int options_refuse(const char *option, const char *value, const char *expected)
{
	say(SINEW_ERROR, "--%s: found \"%.80s\", expected %s", option, value, expected);
	return STATUS_USAGE;
}

static int take_operand(const struct options *o, const char *value)
{
	if (o->operand)
		return o->operand(o->arg, value);
	say(SINEW_ERROR, "unexpected argument \"%.80s\"; \"%s --help\" lists the options", value,
	    o->name);
	return STATUS_USAGE;
}

int options_printed(void)
{
	errno = EIO;
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(errno));
	return STATUS_UNDELIVERED;
}

static int print_help(const char *help)
{
	fputs(help, stdout);
	return options_printed();
}

int options_walk(const struct options *o, int argc, char **argv)
{
	char letters[OPTIONS_LETTERS_MAX];
	int option, rc;

	snprintf(letters, sizeof(letters), ":h%s", o->letters ? o->letters : "");
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, letters, o->list, NULL)) != -1) {
		if (option == 'h')
			return print_help(o->help);
		if (option == ':') {
			say(SINEW_ERROR, "option %s requires a value; see \"%s --help\"",
			    argv[optind - 1], o->name);
			return STATUS_USAGE;
		}
		if (option == '?') {
			say(SINEW_ERROR, "unknown option %.80s; \"%s --help\" lists the options",
			    argv[optind - 1], o->name);
			return STATUS_USAGE;
		}
		rc = o->take(o->arg, option, optarg);
		if (rc >= 0)
			return rc;
	}
	for (; optind < argc; optind++) {
		rc = take_operand(o, argv[optind]);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

bool options_seconds(const char *text, uint32_t *ret_ms)
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

bool options_level(const char *text, enum sinew_level *ret_level)
{
	static const char *const names[] = {
		[SINEW_ERROR] = "error", [SINEW_WARNING] = "warning",
		[SINEW_INFO] = "info", [SINEW_DEBUG] = "debug",
	};
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]))
			continue;
		*ret_level = (enum sinew_level)i;
		return true;
	}
	return false;
}
