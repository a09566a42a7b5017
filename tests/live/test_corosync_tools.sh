#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what the command does under a real corosync, without a file of nodes: members, ping, cat,
# its quorum policy and its fencing. Knows nothing of how the membership is followed.
# run.sh: long waits timeout=120 with=jq,perl
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_command.sh
SINEW_LINES="quorum_policy: refuse
fence_command: $T/agent
fence_hold: yes"
lab_enter
cat >"$T/agent" <<END
#!/bin/sh
cat >>"$T/fenced"
END
chmod +x "$T/agent"

begins()
{
	lab 3
	start_corosync 1
	start_corosync 2
	start_corosync 3
	keep 1 follow members --follow --json
	follow=$!
	receive 2 3
	wait_for is_joined 2
	wait_for is_joined 3
}

# One is asked to, the others follow: all have finished.
end_receivers()
{
	local i
	kill -TERM "${cat[1]}"
	for i in 1 2 3; do
		ended_with "cat$i" "${cat[i]}" 0
	done
}

# It says the truth: a program that looks from now on finds the whole picture, and quorum.
ready_in_the_group()
{
	manager "$T/socket" "$T/words"
	NOTIFY_SOCKET=$T/socket receive 1
	wait_for has_line "$T/words" READY=1
	tool 1 0 members --json
	json_holds "$T/out" '.quorate and .whole'
	end_receivers
	equals 'words' "$(tr '\n' ' ' <"$T/words")" 'hears READY=1 STOPPING=1 '
	receive 2 3
}

# Nothing is heard from it any more: who follows is told so, and finds the others when it goes on.
# They know it, too, and count on no word of it.
a_hanging_corosync_is_told()
{
	kill -STOP "${corosync[1]}"
	wait_for has_line "$T/follow.err" 'corosync has not answered for'
	kill -CONT "${corosync[1]}"
	wait_for quorate_is 1 Yes
	wait_for is_joined 2
	wait_for is_joined 3
	tool 2 3 members --json
	json_holds "$T/out" '.whole'
}

all_are_shown()
{
	tool 2 3 members
	says "$T/out" node1
	receive 1
	tool 2 0 members --json
	json_holds "$T/out" '.schema == 1 and .command == "members"'
	json_holds "$T/out" '[.. | objects | select(.state? == "joined")] | length == 3'
	# Who looks on is no member, and nobody says that it is silent.
	! grep -q 'sent no HELLO' "$T"/cat?.err || bad "an observer was noted as silent"
}

ping_needs_no_file()
{
	tool 1 0 ping --count 2 --interval 0.05 --json
	json_holds "$T/out" '[.paths[] | select(.answered == 2)] | length == 2'
}

lines_arrive()
{
	end_receivers
	receive 2
	seq 500 | timeout "$LIMIT" nsenter -t "${holder[1]}" -m -n -u -- "$SINEW" cat --to 2 \
		>"$T/out" 2>"$T/err"
	equals 'status of the sender' $? 0
	ended_with cat2 "${cat[2]}" 0
	equals 'lines that came' "$(grep -c '^1	' "$T/cat2.out")" 500
}

# Its node is killed: the lowest one that is left runs the agent, once. It knows itself what it lost
# before, and blames no peer: these are stopped until it has said so, as they find out within the
# second, and refuse it.
who_fails_is_fenced()
{
	rm -f "$T/fenced"
	receive 1 2 3
	kill -STOP "${cat[1]}" "${cat[2]}"
	kill -KILL "${corosync[3]}"
	wait "${corosync[3]}" 2>/dev/null
	wait_for has_line "$T/cat3.err" 'this node lost corosync, continuing as incarnation'
	grep -q 'declared failed' "$T/cat3.err" && bad "it says: $(grep 'declared' "$T/cat3.err")"
	kill -CONT "${cat[1]}" "${cat[2]}"
	# Without a session left it may have ended by itself.
	kill -KILL "${cat[3]}" 2>/dev/null
	wait "${cat[3]}" 2>/dev/null
	wait_for has_line "$T/fenced" 'nodename=node3'
	says "$T/fenced" 'nodeid=3'
	says "$T/fenced" 'action=off'
	tool 2 3 members --json
	start_corosync 3
	receive 3
	equals 'how often it was fenced' "$(grep -c '^nodeid=3' "$T/fenced")" 1
	wait_for has_line "$T/follow.out" '"failed"'
}

# refuse: who is cut off from the others does not even start.
without_quorum_nothing_starts()
{
	local i
	# Those that had lost a peer may have ended by themselves.
	kill -TERM "${cat[@]}" 2>/dev/null
	for i in 1 2 3; do
		wait_for is_gone "${cat[i]}"
	done
	partition 3 '1 2'
	wait_for quorate_is 3 No
	tool 3 2 cat --membership corosync
	says "$T/err" quorum
	for i in 1 2 3; do heal "$i"; done
	kill -TERM "$follow"
	ended_with follow "$follow" 0
	check_sanitizers "$T"/*.err "$T/err"
}

for name in begins ready_in_the_group a_hanging_corosync_is_told all_are_shown \
	ping_needs_no_file lines_arrive who_fails_is_fenced without_quorum_nothing_starts; do
	command_row $name
done
finish
