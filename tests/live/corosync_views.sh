# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns a subscriber of the topology on each node of a laboratory, from its first moment to its last.
# Checks that its view equals the list of its node, and that this list has exactly the members that
# are up. Sourced behind tests/live/corosync_lab.sh; the programs need the argument --serve, unless
# SERVING has the nodes of those that serve. Knows no single fault.
#
#	watch_all		# once all are up; of some alone: watch 4
#	view_is '1 2' 1 2	# nodes 1 and 2 know of each other, and of no other node
#	views_are_right		# of all, when all are up
#	watchers_end		# the last row; of one alone: watcher_end 4

VIEW=$PWD/tests/live/topology_view.py
declare -A watcher

socket_of() { echo "sinew/lab/sinew/$1"; }

# watch NODE...: from now on; a program that is started again finds it still there.
watch()
{
	local i
	[ -z "$why" ] || return
	for i; do
		nsenter -t "${holder[$i]}" -m -n -u -- "$SINEW" topology watch --json \
			--socket "$(socket_of "$i")" >"$T/node$i/watched" \
			2>"$T/node$i/watched.err" </dev/null &
		watcher[$i]=$!
		wait_for grep -qs '"CURRENT"' "$T/node$i/watched" || return
	done
}

watch_all() { watch $listed; }

# lists NODE: what that node lists now, in $T/nodeNODE/list.
lists()
{
	timeout "$LIMIT" nsenter -t "${holder[$1]}" -m -n -u -- "$SINEW" topology list --json \
		--socket "$(socket_of "$1")" >"$T/node$1/list" 2>"$T/node$1/list.err" </dev/null
}

# has_view NODE NODES: the list has these nodes, with sessions of all with all, and the subscriber
# was told what is listed. That of links changes all the time.
has_view()
{
	lists "$1" && python3 "$VIEW" --sessions "$2" --serving "${SERVING:-$2}" \
		"$T/node$1/list" "$T/node$1/watched" >"$T/node$1/view" 2>&1
}

# view_is NODES NODE...: these nodes have sessions with each other, and with no other node; and the
# subscriber of each of them knows that, within LIMIT seconds.
view_is()
{
	local nodes=$1 i until
	shift
	for i; do
		until=$((SECONDS + LIMIT))
		until [ -n "$why" ] || has_view "$i" "$nodes"; do
			[ $SECONDS -lt $until ] || bad "the view of node $i: $(cat \
				"$T/node$i/list.err" "$T/node$i/view" | head -n 3)"
			sleep 0.05
		done
	done
}

# Everybody is up again.
views_are_right() { view_is "$listed" ${SERVING:-$listed}; }

# has_members NODE: those that are up, as corosync's group has them at that node.
has_members()
{
	timeout "$LIMIT" nsenter -t "${holder[$1]}" -m -n -u -- "$SINEW" members --json \
		>"$T/members" 2>/dev/null </dev/null
	[ "$(jq -r '[.. | objects | select(.state? == "joined") | .node] | unique |
		join(" ")' "$T/members" 2>/dev/null)" = "$listed" ]
}

# watcher_end NODE: it has not ended before.
watcher_end()
{
	local i=$1
	echo "# the subscriber of node $i: $(head -n 1 "$T/node$i/view")"
	kill -TERM "${watcher[$i]}" || bad "the subscriber of node $i had ended"
	wait_for ended "${watcher[$i]}"
	wait "${watcher[$i]}"
	equals "the status of the subscriber of node $i" $? 0
	check_sanitizers "$T/node$i/watched.err"
	unset "watcher[$i]"
}

# The members are as they know them, by `sinew members`, too.
watchers_end()
{
	local i
	for i in "${!watcher[@]}"; do
		wait_for has_members "$i"
		watcher_end "$i"
	done
}
