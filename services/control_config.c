/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/node.h"
#include "lowcomms/option_set.h"
#include "services/control_request.h"
#include "services/json.h"

/* ---- get ---- */

/* Peers are no row of the table. */
static void describe(const struct control *c, const char *name, struct sinew_option_info *ret)
{
	unsigned i;
	int err = 0;

	assert(name);
	for (i = 0; !err; i++) {
		*ret = (struct sinew_option_info) { .size = sizeof *ret };
		err = sinew_node_option_info(c->node, i, ret);
		if (!err && !strcmp(ret->name, name))
			return;
	}
	*ret = (struct sinew_option_info) {
		.size = sizeof *ret, .name = name, .unit = "", .meaning = "", .changeable = true,
	};
}

static int put_option(const struct control *c, const struct sinew_option_info *info,
		      struct json_object *options)
{
	char value[SINEW_OPTION_TEXT_MAX];
	struct json_object *o;
	int err = sinew_option_get(c->node, info->name, value, sizeof value);

	if (err)
		return err;
	o = json_element(options);
	json_put_string(o, "name", info->name);
	json_put_string(o, "value", value);
	json_put_string(o, "default", info->standard);
	json_put_string(o, "unit", info->unit + strspn(info->unit, " "));
	json_put_bool(o, "changeable", info->changeable);
	return 0;
}

static int get_named(const struct control *c, const struct control_request *r,
		     struct json_object *options, struct control_error *why)
{
	struct sinew_option_info info;
	size_t i;
	int err;

	for (i = 0; i < json_count(r->options); i++) {
		describe(c, json_string(json_at(r->options, i)), &info);
		err = put_option(c, &info, options);
		if (err)
			return control_error(why, err, "this node has no option \"%.64s\"",
					     info.name);
	}
	return 0;
}

int control_config_get(const struct control *c, const struct control_request *r,
		       struct json_object *o, struct control_error *why)
{
	struct sinew_option_info info = { .size = sizeof info };
	struct json_object *options = json_put_array(o, "options");
	unsigned i;

	assert(r->asked == ASKED_CONFIG_GET);
	if (r->options)
		return get_named(c, r, options, why);
	for (i = 0; !sinew_node_option_info(c->node, i, &info); i++) {
		put_option(c, &info, options);
		info = (struct sinew_option_info) { .size = sizeof info };
	}
	return 0;
}

/* ---- set ---- */

struct setting {
	struct sinew_node *node;
	struct sinew_option_value values[CONTROL_OPTIONS_MAX];
	char old[CONTROL_OPTIONS_MAX][SINEW_OPTION_TEXT_MAX];
	unsigned n;
};

static int take_value(void *arg, const char *key, struct json_object *value)
{
	struct setting *s = arg;

	assert(s->n < CONTROL_OPTIONS_MAX && json_string(value));
	/* It stays empty if there is none. */
	sinew_option_get(s->node, key, s->old[s->n], sizeof s->old[s->n]);
	s->values[s->n++] = (struct sinew_option_value) { key, json_string(value) };
	return 0;
}

static void tell_change(struct setting *s, unsigned i, struct json_object *o)
{
	char new[SINEW_OPTION_TEXT_MAX];

	assert(i < s->n);
	if (sinew_option_get(s->node, s->values[i].name, new, sizeof new))
		new[0] = '\0';
	json_put_string(o, "name", s->values[i].name);
	json_put_string(o, "old", s->old[i]);
	json_put_string(o, "new", new);
}

int control_config_set(const struct control *c, const struct control_request *r, const char *by,
		       struct json_object *o, struct control_error *why)
{
	struct setting *s = calloc(1, sizeof *s);
	char text[SINEW_OPTION_TEXT_MAX] = "";
	struct json_object *options;
	unsigned i;
	int err;

	assert(r->asked == ASKED_CONFIG_SET);
	if (!s)
		return control_error(why, -ENOMEM, "out of memory");
	s->node = c->node;
	json_each(r->options, take_value, s);
	/* Which logs it. */
	err = option_set_by(c->node, s->values, s->n, by, text, sizeof text);
	if (err)
		control_error(why, err, "nothing was changed: %s", *text ? text : strerror(-err));
	options = err ? NULL : json_put_array(o, "options");
	for (i = 0; !err && i < s->n; i++)
		tell_change(s, i, json_element(options));
	free(s);
	return err;
}
