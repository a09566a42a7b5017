/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a toy's numbers and what is right about them. */
#include "tests/lib/toy.h"

#include <string.h>

#define HEAD	16u
#define LONGEST	65536u

enum { NUMBERED = 1, ECHO };

const struct service_grant toy_grant = { .slots = 16, .window = 16384, .piece = 16384 };

/* kind u64, number u64, and bytes that follow from the number. */
static void fill_body(uint8_t *p, size_t len, uint64_t kind, uint64_t number)
{
	memcpy(p, &kind, 8);
	memcpy(p + 8, &number, 8);
	for (size_t i = HEAD; i < len; i++)
		p[i] = (uint8_t)(number * 7 + i);
}

static bool is_body(const uint8_t *p, size_t len, uint64_t kind, uint64_t number)
{
	static uint8_t expected[LONGEST];

	if (len < HEAD || len > LONGEST)
		return false;
	fill_body(expected, len, kind, number);
	return !memcmp(p, expected, len);
}

/* ---- sending ---- */

static int put(struct toy *toy, size_t len, uint64_t kind, uint64_t number, bool bulk,
	       uint64_t *ret_end)
{
	static _Thread_local uint8_t body[LONGEST];
	struct span parts[2] = { { body, len / 2 }, { body + len / 2, len - len / 2 } };
	uint64_t begin;
	int err;

	fill_body(body, len, kind, number);
	err = service_put(toy->h, parts, 2, len, bulk ? SERVICE_BULK : SERVICE_SHORT,
			  &begin, ret_end);
	if (!err)
		toy->bad += *ret_end - begin != len + 40;
	else if (err != -EAGAIN)
		toy->refusal = err;
	return err;
}

int toy_put(struct toy *toy, size_t len, bool bulk)
{
	uint64_t end;
	int err = put(toy, len, NUMBERED, toy->next_out, bulk, &end);

	if (err)
		return err;
	if (toy->n_frames < TOY_MAX)
		toy->end[toy->n_frames] = end;
	toy->n_frames++;
	toy->next_out++;
	return 0;
}

int toy_send(struct toy *toy, size_t len)
{
	static uint8_t body[LONGEST];
	int err;

	fill_body(body, len, NUMBERED, toy->next_out);
	err = sinew_send(toy->h, body, len);
	toy->next_out += !err;
	return err;
}

static void send_echoes(struct toy *toy)
{
	uint64_t end;

	while (toy->echoes_due && !toy->silent &&
	       !put(toy, HEAD, ECHO, toy->echoes_out, false, &end)) {
		toy->echoes_due--;
		toy->echoes_out++;
	}
}

/* ---- receiving ---- */

static void came(struct toy *toy, const uint8_t *p, size_t len)
{
	toy->bad += !is_body(p, len, NUMBERED, toy->next_in);
	toy->next_in++;
}

void toy_message(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	(void)p;
	came(t->arg, m->data, m->len);
}

static void frame(void *user, struct sinew_session *h, const uint8_t *body, size_t len)
{
	struct toy *toy = user;
	uint64_t kind;

	toy->bad += h != toy->h || service_data(h) != toy;
	if (len < HEAD) {
		toy->bad++;
		return;
	}
	if (toy->on_frame)
		toy->on_frame(toy, body, len);
	memcpy(&kind, body, 8);
	if (kind == ECHO) {
		toy->bad += !is_body(body, len, ECHO, toy->echoes_in);
		toy->echoes_in++;
		return;
	}
	came(toy, body, len);
	toy->n_came++;
	toy->echoes_due++;
}

/* ---- what it is told ---- */

static void up(void *user, struct sinew_session *h, const struct service_grant *theirs)
{
	struct toy *toy = user;

	/* The application hears of it later. */
	toy->bad += toy->h || toy->t->seen[sinew_session_nodeid(h)].session;
	toy->h = h;
	toy->theirs = *theirs;
	toy->ups++;
	service_set_data(h, toy);
	if (toy->on_up)
		toy->on_up(toy);
}

static void batch(void *user, struct sinew_session *h)
{
	struct toy *toy = user;

	toy->bad += h != toy->h;
	toy->batches++;
	send_echoes(toy);
}

static void room(void *user, struct sinew_session *h)
{
	struct toy *toy = user;

	toy->bad += h != toy->h;
	toy->rooms++;
	send_echoes(toy);
	if (toy->on_room)
		toy->on_room(toy);
}

static void finishing(void *user, struct sinew_session *h)
{
	struct toy *toy = user;

	toy->bad += h != toy->h;
	toy->finishings++;
	if (!toy->holds)
		service_let_go(h);
}

static void finished(void *user, struct sinew_session *h)
{
	struct toy *toy = user;

	toy->bad += h != toy->h;
	toy->finisheds++;
}

static void path(void *user, struct sinew_session *h, bool is_up)
{
	struct toy *toy = user;

	/* By turns. */
	toy->bad += h != toy->h || is_up != (toy->losses > toy->returns);
	toy->losses += !is_up;
	toy->returns += is_up;
}

static void down(void *user, struct sinew_session *h, uint64_t acked, uint64_t high)
{
	struct toy *toy = user;
	int before = toy->refusal;
	uint64_t end;

	toy->bad += h != toy->h || put(toy, HEAD, ECHO, 0, false, &end) != -ESTALE;
	toy->refusal = before;
	toy->downs++;
	toy->acked = acked;
	toy->high = high;
	toy->h = NULL;
}

static void released(void *data)
{
	((struct toy *)data)->released++;
}

static uint64_t deadline(void *user)
{
	return ((struct toy *)user)->deadline_ns;
}

static void tick(void *user, uint64_t now_ns)
{
	struct toy *toy = user;

	toy->bad += now_ns < toy->deadline_ns || now_ns > service_now();
	toy->bad += now_ns != service_turn_ns(toy->t->n);
	toy->deadline_ns = UINT64_MAX;
	toy->ticks++;
}

static void freed(void *user)
{
	struct toy *toy = user;

	toy->bad += toy->h != NULL;
	toy->freeds++;
}

const struct service_ops toy_ops = {
	.up = up,
	.frame = frame,
	.batch = batch,
	.room = room,
	.finishing = finishing,
	.finished = finished,
	.path = path,
	.down = down,
	.released = released,
	.deadline = deadline,
	.tick = tick,
	.freed = freed,
};

bool toys_open(struct test_node t[2], struct toy toys[2], void (*tune)(struct sinew_options *o))
{
	memset(t, 0, 2 * sizeof *t);
	memset(toys, 0, 2 * sizeof *toys);
	if (!pair_open(t, tune))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		toys[i].t = &t[i];
		toys[i].deadline_ns = UINT64_MAX;
		t[i].arg = &toys[i];
		t[i].on_message = toy_message;
		if (!CHECK_EQ(service_attach(t[i].n, &toy_grant, &toy_ops, &toys[i]), 0))
			return false;
	}
	return true;
}

void toys_free(struct test_node t[2])
{
	for (unsigned i = 0; i < 2; i++)
		node_free(&t[i]);
}
