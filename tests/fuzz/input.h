/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a fuzzer's input, taken one by one: what is not there is zero. And
 * the one way in which a target says that something is wrong. Knows no target.
 */
#ifndef SINEW_TESTS_FUZZ_INPUT_H
#define SINEW_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each target defines this. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Fails the target, on any compiler and with any NDEBUG. */
#define MUST(cond) \
	do { \
		if (!(cond)) \
			input_wrong(__FILE__, __LINE__, #cond); \
	} while (0)

static inline void __attribute__((noreturn)) input_wrong(const char *file, int line,
							 const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t input_u8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint16_t input_u16(struct input *in)
{
	uint16_t low = input_u8(in);

	return (uint16_t)(low | input_u8(in) << 8);
}

static inline uint32_t input_u32(struct input *in)
{
	uint32_t low = input_u16(in);

	return low | (uint32_t)input_u16(in) << 16;
}

static inline uint64_t input_u64(struct input *in)
{
	uint64_t low = input_u32(in);

	return low | (uint64_t)input_u32(in) << 32;
}

/* 0 .. n - 1 */
static inline unsigned input_below(struct input *in, unsigned n)
{
	return (n <= 256 ? input_u8(in) : input_u16(in)) % n;
}

/* At most n bytes; how many there are is the result. */
static inline size_t input_bytes(struct input *in, const uint8_t **ret, size_t n)
{
	if (n > in->left)
		n = in->left;
	*ret = in->p;
	in->p += n;
	in->left -= n;
	return n;
}

/* A copy that ends where its block ends, so that a look beyond it is seen. */
static inline uint8_t *input_copy(const uint8_t *p, size_t n)
{
	uint8_t *copy = calloc(n ? n : 1, 1);

	MUST(copy);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

#endif
