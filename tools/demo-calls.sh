#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the demonstration of calls: three processes on loopback call each other and call back, with
# requests and replies from nothing to 1 MiB, while their connections are destroyed and one of them
# is killed and comes back. Knows nothing of sinew but its command line; "sinew torture" judges.
#
#	BUILD=build SECONDS_LONG=10 OUTSIDE=no (as without root)
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build}
SECONDS_LONG=${SECONDS_LONG:-10}
KILLS_A_SECOND=50
export LC_ALL=C

breaker=()
[ "${OUTSIDE:-yes}" = yes ] || breaker=(--breaker self)

cat <<END
Three nodes, a process each, call each other for $SECONDS_LONG s: up to 32 calls are open from
each to each, and one in three calls for another call, mostly back to its caller. Requests and
replies have 0 bytes to 1 MiB. $KILLS_A_SECOND of their connections are destroyed each second, and
in the middle SIGKILL ends one node, which starts again. Both ends record the fate of each call;
the table shows whether they agree.
END
table=$(mktemp "${TMPDIR:-/tmp}/sinew-demo.XXXXXX") || exit 2
trap 'rm -f "$table"' EXIT
timeout -k 5 $((SECONDS_LONG + 80)) "$BUILD/sinew" torture --calls --processes --nodes 3 --slow 0 \
	--seconds "$SECONDS_LONG" --kill-every $((1000 / KILLS_A_SECOND)) \
	--restart-every $((SECONDS_LONG * 6 / 10)).$((SECONDS_LONG * 6 % 10)) \
	"${breaker[@]}" | tee "$table"
status=${PIPESTATUS[0]}
if [ "$status" = 0 ] && ! grep -q ' 1 restarts in ' "$table"; then
	echo "UNDECIDED: no call went wrong, but no node was killed."
	exit 1
fi
exit "$status"
