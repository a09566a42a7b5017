/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UTF-8: one character, and text that is to be nothing else. Knows nothing of where it comes from.
 */
#ifndef SINEW_SERVICES_UTF8_H
#define SINEW_SERVICES_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character beyond ASCII: its bytes, 0 if there is none. n: at least 1. */
size_t utf8_char(const char *text, size_t n, uint32_t *ret_char);
/* All of it is characters of UTF-8; ASCII, controls included, is. */
bool utf8_is_whole(const char *text, size_t len);
/* Copies the text, with U+FFFD for each byte that is part of no character. out has room for
 * UTF8_REPAIRED bytes for each byte of text, and the NUL. */
#define UTF8_REPAIRED	3
void utf8_repair(const char *text, char *out);

#endif
