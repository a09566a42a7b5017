#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the recording of a real AF_RXRPC: plays the scripts of tests/lib/call_scripts.c over that of
# a kernel (tests/vm/rxrpc_player.c) and compares the marks with tests/golden/rxrpc-KERNEL.txt.
# Knows nothing of calls; tests/services/test_call_rxrpc.c compares ours with the recording.
#
#	tests/vm/rxrpc.sh 6.1
#	RECORD=1 tests/vm/rxrpc.sh 6.1		# records them anew: each difference is to be read
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/vm/lab.sh
. tests/vm/recording.sh
LAB_PROGRAMS=$LAB_BIN/rxrpc_player
lab_enter "$@"

# Without the first two, rxrpc says that it cannot initialise its security.
load_it()
{
	local name
	for name in fcrypt pcbc rxrpc; do
		guest 1 sh modprobe "$name"
	done
}

recording rxrpc "$1" load_it 'Both sides of calls over AF_RXRPC' test_call_rxrpc
