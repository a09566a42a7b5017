#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of many short runs: pairs of `sinew cat` that send each other a few lines while
# something destroys their connections all the time. Every one must end with 0, with all lines,
# and at once: not by a timeout. Knows only the command line.
# run.sh: timeout=300
#
#	tests/live/test_pairs.sh [PAIRS]    400 with LIVE_FULL=1, else 100
#	WORKERS=4     pairs at a time
#	PERIOD=8      ms between two rounds of destruction; each connection is met every second time
#	LOG=debug     keeps the log and the times of the slowest pair in $KEEP
#	OUTSIDE=no    the nodes reset their own connections, as without root
set -u
cd "$(dirname "$0")/../.." || exit 2

BUILD=${BUILD:-build}
PAIRS=${1:-${PAIRS:-$((${LIVE_FULL:-0} ? 400 : 100))}}
WORKERS=${WORKERS:-4}
PERIOD=${PERIOD:-8}
LOG=${LOG:-warning}
LIMIT=60		# seconds for one program
LINGER=30
SLOW_MS=8000		# below linger and wait: a pair that takes longer waited for nothing
export LC_ALL=C

T=$(mktemp -d) || exit 2
pids=()

cleanup()
{
	local pid
	touch "$T/stop"
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	wait
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# set_ms VARIABLE: without another process, as there are many pairs.
set_ms()
{
	local t=$EPOCHREALTIME
	printf -v "$1" %s $((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))
}

# A port that nobody uses, below those that the kernel gives to diallers; another for each worker.
free_port()
{
	local port
	for _ in 1 2 3 4 5 6 7 8 9; do
		port=$((10000 + ($$ + RANDOM) % 2000 * 10 + $1))
		grep -qi ":$(printf %04X "$port") " /proc/net/tcp || break
	done
	echo "$port"
}

config()
{
	echo 'totem { '; echo 'cluster_name: pairs'; echo '}'; echo 'nodelist {'
	printf 'node {\nnodeid: %d\nring0_addr: 127.0.0.%d\n}\n' 1 1 2 2
	printf '}\nsinew {\nport: %d\n}\n' "$1"
}

# lines_of NODE PAIR PREFIX: what that node sends.
lines_of()
{
	local i
	for ((i = 0; i < $2 % 7; i++)); do
		printf '%spair %d node %d line %d\n' "$3" "$2" "$1" $i
	done
}

# one_pair DIR NUMBER: 0 if all is as it should be.
one_pair()
{
	local dir=$1 n=$2 id pids_of=() status bad= before ms slowly=()
	# One pair of three sends one line after the other, for up to a quarter of a second.
	[ $((n % 3)) != 0 ] || slowly=(--rate 500)
	set_ms before
	for id in 1 2; do
		lines_of $id "$n" '' >"$dir/in$id"
		timeout -k 1 $LIMIT "$BUILD/checked/sinew" cat --config "$dir/conf" --node $id \
			--to $((3 - id)) --linger $LINGER --stats "$dir/stats$id" \
			--log-level "$LOG" "${slowly[@]}" "${break_args[@]}" \
			<"$dir/in$id" >"$dir/out$id" 2>"$dir/err$id" &
		pids_of[id]=$!
	done
	for id in 1 2; do
		wait "${pids_of[id]}"
		status=$?
		[ $status = 0 ] || bad="$bad node $id ended with $status;"
	done
	set_ms ms
	ms=$((ms - before))
	for id in 1 2; do
		lines_of $((3 - id)) "$n" $((3 - id))$'\t' >"$dir/want"
		[ "$(<"$dir/want")" = "$(<"$dir/out$id")" ] || bad="$bad node $id got other lines;"
	done
	[ $ms -lt $SLOW_MS ] || bad="$bad it took $ms ms;"
	echo "$ms $n" >>"$dir/times"
	for id in 1 2; do
		echo "$(<"$dir/stats$id")" >>"$dir/stats"
	done
	if [ -n "$bad" ]; then
		{
			echo "pair $n:$bad"
			tail -n 5 "$dir"/err?
		} >"$dir/why"
		return 1
	fi
	keep_if_slowest "$dir" $ms
}

# sum_of KEY: over all pairs.
sum_of()
{
	cat "$T"/*/stats 2>/dev/null | tr ',{' '\n\n' |
		sed -n "s/^ *\"$1\" *: *\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

# With LOG=debug the logs of the worker's slowest pair stay.
keep_if_slowest()
{
	[ "$LOG" = debug ] && [ "$2" -gt "$(cat "$1/slowest" 2>/dev/null || echo 0)" ] || return 0
	echo "$2" >"$1/slowest"
	cp "$1/err1" "$1/slow1"
	cp "$1/err2" "$1/slow2"
}

# Every WORKERS-th pair, each in turn; ends at the first that goes wrong.
worker()
{
	local n
	for ((n = $1; n < PAIRS; n += WORKERS)); do
		[ ! -e "$T/stop" ] || return 0
		one_pair "$T/$1" "$n" || return 1
	done
}

outside=yes
break_args=()
if [ "${OUTSIDE:-yes}" = no ] || [ "$(id -u)" != 0 ] ||
	! "$BUILD/checked/sinew" break destroy --probe >/dev/null 2>&1; then
	outside=no
	break_args=(--break-every $((2 * PERIOD)))
fi

set_ms began
workers=()
for ((w = 0; w < WORKERS; w++)); do
	mkdir "$T/$w"
	port=$(free_port $w)
	config "$port" >"$T/$w/conf"
	if [ $outside = yes ]; then
		"$BUILD/checked/sinew" break destroy --port "$port" --between 127.0.0.1,127.0.0.2 \
			--every "$PERIOD" --for 1000 >/dev/null 2>&1 &
		pids+=($!)
	fi
	worker $w &
	workers+=($!)
	pids+=($!)
done
bad=0
for w in "${!workers[@]}"; do
	wait "${workers[w]}" || bad=1
done
set_ms took
took=$((took - began))

cat "$T"/*/times 2>/dev/null | sort -n >"$T/all"
n=$(wc -l <"$T/all")
echo "# $n pairs in $took ms, one at a time:" \
	"median $(sed -n "$((n / 2 + 1))p" "$T/all" | cut -d' ' -f1) ms," \
	"95 of 100 below $(sed -n "$((n * 95 / 100 + 1))p" "$T/all" | cut -d' ' -f1) ms," \
	"longest $(tail -n 1 "$T/all" | cut -d' ' -f1) ms"
reconnects=$(sum_of reconnects)
echo "# $reconnects reconnects, $(sum_of resent) frames sent again (both sides' counts)"
if [ "$LOG" = debug ]; then
	KEEP=${KEEP:-$(mktemp -d)}
	mkdir -p "$KEEP"
	for ((w = 0; w < WORKERS; w++)); do
		cp "$T/$w/slow1" "$KEEP/slow1.$w"
		cp "$T/$w/slow2" "$KEEP/slow2.$w"
		[ ! -s "$T/$w/why" ] || cp "$T/$w/err1" "$T/$w/err2" "$KEEP"
	done 2>/dev/null
	sort -n "$T"/*/times >"$KEEP/times"
	echo "# logs of the slowest pairs: $KEEP"
fi
if [ $bad != 0 ] || [ "$n" != "$PAIRS" ]; then
	cat "$T"/*/why 2>/dev/null | sed 's/^/# /'
	echo "not ok - $PAIRS short pairs under resets: $(cat "$T"/*/why 2>/dev/null | head -n 1)"
	exit 1
fi
if [ "$reconnects" = 0 ]; then
	echo "not ok - $PAIRS short pairs under resets: no connection was ever broken"
	exit 1
fi
echo "ok - $PAIRS short pairs under resets"
