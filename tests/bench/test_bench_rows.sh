#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of the benchmark itself: that it checks what it carries, that its report has the
# form which others read, that it says what is wrong. Knows nothing of how fast something is.
# run.sh: timeout=120 with=jq
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh

RUN=$BUILT/bench/run

# measure STATUS-PATTERN ARGUMENT...: what it must reach is not judged here.
measure()
{
	local status=$1 rc
	shift
	timeout $((2 * LIMIT)) "$RUN" --build "$BUILT" --json rows.json "$@" \
		>out 2>err </dev/null
	rc=$?
	[[ $rc =~ ^[$status]$ ]] || bad "status of run $*: $rc, expected $status: $(tail -n 1 err)"
}

names_are_listed_and_others_refused()
{
	measure 0 --list
	grep -q '^stream64-zmq ' out || bad "no row stream64-zmq: $(head -n 3 out)"
	grep -qx 'stream64.sinew.split' out || bad 'no figure stream64.sinew.split'
	grep -q '^calls64-zmq-one ' out || bad "no row calls64-zmq-one: $(tail -n 3 out)"
	measure 2 --row nothing
	says err 'nothing is called "nothing"'
	measure 2 --runs 99
	says err 'usage:'
}

the_report_has_its_form()
{
	measure 01 --row roundtrip-one --runs 2
	json_holds rows.json '.schema == 1 and (.rows | length == 3)'
	json_holds rows.json '.rows | all(keys == (["aim", "better", "must", "name", "ok", "runs",
		"skipped", "unit", "value"]))'
	json_holds rows.json '.rows[0] | .name == "roundtrip-one" and .better == "lower" and
		.must == 1.15 and .aim == 1 and .unit == "x" and (.runs | length == 2)'
	json_holds rows.json '.rows[1:] | all(.must == null and .unit == "ns" and .value > 0)'
	json_holds rows.json '.rows as $r | $r[0].runs[1] - $r[1].runs[1] / $r[2].runs[1] |
		fabs < 0.001'
	says out 'round trip 64 B by bare epoll, one CPU'
}

# The rows that a quick run leaves out are there, marked.
what_is_left_out_is_marked()
{
	measure 0 --quick --row rest --runs 1
	json_holds rows.json '.rows | length == 2 and all(.skipped and .value == null)'
	says out 'skipped: slow'
}

# status_is WANTED WHAT ERR ERR: of a program that has ended, and what both sides said.
status_is()
{
	[ $status = "$1" ] ||
		bad "status of $2: $status, expected $1; it said $(cat "$3" "$4" | tr '\n' ';')"
}

# pair PROGRAM CONTESTANT SIZE SIZE: a stream; its receiver's status, and what it says in err.
# As few messages as can be measured, from the first one on: a machine that gives a program no
# time measures as well.
pair()
{
	local port sender
	port=$(free_port)
	mkfifo "release$port"
	timeout "$LIMIT" "$BUILT/bench/$1" stream-send with="$2" size="$4" queue=4194304 ms=0 \
		net="${NET%.*}.9" port="$port" <"release$port" >/dev/null 2>err1 &
	sender=$!
	pids+=($sender)
	exec 9>"release$port"
	timeout "$LIMIT" "$BUILT/bench/$1" stream-receive with="$2" size="$3" queue=4194304 ms=0 \
		listens=1 net="${NET%.*}.9" port="$port" </dev/null >out 2>err
	status=$?
	exec 9>&-
}

# Each contestant's messages are looked at by the same code; here a length is wrong.
what_comes_is_checked()
{
	local with program
	local all='sinew bare coalesced ring'
	[ ! -x "$BUILT/bench/usrsctp" ] || all="$all sinew-sctp usrsctp"
	for with in $all; do
		program=sockets
		[[ $with != sinew* ]] || program=sinew
		[ $with != usrsctp ] || program=usrsctp
		pair $program $with 64 64
		status_is 0 $with err err1
		says out 'messages_s '
		pair $program $with 64 72
		status_is 1 "$with with another length" err err1
		says err 'messages that are not what was sent'
		end_all
	done
}

# Of those that need a library only where it is.
all_contestants_carry_messages()
{
	measure 01 --row 'stream1k.*.split' --runs 1
	json_holds rows.json '[.rows[] | select(.name |
		test("^stream1k[.](sinew|coalesced|ring|bare)[.]"))] |
		length == 4 and all(.skipped | not)'
	json_holds rows.json '.rows | length >= 8 and all(.skipped or .value > 0)'
	[ -n "$(find /usr/include/zmq.h 2>/dev/null)" ] || return 0
	json_holds rows.json '[.rows[] | select(.name | test("^stream1k[.]zmq"))] | length == 2 and
		all(.skipped | not)'
}

# caller SIZE SIZE: calls, 64 at a time, for 100 ms; status and err are of the side that answers.
caller()
{
	local port client
	port=$(free_port)
	mkfifo "release$port"
	timeout "$LIMIT" "$BUILT/bench/sinew" flight with=sinew-calls size="$2" depth=64 \
		queue=4194304 ms=100 net="${NET%.*}.9" port="$port" <"release$port" >out1 2>err1 &
	client=$!
	pids+=($client)
	exec 9>"release$port"
	timeout "$LIMIT" "$BUILT/bench/sinew" pong with=sinew-calls size="$1" queue=4194304 \
		listens=1 net="${NET%.*}.9" port="$port" </dev/null >out 2>err
	status=$?
	exec 9>&-
}

# A request or reply is looked at by the same code as a message.
what_is_asked_is_checked()
{
	caller 64 64
	status_is 0 'the side that answers' err err1
	wait "${pids[-1]}"
	status=$?
	status_is 0 'the side that asks' err err1
	says out1 'rounds_s '
	caller 72 64
	status_is 1 'the side that answers another length' err err1
	says err 'messages that are not what was sent'
	end_all
}

# Each measure of calls gives its figures; others only where their library is.
all_measures_of_calls_run()
{
	measure 01 --quick --row 'calls*'
	json_holds rows.json '[.rows[] | select(.name | test("^calls64[.](calls|messages)[.]"))] |
		length == 4 and all(.value > 0)'
	json_holds rows.json '[.rows[] | select(.name | test("^calls(1|-[a-z]+)[.]")) |
		select(.name | test("^calls1[.](zmq|nng|grpc)") | not)] |
		length == 14 and all(.value > 0)'
	json_holds rows.json '[.rows[] | select(.name | test("^calls[^.]*$"))] |
		length == 12 and all(.skipped or .value > 0)'
	says out 'calls/s, 64 at a time, by messages and back, one CPU'
}

# The measures of topology that have a part of their own in each run: publishers, work beside
# subscribers, the status of many peers. The latter needs json-c.
all_kinds_of_topology_run()
{
	local rows=3
	[ ! -e /usr/include/json-c/json.h ] || rows=6
	measure 01 --quick --row topo-publish --row topo-beside --row topo-status \
		--row topo-asked --runs 1
	json_holds rows.json "[.rows[] | select(.name | test(\"^topo[^.]*$\")) |
		select(.value > 0)] | length == $rows"
	says out 'sinew status --json of 128 peers'
}

# A contestant whose library was missing is no failure.
a_missing_library_is_named()
{
	mkdir -p few/bench
	ln -sf "$(cd "$BUILT" && pwd)/bench/sinew" few/bench/
	timeout "$LIMIT" "$RUN" --build few --json rows.json --row calls64-grpc --runs 1 \
		>out 2>err </dev/null
	equals 'status of a run without gRPC' $? 0
	says out 'skipped: not built: libgrpc++-dev or g++ was missing'
}

# A step that cannot run is told, and the run has failed.
a_step_that_fails_is_told()
{
	timeout "$LIMIT" "$RUN" --build /nowhere --json rows.json --row roundtrip-one --runs 1 \
		>out 2>err </dev/null
	equals 'status of a run without programs' $? 1
	says err 'No such file or directory'
	json_holds rows.json '.rows | all(.skipped)'
}

run names_are_listed_and_others_refused
run the_report_has_its_form
run what_is_left_out_is_marked
run what_comes_is_checked
run all_contestants_carry_messages
run what_is_asked_is_checked
run all_measures_of_calls_run
run all_kinds_of_topology_run
run a_missing_library_is_named
run a_step_that_fails_is_told
finish
