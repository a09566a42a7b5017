/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the nodes of a test and what their callbacks saw; knows nothing of what a test wants. */
#include "tests/lib/cluster.h"

static void saw_up(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;
	struct seen *s = &t->seen[sinew_session_nodeid(p)];

	(void)n;
	s->bad += s->session != NULL;
	s->session = p;
	s->ups++;
	s->last_number = 0;
	if (t->on_up)
		t->on_up(t, p);
}

static void saw_message(struct sinew_node *n, struct sinew_session *p,
			const struct sinew_message *m, void *user)
{
	struct test_node *t = user;
	struct seen *s = &t->seen[sinew_session_nodeid(p)];

	(void)n;
	s->bad += s->session != p || m->number != s->last_number + 1;
	s->last_number = m->number;
	s->messages++;
	s->bytes += m->len;
	if (t->on_message)
		t->on_message(t, p, m);
}

static void saw_finished(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;

	(void)n;
	t->seen[sinew_session_nodeid(p)].finishes++;
}

void saw_writable(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct test_node *t = user;

	(void)n;
	t->seen[sinew_session_nodeid(p)].writables++;
}

static void saw_down(struct sinew_node *n, struct sinew_session *p, enum sinew_down reason,
		     const struct sinew_delivery *delivery, void *user)
{
	struct test_node *t = user;
	struct seen *s = &t->seen[sinew_session_nodeid(p)];

	(void)n;
	s->bad += s->session != p;
	s->session = NULL;
	s->downs++;
	s->reason = reason;
	s->delivery = *delivery;
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
};

static void cluster_log(void *user, enum sinew_level level, const char *line)
{
	fprintf(stderr, "# [%u] %s: %s\n", *(unsigned *)user, sinew_level_name(level), line);
}

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

/* ---- nodes ---- */

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

void cluster_log_to(struct sinew_options *o, enum sinew_level level,
		    void (*log)(void *user, enum sinew_level level, const char *line))
{
	static unsigned ids[NODES_MAX + 1];

	ids[o->nodeid] = o->nodeid;
	o->log = log;
	o->log_user = &ids[o->nodeid];
	o->log_level = level;
}

void cluster_options(struct sinew_options *o, unsigned nodeid,
		     const struct sockaddr_storage *addr)
{
	SINEW_OPTIONS_INIT(o);
	o->nodeid = nodeid;
	o->cluster = "test";
	o->addrs[0] = *addr;
	o->n_addrs = 1;
	if (getenv("TEST_LOG"))
		cluster_log_to(o, (enum sinew_level)atoi(getenv("TEST_LOG")), cluster_log);
}

bool node_open(struct test_node *t, unsigned nodeid, const struct sinew_options *o)
{
	int err = sinew_node_new(o, &cluster_callbacks, t, &t->n);

	(void)nodeid;
	return CHECK_EQ(err, 0);
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
		node_open(&c->t[i], i, &o);
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
		sinew_node_free(c->t[i].n);
	}
	free(c);
}

void cluster_turn(struct cluster *c)
{
	struct pollfd fds[NODES_MAX];
	unsigned n = 0;

	for (unsigned i = 1; i <= c->n; i++)
		if (c->t[i].n && !c->t[i].closed)
			fds[n++] = (struct pollfd) { sinew_get_fd(c->t[i].n), POLLIN, 0 };
	poll(fds, n, 20);
	for (unsigned i = 1; i <= c->n; i++)
		if (c->t[i].n && !c->t[i].closed)
			sinew_dispatch(c->t[i].n, 0);
}

bool cluster_all_up(const struct cluster *c)
{
	for (unsigned i = 1; i <= c->n; i++)
		for (unsigned k = 1; k <= c->n; k++)
			if (i != k && !c->t[i].seen[k].session)
				return false;
	return true;
}
