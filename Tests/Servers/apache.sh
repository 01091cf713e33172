# SPDX-License-Identifier: Apache-2.0
#
# apache.sh DIRECTORY MODULE: Apache with a way to process requests, and a configuration of its own for each worker.
set -eu
own=$1/$MAITRED_WORKER_ID
mkdir -p "$own/www" && cd "$own"
echo "id=$MAITRED_WORKER_ID" >www/index.html
{ echo "id=$MAITRED_WORKER_ID" && head -c 15000 /dev/zero | tr '\0' . && printf '\nwhole\n'; } >www/slow
cat >apache.conf <<CONF
ServerRoot $own
ServerName localhost
PidFile $own/pid
Mutex sem
ErrorLog /dev/stderr
Listen $PORT
LoadModule mpm_$2_module /usr/lib/apache2/modules/mod_mpm_$2.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule ratelimit_module /usr/lib/apache2/modules/mod_ratelimit.so
StartServers 4
DocumentRoot $own/www
<Location /slow>
    # A fifth of this every 200 ms.
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 50
</Location>
CONF
exec /usr/sbin/apache2 -D FOREGROUND -f "$own/apache.conf"
