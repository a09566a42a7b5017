# SPDX-License-Identifier: LGPL-2.1-or-later
# Scenarios of a kernel and a member of ours over SCTP alone, where a kernel repeats nothing:
# connections that end in order, which lose nothing, and those that are lost. Sourced by
# tests/vm/scenarios.sh, behind tests/vm/steps.sh.

# ---- connections that end in order ----

LOST_STUCK=40	# seconds without a number of the kernel: SCTP would have repeated it by then

# By us, again and again. Nothing is lost, unless the kernel drops what it is about to write at that
# time, as each may do (sinew-dlm(7), KERNEL BUGS): then that packet was never on the wire. Fencing
# is asked for where a later one is, or a connection was aborted; where the kernel has nothing more
# to say both wait for ever. It finishes its conversions alone.
conversions_under_our_ends()
{
	local rounds=3000 ours theirs came='' moved=$SECONDS
	conversions_begin $rounds
	while ! conversions_are_over && ! is_fenced && numbers_come && broken_by by_us; do
		:
	done
	if is_fenced; then
		fenced_for_loss 40
	elif conversions_are_over || numbers_come; then
		conversions_end $rounds
		conversions_leave by_us
		return
	fi
	shows 2 '"delivered":[1-9]' || bad 'the member does not say what came'
	dropped=$(figure 2 delivered)
	echo "# behind $broken ends: the kernel dropped packet $dropped"
	the_kernel_goes_on_alone $rounds
}

# Numbers of the kernel, as the member has said.
numbers_come()
{
	local now
	now=$(figure 2 delivered)
	[ "$now" = "$came" ] || came=$now moved=$SECONDS
	[ $((SECONDS - moved)) -lt $LOST_STUCK ]
}

is_fenced() { since 2 "${seen[2]}" 'is to be fenced'; }

the_kernel_goes_on_alone()
{
	tell 2 stop x
	tell 2 failed 5
	guest 1 stop x
	guest 1 start x 5:1
	await 1 "loop theirs done n=$1 bad=0"
	kernel_unlock kk
	# As the daemon does for a node that failed: the kernel forgets its numbers.
	guest 1 nocomm 2
	has_our_end
	leave_kernel_alone x
	tell 2 join x 71 2
	await 2 '"event":"joined"'
	tell 2 leave x
}

ends_in_recovery()
{
	resets_in_recovery
	# In any of its phases.
	! since 2 0 'is to be fenced' || bad "$(grep 'is to be fenced' "${output[2]}")"
}

# ---- connections that are lost ----

# fenced_for_loss SECONDS: the member asks for that, and says why.
fenced_for_loss()
{
	local limit=$LIMIT
	LIMIT=$1
	await 2 '"peer":5,"text":"is to be fenced: lost'
	LIMIT=$limit
}

# As the daemon does for a node that was fenced: the lockspace goes on without it.
goes_on_alone()
{
	scene
	tell 2 stop "$1"
	tell 2 failed 5
	tell 2 join "$1" "$2" 2
	await 2 '"event":"joined"'
	granted 2 "$3"
}

# The kernel, which has forgotten us, or is new, joins again and gets what we hold.
joins_again()
{
	scene
	tell 2 stop "$1"
	guest 1 members "$1" "0x$2" 5:1,2:1
	guest 1 create "$1"
	tell 2 join "$1" "$2" 2,5
	await 1 "created $1 rc=0"
	await 2 '"event":"joined"'
	guest 1 lock kn "$1" held EX
	await 2 "\"event\":\"bast\".*\"id\":$3\b"
	tell 2 unlock "$3"
	await 1 'ast kn status=0'
	kernel_unlock kn
	leave_kernel_last "$1" 2
}

# The kernel has no power for a while. When it is back it aborts the association, of which it knows
# nothing: all that was on the way to us is gone, and its lock with it.
the_kernel_aborts()
{
	kernel_knows 2
	join_both x 151 2 kernel
	kernel_lock kk x held EX
	scene
	member_lock 2 x held EX
	await 1 'bast kk'
	power_off 1
	boot 1 "$KERNEL"
	fenced_for_loss 60
	goes_on_alone x 151 "$id"
	kernel_knows 2
	joins_again x 151 "$id"
}

# The kernel's network is gone, and comes back after we have given the association up.
the_association_is_lost()
{
	kernel_knows 2
	join_both x 152 2 kernel
	kernel_lock kk x held EX
	scene
	ip link set tap1 down
	member_lock 2 x held EX
	fenced_for_loss 100
	goes_on_alone x 152 "$id"
	ip link set tap1 up
	guest 1 reset
	# Its port is free when the last association has gone, by our ABORT.
	has_our_end
	kernel_knows 2
	joins_again x 152 "$id"
}
