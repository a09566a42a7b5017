#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of IPv6: three `sinew cat` that share the one address ::1 and differ in their
# ports (sinew_port), while they reset their connections. Knows only the command line.
# run.sh: timeout=60
set -u
cd "$(dirname "$0")/../.." || exit 2

BUILD=${BUILD:-build}
LINES_EACH=30000
nodes='1 2 3'
pids=()
bad=
export LC_ALL=C

T=$(mktemp -d) || exit 2
cleanup()
{
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if ! grep -qs '^00000000000000000000000000000001 ' /proc/net/if_inet6; then
	echo "ok - three nodes at ::1 # SKIP this machine has no IPv6 on loopback"
	exit 0
fi

in_use() { grep -qi ":$(printf %04X "$1") " /proc/net/tcp6; }

base=$((10000 + ($$ * 4) % 20000))
while in_use $((base + 1)) || in_use $((base + 2)) || in_use $((base + 3)); do
	base=$((base + 4))
done
{
	printf 'totem {\n\tcluster_name: six\n}\nnodelist {\n'
	for n in $nodes; do
		printf '\tnode {\n\t\tnodeid: %d\n\t\tring0_addr: ::1\n\t\tsinew_port: %d\n\t}\n' \
			"$n" $((base + n))
	done
	printf '}\n'
} >"$T/conf"

for n in $nodes; do
	seq -f "line %.0f of node $n" $LINES_EACH >"$T/in$n"
	"$BUILD/checked/sinew" cat --config "$T/conf" --node "$n" --to all --rate 400k \
		--break-every 30 --linger 20 --stats "$T/stats$n" <"$T/in$n" >"$T/out$n" \
		2>"$T/err$n" &
	pids[n]=$!
done
for n in $nodes; do
	wait "${pids[n]}"
	status=$?
	[ $status = 0 ] || bad="$bad node $n ended with $status: $(tail -n 1 "$T/err$n");"
done
pids=()
for n in $nodes; do
	for from in $nodes; do
		[ "$n" = "$from" ] || sed -n "s/^$from\t//p" "$T/out$n" | cmp -s - "$T/in$from" ||
			bad="$bad node $n got other lines of node $from;"
	done
	grep -q '"reconnects" *: *[1-9]' "$T/stats$n" || bad="$bad node $n never reconnected;"
	grep -q '::1' "$T/stats$n" || bad="$bad no address ::1 in the statistics of node $n;"
done
if [ -z "$bad" ]; then
	echo "ok - three nodes at ::1"
else
	echo "not ok - three nodes at ::1:$bad"
	exit 1
fi
