/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The statistics of a run as JSON.
 * Knows nothing of how they came about.
 */
#include "tools/cat/cat.h"

#include <netdb.h>

#include "tools/json.h"

#define SCHEMA	2

void stats_add(struct stats_peer *peer, const struct sinew_status *status)
{
	struct sinew_status was = peer->sum;
	struct sinew_status *sum = &peer->sum;

	*sum = *status;
	sum->sent += was.sent;
	sum->delivered += was.delivered;
	sum->acked += was.acked;
	sum->resent += was.resent;
	sum->duplicates += was.duplicates;
	sum->reconnects += was.reconnects;
	sum->resumed_unacked += was.resumed_unacked;
	sum->resumed_paced += was.resumed_paced;
	sum->acks_sent += was.acks_sent;
	sum->acks_received += was.acks_received;
	sum->bytes_sent += was.bytes_sent;
	sum->bytes_received += was.bytes_received;
	sum->faults += was.faults;
	sum->stalls += was.stalls;
	if (sum->queue_high_water < was.queue_high_water)
		sum->queue_high_water = was.queue_high_water;
	if (sum->kept_high_water < was.kept_high_water)
		sum->kept_high_water = was.kept_high_water;
	if (!sum->last_error_ms) {
		sum->last_error = was.last_error;
		sum->last_error_ms = was.last_error_ms;
	}
}

static void add_paths(struct json_object *peer, const struct sinew_status *s)
{
	struct json_object *paths = json_put_array(peer, "paths");
	unsigned i;

	for (i = 0; i < s->n_paths; i++) {
		struct json_object *path = json_element(paths);
		char host[64] = "";

		getnameinfo((const struct sockaddr *)&s->paths[i].addr, sizeof(s->paths[i].addr),
			    host, sizeof(host), NULL, 0, NI_NUMERICHOST);
		json_put_string(path, "address", host);
		json_put_string(path, "state", sinew_path_state_name(s->paths[i].state));
		json_put_bool(path, "in_use", s->link_up && s->path == i);
		json_put_number(path, "rtt_us", s->paths[i].rtt_us);
	}
}

static void fill_peer(struct json_object *o, const struct stats_peer *p)
{
	const struct sinew_status *s = &p->sum;

	json_put_number(o, "node", s->nodeid);
	json_put_string(o, "state", sinew_state_name(s->state));
	json_put_number(o, "sent", s->sent);
	json_put_number(o, "delivered", s->delivered);
	json_put_number(o, "acked", s->acked);
	json_put_number(o, "resent", s->resent);
	json_put_number(o, "duplicates", s->duplicates);
	json_put_number(o, "reconnects", s->reconnects);
	json_put_number(o, "acks_sent", s->acks_sent);
	json_put_number(o, "bytes_sent", s->bytes_sent);
	json_put_number(o, "bytes_received", s->bytes_received);
	json_put_number(o, "unacked", s->unacked);
	json_put_number(o, "resumed_unacked", s->resumed_unacked);
	json_put_number(o, "resumed_paced", s->resumed_paced);
	json_put_number(o, "acks_received", s->acks_received);
	json_put_number(o, "queue_high_water", s->queue_high_water);
	json_put_number(o, "kept_high_water", s->kept_high_water);
	json_put_number(o, "oldest_unacked_ms", s->oldest_unacked_ms);
	json_put_number(o, "faults", s->faults);
	json_put_number(o, "stalls", s->stalls);
	json_put_number(o, "sessions", p->sessions);
	json_put_number(o, "undelivered", p->undelivered);
	json_put_number(o, "unknown", p->unknown);
	json_put_number(o, "discarded", p->discarded);
	json_put_string(o, "down", p->down ? sinew_down_name(p->down) : "");
	json_put_bool(o, "link_up", s->link_up);
	json_put_string(o, "last_error", s->last_error_ms ? sinew_error_name(s->last_error) : "");
	json_put_number(o, "last_error_ms", s->last_error_ms);
	add_paths(o, s);
}

static struct json_object *whole_of(const struct stats *stats)
{
	struct json_object *o = json_document(SCHEMA);
	struct json_object *peers;
	unsigned i;

	json_put_number(o, "node", stats->node);
	json_put_incarnation(o, "incarnation", stats->incarnation);
	peers = json_put_array(o, "peers");
	for (i = 0; i < stats->n_peers; i++)
		fill_peer(json_element(peers), &stats->peers[i]);
	json_put_string(o, "version", sinew_version());
	json_put_string(o, "cluster", stats->cluster);
	json_put_number(o, "status", (uint64_t)stats->status);
	json_put_double(o, "seconds", stats->seconds);
	return o;
}

int stats_write(const char *file, const struct stats *stats)
{
	return json_replace(whole_of(stats), file);
}
