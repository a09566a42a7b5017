/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "lowcomms/addr.h"
#include "lowcomms/record.h"
#include "lowcomms/sctp_socket.h"
#include "lowcomms/sinew.h"
#include "lowcomms/stream_fd.h"

#define PIECES_MAX	16	/* records and notifications, in one read */
#define SINGLES_MAX	16	/* reads that take one record, until there may be more again */

struct sctp_stream {
	struct stream stream;
	bool dialling;
	bool over;		/* all was read; err says how it ended, 0: in order */
	int err;		/* why it failed; 0: not */
	unsigned singles;	/* reads in a row that found one record */
	uint64_t packets;	/* that came, when it was last asked for */
	uint64_t heard_ns;	/* when they were last more than before */
	struct sctp_note note;
};

static const struct stream_ops sctp_ops;

static struct sctp_stream *sctp_of(struct stream *s)
{
	return (struct sctp_stream *)s;	/* its first field */
}

/* ---- listeners ---- */

static int sctp_listen(struct streams *ss, struct stream_listener *l,
		      const struct sockaddr_storage *addrs, unsigned n)
{
	int fd = sctp_socket_listen(addrs, n);

	return fd < 0 ? fd : stream_fd_listen(ss, l, &transport_sctp_kernel, fd);
}

/* ---- begin ---- */

static void stream_event(struct source *source, uint32_t events);

static int begin(struct streams *ss, int fd, const struct sockaddr_storage *other, bool dialling,
		 struct stream **ret_stream)
{
	int err = stream_fd_begin(ss, &sctp_ops, sizeof(struct sctp_stream), fd, other,
				  stream_event, dialling, ret_stream);

	if (!err)
		sctp_of(*ret_stream)->dialling = dialling;
	return err;
}

/* It has what was set for the listener. */
static int sctp_accept(struct stream_listener *l, struct stream **ret_stream)
{
	struct sockaddr_storage from;
	int fd = stream_fd_accept(l, &from);

	if (fd < 0)
		return fd;
	return begin(l->streams, fd, &from, false, ret_stream);
}

static int sctp_dial(struct streams *ss, const struct stream_route *route,
		     struct stream **ret_stream, enum dial_step *ret_step)
{
	int fd = sctp_socket_dial(route, ret_step);

	return fd < 0 ? fd : begin(ss, fd, route->to, *ret_step != DIAL_DONE, ret_stream);
}

static unsigned sctp_addresses(struct stream *s, struct sockaddr_storage *ret_addrs, unsigned max)
{
	return sctp_socket_peers(s->source.fd, ret_addrs, max);
}

/* ---- events ---- */

static void stream_event(struct source *source, uint32_t events)
{
	struct stream *s = list_entry(source, struct stream, source);
	struct sctp_stream *t = sctp_of(s);

	assert(s->source.fd >= 0);
	if (t->dialling) {
		if (!t->err)
			t->err = sctp_socket_error(source->fd);
		if (!t->err && !(events & EPOLLOUT))
			t->err = -ECONNREFUSED;
		t->dialling = t->err != 0;
		s->event(s, t->err ? STREAM_FAILED : STREAM_CONNECTED);
		return;
	}
	s->event(s, stream_fd_events(events));
}

static int sctp_error(struct stream *s)
{
	struct sctp_stream *t = sctp_of(s);

	assert(s->source.fd >= 0);
	if (!t->err)
		t->err = sctp_socket_error(s->source.fd);
	return t->err;
}

/* ---- notifications ---- */

static void sctp_paths(struct stream *s)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	unsigned n = sctp_addresses(s, addrs, SINEW_ADDRS_MAX);
	bool works;

	assert(s->path && n <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; i < n; i++)
		if (sctp_socket_path(s->source.fd, &addrs[i], &works))
			s->path(s, &addrs[i], works);
}

static void path_changed(struct sctp_stream *t, bool works)
{
	assert(!t->over);
	if (t->stream.path && addr_len(&t->note.addr))
		t->stream.path(&t->stream, &t->note.addr, works);
}

static void notified(struct sctp_stream *t)
{
	assert(t->stream.source.fd >= 0 && !t->over);
	switch (t->note.news) {
	case SCTP_NEWS_NONE:
		break;
	case SCTP_NEWS_ENDED:
		t->over = true;
		break;
	case SCTP_NEWS_LOST:
		t->over = true;
		if (!t->err)
			t->err = sctp_socket_error(t->stream.source.fd);
		if (!t->err)
			t->err = -ECONNRESET;
		break;
	case SCTP_NEWS_WORKS:
		path_changed(t, true);
		break;
	case SCTP_NEWS_FAILED:
		path_changed(t, false);
		break;
	}
}

/* ---- bytes ---- */

/* The next record, or a part of it; a notification is looked at, and none is given. */
static ssize_t next_piece(struct sctp_stream *t, void *buf, size_t n, bool *ret_note)
{
	ssize_t got;

	assert(n && !t->over);
	*ret_note = false;
	got = sctp_socket_read(t->stream.source.fd, buf, n, &t->note, ret_note);
	if (got < 0 && got != -EAGAIN && got != -EINTR && !t->err)
		t->err = (int)got;
	if (got <= 0 && t->err)
		return t->err;
	if (*ret_note)
		notified(t);
	return got;
}

/* The kernel gives one record at a time, and mostly there is one. An end behind bytes is found
 * again by the next read. */
static ssize_t sctp_read(struct stream *s, void *buf, size_t n)
{
	struct sctp_stream *t = sctp_of(s);
	unsigned n_records = 0;
	size_t sum = 0;

	assert(n && s->source.fd >= 0);
	for (unsigned i = 0; i < PIECES_MAX && sum < n && !t->over; i++) {
		bool is_note;
		ssize_t got = next_piece(t, (uint8_t *)buf + sum, n - sum, &is_note);

		if (!is_note && got <= 0 && !sum)
			return got;
		if (!is_note && got <= 0)
			break;
		if (is_note)
			continue;
		sum += (size_t)got;
		n_records++;
		if (t->singles && t->singles < SINGLES_MAX)
			break;
	}
	t->singles = n_records == 1 ? t->singles % SINGLES_MAX + 1 : 0;
	if (sum)
		return (ssize_t)sum;
	return t->over ? t->err : -EAGAIN;
}

/* The kernel reports an error once, to the first call that asks. The stream keeps it: a later read
 * returns it behind the bytes that came before. Behind an orderly end a read finds that end. */
static int write_error(struct sctp_stream *t, int err)
{
	assert(err > 0);
	switch (err) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
	case ENOMEM:
		return -err;
	case EPIPE:
	case ESHUTDOWN:
		return -EPIPE;
	default:
		t->err = -err;
		return -err;
	}
}

/* A record is taken as a whole, or not. */
static ssize_t sctp_writev(struct stream *s, const struct iovec *iov, int n)
{
	struct sctp_stream *t = sctp_of(s);
	struct iovec record[RECORD_SPANS];
	struct msghdr msg = { .msg_iov = record };
	ssize_t put;
	int n_record;

	assert(n > 0 && !t->dialling && t->err <= 0);
	if (t->over)
		return t->err ? t->err : -EPIPE;
	record_cut(iov, n, RECORD_MAX, record, &n_record);
	msg.msg_iovlen = (size_t)n_record;
	put = sendmsg(s->source.fd, &msg, MSG_NOSIGNAL);
	return put < 0 ? write_error(t, errno) : put;
}

/*
 * The kernel does not say when it last heard of the other host, but how many packets came. While
 * that host's buffer is full it is asked about it again and again, and each answer is one.
 */
static bool sctp_stuck(struct stream *s, uint64_t *ret_silent_ns)
{
	struct sctp_stream *t = sctp_of(s);
	uint64_t now_ns = loop_now_ns(), packets;

	assert(!t->dialling);
	if (!sctp_socket_packets(s->source.fd, &packets))
		return false;
	if (packets != t->packets || !t->heard_ns) {
		t->packets = packets;
		t->heard_ns = now_ns;
	}
	*ret_silent_ns = now_ns - t->heard_ns;
	return sctp_socket_owed(s->source.fd);
}

static const struct stream_ops sctp_ops = {
	.read = sctp_read,
	.writev = sctp_writev,
	.set_interest = stream_fd_set_interest,
	.error = sctp_error,
	.stuck = sctp_stuck,
	.finish = stream_fd_finish,
	.addresses = sctp_addresses,
	.paths = sctp_paths,
	.reset = stream_fd_reset,
	.close = stream_fd_close,
};

static const char *sctp_lacks(const struct stream_packets *packets)
{
	(void)packets;
	if (sctp_socket_possible())
		return NULL;
	return "this kernel has no SCTP: load its module (modprobe sctp), or set sctp_backend to "
	       "user";
}

const struct transport transport_sctp_kernel = {
	.name = "sctp",
	.traits = STREAM_MULTIHOMED | STREAM_DESCRIPTOR,
	.lacks = sctp_lacks,
	.listen = sctp_listen,
	.accept = sctp_accept,
	.rest = stream_fd_rest,
	.unlisten = stream_fd_unlisten,
	.dial = sctp_dial,
};
