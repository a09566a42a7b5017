#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the mutants: applies each of list.txt to a copy of its file, links it
# with the other objects of both cores and of the view, and expects the simulator or
# the unit tests to fail. Knows nothing of what the tests check.
#
#   tests/mutants/run.sh [NAME...]      BUILD, JOBS, SEEDS, CC as for make
#
# run.sh: long alone timeout=400 with=perl
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
SEEDS=${SEEDS:-2000}
JOBS=${JOBS:-$(nproc)}
CC=${CC:-cc}
OUT=$BUILD/mutants
UNITS="test_ring test_rx test_link test_hello test_hostile test_stuck test_dlm_rules test_dlm_ends
	test_ring_calls test_session_calls test_view test_view_again test_greeting test_calls
	test_call_rules test_call_slots test_call_windows test_call_upgrade test_never_dial
	test_call_after test_call_query test_call_creds
	test_call_orders"
SOURCES="$(echo proto/*.c services/call_wire.c services/calls*.c membership/view*.c)
	membership/greeting.c"
FLAGS="-std=c11 -O1 -g -I. -idirafter lowcomms -w -pthread -D_GNU_SOURCE"

# The text of a mutant: "- " lines replaced by "+ " lines, found exactly once.
apply() {
	perl -e '
		my ($name, $out) = @ARGV; my ($in, $file, $old, $new) = (0, "", "", "");
		open(my $l, "<", "tests/mutants/list.txt") or die;
		while (<$l>) {
			if (/^@ (\S+) \| (\S+) \|/) { $in = $1 eq $name; $file = $2 if $in; next; }
			next unless $in;
			if (/^- (.*\n)/) { $old .= $1; } elsif (/^\+ (.*\n)/) { $new .= $1; }
		}
		open(my $f, "<", $file) or die "no such mutant: $name\n"; local $/; my $t = <$f>;
		$old =~ s/\n$//; $new =~ s/\n$//;	# the last line may go on
		my $n = () = $t =~ /\Q$old\E/g;
		die "$name: its text stands $n times in $file\n" if $n != 1;
		$t =~ s/\Q$old\E/$new/;
		open(my $o, ">", "$out/" . ($file =~ s{.*/}{}r)) or die; print $o $t;
		print $file;
	' "$1" "$2"
}

objects() {	# all objects but the one named
	for c in $SOURCES; do
		[ "$c" = "$1" ] || echo "$OUT/obj/$(basename "$c" .c).o"
	done
}

# Says which unit kills the mutant in $name; each is linked when its turn comes.
killed_by_unit() {
	local u
	for u in $UNITS; do
		# What is no source here comes from the libraries.
		if ! $CC $FLAGS "$@" "$OUT/unit/$u.o" "$BUILD/tests/libtest.a" "$BUILD/inside.a" \
			-o "$dir/unit" 2>>"$dir/log"; then
			echo "not ok - mutant $name: $u does not link: $(tail -n 1 "$dir/log")"
			return 0
		fi
		timeout 60 "$dir/unit" >/dev/null 2>&1 && continue
		echo "ok - mutant $name killed by $u"
		return 0
	done
	return 1
}

what_failed() { grep -m1 -E '^seed|not ok|FAIL|Assertion|assert' "$1" | cut -c1-100; }

run_sim() { timeout 120 "$dir/sim" "$@" --seeds "$SEEDS" --jobs 1; }

one() {
	local name=$1 dir=$OUT/$1 SEEDS=$SEEDS file why objs mode=
	mkdir -p "$dir"
	if ! file=$(apply "$name" "$dir" 2>"$dir/log"); then
		echo "not ok - mutant $name: $(cat "$dir/log")"
		return
	fi
	if [ "${file##*.}" = h ]; then
		# A header: all of the core anew.
		cp -r proto "$dir/proto" && cp "$dir/$(basename "$file")" "$dir/proto/"
		objs="$(echo "$OUT"/obj/{view,call}*.o) $OUT/obj/greeting.o"
		for c in "$dir"/proto/*.c; do
			objs="$objs ${c%.c}.o"
			$CC $FLAGS -I"$dir" -c "$c" -o "${c%.c}.o" 2>"$dir/log" || break
		done
	else
		$CC $FLAGS -I"$(dirname "$file")" -c "$dir/$(basename "$file")" \
			-o "$dir/mutant.o" 2>"$dir/log" && objs="$dir/mutant.o $(objects "$file")"
	fi
	if [ -z "${objs:-}" ] ||
	   ! $CC $FLAGS $objs "$OUT"/sim/*.o -o "$dir/sim" 2>>"$dir/log"; then
		echo "not ok - mutant $name: does not build: $(head -1 "$dir/log")"
		return
	fi
	# A run with calls costs as much as four.
	case $file in
	membership/*) mode=--view ;;
	services/*) mode=--calls SEEDS=$((SEEDS / 4)) ;;
	esac
	if ! run_sim $mode >"$dir/sim.out" 2>&1; then
		why=$(what_failed "$dir/sim.out")
		echo "ok - mutant $name killed by the simulator: ${why:-end by a signal}"
	elif killed_by_unit $objs; then
		:
	elif ! run_sim --view >"$dir/sim.out" 2>&1; then
		why=$(what_failed "$dir/sim.out")
		echo "ok - mutant $name killed with a view: ${why:-end by a signal}"
	else
		echo "not ok - mutant $name lives"
	fi
	rm -rf "$dir"
}

mkdir -p "$OUT/obj" "$OUT/sim" "$OUT/unit"
for c in $SOURCES; do echo "$c $OUT/obj/$(basename "$c" .c).o"; done > "$OUT/compile"
for c in tests/sim/*.c; do echo "$c $OUT/sim/$(basename "$c" .c).o"; done >> "$OUT/compile"
for u in $UNITS; do echo tests/*/"$u.c" "$OUT/unit/$u.o"; done >> "$OUT/compile"
xargs -P "$JOBS" -L 1 sh -c "exec $CC $FLAGS -c \"\$0\" -o \"\$1\"" < "$OUT/compile" || exit 1

export -f one what_failed run_sim apply objects killed_by_unit
export BUILD SEEDS CC OUT FLAGS UNITS SOURCES
if [ $# -eq 0 ]; then
	mapfile -t names < <(sed -n 's/^@ \([^ ]*\) .*/\1/p' tests/mutants/list.txt)
	set -- "${names[@]}"
fi
printf '%s\n' "$@" | xargs -P "$JOBS" -I{} bash -c 'one {}' | tee "$OUT/result"
killed=$(grep -c '^ok' "$OUT/result")
lives=$(grep -c '^not ok' "$OUT/result")
echo "$killed passed, $lives failed"
[ "$lives" = 0 ]
