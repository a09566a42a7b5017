/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The content of the messages of a run.
 * Pure: knows no node and no clock.
 */
#include "tools/torture/content.h"

#include <string.h>

#include "tools/random.h"

/* A message in plain begins as the struct does, which has no holes. */
_Static_assert(offsetof(struct content, max) == CONTENT_HEADER, "the header has holes");

static uint64_t join(uint64_t key, uint64_t x)
{
	return random_mix(key * RANDOM_STEP + x + 1);
}

/* ---- lengths ---- */

size_t content_length(const struct content *c)
{
	uint64_t r = join(join(c->seed, (uint64_t)c->from << 32 | c->to), c->number);
	uint64_t most;
	unsigned kind = r & 1023;

	r >>= 10;
	if (kind < 64)
		return 0;
	if (kind < 832)
		most = 256;
	else if (kind < 976)
		most = 4096;
	else if (kind < 1020)
		most = 65536;
	else
		most = UINT64_MAX;
	if (most > c->max)
		most = c->max;
	return (size_t)(r % (most + 1));
}

/* ---- bytes ---- */

static uint64_t stream_key(const struct content *c, size_t len)
{
	uint64_t key = join(c->seed, (uint64_t)c->from << 32 | c->to);

	key = join(key, c->from_incarnation);
	key = join(key, c->to_incarnation);
	key = join(key, c->number);
	return join(key, len);
}

void content_fill(const struct content *c, void *to, size_t len)
{
	uint64_t key = stream_key(c, len), word;
	uint8_t *p = to;

	if (len >= CONTENT_PLAIN) {
		memcpy(p, c, CONTENT_HEADER);
		p += CONTENT_HEADER;
		len -= CONTENT_HEADER;
	}
	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		word = random_mix(key += RANDOM_STEP);
		memcpy(p, &word, sizeof(word));
	}
	word = random_mix(key + RANDOM_STEP);
	if (len)
		memcpy(p, &word, len);
}

bool content_bytes_are(const struct content *c, const void *data, size_t len)
{
	uint64_t key = stream_key(c, len), word, got, differ = 0;
	const uint8_t *p = data;

	if (len >= CONTENT_PLAIN) {
		if (memcmp(p, c, CONTENT_HEADER))
			return false;
		p += CONTENT_HEADER;
		len -= CONTENT_HEADER;
	}
	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&got, p, sizeof(got));
		differ |= got ^ random_mix(key += RANDOM_STEP);
	}
	word = random_mix(key + RANDOM_STEP);
	return !differ && (!len || !memcmp(p, &word, len));
}

bool content_is(const struct content *c, const void *data, size_t len)
{
	return len == content_length(c) && content_bytes_are(c, data, len);
}

/* ---- which one ---- */

static enum content_kind by_header(const struct content *c, const void *data, size_t len,
				   uint64_t *ret_number)
{
	struct content claimed = { .max = c->max };

	memcpy(&claimed, data, CONTENT_HEADER);
	if (!content_bytes_are(&claimed, data, len))
		return CONTENT_WRONG;
	if (memcmp(&claimed, c, offsetof(struct content, number)))
		return CONTENT_STRAY;
	if (len != content_length(&claimed))
		return CONTENT_WRONG;
	*ret_number = claimed.number;
	return CONTENT_GOOD;
}

/* Short ones do not say their number: the nearest that fits. */
static enum content_kind by_search(const struct content *c, const void *data, size_t len,
				   uint64_t *ret_number)
{
	struct content t = *c;
	uint64_t away;

	for (away = 1; away <= CONTENT_LOOK; away++) {
		t.number = c->number + away;
		if (content_is(&t, data, len))
			break;
		t.number = c->number - away;
		if (away < c->number && content_is(&t, data, len))
			break;
	}
	if (away > CONTENT_LOOK)
		return CONTENT_WRONG;
	*ret_number = t.number;
	return CONTENT_GOOD;
}

enum content_kind content_identify(const struct content *c, const void *data, size_t len,
				   uint64_t *ret_number)
{
	if (content_is(c, data, len)) {
		*ret_number = c->number;
		return CONTENT_GOOD;
	}
	if (len >= CONTENT_PLAIN)
		return by_header(c, data, len, ret_number);
	return by_search(c, data, len, ret_number);
}
