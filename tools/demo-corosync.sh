#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the demonstration with corosync: a cluster of three nodes on this machine, each in
# namespaces of its own, sends real files while its connections are destroyed; then one node
# is killed and returns, and one is cut off and heals, under traffic; what arrived is judged.
# Knows nothing of sinew but its command line. Without root it makes a user namespace.
#
#	BUILD=build SECONDS_LONG=8 KEEP=1 (keeps the files)
set -u
cd "$(dirname "$0")/.." || exit 2
. tools/demo/common.sh

BUILD=$(cd "${BUILD:-build}" && pwd) || exit 2
SECONDS_LONG=${SECONDS_LONG:-8}
KILLS_A_SECOND=50
TOKEN_MS=500
# The longest that corosync needs to notice a dead node (token and consensus), and a second.
REPORT_MS=$((TOKEN_MS * 22 / 10 + 1000))
LIMIT_S=30
NET=10.83.0
nodes='1 2 3'
pids=()		# of the nodes' programs
others=()	# everything else that this started
holder=()
daemon=()
feeder=()
export LC_ALL=C

die()
{
	echo "demo-corosync: $*" >&2
	exit 2
}

if [ "$(id -u)" != 0 ]; then
	unshare -Urnm true 2>/dev/null ||
		die "the kernel allows no user namespaces: run this as root"
	exec unshare -Urnm "$0" "$@"
fi
command -v corosync >/dev/null || die "corosync is missing; \`make deps\` installs it"
# The debian package puts it where only root looks.
PATH=$PATH:/usr/sbin:/sbin

dir=$(mktemp -d "${TMPDIR:-/tmp}/sinew-demo.XXXXXX") || die "cannot make a temporary folder"

cleanup()
{
	local pid
	for pid in "${pids[@]}" "${others[@]}" "${feeder[@]}" "${daemon[@]}" "${holder[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	if [ -n "${KEEP:-}" ]; then
		echo "The files are in $dir."
	else
		rm -rf "$dir"
	fi
} 2>/dev/null
trap cleanup EXIT
trap 'exit 130' INT TERM

# wait_for TEXT CONDITION...: at most LIMIT_S seconds.
wait_for()
{
	local what=$1 i
	shift
	for ((i = 0; i < LIMIT_S * 20; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	echo "demo-corosync: waited in vain for $what" >&2
	KEEP=1
	exit 1
}

now_ms() { echo "${EPOCHREALTIME/./}" | sed 's/...$//'; }

# ---- the cluster ----

corosync_conf()
{
	local n
	printf 'totem {\n\tversion: 2\n\tcluster_name: demo\n\ttransport: udpu\n'
	printf '\ttoken: %d\n\ttoken_coefficient: 0\n}\nnodelist {\n' "$TOKEN_MS"
	for n in $nodes; do
		printf '\tnode {\n\t\tnodeid: %d\n\t\tname: node%d\n' "$n" "$n"
		printf '\t\tring0_addr: %s.%d\n\t}\n' "$NET" "$n"
	done
	printf '}\nquorum {\n\tprovider: corosync_votequorum\n}\n'
	printf 'logging {\n\tto_syslog: no\n\tto_stderr: no\n\tto_logfile: yes\n'
	printf '\tlogfile: %s/corosync%d.log\n}\n' "$dir" "$1"
}

# in_node N COMMAND...: replaces the shell; the namespaces of that node.
in_node()
{
	local n=$1
	shift
	exec nsenter -t "${holder[n]}" -n -m -u -- "$@"
}

# A process that keeps the namespaces, with what corosync has once a machine.
start_holder()
{
	local n=$1 own=$dir/machine$1
	mkdir -p "$own/lib" "$own/etc/uidgid.d"
	corosync_conf "$n" >"$own/etc/corosync.conf"
	unshare -n -m -u --propagation private sh -c '
		hostname "node$2"
		mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount -t tmpfs tmpfs /run &&
		mkdir /run/corosync && mount --bind "$1/lib" /var/lib/corosync &&
		mount --bind "$1/etc" /etc/corosync && ip link set lo up && : >"$1/ready"
		exec sleep 1000' _ "$own" "$n" </dev/null >"$own/log" 2>&1 &
	holder[n]=$!
	wait_for "the namespaces of node $n" test -e "$own/ready"
}

connect()
{
	local n=$1
	nsenter -t "${holder[0]}" -n ip link add "h$n" type veth peer name eth0 \
		netns "${holder[n]}" &&
		nsenter -t "${holder[0]}" -n ip link set "h$n" master br0 up &&
		nsenter -t "${holder[n]}" -n ip addr add "$NET.$n/24" dev eth0 &&
		nsenter -t "${holder[n]}" -n ip link set eth0 up || die "no network for node $n"
}

is_away() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

start_network()
{
	local n
	unshare -n sleep 1000 </dev/null >/dev/null 2>&1 &
	holder[0]=$!
	wait_for 'the network' is_away "${holder[0]}"
	nsenter -t "${holder[0]}" -n sh -c 'ip link add br0 type bridge; ip link set br0 up' ||
		die "cannot make a bridge"
	for n in $nodes; do
		start_holder "$n"
		connect "$n"
	done
}

start_corosync()
{
	in_node "$1" sh -c 'cd /var/lib/corosync; rm -f /run/corosync.pid; exec corosync -f' \
		</dev/null >>"$dir/corosync$1.out" 2>&1 &
	daemon[$1]=$!
}

view() { (in_node 1 "$BUILD/sinew" members --json) 2>/dev/null; }
has_quorum() { view | grep -q '"quorate":true'; }
all_joined() { [ "$(view | grep -o '"state":"joined"' | wc -l)" = 3 ]; }

# ---- files, while connections are destroyed ----

kills_of() { stat_of "$1" "$2" reconnects; }

start_destroyers()
{
	local n
	# Of the two ends of a connection either is enough: no pair is without one of these.
	for n in 1 2; do
		in_node "$n" "$BUILD/sinew" break destroy --port 21065 \
			--between "$NET.0/29,$NET.0/29" --every $((2 * 1000 / KILLS_A_SECOND)) \
			--for "$SECONDS_LONG" >"$dir/err-destroy$n" 2>&1 </dev/null &
		others+=($!)
	done
}

send_files()
{
	local n rate
	expected=$(expected_bytes)
	echo "The kernel destroys their connections every $((2 * 1000 / KILLS_A_SECOND)) ms," \
		"on two of the nodes, for $SECONDS_LONG s."
	for n in $nodes; do
		rate=$((($(stat -c %s "$dir/in$n") + SECONDS_LONG - 1) / SECONDS_LONG))
		in_node "$n" "$BUILD/sinew" cat --to all --rate $rate --linger 30 \
			--stats "$dir/stats$n" <"$dir/in$n" >"$dir/out$n" 2>"$dir/err$n" &
		pids[n]=$!
	done
	start_destroyers
	began=$EPOCHREALTIME
	while running; do
		sleep 2
		printf '%5.1f s  %s of %s arrived\n' "$(elapsed)" \
			"$(human "$(cat "$dir"/out? | wc -c)")" "$(human "$expected")"
		awk -v t="$(elapsed)" -v max=$((SECONDS_LONG + 60)) 'BEGIN { exit t < max }' ||
			continue
		echo "demo-corosync: still running, giving up"
		verdict=1
		break
	done
	judge
}

# ---- a stream, while nodes go and come ----

# stream N INCARNATION: numbered lines, until the file "stop" is there; the last line is "end".
stream()
{
	local i=0
	while [ ! -e "$dir/stop" ]; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			i=$((i + 1))
			echo "$2 $i of node $1 with some more text that makes it longer"
		done
		sleep 0.01
	done
	echo "$2 $((i + 1)) end"
}

# start_stream N INCARNATION: starts a node that sends a stream to all and survives all faults.
start_stream()
{
	local n=$1 incarnation=$2
	mkfifo "$dir/pipe$n$incarnation"
	stream "$n" "$incarnation" > >(tee "$dir/in$n$incarnation" >"$dir/pipe$n$incarnation") &
	feeder+=($!)
	in_node "$n" "$BUILD/sinew" cat --to all --keep-going --wait "$LIMIT_S" --log-level info \
		<"$dir/pipe$n$incarnation" >"$dir/out$n$incarnation" 2>"$dir/err$n$incarnation" &
	pids[n]=$!
}

# The view of node 1, as objects with a time; watch_for FROM NODE STATE: that came behind line FROM.
watch_for() { tail -n "+$(($1 + 1))" "$dir/watch" | grep -q "\"node\":$2,.*\"state\":\"$3\""; }
watched() { wc -l <"$dir/watch"; }
is_heard() { tail -n 100 "$dir/out$1" | grep -q "^$2	"; }

# has_new FILE NODE LINES: a line of that node came behind those.
has_new() { tail -n "+$(($3 + 1))" "$dir/out$1" | grep -q "^$2	"; }
grows() { has_new "$1" "$2" "$3"; }

# reported FROM NODE SINCE-MS: how long after SINCE node 1 heard that NODE had failed.
reported()
{
	local at
	at=$(tail -n "+$(($1 + 1))" "$dir/watch" | grep "\"node\":$2,.*\"state\":\"failed\"" |
		sed -n '1s/.*"time_ms":\([0-9]*\).*/\1/p')
	echo $((at - $3))
}

check_report()
{
	local ms
	ms=$(reported "$1" 3 "$2")
	printf '  node 1 heard of it after %d ms (at most %d)\n' "$ms" "$REPORT_MS"
	[ "$ms" -le "$REPORT_MS" ] || { verdict=1; echo '  too late'; }
}

kill_and_return()
{
	local from at
	from=$(watched)
	at=$(now_ms)
	echo 'Node 3 is killed, with its corosync.'
	kill -KILL "${pids[3]}" "${daemon[3]}"
	wait "${pids[3]}" "${daemon[3]}" 2>/dev/null
	wait_for 'the report of its death' watch_for "$from" 3 failed
	check_report "$from" "$at"
	from=$(watched)
	start_corosync 3
	start_stream 3 b
	wait_for 'node 3 to be back' watch_for "$from" 3 joined
	wait_for 'its stream at node 1' is_heard 1a 3
	echo "  and is back, as a new incarnation, $(($(now_ms) - at)) ms after its death"
}

cut_and_heal()
{
	local from at lines
	from=$(watched)
	at=$(now_ms)
	echo 'Node 3 is cut off; its programs live on.'
	nsenter -t "${holder[0]}" -n ip link set h3 down
	wait_for 'the report of the cut' watch_for "$from" 3 failed
	check_report "$from" "$at"
	sleep 1
	from=$(watched)
	at=$(now_ms)
	nsenter -t "${holder[0]}" -n ip link set h3 up
	wait_for 'node 3 to be back' watch_for "$from" 3 joined
	lines=$(wc -l <"$dir/out1a")
	wait_for 'the stream of node 3 at node 1' grows 1a 3 "$lines"
	lines=$(wc -l <"$dir/out3b")
	wait_for 'the stream of node 1 at node 3' grows 3b 1 "$lines"
	echo "  and heals: its streams flow again after $(($(now_ms) - at)) ms"
}

stop_streams()
{
	local n status
	: >"$dir/stop"
	for n in $nodes; do
		wait "${pids[n]}"
		status=$?
		unset "pids[n]"
		[ $status = 0 ] && continue
		verdict=1
		echo "node $n ended with status $status; it said:"
		tail -n 10 "$dir/err$n"[ab]
	done
}

# judge_whole FROM TO: two that stayed together: everything, once, in order.
judge_whole()
{
	local result=equal n
	n=$(wc -l <"$dir/in$1")
	sed -n "s/^${1%a}	//p" "$dir/out$2" | cmp -s - "$dir/in$1" ||
		{ result='NOT EQUAL'; verdict=1; }
	printf '  %s -> %s  %6d sent, all delivered once and in order: %s\n' "${1%a}" "${2%a}" \
		"$n" "$result"
}

# judge_part FROM TO: one of them was away: in order, nothing twice, nothing foreign, and the end
# of what was sent by the incarnation that ended in peace.
judge_part()
{
	local got
	got=$(sed -n "s/^${1%[ab]}	//p" "$dir/out$2" | grep "^${1#?} " |
		awk -v in_file="$dir/in$1" '
			BEGIN { while ((getline line < in_file) > 0) sent[line] = 1 }
			!($0 in sent) { foreign++ }
			$2 <= last { twice++ }
			{ last = $2; n++; if ($3 == "end") end = 1 }
			END { printf "%d %d %d %d", n, foreign, twice, end }')
	# shellcheck disable=SC2086
	set -- "$1" "$2" $got
	printf '  %s -> %s  %6d delivered, foreign %d, twice or out of order %d%s\n' "$1" "$2" \
		"$3" "$4" "$5" "$([ "$6" = 1 ] && echo ', up to the end')"
	[ "$3" -gt 0 ] && [ "$4" = 0 ] && [ "$5" = 0 ] || verdict=1
	case "$1 $2" in
	3a*) ;;
	*3a) ;;
	*) [ "$6" = 1 ] || { verdict=1; echo '  its end is missing'; } ;;
	esac
}

send_streams()
{
	local n
	echo
	echo 'Now each sends a stream of lines to all.'
	in_node 1 "$BUILD/sinew" members --follow --json >"$dir/watch" 2>"$dir/err-watch" \
		</dev/null &
	others+=($!)
	for n in $nodes; do
		start_stream "$n" a
	done
	wait_for 'all streams' is_heard 1a 3
	wait_for 'all streams' is_heard 3a 2
	wait_for 'all streams' is_heard 2a 1
	kill_and_return
	cut_and_heal
	stop_streams
	judge_whole 1a 2a
	judge_whole 2a 1a
	for n in 1a 2a; do
		judge_part 3a $n
		judge_part 3b $n
		judge_part $n 3a
		judge_part $n 3b
	done
}

verdict=0 sum_sent=0 sum_kills=0 sum_resent=0
make_inputs
start_network
began=$EPOCHREALTIME
for n in $nodes; do
	start_corosync "$n"
done
wait_for 'quorum' has_quorum
echo "Three corosyncs have quorum after $(elapsed) s."
send_files
send_streams
echo
if [ $verdict = 0 ] && [ $sum_kills -lt 100 ]; then
	echo "UNDECIDED: nothing is missing, but only $((sum_kills / 2)) connections were broken."
	verdict=1
elif [ $verdict = 0 ]; then
	echo "PASSED: $sum_sent messages, each delivered once and in order, over" \
		"$((sum_kills / 2)) broken connections; a node was killed and came back," \
		"one was cut off and healed."
else
	KEEP=1
	echo "FAILED: what arrived is not what was sent, or a node did not end well."
fi
exit $verdict
