#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of what the README shows first: the demonstrations on loopback, shorter than by
# default. Each compares what it sent itself, and says so. Knows only their command lines.
# Alone: each connection is destroyed after 20 ms, which a starved machine needs to make one.
# run.sh: long alone timeout=300
set -u
cd "$(dirname "$0")/../.." || exit 2

TOP=$PWD
. tests/lib.sh

# demo VERDICT SCRIPT [VARIABLE=VALUE]...
demo()
{
	env BUILD="$BUILT" TMPDIR="$T" "${@:3}" timeout 120 "$TOP/tools/$2.sh" >out 2>err </dev/null
	equals "status of $2" $? 0
	says out "$1"
	# The reason stands in its output, which may be long.
	[ -z "$why" ] || tail -n 40 out err | sed 's/^/# /'
}

files_over_tcp() { demo PASSED demo SECONDS_LONG=2; }
files_over_tcp_without_root() { demo PASSED demo SECONDS_LONG=2 OUTSIDE=no; }
files_over_sctp_in_user_land() { demo PASSED demo SECONDS_LONG=2 TRANSPORT=sctp-user; }
calls() { demo PASSED demo-calls SECONDS_LONG=6; }
topology() { demo 'The lists of all three nodes are equal' demo-topology CHANGES=20000; }

run files_over_tcp
run files_over_tcp_without_root
run_over_usrsctp files_over_sctp_in_user_land
run calls
run topology
finish
