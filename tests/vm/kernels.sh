#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Gets the kernels that tests/vm boots, by apt, without installing them. Knows nothing of guests.
#
#	tests/vm/kernels.sh [FOLDER]		# build/kernels: 6.1 and 6.12
#	NEWEST=1 tests/vm/kernels.sh [FOLDER]	# and newest, that of trixie-backports
#
# A folder for each kernel: vmlinuz, release (what `uname -r` says there) and lib/modules/RELEASE
# with the modules below, those they need, and their index. No version is pinned, since old ones
# leave the archive; what is there stays until this script changes or the folder is removed.
set -u
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

FOLDER=${1:-${BUILD:-build}/kernels}
# Modules that a guest cannot do without, and those that only some kernels have.
NEEDED='dlm configfs virtio_pci virtio_net tcp_diag'
WANTED='sctp sctp_diag crc32c_generic hmac sha1_generic sch_netem fcrypt pcbc rxrpc tipc veth'
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# die WHAT WHAT-TO-DO
die()
{
	echo "kernels.sh: $1" >&2
	echo "kernels.sh: $2" >&2
	exit 1
}

for program in apt-get apt-cache dpkg-deb modprobe depmod xz; do
	command -v $program >/dev/null ||
		die "$program is not installed" "run as root: tools/deps.sh --install kernel"
done
mkdir -p "$FOLDER" && FOLDER=$(cd "$FOLDER" && pwd) ||
	die "the folder $FOLDER cannot be made" "name another one: kernels.sh FOLDER"
scratch=$(mktemp -d "$FOLDER/.scratch.XXXXXX") ||
	die "no folder can be made in $FOLDER" "make it writable, or name another one"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# ---- packages ----

apt_options=(-q -o APT::Sandbox::User=root)

# The newest package whose name matches.
newest_name()
{
	apt-cache "${apt_options[@]}" pkgnames linux-image- | grep -E "^$1\$" | sort -V | tail -n 1
}

# Names of the packages that make the kernel of an image: later ones are split in three.
packages_of()
{
	local part parts=
	for part in base binary modules; do
		parts="$parts ${1/#linux-image-/linux-$part-}"
	done
	apt-cache "${apt_options[@]}" show $parts >/dev/null 2>&1 || parts=$1
	echo $parts
}

# download PATTERN: into the scratch folder. Sets image.
download()
{
	image=$(newest_name "$1")
	[ -n "$image" ] || return
	rm -f "$scratch"/*.deb
	(
		cd "$scratch" &&
			timeout 900 apt-get "${apt_options[@]}" download $(packages_of "$image")
	) >"$scratch/log" 2>&1
}

# The lists may be missing, or older than the archive.
update_lists() { timeout 300 apt-get "${apt_options[@]}" update >"$scratch/log" 2>&1; }

# Lists and cache of our own, with trixie-backports alone, so that nothing is changed in the
# system's; from the mirror that the system uses.
use_backports()
{
	local own=$scratch/apt mirror
	[ -e $KEYRING ] ||
		die "$KEYRING is missing" "run as root: apt-get install debian-archive-keyring"
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
		grep -E '/debian/?$' | head -n 1)
	mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
	: >"$own/status"
	: "${mirror:=http://deb.debian.org/debian}"
	echo "deb [signed-by=$KEYRING] $mirror trixie-backports main" >"$own/sources.list"
	apt_options+=(-o "Dir::Etc::sourcelist=$own/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State=$own" -o "Dir::State::lists=$own/lists"
		-o "Dir::State::status=$own/status" -o "Dir::Cache=$own/cache"
		-o APT::Architecture=amd64 -o APT::Architectures=amd64)
}

# ---- what is kept of them ----

# The files of the modules that modprobe would load for one.
files_of() { modprobe -d "$root" -S "$release" --show-depends "$1" 2>>"$scratch/log"; }

module_files()
{
	local name
	for name in $NEEDED; do
		files_of "$name" || die "$image has no module $name" \
			"look for its package, and at packages_of() in tests/vm/kernels.sh"
	done
	for name in $WANTED; do
		files_of "$name"
	done
	return 0
}

# keep_modules TO: busybox loads them only uncompressed.
keep_modules()
{
	local word file to list
	list=$(module_files) || exit
	while read -r word file _; do
		[ "$word" = insmod ] || continue
		to=$1/lib/${file#*/lib/}
		mkdir -p "${to%/*}" || return
		case $file in
		*.xz) xz -dc "$file" >"${to%.xz}" ;;
		*) cp "$file" "$to" ;;
		esac || return
	done <<<"$list"
	cp "$root/lib/modules/$release/"modules.{builtin,builtin.modinfo,order} \
		"$1/lib/modules/$release/" || return
	# Where kmod looks in /usr/lib.
	mkdir "$1/usr" && ln -s ../lib "$1/usr/lib" && depmod -b "$1" "$release"
}

# unpack: sets root and release.
unpack()
{
	local package
	root=$scratch/root
	rm -rf "$root" && mkdir -p "$root" || return
	for package in "$scratch"/*.deb; do
		dpkg-deb -x "$package" "$root" || return
	done
	if [ -d "$root/usr/lib/modules" ]; then
		mkdir -p "$root/lib" && mv "$root/usr/lib/modules" "$root/lib/" || return
	fi
	rm -rf "$root/usr/lib" && mkdir -p "$root/usr" && ln -s ../lib "$root/usr/lib" || return
	release=$(ls "$root/lib/modules") && depmod -b "$root" "$release"
}

# kernel NAME PATTERN: its folder, unless it is there.
kernel()
{
	local kept=$FOLDER/$1 part=$scratch/kept image_file
	[ "$kept/done" -nt "$0" ] && return
	image=
	download "$2" || { update_lists && download "$2"; } ||
		die "no package ${image:-like $2} can be downloaded: $(tail -n 1 "$scratch/log")" \
			"look at the sources of apt, and run as root: apt-get update"
	echo "kernels: $1 is $image"
	unpack >>"$scratch/log" 2>&1 ||
		die "$image cannot be unpacked: $(tail -n 1 "$scratch/log")" \
			"it takes 700 MB in $FOLDER: see df $FOLDER"
	image_file=$root/boot/vmlinuz-$release
	[ -e "$image_file" ] || image_file=$root/lib/modules/$release/vmlinuz
	rm -rf "$part" && mkdir "$part" && keep_modules "$part" &&
		echo "$release" >"$part/release" && cp "$image_file" "$part/vmlinuz" ||
		die "$image is not as expected: $(tail -n 1 "$scratch/log")" \
			"see packages_of() and unpack() in tests/vm/kernels.sh"
	rm -rf "$kept" && touch "$part/done" && mv "$part" "$kept" ||
		die "$kept cannot be replaced" "remove it by hand"
}

kernel 6.1 'linux-image-6\.1\.[0-9]+-[0-9]+-amd64'
kernel 6.12 'linux-image-6\.12\.[0-9]+\+deb12-amd64'
if [ -n "${NEWEST:-}" ]; then
	use_backports
	kernel newest 'linux-image-[0-9.]+\+deb13-amd64'
fi
