#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns `make check-kernel`: fetches the kernels, runs all scenarios with each of them, then those
# with both, then the scripts over their AF_RXRPC, and adds up. Knows no single scenario.
#
#	tests/vm/check.sh [SCENARIO...]
#
# NEWEST=1          with the newest kernel of Debian's backports alone
# RECORD=1          only records AF_RXRPC anew (tests/vm/rxrpc.sh)
# SKIPS=forbidden   where it cannot run that is a failure
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/../.." || exit 2

BUILD=${BUILD:-build}
kernels='6.1 6.12'
[ -z "${NEWEST:-}" ] || kernels=newest
export LAB_KERNELS=${LAB_KERNELS:-$PWD/build/kernels}
passed=0 failed=0
parts=()
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

# part NAME COMMAND...: its results are counted, and its time is shown at the end.
part()
{
	local name=$1 began=$SECONDS status good bad
	shift
	echo "== $name =="
	"$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	good=$(grep -c '^ok - ' "$log")
	bad=$(grep -c '^not ok - ' "$log")
	if [ "${SKIPS:-allowed}" = forbidden ] && grep -q '# SKIP' "$log"; then
		good=$((good - 1)) bad=$((bad + 1))
	elif [ "$status" != 0 ] && [ "$status" != 77 ] && [ "$bad" = 0 ]; then
		echo "not ok - $name: ended with status $status"
		bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad))
	parts+=("$(printf '%-12s %4d s  %d passed, %d failed' "$name" $((SECONDS - began)) \
		"$good" "$bad")")
}

part kernels timeout 600 tests/vm/kernels.sh "$LAB_KERNELS"
if [ -z "${RECORD:-}" ]; then
	for kernel in $kernels; do
		part "$kernel" timeout 900 tests/vm/scenarios.sh "$kernel" "$@"
	done
	[ -n "${NEWEST:-}" ] || [ $# != 0 ] || part mixed timeout 400 tests/vm/mixed.sh
fi
if [ -z "${NEWEST:-}" ] && [ $# = 0 ]; then
	for kernel in $kernels; do
		part "rxrpc $kernel" timeout 400 tests/vm/rxrpc.sh "$kernel"
	done
fi
echo
printf '%s\n' "${parts[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
