#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew serve`: when it is ready, how it ends, and the file that it takes over.
# Knows nothing of what it is asked.
# run.sh: timeout=120 with=jq,ss,perl,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/tools/serve_lib.sh

it_is_ready_and_ends()
{
	serve_config
	manager "$PWD/socket" words
	NOTIFY_SOCKET=$PWD/socket serve 1 --json
	wait_for has_line words READY=1
	wait_for has_line served1 '"event":"ready"'
	listens 1 || bad 'ready, but it does not listen'
	kill -TERM "$served"
	wait_for has_line words STOPPING=1
	reap "$served"
	equals status $? 0
	valid serve served1
	equals events "$(jq -r .event served1 | xargs)" 'started ready closing closed'
	json_holds served1 ".socket == \"$(socket_of 1)\""
}

sessions_end_in_order()
{
	serve_config
	serve 1
	serve 2
	wait_for linked 1 2
	kill -INT "$served"
	reap "$served"
	equals 'status of node 2' $? 0
	kill -TERM "${pids[0]}"
	reap "${pids[0]}"
	equals 'status of node 1' $? 0
}

a_name_that_is_taken()
{
	serve_config
	serve 1
	sed "s/$NET\.1\$/$NET.4/" c >d
	refuses 2 'is in use: a program serves this node already' serve --config d --node 1
	serve 2 --socket "$(socket_of 2)x"
	refuses 2 'is in use' serve --config c --node 3 --socket "$(socket_of 2)x"
}

# Over UDP, where the port of TCP is free.
a_node_over_sctp_that_runs_already()
{
	serve_config 'transport: sctp' 'sctp_backend: user'
	serve 1
	refuses 2 'node 1: Address already in use: stop the program' serve --config c --node 1
}

wrong_usage_is_refused()
{
	refuses 2 '--node ID is missing' serve --config c
	refuses 2 'no node with nodeid 9' serve --config c --node 9
	refuses 2 'expected a name' serve --config c --node 1 --socket ''
	refuses 2 'unexpected argument "x"' serve --config c --node 1 x
}

# The file is taken over; what cannot be is named, and a wrong file changes nothing.
a_file_is_taken_over()
{
	serve_config 'ack_ms: 5'
	serve 1 --json
	wait_for has_line served1 '"event":"ready"'
	serve_config 'ack_ms: 8' 'max_message: 100000'
	sed -i '/nodeid: 3/,/}/d' c
	perl -0777 -pi -e 's/  node \{\s*(?=\})//g; s/  node \{\n(?!    nodeid)//g' c
	kill -HUP "$served"
	wait_for has_line served1 '"event":"reloaded"'
	says err1 max_message
	asks 1 config get ack_ms
	equals ack_ms "$(cat out)" 8
	asks 1 status --json
	json_is out '[.peers[].node] | tostring' '[2]'
	echo 'nodelist {' >c
	kill -HUP "$served"
	wait_for has_line err1 'c:1: '
	asks 1 config get ack_ms
	equals 'ack_ms after a wrong file' "$(cat out)" 8
	valid serve served1
}

run it_is_ready_and_ends
run sessions_end_in_order
run a_name_that_is_taken
run_over_usrsctp a_node_over_sctp_that_runs_already
run wrong_usage_is_refused
run a_file_is_taken_over
finish
