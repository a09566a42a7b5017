/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of publications and subscriptions by threads of the program itself. Knows the
 * public headers only.
 */
#include "lowcomms/sinew-manage.h"
#include "tests/lib/follower.h"

#define TYPE	100u

static struct test_node node;
static struct sinew_topo *topo;
static struct follower all;
static unsigned ports[SINEW_ADDRS_MAX];	/* of the node */

static bool begin_at(unsigned n_addrs, const struct sinew_topo_options *opt)
{
	struct sinew_topo_filter filter = everything();
	struct sockaddr_storage addr;
	struct sinew_options o;

	memset(&node, 0, sizeof node);
	for (unsigned i = 0; i < n_addrs; i++) {
		addr = free_address("127.0.0.1");
		if (!i)
			fast_options(&o, 1, &addr);
		o.addrs[i] = addr;
		ports[i] = ntohs(((struct sockaddr_in *)(void *)&addr)->sin_port);
	}
	o.n_addrs = n_addrs;
	if (!node_open(&node, &o))
		return false;
	return CHECK_EQ(sinew_topo_start(node.n, NULL, opt), 0) &&
		CHECK_EQ(sinew_topo_open(node.n, &topo), 0) &&
		follower_begin(&all, topo, &filter);
}

static bool begin(const struct sinew_topo_options *opt)
{
	return begin_at(1, opt);
}

static void end(void)
{
	CHECK_EQ(all.bad, 0);
	follower_end(&all);
	sinew_topo_close(topo);
	node_free(&node);
	topo = NULL;
}

#define DRIVE_ALL(cond) DRIVE_ALONE(&topo, 1, cond)

static uint64_t publish(uint32_t lower, uint32_t upper, const char *attr)
{
	uint64_t id = 0;
	int err = -EAGAIN;

	while (err == -EAGAIN) {
		err = sinew_topo_publish(topo, TYPE, lower, upper, SINEW_SCOPE_NODE, attr,
					 strlen(attr), &id);
		if (err == -EAGAIN)
			topo_turn(NULL, &topo, 1);
	}
	CHECK_EQ(err, 0);
	CHECK(id != 0);
	return id;
}

/* The attributes of its NODE, with that line in the middle. */
static const char *attr_of_node(const char *line)
{
	static char text[SINEW_TOPO_ATTR_MAX + 1];

	snprintf(text, sizeof text, "incarnation=%016llx\n%saddr=127.0.0.1:%u\n",
		 (unsigned long long)sinew_incarnation(node.n), line, ports[0]);
	return text;
}

static void own_node_is_told_first(void)
{
	if (!begin(NULL))
		return;
	DRIVE_ALL(all.n_current == 1);
	CHECK_EQ(all.n_rows, 1);
	CHECK_EQ(follower_has(&all, SINEW_TOPO_NODE, 1, 1), 1);
	CHECK_STR(all.last.attr, attr_of_node(""));
	end();
}

/* A NODE that has another name, or address, is published anew. */
static void a_name_of_the_node_is_shown(void)
{
	char name[SINEW_PEER_NAME_MAX];

	if (!begin(NULL))
		return;
	DRIVE_ALL(all.n_current == 1);
	CHECK_EQ(sinew_peer_set_name(node.n, 1, "a\nb\x7f\xc3\xa4 "), 0);
	DRIVE_ALL(sinew_dispatch(node.n, 0) >= 0 && all.n_published == 2);
	CHECK_STR(all.last.attr, attr_of_node("name=a?b?\xc3\xa4 \n"));
	/* A long one in part. */
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	CHECK_EQ(sinew_peer_set_name(node.n, 1, name), 0);
	DRIVE_ALL(sinew_dispatch(node.n, 0) >= 0 && all.n_published == 3);
	CHECK(strstr(all.last.attr, "\nname=xxxx") && strstr(all.last.attr, "x\naddr=127.0.0.1"));
	CHECK_EQ(all.n_rows, 1);
	CHECK_EQ(all.n_withdrawn, 2);
	end();
}

/* Of lines that are a byte too many together the last one is left out, as of longer ones. */
static void a_node_has_the_lines_that_fit(void)
{
	char name[SINEW_PEER_NAME_MAX], text[2 * SINEW_TOPO_ATTR_MAX];
	unsigned n_whole = 0, n_told = 1;

	if (!begin_at(SINEW_ADDRS_MAX, NULL))
		return;
	DRIVE_ALL(all.n_current == 1);
	for (unsigned len = 40; len < 64; len++) {
		size_t n = 0, cut = 0;

		memset(name, 'x', len);
		name[len] = '\0';
		CHECK_EQ(sinew_peer_set_name(node.n, 1, name), 0);
		n_told++;
		DRIVE_ALL(sinew_dispatch(node.n, 0) >= 0 && all.n_published == n_told);
		n += (size_t)snprintf(text, sizeof text, "incarnation=%016llx\nname=%s\n",
				      (unsigned long long)sinew_incarnation(node.n), name);
		for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++) {
			cut = n;
			n += (size_t)snprintf(text + n, sizeof text - n, "addr=127.0.0.1:%u\n",
					      ports[i]);
		}
		n_whole += n <= SINEW_TOPO_ATTR_MAX;
		text[n <= SINEW_TOPO_ATTR_MAX ? n : cut] = '\0';
		CHECK_STR(all.last.attr, text);
	}
	CHECK(n_whole > 0 && n_whole < 24);
	end();
}

static void publications_come_and_go(void)
{
	uint64_t a, b;

	if (!begin(NULL))
		return;
	a = publish(5, 9, "hello");
	b = publish(5, 9, "");
	DRIVE_ALL(follower_has(&all, TYPE, 5, 1) == 2);
	CHECK_EQ(all.last.upper, 9);
	CHECK_EQ(all.last.scope, SINEW_SCOPE_NODE);
	CHECK_EQ(sinew_topo_withdraw(topo, a), 0);
	DRIVE_ALL(all.n_withdrawn == 1);
	CHECK_EQ(all.last.attr_len, 5);
	CHECK_MEM(all.last.attr, "hello", 5);
	CHECK_EQ(sinew_topo_withdraw(topo, b), 0);
	DRIVE_ALL(all.n_withdrawn == 2);
	CHECK_EQ(all.n_collapsed, 0);
	end();
}

static void what_is_wrong_is_refused_at_once(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 2, 1);
	char attr[SINEW_TOPO_ATTR_MAX + 1] = { 0 };
	uint64_t id = 0;

	if (!begin(NULL))
		return;
	CHECK_EQ(sinew_topo_publish(topo, 63, 0, 0, SINEW_SCOPE_NODE, NULL, 0, &id), -EINVAL);
	CHECK_EQ(sinew_topo_publish(topo, SINEW_TOPO_ANY, 0, 0, SINEW_SCOPE_NODE, NULL, 0, &id),
		 -EINVAL);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 2, 1, SINEW_SCOPE_NODE, NULL, 0, &id), -EINVAL);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, 3, NULL, 0, &id), -EINVAL);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, attr, sizeof attr, &id),
		 -EMSGSIZE);
	CHECK_EQ(id, 0);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, attr, sizeof attr - 1,
				    &id), 0);
	CHECK_EQ(sinew_topo_withdraw(topo, 0), -ENOENT);
	CHECK_EQ(sinew_topo_subscribe(topo, &f, NULL, NULL, NULL), -EINVAL);
	f = names_of(TYPE, 2, 1);
	CHECK_EQ(sinew_topo_start(node.n, NULL, NULL), -EALREADY);
	DRIVE_ALL(follower_has(&all, TYPE, 1, 1) == 1);
	end();
}

#define MORE	40u	/* bytes of members that only a later version knows */

/* A program may know fewer members, or more: of the size that it says, and not a byte beyond. */
static void a_status_of_any_version_is_filled(void)
{
	static const size_t sizes[] = {
		sizeof(size_t), offsetof(struct sinew_topo_status, n_publications),
		offsetof(struct sinew_topo_status, n_pending), sizeof(struct sinew_topo_status),
		sizeof(struct sinew_topo_status) + MORE,
	};
	static const uint8_t zeros[MORE];
	uint8_t untouched[sizeof(struct sinew_topo_status) + MORE];
	union {
		struct sinew_topo_status st;
		uint8_t bytes[sizeof untouched];
	} u;

	if (!begin(NULL))
		return;
	publish(1, 1, "");
	DRIVE_ALL(follower_has(&all, TYPE, 1, 1));
	memset(untouched, 0xee, sizeof untouched);
	for (unsigned i = 0; i < 5; i++) {
		memset(&u, 0xee, sizeof u);
		u.st.size = sizes[i];
		CHECK_EQ(sinew_topo_status(topo, &u.st), 0);
		CHECK_EQ(u.st.size, sizes[i]);
		CHECK_EQ(u.st.n_publications, i > 1 ? 1 : 0xeeeeeeee);
		if (i == 4)
			CHECK_MEM(u.bytes + sizeof u.st, zeros, MORE);
		CHECK_MEM(u.bytes + sizes[i], untouched, sizeof u.bytes - sizes[i]);
	}
	u.st.size = sizeof(size_t) - 1;
	CHECK_EQ(sinew_topo_status(topo, &u.st), -EINVAL);
	end();
}

static uint32_t counted(void)
{
	struct sinew_topo_status st = { .size = sizeof st };

	CHECK_EQ(sinew_topo_status(topo, &st), 0);
	return st.n_publications;
}

/* The server alone knows the ids: it does nothing, and the count is right again. */
static void one_is_withdrawn_once(void)
{
	uint64_t id;

	if (!begin(NULL))
		return;
	id = publish(1, 1, "");
	publish(2, 2, "");
	DRIVE_ALL(follower_has(&all, TYPE, 1, 1) && follower_has(&all, TYPE, 2, 1));
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(sinew_topo_withdraw(topo, id), 0);
	CHECK_EQ(sinew_topo_withdraw(topo, 4711), 0);
	DRIVE_ALL(!follower_has(&all, TYPE, 1, 1) && counted() == 1);
	CHECK_EQ(follower_has(&all, TYPE, 2, 1), 1);
	end();
}

static void a_connection_takes_its_publications_with_it(void)
{
	struct sinew_topo *other;

	if (!begin(NULL))
		return;
	CHECK_EQ(sinew_topo_open(node.n, &other), 0);
	publish(1, 1, "mine");
	for (uint32_t i = 0; i < 20; i++)
		CHECK_EQ(sinew_topo_publish(other, TYPE, i, i, SINEW_SCOPE_CLUSTER, NULL, 0,
					    NULL), 0);
	DRIVE_ALL(all.n_rows == 22);
	sinew_topo_close(other);
	DRIVE_ALL(all.n_rows == 2);
	CHECK_EQ(follower_has(&all, TYPE, 1, 1), 1);
	/* As one group. */
	for (unsigned i = 0; i < FOLLOWER_LAST; i++)
		CHECK_EQ(all.groups[i], i < FOLLOWER_LAST - 1);
	end();
}

static void a_timeout_ends_it(void)
{
	struct sinew_topo_filter now = names_of(TYPE, 0, 10), soon = now;
	struct follower a, b;

	if (!begin(NULL))
		return;
	publish(3, 3, "");
	DRIVE_ALL(follower_has(&all, TYPE, 3, 1) == 1);
	now.timeout_ms = 0;
	soon.timeout_ms = 30;
	follower_begin(&a, topo, &now);
	follower_begin(&b, topo, &soon);
	DRIVE_ALL(a.n_timeouts && b.n_timeouts);
	CHECK_EQ(a.n_rows, 1);
	CHECK_EQ(b.n_rows, 1);
	publish(4, 4, "");
	DRIVE_ALL(follower_has(&all, TYPE, 4, 1) == 1);
	CHECK_EQ(a.n_rows, 1);
	CHECK_EQ(b.n_rows, 1);
	follower_end(&a);
	follower_end(&b);
	end();
}

static void edges_are_told_once(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 10);
	struct follower edge;
	uint64_t a, b;

	if (!begin(NULL))
		return;
	f.flags = SINEW_TOPO_EDGE;
	follower_begin(&edge, topo, &f);
	a = publish(1, 2, "");
	b = publish(1, 2, "");
	publish(1, 3, "");
	DRIVE_ALL(all.n_rows == 4 && edge.n_rows == 2);
	CHECK_EQ(sinew_topo_withdraw(topo, a), 0);
	DRIVE_ALL(all.n_rows == 3);
	CHECK_EQ(edge.n_withdrawn, 0);
	CHECK_EQ(sinew_topo_withdraw(topo, b), 0);
	DRIVE_ALL(edge.n_withdrawn == 1);
	CHECK_EQ(edge.bad, 0);
	follower_end(&edge);
	end();
}

static void a_slow_one_gets_the_state(void)
{
	const struct sinew_topo_options small = { .size = sizeof small, .log_entries = 64 };
	struct sinew_topo_filter filter = names_of(TYPE, 0, UINT32_MAX);
	struct sinew_topo *slow_topo;
	struct follower slow;
	uint64_t last = 0;

	if (!begin(&small))
		return;
	CHECK_EQ(sinew_topo_open(node.n, &slow_topo), 0);
	follower_begin(&slow, slow_topo, &filter);
	DRIVE_ALONE(&slow_topo, 1, slow.n_current == 1);
	/* It does not read from here on: many times what a socket holds. */
	for (uint32_t i = 0; i < 20000; i++) {
		if (last && i % 2)
			while (sinew_topo_withdraw(topo, last) == -EAGAIN)
				topo_turn(NULL, &topo, 1);
		last = publish(i, i, "some attributes that take a few bytes more");
		if (i % 64 == 0)
			topo_turn(NULL, &topo, 1);
	}
	DRIVE_ALL(all.n_rows == 10001 && follower_has(&all, TYPE, 19999, 1) == 1);
	DRIVE_ALONE(&slow_topo, 1, slow.n_rows == 10000);
	CHECK_EQ(follower_has(&slow, TYPE, 19999, 1), 1);
	CHECK_EQ(slow.bad, 0);
	CHECK(slow.n_collapsed > 0);
	CHECK_EQ(slow.n_published - slow.n_withdrawn, 10000);
	follower_end(&slow);
	sinew_topo_close(slow_topo);
	end();
}

static void cancel_from_its_function(struct sinew_subscription *sub,
				     const struct sinew_topo_msg *msg, void *user)
{
	struct sinew_subscription **both = user;

	(void)sub;
	(void)msg;
	sinew_topo_cancel(both[0]);
	sinew_topo_cancel(both[1]);
	both[0] = both[1] = NULL;
}

static void a_function_may_cancel(void)
{
	struct sinew_topo_filter f = everything();
	struct sinew_subscription *subs[2];

	if (!begin(NULL))
		return;
	CHECK_EQ(sinew_topo_subscribe(topo, &f, cancel_from_its_function, subs, &subs[0]), 0);
	CHECK_EQ(sinew_topo_subscribe(topo, &f, cancel_from_its_function, subs, &subs[1]), 0);
	DRIVE_ALL(!subs[0] && all.n_current == 1);
	publish(1, 1, "");
	DRIVE_ALL(all.n_rows == 2);
	end();
}

/* There is room for one beside that of all. */
static void what_is_over_takes_no_place(void)
{
	const struct sinew_topo_options opt = { .size = sizeof opt, .max_subscriptions = 2 };
	struct sinew_topo_filter f = names_of(TYPE, 0, 9);
	struct follower strict;

	if (!begin(&opt))
		return;
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(sinew_topo_lookup(topo, SINEW_TOPO_NODE, 1, NULL, 0), 1);
	f.flags = SINEW_TOPO_STRICT | SINEW_TOPO_RESUME;
	for (unsigned i = 0; i < 5 && follower_begin(&strict, topo, &f); i++) {
		DRIVE_ALL(strict.n_overruns == 1);
		follower_end(&strict);
	}
	CHECK_EQ(sinew_topo_lookup(topo, SINEW_TOPO_NODE, 1, NULL, 0), 1);
	end();
}

static void lookup_finds_the_node(void)
{
	uint32_t nodes[4] = { 0 };

	if (!begin(NULL))
		return;
	publish(7, 9, "");
	DRIVE_ALL(all.n_rows == 2);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 8, nodes, 4), 1);
	CHECK_EQ(nodes[0], 1);
	CHECK_EQ(sinew_topo_lookup(topo, TYPE, 10, nodes, 4), 0);
	end();
}

static void a_freed_node_is_told(void)
{
	if (!begin(NULL))
		return;
	DRIVE_ALL(all.n_current == 1);
	node_free(&node);
	DRIVE_ALL(all.n_lost == 1);
	CHECK_EQ(sinew_topo_dispatch(topo, 0), -ESHUTDOWN);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, NULL), -ESHUTDOWN);
	CHECK_EQ(sinew_topo_withdraw(topo, 1), -ESHUTDOWN);
	follower_end(&all);
	sinew_topo_close(topo);
}

static void resumes_where_it_was(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, UINT32_MAX);
	struct follower first, then;
	uint64_t id;

	if (!begin(NULL))
		return;
	follower_begin(&first, topo, &f);
	id = publish(1, 1, "");
	DRIVE_ALL(first.n_rows == 1);
	f.flags = SINEW_TOPO_RESUME;
	f.from = first.position;
	follower_end(&first);
	publish(2, 2, "");
	CHECK_EQ(sinew_topo_withdraw(topo, id), 0);
	DRIVE_ALL(all.n_withdrawn == 1);
	follower_begin(&then, topo, &f);
	DRIVE_ALL(then.n_published == 1 && then.n_withdrawn == 1);
	CHECK_EQ(follower_has(&then, TYPE, 2, 1), 1);
	CHECK_EQ(then.n_collapsed, 0);
	follower_end(&then);
	/* Of a server that there is not any more: the state. */
	f.from.epoch ^= 2;
	follower_begin(&then, topo, &f);
	DRIVE_ALL(then.n_current == 1);
	CHECK_EQ(then.n_rows, 1);
	CHECK_EQ(then.bad, 0);
	follower_end(&then);
	f.flags |= SINEW_TOPO_STRICT;
	follower_begin(&then, topo, &f);
	DRIVE_ALL(then.n_overruns == 1);
	follower_end(&then);
	end();
}

static void a_changed_option_is_told(void)
{
	struct sinew_option_value set = { "ack_ms", "17" };

	if (!begin(NULL))
		return;
	DRIVE_ALL(all.n_current == 1);
	CHECK_EQ(sinew_option_set(node.n, &set, 1, NULL, 0), 0);
	DRIVE_ALL(sinew_dispatch(node.n, 0) >= 0 && all.n_published == 2);
	CHECK_EQ(all.last.type, SINEW_TOPO_OPTION);
	CHECK_STR(all.last.attr, "name=ack_ms\nvalue=17\n");
	set.text = "18";
	CHECK_EQ(sinew_option_set(node.n, &set, 1, NULL, 0), 0);
	DRIVE_ALL(sinew_dispatch(node.n, 0) >= 0 && all.n_published == 3);
	CHECK_STR(all.last.attr, "name=ack_ms\nvalue=18\n");
	CHECK_EQ(all.n_rows, 2);
	end();
}

int main(void)
{
	RUN(own_node_is_told_first);
	RUN(a_name_of_the_node_is_shown);
	RUN(a_node_has_the_lines_that_fit);
	RUN(publications_come_and_go);
	RUN(what_is_wrong_is_refused_at_once);
	RUN(a_status_of_any_version_is_filled);
	RUN(one_is_withdrawn_once);
	RUN(a_connection_takes_its_publications_with_it);
	RUN(a_timeout_ends_it);
	RUN(edges_are_told_once);
	RUN(a_slow_one_gets_the_state);
	RUN(a_function_may_cancel);
	RUN(lookup_finds_the_node);
	RUN(what_is_over_takes_no_place);
	RUN(a_freed_node_is_told);
	RUN(resumes_where_it_was);
	RUN(a_changed_option_is_told);
	return check_done();
}
