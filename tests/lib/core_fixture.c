/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a core and the bytes of its peers; knows neither sockets nor schedules. */
#include "tests/lib/core_fixture.h"

#define USED 0xa5	/* fills each block before it is provided to the core */

struct fixture *fx;
size_t fixture_ring = RING;
struct service_grant fixture_takes, fixture_says;

static void *provide(size_t n)
{
	uint8_t *p = calloc(1, n + 63);

	fx->memory[fx->n_memory++] = p;
	return p + (-(uintptr_t)p & 63);
}

struct session *new_session(void)
{
	struct session *s = provide(sizeof *s);

	memset(s, USED, sizeof *s);
	session_provide(s, provide(fixture_ring), fixture_ring, SELF, FIRST);
	bare_provide(&s->bare, provide(BARE_MEMORY));
	return s;
}

struct path_addr address_of(unsigned nodeid)
{
	return (struct path_addr) { .ip = { [15] = (uint8_t)nodeid }, .port = 1 };
}

struct wire *new_wire(void)
{
	struct wire *w = provide(sizeof *w);

	memset(&w->link, USED, sizeof w->link);
	fx->wires[fx->n_wires++] = w;
	return w;
}

void gather(struct wire *w)
{
	struct span out[5];
	int n;

	while (link_gather(&w->link, out, &n, sizeof w->out - w->n_out)) {
		size_t sum = 0;

		for (int i = 0; i < n && fx->room; i++) {
			size_t part = out[i].n < fx->room ? out[i].n : fx->room;

			memcpy(w->out + w->n_out, out[i].p, part);
			w->n_out += part;
			sum += part;
			fx->room -= part;
		}
		link_sent(&w->link, sum);
		if (!fx->room)
			return;
	}
}

static struct wire *wire_of(struct link *l)
{
	return (struct wire *)(void *)((char *)l - offsetof(struct wire, link));
}

void note(const struct note *n)
{
	size_t used = strlen(fx->notes);

	fx->warnings += n->level <= NOTE_WARNING;
	snprintf(fx->notes + used, sizeof fx->notes - used, "%s: %s", n->text,
		 n->detail ? n->detail : "");
	used = strlen(fx->notes);
	if (n->a_name)
		snprintf(fx->notes + used, sizeof fx->notes - used, " %s=%llu", n->a_name,
			 (unsigned long long)n->a);
	used = strlen(fx->notes);
	if (n->b_name)
		snprintf(fx->notes + used, sizeof fx->notes - used, " %s=%llu", n->b_name,
			 (unsigned long long)n->b);
	used = strlen(fx->notes);
	snprintf(fx->notes + used, sizeof fx->notes - used, "\n");
}

static void session_over(unsigned id, struct session *s)
{
	fx->down[id]++;
	fx->end[id] = s->end;
	fx->session[id] = NULL;
	free(session_take_buffer(s));
}

static void shut(struct wire *w, enum link_shut how)
{
	w->how = how;
	w->gone = true;
	if (how == LINK_ORDERLY)
		gather(w);
}

static void count(enum core_what what, unsigned id)
{
	fx->link_ups[id] += what == CORE_LINK_UP;
	fx->finished[id] += what == CORE_FINISHED;
	fx->writable[id] += what == CORE_WRITABLE;
	fx->finishing[id] += what == CORE_FINISHING;
	fx->paths[id] += what == CORE_PATH;
}

void act(const struct core_action *a)
{
	unsigned id = a->peer ? a->peer->nodeid : 0;
	struct wire *w;

	switch (a->what) {
	case CORE_NOTE:
		note(&a->note);
		break;
	case CORE_DIAL:
		if (fx->no_dials) {
			link_no_dial(&fx->core, a->peer, a->path, false);
			break;
		}
		w = fx->dial[id] = new_wire();
		link_dial(&fx->core, &w->link, a->peer, a->path, false);
		if (!fx->dials_hang)
			link_connected(&w->link);
		break;
	case CORE_PROBE:
		if (fx->probes) {
			w = fx->probe[id] = new_wire();
			link_dial(&fx->core, &w->link, a->peer, a->path, true);
			link_connected(&w->link);
			break;
		}
		link_no_dial(&fx->core, a->peer, a->path, true);
		break;
	case CORE_TX:
		if (!fx->waits_for_room)
			gather(wire_of(a->link));
		break;
	case CORE_ASK:
		fx->asked = wire_of(a->link);
		break;
	case CORE_SHUT:
		shut(wire_of(a->link), a->how);
		break;
	case CORE_PROVIDE:
		if (!fx->no_provide)
			peer_provide(a->peer, new_session());
		break;
	case CORE_PEER_UP:
		fx->up[id]++;
		fx->session[id] = a->session;
		break;
	case CORE_LINK_UP:
	case CORE_FINISHED:
	case CORE_WRITABLE:
	case CORE_FINISHING:
	case CORE_PATH:
		count(a->what, id);
		break;
	case CORE_PEER_DOWN:
		session_over(id, a->session);
		break;
	case CORE_FENCE:
		fx->fences++;
		break;
	case CORE_RENEW:
		fx->renew = true;
		break;
	case CORE_CLOSED:
		fx->closed = true;
		break;
	}
}

void settle(void)
{
	struct core_action a;
	bool rest = core_at_rest(&fx->core);

	while (core_poll(&fx->core, &a)) {
		CHECK(!rest);
		act(&a);
		rest = core_at_rest(&fx->core);
	}
}

void pass(uint64_t ms)
{
	core_now(&fx->core, fx->core.now_ns + ms * 1000000);
	core_tick(&fx->core);
	settle();
}

void feed_by(struct wire *w, const uint8_t *p, size_t n, size_t step)
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
		if (r == RX_MSG || r == RX_CALL) {
			fx->delivered[w->link.peer->nodeid] += r == RX_MSG;
			fx->calls[w->link.peer->nodeid] += r == RX_CALL;
			fx->last_len = rx.msg_len;
			if (rx.msg_len)
				memcpy(fx->last, rx.msg, rx.msg_len);
			if (rx.provided)
				free((void *)(uintptr_t)rx.msg);
		} else if (r == RX_BUFFER) {
			uint8_t *buf = malloc(rx.need);

			if (!link_provide(&w->link, buf))
				free(buf);
		}
		settle();
	}
	if (!w->gone)
		link_rx_done(&w->link);
	settle();
}

void feed(struct wire *w, const uint8_t *p, size_t n)
{
	feed_by(w, p, n, n ? n : 1);
}

bool next_frame(struct wire *w, struct frame *f)
{
	int n = frame_length(w->out + w->read, w->n_out - w->read);

	if (n <= 0 || frame_parse(w->out + w->read, (size_t)n, f))
		return false;
	w->read += (size_t)n;
	return true;
}

uint32_t acked_on(struct wire *w)
{
	struct frame f;
	uint32_t next = 0;

	while (next_frame(w, &f))
		if (f.cmd == WIRE_ACK)
			next = f.u;
	return next;
}

uint32_t refused_for(struct wire *w)
{
	struct frame f;
	struct refuse r;

	while (next_frame(w, &f))
		if (f.nextcmd == WIRE_REFUSE && !frame_refuse(&f, &r))
			return r.reason;
	return 0;
}

/* ---- a peer by hand ---- */

uint64_t incarnation(unsigned nodeid)
{
	return 1000 + nodeid;
}

struct hello hello_of(unsigned nodeid, uint64_t yours)
{
	return (struct hello) {
		.mine = incarnation(nodeid), .yours = yours, .next = FIRST, .vmin = 1, .vmax = 1,
		.maxframe = 65535, .cluster = "test", .group = "sinew",
		.max_message = 1 << 20, .queue_bytes = (uint32_t)fixture_ring,
		.calls = fixture_says, .features = fixture_says.slots ? WIRE_FEATURE_CALLS : 0,
	};
}

void feed_hello(struct wire *w, unsigned nodeid, const struct hello *h)
{
	uint8_t buf[WIRE_CONTROL_MAX];

	feed(w, buf, wire_put_hello(buf, nodeid, h));
}

void feed_refuse(struct wire *w, unsigned nodeid, const struct refuse *r)
{
	uint8_t buf[WIRE_CONTROL_MAX];

	feed(w, buf, wire_put_refuse(buf, nodeid, r));
}

struct wire *incoming(unsigned from)
{
	struct path_addr a = address_of(from);
	struct wire *w = new_wire();

	link_accept(&fx->core, &w->link, &a);
	return w;
}

void fixture_end(void)
{
	if (!fx)
		return;
	for (unsigned i = 1; i < 4; i++)
		if (fx->session[i])
			free(session_take_buffer(fx->session[i]));
	for (unsigned i = 0; i < fx->n_memory; i++)
		free(fx->memory[i]);
	free(fx);
	fx = NULL;
}

void fixture_begin(bool static_members)
{
	struct core_config cfg;
	unsigned ids[] = { LOW, HIGH };
	static bool ends_at_exit;

	if (!ends_at_exit)
		ends_at_exit = atexit(fixture_end) == 0;
	fixture_end();
	fx = calloc(1, sizeof *fx);
	fx->room = SIZE_MAX;
	core_config_default(&cfg);
	cfg.nodeid = SELF;
	cfg.incarnation = 77;
	cfg.first_seq = FIRST;
	cfg.queue_bytes = (uint32_t)fixture_ring;
	cfg.max_message = 100000;
	cfg.calls = fixture_takes;
	cfg.static_members = static_members;
	strcpy(cfg.cluster, "test");
	memset(&fx->core, USED, sizeof fx->core);
	core_init(&fx->core, &cfg, 5000);
	for (unsigned i = 0; i < 2; i++) {
		struct path_addr a = address_of(ids[i]);

		memset(&fx->peer[ids[i]], USED, sizeof fx->peer[ids[i]]);
		peer_add(&fx->core, &fx->peer[ids[i]], ids[i], &profile_native, &a, 1);
		peer_provide(&fx->peer[ids[i]], new_session());
	}
}

uint32_t gen_of[4];

uint32_t latest_choice(unsigned id)
{
	const struct session *s = fx->peer[id].session;

	return id == HIGH && s ? s->gen : 0;
}

struct wire *link_from(unsigned id, uint32_t next)
{
	struct wire *w = incoming(id);
	struct hello h = hello_of(id, 0);

	h.next = next;
	feed_hello(w, id, &h);			/* challenged or answered */
	h.yours = 77;
	h.gen = latest_choice(id);
	if (id == LOW) {
		feed_hello(w, id, &h);		/* names us: proof */
		h.gen = ++gen_of[LOW];
		h.flags = WIRE_HELLO_CHOSEN;
	}
	feed_hello(w, id, &h);
	return w;
}

struct wire *both_up(struct wire **ret_high)
{
	struct wire *low;

	gen_of[LOW] = 0;
	fixture_begin(true);
	settle();
	low = link_from(LOW, FIRST);
	*ret_high = link_from(HIGH, FIRST);
	return low;
}

void send_one(unsigned id)
{
	struct span part = { (const uint8_t *)"12345678", 8 };

	CHECK_EQ(session_send(fx->session[id], &part, 1, 8, NULL), 0);
	session_schedule(fx->session[id]);
	settle();
}

size_t put_message(uint8_t *p, unsigned from, uint32_t seq, const char *text)
{
	size_t n = strlen(text);

	memcpy(p + WIRE_MSG_OVERHEAD, text, n);
	return wire_put_msg(p, from, seq, n) + n;
}

void unharmed(struct wire *w, unsigned id, uint32_t seq)
{
	uint8_t buf[200];
	unsigned before = fx->delivered[id];

	CHECK(!w->gone);
	feed(w, buf, put_message(buf, id, seq, "still here"));
	CHECK_EQ(fx->delivered[id], before + 1);
	CHECK_EQ(fx->last_len, 10);
}
