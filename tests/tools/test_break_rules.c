/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what `sinew break block` tells nftables and reads from it.
 * Knows nothing of the kernel.
 */
#include "tools/break/filter.c"
#include "tools/break/rules.c"

#include "tests/lib/check.h"

static char text[65536];

static unsigned count(const char *what)
{
	const char *at = text;
	unsigned n = 0;

	while ((at = strstr(at, what))) {
		at += strlen(what);
		n++;
	}
	return n;
}

static struct rules rules(const char *from, const char *to)
{
	struct rules r = { .both = false };

	CHECK(!from || filter_read_prefix(from, &r.from));
	CHECK(!to || filter_read_prefix(to, &r.to));
	return r;
}

static void print(const struct rules *r)
{
	FILE *to = fmemopen(text, sizeof(text), "w");

	CHECK_OR_RETURN(to);
	rules_print(r, "t", to);
	CHECK_EQ(fclose(to), 0);
}

static void one_way_is_dropped_at_each_hook(void)
{
	struct rules r = rules("10.0.0.1", "10.0.0.2");

	print(&r);
	CHECK_EQ(count("ip saddr 10.0.0.1/32 ip daddr 10.0.0.2/32 counter drop comment \"forth\""),
		 3);
	CHECK_EQ(count("add rule"), 3);
	CHECK_EQ(count("add rule inet t output oifname != \"lo\" ip saddr"), 1);
	CHECK_EQ(count("back"), 0);
	r.both = true;
	print(&r);
	CHECK_EQ(count("add rule"), 6);
	CHECK_EQ(count("ip saddr 10.0.0.2/32 ip daddr 10.0.0.1/32 counter drop comment \"back\""),
		 3);
}

static void half_a_way_is_turned_round(void)
{
	struct rules r = rules("fd00::/8", NULL);

	r.both = true;
	print(&r);
	CHECK_EQ(count("ip6 saddr fd00::/8 counter drop comment \"forth\""), 3);
	CHECK_EQ(count("ip6 daddr fd00::/8 counter drop comment \"back\""), 3);
	r = rules(NULL, "0.0.0.0/0");
	print(&r);
	CHECK_EQ(count("meta nfproto ipv4 counter drop"), 3);
}

static void ports_are_looked_for_at_both_ends(void)
{
	struct rules r = rules("10.0.0.1", NULL);

	r.ports = (struct filter_ports){ .list = { 1, 65535 }, .n = 2 };
	print(&r);
	CHECK_EQ(count("meta l4proto { tcp, udp, sctp } th dport { 1, 65535 } counter drop"), 3);
	CHECK_EQ(count("meta l4proto { tcp, udp, sctp } th sport { 1, 65535 } counter drop"), 3);
}

static void resets_pass_when_they_are_the_answer(void)
{
	struct rules r = rules("10.0.0.1", "10.0.0.2");

	r.reject = true;
	print(&r);
	CHECK_EQ(count("tcp flags & rst == 0 counter reject with tcp reset"), 3);
	CHECK_EQ(count("meta l4proto != tcp counter drop"), 3);
}

static void all_ports_are_listed(void)
{
	static const char longest[] = "1111:2222:3333:4444:5555:6666:7777:8888/127";
	struct rules r = rules(longest, longest);

	r.both = r.reject = true;
	memset(r.ports.list, 0xff, sizeof(r.ports.list));
	r.ports.n = FILTER_PORTS_MAX;
	print(&r);
	CHECK_EQ(count("add rule"), 24);
	CHECK_EQ(count("65535"), 24 * FILTER_PORTS_MAX);
}

static void counters_are_summed_up_by_way(void)
{
	static const char listed[] =
		"table inet t {\n"
		"\t\tip saddr 10.0.0.1 counter packets 3 bytes 180 drop comment \"forth\"\n"
		"\t\tip saddr 10.0.0.1 counter packets 4 bytes 18446744073709551000 drop comment "
		"\"forth\"\n"
		"\t\tip daddr 10.0.0.1 counter packets 1 bytes 60 drop comment \"back\"\n"
		"\t\tcounter packets 9 bytes 9 comment \"other\"\n"
		"\t\tcounter packets x comment \"back\"\n"
		"}";
	struct rules_count counts[2];

	rules_read_counts(listed, counts);
	CHECK_EQ(counts[0].n_packets, 7);
	CHECK(counts[0].n_bytes == UINT64_C(18446744073709551180));
	CHECK_EQ(counts[1].n_packets, 1);
	CHECK_EQ(counts[1].n_bytes, 60);
	rules_read_counts("", counts);
	CHECK_EQ(counts[0].n_packets, 0);
}

static void tables_of_ours_are_found(void)
{
	const char *at = "table inet filter\n"
			 "table inet sinew_break_12\n"
			 "table inet sinew_break_\n"
			 "table inet sinew_break_0\n"
			 "table inet sinew_break_-3\n"
			 "table inet sinew_break_7x\n"
			 "table inet sinew_break_99999999999999999999\n"
			 "table ip sinew_break_5\n"
			 "table inet sinew_break_4194304";
	char name[RULES_NAME_MAX];

	CHECK_EQ(rules_next_table(&at), 12);
	CHECK_EQ(rules_next_table(&at), 4194304);
	CHECK_EQ(rules_next_table(&at), 0);
	CHECK_EQ(rules_next_table(&at), 0);
	rules_name(12, name);
	CHECK_STR(name, "sinew_break_12");
}

int main(void)
{
	RUN(one_way_is_dropped_at_each_hook);
	RUN(half_a_way_is_turned_round);
	RUN(ports_are_looked_for_at_both_ends);
	RUN(resets_pass_when_they_are_the_answer);
	RUN(all_ports_are_listed);
	RUN(counters_are_summed_up_by_way);
	RUN(tables_of_ours_are_found);
	return check_done();
}
