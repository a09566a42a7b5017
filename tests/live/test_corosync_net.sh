#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens to three nodes under a real corosync when the network between them is cut,
# divided or lossy, while all connections are reset again and again. Traffic goes on meanwhile,
# and everybody is up again afterwards. Knows nothing of how the membership is followed.
# run.sh: waits timeout=200 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
lab_enter
UPS=no
AFTER_ROW=views_are_right
PROGRAM_ARGS='--serve --break-every 300'
# The one that was away comes back as another; those who stayed do not notice each other.
BACK='down3:failed fence3 up3( down3:failed up3)*'

begins()
{
	lab 3
	lab_start 1 2 3
	all_up
	watch_all
}

# Node 3 has been cut off, and is back.
three_was_away()
{
	sees 1 up3
	sees 2 up3
	all_up
	stayed_together 1 2 || return 0
	saw_like 1 "$BACK" 3
	saw_like 2 "$BACK" 3
	saw 1 '' 2
	saw 2 '' 1
	saw_like 3 'down1:(failed|self_lost)( lost)+ up1( down1:self_lost lost up1)*' 1
	sees 3 lost
	sees 3 quorum:yes
}

link_is_cut()
{
	link_down 3
	sees 1 fence3
	sees 2 fence3
	sees 3 quorum:no
	view_is '1 2' 1 2
	view_is 3 3
	link_up 3
	three_was_away
}

link_is_cut_half_a_token()
{
	deafen 3 'iif != lo'
	pause 0.5
	heal 3
	all_up
	calm 1 2 3
}

partition_and_heal()
{
	partition 3 '1 2'
	sees 1 fence3
	sees 2 fence3
	sees 3 quorum:no
	# The majority goes on.
	all_up 1 2
	view_is '1 2' 1 2
	view_is 3 3
	heal 1
	heal 2
	heal 3
	three_was_away
}

# Without quorum nothing is sent any more, and it ends all the same.
closing_without_quorum()
{
	partition 3 '1 2'
	sees 3 quorum:no
	stop_program 3
	sees 1 fence3
	heal 1
	heal 2
	heal 3
	start_program 3
	sees 1 up3
	all_up
	saw 1 'down3:failed fence3 up3' 3
	saw 1 '' 2
}

# It closes while it still has quorum, and loses it, and the others, in the middle.
closing_when_cut_off()
{
	partition 3 '1 2'
	signal program 3 TERM
	sees 1 fence3
	heal 1
	heal 2
	heal 3
	ends program 3 0
	start_program 3
	sees 1 up3
	all_up
	saw 1 '' 2
	saw 2 '' 1
}

# Nodes 1 and 2 do not hear each other, node 3 hears both: corosync finds no lasting answer.
asymmetric_cut()
{
	partition 1 2
	pause 8
	fates 'in the asymmetric cut'
	heal 1
	heal 2
	all_up
}

random_loss()
{
	local i
	for i in 1 2 3; do deafen "$i" 'iif != lo numgen random mod 100 < 20'; done
	pause 12
	fates 'in the loss'
	for i in 1 2 3; do heal "$i"; done
	all_up
}

for name in begins link_is_cut link_is_cut_half_a_token partition_and_heal closing_without_quorum \
	closing_when_cut_off asymmetric_cut random_loss; do
	row $name
done
row watchers_end
the_end
finish
