/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the invariants of calls: slots, windows, counts, lists. Changes nothing. The name of each
 * function begins with what it checks, by which tests/mutate tells them apart.
 */
#include "calls_check.h"

#if defined SINEW_CHECK && !defined NDEBUG

#include "calls.h"

#include <assert.h>

/* ---- a call ---- */

static void tx_check(const struct call *call)
{
	const struct call_tx *tx = &call->tx;

	assert((uint32_t)tx->sent - tx->consumed <= tx->sent && tx->sent <= tx->limit);
	assert(tx->total == CALL_TOTAL_UNKNOWN || tx->sent + tx->offered.n <= tx->total);
	assert(!tx->complete || (tx->opened && tx->last && !tx->offered.n));
	assert(tx->opened || !tx->sent);
	/* A call that may send has its turn. */
	if (call->state == CALL_OPEN && tx->opened && tx->offered.n && tx->sent < tx->limit)
		assert(!list_empty(&call->queue));
}

static uint64_t rx_check(const struct calls *c, const struct call *call)
{
	const struct call_rx *rx = &call->rx;

	assert(rx->told <= rx->consumed && rx->consumed <= rx->received);
	assert(rx->received <= rx->limit && rx->limit <= rx->told + c->window_most);
	assert(rx->total == CALL_TOTAL_UNKNOWN || rx->received <= rx->total);
	assert(c->cfg.ours.window <= rx->window && rx->window <= c->window_most);
	assert(!rx->n_fresh || call->pending & P_DATA);
	return rx->window - c->cfg.ours.window;
}

static void call_check(const struct call *call)
{
	assert((call->pending != 0) == !list_empty(&call->event));
	assert(!call->gone || !call->pending);
	if (call->state == CALL_FREE)
		return;
	assert(!call->outcome == (call_waits(call) || call->state == CALL_OPEN ||
				  call->state == CALL_SETTLING));
	if (call->state != CALL_OPEN && !call_waits(call))
		assert(list_empty(&call->queue) && !call->tx.offered.n);
	tx_check(call);
}

/* ---- own slots ---- */

static void own_call_check(const struct calls *c, const struct call_slot *s)
{
	const struct call *call = s->call;

	assert(call->slot == s->index && call->gen == s->gen && call->calls == c);
	assert(!call->incoming && !call->gone && call->depth == s->depth);
	assert(call->state == CALL_OPEN || call->state == CALL_SETTLING ||
	       (call->state == CALL_OVER && call->reason == CALLS_REPLIED && s->over));
	assert(!(s->due & DUE_CREDIT) || call->state == CALL_OPEN);
	if (!s->over || call->state != CALL_OVER)
		return;
	/* Consumed, and the peer told if it wants that: then the slot would be free. */
	assert(call->rx.consumed < call->rx.received || s->due & DUE_FINAL);
}

static void own_slots_check(const struct calls *c, uint64_t *grown)
{
	unsigned taken = 0, awaited = 0, n_free = 0;

	for (const struct call_slot *s = c->free; s; s = s->next) {
		assert(!s->taken && n_free < c->cfg.theirs.slots);
		n_free++;
	}
	for (unsigned i = 0; i < c->cfg.theirs.slots; i++) {
		const struct call_slot *s = calls_own_slot(c, i);

		if (!s->taken) {
			assert(!s->call && !s->due && list_empty(&s->link));
			continue;
		}
		taken++;
		awaited += !s->over;
		assert(!s->due == list_empty(&s->link));
		assert(!(s->due & ~(DUE_ABORT | DUE_CREDIT | DUE_FINAL | DUE_QUERY)));
		assert(!s->over || !(s->due & (DUE_CREDIT | DUE_QUERY)));
		assert(s->call || !s->over || s->due);
		if (!s->call)
			continue;
		own_call_check(c, s);
		call_check(s->call);
		*grown += rx_check(c, s->call);
	}
	assert(taken == c->n_taken && awaited == c->n_awaited);
	assert(n_free == c->cfg.theirs.slots - taken);
}

/* Each depth has a slot of its own among those of applications, and of all. */
static void depth_check(const struct calls *c)
{
	int held[2] = { 0, 0 }, n = c->cfg.theirs.slots;
	unsigned all = 0;

	for (unsigned e = 0; e <= CALL_DEPTH_MAX; e++) {
		held[0] += c->held[0][e];
		held[1] += c->held[1][e];
		assert(e <= c->cfg.depth_max || (!c->held[0][e] && !c->held[1][e]));
		if (e <= c->cfg.depth_max && held[0])
			assert(held[0] <= n - c->cfg.reserved - (c->cfg.depth_max - (int)e));
	}
	for (unsigned i = 0; i < c->tried.out; i++)
		all += c->out_bindings[i].held;
	assert((unsigned)(held[0] + held[1]) == c->n_taken && all == c->n_taken);
}

/* ---- bindings ---- */

/* Calls of a binding: lined up, and those that ask for an upgrade, without a slot and with one. */
struct of_binding {
	unsigned lined, asked, probing;
};

static void lined_count(const struct calls *c, struct of_binding *of)
{
	list_each(struct call, call, &c->waiting, queue) {
		assert(call->state == CALL_WAITING && call->slot == CALL_SLOT_NONE);
		assert(call->binding < c->tried.out);
		of[call->binding].lined += !call->depth;
		of[call->binding].asked += (call->flags & CALL_UPGRADE) != 0;
	}
	list_each(struct call, call, &c->paused, queue) {
		assert(call->state == CALL_PAUSED && call->slot == CALL_SLOT_NONE);
		assert(call->binding < c->tried.out);
		of[call->binding].asked += (call->flags & CALL_UPGRADE) != 0;
	}
}

static void probing_count(const struct calls *c, struct of_binding *of)
{
	for (unsigned i = 0; i < c->cfg.theirs.slots; i++) {
		const struct call *call = calls_own_slot(c, i)->call;

		if (!call)
			continue;
		assert(call->binding < c->tried.out);
		of[call->binding].probing += (call->flags & CALL_UPGRADE) != 0;
	}
}

/* The first of those that were never used; none of them counts. */
static void untried_check(const struct call_binding *b, unsigned tried, unsigned n)
{
	assert(tried <= n);
	assert(tried == n || (b[tried].state == CALL_UNBOUND && !b[tried].users &&
			      !b[tried].held && !b[tried].cred));
}

static void upgrade_check(const struct call_binding *b, const struct of_binding *of)
{
	assert(b->in_force == b->service || b->upgrade == UPGRADE_KNOWN);
	if (b->upgrade == UPGRADE_NONE && b->state == CALL_UNBOUND)
		return;
	assert(of->asked == (b->upgrade == UPGRADE_ASKED));
	assert(of->probing == (b->upgrade == UPGRADE_PROBING));
}

static void bindings_check(const struct calls *c)
{
	struct of_binding of[CALLS_BINDINGS];
	unsigned due = 0;

	untried_check(c->in_bindings, c->tried.in, c->cfg.n_bindings);
	untried_check(c->out_bindings, c->tried.out, c->cfg.n_bindings);
	memset(of, 0, c->tried.out * sizeof *of);
	lined_count(c, of);
	probing_count(c, of);
	for (unsigned i = 0; i < c->tried.out; i++) {
		const struct call_binding *b = &c->out_bindings[i];

		due += b->state != CALL_UNBOUND && b->state != CALL_BOUND;
		assert(!b->spoiled || b->state == CALL_TO_UNBIND || b->state == CALL_TO_REBIND);
		assert(of[i].lined == b->lined);
		upgrade_check(b, &of[i]);
	}
	for (unsigned i = 0; i < c->cfg.n_creds; i++)
		due += c->out_creds[i].state == CRED_NEW || c->out_creds[i].state == CRED_LEAVES;
	assert(due == c->n_binds);
}

/* ---- slots of the peer ---- */

/* The call before it lasts, and is known to be followed; nobody has accepted this one. */
static void peers_behind_check(const struct calls *c, const struct call *call)
{
	const struct call_slot *s;

	if (!call->behind || call->state != CALL_OPEN)
		return;
	assert(call->after.slot < c->cfg.theirs.slots && !call->accepted);
	s = calls_own_slot(c, call->after.slot);
	assert(s->followed && s->gen == call->after.gen && s->call && s->call->tx.opened);
	assert(s->call->state == CALL_OPEN || s->call->state == CALL_SETTLING);
}

/* users: for each credential, to be added to. */
static void peers_slots_check(const struct calls *c, uint64_t *grown, unsigned *users)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->cfg.ours.slots; i++) {
		const struct call_slot *s = calls_peers_slot(c, i);
		const struct call *call = s->call;

		assert(call == calls_peers_call(c, i) && call->slot == i && call->incoming);
		assert(!s->due == list_empty(&s->link));
		call_check(call);
		if (call->state == CALL_FREE) {
			assert(!call->gone && !(s->due & ~DUE_STATE));
			continue;
		}
		n++;
		assert(call->cred <= c->cfg.n_creds);
		users[call->cred]++;
		assert(!(s->due & DUE_END) == (call->state != CALL_ENDING));
		assert(!(s->due & (DUE_ACCEPT | DUE_CREDIT)) || call->state == CALL_OPEN);
		assert(!call_waits(call) && call->state != CALL_SETTLING);
		assert(call->state != CALL_OVER || call->pending & P_ENDED ||
		       call->plain == PLAIN_REPLIED);
		assert(!call->gone || call->state == CALL_ENDING);
		peers_behind_check(c, call);
		assert(call->gen == s->gen);
		*grown += rx_check(c, call);
	}
	assert(n == c->n_in);
}

/* ---- credentials ---- */

/* How many bindings have each of them. */
static void creds_count(const struct calls *c, const struct call_binding *b, unsigned n,
			unsigned *users)
{
	for (unsigned i = 0; i < n; i++) {
		assert(b[i].cred <= c->cfg.n_creds);
		users[b[i].cred] += b[i].state != CALL_UNBOUND || b[i].held;
	}
}

static void peers_cred_check(const struct calls *c, const struct call_cred *cred, unsigned users)
{
	assert(cred->users == users && cred->state != CRED_LEAVES);
	assert(!users || cred->state == CRED_NEW || cred->state == CRED_KNOWN || c->down);
}

static void own_cred_check(const struct call_cred *cred, unsigned users)
{
	assert(cred->users == users && cred->state != CRED_GONE);
	assert(!users == (cred->state == CRED_NONE || cred->state == CRED_LEAVES));
}

/* peers: the users of those of the peer that are calls. */
static void creds_check(const struct calls *c, unsigned *peers)
{
	unsigned own[CALLS_CREDS + 1] = { 0 }, n_as = 0;

	creds_count(c, c->in_bindings, c->tried.in, peers);
	creds_count(c, c->out_bindings, c->tried.out, own);
	for (unsigned i = 1; i <= c->cfg.n_creds; i++) {
		peers_cred_check(c, &c->in_creds[i - 1], peers[i]);
		own_cred_check(&c->out_creds[i - 1], own[i]);
		n_as += own[i];
	}
	assert(n_as == c->tried.n_as);
}

void calls_check(struct calls *c)
{
	unsigned users[CALLS_CREDS + 1] = { 0 };
	uint64_t grown = 0;

	own_slots_check(c, &grown);
	peers_slots_check(c, &grown, users);
	depth_check(c);
	bindings_check(c);
	creds_check(c, users);
	assert((int64_t)grown + c->grow_bytes == c->cfg.grow_bytes);
	assert(list_length(&c->waiting) == c->n_lined);
	assert(c->n_lined + list_length(&c->paused) == c->n_waiting);
	assert(c->n_waiting <= c->cfg.max_queued);
	list_length(&c->dirty);
	list_length(&c->events);
	list_length(&c->unshown);
	list_each(struct call, call, &c->ready, queue)
		assert(call->state == CALL_OPEN && call->slot != CALL_SLOT_NONE);
	assert(!c->down || (list_empty(&c->ready) && !c->n_waiting && !c->begin_wanted &&
			    !(c->pending & CP_SLOT)));
}

#endif
