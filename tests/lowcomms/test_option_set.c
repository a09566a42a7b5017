/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of options that change in a node that runs: each row of lowcomms/options.def is
 * set and read back under traffic; and what becomes of contradictions, peers, quorum, the log.
 */
#include <inttypes.h>
#include <sys/wait.h>

#include "lowcomms/handle.h"
#include "lowcomms/option_text.h"
#include "tests/lib/cluster.h"
#include "tests/lib/option_watch.h"

static char err[SINEW_OPTION_TEXT_MAX];

static int set(struct sinew_node *n, const char *name, const char *text)
{
	return sinew_option_set(n, &(struct sinew_option_value) { name, text }, 1, err, sizeof err);
}

static const char *get(struct sinew_node *n, const char *name)
{
	static char buf[SINEW_OPTION_TEXT_MAX];
	int e = sinew_option_get(n, name, buf, sizeof buf);

	if (e)
		snprintf(buf, sizeof buf, "%s", sinew_error_name(e));
	return buf;
}

/* ---- each of them, under traffic ---- */

/* The row of the table, and another value than that of the test's nodes. */
struct row {
	const char *name, *other;
	bool is_live;
};

static const char *other_number(uint64_t normal, uint64_t low)
{
	static char buf[64][24];
	static unsigned turn;
	char *to = buf[turn++ % 64];

	snprintf(to, sizeof buf[0], "%" PRIu64, normal ? normal + 1 : low + 2);
	return to;
}

static const char *other_word(unsigned normal, const char *words)
{
	return normal ? words : words + strlen(words) + 1;
}

static unsigned rows(struct row *to)
{
	unsigned n = 0;

#define LIVE	true
#define FIXED	false
#define NUMBER(key, field, normal, low, high, unit, change, says) \
	to[n++] = (struct row) { #field, other_number(normal, low), change };
#define MS(key, stem, normal, low, high, change, says) \
	NUMBER(key, stem##_ms, normal, low, high, " ms", change, says)
#define WORD(key, field, normal, words, change, says) \
	to[n++] = (struct row) { #field, other_word(normal, words), change };
#define TEXT(key, field, normal, low, high, change, says) \
	to[n++] = (struct row) { #field, "another", change };
#include "lowcomms/options.def"
	return n;
}

/* In force, as the loop has it. */
static bool is_in_force(struct sinew_node *n, const struct row *r)
{
	char buf[SINEW_OPTION_TEXT_MAX];

	option_print(option_find(r->name), &n->opt, buf, sizeof buf);
	return !strcmp(buf, r->other);
}

static void one_row(struct cluster *c, const struct row *r)
{
	struct sinew_node *n = c->t[1].n;
	char before[SINEW_OPTION_TEXT_MAX];
	unsigned was = options_told.n;

	snprintf(before, sizeof before, "%s", get(n, r->name));
	/* As it is it may stay, whatever it is. */
	CHECK_EQ(set(n, r->name, before), 0);
	if (!r->is_live) {
		CHECK_EQ(set(n, r->name, r->other), -EROFS);
		CHECK(strstr(err, r->name) && strstr(err, "new start"));
		CHECK_STR(get(n, r->name), before);
		return;
	}
	if (!CHECK_EQ(set(n, r->name, r->other), 0))
		printf("# %s: %s\n", r->name, err);
	CHECK_STR(get(n, r->name), r->other);
	DRIVE(c, options_told.n == was + 1);
	CHECK_STR(options_told.last, r->name);
	CHECK(is_in_force(n, r));
}

static void each_option_is_set_and_read_back(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_option_info info = { .size = sizeof info };
	struct row all[64];
	unsigned n = rows(all);
	uint64_t talked;

	cluster_talk(c, 16, 100);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(sinew_watch(c->t[1].n, &option_watch, c), 0);
	for (unsigned i = 0; i < n; i++) {
		talked = cluster_talked(c);
		CHECK_EQ(sinew_option_info(i, &info), 0);
		CHECK_STR(info.name, all[i].name);
		CHECK_EQ(info.changeable, all[i].is_live);
		one_row(c, &all[i]);
		DRIVE(c, cluster_talked(c) > talked + 100);
	}
	CHECK_EQ(sinew_option_info(n, &info), -ENOENT);
	CHECK_EQ(c->t[1].seen[2].downs + c->t[2].seen[1].downs, 0);
	CHECK_EQ(c->t[1].seen[2].bad + c->t[2].seen[1].bad, 0);
	/* Some of those that the core has. */
	CHECK_EQ(c->t[1].n->core.cfg.probe_ns, UINT64_C(1001000000));
	CHECK_EQ(c->t[1].n->core.cfg.keepalive_ns, UINT64_C(5001000000));
	CHECK_EQ(c->t[1].n->core.cfg.fault_limit, 11);
	CHECK(c->t[1].n->core.cfg.auto_close && !c->t[1].n->core.cfg.quorum_stops);
	cluster_free(c);
}

/* ---- what is refused ---- */

static void wrong_values_are_refused(void)
{
	static const struct { const char *name, *text, *why; int error; } wrong[] = {
		{ "ack", "5", "no such option", -ENOENT },
		{ "", "5", "no such option", -ENOENT },
		{ "xeer.2", "127.0.0.1", "no such option", -ENOENT },
		{ "peer.0", "127.0.0.1", "no such option", -ENOENT },
		{ "peer.x", "127.0.0.1", "no such option", -ENOENT },
		{ "peer.2147483648", "127.0.0.1", "no such option", -ENOENT },
		{ "ack_ms", "", "expected a number", -EINVAL },
		{ "ack_ms", "-1", "expected a number", -EINVAL },
		{ "ack_ms", "5x", "expected a number", -EINVAL },
		{ "ack_ms", "5kk", "expected a number", -EINVAL },
		{ "ack_ms", "4294967295", "expected", -EINVAL },
		{ "ack_ms", "4294967296", "expected a number", -EINVAL },
		{ "ack_ms", "86400001", "expected 0 to 86400000 ms", -EINVAL },
		{ "stall_ms", "0", "expected 1 to 86400000 ms", -EINVAL },
		{ "node_memory", "18446744073709551616", "expected a number", -EINVAL },
		{ "node_memory", "20000000000G", "expected a number", -EINVAL },
		{ "node_memory", "1M", "four times max_message", -EINVAL },
		{ "quorum_policy", "go", "expected \"stop\", \"ignore\" or \"refuse\"", -EINVAL },
		{ "backoff_min_ms", "1001", "at most backoff_max_ms", -EINVAL },
		{ "backoff_max_ms", "19", "at most backoff_max_ms", -EINVAL },
		{ "peer.2", "localhost", "expected addresses in numbers", -EINVAL },
		{ "peer.2", "127.0.0.1:0", "expected addresses in numbers", -EINVAL },
		{ "peer.2", "127.0.0.1:65536", "expected addresses in numbers", -EINVAL },
		{ "peer.2", "[::1]x", "expected addresses in numbers", -EINVAL },
		{ "peer.2", "0.0.0.0", "that can be connected to", -EINVAL },
		{ "peer.2", "::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9", "at most 8", -EINVAL },
		{ "peer.3", "", "no such peer", -ENOENT },
		{ "peer.1", "127.0.0.1", "own addresses", -EROFS },
	};
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n;
	struct sinew_option_value v = { "ack_ms", NULL };
	char buf[8];

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		CHECK_EQ(set(n, wrong[i].name, wrong[i].text), wrong[i].error);
		CHECK(strcmp(sinew_error_name(wrong[i].error), "unknown"));
		if (!CHECK(strstr(err, wrong[i].why) != NULL))
			printf("# %s %s: %s\n", wrong[i].name, wrong[i].text, err);
	}
	CHECK_EQ(sinew_option_set(n, &v, 1, err, sizeof err), -EINVAL);
	v = (struct sinew_option_value) { NULL, "7" };
	CHECK_EQ(sinew_option_set(n, &v, 1, err, sizeof err), -EINVAL);
	CHECK_EQ(sinew_option_set(NULL, &v, 1, err, sizeof err), -EINVAL);
	CHECK_EQ(sinew_option_set(n, NULL, 1, err, sizeof err), -EINVAL);
	CHECK_EQ(sinew_option_set(n, &v, 1, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_option_set(n, NULL, 0, NULL, 0), 0);
	CHECK_EQ(sinew_option_set(n, &v, SINEW_OPTION_SET_MAX + 1, NULL, 0), -E2BIG);
	CHECK_EQ(sinew_option_set(n, &v, SINEW_OPTION_SET_MAX + 1, err, sizeof err), -E2BIG);
	CHECK(strstr(err, "at most 64") != NULL);
	CHECK_STR(sinew_error_name(-E2BIG), "E2BIG");
	CHECK_STR(sinew_error_name(-EROFS), "EROFS");
	CHECK_EQ(sinew_option_get(n, "ack", buf, sizeof buf), -ENOENT);
	CHECK_EQ(sinew_option_get(n, NULL, buf, sizeof buf), -EINVAL);
	CHECK_EQ(sinew_option_get(n, "ack_ms", buf, 0), -EINVAL);
	CHECK_EQ(sinew_option_get(n, "peer.2", buf, sizeof buf), -ENOENT);
	CHECK_EQ(sinew_option_get(n, "transport", buf, 3), 0);
	CHECK_STR(buf, "tc");
	cluster_free(c);
}

static void highest_port(struct sinew_options *o)
{
	o->port = 65535;
}

/* All that the field holds is taken. */
static void the_highest_values_are_taken(void)
{
	struct cluster *c = cluster_new(1, highest_port);
	struct sinew_node *n = c->t[1].n;

	CHECK_EQ(set(n, "port", "65535"), 0);
	CHECK_EQ(set(n, "port", "65534"), -EROFS);
	CHECK_EQ(set(n, "port", "65536"), -EINVAL);
	CHECK_EQ(set(n, "node_memory", "18446744073709551615"), -EINVAL);
	CHECK(strstr(err, "to 1099511627776 bytes") != NULL);
	cluster_free(c);
}

static void contradictions_are_refused_whole(void)
{
	struct sinew_option_value two[] = { { "ack_ms", "7" }, { "backoff_min_ms", "2000" } };
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n;

	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EINVAL);
	CHECK_STR(get(n, "ack_ms"), "5");
	/* Either of them alone contradicts the other as it is, not both together. */
	two[0] = (struct sinew_option_value) { "backoff_max_ms", "3000" };
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), 0);
	two[0].text = "10", two[1].text = "9";
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), 0);
	two[0] = (struct sinew_option_value) { "ack_ms", "9" };
	two[1] = (struct sinew_option_value) { "max_message", "1000" };
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EROFS);
	two[1] = (struct sinew_option_value) { "peer.7", "127.0.0.7" };
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EINVAL);
	two[1] = two[0];
	CHECK_EQ(sinew_option_set(n, two, 2, err, sizeof err), -EINVAL);
	CHECK(strstr(err, "twice"));
	CHECK_STR(get(n, "ack_ms"), "5");
	CHECK_STR(get(n, "backoff_min_ms"), "9");
	cluster_free(c);
}

static void standards_and_units_are_told(void)
{
	static const struct { const char *name, *standard, *unit; } some[] = {
		{ "nodeid", "", "" }, { "cluster", NULL, "" }, { "transport", "tcp", "" },
		{ "ack_ms", "5", "ms" }, { "quorum_policy", "stop", "" },
		{ "node_memory", NULL, "bytes" },
	};
	struct sinew_option_info info = { .size = sizeof info - 1 };
	unsigned n_found = 0;

	CHECK_EQ(sinew_option_info(0, &info), -EINVAL);
	CHECK_EQ(sinew_option_info(0, NULL), -EINVAL);
	for (unsigned i = 0; i < 64; i++) {
		info = (struct sinew_option_info) { .size = sizeof info };
		memset(info.standard, 'x', sizeof info.standard);
		if (sinew_option_info(i, &info))
			break;
		CHECK(info.size == sizeof info && *info.meaning && info.unit[0] != ' ');
		for (unsigned k = 0; k < sizeof some / sizeof *some; k++) {
			if (strcmp(info.name, some[k].name))
				continue;
			n_found++;
			CHECK_STR(info.unit, some[k].unit);
			if (some[k].standard)
				CHECK_STR(info.standard, some[k].standard);
		}
	}
	CHECK_EQ(n_found, sizeof some / sizeof *some);
}

/* A text set to its present value leaves the node its own copy, not the caller's pointer. */
static void texts_are_not_kept(void)
{
	static const char *const texts[] = { "cluster", "group", "transport" };
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n;
	char text[SINEW_OPTION_TEXT_MAX], before[SINEW_OPTION_TEXT_MAX];

	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
		CHECK_EQ(sinew_option_get(n, texts[i], text, sizeof text), 0);
		memcpy(before, text, sizeof before);
		CHECK_EQ(set(n, texts[i], text), 0);
		memset(text, 'x', sizeof text - 1);
		text[sizeof text - 1] = '\0';
		CHECK_STR(get(n, texts[i]), before);
	}
	cluster_free(c);
}

/* ---- what they do ---- */

static char line_of[SINEW_DEBUG + 1][256];

static void remember(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	snprintf(line_of[level], sizeof line_of[level], "%s", line);
}

static void logs(struct sinew_options *o)
{
	o->log = remember;
	o->log_level = SINEW_WARNING;
}

static void changes_are_logged_at_the_level_in_force(void)
{
	struct cluster *c = cluster_new(1, logs);
	struct sinew_node *n = c->t[1].n;

	memset(line_of, 0, sizeof line_of);
	CHECK_EQ(set(n, "stall_ms", "30k"), 0);
	DRIVE(c, n->opt.stall_ms == 30 << 10);
	CHECK_STR(line_of[SINEW_INFO], "");
	CHECK_EQ(set(n, "log_level", "info"), 0);
	DRIVE(c, line_of[SINEW_INFO][0]);
	CHECK_STR(line_of[SINEW_INFO], "option log_level: info, was warning");
	CHECK_EQ(set(n, "ack_ms", "0"), 0);
	DRIVE(c, n->core.cfg.ack_frames == 1);
	CHECK_STR(line_of[SINEW_INFO], "option ack_ms: 0, was 5");
	CHECK_STR(get(n, "ack_ms"), "0");
	CHECK_EQ(set(n, "ack_ms", "6"), 0);
	DRIVE(c, n->core.cfg.ack_frames == 256 && n->core.cfg.ack_ns == 6000000);
	cluster_free(c);
}

static void external(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void the_policy_without_quorum_changes(void)
{
	struct cluster *c = cluster_new(2, external);
	struct sinew_node *n = c->t[1].n;

	for (unsigned i = 1; i <= 2; i++)
		CHECK_EQ(sinew_peer_joined(c->t[i].n, 3 - i, sinew_incarnation(c->t[3 - i].n)), 0);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(sinew_quorum(n, false), 0);
	DRIVE(c, !n->core.quorate);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	for (unsigned i = 0; i < 20; i++)
		cluster_turn(c);
	CHECK_EQ(c->t[2].seen[1].messages, 0);
	CHECK_EQ(set(n, "quorum_policy", "ignore"), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	CHECK_EQ(set(n, "peer.9", "127.0.0.9"), -EROFS);
	cluster_free(c);
}

/* A wait that began with the old time does not last until its end. */
static void a_shorter_time_counts_at_once(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_node *n = c->t[1].n;

	CHECK_EQ(set(n, "ack_ms", "86400000"), 0);
	DRIVE(c, cluster_all_up(c) && n->core.cfg.ack_ns == 86400000u * UINT64_C(1000000));
	CHECK_EQ(sinew_send(c->t[2].seen[1].session, "x", 1), 0);
	DRIVE(c, c->t[1].seen[2].messages == 1);
	CHECK_EQ(status_of(&c->t[2], 1).acked, 0);
	CHECK_EQ(set(n, "ack_ms", "1"), 0);
	DRIVE(c, status_of(&c->t[2], 1).acked == 1);
	cluster_free(c);
}

/* ---- limits that grow ---- */

#define KEPT_MAX 64u

static struct sinew_kept *kept[KEPT_MAX];
static unsigned n_kept;

static void keep(struct test_node *t, struct sinew_session *s, const struct sinew_message *m)
{
	(void)t;
	if (n_kept < KEPT_MAX && !sinew_keep(s, m, &kept[n_kept]))
		n_kept++;
}

static void release_all(void)
{
	while (n_kept)
		sinew_release(kept[--n_kept]);
}

static void tight(struct sinew_options *o)
{
	o->queue_bytes = 512 * 1024;
	o->max_message = 200000;
	o->node_memory = 1024 * 1024;
	o->receive_bytes = 16 * 1024;
}

static void roomy(struct sinew_options *o)
{
	tight(o);
	o->receive_bytes = 64 << 20;
}

/* Nothing is released: more room alone lets node 2 read on. */
static void reading_goes_on(void (*change)(struct sinew_options *o), const char *option,
			    const char *value)
{
	static uint8_t buf[200000];
	struct cluster *c = cluster_new(2, change);
	struct sinew_session *to;
	unsigned n_sent = 0;

	DRIVE(c, cluster_all_up(c));
	to = c->t[1].seen[2].session;
	c->t[2].on_message = keep;
	while (n_sent < KEPT_MAX && !status_of(&c->t[2], 1).paused) {
		n_sent += !sinew_send(to, buf, sizeof buf);
		DRIVE(c, c->t[2].seen[1].messages == n_sent || status_of(&c->t[2], 1).paused);
	}
	CHECK(status_of(&c->t[2], 1).paused);
	/* The queue of the sender has room for one more, at least. */
	CHECK_EQ(sinew_send(to, buf, sizeof buf), 0);
	for (unsigned i = 0; i < 20; i++)
		cluster_turn(c);
	CHECK(c->t[2].seen[1].messages <= n_sent);
	CHECK_EQ(set(c->t[2].n, option, value), 0);
	DRIVE(c, c->t[2].seen[1].messages == n_sent + 1);
	CHECK(!status_of(&c->t[2], 1).paused);
	release_all();
	cluster_free(c);
}

static void more_room_counts_at_once(void)
{
	reading_goes_on(tight, "receive_bytes", "64M");
	reading_goes_on(roomy, "node_memory", "64M");
}

static void peers_come_and_go_as_options(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n;

	CHECK_EQ(set(n, "peer.7", "127.0.0.7 [::1]:9999\t127.0.0.8:77"), 0);
	CHECK_STR(get(n, "peer.7"), "127.0.0.7:21065 [::1]:9999 127.0.0.8:77");
	CHECK_EQ(set(n, "peer.7", get(n, "peer.7")), 0);
	CHECK_EQ(set(n, "peer.7", " 127.0.0.9 "), 0);
	DRIVE(c, !strcmp(get(n, "peer.7"), "127.0.0.9:21065"));
	CHECK_EQ(sinew_node_peers(n, NULL, 0), 1);
	CHECK_EQ(set(n, "max_peers", "1"), 0);
	CHECK_EQ(set(n, "peer.8", "127.0.0.8"), -ENOSPC);
	CHECK(strstr(err, "max_peers") != NULL);
	CHECK_EQ(set(n, "max_peers", "2"), 0);
	CHECK_EQ(set(n, "peer.8", "127.0.0.8"), 0);
	CHECK_EQ(set(n, "peer.7", ""), 0);
	CHECK_STR(get(n, "peer.7"), "ENOENT");
	cluster_free(c);
}

/* ---- a child of fork() ---- */

static bool child_is_refused(struct sinew_node *n)
{
	struct sinew_node_status st = { .size = sizeof st };
	struct sockaddr_storage addr;
	struct sinew_error_entry e;
	char buf[SINEW_OPTION_TEXT_MAX];
	uint32_t id;

	return sinew_option_get(n, "ack_ms", buf, sizeof buf) == -ECHILD &&
		set(n, "ack_ms", "5") == -ECHILD && sinew_node_status(n, &st) == -ECHILD &&
		sinew_node_errors(n, &e, 1) == -ECHILD && sinew_node_peers(n, &id, 1) == -ECHILD &&
		sinew_peer_addrs(n, 1, &addr, 1) == -ECHILD &&
		sinew_peer_name(n, 1, buf, sizeof buf) == -ECHILD &&
		sinew_peer_set_name(n, 1, "x") == -ECHILD && sinew_watch(n, NULL, n) == -ECHILD;
}

static void a_child_has_no_node(void)
{
	struct cluster *c = cluster_new(1, NULL);
	int state = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(!child_is_refused(c->t[1].n));
	CHECK(pid > 0 && waitpid(pid, &state, 0) == pid);
	CHECK_EQ(state, 0);
	cluster_free(c);
}

int main(void)
{
	RUN(each_option_is_set_and_read_back);
	RUN(wrong_values_are_refused);
	RUN(the_highest_values_are_taken);
	RUN(contradictions_are_refused_whole);
	RUN(standards_and_units_are_told);
	RUN(texts_are_not_kept);
	RUN(changes_are_logged_at_the_level_in_force);
	RUN(the_policy_without_quorum_changes);
	RUN(a_shorter_time_counts_at_once);
	RUN(a_child_has_no_node);
	RUN(more_room_counts_at_once);
	RUN(peers_come_and_go_as_options);
	return check_done();
}
