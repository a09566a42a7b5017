/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/option_service.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/option_text.h"

int option_service_find(const struct sinew_node *n, const char *name)
{
	lock_order_held(LOCK_DIRECTORY);
	for (unsigned i = 0; i < n->serving.n_options; i++)
		if (!strcmp(n->serving.options[i].name, name))
			return (int)i;
	return -ENOENT;
}

void option_service_print(uint64_t value, char *buf, size_t n)
{
	snprintf(buf, n, "%" PRIu64, value);
}

bool option_service_describe(const struct sinew_node *n, unsigned index,
			     struct sinew_option_info *ret)
{
	const struct service_option *o;

	lock_order_held(LOCK_DIRECTORY);
	if (index >= n->serving.n_options)
		return false;
	o = &n->serving.options[index];
	assert(o->name && o->unit && o->meaning);
	ret->name = o->name;
	ret->unit = o->unit + (*o->unit == ' ');
	ret->meaning = o->meaning;
	ret->changeable = true;
	option_service_print(o->standard, ret->standard, sizeof ret->standard);
	return true;
}

int option_service_parse(const struct sinew_node *n, unsigned index, const char *text,
			 uint64_t *ret, struct options_error *e)
{
	const struct service_option *o = &n->serving.options[index];
	uint64_t began = n->serving.began[index], value;

	lock_order_held(LOCK_DIRECTORY);
	assert(index < n->serving.n_options && began >= o->least);
	if (!option_parse_digits(text, UINT64_MAX, &value))
		return options_refuse_text(e, o->name, text, OPTION_NUMBER);
	if (value < o->least || value > o->most) {
		snprintf(e->text, sizeof e->text, "option %s: expected %" PRIu64 " to %" PRIu64
			 "%s", o->name, o->least, o->most, o->unit);
		return -EINVAL;
	}
	if (o->only_less && value > began) {
		snprintf(e->text, sizeof e->text, "option %s: expected at most %" PRIu64 "%s, with "
			 "which the node began: more needs a new start", o->name, began, o->unit);
		return -EROFS;
	}
	*ret = value;
	return 0;
}

void option_service_run(struct sinew_node *n, const uint64_t *to, const char *by)
{
	char old[SINEW_OPTION_TEXT_MAX], now[SINEW_OPTION_TEXT_MAX];
	struct serving *s = &n->serving;

	assert(loop_is_inside(&n->loop));
	for (unsigned i = 0; i < s->n_options; i++) {
		const uint64_t was = s->values[i];
		const char *name = s->options[i].name;

		if (to[i] == was)
			continue;
		s->values[i] = to[i];
		s->ops->option(s->user, i, to[i]);
		option_service_print(was, old, sizeof old);
		option_service_print(to[i], now, sizeof now);
		options_log_change(n, name, now, old, by);
		watch_option(&n->managed.observers, name);
	}
}
