#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the judgement of `make demo`: compares the lines that one node sent with those
# that another printed as `ID<TAB>line`, one by one. Knows nothing of how they travelled.
#
#	compare.sh SENT RECEIVED ID
#
# Prints: sent delivered lost duplicated reordered foreign
# foreign: lines that nobody sent, such as damaged ones. Exit status 0 if the received lines are
# exactly the sent ones.
set -u
export LC_ALL=C
sent=$1 received=$2 id=$3

payload() { sed -n "s/^$id	//p" "$received"; }

if cmp -s "$sent" <(payload); then
	n=$(wc -l <"$sent")
	echo "$n $n 0 0 0 0"
	exit
fi

# Only lines that were sent once can show a wrong order.
payload | awk -v sent="$sent" '
	FILENAME == sent {
		n_sent++
		if (!times_sent[$0]++)
			place[$0] = n_sent
		next
	}
	{
		n_received++
		if (times_sent[$0] == 1 && !times_received[$0]) {
			if (place[$0] < last)
				reordered++
			else
				last = place[$0]
		}
		times_received[$0]++
	}
	END {
		for (line in times_received) {
			surplus = times_received[line] - times_sent[line]
			if (!times_sent[line])
				foreign += surplus
			else if (surplus > 0)
				duplicated += surplus
		}
		for (line in times_sent)
			if (times_sent[line] > times_received[line])
				lost += times_sent[line] - times_received[line]
		# All lines are there, yet not in order: some that were sent more than once.
		if (!(lost + duplicated + reordered + foreign))
			reordered = 1
		printf "%d %d %d %d %d %d\n", n_sent, n_received, lost, duplicated, reordered,
			foreign
	}' "$sent" -
exit 1
