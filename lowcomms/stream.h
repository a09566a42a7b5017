/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams: the transport of a link. A stream carries bytes in both directions between two nodes, in
 * order and each once, until it ends or fails. It need not have a descriptor: then it reports
 * its events itself. It may stand on another stream, whose owner it is. Knows no link and no frame.
 *
 * Events are level triggered: an event that is not handled is reported again. Loop thread, but for
 * loop_wake(): a transport with threads of its own collects their events, and reports them there.
 * Results are 0 (or a count) or -errno.
 */
#ifndef SINEW_LOWCOMMS_STREAM_H
#define SINEW_LOWCOMMS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lowcomms/loop.h"
#include "proto/list.h"

enum {
	STREAM_READABLE		= 1,	/* bytes, or the end */
	STREAM_WRITABLE		= 2,
	STREAM_CONNECTED	= 4,	/* one that was dialled */
	STREAM_FAILED		= 8,	/* error() says why; what came before can still be read */
};

/* An interest in less than nothing: FAILED is reported once more at most. For one whose end was
 * read, which a socket would report as a failure in each turn. */
#define STREAM_QUIET	32u

/* Traits of a transport. */
enum {
	STREAM_HALF_CLOSE	= 1,	/* the other side may go on to write behind our end */
	STREAM_MULTIHOMED	= 2,	/* one stream, or listener, uses all addresses of a node */
	STREAM_DESCRIPTOR	= 4,	/* each stream has one, in the loop */
	STREAM_RESET_REPEATS	= 16,	/* a Linux kernel whose stream fails sends again what is
					 * unacknowledged; else that is lost */
};

/* How it is known who the other end is. */
enum stream_proof {
	STREAM_BY_ADDRESS,		/* as good as the network is */
	STREAM_BY_KEY,
};

struct stream_identity {
	enum stream_proof proof;
	struct sockaddr_storage addr;
	const char *name;		/* proved, as long as the stream is there; NULL: none */
};

/* The carrier of packets, of a transport that makes them itself. */
struct stream_packets {
	bool ip_alone;		/* no UDP */
	uint16_t udp_port;	/* at both ends; 0: that of each address */
};

/* Shared by the streams of one node. */
struct streams {
	struct loop *loop;
	struct stream_packets packets;
	struct list news;	/* streams without a descriptor that may have some */
	struct list dead;	/* freed at the end of the turn: events may still lead there */
	uint64_t deadline_ns;	/* due() of the transport is called then; UINT64_MAX: never */
};

struct stream;

struct stream_ops {
	/* 0: the end of what the other side writes. Behind our finish() it has also read all
	 * that we wrote. -EAGAIN: nothing there. */
	ssize_t (*read)(struct stream *s, void *buf, size_t n);
	/* Takes a part, perhaps. Never raises SIGPIPE. -EAGAIN: no room. -EPIPE: the other side has
	 * ended, in order where there is no half-close; what it wrote can still be read. */
	ssize_t (*writev)(struct stream *s, const struct iovec *iov, int n);
	/* Only these of READABLE and WRITABLE are reported. CONNECTED always, FAILED unless it is
	 * QUIET. */
	int (*set_interest)(struct stream *s, unsigned events);
	/* Without a descriptor: what there is now of the interest. */
	unsigned (*poll)(struct stream *s);
	/* Why it failed; 0: it has not, or does not know. */
	int (*error)(struct stream *s);
	/*
	 * Whether it is stuck: the other host owes an acknowledgement of what was sent to it, and
	 * how long ago it was last heard of. Bytes that its full receive buffer holds back were
	 * not sent; but a question about that buffer that nobody answers counts. No event, for
	 * the core decides how long is too long, and asks when it matters.
	 */
	bool (*stuck)(struct stream *s, uint64_t *ret_silent_ns);
	/* How long a packet and its acknowledgement take now, in ns, as the transport measures it
	 * below what is read and written; 0: it has not yet. NULL: it does not. */
	uint64_t (*round_trip)(struct stream *s);
	/* No more from us; the other side reads the end behind what was written. */
	int (*finish)(struct stream *s);
	/* All addresses of the other end, at most max of them. NULL: it has that of other alone. */
	unsigned (*addresses)(struct stream *s, struct sockaddr_storage *ret_addrs, unsigned max);
	/* Tells path() of each address of the other end, as far as that is known now. NULL: not
	 * multihomed. */
	void (*paths)(struct stream *s);
	/* Ends it as a fault would: what is not delivered is thrown away. Frees. */
	void (*reset)(struct stream *s);
	/* Ends it in order. Frees. */
	void (*close)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	struct streams *streams;
	struct source source;	/* fd -1: no descriptor */
	struct list news;	/* in one of the lists of streams, or in none */
	unsigned interest;		/* READABLE, WRITABLE; or QUIET */
	struct stream_identity other;
	/* Set by its owner, before the next event. It may end the stream. */
	void (*event)(struct stream *s, unsigned events);
	/* A multihomed one, while it is read, and in paths(): that address of the other end works,
	 * or does not. NULL: nobody wants to know. */
	void (*path)(struct stream *s, const struct sockaddr_storage *addr, bool works);
	void *owner;
};

struct stream_listener {
	const struct transport *transport;	/* NULL: it is not open */
	struct streams *streams;
	struct source source;	/* fd -1: no descriptor */
	void *state;		/* of the transport */
	/* Incoming connections are pending. Set by the owner before listen(). */
	void (*event)(struct stream_listener *l);
	/* Whether a connection may come from there: a transport that itself answers packets has
	 * none for others. NULL: from anywhere. */
	bool (*expects)(struct stream_listener *l, const struct sockaddr_storage *from);
	void *owner;
};

/* Addresses of both ends: one each, or all of a node where the transport is multihomed. Without
 * one of ours any will do; its port is not used. */
struct stream_route {
	const struct sockaddr_storage *to, *from;
	unsigned n_to, n_from;
};

/* How far a dial came. */
enum dial_step {
	DIAL_SOCKET,		/* failed: no socket */
	DIAL_SOURCE,		/* failed: it cannot leave from that address */
	DIAL_CONNECT,		/* failed, or it is under way */
	DIAL_DONE,
};

struct transport {
	const char *name;		/* in the option transport; two may have the same */
	unsigned traits;
	/* Says which thing this machine lacks for it, and what to do then; or NULL. No function:
	 * it lacks nothing. */
	const char *(*lacks)(const struct stream_packets *packets);
	/* A listener on exactly these addresses. */
	int (*listen)(struct streams *ss, struct stream_listener *l,
		      const struct sockaddr_storage *addrs, unsigned n);
	/* The next waiting connection, with an interest in READABLE. -EAGAIN: none. */
	int (*accept)(struct stream_listener *l, struct stream **ret_stream);
	/* Whether waiting connections are not told for a while. */
	int (*rest)(struct stream_listener *l, bool on);
	void (*unlisten)(struct stream_listener *l);
	/* Starts to connect; *ret_step is set either way. Unless it is DIAL_DONE, CONNECTED or
	 * FAILED follows. */
	int (*dial)(struct streams *ss, const struct stream_route *route,
		    struct stream **ret_stream, enum dial_step *ret_step);
	/* It is deadline_ns of its streams. NULL: it sets none. */
	void (*due)(struct streams *ss, uint64_t now_ns);
	/* In a child of fork(): closes descriptors that no stream or listener shows. NULL: it has
	 * none. */
	void (*forget)(const struct streams *ss);
};

static inline void streams_init(struct streams *ss, struct loop *loop)
{
	ss->loop = loop;
	ss->packets = (struct stream_packets) { .ip_alone = false };
	list_init(&ss->news);
	list_init(&ss->dead);
	ss->deadline_ns = UINT64_MAX;
}

static inline int stream_set_interest(struct stream *s, unsigned events)
{
	int err = s->interest == events ? 0 : s->ops->set_interest(s, events);

	if (!err)
		s->interest = events;
	return err;
}

/* Now that it is known whose they are: the transport told of them before that, or will tell of
 * changes alone, and a path that a dial found dead would stay so. */
static inline void stream_paths(struct stream *s)
{
	if (s->ops->paths)
		s->ops->paths(s);
}

static inline uint64_t stream_round_trip(struct stream *s)
{
	return s->ops->round_trip ? s->ops->round_trip(s) : 0;
}

/* For transports. A new one: size is that of the struct that it is the first field of. */
struct stream *stream_create(struct streams *ss, const struct stream_ops *ops, size_t size);
/* It has ended: no event any more, its memory goes at the end of the turn. */
void stream_retire(struct stream *s);
/* One without a descriptor may have news. */
void stream_mark(struct stream *s);

/* Whether one without a descriptor may have news. */
static inline bool streams_have_news(const struct streams *ss)
{
	return !list_empty(&ss->news);
}
/* Tells the owner of the next one of those, which the caller has taken, if it has any. False: that
 * was all. */
bool stream_next(struct list *taken);
void streams_free_dead(struct streams *ss);

#endif
