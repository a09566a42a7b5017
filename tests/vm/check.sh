#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns `make check-kernel`: fetches the kernels, runs with each of them, two at a time, all
# scenarios over TCP and over SCTP, the scripts over its AF_RXRPC and over its TIPC, our streams
# over its SCTP, then what needs both, and adds up. Knows no single scenario.
#
#	tests/vm/check.sh [SCENARIO...]
#
# NEWEST=1          with the newest kernel of Debian's backports alone
# RECORD=1          only records AF_RXRPC and TIPC anew (tests/vm/rxrpc.sh, tests/vm/tipc.sh)
# SKIPS=forbidden   where it cannot run that is a failure
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/../.." || exit 2

BUILD=${BUILD:-build}
kernels='6.12 6.1'	# 6.12 takes longer
[ -z "${NEWEST:-}" ] || kernels=newest
export LAB_KERNELS=${LAB_KERNELS:-$PWD/build/kernels}
passed=0 failed=0
names=()	# of what is to be counted
parts=()
lanes=()	# processes
T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT
trap 'kill "${lanes[@]}" 2>/dev/null; wait; exit 130' INT TERM

# part NAME COMMAND...: in a lane; its output and its end are in files, until it is counted.
part()
{
	local name=$1 began=$SECONDS
	shift
	echo "# $name: begun"
	"$@" >"$T/$name" 2>&1 &
	trap "kill $!; exit 130" TERM
	wait $!
	echo "$? $((SECONDS - began))" >"$T/$name.end"
	echo "# $name: over after $((SECONDS - began)) s"
}

# count NAME: its results, and its time for the end.
count()
{
	local name=$1 status took good bad
	read -r status took 2>/dev/null <"$T/$name.end" || status=unknown took=0
	echo "== $name =="
	cat "$T/$name"
	good=$(grep -c '^ok - ' "$T/$name")
	bad=$(grep -c '^not ok - ' "$T/$name")
	if [ "${SKIPS:-allowed}" = forbidden ] && grep -q '# SKIP' "$T/$name"; then
		good=$((good - 1)) bad=$((bad + 1))
	elif [ "$status" != 0 ] && [ "$status" != 77 ] && [ "$bad" = 0 ]; then
		echo "not ok - $name: ended with status $status"
		bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad))
	parts+=("$(printf '%-12s %4d s  %d passed, %d failed' "$name" "$took" "$good" "$bad")")
}

# The parts that lanes run: scenarios over both transports, and the rest.
over_tcp() { part "$1" timeout 900 tests/vm/scenarios.sh "$@"; }
over_sctp() { part "over_sctp_$1" timeout 900 env LAB_TRANSPORT=sctp tests/vm/scenarios.sh "$@"; }
rxrpc() { part "rxrpc_$1" timeout 400 tests/vm/rxrpc.sh "$1"; }
tipc() { part "tipc_$1" timeout 400 tests/vm/tipc.sh "$1"; }
sctp() { part "sctp_$1" timeout 500 tests/vm/sctp.sh "$1"; }

# lane COMMAND...: beside the other lanes.
lane()
{
	"$@" &
	lanes+=($!)
}

# The next line of work, for one lane alone; none: an empty one.
next()
{
	(
		flock 9
		head -n 1 "$T/work"
		sed -i 1d "$T/work"
	) 9>"$T/work.lock"
}

work()
{
	local line
	while line=$(next) && [ -n "$line" ]; do
		$line
	done
}

# plan KIND PREFIX [SCENARIO...]: with each kernel.
plan()
{
	local kind=$1 prefix=$2 kernel
	shift 2
	for kernel in $kernels; do
		names+=("$prefix$kernel")
		echo "$kind $kernel $*"
	done >>"$T/work"
}

lane part kernels timeout 600 tests/vm/kernels.sh "$LAB_KERNELS"
wait
count kernels
# The longest first, so that the lanes end together.
if [ -z "${RECORD:-}" ]; then
	plan over_sctp over_sctp_ "$@"
	plan over_tcp '' "$@"
	[ $# != 0 ] || plan sctp sctp_
fi
if [ -z "${NEWEST:-}" ] && [ $# = 0 ]; then
	plan rxrpc rxrpc_
	plan tipc tipc_
fi
# A guest has one processor, and `.ci/run` has two.
lane work
lane work
wait
if [ -z "${NEWEST:-}${RECORD:-}" ] && [ $# = 0 ]; then
	names+=(mixed)
	lane part mixed timeout 400 tests/vm/mixed.sh
	wait
fi
for name in "${names[@]}"; do
	count "$name"
done
echo
printf '%s\n' "${parts[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
