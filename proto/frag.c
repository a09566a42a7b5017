/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the rules of reassembly; knows nothing of frames or sessions. */
#include "frag.h"

#include <assert.h>
#include <string.h>

enum frag_result frag_add(struct frag *f, const uint8_t *body, size_t n, uint32_t total,
			  uint32_t offset, uint32_t max_message)
{
	assert(f->got <= f->total && (!f->total || f->buf));
	if (n == 0 || total == 0 || total > max_message)
		return FRAG_BAD;
	if (f->total && f->total != total)
		return FRAG_BAD;
	if (offset != f->got || n > total - offset)
		return FRAG_BAD;
	if (!f->buf) {
		f->need = total;
		return FRAG_NEED_BUFFER;
	}
	if (f->need && f->need != total)
		return FRAG_BAD;
	memcpy(f->buf + offset, body, n);
	f->total = total;
	f->got = offset + (uint32_t)n;
	return f->got == total ? FRAG_DONE : FRAG_MORE;
}

void frag_provide(struct frag *f, uint8_t *buf)
{
	assert(!f->buf);
	f->buf = buf;
}

uint8_t *frag_take(struct frag *f)
{
	uint8_t *buf = f->buf;

	*f = (struct frag) { 0 };
	return buf;
}
