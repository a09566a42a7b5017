#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns `make demo-kernel`: a Linux kernel in a virtual machine and a member of ours share a
# lockspace; a lock is granted across, their connections are reset, and both leave in order.
#
#	tests/vm/demo.sh [6.1|6.12]
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/vm/lab.sh
. tests/vm/steps.sh
lab_enter "$@"
KERNEL=${1:-6.12}

# step TEXT: what has happened, unless it did not.
step()
{
	if [ -n "$why" ]; then
		echo "not ok: $1: $why"
		exit 1
	fi
	echo "$1"
}

why=
boot 1 "$KERNEL"
step "Linux $(cat "$LAB_KERNELS/$KERNEL/release") is up in a virtual machine: node 5, $LAB_NET.1"
kernel_knows 2
step "a member of ours is up beside it: node 2, $LAB_NET.2"
join_both demo d0 2 kernel
step "both have joined lockspace demo"
scene
kernel_lock kernel demo resource EX
step "the kernel has resource in mode EX"
member_lock 2 demo resource EX
await 1 'bast kernel'
step "we ask for it, and the kernel hears that it is in our way"
tell 2 kill 5
guest 1 kill "$LAB_NET.2"
step "all connections between the two are reset, from both sides"
guest 1 unlock kernel
granted 2 "$id"
step "the kernel unlocks it, and the lock is granted to us: nothing was lost"
member_unlock 2 "$id"
member_leaves demo 2
step "we have left, FIN by FIN"
leave_kernel_alone demo
step "the kernel has left in $(last 1 'released demo' | sed 's/.*ms=//') ms"
members_end
consoles_are_clean
step "nothing is left, and the kernel has no complaint"
