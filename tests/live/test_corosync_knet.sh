#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens to three nodes under a real corosync over knet, with crypto and two links: one
# link dies, both die, a corosync dies. Traffic goes on meanwhile. Knows nothing of how the
# membership is followed.
# run.sh: long waits timeout=150 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
TRANSPORT=knet
TOKEN=2000	# above the time in which knet sees that a link is dead
RINGS=2
AFTER_ROW=views_are_right
PROGRAM_ARGS=--serve
lab_enter
UPS=no

KNET_YOUNG_S=11	# in the first ten seconds of a link knet is patient with it, longer than a token

begins()
{
	lab 3
	lab_start 1 2 3
	all_up
	watch_all
	sleep $KNET_YOUNG_S
	calm_since_up
}

# Nothing but that all came up.
calm_since_up()
{
	saw 1 up2 2
	saw 1 up3 3
	saw 2 up3 3
}

# Sessions move to the second link, and back; to corosync nothing happens.
first_link_dies()
{
	local ms
	link_down 3 0
	all_up
	ms=$(($(now_ms) - fault_ms))
	echo "# node 3: messages over the second link after $ms ms"
	[ "$ms" -lt $((3000 * ${TIME_FACTOR:-1})) ] || bad "it took $ms ms to the second link"
	pause 2.5
	calm 1 2 3
	mark
	link_up 3 0
	says_since 3 'peer=1 addr=10.77.0.1:.* link up'
	says_since 3 'peer=2 addr=10.77.0.2:.* link up'
	all_up
	calm 1 2 3
}

corosync_is_killed()
{
	kill_corosync 3
	sees 1 fence3
	sees 2 fence3
	within 1 'down peer=3'
	view_is '1 2' 1 2
	view_is 3 3
	start_corosync 3
	all_up
	saw 1 'down3:failed fence3 up3' 3
	saw 1 '' 2
}

both_links_die()
{
	link_down 3 0
	link_down 3 1
	sees 1 fence3
	sees 2 fence3
	view_is '1 2' 1 2
	view_is 3 3
	link_up 3 0
	link_up 3 1
	sees 1 up3
	all_up
	saw_like 1 'down3:failed fence3 up3( down3:failed up3)*' 3
	saw 1 '' 2
	saw 2 '' 1
}

corosync_hangs_four_tokens()
{
	signal corosync 3 STOP
	sees 1 fence3
	sees 2 fence3
	pause 2
	signal corosync 3 CONT
	sees 1 up3
	all_up
	saw_like 1 'down3:failed fence3 up3( down3:failed up3)*' 3
	saw 1 '' 2
	saw 2 '' 1
}

for name in begins first_link_dies corosync_is_killed both_links_die corosync_hangs_four_tokens; do
	row $name
done
row watchers_end
the_end
finish
