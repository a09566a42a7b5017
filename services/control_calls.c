/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_calls.h"

#include <assert.h>

#include "services/json.h"
#include "services/service.h"

/* ---- of a session ---- */

static void put_oldest(struct json_object *o, const struct sinew_calls_status *st)
{
	struct json_object *k;

	if (!st->has_oldest) {
		json_put_null(o, "oldest");
		return;
	}
	k = json_new();
	json_put_bool(k, "incoming", st->oldest_incoming);
	json_put_bool(k, "waiting", st->oldest_waiting);
	json_put_bool(k, "ended", st->oldest_ended);
	json_put_number(k, "service", st->oldest_service);
	json_put_number(k, "op", st->oldest_op);
	json_put_number(k, "id", st->oldest_id);
	json_put_number(k, "age_ms", st->oldest_age_ms);
	json_put(o, "oldest", k);
}

static void put_own(struct json_object *o, const struct sinew_calls_status *st)
{
	assert(st->open <= st->begun);
	json_put_number(o, "begun", st->begun);
	json_put_number(o, "done", st->done);
	json_put_number(o, "started", st->started);
	json_put_number(o, "in_doubt", st->in_doubt);
	json_put_number(o, "partial", st->partial);
	json_put_number(o, "not_executed", st->not_executed);
	json_put_number(o, "busy", st->busy);
	json_put_number(o, "aborted", st->aborted);
	json_put_number(o, "open", st->open);
	json_put_number(o, "waiting", st->waiting);
	json_put_number(o, "slots_granted", st->slots_granted);
	json_put_number(o, "slots_used", st->slots_used);
}

static void put_peers(struct json_object *o, const struct sinew_calls_status *st)
{
	json_put_number(o, "peers_begun", st->peers_begun);
	json_put_number(o, "peers_refused", st->peers_refused);
	json_put_number(o, "peers_open", st->peers_open);
	json_put_number(o, "peers_held", st->peers_held);
	json_put_number(o, "peers_granted", st->peers_granted);
	json_put_number(o, "peers_used", st->peers_used);
	json_put_number(o, "late", st->late);
	json_put_bool(o, "broken", st->broken);
}

/* False: there is no session, or it has none. */
static bool status_of(const struct control *c, uint32_t nodeid, struct sinew_calls_status *ret)
{
	struct sinew_session *h;
	int err;

	assert(!c->calls || c->calls->node == c->node);
	*ret = (struct sinew_calls_status) { .size = sizeof *ret };
	h = c->calls ? sinew_session_find(c->node, nodeid) : NULL;
	if (!h)
		return false;
	err = sinew_calls_status(c->calls, h, ret);
	sinew_session_unref(h);
	return !err;
}

void control_calls_of(const struct control *c, uint32_t nodeid, struct json_object *o)
{
	struct sinew_calls_status st;
	struct json_object *k;

	if (!status_of(c, nodeid, &st)) {
		json_put_null(o, "calls");
		return;
	}
	k = json_new();
	put_own(k, &st);
	put_peers(k, &st);
	put_oldest(k, &st);
	json_put(o, "calls", k);
}

void control_calls_counters(const struct control *c, uint32_t nodeid, struct json_object *o)
{
	struct sinew_calls_status st;

	status_of(c, nodeid, &st);
	json_put_number(o, "calls_begun", st.begun);
	json_put_number(o, "calls_ended", st.begun - st.open);
	json_put_number(o, "peers_begun", st.peers_begun);
}

/* ---- of services ---- */

static void put_service(struct json_object *o, const struct service *s)
{
	const struct service *newer = atomic_load(&s->newer);

	assert(s->id >= SINEW_SERVICE_FIRST && newer != s);
	json_put_number(o, "service", s->id);
	json_put_number(o, "calls", atomic_load(&s->n_calls));
	json_put_number(o, "max_calls", s->is.max_calls);
	json_put_number(o, "extra", atomic_load(&s->n_extra));
	json_put_number(o, "waiting", atomic_load(&s->n_waiting));
	json_put_number(o, "charges", atomic_load(&s->n_charges));
	json_put_number(o, "newer", newer ? newer->id : 0);
}

void control_calls_services(const struct control *c, struct json_object *o)
{
	struct json_object *services = json_put_array(o, "services");
	const struct service *s;
	unsigned i;

	if (!c->calls)
		return;
	/* They stay until all calls go. */
	for (i = 0; i < SERVICE_BUCKETS; i++)
		for (s = atomic_load(&c->calls->services[i]); s; s = s->next)
			if (s->id >= SINEW_SERVICE_FIRST)
				put_service(json_element(services), s);
}
