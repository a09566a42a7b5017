/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fast path of frames of plain calls to the application; any other frame is for deliver.c.
 */
#ifndef SINEW_SERVICES_PLAIN_H
#define SINEW_SERVICES_PLAIN_H

#include "services/lane.h"

/* Plain frames of the peer, the one that is there and those that the same read has brought behind
 * it: what they bring is handed over. True: the next one, which takes the place of *body and *len,
 * is not plain. Under the lock, which is given back while the application runs; loop. */
bool plain_frames(struct lane *l, const uint8_t **body, size_t *len);
/* New calls that come next and are plain go to their services. The same. */
void plain_show_new(struct lane *l);

#endif
