#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the tests of `sinew ping` over SCTP in user land beside a node with the same address: in UDP
# from any port, in UDP with one port for all, and in IP alone, where both get all packets. Two
# namespaces, two cables. Knows nothing of what the session carries.
# run.sh: waits timeout=120 with=jq,setpriv
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/netns_lib.sh

has_usrsctp || {
	skip ping_sctp 'libusrsctp was not there at build'
	exit 0
}
needs_namespaces ping_sctp

# ping STATUS ARGUMENT...: from node 1, in its namespace.
ping()
{
	local status=$1
	shift
	on 1 timeout "$LIMIT" "$SINEW" ping --config c --node 1 "$@" >out 2>err </dev/null
	equals "status of ping $*" $? "$status"
}

# answers PATH COUNT: all of so many, on one connection.
answers() { json_holds out ".paths[$1] | .answered == $2 and .lost == 0 and .connects == 1"; }

# A socket is on the address of that node.
has_node() { on "$1" ss -Hluwn "src 10.77.0.$1" | grep -q .; }

# The sessions of both nodes go on, and not a line between them is lost. A cable that is cut is told
# of that path alone.
beside_a_node()
{
	local n links=()
	begin 2 'transport: sctp' 'sctp_backend: user' "$@"
	wait_for uses 0
	for n in 1 2; do links[n]=$(links_up $n); done
	ping 0 --count 5 --interval 0.1 --json
	answers 0 5
	answers 1 5
	both_go_on
	on 2 ip link set c1 down
	ping 3 --count 2 --interval 0.1 --json
	answers 0 2
	json_holds out '.paths[1] | .answered == 0 and .error != ""'
	both_go_on
	end
	for n in 1 2; do
		equals "links of node $n" "$(links_up $n)" "${links[n]}"
		json_holds "stats$n" '.peers[0].faults == 0'
	done
}

beside_a_node_in_udp() { beside_a_node; }
beside_a_node_with_one_port() { beside_a_node 'sctp_udp_port: 9899'; }
beside_a_node_in_ip_alone() { beside_a_node 'sctp_encap: none'; }

# for_itself [KEY: VALUE]: there is no node at the own address.
for_itself()
{
	build_net 1
	configuration 1 'transport: sctp' 'sctp_backend: user' "$@" >c
	ping 3 --count 1 --json
	json_holds out '.paths[0].error | contains("Connection refused: no listener")'
	on 2 "$SINEW" cat --config c --node 2 --log-level info </dev/null >/dev/null 2>err2 &
	pids+=($!)
	wait_for has_node 2
	ping 0 --count 3 --interval 0.1 --json
	answers 0 3
}

for_itself_with_one_port() { for_itself 'sctp_udp_port: 9899'; }
for_itself_in_ip_alone() { for_itself 'sctp_encap: none'; }

# It says which right it lacks, and what works without.
a_process_without_the_right()
{
	build_net 1
	configuration 1 'transport: sctp' 'sctp_backend: user' 'sctp_encap: none' >c
	on 1 setpriv --bounding-set -net_raw --inh-caps -net_raw \
		timeout "$LIMIT" "$SINEW" ping --config c --node 1 >out 2>err </dev/null
	equals 'status' $? 2
	says err CAP_NET_RAW
	says err 'sctp_encap to udp'
}

run beside_a_node_in_udp
run beside_a_node_with_one_port
run for_itself_with_one_port
if [ -e /proc/net/sctp ]; then
	skip ping_in_ip_alone "this kernel's own SCTP is loaded (modprobe -r sctp)"
	finish
fi
run beside_a_node_in_ip_alone
run for_itself_in_ip_alone
run a_process_without_the_right
finish
