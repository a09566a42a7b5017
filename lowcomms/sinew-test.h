/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: hooks for the tests of programs that use it, and of the library itself.
 * Not for use in production; conventions as in sinew.h.
 */
#ifndef SINEW_TEST_H
#define SINEW_TEST_H

#include "sinew.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The member test of struct sinew_options points to it; zero but for size to begin. Copied by
 * sinew_node_new(). */
struct sinew_test_options {
	size_t size;			/* sizeof(struct sinew_test_options); forgotten: -EINVAL */
	uint32_t first_seq;		/* first sequence number, 0: both sides must have the same
					 * (tests of its wrap) */
};

/* Resets every connection of a peer (all peers: nodeid 0) as a network fault would.
 * any thread; takes effect in the next loop iteration. -ENOENT: nodeid is unknown. -ENOMEM. */
int sinew_break(struct sinew_node *node, uint32_t nodeid);

#ifdef __cplusplus
}
#endif

#endif
