#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what happens when the nodes of a real corosync have names, and the name server of one dies:
# membership is seen as before, addresses stay, and names come back by themselves. Corosync has the
# names from /etc/hosts, the programs from that server alone. Knows nothing of who looks up names.
# run.sh: long waits timeout=120 with=perl
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/live/corosync_lab.sh
lab_enter

# name_server NODE: it knows node1 to node9, and IPv4 alone.
name_server()
{
	inside "$1" perl -MIO::Socket::INET -e '
		$s = IO::Socket::INET->new(LocalAddr => "127.0.0.53", LocalPort => 53,
			Proto => "udp") or die $!;
		$| = 1;
		print "answers\n";
		while (defined $s->recv($q, 512)) {
			for ($end = 12; $len = ord substr($q, $end, 1); $end += $len + 1) { }
			$question = substr($q, 12, $end - 7);
			($type) = unpack "n", substr($q, $end + 1, 2);
			$known = substr($q, 13, ord substr($q, 12, 1)) =~ /^node(\d)$/;
			$answer = $known && $type == 1 ? pack("n3Nn", 0xc00c, 1, 1, 0, 4) .
				pack("C4", 10, 77, 0, $1) : "";
			$s->send(substr($q, 0, 2) . pack("n5", $known ? 0x8180 : 0x8183, 1,
				$answer ne "", 0, 0) . $question . $answer);
		}' >"$T/node$1/dns" 2>&1 </dev/null &
	wait_for has_line "$T/node$1/dns" answers
}

# The program of a node, which does not know /etc/hosts.
start_program()
{
	local i=$1
	incarnations[$i]=$((incarnations[$i] + 1))
	nsenter -t "${holder[$i]}" -m -n -u -- unshare --mount --propagation private sh -c \
		'mount --bind "$1" /etc/hosts && shift && exec "$@"' _ "$T/nobody" \
		"$LAB_BIN/corosync_node" "$(book "$i")" >>"$T/node$i/events" \
		2>>"$T/node$i/errors" </dev/null &
	program[$i]=$!
}

begins()
{
	local i
	for i in 1 2 3; do
		address[$i]=node$i
		echo "$LAB_NET.0.$i node$i"
	done >"$T/hosts"
	echo "127.0.0.1 localhost" | tee "$T/nobody" >>"$T/hosts"
	echo "nameserver 127.0.0.53" >"$T/resolv.conf"
	lab 3
	for i in 1 2 3; do
		inside "$i" mount --bind "$T/hosts" /etc/hosts || bad "no /etc/hosts"
		inside "$i" mount --bind "$T/resolv.conf" /etc/resolv.conf || bad "no resolv.conf"
		name_server "$i"
	done
	lab_start 1 2 3
	all_up
}

# name_server_dies NODE: names are looked for in vain from here on.
name_server_dies()
{
	deafen "$1" 'udp dport 53'
	reload "$1"
	says_since "$1" 'resolving host names'
}

failure_is_told_meanwhile()
{
	name_server_dies 1
	signal program 2 KILL
	ends program 2
	sees 1 fence2
	within 1 'down peer=2'
	says_since 1 'name service timed out; retrying, keeping its old address'
	start_program 2
	all_up
	heal 1
	says_since 1 'peer=2 "node2" resolved to 10.77.0.2'
	saw 1 'down2:failed fence2 up2' 2
	saw 1 '' 3
}

death_of_corosync_is_told_meanwhile()
{
	name_server_dies 1
	kill_corosync 1
	sees 1 lost
	within 1 '^[0-9.]* lost'
	heal 1
	start_corosync 1
	all_up
}

# The resolver hangs at the start, not corosync.
own_name_is_needed()
{
	stop_program 1
	deafen 1 'udp dport 53'
	inside 1 unshare --mount --propagation private sh -c \
		'mount --bind "$1" /etc/hosts && shift && exec "$@"' _ "$T/nobody" \
		timeout "$LIMIT" "$SINEW" cat </dev/null >"$T/out" 2>"$T/err"
	equals 'status without an own address' $? 2
	says "$T/err" 'found "node1" as ring0_addr of node 1, which cannot be resolved: name'
	! grep -q 'hung?' "$T/err" || bad "corosync is blamed: $(cat "$T/err")"
	heal 1
	start_program 1
	all_up
}

for name in begins failure_is_told_meanwhile death_of_corosync_is_told_meanwhile \
	own_name_is_needed; do
	row $name
done
the_end
finish
