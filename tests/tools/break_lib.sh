# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the tests of those modes of `sinew break` that need root: nodes on loopback addresses
# and in network namespaces of their own, and a fault between them. Sourced behind tests/lib.sh.

SPACE=sinew-break-$$-	# in front of the names of namespaces
spaces=()
IN=()			# in front of a command that is to run in a namespace

leave()
{
	local space
	cleanup
	for space in "${spaces[@]}"; do
		ip netns del "$space" 2>/dev/null
	done
}
trap leave EXIT

# space NAME: a namespace with loopback; its name is $SPACE$NAME.
space()
{
	ip netns add "$SPACE$1" || { bad "no namespace $1"; return 1; }
	spaces+=("$SPACE$1")
	ip -n "$SPACE$1" link set lo up
}

within() { IN=(ip netns exec "$SPACE$1"); }
outside() { IN=(); }

# ---- nodes ----

# A standard input that says nothing and does not end.
silence() { [ -p silence ] || { mkfifo silence; exec 7<>silence; }; }

# node NAME CONFIG ID OPTION...: as in test_cat; standard input is fd 0.
node()
{
	local name=$1 config=$2 id=$3
	shift 3
	"${IN[@]}" "$SINEW" cat --config "$config" --node "$id" --stats "$name.json" "$@" \
		>"$name.out" 2>"$name.err" <&0 7>&- 8>&- 9>&- &
	pids+=($!)
	printf -v "pid_$name" %s $!
}

# ends NAME STATUS
ends()
{
	local pid=pid_$1 status
	reap "${!pid}"
	status=$?
	[ "$status" = "$2" ] ||
		bad "status of $1 is $status, expected $2; it said: $(tail -n 3 "$1.err")"
}

# idle_pair NAME CONFIG: two nodes with a connection on which nothing is said.
idle_pair()
{
	silence
	node "$1"1 "$2" 1 --to 2 <&7
	node "$1"2 "$2" 2 </dev/null
}

# end_pair NAME: in order, and both with all that they wanted.
end_pair()
{
	local one=pid_${1}1
	kill -TERM "${!one}"
	ends "$1"1 0
	ends "$1"2 0
}

# config_of FILE PORT [ADDRESS1 ADDRESS2]
config_of()
{
	config "$1" "port: $2"
	[ $# = 2 ] || sed -i "s/$NET\.1\$/$3/; s/$NET\.2\$/$4/" "$1"
}

# ---- cables ----

# link NAME1 NAME2: a cable with the ends eth-NAME2 in NAME1 and eth-NAME1 in NAME2.
link()
{
	ip link add "eth-$2" netns "$SPACE$1" type veth peer name "eth-$1" netns "$SPACE$2" &&
		ip -n "$SPACE$1" link set "eth-$2" up && ip -n "$SPACE$2" link set "eth-$1" up
}

address() { ip -n "$SPACE$1" addr add "$2" dev "$3"; }

# ---- faults ----

breaks()
{
	timeout "$LIMIT" "$SINEW" break "$@" >break.out 2>break.err
	equals "status of break $*" $? 0
}

is_connected() { "$SINEW" break destroy "$@" --dry-run >dry.out 2>&1; }

# The cookies of the sockets with that port: another connection has others.
sockets()
{
	"${IN[@]}" ss -tneH state established "( sport = $1 or dport = $1 )" 2>/dev/null |
		grep -o 'sk:[0-9a-f]*' | sort
}

two_sockets() { [ "$(sockets "$1" | wc -l)" = 2 ]; }
