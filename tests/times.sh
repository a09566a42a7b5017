# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the reading of what the shell's `times` has printed. Knows nothing of tests.

# processor_ms FILE: in REPLY, milliseconds of a processor, user and system, of all for which that
# shell has waited; 0 without such a file.
processor_ms()
{
	local word words own
	REPLY=0
	[ -s "$1" ] || return
	{ read -r own; read -r -a words; } <"$1"
	for word in "${words[@]}"; do
		word=${word//[.,s]/}
		REPLY=$((REPLY + ${word%m*} * 60000 + 10#${word#*m}))
	done
}
