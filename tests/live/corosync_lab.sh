# SPDX-License-Identifier: LGPL-2.1-or-later
# Several real corosyncs on one machine, each in namespaces of its own, with a program
# (corosync_node) beside it, and the faults that they meet. Sourced in the project's folder behind
# tests/lib.sh; knows no single test.
#
#	. tests/live/corosync_lab.sh
#	lab_enter		# first of all: starts the test again in namespaces, or skips it
#	lab 3			# three nodes; lab_start 1 2 3; all_up
#	...
#	lab_end			# ends all in order, and judges all sessions
#
# As root, or by unprivileged user namespaces. All that is started lies in one process
# namespace, whose first process is the test: when that ends, for whatever reason, all ends.
#
# Settings before `lab`: TRANSPORT=udpu|knet (knet with crypto), TOKEN=500, RINGS=1,
# PROGRAM_ARGS (of corosync_node), SINEW_LINES (of the section sinew { }), QUORUM_LINES.

PATH=$PATH:/usr/sbin:/sbin
LAB_BIN=$PWD/${BUILD:-build}/tests/live
case ${BUILD:-build} in /*) LAB_BIN=$BUILD/tests/live ;; esac
LAB_NET=10.77		# ring r of node i is $LAB_NET.r.i
TRANSPORT=${TRANSPORT:-udpu} TOKEN=${TOKEN:-500} RINGS=${RINGS:-1}
PROGRAM_ARGS=${PROGRAM_ARGS:-} SINEW_LINES=${SINEW_LINES:-} QUORUM_LINES=${QUORUM_LINES:-}
declare -A holder corosync program incarnations address mark
listed=			# nodeids of the nodelist

# ---- where it can run ----

lab_reason()
{
	local name
	for name in corosync corosync-cfgtool corosync-keygen nft ip nsenter unshare; do
		command -v $name >/dev/null || { echo "$name is not installed"; return; }
	done
	[ -x "$LAB_BIN/corosync_node" ] || { echo "built without corosync's libraries"; return; }
	unshare $lab_user --net --mount --pid --fork --kill-child --mount-proc true 2>/dev/null ||
		echo "no namespaces: neither root nor unprivileged user namespaces"
}

# Starts the test again, alone in its namespaces; skips it where that cannot be.
lab_enter()
{
	local reason lab_user=
	[ "${LAB_INSIDE:-}" = yes ] && { lab_setup; return; }
	[ "$(id -u)" = 0 ] || lab_user='--user --map-root-user'
	reason=$(lab_reason)
	if [ -n "$reason" ]; then
		skip "$(basename "$0" .sh)" "$reason"
		exit 0
	fi
	rm -rf "$T"
	LAB_INSIDE=yes exec unshare $lab_user --net --mount --uts --pid --fork --kill-child \
		--mount-proc bash "$0" "$@"
}

# This network namespace has the switches, one for each ring.
lab_setup()
{
	ip link set lo up
	ip link add ring0 type bridge
	ip link add ring1 type bridge
	ip link set ring0 up
	ip link set ring1 up
	if [ "$TRANSPORT" = knet ]; then
		corosync-keygen -l -k "$T/authkey" >/dev/null || exit 2
	fi
}

# ---- configuration ----

totem_lines()
{
	echo "version: 2"
	echo "cluster_name: lab"
	echo "transport: $TRANSPORT"
	echo "token: $TOKEN"
	echo "token_coefficient: 0"
	[ "$TRANSPORT" = knet ] || return 0
	echo "crypto_model: openssl"
	echo "crypto_cipher: aes256"
	echo "crypto_hash: sha256"
	echo "keyfile: $T/authkey"
	local ring
	for ((ring = 0; ring < RINGS; ring++)); do
		echo "interface {"
		echo "linknumber: $ring"
		echo "knet_ping_interval: 200"
		echo "knet_ping_timeout: 1000"
		echo "knet_pong_count: 1"
		echo "}"
	done
}

# write_config NODE...: of all that are in the nodelist.
write_config()
{
	local i k
	for i; do
		{
			echo "totem {"
			totem_lines
			echo "}"
			echo "nodelist {"
			for k in $listed; do
				echo "node {"
				echo "nodeid: $k"
				echo "name: node$k"
				echo "ring0_addr: ${address[$k]}"
				[ "$RINGS" = 1 ] || echo "ring1_addr: $LAB_NET.1.$k"
				echo "}"
			done
			echo "}"
			echo "quorum {"
			echo "provider: corosync_votequorum"
			[ -z "$QUORUM_LINES" ] || echo "$QUORUM_LINES"
			echo "}"
			echo "system {"
			echo "allow_knet_handle_fallback: yes"
			echo "}"
			echo "sinew {"
			[ -z "$SINEW_LINES" ] || echo "$SINEW_LINES"
			echo "}"
			echo "logging {"
			echo "to_syslog: no"
			echo "to_stderr: no"
			echo "to_logfile: yes"
			echo "logfile: $T/node$i/corosync.log"
			echo "timestamp: hires"
			echo "}"
		} >"$T/node$i/etc/corosync.conf"
	done
}

# ---- nodes ----

# inside NODE COMMAND...
inside()
{
	local i=$1
	shift
	nsenter -t "${holder[$i]}" -m -n -u -- "$@"
}

# lab_node NODE: a host with its interfaces; nothing runs there yet.
lab_node()
{
	local i=$1 d=$T/node$1 ring
	mkdir -p "$d/etc/uidgid.d" "$d/varlib"
	unshare --net --mount --uts --propagation private bash -c '
		mount -t tmpfs -o mode=1777,size=256m tmpfs /dev/shm &&
		mount -t tmpfs -o mode=755 tmpfs /run &&
		mkdir -p /run/corosync &&
		mount --bind "$1/varlib" /var/lib/corosync &&
		mount --bind "$1/etc" /etc/corosync &&
		hostname "$2" && ip link set lo up && : >"$1/ready"
		exec sleep infinity' _ "$d" "node$i" >"$d/holder" 2>&1 </dev/null &
	holder[$i]=$!
	wait_for test -e "$d/ready" || return
	incarnations[$i]=0
	address[$i]=${address[$i]:-$LAB_NET.0.$i}
	for ((ring = 0; ring < 2; ring++)); do
		ip link add "n$i.$ring" type veth peer name "eth$ring" netns "${holder[$i]}"
		ip link set "n$i.$ring" master "ring$ring" up
		inside "$i" ip addr add "$LAB_NET.$ring.$i/24" dev "eth$ring"
		inside "$i" ip link set "eth$ring" up
	done
}

# lab N: nodes 1 .. N, all in the nodelist.
lab()
{
	local i
	listed=$(seq -s ' ' "$1")
	for i in $listed; do
		lab_node "$i" || return
	done
	write_config $listed
}

start_corosync()
{
	nsenter -t "${holder[$1]}" -m -n -u -- sh -c \
		'cd /var/lib/corosync && rm -f /run/corosync.pid && exec corosync -f' \
		>>"$T/node$1/corosync.out" 2>&1 </dev/null &
	corosync[$1]=$!
}

# start_program NODE [ARGUMENT...]: a new process, with a book of its own.
start_program()
{
	local i=$1
	shift
	incarnations[$i]=$((incarnations[$i] + 1))
	nsenter -t "${holder[$i]}" -m -n -u -- "$LAB_BIN/corosync_node" $PROGRAM_ARGS "$@" \
		"$(book "$i")" >>"$T/node$i/events" 2>>"$T/node$i/errors" </dev/null &
	program[$i]=$!
}

book() { echo "$T/node$1/book.${incarnations[$1]}"; }

# lab_start NODE...: both; a program waits for its corosync.
lab_start()
{
	local i
	for i; do
		start_program "$i"
		start_corosync "$i"
	done
}

# ended PID: the shell is its parent, or the first process, which comes to the same.
ended()
{
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	stat=${stat##*) }
	case $stat in [ZX]*) return 0 ;; esac
	return 1
}

# signal KIND NODE NAME: kind is corosync or program; fault_ms is when that was done.
signal()
{
	local -n pid=$1
	kill "-$3" "${pid[$2]}" || bad "no $1 of node $2 to be signalled"
	fault_ms=$(now_ms)
}

# ends KIND NODE [STATUS]: it ends, with that status.
ends()
{
	local -n pid=$1
	local status
	wait_for ended "${pid[$2]}" || return
	wait "${pid[$2]}" 2>/dev/null
	status=$?
	[ -z "${3:-}" ] || equals "the status of the $1 of node $2" "$status" "$3"
}

kill_corosync() { signal corosync "$1" KILL; ends corosync "$1"; }
stop_corosync() { signal corosync "$1" TERM; ends corosync "$1"; }
kill_program() { signal program "$1" KILL; ends program "$1"; }
# In order: it says goodbye, and finds nothing wrong.
stop_program() { signal program "$1" TERM; ends program "$1" 0; }

# ---- faults of the network ----

link_down() { ip link set "n$1.${2:-0}" down; fault_ms=$(now_ms); }
link_up() { ip link set "n$1.${2:-0}" up; }

# deafen NODE RULE...: what comes in and fulfils a rule of nft is dropped.
deafen()
{
	local i=$1 rule
	shift
	{
		echo "table inet cut { chain in { type filter hook input priority 0;"
		for rule; do
			echo "$rule drop;"
		done
		echo "}"
		echo "}"
	} | inside "$i" nft -f - || bad "nft on node $i"
}
heal() { inside "$1" nft delete table inet cut || bad "nft on node $1"; }

# deafen_to NODE OTHER...: hears nothing of them.
deafen_to()
{
	local i=$1 k rules=()
	shift
	for k; do
		rules+=("ip saddr ${address[$k]}")
	done
	deafen "$i" "${rules[@]}"
}

# partition "NODE..." "NODE...": none of the one side hears one of the other.
partition()
{
	local i
	for i in $1; do deafen_to "$i" $2; done
	for i in $2; do deafen_to "$i" $1; done
}

# reload NODE: the configuration files that are there; corosync on that node spreads the word.
reload() { inside "$1" corosync-cfgtool -R >"$T/reload" 2>&1 || bad "reload: $(cat "$T/reload")"; }

# ---- what is seen ----

# all_up [NODE...]: quorate, sessions among them, messages; all that are listed if none is named.
all_up() { judge_up up "$@"; }
# The same, quorum or not.
all_flow() { judge_up flow "$@"; }

judge_up()
{
	local how=$1 i books=()
	shift
	[ -z "$why" ] || return
	for i in ${*:-$listed}; do
		books+=("$(book "$i")")
	done
	"$LAB_BIN/corosync_judge" "$how" "$LIMIT" "${books[@]}" >"$T/up" 2>&1 ||
		bad "$(cat "$T/up")"
}

# From here on `events` tells.
mark()
{
	local i
	for i in "${!holder[@]}"; do
		mark[$i]=0
		[ ! -e "$T/node$i/events" ] || mark[$i]=$(wc -l <"$T/node$i/events")
	done
}

# All lines of a node since the mark.
lines_since() { tail -n +$((${mark[$1]:-0} + 1)) "$T/node$1/events" 2>/dev/null; }

# events NODE [OTHER]: what its application saw since the mark, of one other or of all, in one line:
# "up2 down3:failed fence3 lost quorum:no ..."
events()
{
	lines_since "$1" | awk -v peer="${2:-}" '
		{ id = $3; sub("peer=", "", id) }
		$2 ~ /^(up|down|fence|finished)$/ && peer != "" && id != peer { next }
		$2 == "up" { print "up" id }
		$2 == "down" { r = $5; sub("reason=", "", r); print "down" id ":" r }
		$2 == "fence" { print "fence" id }
		$2 == "lost" { print "lost" }
		$2 == "quorum" && peer == "" { print "quorum:" $3 }' | tr '\n' ' ' | sed 's/ $//'
}

# says_since NODE REGEX: waits for such a line, since the mark.
has_said() { lines_since "$1" | grep -q -- "$2"; }
says_since() { [ -n "$why" ] || wait_for has_said "$1" "$2"; }

# saw NODE EVENTS OTHER: exactly these about that node, in this order.
saw() { equals "what node $1 saw of $3" "$(events "$1" "$3")" "$2"; }

# saw_like NODE REGEX OTHER: all of it matches.
saw_like()
{
	[[ $(events "$1" "$3") =~ ^($2)$ ]] ||
		bad "what node $1 saw of $3 is \"$(events "$1" "$3")\", expected $2"
}

# sees NODE EVENT: waits for one such, see events.
has_event() { [[ " $(events "$1") " == *" $2 "* ]]; }
# Once something is bad, nothing is waited for.
sees() { [ -n "$why" ] || wait_for has_event "$1" "$2"; }

# stayed_together NODE...: whether corosync kept these nodes in one membership. On a busy machine
# it may divide them while others return; one of them is then declared failed and renews. The
# delivery of messages is judged in any case.
stayed_together()
{
	local i k
	for i; do
		for k; do
			has_said "$i" "peer=$k left the process group" || continue
			echo "# corosync divided nodes $i and $k as well"
			return 1
		done
	done
}

# Nothing at all happened to anybody but these.
calm()
{
	local i
	for i; do
		equals "what node $i saw" "$(events "$i")" ""
	done
}

now_ms()
{
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0"
}

# pause TOKENS: the length of a fault, in tokens ("0.5", "4").
pause() { sleep "$(awk -v n="$1" -v t="$TOKEN" 'BEGIN { print n * t / 1000 }')"; }

# within NODE EVENT: after the last fault, as long as corosync may take, and a second.
within()
{
	local ms limit=$((TOKEN * 22 / 10 + 1000 * ${TIME_FACTOR:-1}))
	ms=$(took_ms "$1" "$2")
	echo "# node $1: $2 after ${ms:-no} ms"
	[ -n "$ms" ] && [ "$ms" -le "$limit" ] || bad "node $1: $2 after ${ms:-no} ms, not $limit"
}

# Milliseconds from the last fault until node $1 saw its first event that matches $2, by its own
# clock.
took_ms()
{
	lines_since "$1" | awk -v from="$fault_ms" -v what="$2" '
		$0 ~ what && !done { printf "%d\n", $1 - from; done = 1 }'
}

# quorate_is NODE Yes|No: as corosync itself says.
quorate_is() { inside "$1" corosync-quorumtool -s 2>/dev/null | grep -q "^Quorate: *$2"; }

# ---- fates and the end ----

# Sessions that are over at both ends, of all incarnations so far.
fates()
{
	"$LAB_BIN/corosync_judge" fates "$T"/node*/book.* >"$T/fates" 2>&1 ||
		bad "$(tail -n 4 "$T/fates")"
	[ -z "${1:-}" ] || echo "# $1: $(tail -n 1 "$T/fates")"
}

# How long a word of corosync takes to the application: median and 99 of 100 are bounded. That
# somebody is gone counts from corosync's callback on; that the own incarnation is lost with
# quorum, from the callback that said so, or with corosync, from that. That somebody joined is
# told when there is a session, for which the other has to know us, too, and counts from when its
# greeting has come: with UPS=no that is left out, where corosync is slow about it.
latency()
{
	cat "$T"/node*/events | awk -v ups="${UPS:-yes}" '
		$2 == "begin" { delete joined; delete gone; cause = 0 }
		$2 == "log" && $3 == "corosync" && $6 == "joined" { joined[$5] = $1 }
		$2 == "log" && $3 == "corosync" && /left the process group/ && !($5 in gone) {
			gone[$5] = $1
		}
		/ log corosync .* corosync reports quorum=no/ { no = $1 }
		/ log corosync .* quorum lost/ && !cause { cause = no }
		/ log corosync .* corosync connection lost/ { cause = $1 }
		/ log corosync .* quorum gained/ || $2 == "lost" { cause = 0 }
		$2 == "up" {
			if ($3 in joined && ups == "yes") printf "%.3f\n", $1 - joined[$3]
			delete joined[$3]
			delete gone[$3]
		}
		$2 == "down" && /reason=self_lost/ {
			if (cause) printf "%.3f\n", $1 - cause
			delete gone[$3]
		}
		$2 == "down" && $3 in gone { printf "%.3f\n", $1 - gone[$3]; delete gone[$3] }
	' | sort -n | awk '
		{ ms[NR] = $1 }
		END { printf "%d %.3f %.3f %.3f\n", NR, ms[int((NR + 1) / 2)],
			ms[int(NR * 0.99 + 0.999)], ms[NR] }' >"$T/latency"
	read -r n median p99 max <"$T/latency"
	echo "# from corosync's word to the application: $n events, median $median ms," \
		"p99 $p99 ms, longest $max ms"
	awk -v m="$median" -v p="$p99" -v f="${TIME_FACTOR:-1}" \
		'BEGIN { exit !(m < 100 * f && p < 500 * f) }' ||
		bad "the application heard after $median ms (median), $p99 ms (p99)"
}

# All end in order, at once; every session is judged.
lab_end()
{
	local i
	for i in "${!program[@]}"; do
		ended "${program[$i]}" || kill -TERM "${program[$i]}"
	done
	for i in "${!program[@]}"; do
		ends program "$i"
	done
	for i in "${!corosync[@]}"; do
		ended "${corosync[$i]}" || kill -TERM "${corosync[$i]}"
	done
	for i in "${!corosync[@]}"; do
		ends corosync "$i"
	done
	fates 'all sessions'
	check_sanitizers "$T"/node*/errors
}

# check_sanitizers FILE...: none of them has spoken there.
check_sanitizers()
{
	grep -h 'runtime error\|AddressSanitizer\|ThreadSanitizer\|LeakSanitizer' "$@" \
		>"$T/sanitizers" && bad "$(cat "$T/sanitizers")"
}

# The last row.
the_end()
{
	why=
	mark
	latency
	lab_end
	verdict the_end
}

# verdict NAME
verdict()
{
	if [ -z "$why" ]; then
		echo "ok - $1"
		return
	fi
	echo "not ok - $1: $(echo "$why" | tr '\n' ' ')"
	n_failed=$((n_failed + 1))
	show
}

# row NAME: one fault, then everybody is up again, and what is over is judged; and what AFTER_ROW
# looks at.
row()
{
	why=
	mark
	began=$(now_ms)
	"$1"
	all_up
	[ -z "${AFTER_ROW:-}" ] || $AFTER_ROW
	fates
	verdict "$1"
	echo "# $1: $(($(now_ms) - began)) ms"
}

# Prints what helps to see why.
show()
{
	local i
	for i in "${!holder[@]}"; do
		lines_since "$i" | tail -n 40 | cut -c 1-200 | sed "s/^/# node $i: /"
		tail -n 3 "$T/node$i/errors" 2>/dev/null | sed "s/^/# node $i: /"
	done
	[ -z "${KEEP:-}" ] || { mkdir -p "$KEEP" && cp -r "$T"/. "$KEEP/"; }
}
