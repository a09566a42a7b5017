/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/options.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/sinew-test.h"
#include "lowcomms/transport.h"

/* All that the first version has: a size below was forgotten, or is of something else. */
#define CALLBACKS_MIN	(offsetof(struct sinew_callbacks, closed) + sizeof(void (*)(void)))
#define MESSAGES_FIT	4u	/* longest messages that the node's memory must hold */

static const struct sinew_options defaults = {
#define NUMBER(key, field, standard, ...)	.field = (standard),
#define WORD	NUMBER
#define TEXT	NUMBER
#include "lowcomms/options.def"
};

void sinew_options_init(struct sinew_options *opt, size_t size)
{
	size_t known = size < sizeof defaults ? size : sizeof defaults;

	memset(opt, 0, size);
	memcpy(opt, &defaults, known);
	if (size >= sizeof opt->size)
		opt->size = size;
}

static void fill_defaults(struct sinew_options *o)
{
#define NUMBER(key, field, ...) \
	if (!o->field) \
		o->field = defaults.field;
#define TEXT	NUMBER
#include "lowcomms/options.def"
}

int options_refuse(struct options_error *e, int err, const char *name, const char *why)
{
	snprintf(e->text, sizeof e->text, "option %.60s: %s", name, why);
	return err;
}

void options_log_change(struct sinew_node *n, const char *name, const char *now, const char *old,
			const char *by)
{
	assert(*name && strlen(by) < OPTIONS_BY_MAX);
	log_line(&n->log, SINEW_INFO, "option %s: %s, was %s%s%s", name, now, old,
		 *by ? ", by " : "", by);
}

static int refuse(struct options_error *e, const char *option, const char *expected)
{
	snprintf(e->text, sizeof e->text, "option %s: expected %s", option, expected);
	return -EINVAL;
}

static int refuse_scope(struct options_error *e, const struct sockaddr_storage *addr)
{
	char text[ADDR_TEXT_MAX];

	snprintf(e->text, sizeof e->text, "option addrs: %s is link-local: expected its "
		 "interface as well, as in fe80::1%%eth0", addr_text_sa(addr, text));
	return -EINVAL;
}

static int check_number(struct options_error *e, const char *name, uint64_t value,
			uint64_t standard, uint64_t least, uint64_t most, const char *unit)
{
	/* 0 is in the range, but as a value of the field it is the default. */
	if (!least && value == UINT32_MAX && standard)
		return 0;
	if (value >= least && value <= most)
		return 0;
	snprintf(e->text, sizeof e->text, "option %s: expected %" PRIu64 " to %" PRIu64 "%s", name,
		 least, most, unit);
	return -EINVAL;
}

static int check_text(struct options_error *e, const char *name, const char *text,
		      size_t least, size_t most)
{
	size_t len = strnlen(text, most + 1);

	if (len >= least && len <= most)
		return 0;
	snprintf(e->text, sizeof e->text, "option %s: expected %zu to %zu bytes", name, least,
		 most);
	return -EINVAL;
}

static int check_word(struct options_error *e, const char *name, unsigned value,
		      const char *words)
{
	for (; *words; words += strlen(words) + 1)
		if (!value--)
			return 0;
	snprintf(e->text, sizeof e->text, "option %s: unknown value", name);
	return -EINVAL;
}

static int check_addrs(const struct sinew_options *o, struct options_error *e)
{
	if (o->n_addrs > SINEW_ADDRS_MAX)
		return refuse(e, "n_addrs", "at most 8");
	for (unsigned i = 0; i < o->n_addrs; i++) {
		if (!addr_len(&o->addrs[i]))
			return refuse(e, "addrs", "IPv4 or IPv6 addresses");
		if (addr_lacks_scope(&o->addrs[i]))
			return refuse_scope(e, &o->addrs[i]);
		for (unsigned k = 0; k < i; k++)
			if (addr_same(&o->addrs[i], &o->addrs[k]))
				return refuse(e, "addrs", "each address once");
	}
	return 0;
}

/* An option without effect was meant for something else. */
static int check_sctp(const struct sinew_options *o, struct options_error *e)
{
	bool is_user = o->sctp_backend == SINEW_SCTP_USER && strcmp(o->transport, "sctp") == 0;
	bool is_udp = o->sctp_encap == SINEW_SCTP_ENCAP_UDP;

	if (is_user && o->profile == SINEW_PROFILE_DLM)
		return refuse(e, "sctp_backend", "kernel, as profile is dlm: a kernel's DLM uses "
			      "all addresses of a node at once, and user land one");
	if (!is_user && !is_udp)
		return refuse(e, "sctp_encap", "udp, the default, unless transport is sctp and "
			      "sctp_backend is user");
	if (o->sctp_udp_port && !(is_user && is_udp))
		return refuse(e, "sctp_udp_port", "0, the default, unless transport is sctp, "
			      "sctp_backend is user and sctp_encap is udp");
	return 0;
}

int options_check(const struct sinew_options *o, struct options_error *e)
{
	int err = 0;

#define NUMBER(key, field, standard, least, most, unit, ...) \
	if (!err) \
		err = check_number(e, #field, o->field, standard, least, most, unit);
#define TEXT(key, field, standard, least, most, ...) \
	if (!err) \
		err = check_text(e, #field, o->field, least, most);
#define WORD(key, field, standard, words, ...) \
	if (!err) \
		err = check_word(e, #field, o->field, words);
#include "lowcomms/options.def"
	if (err)
		return err;
	if (o->backoff_min_ms > o->backoff_max_ms)
		return refuse(e, "backoff_min_ms", "at most backoff_max_ms");
	if (o->profile == SINEW_PROFILE_DLM && o->membership != SINEW_MEMBERSHIP_EXTERNAL)
		return refuse(e, "membership", "external, as profile is dlm: a kernel does not say "
			      "who it is");
	err = check_sctp(o, e);
	return err ? err : check_addrs(o, e);
}

static size_t power_of_two(size_t n)
{
	size_t p = RING_MIN;

	assert(n <= SIZE_MAX / 2);
	while (p < n)
		p *= 2;
	return p;
}

/* Nothing of the caller's is kept. */
static int test_take(struct sinew_node *n, struct options_error *e)
{
	const struct sinew_test_options *test = n->opt.test;

	n->opt.test = NULL;
	if (test && test->size < sizeof *test)
		return refuse(e, "test.size", "sizeof(struct sinew_test_options)");
	if (test)
		n->first_seq = test->first_seq;
	return 0;
}

int options_check_memory(const struct sinew_options *o, uint32_t max_message,
			 struct options_error *e)
{
	assert(max_message);
	if (o->node_memory / MESSAGES_FIT < max_message)
		return refuse(e, "node_memory", "at least four times max_message");
	return 0;
}

static void take_addrs(struct sinew_options *o)
{
	for (unsigned i = 0; i < o->n_addrs && i < SINEW_ADDRS_MAX; i++) {
		addr_normalize(&o->addrs[i]);
		if (addr_len(&o->addrs[i]) && !addr_port(&o->addrs[i]))
			addr_set_port(&o->addrs[i], o->port);
	}
}

/* Sizes and names that follow from the checked ones. */
static int take(struct sinew_node *n, struct options_error *e)
{
	struct sinew_options *o = &n->opt;
	const char *hint;

	snprintf(n->cluster, sizeof n->cluster, "%s", o->cluster);
	snprintf(n->group, sizeof n->group, "%s", o->group);
	o->cluster = n->cluster;
	o->group = n->group;
	n->transport = transport_of(o, &n->streams.packets, &hint);
	if (!n->transport) {
		snprintf(e->text, sizeof e->text, "option transport: %s", hint);
		return -EPROTONOSUPPORT;
	}
	o->transport = n->transport->name;
	n->ring_bytes = power_of_two(o->queue_bytes);
	n->max_message = o->max_message;
	if (n->max_message > ring_max_message(n->ring_bytes))
		n->max_message = (uint32_t)ring_max_message(n->ring_bytes);
	assert(n->ring_bytes >= RING_MIN && n->max_message && n->max_message <= n->ring_bytes);
	return options_check_memory(o, n->max_message, e);
}

int options_take(struct sinew_node *n, const struct sinew_options *opt)
{
	struct sinew_options *o = &n->opt;
	struct options_error e = { "" };
	int err;

	if (opt->size < offsetof(struct sinew_options, log))
		return -EINVAL;
	memcpy(o, opt, opt->size < sizeof *o ? opt->size : sizeof *o);
	fill_defaults(o);
	if (o->profile == SINEW_PROFILE_DLM && o->port == SINEW_PORT)
		o->port = SINEW_PORT_DLM;
	take_addrs(o);
	err = options_check(o, &e);
	if (!err)
		err = test_take(n, &e);
	if (!err)
		err = take(n, &e);
	if (err)
		log_line(&n->log, SINEW_ERROR, "%s", e.text);
	n->managed.asked.node = *o;
	return err;
}

int callbacks_take(struct sinew_node *n, const struct sinew_callbacks *cb)
{
	if (!cb)
		return 0;
	if (cb->size < CALLBACKS_MIN) {
		log_line(&n->log, SINEW_ERROR, "option callbacks.size: expected "
			 "sizeof(struct sinew_callbacks), no callback would run");
		return -EINVAL;
	}
	memcpy(&n->cb, cb, cb->size < sizeof n->cb ? cb->size : sizeof n->cb);
	return 0;
}

/* ---- for the core ---- */

static uint64_t ms(uint32_t n)
{
	return (uint64_t)n * 1000000u;
}

void options_tune(const struct sinew_options *o, struct core_config *c)
{
	struct core_config standard;

	assert(o->backoff_min_ms <= o->backoff_max_ms && o->stall_ms);
	core_config_default(&standard);
	c->auto_close = o->auto_close;
	c->policy_31 = (enum core_policy_31)o->policy_31;
	c->quorum_stops = o->quorum_policy != SINEW_QUORUM_IGNORE;
	c->fault_limit = o->fault_limit;
	c->stall_limit = o->stall_limit;
#define MS(key, stem, ...)	c->stem##_ns = ms(o->stem##_ms);
#include "lowcomms/options.def"
	c->ack_frames = standard.ack_frames;
	if (o->ack_ms == SINEW_ACK_AT_ONCE) {
		c->ack_ns = standard.ack_ns;
		c->ack_frames = 1;	/* which is looked at behind each batch */
	}
	/* Else an idle link would look dead to a peer with the same options. */
	c->keepalive_ns = earlier(c->keepalive_ns, ms(o->stall_ms < 3 ? 1 : o->stall_ms / 3));
	/* A path that lives is never silent for so long. */
	c->keepalive_multi_ns = earlier(standard.keepalive_multi_ns,
					earlier(c->keepalive_ns, c->path_dead_ns / 3));
}
