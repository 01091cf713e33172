# SPDX-License-Identifier: Apache-2.0
#
# nginx.sh DIRECTORY DIRECTIVE…: nginx with a configuration of its own for each worker.
set -eu
own=$1/$MAITRED_WORKER_ID
shift
mkdir -p "$own/www" && cd "$own"
{ echo "id=$MAITRED_WORKER_ID" && head -c 100000 /dev/zero | tr '\0' . && printf '\nwhole\n'; } >www/slow
cat >nginx.conf <<CONF
daemon off;
$*
user root;
pid $own/pid;
error_log stderr;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $own/a; proxy_temp_path $own/b; fastcgi_temp_path $own/c;
    uwsgi_temp_path $own/d; scgi_temp_path $own/e;
    server {
        listen $PORT;
        location / { return 200 "id=$MAITRED_WORKER_ID\n"; }
        # 60,000 bytes at once, and the rest after 300 ms.
        location = /slow { root $own/www; sendfile off; limit_rate 200000; output_buffers 1 60000; }
    }
}
CONF
exec /usr/sbin/nginx -e stderr -c "$own/nginx.conf"
