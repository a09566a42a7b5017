# SPDX-License-Identifier: LGPL-2.1-or-later
# Recordings of a kernel: a program plays scripts in a guest, one each time, and the lines that it
# prints are compared with tests/golden/NAME-KERNEL.txt. Sourced behind tests/vm/lab.sh; knows no
# script.
#
#	recording NAME KERNEL READY WHAT TEST		# RECORD=1: records it anew
#
# tests/vm/NAME_player.c is the program: without a number it says how many scripts there are. READY
# is run before it. The head of the recording says WHAT the lines are; TEST compares ours with them.

play_all()
{
	local number n said
	n=$(in_guest 1 "$1")
	for ((number = 0; number < n; number++)); do
		said=$(in_guest 1 "$1" "$number")
		[[ $said = 'script '* ]] || bad "script $number has no end: $said"
		echo "$said"
	done >"$T/played"
}

# as_recorded NAME KERNEL READY WHAT TEST
as_recorded()
{
	local golden=$PWD/tests/golden/$1-$2.txt
	boot 1 "$2" || return
	"$3"
	play_all "$1_player"
	[ -z "$why" ] || return
	[ -z "${RECORD:-}" ] || {
		{
			echo "# $4, as tests/vm/$1.sh has recorded them:"
			echo "# $(in_guest 1 cat /proc/version)"
			cat "$T/played"
		} >"$golden"
		echo "# $golden is recorded: look at its differences, and run $5"
	}
	diff <(grep -v '^#' "$golden") "$T/played" >"$T/difference" ||
		bad "other lines than in $golden: $(head -n 5 "$T/difference" | tr '\n' ' ')"
	consoles_are_clean
	power_off 1
}

recording()
{
	why=
	as_recorded "$@"
	if [ -z "$why" ]; then
		echo "ok - $1_$2"
	else
		echo "not ok - $1_$2: $(echo "$why" | tr '\n' ' ')"
		n_failed=1
	fi
	finish
}
