/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of options of calls that change in a node that runs: each row of
 * services/call_options.def is set and read back under calls, and seen at work by both sides.
 * run.sh: timeout=60
 */
#include <inttypes.h>
#include <stdalign.h>

#include "lowcomms/sinew-manage.h"
#include "services/call_options.h"
#include "services/lane.h"
#include "tests/lib/call_pair.h"
#include "tests/lib/option_watch.h"

#define TALKERS	8u

static struct call_pair pair;
static char err[SINEW_OPTION_TEXT_MAX];

static int set(const char *name, const char *text)
{
	return sinew_option_set(pair.t[1].n, &(struct sinew_option_value) { name, text }, 1, err,
				sizeof err);
}

static const char *get(const char *name)
{
	static char buf[SINEW_OPTION_TEXT_MAX];
	int e = sinew_option_get(pair.t[1].n, name, buf, sizeof buf);

	if (e)
		snprintf(buf, sizeof buf, "%s", sinew_error_name(e));
	return buf;
}

/* ---- traffic: calls that are begun again as soon as they have ended ---- */

static uint8_t request[40000], replies[TALKERS][sizeof request];
static struct asked talk[TALKERS];
static unsigned n_done;

static void talk_on(void)
{
	for (unsigned i = 0; i < TALKERS; i++) {
		if (!talk[i].ended && talk[i].request)
			continue;
		if (talk[i].request)
			n_done += CHECK_EQ(talk[i].outcome, SINEW_CALL_DONE);
		talk[i] = (struct asked) {
			.request = request, .len = sizeof request, .reply = replies[i],
			.size = sizeof request,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &talk[i], NULL, 0), 0);
	}
}

static bool all_quiet(void)
{
	return !call_pair_open_calls(&pair);
}

/* ---- each row ---- */

struct row {
	const char *name, *unit;
	uint64_t standard, least, most;
	bool only_less;
};

static const struct row rows[] = {
#define LIVE	false
#define LESS	true
#define NUMBER(key, field, normal, low, high, in, change, says) \
	{ "calls." #field, (in), (normal), (low), (high), (change) },
#include "services/call_options.def"
};

static const char *text_of(uint64_t n)
{
	static char buf[4][24];
	static unsigned turn;
	char *to = buf[turn++ % 4];

	snprintf(to, sizeof buf[0], "%" PRIu64, n);
	return to;
}

static void takes(const struct row *r, uint64_t n)
{
	unsigned was = options_told.n, done = n_done;
	bool is_news = strcmp(get(r->name), text_of(n)) != 0;

	if (!CHECK_EQ(set(r->name, text_of(n)), 0))
		printf("# %s\n", err);
	CHECK_STR(get(r->name), text_of(n));
	DRIVE_CALLS(&pair, (talk_on(), options_told.n == was + is_news && n_done > done + TALKERS));
	if (is_news)
		CHECK_STR(options_told.last, r->name);
}

static void refuses(const struct row *r, uint64_t n, int error)
{
	char before[24];

	snprintf(before, sizeof before, "%s", get(r->name));
	CHECK_EQ(set(r->name, text_of(n)), error);
	CHECK(strstr(err, r->name) && strstr(err, error == -EROFS ? "new start" : "expected"));
	CHECK_STR(get(r->name), before);
}

static void one_row(const struct row *r)
{
	CHECK_STR(get(r->name), text_of(r->standard));
	takes(r, r->least);
	takes(r, r->standard - 1);
	refuses(r, r->least - 1, -EINVAL);
	refuses(r, r->most + 1, -EINVAL);
	if (r->only_less)
		refuses(r, r->standard + 1, -EROFS);
	else
		takes(r, r->most);
	takes(r, r->standard);
	CHECK_EQ(set(r->name, ""), -EINVAL);
	CHECK_EQ(set(r->name, "-1"), -EINVAL);
	CHECK_EQ(set(r->name, "100x"), -EINVAL);
}

static void they_are_described(void)
{
	struct sinew_option_info info = { .size = sizeof info };
	struct { struct sinew_option_info info; uint64_t later; } longer;
	const unsigned n_rows = sizeof rows / sizeof *rows;
	unsigned n = 0;

	while (!sinew_option_info(n, &info))
		n++;
	for (unsigned i = 0; i < n_rows; i++) {
		CHECK_EQ(sinew_node_option_info(pair.t[1].n, n + i, &info), 0);
		CHECK_STR(info.name, rows[i].name);
		CHECK_STR(info.unit, rows[i].unit + (rows[i].unit[0] == ' '));
		CHECK_STR(info.standard, text_of(rows[i].standard));
		CHECK(info.changeable && *info.meaning);
	}
	CHECK_EQ(sinew_node_option_info(pair.t[1].n, n + n_rows, &info), -ENOENT);
	longer.info.size = sizeof longer;
	CHECK_EQ(sinew_node_option_info(pair.t[1].n, n, &longer.info), 0);
	CHECK_EQ(longer.info.size, sizeof longer);
	CHECK_EQ(sinew_node_option_info(pair.t[1].n, 0, &info), 0);
	CHECK_STR(info.name, "nodeid");
	CHECK_EQ(sinew_node_option_info(NULL, 0, &info), -EINVAL);
	CHECK_EQ(sinew_node_option_info(pair.t[1].n, 0, NULL), -EINVAL);
	info.size = sizeof info - 1;
	CHECK_EQ(sinew_node_option_info(pair.t[1].n, 0, &info), -EINVAL);
}

static void each_option_is_set_and_read_back(void)
{
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	memset(talk, 0, sizeof talk);
	they_are_described();
	CHECK_EQ(sinew_watch(pair.t[1].n, &option_watch, &pair), 0);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		one_row(&rows[i]);
	DRIVE_CALLS(&pair, all_quiet());
	CHECK_EQ(pair.t[0].all.downs + pair.t[1].all.downs, 0);
	call_pair_close(&pair);
}

static void zeros_stand_for_the_defaults(void)
{
	const struct sinew_calls_options zeros = { .size = sizeof zeros };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, &zeros));
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(get(rows[i].name), text_of(rows[i].standard));
	call_pair_close(&pair);
}

/* Together with options of the node: all or none. */
static void all_or_none(void)
{
	struct sinew_option_value two[] = { { "ack_ms", "7" }, { "calls.slots", "129" } };
	struct sinew_node *n;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	n = pair.t[1].n;
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EROFS);
	CHECK_STR(get("ack_ms"), "1");
	two[1].text = "100";
	two[0].text = "x";
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EINVAL);
	CHECK_STR(get("calls.slots"), "128");
	two[0].text = "7";
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), 0);
	CHECK_STR(get("ack_ms"), "7");
	CHECK_STR(get("calls.slots"), "100");
	two[0] = two[1];
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EINVAL);
	CHECK(strstr(err, "twice") != NULL);
	call_pair_close(&pair);
}

/* ---- at work ---- */

static struct sinew_calls_status status(unsigned i)
{
	struct sinew_calls_status st = { .size = sizeof st };

	CHECK_EQ(sinew_calls_status(pair.s[i].calls, pair.t[i].all.session, &st), 0);
	return st;
}

/* The peer of a session that lasts is told; no more calls come than that. */
static void slots_are_in_force_in_sessions_that_last(void)
{
	static struct asked held[40];
	unsigned i;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(set("calls.slots", "20"), 0);
	DRIVE_CALLS(&pair, status(0).slots_granted == 20 && status(1).peers_granted == 20);
	memset(held, 0, sizeof held);
	for (i = 0; i < 40; i++) {
		held[i] = (struct asked) { .request = request, .len = 1 };
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &held[i], NULL, 0), 0);
	}
	/* 8 are the library's; one service has three quarters of the others. */
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 5);
	CHECK_EQ(status(0).waiting, 35);
	CHECK_EQ(set("calls.slots", "128"), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 40);
	pair_answer(&pair.s[1], 40);
	DRIVE_CALLS(&pair, all_quiet());
	call_pair_close(&pair);
}

static struct calls *core_of(unsigned i)
{
	struct lane *l = service_data(pair.t[i].all.session);

	/* Behind the lane, and aligned for all that it holds. */
	CHECK_EQ((uintptr_t)l->calls.in_calls % alignof(max_align_t), 0);
	return &l->calls;
}

static void windows_are_in_force_in_sessions_that_last(void)
{
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(set("calls.window", "16M"), 0);
	DRIVE_CALLS(&pair, core_of(1)->cfg.window_max == 16 << 20);
	CHECK_EQ(core_of(1)->grow_bytes, (int64_t)16 << 24);
	CHECK_EQ(set("calls.window", "16k"), 0);
	DRIVE_CALLS(&pair, core_of(1)->cfg.window_max == 16 << 10);
	CHECK_EQ(core_of(1)->grow_bytes, (int64_t)16 << 14);
	CHECK_EQ(core_of(0)->cfg.window_max, 1 << 20);
	call_pair_close(&pair);
}

/* A session that begins later has what is in force then. */
static void later_sessions_have_them(void)
{
	struct sinew_node *n;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(set("calls.slots", "16"), 0);
	CHECK_EQ(set("calls.window", "32k"), 0);
	DRIVE_CALLS(&pair, status(0).slots_granted == 16);
	n = pair.t[0].n;
	CHECK_EQ(sinew_self_lost(n), 0);
	DRIVE_CALLS(&pair, pair.t[0].all.downs == 1 && pair.t[1].all.downs == 1 &&
		    pair.t[0].all.ups == 2 && pair.t[1].all.ups == 2);
	DRIVE_CALLS(&pair, status(0).slots_granted == 16);
	CHECK_EQ(core_of(1)->cfg.window_max, 32 << 10);
	call_pair_close(&pair);
}

static bool is_taken(const struct sinew_calls_options *opt)
{
	struct sinew_calls_options taken;

	return call_options_take(&taken, opt);
}

/* In place of 0 there is the default. */
static void has_bounds(struct sinew_calls_options *opt, uint32_t *field, uint32_t least,
		       uint32_t most)
{
	const uint32_t was = *field;

	*field = least;
	CHECK(is_taken(opt));
	*field = least - 1;
	CHECK_EQ(is_taken(opt), !*field);
	*field = most;
	CHECK(is_taken(opt));
	*field = most + 1;
	CHECK(!is_taken(opt));
	*field = was;
}

static void a_node_begins_with_what_is_in_bounds(void)
{
	struct sinew_calls_options opt;

	SINEW_CALLS_OPTIONS_INIT(&opt);
#define NUMBER(key, field, normal, least, most, ...) has_bounds(&opt, &opt.field, (least), (most));
#include "services/call_options.def"
	has_bounds(&opt, &opt.send_bytes, 16u * 1024, 1u << 30);
	has_bounds(&opt, &opt.max_queued, 1, 32768);
}

static void a_node_without_calls_has_none(void)
{
	struct sinew_option_info info = { .size = sizeof info };
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *node = c->t[1].n;
	unsigned n = 0;

	while (!sinew_option_info(n, &info))
		n++;
	CHECK_EQ(sinew_node_option_info(node, n, &info), -ENOENT);
	CHECK_EQ(sinew_option_get(node, "calls.slots", err, sizeof err), -ENOENT);
	CHECK_EQ(sinew_option_set(node, &(struct sinew_option_value) { "calls.slots", "16" }, 1,
				  err, sizeof err), -ENOENT);
	cluster_free(c);
}

int main(void)
{
	RUN(each_option_is_set_and_read_back);
	RUN(zeros_stand_for_the_defaults);
	RUN(all_or_none);
	RUN(slots_are_in_force_in_sessions_that_last);
	RUN(windows_are_in_force_in_sessions_that_last);
	RUN(later_sessions_have_them);
	RUN(a_node_begins_with_what_is_in_bounds);
	RUN(a_node_without_calls_has_none);
	return check_done();
}
