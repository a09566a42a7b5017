#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens to five nodes under a real corosync that are divided into two and three, twice,
# while all connections are reset again and again. Traffic goes on meanwhile, and everybody is
# up again afterwards. Knows nothing of how the membership is followed.
# run.sh: long waits timeout=180 with=jq,python3
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
. tests/live/corosync_views.sh
lab_enter
UPS=no
AFTER_ROW=views_are_right
PROGRAM_ARGS='--serve --break-every 400'

begins()
{
	lab 5
	lab_start 1 2 3 4 5
	all_up
	watch_all
}

divide()
{
	local i
	partition "$1" "$2"
	for i in $1; do sees "$i" quorum:no; done
	for i in $2; do
		sees "$i" "fence${1% *}"
		sees "$i" "fence${1#* }"
	done
	all_up $2
	view_is "$2" $2
	for i in $1 $2; do heal "$i"; done
	all_up
	for i in $1; do sees "$i" lost; done
}

# Those who stayed do not notice each other.
the_lower_are_away()
{
	divide '1 2' '3 4 5'
	stayed_together 3 4 5 || return 0
	saw 3 '' 4
	saw 4 '' 5
	saw 5 '' 3
	saw_like 3 'down1:failed fence1 up1( down1:failed up1)*' 1
	saw_like 5 'down2:failed fence2 up2( down2:failed up2)*' 2
}

the_higher_are_away()
{
	divide '4 5' '1 2 3'
	stayed_together 1 2 3 || return 0
	saw 1 '' 2
	saw 2 '' 3
	saw 3 '' 1
	saw_like 1 'down4:failed fence4 up4( down4:failed up4)*' 4
	saw_like 3 'down5:failed fence5 up5( down5:failed up5)*' 5
}

# The policy to ignore quorum: those without it go on among themselves.
without_quorum_they_go_on()
{
	local i
	SINEW_LINES='quorum_policy: ignore'
	write_config $listed
	reload 1
	for i in $listed; do signal program "$i" TERM; done
	for i in $listed; do ends program "$i" 0; done
	for i in $listed; do start_program "$i"; done
	all_up
	mark
	partition '4 5' '1 2 3'
	for i in 4 5; do sees "$i" quorum:no; done
	sees 1 fence4
	all_flow 4 5
	wait_for quorate_is 4 No
	all_up 1 2 3
	for i in $listed; do heal "$i"; done
}

for name in begins the_lower_are_away the_higher_are_away without_quorum_they_go_on; do
	row $name
done
row watchers_end
the_end
finish
