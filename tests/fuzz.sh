#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the running of the fuzz targets: which, for how long, from which corpus, and the
# result. Knows nothing of what a target does. `make fuzz` builds them and calls this.
#
#	tests/fuzz.sh [--merge] [TARGET...]
#
# A target is a file tests/fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput(). Without a fuzzer
# it is a plain test that replays the files of tests/fuzz/corpus/NAME/ (`make check`). Here it
# has libFuzzer in it, the address and the undefined-behaviour sanitizer. A run begins with the
# committed corpus and keeps what it finds in BUILD/corpus/NAME; --merge makes of both a small
# set with the same coverage, which is then tests/fuzz/corpus/NAME.
#
# An input that fails is left in BUILD/found, the command that replays it is printed. Such
# an input belongs into the corpus once what it found is repaired, under a name that says it:
#
#	cp build/fuzz/found/core-crash-... tests/fuzz/corpus/core/found-hello-upon-hello
#
# Files with a name (it has a "-") are never merged away: "found-" were faults of the code,
# "kills-" fail when a check is left out on purpose. FUZZ_TRACE=1 lets the targets core and
# pair say what happens in a run. To add a target: one more file, and inputs for it.
#
# BUILD=build/fuzz     where the programs are
# FUZZ_SECONDS=60      for each target
# JOBS=2               targets at a time
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build/fuzz}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
JOBS=${JOBS:-$(nproc)}
CORPUS=tests/fuzz/corpus
MAX_LEN=4096		# bytes of an input, unless the target says less: "fuzz.sh: max_len=N"
MEMORY_MB=2048 TIMEOUT=10
FILES_MAX=150 BYTES_MAX=300000	# of a committed corpus

export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:quarantine_size_mb=64
passed=0 failed=0

max_len_of()
{
	local n
	n=$(sed -n '1,40s/.*fuzz\.sh: max_len=\([0-9]*\).*/\1/p' "tests/fuzz/fuzz_$1.c")
	echo "${n:-$MAX_LEN}"
}

limits_of()
{
	echo "-timeout=$TIMEOUT -rss_limit_mb=$MEMORY_MB -max_len=$(max_len_of "$1")"
}

# fuzz NAME: the target's whole output goes to BUILD/log/NAME.
fuzz()
{
	local name=$1 dict=
	[ -e "tests/fuzz/$name.dict" ] && dict=-dict=tests/fuzz/$name.dict
	mkdir -p "$BUILD/corpus/$name" "$BUILD/found" "$BUILD/log"
	"$BUILD/tests/fuzz/fuzz_$name" $(limits_of "$name") $dict -print_final_stats=1 \
		-max_total_time="$FUZZ_SECONDS" -artifact_prefix="$BUILD/found/$name-" \
		"$BUILD/corpus/$name" "$CORPUS/$name" >"$BUILD/log/$name" 2>&1
}

# stat NAME KEY: a number of libFuzzer's summary.
stat_of() { sed -n "s/^stat::$2: *//p" "$BUILD/log/$1" | tail -n 1; }

last_of() { grep -aoE "\b$2: [0-9]+" "$BUILD/log/$1" | tail -n 1 | grep -oE '[0-9]+'; }

report()
{
	local name=$1 status=$2 runs found
	runs=$(stat_of "$name" number_of_executed_units)
	printf '%-8s %10s runs %7s/s  cov %5s  features %6s  %4s MB' "$name" "${runs:-0}" \
		"$(stat_of "$name" average_exec_per_sec)" "$(last_of "$name" cov)" \
		"$(last_of "$name" ft)" "$(stat_of "$name" peak_rss_mb)"
	if [ "$status" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		passed=$((passed + 1))
		printf '  ok\n'
		return
	fi
	failed=$((failed + 1))
	printf '  FAIL\n'
	grep -aE 'does not hold|ERROR|runtime error|SUMMARY|ssertion' "$BUILD/log/$name" | head -n 5
	found=$(sed -n 's/.*Test unit written to //p' "$BUILD/log/$name" | tail -n 1)
	if [ -n "$found" ]; then
		echo "not ok - fuzz_$name: replay it with $BUILD/tests/fuzz/fuzz_$name $found"
	else
		echo "not ok - fuzz_$name: exit status $status, its output is in $BUILD/log/$name"
	fi
}

run_all()
{
	local name pid status
	declare -A name_of=()
	trap 'kill "${!name_of[@]}" 2>/dev/null; exit 130' INT TERM
	echo "fuzzing ${targets[*]}: $FUZZ_SECONDS s each, $JOBS at a time"
	for name in "${targets[@]}" ''; do
		while [ ${#name_of[@]} -gt 0 ] &&
		      { [ -z "$name" ] || [ ${#name_of[@]} -ge "$JOBS" ]; }; do
			wait -n -p pid "${!name_of[@]}"
			status=$?
			report "${name_of[$pid]}" $status
			unset "name_of[$pid]"
		done
		[ -n "$name" ] || break
		fuzz "$name" &
		name_of[$!]=$name
	done
}

# The committed corpus becomes a small set that covers the same code as it and the finds.
merge()
{
	local name=$1 new=$BUILD/merged/$1 old=$CORPUS/$1 f n bytes
	rm -rf "$new"
	mkdir -p "$new" "$old" "$BUILD/corpus/$name" "$BUILD/log"
	if ! "$BUILD/tests/fuzz/fuzz_$name" -set_cover_merge=1 -use_counters=0 \
		$(limits_of "$name") "$new" "$old" "$BUILD/corpus/$name" \
		>"$BUILD/log/$name-merge" 2>&1; then
		echo "not ok - fuzz_$name: cannot merge, see $BUILD/log/$name-merge"
		failed=$((failed + 1))
		return
	fi
	n=$(find "$new" -type f | wc -l) bytes=$(cat "$new"/* | wc -c)
	if [ "$n" -gt $FILES_MAX ] || [ "$bytes" -gt $BYTES_MAX ]; then
		echo "not ok - fuzz_$name: $n inputs of $bytes bytes are more than" \
			"$FILES_MAX of $BYTES_MAX, they stay in $new"
		failed=$((failed + 1))
		return
	fi
	find "$old" -type f ! -name '*-*' -delete
	for f in "$new"/*; do
		cp "$f" "$old/$(sha1sum <"$f" | cut -c 1-10)"
	done
	echo "ok - fuzz_$name: $n inputs of $bytes bytes"
	passed=$((passed + 1))
}

merging=
[ "${1:-}" = --merge ] && { merging=1; shift; }
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
	for f in tests/fuzz/fuzz_*.c; do
		f=${f##*/fuzz_}
		targets+=("${f%.c}")
	done
fi
for name in "${targets[@]}"; do
	if [ ! -x "$BUILD/tests/fuzz/fuzz_$name" ]; then
		echo "fuzz.sh: no target '$name' in $BUILD: \`make fuzz\` builds them" >&2
		exit 2
	fi
done
if [ -n "$merging" ]; then
	for name in "${targets[@]}"; do
		merge "$name"
	done
else
	run_all
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
