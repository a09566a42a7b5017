#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew members` without corosync: the nodes of a file, who answers, what is
# printed. Knows nothing of the library behind it.
# run.sh: timeout=90 with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh

# members STATUS ARGUMENT...: seen from node 1.
members()
{
	local status=$1
	shift
	timeout "$LIMIT" "$SINEW" members --config c --node 1 "$@" >out 2>err </dev/null
	equals "status of members $*" $? "$status"
}

wrong_usage_is_refused()
{
	refuses 2 '--config FILE is missing' members --membership static
	refuses 2 '--node ID is missing' members --config c
	refuses 2 'static or corosync' members --membership both
	refuses 2 '--wait: found "0"' members --wait 0
	refuses 2 '--follow: the nodes of a file do not change' members --config c --node 1 --follow
	refuses 2 'no node with nodeid 7' members --config c --node 7
	refuses 2 'unknown option --to' members --to 3
}

who_answers_is_shown()
{
	member 2
	members 3
	says out "cluster \"test\", seen from node 1, by the file c"
	grep -qE "^ +1 +- +listed .* $NET.1:21065 \(the own node\)$" out || bad "$(cat out)"
	grep -qE "^ +2 +- +listed .* $NET.2:21065 answers in [0-9]+ us$" out || bad "$(cat out)"
	grep -qE "^ +3 +- +listed .* $NET.3:21065 does not answer \(cannot connect" out ||
		bad "$(cat out)"
	equals 'lines' "$(wc -l <out)" 5
}

all_that_answer_are_status_0()
{
	member 2
	member 3
	members 0 --json
	json_holds out '.schema == 1 and .command == "members" and .event == "view"'
	json_holds out '.membership == "static" and .cluster == "test" and .node == 1'
	json_holds out '[.members[] | .node] == [1, 2, 3]'
	json_holds out '[.members[] | .state] == ["listed", "listed", "listed"]'
	json_holds out '.members[0].addresses[0] | has("answers") | not'
	json_holds out '.members[1].addresses[0] | .answers and .rtt_us > 0 and .error == ""'
}

who_is_not_asked_is_shown()
{
	config c 'transport: carrier'
	members 2
	says out "$NET.2:21065 (not asked)"
	says err 'option transport: unknown, expected tcp or sctp'
	members 2 --json
	json_holds out '.members[1].addresses[0] | has("answers") | not'
}

nodes_over_sctp_are_asked()
{
	config c 'transport: sctp' 'sctp_backend: user'
	member 2
	members 3
	says out "$NET.2:21065 answers in"
	says out "$NET.3:21065 does not answer (cannot connect: Connection refused"
}

who_hangs_is_waited_for_as_long_as_said()
{
	member 2
	kill -STOP $!
	members 3 --wait 1.2 --json
	json_holds out '.members[1].addresses[0].answers == false'
	json_holds out '.members[1].addresses[0].error | contains("program hung")'
}

# The file can be used without it; the name service is not to blame on anybody else.
name_without_address_is_shown()
{
	sed -i "s/$NET.3/no.such.host.invalid/" c
	member 2
	says err2 'found "no.such.host.invalid" as ring0_addr of node 3, which cannot be resolved: '
	members 3
	grep -qE "^ +2 .* answers in [0-9]+ us$" out || bad "$(cat out)"
	grep -qE '^ +3 .* unresolved \(c:[0-9]+: found "no.such.host.invalid"' out ||
		bad "$(cat out)"
	members 3 --json
	json_holds out '.members[2].unresolved and (.members[2].addresses | length) == 0'
	json_holds out '(.members[1].unresolved | not) and .members[1].unresolved_reason == ""'
	refuses 2 'the own node needs an address' cat --config c --node 3
}

a_full_output_is_told()
{
	"$SINEW" members --config c --node 1 >/dev/full 2>err </dev/null
	equals 'status with a full output' $? 1
	says err 'No space left on device'
}

run wrong_usage_is_refused
run who_answers_is_shown
run all_that_answer_are_status_0
run who_is_not_asked_is_shown
run_over_usrsctp nodes_over_sctp_are_asked
run who_hangs_is_waited_for_as_long_as_said
run name_without_address_is_shown
run a_full_output_is_told
finish
