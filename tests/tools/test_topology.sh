#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew topology` as operators see it: names are published, listed at each node,
# watched and resumed. Knows nothing of the socket.
# run.sh: timeout=120 with=jq,ss,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/tools/serve_lib.sh

# lists ID NAME N: node ID knows so many publications that NAME overlaps.
lists()
{
	ask "$1" topology list "$2" --json
	[ "$(wc -l <out)" = "$3" ]
}

# has_lines FILE TEXT N: so many lines with the text are there.
has_lines() { [ "$(grep -cF "$2" "$1")" = "$3" ]; }

# topology ID NAME ARGUMENT...: in the background, its output in NAME.
topology()
{
	local id=$1 name=$2
	shift 2
	"$SINEW" topology "$@" --socket "$(socket_of "$id")" >"$name" 2>"$name.err" </dev/null &
	topology=$!
	pids+=($topology)
}

names_are_published_and_listed()
{
	serve_config
	serve 1
	serve 2
	topology 1 published publish 4711:1..5 4711:9 --attr 'a=1'
	wait_for lists 2 4711 2
	asks 2 topology list 4711:3 --json
	valid topology-list out
	json_is out '"\(.type) \(.lower) \(.upper) \(.scope) \(.node) \(.attributes)"' \
		'4711 1 5 cluster 1 a=1'
	asks 2 topology list 4711
	says out '4711:1..5'
	wait_for lists 1 reach 2
	asks 1 topology list --scope cluster
	cp out first
	asks 2 topology list --scope cluster
	same first out
	kill -TERM "$topology"
	wait "$topology"
	equals 'status of publish' $? 0
	wait_for lists 2 4711 0
}

changes_are_watched_and_resumed()
{
	local position
	serve_config
	serve 1
	topology 1 watched watch 4711 --json
	wait_for has_line watched CURRENT
	topology 1 published publish 4711:1
	wait_for has_line watched PUBLISHED
	position=$(jq -r 'select(.event == "PUBLISHED") | .position' watched)
	kill -KILL "$topology"
	wait_for has_line watched WITHDRAWN
	valid topology-watch watched
	json_is <(head -n 1 watched) .event CURRENT
	topology 1 resumed resume "$position" 4711 --json
	wait_for has_line resumed WITHDRAWN
	valid topology-watch resumed
	equals 'lines of resumed' "$(wc -l <resumed)" 1
	json_is resumed .collapsed false
}

a_server_that_comes_back_is_followed()
{
	serve_config
	serve 1
	topology 1 watched watch 4711 --json
	topology 1 published publish 4711:1
	wait_for has_line watched PUBLISHED
	kill -KILL "$served"
	wait_for has_line watched LOST
	serve 1
	wait_for lists 1 4711 1
	wait_for has_lines watched CURRENT 2
	wait_for has_line watched WITHDRAWN
	valid topology-watch watched
}

lines_say_what_to_publish()
{
	serve_config
	serve 1
	mkfifo lines
	"$SINEW" topology publish - --socket "$(socket_of 1)" <lines 2>err.publish &
	pids+=($!)
	exec 5>lines
	printf '+100:1 one\n+100:2 two\n-100:1\n' >&5
	wait_for lists 1 100 1
	json_is out '"\(.lower) \(.attributes)"' '2 two'
	exec 5>&-
	wait_for lists 1 100 0
}

# full NAME: nothing more goes to the server of that socket: its queue has not changed for long.
full()
{
	local was
	was=$(queued "$1")
	sleep 0.2
	[ "$was" -gt 0 ] && [ "$was" = "$(queued "$1")" ]
}
queued() { ss -xn | awk -v name="@$1" 'index($0, name) { n += $3 } END { print n + 0 }'; }

# A signal ends it also while a server that is stopped takes nothing.
a_stopped_server_holds_nobody()
{
	local i
	serve_config
	serve 1
	mkfifo lines
	"$SINEW" topology publish - --socket "$(socket_of 1)" <lines 2>err.publish &
	pids+=($!)
	exec 5>lines
	echo '+100:0' >&5
	wait_for lists 1 100 1
	kill -STOP "$served"
	for ((i = 1; i < 2000; i++)); do
		echo "+100:$i"
	done >&5
	wait_for full "$(socket_of 1)"
	kill -TERM "${pids[-1]}"
	reap "${pids[-1]}"
	equals 'status of publish' $? 0
	kill -CONT "$served"
	exec 5>&-
	wait_for lists 1 100 0
}

who_reaches_whom_is_shown()
{
	serve_config
	serve 1
	serve 2
	wait_for lists 1 reach 2
	ask 1 members --matrix
	equals status $ended 3
	equals 'lines of the matrix' "$(tr -s ' ' <out)" "$(printf '%s\n' 'FROM \ TO 1 2 3' \
		'1 . yes NO' '2 yes . NO' '3 NO NO .')"
	serve 3
	wait_for lists 1 reach 6
	asks 1 members --matrix
	asks 1 members --matrix --json
	valid members-matrix out
	json_is out '[.nodes[] | .node, (.reaches[] | .node)] | tostring' '[1,2,3,2,1,3,3,1,2]'
}

mistakes_are_said()
{
	refuses 2 'expected TYPE' topology list 5:9..8
	refuses 2 'expected TYPE' topology watch nonsense
	refuses 2 'expected EPOCH:INDEX' topology resume
	refuses 2 'expected EPOCH:INDEX' topology resume 12
	refuses 2 'with a TYPE from 64 on' topology publish node:1
	refuses 2 'with a TYPE from 64 on' topology publish any
	refuses 2 'expected a NAME' topology publish
	refuses 2 'no node has the control socket' topology list --socket sinew/nobody/x/1
}

run names_are_published_and_listed
run changes_are_watched_and_resumed
run a_server_that_comes_back_is_followed
run lines_say_what_to_publish
run a_stopped_server_holds_nobody
run who_reaches_whom_is_shown
run mistakes_are_said
finish
