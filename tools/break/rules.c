/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets to block, as commands of nft(8), and what such a table has counted.
 * Pure: hands nothing to the kernel.
 */
#include "tools/break/rules.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
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

struct text {
	char *start;
	size_t size, len;	/* len may go beyond: then it was too long */
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;
	va_list args;

	va_start(args, fmt);
	t->len += (size_t)vsnprintf(room ? t->start + t->len : NULL, room, fmt, args);
	va_end(args);
}

void rules_name(long pid, char name[RULES_NAME_MAX])
{
	snprintf(name, RULES_NAME_MAX, RULES_PREFIX "%ld", pid);
}

/* ---- commands ---- */

static void add_prefix(struct text *t, const char *which, const struct filter_prefix *p)
{
	char address[FILTER_ADDRESS_TEXT];
	bool is_ipv4 = p->address.family == AF_INET;

	if (!p->address.family)
		return;
	if (!p->n_bits)
		add(t, "meta nfproto %s ", is_ipv4 ? "ipv4" : "ipv6");
	else
		add(t, "%s %s %s/%u ", is_ipv4 ? "ip" : "ip6", which,
		    filter_print_address(&p->address, address), (unsigned)p->n_bits);
}

static void add_ports(struct text *t, const struct rules *r, const char *which)
{
	unsigned i;

	add(t, "th %s { ", which);
	for (i = 0; i < r->ports.n; i++)
		add(t, "%s%u", i ? ", " : "", (unsigned)r->ports.list[i]);
	add(t, " } ");
}

/* One rule: a hook, a way, the end that has the port or NULL, the protocols, the verdict. */
static void add_rule(struct text *t, const struct rules *r, const char *table,
		     const struct hook *hook, unsigned way, const char *port,
		     const char *protocols, const char *verdict)
{
	add(t, "add rule inet %s %s %s", table, hook->name, hook->condition);
	add_prefix(t, "saddr", way ? &r->to : &r->from);
	add_prefix(t, "daddr", way ? &r->from : &r->to);
	if (protocols)
		add(t, "%s ", protocols);
	if (port)
		add_ports(t, r, port);
	add(t, "counter %s comment \"%s\"\n", verdict, ways[way]);
}

/* The resets themselves have to pass; what cannot be rejected is dropped. */
static void add_rules(struct text *t, const struct rules *r, const char *table,
		      const struct hook *hook, unsigned way, const char *port)
{
	if (r->reject) {
		add_rule(t, r, table, hook, way, port, "tcp flags & rst == 0",
			 "reject with tcp reset");
		add_rule(t, r, table, hook, way, port, port ? "meta l4proto { udp, sctp }" :
			 "meta l4proto != tcp", "drop");
	} else {
		add_rule(t, r, table, hook, way, port, port ? "meta l4proto { tcp, udp, sctp }" :
			 NULL, "drop");
	}
}

int rules_print(const struct rules *r, const char *table, char *text, size_t size)
{
	struct text t = { .start = text, .size = size };
	unsigned way;
	size_t i;

	add(&t, "add table inet %s\ndelete table inet %s\nadd table inet %s\n", table, table,
	    table);
	for (i = 0; i < N_HOOKS; i++) {
		add(&t, "add chain inet %s %s { type filter hook %s priority -300; }\n", table,
		    hooks[i].name, hooks[i].name);
		for (way = 0; way <= (unsigned)r->both; way++) {
			add_rules(&t, r, table, &hooks[i], way, r->ports.n ? "dport" : NULL);
			if (r->ports.n)
				add_rules(&t, r, table, &hooks[i], way, "sport");
		}
	}
	return t.len < size ? 0 : -ENOSPC;
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
