#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the running of tests: what to run, for how long, a few at a time where a test
# allows it, and the sum. Knows nothing of what a test does but its output:
# `ok - name`, `ok - name # SKIP why`, `not ok - name: why`.
#
#	tests/run.sh [--skip PATTERN]... [PATTERN...]
#
# PATTERN is a part of a test's file: test_ring, test_cat.sh, tests/proto/.
#
# BUILD=build        where the programs are
# SKIPS=forbidden    a skipped test is a failure
# SIM_ARGS=--check   how the simulator is called
# RUNNER=COMMAND     runs the programs ("qemu-s390x"); only those that are there, and no scripts
# JOBS=3             tests at a time; TIME_FACTOR=1 multiplies every time limit
#
# A test says what it needs in one of its first 40 lines:
#	run.sh: alone              nothing else runs meanwhile
#	run.sh: waits              mostly so: three at a time run beside the JOBS others
#	run.sh: timeout=SECONDS    instead of 60
#	run.sh: long               only with LIVE_FULL=1 (`make check-all`), or where it is named
#	run.sh: with=PROGRAM,...   skipped, with this reason, where it is missing
# Those with the longest limits begin first, so that none of them runs alone in the end.
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/times.sh

BUILD=${BUILD:-build}
SKIPS=${SKIPS:-allowed}
SIM_ARGS=${SIM_ARGS:---check}
JOBS=${JOBS:-3}
TIME_FACTOR=${TIME_FACTOR:-1}
RUNNER=${RUNNER:-}
export BUILD RUNNER
LOGS=$BUILD/tests/log
BESIDE=3	# tests that mostly wait, at a time
LIMIT=60	# seconds for a test that says none

tests=()
declare -A file_of	# by test: its source, which says what it needs
declare -A said		# by that file: the words of its lines for us
test_of=() start_of=()	# by process id
waiting=()	# tests that mostly wait and are to come
declare -A beside=()	# processes of such tests
failed_names=()
skips=()
passed=0 failed=0 skipped=0
all_used_ms=0

# A process for each small question would cost more than most tests do: answers are in REPLY.
now_ms()
{
	local t=$EPOCHREALTIME
	REPLY=$((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))
}

# Programs of a layer's folder lie side by side, all others and scripts keep their path.
find_tests()
{
	local file test
	for file in tests/*/test_*.c tests/fuzz/*.c tests/{sim,stream}/main.c tests/*/test_*.sh; do
		[ -e "$file" ] || continue
		case $file in
		*.sh) test=$file ;;
		tests/fuzz/*) test=${file#tests/} ;;
		*/main.c) test=${file%/main.c} test=${test#tests/} ;;
		*) test=${file##*/} ;;
		esac
		test=${test%.c}
		tests+=("$test")
		file_of[$test]=$file
	done
}

# Reads what each of them needs.
ask_all()
{
	local file words
	while IFS=$'\t' read -r file words; do
		said[$file]+=" $words"
	done < <(awk 'FNR > 40 { nextfile } sub(/.*run\.sh: */, "") { print FILENAME "\t" $0 }' \
		"${file_of[@]}")
}

# needs TEST KEY: whether it says KEY or KEY=value; REPLY is the value.
needs()
{
	local word
	REPLY=
	for word in ${said[${file_of[$1]}]:-}; do
		[ "${word%%=*}" = "$2" ] || continue
		[ "$word" = "$2" ] || REPLY=${word#*=}
		return 0
	done
	return 1
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

log_of() { REPLY=$LOGS/${1//\//-}.log; }

start()
{
	local test=$1 limit log began program
	started=
	log_of "$test" && log=$REPLY
	rm -f "$log.times"
	needs "$test" timeout
	limit=$((${REPLY:-$LIMIT} * TIME_FACTOR))
	now_ms && began=$REPLY
	needs "$test" with
	for program in ${REPLY//,/ }; do
		command -v "$program" >/dev/null && continue
		echo "ok - $test # SKIP $program is not installed" >"$log"
		start_of[0]=$began
		account "$test" 0 0
		return
	done
	export -f run_one
	export SIM_ARGS
	# An own session, so that whatever it leaves behind can be ended with it.
	setsid timeout -k 5 "$limit" bash -c 'run_one "$0"; status=$?; times >"$1"; exit $status' \
		"$test" "$log.times" >"$log" 2>&1 </dev/null &
	started=$!
	test_of[$started]=$test
	start_of[$started]=$began
}

# account TEST PID STATUS: counts what it printed and says one line.
account()
{
	local test=$1 pid=$2 status=$3 log ok not_ok skip ms line verdict=ok
	log_of "$test" && log=$REPLY
	now_ms && ms=$((REPLY - ${start_of[$pid]}))
	read -r ok skip not_ok < <(LC_ALL=C awk '/^ok - .*# SKIP/ { skip++; next } /^ok - / { ok++ }
		/^not ok - / { bad++ } END { print ok + 0, skip + 0, bad + 0 }' "$log")
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
	if [ "$skip" != 0 ]; then
		while IFS= read -r line; do
			skips+=("$test: ${line#ok - }")
		done < <(grep -a '^ok - .*# SKIP' "$log")
	fi
	passed=$((passed + ok))
	failed=$((failed + not_ok))
	skipped=$((skipped + skip))
	[ "$not_ok" = 0 ] || verdict=FAIL
	printf '%-4s %-36s %4d passed' "$verdict" "$test" "$ok"
	[ "$not_ok" = 0 ] || printf ', %d failed' "$not_ok"
	[ "$skip" = 0 ] || printf ', %d skipped' "$skip"
	processor_ms "$log.times"	# of a killed one none is known
	all_used_ms=$((all_used_ms + REPLY))
	printf '  %d.%01d s, processor %d.%01d s\n' $((ms / 1000)) $((ms % 1000 / 100)) \
		$((REPLY / 1000)) $((REPLY % 1000 / 100))
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
	[ -z "${beside[$pid]:-}" ] || { unset "beside[$pid]"; start_beside; }
}

# The next ones of those that mostly wait; one that is skipped has no process.
start_beside()
{
	while [ ${#beside[@]} -lt $BESIDE ] && [ ${#waiting[@]} != 0 ]; do
		start "${waiting[0]}"
		waiting=("${waiting[@]:1}")
		[ -z "$started" ] || beside[$started]=1
	done
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
	local p file=${file_of[$1]}
	[ -z "$RUNNER" ] || [ -x "$BUILD/tests/$1" ] || return 1
	for p in "${without[@]}"; do
		[[ $file == *$p* ]] && return 1
	done
	if [ ${#wanted[@]} = 0 ]; then
		[ -n "${LIVE_FULL:-}" ] || ! needs "$1" long
		return
	fi
	for p in "${wanted[@]}"; do
		[[ $file == *$p* ]] && return 0
	done
	return 1
}

# Those with the longest limits first, otherwise in their order.
sort_tests()
{
	local test
	mapfile -t tests < <(for test in "${tests[@]}"; do
		needs "$test" timeout
		printf '%s %s\n' "${REPLY:-$LIMIT}" "$test"
	done | sort -s -k 1,1rn | cut -d ' ' -f 2)
}

mkdir -p "$LOGS"
now_ms && began=$REPLY
find_tests
ask_all
sort_tests
alone=()
others=()
for test in "${tests[@]}"; do
	chosen "$test" || continue
	if needs "$test" alone; then
		alone+=("$test")
	elif needs "$test" waits; then
		waiting+=("$test")
	else
		others+=("$test")
	fi
done
start_beside
for test in "${others[@]}"; do
	while [ $((${#test_of[@]} - ${#beside[@]})) -ge "$JOBS" ]; do
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
now_ms && ms=$((REPLY - began))
printf 'took %d.%01d s, and %d s of a processor\n' $((ms / 1000)) $((ms % 1000 / 100)) \
	$((all_used_ms / 1000))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
