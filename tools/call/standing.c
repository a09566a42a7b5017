/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/call/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/json.h"
#include "tools/say.h"

struct standing {
	struct standing *next;
	uint32_t node;
	struct sinew_session *session;	/* NULL: none is up */
	struct sinew_calls_status past;	/* sums of the sessions that are over */
};

/* Adds a to the sums. */
static void add(struct sinew_calls_status *to, const struct sinew_calls_status *a)
{
	to->begun += a->begun;
	to->done += a->done;
	to->started += a->started;
	to->in_doubt += a->in_doubt;
	to->partial += a->partial;
	to->not_executed += a->not_executed;
	to->busy += a->busy;
	to->aborted += a->aborted;
	to->peers_begun += a->peers_begun;
	to->peers_refused += a->peers_refused;
	to->late += a->late;
}

/* Of the present session, with the sums of all. */
static struct sinew_calls_status status_of(const struct standing *s, struct sinew_calls *calls)
{
	struct sinew_calls_status st = { .size = sizeof(st) };

	if (s->session && sinew_calls_status(calls, s->session, &st))
		st = (struct sinew_calls_status){ .size = sizeof(st) };
	add(&st, &s->past);
	return st;
}

static struct standing *find(struct standing *list, uint32_t node)
{
	while (list && list->node != node)
		list = list->next;
	return list;
}

void standing_up(struct standing **list, struct sinew_session *session)
{
	uint32_t node = sinew_session_nodeid(session);
	struct standing *s = find(*list, node);

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s) {
			say(SINEW_ERROR, "out of memory: calls of node %" PRIu32 " are not counted",
			    node);
			return;
		}
		s->node = node;
		s->next = *list;
		*list = s;
	}
	s->session = session;
}

void standing_down(struct standing **list, struct sinew_calls *calls,
		   struct sinew_session *session)
{
	struct standing *s = find(*list, sinew_session_nodeid(session));
	struct sinew_calls_status st = { .size = sizeof(st) };

	if (!s || s->session != session)
		return;
	if (!sinew_calls_status(calls, session, &st))
		add(&s->past, &st);
	s->session = NULL;
}

void standing_free(struct standing *list)
{
	while (list) {
		struct standing *next = list->next;

		free(list);
		list = next;
	}
}

/* ---- what is told ---- */

static const char *oldest_is(const struct sinew_calls_status *st)
{
	if (st->oldest_ended)
		return st->oldest_incoming ? "has ended, its handler does not let go" :
			"has ended, its reply is not consumed";
	return st->oldest_waiting ? "waits" : "is open";
}

void standing_say(const struct standing *list, struct sinew_calls *calls)
{
	for (const struct standing *s = list; s; s = s->next) {
		struct sinew_calls_status st = status_of(s, calls);

		say(SINEW_INFO, "node %" PRIu32 "%s: %" PRIu64 " calls came, %" PRIu64 " refused, %"
		    PRIu32 " open, %" PRIu32 " held, %" PRIu32 " of %" PRIu32 " slots; %" PRIu64
		    " begun to it, %" PRIu32 " open, %" PRIu32 " waiting, %" PRIu32 " of %" PRIu32
		    " slots", s->node, s->session ? "" : " (down)", st.peers_begun,
		    st.peers_refused, st.peers_open, st.peers_held, st.peers_used,
		    st.peers_granted, st.begun, st.open, st.waiting, st.slots_used,
		    st.slots_granted);
		if (!st.has_oldest)
			continue;
		say(SINEW_INFO, "node %" PRIu32 ": the oldest call, %s it, %016" PRIx64
		    " of service %u op %" PRIu32 ", %s after %" PRIu64 " ms", s->node,
		    st.oldest_incoming ? "from" : "to", st.oldest_id,
		    (unsigned)st.oldest_service, st.oldest_op, oldest_is(&st),
		    st.oldest_age_ms);
	}
}

static void put_oldest(struct json_object *to, const struct sinew_calls_status *st)
{
	struct json_object *o;

	if (!st->has_oldest) {
		json_put_null(to, "oldest");
		return;
	}
	o = json_new();
	json_put_number(o, "id", st->oldest_id);
	json_put_bool(o, "incoming", st->oldest_incoming);
	json_put_bool(o, "waiting", st->oldest_waiting);
	json_put_bool(o, "ended", st->oldest_ended);
	json_put_number(o, "service", st->oldest_service);
	json_put_number(o, "op", st->oldest_op);
	json_put_number(o, "age_ms", st->oldest_age_ms);
	json_put(to, "oldest", o);
}

void standing_document(const struct standing *list, struct sinew_calls *calls,
		       struct json_object *document)
{
	struct json_object *peers = json_put_array(document, "peers");

	for (const struct standing *s = list; s; s = s->next) {
		struct sinew_calls_status st = status_of(s, calls);
		struct json_object *o = json_element(peers);

		json_put_number(o, "node", s->node);
		json_put_bool(o, "up", s->session);
		json_put_number(o, "begun", st.begun);
		json_put_number(o, "done", st.done);
		json_put_number(o, "started", st.started);
		json_put_number(o, "in_doubt", st.in_doubt);
		json_put_number(o, "partial", st.partial);
		json_put_number(o, "not_executed", st.not_executed);
		json_put_number(o, "busy", st.busy);
		json_put_number(o, "aborted", st.aborted);
		json_put_number(o, "open", st.open);
		json_put_number(o, "waiting", st.waiting);
		json_put_number(o, "slots_granted", st.slots_granted);
		json_put_number(o, "slots_used", st.slots_used);
		json_put_number(o, "peers_begun", st.peers_begun);
		json_put_number(o, "peers_refused", st.peers_refused);
		json_put_number(o, "peers_open", st.peers_open);
		json_put_number(o, "peers_held", st.peers_held);
		json_put_number(o, "peers_granted", st.peers_granted);
		json_put_number(o, "peers_used", st.peers_used);
		json_put_number(o, "late", st.late);
		json_put_bool(o, "broken", st.broken);
		put_oldest(o, &st);
	}
}
