/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output of "sinew members": a table or a document, and what changes.
 * Knows nothing of where the picture comes from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "membership/config.h"
#include "membership/host.h"
#include "tools/amount.h"
#include "tools/clock.h"
#include "tools/json.h"
#include "tools/members/members.h"
#include "tools/text.h"

#define SCHEMA		1
#define US		1000.0	/* in nanoseconds */

static const char *member_state_name(enum member_state state)
{
	switch (state) {
	case MEMBER_UNKNOWN:
		return "unknown";
	case MEMBER_ABSENT:
		return "absent";
	case MEMBER_SILENT:
		return "silent";
	case MEMBER_JOINED:
		return "joined";
	case MEMBER_LEAVING:
		return "leaving";
	case MEMBER_FAILED:
		return "failed";
	case MEMBER_LISTED:
		return "listed";
	}
	return "?";
}

/* Some name of it has no address; why, if the file is ours to ask. */
static bool is_unresolved(const struct members *m, const struct member *one, char *why,
			  size_t size)
{
	why[0] = '\0';
	if (m->cluster.file)
		return sinew_config_unresolved(m->cluster.file, one->nodeid, why, size) != 0;
	return !one->n_addrs;
}

/* ---- text ---- */

static void print_addresses(const struct members *m, const struct member *one)
{
	char text[HOST_TEXT_MAX], why[SINEW_CONFIG_ERROR_MAX];
	unsigned i;

	for (i = 0; i < one->n_addrs; i++) {
		const struct path *p = one->paths ? &one->paths[i] : NULL;

		printf("%s%s", i ? ", " : "", host_text(&one->addrs[i], true, text));
		if (p && p->answered)
			printf(" answers in %.0f us", (double)p->rtt_ns / US);
		else if (p && p->asked)
			printf(" does not answer (%s)", p->what);
		else if (p)
			printf(" (not asked)");
		else if (m->cluster.file)
			printf(" (the own node)");
	}
	if (is_unresolved(m, one, why, sizeof(why)))
		printf("%sunresolved%s%s%s", i ? ", " : "", *why ? " (" : "", why,
		       *why ? ")" : "");
	putchar('\n');
}

static void print_head(const struct members *m)
{
	char cluster[TEXT_NAME_MAX], name[TEXT_NAME_MAX];

	text_name(sinew_config_name(m->cluster.config, m->cluster.node), name);
	printf("cluster \"%s\", seen from node %" PRIu32 "%s%s%s",
	       text_name(sinew_config_cluster(m->cluster.config), cluster), m->cluster.node,
	       *name ? " (" : "", name, *name ? ")" : "");
	if (m->cluster.file)
		printf(", by the file %s\n", m->args.cluster.config);
	else
		printf(", quorum: %s, ring %" PRIu32 ".%" PRIx64 "%s\n",
		       m->now.is_quorate ? "yes" : "no", m->now.ring_nodeid, m->now.ring_seq,
		       m->now.is_connected ? "" : ", corosync connection lost");
}

static void print_table(const struct members *m)
{
	char since[AMOUNT_MAX], name[TEXT_NAME_MAX];
	unsigned i;

	print_head(m);
	printf("%6s  %-16s %-8s %-23s  %-16s  %s\n", "node", "name", "state", "since",
	       "incarnation", "addresses");
	for (i = 0; i < m->now.n_members; i++) {
		const struct member *one = &m->now.members[i];

		printf("%6" PRIu32 "  %-16s %-8s %-23s  ", one->nodeid,
		       *one->name ? text_name(one->name, name) : "-",
		       member_state_name(one->state), amount_time(one->since_ms, since));
		if (one->incarnation)
			printf("%016" PRIx64 "  ", one->incarnation);
		else
			printf("%-16s  ", "-");
		if (!one->is_listed)
			printf("(no longer listed) ");
		print_addresses(m, one);
	}
}

static void print_change(const struct member *before, const struct member *now)
{
	char when[AMOUNT_MAX], name[TEXT_NAME_MAX];

	printf("%s node %" PRIu32 "%s%s%s: %s", amount_time(clock_wall_ms(), when), now->nodeid,
	       *now->name ? " (" : "", text_name(now->name, name), *now->name ? ")" : "",
	       member_state_name(now->state));
	if (now->incarnation)
		printf(" incarnation=%016" PRIx64, now->incarnation);
	printf(", was %s", before ? member_state_name(before->state) : "not listed");
	if (before && before->incarnation && before->incarnation != now->incarnation)
		printf(" incarnation=%016" PRIx64, before->incarnation);
	printf("%s\n", now->is_listed ? "" : ", no longer listed");
}

/* ---- JSON ---- */

static struct json_object *begin(const char *event)
{
	struct json_object *o = json_document(SCHEMA);

	json_put_string(o, "command", "members");
	json_put_string(o, "event", event);
	json_put_number(o, "time_ms", clock_wall_ms());
	return o;
}

static void fill_member(const struct members *m, struct json_object *o, const struct member *one)
{
	struct json_object *addresses, *a;
	char text[HOST_TEXT_MAX], why[SINEW_CONFIG_ERROR_MAX];
	unsigned i;

	json_put_number(o, "node", one->nodeid);
	json_put_string(o, "name", one->name);
	json_put_string(o, "state", member_state_name(one->state));
	json_put_bool(o, "listed", one->is_listed);
	json_put_incarnation(o, "incarnation", one->incarnation);
	json_put_number(o, "since_ms", one->since_ms);
	json_put_bool(o, "unresolved", is_unresolved(m, one, why, sizeof(why)));
	json_put_string(o, "unresolved_reason", why);
	addresses = json_put_array(o, "addresses");
	for (i = 0; i < one->n_addrs; i++) {
		a = json_element(addresses);
		json_put_string(a, "address", host_text(&one->addrs[i], true, text));
		if (!one->paths || !one->paths[i].asked)
			continue;
		json_put_bool(a, "answers", one->paths[i].answered > 0);
		if (one->paths[i].answered)
			json_put_double(a, "rtt_us", (double)one->paths[i].rtt_ns / US);
		json_put_string(a, "error", one->paths[i].what);
	}
}

static void fill_quorum(struct json_object *o, const struct picture *p)
{
	struct json_object *ring = json_new();

	json_put_bool(o, "connected", p->is_connected);
	json_put_bool(o, "whole", p->is_whole);
	json_put_bool(o, "quorate", p->is_quorate);
	json_put_number(ring, "node", p->ring_nodeid);
	json_put_number(ring, "seq", p->ring_seq);
	json_put(o, "ring", ring);
}

static int print_document(const struct members *m)
{
	struct json_object *o = begin("view"), *all;
	unsigned i;

	json_put_string(o, "membership", m->cluster.file ? "static" : "corosync");
	json_put_string(o, "cluster", sinew_config_cluster(m->cluster.config));
	json_put_number(o, "node", m->cluster.node);
	if (!m->cluster.file)
		fill_quorum(o, &m->now);
	all = json_put_array(o, "members");
	for (i = 0; i < m->now.n_members; i++)
		fill_member(m, json_element(all), &m->now.members[i]);
	return json_end(o);
}

static int print_change_object(const struct members *m, const char *event,
			       const struct member *now)
{
	struct json_object *o = begin(event);

	fill_member(m, o, now);
	return json_end(o);
}

static int print_quorum_object(const struct picture *p)
{
	struct json_object *o = begin("quorum");

	fill_quorum(o, p);
	return json_end(o);
}

/* ---- either ---- */

int members_print(const struct members *m)
{
	if (m->args.json)
		return print_document(m);
	print_table(m);
	return json_end(NULL);
}

static const struct member *find(const struct picture *p, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < p->n_members; i++)
		if (p->members[i].nodeid == nodeid)
			return &p->members[i];
	return NULL;
}

static bool is_same_member(const struct member *a, const struct member *b)
{
	return a && a->state == b->state && a->is_listed == b->is_listed &&
	       a->incarnation == b->incarnation && !strcmp(a->name, b->name) &&
	       a->n_addrs == b->n_addrs &&
	       !memcmp(a->addrs, b->addrs, a->n_addrs * sizeof(a->addrs[0]));
}

static bool is_same_quorum(const struct picture *a, const struct picture *b)
{
	return a->is_connected == b->is_connected && a->is_quorate == b->is_quorate &&
	       a->ring_nodeid == b->ring_nodeid && a->ring_seq == b->ring_seq;
}

static int print_quorum(const struct members *m)
{
	char when[AMOUNT_MAX];

	if (m->args.json)
		return print_quorum_object(&m->now);
	printf("%s quorum: %s, ring %" PRIu32 ".%" PRIx64 "%s\n",
	       amount_time(clock_wall_ms(), when),
	       m->now.is_quorate ? "yes" : "no", m->now.ring_nodeid, m->now.ring_seq,
	       m->now.is_connected ? "" : ", corosync connection lost");
	return 0;
}

static int print_removed(const struct members *m, const struct member *was)
{
	char when[AMOUNT_MAX];

	if (m->args.json)
		return print_change_object(m, "removed", was);
	printf("%s node %" PRIu32 ": no longer listed\n", amount_time(clock_wall_ms(), when),
	       was->nodeid);
	return 0;
}

int members_print_changes(const struct members *m)
{
	int rc = 0;
	unsigned i;

	if (!is_same_quorum(&m->before, &m->now))
		rc = print_quorum(m);
	for (i = 0; i < m->now.n_members && !rc; i++) {
		const struct member *now = &m->now.members[i];
		const struct member *before = find(&m->before, now->nodeid);

		if (is_same_member(before, now))
			continue;
		if (m->args.json)
			rc = print_change_object(m, "member", now);
		else
			print_change(before, now);
	}
	for (i = 0; i < m->before.n_members && !rc; i++)
		if (!find(&m->now, m->before.members[i].nodeid))
			rc = print_removed(m, &m->before.members[i]);
	return rc ? rc : json_end(NULL);
}
