/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One address of one node, asked over a PROBE link; and all those of a node.
 * Knows nothing of the command line.
 */
#include "tools/ping/path.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lowcomms/sockaddr.h"
#include "membership/config.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/say.h"
#include "tools/signals.h"

#define AHEAD_MS	100	/* of the second in which one padded PROBE may be sent */

void path_close(struct path *p)
{
	if (p->phase != PATH_IDLE)
		close(p->fd);
	p->phase = PATH_IDLE;
	p->fd = -1;
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
	else if (err == ECONNRESET)
		advice = ": it does not accept us as a member; does its configuration list our "
			 "address and the same cluster_name?";
	path_close(p);
	snprintf(p->what, sizeof(p->what), "%s: %s%s", doing, strerror(err), advice);
	return PATH_FAILED;
}

static enum path_event dial(struct path *p)
{
	const int on = 1;
	int fd;

	fd = socket(p->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return fail_errno(p, "no socket", errno);
	p->fd = fd;
	p->phase = PATH_CONNECTING;
	/* Without it the answer is late, not wrong. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (p->from.ss_family &&
	    bind(fd, (const struct sockaddr *)&p->from, addr_len(&p->from)))
		return fail_errno(p, "cannot dial from our address", errno);
	if (connect(fd, (const struct sockaddr *)&p->to, addr_len(&p->to)) &&
	    errno != EINPROGRESS)
		return fail_errno(p, "cannot connect", errno);
	return PATH_NOTHING;
}

static enum path_event flush(struct path *p)
{
	static const uint8_t padding[WIRE_PROBE_MAX];
	ssize_t n;

	while (p->out_at < p->n_out || p->pad_left) {
		bool head = p->out_at < p->n_out;

		n = send(p->fd, head ? p->out + p->out_at : padding,
			 head ? p->n_out - p->out_at : p->pad_left,
			 MSG_NOSIGNAL | (head && p->pad_left ? MSG_MORE : 0));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return PATH_NOTHING;
		if (n < 0)
			return fail_errno(p, "cannot send", errno);
		if (head)
			p->out_at += (size_t)n;
		else
			p->pad_left -= (size_t)n;
	}
	return PATH_NOTHING;
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

enum path_event path_ask(struct path *p, uint64_t now_ns)
{
	p->asked++;
	p->began_ns = now_ns;
	p->full_ns = 0;
	if (p->phase == PATH_IDLE)
		return dial(p);
	return send_probe(p, p->takes_padded ? p->size : 0);
}

static enum path_event connected(struct path *p)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err)
		return fail_errno(p, "cannot connect", err);
	p->connects++;
	p->connected_ns = clock_now_ns();
	/* A peer that knows no padded ones gets none. */
	return send_probe(p, 0);
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

static enum path_event closed(struct path *p)
{
	if (p->phase == PATH_READY) {
		/* Nothing was asked: the next try dials again. */
		path_close(p);
		return PATH_NOTHING;
	}
	return fail(p, "closed the connection; does its configuration list the same cluster_name?");
}

enum path_event path_ready(struct path *p, uint64_t now_ns)
{
	enum path_event event;
	ssize_t n;

	if (p->phase == PATH_CONNECTING)
		return connected(p);
	event = flush(p);
	if (event != PATH_NOTHING)
		return event;
	n = recv(p->fd, p->in + p->n_in, sizeof(p->in) - p->n_in, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return PATH_NOTHING;
	if (n < 0 && is_asked(p))
		return fail_errno(p, "connection lost", errno);
	if (n <= 0)
		return closed(p);
	p->n_in += (size_t)n;
	return take_frames(p, now_ns);
}

enum path_event path_late(struct path *p, uint64_t after_ns)
{
	const char *what = p->phase == PATH_CONNECTING ?
		"connection timed out; firewall, or node down" :
		"connected, but no answer; program hung, or port used by another program";
	char text[PATH_TEXT_MAX];

	if (p->phase == PATH_ASKED_PADDED)
		what = "small packets pass, large ones are lost; check the path MTU";
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
	for (i = 0; i < opt->n_addrs; i++)
		if (!addr_port(&opt->addrs[i]))
			addr_set_port(&opt->addrs[i], opt->port);
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
	struct pollfd *fds;
	struct path *list;
	unsigned i, n;
	int rc;

	rc = addresses_of(config, own, &ours);
	if (!rc)
		rc = addresses_of(config, nodeid, &theirs);
	if (rc || !theirs.n_addrs)
		return rc;
	paths->is_tcp = strcmp(ours.transport, "tcp") == 0;
	n = paths->n + theirs.n_addrs;
	list = realloc(paths->list, n * sizeof(*list));
	if (list)
		paths->list = list;
	fds = realloc(paths->fds, (n + 1) * sizeof(*fds));
	if (fds)
		paths->fds = fds;
	if (!list || !fds) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	for (i = 0; i < theirs.n_addrs; i++) {
		struct path *p = &paths->list[paths->n++];

		memset(p, 0, sizeof(*p));
		p->nodeid = nodeid;
		p->own_nodeid = own;
		p->ring = i;
		p->fd = -1;
		p->cluster = sinew_config_cluster(config);
		p->to = theirs.addrs[i];
		source_of(&ours, i, &p->to, &p->from);
	}
	return STATUS_OK;
}

/* The events to poll for on fd. */
static short wishes(const struct path *p)
{
	if (p->phase == PATH_CONNECTING)
		return POLLOUT;
	return (short)(p->out_at < p->n_out || p->pad_left ? POLLIN | POLLOUT : POLLIN);
}

bool paths_wait(struct paths *paths, int signal_fd, uint64_t until_ns)
{
	struct pollfd *fds = paths->fds;
	unsigned i;

	for (i = 0; i < paths->n; i++)
		fds[i] = (struct pollfd){
			.fd = paths->list[i].fd, .events = wishes(&paths->list[i]),
		};
	fds[i] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	return poll(fds, paths->n + 1, clock_timeout_ms(until_ns)) > 0 && fds[i].revents &&
	       signals_take(signal_fd);
}

void paths_close(struct paths *paths)
{
	unsigned i;

	for (i = 0; i < paths->n; i++)
		path_close(&paths->list[i]);
	free(paths->list);
	free(paths->fds);
}
