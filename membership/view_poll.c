/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view_poll.h"

#include <assert.h>

#include "membership/view_check.h"
#include "membership/view_find.h"

struct view_action *view_tell(struct view *v, enum view_what what, uint32_t nodeid,
			      uint64_t incarnation)
{
	struct view_action *a = &v->actions[v->n_actions++];

	assert(v->n_actions <= VIEW_ACTIONS_MAX);
	*a = (struct view_action){ .what = what, .nodeid = nodeid, .incarnation = incarnation };
	return a;
}

void view_note(struct view *v, enum sinew_level level, uint32_t nodeid, const char *text)
{
	struct view_action *a;

	if (v->n_notes++ >= VIEW_NOTES_MAX)
		return;
	a = view_tell(v, VIEW_NOTE, nodeid, 0);
	a->level = level;
	a->text = text;
}

/* Where to find it: what it says itself, else what the nodelist says. */
static void give_addresses(struct view *v, struct view_action *a)
{
	static const struct greeting none;
	const struct view_member *m = view_find_joined(v, a->nodeid);
	const struct view_entry *e = view_find_entry(v, a->nodeid);

	a->addrs = v->addrs;
	a->n_addrs = greeting_addresses(m && a->what != VIEW_ADD ? &m->greeting : &none,
					e->node.addrs, e->node.n_addrs, v->addrs);
}

static bool give_message(struct view *v, struct view_action *a)
{
	const struct view_outbox *o = &v->outbox;
	struct greeting g = { .type = GREETING_FENCED };

	if (o->sends_hello) {
		g = v->own;
	} else if (o->sends_fenced) {
		g.nodeid = o->fenced[0].nodeid;
		g.incarnation = o->fenced[0].incarnation;
	} else {
		return false;
	}
	*a = (struct view_action){ .what = VIEW_SEND, .bytes = v->bytes };
	a->len = greeting_put(v->bytes, &g);
	return true;
}

bool view_poll(struct view *v, struct view_action *ret)
{
	if (v->n_polled < v->n_actions) {
		*ret = v->actions[v->n_polled++];
		if (ret->what == VIEW_ADD || ret->what == VIEW_SET_ADDRS)
			give_addresses(v, ret);
		return true;
	}
	v->n_polled = v->n_actions = v->n_notes = 0;
	if (give_message(v, ret))
		return true;
	view_check(v);
	return false;
}

void view_sent(struct view *v, bool is_taken, uint64_t now_ns)
{
	view_outbox_sent(&v->outbox, is_taken, now_ns);
}
