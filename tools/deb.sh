#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns how `make deb` builds the Debian packages: from a clean copy of the sources, in
# BUILD/deb, where the packages and the source package stay. Knows nothing of their contents:
# debian/ says that.
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build}
OUT=$BUILD/deb
LOG=$OUT/build.log

die()
{
	echo "deb: $*" >&2
	exit 1
}

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
[ "$version" = "$(sed -n 's/^VERSION := //p' Makefile)" ] ||
	die "debian/changelog says $version, the Makefile another version"

rm -rf "$OUT"
mkdir -p "$OUT/sinew-$version" || exit 1
# The files under version control; in an unpacked source all but what was built.
if [ -e .git ] && command -v git >/dev/null; then
	git ls-files -z --cached --others --exclude-standard
else
	find . -path ./build -prune -o -path ./.git -prune -o -type f -print0
fi | tar --null --ignore-failed-read -cf - -T - 2>/dev/null |
	tar -xf - -C "$OUT/sinew-$version" || die "cannot copy the sources to $OUT"

echo "deb: building in $OUT, its log is $LOG"
(
	cd "$OUT/sinew-$version" &&
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD SAN WERROR CC CFLAGS LDFLAGS &&
	dpkg-buildpackage -us -uc -j"$(nproc)"
) >"$LOG" 2>&1 || {
	tail -n 20 "$LOG" >&2
	die "dpkg-buildpackage failed"
}
rm -rf "${OUT:?}/sinew-$version"
ls "$OUT"/*.deb "$OUT"/*.dsc
