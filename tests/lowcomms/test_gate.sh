#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the measurement of what a message and a call cost in instructions, calls of the system,
# frames and allocations, which depend a little on how many a batch has: nothing else may run
# meanwhile. tests/bench_limits has the limit of each. Knows nothing of where they are spent.
#
#	tests/lowcomms/test_gate.sh	LIMITS=FILE for other limits
#
# The instructions of a message are the difference between a long and a short stream, so that
# starting and ending do not count. The kernel's part is not counted.
# The last line is `N passed, N failed`.
# run.sh: alone timeout=300 with=valgrind
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/lowcomms/gate_lib.sh

SHORT=100000
LONG=$((3 * SHORT))
STREAM=1000000
BALLS=40000
CALLS=40000
FEW_CALLS=5000
MANY_CALLS=25000

# two SIDE SIDE "COUNT [outer]" [PROGRAM...]: both sides of gate_stream, or gate_calls, under that
# program; their output in $dir.
two()
{
	local sides="$2 $1" count=$3 side port status=0 gate=gate_stream
	[ "$1" = call ] && gate=gate_calls
	shift 3
	port=$(free_port)
	pids=()
	for side in $sides; do
		timeout -k 5 300 "$@" "$BUILD/tests/$gate" "$side" "$port" $count \
			>"$dir/$side.out" 2>"$dir/$side.err" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	pids=()
	[ $status = 0 ] && return 0
	not_ok "$sides, $count of them: it did not end well"
	for side in $sides; do
		sed 's/^/     | /' "$dir/$side.out" "$dir/$side.err"
	done
	finish
}

streams()
{
	two send recv $STREAM
	limit stream_allocations $(($(of send allocations) + $(of recv allocations)))
	limit stream_writes $((($(of send writes) * 1000 + STREAM - 1) / (STREAM * 3 / 4)))
	limit stream_acks $((($(of recv acks) * 1000 + STREAM - 1) / (STREAM * 3 / 4)))
}

# All calls of both sides, for 1,000 of that many.
calls()
{
	local sum=0 side name
	for side in ping pong; do
		for name in writes reads waits others; do
			sum=$((sum + $(of $side $name)))
		done
	done
	echo $((sum * 1000 / $1))
}

balls()
{
	local n=$((BALLS * 3 / 4))
	two ping pong "$BALLS outer"
	limit pingpong_outer_calls "$(calls $n)"
	two ping pong $BALLS
	limit pingpong_allocations $(($(of ping allocations) + $(of pong allocations)))
	limit pingpong_extra_writes $(($(of ping writes) + $(of pong writes) - 2 * n))
	limit pingpong_calls "$(calls $n)"
}

called()
{
	local n=$((CALLS * 3 / 4))
	two call answer $CALLS "${one_cpu[@]}"
	limit calls_allocations $(($(of call allocations) + $(of answer allocations)))
	limit calls_writes $((($(of call writes) + $(of answer writes)) * 1000 / n))
	limit calls_bytes $((($(of call bytes) + $(of answer bytes)) / n))
}

instructions()
{
	local short_send short_recv
	two send recv $SHORT "${callgrind[@]}"
	short_send=$(collected "$dir/send.err") short_recv=$(collected "$dir/recv.err")
	two send recv $LONG "${callgrind[@]}"
	limit stream_send $((($(collected "$dir/send.err") - short_send) / (LONG - SHORT)))
	limit stream_receive $((($(collected "$dir/recv.err") - short_recv) / (LONG - SHORT)))
}

# Instructions of each side for a call.
call_instructions()
{
	local few_call few_answer n=$((MANY_CALLS - FEW_CALLS))
	two call answer $FEW_CALLS "${one_cpu[@]}" "${callgrind[@]}"
	few_call=$(collected "$dir/call.err") few_answer=$(collected "$dir/answer.err")
	two call answer $MANY_CALLS "${one_cpu[@]}" "${callgrind[@]}"
	limit calls_begin $((($(collected "$dir/call.err") - few_call) / n))
	limit calls_answer $((($(collected "$dir/answer.err") - few_answer) / n))
}

needs_programs stream calls
# Both sides on one: then a batch is as long as there are calls in flight.
one_cpu=(taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')")
streams
balls
called
needs_callgrind
instructions
call_instructions
finish
