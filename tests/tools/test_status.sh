#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew status` and `sinew top` as operators see them, and of the schemas of what
# they print. Knows nothing of the socket.
# run.sh: timeout=120 with=jq,ss,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/tools/serve_lib.sh

schemas_are_schemas() { python3 "$SCHEMA" --check >out 2>&1 || bad "$(tail -n 1 out)"; }

a_pair_of_nodes()
{
	serve_config
	serve 1
	serve 2
	wait_for linked 1 2
	asks 1 status
	says out "node 1 of cluster \"$CLUSTER\", group \"sinew\""
	says out 'ESTABLISHED up'
	says out 'CLOSED      DOWN'
	asks 1 status --json
	valid answer-status out
	json_is out '.node.node' 1
	json_is out '.node.pid | tostring' "${pids[0]}"
	json_is out '[.peers[].node] | tostring' '[2,3]'
	json_is out '.peers[0].paths[0].address' "$NET.2:21065"
	json_holds out '.resources.sessions == 1 and .resources.descriptors > 3'
	json_holds out '.topology.publications > 0 and .loop.busy_ms < 1000'
	asks 1 status 2
	says out 'peer 2'
	says out "path 0         $NET.2:21065, alive"
	asks 1 status 2 --json
	valid answer-status out
	json_is out '[.peers[].node] | tostring' '[2]'
	ask 1 status 9
	equals status $ended 2
	says err 'no peer 9'
}

# why_of ID PEER: the line of node ID about its failed dials of that peer.
why_of()
{
	asks "$1" status "$2"
	grep -q ' cannot connect to ' out
}

why_there_is_no_link_is_said_where_there_is_none()
{
	serve_config
	sed -i "s/$NET.3/no.such.host.invalid/" c
	serve 1
	wait_for why_of 1 2
	says out '  no link        cannot connect to '
	serve 2
	wait_for linked 1 2
	asks 1 status 2
	says out '  last failure   cannot connect to '
	if grep -q 'no link' out; then
		bad 'a peer with a link has none'
	fi
	asks 1 status 3
	says out 'none: it has no address (a host name that cannot be resolved?)'
}

rates_of_a_pair()
{
	serve_config
	serve 1
	serve 2
	wait_for linked 1 2
	asks 1 top --count 3 --interval 0.1 --json
	valid top out
	equals 'documents' "$(wc -l <out)" 3
	# An answer that came late makes the interval behind it shorter.
	jq -s . out >documents
	json_holds documents 'all(.node == 1 and .seconds > 0 and (.peers | length) == 2) and
		(map(.seconds) | add) > 0.09'
	asks 1 top --count 1 --interval 0.1
	says out 'SENT/s'
	says out 'ESTABLISHED up'
}

# calls ID REQUEST: node 3 is a member for a while, and asks node ID by a call of service 1, op 2.
calls()
{
	echo -n "$2" | timeout "$LIMIT" "$SINEW" call --config c --node 3 --to "$1" --service 1 \
		--op 2 --log error >out 2>err
	equals "status of the call, which said \"$(tail -n 1 err)\"," $? 0
}

# refused TEXT: the answer is that.
refused()
{
	valid answer-error out
	json_is out .error.errno EPERM
	says out "$1"
}

members_read_where_that_is_said()
{
	local set='{"schema":1,"ask":"config-set","options":{"ack_ms":"7"}}'
	serve_config
	cp c of_all
	printf 'control {\n  remote: status\n}\n' >>c
	serve 1
	calls 1 ''
	valid answer-status out
	json_is out .node.node 1
	# The other end of the session that it came by.
	json_holds out '.peers[] | select(.node == 3) | .link_up'
	calls 1 '{"schema":1,"ask":"top"}'
	valid answer-top out
	json_is out .node 1
	calls 1 "$set"
	refused 'node 3 may not change options of this node, nobody may from afar'
	asks 1 config get ack_ms
	equals ack_ms "$(cat out)" 5
	mv of_all c
	printf 'control {\n  remote: off\n}\n' >>c
	serve 2
	calls 2 ''
	refused 'node 3 may not read the status of this node'
	says out 'remote: status'
	json_holds out '.node == null and .peers == null'
	asks 2 status
}

# All that can be asked without a right is that the node is there.
who_is_not_there_is_named()
{
	local none='no node has the control socket sinew/none/sinew/1'
	refuses 2 "$none" status --socket sinew/none/sinew/1
	refuses 2 "$none" top --socket sinew/none/sinew/1
	refuses 2 'node 2147483647 has no control socket on this machine' status --node 2147483647
	refuses 2 'expected the nodeid of one peer' status x
	refuses 2 'expected the nodeid of one peer' status 1 2
	refuses 2 '--node ID is missing' status --config c
	refuses 2 'expected a name of 1 to 103 bytes' status --socket ''
	refuses 2 'expected a name' status --socket "$(printf 'x%.0s' {1..104})"
}

# As a node without a free descriptor does: the kernel resets what nobody has read.
a_node_that_closes_is_named()
{
	python3 - "$(socket_of 1)" <<-'END' &
	import select, socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	s.bind("\0" + sys.argv[1])
	s.listen()
	c = s.accept()[0]
	select.select([c], [], [])
	END
	pids+=($!)
	wait_for has_socket "$(socket_of 1)"
	ask 1 status
	equals status $ended 3
	says err 'has closed the connection: it ends, or has no free file descriptor'
}

# A program that is stopped is no program that is gone.
a_stopped_node_is_named()
{
	serve_config
	serve 1
	kill -STOP "$served"
	ask 1 status --timeout 0.3
	equals status $ended 3
	says err 'has not answered in time'
	kill -CONT "$served"
	asks 1 status
}

full_disks_are_told()
{
	serve_config
	serve 1
	"$SINEW" status --socket "$(socket_of 1)" >/dev/full 2>err
	equals status $? 1
	says err 'cannot write standard output'
}

run schemas_are_schemas
run a_pair_of_nodes
run why_there_is_no_link_is_said_where_there_is_none
run rates_of_a_pair
run members_read_where_that_is_said
run who_is_not_there_is_named
run a_node_that_closes_is_named
run a_stopped_node_is_named
run full_disks_are_told
finish
