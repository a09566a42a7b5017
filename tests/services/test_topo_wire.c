/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests, offers and events of services/topo_wire.h: their exact bytes, there and back, cut at
 * each byte, and each value that is refused. Knows nothing of servers.
 */
#include "services/topo_wire.h"
#include "tests/lib/check.h"

#include <errno.h>
#include <stdlib.h>

static uint8_t buf[TOPO_OFFER_MAX + 100];

static void has_hex(const uint8_t *p, size_t n, const char *want)
{
	size_t i = 0;

	for (; *want; want++) {
		unsigned byte;

		if (*want == ' ')
			continue;
		CHECK_OR_RETURN(i < n && sscanf(want, "%2x", &byte) == 1);
		if (p[i] != byte)
			printf("# byte %zu is %02x, not %02x\n", i, p[i], byte);
		CHECK(p[i++] == byte);
		want++;
	}
	CHECK_EQ(i, n);
}

static const struct topo_request request = {
	.flags = TOPO_REQ_FLAGS, .scope = TOPO_SCOPE_CLUSTER, .node = 0x41424344,
	.name = { .type = 0x11121314, .lower = 0x21222324, .upper = 0x31323334 },
	.timeout_ms = 0x51525354, .usr = 0x6162636465666768,
	.from = { .epoch = 0x7172737475767778, .index = 0x8182838485868788 },
};

/* In a block of its own, so that a look beyond it is seen. */
static int parse_request(size_t len, struct topo_request *ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, buf, len);
	r = topo_request_parse(copy, len, ret);
	free(copy);
	return r;
}

static bool same_request(const struct topo_request *a, const struct topo_request *b)
{
	return a->flags == b->flags && a->scope == b->scope && a->node == b->node &&
		!memcmp(&a->name, &b->name, sizeof a->name) && a->timeout_ms == b->timeout_ms &&
		a->usr == b->usr && a->from.epoch == b->from.epoch &&
		a->from.index == b->from.index;
}

static void request_bytes(void)
{
	struct topo_request got;

	memset(buf, 0xee, sizeof buf);
	topo_request_put(buf, &request);
	has_hex(buf, TOPO_REQUEST_LEN, "4000 01 0f 14131211 24232221 34333231 44434241 02 000000"
		"54535251 00000000 6867666564636261 7877767574737271 8887868584838281"
		"0000000000000000");
	CHECK_EQ(buf[TOPO_REQUEST_LEN], 0xee);
	CHECK_EQ(parse_request(TOPO_REQUEST_LEN, &got), 0);
	CHECK(same_request(&request, &got));
}

/* Padding is not read. */
static void request_padding(void)
{
	static const uint8_t pads[] = { 21, 22, 23, 28, 29, 30, 31, 56, 63 };
	struct topo_request got;

	topo_request_put(buf, &request);
	for (unsigned i = 0; i < sizeof pads; i++)
		buf[pads[i]] = 0xff;
	CHECK_EQ(parse_request(TOPO_REQUEST_LEN, &got), 0);
	CHECK(same_request(&request, &got));
}

static void request_cut(void)
{
	struct topo_request got = { .usr = 1 };

	topo_request_put(buf, &request);
	for (size_t len = 0; len <= TOPO_REQUEST_LEN + 1; len++)
		CHECK_EQ(parse_request(len, &got), len == TOPO_REQUEST_LEN ? 0 : -EBADMSG);
	got.usr = 1;
	buf[0] = 72;
	CHECK_EQ(parse_request(72, &got), -EBADMSG);
	CHECK_EQ(parse_request(TOPO_REQUEST_LEN, &got), -EBADMSG);
	CHECK_EQ(got.usr, 1);
}

/* A byte of the request that is set, and the error. */
static void request_refused(void)
{
	static const struct {
		uint8_t at, value;
		int error;
	} bad[] = {
		{ 2, 0, -EPROTONOSUPPORT }, { 2, 2, -EPROTONOSUPPORT }, { 3, 16, -EINVAL },
		{ 3, 128, -EINVAL }, { 20, 3, -EINVAL }, { 20, 255, -EINVAL },
		{ 15, 0, -EINVAL },	/* upper */
	};
	struct topo_request got = { .usr = 1 };

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		topo_request_put(buf, &request);
		buf[bad[i].at] = bad[i].value;
		CHECK_EQ(parse_request(TOPO_REQUEST_LEN, &got), bad[i].error);
	}
	CHECK_EQ(got.usr, 1);
}

static int try_range(uint32_t type, uint32_t lower, uint32_t upper)
{
	struct topo_request r = request;

	topo_request_put(buf, &r);
	for (unsigned i = 0; i < 4; i++) {
		buf[4 + i] = (uint8_t)(type >> 8 * i);
		buf[8 + i] = (uint8_t)(lower >> 8 * i);
		buf[12 + i] = (uint8_t)(upper >> 8 * i);
	}
	return parse_request(TOPO_REQUEST_LEN, &r);
}

static void request_ranges(void)
{
	CHECK_EQ(try_range(64, 5, 5), 0);
	CHECK_EQ(try_range(64, 5, 4), -EINVAL);
	CHECK_EQ(try_range(64, UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(try_range(TOPO_TYPE_ANY, 0, UINT32_MAX), 0);
	CHECK_EQ(try_range(TOPO_TYPE_ANY, 1, UINT32_MAX), -EINVAL);
	CHECK_EQ(try_range(TOPO_TYPE_ANY, 0, UINT32_MAX - 1), -EINVAL);
}

/* ---- what a request takes ---- */

static bool takes(struct topo_request r, uint32_t lower, uint32_t upper)
{
	struct topo_name name = { 64, lower, upper };

	return topo_request_takes(&r, &name, TOPO_SCOPE_NODE, 3, 3);
}

static void takes_what_overlaps(void)
{
	struct topo_request r = { .name = { 64, 10, 20 } };

	CHECK(takes(r, 10, 10) && takes(r, 20, 20) && takes(r, 0, 10) && takes(r, 20, 30));
	CHECK(takes(r, 0, UINT32_MAX) && takes(r, 12, 13));
	CHECK(!takes(r, 0, 9) && !takes(r, 21, 30));
}

static void takes_by_publisher(void)
{
	struct topo_request r = { .name = { 64, 0, 5 } };
	struct topo_name name = { 64, 1, 2 }, other = { 65, 1, 2 };

	CHECK(topo_request_takes(&r, &name, TOPO_SCOPE_NODE, 3, 4));
	CHECK(!topo_request_takes(&r, &other, TOPO_SCOPE_NODE, 3, 4));
	r.scope = TOPO_SCOPE_CLUSTER;
	CHECK(!topo_request_takes(&r, &name, TOPO_SCOPE_NODE, 3, 4));
	CHECK(topo_request_takes(&r, &name, TOPO_SCOPE_CLUSTER, 3, 4));
	r.flags = TOPO_REQ_OWN;
	CHECK(!topo_request_takes(&r, &name, TOPO_SCOPE_CLUSTER, 3, 4));
	CHECK(topo_request_takes(&r, &name, TOPO_SCOPE_CLUSTER, 4, 4));
	r.node = 5;
	CHECK(!topo_request_takes(&r, &name, TOPO_SCOPE_CLUSTER, 4, 4));
	r.flags = 0;
	CHECK(topo_request_takes(&r, &name, TOPO_SCOPE_CLUSTER, 5, 4));
	r = (struct topo_request){ .name = { TOPO_TYPE_ANY, 0, UINT32_MAX } };
	CHECK(topo_request_takes(&r, &other, TOPO_SCOPE_CLUSTER, 5, 4));
}

/* ---- offers ---- */

static uint8_t attr[TOPO_ATTR_MAX + 8];

static struct topo_offer offer_of(uint16_t attr_len)
{
	return (struct topo_offer){
		.name = { 0x11121314, 0x21222324, 0x31323334 }, .scope = TOPO_SCOPE_NODE,
		.attr_len = attr_len, .attr = attr,
	};
}

static int parse_offer(size_t len, struct topo_offer *ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, buf, len);
	r = topo_offer_parse(copy, len, ret);
	if (!r) {
		CHECK(ret->attr == copy + TOPO_OFFER_HEAD);
		CHECK_EQ(ret->attr_len, len - TOPO_OFFER_HEAD);
		CHECK_MEM(ret->attr, attr, ret->attr_len);
		ret->attr = attr;
	}
	free(copy);
	return r;
}

static void offer_bytes(void)
{
	struct topo_offer o = offer_of(3), got;
	size_t n;

	memset(buf, 0xee, sizeof buf);
	memcpy(attr, "abc", 3);
	n = topo_offer_put(buf, &o);
	has_hex(buf, n, "4300 01 00 14131211 24232221 34333231 01 000000 03000000"
		"0000000000000000 0000000000000000 0000000000000000 0000000000000000"
		"0000000000000000 616263");
	CHECK_EQ(buf[n], 0xee);
	CHECK_EQ(parse_offer(n, &got), 0);
	CHECK(!memcmp(&got.name, &o.name, sizeof got.name) && got.scope == o.scope);
	o = offer_of(0);
	CHECK_EQ(topo_offer_put(buf, &o), TOPO_OFFER_HEAD);
	CHECK_EQ(parse_offer(TOPO_OFFER_HEAD, &got), 0);
}

static void offer_cut(void)
{
	struct topo_offer o = offer_of(9), got;
	size_t n = topo_offer_put(buf, &o);

	for (size_t len = 0; len <= n + 1; len++)
		CHECK_EQ(parse_offer(len, &got), len == n ? 0 : -EBADMSG);
	/* Its two sizes contradict each other. */
	buf[20]++;
	CHECK_EQ(parse_offer(n, &got), -EBADMSG);
	buf[20] -= 2;
	CHECK_EQ(parse_offer(n, &got), -EBADMSG);
	buf[20]++;
	buf[23] = 1;
	CHECK_EQ(parse_offer(n, &got), -EBADMSG);
}

/* With one byte more, and said so. */
static void offer_too_long(void)
{
	struct topo_offer o = offer_of(TOPO_ATTR_MAX), got;
	size_t n = topo_offer_put(buf, &o);

	CHECK_EQ(n, TOPO_OFFER_MAX);
	CHECK_EQ(parse_offer(n, &got), 0);
	buf[0]++;
	buf[20]++;
	CHECK_EQ(parse_offer(n + 1, &got), -EMSGSIZE);
}

static int try_offer(unsigned at, uint8_t value)
{
	struct topo_offer o = offer_of(3), got;
	size_t n = topo_offer_put(buf, &o);

	buf[at] = value;
	return parse_offer(n, &got);
}

static void offer_refused(void)
{
	struct topo_offer o = offer_of(3), got;
	size_t n;

	CHECK_EQ(try_offer(2, 2), -EPROTONOSUPPORT);
	CHECK_EQ(try_offer(16, 0), -EINVAL);
	CHECK_EQ(try_offer(16, 3), -EINVAL);
	CHECK_EQ(try_offer(16, 2), 0);
	CHECK_EQ(try_offer(15, 0x20), -EINVAL);	/* upper */
	n = topo_offer_put(buf, &o);
	memset(buf + 4, 0xff, 4);
	CHECK_EQ(parse_offer(n, &got), -EINVAL);
	CHECK_EQ(try_offer(17, 0xff), 0);	/* padding */
}

/* ---- events ---- */

static struct topo_event event_of(uint8_t what, uint16_t attr_len)
{
	struct topo_event e = {
		.what = what, .flags = TOPO_EV_GROUP | TOPO_EV_OF_SNAPSHOT,
		.incarnation = 0x6162636465666768, .position = 0x7172737475767778,
		.usr = 0x8182838485868788,
	};

	if (what == TOPO_SNAPSHOT_END)
		e.n_skipped = 0x3132333435363738;
	if (what > TOPO_WITHDRAWN)
		return e;
	e.name = (struct topo_name){ 0x11121314, 0x21222324, 0x31323334 };
	e.node = 0x41424344;
	e.pub = 0x51525354;
	e.scope = TOPO_SCOPE_CLUSTER;
	e.attr_len = attr_len;
	e.attr = attr;
	return e;
}

static int parse_event(size_t len, struct topo_event *ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, buf, len);
	r = topo_event_parse(copy, len, ret);
	if (r > 0) {
		CHECK(ret->attr == copy + TOPO_EVENT_HEAD);
		CHECK_MEM(ret->attr, attr, ret->attr_len);
		ret->attr = attr;
	}
	free(copy);
	return r;
}

static void event_bytes(void)
{
	struct topo_event e = event_of(TOPO_WITHDRAWN, 3);
	size_t n;

	memset(buf, 0xee, sizeof buf);
	memcpy(attr, "abc", 3);
	n = topo_event_put(buf, &e);
	CHECK_EQ(n, topo_event_size(3));
	has_hex(buf, n, "4000 02 03 14131211 24232221 34333231 44434241 54535251"
		"6867666564636261 7877767574737271 8887868584838281 02 000000 03000000"
		"616263 0000000000");
	CHECK_EQ(buf[n], 0xee);
	e = event_of(TOPO_SNAPSHOT_END, 0);
	n = topo_event_put(buf, &e);
	has_hex(buf, n, "3800 05 03 00000000 3837363534333231 00000000 00000000"
		"6867666564636261 7877767574737271 8887868584838281 00 000000 00000000");
}

static bool same_event(const struct topo_event *a, const struct topo_event *b)
{
	return a->what == b->what && a->flags == b->flags && a->scope == b->scope &&
		a->attr_len == b->attr_len && !memcmp(&a->name, &b->name, sizeof a->name) &&
		a->node == b->node && a->pub == b->pub && a->incarnation == b->incarnation &&
		a->n_skipped == b->n_skipped && a->position == b->position && a->usr == b->usr;
}

static void event_there_and_back(void)
{
	struct topo_event got;

	for (uint8_t what = TOPO_PUBLISHED; what <= TOPO_OVERRUN; what++) {
		for (uint16_t len = 0; len <= TOPO_ATTR_MAX; len += 51) {
			struct topo_event e = event_of(what, len);
			size_t n = topo_event_put(buf, &e);

			CHECK(n % 8 == 0 && n <= TOPO_EVENT_MAX);
			CHECK_EQ(parse_event(n, &got), n);
			CHECK(same_event(&e, &got));
		}
	}
}

static void event_cut(void)
{
	struct topo_event e = event_of(TOPO_PUBLISHED, 9), got = { .usr = 1 };
	size_t n = topo_event_put(buf, &e);

	for (size_t len = 0; len < n; len++)
		CHECK_EQ(parse_event(len, &got), -EAGAIN);
	CHECK_EQ(got.usr, 1);
	CHECK_EQ(parse_event(n + 1, &got), n);
}

static int try_event(uint8_t what, unsigned at, uint8_t value)
{
	struct topo_event e = event_of(what, what <= TOPO_WITHDRAWN ? 3 : 0), got;
	size_t n = topo_event_put(buf, &e);

	buf[at] = value;
	return parse_event(n, &got);
}

static void event_refused(void)
{
	struct topo_event e = event_of(TOPO_PUBLISHED, TOPO_ATTR_MAX), got;

	CHECK_EQ(try_event(TOPO_PUBLISHED, 2, 0), -EBADMSG);
	CHECK_EQ(try_event(TOPO_PUBLISHED, 2, 7), -EBADMSG);
	CHECK_EQ(try_event(TOPO_PUBLISHED, 0, 0x38), -EBADMSG);
	CHECK_EQ(try_event(TOPO_PUBLISHED, 0, 0x48), -EBADMSG);
	CHECK_EQ(try_event(TOPO_PUBLISHED, 48, 0), -EBADMSG);
	CHECK_EQ(try_event(TOPO_PUBLISHED, 48, 3), -EBADMSG);
	CHECK_EQ(try_event(TOPO_WITHDRAWN, 15, 0), -EBADMSG);
	CHECK_EQ(try_event(TOPO_WITHDRAWN, 52, 0), -EBADMSG);
	CHECK_EQ(try_event(TOPO_TIMEOUT, 52, 1), -EBADMSG);
	/* An event that is about nothing has no attributes; other padding is not read. */
	CHECK_EQ(try_event(TOPO_PUBLISHED, 2, TOPO_TIMEOUT), -EBADMSG);
	CHECK_EQ(try_event(TOPO_TIMEOUT, 20, 1), TOPO_EVENT_HEAD);
	CHECK_EQ(try_event(TOPO_PUBLISHED, 49, 1), topo_event_size(3));
	/* An unknown flag is ignored. */
	CHECK_EQ(try_event(TOPO_PUBLISHED, 3, 0xff), topo_event_size(3));
	topo_event_put(buf, &e);
	CHECK_EQ(parse_event(TOPO_EVENT_MAX, &got), TOPO_EVENT_MAX);
	buf[0] = 0x40;
	buf[52] = 1;	/* 257 */
	CHECK_EQ(parse_event(TOPO_EVENT_MAX + 8, &got), -EBADMSG);
	memset(buf + 4, 0xff, 4);
	topo_event_put(buf, &e);
	memset(buf + 4, 0xff, 4);
	CHECK_EQ(parse_event(TOPO_EVENT_MAX, &got), -EBADMSG);
}

int main(void)
{
	RUN(request_bytes);
	RUN(request_padding);
	RUN(request_cut);
	RUN(request_refused);
	RUN(request_ranges);
	RUN(takes_what_overlaps);
	RUN(takes_by_publisher);
	RUN(offer_bytes);
	RUN(offer_cut);
	RUN(offer_too_long);
	RUN(offer_refused);
	RUN(event_bytes);
	RUN(event_there_and_back);
	RUN(event_cut);
	RUN(event_refused);
	return check_done();
}
