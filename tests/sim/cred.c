/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The credentials of simulated calls: who has which, what the called applications make of them, and
 * a seal that knows the call, the direction and the number of each piece. Each goes over once, and
 * each call is shown with its own.
 */
#include "calls.h"

#include <string.h>

#define REFUSED	4u	/* no application takes it */

/* By who it names, from 1 on. */
static const struct {
	uint16_t len, extra;
} creds[] = { { 0, 0 }, { 0, 3 }, { 40, 0 }, { 4096, 16 }, { 10, 0 }, { 7, 128 } };

#define WHO_END	(sizeof creds / sizeof *creds)

static const uint8_t *bytes_of(unsigned who)
{
	return workload_pattern + 1000 * who;
}

bool cred_draw(const struct dialog *d, unsigned who, struct calls_cred *as)
{
	const struct calls_config *cfg = &d->c.cfg;

	if (!who || who >= WHO_END || creds[who].len > cfg->cred_max ||
	    creds[who].extra >= cfg->theirs.piece || creds[who].extra >= cfg->ours.piece)
		return false;
	*as = (struct calls_cred) {
		.id = who, .bytes = { bytes_of(who), creds[who].len }, .kind = (uint16_t)who,
		.extra = creds[who].extra,
	};
	return true;
}

bool cred_is_refused(const struct exchange *e)
{
	return e->who == REFUSED;
}

/* ---- what the peer says ---- */

static void came(struct dialog *d, const struct calls_event *ev, uint8_t *principal)
{
	unsigned who = ev->cred->kind;

	cover(COVER_C_CRED);
	if (*principal)
		sim_fail("n%u: a credential of n%u comes again", d->x->node, d->x->peer);
	if (!who || who >= WHO_END || ev->data.n != creds[who].len ||
	    ev->cred->extra != creds[who].extra ||
	    memcmp(ev->data.p, bytes_of(who), ev->data.n))
		sim_fail("n%u: a credential of n%u is not what was sent", d->x->node, d->x->peer);
	for (unsigned i = 0; i < CALLS_CREDS; i++)
		if (d->principal[i] == who)
			sim_fail("n%u: credential %u of n%u goes over twice", d->x->node, who,
				 d->x->peer);
	*principal = (uint8_t)who;
}

static void went(struct dialog *d, uint8_t *principal)
{
	cover(COVER_C_UNCRED);
	if (!*principal)
		sim_fail("n%u: a credential of n%u ends that was not there", d->x->node,
			 d->x->peer);
	for (unsigned i = 0; i < d->n_handlers; i++)
		if (d->handler[i].call && !d->c.down &&
		    exchange_of(d->handler[i].id)->who == *principal)
			sim_fail("n%u: credential %u of n%u ends before call %u of it", d->x->node,
				 *principal, d->x->peer, d->handler[i].id);
	*principal = 0;
}

void cred_event(struct dialog *d, const struct calls_event *ev)
{
	uint8_t *principal = &d->principal[calls_cred_place(&d->c, ev->cred)];

	TRACE("n%u %s credential %u of n%u", d->x->node,
	      ev->what == CALLS_EV_CRED ? "has" : "loses", ev->cred->kind, d->x->peer);
	if (ev->what == CALLS_EV_CRED)
		came(d, ev, principal);
	else
		went(d, principal);
}

void cred_shown(const struct dialog *d, const struct call *call)
{
	unsigned who = call->cred ? d->principal[call->cred - 1] : 0;

	if (who != exchange_of(call->op)->who)
		sim_fail("n%u: call %u of credential %u is shown with %u", d->x->node, call->op,
			 exchange_of(call->op)->who, who);
}

/* ---- seals ---- */

static uint8_t stream(uint32_t id, bool reply, uint32_t n, size_t at)
{
	return (uint8_t)(id * 31 + n * 7 + reply * 3 + at);
}

static uint8_t sealed[CALL_PIECE_MAX], opened[CALL_PIECE_MAX];

struct span cred_seal(const struct calls_out *out)
{
	const struct call *call = out->call;
	uint32_t n = call->incoming ? ((struct handler *)call->user)->n_sealed :
		((struct caller *)call->user)->n_sealed;
	size_t len = out->data.n + call->extra;

	cover(COVER_C_SEALED);
	for (size_t i = 0; i < len; i++)
		sealed[i] = (uint8_t)((i < out->data.n ? out->data.p[i] : 0) ^
				      stream(call->op, call->incoming, n, i));
	return (struct span) { sealed, len };
}

void cred_sealed(const struct call *call)
{
	if (call->incoming)
		((struct handler *)call->user)->n_sealed++;
	else
		((struct caller *)call->user)->n_sealed++;
}

/* Which of its bytes are plain ones, is known by its length. */
void cred_open(struct dialog *d, struct calls_event *ev)
{
	struct call *call = ev->call;
	uint32_t n = call->incoming ? ((struct handler *)call->user)->n_opened++ :
		((struct caller *)call->user)->n_opened++;
	uint32_t id = call->op;

	if (ev->data.n < call->extra || ev->data.n > sizeof opened) {
		sim_fail("n%u: a piece of call %u without its seal", d->x->node, id);
		return;
	}
	for (size_t i = 0; i < ev->data.n; i++)
		opened[i] = ev->data.p[i] ^ stream(id, !call->incoming, n, i);
	ev->data = (struct span) { opened, ev->data.n - call->extra };
	for (size_t i = 0; i < call->extra; i++)
		if (opened[ev->data.n + i])
			sim_fail("n%u: piece %u of call %u was sealed for another place",
				 d->x->node, n, id);
}

bool cred_distrusts(struct calls_event *ev)
{
	struct exchange *e = exchange_of(ev->call->op);

	if (!rng_one_in(&sim.service, 100) || call_distrust(ev->call))
		return false;
	cover(COVER_C_DISTRUST);
	e->is_distrusted = true;
	return true;
}
