/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections that say nothing, or one byte now and then, in each state in which a link
 * waits for bytes. Owns what must become of them: an end within the documented time, no
 * memory, no descriptor, and the member whose address they come from is not kept out.
 */
/* run.sh: waits timeout=90 */
#include "lowcomms/sinew-manage.h"
#include "tests/lib/cluster.h"
#include "tests/lib/adversary.h"

#define HELLO_MS	200
#define KEEPALIVE_MS	120
#define STALL_MS	450
#define DRAIN_MS	2000		/* a refused link, until the other end has closed */
#define HELLOS_MAX	8
#define DRIP_MS		40		/* between bytes */
#define CROWD		40		/* at once, from one address */
#define LATE_MS		4000		/* more than the deadline, on a busy machine */
#define MEMORY_KB	8192

enum { VICTIM = 1, MEMBER = 2, PEER = 3 };

struct loris {
	const char *name;
	unsigned nodeid;		/* that it claims, and whose address it has */
	bool (*begin)(struct adversary *f);
	void (*drip)(struct adversary *f);	/* NULL: it says no more */
	int64_t least_ms, most_ms;	/* until its end */
	bool crowds;			/* many of them may be there */
};

static struct cluster *cluster;
static struct test_node *victim;
static struct sockaddr_storage peer_addr;
static uint8_t drops[WIRE_CONTROL_MAX];	/* what drips, */
static size_t n_drops, n_dripped;	/* and how far it is */
static uint64_t incarnations;

static int64_t late(int64_t ms)
{
	return time_limit(ms) + LATE_MS;
}

/* ---- the nodes ---- */

static void turn_with(int fd, short events, int ms)
{
	cluster_turn_with(cluster, fd, events, ms);
	dialled_turn();
}

static void tune(struct sinew_options *o)
{
	o->hello_ms = o->connect_ms = HELLO_MS;
	o->keepalive_ms = KEEPALIVE_MS;
	o->stall_ms = STALL_MS;
	o->backoff_min_ms = 1;
	o->backoff_max_ms = 50;
	o->max_message = 1 << 20;
	o->queue_bytes = 1 << 20;
	o->node_memory = 64u << 20;
	o->receive_bytes = 64 * 1024;
	o->fault_limit = 1000;
}

static bool set_up(void)
{
	peer_addr = free_address("127.0.0.3");
	cluster = cluster_new(2, tune);
	victim = &cluster->t[VICTIM];
	CHECK_EQ(sinew_peer_add(victim->n, PEER, &peer_addr, 1), 0);
	dialled_wait_fd = turn_with;
	return DRIVE(cluster, cluster_all_up(cluster));
}

/* Descriptors of this process; over SCTP, where none has one, connections of the victim. */
static unsigned n_held(void)
{
	struct sinew_node_status st = { .size = sizeof st };

	CHECK_EQ(sinew_node_status(victim->n, &st), 0);
	return dialled_over_sctp() ? st.n_conns : n_descriptors();
}

/* The two members, whatever happened: nobody was down, and they still talk. */
static void tidy_up(void)
{
	struct seen *s = &cluster->t[MEMBER].seen[VICTIM];
	uint64_t before = s->messages;

	CHECK_EQ(sinew_send(victim->seen[MEMBER].session, "still here", 10), 0);
	DRIVE(cluster, s->messages == before + 1);
	cluster_is_whole(cluster, 0);
	cluster_free(cluster);
}

/* Its link breaks, and it is back soon. */
static void member_comes_back(void)
{
	uint64_t reconnects = status_of(victim, MEMBER).reconnects;
	int64_t began = now_ms();

	CHECK_EQ(sinew_break(victim->n, MEMBER), 0);
	DRIVE(cluster, status_of(victim, MEMBER).reconnects > reconnects &&
	      status_of(victim, MEMBER).link_up);
	CHECK(now_ms() - began < late(1000));
}

/* ---- the states ---- */

static bool dial(struct adversary *f, unsigned nodeid)
{
	const struct sockaddr_storage *from = nodeid == PEER ? &peer_addr :
		&cluster->t[nodeid].addr;

	adversary_init(f, nodeid, 0x10000 + ++incarnations, "test");
	n_drops = n_dripped = 0;
	return adversary_dial(f, from, &victim->addr);
}

static bool silent(struct adversary *f)
{
	return dial(f, MEMBER);
}

static bool half_hello(struct adversary *f)
{
	struct hello h;

	if (!dial(f, MEMBER))
		return false;
	h = adversary_hello_of(f, 0);
	n_drops = wire_put_hello(drops, MEMBER, &h);
	n_dripped = n_drops / 2;
	return adversary_put(f, drops, n_dripped);
}

static bool challenged(struct adversary *f)
{
	return dial(f, PEER) && adversary_ask(f, 1000);
}

static bool held(struct adversary *f)
{
	return dial(f, MEMBER) && adversary_hello(f, 0);
}

static bool probing(struct adversary *f)
{
	struct probe q = { .cookie = 1, .cluster = "test" };
	uint8_t buf[WIRE_CONTROL_MAX];

	return dial(f, MEMBER) && adversary_put(f, buf, wire_put_probe(buf, MEMBER, &q, false));
}

static bool refused(struct adversary *f)
{
	if (!dial(f, MEMBER))
		return false;
	f->cluster = "other";
	memset(drops, 0, n_drops = sizeof drops);
	return adversary_hello(f, 0);
}

static bool up(struct adversary *f)
{
	return dial(f, PEER) && adversary_up(f, 2000);
}

static bool half_header(struct adversary *f)
{
	if (!up(f))
		return false;
	n_drops = wire_put_msg(drops, PEER, 0, 200) + 200;
	n_dripped = 7;
	return adversary_put(f, drops, n_dripped);
}

static bool half_frame(struct adversary *f)
{
	return half_header(f) && adversary_put(f, drops + n_dripped, 93) && (n_dripped += 93);
}

static bool half_fin(struct adversary *f)
{
	if (!up(f))
		return false;
	n_drops = wire_put_fin(drops, PEER, 0);
	n_dripped = 20;
	return adversary_put(f, drops, n_dripped);
}

static void one_byte(struct adversary *f)
{
	if (n_dripped < n_drops - 1)
		adversary_put(f, drops + n_dripped++, 1);
}

static void a_hello(struct adversary *f)
{
	/* Now and then, but before it is due. */
	if (++n_dripped % (HELLO_MS * 2 / 3 / DRIP_MS) == 0)
		adversary_hello(f, 0);
}

static const struct loris table[] = {
	{ "silent", MEMBER, silent, NULL, HELLO_MS, HELLO_MS, true },
	{ "half a HELLO", MEMBER, half_hello, NULL, HELLO_MS, HELLO_MS, true },
	{ "HELLO byte by byte", MEMBER, half_hello, one_byte, HELLO_MS, HELLO_MS, true },
	{ "challenged", PEER, challenged, NULL, HELLO_MS, HELLO_MS, true },
	{ "too many HELLOs on one link", PEER, challenged, a_hello, HELLO_MS,
	  HELLOS_MAX * HELLO_MS, true },
	/* Until more is heard of the member, comeback_ms (250) after it was held. */
	{ "held", MEMBER, held, NULL, 250, 250 + KEEPALIVE_MS * 3 / 2, true },
	{ "probing", MEMBER, probing, NULL, STALL_MS, STALL_MS, true },
	{ "chosen, not confirmed", PEER, up, NULL, STALL_MS, STALL_MS, false },
	{ "half a header", PEER, half_header, NULL, STALL_MS, STALL_MS, false },
	{ "half a frame", PEER, half_frame, NULL, STALL_MS, STALL_MS, false },
	{ "frame byte by byte", PEER, half_frame, one_byte, STALL_MS, STALL_MS, false },
	{ "FIN byte by byte", PEER, half_fin, one_byte, STALL_MS, STALL_MS, false },
};

/* Whether it ends in its time, as seen from its own end. */
static void ends_in_time(const struct loris *t)
{
	int64_t began = now_ms(), limit = late(t->most_ms), took, drip_at = began + DRIP_MS;
	struct adversary f;
	bool over = false;

	if (!CHECK(t->begin(&f)))
		return;
	for (took = 0; !over && took <= limit; took = now_ms() - began) {
		dialled_wait(&f.conn, POLLIN, DRIP_MS);
		over = adversary_ended(&f);
		if (!t->drip || over || now_ms() < drip_at)
			continue;
		t->drip(&f);
		drip_at = now_ms() + DRIP_MS;
	}
	printf("# %-24s ended after %lld ms, due after %lld\n", t->name, (long long)took,
	       (long long)t->most_ms);
	CHECK(over);
	CHECK(took >= t->least_ms - 20);
	CHECK(took <= limit);
	adversary_close(&f);
}

/* Many of them at one address, always: the member still gets in. */
static void member_is_not_kept_out(const struct loris *t)
{
	static struct adversary crowd[CROWD];

	for (unsigned i = 0; i < CROWD; i++)
		CHECK(t->begin(&crowd[i]));
	for (unsigned i = 0; i < 5; i++) {
		member_comes_back();
		adversary_close(&crowd[i]);
		CHECK(t->begin(&crowd[i]));
	}
	for (unsigned i = 0; i < CROWD; i++)
		adversary_close(&crowd[i]);
}

static void one(const struct loris *t)
{
	unsigned had;
	long kb;

	if (!set_up()) {
		cluster_free(cluster);
		return;
	}
	had = n_held();
	kb = status_kb("VmRSS:");
	ends_in_time(t);
	if (t->crowds)
		member_is_not_kept_out(t);
	/* All that they cost is given back. */
	DRIVE(cluster, n_held() <= had);
	CHECK(status_kb("VmRSS:") - kb < time_limit(MEMORY_KB));
	tidy_up();
}

/* ---- what does not fit the table ---- */

/* Refused: it is told, and then it must go, even if it goes on talking. */
static void refused_and_lingering(void)
{
	int64_t began, took;
	struct hello h;
	struct refuse r;
	struct adversary f;
	unsigned had;

	CHECK_OR_RETURN(set_up());
	had = n_held();
	CHECK(refused(&f));
	began = now_ms();
	CHECK_EQ(adversary_answer(&f, &h, &r, 2000), 2);
	CHECK_EQ(r.reason, WIRE_REFUSE_CLUSTER);
	do {
		turn_with(-1, 0, DRIP_MS);
		took = now_ms() - began;
	} while (dialled_write(&f.conn, "x", 1) == 1 && took < late(DRAIN_MS));
	printf("# refused: the connection ended after %lld ms\n", (long long)took);
	/* Over SCTP nothing can be said behind the other side's end. */
	CHECK(took >= DRAIN_MS - 100 || dialled_over_sctp());
	CHECK(took < late(DRAIN_MS));
	adversary_close(&f);
	DRIVE(cluster, n_held() <= had);
	tidy_up();
}

/* Machines that lost their power: no FIN, no reset, nothing ever again. */
static void vanished(void)
{
	unsigned had;
	struct adversary f;

	CHECK_OR_RETURN(set_up());
	had = n_held();
	CHECK(silent(&f));
	dialled_wait(&f.conn, POLLIN, 10);
	if (!adversary_vanish(&f)) {
		adversary_close(&f);
		tidy_up();
		SKIP("only root can let a connection vanish");
	}
	CHECK(challenged(&f) && adversary_vanish(&f));
	CHECK(half_frame(&f) && adversary_vanish(&f));
	member_comes_back();
	DRIVE(cluster, n_held() <= had && !status_of(victim, PEER).link_up);
	CHECK_EQ(victim->seen[PEER].downs, 0);
	tidy_up();
}

/* A proper connection of the same incarnation takes the place of one that hangs. */
static void replaced(void)
{
	bool (*const hangs[])(struct adversary *f) = { up, half_header, half_frame, half_fin };
	struct adversary f, next;

	CHECK_OR_RETURN(set_up());
	for (unsigned i = 0; i < sizeof hangs / sizeof hangs[0]; i++) {
		int64_t began;

		CHECK(hangs[i](&f));
		next = adversary_again(&f);
		began = now_ms();
		CHECK(adversary_dial(&next, &peer_addr, &victim->addr) &&
		      adversary_up(&next, 2000));
		DRIVE(cluster, adversary_ended(&f));
		CHECK(now_ms() - began < STALL_MS);
		CHECK(!adversary_ended(&next));
		CHECK_EQ(victim->seen[PEER].ups, i + 1);
		adversary_close(&f);
		adversary_close(&next);
	}
	tidy_up();
}

/* Ended before anybody accepted them. */
static void reset_in_the_queue(void)
{
	unsigned had;
	struct adversary f;

	CHECK_OR_RETURN(set_up());
	had = n_held();
	for (unsigned i = 0; i < 200; i++) {
		dialled_wait_fd = dialled_poll_fd;
		CHECK(dial(&f, i % 2 ? MEMBER : PEER));
		if (i % 3 == 0)
			adversary_hello(&f, 0);
		if (i % 4 == 0)
			adversary_close(&f);
		else
			adversary_reset(&f);
	}
	dialled_wait_fd = turn_with;
	member_comes_back();
	DRIVE(cluster, n_held() <= had);
	tidy_up();
}

/* ---- slow, but alive ---- */

static void fill(struct sinew_session *p)
{
	static const char body[1000];

	while (sinew_send(p, body, sizeof body) == 0)
		;
}

/* A zero window: shown as slow, and nothing else. */
static void one_byte_at_a_time(void)
{
	uint8_t buf[WIRE_CONTROL_MAX], byte;
	size_t n = wire_put_status(buf, PEER, WIRE_STATUS_RX_PAUSED);
	struct sinew_status st;
	uint64_t reconnects;
	int64_t end;
	long kb;
	struct adversary f;

	CHECK_OR_RETURN(set_up());
	CHECK(up(&f));
	DRIVE(cluster, victim->seen[PEER].session);
	kb = status_kb("VmRSS:");
	reconnects = status_of(victim, PEER).reconnects;
	end = now_ms() + 3 * STALL_MS;
	while (now_ms() < end) {
		fill(victim->seen[PEER].session);
		turn_with(-1, 0, DRIP_MS);
		adversary_put(&f, buf, n);
		CHECK_EQ(dialled_read(&f.conn, &byte, 1), 1);
	}
	st = status_of(victim, PEER);
	CHECK(st.link_up && st.flow_blocked && st.peer_paused);
	CHECK_EQ(st.reconnects, reconnects);
	CHECK_EQ(st.stalls, 0);
	CHECK(status_kb("VmRSS:") - kb < time_limit(MEMORY_KB));
	adversary_reset(&f);
	tidy_up();
}

static struct sinew_kept *kept[1000];
static unsigned n_kept;

static void keep_it(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	(void)t;
	if (sinew_session_nodeid(p) == PEER && n_kept < sizeof kept / sizeof kept[0])
		n_kept += sinew_keep(p, m, &kept[n_kept]) == 0;
}

/* It says that its queue has no end, and the application is slow: it gets its share of the
 * memory, not all of it. */
static void an_endless_queue(void)
{
	static uint8_t buf[64 * 1024];
	uint64_t total = 0;
	uint32_t seq = 0;
	bool taken = true;
	struct adversary f;
	long kb;

	CHECK_OR_RETURN(set_up());
	victim->on_message = keep_it;
	kb = status_kb("VmRSS:");
	CHECK(dial(&f, PEER));
	f.queue = UINT32_MAX;
	CHECK(adversary_up(&f, 2000));
	DRIVE(cluster, victim->seen[PEER].session);
	/* Unacknowledged: so its ACKs are looked for. */
	CHECK_EQ(sinew_send(victim->seen[PEER].session, "x", 1), 0);
	while (taken && total < 256u << 20) {
		size_t n = 0;

		while (n < sizeof buf - 2000)
			n += wire_put_msg(buf + n, PEER, seq++, 1000) + 1000;
		taken = adversary_put(&f, buf, n);
		total += n;
	}
	printf("# paused: %llu KiB taken from it, memory %+ld KiB\n",
	       (unsigned long long)total >> 10, status_kb("VmRSS:") - kb);
	CHECK(!taken && status_of(victim, PEER).paused && status_of(victim, PEER).link_up);
	/* Buffers that the kernel has with TCP are in this process, of both ends. */
	CHECK(status_kb("VmRSS:") - kb < time_limit(dialled_over_sctp() ? 20 << 10 : 12 << 10));
	member_comes_back();
	adversary_reset(&f);
	while (n_kept)
		sinew_release(kept[--n_kept]);
	tidy_up();
}

/* ---- ends ---- */

/* One end of the peer's session is closed, the other one never acknowledges it. */
static void no_last_ack(bool closing, enum sinew_state state)
{
	struct sinew_session *p;
	struct adversary f;
	uint8_t buf[WIRE_FIN];
	int64_t began;

	CHECK_OR_RETURN(set_up());
	CHECK(up(&f));
	DRIVE(cluster, victim->seen[PEER].session);
	p = victim->seen[PEER].session;
	if (closing) {
		CHECK_EQ(sinew_session_finish(p), 0);
		DRIVE(cluster, status_of(victim, PEER).state == SINEW_FIN_WAIT1);
	}
	CHECK(adversary_put(&f, buf, wire_put_fin(buf, PEER, 0)));
	DRIVE(cluster, victim->seen[PEER].finishes == 1);
	CHECK_EQ(sinew_session_finish(p), 0);
	DRIVE(cluster, status_of(victim, PEER).state == state);
	/* Silent: no link is kept for it. Then it is back, and keeps the link alive. */
	DRIVE(cluster, adversary_ended(&f));
	f.expected = 0;
	CHECK(adversary_dial(&f, &peer_addr, &victim->addr) && adversary_up(&f, 2000));
	CHECK_EQ(status_of(victim, PEER).state, state);
	began = now_ms();
	CHECK_EQ(sinew_close(victim->n, 500), 0);
	DRIVE(cluster, ({ adversary_put(&f, buf, wire_put_ack(buf, PEER, 0));
			  victim->closed; }));
	CHECK(now_ms() - began < late(500));
	CHECK_EQ(victim->seen[PEER].reason, SINEW_DOWN_LINGER);
	CHECK_EQ(victim->seen[MEMBER].reason, SINEW_DOWN_CLOSED);
	adversary_close(&f);
	cluster_free(cluster);
}

static void last_ack_never_comes(void)
{
	no_last_ack(false, SINEW_LAST_ACK);
}

static void closing_never_ends(void)
{
	no_last_ack(true, SINEW_CLOSING);
}

int main(void)
{
	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct check_state *c = &check_state;

		c->failures = 0;
		one(&table[i]);
		c->n_passed += !c->failures;
		c->n_failed += c->failures > 0;
		printf("%s - %s%s%s\n", c->failures ? "not ok" : "ok", table[i].name,
		       c->failures ? ": " : "", c->failures ? c->why : "");
		fflush(stdout);
	}
	RUN(refused_and_lingering);
	if (dialled_over_sctp()) {
		printf("# over TCP alone: connections that the kernel made vanish, or queues\n");
	} else {
		RUN(vanished);
		RUN(reset_in_the_queue);
	}
	RUN(replaced);
	RUN(one_byte_at_a_time);
	RUN(an_endless_queue);
	RUN(last_ack_never_comes);
	RUN(closing_never_ends);
	return check_done();
}
