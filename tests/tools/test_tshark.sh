#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the check of what is seen on the wire. Wireshark's own decoder of DLM 3.2 decodes every frame
# of gen_frames.c without an error; tools/wireshark/sinew.lua says the same as another decoder of
# real kernels' captures, knows a real run under resets, and has a note for whatever is damaged.
# Knows no layout itself but that of a few damaged frames.
# run.sh: with=tshark,tcpdump,editcap,perl,jq timeout=300
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/tools/tshark_lib.sh

TOP=$PWD
GOLDEN=$TOP/tests/golden

# ---- Wireshark's own decoder, without ours ----

# fields FILE FILTER: one line a DLM packet, "command length".
fields()
{
	decode "$1" -Y "$2" -T fields -e dlm3.h.cmd -e dlm3.h.length |
		awk '{ n = split($1, cmd, ","); split($2, len, ",")
		       for (i = 1; i <= n; i++) print cmd[i], len[i] }'
}

# Sets n, the number of frames; three packets of the handshake come first, then a frame in each
# packet, then all of them again in segments that cut them anywhere.
gen_frames() { n=$("$BUILT/tests/gen_frames" frames.pcap) && last=$((n + 3)); }

stock_decoder_finds_no_error()
{
	gen_frames
	decode frames.pcap -Y '_ws.malformed || _ws.expert.severity >= 0x600000' >bad
	[ ! -s bad ] && [ "$n" -gt 0 ] || bad "$(head -n 3 bad)"
}

stock_decoder_sees_each_frame()
{
	gen_frames
	fields frames.pcap "dlm3 && frame.number <= $last" >whole
	fields frames.pcap "dlm3 && frame.number > $last" >cut
	equals "frames" "$(wc -l <whole)" "$n"
	same whole cut
	# The check can fail: the same with the length of the first frame damaged, which is in the
	# file behind its header, three packets of 16 + 40 bytes, and 56 more.
	cp frames.pcap damaged.pcap
	printf '\x11' | dd of=damaged.pcap bs=1 seek=$((24 + 3 * 56 + 56 + 12)) conv=notrunc \
		status=none
	fields damaged.pcap "dlm3 && frame.number <= $last" >damaged
	! cmp -s whole damaged || bad "a damaged frame makes no difference"
}

# ---- ours ----

# sums FILE [FILTER]: "count kind" of all directions, sorted.
sums()
{
	ours "$1" -2 -q -z "sinew${2:+,$2}"
	sed -n '/^all:/,$p' out | awk 'NR > 1 { print $1, $2 }' | sort
}

sum_line() { sed -n 's/^all: //p' out; }

every_version_of_lua_compiles_it()
{
	luac5.2 -p "$LUA" 2>err || bad "$(cat err)"
	luac5.4 -p "$LUA" 2>err || bad "$(cat err)"
}

# The other decoder's text ends with its counts.
theirs() { sed -n 's/^#  *\([0-9]*\)  \([^ ]*\)$/\1 \2/p' "$GOLDEN/$1.txt" | sort; }

# kernel NAME FRAMES: each kind as often as the other decoder says, none with a mark; MSG is passed
# to Wireshark's own decoder, with the type that ours says.
kernel()
{
	theirs "$1" >theirs
	sums "$GOLDEN/$1.pcap" >sums
	equals "sums" "$(sum_line)" "$2 frames, 0 repeated, 0 missing, 0 malformed"
	same theirs sums
	equals "frames" "$(awk '{ n += $1 } END { print n }' sums)" "$2"
	ours "$GOLDEN/$1.pcap" -2 -V
	! grep -q 'Malformed\|Unknown next' out || bad "$(grep -m 2 'Malformed\|Unknown next' out)"
	equals "packets with a note" "$(packets "$GOLDEN/$1.pcap" 'sinew.malformed || sinew.gap ||
		sinew.repeated || sinew.skipped || sinew.partial || sinew.out_of_order ||
		sinew.seq && !sinew.acknowledged_in')" ""
	ours "$GOLDEN/$1.pcap" -2 -Y dlm3 -T fields -e dlm3.m.type
	equals "MSG of the other dissector" "$(tr , '\n' <out | grep -c .)" \
		"$(grep -c ' MSG ' "$GOLDEN/$1.txt")"
}

kernels_over_tcp()
{
	kernel kernel-6.1-tcp 170
	kernel kernel-6.12-tcp 127
}

kernels_over_sctp() { kernel kernel-6.1-sctp 186; }

our_frames()
{
	gen_frames
	sums frames.pcap >sums
	equals "sums" "$(sum_line)" "$((2 * n)) frames, 8 repeated, 0 missing, 0 malformed"
	equals "DATA" "$(grep DATA sums)" "10 DATA"
	sums frames.pcap "frame.number <= $last" >whole
	sums frames.pcap "frame.number > $last" >cut
	same whole cut
	equals "repeated" "$(packets frames.pcap 'sinew.repeated' | wc -w)" 5
	equals "HELLO" "$(packets frames.pcap 'sinew.mine == 0x1112131415161718 &&
		sinew.hello.group == "sinew" && sinew.hello.queue_bytes == 33554432 &&
		sinew.hello.chosen == 1 && sinew.cluster == "prod" && frame.number < 31')" 4
	equals "REFUSE" "$(packets frames.pcap 'sinew.type == "CLAIMED" &&
		sinew.refuse.reason == 10 && sinew.refuse.wait_ms == 5 && frame.number < 31')" 15
	equals "STATUS" "$(packets frames.pcap 'sinew.status.rx_paused == 1 &&
		sinew.status.short == 1 && frame.number < 31')" 18
	equals "PROBE" "$(packets frames.pcap 'sinew.probe.cookie == 99 && frame.number < 31')" \
		"19 20"
	equals "FRAGMENT" "$(packets frames.pcap 'sinew.fragment.total == 50000 &&
		sinew.fragment.offset == 32716 && frame.number < 31')" 29
	equals "refused" "$(packets frames.pcap 'sinew.refused && frame.number < 31' | wc -w)" 10
}

# ---- damaged, and made by hand ----

# Cut in a header and in a body, behind bytes that are no frame; a number missing, and one twice.
garbage_in_front()
{
	local a d
	a=$(ack 5) d=$(data 1 0304)
	capture g.pcap tcp 21065 "aabbcc0200$(data 0 0102)${a:0:8}" "${a:8}${d:0:20}" "${d:20:40}" \
		"${d:60}$(data 3 05)" "$(data 3 05)" "ff$(data 4 06)02"
	shows g.pcap <<-'END'
		1 5 bytes skipped | DATA seq=0 2 bytes
		2 ACK next=5
		4 DATA seq=1 2 bytes | DATA seq=3 1 bytes [gap 1]
		5 DATA seq=3 1 bytes [repeated, out of order]
		6 1 bytes skipped | DATA seq=4 1 bytes
	END
	equals "notes" "$(packets g.pcap 'sinew.skipped || (sinew.gap && sinew.missing == 1) ||
		(sinew.repeated && sinew.out_of_order)')" "1 4 5 6"
}

# The longest frame, in many segments, and one whose end is not in the capture.
long_frames()
{
	local d i segments=()
	d=$(data 0 "$(perl -e 'print "5a" x 65495')")$(data 1 00)
	for ((i = 0; i < ${#d}; i += 2000)); do segments+=("${d:i:2000}"); done
	capture long.pcap tcp 21065 "${segments[@]}"
	shows long.pcap <<-END
		${#segments[@]} DATA seq=0 65495 bytes | DATA seq=1 1 bytes
	END
	capture cut.pcap tcp 21065 "$(data 0 01)" "${segments[@]:0:9}"
	equals "frames" "$(sums cut.pcap)" "1 DATA"
	says out "frame without its end, in packet 2"
}

invalid_frames()
{
	capture bad.pcap tcp 21065 "$(data 0 01)$(opts 0 41 0000)$(data 1 03)" \
		"$(data 2 04 | sed 's/02000300/05000300/g')$(data 2 04)" \
		"$(data 3 04 | sed 's/534e57/ffffff/')$(opts 9 4f 0506)$(data 3 04)" \
		"$(opts 0 43 "$(printf '%064d' 0)")" \
		"$(data 4 04 | sed 's/2900/2a00/')$(data 4 05)" "$(data 5 06 | sed 's/1100/0800/')"
	shows bad.pcap <<-'END'
		1 DATA seq=0 1 bytes | HELLO [malformed] | DATA seq=1 1 bytes
		2 malformed: version 3.5 | DATA seq=2 1 bytes
		3 DATA seq=3 [malformed] | unknown 2 bytes | DATA seq=3 1 bytes
		4 REFUSE unknown yours=0000000000000000 next=0
		5 malformed: the inner header contradicts the envelope | DATA seq=4 1 bytes
		6 malformed: the inner header contradicts the envelope
	END
	equals "invalid" "$(packets bad.pcap sinew.malformed)" "1 2 3 5 6"
	equals "unknown" "$(packets bad.pcap sinew.unknown)" "3 4"
}

# A session resumes on a new connection, and message 1 is repeated there.
a_session_over_two_connections()
{
	local hello
	hello() { opts 0 41 "$1$2$(le V "$3")0000000001010100ffff0000$(printf '%0160d' 0)"; }
	local a=1111111111111111 b=2222222222222222
	capture one.pcap tcp 21065 "$(hello $a $b 0)$(data 0 00)$(data 1 01)"
	capture two.pcap tcp 21066 "$(hello $a $b 0)$(data 1 01)"
	mergecap -a -w both.pcap one.pcap two.pcap 2>/dev/null
	hello="HELLO mine=$a yours=$b next=0 flags=CHOSEN"
	shows both.pcap <<-END
		1 $hello | DATA seq=0 1 bytes | DATA seq=1 1 bytes
		2 $hello [resume] | DATA seq=1 1 bytes [repeated]
	END
	ours both.pcap -2 -Y 'sinew.message == 1' -T fields -e frame.number -e sinew.first_in \
		-e sinew.repeated_in -e sinew.session
	equals "message 1" "$(cut -f 1-3 out | tr '\t' ' ' | xargs)" "1 2 2 1"
}

# One message holds several frames, or a piece of one.
frames_in_messages_of_sctp()
{
	local d
	d=$(data 1 0304)
	capture s.pcap sctp 21065 "$(data 0 0102)$(ack 5)" "${d:0:50}" "${d:50}$(data 2 05)" \
		"${d:0:70}" "$(data 3 06)"
	shows s.pcap <<-'END'
		1 DATA seq=0 2 bytes | ACK next=5
		2 partial
		3 DATA seq=1 2 bytes | DATA seq=2 1 bytes
		4 partial
		5 DATA seq=3 1 bytes
	END
}

# RFC 6951: in UDP between the same ports.
sctp_in_udp()
{
	capture u.pcap sctp-udp 21065 "$(data 0 0102)$(ack 5)" "$(data 1 03)"
	shows u.pcap <<-'END'
		1 DATA seq=0 2 bytes | ACK next=5
		2 DATA seq=1 1 bytes
	END
	capture u.pcap sctp-udp 23456 "$(data 0 0102)"
	shows u.pcap </dev/null
	ours u.pcap -o sinew.ports:23456
	says out "DATA seq=0 2 bytes"
}

# The kernel's ports and ours are known, others are by their first bytes or as the user says.
other_ports()
{
	capture p.pcap tcp 23456 "$(data 0 01)"
	shows p.pcap <<<"1 DATA seq=0 1 bytes"
	capture p.pcap tcp 23456 "ffff$(data 0 01)"
	shows p.pcap </dev/null
	ours p.pcap -d tcp.port==23456,sinew
	says out "2 bytes skipped | DATA"
	ours p.pcap -o sinew.ports:23456
	says out "2 bytes skipped | DATA"
	ours "$GOLDEN/kernel-6.1-tcp.pcap" -o sinew.ports:23456 -d tcp.port==21064,dlm3 -c 100
	says out "DLM3"
}

# A damaged capture has a note, never an error: single bits, its end and its beginning, packets that
# were captured in part.
damaged_captures()
{
	local seed file
	gen_frames
	for file in "$GOLDEN/kernel-6.1-sctp.pcap" frames.pcap; do
		for seed in 1 2; do
			editcap -E 0.02 -o 40 --seed $seed "$file" flips.pcap 2>/dev/null
			ours flips.pcap -2 -V
			grep -q 'no frame\|alformed' out || bad "seed $seed shows no note"
		done
	done
	ours frames.pcap -2 -q -z sinew -o sinew.frames:3
	says out "$((2 * n - 3)) more frames are not counted"
	editcap -r frames.pcap middle.pcap 33-400 2>/dev/null
	sums middle.pcap >sums
	equals "frames from the middle" "$(xargs <sums)" "1 DATA 1 OPTS/FIN 2 FRAGMENT"
	[ -n "$(packets middle.pcap sinew.skipped)" ] || bad "nothing is skipped in the beginning"
	editcap -s 100 frames.pcap short.pcap 2>/dev/null
	[ "$(packets short.pcap sinew.partial | wc -w)" -gt 5 ] || bad "no frame is partial"
	head -c 20000 "$GOLDEN/kernel-6.1-tcp.pcap" >end.pcap
	timeout "$LIMIT" tshark -X lua_script:"$LUA" -n -2 -V -r end.pcap >out 2>err
	! grep -qi lua out err || bad "$(grep -hi lua out err | head -n 2)"
}

# ---- a real run ----

# run_of N: N lines from node 1 to node 2, which resets its connections all the time, and so throws
# away what it has not read. Sets again, the frames that the capture has repeated, and resent, what
# the sender counted.
run_of()
{
	local capture receiver
	capture_begins run.pcap "${carrier:-tcp} port $port" || return
	"$SINEW" cat --config c --node 2 --break-every 3 >got 2>b.err </dev/null &
	receiver=$!
	pids+=($receiver)
	seq -f "line %.0f, with some text behind it, so that it takes a while" "$1" |
		timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 --stats s.json 2>a.err
	equals "status of the sender" $? 0
	wait "$receiver"
	equals "status of the receiver" $? 0
	wait_for all_is_captured || return
	capture_ends
	ours run.pcap -2 "${as[@]}" -q -z sinew
	says out " 0 missing, 0 malformed"
	equals "sums without gaps" "$(grep -c ' 0 missing, 0 malformed' out)" \
		"$(grep -c ' missing, ' out)"
	again=$(sed -n 's/^all: .* \([0-9]*\) repeated.*/\1/p' out)
	resent=$(jq '.peers[] | select(.node == 2).resent' s.json)
}

# Sets middle, the number of the first line that was repeated; nothing if none was. The FIN has a
# number, too, and may be the only frame that a reset hit.
repeated_line()
{
	ours run.pcap -2 -V -Y 'sinew.first_in && sinew.sender == 1' "${as[@]}"
	middle=$(awk '/^sinew /{ kind = $2 } /^    \[Message: /{ m = $2 }
		/First sent in frame/ && kind == "DATA" { print m + 0; exit }' out)
	[ -n "$middle" ]
}

# The wire shows what the sender counted. A run is longer each time, until a reset has hit lines
# that were not acknowledged.
a_real_run_under_resets()
{
	local port resent again middle n as
	port=$(free_port)
	as=(-d "tcp.port==$port,sinew")
	config c "port: $port"
	for n in 3000 12000 48000; do
		run_of $n || return
		repeated_line && break
	done
	# What a reset threw away in the sender was never on the wire.
	[ "$again" -gt 0 ] && [ "$again" -le "$resent" ] ||
		bad "$again frames are repeated, the sender sent $resent again"
	if [ -z "$middle" ]; then
		bad "no reset hit a line that was not acknowledged"
		return
	fi
	# Which frame had message N at first, which repeated it, and which acknowledged it.
	ours run.pcap -2 "${as[@]}" -Y "sinew.message == $middle && sinew.sender == 1" \
		-T fields -e tcp.stream -e sinew.kind
	[ "$(grep DATA out | cut -f 1 | sort -u | wc -l)" -gt 1 ] ||
		bad "message $middle was repeated on no other connection: $(head -c 300 out)"
	ours run.pcap -2 -V "${as[@]}" -Y "sinew.message == $middle && sinew.sender == 1"
	awk -v m="$middle" '/^    \[Message: /{ is = $2 + 0 == m }
		is && /Acknowledged in frame/ { print $4 + 0 }' out | sort -u >acks
	equals "frames that acknowledge message $middle" "$(wc -l <acks)" 1
}

# Over SCTP in user land, which is in UDP.
a_real_run_over_sctp_in_udp()
{
	local carrier=udp port resent again as
	port=$(free_port)
	as=(-o "sinew.ports:$port")
	config c "port: $port" 'transport: sctp' 'sctp_backend: user'
	run_of 3000 || return
	[ "$again" -le "$resent" ] ||
		bad "$again frames are repeated, the sender sent $resent again"
}

run stock_decoder_finds_no_error
run stock_decoder_sees_each_frame
run every_version_of_lua_compiles_it
run kernels_over_tcp
run kernels_over_sctp
run our_frames
run garbage_in_front
run long_frames
run invalid_frames
run a_session_over_two_connections
run frames_in_messages_of_sctp
run sctp_in_udp
run other_ports
run damaged_captures
if [ "$(id -u)" != 0 ]; then
	skip a_real_run_under_resets "needs root"
	skip a_real_run_over_sctp_in_udp "needs root"
else
	run a_real_run_under_resets
	run_over_usrsctp a_real_run_over_sctp_in_udp
fi
finish
