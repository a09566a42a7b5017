/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rates of an interval, as a table or a document.
 * Knows nothing of how they came about.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/amount.h"
#include "tools/clock.h"
#include "tools/json.h"
#include "tools/text.h"
#include "tools/top/top.h"

#define CLEAR	"\033[H\033[J"
#define BUSY_MS	1000	/* the application has the loop for so long: that is said */

static void print_peer(const struct top_peer *p)
{
	char sent[AMOUNT_MAX], got[AMOUNT_MAX], out[AMOUNT_MAX], in[AMOUNT_MAX];
	char calls[AMOUNT_MAX], queued[AMOUNT_MAX], rtt[AMOUNT_MAX], p50[AMOUNT_MAX];
	char p99[AMOUNT_MAX], state[TEXT_NAME_MAX];

	printf("%6" PRIu32 "  %-11s %-4s %8s %8s %10s %10s %8s %10s %8" PRIu64
	       " %8s %8s %8s\n", p->nodeid, text_name(p->state, state),
	       p->link_up ? "up" : "DOWN", amount_count(p->rates[TOP_SENT], sent),
	       amount_count(p->rates[TOP_DELIVERED], got),
	       amount_bytes((uint64_t)p->rates[TOP_BYTES_SENT], out),
	       amount_bytes((uint64_t)p->rates[TOP_BYTES_RECEIVED], in),
	       amount_count(p->rates[TOP_CALLS] + p->rates[TOP_PEERS_CALLS], calls),
	       amount_bytes(p->queue_bytes, queued), p->unacked,
	       amount_us((double)p->rtt_us, rtt), amount_us(p->rtt_p50_us, p50),
	       amount_us(p->rtt_p99_us, p99));
}

int top_print(const struct top *t, bool redraws)
{
	char when[AMOUNT_MAX], memory[AMOUNT_MAX], busy[AMOUNT_MAX];
	unsigned i;

	printf("%snode %" PRIu32 "  %s  memory %s%s%s\n", redraws ? CLEAR : "", t->nodeid,
	       amount_time(clock_wall_ms(), when), amount_bytes(t->memory_bytes, memory),
	       t->loop_busy_ms >= BUSY_MS ? "  BLOCKED by its application for " : "",
	       t->loop_busy_ms >= BUSY_MS ? amount_ms(t->loop_busy_ms, busy) : "");
	printf("%6s  %-11s %-4s %8s %8s %10s %10s %8s %10s %8s %8s %8s %8s\n", "NODE", "SESSION",
	       "LINK", "SENT/s", "RECVD/s", "OUT/s", "IN/s", "CALLS/s", "QUEUE", "UNACKED",
	       "RTT", "P50", "P99");
	for (i = 0; i < t->n_peers; i++)
		print_peer(t->peers[i]);
	return json_end(NULL);
}

static void fill_peer(struct json_object *o, const struct top_peer *p)
{
	json_put_number(o, "node", p->nodeid);
	json_put_string(o, "incarnation", p->incarnation);
	json_put_string(o, "state", p->state);
	json_put_bool(o, "link_up", p->link_up);
	json_put_double(o, "sent_per_s", p->rates[TOP_SENT]);
	json_put_double(o, "delivered_per_s", p->rates[TOP_DELIVERED]);
	json_put_double(o, "bytes_sent_per_s", p->rates[TOP_BYTES_SENT]);
	json_put_double(o, "bytes_received_per_s", p->rates[TOP_BYTES_RECEIVED]);
	json_put_double(o, "calls_per_s", p->rates[TOP_CALLS]);
	json_put_double(o, "peers_calls_per_s", p->rates[TOP_PEERS_CALLS]);
	json_put_number(o, "queue_bytes", p->queue_bytes);
	json_put_number(o, "unacked", p->unacked);
	json_put_number(o, "reconnects", p->reconnects);
	json_put_number(o, "rtt_us", p->rtt_us);
	json_put_number(o, "rtt_p50_us", p->rtt_p50_us);
	json_put_number(o, "rtt_p99_us", p->rtt_p99_us);
}

int top_print_json(const struct top *t)
{
	struct json_object *o = json_document(TOP_SCHEMA), *peers;
	unsigned i;

	json_put_string(o, "command", "top");
	json_put_number(o, "time_ms", clock_wall_ms());
	json_put_number(o, "node", t->nodeid);
	json_put_double(o, "seconds", t->seconds);
	json_put_number(o, "loop_busy_ms", t->loop_busy_ms);
	json_put_number(o, "memory_bytes", t->memory_bytes);
	peers = json_put_array(o, "peers");
	for (i = 0; i < t->n_peers; i++)
		fill_peer(json_element(peers), t->peers[i]);
	return json_end(o);
}
