# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by the demonstrations: the files that nodes send each other, and the judgement of what
# arrived. Knows nothing of where the nodes come from. Sourced; wants $dir, $nodes, $BUILD, and
# of who judges kills_of NODE PEER, $pids, $verdict and the sums.

MIN_BINARY=$((20 * 1024 * 1024))

human() { awk -v n="$1" 'BEGIN { printf "%.1f MB", n / 1e6 }'; }

# ---- what is sent ----

# Three binaries of 20 MB or more, the compiler's own first; fewer are used again.
pick_binaries()
{
	local cc1
	cc1=$(cc -print-prog-name=cc1 2>/dev/null)
	{
		[ -e "$cc1" ] && [ "$(stat -L -c %s "$cc1")" -ge $MIN_BINARY ] && echo "$cc1"
		find /usr/lib/gcc /usr/libexec/gcc /usr/lib/*-linux-gnu /usr/lib/llvm* /usr/bin \
			-maxdepth 5 -type f -size +$((MIN_BINARY / 1024))k -perm -u=r \
			-printf '%s %p\n' 2>/dev/null | sort -n | sed 's/^[0-9]* //'
	} | awk '!seen[$0]++' | head -n 3
}

# Texts of any machine with a C compiler: another set for each node.
texts()
{
	case $1 in
	1) ls /usr/share/common-licenses/* ;;
	2) ls /usr/include/*.h ;;
	3) ls /usr/include/linux/*.h ;;
	esac
}

make_inputs()
{
	local n binary list=()
	mapfile -t list < <(pick_binaries)
	if [ ${#list[@]} = 0 ]; then
		find /usr/bin /usr/lib -type f -size +1M -perm -u=r -print0 2>/dev/null |
			xargs -0 cat 2>/dev/null | head -c $((MIN_BINARY + 4096)) >"$dir/programs"
		list=("$dir/programs")
	fi
	[ -s "${list[0]}" ] || die "found no binary of 20 MB or more to send"
	echo 'Each node sends real files to both others, line by line, one message a line:'
	for n in $nodes; do
		binary=${list[$(((n - 1) % ${#list[@]}))]}
		texts "$n" | xargs cat -- >"$dir/in$n" 2>/dev/null
		text=$(stat -c %s "$dir/in$n")
		# One more newline: the last line of a binary has none.
		{ cat "$binary"; echo; } >>"$dir/in$n"
		printf '  node %d: %d text files (%s), %s (%s), %d messages\n' "$n" \
			"$(texts "$n" | wc -l)" "$(human "$text")" "${binary##*/}" \
			"$(human $(($(stat -c %s "$dir/in$n") - text)))" "$(wc -l <"$dir/in$n")"
	done
}

# ---- while they run ----

running()
{
	local pid
	for pid in "${pids[@]}"; do
		kill -0 "$pid" 2>/dev/null && return 0
	done
	return 1
}

# Bytes that all outputs hold when everything has arrived: each line with `N<TAB>`, twice.
expected_bytes()
{
	local n sum=0
	for n in $nodes; do
		sum=$((sum + 2 * ($(stat -c %s "$dir/in$n") + 2 * $(wc -l <"$dir/in$n"))))
	done
	echo $sum
}

elapsed() { awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# ---- judging ----

# stat_of NODE PEER KEY: a number of the statistics that NODE wrote about PEER.
stat_of()
{
	local value
	value=$(tr -d ' \n\t' <"$dir/stats$1" 2>/dev/null | sed 's/{"node":/\n&/g' |
		sed -n "s/^{\"node\":$2,.*\"$3\":\([0-9]*\).*/\1/p" | head -n 1)
	echo "${value:-0}"
}

# Payload of one sender, joined again, against the file: whatever compare.sh counts.
checksums_equal()
{
	local sent got
	sent=$(sha256sum <"$dir/in$1")
	got=$(sed -n "s/^$1	//p" "$dir/out$2" | sha256sum)
	[ "$sent" = "$got" ]
}

judge_pair()
{
	local from=$1 to=$2 sent got lost twice wrong foreign sum=differs
	checksums_equal "$from" "$to" && sum=equal
	read -r sent got lost twice wrong foreign \
		< <(tools/demo/compare.sh "$dir/in$from" "$dir/out$to" "$from")
	printf '%d -> %d %9d %10d %5d %11d %10d %7d %8d %8d   %s\n' "$from" "$to" "$sent" "$got" \
		"$lost" "$twice" "$wrong" "$(kills_of "$from" "$to")" \
		"$(stat_of "$from" "$to" resumed_unacked)" "$(stat_of "$from" "$to" resent)" $sum
	sum_sent=$((sum_sent + sent))
	sum_kills=$((sum_kills + $(kills_of "$from" "$to")))
	sum_resent=$((sum_resent + $(stat_of "$from" "$to" resent)))
	[ $sum = equal ] && [ $((lost + twice + wrong + foreign)) = 0 ] && [ "$sent" = "$got" ] ||
		verdict=1
}

judge()
{
	local n to status
	for n in $nodes; do
		wait "${pids[n]}"
		status=$?
		unset "pids[n]"
		[ $status = 0 ] && continue
		verdict=1
		echo "node $n ended with status $status; it said:"
		tail -n 10 "$dir/err$n"
	done
	echo
	echo '                                                              links    with   frames'
	echo 'pair        sent  delivered  lost  duplicated  reordered  killed  unacked' \
		'  resent   checksum'
	for n in $nodes; do
		for to in $nodes; do
			[ "$n" = "$to" ] || judge_pair "$n" "$to"
		done
	done
	echo
}
