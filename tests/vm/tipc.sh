#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the recording of a real TIPC: plays the scripts of tests/lib/topo_scripts.c over that of a
# kernel (tests/vm/tipc_player.c), whose two network namespaces are two nodes of TIPC, and compares
# the events with tests/golden/tipc-KERNEL.txt. Knows nothing of our topology;
# tests/services/test_topo_tipc.c compares ours with the recording.
#
#	tests/vm/tipc.sh 6.1
#	RECORD=1 tests/vm/tipc.sh 6.1		# records them anew: each difference is to be read
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/vm/lab.sh
LAB_PROGRAMS="$LAB_BIN/tipc_player ip tipc"
lab_enter "$@"
KERNEL=$1
GOLDEN=$PWD/tests/golden/tipc-$KERNEL.txt

# The lines of the guest's last command.
output_since() { tail -n "+$(($1 + 1))" "${output[1]}" | tr -d '\r' | sed -n 's/^| //p'; }

# in_guest COMMAND...: what it prints.
in_guest()
{
	local before
	before=$(lines 1)
	guest 1 sh "$@" && output_since "$before"
}

# must COMMAND...: with status 0.
must()
{
	local said
	said=$(in_guest "{ $*; } 2>&1 && echo 'it is done'")
	[[ $said = *'it is done' ]] || bad "in the guest: $*: $said"
}

# node ADDRESS CARD [COMMAND...]: that node of TIPC, where the command leads.
node()
{
	must "${@:3}" ip link set "$2" up
	must "${@:3}" tipc node set address "$1"
	must "${@:3}" tipc bearer enable media eth device "$2"
}

# busybox prefers its own ip to that of the path.
two_nodes()
{
	must modprobe tipc
	must modprobe veth
	must /bin/ip netns add far
	must /bin/ip link add near0 type veth peer name far0 netns far
	node 1.1.1 near0
	node 1.1.2 far0 /bin/ip netns exec far
}

play_all()
{
	local number n said
	n=$(in_guest tipc_player)
	for ((number = 0; number < n; number++)); do
		said=$(in_guest tipc_player "$number")
		[[ $said = 'script '* ]] || bad "script $number has no end: $said"
		echo "$said"
	done >"$T/events"
}

record()
{
	{
		echo "# Events of a topology server of TIPC, as tests/vm/tipc.sh has recorded them:"
		echo "# $(in_guest cat /proc/version)"
		cat "$T/events"
	} >"$GOLDEN"
	echo "# $GOLDEN is recorded: look at its differences, and run test_topo_tipc"
}

as_recorded()
{
	boot 1 "$KERNEL" || return
	two_nodes
	play_all
	[ -z "$why" ] || return
	[ -z "${RECORD:-}" ] || record
	diff <(grep -v '^#' "$GOLDEN") "$T/events" >"$T/difference" ||
		bad "other events than in $GOLDEN: $(head -n 5 "$T/difference" | tr '\n' ' ')"
	consoles_are_clean
	power_off 1
}

why=
as_recorded
if [ -z "$why" ]; then
	echo "ok - tipc_$KERNEL"
else
	echo "not ok - tipc_$KERNEL: $(echo "$why" | tr '\n' ' ')"
	n_failed=1
fi
finish
