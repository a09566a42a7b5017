# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the tests of the sources: a rule holds if nothing speaks against it. Knows no rule.
# Sourced; leaves the sum in $failed.

failed=0

# verdict NAME: fails if standard input has a line; shows the first ones.
verdict()
{
	local found
	found=$(cat)
	if [ -z "$found" ]; then
		echo "ok - $1"
		return
	fi
	echo "$found" | head -n 20 | sed 's/^/# /'
	echo "not ok - $1: $(echo "$found" | head -n 1)"
	failed=1
}

# Libraries that a program needs besides a static one of $BUILD.
libs()
{
	echo -pthread
	! grep -q HAVE_LIBSCTP "$BUILD/flags" || echo -lsctp
	! grep -q HAVE_USRSCTP "$BUILD/flags" || echo -lusrsctp
	! grep -q HAVE_JSON "$BUILD/flags" || echo -ljson-c
}
