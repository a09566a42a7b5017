#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew dump` as its users see it: real kernels' captures against what
# another decoder said of them, our own frames, a real run on loopback, all kinds of input
# and of its end. Knows nothing of packets.
# run.sh: with=jq timeout=120
set -u
cd "$(dirname "$0")/.." || exit 2

. tests/lib.sh

TOP=$PWD
BUILD_DIR=${BUILD:-build}
case $BUILD_DIR in /*) ;; *) BUILD_DIR=$TOP/$BUILD_DIR ;; esac
GOLDEN=$TOP/tests/golden

dump() { timeout "$LIMIT" "$SINEW" dump "$@"; }

# dumps STATUS ARGUMENT...: with out and err.
dumps()
{
	local status=$1
	shift
	dump "$@" >out 2>err
	equals "status of dump $*" $? "$status"
}

# ---- what another decoder says ----

# canon: lines of the other decoder's text, or ours, as the words that both have: from, to,
# node, kind, type, then each field that is neither 0 nor empty, in one order.
canon()
{
	awk '
	function put(key, v) {
		v = f[key]
		sub(/^0+/, "", v)
		if (v != "" && v != "none") out = out " " key "=" v
	}
	/ -- / || /^#/ { next }
	{
		split("", f)
		kind = type = "-"
		for (i = 1; i <= NF; i++) {
			if ($i ~ /^(MSG|RCOM|ACK|FIN)$/) kind = $i
			else if (kind != "-" && type == "-" && $i ~ /^[A-Z_]+$/) type = $i
			n = index($i, "=")
			if (n) f[substr($i, 1, n - 1)] = substr($i, n + 1)
		}
		out = $3 " " $5 " node=" f["node"] " " kind " " type
		n = split("seq next ls m_nodeid pid lkid remid lvbseq hash status grmode rqmode " \
			  "bastmode id our_slot gen lvblen name lvb names", keys, " ")
		for (i = 1; i <= n; i++) put(keys[i])
		print out
	}'
}

# The other decoder has a seq of RCOM, too, other names of a few fields, and shows all bytes of
# a lock value block.
theirs()
{
	sed -e 's/ id=\([0-9a-f]*\) seq=[0-9]*/ id=\1/' -e 's/ next=[A-Z]*//; s/ackseq=/next=/' \
		-e 's/ OPTS ver=[0-9]*//; s/[{}]//g' -e 's/ rl *pid/ pid/; s/ rq=/ rqmode=/' \
		-e 's/ gr=/ grmode=/; s/ sts=/ status=/' -e 's/ lvb=.*/ lvb=32/' \
		-e '/ \(REQUEST\|LOOKUP\|REMOVE\) /s/extra\[[0-9]*\]=/name=/' \
		-e 's/extra\[\([0-9]*\)\]=.*/lvb=\1/' -e 's/names=\[\(.*\)\].*/names=\1/' "$1" |
		tr -d "'" | canon
}

ours()
{
	sed -e 's/ rseq=[^ ]*//; s/ rseq_reply=[^ ]*//; s/ -> / > /; s/"//g' \
		-e 's/names=\[\(.*\)\].*/names=\1/' "$1" | canon
}

kernel()
{
	dumps 0 "$GOLDEN/$1.pcap"
	theirs "$GOLDEN/$1.txt" >theirs
	ours out >ours
	equals "number of lines of $1" "$(wc -l <ours)" "$2"
	same theirs ours
	dumps 0 --only MARKED "$GOLDEN/$1.pcap"
	equals "marked lines of $1" "$(wc -l <out)" 0
}

kernels_over_tcp() { kernel kernel-6.1-tcp 170; kernel kernel-6.12-tcp 127; }
kernels_over_sctp() { kernel kernel-6.1-sctp 186; }

# The same captures with losses: it says so, and nothing ends it.
a_capture_with_losses()
{
	tshark_is_there || return
	editcap "$GOLDEN/kernel-6.1-tcp.pcap" lossy.pcap 20-40 100-110 2>/dev/null
	dumps 0 lossy.pcap
	says out "-- hole "
	says out "[gap "
}

tshark_is_there() { command -v tshark >/dev/null && command -v editcap >/dev/null; }

# outer: "command length" of each frame of --json, as tshark has it.
outer()
{
	jq -r 'select(.record == "frame") |
		(if .kind == "ACK" then 4 elif .sequenced or .kind != "RCOM" then 3 else 2 end |
		 tostring) + " " + (.length | tostring)' "$1"
}

# tshark_frames FILE PORT
tshark_frames()
{
	tshark -n -r "$1" -d "tcp.port==$2,dlm3" -Y dlm3 -T fields -e dlm3.h.cmd -e dlm3.h.length \
		2>/dev/null |
		awk '{ n = split($1, cmd, ","); split($2, len, ",")
		       for (i = 1; i <= n; i++) print cmd[i], len[i] }'
}

tshark_sees_the_same_frames()
{
	"$BUILD_DIR/tests/gen_frames" frames.pcap >/dev/null
	tshark_frames frames.pcap 21065 >theirs
	dumps 0 --json frames.pcap
	outer out >ours
	has_bytes ours 100 || bad "no frame was found"
	same theirs ours
}

# ---- our own frames ----

# All frames come twice, the second time cut into segments anywhere.
what_is_sent_twice_is_said_twice()
{
	local n
	n=$("$BUILD_DIR/tests/gen_frames" frames.pcap)
	dumps 0 frames.pcap
	grep -v ' -- ' out | sed 's/^[^ ]* //' >frames
	equals "number of frames" "$(wc -l <frames)" $((2 * n))
	head -n "$n" frames >first
	tail -n "$n" frames | sed 's/ \[again\]$//' >second
	same first second
	equals "frames again" "$(grep -c '\[again\]$' frames)" 8
	dumps 0 --summary --json frames.pcap
	jq -s '.[1]' out >row
	json_is row .again 8
	json_is row .frames $((2 * n))
	json_is row .kinds.DATA 10
	json_is row .gaps 0
}

filters_leave_what_is_asked_for()
{
	"$BUILD_DIR/tests/gen_frames" frames.pcap >/dev/null
	dumps 0 --only FIN,STATUS frames.pcap
	equals "kinds left" "$(sed 's/.*node=2 \([A-Z]*\).*/\1/' out | sort | uniq -c | xargs)" \
		"2 FIN 4 STATUS"
	dumps 0 --only MARKED frames.pcap
	equals "marked frames" "$(wc -l <out)" 8
	dumps 0 --node 3 frames.pcap
	equals "frames of node 3" "$(wc -l <out)" 0
	# Node 2 sends on a connection of its own: whose this one is shows from there.
	dumps 0 --node 2 --only FIN "$GOLDEN/kernel-6.1-tcp.pcap"
	equals "FINs of and to node 2" "$(grep -o "node=[12]" out | sort | xargs)" \
		"node=1 node=2"
	dumps 0 --only GRANT "$GOLDEN/kernel-6.1-tcp.pcap"
	equals "grants" "$(wc -l <out)" "$(grep -c ' GRANT ' "$GOLDEN/kernel-6.1-tcp.txt")"
	dumps 0 --port 1 frames.pcap
	equals "frames of port 1" "$(wc -l <out)" 0
	says err "none of "
	dumps 0 --port 21065 --utc --bytes 4 --only DATA frames.pcap
	says out "2023-11-14T22:13:20.000230 c1 "
	says out "    0000  5a 5a 5a 5a"
	says out "    ... 60 bytes more"
}

# ---- input ----

files_of_several_kinds()
{
	local f=$GOLDEN/kernel-6.1-tcp.pcap
	dump "$f" >want
	dump - <"$f" >got
	same want got
	cat "$f" | dump >got
	same want got
	tshark_is_there || return
	editcap -F pcapng "$f" f.pcapng 2>/dev/null && dump f.pcapng >got
	same want got
	editcap -F nsecpcap "$f" f.nsec 2>/dev/null && dump f.nsec >got
	same want got
}

what_is_no_capture_is_refused()
{
	refuses 2 "none: cannot open: No such file" dump none
	refuses 2 "standard input: truncated dump file" dump
	echo "this is no capture at all, whatever it says" >text
	refuses 2 "text: unknown file format" dump text
	refuses 2 ".: " dump .
	{ head -c 20 "$GOLDEN/kernel-6.1-tcp.pcap"; printf '\x69\0\0\0'; } >wifi
	refuses 2 "wifi: link type 105 (IEEE802_11) is not known here" dump wifi
	refuses 2 'found "b", expected one file only' dump a b
	refuses 2 '--port: found "0"' dump --port 0
	refuses 2 '--only: found "DATA,FOO"' dump --only DATA,FOO
	refuses 2 '--node: found "x"' dump --node x
	refuses 2 '--bytes: found "0"' dump --bytes 0
	refuses 2 'unknown option --hexx' dump --hexx
	echo "02 zz" >text
	refuses 2 'text:1: found "zz", expected pairs' dump --hex text
	dumps 0 --help
	says out "usage: sinew dump"
}

a_cut_end_is_said()
{
	dump "$GOLDEN/kernel-6.1-tcp.pcap" >whole
	head -c 20000 "$GOLDEN/kernel-6.1-tcp.pcap" >cut
	dumps 1 cut
	says err "cut: truncated: truncated dump file"
	head -n "$(wc -l <out)" whole | grep -v ' -- ' | head -n -1 >want
	grep -v ' -- ' out | head -n -1 >got
	same want got
	has_bytes got 1000 || bad "nothing before the end was printed"
}

output_that_cannot_be_written()
{
	dump "$GOLDEN/kernel-6.1-tcp.pcap" >/dev/full 2>err
	equals "status with a full disk" $? 1
	says err "cannot write to standard output: No space left"
	dump "$GOLDEN/kernel-6.1-tcp.pcap" >&- 2>err
	equals "status without an output" $? 1
	says err "standard output"
}

hexadecimal_text()
{
	local hello='0200030000000000020000002800030005000000000000000200030000000000020000001000'
	echo "# a FIN of node 2
		${hello}0500" >text
	dumps 0 --hex text
	equals "a FIN" "$(cat out)" "@0         c1 - -> - node=2 FIN seq=0"
	jq -r 'select(.kind == "OPTS/MSG/BAST").hex' "$GOLDEN/golden-6.1.jsonl" >text
	dumps 0 --hex --json text
	jq -c 'select(.record == "frame")' out >frame
	json_is frame .type BAST
	json_is frame .fields.bastmode CR
	json_is frame '.fields.asts | join("|")' "BLOCKING|COMPLETION"
	printf '\2\0\3\0\5\0\0\0\2\0\0\0\x10\0\4\0' | od -A x -t x1 >text
	dumps 0 --hex text
	equals "an ACK from od" "$(cat out)" "@0         c1 - -> - node=2 ACK next=5"
}

# Every kind of a kernel's message, by the type that its file says.
each_kind_of_message()
{
	local f=$GOLDEN/golden-6.12.jsonl kind length hex n=0
	while read -r kind length hex; do
		# The file leaves zeros at the end out.
		while [ ${#hex} -lt $((2 * length)) ]; do hex+=00; done
		echo "$hex" | dump --hex --json >out
		kind=${kind#OPTS/} kind=${kind%%[+-]*}
		jq -c 'select(.record == "frame")' out >frame
		json_is frame 'if .type == "" then .kind else .kind + "/" + .type end' "$kind"
		json_is frame '.marks | length' 0
		n=$((n + 1))
	done < <(jq -r '"\(.kind) \(.length) \(.hex)"' "$f" | grep -v NAMES_REPLY)
	[ "$n" -gt 20 ] || bad "only $n kinds were tried"
}

# ---- while it grows ----

# The first packets are printed while the others are not there yet.
packets_are_printed_as_they_come()
{
	mkfifo pipe
	"$SINEW" dump --line-buffered <pipe >live 2>err &
	local reader=$!
	pids+=($reader)
	exec 5>pipe
	head -c 4000 "$GOLDEN/kernel-6.1-tcp.pcap" >&5
	wait_for has_line live "RCOM STATUS"
	# The first signal waits for the end of who writes.
	kill -INT "$reader"
	tail -c +4001 "$GOLDEN/kernel-6.1-tcp.pcap" >&5
	exec 5>&-
	wait "$reader"
	equals "status of the live dump" $? 0
	dump "$GOLDEN/kernel-6.1-tcp.pcap" >whole
	same live whole
}

# ---- a real run ----

# The receiver resets its connections all the time, and so throws away what it has not read:
# what the wire shows is what the sender counted.
a_real_run_is_understood()
{
	local port again resent capture receiver n=30000
	port=$(free_port)
	config c "port: $port"
	# With room enough not to lose a packet; -q, as nobody reads its count.
	tshark -q -i lo -B 64 -f "tcp port $port" -w run.pcap >capture.err 2>&1 &
	capture=$!
	pids+=($capture)
	wait_for has_line capture.err "Capture started" || return
	"$SINEW" cat --config c --node 2 --break-every 3 >got 2>b.err </dev/null &
	receiver=$!
	pids+=($receiver)
	seq -f "line %.0f, with some text behind it, so that it takes a while" $n |
		timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 --stats s.json 2>a.err
	equals "status of the sender" $? 0
	wait "$receiver"
	equals "status of the receiver" $? 0
	# All is in the file when as much of it is understood as was sent; it grows in blocks.
	wait_for all_is_captured $n
	kill -INT "$capture"
	wait "$capture" 2>/dev/null
	dumps 0 --json --port "$port" run.pcap
	jq -c 'select(.record == "frame")' out >frames
	equals "gaps" "$(jq 'select(.marks.gap) | .marks.gap' frames | wc -l)" 0
	equals "malformed" "$(grep -c '"malformed"' out)" 0
	equals "holes" "$(grep -c '"note":"hole"' out)" 0
	again=$(jq 'select(.marks.again and .from_node == 1) | .fields.seq' frames | wc -l)
	resent=$(jq '.peers[] | select(.node == 2).resent' s.json)
	# What a reset threw away in the sender was never on the wire.
	[ "$again" -gt 0 ] && [ "$again" -le "$resent" ] ||
		bad "$again frames are marked, the sender sent $resent again"
}

# all_is_captured N: each number from 0 to N - 1 was seen.
all_is_captured()
{
	dump --json --only DATA --port "$port" run.pcap 2>/dev/null |
		jq 'select(.from_node == 1).fields.seq' | sort -un | wc -l | grep -qx "$1"
}

# ---- built without libpcap ----

without_libpcap_it_says_so()
{
	cat >main.c <<-'END'
	#include "tools/dump/capture.h"

	int main(void)
	{
		char err[CAPTURE_ERROR_MAX];
		int rc = capture_read(fopen("/dev/null", "r"), NULL, err);

		puts(err);
		return rc < 0 ? 0 : 1;
	}
	END
	${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$TOP" -o without main.c \
		"$TOP/tools/dump/capture.c" && ./without >out || bad "capture.c needs libpcap"
	says out "built without libpcap"
}

run kernels_over_tcp
run kernels_over_sctp
if tshark_is_there; then
	run a_capture_with_losses
	run tshark_sees_the_same_frames
else
	skip tshark_sees_the_same_frames "tshark is missing"
fi
run what_is_sent_twice_is_said_twice
run filters_leave_what_is_asked_for
run files_of_several_kinds
run what_is_no_capture_is_refused
run a_cut_end_is_said
run output_that_cannot_be_written
run hexadecimal_text
run each_kind_of_message
run packets_are_printed_as_they_come
if [ "$(id -u)" != 0 ]; then
	skip a_real_run_is_understood "needs root"
elif ! tshark_is_there; then
	skip a_real_run_is_understood "tshark is missing"
else
	run a_real_run_is_understood
fi
run without_libpcap_it_says_so
finish
