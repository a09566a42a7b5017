# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the tests of commands that ask a running node: nodes that serve, and JSON against the
# installed schemas. Knows no command that asks. Sourced behind tests/lib.sh.

SCHEMA=$PWD/tests/tools/schema.py

# socket_of ID: the usual name of the control socket of a node of this test. Its cluster has the
# number of this process in its name: all tests of a machine share the names of sockets.
CLUSTER=test$$
socket_of() { echo "sinew/$CLUSTER/sinew/$1"; }

# serve_config [LINE-OF-SINEW-SECTION...]: `c`, of this cluster.
serve_config()
{
	config c "$@"
	sed -i "s/cluster_name: test/cluster_name: $CLUSTER/" c
}

# has_socket NAME: somebody listens there.
has_socket() { grep -qF " 00010000 0005 01 " /proc/net/unix && grep -qF "@$1" /proc/net/unix; }

# serve ID [ARGUMENT...]: node ID serves; its process is $served.
serve()
{
	local id=$1
	shift
	"$SINEW" serve --config c --node "$id" "$@" >"served$id" 2>"err$id" </dev/null &
	served=$!
	pids+=($served)
	wait_for has_socket "$(socket_of "$id")"
}

# ask ID SUBCOMMAND [ARGUMENT...]: node ID is asked; what comes is in out and err, ended has the
# status.
ask()
{
	local id=$1
	shift
	timeout "$LIMIT" "$SINEW" "$@" --socket "$(socket_of "$id")" >out 2>err </dev/null
	ended=$?
}

# asks ID SUBCOMMAND [ARGUMENT...]: the same, which has to succeed.
asks()
{
	ask "$@"
	equals "status of $*, which said \"$(tail -n 1 err)\"," $ended 0
}

# valid SCHEMA FILE: each line of it.
valid()
{
	python3 "$SCHEMA" "$1" <"$2" >faults 2>&1 ||
		bad "$2 is not as $1.json says: $(head -n 3 faults)"
}

# linked ID PEER: node ID has a link with that peer.
linked()
{
	ask "$1" status --json
	jq -e ".peers[] | select(.node == $2) | .link_up" out >/dev/null 2>&1
}
