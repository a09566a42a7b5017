/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a configuration's rules one by one: numbers, blanks, names of sections, keys
 * given twice, each limit at it and one over. No packet is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lowcomms/sinew-manage.h"
#include "membership/config.h"
#include "membership/static_inside.h"
#include "tests/lib/check.h"

#define NODE(id, rest) "nodelist {\nnode {\nnodeid: " id "\n" rest "\n}\n}\n"
#define ONE	NODE("1", "ring0_addr: 127.0.0.1")
#define THREE \
	"nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\n}\n" \
	"node {\nnodeid: 2\nring0_addr: 127.0.0.2\n}\n" \
	"node {\nnodeid: 3\nring0_addr: 127.0.0.3\n}\n}\n"

static char err[SINEW_CONFIG_ERROR_MAX];
static struct sinew_config *config;

static int parse(const char *text)
{
	sinew_config_free(config);
	config = NULL;
	return sinew_config_parse("f", text, strlen(text), &config, err, sizeof(err));
}

/* ---- the syntax ---- */

static int number(const char *text, int suffixes, uint64_t *ret)
{
	*ret = 4711;
	return config_number(text, suffixes, 0, UINT64_MAX, ret);
}

static void numbers_are_whole(void)
{
	static const char *const wrong[] = {
		"", "/", ":", "1/", "1:", "1kk", "1T", " 1", "1 ", "k",
	};
	uint64_t n;

	CHECK(!number("0", 1, &n) && n == 0);
	CHECK(!number("9", 1, &n) && n == 9);
	CHECK(!number("1090", 0, &n) && n == 1090);
	CHECK(!number("3k", 1, &n) && n == 3 << 10);
	CHECK(!number("3M", 1, &n) && n == 3 << 20);
	CHECK(!number("3G", 1, &n) && n == UINT64_C(3) << 30);
	CHECK_EQ(number("3k", 0, &n), -EINVAL);
	CHECK_EQ(number("3M", 0, &n), -EINVAL);
	CHECK_EQ(number("3G", 0, &n), -EINVAL);
	CHECK(!number("18446744073709551615", 0, &n) && n == UINT64_MAX);
	CHECK_EQ(number("18446744073709551616", 0, &n), -ERANGE);
	CHECK_EQ(number("99999999999999999999999", 0, &n), -ERANGE);
	CHECK(!number("17179869183G", 1, &n) && n == UINT64_C(17179869183) << 30);
	CHECK_EQ(number("17179869184G", 1, &n), -ERANGE);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_EQ(number(wrong[i], 1, &n), -EINVAL);
		CHECK_EQ(n, 4711);
	}
	CHECK(!config_number("5", 0, 5, 5, &n) && n == 5);
	CHECK_EQ(config_number("4", 0, 5, 5, &n), -ERANGE);
	CHECK_EQ(config_number("6", 0, 5, 5, &n), -ERANGE);
}

static void what_is_shown_is_safe_and_short(void)
{
	static const char long_one[] = "0123456789012345678901234567890123456789x";
	char buf[CONFIG_SHOWN_MAX];

	CHECK_STR(config_shown("\x1f ~\x7f\x80", 5, buf), "? ~??");
	CHECK_STR(config_shown(long_one, 40, buf), "0123456789012345678901234567890123456789");
	CHECK_STR(config_shown(long_one, 41, buf),
		  "0123456789012345678901234567890123456789...");
	CHECK_STR(config_shown("", 0, buf), "");
}

static void texts_go_behind_each_other(void)
{
	char text[16] = "";
	struct config_error e = { .file = "f", .text = text, .size = sizeof(text) };
	struct config_error none = { .file = "f" };

	config_behind(&none, "; ");
	CHECK(!none.text);
	config_behind(&e, "; ");
	CHECK_STR(text, "");
	CHECK_EQ(config_fail(&e, 0, "%s", "ab"), -EINVAL);
	config_behind(&e, "; ");
	CHECK_EQ(config_fail(&e, 7, "%s", "cd"), -EINVAL);
	CHECK_STR(text, "f: ab; f:7: cd");
	/* To the end of the room and no further. */
	config_behind(&e, "; and more");
	config_behind(&e, "; and more");
	CHECK_EQ(config_fail(&e, 8, "x"), -EINVAL);
	CHECK_STR(text, "f: ab; f:7: cd;");
}

static char seen[400];

static int see(void *user, const struct config_item *item, struct config_error *e)
{
	size_t len = strlen(seen);

	(void)e;
	snprintf(seen + len, sizeof(seen) - len, "%u%s %s|%s|%s;", item->line,
		 item->kind == CONFIG_OPEN ? "{" : item->kind == CONFIG_CLOSE ? "}" : "",
		 item->path, item->key, item->value);
	return user && item->kind == CONFIG_CLOSE ? -ECANCELED : 0;
}

static int items(const char *text, size_t len, void *user)
{
	struct config_error e = { .file = "f", .text = err, .size = sizeof(err) };

	seen[0] = '\0';
	return config_parse(text, len, see, user, &e);
}

static void lines_are_items(void)
{
	static const char text[] = "\n \t \r\n\t # {\n a\t{ \n b: {\nc :  d e \n}\n f:\n}";

	CHECK_EQ(items(text, strlen(text), NULL), 0);
	CHECK_STR(seen, "4{ a||;5{ a.b||;6 a.b|c|d e;7} a.b||;8 a|f|;9} a||;");
	/* The function's error ends it. */
	CHECK_EQ(items(text, strlen(text), text[0] ? seen : NULL), -ECANCELED);
	CHECK_STR(seen, "4{ a||;5{ a.b||;6 a.b|c|d e;7} a.b||;");
	/* Bytes in front of the text are none of it. */
	CHECK_EQ(items(&" \n"[1], 1, NULL), 0);
	CHECK_EQ(items(&" \tx"[1], 1, NULL), 0);
	CHECK_EQ(items("", 0, NULL), 0);
	CHECK_STR(seen, "");
	CHECK_EQ(items("a: b\0", 5, NULL), -EINVAL);
	CHECK_STR(err, "f:1: found a NUL byte, expected text");
	CHECK_EQ(items("\0", 1, NULL), -EINVAL);
}

static void names_of_sections_have_a_limit(void)
{
	char text[2 * CONFIG_PATH_MAX] = "a {\n";
	size_t n = strlen(text);

	/* "a." and a name: the NUL counts. */
	memset(text + n, 'b', CONFIG_PATH_MAX);
	strcpy(text + n + CONFIG_PATH_MAX - 3, "{\n}\n}\n");
	CHECK_EQ(items(text, strlen(text), NULL), 0);
	memset(text + n, 'b', CONFIG_PATH_MAX);
	strcpy(text + n + CONFIG_PATH_MAX - 2, "{\n}\n}\n");
	CHECK_EQ(items(text, strlen(text), NULL), -EINVAL);
	CHECK(strstr(err, "f:2: found a section 2 deep, expected at most 16 nested sections with "
		     "names of 255 bytes in total"));
	memset(text, 'b', CONFIG_PATH_MAX);
	strcpy(text + CONFIG_PATH_MAX - 1, "{\n}\n");
	CHECK_EQ(items(text, strlen(text), NULL), 0);
}

/* ---- nodes ---- */

/* The last one counts, also where it is the shorter one. */
static void keys_may_be_given_twice(void)
{
	struct sinew_options opt = { 0 };

	CHECK_EQ(parse("totem {\ncluster_name: longer\ncluster_name: abc\n}\n"
		       "sinew {\ngroup: longer\ngroup: def\n}\n"
		       NODE("1", "name: longer\nname: x\nring0_addr: 127.0.0.11\n"
				 "ring0_addr: 127.0.0.1")), 0);
	CHECK_OR_RETURN(config);
	CHECK_STR(sinew_config_cluster(config), "abc");
	CHECK_STR(sinew_config_name(config, 1), "x");
	CHECK_STR(config->nodes[0].rings[0].host, "127.0.0.1");
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_STR(opt.group, "def");
}

static void keys_of_corosync_are_left_to_it(void)
{
	struct sinew_options opt = { 0 };

	CHECK_EQ(parse(NODE("1", "host2_addr: 127.0.0.9\nring1_prio: 7\nring0_addr: 127.0.0.1\n"
				 "ring7_addr: 127.0.0.8\nquorum_votes: 1")), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_EQ(opt.n_addrs, 2);
	CHECK(config->nodes[0].rings[7].line && !config->nodes[0].rings[1].line);
	/* The same key in another section is another key. */
	CHECK_EQ(parse("totem {\nnodeid: x\nport: x\n}\nquorum {\ncluster_name: no\nport: 7\n"
		       "nodeid: x\nnode {\nnodeid: x\n}\n}\n" ONE), 0);
	CHECK_STR(sinew_config_cluster(config), "");
	CHECK_EQ(config->n_nodes, 1);
}

static void numbers_of_a_node_hold_at_their_limits(void)
{
	CHECK_EQ(parse(NODE("2147483647", "ring0_addr: 127.0.0.1\nsinew_port: 65535")), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(static_port(config, &config->nodes[0]), 65535);
	CHECK(static_find(config, 2147483647) && !static_find(config, 1));
	CHECK_EQ(parse(NODE("1", "ring0_addr: 127.0.0.1\nsinew_port: 1")), 0);
	CHECK_EQ(parse(NODE("1", "ring0_addr: 127.0.0.1\nsinew_port: 0")), -EINVAL);
}

/* The file of a node that is dialled may have several that are not. */
static void of_two_that_are_not_dialled_neither_takes_the_file(void)
{
	static const char text[] = "nodelist {\n"
		"node {\nnodeid: 1\nring0_addr: 127.0.0.1\ndial: always\n}\n"
		"node {\nnodeid: 2\nring0_addr: 127.0.0.2\ndial: never\n}\n"
		"node {\nnodeid: 3\nring0_addr: 127.0.0.3\ndial: never\n}\n}\n";
	struct sinew_options opt;

	CHECK_EQ(parse(text), 0);
	CHECK_OR_RETURN(config);
	SINEW_OPTIONS_INIT(&opt);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_EQ(sinew_config_options(config, 2, &opt, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, ":15: dial: found never in node 3, as in line 10 in the own node 2: "
		     "neither would dial the other. "));
	CHECK_EQ(sinew_config_options(config, 3, &opt, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, ":10: dial: found never in node 2"));
}

static void the_family_is_as_said(void)
{
	static const struct {
		const char *text;
		enum host_family family;
		bool is_said;
	} all[] = {
		{ ONE, HOST_IPV6_4, false },
		{ "totem {\nip_version: ipv6-4\n}\n" ONE, HOST_IPV6_4, true },
		{ "totem {\nip_version: ipv4-6\n}\n" ONE, HOST_IPV4_6, true },
		{ "totem {\nip_version: ipv4\n}\n" ONE, HOST_IPV4, true },
		{ "totem {\nip_version: ipv6\n}\n" ONE, HOST_IPV6, true },
		{ "totem {\nip_version: ipv5\n}\n" ONE, HOST_IPV6_4, false },
		{ "totem {\nversion: ipv6\n}\n" ONE, HOST_IPV6_4, false },
		{ "totem {\ntransport: knet\n}\n" ONE, HOST_IPV6_4, false },
		{ "totem {\ntransport: udp\n}\n" ONE, HOST_IPV4, false },
		{ "totem {\ntransport: udp\nip_version: ipv6-4\n}\n" ONE, HOST_IPV6_4, true },
		{ "totem {\nip_version: ipv6\ntransport: udp\n}\n" ONE, HOST_IPV6, true },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK_EQ(parse(all[i].text), 0);
		CHECK_OR_RETURN(config);
		CHECK_EQ(config->family, all[i].family);
		CHECK_EQ(config->has_family, all[i].is_said);
	}
}

static void nodes_are_given_as_far_as_there_is_room(void)
{
	uint32_t ids[5] = { 90, 91, 92, 93, 94 };

	CHECK_EQ(parse(THREE), 0);
	CHECK_EQ(sinew_config_nodes(config, ids, 1), 3);
	CHECK(ids[0] == 1 && ids[1] == 91);
	CHECK_EQ(sinew_config_nodes(config, ids, 5), 3);
	CHECK(ids[1] == 2 && ids[2] == 3 && ids[3] == 93);
}

/* ---- the section sinew ---- */

static void there_is_room_for_all_nodes(void)
{
	static const uint32_t rooms[][2] = { { 0, 0 }, { 1, 2 }, { 2, 2 }, { 3, 3 } };

	CHECK_EQ(parse(THREE), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct sinew_options opt = { .max_peers = rooms[i][0] };

		CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
		CHECK_EQ(opt.max_peers, rooms[i][1]);
	}
}

static void what_belongs_together_is_checked_at_its_limit(void)
{
	CHECK_EQ(parse("sinew {\nqueue_bytes: 1M\nmax_message: 512k\n}\n" ONE), 0);
	CHECK_EQ(parse("sinew {\nqueue_bytes: 1M\nmax_message: 524289\n}\n" ONE), -EINVAL);
	CHECK_EQ(parse("sinew {\nqueue_bytes: 256k\n}\n" ONE), 0);
	CHECK_EQ(parse("sinew {\nmax_message: 16M\n}\n" ONE), 0);
	CHECK_EQ(parse("sinew {\nbackoff_min_ms: 10\nbackoff_max_ms: 10\n}\n" ONE), 0);
	CHECK_EQ(parse("sinew {\nbackoff_min_ms: 11\nbackoff_max_ms: 10\n}\n" ONE), -EINVAL);
	CHECK_EQ(parse("sinew {\nbackoff_min_ms: 11\n}\n" ONE), 0);
	CHECK_EQ(parse("sinew {\nbackoff_max_ms: 11\n}\n" ONE), 0);
	CHECK_EQ(parse("sinew {\nfence_command: /x\n}\n" ONE), 0);
}

static void fencing_has_its_defaults(void)
{
	struct sinew_config_fence fence = { .size = sizeof(fence) };

	CHECK_EQ(parse(ONE), 0);
	CHECK_EQ(sinew_config_fence(config, &fence), 0);
	CHECK(!fence.command && fence.timeout_ms == 60000 && !fence.hold);
	CHECK_EQ(fence.size, sizeof(fence));
	fence.size--;
	CHECK_EQ(sinew_config_fence(config, &fence), -EINVAL);
}

/* Texts fill their room to the last byte; what is no option stays out of the options. */
static void values_stay_in_their_place(void)
{
	struct {
		struct sinew_options opt;
		uint8_t behind[sizeof(struct section)];
	} to;
	char name[SINEW_NAME_MAX + 1], text[400];

	memset(&to, 0x55, sizeof(to));
	memset(name, 'n', sizeof(name));
	name[SINEW_NAME_MAX - 1] = '\0';
	snprintf(text, sizeof(text), "sinew {\ngroup: %s\nfence_command: /x\nfence_hold: yes\n"
		 "fence_timeout_ms: 7\nport: 258\nmax_peers: 9\n}\n" ONE, name);
	CHECK_EQ(parse(text), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &to.opt, err, sizeof(err)), 0);
	CHECK_STR(to.opt.group, name);
	CHECK_EQ(to.opt.port, 258);
	CHECK_EQ(to.opt.max_peers, 9);
	for (size_t i = 0; i < sizeof(to.behind); i++)
		CHECK_EQ(to.behind[i], 0x55);
	name[SINEW_NAME_MAX - 1] = 'n';
	name[SINEW_NAME_MAX] = '\0';
	snprintf(text, sizeof(text), "sinew {\ngroup: %s\n}\n" ONE, name);
	CHECK_EQ(parse(text), -EINVAL);
	CHECK_STR(err, "f:2: group: found 64 bytes, expected 1 to 63");
}

/* ---- files, and where they are used ---- */

static int load_of(size_t len)
{
	int fd = memfd_create("config", MFD_CLOEXEC), rc;
	char path[64], *text = malloc(len);

	memset(text, '#', len);
	memcpy(text, ONE, strlen(ONE));
	CHECK_EQ(write(fd, text, len), len);
	free(text);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	sinew_config_free(config);
	config = NULL;
	rc = sinew_config_load(path, &config, err, sizeof(err));
	close(fd);
	return rc;
}

static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void a_file_may_be_so_long(void)
{
	const int before = next_fd();

	CHECK_EQ(load_of(STATIC_FILE_MAX), 0);
	CHECK(config);
	CHECK_EQ(load_of(STATIC_FILE_MAX + 1), -EFBIG);
	CHECK(!config);
	CHECK_EQ(sinew_config_load("/", &config, err, sizeof(err)), -EISDIR);
	/* None is left open. */
	CHECK_EQ(next_fd(), before);
}

/* Node 2 of the file, which listens nowhere. */
static struct sinew_node *second_node(const char *text)
{
	struct sinew_node *node = NULL;
	struct sinew_options opt;

	SINEW_OPTIONS_INIT(&opt);
	CHECK_EQ(parse(text), 0);
	CHECK_EQ(sinew_config_options(config, 2, &opt, err, sizeof(err)), 0);
	opt.n_addrs = 0;
	CHECK_EQ(sinew_node_new(&opt, NULL, NULL, &node), 0);
	return node;
}

static void a_peer_that_cannot_be_added_is_named(void)
{
	struct sinew_node *node = second_node(THREE);

	CHECK_OR_RETURN(node);
	CHECK_EQ(sinew_config_join(config, node, err, sizeof(err)), 0);
	CHECK_EQ(sinew_config_join(config, node, err, sizeof(err)), -EEXIST);
	CHECK_STR(err, "f:2: cannot add node 1 as a peer: File exists");
	sinew_node_free(node);
}

static void nodes_have_the_names_of_the_file(void)
{
	struct sinew_node *node =
		second_node("nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\nname: one\n}\n"
			    "node {\nnodeid: 2\nring0_addr: 127.0.0.2\nname: two\n}\n"
			    "node {\nnodeid: 3\nring0_addr: 127.0.0.3\n}\n}\n");
	static const char *const names[] = { [1] = "one", [2] = "two", [3] = "" };
	char name[SINEW_PEER_NAME_MAX];

	CHECK_OR_RETURN(node);
	CHECK_EQ(sinew_config_join(config, node, err, sizeof(err)), 0);
	for (uint32_t i = 1; i <= 3; i++) {
		CHECK_EQ(sinew_peer_name(node, i, name, sizeof(name)), 0);
		CHECK_STR(name, names[i]);
	}
	sinew_node_free(node);
}

static void who_cannot_start_is_told_each_reason(void)
{
	const int before = next_fd();

	CHECK_EQ(parse(NODE("5", "ring0_addr: 192.0.2.1\nring1_addr: later\n"
				 "ring2_addr: 127.54.32.10")), 0);
	CHECK_OR_RETURN(config);
	sinew_config_explain(config, 5, -EADDRNOTAVAIL, err, sizeof(err));
	CHECK_STR(err, "f:4: 192.0.2.1 of node 5 is not an address of this machine: run node 5 on "
		  "the machine that has it, or correct the line; f:5: found \"later\" as "
		  "ring1_addr of node 5, which cannot be resolved: not resolved yet");
	sinew_config_explain(config, 5, -ENOMEM, err, sizeof(err));
	CHECK_STR(err, "f:2: cannot start node 5: Cannot allocate memory");
	sinew_config_explain(config, 6, -ENOMEM, err, sizeof(err));
	CHECK_STR(err, "f: cannot start node 6: Cannot allocate memory");
	sinew_config_explain(config, 5, -ENOMEM, NULL, 0);
	CHECK_EQ(next_fd(), before);
}

int main(void)
{
	RUN(numbers_are_whole);
	RUN(what_is_shown_is_safe_and_short);
	RUN(texts_go_behind_each_other);
	RUN(lines_are_items);
	RUN(names_of_sections_have_a_limit);
	RUN(keys_may_be_given_twice);
	RUN(keys_of_corosync_are_left_to_it);
	RUN(numbers_of_a_node_hold_at_their_limits);
	RUN(of_two_that_are_not_dialled_neither_takes_the_file);
	RUN(the_family_is_as_said);
	RUN(nodes_are_given_as_far_as_there_is_room);
	RUN(there_is_room_for_all_nodes);
	RUN(what_belongs_together_is_checked_at_its_limit);
	RUN(fencing_has_its_defaults);
	RUN(values_stay_in_their_place);
	RUN(a_file_may_be_so_long);
	RUN(a_peer_that_cannot_be_added_is_named);
	RUN(nodes_have_the_names_of_the_file);
	RUN(who_cannot_start_is_told_each_reason);
	sinew_config_free(config);
	return check_done();
}
