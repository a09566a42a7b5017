/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plays the scripts of tests/lib/topo_scripts.c over the kernel's own TIPC, whose topology server
 * it asks; prints what each subscription sees. Publishers are processes of their own. Two network
 * namespaces are the two nodes, made by tests/vm/tipc.sh. Knows nothing of sinew.
 *
 *	tipc_player			how many scripts there are
 *	tipc_player NUMBER		plays that one, from 0
 *
 * -v: each event as well, on standard error.
 */
#include "tests/lib/topo_script.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tipc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAR_NAMESPACE	"/run/netns/far"
#define FAR_NODE	0x01001002u	/* 1.1.2, as tipc(8) has set it */
#define LIMIT_MS	30000
#define TURN_MS		10
#define QUIET_MS	300	/* behind the last step: nothing comes any more */
#define BARRIER		TOPO_ACTORS	/* as a subscription */
#define BARRIER_TYPE	4000000000u	/* nobody has it */

/* A process that publishes, and how its socket is named in events. */
struct publisher {
	pid_t pid;
	int control;
	struct tipc_socket_addr port;
};

struct order {
	struct tipc_service_range range;
	signed char scope;	/* negative: withdraws */
};

static struct publisher publishers[TOPO_PUBLISHERS];
static struct tipc_subscr subscriptions[TOPO_ACTORS];
static bool is_live[TOPO_ACTORS];
static int server = -1;
static bool passed;		/* the barrier's event has come */
static bool verbose;

static void die(const char *what)
{
	fprintf(stderr, "tipc_player: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- publishers ---- */

static struct tipc_service_range range_of(const struct topo_script_name *name)
{
	static const uint32_t types[] = {
		[TOPO_KIND_NODE] = TIPC_NODE_STATE, [TOPO_KIND_LINK] = TIPC_LINK_STATE,
	};

	return (struct tipc_service_range) {
		.type = name->kind == TOPO_KIND_OWN ? name->type : types[name->kind],
		.lower = name->lower, .upper = name->upper,
	};
}

static void enter_far(void)
{
	int fd = open(FAR_NAMESPACE, O_RDONLY);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(FAR_NAMESPACE);
	close(fd);
}

/* The name of its socket first, then an errno for each order. */
static void publisher_main(int control)
{
	int fd = socket(AF_TIPC, SOCK_RDM, 0);
	struct sockaddr_tipc own;
	socklen_t len = sizeof own;
	struct order order;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&own, &len) ||
	    send(control, &own.addr.id, sizeof own.addr.id, 0) < 0)
		die("a socket of AF_TIPC");
	while (recv(control, &order, sizeof order, 0) == (ssize_t)sizeof order) {
		struct sockaddr_tipc name = {
			.family = AF_TIPC, .addrtype = TIPC_SERVICE_RANGE, .scope = order.scope,
			.addr.nameseq = order.range,
		};
		int err = bind(fd, (struct sockaddr *)&name, sizeof name) ? -errno : 0;

		if (send(control, &err, sizeof err, 0) < 0)
			break;
	}
	_exit(0);
}

static struct publisher *publisher_of(unsigned actor)
{
	struct publisher *b = &publishers[actor];
	int pair[2];

	if (b->pid)
		return b;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) || (b->pid = fork()) < 0)
		die("a publisher");
	if (!b->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		if (topo_actor_is_far(actor))
			enter_far();
		publisher_main(pair[1]);
	}
	close(pair[1]);
	b->control = pair[0];
	if (recv(b->control, &b->port, sizeof b->port, 0) != (ssize_t)sizeof b->port)
		die("no answer of a publisher");
	return b;
}

static int give_order(unsigned actor, const struct topo_script_name *name, int scope)
{
	struct publisher *b = publisher_of(actor);
	struct order order = { .range = range_of(name), .scope = (signed char)scope };
	int err = -EIO;

	if (send(b->control, &order, sizeof order, 0) < 0 ||
	    recv(b->control, &err, sizeof err, 0) != (ssize_t)sizeof err)
		die("no answer of a publisher");
	return err;
}

static int publish(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		   bool own_node)
{
	(void)p;
	return give_order(actor, name, own_node ? TIPC_NODE_SCOPE : TIPC_CLUSTER_SCOPE);
}

static int withdraw(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		    bool own_node)
{
	(void)p;
	return give_order(actor, name, own_node ? -TIPC_NODE_SCOPE : -TIPC_CLUSTER_SCOPE);
}

static int kill_publisher(struct topo_play *p, unsigned actor)
{
	struct publisher *b = &publishers[actor];

	(void)p;
	if (!b->pid)
		return 0;
	close(b->control);
	if (kill(b->pid, SIGKILL) || waitpid(b->pid, NULL, 0) != b->pid)
		die("the end of a publisher");
	b->pid = 0;
	return 0;
}

static unsigned publisher_at(const struct tipc_socket_addr *port)
{
	for (unsigned i = 0; i < TOPO_PUBLISHERS; i++)
		if (publishers[i].port.ref == port->ref && publishers[i].port.node == port->node)
			return i;
	return TOPO_NOBODY;
}

/* ---- the topology server ---- */

static void connect_server(void)
{
	struct sockaddr_tipc name = {
		.family = AF_TIPC, .addrtype = TIPC_SERVICE_ADDR,
		.addr.name.name = { .type = TIPC_TOP_SRV, .instance = TIPC_TOP_SRV },
	};

	server = socket(AF_TIPC, SOCK_SEQPACKET, 0);
	if (server < 0 || connect(server, (struct sockaddr *)&name, sizeof name))
		die("the topology server of TIPC");
}

static void lost(struct topo_play *p)
{
	close(server);
	server = -1;
	for (unsigned i = TOPO_PUBLISHERS; i < TOPO_ACTORS; i++)
		if (is_live[i])
			topo_script_told(p, i, "LOST");
	memset(is_live, 0, sizeof is_live);
}

static void take(struct topo_play *p, const struct tipc_event *e)
{
	static const char *const verbs[] = {
		[TIPC_PUBLISHED] = "PUBLISHED", [TIPC_WITHDRAWN] = "WITHDRAWN",
		[TIPC_SUBSCR_TIMEOUT] = "TIMEOUT",
	};
	unsigned actor = (unsigned char)e->s.usr_handle[0];

	if (verbose)
		fprintf(stderr, "%u: %u %u..%u by %u at %x\n", actor, e->event, e->found_lower,
			e->found_upper, e->port.ref, e->port.node);
	if (actor == BARRIER) {
		passed = true;
		return;
	}
	if (e->event < TIPC_PUBLISHED || e->event > TIPC_SUBSCR_TIMEOUT || actor >= TOPO_ACTORS) {
		fprintf(stderr, "tipc_player: an event %u for %u\n", e->event, actor);
		exit(1);
	}
	if (e->event == TIPC_SUBSCR_TIMEOUT)
		topo_script_told(p, actor, verbs[e->event]);
	else if (e->s.seq.type < TIPC_RESERVED_TYPES)
		topo_script_node_told(p, actor, verbs[e->event], e->found_lower == FAR_NODE);
	else
		topo_script_name_told(p, actor, verbs[e->event], e->found_lower, e->found_upper,
				      publisher_at(&e->port));
	is_live[actor] = e->event != TIPC_SUBSCR_TIMEOUT;
}

/* Whether anything came. */
static bool turn_for(struct topo_play *p, int wait_ms)
{
	struct pollfd at = { server, POLLIN, 0 };
	struct tipc_event e;
	bool any = false;
	ssize_t n;

	if (poll(&at, 1, wait_ms) < 0)
		die("poll");
	while (server >= 0) {
		n = recv(server, &e, sizeof e, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			break;
		any = true;
		if (n == (ssize_t)sizeof e)
			take(p, &e);
		else
			lost(p);
	}
	return any;
}

static void turn(struct topo_play *p)
{
	turn_for(p, TURN_MS);
}

static int ask(unsigned actor, struct tipc_subscr s)
{
	s.usr_handle[0] = (char)actor;
	return send(server, &s, sizeof s, 0) == (ssize_t)sizeof s ? 0 : -errno;
}

/* Behind all requests before it: they are taken in their order. */
static int pass_barrier(struct topo_play *p)
{
	struct tipc_subscr s = {
		.seq = { BARRIER_TYPE, 0, 0 }, .timeout = 0, .filter = TIPC_SUB_PORTS,
	};
	int64_t until = now_ms() + LIMIT_MS;
	int err = ask(BARRIER, s);

	for (passed = false; !err && !passed;) {
		turn(p);
		if (server < 0)
			err = -ECONNRESET;
		else if (now_ms() > until)
			err = -ETIME;
	}
	return err;
}

static int subscribe(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		     bool edge, int timeout_ms)
{
	struct tipc_subscr s = {
		.seq = range_of(name),
		.timeout = timeout_ms < 0 ? (uint32_t)TIPC_WAIT_FOREVER : (uint32_t)timeout_ms,
		.filter = edge ? TIPC_SUB_SERVICE : TIPC_SUB_PORTS,
	};
	int err = ask(actor, s);

	subscriptions[actor] = s;
	if (!err)
		err = pass_barrier(p);
	is_live[actor] = !err;
	return err;
}

static int cancel(struct topo_play *p, unsigned actor)
{
	struct tipc_subscr s = subscriptions[actor];
	int err;

	s.filter |= TIPC_SUB_CANCEL;
	is_live[actor] = false;
	err = ask(actor, s);
	return err ? err : pass_barrier(p);
}

/* ---- two nodes ---- */

static int lose_far(struct topo_play *p, bool comes)
{
	(void)p;
	return system(comes ? "ip link set near0 up" : "ip link set near0 down") ? -EIO : 0;
}

/* Until both see each other, as any script finds them. */
static void await_far(void)
{
	struct tipc_subscr s = {
		.seq = { TIPC_NODE_STATE, FAR_NODE, FAR_NODE }, .timeout = LIMIT_MS,
		.filter = TIPC_SUB_PORTS,
	};
	struct tipc_event e;

	connect_server();
	if (ask(0, s) || recv(server, &e, sizeof e, 0) != (ssize_t)sizeof e ||
	    e.event != TIPC_PUBLISHED)
		die("the second node does not come");
	close(server);
}

static const struct topo_player player = {
	.publish = publish, .withdraw = withdraw, .die = kill_publisher, .subscribe = subscribe,
	.cancel = cancel, .far = lose_far, .turn = turn, .now_ms = now_ms,
};

static int play(unsigned number)
{
	struct topo_play p = { .number = number, .player = &player, .limit_ms = LIMIT_MS };

	await_far();
	connect_server();
	topo_script_play(&p);
	while (server >= 0 && turn_for(&p, QUIET_MS))
		;
	close(server);
	for (unsigned i = 0; i < TOPO_PUBLISHERS; i++)
		kill_publisher(&p, i);
	printf("script %s\n", topo_scripts[number].name);
	for (unsigned i = 0; i < TOPO_ACTORS; i++)
		if (p.seen[i].marks[0])
			printf("%s: %s\n", topo_actors[i], p.seen[i].marks);
	if (p.fault[0])
		fprintf(stderr, "tipc_player: %s\n", p.fault);
	return p.fault[0] != '\0';
}

int main(int argc, char **argv)
{
	unsigned number;

	verbose = argc > 1 && !strcmp(argv[1], "-v");
	argc -= verbose;
	argv += verbose;
	if (argc < 2) {
		printf("%u\n", n_topo_scripts);
		return 0;
	}
	number = (unsigned)strtoul(argv[1], NULL, 10);
	if (number >= n_topo_scripts) {
		fprintf(stderr, "tipc_player: no script %s: there are %u\n", argv[1],
			n_topo_scripts);
		return 1;
	}
	return play(number);
}
