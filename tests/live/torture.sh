#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the long torture: five nodes for a minute, in one process and in five, with at least 5,000
# connections killed, at least half of them on unacknowledged data, and no message lost, doubled,
# reordered or corrupted; then calls between five nodes, none executed twice, without an end, or
# with a false outcome. Knows only the command line.
#
#	tests/live/torture.sh [SECONDS [KILLS [SECONDS-OF-CALLS]]]     60, 5000, 10
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/../.." || exit 2
export LC_ALL=C

BUILD=${BUILD:-build}
SECONDS_LONG=${1:-60}
KILLS=${2:-5000}
CALLS_SECONDS=${3:-10}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0

# verdict NAME STATUS CONDITION: of the run that has ended.
verdict()
{
	local name=$1 status=$2 condition=$3
	if [ "$status" = 0 ] && jq -e --argjson kills "$KILLS" ".verdict == \"PASSED\" and
		$condition" "$dir/verdict" >/dev/null; then
		echo "ok - torture: $name"
		passed=$((passed + 1))
		return
	fi
	tail -n 20 "$dir/err" | sed 's/^/# /'
	jq -r '.problems[]' "$dir/verdict" 2>/dev/null | head -n 20 | sed 's/^/# /'
	echo "not ok - torture: $name: status $status, expected 0 and $condition"
	failed=$((failed + 1))
}

# torture NAME OPTION...
torture()
{
	local name=$1 status
	shift
	timeout -k 5 $((SECONDS_LONG + 120)) "$BUILD/checked/sinew" torture --nodes 5 \
		--seconds "$SECONDS_LONG" --json "$@" >"$dir/verdict" 2>"$dir/err"
	status=$?
	jq -r '.sum | "# \(.kills) kills, \(.kills_unacked) on unacknowledged data; " +
		"\(.sent) sent, \(.delivered) delivered, \(.not_delivered_and_told) told as " +
		"undelivered; \(.resent) frames sent again"' "$dir/verdict" 2>&1
	verdict "$name" $status '(.sum | .kills >= $kills and 2 * .kills_unacked >= .kills and
		.delivered > 0 and .lost + .duplicated + .reordered + .corrupted +
		.broken_promises == 0)'
}

# calls NAME OPTION...
calls()
{
	local name=$1 status
	shift
	timeout -k 5 $((CALLS_SECONDS + 120)) "$BUILD/checked/sinew" torture --calls --nodes 5 \
		--seconds "$CALLS_SECONDS" --json "$@" >"$dir/verdict" 2>"$dir/err"
	status=$?
	jq -r '.sum.calls | to_entries | map("\(.value) \(.key)") | "# calls: " + join(", ")' \
		"$dir/verdict" 2>&1
	verdict "$name" $status '(.sum | .kills > 0 and .calls.done > 0 and (.calls |
		.executed_twice + .without_end + .false_outcomes == 0))'
}

torture 'five nodes in one process'
torture 'five nodes in five processes' --processes
calls 'calls between five nodes in one process'
calls 'calls between five nodes in five processes' --processes
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
