/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of lowcomms/options.def: each option at its limits and one beside them, its
 * default, and that the core's own defaults are the same; and what follows from several of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/options.h"
#include "lowcomms/sctp_kernel.h"
#include "lowcomms/sctp_user.h"
#include "lowcomms/sinew-test.h"
#include "lowcomms/sinew.h"
#include "lowcomms/tcp.h"
#include "proto/core.h"
#include "tests/lib/check.h"

static char said[256];

static void cluster_log(void *user, enum sinew_level level, const char *line)
{
	(void)user, (void)level;
	snprintf(said, sizeof said, "%s", line);
}

static void begin(struct sinew_options *o)
{
	SINEW_OPTIONS_INIT(o);
	o->nodeid = 1;
	o->log = cluster_log;
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

/* Those of SCTP in user land are refused without it. */
static void allow(struct sinew_options *o, const char *name)
{
#ifdef HAVE_USRSCTP
	if (strncmp(name, "sctp_", strlen("sctp_")) == 0) {
		o->transport = "sctp";
		o->sctp_backend = SINEW_SCTP_USER;
	}
#else
	(void)o;
	(void)name;
#endif
}

/* Whether this build can have other values than the default. */
static bool is_built_in(const char *name)
{
#ifdef HAVE_USRSCTP
	(void)name;
	return true;
#else
	return strncmp(name, "sctp_", strlen("sctp_")) != 0;
#endif
}

/* Or would be, with the right to raw sockets. */
static bool is_taken(const struct sinew_options *o)
{
	int err = try_it(o);

	return !err || (err == -EPROTONOSUPPORT && o->sctp_encap == SINEW_SCTP_ENCAP_NONE);
}

/* Such as belong to it are set so that they allow it. */
static int with(const struct number *number, uint64_t value)
{
	struct sinew_options o;

	begin(&o);
	o.max_message = 1000;
	if (strcmp(number->name, "backoff_max_ms"))
		o.backoff_max_ms = (uint32_t)DAY_MS;
	o.backoff_min_ms = 1;
	allow(&o, number->name);
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

		if (!is_built_in(number->name))
			continue;
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
		o.membership = SINEW_MEMBERSHIP_EXTERNAL; \
		allow(&o, #field); \
		o.field = last - 1; \
		if (is_built_in(#field)) \
			CHECK(is_taken(&o)); \
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

/* ---- several together ---- */

/* A node with these options; the caller frees it. */
static struct sinew_node *taken(const struct sinew_options *o)
{
	struct sinew_node *n = NULL;

	if (!CHECK_EQ(node_alloc(&n), 0))
		abort();
	CHECK_EQ(options_take(n, o), 0);
	return n;
}

static uint32_t keepalive(uint32_t keepalive_ms, uint32_t stall_ms)
{
	struct core_config c;
	struct sinew_options o;
	struct sinew_node *n;
	uint32_t got;

	begin(&o);
	o.keepalive_ms = keepalive_ms;
	o.stall_ms = stall_ms;
	n = taken(&o);
	options_tune(&n->opt, &c);
	got = (uint32_t)(c.keepalive_ns / 1000000);
	node_unref(n);
	return got;
}

/* An idle link sends three keepalives within the time after which a peer calls it stuck. */
static void keepalives_come_often_enough(void)
{
	CHECK_EQ(keepalive(999, 3000), 999);
	CHECK_EQ(keepalive(1000, 3000), 1000);
	CHECK_EQ(keepalive(1001, 3000), 1000);
	CHECK_EQ(keepalive(60000, 3000), 1000);
	CHECK_EQ(keepalive(60000, 3), 1);
	CHECK_EQ(keepalive(60000, 2), 1);
}

static void queues_are_powers_of_two(void)
{
	struct sinew_options o;
	struct sinew_node *n;

	begin(&o);
	o.queue_bytes = 256 * 1024;
	o.max_message = 1024 * 1024;
	n = taken(&o);
	CHECK_EQ(n->ring_bytes, 256 * 1024);
	CHECK_EQ(n->max_message, ring_max_message(256 * 1024));
	node_unref(n);
	o.queue_bytes = 256 * 1024 + 1;
	o.max_message = 1000;
	n = taken(&o);
	CHECK_EQ(n->ring_bytes, 512 * 1024);
	CHECK_EQ(n->max_message, 1000);
	node_unref(n);
}

static void memory_holds_four_messages(void)
{
	struct sinew_options o;

	begin(&o);
	o.max_message = 1024 * 1024;
	o.queue_bytes = 16 * 1024 * 1024;
	o.node_memory = 4 * 1024 * 1024;
	CHECK_EQ(try_it(&o), 0);
	o.node_memory--;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, "option node_memory: expected at least four times max_message");
}

static void some_exclude_others(void)
{
	struct sinew_test_options test = { .size = sizeof test - 1 };
	struct sinew_options o;

	begin(&o);
	o.backoff_min_ms = o.backoff_max_ms = 100;
	CHECK_EQ(try_it(&o), 0);
	o.backoff_min_ms = 101;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, "option backoff_min_ms: expected at most backoff_max_ms");
	begin(&o);
	o.n_addrs = SINEW_ADDRS_MAX + 1;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, "option n_addrs: expected at most 8");
	o.n_addrs = 1;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, "option addrs: expected IPv4 or IPv6 addresses");
	begin(&o);
	o.transport = "pigeon";
	CHECK_EQ(try_it(&o), -EPROTONOSUPPORT);
	CHECK_STR(said, "option transport: unknown, expected tcp or sctp");
	begin(&o);
	o.test = &test;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, "option test.size: expected sizeof(struct sinew_test_options)");
}

/* Options without effect are refused. */
static void sctp_options_are_of_user_land(void)
{
	static const char encap[] = "option sctp_encap: expected udp, the default, unless "
		"transport is sctp and sctp_backend is user";
	static const char port[] = "option sctp_udp_port: expected 0, the default, unless "
		"transport is sctp, sctp_backend is user and sctp_encap is udp";
	struct sinew_options o;

	begin(&o);
	o.sctp_encap = SINEW_SCTP_ENCAP_NONE;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, encap);
	o.sctp_backend = SINEW_SCTP_USER;	/* of TCP */
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, encap);
	begin(&o);
	o.sctp_udp_port = 9899;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, port);
	o.transport = "sctp";
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, port);
	o.sctp_backend = SINEW_SCTP_USER;
	o.sctp_encap = SINEW_SCTP_ENCAP_NONE;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, port);
#ifdef HAVE_USRSCTP
	o.sctp_encap = SINEW_SCTP_ENCAP_UDP;
	CHECK_EQ(try_it(&o), 0);
#endif
	o.profile = SINEW_PROFILE_DLM;
	o.membership = SINEW_MEMBERSHIP_EXTERNAL;
	CHECK_EQ(try_it(&o), -EINVAL);
	CHECK_STR(said, "option sctp_backend: expected kernel, as profile is dlm: a kernel's DLM "
		  "uses all addresses of a node at once, and user land one");
}

static void addresses_get_the_port(void)
{
	struct sinew_options o;
	struct sinew_node *n;

	begin(&o);
	o.port = 1234;
	o.n_addrs = SINEW_ADDRS_MAX;
	for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++) {
		char ip[32];

		snprintf(ip, sizeof ip, "127.0.0.%u", i + 1);
		CHECK_EQ(sinew_parse_address(ip, i ? 0 : 5678, &o.addrs[i]), 0);
	}
	n = taken(&o);
	CHECK_EQ(addr_port(&n->opt.addrs[0]), 5678);
	for (unsigned i = 1; i < SINEW_ADDRS_MAX; i++)
		CHECK_EQ(addr_port(&n->opt.addrs[i]), 1234);
	node_unref(n);
}

static void structs_have_a_least_size(void)
{
	struct sinew_callbacks cb = { .size = sizeof cb };
	struct sinew_options o;
	struct sinew_node *n = NULL;

	begin(&o);
	o.size = offsetof(struct sinew_options, log) - 1;
	CHECK_EQ(try_it(&o), -EINVAL);
	o.size++;
	CHECK_EQ(try_it(&o), 0);
	begin(&o);
	cb.size = offsetof(struct sinew_callbacks, closed);
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), -EINVAL);
	CHECK_STR(said, "option callbacks.size: expected sizeof(struct sinew_callbacks), "
		  "no callback would run");
	cb.size += sizeof cb.closed;
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), 0);
	sinew_node_free(n);
}

/* A program of later days has more fields; one of former days fewer. */
static void defaults_fit_the_size(void)
{
	struct {
		struct sinew_options o;
		uint8_t more[16];
	} later;
	struct sinew_options now, o;

	SINEW_OPTIONS_INIT(&now);
	memset(&later, 0xff, sizeof later);
	sinew_options_init(&later.o, sizeof later);
	CHECK_EQ(later.o.size, sizeof later);
	CHECK_EQ(later.o.ack_ms, now.ack_ms);
	for (unsigned i = 0; i < sizeof later.more; i++)
		CHECK_EQ(later.more[i], 0);
	memset(&o, 0xff, sizeof o);
	sinew_options_init(&o, sizeof o.size);
	CHECK_EQ(o.size, sizeof o.size);
	CHECK_EQ(o.nodeid, UINT32_MAX);
	memset(&o, 0xff, sizeof o);
	sinew_options_init(&o, sizeof o.size - 1);
	CHECK(o.size != sizeof o.size - 1);
}

/* A node tells its options by them, and a file that is taken over is compared with that. */
static void transports_are_named_as_the_option(void)
{
	CHECK_STR(transport_tcp.name, "tcp");
#ifdef HAVE_LIBSCTP
	CHECK_STR(transport_sctp_kernel.name, "sctp");
#endif
#ifdef HAVE_USRSCTP
	CHECK_STR(transport_sctp_user.name, "sctp");
#endif
}

int main(void)
{
	RUN(numbers_have_limits);
	RUN(texts_have_limits);
	RUN(defaults_are_those_of_the_core);
	RUN(keepalives_come_often_enough);
	RUN(queues_are_powers_of_two);
	RUN(memory_holds_four_messages);
	RUN(some_exclude_others);
	RUN(sctp_options_are_of_user_land);
	RUN(addresses_get_the_port);
	RUN(structs_have_a_least_size);
	RUN(defaults_fit_the_size);
	RUN(transports_are_named_as_the_option);
	return check_done();
}
