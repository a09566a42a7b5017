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
. tests/vm/recording.sh
LAB_PROGRAMS="$LAB_BIN/tipc_player ip tipc"
lab_enter "$@"

# must COMMAND...: with status 0.
must()
{
	local said
	said=$(in_guest 1 "{ $*; } 2>&1 && echo 'it is done'")
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

recording tipc "$1" two_nodes 'Events of a topology server of TIPC' test_topo_tipc
