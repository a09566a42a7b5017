/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One address of one node, asked over a PROBE link; and all those of a node.
 * Knows nothing of the command line.
 */
#include "tools/ping/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lowcomms/sockaddr.h"
#include "membership/config.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/say.h"
#include "tools/signals.h"

/* Where the transport answers only those that it expects. */
#define SILENCE		": firewall, node down or hung, or its configuration does not list our " \
			"address"
#define AHEAD_MS	100	/* of the second in which one padded PROBE may be sent */

void path_close(struct path *p)
{
	if (p->stream && p->phase != PATH_CONNECTING)
		p->stream->ops->close(p->stream);
	else if (p->stream)
		p->stream->ops->reset(p->stream);
	p->stream = NULL;
	p->events = 0;
	p->is_cut = false;
	p->phase = PATH_IDLE;
	p->n_in = 0;
	p->n_out = 0;
	p->out_at = 0;
	p->pad_left = 0;
	p->takes_padded = false;
	p->padded = 0;
}

static enum path_event fail(struct path *p, const char *what)
{
	path_close(p);
	snprintf(p->what, sizeof(p->what), "%s", what);
	return PATH_FAILED;
}

static enum path_event fail_errno(struct path *p, const char *doing, int err)
{
	const char *advice = "";

	if (err == ECONNREFUSED)
		advice = ": no listener; is the program running on this port?";
	else if (err == EADDRNOTAVAIL)
		advice = ": own address not on this machine; check --node";
	else if (err == EHOSTUNREACH || err == ENETUNREACH)
		advice = ": check routes and network interfaces";
	else if (err == ETIMEDOUT && dialer_strangers_hear_nothing(p->dialer))
		advice = SILENCE;
	else if (err == ECONNRESET)
		advice = ": it does not accept us as a member; does its configuration list our "
			 "address and the same cluster_name?";
	path_close(p);
	snprintf(p->what, sizeof(p->what), "%s: %s%s", doing, strerror(err), advice);
	return PATH_FAILED;
}

/* ---- its stream ---- */

/* They are told again in each turn, until path_ready() has seen to them. */
static void take_events(struct stream *s, unsigned events)
{
	struct path *p = s->owner;

	p->events |= events;
}

/* A connection that uses all addresses of the node says nothing of one that is cut. */
static void take_path(struct stream *s, const struct sockaddr_storage *addr, bool works)
{
	struct path *p = s->owner;
	struct sockaddr_storage at = *addr;

	addr_set_port(&at, addr_port(&p->to));
	if (addr_same(&at, &p->to))
		p->is_cut = !works;
}

/* Bytes are awaited, and room for those that wait. */
static enum path_event await(struct path *p)
{
	bool waits = p->out_at < p->n_out || p->pad_left;
	int err = stream_set_interest(p->stream,
				      STREAM_READABLE | (waits ? STREAM_WRITABLE : 0));

	return err ? fail_errno(p, "cannot wait for an answer", -err) : PATH_NOTHING;
}

/* The rest of a PROBE: its bytes, or -errno. */
static ssize_t write_rest(struct path *p)
{
	static const uint8_t padding[WIRE_PROBE_MAX];
	const struct iovec rest[] = {
		{ p->out + p->out_at, p->n_out - p->out_at },
		{ (void *)(uintptr_t)padding, p->pad_left },
	};
	const struct iovec *from = rest[0].iov_len ? rest : rest + 1;

	return p->stream->ops->writev(p->stream, from, from == rest && p->pad_left ? 2 : 1);
}

static enum path_event flush(struct path *p)
{
	size_t of_head;
	ssize_t n;

	while (p->out_at < p->n_out || p->pad_left) {
		n = write_rest(p);
		if (n == -EAGAIN || n == -EINTR)
			break;
		if (n < 0)
			return fail_errno(p, "cannot send", (int)-n);
		of_head = p->n_out - p->out_at;
		if ((size_t)n < of_head)
			of_head = (size_t)n;
		p->out_at += of_head;
		p->pad_left -= (size_t)n - of_head;
	}
	return await(p);
}

/* size 0: a small one. */
static enum path_event send_probe(struct path *p, uint32_t size)
{
	struct probe q = { .cookie = 0 };

	/* Not to be guessed by others; never 0. */
	if (getrandom(&q.cookie, sizeof(q.cookie), 0) != sizeof(q.cookie))
		return fail_errno(p, "cannot get a random number", errno);
	q.cookie |= 1;
	snprintf(q.cluster, sizeof(q.cluster), "%s", p->cluster);
	p->cookie = q.cookie;
	p->n_out = size ? wire_put_padded_probe(p->out, p->own_nodeid, &q, size) :
			  wire_put_probe(p->out, p->own_nodeid, &q, false);
	p->pad_left = size ? size - WIRE_PROBE_HEAD : 0;
	p->padded += size != 0;
	p->out_at = 0;
	p->phase = size ? PATH_ASKED_PADDED : PATH_ASKED;
	p->sent_ns = clock_now_ns();
	return flush(p);
}

static enum path_event connected(struct path *p)
{
	p->connects++;
	p->connected_ns = clock_now_ns();
	/* A peer that knows no padded ones gets none. */
	return send_probe(p, 0);
}

static enum path_event dial(struct path *p)
{
	static const char *const doing[] = {
		[DIAL_SOCKET] = "no socket",
		[DIAL_SOURCE] = "cannot dial from our address",
		[DIAL_CONNECT] = "cannot connect",
		[DIAL_DONE] = "cannot connect",
	};
	enum dial_step step;
	int err = dialer_dial(p->dialer, p->from.ss_family ? &p->from : NULL, &p->to, &p->stream,
			      &step);

	if (err)
		return fail_errno(p, doing[step], -err);
	p->stream->event = take_events;
	p->stream->path = take_path;
	p->stream->owner = p;
	p->phase = PATH_CONNECTING;
	return step == DIAL_DONE ? connected(p) : PATH_NOTHING;
}

enum path_event path_ask(struct path *p, uint64_t now_ns)
{
	p->asked++;
	p->began_ns = now_ns;
	p->full_ns = 0;
	if (p->is_cut)
		path_close(p);
	if (p->phase == PATH_IDLE)
		return dial(p);
	return send_probe(p, p->takes_padded ? p->size : 0);
}

static enum path_event take_refusal(struct path *p, const struct frame *f)
{
	char text[PATH_TEXT_MAX];
	struct refuse r;

	if (frame_refuse(f, &r))
		return fail(p, "answered with a malformed REFUSE");
	snprintf(text, sizeof(text), "refused: %s%s", wire_reason_name(r.reason),
		 r.reason == WIRE_REFUSE_CLUSTER || r.reason == WIRE_REFUSE_PROTOCOL ?
		 "; does its configuration list the same cluster_name?" : "");
	return fail(p, text);
}

/* A node answers one padded PROBE a second, and the first two at once. */
static bool may_pad(const struct path *p, uint64_t now_ns)
{
	return p->padded <= (now_ns - p->connected_ns + AHEAD_MS * CLOCK_MS) / CLOCK_S;
}

static enum path_event try_answered(struct path *p)
{
	p->phase = PATH_READY;
	p->answered++;
	histogram_add(&p->rtt, p->rtt_ns);
	return PATH_ANSWERED;
}

static enum path_event take_answer(struct path *p, const struct probe *q, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - p->sent_ns;

	if (p->phase == PATH_ASKED_PADDED && !p->size) {
		p->full_ns = took_ns;
		p->full_answered++;
		return try_answered(p);
	}
	p->rtt_ns = took_ns;
	if (p->phase == PATH_ASKED_PADDED)
		return try_answered(p);
	p->takes_padded = q->flags & WIRE_PATH_PADDED;
	if (p->size && !p->takes_padded)
		return fail(p, "answers, but its version does not support --size");
	if (p->size)
		return send_probe(p, p->size);
	if (!p->takes_padded || !may_pad(p, now_ns))
		return try_answered(p);
	p->full_asked++;
	return send_probe(p, WIRE_PROBE_MAX);
}

static bool is_asked(const struct path *p)
{
	return p->phase == PATH_ASKED || p->phase == PATH_ASKED_PADDED;
}

static enum path_event take_frame(struct path *p, const uint8_t *bytes, size_t n, uint64_t now_ns)
{
	char text[PATH_TEXT_MAX];
	struct frame f;
	struct probe q;

	if (frame_parse(bytes, n, &f) || f.cmd != WIRE_OPTS_CMD)
		return fail(p, "invalid answer: not a frame of this protocol");
	if (f.nextcmd == WIRE_REFUSE)
		return take_refusal(p, &f);
	if (f.nextcmd != WIRE_PROBE_REPLY || frame_probe(&f, &q) || q.cookie != p->cookie ||
	    !is_asked(p)) {
		snprintf(text, sizeof(text), "answered with an unexpected %s",
			 wire_cmd_name(f.nextcmd));
		return fail(p, text);
	}
	if (f.nodeid != p->nodeid) {
		snprintf(text, sizeof(text), "node %" PRIu32 " answered, expected node %"
			 PRIu32 ": the two configurations differ", f.nodeid, p->nodeid);
		return fail(p, text);
	}
	return take_answer(p, &q, now_ns);
}

/* All whole frames that are there. */
static enum path_event take_frames(struct path *p, uint64_t now_ns)
{
	enum path_event event = PATH_NOTHING;
	size_t at = 0;
	int length;

	while (event == PATH_NOTHING && p->phase != PATH_IDLE) {
		length = frame_length(p->in + at, p->n_in - at);
		if (length < 0 || length > (int)sizeof(p->in))
			return fail(p, "invalid answer: not a frame of this protocol");
		if (!length || (size_t)length > p->n_in - at)
			break;
		event = take_frame(p, p->in + at, (size_t)length, now_ns);
		at += (size_t)length;
	}
	if (p->phase == PATH_IDLE)
		return event;
	memmove(p->in, p->in + at, p->n_in - at);
	p->n_in -= at;
	return event;
}

/* Nothing was asked: the next try dials again. */
static enum path_event close_unasked(struct path *p)
{
	path_close(p);
	return PATH_NOTHING;
}

static enum path_event closed(struct path *p)
{
	if (p->phase == PATH_READY)
		return close_unasked(p);
	return fail(p, "closed the connection; does its configuration list the same cluster_name?");
}

static enum path_event lost(struct path *p, int err)
{
	if (!is_asked(p))
		return close_unasked(p);
	return fail_errno(p, "connection lost", err);
}

/* events: what its stream has told; bytes are looked for in any case. */
static enum path_event read_answer(struct path *p, unsigned events, uint64_t now_ns)
{
	ssize_t n = p->stream->ops->read(p->stream, p->in + p->n_in, sizeof(p->in) - p->n_in);

	if (n == -EAGAIN || n == -EINTR) {
		if (p->is_cut && is_asked(p))
			return fail(p, "connected, but no answer over this address: network path "
				    "cut");
		n = events & STREAM_FAILED ? p->stream->ops->error(p->stream) : 0;
		return n ? lost(p, (int)-n) : PATH_NOTHING;
	}
	if (n < 0)
		return lost(p, (int)-n);
	if (!n)
		return closed(p);
	p->n_in += (size_t)n;
	return take_frames(p, now_ns);
}

enum path_event path_ready(struct path *p, uint64_t now_ns)
{
	const unsigned events = p->events;
	enum path_event event;

	p->events = 0;
	if (p->phase == PATH_CONNECTING && events & STREAM_FAILED)
		return fail_errno(p, "cannot connect", -p->stream->ops->error(p->stream));
	if (p->phase == PATH_CONNECTING)
		return events & STREAM_CONNECTED ? connected(p) : PATH_NOTHING;
	event = flush(p);
	return event == PATH_NOTHING ? read_answer(p, events, now_ns) : event;
}

enum path_event path_late(struct path *p, uint64_t after_ns)
{
	const char *what = "connected, but no answer; program hung, or port used by another "
			   "program";
	char text[PATH_TEXT_MAX];

	if (p->phase == PATH_ASKED_PADDED)
		what = "small packets pass, large ones are lost; check the path MTU";
	else if (p->phase == PATH_CONNECTING)
		what = dialer_strangers_hear_nothing(p->dialer) ?
			"connection timed out" SILENCE :
			"connection timed out; firewall, or node down";
	snprintf(text, sizeof(text), "%s (waited %.3f s)", what, (double)after_ns / CLOCK_S);
	return fail(p, text);
}

/* ---- all of a node ---- */

/* Where a node listens: an address without a port of its own has the node's. */
static int addresses_of(const struct sinew_config *config, uint32_t nodeid,
			struct sinew_options *opt)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	unsigned i;

	SINEW_OPTIONS_INIT(opt);
	if (sinew_config_options(config, nodeid, opt, err, sizeof(err))) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	for (i = 0; i < opt->n_addrs; i++) {
		addr_normalize(&opt->addrs[i]);
		if (!addr_port(&opt->addrs[i]))
			addr_set_port(&opt->addrs[i], opt->port);
	}
	return STATUS_OK;
}

/* Our address on the same ring, or none. */
static void source_of(const struct sinew_options *own, unsigned ring,
		      const struct sockaddr_storage *to, struct sockaddr_storage *ret_from)
{
	memset(ret_from, 0, sizeof(*ret_from));
	if (ring >= own->n_addrs || own->addrs[ring].ss_family != to->ss_family)
		return;
	*ret_from = own->addrs[ring];
	addr_set_port(ret_from, 0);
}

int paths_add(struct paths *paths, const struct sinew_config *config, uint32_t own, uint32_t nodeid)
{
	struct sinew_options ours, theirs;
	struct path *list;
	unsigned i, n;
	int rc;

	rc = addresses_of(config, own, &ours);
	if (!rc)
		rc = addresses_of(config, nodeid, &theirs);
	if (rc || !theirs.n_addrs)
		return rc;
	n = paths->n + theirs.n_addrs;
	list = realloc(paths->list, n * sizeof(*list));
	if (!list) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	paths->list = list;
	for (i = 0; i < theirs.n_addrs; i++) {
		struct path *p = &paths->list[paths->n++];

		memset(p, 0, sizeof(*p));
		p->nodeid = nodeid;
		p->own_nodeid = own;
		p->ring = i;
		p->dialer = &paths->dialer;
		p->cluster = sinew_config_cluster(config);
		p->to = theirs.addrs[i];
		source_of(&ours, i, &p->to, &p->from);
	}
	return STATUS_OK;
}

/* ---- all of a run ---- */

static void take_signal(struct source *s, uint32_t events)
{
	struct paths *paths = (struct paths *)((char *)s - offsetof(struct paths, signals));

	(void)events;
	paths->is_signalled |= signals_take(s->fd) != 0;
}

int paths_open(struct paths *paths, const struct sinew_config *config, uint32_t own, int signal_fd)
{
	struct sinew_options ours;
	const char *hint;
	int rc, err;

	rc = addresses_of(config, own, &ours);
	if (rc)
		return rc;
	err = dialer_open(&paths->dialer, &ours, &hint);
	paths->signals = (struct source){ .ready = take_signal, .fd = signal_fd };
	if (!err)
		err = dialer_watch(&paths->dialer, &paths->signals);
	if (!err)
		return STATUS_OK;
	if (hint)
		say(SINEW_ERROR, "option transport: %s", hint);
	else
		say(SINEW_ERROR, "cannot wait for answers: %s", strerror(-err));
	return STATUS_USAGE;
}

bool paths_wait(struct paths *paths, uint64_t until_ns)
{
	dialer_turn(&paths->dialer, until_ns);
	return paths->is_signalled;
}

void paths_close(struct paths *paths)
{
	unsigned i;

	for (i = 0; i < paths->n; i++)
		path_close(&paths->list[i]);
	dialer_close(&paths->dialer);
	free(paths->list);
}
