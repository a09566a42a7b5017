/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor that may block, behind a buffer of one size and a thread that
 * writes. The descriptor's flags are left alone: others may share it.
 * Knows nothing of messages.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#define OUTPUT_BUFFER	(1 << 20)	/* bytes that wait; a power of two */
#define OUTPUT_WRITE	(64 << 10)	/* bytes of one write */

struct output;

/* -ENOMEM, -EMFILE, -EAGAIN (no thread). */
int output_new(int fd, struct output **ret_out);
/* Messages not written are lost; a thread that is stuck in write() is left behind
 * with its buffer. */
void output_free(struct output *out);

/* Readable when it failed, and after output_want() when there is room or all is written. */
int output_fd(const struct output *out);
/* Asks for that once. False: not needed, it is so already (is_empty: all is
 * written; else: half of the buffer is free). */
bool output_want(struct output *out, bool is_empty);

/* Takes as many bytes as fit; after an error all, and throws them away. */
size_t output_put(struct output *out, const void *data, size_t len);
/* The same for three pieces, all or nothing; they are together OUTPUT_BUFFER at most. */
bool output_put_whole(struct output *out, const void *a, size_t a_len, const void *b, size_t b_len,
		      const void *c, size_t c_len);
bool output_is_empty(struct output *out);
/* 0, or the negative errno of the write that failed; then nothing is written any more. */
int output_error(struct output *out);

#endif
