#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the tests of SCTP in user land without UDP, in a network of their own: the contract of
# streams, nodes of one process, and a process that may not do it. Knows nothing of what they test.
# run.sh: waits timeout=120 with=setpriv
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/netns_lib.sh

has_usrsctp || {
	skip sctp_raw 'libusrsctp was not there at build'
	exit 0
}
needs_namespaces sctp_raw
[ ! -e /proc/net/sctp ] || {
	skip sctp_raw "this kernel's own SCTP is loaded (modprobe -r sctp)"
	exit 0
}

# alone PROGRAM...: in a network with nothing but loopback.
alone() { unshare -n sh -c 'ip link set lo up && exec "$@"' alone "$@"; }

# all_pass LEAST PROGRAM...: at least so many tests, and all of them.
all_pass()
{
	local least=$1
	shift
	alone timeout 100 "$@" >out 2>err || bad "$1 ended with $?"
	grep -v '^ok - ' out >failed && bad "$(head -n 3 failed)"
	[ "$(grep -c '^ok - ' out)" -ge "$least" ] || bad "few tests: $(cat out err)"
}

the_contract_of_streams() { all_pass 32 "$BUILT/tests/stream" sctp-raw; }
nodes_of_one_process() { all_pass 5 "$BUILT/tests/test_sctp" raw; }

# It says which right it lacks, and what works without.
a_process_without_the_right()
{
	printf '%s\n' 'totem {' 'cluster_name: raw' '}' 'nodelist {' 'node {' 'nodeid: 1' \
		'ring0_addr: 127.0.0.1' '}' '}' 'sinew {' 'transport: sctp' \
		'sctp_backend: user' 'sctp_encap: none' '}' >c
	alone setpriv --bounding-set -net_raw --inh-caps -net_raw \
		"$SINEW" cat --config c --node 1 </dev/null >out 2>err
	equals 'status' $? 2
	says err CAP_NET_RAW
	says err 'sctp_encap to udp'
}

# A host without a node, whose kernel has no SCTP, says so at once.
a_host_without_a_node_refuses()
{
	build_net 1
	configuration 1 'transport: sctp' 'sctp_backend: user' 'sctp_encap: none' >c
	on 1 "$SINEW" cat --config c --node 1 --keep-going --log-level debug </dev/null \
		>out 2>err &
	pids+=($!)
	wait_for has_line err 'Connection refused'
}

run the_contract_of_streams
run nodes_of_one_process
run a_process_without_the_right
run a_host_without_a_node_refuses
finish
