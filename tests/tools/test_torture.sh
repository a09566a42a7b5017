#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew torture`: short runs of each kind, what is refused, and a run that
# must fail. How the judge decides is tested by test_torture.c. Knows nothing of the library.
# run.sh: waits timeout=200
# run.sh: with=jq,perl
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh

SLOWER=${TIME_FACTOR:-1}	# under a sanitizer: fewer nodes, and no absolute numbers

# ends OPTION...: a run with a document `out` and progress `err`; its status.
ends()
{
	timeout $((4 * LIMIT)) "$SINEW" torture --json --linger "$LIMIT" "$@" >out 2>err </dev/null
}

# torture STATUS OPTION...: the same, with that status.
torture()
{
	local status=$1
	shift
	ends "$@"
	equals "status of torture $*" $? "$status"
}

# longer SECONDS OPTION...: the same with status 0. On a busy machine it takes longer until so many
# were killed that they are a proof.
longer()
{
	local seconds=$1 factor
	shift
	for factor in 1 3 9; do
		ends --seconds "$(jq -n "$seconds * $factor")" "$@"
		[ $? = 3 ] || break
	done
	json_is out .verdict PASSED
}

has_progress() { grep -qsE "$1" err; }

# ended STATUS PATTERN OPTION...: the same, ended when a line of progress has the pattern.
ended()
{
	local status=$1 pattern=$2 pid
	shift 2
	"$SINEW" torture --json --linger "$LIMIT" --seconds 600 "$@" >out 2>err </dev/null &
	pid=$!
	pids+=("$pid")
	wait_for has_progress "$pattern"
	kill -TERM "$pid"
	reap "$pid"
	equals "status of torture $*" $? "$status"
}

# all_zeros: what every run must have, and the sum is that of the pairs.
all_zeros()
{
	says err "seed"
	json_is out '"\(.schema) \(.n_problems) \(.verdict)"' "1 0 PASSED"
	json_holds out '.sum | .lost + .duplicated + .reordered + .corrupted == 0'
	json_is out .sum.broken_promises 0
	json_holds out '(.pairs | map(.delivered) | add) == .sum.delivered and .sum.delivered > 0'
	json_holds out '(.pairs | map(.kills) | add) == 2 * .sum.kills'
	json_holds out '.sum.sent == .sum.delivered + .sum.not_delivered_and_told'
	json_holds out '.sum.kills_unacked * 2 >= .sum.kills'
}

# kills N SECONDS ARGUMENT...: a run in which at least N connections were killed. It is a tenth of
# what a machine that does nothing else makes; on a busy one the run takes longer.
kills()
{
	local least=$1 seconds=$2 factor
	shift 2
	[ "$SLOWER" = 1 ] || least=1
	for factor in 1 3 9; do
		longer "$(jq -n "$seconds * $factor")" "$@"
		all_zeros
		jq -e ".sum.kills >= $least" out >/dev/null && return
	done
	json_holds out ".sum.kills >= $least"
}

wrong_usage_is_refused()
{
	refuses 2 '--nodes: found "1", expected 2 to 64' torture --nodes 1
	refuses 2 '--nodes: found "65"' torture --nodes 65
	refuses 2 '--seconds: found "0"' torture --seconds 0
	refuses 2 '--kills: found "0"' torture --kills 0
	refuses 2 '--breaker: found "axe", expected none, self or destroy' torture --breaker axe
	refuses 2 '--size: found "17M"' torture --size 17M
	refuses 2 '--seed: found "x"' torture --seed x
	refuses 2 '--port: found "65536"' torture --port 65536
	refuses 2 '--slow 6: there are only 5 nodes' torture --slow 6
	refuses 2 '--log-level: found "loud"' torture --log-level loud
	refuses 2 'unknown option --colour' torture --colour
	refuses 2 'unexpected argument "more"' torture more
	refuses 2 '--kills with --breaker none needs --seconds' torture --kills 5 --breaker none
	timeout "$LIMIT" "$SINEW" torture --help >out
	says out "usage: sinew torture"
}

# Where the build has no such transport, the nodes say so.
sctp_in_user_land()
{
	refuses 2 'the kernel destroys connections of TCP alone; with --transport sctp-user use' \
		torture --transport sctp-user --breaker destroy
	refuses 2 '--transport: found "udp", expected tcp, sctp or sctp-user' \
		torture --transport udp
	has_usrsctp || return
	kills 20 2.5 --transport sctp-user --restart-every 0.7
	json_is out '"\(.transport) \(.breaker)"' 'sctp-user self'
	json_holds out '.restarts >= 1 and .sum.sessions > 10'
	kills 10 2.5 --transport sctp-user --processes --nodes 3 --restart-every 0.7
}

too_few_descriptors_are_told_at_once()
{
	(ulimit -n 200
	 refuses 2 '20 nodes need 924 descriptors, the limit (RLIMIT_NOFILE) is 200' \
		torture --nodes 20
	 says err '"ulimit -n 924"'
	 echo "$why" >told)
	[ -z "$(cat told)" ] || bad "$(cat told)"
}

# Those behind the node that cannot start have not begun.
a_port_in_use_is_told()
{
	local holder="use IO::Socket::INET; \$| = 1; \$s = IO::Socket::INET->new(Listen => 1,
		LocalAddr => '0.0.0.0', ReuseAddr => 1) or die; print \$s->sockport, \"\\n\"; sleep"
	perl -e "$holder" >held &
	pids+=("$!")
	wait_for test -s held
	refuses 2 'node 1 cannot start' torture --nodes 3 --port "$(cat held)"
	says err 'choose another one with --port'
	refuses 2 'cannot start at 127.' torture --nodes 3 --port "$(cat held)" --processes
}

# A soft limit alone is no obstacle.
the_soft_limit_is_raised()
{
	ulimit -Sn 30
	torture 0 --nodes 3 --kills 5 --restart-every 0 --breaker self
	ulimit -Sn "$(ulimit -Hn)"
	all_zeros
}

one_process()
{
	kills 20 2 --breaker self --restart-every 0 --slow 0
	json_is out '"\(.nodes) \(.processes) \(.breaker) \(.restarts)"' "5 false self 0"
	json_holds out '.sum.sent == .sum.delivered and .sum.sessions == 10'
}

processes()
{
	kills 20 2.5 --processes --restart-every 0.7
	json_holds out '.processes and .restarts >= 1 and .crashes == .restarts'
	json_holds out '.sum.sessions > 10'
}

restarts()
{
	kills 20 2.5 --restart-every 0.2 --slow 0
	json_holds out '.restarts >= 4 and .crashes >= 2 and .crashes < .restarts'
	json_holds out '.sum.sessions > 10'
}

slow_readers()
{
	kills 20 2.5 --nodes 4 --slow 4 --restart-every 1.5 --breaker self
}

many_nodes()
{
	local n=20
	[ "$SLOWER" = 1 ] || n=8
	kills 20 2 --nodes $n --breaker self --restart-every 1
	json_is out '.pairs | length' $((n * (n - 1)))
}

by_kills_alone()
{
	torture 0 --nodes 3 --kills 30 --breaker self --restart-every 0 --size 1k
	all_zeros
	json_holds out '.sum.kills >= 30 and .size == 1024'
}

# calls N SECONDS ARGUMENT...: a run of calls, of which at least N were done. On a busy machine it
# takes longer.
calls()
{
	local least=$1 seconds=$2 factor
	shift 2
	[ "$SLOWER" = 1 ] || least=1
	for factor in 1 3 9; do
		longer "$(jq -n "$seconds * $factor")" --calls "$@"
		json_is out '"\(.schema) \(.n_problems) \(.verdict) \(.calls)"' "1 0 PASSED true"
		jq -e ".sum.calls.done >= $least" out >/dev/null && break
	done
	json_holds out ".sum.calls.done >= $least"
	json_holds out '.sum.calls | .executed_twice + .without_end + .false_outcomes == 0'
	json_holds out '.sum.calls | .begun == .done + .busy + .aborted + .in_doubt +
		.not_executed + .started + .lost_with_caller'
	json_holds out '.sum.calls | .slots_used_most > 0 and .slots_used_most <= 128'
	json_holds out '.sum.calls.oldest_ms_most == (.pairs | map(.calls.oldest_ms_most) | max)'
	json_holds out '(.pairs | map(.calls.begun) | add) == .sum.calls.begun'
	json_holds out '.sum | .sent + .delivered == 0'
}

calls_in_one_process()
{
	calls 1000 2 --nodes 3 --restart-every 0.7
	json_is out .sum.calls.lost_with_caller 0
	json_holds out '.sum.calls | .aborted > 0 and .in_doubt > 0'
	[ "$SLOWER" != 1 ] || json_holds out '.sum.calls | .busy > 0 and .started > 0'
	json_holds out '.restarts >= 1 and .sum.kills > 0'
}

calls_of_processes_that_are_killed()
{
	calls 1000 2.5 --nodes 3 --processes --restart-every 0.7
	json_holds out '.restarts >= 1 and .crashes == .restarts and .sum.kills > 0'
}

calls_without_faults_are_not_lost()
{
	calls 500 1 --nodes 2 --breaker none --restart-every 0 --slow 0 --size 64k
	json_is out '"\(.sum.calls.lost_with_caller) \(.sum.sessions)"' "0 1"
}

# It takes a second at least: then there is a line of progress.
the_table_of_calls_is_for_people()
{
	timeout $((2 * LIMIT)) "$SINEW" torture --calls --nodes 2 --kills 100 --kill-every 15 \
		--restart-every 0 --breaker self >out 2>err
	equals "status" $? 0
	says out "pair         begun     done     busy  aborted    doubt executed  started   lost"
	says out "2 -> 1"
	says out "calls done over"
	says err "calls done"
}

the_table_is_for_people()
{
	timeout $((2 * LIMIT)) "$SINEW" torture --nodes 2 --kills 5 --restart-every 0 \
		--breaker self >out 2>err
	equals "status" $? 0
	says out "pair            sent  delivered  lost  duplicated  reordered  corrupted   kills"
	says out "1 -> 2"
	says out "PASSED:"
	says err "2 nodes at 127."
}

few_kills_are_no_proof()
{
	ended 3 ' [1-9][0-9]* messages' --nodes 2 --kills 1000000 --breaker self
	json_is out .verdict WEAK
	json_holds out '.status == 3 and .n_problems == 0'
}

# A process that nobody ended: the run fails, names the node and its signal, and ends soon.
a_node_that_dies_fails_the_run()
{
	local pid child i
	"$SINEW" torture --processes --nodes 3 --seconds 60 --restart-every 0 --breaker self \
		--json --linger 2 >out 2>err &
	pid=$!
	pids+=("$pid")
	wait_for has_line err " s  "
	# Other processes come and go meanwhile: cat does not mind, awk would.
	child=$(cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v parent="$pid" '$4 == parent { print $1; exit }')
	kill -KILL "${child:-x}"
	for ((i = 0; i < LIMIT * 20; i++)); do
		is_gone "$pid" && break
		sleep 0.05
	done
	is_gone "$pid" || bad "it still runs"
	wait "$pid"
	equals "status" $? 1
	json_is out .verdict FAILED
	says err "process killed by signal 9"
}

an_interrupt_ends_it_in_order()
{
	ended 0 ' [1-9][0-9]* kills' --nodes 3 --breaker self
	json_is out .verdict PASSED
	says err "ending the run early"
}

readers_that_go_away_do_not_end_it()
{
	(timeout "$LIMIT" "$SINEW" torture --nodes 2 --kills 5 --restart-every 0 \
		--breaker self 2>&1 >out; echo $? >status) | head -n 1 >err
	equals status "$(cat status)" 0
	says out "PASSED:"
	timeout "$LIMIT" "$SINEW" torture --nodes 2 --kills 5 --breaker self >/dev/full 2>err
	equals "status of a full disk" $? 1
	says err "cannot write standard output: No space left on device"
}

run wrong_usage_is_refused
run too_few_descriptors_are_told_at_once
run a_port_in_use_is_told
run the_soft_limit_is_raised
run one_process
run processes
run restarts
run sctp_in_user_land
run slow_readers
run many_nodes
run by_kills_alone
run calls_in_one_process
run calls_of_processes_that_are_killed
run calls_without_faults_are_not_lost
run the_table_of_calls_is_for_people
run the_table_is_for_people
run few_kills_are_no_proof
run a_node_that_dies_fails_the_run
run an_interrupt_ends_it_in_order
run readers_that_go_away_do_not_end_it
finish
