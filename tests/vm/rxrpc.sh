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
LAB_PROGRAMS=$LAB_BIN/rxrpc_player
lab_enter "$@"
KERNEL=$1
GOLDEN=$PWD/tests/golden/rxrpc-$KERNEL.txt

# The lines of the guest's last command.
output_since() { tail -n "+$(($1 + 1))" "${output[1]}" | tr -d '\r' | sed -n 's/^| //p'; }

# in_guest COMMAND...: what it prints.
in_guest()
{
	local before
	before=$(lines 1)
	guest 1 sh "$@" && output_since "$before"
}

# Without the first two, rxrpc says that it cannot initialise its security.
load_it()
{
	local name
	for name in fcrypt pcbc rxrpc; do
		guest 1 sh modprobe "$name"
	done
}

play_all()
{
	local number n
	n=$(in_guest rxrpc_player)
	for ((number = 0; number < n; number++)); do
		in_guest rxrpc_player "$number" || return
	done
}

record()
{
	{
		echo "# Both sides of calls over AF_RXRPC, as tests/vm/rxrpc.sh has recorded them:"
		echo "# $(in_guest cat /proc/version)"
		cat "$T/marks"
	} >"$GOLDEN"
	echo "# $GOLDEN is recorded: look at its differences, and run test_call_rxrpc"
}

as_recorded()
{
	boot 1 "$KERNEL" || return
	load_it
	play_all >"$T/marks"
	[ -z "$why" ] || return
	[ -z "${RECORD:-}" ] || record
	diff <(grep -v '^#' "$GOLDEN") "$T/marks" >"$T/difference" ||
		bad "other marks than in $GOLDEN: $(head -n 5 "$T/difference" | tr '\n' ' ')"
	consoles_are_clean
	power_off 1
}

why=
as_recorded
if [ -z "$why" ]; then
	echo "ok - rxrpc_$KERNEL"
else
	echo "not ok - rxrpc_$KERNEL: $(echo "$why" | tr '\n' ' ')"
	n_failed=1
fi
finish
