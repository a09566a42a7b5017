/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the two processes that test_gate_idle.sh measures for what an idle peer costs: a hub with
 * many peers, and those, one node each. Knows nothing of limits but the one it was told.
 *
 *	gate_idle hub|peers PORT PEERS [LIMIT]
 *
 * The hub measures its memory when all are up, then sends to and receives from each, waits
 * until it takes less than LIMIT bytes a peer again, at most a minute, and counts what it does
 * in some idle seconds. It prints `before=BYTES after=BYTES seconds=N turns=N`.
 */
#include "tests/lib/gate.h"

#include <malloc.h>
#include <poll.h>
#include <time.h>

#define PEERS_MAX 128
#define HEAVY_BYTES (2u << 20)		/* to and from each peer */
#define MESSAGE_BYTES 1024u
#define WAIT_S 60
#define IDLE_S 6

struct side {
	bool hub;
	unsigned long n_up, n_down;
	uint64_t bytes;
	struct sinew_session *peers[PEERS_MAX];
	uint64_t left[PEERS_MAX];	/* bytes to send */
	unsigned n;
};

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct side *s = user;

	(void)node;
	sinew_session_set_user(session, &s->left[s->n_up]);
	s->peers[s->n_up++] = sinew_session_ref(session);
}

static void pump(struct sinew_session *session)
{
	static const char text[MESSAGE_BYTES];
	uint64_t *left = sinew_session_user(session);

	while (*left && sinew_send(session, text, sizeof text) == 0)
		*left -= sizeof text;
}

static void on_message(struct sinew_node *node, struct sinew_session *session,
		       const struct sinew_message *msg, void *user)
{
	struct side *s = user;
	uint64_t *left = sinew_session_user(session);

	(void)node;
	s->bytes += msg->len;
	if (!s->hub) {		/* each comes back */
		*left += msg->len;
		pump(session);
	}
}

static void on_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	(void)node;
	(void)user;
	pump(session);
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct side *s = user;

	(void)node;
	(void)session;
	(void)reason;
	(void)delivery;
	s->n_down++;
}

static const struct sinew_callbacks callbacks = {
	.size = sizeof callbacks, .session_up = on_up, .message = on_message,
	.writable = on_writable, .session_down = on_down,
};

/* Bytes of memory that are this process's alone, without those that only malloc() keeps: how
 * many it keeps depends on how the processes took turns. */
static unsigned long anonymous(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f;

	malloc_trim(0);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run_hub(struct sinew_node *node, struct side *s, unsigned port, unsigned long limit)
{
	unsigned long base = anonymous(), before, after, turns;
	double begin;
	int err = 0;

	for (unsigned i = 0; err >= 0 && i < s->n; i++)
		err = gate_peer(node, i + 2, port);
	while (err >= 0 && s->n_up < s->n)
		err = sinew_dispatch(node, -1);
	before = (anonymous() - base) / s->n;
	for (unsigned i = 0; i < s->n; i++) {
		s->left[i] = HEAVY_BYTES;
		pump(s->peers[i]);
	}
	while (err >= 0 && s->bytes < (uint64_t)s->n * HEAVY_BYTES)
		err = sinew_dispatch(node, -1);
	begin = now_s();
	do {
		err = sinew_dispatch(node, 500);
		after = anonymous();
		after = after > base ? (after - base) / s->n : 0;
	} while (err >= 0 && after > limit && now_s() < begin + WAIT_S);
	printf("before=%lu after=%lu seconds=%.0f", before, after, now_s() - begin);
	begin = now_s();
	turns = atomic_load(&gate_counts.waits);
	while (err >= 0 && now_s() < begin + IDLE_S)
		err = sinew_dispatch(node, 1000 * IDLE_S);
	printf(" turns=%lu\n", atomic_load(&gate_counts.waits) - turns);
	return err;
}

static int run_peers(struct side *s, unsigned port)
{
	struct sinew_node *nodes[PEERS_MAX];
	struct pollfd fds[PEERS_MAX];
	int err = 0;

	for (unsigned i = 0; err >= 0 && i < s->n; i++) {
		err = gate_node(i + 2, port, &callbacks, s, &nodes[i]);
		if (err >= 0)
			err = gate_peer(nodes[i], 1, port);
		if (err >= 0)
			fds[i] = (struct pollfd) { sinew_get_fd(nodes[i]), POLLIN, 0 };
	}
	while (err >= 0 && s->n_down < s->n) {
		poll(fds, s->n, -1);
		for (unsigned i = 0; i < s->n; i++)
			if (fds[i].revents)
				sinew_dispatch(nodes[i], 0);
	}
	return err;
}

int main(int argc, char **argv)
{
	static struct side s;
	struct sinew_node *node = NULL;
	unsigned long limit = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
	unsigned port;
	int err;

	if (argc < 4) {
		fprintf(stderr, "usage: gate_idle hub|peers PORT PEERS [LIMIT]\n");
		return 2;
	}
	s.hub = strcmp(argv[1], "hub") == 0;
	s.n = (unsigned)atoi(argv[3]);
	port = (unsigned)atoi(argv[2]);
	if (s.n > PEERS_MAX)
		return 2;
	alarm(GATE_GIVE_UP_S);
	if (!s.hub) {
		err = run_peers(&s, port);
	} else {
		err = gate_node(1, port, &callbacks, &s, &node);
		if (err >= 0)
			err = run_hub(node, &s, port, limit);
	}
	if (err < 0)
		fprintf(stderr, "gate_idle: %s\n", sinew_error_name(err));
	return err < 0;
}
