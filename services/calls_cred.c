/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the credentials of both directions: their numbers, when the peer hears of one and of its
 * end, and by which bindings and calls each is used. Knows nothing of what one proves.
 *
 * An own one goes over once, before its first binding. Its end goes over when no binding has it and
 * no slot is held by a call of one: then the called side has ended all those calls, and nothing of
 * them is under way.
 */
#include "calls_cred.h"

#include <assert.h>
#include <errno.h>

static struct call_cred *own(const struct calls *c, uint16_t cred)
{
	assert(cred && cred <= c->cfg.n_creds);
	return &c->out_creds[cred - 1];
}

static struct call_cred *peers(const struct calls *c, uint16_t cred)
{
	assert(cred && cred <= c->cfg.n_creds);
	return &c->in_creds[cred - 1];
}

/* ---- own ones ---- */

int cred_find(const struct calls *c, const struct calls_cred *as)
{
	int unused = -ENOSPC;

	assert(as->extra <= CALL_CRED_EXTRA_MAX && c->cfg.cred_max <= CALL_CRED_MAX);
	if (as->bytes.n > c->cfg.cred_max || as->extra >= c->cfg.theirs.piece ||
	    as->extra >= c->cfg.ours.piece)
		return -EMSGSIZE;
	for (int i = c->cfg.n_creds; i > 0; i--) {
		const struct call_cred *cred = own(c, (uint16_t)i);

		if (cred->state == CRED_NONE)
			unused = i;
		else if (cred->id == as->id)
			return i;
	}
	return unused;
}

void cred_use(struct calls *c, uint16_t number, const struct calls_cred *as)
{
	struct call_cred *cred = own(c, number);

	if (cred->state == CRED_NONE) {
		*cred = (struct call_cred){
			.bytes = as->bytes, .id = as->id, .kind = as->kind, .extra = as->extra,
			.state = CRED_NEW,
		};
		c->n_binds++;
	} else if (cred->state == CRED_LEAVES) {
		cred->state = CRED_KNOWN;
		c->n_binds--;
	}
	cred->users++;
}

void cred_left(struct calls *c, uint16_t number)
{
	struct call_cred *cred = own(c, number);

	assert(cred->users);
	if (--cred->users)
		return;
	if (cred->state == CRED_NEW) {
		*cred = (struct call_cred){ .state = CRED_NONE };
		c->n_binds--;
	} else {
		cred->state = CRED_LEAVES;
		c->n_binds++;
	}
}

bool cred_due(const struct calls *c, struct call_frame *f, struct span *data)
{
	for (uint16_t i = 1; i <= c->cfg.n_creds; i++) {
		const struct call_cred *cred = own(c, i);

		if (cred->state != CRED_NEW && cred->state != CRED_LEAVES)
			continue;
		f->kind = CALL_UNCRED;
		f->cred = i;
		if (cred->state == CRED_LEAVES)
			return true;
		f->kind = CALL_CRED;
		f->cred_kind = cred->kind;
		f->extra = cred->extra;
		f->n_data = (uint32_t)cred->bytes.n;
		*data = cred->bytes;
		return true;
	}
	return false;
}

void cred_put(struct calls *c, uint16_t number)
{
	struct call_cred *cred = own(c, number);

	assert(cred->state == CRED_NEW || cred->state == CRED_LEAVES);
	c->n_binds--;
	if (cred->state == CRED_LEAVES) {
		*cred = (struct call_cred){ .state = CRED_NONE };
		return;
	}
	cred->state = CRED_KNOWN;
	cred->bytes = (struct span){ 0 };
}

/* ---- those of the peer ---- */

bool peers_cred_is_known(const struct calls *c, uint16_t number)
{
	const struct call_cred *cred;

	if (!number || number > c->cfg.n_creds)
		return false;
	cred = peers(c, number);
	return cred->state == CRED_NEW || cred->state == CRED_KNOWN;
}

uint16_t peers_cred_use(struct calls *c, uint16_t number)
{
	struct call_cred *cred = peers(c, number);

	assert(cred->state == CRED_NEW || cred->state == CRED_KNOWN);
	cred->users++;
	return cred->extra;
}

void peers_cred_left(struct calls *c, uint16_t number)
{
	struct call_cred *cred = peers(c, number);

	assert(cred->users);
	cred->users--;
}

const char *rx_cred(struct calls *c, const struct call_frame *f)
{
	struct call_cred *cred;

	if (!f->cred || f->cred > c->cfg.n_creds)
		return "a credential number out of range";
	cred = peers(c, f->cred);
	if (cred->state != CRED_NONE)
		return "a credential number in use";
	if (f->n_data > CALL_CRED_MAX)
		return "a credential longer than we take";
	if (f->extra > CALL_CRED_EXTRA_MAX || f->extra >= c->cfg.ours.piece ||
	    f->extra >= c->cfg.theirs.piece)
		return "a seal that leaves no room in a piece";
	*cred = (struct call_cred){
		.bytes = { f->data, f->n_data }, .kind = f->cred_kind, .extra = f->extra,
		.state = CRED_NEW,
	};
	c->pending |= CP_CRED;
	return NULL;
}

const char *rx_uncred(struct calls *c, const struct call_frame *f)
{
	struct call_cred *cred;

	if (!peers_cred_is_known(c, f->cred))
		return "the end of an unknown credential";
	cred = peers(c, f->cred);
	if (cred->users)
		return "the end of a credential that is in use";
	cred->state = CRED_GONE;
	c->pending |= CP_CRED;
	return NULL;
}

static bool is_due(const struct call_cred *cred)
{
	return cred->state == CRED_NEW || cred->state == CRED_GONE;
}

struct call_cred *peers_cred_told(struct calls *c)
{
	struct call_cred *first = NULL;
	unsigned n = 0;

	for (uint16_t i = 1; i <= c->cfg.n_creds; i++) {
		if (!is_due(peers(c, i)))
			continue;
		n++;
		if (!first)
			first = peers(c, i);
	}
	assert(first);
	first->state = first->state == CRED_NEW ? CRED_KNOWN : CRED_NONE;
	if (n == 1)
		c->pending &= (uint8_t)~CP_CRED;
	return first;
}

void creds_down(struct calls *c)
{
	for (uint16_t i = 1; i <= c->cfg.n_creds; i++) {
		struct call_cred *cred = peers(c, i);

		if (cred->state == CRED_NEW)
			cred->state = CRED_NONE;
		if (cred->state == CRED_KNOWN)
			cred->state = CRED_GONE;
		if (is_due(cred))
			c->pending |= CP_CRED;
	}
}
