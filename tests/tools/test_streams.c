/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input and output of the command: pieces of an input, an output that blocks.
 * Knows nothing of nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/lib/check.h"
#include "tools/cat/input.c"
#include "tools/output.c"

#define WAIT_MS	10000

/* ---- input ---- */

/* Pieces that a pipe with these bytes gives, each in brackets, "!" for one too long. */
static const char *pieces(const void *data, size_t len, size_t chunk, size_t limit)
{
	static char shown[256];
	struct input in;
	const char *piece;
	size_t n = 0, size = 0;
	int fds[2], rc;

	shown[0] = '\0';
	if (pipe(fds) || write(fds[1], data, len) != (ssize_t)len ||
	    input_open(&in, fds[0], chunk, 0))
		return "setup failed";
	close(fds[1]);
	in.limit = limit;
	for (;;) {
		rc = input_peek(&in, &piece, &size);
		if (rc == 1)
			n += (size_t)snprintf(shown + n, sizeof(shown) - n, "[%.*s]", (int)size,
					      piece);
		if (rc == 1)
			input_take(&in, size);
		else if (rc == -EMSGSIZE)
			n += (size_t)snprintf(shown + n, sizeof(shown) - n, "!%zu", size);
		if (rc == -EMSGSIZE || (!rc && in.ended))
			break;
		if (!rc && input_read(&in, 0))
			return "read failed";
	}
	input_close(&in);
	close(fds[0]);
	return shown;
}

static void lines_are_cut_at_newlines(void)
{
	CHECK_STR(pieces("", 0, 0, 10), "");
	CHECK_STR(pieces("a", 1, 0, 10), "[a]");
	CHECK_STR(pieces("a\n", 2, 0, 10), "[a]");
	CHECK_STR(pieces("\n", 1, 0, 10), "[]");
	CHECK_STR(pieces("\n\na\n\nb", 6, 0, 10), "[][][a][][b]");
	CHECK_STR(pieces("1234\n12345\n", 11, 0, 5), "[1234][12345]");
	CHECK_STR(pieces("1234\n123456\n1", 13, 0, 5), "[1234]!6");
	CHECK_STR(pieces("123456", 6, 0, 5), "!6");
}

static void chunks_have_one_size(void)
{
	CHECK_STR(pieces("", 0, 3, 10), "");
	CHECK_STR(pieces("12", 2, 3, 10), "[12]");
	CHECK_STR(pieces("123", 3, 3, 10), "[123]");
	CHECK_STR(pieces("1\n34", 4, 3, 10), "[1\n3][4]");
	CHECK_STR(pieces("123456", 6, 3, 3), "[123][456]");
	CHECK_STR(pieces("123456", 6, 3, 2), "!3");
}

/* A line that comes byte by byte and is longer than the first buffer. */
static void a_long_line_grows_the_buffer(void)
{
	static char block[1000];
	struct input in;
	const char *piece = NULL;
	size_t size = 0;
	int fds[2], i, rc;

	CHECK_OR_RETURN(!pipe(fds) && !input_open(&in, fds[0], 0, 0));
	in.limit = SIZE_MAX;
	memset(block, 'x', sizeof(block));
	for (i = 0; i < 3000; i++) {
		CHECK_OR_RETURN(write(fds[1], block, sizeof(block)) == sizeof(block));
		CHECK_EQ(input_read(&in, 0), 0);
		CHECK_EQ(input_peek(&in, &piece, &size), 0);
	}
	CHECK_OR_RETURN(write(fds[1], "\nrest", 5) == 5);
	CHECK_EQ(input_read(&in, 0), 0);
	rc = input_peek(&in, &piece, &size);
	CHECK_EQ(rc, 1);
	CHECK_EQ(size, 3000 * sizeof(block));
	input_take(&in, size);
	CHECK_EQ(in.number, 2);
	CHECK_EQ(input_stop(&in), 4);
	CHECK_EQ(input_peek(&in, &piece, &size), 0);
	CHECK(in.ended);
	input_close(&in);
	close(fds[0]);
	close(fds[1]);
}

/* Ten seconds of a virtual clock, a step a millisecond. */
static void the_rate_holds(void)
{
	struct input in;
	uint64_t now, bytes = 0;
	size_t size;
	const char *piece;
	int fd;

	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	CHECK_OR_RETURN(fd >= 0 && !input_open(&in, fd, 1, 50000));
	in.limit = 1;
	for (now = SECOND_NS; now < 11 * SECOND_NS; now += SECOND_NS / 1000) {
		if (input_pause_ns(&in, now))
			continue;
		CHECK_EQ(input_read(&in, now), 0);
		for (; input_peek(&in, &piece, &size) == 1; bytes++)
			input_take(&in, size);
	}
	CHECK(bytes > 490000 && bytes < 510000);
	input_close(&in);
	close(fd);
}

/* ---- output ---- */

static bool comes(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) == 1;
}

static bool is_full(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 0;
}

/* Of a pipe that nobody has read yet: it and the buffer are full, and the write under way has bytes
 * left. One that is through makes room in the buffer a moment later. */
static bool is_stuck(struct output *out, const int fds[2])
{
	bool in_write;
	int held = 0;

	if (!is_full(fds[1]) || ioctl(fds[0], FIONREAD, &held) < 0)
		return false;
	pthread_mutex_lock(&out->lock);
	in_write = out->tail - out->head == OUTPUT_BUFFER &&
		(uint64_t)held < out->head + OUTPUT_WRITE;
	pthread_mutex_unlock(&out->lock);
	return in_write;
}

static void a_blocked_output_takes_what_fits(void)
{
	static char block[10007];
	struct output *out = NULL;
	uint64_t sum = 0, put = 0;
	size_t n, i;
	int fds[2];

	CHECK_OR_RETURN(!pipe(fds) && !output_new(fds[1], &out));
	/* More than the pipe and the buffer take: it stops somewhere. */
	for (;;) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = (char)((put + i) % 251);
		n = output_put(out, block, sizeof(block));
		put += n;
		if (!n && is_stuck(out, fds))
			break;
		if (!n)
			poll(NULL, 0, 1);	/* the thread wants the lock, too */
	}
	CHECK(put >= OUTPUT_BUFFER && put <= OUTPUT_BUFFER + 65536);
	CHECK_EQ(output_put_whole(out, "", 0, "x", 1, "", 0), false);
	CHECK_EQ(output_put(out, "x", 1), 0);
	CHECK(output_want(out, false));
	CHECK(!output_is_empty(out));
	while (sum < put) {
		ssize_t got = read(fds[0], block, sizeof(block));

		CHECK_OR_RETURN(got > 0);
		for (i = 0; i < (size_t)got; i++)
			if (block[i] != (char)((sum + i) % 251))
				break;
		CHECK_OR_RETURN(i == (size_t)got);
		sum += (uint64_t)got;
	}
	CHECK(comes(output_fd(out)));
	/* Empty in the end, which is told or seen at once. */
	CHECK(!output_want(out, true) || comes(output_fd(out)));
	CHECK(output_is_empty(out));
	CHECK_EQ(output_put_whole(out, "ab", 2, "", 0, "c", 1), true);
	CHECK_EQ(read(fds[0], block, 3), 3);
	CHECK_MEM(block, "abc", 3);
	output_free(out);
	close(fds[0]);
	close(fds[1]);
}

static void a_reader_that_left_is_an_error(void)
{
	struct output *out = NULL;
	int fds[2];

	CHECK_OR_RETURN(!pipe(fds) && !output_new(fds[1], &out));
	close(fds[0]);
	CHECK_EQ(output_put(out, "x", 1), 1);
	CHECK(comes(output_fd(out)));
	CHECK_EQ(output_error(out), -EPIPE);
	CHECK(output_is_empty(out));
	CHECK_EQ(output_put(out, "many bytes", 10), 10);
	CHECK(output_put_whole(out, "a", 1, "b", 1, "c", 1));
	CHECK(!output_want(out, false));
	output_free(out);
	close(fds[1]);
}

static void flags_of_the_descriptor_are_left_alone(void)
{
	static char block[200000];
	struct output *out = NULL;
	size_t got = 0;
	int fds[2];

	CHECK_OR_RETURN(!pipe2(fds, O_NONBLOCK) && !output_new(fds[1], &out));
	CHECK_EQ(output_put(out, block, sizeof(block)), sizeof(block));
	while (got < sizeof(block)) {
		ssize_t n;

		CHECK_OR_RETURN(comes(fds[0]));
		n = read(fds[0], block, 5000);
		CHECK_OR_RETURN(n > 0);
		got += (size_t)n;
	}
	CHECK(!output_want(out, true) || comes(output_fd(out)));
	CHECK(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	output_free(out);
	close(fds[0]);
	close(fds[1]);
}

/* The thread is inside of write() and cannot be waited for. */
static void an_output_that_is_stuck_can_be_left(void)
{
	static char block[200000];
	struct output *out = NULL;
	int fds[2];

	CHECK_OR_RETURN(!pipe(fds) && !output_new(fds[1], &out));
	CHECK_EQ(output_put(out, block, sizeof(block)), sizeof(block));
	CHECK(comes(fds[0]));
	output_free(out);
	close(fds[0]);
}

int main(void)
{
	RUN(lines_are_cut_at_newlines);
	RUN(chunks_have_one_size);
	RUN(a_long_line_grows_the_buffer);
	RUN(the_rate_holds);
	RUN(a_blocked_output_takes_what_fits);
	RUN(a_reader_that_left_is_an_error);
	RUN(flags_of_the_descriptor_are_left_alone);
	RUN(an_output_that_is_stuck_can_be_left);
	return check_done();
}
