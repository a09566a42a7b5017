/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of lowcomms/log.c alone, under a clock of its own: the text of a line, its
 * length, what each kind may say in a window, kinds that find no place. Knows no node.
 */
#include <stdio.h>
#include <string.h>

#include "lowcomms/log.h"
#include "tests/lib/check.h"

static char said[2 * LOG_LINE_MAX];
static enum sinew_level said_level;
static unsigned n_said;

static void hear(void *user, enum sinew_level level, const char *line)
{
	n_said += user == said;
	said_level = level;
	snprintf(said, sizeof said, "%s", line);
}

static uint64_t now;
static struct sinew_options opt;
static struct log log_;

static void begin(enum sinew_level level)
{
	memset(&opt, 0, sizeof opt);
	opt.log = hear;
	opt.log_user = said;
	opt.log_level = level;
	log_ = (struct log) { .opt = &opt, .now_ns = &now };
	now = 5 * (uint64_t)LOG_WINDOW_NS;
	n_said = 0;
	said[0] = '\0';
}

static void a_level_is_wanted_or_not(void)
{
	begin(SINEW_WARNING);
	log_line(&log_, SINEW_INFO, "no");
	CHECK_EQ(n_said, 0);
	log_line(&log_, SINEW_WARNING, "%s %u", "yes", 1);
	CHECK_EQ(n_said, 1);
	CHECK_EQ(said_level, SINEW_WARNING);
	CHECK_STR(said, "yes 1");
	log_limited(&log_, SINEW_INFO, 0, "kind", "no");
	CHECK_EQ(n_said, 1);
	opt.log = NULL;
	log_line(&log_, SINEW_ERROR, "nobody hears it");
	CHECK_EQ(n_said, 1);
}

static void long_lines_are_cut(void)
{
	char text[LOG_LINE_MAX + 10];

	begin(SINEW_DEBUG);
	memset(text, 'x', sizeof text);
	text[LOG_LINE_MAX - 1] = '\0';
	log_line(&log_, SINEW_INFO, "%s", text);
	CHECK_EQ(strlen(said), LOG_LINE_MAX - 1);
	text[LOG_LINE_MAX - 1] = 'x';
	text[LOG_LINE_MAX] = '\0';
	log_line(&log_, SINEW_INFO, "%s", text);
	CHECK_EQ(strlen(said), LOG_LINE_MAX - 1);
	log_limited(&log_, SINEW_INFO, 7, "kind", "%s", text);
	CHECK_EQ(strlen(said), LOG_LINE_MAX - 1);
	CHECK(!strncmp(said, "peer=7 xxx", 10));
}

static void a_kind_has_its_window(void)
{
	static const char kind[] = "kind";

	begin(SINEW_INFO);
	for (unsigned i = 0; i < LOG_BURST + 3; i++)
		log_limited(&log_, SINEW_INFO, 7, kind, "line %u", i);
	CHECK_EQ(n_said, LOG_BURST);
	CHECK_STR(said, "peer=7 line 9");
	log_limited(&log_, SINEW_INFO, 8, kind, "of another peer");
	CHECK_STR(said, "peer=8 of another peer");
	log_limited(&log_, SINEW_INFO, 0, kind, "of nobody");
	CHECK_STR(said, "of nobody");
	CHECK_EQ(n_said, LOG_BURST + 2);
	now += LOG_WINDOW_NS - 1;
	log_limited(&log_, SINEW_INFO, 7, kind, "too early");
	CHECK_EQ(n_said, LOG_BURST + 2);
	now++;
	log_limited(&log_, SINEW_INFO, 7, kind, "again");
	CHECK_STR(said, "peer=7 again suppressed=4");
	for (unsigned i = 1; i < LOG_BURST; i++)
		log_limited(&log_, SINEW_INFO, 7, kind, "line");
	CHECK_EQ(n_said, 2 * LOG_BURST + 2);
	CHECK_STR(said, "peer=7 line");
	log_limited(&log_, SINEW_INFO, 7, kind, "too many");
	CHECK_EQ(n_said, 2 * LOG_BURST + 2);
	now += LOG_WINDOW_NS;
	log_limited(&log_, SINEW_INFO, 7, kind, "later");
	CHECK_STR(said, "peer=7 later suppressed=1");
}

/* One a second for two hours, as of a node that is refused; then it was mended. */
static void warnings_that_go_on_become_rare(void)
{
	const uint64_t second = 1000000000u;
	unsigned before;

	begin(SINEW_INFO);
	for (unsigned i = 0; i < 3600; i++, now += second)
		log_limited(&log_, SINEW_WARNING, 7, "kind", "w");
	CHECK(n_said >= 40 * LOG_BURST && n_said <= 50 * LOG_BURST);
	before = n_said;
	for (unsigned i = 0; i < 3600; i++, now += second)
		log_limited(&log_, SINEW_WARNING, 7, "kind", "w");
	CHECK(n_said > before && n_said - before <= 46 * LOG_BURST);
	before = n_said;
	now += LOG_WINDOW_NS;
	for (unsigned i = 0; i < LOG_BURST; i++)
		log_limited(&log_, SINEW_WARNING, 7, "kind", "w");
	CHECK_EQ(n_said, before + LOG_BURST);
	now += LOG_WINDOW_NS - 1;
	log_limited(&log_, SINEW_WARNING, 7, "kind", "w");
	CHECK_EQ(n_said, before + LOG_BURST);
}

static void links_that_go_on_are_told(void)
{
	begin(SINEW_INFO);
	for (unsigned i = 0; i < 3600; i++, now += 1000000000u)
		log_limited(&log_, SINEW_INFO, 7, "kind", "i");
	CHECK_EQ(n_said, 3600);
}

/* More kinds than there are places: each is heard or counted, and no two windows mix for long. */
static void kinds_without_a_place_share_one(void)
{
	const unsigned many = 8 * LOG_SLOTS;
	unsigned first;

	begin(SINEW_INFO);
	for (unsigned k = 0; k < 3 * LOG_BURST; k++)
		for (uint32_t i = 1; i <= many; i++)
			log_limited(&log_, SINEW_INFO, i, "kind", "x");
	CHECK(n_said <= LOG_SLOTS * LOG_BURST);
	CHECK(n_said > LOG_SLOTS / 2 * LOG_BURST);
	first = n_said;
	now += LOG_WINDOW_NS;
	for (uint32_t i = many + 1; i <= many + 8; i++)
		log_limited(&log_, SINEW_INFO, i, "kind", "y");
	CHECK_EQ(n_said, first + 8);
}

static void notes_have_a_form(void)
{
	struct note note = { .level = NOTE_INFO, .text = "text" };
	struct log_text text;

	log_note_text(&note, &text);
	CHECK_STR(text.text, "text");
	CHECK_EQ(text.len, 4);
	note = (struct note) {
		.level = NOTE_INFO, .text = "to", .nodeid = 7, .a_name = "a", .a = 1,
		.b_name = "b", .b = UINT64_MAX, .detail = "why",
		.addr = { .ip = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 }, .port = 5 },
		.other = { .ip = { [15] = 1 }, .port = 6 },
	};
	log_note_text(&note, &text);
	CHECK_STR(text.text, "peer=7 addr=127.0.0.1:5 to [::1]:6 a=1 b=18446744073709551615: why");
	note.addr.port = 0;
	note.other = (struct path_addr) { .port = 0 };
	note.fsm = true;
	note.from = FSM_ESTABLISHED;
	note.to = FSM_CLOSED;
	note.event = FSM_CLOSE;
	log_note_text(&note, &text);
	CHECK_STR(text.text, "peer=7 addr=127.0.0.1:0 ESTABLISHED --CLOSE--> CLOSED a=1 "
		  "b=18446744073709551615: why");
}

static void notes_are_limited_but_for_debug(void)
{
	struct note note = { .level = NOTE_INFO, .text = "text" };
	struct log_text text;

	begin(SINEW_DEBUG);
	for (unsigned i = 0; i < LOG_BURST + 5; i++) {
		log_note_text(&note, &text);
		log_note(&log_, &note, 0, &text);
	}
	CHECK_EQ(n_said, LOG_BURST);
	note.level = NOTE_DEBUG;
	for (unsigned i = 0; i < LOG_BURST + 5; i++) {
		log_note_text(&note, &text);
		log_note(&log_, &note, 0, &text);
	}
	CHECK_EQ(n_said, 2 * LOG_BURST + 5);
	CHECK_EQ(said_level, SINEW_DEBUG);
	CHECK_STR(said, "text");
	opt.log_level = SINEW_INFO;
	log_note(&log_, &note, 0, &text);
	CHECK_EQ(n_said, 2 * LOG_BURST + 5);
}

int main(void)
{
	RUN(a_level_is_wanted_or_not);
	RUN(long_lines_are_cut);
	RUN(a_kind_has_its_window);
	RUN(warnings_that_go_on_become_rare);
	RUN(links_that_go_on_are_told);
	RUN(kinds_without_a_place_share_one);
	RUN(notes_have_a_form);
	RUN(notes_are_limited_but_for_debug);
	return check_done();
}
