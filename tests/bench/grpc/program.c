/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program of gRPC: its contestant.
 */
#include "tests/bench/work/work.h"

extern const struct contestant contestant_grpc; /* in C++ */

const struct program program = { .contestants = { &contestant_grpc } };
