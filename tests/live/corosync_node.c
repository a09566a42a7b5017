/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node under corosync that sends numbered messages to all its peers all the time and checks what
 * comes. Keeps a book for corosync_judge and prints one line for each event: the moment
 * (CLOCK_MONOTONIC, ms), what, and about whom. Knows nothing of the faults around it.
 *
 *	corosync_node [--break-every MS] [--serve] [--hold] BOOK
 *
 * --break-every: resets all its connections so often. --serve: it has a control socket and serves
 * the topology. --hold: a member that failed is held back
 * until the application confirms that it was fenced, which it does 100 ms after it was asked.
 * SIGTERM ends it in order. The exit status is 1 if something was wrong with what it saw itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lowcomms/sinew-test.h"
#include "membership/sinew-corosync.h"
#include "services/sinew-control.h"
#include "tests/live/corosync_book.h"
#include "tools/clock.h"
#include "tools/signals.h"

#define NODES_MAX	16	/* nodeids are below */
#define TURN_MS		10
#define BURST		2	/* messages to each peer in a turn */
#define CONNECT_MS	60000
#define LINGER_MS	10000
#define FENCING_NS	(100 * CLOCK_MS)
#define LINE_MAX_LEN	512

struct lane {
	struct sinew_session *session;	/* referenced; NULL: none */
	struct record *record;
	uint64_t to_fence;		/* an incarnation that is being fenced; 0: none */
	uint64_t fenced_ns;
};

struct program {
	struct run_log *run_log;
	struct sinew_corosync *corosync;
	struct sinew_node *node;
	struct sinew_calls *calls;	/* NULL: none */
	bool hold, serves;
	uint64_t break_every_ns, break_ns;
	bool is_quorate, is_closing, is_closed;
	struct lane lanes[NODES_MAX];
	uint8_t buffer[BOOK_LENGTH];
};

/* ---- saying ---- */

/* One write, so that lines of several threads stay whole. */
static __attribute__((format(printf, 1, 2))) void event(const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;
	int n;

	n = snprintf(line, sizeof(line), "%.3f ", (double)clock_now_ns() / 1e6);
	va_start(args, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)n) < 0)
		exit(2);
}

/* Something that must not be. */
static __attribute__((format(printf, 2, 3)))
void problem(struct program *p, const char *fmt, ...)
{
	char text[BOOK_PROBLEM];
	unsigned i = atomic_fetch_add(&p->run_log->n_problems, 1);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	event("wrong %s", text);
	if (i < BOOK_PROBLEMS)
		memcpy(p->run_log->problems[i], text, sizeof(text));
}

static void log_node(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	event("log node %s %s", sinew_level_name(level), line);
}

static void log_corosync(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	event("log corosync %s %s", sinew_level_name(level), line);
}

/* ---- messages ---- */

static void send_next(struct program *p, struct lane *lane)
{
	struct record *r = lane->record;
	struct content c = run_log_sent(r, record_get(&r->sent) + 1);
	size_t len = content_length(&c);
	uint64_t number = 0;
	int rc;

	content_fill(&c, p->buffer, len);
	/* It may be delivered before the call returns. */
	record_set(&r->tried, c.number);
	rc = sinew_send_numbered(lane->session, p->buffer, len, &number);
	if (rc) {
		record_set(&r->tried, c.number - 1);
		if (rc != -EAGAIN && rc != -ESHUTDOWN && rc != -ESTALE)
			problem(p, "sending to %" PRIu32 ": %s", r->peer, sinew_error_name(rc));
		return;
	}
	record_set(&r->sent, c.number);
	if (number != c.number)
		problem(p, "message %" PRIu64 " to %" PRIu32 " was given the number %" PRIu64,
			c.number, r->peer, number);
}

static void take_other(struct program *p, struct record *r, const struct content *due,
		       const struct sinew_message *m)
{
	uint64_t number = 0;

	switch (content_identify(due, m->data, m->len, &number)) {
	case CONTENT_GOOD:
		seqset_take(&r->got, number);
		problem(p, "message %" PRIu64 " of %" PRIu32 " came where %" PRIu64 " was due",
			number, r->peer, due->number);
		break;
	case CONTENT_STRAY:
		seqset_take_stray(&r->got);
		problem(p, "a message of another incarnation of %" PRIu32 " came", r->peer);
		break;
	case CONTENT_WRONG:
		seqset_take_corrupted(&r->got);
		problem(p, "bytes that nobody sent came from %" PRIu32, r->peer);
		break;
	}
}

static void saw_message(struct sinew_node *node, struct sinew_session *session,
			const struct sinew_message *m, void *user)
{
	struct program *p = user;
	struct lane *lane = &p->lanes[sinew_session_nodeid(session)];
	struct content due;

	(void)node;
	if (lane->session != session || !lane->record) {
		problem(p, "a message of %" PRIu32 " came, which is not up",
			sinew_session_nodeid(session));
		return;
	}
	due = run_log_got(lane->record, seqset_next(&lane->record->got));
	if (content_is(&due, m->data, m->len))
		seqset_take(&lane->record->got, due.number);
	else
		take_other(p, lane->record, &due, m);
}

/* ---- sessions ---- */

/* One word: "self_lost". */
static const char *word_of(enum sinew_down reason, char word[32])
{
	char *space;

	snprintf(word, 32, "%s", sinew_down_name(reason));
	while ((space = strchr(word, ' ')))
		*space = '_';
	return word;
}

static void count(struct lane *lane)
{
	struct sinew_status st = { .size = sizeof(st) };

	if (!lane->session || !lane->record || sinew_session_status(lane->session, &st))
		return;
	record_set(&lane->record->acked, st.acked);
	record_set(&lane->record->reconnects, st.reconnects);
	record_set(&lane->record->resumed, st.resumed_unacked);
}

static void saw_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct program *p = user;
	uint32_t id = sinew_session_nodeid(session);
	struct lane *lane = &p->lanes[id];
	unsigned i = atomic_load(&p->run_log->n_records);
	struct record *r = &p->run_log->records[i];

	event("up peer=%" PRIu32 " incarnation=%016" PRIx64 " own=%016" PRIx64, id,
	      sinew_session_incarnation(session), sinew_incarnation(node));
	if (lane->session)
		problem(p, "a second session with %" PRIu32, id);
	sinew_session_unref(lane->session);
	lane->session = sinew_session_ref(session);
	lane->record = NULL;
	if (i == BOOK_RECORDS) {
		problem(p, "the book is full");
		return;
	}
	r->node = sinew_node_id(node);
	r->peer = id;
	r->incarnation = sinew_incarnation(node);
	r->peer_incarnation = sinew_session_incarnation(session);
	atomic_store(&r->state, RECORD_OPEN);
	atomic_store(&p->run_log->n_records, i + 1);
	lane->record = r;
}

static void saw_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	(void)node;
	(void)user;
	event("finished peer=%" PRIu32 " incarnation=%016" PRIx64, sinew_session_nodeid(session),
	      sinew_session_incarnation(session));
}

static void saw_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		     const struct sinew_delivery *delivery, void *user)
{
	struct program *p = user;
	struct lane *lane = &p->lanes[sinew_session_nodeid(session)];
	char word[32];

	(void)node;
	event("down peer=%" PRIu32 " incarnation=%016" PRIx64 " reason=%s acked=%" PRIu64
	      " in_doubt=%" PRIu64 " unsent=%" PRIu64, sinew_session_nodeid(session),
	      sinew_session_incarnation(session), word_of(reason, word), delivery->acked,
	      delivery->in_doubt, delivery->unsent);
	if (lane->session != session) {
		problem(p, "%" PRIu32 " went down, but was not up", sinew_session_nodeid(session));
		return;
	}
	count(lane);
	if (lane->record) {
		lane->record->reason = reason;
		lane->record->delivery = *delivery;
		atomic_store(&lane->record->state, RECORD_OVER);
	}
	sinew_session_unref(lane->session);
	lane->session = NULL;
	lane->record = NULL;
}

static void saw_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		      enum sinew_fence_reason reason, void *user)
{
	struct program *p = user;

	(void)node;
	event("fence peer=%" PRIu32 " incarnation=%016" PRIx64 " reason=%s", nodeid, incarnation,
	      sinew_fence_reason_name(reason));
	if (p->hold && nodeid < NODES_MAX) {
		p->lanes[nodeid].to_fence = incarnation;
		p->lanes[nodeid].fenced_ns = clock_now_ns() + FENCING_NS;
	}
}

static void saw_self_lost(struct sinew_node *node, uint64_t incarnation, void *user)
{
	struct program *p = user;
	unsigned i;

	(void)node;
	event("lost own=%016" PRIx64, incarnation);
	atomic_store(&p->run_log->incarnation, incarnation);
	for (i = 0; i < NODES_MAX; i++)
		if (p->lanes[i].session)
			problem(p, "the own incarnation was lost with %u still up", i);
}

static void saw_closed(struct sinew_node *node, void *user)
{
	(void)node;
	event("closed");
	((struct program *)user)->is_closed = true;
}

/* ---- turns ---- */

static void confirm_fence(struct program *p, uint32_t nodeid, uint64_t now_ns)
{
	struct lane *lane = &p->lanes[nodeid];

	if (!lane->to_fence || now_ns < lane->fenced_ns)
		return;
	event("fenced peer=%" PRIu32 " incarnation=%016" PRIx64, nodeid, lane->to_fence);
	sinew_peer_failed(p->node, nodeid, lane->to_fence);
	lane->to_fence = 0;
}

static void watch_quorum(struct program *p)
{
	struct sinew_corosync_status st = { .size = sizeof(st) };

	if (sinew_corosync_status(p->corosync, &st) || st.quorate == p->is_quorate)
		return;
	p->is_quorate = st.quorate;
	atomic_store(&p->run_log->is_quorate, st.quorate);
	event("quorum %s", st.quorate ? "yes" : "no");
}

static void turn(struct program *p)
{
	uint64_t now = clock_now_ns();
	unsigned i, k;

	for (i = 0; i < NODES_MAX; i++) {
		confirm_fence(p, i, now);
		count(&p->lanes[i]);
		for (k = 0; k < BURST && p->lanes[i].record && !p->is_closing; k++)
			send_next(p, &p->lanes[i]);
	}
	if (p->break_every_ns && now >= p->break_ns) {
		sinew_break(p->node, 0);
		p->break_ns = now + p->break_every_ns;
	}
	watch_quorum(p);
}

static void serve(struct program *p, int signals)
{
	struct pollfd fds[2] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = sinew_get_fd(p->node), .events = POLLIN },
	};
	uint64_t due = 0;
	int rc;

	while (!p->is_closed) {
		poll(fds, 2, clock_timeout_ms(due));
		if (signals_take(signals)) {
			event("closing");
			sinew_close(p->node, p->is_closing ? 0 : LINGER_MS);
			p->is_closing = true;
		}
		rc = sinew_dispatch(p->node, 0);
		if (rc < 0 && rc != -ESHUTDOWN)
			problem(p, "its loop failed: %s", sinew_error_name(rc));
		if (clock_now_ns() < due)
			continue;
		due = clock_now_ns() + TURN_MS * CLOCK_MS;
		turn(p);
	}
}

/* ---- begin and end ---- */

static int serve_topology(struct program *p)
{
	struct sinew_control_options opt = { .size = sizeof(opt) };
	int rc = sinew_calls_new(p->node, NULL, &p->calls);

	opt.calls = p->calls;
	return rc ? rc : sinew_control_serve(p->node, &opt);
}

static int open_node(struct program *p)
{
	static const struct sinew_callbacks callbacks = {
		.size = sizeof(callbacks),
		.session_up = saw_up,
		.message = saw_message,
		.session_finished = saw_finished,
		.session_down = saw_down,
		.fence_asked = saw_fence,
		.self_lost = saw_self_lost,
		.closed = saw_closed,
	};
	struct sinew_corosync_setup setup;
	struct sinew_options opt;
	char err[512] = "";
	int rc;

	SINEW_COROSYNC_SETUP_INIT(&setup);
	setup.connect_ms = CONNECT_MS;
	setup.hold_failed = p->hold;
	setup.log = log_corosync;
	setup.log_level = SINEW_DEBUG;
	setup.log_level = SINEW_DEBUG;
	rc = sinew_corosync_open(&setup, &p->corosync, err, sizeof(err));
	if (rc) {
		event("wrong cannot open corosync: %s", err);
		return rc;
	}
	SINEW_OPTIONS_INIT(&opt);
	rc = sinew_corosync_options(p->corosync, &opt);
	opt.log = log_node;
	if (!rc)
		rc = sinew_node_new(&opt, &callbacks, p, &p->node);
	if (!rc && p->serves)
		rc = serve_topology(p);
	if (!rc) {
		atomic_store(&p->run_log->incarnation, sinew_incarnation(p->node));
		event("begin own=%016" PRIx64, sinew_incarnation(p->node));
		rc = sinew_corosync_attach(p->corosync, p->node);
	}
	if (rc)
		event("wrong cannot begin: %s", strerror(-rc));
	else
		atomic_store(&p->run_log->node, sinew_node_id(p->node));
	return rc;
}

static struct run_log *open_run_log(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct run_log *b;

	if (fd < 0 || ftruncate(fd, sizeof(*b)))
		return NULL;
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (b == MAP_FAILED)
		return NULL;
	b->pid = getpid();
	return b;
}

static const char *read_arguments(struct program *p, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc - 1; i++) {
		if (!strcmp(argv[i], "--hold"))
			p->hold = true;
		else if (!strcmp(argv[i], "--serve"))
			p->serves = true;
		else if (!strcmp(argv[i], "--break-every") && i + 2 < argc)
			p->break_every_ns = strtoull(argv[++i], NULL, 10) * CLOCK_MS;
		else
			return NULL;
	}
	return i == argc - 1 ? argv[i] : NULL;
}

int main(int argc, char **argv)
{
	static struct program p;
	const char *path = read_arguments(&p, argc, argv);
	int signals = signals_open(0);
	int rc;

	if (path)
		p.run_log = open_run_log(path);
	if (!p.run_log || signals < 0) {
		fprintf(stderr, "usage: corosync_node [--break-every MS] [--serve] [--hold] "
			"BOOK\n");
		return 2;
	}
	rc = open_node(&p);
	if (!rc)
		serve(&p, signals);
	sinew_corosync_free(p.corosync);
	sinew_node_free(p.node);
	sinew_calls_free(p.calls);
	atomic_store(&p.run_log->is_over, true);
	event("over problems=%u", atomic_load(&p.run_log->n_problems));
	return rc || atomic_load(&p.run_log->n_problems) ? 1 : 0;
}
