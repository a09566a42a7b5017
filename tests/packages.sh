#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of the Debian packages: they are built, have no error in them, install into a
# scratch system with nothing but their dependencies, run there, carry a program that is built
# against them, and leave nothing behind when purged. Knows nothing of how they are built.
#
#	tests/packages.sh           as root; needs the package archive that apt uses
#	KEEP=1                      keeps the scratch system
# The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

BUILD=${BUILD:-build}
DEBS=$BUILD/deb
passed=0 failed=0

# All mounts belong to this process and go with it.
if [ -z "${PACKAGES_INSIDE:-}" ]; then
	if [ "$(id -u)" != 0 ]; then
		echo 'not ok - packages: a scratch system needs root'
		echo '0 passed, 1 failed'
		exit 1
	fi
	PACKAGES_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi

dir=$(mktemp -d) || exit 2
root=$dir/root

cleanup()
{
	wait
	umount "$root/proc" "$root/dev" 2>/dev/null
	[ -n "${KEEP:-}" ] && echo "the scratch system is $root" && return
	rm -rf --one-file-system "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

finish()
{
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
	exit
}

# check NAME COMMAND...: ok if it succeeds; with its seconds.
check()
{
	local name=$1 began=$SECONDS
	shift
	if "$@" >"$dir/output" 2>&1 </dev/null; then
		echo "ok - packages: $name ($((SECONDS - began)) s)"
		passed=$((passed + 1))
		return 0
	fi
	sed 's/^/# /' "$dir/output" | tail -n 25
	echo "not ok - packages: $name: \`$*\` failed"
	failed=$((failed + 1))
	return 1
}

inside() { timeout -k 5 300 chroot "$root" "$@"; }

no_errors_in_them() { lintian --allow-root --fail-on error "$DEBS"/*.changes; }

source_is_clean()
{
	dpkg-source -x "$DEBS"/sinew_*.dsc "$dir/source" &&
		[ -e "$dir/source/lowcomms/sinew.h" ] && [ ! -e "$dir/source/build" ] &&
		[ ! -e "$dir/source/.git" ]
}

# The archive and the release that this machine's own packages come from.
make_root()
{
	local site release
	read -r site release < <(apt-get indextargets --format '$(SITE) $(RELEASE)' \
		'Created-By: Packages' | grep -v -e -security -e -updates | head -n 1)
	[ -n "$release" ] || { echo "apt names no archive"; return 1; }
	timeout -k 5 600 debootstrap --variant=minbase --include=gcc,libc6-dev,pkg-config \
		"$release" "$root" "$site" || return 1
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	cp /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null
	mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev"
}

# It was begun at first, beside the building.
root_is_made()
{
	wait "$root_maker"
	local status=$?
	cat "$dir/root.log"
	return $status
}

install()
{
	local name
	mkdir -p "$root/debs"
	for name; do
		cp "$DEBS/${name}"_*.deb "$root/debs/" || return 1
	done
	inside apt-get update -q && inside sh -c \
		'apt-get install -q -y --no-install-recommends /debs/*.deb && rm -rf /debs'
}

# Two nodes on a loopback of their own; all lines arrive.
cat_runs()
{
	cat >"$root/run.sh" <<-'END'
		ip link set lo up 2>/dev/null
		printf 'nodelist {\n node {\n nodeid: 1\n ring0_addr: 127.0.0.1\n }\n' >/c
		printf ' node {\n nodeid: 2\n ring0_addr: 127.0.0.2\n }\n}\n' >>/c
		sinew cat --config /c --node 2 </dev/null >/out &
		seq 1000 | sinew cat --config /c --node 1 --to 2 && wait $! &&
			[ "$(wc -l </out)" = 1000 ] && rm -f /c /out
	END
	lo_up inside sh /run.sh && rm "$root/run.sh"
}

# lo_up COMMAND...: in a network namespace that has loopback only.
lo_up()
{
	export -f inside
	export root
	unshare --net bash -c 'ip link set lo up && "$@"' lo "$@"
}

example_builds()
{
	awk '/^```/ { if (inside) exit; inside = /^```c$/; next } inside' README.md \
		>"$root/hello.c"
	awk '/^```/ { if (inside) exit; inside = /^```conf$/; next } inside' README.md \
		>"$root/nodes.conf"
	inside sh -c 'cc -std=c11 -o /hello /hello.c $(pkg-config --cflags --libs sinew)'
}

example_runs()
{
	lo_up inside sh -c '/hello /nodes.conf 2 >/out2 &
		/hello /nodes.conf 1 >/out1 && wait $!' &&
		grep -qx 'node 2: hello' "$root/out1" && grep -qx 'node 1: hello' "$root/out2" &&
		rm "$root"/hello* "$root"/nodes.conf "$root"/out?
}

every_page_is_found()
{
	local page
	for page in $(find lowcomms services membership tools -name '*.[1357]' -printf '%f\n'); do
		[ -n "$(find "$root/usr/share/man" -name "$page.gz")" ] && continue
		echo "$page is in no package"
		return 1
	done
}

unit_file_is_there()
{
	grep -q '^ExecStart=/usr/bin/sinew cat ' \
		"$root/usr/share/doc/sinew/examples/sinew-cat.service"
}

# As a user of Debian's tshark: its folder, the filter, a kernel's messages by name.
dissector_runs()
{
	inside apt-get install -q -y --no-install-recommends tshark &&
		cp tests/golden/kernel-6.1-sctp.pcap "$root/c.pcap" &&
		inside tshark -G protocols | grep -P '\tsinew$' &&
		inside tshark -n -2 -r /c.pcap -Y 'sinew.message == 17 && sinew.acknowledged_in' \
			>"$root/out" && cat "$root/out" && grep -q 'SINEW .* MSG ' "$root/out" &&
		inside tshark -n -q -z sinew -r /c.pcap | grep -qx '  *42  RCOM/STATUS_REPLY' &&
		rm "$root/c.pcap" "$root/out"
}

purged()
{
	inside dpkg --purge sinew libsinew-dev libsinew1 &&
		! inside dpkg -l | grep sinew &&
		! find "$root" -xdev -name '*sinew*' | grep .
}

make_root >"$dir/root.log" 2>&1 &
root_maker=$!
check 'are built' env BUILD="$BUILD" tools/deb.sh || finish
check 'lintian finds no error' no_errors_in_them
check 'the source package holds the sources and nothing built' source_is_clean
check 'a scratch system' root_is_made || finish
check 'the command and the library install' install libsinew1 sinew || finish
check 'the command says its version' inside sinew --version
check 'sinew cat runs' cat_runs
check 'the development files install' install libsinew-dev
check 'the example of the README builds against them' example_builds
check 'the example runs' example_runs
check 'every page is there' every_page_is_found
check 'the example of a unit file is there' unit_file_is_there
check 'the tshark of that system decodes with the dissector' dissector_runs
check 'purging leaves nothing behind' purged
finish
