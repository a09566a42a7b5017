/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that the network loses on a connection over SCTP, and that come again behind a timeout.
 */
#ifndef SINEW_TESTS_SIM_LATE_H
#define SINEW_TESTS_SIM_LATE_H

#include "sim.h"

void late_begin(void);
/* On a connection of the pair, or on the next one that opens. */
void late_run(const struct fault *f);
void late_opened(struct conn *c);
/* An error of the connection is on its way to that end. */
void late_broken(struct end *e);
/* None is lost any more; those that are will still come late. */
void late_heal(void);
/* When all that is late has arrived: on c, between two nodes. */
uint64_t late_until(const struct conn *c);
uint64_t late_between(unsigned a, unsigned b);

#endif
