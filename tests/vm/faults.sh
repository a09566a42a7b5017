# SPDX-License-Identifier: LGPL-2.1-or-later
# Scenarios of a kernel and a member of ours in which one of them does not answer, does not
# acknowledge, has no room, or sends what is no packet. Sourced by tests/vm/scenarios.sh, behind
# tests/vm/steps.sh.

# ---- the end of a stream with requests that nobody has answered ----

# Both sides have asked each other as the master, and the member reads neither the kernel's request
# nor the answer to its own; then all links break.
the_member_leaves_unanswered()
{
	kernel_knows 2
	join_both x 92 2 kernel
	member_lock 2 x ours NL
	granted 2 "$id"
	kernel_lock kk x theirs NL
	scene
	tell 2 pause
	await 2 '"event":"paused"'
	guest 1 lock kw x ours NL
	tell 2 lock x theirs NL
	wait_for has_unread 2
	tell 2 leave x
	guest 1 kill "$LAB_NET.2"
	tell 2 resume
	wait_for shows 2 '"state":"FIN_WAIT2"'
	# It has no member any more that could answer: its recovery does.
	guest 1 stop x
	guest 1 start x 5:1
	await 2 '"event":"left"'
	await 1 'ast kw status=0'
	leave_kernel_alone x
}

# The member's request is on the way to a kernel that leaves meanwhile.
the_kernel_leaves_unanswered()
{
	kernel_knows 2
	join_both x 93 2 kernel
	kernel_lock kk x theirs NL
	scene
	mute 2
	member_lock 2 x theirs NL
	guest 1 release x 1
	await 1 'EVT left x'
	tell 2 stop x
	tell 2 join x 93 2
	hear
	granted 2 "$id"
	released_first x
	tell 2 leave x
	await 2 '"event":"left"'
}

# ---- removal before the FIN, and after it ----

removal_before_the_fin()
{
	kernel_knows 2
	join_both x 63 2 kernel
	scene
	tell 2 stop x
	tell 2 join x 63 2
	await 2 '"event":"joined"'
	wait_for shows 2 '"state":"ESTABLISHED"'
	guest 1 release x 1
	await 2 '"state":"down","reason":"closed"'
	released_first x
	tell 2 leave x
	await 2 '"event":"left"'
	# The kernel is told before our FIN comes.
	scene
	join_both y 64 2 kernel
	scene
	guest 1 stop y
	guest 1 start y 5:1
	guest 1 sh 'until grep -q ff /sys/kernel/dlm/y/recover_status; do usleep 20000; done'
	wait_for shows 2 '"state":"ESTABLISHED"'
	tell 2 leave y
	await 2 '"event":"left"'
	has_our_end
	leave_kernel_alone y
}

removal_after_the_fin()
{
	kernel_knows 2
	join_both x 65 2 kernel
	scene
	guest 1 release x 1
	wait_for shows 2 '"state":"CLOSE_WAIT".*"release_missing":true'
	tell 2 stop x
	tell 2 join x 65 2
	await 2 '"state":"down","reason":"closed"'
	released_first x
	tell 2 leave x
	await 2 '"event":"left"'
	# The kernel is told when our FIN has come.
	scene
	join_both y 66 2 kernel
	scene
	tell 2 leave y
	wait_for shows 2 '"state":"FIN_WAIT2"'
	guest 1 stop y
	guest 1 start y 5:1
	await 2 '"event":"left"'
	has_our_end
	leave_kernel_alone y
}

# ---- without acknowledgements, without room ----

# member_locks NODE LS PREFIX COUNT: so many locks, without waiting for any.
member_locks()
{
	local i
	tell "$1" status || return
	for ((i = 0; i < $4; i++)); do
		echo "lock $2 $3$i NL"
	done >&"${input[$1]}"
}

# asts NODE [FILTER...]: lines of locks that were granted since the last scene.
asts()
{
	recent "$1" | grep '"event":"ast".*"name":"OK"' | grep -o '"id":[0-9]*' | "${@:2}" | wc -l
}

all_granted() { [ "$(asts "$1" cat)" -ge "$2" ]; }

# Each of them, and none twice.
each_granted()
{
	wait_for all_granted "$1" "$2" || return
	equals 'locks that were granted' "$(asts "$1" sort -u)" "$2"
	equals 'answers' "$(asts "$1" cat)" "$2"
	! since "$1" "${seen[$1]}" '"event":"error"' ||
		bad "the member complains: $(last "$1" '"event":"error"')"
}

# figure NODE KEY: of the first peer, in the newest status.
figure()
{
	last "$1" '"event":"status"' | grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d : -f 2
}

at_least() { shows "$1" "\"$2\":" && [ "$(figure "$1" "$2")" -ge "$3" ]; }

the_kernel_acknowledges_nothing()
{
	member_starts 2 --stall 4000
	kernel_knows 2
	join_both x 113 2 kernel
	scene
	mute_data "$LAB_NET.1"
	member_locks 2 x unheard 800
	wait_for at_least 2 unacked 300
	# One of them goes again, and not all: each is a line in the kernel's log.
	wait_for at_least 2 resent 1
	[ "$(figure 2 resent)" -lt 10 ] || bad "$(figure 2 resent) packets went again"
	hear
	each_granted 2 800
	shows 2 '"reconnects":0,' || bad 'the link was reset'
	leave_kernel_last x 2
}

the_queue_is_full()
{
	member_starts 2 --queue 256k
	kernel_knows 2
	join_both x 114 2 kernel
	scene
	mute_data "$LAB_NET.1"
	member_locks 2 x crowd 6000
	wait_for at_least 2 backlog_bytes 1
	hear
	each_granted 2 6000
	shows 2 '"backlog_bytes":0[,}]' || bad 'packets are left behind the queue'
	leave_kernel_last x 2
}

# ---- what is no packet ----

# bytes VERSION NODEID LENGTH COMMAND: a header, for printf.
bytes()
{
	perl -e 'print join "", map { sprintf "\\x%02x", $_ } unpack "C*",
		pack "VVVvCC", hex $ARGV[0], 0x123, $ARGV[1], $ARGV[2], $ARGV[3], 0' "$@"
}

# log_says NODE LINE TEXT: whether the library's log does, behind that line.
log_says() { tail -n "+$(($2 + 1))" "$T/log$1" | grep -q -- "$3"; }

# says_bytes LINE TEXT LENGTH HEADER: so many bytes on a connection of their own. The kernel may
# dial at the same time, which ends that connection before it is read: then once more.
says_bytes()
{
	log_says 2 "$1" "$2" && return
	malformed=$((malformed + 1 + $3 / 1400))
	guest 1 sh "(printf '$4'; head -c $(($3 > 16 ? $3 - 16 : 0)) /dev/zero) |" \
		"nc $LAB_NET.2 21064; true"
	log_says 2 "$1" "$2"
}

# says_wrong TEXT VERSION NODEID LENGTH COMMAND: the kernel's machine does. The link is reset, the
# log says whose and why, and the lockspace goes on.
says_wrong()
{
	local line
	line=$(wc -l <"$T/log2")
	scene
	wait_for says_bytes "$line" "peer=5 addr=$LAB_NET.1:[0-9]* .*dropping the link: $1" "$4" \
		"$(bytes "${@:2}")"
	kernel_lock kk x still EX
	member_lock 2 x still EX
	await 1 'bast kk'
	guest 1 unlock kk
	granted 2 "$id"
	member_unlock 2 "$id"
}

wrong_headers_are_refused()
{
	kernel_knows 2
	join_both x 123 2 kernel
	says_wrong 'unknown DLM protocol version' 40002 5 16 1
	says_wrong 'invalid frame length' 30002 5 8 1
	says_wrong "packet longer than the kernel's limit" 30002 5 5000 1
	says_wrong 'malformed packet' 30002 5 16 9
	says_wrong 'packet from another nodeid' 30002 7 16 1
	at_least 2 faults 5 || bad "only $(figure 2 faults) faults were counted"
	leave_kernel_last x 2
}
