/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: a topology server under programs that send any bytes: requests, offers, withdrawals,
 * cancels, in any order and number, and readers that take what they like. Its limits hold, each
 * event that it tells can be parsed, and a view of all takes every one of them and knows the table
 * in the end. Knows no carriers.
 */
#define FUZZ_NAME "topo"
/* fuzz.sh: max_len=1500 */
#include "services/topo.h"
#include "services/topo_view.h"

#include <errno.h>

#include "tests/fuzz/input.h"

#define PROGRAMS 3u
#define ROWS 6u
#define SUBS 6u
#define NODE 3u

static struct topo topo;
static struct topo_owner programs[PROGRAMS];
static struct topo_sub *subs[SUBS];
static struct topo_view view;
static struct topo_sub *watched;	/* the view's */
static unsigned blocks;
static uint64_t now_ns;

static void *allocate(void *user, size_t n)
{
	(void)user;
	blocks++;
	return malloc(n);
}

static void give_back(void *user, void *p)
{
	(void)user;
	blocks--;
	free(p);
}

static const struct topo_memory memory = { .alloc = allocate, .release = give_back };

/* Any bytes, at times with the first ones as they are to be. */
static size_t some_bytes(struct input *in, uint8_t *to, size_t max, size_t head)
{
	const uint8_t *p;
	bool plausible = input_below(in, 4);
	size_t n = input_bytes(in, &p, plausible ? head + input_below(in, 64) : max);

	memset(to, 0, max);
	if (n)
		memcpy(to, p, n);
	if (!plausible)
		return n;
	to[2] = TOPO_VERSION;
	if (n < head)
		n = head;
	to[0] = (uint8_t)n;
	to[1] = (uint8_t)(n >> 8);
	return n;
}

static void subscribe(struct input *in)
{
	uint8_t bytes[200];
	size_t n = some_bytes(in, bytes, sizeof bytes, TOPO_REQUEST_LEN);
	unsigned i = input_below(in, SUBS);
	struct topo_request r;
	int err;

	if (input_below(in, 4))
		memset(bytes + 4, input_below(in, 2) ? 0xff : 0, 4);
	if (input_below(in, 2)) {
		memset(bytes + 8, 0, 4);
		memset(bytes + 12, 0xff, 4);
	}
	if (topo_request_parse(bytes, n, &r) || subs[i])
		return;
	err = topo_subscribe(&topo.subs, &r, now_ns, NULL, &subs[i]);
	MUST(err == 0 || err == -ENOSPC);
	MUST(!err == (subs[i] != NULL));
}

static void publish(struct input *in)
{
	uint8_t bytes[400];
	size_t n = some_bytes(in, bytes, sizeof bytes, TOPO_OFFER_HEAD);
	struct topo_owner *o = &programs[input_below(in, PROGRAMS)];
	struct topo_offer offer;
	uint32_t pub;
	int err;

	if (input_below(in, 4)) {
		bytes[16] = (uint8_t)(1 + input_below(in, 2));
		memset(bytes + 12, 0xff, 4);
		bytes[20] = (uint8_t)(n - TOPO_OFFER_HEAD);
		memset(bytes + 21, 0, 3);
	}
	if (topo_offer_parse(bytes, n, &offer))
		return;
	err = topo_publish_next(&topo, o, &offer, &pub);
	MUST(err == 0 || err == -ENOSPC || (err == -EPERM && offer.name.type < TOPO_TYPE_FIRST) ||
	     (err == -EINVAL && offer.name.type == TOPO_NODE));
	MUST(o->n <= ROWS);
}

static void withdraw(struct input *in)
{
	struct topo_owner *o = &programs[input_below(in, PROGRAMS)];
	uint32_t before = o->n;
	int err = topo_withdraw(&topo, o, input_u8(in));

	MUST(err == 0 || err == -ENOENT || err == -EPERM);
	MUST(o->n == before - !err);
}

static void read_some(struct topo_sub *sub, struct topo_view *v, bool taken)
{
	static uint8_t buf[2 * TOPO_EVENT_MAX];
	size_t n = topo_fill(&topo.subs, sub, buf, sizeof buf);
	struct topo_event e;
	struct topo_told t;

	MUST((n != 0) == topo_has(sub));
	if (!taken)
		return;
	topo_taken(&topo.subs, sub);
	for (size_t at = 0; at < n;) {
		int len = topo_event_parse(buf + at, n - at, &e);

		MUST(len > 0);
		at += (size_t)len;
		MUST(e.usr == sub->request.usr);
		MUST(!v || topo_view_event(v, &e) == 0);
		while (v && topo_view_next(v, &t))
			;
	}
}

static void read_one(struct input *in)
{
	unsigned i = input_below(in, SUBS);
	bool taken = input_below(in, 4);

	if (subs[i])
		read_some(subs[i], NULL, taken);
}

static void cancel(struct input *in)
{
	unsigned i = input_below(in, SUBS);

	if (subs[i])
		topo_cancel(&topo.subs, subs[i]);
	subs[i] = NULL;
}

static void attach(void)
{
	struct topo_request r;

	topo_view_request(&view, &r);
	MUST(topo_subscribe(&topo.subs, &r, now_ns, NULL, &watched) == 0);
}

static void act(struct input *in)
{
	switch (input_below(in, 10)) {
	case 0:
	case 1:
		subscribe(in);
		break;
	case 2:
	case 3:
		publish(in);
		break;
	case 4:
		withdraw(in);
		break;
	case 5:
		read_one(in);
		break;
	case 6:
		cancel(in);
		break;
	case 7:
		topo_leave(&topo, &programs[input_below(in, PROGRAMS)]);
		break;
	case 8:
		now_ns += input_u16(in) * UINT64_C(100000);
		topo_tick(&topo.subs, now_ns);
		break;
	default:
		if (input_below(in, 4)) {
			read_some(watched, &view, true);
		} else {
			topo_cancel(&topo.subs, watched);
			topo_view_lost(&view);
			attach();
		}
		break;
	}
	while (topo_pull(&topo.subs))
		;
}

/* The view knows all that is there. */
static void over(void)
{
	while (topo_has(watched))
		read_some(watched, &view, true);
	MUST(view.n_told == topo_table_n(&topo.table));
	list_each(struct topo_row, row, &topo.table.order, order)
		MUST(!row->owner || topo_view_find(&view, &row->id));
	for (unsigned i = 0; i < PROGRAMS; i++)
		topo_leave(&topo, &programs[i]);
	while (topo_has(watched))
		read_some(watched, &view, true);
	MUST(view.n_told == 0);
	topo_view_fini(&view);
	topo_fini(&topo);
	MUST(blocks == 0);
	memset(subs, 0, sizeof subs);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	struct topo_config cfg = {
		.limits = { .log_entries = 5, .max_publications = 12, .max_subscriptions = SUBS },
		.memory = memory, .epoch = 1, .own_incarnation = 2, .own_node = NODE,
		.first_pub = UINT32_MAX - 3, .first_index = UINT32_MAX - 3,
	};
	struct topo_view_config all = {
		.request = { .name = { TOPO_TYPE_ANY, 0, UINT32_MAX },
			     .timeout_ms = TOPO_TIMEOUT_NONE },
		.memory = memory, .max_rows = 12, .server_node = NODE,
	};

	now_ns = 1;
	MUST(topo_init(&topo, &cfg) == 0 && topo_view_init(&view, &all) == 0);
	for (unsigned i = 0; i < PROGRAMS; i++)
		topo_owner_init(&programs[i], &topo, TOPO_LOCAL, ROWS);
	attach();
	while (in.left)
		act(&in);
	over();
	return 0;
}

#include "tests/fuzz/replay.h"
