/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The slow paths of the user's calls that have a fast one in plain_user.c.
 */
#ifndef SINEW_SERVICES_CALL_USER_H
#define SINEW_SERVICES_CALL_USER_H

#include "services/call.h"

/* sinew_call_send() */
ssize_t send_any(struct sinew_call *k, const struct iovec *iov, int n, unsigned flags);
/* sinew_call_end(), under the lock of the lane. NULL, or a reference to the session that is the
 * caller's. */
struct sinew_session *end_any(struct sinew_call *k);

#endif
