/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which connections are meant: by the addresses and ports of their two ends.
 * Knows nothing of where connections come from, and opens nothing.
 */
#include "tools/break/filter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "membership/config.h"

#define MAPPED_BYTES	12	/* ::ffff:0:0/96, in front of an IPv4 address */

static const uint8_t mapped[MAPPED_BYTES] = { [10] = 0xff, [11] = 0xff };

static unsigned bits_of(const struct filter_address *a)
{
	return a->family == AF_INET ? 32 : 128;
}

struct filter_address filter_address_of(int family, const void *bytes)
{
	struct filter_address a = { .family = (uint8_t)family };

	if (family == AF_INET6 && !memcmp(bytes, mapped, MAPPED_BYTES)) {
		a.family = AF_INET;
		memcpy(a.bytes, (const uint8_t *)bytes + MAPPED_BYTES, 4);
		return a;
	}
	memcpy(a.bytes, bytes, family == AF_INET ? 4 : 16);
	return a;
}

bool filter_read_address(const char *text, struct filter_address *ret_address)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	uint8_t bytes[16];

	if (inet_pton(family, text, bytes) != 1)
		return false;
	*ret_address = filter_address_of(family, bytes);
	return true;
}

bool filter_read_prefix(const char *text, struct filter_prefix *ret_prefix)
{
	char address[FILTER_ADDRESS_TEXT];
	size_t len = strcspn(text, "/");
	struct filter_prefix p;
	uint64_t n_bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!filter_read_address(address, &p.address))
		return false;
	n_bits = bits_of(&p.address);
	/* The bits of a mapped address are counted as it is written. */
	if (text[len] && config_number(text + len + 1, 0, 0, strchr(address, ':') ? 128 : 32,
				       &n_bits))
		return false;
	if (text[len] && p.address.family == AF_INET && strchr(address, ':')) {
		if (n_bits < MAPPED_BYTES * 8)
			return false;
		n_bits -= MAPPED_BYTES * 8;
	}
	p.n_bits = (uint8_t)n_bits;
	*ret_prefix = p;
	return true;
}

const char *filter_take_address(void *filter, const char *text)
{
	struct filter *f = filter;
	struct filter_prefix p;

	if (f->n_addresses == FILTER_ADDRESSES_MAX || !filter_read_prefix(text, &p))
		return "an address or ADDRESS/BITS, at most 64 times";
	f->addresses[f->n_addresses++] = (struct filter_pair){
		.a = p, .b.address.family = p.address.family,
	};
	return NULL;
}

static bool read_pair(const char *text, struct filter_pair *ret_pair)
{
	char first[FILTER_ADDRESS_TEXT + 4];
	size_t len = strcspn(text, ",");

	if (len >= sizeof(first) || !text[len])
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	return filter_read_prefix(first, &ret_pair->a) &&
	       filter_read_prefix(text + len + 1, &ret_pair->b) &&
	       ret_pair->a.address.family == ret_pair->b.address.family;
}

const char *filter_take_pair(void *filter, const char *text)
{
	struct filter *f = filter;

	if (f->n_pairs == FILTER_PAIRS_MAX || !read_pair(text, &f->pairs[f->n_pairs]))
		return "two addresses (or ADDRESS/BITS) of one family with a comma between, at "
		       "most 64 times";
	f->n_pairs++;
	return NULL;
}

const char *filter_take_port(void *ports, const char *text)
{
	struct filter_ports *p = ports;
	uint64_t n;

	if (p->n == FILTER_PORTS_MAX || config_number(text, 0, 1, UINT16_MAX, &n))
		return "a port from 1 to 65535, at most 64 times";
	p->list[p->n++] = (uint16_t)n;
	return NULL;
}

const char *filter_take_prefix(void *prefix, const char *text)
{
	return filter_read_prefix(text, prefix) ? NULL : "an address or ADDRESS/BITS";
}

bool filter_is_empty(const struct filter *f)
{
	return !f->n_addresses && !f->n_pairs && !f->ports.n;
}

bool filter_prefix_has(const struct filter_prefix *p, const struct filter_address *a)
{
	unsigned whole = p->n_bits / 8, rest = p->n_bits % 8;

	if (p->address.family != a->family || memcmp(p->address.bytes, a->bytes, whole))
		return false;
	return !rest || !((p->address.bytes[whole] ^ a->bytes[whole]) >> (8 - rest));
}

static bool pair_has(const struct filter_pair *p, const struct filter_end *x,
		     const struct filter_end *y)
{
	return filter_prefix_has(&p->a, &x->address) && filter_prefix_has(&p->b, &y->address);
}

static bool pairs_match(const struct filter_pair *pairs, unsigned n, const struct filter_end *x,
			const struct filter_end *y)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (pair_has(&pairs[i], x, y) || pair_has(&pairs[i], y, x))
			return true;
	return !n;
}

bool filter_has_port(const struct filter_ports *ports, unsigned port)
{
	unsigned i;

	for (i = 0; i < ports->n; i++)
		if (ports->list[i] == port)
			return true;
	return !ports->n;
}

bool filter_match(const struct filter *f, const struct filter_end *a, const struct filter_end *b)
{
	return pairs_match(f->addresses, f->n_addresses, a, b) &&
	       pairs_match(f->pairs, f->n_pairs, a, b) &&
	       (filter_has_port(&f->ports, a->port) || filter_has_port(&f->ports, b->port));
}

int filter_compare_addresses(const struct filter_address *a, const struct filter_address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int filter_compare_ends(const struct filter_end *a, const struct filter_end *b)
{
	int order = filter_compare_addresses(&a->address, &b->address);

	if (order || a->port == b->port)
		return order;
	return a->port < b->port ? -1 : 1;
}

char *filter_print_address(const struct filter_address *a, char text[FILTER_ADDRESS_TEXT])
{
	if (!inet_ntop(a->family, a->bytes, text, FILTER_ADDRESS_TEXT))
		strcpy(text, "?");
	return text;
}

char *filter_print_end(const struct filter_end *e, char text[FILTER_END_TEXT])
{
	char address[FILTER_ADDRESS_TEXT];

	filter_print_address(&e->address, address);
	snprintf(text, FILTER_END_TEXT, e->address.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 address, (unsigned)e->port);
	return text;
}
