/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status of a node as text. Shows what an answer has, and nothing of what it lacks.
 * Knows no socket.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "services/sinew-topo.h"
#include "tools/amount.h"
#include "tools/json.h"
#include "tools/status/status.h"
#include "tools/text.h"

#define BUSY_MS		1000	/* the application has the loop for so long: that is said */

/* ---- members of an answer ---- */

static uint64_t number(struct json_object *o, const char *key)
{
	uint64_t n = 0;

	if (json_is_object(o))
		json_get_number(o, key, &n);
	return n;
}

static bool is(struct json_object *o, const char *key)
{
	bool is_so = false;

	if (json_is_object(o))
		json_get_bool(o, key, &is_so);
	return is_so;
}

/* Safe for a terminal. */
static const char *text(struct json_object *o, const char *key, char out[TEXT_NAME_MAX])
{
	const char *value = json_is_object(o) ? json_get_string(o, key) : NULL;

	return text_name(value ? value : "", out);
}

static struct json_object *member(struct json_object *o, const char *key)
{
	return json_is_object(o) ? json_get(o, key) : NULL;
}

static size_t count(struct json_object *array)
{
	return json_is_array(array) ? json_count(array) : 0;
}

/* ---- the node ---- */

static void print_node(struct json_object *n)
{
	char a[TEXT_NAME_MAX], b[TEXT_NAME_MAX], since[AMOUNT_MAX];

	text(n, "name", a);
	printf("node %" PRIu64 "%s%s%s", number(n, "node"), *a ? " (" : "", a, *a ? ")" : "");
	printf(" of cluster \"%s\", group \"%s\"\n", text(n, "cluster", a), text(n, "group", b));
	printf("  %-14s %s, sinew %s, pid %" PRIu64 "\n", "incarnation", text(n, "incarnation", a),
	       text(n, "version", b), number(n, "pid"));
	printf("  %-14s %s\n", "since", amount_time(number(n, "since_ms"), since));
	printf("  %-14s %s, transport %s, %s%s\n", "membership", text(n, "membership", a),
	       text(n, "transport", b), is(n, "quorate") ? "quorate" : "NO QUORUM",
	       is(n, "closing") ? ", CLOSING" : "");
}

static void print_loop(struct json_object *l)
{
	uint64_t busy_ms = number(l, "busy_ms");
	char buf[AMOUNT_MAX];

	if (busy_ms >= BUSY_MS)
		printf("  %-14s BLOCKED for %s by the application\n", "loop",
		       amount_ms(busy_ms, buf));
	else
		printf("  %-14s running, %" PRIu64 " turns\n", "loop", number(l, "turns"));
}

static void print_resources(struct json_object *r)
{
	char used[AMOUNT_MAX], most[AMOUNT_MAX];

	printf("  %-14s %" PRIu64 " peers, %" PRIu64 " sessions, %" PRIu64 " links\n", "sessions",
	       number(r, "peers"), number(r, "sessions"), number(r, "links"));
	printf("  %-14s %" PRIu64 ", of them %" PRIu64 " in a handshake; %" PRIu64
	       " listeners, %" PRIu64 " descriptors\n", "connections", number(r, "connections"),
	       number(r, "handshakes"), number(r, "listeners"), number(r, "descriptors"));
	printf("  %-14s %s of %s\n", "memory", amount_bytes(number(r, "memory_bytes"), used),
	       amount_bytes(number(r, "memory_limit"), most));
}

static void print_topology(struct json_object *t)
{
	if (!t)
		return;
	printf("  %-14s %" PRIu64 " publications, %" PRIu64 " subscriptions, %" PRIu64
	       " connections\n", "topology", number(t, "publications"),
	       number(t, "subscriptions"), number(t, "connections"));
}

/* ---- peers ---- */

static uint64_t rtt_of(struct json_object *peer)
{
	struct json_object *paths = member(peer, "paths");
	size_t i;

	for (i = 0; i < count(paths); i++)
		if (is(json_at(paths, i), "in_use"))
			return number(json_at(paths, i), "rtt_us");
	return 0;
}

static void print_peer_line(struct json_object *p)
{
	char name[TEXT_NAME_MAX], state[TEXT_NAME_MAX], queued[AMOUNT_MAX], rtt[AMOUNT_MAX];
	char sent[AMOUNT_MAX], got[AMOUNT_MAX], error[TEXT_NAME_MAX];
	struct json_object *q = member(p, "queue");

	text(p, "name", name);
	text(p, "last_error", error);
	printf("%6" PRIu64 "  %-12s %-11s %-4s %9s %9s %9s %11s %8" PRIu64 "  %s%s\n",
	       number(p, "node"), *name ? name : "-", text(p, "state", state),
	       is(p, "link_up") ? "up" : "DOWN", amount_count((double)number(p, "sent"), sent),
	       amount_count((double)number(p, "delivered"), got),
	       amount_us((double)rtt_of(p), rtt), amount_bytes(number(q, "bytes"), queued),
	       number(p, "reconnects"), *error ? error : "-",
	       is(q, "flow_blocked") ? ", blocked" : "");
}

static void print_peers(struct json_object *peers)
{
	size_t i;

	printf("\n%6s  %-12s %-11s %-4s %9s %9s %9s %11s %8s  %s\n", "NODE", "NAME", "SESSION",
	       "LINK", "SENT", "RECEIVED", "RTT", "QUEUE", "RELINKED", "LAST ERROR");
	for (i = 0; i < count(peers); i++)
		print_peer_line(json_at(peers, i));
}

static void print_services(struct json_object *services)
{
	size_t i;

	if (!count(services))
		return;
	printf("\n%7s %8s %8s %8s %8s\n", "SERVICE", "CALLS", "MOST", "EXTRA", "WAITING");
	for (i = 0; i < count(services); i++) {
		struct json_object *s = json_at(services, i);

		printf("%7" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
		       number(s, "service"), number(s, "calls"), number(s, "max_calls"),
		       number(s, "extra"), number(s, "waiting"));
	}
}

/* As sinew topology has it. */
static const char *type_text(uint64_t type, char out[AMOUNT_MAX])
{
	const char *name = sinew_topo_type_name((uint32_t)type);
	char *p;

	if (type == SINEW_TOPO_ANY)
		return "any";
	if (name[0] == '?')
		snprintf(out, AMOUNT_MAX, "%" PRIu64, type);
	else
		snprintf(out, AMOUNT_MAX, "%s", name);
	for (p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

static void print_subscriber(struct json_object *s)
{
	char who[AMOUNT_MAX], type[AMOUNT_MAX];

	if (number(s, "node"))
		snprintf(who, sizeof(who), "node %" PRIu64, number(s, "node"));
	else
		snprintf(who, sizeof(who), "pid %" PRIu64, number(s, "pid"));
	printf("%-16s %10s %10" PRIu64 "..%-10" PRIu64 " %8" PRIu64 " %9" PRIu64 "%s\n", who,
	       type_text(number(s, "type"), type), number(s, "lower"), number(s, "upper"),
	       number(s, "lag"), number(s, "collapsed"), is(s, "waits") ? "  slow" : "");
}

static void print_subscribers(struct json_object *subscribers)
{
	size_t i;

	if (!count(subscribers))
		return;
	printf("\n%-16s %10s %22s %8s %9s\n", "SUBSCRIBER", "TYPE", "RANGE     ", "LAG",
	       "COLLAPSED");
	for (i = 0; i < count(subscribers); i++)
		print_subscriber(json_at(subscribers, i));
}

static void print_errors(struct json_object *errors)
{
	char when[AMOUNT_MAX], level[TEXT_NAME_MAX], what[TEXT_NAME_MAX];
	size_t i;

	if (!count(errors))
		return;
	printf("\nlast warnings and errors\n");
	for (i = 0; i < count(errors); i++) {
		struct json_object *e = json_at(errors, i);

		printf("%s %-7s %s\n", amount_time(number(e, "time_ms"), when),
		       text(e, "level", level), text(e, "text", what));
	}
}

void status_print(struct json_object *answer)
{
	print_node(member(answer, "node"));
	print_loop(member(answer, "loop"));
	print_resources(member(answer, "resources"));
	print_topology(member(answer, "topology"));
	print_peers(member(answer, "peers"));
	print_services(member(answer, "services"));
	print_subscribers(member(answer, "subscribers"));
	print_errors(member(answer, "errors"));
}

/* ---- one peer ---- */

static void print_queue(struct json_object *q)
{
	char now[AMOUNT_MAX], most[AMOUNT_MAX], old[AMOUNT_MAX];

	printf("  %-14s %s, at most %s so far; %" PRIu64 " messages unacknowledged, the oldest "
	       "for %s\n", "queue", amount_bytes(number(q, "bytes"), now),
	       amount_bytes(number(q, "high_water"), most), number(q, "unacked"),
	       amount_ms(number(q, "oldest_unacked_ms"), old));
	if (is(q, "peer_paused"))
		printf("  %-14s the peer does not read\n", "");
	if (is(q, "paused"))
		printf("  %-14s this node does not read: the application keeps %s\n", "",
		       amount_bytes(number(q, "kept_bytes"), now));
	if (is(q, "slot_held"))
		printf("  %-14s a slot has been open for over a second\n", "");
}

static void print_paths(struct json_object *paths)
{
	char address[TEXT_NAME_MAX], state[TEXT_NAME_MAX], rtt[AMOUNT_MAX];
	size_t i;

	if (!count(paths))
		printf("  %-14s none: it has no address (a host name that cannot be resolved?)\n",
		       "paths");
	for (i = 0; i < count(paths); i++) {
		struct json_object *p = json_at(paths, i);

		printf("  path %-9zu %s, %s, round trip %s%s\n", i, text(p, "address", address),
		       text(p, "state", state), amount_us((double)number(p, "rtt_us"), rtt),
		       is(p, "in_use") ? ", in use" : "");
	}
}

static void print_calls(struct json_object *k)
{
	struct json_object *oldest = member(k, "oldest");
	char age[AMOUNT_MAX];

	if (!k)
		return;
	printf("  %-14s %" PRIu64 " begun, %" PRIu64 " open, %" PRIu64 " of %" PRIu64
	       " slots used\n", "own calls", number(k, "begun"), number(k, "open"),
	       number(k, "slots_used"), number(k, "slots_granted"));
	printf("  %-14s %" PRIu64 " begun, %" PRIu64 " open, %" PRIu64 " of %" PRIu64
	       " slots used\n", "peer's calls", number(k, "peers_begun"), number(k, "peers_open"),
	       number(k, "peers_used"), number(k, "peers_granted"));
	if (oldest)
		printf("  %-14s %s, service %" PRIu64 ", op %" PRIu64 ", for %s%s\n", "oldest call",
		       is(oldest, "incoming") ? "of the peer" : "own", number(oldest, "service"),
		       number(oldest, "op"), amount_ms(number(oldest, "age_ms"), age),
		       is(oldest, "waiting") ? ", waits" : "");
}

static void print_last_error(struct json_object *p)
{
	char error[TEXT_NAME_MAX], when[AMOUNT_MAX], why[TEXT_NAME_MAX];

	if (*text(p, "last_error", error))
		printf("  %-14s %s at %s\n", "last error", error,
		       amount_time(number(p, "last_error_ms"), when));
	if (*text(p, "last_refusal", why))
		printf("  %-14s %s\n", is(p, "link_up") ? "last failure" : "no link", why);
}

static void print_peer(struct json_object *p)
{
	char a[TEXT_NAME_MAX], b[TEXT_NAME_MAX], in[AMOUNT_MAX], out[AMOUNT_MAX];

	text(p, "name", a);
	printf("peer %" PRIu64 "%s%s%s\n", number(p, "node"), *a ? " (" : "", a, *a ? ")" : "");
	printf("  %-14s %s, incarnation %s, link %s, security %s\n", "session",
	       text(p, "state", a), *text(p, "incarnation", b) ? b : "-",
	       is(p, "link_up") ? "up" : "DOWN", "none");
	printf("  %-14s sent %" PRIu64 " (%s), acknowledged %" PRIu64 ", received %" PRIu64
	       " (%s)\n", "messages", number(p, "sent"),
	       amount_bytes(number(p, "bytes_sent"), out), number(p, "acked"),
	       number(p, "delivered"), amount_bytes(number(p, "bytes_received"), in));
	printf("  %-14s %" PRIu64 " relinked, %" PRIu64 " frames resent, %" PRIu64
	       " duplicates, %" PRIu64 " faults, %" PRIu64 " stalls\n", "links",
	       number(p, "reconnects"), number(p, "resent"), number(p, "duplicates"),
	       number(p, "faults"), number(p, "stalls"));
	print_queue(member(p, "queue"));
	print_paths(member(p, "paths"));
	print_calls(member(p, "calls"));
	print_last_error(p);
}

void status_print_peer(struct json_object *answer)
{
	struct json_object *peers = member(answer, "peers");
	size_t i;

	print_node(member(answer, "node"));
	for (i = 0; i < count(peers); i++)
		print_peer(json_at(peers, i));
}
