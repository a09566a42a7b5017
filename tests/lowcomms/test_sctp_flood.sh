#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the floods over SCTP in user land: those of test_live_flood, from a process with a stack of
# its own. Packets that are forged by hand are in test_sctp.c. Knows nothing of a flood.
# run.sh: timeout=120
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lowcomms/sctp_lib.sh

OVER_LIMIT=110
# The stack allocates each packet: what the address sanitizer keeps of that is no cost of a flood.
over test_live_flood "ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=8"
sum
