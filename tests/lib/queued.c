/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns that look; knows where the queue lies, and nothing of its frames. */
#include "tests/lib/queued.h"

#include <string.h>

#include "lowcomms/handle.h"

bool queue_has(const struct sinew_session *h, const void *bytes, size_t n)
{
	const struct ring *r = &h->session.ring;

	return memmem(r->base, r->size, bytes, n) != NULL;
}
