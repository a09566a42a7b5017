#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens in a cluster of two nodes under a real corosync with two_node: each alone has
# quorum, once both have been there. Traffic goes on meanwhile, and both are up again afterwards.
# Knows nothing of how the membership is followed.
# run.sh: waits timeout=150 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
QUORUM_LINES='two_node: 1'
AFTER_ROW=views_are_right
PROGRAM_ARGS='--serve --break-every 300'
lab_enter
UPS=no

# Nobody has quorum before both have been there (wait_for_all, which two_node brings with it).
begins()
{
	lab 2
	lab_start 1
	says_since 1 'begin own='
	wait_for quorate_is 1 No
	equals 'what node 1 saw' "$(events 1)" ''
	lab_start 2
	all_up
	sees 1 quorum:yes
	sees 2 quorum:yes
	watch_all
}

other_is_killed()
{
	signal program 2 KILL
	signal corosync 2 KILL
	ends program 2
	ends corosync 2
	sees 1 fence2
	within 1 'down peer=2'
	wait_for quorate_is 1 Yes
	saw 1 'down2:failed fence2' 2
	lab_start 2
	all_up
	saw 1 'down2:failed fence2 up2' 2
	equals 'what node 1 saw in all' "$(events 1)" 'down2:failed fence2 up2'
}

# The one with the lowest nodeid.
first_is_killed()
{
	signal program 1 KILL
	signal corosync 1 KILL
	ends program 1
	ends corosync 1
	sees 2 fence1
	lab_start 1
	all_up
	equals 'what node 2 saw in all' "$(events 2)" 'down1:failed fence1 up1'
}

program_is_killed()
{
	kill_program 2
	sees 1 fence2
	start_program 2
	all_up
	saw 1 'down2:failed fence2 up2' 2
}

program_leaves()
{
	stop_program 2
	sees 1 down2:closed
	start_program 2
	all_up
	saw 1 'down2:closed up2' 2
}

# Both have quorum, and each asks for the other to be fenced: that is for the agents to decide.
# Nobody is fenced here; when they meet again each knows that it had been given up.
both_are_cut_off()
{
	partition 1 2
	sees 1 fence2
	sees 2 fence1
	saw 1 'down2:failed fence2' 2
	saw 2 'down1:failed fence1' 1
	heal 1
	heal 2
	all_up
	has_event 1 quorum:no && bad 'node 1 lost its quorum'
	has_event 2 quorum:no && bad 'node 2 lost its quorum'
}

both_stop_and_start()
{
	local i
	for i in 1 2; do stop_program "$i"; done
	for i in 1 2; do stop_corosync "$i"; done
	lab_start 1 2
}

for name in begins other_is_killed first_is_killed program_is_killed program_leaves \
	both_are_cut_off both_stop_and_start; do
	row $name
done
row watchers_end
the_end
finish
