#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of how `sinew break relay` is used: usage, files, who may connect, how it ends, and
# that nodes lose nothing by it. Knows only the command line.
# run.sh: waits timeout=120
# run.sh: with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/tools/relay_lib.sh

# ---- usage ----

wrong_logs_are_refused()
{
	local head='{"schema":1,"seed":1,"options":""}'
	local act='{"dialler":"a","number":1,"direction":"a","offset":1,"act":"reset"}'
	replays() { printf '%s\n' "${@:2}" >l; refuses 2 "$1" break relay $ENDS --replay l; }
	refuses 2 "none: cannot read: No such file" break relay $ENDS --replay none
	replays 'l:1: found something else' ''
	replays 'l:1: found something else' 'no json'
	replays 'l:1: found something else' '[]'
	replays 'l:1: found something else' "$act"
	replays 'l:1: found something else' "${head/1/2}"
	replays 'l:3: found something else' "$head" "$act" 'no json'
	replays '"a" or "b"' "$head" "${act/\"a\"/\"c\"}"
	replays 'the "number" of a connection' "$head" "${act/:1/:0}"
	replays 'an "act" with' "$head" "${act/reset/rest}"
	replays 'an "act" with' "$head" "${act/reset/stall}"
	replays 'an "act" with' "$head" "${act/\}/,\"ms\":1\}}"
	: >l
	refuses 2 'l:1: found something else' break relay $ENDS --replay l
}

wrong_usage_is_refused()
{
	refuses 2 "found no nodes, expected --a and --b, or --config" break relay
	refuses 2 "found one of --a and --b" break relay --a "$A,$A_STAND_IN"
	refuses 2 '--a: found "x,y"' break relay --a x,y --b "$B,$B_STAND_IN"
	refuses 2 "--a: found \"$A\"" break relay --a "$A" --b "$B,$B_STAND_IN"
	refuses 2 "--b: found \"$B:0,$B\"" break relay --b "$B:0,$B"
	refuses 2 "--b: found \"[::1,::1\"" break relay --b "[::1,::1"
	refuses 2 "are not of one family" break relay --a "$A,::1" --b "$B,$B_STAND_IN"
	refuses 2 "found --config and --a or --b" break relay $ENDS --config c
	refuses 2 "--config needs --nodes" break relay --config c
	refuses 2 "--config needs --stand-ins" break relay --config c --nodes 1,2
	refuses 2 '--nodes: found "1,1"' break relay --nodes 1,1
	refuses 2 '--nodes: found "1"' break relay --nodes 1
	refuses 2 "found no node with nodeid 9" break relay --config c --nodes 1,9 \
		--stand-ins "$A_STAND_IN,$B_STAND_IN"
	refuses 2 "cannot create no/such: No such file" break relay --config c --nodes 1,2 \
		--stand-ins "$A_STAND_IN,$B_STAND_IN" --write-configs no/such
	refuses 2 "the stand-in of a is the address of b" break relay --a "$A,$B" \
		--b "$B,$B_STAND_IN"
	mkdir e
	cp c e/2.conf
	refuses 2 "e/2.conf is --config itself" break relay --config e/2.conf --nodes 1,2 \
		--stand-ins "$A_STAND_IN,$B_STAND_IN" --write-configs e
	same c e/2.conf
	refuses 2 "--write-configs need --config" break relay $ENDS --write-configs d
	refuses 2 '--every: found "1k"' break relay $ENDS --every 1k
	refuses 2 '--at: found "1k:reset"' break relay $ENDS --at 1k:reset
	refuses 2 '--seed: found "x"' break relay $ENDS --seed x
	refuses 2 '--resets: found "0"' break relay $ENDS --resets 0
	refuses 2 '--for: found "0"' break relay $ENDS --for 0
	refuses 2 "--replay has acts and seed from the log" break relay $ENDS --replay l --seed 1
	refuses 2 "--log: cannot write no/such: No such file" break relay $ENDS --log no/such
	refuses 2 "cannot listen at 192.0.2.1:$PORT, the stand-in of b: Cannot assign" \
		break relay --a "$A,$A_STAND_IN" --b "$B,192.0.2.1"
	refuses 2 "found more than 32 of --every and --at" break relay $ENDS \
		$(printf -- '--every 1k:reset %.0s' {1..33})
	"$SINEW" break relay --help >out 2>err || bad "--help gave $?"
	says out "usage: sinew break relay"
}

a_port_in_use_is_named()
{
	relay r
	refuses 2 "the stand-in of b: Address already in use; end what has that port" \
		break relay $ENDS
	stop_relay r
}

an_output_that_is_full_is_told()
{
	start_saying full.err ready "$SINEW" break relay $ENDS >/dev/full
	relay_pid=$begun
	kill -TERM "$relay_pid"
	relay_ends full 1
	says full.err "cannot write the summary to standard output: No space left"
	"$SINEW" break relay $ENDS --log /dev/full >out 2>err </dev/null
	equals "status with a full log" $? 2
	says err "--log: cannot write /dev/full: No space left"
}

# ---- ends and limits ----

# Two at once: each stays for 3 s after the last connection.
it_ends_by_itself_after_the_faults()
{
	local resets_pid
	relay resets --at all:a:100:reset --resets 3
	pair resets out=1000 back=1000 connections=6
	resets_pid=$relay_pid
	relay_of for --a "$A:7001,$A_STAND_IN" --b "$B:7001,$B_STAND_IN" \
		--at all:a:0:stall=3600000 --for 0.3
	timeout "$LIMIT" "$PAIR" "$A" "$B_STAND_IN" 7001 "$B" 7001 out=1000 back=1000 >for.pair
	whole for 1 1000 1000
	relay_ends for 0
	says for.err "no more faults: time of --for expired"
	relay_pid=$resets_pid
	relay_ends resets 0
	says resets.err "no more faults: --resets reached"
	is resets 3 dialled end reset
	whole resets 4 1000 1000
	whole resets 6 1000 1000
	json_is resets.json '.nodes[0].acts.reset' 3
}

a_signal_resets_what_is_open()
{
	relay r --at all:both:0:stall=3600000
	pair r out=1000 back=1000 &
	pids+=($!)
	wait_for has_line r.log '"direction":"b"'
	stop_relay r
	wait $!
	is r 1 dialler end reset
	is r 1 dialled end reset
}

strangers_and_too_many_are_refused()
{
	relay r
	timeout "$LIMIT" "$PAIR" "$NET.3" "$B_STAND_IN" $PORT "$B" $PORT idle=2 refused=2 \
		>stranger || bad "the pair ended with $?"
	says stranger "stood=0 refused=2"
	says r.err "source is $NET.3, expected $A (node a)"
	pair idle idle=70 refused=6
	says idle.pair "stood=64 refused=6"
	says r.err "too many connections"
	wait_for has_room
	pair r out=1000 back=1000
	whole r 1 1000 1000
	stop_relay r
	json_is r.json '.nodes[0].refused.stranger' 2
	json_is r.json '.nodes[0].refused.full' 6
}

n_fds() { ls "/proc/$relay_pid/fd" | wc -l; }
# The relay has seen that the idle ones have gone.
has_room() { [ "$(n_fds)" -lt 20 ]; }
# It has both ends of 64 connections beside the descriptors of its start, and waits: stopped there,
# it looks at everything that has come meanwhile before it takes a dial.
is_full_and_waits()
{
	[ "$(n_fds)" = $(($1 + 128)) ] && grep -q '^State:[[:space:]]*S' "/proc/$relay_pid/status"
}
# The other ends of the idle connections have heard that these have gone.
have_gone() { ! ss -Htn state established "( src $A_STAND_IN or src $B_STAND_IN )" | grep -q .; }

# It learns at once that all have gone and that one has come.
those_that_end_make_room()
{
	local idle n_at_start
	relay r
	n_at_start=$(n_fds)
	"$PAIR" "$A" "$B_STAND_IN" $PORT "$B" $PORT idle=64 patience=100000 >idle.pair &
	idle=$!
	pids+=($idle)
	wait_for is_full_and_waits "$n_at_start"
	kill -STOP "$relay_pid"
	kill "$idle"
	reap "$idle"
	wait_for have_gone
	pair r out=1000 back=1000 &
	pids+=($!)
	wait_for has_dialled
	kill -CONT "$relay_pid"
	wait_for has_line r.pair '1 dialled'
	whole r 1 1000 1000
	stop_relay r
	json_is r.json '.nodes[0].connections' 65
	json_is r.json '.nodes[0].refused.full' 0
}

# A connection that the kernel has made, and the relay has not taken yet.
has_dialled() { ss -Htn state established "src $B_STAND_IN" | grep -q .; }

# The first one cannot be known beforehand: it is reset. Then the relay refuses as the node does,
# until a dial of its own finds the node again.
who_is_away_is_refused_and_has_no_number()
{
	relay r --at a1:a:10:reset
	"$PAIR" "$A" "$B_STAND_IN" $PORT "$NET.4" $PORT idle=1 refused=1 >idle.pair
	says idle.pair "stood=0 refused=1"
	says r.err "cannot connect to node b at $B:$PORT: Connection refused"
	(exec 3<>"/dev/tcp/$B_STAND_IN/$PORT") 2>refusal
	says refusal "Connection refused"
	pair r out=100 back=100 skip=1
	stop_relay r
	is r 1 dialled got 10
	json_is r.json '.nodes[0].connections' 1
	json_is r.json '.nodes[0].refused.failed' 1
	json_is r.json '.nodes[0].refused.stranger' 0
}

six_goes_as_well()
{
	local p
	p=$((10000 + ($$ * 4) % 20000))
	relay_of r --a "[::1]:$p,[::1]:$((p + 1))" --b "[::1]:$((p + 2)),[::1]:$((p + 3))" \
		--at a2:a:1000:reset
	timeout "$LIMIT" "$PAIR" ::1 ::1 $((p + 3)) ::1 $((p + 2)) out=2000 back=2000 \
		connections=2 >r.pair || bad "the pair ended with $?"
	stop_relay r
	whole r 1 2000 2000
	is r 2 dialled got 1000
	is r 2 dialled end reset
}

# ---- nodes ----

# node NAME ID OPTION...: by the configuration that the relay has made for it.
node()
{
	"$SINEW" cat --config "d/$2.conf" --node "$2" --stats "$1.json" "${@:3}" \
		>"$1.out" 2>"$1.err" <&0 &
	pids+=($!)
	printf -v "pid_$1" %s $!
}

ends()
{
	local pid=pid_$1
	reap "${!pid}"
	equals "status of $1" $? 0
}

nodes_lose_nothing()
{
	local n
	config c 'stall_ms: 500' 'keepalive_ms: 200'
	sed -i "/$NET.2/a\    ring1_addr: 192.0.2.2" c
	# What others have put where it writes is not written to.
	echo mine >victim
	mkdir d
	ln victim d/1.conf
	ln victim r.log
	relay_of r --config c --nodes 1,2 --stand-ins "$A_STAND_IN,$B_STAND_IN:7000" \
		--write-configs d --seed 5 --every 150k:reset --every 40k:stall=3 \
		--every 100k:stall=2,both --every 50k:delay=2,8k --every 50k:split=300,20k \
		--every 50k:join=4k,3,20k --every 100k:throttle=1M,20k --every 300k:fin \
		--every 1M:hole
	says d/1.conf "ring0_addr: $B_STAND_IN"
	equals victim "$(cat victim)" mine
	says d/1.conf "sinew_port: 7000"
	says d/1.conf "ring0_addr: $NET.1"
	says d/2.conf "ring0_addr: $A_STAND_IN"
	grep -q ring1_addr d/1.conf && bad "d/1.conf has another way to node 2: $(cat d/1.conf)"
	says d/2.conf "ring1_addr: 192.0.2.2"
	sed -i '/ring1_addr/d' d/2.conf
	for n in 1 2; do
		seq -f "line %.0f of node $n, with some text behind it" 40000 >"in$n"
	done
	node a 1 --to 2 --linger 20 <in1
	node b 2 --to 1 --linger 20 <in2
	ends a
	ends b
	stop_relay r
	sed 's/^/1\t/' in1 >want
	same want b.out
	sed 's/^/2\t/' in2 >want
	same want a.out
	json_holds r.json '[.nodes[].acts.reset] | add >= 5'
	json_holds r.json '[.nodes[].acts.stall] | add >= 10'
	json_holds a.json '.peers[] | select(.node == 2) | .reconnects >= 5'
}

run wrong_usage_is_refused
run wrong_logs_are_refused
run a_port_in_use_is_named
run an_output_that_is_full_is_told
run it_ends_by_itself_after_the_faults
run a_signal_resets_what_is_open
run strangers_and_too_many_are_refused
run those_that_end_make_room
run who_is_away_is_refused_and_has_no_number
if grep -qs '^00000000000000000000000000000001 ' /proc/net/if_inet6; then
	run six_goes_as_well
else
	skip six_goes_as_well "this machine has no IPv6 on loopback"
fi
run nodes_lose_nothing
finish
