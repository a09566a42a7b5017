#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of what `sinew break relay` does to bytes: that each fault is what it says, at its
# very byte, and that a seed and a log repeat it. Knows only the command line.
# run.sh: timeout=120
# run.sh: with=jq
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/tools/relay_lib.sh

# ---- each fault ----

without_faults_all_passes()
{
	relay r
	pair r out=3000000 back=2000000 connections=3
	stop_relay r
	whole r 1 3000000 2000000
	whole r 3 3000000 2000000
	log_is r ''
	json_is r.json .schema 1
	json_is r.json '.nodes[0].connections' 3
	json_is r.json '.nodes[0].bytes' 9000000
	json_is r.json '.nodes[1].bytes' 6000000
	json_is r.json '[.nodes[].acts[]] | add' 0
	json_is r.json '[.nodes[].refused[]] | add' 0
}

# In turn, so that no direction has ended before.
a_reset_is_at_its_byte()
{
	relay r --at a2:a:1500:reset --at a3:b:70001:reset --at 4:a:0:reset
	pair r out=200000 back=200000 chunk=1000 connections=5
	stop_relay r
	whole r 1 200000 200000
	is r 2 dialled got 1500
	is r 2 dialled end reset
	is r 2 dialler got 1000
	is r 2 dialler end reset
	is r 3 dialler got 70001
	is r 3 dialler end reset
	is r 3 dialled got 71000
	is r 3 dialled end reset
	is r 4 dialled got 0
	is r 4 dialled end reset
	whole r 5 200000 200000
	log_is r '{"dialler":"a","number":2,"direction":"a","offset":1500,"act":"reset"}' \
		'{"dialler":"a","number":3,"direction":"b","offset":70001,"act":"reset"}' \
		'{"dialler":"a","number":4,"direction":"a","offset":0,"act":"reset"}'
}

# However slow its reader is, it gets all that was before the reset.
a_reset_waits_for_what_was_before()
{
	relay r --at a1:a:5000000:reset
	pair r out=6000000 wait=300
	stop_relay r
	is r 1 dialled got 5000000
	is r 1 dialled end reset
}

both_sides_are_numbered_for_themselves()
{
	relay r --at b2:b:500:reset --at a1:a:400:reset
	pair r out=1000 back=1000
	pair_back back out=1000 back=1000 connections=3
	stop_relay r
	is r 1 dialled got 400
	whole back 1 1000 1000
	is back 2 dialled got 500
	is back 2 dialled end reset
	whole back 3 1000 1000
	json_is r.json '.nodes[0].connections' 1
	json_is r.json '.nodes[1].connections' 3
	log_is r '{"dialler":"a","number":1,"direction":"a","offset":400,"act":"reset"}' \
		'{"dialler":"b","number":2,"direction":"b","offset":500,"act":"reset"}'
}

half_a_close_leaves_the_other_direction()
{
	relay r --at a1:a:4321:fin
	pair r out=9000000 back=9000000
	stop_relay r
	is r 1 dialled got 4321
	is r 1 dialled end eof
	is r 1 dialler sent 9000000
	is r 1 dialler got 9000000
	is r 1 dialler end eof
}

a_hole_takes_all_and_gives_nothing()
{
	relay r --at a1:b:4321:hole
	pair r out=3000000 back=20000000
	stop_relay r
	is r 1 dialler got 4321
	is r 1 dialled sent 20000000
	is r 1 dialled got 3000000
	is r 1 dialled end eof
	# In the end it says that this was no orderly end.
	is r 1 dialler end reset
}

# It would go on for an hour: what it lets through, it lets through at once.
a_stall_takes_nothing_and_leaves_the_other_direction()
{
	relay r --at a1:a:4321:stall=3600000
	pair r out=50000000 back=9000000 enough=4321
	stop_relay r
	is r 1 dialled got 4321
	is r 1 dialled end none
	at_most r 1 dialler sent 49999999
	is r 1 dialler got 9000000
	is r 1 dialler end eof
}

a_stall_ends()
{
	relay r --at a1:a:4321:stall=200 --at a2:b:0:stall=200,both
	pair r out=100000 back=100000 connections=2
	stop_relay r
	whole r 1 100000 100000
	at_least r 1 dialled ms 200
	whole r 2 100000 100000
	at_least r 2 dialler ms 200
	at_least r 2 dialled ms 200
	says r.log '"act":"stall","ms":200,"both":true}'
}

a_delay_holds_each_piece()
{
	relay r --at a1:a:0:delay=30 --at a2:b:100:delay=30,100
	pair r out=1000 back=1000 chunk=100 connections=2
	stop_relay r
	whole r 1 1000 1000
	at_least r 1 dialled ms 300
	at_least r 1 dialled segments 10
	whole r 2 1000 1000
	at_least r 2 dialler ms 30
	says r.log '"direction":"b","offset":100,"act":"delay","ms":30,"length":100}'
}

# A pause of 50 ms may be made up for.
a_throttle_holds_its_rate()
{
	relay r --at a1:a:0:throttle=100000 --at a2:b:1000:throttle=10000,2000
	pair r out=30000 back=30000 connections=2
	stop_relay r
	whole r 1 30000 30000
	at_least r 1 dialled ms 200
	whole r 2 30000 30000
	at_least r 2 dialler ms 150
}

segments_are_split()
{
	relay r --at a1:a:0:split=1 --at a3:a:0:split=7 --at a2:b:1000:split=1,700
	pair r out=300 back=3000 connections=3
	stop_relay r
	whole r 1 300 3000
	at_least r 1 dialled segments 300
	at_most r 1 dialler segments 20
	whole r 2 300 3000
	at_least r 2 dialler segments 702
	at_most r 2 dialler segments 720
	at_least r 3 dialled segments 43
	at_most r 3 dialled segments 150
}

# The first may wait for ever, so that no time is needed to see that it does not.
segments_are_joined()
{
	relay r --at a1:a:0:join=1000,3600000 --at a2:a:0:join=1000,40
	pair r out=3000 back=10 write=1
	pair r2 out=30 back=30 chunk=10
	stop_relay r
	whole r 1 3000 10
	at_most r 1 dialled segments 4
	whole r2 1 30 30
	at_least r2 1 dialled ms 80
}

# ---- the same again ----

# In turn, so that it is the same whatever the time: no reset is at the end of a chunk.
MIX='--every 3k:reset --every 1k:stall=2 --every b:1k:stall=1,both --every 1k:delay=1
	--every 2k:split=50 --every 2k:join=40,2 --every 2k:throttle=200k,300'

# recorded NAME OPTION...: a run of the script.
recorded()
{
	relay "$@"
	pair "$1" out=4000 back=4000 chunk=100 connections=6
	stop_relay "$1"
}

# The results of two runs, but for the times and the segments.
same_run()
{
	same "$1.log" "$2.log"
	jq -c '.seed, [.nodes[] | .acts, .bytes, .connections]' "$1.json" >want
	jq -c '.seed, [.nodes[] | .acts, .bytes, .connections]' "$2.json" >found
	same want found
	cut -d ' ' -f 1-5 "$1.pair" >want
	cut -d ' ' -f 1-5 "$2.pair" >found
	same want found
}

a_seed_and_a_log_repeat_a_run()
{
	local kind
	recorded first --seed 4711 $MIX
	recorded second --seed 4711 $MIX
	recorded other --seed 4712 $MIX
	recorded replayed --replay first.log
	for kind in reset stall delay split join throttle; do
		says first.log "\"act\":\"$kind\""
	done
	says first.log '"both":true'
	same_run first second
	same_run first replayed
	json_is replayed.json .not_replayed 0
	cmp -s first.log other.log && bad "another seed gave the same log"
}

ends_of_a_direction_are_replayed()
{
	relay first --at 1:a:1234:fin --at a2:b:12345:hole
	pair first out=20000 back=30000 connections=2
	stop_relay first
	relay second --replay first.log
	pair second out=20000 back=30000 connections=2
	stop_relay second
	is first 1 dialled got 1234
	is first 2 dialler got 12345
	same_run first second
}

# Both directions at once: which comes first is chance, what comes where is not.
the_log_has_an_order_of_its_own()
{
	local faults='--seed 9 --every 20k:stall=1 --every 20k:delay=1,500 --every 10k:split=999,2k'
	relay first $faults
	pair first out=300000 back=300000 connections=3
	stop_relay first
	relay second $faults
	pair second out=300000 back=300000 connections=3 write=777
	stop_relay second
	whole second 3 300000 300000
	same first.log second.log
	equals "order of the log" "$(jq -sc '[.[1:][] | [.number, .dialler, .direction, .offset]] |
		. == sort' first.log)" true
	[ "$(wc -l <first.log)" -gt 200 ] || bad "the log has only $(wc -l <first.log) lines"
}

what_was_not_replayed_is_told()
{
	relay first --at a1:a:100:stall=1 --at a2:a:100:stall=1
	pair first out=200 back=200 connections=2
	stop_relay first
	relay second --replay first.log
	pair second out=200 back=200
	kill -TERM "$relay_pid"
	relay_ends second 1
	says second.err "1 of the 2 acts of first.log were not done"
	json_is second.json .not_replayed 1
}

run without_faults_all_passes
run a_reset_is_at_its_byte
run a_reset_waits_for_what_was_before
run both_sides_are_numbered_for_themselves
run half_a_close_leaves_the_other_direction
run a_hole_takes_all_and_gives_nothing
run a_stall_takes_nothing_and_leaves_the_other_direction
run a_stall_ends
run a_delay_holds_each_piece
run a_throttle_holds_its_rate
run segments_are_split
run segments_are_joined
run a_seed_and_a_log_repeat_a_run
run ends_of_a_direction_are_replayed
run the_log_has_an_order_of_its_own
run what_was_not_replayed_is_told
finish
