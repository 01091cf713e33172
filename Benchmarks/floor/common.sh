# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of this folder share. To be sourced, once `usage` is defined; sets root, programs, logs, and what the
# options that all of them have begin with.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=$root/.build/floor
logs=$(mktemp -d)
started=()
maitred=$root/.build/release/maitred
strict=false

# Longer than any start takes: this is for the case that nothing ever comes.
readonly start_seconds=20

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Says how the script is called, and ends it.
misused() {
    usage >&2
    exit 64
}

# parse_options NAMES ARGUMENT…: sets the variable of each option in NAMES (words) that is given, and strict and maitred.
parse_options() {
    local names=$1 name known
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --strict) strict=true ;;
            --help | -h) usage; exit 0 ;;
            -*)
                known=false
                for name in $names; do [ "$1" != "--$name" ] || known=true; done
                if ! $known || [ $# -lt 2 ]; then misused; fi
                printf -v "${1#--}" '%s' "$2"
                shift
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

# Ends what was started, and waits for it. Called by the trap.
stop_all() {
    trap - EXIT
    trap '' INT TERM
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$logs"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build NAME [FLAG…]: one C program of this folder.
build() {
    mkdir -p "$programs"
    "${CC:-cc}" -O2 -std=gnu11 -D_GNU_SOURCE -I "$root/Sources/CMaitredWire/include" "${@:2}" \
        -o "$programs/$1" "$root/Benchmarks/floor/$1.c"
}

# start LOG COMMAND…: runs a program until the script ends; its process id is in pid.
start() {
    # Before the program: who waits for a line looks at once.
    : >"$logs/$1"
    "${@:2}" >>"$logs/$1" 2>&1 &
    pid=$!
    started+=("$pid")
}

# start_maitred PROGRAM WORKERS STRATEGY: sets maitred_pid and maitred_port once all workers are ready.
start_maitred() {
    start maitred "$1" serve --listen 127.0.0.1:0 --workers "$2" --strategy "$3" --log-level info \
        --drain-timeout 2s --kill-timeout 2s -- "$programs/worker"
    maitred_pid=$pid
    wait_for "$pid" maitred 'listening on' 1
    wait_for "$pid" maitred 'worker [0-9]* ready' "$2"
    maitred_port=$(port_in maitred)
}

# wait_for PID LOG PATTERN TIMES: looks every few milliseconds until the log has the line that often. The program's
# end, or a deadline, is a failure.
wait_for() {
    local end=$((SECONDS + start_seconds))
    until [ "$(grep -c "$3" "$logs/$2")" -ge "$4" ]; do
        if ! kill -0 "$1" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then
            cat "$logs/$2" >&2
            fail "waited in vain for '$3'"
        fi
        sleep 0.02
    done
}

# port_in LOG: the port of its first "listening on".
port_in() {
    sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$logs/$1" | head -n 1
}

# client PORT CONNECTIONS REQUESTS: prints the seconds it took; anything unanswered is a failure.
client() {
    local answered failed seconds
    read -r _ answered _ failed _ seconds < <("$programs/client" "$@") || true
    [ "${answered:-0} ${failed:-1}" = "$3 0" ] || fail "port $1: ${answered:-0} answered, ${failed:-?} failed"
    echo "$seconds"
}
