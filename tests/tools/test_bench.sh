#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew bench` as its users see it: what is measured and printed, and who is
# told what is wrong. Knows nothing of how fast it is.
# run.sh: waits timeout=90 with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh

# serve ID: a node that serves; its process is $!.
serve()
{
	"$SINEW" bench --config c --node "$1" --serve </dev/null >"serve$1" 2>"err$1" &
	pids+=($!)
	wait_for listens "$1"
}

# bench STATUS ARGUMENT...: from node 1, each measure as short as can be.
bench()
{
	local status=$1
	shift
	timeout "$LIMIT" "$SINEW" bench --config c --node 1 --seconds 0.1 "$@" >out 2>err </dev/null
	equals "status of bench $*" $? "$status"
}

wrong_usage_is_refused()
{
	refuses 2 'either --serve or --to ID' bench --config c --node 1
	refuses 2 'either --serve or --to ID' bench --config c --node 1 --serve --to 2
	refuses 2 '--config FILE is missing' bench --membership static --serve
	refuses 2 '--node ID is missing' bench --config c --serve
	refuses 2 '--to: found "0"' bench --config c --node 1 --to 0
	refuses 2 '--to: node 1 is the own node' bench --config c --node 1 --to 1
	refuses 2 '--to: c has no node 9' bench --config c --node 1 --to 9
	refuses 2 '--seconds: found "0"' bench --config c --node 1 --to 2 --seconds 0
	refuses 2 '--wait: found "x"' bench --config c --node 1 --to 2 --wait x
	refuses 2 'static or corosync' bench --membership other --serve
	refuses 2 'unknown option --size' bench --size 3
}

two_nodes_are_measured()
{
	serve 2
	local two=$!
	bench 0 --to 2
	says out 'messages/s'
	grep -qE '^60,000 bytes +[0-9]+ +[0-9.]+$' out || bad "no long stream: $(cat out)"
	grep -qE '^64 bytes( +[0-9.]+){4}$' out || bad "no round trips: $(cat out)"
	says err '1 MiB ...'
	kill -TERM $two
	wait $two
	equals 'status of the side that serves' $? 0
	equals 'what it prints' "$(cat serve2)" ''
}

a_document_has_every_row()
{
	serve 2
	bench 0 --to 2 --json
	json_holds out '.schema == 1 and .command == "bench" and .node == 1 and .to == 2'
	json_holds out '.rows | map(.name) | index("stream64-messages") != null'
	json_holds out '.rows | length == 12 and all(.value > 0 and .ok and (.skipped | not))'
	json_holds out '.rows | all(.runs == [.value] and .must == null and .aim == null)'
	json_holds out '[.rows[] | select(.unit == "ns").value] | . == sort and length == 4'
	json_holds out '[.rows[] | select(.name == "stream1m-messages" or .name == "stream1m-bytes")
		.value] | (.[1] / .[0] - 1048576) | fabs < 1'
	equals 'what it says' "$(cat err)" ''
	# And once more, by another incarnation of node 1.
	bench 0 --to 2 --json
}

two_measure_at_a_time()
{
	serve 2
	timeout "$LIMIT" "$SINEW" bench --config c --node 3 --seconds 0.1 --to 2 --json \
		>out3 2>err3 &
	local three=$!
	pids+=($three)
	bench 0 --to 2 --json
	wait $three
	equals 'status of the other' $? 0
	json_holds out3 '.rows | all(.value > 0)'
}

what_is_too_long_is_left_out()
{
	config c 'max_message: 512k'
	serve 2
	bench 0 --to 2
	grep -q '^1 MiB  *longer than max_message' out || bad "the table says: $(cat out)"
	bench 0 --to 2 --json
	json_holds out '[.rows[] | select(.skipped).name] |
		. == ["stream1m-messages", "stream1m-bytes"]'
}

who_does_not_run_is_named()
{
	bench 3 --to 2 --wait 0.3
	says err 'node 2 is not up after 0.300 s'
	equals 'what is printed' "$(cat out)" ''
}

# It is up, takes everything, and answers nothing.
who_does_not_serve_is_named()
{
	member 2
	bench 3 --to 2
	says err 'node 2 is up but does not answer; does "sinew bench --serve" run there?'
}

who_fails_is_told()
{
	serve 2
	local two=$!
	"$SINEW" bench --config c --node 1 --to 2 --seconds 20 >out 2>err </dev/null &
	local one=$!
	pids+=($one)
	wait_for has_line err '64 bytes ...'
	kill -KILL $two
	wait $two 2>/dev/null
	# It comes back as a new incarnation, which ends the old one.
	serve 2
	wait $one
	equals 'status after the other failed' $? 4
	says err 'node 2 went down'
}

a_signal_ends_it()
{
	serve 2
	"$SINEW" bench --config c --node 1 --to 2 --seconds 20 >out 2>err </dev/null &
	local one=$!
	pids+=($one)
	wait_for has_line err '64 bytes ...'
	kill -INT $one
	wait $one
	equals 'status after a signal' $? 1
	says out 'not measured'
}

a_full_output_is_told()
{
	serve 2
	timeout "$LIMIT" "$SINEW" bench --config c --node 1 --seconds 0.05 --to 2 --json \
		>/dev/full 2>err </dev/null
	equals 'status with a full output' $? 1
	says err 'No space left on device'
}

run wrong_usage_is_refused
run two_nodes_are_measured
run a_document_has_every_row
run two_measure_at_a_time
run what_is_too_long_is_left_out
run who_does_not_run_is_named
run who_does_not_serve_is_named
run who_fails_is_told
run a_signal_ends_it
run a_full_output_is_told
finish
