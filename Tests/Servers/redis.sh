# SPDX-License-Identifier: Apache-2.0
#
# redis.sh DIRECTORY: Redis, whose database is named after the worker, so that clients can ask which one it is.
set -eu
exec redis-server --bind 127.0.0.1 --port "$PORT" --dir "$1" --dbfilename "id=$MAITRED_WORKER_ID" --save '' --daemonize no
