#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the measuring of coverage: which lines and branches of the library's folders
# the programs among the tests execute. Knows nothing of what they test.
#
#	tests/coverage.sh [TREE]
#
# TREE is the source that is measured, of an older commit for instance; without it, this one.
# The build is in BUILD (build/coverage). The tests are units, lives, the simulator, streams and the
# inputs of fuzz targets; no scripts: they run programs for minutes, and execute little that these
# do not. Assertions are not counted, for no test takes their other branch. coverage.json in BUILD
# has the same numbers. The exit status is 0 if all tests passed.
# Takes 4 minutes of processor time, most of it in the simulator.
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")/.." && pwd) || exit 2
cd "${1:-$here}" || exit 2

BUILD=${BUILD:-build/coverage}
MEASURED=(proto lowcomms services membership)
# Files of assertions alone.
CHECKS='(proto/check|membership/view_check|lowcomms/lock_order)[.].*'
# Threads count in the same words; -O1 keeps the branches of the source apart.
CFLAGS='-O1 --coverage -fprofile-update=atomic'

build()
{
	make --no-print-directory -j"$(nproc)" BUILD="$BUILD" CC=gcc CFLAGS="$CFLAGS" \
		BENCH= DEMO= tests >"$BUILD/build.log" 2>&1 && return
	echo "coverage: the build failed, the end of $BUILD/build.log:" >&2
	tail -n 20 "$BUILD/build.log" >&2
	exit 1
}

count()
{
	gcovr --root . -j "$(nproc)" "${MEASURED[@]/#/--filter=}" --exclude "$CHECKS" \
		--exclude-lines-by-pattern '\s*assert\(.*' --json-summary "$BUILD/coverage.json" \
		"$BUILD/obj" >"$BUILD/gcovr.log" 2>&1 && return
	echo "coverage: gcovr failed, the end of $BUILD/gcovr.log:" >&2
	tail -n 20 "$BUILD/gcovr.log" >&2
	exit 1
}

# A row for each file, in the order of names, and one for each folder.
print_table()
{
	printf '%-28s  %-21s %s\n' file 'lines    run' 'branches    run'
	jq -r --args '
		def share($n; $of):
			if $of == 0 then 100 else 100 * $n / $of end;
		def row:
			[.name, .lines, .run, share(.run; .lines), .branches, .taken,
			 share(.taken; .branches)] | @tsv;
		def sum($name):
			{name: $name, lines: map(.lines) | add, run: map(.run) | add,
			 branches: map(.branches) | add, taken: map(.taken) | add};
		[.files[] | {name: .filename, lines: .line_total, run: .line_covered,
			     branches: .branch_total, taken: .branch_covered}] |
		sort_by(.name) as $files |
		[($ARGS.positional[] + "/") as $folder | $files |
		 map(select(.name | startswith($folder))) | sum("sum of " + $folder)] as $sums |
		$files + $sums + [$files | sum("sum")] | .[] | row' \
		"${MEASURED[@]}" <"$BUILD/coverage.json" |
		while IFS=$'\t' read -r -a cells; do
			printf '%-28s %6d %6d %5.1f%%   %6d %6d %5.1f%%\n' "${cells[@]}"
		done
}

mkdir -p "$BUILD"
build
# Counts of another run.
find "$BUILD/obj" -name '*.gcda' -delete
BUILD=$BUILD TIME_FACTOR=3 tests/run.sh --skip .sh >"$BUILD/tests.log" 2>&1
passed=$?
count
print_table
[ $passed = 0 ] && exit 0
echo "coverage: tests failed, so the table shows too little; the end of $BUILD/tests.log:" >&2
tail -n 20 "$BUILD/tests.log" >&2
exit 1
