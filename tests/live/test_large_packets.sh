#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of a ring on which small packets pass and large ones vanish, as with a wrong MTU:
# two `sinew cat` over two cables, of which the first drops what is large, in one direction. The
# session has to leave it once, and must not come back to it. Knows only the command line.
# run.sh: long waits timeout=300 with=nft,jq
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/netns_lib.sh

STALL_MS=$((4000 * ${TIME_FACTOR:-1}))	# nothing arrives for so long at most; path_dead_ms is 600

ups=()	# of each node: how often a link came up before packets were lost
began=	# and when that was, ms

needs_namespaces of_who_decides of_the_other_node ping_sees_it

# Long lines, 20 times a second, until told to end.
feed()
{
	local i=0 long
	long=$(head -c 3000 /dev/zero | tr '\0' x)
	while [ ! -e stop ]; do
		echo "$((i += 1)) $long"
		sleep 0.05
	done | tee "in$1"
}

begin_large()
{
	local n
	begin 2 'path_dead_ms: 600' 'probe_ms: 200'
	wait_for has_bytes out1 20000
	wait_for has_bytes out2 20000
	# The first link may have come up on the other path, before it was moved here.
	wait_for uses 0
	for n in 1 2; do
		ups[n]=$(links_up $n)
	done
	began=$(now_ms)
}

ends_with_one_new_link()
{
	local n gap
	end
	for n in 1 2; do
		# One new link, and then no other.
		[ "$(links_up $n)" = $((ups[n] + 1)) ] || sed 's/^/# /' "err$n"
		equals "new links at node $n" "$(links_up $n)" $((ups[n] + 1))
	done
	gap=$(longest_gap "$began")
	echo "# nothing for $gap ms"
	[ "$gap" -lt "$STALL_MS" ] || bad "nothing for $gap ms"
}

# Packets that arrive at that node by the first cable.
narrow() { on "$1" nft 'add table t; add chain t i { type filter hook input priority 0; };
	add rule t i iif c0 ip length > 600 drop'; }

full_probes_lost() { [ "$(grep -c 'does not answer a full-size probe' "$1")" -ge "$2" ]; }

# lossy FROM: the large packets of that node are lost, for longer than it takes to come back to a
# path that is whole.
lossy()
{
	begin_large
	narrow $((3 - $1))
	wait_for uses 1
	wait_for has_line "err$1" 'large packets are lost on path 0'
	wait_for full_probes_lost "err$1" 2
	uses 1 || bad 'the path was taken again'
	ends_with_one_new_link
	! grep -q 'large packets' "err$((3 - $1))" || bad 'the other node complains, too'
}

of_who_decides() { lossy 1; }
of_the_other_node() { lossy 2; }

ping_sees_it()
{
	build_net 2
	configuration 2 >c
	nsenter -t "${ns[2]}" -n "$SINEW" cat --config c --node 2 </dev/null >/dev/null 2>err2 &
	pids+=($!)
	wait_for listens_there
	on 1 timeout "$LIMIT" "$SINEW" ping --config c --node 1 --count 1 --json >out 2>err
	equals 'status of a ping' $? 0
	narrow 2
	on 1 timeout "$LIMIT" "$SINEW" ping --config c --node 1 --count 1 --timeout 0.5 --json \
		>out 2>err
	equals 'status where large packets are lost' $? 3
	json_holds out '.paths[0] | .answered == 0 and .full_asked == 1 and .full_answered == 0'
	json_holds out '.paths[1] | .answered == 1 and .full_answered == 1'
	says err 'node 2 at 10.77.0.2:21065: small packets pass, large ones are lost'
	on 1 timeout "$LIMIT" "$SINEW" ping --config c --node 1 --count 1 --size 400 \
		>out 2>err
	equals 'status of small ones' $? 0
}

listens_there() { [ "$(on 2 ss -Hltn | wc -l)" = 2 ]; }

run of_who_decides
run of_the_other_node
run ping_sees_it
finish
