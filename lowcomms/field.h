/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A field of a struct, by its size, and the words that stand for its numbers: tables of options are
 * made of these. Inline, so that membership uses them, too: the library exports no name for it.
 * Knows no option.
 */
#ifndef SINEW_LOWCOMMS_FIELD_H
#define SINEW_LOWCOMMS_FIELD_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORD_LIST_MAX	128	/* bytes of a list of all words of one field */

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t field_load(const void *field, size_t size)
{
	assert(size && size <= sizeof(uint64_t));
	if (size == sizeof(uint8_t))
		return *(const uint8_t *)field;
	if (size == sizeof(uint16_t))
		return *(const uint16_t *)field;
	if (size == sizeof(uint32_t))
		return *(const uint32_t *)field;
	return *(const uint64_t *)field;
}

/* One of 4 bytes may be read by other threads meanwhile. */
static inline void field_store(void *field, size_t size, uint64_t n)
{
	assert(size && size <= sizeof(uint64_t));
	if (size == sizeof(uint8_t))
		*(uint8_t *)field = (uint8_t)n;
	else if (size == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)n;
	else if (size == sizeof(uint32_t))
		__atomic_store_n((uint32_t *)field, (uint32_t)n, __ATOMIC_RELAXED);
	else
		*(uint64_t *)field = n;
}

/* Of words for 0, 1, ..., each with a NUL behind it: that of n; "": there is none. */
static inline const char *word_of(const char *words, uint64_t n)
{
	while (*words && n--)
		words += strlen(words) + 1;
	return words;
}

/* The number that it stands for; false: it is none of the words. */
static inline bool word_find(const char *words, const char *word, uint64_t *ret)
{
	uint64_t n = 0;

	assert(*words);
	for (; *words; words += strlen(words) + 1, n++)
		if (!strcmp(words, word)) {
			*ret = n;
			return true;
		}
	return false;
}

/* "a", "b" or "c" */
static inline const char *word_list(const char *words, char list[WORD_LIST_MAX])
{
	const char *word = words, *next;
	size_t len = 0;

	list[0] = '\0';
	for (; *word && len < WORD_LIST_MAX; word = next) {
		next = word + strlen(word) + 1;
		len += (size_t)snprintf(list + len, WORD_LIST_MAX - len, "%s\"%s\"",
					word == words ? "" : *next ? ", " : " or ", word);
	}
	assert(len < WORD_LIST_MAX);
	return list;
}

#endif
