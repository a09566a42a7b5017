/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A copy of a struct, which one thread writes and any thread reads without a lock (a seqlock): a
 * reader tries again where it was being written. Knows nothing of the struct.
 */
#ifndef SINEW_LOWCOMMS_SNAPSHOT_H
#define SINEW_LOWCOMMS_SNAPSHOT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define SNAPSHOT_WORDS	16

struct snapshot {
	_Atomic uint64_t version;	/* odd: the words are being written */
	_Atomic uint64_t words[SNAPSHOT_WORDS];
};

/* Bytes of the word at that offset. */
static inline size_t snapshot_part(size_t size, size_t at)
{
	return size - at < sizeof(uint64_t) ? size - at : sizeof(uint64_t);
}

/*
 * The last word may be part of one: structs of 32-bit machines end between two. Instead of fences,
 * which the thread sanitizer does not know, each word is released and acquired: a reader that has
 * seen one sees the version that was written before it.
 */
static inline void snapshot_write(struct snapshot *to, const void *from, size_t size)
{
	uint64_t version = atomic_load_explicit(&to->version, memory_order_relaxed), word = 0;

	assert(!(version & 1) && size <= sizeof to->words);
	atomic_store_explicit(&to->version, version + 1, memory_order_relaxed);
#pragma GCC unroll 16
	for (size_t at = 0; at < size; at += sizeof word) {
		memcpy(&word, (const char *)from + at, snapshot_part(size, at));
		atomic_store_explicit(&to->words[at / sizeof word], word, memory_order_release);
	}
	atomic_store_explicit(&to->version, version + 2, memory_order_release);
}

static inline void snapshot_read(const struct snapshot *from, void *to, size_t size)
{
	uint64_t version, word;

	do {
		version = atomic_load_explicit(&from->version, memory_order_acquire);
		for (size_t at = 0; at < size; at += sizeof word) {
			word = atomic_load_explicit(&from->words[at / sizeof word],
						    memory_order_acquire);
			memcpy((char *)to + at, &word, snapshot_part(size, at));
		}
	} while (version & 1 ||
		 version != atomic_load_explicit(&from->version, memory_order_relaxed));
}

#endif
