/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls of a worker that looks after a node; knows nothing of when it is enough. */
#include "lowcomms/sinew-manage.h"
#include "tests/lib/stress_calls.h"

/* One more than may observe. */
static char observers[SINEW_WATCHES_MAX + 1];

static bool is_observer(const void *arg)
{
	return (const char *)arg >= observers && (const char *)arg < observers + sizeof observers;
}

static void watched(void *arg)
{
	MUST(is_observer(arg));
}

static void watched_renewed(void *arg, uint64_t incarnation)
{
	MUST(is_observer(arg) && incarnation);
}

static void watched_up(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	MUST(is_observer(arg) && nodeid && nodeid < STRANGER && incarnation);
}

static void watched_down(void *arg, uint32_t nodeid, uint64_t incarnation, enum sinew_down reason)
{
	MUST(is_observer(arg) && nodeid && nodeid < STRANGER && incarnation && reason);
}

static void watched_link(void *arg, uint32_t nodeid, uint64_t incarnation, bool up)
{
	(void)up;
	MUST(is_observer(arg) && nodeid && nodeid < STRANGER && incarnation);
}

static void watched_peer(void *arg, uint32_t nodeid)
{
	MUST(is_observer(arg) && nodeid && nodeid <= STRANGER);
}

static void watched_option(void *arg, const char *name)
{
	MUST(is_observer(arg) && !strcmp(name, "hello_ms"));
}

static void watched_quorum(void *arg, bool quorate)
{
	(void)quorate;
	MUST(is_observer(arg));
}

void call_watch(struct worker *w)
{
	const struct sinew_watch watch = {
		.size = sizeof watch, .renewed = watched_renewed, .closing = watched,
		.closed = watched, .session_up = watched_up, .session_down = watched_down,
		.link = watched_link, .peer = watched_peer, .quorum = watched_quorum,
		.option = watched_option,
	};
	char *arg = &observers[draw(w, sizeof observers)];

	EXPECT("sinew_watch", sinew_watch(w->s->n, draw(w, 2) ? &watch : NULL, arg), EBUSY,
	       ENOSPC);
}

static void call_peers(struct worker *w)
{
	uint32_t ids[4] = { 0 };
	int n = sinew_node_peers(w->s->n, ids, 4);

	MUST(n >= 0 && n <= 2);
	for (int i = 0; i < n; i++)
		MUST(ids[i] && ids[i] <= STRANGER && ids[i] != w->s->nodeid);
}

static void call_addrs(struct worker *w)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	uint32_t nodeid = 1 + draw(w, STRANGER);
	int n = sinew_peer_addrs(w->s->n, nodeid, addrs, SINEW_ADDRS_MAX);

	EXPECT("sinew_peer_addrs", n, ENOENT);
	for (int i = 0; i < n; i++)
		MUST(addrs[i].ss_family == AF_INET);
}

/* One of two: never a mix of both. */
static void call_names(struct worker *w)
{
	static const char *const names[] = { "", "one", "another one" };
	uint32_t nodeid = 1 + draw(w, STRANGER);
	char buf[SINEW_PEER_NAME_MAX] = "";

	EXPECT("sinew_peer_set_name", sinew_peer_set_name(w->s->n, nodeid, names[draw(w, 3)]),
	       ENOENT);
	EXPECT("sinew_peer_name", sinew_peer_name(w->s->n, nodeid, buf, sizeof buf), ENOENT);
	MUST(!strcmp(buf, names[0]) || !strcmp(buf, names[1]) || !strcmp(buf, names[2]));
}

void call_known(struct worker *w)
{
	switch (draw(w, 3)) {
	case 0:
		call_peers(w);
		break;
	case 1:
		call_addrs(w);
		break;
	default:
		call_names(w);
	}
}

void call_overview(struct worker *w)
{
	struct sinew_error_entry some[SINEW_ERRORS_MAX];
	struct sinew_node_status st = { .size = sizeof st };
	int n;

	MUST(sinew_node_status(w->s->n, &st) == 0);
	MUST(st.nodeid == w->s->nodeid && st.incarnation);
	MUST(st.n_links <= st.n_sessions && st.n_sessions <= st.n_peers && st.n_peers <= 2);
	MUST(st.n_handshakes <= st.n_conns && st.memory_bytes <= st.memory_limit);
	n = sinew_node_errors(w->s->n, some, SINEW_ERRORS_MAX);
	MUST(n >= 0 && n <= SINEW_ERRORS_MAX);
	for (int i = 0; i < n; i++)
		MUST(some[i].level <= SINEW_WARNING && some[i].at_ms && some[i].text[0]);
}

/* One that matters little here. */
void call_options(struct worker *w)
{
	static const char *const values[] = { "1900", "2000", "2k" };
	struct sinew_option_info info = { .size = sizeof info };
	struct sinew_option_value v[] = { { "hello_ms", values[draw(w, 3)] },
					  { "stall_limit", draw(w, 2) ? "5" : "0" } };
	char buf[SINEW_OPTION_TEXT_MAX];
	int err = sinew_option_set(w->s->n, v, 2, buf, sizeof buf);

	MUST(err == (v[1].text[0] == '0' ? -EINVAL : 0));
	MUST(sinew_option_get(w->s->n, "hello_ms", buf, sizeof buf) == 0);
	MUST(atoi(buf) > 0 && atoi(buf) <= 2048);
	MUST(sinew_option_info(draw(w, 20), &info) == 0 && info.name);
	MUST(sinew_node_option_info(w->s->n, draw(w, 20), &info) == 0 && info.name);
}
