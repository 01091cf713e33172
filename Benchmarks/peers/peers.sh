# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
#
# The peers: how each is installed and started. To be sourced after common.sh, whose functions are used; maitred and
# demo are the programs.
#
# Each has a function start_peer_NAME, which sets pid and port, and backends if there are processes that the balancer
# does not start. It returns false when the peer does not run; what that said is in the log of its name.

readonly here=$root/Benchmarks/peers
readonly workers=2
readonly gunicorn=27.0.1
readonly venv=$root/.build/peers/gunicorn-$gunicorn
readonly bulk_bytes=$((1 << 30))

# Debian keeps some programs where only root looks.
PATH=$PATH:/usr/sbin

# The order of the tables.
readonly all_peers=(
    floor maitred maitred-demo nginx maitred-nginx haproxy node-rr node-shared maitred-node gunicorn-sync
    gunicorn-gthread one-nginx maitred-one-nginx one-node maitred-one-node
)

# What a table says about each.
declare -Ar description=(
    [floor]='a bare loop in C, floor.c, in front of worker.c'
    [maitred]='round-robin, in front of the same worker.c'
    [maitred-demo]='maitred, least-connections, in front of maitred-demo (Hummingbird)'
    [nginx]='the kernel chooses: 2 workers, each with a listening socket of its own (reuseport)'
    [haproxy]='TCP mode, leastconn, 1 thread, splicing, in front of two nginx with 1 worker each'
    [node-rr]='Node cluster, the primary accepts and hands over in turn'
    [node-shared]='Node cluster, the workers share one listening socket'
    [maitred-nginx]='maitred, round-robin, in front of two unmodified nginx with 1 worker each'
    [maitred-node]='maitred, round-robin, in front of two unmodified Node servers'
    [one-nginx]='one nginx with 1 worker, by itself'
    [maitred-one-nginx]='the same nginx behind maitred'
    [one-node]='one Node server, by itself'
    [maitred-one-node]='the same Node server behind maitred'
    [gunicorn-sync]='the workers share one listening socket, a connection at a time each'
    [gunicorn-gthread]='the workers share one listening socket, 4 threads each'
)

# Installation

# need COMMAND PACKAGE: installs a Debian package, and says so, unless its command is there.
need() {
    local sudo=''
    ! command -v "$1" >/dev/null || return 0
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "installing $2" >&2
    # Lists may be missing or old; a package may be there all the same.
    $sudo apt-get update -q >>"$logs/apt" 2>&1 || true
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$2" >>"$logs/apt" 2>&1
}

# Installs gunicorn into an environment of its own, and says so.
need_gunicorn() {
    [ ! -x "$venv/bin/gunicorn" ] || return 0
    need python3 python3 || return
    python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv || return
    echo "installing gunicorn $gunicorn from PyPI into ${venv#"$root/"}" >&2
    { python3 -m venv "$venv" && "$venv/bin/pip" install -q "gunicorn==$gunicorn"; } >"$logs/pip" 2>&1
}

# install PEER: what it needs. False, with the reason in `reason`, when it cannot be had.
install() {
    case $1 in
        maitred) built "$maitred" ;;
        maitred-demo) built "$maitred" && built "$demo" ;;
        nginx | one-nginx) needed nginx nginx ;;
        maitred*-nginx) built "$maitred" && needed nginx nginx ;;
        maitred*-node) built "$maitred" && needed node nodejs ;;
        haproxy) needed nginx nginx && needed haproxy haproxy ;;
        node-* | one-node) needed node nodejs ;;
        gunicorn-*) need_gunicorn || lacking "gunicorn $gunicorn cannot be installed" pip ;;
    esac
}

built() {
    [ -x "$1" ] || lacking "${1#"$root/"} is not there: run make build first"
}

needed() {
    need "$@" || lacking "$2 cannot be installed" apt
}

# lacking REASON [LOG]: sets reason, with the last line of the log. Always false.
lacking() {
    reason=$1
    if [ $# -gt 1 ] && [ -s "$logs/$2" ]; then reason+=": $(last_line "$2")"; fi
    return 1
}

# last_line LOG: without the names of folders of this machine.
last_line() {
    grep -v '^[[:space:]]*$' "$logs/$1" | tail -n 1 | sed "s#$logs/##g; s#$root/##g"
}

# Start

# Sets port to one that nobody listens on. It is below those that the kernel gives to clients, so that it stays free
# until its owner starts.
take_port() {
    local lowest=10000 end
    read -r end _ </proc/sys/net/ipv4/ip_local_port_range
    # Where clients have nearly all, what is free has to be enough.
    if [ "$end" -lt $((lowest + 1000)) ]; then end=32768; fi
    while port=$((lowest + RANDOM % (end - lowest))); do
        [[ " $taken_ports " != *" $port "* ]] || continue
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    taken_ports+=" $port"
}
taken_ports=

start_peer_floor() { start_floor floor "$workers"; }

start_peer_maitred() { start_maitred maitred "$maitred" "$workers" round-robin "$programs/worker"; }

start_peer_maitred-demo() { start_maitred maitred-demo "$maitred" "$workers" least-connections "$demo"; }

start_peer_nginx() { start_nginx nginx "$workers" reuseport; }

start_peer_one-nginx() { start_nginx one-nginx 1; }

start_peer_maitred-nginx() { start_nginx_behind maitred-nginx "$workers"; }

start_peer_maitred-one-nginx() { start_nginx_behind maitred-one-nginx 1; }

# start_nginx_behind LOG WORKERS: as many nginx with 1 worker each behind maitred.
start_nginx_behind() {
    take_port
    configure_nginx "$1" 1
    # shellcheck disable=SC2016 # Each process has a file for its number of its own.
    MAITRED_APP_PORT=any start_maitred "$1" "$maitred" "$2" round-robin \
        sh -c 'exec nginx -e stderr -p "$0" -c nginx.conf -g "daemon off; pid $0/pid.$MAITRED_WORKER_ID;"' \
        "$logs/$1.nginx" && wait_for_answer "$1"
}

# start_nginx LOG WORKERS [LISTEN-OPTION]: answers "ok", or a file of zeros to /bytes.
start_nginx() {
    take_port
    configure_nginx "$@"
    start "$1" nginx -e stderr -p "$logs/$1.nginx" -c nginx.conf -g "daemon off; pid $logs/$1.nginx/pid;"
    wait_for_answer "$1"
}

# configure_nginx LOG WORKERS [LISTEN-OPTION]
configure_nginx() {
    local folder=$logs/$1.nginx
    mkdir "$folder"
    [ -e "$logs/zeros" ] || truncate -s "$bulk_bytes" "$logs/zeros"
    # As the user who owns the folder: nobody else can read it.
    cat >"$folder/nginx.conf" <<TEXT
user $(id -un) $(id -gn);
error_log stderr error;
worker_processes $2;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    default_type text/plain;
    client_body_temp_path $folder/client_body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$port ${3:-};
        location / { return 200 "ok\n"; }
        location = /bytes { alias $logs/zeros; }
    }
}
TEXT
}

# With what makes it cheapest: bytes of answers are moved within the kernel.
start_peer_haproxy() {
    local first second
    start_nginx haproxy-nginx-1 1 '' && backends=$pid first=$port || return
    start_nginx haproxy-nginx-2 1 '' && backends+=" $pid" second=$port || return
    take_port
    cat >"$logs/haproxy.cfg" <<TEXT
global
    nbthread 1
    maxconn 4096
defaults
    mode tcp
    option splice-response
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen front
    bind 127.0.0.1:$port
    balance leastconn
    server first 127.0.0.1:$first
    server second 127.0.0.1:$second
TEXT
    start haproxy haproxy -db -f "$logs/haproxy.cfg"
    wait_for_answer haproxy
}

start_peer_node-rr() { start_node node-rr rr; }

start_peer_node-shared() { start_node node-shared none; }

start_peer_one-node() { start_node one-node none 0; }

start_peer_maitred-node() { start_node_behind maitred-node "$workers"; }

start_peer_maitred-one-node() { start_node_behind maitred-one-node 1; }

# start_node_behind LOG WORKERS: as many plain servers behind maitred.
start_node_behind() {
    MAITRED_APP_PORT=any start_maitred "$1" "$maitred" "$2" round-robin node "$here/server.js" 0 && wait_for_answer "$1"
}

# start_node LOG POLICY [WORKERS]
start_node() {
    start "$1" env "NODE_CLUSTER_SCHED_POLICY=$2" node "$here/server.js" "${3-$workers}"
    wait_for "$1" 'listening on' 1 && port=$(port_in "$1") && wait_for_answer "$1"
}

start_peer_gunicorn-sync() { start_gunicorn gunicorn-sync sync; }

start_peer_gunicorn-gthread() { start_gunicorn gunicorn-gthread gthread --threads 4; }

# start_gunicorn LOG CLASS [OPTION…]
start_gunicorn() {
    # A bulk transfer keeps a worker of the first kind from saying that it is alive.
    start "$1" "$venv/bin/gunicorn" --chdir "$here" --bind 127.0.0.1:0 --workers "$workers" --worker-class "$2" \
        --timeout 120 --graceful-timeout 2 "${@:3}" app:application
    wait_for "$1" 'Listening at' 1 && wait_for "$1" 'Booting worker' "$workers" && port=$(port_in "$1") &&
        wait_for_answer "$1"
}

# wait_for_answer LOG: until the program whose process id is in pid answers on port.
wait_for_answer() {
    local end=$((SECONDS + start_seconds))
    until curl -sf -o "$logs/answer" --max-time "$start_seconds" "http://127.0.0.1:$port/"; do
        if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then return 1; fi
        sleep 0.02
    done
}

# version PEER: of the program, in few words.
version() {
    case $1 in
        maitred*) "$maitred" --version ;;
        nginx | one-nginx) nginx -v 2>&1 | sed 's#.*/##' ;;
        haproxy) haproxy -v | sed -n '1s/^[^0-9]*\([^ ]*\).*/\1/p' ;;
        node-* | one-node) node --version | sed 's/^v//' ;;
        gunicorn-*) echo "$gunicorn, $("$venv/bin/python" --version)" ;;
        *) echo ;;
    esac
}
