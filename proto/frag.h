/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reassembly of one long message from its fragments. Belongs to a session, not
 * to a link: a reconnect in the middle changes nothing. The buffer is provided.
 */
#ifndef SINEW_PROTO_FRAG_H
#define SINEW_PROTO_FRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frag {
	uint8_t *buf;		/* provided, or NULL */
	uint32_t total;		/* 0 = no message under way */
	uint32_t got;
	uint32_t need;		/* bytes that were asked for: buf has so many; 0 = not asked */
};

static inline bool frag_active(const struct frag *f)
{
	return f->total != 0;
}

enum frag_result { FRAG_MORE, FRAG_DONE, FRAG_NEED_BUFFER, FRAG_BAD };

/*
 * The next fragment in sequence. NEED_BUFFER: provide total bytes with frag_provide() and call
 * again with the same fragment. DONE: buf holds total bytes; take them with
 * frag_take(). BAD: empty, over max_message, of another total, overlapping,
 * with a hole, or past the end (nothing changed). The buffer stays provided for the total it
 * was asked for, should the fragment come again on another link: any other total is BAD.
 */
enum frag_result frag_add(struct frag *f, const uint8_t *body, size_t n, uint32_t total,
			  uint32_t offset, uint32_t max_message);
void frag_provide(struct frag *f, uint8_t *buf);
/* Gives the buffer back and forgets the message. NULL if there was none. */
uint8_t *frag_take(struct frag *f);

#endif
