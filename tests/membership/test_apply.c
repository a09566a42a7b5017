/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a file that is taken over by a running node, and of the rights in it. Knows
 * nothing of what a program does with them.
 * run.sh: timeout=60
 */
#include <errno.h>
#include <string.h>

#include "lowcomms/sinew-manage.h"
#include "membership/sinew-config.h"
#include "services/sinew-call.h"
#include "tests/lib/cluster.h"

#define TEXT_MAX	4096

/* ---- files ---- */

static const char nodes_1_2[] =
	"nodelist {\n node {\n nodeid: 1\n ring0_addr: 127.9.9.1\n }\n"
	" node {\n nodeid: 2\n ring0_addr: 127.9.9.2\n name: two\n }\n}\n";
static const char nodes_1_3[] =
	"nodelist {\n node {\n nodeid: 1\n ring0_addr: 127.9.9.1\n }\n"
	" node {\n nodeid: 3\n ring0_addr: 127.9.9.3\n }\n}\n";
static const char nodes_moved[] =
	"nodelist {\n node {\n nodeid: 1\n ring0_addr: 127.9.9.11\n }\n"
	" node {\n nodeid: 2\n ring0_addr: 127.9.9.12\n name: new\n }\n}\n";

static struct sinew_config *parse(const char *nodes, const char *rest)
{
	char text[TEXT_MAX], err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_config *config = NULL;

	snprintf(text, sizeof text, "totem {\n cluster_name: apply\n}\n%s%s", nodes, rest);
	if (sinew_config_parse("f", text, strlen(text), &config, err, sizeof err))
		check_fail(__FILE__, __LINE__, err);
	return config;
}

/* Node 1 of a file, without a listener: its addresses are of no machine. */
static struct sinew_node *node_of(const struct sinew_config *config)
{
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_options opt;
	struct sinew_node *n = NULL;

	SINEW_OPTIONS_INIT(&opt);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof err), 0);
	CHECK_EQ(sinew_node_new(&opt, NULL, NULL, &n), 0);
	if (n)
		CHECK_EQ(sinew_config_join(config, n, err, sizeof err), 0);
	return n;
}

/* ---- reports ---- */

static char told[TEXT_MAX];

static void on_report(void *user, const char *name, bool is_changed, const char *text)
{
	size_t len = strlen(told);

	(void)user, (void)text;
	snprintf(told + len, sizeof told - len, "%s%s%s", len ? " " : "", is_changed ? "+" : "-",
		 name);
}

static int apply(struct sinew_node *n, const char *nodes, const char *rest)
{
	struct sinew_config *config = parse(nodes, rest);
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	int rc;

	told[0] = '\0';
	if (!config)
		return -EINVAL;
	rc = sinew_config_apply(config, n, on_report, NULL, err, sizeof err);
	CHECK(!rc == !*err);
	sinew_config_free(config);
	return rc;
}

static void option_is(struct sinew_node *n, const char *name, const char *value)
{
	char now[SINEW_OPTION_TEXT_MAX];

	CHECK_EQ(sinew_option_get(n, name, now, sizeof now), 0);
	CHECK_STR(now, value);
}

/* ---- tests ---- */

static void options_are_taken_over(void)
{
	struct sinew_config *config = parse(nodes_1_2, "sinew {\n ack_ms: 7\n stall_ms: 9000\n}\n");
	struct sinew_node *n = node_of(config);

	CHECK_OR_RETURN(n);
	CHECK_EQ(apply(n, nodes_1_2, "sinew {\n ack_ms: 7\n stall_ms: 9000\n}\n"), 0);
	CHECK_STR(told, "");
	/* One is changed, one is gone from the file, two need a new start. */
	CHECK_EQ(apply(n, nodes_1_2, "sinew {\n ack_ms: 0\n group: other\n queue_bytes: 1M\n"
		       " max_message: 1000\n}\n"), 0);
	CHECK(strstr(told, "+stall_ms") && strstr(told, "+ack_ms"));
	CHECK(strstr(told, "-group") && strstr(told, "-queue_bytes") &&
	      strstr(told, "-max_message"));
	option_is(n, "ack_ms", "0");
	option_is(n, "stall_ms", "20000");
	option_is(n, "group", "sinew");
	sinew_node_free(n);
	sinew_config_free(config);
}

static void nothing_or_all_of_it(void)
{
	struct sinew_config *config = parse(nodes_1_2, "");
	struct sinew_node *n = node_of(config);

	CHECK_OR_RETURN(n);
	CHECK_EQ(apply(n, nodes_1_3, "sinew {\n ack_ms: 7\n backoff_min_ms: 5000\n}\n"), -EINVAL);
	CHECK_STR(told, "");
	option_is(n, "ack_ms", "5");
	option_is(n, "peer.2", "127.9.9.2:21065");
	sinew_node_free(n);
	sinew_config_free(config);
}

static bool has_address(struct sinew_node *n, uint32_t nodeid, uint32_t ip)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];

	return sinew_peer_addrs(n, nodeid, addrs, SINEW_ADDRS_MAX) == 1 &&
		((struct sockaddr_in *)&addrs[0])->sin_addr.s_addr == htonl(ip);
}

/* In force, as the loop has it. */
static uint32_t path_of(struct sinew_node *n, uint32_t nodeid)
{
	struct sinew_status st = { .size = sizeof st };

	if (sinew_peer_status(n, nodeid, &st) || st.n_paths != 1)
		return 0;
	return ntohl(((struct sockaddr_in *)&st.paths[0].addr)->sin_addr.s_addr);
}

static void peers_are_taken_over(void)
{
	struct sinew_config *config = parse(nodes_1_2, "");
	struct sinew_node *n = node_of(config);
	char name[SINEW_PEER_NAME_MAX];
	uint32_t ids[4] = { 0 };

	CHECK_OR_RETURN(n);
	CHECK_EQ(apply(n, nodes_moved, ""), 0);
	CHECK_STR(told, "-peer.1 +peer.2");
	CHECK(has_address(n, 2, 0x7f09090c));
	TURN_UNTIL(sinew_dispatch(n, 1), path_of(n, 2) == 0x7f09090c, PATIENCE_MS);
	CHECK_EQ(sinew_peer_name(n, 2, name, sizeof name), 0);
	CHECK_STR(name, "new");
	CHECK_EQ(apply(n, nodes_1_3, ""), 0);
	CHECK_STR(told, "+peer.2 +peer.3");
	TURN_UNTIL(sinew_dispatch(n, 1), sinew_node_peers(n, ids, 4) == 1, PATIENCE_MS);
	CHECK_EQ(ids[0], 3);
	sinew_node_free(n);
	sinew_config_free(config);
}

static bool has_peers(struct sinew_node *n, unsigned n_peers, uint32_t nodeid)
{
	uint32_t ids[4] = { 0 };

	return sinew_node_peers(n, ids, 4) == (int)n_peers && ids[0] == nodeid;
}

/* A file without it, and one with it before it is gone. */
static void a_dropped_peer_comes_back(void)
{
	struct sinew_config *config = parse(nodes_1_2, "");
	struct sinew_node *n = node_of(config);

	CHECK_OR_RETURN(n);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(apply(n, nodes_1_3, ""), 0);
		CHECK_STR(told, "+peer.2 +peer.3");
		/* The loop knows of it, or not yet. */
		if (i == 1)
			sinew_dispatch(n, 0);
		/* It is dropped already. */
		CHECK_EQ(apply(n, nodes_1_3, ""), 0);
		CHECK_STR(told, "");
		CHECK_EQ(apply(n, nodes_1_2, ""), 0);
		CHECK_STR(told, "+peer.3 +peer.2");
		TURN_UNTIL(sinew_dispatch(n, 1), has_peers(n, 1, 2), PATIENCE_MS);
		for (unsigned k = 0; k < 10; k++)
			sinew_dispatch(n, 1);
		CHECK(has_peers(n, 1, 2) && has_address(n, 2, 0x7f090902));
	}
	sinew_node_free(n);
	sinew_config_free(config);
}

/* As many as max_peers, others than before. */
static void peers_that_go_are_not_counted(void)
{
	struct sinew_config *config = parse(nodes_1_2, "sinew {\n max_peers: 1\n}\n");
	struct sinew_node *n = node_of(config);
	struct sockaddr_storage addr;

	CHECK_OR_RETURN(n);
	CHECK_EQ(apply(n, nodes_1_3, "sinew {\n max_peers: 1\n}\n"), 0);
	CHECK_STR(told, "+peer.2 +peer.3");
	/* One that stays, one that goes: neither more of those that stay, nor of both. */
	CHECK_EQ(sinew_parse_address("127.9.9.4", 0, &addr), 0);
	CHECK_EQ(sinew_peer_add(n, 4, &addr, 1), -ENOSPC);
	CHECK_EQ(sinew_peer_close(n, 3, 2000), 0);
	CHECK_EQ(sinew_peer_close(n, 3, 1000), 0);
	CHECK_EQ(sinew_peer_add(n, 4, &addr, 1), -ENOSPC);
	CHECK_EQ(sinew_peer_remove(n, 2), 0);
	CHECK_EQ(sinew_peer_add(n, 4, &addr, 1), 0);
	CHECK_EQ(sinew_peer_add(n, 5, &addr, 1), -ENOSPC);
	sinew_node_free(n);
	sinew_config_free(config);
}

/* The last file counts, whatever the loop has done of those before. */
static void addresses_are_those_of_the_last_file(void)
{
	struct sinew_config *config = parse(nodes_1_2, "");
	struct sinew_node *n = node_of(config);

	CHECK_OR_RETURN(n);
	sinew_dispatch(n, 0);
	CHECK_EQ(apply(n, nodes_moved, ""), 0);
	CHECK(has_address(n, 2, 0x7f09090c));
	CHECK_EQ(apply(n, nodes_1_2, ""), 0);
	CHECK_STR(told, "+peer.2");
	for (unsigned i = 0; i < 10; i++)
		sinew_dispatch(n, 1);
	option_is(n, "peer.2", "127.9.9.2:21065");
	CHECK_EQ(path_of(n, 2), 0x7f090902);
	sinew_node_free(n);
	sinew_config_free(config);
}

/* ---- options of calls ---- */

static void options_of_calls_are_taken_over(void)
{
	static const char small[] = "calls {\n slots: 20\n window: 64k\n}\n";
	struct sinew_config *config = parse(nodes_1_2, small);
	struct sinew_config_calls found = { .size = sizeof found };
	struct sinew_calls_options opt;
	struct sinew_calls *calls = NULL;
	struct sinew_node *n = node_of(config);

	CHECK_OR_RETURN(config && n);
	CHECK_EQ(sinew_config_calls(config, &found), 0);
	CHECK(found.slots == 20 && found.window == 64 << 10);
	/* A node without calls has no such options. */
	CHECK_EQ(apply(n, nodes_1_2, small), 0);
	CHECK_STR(told, "");
	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.slots = 40;
	CHECK_EQ(sinew_calls_new(n, &opt, &calls), 0);
	CHECK_EQ(apply(n, nodes_1_2, small), 0);
	CHECK_STR(told, "+calls.slots +calls.window");
	option_is(n, "calls.slots", "20");
	option_is(n, "calls.window", "65536");
	/* Back to what it began with; to more it cannot, but the others are taken over. */
	CHECK_EQ(apply(n, nodes_1_2, "calls {\n slots: 40\n}\n"), 0);
	CHECK_STR(told, "+calls.slots +calls.window");
	CHECK_EQ(apply(n, nodes_1_2, "calls {\n slots: 41\n window: 16M\n}\n"), 0);
	CHECK_STR(told, "-calls.slots +calls.window");
	/* Its default is more, but nobody has said it. */
	CHECK_EQ(apply(n, nodes_1_2, ""), 0);
	CHECK_STR(told, "+calls.window");
	option_is(n, "calls.slots", "40");
	option_is(n, "calls.window", "1048576");
	/* With a value that is refused nothing is. */
	CHECK_EQ(apply(n, nodes_1_2, "calls {\n slots: 16\n}\nsinew {\n backoff_min_ms: 5000\n}\n"),
		 -EINVAL);
	option_is(n, "calls.slots", "40");
	sinew_node_free(n);
	sinew_calls_free(calls);
	found.size--;
	CHECK_EQ(sinew_config_calls(config, &found), -EINVAL);
	sinew_config_free(config);
}

/* ---- rights ---- */

static int rights(const char *section, struct sinew_config_control *ret, const char *says)
{
	struct sinew_config *config = parse(nodes_1_2, section);
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	int rc;

	*ret = (struct sinew_config_control) { .size = sizeof *ret };
	if (!config)
		return -EINVAL;
	rc = sinew_config_control(config, ret, err, sizeof err);
	if (!strstr(err, says))
		check_fail(__FILE__, __LINE__, err);
	sinew_config_free(config);
	return rc;
}

static void rights_are_looked_up(void)
{
	struct sinew_config_control c;

	CHECK_EQ(rights("", &c, ""), 0);
	CHECK(!c.has_read_gid && !c.anyone_reads && !c.n_write_uids && !c.remote_status);
	CHECK_EQ(rights("control {\n read: root\n write: 0 77  88\n remote: status\n}\n", &c, ""),
		 0);
	CHECK(c.has_read_gid && !c.anyone_reads && c.remote_status);
	CHECK_EQ(c.read_gid, 0);
	CHECK_EQ(c.n_write_uids, 3);
	CHECK(c.write_uids[0] == 0 && c.write_uids[1] == 77 && c.write_uids[2] == 88);
	CHECK_EQ(rights("control {\n read: all\n remote: off\n}\n", &c, ""), 0);
	CHECK(c.anyone_reads && !c.has_read_gid && !c.remote_status);
	CHECK_EQ(rights("control {\n read: 4711\n}\n", &c, ""), 0);
	CHECK_EQ(c.read_gid, 4711);
}

static void unknown_names_are_named(void)
{
	struct sinew_config_control c;

	CHECK_EQ(rights("control {\n read: no-such-group\n}\n", &c, "f:16: read: found "
			"\"no-such-group\""), -ENOENT);
	CHECK_EQ(rights("control {\n write: root no-such-user\n}\n", &c, "\"no-such-user\""),
		 -ENOENT);
	CHECK_EQ(rights("control {\n write: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n}\n", &c, ""),
		 0);
	CHECK_EQ(c.n_write_uids, 16);
	CHECK_EQ(rights("control {\n write: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n}\n", &c,
			"more than 16 users"), -EINVAL);
}

static void refuses(const char *section, const char *says)
{
	char text[TEXT_MAX], err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_config *config = NULL;

	snprintf(text, sizeof text, "%s%s", nodes_1_2, section);
	CHECK_EQ(sinew_config_parse("f", text, strlen(text), &config, err, sizeof err), -EINVAL);
	if (!strstr(err, says))
		check_fail(__FILE__, __LINE__, err);
}

static void wrong_sections_are_refused(void)
{
	refuses("control {\n reed: x\n}\n", "unknown key \"reed\" in \"control {\"");
	refuses("control {\n read:\n}\n", "read: found 0 bytes");
	refuses("control {\n remote: all\n}\n", "remote: found \"all\"");
	refuses("calls {\n slot: 20\n}\n", "unknown key \"slot\" in \"calls {\"");
	refuses("calls {\n ack_ms: 20\n}\n", "unknown key \"ack_ms\" in \"calls {\"");
	refuses("sinew {\n slots: 20\n}\n", "unknown key \"slots\" in \"sinew {\"");
	refuses("sinew {\n calls.slots: 20\n}\n", "unknown key \"calls.slots\"");
	refuses("calls {\n slots: 15\n}\n", "calls.slots: found 15, expected 16 to 1024");
	refuses("calls {\n window: 17M\n}\n", "expected 16384 to 16777216");
}

int main(void)
{
	RUN(options_are_taken_over);
	RUN(nothing_or_all_of_it);
	RUN(peers_are_taken_over);
	RUN(a_dropped_peer_comes_back);
	RUN(peers_that_go_are_not_counted);
	RUN(addresses_are_those_of_the_last_file);
	RUN(options_of_calls_are_taken_over);
	RUN(rights_are_looked_up);
	RUN(unknown_names_are_named);
	RUN(wrong_sections_are_refused);
	return check_done();
}
