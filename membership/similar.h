/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a word resembles another one, as a misspelling does. Knows no word.
 */
#ifndef MEMBERSHIP_SIMILAR_H
#define MEMBERSHIP_SIMILAR_H

#include <stdbool.h>

#define SIMILAR_MAX	32	/* bytes of a word; none is like a longer one */

/* In at most `most` places a letter is too many, missing, another one, or changed with its
 * neighbour; capitals count as small letters. */
bool similar(const char *a, const char *b, unsigned most);

#endif
