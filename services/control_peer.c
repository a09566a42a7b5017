/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_peer.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/addr.h"
#include "lowcomms/sinew-manage.h"
#include "services/control_calls.h"
#include "services/json.h"

#define REFUSAL_MAX	256

/* ---- all of it ---- */

static void put_session(struct json_object *o, const struct sinew_status *st)
{
	assert(st->state <= SINEW_LAST_ACK);
	json_put_string(o, "state", sinew_state_name(st->state));
	json_put_bool(o, "link_up", st->link_up);
	json_put_number(o, "links", st->n_links);
	json_put_bool(o, "never_dialled", st->never_dialled);
	json_put_string(o, "security", "none");
	json_put_number(o, "reconnects", st->reconnects);
	json_put_number(o, "resumed_unacked", st->resumed_unacked);
	json_put_number(o, "resumed_paced", st->resumed_paced);
	json_put_number(o, "resent", st->resent);
	json_put_number(o, "duplicates", st->duplicates);
	json_put_number(o, "acks_sent", st->acks_sent);
	json_put_number(o, "acks_received", st->acks_received);
	json_put_number(o, "faults", st->faults);
	json_put_number(o, "stalls", st->stalls);
}

static void put_queue(struct json_object *o, const struct sinew_status *st)
{
	struct json_object *q = json_new();

	assert(st->unacked <= st->sent);
	json_put_number(q, "bytes", st->queue_bytes);
	json_put_number(q, "high_water", st->queue_high_water);
	json_put_number(q, "unacked", st->unacked);
	json_put_number(q, "oldest_unacked_ms", st->oldest_unacked_ms);
	json_put_bool(q, "flow_blocked", st->flow_blocked);
	json_put_bool(q, "peer_paused", st->peer_paused);
	json_put_bool(q, "slot_held", st->slot_held);
	json_put_bool(q, "paused", st->paused);
	json_put_number(q, "kept_bytes", st->kept_bytes);
	json_put_number(q, "kept_high_water", st->kept_high_water);
	json_put(o, "queue", q);
}

static void put_paths(struct json_object *o, const struct sinew_status *st)
{
	struct json_object *paths = json_put_array(o, "paths"), *p;
	char text[ADDR_TEXT_MAX];
	unsigned i;

	assert(st->n_paths <= SINEW_ADDRS_MAX);
	for (i = 0; i < st->n_paths; i++) {
		p = json_element(paths);
		json_put_string(p, "address", addr_text_sa(&st->paths[i].addr, text));
		json_put_string(p, "state", sinew_path_state_name(st->paths[i].state));
		json_put_bool(p, "in_use", st->link_up && st->path == i);
		json_put_number(p, "rtt_us", st->paths[i].rtt_us);
	}
}

static void put_error(const struct control *c, struct json_object *o,
		      const struct sinew_status *st)
{
	char why[REFUSAL_MAX];

	assert(st->last_error <= 0);
	json_put_string(o, "last_error",
			st->last_error_ms ? sinew_error_name(st->last_error) : "");
	json_put_number(o, "last_error_ms", st->last_error_ms);
	if (sinew_last_refusal(c->node, st->nodeid, why, sizeof why))
		why[0] = '\0';
	json_put_string(o, "last_refusal", why);
}

static void put_counters(struct json_object *o, const struct sinew_status *st)
{
	json_put_number(o, "sent", st->sent);
	json_put_number(o, "delivered", st->delivered);
	json_put_number(o, "acked", st->acked);
	json_put_number(o, "bytes_sent", st->bytes_sent);
	json_put_number(o, "bytes_received", st->bytes_received);
}

static int status_of(const struct control *c, uint32_t nodeid, struct sinew_status *ret)
{
	assert(nodeid);
	*ret = (struct sinew_status) { .size = sizeof *ret };
	return sinew_peer_status(c->node, nodeid, ret);
}

int control_peer(const struct control *c, uint32_t nodeid, struct json_object *o)
{
	char name[SINEW_PEER_NAME_MAX];
	struct sinew_status st;
	int err = status_of(c, nodeid, &st);

	if (err)
		return err;
	if (sinew_peer_name(c->node, nodeid, name, sizeof name))
		name[0] = '\0';
	json_put_number(o, "node", nodeid);
	json_put_string(o, "name", name);
	json_put_incarnation(o, "incarnation", st.incarnation);
	put_session(o, &st);
	put_counters(o, &st);
	put_queue(o, &st);
	put_paths(o, &st);
	control_calls_of(c, nodeid, o);
	put_error(c, o, &st);
	return 0;
}

/* ---- for rates ---- */

int control_peer_counters(const struct control *c, uint32_t nodeid, struct json_object *o)
{
	struct sinew_status st;
	int err = status_of(c, nodeid, &st);

	if (err)
		return err;
	json_put_number(o, "node", nodeid);
	json_put_incarnation(o, "incarnation", st.incarnation);
	json_put_string(o, "state", sinew_state_name(st.state));
	json_put_bool(o, "link_up", st.link_up);
	put_counters(o, &st);
	json_put_number(o, "resent", st.resent);
	json_put_number(o, "reconnects", st.reconnects);
	json_put_number(o, "queue_bytes", st.queue_bytes);
	json_put_number(o, "unacked", st.unacked);
	assert(!st.link_up || st.path < SINEW_ADDRS_MAX);
	json_put_number(o, "rtt_us", st.link_up ? st.paths[st.path].rtt_us : 0);
	control_calls_counters(c, nodeid, o);
	return 0;
}
