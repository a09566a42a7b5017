/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor as a row of messages.
 * Knows nothing of who gets them.
 */
#include "tools/cat/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS	UINT64_C(1000000000)
#define BURST_NS	(SECOND_NS / 50)	/* what a slow reader may catch up */

int input_open(struct input *in, int fd, size_t chunk, uint64_t rate)
{
	*in = (struct input){ .fd = fd, .chunk = chunk, .rate = rate, .number = 1 };
	in->cap = 2 * INPUT_READ_MAX;
	in->buf = malloc(in->cap);
	return in->buf ? 0 : -ENOMEM;
}

void input_close(struct input *in)
{
	free(in->buf);
	in->buf = NULL;
}

uint64_t input_pause_ns(const struct input *in, uint64_t now_ns)
{
	if (!in->rate || in->paced_ns <= now_ns)
		return 0;
	return in->paced_ns - now_ns;
}

/* Makes room for a read behind the piece that is not complete. */
static int make_room(struct input *in)
{
	size_t len = in->end - in->start;
	size_t cap = in->cap;
	char *buf;

	if (in->start) {
		memmove(in->buf, in->buf + in->start, len);
		in->start = 0;
		in->end = len;
	}
	if (cap - len >= INPUT_READ_MAX)
		return 0;
	cap = 2 * cap;
	buf = realloc(in->buf, cap);
	if (!buf)
		return -ENOMEM;
	in->buf = buf;
	in->cap = cap;
	return 0;
}

/* How much may be read at once so that the rate holds over a short time. */
static size_t allowed(const struct input *in)
{
	uint64_t n = in->rate / (SECOND_NS / BURST_NS);

	if (!in->rate || n > INPUT_READ_MAX)
		return INPUT_READ_MAX;
	return n ? (size_t)n : 1;
}

int input_read(struct input *in, uint64_t now_ns)
{
	ssize_t n;
	int rc;

	assert(!in->ended);
	rc = make_room(in);
	if (rc)
		return rc;
	n = read(in->fd, in->buf + in->end, allowed(in));
	if (n < 0)
		return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (!n)
		in->ended = true;
	in->end += (size_t)n;
	if (in->rate) {
		if (in->paced_ns + BURST_NS < now_ns)
			in->paced_ns = now_ns - BURST_NS;
		in->paced_ns += (uint64_t)((double)n * (double)SECOND_NS / (double)in->rate);
	}
	return 0;
}

static bool find_line(struct input *in, size_t *ret_len)
{
	size_t len = in->end - in->start;
	const char *from = in->buf + in->start;
	const char *newline = memchr(from + in->looked, '\n', len - in->looked);

	if (newline) {
		*ret_len = (size_t)(newline - from);
		in->looked = *ret_len;
		return true;
	}
	in->looked = len;
	*ret_len = len;
	return in->ended && len;
}

static bool find_chunk(const struct input *in, size_t *ret_len)
{
	size_t len = in->end - in->start;

	*ret_len = len < in->chunk ? len : in->chunk;
	return len >= in->chunk || (in->ended && len);
}

int input_peek(struct input *in, const char **ret_data, size_t *ret_len)
{
	bool complete;
	size_t len;

	complete = in->chunk ? find_chunk(in, &len) : find_line(in, &len);
	if (len > in->limit) {
		*ret_len = len;
		return -EMSGSIZE;
	}
	if (!complete)
		return 0;
	*ret_data = in->buf + in->start;
	*ret_len = len;
	return 1;
}

void input_take(struct input *in, size_t len)
{
	in->start += len;
	/* The newline goes with its line; the last one may be missing. */
	if (!in->chunk && in->start < in->end)
		in->start++;
	assert(in->start <= in->end);
	in->looked = 0;
	in->number++;
}

size_t input_stop(struct input *in)
{
	size_t len = in->end - in->start;

	in->ended = true;
	in->start = in->end;
	in->looked = 0;
	return len;
}
