#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of the topology under churn: three nodes that serve, each with a program that
# publishes and withdraws, 1,000 changes a second in all, and one that watches, while all links are
# destroyed every 50 ms. One watcher is stopped and continued, one is killed and resumed, one server
# is killed and started again. In the end all lists are equal, and no watcher has lost anything.
# Knows only the command line.
# run.sh: timeout=200 with=jq,python3 waits
#
#	tests/live/test_topology.sh [SECONDS]    a minute, if it is not said
set -u
cd "$(dirname "$0")/../.." || exit 2
VIEW=$PWD/tests/live/topology_view.py
. tests/lib.sh
. tests/netns_lib.sh

long=${1:-60}
NAMESPACE_S=$((long + 600))
BREAK_MS=50
EACH=170		# publications, and withdrawals, of one program in a second
KEPT=200		# that are there at a time

needs_namespaces all_agree_after_churn

# The same in the background, as one process.
behind() { exec nsenter -t "${ns[1]}" -n "$@"; }

socket_of() { echo "sinew/test/sinew/$1"; }

# serve ID: in the namespace; its process is $served.
serve()
{
	behind "$SINEW" serve --config c --node "$1" >"served$1" 2>>"served$1.err" </dev/null &
	served=$!
	pids+=($served)
	wait_for lists "$1" 0
}

# lists ID LEAST: node ID answers, with at least so many publications.
lists()
{
	on 1 timeout "$LIMIT" "$SINEW" topology list --scope cluster --json \
		--socket "$(socket_of "$1")" >"list$1" 2>list.err </dev/null &&
		[ "$(wc -l <"list$1")" -ge "$2" ]
}

# churn ID: lines for `sinew topology publish -`, until the file `quiet` is there; then nothing.
# As many as are due by the clock, so that a busy machine does not slow the churn down.
churn()
{
	local i=0 due begun=${EPOCHREALTIME/./}
	while [ ! -e quiet ]; do
		due=$(((${EPOCHREALTIME/./} - begun) * EACH / 1000000))
		for (( ; i < due; i++)); do
			echo "+$((1000 + $1)):$i number $i"
			[ $i -lt $KEPT ] || echo "-$((1000 + $1)):$((i - KEPT))"
		done
		sleep 0.1
	done
	echo $i >"made$1"
	while [ ! -e end ]; do
		sleep 0.1
	done
}

# watch ID NAME MODE...: its process is $watcher.
watch()
{
	local id=$1 name=$2
	shift 2
	behind "$SINEW" topology "$@" --scope cluster --json --socket "$(socket_of "$id")" \
		>"$name" 2>"$name.err" </dev/null &
	watcher=$!
	pids+=($watcher)
	wait_for test -s "$name"
}

# All three lists have the same lines, with all that is published.
lists_are_equal()
{
	lists 1 $((KEPT * 3 + 6)) && lists 2 1 && lists 3 1 && cmp -s list1 list2 &&
		cmp -s list1 list3
}

# agrees NAME...: the watcher of these outputs was told what node 1 lists now.
agrees() { python3 "$VIEW" list1 "$@" >"view.$1" 2>&1; }

all_agree_after_churn()
{
	local id watchers=() servers=() position
	hold_namespace 1
	on 1 ip link set lo up
	for id in 1 2 3; do
		serve $id
		servers[id]=$served
	done
	for id in 1 2 3; do
		watch $id "watch$id" watch
		watchers[id]=$watcher
	done
	behind "$SINEW" break destroy --port 21065 --every $BREAK_MS \
		--for $((long * 1000 + 20000)) >broken 2>broken.err &
	pids+=($!)
	breaker=$!
	for id in 1 2 3; do
		mkfifo "lines$id"
		churn $id >"lines$id" &
		pids+=($!)
		behind "$SINEW" topology publish - --socket "$(socket_of $id)" <"lines$id" \
			2>"publish$id.err" &
		pids+=($!)
	done
	sleep $((long / 4))
	kill -STOP "${watchers[1]}"
	sleep $((long / 4))
	kill -CONT "${watchers[1]}"
	kill -KILL "${watchers[2]}"
	wait "${watchers[2]}" 2>/dev/null
	position=$(jq -r .position watch2 2>/dev/null | tail -n 1)
	watch 2 watch2b resume "$position"
	kill -KILL "${servers[3]}"
	wait "${servers[3]}" 2>/dev/null
	serve 3
	sleep $((long - 2 * (long / 4)))
	echo >quiet
	wait_for test -s made3
	kill -TERM $breaker 2>/dev/null
	wait_for lists_are_equal
	wait_for agrees watch1
	wait_for agrees watch2 watch2b
	wait_for agrees watch3
	for id in 1 2 3; do
		echo "# watcher $id: $(head -n 1 "view.watch$id")"
		[ "$(cat "made$id")" -ge $((long * EACH * 9 / 10)) ] ||
			bad "node $id made only $(cat "made$id") publications"
	done
	echo "# $((2 * ($(cat made1) + $(cat made2) + $(cat made3)) / long)) changes a second"
	[ -s broken ] || bad "no link was destroyed: $(tail -n 1 broken.err)"
	echo >end
}

run all_agree_after_churn
finish
