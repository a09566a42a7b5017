/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a frame begins and ends.
 * Knows nothing of what it says.
 */
#include "tools/dump/framer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "tools/dump/dlm.h"

#define WHY_MAX	96

/* ---- what a header looks like ---- */

static bool is_inner_command(uint8_t cmd)
{
	switch ((enum wire_cmd)cmd) {
	case WIRE_MSG:
	case WIRE_RCOM:
	case WIRE_FIN_CMD:
	case WIRE_DATA:
	case WIRE_HELLO:
	case WIRE_FRAGMENT:
	case WIRE_REFUSE:
	case WIRE_LEAVING:
	case WIRE_PROBE:
	case WIRE_PROBE_REPLY:
	case WIRE_STATUS:
		return true;
	case WIRE_OPTS_CMD:
	case WIRE_ACK:
		return false;
	}
	return false;
}

static enum framer_verdict plausible_opts(const uint8_t *p, size_t n, size_t length)
{
	struct frame f;
	size_t need;

	if (length < WIRE_OPTS + WIRE_HEADER)
		return FRAMER_NO;
	if (n < WIRE_OPTS)
		return FRAMER_MORE;
	need = WIRE_OPTS + get_le16(p + offsetof(struct wire_opts, optlen)) + WIRE_HEADER;
	if (!is_inner_command(p[offsetof(struct wire_opts, nextcmd)]) || need > length ||
	    need > WIRE_OPTS + FRAMER_TLVS_MAX + WIRE_HEADER)
		return FRAMER_NO;
	if (n < need)
		return FRAMER_MORE;
	/* Only headers are looked at, so the rest of the frame need not be there. */
	return frame_parse(p, length, &f) ? FRAMER_NO : FRAMER_YES;
}

/* A packet of a kernel without an envelope; inside one the same bytes are no frame. */
static enum framer_verdict plausible_bare(const uint8_t *p, size_t n, size_t length, bool is_msg)
{
	uint32_t type;

	if (length < (is_msg ? DLM_MSG_BYTES : DLM_RCOM_BYTES) || length > WIRE_DLM_MAX)
		return FRAMER_NO;
	if (is_msg && get_le32(p) != WIRE_VERSION_3_1)
		return FRAMER_NO;
	if (n < WIRE_HEADER + 4)
		return FRAMER_MORE;
	type = get_le32(p + WIRE_HEADER);
	return type >= 1 && type <= (is_msg ? (uint32_t)DLM_MSG_PURGE : DLM_RCOM_LOCK_REPLY) ?
	       FRAMER_YES : FRAMER_NO;
}

enum framer_verdict framer_plausible(const uint8_t *p, size_t n, uint32_t nodeid)
{
	uint8_t versions[2][4];
	uint32_t sender;
	int length;

	/* Nearly every byte that is none ends here. */
	if (p[0] != (uint8_t)WIRE_VERSION_3_2 && p[0] != (uint8_t)WIRE_VERSION_3_1)
		return FRAMER_NO;
	put_le32(versions[0], WIRE_VERSION_3_2);
	put_le32(versions[1], WIRE_VERSION_3_1);
	if (memcmp(p, versions[0], n < 4 ? n : 4) && memcmp(p, versions[1], n < 4 ? n : 4))
		return FRAMER_NO;
	length = frame_length(p, n);
	if (!length)
		return FRAMER_MORE;
	sender = get_le32(p + offsetof(struct wire_header, nodeid));
	if (length < 0 || !sender || sender > INT32_MAX || (nodeid && sender != nodeid) ||
	    p[offsetof(struct wire_header, pad)])
		return FRAMER_NO;
	switch (p[offsetof(struct wire_header, cmd)]) {
	case WIRE_OPTS_CMD:
		return plausible_opts(p, n, (size_t)length);
	case WIRE_ACK:
		return length == WIRE_HEADER ? FRAMER_YES : FRAMER_NO;
	case WIRE_MSG:
		return plausible_bare(p, n, (size_t)length, true);
	case WIRE_RCOM:
		return plausible_bare(p, n, (size_t)length, false);
	}
	return FRAMER_NO;
}

/* ---- the bytes ---- */

void framer_init(struct framer *f, bool synced)
{
	*f = (struct framer) { .synced = synced };
}

void framer_free(struct framer *f)
{
	free(f->room);
	f->room = NULL;
}

static void pass(struct framer *f, size_t n)
{
	f->begin += n;
	f->offset += n;
}

static void skip(struct framer *f, size_t n)
{
	f->n_skipped += n;
	pass(f, n);
}

/* Moves what is there to the front and makes room for at least one byte more. */
static int make_room(struct framer *f, size_t n)
{
	size_t used = f->end - f->begin, size = f->size ? f->size : FRAMER_ROOM_MIN;
	uint8_t *room;

	if (f->begin)
		memmove(f->room, f->room + f->begin, used);
	f->begin = 0;
	f->end = used;
	while (size < FRAMER_ROOM_MAX && size - used < n)
		size *= 2;
	if (size == f->size)
		return 0;
	room = realloc(f->room, size);
	if (!room)
		return -ENOMEM;
	f->room = room;
	f->size = size;
	return 0;
}

/* Puts as much as there is room for behind the rest; gives the number of bytes. */
static int append(struct framer *f, const uint8_t *p, size_t n)
{
	size_t room;
	int rc = f->size - f->end < n ? make_room(f, n) : 0;

	if (rc)
		return rc;
	room = f->size - f->end;
	if (n > room)
		n = room;
	memcpy(f->room + f->end, p, n);
	f->end += n;
	return (int)n;
}

static void tell_skipped(struct framer *f, const struct framer_events *events)
{
	uint64_t n = f->n_skipped;

	f->n_skipped = 0;
	if (n)
		events->skipped(events->arg, n, f->offset - n);
}

/* ---- frames ---- */

/* True if a frame begins at the front now. */
static bool synchronise(struct framer *f, const struct framer_events *events)
{
	while (f->begin < f->end) {
		switch (framer_plausible(f->room + f->begin, f->end - f->begin, f->nodeid)) {
		case FRAMER_YES:
			f->synced = true;
			tell_skipped(f, events);
			return true;
		case FRAMER_MORE:
			return false;
		case FRAMER_NO:
			skip(f, 1);
			break;
		}
	}
	return false;
}

static void lose(struct framer *f, const struct framer_events *events, int error)
{
	const uint8_t *p = f->room + f->begin;
	char why[WHY_MAX];

	if (error == -EPROTONOSUPPORT)
		snprintf(why, sizeof(why), "version %u.%u", get_le16(p + 2), get_le16(p));
	else
		snprintf(why, sizeof(why), "length %u",
			 get_le16(p + offsetof(struct wire_header, length)));
	f->synced = false;
	events->lost(events->arg, why, f->offset);
	skip(f, 1);
}

/* Takes one frame off the front. False: there is none, or not yet. */
static bool take_frame(struct framer *f, const struct framer_events *events)
{
	struct framer_frame frame = { .offset = f->offset };
	int length;

	if (!f->synced && !synchronise(f, events))
		return false;
	frame.p = f->room + f->begin;
	length = frame_length(frame.p, f->end - f->begin);
	if (length < 0) {
		lose(f, events, length);
		return true;
	}
	if (!length || (size_t)length > f->end - f->begin)
		return false;
	frame.n = frame.length = (size_t)length;
	f->nodeid = get_le32(frame.p + offsetof(struct wire_header, nodeid));
	f->told = 0;
	pass(f, frame.n);
	events->frame(events->arg, &frame);
	return true;
}

int framer_bytes(struct framer *f, const uint8_t *p, size_t n, const struct framer_events *events)
{
	size_t swallow = n < f->swallow ? n : f->swallow;
	int took;

	f->swallow -= swallow;
	f->offset += swallow;
	p += swallow;
	n -= swallow;
	while (n) {
		took = append(f, p, n);
		if (took < 0) {
			framer_hole(f, n, events);
			return took;
		}
		p += took;
		n -= (size_t)took;
		while (take_frame(f, events))
			;
	}
	return 0;
}

/* Tells the frame that is there in part, of which hole bytes more are missing, unless it was
 * told before. Gives the number of its bytes that are not there; 0 if there is no frame. */
static size_t tell_part(struct framer *f, uint64_t hole, const struct framer_events *events)
{
	struct framer_frame frame = { .n = f->end - f->begin, .offset = f->offset };
	bool is_told = f->told == frame.n;
	size_t rest;

	if (!frame.n || !f->synced)
		return 0;
	f->told = frame.n;
	if (frame.n < WIRE_HEADER) {
		if (!is_told)
			events->headless(events->arg, frame.n, f->offset);
		return 0;
	}
	frame.p = f->room + f->begin;
	frame.length = (size_t)frame_length(frame.p, frame.n);
	rest = frame.length - frame.n;
	frame.hole = hole < rest ? hole : rest;
	if (!is_told)
		events->frame(events->arg, &frame);
	return rest;
}

static void drop(struct framer *f)
{
	size_t n = f->end - f->begin;

	if (f->synced)
		pass(f, n);
	else
		skip(f, n);
	f->told = 0;
}

bool framer_hole(struct framer *f, uint64_t n, const struct framer_events *events)
{
	size_t rest = f->swallow;

	if (!rest)
		rest = tell_part(f, n ? n : UINT64_MAX, events);
	drop(f);
	f->offset += n;
	f->swallow = 0;
	/* Inside a frame whose header is known the next one is found by its length. */
	if (n && n <= rest) {
		f->swallow = rest - (size_t)n;
		return true;
	}
	f->synced = false;
	return false;
}

void framer_flush(struct framer *f, const struct framer_events *events)
{
	tell_part(f, 0, events);
	if (!f->synced)
		drop(f);
	tell_skipped(f, events);
}
