/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service of a session, to begin calls with: what the application has of it.
 */
#ifndef SINEW_SERVICES_BEGIN_H
#define SINEW_SERVICES_BEGIN_H

#include <stdint.h>

#include "services/sinew-call.h"

struct lane;
struct sinew_cred;
struct sinew_session;

struct sinew_binding {
	struct lane *lane;
	struct sinew_session *session;	/* referenced */
	struct sinew_cred *cred;	/* referenced; NULL: none */
	struct sinew_binding *others;	/* the same with credentials of single calls; under the
					 * lock of the lane */
	uint16_t number, service;
};

/* The slow path of sinew_call_begin(). */
int begin_any(struct sinew_binding *b, uint32_t op, const struct sinew_call_options *opt,
	      const struct iovec *iov, int n, unsigned flags, void *user,
	      struct sinew_call **ret_call);

#endif
