#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of several paths: two `sinew cat` in network namespaces of their own, joined by two
# cables. The first is cut while both send; the session has to go on over the second, soon and
# without loss, and to come back when the first is whole. Knows only the command line.
# run.sh: long waits timeout=300 with=nft
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/netns_lib.sh

SOON_MS=$((3000 * ${TIME_FACTOR:-1}))	# by default
FAST_MS=$((1500 * ${TIME_FACTOR:-1}))	# with path_dead_ms 600

needs_namespaces silence_is_left_behind a_pulled_cable_is_left_behind it_can_be_sooner \
	so_it_is_over_sctp_in_user_land

# cut_and_heal LIMIT-MS COMMAND-THAT-CUTS COMMAND-THAT-HEALS; the last may be empty.
cut_and_heal()
{
	local limit=$1 start gap
	wait_for uses 0
	start=$(now_ms)
	$2
	wait_for uses 1
	both_go_on
	gap=$(longest_gap "$start")
	echo "# goes on after $gap ms"
	[ "$gap" -lt "$limit" ] || bad "went on after $gap ms, not $limit"
	# Else nothing was cut, or nothing was seen.
	[ "$gap" -gt $((limit / 6)) ] || bad "the longest gap of a cut is $gap ms"
	[ "$3" ] || return
	$3
	start=$(now_ms)
	wait_for uses 0
	echo "# back on the first after $(($(now_ms) - start)) ms"
}

# The statistics at the end. The last probe of the path that is not in use may be late where the
# machine is busy: both have carried the session.
paths_are_told()
{
	local n
	for n in 1 2; do
		json_holds "stats$n" '.peers[0].paths | length == 2'
		json_holds "stats$n" '.peers[0].paths[0].state == "alive"'
		json_holds "stats$n" '.peers[0].paths[1].state != "unknown"'
		json_holds "stats$n" 'all(.peers[0].paths[]; .rtt_us > 0 and .rtt_us < 1000000)'
	done
}

drop() { on 1 nft 'add table t; add chain t i { type filter hook input priority 0; };
	add chain t o { type filter hook output priority 0; };
	add rule t i iif c0 drop; add rule t o oif c0 drop'; }
undrop() { on 1 nft delete table t; }
pull() { on 2 ip link set c0 down; }
plug() { on 2 ip link set c0 up; }

silence_is_left_behind()
{
	begin 2
	cut_and_heal "$SOON_MS" drop undrop
	end
	paths_are_told
}

a_pulled_cable_is_left_behind()
{
	begin 2
	cut_and_heal "$SOON_MS" pull plug
	end
	paths_are_told
}

it_can_be_sooner()
{
	begin 2 'path_dead_ms: 600' 'probe_ms: 200'
	cut_and_heal "$FAST_MS" drop ''
	end
}

# There, too, each path has a connection of its own.
so_it_is_over_sctp_in_user_land()
{
	begin 2 'transport: sctp' 'sctp_backend: user'
	cut_and_heal "$SOON_MS" drop undrop
	cut_and_heal "$SOON_MS" pull plug
	end
	paths_are_told
}

run silence_is_left_behind
run a_pulled_cable_is_left_behind
run it_can_be_sooner
run_over_usrsctp so_it_is_over_sctp_in_user_land
finish
