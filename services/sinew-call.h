/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: calls between nodes. A call is begun in a session, its request is sent in pieces, it is
 * answered, refused or given up, and each side gets to know what became of it. Conventions,
 * threads and words as in sinew.h.
 *
 * Words
 *   A service is a function of a node, bound to an id from 64 to 65535; an op is a number that the
 *   application gives to one of its operations. A binding names a service of one session, that is,
 *   of one incarnation of the peer. The caller begins a call, the called side answers it; both
 *   sides of a session may do so at once, whichever dialled.
 *   A slot is what a call occupies at the called side: so many may be there at once. One is free
 *   again when the called side has ended its call and the caller has consumed the reply.
 *   A window is the number of bytes that one side of a call may send before the other one has
 *   consumed some. Each call has its own, in each direction: none can block another one.
 *
 * The outcome, which says at its end what became of a call
 *   NOT_EXECUTED	the application of the peer has not seen it and never will: begin it
 *			elsewhere, or again, without fear
 *   PARTIAL		the end of the request has never left this node: who acts on whole requests
 *			has not acted
 *   IN_DOUBT		it was executed once, or not at all
 *   STARTED		the application of the peer has it; whether that finished is unknown
 *   DONE		it was executed to its end; the reply is complete, unless the caller gave it
 *			up before, or a piece of it could not be sealed or opened
 * It is never executed twice. Connections that break change nothing of all this: the session
 * under the calls goes on. A session that ends, ends all its calls, each with its outcome.
 *
 * Events
 *   All events of a call come to one function, in order, on the loop thread, with no lock held:
 *   of an own call that of struct sinew_call_options, of the peer's that of struct sinew_service.
 *   None comes from inside of a function below, whose call may cause it, but later. Before that
 *   function the one of sinew_calls_intercept() sees them.
 *	caller:		ACCEPTED, ROOM, STATE, DATA ..., then ENDED
 *	called side:	NEW, DATA ..., ROOM, FINAL_ACK, then ENDED
 *   ENDED comes once and is the last: at the called side when all of the reply is on its way (with
 *   SINEW_CALL_WANT_FINAL when the caller is done with it), or for another reason, which means that
 *   the work is to stop. Each call, on both sides, is given back by sinew_call_end(); no event
 *   comes after that.
 */
#ifndef SINEW_CALL_H
#define SINEW_CALL_H

#include "sinew-call-event.h"
#include "sinew-cred.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_FOREVER		UINT32_MAX	/* as a deadline: none */
#define SINEW_SERVICE_FIRST	64		/* ids below are the library's own */

struct sinew_binding;	/* a service of a session, to begin calls with */

/* How data of a call come to its function. In all of them the other side can send no more than the
 * window, so none needs more memory than that, or than the whole that is asked for. */
enum sinew_call_delivery {
	SINEW_CALL_PIECES,	/* as they arrive; consumed when the function returns */
	SINEW_CALL_PACED,	/* as they arrive; consumed by sinew_call_consumed() */
	SINEW_CALL_WHOLE,	/* one event DATA for the whole request or reply */
	SINEW_CALL_PULL,	/* the library keeps a copy; sinew_call_read() consumes it. DATA
				 * only says that there is more to read */
};

/* ---- the calls of a node ---- */

/* Fill with sinew_calls_options_init(), then change what is needed. A number of 0: its default.
 * sinew_option_set() changes slots and window in a node that runs, as calls.slots (to fewer, and
 * back) and calls.window. */
struct sinew_calls_options {
	size_t size;		/* set by sinew_calls_options_init() */
	uint32_t slots;		/* 128, 16 to 1024: calls of one peer at once, at this node; 8 of
				 * them are kept for services of the library */
	uint32_t window;	/* 1 MiB, 16 KiB to 16 MiB: the most that the window of a call grows
				 * to while its data are consumed; it begins with 16 KiB */
	uint32_t max_queued;	/* 1024, at most 32768: own calls of one session that wait for a
				 * slot */
	uint32_t deadline_ms;	/* 30000: of calls that say none; or SINEW_FOREVER */
	uint32_t send_bytes;	/* 64 KiB, 16 KiB to 1 GiB: data of one call that are copied while
				 * they cannot go */
	/* Calls back for memory, NULL: malloc() and free(). Any thread, with a lock of the library
	 * held: they call nothing of it. */
	void *(*alloc)(size_t size, void *user);
	void (*release)(void *mem, void *user);
	void *alloc_user;
	/* A call that sinew_call_begin() refused with -EAGAIN may be begun now. loop; NULL: none */
	void (*room)(struct sinew_calls *calls, struct sinew_session *session, void *user);
	void *room_user;
	/* The session has lost its link (up false), or has one again. The two alternate; the first
	 * is a loss. Nothing ends by it: what is sent waits, and deadlines run. A link that takes
	 * the place of another one is no event. loop. NULL: none */
	void (*path)(struct sinew_calls *calls, struct sinew_session *session, bool up, void *user);
	void *path_user;
};

/* size: sizeof(struct sinew_calls_options) of the caller, so that the ABI can grow. */
void sinew_calls_options_init(struct sinew_calls_options *opt, size_t size);
#define SINEW_CALLS_OPTIONS_INIT(opt) sinew_calls_options_init((opt), sizeof *(opt))

/*
 * Has the node offer calls to its peers, and be able to call them. Before the first
 * sinew_dispatch(), with own_thread before the first sinew_peer_add(). opt NULL: defaults. any
 * thread. *ret_calls belongs to the caller: sinew_calls_free().
 * -EINVAL: an option out of range; the dlm profile. -EBUSY: the node has its calls already, or was
 * dispatched. -ENOMEM, -ECHILD.
 */
int sinew_calls_new(struct sinew_node *node, const struct sinew_calls_options *opt,
		    struct sinew_calls **ret_calls);

/*
 * Begins to end all calls in order: the peers' new ones are refused (CLOSING, NOT_EXECUTED), own
 * ones give -ESHUTDOWN, those with SINEW_CALL_ENDLESS end at once; all others go on until their
 * deadlines, but for at most timeout_ms (negative: no limit), after which they end with reason
 * CLOSING. sinew_calls_open() tells how far it is. Returns at once; a second call can only shorten
 * the time. sinew_session_finish() and sinew_close() do the same by themselves in a session, and
 * its FIN waits for open calls. any thread. -ESTALE: the node is gone. -ECHILD.
 */
int sinew_calls_drain(struct sinew_calls *calls, int timeout_ms);

/* How many calls, own and of peers, have not ended, without the library's own. any thread. */
unsigned sinew_calls_open(const struct sinew_calls *calls);

/*
 * Gives everything back, before or after sinew_node_free(); NULL is ignored. Calls that are open
 * are aborted, without an event; the other side sees an abort, or the end of the session. Calls
 * and bindings that are still held stay valid memory, give -ESTALE, and are given back as ever;
 * the functions for memory, and those of credentials, are called until the last of them, of the
 * messages kept and of the sessions is. When it returns no other function of the application runs
 * any more. Not from a callback. any other thread. (sinew_node_free() ends calls with an event.)
 */
void sinew_calls_free(struct sinew_calls *calls);

/* True: it has dealt with the event, and the function of the call does not get it. user: of
 * sinew_calls_intercept(). loop; it may call everything but sinew_calls_free(). */
typedef bool (*sinew_call_intercept_fn)(struct sinew_call *call, const struct sinew_call_msg *msg,
					void *user);

/*
 * From now on fn sees each event of each call, own and of peers, in order per call, before the
 * function of the call, which it may replace: own calls and services need none then. It also sees
 * NEW of a call that arrives and waits for its service, and ENDED of one that its service never
 * accepts: the application does not own such a call; sinew_call_abort() or sinew_call_end() makes
 * the service refuse it. Data are consumed as their delivery says, whoever gets them. Only once.
 * any thread. -EINVAL: no function. -EEXIST: there is one. -ECHILD.
 */
int sinew_calls_intercept(struct sinew_calls *calls, sinew_call_intercept_fn fn, void *user);

/* The calls of one session: how many there are, how those ended that were begun in it. */
struct sinew_calls_status {
	size_t size;		/* sizeof(struct sinew_calls_status), set by the caller */
	/* Own calls. */
	uint64_t begun;
	uint64_t done, started, in_doubt, partial, not_executed;	/* ended, by outcome */
	uint64_t busy;		/* of the ended ones: their service took no more */
	uint64_t aborted;	/* ... by either side's application */
	uint32_t open;		/* not ended; of them: */
	uint32_t waiting;	/* have no slot, or are to be begun again */
	uint32_t slots_granted;	/* by the peer */
	uint32_t slots_used;
	/* Calls of the peer. */
	uint64_t peers_begun;	/* that came to a service here, or to none; of them */
	uint64_t peers_refused;	/* by BUSY, NO_SERVICE, NO_OP, TOO_BIG or CLOSING */
	uint32_t peers_open;	/* not ended */
	uint32_t peers_held;	/* ended, but the application does not let go: sinew_call_end() */
	uint32_t peers_granted;	/* slots that the peer may use */
	uint32_t peers_used;
	/* Of both. */
	uint64_t late;		/* frames of calls that had ended, dropped */
	bool broken;		/* a side broke the rules: calls of this session have ended */
	/* The oldest call, of either side, that is open or occupies its slot; not the library's
	 * own. */
	bool has_oldest;
	bool oldest_incoming;	/* it is the peer's */
	bool oldest_waiting;	/* for a slot, or for a handler of its service */
	bool oldest_ended;	/* an incoming one is held, an own reply is not consumed */
	uint16_t oldest_service;
	uint32_t oldest_op;
	uint64_t oldest_id;	/* sinew_call_id(); 0: it has no slot yet */
	uint64_t oldest_age_ms;
};

/*
 * One snapshot of a session is consistent; it is told after the end of the session, too. A struct
 * of another version of this header gets what both know, else 0. any thread.
 * -EINVAL: size, or a session of another node. -EOPNOTSUPP: the peer does not offer calls, or its
 * session has not begun. -ECHILD.
 */
int sinew_calls_status(struct sinew_calls *calls, struct sinew_session *session,
		       struct sinew_calls_status *ret);

/*
 * From now on the events of calls without a function, own and of services, which need none then,
 * wait for sinew_calls_take(): those of one call in order. They take no more memory than the window
 * of each call, which grows only while they are taken. max: calls of peers whose NEW may wait;
 * further ones find their service full. They are not executed before they are taken. Before such
 * calls are begun and services bound. Once for all. any thread.
 * -EINVAL: max is 0. -EEXIST: there is a queue. -ENOMEM, -ECHILD.
 */
int sinew_calls_queue(struct sinew_calls *calls, unsigned max);

/*
 * Takes the next event; waits for timeout_ms (negative: no limit). Until sinew_call_msg_put() of
 * *ret_msg no other thread gets one of the same call, and with SINEW_CALL_PIECES its data are not
 * consumed; DATA has all that came since the last one. The call may be given back before. any
 * thread, any number of them. -ETIME: none came. -ESHUTDOWN: the calls are being freed, which waits
 * for threads in here; or the node is gone, and no event is left. -EDEADLK: to wait on the loop
 * thread. -EINVAL: no queue. -ECHILD.
 */
int sinew_calls_take(struct sinew_calls *calls, int timeout_ms, struct sinew_call_msg **ret_msg);

/* A descriptor, always the same, for threads that poll: readable while sinew_calls_take() has an
 * event or gives -ESHUTDOWN. Take with timeout 0 then, for another thread may be faster. Neither
 * to be read nor to be closed; valid until sinew_calls_free(), of which it does not tell. any
 * thread. -EINVAL: no queue. -EMFILE, -ENFILE, -ENOMEM, -ECHILD. */
int sinew_calls_get_fd(struct sinew_calls *calls);

/* ---- services ---- */

enum sinew_service_full {
	SINEW_FULL_BUSY,	/* further calls are refused at once: BUSY, NOT_EXECUTED */
	SINEW_FULL_WAIT,	/* they wait in their slots until another one has ended, or
				 * sinew_calls_accept() or sinew_calls_reject() takes them */
	SINEW_FULL_ALLOC,	/* up to max_alloc further ones at once are taken, then BUSY */
};

#define SINEW_SERVICE_DETACH	1u	/* the slot of a call that the caller gave up is free at
					 * once, not only after sinew_call_end(): callers that begin
					 * and abort may keep more handlers at work than there are
					 * slots, but never more than max_calls */
#define SINEW_SERVICE_WANT_FINAL 2u	/* all replies are sent as with SINEW_CALL_WANT_FINAL */
#define SINEW_SERVICE_CHARGED	4u	/* full, too, while no charge is left */
#define SINEW_SERVICE_CRED	8u	/* calls without a credential are refused: CREDENTIAL,
					 * NOT_EXECUTED */

struct sinew_service {
	size_t size;			/* sizeof(struct sinew_service); forgotten: -EINVAL */
	sinew_call_fn fn;		/* gets all events of its calls; NULL: the interceptor or
					 * the queue does */
	enum sinew_call_delivery delivery;
	const uint32_t *ops;		/* the ops that it has, copied; NULL: all */
	unsigned n_ops;			/* at most 1024 */
	uint32_t max_calls;		/* from all peers at once; 0: as many as there are slots */
	uint64_t max_request;		/* bytes; 0: 1 MiB with SINEW_CALL_WHOLE, else no limit */
	enum sinew_service_full full;
	uint32_t retry_ms;		/* the hint that goes with BUSY; 0: none */
	unsigned flags;			/* SINEW_SERVICE_DETACH and so on */
	const uint32_t *probe_ops;	/* ops for calls that ask for an upgrade alone, copied;
					 * for others NO_OP. They are to do no work; NULL: none */
	unsigned n_probe_ops;		/* at most 1024 */
	uint32_t max_alloc;		/* with SINEW_FULL_ALLOC, not 0: calls beyond max_calls, or
					 * beyond the charges; their NEW says extra */
};

/* Calls of that service id are taken from now on, in present sessions, too, until
 * sinew_calls_free(). any thread. -EINVAL: id below 64, no function, interceptor or queue, a field
 * out of range. -EEXIST: id has a service. -ENOMEM, -ECHILD. */
int sinew_service_bind(struct sinew_calls *calls, uint16_t id, const struct sinew_service *service,
		       void *user);

/*
 * Calls to the service from that ask for it (SINEW_CALL_UPGRADE), and those behind them by the same
 * binding, go to the service to instead, whose function, options and limits they have; all others
 * stay with from. For present sessions, too, until sinew_calls_free(). any thread. -EINVAL: the ids
 * are equal. -ENOENT: one of them is not bound. -EEXIST: one of them is in an upgrade already, also
 * in this one. -ENOTSUP: an op of from is missing in to, as the log says; a service without a list
 * has all, and an op for probes alone in to is missing, unless it is so in from. -ECHILD.
 */
int sinew_service_upgradeable(struct sinew_calls *calls, uint16_t from, uint16_t to);

/*
 * A service with SINEW_SERVICE_CHARGED is ready for n more calls without being asked: each that
 * comes, or waits, spends one. users: n pointers, copied, which become the users of these calls in
 * their order; NULL: that of the service. any thread. -ENOENT: no service has that id. -EINVAL: n
 * is 0, or the service has not that flag. -ENOBUFS: more than 65536 would be left. -ESHUTDOWN:
 * calls are drained, or the node is gone. -ENOMEM, -ECHILD.
 */
int sinew_service_charge(struct sinew_calls *calls, uint16_t id, unsigned n, void *const users[]);

/*
 * Takes the call of a peer that has waited longest for a service with SINEW_FULL_WAIT, though that
 * may be full. Its events go on with DATA, without NEW; *ret_call, which is set before the first of
 * them, is to be given back as ever. any thread.
 * -ENODATA: none waits. That it came to nothing since it waits: -ETIME: its deadline has passed.
 * -ECONNABORTED: it was aborted, or its session or the calls have ended. -EINVAL, -ECHILD.
 */
int sinew_calls_accept(struct sinew_calls *calls, void *user, struct sinew_call **ret_call);
/* Refuses that call: BUSY, NOT_EXECUTED, with the hint retry_ms. The same errors. any thread. */
int sinew_calls_reject(struct sinew_calls *calls, uint32_t retry_ms);

/* ---- own calls ---- */

/*
 * Names a service of the peer, to begin calls with; references the session, and cred, which may be
 * NULL: none. Nothing is asked of the peer: whether it has that service, and takes that credential,
 * the first call tells. any thread.
 * -EOPNOTSUPP: the peer does not offer calls. -ESTALE: the session is over. -EPROTO: its calls have
 * ended with SINEW_END_PROTOCOL. -ENOSPC: 256 bindings of different services or credentials are
 * open, or SINEW_CREDS_MAX credentials. -EMSGSIZE: the peer takes no credential or seal so long.
 * -EINVAL: a session or credential of another node. -ENOMEM, -ECHILD.
 */
int sinew_binding_open(struct sinew_calls *calls, struct sinew_session *session, uint16_t service,
		       struct sinew_cred *cred, struct sinew_binding **ret_binding);
/*
 * The id of the service that calls by this binding have now: that of sinew_binding_open(), until a
 * call with SINEW_CALL_UPGRADE has learned that the peer has another one in its place. That call is
 * the probe; ACCEPTED, its reply, or its end after a handler of the peer had it brings the answer,
 * which is for all calls by bindings to that id, also later ones, as long as the session lasts.
 * Other calls of the binding wait meanwhile, as for a slot: their deadlines run, with
 * SINEW_CALL_NOWAIT they give -EAGAIN. A peer without a newer service, or that knows nothing of
 * upgrades, answers as ever, and the id stays. A probe that was refused, or given up before the
 * answer, decides nothing: the calls that wait go to the old service, and the next call with the
 * flag asks again. any thread.
 */
uint16_t sinew_binding_service(const struct sinew_binding *binding);	/* 0: NULL */
/* No more calls by it; those that are open go on. NULL is ignored. any thread. */
void sinew_binding_close(struct sinew_binding *binding);

#define SINEW_CALL_MORE		1u	/* begin, send: more data follow by sinew_call_send() */
#define SINEW_CALL_NOWAIT	2u	/* begin: now or not at all */
#define SINEW_CALL_SETTLE	4u	/* begin: at its deadline or abort, ENDED waits for the word
					 * of the peer, and so knows whether it was executed */
#define SINEW_CALL_WANT_ACCEPT	8u	/* begin: ACCEPTED comes as soon as the peer has it; else
					 * only for calls that take longer */
#define SINEW_CALL_ENDLESS	16u	/* begin: a subscription, that draining ends at once */
#define SINEW_CALL_RETRY	32u	/* begin: while its service is BUSY, it is begun again, with
					 * growing pauses, at least as long as the service says,
					 * until its deadline. The request is kept meanwhile; not
					 * with SINEW_CALL_MORE */
#define SINEW_CALL_UPGRADE	64u	/* begin: it asks whether the peer has a newer service
					 * in place of that of the binding: see
					 * sinew_binding_service(). Only one call of a binding
					 * asks */
#define SINEW_CALL_WANT_FINAL	128u	/* send, of a reply: FINAL_ACK comes when the caller has
					 * consumed all of it, and ENDED waits for that. One frame
					 * more. Once for the reply, with its last data or before */

/* Zero it, then set size and what is needed. */
struct sinew_call_options {
	size_t size;		/* sizeof(struct sinew_call_options); forgotten: -EINVAL */
	sinew_call_fn fn;	/* gets the call's events; NULL: the interceptor or the queue does,
				 * and without these what arrives is dropped */
	enum sinew_call_delivery delivery;
	uint64_t total;		/* with SINEW_CALL_MORE: length of the whole request, 0: unknown */
	uint32_t deadline_ms;	/* from now; one of 10 s or more, in a callback, from when this
				 * iteration of the loop began; 0: that of the node's calls; or
				 * SINEW_FOREVER */
	uint64_t max_reply;	/* bytes, with SINEW_CALL_WHOLE: a longer one is aborted with
				 * SINEW_RXGEN_CC_UNMARSHAL; 0: 1 MiB */
	struct sinew_call *parent;	/* the peer's call that this one is begun for: it gets a
				 * depth one more, for which slots are reserved, and at most the
				 * time that the parent has left. NULL: none */
	struct sinew_call *after;	/* a call of the peer, in the same session: the application
				 * of the peer is shown this one when that has ended there, so
				 * that a callback does not overtake the reply it refers to.
				 * Until then it is in its slot, and deadline and abort work.
				 * NULL, or one that is over there: none */
	struct sinew_cred *cred;	/* instead of that of the binding; NULL: that. The peer
				 * keeps it until sinew_binding_close(), or until another
				 * one needs its room */
};

/*
 * Begins a call with the first data of its request (n pieces; without SINEW_CALL_MORE they are all
 * of it). Data that cannot go yet are copied; never waits. Without a free slot at the peer the call
 * waits for one, and its deadline runs. opt NULL: as one of zeros. *ret_call belongs to the caller:
 * sinew_call_end(). It is set before the first event comes, which, unless this is the loop thread,
 * may be before this returns. n 0 with SINEW_CALL_MORE is legal. any thread.
 * 0: begun; ENDED will come. Else nothing was begun: -EMSGSIZE: more data than send_bytes: begin
 * with SINEW_CALL_MORE and less. -EAGAIN: with SINEW_CALL_NOWAIT, no slot is free, or max_queued
 * calls wait, or with SINEW_CALL_NOWAIT, another call asks for an upgrade; room of struct
 * sinew_calls_options follows. -EALREADY: with SINEW_CALL_UPGRADE, the service of the binding is
 * known, or another call asks for it: begin it without the flag. -ESHUTDOWN: the session finishes,
 * this side or the peer, or calls are drained. -ESTALE: the session is over. -ELOOP: the parent has
 * the depth 7. -ECONNABORTED: the parent has ended. -EDEADLK: this is a callback, and nothing is
 * read in that session because its messages that were kept exceed receive_bytes: no reply could
 * come until callbacks release some (nobody else ever has). A call that a callback began before
 * ends for the same reason, SINEW_END_DEADLOCK, when such a pause has lasted 20 ms. -EPROTO: calls
 * of that session have ended with SINEW_END_PROTOCOL. -EINVAL: n < 0 or more than 1024, an unknown
 * flag, less data than total without SINEW_CALL_MORE, or more; SINEW_CALL_RETRY with
 * SINEW_CALL_MORE; an own call as parent or after; as after one of another session, or the parent;
 * after with SINEW_CALL_UPGRADE; a credential of another node. -ENOSPC, -EMSGSIZE: of a credential,
 * as sinew_binding_open(). -ENOMEM, -ECHILD.
 */
int sinew_call_begin(struct sinew_binding *binding, uint32_t op,
		     const struct sinew_call_options *opt, const struct iovec *iov, int n,
		     unsigned flags, void *user, struct sinew_call **ret_call);

/* ---- a call, at either side ---- */

/*
 * Sends more of the request, or of the reply: the peer's call is answered by it. Without
 * SINEW_CALL_MORE these are the last data, none is legal. Returns how many bytes were taken, which
 * may be less: the rest is to be sent again, with the same flags, after ROOM. any thread.
 * -EAGAIN: none was taken, ROOM follows. -EBUSY: a reply while the end of the request has not been
 * delivered. -EPIPE: the last data were sent before. -ECONNABORTED: it has ended or was aborted.
 * -EINVAL: n < 0 or more than 1024, a flag but SINEW_CALL_MORE and, of a reply,
 * SINEW_CALL_WANT_FINAL, or the data do not fit the announced total.
 * -ENOMEM: the call is aborted, too, with SINEW_RX_CALL_DEAD. -ESTALE, -ECHILD.
 */
ssize_t sinew_call_send(struct sinew_call *call, const struct iovec *iov, int n, unsigned flags);

/* Tells the caller that the application has its call: STARTED from now on. The library does so
 * itself for calls that are not answered at once. any thread. -EINVAL: an own call. -EALREADY: told
 * or answered. -ECONNABORTED: it has ended. -ESTALE, -ECHILD. */
int sinew_call_accept(struct sinew_call *call);

/*
 * Asks the peer how far an own call is; its library answers, not its application. STATE follows,
 * unless ENDED comes first. any thread. -EALREADY: it was asked, and has not answered. -EAGAIN: the
 * call has not left, it waits for a slot or for room. -EINVAL: a call of the peer. -ECONNABORTED:
 * it has ended. -ESHUTDOWN: no more frames go in the session. -ESTALE, -ECHILD.
 */
int sinew_call_query(struct sinew_call *call);

/* Ends the call at once with that code, which the other side gets; data that have not left are
 * dropped. ENDED follows. any thread. -EALREADY: it has ended or was aborted. -ESTALE, -ECHILD. */
int sinew_call_abort(struct sinew_call *call, int32_t code);

/*
 * Gives the call back: no event comes any more, and the handle is not to be used again. An own call
 * that has not ended is aborted with SINEW_RX_USER_ABORT; one of the peer, whose last data were not
 * sent, with SINEW_RX_CALL_DEAD. Data that were, still go. Once for each call; also from its
 * function and with messages of it kept. NULL is ignored. any thread.
 */
void sinew_call_end(struct sinew_call *call);

/*
 * With SINEW_CALL_PULL: copies data that have arrived to buf + *off, up to size, and advances *off;
 * what was copied is consumed. more: data may follow those that are wanted. Again with the same
 * arguments until *off is size. any thread, one at a time.
 * 0: filled, more data follow. 1: filled with the last data. -EAGAIN: not filled yet, DATA comes.
 * -EBADMSG: the last data leave it short; -EMSGSIZE: more follow, though more is false: both abort
 * the call with SINEW_RXGEN_CC_UNMARSHAL, or at the called side SINEW_RXGEN_SS_UNMARSHAL.
 * -ECONNABORTED: it ended before the data were complete. -EINVAL: another delivery. -ESTALE,
 * -ECHILD.
 */
int sinew_call_read(struct sinew_call *call, void *buf, size_t size, size_t *off, bool more);

/* With SINEW_CALL_PACED: n more bytes of what was delivered are consumed; the other side may send
 * as many more. An own call whose reply is complete keeps its slot until all of that is consumed.
 * any thread. -EINVAL: another delivery, or more than was delivered. -ECONNABORTED: any other call
 * that has ended, or was aborted. -ESTALE, -ECHILD. */
int sinew_call_consumed(struct sinew_call *call, size_t n);

/* In the function, for DATA, or for a message of sinew_calls_take(): keeps the data beyond it, as
 * *ret_msg with data of its own. Those of one frame of 16 KiB are not copied in the function, and
 * count against receive_bytes of the session, as by sinew_keep(). They keep neither window nor
 * slot. loop, or the thread that took it. -EINVAL: not the event that is handed over or taken, or
 * it has no data. -ENOMEM. */
int sinew_call_msg_ref(const struct sinew_call_msg *msg, struct sinew_call_msg **ret_msg);
/* Gives back what that function or sinew_calls_take() gave. any thread; NULL is ignored. */
void sinew_call_msg_put(struct sinew_call_msg *msg);

struct sinew_call_status {
	size_t size;		/* sizeof(struct sinew_call_status), set by the caller */
	bool incoming;		/* the peer's */
	bool waiting;		/* for a slot, or for a handler of its service */
	bool accepted;		/* the called side has it, as far as is known here */
	bool aborted;		/* by either side */
	bool ended;
	enum sinew_call_reason reason;		/* once ended */
	enum sinew_call_outcome outcome;	/* once ended */
	int32_t code;		/* of an abort */
	unsigned depth;		/* 0: begun for no other call */
	uint64_t sent;		/* bytes of this side that went into the session */
	uint64_t unsent;	/* bytes that wait here */
	uint64_t received;	/* bytes from the other side */
	uint64_t consumed;	/* of them */
	uint64_t age_ms;	/* since it was begun, or shown */
	uint64_t left_ms;	/* to its deadline; UINT64_MAX: none */
	bool paused;		/* nothing is read in its session, as messages that were kept
				 * exceed receive_bytes: nothing comes for this call either */
};

/* -EINVAL: size. any thread. */
int sinew_call_status(struct sinew_call *call, struct sinew_call_status *ret);

/* Names the call in logs: no other one of that session and direction has it for long. 0: it waits
 * for its slot. any thread. */
uint64_t sinew_call_id(const struct sinew_call *call);
/* The id in force: at the called side that of the service which has the call; at the caller that of
 * its binding when it got its slot, of the probe after the answer. any thread. */
uint16_t sinew_call_service(const struct sinew_call *call);
uint32_t sinew_call_op(const struct sinew_call *call);		/* any */
/* Borrowed from the call. any thread. */
struct sinew_session *sinew_call_session(const struct sinew_call *call);
void *sinew_call_user(const struct sinew_call *call);	/* loop; queue: with a message of it */
void sinew_call_set_user(struct sinew_call *call, void *user);	/* the same */
/* The peer's: the principal of its credential, valid until sinew_call_end(); NULL: none. any
 * thread. */
void *sinew_call_principal(const struct sinew_call *call);

#ifdef __cplusplus
}
#endif

#endif
