/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: messages between the nodes of a cluster, in order and exactly
 * once, however often the connections under them break.
 *
 * Words
 *   A peer is a configured node, named by its nodeid; it is known from
 *   sinew_peer_add() to sinew_peer_remove(), whether its program runs or not.
 *   A session is what we and one incarnation of a peer have in common: the queue,
 *   the numbers of the messages, the state. A peer that starts anew has a new
 *   incarnation, and so gets a new session.
 *
 * Conventions
 *   Functions return 0 (or a count) or a negative errno; ret_ parameters are
 *   untouched on failure. Destructors accept NULL. The library never prints,
 *   installs no signal handler, leaves SIGPIPE alone and marks its descriptors
 *   close-on-exec. After fork() every call in the child but sinew_node_free()
 *   gives -ECHILD.
 *
 * Threads
 *   "loop": only from callbacks, or from the thread that calls
 *   sinew_dispatch(), or (with own_thread) from callbacks only.
 *   "any": from any thread, also from callbacks.
 *   Callbacks run on the loop thread only, never with a lock held, and may
 *   send, keep, release, finish and close.
 *
 * Order of callbacks for one session: session_up, message ..., session_finished,
 * session_down; nothing after. writable may come any time between up and down.
 */
#ifndef SINEW_H
#define SINEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_VERSION_MAJOR 0
#define SINEW_VERSION_MINOR 2
#define SINEW_VERSION_PATCH 0

/* "0.2.0", of the library that runs. any thread. */
const char *sinew_version(void);

/* The own node: configuration, peers, sockets, loop. */
struct sinew_node;
/* A session with one incarnation of a peer, given by session_up; reference counted. */
struct sinew_session;
/* A received message that the application kept. */
struct sinew_kept;

#define SINEW_PORT		21065	/* default of the native profile */
#define SINEW_PORT_DLM		21064	/* the kernel's */
#define SINEW_NAME_MAX		64	/* cluster and group, NUL included */
#define SINEW_ADDRS_MAX		8	/* addresses a node */
#define SINEW_ACK_AT_ONCE	UINT32_MAX	/* of ack_ms, where 0 is its default: no delay, one
						 * ACK for all that was read at once */

enum sinew_level { SINEW_ERROR, SINEW_WARNING, SINEW_INFO, SINEW_DEBUG };

enum sinew_membership {
	SINEW_MEMBERSHIP_STATIC,	/* peers are members from the start; incarnations
				 * are learned from HELLO */
	SINEW_MEMBERSHIP_EXTERNAL,	/* sinew_peer_joined() and friends decide */
};

/* The program at the other end of every link of the node. */
enum sinew_profile {
	SINEW_PROFILE_NATIVE,	/* nodes of this library */
	SINEW_PROFILE_DLM,	/* Linux kernels (fs/dlm, DLM 3.2): see sinew-dlm(7) */
};

/* dlm profile: a peer that speaks DLM 3.1, which repeats and acknowledges nothing. */
enum sinew_policy_31 {
	SINEW_31_WARN,		/* taken, and the log says that messages may be lost */
	SINEW_31_ALLOW,
	SINEW_31_REFUSE,	/* its links are reset */
};

/* The program that speaks SCTP for this node. */
enum sinew_sctp_backend {
	SINEW_SCTP_KERNEL,	/* the kernel of this machine */
	SINEW_SCTP_USER,	/* this process, see enum sinew_sctp_encap */
};

/* The carrier of the packets of SINEW_SCTP_USER; the same at all nodes. */
enum sinew_sctp_encap {
	SINEW_SCTP_ENCAP_UDP,	/* UDP (RFC 6951), without root */
	SINEW_SCTP_ENCAP_NONE,	/* IP alone: raw sockets (CAP_NET_RAW); only where the kernel's
				 * own SCTP is not loaded, and one program for each address */
};

enum sinew_quorum_policy {
	SINEW_QUORUM_STOP,	/* without quorum no data are sent (they queue) */
	SINEW_QUORUM_IGNORE,
	SINEW_QUORUM_REFUSE,	/* as STOP; and sinew_corosync_open() fails without quorum */
};

/* Why a session ended. */
enum sinew_down {
	SINEW_DOWN_CLOSED = 1,	/* both sides finished, everything acknowledged */
	SINEW_DOWN_LEFT,	/* membership: the peer left cleanly; static: it closes, and has
				 * no session with us */
	SINEW_DOWN_FAILED,	/* membership or sinew_peer_failed(): the peer failed */
	SINEW_DOWN_SUPERSEDED,	/* static: the peer came back with a new incarnation */
	SINEW_DOWN_SELF_LOST,	/* we took a new incarnation */
	SINEW_DOWN_LINGER,	/* the linger time of sinew_close() ran out */
	SINEW_DOWN_ABORTED,	/* sinew_session_abort() */
	SINEW_DOWN_REMOVED,	/* sinew_peer_remove(), or the time of sinew_peer_close() */
};

enum sinew_state {
	SINEW_CLOSED, SINEW_ESTABLISHED, SINEW_FIN_WAIT1, SINEW_FIN_WAIT2,
	SINEW_CLOSING, SINEW_CLOSE_WAIT, SINEW_LAST_ACK,
};

enum sinew_path_state { SINEW_PATH_UNKNOWN, SINEW_PATH_ALIVE, SINEW_PATH_DEAD };

enum sinew_fence_reason {
	SINEW_FENCE_STALLED = 1,	/* repeatedly silent although the link is up and data are
					 * unacknowledged */
	SINEW_FENCE_PROTOCOL,		/* it repeatedly breaks the protocol */
	SINEW_FENCE_FAILED,		/* membership: it failed, and may still write elsewhere */
	SINEW_FENCE_LOST,		/* dlm profile, not over TCP: packets of it are lost, and
					 * nothing repeats them */
};

/* "ESTABLISHED", "failed", "alive", ...; never NULL. any thread. */
const char *sinew_state_name(enum sinew_state state);
const char *sinew_down_name(enum sinew_down reason);
const char *sinew_path_state_name(enum sinew_path_state state);
const char *sinew_fence_reason_name(enum sinew_fence_reason reason);
const char *sinew_level_name(enum sinew_level level);
/* Name of a positive or negative errno that this library returns: "EAGAIN".
 * any thread; never NULL. */
const char *sinew_error_name(int err);

/* ---- options ---- */

struct sinew_test_options;

typedef void (*sinew_log_fn)(void *user, enum sinew_level level, const char *line);

/*
 * Fill with sinew_options_init(), then change what is needed. Times are in
 * milliseconds, sizes in bytes; 0 in a number means its default where one is
 * named. Strings and addresses are copied by sinew_node_new().
 */
struct sinew_options {
	size_t size;			/* set by sinew_options_init() */

	uint32_t nodeid;		/* 1 .. 2^31-1 */
	const char *cluster;		/* at most 63 bytes; "" is allowed */
	const char *group;		/* "sinew" */
	enum sinew_membership membership;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* own, most preferred first; IPv4 or
					 * IPv6 (IPv4 in IPv6 counts as IPv4, a link-local one
					 * needs its sin6_scope_id); port 0 = the port below */
	unsigned n_addrs;		/* 0: no listener, no outgoing bind; peers
					 * cannot dial us (tests) */
	uint16_t port;			/* SINEW_PORT; dlm profile: SINEW_PORT_DLM */
	const char *transport;		/* "tcp", or "sctp" */

	uint32_t max_peers;		/* 128; at most 1024 */
	uint32_t max_message;		/* 16 MiB; at most half of queue_bytes is used */
	uint32_t queue_bytes;		/* 32 MiB of address space per session; rounded up to a
					 * power of two, 256 KiB .. 1 GiB */
	uint64_t node_memory;		/* 512 MiB resident for queues and buffers; at least four
					 * messages of max_message */
	uint32_t receive_bytes;		/* 1 MiB kept by the application, per session */

	uint32_t connect_ms;		/* 2000: a dial */
	uint32_t hello_ms;		/* 2000: each wait for a HELLO */
	uint32_t backoff_min_ms;	/* 20 */
	uint32_t backoff_max_ms;	/* 1000 */
	uint32_t keepalive_ms;		/* 5000: on an idle link; at most a third of stall_ms is
					 * used */
	uint32_t stall_ms;		/* 20000: no frame at all for so long: the link is reset */
	uint32_t path_dead_ms;		/* 2000: silence until another live path is taken */
	uint32_t probe_ms;		/* 1000: between probes of unused paths */
	uint32_t ack_ms;		/* 5: longest delay of an ACK; or SINEW_ACK_AT_ONCE */
	uint32_t fault_limit;		/* 10: protocol violations in a session until fence_asked */
	uint32_t stall_limit;		/* 5: stalls in a row until fence_asked */
	uint32_t busy_poll_us;		/* 0: dispatch spins so long before it sleeps */
	enum sinew_quorum_policy quorum_policy;
	bool auto_close;		/* answer the peer's finish by our own */
	bool own_thread;		/* a thread of the library runs the loop, with all
					 * signals blocked */

	sinew_log_fn log;		/* NULL = none; loop thread, whoever calls a failing
					 * function, and the thread of sinew_topo_start(), at the
					 * same time; must not call back */
	void *log_user;
	enum sinew_level log_level;	/* most detailed level wanted; SINEW_INFO */

	const struct sinew_test_options *test;	/* NULL; for tests, see sinew-test.h */

	enum sinew_profile profile;	/* dlm: membership must be external; cluster, group and
					 * auto_close mean nothing there */
	enum sinew_policy_31 policy_31;
	enum sinew_sctp_backend sctp_backend;	/* of the transport "sctp" */
	enum sinew_sctp_encap sctp_encap;	/* of SINEW_SCTP_USER */
	uint16_t sctp_udp_port;		/* of SINEW_SCTP_ENCAP_UDP, at both ends: towards kernels it
					 * is their net.sctp.udp_port, 9899 mostly; 0: the port of
					 * each address */
};

/* size: sizeof(struct sinew_options) of the caller, so that the ABI can grow. */
void sinew_options_init(struct sinew_options *opt, size_t size);
#define SINEW_OPTIONS_INIT(opt) sinew_options_init((opt), sizeof *(opt))

/* ---- events ---- */

/* A message in the message callback; data are valid until it returns. */
struct sinew_message {
	const void *data;
	size_t len;		/* 0 is legal */
	uint64_t number;	/* in this session and direction, from 1; 0: bare */
	bool bare;		/* dlm profile: the packet came without a sequence number; it may
				 * come twice, or was lost before */
};

/* The delivery report: what became of the messages that were sent in a session,
 * by number. 1..acked were delivered; acked+1..in_doubt were delivered once or not
 * at all; in_doubt+1..unsent were not delivered and never will be. */
struct sinew_delivery {
	uint64_t acked, in_doubt, unsent;
};

struct sinew_callbacks {
	size_t size;		/* sizeof(struct sinew_callbacks); forgotten: -EINVAL */
	/* A session began. It is valid until session_down returns, longer with
	 * sinew_session_ref(). */
	void (*session_up)(struct sinew_node *node, struct sinew_session *session, void *user);
	void (*message)(struct sinew_node *node, struct sinew_session *session,
			const struct sinew_message *msg, void *user);
	/* The peer will send no more; we still may. */
	void (*session_finished)(struct sinew_node *node, struct sinew_session *session,
				 void *user);
	/* After a send gave -EAGAIN: there is room again. Never lost. */
	void (*writable)(struct sinew_node *node, struct sinew_session *session, void *user);
	void (*session_down)(struct sinew_node *node, struct sinew_session *session,
			     enum sinew_down reason, const struct sinew_delivery *delivery,
			     void *user);
	/* The library asks the application to have that incarnation of the peer fenced. */
	void (*fence_asked)(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
			    enum sinew_fence_reason reason, void *user);
	/* Our own incarnation was declared failed, or sinew_self_lost() was called:
	 * every session ends before this; the new incarnation is in force. */
	void (*self_lost)(struct sinew_node *node, uint64_t new_incarnation, void *user);
	/* After sinew_close(): the end; sinew_report() has the report. */
	void (*closed)(struct sinew_node *node, void *user);
	/* dlm profile, after session_up: the session is sent on a new link, the first one too. Bare
	 * packets that were under way on another one are lost: repeat those that are not answered
	 * yet. */
	void (*link_up)(struct sinew_node *node, struct sinew_session *session, void *user);
};

/* ---- node ---- */

/*
 * Creates the node, binds its listeners. cb is copied, NULL: there are none; user is
 * handed to its callbacks. Nothing is dialled before the first sinew_dispatch(). One own address
 * that can be listened on is enough; the log names the others, which are tried again every second.
 * -EINVAL: an option or cb->size out of range (the log says which). None of the own addresses can
 * be listened on, the log has the reason of each, and this is the first: -EADDRINUSE: another
 * program has the port. -EADDRNOTAVAIL: the address is not of this machine. -EPROTONOSUPPORT:
 * unknown transport. -ENOMEM, -EMFILE, other errors of socket calls.
 * any thread.
 */
int sinew_node_new(const struct sinew_options *opt, const struct sinew_callbacks *cb, void *user,
		   struct sinew_node **ret_node);

/* Releases everything at once; open sessions are reset, no callback comes.
 * Sessions and kept messages that are still held stay valid memory and give -ESTALE.
 * Not from a callback; after fork() also in the child (closes its descriptors only). */
void sinew_node_free(struct sinew_node *node);

uint32_t sinew_node_id(const struct sinew_node *node);
/* Belongs to the node. any thread. */
const char *sinew_node_group(const struct sinew_node *node);
/* The present incarnation; changes with self_lost. any thread. */
uint64_t sinew_incarnation(const struct sinew_node *node);

/* A descriptor that is readable when sinew_dispatch() has work, and from the end of
 * closing on, for poll(), epoll or qb_loop. -EINVAL with own_thread. Do not read, write
 * or close it. */
int sinew_get_fd(struct sinew_node *node);

/*
 * Runs callbacks and I/O; waits at most timeout_ms (0: not at all, negative:
 * until something happened). Returns the number of events handled (0 on timeout, and
 * when a signal came before).
 * -EINVAL with own_thread or from a callback. -EBUSY: another thread is inside.
 * -ESHUTDOWN: closed and all events were delivered.
 */
int sinew_dispatch(struct sinew_node *node, int timeout_ms);

/*
 * Begins to close: FIN behind all that is queued in each session, then up to
 * linger_ms for the handshakes, then the closed callback. Sends return -ESHUTDOWN from
 * now on. A second call can only shorten the time (0: now). any thread.
 * -EINVAL: linger_ms < 0. -EALREADY: closed already.
 */
int sinew_close(struct sinew_node *node, int linger_ms);

/*
 * For own_thread: waits until the library's thread has ended, at most timeout_ms (0: not at all,
 * negative: no limit), and says how: 0: the node is closed, the closed callback has returned. The
 * node stays to be freed. Any number of threads may wait. any thread, but not from a callback.
 * -ETIMEDOUT: it still runs. -EINVAL: without own_thread. -EDEADLK: from a callback. -ESTALE:
 * sinew_node_free() ended it before it was closed. -ENOMEM. Other errors: the loop ended with that
 * one, nothing drives the node any more (see the log).
 */
int sinew_node_join(struct sinew_node *node, int timeout_ms);

/* The rest that the close left undone. */
struct sinew_report_session {
	uint32_t nodeid;
	uint64_t incarnation;
	enum sinew_down reason;
	enum sinew_state state;		/* in which it ended */
	struct sinew_delivery delivery;
	bool last_ack_missing;		/* only the ACK of our FIN was not seen */
	const char *missing;		/* the step that was awaited, as text; "" if none */
};

/* Copies up to max entries, one per session that was open at sinew_close(); returns
 * how many there are. loop. */
int sinew_report(struct sinew_node *node, struct sinew_report_session *entries, int max);

/* ---- peers and membership ---- */

/* The address that text names: IPv4 or IPv6 in numbers ("127.0.0.1", "fe80::1%eth0"),
 * no host name. -EINVAL: it is none. any thread. */
int sinew_parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret_addr);

/*
 * Makes a nodeid known, with its addresses in order of preference (port 0: the
 * port of the options). Static membership dials it from now on. Without an address
 * (n_addrs 0) it is neither dialled nor let in until it gets one. any thread.
 * -EEXIST: known already. -EINVAL: nodeid 0 or our own; an address of an unknown family, the
 * unspecified one, or a link-local one without its interface. -ENOSPC: max_peers, without
 * those that sinew_peer_close() removes, of which there may be as many. -ENOMEM.
 * -ESHUTDOWN: closing.
 */
int sinew_peer_add(struct sinew_node *node, uint32_t nodeid, const struct sockaddr_storage *addrs,
		   unsigned n_addrs);
/* Gives the peer new addresses; its session goes on. Also ends a give-up after a refusal.
 * -ENOENT. -ESHUTDOWN: after sinew_peer_close(). -EINVAL: as sinew_peer_add(), or none. -ENOMEM.
 * any thread. */
int sinew_peer_set_addrs(struct sinew_node *node, uint32_t nodeid,
			 const struct sockaddr_storage *addrs, unsigned n_addrs);

enum sinew_dial {
	SINEW_DIAL_ALWAYS,	/* both sides dial: what sinew_peer_add() begins with */
	SINEW_DIAL_NEVER,	/* this side does not, in no case: the peer does */
};

/*
 * Whether this node dials the peer, from now on; all else holds, as where a firewall lets only the
 * peer's connections through. The peer's addresses are still those that it may come from. A link
 * that is up stays, whoever dialled it. To be never dialled from the start on, a peer is added
 * without an address, and gets them after this by sinew_peer_set_addrs(). Where both sides never
 * dial, no session begins. any thread.
 * -EINVAL: another value; the dlm profile, where both sides dial. -ENOENT, -ENOMEM, -ECHILD.
 */
int sinew_peer_set_dial(struct sinew_node *node, uint32_t nodeid, enum sinew_dial dial);
/* Forgets the peer; its session ends (SINEW_DOWN_REMOVED). The peer is told that it
 * has failed; added again, it needs a new incarnation. -ENOENT. any thread. */
int sinew_peer_remove(struct sinew_node *node, uint32_t nodeid);

/*
 * Removes the peer in order: FIN behind all that is queued, the handshake, at most linger_ms, then
 * it is forgotten. Sends in its session give -ESHUTDOWN from now on; messages still come until the
 * peer finishes, which is up to its application where it has no auto_close. session_down:
 * SINEW_DOWN_CLOSED if the handshake was over, SINEW_DOWN_REMOVED if the time was, as by
 * sinew_peer_remove(); or what else ended the session meanwhile. No other session of that peer
 * begins. Until the peer has seen our last ACK it stays known (sinew_peer_status(), -EEXIST), which
 * may be some time after session_down. A second call can only shorten the time. any thread.
 * -EINVAL: linger_ms < 0. -ENOENT: unknown. -ENOMEM.
 */
int sinew_peer_close(struct sinew_node *node, uint32_t nodeid, int linger_ms);

/* Membership events, in any order, idempotent; any thread; take effect in the
 * order of the calls. joined, leaving and left: -EINVAL under static membership, or for
 * incarnation 0. -ENOENT: unknown nodeid. -ENOMEM. */
int sinew_peer_joined(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation);
int sinew_peer_leaving(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation);
int sinew_peer_left(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation);
/*
 * dlm profile: no lockspace is shared with that incarnation of the peer any more. Our FIN goes as
 * soon as the peer's has come, before or after this call, and the session ends in order. A kernel
 * that has left its last lockspace waits for that FIN (Linux 6.1: 3 minutes, 6.12: 5 s). -EINVAL:
 * native profile, or incarnation 0. -ENOENT: unknown nodeid. -ENOMEM. any thread.
 */
int sinew_peer_released(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation);
/* The peer failed or was fenced; incarnation 0: the present one. */
int sinew_peer_failed(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation);
int sinew_quorum(struct sinew_node *node, bool quorate);
/* The local membership service is gone: all sessions end, new incarnation. */
int sinew_self_lost(struct sinew_node *node);

/* Has the fence_asked callback called on the loop thread, in the order of the calls. -ENOENT:
 * nodeid 0. -EINVAL: incarnation 0. any thread. */
int sinew_ask_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		    enum sinew_fence_reason reason);

/* ---- sessions ---- */

struct sinew_session *sinew_session_ref(struct sinew_session *session);	/* any thread */
/* Drops a reference taken by sinew_session_ref(); NULL is ignored. any thread. */
void sinew_session_unref(struct sinew_session *session);
/* The present session of a peer, with a reference that sinew_session_unref() gives back. NULL: none
 * is up, nodeid is unknown, or after fork. It may end at any time: calls give -ESTALE then. Another
 * thread may get it while session_up still runs. any thread. */
struct sinew_session *sinew_session_find(struct sinew_node *node, uint32_t nodeid);
uint32_t sinew_session_nodeid(const struct sinew_session *session);
uint64_t sinew_session_incarnation(const struct sinew_session *session);
void sinew_session_set_user(struct sinew_session *session, void *user);	/* loop */
void *sinew_session_user(const struct sinew_session *session);	/* loop */

/* ---- sending (any thread) ----
 *
 * In the dlm profile a message is a whole DLM packet, header included: version 3.2, own nodeid,
 * its own length, MSG or RCOM, else -EINVAL (of sinew_commit(), too: the slot stays open).
 * All: -EAGAIN: the queue is full, writable will be called. -EMSGSIZE: longer
 * than max_message of either side (see sinew_session_max_message()), it can never be
 * sent. -ESHUTDOWN: after sinew_session_finish() or sinew_close(), or the library has
 * finished itself (auto_close; the peer is leaving). -ESTALE: the session is over.
 * -ECHILD: after fork.
 * The order on the wire is the order of the calls. 0 means queued, not delivered.
 */
int sinew_send(struct sinew_session *session, const void *data, size_t len);
/* As sinew_send, and the message's number in the session (see struct sinew_delivery): the one that
 * the peer's message callback gets. 0, not known yet, while an earlier slot is open: it depends on
 * whether that is committed or discarded. */
int sinew_send_numbered(struct sinew_session *session, const void *data, size_t len,
			uint64_t *ret_number);
/*
 * As sinew_send_numbered, but where that gives -EAGAIN waits for room, at most timeout_ms (0: not
 * at all, negative: no limit). Several that wait are in no order; writable still comes for those
 * who do not wait. Never on the loop thread, whose turns make the room. any other thread.
 * -ETIMEDOUT: no room in that time. -EAGAIN: only with timeout_ms 0. -ESHUTDOWN, -ESTALE: at
 * once or while it waited, also by sinew_close() and sinew_node_free(). -EDEADLK: on the loop
 * thread, or the one that was last in sinew_dispatch(), unless timeout_ms is 0. -ENOMEM.
 * The error with which the loop of own_thread ended (see the log).
 */
int sinew_send_wait(struct sinew_session *session, const void *data, size_t len, int timeout_ms,
		    uint64_t *ret_number);
/* The pieces make one message. n: 0 .. 1024, else -EINVAL. */
int sinew_sendv(struct sinew_session *session, const struct iovec *iov, int n,
		uint64_t *ret_number);
/* One message in each of n sessions; results[i] (may be NULL) is 0 or an error for each.
 * Returns how many took it. */
int sinew_send_many(struct sinew_session *const *sessions, int n, const void *data, size_t len,
		    int *results);
size_t sinew_session_max_message(const struct sinew_session *session);
/*
 * dlm profile: queues a packet that travels without a sequence number, between whole frames, and
 * is lost with its link (see link_up). For RCOM STATUS and NAMES, which a kernel expects so. len:
 * 16 .. 4096. 0: queued for the present link; where there is none it is lost when the next one is
 * up. No delivery report counts it, and it is in no order with messages of sinew_send(). any
 * thread.
 * -EAGAIN: 32 KiB are waiting; no writable follows, repeat it when its answer is late. -EMSGSIZE.
 * -EINVAL: native profile; or no whole packet of this node (see sinew-dlm(7)). -ESHUTDOWN: either
 * side has finished. -ESTALE, -ECHILD.
 */
int sinew_send_bare(struct sinew_session *session, const void *packet, size_t len);

/* Room to build a message in place. At most 64 slots per session are open (-EAGAIN);
 * what is sent later waits for an open slot. len: at most sinew_slot_max(). */
struct sinew_slot {
	void *data;
	size_t len;
	struct sinew_session *session;	/* referenced until commit or discard */
	unsigned index;
};
size_t sinew_slot_max(const struct sinew_session *session);
int sinew_reserve(struct sinew_session *session, size_t len, struct sinew_slot *ret_slot);
/* Send the first used bytes. *ret_number is 0 while an earlier slot is open.
 * -EINVAL: used > len, or no open slot. -ESTALE, -ESHUTDOWN: given back unsent. */
int sinew_commit(struct sinew_slot *slot, size_t used, uint64_t *ret_number);
int sinew_discard(struct sinew_slot *slot);

/* ---- receiving ---- */

/* In the message callback: keeps the message beyond it. Counts against receive_bytes of
 * the session until released; over it, its link is not read (it is slow, not stalled).
 * -ENOMEM: over node_memory. -EINVAL: not the message being handed over. */
int sinew_keep(struct sinew_session *session, const struct sinew_message *msg,
	       struct sinew_kept **ret_kept);
const void *sinew_kept_data(const struct sinew_kept *kept);	/* any */
size_t sinew_kept_len(const struct sinew_kept *kept);		/* any */
void sinew_release(struct sinew_kept *kept);			/* any; NULL is ignored */

/* ---- ending ---- */

/* Half-close: no more messages from us; what is queued still goes, and the
 * peer may go on. Open slots may still be committed. Idempotent. -ESTALE. any thread. */
int sinew_session_finish(struct sinew_session *session);
/* Gives the session up: session_down(ABORTED) with the delivery report. The peer hears that it
 * has failed and takes a new incarnation, towards everybody. -ESTALE. any thread. */
int sinew_session_abort(struct sinew_session *session);

/* After session_down, until the last reference goes: reads the messages that are in doubt
 * or unsent, oldest first. any thread, one at a time. */
struct sinew_unsent {
	size_t size;		/* sizeof(struct sinew_unsent); zero the rest to begin */
	uint64_t number;
	size_t len;
	bool in_doubt;		/* else it was not delivered */
	uint64_t opaque[4];
};
/* The next one: 1, or 0 at the end. -EBUSY: the session is not over. */
int sinew_session_unsent_next(struct sinew_session *session, struct sinew_unsent *it);
/* Its bytes into buf of at least it->len. -EINVAL: before the first next. */
int sinew_session_unsent_copy(struct sinew_session *session, const struct sinew_unsent *it,
			      void *buf);

/* ---- status (any thread) ---- */

struct sinew_status {
	size_t size;			/* sizeof(struct sinew_status), set by the caller */
	uint32_t nodeid;
	uint64_t incarnation;
	enum sinew_state state;
	bool link_up;
	bool flow_blocked;		/* our queue is full, or the peer says RX_PAUSED */
	bool peer_paused;		/* the peer says that it does not read */
	bool paused;			/* we do not read: the application keeps too much */
	bool slot_held;			/* a slot has been open for over a second */
	uint64_t sent, delivered, acked;	/* application messages: queued to the
					 * peer, received from it, acknowledged by it */
	uint64_t unacked;		/* sent - acked */
	uint64_t resent, duplicates;	/* frames */
	uint64_t reconnects;		/* links after the first */
	uint64_t resumed_unacked;	/* of them with unacknowledged data */
	uint64_t acks_sent, acks_received;
	uint64_t bytes_sent, bytes_received;
	uint64_t queue_bytes, queue_high_water;
	uint64_t kept_bytes, kept_high_water;
	uint64_t oldest_unacked_ms;	/* at least so old; 0 = none */
	uint64_t faults, stalls;
	int last_error;			/* negative errno of the last link that broke, was
					 * refused or ran out of time, or dial that failed */
	uint64_t last_error_ms;		/* CLOCK_REALTIME, ms since 1970; 0 = never */
	unsigned n_paths;
	unsigned path;			/* in use, index; meaningful if link_up */
	struct {
		struct sockaddr_storage addr;
		enum sinew_path_state state;
		uint64_t rtt_us;	/* round trip; 0 = unknown */
	} paths[SINEW_ADDRS_MAX];
	uint64_t resumed_paced;		/* of the reconnects those with little resent before an
					 * ACK: links before them brought none */
	unsigned n_links;		/* that carry the session: 1, or in the dlm profile 2 */
	uint32_t dlm_version;		/* dlm profile: of the peer, 0x00030002 or 0x00030001; 0:
					 * it has sent nothing yet */
	bool unreliable;		/* dlm profile: it speaks 3.1, messages may be lost */
	bool release_missing;		/* dlm profile: it has finished, and waits for
					 * sinew_peer_released() */
	bool never_dialled;		/* sinew_peer_set_dial(): without link_up it waits to be
					 * dialled by the peer */
};

/* One snapshot is consistent: acked <= sent, and queue_bytes fits the queue.
 * -EINVAL: size. A struct of another version of this header gets what both know, else 0.
 * Works after the end of the session, too. */
int sinew_session_status(struct sinew_session *session, struct sinew_status *ret);
/* Of a peer: its present session, or none (state SINEW_CLOSED, paths filled). -ENOENT. */
int sinew_peer_status(struct sinew_node *node, uint32_t nodeid, struct sinew_status *ret);
/* Why there was no link to that peer: the text of the last refusal by or of it, or of the last
 * dial that failed, with its cause, or ""; at most n bytes are written, always terminated.
 * -ENOENT. */
int sinew_last_refusal(struct sinew_node *node, uint32_t nodeid, char *buf, size_t n);

#ifdef __cplusplus
}
#endif

#endif
