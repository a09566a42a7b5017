#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of how soon messages come again over one path: after both directions were cut, over
# a connection that is dead while new ones pass, and when only one end learns that the connection is
# broken; and that a program which is stopped is not taken for a dead path. Two `sinew cat`
# in network namespaces of their own. Knows only the command line.
# LIVE_FULL=1: long cuts, too.
# run.sh: waits timeout=300 with=nft,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/netns_lib.sh

HEALED_MS=$((1200 * ${TIME_FACTOR:-1}))
DEAD_MS=$((3000 * ${TIME_FACTOR:-1}))	# path_dead_ms and a second
ONE_END_MS=$((500 * ${TIME_FACTOR:-1}))

needs_namespaces a_cut_that_heals a_cut_longer_than_the_stall a_dead_connection \
	one_end_is_reset a_stopped_program_is_waited_for

# rules NODE RULE...: in its namespace, on what comes in.
rules()
{
	local rule
	on "$1" nft 'add table t; add chain t i { type filter hook input priority 0; }'
	for rule in "${@:2}"; do
		on "$1" nft "add rule t i $rule"
	done
}
no_rules() { on "$1" nft delete table t; }

# within LIMIT-MS GAP WHAT
within()
{
	echo "# $3: $2 ms"
	[ "$2" -le "$1" ] || bad "$3: the next line came after $2 ms, not $1"
}

# Both directions, for so many seconds: the state is the cut, its length the input.
cut_for()
{
	local n start
	for n in 1 2; do rules $n drop; done
	sleep "$1"
	for n in 1 2; do no_rules $n; done
	start=$(now_ms)
	both_go_on
	within "$HEALED_MS" "$(first_after "$start")" "healed after $1 s"
}

a_cut_that_heals()
{
	begin 1
	cut_for 3
	[ -z "${LIVE_FULL:-}" ] || cut_for 7
	end
}

# The link is given up meanwhile, and dialled anew all the time.
a_cut_longer_than_the_stall()
{
	begin 1 'stall_ms: 3000'
	cut_for 9
	end
}

# The port of the side that dialled the connection which is up.
dialled_port() { on 1 ss -Htn state established | grep -oE '10\.77\.0\.[12]:[0-9]+' |
	grep -v ':21065$' | head -n 1 | sed 's/.*://'; }

have_new_links() { [ "$(links_up 1)" -gt "${ups[1]}" ] && [ "$(links_up 2)" -gt "${ups[2]}" ]; }

# breaking WHAT LIMIT-MS COMMAND...: breaks the link with it; both have to go on over a new one.
breaking()
{
	local start ups=(0 "$(links_up 1)" "$(links_up 2)")
	start=$(now_ms)
	"${@:3}"
	wait_for have_new_links
	both_go_on
	within "$2" "$(longest_gap "$start")" "$1"
}

# cut_port PORT
cut_port()
{
	local n
	for n in 1 2; do rules $n "tcp sport $1 drop" "tcp dport $1 drop"; done
}

a_dead_connection()
{
	local port
	begin 1
	port=$(dialled_port)
	[ "$port" ] || bad "no connection is seen"
	breaking "a connection that is dead" "$DEAD_MS" cut_port "$port"
	end
}

reset_at() { on "$1" ss -Ktn state established >/dev/null; }

# The other end hears nothing of it: its link looks up.
one_end_is_reset()
{
	local n
	begin 1
	for n in 1 2; do
		rules $((3 - n)) 'tcp flags & rst == rst drop'
		breaking "reset at node $n alone" "$ONE_END_MS" reset_at $n
		no_rules $((3 - n))
	done
	end
}

a_stopped_program_is_waited_for()
{
	local n
	begin 1
	kill -STOP "${cat[2]}"
	sleep 6			# three times path_dead_ms: nothing may happen
	kill -CONT "${cat[2]}"
	end
	for n in 1 2; do json_is "stats$n" '.peers[0].reconnects' 0; done
}

run a_cut_that_heals
[ -z "${LIVE_FULL:-}" ] || run a_cut_longer_than_the_stall
run a_dead_connection
run one_end_is_reset
run a_stopped_program_is_waited_for
finish
