#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew ping` as its users see it: who answers, who does not and why, what is
# printed. Knows nothing of the library behind it.
# run.sh: waits timeout=120 with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh

stop_member()
{
	kill -TERM "$1"
	wait "$1" 2>/dev/null
}

# ping STATUS ARGUMENT...: from node 1.
ping()
{
	local status=$1
	shift
	timeout "$LIMIT" "$SINEW" ping --config c --node 1 "$@" >out 2>err </dev/null
	equals "status of ping $*" $? "$status"
}

wrong_usage_is_refused()
{
	refuses 2 '--config FILE is missing' ping --membership static
	refuses 2 'static or corosync' ping --membership other
	refuses 2 '--node ID is missing' ping --config c
	refuses 2 '--interval: found "0.04"' ping --interval 0.04
	refuses 2 '--timeout: found "0"' ping --timeout 0
	refuses 2 '--count: found "0"' ping --count 0
	refuses 2 '--to: found "2,"' ping --to 2,
	refuses 2 '--to: node 1 is the own node' ping --config c --node 1 --to 1
	refuses 2 'no node with nodeid 9' ping --config c --node 1 --to 9
	refuses 2 'no node with nodeid 7' ping --config c --node 7
	refuses 2 '--size: found "3"' ping --size 3
	refuses 2 '--size: found "16385"' ping --size 16385
	refuses 2 '--size over 512 needs an --interval of 1' ping --size 513 --interval 0.5
	refuses 2 'unknown option --long' ping --long 3
}

a_machine_without_the_transport_is_told()
{
	config c 'transport: carrier'
	refuses 2 'option transport: unknown, expected tcp or sctp' ping --config c --node 1
}

a_node_that_runs_answers()
{
	member 2
	ping 0 --to 2 --count 4 --interval 0.05
	grep -E "^node 2 at $NET.2:21065: n=[1-4] time=[0-9.]+ us( full=[0-9.]+ us)?$" out >times
	equals 'lines with a time' "$(wc -l <times)" 4
	equals 'lines with a full one' "$(grep -c full times)" 1
	says out 'p99 us'
	ping 0 --to 2 --count 4 --interval 0.05 --json
	json_holds out '.schema == 1 and .command == "ping"'
	json_holds out '.node == 1 and .cluster == "test"'
	json_holds out '.paths | length == 1 and .[0].node == 2 and .[0].answered == 4'
	json_holds out '.paths[0] | .lost == 0 and .connects == 1 and .error == ""'
	json_holds out '.paths[0] | .full_asked == 1 and .full_answered == 1'
	json_holds out '.paths[0] | 0 < .min_us and .min_us <= .median_us'
	json_holds out '.paths[0] | .median_us <= .p99_us and .p99_us <= .max_us'
	ping 0 --to 2 --count 2 --interval 0.05 --quiet
	equals 'lines of a quiet run' "$(wc -l <out)" 2
}

questions_have_the_size_that_is_asked_for()
{
	member 2
	local size
	for size in 116 512 513 16384; do
		ping 0 --to 2 --count 2 --size $size --json
		json_holds out '.paths[0] | .answered == 2 and .connects == 1 and .full_asked == 0'
	done
	# All of them wait for a second at most: more than the node answers.
	ping 0 --to 2 --count 4 --json
	json_holds out '.paths[0] | .full_asked == 4 and .full_answered == 4 and .connects == 1'
}

a_node_that_does_not_run_is_named()
{
	member 2
	ping 3 --count 2 --interval 0.05
	says err "node 3 at $NET.3:21065: cannot connect: Connection refused: no listener"
	equals 'lines of node 2' "$(grep -c '^node 2 at' out)" 2
}

# The others that answer do not hide it.
a_name_without_address_is_no_success()
{
	sed -i "s/$NET.3/no.such.host.invalid/" c
	member 2
	ping 3 --count 1
	says err 'found "no.such.host.invalid" as ring0_addr of node 3, which cannot be resolved: '
	equals 'lines of node 2' "$(grep -c '^node 2 at' out)" 1
	ping 0 --to 2 --count 1
}

a_node_that_hangs_is_named()
{
	member 2
	local pid=$!
	kill -STOP $pid
	ping 3 --to 2 --count 1 --timeout 0.2
	says err "${silence:-connected, but no answer; program hung}"
	kill -CONT $pid
	# What it finds then is old: the connection is gone.
	ping 0 --to 2 --count 1
}

# Earlier answers make no difference.
a_node_that_hangs_later_is_named()
{
	member 2
	local two=$! pid
	"$SINEW" ping --config c --node 1 --to 2 --interval 0.05 --timeout 0.3 >out 2>err \
		</dev/null &
	pid=$!
	pids+=($pid)
	wait_for has_line out 'time='
	kill -STOP $two
	wait_for has_line err 'connected, but no answer; program hung'
	kill -CONT $two
	kill -INT $pid
	wait $pid
	equals 'status of some answers' $? 1
}

# Node 2's own file does not know our address.
who_is_no_member_is_told_so()
{
	sed "s/$NET.1/$NET.9/" c >other
	member 2 other
	ping 3 --to 2 --count 1
	says err "${silence:-it does not accept us as a member}"
}

another_cluster_does_not_answer()
{
	sed 's/cluster_name: test/cluster_name: other/' c >other
	member 2 other
	ping 3 --to 2 --count 2 --interval 0.05
	says err 'the same cluster_name?'
}

another_node_at_that_address_is_told()
{
	sed -e 's/nodeid: 2/nodeid: 7/' c >other
	"$SINEW" cat --config other --node 7 </dev/null >/dev/null 2>err7 &
	pids+=($!)
	wait_for listens 2
	ping 3 --to 2 --count 1
	says err 'node 7 answered, expected node 2'
}

# Anything may be there: a web server, or an attacker.
something_else_at_that_port_is_told()
{
	config c "port: $(free_port)"
	local port
	port=$(sed -n 's/^ *port: //p' c)
	perl -MIO::Socket::INET -e '
		my $l = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => $ARGV[1],
			Listen => 5, ReuseAddr => 1) or die;
		while (my $c = $l->accept()) { print $c "HTTP/1.1 400 Bad Request\r\n\r\n"; }
	' "$NET.2" "$port" &
	pids+=($!)
	wait_for listens 2
	ping 3 --to 2 --count 1
	says err 'invalid answer: not a frame of this protocol'
}

sessions_are_not_disturbed()
{
	member 2
	local two=$!
	mkfifo in
	exec 9<>in
	"$SINEW" cat --config c --node 1 --to 2 --stats stats1 <in >/dev/null 2>err1 &
	local one=$!
	pids+=($one)
	printf 'a\nb\n' >&9
	wait_for established
	ping 0 --to 2 --count 10 --interval 0.05 --quiet
	stop_member $one
	exec 9>&-
	wait $two
	json_holds stats1 '.peers[] | select(.node == 2) | .reconnects == 0 and .acked == 2'
	json_holds stats2 '.peers[] | select(.node == 1) | .reconnects == 0 and .faults == 0'
}

established() { [ -n "$(ss -Htun state established "src $NET.1 and dst $NET.2")" ]; }

a_signal_ends_with_the_table()
{
	member 2
	"$SINEW" ping --config c --node 1 --to 2 --interval 0.05 >out 2>err </dev/null &
	local pid=$!
	pids+=($pid)
	wait_for has_line out 'n=3 '
	kill -INT $pid
	wait $pid
	equals 'status after a signal' $? 0
	says out 'median us'
}

a_full_output_is_told()
{
	member 2
	"$SINEW" ping --config c --node 1 --to 2 --count 1 --json >/dev/full 2>err </dev/null
	equals 'status with a full output' $? 1
	says err 'No space left on device'
}

run wrong_usage_is_refused
run a_machine_without_the_transport_is_told
run a_node_that_runs_answers
run questions_have_the_size_that_is_asked_for
run a_node_that_does_not_run_is_named
run a_name_without_address_is_no_success
run a_node_that_hangs_is_named
run a_node_that_hangs_later_is_named
run who_is_no_member_is_told_so
run another_cluster_does_not_answer
run another_node_at_that_address_is_told
run something_else_at_that_port_is_told
run sessions_are_not_disturbed
run a_signal_ends_with_the_table
run a_full_output_is_told

# The same over SCTP in user land, where a stranger hears nothing: a connection is all that the
# command sees of a node.
silence='connection timed out: firewall, node down or hung, or its configuration does not list our'
for name in a_node_that_runs_answers questions_have_the_size_that_is_asked_for \
	a_node_that_does_not_run_is_named a_node_that_hangs_is_named \
	a_node_that_hangs_later_is_named who_is_no_member_is_told_so \
	another_cluster_does_not_answer another_node_at_that_address_is_told \
	sessions_are_not_disturbed a_signal_ends_with_the_table; do
	eval "${name}_over_sctp() { config c 'transport: sctp' 'sctp_backend: user'; $name; }"
	run_over_usrsctp "${name}_over_sctp"
done
finish
