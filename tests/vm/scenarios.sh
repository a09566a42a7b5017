#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the scenarios of one kernel and members of ours: joining, locks, recovery, leaving, under
# resets. Knows no kernel's version; the laboratory is tests/vm/lab.sh.
#
#	tests/vm/scenarios.sh 6.1 [SCENARIO...]
#	LAB_TRANSPORT=sctp tests/vm/scenarios.sh 6.1 [SCENARIO...]
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/vm/lab.sh
. tests/vm/steps.sh
. tests/vm/faults.sh
. tests/vm/lost.sh
lab_enter "$@"
KERNEL=$1
shift

# ---- 1: joining ----

joins_as_the_lowest()
{
	kernel_knows 2
	join_both x 11 2 kernel
	leave_kernel_last x 2
}

joins_as_the_highest()
{
	kernel_knows 7
	join_both x 12 7 kernel
	leave_kernel_first x 7
}

the_member_begins()
{
	kernel_knows 2
	join_both x 13 2 member
	leave_kernel_last x 2
	guest 1 reset
	scene
	kernel_knows 7
	join_both y 14 7 member
	leave_kernel_first y 7
}

# ---- 2: locks ----

locks_conflict()
{
	kernel_knows 2
	join_both x 21 2 kernel
	# The kernel is the master of some of these resources, and we of the others.
	local name
	for name in apple berry cherry damson; do
		scene
		kernel_lock k$name x $name EX
		member_lock 2 x $name EX
		await 1 "bast k$name"
		kernel_unlock k$name
		granted 2 "$id"
		member_unlock 2 "$id"
		member_lock 2 x $name EX
		granted 2 "$id"
		guest 1 lock l$name x $name EX
		await 2 "\"event\":\"bast\".*\"id\":$id\b"
		tell 2 unlock "$id"
		await 1 "ast l$name status=0"
		kernel_unlock l$name
	done
	leave_kernel_last x 2
}

conversions_and_refusals()
{
	kernel_knows 2
	join_both x 22 2 kernel
	local name
	for name in elder fig grape hazel; do
		scene
		kernel_lock k$name x $name PR
		member_lock 2 x $name NL
		granted 2 "$id"
		scene
		tell 2 convert "$id" PR
		granted 2 "$id"
		scene
		tell 2 convert "$id" EX NOQUEUE
		await 2 "\"event\":\"ast\".*\"id\":$id\b.*\"name\":\"EAGAIN\""
		scene
		# Waits, and is cancelled.
		tell 2 convert "$id" EX
		await 1 "bast k$name"
		tell 2 cancel "$id"
		await 2 "\"event\":\"ast\".*\"id\":$id\b.*\"name\":\"ECANCEL\""
		scene
		guest 1 convert k$name EX noqueue
		await 1 "ast k$name status=11 "
		member_unlock 2 "$id"
		kernel_unlock k$name
	done
	leave_kernel_first x 2
}

value_blocks()
{
	kernel_knows 2
	join_both x 23 2 kernel
	local name
	for name in iris jasmin kale lemon; do
		scene
		kernel_lock k$name x $name EX valblk
		guest 1 convert k$name NL valblk from-the-kernel
		await 1 "ast k$name status=0.*"
		scene
		member_lock 2 x $name EX VALBLK
		await 2 "\"event\":\"ast\".*\"id\":$id\b.*from-the-kernel"
		scene
		tell 2 convert "$id" NL VALBLK from-us
		granted 2 "$id"
		scene
		guest 1 convert k$name PR valblk
		await 1 "ast k$name status=0.*lvb=from-us"
		member_unlock 2 "$id"
		kernel_unlock k$name
	done
	leave_kernel_last x 2
}

# The master removes an unused resource some time after its last lock; both sides lock it again.
unused_names_are_removed()
{
	kernel_knows 2
	join_both x 24 2 kernel
	local name
	for name in mango nut olive pear; do
		kernel_lock k$name x $name EX
		kernel_unlock k$name
	done
	wait_for forgotten 2
	for name in mango nut olive pear; do
		scene
		member_lock 2 x $name EX
		granted 2 "$id"
		member_unlock 2 "$id"
	done
	leave_kernel_first x 2
}

# ---- 3: recovery ----

recovery_moves_locks()
{
	kernel_knows 2 3
	tell 3 peer 2 "$LAB_NET.2"
	tell 2 peer 3 "$LAB_NET.3"
	join_three x 31
	local name locks=
	for name in quince rose sage thyme umbel violet; do
		scene
		member_lock 3 x $name PR
		granted 3 "$id"
		member_lock 2 x $name PR
		granted 2 "$id"
		locks="$locks $id"
		kernel_lock k$name x $name PR
	done
	# Node 3 leaves with all that it mastered.
	scene
	tell 3 leave x
	guest 1 stop x
	tell 2 stop x
	guest 1 start x 5:1,2:1
	tell 2 join x 31 2,5
	await 2 '"event":"joined"'
	await 3 '"event":"left"'
	scene
	for id in $locks; do
		member_unlock 2 "$id"
	done
	for name in quince rose sage thyme umbel violet; do
		guest 1 convert k$name EX
		await 1 "ast k$name status=0"
		kernel_unlock k$name
	done
	quit 3
	leave_kernel_last x 2
}

# ---- 5, 6: again and again, and two at once ----

rejoins_five_times()
{
	local i
	kernel_knows 2
	for i in 1 2 3 4 5; do
		scene
		join_both x 51 2 kernel
		kernel_lock "k$i" x again EX
		kernel_unlock "k$i"
		if [ $((i % 2)) = 0 ]; then
			leave_kernel_first x 2
		else
			leave_kernel_last x 2
		fi
	done
}

two_lockspaces()
{
	kernel_knows 2
	join_both x 61 2 kernel
	join_both y 62 2 kernel
	kernel_lock kx x same EX
	kernel_lock ky y same EX
	member_lock 2 x same EX
	await 1 'bast kx'
	guest 1 unlock kx
	granted 2 "$id"
	member_unlock 2 "$id"
	kernel_unlock ky
	# From one of two: the session stays.
	member_leaves x 2
	scene
	kernel_lock kz y more EX
	member_lock 2 y more EX
	await 1 'bast kz'
	guest 1 unlock kz
	granted 2 "$id"
	member_unlock 2 "$id"
	leave_kernel_alone x
	leave_kernel_first y 2
}

# ---- 7: conversions while connections break ----

# conversions_begin COUNT: so many on each side at once, each of a lock that the other side is the
# master of.
conversions_begin()
{
	kernel_knows 2
	join_both x 71 2 kernel
	scene
	kernel_lock kk x ours NL
	member_lock 2 x theirs NL
	granted 2 "$id"
	theirs=$id
	member_lock 2 x ours NL
	granted 2 "$id"
	ours=$id
	scene
	tell 2 loop "$ours" "$1" PR NL
	guest 1 loop "$1" x theirs PR NL
}

conversions_are_over()
{
	since 2 "${seen[2]}" '"event":"loop"' && since 1 "${seen[1]}" 'loop theirs done'
}

# broken_by COMMAND: once. False: this is to end.
broken_by()
{
	$1
	! is_gone "${process[1]}" || return
	# Some conversions get through between two breaks, however slow the machine is.
	wait_for shows 2 '"link_up":true' || return
	sleep 0.05
	((++broken <= 1000))
}

# conversions_end COUNT
conversions_end()
{
	await 2 "\"event\":\"loop\".*\"n\":$1,.*\"bad\":0"
	await 1 "loop theirs done n=$1 bad=0"
}

# conversions_leave BREAKER
conversions_leave()
{
	shows 2 '"reconnects":[1-9]' || bad "no connection was broken by $1"
	echo "# $1: $(last 2 '"event":"status"' | grep -o '"reconnects":[0-9]*')," \
		"$(last 1 'loop theirs' | grep -o 'ms=.*')"
	for id in "$ours" "$theirs"; do
		member_unlock 2 "$id"
	done
	kernel_unlock kk
	leave_kernel_last x 2
}

# conversions_under COMMAND COUNT: which breaks connections meanwhile.
conversions_under()
{
	local breaker=$1 rounds=$2 ours theirs again=0
	conversions_begin "$rounds"
	while ! conversions_are_over && broken_by "$breaker"; do
		:
	done
	conversions_end "$rounds"
	# tcpkill hears of a connection late: some may have outlived it.
	while ! shows 2 '"reconnects":[1-9]' && ((++again < 10)); do
		scene
		guest 1 loop 2000 x theirs PR NL
		$breaker
		await 1 'loop theirs done n=2000 bad=0' || break
	done
	conversions_leave "$breaker"
}

by_us() { tell 2 kill 5; }
by_the_kernel() { guest 1 kill "$LAB_NET.2"; }
by_forged_resets()
{
	timeout 5 "$SINEW" break reset --port 21064 --listen 0.2 >"$T/break" 2>&1
}
# The real one, for a while: it resets what sends.
by_tcpkill() { timeout 2 tcpkill -i lab0 port 21064 >"$T/tcpkill" 2>&1; }
conversions_under_our_resets() { conversions_under by_us 10000; }
conversions_under_its_resets() { conversions_under by_the_kernel 10000; }
conversions_under_forged_resets() { conversions_under by_forged_resets 10000; }
conversions_under_tcpkill() { conversions_under by_tcpkill 10000; }

# ---- 8: a reset in each phase of recovery ----

# The member repeats a question without an answer on the new link, and not after its 5 seconds. A
# question of the kernel that is lost with its link costs recover_timer, whoever the peer is: one
# second here, and a kernel takes no less. The library waits as long for a number on the new link
# before it resets that one as well (K7 of proto/SESSION.md). A question that is repeated just then
# may be lost once more, so the limit is above two of those times.
resets_in_recovery()
{
	local phase began ms longest=0
	member_starts 2 --recover 5000
	kernel_knows 2
	for phase in 1 2 3 4 5 6 7 8; do
		scene
		guest 1 members x 0x81 5:1,2:1
		guest 1 create x
		tell 2 join x 81 2,5
		# Each phase is one event of the member: behind the first, the second ...
		wait_for phases 2 $phase
		began=$(now_ms)
		tell 2 kill 5
		await 1 'created x rc=0'
		await 2 '"event":"joined"'
		ms=$(($(now_ms) - began))
		[ $ms -lt 4000 ] || bad "behind a reset in phase $phase all are joined in $ms ms"
		[ $ms -lt $longest ] || longest=$ms
		leave_kernel_last x 2
	done
	echo "# joined behind a reset within $longest ms"
}

# ---- 9: the last ACK ----

the_last_ack_is_lost()
{
	kernel_knows 2
	join_both x 91 2 kernel
	scene
	tell 2 leave x
	wait_for shows 2 '"state":"FIN_WAIT2"'
	# Nothing of ours arrives any more: neither the ACK of its FIN nor our end.
	mute 2
	guest 1 stop x
	guest 1 start x 5:1
	await 2 '"event":"left"'
	guest 1 kill "$LAB_NET.2"
	hear 2
	scene
	leave_kernel_alone x
}

# ---- 10: who is killed comes back ----

the_member_is_killed()
{
	kernel_knows 2
	join_both x 101 2 kernel
	kernel_lock kk x held EX
	signal_member 2 KILL
	wait "${process[2]}" 2>/dev/null
	guest 1 stop x
	guest 1 start x 5:1
	# As the daemon does for a node that failed: the kernel forgets its numbers.
	guest 1 nocomm 2
	guest 1 comm 2 0 "$LAB_NET.2"
	member_starts 2
	scene
	guest 1 stop x
	guest 1 start x 5:1,2:1
	tell 2 join x 101 2,5
	await 2 '"event":"joined"'
	member_lock 2 x held EX
	await 1 'bast kk'
	guest 1 unlock kk
	granted 2 "$id"
	member_unlock 2 "$id"
	leave_kernel_last x 2
}

the_kernel_is_killed()
{
	kernel_knows 2
	join_both x 102 2 kernel
	member_lock 2 x held EX
	granted 2 "$id"
	power_off 1
	tell 2 stop x
	tell 2 failed 5
	tell 2 join x 102 2
	await 2 '"event":"joined"'
	boot 1 "$KERNEL"
	kernel_knows 2
	scene
	tell 2 stop x
	guest 1 members x 0x102 5:1,2:1
	guest 1 create x
	tell 2 join x 102 2,5
	await 1 'created x rc=0'
	await 2 '"event":"joined"'
	guest 1 lock kk x held EX
	await 2 "\"event\":\"bast\".*\"id\":$id\b"
	tell 2 unlock "$id"
	await 1 'ast kk status=0'
	kernel_unlock kk
	leave_kernel_last x 2
}

# ---- 11, 12: a paused peer, strangers ----

a_paused_member_loses_nothing()
{
	kernel_knows 2
	join_both x 111 2 kernel
	scene
	guest 1 loop 600 x paused PR NL
	signal_member 2 STOP
	wait_for has_unread 2
	signal_member 2 CONT
	await 1 'loop paused done n=600 bad=0'
	leave_kernel_last x 2
}

strangers_are_refused()
{
	kernel_knows 2
	join_both x 121 2 kernel
	scene
	ip addr add "$LAB_NET.99/24" dev lab0
	perl -MIO::Socket::INET -e '
		alarm 10;
		$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 21064,
			LocalAddr => $ARGV[1], Timeout => 5) or exit 0;
		syswrite $s, "x" x 64;
		exit(sysread($s, $b, 1) ? 1 : 0)' "$LAB_NET.2" "$LAB_NET.99" ||
		bad 'a stranger was answered'
	ip addr del "$LAB_NET.99/24" dev lab0
	kernel_lock kk x still EX
	kernel_unlock kk
	leave_kernel_last x 2
}

# ---- all of them ----

both='joins_as_the_lowest joins_as_the_highest the_member_begins locks_conflict
	conversions_and_refusals value_blocks unused_names_are_removed recovery_moves_locks
	rejoins_five_times two_lockspaces'
both_faults='the_kernel_leaves_unanswered removal_before_the_fin removal_after_the_fin
	the_member_is_killed'
over_tcp='conversions_under_our_resets conversions_under_its_resets
	conversions_under_forged_resets conversions_under_tcpkill resets_in_recovery
	the_last_ack_is_lost the_member_leaves_unanswered the_kernel_acknowledges_nothing
	the_queue_is_full wrong_headers_are_refused the_kernel_is_killed
	a_paused_member_loses_nothing strangers_are_refused'
over_sctp='conversions_under_our_ends ends_in_recovery a_paused_member_loses_nothing
	the_association_is_lost the_kernel_aborts'

all=over_$LAB_TRANSPORT
chosen=()
for name in $both ${!all} $both_faults; do
	[ $# != 0 ] && [[ " $* " != *" $name "* ]] || chosen+=("$name")
done
[ ${#chosen[@]} != 0 ] || finish
boot 1 "$KERNEL" && boot_home "$KERNEL" || { echo "not ok - boot: $why"; exit 1; }
for name in "${chosen[@]}"; do
	scenario "$name"
done
finish
