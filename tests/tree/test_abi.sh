#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the comparison of the library's binary interface with the recorded one,
# lowcomms/sinew.abi. Knows nothing of what changed, libabigail says it.
#
#	tests/tree/test_abi.sh --record     writes the record anew (`make abi`)
# run.sh: timeout=120 with=abidw,abidiff
set -u
cd "$(dirname "$0")/../.." || exit 2
export LC_ALL=C

BUILD=${BUILD:-build}
RECORD=lowcomms/sinew.abi
LIBRARY=$BUILD/libsinew.so
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# Only what the public headers say belongs to it.
mkdir "$dir/include" && cp {lowcomms,services,membership}/sinew*.h "$dir/include/" || exit 2

# shape LIBRARY: its interface as text, without a word of where it was built.
shape()
{
	abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed \
		--type-id-style hash --drop-private-types --exported-interfaces-only \
		--headers-dir "$dir/include" "$1"
}

if [ "${1:-}" = --record ]; then
	shape "$LIBRARY" >"$dir/now" && {
		cat "$dir/now"
		echo '<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->'
	} >"$RECORD" && echo "$RECORD is written"
	exit
fi

name='the binary interface is the recorded one'
machine=$(sed -n "s/.*architecture='\([^']*\)'.*/\1/p" "$RECORD")
if ! shape "$LIBRARY" >"$dir/now" 2>"$dir/err"; then
	echo "not ok - $name: abidw failed: $(head -n 1 "$dir/err")"
	exit 1
fi
if ! grep -q "architecture='$machine'" "$dir/now"; then
	echo "ok - $name # SKIP it was recorded on another architecture, $machine"
	exit 0
fi
abidiff "$RECORD" "$dir/now" >"$dir/diff" 2>&1
status=$?
if [ $status = 0 ]; then
	echo "ok - $name"
	exit 0
fi
sed 's/^/# /' "$dir/diff" | head -n 60
if [ $((status & 8)) != 0 ]; then
	echo "not ok - $name: programs built before would break; undo it, or raise SOVERSION" \
		"in the Makefile, then \`make abi\`"
elif [ $((status & 4)) != 0 ]; then
	echo "not ok - $name: it grew, or changed in a way that only a person can judge (above);" \
		"if old programs still run, \`make abi\` records it"
else
	echo "not ok - $name: abidiff failed with $status"
fi
exit 1
