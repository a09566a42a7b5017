/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames out of the bytes of one direction, also behind a hole and behind bytes
 * that are no frame: there it waits for the next header that can be one.
 * Knows nothing of connections, and of a frame nothing but where it ends.
 */
#ifndef TOOLS_DUMP_FRAMER_H
#define TOOLS_DUMP_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMER_TLVS_MAX		256u	/* bytes of TLVs that a header may have to be believed */
#define FRAMER_ROOM_MIN		2048u
#define FRAMER_ROOM_MAX		65536u	/* more than the longest frame */

enum framer_verdict { FRAMER_NO, FRAMER_MORE, FRAMER_YES };

/* One frame, of which n bytes from its beginning are there. */
struct framer_frame {
	const uint8_t *p;
	size_t n, length;	/* n == length: it is whole */
	uint64_t hole;		/* bytes of it that were not captured */
	uint64_t offset;	/* of its first byte in its direction */
};

struct framer_events {
	void (*frame)(void *arg, const struct framer_frame *f);
	/* No frame follows; why is a text without an end. */
	void (*lost)(void *arg, const char *why, uint64_t offset);
	/* n bytes at the end, of a frame's header that is not all there. */
	void (*headless)(void *arg, size_t n, uint64_t offset);
	/* n bytes in which no frame was found, before the next frame or the end. */
	void (*skipped)(void *arg, uint64_t n, uint64_t offset);
	void *arg;
};

struct framer {
	uint8_t *room;
	size_t size, begin, end;	/* of room; what is there is from begin to end */
	bool synced;
	uint32_t nodeid;		/* of the frames before, 0: none */
	size_t told;			/* bytes of the last frame when its part was told */
	size_t swallow;			/* bytes of a frame behind its hole */
	uint64_t n_skipped;		/* since it is not synced */
	uint64_t offset;		/* of room[begin] */
};

/* synced: the first byte is that of a frame. */
void framer_init(struct framer *f, bool synced);
/* 0, or -ENOMEM: then the bytes are lost, as by a hole. */
int framer_bytes(struct framer *f, const uint8_t *p, size_t n, const struct framer_events *events);
/* n bytes are missing; 0: nobody knows how many. True: they all are of a frame that is told. */
bool framer_hole(struct framer *f, uint64_t n, const struct framer_events *events);
/* Tells what is there of a frame; should more of it come, it is told again as a whole. */
void framer_flush(struct framer *f, const struct framer_events *events);
void framer_free(struct framer *f);

/* Whether a frame of that sender (0: any) can begin at p. */
enum framer_verdict framer_plausible(const uint8_t *p, size_t n, uint32_t nodeid);

#endif
