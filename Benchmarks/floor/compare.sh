#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What does maitred's master cost per connection, beside bare C loops that only accept and hand on?
#
# All run at the same time with the same worker program, and are measured in turns, so that a change in the machine's
# mood meets each. What is compared is the CPU time of the masters themselves (/proc/PID/schedstat, nanoseconds):
# client and workers do not count.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: compare.sh [options] [MAITRED]

  MAITRED            the program (default: .build/release/maitred)
  --workers N        workers of each (default 4, at most 64)
  --strategy NAME    how maitred chooses (default round-robin, which is all the bare loops can)
  --connections N    connections at a time in the second block (default 64; the first has 512, the third 4)
  --requests N       connections per round (default 60000)
  --rounds N         rounds of each block, after one to warm up (default 7)
  --strict           exit 1 when the budget is exceeded in any block
TEXT
}

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

strict=false workers=4 strategy=round-robin connections=64 requests=60000 rounds=7
readonly budget=1.10 flood_connections=512 quiet_connections=4

parse_options strict 'workers strategy connections requests rounds' "$@"
check_numbers "$workers" "$connections" "$requests" "$rounds"
check_maitred

for name in floor worker client; do build "$name"; done

# The masters, in the order of the table's columns.
readonly masters=(floor epoll maitred)
declare -A pids ports

start_floor floor "$workers"
pids[floor]=$pid ports[floor]=$port
start_floor epoll "$workers" --epoll
pids[epoll]=$pid ports[epoll]=$port
start_maitred maitred "$maitred" "$workers" "$strategy" "$programs/worker"
pids[maitred]=$pid ports[maitred]=$port

# One run: "microseconds-per-connection connections-per-second".
# run MASTER CONNECTIONS
run() {
    local before after seconds
    read -r before _ <"/proc/${pids[$1]}/schedstat"
    seconds=$(client "${ports[$1]}" "$2" "$requests") || exit 1
    read -r after _ <"/proc/${pids[$1]}/schedstat"
    awk -v "ns=$((after - before))" -v "n=$requests" -v "s=$seconds" 'BEGIN { printf "%.3f %.0f\n", ns / n / 1e3, n / s }'
}

# Prints one block and whether it was within the budget.
# block CONNECTIONS
block() {
    local round name line
    printf '\n%d connections at a time\n' "$1"
    echo 'round    floor µs  epoll µs  maitred µs  / floor  / epoll  floor /s  epoll /s  maitred /s'
    for name in "${masters[@]}"; do run "$name" "$1" >/dev/null; done
    : >"$logs/rounds"
    for ((round = 1; round <= rounds; round++)); do
        line=$round
        for name in "${masters[@]}"; do line+=" $(run "$name" "$1")"; done
        awk '{ print $1, $2, $4, $6, $6 / $2, $6 / $4, $3, $5, $7 }' <<<"$line" | tee -a "$logs/rounds" | table
    done
    medians | table
    medians | awk -v "budget=$budget" '{ printf "budget %s x floor: %s\n", budget, $5 <= budget ? "ok" : "exceeded" }' |
        tee -a "$logs/verdicts"
}

# The lines of the input under the headings.
table() {
    awk '{ printf "%-7s %9.2f %9.2f %11.2f %8.3f %8.3f %9d %9d %11d\n", $1, $2, $3, $4, $5, $6, $7, $8, $9 }'
}

# The median of each column of the rounds.
medians() {
    local column line=median
    for column in 2 3 4 5 6 7 8 9; do
        line+=" $(awk -v "column=$column" '{ print $column }' "$logs/rounds" | median)"
    done
    echo "$line"
}

echo "master CPU per connection: a bare C loop (floor), one that waits in an epoll (epoll), and maitred, in turns"
machine
echo "$workers workers each, strategy $strategy, $requests connections a round"
for count in "$flood_connections" "$connections" "$quiet_connections"; do block "$count"; done

if $strict && grep -q 'exceeded$' "$logs/verdicts"; then exit 1; fi
