#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the rules that hold for all files: the cores are pure, the layers know only those
# below, the style is one. Knows nothing of what the code does.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 2
. tests/tree/verdict.sh

CC=${CC:-cc}
MAX_LINES=600 MAX_FUNCTION=70 MAX_COLUMNS=100
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

# files SUFFIX...: ours, not what is built or was measured.
files()
{
	local suffix names=()
	for suffix; do
		names+=(-o -name "*$suffix")
	done
	find proto lowcomms services membership tools tests .ci examples \
		\( -path tests/golden -o -path '*/corpus' \) -prune -o \
		-type f \( "${names[@]:1}" \) -print 2>/dev/null | sort
}

# ---- the core is pure, and those of calls and of topology ----

pure=$(ls proto/*.[ch] services/call_wire.[ch] services/calls*.[ch] services/topo*.[ch] 2>/dev/null)
pure_c=$(echo "$pure" | grep '\.c$')
object_of() { echo "$dir/$(echo "${1%.c}" | tr / +).o"; }

allowed='memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|__assert_fail|_GLOBAL_OFFSET_TABLE_'

core_needs_nothing()
{
	local f
	for f in $pure_c; do
		$CC -std=c11 -O2 -fno-stack-protector -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 \
			-I. -c -o "$(object_of "$f")" "$f" || echo "$f does not compile"
	done
	nm -g --defined-only "$dir"/*.o | awk 'NF == 3 { print $3 }' | sort -u >"$dir/defined"
	for f in $pure_c; do
		nm -u "$(object_of "$f")" | awk -v f="$f" '{ print $2, f }'
	done | grep -vE "^($allowed) " | sort | join -v 1 - "$dir/defined" |
		awk '{ print $2 " calls " $1 }'
}
core_needs_nothing | verdict core_calls_nothing_outside

# No state but the caller's: no section that can be written to.
for f in $pure_c; do
	size -A "$(object_of "$f")" | awk -v f="$f" \
		'$1 ~ /^\.(data|bss|tdata|tbss)/ && $1 !~ /rel\.ro/ && $2 > 0 {
			print f " has " $1
		}'
done | verdict core_has_no_data_of_its_own

libc='assert|errno|limits|stdalign|stdatomic|stdbool|stddef|stdint|string'
grep -nE '^[[:space:]]*# *include *<' $pure | grep -vE "<($libc)\.h>" |
	verdict core_includes_a_handful_of_libc

grep -nE '^[[:space:]]*# *include *"' proto/*.[ch] | grep -vE '"[a-z_]+\.(h|def)"' |
	verdict core_includes_only_itself
grep -nE '^[[:space:]]*# *include *"' $(echo "$pure" | grep '^services/') |
	grep -vE '"(call_wire|calls[a-z_]*|topo[a-z_]*|proto/(wire|span|list|grant))\.(h|def)"' |
	verdict cores_of_services_include_themselves_and_the_codec

# ---- layers: tools, membership, services, lowcomms, proto; never back ----

grep -nE '# *include *"(membership|services|tools|tests)/' lowcomms/*.[ch] |
	verdict lowcomms_does_not_look_up
grep -nE '# *include *"(membership|tools|tests)/' services/*.[ch] |
	verdict services_do_not_look_up
grep -nE '# *include *"proto/' services/*.[ch] | grep -vE '"proto/(grant|wire|span|list)\.h"' |
	verdict services_use_only_the_codec_of_the_core
grep -nE '# *include *"(proto|services|tools|tests)/' membership/*.[ch] 2>/dev/null |
	grep -v '"services/call_options\.def"' |
	verdict membership_does_not_look_up_or_into_the_core
grep -nE '# *include *"(proto|tests)/' $(files .c .h | grep '^tools/') |
	grep -v '"proto/wire\.h"' |
	verdict tools_use_only_the_codec_of_the_core
grep -nE '# *include *"lowcomms/' $(files .c .h | grep -E '^(membership|tools)/') |
	grep -vE '"lowcomms/(sinew(-(test|manage))?\.h|options\.def|(sockaddr|thread|field)\.h)"' |
	grep -v '^tools/ping/path\.h:.*"lowcomms/dialer\.h"' |
	verdict only_the_public_headers_are_used_above
grep -nE '# *include *"services/' $(files .c .h | grep '^tools/') |
	grep -vE '"services/(sinew-[a-z]+|json|utf8)\.h"' |
	verdict only_public_headers_of_services_are_used_above
# Inline headers need no name of the library, so those above may include them.
grep -nE '# *include *"' lowcomms/sockaddr.h lowcomms/thread.h lowcomms/field.h |
	verdict inline_headers_include_none_of_ours

# ---- numbers that wrap ----

# raw: comparisons by < and > of what is named like a sequence number.
number='(seq|expected|next_seq|acked_seq|first_seq|ack_sent)'
raw()
{
	sed 's/->/./g; s/<<\|>>/ /g; s/[a-z0-9_.]* - [a-z0-9_.]*/distance/g' "$1" |
		grep -nE "\b$number *[<>]|[<>]=? *[a-z0-9_.]*\b$number\b" | sed "s|^|$1:|"
}
for f in $pure_c; do
	raw "$f"
done | grep -v '# *include' | verdict sequence_numbers_are_compared_by_seq_h
printf 'if (f.u < s->expected)\nwhile (r->next_seq >= n)\na->expected = b->seq >> 1;\n' \
	>"$dir/raw.c"
raw "$dir/raw.c" | wc -l | grep -v '^2$' | verdict raw_comparisons_would_be_seen

# ---- style ----

awk 'FNR <= 3 && /SPDX-License-Identifier: LGPL-2\.1-or-later/ { says[FILENAME] = 1 }
	END { for (i = 1; i < ARGC; i++) if (!says[ARGV[i]]) print ARGV[i] }
' $(files .c .h .def .sh .map .1 .3 .5 .7) Makefile | verdict every_file_says_its_licence

grep -nwE 'TODO|FIXME|XXX|HACK' Makefile \
	$(files .c .h .def .sh .map .1 .3 .5 .7 | grep -v test_purity) |
	verdict nothing_is_left_to_do

grep -nE '[[:space:]]+$' $(files .c .h .def .sh .map .1 .3 .5 .7) Makefile |
	verdict no_space_at_the_end_of_a_line

awk -v max=$MAX_COLUMNS '
	{ while (i = index($0, "\t"))
		$0 = substr($0, 1, i - 1) sprintf("%*s", 8 - (i - 1) % 8, "") substr($0, i + 1) }
	length > max { print FILENAME ":" FNR ": " length " columns" }
' $(files .c .h .def .sh) | verdict lines_are_short

wc -l $(files .c .h .def .sh) | awk -v max=$MAX_LINES \
	'$2 != "total" && $1 >= max { print $2 ": " $1 " lines" }' | verdict files_are_short

awk -v max=$MAX_FUNCTION '
	/^\{/ { begin = FNR }
	/^\}/ && begin { if (FNR - begin >= max) print FILENAME ":" begin ": " FNR - begin " lines"
			 begin = 0 }
' $(files .c .h) | verdict functions_are_short

grep -nE '^ {8}| +	' $(files .c .h) | verdict indentation_is_by_tabs

# The subject of a sentence is named: no clause stands in its place.
clause='(/\* ?|^[[:space:]]*\* |^# ?|^|[.:;!?] +)(Who|Whoever|What|Whatever) '
clauses() { grep -nE "$clause" "$@" | grep -v '?$'; }
clauses $(files .c .h .def .sh .1 .3 .5 .7 | grep -v test_purity) proto/SESSION.md |
	grep -v '^proto/SESSION.md:[0-9]*:#' | verdict subjects_are_named
printf '/* What is sent. */\n * It. Who asks\n' >"$dir/clause.c"
clauses "$dir/clause.c" | wc -l | grep -v '^2$' | verdict clauses_would_be_seen

exit $failed
