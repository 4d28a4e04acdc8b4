#!/bin/sh
# roles.sql, and the password of the role that trades. The container cdb_roles runs it after each migration; psql is told by
# PGHOST, PGUSER and PGDATABASE whom to ask.
set -eu
secrets=${1:-/run/secrets}
PGPASSWORD=$(cat "$secrets/postgres_password")
export PGPASSWORD
psql --quiet -v ON_ERROR_STOP=1 -f "$(dirname "$0")/roles.sql"
psql --quiet -v ON_ERROR_STOP=1 <<SQL
\set password \`cat "$secrets/cdb_farm_password"\`
ALTER ROLE cdb_farm PASSWORD :'password';
SQL
