#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the live tests over SCTP in user land: those that know nothing of what carries the links,
# but for test_live_slow: a node that is not dispatched answers nothing there, and loses its links.
# Knows nothing of what they test. The floods, which are no long ones: test_sctp_flood.sh.
# run.sh: long timeout=260
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lowcomms/sctp_lib.sh

over test_live_echo
over test_live_hot
over test_live_kill
over test_live_forger
over test_live_loris
# Of as many nodes as a slow machine has: one stack serves all of a process.
over test_live_64 TIME_FACTOR=2
sum
