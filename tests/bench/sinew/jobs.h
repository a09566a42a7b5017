/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of the program of sinew: contestants, and a job for each measure.
 */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include "tests/bench/work/work.h"

extern const struct contestant contestant_sinew;
extern const struct contestant contestant_sinew_sctp;
extern const struct contestant contestant_calls;

int job_mesh(const struct settings *s);
int job_crowd(const struct settings *s);
int job_beside(const struct settings *s);
int job_many(const struct settings *s);
int job_memory(const struct settings *s);
int job_load(const struct settings *s);
int job_resets(const struct settings *s);
int job_greeter(const struct settings *s);
int job_dials(const struct settings *s);
int job_resend(const struct settings *s);
int job_resend_receive(const struct settings *s);
int job_threads(const struct settings *s);
int job_depth(const struct settings *s);
int job_callee(const struct settings *s);
int job_bulk(const struct settings *s);
int job_bulk_beside(const struct settings *s);
int job_idle_calls(const struct settings *s);
int job_flight_resets(const struct settings *s);
int job_topo_publish(const struct settings *s);
int job_topo_stopped(const struct settings *s);
int job_topo_event(const struct settings *s);
int job_topo_exchange(const struct settings *s);
int job_topo_member(const struct settings *s);
int job_topo_memory(const struct settings *s);
int job_topo_idle(const struct settings *s);
int job_topo_mesh(const struct settings *s);
int job_topo_beside(const struct settings *s);
int job_topo_status(const struct settings *s);
int job_topo_asked(const struct settings *s);

#endif
