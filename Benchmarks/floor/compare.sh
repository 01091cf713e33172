#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What does maitred's master cost per connection, beside a bare C loop that only accepts and hands on?
#
# Both run at the same time with the same worker program, and are measured in turns, so that a change in the machine's
# mood meets both. What is compared is the CPU time of the two masters themselves (/proc/PID/schedstat, nanoseconds):
# client and workers do not count.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: compare.sh [options] [MAITRED]

  MAITRED            the program (default: .build/release/maitred)
  --workers N        workers of each (default 4, at most 64)
  --strategy NAME    how maitred chooses (default round-robin, which is all the bare loop can)
  --connections N    connections at a time in the first block (default 64; the second always has 4)
  --requests N       connections per round (default 60000)
  --rounds N         rounds of each block, after one to warm up (default 7)
  --strict           exit 1 when the budget is exceeded
TEXT
}

# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

maitred=$root/.build/release/maitred
workers=4 strategy=round-robin connections=64 requests=60000 rounds=7 strict=false
readonly budget=1.10 quiet_connections=4

while [ $# -gt 0 ]; do
    case $1 in
        --workers | --strategy | --connections | --requests | --rounds)
            [ $# -ge 2 ] || { usage >&2; exit 64; }
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        --strict) strict=true ;;
        --help | -h) usage; exit 0 ;;
        -*) usage >&2; exit 64 ;;
        *) maitred=$1 ;;
    esac
    shift
done
for number in "$workers" "$connections" "$requests" "$rounds"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 64; }
done
[ -x "$maitred" ] || fail "$maitred is not there: run make build first"

for name in floor worker client; do build "$name"; done

start floor "$programs/floor" 0 "$workers" "$programs/worker"
floor_pid=$pid
wait_for "$floor_pid" floor 'listening on' 1
floor_port=$(port_in floor)
start_maitred "$maitred" "$workers" "$strategy"

# One run: "microseconds-per-connection connections-per-second".
# run PID PORT CONNECTIONS
run() {
    local before after seconds
    read -r before _ <"/proc/$1/schedstat"
    seconds=$(client "$2" "$3" "$requests") || exit 1
    read -r after _ <"/proc/$1/schedstat"
    awk -v "ns=$((after - before))" -v "n=$requests" -v "s=$seconds" 'BEGIN { printf "%.3f %.0f\n", ns / n / 1e3, n / s }'
}

# Prints one block and whether it was within the budget.
# block CONNECTIONS
block() {
    local round floor_run maitred_run
    printf '\n%d connections at a time\n' "$1"
    echo 'round       floor µs  maitred µs    ratio   floor conn/s maitred conn/s'
    run "$floor_pid" "$floor_port" "$1" >/dev/null
    run "$maitred_pid" "$maitred_port" "$1" >/dev/null
    : >"$logs/rounds"
    for ((round = 1; round <= rounds; round++)); do
        floor_run=$(run "$floor_pid" "$floor_port" "$1")
        maitred_run=$(run "$maitred_pid" "$maitred_port" "$1")
        awk -v "round=$round" '{ printf "%s %s %s %.4f %s %s\n", round, $1, $3, $3 / $1, $2, $4 }' \
            <<<"$floor_run $maitred_run" | tee -a "$logs/rounds" |
            awk '{ printf "%-8s %11.2f %11.2f %8.3f %14d %14d\n", $1, $2, $3, $4, $5, $6 }'
    done
    awk -v "floor=$(median 2)" -v "maitred=$(median 3)" -v "ratio=$(median 4)" -v "floor_rate=$(median 5)" \
        -v "rate=$(median 6)" -v "budget=$budget" 'BEGIN {
            printf "%-8s %11.2f %11.2f %8.3f %14d %14d\n", "median", floor, maitred, ratio, floor_rate, rate
            printf "budget %s: %s\n", budget, ratio <= budget ? "ok" : "exceeded"
        }' | tee -a "$logs/verdicts"
}

# The median of a column of the rounds.
median() {
    awk -v "column=$1" '{ print $column }' "$logs/rounds" | sort -g |
        awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

echo "master CPU per connection: bare C loop (floor) and maitred, in turns"
echo "kernel $(uname -r), $(nproc) cores,$(sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1)"
echo "$workers workers each, strategy $strategy, $requests connections a round"
block "$connections"
block "$quiet_connections"

if $strict && grep -q 'exceeded$' "$logs/verdicts"; then exit 1; fi
