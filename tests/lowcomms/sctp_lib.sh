# SPDX-License-Identifier: LGPL-2.1-or-later
# Test programs that know nothing of what carries their links, run over SCTP in user land: their
# results, with the name of the transport, and the sum. Sourced in the project's folder.
#
#	. tests/lowcomms/sctp_lib.sh
#	over test_live_echo
#	sum
#
# A build without libusrsctp ends the script as skipped.
BUILD=${BUILD:-build}
passed=0 failed=0

if ! grep -q HAVE_USRSCTP "$BUILD/flags"; then
	echo 'ok - live_tests_over_sctp # SKIP libusrsctp was not there at build'
	echo '0 passed, 0 failed'
	exit 0
fi

# over NAME [VARIABLE=VALUE...]: in OVER_LIMIT seconds (60).
over()
{
	local test=$1 limit=$((${OVER_LIMIT:-60} * ${TIME_FACTOR:-1})) log status
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

# The last line of a script, and its status.
sum()
{
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] && [ $passed != 0 ]
}
