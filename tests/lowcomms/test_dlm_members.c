/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of memberships in the dlm profile: how they end, who waits for whom, the next one,
 * what the calls of each profile refuse; and of peers that are played by hand over a socket. Knows
 * the public header only.
 */
#include "tests/lib/dlm_pair.h"

#define QUEUED	100u
#define LONG_MS	600000	/* longer than any test */
#define LIMIT	60u	/* bytes of a packet that is played by hand */
#define OPTS	24u	/* bytes of an envelope */
#define OPTS_COMMAND 3

static bool in_state(struct test_node t[2], unsigned i, enum sinew_state state)
{
	return status_of(&t[i], 2 - i).state == state;
}

static void send_some(struct test_node t[2], unsigned i, uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		CHECK_EQ(dlm_send(&t[i], 100, n), 0);
}

static int send_bare(struct test_node *t)
{
	uint8_t packet[DLM_HEADER];

	dlm_packet(packet, sizeof packet, DLM_RCOM, t->id, 1);
	return sinew_send_bare(t->all.session, packet, sizeof packet);
}

static void leave(struct test_node t[2], unsigned i)
{
	struct sinew_session *p = t[i].all.session;

	CHECK_EQ(sinew_session_finish(p), 0);
	CHECK_EQ(dlm_send(&t[i], 100, 1), -ESHUTDOWN);
	CHECK_EQ(send_bare(&t[i]), -ESHUTDOWN);
}

/* The session is over at both; all that was sent came. */
static void ended_in_order(struct test_node t[2], unsigned downs)
{
	DRIVE_PAIR(t, dlm_both_closed(t, downs));
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(dlm_seen(t, i)->finishes, downs);
		CHECK_EQ(dlm_seen(t, i)->delivery.unsent, dlm_seen(t, i)->delivery.acked);
		CHECK_EQ(dlm_seen(t, i)->delivery.acked, dlm_seen(t, 1 - i)->last_number);
		CHECK(in_state(t, i, SINEW_CLOSED));
	}
}

/* ---- in both orders ---- */

static void it_is_released_after_it_has_left(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	send_some(t, 1, 1, QUEUED);
	leave(t, 1);
	DRIVE_PAIR(t, in_state(t, 1, SINEW_FIN_WAIT2));
	CHECK_EQ(dlm_seen(t, 0)->messages, QUEUED);
	CHECK_EQ(dlm_seen(t, 0)->finishes, 1);
	/* Neither auto_close nor another membership ends it; this side may send, but not bare. */
	CHECK(in_state(t, 0, SINEW_CLOSE_WAIT));
	CHECK_EQ(send_bare(&t[0]), -ESHUTDOWN);
	CHECK(status_of(&t[0], 2).release_missing);
	CHECK(!status_of(&t[1], 1).release_missing);
	CHECK_EQ(dlm_release(t, 0, DLM_FIRST + 5), 0);
	send_some(t, 0, 1, QUEUED);
	DRIVE_PAIR(t, dlm_seen(t, 1)->messages == QUEUED);
	CHECK_EQ(dlm_seen(t, 0)->downs + dlm_seen(t, 1)->downs, 0);
	CHECK_EQ(dlm_release(t, 0, DLM_FIRST), 0);
	ended_in_order(t, 1);
	CHECK(!status_of(&t[0], 2).release_missing);
	dlm_pair_free(t);
}

static void it_is_released_before_it_leaves(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	CHECK_EQ(dlm_release(t, 0, DLM_FIRST), 0);
	CHECK_EQ(dlm_release(t, 0, DLM_FIRST), 0);
	/* It ends nothing. */
	send_some(t, 0, 1, QUEUED);
	send_some(t, 1, 1, QUEUED);
	DRIVE_PAIR(t, dlm_seen(t, 0)->messages == QUEUED && dlm_seen(t, 1)->messages == QUEUED);
	CHECK(in_state(t, 0, SINEW_ESTABLISHED));
	CHECK(!status_of(&t[0], 2).release_missing);
	leave(t, 1);
	ended_in_order(t, 1);
	dlm_pair_free(t);
}

static void both_leave_at_once(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	for (unsigned i = 0; i < 2; i++) {
		send_some(t, i, 1, QUEUED);
		leave(t, i);
	}
	ended_in_order(t, 1);
	dlm_pair_free(t);
}

static void links_break_while_they_leave(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	for (unsigned i = 1; i <= 40; i++) {
		send_some(t, 1, 1, i % 3);
		CHECK_EQ(sinew_break(t[i % 2].n, 0), 0);
		if (i % 4 < 2)
			CHECK_EQ(dlm_release(t, 0, DLM_FIRST + 2 * (i - 1)), 0);
		leave(t, 1);
		for (unsigned turn = 0; turn < i % 8; turn++)
			pair_turn(t);
		CHECK_EQ(sinew_break(t[i / 2 % 2].n, 0), 0);
		CHECK_EQ(dlm_release(t, 0, DLM_FIRST + 2 * (i - 1)), 0);
		CHECK_OR_RETURN(DRIVE_PAIR(t, dlm_both_closed(t, i)));
		CHECK_EQ(dlm_seen(t, 0)->last_number, i % 3);
		dlm_join(t, DLM_FIRST + 2 * i);
		CHECK_OR_RETURN(DRIVE_PAIR(t, dlm_both_up(t)));
	}
	dlm_pair_free(t);
}

static void the_report_names_who_has_not_removed_us(void)
{
	struct test_node t[2] = { 0 };
	struct sinew_report_session r = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	CHECK_EQ(sinew_close(t[1].n, LONG_MS), 0);
	DRIVE_PAIR(t, in_state(t, 1, SINEW_FIN_WAIT2));
	CHECK_EQ(sinew_close(t[1].n, 0), 0);
	DRIVE_PAIR(t, t[1].closed == 1);
	CHECK_EQ(dlm_seen(t, 1)->reason, SINEW_DOWN_LINGER);
	CHECK_EQ(sinew_report(t[1].n, &r, 1), 1);
	CHECK_EQ(r.nodeid, 1);
	CHECK_EQ(r.state, SINEW_FIN_WAIT2);
	CHECK_STR(r.missing, "the peer's FIN (its cluster manager has not removed this node from "
		  "the lockspaces)");
	dlm_pair_free(t);
}

static void a_node_that_closes_leaves(void)
{
	struct test_node t[2] = { 0 };
	struct sinew_report_session r = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	send_some(t, 1, 1, QUEUED);
	CHECK_EQ(sinew_close(t[1].n, LONG_MS), 0);
	DRIVE_PAIR(t, dlm_seen(t, 0)->finishes == 1);
	CHECK_EQ(dlm_release(t, 0, DLM_FIRST), 0);
	DRIVE_PAIR(t, t[1].closed == 1 && dlm_both_closed(t, 1));
	CHECK_EQ(dlm_seen(t, 0)->messages, QUEUED);
	CHECK_EQ(sinew_report(t[1].n, &r, 1), 1);
	CHECK_EQ(r.reason, SINEW_DOWN_CLOSED);
	dlm_pair_free(t);
}

/* ---- the next membership ---- */

static void end_membership(struct test_node t[2], uint64_t membership, unsigned downs)
{
	leave(t, downs % 2);
	CHECK_EQ(dlm_release(t, 1 - downs % 2, membership), 0);
	DRIVE_PAIR(t, dlm_both_closed(t, downs));
}

static void each_membership_counts_anew(void)
{
	struct test_node t[2] = { 0 };
	uint64_t membership = DLM_FIRST;

	CHECK_OR_RETURN(dlm_pair_open(t));
	for (unsigned downs = 1; downs <= 5; downs++, membership += 2) {
		for (unsigned i = 0; i < 2; i++) {
			CHECK_EQ(t[i].seen[2 - i].ups, downs);
			CHECK_EQ(status_of(&t[i], 2 - i).incarnation, membership + i);
			send_some(t, i, 1, downs);
		}
		DRIVE_PAIR(t, dlm_seen(t, 0)->last_number == downs &&
			   dlm_seen(t, 1)->last_number == downs);
		end_membership(t, membership, downs);
		/* One that is over is not taken up again. */
		dlm_join(t, membership);
		for (unsigned turn = 0; turn < 4; turn++)
			pair_turn(t);
		CHECK(!t[0].all.session && !t[1].all.session);
		dlm_join(t, membership + 2);
		CHECK_OR_RETURN(DRIVE_PAIR(t, dlm_both_up(t)));
	}
	dlm_pair_free(t);
}

static void one_side_may_join_long_before_the_other(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	end_membership(t, DLM_FIRST, 1);
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, DLM_FIRST + 2), 0);
	DRIVE_PAIR(t, t[0].all.session);
	send_some(t, 0, 1, QUEUED);
	for (unsigned turn = 0; turn < 10; turn++)
		pair_turn(t);
	CHECK(!t[1].all.session);
	CHECK_EQ(status_of(&t[0], 2).acked, 0);
	CHECK_EQ(sinew_peer_joined(t[1].n, 1, DLM_FIRST + 3), 0);
	DRIVE_PAIR(t, dlm_seen(t, 1)->last_number == QUEUED);
	CHECK_EQ(dlm_seen(t, 1)->ups, 2);
	dlm_pair_free(t);
}

static void another_number_ends_the_session_that_is_open(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	send_some(t, 0, 1, QUEUED);
	DRIVE_PAIR(t, dlm_seen(t, 1)->messages == QUEUED);
	dlm_join(t, DLM_FIRST + 2);
	DRIVE_PAIR(t, dlm_seen(t, 0)->ups == 2 && dlm_seen(t, 1)->ups == 2);
	CHECK_EQ(dlm_seen(t, 0)->reason, SINEW_DOWN_FAILED);
	CHECK_EQ(dlm_seen(t, 1)->reason, SINEW_DOWN_FAILED);
	send_some(t, 0, 1, 1);
	DRIVE_PAIR(t, dlm_seen(t, 1)->messages == QUEUED + 1);
	dlm_pair_free(t);
}

static void forced_ends(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	CHECK_EQ(sinew_peer_left(t[0].n, 2, DLM_FIRST), 0);
	CHECK_EQ(sinew_peer_failed(t[1].n, 1, 0), 0);
	DRIVE_PAIR(t, dlm_seen(t, 0)->downs == 1 && dlm_seen(t, 1)->downs == 1);
	CHECK_EQ(dlm_seen(t, 0)->reason, SINEW_DOWN_LEFT);
	CHECK_EQ(dlm_seen(t, 1)->reason, SINEW_DOWN_FAILED);
	dlm_join(t, DLM_FIRST + 2);
	DRIVE_PAIR(t, dlm_both_up(t));
	dlm_pair_free(t);
}

/* ---- calls and options of the wrong profile ---- */

static unsigned n_named, n_sctp_named;

static void log_names(void *user, enum sinew_level level, const char *line)
{
	(void)user, (void)level;
	n_named += strstr(line, "membership") && strstr(line, "dlm");
	n_sctp_named += strstr(line, "sctp_backend") && strstr(line, "dlm");
}

static void other_options_are_refused(void)
{
	struct sockaddr_storage own = host_address(1);
	struct sinew_node *n = NULL;
	struct sinew_options o;

	cluster_options(&o, 1, &own);
	o.profile = SINEW_PROFILE_DLM;
	cluster_log_to(&o, SINEW_ERROR, log_names);
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	CHECK(!n);
	CHECK_EQ(n_named, 1);
	o.membership = SINEW_MEMBERSHIP_EXTERNAL;
	o.transport = "sctp";
	o.sctp_backend = SINEW_SCTP_USER;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	CHECK_EQ(n_sctp_named, 1);
	o.transport = "tcp";
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0);
	sinew_node_free(n);
}

static void external(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void calls_of_the_other_profile_are_refused(void)
{
	struct test_node t[2] = { 0 }, native[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	CHECK_EQ(sinew_peer_leaving(t[0].n, 2, DLM_FIRST), -EINVAL);
	CHECK_EQ(sinew_peer_released(t[0].n, 2, 0), -EINVAL);
	CHECK_EQ(sinew_peer_released(t[0].n, 9, DLM_FIRST), -ENOENT);
	CHECK_EQ(sinew_peer_released(NULL, 2, DLM_FIRST), -EINVAL);
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, 0), -EINVAL);
	leave(t, 1);
	DRIVE_PAIR(t, in_state(t, 0, SINEW_CLOSE_WAIT));
	CHECK_EQ(dlm_release(t, 0, DLM_FIRST), 0);
	ended_in_order(t, 1);
	dlm_pair_free(t);
	CHECK_OR_RETURN(pair_open(native, external));
	for (unsigned i = 0; i < 2; i++) {
		uint64_t theirs = sinew_incarnation(native[1 - i].n);

		CHECK_EQ(sinew_peer_joined(native[i].n, 2 - i, theirs), 0);
	}
	DRIVE_PAIR(native, dlm_both_up(native));
	CHECK_EQ(sinew_peer_released(native[0].n, 2, 1), -EINVAL);
	CHECK_EQ(sinew_send_bare(native[0].all.session, "sixteen bytes...", 16), -EINVAL);
	DRIVE_PAIR(native, status_of(&native[0], 2).n_links == 1);
	CHECK_EQ(status_of(&native[0], 2).dlm_version, 0);
	for (unsigned i = 0; i < 2; i++)
		node_free(&native[i]);
}

static void the_port_is_that_of_kernels(void)
{
	struct sockaddr_storage own = host_address(1);
	struct sockaddr_in *in = (struct sockaddr_in *)&own;
	struct test_node t[1] = { 0 };
	struct sinew_options o;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in->sin_port = 0;
	cluster_options(&o, 1, &own);
	dlm_options(&o);
	CHECK_OR_RETURN(node_open(&t[0], &o));
	in->sin_port = htons(SINEW_PORT_DLM);
	CHECK_EQ(connect(fd, (struct sockaddr *)in, sizeof *in), 0);
	close(fd);
	node_free(&t[0]);
}

/* ---- by hand ---- */

/* Node 1 alone; a peer or a stranger connects to it from that host. */
static bool open_one(struct test_node t[2], enum sinew_policy_31 policy)
{
	struct sockaddr_storage own = host_address(1), other = host_address(2);
	struct sinew_options o;

	fast_options(&o, 1, &own);
	dlm_options(&o);
	o.policy_31 = policy;
	return node_open(&t[0], &o) && CHECK_EQ(sinew_peer_add(t[0].n, 2, &other, 1), 0);
}

static int dial_from(unsigned host)
{
	struct sockaddr_storage from = host_address(host), to = host_address(1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	((struct sockaddr_in *)&from)->sin_port = 0;
	CHECK_EQ(bind(fd, (struct sockaddr *)&from, sizeof(struct sockaddr_in)), 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)), 0);
	return fd;
}

static void write_packet(int fd, unsigned minor, unsigned nodeid, uint64_t number)
{
	uint8_t packet[LIMIT];

	dlm_packet(packet, sizeof packet, DLM_RCOM, nodeid, number);
	packet[0] = (uint8_t)minor;
	CHECK_EQ(write(fd, packet, sizeof packet), sizeof packet);
}

/* An orderly end of the other side alone is none. */
static bool is_reset(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

static void a_peer_that_speaks_3_1(enum sinew_policy_31 policy)
{
	struct test_node t[2] = { 0 };
	uint8_t got[LIMIT + 1] = { 0 }, want[LIMIT];
	struct sinew_status st;
	int fd;

	CHECK_OR_RETURN(open_one(t, policy));
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, DLM_FIRST), 0);
	fd = dial_from(2);
	DRIVE_PAIR(t, t[0].all.session);
	CHECK_EQ(status_of(&t[0], 2).dlm_version, 0);
	write_packet(fd, 1, 2, 1);
	DRIVE_PAIR(t, dlm_seen(t, 0)->bares == 1);
	st = status_of(&t[0], 2);
	CHECK(st.unreliable);
	CHECK_EQ(st.dlm_version, 0x00030001);
	CHECK_EQ(dlm_send(&t[0], LIMIT, 1), 0);
	DRIVE_PAIR(t, status_of(&t[0], 2).acked == 1);
	/* As the application made it, without an envelope and in that version. */
	dlm_packet(want, LIMIT, DLM_MSG, 1, 1);
	want[0] = 1;
	CHECK_EQ(recv(fd, got, sizeof got, MSG_DONTWAIT), LIMIT);
	CHECK_MEM(got, want, LIMIT);
	CHECK_EQ(sinew_session_finish(t[0].all.session), 0);
	DRIVE_PAIR(t, dlm_seen(t, 0)->downs == 1);
	CHECK_EQ(dlm_seen(t, 0)->reason, SINEW_DOWN_LEFT);
	close(fd);
	node_free(&t[0]);
}

static void peers_of_3_1_are_taken(void)
{
	a_peer_that_speaks_3_1(SINEW_31_WARN);
	a_peer_that_speaks_3_1(SINEW_31_ALLOW);
}

/* A packet after which the link is reset, and whether that is a violation. */
static void is_not_taken(enum sinew_policy_31 policy, unsigned minor, unsigned nodeid)
{
	struct test_node t[2] = { 0 };
	int fd;

	CHECK_OR_RETURN(open_one(t, policy));
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, DLM_FIRST), 0);
	fd = dial_from(2);
	DRIVE_PAIR(t, t[0].all.session);
	write_packet(fd, minor, nodeid, 1);
	DRIVE_PAIR(t, is_reset(fd));
	CHECK_EQ(dlm_seen(t, 0)->bares, 0);
	CHECK_EQ(status_of(&t[0], 2).faults, 1);
	CHECK_EQ(dlm_seen(t, 0)->downs, 0);
	close(fd);
	/* The next connection is welcome. */
	fd = dial_from(2);
	write_packet(fd, 2, 2, 1);
	DRIVE_PAIR(t, dlm_seen(t, 0)->bares == 1);
	CHECK_EQ(dlm_seen(t, 0)->links, 2);
	close(fd);
	node_free(&t[0]);
}

static void packets_that_reset_the_link(void)
{
	is_not_taken(SINEW_31_REFUSE, 1, 2);
	is_not_taken(SINEW_31_WARN, 9, 2);
	is_not_taken(SINEW_31_WARN, 2, 3);
	is_not_taken(SINEW_31_WARN, 2, 1);
}

static void a_connection_waits_until_its_node_is_a_member(void)
{
	struct test_node t[2] = { 0 };
	int fd, stranger;

	CHECK_OR_RETURN(open_one(t, SINEW_31_WARN));
	fd = dial_from(2);
	write_packet(fd, 2, 2, 1);
	/* Behind it in the backlog: when this one is reset, that one was accepted. */
	stranger = dial_from(3);
	DRIVE_PAIR(t, is_reset(stranger));
	CHECK_EQ(dlm_seen(t, 0)->ups + dlm_seen(t, 0)->bares, 0);
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, DLM_FIRST), 0);
	DRIVE_PAIR(t, dlm_seen(t, 0)->bares == 1);
	CHECK_EQ(dlm_seen(t, 0)->ups, 1);
	close(stranger);
	close(fd);
	node_free(&t[0]);
}

static void says_nine(struct test_node *t, struct sinew_session *p)
{
	uint8_t packet[LIMIT];

	dlm_packet(packet, LIMIT, DLM_RCOM, t->id, 9);
	CHECK_EQ(sinew_send_bare(p, packet, LIMIT), 0);
}

static void bare_packets_without_a_link_are_lost(void)
{
	struct test_node t[2] = { 0 };
	uint8_t got[3 * LIMIT] = { 0 }, want[LIMIT];
	ssize_t n = 0;
	int fd;

	CHECK_OR_RETURN(open_one(t, SINEW_31_WARN));
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, DLM_FIRST), 0);
	fd = dial_from(2);
	DRIVE_PAIR(t, t[0].all.session);
	close(fd);
	DRIVE_PAIR(t, !status_of(&t[0], 2).link_up);
	for (unsigned i = 0; i < 3; i++)
		says_nine(&t[0], t[0].all.session);
	CHECK_EQ(dlm_send(&t[0], LIMIT, 1), 0);
	t[0].on_link_up = says_nine;
	fd = dial_from(2);
	DRIVE_PAIR(t, (n = recv(fd, got, sizeof got, MSG_DONTWAIT | MSG_PEEK)) >=
		   (ssize_t)(2 * LIMIT + OPTS));
	/* That of the new link alone, and the message in its envelope with the first number. */
	CHECK_EQ(n, 2 * LIMIT + OPTS);
	dlm_packet(want, LIMIT, DLM_RCOM, 1, 9);
	CHECK_MEM(got, want, LIMIT);
	CHECK_EQ(got[LIMIT + 14], OPTS_COMMAND);
	CHECK(!memcmp(got + LIMIT + 4, "\0\0\0", 4));
	dlm_packet(want, LIMIT, DLM_MSG, 1, 1);
	CHECK_MEM(got + LIMIT + OPTS, want, LIMIT);
	close(fd);
	node_free(&t[0]);
}

int main(void)
{
	RUN(it_is_released_after_it_has_left);
	RUN(it_is_released_before_it_leaves);
	RUN(both_leave_at_once);
	RUN(links_break_while_they_leave);
	RUN(the_report_names_who_has_not_removed_us);
	RUN(a_node_that_closes_leaves);
	RUN(each_membership_counts_anew);
	RUN(one_side_may_join_long_before_the_other);
	RUN(another_number_ends_the_session_that_is_open);
	RUN(forced_ends);
	RUN(other_options_are_refused);
	RUN(calls_of_the_other_profile_are_refused);
	RUN(the_port_is_that_of_kernels);
	RUN(peers_of_3_1_are_taken);
	RUN(packets_that_reset_the_link);
	RUN(a_connection_waits_until_its_node_is_a_member);
	RUN(bare_packets_without_a_link_are_lost);
	return check_done();
}
