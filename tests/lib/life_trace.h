/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The trace of a life: lines, frames in words, and the comparison with the recorded trace. Reads
 * frames by section 8 of proto/SESSION.md alone: knows neither the codec nor the core.
 */
#ifndef SINEW_TESTS_LIB_LIFE_TRACE_H
#define SINEW_TESTS_LIB_LIFE_TRACE_H

#include "tests/lib/check.h"

#define LIFE_FIRST 0xfffffffeu	/* number of the first frame each way; the trace counts from 0 */
#define TRACE_BYTES (1u << 16)

struct trace {
	char text[TRACE_BYTES];
	size_t n;
};

/* Fixed places of an incarnation: the letter of the node, and the number of its run. */
uint64_t life_incarnation(char letter, unsigned run);

__attribute__((format(printf, 2, 3)))
void trace_add(struct trace *t, const char *fmt, ...);

/* ---- frames in words ---- */

const char *reason_word(uint64_t reason);
void say_body(struct trace *t, const uint8_t *p, size_t n);
size_t frame_bytes(const uint8_t *p, size_t n);

/* A whole frame of n bytes. */
void say_frame(struct trace *t, const uint8_t *p, size_t n);

/* ---- against the recorded trace ---- */

/* Compares, or records; says which lines differ. */
void trace_compare(const struct trace *t, const char *name, bool record);

#endif
