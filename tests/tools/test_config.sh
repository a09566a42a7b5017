#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew config` as operators see it: options of a running node are read, set
# together or not at all, and watched. Knows nothing of the socket.
# run.sh: timeout=120 with=jq,ss,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/tools/serve_lib.sh

options_are_read()
{
	serve_config 'ack_ms: 7'
	serve 1
	asks 1 config get
	says out 'ack_ms               7                        5                ms     can be set'
	says out 'needs a new start'
	asks 1 config get ack_ms
	equals 'ack_ms' "$(cat out)" 7
	asks 1 config get --json
	valid answer-config-get out
	json_is out '.options[] | select(.name == "ack_ms") | .value' 7
	asks 1 config get ack_ms stall_ms --json
	valid answer-config-get out
	json_is out '[.options[].name] | sort | tostring' '["ack_ms","stall_ms"]'
	ask 1 config get ack_ms no_such
	equals status $ended 2
	says err 'no option "no_such"'
}

options_are_set()
{
	serve_config
	serve 1
	asks 1 config set ack_ms=9 log_level=debug
	says out 'ack_ms: 9, was 5'
	asks 1 config get ack_ms
	equals 'ack_ms' "$(cat out)" 9
	wait_for has_line err1 "option ack_ms: 9, was 5, by uid $(id -u), pid "
	equals 'lines about it' "$(grep -c 'ack_ms' err1)" 1
	asks 1 config set ack_ms=11 --json
	valid answer-config-set out
	json_is out '.options[0] | "\(.name) \(.old) \(.new)"' 'ack_ms 9 11'
}

# Those of calls, from the file, by the socket and by the file again.
options_of_calls_change()
{
	serve_config
	printf 'calls {\n slots: 100\n window: 64k\n}\n' >>c
	serve 1
	asks 1 config get calls.slots
	equals 'calls.slots' "$(cat out)" 100
	asks 1 config get
	says out 'calls.window         65536                    1048576          bytes  can be set'
	asks 1 config set calls.slots=50 --json
	valid answer-config-set out
	json_is out '.options[0] | "\(.name) \(.old) \(.new)"' 'calls.slots 100 50'
	"$SINEW" config watch --json --socket "$(socket_of 1)" >watched 2>watch_err &
	pids+=($!)
	wait_for has_line watched '"first":true'
	asks 1 config set calls.window=2M
	says err1 'option calls.window: 2097152, was 65536, by uid'
	wait_for has_line watched '"value":"2097152"'
	kill -TERM "${pids[-1]}"
	reap "${pids[-1]}"
	valid config-watch watched
	ask 1 config set calls.slots=101
	equals 'status of more slots' $ended 2
	says err 'needs a new start'
}

# One wrong value, and none is set.
all_or_none()
{
	local bad_one
	serve_config
	serve 1
	for bad_one in no_such=1 ack_ms=x ack_ms=-1 ack_ms= port=1 queue_bytes=1 \
		'backoff_min_ms=5000 backoff_max_ms=10'; do
		# shellcheck disable=SC2086
		ask 1 config set stall_ms=12345 $bad_one
		equals "status of $bad_one" $ended 2
		says err "${bad_one%%=*}"
		asks 1 config get stall_ms
		equals "stall_ms after $bad_one" "$(cat out)" 20000
	done
}

changes_are_watched()
{
	serve_config
	serve 1
	asks 1 config set ack_ms=6
	"$SINEW" config watch --json --socket "$(socket_of 1)" >watched 2>watch_err &
	pids+=($!)
	wait_for has_line watched '"first":true'
	asks 1 config set ack_ms=8 stall_ms=30000
	wait_for has_line watched '"value":"8"'
	wait_for has_line watched '"value":"30000"'
	kill -TERM "${pids[-1]}"
	reap "${pids[-1]}"
	equals 'status of the watch' $? 0
	valid config-watch watched
	equals 'changes of ack_ms' \
		"$(jq -r 'select(.name == "ack_ms") | .value' watched | xargs)" '6 8'
}

command_lines_are_checked()
{
	refuses 2 'NAME=VALUE is missing' config set
	refuses 2 'expected NAME=VALUE' config set ack_ms
	refuses 2 'expected NAME=VALUE' config set =5
	refuses 2 'another value of that option' config set ack_ms=5 stall_ms=9 ack_ms=6
	refuses 2 'no node has the control socket' config set ack_ms=5 ack=6 ack_=7 \
		--socket sinew/none/sinew/1
	refuses 2 'is not a mode' config reset
	refuses 2 'no node has the control socket' config get --socket sinew/none/sinew/1
	refuses 2 'no node has the control socket' config watch --socket sinew/none/sinew/1
}

run options_are_read
run options_are_set
run options_of_calls_change
run all_or_none
run changes_are_watched
run command_lines_are_checked
finish
