#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of the signals that end a run: which they are, for which subcommand, and that they
# are heard while nodes and names are still looked up. Knows nothing of what a run does.
# run.sh: timeout=120 with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh

# begin ARGUMENT...: in the background; its process is $pid.
begin()
{
	"$SINEW" "$@" <&7 >out 2>err &
	pid=$!
	pids+=("$pid")
}

# ended STATUS-PATTERN: it has, soon.
ended()
{
	local status
	wait_for is_gone "$pid" || return
	wait "$pid" 2>/dev/null
	status=$?
	[[ $status =~ ^($1)$ ]] || bad "status is $status, expected $1; it said: $(tail -n 3 err)"
}

has_threads() { [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -ge "$2" ]; }

# It may take as long as a dead name server: a file that nobody writes.
while_it_looks_up()
{
	local command
	mkfifo slow
	exec 7</dev/null
	for command in "cat --stats s.json" members ping "bench --to 2"; do
		for signal in TERM HUP; do
			begin $command --config slow --node 1
			wait_for has_threads "$pid" 2 || return
			kill -$signal "$pid"
			ended 3
			says err 'interrupted by a signal while reading slow and resolving its'
		done
	done
	json_is s.json .status 3
	json_is s.json .node 1
}

# A sender's end is told by FIN: the receiver ends as well, and without a fault.
cat_finishes_and_counts()
{
	local receiver
	mkfifo feed
	for signal in INT TERM HUP QUIT; do
		rm -f stats2
		member 2
		receiver=$!
		exec 8<>feed 7<feed
		begin cat --config c --node 1 --to 2 --stats "$signal.json"
		echo "before SIG$signal" >&8
		wait_for peer_has_it "$pid" || return
		kill -"$signal" "$pid"
		ended 0
		says err "finishing, delivering input already read"
		json_is "$signal.json" '.peers[] | select(.node == 2) | .acked' 1
		wait_for is_gone "$receiver" || return
		json_is stats2 .status 0
		json_is stats2 '.peers[] | select(.node == 1) | [.delivered, .down] | tostring' \
			'[1,"closed"]'
		exec 7<&- 8<&-
	done
}

# The line went out and is acknowledged: nothing waits in either direction.
peer_has_it()
{
	ss -Htnp state established | grep -q "pid=$1," && [ ! -s err ] && sent_is_taken "$1"
}
sent_is_taken()
{
	ss -Htn state established "src $NET.1" | awk '{ s += $1 + $2 } END { exit s != 0 }'
}

ping_and_members_end_in_order()
{
	member 2
	exec 7</dev/null
	for signal in HUP QUIT; do
		begin ping --config c --node 1 --to 2 --interval 0.05
		wait_for has_line out "n=2 "
		kill -"$signal" "$pid"
		ended 0
		says out "median us"
		kill -STOP "${pids[0]}"
		begin members --config c --node 1 --wait $LIMIT
		wait_for is_asked || return
		kill -"$signal" "$pid"
		ended 3
		says out "cluster \"test\", seen from node 1"
		kill -CONT "${pids[0]}"
	done
}

is_asked() { ss -Htn state established "src $NET.1" | grep -q .; }

a_bench_and_torture_end_in_order()
{
	exec 7</dev/null
	for signal in HUP QUIT; do
		begin bench --config c --node 2 --serve
		wait_for listens 2
		kill -"$signal" "$pid"
		ended 0
		begin torture --seconds 1000 --nodes 2
		# Before the first of these lines nothing may have been delivered, which fails.
		wait_for has_line err " s  "
		kill -"$signal" "$pid"
		# 3: few connections were killed by then.
		ended '0|3'
		says err "ending the run early"
		says out "messages delivered over"
	done
}

# A user of nohup wants it to go on.
an_ignored_hangup_stays_ignored()
{
	exec 7</dev/null
	(trap '' HUP; exec "$SINEW" cat --config c --node 2 --stats s.json <&7 >out 2>err) &
	pid=$!
	pids+=("$pid")
	wait_for listens 2
	kill -HUP "$pid"
	kill -TERM "$pid"
	ended 0
	says err "Terminated: finishing"
	json_is s.json .status 0
}

run while_it_looks_up
run cat_finishes_and_counts
run ping_and_members_end_in_order
run a_bench_and_torture_end_in_order
run an_ignored_hangup_stays_ignored
finish
