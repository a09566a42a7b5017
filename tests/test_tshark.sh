#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns an independent check of what we send: tshark, which knows DLM 3.2, decodes
# every frame of tests/gen_frames.c without an error. Knows no layout itself.
# run.sh: with=tshark timeout=60
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build}
failed=0
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

# ok NAME CONDITION-STATUS WHY
verdict()
{
	if [ "$2" -eq 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: $3"
		failed=1
	fi
}

if ! command -v tshark >/dev/null; then
	echo "ok - tshark_decodes_our_frames # SKIP tshark is missing"
	exit 0
fi

# decode FILE ARGUMENTS...
decode()
{
	tshark -n -r "$1" -d tcp.port==21065,dlm3 "${@:2}" 2>"$dir/errors"
}

# fields FILE FILTER: one line a DLM packet, "command length".
fields()
{
	decode "$1" -Y "$2" -T fields -e dlm3.h.cmd -e dlm3.h.length |
		awk '{ n = split($1, cmd, ","); split($2, len, ",")
		       for (i = 1; i <= n; i++) print cmd[i], len[i] }'
}

n=$("$BUILD/tests/gen_frames" "$dir/frames.pcap") || exit 2
last=$((n + 3))		# three packets of the handshake come first

bad=$(decode "$dir/frames.pcap" -Y '_ws.malformed || _ws.expert.severity >= 0x600000')
[ -z "$bad" ] && [ "$n" -gt 0 ]
verdict tshark_finds_no_error $? "$(echo "$bad" | head -n 3)"

fields "$dir/frames.pcap" "dlm3 && frame.number <= $last" >"$dir/whole"
fields "$dir/frames.pcap" "dlm3 && frame.number > $last" >"$dir/cut"
[ "$(wc -l <"$dir/whole")" -eq "$n" ]
verdict tshark_sees_each_frame $? "$(wc -l <"$dir/whole") of $n"
cmp -s "$dir/whole" "$dir/cut"
verdict tshark_sees_the_same_in_cut_segments $? "$(diff "$dir/whole" "$dir/cut" | head -n 3)"

# The check can fail: the same with the length of the first frame damaged, which is
# in the file behind its header, three packets of 16 + 40 bytes, and 56 more.
cp "$dir/frames.pcap" "$dir/damaged.pcap"
printf '\x11' | dd of="$dir/damaged.pcap" bs=1 seek=$((24 + 3 * 56 + 56 + 12)) conv=notrunc \
	status=none
fields "$dir/damaged.pcap" "dlm3 && frame.number <= $last" >"$dir/damaged"
! cmp -s "$dir/whole" "$dir/damaged"
verdict tshark_sees_a_damaged_frame $? "no difference"

exit $failed
