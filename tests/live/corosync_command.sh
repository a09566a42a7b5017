# SPDX-License-Identifier: LGPL-2.1-or-later
# The command on the nodes of a laboratory: in the foreground, in the background, and receivers.
# Sourced behind tests/live/corosync_lab.sh; knows no single test.

declare -a cat	# processes of receivers, by node

# tool NODE STATUS ARGUMENT...: of sinew, on that node; its output is in out and err.
tool()
{
	local node=$1 status=$2
	shift 2
	timeout "$LIMIT" nsenter -t "${holder[$node]}" -m -n -u -- "$SINEW" "$@" >"$T/out" \
		2>"$T/err" </dev/null
	equals "status of $* on node $node" $? "$status"
}

# keep NODE NAME ARGUMENT...: the same in the background; its process is $!.
keep()
{
	local node=$1 name=$2
	shift 2
	nsenter -t "${holder[$node]}" -m -n -u -- "$SINEW" "$@" >"$T/$name.out" 2>"$T/$name.err" \
		</dev/null &
}

# ended_with NAME PID STATUS
ended_with()
{
	local status
	wait_for is_gone "$2" || return
	wait "$2" 2>/dev/null
	status=$?
	[ $status = "$3" ] || bad "$1 ended with $status, not $3: $(tail -n 2 "$T/$1.err")"
}

# Whether that node is joined, as node 1 sees it.
is_joined()
{
	nsenter -t "${holder[1]}" -m -n -u -- "$SINEW" members --json >"$T/view" 2>/dev/null
	jq -e --argjson id "$1" '[.. | objects | select(.node? == $id and .state? == "joined")] |
		length > 0' "$T/view" >/dev/null 2>&1
}

# Receivers on these nodes, with the options of CAT_ARGS.
receive()
{
	local i
	for i; do
		keep "$i" "cat$i" cat --membership corosync ${CAT_ARGS:-}
		cat[i]=$!
	done
	for i; do
		wait_for is_joined "$i"
	done
}

# command_row NAME: one row; no program of the laboratory runs.
command_row()
{
	why=
	"$1"
	verdict "$1"
}
