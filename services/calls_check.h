/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Invariants of the calls of a session between two calls of its core, asserted where it is built
 * with SINEW_CHECK, as the tests are, and without NDEBUG. Products are built without.
 */
#ifndef SINEW_SERVICES_CALLS_CHECK_H
#define SINEW_SERVICES_CALLS_CHECK_H

struct calls;

#if defined SINEW_CHECK && !defined NDEBUG
void calls_check(struct calls *c);
#else
#define calls_check(c)	((void)(c))
#endif

#endif
