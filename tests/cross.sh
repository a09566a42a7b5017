#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of other machines: 32 bits (i686), big endian (s390x), arm64, and another C
# library (musl). Builds library, unit twins and simulator for each with warnings as errors and
# runs them under qemu-user; then a mesh in which one node of each machine, and a native one,
# talk to each other. Knows no protocol.
#
#	tests/cross.sh [MACHINE...]	i686 s390x aarch64 musl
#	tests/cross.sh --build		only builds what that is going to run
#
# BUILD=build        where all is built, in a folder for each
# SEEDS=200          of the simulator, for each machine
# Takes about 4 minutes on two processors, and prints what each part took.
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build}
SEEDS=${SEEDS:-200}
JOBS=$(nproc)
MESSAGES=400	# of each node to each other one
LIMIT=150	# seconds for the mesh
# Addresses of this process alone.
NET=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1))
# Tests of the library that take seconds under emulation, and whose result depends on the machine.
TWINS='call_wire config crc32c decode dial dlm_packet dlm_random dlm_space frag fsm golden
	greeting hello hostile known link link_state live_hot lives lives_peers node node_again
	node_ends node_find node_leave node_memory node_wait option_set overview path paths ring
	ring_calls ring_threads seq service service_calls session_calls snapshot states tombstones
	topo topo_edges topo_hostile topo_owners topo_time topo_view topo_wire view view_again
	view_away view_ends view_limits view_observer watch wire wire_calls'
passed=0 failed=0
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL
T=$(mktemp -d) || exit 2
pids=()

cleanup()
{
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# verdict NAME BEGAN STATUS [WHY]: one line, with the seconds.
verdict()
{
	if [ "$3" = 0 ]; then
		passed=$((passed + 1))
		echo "ok - $1 ($((SECONDS - $2)) s)"
	else
		failed=$((failed + 1))
		echo "not ok - $1 ($((SECONDS - $2)) s): ${4:-exit status $3}"
	fi
}

folder() { echo "$BUILD/cross/$1"; }

# The emulator that runs a program of that machine.
runner()
{
	case $1 in
	i686) echo qemu-i386 ;;
	musl | native) echo env ;;
	*) echo "qemu-$1" ;;
	esac
}

# musl has no headers of the kernel: those of the system, and nothing else of it.
musl_headers()
{
	local dir name
	dir=$(folder headers)
	mkdir -p "$dir"
	for name in linux asm-generic asm; do
		for from in /usr/include "/usr/include/$(gcc -print-multiarch)"; do
			[ -d "$from/$name" ] && ln -sfn "$from/$name" "$dir/$name"
		done
	done
	echo "-idirafter $dir"
}

# built MACHINE TARGET...: nothing of the build machine's own libraries is seen. Linked
# statically, as qemu-user then needs no file of another machine; and threads of an i686 program
# with shared libraries do not start under its version 7.2.
built()
{
	local machine=$1 dir cc flags=
	shift
	dir=$(folder "$machine")
	case $machine in
	musl) cc=musl-gcc flags=$KERNEL ;;
	*) cc=$machine-linux-gnu-gcc ;;
	esac
	make --no-print-directory -j"$JOBS" BUILD="$dir" CC="$cc" CFLAGS=-O1 CPPFLAGS="$flags" \
		LDFLAGS='-static -Wl,--no-warnings' PKG_CONFIG=false WERROR=1 \
		"${@/#/$dir/}"
}

# targets_of MACHINE: in the array targets.
targets_of()
{
	local twin
	targets=(libsinew.a tests/cross/node tests/sim)
	for twin in $TWINS; do
		[ "$1" = musl ] || targets+=("tests/test_$twin")
	done
}

# build_all MACHINE: false if it cannot be built.
build_all()
{
	local began=$SECONDS targets program status
	targets_of "$1"
	# What is not asked for any more is not to be run.
	for program in "$(folder "$1")"/tests/test_*; do
		[[ " ${targets[*]} " == *" tests/${program##*/} "* ]] || rm -f "$program"
	done
	built "$1" "${targets[@]}" >"$T/log" 2>&1
	status=$?
	[ $status = 0 ] || tail -n 30 "$T/log"
	verdict "$1: builds without a warning" "$began" $status
	return $status
}

# Unit twins and simulator, each test on its own line.
run_all()
{
	local began=$SECONDS names='' twin
	for twin in $TWINS; do
		[ "$1" = musl ] || names="$names test_$twin"
	done
	RUNNER=$(runner "$1") BUILD=$(folder "$1") SIM_ARGS="--check --seeds $SEEDS" TIME_FACTOR=4 \
		JOBS=$JOBS tests/run.sh $names sim >"$T/log" 2>&1
	status=$?
	[ $status = 0 ] && grep -E ' s$' "$T/log" | sort -rnk 5 | head -n 3
	[ $status = 0 ] || cat "$T/log"
	verdict "$1: $(echo "$names" | wc -w) twins and $SEEDS seeds" "$began" $status
}

# The command and what talks to corosync, by the compiler's eyes alone: their libraries are
# not there for other machines, their headers are the same.
look_at_the_rest()
{
	local began=$SECONDS flags status
	flags="$(pkg-config --cflags json-c | sed 's/-I/-idirafter /g') -idirafter /usr/include"
	flags="$flags -idirafter /usr/include/$(gcc -print-multiarch)"
	for have in LIBQB NFTABLES COROSYNC; do
		flags="$flags -DHAVE_$have"
	done
	printf '%s\n' tools/*.c tools/*/*.c services/*.c membership/*.c tests/*/*.c |
		grep -v tests/bench | xargs -P "$JOBS" -n 20 i686-linux-gnu-gcc -fsyntax-only \
		-std=c11 -O1 -I. -idirafter lowcomms $flags \
		-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 \
		-pthread -Wall -Wextra -Wshadow -Wno-psabi -Werror >"$T/log" 2>&1
	status=$?
	[ $status = 0 ] || grep -E 'error|warning' "$T/log" | head -n 20
	verdict 'i686: the command compiles without a warning' "$began" $status
}

# One node of each machine and a native one, all with all, links broken all the time.
mesh()
{
	local began=$SECONDS machines=(native "$@") i status=0 why=
	make --no-print-directory -j"$JOBS" BUILD="$BUILD" "$BUILD/tests/cross/node" >/dev/null ||
		status=1
	for ((i = 0; i < ${#machines[@]}; i++)); do
		dir=$(folder "${machines[i]}")
		[ "${machines[i]}" = native ] && dir=$BUILD
		$(runner "${machines[i]}") "$dir/tests/cross/node" $((i + 1)) ${#machines[@]} \
			"$NET" $MESSAGES >"$T/node$i" 2>&1 &
		pids[i]=$!
	done
	for ((i = 0; i < ${#machines[@]}; i++)); do
		wait "${pids[i]}" || why="$why ${machines[i]}"
		sed "s/^/     ${machines[i]}: /" "$T/node$i"
	done
	pids=()
	[ -z "$why" ] || status=1
	verdict "a mesh of ${machines[*]}" "$began" $status "failed:$why"
}

KERNEL=$(musl_headers)
if [ "${1:-}" = --build ]; then
	for machine in i686 s390x aarch64 musl; do
		targets_of "$machine"
		built "$machine" "${targets[@]}"
	done
	exit
fi
[ $# -gt 0 ] || set -- i686 s390x aarch64 musl
good=()
for machine in "$@"; do
	build_all "$machine" || continue
	good+=("$machine")
	run_all "$machine"
done
look_at_the_rest
mesh "${good[@]}"
echo "took $SECONDS s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
