#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the great run: three `sinew cat --to all` while all their connections are destroyed every
# 20 ms; once with lines spread over time, once with much data as fast as they are taken. What
# arrives must be exactly what was sent. Knows only the command line.
#
#	tests/live/storm.sh [LINES [SECONDS [MB]]]    200000 30 500
#	PERIOD=20     ms between two rounds of destruction
#	KEEP=1        keeps the files
#	OUTSIDE=no    the nodes reset their own connections, as without root
# Needs nine times MB in the temporary folder (TMPDIR). Last line: `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh

BUILD=${BUILD:-build}
LINES_EACH=${1:-200000}
SECONDS_LONG=${2:-30}
MB=${3:-500}
PERIOD=${PERIOD:-20}
GIVE_UP_S=$((SECONDS_LONG + MB / 2 + 120))
LONGEST=240	# bytes of a line spread over time
BULK=1000	# bytes of a line as fast as possible
nodes='1 2 3'
destroyer=
passed=0 failed=0
sum_reconnects=0 sum_resent=0

# Instead of the one of lib.sh: what was wrong can be looked at.
cleanup()
{
	[ -z "$destroyer" ] || pids+=("$destroyer")
	end_all
	if [ -n "${KEEP:-}" ]; then
		echo "# the files are in $T"
	else
		rm -rf "$T"
	fi
}

# random_lines N: of 0 to LONGEST characters.
random_lines()
{
	head -c $(($1 * LONGEST * 3 / 8 + 4096)) /dev/urandom | base64 -w 0 |
		fold -w $LONGEST | awk -v n="$1" -v longest=$LONGEST -v seed=$RANDOM$RANDOM '
			BEGIN { srand(seed) }
			{ while (n > 0 && length($0) > 0) {
				len = int(rand() * (longest + 1))
				if (len > length($0)) len = length($0)
				print substr($0, 1, len)
				$0 = substr($0, len + 1)
				n--
			} }
			END { while (n-- > 0) print int(rand() * 1000000000) }'
}

# input NODE spread|fast
input()
{
	if [ "$2" = fast ]; then
		cat "$T/in$1"
	else
		"$BUILD/tests/pace" "$LINES_EACH" "$SECONDS_LONG" <"$T/in$1"
	fi
}

# start spread|fast
start()
{
	local n break_args=()
	# Both ends of a connection do it.
	[ $outside = yes ] || break_args=(--break-every $((2 * PERIOD)))
	for n in $nodes; do
		"$SINEW" cat --config "$T/conf" --node "$n" --to all --linger 60 \
			--stats "$T/stats$n" "${break_args[@]}" \
			< <(input "$n" "$1") >"$T/out$n" 2>"$T/err$n" &
		pids[n]=$!
	done
}

all_gone()
{
	local pid
	for pid in "${pids[@]}"; do
		is_gone "$pid" || return 1
	done
}

# sum_of KEY: over all nodes and peers.
sum_of()
{
	cat "$T"/stats? 2>/dev/null | tr ',{' '\n\n' |
		sed -n "s/^ *\"$1\" *: *\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

# judge NAME MS: prints the result.
judge()
{
	local name=$1 ms=$2 n from status bad= what reconnects resent
	for n in $nodes; do
		wait "${pids[n]}"
		status=$?
		[ $status = 0 ] ||
			bad="$bad node $n ended with $status: $(tail -n 1 "$T/err$n");"
	done
	pids=()
	for n in $nodes; do
		for from in $nodes; do
			[ "$n" != "$from" ] || continue
			what=$(tools/demo/compare.sh "$T/in$from" "$T/out$n" "$from") &&
				continue
			bad="$bad $from to $n: $what (sent, delivered, lost, twice,"
			bad="$bad out of order, foreign);"
		done
	done
	reconnects=$(sum_of reconnects)
	resent=$(sum_of resent)
	sum_reconnects=$((sum_reconnects + reconnects))
	echo "# $name: $((ms / 1000)).$((ms % 1000 / 100)) s," \
		"$(cat "$T"/in? | wc -c) bytes to two others," \
		"$reconnects reconnects ($(sum_of resumed_unacked) with data under way)," \
		"$resent frames sent again"
	sum_resent=$((sum_resent + resent))
	if [ -z "$bad" ]; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name:$bad"
		failed=$((failed + 1))
		KEEP=1
	fi
}

# storm NAME spread|fast
storm()
{
	local began=$EPOCHREALTIME ms ticks=0
	rm -f "$T"/out? "$T"/stats? "$T"/err?
	start "$2"
	if [ $outside = yes ]; then
		"$SINEW" break destroy --port 21065 --between "$NET.0/29,$NET.0/29" \
			--every "$PERIOD" >"$T/err-destroy" 2>&1 &
		destroyer=$!
	fi
	while ! all_gone; do
		sleep 0.1
		ticks=$((ticks + 1))
		[ $ticks -lt $((GIVE_UP_S * 10)) ] && continue
		echo "# still running after $GIVE_UP_S s; $(cat "$T"/out? | wc -c) bytes arrived"
		kill -KILL "${pids[@]}"
		break
	done
	ms=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%d", (b - a) * 1000 }')
	if [ -n "$destroyer" ]; then
		kill "$destroyer" 2>/dev/null
		wait "$destroyer" || cat "$T/err-destroy"
		destroyer=
	fi
	judge "$1" "$ms"
}

outside=yes
if [ "${OUTSIDE:-yes}" = no ] || [ "$(id -u)" != 0 ] ||
	! "$SINEW" break destroy --probe >/dev/null 2>&1; then
	outside=no
	echo "# each node resets its own connections"
fi
config "$T/conf"
for n in $nodes; do
	random_lines "$LINES_EACH" >"$T/in$n"
done
storm "$LINES_EACH lines of each node over $SECONDS_LONG s" spread
for n in $nodes; do
	base64 -w $BULK /dev/urandom 2>/dev/null | head -c $((MB * 1000000)) >"$T/in$n"
	echo >>"$T/in$n"
done
storm "$MB MB of each node as fast as they are taken" fast

# As many as the destroyer's rounds should have made in that time, at the very least.
want=$((SECONDS_LONG * 35 < 1000 ? SECONDS_LONG * 35 : 1000))
if [ $sum_reconnects -ge $want ] && [ $sum_resent -gt 0 ]; then
	echo "ok - $sum_reconnects reconnects, $sum_resent frames sent again"
	passed=$((passed + 1))
else
	echo "not ok - only $sum_reconnects reconnects (wanted: $want)," \
		"$sum_resent frames sent again (wanted: some)"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
