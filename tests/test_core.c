/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the directed tests of the core against a peer that is written out frame
 * by frame: what each illegal or hostile frame leads to, before HELLO and on a
 * link that is up. Random schedules are the simulator's.
 */
#include "proto/core.h"
#include "proto/seq.h"
#include "tests/check.h"

#include <errno.h>
#include <stdlib.h>

#define SELF 2u
#define RING (256u * 1024)

enum { LOW = 1, HIGH = 3 };	/* LOW decides over us, we decide over HIGH */

/* One end of a connection with what came out of it. */
struct wire {
	struct link link;
	bool gone;
	enum link_shut how;
	uint8_t out[1 << 17];
	size_t n_out, read;
};

struct rig {
	struct core core;
	struct peer peer[4];
	struct session *session[4];
	struct wire *dial[4];		/* newest dial to that peer */
	struct wire *wires[64];
	unsigned n_wires;
	unsigned up[4], down[4], finished[4], delivered[4], fences;
	enum session_end end[4];
	char notes[4096];
	uint8_t last[1 << 17];
	size_t last_len;
	bool renew, closed;
	void *memory[64];
	unsigned n_memory;
};

static struct rig *rig;

static void *lend(size_t n)
{
	void *p = aligned_alloc(64, (n + 63) & ~(size_t)63);

	rig->memory[rig->n_memory++] = p;
	memset(p, 0, n);
	return p;
}

static struct session *new_session(void)
{
	struct session *s = lend(sizeof *s);

	session_lend(s, lend(RING), RING, SELF, 0xfffffffe);
	return s;
}

static struct path_addr address(unsigned nodeid)
{
	return (struct path_addr) { .ip = { [15] = (uint8_t)nodeid }, .port = 1 };
}

static struct wire *new_wire(void)
{
	struct wire *w = lend(sizeof *w);

	rig->wires[rig->n_wires++] = w;
	return w;
}

static void gather(struct wire *w)
{
	struct span out[5];
	int n;

	while (link_gather(&w->link, out, &n, sizeof w->out - w->n_out)) {
		size_t sum = 0;

		for (int i = 0; i < n; i++) {
			memcpy(w->out + w->n_out, out[i].p, out[i].n);
			w->n_out += out[i].n;
			sum += out[i].n;
		}
		link_sent(&w->link, sum);
	}
}

static struct wire *wire_of(struct link *l)
{
	return (struct wire *)(void *)((char *)l - offsetof(struct wire, link));
}

static void note(const struct note *n)
{
	size_t used = strlen(rig->notes);

	snprintf(rig->notes + used, sizeof rig->notes - used, "%s: %s\n", n->text,
		 n->detail ? n->detail : "");
}

static void act(const struct core_action *a)
{
	unsigned id = a->peer ? a->peer->nodeid : 0;
	struct wire *w;

	switch (a->what) {
	case CORE_NOTE:
		note(&a->note);
		break;
	case CORE_DIAL:
		w = rig->dial[id] = new_wire();
		link_dial(&rig->core, &w->link, a->peer, a->path, false);
		link_connected(&w->link);
		break;
	case CORE_PROBE:
		link_no_dial(&rig->core, a->peer, a->path, true);
		break;
	case CORE_TX:
		gather(wire_of(a->link));
		break;
	case CORE_SHUT:
		w = wire_of(a->link);
		w->how = a->how;
		w->gone = true;
		if (a->how == LINK_ORDERLY)
			gather(w);
		break;
	case CORE_LEND:
		peer_lend(a->peer, new_session());
		break;
	case CORE_PEER_UP:
		rig->up[id]++;
		rig->session[id] = a->session;
		break;
	case CORE_FINISHED:
		rig->finished[id]++;
		break;
	case CORE_WRITABLE:
		break;
	case CORE_PEER_DOWN:
		rig->down[id]++;
		rig->end[id] = a->session->end;
		rig->session[id] = NULL;
		free(session_take_buffer(a->session));
		break;
	case CORE_FENCE:
		rig->fences++;
		break;
	case CORE_RENEW:
		rig->renew = true;
		break;
	case CORE_CLOSED:
		rig->closed = true;
		break;
	}
}

static void settle(void)
{
	struct core_action a;

	while (core_poll(&rig->core, &a))
		act(&a);
}

static void pass(uint64_t ms)
{
	core_now(&rig->core, rig->core.now_ns + ms * 1000000);
	core_tick(&rig->core);
	settle();
}

/* Bytes arrive, in pieces of step. */
static void feed_by(struct wire *w, const uint8_t *p, size_t n, size_t step)
{
	struct rx rx = { .p = p, .end = p };
	enum rx_result r = RX_MORE;

	while (!w->gone && r != RX_GONE) {
		if (r == RX_MORE || r == RX_PAUSED) {
			if (rx.end == p + n)
				break;
			rx.end += step < (size_t)(p + n - rx.end) ? step : (size_t)(p + n - rx.end);
		}
		r = link_rx(&w->link, &rx);
		if (r == RX_MSG) {
			rig->delivered[w->link.peer->nodeid]++;
			rig->last_len = rx.msg_len;
			if (rx.msg_len)
				memcpy(rig->last, rx.msg, rx.msg_len);
			if (rx.lent)
				free((void *)(uintptr_t)rx.msg);
		} else if (r == RX_BUFFER) {
			uint8_t *buf = malloc(rx.need);

			if (!link_lend(&w->link, buf))
				free(buf);
		}
		settle();
	}
	if (!w->gone)
		link_rx_done(&w->link);
	settle();
}

static void feed(struct wire *w, const uint8_t *p, size_t n)
{
	feed_by(w, p, n, n ? n : 1);
}

/* The next frame that came out, parsed; false if there is none. */
static bool next_frame(struct wire *w, struct frame *f)
{
	int n = frame_length(w->out + w->read, w->n_out - w->read);

	if (n <= 0 || frame_parse(w->out + w->read, (size_t)n, f))
		return false;
	w->read += (size_t)n;
	return true;
}

static uint32_t refused_for(struct wire *w)
{
	struct frame f;
	struct refuse r;

	while (next_frame(w, &f))
		if (f.nextcmd == WIRE_REFUSE && !frame_refuse(&f, &r))
			return r.reason;
	return 0;
}

/* ---- a peer by hand ---- */

static uint64_t life(unsigned nodeid)
{
	return 1000 + nodeid;
}

static struct hello hello_of(unsigned nodeid, uint64_t yours)
{
	return (struct hello) {
		.mine = life(nodeid), .yours = yours, .next = 0xfffffffe, .vmin = 1, .vmax = 1,
		.maxframe = 65535, .cluster = "test", .group = "sinew",
		.max_message = 1 << 20, .queue_bytes = RING,
	};
}

static void feed_hello(struct wire *w, unsigned nodeid, const struct hello *h)
{
	uint8_t buf[WIRE_CONTROL_MAX];

	feed(w, buf, wire_put_hello(buf, nodeid, h));
}

static struct wire *incoming(unsigned from)
{
	struct path_addr a = address(from);
	struct wire *w = new_wire();

	link_accept(&rig->core, &w->link, &a);
	return w;
}

static void begin(bool static_members)
{
	struct core_config cfg;
	unsigned ids[] = { LOW, HIGH };

	rig = calloc(1, sizeof *rig);
	core_config_default(&cfg);
	cfg.nodeid = SELF;
	cfg.incarnation = 77;
	cfg.first_seq = 0xfffffffe;
	cfg.queue_bytes = RING;
	cfg.max_message = 100000;
	cfg.static_members = static_members;
	strcpy(cfg.cluster, "test");
	core_init(&rig->core, &cfg, 5000);
	for (unsigned i = 0; i < 2; i++) {
		struct path_addr a = address(ids[i]);

		peer_add(&rig->core, &rig->peer[ids[i]], ids[i], CORE_NATIVE, &a, 1);
		peer_lend(&rig->peer[ids[i]], new_session());
	}
}

static void end(void)
{
	for (unsigned i = 1; i < 4; i++)
		if (rig->session[i])
			free(session_take_buffer(rig->session[i]));
	for (unsigned i = 0; i < rig->n_memory; i++)
		free(rig->memory[i]);
	free(rig);
}

static uint32_t gen_of[4];

/* Full handshake on an incoming link; the position that the peer tells is next. */
static struct wire *link_from(unsigned id, uint32_t next)
{
	struct wire *w = incoming(id);
	struct hello h = hello_of(id, 0);

	h.next = next;
	feed_hello(w, id, &h);			/* challenged or answered */
	h.yours = 77;
	h.gen = id == HIGH ? 99 : 0;
	if (id == LOW) {
		feed_hello(w, id, &h);		/* names us: proof */
		h.gen = ++gen_of[LOW];
		h.flags = WIRE_HELLO_CHOSEN;
	}
	feed_hello(w, id, &h);
	return w;
}

/* Both peers up; dials of ours are cut off by the links that win. */
static struct wire *both_up(struct wire **ret_high)
{
	struct wire *low;

	gen_of[LOW] = 0;
	begin(true);
	settle();
	low = link_from(LOW, 0xfffffffe);
	*ret_high = link_from(HIGH, 0xfffffffe);
	return low;
}

static size_t put_message(uint8_t *p, unsigned from, uint32_t seq, const char *text)
{
	size_t n = strlen(text);

	memcpy(p + WIRE_MSG_OVERHEAD, text, n);
	return wire_put_msg(p, from, seq, n) + n;
}

/* Another peer goes on as if nothing had happened. */
static void unharmed(struct wire *w, unsigned id, uint32_t seq)
{
	uint8_t buf[200];
	unsigned before = rig->delivered[id];

	CHECK(!w->gone);
	feed(w, buf, put_message(buf, id, seq, "still here"));
	CHECK_EQ(rig->delivered[id], before + 1);
	CHECK_EQ(rig->last_len, 10);
}

/* ---- before HELLO ---- */

struct stranger {
	const char *what;
	void (*change)(struct hello *h, unsigned *nodeid, unsigned *from);
	uint32_t reason;
};

static void other_cluster(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	strcpy(h->cluster, "other");
}

static void other_group(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	strcpy(h->group, "other");
}

static void newer_version(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	h->vmin = 2;
	h->vmax = 3;
}

static void wants_security(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	h->required = WIRE_FEATURE_SECURITY;
}

static void unknown_nodeid(struct hello *h, unsigned *n, unsigned *f)
{
	(void)h, (void)f;
	*n = 9;
}

static void other_nodes_address(struct hello *h, unsigned *n, unsigned *f)
{
	(void)h, (void)n;
	*f = HIGH;
}

static void our_nodeid(struct hello *h, unsigned *n, unsigned *f)
{
	(void)h, (void)f;
	*n = SELF;
}

static void tiny_frames(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	h->maxframe = 16;
}

static void strangers_are_refused(void)
{
	static const struct stranger table[] = {
		{ "cluster", other_cluster, WIRE_REFUSE_CLUSTER },
		{ "group", other_group, WIRE_REFUSE_CLUSTER },
		{ "version", newer_version, WIRE_REFUSE_VERSION },
		{ "feature", wants_security, WIRE_REFUSE_FEATURE },
		{ "nodeid", unknown_nodeid, WIRE_REFUSE_IDENTITY },
		{ "address", other_nodes_address, WIRE_REFUSE_IDENTITY },
		{ "our own nodeid", our_nodeid, WIRE_REFUSE_IDENTITY },
		{ "maxframe", tiny_frames, WIRE_REFUSE_PROTOCOL },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		unsigned nodeid = LOW, from = LOW;
		struct hello h = hello_of(LOW, 0);
		struct wire *w, *high;

		both_up(&high);
		table[i].change(&h, &nodeid, &from);
		h.mine++;
		w = incoming(from);
		feed_hello(w, nodeid, &h);
		CHECK(w->gone);
		CHECK_EQ(w->how, LINK_ORDERLY);
		CHECK_EQ(refused_for(w), table[i].reason);
		CHECK_EQ(rig->down[LOW], 0);
		CHECK(strstr(rig->notes, wire_reason_name(table[i].reason)));
		unharmed(high, HIGH, 0xfffffffe);
		end();
	}
}

static void not_a_hello_is_dropped(void)
{
	uint8_t buf[600] = { 0 };
	struct {
		const char *what;
		size_t n;
		size_t length;
		uint32_t version;
	} table[] = {
		{ "zeroes", 16, 0, 0 },
		{ "length 0", 16, 0, WIRE_VERSION_3_2 },
		{ "length 15", 16, 15, WIRE_VERSION_3_2 },
		{ "length 16", 16, 16, WIRE_VERSION_3_2 },
		{ "length 65535", 16, 65535, WIRE_VERSION_3_2 },
		{ "over what may come before HELLO", 600, 513, WIRE_VERSION_3_2 },
		{ "another version", 16, 16, 0x00040000 },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct wire *w, *high;

		both_up(&high);
		memset(buf, 0, sizeof buf);
		wire_put_header(buf, table[i].version, 0, LOW, table[i].length, WIRE_ACK);
		w = incoming(LOW);
		feed(w, buf, table[i].n);
		CHECK(w->gone);
		CHECK(strstr(rig->notes, "protocol violation"));
		unharmed(high, HIGH, 0xfffffffe);
		end();
	}
}

static void silence_is_bounded(void)
{
	struct wire *silent, *high;

	both_up(&high);
	silent = incoming(LOW);
	pass(1999);
	CHECK(!silent->gone);
	pass(2);
	CHECK(silent->gone);
	CHECK(strstr(rig->notes, "no HELLO"));
	CHECK(!high->gone);
	end();
}

static void hello_cut_at_every_byte(void)
{
	uint8_t buf[WIRE_CONTROL_MAX];
	struct hello h = hello_of(LOW, 0);
	size_t n = wire_put_hello(buf, LOW, &h);

	for (size_t cut = 1; cut < n; cut++) {
		struct wire *w;

		begin(true);
		w = incoming(LOW);
		feed(w, buf, cut);
		CHECK(!w->gone);
		CHECK_EQ(w->n_out, 0);
		link_dead(&w->link, false);
		settle();
		w = incoming(LOW);
		feed_by(w, buf, n, 1);
		CHECK(!w->gone && w->n_out > 0);
		end();
	}
}

static void dead_life_is_told(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 77);

	both_up(&high);
	peer_failed(&rig->peer[HIGH], life(HIGH));
	settle();
	CHECK_EQ(rig->down[HIGH], 1);
	CHECK_EQ(rig->end[HIGH], SESSION_FAILED);
	CHECK_EQ(refused_for(high), WIRE_REFUSE_FAILED);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->gone);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_FAILED);
	end();
}

static void two_claimants(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 0);
	uint8_t buf[64];

	both_up(&high);
	h.mine = 5555;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);		/* challenged */
	h.yours = 77;
	feed_hello(w, HIGH, &h);		/* proof, but the old life is alive: held */
	CHECK(!w->gone && w->link.state == LINK_HELD);
	pass(1000);
	feed(high, buf, wire_put_ack(buf, HIGH, 0xfffffffe));
	pass(8000);
	CHECK(w->gone);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_CLAIMED);
	CHECK(strstr(rig->notes, "two programs claim"));
	CHECK_EQ(rig->down[HIGH], 0);
	unharmed(high, HIGH, 0xfffffffe);
	end();
}

static void silent_old_life_gives_way(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 0);

	both_up(&high);
	h.mine = 5555;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	h.yours = 77;
	feed_hello(w, HIGH, &h);
	pass(8000);				/* nothing more from the old one */
	CHECK_EQ(rig->down[HIGH], 1);
	CHECK_EQ(rig->end[HIGH], SESSION_SUPERSEDED);
	CHECK_EQ(rig->up[HIGH], 2);
	CHECK(!w->gone && high->gone);
	end();
}

/* ---- on a link that is up ---- */

struct bad {
	const char *what;
	size_t (*make)(uint8_t *p);
	const char *detail;
};

static size_t seq_ahead(uint8_t *p)
{
	return put_message(p, HIGH, 0xffffffff, "early");
}

static size_t ack_never_sent(uint8_t *p)
{
	return wire_put_ack(p, HIGH, 5);
}

static size_t unknown_command(uint8_t *p)
{
	wire_put_opts(p, HIGH, 0, 0x60, 16);
	wire_put_header(p + 24, WIRE_VERSION_3_2, WIRE_NATIVE, HIGH, 16, 0x60);
	return 40;
}

static size_t unknown_outer(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 16, 9);
}

static size_t bare_dlm(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 16, WIRE_RCOM);
}

static size_t optlen_beyond(uint8_t *p)
{
	size_t n = put_message(p, HIGH, 0xfffffffe, "x");

	put_le16(p + 18, 100);
	return n;
}

static size_t inner_length(uint8_t *p)
{
	size_t n = put_message(p, HIGH, 0xfffffffe, "x");

	put_le16(p + 24 + 12, 500);
	return n;
}

static size_t other_nodeid(uint8_t *p)
{
	return put_message(p, LOW, 0xfffffffe, "x");
}

static size_t hello_again(uint8_t *p)
{
	struct hello h = hello_of(HIGH, 77);

	return wire_put_hello(p, HIGH, &h);
}

static size_t length_15(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 15, WIRE_ACK);
}

static size_t fin_twice(uint8_t *p)
{
	size_t n = wire_put_fin(p, HIGH, 0xfffffffe);

	return n + wire_put_fin(p + n, HIGH, 0xffffffff);
}

static size_t data_behind_fin(uint8_t *p)
{
	size_t n = wire_put_fin(p, HIGH, 0xfffffffe);

	return n + put_message(p + n, HIGH, 0xffffffff, "late");
}

static size_t frag_at(uint8_t *p, uint32_t seq, size_t n, uint32_t total, uint32_t off)
{
	memset(p + WIRE_FRAG_OVERHEAD, 'f', n);
	return wire_put_frag(p, HIGH, seq, n, total, off) + n;
}

static size_t frag_overlap(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + frag_at(p + n, 0xffffffff, 10, 100, 5);
}

static size_t frag_hole(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + frag_at(p + n, 0xffffffff, 10, 100, 20);
}

static size_t frag_past_end(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 15, 0);

	return n + frag_at(p + n, 0xffffffff, 10, 15, 10);
}

static size_t frag_too_long(uint8_t *p)
{
	return frag_at(p, 0xfffffffe, 10, 100001, 0);
}

static size_t frag_no_tlv(uint8_t *p)
{
	size_t n = put_message(p, HIGH, 0xfffffffe, "no tlv");

	p[16] = p[24 + 14] = WIRE_FRAGMENT;
	return n;
}

static size_t message_inside(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + put_message(p + n, HIGH, 0xffffffff, "between");
}

static size_t fin_inside(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + wire_put_fin(p + n, HIGH, 0xffffffff);
}

static void violations_drop_the_link(void)
{
	static const struct bad table[] = {
		{ "sequence ahead of expected", seq_ahead, "ahead" },
		{ "ACK of what was never sent", ack_never_sent, "never sent" },
		{ "unknown inner command", unknown_command, "no place" },
		{ "unknown outer command", unknown_outer, "does not fit" },
		{ "bare DLM packet", bare_dlm, "bare DLM" },
		{ "option length beyond the frame", optlen_beyond, "does not fit" },
		{ "inner length beyond the frame", inner_length, "does not fit" },
		{ "frame of another nodeid", other_nodeid, "nodeid" },
		{ "HELLO on a link that is up", hello_again, "no place" },
		{ "length 15", length_15, "cannot be" },
		{ "FIN twice", fin_twice, "behind FIN" },
		{ "data behind FIN", data_behind_fin, "behind FIN" },
		{ "overlapping fragments", frag_overlap, "fragment" },
		{ "hole between fragments", frag_hole, "fragment" },
		{ "fragment past the end", frag_past_end, "fragment" },
		{ "announced size over the limit", frag_too_long, "fragment" },
		{ "fragment without its TLV", frag_no_tlv, "fragment TLV" },
		{ "message inside a fragmented one", message_inside, "inside a fragmented" },
		{ "FIN inside a fragmented message", fin_inside, "inside a fragmented" },
	};
	static uint8_t buf[2000];

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct wire *high, *low = both_up(&high);
		size_t n = table[i].make(buf);

		CHECK_OR_RETURN(rig->up[HIGH] == 1 && rig->up[LOW] == 1);
		feed(high, buf, n);
		CHECK(high->gone && high->how == LINK_RESET);
		if (!CHECK(strstr(rig->notes, table[i].detail)))
			printf("# %s: %s\n", table[i].what, rig->notes);
		CHECK_EQ(rig->down[HIGH], 0);
		CHECK_EQ(rig->session[HIGH]->n.faults, 1);
		unharmed(low, LOW, 0xfffffffe);
		end();
	}
}

static void faults_again_and_again_ask_for_fencing(void)
{
	struct wire *high;
	uint8_t buf[64];

	both_up(&high);
	for (unsigned i = 0; i < rig->core.cfg.fault_limit; i++) {
		CHECK_EQ(rig->fences, 0);
		feed(high, buf, ack_never_sent(buf));
		CHECK(high->gone);
		high = link_from(HIGH, 0xfffffffe);
	}
	CHECK_EQ(rig->fences, 1);
	CHECK_EQ(rig->down[HIGH], 0);
	end();
}

static void resume_outside_the_window(void)
{
	struct wire *high, *w;
	struct span part = { (const uint8_t *)"one", 3 };
	struct frame f;
	uint32_t seen = 0;

	both_up(&high);
	CHECK_EQ(session_send(rig->session[HIGH], &part, 1, 3, NULL), 0);
	session_kick(rig->session[HIGH]);
	settle();
	while (next_frame(high, &f))
		seen = f.nextcmd == WIRE_DATA ? f.u : seen;
	CHECK_EQ(seen, 0xfffffffe);
	link_dead(&high->link, false);
	settle();
	w = link_from(HIGH, 0);			/* one more than was sent */
	CHECK(w->gone);
	CHECK(strstr(rig->notes, "resume position"));
	w = link_from(HIGH, 0xfffffffd);	/* before the window */
	CHECK(w->gone);
	w = link_from(HIGH, 0xffffffff);	/* has it */
	CHECK(!w->gone);
	CHECK_EQ(rig->session[HIGH]->n.acked, 1);
	end();
}

static void frames_cut_at_every_byte(void)
{
	static uint8_t buf[400];
	size_t a = put_message(buf, HIGH, 0xfffffffe, "first");
	size_t b = a + frag_at(buf + a, 0xffffffff, 100, 150, 0);
	size_t c = b + frag_at(buf + b, 0, 50, 150, 100);

	for (size_t cut = 0; cut <= c; cut++) {
		struct wire *high, *again;
		unsigned got;

		both_up(&high);
		feed(high, buf, cut);
		CHECK(!high->gone);
		link_dead(&high->link, false);
		settle();
		/* The peer resumes where we say. */
		again = link_from(HIGH, 0xfffffffe);
		got = (unsigned)(rig->session[HIGH]->expected - 0xfffffffe);
		CHECK_EQ(got, cut >= c ? 3 : cut >= b ? 2 : cut >= a ? 1 : 0);
		feed(again, buf + (got == 0 ? 0 : got == 1 ? a : got == 2 ? b : c),
		     c - (got == 0 ? 0 : got == 1 ? a : got == 2 ? b : c));
		CHECK_EQ(rig->delivered[HIGH], 2);
		CHECK_EQ(rig->last_len, 150);
		end();
	}
}

static void unknown_tlv_is_skipped(void)
{
	uint8_t buf[200];
	struct wire *high;
	size_t n;

	both_up(&high);
	n = put_message(buf, HIGH, 0xfffffffe, "tlv");
	memmove(buf + WIRE_OPTS + 6, buf + WIRE_OPTS, n - WIRE_OPTS);
	put_le16(buf + WIRE_OPTS, 999);
	put_le16(buf + WIRE_OPTS + 2, 2);
	put_le16(buf + 18, 6);
	put_le16(buf + 12, (uint16_t)(n + 6));
	feed(high, buf, n + 6);
	CHECK(!high->gone);
	CHECK_EQ(rig->delivered[HIGH], 1);
	CHECK_EQ(rig->last_len, 3);
	end();
}

static void endless_fragments_end(void)
{
	uint8_t buf[200];
	struct wire *high;
	unsigned i;

	both_up(&high);
	feed(high, buf, frag_at(buf, 0xfffffffe, 10, 100, 0));
	for (i = 0; i < 100 && !high->gone; i++) {
		feed(high, buf, wire_put_ack(buf, HIGH, 0xfffffffe));
		pass(1000);
	}
	CHECK(high->gone && i >= 59 && i <= 62);
	CHECK(strstr(rig->notes, "does not go on"));
	end();
}

static void paused_peer_is_not_stalled(void)
{
	uint8_t buf[64];
	struct wire *high;
	struct span part = { (const uint8_t *)"one", 3 };

	both_up(&high);
	session_send(rig->session[HIGH], &part, 1, 3, NULL);
	session_kick(rig->session[HIGH]);
	for (int i = 0; i < 60; i++) {
		feed(high, buf, wire_put_status(buf, HIGH, WIRE_STATUS_RX_PAUSED));
		pass(5000);
	}
	CHECK(!high->gone);
	CHECK(rig->session[HIGH]->peer_paused);
	pass(21000);				/* no frame at all now */
	CHECK(high->gone);
	CHECK(strstr(rig->notes, "stalled"));
	end();
}

static void own_close_is_clean(void)
{
	uint8_t buf[64];
	struct wire *high, *low = both_up(&high);

	core_close(&rig->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	feed(high, buf, wire_put_fin(buf, HIGH, 0xfffffffe));
	CHECK_EQ(rig->end[HIGH], SESSION_CLOSED);
	CHECK(!high->gone);			/* we sent the last ACK: the peer shuts */
	feed(low, buf, wire_put_fin(buf, LOW, 0xfffffffe));
	feed(low, buf, wire_put_ack(buf, LOW, 0xffffffff));
	CHECK_EQ(rig->end[LOW], SESSION_CLOSED);
	CHECK(low->gone && low->how == LINK_ORDERLY);	/* we received it */
	CHECK(!rig->closed);
	link_dead(&high->link, true);
	settle();
	CHECK(rig->closed);
	end();
}

static void last_ack_lost(void)
{
	uint8_t buf[64];
	struct wire *high, *w, *low = both_up(&high);
	struct hello h = hello_of(HIGH, 77);

	peer_failed(&rig->peer[LOW], 0);
	settle();
	CHECK(low->gone);
	core_close(&rig->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	feed(high, buf, wire_put_fin(buf, HIGH, 0xfffffffe));
	link_dead(&high->link, false);		/* a reset: was the ACK seen? */
	settle();
	CHECK(!rig->closed);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_CLOSED);
	pass(3100);
	CHECK(rig->closed);
	end();
}

static void told_that_we_failed(void)
{
	uint8_t buf[128];
	struct wire *high, *low = both_up(&high);
	struct refuse r = { .mine = life(LOW), .yours = 76, .reason = WIRE_REFUSE_FAILED };

	feed(low, buf, wire_put_refuse(buf, LOW, &r));	/* an older life of ours */
	CHECK(!rig->renew);
	low = link_from(LOW, 0xfffffffe);
	r.yours = 77;
	feed(low, buf, wire_put_refuse(buf, LOW, &r));
	CHECK(rig->renew);
	core_renew(&rig->core, 78);
	settle();
	CHECK_EQ(rig->end[LOW], SESSION_RENEWED);
	CHECK_EQ(rig->end[HIGH], SESSION_RENEWED);
	CHECK(high->gone);
	end();
}

static void membership_admits(void)
{
	struct wire *w;
	struct hello h = hello_of(HIGH, 77);

	begin(false);
	settle();
	w = incoming(HIGH);
	h.gen = 99;
	feed_hello(w, HIGH, &h);
	CHECK(w->link.state == LINK_HELD);
	CHECK_EQ(rig->up[HIGH], 0);
	peer_added(&rig->peer[HIGH], life(HIGH));
	settle();
	CHECK_EQ(rig->up[HIGH], 1);
	peer_left(&rig->peer[HIGH], life(HIGH));
	settle();
	CHECK_EQ(rig->end[HIGH], SESSION_LEFT);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_FAILED);
	end();
}

static void without_quorum_data_wait(void)
{
	struct wire *high;
	struct span part = { (const uint8_t *)"one", 3 };
	size_t before;

	both_up(&high);
	core_quorum(&rig->core, false);
	before = high->n_out;
	CHECK_EQ(session_send(rig->session[HIGH], &part, 1, 3, NULL), 0);
	session_kick(rig->session[HIGH]);
	settle();
	CHECK_EQ(high->n_out, before);
	core_quorum(&rig->core, true);
	settle();
	CHECK_EQ(high->n_out, before + WIRE_MSG_OVERHEAD + 3);
	end();
}

int main(void)
{
	RUN(strangers_are_refused);
	RUN(not_a_hello_is_dropped);
	RUN(silence_is_bounded);
	RUN(hello_cut_at_every_byte);
	RUN(dead_life_is_told);
	RUN(two_claimants);
	RUN(silent_old_life_gives_way);
	RUN(violations_drop_the_link);
	RUN(faults_again_and_again_ask_for_fencing);
	RUN(resume_outside_the_window);
	RUN(frames_cut_at_every_byte);
	RUN(unknown_tlv_is_skipped);
	RUN(endless_fragments_end);
	RUN(paused_peer_is_not_stalled);
	RUN(own_close_is_clean);
	RUN(last_ack_lost);
	RUN(told_that_we_failed);
	RUN(membership_admits);
	RUN(without_quorum_data_wait);
	return check_done();
}
