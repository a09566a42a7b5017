#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the live tests over SCTP in user land: those that know nothing of what carries the links,
# but for test_live_slow: a node that is not dispatched answers nothing there, and loses its links.
# Knows nothing of what they test.
# run.sh: long timeout=200
set -u
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build}
passed=0 failed=0

if ! grep -q HAVE_USRSCTP "$BUILD/flags"; then
	echo 'ok - live_tests_over_sctp # SKIP libusrsctp was not there at build'
	echo '0 passed, 0 failed'
	exit 0
fi

# over NAME [VARIABLE=VALUE...]: its results, with the name of the transport.
over()
{
	local test=$1 limit=$((60 * ${TIME_FACTOR:-1})) log status
	shift
	log=$(env TEST_SCTP=1 "$@" timeout -k 5 $limit "$BUILD/tests/$test" 2>&1)
	status=$?
	echo "$log" | sed -n 's/^\(not ok\|ok\) - /\1 - sctp_user: /p; s/^#/#/p'
	passed=$((passed + $(grep -c '^ok - ' <<<"$log")))
	failed=$((failed + $(grep -c '^not ok - ' <<<"$log")))
	if [ $status != 0 ] && ! grep -q '^not ok - ' <<<"$log"; then
		echo "not ok - sctp_user: $test ended with status $status"
		failed=$((failed + 1))
	fi
}

over test_live_echo
over test_live_hot
over test_live_kill
# Of as many nodes as a slow machine has: one stack serves all of a process.
over test_live_64 TIME_FACTOR=2
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
