/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Formats and limits log lines. Knows nothing of where they go.
 */
#include "lowcomms/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/node.h"

struct line {
	char text[LOG_LINE_MAX];
	size_t len;
};

static void add_v(struct line *l, const char *fmt, va_list ap)
{
	int n;

	if (l->len + 1 >= sizeof l->text)
		return;
	n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, ap);
	if (n > 0)
		l->len += (size_t)n;
	if (l->len >= sizeof l->text)
		l->len = sizeof l->text - 1;
}

__attribute__((format(printf, 2, 3)))
static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_v(l, fmt, ap);
	va_end(ap);
}

bool log_wanted(const struct sinew_node *n, enum sinew_level level)
{
	return n->opt.log && level <= n->opt.log_level;
}

void log_line(const struct sinew_node *n, enum sinew_level level, const char *fmt, ...)
{
	struct line l = { .len = 0 };
	va_list ap;

	if (!log_wanted(n, level))
		return;
	va_start(ap, fmt);
	add_v(&l, fmt, ap);
	va_end(ap);
	lock_order_none();
	n->opt.log(n->opt.log_user, level, l.text);
}

_Static_assert(LOG_SLOTS == 1 << (64 - 57), "slot_of() takes the top bits");

static bool window_over(const struct sinew_node *n, const struct log_slot *s)
{
	return n->core.now_ns - s->since_ns >= LOG_WINDOW_NS;
}

/* Where lines of a kind are counted. Kinds that find no place share one, and its limit. */
static struct log_slot *slot_of(struct sinew_node *n, const char *kind, uint32_t nodeid)
{
	uint64_t h = ((uintptr_t)kind ^ (uint64_t)nodeid << 32) * 0x9e3779b97f4a7c15u;
	unsigned first = (unsigned)(h >> 57);
	struct log_slot *spare = NULL;

	for (unsigned i = 0; i < LOG_TRIES; i++) {
		struct log_slot *s = &n->log.slots[(first + i) % LOG_SLOTS];

		if (s->text == kind && s->nodeid == nodeid)
			return s;
		if (!spare && (!s->text || window_over(n, s)))
			spare = s;
	}
	if (!spare)
		return &n->log.slots[first];
	*spare = (struct log_slot) { .text = kind, .nodeid = nodeid, .since_ns = n->core.now_ns };
	return spare;
}

/* Whether one more line of that kind may go out; then how many did not. */
static bool allowed(struct sinew_node *n, const char *kind, uint32_t nodeid, unsigned *ret_left_out)
{
	struct log_slot *s = slot_of(n, kind, nodeid);

	*ret_left_out = 0;
	if (window_over(n, s)) {
		*ret_left_out = s->suppressed;
		s->since_ns = n->core.now_ns;
		s->n = s->suppressed = 0;
	}
	if (s->n >= LOG_BURST) {
		s->suppressed++;
		return false;
	}
	s->n++;
	return true;
}

static void put(struct sinew_node *n, enum sinew_level level, struct line *l, unsigned left_out)
{
	if (left_out)
		add(l, " suppressed=%u", left_out);
	lock_order_none();
	n->opt.log(n->opt.log_user, level, l->text);
}

void log_limited(struct sinew_node *n, enum sinew_level level, uint32_t nodeid, const char *kind,
		 const char *fmt, ...)
{
	struct line l = { .len = 0 };
	unsigned left_out;
	va_list ap;

	if (!log_wanted(n, level) || !allowed(n, kind, nodeid, &left_out))
		return;
	if (nodeid)
		add(&l, "peer=%" PRIu32 " ", nodeid);
	va_start(ap, fmt);
	add_v(&l, fmt, ap);
	va_end(ap);
	put(n, level, &l, left_out);
}

static enum sinew_level level_of(enum note_level level)
{
	switch (level) {
	case NOTE_ERROR:	return SINEW_ERROR;
	case NOTE_WARNING:	return SINEW_WARNING;
	case NOTE_INFO:		return SINEW_INFO;
	case NOTE_DEBUG:	return SINEW_DEBUG;
	}
	return SINEW_DEBUG;
}

static void format_note(struct line *l, const struct note *note)
{
	char text[ADDR_TEXT_MAX];

	if (note->nodeid)
		add(l, "peer=%" PRIu32 " ", note->nodeid);
	if (!path_addr_none(&note->addr))
		add(l, "addr=%s ", addr_text(&note->addr, text));
	if (note->fsm)
		add(l, "%s --%s--> %s", fsm_state_name(note->from), fsm_event_name(note->event),
		    fsm_state_name(note->to));
	else
		add(l, "%s", note->text);
	if (!path_addr_none(&note->other))
		add(l, " %s", addr_text(&note->other, text));
	if (note->a_name)
		add(l, " %s=%" PRIu64, note->a_name, note->a);
	if (note->b_name)
		add(l, " %s=%" PRIu64, note->b_name, note->b);
	if (note->detail)
		add(l, ": %s", note->detail);
}

/* The last refusal by or of a peer, for sinew_last_refusal(). */
static void remember_refusal(struct sinew_node *n, const struct note *note, const struct line *l)
{
	struct member *m;

	mutex_lock(&n->lock, LOCK_DIRECTORY);
	m = member_find(n, note->nodeid);
	if (m)
		snprintf(m->refusal, sizeof m->refusal, "%.*s", REFUSAL_MAX - 1, l->text);
	mutex_unlock(&n->lock, LOCK_DIRECTORY);
}

void log_note(struct sinew_node *n, const struct note *note)
{
	enum sinew_level level = level_of(note->level);
	bool refusal = note->nodeid && level <= SINEW_WARNING && strstr(note->text, "refuse");
	/* Who is no peer has chosen that number itself: all of them are one to us. */
	uint32_t nodeid = peer_find(&n->core, note->nodeid) ? note->nodeid : 0;
	struct line l = { .len = 0 };
	unsigned left_out = 0;

	if (!refusal && !log_wanted(n, level))
		return;
	format_note(&l, note);
	if (refusal)
		remember_refusal(n, note, &l);
	if (!log_wanted(n, level))
		return;
	/* Transitions are as rare as lives, and whoever wants DEBUG wants all. */
	if (level == SINEW_DEBUG || allowed(n, note->text, nodeid, &left_out))
		put(n, level, &l, left_out);
}
