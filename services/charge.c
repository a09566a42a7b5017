/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user's call for charges of a service. Knows nothing of calls that spend them. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/node.h"
#include "services/service.h"

#define CHARGES_MAX	65536u	/* of a service, at once */

static struct charge *charge_new(struct sinew_calls *o, uint32_t n, void *const users[])
{
	size_t size = users ? n * sizeof users[0] : 0;
	struct charge *c = owner_alloc(o, sizeof *c + size);

	assert(n && n <= CHARGES_MAX);
	if (!c)
		return NULL;
	*c = (struct charge) { .n = n, .has_users = users };
	if (users)
		memcpy(c->users, users, size);
	return c;
}

/* False: there would be too many. */
static bool charge_add(struct sinew_calls *o, struct service *s, struct charge *c)
{
	bool fits;

	assert(!c->next && !c->spent);
	lock_take(&o->gate, LOCK_WAIT);
	fits = c->n <= CHARGES_MAX - atomic_load(&s->n_charges);
	if (fits) {
		*s->charges_end = c;
		s->charges_end = &c->next;
		atomic_fetch_add(&s->n_charges, c->n);
	}
	lock_give(&o->gate, LOCK_WAIT);
	return fits;
}

int sinew_service_charge(struct sinew_calls *o, uint16_t id, unsigned n, void *const users[])
{
	struct service *s;
	struct charge *c;

	if (!o || !n)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	s = service_find(o, id);
	if (!s)
		return -ENOENT;
	if (!(s->is.flags & SINEW_SERVICE_CHARGED))
		return -EINVAL;
	if (atomic_load(&o->draining) || atomic_load(&o->node_gone))
		return -ESHUTDOWN;
	if (n > CHARGES_MAX)
		return -ENOBUFS;
	c = charge_new(o, n, users);
	if (!c)
		return -ENOMEM;
	if (!charge_add(o, s, c)) {
		owner_release(o, c);
		return -ENOBUFS;
	}
	service_room(o, s);
	return 0;
}
