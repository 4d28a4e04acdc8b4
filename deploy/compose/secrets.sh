#!/bin/sh
# Makes the secrets that a farm in containers wants, each in a file; one that is there stays. MEXC's keys and the addresses of
# those who are to be told are yours: write them into cdb_api_key, cdb_api_secret and cdb_notify_urls.
# For Kubernetes: secrets.sh deploy/kubernetes/secrets cdb-postgres cdb-redis
set -eu
folder=${1:-$(dirname "$0")/secrets}
postgres=${2:-cdb_postgres}
redis=${3:-cdb_redis}
umask 077
mkdir -p -m 0700 "$folder"
cd "$folder"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
once() { [ -e "$1" ] || { cat >"$1.new" && mv "$1.new" "$1"; }; }

random | once postgres_password
random | once cdb_farm_password
random | once redis_password
random | once grafana_password
random | once cdb_console_password
random | once cdb_console_token
random | once cdb_flower_password
random | once cdb_backup_key
printf '' | once cdb_api_key
printf '' | once cdb_api_secret
printf '' | once cdb_notify_urls
printf '' | once alertmanager_slack_url
printf '' | once alertmanager_smtp_password
printf 'user default on >%s ~* &* +@all\n' "$(cat redis_password)" | once redis_users
printf 'postgresql://cdb:%s@%s:5432/cdb' "$(cat postgres_password)" "$postgres" | once cdb_database_url
printf 'postgresql://cdb_farm:%s@%s:5432/cdb' "$(cat cdb_farm_password)" "$postgres" | once cdb_farm_database_url
printf 'redis://default:%s@%s:6379/0' "$(cat redis_password)" "$redis" | once cdb_redis_url
# Containers read them as users of their own; on this machine nobody else gets into the folder.
chmod 0700 .
chmod 0644 ./*
echo "secrets are in $(pwd); keep a copy of cdb_backup_key elsewhere: nothing else opens the backups"
