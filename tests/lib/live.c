/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the nodes of live tests; knows nothing of what a test sends. */
#include "tests/lib/live.h"

#define LIVE_FDS_MAX	1024
#define LIVE_LINES	60	/* of the log, shown when a test fails */
#define LIVE_LINE_MAX	200

struct live_lines {
	char text[LIVE_LINES][LIVE_LINE_MAX];
	unsigned n;
};

static struct live_lines live_lines;

bool live_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v && strcmp(v, "0") != 0;
}

int64_t live_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t live_limit(int64_t ms)
{
	const char *factor = getenv("TIME_FACTOR");

	return ms * (factor && atoi(factor) > 1 ? atoi(factor) : 1);
}

struct sockaddr_storage live_addr_of(pid_t process, unsigned host)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	unsigned pid = (unsigned)process;

	in->sin_family = AF_INET;
	in->sin_port = htons(LIVE_PORT);
	in->sin_addr.s_addr = htonl(127u << 24 | (pid / 250 % 250 + 1) << 16 |
				    (pid % 250 + 1) << 8 | host);
	return ss;
}

struct sockaddr_storage live_addr(unsigned host)
{
	return live_addr_of(getpid(), host);
}

/* ---- log ---- */

void live_log(void *user, enum sinew_level level, const char *line)
{
	const struct live *l = user;
	char *text = live_lines.text[live_lines.n++ % LIVE_LINES];

	snprintf(text, LIVE_LINE_MAX, "%lld.%03lld node=%u %s: %s",
		 (long long)(live_ms() / 1000 % 1000), (long long)(live_ms() % 1000),
		 (unsigned)l->id, sinew_level_name(level), line);
	if (live_env("LIVE_LOG"))
		fprintf(stderr, "%s\n", text);
}

void live_show_log(void)
{
	unsigned first = live_lines.n > LIVE_LINES ? live_lines.n - LIVE_LINES : 0;

	for (unsigned i = first; i < live_lines.n; i++)
		printf("#   %s\n", live_lines.text[i % LIVE_LINES]);
	live_lines.n = 0;
}

/* ---- callbacks ---- */

static void live_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct live *l = user;

	(void)node;
	sinew_session_unref(l->session);
	l->session = sinew_session_ref(session);
	l->n_up++;
	if (l->on_up)
		l->on_up(l);
}

static void live_message(struct sinew_node *node, struct sinew_session *session,
			 const struct sinew_message *msg, void *user)
{
	struct live *l = user;

	(void)node;
	(void)session;
	l->n_received++;
	if (l->on_message)
		l->on_message(l, msg);
}

static void live_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	(void)node;
	(void)session;
	((struct live *)user)->n_finished++;
}

static void live_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct live *l = user;

	(void)node;
	(void)session;
	l->n_writable++;
	if (l->on_writable)
		l->on_writable(l);
}

static void live_down(struct sinew_node *node, struct sinew_session *session,
		      enum sinew_down reason, const struct sinew_delivery *delivery, void *user)
{
	struct live *l = user;

	(void)node;
	(void)session;
	l->n_down++;
	l->reason = reason;
	l->delivery = *delivery;
	if (l->on_down)
		l->on_down(l);
}

static void live_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		       enum sinew_fence_reason reason, void *user)
{
	(void)node;
	(void)nodeid;
	(void)incarnation;
	(void)reason;
	((struct live *)user)->n_fence++;
}

static void live_closed(struct sinew_node *node, void *user)
{
	(void)node;
	((struct live *)user)->n_closed++;
}

/* ---- nodes ---- */

void live_options(struct sinew_options *opt, struct live *l, uint32_t id,
		  const struct sockaddr_storage *addr)
{
	SINEW_OPTIONS_INIT(opt);
	l->id = id;
	opt->nodeid = id;
	opt->cluster = "live";
	opt->addrs[0] = *addr;
	opt->n_addrs = 1;
	opt->backoff_min_ms = 1;
	opt->backoff_max_ms = 20;
	opt->ack_ms = 1;
	opt->log = live_log;
	opt->log_user = l;
	opt->log_level = SINEW_DEBUG;
}

bool live_open(struct live *l, const struct sinew_options *opt)
{
	static const struct sinew_callbacks cb = {
		.size = sizeof cb,
		.session_up = live_up,
		.message = live_message,
		.session_finished = live_finished,
		.writable = live_writable,
		.session_down = live_down,
		.fence_asked = live_fence,
		.closed = live_closed,
	};

	return CHECK_EQ(sinew_node_new(opt, &cb, l, &l->node), 0);
}

bool live_pair(struct live l[2], void (*change)(struct sinew_options *opt))
{
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage own = live_addr(i + 1), other = live_addr(2 - i);
		struct sinew_options opt;

		live_options(&opt, &l[i], i + 1, &own);
		if (change)
			change(&opt);
		if (!live_open(&l[i], &opt) ||
		    !CHECK_EQ(sinew_peer_add(l[i].node, 2 - i, &other, 1), 0))
			return false;
	}
	return true;
}

void live_free(struct live *l)
{
	sinew_node_free(l->node);
	l->node = NULL;
	sinew_session_unref(l->session);
	l->session = NULL;
}

struct sinew_status live_status(struct live *l)
{
	struct sinew_status st = { .size = sizeof st };

	if (l->session)
		CHECK_EQ(sinew_session_status(l->session, &st), 0);
	return st;
}

/* ---- the loop ---- */

void live_turn(struct live *const *nodes, unsigned n, struct pollfd *more, unsigned n_more,
	       int wait_ms)
{
	struct pollfd fds[LIVE_FDS_MAX];
	int got;

	if (!CHECK(n + n_more <= LIVE_FDS_MAX))
		abort();
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd) {
			.fd = nodes[i]->node ? sinew_get_fd(nodes[i]->node) : -1,
			.events = POLLIN,
		};
	for (unsigned i = 0; i < n_more; i++)
		fds[n + i] = more[i];
	poll(fds, n + n_more, wait_ms);
	for (unsigned i = 0; i < n; i++) {
		if (!(fds[i].revents & POLLIN) || !nodes[i]->node)
			continue;
		got = sinew_dispatch(nodes[i]->node, 0);
		if (got < 0 && got != -ESHUTDOWN)
			CHECK_EQ(got, 0);
	}
	for (unsigned i = 0; i < n_more; i++)
		more[i].revents = fds[n + i].revents;
}

bool live_run(struct live l[2], bool (*done)(void *arg), void *arg, int64_t limit_ms)
{
	struct live *const nodes[2] = { &l[0], &l[1] };
	int64_t end = live_ms() + live_limit(limit_ms);

	while (!done(arg)) {
		if (live_ms() >= end)
			return false;
		live_turn(nodes, 2, NULL, 0, 50);
	}
	return true;
}

/* ---- content: each message says its number and its length ---- */

void live_fill(uint8_t *p, size_t n, uint32_t sender, uint64_t number)
{
	uint32_t x = (uint32_t)number * 2654435761u ^ sender * 40503u ^ (uint32_t)n;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
}

bool live_is(const void *data, size_t n, uint32_t sender, uint64_t number)
{
	uint8_t *want = malloc(n + 1);
	bool same;

	if (!want)
		return false;
	live_fill(want, n, sender, number);
	same = memcmp(want, data, n) == 0;
	free(want);
	return same;
}
