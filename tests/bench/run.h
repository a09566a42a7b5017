/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the steps of the plan that are wanted. Knows nothing of what comes out.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "tests/bench/bench.h"

/* Folder of the programs, such as "build". */
void run_all(struct bench *b, const char *build);

#endif
