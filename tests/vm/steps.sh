# SPDX-License-Identifier: LGPL-2.1-or-later
# The steps that scenarios of a kernel and members of ours are made of. The kernel is guest 1 with
# nodeid 5, so that member 2 is below and member 7 above it. Sourced behind tests/vm/lab.sh; knows
# no single scenario.

id=			# of the lock that member_lock() asked for last
broken=0		# connections that a scenario has broken
LAB_NOBODY=02:00:00:00:00:fa	# nobody's card
LAB_FIRST_MS=7000	# of a kernel that leaves first, over SCTP
malformed=0		# packets at most that it has made to be so
dropped=		# a number that the kernel itself has lost, as the scenario believes

# The first reason counts; once there is one, a scenario waits for nothing long.
bad()
{
	[ -n "$why" ] || why=$*
	LIMIT=2
}

# scenario NAME: one row, with its time; nothing of it is left.
scenario()
{
	local began=$EPOCHREALTIME name=$1 limit=$LIMIT took
	why='' broken=0 malformed=0 dropped=''
	scene
	capture "$T/$name.pcapng"
	"$name"
	LIMIT=$limit
	guest 1 reset
	members_end
	capture_ends
	consoles_are_clean
	wait_for no_socket_is_left || why=${why:-sockets are left: $(ss -Htan | head -n 3)}
	decodes "$T/$name.pcapng"
	[ -z "$dropped" ] || was_never_sent "$T/$name.pcapng" "$dropped"
	[ -z "$why" ] || keep "$KERNEL-$LAB_TRANSPORT-$name"
	took=$(echo "$EPOCHREALTIME $began" | tr , . | awk '{ printf "%.1f", $1 - $2 }')
	if [ -z "$why" ]; then
		echo "ok - $name ($took s)"
	else
		echo "not ok - $name ($took s): $(echo "$why" | tr '\n' ' ')"
		n_failed=$((n_failed + 1))
	fi
	rm -f "$T/$name.pcapng"
	LIMIT=$limit
}

members_end()
{
	local node
	for node in "${!process[@]}"; do
		[ "${kind[$node]}" = member ] || continue
		quit "$node"
		unset "process[$node]" "output[$node]"
	done
}

# Every packet of both sides is understood. Where TCP had to send something again, as it does under
# forged resets, tshark may have only a part of the stream.
decodes()
{
	local again='tcp.analysis.retransmission || tcp.analysis.out_of_order ||
		tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment'
	tshark -r "$1" -X lua_script:tools/wireshark/sinew.lua \
		-d "$LAB_TRANSPORT.port==21064,sinew" \
		-Y "_ws.malformed || $again" -T fields -E separator=, -e tcp.stream \
		-e frame.number -e _ws.malformed >"$T/frames" 2>"$T/tshark" ||
		bad "tshark: $(head -n 2 "$T/tshark")"
	awk -F, '$3 == "" { cut[$1] = 1 } $3 != "" { frame[$2] = $1 }
		END { for (f in frame) if (!cut[frame[f]]) print f }' "$T/frames" >"$T/malformed"
	[ "$(wc -l <"$T/malformed")" -le "$malformed" ] ||
		bad "malformed frames in $1: $(head -n 3 "$T/malformed" | xargs)"
}

# numbers_of_the_kernel CAPTURE FILTER: those that were on the wire.
numbers_of_the_kernel()
{
	tshark -r "$1" -X lua_script:tools/wireshark/sinew.lua \
		-d "$LAB_TRANSPORT.port==21064,sinew" -Y "ip.src == $LAB_NET.1 && $2" \
		-T fields -e sinew.seq 2>"$T/tshark"
}

# was_never_sent CAPTURE NUMBER: else the kernel did not lose it. The one before it is there, so
# that the capture has what it should.
was_never_sent()
{
	[ -z "$(numbers_of_the_kernel "$1" "sinew.seq == $2")" ] ||
		bad "packet $2 of the kernel is missing, and was on the wire"
	[ -n "$(numbers_of_the_kernel "$1" "sinew.seq == $(($2 - 1))")" ] ||
		bad "packet $(($2 - 1)) of the kernel was not on the wire, and came"
}

# ---- membership ----

# kernel_knows NODE...: the kernel is node 5, and these are its peers; they run from now on.
kernel_knows()
{
	local node
	guest 1 cluster lab $LAB_TRANSPORT recover_timer=1 toss_secs=1 scan_secs=1
	guest 1 comm 5 1 "$LAB_NET.1"
	for node; do
		guest 1 comm "$node" 0 "$LAB_NET.$node"
		[ -n "${process[$node]:-}" ] || member_starts "$node"
	done
}

# member_starts NODE [ARGUMENT...]
member_starts()
{
	member "$1" --recover 1000 --toss 1000 "${@:2}"
	tell "$1" peer 5 "$LAB_NET.1"
}

# join_both LS ID NODE kernel|member: who begins.
join_both()
{
	if [ "$4" = member ]; then
		tell "$3" join "$1" "$2" "$3,5"
		guest 1 members "$1" "0x$2" "5:1,$3:1"
		guest 1 create "$1"
	else
		guest 1 members "$1" "0x$2" "5:1,$3:1"
		guest 1 create "$1"
		await 1 "uevent online $1"
		tell "$3" join "$1" "$2" "$3,5"
	fi
	await 1 "created $1 rc=0"
	await "$3" "\"event\":\"joined\".*\"ls\":\"$1\""
}

# join_three LS ID: nodes 2, 3 and the kernel.
join_three()
{
	guest 1 members "$1" "0x$2" 5:1,2:1,3:1
	guest 1 create "$1"
	tell 2 join "$1" "$2" 2,3,5
	tell 3 join "$1" "$2" 2,3,5
	await 1 "created $1 rc=0"
	await 2 "\"event\":\"joined\".*\"ls\":\"$1\""
	await 3 "\"event\":\"joined\".*\"ls\":\"$1\""
}

# release_ms LS: how long the kernel's release took, by its own clock.
release_ms() { last 1 "released $1 rc=0" | sed 's/.*ms=\([0-9]*\).*/\1/'; }

# In less than a second: it waits for our FIN, and for the end of our links. Where a lockspace that
# nobody shares takes long as well, the machine is busy, and the limit is higher; that of a kernel
# that waits for its time-out, of 5 seconds or more, is never reached.
released_soon()
{
	local ms limit=1000
	await 1 "released $1 rc=0" || return
	ms=$(release_ms "$1")
	if [ "$ms" -ge $limit ]; then
		guest 1 members alone 0xa1 5:1
		guest 1 create alone
		await 1 'created alone rc=0'
		guest 1 release alone 1
		await 1 'released alone rc=0'
		limit=$((limit + 10 * $(release_ms alone)))
		[ $limit -lt 4000 ] || limit=4000
	fi
	[ "$ms" -lt $limit ] || bad "the kernel's release took $ms ms, more than $limit"
}

# The same of a kernel that leaves before us. Over SCTP Linux 6.12 may wait for its 5 seconds:
# sinew-dlm(7), KERNEL BUGS.
released_first()
{
	if [ "$LAB_TRANSPORT" = tcp ]; then
		released_soon "$1"
		return
	fi
	await 1 "released $1 rc=0" || return
	[ "$(release_ms "$1")" -lt $LAB_FIRST_MS ] ||
		bad "the kernel's release took $(release_ms "$1") ms, more than $LAB_FIRST_MS"
}

# leave_kernel_first LS NODE: the kernel, then the member.
leave_kernel_first()
{
	guest 1 release "$1" 1
	await 1 "EVT left $1"
	tell "$2" stop "$1"
	tell "$2" join "$1" "$(space_id "$2" "$1")" "$2"
	released_first "$1"
	tell "$2" leave "$1"
	await "$2" "\"event\":\"left\".*\"ls\":\"$1\""
}

# member_leaves LS NODE: and the kernel stays, alone.
member_leaves()
{
	tell "$2" leave "$1"
	guest 1 stop "$1"
	guest 1 start "$1" 5:1
	await "$2" "\"event\":\"left\".*\"ls\":\"$1\""
}

# Over SCTP our end comes behind the kernel's acknowledgement of all that we wrote, which it may
# hold back for 200 ms; Linux 6.12 waits for its 5 seconds when its own end comes before that.
has_our_end()
{
	[ "$LAB_TRANSPORT" = tcp ] ||
		guest 1 sh 'until ! grep -v ADDRS /proc/net/sctp/assocs; do usleep 20000; done'
}

leave_kernel_alone()
{
	guest 1 release "$1" 1
	released_soon "$1"
}

leave_kernel_last()
{
	member_leaves "$1" "$2"
	has_our_end
	leave_kernel_alone "$1"
}

# space_id NODE LS: as the member said it last.
space_id()
{
	sed -n "s/.*\"ls\":\"$2\",\"id_of_ls\":\"\([0-9a-f]*\)\".*/\1/p" "${output[$1]}" |
		tail -n 1
}

now_ms() { echo "$EPOCHREALTIME" | tr -d .,  | sed 's/...$//'; }

# phases NODE COUNT: whether so many steps of recovery have begun, or it is over.
phases()
{
	since "$1" "${seen[$1]}" '"event":"joined"' ||
		[ "$(tail -n "+$((${seen[$1]} + 1))" "${output[$1]}" |
			grep -c '"event":"recovery"')" -ge "$2" ]
}

# ---- locks ----

# guest_lock GUEST TAG LS NAME MODE [FLAGS]: granted.
guest_lock()
{
	guest "$1" lock "${@:2}"
	await "$1" "ast $2 status=0"
}

# guest_unlock GUEST TAG
guest_unlock()
{
	guest "$1" unlock "$2"
	await "$1" "ast $2 status=65538"
}

kernel_lock() { guest_lock 1 "$@"; }
kernel_unlock() { guest_unlock 1 "$@"; }

# member_lock NODE LS NAME MODE [FLAGS]: its number is in id.
member_lock()
{
	local before
	before=$(lines "$1")
	tell "$1" lock "${@:2}" || return
	wait_for since "$1" "$before" '"event":"lock"' || return
	id=$(tail -n "+$((before + 1))" "${output[$1]}" | grep '"event":"lock"' | head -n 1 |
		sed 's/.*"id":\([0-9]*\).*/\1/')
}

granted() { await "$1" "\"event\":\"ast\".*\"id\":$2\b.*\"name\":\"OK\""; }

# member_unlock NODE ID
member_unlock()
{
	tell "$1" unlock "$2"
	await "$1" "\"event\":\"ast\".*\"id\":$2\b.*\"name\":\"EUNLOCK\""
}

# Whether the member has neither resources of its own nor entries of others any more.
forgotten() { shows "$1" '"mastered":0,"directory":0'; }

# has_unread NODE: whether packets wait for a member that does not read.
has_unread()
{
	if [ "$LAB_TRANSPORT" = tcp ]; then
		ss -Htn state established src "$LAB_NET.$1" | awk '$1 { n++ } END { exit !n }'
	else
		home_says unread "awk '/ $LAB_NET.$1 .*<->/ && \$9 > 0 { print \"unread\" }'" \
			/proc/net/sctp/assocs
	fi
}

# shows NODE PATTERN: whether the status of a member does.
shows()
{
	local before
	before=$(lines "$1")
	tell "$1" status || return
	wait_for since "$1" "$before" '"event":"status"' || return
	whole "$1" | tail -n 1 | grep -q -- "$2"
}

# ---- the wire ----

# mute NODE: nothing of that member arrives any more, until hear. New connections are made: who
# could make none would try again only after a second. Over SCTP nothing reaches the kernel.
mute()
{
	if [ "$LAB_TRANSPORT" = sctp ]; then
		guest $LAB_HOME sh "ip neigh replace $LAB_NET.1 lladdr $LAB_NOBODY dev eth0"
		return
	fi
	nft add table ip lab
	nft add chain ip lab out '{ type filter hook output priority 0; }'
	nft add rule ip lab out ip saddr "$LAB_NET.$1" tcp flags syn accept
	nft add rule ip lab out ip saddr "$LAB_NET.$1" drop
}

# mute_data ADDRESS: nothing of a kernel arrives but what its TCP says by itself, until hear. The
# longest of that has 60 bytes, and the shortest packet of DLM has 68.
mute_data()
{
	nft add table ip lab
	nft add chain ip lab in '{ type filter hook input priority 0; }'
	nft add rule ip lab in ip saddr "$1" ip length '>' 60 drop
}

hear()
{
	if [ "$LAB_TRANSPORT" = tcp ]; then
		nft delete table ip lab
	else
		guest $LAB_HOME sh "ip neigh del $LAB_NET.1 dev eth0"
	fi
}
