/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the enemy says and hears; knows nothing of who is at the other end. */
#include "tests/lib/adversary.h"

#include <netinet/tcp.h>

#define CONNECT_MS	1000	/* until a dial stands */

void adversary_init(struct adversary *f, uint32_t nodeid, uint64_t incarnation,
		    const char *cluster)
{
	*f = (struct adversary) { .nodeid = nodeid, .mine = incarnation, .cluster = cluster,
				  .queue = 1 << 20 };
}

void adversary_close(struct adversary *f)
{
	dialled_end(&f->conn, true);
	f->have = 0;
}

void adversary_reset(struct adversary *f)
{
	dialled_end(&f->conn, false);
	f->have = 0;
}

bool adversary_vanish(struct adversary *f)
{
	const int on = 1;
	bool can = f->conn.ops == &dialled_tcp &&
		   setsockopt(f->conn.fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) == 0;

	if (can)
		adversary_close(f);
	return can;
}

bool adversary_dial(struct adversary *f, const struct sockaddr_storage *from,
		    const struct sockaddr_storage *to)
{
	adversary_close(f);
	if (dialled_begin(&f->conn, from, to) && dialled_stands(&f->conn, CONNECT_MS))
		return true;
	adversary_reset(f);
	return false;
}

struct adversary adversary_again(const struct adversary *f)
{
	struct adversary again = *f;

	again.conn = (struct dialled) { .ops = NULL };
	again.have = 0;
	return again;
}

bool adversary_put(struct adversary *f, const void *data, size_t n)
{
	const uint8_t *p = data;
	int64_t end = now_ms() + 1000;

	while (n) {
		ssize_t put = dialled_write(&f->conn, p, n);

		if (put > 0) {
			p += put;
			n -= (size_t)put;
		} else if (put != -EAGAIN || now_ms() >= end) {
			return false;
		} else {
			dialled_wait(&f->conn, POLLOUT, 10);
		}
	}
	return true;
}

/* ---- what it says ---- */

struct hello adversary_hello_of(const struct adversary *f, uint64_t yours)
{
	struct hello h = {
		.mine = f->mine, .yours = yours, .next = f->expected, .gen = f->gen,
		.vmin = WIRE_NATIVE_VERSION, .vmax = WIRE_NATIVE_VERSION,
		.maxframe = WIRE_FRAME_MAX, .max_message = 1 << 20, .queue_bytes = f->queue,
		.group = "sinew",
	};

	strncpy(h.cluster, f->cluster, sizeof h.cluster - 1);
	return h;
}

bool adversary_hello(struct adversary *f, uint64_t yours)
{
	struct hello h = adversary_hello_of(f, yours);
	uint8_t buf[WIRE_CONTROL_MAX];

	return adversary_put(f, buf, wire_put_hello(buf, f->nodeid, &h));
}

/* ---- what it hears ---- */

int adversary_frame(struct adversary *f, struct frame *ret, size_t *used, int64_t ms)
{
	int64_t end = now_ms() + ms;

	memmove(f->in, f->in + *used, f->have - *used);
	f->have -= *used;
	*used = 0;
	for (;;) {
		int n = f->have ? frame_length(f->in, f->have) : 0;
		ssize_t got;

		if (n < 0)
			return -1;
		if (n && (size_t)n <= f->have) {
			*used = (size_t)n;
			return frame_parse(f->in, (size_t)n, ret) ? -1 : 1;
		}
		got = dialled_read(&f->conn, f->in + f->have, sizeof f->in - f->have);
		if (got > 0) {
			f->have += (size_t)got;
			continue;
		}
		if (got != -EAGAIN)
			return -1;
		if (now_ms() >= end)
			return 0;
		dialled_wait(&f->conn, POLLIN, 10);
	}
}

bool adversary_ended(struct adversary *f)
{
	uint8_t waste[4096];
	ssize_t got;

	do
		got = dialled_read(&f->conn, waste, sizeof waste);
	while (got > 0);
	return got != -EAGAIN;
}

int adversary_answer(struct adversary *f, struct hello *h, struct refuse *r, int64_t ms)
{
	struct frame fr;
	size_t used = 0;
	int got = adversary_frame(f, &fr, &used, ms), kind = 0;

	if (got == 1 && fr.nextcmd == WIRE_HELLO && !frame_hello(&fr, h))
		kind = 1;
	else if (got == 1 && fr.nextcmd == WIRE_REFUSE && !frame_refuse(&fr, r))
		kind = 2;
	memmove(f->in, f->in + used, f->have - used);
	f->have -= used;
	return kind ? kind : got < 0 ? -1 : 0;
}

bool adversary_ask(struct adversary *f, int64_t ms)
{
	struct hello h;
	struct refuse r;

	if (!adversary_hello(f, 0) || adversary_answer(f, &h, &r, ms) != 1)
		return false;
	f->yours = h.mine;
	return true;
}

bool adversary_up(struct adversary *f, int64_t ms)
{
	int64_t end = now_ms() + ms;
	struct hello h;
	struct refuse r;
	int got;

	if (!f->yours && !adversary_ask(f, ms))
		return false;
	if (!adversary_hello(f, f->yours))
		return false;
	/* An incarnation that it did not know is asked once more. */
	while (now_ms() < end &&
	       (got = adversary_answer(f, &h, &r, end - now_ms())) > 0) {
		if (got == 2) {
			f->gen = r.reason == WIRE_REFUSE_STALE ? r.gen : f->gen;
			return false;
		}
		if (h.flags & WIRE_HELLO_CHOSEN) {
			f->next = h.next;
			f->gen = h.gen;
			return true;
		}
		f->yours = h.mine;
		if (!adversary_hello(f, f->yours))
			return false;
	}
	return false;
}
