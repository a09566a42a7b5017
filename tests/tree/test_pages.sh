#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the proof that the manual pages, the completion and CONTRIBUTING.md say what the code
# says: functions, fields, options, keys, defaults, numbers of the wire, names of files.
# Knows no subcommand and no mode by name: what `sinew --help` and `sinew SUB --help` list is
# checked, and so are the command lines that README.md and the pages show.
# run.sh: timeout=300 with=groff,perl
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 2
. tests/tree/verdict.sh

BUILD=${BUILD:-build}
CC=${CC:-cc}
SINEW=$BUILD/sinew
# Pages of other projects that ours may point to.
KNOWN='bind.2 fork.2 listen.2 poll.2 socket.2 errno.3 sd_notify.3 corosync.conf.5 epoll.7 socket.7
	tcp.7 capabilities.7 network_namespaces.7 tcpdump.1 tcpdump.8 tshark.1 ss.8
	nft.8 ip-netns.8 tc-netem.8 tcpkill.8'
pids=()
dir=$(mktemp -d) || exit 2

cleanup()
{
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# differ A B WHAT-OF-A WHAT-OF-B: lines of one file alone; both are sorted first.
differ()
{
	sort -u -o "$1" "$1"
	sort -u -o "$2" "$2"
	comm -23 "$1" "$2" | sed "s|^|only in $3: |"
	comm -13 "$1" "$2" | sed "s|^|only in $4: |"
	[ -s "$1" ] || echo "nothing was found in $3"
}

# ---- the pages, as they are installed, and as text ----

sources=$(find lowcomms services membership tools -name '*.[1357]' | sort)
for page in $sources; do
	mkdir -p "$dir/man/man${page##*.}" "$dir/text"
	cp "$page" "$dir/man/man${page##*.}/"
done
# A link is a page that is one line, the name of another.
links=$(cd "$dir/man" && grep -l '^\.so ' man*/*)
pages=$(cd "$dir/man" && grep -L '^\.so ' man*/*)

for page in $pages; do
	(cd "$dir/man" && groff -man -Tascii -rLL=300n -P-cbou "$page" 2>/dev/null) \
		>"$dir/text/${page#*/}"
done

# section FILE NAME: of a page as text.
section() { awk -v name="$2" '/^[^ ]/ { on = $0 == name; next } on' "$1"; }

# tags PAGE...: the words of what .TP, .TQ or .IP introduces, one a line.
tags()
{
	awk '/^\.IP / || tag { print; tag = 0 } /^\.T[PQ]/ { tag = 1 }' "$@" |
		sed 's/^\.[A-Z]* //; s/\\-/-/g; s/\\f.//g; s/\\//g; s/[] "[|,=]/\n/g' |
		grep . | sort -u
}

# paragraph PAGE TAG: all text of what that tag introduces, on one line.
paragraph()
{
	perl -e '
		my ($page, $tag) = @ARGV; my ($at, $on, $out) = (0, 0, "");
		open(my $f, "<", $page) or die;
		while (<$f>) {
			if (/^\.T[PQ]/) { $at = 1; $on = 0; next }
			if (/^\.S[HS]/) { $on = 0 }
			if ($at) { $at = 0; $on = /[ "]\Q$tag\E[ ":,]*$/ ? 1 : 0; next }
			next if !$on || /^\.(RS|RE|PP)/;
			s/"//g if s/^\.[A-Z]+ //; s/\s+$//; s/\\-/-/g; $out .= "$_ ";
		}
		print "$out\n";
	' "$1" "$2"
}

for page in $pages; do
	(cd "$dir/man" && groff -man -Tutf8 -ww -z "$page" 2>&1)
	if command -v mandoc >/dev/null; then
		(cd "$dir/man" && mandoc -Tlint -W warning "$page" 2>&1)
	fi
done | verdict pages_render_without_a_warning

version=$($SINEW --version)
for page in $pages; do
	name=$(basename "${page%.*}" | tr a-z A-Z)
	grep -qE "^\.TH $name ${page##*.} [0-9-]{10} \"$version\" " "$dir/man/$page" ||
		echo "$page: its .TH does not say $name, ${page##*.}, a date and \"$version\""
done | verdict pages_have_a_title

for page in $pages; do
	section "$dir/text/${page#*/}" NAME | tr '\n' ' ' |
		grep -q "\b$(basename "${page%.*}")\b.* - ." || echo "$page: its NAME is not so"
done | verdict pages_name_themselves

for page in $links; do
	read -r _ to <"$dir/man/$page"
	if [ ! -e "$dir/text/${to#*/}" ]; then
		echo "$page leads to $to, which is no page"
	elif ! section "$dir/text/${to#*/}" NAME | grep -qw "$(basename "${page%.*}")"; then
		echo "$page leads to $to, whose NAME does not have it"
	fi
done | verdict links_lead_to_pages

for page in $pages; do
	sed -n 's/^\.[BI]R "\?\([A-Za-z0-9_.\\-]*\)"\? "\?(\([1-8]\)).*/\1.\2/p' "$dir/man/$page" |
		tr -d '\\' | sort -u | while read -r to; do
		[ -e "$dir/man/man${to##*.}/$to" ] || echo " $KNOWN " | grep -qw -- "$to" ||
			echo "$page points to $to"
	done
done | verdict references_lead_to_pages

# ---- header, symbol map, section 3 ----

# declarations: prints those of standard input but enums, each on a line, blanks made equal.
declarations()
{
	perl -0777 -ne '
		s{/\*.*?\*/}{}gs; s/^\s*(#|cc ).*$//mg; s/extern "C" \{//;
		my ($depth, $one) = (0, "");
		for my $c (split //) {
			$depth++ if $c eq "{"; $depth-- if $c eq "}";
			$one .= $c;
			next unless $c eq ";" && $depth == 0;
			$one =~ s/\s+/ /g; $one =~ s/ ?([(){},;*=\[\]]) ?/$1/g; $one =~ s/^ //;
			print "$one\n" unless $one =~ /^enum / || $one =~ /^struct \w+;$/;
			$one = "";
		}'
}

cat {lowcomms,services,membership}/sinew*.h | tr -c 'A-Za-z0-9_' '\n' |
	sort -u >"$dir/headers.names"
for header in {lowcomms,services,membership}/sinew*.h; do
	[ $header = lowcomms/sinew-qb.h ] || declarations <$header
done >"$dir/header"
# There all is inline: it is declared first, and not exported.
sed '/---- inline ----/,$d; s/^static inline //' lowcomms/sinew-qb.h | declarations >>"$dir/header"
for page in "$dir"/text/*.3; do
	section "$page" SYNOPSIS | declarations
done >"$dir/synopsis"
differ "$dir/header" "$dir/synopsis" sinew.h "the SYNOPSIS of a page" |
	verdict synopses_are_the_header

sed -n 's/^[a-z].*[ *]\(sinew_[a-z0-9_]*\)(.*);$/\1/p' "$dir/header" |
	grep -v '^sinew_\(log_fn$\|qb_\)' >"$dir/functions"
grep -oE '^	sinew_[a-z0-9_]+;' lowcomms/sinew.map | tr -d '	;' >"$dir/map"
differ "$dir/functions" "$dir/map" sinew.h sinew.map | verdict header_and_map_agree

while read -r name; do
	[ -e "$dir/man/man3/$name.3" ] || echo "$name has no page"
done <"$dir/functions" | verdict every_function_has_a_page_of_its_name

# Each field is explained in the page that shows its structure.
grep '^struct' "$dir/header" | while read -r struct; do
	name=$(echo "$struct" | sed 's/^struct \([a-z_]*\){.*/\1/')
	page=$(grep -l "^struct $name {" "$dir"/man/man3/*.3 | head -n 1)
	[ -n "$page" ] || continue
	tags "$page" >"$dir/tags"
	echo "$struct" | perl -ne '
		s/\(\*(\w+)\)\([^)]*\)/ $1/g;
		print "$1\n" while /(\w+)(?:\[\w+\])?(?=[,;])/g;' |
		sort -u | comm -23 - "$dir/tags" | sed "s|^|$(basename "$page"): $name.|"
done | verdict every_field_is_explained

cat "$dir"/man/man3/*.3 >"$dir/section3"
perl -0777 -ne 's{/\*.*?\*/}{}gs; while (/^enum \w+ \{(.*?)\}/msg) { my $e = $1;
	print "$1\n" while $e =~ /\b(SINEW_\w+)/g }' lowcomms/sinew.h | while read -r name; do
	grep -qw "$name" "$dir/section3" || echo "$name is in no page"
done | verdict every_constant_is_explained

for page in $pages; do
	sed '/^\.TH/d; s/\\-/-/g' "$dir/man/$page" |
		grep -oE '\b(SINEW|sinew)_[A-Za-z0-9_]+' | sort -u |
		comm -23 - "$dir/headers.names" | while read -r name; do
		[ -e "$dir/man/man3/$name.3" ] ||
			grep -qw "\"$name\"" membership/static.c ||
			grep -rqF "\"$name" --include='*.[ch]' tools ||
			echo "$page: $name does not exist"
	done
done | verdict pages_speak_of_what_exists

# ---- options and keys: ranges and defaults as the code has them ----

{
	grep '^#define FENCE_TIMEOUT_MS' membership/static.c
	cat <<'END'
#include "membership/section.c"

static const char *text(uint64_t n)
{
	static char buf[2][32];
	static int turn;
	char *p = buf[turn = !turn];
	int unit = 0;

	/* Sizes are powers of two. */
	if (n > 1024 && (n & (n - 1)) == 0)
		for (; unit < 3 && n >= 1024; unit++)
			n /= 1024;
	snprintf(p, sizeof buf[0], "%llu%.*s", (unsigned long long)n, unit ? 1 : 0,
		 &" kMG"[unit]);
	return p;
}

int main(void)
{
	struct sinew_options opt;

	SINEW_OPTIONS_INIT(&opt);
	/* test_option_pages has those of calls, the last ones. */
	for (size_t i = 0; i < N_KEYS && !is_of_calls(&keys[i]); i++) {
		const struct key *k = &keys[i];
		const char *s = strcmp(k->name, "group") ? opt.transport : opt.group;
		const char *w = k->words;
		unsigned long long n = 0;

		if (is_option(k))
			memcpy(&n, (char *)&opt + k->offset, k->size);
		if (!strcmp(k->name, "fence_timeout_ms"))
			n = FENCE_TIMEOUT_MS;
		printf("%s\t", k->name);
		if (!strcmp(k->name, "fence_command"))
			printf("1 to %zu bytes, default none.\t\n", k->size - 1);
		else if (k->kind == KEY_TEXT)
			printf("1 to %zu bytes, default \"%s\"\t1 to %zu bytes, default \"%s\"\n",
			       k->size - 1, s, k->size - 1, s);
		if (k->kind == KEY_NUMBER)
			printf("%s to %s, ", text(k->min), text(k->max));
		if (k->kind == KEY_NUMBER)
			printf(is_option(k) ? "default %s.\tdefault %llu\n" : "default %s.\t\n",
			       text(n), n);
		if (k->kind != KEY_WORD)
			continue;
		for (; *w; w += strlen(w) + 1)
			printf("%s%s", w == k->words ? "" : w[strlen(w) + 1] ? ", " : " or ", w);
		printf(", default %s.\t%s\n", k->words,
		       k->size == 1 && is_option(k) ? "default false" : "");
	}
	return 0;
}
END
} >"$dir/keys.c"
san=$(grep -ohE -- '-fsanitize=[^ ]*' "$BUILD/flags" | head -n 1)
$CC -std=c11 -D_GNU_SOURCE -I. $san -o "$dir/keys" "$dir/keys.c" "$BUILD/inside.a" $(libs) \
	2>&1 | verdict keys_can_be_listed
"$dir/keys" >"$dir/keys.list"

while IFS='	' read -r key conf option; do
	paragraph membership/sinew.conf.5 "$key" | grep -qF -- "$conf" ||
		echo "sinew.conf.5: $key: expected \"$conf\""
	paragraph lowcomms/man/sinew_node_new.3 "$key" | grep -qF -- "$option" ||
		echo "sinew_node_new.3: $key: expected \"$option\""
done <"$dir/keys.list" | verdict ranges_and_defaults_are_those_of_the_code

cut -f 1 "$dir/keys.list" >"$dir/keys.code"
awk '/^\.SS "sinew / { on = 1; next } /^\.S/ { on = 0 } on' membership/sinew.conf.5 >"$dir/own.5"
tags "$dir/own.5" >"$dir/keys.page"
differ "$dir/keys.code" "$dir/keys.page" section.c sinew.conf.5 | verdict keys_and_page_agree

tags membership/sinew.conf.5 >"$dir/keys.page"
sed -n 's/.*strcmp(item->key, "\([a-z_]*\)").*/\1/p' membership/static.c | sort -u |
	comm -23 - "$dir/keys.page" | sed 's/$/ is not in sinew.conf.5/' |
	verdict every_key_of_corosync_is_in_the_page

# ---- the command: help, page, completion ----

# listed COMMAND...: the subcommands, or the modes of a subcommand, that its --help lists.
listed()
{
	timeout 30 "$SINEW" "$@" --help </dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'
}

# A command is a subcommand, or a subcommand and one of its modes.
listed >"$dir/subcommands"
while read -r sub; do
	echo "$sub"
	listed "$sub" | sed "s/^/$sub /"
done <"$dir/subcommands" >"$dir/commands"
# shellcheck source=tools/completion/sinew
. tools/completion/sinew

# complete_line WORD...: what completion offers for the last word, one a line.
complete_line()
{
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_sinew
	[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
}

mkdir -p "$dir/help"
while read -r sub mode; do
	timeout 30 "$SINEW" $sub $mode --help </dev/null >"$dir/help/$sub$mode"
done <"$dir/commands"

# own_part PAGE [MODE]: the whole page; of one with modes the sections whose title names that
# mode in capitals, or all modes.
own_part()
{
	local sub=${1##*/sinew-}
	if ! grep -q "^${sub%.1} " "$dir/commands"; then
		cat "$1"
		return
	fi
	awk -v mode="${2:+$2|}" '
		BEGIN { word = "[ ,](" toupper(mode) "ALL MODES)([ ,]|$)" }
		/^\.SH/ { on = $0 ~ word } on' "$1"
}

options_in() { grep -oE -- '(^|[^a-z-])--[a-z][a-z-]*' "$@" | grep -oE -- '--[a-z-]*'; }

printf '%s\n' --help --version >"$dir/sub.help"
cat "$dir/subcommands" >>"$dir/sub.help"
complete_line sinew '' >"$dir/sub.offered"
differ "$dir/sub.help" "$dir/sub.offered" "sinew --help" completion |
	verdict completion_knows_the_subcommands
awk '/^\.SH SUBCOMMANDS/ { on = 1; next } /^\.SH/ { on = 0 } on' tools/sinew.1 >"$dir/sub.1"
tags "$dir/sub.1" >"$dir/sub.page"
differ "$dir/subcommands" "$dir/sub.page" "sinew --help" sinew.1 |
	verdict the_page_lists_the_subcommands


while read -r sub; do
	listed "$sub" >"$dir/m.help"
	[ -s "$dir/m.help" ] || continue
	complete_line sinew "$sub" '' | grep '^[a-z]' >"$dir/m.offered"
	awk '/^\.SH/ { on = /^\.SH DESCRIPTION/ } on' "$dir/man/man1/sinew-$sub.1" >"$dir/m.1"
	tags "$dir/m.1" >"$dir/m.page"
	differ "$dir/m.help" "$dir/m.offered" "sinew $sub --help" completion
	differ "$dir/m.help" "$dir/m.page" "sinew $sub --help" "sinew-$sub.1"
done <"$dir/subcommands" | verdict modes_of_help_page_and_completion_agree

while read -r sub mode; do
	page=$dir/man/man1/sinew-$sub.1
	[ -e "$page" ] || { echo "$sub has no page sinew-$sub.1"; continue; }
	options_in "$dir/help/$sub$mode" >"$dir/o.help"
	own_part "$page" "$mode" >"$dir/own.1"
	tags "$dir/own.1" | grep '^--' | sed 's/[^a-z-].*//' >"$dir/o.page"
	complete_line sinew "$sub" ${mode:+"$mode"} -- >"$dir/o.offered"
	differ "$dir/o.help" "$dir/o.page" "sinew $sub $mode --help" "sinew-$sub.1"
	differ "$dir/o.help" "$dir/o.offered" "sinew $sub $mode --help" completion
done <"$dir/commands" | verdict options_of_help_page_and_completion_agree

# An entry in a section of no mode is an option of some mode.
while read -r sub; do
	cat "$dir/help/$sub"* | options_in >"$dir/o.help"
	tags "$dir/man/man1/sinew-$sub.1" | grep '^--' | sed 's/[^a-z-].*//' | sort -u |
		grep -vxF -f "$dir/o.help" | sed "s|^|sinew-$sub.1: |"
done <"$dir/subcommands" | verdict pages_have_no_other_options

# An option with one blank and a word behind it in the help has a value.
while read -r sub mode; do
	grep -oE -- '^ +--[a-z-]*[ =][^ ]' "$dir/help/$sub$mode" |
		grep -oE -- '--[a-z-]*' >"$dir/v.help"
	echo "$_sinew_table" | sed -e ':a' -e '/\\$/N; s/\\\n//; ta' |
		grep "^$sub${mode:+/$mode} " |
		tr ' \t' '\n\n' | sed -n 's/^\(--[a-z-]*\)=.*/\1/p' >"$dir/v.offered"
	[ -s "$dir/v.help" ] || [ -s "$dir/v.offered" ] || continue
	differ "$dir/v.help" "$dir/v.offered" "values of sinew $sub $mode --help" completion
done <"$dir/commands" | verdict options_with_a_value_agree

# The command lines that README.md and the pages show have subcommands, modes and options that
# exist. A \ at the end of a line goes on in the next.
shown()
{
	awk '/^```/ { on = !on; next } on' README.md
	grep -oE '`[^`]+`' README.md | tr -d '`'
	for page in "$dir"/man/man[157]/*; do
		awk '/^\.(EX|nf)/ { on = 1; next } /^\.(EE|fi)/ { on = 0 } on' "$page"
	done | sed 's/\\-/-/g; s/\\e$/\\/'
}

shown | sed -e ':a' -e '/\\$/N; s/\\\n//; ta' | sed 's/[ 	]#.*//' |
	grep -oE '(^[ 	]*|[|/] *)sinew [a-z]+( [^|&]*)?' | sed 's/^[^s]*//' | sort -u >"$dir/shown"
declare -A options_of
while read -r sub mode; do
	options_of[$sub $mode]=" $(options_in "$dir/help/$sub$mode" | xargs) "
done <"$dir/commands"
while read -r _ sub mode rest; do
	command="$sub "
	[ "${options_of["$sub $mode"]-}" ] && command="$sub $mode"
	options=${options_of[$command]-}
	[ "$options" ] || echo "sinew $sub $mode $rest: no subcommand $sub"
	rest="$mode $rest"
	while [[ $rest =~ (^|[^a-z-])(--[a-z][a-z-]*)(.*) ]]; do
		rest=${BASH_REMATCH[3]}
		[[ $options == *" ${BASH_REMATCH[2]} "* ]] ||
			echo "sinew $command: no option ${BASH_REMATCH[2]}"
	done
done <"$dir/shown" | verdict commands_that_are_shown_exist
wc -l <"$dir/shown" | awk '$1 < 15 { print "only " $1 " commands" }' |
	verdict commands_that_are_shown_are_found

# offers EXPECTED WORD...: for the last word behind "sinew cat".
offers()
{
	local expected=$1 got
	shift
	got=$(complete_line sinew cat "$@" | xargs)
	[ "$got" = "$expected" ] || echo "$*: expected $expected, got $got"
}

awk '/^\.SH EXAMPLES/ { on = 1 } /^\.EE/ { ex = 0; on = 0 } on && ex; /^\.EX/ { ex = 1 }' \
	membership/sinew.conf.5 >"$dir/example.conf"
if grep -q cat "$dir/subcommands"; then
	offers '1,1 1,2' --config "$dir/example.conf" --to 1,
	offers '1 2' --config = "$dir/example.conf" --node =
	offers debug --log-level d
fi | verdict completion_reads_the_nodes_of_the_file

# Its addresses are those of documents: a file that is right gets as far as to them.
timeout 30 "$SINEW" cat --config "$dir/example.conf" --node 1 </dev/null >"$dir/loaded" 2>&1
if ! grep -q 'is not an address of this machine' "$dir/loaded"; then
	echo "it was refused: $(cat "$dir/loaded")"
fi | verdict the_example_of_sinew_conf_is_loaded

# ---- examples in C ----

prelude='#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sinew-manage.h>'
warnings='-Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function'

# examples PAGE: writes its blocks in C, of the section EXAMPLES, as $dir/c/NAME-N.c.
mkdir -p "$dir/c"
examples()
{
	awk -v to="$dir/c/$(basename "$1" .3)" '
		/^\.SH/ { on = /^\.SH EXAMPLES/ }
		/^\.EE/ { file = "" }
		file { print > file }
		on && /^\.EX/ { file = to "-" ++n ".c" }' "$1"
}

for page in "$dir"/man/man3/*.3 "$dir"/man/man7/*.7; do
	examples "$page"
done
for c in "$dir"/c/*.c; do
	sed -i 's/\\-/-/g; s/\\(aq/'\''/g; s/\\&//g; s/\\e/\\/g' "$c"
	if ! grep -q ';$' "$c"; then
		rm "$c"
		continue
	fi
	grep -q '^#include <sinew.h>' "$c" || sed -i "1i $prelude" "$c"
	$CC -std=c11 -D_GNU_SOURCE $warnings -O2 -Ilowcomms -Iservices -Imembership -c \
		-o "$dir/c/example.o" "$c" 2>&1
done | verdict examples_compile
ls "$dir"/c/*.c | wc -l | awk '$1 < 8 { print "only " $1 " examples were found" }' |
	verdict examples_are_found

# The program of sinew(3): two of it carry two files.
carries()
{
	local net=127.$(($$ / 250 % 250 + 1)).$(($$ % 250 + 1)) status=0 pid
	$CC -std=c11 -D_GNU_SOURCE -Ilowcomms $san -o "$dir/carry" \
		"$(grep -l 'int main' "$dir"/c/sinew-*.c)" "$BUILD/libsinew.a" $(libs) || return 0
	head -c 3000000 /dev/urandom >"$dir/in1"
	head -c 70000 /dev/urandom >"$dir/in2"
	timeout -k 1 50 "$dir/carry" 1 "$net.1" 2 "$net.2" <"$dir/in1" >"$dir/out1" &
	pids+=($!)
	timeout -k 1 50 "$dir/carry" 2 "$net.2" 1 "$net.1" <"$dir/in2" >"$dir/out2" &
	for pid in "${pids[@]}" $!; do
		wait "$pid" || echo "one ended with $?"
	done
	cmp "$dir/in1" "$dir/out2"
	cmp "$dir/in2" "$dir/out1"
}
carries 2>&1 | verdict the_program_of_sinew_3_carries_two_files

# The program of sinew_qb_attach(3) closes its node by a signal, once it catches that.
ends_by_a_signal()
{
	$CC -std=c11 -D_GNU_SOURCE -Ilowcomms $san -o "$dir/qb" "$dir"/c/sinew_qb_attach-*.c \
		"$BUILD/libsinew.a" -lqb $(libs) || return 0
	"$dir/qb" 1 &
	for _ in $(seq 300); do
		[ "$(readlink /proc/$!/exe)" = "$dir/qb" ] &&
			grep -q '^SigCgt:.*[4-7c-f]...$' /proc/$!/status && break
		sleep 0.1
	done
	kill -TERM $!
	wait $! || echo "it ended with $?"
}
ends_by_a_signal 2>&1 | verdict the_program_of_sinew_qb_attach_3_ends_by_a_signal

# ---- sinew(7): the wire and the limits ----

seven=$dir/text/sinew.7
perl -0777 -ne '
	s{/\*.*?\*/}{}gs;
	while (/enum (wire_cmd|wire_reason|wire_tlv|call_kind|call_reason) \{(.*?)\}/sg) {
		my $e = $2;
		print "$1 $2\n" while $e =~ /[A-Z]+_(?:REFUSE_|TLV_|END_)?(\w+?)(?:_CMD)? = (\w+)/g;
	}
	print "$2 $1\n" while /#define WIRE_(?:HELLO|STATUS)_([A-Z_]+)\s+(\d)u/g && $1 ne "MAX";
	print "$1 $2\n" while /\bCALL_((?!HEAD|VERS|PIECE|CRED|DEPTH|SLOTS)[A-Z_]+)\s+(\d+)u/g;
' proto/wire.h services/call_wire.h | awk '$1 ~ /^[0-9]$/ { print $2, $1; next } { print }' |
	sed '/^REFUSE 0x43/!s/^REFUSE$//' | while read -r name n; do
	grep -qE "(^ *|[ ,])$n +$name\b" "$seven" || echo "$name is $n, which sinew.7 does not say"
done | verdict numbers_of_the_wire

# Fields of the inner frames are bytes, one behind the other.
perl -0777 -ne '
	s{/\*.*?\*/}{}gs;
	while (/struct wire_(?:hello|refuse|status|probe) \{(.*?)\};/sg) {
		my ($body, $at) = ($1, 0);
		while ($body =~ /\b(\w+)(?:\[(\d+)\])?(?=[,;])/g) {
			my ($field, $size) = ($1, $2 || ($1 eq "h" ? 16 : 1));
			print "$field $at $size\n" unless $field =~ /^(h$|pad)/;
			$at += $size;
		}
	}
	print "$3 ", $2 + 16, " ", $1 / 8, "\n" while /\bF\((\d+), (\d+), (\w+)\)/g;' \
	proto/wire.h services/call_wire.c | sed 's/^n_data/length/' >"$dir/offsets"
while read -r field offset size; do
	grep -qE "^ +$offset +$size +$field\b" "$seven" ||
		echo "$field has $size bytes at $offset, which sinew.7 does not say"
done <"$dir/offsets" | verdict offsets_of_the_wire
wc -l <"$dir/offsets" | awk '$1 < 46 { print "only " $1 " fields" }' | verdict offsets_are_found

# NAME VALUE of the table of limits; the code's value is an expression, or MS(milliseconds) in
# the defaults of the core.
section "$seven" LIMITS |
	sed -nE 's/^ *([A-Z_]{4,}|[a-z_]+_ns) +([0-9]+)( ([KM]iB|m?s)\b)?.*/\1 \2 \4/p' \
		>"$dir/limits"
while read -r name n unit; do
	code=$(grep -hE "^#define $name\b" {proto,lowcomms,services}/*.[ch] | head -n 1 |
		sed 's/^#define [A-Z_]*//; s|/\*.*||; s/\([0-9]\)u\b/\1/g')
	[ -n "$code" ] ||
		code=$(sed -n "s/^.*[.]$name = MS(\([0-9]*\)),.*/ \1 * 1000000/p" proto/core.c)
	case $unit in
	KiB) n=$((n << 10)) ;;
	MiB) n=$((n << 20)) ;;
	ms) n=$((n * 1000000)) ;;
	s) n=$((n * 1000000000)) ;;
	esac
	[ -n "$code" ] && [ "$n" = $((code)) ] || echo "$name is${code:- unknown}, not $n"
done <"$dir/limits" | verdict limits_are_those_of_the_code
wc -l <"$dir/limits" | awk '$1 < 20 { print "only " $1 " limits" }' | verdict limits_are_found

# "option (number)": that is its default.
grep -oE '\b[a-z]+_[a-z_]+ \([0-9]+[kMG]?\)' "$seven" | tr -d '()' | sort -u >"$dir/defaults"
while read -r key n; do
	grep -q "^$key	.*default $n\." "$dir/keys.list" || echo "$n is not the default of $key"
done <"$dir/defaults" | verdict defaults_in_sinew_7_are_those_of_the_code
wc -l <"$dir/defaults" | awk '$1 < 8 { print "only " $1 " defaults" }' |
	verdict defaults_in_sinew_7_are_found

# ---- sinew-operations(7): the lines of the log ----

awk '/^\.SH LOG/ { on = 1; next } /^\.SH/ { on = 0 } on && at; { at = /^\.TP/ }' \
	lowcomms/man/sinew-operations.7 | sed -n 's/^\.B //p' >"$dir/log"
while read -r line; do
	grep -rqF --include='*.c' -- "$line" proto lowcomms services membership tools ||
		echo "no program says: $line"
done <"$dir/log" | verdict lines_of_the_log_exist
wc -l <"$dir/log" | awk '$1 < 30 { print "only " $1 " lines" }' | verdict lines_of_the_log_are_found

# A reader of the warning finds the line.
grep -rhoE 'NOTE_(WARNING|ERROR), [^"]*"[^"]+"' proto | sed 's/.*"\(.*\)"/\1/' | sort -u |
	while read -r line; do
	grep -qF -- "$line" "$dir/log" || echo "sinew-operations.7 does not say: $line"
done | verdict warnings_are_in_the_page

# ---- CONTRIBUTING.md ----

grep -ohE '`[^`]+`' CONTRIBUTING.md README.md | tr -d '`' | sort -u >"$dir/quoted"
path='^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.*-]+)+/?$|^[A-Za-z0-9_-]+\.(c|h|sh|md|def)$'
grep -E "$path" "$dir/quoted" |
	grep -vE '^build/|NAME|SUB' | while read -r path; do
	compgen -G "$path" >/dev/null ||
		[ -n "$(find proto lowcomms services membership tools tests -name "$path")" ] ||
		echo "$path is not there"
done | verdict files_named_for_contributors_exist
sed -n 's/^\([a-z_0-9]*\)().*/\1/p' "$dir/quoted" | while read -r name; do
	grep -qrE "\b$name\(" --include='*.[ch]' --include='*.sh' --include=fsm.def \
		proto lowcomms services membership tools tests || echo "$name() does not exist"
done | verdict functions_named_for_contributors_exist

# "`function()` (`file`" and "`function()` in `file`": it is in that file.
perl -0777 -ne 'print "$1 $2\n" while /`(\w+)\(\)`,?\s(?:\(|in\s)`([a-z_\/]+\.[chdef]+)`/g' \
	CONTRIBUTING.md >"$dir/places"
while read -r name path; do
	grep -qE "\b$name\(" "$path" || echo "$name() is not in $path"
done <"$dir/places" | verdict functions_are_in_the_files_named
wc -l <"$dir/places" | awk '$1 < 10 { print "only " $1 " places" }' |
	verdict places_of_functions_are_found

exit $failed
