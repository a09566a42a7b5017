#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of what must be there to build: the library alone needs less than the command.
# Knows no source file.
#	run.sh: timeout=120 with=make
set -u
cd "$(dirname "$0")/../.." || exit 2

T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
n_failed=0

# As pkg-config, on a machine where no library but the C library has its headers.
printf '#!/bin/sh\nexit 1\n' >"$T/no-libraries"
chmod +x "$T/no-libraries"

build()
{
	make --no-print-directory -j2 BUILD="$T/b" PKG_CONFIG="$T/no-libraries" CFLAGS=-O0 "$@" \
		>"$T/log" 2>&1
}

# result NAME WHY: why is empty if it holds.
result()
{
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: $2"
		sed 's/^/# /' "$T/log" | tail -n 20
		n_failed=$((n_failed + 1))
	fi
}

why=
build "$T/b/libsinew.a" && [ -s "$T/b/libsinew.a" ] || why='it is not built'
result the_library_needs_no_json "$why"

# Objects with all assertions are built without these libraries by tests/cross.sh.
why=
build LIB_CHECKED="$T/b/inside.a" "$T/b/tests/test_wire" && "$T/b/tests/test_wire" >/dev/null ||
	why='test_wire is not built, or fails'
result nor_does_a_test_of_it "$why"

why=
build "$T/b/sinew" && why='the command is built without json-c'
grep -q 'libjson-c-dev' "$T/log" || why='libjson-c-dev is not named'
result the_command_says_what_it_lacks "$why"

why=
if ! cc -I. -o "$T/sctp" tests/tree/sctp_absent.c "$T/b/libsinew.a" -pthread >"$T/log" 2>&1; then
	why='a program of the library is not built'
elif ! "$T/sctp" >"$T/log" 2>&1; then
	why='SCTP is not refused'
fi
for package in libsctp-dev libusrsctp-dev; do
	grep -q "transport: sctp .* is not in this build: .*install $package" "$T/log" ||
		why=${why:-"$package is not named"}
done
result a_node_says_what_sctp_lacks "$why"

# only_public ARCHIVE: no name of it but those of the map, and no byte code of the compiler.
only_public()
{
	nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' |
		grep -v -e '^__x86\.' -e "^\($(grep -oE 'sinew_[a-z0-9_]+' lowcomms/sinew.map |
			paste -sd'|' | sed 's/|/\\|/g')\)\$"
}

why=
only_public "$T/b/libsinew.a" >"$T/log" && why='it has names of its own'
result the_static_library_has_no_other_names "$why"

# The archives of make check-all alone.
for CC in ${LIVE_FULL:+gcc clang}; do
	command -v "$CC" >/dev/null || continue
	why=
	if ! build CC="$CC" BUILD="$T/$CC" CFLAGS='-O0 -flto' "$T/$CC/libsinew.a"; then
		why='it is not built'
	elif only_public "$T/$CC/libsinew.a" >"$T/log"; then
		why='it has names of its own'
	elif ! printf '%s\n' '#include "lowcomms/sinew.h"' 'int log_line(void) { return 0; }' \
		'int main(void) { return log_line() || !sinew_version(); }' >"$T/own.c" ||
		! cc -I. -o "$T/own" "$T/own.c" "$T/$CC/libsinew.a" -pthread >"$T/log" 2>&1; then
		why='it cannot be linked without -flto'
	fi
	result "nor_built_by_${CC}_with_flto" "$why"
done

[ "$n_failed" = 0 ]
