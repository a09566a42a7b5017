#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the limits of cost: instructions and allocations for a message of 64 bytes, sender
# and receiver together. Knows nothing of where they are spent.
#
# The cost of a message is the difference between a long and a short stream, so that
# starting and ending do not count. The kernel's part is not counted.
# The last line is `N passed, N failed`.
# run.sh: alone timeout=300 with=valgrind
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh

BUILD=${BUILD:-build}
LIMIT=250
SHORT=100000
LONG=$((3 * SHORT))
passed=0 failed=0
dir=$T

ok() { echo "ok - $*"; passed=$((passed + 1)); }
not_ok() { echo "not ok - $*"; failed=$((failed + 1)); }

finish()
{
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] && [ $passed != 0 ]
	exit
}

# stream COUNT [PROGRAM...]: both sides, under that program; their output in $dir.
stream()
{
	local count=$1 side port status=0
	shift
	port=$(free_port)
	pids=()
	for side in recv send; do
		timeout -k 5 300 "$@" "$BUILD/tests/gate_stream" $side "$port" "$count" \
			>"$dir/$side.out" 2>"$dir/$side.err" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	pids=()
	[ $status = 0 ] && return 0
	not_ok "stream of $count messages: it did not end well"
	sed 's/^/     | /' "$dir"/{send,recv}.{out,err}
	finish
}

# Instructions that callgrind saw on one side of the last stream.
collected() { sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$dir/$1.err"; }

if [ ! -x "$BUILD/tests/gate_stream" ]; then
	not_ok "gate: $BUILD/tests/gate_stream is not built: run \`make tests\`"
	finish
fi

stream $LONG
for side in send recv; do
	n=$(sed -n 's/.*allocations=\([0-9]*\)$/\1/p' "$dir/$side.out")
	if [ "$n" = 0 ]; then
		ok "gate: no allocation while $((LONG * 3 / 4)) messages pass ($side)"
	else
		not_ok "gate: $n allocations while $((LONG * 3 / 4)) messages pass ($side)"
	fi
done

if ! command -v valgrind >/dev/null; then
	echo 'ok - gate: instructions a message # SKIP valgrind is not installed'
	[ "${SKIPS:-allowed}" = forbidden ] && failed=$((failed + 1))
	finish
fi
callgrind=(valgrind --tool=callgrind "--callgrind-out-file=$dir/%p.callgrind")
stream $SHORT "${callgrind[@]}"
short_send=$(collected send) short_recv=$(collected recv)
stream $LONG "${callgrind[@]}"
send=$((($(collected send) - short_send) / (LONG - SHORT)))
recv=$((($(collected recv) - short_recv) / (LONG - SHORT)))
if [ $((send + recv)) -gt 0 ] && [ $((send + recv)) -le $LIMIT ]; then
	ok "gate: $send + $recv instructions to send and receive 64 bytes (limit $LIMIT)"
else
	not_ok "gate: $send + $recv instructions to send and receive 64 bytes: limit $LIMIT"
fi
finish
