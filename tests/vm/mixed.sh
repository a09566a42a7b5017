#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the scenarios of both kernels and a member of ours in one lockspace, and of two members of
# ours without a kernel. The laboratory is tests/vm/lab.sh.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
. tests/vm/lab.sh
. tests/vm/steps.sh
lab_enter "$@"
KERNEL=mixed

# Guest 1 is node 5 at .1, guest 4 is node 4 at .4, ours is node 2.
three_know_each_other()
{
	local guest
	for guest in 1 4; do
		guest $guest cluster lab tcp recover_timer=1 toss_secs=1 scan_secs=1
	done
	guest 1 comm 5 1 "$LAB_NET.1"
	guest 1 comm 4 0 "$LAB_NET.4"
	guest 1 comm 2 0 "$LAB_NET.2"
	guest 4 comm 4 1 "$LAB_NET.4"
	guest 4 comm 5 0 "$LAB_NET.1"
	guest 4 comm 2 0 "$LAB_NET.2"
	member_starts 2
	tell 2 peer 4 "$LAB_NET.4"
}

three_join()
{
	guest 1 members x 0x201 2:1,4:1,5:1
	guest 4 members x 0x201 2:1,4:1,5:1
	guest 1 create x
	guest 4 create x
	tell 2 join x 201 2,4,5
	await 1 'created x rc=0'
	await 4 'created x rc=0'
	await 2 '"event":"joined".*"ls":"x"'
}

# Each is the first at some names, and so their master.
each_masters_something()
{
	local name
	for name in ash birch cedar; do
		scene
		guest_lock 1 "a$name" x "$name-1" PR
		guest_lock 4 "b$name" x "$name-1" PR
		guest_lock 4 "c$name" x "$name-4" PR
		guest_lock 1 "d$name" x "$name-4" PR
		member_lock 2 x "$name-2" EX
		granted 2 "$id"
		guest 1 lock "e$name" x "$name-2" PR
		await 2 "\"event\":\"bast\".*\"id\":$id\b"
		tell 2 unlock "$id"
		await 1 "ast e$name status=0"
	done
	for name in ash birch cedar; do
		guest_unlock 1 "a$name"
		guest_unlock 4 "b$name"
		guest_unlock 4 "c$name"
		guest_unlock 1 "d$name"
		guest_unlock 1 "e$name"
	done
}

# guest_leaves GUEST NODEID OTHER-GUEST REST MEMBERS-OF-OURS: the others go on.
guest_leaves()
{
	scene
	guest "$1" release x 1
	await "$1" 'EVT left x'
	guest "$2" stop x
	tell 2 stop x
	guest "$2" start x "$3"
	tell 2 join x 201 "$4"
	await 2 '"event":"joined"'
	await "$1" 'released x rc=0'
}

both_kernels_and_we()
{
	three_know_each_other
	three_join
	each_masters_something
	# Each leaves once, and comes again.
	guest_leaves 1 4 2:1,4:1 2,4
	scene
	guest 4 stop x
	tell 2 stop x
	guest 1 members x 0x201 2:1,4:1,5:1
	guest 1 create x
	guest 4 start x 2:1,4:1,5:1
	tell 2 join x 201 2,4,5
	await 1 'created x rc=0'
	await 2 '"event":"joined"'
	each_masters_something
	guest_leaves 4 1 2:1,5:1 2,5
	scene
	member_leaves x 2
	leave_kernel_alone x
	guest 4 reset
}

two_of_ours()
{
	member 2 --recover 1000 --toss 1000
	member 3 --recover 1000 --toss 1000
	tell 2 peer 3 "$LAB_NET.3"
	tell 3 peer 2 "$LAB_NET.2"
	tell 2 join x 202 2,3
	tell 3 join x 202 2,3
	await 2 '"event":"joined"'
	await 3 '"event":"joined"'
	scene
	member_lock 2 x pine NL
	granted 2 "$id"
	scene
	tell 2 loop "$id" 5000 PR NL
	while ! since 2 "${seen[2]}" '"event":"loop"'; do
		tell 3 kill 2
		sleep 0.1
		((++broken > 300)) && break
	done
	await 2 '"event":"loop".*"n":5000,.*"bad":0'
	member_unlock 2 "$id"
	scene
	tell 3 leave x
	tell 2 stop x
	tell 2 join x 202 2
	await 3 '"event":"left"'
	tell 2 leave x
	await 2 '"event":"left"'
}

# ---- a peer of DLM 3.1 ----

# old_peer POLICY: member 2 with that policy, and the peer, whose lines go to $T/peer.
old_peer()
{
	member_starts 2 --policy-31 "$1"
	ip addr replace "$LAB_NET.3/24" dev lab0
	tell 2 peer 3 "$LAB_NET.3"
	tell 2 join x 203 2,3
	perl tests/vm/peer_31.pl "$LAB_NET.3" "$LAB_NET.2" 203 >"$T/peer" 2>&1 &
	old_peer=$!
}

old_peer_ends()
{
	wait_for has_line "$T/peer" 'the connection has ended'
	wait "$old_peer" || bad "the peer of 3.1: $(tail -n 1 "$T/peer")"
	quit 2
	unset "output[2]"
	rm "$T/log2"
}

# a_peer_of_3_1_is_taken POLICY LEVEL: how loud the log is about it.
a_peer_of_3_1_is_taken()
{
	local name
	old_peer "$1"
	await 2 '"event":"joined"'
	shows 2 '"version":"30001","unreliable":true' || bad "status: $(last 2 '"event":"status"')"
	has_line "$T/log2" "$2 peer=3" || bad "policy $1 says: $(tail -n 1 "$T/log2")"
	# Of these some have their directory there: it is asked without an envelope.
	for name in a b c d e f g h; do
		member_lock 2 x $name NL
	done
	wait_for has_line "$T/peer" 'got version=30001 command=1 type=11'
	tell 2 leave x
	await 2 '"event":"left"'
	! grep -q 'command=[345]' <(grep 'version=30001' "$T/peer") ||
		bad "a peer of 3.1 got: $(grep 'command=[345]' "$T/peer" | head -n 1)"
	old_peer_ends
}

peers_of_3_1()
{
	a_peer_of_3_1_is_taken warn warning
	a_peer_of_3_1_is_taken allow info
	old_peer refuse
	wait_for has_line "$T/log2" 'DLM protocol 3.1, refused by policy'
	! since 2 "${seen[2]}" '"event":"joined"' || bad 'a peer of 3.1 was taken'
	old_peer_ends
}

boot 1 6.1 && boot 4 6.12 || { echo "not ok - boot: $why"; exit 1; }
scenario both_kernels_and_we
scenario two_of_ours
scenario peers_of_3_1
finish
