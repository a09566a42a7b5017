#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of what `sinew` says to the service manager that has started it, and of the unit
# file that is shipped as an example. Knows nothing of when corosync is ready.
# run.sh: timeout=60 with=perl,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh
UNIT=$PWD/tools/systemd/sinew-cat.service
PAGE=$PWD/lowcomms/man/sinew-operations.7

begins_and_ends()
{
	local pid
	manager "$1" words
	NOTIFY_SOCKET=$1 "$SINEW" cat --config c --node 1 </dev/null 2>err &
	pid=$!
	pids+=($pid)
	wait_for has_line words READY=1
	# It is true what it said.
	listens 1 || bad "ready, but it does not listen"
	grep -q STOPPING words && bad "it ends before it was asked to"
	kill -TERM $pid
	wait_for has_line words STOPPING=1
	wait $pid
	equals 'status' $? 0
	equals 'words' "$(tr '\n' ' ' <words)" 'hears READY=1 STOPPING=1 '
}

a_socket_of_a_path() { begins_and_ends "$PWD/socket"; }
a_socket_without_a_file() { begins_and_ends "@sinew-test-$$"; }

nobody_hears_it()
{
	local path status
	for path in "$PWD/none" "$PWD/$(printf 'x%.0s' {1..120})"; do
		NOTIFY_SOCKET=$path timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 \
			--wait 0.01 </dev/null 2>err
		status=$?
		equals "status with $path" $status 3
		says err 'cannot send READY=1 to NOTIFY_SOCKET'
	done
	says err 'File name too long'
	NOTIFY_SOCKET='' timeout "$LIMIT" "$SINEW" cat --config c --node 1 --to 2 --wait 0.01 \
		</dev/null 2>err
	grep -q READY err && bad "it speaks to nobody: $(cat err)"
}

# A command that cannot even start is not ready.
no_start_no_word()
{
	manager "$PWD/socket" words
	NOTIFY_SOCKET=$PWD/socket refuses 2 'no node with nodeid 7' cat --config c --node 7
	# The socket keeps the order: a word of the refused one would be before this.
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Type => SOCK_DGRAM,
		Peer => $ARGV[0])->send("last")' "$PWD/socket"
	wait_for has_line words last
	equals 'words' "$(tr '\n' ' ' <words)" 'hears last '
}

page_has_the_unit()
{
	awk '/^\.SS systemd/ { on = 1 } on && /^\.EE/ { exit }
		ex { print } on && /^\.EX/ { ex = 1 }' "$PAGE" >page
	grep -v '^#' "$UNIT" >unit
	same page unit
}

# systemd only warns of a key or value that it does not know.
unit_is_right()
{
	sed "s|/usr/bin/sinew|$SINEW|" "$UNIT" >sinew-cat.service
	SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$PWD/sinew-cat.service" \
		>said 2>&1
	equals 'status' $? 0
	[ ! -s said ] || bad "$(cat said)"
	# All that it gives to the command is known there.
	"$SINEW" $(sed -n 's|^ExecStart=/usr/bin/sinew ||p' "$UNIT") --help >out 2>err ||
		bad "its command line is not taken: $(cat err)"
}

run a_socket_of_a_path
run a_socket_without_a_file
run nobody_hears_it
run no_start_no_word
run page_has_the_unit
if command -v systemd-analyze >/dev/null; then
	run unit_is_right
else
	skip unit_is_right 'systemd-analyze is not installed'
fi
finish
