/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break destroy": the kernel destroys chosen connections, again and again.
 * Knows nothing of what goes over them.
 */
#include <errno.h>

#include "tools/break/match.h"

#define REMEMBERED	4096	/* sockets whose other end was destroyed; a slot may be lost */

/* ---- sockets whose connection is dead already: an end that has not yet heard of it ---- */

static uint64_t cookie_of(const struct diag_socket *s)
{
	return (uint64_t)s->id.idiag_cookie[1] << 32 | s->id.idiag_cookie[0];
}

/* Cookies, each in its slot. */
static uint64_t *slot_of(const struct match *m, const struct diag_socket *s)
{
	return (uint64_t *)m->own + cookie_of(s) % REMEMBERED;
}

static bool is_remembered(const struct match *m, const struct diag_socket *s)
{
	return s->is_there && *slot_of(m, s) == cookie_of(s);
}

static void remember(const struct match *m, const struct diag_socket *s)
{
	if (s->is_there)
		*slot_of(m, s) = cookie_of(s);
}

/* ---- rounds ---- */

/* The end that alternates by round; or that of the two which is here. */
static const struct diag_socket *end_of(const struct match *m, const struct diag_connection *c)
{
	const struct diag_socket *s = &c->sockets[m->pace.n_rounds % 2];

	return s->is_there ? s : &c->sockets[(m->pace.n_rounds + 1) % 2];
}

static int hit(struct match *m, const struct diag_connection *c)
{
	bool is_leftover = is_remembered(m, &c->sockets[0]) || is_remembered(m, &c->sockets[1]);
	int rc;

	if (!is_leftover && !match_chance(m))
		return 0;
	rc = diag_destroy(m->diag, end_of(m, c));
	if (rc && rc != -ENOENT)
		return rc;
	if (is_leftover)
		return 0;
	match_count(m, c, !rc);
	remember(m, &c->sockets[0]);
	remember(m, &c->sockets[1]);
	return 0;
}

static int play(struct match *m)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < m->n_found && !match_is_enough(m); i++)
		rc = hit(m, &m->found[i]);
	return rc;
}

static const struct match_method method = {
	.mode = "destroy",
	.name = "sinew break destroy",
	.usage =
		"usage: sinew break destroy --address A|--between A,B|--port P... [OPTION...]\n"
		"\n"
		"Destroys selected TCP connections in the kernel: the process at one end sees\n"
		"ECONNABORTED, the other end gets a reset. If both ends are on this machine, the\n"
		"one that is destroyed alternates by round.\n"
		"\n",
	.status =
		"\n"
		"Requires root (CAP_NET_ADMIN). Exit status: 0 connections killed (with --count:\n"
		"as many), 1 fewer or none, 2 usage, 3 not permitted or supported by the kernel.\n",
	.own_size = REMEMBERED * sizeof(uint64_t),
	.play = play,
	.act = "destroying connections",
	.capability = "CAP_NET_ADMIN",
	.unsupported =
		"this kernel cannot destroy connections: it is built without "
		"CONFIG_INET_DIAG_DESTROY; \"sinew break reset\" needs no such thing",
	.failed = "the kernel's socket diagnostics failed",
	.own_error = ECONNABORTED,
	.unharmed = "a connection of our own was not destroyed, though the kernel says so",
};

int destroy_main(int argc, char **argv)
{
	return match_main(&method, argc, argv);
}
