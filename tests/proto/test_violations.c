/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of frames that end a link: before it is up, on a probe, by their length, and
 * those of a kernel. The sequenced ones of a native link are test_link.c's.
 */
#include "tests/lib/core_fixture_dlm.h"

struct bad {
	const char *says;
	size_t (*make)(uint8_t *p);
};

/* A frame with nothing behind its inner header. */
static size_t empty(uint8_t *p, uint8_t command)
{
	size_t n = wire_put_opts(p, HIGH, 0, command, WIRE_HEADER);

	return n + wire_put_header(p + n, WIRE_VERSION_3_2, WIRE_NATIVE, HIGH, WIRE_HEADER,
				   command);
}

static size_t empty_hello(uint8_t *p) { return empty(p, WIRE_HELLO); }
static size_t empty_refuse(uint8_t *p) { return empty(p, WIRE_REFUSE); }
static size_t empty_status(uint8_t *p) { return empty(p, WIRE_STATUS); }
static size_t empty_probe(uint8_t *p) { return empty(p, WIRE_PROBE); }
static size_t a_probe(uint8_t *p)
{
	struct probe q = { .cookie = 1, .cluster = "test" };

	return wire_put_probe(p, HIGH, &q, false);
}

static size_t foreign_probe(uint8_t *p)
{
	struct probe q = { .cookie = 1, .cluster = "another" };

	return wire_put_probe(p, HIGH, &q, false);
}

static size_t unasked_reply(uint8_t *p)
{
	struct probe q = { .cookie = 1, .cluster = "test" };

	return wire_put_probe(p, HIGH, &q, true);
}

static size_t never_sent(uint8_t *p) { return wire_put_ack(p, HIGH, FIRST + 7); }
static size_t an_ack(uint8_t *p) { return wire_put_ack(p, HIGH, FIRST); }

static size_t a_refusal(uint8_t *p)
{
	struct refuse r = { .mine = incarnation(HIGH), .yours = 77, .reason = WIRE_REFUSE_STALE };

	return wire_put_refuse(p, HIGH, &r);
}

static size_t another_incarnation(uint8_t *p)
{
	struct hello h = hello_of(HIGH, 0);
	size_t n = wire_put_hello(p, HIGH, &h);

	h.mine++;
	h.yours = 77;
	return n + wire_put_hello(p + n, HIGH, &h);
}

static size_t tlv_beyond_its_options(uint8_t *p)
{
	static const uint8_t tlv[] = { 9, 0, 200, 0 };
	size_t n = wire_put_opts(p, HIGH, FIRST, WIRE_DATA, WIRE_HEADER + sizeof tlv);

	put_le16(p + offsetof(struct wire_opts, optlen), sizeof tlv);
	memcpy(p + n, tlv, sizeof tlv);
	n += sizeof tlv;
	return n + wire_put_header(p + n, WIRE_VERSION_3_2, WIRE_NATIVE, HIGH, WIRE_HEADER,
				   WIRE_DATA);
}

static size_t version_4(uint8_t *p)
{
	return wire_put_header(p, 0x00040000, 0, HIGH, WIRE_HEADER, WIRE_ACK);
}

/* The frame ends the link, with that log text; nothing of it reaches the application. */
static void ends_it(const struct bad *bad, struct wire *w)
{
	static uint8_t buf[1 << 17];

	feed(w, buf, bad->make(buf));
	CHECK(w->gone);
	if (!CHECK(strstr(fx->notes, bad->says)))
		printf("# %s: %s\n", bad->says, fx->notes);
	CHECK_EQ(fx->delivered[HIGH], 0);
	CHECK_EQ(fx->down[HIGH], 0);
}

static void before_it_is_up(void)
{
	static const struct bad table[] = {
		{ "malformed HELLO", empty_hello },
		{ "REFUSE received before HELLO", a_refusal },
		{ "malformed REFUSE", empty_refuse },
		{ "malformed PROBE", empty_probe },
		{ "PROBE from another cluster", foreign_probe },
		{ "unexpected frame, expected HELLO", unasked_reply },
		{ "unexpected frame, expected HELLO", an_ack },
		{ "another incarnation on the same link", another_incarnation },
		{ "unknown DLM protocol version", version_4 },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		fixture_begin(true);
		fx->no_dials = true;
		settle();
		ends_it(&table[i], incoming(HIGH));
	}
}

static void on_a_link_that_is_up(void)
{
	static const struct bad table[] = {
		{ "malformed STATUS", empty_status },
		{ "malformed REFUSE", empty_refuse },
		{ "malformed TLVs", tlv_beyond_its_options },
		{ "unexpected frame on an established link", a_probe },
		{ "unknown DLM protocol version", version_4 },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct wire *high;

		both_up(&high);
		ends_it(&table[i], high);
		CHECK_EQ(fx->session[HIGH]->n.faults, 1);
	}
}

static void on_a_link_of_probes(void)
{
	static const struct bad table[] = {
		{ "unexpected frame, expected PROBE", an_ack },
		{ "unexpected frame, expected PROBE", unasked_reply },
		{ "malformed PROBE", empty_probe },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		uint8_t buf[WIRE_CONTROL_MAX];
		struct wire *w;

		fixture_begin(true);
		fx->no_dials = true;
		settle();
		w = incoming(HIGH);
		feed(w, buf, a_probe(buf));
		CHECK(!w->gone);
		ends_it(&table[i], w);
	}
}

/* Repeated violations of one peer are answered at most every 100 ms. */
static void answered_now_and_then(void)
{
	static const unsigned at_ms[] = { 0, 99, 100, 150, 200 };
	uint8_t buf[64];
	struct wire *high;
	uint64_t began;

	both_up(&high);
	fx->no_dials = true;
	began = fx->core.now_ns;
	for (unsigned i = 0; i < sizeof at_ms / sizeof at_ms[0]; i++) {
		core_now(&fx->core, began + at_ms[i] * 1000000u);
		feed(high, buf, never_sent(buf));
		CHECK(high->gone);
		CHECK_EQ(refused_for(high), at_ms[i] % 100 ? 0 : WIRE_REFUSE_PROTOCOL);
		high = link_from(HIGH, FIRST);
		CHECK_EQ(high->link.state, LINK_UP);
	}
}

/* ---- of a kernel ---- */

static size_t version_3_3(uint8_t *p) { return put_packet(p, 0x00030003, HIGH, 48); }
static size_t of_another_node(uint8_t *p) { return put_packet(p, WIRE_VERSION_3_2, LOW, 48); }
static size_t no_known_command(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 48, 9) + 48 - WIRE_HEADER;
}

static size_t too_long(uint8_t *p)
{
	return put_packet(p, WIRE_VERSION_3_2, HIGH, WIRE_OPTS + WIRE_DLM_MAX + 1);
}

static void of_a_kernel(void)
{
	static const struct bad table[] = {
		{ "unknown DLM protocol version", version_3_3 },
		{ "packet from another nodeid", of_another_node },
		{ "malformed packet", no_known_command },
		{ "packet longer than the kernel's limit", too_long },
		{ "ACK of data never sent", never_sent },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct wire *w = kernel_up();

		CHECK_OR_RETURN(w && w->link.state == LINK_UP);
		fx->no_dials = true;
		ends_it(&table[i], w);
	}
}

/* A packet of exactly the kernel's limit is delivered. */
static void the_longest_of_a_kernel(void)
{
	static uint8_t buf[WIRE_OPTS + WIRE_DLM_MAX];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	feed(w, buf, put_envelope(buf, FIRST, WIRE_MSG, WIRE_DLM_MAX));
	CHECK_EQ(fx->delivered[HIGH], 1);
	CHECK_EQ(fx->last_len, WIRE_DLM_MAX);
	CHECK(!w->gone);
}

/* A sequence gap resets the link without an answer: the kernel retransmits on the next one. */
static void a_gap_of_a_kernel(void)
{
	static uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up();
	size_t n;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	fx->no_dials = true;
	n = w->n_out;
	feed(w, buf, put_envelope(buf, FIRST + 1, WIRE_MSG, 48));
	CHECK(w->gone && w->how == LINK_RESET && w->n_out == n);
	CHECK_EQ(w->link.why, LINK_WHY_STUCK);
	CHECK(strstr(fx->notes, "sequence gap"));
	CHECK_EQ(fx->delivered[HIGH], 0);
}

/* A native DATA frame of a kernel is acknowledged, and not delivered. */
static void a_native_frame_of_a_kernel(void)
{
	static uint8_t buf[200];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	feed(w, buf, put_message(buf, HIGH, FIRST, "native"));
	CHECK(!w->gone);
	CHECK_EQ(fx->delivered[HIGH], 0);
	CHECK_EQ(fx->session[HIGH]->expected, FIRST + 1);
}

/* A packet behind the FIN of a kernel is neither delivered nor a violation. */
static void behind_the_fin_of_a_kernel(void)
{
	static uint8_t buf[200];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	feed(w, buf, wire_put_fin(buf, HIGH, FIRST));
	feed(w, buf, put_packet(buf, WIRE_VERSION_3_2, HIGH, 48));
	CHECK_EQ(fx->delivered[HIGH], 0);
	CHECK(!w->gone);
}

int main(void)
{
	RUN(before_it_is_up);
	RUN(on_a_link_that_is_up);
	RUN(on_a_link_of_probes);
	RUN(answered_now_and_then);
	RUN(of_a_kernel);
	RUN(the_longest_of_a_kernel);
	RUN(a_gap_of_a_kernel);
	RUN(a_native_frame_of_a_kernel);
	RUN(behind_the_fin_of_a_kernel);
	return check_done();
}
