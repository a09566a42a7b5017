#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the tests of our streams over the SCTP of a real kernel: the contract of tests/stream/ and
# nodes of one process in a guest, then a cluster of two guests with two cards each, and one of a
# kernel and SCTP in user land. Knows no DLM.
#
#	tests/vm/sctp.sh 6.1
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/vm/lab.sh
LAB_NET2=10.78.0
LAB_PROGRAMS="$BUILT/tests/stream $BUILT/tests/test_sctp $BUILT/checked/sinew"
lab_enter "$@"
KERNEL=$1
SILENT=$LAB_NET.250		# a neighbour that is known, and answers nothing
GAP=3				# seconds, until a path that was cut is left

# behind NODE NAME COMMAND...: it runs on, and prints to /tmp/NAME; its status is in NAME.status.
behind()
{
	local node=$1 name=$2 line
	shift 2
	line="rm -f /tmp/$name.status; (($*) >/tmp/$name 2>&1; echo \$? >/tmp/$name.status)"
	guest "$node" sh "$(one_line "$line") >/dev/null 2>&1 </dev/null &"
}

# in_guest_is NODE COMMAND...: whether it says yes.
in_guest_is() { [ "$(in_guest "$1" "${*:2} && echo yes")" = yes ]; }

# has_lines NODE FILE COUNT [PATTERN]: of the guest.
has_lines() { in_guest_is "$1" "[ \$(grep -c '${4:-}' /tmp/$2) -ge $3 ]"; }

# ends NODE NAME SECONDS: its status.
ends()
{
	LIMIT=$3 wait_for in_guest_is "$1" "[ -s /tmp/$2.status ]" &&
		in_guest "$1" "cat /tmp/$2.status"
}

# row NAME: one result, with its time.
row()
{
	local began=$EPOCHREALTIME took
	why=
	"$1"
	consoles_are_clean
	[ -z "$why" ] || keep "sctp-$KERNEL-$1"
	took=$(echo "$EPOCHREALTIME $began" | tr , . | awk '{ printf "%.1f", $1 - $2 }')
	if [ -z "$why" ]; then
		echo "ok - sctp_$1 ($took s)"
	else
		echo "not ok - sctp_$1 ($took s): $(echo "$why" | tr '\n' ' ')"
		n_failed=$((n_failed + 1))
	fi
}

# passes NAME PROGRAM: what runs behind in guest 1 as NAME; the tests that failed say more than a
# status.
passes()
{
	local status
	status=$(ends 1 "$1" 120)
	in_guest 1 "cat /tmp/$1" >"$T/$1"
	grep -v '^ok - ' "$T/$1" >"$T/failed" && bad "$(head -n 3 "$T/failed")"
	equals "status of $2" "$status" 0
}

# ---- the contract of streams ----

contract()
{
	guest 1 sh "ip neigh add $SILENT lladdr 02:00:00:00:00:fa dev eth0"
	behind 1 contract "STREAM_SILENT=$SILENT stream sctp-kernel"
	passes contract stream
	[ "$(grep -c '^ok - ' "$T/contract")" -ge 32 ] || bad "few tests: $(cat "$T/contract")"
}

# Two nodes in one process, their ends and restarts, and a child of that process.
nodes_of_one_process()
{
	behind 1 nodes 'test_sctp kernel'
	passes nodes test_sctp
	equals 'tests that passed' "$(grep -c '^ok - ' "$T/nodes")" 5
}

# ---- a cluster of two ----

config_of_two()
{
	local node
	printf '%s\n' 'totem {' 'cluster_name: lab' '}' 'nodelist {'
	for node in 1 2; do
		printf '%s\n' 'node {' "nodeid: $node" "ring0_addr: $LAB_NET.$node" \
			"ring1_addr: $LAB_NET2.$node" '}'
	done
	printf '%s\n' '}' 'sinew {' 'transport: sctp' '}'
}

# A line of an agent is one line.
put_config()
{
	local node
	for node in 1 2; do
		guest $node sh "printf '$(config_of_two | sed 's/$/\\n/' | tr -d '\n')' >/tmp/c"
	done
}

# Node 1 sends ten lines a second; node 2 writes down when they came.
traffic_begins()
{
	put_config
	receiver_begins
	behind 1 sent "i=0; while [ ! -e /tmp/stop ]; do echo \$((i += 1)); sleep 0.1; done |
		sinew cat --config /tmp/c --node 1 --to 2 --keep-going --log-level info
		2>/tmp/log1"
	wait_for has_lines 2 got 10
}

receiver_begins()
{
	behind 2 got "sinew cat --config /tmp/c --node 2 --keep-going --log-level info 2>/tmp/log2 |
		while read -r line; do echo \$(cut -d ' ' -f 1 /proc/uptime) \$line; done"
}

more_lines() { wait_for has_lines 2 got $(($(in_guest 2 'wc -l </tmp/got') + $1)); }

# All lines came, each once and in order; and the time between two of them was never long.
no_line_was_late()
{
	local longest
	longest=$(in_guest 2 "awk '{ if (\$3 != ++n) { print \"line \" n \" is \" \$3; exit }
		if (n > 1 && \$1 - t > gap) gap = \$1 - t; t = \$1 } END { print gap }' /tmp/got" |
		head -n 1)
	echo "# the longest time between two lines: $longest s"
	awk "BEGIN { exit !(\"$longest\" + 0 > 0 && \"$longest\" + 0 < $GAP) }" ||
		bad "the longest time between two lines: $longest s, expected less than $GAP s"
}

# By what the kernel says: 2 is a path that works.
all_paths_work()
{
	in_guest_is "$1" "! tail -n +2 /proc/net/sctp/remaddr | grep -v ' 2 *\$' | grep -q ."
}

two_paths_carry_one_link()
{
	traffic_begins
	wait_for all_paths_work 1
	equals 'addresses of node 2, for node 1' \
		"$(in_guest 1 "cut -d ' ' -f 1 /proc/net/sctp/remaddr | sort -u" | grep -v ADDR |
			xargs)" \
		"$LAB_NET.2 $LAB_NET2.2"
}

# cut_of CARD: what came over it does no more, for both.
cut_of()
{
	ip link set "$1" down
	more_lines 50
	ip link set "$1" up
	more_lines 10
	wait_for all_paths_work 1
	wait_for all_paths_work 2
}

# Node 1 logs that addresses of node 2 were cut, and came back.
paths_are_told()
{
	local addr
	for addr in "$LAB_NET.2" "$LAB_NET2.2"; do
		in_guest_is 1 "grep -q 'addr=$addr.* path down' /tmp/log1" ||
			bad "nothing says that $addr is down: $(in_guest 1 'tail -n 3 /tmp/log1')"
		in_guest_is 1 "grep -q 'addr=$addr.* path up again' /tmp/log1" ||
			bad "nothing says that $addr is up again"
	done
}

one_is_cut_the_other_carries_on()
{
	cut_of tap2
	cut_of second2
	cut_of tap1
	no_line_was_late
	paths_are_told
	! in_guest 1 'grep "link lost" /tmp/log1' | grep . >"$T/lost" ||
		bad "the link was lost: $(cat "$T/lost")"
}

a_peer_that_was_killed_comes_back()
{
	guest 2 sh 'killall -KILL sinew'
	receiver_begins
	wait_for has_lines 2 got 10
}

a_guest_that_lost_its_power_comes_back()
{
	power_off 2
	boot 2 "$KERNEL" || return
	put_config
	receiver_begins
	wait_for has_lines 2 got 10
}

# path_is ADDRESS STATE: at node 1, of node 2.
path_is()
{
	in_guest_is 1 "sinew status 2 --config /tmp/c --node 1 | grep -q 'path.* $1:.*, $2,'"
}

# path_is_told CARD ADDRESS OTHER: of an idle link.
path_is_told()
{
	ip link set "$1" down
	wait_for path_is "$2" dead
	path_is "$3" alive || bad "without $2, $3 does not work"
	ip link set "$1" up
	wait_for path_is "$2" alive
}

the_status_knows_addresses()
{
	local node
	for node in 1 2; do
		guest $node sh 'killall sinew; :'
	done
	behind 1 serve "sinew serve --config /tmp/c --node 1"
	# Whoever dials then, the association tells of no change: that address works from the first.
	wait_for path_is "$LAB_NET.2" dead
	behind 2 serve "sinew serve --config /tmp/c --node 2"
	wait_for path_is "$LAB_NET.2" alive
	wait_for path_is "$LAB_NET2.2" alive
	path_is_told tap2 "$LAB_NET.2" "$LAB_NET2.2"
	path_is_told second2 "$LAB_NET2.2" "$LAB_NET.2"
	for node in 1 2; do
		guest $node sh 'killall sinew'
		ends $node serve 30 >/dev/null
	done
}

# Each address is asked by a connection of its own, beside that which uses all of them.
ping_tells_which_address_is_cut()
{
	local answers
	behind 2 serve "sinew serve --config /tmp/c --node 2"
	wait_for in_guest_is 1 "sinew ping --config /tmp/c --node 1 --to 2 --count 1 --timeout 1
		>/dev/null 2>&1"
	behind 1 ping "sinew ping --config /tmp/c --node 1 --to 2 --interval 0.2 --timeout 10"
	wait_for has_lines 1 ping 5 "at $LAB_NET.2:.* time="
	wait_for has_lines 1 ping 5 "at $LAB_NET2.2:.* time="
	ip link set second2 down
	wait_for has_lines 1 ping 1 "at $LAB_NET2.2:.* network path cut"
	answers=$(in_guest 1 "grep -c 'at $LAB_NET2.2:.* time=' /tmp/ping")
	ip link set second2 up
	wait_for has_lines 1 ping $((answers + 3)) "at $LAB_NET2.2:.* time="
	guest 1 sh 'killall -INT sinew'
	equals 'status of some answers' "$(ends 1 ping 30)" 1
	! in_guest 1 "grep 'at $LAB_NET.2:' /tmp/ping | grep -v time=" | grep . >"$T/other" ||
		bad "the other address: $(cat "$T/other")"
	guest 2 sh 'killall sinew'
	ends 2 serve 30 >/dev/null
}

traffic_ends()
{
	guest 1 sh 'touch /tmp/stop'
	equals 'status of node 1' "$(ends 1 sent 30)" 0
}

# ---- a kernel without SCTP ----

listens_by_udp() { in_guest_is 2 '[ $(wc -l </proc/net/udp) -gt 1 ]'; }

the_missing_module_is_named()
{
	power_off 2
	LAB_WORDS=lab.without=sctp boot 2 "$KERNEL" || return
	put_config
	in_guest 2 'sinew cat --config /tmp/c --node 2 </dev/null 2>&1; echo status $?' \
		>"$T/without"
	says "$T/without" 'modprobe sctp'
	says "$T/without" 'sctp_backend to user'
	says "$T/without" 'status 2'
	# What it advises works.
	guest 2 sh 'sed -i "s/transport: sctp/&\nsctp_backend: user/" /tmp/c'
	behind 2 user 'sinew cat --config /tmp/c --node 2 --keep-going'
	wait_for listens_by_udp
	guest 2 sh 'killall sinew'
}

# ---- a kernel, and SCTP in user land ----

UDP_PORT=9899		# of RFC 6951
LINES=2000

# encapsulation PORT: what the kernel of node 1 sends and takes beside IP alone; 0: nothing.
encapsulation()
{
	guest 1 sh "echo $1 >/proc/sys/net/sctp/udp_port && echo $1 >/proc/sys/net/sctp/encap_port"
}

# user_land NODE KEY VALUE: that node has SCTP in user land, and this option.
user_land()
{
	guest "$1" sh "sed -i 's/transport: sctp/&\\nsctp_backend: user\\n$2: $3/' /tmp/c"
}

# Both send to each other, and end in order.
both_ways()
{
	local node sum
	sum=$(seq $LINES | md5sum | cut -d ' ' -f 1)
	for node in 1 2; do
		behind $node both "seq $LINES | sinew cat --config /tmp/c --node $node \
			--to $((3 - node)) --wait 60 --linger 60 --log-level info 2>/tmp/log$node"
	done
	for node in 1 2; do
		equals "status of node $node" "$(ends $node both 120)" 0
		equals "what came to node $node" \
			"$(in_guest $node 'cut -f 2 /tmp/both | md5sum' | cut -d ' ' -f 1)" "$sum"
	done
}

user_land_speaks_with_a_kernel_in_udp()
{
	encapsulation $UDP_PORT
	put_config
	user_land 2 sctp_udp_port $UDP_PORT
	both_ways
	encapsulation 0
}

user_land_speaks_with_a_kernel_by_ip_alone()
{
	put_config
	user_land 2 sctp_encap none
	both_ways
}

# It would abort what it does not know.
beside_the_kernel_ip_alone_is_refused()
{
	user_land 1 sctp_encap none
	in_guest 1 'sinew cat --config /tmp/c --node 1 </dev/null 2>&1; echo status $?' \
		>"$T/beside"
	says "$T/beside" 'sctp_encap to udp'
	says "$T/beside" 'modprobe -r sctp'
	says "$T/beside" 'status 2'
}

boot 1 "$KERNEL" && boot 2 "$KERNEL" || { echo "not ok - boot: $why"; exit 1; }
row contract
row nodes_of_one_process
row two_paths_carry_one_link
row one_is_cut_the_other_carries_on
row a_peer_that_was_killed_comes_back
row a_guest_that_lost_its_power_comes_back
row traffic_ends
row the_status_knows_addresses
row ping_tells_which_address_is_cut
row the_missing_module_is_named
row user_land_speaks_with_a_kernel_in_udp
row user_land_speaks_with_a_kernel_by_ip_alone
row beside_the_kernel_ip_alone_is_refused
power_off 1
power_off 2
finish
