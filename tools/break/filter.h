/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which connections are meant: by the addresses and ports of their two ends.
 * Knows nothing of where connections come from, and opens nothing.
 */
#ifndef TOOLS_BREAK_FILTER_H
#define TOOLS_BREAK_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#define FILTER_ADDRESSES_MAX	64
#define FILTER_PAIRS_MAX	64
#define FILTER_PORTS_MAX	64
#define FILTER_ADDRESS_TEXT	46	/* bytes of an address in letters, NUL included */
#define FILTER_END_TEXT		56	/* the same with its port: "[::1]:21065" */

/* IPv4 addresses that are written as IPv6 ones (::ffff:192.0.2.1) are kept as IPv4. */
struct filter_address {
	uint8_t family;		/* AF_INET or AF_INET6 */
	uint8_t bytes[16];	/* in network order; of IPv4 the first four */
};

struct filter_prefix {
	struct filter_address address;	/* of family 0: anything */
	uint8_t n_bits;
};

struct filter_end {
	struct filter_address address;
	uint16_t port;		/* in host order */
};

/* One end each, in either order. */
struct filter_pair {
	struct filter_prefix a, b;
};

struct filter_ports {
	uint16_t list[FILTER_PORTS_MAX];	/* in host order */
	unsigned n;
};

/* Each kind of which there is none lets everything through. */
struct filter {
	struct filter_pair addresses[FILTER_ADDRESSES_MAX];	/* b is anything */
	unsigned n_addresses;
	struct filter_pair pairs[FILTER_PAIRS_MAX];
	unsigned n_pairs;
	struct filter_ports ports;	/* of one of the two ends */
};

/* From network order; family is AF_INET or AF_INET6. */
struct filter_address filter_address_of(int family, const void *bytes);
/* "192.0.2.1", "2001:db8::1", no name of a host. */
bool filter_read_address(const char *text, struct filter_address *ret_address);
/* An address, perhaps with "/BITS"; the bits behind are of no account. */
bool filter_read_prefix(const char *text, struct filter_prefix *ret_prefix);

/* Values of options, by OPTION_PART(): each adds one to a struct filter or its ports, or sets a
 * struct filter_prefix. NULL, or what was expected instead. */
const char *filter_take_address(void *filter, const char *text);
const char *filter_take_pair(void *filter, const char *text);	/* "A,B" */
const char *filter_take_port(void *ports, const char *text);
const char *filter_take_prefix(void *prefix, const char *text);

bool filter_is_empty(const struct filter *f);
bool filter_prefix_has(const struct filter_prefix *p, const struct filter_address *a);
bool filter_has_port(const struct filter_ports *ports, unsigned port);
/* In which order the ends are given does not matter. */
bool filter_match(const struct filter *f, const struct filter_end *a, const struct filter_end *b);

/* Below, above or equal 0: an order of addresses, and of ends. */
int filter_compare_addresses(const struct filter_address *a, const struct filter_address *b);
int filter_compare_ends(const struct filter_end *a, const struct filter_end *b);

/* Both return text. */
char *filter_print_address(const struct filter_address *a, char text[FILTER_ADDRESS_TEXT]);
char *filter_print_end(const struct filter_end *e, char text[FILTER_END_TEXT]);

#endif
