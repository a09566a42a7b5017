#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the check of what is seen on the wire. Wireshark's own decoder of DLM 3.2 decodes every frame
# of tests/gen_frames.c without an error; tools/wireshark/sinew.lua says the same as another decoder
# of real kernels' captures, knows a real run under resets, and has a note for whatever is damaged.
# Knows no layout itself but that of a few damaged frames.
# run.sh: with=tshark,editcap,perl,jq timeout=240
set -u
cd "$(dirname "$0")/.." || exit 2

. tests/lib.sh

TOP=$PWD
GOLDEN=$TOP/tests/golden
LUA=$TOP/tools/wireshark/sinew.lua

# ---- Wireshark's own decoder, without ours ----

# decode FILE ARGUMENTS...
decode() { timeout "$LIMIT" tshark -n -r "$1" -d tcp.port==21065,dlm3 "${@:2}" 2>errors; }

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

# ours FILE ARGUMENTS...: with out and err; an error of Lua fails the test.
ours()
{
	timeout "$LIMIT" tshark -X lua_script:"$LUA" -n -r "$1" "${@:2}" >out 2>err ||
		bad "tshark ends with $?: $(tail -n 1 err)"
	! grep -hi 'lua' out err >errors || bad "$(head -n 2 errors)"
}

# sums FILE [FILTER]: "count kind" of all directions, sorted.
sums()
{
	ours "$1" -2 -q -z "sinew${2:+,$2}"
	sed -n '/^all:/,$p' out | awk 'NR > 1 { print $1, $2 }' | sort
}

sum_line() { sed -n 's/^all: //p' out; }

# notes FILE FILTER: the numbers of the packets that the filter leaves, in one line.
packets() { ours "$1" -2 -Y "$2" -T fields -e frame.number; xargs <out; }

every_version_of_lua_compiles_it()
{
	luac5.2 -p "$LUA" 2>err || bad "$(cat err)"
	luac5.4 -p "$LUA" 2>err || bad "$(cat err)"
}

# The other decoder's text ends with its counts.
theirs() { sed -n 's/^#  *\([0-9]*\)  \([^ ]*\)$/\1 \2/p' "$GOLDEN/$1.txt" | sort; }

# kernel NAME FRAMES: each kind as often as the other decoder says, none with a mark; MSG goes on to
# Wireshark's own decoder, with the type that ours says.
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
		sinew.repeated || sinew.skipped || sinew.partial || sinew.out_of_order')" ""
	ours "$GOLDEN/$1.pcap" -2 -Y dlm3 -T fields -e dlm3.m.type
	equals "MSG of the other dissector" "$(tr , '\n' <out | grep -c .)" \
		"$(grep -c ' MSG ' "$GOLDEN/$1.txt")"
	equals "MSG without acknowledgement" "$(packets "$GOLDEN/$1.pcap" \
		'sinew.kind == MSG && !sinew.acknowledged_in')" "$3"
}

# Of 6.12, which acknowledges rarely, two in the other direction than the FINs remain unseen.
kernels_over_tcp()
{
	kernel kernel-6.1-tcp 170 ""
	kernel kernel-6.12-tcp 127 ""
}

kernels_over_sctp() { kernel kernel-6.1-sctp 186 ""; }

our_frames()
{
	gen_frames
	sums frames.pcap >sums
	equals "sums" "$(sum_line)" "$((2 * n)) frames, 8 repeated, 0 missing, 0 malformed"
	equals "DATA" "$(grep DATA sums)" "10 DATA"
	sums frames.pcap "frame.number <= $last" >whole
	sums frames.pcap "frame.number > $last" >cut
	same whole cut
	equals "repeated" "$(packets frames.pcap 'sinew.repeated' | wc -w)" 6
	equals "HELLO" "$(packets frames.pcap 'sinew.mine == 0x1112131415161718 &&
		sinew.hello.group == "sinew" && sinew.hello.queue_bytes == 33554432 &&
		sinew.hello.chosen == 1 && sinew.cluster == "prod" && frame.number < 31')" 4
	equals "REFUSE" "$(packets frames.pcap 'sinew.type == "CLAIMED" &&
		sinew.refuse.reason == 10 && sinew.refuse.wait_ms == 5 && frame.number < 31')" 15
	equals "STATUS" "$(packets frames.pcap 'sinew.status.rx_paused == 1 &&
		sinew.status.short == 1 && frame.number < 31')" 18
	equals "PROBE" "$(packets frames.pcap 'sinew.probe.cookie == 99 && frame.number < 31')" "19 20"
	equals "FRAGMENT" "$(packets frames.pcap 'sinew.fragment.total == 50000 &&
		sinew.fragment.offset == 32716 && frame.number < 31')" 29
	equals "refused" "$(packets frames.pcap 'sinew.refused && frame.number < 31' | wc -w)" 10
}

# ---- damaged, and made by hand ----

# capture FILE PROTOCOL PORT HEX...: a packet of one direction for each text.
capture()
{
	perl -e '
		my ($file, $protocol, $port, @texts) = @ARGV;
		open(my $out, ">:raw", $file) or die $!;
		print $out pack("VvvVVVV", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101);
		my ($seq, $tsn) = (1, 0);
		for (@texts) {
			my $data = pack("H*", $_);
			my $p = $protocol eq "tcp" ?
				pack("nnNNCCnnn", 40000, $port, $seq, 1, 0x50, 0x18, 60000, 0, 0) . $data :
				pack("nnNN", 40000, $port, 7, 0) .
				pack("CCnNnnN", 0, 3, 16 + length $data, ++$tsn, 0, $tsn - 1, 0) .
				$data . "\0" x (-length($data) % 4);
			$seq += length $data;
			$p = pack("CCnNCCnNN", 0x45, 0, 20 + length $p, 0, 64,
				$protocol eq "tcp" ? 6 : 132, 0, 0x7f000001, 0x7f000002) . $p;
			print $out pack("VVVV", 1, 0, length $p, length $p) . $p;
		}' "$@"
}

# data SEQ HEX: a frame of node 2.
le() { perl -e 'print unpack("H*", pack($ARGV[0], $ARGV[1]))' "$1" "$2"; }
inner() { echo "02000300534e573102000000$(le v $((16 + ${#2} / 2)))${1}00$2"; }
opts()
{
	local in
	in=$(inner "$2" "$3")
	echo "02000300$(le V "$1")02000000$(le v $((24 + ${#in} / 2)))0300${2}00000000000000$in"
}
data() { opts "$1" 40 "$2"; }
ack() { echo "02000300$(le V "$1")02000000100004""00"; }

# is FILE COUNTS NOTES...: each kind, and the packets that have a note.
is()
{
	local file=$1 note
	sums "$file" >sums
	equals "kinds of $file" "$(sed 's/ /:/' sums | xargs)" "$2"
	for note in "${@:3}"; do
		equals "packets of $file with ${note%%=*}" "$(packets "$file" "sinew.${note%%=*}")" \
			"${note#*=}"
	done
}

# Cut in a header and in a body, behind bytes that are no frame; a number that is missing, one twice.
garbage_in_front()
{
	local a d
	a=$(ack 5) d=$(data 1 0304)
	capture g.pcap tcp 21065 "aabbcc0200$(data 0 0102)${a:0:8}" "${a:8}${d:0:20}" "${d:20:40}" \
		"${d:60}$(data 3 05)$(data 3 05)" "ff$(data 4 06)02"
	is g.pcap "1:ACK 5:DATA" skipped="1 5" gap=4 repeated=4 out_of_order=4 malformed= \
		first_in= ack_unseen=
	equals "message 3" "$(packets g.pcap 'sinew.message == 3 && sinew.missing == 1')" 4
}

# A frame of the longest kind, in many segments, and in one message of another one.
long_frames()
{
	local body d i segments=()
	body=$(perl -e 'print "5a" x 65495')
	d=$(data 0 "$body")$(data 1 00)
	for ((i = 0; i < ${#d}; i += 2000)); do segments+=("${d:i:2000}"); done
	capture long.pcap tcp 21065 "${segments[@]}"
	is long.pcap 2:DATA skipped= malformed= partial=
	equals "the long one" "$(packets long.pcap 'sinew.length == 65535')" ${#segments[@]}
	# Its end is not in the capture: nothing is seen, and it is counted.
	capture cut.pcap tcp 21065 "$(data 0 01)" "${segments[@]:0:9}"
	is cut.pcap 1:DATA
	says out "frame without its end, in packet 2"
}

invalid_frames()
{
	local d
	d=$(data 0 0102)
	capture bad.pcap tcp 21065 "$d$(opts 0 41 0000)$(data 1 03)" "$(data 2 04 | sed 's/02000300/03000300/g')" \
		"$(data 2 04 | sed 's/534e57/ffffff/')$(data 2 04)" "$(opts 0 48 0506)" \
		"$(opts 0 43 "$(printf '%064d' 0)")"
	is bad.pcap "3:DATA 1:DATA" 2>/dev/null
}
