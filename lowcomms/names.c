/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public names of states, reasons and errors, and the version. Knows
 * nothing of how they come about.
 */
#include <errno.h>
#include <stddef.h>

#include "lowcomms/sinew.h"
#include "proto/fsm.h"
#include "proto/mark.h"
#include "proto/peer.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* States, reasons and levels of the core are handed out as they are. */
_Static_assert((int)SINEW_CLOSED == FSM_CLOSED, "states");
_Static_assert((int)SINEW_ESTABLISHED == FSM_ESTABLISHED, "states");
_Static_assert((int)SINEW_FIN_WAIT1 == FSM_FIN_WAIT1, "states");
_Static_assert((int)SINEW_FIN_WAIT2 == FSM_FIN_WAIT2, "states");
_Static_assert((int)SINEW_CLOSING == FSM_CLOSING, "states");
_Static_assert((int)SINEW_CLOSE_WAIT == FSM_CLOSE_WAIT, "states");
_Static_assert((int)SINEW_LAST_ACK == FSM_LAST_ACK, "states");
_Static_assert((int)SINEW_PATH_UNKNOWN == PATH_UNKNOWN, "path states");
_Static_assert((int)SINEW_PATH_ALIVE == PATH_ALIVE, "path states");
_Static_assert((int)SINEW_PATH_DEAD == PATH_DEAD, "path states");
_Static_assert((int)SINEW_FENCE_STALLED == FENCE_STALLED, "fence reasons");
_Static_assert((int)SINEW_FENCE_PROTOCOL == FENCE_PROTOCOL, "fence reasons");
_Static_assert((int)SINEW_FENCE_LOST == FENCE_LOST, "fence reasons");
_Static_assert((int)SINEW_ERROR == NOTE_ERROR, "levels");
_Static_assert((int)SINEW_WARNING == NOTE_WARNING, "levels");
_Static_assert((int)SINEW_INFO == NOTE_INFO, "levels");
_Static_assert((int)SINEW_DEBUG == NOTE_DEBUG, "levels");

const char *sinew_version(void)
{
	return TEXT(SINEW_VERSION_MAJOR) "." TEXT(SINEW_VERSION_MINOR) "."
		TEXT(SINEW_VERSION_PATCH);
}

const char *sinew_state_name(enum sinew_state state)
{
	return (unsigned)state < FSM_STATES ? fsm_state_name((enum fsm_state)state) : "unknown";
}

const char *sinew_down_name(enum sinew_down reason)
{
	switch (reason) {
	case SINEW_DOWN_CLOSED:		return "closed";
	case SINEW_DOWN_LEFT:		return "left";
	case SINEW_DOWN_FAILED:		return "failed";
	case SINEW_DOWN_SUPERSEDED:	return "superseded";
	case SINEW_DOWN_SELF_LOST:	return "self lost";
	case SINEW_DOWN_LINGER:		return "linger time over";
	case SINEW_DOWN_ABORTED:	return "aborted";
	case SINEW_DOWN_REMOVED:	return "removed";
	}
	return "unknown";
}

const char *sinew_path_state_name(enum sinew_path_state state)
{
	switch (state) {
	case SINEW_PATH_UNKNOWN:	return "unknown";
	case SINEW_PATH_ALIVE:		return "alive";
	case SINEW_PATH_DEAD:		return "dead";
	}
	return "unknown";
}

const char *sinew_fence_reason_name(enum sinew_fence_reason reason)
{
	switch (reason) {
	case SINEW_FENCE_STALLED:	return "stalled";
	case SINEW_FENCE_PROTOCOL:	return "protocol";
	case SINEW_FENCE_FAILED:	return "failed";
	case SINEW_FENCE_LOST:		return "lost";
	}
	return "unknown";
}

const char *sinew_level_name(enum sinew_level level)
{
	switch (level) {
	case SINEW_ERROR:	return "error";
	case SINEW_WARNING:	return "warning";
	case SINEW_INFO:	return "info";
	case SINEW_DEBUG:	return "debug";
	}
	return "unknown";
}

#define NAME(e) { e, #e }
static const struct {
	int err;
	const char *name;
} errors[] = {
	NAME(EINVAL), NAME(ENOMEM), NAME(EAGAIN), NAME(EMSGSIZE), NAME(ESHUTDOWN),
	NAME(ESTALE), NAME(ECHILD), NAME(EBUSY), NAME(EALREADY), NAME(EEXIST), NAME(ENOENT),
	NAME(ENOSPC), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL), NAME(EPROTONOSUPPORT),
	NAME(EPROTO), NAME(EBADMSG), NAME(EHOSTUNREACH), NAME(ENETUNREACH), NAME(ECANCELED),
	NAME(ECONNRESET), NAME(ECONNREFUSED), NAME(ECONNABORTED), NAME(ETIMEDOUT), NAME(EPIPE),
	NAME(EMFILE), NAME(ENFILE), NAME(EACCES), NAME(EPERM), NAME(EINTR), NAME(EIO),
	NAME(ENOBUFS), NAME(EAFNOSUPPORT), NAME(ENOTCONN), NAME(EHOSTDOWN), NAME(ENETDOWN),
	NAME(ENOPROTOOPT), NAME(EOPNOTSUPP), NAME(ENOSYS), NAME(ENODEV), NAME(EFBIG),
	NAME(EISDIR), NAME(ENOTDIR), NAME(ELOOP), NAME(ENAMETOOLONG), NAME(EDEADLK),
	NAME(EROFS), NAME(E2BIG),
};

const char *sinew_error_name(int err)
{
	if (err == 0)
		return "0";
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].err == err || errors[i].err == -err)
			return errors[i].name;
	return "unknown";
}
