#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the list of what must be installed to build and to check, by Debian's
# package names. Knows nothing of how it is used.
#
#	deps.sh --have GROUP...     exit 1 and say what is missing
#	deps.sh --install GROUP...  as root: installs it by apt; else says the line to
#	                            run. Exit 1 only if a package of "build" is missing.
# Groups: library, build (the command as well), check, check-all, coverage, cross, deb, corosync,
# kernel, fuzz, mutate, bench, grpc (for bench, large: others do without it).
set -u

CC=${CC:-cc}
PKG_CONFIG=${PKG_CONFIG:-pkg-config}

command_is_there() { command -v "$1" >/dev/null 2>&1; }

# need PACKAGE TEST...: remembers the package unless the test holds.
need()
{
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

need_corosync_libraries()
{
	need libcpg-dev "$PKG_CONFIG" --exists libcpg
	need libquorum-dev "$PKG_CONFIG" --exists libquorum
	need libcmap-dev "$PKG_CONFIG" --exists libcmap
}

headers_are_there()
{
	test -e /usr/include/stdio.h || test -e /usr/include/"$($CC -dumpmachine)"/bits/types.h
}

need_compiler()
{
	if [ "$CC" = clang ]; then
		need clang command_is_there clang
	else
		need gcc command_is_there "${CC%% *}"
	fi
	need libc6-dev headers_are_there
}

# need_machine DEBIAN-NAME GNU-NAME: compiler and libc for another one.
need_machine()
{
	need "gcc-$(echo "$2" | tr _ -)-linux-gnu" command_is_there "$2-linux-gnu-gcc"
	need "libc6-dev-$1-cross" test -e "/usr/$2-linux-gnu/include/stdio.h"
}

look_for()
{
	missing=
	case $1 in
	library)
		need_compiler
		;;
	build)
		need_compiler
		need pkg-config command_is_there "$PKG_CONFIG"
		need libjson-c-dev "$PKG_CONFIG" --exists json-c
		;;
	check)
		need libqb-dev "$PKG_CONFIG" --exists libqb
		need tshark command_is_there tshark
		need tcpdump command_is_there tcpdump
		need lua5.2 command_is_there luac5.2
		need lua5.4 command_is_there luac5.4
		need jq command_is_there jq
		need iproute2 command_is_there ss
		need dsniff command_is_there tcpkill
		need python3-jsonschema python3 -c 'import jsonschema'
		need groff-base command_is_there groff
		need perl command_is_there perl
		need libnftables-dev "$PKG_CONFIG" --exists libnftables
		need nettle-dev "$PKG_CONFIG" --exists nettle
		need libusrsctp-dev "$PKG_CONFIG" --exists usrsctp
		need libsctp-dev "$PKG_CONFIG" --exists libsctp
		need nftables command_is_there nft
		need corosync command_is_there corosync
		need_corosync_libraries
		;;
	check-all)
		need clang command_is_there clang
		need libclang-rt-dev clang_has tsan
		need llvm command_is_there llvm-symbolizer
		need valgrind command_is_there valgrind
		need python3 command_is_there python3
		need abigail-tools command_is_there abidiff
		need lintian command_is_there lintian
		need debootstrap command_is_there debootstrap
		need systemd command_is_there systemd-analyze
		;;
	coverage)
		need gcovr command_is_there gcovr
		need jq command_is_there jq
		;;
	cross)
		need_machine i386 i686
		need_machine s390x s390x
		need_machine arm64 aarch64
		need qemu-user command_is_there qemu-s390x
		need musl-tools command_is_there musl-gcc
		need linux-libc-dev test -e /usr/include/linux/futex.h
		;;
	deb)
		need dpkg-dev command_is_there dpkg-buildpackage
		need debhelper command_is_there dh
		need libqb-dev "$PKG_CONFIG" --exists libqb
		need libnftables-dev "$PKG_CONFIG" --exists libnftables
		need nettle-dev "$PKG_CONFIG" --exists nettle
		need libusrsctp-dev "$PKG_CONFIG" --exists usrsctp
		need libsctp-dev "$PKG_CONFIG" --exists libsctp
		need_corosync_libraries
		;;
	corosync)
		need corosync command_is_there corosync
		need_corosync_libraries
		need iproute2 command_is_there ip
		need util-linux command_is_there nsenter
		;;
	kernel)
		need qemu-system-x86 command_is_there qemu-system-x86_64
		need kmod is_installed modprobe
		need busybox-static is_static busybox
		need cpio command_is_there cpio
		need libdlm-dev "$PKG_CONFIG" --exists libdlm
		need libsctp-dev "$PKG_CONFIG" --exists libsctp
		need iproute2 command_is_there ss
		need tshark command_is_there dumpcap
		need xz-utils command_is_there xz
		need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg
		;;
	fuzz)
		need clang command_is_there clang
		need libclang-rt-dev clang_has fuzzer
		need llvm command_is_there llvm-symbolizer
		;;
	mutate)
		need python3 command_is_there python3
		;;
	bench)
		need libzmq3-dev "$PKG_CONFIG" --exists libzmq
		need libnng-dev test -e /usr/include/nng/nng.h
		need gnuplot-nox command_is_there gnuplot
		need valgrind command_is_there valgrind
		;;
	grpc)
		need libgrpc++-dev "$PKG_CONFIG" --exists grpc++
		need g++ command_is_there g++
		;;
	*)
		echo "deps.sh: found the group '$1'," \
			"expected library, build, check, check-all, coverage, cross, deb," \
			"corosync, kernel, fuzz, mutate, bench or grpc" >&2
		exit 2
		;;
	esac
}

# Also where only root's PATH has it.
is_installed() { (PATH=$PATH:/usr/sbin:/sbin && command_is_there "$1"); }

# A program that needs no library: ldd refuses it.
is_static() { command_is_there "$1" && ! ldd "$(command -v "$1")"; }

# clang_has RUNTIME: one of its sanitizers, or the fuzzer.
clang_has()
{
	command_is_there clang && test -e "$(clang -print-file-name=libclang_rt.$1-x86_64.a)" ||
		ls "$(clang -print-resource-dir)"/lib/*/libclang_rt."$1"*.a
}

# Sets wanted (all groups) and required (of group build).
look_for_all()
{
	wanted=
	required=
	for group in "$@"; do
		look_for "$group"
		wanted="$wanted$missing"
		[ "$group" = build ] && required=$missing
	done
	return 0
}

install_line()
{
	sudo=
	[ "$(id -u)" = 0 ] || sudo='sudo '
	echo "${sudo}apt-get install -y --no-install-recommends$wanted"
}

install_by_apt()
{
	echo "deps: installing$wanted"
	export DEBIAN_FRONTEND=noninteractive
	log=$(mktemp) || exit 1
	{
		apt-get update -q &&
		apt-get install -q -y --no-install-recommends $wanted
	} >"$log" 2>&1 || {
		echo "deps: apt-get failed, its last lines were:" >&2
		tail -n 5 "$log" >&2
	}
	rm -f "$log"
}

mode=${1:-}
[ $# -gt 0 ] && shift
case $mode in
--have)
	look_for_all "$@"
	[ -z "$wanted" ] && exit 0
	echo "missing:$wanted" >&2
	echo "run \`make deps\` as root, or: $(install_line)" >&2
	exit 1
	;;
--install)
	look_for_all "$@"
	[ -z "$wanted" ] && exit 0
	if [ "$(id -u)" = 0 ] && command_is_there apt-get; then
		install_by_apt
		look_for_all "$@"
		[ -z "$wanted" ] && exit 0
	fi
	echo "missing:$wanted" >&2
	echo "to install: $(install_line)" >&2
	[ -z "$required" ]
	;;
*)
	echo "usage: deps.sh --have|--install GROUP..." >&2
	exit 2
	;;
esac
