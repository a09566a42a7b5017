#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew break block`: what is chosen is blocked, nothing else is, and nothing is
# left behind. Everything happens in network namespaces of its own. Knows only the command line.
# run.sh: timeout=120
# run.sh: with=jq,ss,ip
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/tools/break_lib.sh

tables() { ip netns exec "$SPACE$1" nft list tables; }
no_tables() { [ -z "$(tables "$1")" ]; }
has_counted() { ip netns exec "$SPACE$1" nft list ruleset | grep -q 'packets [1-9]'; }

# block NAME SPACE OPTION...: in the background, until it says that it stands.
block()
{
	local name=$1 space=$2
	shift 2
	start_saying "$name.err" 'blocked from' "$SINEW" break block --netns "$SPACE$space" "$@" \
		>"$name.out"
	printf -v "pid_$name" %s "$begun"
}

# How many datagrams have come to a port that nobody has.
came()
{
	ip netns exec "$SPACE$1" awk '$1 == "Udp:" && $2 != "InDatagrams" { print $3 }' \
		/proc/net/snmp
}
more_came() { [ "$(came "$1")" -gt "$2" ]; }
# How many packets were blocked.
blocked()
{
	ip netns exec "$SPACE$1" nft list ruleset |
		awk '{ for (i = 1; i < NF; i++) if ($i == "packets") n += $(i + 1) }
		END { print n + 0 }'
}
more_blocked() { [ "$(blocked "$1")" -gt "$2" ]; }
datagram() { ip netns exec "$SPACE$1" bash -c "echo >/dev/udp/$2/9" 2>/dev/null; }

# arrives FROM TO ADDRESS: a datagram does.
arrives()
{
	local n
	n=$(came "$2")
	datagram "$1" "$3"
	wait_for more_came "$2" "$n"
}

# is_blocked BLOCKER FROM TO ADDRESS: a datagram does not arrive, it is counted at the blocker.
is_blocked()
{
	local n_came n_blocked
	n_came=$(came "$3")
	n_blocked=$(blocked "$1")
	datagram "$2" "$4"
	wait_for more_blocked "$1" "$n_blocked"
	equals "datagrams that came to $3" "$(came "$3")" "$n_came"
}

block_drops_one_direction_and_is_gone_afterwards()
{
	local side
	space k1 && space k2 && link k1 k2 || return
	address k1 10.9.0.1/24 eth-k2
	address k2 10.9.0.2/24 eth-k1
	config_of c 21065 10.9.0.1 10.9.0.2
	# No frame may be on its way back then: one that TCP sends again holds up all behind it.
	sed -i 's/port: 21065/&\n  keepalive_ms: 60000\n  stall_ms: 180000/' c
	mkfifo feed1 feed2
	exec 8<>feed1 9<>feed2
	within k1
	node one c 1 --to 2 <feed1
	within k2
	node two c 2 --to 1 <feed2
	outside
	echo before >&8
	wait_for has_line two.out before
	# At the sender and at the receiver.
	for side in 1 2; do
		block way k$side --from 10.9.0.1 --to 10.9.0.2 --json
		is_blocked k$side k1 k2 10.9.0.2
		arrives k2 k1 10.9.0.1
		echo "forth $side" >&8
		echo "back $side" >&9
		wait_for has_line one.out "back $side"
		has_line two.out "forth $side" && bad "k$side: a message went through"
		kill -TERM "$pid_way"
		ends way 0
		wait_for no_tables k$side
		json_holds way.out '.blocked | length == 1 and .[0].packets > 0'
		arrives k1 k2 10.9.0.2
		wait_for has_line two.out "forth $side"
	done
	exec 8>&- 9>&-
	ends one 0
	ends two 0
	json_is one.json '[.peers[].reconnects] | add' 0
}

block_ends_after_its_time_and_both_ways()
{
	space t1 && space t2 && link t1 t2 || return
	address t1 10.9.0.1/24 eth-t2
	address t2 10.9.0.2/24 eth-t1
	block both t1 --from 10.9.0.1/32 --to 10.9.0.0/24 --both
	is_blocked t1 t1 t2 10.9.0.2
	is_blocked t1 t2 t1 10.9.0.1
	kill -TERM "$pid_both"
	ends both 0
	no_tables t1 || bad "a table is left: $(tables t1)"
	says both.out 10.9.0.0/24
	block short t1 --to 10.9.0.2 --for 0.2
	ends short 0
	no_tables t1 || bad "a table is left: $(tables t1)"
	block port t1 --to 10.9.0.2 --port 7 --for 60
	arrives t1 t2 10.9.0.2
	kill -INT "$pid_port"
	ends port 0
	block port t1 --to 10.9.0.2 --port 7 --port 9
	is_blocked t1 t1 t2 10.9.0.2
	kill -HUP "$pid_port"
	ends port 0
	no_tables t1 || bad "a table is left: $(tables t1)"
}

rejected_connections_are_reset()
{
	space j || return
	within j
	config_of c 21065
	idle_pair p c
	wait_for two_sockets 21065
	block way j --from "$NET.1" --to "$NET.2" --reject --both --json
	breaks destroy --netns "${SPACE}j" --port 21065
	wait_for has_counted j
	timeout "$LIMIT" ip netns exec "${SPACE}j" bash -c "</dev/tcp/$NET.2/21065" 2>/dev/null
	equals "status of a connect that is not from there" $? 0
	kill -TERM "$pid_way"
	ends way 0
	json_holds way.out '[.blocked[].packets] | add > 0'
	wait_for two_sockets 21065
	outside
	end_pair p
}

a_table_that_was_left_behind_is_removed()
{
	space l || return
	block dead l --from 10.9.0.1
	kill -KILL "$pid_dead"
	wait "$pid_dead" 2>/dev/null
	block alive l --from 10.9.0.2
	equals "tables" "$(tables l | wc -l)" 2
	breaks block --clean --netns "${SPACE}l" --json
	json_is break.out .removed 1
	equals "tables" "$(tables l)" "table inet sinew_break_$pid_alive"
	kill -TERM "$pid_alive"
	ends alive 0
	no_tables l || bad "a table is left: $(tables l)"
}

blocks='block_drops_one_direction_and_is_gone_afterwards
	block_ends_after_its_time_and_both_ways
	rejected_connections_are_reset
	a_table_that_was_left_behind_is_removed'
for name in $blocks; do
	if [ "$(id -u)" != 0 ]; then
		skip "$name" "needs root"
	elif ! command -v nft >/dev/null; then
		skip "$name" "nft is not installed"
	elif "$SINEW" break block --clean 2>&1 | grep -q 'without libnftables'; then
		skip "$name" "built without libnftables"
	else
		run "$name"
	fi
done
finish
