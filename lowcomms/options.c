/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options: defaults, checks, limits. Knows names and numbers only.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/node.h"
#include "lowcomms/sinew-test.h"

#define PEERS_MAX	1024u
#define QUEUE_MAX	(1u << 30)
/* All that the first version has: a size below was forgotten, or is of something else. */
#define CALLBACKS_MIN	(offsetof(struct sinew_callbacks, closed) + sizeof(void (*)(void)))
#define MESSAGES_FIT	4u	/* longest messages that the node's memory must hold */

static const struct sinew_options defaults = {
	.cluster = "",
	.group = "sinew",
	.port = SINEW_PORT,
	.transport = "tcp",
	.max_peers = 128,
	.max_message = 16u << 20,
	.queue_bytes = 32u << 20,
	.node_memory = 512u << 20,
	.receive_bytes = 1u << 20,
	.connect_ms = 2000,
	.hello_ms = 2000,
	.backoff_min_ms = 20,
	.backoff_max_ms = 1000,
	.keepalive_ms = 5000,
	.stall_ms = 20000,
	.path_dead_ms = 2000,
	.probe_ms = 1000,
	.ack_ms = 5,
	.fault_limit = 10,
	.stall_limit = 5,
	.log_level = SINEW_INFO,
};

void sinew_options_init(struct sinew_options *opt, size_t size)
{
	size_t known = size < sizeof defaults ? size : sizeof defaults;

	memset(opt, 0, size);
	memcpy(opt, &defaults, known);
	if (size >= sizeof opt->size)
		opt->size = size;
}

static void fill(uint32_t *value, uint32_t standard)
{
	if (!*value)
		*value = standard;
}

static void fill_defaults(struct sinew_options *o)
{
	if (!o->cluster)
		o->cluster = defaults.cluster;
	if (!o->group)
		o->group = defaults.group;
	if (!o->transport)
		o->transport = defaults.transport;
	if (!o->port)
		o->port = defaults.port;
	if (!o->node_memory)
		o->node_memory = defaults.node_memory;
	fill(&o->max_peers, defaults.max_peers);
	fill(&o->max_message, defaults.max_message);
	fill(&o->queue_bytes, defaults.queue_bytes);
	fill(&o->receive_bytes, defaults.receive_bytes);
	fill(&o->connect_ms, defaults.connect_ms);
	fill(&o->hello_ms, defaults.hello_ms);
	fill(&o->backoff_min_ms, defaults.backoff_min_ms);
	fill(&o->backoff_max_ms, defaults.backoff_max_ms);
	fill(&o->keepalive_ms, defaults.keepalive_ms);
	fill(&o->stall_ms, defaults.stall_ms);
	/* Else an idle link would look dead to a peer with the same options. */
	if (o->keepalive_ms > o->stall_ms / 3)
		o->keepalive_ms = o->stall_ms < 3 ? 1 : o->stall_ms / 3;
	fill(&o->path_dead_ms, defaults.path_dead_ms);
	fill(&o->probe_ms, defaults.probe_ms);
	fill(&o->ack_ms, defaults.ack_ms);
	fill(&o->fault_limit, defaults.fault_limit);
	fill(&o->stall_limit, defaults.stall_limit);
}

static int refuse(const struct sinew_node *n, const char *option, const char *expected)
{
	log_line(n, SINEW_ERROR, "option %s: expected %s", option, expected);
	return -EINVAL;
}

static int refuse_scope(const struct sinew_node *n, const struct sockaddr_storage *addr)
{
	char text[ADDR_TEXT_MAX];

	log_line(n, SINEW_ERROR, "option addrs: %s is link-local: expected its interface as well, "
		 "as in fe80::1%%eth0", addr_text_sa(addr, text));
	return -EINVAL;
}

static bool name_fits(const char *name)
{
	return strnlen(name, SINEW_NAME_MAX) < SINEW_NAME_MAX;
}

static int check(const struct sinew_node *n)
{
	const struct sinew_options *o = &n->opt;

	if (!o->nodeid || o->nodeid > INT32_MAX)
		return refuse(n, "nodeid", "1 .. 2147483647");
	if (!name_fits(o->cluster))
		return refuse(n, "cluster", "at most 63 bytes");
	if (!o->group[0] || !name_fits(o->group))
		return refuse(n, "group", "1 .. 63 bytes");
	if (o->membership != SINEW_MEMBERSHIP_STATIC && o->membership != SINEW_MEMBERSHIP_EXTERNAL)
		return refuse(n, "membership", "SINEW_MEMBERSHIP_STATIC or _EXTERNAL");
	if (o->quorum_policy > SINEW_QUORUM_REFUSE)
		return refuse(n, "quorum_policy", "SINEW_QUORUM_STOP, _IGNORE or _REFUSE");
	if (o->max_peers > PEERS_MAX)
		return refuse(n, "max_peers", "at most 1024");
	if (o->queue_bytes > QUEUE_MAX)
		return refuse(n, "queue_bytes", "at most 1 GiB");
	if (o->backoff_min_ms > o->backoff_max_ms)
		return refuse(n, "backoff_min_ms", "at most backoff_max_ms");
	if (o->n_addrs > SINEW_ADDRS_MAX)
		return refuse(n, "n_addrs", "at most 8");
	for (unsigned i = 0; i < o->n_addrs; i++) {
		if (!addr_len(&o->addrs[i]))
			return refuse(n, "addrs", "IPv4 or IPv6 addresses");
		if (addr_lacks_scope(&o->addrs[i]))
			return refuse_scope(n, &o->addrs[i]);
		for (unsigned k = 0; k < i; k++)
			if (addr_same(&o->addrs[i], &o->addrs[k]))
				return refuse(n, "addrs", "each address once");
	}
	return 0;
}

static size_t power_of_two(size_t n)
{
	size_t p = RING_MIN;

	while (p < n)
		p *= 2;
	return p;
}

/* Nothing of the caller's is kept. */
static int test_take(struct sinew_node *n)
{
	const struct sinew_test_options *test = n->opt.test;

	n->opt.test = NULL;
	if (test && test->size < sizeof *test)
		return refuse(n, "test.size", "sizeof(struct sinew_test_options)");
	if (test)
		n->first_seq = test->first_seq;
	return 0;
}

int options_take(struct sinew_node *n, const struct sinew_options *opt)
{
	struct sinew_options *o = &n->opt;
	int err;

	if (opt->size < offsetof(struct sinew_options, log))
		return -EINVAL;
	memcpy(o, opt, opt->size < sizeof *o ? opt->size : sizeof *o);
	fill_defaults(o);
	for (unsigned i = 0; i < o->n_addrs && i < SINEW_ADDRS_MAX; i++) {
		addr_normalize(&o->addrs[i]);
		if (addr_len(&o->addrs[i]) && !addr_port(&o->addrs[i]))
			addr_set_port(&o->addrs[i], o->port);
	}
	err = check(n);
	if (!err)
		err = test_take(n);
	if (err)
		return err;
	snprintf(n->cluster, sizeof n->cluster, "%s", o->cluster);
	snprintf(n->group, sizeof n->group, "%s", o->group);
	o->cluster = n->cluster;
	o->group = n->group;
	n->transport = transport_find(o->transport);
	if (!n->transport) {
		log_line(n, SINEW_ERROR, "option transport: unknown, expected tcp");
		return -EPROTONOSUPPORT;
	}
	o->transport = n->transport->name;
	n->ring_bytes = power_of_two(o->queue_bytes);
	n->max_message = o->max_message;
	if (n->max_message > ring_max_message(n->ring_bytes))
		n->max_message = (uint32_t)ring_max_message(n->ring_bytes);
	if (o->node_memory / MESSAGES_FIT < n->max_message)
		return refuse(n, "node_memory", "at least four times max_message");
	return 0;
}

int callbacks_take(struct sinew_node *n, const struct sinew_callbacks *cb)
{
	if (!cb)
		return 0;
	if (cb->size < CALLBACKS_MIN)
		return refuse(n, "callbacks.size", "sizeof(struct sinew_callbacks), no callback "
			      "would run");
	memcpy(&n->cb, cb, cb->size < sizeof n->cb ? cb->size : sizeof n->cb);
	return 0;
}
