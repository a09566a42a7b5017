#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of a reader that is killed (SIGKILL) and started again and again: what its
# incarnations printed together is in order, nothing twice, and a third node gets all. Knows only
# the command line.
# run.sh: timeout=90
set -u
cd "$(dirname "$0")/../.." || exit 2

BUILD=${BUILD:-build}
KILLS=12
NET=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1))
pid_sender= pid_other= pid_killed=
bad=
export LC_ALL=C

T=$(mktemp -d) || exit 2
cleanup()
{
	local pid
	for pid in $pid_sender $pid_other $pid_killed; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# wait_for COMMAND...: at most 40 seconds.
wait_for()
{
	local end=$((SECONDS + 40))
	until "$@"; do
		[ $SECONDS -lt $end ] || { bad="$bad waited in vain for: $*;"; return 1; }
		sleep 0.02
	done
}

has_bytes() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# ended NAME PID STATUS: it ends by itself, at most in 40 seconds, with that status.
ended()
{
	local status
	if ! wait_for is_gone "$2"; then
		kill -KILL "$2"
		return
	fi
	wait "$2"
	status=$?
	[ $status = "$3" ] || bad="$bad $1 ended with $status, not $3: $(tail -n 1 "$T/err.$1");"
}

node()
{
	local name=$1 id=$2
	shift 2
	exec "$BUILD/checked/sinew" cat --config "$T/conf" --node "$id" --stats "$T/stats.$name" \
		"$@" >"$T/out.$name" 2>"$T/err.$name" 9<&-
}

{
	printf 'totem {\n\tcluster_name: kill\n}\nnodelist {\n'
	for n in 1 2 3; do
		printf '\tnode {\n\t\tnodeid: %d\n\t\tring0_addr: %s\n\t}\n' "$n" "$NET.$n"
	done
	printf '}\nsinew {\n\tqueue_bytes: 256k\n\tmax_message: 64k\n}\n'
} >"$T/conf"
mkfifo "$T/more"
exec 9<>"$T/more"

number=0
feed()
{
	local end=$((number + $1))
	seq -f "line %.0f" $((number + 1)) "$end" >>"$T/in"
	seq -f "line %.0f" $((number + 1)) "$end" >&9
	number=$end
}

# feed_until BYTES FILE: what is fed before an incarnation has begun is not for it.
feed_until()
{
	local i
	for ((i = 0; i < 200; i++)); do
		has_bytes "$2" "$1" && return 0
		feed 100
		sleep 0.05
	done
	bad="$bad ${2##*/} never got $1 bytes;"
	return 1
}

node other 3 </dev/null & pid_other=$!
node killed1 2 </dev/null & pid_killed=$!
node sender 1 --to 2,3 --keep-going <"$T/more" & pid_sender=$!
for ((k = 1; k <= KILLS; k++)); do
	feed_until $((k * 700)) "$T/out.killed$k" || break
	# In the middle of what is under way.
	feed 3000
	kill -KILL "$pid_killed"
	wait "$pid_killed" 2>/dev/null
	[ $((k % 3)) = 0 ] || feed 2000
	node killed$((k + 1)) 2 </dev/null & pid_killed=$!
done
feed_until 1000 "$T/out.killed$k"
exec 9>&-
ended sender "$pid_sender" 0
ended other "$pid_other" 0
ended "killed$((KILLS + 1))" "$pid_killed" 0
pid_sender= pid_other= pid_killed=

sed -n 's/^1\t//p' "$T/out.other" | cmp -s - "$T/in" || bad="$bad the third node got other lines;"
for ((k = 1; k <= KILLS + 1; k++)); do
	# A killed program's last line may be cut off; such a one is no line.
	[ -e "$T/out.killed$k" ] || continue
	sed -n 's/^1\tline \([0-9]*\)$/\1/p' "$T/out.killed$k" >"$T/numbers"
	[ -z "$(tail -c 1 "$T/out.killed$k")" ] || sed -i '$d' "$T/numbers"
	cat "$T/numbers"
done >"$T/all"
disorder=$(awk '$1 <= last { print last, $1; exit } { last = $1 }' "$T/all")
[ -z "$disorder" ] || bad="$bad incarnations of node 2 printed $disorder behind each other;"
sessions=$(tr ',{' '\n\n' <"$T/stats.sender" |
	sed -n 's/^ *"sessions" *: *\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
[ "$sessions" = $((KILLS + 1)) ] || bad="$bad the sender saw $sessions sessions with node 2;"
echo "# $number lines, $(wc -l <"$T/all") of them printed by $((KILLS + 1)) incarnations of node 2"
if [ -z "$bad" ]; then
	echo "ok - a reader killed and started again"
else
	echo "not ok - a reader killed and started again:$bad"
	tail -n 3 "$T"/err.* | sed 's/^/# /'
	exit 1
fi
