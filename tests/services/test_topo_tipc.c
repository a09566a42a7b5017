/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the comparison of our topology with a real TIPC: the scripts of tests/lib/topo_scripts.c,
 * played over two nodes, must tell each subscription the events that the topology servers of the
 * kernels of tests/golden/tipc-*.txt have told it. Each difference is listed below, with its
 * reason. Knows the public headers only.
 *
 * Three differences are general. Ours tells when all that is there has been told (CURRENT), which
 * is no mark. An event of ours names the publication, an event of TIPC the socket, so that both are
 * compared by the publisher alone. And only the order within a subscription is compared: those of
 * one connection share a queue in TIPC, and each has a place of its own in the log of ours. The
 * range of an event is that of the publication, in both.
 */
#include "tests/lib/topo_script.h"
#include "tests/lib/follower.h"
#include "tests/lib/recorded.h"

#define NEAR		1u
#define FAR		2u
#define NAMES_MAX	16u	/* publications of a script */
#define SCRIPTS_MAX	64u

static const struct recorded_difference differences[] = {
	{ NULL, "a publisher is killed", "w",
	  "PUBLISHED 10..20 by a; PUBLISHED 30..30 by a; PUBLISHED 10..20 by b;"
	  " WITHDRAWN 30..30 by a; WITHDRAWN 10..20 by a; WITHDRAWN 10..20 by b",
	  "PUBLISHED 10..20 by a; PUBLISHED 30..30 by a; PUBLISHED 10..20 by b;"
	  " WITHDRAWN 10..20 by a; WITHDRAWN 30..30 by a; WITHDRAWN 10..20 by b",
	  "the end of a socket withdraws its newest name first, the end of a connection of ours its"
	  " oldest" },
	{ NULL, "a publisher at the second node is killed with three names", "w",
	  "PUBLISHED 10..20 by c; PUBLISHED 5..5 by c; PUBLISHED 30..30 by c; PUBLISHED 5..5 by d;"
	  " WITHDRAWN 30..30 by c; WITHDRAWN 5..5 by c; WITHDRAWN 10..20 by c",
	  "PUBLISHED 10..20 by c; PUBLISHED 5..5 by c; PUBLISHED 30..30 by c; PUBLISHED 5..5 by d;"
	  " WITHDRAWN 10..20 by c; WITHDRAWN 5..5 by c; WITHDRAWN 30..30 by c", "the same" },
	{ NULL, "a publisher at the second node is killed with three names", "x",
	  "PUBLISHED 10..20 by c; PUBLISHED 5..5 by c; PUBLISHED 30..30 by c;"
	  " WITHDRAWN 30..30 by c; WITHDRAWN 10..20 by c",
	  "PUBLISHED 10..20 by c; PUBLISHED 5..5 by c; PUBLISHED 30..30 by c;"
	  " WITHDRAWN 10..20 by c; WITHDRAWN 30..30 by c", "the same" },
	{ NULL, "a subscription upside down", "x", "LOST", "PUBLISHED 5..5 by a",
	  "the topology server of TIPC answers a bad request by the end of the connection, with all"
	  " subscriptions of it; ours refuses that request alone" },
};

#define N_DIFFERENCES	(sizeof differences / sizeof differences[0])

struct published {
	struct topo_script_name name;
	uint64_t id;
	unsigned actor;
	bool is_over;		/* as far as the script goes */
};

struct ours {
	struct cluster *c;
	struct sinew_calls *calls[FAR + 1];
	struct sinew_topo *publisher[TOPO_PUBLISHERS];
	struct sinew_topo *server;	/* of all subscriptions */
	struct sinew_subscription *sub[TOPO_ACTORS];
	bool is_shown[TOPO_ACTORS];	/* CURRENT has come, or its end */
	struct published published[NAMES_MAX];
	unsigned n_published;
};

static struct ours ours;
static struct topo_play play;
/* The marks of each actor of each script. */
static char seen[SCRIPTS_MAX][TOPO_ACTORS][sizeof play.seen[0].marks];
static bool is_used[N_DIFFERENCES];

static void turn(struct topo_play *p)
{
	(void)p;
	cluster_turn_with(ours.c, -1, 0, 1);
	CHECK(sinew_topo_dispatch(ours.server, 0) >= 0);
	for (unsigned i = 0; i < TOPO_PUBLISHERS; i++)
		if (ours.publisher[i])
			CHECK(sinew_topo_dispatch(ours.publisher[i], 0) >= 0);
}

#define TURN(cond) TURN_UNTIL(turn(NULL), cond, time_limit(PATIENCE_MS))

/* ---- publishers ---- */

static uint32_t type_of(const struct topo_script_name *name)
{
	switch (name->kind) {
	case TOPO_KIND_NODE:
		return SINEW_TOPO_NODE;
	case TOPO_KIND_LINK:
		return SINEW_TOPO_LINK;
	case TOPO_KIND_OWN:
		break;
	}
	return name->type;
}

/* The server takes what a connection asks in its order: this is behind all. */
static void settle(struct sinew_topo *topo)
{
	uint32_t node;

	CHECK(sinew_topo_lookup(topo, SINEW_TOPO_NODE, NEAR, &node, 1) >= 0);
}

static int publish(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		   bool own_node)
{
	struct sinew_topo **topo = &ours.publisher[actor];
	struct published *made = &ours.published[ours.n_published];
	struct sinew_node *node = ours.c->t[topo_actor_is_far(actor) ? FAR : NEAR].n;
	int err = 0;

	(void)p;
	if (!CHECK(ours.n_published < NAMES_MAX))
		return -ENOSPC;
	if (!*topo)
		err = sinew_topo_open(node, topo);
	if (!err)
		err = sinew_topo_publish(*topo, type_of(name), name->lower, name->upper,
					 own_node ? SINEW_SCOPE_NODE : SINEW_SCOPE_CLUSTER,
					 topo_actors[actor], 1, &made->id);
	if (err)
		return err;
	made->name = *name;
	made->actor = actor;
	ours.n_published++;
	settle(*topo);
	return 0;
}

/* The oldest one of that name that is there; else one that was, which is refused. */
static struct published *published_by(unsigned actor, const struct topo_script_name *name)
{
	struct published *found = NULL;

	for (unsigned i = ours.n_published; i > 0; i--) {
		struct published *one = &ours.published[i - 1];

		if (one->actor == actor && one->name.type == name->type &&
		    one->name.lower == name->lower && one->name.upper == name->upper &&
		    (!one->is_over || !found || found->is_over))
			found = one;
	}
	return found;
}

static int withdraw(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		    bool own_node)
{
	struct published *one = published_by(actor, name);
	int err;

	(void)p;
	(void)own_node;
	if (!CHECK(one != NULL))
		return -ENOENT;
	err = sinew_topo_withdraw(ours.publisher[actor], one->id);
	one->is_over = true;
	settle(ours.publisher[actor]);
	return err;
}

/* However a connection ends, its server sees its end. */
static int die(struct topo_play *p, unsigned actor)
{
	(void)p;
	sinew_topo_close(ours.publisher[actor]);
	ours.publisher[actor] = NULL;
	return 0;
}

/* ---- subscriptions ---- */

static unsigned publisher_of(const struct sinew_publication *p)
{
	for (unsigned i = 0; i < TOPO_PUBLISHERS; i++)
		if (p->attr_len == 1 && !memcmp(p->attr, topo_actors[i], 1)) {
			CHECK_EQ(p->node, topo_actor_is_far(i) ? FAR : NEAR);
			return i;
		}
	return TOPO_NOBODY;
}

static void on_change(unsigned actor, const struct sinew_topo_msg *m)
{
	const struct sinew_publication *p = m->publication;
	const char *verb = sinew_topo_event_name(m->event);

	if (p->type < SINEW_TOPO_TYPE_FIRST)
		topo_script_node_told(&play, actor, verb, p->lower == FAR);
	else
		topo_script_name_told(&play, actor, verb, p->lower, p->upper, publisher_of(p));
}

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *m, void *user)
{
	unsigned actor = (unsigned)m->usr;

	(void)user;
	(void)sub;
	ours.is_shown[actor] |= !m->publication;
	switch (m->event) {
	case SINEW_TOPO_PUBLISHED:
	case SINEW_TOPO_WITHDRAWN:
		on_change(actor, m);
		return;
	case SINEW_TOPO_TIMEOUT:
	case SINEW_TOPO_LOST:
		topo_script_told(&play, actor, sinew_topo_event_name(m->event));
		return;
	case SINEW_TOPO_CURRENT:
		return;
	case SINEW_TOPO_OVERRUN:
	case SINEW_TOPO_REFUSED:
		break;
	}
	CHECK(!"an event that no script can have");
}

static int subscribe(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		     bool edge, int timeout_ms)
{
	struct sinew_topo_filter f = names_of(type_of(name), name->lower, name->upper);
	int err;

	(void)p;
	f.flags = edge ? SINEW_TOPO_EDGE : 0;
	f.timeout_ms = timeout_ms;
	f.usr = actor;
	ours.is_shown[actor] = false;
	err = sinew_topo_subscribe(ours.server, &f, on_event, NULL, &ours.sub[actor]);
	if (!err)
		TURN(ours.is_shown[actor]);
	return err;
}

static int cancel(struct topo_play *p, unsigned actor)
{
	(void)p;
	CHECK_EQ(sinew_topo_cancel(ours.sub[actor]), 0);
	ours.sub[actor] = NULL;
	settle(ours.server);
	return 0;
}

/* ---- two nodes ---- */

static int lose_far(struct topo_play *p, bool comes)
{
	int err = 0;

	(void)p;
	for (unsigned i = NEAR; i <= FAR && !err; i++) {
		unsigned other = NEAR + FAR - i;

		err = comes ? sinew_peer_add(ours.c->t[i].n, other, &ours.c->t[other].addr, 1) :
			sinew_peer_remove(ours.c->t[i].n, other);
	}
	return err;
}

static const struct topo_player player = {
	.publish = publish, .withdraw = withdraw, .die = die, .subscribe = subscribe,
	.cancel = cancel, .far = lose_far, .turn = turn, .now_ms = now_ms,
};

static bool open_nodes(void)
{
	struct sinew_topo_filter f = names_of(SINEW_TOPO_NODE, FAR, FAR);
	struct follower far;
	bool good;

	memset(&ours, 0, sizeof ours);
	ours.c = cluster_new(2, NULL);
	if (!cluster_serve(ours.c, ours.calls, NULL) ||
	    !CHECK_EQ(sinew_topo_open(ours.c->t[NEAR].n, &ours.server), 0) ||
	    !follower_begin(&far, ours.server, &f))
		return false;
	good = TURN(follower_has(&far, SINEW_TOPO_NODE, FAR, 0) == 1);
	follower_end(&far);
	return good;
}

static void close_nodes(void)
{
	sinew_topo_close(ours.server);
	for (unsigned i = 0; i < TOPO_PUBLISHERS; i++)
		sinew_topo_close(ours.publisher[i]);
	cluster_free(ours.c);
	for (unsigned i = NEAR; i <= FAR; i++)
		sinew_calls_free(ours.calls[i]);
}

static void play_ours(unsigned number)
{
	play = (struct topo_play) {
		.number = number, .player = &player, .limit_ms = time_limit(PATIENCE_MS),
	};
	if (open_nodes()) {
		topo_script_play(&play);
		CHECK_STR(play.fault, "");
		/* Behind all that is under way. */
		turn(NULL);
		settle(ours.server);
	}
	for (unsigned i = 0; i < TOPO_ACTORS; i++)
		memcpy(seen[number][i], play.seen[i].marks, sizeof seen[number][i]);
	close_nodes();
}

static void the_scripts_are_played(void)
{
	CHECK_OR_RETURN(n_topo_scripts <= SCRIPTS_MAX);
	for (unsigned i = 0; i < n_topo_scripts; i++)
		play_ours(i);
}

/* ---- the comparison ---- */

static const char *name_of(unsigned number)
{
	return topo_scripts[number].name;
}

static const char *seen_by(unsigned number, unsigned actor)
{
	return seen[number][actor];
}

static const struct recorded *recorded(void)
{
	static struct recorded r = {
		.kind = "tipc", .differences = differences, .is_used = is_used,
		.n_differences = N_DIFFERENCES, .actors = topo_actors, .n_actors = TOPO_ACTORS,
		.script = name_of, .ours = seen_by,
	};

	r.n_scripts = n_topo_scripts;
	return &r;
}

static void each_subscription_sees_what_linux_6_1_shows(void)
{
	recorded_compare(recorded(), "6.1");
}

static void each_subscription_sees_what_linux_6_12_shows(void)
{
	recorded_compare(recorded(), "6.12");
}

static void each_listed_difference_is_there(void)
{
	recorded_check_differences(recorded());
}

int main(void)
{
	RUN(the_scripts_are_played);
	RUN(each_subscription_sees_what_linux_6_1_shows);
	RUN(each_subscription_sees_what_linux_6_12_shows);
	RUN(each_listed_difference_is_there);
	return check_done();
}
