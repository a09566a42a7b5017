/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking up host names without waiting for the name service, which may take minutes: threads
 * of their own ask it, all names at once, and store the answers in a reference counted box.
 * Knows nothing of nodes or files.
 *
 * The threads are detached, have all signals blocked, and work on copies. No caller ever
 * waits for them to end: it drops the box after its time, and later answers are discarded.
 */
#ifndef MEMBERSHIP_NAMES_H
#define MEMBERSHIP_NAMES_H

#include <netdb.h>

#include "membership/host.h"

#define NAMES_HOST_MAX	256	/* bytes of a name, NUL included */
#define NAMES_MS	5000	/* all answers are to be there by then */
#define NAMES_THREADS	64	/* of this process, those that still hang included */

struct names;

struct names_answer {
	bool is_there;
	int error;		/* 0, or a code for gai_strerror() */
	int errnum;		/* what EAI_SYSTEM means */
	struct sockaddr_storage addr;	/* without error; port 0 */
};

/*
 * Begins to look up n names. To be released by names_drop(). -ENOMEM, -EMFILE, -ENFILE; -EAGAIN: no
 * thread can be started. With NAMES_THREADS of them at work already nothing is asked, and no
 * answer comes.
 */
int names_begin(const char (*hosts)[NAMES_HOST_MAX], unsigned n, enum host_family family,
		struct names **ret_names);
/* Readable when all answers are there; belongs to names. */
int names_fd(const struct names *names);
/* All answers are there. */
bool names_complete(struct names *names);
/* Of the name with that index. */
void names_answer(struct names *names, unsigned i, struct names_answer *ret_answer);
/* NULL is ignored. Waits for nothing. */
void names_drop(struct names *names);

#endif
