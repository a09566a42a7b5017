/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the calls to corosync's libraries: each service that refuses, each error and
 * what it means, the configuration as text, events as they are passed on. The libraries are those
 * of fake_calls.h. Knows nothing of what is concluded.
 */
#ifdef HAVE_COROSYNC
#include "tests/lib/fake_calls.h"

#include <errno.h>
#include <unistd.h>

#include "membership/ipc.h"

#define KEYS_THAT_FIT	4095

/* ---- what is passed on ---- */

static char seen[1000];

static void see(void *arg, const char *text, unsigned a, unsigned b)
{
	size_t len = strlen(seen);

	CHECK(arg == seen);
	snprintf(seen + len, sizeof(seen) - len, "%s %u %u;", text, a, b);
}

static void on_group(void *arg, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		     const struct view_gone *gone, unsigned n_gone)
{
	CHECK_EQ(own_pid, getpid());
	see(arg, "group", n_now, n_gone);
	for (unsigned i = 0; i < n_now && i < 2; i++)
		see(arg, "is", now[i].nodeid, now[i].pid);
	for (unsigned i = 0; i < n_gone && i < 4; i++)
		see(arg, gone[i].cause == VIEW_LEAVE ? "left" : gone[i].cause == VIEW_PROCDOWN ?
		    "ended" : "lost", gone[i].process.nodeid, gone[i].process.pid);
}

static void on_group_ring(void *arg, const struct view_ring *ring)
{
	see(arg, "ring", ring->nodeid, (unsigned)ring->seq);
}

static void on_quorum(void *arg, bool is_quorate, const struct view_ring *ring)
{
	see(arg, is_quorate ? "quorum" : "no quorum", ring->nodeid, (unsigned)ring->seq);
}

static void on_message(void *arg, const struct view_process *from, const uint8_t *bytes, size_t len)
{
	see(arg, "message", from->nodeid, from->pid);
	see(arg, "of", bytes[0], (unsigned)len);
}

static void on_config(void *arg)
{
	see(arg, "config", 0, 0);
}

static const struct ipc_events events = {
	on_group, on_group_ring, on_quorum, on_message, on_config,
};

static struct ipc *ipc;
static char text[200];

static int open_it(enum call wrong, cs_error_t rc)
{
	memset(&fake_lib, 0, sizeof(fake_lib));
	seen[0] = text[0] = '\0';
	fake_lib.wrong = wrong;
	fake_lib.rc = rc;
	return ipc_open(&events, seen, &ipc, text, sizeof(text));
}

static void begin(void)
{
	CHECK_EQ(open_it(NO_CALL, CS_OK), 0);
	CHECK_EQ(fake_lib.n_open, 3);
}

static void end(void)
{
	ipc_close(ipc);
	CHECK_EQ(fake_lib.n_open, 0);
}

/* The next call of that kind fails so. */
static void fail(enum call wrong, cs_error_t rc)
{
	memset(fake_lib.calls, 0, sizeof(fake_lib.calls));
	fake_lib.wrong = wrong;
	fake_lib.rc = rc;
	fake_lib.passes = 0;
}

/* ---- tests ---- */

static void each_service_may_refuse(void)
{
	static const struct {
		enum call call;
		const char *name;
	} all[] = {
		{ CMAP_OPEN, "cmap" }, { CMAP_TRACK, "cmap" }, { CPG_OPEN, "cpg" },
		{ QUORUM_OPEN, "quorum" }, { QUORUM_TRACK, "quorum" },
	};
	char expected[200];

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK_EQ(open_it(all[i].call, CS_ERR_LIBRARY), -ENOTCONN);
		snprintf(expected, sizeof(expected), "corosync's %s service: corosync is not "
			 "running", all[i].name);
		CHECK_STR(text, expected);
		CHECK_EQ(fake_lib.n_open, 0);
	}
	CHECK_EQ(open_it(CPG_OPEN, CS_ERR_TRY_AGAIN), -EAGAIN);
	CHECK_STR(text, "corosync's cpg service: corosync is not ready yet");
	CHECK_EQ(open_it(CPG_OPEN, CS_ERR_ACCESS), -ENOTCONN);
	CHECK_STR(text, "corosync's cpg service: access denied by corosync; see uidgid in "
		  "corosync.conf(5)");
	CHECK_EQ(open_it(CPG_OPEN, CS_ERR_EXIST), -ENOTCONN);
	CHECK_STR(text, "corosync's cpg service: it is there");
	CHECK_EQ(open_it(CPG_OPEN, CS_ERR_NO_MEMORY), -ENOMEM);
	CHECK_EQ(open_it(NO_CALL, CS_OK), 0);
	CHECK_EQ(fake_lib.calls[CMAP_TRACK], 3);
	CHECK_EQ(fake_lib.calls[QUORUM_TRACK], 1);
	CHECK_STR(text, "");
	end();
	ipc_close(NULL);
}

static void each_error_has_a_meaning(void)
{
	static const struct {
		cs_error_t rc;
		int error;
	} all[] = {
		{ CS_OK, 0 }, { CS_ERR_TRY_AGAIN, -EAGAIN }, { CS_ERR_BUSY, -EAGAIN },
		{ CS_ERR_QUEUE_FULL, -EAGAIN }, { CS_ERR_NO_MEMORY, -ENOMEM },
		{ CS_ERR_LIBRARY, -ENOTCONN }, { CS_ERR_BAD_HANDLE, -ENOTCONN },
	};
	bool is_quorate = false;

	begin();
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		fail(JOIN, all[i].rc);
		CHECK_EQ(ipc_join(ipc, "sinew/x"), all[i].error);
		CHECK(fake_lib.group.length == 7 && !memcmp(fake_lib.group.value, "sinew/x", 8));
		memset(&fake_lib.group, 0, sizeof(fake_lib.group));
		fail(LEAVE, all[i].rc);
		CHECK_EQ(ipc_leave(ipc), all[i].error);
		CHECK_EQ(fake_lib.group.length, 7);
		fail(MCAST, all[i].rc);
		CHECK_EQ(ipc_send(ipc, "abc", 3), all[i].error);
		CHECK_EQ(fake_lib.sent, 3);
		fail(QUORATE, all[i].rc);
		fake_lib.is_quorate = 1;
		is_quorate = false;
		CHECK_EQ(ipc_quorate(ipc, &is_quorate), all[i].error);
		CHECK_EQ(is_quorate, !all[i].error);
		CHECK_EQ(ipc_check(ipc), all[i].error == -ENOTCONN ? -ENOTCONN : 0);
	}
	fake_lib.is_quorate = 0;
	fail(NO_CALL, CS_OK);
	CHECK(!ipc_quorate(ipc, &is_quorate) && !is_quorate);
	end();
}

/* All three are read, unless one is gone; whoever is only busy has nothing now. */
static void each_connection_is_read(void)
{
	static const enum call reads[] = { CPG_READ, QUORUM_READ, CMAP_READ };

	begin();
	CHECK_EQ(ipc_dispatch(ipc), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(fake_lib.calls[reads[i]], 1);
	for (unsigned i = 0; i < 3; i++) {
		fail(reads[i], CS_ERR_TRY_AGAIN);
		CHECK_EQ(ipc_dispatch(ipc), 0);
		for (unsigned k = 0; k < 3; k++)
			CHECK_EQ(fake_lib.calls[reads[k]], 1);
		fail(reads[i], CS_ERR_LIBRARY);
		CHECK_EQ(ipc_dispatch(ipc), -ENOTCONN);
		for (unsigned k = 0; k < 3; k++)
			CHECK_EQ(fake_lib.calls[reads[k]], k <= i);
	}
	end();
}

static void each_descriptor_may_be_missing(void)
{
	static const enum call calls[] = { CPG_FD, QUORUM_FD, CMAP_FD };
	int fds[IPC_FDS];

	begin();
	for (unsigned i = 0; i < 4; i++) {
		fail(i < 3 ? calls[i] : NO_CALL, CS_ERR_NOT_SUPPORTED);
		ipc_fds(ipc, fds);
		for (unsigned k = 0; k < 3; k++)
			CHECK_EQ(fds[k], k == i ? -1 : 70 + (int)k);
	}
	end();
}

static void events_are_passed_on(void)
{
	static struct cpg_address many[CPG_MEMBERS_MAX + 1];
	static const struct cpg_address two[] = { { 1, 10, 0 }, { 2, 20, 0 } };
	static const struct cpg_address left[] = {
		{ 3, 30, CPG_REASON_LEAVE }, { 4, 40, CPG_REASON_PROCDOWN },
		{ 5, 50, CPG_REASON_NODEDOWN }, { 6, 60, CPG_REASON_NODEUP },
	};
	const struct cmap_notify_value none = { .len = 0 };
	struct cpg_name group = { .length = 0 };
	char bytes[] = "x";

	begin();
	fake_lib.cpg.cpg_confchg_fn(1, &group, two, 2, left, 4, two, 1);
	CHECK_STR(seen, "group 2 4;is 1 10;is 2 20;left 3 30;ended 4 40;lost 5 50;lost 6 60;");
	seen[0] = '\0';
	fake_lib.cpg.cpg_confchg_fn(1, &group, many, CPG_MEMBERS_MAX, NULL, 0, NULL, 0);
	fake_lib.cpg.cpg_confchg_fn(1, &group, many, CPG_MEMBERS_MAX + 1, many, CPG_MEMBERS_MAX + 1,
			       NULL, 0);
	CHECK_STR(seen, "group 128 0;is 0 0;is 0 0;group 128 128;is 0 0;is 0 0;lost 0 0;lost 0 0;"
		  "lost 0 0;lost 0 0;");
	seen[0] = '\0';
	fake_lib.cpg.cpg_totem_confchg_fn(1, (struct cpg_ring_id){ 8, 9 }, 0, NULL);
	fake_lib.cpg.cpg_deliver_fn(1, &group, 2, 20, bytes, 1);
	fake_lib.quorum.quorum_notify_fn(1, 2, (struct quorum_ring_id){ 3, 4 }, 0, NULL);
	fake_lib.quorum.quorum_notify_fn(1, 0, (struct quorum_ring_id){ 3, 5 }, 0, NULL);
	fake_lib.quorum.nodelist_notify_fn(1, (struct quorum_ring_id){ 3, 5 }, 0, NULL, 0, NULL, 0,
				      NULL);
	fake_lib.on_config(1, 1, 0, "key", none, none, fake_lib.config_arg);
	CHECK_STR(seen, "ring 8 9;message 2 20;of 120 1;quorum 3 4;no quorum 3 5;config 0 0;");
	CHECK(fake_lib.cpg.flags & CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF);
	end();
}

static void key(const char *name, const char *value, cmap_value_types_t type)
{
	snprintf(fake_lib.keys[fake_lib.n_keys].key, sizeof(fake_lib.keys[0].key), "%s", name);
	fake_lib.keys[fake_lib.n_keys].value = value;
	fake_lib.keys[fake_lib.n_keys++].type = type;
}

static int config(const char *expected)
{
	char *found = NULL;
	uint32_t local = 0;
	int rc;

	fake_lib.at = 0;
	rc = ipc_config(ipc, &found, &local);
	CHECK_EQ(local, rc == 0 || fake_lib.wrong != LOCAL ? 7 : 0);
	CHECK_EQ(found != NULL, rc == 0);
	if (expected && found)
		CHECK_STR(found, expected);
	free(found);
	return rc;
}

static void a_configuration_becomes_a_text(void)
{
	static const char all[] = "totem {\ncluster_name: c\nip_version: ipv4\n}\nnodelist {\n"
		"node {\nnodeid: 10\nring0_addr: a\n}\nnode {\nnodeid: 4294967295\nport: 65535\n}\n"
		"}\nsinew {\nport: 7\n}\ncontrol {\nread: ops\n}\n";
	static const char none[] = "totem {\n}\nnodelist {\n}\nsinew {\n}\n";

	begin();
	CHECK_EQ(config(none), 0);
	/* In any order; those of one node stand together. */
	key("sinew.port", "7", CMAP_VALUETYPE_STRING);
	key("nodelist.node.2.port", "65535", CMAP_VALUETYPE_UINT16);
	key("nodelist.node.10.ring0_addr", "a", CMAP_VALUETYPE_STRING);
	key("nodelist.node.10.nodeid", "10", CMAP_VALUETYPE_UINT32);
	key("nodelist.node.2.nodeid", "4294967295", CMAP_VALUETYPE_UINT32);
	key("nodelist.node.x.nodeid", "8", CMAP_VALUETYPE_UINT32);
	key("nodelist.node.7", "8", CMAP_VALUETYPE_UINT32);
	key("nodelist.local_node_pos", "1", CMAP_VALUETYPE_UINT32);
	key("totem.ip_version", "ipv4", CMAP_VALUETYPE_STRING);
	key("totem.cluster_name", "c", CMAP_VALUETYPE_STRING);
	key("totem.token", "1", CMAP_VALUETYPE_UINT32);
	key("sinew.big", "1", CMAP_VALUETYPE_UINT64);
	key("control.read", "ops", CMAP_VALUETYPE_STRING);
	CHECK_EQ(config(all), 0);
	end();
}

/* A key that goes meanwhile is left out; without an answer there is no configuration. */
static void each_question_may_fail(void)
{
	begin();
	key("nodelist.node.2.name", "two", CMAP_VALUETYPE_STRING);
	key("nodelist.node.2.nodeid", "2", CMAP_VALUETYPE_UINT32);
	key("nodelist.node.2.port", "9", CMAP_VALUETYPE_UINT16);
	fail(GET, CS_ERR_NOT_EXIST);
	CHECK_EQ(config("totem {\n}\nnodelist {\n}\nsinew {\n}\n"), 0);
	fail(GET_TEXT, CS_ERR_NOT_EXIST);
	CHECK_EQ(config("totem {\n}\nnodelist {\nnode {\nnodeid: 2\nport: 9\n}\n}\nsinew {\n}\n"),
		 0);
	fail(GET_32, CS_ERR_NOT_EXIST);
	CHECK_EQ(config("totem {\n}\nnodelist {\nnode {\nname: two\nport: 9\n}\n}\nsinew {\n}\n"),
		 0);
	fail(GET_16, CS_ERR_NOT_EXIST);
	CHECK_EQ(config("totem {\n}\nnodelist {\nnode {\nname: two\nnodeid: 2\n}\n}\nsinew {\n}\n"),
		 0);
	fail(LOCAL, CS_ERR_LIBRARY);
	CHECK_EQ(config(NULL), -ENOTCONN);
	CHECK_EQ(fake_lib.calls[ITER], 0);
	for (unsigned i = 0; i < 4; i++) {
		fail(ITER, CS_ERR_LIBRARY);
		fake_lib.passes = i;
		CHECK_EQ(config(NULL), -ENOTCONN);
		CHECK_EQ(fake_lib.calls[ITER], i + 1);
	}
	fail(NEXT, CS_ERR_LIBRARY);
	CHECK_EQ(config(NULL), -ENOTCONN);
	CHECK_EQ(fake_lib.calls[ITER], 1);
	end();
}

static void values_are_of_one_line(void)
{
	begin();
	key("sinew.group", "a b\xff", CMAP_VALUETYPE_STRING);
	CHECK_EQ(config("totem {\n}\nnodelist {\n}\nsinew {\ngroup: a b\xff\n}\n"), 0);
	key("sinew.transport", "a\nb", CMAP_VALUETYPE_STRING);
	CHECK_EQ(config(NULL), -EINVAL);
	fake_lib.keys[1].value = "a\x1f";
	CHECK_EQ(config(NULL), -EINVAL);
	end();
}

static void a_configuration_may_be_so_long(void)
{
	static char value[IPC_TEXT_MAX + 1];
	const size_t rest = strlen("totem {\n}\nnodelist {\n}\nsinew {\nx: \n}\n");
	char name[64];

	begin();
	for (unsigned i = 0; i < KEYS_THAT_FIT; i++) {
		snprintf(name, sizeof(name), "sinew.x%u", i);
		key(name, "1", CMAP_VALUETYPE_STRING);
	}
	CHECK_EQ(config(NULL), 0);
	key("sinew.y", "1", CMAP_VALUETYPE_STRING);
	CHECK_EQ(config(NULL), -EFBIG);
	key("sinew.z", "1", CMAP_VALUETYPE_STRING);
	CHECK_EQ(config(NULL), -EFBIG);
	end();
	/* Without an answer nothing is known of its length. */
	begin();
	for (unsigned i = 0; i <= KEYS_THAT_FIT; i++) {
		snprintf(name, sizeof(name), "nodelist.node.1.x%u", i);
		key(name, "1", CMAP_VALUETYPE_STRING);
	}
	fail(ITER, CS_ERR_LIBRARY);
	fake_lib.passes = 3;
	CHECK_EQ(config(NULL), -ENOTCONN);
	end();
	begin();
	memset(value, 'v', IPC_TEXT_MAX);
	value[IPC_TEXT_MAX - rest] = '\0';
	key("sinew.x", value, CMAP_VALUETYPE_STRING);
	CHECK_EQ(config(NULL), 0);
	value[IPC_TEXT_MAX - rest] = 'v';
	value[IPC_TEXT_MAX - rest + 1] = '\0';
	CHECK_EQ(config(NULL), -EFBIG);
	end();
}

static void a_group_has_a_name_that_fits(void)
{
	char name[CPG_MAX_NAME_LENGTH + 1];

	begin();
	memset(name, 'g', sizeof(name));
	name[CPG_MAX_NAME_LENGTH - 1] = '\0';
	CHECK_EQ(ipc_join(ipc, name), 0);
	CHECK_EQ(fake_lib.group.length, CPG_MAX_NAME_LENGTH - 1);
	name[CPG_MAX_NAME_LENGTH - 1] = 'g';
	name[CPG_MAX_NAME_LENGTH] = '\0';
	CHECK_EQ(ipc_join(ipc, name), -EINVAL);
	end();
}

int main(void)
{
	RUN(each_service_may_refuse);
	RUN(each_error_has_a_meaning);
	RUN(each_connection_is_read);
	RUN(each_descriptor_may_be_missing);
	RUN(events_are_passed_on);
	RUN(a_configuration_becomes_a_text);
	RUN(each_question_may_fail);
	RUN(values_are_of_one_line);
	RUN(a_configuration_may_be_so_long);
	RUN(a_group_has_a_name_that_fits);
	return check_done();
}

#else
#include "tests/lib/check.h"

int main(void)
{
	printf("ok - corosync's libraries # SKIP built without them\n");
	return 0;
}

#endif
