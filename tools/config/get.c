/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew config get": the options of a running node, as a table or as JSON.
 * Knows no option by name.
 */
#include <stdio.h>

#include "tools/command.h"
#include "tools/config/config.h"
#include "tools/json.h"
#include "tools/say.h"
#include "tools/text.h"

struct arguments {
	struct local_arguments local;
	const char *names[CONFIG_NAMES_MAX];
	unsigned n;
	bool json;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct arguments, local),
	LOCAL_OPTION_TIMEOUT(struct arguments, local),
	OPTION_FLAG("json", struct arguments, json, "print the answer as JSON"),
	OPTION_END,
};

static int take_name(void *settings, const char *value)
{
	struct arguments *args = settings;

	if (args->n < CONFIG_NAMES_MAX) {
		args->names[args->n++] = value;
		return -1;
	}
	say(SINEW_ERROR, "expected at most %d names", CONFIG_NAMES_MAX);
	return STATUS_USAGE;
}

static const struct option_table table = {
	.name = "sinew config get",
	.usage =
		"usage: sinew config get [NAME...] [OPTION...]\n"
		"\n"
		"Prints options of a running node, all or those that are named: value, default,\n"
		"and whether \"sinew config set\" can change it. Of one NAME the value alone.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 printed, 1 writing standard output failed, 2 usage, no such node\n"
		"or option, or not permitted, 3 no answer in time.\n",
	.operand = take_name,
};

static int ask(const struct arguments *args, struct json_object **ret_answer)
{
	struct json_object *request = json_document(CONFIG_SCHEMA), *names;
	unsigned i;

	json_put_string(request, "ask", "config-get");
	if (args->n) {
		names = json_put_array(request, "options");
		for (i = 0; i < args->n; i++)
			json_add_string(names, args->names[i]);
	}
	return local_ask_once(&args->local, request, ret_answer);
}

static const char *text(struct json_object *o, const char *key, char out[TEXT_NAME_MAX])
{
	const char *value = json_get_string(o, key);

	return text_name(value ? value : "?", out);
}

static void print_row(struct json_object *o)
{
	char name[TEXT_NAME_MAX], value[TEXT_NAME_MAX], standard[TEXT_NAME_MAX];
	char unit[TEXT_NAME_MAX];
	bool changeable = false;

	json_get_bool(o, "changeable", &changeable);
	text(o, "value", value);
	text(o, "default", standard);
	printf("%-20s %-24s %-16s %-6s %s\n", text(o, "name", name), *value ? value : "\"\"",
	       *standard ? standard : "\"\"", text(o, "unit", unit),
	       changeable ? "can be set" : "needs a new start");
}

static int print(const struct arguments *args, struct json_object *answer)
{
	struct json_object *options = json_get(answer, "options");
	char value[TEXT_NAME_MAX];
	size_t i, n;

	if (args->json)
		return options_written(json_end(answer));
	n = json_is_array(options) ? json_count(options) : 0;
	if (n == 1 && args->n == 1) {
		puts(text(json_at(options, 0), "value", value));
	} else {
		printf("%-20s %-24s %-16s %-6s %s\n", "OPTION", "VALUE", "DEFAULT", "UNIT",
		       "CHANGE");
		for (i = 0; i < n; i++)
			print_row(json_at(options, i));
	}
	json_free(answer);
	return options_printed();
}

int config_get_main(int argc, char **argv)
{
	struct arguments args = { .local.timeout_ms = LOCAL_TIMEOUT_MS };
	struct json_object *answer;
	int status = options_parse(&table, &args, argc, argv);

	if (status >= 0)
		return status;
	status = ask(&args, &answer);
	return status ? status : print(&args, answer);
}
