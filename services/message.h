/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A message that the application has for longer than its function runs.
 */
#ifndef SINEW_SERVICES_MESSAGE_H
#define SINEW_SERVICES_MESSAGE_H

#include "services/owner.h"

struct queued;

/* One that was kept: of the session's buffers, or memory of ours; or one that was taken. */
struct kept_msg {
	struct sinew_call_msg msg;	/* first: the user has this */
	struct sinew_calls *owner;	/* referenced, if it was kept */
	struct queued *taken;		/* NULL: it was kept */
	struct sinew_kept *kept;
	void *mem;
};

#endif
