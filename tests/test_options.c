/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of lowcomms/options.def: each option at its limits and one beside them, its
 * default, and that the core's own defaults are the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/sinew.h"
#include "proto/core.h"
#include "tests/check.h"

static char said[256];

static void keep_line(void *user, enum sinew_level level, const char *line)
{
	(void)user, (void)level;
	snprintf(said, sizeof said, "%s", line);
}

static void begin(struct sinew_options *o)
{
	SINEW_OPTIONS_INIT(o);
	o->nodeid = 1;
	o->log = keep_line;
	said[0] = '\0';
}

static int try_it(const struct sinew_options *o)
{
	struct sinew_node *n = NULL;
	int err = sinew_node_new(o, NULL, NULL, &n);

	sinew_node_free(n);
	return err;
}

static void set(struct sinew_options *o, size_t offset, size_t size, uint64_t value)
{
	void *field = (char *)o + offset;

	if (size == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)value;
	else if (size == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)value;
	else
		*(uint64_t *)field = value;
}

struct number {
	const char *name, *unit;
	size_t offset, size;
	uint64_t standard, least, most;
};

static const struct number numbers[] = {
#define MS(key, stem, standard, least, most, change, text) \
	NUMBER(key, stem##_ms, standard, least, most, " ms", change, text)
#define NUMBER(key, field, standard, least, most, unit, ...) \
	{ #field, unit, offsetof(struct sinew_options, field), \
	  sizeof ((struct sinew_options *)0)->field, standard, least, most },
#define WORD(...)
#define TEXT(...)
#include "lowcomms/options.def"
#undef NUMBER
#undef WORD
#undef TEXT
#undef MS
};

#define N_NUMBERS (sizeof numbers / sizeof numbers[0])

/* Such as belong to it are set so that they allow it. */
static int with(const struct number *number, uint64_t value)
{
	struct sinew_options o;

	begin(&o);
	o.max_message = 1000;
	if (strcmp(number->name, "backoff_max_ms"))
		o.backoff_max_ms = (uint32_t)DAY_MS;
	o.backoff_min_ms = 1;
	set(&o, number->offset, number->size, value);
	if (!strcmp(number->name, "max_message"))
		o.node_memory = 1024 * GIB;
	return try_it(&o);
}

static void refused(const struct number *number, uint64_t value)
{
	char expected[200];

	snprintf(expected, sizeof expected, "option %s: expected %" PRIu64 " to %" PRIu64 "%s",
		 number->name, number->least, number->most, number->unit);
	CHECK_EQ(with(number, value), -EINVAL);
	CHECK_STR(said, expected);
}

static void numbers_have_limits(void)
{
	for (size_t i = 0; i < N_NUMBERS; i++) {
		const struct number *number = &numbers[i];

		CHECK_EQ(with(number, number->least), 0);
		CHECK_EQ(with(number, number->most), 0);
		if (number->most < (number->size == 2 ? UINT16_MAX : UINT64_MAX))
			refused(number, number->most + 1);
		if (number->least > 1)
			refused(number, number->least - 1);
		if (number->size == sizeof(uint32_t) && number->least)
			refused(number, UINT32_MAX);
		/* 0 is the default, where there is one. */
		if (number->standard || !number->least)
			CHECK_EQ(with(number, 0), 0);
		else
			refused(number, 0);
	}
}

static void texts_have_limits(void)
{
	struct sinew_options o;
	char text[100];

#define NUMBER(...)
#define MS(...)
#define WORD(...)
#define TEXT(key, field, standard, least, most, ...) \
	begin(&o); \
	snprintf(text, sizeof text, "%0*d", (int)(most) + 1, 0); \
	o.field = text; \
	CHECK_EQ(try_it(&o), -EINVAL); \
	CHECK(strstr(said, "option " #field ": expected")); \
	o.field = ""; \
	CHECK_EQ(try_it(&o), (least) ? -EINVAL : 0);
#include "lowcomms/options.def"
#undef WORD
#undef TEXT
#define TEXT(...)
#define WORD(key, field, standard, words, ...) \
	if (sizeof o.field > 1) { \
		unsigned last = 0; \
		for (const char *w = words; *w; w += strlen(w) + 1) \
			last++; \
		begin(&o); \
		CHECK_EQ(o.field, standard); \
		o.field = last - 1; \
		CHECK_EQ(try_it(&o), 0); \
		o.field = last; \
		CHECK_EQ(try_it(&o), -EINVAL); \
		CHECK_STR(said, "option " #field ": unknown value"); \
	}
#include "lowcomms/options.def"
#undef NUMBER
#undef MS
#undef WORD
#undef TEXT
}

static void defaults_are_those_of_the_core(void)
{
	struct sinew_options o;
	struct core_config c;

	SINEW_OPTIONS_INIT(&o);
	core_config_default(&c);
#define MS(key, stem, standard, ...) \
	CHECK_EQ(c.stem##_ns, (uint64_t)(standard) * 1000000); \
	CHECK_EQ(o.stem##_ms, standard);
#define NUMBER(key, field, standard, ...)	CHECK_EQ(o.field, standard);
#define WORD(key, field, standard, ...)		CHECK_EQ(o.field, standard);
#define TEXT(key, field, standard, ...)		CHECK_STR(o.field, standard);
#include "lowcomms/options.def"
	CHECK_STR(c.cluster, o.cluster);
	CHECK_STR(c.group, o.group);
	CHECK_EQ(c.max_message, o.max_message);
	CHECK_EQ(c.queue_bytes, o.queue_bytes);
	CHECK_EQ(c.fault_limit, o.fault_limit);
	CHECK_EQ(c.stall_limit, o.stall_limit);
	CHECK_EQ(c.auto_close, o.auto_close);
	CHECK_EQ(c.static_members, o.membership == SINEW_MEMBERSHIP_STATIC);
	CHECK_EQ(c.quorum_stops, o.quorum_policy != SINEW_QUORUM_IGNORE);
}

int main(void)
{
	RUN(numbers_have_limits);
	RUN(texts_have_limits);
	RUN(defaults_are_those_of_the_core);
	return check_done();
}
