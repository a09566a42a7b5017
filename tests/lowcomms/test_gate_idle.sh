#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the measurement of what no other program on the machine can change: memory and wakeups of
# idle peers, and instructions of a message by the length of the queue. tests/bench_limits has the
# limit of each. Knows nothing of where they are spent.
#
#	tests/lowcomms/test_gate_idle.sh	LIMITS=FILE for other limits
#
# The last line is `N passed, N failed`.
# run.sh: waits timeout=300 with=valgrind
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/lowcomms/gate_lib.sh

PEERS=64
# Messages of a short and of a long run: their difference counts.
FEW=20000
MANY=$((3 * FEW))

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

# at_depth DEPTH: a hundredth of an instruction for a message with so many queued.
at_depth()
{
	local n before=0
	for n in $FEW $MANY; do
		"${callgrind[@]}" "$BUILD/tests/gate_depth" "$1" $n >"$dir/depth.out" \
			2>"$dir/depth.err" || return
		n=$(collected "$dir/depth.err")
		[ $before = 0 ] && before=$n
	done
	echo $(((n - before) * 100 / (MANY - FEW)))
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

needs_programs idle depth
idle
needs_callgrind
depths
finish
