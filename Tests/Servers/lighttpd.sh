# SPDX-License-Identifier: Apache-2.0
#
# lighttpd.sh DIRECTORY: lighttpd with a configuration of its own for each worker.
set -eu
own=$1/$MAITRED_WORKER_ID
mkdir -p "$own/www" && cd "$own"
echo "id=$MAITRED_WORKER_ID" >www/index.html
cat >www/slow <<CGI
sleep 0.3
printf 'Status: 200\r\nContent-Length: 100012\r\n\r\n'
echo "id=$MAITRED_WORKER_ID"
head -c 100000 /dev/zero | tr "\\0" . && printf "\\nwhole\\n"
CGI
cat >lighttpd.conf <<CONF
server.modules = ("mod_cgi", "mod_indexfile")
server.document-root = "$own/www"
server.port = $PORT
index-file.names = ("index.html")
\$HTTP["url"] == "/slow" { cgi.assign = ("" => "/bin/sh") }
CONF
exec /usr/sbin/lighttpd -D -f "$own/lighttpd.conf"
