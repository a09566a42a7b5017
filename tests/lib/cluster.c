/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the nodes of a test and what their callbacks saw; knows nothing of what a test wants. */
#include "tests/lib/cluster.h"

#include <pthread.h>

#define FDS_MAX		1024
#define LINES_MAX	60	/* kept of the log */
#define LINE_MAX_BYTES	200
#define TALK_MAX	256	/* bytes of a message */

static struct {
	char text[LINES_MAX][LINE_MAX_BYTES];
	unsigned n;
} lines;

static struct {
	unsigned window;
	size_t len;
} talk;

static struct seen *seen_of(struct test_node *t, struct sinew_session *p)
{
	return &t->seen[sinew_session_nodeid(p)];
}

static void saw_up(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;
	struct seen *s = seen_of(t, p);

	(void)n;
	s->bad += s->session != NULL;
	s->session = t->all.session = p;
	s->ups++;
	t->all.ups++;
	s->last_number = 0;
	if (t->on_up)
		t->on_up(t, p);
}

static void saw_message(struct sinew_node *n, struct sinew_session *p,
			const struct sinew_message *m, void *user)
{
	struct test_node *t = user;
	struct seen *s = seen_of(t, p);

	(void)n;
	s->bad += s->session != p || m->number != (m->bare ? 0 : s->last_number + 1);
	s->bares += m->bare;
	s->last_number += !m->bare;
	s->messages++;
	t->all.messages++;
	s->bytes += m->len;
	if (t->on_message)
		t->on_message(t, p, m);
}

static void saw_finished(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;

	(void)n;
	seen_of(t, p)->finishes++;
	t->all.finishes++;
}

static void saw_writable(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;

	(void)n;
	seen_of(t, p)->writables++;
	t->all.writables++;
	if (t->on_writable)
		t->on_writable(t, p);
}

static void saw_down(struct sinew_node *n, struct sinew_session *p, enum sinew_down reason,
		     const struct sinew_delivery *delivery, void *user)
{
	struct test_node *t = user;
	struct seen *s = seen_of(t, p);

	(void)n;
	s->bad += s->session != p;
	s->downs++;
	t->all.downs++;
	s->reason = t->all.reason = reason;
	s->delivery = t->all.delivery = *delivery;
	if (t->on_down)
		t->on_down(t, p);
	s->session = NULL;
	if (t->all.session == p)
		t->all.session = NULL;
}

static void saw_fence(struct sinew_node *n, uint32_t nodeid, uint64_t incarnation,
		      enum sinew_fence_reason reason, void *user)
{
	struct test_node *t = user;

	(void)n, (void)nodeid, (void)incarnation, (void)reason;
	t->fences++;
}

static void saw_self_lost(struct sinew_node *n, uint64_t incarnation, void *user)
{
	struct test_node *t = user;

	(void)n, (void)incarnation;
	t->self_losts++;
}

static void saw_link_up(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;
	struct seen *s = seen_of(t, p);

	(void)n;
	s->bad += s->session != p;
	s->links++;
	if (t->on_link_up)
		t->on_link_up(t, p);
}

static void saw_closed(struct sinew_node *n, void *user)
{
	struct test_node *t = user;

	(void)n;
	t->closed++;
}

const struct sinew_callbacks cluster_callbacks = {
	.size = sizeof(struct sinew_callbacks),
	.session_up = saw_up,
	.message = saw_message,
	.session_finished = saw_finished,
	.writable = saw_writable,
	.session_down = saw_down,
	.fence_asked = saw_fence,
	.self_lost = saw_self_lost,
	.closed = saw_closed,
	.link_up = saw_link_up,
};

/* ---- what this process uses ---- */

long status_kb(const char *key)
{
	char line[200];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			kb = atol(line + strlen(key));
	if (f)
		fclose(f);
	return kb;
}

unsigned n_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

bool env_is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v && strcmp(v, "0") != 0;
}

/* ---- log ---- */

void cluster_log(void *user, enum sinew_level level, const char *line)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	char *text;

	/* A topology server logs by its own thread. */
	pthread_mutex_lock(&one_at_a_time);
	text = lines.text[lines.n++ % LINES_MAX];
	snprintf(text, LINE_MAX_BYTES, "%lld.%03lld node=%u %s: %s",
		 (long long)(now_ms() / 1000 % 1000), (long long)(now_ms() % 1000),
		 *(unsigned *)user, sinew_level_name(level), line);
	if (env_is_set("TEST_LOG"))
		fprintf(stderr, "# %s\n", text);
	pthread_mutex_unlock(&one_at_a_time);
}

void cluster_show_log(void)
{
	unsigned first = lines.n > LINES_MAX ? lines.n - LINES_MAX : 0;

	for (unsigned i = first; i < lines.n; i++)
		printf("#   %s\n", lines.text[i % LINES_MAX]);
	lines.n = 0;
}

void cluster_log_to(struct sinew_options *o, enum sinew_level level,
		    void (*log)(void *user, enum sinew_level level, const char *line))
{
	static unsigned ids[NODES_MAX + 1];

	ids[o->nodeid] = o->nodeid;
	o->log = log;
	o->log_user = &ids[o->nodeid];
	o->log_level = level;
}

/* ---- nodes ---- */

struct sockaddr_storage free_address(const char *ip)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	int fd;

	memset(&sa, 0, sizeof sa);
	if (sinew_parse_address(ip, 0, &sa))
		abort();
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&sa, sa.ss_family == AF_INET6 ?
		 sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len))
		sa.ss_family = AF_UNSPEC;
	close(fd);
	return sa;
}

struct sockaddr_storage host_of(pid_t process, unsigned host)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	unsigned pid = (unsigned)process;

	in->sin_family = AF_INET;
	in->sin_port = htons(HOST_PORT);
	in->sin_addr.s_addr = htonl(127u << 24 | (pid / 250 % 250 + 1) << 16 |
				    (pid % 250 + 1) << 8 | host);
	return ss;
}

struct sockaddr_storage host_address(unsigned host)
{
	return host_of(getpid(), host);
}

void cluster_options(struct sinew_options *o, unsigned nodeid,
		     const struct sockaddr_storage *addr)
{
	SINEW_OPTIONS_INIT(o);
	o->nodeid = nodeid;
	o->cluster = "test";
	o->addrs[0] = *addr;
	o->n_addrs = 1;
	if (env_is_set("TEST_SCTP")) {
		o->transport = "sctp";
		o->sctp_backend = SINEW_SCTP_USER;
	}
	if (env_is_set("TEST_LOG"))
		cluster_log_to(o, (enum sinew_level)atoi(getenv("TEST_LOG")), cluster_log);
}

void fast_options(struct sinew_options *o, unsigned nodeid, const struct sockaddr_storage *addr)
{
	cluster_options(o, nodeid, addr);
	o->backoff_min_ms = 1;
	o->backoff_max_ms = 20;
	o->ack_ms = 1;
	cluster_log_to(o, SINEW_DEBUG, cluster_log);
}

bool node_open(struct test_node *t, const struct sinew_options *o)
{
	t->id = o->nodeid;
	return CHECK_EQ(sinew_node_new(o, &cluster_callbacks, t, &t->n), 0);
}

void node_free(struct test_node *t)
{
	sinew_node_free(t->n);
	t->n = NULL;
}

struct sinew_status node_status(struct test_node *t)
{
	struct sinew_status st = { .size = sizeof st };

	if (t->all.session)
		CHECK_EQ(sinew_session_status(t->all.session, &st), 0);
	return st;
}

struct sinew_status status_of(const struct test_node *t, unsigned peer)
{
	struct sinew_status st = { .size = sizeof st };

	CHECK_EQ(sinew_peer_status(t->n, peer, &st), 0);
	return st;
}

bool pair_open(struct test_node t[2], void (*tune)(struct sinew_options *o))
{
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage own = host_address(i + 1), other = host_address(2 - i);
		struct sinew_options o;

		fast_options(&o, i + 1, &own);
		if (tune)
			tune(&o);
		if (!node_open(&t[i], &o) ||
		    !CHECK_EQ(sinew_peer_add(t[i].n, 2 - i, &other, 1), 0))
			return false;
	}
	return true;
}

struct cluster *cluster_new(unsigned n, void (*tune)(struct sinew_options *o))
{
	struct cluster *c = calloc(1, sizeof *c);
	struct sinew_options o;

	c->n = n;
	for (unsigned i = 1; i <= n; i++) {
		char ip[32];

		snprintf(ip, sizeof ip, "127.0.0.%u", i);
		c->t[i].addr = free_address(ip);
		cluster_options(&o, i, &c->t[i].addr);
		if (tune)
			tune(&o);
		node_open(&c->t[i], &o);
	}
	for (unsigned i = 1; i <= n; i++)
		for (unsigned k = 1; k <= n; k++)
			if (i != k && c->t[i].n)
				CHECK_EQ(sinew_peer_add(c->t[i].n, k, &c->t[k].addr, 1), 0);
	return c;
}

void cluster_free(struct cluster *c)
{
	for (unsigned i = 1; i <= c->n; i++) {
		for (unsigned k = 1; k <= c->n; k++)
			CHECK_EQ(c->t[i].seen[k].bad, 0);
		node_free(&c->t[i]);
	}
	free(c);
}

/* ---- the loop ---- */

void nodes_turn(struct test_node *const *nodes, unsigned n, struct pollfd *more, unsigned n_more,
		int wait_ms)
{
	struct pollfd fds[FDS_MAX];
	int got;

	if (!CHECK(n + n_more <= FDS_MAX))
		abort();
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd) {
			.fd = nodes[i]->n && !nodes[i]->closed ? sinew_get_fd(nodes[i]->n) : -1,
			.events = POLLIN,
		};
	for (unsigned i = 0; i < n_more; i++)
		fds[n + i] = more[i];
	poll(fds, n + n_more, wait_ms);
	for (unsigned i = 0; i < n; i++) {
		if (!(fds[i].revents & POLLIN) || !nodes[i]->n)
			continue;
		got = sinew_dispatch(nodes[i]->n, 0);
		if (got < 0 && got != -ESHUTDOWN)
			CHECK_EQ(got, 0);
	}
	for (unsigned i = 0; i < n_more; i++)
		more[i].revents = fds[n + i].revents;
}

void pair_turn(struct test_node t[2])
{
	struct test_node *const nodes[2] = { &t[0], &t[1] };

	nodes_turn(nodes, 2, NULL, 0, 50);
}

void cluster_turn_with(struct cluster *c, int fd, short events, int wait_ms)
{
	struct pollfd more = { .fd = fd, .events = events };
	struct test_node *nodes[NODES_MAX];

	for (unsigned i = 0; i < c->n; i++)
		nodes[i] = &c->t[i + 1];
	nodes_turn(nodes, c->n, &more, 1, wait_ms);
}

void cluster_turn(struct cluster *c)
{
	cluster_turn_with(c, -1, 0, 20);
}

bool cluster_all_up(const struct cluster *c)
{
	for (unsigned i = 1; i <= c->n; i++)
		for (unsigned k = 1; k <= c->n; k++)
			if (i != k && !c->t[i].seen[k].session)
				return false;
	return true;
}

void cluster_is_whole(const struct cluster *c, unsigned fences)
{
	for (unsigned i = 1; i <= 2; i++) {
		CHECK_EQ(c->t[i].seen[3 - i].ups, 1);
		CHECK_EQ(c->t[i].seen[3 - i].downs, 0);
		CHECK_EQ(c->t[i].seen[3 - i].bad, 0);
		CHECK_EQ(c->t[i].self_losts, 0);
		CHECK_EQ(c->t[i].fences, i == 1 ? fences : 0);
	}
}

/* ---- content ---- */

void numbers_in_order(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	uint64_t n;

	if (m->len < sizeof n) {
		t->seen[sinew_session_nodeid(p)].bad++;
		return;
	}
	memcpy(&n, m->data, sizeof n);
	t->seen[sinew_session_nodeid(p)].bad += n != m->number;
}

void fill_content(uint8_t *p, size_t n, uint32_t sender, uint64_t number)
{
	uint32_t x = (uint32_t)number * 2654435761u ^ sender * 40503u ^ (uint32_t)n;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
}

bool is_content(const void *data, size_t n, uint32_t sender, uint64_t number)
{
	uint8_t *want = malloc(n + 1);
	bool same;

	if (!want)
		return false;
	fill_content(want, n, sender, number);
	same = memcmp(want, data, n) == 0;
	free(want);
	return same;
}

static bool talks(struct sinew_session *p)
{
	return sinew_session_nodeid(p) <= 2;
}

static void talk_on(struct sinew_session *p)
{
	static const uint8_t text[TALK_MAX];
	int err = sinew_send(p, text, talk.len);

	if (err)
		CHECK_EQ(err, 0);
}

static void talk_back(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	if (!talks(p))
		return;
	seen_of(t, p)->bad += m->len != talk.len;
	talk_on(p);
}

static void talk_begins(struct test_node *t, struct sinew_session *p)
{
	(void)t;
	for (unsigned i = 0; i < talk.window && talks(p); i++)
		talk_on(p);
}

void cluster_talk(struct cluster *c, unsigned window, size_t len)
{
	talk.window = window;
	talk.len = len;
	for (unsigned i = 1; i <= 2; i++) {
		c->t[i].on_message = talk_back;
		c->t[i].on_up = talk_begins;
	}
}

uint64_t cluster_talked(const struct cluster *c)
{
	return c->t[1].seen[2].messages + c->t[2].seen[1].messages;
}
