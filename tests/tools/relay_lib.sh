# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the tests of `sinew break relay`: a relay in the background, the pair of programs
# that speak over it, and what came of that. Knows no fault. Sourced behind tests/lib.sh.

PAIR=$BUILT/tests/relay_pair
PORT=21065
A=$NET.1 B=$NET.2 A_STAND_IN=$NET.11 B_STAND_IN=$NET.12
ENDS="--a $A,$A_STAND_IN --b $B,$B_STAND_IN"

# relay NAME OPTION...: in the background between A and B, until it is ready; its summary is
# NAME.json, its log NAME.log, its messages NAME.err.
relay() { relay_of "$1" $ENDS "${@:2}"; }

relay_of()
{
	local name=$1
	shift
	start_saying "$name.err" ready "$SINEW" break relay "$@" --log "$name.log" --json \
		>"$name.json"
	relay_pid=$begun
}

# relay_ends NAME STATUS: by itself, at most LIMIT seconds from now.
relay_ends()
{
	reap "$relay_pid"
	equals "status of relay $1" $? "$2"
}

stop_relay()
{
	kill -TERM "$relay_pid"
	relay_ends "$1" 0
}

# pair NAME WORD...: A dials B; what came of it is NAME.pair.
pair()
{
	timeout "$LIMIT" "$PAIR" "$A" "$B_STAND_IN" $PORT "$B" $PORT "${@:2}" >"$1.pair" ||
		bad "the pair ended with $?"
	grep -q WRONG "$1.pair" && bad "other bytes came than were sent: $(cat "$1.pair")"
}

pair_back()
{
	timeout "$LIMIT" "$PAIR" "$B" "$A_STAND_IN" $PORT "$A" $PORT "${@:2}" >"$1.pair" ||
		bad "the pair ended with $?"
}

# value NAME CONNECTION END KEY
value() { sed -n "s/^$2 $3 .*\b$4=\([a-z0-9]*\).*/\1/p" "$1.pair"; }
# is NAME CONNECTION END KEY VALUE
is() { equals "$4 of the $3 of connection $2" "$(value "$1" "$2" "$3" "$4")" "$5"; }
at_least()
{
	local found
	found=$(value "$1" "$2" "$3" "$4")
	[ "${found:-0}" -ge "$5" ] || bad "$4 of the $3 of connection $2 is $found, not $5 or more"
}
at_most()
{
	local found
	found=$(value "$1" "$2" "$3" "$4")
	[ "${found:-$5}" -le "$5" ] || bad "$4 of the $3 of connection $2 is $found, not $5 or less"
}

# whole NAME CONNECTION OUT BACK: everything came, and both ended in order.
whole()
{
	is "$1" "$2" dialled got "$3"
	is "$1" "$2" dialled end eof
	is "$1" "$2" dialler got "$4"
	is "$1" "$2" dialler end eof
}

log_is()
{
	tail -n +2 "$1.log" >found
	printf '%s\n' "${@:2}" | sed '/^$/d' >want
	same want found
}
