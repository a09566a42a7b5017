/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what the server of the topology and its functions refuse: arguments, limits at
 * the start, and requests for which a program has no right. And what their status says. Knows no
 * subscriber that fails.
 */
#include <sys/wait.h>

#include "proto/wire.h"
#include "services/connection.h"
#include "services/packet.h"
#include "services/sinew-call.h"
#include "tests/lib/control_peer.h"

#define TYPE	100u

static struct test_node node;
static struct sinew_topo *topo;
static unsigned rights;			/* of each program at the socket */
static uint8_t buf[CONTROL_MAX + 1];

static unsigned may(void *arg, int fd, const struct ucred *who)
{
	CHECK(arg == &node && fd >= 0 && who->pid == getpid());
	return rights;
}

static int answer(void *arg, const char *request, size_t len, const struct ucred *who,
		  unsigned has, uint32_t peer, char **ret_text)
{
	CHECK(arg == &node && len == 2 && !memcmp(request, "{}", 2));
	CHECK(who->pid == getpid() && has == rights && !peer);
	*ret_text = strdup("yes");
	return *ret_text ? 0 : -ENOMEM;
}

static bool begin(bool answers)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct server_gate gate = {
		.may = may, .answer = answers ? answer : NULL, .arg = &node,
	};
	struct sinew_options o;

	memset(&node, 0, sizeof node);
	fast_options(&o, 1, &addr);
	o.own_thread = true;
	rights = SERVER_READS | SERVER_WRITES;
	return node_open(&node, &o) && CHECK_EQ(sinew_topo_open(node.n, &topo), -ENOENT) &&
		CHECK_EQ(sinew_topo_start(node.n, NULL, NULL), 0) &&
		CHECK_EQ(server_listen(server_of(node.n), control_peer_name(1), &gate), 0) &&
		CHECK_EQ(sinew_topo_open(node.n, &topo), 0);
}

static void end(void)
{
	sinew_topo_close(topo);
	node_free(&node);
	topo = NULL;
}

#define DRIVE_ALL(cond) DRIVE_ALONE(&topo, 1, cond)

/* ---- the start ---- */

static void starts(int err, uint32_t log_entries, uint32_t max_publications,
		   uint32_t max_subscriptions)
{
	const struct sinew_topo_options opt = {
		.size = sizeof opt, .log_entries = log_entries,
		.max_publications = max_publications, .max_subscriptions = max_subscriptions,
	};
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;

	memset(&node, 0, sizeof node);
	fast_options(&o, 1, &addr);
	if (node_open(&node, &o))
		CHECK_EQ(sinew_topo_start(node.n, NULL, &opt), err);
	CHECK_EQ(!server_of(node.n), err != 0);
	node_free(&node);
}

static void limits_have_limits(void)
{
	starts(-EINVAL, 7, 0, 0);
	starts(0, 8, 1u << 24, 1u << 20);
	starts(-EINVAL, (1u << 24) + 1, 0, 0);
	starts(-EINVAL, 0, (1u << 24) + 1, 0);
	starts(-EINVAL, 0, 0, (1u << 20) + 1);
}

static void a_start_is_for_a_node_and_its_calls(void)
{
	struct sinew_topo_options opt = { .size = sizeof opt.size };
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct test_node other = { .id = 0 };
	struct sinew_calls *calls = NULL;
	struct sinew_options o;

	if (!begin(false))
		return;
	fast_options(&o, 2, &addr);
	if (node_open(&other, &o) && CHECK_EQ(sinew_calls_new(node.n, NULL, &calls), 0)) {
		CHECK_EQ(sinew_topo_start(NULL, NULL, NULL), -EINVAL);
		CHECK_EQ(sinew_topo_start(other.n, calls, NULL), -EINVAL);
		CHECK_EQ(sinew_topo_start(other.n, NULL, &opt), -EINVAL);
		CHECK_EQ(sinew_topo_start(node.n, calls, NULL), -EALREADY);
	}
	CHECK(!server_of(NULL));
	node_free(&other);
	sinew_calls_free(calls);
	end();
}

/* ---- arguments ---- */

static void told(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	(void)sub;
	(void)msg;
	(void)user;
}

static void arguments_are_checked(void)
{
	char name[128];
	uint64_t id;
	uint32_t n;

	if (!begin(false))
		return;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	CHECK_EQ(sinew_topo_connect(name, &topo), -ENAMETOOLONG);
	CHECK_EQ(sinew_topo_connect(NULL, &topo), -EINVAL);
	CHECK_EQ(sinew_topo_connect("a", NULL), -EINVAL);
	CHECK_EQ(sinew_topo_open(NULL, &topo), -EINVAL);
	CHECK_EQ(sinew_topo_open(node.n, NULL), -EINVAL);
	CHECK_EQ(sinew_topo_dispatch(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_topo_get_fd(NULL), -EINVAL);
	CHECK(sinew_topo_get_fd(topo) >= 0);
	CHECK_EQ(sinew_topo_publish(NULL, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, &id), -EINVAL);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 1, &id), -EINVAL);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, 0, NULL, 0, &id), -EINVAL);
	CHECK_EQ(sinew_topo_withdraw(NULL, 1), -EINVAL);
	CHECK_EQ(sinew_topo_withdraw(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_topo_withdraw(topo, UINT64_C(1) << 32), -ENOENT);
	CHECK_EQ(sinew_topo_lookup(NULL, TYPE, 1, &n, 1), -EINVAL);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 1, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 1, &n, UINT32_C(1) << 31), -EINVAL);
	CHECK_EQ(sinew_topo_lookup(topo, SINEW_TOPO_ANY, 1, &n, 1), -EINVAL);
	CHECK_EQ(sinew_topo_cancel(NULL), 0);
	sinew_topo_close(NULL);
	end();
}

static void subscribes(int err, struct sinew_topo_filter f)
{
	struct sinew_subscription *sub = NULL;

	CHECK_EQ(sinew_topo_subscribe(topo, &f, told, NULL, &sub), err);
	CHECK_EQ(sub != NULL, !err);
	sinew_topo_cancel(sub);
}

static void filters_are_checked(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 3, 3), wrong;

	if (!begin(false))
		return;
	subscribes(0, f);
	CHECK_EQ(sinew_topo_subscribe(NULL, &f, told, NULL, NULL), -EINVAL);
	CHECK_EQ(sinew_topo_subscribe(topo, NULL, told, NULL, NULL), -EINVAL);
	CHECK_EQ(sinew_topo_subscribe(topo, &f, NULL, NULL, NULL), -EINVAL);
	wrong = f, wrong.size = 8;
	subscribes(-EINVAL, wrong);
	wrong = f, wrong.lower = 4;
	subscribes(-EINVAL, wrong);
	wrong = f, wrong.flags = 8;
	subscribes(-EINVAL, wrong);
	wrong = f, wrong.flags = SINEW_TOPO_EDGE | SINEW_TOPO_RESUME;
	subscribes(-EINVAL, wrong);
	wrong = f, wrong.flags = SINEW_TOPO_EDGE;
	subscribes(0, wrong);
	wrong = f, wrong.scope = SINEW_SCOPE_CLUSTER;
	subscribes(0, wrong);
	wrong.scope++;
	subscribes(-EINVAL, wrong);
	wrong = everything();
	subscribes(0, wrong);
	wrong.lower = 1;
	subscribes(-EINVAL, wrong);
	wrong.lower = 0, wrong.upper--;
	subscribes(-EINVAL, wrong);
	end();
}

/* ---- status ---- */

static struct sinew_topo_status status(void)
{
	struct sinew_topo_status st = { .size = sizeof st };

	CHECK_EQ(sinew_topo_status(topo, &st), 0);
	CHECK_EQ(st.size, sizeof st);
	return st;
}

static struct sinew_subscription_status status_of_sub(const struct sinew_subscription *sub)
{
	struct sinew_subscription_status st = { .size = sizeof st };

	CHECK_EQ(sinew_subscription_status(sub, &st), 0);
	return st;
}

static void the_status_counts(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 1, 3);
	struct sinew_topo_status st = { .size = 1 }, whole = { .size = sizeof whole };
	struct sinew_subscription_status one = { .size = 1 }, all_of_it = { .size = sizeof one };
	struct follower all;
	uint64_t id;

	if (!begin(false))
		return;
	CHECK_EQ(sinew_topo_status(topo, &st), -EINVAL);
	CHECK_EQ(sinew_topo_status(topo, NULL), -EINVAL);
	CHECK_EQ(sinew_topo_status(NULL, &whole), -EINVAL);
	st.size = sizeof st.size;
	CHECK_EQ(sinew_topo_status(topo, &st), 0);
	CHECK_EQ(st.size, sizeof st.size);
	follower_begin(&all, topo, &f);
	CHECK_EQ(sinew_subscription_status(all.sub, &one), -EINVAL);
	CHECK_EQ(sinew_subscription_status(all.sub, NULL), -EINVAL);
	CHECK_EQ(sinew_subscription_status(NULL, &all_of_it), -EINVAL);
	CHECK(!status_of_sub(all.sub).current);
	CHECK_EQ(status().n_pending, 1);
	DRIVE_ALL(all.n_current == 1 && !status().n_pending);
	one = status_of_sub(all.sub);
	CHECK(one.current && !one.ended && !one.lag);
	CHECK_EQ(one.n_events, 1);
	CHECK_EQ(one.n_snapshots, 1);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, &id), 0);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 4, 4, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
	CHECK_EQ(status().n_publications, 2);
	DRIVE_ALL(all.n_published == 1);
	CHECK_EQ(sinew_topo_withdraw(topo, id), 0);
	DRIVE_ALL(all.n_withdrawn == 1);
	st = status();
	CHECK(st.connected && st.nodeid == 1 && st.incarnation == sinew_incarnation(node.n));
	CHECK_EQ(st.n_publications, 1);
	CHECK_EQ(st.n_subscriptions, 1);
	CHECK_EQ(st.n_events, 3);
	CHECK_EQ(st.n_collapsed + st.n_losses + st.n_refused, 0);
	one = status_of_sub(all.sub);
	CHECK_EQ(one.n_events, 3);
	CHECK_EQ(one.n_snapshots, 1);
	CHECK_EQ(one.position.epoch, st.epoch);
	CHECK(one.position.index > 0);
	follower_end(&all);
	CHECK_EQ(status().n_subscriptions, 0);
	end();
}

/* In the same process the server has nothing to say about what works. */
static void what_works_is_not_answered(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 1, 1);
	struct pollfd p = { .events = POLLIN };
	struct sinew_topo *other;
	struct follower one;
	uint64_t id;

	if (!begin(false))
		return;
	CHECK_EQ(sinew_topo_open(node.n, &other), 0);
	follower_begin(&one, topo, &f);
	CHECK_EQ(sinew_topo_publish(other, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, &id), 0);
	DRIVE_ALL(one.n_published == 1);
	/* But for its greeting. */
	CHECK_EQ(sinew_topo_dispatch(other, 0), 0);
	CHECK_EQ(sinew_topo_withdraw(other, id), 0);
	DRIVE_ALL(one.n_withdrawn == 1);
	p.fd = sinew_topo_get_fd(other);
	CHECK_EQ(poll(&p, 1, 0), 0);
	follower_end(&one);
	sinew_topo_close(other);
	end();
}

/* Each node once, however many publications it has, in any room. */
static void a_lookup_counts_nodes(void)
{
	uint32_t nodes[2] = { 7, 7 };
	struct follower all;
	struct sinew_topo_filter f = everything();

	if (!begin(false))
		return;
	follower_begin(&all, topo, &f);
	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 5, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
	DRIVE_ALL(follower_has(&all, TYPE, 1, 1) == 200);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 5, NULL, 0), 1);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 1, nodes, 2), 1);
	CHECK_EQ(nodes[0], 1);
	CHECK_EQ(nodes[1], 7);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 0, nodes, 2), 0);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 6, nodes, 2), 0);
	CHECK_EQ(status().n_subscriptions, 1);
	follower_end(&all);
	end();
}

/* Without a server nobody else counts them. */
static void publications_of_a_connection_have_a_limit(void)
{
	struct sinew_topo *away = NULL;
	uint64_t id = 0;
	unsigned n = 0;

	if (!begin(false))
		return;
	CHECK_EQ(sinew_topo_connect(control_peer_name(1), &away), 0);
	end();
	topo = away;
	DRIVE_ALL(!status().connected);
	while (n < TOPO_OFFERS_MAX &&
	       !sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, &id))
		n++;
	CHECK_EQ(n, TOPO_OFFERS_MAX);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, NULL), -ENOSPC);
	CHECK_EQ(sinew_topo_withdraw(topo, id), 0);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
	sinew_topo_close(topo);
	topo = NULL;
}

/* ---- rights, at the socket ---- */

/* The status of the answer to one request; events that come before it are passed over. */
static int ask_flags(int fd, unsigned kind, unsigned flags, const void *body, size_t len)
{
	const struct control_head ask = {
		.kind = (uint8_t)kind, .id = 9, .flags = (uint8_t)flags,
	};
	struct control_head head = { .status = 1 };

	CHECK_EQ(control_send(fd, &ask, body, len), 0);
	do
		CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	while (head.kind == (CONTROL_EVENTS | CONTROL_ANSWER));
	CHECK_EQ(head.kind, kind | CONTROL_ANSWER);
	return head.status;
}

static int ask(int fd, unsigned kind, const void *body, size_t len)
{
	return ask_flags(fd, kind, 0, body, len);
}

static size_t an_offer(uint8_t p[TOPO_OFFER_MAX])
{
	const struct topo_offer offer = { .name = { TYPE, 1, 1 }, .scope = TOPO_SCOPE_NODE };

	return topo_offer_put(p, &offer);
}

static void a_request(uint8_t p[TOPO_REQUEST_LEN])
{
	const struct topo_request r = {
		.name = { TYPE, 1, 1 }, .timeout_ms = TOPO_TIMEOUT_NONE,
	};

	topo_request_put(p, &r);
}

static void a_reader_reads_and_a_writer_writes(void)
{
	uint8_t offer[TOPO_OFFER_MAX], request[TOPO_REQUEST_LEN];
	struct control_head head = { .status = 1 };
	struct sinew_topo_filter f = names_of(TYPE, 1, 1);
	size_t len = an_offer(offer);
	struct follower one;
	int fd, err;

	if (!begin(true))
		return;
	follower_begin(&one, topo, &f);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
	DRIVE_ALL(one.n_published == 1);
	a_request(request);
	rights = SERVER_READS;
	fd = control_peer_open(control_peer_name(1));
	CHECK_EQ(ask(fd, CONTROL_PUBLISH, offer, len), -EACCES);
	CHECK_EQ(ask(fd, CONTROL_SUBSCRIBE, request, sizeof request), 0);
	CHECK_EQ(ask(fd, CONTROL_ASK, "{}", 2), 0);
	CHECK_MEM(buf + CONTROL_HEAD, "yes", 3);
	close(fd);
	rights = SERVER_WRITES;
	fd = control_peer_open(control_peer_name(1));
	CHECK_EQ(ask(fd, CONTROL_SUBSCRIBE, request, sizeof request), -EACCES);
	CHECK_EQ(ask(fd, CONTROL_ASK, "{}", 2), -EACCES);
	CHECK_EQ(ask(fd, CONTROL_PUBLISH, offer, len), 0);
	/* The answer has its number, which is not the first one. */
	DRIVE_ALL(one.n_published == 2 && one.last.pub == 2);
	CHECK_EQ(get_le32(buf + CONTROL_HEAD), one.last.pub);
	close(fd);
	follower_end(&one);
	rights = 0;
	/* It may be shut before the first request has gone. */
	fd = control_peer_connect(control_peer_name(1));
	control_peer_send(fd, CONTROL_HELLO, 1, "\1\0\0", 4);
	err = control_peer_take(fd, buf, &head);
	if (err == -ECONNRESET)
		err = control_peer_take(fd, buf, &head);
	CHECK_EQ(err, 0);
	CHECK_EQ(head.kind, CONTROL_HELLO | CONTROL_ANSWER);
	CHECK_EQ(head.status, -EACCES);
	CHECK(control_peer_is_shut(fd));
	close(fd);
	end();
}

static void without_a_judge_of_questions_none_is_answered(void)
{
	int fd;

	if (!begin(false))
		return;
	fd = control_peer_open(control_peer_name(1));
	CHECK_EQ(ask(fd, CONTROL_ASK, "{}", 2), -ENOSYS);
	close(fd);
	end();
}

/* Each of them ends the connection. */
static void what_breaks_the_rules_is_over(void)
{
	static const struct { unsigned kind, flags, len; int err; } wrong[] = {
		{ CONTROL_HELLO, 0, 4, -EPROTO },	/* a second one */
		{ CONTROL_CANCEL, 0, 3, -EBADMSG },
		{ CONTROL_CANCEL, 0, 5, -EBADMSG },
		{ CONTROL_WITHDRAW, 0, 3, -EBADMSG },
		{ CONTROL_WITHDRAW, 0, 5, -EBADMSG },
		{ CONTROL_WITHDRAW, CONTROL_MORE, 4, -EPROTO },
		{ CONTROL_ASK, 0x80, 2, -EPROTO },
	};
	int fd;

	if (!begin(true))
		return;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		fd = control_peer_open(control_peer_name(1));
		CHECK_EQ(ask_flags(fd, wrong[i].kind, wrong[i].flags, "\1\0\0\0", wrong[i].len),
			 wrong[i].err);
		CHECK(control_peer_is_shut(fd));
		close(fd);
	}
	for (size_t len = 3; len <= 5; len += 2) {
		fd = control_peer_connect(control_peer_name(1));
		CHECK_EQ(ask(fd, CONTROL_HELLO, "\1\0\0\0", len), -EBADMSG);
		CHECK(control_peer_is_shut(fd));
		close(fd);
	}
	end();
}

static bool child_is_refused(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 1, 1);
	struct sinew_topo *other;
	uint32_t n;

	return sinew_topo_open(node.n, &other) == -ECHILD &&
		sinew_topo_start(node.n, NULL, NULL) == -ECHILD &&
		sinew_topo_dispatch(topo, 0) == -ECHILD &&
		sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, NULL) == -ECHILD &&
		sinew_topo_withdraw(topo, 1) == -ECHILD &&
		sinew_topo_subscribe(topo, &f, told, NULL, NULL) == -ECHILD &&
		sinew_topo_lookup(topo, TYPE, 1, &n, 1) == -ECHILD;
}

/* A child of fork() has the server's end, too. */
static void a_child_keeps_no_refused_one_alive(void)
{
	int life[2], fd, state = -1;
	pid_t pid;
	char end_of_it;

	if (!begin(true) || !CHECK_EQ(pipe(life), 0))
		return;
	fd = control_peer_open(control_peer_name(1));
	pid = fork();
	if (!pid) {
		close(life[1]);
		_exit(!child_is_refused() || read(life[0], &end_of_it, 1) != 0);
	}
	CHECK(pid > 0);
	CHECK_EQ(ask(fd, CONTROL_HELLO, "\1\0\0", 4), -EPROTO);
	CHECK(control_peer_is_shut(fd));
	close(fd);
	close(life[0]);
	close(life[1]);
	CHECK_EQ(waitpid(pid, &state, 0), pid);
	CHECK_EQ(state, 0);
	end();
}

/* One that frees its copy of the node holds no name any more. */
static void a_child_gives_the_name_back(void)
{
	int life[2], freed[2], fd = -1, state = -1;
	char byte = 0;
	pid_t pid;

	if (!begin(true) || !CHECK(!pipe(life) && !pipe(freed)))
		return;
	pid = fork();
	if (!pid) {
		close(life[1]);
		sinew_node_free(node.n);
		_exit(write(freed[1], &byte, 1) != 1 || read(life[0], &byte, 1) != 0);
	}
	CHECK(pid > 0);
	CHECK_EQ(read(freed[0], &byte, 1), 1);
	end();
	CHECK_EQ(packet_listen(control_peer_name(1), &fd), 0);
	close(fd);
	for (unsigned i = 0; i < 2; i++) {
		close(life[i]);
		close(freed[i]);
	}
	CHECK_EQ(waitpid(pid, &state, 0), pid);
	CHECK_EQ(state, 0);
}

/* A quiet request has an answer only if it fails. */
static void a_quiet_request_is_answered_by_its_failure(void)
{
	const struct control_head quiet = {
		.kind = CONTROL_PUBLISH, .id = 5, .flags = CONTROL_QUIET,
	};
	uint8_t offer[TOPO_OFFER_MAX];
	size_t len = an_offer(offer);
	struct control_head head;
	int fd;

	if (!begin(true))
		return;
	fd = control_peer_open(control_peer_name(1));
	CHECK_EQ(control_send(fd, &quiet, offer, len), 0);
	CHECK_EQ(control_send(fd, &quiet, offer, len), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.status, -EEXIST);
	CHECK_EQ(head.id, 5);
	CHECK_EQ(head.size, CONTROL_HEAD);
	put_le32(offer, 5);
	CHECK_EQ(ask_flags(fd, CONTROL_WITHDRAW, CONTROL_QUIET, "\6\0\0", 4), -ENOENT);
	CHECK_EQ(ask(fd, CONTROL_WITHDRAW, offer, 4), 0);
	close(fd);
	end();
}

int main(void)
{
	RUN(limits_have_limits);
	RUN(a_start_is_for_a_node_and_its_calls);
	RUN(arguments_are_checked);
	RUN(filters_are_checked);
	RUN(the_status_counts);
	RUN(what_works_is_not_answered);
	RUN(a_lookup_counts_nodes);
	RUN(publications_of_a_connection_have_a_limit);
	RUN(a_reader_reads_and_a_writer_writes);
	RUN(without_a_judge_of_questions_none_is_answered);
	RUN(what_breaks_the_rules_is_over);
	RUN(a_child_keeps_no_refused_one_alive);
	RUN(a_child_gives_the_name_back);
	RUN(a_quiet_request_is_answered_by_its_failure);
	return check_done();
}
