/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_cells.h"

#include <assert.h>

#include "services/server_bell.h"

#define UP		1u
#define LINK		2u
#define REASON_SHIFT	8
#define READS_MAX	64u		/* attempts; a write takes a few instructions */

void cells_init(struct cells *c, struct bells *bells)
{
	assert(bells->wake_fd >= 0 && !atomic_load(&c->all[0].nodeid));
	c->bells = bells;
}

/* ---- the loop thread ---- */

static bool is_dirty(struct cells *c, unsigned i)
{
	assert(i < CELLS_MAX);
	return atomic_load(&c->dirty[i / 64]) >> i % 64 & 1;
}

/* The server knows that it is over, so that another peer may have it. */
static bool is_spare(struct cells *c, unsigned i)
{
	return !(atomic_load(&c->all[i].flags) & UP) && !is_dirty(c, i);
}

/* That of the peer, or one for it; NULL: none is free. */
static struct cell *find(struct cells *c, uint32_t nodeid)
{
	unsigned begin = nodeid * UINT32_C(0x9e3779b1) >> 21, spare = CELLS_MAX;

	_Static_assert(CELLS_MAX == 1u << (32 - 21), "the hash has as many values");
	for (unsigned n = 0; n < CELLS_MAX; n++) {
		unsigned i = (begin + n) % CELLS_MAX;
		uint32_t has = atomic_load(&c->all[i].nodeid);

		if (!has || has == nodeid)
			return &c->all[i];
		if (spare == CELLS_MAX && is_spare(c, i))
			spare = i;
	}
	return spare < CELLS_MAX ? &c->all[spare] : NULL;
}

static struct cell *begin_write(struct cells *c, uint32_t nodeid)
{
	struct cell *cell = find(c, nodeid);

	if (!cell) {
		atomic_fetch_add(&c->n_lost, 1);
		return NULL;
	}
	assert(!(atomic_load(&cell->version) & 1));
	atomic_fetch_add(&cell->version, 1);
	if (atomic_load(&cell->nodeid) != nodeid) {
		atomic_store(&cell->flags, 0);
		atomic_store(&cell->incarnation, 0);
		atomic_store(&cell->nodeid, nodeid);
	}
	return cell;
}

static void end_write(struct cells *c, struct cell *cell)
{
	unsigned i = (unsigned)(cell - c->all);

	assert(i < CELLS_MAX && atomic_load(&cell->version) & 1);
	atomic_fetch_add(&cell->version, 1);
	atomic_fetch_or(&c->dirty[i / 64], UINT64_C(1) << i % 64);
	bells_wake(c->bells);
}

static void on_up(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	struct cell *cell = begin_write(arg, nodeid);

	assert(nodeid && incarnation);
	if (!cell)
		return;
	atomic_fetch_add(&cell->n_sessions, 1);
	atomic_store(&cell->incarnation, incarnation);
	/* How the session before ended stays. */
	atomic_fetch_or(&cell->flags, UP | LINK);
	end_write(arg, cell);
}

static void on_down(void *arg, uint32_t nodeid, uint64_t incarnation, enum sinew_down reason)
{
	struct cell *cell = begin_write(arg, nodeid);

	(void)incarnation;
	if (!cell)
		return;
	atomic_store(&cell->flags, (uint32_t)reason << REASON_SHIFT);
	end_write(arg, cell);
}

static void on_link(void *arg, uint32_t nodeid, uint64_t incarnation, bool up)
{
	struct cell *cell = begin_write(arg, nodeid);

	(void)incarnation;
	if (!cell)
		return;
	assert(atomic_load(&cell->nodeid) == nodeid);
	if (up)
		atomic_fetch_or(&cell->flags, LINK);
	else
		atomic_fetch_and(&cell->flags, ~LINK);
	end_write(arg, cell);
}

static void on_peer(void *arg, uint32_t nodeid)
{
	struct cell *cell = begin_write(arg, nodeid);

	/* The server asks how it is now. */
	if (cell)
		end_write(arg, cell);
}

/* A name is the same address each time. */
static void on_option(void *arg, const char *name)
{
	struct cells *c = arg;
	unsigned i = 0;

	while (i < CELLS_OPTIONS && atomic_load(&c->option_names[i]) &&
	       atomic_load(&c->option_names[i]) != name)
		i++;
	if (i == CELLS_OPTIONS) {
		atomic_fetch_add(&c->n_lost, 1);
		return;
	}
	atomic_store(&c->option_names[i], name);
	atomic_fetch_or(&c->options[i / 64], UINT64_C(1) << i % 64);
	bells_wake(c->bells);
}

static void on_renewed(void *arg, uint64_t incarnation)
{
	struct cells *c = arg;

	(void)incarnation;
	atomic_store(&c->renewed, true);
	bells_wake(c->bells);
}

static void on_closing(void *arg)
{
	struct cells *c = arg;

	atomic_store(&c->closing, true);
	bells_wake(c->bells);
}

const struct sinew_watch cells_watch = {
	.size = sizeof cells_watch, .renewed = on_renewed, .closing = on_closing,
	.session_up = on_up, .session_down = on_down, .link = on_link, .peer = on_peer,
	.option = on_option,
};

/* ---- the server ---- */

/* The lowest bit that is set, which is cleared; false: none is. */
static bool take_bit(_Atomic uint64_t *words, unsigned n_words, unsigned *ret)
{
	for (unsigned w = 0; w < n_words; w++) {
		uint64_t bits = atomic_load(&words[w]);

		if (!bits)
			continue;
		*ret = w * 64 + (unsigned)__builtin_ctzll(bits);
		assert(*ret < n_words * 64);
		atomic_fetch_and(&words[w], ~(bits & -bits));
		return true;
	}
	return false;
}

static bool read_cell(struct cell *cell, struct cell_state *ret)
{
	uint32_t version = atomic_load(&cell->version), flags = atomic_load(&cell->flags);

	*ret = (struct cell_state) {
		.nodeid = atomic_load(&cell->nodeid),
		.n_sessions = atomic_load(&cell->n_sessions),
		.incarnation = atomic_load(&cell->incarnation),
		.up = flags & UP, .link = flags & LINK,
		.reason = (enum sinew_down)(flags >> REASON_SHIFT),
	};
	return !(version & 1) && version == atomic_load(&cell->version);
}

bool cells_next(struct cells *c, unsigned *ret_i, struct cell_state *ret)
{
	unsigned i;

	if (!take_bit(c->dirty, CELLS_WORDS, &i))
		return false;
	for (unsigned n = 0; !read_cell(&c->all[i], ret); n++) {
		if (n < READS_MAX)
			continue;
		/* Its writer was interrupted, and wakes the server when it is done. */
		return false;
	}
	assert(ret->nodeid);
	*ret_i = i;
	return true;
}

const char *cells_next_option(struct cells *c)
{
	unsigned i;

	if (!take_bit(c->options, CELLS_OPTION_WORDS, &i))
		return NULL;
	assert(atomic_load(&c->option_names[i]));
	return atomic_load(&c->option_names[i]);
}
