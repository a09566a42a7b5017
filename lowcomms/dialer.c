/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the loop of streams without a node and the addresses that they leave. Knows no frame. */
#include "lowcomms/dialer.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/addr.h"
#include "lowcomms/stream_turn.h"
#include "lowcomms/transport.h"

#define MS_NS		1000000u
#define WAIT_MAX_MS	60000	/* of an iteration of the loop */

int dialer_open(struct dialer *d, const struct sinew_options *opt, const char **ret_hint)
{
	const struct transport *transport;
	struct stream_packets packets;
	int err;

	*d = (struct dialer) { .transport = NULL };
	transport = transport_of(opt, &packets, ret_hint);
	if (!transport)
		return -EPROTONOSUPPORT;
	*ret_hint = NULL;
	err = loop_open(&d->loop);
	if (err) {
		loop_close(&d->loop);
		return err;
	}
	streams_init(&d->streams, &d->loop);
	d->streams.packets = packets;
	d->transport = transport;
	return 0;
}

void dialer_close(struct dialer *d)
{
	if (!d->transport)
		return;
	while (d->n_sources)
		d->transport->unlisten(&d->sources[--d->n_sources].listener);
	streams_free_dead(&d->streams);
	assert(!streams_have_news(&d->streams));
	loop_close(&d->loop);
	d->transport = NULL;
}

/* ---- dials ---- */

bool dialer_strangers_hear_nothing(const struct dialer *d)
{
	assert(d->transport);
	return !(d->transport->traits & STREAM_DESCRIPTOR);
}

static bool expects_nobody(struct stream_listener *l, const struct sockaddr_storage *from)
{
	(void)l, (void)from;
	return false;
}

static void ignore(struct stream_listener *l)
{
	(void)l;
}

/* Where the transport makes packets itself, a dial leaves from the port of a listener: one of no
 * number in particular, beside that of the node whose address it is. */
static int leave_from(struct dialer *d, const struct sockaddr_storage *addr)
{
	struct dialer_source *s = &d->sources[d->n_sources];
	struct sockaddr_storage own = *addr;
	int err;

	addr_set_port(&own, 0);
	for (unsigned i = 0; i < d->n_sources; i++)
		if (addr_same(&d->sources[i].addr, &own))
			return 0;
	if (d->n_sources == SINEW_ADDRS_MAX)
		return -EMFILE;
	*s = (struct dialer_source) {
		.listener = { .event = ignore, .expects = expects_nobody }, .addr = own,
	};
	err = d->transport->listen(&d->streams, &s->listener, &own, 1);
	if (!err)
		d->n_sources++;
	return err;
}

int dialer_dial(struct dialer *d, const struct sockaddr_storage *from,
		const struct sockaddr_storage *to, struct stream **ret_stream,
		enum dial_step *ret_step)
{
	const struct stream_route route = {
		.to = to, .from = from, .n_to = 1, .n_from = from != NULL,
	};
	int err = 0;

	assert(d->transport && addr_len(to) && (!from || from->ss_family == to->ss_family));
	*ret_step = DIAL_SOURCE;
	if (from && !(d->transport->traits & STREAM_DESCRIPTOR))
		err = leave_from(d, from);
	return err ? err : d->transport->dial(&d->streams, &route, ret_stream, ret_step);
}

/* ---- loop ---- */

int dialer_watch(struct dialer *d, struct source *s)
{
	assert(d->transport && s->ready);
	return loop_add(&d->loop, s, EPOLLIN);
}

/* Rounded up. */
static int wait_ms(uint64_t until_ns)
{
	uint64_t now_ns = loop_now_ns(), ms;

	if (until_ns <= now_ns)
		return 0;
	ms = (until_ns - now_ns - 1) / MS_NS + 1;
	return ms < WAIT_MAX_MS ? (int)ms : WAIT_MAX_MS;
}

void dialer_turn(struct dialer *d, uint64_t until_ns)
{
	uint64_t due_ns = d->streams.deadline_ns;

	assert(d->transport);
	stream_turn(&d->streams, d->transport, wait_ms(due_ns < until_ns ? due_ns : until_ns));
}
