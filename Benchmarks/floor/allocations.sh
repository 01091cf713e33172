#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# How often does maitred's master allocate per connection? Nothing in the loop may allocate per connection in steady
# state; what is left is what the clock asks for (ticks, the status line).
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: allocations.sh [options] [MAITRED]

  MAITRED            the program (default: .build/release/maitred)
  --strategy NAME    how maitred chooses (default round-robin)
  --requests N       connections per run (default 20000)
  --stacks N         then run once more and show where the first N allocations come from
  --strict           exit 1 when there is more than one allocation per 100 connections
TEXT
}

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

strict=false strategy=round-robin requests=20000 stacks=0
readonly runs=2 limit=0.01

parse_options strict 'strategy requests stacks' "$@"
check_numbers "$requests"
[[ $stacks =~ ^[0-9]+$ ]] || misused
check_maitred

for name in worker client; do build "$name"; done
build count_malloc -shared -fPIC

# In the environment of maitred only: the counter removes itself from what the workers inherit.
counted() { exec env COUNT_MALLOC="$logs/count" LD_PRELOAD="$programs/count_malloc" "$maitred" "$@"; }
start_maitred maitred counted 4 "$strategy" "$programs/worker"

allocations() { od -An -t u8 -j 0 -N 8 "$logs/count" | tr -d ' '; }

# The tables and buffers get their size in the first run.
client "$port" 64 "$requests" >/dev/null

exceeded=false
for connections in 64 4; do
    for ((run = 1; run <= runs; run++)); do
        before=$(allocations)
        client "$port" "$connections" "$requests" >/dev/null
        per_connection=$(awk -v "n=$(($(allocations) - before))" -v "of=$requests" 'BEGIN { printf "%.4f", n / of }')
        echo "$connections connections at a time, $requests in all: $per_connection allocations per connection"
        awk -v "n=$per_connection" -v "limit=$limit" 'BEGIN { exit n <= limit }' || continue
        exceeded=true
    done
done

if [ "$stacks" -gt 0 ]; then
    # Eight bytes at offset 8, the low one first: how many stacks are wanted.
    wanted=$((stacks < 255 ? stacks : 255))
    printf '%b' "\\x$(printf '%02x' "$wanted")" | dd of="$logs/count" bs=1 seek=8 conv=notrunc status=none
    client "$port" 64 "$requests" >/dev/null
    sed -n 's/.*(+\(0x[0-9a-f]*\))\[.*/\1/p; s/^$/0/p' "$logs/count.stacks" |
        addr2line -f -i -s -p -e "$maitred" | { swift demangle --simplified 2>/dev/null || cat; } | sed 's/^?? ??:0$//'
fi

if $strict && $exceeded; then exit 1; fi
