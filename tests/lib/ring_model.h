/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A naive model of the send ring: an endless byte stream, a list of frames and
 * three offsets. Knows nothing of positions, laps or gaps. One instance, for
 * tests/proto/test_ring_model.c.
 */
#ifndef SINEW_TESTS_LIB_RING_MODEL_H
#define SINEW_TESTS_LIB_RING_MODEL_H

#include <stdbool.h>
#include <string.h>

#include "proto/ring_out.h"
#include "proto/wire.h"

#define STREAM_MAX	(24u << 20)
#define FRAMES_MAX	400000u
#define MESSAGES_MAX	100000u
#define PAYLOAD_MAX	300000u
#define NODEID		7u

struct mframe {
	size_t begin, end;	/* in the stream */
	bool last;		/* ends a message, or is a CALL */
};

struct mmessage {
	size_t len;
	uint32_t salt;		/* makes its bytes */
	size_t end;		/* of its last frame in the stream */
	size_t first_frame;
};

/* A slot, or a message behind one, in the order of the calls. */
struct mpending {
	enum { OPEN, DONE, CANCELLED } state;
	size_t len;		/* reserved, or used */
	uint32_t salt;
	unsigned slot;
	uint8_t *data;
};

struct model {
	struct ring *ring;
	uint8_t *memory;
	size_t size;
	uint32_t max_frame, first_seq;
	uint8_t *stream;
	size_t filled, sent, high, half_end;
	struct mframe *frames;
	size_t n_frames, acked;	/* acked: frames */
	struct mmessage *messages;
	size_t n_messages, n_acked;	/* n_acked: wholly acknowledged */
	struct mpending pending[RING_SLOTS];
	unsigned n_pending;
	size_t reserved;	/* bytes in pending, with headers */
	bool closed, fin;
	bool wished;		/* refused and not told yet */
	size_t want;		/* the smallest wish of all who were, 0: none */
	bool want_slot;		/* all of them wait for a slot to be given back */
	size_t freed;		/* senders may have everything before it */
	uint64_t high_water;
	uint64_t rng;
	uint64_t n_plain, n_calls, n_refused, n_half, n_again, n_laps;
};

extern struct model m;
extern uint8_t payload[PAYLOAD_MAX], wire[WIRE_FRAME_MAX + 64];

uint32_t rnd(uint32_t n);
uint8_t byte_of(uint32_t salt, size_t i);
void fill(uint8_t *p, uint32_t salt, size_t from, size_t to);
size_t acked_offset(void);

/* Where the first message or CALL begins that is not wholly acknowledged. */
size_t freed_offset(void);
void add_frame(const uint8_t *head, size_t head_len, const uint8_t *body, size_t n, bool last);
void add_message(size_t len, uint32_t salt);
void add_call(size_t len, uint32_t salt);
void model_wish(size_t need, bool slot);

/* Finished slots at the head become part of the stream. */
void flush_pending(void);
size_t mid_frame(void);
size_t count_acked(size_t frames);

/* Frames that were wholly handed to a link. */
size_t frames_handed(void);

/* The bytes that go out next, as the model has them. */
size_t expected_out(uint8_t *out, size_t max);
uint64_t model_sent(size_t n);

/* Messages that were accepted behind an open slot. */
size_t n_behind(void);

/* Length and salt of the i-th message, published or behind a slot. */
bool message_of(size_t i, size_t *ret_len, uint32_t *ret_salt);

/* The peer has everything before frame k. */
void model_ack(size_t k);

#endif
