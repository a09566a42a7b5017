/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew topology publish": publishes names until a signal, those of the command line, or as lines
 * of standard input say. Knows nothing of subscriptions.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/notify.h"
#include "tools/say.h"
#include "tools/signals.h"
#include "tools/topology/topology.h"

#define LINE_BYTES	1024
#define NAMES_MAX	1024	/* of the command line */
#define SETTLE_MS	50	/* between looks for a signal */

/* A publication that is there. */
struct made {
	struct name name;
	uint64_t id;
	struct made *next;
};

struct publish {
	struct local_arguments local;
	struct name names[NAMES_MAX];
	unsigned n_names;
	const char *attr;
	uint32_t scope;
	bool from_input;
	struct sinew_topo *topo;
	struct made *first, **last;	/* oldest first */
	char line[LINE_BYTES];
	size_t n_line;
	int signal_fd;
	bool is_over;
	int status;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct publish, local),
	OPTION_TEXT("attr", struct publish, attr, "TEXT", "attributes, at most 256 bytes"),
	TOPOLOGY_SCOPE(struct publish, scope),
	OPTION_END,
};

static int take_name(void *settings, const char *value)
{
	struct publish *p = settings;

	if (!strcmp(value, "-")) {
		p->from_input = true;
		return -1;
	}
	if (p->n_names < NAMES_MAX && name_parse(value, &p->names[p->n_names]) &&
	    name_is_of_programs(&p->names[p->n_names])) {
		p->n_names++;
		return -1;
	}
	say(SINEW_ERROR, "%s: expected TYPE:LOWER or TYPE:LOWER..UPPER, with a TYPE from %u on, or "
	    "-", value, SINEW_TOPO_TYPE_FIRST);
	return STATUS_USAGE;
}

static const struct option_table table = {
	.name = "sinew topology publish",
	.usage =
		"usage: sinew topology publish NAME... [OPTION...]\n"
		"       sinew topology publish - [OPTION...]\n"
		"\n"
		"Publishes each NAME, TYPE:LOWER or TYPE:LOWER..UPPER, until a signal. With -\n"
		"lines of standard input say what to do: +NAME [ATTRIBUTES] publishes, -NAME\n"
		"withdraws the oldest one of that name.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 a signal came, or the end of standard input, 2 usage, no such\n"
		"node, not permitted, or refused.\n",
	.operand = take_name,
};

static void fail(struct publish *p, const char *what, int err)
{
	say(SINEW_ERROR, "cannot %s: %s", what, strerror(-err));
	p->status = STATUS_USAGE;
	p->is_over = true;
}

/* A signal may come while the server takes or says nothing. */
static bool is_to_end(struct publish *p)
{
	p->is_over |= signals_take(p->signal_fd) != 0;
	return p->is_over;
}

/* The server takes requests as fast as it can: waits until it takes this one. -EAGAIN: a signal
 * came first. */
static int patiently(struct publish *p, int (*make)(struct publish *p, void *arg), void *arg)
{
	int err = make(p, arg);

	while (err == -EAGAIN && !is_to_end(p)) {
		sinew_topo_dispatch(p->topo, 1);
		err = make(p, arg);
	}
	return err;
}

struct offer {
	struct name name;
	const char *attr;
	uint64_t id;
};

static int make_offer(struct publish *p, void *arg)
{
	struct offer *o = arg;

	return sinew_topo_publish(p->topo, o->name.type, o->name.lower, o->name.upper,
				  (enum sinew_scope)p->scope, o->attr, strlen(o->attr), &o->id);
}

static int make_end(struct publish *p, void *arg)
{
	return sinew_topo_withdraw(p->topo, *(uint64_t *)arg);
}

static void publish(struct publish *p, const struct name *name, const char *attr)
{
	struct offer o = { .name = *name, .attr = attr };
	struct made *m = malloc(sizeof(*m));
	int err = m ? patiently(p, make_offer, &o) : -ENOMEM;

	if (err) {
		free(m);
		if (err != -EAGAIN)
			fail(p, "publish", err);
		return;
	}
	*m = (struct made){ .name = *name, .id = o.id };
	*p->last = m;
	p->last = &m->next;
}

static void withdraw(struct publish *p, const struct name *name)
{
	struct made **at = &p->first, *m;
	int err;

	while (*at && memcmp(&(*at)->name, name, sizeof(*name)))
		at = &(*at)->next;
	m = *at;
	if (!m) {
		say(SINEW_WARNING, "nothing of that name is published by this program");
		return;
	}
	err = patiently(p, make_end, &m->id);
	if (err && err != -EAGAIN)
		fail(p, "withdraw", err);
	*at = m->next;
	if (p->last == &m->next)
		p->last = at;
	free(m);
}

static void take_line(struct publish *p, char *line)
{
	char *attr = line + strcspn(line, " ");
	struct name name;

	if (!line[0])
		return;
	if (*attr)
		*attr++ = '\0';
	if ((line[0] != '+' && line[0] != '-') || !name_parse(line + 1, &name) ||
	    !name_is_of_programs(&name)) {
		say(SINEW_ERROR, "%s: expected +NAME [ATTRIBUTES] or -NAME", line);
		p->status = STATUS_USAGE;
		p->is_over = true;
	} else if (line[0] == '+') {
		publish(p, &name, attr);
	} else {
		withdraw(p, &name);
	}
}

static void on_input(void *arg)
{
	struct publish *p = arg;
	ssize_t n = read(STDIN_FILENO, p->line + p->n_line, sizeof(p->line) - 1 - p->n_line);
	char *at = p->line, *end;

	if (n <= 0) {
		p->is_over |= n == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	p->n_line += (size_t)n;
	p->line[p->n_line] = '\0';
	while (!p->is_over && (end = strchr(at, '\n'))) {
		*end = '\0';
		take_line(p, at);
		at = end + 1;
	}
	p->n_line = strlen(at);
	memmove(p->line, at, p->n_line);
	if (p->n_line == sizeof(p->line) - 1)
		fail(p, "read a line of standard input", -EMSGSIZE);
}

/* Until the server has taken all, and said so. */
static bool is_settled(const struct publish *p)
{
	struct sinew_topo_status st = { .size = sizeof(st) };

	sinew_topo_status(p->topo, &st);
	return !st.n_pending;
}

static void check_refused(struct publish *p)
{
	struct sinew_topo_status st = { .size = sizeof(st) };

	sinew_topo_status(p->topo, &st);
	if (st.n_refused)
		fail(p, "publish: the node refuses", st.refusal);
}

static void settle(struct publish *p)
{
	while (!is_settled(p) && !is_to_end(p) && sinew_topo_dispatch(p->topo, SETTLE_MS) >= 0)
		;
	check_refused(p);
}

static int run(struct publish *p)
{
	int status = subscriber_connect(&p->local, &p->topo);
	unsigned i;

	if (status)
		return status;
	for (i = 0; i < p->n_names && !p->is_over; i++)
		publish(p, &p->names[i], p->attr);
	settle(p);
	if (!p->is_over)
		notify("READY=1");
	subscriber_wait(p->topo, p->signal_fd, &p->is_over, p->from_input ? STDIN_FILENO : -1,
			on_input, p);
	sinew_topo_close(p->topo);
	return p->status;
}

int topology_publish_main(int argc, char **argv)
{
	struct publish p = { .attr = "", .scope = SINEW_SCOPE_CLUSTER, .signal_fd = -1 };
	struct made *next;
	int status;

	p.last = &p.first;
	status = options_parse(&table, &p, argc, argv);
	if (status >= 0)
		return status;
	if (!p.n_names && !p.from_input) {
		say(SINEW_ERROR, "expected a NAME, or -");
		return STATUS_USAGE;
	}
	status = signals_start(0, &p.signal_fd);
	if (!status)
		status = run(&p);
	for (; p.first; p.first = next) {
		next = p.first->next;
		free(p.first);
	}
	close(p.signal_fd);
	return status;
}
