/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Invariants of the core of a topology server and of a view between two calls of them, asserted
 * where they are built with SINEW_CHECK, as the tests are, and without NDEBUG. Products are built
 * without.
 */
#ifndef SINEW_SERVICES_TOPO_CHECK_H
#define SINEW_SERVICES_TOPO_CHECK_H

struct topo_subs;
struct topo_view;

#if defined SINEW_CHECK && !defined NDEBUG
void topo_check(const struct topo_subs *subs);
void topo_check_view(const struct topo_view *v);
#else
#define topo_check(subs)	((void)(subs))
#define topo_check_view(v)	((void)(v))
#endif

#endif
