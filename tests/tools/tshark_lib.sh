# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what the tests of the dissector share: tshark with our decoder and with Wireshark's own,
# captures that are made by hand. Knows no kind of frame but the envelope.

LUA=$PWD/tools/wireshark/sinew.lua

# decode FILE ARGUMENTS...
decode() { timeout "$LIMIT" tshark -n -r "$1" -d tcp.port==21065,dlm3 "${@:2}" 2>errors; }

# ours FILE ARGUMENTS...: with out and err; an error of Lua fails the test.
ours()
{
	timeout "$LIMIT" tshark -X lua_script:"$LUA" -n -r "$1" "${@:2}" >out 2>err ||
		bad "tshark ends with $?: $(tail -n 1 err)"
	! grep -hi 'lua' out err >errors || bad "$(head -n 2 errors)"
}

# packets FILE FILTER ARGUMENTS...: the numbers of the packets that the filter leaves, in one line.
packets() { ours "$1" -2 -Y "$2" -T fields -e frame.number "${@:3}"; xargs <out; }

# Whether run.pcap has the last frame of each direction, FIN; $as says how it is decoded.
all_is_captured()
{
	[ "$(timeout "$LIMIT" tshark -X lua_script:"$LUA" -n "${as[@]}" -r run.pcap \
		-q -z sinew 2>/dev/null |
		awk '$2 == "OPTS/FIN" { n = $1 } END { print n + 0 }')" -ge 2 ]
}

# ---- captures of loopback ----

# capture_begins FILE FILTER: $capture is its process. Each packet is written at once: a ring of
# blocks, as dumpcap has it, may keep the last ones until others follow (seen with Linux 6.18).
capture_begins()
{
	rm -f "$1"
	start_saying capture.err 'listening on' \
		tcpdump -i lo -n -s 0 -Z root --immediate-mode -U -B 65536 -w "$1" "$2"
	capture=$begun
}

capture_ends()
{
	kill -INT "$capture"
	reap "$capture"
}

# ---- captures by hand ----

# capture FILE PROTOCOL PORT HEX...: a packet of tcp, sctp or sctp-udp (RFC 6951) for each text, a
# millisecond apart; one that begins with "<" comes from the port.
capture()
{
	perl -e '
		my ($file, $protocol, $port, @texts) = @ARGV;
		open(my $out, ">:raw", $file) or die $!;
		print $out pack("VvvVVVV", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101);
		my @seq = (1, 1);
		my ($tsn, $n) = (0, 0);
		for (@texts) {
			my $back = s/^<// ? 1 : 0;
			my ($from, $to) = $back ? ($port, 40000) : (40000, $port);
			my $data = pack("H*", $_);
			my $p = $protocol eq "tcp" ?
				pack("nnNNCCnnn", $from, $to, $seq[$back], $seq[!$back], 0x50, 0x18,
					60000, 0, 0) . $data :
				pack("nnNN", $from, $to, 7, 0) .
				pack("CCnNnnN", 0, 3, 16 + length $data, ++$tsn, 0, $tsn - 1, 0) .
				$data . "\0" x (-length($data) % 4);
			$p = pack("nnnn", $port, $port, 8 + length $p, 0) . $p
				if $protocol eq "sctp-udp";
			$seq[$back] += length $data;
			$p = pack("CCnNCCnNN", 0x45, 0, 20 + length $p, 0, 64,
				{ tcp => 6, sctp => 132, "sctp-udp" => 17 }->{$protocol}, 0,
				0x7f000001 + $back,
				0x7f000002 - $back) . $p;
			print $out pack("VVVV", 1, 1000 * ++$n, length $p, length $p) . $p;
		}' "$@"
}

# data SEQ HEX, opts SEQ COMMAND HEX: a frame of node 2, or of the one that $node says.
le() { perl -e 'print unpack("H*", pack($ARGV[0], $ARGV[1]))' "$1" "$2"; }
inner() { echo "02000300534e5731$(le V "${node:-2}")$(le v $((16 + ${#2} / 2)))${1}00$2"; }
opts()
{
	local in from
	in=$(inner "$2" "$3") from=$(le V "${node:-2}")
	echo "02000300$(le V "$1")$from$(le v $((24 + ${#in} / 2)))0300${2}00000000000000$in"
}
data() { opts "$1" 40 "$2"; }
ack() { echo "02000300$(le V "$1")02000000100004""00"; }

# shows FILE: the packets and what the column Info says of them are the lines of standard input.
shows()
{
	ours "$1" -2 -Y sinew -T fields -e frame.number -e _ws.col.Info
	tr '\t' ' ' <out >got
	cat >want
	cmp -s want got || bad "$1: $(diff want got | head -n 6)"
}
