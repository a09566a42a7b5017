/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets to block, as commands of nft(8), and what such a table has counted.
 * Pure: hands nothing to the kernel.
 */
#include "tools/break/rules.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Comments tell the two ways apart when the counters are read. */
static const char *const ways[] = { "forth", "back" };

/*
 * Where packets pass. A packet sent over loopback is received here, too, and is dropped there:
 * the sender must not be told, as a network would not tell it.
 */
static const struct hook {
	const char *name;
	const char *condition;
} hooks[] = {
	{ "input", "" },
	{ "forward", "" },
	{ "output", "oifname != \"lo\" " },
};

#define N_HOOKS	(sizeof(hooks) / sizeof(hooks[0]))

void rules_name(long pid, char name[RULES_NAME_MAX])
{
	snprintf(name, RULES_NAME_MAX, RULES_PREFIX "%ld", pid);
}

/* ---- commands ---- */

static void add_prefix(FILE *to, const char *which, const struct filter_prefix *p)
{
	char address[FILTER_ADDRESS_TEXT];
	bool is_ipv4 = p->address.family == AF_INET;

	if (!p->address.family)
		return;
	if (!p->n_bits)
		fprintf(to, "meta nfproto %s ", is_ipv4 ? "ipv4" : "ipv6");
	else
		fprintf(to, "%s %s %s/%u ", is_ipv4 ? "ip" : "ip6", which,
			filter_print_address(&p->address, address), (unsigned)p->n_bits);
}

static void add_ports(FILE *to, const struct rules *r, const char *which)
{
	unsigned i;

	fprintf(to, "th %s { ", which);
	for (i = 0; i < r->ports.n; i++)
		fprintf(to, "%s%u", i ? ", " : "", (unsigned)r->ports.list[i]);
	fprintf(to, " } ");
}

/* One rule: a hook, a way, the end that has the port or NULL, the protocols, the verdict. */
static void add_rule(FILE *to, const struct rules *r, const char *table,
		     const struct hook *hook, unsigned way, const char *port,
		     const char *protocols, const char *verdict)
{
	fprintf(to, "add rule inet %s %s %s", table, hook->name, hook->condition);
	add_prefix(to, "saddr", way ? &r->to : &r->from);
	add_prefix(to, "daddr", way ? &r->from : &r->to);
	if (protocols)
		fprintf(to, "%s ", protocols);
	if (port)
		add_ports(to, r, port);
	fprintf(to, "counter %s comment \"%s\"\n", verdict, ways[way]);
}

/* The resets themselves have to pass; what cannot be rejected is dropped. */
static void add_rules(FILE *to, const struct rules *r, const char *table,
		      const struct hook *hook, unsigned way, const char *port)
{
	if (r->reject) {
		add_rule(to, r, table, hook, way, port, "tcp flags & rst == 0",
			 "reject with tcp reset");
		add_rule(to, r, table, hook, way, port, port ? "meta l4proto { udp, sctp }" :
			 "meta l4proto != tcp", "drop");
	} else {
		add_rule(to, r, table, hook, way, port, port ? "meta l4proto { tcp, udp, sctp }" :
			 NULL, "drop");
	}
}

void rules_print(const struct rules *r, const char *table, FILE *to)
{
	unsigned way;
	size_t i;

	fprintf(to, "add table inet %s\ndelete table inet %s\nadd table inet %s\n", table, table,
		table);
	for (i = 0; i < N_HOOKS; i++) {
		fprintf(to, "add chain inet %s %s { type filter hook %s priority -300; }\n", table,
			hooks[i].name, hooks[i].name);
		for (way = 0; way <= (unsigned)r->both; way++) {
			add_rules(to, r, table, &hooks[i], way, r->ports.n ? "dport" : NULL);
			if (r->ports.n)
				add_rules(to, r, table, &hooks[i], way, "sport");
		}
	}
}

/* ---- what nft lists ---- */

static void read_line(const char *line, size_t len, struct rules_count counts[2])
{
	static const char key[] = "counter packets ";
	const char *at = memmem(line, len, key, sizeof(key) - 1);
	uint64_t n_packets, n_bytes;
	char comment[32];
	unsigned way;

	if (!at || sscanf(at, "counter packets %" SCNu64 " bytes %" SCNu64, &n_packets,
			  &n_bytes) != 2)
		return;
	for (way = 0; way < 2; way++) {
		snprintf(comment, sizeof(comment), "comment \"%s\"", ways[way]);
		if (!memmem(line, len, comment, strlen(comment)))
			continue;
		counts[way].n_packets += n_packets;
		counts[way].n_bytes += n_bytes;
	}
}

void rules_read_counts(const char *listed, struct rules_count ret_counts[2])
{
	size_t len;

	memset(ret_counts, 0, 2 * sizeof(ret_counts[0]));
	for (; *listed; listed += len + (listed[len] == '\n')) {
		len = strcspn(listed, "\n");
		read_line(listed, len, ret_counts);
	}
}

long rules_next_table(const char **at)
{
	static const char key[] = "table inet " RULES_PREFIX;
	char *end;
	long pid;

	while ((*at = strstr(*at, key))) {
		*at += sizeof(key) - 1;
		pid = strtol(*at, &end, 10);
		if (pid > 0 && pid < INT_MAX && (!*end || strchr(" \n", *end)))
			return pid;
	}
	*at = "";
	return 0;
}
