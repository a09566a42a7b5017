/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The phases of "sinew cat": wait for targets, send, finish, close.
 * Knows nothing of descriptors but through input, output and node.
 */
#include "tools/cat/cat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lowcomms/sinew-test.h"
#include "tools/notify.h"
#include "tools/say.h"

#define PIECES_A_STEP	4096	/* then the node has its turn */
#define BYTES_A_STEP	(1 << 20)

void cat_close(struct cat *c, uint32_t linger_ms)
{
	size_t left;

	if (c->phase >= CAT_CLOSING)
		return;
	left = input_stop(&c->input);
	if (left)
		say(SINEW_WARNING, "%zu bytes of standard input read, but not sent to all targets",
		    left);
	c->phase = CAT_CLOSING;
	notify("STOPPING=1");
	sinew_close(c->node, (int)linger_ms);
}

void cat_end_input(struct cat *c)
{
	size_t left = input_stop(&c->input);
	unsigned i;

	if (left)
		say(SINEW_WARNING, "%zu bytes of standard input read, but not sent to all targets",
		    left);
	c->phase = CAT_FINISHING;
	c->progress_ns = c->now_ns;
	c->progress_left = UINT64_MAX;
	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].session)
			sinew_session_finish(c->peers[i].session);
}

/* ---- waiting ---- */

static void say_not_up(struct cat *c, const struct cat_peer *p, const char *since)
{
	const char *name = sinew_config_name(c->cluster.config, p->nodeid);
	char why[256] = "";

	sinew_last_refusal(c->node, p->nodeid, why, sizeof(why));
	say(SINEW_ERROR, "node %" PRIu32 "%s%s%s %s: nothing was sent%s%s", p->nodeid,
	    *name ? " (" : "", name, *name ? ")" : "", since, *why ? "; " : "", why);
}

void cat_say_not_up(struct cat *c, const char *since)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].is_target && !c->peers[i].session)
			say_not_up(c, &c->peers[i], since);
}

static bool targets_are_up(const struct cat *c)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].is_target && !c->peers[i].session)
			return false;
	return true;
}

static void give_up_waiting(struct cat *c)
{
	char since[64];

	snprintf(since, sizeof(since), "is not up after %" PRIu32 ".%03" PRIu32 " s",
		 c->args.wait_ms / 1000, c->args.wait_ms % 1000);
	cat_say_not_up(c, since);
	cat_set_status(c, STATUS_NOT_UP);
	cat_close(c, c->args.linger_ms < CAT_LEAVE_MS ? c->args.linger_ms : CAT_LEAVE_MS);
}

/* ---- sending ---- */

/* The longest message that every target takes; 0 if none is up. */
static size_t message_limit(const struct cat *c, uint32_t *ret_nodeid)
{
	size_t limit = 0;
	unsigned i;

	for (i = 0; i < c->n_peers; i++) {
		const struct cat_peer *p = &c->peers[i];
		size_t max;

		if (!p->is_target || !p->session)
			continue;
		max = sinew_session_max_message(p->session);
		if (limit && max >= limit)
			continue;
		limit = max;
		*ret_nodeid = p->nodeid;
	}
	return limit;
}

static void refuse_input(struct cat *c, const char *text)
{
	say(SINEW_ERROR, "%s; delivering earlier input only", text);
	cat_set_status(c, STATUS_USAGE);
	cat_end_input(c);
}

static void refuse_piece(struct cat *c, size_t len, size_t limit, uint32_t nodeid)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %" PRIu64 " of standard input is too long: %zu bytes%s, "
		 "node %" PRIu32 " accepts messages up to %zu (max_message)",
		 c->args.chunk ? "piece" : "line", c->input.number, len,
		 c->args.chunk ? "" : " or more", nodeid, limit);
	refuse_input(c, text);
}

/* 0: it has the piece, or needs none. -EAGAIN: later. -EMSGSIZE. */
static int offer(struct cat *c, struct cat_peer *p, const char *data, size_t len)
{
	int rc;

	if (!p->is_target || p->has_taken || p->is_leaving || !p->session)
		return 0;
	rc = sinew_send(p->session, data, len);
	if (rc == -EAGAIN || rc == -EMSGSIZE)
		return rc;
	p->has_taken = true;
	if (!rc || rc == -ESTALE)
		return 0;
	p->is_leaving = true;
	say(SINEW_WARNING, "node %" PRIu32 " accepts no more messages: %s", p->nodeid,
	    rc == -ESHUTDOWN ? "leaving" : sinew_error_name(rc));
	cat_peer_lose(c, p);
	return 0;
}

static bool a_target_is_lost(const struct cat *c)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].is_lost)
			return true;
	return false;
}

/* One piece to all targets: 1 done, 0 somebody has no room, or negative. */
static int send_piece(struct cat *c, const char *data, size_t len)
{
	bool is_full = false;
	unsigned i;

	for (i = 0; i < c->n_peers; i++) {
		int rc = offer(c, &c->peers[i], data, len);

		if (rc == -EMSGSIZE)
			return rc;
		if (rc == -EAGAIN)
			is_full = true;
	}
	if (is_full)
		return 0;
	for (i = 0; i < c->n_peers; i++)
		c->peers[i].has_taken = false;
	return 1;
}

static void note_blocked(struct cat *c)
{
	c->is_blocked = true;
	if (c->blocked_since_ns == CLOCK_NEVER)
		c->blocked_since_ns = c->now_ns;
}

static void say_blocked(struct cat *c)
{
	char line[512] = "";
	size_t len = 0;
	unsigned i;

	for (i = 0; i < c->n_peers && len + 80 < sizeof(line); i++) {
		struct cat_peer *p = &c->peers[i];
		struct sinew_status s = { .size = sizeof(s) };

		if (!p->is_target || p->has_taken || !p->session ||
		    sinew_session_status(p->session, &s))
			continue;
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%snode %" PRIu32 " (%s)",
					len ? ", " : "", p->nodeid,
					!s.link_up ? "connection down" :
					s.peer_paused ? "not reading" : "slow reader");
	}
	c->told_blocked = true;
	if (len)
		say(SINEW_WARNING, "standard input paused: queue full for %s", line);
	else
		say(SINEW_WARNING, "standard input paused: no target up");
}

/* As many pieces as the targets take, but not so many that the node waits. */
static void send_pieces(struct cat *c)
{
	size_t bytes = 0;
	unsigned n;

	for (n = 0; n < PIECES_A_STEP && bytes < BYTES_A_STEP; n++) {
		const char *data = NULL;
		uint32_t nodeid = 0;
		size_t len = 0;
		int rc;

		c->input.limit = message_limit(c, &nodeid);
		if (!c->input.limit)
			return note_blocked(c);
		rc = input_peek(&c->input, &data, &len);
		if (rc == 1)
			rc = send_piece(c, data, len);
		else if (!rc)
			return;
		if (rc == -EMSGSIZE)
			return refuse_piece(c, len, c->input.limit, nodeid);
		if (!rc)
			return note_blocked(c);
		c->blocked_since_ns = CLOCK_NEVER;
		c->told_blocked = false;
		input_take(&c->input, len);
		bytes += len;
		if (a_target_is_lost(c))
			return;
	}
}

static void check_chunk(struct cat *c)
{
	uint32_t nodeid = 0;
	size_t limit = message_limit(c, &nodeid);

	if (!limit || c->args.chunk <= limit)
		return;
	say(SINEW_ERROR, "--chunk: found %zu, node %" PRIu32 " accepts messages up to %zu "
	    "(max_message): nothing was sent", c->args.chunk, nodeid, limit);
	cat_set_status(c, STATUS_USAGE);
	cat_end_input(c);
}

static bool has_piece(struct cat *c)
{
	const char *data;
	size_t len;

	return input_peek(&c->input, &data, &len) != 0;
}

static void step_sending(struct cat *c)
{
	if (!c->is_blocked)
		send_pieces(c);
	if (c->phase != CAT_SENDING)
		return;
	if (a_target_is_lost(c)) {
		say(SINEW_WARNING, "stopped reading standard input: a target failed "
		    "(--keep-going continues)");
		cat_end_input(c);
		return;
	}
	if (c->input.ended && !has_piece(c)) {
		cat_end_input(c);
		return;
	}
	if (c->blocked_since_ns != CLOCK_NEVER && !c->told_blocked &&
	    c->now_ns >= c->blocked_since_ns + CAT_SAY_BLOCKED_MS * CLOCK_MS)
		say_blocked(c);
}

/* ---- finishing ---- */

/* Bytes not acknowledged by peers: they only become fewer now. */
static uint64_t bytes_left(const struct cat *c)
{
	uint64_t left = 0;
	unsigned i;

	for (i = 0; i < c->n_peers; i++) {
		struct sinew_status s = { .size = sizeof(s) };

		if (c->peers[i].session && !sinew_session_status(c->peers[i].session, &s))
			left += s.unacked ? s.queue_bytes + s.unacked : 0;
	}
	return left;
}

/* The linger time counts from the last progress: who is slow is not cut off. */
static void step_finishing(struct cat *c)
{
	uint64_t left;

	if (!cat_peers_finished(c)) {
		c->progress_ns = c->now_ns;
		return;
	}
	left = bytes_left(c);
	if (left < c->progress_left || !left)
		c->progress_ns = c->now_ns;
	c->progress_left = left;
	if (!left)
		cat_close(c, c->args.linger_ms);
	else if (c->now_ns >= c->progress_ns + c->args.linger_ms * CLOCK_MS)
		cat_close(c, 0);
}

static bool somebody_finished(const struct cat *c)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].was_up && (c->peers[i].has_finished || !c->peers[i].session))
			return true;
	return false;
}

/* ---- all ---- */

static void step_break(struct cat *c)
{
	if (!c->args.break_ms || c->now_ns < c->next_break_ns)
		return;
	c->next_break_ns = c->now_ns + c->args.break_ms * CLOCK_MS;
	sinew_break(c->node, 0);
}

void cat_step(struct cat *c)
{
	fence_step(&c->fence, c->now_ns);
	step_break(c);
	if (c->phase == CAT_WAITING && targets_are_up(c)) {
		c->phase = CAT_SENDING;
		check_chunk(c);
	}
	if (c->phase == CAT_WAITING && c->now_ns >= c->wait_until_ns)
		give_up_waiting(c);
	if (c->phase == CAT_RECEIVING && !c->args.keep_going && somebody_finished(c))
		cat_end_input(c);
	if (c->phase == CAT_SENDING)
		step_sending(c);
	if (c->phase == CAT_FINISHING)
		step_finishing(c);
}

bool cat_wants_input(struct cat *c)
{
	return c->phase == CAT_SENDING && !c->is_blocked && !c->input.ended && !has_piece(c);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t cat_deadline(struct cat *c)
{
	uint64_t when = fence_deadline(&c->fence);

	if (c->phase == CAT_SENDING && !c->is_blocked && has_piece(c))
		return c->now_ns;

	if (c->args.break_ms)
		when = earlier(when, c->next_break_ns);
	if (c->phase == CAT_WAITING)
		when = earlier(when, c->wait_until_ns);
	if (c->phase == CAT_SENDING && c->blocked_since_ns != CLOCK_NEVER && !c->told_blocked)
		when = earlier(when, c->blocked_since_ns + CAT_SAY_BLOCKED_MS * CLOCK_MS);
	if (c->phase == CAT_FINISHING && cat_peers_finished(c))
		when = earlier(when, c->progress_ns + c->args.linger_ms * CLOCK_MS);
	return when;
}
