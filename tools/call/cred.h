/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Credentials of the command: names, and their secrets, in a file. The secret never leaves: the
 * caller proves that it has that of a name, for one session alone, and seals its data by it.
 * Knows nothing of what is called.
 */
#ifndef TOOLS_CALL_CRED_H
#define TOOLS_CALL_CRED_H

#include <stdint.h>

#include "services/sinew-call.h"

#define CRED_NAME_MAX	64u	/* bytes: letters, digits, . _ - @ */
#define CRED_SECRET_MIN	16u	/* bytes, all but white space */
#define CRED_SECRET_MAX	256u
#define CRED_FILE_MAX	(256u * 1024)

struct creds;
struct json_object;

/* A name of the file, in whose name calls are. */
struct principal;

/* Reads the file, which has to have that name, NULL: any. A status, after it said what is wrong.
 * creds_free(), behind sinew_calls_free() and sinew_node_free(). */
int creds_open(const char *file, const char *name, struct creds **ret_creds);
void creds_free(struct creds *creds);

/* That of the name, for calls in that session. 0 or an error of sinew_cred_new(). */
int creds_show(const struct creds *creds, const char *name, struct sinew_node *node,
	       struct sinew_calls *calls, struct sinew_session *session,
	       struct sinew_cred **ret_cred);
/* Verifies those of callers. 0 or an error of sinew_calls_verify(). */
int creds_verify(struct creds *creds, struct sinew_node *node, struct sinew_calls *calls);

/* A call has begun: whose it is; NULL: nobody's. */
struct principal *creds_count(const struct sinew_call *call);
const char *creds_name(const struct principal *p);
/* The members "principals" and "creds_refused". */
void creds_document(const struct creds *creds, struct json_object *document);

#endif
