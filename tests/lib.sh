# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the shell tests of the command: a folder and addresses of their own, checks of
# which the first that fails is the reason, bounded waits, configurations, and the end of all
# processes that a test has started. Knows no subcommand. Sourced in the project's folder.
#
#	. tests/lib.sh
#	adds() { equals sum $((1 + 1)) 2; }
#	run adds
#	finish
#
# Each test runs in a folder of its own, with a configuration `c` of three nodes.

BUILT=$PWD/${BUILD:-build}
case ${BUILD:-build} in /*) BUILT=$BUILD ;; esac
SINEW=$BUILT/checked/sinew
# Seconds for any one program, and for a wait.
LIMIT=${WAIT_LIMIT:-$((30 * ${TIME_FACTOR:-1}))}
T=$(mktemp -d) || exit 2
# Addresses of this process alone, so that nothing else has their ports.
NET=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1))
pids=()		# to be killed at the end of their test
n_failed=0
why=
export LC_ALL=C

# Ends all that a test has left running.
end_all()
{
	local pid
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	pids=()
}

cleanup()
{
	end_all
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- checks: the first that fails is the reason ----

bad() { [ -n "$why" ] || why=$*; }
same() { cmp -s "$1" "$2" || bad "$1 and $2 differ: $(cmp "$1" "$2" 2>&1 | head -n 1)"; }
equals() { [ "$2" = "$3" ] || bad "$1 is $2, expected $3"; }
says() { grep -qF -- "$2" "$1" || bad "$1 does not say \"$2\" but: $(head -c 300 "$1")"; }
json_is() { equals "$2 of $1" "$(jq -r "$2" "$1" 2>&1)" "$3"; }
json_holds() { jq -e "$2" "$1" >/dev/null 2>&1 || bad "$1: $2 does not hold: $(head -c 400 "$1")"; }

# refuses STATUS TEXT ARGUMENT...: how the command ends and what it says.
refuses()
{
	local status=$1 text=$2
	shift 2
	timeout "$LIMIT" "$SINEW" "$@" >out 2>err </dev/null
	equals "status of $*" $? "$status"
	says err "$text"
}

# ---- waits ----

# wait_for CONDITION...: twice LIMIT seconds at most, because a condition may run a program, which
# has LIMIT. It is looked at once behind that time.
wait_for()
{
	local end=$((SECONDS + 2 * LIMIT)) last=
	until "$@"; do
		[ -z "$last" ] || { bad "waited in vain for: $*"; return 1; }
		sleep 0.05
		[ $SECONDS -lt $end ] || last=yes
	done
}

has_bytes() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
has_line() { grep -qsF -- "$2" "$1"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# reap PID: its status, when it has ended by itself; killed at the limit.
reap()
{
	wait_for is_gone "$1" || kill -KILL "$1"
	wait "$1" 2>/dev/null
}

# ---- configurations ----

# config FILE [LINE-OF-SINEW-SECTION...]: three nodes at $NET.1 to $NET.3.
config()
{
	local file=$1 i
	shift
	{
		echo "totem {"; echo "  cluster_name: test"; echo "}"
		echo "nodelist {"
		for i in 1 2 3; do
			echo "  node {"; echo "    nodeid: $i"
			echo "    ring0_addr: $NET.$i"; echo "  }"
		done
		echo "}"
		echo "sinew {"
		printf '  %s\n' "$@"
		echo "}"
	} | sed '/^  $/d' >"$file"
}

# A port that nobody listens on, below those that the kernel gives to diallers.
free_port()
{
	local port
	for _ in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + RANDOM % 10000))
		grep -qi ":$(printf %04X $port) " /proc/net/tcp || break
	done
	echo "$port"
}

# ---- members ----

# Whether a node listens there (ss): over TCP, or over UDP.
listens() { ss -Hltun "src $NET.$1" | grep -q .; }

# member ID [CONFIG]: a node that runs; its process is $!.
member()
{
	"$SINEW" cat --config "${2:-c}" --node "$1" --stats "stats$1" </dev/null >/dev/null \
		2>"err$1" &
	pids+=($!)
	wait_for listens "$1"
}

# ---- programs that say when they are ready ----

# start_saying FILE TEXT COMMAND...: in the background, until it has said that text in its standard
# error, which is FILE; its process is $begun. Words of an earlier one are not taken for its own.
start_saying()
{
	local file=$1 text=$2
	shift 2
	rm -f "$file"
	"$@" 2>"$file" </dev/null &
	begun=$!
	pids+=($begun)
	wait_for has_line "$file" "$text"
}

# ---- service managers ----

# manager NAME FILE: what is said to the socket of that name ("@" begins one without a file) is in
# the file, a line each, behind "hears" (perl).
manager()
{
	start_saying "$2" hears perl -MIO::Socket::UNIX -e '
		($name = $ARGV[0]) =~ s/^@/\0/;
		$s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $name) or die $!;
		print STDERR "hears\n";
		print STDERR "$word\n" while defined $s->recv($word, 4096);' -- "$1"
}

# ---- running ----

# run NAME: one test, in its own folder.
run()
{
	why=
	mkdir -p "$T/$1" && cd "$T/$1" || exit 2
	config c
	"$1"
	end_all
	if [ -z "$why" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: $(echo "$why" | tr '\n' ' ')"
		n_failed=$((n_failed + 1))
	fi
}

# skip NAME REASON: instead of run.
skip() { echo "ok - $1 # SKIP $2"; }

has_usrsctp() { grep -q HAVE_USRSCTP "$BUILT/flags"; }

# run_over_usrsctp NAME: a test that needs SCTP in user land.
run_over_usrsctp()
{
	if has_usrsctp; then
		run "$1"
	else
		skip "$1" 'libusrsctp was not there at build'
	fi
}

# The last line of a test.
finish() { [ "$n_failed" = 0 ]; exit; }
