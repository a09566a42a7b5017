# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the live tests of paths: two network namespaces joined by cables, and a `sinew cat`
# in each that sends numbered lines to the other until it is told to end. Sourced after
# tests/lib.sh.
declare -a ns cat

# needs_namespaces NAME...: skips these tests, and ends, where namespaces cannot be made.
needs_namespaces()
{
	local name
	[ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null && return
	for name in "$@"; do
		skip "$name" "needs root, for network namespaces"
	done
	exit 0
}

# A command in the namespace of node 1 or 2.
on() { nsenter -t "${ns[$1]}" -n "${@:2}"; }

now_ms()
{
	local t=$EPOCHREALTIME
	echo $((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))
}

# Seconds after which a namespace is given up, if its test was killed.
NAMESPACE_S=600

# A process that holds a namespace as long as it runs, and ends with the test.
hold_namespace()
{
	start_saying held ready unshare -n sh -c 'echo ready >&2; exec sleep "$0"' $NAMESPACE_S
	ns[$1]=$begun
}

# build_net CABLES: cable I has the addresses 10.77.I.1 and 10.77.I.2.
build_net()
{
	local i
	hold_namespace 1
	hold_namespace 2
	for ((i = 0; i < $1; i++)); do
		on 1 ip link add "c$i" type veth peer name "c$i" netns "${ns[2]}"
		on 1 ip addr add "10.77.$i.1/24" dev "c$i"
		on 2 ip addr add "10.77.$i.2/24" dev "c$i"
		on 1 ip link set "c$i" up
		on 2 ip link set "c$i" up
	done
}

# configuration CABLES [KEY: VALUE]...
configuration()
{
	local cables=$1 n i
	shift
	printf 'totem {\n\tcluster_name: paths\n}\nnodelist {\n'
	for n in 1 2; do
		printf '\tnode {\n\t\tnodeid: %d\n' "$n"
		for ((i = 0; i < cables; i++)); do
			printf '\t\tring%d_addr: 10.77.%d.%d\n' "$i" "$i" "$n"
		done
		printf '\t}\n'
	done
	printf '}\nsinew {\n'
	printf '\t%s\n' "$@"
	printf '}\n'
}

# Copies, and notes in a file the time of the clock at which each piece came, in ms; at last, "end".
# The reader itself sees when something comes: where other tests make and remove namespaces, the
# commands of a script are late by a second.
stamped()
{
	perl -MTime::HiRes=time -MIO::Handle -e '
		open my $f, ">", $ARGV[0] or die; $f->autoflush(1); $| = 1;
		while (sysread STDIN, my $piece, 65536) {
			printf $f "%d\n", time * 1000; print $piece;
		}
		print $f "end\n";' "$1"
}

# Numbered lines, 20 times a second, until told to end.
feed()
{
	local i=0
	while [ ! -e stop ]; do
		seq $((i + 1)) $((i += 20))
		sleep 0.05
	done | tee "in$1"
}

# begin CABLES [KEY: VALUE]...: both nodes send and receive.
begin()
{
	local n
	build_net "$1"
	configuration "$@" >c
	for n in 1 2; do
		feed $n | on $n "$SINEW" cat --config c --node $n --to $((3 - n)) --wait 20 \
			--linger 30 --log-level info --stats "stats$n" 2>"err$n" \
			> >(stamped "came$n" >"out$n") &
		cat[n]=$!
		pids+=($!)
	done
	wait_for has_bytes out1 2000
	wait_for has_bytes out2 2000
}

# Both end in order, and each has printed all that the other was given.
end()
{
	local n
	touch stop
	for n in 1 2; do
		wait "${cat[n]}" || bad "node $n ended with $?: $(tail -n 1 "err$n")"
		wait_for has_line "came$n" end
	done
	for n in 1 2; do
		sed "s/^$n\t//" "out$((3 - n))" | cmp -s - "in$n" ||
			bad "the lines of node $n came otherwise: $(wc -l <"in$n") sent," \
				"$(wc -l <"out$((3 - n))") received"
	done
}

# first_after MS: how long after that time something came first, at the node that waited longer.
first_after()
{
	awk -v since="$1" 'FNR == 1 { seen = 0 } !seen && $1 != "end" && $1 > since {
		seen = 1; if ($1 - since > most) most = $1 - since }
		END { print most + 0 }' came1 came2
}

# longest_gap MS: the longest time without anything that ended after that time, at the node that
# waited longer; in ms.
longest_gap()
{
	awk -v since="$1" 'FNR > 1 && $1 != "end" && $1 > since {
		if ($1 - last > most) most = $1 - last } { last = $1 }
		END { print most + 0 }' came1 came2
}

# Both print more than they have until now.
both_go_on()
{
	local n size=()
	for n in 1 2; do size[n]=$(size_of "out$n"); done
	for n in 1 2; do wait_for has_grown "out$n" "${size[n]}"; done
}

# How often a link came up at that node.
links_up() { grep -c 'link up' "err$1"; }

size_of() { stat -c %s "$1"; }
has_grown() { [ "$(size_of "$1")" -gt "$2" ]; }

# uses PATH: the last link that came up at both nodes is one of that path.
uses() { has_up_link "$1" err1 && has_up_link "$1" err2; }
has_up_link() { grep -F 'link up' "$2" | tail -n 1 | grep -qF "addr=10.77.$1."; }
