#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens when the nodelist of a real corosync changes while nodes run: one is added, a
# live one is taken off, the address of one is another. Traffic goes on meanwhile, while all
# connections are reset again and again. Knows nothing of how the membership is followed.
# run.sh: long waits timeout=120 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
AFTER_ROW=views_are_right
PROGRAM_ARGS='--serve --break-every 300'
lab_enter

begins()
{
	lab 3
	lab_node 4
	lab_start 1 2 3
	all_up
	watch_all
}

node_is_added()
{
	listed='1 2 3 4'
	write_config 1 2 3 4
	reload 1
	lab_start 4
	all_up
	watch 4
	saw 1 'up4' 4
	saw 1 '' 2
	saw 2 '' 3
}

# It is expected to go: it has not failed, and nobody has to fence it.
live_node_is_removed()
{
	listed='1 2 3'
	write_config 1 2 3
	reload 1
	sees 1 down4:left
	sees 2 down4:left
	sees 3 down4:left
	all_up
	saw 1 'down4:left' 4
	saw 2 'down4:left' 4
	saw 1 '' 2
	saw 2 '' 3
	saw 3 '' 1
	watcher_end 4
	kill_program 4
	kill_corosync 4
}

address_is_changed()
{
	stop_program 3
	stop_corosync 3
	sees 1 down3:closed
	view_is '1 2' 1 2
	# Corosync wants a node to go before it takes another address of it.
	listed='1 2'
	write_config 1 2
	reload 1
	listed='1 2 3'
	address[3]=$LAB_NET.0.33
	inside 3 ip addr del "$LAB_NET.0.3/24" dev eth0
	inside 3 ip addr add "${address[3]}/24" dev eth0
	write_config 1 2 3
	reload 1
	lab_start 3
	all_up
	saw 1 'down3:closed up3' 3
	saw 1 '' 2
}

for name in begins node_is_added live_node_is_removed address_is_changed; do
	row $name
done
row watchers_end
the_end
finish
