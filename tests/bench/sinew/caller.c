/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a node and a binding to each peer. Knows nothing of calls that are made by them.
 */
#include "tests/bench/sinew/caller.h"

int caller_open(struct caller *c, const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = 1,
		.first = 2,
		.last = (uint32_t)s->nodes + 1,
		.queue_bytes = s->end.queue_bytes,
		.is_alone = s->nodes == 1,
	};
	int err = host_open(&c->host, &opt);

	c->n_peers = (unsigned)s->nodes;
	if (!err)
		err = callee_calls_new(&c->host.nodes[0], &c->calls);
	if (!err)
		err = host_meet(&c->host, &opt);
	if (!err)
		err = host_until(&c->host, host_is_up);
	for (uint32_t id = opt.first; id <= opt.last && !err; id++)
		err = sinew_binding_open(c->calls, c->host.nodes[0].peers[id], CALLEE_SERVICE, NULL,
					 &c->bindings[id]);
	return err;
}

void caller_close(struct caller *c)
{
	for (uint32_t id = 2; id < c->n_peers + 2; id++)
		sinew_binding_close(c->bindings[id]);
	sinew_calls_free(c->calls);
	host_close(&c->host);
}

int caller_begin(struct caller *c, uint32_t peer, enum callee_op op,
		 const struct sinew_call_options *opt, const void *data, size_t len, void *user,
		 struct sinew_call **ret_call)
{
	const struct iovec iov = { (void *)(uintptr_t)data, len };

	return sinew_call_begin(c->bindings[peer], op, opt, &iov, 1, 0, user, ret_call);
}
