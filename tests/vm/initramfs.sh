#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the memory disk of a guest: busybox, the agent, ss, and the modules of its kernel. Knows
# nothing of how it is booted.
#
#	tests/vm/initramfs.sh KERNEL_FOLDER OUT [BINARY...]
#
# KERNEL_FOLDER is one of tests/vm/kernels.sh. Each BINARY, a path or the name of a command, goes
# to /bin of the guest with the libraries that it needs. AGENT=build/vm/agent is the agent.
set -uo pipefail
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

# die WHAT WHAT-TO-DO
die()
{
	echo "initramfs.sh: $1" >&2
	echo "initramfs.sh: $2" >&2
	exit 1
}

[ $# -ge 2 ] || die "found $# arguments" "usage: initramfs.sh KERNEL_FOLDER OUT [BINARY...]"
kernel=$1 out=$2
shift 2
agent=${AGENT:-${BUILD:-build}/vm/agent}
install_it='run as root: tools/deps.sh --install kernel'

[ -e "$kernel/done" ] || die "$kernel has no kernel" "run: tests/vm/kernels.sh"
[ -x "$agent" ] || die "$agent is not built" "run: make $agent"
for program in busybox cpio gzip ss ldd; do
	command -v $program >/dev/null || die "$program is not installed" "$install_it"
done
! ldd "$(command -v busybox)" >/dev/null 2>&1 ||
	die "busybox needs libraries" "run as root: apt-get install busybox-static"

root=$(mktemp -d) || die "no scratch folder can be made" "look at TMPDIR and the disk"
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM

# ---- programs ----

# copy PATH: to the same place in the guest, links followed.
copy()
{
	[ -e "$root$1" ] && return
	mkdir -p "$root${1%/*}" && cp -L "$1" "$root$1" ||
		die "$1 cannot be copied" "look at the disk"
}

# The libraries of a program; none of a static one or of a script.
copy_libraries()
{
	local library
	for library in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+' | sort -u); do
		copy "$library"
	done
}

add_program()
{
	local path
	path=$(command -v "$1") || die "there is no program $1" "name one that is there"
	rm -f "$root/bin/${path##*/}"
	cp -L "$path" "$root/bin/" || die "$path cannot be copied" "look at the disk"
	copy_libraries "$path"
}

mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,run,root,etc,lib,usr/bin}
add_program busybox
for applet in $("$root/bin/busybox" --list); do
	[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
add_program "$agent"
add_program ss
for binary in "$@"; do
	add_program "$binary"
done
# The end of a thread of libdlm loads it: no program names it.
unwinder=$(gcc -print-file-name=libgcc_s.so.1 2>/dev/null)
[ -e "$unwinder" ] ||
	unwinder=$(ldconfig -p | sed -n 's/.*libgcc_s.so.1 .*=> //p' | head -n 1)
[ -e "$unwinder" ] || die "libgcc_s.so.1 is missing" "run as root: apt-get install libgcc-s1"
mkdir -p "$root/lib/x86_64-linux-gnu"
cp -L "$unwinder" "$root/lib/x86_64-linux-gnu/libgcc_s.so.1"

# ---- modules, and all in one file ----

cp -r "$kernel/lib/modules" "$root/lib/" || die "no modules in $kernel" "run: tests/vm/kernels.sh"
install -m 755 "$(dirname "$0")/init" "$root/init" || die "tests/vm/init is missing" "restore it"
mkdir -p "$(dirname "$out")" &&
	(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet | gzip -1) >"$out.part" &&
	mv "$out.part" "$out" ||
	die "$out cannot be written" "look at the disk, or name another file"
