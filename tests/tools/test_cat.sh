#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew cat` as its users see it: what arrives, exit statuses, messages,
# statistics. Knows nothing of the library behind it.
# run.sh: waits timeout=200
# run.sh: with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh

pid_a=none pid_b=none	# set by node()

# node NAME ID OPTION...: in the background, standard input from fd 0; its output is NAME.out,
# its messages NAME.err, its statistics NAME.json; $! and pid_NAME are its process.
node()
{
	local name=$1 id=$2
	shift 2
	"$SINEW" cat --config c --node "$id" --stats "$name.json" "$@" >"${OUT:-$name.out}" \
		2>"$name.err" <&0 5>&- 6>&- &
	pids+=($!)
	printf -v "pid_$name" %s $!
}

# ends NAME STATUS: waits for a node, at most LIMIT seconds.
ends()
{
	local pid=pid_$1 i status
	for ((i = 0; i < LIMIT * 20; i++)); do
		is_gone "${!pid}" && break
		sleep 0.05
	done
	if ! is_gone "${!pid}"; then
		bad "$1 still runs after $LIMIT s; it said: $(tail -n 3 "$1.err")"
		kill -KILL "${!pid}"
	fi
	wait "${!pid}" 2>/dev/null
	status=$?
	[ "$status" = "$2" ] ||
		bad "status of $1 is $status, expected $2; it said: $(tail -n 3 "$1.err")"
}

lines() { seq -f "line %.0f of node $2, with some text behind it" "$1"; }
of_node() { sed -n "s/^$1\t//p" "$2"; }

wrong_usage_is_refused()
{
	refuses 2 "usage: sinew"
	refuses 2 '"dog" is not a subcommand' dog
	refuses 2 "specify a configuration file with --config" cat
	refuses 2 "--config FILE is missing" cat --membership static
	refuses 2 "--node ID is missing" cat --config c
	refuses 2 "unknown option --colour" cat --colour
	refuses 2 "option --node requires a value" cat --node
	refuses 2 'unexpected argument "more"' cat --config c --node 1 more
	refuses 2 '--node: found "x"' cat --config c --node x
	refuses 2 '--node: found "0"' cat --config c --node 0
	refuses 2 '--to: found "2,,3"' cat --config c --node 1 --to 2,,3
	refuses 2 '--to: found ""' cat --config c --node 1 --to ''
	refuses 2 '--to: c has no node 9' cat --config c --node 1 --to 9
	refuses 2 '--to: node 1 is the own node' cat --config c --node 1 --to 2,1
	refuses 2 '--from: c has no node 9' cat --config c --node 1 --from 9
	refuses 2 '--raw needs --from' cat --config c --node 1 --raw
	refuses 2 '--wait: found "-1"' cat --config c --node 1 --wait -1
	refuses 2 '--linger: found "1h"' cat --config c --node 1 --linger 1h
	refuses 2 '--chunk: found "0"' cat --config c --node 1 --chunk 0
	refuses 2 '--membership: found "magic"' cat --config c --node 1 --membership magic
	refuses 2 '--log-level: found "all"' cat --config c --node 1 --log-level all
	refuses 2 '--stats: cannot write no/such' cat --config c --node 1 --stats no/such
}

help_and_version_are_printed()
{
	"$SINEW" --help >out 2>err || bad "--help gave $?"
	says out "cat "
	"$SINEW" cat --help >out 2>err || bad "cat --help gave $?"
	says out "usage: sinew cat"
	"$SINEW" --version >out 2>err || bad "--version gave $?"
	says out "sinew 0."
}

wrong_configurations_are_refused()
{
	refuses 2 "none: cannot read: No such file" cat --config none --node 1
	refuses 2 "c: found no node with nodeid 7" cat --config c --node 7 --stats s.json
	json_is s.json .status 2
	json_is s.json .incarnation ""
	{ cat c; echo "what is this"; } >broken
	refuses 2 'broken:20: found "what is this", expected "name {"' cat --config broken --node 1
	sed 's/nodeid: 3/nodeid: 2/' c >twice
	refuses 2 'twice:14: found nodeid 2 again, already used in' cat --config twice --node 1
	sed "s/$NET.1/192.0.2.1/" c >elsewhere
	refuses 2 "elsewhere:7: 192.0.2.1 of node 1 is not an address of this machine" \
		cat --config elsewhere --node 1
}

a_port_in_use_is_named()
{
	node a 1 --to 2 --wait 20 </dev/null
	wait_for port_is_taken
	refuses 2 "c:7: $NET.1:21065 of node 1 is in use" cat --config c --node 1
	kill -TERM "$pid_a"
	ends a 3
}

port_is_taken() { (exec 3<>"/dev/tcp/$NET.1/21065") 2>/dev/null; }

# ---- what arrives ----

lines_of_any_bytes_arrive()
{
	printf 'first\n\n\nnul \0 byte\n\xff\xfe\tx\r\nno newline at the end' >in
	node b 2 </dev/null
	node a 1 --to 2 <in
	ends a 0
	ends b 0
	{ sed 's/^/1\t/' in; echo; } >want
	same want b.out
	json_is a.json '.peers[] | select(.node == 2) | .sent' 6
	json_is a.json '.peers[] | select(.node == 2) | .acked' 6
	json_is a.json '.peers[] | select(.node == 2) | .unacked' 0
	json_is b.json '.peers[] | select(.node == 1) | .delivered' 6
	json_is b.json .schema 2
	json_is b.json .node 2
	json_is b.json '.incarnation | length' 16
	json_is a.json '.peers | length' 2
}

# No message can print a line of another node: only lines of its own begin without a +.
a_newline_begins_no_line_of_another_node()
{
	printf 'first\n3\tforged\n\n' >in
	node b 2 </dev/null
	node a 1 --to 2 --chunk 1k <in
	ends a 0
	ends b 0
	printf '1\tfirst\n1+\t3\tforged\n1+\t\n1+\t\n' >want
	same want b.out
}

# Messages can be told from what is printed, also through a reader that is slow.
messages_of_any_bytes_can_be_read_back()
{
	head -c 3000000 /dev/urandom >in
	mkfifo pipe
	perl -e 'while (sysread(STDIN, $_, 30000)) { select(undef, undef, undef, .001); print }' \
		<pipe >b.out &
	pids+=($!)
	local reader=$!
	OUT=pipe node b 2 </dev/null
	node a 1 --to 2 --chunk 1000000 <in
	ends a 0
	ends b 0
	wait_for is_gone "$reader"
	perl -ne 's/^1(\+?)\t// or die; chomp; print $1 ? "\n$_" : $_' <b.out >back
	same in back
	equals "messages" "$(grep -ac '^1	' b.out)" 3
}

# A terminal only shows what a peer sends; what is no text is escaped.
on_a_terminal_nothing_is_obeyed()
{
	printf 'red \033[31m \a\r3\tforged \177 \302\233 \233 \xe2\x80\xae caf\303\251\n' >in
	script -qec "$SINEW cat --config c --node 2 --stats b.json" /dev/null \
		</dev/null >b.out 2>b.err &
	pids+=($!)
	node a 1 --to 2 <in
	ends a 0
	wait_for is_gone "${pids[0]}"
	tr -d '\r' <b.out >shown
	says shown '1	red \x1b[31m \x07\x0d3	forged \x7f \xc2\x9b \x9b \xe2\x80\xae café'
}

# The name of a cluster is what anybody writes into a file.
names_are_escaped_as_well()
{
	sed "s/cluster_name: test/cluster_name: te$(printf '\033')[2Jst/" c >coloured
	"$SINEW" members --config coloured --node 1 --wait 0.2 >out 2>err </dev/null
	says out 'cluster "te\x1b[2Jst", seen from node 1'
	refuses 2 '--to: found "\x1b[2J"' cat --config c --node 1 --to "$(printf '\033')[2J"
}

no_input_at_all_is_fine()
{
	node b 2 </dev/null
	node a 1 --to 2 </dev/null
	ends a 0
	ends b 0
	has_bytes b.out 1 && bad "something was printed"
}

three_send_to_all()
{
	local i k
	for i in 1 2 3; do
		lines $((i * 2000)) $i >in$i
		node n$i $i --to all <in$i
	done
	for i in 1 2 3; do
		ends n$i 0
		for k in 1 2 3; do
			[ $i = $k ] && continue
			of_node $k n$i.out >from$k
			same in$k from$k
		done
	done
}

connections_are_reset_all_the_time()
{
	local i k
	for i in 1 2 3; do
		lines 4000 $i >in$i
		node n$i $i --to all --rate 60k --break-every 20 <in$i
	done
	for i in 1 2 3; do
		ends n$i 0
		for k in 1 2 3; do
			[ $i = $k ] && continue
			of_node $k n$i.out >from$k
			same in$k from$k
		done
		json_holds n$i.json '[.peers[].reconnects] | min > 5'
	done
}

two_receive_from_one()
{
	lines 1000 1 >in
	node b 2 </dev/null
	node d 3 </dev/null
	node a 1 --to 2,3 <in
	ends a 0
	ends b 0
	ends d 0
	of_node 1 b.out >from_b
	of_node 1 d.out >from_d
	same in from_b
	same in from_d
}

binary_data_arrive_in_pieces()
{
	head -c 3000001 /dev/urandom >in
	node b 2 --raw --from 1 </dev/null
	node a 1 --to 2 --chunk 4k <in
	ends a 0
	ends b 0
	same in b.out
	json_is a.json '.peers[] | select(.node == 2) | .sent' 733
}

only_one_sender_is_printed()
{
	mkfifo feed
	node b 2 --from 1 </dev/null
	node a 1 --to 2 < <(echo one; cat feed)
	exec 6>feed
	wait_for has_bytes b.out 6
	node d 3 --to all <<<three
	wait_for has_line b.err "discarding messages from node 3: --from selects node 1 only"
	exec 6>&-
	ends a 0
	ends d 0
	ends b 0
	printf '1\tone\n' >want
	same want b.out
	json_is b.json '.peers[] | select(.node == 3) | .discarded' 1
}

the_rate_is_kept()
{
	local before after
	head -c 30000 /dev/zero | tr '\0' 'x' | fold -w 99 >in
	node b 2 </dev/null
	before=${EPOCHREALTIME/[.,]/}
	node a 1 --to 2 --rate 20000 <in
	ends a 0
	after=${EPOCHREALTIME/[.,]/}
	ends b 0
	[ $((after - before)) -gt 1300000 ] || bad "30 kB took $((after - before)) us at 20 kB/s"
}

# ---- what is refused while it runs ----

a_target_that_is_not_up_is_named()
{
	sed -i 's/nodeid: 3/nodeid: 3\n    name: third/' c
	node b 2 </dev/null
	wait_for listens 2
	node a 1 --to all --wait 4.5 <<<secret
	ends a 3
	says a.err "node 3 (third) is not up after 4.500 s: nothing was sent; cannot connect to \
$NET.3:21065: Connection refused: no listener at that address"
	grep -q "node 2 is not up" a.err && bad "node 2 was up"
	ends b 0
	has_bytes b.out 1 && bad "something was sent"
	json_is a.json .status 3
}

a_line_too_long_ends_the_input()
{
	config c "max_message: 1000"
	{
		head -c 1000 /dev/zero | tr '\0' 'x'; echo
		head -c 1001 /dev/zero | tr '\0' 'y'; echo
		echo more
	} >in
	node b 2 </dev/null
	node a 1 --to 2 <in
	ends a 2
	says a.err "line 2 of standard input is too long: 1001 bytes or more"
	says a.err "node 2 accepts messages up to 1000 (max_message)"
	ends b 0
	{ printf '1\t'; head -n 1 in; } >want
	same want b.out
	node b 2 </dev/null
	node a 1 --to 2 --chunk 1001 <in
	ends a 2
	says a.err "--chunk: found 1001, node 2 accepts messages up to 1000"
	ends b 0
	has_bytes b.out 1 && bad "something was sent"
}

a_blocked_reader_blocks_the_sender()
{
	config c "queue_bytes: 256k" "receive_bytes: 64k" "max_message: 4k"
	lines 60000 1 >in
	mkfifo pipe
	exec 5<>pipe
	OUT=pipe node b 2 </dev/null
	node a 1 --to 2 <in
	wait_for has_line a.err "standard input paused: queue full for node 2"
	equals "lines about it" "$(grep -c 'standard input paused' a.err)" 1
	kill -0 "$pid_b" || bad "the receiver ended"
	sed 's/^/1\t/' in >want
	timeout "$LIMIT" head -c "$(stat -c %s want)" <pipe >got
	exec 5<&-
	ends a 0
	ends b 0
	same want got
	json_is a.json '.peers[] | select(.node == 2) | .reconnects' 0
	json_holds b.json '.peers[] | select(.node == 1) | .kept_high_water > 0'
}

an_undelivered_rest_is_told()
{
	config c "queue_bytes: 4M" "receive_bytes: 64k" "max_message: 4k"
	lines 60000 1 >in
	mkfifo pipe
	exec 5<>pipe
	OUT=pipe node b 2 --to 1 </dev/null
	node a 1 --to 2 --linger 1 <in
	ends a 1
	exec 5<&-
	says a.err "node 2: "
	says a.err " messages undelivered"
	json_is a.json .status 1
	json_holds a.json '.peers[] | select(.node == 2) | .undelivered + .unknown > 0'
	kill -KILL "$pid_b" 2>/dev/null
	wait "$pid_b" 2>/dev/null
}

a_reader_that_leaves_ends_the_run()
{
	lines 5000 1 >in
	mkfifo pipe
	timeout "$LIMIT" head -n 1 <pipe >got &
	OUT=pipe node b 2 </dev/null
	node a 1 --to 2 --rate 200k <in
	ends b 1
	says b.err "cannot write standard output: Broken pipe (reader gone)"
	ends a 4
	says a.err "node 2 "
	printf '1\t' | cat - <(head -n 1 in) >want
	same want got
	json_is b.json .status 1
}

# ---- ends ----

a_signal_ends_in_order()
{
	mkfifo feed
	timeout "$LIMIT" bash -c 'while echo again and again; do :; done' >feed 2>/dev/null &
	pids+=($!)
	node b 2 </dev/null
	node a 1 --to 2 --rate 100k <feed
	wait_for has_bytes b.out 1000
	kill -TERM "$pid_a"
	ends a 0
	says a.err "Terminated: finishing"
	ends b 0
	equals "lines that are not whole" "$(grep -vc '^1	again and again$' b.out)" 0
	equals "lines" "$(wc -l <b.out)" "$(jq '.peers[] | select(.node == 2) | .acked' a.json)"
}

# 256k of the queue are some 3,000 lines, the receiver's pipe and its 64k take some 2,000: it
# cannot end in order.
a_second_signal_ends_at_once()
{
	config c "queue_bytes: 256k" "receive_bytes: 64k" "max_message: 4k"
	lines 60000 1 >in
	mkfifo pipe
	exec 5<>pipe
	OUT=pipe node b 2 </dev/null
	node a 1 --to 2 --linger 60 < <(cat in; sleep $LIMIT)
	wait_for has_line a.err "standard input paused: queue full for node 2"
	kill -TERM "$pid_a"
	wait_for has_line a.err "Terminated: finishing"
	kill -INT "$pid_a"
	ends a 130
	json_is a.json .status 130
	exec 5<&-
	kill -TERM "$pid_b"
	wait_for has_line b.err "Terminated: finishing"
	kill -TERM "$pid_b"
	ends b 143
}

a_target_killed_and_started_again()
{
	node b 2 </dev/null
	lines 100000 1 >in
	node a 1 --to 2 --rate 100k <in
	wait_for has_bytes b.out 1000
	kill -KILL "$pid_b"
	wait "$pid_b" 2>/dev/null
	mv b.out b1.out
	node b 2 </dev/null
	ends a 4
	says a.err "node 2 is down: superseded by a new incarnation"
	ends b 0
	json_is a.json .status 4
	of_node 1 b1.out | sed '$d' >got
	head -n "$(wc -l <got)" in >want
	same want got
}

# Of two senders one after the other, and one that is killed.
a_receiver_stays_with_keep_going()
{
	node b 2 --keep-going </dev/null
	node a 1 --to 2 <<<first
	ends a 0
	mkfifo feed
	exec 6<>feed
	node d 3 --to 2 <feed
	echo other >&6
	wait_for has_line b.out other
	kill -KILL "$pid_d"
	exec 6>&-
	node a 1 --to 2 <<<second
	ends a 0
	kill -TERM "$pid_b"
	ends b 0
	equals 'what came' "$(tr '\n\t' '  ' <b.out)" '1 first 3 other 1 second '
}

a_target_may_fail_with_keep_going()
{
	node b 2 </dev/null
	node d 3 </dev/null
	lines 20000 1 >in
	node a 1 --to 2,3 --keep-going --rate 300k <in
	wait_for has_bytes b.out 1000
	kill -KILL "$pid_b"
	wait "$pid_b" 2>/dev/null
	node b 2 </dev/null
	ends a 0
	ends b 0
	ends d 0
	of_node 1 d.out >got
	same in got
	tail -n 1 in >want
	of_node 1 b.out | tail -n 1 >got
	same want got
	json_is a.json '.peers[] | select(.node == 2) | .sessions' 2
}

statistics_go_where_they_should()
{
	node b 2 --stats /dev/null </dev/null
	echo old >a.json
	chmod 600 a.json
	ln -s a.json link
	node a 1 --to 2 --stats link </dev/null
	ends a 0
	ends b 0
	[ -c /dev/null ] || bad "/dev/null was replaced"
	[ -L link ] || bad "the link was replaced"
	json_is a.json .schema 2
}

closed_descriptors_do_no_harm()
{
	node b 2 </dev/null
	timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 <&- >a.out 2>a.err
	equals "status with a closed input" $? 0
	ends b 0
	node b 2 </dev/null
	echo text | timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 >&- 2>&-
	equals "status with closed outputs" $? 0
	ends b 0
	printf '1\ttext\n' >want
	same want b.out
}

run wrong_usage_is_refused
run help_and_version_are_printed
run wrong_configurations_are_refused
run a_port_in_use_is_named
run lines_of_any_bytes_arrive
run a_newline_begins_no_line_of_another_node
run messages_of_any_bytes_can_be_read_back
run on_a_terminal_nothing_is_obeyed
run names_are_escaped_as_well
run no_input_at_all_is_fine
run three_send_to_all
run connections_are_reset_all_the_time
run two_receive_from_one
run binary_data_arrive_in_pieces
run only_one_sender_is_printed
run the_rate_is_kept
run a_target_that_is_not_up_is_named
run a_line_too_long_ends_the_input
run a_blocked_reader_blocks_the_sender
run an_undelivered_rest_is_told
run a_reader_that_leaves_ends_the_run
run a_signal_ends_in_order
run a_second_signal_ends_at_once
run a_target_killed_and_started_again
run a_target_may_fail_with_keep_going
run a_receiver_stays_with_keep_going
run statistics_go_where_they_should
run closed_descriptors_do_no_harm
finish
