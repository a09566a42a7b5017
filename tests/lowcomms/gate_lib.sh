# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the tests of what does not depend on the machine's speed: a measured value beside its
# limit in tests/bench_limits, and what a program has counted. Knows nothing of what is measured.
# Sourced behind tests/lib.sh.

BUILD=${BUILD:-build}
LIMITS=${LIMITS:-tests/bench_limits}
passed=0 failed=0
dir=$T
callgrind=(valgrind --tool=callgrind "--callgrind-out-file=$dir/%p.callgrind")

ok() { echo "ok - $*"; passed=$((passed + 1)); }
not_ok() { echo "not ok - $*"; failed=$((failed + 1)); }

finish()
{
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] && [ $passed != 0 ]
	exit
}

# limit NAME VALUE: beside its limit.
limit()
{
	local most text
	read -r most text < <(sed -n "s/^$1[[:space:]]\{1,\}\([0-9]*\)[[:space:]]*/\1 /p" "$LIMITS")
	if [ -z "${most:-}" ] || [ -z "$2" ]; then
		not_ok "gate: $1: no value ($2) or no limit (${most:-}) in $LIMITS"
	elif [ "$2" -le "$most" ]; then
		ok "gate: $1 $2, limit $most: $text"
	else
		not_ok "gate: $1 $2, limit $most: $text"
	fi
}

# of SIDE NAME: what that side has counted.
of() { sed -n "s/.*\<$2=\([0-9]*\).*/\1/p" "$dir/$1.out"; }
# Instructions that callgrind saw.
collected() { sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$1"; }

# needs_programs PROGRAM...: of the gate, or it ends here.
needs_programs()
{
	local program
	for program; do
		[ -x "$BUILD/tests/gate_$program" ] && continue
		not_ok "gate: $BUILD/tests/gate_$program is not built: run \`make tests\`"
		finish
	done
}

# The next ones are counted by callgrind: without it they are skipped, and it ends here.
needs_callgrind()
{
	command -v valgrind >/dev/null && return
	echo 'ok - gate: instructions # SKIP valgrind is not installed'
	[ "${SKIPS:-allowed}" = forbidden ] && failed=$((failed + 1))
	finish
}
