#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns what `make check-all` runs, and the sum of it. Knows nothing of single tests.
#
#	WERROR=1          warnings are errors
#	SKIPS=forbidden   skips are failures
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/times.sh

export BUILD=${BUILD:-build} WERROR=${WERROR:-}
# All steps that use these objects ask for them with the same compiler: else make begins anew.
export CC=gcc
# Tests of the sources, or of what is installed: once is enough.
ONCE='--skip test_gate --skip test_purity --skip test_pages --skip test_tshark --skip test_install'
ONCE="$ONCE --skip test_abi --skip test_build --skip test_structure"
# Whole programs, for what their users see.
ONCE="$ONCE --skip test_signals --skip test_back --skip test_listen --skip test_live_forger"
ONCE="$ONCE --skip test_names --skip test_reach --skip test_bench_rows"
# Mostly corosync's own time; what run.sh calls long is run by gcc's step alone.
ONCE="$ONCE --skip test_corosync_list --skip test_corosync_two"
passed=0 failed=0
summary=()
builder=	# process that builds ahead
failures=$(mktemp) || exit 2
trap '[ -z "$builder" ] || kill -- "-$builder" 2>/dev/null; rm -f "$failures"*' EXIT
trap 'exit 130' INT TERM
unset MAKEFLAGS MFLAGS MAKELEVEL

export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
# Random calls of several threads: more of them where a sanitizer looks on.
STRESS_LONG=3

# used_s: seconds of a processor, of all that has ended for this shell.
used_s()
{
	times >"$failures.times"
	processor_ms "$failures.times"
	REPLY=$((REPLY / 1000))
}

# row NAME BEGAN USED RESULT: for the end; since these seconds, of the clock and of a processor.
row()
{
	used_s
	summary+=("$(printf '%-18s %5d s, processor %5d s  %s' "$1" $((SECONDS - $2)) \
		$((REPLY - $3)) "$4")")
}

# ahead COMMAND...: builds what later steps need, beside tests that mostly wait: with the lowest
# priority, among processes and, where sessions share the processor, among these.
# The steps ask make for all of it again, which says what is wrong. Its processor time is counted
# where it ends.
ahead()
{
	mkdir -p "$BUILD"
	setsid nice -n 19 chrt --idle 0 bash -c 'echo 19 >/proc/self/autogroup; "$@"' ahead "$@" \
		>"$BUILD/check-all-ahead.log" 2>&1 </dev/null &
	builder=$!
}

# Waits for that, which has the whole machine now.
built_ahead()
{
	local began=$SECONDS used
	used_s && used=$REPLY
	wait "$builder"
	builder=
	row '  built ahead' "$began" "$used" ''
}

# step NAME COMMAND...: the last line of COMMAND is its result.
step()
{
	local name=$1 log began=$SECONDS last used
	shift
	used_s && used=$REPLY
	log=$BUILD/check-all-${name// /-}.log
	mkdir -p "$BUILD"
	echo
	echo "== $name =="
	"$@" 2>&1 | tee "$log"
	# make, too, says in a last line that something failed.
	last=$(grep -vE '^make(\[[0-9]+\])?: \*\*\* ' "$log" | tail -n 1)
	grep -E '^ *(\| )?not ok |^FAIL |# SKIP' "$log" | sed "s/^/$name: /" >>"$failures"
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
	else
		last='0 passed, 1 failed: it ended without a result'
		failed=$((failed + 1))
	fi
	row "$name" "$began" "$used" "$last"
}

build()
{
	make --no-print-directory -j"$(nproc)" "$@" tests
}

build_for_address()
{
	build BUILD="$BUILD/asan" CC=clang SAN=address,undefined CFLAGS='-O2 -gline-tables-only'
}

build_for_threads() { build BUILD="$BUILD/tsan" CC=clang SAN=thread; }

# Behind the kernels for an earlier step, which are downloaded.
build_for_sanitizers()
{
	tests/vm/kernels.sh "$PWD/build/kernels"
	build_for_address
	build_for_threads
}

build_for_mutants() { make --no-print-directory mutate-built; }

build_for_others()
{
	tests/cross.sh --build
	make --no-print-directory fuzz-built
}
export -f build build_for_address build_for_threads build_for_sanitizers
export -f build_for_mutants build_for_others

# The long tests, and the long forms of others, too.
with_gcc()
{
	export LIVE_FULL=1
	build && tests/run.sh
}

# Programs built by clang run under its sanitizers alone. Skipped: whole programs that run under the
# thread sanitizer, too, and what gcc's step alone has time for.
with_address_sanitizer()
{
	build_for_address || return
	export BUILD=$BUILD/asan SIM_ARGS='--check --seeds 200' TIME_FACTOR=4 JOBS=2
	export STRESS_ROUNDS=$STRESS_LONG
	tests/run.sh $ONCE --skip test_corosync_tools --skip test_pairs --skip test_torture.sh \
		--skip test_live_cut --skip test_corosync.sh --skip live/test_topology
}

# Skipped: tests with one thread (the simulator, the searches of all orders, test_live_cut, break,
# the core and the ring by hand), and whole programs that the steps above run (cat and its pairs,
# ping, test_failures, the floods over SCTP).
# Older thread sanitizers fail with a wide random layout of memory; setarch fixes the layout.
# They write a file before main(), which fails where files may not grow (test_exhausted.sh).
with_thread_sanitizer()
{
	local around=
	build_for_threads || return
	setarch "$(uname -m)" -R true 2>/dev/null && around="setarch $(uname -m) -R"
	export BUILD=$BUILD/tsan TIME_FACTOR=4 STRESS_ROUNDS=$STRESS_LONG JOBS=2
	$around tests/run.sh $ONCE --skip sim --skip fuzz \
		--skip test_bench --skip test_live_cut --skip test_exhausted.sh \
		--skip test_break --skip test_ring_model --skip test_link \
		--skip test_call_orders --skip test_call_nest --skip test_topo_orders \
		--skip test_dlm_random \
		--skip test_hello --skip test_cat.sh --skip test_pairs \
		--skip test_corosync_five --skip test_corosync_net --skip test_corosync_fence \
		--skip test_failures --skip test_server_failures --skip test_ping.sh \
		--skip test_sctp_flood
}

# Ten seconds for each target, from the committed corpus.
fuzz_a_little()
{
	make --no-print-directory -j"$(nproc)" fuzz SECONDS=10
}

# Many a mutant dies when a test has waited in vain: one more at a time than processors.
mutate() { make --no-print-directory JOBS=$(($(nproc) + 1)) mutate "$@"; }

all_listed_mutants() { mutate LISTED=all; }

# Always the same ones, as long as their statements stand.
a_few_mutants() { mutate N=20 SEED=1 DIRS=proto LEAST=80; }

# Tests with real kernels wait the most, and what is built with sanitizers takes the longest.
ahead build_for_sanitizers
step gcc with_gcc
step kernel make --no-print-directory check-kernel
built_ahead
ahead build_for_mutants
step 'address undefined' with_address_sanitizer
step thread with_thread_sanitizer
built_ahead
ahead build_for_others
step mutants all_listed_mutants
step 'drawn mutants' a_few_mutants
built_ahead
step cross tests/cross.sh
step packages tests/packages.sh
step fuzz fuzz_a_little
step storm tests/live/storm.sh 30000 5 60
step torture tests/live/torture.sh 30 5000

echo
echo '== check-all =='
if [ "$failed" != 0 ]; then
	echo 'failed:'
	cut -c 1-300 "$failures"
fi
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
