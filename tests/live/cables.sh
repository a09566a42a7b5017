# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of several paths share: two nodes in network namespaces of their own, joined by two
# cables. Knows nothing of what becomes of these. Sourced behind tests/lib.sh.

declare -a ns

# A command in the namespace of node 1 or 2.
on() { nsenter -t "${ns[$1]}" -n "${@:2}"; }

# What holds a namespace as long as it lives, and is ended with the test.
hold_namespace()
{
	unshare -n sh -c 'echo >ready; exec sleep 600' &
	pids+=($!)
	ns[$1]=$!
	wait_for test -e ready
	rm -f ready
}

# Two namespaces; cable I has the addresses 10.77.I.1 and 10.77.I.2.
build_net()
{
	local i
	hold_namespace 1
	hold_namespace 2
	for i in 0 1; do
		on 1 ip link add "c$i" type veth peer name "c$i" netns "${ns[2]}"
		on 1 ip addr add "10.77.$i.1/24" dev "c$i"
		on 2 ip addr add "10.77.$i.2/24" dev "c$i"
		on 1 ip link set "c$i" up
		on 2 ip link set "c$i" up
	done
}

# The configuration of both; arguments are lines of the section sinew.
two_paths()
{
	printf 'totem {\n\tcluster_name: paths\n}\nnodelist {\n'
	printf '\tnode {\n\t\tnodeid: %d\n\t\tring0_addr: %s\n\t\tring1_addr: %s\n\t}\n' \
		1 10.77.0.1 10.77.1.1 2 10.77.0.2 10.77.1.2
	printf '}\nsinew {\n'
	printf '\t%s\n' "$@"
	printf '}\n'
}

# uses PATH: the last link that came up at both nodes is one of that path.
uses() { has_up_link "$1" err1 && has_up_link "$1" err2; }
has_up_link() { grep -F 'link up' "$2" | tail -n 1 | grep -qF "addr=10.77.$1."; }
