/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections over a relay that resets, half-closes, cuts up, joins, delays or swallows them
 * at every byte of every kind of frame: all arrives once and in order, and both sides end
 * clean. Uses the public API alone; the relay knows where frames begin.
 *
 * Node 1 (the coordinator) is host 1 of its lane, node 2 host 2. Node 1 knows node 2 as host 3, 2
 * knows node 1 as host 4: there the relays listen, and from there they dial.
 * run.sh: timeout=300
 *
 * LIVE_FULL=1: cuts at every byte for either dialler, else for node 1 alone.
 *
 *	test_live_cut DIALLER DIR BYTES SETTLE ACT    one trial, with its log
 */
#include "tests/lib/relay.h"

#define LANES		24	/* trials at a time */
#define HOSTS		4	/* a lane */
#define N_MESSAGES	4u
#define JOBS_MAX	20000u
#define TRIAL_MS	40000	/* for one that hangs */
#define WITHIN		96u	/* bytes of a long body that are cut at one by one */
#define STRIDE		4093u	/* then only every so many */

static const size_t lengths[N_MESSAGES] = { 5, 0, 70000, 30 };

struct job {
	unsigned dialler;	/* node that gets through at first: 1 or 2 */
	enum relay_shape shape;
	struct relay_plan plan, second;	/* of the first and the second connection */
	bool no_reconnect;
};

struct lane {
	struct test_node node[2];
	struct relay relay[2];	/* 0: the one that is there from the beginning */
	const struct job *job;	/* NULL: idle */
	int64_t end_ms;
	unsigned host;
	unsigned wrong;		/* messages that are not what is due */
	uint64_t reconnects[2];	/* of the sessions that are over */
	struct pollfd *fds;
	unsigned n_fds;
	bool due;
};

/* Which frame a direction had, and where; taken from a run without a fault. */
struct frame_seen {
	uint64_t from;
	uint32_t length;
	uint8_t cmd;
};

struct record {
	struct frame_seen frames[64];
	unsigned n;
	uint64_t bytes;
};

static struct lane lanes[LANES];
static struct job jobs[JOBS_MAX];
static unsigned n_jobs;
static struct record records[3][2];	/* dialler, direction */
static bool covered[3][2][256][256];	/* dialler, direction, frame, byte in it */
static unsigned n_cut, n_reconnects, n_bad;
static unsigned diallers;	/* that are tried at every byte */

/* ---- what both nodes do ---- */

static void send_all(struct test_node *l, struct sinew_session *p)
{
	static uint8_t text[70000];

	for (unsigned i = 0; i < N_MESSAGES; i++) {
		fill_content(text, lengths[i], l->id, i + 1);
		CHECK_EQ(sinew_send(p, text, lengths[i]), 0);
	}
	CHECK_EQ(sinew_session_finish(p), 0);
}

static void take_message(struct test_node *l, struct sinew_session *p,
			 const struct sinew_message *msg)
{
	struct lane *lane = l->arg;
	uint64_t due = l->all.messages;

	(void)p;
	if (due > N_MESSAGES || msg->number != due || msg->len != lengths[due - 1] ||
	    !is_content(msg->data, msg->len, 3 - l->id, due))
		lane->wrong++;
}

static void count_reconnects(struct test_node *l, struct sinew_session *p)
{
	struct lane *lane = l->arg;

	(void)p;
	lane->reconnects[l->id - 1] = node_status(l).reconnects;
}

static bool both_down(const struct lane *lane)
{
	return lane->node[0].all.downs && lane->node[1].all.downs;
}

static bool open_nodes(struct lane *lane)
{
	static unsigned n_opened;
	const struct job *job = lane->job;

	for (unsigned i = 0; i < 2; i++) {
		struct test_node *l = &lane->node[i];
		struct sockaddr_storage own = host_address(lane->host + i);
		struct sockaddr_storage other = host_address(lane->host + 2 + i);
		struct sinew_test_options test = { .size = sizeof test };
		struct sinew_options opt;

		*l = (struct test_node) {
			.arg = lane, .on_up = send_all, .on_message = take_message,
			.on_down = count_reconnects,
		};
		fast_options(&opt, i + 1, &own);
		opt.queue_bytes = 512u << 10;
		test.first_seq = n_opened % 4 / 2 ? 0xfffffffdu : 0;
		opt.test = &test;
		n_opened++;
		if (job->plan.act == RELAY_HOLE) {
			opt.stall_ms = 400;
			opt.keepalive_ms = 100;
			opt.hello_ms = 400;
		}
		/* A byte at a time takes long on a busy machine: no time of a link ends it. */
		if (job->shape == RELAY_BYTES)
			opt.stall_ms = opt.hello_ms = TRIAL_MS;
		if (!node_open(l, &opt) ||
		    !CHECK_EQ(sinew_peer_add(l->n, 2 - i, &other, 1), 0))
			return false;
	}
	return true;
}

/* ---- a trial ---- */

/* The relay to the node that the dialler does not have: its listener, source, target. */
static bool open_relay(struct lane *lane, struct relay *r, unsigned dialler)
{
	unsigned other = 3 - dialler;

	return relay_open(r, host_address(lane->host + 1 + dialler),
			  host_address(lane->host + 1 + other),
			  host_address(lane->host + other - 1));
}

static void record_frame(struct relay *r, unsigned pair, unsigned dir, const struct relay_place *p)
{
	const struct job *job = r->user;
	struct record *rec = &records[job->dialler][dir];

	if (pair != 0 || !CHECK(rec->n < 64))
		return;
	rec->frames[rec->n++] = (struct frame_seen) {
		.from = rec->bytes, .length = p->length, .cmd = p->cmd,
	};
	rec->bytes += p->length;
}

static bool start(struct lane *lane, const struct job *job)
{
	lane->job = job;
	lane->end_ms = now_ms() + time_limit(TRIAL_MS);
	lane->wrong = 0;
	memset(lane->reconnects, 0, sizeof lane->reconnects);
	lane->due = true;
	for (unsigned i = 0; i < 2; i++)
		lane->relay[i] = (struct relay) { .listener = -1, .shape = job->shape };
	lane->relay[0].plans[0] = job->plan;
	lane->relay[0].plans[1] = lane->relay[1].plans[0] = job->second;
	if (records[job->dialler][0].n == 0) {
		lane->relay[0].on_frame = record_frame;
		lane->relay[0].user = (void *)(uintptr_t)job;
	}
	return open_nodes(lane) && open_relay(lane, &lane->relay[0], job->dialler);
}

static const char *side_fault(struct lane *lane, struct test_node *l)
{
	if (l->all.messages != N_MESSAGES)
		return "not all messages came, or too many";
	if (l->all.ups != 1 || l->all.downs != 1 || l->all.finishes != 1)
		return "not one session_up, one session_finished and one session_down";
	if (l->all.reason != SINEW_DOWN_CLOSED)
		return sinew_down_name(l->all.reason);
	if (l->all.delivery.acked != N_MESSAGES || l->all.delivery.unsent != N_MESSAGES)
		return "delivery report";
	if (lane->job->no_reconnect && lane->reconnects[l->id - 1])
		return "it reconnected";
	return NULL;
}

static void blame(struct lane *lane, const char *why)
{
	const struct job *j = lane->job;
	char text[200];

	snprintf(text, sizeof text, "dialler %u, act %d at byte %llu of direction %u, settle %u, "
		 "second %llu of %u: %s", j->dialler, (int)j->plan.act,
		 (unsigned long long)j->plan.after, j->plan.dir, j->plan.settle,
		 (unsigned long long)j->second.after, j->second.dir, why);
	check_fail(__FILE__, __LINE__, text);
	if (n_bad++ == 0)
		cluster_show_log();
}

static void finish(struct lane *lane)
{
	const struct job *job = lane->job;
	const struct relay_place *cut = &lane->relay[0].cut;

	for (unsigned i = 0; i < 2; i++) {
		const char *why = side_fault(lane, &lane->node[i]);

		if (why)
			blame(lane, why);
		n_reconnects += (unsigned)lane->reconnects[i];
	}
	if (lane->wrong)
		blame(lane, "a message came twice, too early or damaged");
	if (lane->relay[0].n_fired) {
		n_cut++;
		if (cut->at < 256)
			covered[job->dialler][job->plan.dir][cut->cmd][cut->at] = true;
	}
}

static void stop(struct lane *lane)
{
	for (unsigned i = 0; i < 2; i++) {
		node_free(&lane->node[i]);
		relay_close(&lane->relay[i]);
	}
	lane->job = NULL;
}

static void lane_turn(struct lane *lane)
{
	for (unsigned i = 0; i < 2; i++)
		if (lane->relay[i].listener >= 0)
			relay_turn(&lane->relay[i]);
	/* From now on the other one gets through, too. */
	if (lane->relay[0].n_fired && lane->relay[1].listener < 0)
		open_relay(lane, &lane->relay[1], 3 - lane->job->dialler);
	if (both_down(lane)) {
		finish(lane);
		stop(lane);
	} else if (now_ms() >= lane->end_ms) {
		blame(lane, "not over in time");
		stop(lane);
	}
}

/* ---- all trials ---- */

static void poll_lanes(void)
{
	struct test_node *nodes[2 * LANES];
	struct pollfd fds[LANES * 2 * RELAY_FDS];
	unsigned n = 0, n_nodes = 0;
	int wait_ms = 50;

	for (struct lane *l = lanes; l < lanes + LANES; l++) {
		int own_ms = 50;

		l->fds = fds + n;
		l->n_fds = 0;
		if (!l->job)
			continue;
		nodes[n_nodes++] = &l->node[0];
		nodes[n_nodes++] = &l->node[1];
		for (unsigned i = 0; i < 2; i++)
			if (l->relay[i].listener >= 0)
				l->n_fds += relay_fds(&l->relay[i], l->fds + l->n_fds, &own_ms);
		n += l->n_fds;
		l->due = own_ms < 50;
		if (own_ms < wait_ms)
			wait_ms = own_ms;
	}
	nodes_turn(nodes, n_nodes, fds, n, wait_ms);
	for (struct lane *l = lanes; l < lanes + LANES; l++)
		for (unsigned i = 0; i < l->n_fds; i++)
			l->due |= l->fds[i].revents != 0;
}

/* Runs jobs from first on. */
static void run_jobs(unsigned first)
{
	unsigned next = first, n_busy;
	int64_t last_look = 0;

	n_bad = 0;
	do {
		bool look = now_ms() >= last_look + 20;

		n_busy = 0;
		if (look)
			last_look = now_ms();
		for (struct lane *l = lanes; l < lanes + LANES; l++) {
			l->host = 1 + (unsigned)(l - lanes) * HOSTS;
			if (!l->job && next < n_jobs && n_bad < 5 && !start(l, &jobs[next++]))
				return;
			if (l->job && (l->due || look || both_down(l)))
				lane_turn(l);
			n_busy += l->job != NULL;
		}
		if (n_busy)
			poll_lanes();
	} while (n_busy || (next < n_jobs && n_bad < 5));
}

static struct job *add_job(unsigned dialler, enum relay_act act, unsigned dir, uint64_t after)
{
	static struct job none;

	if (!CHECK(n_jobs < JOBS_MAX))
		return &none;
	jobs[n_jobs] = (struct job) {
		.dialler = dialler, .plan = { .act = act, .dir = dir, .after = after },
	};
	return &jobs[n_jobs++];
}

/* A run without a fault for each dialler; fills the records. */
static bool record_all(void)
{
	if (records[1][0].n)
		return true;
	n_jobs = 0;
	add_job(1, RELAY_PASS, 0, 0)->no_reconnect = true;
	run_jobs(0);
	add_job(2, RELAY_PASS, 0, 0)->no_reconnect = true;
	run_jobs(1);
	n_jobs = 0;
	for (unsigned dialler = 1; dialler <= 2; dialler++)
		for (unsigned dir = 0; dir < 2; dir++)
			CHECK(records[dialler][dir].n >= 8);
	return n_bad == 0 && records[1][0].n && records[2][0].n;
}

/* Whether to cut at that byte: not one by one in a long body. */
static bool worth(const struct record *rec, uint64_t k)
{
	for (unsigned i = 0; i < rec->n; i++) {
		const struct frame_seen *f = &rec->frames[i];

		if (k > f->from + WITHIN && k + WITHIN < f->from + f->length)
			return (k - f->from) % STRIDE == 0;
	}
	return true;
}

/* Jobs for every byte worth it, and every one of step. */
static void cut_everywhere(enum relay_act act, unsigned step, bool both_settled)
{
	for (unsigned dialler = 1; dialler <= diallers; dialler++)
		for (unsigned dir = 0; dir < 2; dir++) {
			const struct record *rec = &records[dialler][dir];

			for (uint64_t k = 0; k <= rec->bytes; k++) {
				if (!worth(rec, k) || k % step)
					continue;
				add_job(dialler, act, dir, k)->plan.settle = k / step % 2 * 3;
				if (both_settled)
					add_job(dialler, act, dir, k)->plan.settle =
						(k / step + 1) % 2 * 3;
			}
		}
}

static bool has_all(unsigned dialler, unsigned dir, uint8_t cmd, unsigned n)
{
	unsigned missing = 0;

	/* Behind its last byte a frame counts, too: that is the cut between two. */
	for (unsigned at = 1; at <= n; at++)
		missing += !covered[dialler][dir][cmd][at];
	if (missing)
		printf("# dialler %u, direction %u: %u places of %s never cut\n", dialler, dir,
		       missing, wire_cmd_name(cmd));
	return missing == 0;
}

static void reset_at_every_byte(void)
{
	unsigned n_ack = 0;

	CHECK_OR_RETURN(record_all());
	n_jobs = n_cut = n_reconnects = 0;
	memset(covered, 0, sizeof covered);
	cut_everywhere(RELAY_RESET, 1, env_is_set("LIVE_FULL"));
	run_jobs(0);
	printf("# %u trials, %u connections cut, %u reconnects\n", n_jobs, n_cut, n_reconnects);
	for (unsigned dialler = 1; dialler <= diallers; dialler++)
		for (unsigned dir = 0; dir < 2; dir++) {
			CHECK(has_all(dialler, dir, WIRE_HELLO,
				      records[dialler][dir].frames[0].length));
			CHECK(has_all(dialler, dir, WIRE_DATA, WIRE_MSG_OVERHEAD + 5));
			CHECK(has_all(dialler, dir, WIRE_FRAGMENT, WIRE_FRAG_OVERHEAD + 8));
			CHECK(has_all(dialler, dir, WIRE_FIN_CMD, WIRE_FIN));
			n_ack += has_all(dialler, dir, WIRE_ACK, WIRE_HEADER);
		}
	/* Not every direction has a bare ACK at the same place in every run. */
	CHECK(n_ack >= diallers);
}

/* The connection that takes up where the first was cut is cut, too. */
static void reset_of_the_resumption(void)
{
	CHECK_OR_RETURN(record_all());
	n_jobs = 0;
	for (unsigned dialler = 1; dialler <= 2; dialler++)
		for (unsigned dir = 0; dir < 2; dir++) {
			unsigned hello = records[dialler][dir].frames[0].length;

			for (unsigned k = 0; k <= 2 * hello + 60; k += dialler == dir ? 1 : 3) {
				struct job *j = add_job(dialler, RELAY_RESET, k % 2, 30000);

				j->second = (struct relay_plan) {
					.act = RELAY_RESET, .dir = dir, .after = k,
					.settle = k % 4 / 2 * 3,
				};
			}
		}
	run_jobs(0);
}

static void half_close(void)
{
	CHECK_OR_RETURN(record_all());
	n_jobs = n_cut = 0;
	cut_everywhere(RELAY_HALF_CLOSE, env_is_set("LIVE_FULL") ? 1 : 11, false);
	run_jobs(0);
	CHECK(n_cut > 100);
}

static void every_byte_a_segment(void)
{
	n_jobs = 0;
	for (unsigned dialler = 1; dialler <= 2; dialler++) {
		struct job *j = add_job(dialler, RELAY_PASS, 0, 0);

		j->shape = RELAY_BYTES;
		j->no_reconnect = true;
	}
	run_jobs(0);
}

static void joined(void)
{
	n_jobs = 0;
	for (unsigned dialler = 1; dialler <= 2; dialler++) {
		struct job *j = add_job(dialler, RELAY_PASS, 0, 0);

		j->shape = RELAY_JOIN;
		j->no_reconnect = true;
	}
	run_jobs(0);
}

/* Delay is not a fault: the connection stays. */
static void stalled_for_a_while(void)
{
	CHECK_OR_RETURN(record_all());
	n_jobs = n_cut = 0;
	cut_everywhere(RELAY_STALL, 97, false);
	for (unsigned i = 0; i < n_jobs; i++) {
		jobs[i].plan.stall_ms = 150;
		jobs[i].no_reconnect = true;
	}
	run_jobs(0);
	CHECK(n_cut > 10);
}

static void swallowed_for_ever(void)
{
	CHECK_OR_RETURN(record_all());
	n_jobs = n_cut = 0;
	cut_everywhere(RELAY_HOLE, env_is_set("LIVE_FULL") ? 31 : 163, false);
	run_jobs(0);
	CHECK(n_cut > 10);
}

static int one_trial(char **argv)
{
	struct job *j = add_job((unsigned)atoi(argv[1]), (enum relay_act)atoi(argv[5]),
				(unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 10));

	setenv("TEST_LOG", "1", 1);
	j->plan.settle = (unsigned)atoi(argv[4]);
	j->plan.stall_ms = 150;
	run_jobs(0);
	printf("%u cut in %s at %u of %u\n", n_cut, wire_cmd_name(lanes[0].relay[0].cut.cmd),
	       lanes[0].relay[0].cut.at, lanes[0].relay[0].cut.length);
	return n_bad > 0;
}

int main(int argc, char **argv)
{
	if (argc == 6)
		return one_trial(argv);
	diallers = env_is_set("LIVE_FULL") ? 2 : 1;
	RUN(reset_at_every_byte);
	RUN(reset_of_the_resumption);
	RUN(half_close);
	RUN(every_byte_a_segment);
	RUN(joined);
	RUN(stalled_for_a_while);
	RUN(swallowed_for_ever);
	return check_done();
}
