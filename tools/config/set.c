/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew config set": changes options of a running node, all of them or none.
 * Knows no option by name.
 */
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/config/config.h"
#include "tools/json.h"
#include "tools/say.h"
#include "tools/text.h"

#define OPTION_NAME_MAX	64	/* bytes of the name of an option, NUL included */

struct arguments {
	struct local_arguments local;
	const char *values[CONFIG_NAMES_MAX];	/* NAME=VALUE */
	unsigned n;
	bool json;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct arguments, local),
	LOCAL_OPTION_TIMEOUT(struct arguments, local),
	OPTION_FLAG("json", struct arguments, json, "print the answer as JSON"),
	OPTION_END,
};

/* In a request the last one would count alone. */
static bool is_named(const struct arguments *args, const char *value, size_t len)
{
	for (unsigned i = 0; i < args->n; i++)
		if (!strncmp(args->values[i], value, len + 1))
			return true;
	return false;
}

static int take_value(void *settings, const char *value)
{
	struct arguments *args = settings;
	size_t len = strcspn(value, "=");

	if (!len || len >= OPTION_NAME_MAX || value[len] != '=') {
		say(SINEW_ERROR, "found \"%.80s\", expected NAME=VALUE", value);
		return STATUS_USAGE;
	}
	if (is_named(args, value, len)) {
		say(SINEW_ERROR, "found \"%.80s\", but another value of that option before it",
		    value);
		return STATUS_USAGE;
	}
	if (args->n == CONFIG_NAMES_MAX) {
		say(SINEW_ERROR, "expected at most %d values", CONFIG_NAMES_MAX);
		return STATUS_USAGE;
	}
	args->values[args->n++] = value;
	return -1;
}

static const struct option_table table = {
	.name = "sinew config set",
	.usage =
		"usage: sinew config set NAME=VALUE... [OPTION...]\n"
		"\n"
		"Changes options of a running node, checked as at its start: all of them, or none\n"
		"where one is refused. Root and the user of the program may, and those that its\n"
		"section \"control\" names. The node logs each change.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 changed, 1 writing standard output failed, 2 usage, no such node\n"
		"or option, a value that is refused, or not permitted, 3 no answer in time.\n",
	.operand = take_value,
};

static struct json_object *request_of(const struct arguments *args)
{
	struct json_object *request = json_document(CONFIG_SCHEMA), *options = json_new();
	char name[OPTION_NAME_MAX];
	unsigned i;

	json_put_string(request, "ask", "config-set");
	for (i = 0; i < args->n; i++) {
		size_t len = strcspn(args->values[i], "=");

		memcpy(name, args->values[i], len);
		name[len] = '\0';
		json_put_copied(options, name, args->values[i] + len + 1);
	}
	json_put(request, "options", options);
	return request;
}

static void print_change(struct json_object *o)
{
	char name[TEXT_NAME_MAX], old[TEXT_NAME_MAX], new[TEXT_NAME_MAX];
	const char *was = json_get_string(o, "old"), *is = json_get_string(o, "new");
	const char *option = json_get_string(o, "name");

	printf("%s: %s, was %s\n", text_name(option ? option : "?", name),
	       text_name(is ? is : "?", new), text_name(was ? was : "?", old));
}

static int print(const struct arguments *args, struct json_object *answer)
{
	struct json_object *options = json_get(answer, "options");
	size_t i;

	if (args->json)
		return options_written(json_end(answer));
	for (i = 0; json_is_array(options) && i < json_count(options); i++)
		print_change(json_at(options, i));
	json_free(answer);
	return options_printed();
}

int config_set_main(int argc, char **argv)
{
	struct arguments args = { .local.timeout_ms = LOCAL_TIMEOUT_MS };
	struct json_object *answer;
	int status = options_parse(&table, &args, argc, argv);

	if (status >= 0)
		return status;
	if (!args.n) {
		say(SINEW_ERROR, "NAME=VALUE is missing; \"sinew config get\" lists the options");
		return STATUS_USAGE;
	}
	status = local_ask_once(&args.local, request_of(&args), &answer);
	return status ? status : print(&args, answer);
}
