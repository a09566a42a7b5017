/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A member of lockspaces of Linux kernels (fs/dlm), above the public library alone. Lines on
 * standard input are commands, lines on standard output are events: JSON objects with "schema":1.
 *
 *	dlm_member --nodeid N --addr A [--port P] [--transport tcp|sctp] [--log FILE]
 *		[--recover MS] [--toss MS] [--stall MS] [--queue BYTES]
 *		[--policy-31 warn|allow|refuse]
 *
 * --recover: until a bare request without an answer is repeated (5000). --toss: that a resource
 * without locks is kept by its master, until it sends REMOVE (10000). The last three are of the
 * library, with its defaults. Its log lines go to FILE, or to standard error.
 *
 * Commands:
 *	peer N ADDR			makes a nodeid known
 *	stop LS				locking stops: before the members of a lockspace start
 *					anew, all of them stop
 *	join LS ID N,N,...		starts LS (global id in hexadecimal) with these members, us
 *					included; with LS joined already another membership
 *	leave LS			event left, after the last one when all sessions are down
 *	failed N			that peer failed and was fenced; then stop and join
 *	lock LS RES MODE [FLAGS [LVB]]	its id is in event lock, its end in event ast
 *	convert ID MODE [FLAGS [LVB]]
 *	unlock ID [FLAGS [LVB]]
 *	cancel ID
 *	loop ID N MODE MODE		N conversions to and fro, event loop at their end
 *	status
 *	kill N				resets all links of that peer
 *	pause, resume			the library does not run: nothing is read or acknowledged
 *	quit				at once, with open sessions reset
 * FLAGS: "-", or with commas between: NOQUEUE VALBLK QUECVT IVVALBLK CONVDEADLK NODLCKWT EXPEDITE
 * NOQUEUEBAST HEADQUE NOORDER ALTPR ALTCW. LVB: a word of at most 32 bytes.
 *
 * Events: ready; session { peer, state: up, finished, down, reason }; link_up { peer };
 * recovery { ls, phase }; joined { ls, generation }; left, stopped { ls };
 * lock, queued { id, mode };
 * ast { id, result, name, mode, lvb, demoted, valnotvalid, altmode }: result is 0 or a number as
 * libdlm has it (11 EAGAIN, 65538 EUNLOCK), name the same as text; bast { id, mode };
 * cancel { id }: it came too late; purge { peer, pid }; loop { id, n, bad, ms }; status; paused,
 * resumed; error { peer, text }.
 */
#include "tests/vm/dlm_member.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

#define INPUT_MAX	4096	/* bytes of a command */
#define RECOVER_MS	5000
#define TOSS_MS		10000

enum { POLL_NODE, POLL_INPUT, POLL_SIGNAL, N_POLL };

struct input {
	char bytes[INPUT_MAX];
	size_t n;
	bool has_ended;
};

static const char *const policies_31[] = { "warn", "allow", "refuse", NULL };

static const struct option_row rows[] = {
	OPTION_NODEID("nodeid", struct program, nodeid, "the own node"),
	OPTION_TEXT("addr", struct program, addr, "ADDRESS", "the own address"),
	OPTION_NUMBER("port", struct program, port, 1, UINT16_MAX, "PORT", "of all nodes (21064)"),
	OPTION_TEXT("transport", struct program, transport, "NAME", "tcp, or sctp"),
	OPTION_TEXT("log", struct program, log_name, "FILE", "lines of the library go there"),
	OPTION_MS("recover", struct program, recover_ms, 1, 3600000,
		  "until a request is repeated (5000)"),
	OPTION_MS("toss", struct program, toss_ms, 1, 3600000,
		  "that an unused resource is kept (10000)"),
	OPTION_MS("stall", struct program, stall_ms, 1, 3600000,
		  "of silence after which a link is reset (20000)"),
	OPTION_SIZE("queue", struct program, queue_bytes, 1, UINT32_MAX,
		    "that wait for each peer (32M)"),
	OPTION_WORD("policy-31", struct program, policy_31, SINEW_31_WARN, policies_31, "POLICY",
		    "for peers that speak DLM 3.1: warn, allow, refuse"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "dlm_member",
	.usage = "usage: dlm_member --nodeid N --addr ADDRESS [OPTION...]\n",
	.end = "",
	.rows = rows,
};

/* ---- turns ---- */

static void read_input(struct program *p, struct input *in)
{
	ssize_t got = read(STDIN_FILENO, in->bytes + in->n, sizeof(in->bytes) - in->n);
	char *newline;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		in->has_ended = true;
		return;
	}
	in->n += (size_t)got;
	while ((newline = memchr(in->bytes, '\n', in->n))) {
		size_t len = (size_t)(newline - in->bytes) + 1;

		*newline = 0;
		command_run(p, in->bytes);
		in->n -= len;
		memmove(in->bytes, newline + 1, in->n);
	}
	if (in->n == sizeof(in->bytes)) {
		say_error(0, "a command is longer than %d bytes; thrown away", INPUT_MAX);
		in->n = 0;
	}
}

static uint64_t deadline_ns(const struct program *p)
{
	uint64_t due = DLM_NEVER;
	unsigned i;

	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space && dlm_space_deadline(p->spaces[i].space) < due)
			due = dlm_space_deadline(p->spaces[i].space);
	return due == DLM_NEVER || p->is_paused ? CLOCK_NEVER : due * CLOCK_MS;
}

static void tick(struct program *p)
{
	bool is_down = peers_are_down(p);
	unsigned i;

	for (i = 0; i < DLM_SPACES_MAX; i++) {
		if (p->spaces[i].space && dlm_space_deadline(p->spaces[i].space) <= p->now_ms)
			dlm_space_tick(p->spaces[i].space, p->now_ms);
		if (p->spaces[i].is_leaving && is_down) {
			p->spaces[i].is_leaving = false;
			say_event("left", "ls", p->spaces[i].name, NULL);
		}
	}
	loops_run(p);
}

static int serve(struct program *p, int signal_fd)
{
	struct pollfd fds[N_POLL] = {
		[POLL_NODE] = { .events = POLLIN },
		[POLL_INPUT] = { .fd = STDIN_FILENO, .events = POLLIN },
		[POLL_SIGNAL] = { .fd = signal_fd, .events = POLLIN },
	};
	static struct input in;
	int rc;

	while (!p->is_closed && !in.has_ended) {
		fds[POLL_NODE].fd = p->is_paused ? -1 : sinew_get_fd(p->node);
		poll(fds, N_POLL, clock_timeout_ms(deadline_ns(p)));
		p->now_ms = clock_now_ns() / CLOCK_MS;
		if (signals_take(signal_fd))
			break;
		if (fds[POLL_INPUT].revents)
			read_input(p, &in);
		if (p->is_paused)
			continue;
		rc = sinew_dispatch(p->node, 0);
		if (rc < 0) {
			say_error(0, "the library has stopped: %s", sinew_error_name(rc));
			return STATUS_UNDELIVERED;
		}
		tick(p);
	}
	return STATUS_OK;
}

/* ---- begin and end ---- */

static void log_line(void *user, enum sinew_level level, const char *line)
{
	struct program *p = user;

	fprintf(p->log, "%.3f %s %s\n", (double)clock_now_ns() / (double)CLOCK_S,
		sinew_level_name(level), line);
	fflush(p->log);
}

static int open_node(struct program *p)
{
	struct sinew_options opt;
	int rc;

	SINEW_OPTIONS_INIT(&opt);
	opt.profile = SINEW_PROFILE_DLM;
	opt.membership = SINEW_MEMBERSHIP_EXTERNAL;
	opt.nodeid = p->nodeid;
	opt.port = p->port;
	opt.transport = p->transport;
	opt.n_addrs = 1;
	opt.stall_ms = p->stall_ms;
	opt.queue_bytes = p->queue_bytes;
	opt.policy_31 = p->policy_31;
	opt.log = log_line;
	opt.log_user = p;
	opt.log_level = SINEW_DEBUG;
	rc = sinew_parse_address(p->addr, p->port, &opt.addrs[0]);
	return rc ? rc : sinew_node_new(&opt, &peers_callbacks, p, &p->node);
}

static int start(struct program *p)
{
	int rc;

	p->log = p->log_name ? fopen(p->log_name, "ae") : stderr;
	if (!p->log) {
		say(SINEW_ERROR, "cannot write %s: %s", p->log_name, strerror(errno));
		return STATUS_USAGE;
	}
	if (getrandom(&p->random, sizeof(p->random), 0) != sizeof(p->random)) {
		say(SINEW_ERROR, "cannot start: no random numbers: %s", strerror(errno));
		return STATUS_USAGE;
	}
	p->last_incarnation = p->random >> 1;
	p->now_ms = clock_now_ns() / CLOCK_MS;
	rc = open_node(p);
	if (rc)
		say(SINEW_ERROR, "node %u cannot listen on %s: %s", p->nodeid, p->addr,
		    sinew_error_name(rc));
	return rc ? STATUS_USAGE : STATUS_OK;
}

int main(int argc, char **argv)
{
	static struct program p = {
		.port = SINEW_PORT_DLM, .transport = "tcp",
		.recover_ms = RECOVER_MS, .toss_ms = TOSS_MS,
	};
	int signal_fd = signals_open(0), status;
	unsigned i;

	say_prefix("dlm_member");
	status = options_parse(&table, &p, argc, argv);
	if (status >= 0)
		return status;
	if (!p.nodeid || !p.addr || signal_fd < 0) {
		say(SINEW_ERROR, "--nodeid and --addr are needed");
		return STATUS_USAGE;
	}
	status = start(&p);
	if (!status) {
		say_event("ready", NULL);
		status = serve(&p, signal_fd);
	}
	peers_free(&p);
	sinew_node_free(p.node);
	for (i = 0; i < DLM_SPACES_MAX; i++)
		dlm_space_free(p.spaces[i].space);
	return status;
}
