#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test that `sinew` says what it could not write, read or open, ends its sessions in order
# all the same, and never leaves half a file. Knows nothing of the library behind it.
# run.sh: timeout=100
# run.sh: with=jq,unshare,mount
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh

# Node 2 receives in the background, or whatever else the arguments say.
other()
{
	"$SINEW" cat --config c --node 2 "$@" >other.out 2>other.err </dev/null 5>&- &
	pids+=($!)
	pid_other=$!
}

# other_ends STATUS
other_ends()
{
	local status
	reap "$pid_other"
	status=$?
	equals "status of the other, which said: $(tail -n 2 other.err)" $status "$1"
}

# cat_1 STATUS ARGUMENT...: node 1 in the foreground, with the descriptors of the caller.
cat_1()
{
	local status=$1
	shift
	timeout "$LIMIT" "$SINEW" cat --config c --node 1 "$@" 2>err
	equals "status of $*" $? "$status"
}

# No file of which only a part was written.
no_rest_of() { [ -z "$(ls "$1".?????? 2>/dev/null)" ] || bad "$(ls "$1".??????) is left"; }

# ---- statistics ----

# In a namespace of mounts of its own: a disk of one page, which is full.
on_a_full_disk()
{
	mkdir disk
	mount -t tmpfs -o size=4k none disk || exit 20
	echo '{"old":1}' >disk/stats
	timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 --stats disk/stats <in 2>err
	echo $? >status
	cp disk/stats kept
	ls disk >left
}

statistics_on_a_full_disk()
{
	echo text >in
	other
	export -f on_a_full_disk
	export SINEW LIMIT
	unshare -m bash -c 'mount --make-rprivate / 2>/dev/null; on_a_full_disk'
	equals "status" "$(cat status)" 1
	says err "cannot write statistics to disk/stats: No space left on device"
	json_is kept .old 1
	equals "files on it" "$(cat left)" stats
	other_ends 0
	equals "what arrived" "$(cat other.out)" "1	text"
}

statistics_over_the_limit_of_files()
{
	echo old >stats
	other
	(ulimit -f 0; exec timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 \
		--stats stats </dev/null 2>&1) | cat >err
	equals status "${PIPESTATUS[0]}" 1
	says err "cannot write statistics to stats: File too large"
	equals "old statistics" "$(cat stats)" old
	no_rest_of stats
	other_ends 0
}

statistics_to_devices_and_pipes()
{
	other
	cat_1 1 --to 2 --stats /dev/full </dev/null
	says err "cannot write statistics to /dev/full: No space left on device"
	other_ends 0
	mkfifo nobody
	other
	cat_1 1 --to 2 --stats nobody </dev/null
	says err "cannot write statistics to nobody: No such device or address"
	[ -p nobody ] || bad "the pipe was replaced"
	other_ends 0
}

a_directory_that_goes_away()
{
	mkdir gone
	mkfifo feed
	other
	timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 --stats gone/stats <feed 2>err &
	pids+=($!)
	exec 6>feed
	echo text >&6
	wait_for has_line other.out text
	rmdir gone
	exec 6>&-
	wait $!
	equals status $? 1
	says err "cannot write statistics to gone/stats: No such file or directory"
	other_ends 0
}

# ---- standard output ----

# Incoming messages cannot be written: the run ends, and the sender is told by that.
output_fails()
{
	local text=$1
	says err "cannot write standard output: $text"
	says err "discarded"
	json_is stats .status 1
	reap "$pid_other"
	equals "the sender has a verdict of its own, 0 or 4" \
		"$(case $? in 0 | 4) echo yes ;; *) echo no ;; esac)" yes
}

output_to_a_full_device()
{
	seq 2000 >lines
	"$SINEW" cat --config c --node 2 --to 1 <lines >other.out 2>other.err &
	pids+=($!)
	pid_other=$!
	cat_1 1 --stats stats </dev/null >/dev/full
	output_fails "No space left on device"
}

output_that_is_closed()
{
	seq 2000 >lines
	"$SINEW" cat --config c --node 2 --to 1 <lines >other.out 2>other.err &
	pids+=($!)
	pid_other=$!
	cat_1 1 --stats stats </dev/null >&-
	output_fails "Bad file descriptor"
}

output_over_the_limit_of_files()
{
	seq 100000 >lines
	"$SINEW" cat --config c --node 2 --to 1 <lines >other.out 2>other.err &
	pids+=($!)
	pid_other=$!
	(
		ulimit -f 4
		cat_1 1 --stats stats </dev/null >part
		[ -z "$why" ] || echo "$why" >"why"
	) 2>/dev/null
	[ ! -s why ] || bad "$(cat why)"
	output_fails "File too large"
	sed 's/^/1\t/; s/^1/2/' lines | head -c "$(stat -c %s part)" >want
	same want part
}

# ---- standard input and error ----

input_that_is_a_directory()
{
	other
	cat_1 2 --to 2 </tmp
	says err "cannot read standard input: Is a directory; delivering input already read"
	other_ends 0
}

input_that_cannot_be_read()
{
	other
	cat_1 2 --to 2 0>sink
	says err "cannot read standard input: Bad file descriptor"
	other_ends 0
}

errors_that_nobody_reads()
{
	local to
	for to in full closed limit; do
		other
		echo "$to" >in
		case $to in
		full) timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 \
			--log-level debug <in 2>/dev/full ;;
		closed) timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 \
			--log-level debug <in 2>&- ;;
		limit) (ulimit -f 0; exec timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 \
			--log-level debug <in 2>small) ;;
		esac
		equals "status with errors: $to" $? 0
		other_ends 0
		equals "what arrived with errors: $to" "$(cat other.out)" "1	$to"
	done
}

help_that_cannot_be_written()
{
	local what
	for what in --help --version "cat --help" "break --help" "break relay --help"; do
		"$SINEW" $what >/dev/full 2>err
		equals "status of $what to a full disk" $? 1
		says err "cannot write standard output: No space left on device"
		"$SINEW" $what >&- 2>err
		equals "status of $what to nowhere" $? 1
		says err "Bad file descriptor"
	done
}

# ---- descriptors ----

# However few there are: it runs, or it says so and ends. The search for leaks needs some itself.
few_descriptors()
{
	local -x ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	local n status ran=0 refused=0
	for ((n = 3; n < 18; n++)); do
		(exec </dev/null >out 2>err; ulimit -n "$n"
		 exec timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 --wait 0.01)
		status=$?
		case $status in
		2) refused=$((refused + 1)); grep -q "Too many open files" err ||
			bad "with $n descriptors: $(cat err)" ;;
		3) ran=$((ran + 1)) ;;
		127) ;;	# not even the loader could open a file
		*) bad "status $status with $n descriptors: $(cat err)" ;;
		esac
	done
	[ "$ran" -gt 2 ] && [ "$refused" -gt 2 ] || bad "$ran ran, $refused were refused"
}

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	run statistics_on_a_full_disk
else
	skip statistics_on_a_full_disk "a disk of its own needs root"
fi
run statistics_over_the_limit_of_files
run statistics_to_devices_and_pipes
run a_directory_that_goes_away
run output_to_a_full_device
run output_that_is_closed
run output_over_the_limit_of_files
run input_that_is_a_directory
run input_that_cannot_be_read
run errors_that_nobody_reads
run help_that_cannot_be_written
run few_descriptors
finish
