/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two members exchange messages all the time while a process floods one of them, at a
 * thousand connections a second or as fast as it can. Owns what that may cost them: rate,
 * memory, descriptors, log lines. Knows the flood only by its name (flood.h).
 *
 * test_live_flood [PART OF A NAME] runs some; LIVE_FULL=1: each lasts three times as long;
 * TEST_SCTP=1: over SCTP in user land.
 */
/* run.sh: timeout=120 */
#include <fcntl.h>
#include <sys/wait.h>

#include "lowcomms/sinew-manage.h"
#include "tests/lib/cluster.h"
#include "tests/lib/flood.h"

#define SLICE_MS	100		/* of quiet, then of flood; LIVE_FULL: three times that */
#define SLICES		2
#define SLICES_MORE	12		/* at most, until the rate is sure */
#define WINDOW		48		/* messages under way in each direction */
#define MESSAGE		200
#define BREAKS_SLICE	2		/* their own link breaks, too, with and without flood */
#define BREAK_EVERY_MS	15		/* so early that the rest shows what piles up */
#define MEMORY		(32u << 20)
#define FDS_MORE	30		/* descriptors that a flood may cost, and connections */
#define LINES_MORE	150		/* log lines, whatever it does */
#define RATE_LEFT	0.5
#define RATE_LEFT_SCTP	0.3		/* its own process makes each association */
#define LINGER_MS	5000

enum { VICTIM = 1, OTHER = 2, PEER = 3, STRANGER = 77 };

/* Of an attack. */
enum {
	FENCES		= 1,	/* breaks the protocol as a peer again and again */
	EXTERNAL	= 2,	/* membership is not static */
	NEEDS_TO_SPEAK	= 4,	/* over SCTP a stranger has no association to do so on */
};

struct attack {
	const char *name;
	enum flood_kind kind;
	unsigned from;		/* last byte of its address */
	unsigned traits;
};

static const struct attack attacks[] = {
	{ "silence", FLOOD_SILENT, OTHER, 0 },
	{ "garbage", FLOOD_GARBAGE, OTHER, 0 },
	{ "half a HELLO", FLOOD_HALF, OTHER, 0 },
	{ "another cluster", FLOOD_CLUSTER, OTHER, 0 },
	{ "nodeids out of the air", FLOOD_NODEIDS, OTHER, 0 },
	{ "incarnations out of the air", FLOOD_INCARNATIONS, OTHER, 0 },
	{ "incarnations that answer", FLOOD_HELD, OTHER, 0 },
	{ "forged refusals", FLOOD_REFUSALS, OTHER, 0 },
	{ "probes", FLOOD_PROBES, OTHER, 0 },
	{ "HELLOs and a reset", FLOOD_BURST, OTHER, 0 },
	{ "incarnations that membership does not know", FLOOD_INCARNATIONS, OTHER, EXTERNAL },
	{ "closed at once", FLOOD_RESET, OTHER, 0 },
	{ "a stranger", FLOOD_SILENT, STRANGER, 0 },
	{ "a stranger's garbage", FLOOD_GARBAGE, STRANGER, NEEDS_TO_SPEAK },
	{ "peer: garbage at full speed", FLOOD_PEER_GARBAGE, PEER, FENCES },
	{ "peer: numbers ahead", FLOOD_PEER_AHEAD, PEER, FENCES },
	{ "peer: HELLO on a link that is up", FLOOD_PEER_HELLO, PEER, FENCES },
	{ "peer: numbers that were", FLOOD_PEER_REPEAT, PEER, 0 },
	{ "peer: long messages of many incarnations", FLOOD_PEER_FRAGMENTS, PEER, 0 },
	{ "peer: ACKs at full speed", FLOOD_PEER_ACKS, PEER, 0 },
	{ "peer: STATUS at full speed", FLOOD_PEER_STATUS, PEER, 0 },
	{ "probes at full speed", FLOOD_PROBE_FAST, PEER, 0 },
};

struct cost {
	uint64_t messages;
	int64_t ns;		/* in which we ran, or had nothing to run for */
	unsigned fds, conns;	/* descriptors, connections of the node: the most at a time */
};

static struct flood flood;
static struct cluster *cluster;
static unsigned n_lines, slice_ms = SLICE_MS;
static bool culprit_named, external;
static char culprit[32];

/* ---- what it costs ---- */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * How long this thread was ready to run, but others had the processor. The rate is to judge
 * the node, not the scheduler. 0 where the kernel does not tell.
 */
static int64_t waited_ns(void)
{
	char text[100] = "";
	long long ran = 0, waited = 0;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof text - 1) <= 0 ||
	    sscanf(text, "%lld %lld", &ran, &waited) != 2)
		waited = 0;
	close(fd);
	return waited;
}

/* ---- the two members ---- */

static void count_line(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	n_lines++;
	if (level <= SINEW_WARNING && strstr(line, culprit))
		culprit_named = true;
	if (getenv("TEST_LOG"))
		fprintf(stderr, "# %s: %s\n", sinew_level_name(level), line);
}

static void tune(struct sinew_options *o)
{
	o->node_memory = MEMORY;
	o->max_message = 1 << 20;
	o->queue_bytes = 1 << 20;
	o->backoff_min_ms = 1;
	o->backoff_max_ms = 50;
	o->membership = external ? SINEW_MEMBERSHIP_EXTERNAL : SINEW_MEMBERSHIP_STATIC;
	o->log = count_line;
	o->log_level = SINEW_INFO;
}

static bool set_up(void)
{
	struct sockaddr_storage peer = free_address("127.0.0.3");

	n_lines = 0;
	culprit_named = false;
	cluster = cluster_new(2, tune);
	cluster_talk(cluster, WINDOW, MESSAGE);
	CHECK_EQ(sinew_peer_add(cluster->t[VICTIM].n, PEER, &peer, 1), 0);
	for (unsigned i = VICTIM; i <= OTHER && external; i++)
		CHECK_EQ(sinew_peer_joined(cluster->t[i].n, 3 - i,
					   sinew_incarnation(cluster->t[3 - i].n)), 0);
	return DRIVE(cluster, cluster_all_up(cluster) && cluster_talked(cluster) > 4 * WINDOW);
}

/* The application has seen nothing, but perhaps that it should fence. */
static void tidy_up(const struct attack *a)
{
	cluster_is_whole(cluster, a->traits & FENCES ? 1 : 0);	/* once for an incarnation */
	cluster_free(cluster);
}

/* ---- measuring ---- */

static void look(struct cost *sum)
{
	struct sinew_node_status st = { .size = sizeof st };
	unsigned fds = n_descriptors();

	CHECK_EQ(sinew_node_status(cluster->t[VICTIM].n, &st), 0);
	if (fds > sum->fds)
		sum->fds = fds;
	if (st.n_conns > sum->conns)
		sum->conns = st.n_conns;
}

static void run_slice(struct cost *sum)
{
	int64_t began = now_ns(), waited = waited_ns(), end = now_ms() + slice_ms;
	int64_t break_at = now_ms();
	uint64_t had = cluster_talked(cluster);
	unsigned turns = 0, breaks = 0;

	while (now_ms() < end) {
		cluster_turn(cluster);
		if (turns++ % 64 == 0)
			look(sum);
		if (breaks < BREAKS_SLICE && now_ms() >= break_at) {
			breaks++;
			sinew_break(cluster->t[VICTIM].n, OTHER);
			break_at += BREAK_EVERY_MS;
		}
	}
	sum->messages += cluster_talked(cluster) - had;
	sum->ns += now_ns() - began - (waited_ns() - waited);
}

static double rate(const struct cost *c)
{
	return c->ns > 0 ? (double)c->messages * 1e9 / (double)c->ns : 0;
}

/* One that nobody answers: over SCTP packets of strangers are not looked at. */
static bool is_unheard(const struct attack *a)
{
	return a->from == STRANGER && dialled_over_sctp();
}

static double rate_left(void)
{
	return dialled_over_sctp() ? RATE_LEFT_SCTP : RATE_LEFT;
}

/* Whether the log has to say whose address it is. */
static bool is_named(const struct attack *a)
{
	return a->kind != FLOOD_RESET && (a->from != PEER || (a->traits & FENCES));
}

/* On a busy machine it does not get far in a slice. */
static bool is_over(const struct attack *a, const struct flood_count *did)
{
	if (is_unheard(a) ? !did->n_dials : !did->n)
		return false;
	return culprit_named || !is_named(a) || (a->traits & FENCES);
}

static void end_flood(struct flood_count *sum)
{
	struct flood_count did = { 0 };
	bool over = false;

	flood_stop(&flood);
	DRIVE(cluster, over || (over = flood_stopped(&flood, &did)));
	sum->n += did.n;
	sum->n_dials += did.n_dials;
	sum->n_answered += did.n_answered;
}

static void one(const struct attack *a)
{
	struct cost quiet = { 0 }, under = { 0 };
	struct flood_count done = { 0 }, unused = { 0 };
	double ratio = 0;
	long rss, grown;

	external = a->traits & EXTERNAL;
	snprintf(culprit, sizeof culprit, "%saddr=127.0.0.%u:", a->traits & FENCES ? "peer=3 " : "",
		 a->from);
	if (!set_up()) {
		cluster_free(cluster);
		return;
	}
	rss = status_kb("VmRSS:");
	for (unsigned i = 0; i < SLICES || (i < SLICES_MORE &&
	     (ratio <= rate_left() || !is_over(a, &done))); i++) {
		/* Then it burns as much of the processor, but elsewhere. */
		flood_begin(&flood, a->kind >= FLOOD_PEER_GARBAGE ? FLOOD_SINK : FLOOD_NONE, 0,
			    &cluster->t[VICTIM].addr);
		run_slice(&quiet);
		end_flood(&unused);
		flood_begin(&flood, a->kind, a->from, &cluster->t[VICTIM].addr);
		run_slice(&under);
		end_flood(&done);
		ratio = rate(&under) / rate(&quiet);
	}
	if (a->traits & FENCES) {
		/* On a busy machine it has not yet got so far. */
		flood_begin(&flood, a->kind, a->from, &cluster->t[VICTIM].addr);
		DRIVE(cluster, cluster->t[VICTIM].fences);
		end_flood(&done);
	}
	grown = status_kb("VmRSS:") - rss;
	printf("# %-34s rate %6.0f/s of %6.0f/s, %.2f; %5llu times in %llu dials, "
	       "memory %+5ld KiB, descriptors %+d, connections %+d, log %u\n", a->name,
	       rate(&under), rate(&quiet), ratio, (unsigned long long)done.n,
	       (unsigned long long)done.n_dials, grown, (int)under.fds - (int)quiet.fds,
	       (int)under.conns - (int)quiet.conns, n_lines);
	CHECK(ratio > rate_left());
	CHECK(grown < (long)(MEMORY >> 10));
	CHECK(under.fds < quiet.fds + FDS_MORE);
	CHECK(under.conns < quiet.conns + FDS_MORE);
	CHECK(n_lines < LINES_MORE);
	if (is_unheard(a))
		CHECK(done.n_dials > 0 && done.n_answered == 0);
	else
		CHECK(done.n > 0);
	if (is_named(a))
		CHECK(culprit_named);
	tidy_up(a);
}

/* Both close while it goes on: all is delivered and acknowledged, and the linger time holds. */
static void closes_meanwhile(enum flood_kind kind, unsigned from)
{
	struct flood_count unused = { 0 };
	int64_t began;

	external = false;
	if (!set_up()) {
		cluster_free(cluster);
		return;
	}
	cluster->t[VICTIM].on_message = cluster->t[OTHER].on_message = NULL;
	flood_begin(&flood, kind, from, &cluster->t[VICTIM].addr);
	for (began = now_ms(); now_ms() < began + slice_ms; )
		cluster_turn(cluster);
	began = now_ms();
	for (unsigned i = VICTIM; i <= OTHER; i++)
		CHECK_EQ(sinew_close(cluster->t[i].n, LINGER_MS), 0);
	DRIVE(cluster, cluster->t[VICTIM].closed && cluster->t[OTHER].closed);
	printf("# closed after %llu ms, the linger time is %d\n",
	       (unsigned long long)(now_ms() - began), LINGER_MS);
	CHECK(now_ms() - began < 2 * LINGER_MS);
	for (unsigned i = VICTIM; i <= OTHER; i++) {
		CHECK_EQ(cluster->t[i].seen[3 - i].reason, SINEW_DOWN_CLOSED);
		CHECK_EQ(cluster->t[i].seen[3 - i].downs, 1);
	}
	end_flood(&unused);
	cluster_free(cluster);
}

static void closes_under_strange_incarnations(void)
{
	closes_meanwhile(FLOOD_INCARNATIONS, OTHER);
}

static void closes_under_refused_ones(void)
{
	closes_meanwhile(FLOOD_CLUSTER, OTHER);
}

static void closes_under_silent_ones(void)
{
	closes_meanwhile(FLOOD_SILENT, OTHER);
}

int main(int argc, char **argv)
{
	int status;

	flood_open(&flood);
	if (getenv("LIVE_FULL"))
		slice_ms *= 3;
	for (unsigned i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
		struct check_state *c = &check_state;

		if (argc > 1 && !strstr(attacks[i].name, argv[1]))
			continue;
		if ((attacks[i].traits & NEEDS_TO_SPEAK) && dialled_over_sctp()) {
			printf("# over TCP alone: %s: no association to speak on\n",
			       attacks[i].name);
			continue;
		}
		c->failures = 0;
		one(&attacks[i]);
		c->n_passed += !c->failures;
		c->n_failed += c->failures > 0;
		printf("%s - %s%s%s\n", c->failures ? "not ok" : "ok", attacks[i].name,
		       c->failures ? ": " : "", c->failures ? c->why : "");
		fflush(stdout);
	}
	if (argc == 1 || strcmp(argv[1], "closes") == 0) {
		RUN(closes_under_strange_incarnations);
		RUN(closes_under_refused_ones);
		RUN(closes_under_silent_ones);
	}
	flood_close(&flood);
	waitpid(flood.pid, &status, 0);
	return check_done();
}
