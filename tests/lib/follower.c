/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a subscriber of a test was told. Knows nothing of what a test wants. */
#include "tests/lib/follower.h"

struct sinew_topo_filter everything(void)
{
	return names_of(SINEW_TOPO_ANY, 0, UINT32_MAX);
}

struct sinew_topo_filter names_of(uint32_t type, uint32_t lower, uint32_t upper)
{
	return (struct sinew_topo_filter) {
		.size = sizeof(struct sinew_topo_filter), .type = type, .lower = lower,
		.upper = upper, .timeout_ms = -1,
	};
}

static bool is_same(const struct follower *f, const struct follower_row *a,
		    const struct follower_row *b)
{
	if (f->by_edge)
		return a->type == b->type && a->lower == b->lower && a->upper == b->upper;
	return a->node == b->node && a->incarnation == b->incarnation && a->pub == b->pub;
}

static struct follower_row **bucket(struct follower *f, const struct follower_row *row)
{
	uint32_t key = f->by_edge ? row->type * 31 + row->lower * 7 + row->upper :
		row->node * 31 + row->pub;

	return &f->rows[key % FOLLOWER_BUCKETS];
}

static struct follower_row **find(struct follower *f, const struct follower_row *row)
{
	struct follower_row **at = bucket(f, row);

	while (*at && !is_same(f, *at, row))
		at = &(*at)->next;
	return at;
}

static bool has_any(const struct follower *f, const struct follower_row *of)
{
	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *row = f->rows[i]; row; row = row->next)
			if (row->node == of->node && row->incarnation == of->incarnation)
				return true;
	return false;
}

static void on_published(struct follower *f, const struct follower_row *row)
{
	struct follower_row **at = find(f, row), *copy;

	f->n_published++;
	if (*at) {
		f->bad++;
		return;
	}
	if (row->type == SINEW_TOPO_NODE && !f->by_edge && f->n_nameless)
		f->n_nameless -= has_any(f, row);
	copy = malloc(sizeof *copy);
	if (!copy)
		abort();
	*copy = *row;
	copy->next = *bucket(f, row);
	*bucket(f, row) = copy;
	f->n_rows++;
}

static void on_withdrawn(struct follower *f, const struct follower_row *row, bool group)
{
	struct follower_row **at = find(f, row), *gone = *at;

	f->n_withdrawn++;
	memmove(f->groups, f->groups + 1, sizeof f->groups - sizeof f->groups[0]);
	f->groups[FOLLOWER_LAST - 1] = group;
	if (!gone) {
		f->bad++;
		return;
	}
	*at = gone->next;
	free(gone);
	f->n_rows--;
	if (row->type != SINEW_TOPO_NODE || f->by_edge)
		return;
	memcpy(f->node_groups, f->groups, sizeof f->node_groups);
	f->n_nameless += has_any(f, row);
}

static struct follower_row row_of(const struct sinew_publication *p)
{
	struct follower_row row = {
		.type = p->type, .lower = p->lower, .upper = p->upper, .node = p->node,
		.pub = p->pub, .incarnation = p->incarnation, .scope = p->scope,
		.attr_len = p->attr_len,
	};

	if (p->attr_len)
		memcpy(row.attr, p->attr, p->attr_len);
	return row;
}

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct follower *f = user;

	(void)sub;
	f->n_collapsed += msg->collapsed;
	f->n_first += msg->first;
	f->position = msg->position;
	f->error = msg->error;
	f->bad += msg->n_collapsed != f->n_collapsed;
	if (msg->publication)
		f->last = row_of(msg->publication);
	switch (msg->event) {
	case SINEW_TOPO_PUBLISHED:
		on_published(f, &f->last);
		break;
	case SINEW_TOPO_WITHDRAWN:
		on_withdrawn(f, &f->last, msg->group);
		break;
	case SINEW_TOPO_TIMEOUT:
		f->n_timeouts++;
		break;
	case SINEW_TOPO_CURRENT:
		f->n_current++;
		break;
	case SINEW_TOPO_OVERRUN:
		f->n_overruns++;
		break;
	case SINEW_TOPO_LOST:
		f->n_lost++;
		break;
	case SINEW_TOPO_REFUSED:
		f->n_refused++;
		break;
	}
	/* A NODE goes behind its rows, or comes again with the same group. */
	if (msg->publication && !msg->group) {
		f->bad += f->n_nameless;
		f->n_nameless = 0;
	}
}

bool follower_begin(struct follower *f, struct sinew_topo *topo,
		    const struct sinew_topo_filter *filter)
{
	*f = (struct follower) { .topo = topo, .by_edge = filter->flags & SINEW_TOPO_EDGE };
	return CHECK_EQ(sinew_topo_subscribe(topo, filter, on_event, f, &f->sub), 0);
}

void follower_end(struct follower *f)
{
	sinew_topo_cancel(f->sub);
	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		while (f->rows[i]) {
			struct follower_row *next = f->rows[i]->next;

			free(f->rows[i]);
			f->rows[i] = next;
		}
	f->n_rows = 0;
	f->sub = NULL;
}

unsigned follower_has(const struct follower *f, uint32_t type, uint32_t lower, uint32_t node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *row = f->rows[i]; row; row = row->next)
			n += row->type == type && row->lower == lower &&
				(!node || row->node == node);
	return n;
}

bool followers_agree(const struct follower *a, const struct follower *b)
{
	if (a->n_rows != b->n_rows)
		return false;
	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *row = a->rows[i]; row; row = row->next) {
			struct follower_row *other = *find((struct follower *)(uintptr_t)b, row);

			if (!other || other->attr_len != row->attr_len ||
			    memcmp(other->attr, row->attr, row->attr_len))
				return false;
		}
	return true;
}

/* ---- nodes ---- */

bool cluster_serve(struct cluster *c, struct sinew_calls *calls[],
		   const struct sinew_topo_options *opt)
{
	bool good = true;

	for (unsigned i = 1; i <= c->n; i++)
		good &= CHECK_EQ(sinew_calls_new(c->t[i].n, NULL, &calls[i]), 0) &&
			CHECK_EQ(sinew_topo_start(c->t[i].n, calls[i], opt), 0);
	return good;
}

void topo_turn(struct cluster *c, struct sinew_topo *const *topos, unsigned n)
{
	if (c)
		cluster_turn_with(c, -1, 0, 1);
	for (unsigned i = 0; i < n; i++)
		CHECK(sinew_topo_dispatch(topos[i], c || n > 1 ? 0 : 10) >= 0);
	if (!c && n > 1)
		poll(NULL, 0, 1);
}
