#!/bin/sh
# Run once by PostgreSQL's image, when it makes the database: the role that the program connects
# as. It owns nothing; `custody migrate` gives it its rights. The password is read by psql itself,
# so that it is on no command line.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat /run/secrets/database_password`
CREATE ROLE custody LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
SQL
