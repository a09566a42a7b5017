#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the check of what Wireshark shows of calls: each kind of frame, what links the frames of a
# call, a note for each broken rule, frames that are invalid, a real run. Knows nothing of other
# frames.
# run.sh: with=tshark,tcpdump,perl,jq timeout=200
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/tools/tshark_lib.sh

# call SEQ KIND FLAGS SLOT GEN HEX: a frame of the caller, node 2; answer: of the called side.
call()
{
	opts "$1" 48 "$(le C "$2")$3$(le v "$4")$(le V "$5")${6:-}"
}
answer() { echo "<$(node=1 call "$@")"; }

# begin SEQ FLAGS SLOT GEN TOTAL REST [HEX]: operation 2 within 30 s.
begin() { call "$1" 1 "$2" "$3" "$4" "$(le Q "$5")$(le V 2)$(le V 30000)$6${7:-}"; }
# The rest: by binding 1, after no call, depth 0; after the call 4/9, depth 7.
ALONE=000000000100ffff0000000000000000
NESTED=09000000010004000700000000000000

# grant VERSION SLOTS WINDOW PIECE: the TLV CALLS.
grant() { echo "06000c00$(le C "$1")00$(le v "$2")$(le V "$3")$(le V "$4")"; }

# hello_of MINE YOURS FEATURES TLVS
hello_of()
{
	opts 0 41 "$1$2$(le V 0)0000000001010100ffff0000$(le Q "$3")$(printf '%0144d' 0)$4"
}

each_kind_of_call()
{
	local a=1111111111111111 b=2222222222222222 tlv begin
	local c0="slot=0 gen=1 service=100 op=2" c1="slot=1 gen=7 service=110 op=2"
	local c2="slot=2 gen=1 service=110 op=2" d=deadline=30000
	tlv=$(grant 1 128 16384 8192)
	capture calls.pcap tcp 21065 "$(hello_of $a $b 2 "$tlv")" \
		"<$(node=1 hello_of $b $a 2 "$tlv")" \
		"$(call 0 11 00 0 0 "$(le v 1)$(le v 2)$(le V 3)616263")" \
		"$(call 1 8 00 0 0 "$(le v 1)$(le v 100)$(le v 1)0000")" \
		"$(begin 2 08 0 1 4 $ALONE aabbccdd)" \
		"$(answer 0 4 80 0 1 "$(le v 100)000000000000")" \
		"$(answer 1 5 80 0 1 "$(le V 4)$(le V 16384)")" \
		"$(answer 2 3 91 0 1 "ffffffffffffffff$(le v 100)000000000000aabbcc")" \
		"$(call 3 5 00 0 1 "$(le V 3)$(le V 16384)")" \
		"$(answer 3 2 80 0 1 ddee)" \
		"$(call 4 5 10 0 1 "$(le V 5)$(le V 16384)")" \
		"$(begin 5 27 1 7 100 $NESTED aa)$(call 6 2 01 1 7 bb)" \
		"$(call 7 13 00 1 7)" \
		"$(answer 4 14 80 1 7 "$(le C 1)000000$(le V 250)$(le V 3)$(le V 2)")" \
		"$(call 8 6 00 1 7 "$(le V 4294967290)00000000")" \
		"$(answer 5 7 80 1 7 "00000000$(le v 110)0901$(le V 0)00000000")" \
		"$(begin 9 00 2 1 0 $ALONE)" \
		"$(answer 6 7 80 2 1 "$(le V 17)$(le v 110)0100$(le V 50)00000000")" \
		"$(call 10 9 00 0 0 "$(le v 1)000000000000")" \
		"$(call 11 10 00 0 0 "00000000$(le v 1)0000")" \
		"$(answer 7 12 00 0 0 "$(le v 64)000000000000")"
	begin="CALL BEGIN seq=5 $c1 upgraded-from=100 request 1 bytes of 100 $d after=4/9 depth=7"
	begin="$begin flags=UPGRADE|NOWAIT|ENDLESS"
	shows calls.pcap <<-END
		1 HELLO mine=$a yours=$b next=0 flags=CHOSEN
		2 HELLO mine=$b yours=$a next=0 flags=CHOSEN
		3 CALL CRED seq=0 cred=1 kind=2 3 bytes
		4 CALL BIND seq=1 binding=1 service=100 cred=1
		5 CALL BEGIN seq=2 $c0 request 4 bytes last $d flags=WANT_ACCEPT
		6 CALL ACCEPT seq=0 $c0
		7 CALL CREDIT seq=1 $c0 request consumed=4 window=16384
		8 CALL REPLY seq=2 $c0 reply 3 bytes flags=WANT_FINAL
		9 CALL CREDIT seq=3 $c0 reply consumed=3 window=16384
		10 CALL PIECE seq=3 $c0 reply 2 bytes last took=5.000ms
		11 CALL CREDIT seq=4 $c0 reply consumed=5 window=16384 flags=WANT_FINAL
		12 $begin | CALL PIECE seq=6 $c1 request 1 bytes
		13 CALL QUERY seq=7 $c1
		14 CALL STATE seq=4 $c1 state=WAITING age=250 received=3 consumed=2
		15 CALL ABORT seq=8 $c1 code=RX_USER_ABORT
		16 CALL END seq=5 $c1 reason=CONFIRM seen=shown code=0 took=4.000ms
		17 CALL BEGIN seq=9 $c2 request 0 bytes last $d
		18 CALL END seq=6 $c2 reason=BUSY seen=never-shown code=17 retry=50 took=1.000ms
		19 CALL UNBIND seq=10 binding=1
		20 CALL UNCRED seq=11 cred=1
		21 CALL SLOTS seq=7 target=64
	END
	equals "notes" "$(packets calls.pcap '_ws.expert && !sinew.resume')" ""
	decode calls.pcap -Y '_ws.malformed || _ws.expert.severity >= 0x600000' >stock
	[ ! -s stock ] || bad "Wireshark's own decoder: $(head -n 1 stock)"
	# The beginning names the frames that follow, they name it.
	ours calls.pcap -2 -Y sinew.call.ended_in -T fields -E separator=' ' -e frame.number \
		-e sinew.call.accepted_in -e sinew.call.reply_in -e sinew.call.aborted_in \
		-e sinew.call.ended_in
	equals "links" "$(xargs <out)" "5 6 8 10 12 15 16 17 18"
	equals "frames of a call" "$(packets calls.pcap 'sinew.call.request_in == 5')" \
		"6 7 8 9 10 11"
	equals "frames of an operation" "$(packets calls.pcap 'sinew.call.op == 2' | wc -w)" 14
	equals "grants" "$(packets calls.pcap 'sinew.hello.features.calls == 1 &&
		sinew.hello.calls.version == 1 && sinew.hello.calls.slots == 128 &&
		sinew.hello.calls.window == 16384 && sinew.hello.calls.piece == 8192')" "1 2"
	equals "fields" "$(packets calls.pcap 'sinew.call.kind == 1 && sinew.call.total == 100 &&
		sinew.call.deadline == 30000 && sinew.call.binding == 1 && sinew.call.depth == 7 &&
		sinew.call.after.slot == 4 && sinew.call.after.gen == 9 && sinew.call.slot == 1 &&
		sinew.call.gen == 7 && sinew.call.upgrade == 1 && sinew.call.more == 1 ||
		sinew.call.reason == 1 && sinew.call.retry_ms == 50 && sinew.call.code == 17 &&
		sinew.call.seen == 0 && sinew.call.callee == 1 || sinew.call.cred.kind == 2 ||
		sinew.call.target == 64 || sinew.call.age_ms == 250 && sinew.call.received == 3')" \
		"3 12 14 18 21"
}

# Rules that a side breaks, and frames whose call is over or not in the capture.
calls_with_faults()
{
	local d=deadline=30000 again none="service=0 op=2" end="seen=never-shown code=0"
	again="CALL BEGIN seq=3 slot=1 gen=1 op=2 request 1 bytes last $d"
	capture faults.pcap tcp 21065 "$(begin 0 01 0 1 4 $ALONE aabb)" \
		"$(call 1 2 00 0 1 aabbcc)" "$(begin 2 00 0 2 1 $ALONE aa)" \
		"$(answer 0 7 80 0 2 "0000000000000200$(le V 0)00000000")" \
		"$(answer 1 7 80 0 2 "0000000000000900$(le V 0)00000000")" \
		"$(answer 2 4 80 9 1 "$(le v 100)000000000000")" \
		"$(answer 2 4 80 9 1 "$(le v 100)000000000000")" \
		"$(begin 3 00 1 1 1 $ALONE aa)" "$(begin 3 00 1 1 1 $ALONE aa)" \
		"$(call 4 6 00 65535 0 "$(le V 4294967291)00000000")" \
		"$(begin 5 00 2 1 0 $ALONE)"
	shows faults.pcap <<-END
		1 CALL BEGIN seq=0 slot=0 gen=1 op=2 request 2 bytes of 4 $d [no end]
		2 CALL PIECE seq=1 slot=0 gen=1 op=2 request 3 bytes last [excess 1]
		3 CALL BEGIN seq=2 slot=0 gen=2 op=2 request 1 bytes last $d [slot in use]
		4 CALL END seq=0 slot=0 gen=2 $none reason=ABORTED $end took=1.000ms
		5 CALL END seq=1 slot=0 gen=2 $none reason=CONFIRM $end [late]
		6 CALL ACCEPT seq=2 slot=9 gen=1 service=100 [call unseen]
		7 CALL ACCEPT seq=2 slot=9 gen=1 service=100 [repeated, out of order]
		8 $again
		9 $again [repeated, out of order]
		10 CALL ABORT seq=4 slot=65535 gen=0 code=RX_PROTOCOL_ERROR [all calls over]
		11 CALL BEGIN seq=5 slot=2 gen=1 op=2 request 0 bytes last $d [no end]
	END
	equals "notes" "$(packets faults.pcap 'sinew.call_no_end || sinew.call_excess ||
		sinew.call_used || sinew.call_late || sinew.call_unseen || sinew.call_all_over')" \
		"1 2 3 5 6 10 11"
}

# Each is malformed, the number counts.
malformed_calls()
{
	local kind head heads=(40 8 24 16 16 16 24 16 16 16 16 16 8 24) hex n=0 texts=()
	local a=1111111111111111 b=2222222222222222 hello
	hello="HELLO mine=$a yours=$b next=0 flags=CHOSEN"
	for kind in {1..14}; do
		head=${heads[kind - 1]}
		hex=$(printf "%0$((2 * (head - 8)))d" 0)
		case $kind in
		3 | 4 | 7 | 14) hex=80$hex ;;
		*) hex=00$hex ;;
		esac
		texts+=("$(call $((n++)) $kind ${hex:0:2} 0 0 "${hex:2}")")
		[ $head = 8 ] || texts+=("$(call $((n++)) $kind ${hex:0:2} 0 0 "${hex:4}")")
	done
	capture good.pcap tcp 21065 "${texts[@]}"
	equals "too short" "$(packets good.pcap 'sinew.malformed' | wc -w)" 12
	capture bad.pcap tcp 21065 "$(opts 0 48 01000000000000)" "$(call 1 0 00 0 0)" \
		"$(call 2 15 00 0 0)" "$(call 3 1 80 0 0 "$(printf '%064d' 0)")" \
		"$(call 4 7 00 0 0 "$(printf '%032d' 0)")" \
		"$(call 5 11 00 0 0 "00000000$(le V 4)616263")" \
		"$(opts 6 48 "")" "$(call 7 13 00 0 0)" \
		"$(hello_of $a $b 2 "")" "$(hello_of $a $b 0 "$(grant 1 16 1 1)")" \
		"$(hello_of $a $b 2 "06000b00$(printf '%022d' 0)")" \
		"$(hello_of $a $b 2 "$(grant 0 16 1 1)")" \
		"$(hello_of $a $b 2 "$(grant 1 15 1 1)")" \
		"$(hello_of $a $b 2 "$(grant 1 16 0 1)")" \
		"$(hello_of $a $b 2 "$(grant 1 16 1 0)")" \
		"$(hello_of $a $b 2 "$(grant 1 16 1 16385)")" \
		"$(hello_of $a $b 2 "$(grant 2 16 1 16384)")"
	shows bad.pcap <<-END
		1 CALL BEGIN seq=0 7 bytes [malformed]
		2 CALL unknown seq=1 8 bytes [malformed]
		3 CALL unknown seq=2 8 bytes [malformed]
		4 CALL BEGIN seq=3 40 bytes [malformed]
		5 CALL END seq=4 24 bytes [malformed]
		6 CALL CRED seq=5 19 bytes [malformed]
		7 CALL unknown seq=6 0 bytes [malformed]
		8 CALL QUERY seq=7 slot=0 gen=0 [call unseen]
		9 $hello [malformed]
		10 $hello [malformed]
		11 $hello [malformed]
		12 $hello [malformed]
		13 $hello [malformed]
		14 $hello [malformed]
		15 $hello [malformed]
		16 $hello [malformed]
		17 $hello
	END
	ours bad.pcap -2 -V
	sed -n 's/^    \[Expert Info (Error.*): Malformed: \(.*\)\]$/\1/p' out | sort -u >why
	sort -u >want <<-'END'
		CALL BEGIN of 7 bytes
		CALL of the unknown kind 0
		CALL of the unknown kind 15
		CALL BEGIN is not from the caller
		CALL END is not from the called side
		the credential is longer than its frame
		CALL of 0 bytes
		of the feature CALLS and its TLV one is missing
		the TLV CALLS is too short
		the TLV CALLS grants what is none
	END
	cmp -s why want || bad "the reasons differ: $(diff why want)"
}

# values FIELD: how many there are in the capture; a packet has several frames.
values()
{
	ours run.pcap "${as[@]}" -Y "$1" -T fields -E occurrence=a -e "$1"
	tr ',' '\n' <out | grep -c .
}

# Two nodes call each other while their connections are destroyed. The wire shows no broken rule,
# and the end of all calls that were executed to their end.
a_real_run_under_resets()
{
	local port as capture begun done ended
	port=$(free_port)
	as=(-d "tcp.port==$port,sinew")
	capture_begins run.pcap "tcp port $port" || return
	timeout "$LIMIT" "$SINEW" torture --calls --nodes 2 --kills 10 --kill-every 10 --size 2000 \
		--breaker self --restart-every 0 --slow 0 --port "$port" --json >verdict 2>err
	equals "status of torture" $? 0
	wait_for all_is_captured || return
	capture_ends
	begun=$(jq .sum.calls.begun verdict) done=$(jq .sum.calls.done verdict)
	ours run.pcap "${as[@]}" -q -z sinew
	says out " 0 missing, 0 malformed"
	equals "broken rules" "$(packets run.pcap 'sinew.call_used || sinew.call_excess ||
		sinew.call_unseen || sinew.call_all_over' "${as[@]}")" ""
	[ -n "$(packets run.pcap 'sinew.call.kind && sinew.repeated' "${as[@]}")" ] ||
		bad "no frame of a call was repeated"
	ended=$(values sinew.call.took)
	[ "$done" -gt 0 ] && [ "$ended" -ge "$done" ] && [ "$ended" -le "$begun" ] ||
		bad "of $begun calls the wire has the end of $ended, $done were done"
}

# goes_over_the_wire [--cred NAME --secrets FILE]: a call, in wire.pcap.
goes_over_the_wire()
{
	local port capture server
	port=$(free_port)
	config c "port: $port"
	capture_begins wire.pcap "tcp port $port" || return
	"$SINEW" call --config c --node 2 --serve --quiet "${@:3}" >served 2>&1 &
	server=$!
	pids+=($server)
	"$SINEW" call --config c --node 1 --to 2 --service 100 --op 1 "$@" \
		<<<"this text is nobody's business" >out 2>err
	equals "status of call, which said $(cat err)," $? 0
	says out "this text is nobody's business"
	kill -TERM "$server"
	wait "$server" 2>/dev/null
	wait_for has_fin || return
	capture_ends
}

# The last frame of the session has been captured.
has_fin()
{
	timeout "$LIMIT" tshark -n -r wire.pcap -Y tcp.flags.fin==1 2>/dev/null | grep -q .
}

# AES-SIV of nettle seals the data of --cred in both directions, and never sends the secret.
a_sealed_call_cannot_be_read()
{
	(umask 077 && echo "alice 0123456789abcdef" >secrets)
	goes_over_the_wire
	has_line wire.pcap "this text is nobody's business" || bad "the text is not in the capture"
	goes_over_the_wire --cred alice --secrets secrets
	if has_line err 'built without nettle'; then
		why=
		return
	fi
	has_line wire.pcap alice || bad "the name is not in the capture"
	! has_line wire.pcap "nobody's business" || bad "the text is in the capture"
	! has_line wire.pcap 0123456789abcdef || bad "the secret is in the capture"
}

run each_kind_of_call
run calls_with_faults
run malformed_calls
if [ "$(id -u)" != 0 ]; then
	skip a_real_run_under_resets "needs root"
	skip a_sealed_call_cannot_be_read "needs root"
else
	run a_sealed_call_cannot_be_read
	run a_real_run_under_resets
fi
finish
