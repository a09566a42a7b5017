/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files golden-*.jsonl: one packet of each kind, with what another decoder said of it.
 * Knows nothing of packets.
 */
#ifndef SINEW_TESTS_LIB_GOLDEN_H
#define SINEW_TESTS_LIB_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

#define GOLDEN_TEXT_MAX	16384

/* Called for each line. */
typedef void (*golden_fn)(const uint8_t *p, size_t n, const char *text);

/* Checks that the file has so many lines, all of the form of these files. */
void golden_file(const char *path, int n_expected, golden_fn fn);

#endif
