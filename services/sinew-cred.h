/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: credentials of calls, a part of sinew-call.h, which includes it. Conventions, threads
 * and words as there.
 */
#ifndef SINEW_CRED_H
#define SINEW_CRED_H

#include "sinew.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_CRED_MAX		4096		/* bytes of a credential */
#define SINEW_CREDS_MAX		16		/* credentials of one side of a session at once */
#define SINEW_SEAL_MAX		128		/* bytes that the seal adds to a piece */

/* All calls of a node. */
struct sinew_calls;
/* A credential: it says for whom calls are begun. */
struct sinew_cred;

/*
 * The caller hands in a credential, of a kind that the applications agree upon; the library looks
 * nothing up. It goes to a peer once in a session, before the first call that has it; the peer's
 * application verifies it once and gives a principal, for which its handlers ask. Calls with
 * different credentials share the session. The library does not encrypt it: unless the link is
 * encrypted, everybody on the way can read and use it.
 *
 * Where both sides seal pieces, the data of requests and replies are sent sealed. The service, the
 * op and all lengths can be read, but no data are taken for those of another place or op.
 * Accepting, aborting and consuming are not sealed. Windows and lengths count plain bytes.
 */

/* The place of a piece. No two pieces of one credential have the same, in whatever session, but
 * for one that was sealed and did not leave: it is sealed again in the same place, perhaps with
 * other bytes. A good basis of a nonce, and to be authenticated along. */
struct sinew_piece {
	uint64_t caller, called;	/* incarnations of both nodes */
	uint64_t call;		/* of that caller to that called side; again after 2^32 of them */
	uint64_t index;		/* in its direction, from 0 on */
	uint32_t op;
	bool reply;		/* its direction */
	bool last;
};

/*
 * Functions of a credential, or of a principal; all may be NULL, seal and open only together.
 * seal and open run with a lock of the library held, that of the session's calls: they call
 * nothing of it, and all calls of that session wait for them. seal: any thread that sends, or the
 * loop; never two at a time in one session; open: the loop. Both may still run when
 * sinew_calls_free() returns, but not after release.
 */
struct sinew_cred_ops {
	size_t size;		/* sizeof(struct sinew_cred_ops) */
	size_t extra;		/* bytes that the seal adds to a piece, at most SINEW_SEAL_MAX;
				 * the same at both sides */
	/* len bytes, 0 is legal, become len + extra at sealed. Not 0: the call ends with
	 * SINEW_END_CREDENTIAL. */
	int (*seal)(const struct sinew_piece *piece, const void *plain, size_t len, void *sealed,
		    void *user);
	/* len bytes become len - extra at plain. Not 0: they are not what was sealed there, and the
	 * call ends with SINEW_END_CREDENTIAL at both sides. */
	int (*open)(const struct sinew_piece *piece, const void *sealed, size_t len, void *plain,
		    void *user);
	/* The last use of user is over: of the credential, which is wiped, or of the principal. Any
	 * thread, without a lock, perhaps after sinew_calls_free(). */
	void (*release)(void *user);
};

/*
 * A credential of len bytes, copied. ops NULL: none. any thread. *ret_cred belongs to the caller:
 * sinew_cred_put().
 * -EINVAL: more than SINEW_CRED_MAX bytes, ops without size, seal without open, extra without seal
 * or more than SINEW_SEAL_MAX. -ENOMEM, -ECHILD.
 */
int sinew_cred_new(struct sinew_calls *calls, uint16_t kind, const void *bytes, size_t len,
		   const struct sinew_cred_ops *ops, void *user, struct sinew_cred **ret_cred);
/* Gives it back; bindings and calls that have it keep it. Behind the last of them its bytes are
 * wiped; the copy in the queue of a session is when the peer has acknowledged it, or the session is
 * over. NULL is ignored. any thread. */
void sinew_cred_put(struct sinew_cred *cred);

/*
 * Verifies a credential of a peer: once in each session, before its first call is shown. 0:
 * *ret_principal, and *ret_ops if it is not to stay NULL, which are copied, with the principal as
 * user. ops->release(principal) is called when the peer drops the credential or the session
 * ends, and no call has it any more. Not 0: it is refused, and all calls with it, with
 * SINEW_END_CREDENTIAL, NOT_EXECUTED. The bytes are wiped when it returns; it may not keep the
 * pointer. loop; it may call everything but sinew_calls_free().
 */
typedef int (*sinew_verify_fn)(struct sinew_session *session, uint16_t kind, const void *bytes,
			       size_t len, void **ret_principal,
			       const struct sinew_cred_ops **ret_ops, void *user);

/* Credentials of that kind are verified by fn from now on, until sinew_calls_free(); those of a
 * kind without such a function are refused. Those that came before stay refused. any thread.
 * -EEXIST: the kind has one. -EINVAL, -ENOMEM, -ECHILD. */
int sinew_calls_verify(struct sinew_calls *calls, uint16_t kind, sinew_verify_fn fn, void *user);

#ifdef __cplusplus
}
#endif

#endif
