#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens when a corosync, a program or both die and return inside of the token's time,
# when one node goes and returns many times, and when all start and stop at once, under a real
# corosync with a long token. Knows nothing of how the membership is followed.
# run.sh: long waits timeout=150 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
TOKEN=3000
lab_enter
REJOINS=50
AFTER_ROW=views_are_right
PROGRAM_ARGS='--serve --break-every 250'

begins()
{
	lab 3
	lab_start 1 2 3
	all_up
	watch_all
}

# Node 3 has a new incarnation, and the others have seen its former one fail, and nothing else.
has_returned()
{
	sees 3 lost
	sees 1 up3
	sees 2 up3
	all_up
	saw_like 1 'down3:failed( fence3)? up3' 3
	saw_like 2 'down3:failed( fence3)? up3' 3
	saw 1 '' 2
	saw 2 '' 1
}

corosync_returns_at_once()
{
	kill_corosync 3
	start_corosync 3
	has_returned
}

# In order, with its program in the group: for the others it has failed all the same.
corosync_is_restarted()
{
	stop_corosync 3
	start_corosync 3
	has_returned
}

# The program is slower than the ring: it finds a corosync that has long been back.
corosync_returns_while_its_program_sleeps()
{
	signal program 3 STOP
	kill_corosync 3
	start_corosync 3
	wait_for quorate_is 3 Yes
	sees 1 down3:failed
	signal program 3 CONT
	has_returned
}

n_ups() { [ "$(events "$1" "$2" | tr ' ' '\n' | grep -c "up$2")" = "$3" ]; }

# All that it missed comes at once, in order; the first of it is history.
program_sleeps_while_another_returns_twice()
{
	local i
	signal program 3 STOP
	for i in 1 2; do
		kill_corosync 2
		start_corosync 2
		wait_for n_ups 1 2 $i
	done
	signal program 3 CONT
	sees 3 up2
	all_up
	saw_like 1 'down2:failed( fence2)? up2 down2:failed( fence2)? up2' 2
	saw_like 3 '(down2:failed( fence2)? ?)+up2' 2
}

both_return_at_once()
{
	signal program 3 KILL
	signal corosync 3 KILL
	ends program 3
	ends corosync 3
	lab_start 3
	sees 1 up3
	all_up
	saw_like 1 'down3:failed( fence3)? up3' 3
	saw 1 '' 2
	saw 2 '' 1
}

# The one with the lowest nodeid, which decides about sessions.
first_corosync_returns_at_once()
{
	kill_corosync 1
	start_corosync 1
	sees 1 lost
	sees 2 up1
	all_up
	saw_like 2 'down1:failed( fence1)? up1' 1
	saw 2 '' 3
	saw 3 '' 2
}

# Each third time without a goodbye.
one_rejoins_many_times()
{
	local i
	for ((i = 1; i <= REJOINS; i++)); do
		if ((i % 3)); then
			stop_program 3
		else
			kill_program 3
		fi
		start_program 3
		all_up
		[ -z "$why" ] || return
	done
	equals 'incarnations of node 3' "$(events 1 3 | tr ' ' '\n' | grep -c up3)" $REJOINS
	saw 1 '' 2
}

all_stop_and_start_at_once()
{
	local i kind
	for kind in program corosync; do
		for i in 1 2 3; do signal $kind "$i" TERM; done
		for i in 1 2 3; do ends $kind "$i" 0; done
	done
	saw_like 1 'down2:closed.*' 2
	saw_like 2 'down3:closed.*' 3
	lab_start 1 2 3
}

all_stop_in_no_order()
{
	local i
	for i in 1 2 3; do
		signal corosync "$i" TERM
		signal program "$i" TERM
	done
	for i in 1 2 3; do
		ends corosync "$i"
		ends program "$i" 0
	done
	lab_start 1 2 3
}

# The application learns of the failure when it has confirmed the fencing.
failure_is_held_until_fenced()
{
	stop_program 1
	start_program 1 --hold
	all_up
	mark
	kill_program 3
	sees 1 down3:failed
	saw 1 'fence3 down3:failed' 3
	sees 2 fence3
	view_is '1 2' 1 2
	saw 2 'down3:failed fence3' 3
	start_program 3
	all_up
	saw 1 'fence3 down3:failed up3' 3
}

for name in begins corosync_returns_at_once corosync_is_restarted \
	corosync_returns_while_its_program_sleeps program_sleeps_while_another_returns_twice \
	both_return_at_once \
	first_corosync_returns_at_once failure_is_held_until_fenced one_rejoins_many_times \
	all_stop_and_start_at_once all_stop_in_no_order; do
	row $name
done
row watchers_end
the_end
finish
