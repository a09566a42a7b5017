#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of those modes of `sinew break` that need root: what is chosen is hit, nothing
# else is, and what two nodes send each other arrives whole. Everything happens on loopback
# addresses and in network namespaces of its own. Knows only the command line.
# run.sh: timeout=150
# run.sh: with=jq,ss,ip
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/tools/break_lib.sh

# ---- the command line ----

wrong_usage_is_refused()
{
	refuses 2 'usage: sinew break MODE' break
	refuses 2 '"bend" is not a mode' break bend
	local mode
	for mode in destroy reset; do
		refuses 2 '--address, --between or --port is missing' break $mode
		refuses 2 '--address: found "host"' break $mode --address host
		refuses 2 '--address: found "10.0.0.0/33"' break $mode --address 10.0.0.0/33
		refuses 2 '--between: found "10.0.0.1"' break $mode --between 10.0.0.1
		refuses 2 '--between: found "10.0.0.1,::1"' break $mode --between 10.0.0.1,::1
		refuses 2 '--port: found "0"' break $mode --port 0
		refuses 2 '--every: found "0"' break $mode --port 1 --every 0
		refuses 2 '--for: found "0"' break $mode --port 1 --for 0
		refuses 2 '--count: found "0"' break $mode --port 1 --count 0
		refuses 2 '--random: found "2"' break $mode --port 1 --random 2
		refuses 2 '--seed: found "x"' break $mode --port 1 --seed x
		refuses 2 '--netns: cannot enter /run' break $mode --port 1 --netns no-such
		refuses 2 'unexpected argument "more"' break $mode --port 1 more
	done
	refuses 2 'unknown option --interface' break destroy --port 1 --interface lo
	refuses 2 '--interface: there is no "no-such"' break reset --port 1 --interface no-such
	refuses 2 '--from or --to is missing' break block
	refuses 2 'one is an IPv4 address' break block --from 10.0.0.1 --to ::1
	refuses 2 'permit it with --host' break block --from "$NET.1" --to "$NET.2"
	refuses 2 '--port: found "x"' break block --from 10.0.0.1 --port x
}

help_is_printed()
{
	local mode
	"$SINEW" break --help >out 2>err || bad "--help gave $?"
	for mode in destroy reset block; do
		says out "  $mode "
		"$SINEW" break $mode --help >help 2>err || bad "$mode --help gave $?"
		says help "usage: sinew break $mode"
		says help "Exit status"
	done
}

powerless() { setpriv --bounding-set=-all --inh-caps=-all "$SINEW" break "$@" >out 2>err; }

who_is_not_root_is_told_what_to_do()
{
	local mode
	for mode in destroy reset; do
		powerless $mode --probe
		equals "status of $mode --probe" $? 3
		says err 'requires root (CAP_NET_'
		says err 'sinew break relay'
		breaks $mode --probe
	done
	powerless block --host --from "$NET.1" --to "$NET.2"
	equals "status of block" $? 3
	says err 'requires root (CAP_NET_ADMIN)'
	powerless destroy --port 1 --netns /proc/self/ns/net
	equals "status with --netns" $? 3
}

# ---- destroy and reset ----

# Two idle pairs on the same addresses: one is hit five times, the other one never.
# only_the_chosen MODE [OPTION...]
only_the_chosen()
{
	local mode=$1 port other before
	shift
	port=$(free_port)
	other=$((port - 1))
	config_of c1 "$port"
	config_of c2 "$other"
	idle_pair chosen c1
	idle_pair other c2
	wait_for two_sockets "$port"
	wait_for two_sockets "$other"
	before=$(sockets "$other")
	is_connected --port "$port" --address "$NET.3" && bad "an address was not looked at"
	is_connected --port "$port" --between "$NET.1,$NET.3" && bad "a pair was not looked at"
	is_connected --port "$port" --between "$NET.2,$NET.0/24" || bad "a network was not found"
	breaks "$mode" --port "$port" --between "$NET.1,$NET.2" --every 20 --count 5 --json "$@"
	json_is break.out .kills 5
	json_is break.out .schema 1
	json_is break.out '.pairs | length' 1
	json_is break.out '.pairs[0].a' "$NET.1"
	json_is break.out '.pairs[0].b' "$NET.2"
	json_is break.out '.pairs[0].kills' 5
	wait_for two_sockets "$port"
	equals "the other pair's sockets" "$(sockets "$other")" "$before"
	end_pair chosen
	end_pair other
	json_holds chosen1.json '[.peers[].reconnects] | add >= 1 and add <= 6'
	json_is other1.json '[.peers[].reconnects] | add' 0
}

destroy_hits_the_chosen_connections_only() { only_the_chosen destroy; }
reset_hits_idle_connections_and_no_others() { only_the_chosen reset; }

# arrives_whole MODE: both ways at once, as fast as they are taken, while it is broken.
arrives_whole()
{
	local port breaker
	port=$(free_port)
	config_of c "$port"
	seq -f "%.0f of node 1, with some text behind it" 60000 >in1
	seq -f "%.0f of node 2, with some text behind it" 60000 >in2
	node a c 1 --to 2 --rate 2M <in1
	node b c 2 --to 1 --rate 2M <in2
	# What others have put where it writes, as root, is not written to.
	echo mine >victim
	ln -s victim stats.json.new
	ln victim stats.json
	timeout "$LIMIT" "$SINEW" break "$1" --port "$port" --address "$NET.1" --every 20 \
		--json --stats stats.json >break.out 2>break.err &
	breaker=$!
	pids+=("$breaker")
	ends a 0
	ends b 0
	kill -TERM "$breaker"
	wait "$breaker"
	equals "status of break $1" $? 0
	json_holds break.out '.kills > 5 and .status == 0'
	json_holds stats.json '.kills > 5'
	equals victim "$(cat victim)" mine
	json_holds a.json '[.peers[].reconnects] | add > 5'
	sed -n 's/^2\t//p' a.out >got2
	sed -n 's/^1\t//p' b.out >got1
	same in1 got1
	same in2 got2
}

what_is_sent_arrives_over_destroyed_connections() { arrives_whole destroy; }
what_is_sent_arrives_over_reset_connections() { arrives_whole reset; }

each_connection_is_counted_once()
{
	local port n
	port=$(free_port)
	config_of c "$port"
	idle_pair p c
	wait_for two_sockets "$port"
	breaks destroy --port "$port" --json
	json_is break.out '"\(.tried) \(.kills)"' '1 1'
	wait_for two_sockets "$port"
	breaks destroy --port "$port" --every 1 --for 0.5 --json
	# Not each of them got so far as to be one of the session; the first kill was another.
	n=$(jq .kills break.out)
	wait_for two_sockets "$port"
	end_pair p
	json_holds p1.json "[.peers[].reconnects] | add <= $n + 1 and add >= 1"
	breaks destroy --probe
	"$SINEW" break destroy --port "$port" >out 2>err
	equals "status where nothing is" $? 1
	says out '0 connections killed'
}

draws_follow_the_seed()
{
	local port i
	port=$(free_port)
	config_of c "$port"
	idle_pair p c
	for i in 1 2; do
		wait_for two_sockets "$port"
		timeout "$LIMIT" "$SINEW" break destroy --port "$port" --random 0.2 --seed 7 \
			--every 100 --count 1 >seed$i 2>&1
		sed -i 's/ and .*;/;/' seed$i
		says seed$i 'seed 7'
	done
	same seed1 seed2
	end_pair p
}

a_namespace_can_be_chosen()
{
	local port before
	port=$(free_port)
	config_of c "$port"
	space own || return
	idle_pair here c
	within own
	idle_pair there c
	wait_for two_sockets "$port"
	outside
	wait_for two_sockets "$port"
	before=$(sockets "$port")
	breaks destroy --port "$port" --netns "${SPACE}own"
	within own
	wait_for two_sockets "$port"
	outside
	breaks reset --port "$port" --netns "/proc/$pid_there1/ns/net"
	breaks destroy --probe --netns "${SPACE}own"
	breaks reset --probe --netns "${SPACE}own"
	equals "the sockets outside" "$(sockets "$port")" "$before"
	end_pair here
	end_pair there
	json_is here1.json '[.peers[].reconnects] | add' 0
	json_holds there1.json '[.peers[].reconnects] | add > 0'
}

ipv6_is_broken_too()
{
	local mode
	space six || return
	ip -n "${SPACE}six" addr add fd00::1 dev lo
	ip -n "${SPACE}six" addr add fd00::2 dev lo
	config_of c 21065 fd00::1 fd00::2
	within six
	idle_pair p c
	for mode in destroy reset; do
		wait_for two_sockets 21065
		breaks $mode --netns "${SPACE}six" --between fd00::1,fd00::/64 --every 20 \
			--count 3 --json
		json_is break.out '.pairs[0].a' fd00::1
		json_is break.out .kills 3
	done
	outside
	end_pair p
}

# ---- between machines ----

# nodes_between ONE TWO: node 1 in namespace ONE, node 2 in TWO.
nodes_between()
{
	silence
	within "$1"
	node one c 1 --to 2 <&7
	within "$2"
	node two c 2 </dev/null
	outside
}

established() { [ "$(ip netns exec "$SPACE$1" ss -tnH state established | wc -l)" = 1 ]; }

end_nodes()
{
	kill -TERM "$pid_one"
	ends one 0
	ends two 0
}

one_end_on_this_machine_is_enough()
{
	local mode
	space e1 && space e2 && link e1 e2 || return
	address e1 10.9.0.1/24 eth-e2
	address e2 10.9.0.2/24 eth-e1
	config_of c 21065 10.9.0.1 10.9.0.2
	nodes_between e1 e2
	for mode in destroy reset; do
		wait_for established e1
		breaks $mode --netns "${SPACE}e1" --port 21065 --every 20 --count 3 --json
		wait_for established e1
		breaks $mode --netns "${SPACE}e2" --port 21065 --every 20 --count 3 --json
	done
	end_nodes
}

# A keep-alive shows the connection to those who listen.
resets_in_between()
{
	wait_for established "$1"1
	breaks reset --netns "${SPACE}$1" --interface "$2" --port 21065 --listen 1 --every 50 \
		--count 2 --json
	json_is break.out '.pairs[0].a' 10.9.1.1
	end_nodes
	json_holds one.json '[.peers[].reconnects] | add >= 2'
}

a_bridge_resets_what_crosses_it()
{
	space b && space b1 && space b2 && link b b1 && link b b2 || return
	ip -n "${SPACE}b" link add br0 type bridge
	ip -n "${SPACE}b" link set br0 up
	ip -n "${SPACE}b" link set eth-b1 master br0
	ip -n "${SPACE}b" link set eth-b2 master br0
	address b1 10.9.1.1/24 eth-b
	address b2 10.9.1.2/24 eth-b
	config_of c 21065 10.9.1.1 10.9.1.2
	sed -i 's/port: 21065/&\n  keepalive_ms: 200/' c
	nodes_between b1 b2
	resets_in_between b br0
}

a_router_resets_what_it_forwards()
{
	space r && space r1 && space r2 && link r r1 && link r r2 || return
	address r1 10.9.1.1/24 eth-r
	address r2 10.9.2.1/24 eth-r
	address r 10.9.1.9/24 eth-r1
	address r 10.9.2.9/24 eth-r2
	ip -n "${SPACE}r1" route add default via 10.9.1.9
	ip -n "${SPACE}r2" route add default via 10.9.2.9
	ip netns exec "${SPACE}r" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	config_of c 21065 10.9.1.1 10.9.2.1
	sed -i 's/port: 21065/&\n  keepalive_ms: 200/' c
	nodes_between r1 r2
	resets_in_between r eth-r1
}

# A link over SCTP in user land is in UDP.
what_is_no_connection_of_tcp_is_said()
{
	local port
	port=$(free_port)
	config c "port: $port" 'transport: sctp' 'sctp_backend: user'
	silence
	node a c 1 --to 2 --log-level info <&7
	node b c 2 </dev/null
	wait_for has_line a.err 'link up'
	refuses 1 "but a socket of UDP (it may carry SCTP) has port $port" break destroy \
		--port "$port"
	refuses 1 'sinew break reset reaches no link over SCTP' break reset --port "$port"
	kill -TERM "$pid_a"
	ends a 0
	ends b 0
}

run wrong_usage_is_refused
run help_is_printed
tests='who_is_not_root_is_told_what_to_do
	destroy_hits_the_chosen_connections_only
	what_is_sent_arrives_over_destroyed_connections
	each_connection_is_counted_once
	draws_follow_the_seed
	reset_hits_idle_connections_and_no_others
	what_is_sent_arrives_over_reset_connections
	a_namespace_can_be_chosen
	ipv6_is_broken_too
	one_end_on_this_machine_is_enough
	a_bridge_resets_what_crosses_it
	a_router_resets_what_it_forwards'
! has_usrsctp || tests="$tests what_is_no_connection_of_tcp_is_said"
for name in $tests; do
	if [ "$(id -u)" = 0 ]; then run "$name"; else skip "$name" "needs root"; fi
done
finish
