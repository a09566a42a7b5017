#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the call of the rules of structure. Knows nothing of them.
# run.sh: with=python3,nm
set -u
cd "$(dirname "$0")/../.." || exit 2

python3 tests/tree/structure.py "${BUILD:-build}"
