/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Formats and limits log lines. Knows nothing of where they go.
 */
#include "lowcomms/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lowcomms/addr.h"
#include "lowcomms/lock_order.h"
#include "lowcomms/options.h"
#include "proto/fsm.h"

static void add_v(struct log_text *l, const char *fmt, va_list ap)
{
	int n;

	assert(l->len < sizeof l->text);
	n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, ap);
	if (n > 0)
		l->len += (size_t)n;
	if (l->len >= sizeof l->text)
		l->len = sizeof l->text - 1;
}

__attribute__((format(printf, 2, 3)))
static void add(struct log_text *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_v(l, fmt, ap);
	va_end(ap);
}

static bool user_wants(const struct log *log, enum sinew_level level)
{
	return log->opt->log && level <= OPTION_LIVE(log->opt->log_level);
}

bool log_wanted(const struct log *log, enum sinew_level level)
{
	assert(level <= SINEW_DEBUG);
	return (log->lately && level <= LATELY_LEVEL) || user_wants(log, level);
}

static void put(const struct log *log, enum sinew_level level, struct log_text *l,
		unsigned left_out)
{
	assert(l->len < sizeof l->text);
	if (left_out)
		add(l, " suppressed=%u", left_out);
	lock_order_none();
	if (log->lately && level <= LATELY_LEVEL)
		lately_add(log->lately, level, l->text);
	if (user_wants(log, level))
		log->opt->log(log->opt->log_user, level, l->text);
}

void log_line(const struct log *log, enum sinew_level level, const char *fmt, ...)
{
	struct log_text l = { .len = 0 };
	va_list ap;

	if (!log_wanted(log, level))
		return;
	va_start(ap, fmt);
	add_v(&l, fmt, ap);
	va_end(ap);
	put(log, level, &l, 0);
}

_Static_assert(LOG_SLOTS == 1 << (64 - 57), "slot_of() takes the top bits");

static bool is_quiet(const struct log *log, const struct log_slot *s)
{
	return *log->now_ns - s->last_ns >= LOG_WINDOW_NS;
}

static bool window_over(const struct log *log, const struct log_slot *s)
{
	return is_quiet(log, s) || *log->now_ns - s->since_ns >= s->window_ns;
}

/*
 * A refused node dials until somebody corrects its configuration, perhaps for a week: the window of
 * a warning that repeats doubles. Lines about links that come and go are less severe and keep the
 * shortest window, so that the log shows the present state of a link.
 */
static uint64_t next_window_ns(const struct log *log, enum sinew_level level,
			       const struct log_slot *s)
{
	assert(s->window_ns >= LOG_WINDOW_NS && s->window_ns <= LOG_WINDOW_MAX_NS);
	if (level > SINEW_WARNING || is_quiet(log, s) || s->n + s->suppressed < LOG_BURST / 2)
		return LOG_WINDOW_NS;
	return s->window_ns < LOG_WINDOW_MAX_NS ? 2 * s->window_ns : s->window_ns;
}

/* Where lines of a kind are counted. Kinds that find no place share one, and its limit. */
static struct log_slot *slot_of(struct log *log, const char *kind, uint32_t nodeid)
{
	uint64_t h = ((uintptr_t)kind ^ (uint64_t)nodeid << 32) * 0x9e3779b97f4a7c15u;
	unsigned first = (unsigned)(h >> 57);
	struct log_slot *spare = NULL;

	assert(kind && first < LOG_SLOTS);
	for (unsigned i = 0; i < LOG_TRIES; i++) {
		struct log_slot *s = &log->slots[(first + i) % LOG_SLOTS];

		if (s->text == kind && s->nodeid == nodeid)
			return s;
		if (!spare && (!s->text || window_over(log, s)))
			spare = s;
	}
	if (!spare)
		return &log->slots[first];
	*spare = (struct log_slot) {
		.text = kind, .nodeid = nodeid, .since_ns = *log->now_ns,
		.last_ns = *log->now_ns, .window_ns = LOG_WINDOW_NS,
	};
	return spare;
}

/* Whether one more line of that kind may go out; then how many did not. */
static bool allowed(struct log *log, enum sinew_level level, const char *kind, uint32_t nodeid,
		    unsigned *ret_left_out)
{
	struct log_slot *s = slot_of(log, kind, nodeid);

	assert(s->n <= LOG_BURST && s->text);
	*ret_left_out = 0;
	if (window_over(log, s)) {
		*ret_left_out = s->suppressed;
		s->window_ns = next_window_ns(log, level, s);
		s->since_ns = *log->now_ns;
		s->n = s->suppressed = 0;
	}
	s->last_ns = *log->now_ns;
	if (s->n >= LOG_BURST) {
		s->suppressed++;
		return false;
	}
	s->n++;
	return true;
}

void log_limited(struct log *log, enum sinew_level level, uint32_t nodeid, const char *kind,
		 const char *fmt, ...)
{
	struct log_text l = { .len = 0 };
	unsigned left_out;
	va_list ap;

	if (!log_wanted(log, level) || !allowed(log, level, kind, nodeid, &left_out))
		return;
	if (nodeid)
		add(&l, "peer=%" PRIu32 " ", nodeid);
	va_start(ap, fmt);
	add_v(&l, fmt, ap);
	va_end(ap);
	put(log, level, &l, left_out);
}

void log_note_text(const struct note *note, struct log_text *l)
{
	char text[ADDR_TEXT_MAX];

	assert(note->fsm || note->text);
	l->len = 0;
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
	assert(l->len < sizeof l->text);
}

void log_note(struct log *log, const struct note *note, uint32_t nodeid, struct log_text *l)
{
	enum sinew_level level = (enum sinew_level)note->level;
	unsigned left_out = 0;

	if (!log_wanted(log, level))
		return;
	/* Transitions are as rare as incarnations, and whoever wants DEBUG wants all. */
	if (level != SINEW_DEBUG && !allowed(log, level, note->text, nodeid, &left_out))
		return;
	put(log, level, l, left_out);
}
