#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens to three nodes under a real corosync when a program or a corosync ends, dies,
# returns or hangs: traffic goes on meanwhile, while all connections are reset again and again,
# sessions end as they should, and everybody is up again. Knows nothing of how the membership is
# followed.
# run.sh: waits timeout=150 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
AFTER_ROW=views_are_right
PROGRAM_ARGS='--serve --break-every 350'
lab_enter

begins()
{
	lab 3
	lab_start 1 2 3
	all_up
	watch_all
}

program_leaves()
{
	stop_program 3
	sees 1 down3:closed
	sees 2 down3:closed
	view_is '1 2' 1 2
	start_program 3
	all_up
	saw 1 'down3:closed up3' 3
	saw 2 'down3:closed up3' 3
	saw 1 '' 2
}

program_is_killed()
{
	kill_program 3
	sees 1 fence3
	sees 2 fence3
	saw 1 'down3:failed fence3' 3
	saw 2 'down3:failed fence3' 3
	view_is '1 2' 1 2
	start_program 3
	all_up
	saw 1 'down3:failed fence3 up3' 3
	saw 1 '' 2
}

# ticks NODE: of the processor, that its program has had.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/${program[$1]}/stat"; }

# Nothing spins where corosync is gone: in four tokens it uses at most a quarter of that time.
rests()
{
	local before used limit=$((TOKEN * $(getconf CLK_TCK) / 1000))
	before=$(ticks "$1")
	pause 4
	used=$(($(ticks "$1") - before))
	echo "# node $1: $used ticks of the processor in $((4 * TOKEN)) ms"
	[ "$used" -lt "$limit" ] || bad "the program of node $1 used $used ticks, not $limit"
}

corosync_is_killed()
{
	kill_corosync 3
	sees 3 lost
	sees 1 fence3
	sees 2 fence3
	within 1 'down peer=3'
	within 2 'down peer=3'
	saw 3 'down1:self_lost lost' 1
	view_is '1 2' 1 2
	view_is 3 3
	rests 3
	start_corosync 3
	all_up
	saw 1 'down3:failed fence3 up3' 3
	saw 1 '' 2
	saw 3 'down1:self_lost lost up1' 1
}

corosync_is_stopped()
{
	stop_corosync 3
	sees 3 lost
	sees 1 fence3
	sees 2 fence3
	view_is '1 2' 1 2
	view_is 3 3
	start_corosync 3
	all_up
	saw 1 'down3:failed fence3 up3' 3
	saw 1 '' 2
	saw 3 'down1:self_lost lost up1' 1
}

both_are_killed()
{
	signal program 3 KILL
	signal corosync 3 KILL
	ends program 3
	ends corosync 3
	sees 1 fence3
	sees 2 fence3
	within 1 'down peer=3'
	view_is '1 2' 1 2
	lab_start 3
	all_up
	saw 1 'down3:failed fence3 up3' 3
	saw 2 'down3:failed fence3 up3' 3
	saw 1 '' 2
}

program_hangs_half_a_token()
{
	signal program 3 STOP
	pause 0.5
	signal program 3 CONT
	all_up
	calm 1 2 3
}

program_hangs_four_tokens()
{
	signal program 3 STOP
	pause 4
	signal program 3 CONT
	all_up
	calm 1 2 3
}

corosync_hangs_half_a_token()
{
	signal corosync 3 STOP
	# Data go on without it.
	all_up
	pause 0.5
	signal corosync 3 CONT
	all_up
	calm 1 2 3
}

corosync_hangs_four_tokens()
{
	signal corosync 3 STOP
	sees 1 fence3
	sees 2 fence3
	within 1 'down peer=3'
	pause 2
	signal corosync 3 CONT
	sees 1 up3
	sees 2 up3
	all_up
	# It may renew itself once more when its corosync tells it, late, of the time it missed.
	saw_like 1 'down3:failed fence3 up3( down3:failed up3)*' 3
	saw_like 2 'down3:failed fence3 up3( down3:failed up3)*' 3
	saw 1 '' 2
	saw 2 '' 1
}

for name in begins program_leaves program_is_killed corosync_is_killed corosync_is_stopped \
	both_are_killed program_hangs_half_a_token program_hangs_four_tokens \
	corosync_hangs_half_a_token corosync_hangs_four_tokens; do
	row $name
done
row watchers_end
the_end
finish
