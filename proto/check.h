/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Invariants of a core between two calls, asserted where it is built with SINEW_CHECK, as the
 * tests are, and without NDEBUG. Products are built without.
 *
 * The first four are called behind each entry of the core that can change what they look at; the
 * others where nothing is left to do.
 */
#ifndef SINEW_PROTO_CHECK_H
#define SINEW_PROTO_CHECK_H

struct core;
struct core_action;
struct link;
struct peer;
struct ring;
struct session;

#if defined SINEW_CHECK && !defined NDEBUG
/* The consumer's side; the producer's side, under its lock. */
void ring_check(struct ring *r);
void ring_put_check(const struct ring *r);
/* With its ring. One that is provided, alive, or over: its peer may be gone. */
void session_check(struct session *s);
/* With its session. Also one that the core has forgotten. */
void link_check(const struct link *l);
/* A peer of the core, with its session. */
void peer_check(struct peer *p);
/* Polled: what it is about. */
void core_action_check(const struct core_action *a);
/* Nothing is left to poll. */
void core_check(struct core *core);
/* Nothing is being read, and all timers that were due have run. */
void core_check_tick(struct core *core);
#else
#define ring_check(r)		((void)(r))
#define ring_put_check(r)	((void)(r))
#define session_check(s)	((void)(s))
#define link_check(l)		((void)(l))
#define peer_check(p)		((void)(p))
#define core_action_check(a)	((void)(a))
#define core_check(core)	((void)(core))
#define core_check_tick(core)	((void)(core))
#endif

#endif
