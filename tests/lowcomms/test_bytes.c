/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns a peer that knows no more of the protocol than section 8 of proto/SESSION.md, and what it
 * and a node say to each other over TCP, byte by byte. Includes nothing of proto/.
 */
#include <sys/socket.h>

#include "tests/lib/bytes.h"

static struct cluster *c;
static struct test_node *node;
static struct sockaddr_storage here;
static uint8_t last[1 << 16];
static size_t last_len;

/* ---- the wire ---- */

static void open_node(unsigned peer, unsigned nodeid, enum sinew_membership membership)
{
	struct sinew_options o;

	own = peer;
	other = nodeid;
	c = calloc(1, sizeof(*c));
	c->n = 1;
	node = &c->t[1];
	node->addr = free_address("127.0.0.1");
	here = free_address("127.0.0.2");
	cluster_options(&o, nodeid, &node->addr);
	o.membership = membership;
	CHECK(node_open(node, &o));
	CHECK_EQ(sinew_peer_add(node->n, peer, &here, 1), 0);
}

static struct wire *dial(void)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct sockaddr_in from = *(struct sockaddr_in *)&here;

	from.sin_port = 0;
	w->fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(!bind(w->fd, (struct sockaddr *)&from, sizeof(from)));
	CHECK(!connect(w->fd, (struct sockaddr *)&node->addr, sizeof(struct sockaddr_in)));
	return w;
}

static void hang_up(struct wire *w)
{
	close(w->fd);
	free(w);
}

static void say(struct wire *w, struct text t)
{
	CHECK_EQ(send(w->fd, t.b, t.n, MSG_NOSIGNAL), t.n);
}

static void say_data(struct wire *w, uint32_t seq, const char *text)
{
	say(w, opts(DATA, seq, NULL, text, strlen(text)));
}

static void say_ack(struct wire *w, uint32_t next)
{
	struct text t = { .n = 0 };

	put_header(&t, next, 16, ACK);
	say(w, t);
}

static void say_piece(struct wire *w, uint32_t seq, uint32_t total, uint32_t offset,
		      const char *text)
{
	struct text value = { .n = 0 }, tlv = { .n = 0 };

	put(&value, total, 4);
	put(&value, offset, 4);
	put_tlv(&tlv, 1, value.b, value.n);
	say(w, opts(FRAGMENT, seq, &tlv, text, strlen(text)));
}

/* True: there is a whole one. */
static bool cut_frame(struct wire *w)
{
	size_t length = w->n < 16 ? 0 : w->in[12] | w->in[13] << 8;

	if (!length || w->n < length)
		return false;
	w->frame.n = length;
	memcpy(w->frame.b, w->in, length);
	memmove(w->in, w->in + length, w->n - length);
	w->n -= length;
	return true;
}

/* One turn of the node, and what it has written. */
static void turn(struct wire *w)
{
	ssize_t n;

	cluster_turn(c);
	n = recv(w->fd, w->in + w->n, sizeof(w->in) - w->n, MSG_DONTWAIT);
	if (n > 0)
		w->n += (size_t)n;
	else if (!n || errno != EAGAIN)
		w->over = true;
}

static uint8_t kind(const struct wire *w)
{
	return w->frame.b[14] == OPTS ? w->frame.b[16] : w->frame.b[14];
}

/* The next frame has to be of that kind; an ACK more than needed is always fine. */
static bool hear(struct wire *w, uint8_t wanted)
{
	const int64_t until = now_ms() + PATIENCE_MS;
	bool is_there;

	for (;;) {
		while (!(is_there = cut_frame(w)) && !w->over && now_ms() < until)
			turn(w);
		if (!CHECK(is_there))
			return false;
		CHECK_EQ(get(w, 0, 4), 0x00030002);
		CHECK_EQ(get(w, 8, 4), other);
		if (kind(w) != ACK || wanted == ACK)
			return CHECK_EQ(kind(w), wanted);
	}
}

static void hear_ack_of(struct wire *w, uint32_t next)
{
	do
		CHECK_OR_RETURN(hear(w, ACK));
	while (get(w, 4, 4) != next);
	CHECK_EQ(w->frame.n, 16);
}

/* Up to the end; before it comes a REFUSE of that reason, 0: or none. */
static void hear_end(struct wire *w, uint32_t reason)
{
	const int64_t until = now_ms() + PATIENCE_MS;
	uint32_t refused = 0;

	while (!w->over && now_ms() < until)
		turn(w);
	CHECK(w->over);
	while (cut_frame(w))
		if (kind(w) == REFUSE)
			refused = (uint32_t)get(w, 24 + 32, 4);
	if (reason)
		CHECK_EQ(refused, reason);
	hang_up(w);
}

static void keep_message(struct test_node *t, struct sinew_session *p,
			 const struct sinew_message *m)
{
	(void)t, (void)p;
	memcpy(last, m->data, m->len);
	last_len = m->len;
}

static bool got(const char *text)
{
	return last_len == strlen(text) && !memcmp(last, text, last_len);
}

/* ---- handshakes ---- */

/* As O: the higher nodeid, which dials. */
static struct wire *first_contact(uint32_t maxframe, const struct text *tlvs)
{
	struct greeting g = { .maxframe = maxframe, .tlvs = tlvs };
	struct wire *w = dial();

	node->on_message = keep_message;
	say(w, hello(&g));
	if (!hear(w, HELLO))
		return w;
	CHECK_EQ(get(w, 24 + 24, 8), MINE);
	g.yours = get(w, 24 + 16, 8);
	CHECK_EQ(g.yours, sinew_incarnation(node->n));
	say(w, hello(&g));
	if (hear(w, HELLO)) {
		CHECK_EQ(get(w, 24 + 32, 4), 0);	/* next */
		CHECK_EQ(get(w, 24 + 36, 4), 1);	/* gen */
		CHECK_EQ(get(w, 24 + 40, 1), 1);	/* CHOSEN */
	}
	return w;
}

static void close_all(void)
{
	cluster_free(c);
}

/* Every byte of a HELLO but those of the incarnation. */
static void a_hello_is_as_it_says(void)
{
	const struct greeting g = { .maxframe = 0 };
	struct text t = { .n = 0 };
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = dial();
	say(w, hello(&g));
	CHECK_OR_RETURN(hear(w, HELLO));
	own = 1;
	put(&t, sinew_incarnation(node->n), 8);
	put(&t, MINE, 8);
	put(&t, 0, 8);		/* next, gen */
	put(&t, 0x00010100, 4);
	put(&t, 65535, 4);
	put(&t, 0, 16);
	put_bytes(&t, "test", 4);
	put(&t, 0, 8);
	t.n += 52;
	put_tlv(&t, 2, "sinew", 5);
	put(&t, 3, 2);
	put(&t, 8, 2);
	put(&t, 16u << 20, 4);
	put(&t, 32u << 20, 4);
	t = opts(HELLO, 0, NULL, t.b, t.n);
	CHECK_EQ(w->frame.n, t.n);
	CHECK_MEM(w->frame.b, t.b, t.n);
	hang_up(w);
	close_all();
}

static void messages_go_both_ways(void)
{
	struct text t;
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = first_contact(0, NULL);
	DRIVE(c, node->seen[2].session);
	CHECK_EQ(sinew_send(node->seen[2].session, "from the node", 13), 0);
	CHECK_OR_RETURN(hear(w, DATA));
	own = 1;
	t = opts(DATA, 0, NULL, "from the node", 13);
	own = 2;
	CHECK_EQ(w->frame.n, t.n);
	CHECK_MEM(w->frame.b, t.b, t.n);
	say_ack(w, 1);
	say_data(w, 0, "to the node");
	hear_ack_of(w, 1);
	CHECK(got("to the node"));
	/* Once more: acknowledged at once, and not handed over again. */
	say_data(w, 0, "to the node");
	hear_ack_of(w, 1);
	say_data(w, 1, "");
	hear_ack_of(w, 2);
	CHECK_EQ(node->seen[2].messages, 2);
	hang_up(w);
	close_all();
}

/* As D: the lower nodeid, which chooses. */
static void the_lower_nodeid_chooses(void)
{
	struct greeting g = { .maxframe = 0 };
	struct wire *w;

	open_node(1, 2, SINEW_MEMBERSHIP_STATIC);
	w = dial();
	node->on_message = keep_message;
	say(w, hello(&g));
	CHECK_OR_RETURN(hear(w, HELLO));
	g.yours = get(w, 24 + 16, 8);
	CHECK_EQ(get(w, 24 + 24, 8), MINE);
	say(w, hello(&g));
	CHECK_OR_RETURN(hear(w, HELLO));
	CHECK_EQ(get(w, 24 + 24, 8), MINE);
	CHECK_EQ(get(w, 24 + 40, 1), 0);
	g.gen = 1;
	g.flags = 1;
	say(w, hello(&g));
	say_data(w, 0, "behind the choice");
	hear_ack_of(w, 1);
	CHECK(got("behind the choice"));
	hang_up(w);
	close_all();
}

static void a_new_link_goes_on_at_next(void)
{
	struct greeting g = { .gen = 1 };
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = first_contact(0, NULL);
	DRIVE(c, node->seen[2].session);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(sinew_send(node->seen[2].session, &"abc"[i], 1), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_OR_RETURN(hear(w, DATA));
	say_data(w, 0, "one");
	hear_ack_of(w, 1);
	hang_up(w);
	w = dial();
	g.yours = sinew_incarnation(node->n);
	g.next = 1;
	say(w, hello(&g));
	CHECK_OR_RETURN(hear(w, HELLO));
	CHECK_EQ(get(w, 24 + 32, 4), 1);
	CHECK_EQ(get(w, 24 + 36, 4), 2);
	CHECK_EQ(get(w, 24 + 40, 1), 1);
	CHECK_OR_RETURN(hear(w, DATA));
	CHECK_EQ(get(w, 4, 4), 1);
	CHECK_EQ(w->frame.b[40], 'b');
	hang_up(w);
	close_all();
}

/* ---- pieces ---- */

static void pieces_make_a_message(void)
{
	static const uint8_t short_of_room[8] = { 2 };
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = first_contact(0, NULL);
	say_piece(w, 0, 9, 0, "abc");
	say_ack(w, 0);
	say(w, opts(STATUS, 0, NULL, short_of_room, 8));
	hear_ack_of(w, 1);
	say_piece(w, 1, 9, 3, "defgh");
	say_piece(w, 2, 9, 8, "i");
	hear_ack_of(w, 3);
	CHECK(got("abcdefghi"));
	/* Nothing that has a number may stand between. */
	say_piece(w, 3, 9, 0, "abc");
	say_data(w, 4, "between");
	hear_end(w, 0);
	CHECK_EQ(node->seen[2].messages, 1);
	close_all();
}

/* The smallest: one byte of a message in each. */
static void pieces_fit_the_readers_maxframe(void)
{
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = dial();
	say(w, hello(&(struct greeting){ .maxframe = 104 }));
	hear_end(w, PROTOCOL);
	w = first_contact(105, NULL);
	DRIVE(c, node->seen[2].session);
	last_len = 0;
	memset(last, 'x', 200);
	CHECK_EQ(sinew_send(node->seen[2].session, last, 200), 0);
	for (uint32_t i = 0, at = 0; at < 200; i++) {
		CHECK_OR_RETURN(hear(w, FRAGMENT));
		CHECK(w->frame.n <= 105);
		CHECK_EQ(get(w, 4, 4), i);
		CHECK_EQ(get(w, 18, 2), 12);
		CHECK_EQ(get(w, 24, 4), 0x00080001);
		CHECK_EQ(get(w, 28, 4), 200);
		CHECK_EQ(get(w, 32, 4), at);
		at += (uint32_t)w->frame.n - 52;
	}
	hang_up(w);
	close_all();
}

/* ---- faults ---- */

static void what_cannot_be_ends_the_link(void)
{
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = first_contact(0, NULL);
	say_data(w, 1, "ahead");
	hear_end(w, 0);
	close_all();
	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = first_contact(0, NULL);
	say_ack(w, 1);
	hear_end(w, 0);
	CHECK_EQ(node->seen[2].messages, 0);
	close_all();
}

static void tlvs_may_come_twice(void)
{
	struct text tlvs = { .n = 0 };
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	put_tlv(&tlvs, 2, "another", 7);
	put_tlv(&tlvs, 77, "unknown", 7);
	put_tlv(&tlvs, 2, "sinew", 5);
	w = first_contact(0, &tlvs);
	hang_up(w);
	close_all();
	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	tlvs.n = 0;
	w = dial();
	say(w, hello(&(struct greeting){ .tlvs = &tlvs }));
	hear_end(w, CLUSTER);
	w = dial();
	put(&tlvs, 2, 3);
	say(w, hello(&(struct greeting){ .tlvs = &tlvs }));
	hear_end(w, 0);
	close_all();
}

static void the_longest_hello(void)
{
	static const char filler[512];
	struct text tlvs = { .n = 0 };
	const struct greeting g = { .tlvs = &tlvs };

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	put_tlv(&tlvs, 2, "sinew", 5);
	put_tlv(&tlvs, 77, filler, 512 - hello(&g).n - 4);
	CHECK_EQ(hello(&g).n, 512);
	hang_up(first_contact(0, &tlvs));
	close_all();
}

/* ---- probes, holding, the end ---- */

static struct text probe(const char *cluster)
{
	struct text t = { .n = 0 };

	put(&t, 0x0102030405060708u, 8);
	put_bytes(&t, cluster, strlen(cluster));
	t.n += 64 - strlen(cluster);
	return opts(PROBE, 0, NULL, t.b, t.n);
}

static void a_probe_may_be_first(void)
{
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = dial();
	for (unsigned i = 0; i < 2; i++) {
		say(w, probe("test"));
		CHECK_OR_RETURN(hear(w, REPLY));
		CHECK_EQ(w->frame.n, 24 + 88 + 8);
		CHECK_EQ(get(w, 24 + 16, 8), 0x0102030405060708u);
		CHECK_EQ(get(w, 24 + 88, 4), 4u << 16 | 4);	/* TLV PATH */
		CHECK_EQ(get(w, 24 + 92, 4) & 1, 1);		/* it takes padded ones */
		CHECK(!strcmp((char *)w->frame.b + 24 + 24, "test"));
	}
	say(w, hello(&(struct greeting){ .gen = 0 }));
	hear_end(w, 0);
	w = dial();
	say(w, probe("tset"));
	hear_end(w, 0);
	close_all();
}

/* Nothing is to be seen, and then it goes on. */
static void silence_is_no_refusal(void)
{
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_EXTERNAL);
	w = dial();
	say(w, hello(&(struct greeting){ .gen = 0 }));
	for (unsigned i = 0; i < 10; i++)
		turn(w);
	CHECK(!w->over && !w->n);
	CHECK_EQ(sinew_peer_joined(node->n, 2, MINE), 0);
	CHECK_OR_RETURN(hear(w, HELLO));
	CHECK_EQ(get(w, 24 + 24, 8), MINE);
	hang_up(w);
	close_all();
}

static void both_finish(void)
{
	struct text t;
	struct wire *w;

	open_node(2, 1, SINEW_MEMBERSHIP_STATIC);
	w = first_contact(0, NULL);
	DRIVE(c, node->seen[2].session);
	say(w, opts(FIN, 0, NULL, "", 0));
	hear_ack_of(w, 1);
	DRIVE(c, node->seen[2].finishes == 1);
	CHECK_EQ(sinew_session_finish(node->seen[2].session), 0);
	CHECK_OR_RETURN(hear(w, FIN));
	own = 1;
	t = opts(FIN, 0, NULL, "", 0);
	own = 2;
	CHECK_EQ(w->frame.n, 40);
	CHECK_MEM(w->frame.b, t.b, 40);
	/* It receives the last ACK, and shuts the link in order. */
	say_ack(w, 1);
	DRIVE(c, node->seen[2].downs == 1);
	CHECK_EQ(node->seen[2].reason, SINEW_DOWN_CLOSED);
	hear_end(w, 0);
	close_all();
}

int main(void)
{
	RUN(a_hello_is_as_it_says);
	RUN(messages_go_both_ways);
	RUN(the_lower_nodeid_chooses);
	RUN(a_new_link_goes_on_at_next);
	RUN(pieces_make_a_message);
	RUN(pieces_fit_the_readers_maxframe);
	RUN(what_cannot_be_ends_the_link);
	RUN(tlvs_may_come_twice);
	RUN(the_longest_hello);
	RUN(a_probe_may_be_first);
	RUN(silence_is_no_refusal);
	RUN(both_finish);
	return check_done();
}
