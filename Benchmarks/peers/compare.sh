#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What does a request cost behind maitred, and behind what people use instead?
#
# All peers run at the same time and are measured in turns, so that a change in the machine's mood meets each. CPU time
# is that of all threads of their processes (cputime.c); the client's does not count. What is printed is Markdown; what
# happens meanwhile is said on the standard error.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: compare.sh [options] [MAITRED]

  MAITRED          the program, with maitred-demo beside it (default: .build/release/maitred)
  --rounds N       rounds, after one to warm up (default 5)
  --seconds N      how long each peer is under load in a round (default 10)
  --peers LIST     only these, with commas between them (default: all)
  --write          append what is printed to Benchmarks/RESULTS.md

Peers: floor maitred maitred-demo nginx maitred-nginx haproxy node-rr node-shared maitred-node gunicorn-sync
gunicorn-gthread, and, with 1 worker, one-nginx maitred-one-nginx one-node maitred-one-node.
What is missing is installed: Debian packages, and gunicorn from PyPI into .build.
TEXT
}

# shellcheck source-path=SCRIPTDIR source=../floor/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../floor/common.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
. "$(dirname "${BASH_SOURCE[0]}")/peers.sh"

rounds=5 seconds=10 peers=all write=false
readonly connections=64 warm_up_seconds=2
# What a program's own work costs is compared at the same rate, far below what it could do, on a core of its own.
readonly steady_rate=5000 own_core=1 other_cores=0
# Longer than the slowest peer takes for a bulk transfer on a slow machine.
readonly bulk_deadline=300

command_line="Benchmarks/peers/compare.sh $*"
command_line=${command_line//"$root/"/}
parse_options write 'rounds seconds peers' "$@"
check_numbers "$rounds" "$seconds"
demo=$(dirname "$maitred")/maitred-demo

# In the order of the tables, whatever the order they were given in.
chosen=()
for peer in "${all_peers[@]}"; do
    if [ "$peers" = all ] || [[ ",$peers," == *",$peer,"* ]]; then chosen+=("$peer"); fi
done
# Each name is one of them.
[ "$peers" = all ] || [ "$(tr ',' '\n' <<<"$peers" | wc -l)" = "${#chosen[@]}" ] || misused

# The processes of each peer that runs: the balancer, and others that are not its children. And where it answers.
declare -A balancers backends_of ports
# Why a peer is in no table, or not in that of the transfers.
declare -A not_run no_transfer
reason=

# Measuring

# workers_of PEER: every process of it but the balancer.
workers_of() {
    # shellcheck disable=SC2086
    family "${balancers[$1]}" ${backends_of[$1]} | grep -vx "${balancers[$1]}" | tr '\n' ' '
}

# used PID…: nanoseconds of CPU time, in words.
used() { "$programs/cputime" "$@" 2>>"$logs/cputime"; }

# measured PEER COMMAND…: runs the command, with its output in the log `output`, and sets balancer_ns and workers_ns to
# what the peer used meanwhile. False, with the reason, when the command fails or processes came and went.
measured() {
    local processes before workers_before after workers_after
    processes=$(workers_of "$1")
    # shellcheck disable=SC2086
    before=$(used "${balancers[$1]}") && workers_before=$(used $processes) || lacking 'it has ended' || return
    "${@:2}" >"$logs/output" 2>&1 || lacking "${*:2:1} failed" output || return
    # shellcheck disable=SC2086
    after=$(used "${balancers[$1]}") && workers_after=$(used $processes) || lacking 'a process of it ended' || return
    [ "$(workers_of "$1")" = "$processes" ] || lacking 'it replaced a process during the run' || return
    balancer_ns=$((after - before)) workers_ns=$((workers_after - workers_before))
}

# load PEER SECONDS: sets line to "balancer-µs workers-µs both-µs requests-per-second p99-ms failed", all but the last
# three per request.
load() {
    measured "$1" wrk --threads 1 --connections "$connections" --duration "${2}s" --latency \
        --header 'Connection: close' "http://127.0.0.1:${ports[$1]}/" || return
    line=$(awk -v "balancer=$balancer_ns" -v "workers=$workers_ns" '
        function milliseconds(text) {
            return text ~ /us$/ ? text / 1e3 : text ~ /ms$/ ? text + 0 : text ~ /s$/ ? text * 1e3 : text * 6e4
        }
        / requests in / { requests = $1 }
        /^Requests\/sec:/ { rate = $2 }
        $1 == "99%" { p99 = milliseconds($2) }
        /Socket errors:/ { failed += $4 + $6 + $8 + $10 }
        /Non-2xx or 3xx responses:/ { failed += $NF }
        END {
            if (!requests) exit 1
            one = 1e3 * requests
            print balancer / one, workers / one, (balancer + workers) / one, rate, p99, failed + 0
        }' "$logs/output") || lacking 'it answered nothing'
}

# place PEER: the server's processes to a core of their own, the balancer's to the others.
place() {
    local processes
    processes=$(workers_of "$1")
    if [[ $1 == one-* ]]; then processes+=" ${balancers[$1]}"; else on "$other_cores" "${balancers[$1]}" || return; fi
    # shellcheck disable=SC2086
    on "$own_core" $processes
}

# on CORES PID…: all threads, from now on.
on() {
    local process
    for process in "${@:2}"; do taskset --all-tasks --pid --cpu-list "$1" "$process" || return; done >>"$logs/taskset" 2>&1
}

# steady PEER SECONDS: as load, at steady_rate: sets line to "balancer-µs workers-µs both-µs".
steady() {
    local answered
    measured "$1" taskset --cpu-list "$other_cores" "$maitred" bench load --rate "$steady_rate" --arrivals poisson \
        --duration "${2}s" --json "http://127.0.0.1:${ports[$1]}/" || return
    answered=$(sed -n 's/.*"answered" *: *\([0-9]*\).*/\1/p' "$logs/output" | head -n 1)
    [ "${answered:-0}" -gt 0 ] || lacking 'it answered nothing' || return
    line=$(awk -v "balancer=$balancer_ns" -v "workers=$workers_ns" -v "one=$((answered * 1000))" \
        'BEGIN { print balancer / one, workers / one, (balancer + workers) / one }')
}

# transfer PEER: sets line to "seconds balancer-s workers-s both-s" for one bulk transfer.
transfer() {
    local size time
    measured "$1" curl --silent --show-error --fail --output /dev/null --max-time "$bulk_deadline" \
        --write-out '%{size_download} %{time_total}\n' "http://127.0.0.1:${ports[$1]}/bytes?n=$bulk_bytes" || return
    read -r size time <"$logs/output"
    [ "$size" = "$bulk_bytes" ] || lacking "sent $size bytes instead of $bulk_bytes" || return
    line=$(awk -v "time=$time" -v "balancer=$balancer_ns" -v "workers=$workers_ns" \
        'BEGIN { print time, balancer / 1e9, workers / 1e9, (balancer + workers) / 1e9 }')
}

# The peers that run, and those of them that can send more than "ok".
running() {
    local peer
    for peer in "${chosen[@]}"; do [ -n "${not_run[$peer]:-}" ] || echo "$peer"; done
}
transferring() {
    local peer
    for peer in $(running); do
        [[ $peer == floor || $peer == maitred || $peer == *one-* || -n ${no_transfer[$peer]:-} ]] || echo "$peer"
    done
}

# drop REASONS PEER: the tables say why it is not in them. REASONS is not_run or no_transfer.
drop() {
    # shellcheck disable=SC2034 # It is the other array's name here.
    local -n reasons=$1
    # shellcheck disable=SC2034
    reasons[$2]=$reason
    echo "$2: $reason" >&2
}

# Runs each peer in turns, after one run to warm up, with the lines of the results in the files requests and transfers.
measure() {
    local round peer
    : >"$logs/requests"
    : >"$logs/transfers"
    for peer in $(running); do load "$peer" "$warm_up_seconds" || drop not_run "$peer"; done
    for ((round = 1; round <= rounds; round++)); do
        echo "requests, round $round of $rounds" >&2
        for peer in $(running); do
            if load "$peer" "$seconds"; then echo "$peer $round $line" >>"$logs/requests"; else drop not_run "$peer"; fi
        done
    done
    measure_steady
    for peer in $(transferring); do transfer "$peer" || drop no_transfer "$peer"; done
    for ((round = 1; round <= rounds; round++)); do
        echo "transfers, round $round of $rounds" >&2
        for peer in $(transferring); do
            if transfer "$peer"; then echo "$peer $round $line" >>"$logs/transfers"; else drop no_transfer "$peer"; fi
        done
    done
}

# Last of the requests, because the processes stay where they are put. What cannot be measured is a dash in the table.
measure_steady() {
    local round peer
    : >"$logs/steady"
    [ "$(nproc)" -gt 1 ] || return 0
    for peer in $(running); do
        [[ $peer != *one-* ]] || { place "$peer" && steady "$peer" "$warm_up_seconds"; } || echo "$peer: $reason" >&2
    done
    for ((round = 1; round <= rounds; round++)); do
        echo "steady requests, round $round of $rounds" >&2
        for peer in $(running); do
            [[ $peer == *one-* ]] || continue
            if steady "$peer" "$seconds"; then echo "$peer $round $line" >>"$logs/steady"; else echo "$peer: $reason" >&2; fi
        done
    done
}

# Tables

# cell RESULTS PEER COLUMN FORMAT [OF]: the median of a column over the rounds, or of its ratio to that of OF in the
# same round.
cell() {
    local value
    value=$(awk -v "peer=$2" -v "column=$3" -v "of=${5:-}" '
        $1 == of { reference[$2] = $column }
        $1 == peer { own[$2] = $column }
        END {
            for (round in own)
                if (of == "") print own[round]
                else if (reference[round] > 0) print own[round] / reference[round]
        }' "$logs/$1" | median)
    # shellcheck disable=SC2059
    if [ -z "$value" ]; then printf ' – |'; else printf " $4 |" "$value"; fi
}

# heading COLUMN…: the head of a table, its first column to the left.
heading() {
    printf '\n|'
    printf ' %s |' "$@"
    printf '\n| --- |'
    printf ' ---: |%.0s' "${@:2}"
    echo
}

cpu_table() {
    local peer column
    heading 'CPU per request, µs' balancer '× floor' '× maitred' workers together '× floor' '× maitred'
    for peer in $(running); do
        printf '| %s |' "$peer"
        cell requests "$peer" 3 %.2f
        cell requests "$peer" 3 %.2f floor
        cell requests "$peer" 3 %.2f maitred
        for column in 4 5; do cell requests "$peer" "$column" %.2f; done
        cell requests "$peer" 5 %.2f floor
        cell requests "$peer" 5 %.2f maitred
        echo
    done
}

speed_table() {
    local peer
    heading 'answers' 'requests/s' '× floor' '× maitred' 'p99, ms' '× maitred' 'failed, all rounds'
    for peer in $(running); do
        printf '| %s |' "$peer"
        cell requests "$peer" 6 %.0f
        cell requests "$peer" 6 %.2f floor
        cell requests "$peer" 6 %.2f maitred
        cell requests "$peer" 7 %.2f
        cell requests "$peer" 7 %.2f maitred
        awk -v "peer=$peer" '$1 == peer { sum += $8 } END { printf " %d |\n", sum }' "$logs/requests"
    done
}

# What a program's own work costs when it is a worker, beside what it costs alone. Alone, the first process is the
# server's own, and counts.
preload_table() {
    local program results
    heading 'CPU per request, µs' alone 'as a worker' '× alone'
    for program in nginx node; do
        for results in requests steady; do
            # The column of the one in the rounds of the other.
            awk -v "one=one-$program" '$1 == one { $4 = $5 } { print }' "$logs/$results" >"$logs/own"
            printf '| %s, %s |' "$program" "${occasion[$results]}"
            cell own "one-$program" 4 %.2f
            cell own "maitred-one-$program" 4 %.2f
            cell own "maitred-one-$program" 4 %.3f "one-$program"
            echo
        done
    done
}
declare -Ar occasion=(
    [requests]="$connections at a time" [steady]="$steady_rate a second, on a core of its own"
)

bulk_table() {
    local peer column
    heading 'transfer of 1 GiB' 'seconds' '× maitred-demo' 'CPU s: balancer' workers together '× maitred-demo'
    for peer in $(transferring); do
        printf '| %s |' "$peer"
        cell transfers "$peer" 3 %.2f
        cell transfers "$peer" 3 %.2f maitred-demo
        for column in 4 5 6; do cell transfers "$peer" "$column" %.3f; done
        cell transfers "$peer" 6 %.2f maitred-demo
        echo
    done
    for peer in "${!no_transfer[@]}"; do printf '\n%s is in no row: %s\n' "$peer" "${no_transfer[$peer]}"; done
}

# The chosen peers, with what they are, or why they are in no table.
legend() {
    local peer number
    for peer in $(running); do
        number=$(version "$peer")
        echo "- **$peer**${number:+ $number}: ${description[$peer]}"
    done
    for peer in "${chosen[@]}"; do
        [ -z "${not_run[$peer]:-}" ] || echo "- **$peer** was not measured: ${not_run[$peer]}"
    done
}

report() {
    cat <<TEXT

## Peers, $(date -u '+%Y-%m-%d %H:%M UTC')

    $command_line

$(machine), load average $(cut -d ' ' -f 1 /proc/loadavg) at the end.

$(legend)

Every peer has $workers workers, those with "one" in their name 1. The balancer is the process that accepts or copies for them; where the kernel chooses,
it is their parent, which has next to nothing to do. Workers are all other processes of the peer. Only \`floor\` and
\`maitred\` have the same program behind them, so that elsewhere workers and totals compare servers, not balancers.
Rounds: $rounds. Figures are medians of the rounds, ratios (×) medians of the ratios within each round.

Small answers, a new connection for each request: $(wrk -v | sed -n '1s/ \[.*//p'), 1 thread, $connections connections,
$seconds s a round, on the same cores.
$(cpu_table)
$(speed_table)

What the preload library costs an unmodified program: CPU time of its own processes per request, without that of maitred.
As fast as $connections clients at a time can go, all on the same cores, where a third process that works also costs what
it interrupts; and at the same rate for both, with the server alone on core $own_core.
$(preload_table)

One transfer of $bulk_bytes bytes at a time, with curl. (The worker of \`floor\` and \`maitred\` has nothing but "ok".)
$(bulk_table)
TEXT
}

# begin PEER: installs and starts it.
begin() {
    backends=
    install "$1" || return
    "start_peer_$1" || lacking 'it did not start' "$1" || return
    balancers[$1]=$pid backends_of[$1]=$backends ports[$1]=$port
}

for tool in wrk curl; do need "$tool" "$tool" || fail "$tool cannot be installed: $(last_line apt)"; done
for name in floor worker cputime; do build "$name"; done
for peer in "${chosen[@]}"; do
    echo "starting $peer" >&2
    begin "$peer" || drop not_run "$peer"
done
measure
report | tee "$logs/report"
if $write; then cat "$logs/report" >>"$root/Benchmarks/RESULTS.md"; fi
