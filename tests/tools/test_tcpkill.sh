#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test with the real tcpkill (package dsniff), in a network namespace of its own: it resets
# connections of `sinew torture` again and again, and each message is delivered exactly once. Knows
# only the command lines of both.
# run.sh: timeout=150
# run.sh: with=jq,ip,tcpkill
set -u
cd "$(dirname "$0")/../.." || exit 2

. tests/lib.sh
. tests/netns_lib.sh

KILLS=10
# One is enough on an idle machine.
SECONDS_MAX=60

needs_namespaces nothing_but_tcpkill_kills \
	each_message_arrives_once_under_tcpkill

# torture NAME STATUS SECONDS: nodes that break no connection themselves, until somebody has killed
# KILLS.
# All of them read slowly, so that a connection rests at times: tcpkill guesses the number of its
# reset from the last segment, which on a busy connection is out of date when the reset arrives.
torture()
{
	on 1 timeout "$((3 * LIMIT))" "$SINEW" torture --nodes 4 --slow 4 --breaker none \
		--restart-every 0 --kills $KILLS --seconds "$3" --json \
		>"$1.json" 2>"$1.err" </dev/null
	equals "status of torture" $? "$2"
}

delivered_once()
{
	json_holds "$1" '.n_problems == 0 and .sum.delivered > 0 and .sum.sent == .sum.delivered'
	json_holds "$1" '.sum | .lost + .duplicated + .reordered + .corrupted == 0'
}

namespace()
{
	hold_namespace 1
	on 1 ip link set lo up
}

# So a kill below is one of tcpkill.
nothing_but_tcpkill_kills()
{
	namespace
	torture alone 3 1
	delivered_once alone.json
	json_is alone.json .sum.kills 0
}

each_message_arrives_once_under_tcpkill()
{
	namespace
	# It is to end with the test, whatever becomes of that.
	start_saying forged 'listening on lo' nsenter -t "${ns[1]}" -n \
		setpriv --pdeathsig KILL tcpkill -1 -i lo port 21065 >/dev/null
	torture killed 0 $SECONDS_MAX
	delivered_once killed.json
	json_holds killed.json ".sum.kills >= $KILLS and .sum.resent > 0"
	# The kernel has counted them, too, at both ends.
	on 1 nstat -asz TcpEstabResets >resets
	awk '/TcpEstabResets/ { n = $2 } END { exit n < '$KILLS' }' resets ||
		bad "fewer than $KILLS resets: $(cat resets)"
	says forged ': R '
}

run nothing_but_tcpkill_kills
run each_message_arrives_once_under_tcpkill
finish
