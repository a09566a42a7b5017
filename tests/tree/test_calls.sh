#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the check that no call is forgotten by test_failures: each function outside of the project
# that lowcomms/, services/ and membership/ call fails there, or has a reason here why it does not.
# Knows nothing of what the calls do.
# run.sh: with=nm
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 2
. tests/tree/verdict.sh

OBJ=${BUILD:-build}/obj
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

# NAME  REASON; names may hold patterns of the shell.
cat >"$dir/exempt" <<'END'
mem*                        works on memory alone
bcmp                        works on memory alone
*explicit_bzero*            works on memory alone
__mem*_chk                  the same, checked by the compiler's wish
str[clns]*                  works on memory alone
strtoul                     works on memory alone
strerror                    gives a text for every number
gai_strerror                gives a text for every number
*snprintf                   writes to memory; what does not fit is cut
*snprintf_chk               the same, checked by the compiler's wish
__isoc*_sscanf              reads from memory; too little is looked for by its callers
inet_pton                   fails for a wrong text only, which test_config has
inet_ntop                   has room for every address
free                        gives back
freeaddrinfo                gives back
clock_gettime               fails only for a clock that does not exist
timerfd_settime             fails only for wrong arguments: it takes nothing new
pthread_self                cannot fail
pthread_mutex_lock          fails only for a lock that is wrong or ours already
pthread_mutex_unlock        fails only for a lock that is not ours
pthread_mutex_destroy       fails only for a lock in use
pthread_cond_*              fails only for what is no condition; memory is not taken
pthread_condattr_*          works on memory alone; the clock is one that exists
pthread_attr_*              works on memory alone; the stack's size is a constant that is allowed
pthread_detach              fails only for a thread that is none
pthread_join                fails only for a thread that is none
pthread_setcancelstate      fails only for wrong arguments
pthread_sigmask             fails only for wrong arguments
sigfillset                  works on memory alone
sched_yield                 cannot fail
sysconf                     tells the size of a page
syscall                     the futex of lowcomms/lock.c: who wakes for nothing sleeps again
getpid                      cannot fail
getegid                     cannot fail
geteuid                     cannot fail
socketpair                  its error is that of sinew_topo_open(): test_server_socket
qsort                       works on memory alone, for so few
usrsctp_*                   of libusrsctp: works on memory of its own, and every error is looked at
access                      asks whether the kernel's SCTP is loaded: a failure says that it is not
recvmmsg                    packets: what is lost is sent again
recvfrom                    packets: the same
getauxval                   cannot fail
sendto                      packets: the same
recvmsg                     the queue of errors: nothing relies on them
poll                        what it did not find it finds the next time; it never spins
open_memstream              without memory the nodelist stays as it was, which is told
*fprintf_chk                the same: fclose() says it
fprintf                     the same: fclose() says it
fclose                      of such a stream: its error is taken for out of memory
cpg_*                       of corosync: a failure is the loss of it, and all begins anew
quorum_*                    the same
cmap_*                      the same
__cmsg_nxthdr               looks at memory alone
recvmsg                     of SCTP, which no test machine's kernel has: tests/vm/sctp.sh
sctp_*                      of libsctp: the same
cs_strerror                 gives a text for every number
__errno_location            where errno lives
getgrnam_r                  what it lacks, and what it does not know, is told
getpwnam_r                  the same
__tls_get_addr              where data of a thread live
json_*                      of json-c: a lack of memory spoils the text, which is told
cmap_*                      of corosync: fails when that has gone, see membership/ipc.c
cpg_*                       of corosync: the same
quorum_*                    of corosync: the same
cs_strerror                 gives a text for every number
getpid                      cannot fail
qsort                       works on memory alone
poll                        the thread that follows corosync looks at its lists in any case
fprintf                     writes to the stream of memory, whose end tells all lacks
__fprintf_chk               the same, checked by the compiler's wish
fputc                       the same
fwrite                      the same
open_memstream              a lack is told as that of memory; corosync is asked again later
fclose                      the same
pthread_attr_*              fails only for wrong arguments
pthread_condattr_*          fails only for wrong arguments
pthread_mutexattr_*         fails only for wrong arguments
pthread_cond_*              fails only for what is wrong or in use
pthread_detach              fails only for a thread that is none
__stack_chk_fail            of the compiler
__assert_fail               the end of a program that is wrong
_GLOBAL_OFFSET_TABLE_       of the linker
__asan_*                    of the sanitizer
__ubsan_*                   of the sanitizer
__tsan_*                    of the sanitizer
__sanitizer_*               of the sanitizer
__sancov_*                  of the sanitizer
END

wrapped() { sed -n 's/^CALL(\([a-z0-9_]*\),.*/\1/p' tests/lib/failures.def; }

# Whether a name has a reason; says nothing.
is_exempt()
{
	local pattern
	while read -r pattern _; do
		# shellcheck disable=SC2053
		[[ $1 == $pattern ]] && return 0
	done <"$dir/exempt"
	return 1
}

nm -g --defined-only "$OBJ"/{proto,lowcomms,services,membership}/*.o |
	awk 'NF == 3 { print $3 }' | sort -u >"$dir/own"
nm -u "$OBJ"/{lowcomms,services,membership}/*.o | awk 'NF == 2 { print $2 }' | sort -u |
	comm -23 - "$dir/own" >"$dir/called"
wrapped | sort -u >"$dir/wrapped"

grep -cE '^(socket|malloc|epoll_wait)$' "$dir/called" | grep -v '^3$' |
	verdict the_objects_are_looked_at
comm -23 "$dir/called" "$dir/wrapped" | while read -r name; do
	is_exempt "$name" || echo "$name"
done | verdict every_call_fails_or_has_a_reason
comm -13 "$dir/called" "$dir/wrapped" | verdict every_call_that_fails_is_made
while read -r name; do
	is_exempt "$name" && echo "$name"
done <"$dir/wrapped" | verdict no_call_is_both
grep -vE '^[^ ]+  +[^ ]' "$dir/exempt" | verdict every_reason_is_given

exit $failed
