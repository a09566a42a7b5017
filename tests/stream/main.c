/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contract of streams, over every transport there is: what those who use lowcomms/stream.h
 * may rely on. A new transport is a struct carrier here.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/addr.h"
#include "lowcomms/sinew.h"
#include "lowcomms/transport.h"
#include "tests/lib/check.h"
#include "tests/stream/ends.h"
#include "tests/stream/memory.h"

#define BURST	(16u * 1024 * 1024)	/* more than any transport takes at once */
#define MANY	64

static const struct carrier *with;
static struct world w;

/* ---- states ---- */

static bool has_ended(const struct end *e)
{
	return e->ended;
}

static bool has_failed(const struct end *e)
{
	return e->err != 0;
}

static bool has_connected(const struct end *e)
{
	return e->told & STREAM_CONNECTED;
}

static bool has_got_all(const struct end *e)
{
	const struct end *other = (e - w.ends) % 2 ? e - 1 : e + 1;

	return e->err || e->got == other->to_send;
}

static bool has_got_some(const struct end *e)
{
	return e->err || e->got;
}

/* ---- begin ---- */

static void connects_and_knows_the_other_end(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	CHECK(addr_same(&a->s->other.addr, &w.addr));
	CHECK_EQ(a->s->other.proof, with->proof);
	CHECK_EQ(a[1].s->other.proof, with->proof);
	if (with->proof == STREAM_BY_ADDRESS)
		CHECK_EQ(a[1].s->other.addr.ss_family, w.addr.ss_family);
	else
		CHECK_STR(a[1].s->other.name, "dialler");
	CHECK_EQ(a->s->source.fd >= 0, (with->transport->traits & STREAM_DESCRIPTOR) != 0);
	CHECK_EQ(a->err, 0);
	CHECK_EQ(a->s->ops->error(a->s), 0);
}

static void is_refused_where_nobody_listens(void)
{
	struct sockaddr_storage nobody;
	struct end *a;
	int err;

	CHECK_OR_RETURN(with->address(&nobody));
	a = end_dial(&w, 0, &nobody, &err);
	if (a) {
		CHECK(world_until(&w, a, has_failed));
		err = a->err;
		CHECK(!(a->told & STREAM_CONNECTED));
	}
	CHECK_EQ(err, -ECONNREFUSED);
}

/* That of somebody else, begun later, is a sign that it has had its time. */
static void waits_where_nobody_answers(void)
{
	struct sockaddr_storage nobody;
	struct end *a, *b;
	int err;

	CHECK_OR_RETURN(with->address(&nobody) && with->silence(&nobody));
	a = end_dial(&w, 2, &nobody, &err);
	b = end_dial(&w, 0, &w.addr, &err);
	if (a && b && CHECK(world_until(&w, b, has_connected)))
		CHECK_EQ(a->told, 0);
	if (a && with->times_out && CHECK(world_until(&w, a, has_failed)))
		CHECK_EQ(a->err, -ETIMEDOUT);
	CHECK(a && b);
	with->silence(NULL);
}

static void an_address_has_one_listener(void)
{
	struct stream_listener second = { .owner = NULL };

	CHECK_EQ(with->transport->listen(&w.streams, &second, &w.addr, 1), -EADDRINUSE);
	CHECK(!second.transport);
}

static bool is_told(const struct end *e)
{
	(void)e;
	return w.n_listener_told != 0;
}

static void a_listener_rests(void)
{
	struct end *a;
	int err;

	CHECK_EQ(with->transport->rest(&w.listener, true), 0);
	a = end_dial(&w, 0, &w.addr, &err);
	CHECK_OR_RETURN(a && world_until(&w, a, has_connected));
	world_turn(&w);
	CHECK_EQ(w.n_listener_told, 0);
	CHECK_EQ(with->transport->rest(&w.listener, false), 0);
	CHECK(world_until(&w, a, is_told));
	CHECK_EQ(w.n_accepted, 1);
}

static void a_listener_that_is_not_served_is_told_again(void)
{
	struct end *a;
	int err;

	w.takes = false;
	a = end_dial(&w, 0, &w.addr, &err);
	CHECK_OR_RETURN(a && world_until(&w, a, is_told));
	w.n_listener_told = 0;
	CHECK(world_until(&w, a, is_told));
	w.takes = true;
	w.n_listener_told = 0;
	CHECK(world_until(&w, a, is_told));
	CHECK_EQ(w.n_accepted, 1);
}

/* ---- bytes ---- */

static void small_reads_get_all(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	a[1].read_max = 7;
	end_send(a, 10001);
	CHECK(world_until(&w, a + 1, has_got_all));
	CHECK_EQ(a[1].got, 10001);
	CHECK(!a[1].wrong);
	/* The rest is told again, once a read. */
	CHECK(a[1].n_told >= 10001 / 7);
}

static void a_burst_goes_both_ways(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	end_send(a, BURST);
	end_send(a + 1, BURST / 2 + 1);
	CHECK(world_until(&w, NULL, has_got_all));
	CHECK_EQ(a[1].got, BURST);
	CHECK_EQ(a->got, BURST / 2 + 1);
	CHECK(!a->wrong && !a[1].wrong);
	CHECK_EQ(a->err | a[1].err, 0);
}

static bool is_full(const struct end *e)
{
	static uint64_t before;
	static unsigned n_same;

	n_same = e->sent == before ? n_same + 1 : 0;
	before = e->sent;
	/* Nothing more went for a while, and it does wait. */
	return e->sent && n_same > 20;
}

static void a_paused_reader_holds_the_writer_back(void)
{
	struct end *a = pair_open(&w, 0);
	unsigned n_told;

	CHECK_OR_RETURN(a);
	end_pause(a + 1, true);
	n_told = a[1].n_told;
	end_send(a, BURST);
	CHECK(world_until(&w, a, is_full));
	CHECK(a->sent < BURST);
	CHECK_EQ(a[1].n_told, n_told);
	end_pause(a + 1, false);
	CHECK(world_until(&w, a + 1, has_got_all));
	CHECK_EQ(a[1].got, BURST);
	CHECK(!a[1].wrong);
}

static void an_idle_stream_is_not_stuck(void)
{
	struct end *a = pair_open(&w, 0);
	uint64_t silent_ns = 0;

	CHECK_OR_RETURN(a);
	end_send(a, 100);
	CHECK(world_until(&w, a + 1, has_got_all));
	CHECK(!a[1].s->ops->stuck(a[1].s, &silent_ns));
}

/* ---- ends ---- */

static void both_see_an_orderly_end(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	end_send(a, 300001);
	end_finish(a);
	CHECK(world_until(&w, a + 1, has_ended));
	CHECK_EQ(a[1].got, 300001);
	CHECK(!a[1].wrong && !a[1].err);
	end_finish(a + 1);
	CHECK(world_until(&w, a, has_ended));
	CHECK_EQ(a->err, 0);
	end_close(a);
	end_close(a + 1);
}

static void the_other_half_goes_on(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	end_finish(a);
	CHECK(world_until(&w, a + 1, has_ended));
	CHECK(!a->ended);
	end_send(a + 1, 300001);
	CHECK(world_until(&w, a, has_got_all));
	CHECK(!a->wrong && !a->ended);
	end_finish(a + 1);
	CHECK(world_until(&w, a, has_ended));
	CHECK_EQ(a->got, 300001);
	CHECK_EQ(a->err | a[1].err, 0);
}

static void a_reset_is_no_orderly_end(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	end_send(a, 1000);
	CHECK(world_until(&w, a + 1, has_got_all));
	end_reset(a);
	CHECK(world_until(&w, a + 1, has_failed));
	CHECK_EQ(a[1].err, -ECONNRESET);
	CHECK(!a[1].ended);
}

static void a_reset_is_told_to_one_that_does_not_read(void)
{
	struct end *a = pair_open(&w, 0), *b = pair_open(&w, 2);

	CHECK_OR_RETURN(a && b);
	end_pause(a + 1, true);
	end_reset(a);
	CHECK(world_until(&w, a + 1, has_failed));
	CHECK_EQ(a[1].err, -ECONNRESET);
	CHECK(a[1].told & STREAM_FAILED);
	b[1].read_max = 7;
	end_send(b, 1001);
	CHECK(world_until(&w, b + 1, has_got_all));
	end_reset(b);
	/* It has come when the other end pauses, and was not told. */
	world_hear(&w);
	end_pause(b + 1, true);
	CHECK(world_until(&w, b + 1, has_failed));
}

/* It has failed, and says so once at most: a loop that it wakes in each turn never sleeps. */
static void a_quiet_one_wakes_nobody(void)
{
	struct end *a = pair_open(&w, 0), *b = pair_open(&w, 2);
	unsigned n_told;

	CHECK_OR_RETURN(a && b);
	end_quiet(a + 1);
	n_told = a[1].n_told;
	end_reset(a);
	/* Behind the reset, and for many turns. */
	b[1].read_max = 7;
	end_send(b, 10001);
	CHECK(world_until(&w, b + 1, has_got_all));
	CHECK(a[1].n_told - n_told <= 1);
}

/* The rest of a piece that was read in part has come; a whole piece may be under way still. */
static void an_unread_close_is_a_reset(void)
{
	struct end *a = pair_open(&w, 0);

	CHECK_OR_RETURN(a);
	a[1].read_max = 7;
	end_send(a, 1000);
	CHECK(world_until(&w, a + 1, has_got_some));
	end_pause(a + 1, true);
	end_close(a + 1);
	CHECK(world_until(&w, a, has_failed));
	CHECK(!a->ended);
}

/* ---- many ---- */

static void many_at_once(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		struct end *a = pair_open(&w, 2 * i);

		CHECK_OR_RETURN(a);
		end_send(a, 100003 + i);
		end_send(a + 1, 50021 + i);
	}
	/* Else the first end takes the word from the other side. */
	if (!(with->transport->traits & STREAM_HALF_CLOSE))
		CHECK(world_until(&w, NULL, has_got_all));
	for (unsigned i = 0; i < 2 * MANY; i++)
		end_finish(&w.ends[i]);
	CHECK(world_until(&w, NULL, has_ended));
	for (unsigned i = 0; i < 2 * MANY; i++) {
		struct end *e = &w.ends[i];

		CHECK_EQ(e->got, i % 2 ? 100003 + i / 2 : 50021 + i / 2);
		CHECK(!e->wrong && !e->err);
	}
}

/* Events of that turn may still lead to them. */
static void all_end_in_one_turn(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		struct end *a = pair_open(&w, 2 * i);

		CHECK_OR_RETURN(a);
		end_send(a, 1000);
		end_send(a + 1, 1000);
	}
	for (unsigned i = 0; i < 2 * MANY; i += 3)
		end_reset(&w.ends[i]);
	CHECK(world_until(&w, NULL, has_got_all) || true);
	CHECK_EQ(w.n_accepted, MANY);
}

/* ---- transports ---- */

static bool free_address(int type, int protocol, struct sockaddr_storage *ret_addr)
{
	bool six = with->family == AF_INET6;
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, protocol);
	bool good;

	if (sinew_parse_address(six ? "::1" : "127.0.0.1", 0, &sa))
		return false;
	len = addr_len(&sa);
	good = fd >= 0 && !bind(fd, (struct sockaddr *)&sa, len) &&
	       !getsockname(fd, (struct sockaddr *)&sa, &len);
	if (fd >= 0)
		close(fd);
	if (good)
		*ret_addr = sa;
	return good;
}

static bool sctp_address(struct sockaddr_storage *ret_addr)
{
	return free_address(SOCK_STREAM, IPPROTO_SCTP, ret_addr);
}

static bool tcp_address(struct sockaddr_storage *ret_addr)
{
	return free_address(SOCK_STREAM, IPPROTO_TCP, ret_addr);
}

/* A queue of a listener that is full: the kernel drops what comes then. */
static bool fill_queue(struct sockaddr_storage *addr)
{
	static int fds[8];
	static unsigned n;

	while (n)
		close(fds[--n]);
	if (!addr)
		return true;
	for (n = 0; n < 8; n++) {
		int kind = SOCK_STREAM | SOCK_CLOEXEC | (n ? SOCK_NONBLOCK : 0);

		fds[n] = socket(addr->ss_family, kind, 0);
		if (fds[n] < 0)
			return false;
		if (!n && (bind(fds[0], (const struct sockaddr *)addr, addr_len(addr)) ||
			   listen(fds[0], 0)))
			return false;
		if (n)
			connect(fds[n], (const struct sockaddr *)addr, addr_len(addr));
	}
	return true;
}

static bool udp_address(struct sockaddr_storage *ret_addr)
{
	return free_address(SOCK_DGRAM, IPPROTO_UDP, ret_addr);
}

/* A socket that nobody reads. */
static bool udp_silence(struct sockaddr_storage *addr)
{
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = -1;
	if (!addr)
		return true;
	fd = socket(addr->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && !bind(fd, (const struct sockaddr *)addr, addr_len(addr));
}

static bool memory_address(struct sockaddr_storage *ret_addr)
{
	static uint16_t port;
	struct sockaddr_storage sa = { .ss_family = AF_INET };

	((struct sockaddr_in *)&sa)->sin_port = htons(++port);
	*ret_addr = sa;
	return true;
}

static bool be_silent(struct sockaddr_storage *addr)
{
	memory_silence(addr);
	return true;
}

/* In IP alone that is any port without a node. */
static bool is_always_silent(struct sockaddr_storage *addr)
{
	(void)addr;
	return true;
}

/* SCTP refuses what does not fit in the queue of a listener: who runs this test names an address
 * that its network drops all packets to. */
static bool is_silent(struct sockaddr_storage *addr)
{
	const char *text = getenv("STREAM_SILENT");

	return !addr || (text && !sinew_parse_address(text, addr_port(addr), addr));
}

static void run(const char *name, void (*test)(void))
{
	char text[128];

	snprintf(text, sizeof text, "%s%s%s_%s", with->transport->name,
		 with->packets.ip_alone ? "_raw" : "",
		 with->family == AF_INET6 ? "_ipv6" : "", name);
	if (!world_open(&w, with)) {
		check_state.n_failed++;
		printf("not ok - %s: cannot begin\n", text);
		return;
	}
	check_run(text, test);
	world_close(&w);
}

#define CONTRACT(test) run(#test, test)

static void contract_of(const struct carrier *carrier)
{
	with = carrier;
	CONTRACT(connects_and_knows_the_other_end);
	if (!carrier->refuses_nothing)
		CONTRACT(is_refused_where_nobody_listens);
	CONTRACT(waits_where_nobody_answers);
	CONTRACT(an_address_has_one_listener);
	CONTRACT(a_listener_rests);
	CONTRACT(a_listener_that_is_not_served_is_told_again);
	CONTRACT(small_reads_get_all);
	CONTRACT(a_burst_goes_both_ways);
	CONTRACT(a_paused_reader_holds_the_writer_back);
	CONTRACT(an_idle_stream_is_not_stuck);
	CONTRACT(both_see_an_orderly_end);
	if (carrier->transport->traits & STREAM_HALF_CLOSE)
		CONTRACT(the_other_half_goes_on);
	CONTRACT(a_reset_is_no_orderly_end);
	CONTRACT(a_reset_is_told_to_one_that_does_not_read);
	CONTRACT(a_quiet_one_wakes_nobody);
	CONTRACT(an_unread_close_is_a_reset);
	CONTRACT(many_at_once);
	CONTRACT(all_end_in_one_turn);
}

/* Over that family of addresses, then IPv6. */
static void contract(struct carrier carrier)
{
	contract_of(&carrier);
	carrier.family = AF_INET6;
	contract_of(&carrier);
}

/* One that cannot be had here, though it was asked for. */
static bool is_missing(const struct carrier *carrier, const char *name, const char *hint)
{
	if (carrier->transport)
		return false;
	printf("not ok - %s: %s\n", name, hint);
	return true;
}

/* For a guest of tests/vm. */
static int over_sctp_of_the_kernel(void)
{
	const char *hint;
	const struct carrier sctp = {
		.transport = transport_find("sctp", false, NULL, &hint),
		.proof = STREAM_BY_ADDRESS, .address = sctp_address, .silence = is_silent,
	};

	if (is_missing(&sctp, "sctp-kernel", hint))
		return 1;
	contract(sctp);
	return check_done();
}

/* For a network of its own, with the right to raw sockets. */
static int over_sctp_in_ip_alone(void)
{
	const struct stream_packets packets = { .ip_alone = true };
	const char *hint;
	const struct carrier raw = {
		.transport = transport_find("sctp", true, &packets, &hint), .packets = packets,
		.proof = STREAM_BY_ADDRESS, .address = udp_address, .silence = is_always_silent,
		.times_out = true, .refuses_nothing = true,
	};

	if (is_missing(&raw, "sctp-raw", hint))
		return 1;
	contract(raw);
	return check_done();
}

/* Without an argument: what every machine has. */
int main(int argc, char **argv)
{
	const struct stream_packets packets = { .ip_alone = false };
	const char *hint;
	const struct carrier tcp = {
		.transport = transport_find("tcp", false, NULL, &hint), .proof = STREAM_BY_ADDRESS,
		.address = tcp_address, .silence = fill_queue,
	};
	const struct carrier memory = {
		.transport = &transport_memory, .proof = STREAM_BY_KEY, .times_out = true,
		.address = memory_address, .silence = be_silent,
	};
	const struct carrier user = {
		.transport = transport_find("sctp", true, &packets, &hint),
		.proof = STREAM_BY_ADDRESS, .address = udp_address, .silence = udp_silence,
	};

	if (argc > 1 && strcmp(argv[1], "sctp-kernel") == 0)
		return over_sctp_of_the_kernel();
	if (argc > 1 && strcmp(argv[1], "sctp-raw") == 0)
		return over_sctp_in_ip_alone();
	contract(tcp);
	contract_of(&memory);
	if (user.transport)
		contract(user);
	else
		printf("ok - sctp_user # SKIP %s\n", hint);
	return check_done();
}
