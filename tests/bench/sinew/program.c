/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program of sinew: its contestants, and the measures that it takes alone.
 */
#include "tests/bench/sinew/jobs.h"

static const struct job jobs[] = {
	{ "mesh", job_mesh },
	{ "crowd", job_crowd },
	{ "beside", job_beside },
	{ "many", job_many },
	{ "memory", job_memory },
	{ "load", job_load },
	{ "resets", job_resets },
	{ "greeter", job_greeter },
	{ "dials", job_dials },
	{ "resend", job_resend },
	{ "resend-receive", job_resend_receive },
	{ "threads", job_threads },
	{ "depth", job_depth },
	{ "callee", job_callee },
	{ "bulk", job_bulk },
	{ "bulk-beside", job_bulk_beside },
	{ "idle-calls", job_idle_calls },
	{ "flight-resets", job_flight_resets },
	{ "topo-publish", job_topo_publish },
	{ "topo-stopped", job_topo_stopped },
	{ "topo-event", job_topo_event },
	{ "topo-exchange", job_topo_exchange },
	{ "topo-member", job_topo_member },
	{ "topo-memory", job_topo_memory },
	{ "topo-idle", job_topo_idle },
	{ "topo-mesh", job_topo_mesh },
	{ "topo-beside", job_topo_beside },
	{ "topo-status", job_topo_status },
	{ "topo-asked", job_topo_asked },
	{ 0 },
};

const struct program program = {
	.contestants = { &contestant_sinew, &contestant_calls, &contestant_sinew_sctp },
	.jobs = jobs,
};
