#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the checks of what `make install` leaves behind: the README's example and the installed
# ones are built against it by pkg-config and run. Knows nothing of the library but what its users
# see.
# run.sh: timeout=180
set -u
cd "$(dirname "$0")/../.." || exit 2

BUILD=${BUILD:-build}
CC=${CC:-cc}
dir=$(mktemp -d) || exit 2
pids=()
failed=0

cleanup()
{
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# check NAME COMMAND...: ok if it succeeds.
check()
{
	local name=$1
	shift
	if "$@" >"$dir/output" 2>&1; then
		echo "ok - $name"
	else
		echo "not ok - $name: \`$*\` failed"
		sed 's/^/# /' "$dir/output" | tail -n 20
		failed=1
	fi
}

run_make() { make --no-print-directory BUILD="$BUILD" PREFIX="$dir/usr" "$@"; }

# The first C block of the README, a program; and the second one, a server and a client.
extract() { awk '/^```/ { if (inside) exit; inside = /^```c$/; next } inside' README.md; }
extract_calls()
{
	awk '/^```/ { inside = /^```c$/; n += inside; next } inside && n == 2' README.md
}
# And the file that it is for.
extract_file() { awk '/^```/ { if (inside) exit; inside = /^```conf$/; next } inside' README.md; }

exports()
{
	nm -D --defined-only "$1" | sed -n 's/.* T \(.*\)@@SINEW_.*/\1/p' | sort
}

declared()
{
	local header
	for header in "$dir"/usr/include/*.h; do
		# All of that is inline.
		[ "${header##*/}" != sinew-qb.h ] || continue
		sed 's|/\*.*\*/||; s|^ \*.*||' "$header" | grep -o '\bsinew_[a-z_]*(' | tr -d '('
	done | sort -u
}

same_symbols()
{
	diff <(declared | grep -v '^sinew_log_fn$') <(exports "$dir/usr/lib/libsinew.so")
}

soname_is()
{
	readelf -d "$dir/usr/lib/libsinew.so" | grep -q "SONAME.*\[$1\]"
}

# shellcheck disable=SC2046
compile_shared()
{
	$CC -std=c11 -Wall -Wextra -Wno-unused-parameter -o "$dir/hello" "$dir/hello.c" \
		$(PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig" pkg-config --cflags --libs sinew)
}

# shellcheck disable=SC2046
compile_calls()
{
	$CC -std=c11 -Wall -Wextra -Werror -Wno-unused-parameter -c -o "$dir/calls.o" \
		"$dir/calls.c" $(PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig" pkg-config --cflags sinew)
}

# shellcheck disable=SC2046
compile_lock()
{
	$CC -std=c11 -Wall -Wextra -Werror -Wno-unused-parameter -o "$dir/lock" \
		"$dir/usr/share/doc/sinew/examples/lock.c" \
		$(PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig" pkg-config --cflags --libs sinew)
}

# Libraries behind the static one.
private() { sed -n 's/^Libs.private:/-Wl,--as-needed/p' "$dir/usr/lib/pkgconfig/sinew.pc"; }

# shellcheck disable=SC2046
compile_static()
{
	$CC -std=c11 -o "$dir/hello-static" "$dir/hello.c" -I"$dir/usr/include" \
		"$dir/usr/lib/libsinew.a" -pthread $(private)
}

# Objects of the static library have names that programs have, too.
own_names()
{
	cat >"$dir/own.c" <<'END'
#include <sinew-config.h>
#include <sinew-test.h>
#include <sinew.h>
#include <stdio.h>

int log_line(const char *text) { return puts(text); }
int lock_wait(void) { return sinew_version() == NULL; }
int main(void)
{
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_config *config = NULL;

	if (sinew_config_parse("f", "nodelist { }", 12, &config, err, sizeof err) == 0)
		return 1;
	return lock_wait() || sinew_break(NULL, 0) == 0 || log_line(err) < 0;
}
END
	# shellcheck disable=SC2046
	$CC -std=c11 -o "$dir/own" "$dir/own.c" $(PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig" \
		pkg-config --cflags --libs sinew) && LD_LIBRARY_PATH="$dir/usr/lib" "$dir/own" &&
	$CC -std=c11 -o "$dir/own" "$dir/own.c" -I"$dir/usr/include" "$dir/usr/lib/libsinew.a" \
		-pthread $(private) && "$dir/own"
}

same_static_symbols()
{
	diff <(exports "$dir/usr/lib/libsinew.so") \
		<(nm -g --defined-only "$dir/usr/lib/libsinew.a" |
		awk 'NF == 3 && $3 !~ /^__x86\./ { print $3 }' | sort)
}

compile_cxx()
{
	printf '#include <%s>\n' sinew.h sinew-call.h sinew-config.h sinew-test.h >"$dir/header.cc"
	echo 'int main() { return sinew_version() == 0; }' >>"$dir/header.cc"
	g++ -std=c++17 -Wall -Wextra -Werror -o "$dir/header" "$dir/header.cc" \
		-I"$dir/usr/include" -L"$dir/usr/lib" -lsinew
}

# Two processes, the nodes 1 and 2, each of which prints what the other says.
run_hello()
{
	local pid status=0
	pids=()
	extract_file >"$dir/nodes.conf"
	for n in 1 2; do
		LD_LIBRARY_PATH="$dir/usr/lib" timeout -k 2 30 \
			"$dir/hello" "$dir/nodes.conf" $n >"$dir/said$n" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	pids=()
	grep -n . "$dir/said1" "$dir/said2"
	[ $status = 0 ] && [ "$(cat "$dir/said1")" = 'node 2: hello' ] &&
		[ "$(cat "$dir/said2")" = 'node 1: hello' ]
}

# ---- examples/lock.c ----

# lock ID [MANAGER NAME]: a process that runs until a byte comes by the fifo in$ID; its output
# is said$ID.
lock()
{
	rm -f "$dir/in$1" "$dir/said$1"
	mkfifo "$dir/in$1"
	LD_LIBRARY_PATH="$dir/usr/lib" "$dir/lock" "$dir/locks.conf" "$@" \
		<>"$dir/in$1" >"$dir/said$1" &
	pids[$1]=$!
}

# says ID TEXT: waits for it.
says()
{
	local i
	for ((i = 0; i < 600; i++)); do
		grep -qsF -- "$2" "$dir/said$1" && return 0
		sleep 0.05
	done
	echo "node $1 does not say \"$2\" but:"
	cat "$dir/said$1"
	return 1
}

ends_well()
{
	local i
	for ((i = 0; i < 600; i++)); do
		kill -0 "${pids[$1]}" 2>/dev/null || break
		sleep 0.05
	done
	[ "$i" -lt 600 ] && wait "${pids[$1]}"
}

leaves() { echo >"$dir/in$1" && ends_well "$1"; }

write_locks_conf()
{
	local n net=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1))
	printf 'totem {\n\tcluster_name: locks\n}\nnodelist {\n'
	for n in 1 2 3; do
		printf '\tnode {\n\t\tnodeid: %d\n\t\tring0_addr: %s.%d\n\t}\n' $n "$net" $n
	done
	printf '}\n'
}

# The holder is called back and gives the lock on.
lock_goes_on()
{
	pids=()
	write_locks_conf >"$dir/locks.conf"
	lock 1
	lock 2 1 disk
	says 2 'disk is ours, token ' || return
	lock 3 1 disk
	says 2 'disk is wanted' && ends_well 2 && says 3 'disk is ours, token '
}

# One that was killed keeps its lock until its successor shows that it is gone.
lock_of_a_killed_one()
{
	kill -KILL "${pids[3]}"
	wait "${pids[3]}"
	lock 2 1 disk
	says 1 'disk: node 2 waits for node 3' || return
	lock 3 1 disk
	says 2 'disk is ours, token ' && says 2 'disk is wanted' && ends_well 2 &&
		says 3 'disk is ours, token ' && [ "$(sort -u "$dir"/said[23] |
			grep -c 'disk is ours')" = 2 ]
}

lock_is_given_back()
{
	leaves 3 && lock 3 1 disk && says 3 'disk is ours, token ' && leaves 3 && leaves 1 &&
		pids=()
}

unit_names_the_command()
{
	grep -q "^ExecStart=$dir/usr/bin/sinew cat " \
		"$dir/usr/share/doc/sinew/examples/sinew-cat.service"
}

dissector_is_there()
{
	cmp tools/wireshark/sinew.lua "$dir/usr/lib/wireshark/plugins/sinew.lua"
}

left_behind() { ! find "$dir/usr" -type f -o -type l | grep .; }

check 'install: into a scratch prefix' run_make install-built
check 'install: soname' soname_is libsinew.so.1
check 'install: exactly the functions of the header are exported' same_symbols
extract >"$dir/hello.c"
check 'install: the README example builds against it' compile_shared
check 'install: the README example runs' run_hello
extract_calls >"$dir/calls.c"
check 'install: the example of calls builds' compile_calls
check 'install: the example of locks builds' compile_lock
check 'install: the example of locks hands a lock on' lock_goes_on
check 'install: the example of locks waits for the successor of a killed holder' \
	lock_of_a_killed_one
check 'install: the example of locks ends in order' lock_is_given_back
check 'install: the README example builds with the static library' compile_static
check 'install: the static library has the same names and no others' same_static_symbols
check 'install: a program may have names as the library has inside' own_names
if command -v g++ >/dev/null; then
	check 'install: the headers are C++ too' compile_cxx
fi
check 'install: the installed command runs' "$dir/usr/bin/sinew" --version
check 'install: the unit file names the installed command' unit_names_the_command
check 'install: the dissector is where Wireshark looks below that prefix' dissector_is_there
check 'install: uninstall' run_make uninstall
check 'install: nothing is left behind' left_behind
exit $failed
