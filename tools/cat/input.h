/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor as a row of messages: lines of any bytes, or pieces of one
 * size; read no faster than a given rate.
 * Knows nothing of who gets them.
 */
#ifndef TOOLS_CAT_INPUT_H
#define TOOLS_CAT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_READ_MAX	(256 << 10)	/* bytes of one read */

struct input {
	int fd;
	size_t chunk;		/* bytes of a piece; 0: lines */
	uint64_t rate;		/* bytes per second; 0: as fast as they come */
	size_t limit;		/* bytes of the longest message that may be sent */
	char *buf;
	size_t cap, start, end;	/* start .. end is read and not taken */
	size_t looked;		/* bytes behind start without a newline */
	bool ended;		/* end of the file, or stopped */
	uint64_t number;	/* of the piece that is next, from 1 */
	uint64_t paced_ns;	/* up to here the rate is used up */
};

/* -ENOMEM. Released by input_close(), which leaves the descriptor open. */
int input_open(struct input *in, int fd, size_t chunk, uint64_t rate);
void input_close(struct input *in);

/* 0 now, else the nanoseconds until the rate allows to read again. */
uint64_t input_pause_ns(const struct input *in, uint64_t now_ns);
/* Reads once. 0 (also at the end of the file), or a negative errno: -EAGAIN,
 * -ENOMEM, or what read() gave. Only without a piece that is complete. */
int input_read(struct input *in, uint64_t now_ns);
/* Whether there is a complete piece; it stays until input_take(). -EMSGSIZE: it,
 * or what is there of it, is longer than the limit; *ret_len says how long. */
int input_peek(struct input *in, const char **ret_data, size_t *ret_len);
void input_take(struct input *in, size_t len);
/* Reads no more; returns the bytes that were read and not taken. */
size_t input_stop(struct input *in);

#endif
