#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the measurement of what does not depend on the machine's speed: instructions, calls of
# the system, frames, allocations, memory. tests/bench_limits has the limit of each. Knows
# nothing of where they are spent.
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

BUILD=${BUILD:-build}
LIMITS=${LIMITS:-tests/bench_limits}
SHORT=100000
LONG=$((3 * SHORT))
STREAM=1000000
BALLS=40000
CALLS=40000
FEW_CALLS=5000
MANY_CALLS=25000
PEERS=64
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

# limit NAME VALUE: beside its limit.
limit()
{
	local most text
	read -r most text < <(sed -n "s/^$1[[:space:]]\{1,\}\([0-9]*\)[[:space:]]*/\1 /p" "$LIMITS")
	if [ -z "${most:-}" ] || [ -z "$2" ]; then
		not_ok "gate: $1: no value ($2) or no limit (${most:-}) in $LIMITS"
	elif [ "$2" -le "$most" ]; then
		ok "gate: $1 $2, limit $most: $text"
	else
		not_ok "gate: $1 $2, limit $most: $text"
	fi
}

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

# of SIDE NAME: what that side has counted.
of() { sed -n "s/.*\<$2=\([0-9]*\).*/\1/p" "$dir/$1.out"; }
# Instructions that callgrind saw.
collected() { sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$1"; }

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

idle()
{
	local port most
	port=$(free_port)
	most=$(sed -n 's/^idle_peer_after[[:space:]]*\([0-9]*\).*/\1/p' "$LIMITS")
	"$BUILD/tests/gate_idle" peers "$port" $PEERS >"$dir/peers.out" 2>&1 &
	pids=($!)
	timeout -k 5 120 "$BUILD/tests/gate_idle" hub "$port" $PEERS "$most" \
		>"$dir/hub.out" 2>"$dir/hub.err" || not_ok "gate: idle peers: $(cat "$dir/hub.err")"
	end_all
	limit idle_peer_before "$(of hub before)"
	limit idle_peer_after "$(of hub after)"
	limit idle_turns "$(of hub turns)"
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

# at_depth DEPTH: a hundredth of an instruction for a message with so many queued.
at_depth()
{
	local n before=0
	for n in $((SHORT / 5)) $((LONG / 5)); do
		"${callgrind[@]}" "$BUILD/tests/gate_depth" "$1" $n >"$dir/depth.out" \
			2>"$dir/depth.err" || return
		n=$(collected "$dir/depth.err")
		[ $before = 0 ] && before=$n
	done
	echo $(((n - before) * 500 / (LONG - SHORT)))
}

depths()
{
	local depth n least=0 most=0
	for depth in 100 10000 1000000; do
		n=$(at_depth $depth)
		echo "# at $depth queued: ${n:-?} hundredths of an instruction"
		[ $least = 0 ] || [ "${n:-0}" -lt $least ] && least=${n:-0}
		[ "${n:-0}" -gt $most ] && most=$n
	done
	[ "$least" -gt 0 ] || not_ok "gate: depth: $(tail -n 1 "$dir/depth.err")"
	limit depth_percent $(((most - least) * 100 / (least ? least : 1) + 1))
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

for program in stream idle depth calls; do
	[ -x "$BUILD/tests/gate_$program" ] && continue
	not_ok "gate: $BUILD/tests/gate_$program is not built: run \`make tests\`"
	finish
done
# Both sides on one: then a batch is as long as there are calls in flight.
one_cpu=(taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')")
streams
balls
called
idle
if ! command -v valgrind >/dev/null; then
	echo 'ok - gate: instructions a message # SKIP valgrind is not installed'
	[ "${SKIPS:-allowed}" = forbidden ] && failed=$((failed + 1))
	finish
fi
callgrind=(valgrind --tool=callgrind "--callgrind-out-file=$dir/%p.callgrind")
instructions
call_instructions
depths
finish
