/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_request.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "services/json.h"

#define SHOWN	40	/* bytes of a stranger's text that an error repeats */

struct parsing {
	struct control_request *r;
	struct control_error *why;
};

const char *control_asked_name(enum control_asked asked)
{
	switch (asked) {
	case ASKED_NOTHING:
		return "";
	case ASKED_STATUS:
		return "status";
	case ASKED_TOP:
		return "top";
	case ASKED_SUBSCRIBERS:
		return "subscribers";
	case ASKED_CONFIG_GET:
		return "config-get";
	case ASKED_CONFIG_SET:
		return "config-set";
	}
	return "?";
}

int control_error(struct control_error *why, int err, const char *fmt, ...)
{
	va_list ap;

	assert(err < 0);
	why->err = err;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return err;
}

/* ---- what is asked ---- */

static int read_schema(struct json_object *document, struct control_error *why)
{
	uint64_t schema;

	if (!json_get_number(document, "schema", &schema))
		return control_error(why, -EINVAL,
				     "\"schema\" is missing or no number; this node has schema %d",
				     CONTROL_SCHEMA);
	if (schema != CONTROL_SCHEMA)
		return control_error(why, -EPROTONOSUPPORT,
				     "schema %llu is unknown, this node has schema %d",
				     (unsigned long long)schema, CONTROL_SCHEMA);
	return 0;
}

static int read_asked(struct json_object *document, struct control_request *r,
		      struct control_error *why)
{
	const char *word = json_get_string(document, "ask");
	enum control_asked asked;

	if (!word)
		return control_error(why, -EINVAL, "\"ask\" is missing or no string");
	for (asked = ASKED_STATUS; asked <= ASKED_CONFIG_SET; asked++) {
		if (strcmp(word, control_asked_name(asked)))
			continue;
		r->asked = asked;
		return 0;
	}
	return control_error(why, -EINVAL, "\"ask\": \"%.*s\" is unknown; expected status, top, "
			     "subscribers, config-get or config-set", SHOWN, word);
}

/* ---- its other members ---- */

static int read_peer(struct parsing *p, struct json_object *value)
{
	uint64_t peer;

	assert(p->r->asked == ASKED_STATUS && !p->r->peer);
	if (!json_number(value, &peer) || !peer || peer > INT32_MAX)
		return control_error(p->why, -EINVAL, "\"peer\": expected a nodeid, 1 to %d",
				     INT32_MAX);
	p->r->peer = (uint32_t)peer;
	return 0;
}

static int check_value(void *arg, const char *key, struct json_object *value)
{
	struct parsing *p = arg;

	assert(p->r->asked == ASKED_CONFIG_SET);
	if (!*key)
		return control_error(p->why, -EINVAL, "\"options\" has one without a name");
	if (json_string(value))
		return 0;
	return control_error(p->why, -EINVAL, "\"options\": the value of \"%.*s\" is no string",
			     SHOWN, key);
}

static int check_names(struct parsing *p, struct json_object *array)
{
	size_t i;

	for (i = 0; i < json_count(array); i++)
		if (!json_string(json_at(array, i)))
			return control_error(p->why, -EINVAL,
					     "\"options\": expected names, number %zu is no string",
					     i + 1);
	return 0;
}

static int read_options(struct parsing *p, struct json_object *value)
{
	bool sets = p->r->asked == ASKED_CONFIG_SET;
	size_t n;

	assert(!p->r->options);
	if (sets ? !json_is_object(value) : !json_is_array(value))
		return control_error(p->why, -EINVAL, "\"options\": expected %s", sets ?
				     "an object of names and values" : "an array of names");
	n = json_count(value);
	if (n > CONTROL_OPTIONS_MAX)
		return control_error(p->why, -E2BIG, "\"options\" has %zu, expected at most %d",
				     n, CONTROL_OPTIONS_MAX);
	p->r->options = value;
	return sets ? json_each(value, check_value, p) : check_names(p, value);
}

static int read_member(void *arg, const char *key, struct json_object *value)
{
	struct parsing *p = arg;
	enum control_asked asked = p->r->asked;

	assert(asked != ASKED_NOTHING);
	if (!strcmp(key, "schema") || !strcmp(key, "ask"))
		return 0;
	if (!strcmp(key, "peer") && asked == ASKED_STATUS)
		return read_peer(p, value);
	if (!strcmp(key, "options") && (asked == ASKED_CONFIG_GET || asked == ASKED_CONFIG_SET))
		return read_options(p, value);
	return control_error(p->why, -EINVAL, "\"%.*s\" is unknown in a request for %s", SHOWN, key,
			     control_asked_name(asked));
}

int control_request_parse(const char *json, size_t len, struct control_request *ret,
			  struct control_error *why)
{
	struct parsing p = { ret, why };
	const char *objection;
	int err;

	assert(json || !len);
	*ret = (struct control_request) { .asked = ASKED_NOTHING };
	ret->document = json_parse_strict(json, len, CONTROL_DEPTH, &objection);
	if (!ret->document)
		return control_error(why, -EINVAL, "the request is no JSON object: %s", objection);
	err = read_schema(ret->document, why);
	if (!err)
		err = read_asked(ret->document, ret, why);
	if (!err)
		err = json_each(ret->document, read_member, &p);
	if (!err && ret->asked == ASKED_CONFIG_SET && (!ret->options || !json_count(ret->options)))
		err = control_error(why, -EINVAL, "\"options\" is missing or empty");
	return err;
}

void control_request_free(struct control_request *r)
{
	json_free(r->document);
	*r = (struct control_request) { .asked = ASKED_NOTHING };
}
