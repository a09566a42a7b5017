# SPDX-License-Identifier: LGPL-2.1-or-later
# Real kernels in virtual machines, members of our own beside them, and the network between: one
# bridge in a network namespace of the test. Sourced in the project's folder behind tests/lib.sh;
# knows no single scenario.
#
#	. tests/vm/lab.sh
#	lab_enter "$@"			# first of all: starts the script again in namespaces
#	boot 1 6.12			# a guest with that kernel, at $LAB_NET.1
#	guest 1 cluster lab tcp		# a line for its agent (tests/vm/agent.c); waits for OK
#	await 1 'created ls rc=0'	# an event of it since the last scene
#	member 2			# a program of ours (tests/vm/dlm_member.c), nodeid 2
#	tell 2 status
#	await 2 '"event":"status"'
#
# All that is started lies in one process namespace, whose first process is the script: when that
# ends, for whatever reason, all ends. A guest and a member never have the same number NODE: one
# table has both.

LAB_NET=10.77.0			# node N is $LAB_NET.N
LAB_NET2=${LAB_NET2:-}		# of a second card of each guest, on a bridge of its own
LAB_KERNELS=${LAB_KERNELS:-$BUILT/kernels}
LAB_BIN=$BUILT/tests/vm
LAB_TRANSPORT=${LAB_TRANSPORT:-tcp}	# of kernels and members: tcp or sctp
LAB_HOME=8			# over SCTP, which the host may lack, members run in that guest
LAB_PROGRAMS=${LAB_PROGRAMS:-}	# further ones for the guests
[ "$LAB_TRANSPORT" = tcp ] || LAB_PROGRAMS="$LAB_PROGRAMS $LAB_BIN/dlm_member"
LAB_WORDS=${LAB_WORDS:-}	# further words for the kernels: tests/vm/init
LAB_BOOT=180			# seconds until a guest is up, and for each answer of it
declare -A console output process input seen kind

# ---- where it can run ----

lab_reason()
{
	local name
	[ "$(id -u)" = 0 ] || { echo "it needs root"; return; }
	[ -c /dev/net/tun ] || { echo "there is no /dev/net/tun"; return; }
	for name in qemu-system-x86_64 busybox cpio modprobe ip nft ss dumpcap; do
		command -v $name >/dev/null || { echo "$name is not installed"; return; }
	done
	[ -x "$LAB_BIN/dlm_member" ] || { echo "$LAB_BIN/dlm_member is not built"; return; }
	unshare --net --mount --pid --fork --kill-child --mount-proc true 2>/dev/null ||
		echo "no namespaces can be made"
}

# Starts the script again, alone in its namespaces. Status 77: it cannot run here.
lab_enter()
{
	local reason
	[ "${LAB_INSIDE:-}" = yes ] && { lab_setup; return; }
	reason=$(lab_reason)
	if [ -n "$reason" ]; then
		skip "$(basename "$0" .sh)" "$reason"
		exit 77
	fi
	rm -rf "$T"
	LAB_INSIDE=yes exec unshare --net --mount --uts --pid --fork --kill-child --mount-proc \
		bash "$0" "$@"
}

lab_setup()
{
	ip link set lo up
	# Else a bridge has the lowest address of its cards, another one when a guest goes or comes,
	# and the guests that know the old one reach the host no more for a while.
	ip link add lab0 address 52:54:00:00:02:00 type bridge
	ip link set lab0 up
	[ -z "$LAB_NET2" ] || {
		ip link add lab1 address 52:54:00:00:02:01 type bridge && ip link set lab1 up
	}
}

# ---- guests ----

# add_card NAME BRIDGE
add_card() { ip tuntap add "$1" mode tap && ip link set "$1" master "$2" up; }

# boot NODE KERNEL: a guest with the kernel of that folder in $LAB_KERNELS.
boot()
{
	local node=$1 kernel=$LAB_KERNELS/$2 image=$T/$2.cpio.gz second=()
	local words="lab.net=$LAB_NET lab.net2=$LAB_NET2 $LAB_WORDS"
	[ -e "$image" ] ||
		tests/vm/initramfs.sh "$kernel" "$image" $LAB_PROGRAMS >"$T/initramfs.log" 2>&1 ||
		{ bad "initramfs of $2: $(tail -n 3 "$T/initramfs.log")"; return 1; }
	add_card "tap$node" lab0 || return
	if [ -n "$LAB_NET2" ]; then
		add_card "second$node" lab1 || return
		second=(-netdev "tap,id=net2,ifname=second$node,script=no,downscript=no"
			-device "virtio-net-pci,netdev=net2,mac=52:54:00:00:01:0$node")
	fi
	console[$node]=$T/console$node output[$node]=$T/out$node kind[$node]=guest
	mkfifo "$T/agent$node.in" "$T/agent$node.out" || return
	# Not the file of a guest that lost its power: its "ready" would be taken for ours.
	rm -f "${output[$node]}" && : >"${output[$node]}" || return
	cat "$T/agent$node.out" >>"${output[$node]}" &
	# A console that is told to be quiet has no line with WARNING.
	qemu-system-x86_64 -accel tcg -nodefaults -nographic -no-reboot -m 256 -smp 1 \
		-kernel "$kernel/vmlinuz" -initrd "$image" \
		-append "console=ttyS0 loglevel=5 panic=-1 lab.node=$node $words" \
		-netdev "tap,id=net,ifname=tap$node,script=no,downscript=no" \
		-device "virtio-net-pci,netdev=net,mac=52:54:00:00:00:0$node" "${second[@]}" \
		-serial "file:${console[$node]}" \
		-chardev "pipe,id=agent,path=$T/agent$node" -serial chardev:agent \
		>"$T/qemu$node" 2>&1 </dev/null &
	process[$node]=$!
	exec {input[$node]}<>"$T/agent$node.in"
	seen[$node]=0
	LIMIT=$LAB_BOOT wait_for has_line "${output[$node]}" 'EVT ready' ||
		{ bad "guest $node did not boot: $(tail -n 5 "${console[$node]}")"; return 1; }
}

# Lines of a node so far.
lines() { wc -l <"${output[$1]}"; }
# Those that are whole: the rest of the last one may still come.
whole() { head -n "$(lines "$1")" "${output[$1]}"; }
# since NODE LINE PATTERN: whether one of its lines behind that one matches.
since() { whole "$1" 2>/dev/null | tail -n "+$(($2 + 1))" | grep -E -- "$3" >/dev/null; }
answered() { since "$1" "$2" '^(OK|ERR)'; }

# guest NODE WORD...: a line for its agent, which must answer OK.
guest()
{
	local node=$1 before
	shift
	before=$(lines "$node")
	echo "$*" >&"${input[$node]}"
	LIMIT=$LAB_BOOT wait_for answered "$node" "$before" || return
	! since "$node" "$before" '^ERR' || bad "guest $node: $*: $(tail -n 1 "${output[$node]}")"
}

# The lines of the guest's last command.
output_since() { tail -n "+$(($2 + 1))" "${output[$1]}" | tr -d '\r' | sed -n 's/^| //p'; }

# An agent takes a line.
one_line() { echo "$1" | tr -s '\n\t' '  '; }

# in_guest NODE COMMAND...: what it prints.
in_guest()
{
	local before node=$1
	shift
	before=$(lines "$node")
	guest "$node" sh "$(one_line "$*")" && output_since "$node" "$before"
}

# ---- members of ours ----

# member_here NODE ARGUMENT...
member_here()
{
	ip addr replace "$LAB_NET.$1/24" dev lab0
	"$LAB_BIN/dlm_member" --log "$T/log$1" "${@:2}" \
		<"$T/in$1" >>"${output[$1]}" 2>>"$T/err$1" &
}

# boot_home KERNEL: the guest for members, and an address of the host to speak with them.
boot_home()
{
	[ "$LAB_TRANSPORT" = sctp ] || return 0
	boot $LAB_HOME "$1" && ip addr replace "$LAB_NET.200/24" dev lab0
}

# member_at_home NODE ARGUMENT...: the same, with its lines over a connection to the guest.
member_at_home()
{
	local node=$1 port=$((7000 + $1)) run listens
	shift
	listens=":$(printf %04X $port) 0*:0000 0A"
	run="echo \$\$ >/tmp/pid$node; exec dlm_member --transport sctp --log /tmp/log$node $*"
	guest $LAB_HOME sh "ip addr replace $LAB_NET.$node/24 dev eth0;" \
		"echo '$run' >/tmp/run$node;" \
		"nc -l -p $port -e sh /tmp/run$node </dev/null >/tmp/err$node 2>&1 &" \
		"until grep -q '$listens' /proc/net/tcp*; do usleep 20000; done"
	busybox nc "$LAB_NET.$LAB_HOME" $port \
		<"$T/in$node" >>"${output[$node]}" 2>>"$T/err$node" &
}

# member NODE [ARGUMENT...]: starts one, with an address of its own on the bridge.
member()
{
	local node=$1 where=member_here
	shift
	[ "$LAB_TRANSPORT" = tcp ] || where=member_at_home
	output[$node]=$T/out$node kind[$node]=member
	rm -f "$T/in$node"
	mkfifo "$T/in$node" || return
	: >"${output[$node]}"
	$where "$node" --nodeid "$node" --addr "$LAB_NET.$node" "$@"
	process[$node]=$!
	exec {input[$node]}>"$T/in$node"
	seen[$node]=0
	wait_for has_line "${output[$node]}" '"event":"ready"'
}

# tell NODE WORD...: a line for that member. One that has ended would end us as well (SIGPIPE).
tell()
{
	local node=$1
	shift
	if is_gone "${process[$node]}"; then
		bad "member $node has ended: $(tail -n 1 "$T/err$node")"
		return 1
	fi
	echo "$*" >&"${input[$node]}"
}

# quit NODE: it ends by itself, with status 0.
quit()
{
	tell "$1" quit || return
	wait_for is_gone "${process[$1]}" || return
	wait "${process[$1]}"
	equals "status of member $1" $? 0
	unset "process[$1]"
}

# home_says LINE COMMAND...: whether the guest for members prints that line, a pattern.
home_says()
{
	local before
	before=$(lines $LAB_HOME)
	guest $LAB_HOME sh "${*:2}" && since $LAB_HOME "$before" "^[|] $1\$"
}

# signal_member NODE SIGNAL
signal_member()
{
	if [ "$LAB_TRANSPORT" = tcp ]; then
		kill "-$2" "${process[$1]}"
	else
		guest $LAB_HOME sh "kill -$2 \$(cat /tmp/pid$1)"
	fi
}

# ---- events ----

# scene: what came before counts no more.
scene()
{
	local node
	for node in "${!output[@]}"; do
		seen[$node]=$(lines "$node")
	done
}

# await NODE PATTERN: an event since the last scene.
await()
{
	wait_for since "$1" "${seen[$1]}" "$2" && return
	why="node $1 waits in vain for: $2; its last lines: $(tail -n 3 "${output[$1]}")"
	return 1
}

# Lines of a node since the last scene.
recent() { whole "$1" | tail -n "+$((${seen[$1]} + 1))"; }
# last NODE PATTERN: the newest line that matches, since the last scene.
last() { recent "$1" | grep -E -- "$2" | tail -n 1; }

# ---- faults ----

# power_off NODE: a guest that is gone at once, with what it had.
power_off()
{
	kill -KILL "${process[$1]}"
	wait "${process[$1]}" 2>/dev/null
	ip link del "tap$1"
	[ -z "$LAB_NET2" ] || ip link del "second$1"
	rm -f "$T/agent$1.in" "$T/agent$1.out"
	unset "process[$1]"
}

# ---- what must hold after each scenario ----

# Every packet on the bridge from now on goes to the file.
capture()
{
	rm -f "$T/dumpcap"	# the words of an earlier one
	dumpcap -q -i lab0 -w "$1" >"$T/dumpcap" 2>&1 &
	capture=$!
	wait_for has_line "$T/dumpcap" 'File:'
}

capture_ends()
{
	kill -INT "$capture" && wait "$capture"
	capture=
}

# Linux 6.1 warns, once a boot, when it keeps a packet with a name until its recovery is over: its
# check of the copy leaves out the room for the name. sinew-dlm(7), KERNEL BUGS.
LAB_KNOWN='WARNING: .* dlm_add_requestqueue\+'

consoles_are_clean()
{
	local node
	for node in "${!console[@]}"; do
		! grep -E 'BUG:|WARNING|Oops|general protection' "${console[$node]}" |
			grep -vE "$LAB_KNOWN" >"$T/found" ||
			bad "kernel of node $node: $(head -n 3 "$T/found")"
	done
}

# Of all members that have ended.
no_socket_is_left()
{
	if [ "$LAB_TRANSPORT" = tcp ]; then
		! ss -Htan | grep -v TIME-WAIT | grep -q "$LAB_NET"
	else
		home_says 0 "cat /proc/net/sctp/eps /proc/net/sctp/assocs |" \
			"grep -vc ADDRS"
	fi
}

# keep NAME: capture, consoles and logs of a scenario that failed, in a folder that stays.
keep()
{
	local folder=$BUILT/kernel-failures/$1
	# Those of members at home come to its output.
	[ "$LAB_TRANSPORT" = tcp ] || is_gone "${process[$LAB_HOME]}" ||
		guest $LAB_HOME sh 'tail -n 200 /tmp/log* /tmp/err*'
	rm -rf "$folder" && mkdir -p "$folder" &&
		cp -r "$T"/console* "$T"/out* "$T"/log* "$T"/err* "$T"/break "$T"/tcpkill \
			"$T"/*.pcapng "$folder/" 2>/dev/null
	echo "# capture, consoles and logs: $folder"
}
