/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the course of the scenario and its judgement; knows not which calls fail. */
#include "tests/lib/fault_scenario.h"

#define BREAK_AT	25	/* the message behind which all connections are reset */
#define KEEP_EVERY	5
#define LONGEST		110000
#define QUIET_MS	40	/* without progress, after which what fails for ever is closed */
#define DONE_MS		10000	/* for one that failed once ... */
#define TIMERS_MS	60000	/* ... and has not waited for a timer to find out */
#define LINGER_MS	8000
#define LINGER_LOST_MS	300	/* it cannot ask whether its last ACK was seen (R24) */
#define CLOSE_MS	2000	/* sinew_close(0) */
#define FDS_MAX		64
#define BUSY_CALLS	6000	/* of a run that gets on, in pieces as short as can be */
#define BUSY_PER_MS	60	/* calls while all fails: more is a loop that spins */

struct scenario scenario;
static pthread_mutex_t scenario_lock = PTHREAD_MUTEX_INITIALIZER;

static uint8_t scenario_pattern[LONGEST + MESSAGES + 1];

/* ---- what is sent ---- */

/* Some in fragments, some kept where they were read, some copied, some empty. */
static size_t length_of(uint64_t number)
{
	if (number % 10 == 0)
		return LONGEST - 100 * number;
	if (number % 10 == 5)
		return 20000 + 100 * number;
	return number % 7 == 0 ? 0 : number * 37;
}

#define WRONG_TEXT(x)	#x
#define WRONG_LINE(x)	WRONG_TEXT(x)
#define WRONG_IF(s, what) \
	do { \
		if (what) \
			(s)->bad = __FILE__ ":" WRONG_LINE(__LINE__) ": " #what; \
	} while (0)

static const uint8_t *content_of(uint64_t number)
{
	return scenario_pattern + number;
}

static void send_more(struct side *s, struct sinew_session *session)
{
	while (s->n_sent < MESSAGES) {
		uint64_t number = s->n_sent + 1, got = 0;
		int err = sinew_send_numbered(session, content_of(number), length_of(number), &got);

		if (err == -EAGAIN || (err == -ESHUTDOWN && scenario.lost))
			return;
		WRONG_IF(s, err || got != number);
		s->n_sent++;
	}
	WRONG_IF(s, sinew_session_finish(session) != 0);
}

/* ---- callbacks ---- */

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct side *s = user;

	(void)node;
	WRONG_IF(s, s->ups != 0);
	s->ups++;
	send_more(s, session);
}

static void keep(struct side *s, struct sinew_session *p, const struct sinew_message *m)
{
	struct sinew_kept *kept = NULL;
	int err = sinew_keep(p, m, m->number == 1 ? &s->held : &kept);

	if (err || !kept) {
		WRONG_IF(s, err && err != -ENOMEM);
		return;
	}
	pthread_mutex_lock(&scenario_lock);
	s->kept[s->n_kept++] = kept;
	pthread_mutex_unlock(&scenario_lock);
}

static void on_message(struct sinew_node *node, struct sinew_session *session,
		       const struct sinew_message *msg, void *user)
{
	struct side *s = user;
	uint64_t number = s->received + 1;

	(void)node;
	WRONG_IF(s, !s->ups || s->finished || s->downs || msg->number != number ||
		number > MESSAGES || msg->len != length_of(number) ||
		memcmp(msg->data, content_of(number), msg->len) != 0);
	s->received++;
	if (number == 1 || number % KEEP_EVERY == 0)
		keep(s, session, msg);
	/* A lack of memory: once more, and then it is not broken. */
	if (number == BREAK_AT && s->id == 1 && sinew_break(s->node, 2))
		sinew_break(s->node, 2);
}

static void on_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct side *s = user;

	(void)node, (void)session;
	/* Where what fails may be lost, a node closes that has not sent all. */
	WRONG_IF(s, (s->received != MESSAGES && !scenario.lost) || s->downs);
	s->finished++;
}

static void on_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct side *s = user;

	(void)node;
	WRONG_IF(s, s->downs != 0);
	if (s->n_sent < MESSAGES)
		send_more(s, session);
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct side *s = user;

	(void)node, (void)session;
	WRONG_IF(s, s->downs != 0 || s->closed);
	s->reason = reason;
	s->delivery = *delivery;
	s->downs++;
}

static void on_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		     enum sinew_fence_reason reason, void *user)
{
	(void)node, (void)nodeid, (void)incarnation, (void)reason;
	WRONG_IF(((struct side *)user), true);
}

static void on_self_lost(struct sinew_node *node, uint64_t incarnation, void *user)
{
	(void)node, (void)incarnation;
	WRONG_IF(((struct side *)user), true);
}

static void on_closed(struct sinew_node *node, void *user)
{
	(void)node;
	((struct side *)user)->closed++;
}

static void on_log(void *user, enum sinew_level level, const char *line)
{
	if (scenario.cause && strstr(line, scenario.cause))
		atomic_store(&scenario.said, true);
	if (getenv("LIVE_LOG"))
		fprintf(stderr, "%lld node %u %s: %s\n", (long long)(now_ms() % 100000),
			*(uint32_t *)user, sinew_level_name(level), line);
}

/* ---- start: 0 or the negative errno that refused it ---- */

/* Addresses that no other process has. */
static void own_address(uint32_t id, char text[32])
{
	unsigned pid = (unsigned)getpid();

	snprintf(text, 32, "127.%u.%u.%u", pid / 250 % 250 + 1, pid % 250 + 1, id);
}

static void times(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
	o->receive_bytes = 64 * 1024;
	o->backoff_min_ms = 2;
	o->backoff_max_ms = 20;
	o->ack_ms = 1;
	o->connect_ms = o->hello_ms = o->stall_ms = TIMERS_MS;
}

int new_node(struct side *s, struct sinew_options *o)
{
	static const struct sinew_callbacks cb = {
		.size = sizeof cb, .session_up = on_up, .message = on_message,
		.session_finished = on_finished, .writable = on_writable, .session_down = on_down,
		.fence_asked = on_fence, .self_lost = on_self_lost, .closed = on_closed,
	};
	int err;

	o->log = on_log;
	o->log_user = &s->id;
	o->log_level = SINEW_DEBUG;
	times(o);
	err = sinew_node_new(o, &cb, s, &s->node);
	if (err && s->node)
		WRONG("sinew_node_new() failed and gave a node");
	return err;
}

static int start_by_options(struct side *s)
{
	struct sockaddr_storage other;
	struct sinew_options o;
	char text[32];
	int err;

	SINEW_OPTIONS_INIT(&o);
	o.nodeid = s->id;
	o.n_addrs = 1;
	o.own_thread = true;
	own_address(s->id, text);
	err = sinew_parse_address(text, 0, &o.addrs[0]);
	own_address(3 - s->id, text);
	if (!err)
		err = sinew_parse_address(text, 0, &other);
	if (!err)
		err = new_node(s, &o);
	return err ? err : sinew_peer_add(s->node, 3 - s->id, &other, 1);
}

static int start_by_file(struct side *s)
{
	struct sinew_config *config = NULL;
	struct sinew_options o;
	char text[SINEW_CONFIG_ERROR_MAX] = "";
	int err;

	err = sinew_config_load(scenario.file, &config, text, sizeof text);
	if (err) {
		if (config || !text[0])
			WRONG("sinew_config_load() failed and gave %s",
			      config ? "a result" : "no reason");
		return err;
	}
	SINEW_OPTIONS_INIT(&o);
	err = sinew_config_options(config, s->id, &o, text, sizeof text);
	if (!err)
		err = new_node(s, &o);
	/* As the command does it, also to see what it does when nothing is wrong. */
	sinew_config_explain(config, s->id, err ? err : -EADDRINUSE, text, sizeof text);
	if (err)
		on_log(&s->id, SINEW_ERROR, text);
	if (!err)
		err = sinew_config_join(config, s->node, text, sizeof text);
	sinew_config_free(config);
	return err;
}

/* For a file that is refused, and an address with an interface. */
static int start_with_errors(void)
{
	struct sinew_config *config = NULL;
	struct sockaddr_storage sa;
	char text[SINEW_CONFIG_ERROR_MAX] = "";
	int err = sinew_config_load(scenario.broken_file, &config, text, sizeof text);

	if (!err || config || !text[0])
		WRONG("a file that is wrong was not refused");
	if (sinew_parse_address("fe80::1%lo", 1, &sa) && !failing.plan.k)
		WRONG("fe80::1%%lo is no address");
	return err == -EINVAL ? 0 : err;
}

int start(void)
{
	int err = scenario.mode == MODE_FILE ? start_with_errors() : 0;

	for (unsigned i = 0; i < 2 && !err; i++)
		err = scenario.mode == MODE_FILE ? start_by_file(&scenario.side[i]) :
			start_by_options(&scenario.side[i]);
	return err;
}

/* ---- run ---- */

static void release(struct side *s)
{
	struct sinew_kept *kept[MESSAGES];
	unsigned n;

	pthread_mutex_lock(&scenario_lock);
	n = s->n_kept;
	memcpy(kept, s->kept, n * sizeof kept[0]);
	s->n_kept = 0;
	pthread_mutex_unlock(&scenario_lock);
	for (unsigned i = 0; i < n; i++)
		sinew_release(kept[i]);
}

static void turn(void)
{
	struct pollfd fds[2];

	if (scenario.mode == MODE_OWN_THREAD) {
		nanosleep(&(struct timespec) { .tv_nsec = 200000 }, NULL);
	} else {
		for (unsigned i = 0; i < 2; i++) {
			int fd = scenario.side[i].ended ? -1 : sinew_get_fd(scenario.side[i].node);

			fds[i] = (struct pollfd) { fd, POLLIN, 0 };
		}
		poll(fds, 2, 5);
		for (unsigned i = 0; i < 2; i++)
			if (!scenario.side[i].ended && sinew_dispatch(scenario.side[i].node, 0) < 0)
				scenario.side[i].ended = true;
	}
	release(&scenario.side[0]);
	release(&scenario.side[1]);
}

static bool both_down(void)
{
	return scenario.side[0].downs && scenario.side[1].downs;
}

static bool both_closed(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (!scenario.side[i].closed && !scenario.side[i].ended)
			return false;
	return true;
}

static unsigned progress(void)
{
	unsigned sum = atomic_load(&failing.hits) != 0;

	for (unsigned i = 0; i < 2; i++)
		sum += scenario.side[i].received + scenario.side[i].ups + scenario.side[i].downs;
	return sum;
}

/* While all fails, few calls are made, however long that is. */
static void check_calls(int64_t began)
{
	unsigned made = atomic_load(&failing.all) - atomic_load(&failing.hit_all);
	int64_t ms = now_ms() - began + 1;

	if (failing.hits && made > BUSY_CALLS + BUSY_PER_MS * ms)
		WRONG("it spins: %u calls in %lld ms", made, (long long)ms);
}

static void run_until_down(void)
{
	const struct side *a = scenario.side, *b = a + 1;
	int64_t began = now_ms(), moved = began, now;
	unsigned was = progress(), is;

	while (!both_down()) {
		turn();
		now = now_ms();
		is = progress();
		if (is != was)
			moved = now;
		was = is;
		if (scenario.lost && failing.hits && now - moved >= QUIET_MS)
			break;
		if (now - began >= time_limit(DONE_MS)) {
			WRONG("after %d ms node 1 has %u messages, node 2 %u; down: %u and %u",
			      (int)(now - began), a->received, b->received, a->downs, b->downs);
			break;
		}
	}
	check_calls(began);
}

static void close_both(void)
{
	int linger = !scenario.lost ? LINGER_MS : both_down() ? LINGER_LOST_MS : 0;
	int64_t end = now_ms() + time_limit(linger ? DONE_MS : CLOSE_MS);

	for (unsigned i = 0; i < 2; i++)
		if (sinew_close(scenario.side[i].node, linger))
			WRONG("sinew_close() failed");
	while (!both_closed() && now_ms() < end)
		turn();
	for (unsigned i = 0; i < 2; i++)
		if (!scenario.side[i].closed)
			WRONG("node %u did not close", i + 1);
}

/* ---- look at it ---- */

/* Which descriptors are open. */
static void look_at_fds(bool open[FDS_MAX])
{
	for (int fd = 0; fd < FDS_MAX; fd++)
		open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static void check_fds(const bool before[FDS_MAX])
{
	bool now[FDS_MAX];

	look_at_fds(now);
	for (int fd = 0; fd < FDS_MAX; fd++) {
		if (now[fd] == before[fd])
			continue;
		WRONG("descriptor %d is %s", fd, now[fd] ? "left open" : "closed");
		if (now[fd])
			__real_close(fd);
	}
	if (failing.wrong_closes)
		WRONG("a descriptor was closed twice");
}

/* Delivered messages are counted by the other side; what it acknowledged it has. */
static void check_side(const struct side *s, const struct side *other)
{
	const struct sinew_delivery *f = &s->delivery;

	if (s->bad)
		WRONG("node %u: a callback saw what is wrong: %s", s->id, s->bad);
	if (s->downs && (f->acked > other->received || f->in_doubt < other->received ||
			 f->unsent != s->n_sent))
		WRONG("node %u: report %llu %llu %llu, but %u of %u messages were delivered",
		      s->id, (unsigned long long)f->acked, (unsigned long long)f->in_doubt,
		      (unsigned long long)f->unsent, other->received, s->n_sent);
}

static bool side_complete(const struct side *s)
{
	return s->n_sent == MESSAGES && s->received == MESSAGES && s->ups == 1 &&
		s->finished == 1 && s->downs == 1 && s->closed == 1 &&
		s->reason == SINEW_DOWN_CLOSED && s->delivery.acked == MESSAGES;
}

/* Of several that failed any may be the cause. */
static bool refusal_is_right(int err)
{
	int code = failing.hit_code;

	if (!strcmp(sinew_error_name(err), "unknown"))
		return false;
	if (failing.plan.call == CALLS && failing.plan.ever)
		return true;
	if (code == EAI_MEMORY)
		return err == -ENOMEM;
	if (code == EAI_SYSTEM)
		return err == -EMFILE;
	return err == (code < 0 ? -EINVAL : -code);
}

void scenario_run(enum mode mode, bool lost, const char *cause, struct outcome *out)
{
	bool before[FDS_MAX];
	int64_t began = now_ms();
	int err;

	memset(scenario.side, 0, sizeof scenario.side);
	memset(out, 0, sizeof *out);
	scenario.side[0].id = 1;
	scenario.side[1].id = 2;
	scenario.mode = mode;
	scenario.lost = lost;
	scenario.cause = cause;
	scenario.said = false;
	scenario.out = out;
	atomic_store(&failing.blocks, 0);
	look_at_fds(before);
	err = start();
	if (!err) {
		run_until_down();
		close_both();
	}
	for (unsigned i = 0; i < 2; i++)
		sinew_node_free(scenario.side[i].node);
	for (unsigned i = 0; i < 2; i++) {
		release(&scenario.side[i]);
		sinew_release(scenario.side[i].held);
	}
	out->refused = err != 0;
	out->said = scenario.said;
	out->calls = failing.all;
	out->complete = side_complete(&scenario.side[0]) && side_complete(&scenario.side[1]);
	out->ms = (int)(now_ms() - began);
	if (!err) {
		check_side(&scenario.side[0], &scenario.side[1]);
		check_side(&scenario.side[1], &scenario.side[0]);
	}
	check_fds(before);
	if (failing.blocks)
		WRONG("%ld blocks of memory are lost", failing.blocks);
	if (err && !refusal_is_right(err))
		WRONG("refused as %s for %s", sinew_error_name(err), strerror(failing.hit_code));
	if (err && !failing.hit_code)
		WRONG("refused as %s without a failure", sinew_error_name(err));
}

/* ---- files ---- */

static bool write_config(char path[64], const char *name, uint32_t second)
{
	char a[32], b[32];
	FILE *f;

	snprintf(path, 64, "/tmp/sinew-%s-%d", name, (int)getpid());
	own_address(1, a);
	own_address(second, b);
	f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f, "nodelist {\n node {\n nodeid: 1\n ring0_addr: %s\n }\n"
		" node {\n nodeid: 2\n ring0_addr: %s\n }\n}\n", a, b);
	return fclose(f) == 0;
}

bool scenario_prepare(void)
{
	for (size_t i = 0; i < sizeof scenario_pattern; i++)
		scenario_pattern[i] = (uint8_t)(i * 131 + (i >> 8) * 7);
	return write_config(scenario.file, "ok", 2) && write_config(scenario.broken_file, "bad", 1);
}

void scenario_done(void)
{
	unlink(scenario.file);
	unlink(scenario.broken_file);
}
