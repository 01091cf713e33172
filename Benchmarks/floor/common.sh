# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of this folder and of ../peers share. To be sourced, once `usage` is defined; sets root, programs,
# logs and maitred.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=$root/.build/floor
logs=$(mktemp -d)
started=()
maitred=$root/.build/release/maitred

# Longer than any start takes: this is for the case that nothing ever comes.
readonly start_seconds=20
# Longer than any program that was asked to end takes, which the master's timeouts below are within.
readonly stop_seconds=5

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Says how the script is called, and ends it.
misused() {
    usage >&2
    exit 64
}

# parse_options FLAGS NAMES ARGUMENT…: sets the variable of each option that is given, to true if it is one of FLAGS
# (words), to what follows if it is one of NAMES; and maitred.
parse_options() {
    local flags=" $1 " names=" $2 "
    shift 2
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage; exit 0 ;;
            -*)
                if [[ $flags == *" ${1#--} "* ]]; then
                    printf -v "${1#--}" true
                elif [[ $names == *" ${1#--} "* ]] && [ $# -ge 2 ]; then
                    printf -v "${1#--}" '%s' "$2"
                    shift
                else
                    misused
                fi
                ;;
            *) maitred=$1 ;;
        esac
        shift
    done
}

# check_numbers NUMBER…: each is a whole number above 0.
check_numbers() {
    local number
    for number; do [[ $number =~ ^[1-9][0-9]*$ ]] || misused; done
}

check_maitred() {
    [ -x "$maitred" ] || fail "$maitred is not there: run make build first"
}

# family PID…: these processes and all below them.
family() {
    local pid children
    for pid; do
        echo "$pid"
        # Whoever has ended in the meantime has no children.
        children=$(cat "/proc/$pid/task/"*/children 2>/dev/null) || true
        # shellcheck disable=SC2086
        family $children
    done
}

# Ends what was started, and waits for it; with force, and its children too, if it takes long. Called by the trap.
stop_all() {
    local everyone pid end=$((SECONDS + stop_seconds))
    trap - EXIT
    trap '' INT TERM
    # Before anybody ends: an orphan is nobody's child any more.
    everyone=$(family "${started[@]}")
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    for pid in $everyone; do
        while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do sleep 0.02; done
    done
    for pid in $everyone; do kill -KILL "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$logs"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build NAME [FLAG…]: one C program of the benchmarks.
build() {
    mkdir -p "$programs"
    "${CC:-cc}" -O2 -std=gnu11 -D_GNU_SOURCE -I "$root/Sources/CMaitredWire/include" "${@:2}" \
        -o "$programs/$1" "$root/Benchmarks/"*"/$1.c"
}

# start LOG COMMAND…: runs a program until the script ends; its process id is in pid.
start() {
    # Before the program: who waits for a line looks at once.
    : >"$logs/$1"
    "${@:2}" >>"$logs/$1" 2>&1 &
    pid=$!
    started+=("$pid")
}

# start_floor LOG WORKERS [FLAG]: a bare loop; sets pid and port.
start_floor() {
    start "$1" "$programs/floor" "${@:3}" 0 "$2" "$programs/worker"
    wait_for "$1" 'listening on' 1 && port=$(port_in "$1")
}

# start_maitred LOG PROGRAM WORKERS STRATEGY WORKER…: sets pid and port once all workers are ready.
start_maitred() {
    start "$1" "$2" serve --control "$logs/$1.control" --listen 127.0.0.1:0 --workers "$3" --strategy "$4" \
        --log-level info --drain-timeout 2s --kill-timeout 2s -- "${@:5}"
    wait_for "$1" 'listening on' 1 && wait_for "$1" 'worker [0-9]* ready' "$3" && port=$(port_in "$1")
}

# wait_for LOG PATTERN TIMES: looks every few milliseconds until the log has the line that often. False, with the log
# shown, if the program whose process id is in pid ends, or takes too long.
wait_for() {
    local end=$((SECONDS + start_seconds))
    until [ "$(grep -c "$2" "$logs/$1")" -ge "$3" ]; do
        if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then
            cat "$logs/$1" >&2
            echo "${0##*/}: $1: waited in vain for '$2'" >&2
            return 1
        fi
        sleep 0.02
    done
}

# port_in LOG: the port that it says it listens on.
port_in() {
    sed -n 's#.*[Ll]istening \(on\|at:\) \(http://\)\{0,1\}127\.0\.0\.1:\([0-9]*\).*#\3#p' "$logs/$1" | head -n 1
}

# The median of the numbers on the input, one a line; nothing if there are none.
median() {
    sort -g | awk '{ value[NR] = $1 }
        END { if (NR) printf "%.10g\n", (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# One line about the machine.
machine() {
    echo "kernel $(uname -r), $(nproc) cores,$(sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1)"
}

# client PORT CONNECTIONS REQUESTS: prints the seconds it took; anything unanswered is a failure.
client() {
    local answered failed seconds
    read -r _ answered _ failed _ seconds < <("$programs/client" "$@") || true
    [ "${answered:-0} ${failed:-1}" = "$3 0" ] || fail "port $1: ${answered:-0} answered, ${failed:-?} failed"
    echo "$seconds"
}
