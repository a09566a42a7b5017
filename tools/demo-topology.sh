#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the demonstration of the topology: three nodes on loopback, a program at each that publishes
# and withdraws names, a subscriber that is stopped and goes on, and a node that is killed and comes
# back. In the end all lists are equal. Knows nothing of sinew but its command line.
#
#	BUILD=build CHANGES=40000
set -u
cd "$(dirname "$0")/.." || exit 2

SINEW=${BUILD:-build}/sinew
CHANGES=${CHANGES:-40000}	# of each of two programs: more than the log of a node has
TRIES=400			# of a twentieth of a second, for anything
CLUSTER=demo$$
# Addresses of this process alone, so that nothing else has their port.
NET=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1))
export LC_ALL=C

T=$(mktemp -d "${TMPDIR:-/tmp}/sinew-demo.XXXXXX") || exit 2
pids=()
declare -A node

cleanup()
{
	local pid
	for pid in "${pids[@]}" "${node[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() { echo "FAILED: $*"; exit 1; }

wait_for()
{
	local i
	for ((i = 0; i < TRIES; i++)); do
		"$@" && return
		sleep 0.05
	done
	fail "waited in vain for: $*"
}

socket_of() { echo "sinew/$CLUSTER/sinew/$1"; }
topology() { "$SINEW" topology "${@:2}" --socket "$(socket_of "$1")" 2>>"$T/err"; }
matrix() { "$SINEW" members --matrix --socket "$(socket_of "$1")"; }
has_text() { grep -qs "$2" "$1"; }

serve()
{
	"$SINEW" serve --config "$T/conf" --node "$1" >/dev/null 2>>"$T/err" </dev/null &
	node[$1]=$!
	# The shell is not to tell that it was killed.
	disown "${node[$1]}"
	wait_for answers "$1"
}
answers() { topology "$1" list node >/dev/null; }

# reach N: the list of node 1 has so many sessions in it, each seen from both sides.
reach() { topology 1 list reach --json >"$T/reach" && [ "$(wc -l <"$T/reach")" = "$1" ]; }

# changes TYPE: names come, and the oldest go.
changes()
{
	local i
	for ((i = 0; i < CHANGES / 2; i++)); do
		echo "+$1:$i number=$i"
		[ $i -lt 20 ] || echo "-$1:$((i - 20))"
	done
}

# lists_equal: all three, with the last 20 names of both programs in them.
lists_equal()
{
	local i
	for i in 1 2 3; do
		topology "$i" list --scope cluster >"$T/list$i" || return 1
	done
	[ "$(grep -c number= "$T/list1")" = 40 ] && cmp -s "$T/list1" "$T/list2" &&
		cmp -s "$T/list1" "$T/list3"
}

{
	printf 'totem {\n  cluster_name: %s\n}\nnodelist {\n' "$CLUSTER"
	for i in 1 2 3; do
		printf '  node {\n    nodeid: %d\n    ring0_addr: %s.%d\n  }\n' $i "$NET" $i
	done
	printf '}\n'
} >"$T/conf"

echo 'Three nodes start, and tell each other who is there. The matrix of sessions:'
for i in 1 2 3; do
	serve $i
done
wait_for reach 6
matrix 1

echo
echo "Two programs publish, at nodes 1 and 2, ${CHANGES} changes each. A subscriber at node 1 is"
echo 'stopped meanwhile, and node 3 is killed.'
mkfifo "$T/in1" "$T/in2"
for i in 1 2; do
	"$SINEW" topology publish - --socket "$(socket_of $i)" <"$T/in$i" 2>>"$T/err" &
	pids+=($!)
	disown $!
done
"$SINEW" topology watch --scope cluster --json --socket "$(socket_of 1)" >"$T/watched" \
	2>>"$T/err" &
subscriber=$!
pids+=($subscriber)
disown $subscriber
wait_for has_text "$T/watched" CURRENT
kill -STOP $subscriber
exec 5>"$T/in1" 6>"$T/in2"
changes 101 >&5
kill -KILL "${node[3]}"
changes 102 >&6
echo
echo 'Node 3 comes back, and has a new incarnation:'
serve 3
wait_for reach 6
matrix 1
kill -CONT $subscriber
wait_for lists_equal
last=$((CHANGES / 2 - 1))
wait_for has_text "$T/watched" "number=$last"
echo
n_collapsed=$(grep -cE '"collapsed": ?true' "$T/watched")
echo "The lists of all three nodes are equal, $(wc -l <"$T/list1") lines. The subscriber that was"
echo "stopped was told $(wc -l <"$T/watched") events, $n_collapsed of them in place of steps" \
	'that were left out.'
grep number= "$T/list3" | tail -n 3
