#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the running of tests: what to run, for how long, a few at a time where a test
# allows it, and the sum. Knows nothing of what a test does but its output:
# `ok - name`, `ok - name # SKIP why`, `not ok - name: why`.
#
#	tests/run.sh [--skip PATTERN]... [NAME-PATTERN...]
#
# BUILD=build        where the programs are
# SKIPS=forbidden    a skipped test is a failure
# SIM_ARGS=--check   how the simulator is called
# RUNNER=COMMAND     runs the programs ("qemu-s390x"); only those that are there, and no scripts
# JOBS=3             tests at a time; TIME_FACTOR=1 multiplies every time limit
#
# A test says what it needs in one of its first 40 lines:
#	run.sh: alone              nothing else runs meanwhile
#	run.sh: timeout=SECONDS    instead of 60
#	run.sh: long               only with LIVE_FULL=1 (`make check-all`), or where it is named
#	run.sh: with=PROGRAM,...   skipped, with this reason, where it is missing
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build}
SKIPS=${SKIPS:-allowed}
SIM_ARGS=${SIM_ARGS:---check}
JOBS=${JOBS:-3}
TIME_FACTOR=${TIME_FACTOR:-1}
RUNNER=${RUNNER:-}
export BUILD RUNNER
LOGS=$BUILD/tests/log

test_of=() start_of=()	# by process id
failed_names=()
skips=()
passed=0 failed=0 skipped=0

now_ms()
{
	local t=$EPOCHREALTIME
	echo $((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))
}

# source_of TEST: the file that says what it needs.
source_of()
{
	case $1 in
	*.sh) echo "$1" ;;
	sim | stream) echo "tests/$1/main.c" ;;
	fuzz/*) echo "tests/$1.c" ;;
	*) echo "tests/$1.c" ;;
	esac
}

# directive TEST KEY: value of `run.sh: KEY=value`, or KEY itself if it stands alone.
directive()
{
	sed -n '1,40s/.*run\.sh: *//p' "$(source_of "$1")" 2>/dev/null |
		tr ' ' '\n' | sed -n "s/^$2\(=\(.*\)\)\?\$/\2/p;" | head -n 1
}

has_directive()
{
	sed -n '1,40s/.*run\.sh: *//p' "$(source_of "$1")" 2>/dev/null |
		tr ' ' '\n' | grep -q "^$2\(=\|\$\)"
}

list_tests()
{
	local t
	for t in tests/test_*.c; do
		[ -e "$t" ] && basename "$t" .c
	done
	for t in tests/fuzz/*.c; do
		[ -e "$t" ] && echo "fuzz/$(basename "$t" .c)"
	done
	[ -e tests/sim ] && echo sim
	[ -e tests/stream ] && echo stream
	for t in tests/test_*.sh tests/live/test_*.sh tests/mutants/run.sh; do
		[ -e "$t" ] && echo "$t"
	done
}

# Without exec: timeout would die of the signal of which a test died, and `wait -n` forgets
# such a child.
run_one()
{
	case $1 in
	*.sh) bash "$1" ;;
	sim) $RUNNER "$BUILD/tests/sim" $SIM_ARGS ;;
	*) $RUNNER "$BUILD/tests/$1" ;;
	esac
}

log_of() { echo "$LOGS/$(echo "$1" | tr '/' '-').log"; }

start()
{
	local test=$1 limit log program
	log=$(log_of "$test")
	limit=$(directive "$test" timeout)
	limit=$((${limit:-60} * TIME_FACTOR))
	for program in $(directive "$test" with | tr ',' ' '); do
		command -v "$program" >/dev/null && continue
		echo "ok - $test # SKIP $program is not installed" >"$log"
		start_of[0]=$(now_ms)
		account "$test" 0 0
		return
	done
	export -f run_one
	export SIM_ARGS
	# An own session, so that whatever it leaves behind can be ended with it.
	setsid timeout -k 5 "$limit" bash -c 'run_one "$0"' "$test" >"$log" 2>&1 </dev/null &
	test_of[$!]=$test
	start_of[$!]=$(now_ms)
}

# account TEST PID STATUS: counts what it printed and says one line.
account()
{
	local test=$1 pid=$2 status=$3 log ok not_ok skip ms verdict=ok
	log=$(log_of "$test")
	ms=$(($(now_ms) - ${start_of[$pid]}))
	skip=$(grep -ac '^ok - .*# SKIP' "$log")
	ok=$(($(grep -ac '^ok - ' "$log") - skip))
	not_ok=$(grep -ac '^not ok - ' "$log")
	if [ "$status" = 124 ] || [ "$status" = 137 ]; then
		echo "not ok - $test: still running after its time limit, killed" >>"$log"
		not_ok=$((not_ok + 1))
	elif [ "$status" != 0 ] && [ "$not_ok" = 0 ]; then
		echo "not ok - $test: exit status $status without a line that says why" >>"$log"
		not_ok=1
	elif [ "$status" = 0 ] && [ $((ok + skip + not_ok)) = 0 ]; then
		echo "not ok - $test: it printed no result" >>"$log"
		not_ok=1
	fi
	while IFS= read -r line; do
		skips+=("$test: ${line#ok - }")
	done < <(grep -a '^ok - .*# SKIP' "$log")
	passed=$((passed + ok))
	failed=$((failed + not_ok))
	skipped=$((skipped + skip))
	[ "$not_ok" = 0 ] || verdict=FAIL
	printf '%-4s %-36s %4d passed' "$verdict" "$test" "$ok"
	[ "$not_ok" = 0 ] || printf ', %d failed' "$not_ok"
	[ "$skip" = 0 ] || printf ', %d skipped' "$skip"
	printf '  %d.%01d s\n' $((ms / 1000)) $((ms % 1000 / 100))
	if [ "$not_ok" != 0 ]; then
		failed_names+=("$test")
		sed 's/^/     | /' "$log" | tail -n 60
	fi
}

# Waits for one test to end.
reap()
{
	local pid status test
	pid=
	wait -n -p pid "${!test_of[@]}" 2>/dev/null
	status=$?
	if [ -z "${pid:-}" ]; then
		# A test killed its own process group: the child is forgotten, with its status.
		status=128
		for pid in "${!test_of[@]}"; do
			kill -0 "$pid" 2>/dev/null || break
		done
	fi
	test=${test_of[$pid]}
	kill -KILL -- "-$pid" 2>/dev/null
	unset "test_of[$pid]"
	account "$test" "$pid" "$status"
}

stop()
{
	local pid
	for pid in "${!test_of[@]}"; do
		kill -KILL -- "-$pid" 2>/dev/null
	done
	echo "interrupted"
	exit 130
}
trap stop INT TERM

without=()
wanted=()
while [ $# -gt 0 ]; do
	case $1 in
	--skip) without+=("$2"); shift ;;
	*) wanted+=("$1") ;;
	esac
	shift
done

chosen()
{
	local p
	[ -z "$RUNNER" ] || [ -x "$BUILD/tests/$1" ] || return 1
	for p in "${without[@]}"; do
		[[ $1 == *$p* ]] && return 1
	done
	if [ ${#wanted[@]} = 0 ]; then
		[ -n "${LIVE_FULL:-}" ] || ! has_directive "$1" long
		return
	fi
	for p in "${wanted[@]}"; do
		[[ $1 == *$p* ]] && return 0
	done
	return 1
}

mkdir -p "$LOGS"
began=$(now_ms)
alone=()
for test in $(list_tests); do
	chosen "$test" || continue
	if has_directive "$test" alone; then
		alone+=("$test")
		continue
	fi
	while [ ${#test_of[@]} -ge "$JOBS" ]; do
		reap
	done
	start "$test"
done
while [ ${#test_of[@]} -gt 0 ]; do
	reap
done
for test in "${alone[@]}"; do
	start "$test"
	while [ ${#test_of[@]} -gt 0 ]; do
		reap
	done
done

echo
[ ${#failed_names[@]} = 0 ] || echo "failed: ${failed_names[*]} (whole output in $LOGS)"
if [ "$skipped" != 0 ]; then
	printf '%d skipped:\n' "$skipped"
	printf '  %s\n' "${skips[@]}"
	[ "$SKIPS" = forbidden ] && echo "skips are forbidden here: they count as failures"
fi
[ "$SKIPS" = forbidden ] && failed=$((failed + skipped))
ms=$(($(now_ms) - began))
printf 'took %d.%01d s\n' $((ms / 1000)) $((ms % 1000 / 100))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
