#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of calls and callbacks where a firewall lets only one side dial: in a network
# namespace of its own, first the lower node's connections are dropped, then the higher one's, while
# those that stand are destroyed and nodes are killed. Both sides' records of each call have to
# agree. Knows only the command line.
# run.sh: timeout=200 with=nft,jq
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/netns_lib.sh

SECONDS_LONG=4
KILL_EVERY_MS=40

needs_namespaces the_lower_node_alone_dials the_higher_node_alone_dials

# cut FROM TO: what that node begins to that one vanishes; there are two.
cut() { on 1 nft "add table ip t; add chain ip t o { type filter hook output priority 0; };
	add rule ip t o ip saddr & 0.0.0.255 == 0.0.0.$1 ip daddr & 0.0.0.255 == 0.0.0.$2 \
		tcp flags & (syn | ack) == syn counter drop"; }
dropped() { on 1 nft -j list chain ip t o | jq '[.. | .counter?.packets? // empty] | add'; }

# calls_flow FROM TO: they flow both ways, though the first one cannot dial.
calls_flow()
{
	hold_namespace 1
	on 1 ip link set lo up
	cut "$1" "$2"
	on 1 timeout -k 5 $((SECONDS_LONG + 60)) "$SINEW" torture --calls --processes --nodes 2 \
		--slow 0 --seconds "$SECONDS_LONG" --kill-every "$KILL_EVERY_MS" \
		--restart-every 2 --breaker self --json >verdict 2>err
	equals "status of torture, which said \"$(tail -n 1 err)\"," $? 0
	json_holds verdict '.verdict == "PASSED" and .n_problems == 0 and .restarts > 0'
	json_holds verdict '.pairs | length == 2 and all(.[]; .calls.done > 10)'
	[ "$(dropped)" -gt 0 ] || bad 'nothing was cut'
}

the_lower_node_alone_dials() { calls_flow 2 1; }
the_higher_node_alone_dials() { calls_flow 1 2; }

run the_lower_node_alone_dials
run the_higher_node_alone_dials
finish
