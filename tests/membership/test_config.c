/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration files: what is read, what is refused and in which words.
 * Knows nothing of sessions; no packet is sent.
 */
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "lowcomms/sinew.h"
#include "membership/host.h"
#include "membership/config.h"
#include "membership/static.h"
#include "tests/lib/check.h"

#define TWO_NODES \
	"nodelist {\n" \
	"  node {\n" \
	"    nodeid: 1\n" \
	"    ring0_addr: 127.0.0.1\n" \
	"  }\n" \
	"  node {\n" \
	"    nodeid: 2\n" \
	"    ring0_addr: 127.0.0.2\n" \
	"  }\n" \
	"}\n"

#define NODE(id, rest) "nodelist {\nnode {\nnodeid: " id "\n" rest "\n}\n}\n"

/* Of the kind that corosync's own tools write, and a section of ours. */
static const char full[] =
	"# Please read the corosync.conf.5 manual page\n"
	"totem {\n"
	"\tversion: 2\n"
	"\tcluster_name: debian\n"
	"\ttransport: knet\n"
	"\tcrypto_cipher: aes256\r\n"
	"\tinterface {\n"
	"\t\tlinknumber: 0\n"
	"\t\tknet_link_priority: 1\n"
	"\t}\n"
	"}\n"
	"\n"
	"logging {\n"
	"\tfileline: off\n"
	"\tlogfile: /var/log/corosync/corosync.log\n"
	"\tlogger_subsys {\n"
	"\t\tsubsys: QUORUM\n"
	"\t\tdebug: off\n"
	"\t}\n"
	"}\n"
	"quorum {\n"
	"\tprovider: corosync_votequorum\n"
	"}\n"
	"nodelist {\n"
	"\tnode {\n"
	"\t\tname: node1\n"
	"\t\tnodeid: 1\n"
	"\t\tquorum_votes: 1\n"
	"\t\tring0_addr: 127.0.0.1\n"
	"\t\tring1_addr: 127.0.1.1\n"
	"\t}\n"
	"\tnode{\n"
	"\t\tname : node2\n"
	"\t\tnodeid:7\n"
	"\t\tring3_addr:127.0.0.3\n"
	"\t\tring0_addr:127.0.0.2\n"
	"\t\tsinew_port: 4000\n"
	"\t}\n"
	"}\n"
	"sinew {\n"
	"\tgroup: store\n"
	"\ttransport: tcp\n"
	"\tport: 3000\n"
	"\tmax_message: 64k\n"
	"\tqueue_bytes: 1M\n"
	"\tnode_memory: 2G\n"
	"\tstall_ms: 1500\n"
	"\tquorum_policy: ignore\n"
	"\tauto_close: yes\n"
	"\tfence_command: /bin/agent\n"
	"\tfence_timeout_ms: 1500\n"
	"\tfence_hold: yes\n"
	"}\n";

static char err[SINEW_CONFIG_ERROR_MAX];

/* Through a file, as programs do. */
static int load(const char *text, size_t len, struct sinew_config **ret_config)
{
	char path[] = "/tmp/sinew-config-XXXXXX";
	int fd = mkstemp(path);
	int rc;

	if (fd < 0 || write(fd, text, len) != (ssize_t)len) {
		perror(path);
		exit(1);
	}
	close(fd);
	rc = sinew_config_load(path, ret_config, err, sizeof(err));
	unlink(path);
	return rc;
}

/* The part of an error behind the name of the temporary file. */
static const char *behind_name(void)
{
	const char *colon = strchr(err, ':');

	return colon ? colon : err;
}

/* As an editor of another system leaves it. */
static void lines_may_end_with_a_carriage_return(void)
{
	struct sinew_config *config = NULL;
	char text[2 * sizeof(full)];
	size_t len = 0;

	for (const char *c = full; *c; c++) {
		if (*c == '\n')
			text[len++] = '\r';
		text[len++] = *c;
	}
	CHECK_EQ(load(text, len, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_STR(sinew_config_cluster(config), "debian");
	CHECK_STR(sinew_config_name(config, 7), "node2");
	sinew_config_free(config);
}

static void a_full_file_is_read(void)
{
	struct sinew_config *config = NULL;
	struct sinew_options opt;
	struct sinew_config_fence fence = { .size = sizeof(fence) };
	uint32_t ids[4] = { 0 };
	char text[HOST_TEXT_MAX];

	CHECK_EQ(load(full, strlen(full), &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_STR(sinew_config_cluster(config), "debian");
	CHECK_EQ(sinew_config_nodes(config, ids, 4), 2);
	CHECK_EQ(ids[0], 1);
	CHECK_EQ(ids[1], 7);
	CHECK_EQ(sinew_config_nodes(config, NULL, 0), 2);
	CHECK_STR(sinew_config_name(config, 7), "node2");
	CHECK_STR(sinew_config_name(config, 3), "");

	memset(&opt, 0, sizeof(opt));
	CHECK_EQ(sinew_config_options(config, 7, &opt, err, sizeof(err)), 0);
	CHECK_EQ(opt.nodeid, 7);
	CHECK_STR(opt.cluster, "debian");
	CHECK_STR(opt.group, "store");
	CHECK_STR(opt.transport, "tcp");
	CHECK_EQ(opt.membership, SINEW_MEMBERSHIP_STATIC);
	CHECK_EQ(opt.n_addrs, 2);
	CHECK_STR(host_text(&opt.addrs[0], true, text), "127.0.0.2:4000");
	CHECK_STR(host_text(&opt.addrs[1], true, text), "127.0.0.3:4000");
	CHECK_EQ(opt.port, 4000);
	CHECK_EQ(opt.max_message, 65536);
	CHECK_EQ(opt.queue_bytes, 1 << 20);
	CHECK_EQ(opt.node_memory, 2LL << 30);
	CHECK_EQ(opt.stall_ms, 1500);
	CHECK_EQ(opt.quorum_policy, SINEW_QUORUM_IGNORE);
	CHECK(opt.auto_close);
	CHECK_EQ(opt.connect_ms, 0);
	CHECK_EQ(sinew_config_fence(config, &fence), 0);
	CHECK_STR(fence.command, "/bin/agent");
	CHECK_EQ(fence.timeout_ms, 1500);
	CHECK(fence.hold);
	fence.size = 0;
	CHECK_EQ(sinew_config_fence(config, &fence), -EINVAL);

	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_STR(host_text(&opt.addrs[0], true, text), "127.0.0.1:3000");
	CHECK_STR(host_text(&opt.addrs[1], true, text), "127.0.1.1:3000");
	CHECK_EQ(opt.port, 3000);

	CHECK_EQ(sinew_config_options(config, 3, &opt, err, sizeof(err)), -EINVAL);
	CHECK_STR(behind_name(), ": found no node with nodeid 3, expected the own node in "
		  "nodelist");
	sinew_config_free(config);
}

static void ipv6_is_read(void)
{
	static const char text[] = NODE("1", "ring0_addr: ::1\nring1_addr: ::ffff:127.0.0.1");
	struct sinew_config *config = NULL;
	struct sinew_options opt = { 0 };
	char shown[HOST_TEXT_MAX];

	CHECK_EQ(load(text, strlen(text), &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_STR(host_text(&opt.addrs[0], true, shown), "[::1]:21065");
	CHECK_EQ(opt.n_addrs, 2);
	CHECK_STR(host_text(&opt.addrs[1], true, shown), "127.0.0.1:21065");
	sinew_config_free(config);
}

static void defaults_stay_where_the_file_is_silent(void)
{
	static const char text[] = TWO_NODES;
	struct sinew_config *config = NULL;
	struct sinew_options opt = { .group = "mine", .max_message = 77, .max_peers = 128 };

	CHECK_EQ(load(text, strlen(text), &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_STR(opt.group, "mine");
	CHECK_STR(opt.cluster, "");
	CHECK_EQ(opt.max_message, 77);
	CHECK_EQ(opt.max_peers, 128);
	CHECK_EQ(opt.port, SINEW_PORT);
	CHECK_EQ(ntohs(((struct sockaddr_in *)&opt.addrs[0])->sin_port), SINEW_PORT);
	sinew_config_free(config);
}

static void a_file_without_last_newline_is_read(void)
{
	static const char text[] = TWO_NODES "sinew {\n}";
	struct sinew_config *config = NULL;

	CHECK_EQ(load(text, strlen(text), &config), 0);
	sinew_config_free(config);
}

static void host_names_are_resolved(void)
{
	static const char text[] =
		"totem {\nip_version: ipv4\n}\n"
		"nodelist {\nnode {\nnodeid: 1\nring0_addr: localhost\n}\n}\n";
	struct sinew_config *config = NULL;
	struct sinew_options opt = { 0 };
	char shown[HOST_TEXT_MAX];

	CHECK_EQ(load(text, strlen(text), &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_STR(host_text(&opt.addrs[0], false, shown), "127.0.0.1");
	sinew_config_free(config);
}

static const struct bad {
	const char *text, *error;
} bad[] = {
	{ "", ": found no node, expected \"nodelist { node { nodeid, ring0_addr } ... }\"" },
	{ "totem\n", ":1: found \"totem\", expected \"name {\", \"key: value\", \"}\" or a "
	  "comment with \"#\"" },
	{ "\n\ntot\001em\n", ":3: found \"tot?em\", expected \"name {\", \"key: value\", "
	  "\"}\" or a comment with \"#\"" },
	{ "totem {\nversion = 2\n}\n", ":2: found \"version = 2\", expected \"name {\", "
	  "\"key: value\", \"}\" or a comment with \"#\"" },
	{ "totem {\n", ":1: found the end of the file, expected the \"}\" of \"totem {\" of "
	  "line 1" },
	{ "totem {\na {\n}\n", ":3: found the end of the file, expected the \"}\" of \"totem {\" "
	  "of line 1" },
	{ "}\n", ":1: found \"}\", but no section is open: remove it, or add the \"name {\" that "
	  "belongs to it" },
	{ "totem { version: 2 }\n", ":1: found \" version: 2 }\" after \"{\", expected the end of "
	  "the line" },
	{ "totem {\n} # end\n", ":2: found \"} # end\", expected \"}\" alone on its line" },
	{ "{\n}\n", ":1: found \"{\" without a name before it, expected \"name {\"" },
	{ " : 2\n", ":1: found \":\" without a key before it, expected \"key: value\"" },
	{ "nodelist {\nnode {\nring0_addr: 127.0.0.1\n}\n}\n",
	  ":2: found a node without nodeid, expected \"nodeid: NUMBER\" in it" },
	{ NODE("0", "ring0_addr: 127.0.0.1"),
	  ":3: nodeid: found \"0\", expected a number from 1 to 2147483647" },
	{ NODE("2147483648", "ring0_addr: 127.0.0.1"),
	  ":3: nodeid: found \"2147483648\", expected a number from 1 to 2147483647" },
	{ NODE("99999999999999999999999", "ring0_addr: 127.0.0.1"),
	  ":3: nodeid: found \"99999999999999999999999\", expected a number from 1 to 2147483647" },
	{ NODE("one", "ring0_addr: 127.0.0.1"),
	  ":3: nodeid: found \"one\", expected a number from 1 to 2147483647" },
	{ NODE("-1", "ring0_addr: 127.0.0.1"),
	  ":3: nodeid: found \"-1\", expected a number from 1 to 2147483647" },
	{ NODE("1k", "ring0_addr: 127.0.0.1"),
	  ":3: nodeid: found \"1k\", expected a number from 1 to 2147483647" },
	{ NODE("1", "name: x"),
	  ":2: found node 1 without an address, expected \"ring0_addr: ADDRESS\" in it" },
	{ NODE("1", "ring8_addr: 127.0.0.1"),
	  ":4: unknown key \"ring8_addr\" in \"node {\", expected ring0_addr .. "
	  "ring7_addr" },
	{ NODE("1", "ring0addr: 127.0.0.1"),
	  ":4: unknown key \"ring0addr\" in \"node {\", expected ring0_addr .. "
	  "ring7_addr" },
	{ NODE("1", "Ring0_Addr: 127.0.0.1"),
	  ":4: unknown key \"Ring0_Addr\" in \"node {\", expected ring0_addr .. "
	  "ring7_addr" },
	{ NODE("1", "node_id: 2\nring0_addr: 127.0.0.1"),
	  ":4: unknown key \"node_id\" in \"node {\", expected nodeid" },
	{ NODE("1", "naem: 2\nring0_addr: 127.0.0.1"),
	  ":4: unknown key \"naem\" in \"node {\", expected name" },
	{ NODE("1", "sinew_prot: 2\nring0_addr: 127.0.0.1"),
	  ":4: unknown key \"sinew_prot\" in \"node {\", expected sinew_port" },
	{ NODE("1", "dail: never\nring0_addr: 127.0.0.1"),
	  ":4: unknown key \"dail\" in \"node {\", expected dial" },
	{ NODE("1", "dial: no\nring0_addr: 127.0.0.1"),
	  ":4: dial: found \"no\", expected \"never\" or \"always\"" },
	{ NODE("1", "dial: never\nring0_addr: 127.0.0.1") "sinew {\nprofile: dlm\n}\n",
	  ":4: dial: found never, expected always: in the dlm profile each node dials" },
	{ NODE("1", "\xc2\xa0ring0_addr: 127.0.0.1"),
	  ":4: found the key \"??ring0_addr\" in \"node {\" with bytes that are not ASCII (a non-"
	  "breaking space?), expected ASCII" },
	{ NODE("1", "ring0_addr: 010.0.0.1"),
	  ":4: found \"010.0.0.1\" as ring0_addr of node 1, expected an address (in full, without "
	  "leading zeros) or a host name" },
	{ NODE("1", "ring0_addr: 10.1"),
	  ":4: found \"10.1\" as ring0_addr of node 1, expected an address (in full, without "
	  "leading zeros) or a host name" },
	{ NODE("1", "ring0_addr: 0x7f000001"),
	  ":4: found \"0x7f000001\" as ring0_addr of node 1, expected an address (in full, without "
	  "leading zeros) or a host name" },
	{ NODE("1", "ring0_addr: 127.0.0.1:21065"),
	  ":4: found \"127.0.0.1:21065\" as ring0_addr of node 1, expected an address (in full, "
	  "without leading zeros) or a host name" },
	{ NODE("1", "ring0_addr: fe80::77"),
	  ":4: found \"fe80::77\" as ring0_addr of node 1, a link-local address: expected its "
	  "interface as well, as in \"fe80::1%eth0\"" },
	{ NODE("1", "ring0_addr: 127.0.0.1\nring1_addr: ::ffff:127.0.0.1"),
	  ":5: found 127.0.0.1:21065 of node 1 again, node 1 has it in line 4, expected another "
	  "address or another sinew_port" },
	{ "totem: {\n} x\n", ":2: found \"} x\", expected \"}\" alone on its line" },
	{ " : {\n}\n", ":1: found \"{\" without a name before it, expected \"name {\"" },
	{ NODE("1", "ring0_addr:"),
	  ":4: ring0_addr: found nothing, expected an address or a host name" },
	{ NODE("1", "ring0_addr: 127.0.0.1\nsinew_port: 65536"),
	  ":5: sinew_port: found \"65536\", expected a number from 1 to 65535" },
	{ NODE("1", "ring0_addr: 0.0.0.0"),
	  ":4: found \"0.0.0.0\" as ring0_addr of node 1, expected the address of one machine" },
	{ NODE("1", "ring2_addr: ff02::1"),
	  ":4: found \"ff02::1\" as ring2_addr of node 1, expected the address of one machine" },
	{ "nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\n}\n"
	  "node {\nnodeid: 1\nring0_addr: 127.0.0.2\n}\n}\n",
	  ":7: found nodeid 1 again, already used in line 3: give each node its own" },
	{ "nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\n}\n"
	  "node {\nnodeid: 2\nring0_addr: 127.0.0.1\n}\n}\n",
	  ":8: found 127.0.0.1:21065 of node 2 again, node 1 has it in line 4, expected another "
	  "address or another sinew_port" },
	{ NODE("1", "ring0_addr: 127.0.0.1\nring1_addr: 127.0.0.1"),
	  ":5: found 127.0.0.1:21065 of node 1 again, node 1 has it in line 4, expected another "
	  "address or another sinew_port" },
	{ "totem {\ncluster_name: "
	  "0123456789012345678901234567890123456789012345678901234567890123\n}\n",
	  ":2: cluster_name: found 64 bytes, expected at most 63" },
	{ "sinew {\ncolour: red\n}\n", ":2: unknown key \"colour\" in \"sinew {\"; "
	  "sinew.conf(5) lists the keys" },
	{ "sinew {\npath {\n}\n}\n", ":2: unknown section \"path\" in \"sinew {\", "
	  "expected \"key: value\"" },
	{ "sinew {\nport: 0\n}\n", ":2: port: found 0, expected 1 to 65535" },
	{ "sinew {\nport: 64k\n}\n", ":2: port: found 64k, expected 1 to 65535" },
	{ "sinew {\nqueue_bytes: 255k\n}\n",
	  ":2: queue_bytes: found 255k, expected 262144 to 1073741824" },
	{ "sinew {\nqueue_bytes: 2G\n}\n",
	  ":2: queue_bytes: found 2G, expected 262144 to 1073741824" },
	{ "sinew {\nqueue_bytes: 99999999999999999G\n}\n",
	  ":2: queue_bytes: found 99999999999999999G, expected 262144 to 1073741824" },
	{ "sinew {\nqueue_bytes: 1T\n}\n",
	  ":2: queue_bytes: found \"1T\", expected a number, optionally followed by k, M or G" },
	{ "sinew {\nqueue_bytes: \n}\n",
	  ":2: queue_bytes: found \"\", expected a number, optionally followed by k, M or G" },
	{ "sinew {\ngroup:\n}\n", ":2: group: found 0 bytes, expected 1 to 63" },
	{ "sinew {\nauto_close: maybe\n}\n",
	  ":2: auto_close: found \"maybe\", expected \"no\" or \"yes\"" },
	{ "sinew {\nquorum_policy: halt\n}\n", ":2: quorum_policy: found \"halt\", expected "
	  "\"stop\", \"ignore\" or \"refuse\"" },
	{ "sinew {\nfence_command: fence it\n}\n" TWO_NODES,
	  ":2: fence_command: found \"fence it\", expected the absolute path of a program" },
	{ "sinew {\nfence_hold: yes\n}\n" TWO_NODES, ":2: fence_hold: found yes, expected "
	  "fence_command as well: nothing else ends the holding" },
	{ "sinew {\nmax_message: 32M\n}\n" TWO_NODES,
	  ":2: max_message: found 33554432, expected at most half of queue_bytes (16777216)" },
	{ "sinew {\nbackoff_min_ms: 20\nbackoff_max_ms: 10\n}\n" TWO_NODES,
	  ":2: backoff_min_ms: found 20, expected at most backoff_max_ms (10)" },
};

static void bad_files_are_refused_in_these_words(void)
{
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sinew_config *config = NULL;

		CHECK_EQ(load(bad[i].text, strlen(bad[i].text), &config), -EINVAL);
		CHECK(!config);
		CHECK_STR(behind_name(), bad[i].error);
	}
}

static void limits_hold_at_and_one_over(void)
{
	char text[CONFIG_LINE_MAX * 2];
	struct sinew_config *config = NULL;
	int i;

	/* A value that fills the line to its last byte, then one more. */
	i = sprintf(text, "%s", TWO_NODES);
	memset(text + i, 'x', CONFIG_LINE_MAX - 1);
	text[i + 1] = ':';
	CHECK_EQ(sinew_config_parse("t", text, (size_t)i + CONFIG_LINE_MAX - 1, &config, err,
				    sizeof(err)), 0);
	sinew_config_free(config);
	text[i + CONFIG_LINE_MAX - 1] = 'x';
	CHECK_EQ(sinew_config_parse("t", text, (size_t)i + CONFIG_LINE_MAX, &config, err,
				    sizeof(err)), -EINVAL);
	CHECK_STR(err, "t:11: found a line of 1024 bytes, expected at most 1023");
	/* A comment may be of any length. */
	text[i] = '#';
	CHECK_EQ(sinew_config_parse("t", text, (size_t)i + CONFIG_LINE_MAX, &config, err,
				    sizeof(err)), 0);
	sinew_config_free(config);

	text[0] = '\0';
	for (i = 0; i < CONFIG_DEPTH_MAX; i++)
		strcat(text, "a {\n");
	CHECK_EQ(sinew_config_parse("t", text, strlen(text), &config, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "t:16: found the end of the file"));
	strcat(text, "a {\n");
	CHECK_EQ(sinew_config_parse("t", text, strlen(text), &config, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "t:17: found a section 17 deep"));
}

static void as_many_nodes_as_there_is_room_for(void)
{
	static char text[STATIC_NODES_MAX * 100];
	struct sinew_config *config = NULL;
	struct sinew_options opt = { .max_peers = 128 };
	size_t len = 0;
	int i;

	len += (size_t)sprintf(text + len, "nodelist {\n");
	for (i = 1; i <= STATIC_NODES_MAX; i++)
		len += (size_t)sprintf(text + len, "node {\nnodeid: %d\n"
				       "ring0_addr: 127.1.%d.%d\n}\n", i, i >> 8, i & 255);
	len += (size_t)sprintf(text + len, "}\n");
	CHECK_EQ(load(text, len, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_EQ(opt.max_peers, 1024);
	sinew_config_free(config);
	config = NULL;
	len -= 2;
	len += (size_t)sprintf(text + len, "node {\n}\n}\n");
	CHECK_EQ(load(text, len, &config), -EINVAL);
	CHECK(strstr(err, ": found more than 1025 nodes, the maximum"));
}

/* A short error buffer is filled to its end and no further. */
static void errors_fit_their_buffer(void)
{
	static const char text[] = "nonsense";
	struct sinew_config *config;
	char small[16];
	size_t size;

	for (size = 0; size < sizeof(small); size++) {
		memset(small, 'x', sizeof(small));
		CHECK_EQ(sinew_config_parse("name", text, strlen(text), &config, small, size),
			 -EINVAL);
		CHECK(size == 0 || strlen(small) < size);
		CHECK_EQ(small[size], 'x');
	}
}

static void parse_copy(const char *text, size_t len)
{
	struct sinew_config *config = NULL;
	char *copy = malloc(len ? len : 1);	/* of the exact size, for the sanitizer */
	int rc;

	memcpy(copy, text, len);
	memset(err, 0, sizeof(err));
	rc = sinew_config_parse("file", copy, len, &config, err, sizeof(err));
	CHECK(rc == 0 || rc == -EINVAL);
	CHECK((rc == 0) == (config != NULL));
	CHECK((rc == 0) == (err[0] == '\0'));
	CHECK(rc == 0 || strncmp(err, "file:", 5) == 0);
	sinew_config_free(config);
	free(copy);
}

static void every_truncation_is_survived(void)
{
	size_t len;

	for (len = 0; len < sizeof(full); len++)
		parse_copy(full, len);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void every_changed_byte_is_survived(void)
{
	uint32_t state = 42;
	char text[sizeof(full)];
	int i, k;

	for (i = 0; i < 20000; i++) {
		memcpy(text, full, sizeof(full));
		for (k = 0; k <= i % 4; k++)
			text[next_random(&state) % strlen(full)] =
				k & 1 ? "{}:\n# \0\r"[next_random(&state) % 8]
				      : (char)next_random(&state);
		parse_copy(text, strlen(full));
	}
}

static void random_bytes_are_survived(void)
{
	uint32_t state = 4711;
	char text[300];
	size_t len, k;
	int i;

	for (i = 0; i < 20000; i++) {
		len = next_random(&state) % sizeof(text);
		for (k = 0; k < len; k++)
			text[k] = i & 1 ? "{}:\n #\0\tax"[next_random(&state) % 10]
					: (char)next_random(&state);
		parse_copy(text, len);
	}
}

static void files_that_cannot_be_read_are_named(void)
{
	struct sinew_config *config = NULL;

	CHECK_EQ(sinew_config_load("/nonexistent/x", &config, err, sizeof(err)), -ENOENT);
	CHECK_STR(err, "/nonexistent/x: cannot read: No such file or directory");
	CHECK_EQ(sinew_config_load("/", &config, err, sizeof(err)), -EISDIR);
	CHECK_STR(err, "/: cannot read: Is a directory");
	CHECK_EQ(sinew_config_load("/dev/zero", &config, err, sizeof(err)), -EFBIG);
	CHECK_STR(err, "/dev/zero: cannot read: File too large");
}

static void addresses_are_explained(void)
{
	char text[300], expected[SINEW_CONFIG_ERROR_MAX], file[64];
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct sinew_config *config = NULL;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_OR_RETURN(fd >= 0 && !bind(fd, (struct sockaddr *)&addr, len) && !listen(fd, 1) &&
			!getsockname(fd, (struct sockaddr *)&addr, &len));
	n = sprintf(text, NODE("5", "ring0_addr: 127.0.0.9\nring1_addr: 192.0.2.1\n"
				  "ring2_addr: 127.0.0.1\nring3_addr: ::1\nsinew_port: %d"),
		    ntohs(addr.sin_port));
	CHECK_OR_RETURN(!load(text, (size_t)n, &config) && config);
	sinew_config_explain(config, 5, -EADDRNOTAVAIL, err, sizeof(err));
	snprintf(file, sizeof(file), "%.*s", (int)(behind_name() - err), err);
	/* Each has its reason, whichever was the first. */
	sprintf(expected, ":5: 192.0.2.1 of node 5 is not an address of this machine: run node 5 "
		"on the machine that has it, or correct the line; %s:6: 127.0.0.1:%d of node 5 is "
		"in use by another program: stop it (is node 5 running already?), or set another "
		"sinew_port in this node", file, ntohs(addr.sin_port));
	CHECK_STR(behind_name(), expected);
	sinew_config_explain(config, 5, -EADDRINUSE, err, sizeof(err));
	CHECK_STR(behind_name(), expected);
	sinew_config_explain(config, 5, -EMFILE, err, sizeof(err));
	CHECK_STR(behind_name(), ":2: cannot start node 5: Too many open files: raise the open "
		  "file limit");
	close(fd);
	/* By TCP all are free: the transport needs another port of the node. */
	sinew_config_explain(config, 5, -EADDRINUSE, err, sizeof(err));
	CHECK_STR(behind_name(), ":2: cannot start node 5: Address already in use: stop the "
		  "program that has its port (is it running already?)");
	sinew_config_free(config);
}

int main(void)
{
	RUN(a_full_file_is_read);
	RUN(lines_may_end_with_a_carriage_return);
	RUN(ipv6_is_read);
	RUN(defaults_stay_where_the_file_is_silent);
	RUN(a_file_without_last_newline_is_read);
	RUN(host_names_are_resolved);
	RUN(bad_files_are_refused_in_these_words);
	RUN(limits_hold_at_and_one_over);
	RUN(as_many_nodes_as_there_is_room_for);
	RUN(errors_fit_their_buffer);
	RUN(every_truncation_is_survived);
	RUN(every_changed_byte_is_survived);
	RUN(random_bytes_are_survived);
	RUN(files_that_cannot_be_read_are_named);
	RUN(addresses_are_explained);
	return check_done();
}
