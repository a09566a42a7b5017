/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the filter of `sinew break`: what it reads, and which connections it means.
 * Knows nothing of the kernel.
 */
#include "tools/break/filter.c"

#include "tests/lib/check.h"

static struct filter_end end(const char *address, uint16_t port)
{
	struct filter_end e = { .port = port };

	CHECK(filter_read_address(address, &e.address));
	return e;
}

static bool means(const struct filter *f, const char *a, uint16_t a_port, const char *b,
		  uint16_t b_port)
{
	struct filter_end x = end(a, a_port), y = end(b, b_port);
	bool forth = filter_match(f, &x, &y), back = filter_match(f, &y, &x);

	CHECK_EQ(forth, back);
	return forth;
}

static void addresses_are_read(void)
{
	static const char *const wrong[] = {
		"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "host", ":::", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/-1", "1.2.3.4/8x", "::/129", "::ffff:1.2.3.4/95", "1.2.3.4 ",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
	};
	struct filter_prefix p;
	char text[FILTER_ADDRESS_TEXT];
	unsigned i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK(!filter_read_prefix(wrong[i], &p));
	CHECK_OR_RETURN(filter_read_prefix("10.1.2.3", &p));
	CHECK_EQ(p.n_bits, 32);
	CHECK_OR_RETURN(filter_read_prefix("2001:db8::/33", &p));
	CHECK_EQ(p.n_bits, 33);
	CHECK_STR(filter_print_address(&p.address, text), "2001:db8::");
	CHECK_OR_RETURN(filter_read_prefix("0.0.0.0/0", &p));
	CHECK_EQ(p.n_bits, 0);
}

static void mapped_addresses_are_ipv4(void)
{
	struct filter_prefix p;
	char text[FILTER_ADDRESS_TEXT];

	CHECK_OR_RETURN(filter_read_prefix("::ffff:10.1.2.3", &p));
	CHECK_STR(filter_print_address(&p.address, text), "10.1.2.3");
	CHECK_EQ(p.n_bits, 32);
	CHECK_OR_RETURN(filter_read_prefix("::ffff:10.1.2.3/104", &p));
	CHECK_EQ(p.n_bits, 8);
}

static void prefixes_have_what_they_should(void)
{
	struct filter f = { .ports.n = 0 };

	CHECK(!filter_take_address(&f, "10.1.128.0/17"));
	CHECK(means(&f, "10.1.128.0", 1, "192.0.2.1", 2));
	CHECK(means(&f, "10.1.255.255", 1, "192.0.2.1", 2));
	CHECK(!means(&f, "10.1.127.255", 1, "192.0.2.1", 2));
	CHECK(!means(&f, "10.2.128.0", 1, "192.0.2.1", 2));
	CHECK(!means(&f, "a01:8000::", 1, "::1", 2));
	CHECK(!filter_take_address(&f, "fd00::/9"));
	CHECK(means(&f, "fd7f::", 1, "::1", 2));
	CHECK(!means(&f, "fd80::", 1, "::1", 2));
}

static void pairs_want_both_ends(void)
{
	struct filter f = { .ports.n = 0 };

	CHECK(!filter_take_pair(&f, "10.0.0.1,10.0.0.2"));
	CHECK(means(&f, "10.0.0.1", 1, "10.0.0.2", 2));
	CHECK(!means(&f, "10.0.0.1", 1, "10.0.0.1", 2));
	CHECK(!means(&f, "10.0.0.1", 1, "10.0.0.3", 2));
	CHECK(!filter_take_pair(&f, "10.0.0.0/24,10.0.1.0/24"));
	CHECK(means(&f, "10.0.1.9", 1, "10.0.0.3", 2));
	CHECK(!means(&f, "10.0.1.9", 1, "10.0.1.8", 2));
	CHECK(filter_take_pair(&f, "10.0.0.1"));
	CHECK(filter_take_pair(&f, "10.0.0.1,"));
	CHECK(filter_take_pair(&f, "10.0.0.1,::1"));
	CHECK(filter_take_pair(&f, "10.0.0.1,10.0.0.2,10.0.0.3"));
	CHECK_EQ(f.n_pairs, 2);
}

static void each_kind_has_to_fit(void)
{
	struct filter f = { .ports.n = 0 };

	CHECK(filter_is_empty(&f));
	CHECK(means(&f, "10.0.0.1", 1, "10.0.0.2", 2));
	CHECK(!filter_take_port(&f.ports, "21065"));
	CHECK(!filter_take_port(&f.ports, "65535"));
	CHECK(!filter_is_empty(&f));
	CHECK(means(&f, "10.0.0.1", 21065, "10.0.0.2", 2));
	CHECK(means(&f, "10.0.0.1", 1, "10.0.0.2", 65535));
	CHECK(!means(&f, "10.0.0.1", 1, "10.0.0.2", 2));
	CHECK(!filter_take_address(&f, "10.0.0.3"));
	CHECK(!means(&f, "10.0.0.1", 21065, "10.0.0.2", 2));
	CHECK(means(&f, "10.0.0.3", 21065, "10.0.0.2", 2));
}

static void there_is_room_for_so_many(void)
{
	struct filter f = { .ports.n = 0 };
	unsigned i;

	for (i = 0; i < FILTER_PORTS_MAX; i++)
		CHECK(!filter_take_port(&f.ports, "1") && !filter_take_address(&f, "10.0.0.1") &&
		      !filter_take_pair(&f, "10.0.0.1,10.0.0.2"));
	CHECK(filter_take_port(&f.ports, "1"));
	CHECK(filter_take_address(&f, "10.0.0.1"));
	CHECK(filter_take_pair(&f, "10.0.0.1,10.0.0.2"));
	CHECK(filter_take_port(&(struct filter_ports){ .n = 0 }, "0"));
	CHECK(filter_take_port(&(struct filter_ports){ .n = 0 }, "65536"));
}

static void ends_are_ordered_and_printed(void)
{
	struct filter_end a = end("10.0.0.1", 2), b = end("10.0.0.2", 1), c = end("10.0.0.2", 2);
	struct filter_end d = end("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
	char text[FILTER_END_TEXT];

	CHECK(filter_compare_ends(&a, &b) < 0);
	CHECK(filter_compare_ends(&b, &c) < 0);
	CHECK(filter_compare_ends(&c, &b) > 0);
	CHECK(filter_compare_ends(&c, &d) < 0);
	CHECK_EQ(filter_compare_ends(&c, &c), 0);
	CHECK_STR(filter_print_end(&a, text), "10.0.0.1:2");
	CHECK_STR(filter_print_end(&d, text), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

int main(void)
{
	RUN(addresses_are_read);
	RUN(mapped_addresses_are_ipv4);
	RUN(prefixes_have_what_they_should);
	RUN(pairs_want_both_ends);
	RUN(each_kind_has_to_fit);
	RUN(there_is_room_for_so_many);
	RUN(ends_are_ordered_and_printed);
	return check_done();
}
