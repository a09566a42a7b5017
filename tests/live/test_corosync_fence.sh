#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what becomes of fencing when the node that does it dies over it: another one takes over,
# under a real corosync with five nodes. Two of them serve and fence nobody; a subscriber is on each
# of these. Knows nothing of how the membership is followed.
# run.sh: waits timeout=120 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_command.sh
. tests/live/corosync_views.sh
SINEW_LINES="fence_command: $T/agent
fence_timeout_ms: 60000
fence_hold: yes"
CAT_ARGS=--keep-going
SERVING='4 5'
lab_enter
# Says what it was asked for, and hangs on nodes that have a file of that name.
cat >"$T/agent" <<END
#!/bin/sh
exec >>"$T/asked.\$(hostname)"
echo "asked \$FENCE_NODEID"
while [ -e "$T/hangs.\$(hostname)" ]; do sleep 0.1; done
echo "done \$FENCE_NODEID"
END
chmod +x "$T/agent"

has_asked() { has_line "$T/asked.node$1" "asked $2"; }

# serve NODE...: and wait until they are there.
serve()
{
	local i
	for i; do
		keep "$i" "cat$i" serve --membership corosync --linger 0
		cat[i]=$!
	done
	for i; do
		wait_for is_joined "$i"
	done
}

# Its program and its corosync.
kill_node()
{
	kill -KILL "${cat[$1]}" "${corosync[$1]}"
	wait "${cat[$1]}" "${corosync[$1]}" 2>/dev/null
}

begins()
{
	local i
	lab 5
	for i in 1 2 3 4 5; do start_corosync "$i"; done
	receive 1 2 3
	serve $SERVING
	watch $SERVING
	views_are_right
}

# Node 1 is to fence node 5, and dies meanwhile: node 2 does that, and fences node 1.
fencer_dies()
{
	: >"$T/hangs.node1"
	kill_node 5
	wait_for has_asked 1 5
	view_is '1 2 3 4' 4
	kill_node 1
	wait_for has_asked 2 5
	wait_for has_asked 2 1
	wait_for has_line "$T/asked.node2" 'done 5'
	wait_for has_line "$T/asked.node2" 'done 1'
	equals 'what node 2 was asked for' "$(grep -c asked "$T/asked.node2")" 2
	[ ! -e "$T/asked.node3" ] || bad "node 3 fences, too: $(cat "$T/asked.node3")"
	[ ! -e "$T/asked.node4" ] || bad "node 4 fences, too: $(cat "$T/asked.node4")"
	view_is '2 3 4' 4
}

# All that was held back until then has been told: to those who did nothing themselves, too.
others_go_on()
{
	local i k
	for i in 2 3; do
		for k in 1 5; do
			wait_for has_line "$T/cat$i.err" "node $k is down: it was declared failed"
		done
	done
}

# A node that is back has not to be fenced, and the agent is not called again.
they_return()
{
	rm "$T/hangs.node1"
	start_corosync 1
	start_corosync 5
	receive 1
	serve 5
	views_are_right
	equals 'what node 2 was asked for' "$(grep -c asked "$T/asked.node2")" 2
	equals 'what node 1 was asked for' "$(grep -c asked "$T/asked.node1")" 1
}

all_end()
{
	local i
	kill -TERM "${cat[@]}"
	for i in 1 2 3 4 5; do
		wait_for is_gone "${cat[i]}"
	done
	check_sanitizers "$T"/cat*.err
}

for name in begins fencer_dies others_go_on they_return watchers_end all_end; do
	command_row $name
done
finish
