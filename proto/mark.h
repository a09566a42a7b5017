/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks: the way of every file of the core to report without calling another one. Notes, times,
 * objects pending for the caller and for core_settle(). Nothing here acts.
 */
#ifndef SINEW_PROTO_MARK_H
#define SINEW_PROTO_MARK_H

#include "session.h"

enum note_level { NOTE_ERROR, NOTE_WARNING, NOTE_INFO, NOTE_DEBUG };

struct core;
struct link;
struct note;
struct peer;

/* A note to fill in; addr is taken from l (may be NULL). */
struct note *core_note(struct core *core, enum note_level level, uint32_t nodeid,
		       const struct link *l, const char *text);
/* core_tick() must run at when_ns or earlier. */
void core_arm(struct core *core, uint64_t when_ns);
/* Whether that time has come; if not, arms it. */
bool core_due(struct core *core, uint64_t when_ns);
/* Spreads times, no more; core_cookie() cannot be guessed. */
uint32_t core_random(struct core *core);
uint64_t core_cookie(struct core *core);
void core_mark_session(struct session *s, enum session_pending what);
/* A link of it has come or gone; who needs to know that is a service. */
static inline void session_path_changed(struct session *s)
{
	if (s->calls.slots)
		core_mark_session(s, SESSION_P_PATH);
}
void core_mark_link(struct link *l);
void core_mark_peer(struct peer *p);
/* Something changed that the link or a dial of p depends on: core_settle() looks. */
void core_mark_dial(struct peer *p);
void core_forget_link(struct link *l);

#endif
