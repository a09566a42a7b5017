/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/intercept.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/node.h"
#include "services/lane.h"

int sinew_calls_intercept(struct sinew_calls *o, sinew_call_intercept_fn fn, void *user)
{
	int err = 0;

	if (!o || !fn)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	lock_take(&o->lock, LOCK_SERVICE);
	if (intercept_is_set(o)) {
		err = -EEXIST;
	} else {
		o->intercept_user = user;
		atomic_store_explicit(&o->intercept, fn, memory_order_release);
	}
	lock_give(&o->lock, LOCK_SERVICE);
	return err;
}

bool intercept_show(struct sinew_call *k, const struct sinew_call_msg *msg)
{
	struct sinew_calls *o = k->lane->owner;
	sinew_call_intercept_fn fn = atomic_load_explicit(&o->intercept, memory_order_acquire);

	assert(atomic_load(&o->inside));
	/* The library's own calls are nothing to the application. */
	if (!fn || k->service_id < SINEW_SERVICE_FIRST)
		return false;
	if (msg->event == SINEW_CALL_NEW) {
		if (k->entry.announced)
			return false;
		k->entry.announced = true;
	}
	return fn(k, msg, o->intercept_user);
}
