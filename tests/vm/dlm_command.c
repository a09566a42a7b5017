/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lowcomms/sinew-test.h"
#include "tests/vm/dlm_member.h"
#include "tools/options.h"
#include "tools/random.h"

#define WORDS_MAX	8

/* ---- words ---- */

/* Gives their number; more than WORDS_MAX are left away. */
static unsigned split(char *line, char **words)
{
	char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
	unsigned n = 0;

	for (; word && n < WORDS_MAX; word = strtok_r(NULL, " \t\r", &rest))
		words[n++] = word;
	return n;
}

static bool read_number(const char *word, int base, uint32_t *ret_number)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(word, &end, base);
	if (*word < '0' || *end || errno || n > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)n;
	return true;
}

static bool read_hex(const char *word, uint32_t *ret_number)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(word, &end, 16);
	if (!*word || *word == '-' || *end || errno || n > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)n;
	return true;
}

static bool read_mode(const char *word, enum dlm_mode *ret_mode)
{
	enum dlm_mode mode;

	for (mode = DLM_NL; mode <= DLM_EX; mode++)
		if (!strcasecmp(word, dlm_mode_name(mode))) {
			*ret_mode = mode;
			return true;
		}
	return false;
}

/* "NOQUEUE,VALBLK"; "-" is none. */
static bool read_flags(const char *word, uint32_t *ret_flags)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} rows[] = {
		{ "-", 0 }, { "NOQUEUE", DLM_NOQUEUE }, { "VALBLK", DLM_VALBLK },
		{ "QUECVT", DLM_QUECVT }, { "IVVALBLK", DLM_IVVALBLK },
		{ "CONVDEADLK", DLM_CONVDEADLK }, { "NODLCKWT", DLM_NODLCKWT },
		{ "EXPEDITE", DLM_EXPEDITE }, { "NOQUEUEBAST", DLM_NOQUEUEBAST },
		{ "HEADQUE", DLM_HEADQUE }, { "NOORDER", DLM_NOORDER }, { "ALTPR", DLM_ALTPR },
		{ "ALTCW", DLM_ALTCW }, { NULL, 0 },
	};
	uint32_t flags = 0;

	while (*word) {
		size_t len = strcspn(word, ",");
		unsigned i = 0;

		while (rows[i].name && (strlen(rows[i].name) != len ||
					strncasecmp(rows[i].name, word, len)))
			i++;
		if (!rows[i].name)
			return false;
		flags |= rows[i].flag;
		word += len + (word[len] == ',');
	}
	*ret_flags = flags;
	return true;
}

/* ---- what the words name ---- */

static struct lockspace *find_space(struct program *p, const char *name)
{
	unsigned i;

	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space && !strcmp(p->spaces[i].name, name))
			return &p->spaces[i];
	return NULL;
}

static struct dlm_space *space_of(struct program *p, uint32_t id)
{
	return p->spaces[dlm_lock_space(id) % DLM_SPACES_MAX].space;
}

static int new_space(struct program *p, const char *name, uint32_t id, struct lockspace **ret_ls)
{
	struct dlm_host host = { .arg = p, .send = peers_send, .event = say_space_event };
	struct dlm_space_options opt = {
		.id = id, .nodeid = p->nodeid, .pid = (uint32_t)getpid(),
		.seq = random_next(&p->random), .recover_ms = p->recover_ms,
		.toss_ms = p->toss_ms,
	};
	int rc;

	if (strlen(name) >= SPACE_NAME_MAX)
		return -EINVAL;
	while (p->spaces[opt.number].space || p->spaces[opt.number].is_leaving)
		if (++opt.number == DLM_SPACES_MAX)
			return -ENOSPC;
	*ret_ls = &p->spaces[opt.number];
	rc = dlm_space_new(&opt, &host, &(*ret_ls)->space);
	if (!rc)
		strcpy((*ret_ls)->name, name);
	return rc;
}

/* ---- commands: each gives 0, a negative errno, or 1: it said itself what is wrong ---- */

static int run_peer(struct program *p, unsigned n, char **w)
{
	uint32_t id;

	(void)n;
	return options_nodeid(w[1], &id) ? peers_add(p, id, w[2]) : -EINVAL;
}

/* A program that forgot a peer would wait for it for ever. */
static int check_peers(struct program *p, const uint32_t *ids, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (ids[i] != p->nodeid && !peers_find(p, ids[i])) {
			say_error(ids[i], "is not known: say first: peer %" PRIu32 " ADDRESS",
				  ids[i]);
			return 1;
		}
	return 0;
}

static int run_join(struct program *p, unsigned n, char **w)
{
	struct lockspace *ls = find_space(p, w[1]);
	uint32_t id, ids[DLM_MEMBERS_MAX];
	unsigned n_ids;
	int rc = 0;

	(void)n;
	if (!read_hex(w[2], &id) || !options_nodeids(w[3], ids, DLM_MEMBERS_MAX, &n_ids) ||
	    (ls && dlm_space_id(ls->space) != id))
		return -EINVAL;
	if (check_peers(p, ids, n_ids))
		return 1;
	if (!ls)
		rc = new_space(p, w[1], id, &ls);
	if (!rc)
		rc = dlm_space_start(ls->space, ids, n_ids, p->now_ms);
	/* Members are joined after they are known, so what recovery sends first waits for them. */
	peers_follow(p);
	return rc;
}

static int run_stop(struct program *p, unsigned n, char **w)
{
	struct lockspace *ls = find_space(p, w[1]);

	(void)n;
	if (!ls)
		return -ENOENT;
	dlm_space_stop(ls->space);
	say_event("stopped", "ls", ls->name, NULL);
	return 0;
}

static int run_leave(struct program *p, unsigned n, char **w)
{
	struct lockspace *ls = find_space(p, w[1]);
	bool is_last = true;
	unsigned i;

	(void)n;
	if (!ls)
		return -ENOENT;
	dlm_space_free(ls->space);
	ls->space = NULL;
	for (i = 0; i < DLM_SPACES_MAX; i++)
		is_last &= !p->spaces[i].space;
	if (is_last) {
		ls->is_leaving = true;
		peers_finish(p);
	} else {
		say_event("left", "ls", ls->name, NULL);
		peers_follow(p);
	}
	return 0;
}

static int run_failed(struct program *p, unsigned n, char **w)
{
	struct peer *peer;
	uint32_t id;

	(void)n;
	if (!options_nodeid(w[1], &id))
		return -EINVAL;
	peer = peers_find(p, id);
	if (!peer)
		return -ENOENT;
	peers_failed(p, peer);
	return 0;
}

/* MODE [FLAGS] [LVB], or without the mode: from that word on. */
struct wishes {
	enum dlm_mode mode;
	uint32_t flags;
	uint8_t lvb[DLM_LVB];
	bool has_lvb;
};

static bool read_wishes(struct wishes *wish, unsigned n, char **w, bool has_mode)
{
	*wish = (struct wishes){ .mode = DLM_IV };
	if (has_mode && (!n || !read_mode(w[0], &wish->mode)))
		return false;
	n -= has_mode;
	w += has_mode;
	if (n && !read_flags(w[0], &wish->flags))
		return false;
	wish->has_lvb = n > 1;
	if (!wish->has_lvb)
		return true;
	if (strlen(w[1]) > DLM_LVB)
		return false;
	memcpy(wish->lvb, w[1], strlen(w[1]));
	return true;
}

static const uint8_t *lvb_of(const struct wishes *wish)
{
	return wish->has_lvb ? wish->lvb : NULL;
}

static int run_lock(struct program *p, unsigned n, char **w)
{
	struct lockspace *ls = find_space(p, w[1]);
	struct wishes wish;

	if (!ls)
		return -ENOENT;
	if (!read_wishes(&wish, n - 3, w + 3, true))
		return -EINVAL;
	return dlm_space_lock(ls->space, (const uint8_t *)w[2], strlen(w[2]), wish.mode,
			      wish.flags, lvb_of(&wish), p->now_ms);
}

static int run_convert(struct program *p, unsigned n, char **w)
{
	struct wishes wish;
	uint32_t id;

	if (!read_number(w[1], 10, &id) || !read_wishes(&wish, n - 2, w + 2, true))
		return -EINVAL;
	return space_of(p, id) ? dlm_space_convert(space_of(p, id), id, wish.mode, wish.flags,
						   lvb_of(&wish), p->now_ms) : -ENOENT;
}

static int run_unlock(struct program *p, unsigned n, char **w)
{
	struct wishes wish;
	uint32_t id;

	if (!read_number(w[1], 10, &id) || !read_wishes(&wish, n - 2, w + 2, false))
		return -EINVAL;
	return space_of(p, id) ? dlm_space_unlock(space_of(p, id), id, wish.flags, lvb_of(&wish),
						  p->now_ms) : -ENOENT;
}

static int run_cancel(struct program *p, unsigned n, char **w)
{
	uint32_t id;

	(void)n;
	if (!read_number(w[1], 10, &id))
		return -EINVAL;
	return space_of(p, id) ? dlm_space_cancel(space_of(p, id), id, p->now_ms) : -ENOENT;
}

static int run_loop(struct program *p, unsigned n, char **w)
{
	struct loop loop = { .is_ready = true, .begun_ms = p->now_ms };
	unsigned i = 0;

	(void)n;
	if (!read_number(w[1], 10, &loop.id) || !read_number(w[2], 10, &loop.left) ||
	    !read_mode(w[3], &loop.modes[0]) || !read_mode(w[4], &loop.modes[1]))
		return -EINVAL;
	while (p->loops[i].id)
		if (++i == LOOPS_MAX)
			return -ENOSPC;
	p->loops[i] = loop;
	return 0;
}

void loops_run(struct program *p)
{
	unsigned i;

	for (i = 0; i < LOOPS_MAX; i++) {
		struct loop *loop = &p->loops[i];

		while (loop->id && loop->is_ready) {
			struct dlm_space *space = space_of(p, loop->id);
			enum dlm_mode mode = loop->modes[loop->n % 2];

			loop->is_ready = false;
			if (loop->left && space && !dlm_space_convert(space, loop->id, mode, 0,
								      NULL, p->now_ms)) {
				loop->left--;
				loop->n++;
				continue;
			}
			loop->n_bad += loop->left;
			say_loop(loop, p->now_ms);
			loop->id = 0;
		}
	}
}

static int run_status(struct program *p, unsigned n, char **w)
{
	(void)n;
	(void)w;
	say_status(p);
	return 0;
}

static int run_kill(struct program *p, unsigned n, char **w)
{
	uint32_t id;

	(void)n;
	return options_nodeid(w[1], &id) ? sinew_break(p->node, id) : -EINVAL;
}

static int run_pause(struct program *p, unsigned n, char **w)
{
	(void)n;
	p->is_paused = !strcmp(w[0], "pause");
	say_event(p->is_paused ? "paused" : "resumed", NULL);
	return 0;
}

static int run_quit(struct program *p, unsigned n, char **w)
{
	(void)n;
	(void)w;
	p->is_closed = true;
	return 0;
}

static const struct command {
	const char *name;
	unsigned n_least;	/* words, the name included */
	int (*run)(struct program *p, unsigned n, char **w);
} commands[] = {
	{ "peer", 3, run_peer }, { "join", 4, run_join }, { "stop", 2, run_stop },
	{ "leave", 2, run_leave }, { "failed", 2, run_failed }, { "lock", 4, run_lock },
	{ "convert", 3, run_convert }, { "unlock", 2, run_unlock }, { "cancel", 2, run_cancel },
	{ "loop", 5, run_loop }, { "status", 1, run_status }, { "kill", 2, run_kill },
	{ "pause", 1, run_pause }, { "resume", 1, run_pause }, { "quit", 1, run_quit },
	{ NULL, 0, NULL },
};

void command_run(struct program *p, char *line)
{
	const struct command *c = commands;
	char *words[WORDS_MAX] = { NULL };
	unsigned n = split(line, words);
	int rc;

	if (!n)
		return;
	while (c->name && strcmp(c->name, words[0]))
		c++;
	if (!c->name || n < c->n_least) {
		say_error(0, "%s: unknown command, or words are missing; the head of "
			  "tests/vm/dlm_member.c has all", words[0]);
		return;
	}
	rc = c->run(p, n, words);
	if (rc < 0)
		say_error(0, "%s %s: %s", words[0], words[1] ? words[1] : "",
			  sinew_error_name(rc));
}
