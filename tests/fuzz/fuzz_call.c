/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the decoder and the encoder of services/call_wire.h. The input is the body of a
 * frame: one that is taken comes out of the encoder with the same bytes but for padding and an
 * unknown flag. The heads, padding and sides of the kinds are here once more. Knows no calls.
 */
#define FUZZ_NAME "call"
/* fuzz.sh: max_len=200 */
#include "services/call_wire.h"

#include <errno.h>

#include "tests/fuzz/input.h"
#include "tests/lib/call_frame.h"

/* Behind the first 8 bytes: 'x' counts, '.' is padding. */
static const struct rule {
	const char *head;
	int from;		/* 1 the caller, 2 the called side, 0 either */
	bool has_data;
} rules[] = {
	[CALL_BEGIN] = { "xxxxxxxx" "xxxxxxxx" "xxxxxxxx" "x.......", 1, true },
	[CALL_PIECE] = { "", 0, true },
	[CALL_REPLY] = { "xxxxxxxx" "xx......", 2, true },
	[CALL_ACCEPT] = { "xx......", 2, false },
	[CALL_CREDIT] = { "xxxxxxxx", 0, false },
	[CALL_ABORT] = { "xxxx....", 1, false },
	[CALL_END] = { "xxxxxxxx" "xxxx....", 2, false },
	[CALL_BIND] = { "xxxxxx..", 0, false },
	[CALL_UNBIND] = { "xxxxxx..", 0, false },
	[CALL_UNCRED] = { "xxxxxx..", 0, false },
	[CALL_CRED] = { "xxxxxxxx", 0, true },
	[CALL_SLOTS] = { "xx......", 0, false },
	[CALL_QUERY] = { "", 1, false },
	[CALL_STATE] = { "x...xxxx" "xxxxxxxx", 2, false },
};

#define N_RULES (sizeof rules / sizeof *rules)

static const struct rule *rule_of(const uint8_t *p, size_t n)
{
	return n && p[0] < N_RULES && rules[p[0]].head ? &rules[p[0]] : NULL;
}

static bool is_valid(const uint8_t *p, size_t n)
{
	const struct rule *r = rule_of(p, n);
	size_t head;

	if (!r)
		return false;
	head = CALL_HEAD + strlen(r->head);
	if (n < head || (r->from && (r->from == 2) != (p[1] >= CALL_CALLEE)))
		return false;
	return p[0] != CALL_CRED || (size_t)(p[12] | p[13] << 8) <= n - head;
}

/* The bytes that the encoder is to write: what counts of those that were read. */
static size_t expected(const uint8_t *p, const struct rule *r, uint8_t out[CALL_HEAD_MAX])
{
	size_t n = strlen(r->head);

	memcpy(out, p, CALL_HEAD);
	out[1] &= 0xbf;
	for (size_t i = 0; i < n; i++)
		out[CALL_HEAD + i] = r->head[i] == 'x' ? p[CALL_HEAD + i] : 0;
	return CALL_HEAD + n;
}

static void taken(const uint8_t *p, size_t n, const struct call_frame *f)
{
	uint8_t want[CALL_HEAD_MAX], out[CALL_HEAD_MAX + 1];
	const struct rule *r = rule_of(p, n);
	size_t head = expected(p, r, want);
	struct call_frame again;

	MUST(f->data == (r->has_data ? p + head : NULL));
	MUST(f->n_data <= (r->has_data ? n - head : 0));
	MUST(f->kind == CALL_CRED || !r->has_data || f->n_data == n - head);
	memset(out, 0xa5, sizeof out);
	MUST(call_put(out, f) == head && !memcmp(out, want, head) && out[head] == 0xa5);
	if (f->kind == CALL_CRED)
		return;
	/* As body() does: fields of other kinds stay as they were. */
	memset(&again, 0x5a, sizeof again);
	MUST(call_parse(out, head, &again) == 0 && same_call_frame(f, &again));
	MUST(again.n_data == 0);
}

/* A refused body leaves the result as it was. */
static void body(const uint8_t *p, size_t n)
{
	struct call_frame f, before;
	int r;

	memset(&f, 0x5a, sizeof f);
	memcpy(&before, &f, sizeof f);
	r = call_parse(p, n, &f);
	MUST(r == (is_valid(p, n) ? 0 : -EBADMSG));
	if (!r)
		taken(p, n, &f);
	else
		MUST(!memcmp(&f, &before, sizeof f));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t len = n < UINT16_MAX ? n : UINT16_MAX;
	uint8_t *copy = input_copy(p, len);

	body(copy, len);
	free(copy);
	return 0;
}

#include "tests/fuzz/replay.h"
