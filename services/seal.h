/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pieces of calls are sealed and opened by the functions of their credentials, in memory of the
 * lane that is there once it has such a credential. Under the lock of the lane. Knows nothing of
 * the seal itself.
 */
#ifndef SINEW_SERVICES_SEAL_H
#define SINEW_SERVICES_SEAL_H

#include "services/lane.h"

struct calls_event;
struct calls_out;

/* Memory for a credential that seals; false: there is none. */
bool seal_prepare(struct lane *l, const struct sinew_cred *c);
/* *ret: the bytes for the ring in place of the piece's data. False: it cannot be sealed, and its
 * call has ended. */
bool seal_piece(struct lane *l, const struct calls_out *out, struct span *ret);
/* Opens a piece: ev->data are the plain bytes from then on. False: there is nothing to hand over,
 * as the call has ended, or the piece is empty. Loop. */
bool open_piece(struct lane *l, struct sinew_call *k, struct calls_event *ev);

#endif
