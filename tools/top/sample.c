/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters of a node, answer by answer, become rates, and its round trips quantiles.
 * Knows no socket, and nothing of how they are shown.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json.h"
#include "tools/top/top.h"

static const char *const counter_keys[TOP_COUNTERS] = {
	[TOP_SENT] = "sent", [TOP_DELIVERED] = "delivered", [TOP_BYTES_SENT] = "bytes_sent",
	[TOP_BYTES_RECEIVED] = "bytes_received", [TOP_CALLS] = "calls_begun",
	[TOP_PEERS_CALLS] = "peers_begun",
};

static uint64_t number(struct json_object *o, const char *key)
{
	uint64_t n = 0;

	json_get_number(o, key, &n);
	return n;
}

static void text(struct json_object *o, const char *key, char *out, size_t size)
{
	const char *value = json_get_string(o, key);

	snprintf(out, size, "%s", value ? value : "");
}

/* The peer of that nodeid, a new one where there is none; NULL: no memory, or too many. */
static struct top_peer *peer_of(struct top *t, uint32_t nodeid)
{
	struct top_peer *p;
	unsigned at = 0;

	while (at < t->n_peers && t->peers[at]->nodeid < nodeid)
		at++;
	if (at < t->n_peers && t->peers[at]->nodeid == nodeid)
		return t->peers[at];
	p = t->n_peers < TOP_PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return NULL;
	memmove(&t->peers[at + 1], &t->peers[at], (t->n_peers - at) * sizeof(t->peers[0]));
	t->peers[at] = p;
	t->n_peers++;
	p->nodeid = nodeid;
	return p;
}

static void add_rtt(struct top_peer *p, uint64_t us)
{
	if (!us || us > UINT32_MAX)
		return;
	p->rtts[p->next_rtt] = (uint32_t)us;
	p->next_rtt = (p->next_rtt + 1) % TOP_RTTS;
	if (p->n_rtts < TOP_RTTS)
		p->n_rtts++;
}

static int take_peer(struct top *t, struct json_object *o)
{
	struct top_peer *p = peer_of(t, (uint32_t)number(o, "node"));
	char incarnation[sizeof(p->incarnation)];
	unsigned i;

	if (!p)
		return -ENOMEM;
	text(o, "incarnation", incarnation, sizeof(incarnation));
	for (i = 0; i < TOP_COUNTERS; i++)
		p->now[i] = number(o, counter_keys[i]);
	/* A new session counts from 0. */
	if (!p->seen || strcmp(p->incarnation, incarnation))
		memcpy(p->counters, p->now, sizeof(p->counters));
	memcpy(p->incarnation, incarnation, sizeof(incarnation));
	text(o, "state", p->state, sizeof(p->state));
	p->link_up = false;
	json_get_bool(o, "link_up", &p->link_up);
	p->queue_bytes = number(o, "queue_bytes");
	p->unacked = number(o, "unacked");
	p->reconnects = number(o, "reconnects");
	p->rtt_us = number(o, "rtt_us");
	add_rtt(p, p->rtt_us);
	p->seen = t->n_answers;
	return 0;
}

static void drop_absent(struct top *t)
{
	unsigned i, kept = 0;

	for (i = 0; i < t->n_peers; i++)
		if (t->peers[i]->seen == t->n_answers)
			t->peers[kept++] = t->peers[i];
		else
			free(t->peers[i]);
	t->n_peers = kept;
}

int top_sample(struct top *t, struct json_object *answer)
{
	struct json_object *peers = json_get(answer, "peers");
	size_t i;
	int rc = 0;

	if (!json_is_array(peers) || !number(answer, "time_ns"))
		return -EPROTO;
	t->n_answers++;
	t->nodeid = (uint32_t)number(answer, "node");
	t->time_ns = number(answer, "time_ns");
	t->loop_busy_ms = number(answer, "loop_busy_ms");
	t->memory_bytes = number(answer, "memory_bytes");
	for (i = 0; i < json_count(peers) && !rc; i++)
		rc = json_is_object(json_at(peers, i)) ? take_peer(t, json_at(peers, i)) : -EPROTO;
	if (!rc)
		drop_absent(t);
	return rc;
}

/* ---- rates ---- */

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The value that so many per mille do not exceed. */
static uint32_t quantile(const uint32_t *sorted, unsigned n, unsigned per_mille)
{
	return n ? sorted[((n - 1) * per_mille + 500) / 1000] : 0;
}

static void end_interval(struct top_peer *p, double seconds)
{
	uint32_t sorted[TOP_RTTS];
	unsigned i;

	for (i = 0; i < TOP_COUNTERS; i++) {
		p->rates[i] = seconds > 0 && p->now[i] > p->counters[i] ?
			(double)(p->now[i] - p->counters[i]) / seconds : 0;
		p->counters[i] = p->now[i];
	}
	memcpy(sorted, p->rtts, p->n_rtts * sizeof(sorted[0]));
	qsort(sorted, p->n_rtts, sizeof(sorted[0]), compare);
	p->rtt_p50_us = quantile(sorted, p->n_rtts, 500);
	p->rtt_p99_us = quantile(sorted, p->n_rtts, 990);
}

void top_interval(struct top *t)
{
	unsigned i;

	t->seconds = t->began_ns ? (double)(t->time_ns - t->began_ns) / 1e9 : 0;
	for (i = 0; i < t->n_peers; i++)
		end_interval(t->peers[i], t->seconds);
	t->began_ns = t->time_ns;
}

void top_free(struct top *t)
{
	unsigned i;

	for (i = 0; i < t->n_peers; i++)
		free(t->peers[i]);
	t->n_peers = 0;
}
