#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the demonstration: three nodes on loopback send each other real files while
# their connections are destroyed; then what arrived is compared with what was sent.
# Knows nothing of sinew but its command line.
#
#	BUILD=build SECONDS_LONG=10 KEEP=1 (keeps the files) OUTSIDE=no (as without root)
#	TRANSPORT=sctp (of the kernel), sctp-user (in user land)
set -u
cd "$(dirname "$0")/.." || exit 2
. tools/demo/common.sh

BUILD=${BUILD:-build}
SECONDS_LONG=${SECONDS_LONG:-10}
KILLS_A_SECOND=50
TRANSPORT=${TRANSPORT:-tcp}
GIVE_UP_S=$((SECONDS_LONG + 80))
nodes='1 2 3'
# Addresses of this process alone, so that nothing else has their port.
net=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1))
pids=()
destroyer=
export LC_ALL=C

die()
{
	echo "demo: $*" >&2
	exit 2
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/sinew-demo.XXXXXX") || die "cannot make a temporary folder"

cleanup()
{
	local pid
	for pid in "${pids[@]}" $destroyer; do
		kill -KILL "$pid" 2>/dev/null
	done
	if [ -n "${KEEP:-}" ]; then
		echo "The files are in $dir."
	else
		rm -rf "$dir"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- running ----

write_config()
{
	local n
	echo 'totem {'
	echo '	cluster_name: demo'
	echo '}'
	echo 'nodelist {'
	for n in $nodes; do
		printf '\tnode {\n\t\tnodeid: %d\n\t\tring0_addr: %s.%d\n\t}\n' "$n" "$net" "$n"
	done
	echo '}'
	case $TRANSPORT in
	tcp) ;;
	sctp) printf 'sinew {\n\ttransport: sctp\n}\n' ;;
	sctp-user) printf 'sinew {\n\ttransport: sctp\n\tsctp_backend: user\n}\n' ;;
	esac
}

start_nodes()
{
	local n rate break_args=()
	[ $outside = yes ] || break_args=(--break-every $((2 * 1000 / KILLS_A_SECOND)))
	for n in $nodes; do
		rate=$((($(stat -c %s "$dir/in$n") + SECONDS_LONG - 1) / SECONDS_LONG))
		"$BUILD/sinew" cat --config "$dir/demo.conf" --node "$n" --to all \
			--rate $rate --linger 30 --stats "$dir/stats$n" "${break_args[@]}" \
			<"$dir/in$n" >"$dir/out$n" 2>"$dir/err$n" &
		pids[n]=$!
	done
}

progress_line()
{
	local got killed
	got=$(cat "$dir"/out? | wc -c)
	killed=$(sed 's/"pairs".*//; s/.*"kills":\([0-9]*\).*/\1/' "$dir/kills" 2>/dev/null)
	printf '%5.1f s  %s of %s arrived' "$(elapsed)" "$(human "$got")" "$(human "$expected")"
	[ $outside = no ] || printf ', %s connections destroyed' "${killed:-0}"
}

stop_destroyer()
{
	[ -n "$destroyer" ] || return 0
	kill "$destroyer" 2>/dev/null
	wait "$destroyer" || { verdict=1; cat "$dir/err-destroy"; }
	destroyer=
}

watch()
{
	local ticks=0
	while running; do
		sleep 0.25
		ticks=$((ticks + 1))
		if [ -t 1 ]; then
			printf '\r\033[K%s' "$(progress_line)"
		elif [ $((ticks % 8)) = 0 ]; then
			progress_line
			echo
		fi
		if [ ${ticks} -ge $((GIVE_UP_S * 4)) ]; then
			echo
			echo "demo: still running after $GIVE_UP_S s, giving up" >&2
			verdict=1
			break
		fi
	done
	stop_destroyer
	[ -t 1 ] && printf '\r\033[K'
	progress_line
	echo
}

# ---- judging ----

kills_of()
{
	local low=$1 high=$2 pair killed
	if [ $outside != yes ]; then
		stat_of "$1" "$2" reconnects
		return
	fi
	[ "$1" -lt "$2" ] || low=$2 high=$1
	pair="\"a\":\"$net.$low\",\"b\":\"$net.$high\""
	killed=$(tr '{' '\n' <"$dir/kills" 2>/dev/null |
		sed -n "s/$pair.*\"kills\":\([0-9]*\).*/\1/p")
	echo "${killed:-0}"
}

case $TRANSPORT in
tcp | sctp | sctp-user) ;;
*) die "TRANSPORT=$TRANSPORT: expected tcp, sctp or sctp-user" ;;
esac
outside=yes
reason=
if [ "$TRANSPORT" != tcp ]; then
	outside=no reason="the kernel can destroy TCP alone, this is $TRANSPORT"
elif [ "${OUTSIDE:-yes}" = no ]; then
	outside=no reason='as asked for'
elif [ "$(id -u)" != 0 ]; then
	outside=no reason='not root'
elif ! why=$("$BUILD/sinew" break destroy --probe 2>&1); then
	outside=no reason="the kernel refuses socket destroy: ${why#sinew break destroy: }"
fi

make_inputs
write_config >"$dir/demo.conf"
expected=$(expected_bytes)
if [ $outside = yes ]; then
	echo "The kernel destroys all their connections at $net.1-3 every" \
		"$((1000 / KILLS_A_SECOND)) ms for $SECONDS_LONG s."
else
	echo "Each node resets all its connections at $net.1-3 every" \
		"$((2000 / KILLS_A_SECOND)) ms ($reason)."
fi

verdict=0 sum_sent=0 sum_kills=0 sum_resent=0
began=$EPOCHREALTIME
start_nodes
if [ $outside = yes ]; then
	"$BUILD/sinew" break destroy --port 21065 --between "$net.0/29,$net.0/29" \
		--every $((1000 / KILLS_A_SECOND)) --for "$SECONDS_LONG" --stats "$dir/kills" \
		>"$dir/err-destroy" 2>&1 &
	destroyer=$!
fi
watch
judge
if [ $verdict = 0 ] && [ $sum_kills -lt 100 ]; then
	echo "UNDECIDED: nothing is missing, but only $((sum_kills / 2)) connections" \
		"were destroyed."
	verdict=1
elif [ $verdict = 0 ]; then
	echo "PASSED: $sum_sent messages, each delivered once and in order," \
		"over $((sum_kills / 2)) destroyed connections; $sum_resent frames sent again."
else
	KEEP=1
	echo "FAILED: what arrived is not what was sent, or a node did not end well."
fi
exit $verdict
