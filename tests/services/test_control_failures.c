/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of calls that fail under the control socket, the rights of its users, and a file
 * that is taken over: each of them in turn fails once, the first, the second and so on. An
 * operation that fails changes nothing and succeeds the next time, the node continues to run, and
 * no memory or descriptor leaks. Knows nothing of the purpose of the calls.
 * run.sh: timeout=200 waits
 */
#include "tests/lib/failing_each.h"

#include <grp.h>

#include "lowcomms/sinew-manage.h"
#include "membership/sinew-config.h"
#include "services/json.h"
#include "services/sinew-control.h"
#include "tests/lib/cluster.h"

#define TRIES		3u		/* of an operation: one failure is in its way */
#define LIMIT_MS	10000
#define READER_UID	54322u		/* numbers that no user of a machine has */
#define READER_GID	54325u
#define OTHER_GID	54324u

static const char ask_status[] = "{\"schema\":1,\"ask\":\"status\"}";
static const char ask_set[] = "{\"schema\":1,\"ask\":\"config-set\",\"options\":"
			      "{\"ack_ms\":\"7\",\"stall_ms\":\"9000\"}}";

static struct sinew_config *before, *after;
static char name[SINEW_CONTROL_NAME_MAX];

/* ---- files ---- */

static struct sinew_config *parse(const char *peer, const char *rest)
{
	char text[1024], err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_config *config = NULL;

	snprintf(text, sizeof text, "totem {\n cluster_name: failures\n}\nnodelist {\n"
		 " node {\n nodeid: 1\n ring0_addr: 127.9.8.1\n }\n%s}\n%s", peer, rest);
	if (sinew_config_parse("f", text, strlen(text), &config, err, sizeof err))
		check_fail(__FILE__, __LINE__, err);
	return config;
}

/* ---- the state ---- */

static bool is(struct sinew_node *n, const char *option, const char *value)
{
	char now[SINEW_OPTION_TEXT_MAX];

	return !sinew_option_get(n, option, now, sizeof now) && !strcmp(now, value);
}

/* All of it is as the one says, or as the other does. */
static bool all_are(struct sinew_node *n, const char *ack, const char *stall)
{
	return is(n, "ack_ms", ack) && is(n, "stall_ms", stall);
}

/* ---- operations, each until it works ---- */

static bool serve(struct sinew_node *n, struct sinew_calls *served)
{
	struct sinew_control_options opt = {
		.size = sizeof opt, .name = name, .calls = served, .has_read_gid = true,
		.read_gid = READER_GID,
	};
	int err = sinew_control_serve(n, &opt);

	if (err)
		err = sinew_control_serve(n, &opt);
	return CHECK_EQ(err, 0);
}

/* A whole answer that is no refusal. */
static bool ask(const char *request)
{
	struct json_object *o = NULL;
	char *answer = NULL;
	bool good = !sinew_control_ask(name, request, LIMIT_MS, &answer);

	if (good)
		o = json_parse(answer);
	good = o && !json_get(o, "error");
	json_free(o);
	sinew_control_free(answer);
	return good;
}

static bool ask_until(const char *request)
{
	for (unsigned i = 0; i < TRIES; i++)
		if (ask(request))
			return true;
	return false;
}

/* By a user who may for a supplementary group alone. */
static bool ask_as_reader(void)
{
	const gid_t group = READER_GID, none = 0;
	bool good;

	if (geteuid())
		return true;
	if (!CHECK(!setgroups(1, &group) && !setegid(OTHER_GID) && !seteuid(READER_UID)))
		return false;
	good = ask_until(ask_status);
	return CHECK(!seteuid(0) && !setegid(0) && !setgroups(1, &none)) && good;
}

static bool set(struct sinew_node *n)
{
	for (unsigned i = 0; i < TRIES; i++) {
		bool good = ask(ask_set);

		/* An answer that is lost was one all the same. */
		CHECK(all_are(n, "7", "9000") || (!good && all_are(n, "5", "20000")));
		if (good)
			return true;
	}
	return false;
}

static bool resolve(void)
{
	struct sinew_config_control c = { .size = sizeof c };
	char err[SINEW_CONFIG_ERROR_MAX];

	for (unsigned i = 0; i < TRIES; i++)
		if (!sinew_config_control(after, &c, err, sizeof err))
			return c.has_read_gid && !c.read_gid && c.n_write_uids == 1 &&
				c.remote_status;
	return false;
}

struct report {
	bool left;		/* peer 2 could not be taken over */
	bool told;		/* of a change */
};

static void on_report(void *user, const char *option, bool is_changed, const char *text)
{
	struct report *r = user;

	(void)text;
	r->told = r->told || is_changed;
	r->left = r->left || (!is_changed && !strcmp(option, "peer.2"));
}

static bool apply(struct sinew_node *n)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	char err[SINEW_CONFIG_ERROR_MAX];

	for (unsigned i = 0; i < TRIES; i++) {
		struct report r = { .told = false };
		int rc = sinew_config_apply(after, n, on_report, &r, err, sizeof err);

		/* Nothing, or all options; a peer that could not be added is named. */
		if (rc)
			CHECK(!r.told && all_are(n, "7", "9000"));
		else
			CHECK(all_are(n, "8", "20000"));
		if (!rc && !r.left)
			return CHECK_EQ(sinew_peer_addrs(n, 2, addrs, SINEW_ADDRS_MAX), 1);
		CHECK(rc || sinew_peer_addrs(n, 2, addrs, SINEW_ADDRS_MAX) == -ENOENT);
	}
	return false;
}

/* ---- plans ---- */

static struct sinew_node *open_node(struct sinew_calls **ret_calls)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_options o;
	struct sinew_node *n;

	SINEW_OPTIONS_INIT(&o);
	if (!CHECK_EQ(sinew_config_options(before, 1, &o, err, sizeof err), 0))
		return NULL;
	o.addrs[0] = addr;
	o.own_thread = true;
	if (!CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0))
		return NULL;
	CHECK_EQ(sinew_calls_new(n, NULL, ret_calls), 0);
	return n;
}

/* False: it was not reached any more. */
static bool try_plan(const struct plan *plan)
{
	static const struct plan none = { .call = CALLS };
	long blocks = atomic_load(&failing.blocks);
	unsigned fds = n_descriptors(), hits;
	struct sinew_calls *served = NULL;
	struct sinew_node *n = open_node(&served);
	bool good = n && served;

	failing_begin(plan);
	good = good && serve(n, served) && CHECK(ask_until(ask_status)) && CHECK(ask_as_reader()) &&
		CHECK(set(n)) && CHECK(resolve()) && CHECK(apply(n)) &&
		CHECK(ask_until(ask_status));
	sinew_node_free(n);
	sinew_calls_free(served);
	hits = atomic_load(&failing.hits);
	failing_begin(&none);
	if (!CHECK_EQ(n_descriptors(), fds) || !CHECK_EQ(atomic_load(&failing.blocks), blocks) ||
	    !good)
		printf("# %s, %u\n", calls[plan->call].name, plan->k);
	return hits;
}

static void without_memory(void)
{
	failing_each(failing_memory, try_plan);
	failing_one(CALL_strdup, try_plan);
}

static void without_descriptors(void)
{
	failing_each(failing_descriptors, try_plan);
}

static void without_sockets(void)
{
	failing_each(failing_sockets, try_plan);
}

static void without_a_thread(void)
{
	failing_one(CALL_pthread_create, try_plan);
	failing_one(CALL_getrandom, try_plan);
}

int main(void)
{
	snprintf(name, sizeof name, "sinew/control-failures/%d", (int)getpid());
	before = parse("", "");
	after = parse(" node {\n nodeid: 2\n ring0_addr: 127.9.8.2\n }\n",
		      "sinew {\n ack_ms: 8\n}\ncontrol {\n read: root\n write: root\n"
		      " remote: status\n}\n");
	RUN(without_memory);
	RUN(without_descriptors);
	RUN(without_sockets);
	RUN(without_a_thread);
	sinew_config_free(before);
	sinew_config_free(after);
	return check_done();
}
