#!/bin/bash
# Versions: of the server, which the build refuses or takes, and of the extension, whose library and SQL objects must be
# of the same one.

. "$(dirname "$0")/tap.bash"
plan 19

version=$(sed -n 's/^EXTVERSION *= *//p' "$PB_ROOT/Makefile")
begin_cluster

# Of the server -------------------------------------------------------------------------------------------------------

# With the variables that the server's own makefiles set.
made_for() { make -n -C "$PB_ROOT" all "MAJORVERSION=$1" 2>&1 >/dev/null | grep -F '***' || true; }
like "$(made_for 14)" 'needs PostgreSQL 15, 16, 17 or 18; .*pg_config belongs to 14\. Set PG_CONFIG' \
  'the build refuses an older server and names those that it takes'
like "$(made_for 19)" 'belongs to 19' 'and a newer one'
for major in 15 16 17 18; do is "$(made_for $major)" '' "it takes $major"; done
if [ "$PB_SERVER" -ge 18 ]; then
  sql "CREATE DATABASE loaded"
  is "$(PGDATABASE=loaded sql "CREATE EXTENSION portfolio_batch" "SELECT FROM create_analytics_tables()" \
    "SELECT module_name, version FROM pg_get_loaded_modules() WHERE file_name = 'portfolio_batch.so'" | tail -n 1)" \
    "portfolio_batch|$version" 'the server can say which version of the library a session has loaded'
else
  skip 1 'servers before 18 do not know the version of a library'
fi

# Of the extension ----------------------------------------------------------------------------------------------------

# A version before this one, and one after it, with the same SQL objects and this library: another folder in which the
# server finds the extension.
is "$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$PB_ROOT/portfolio_batch.control")" "$version" \
  'the control file has the version of the library'
installed=$tap_folder/installed
as_server mkdir "$installed"
cp -r "$tap_stage"/. "$installed"
scripts=$installed$("$PG_CONFIG" --sharedir)/extension
cp "$scripts/portfolio_batch--$version.sql" "$scripts/portfolio_batch--0.9.0.sql"
replace='CREATE OR REPLACE FUNCTION _portfolio_batch.of_an_update() RETURNS name LANGUAGE sql RETURN CURRENT_USER;'
called='SELECT @extschema@.analytics_schema();'
printf '%s\n' "$replace" "$called" >"$scripts/portfolio_batch--0.9.0--0.9.5.sql"
printf '%s\n' "$replace" "$called" >"$scripts/portfolio_batch--0.9.5--$version.sql"
printf '%s\n' "$replace" >"$scripts/portfolio_batch--$version--2.0.0.sql"
settings_of_stage "$installed" | as_server tee -a "$tap_folder/data/postgresql.conf" >/dev/null
sql 'SELECT pg_reload_conf()' >/dev/null
wait_until 10 "SELECT starts_with(current_setting('dynamic_library_path'), '$installed')"

sql "CREATE EXTENSION portfolio_batch VERSION '0.9.0'"
error=$(sql_error 'SELECT analytics_schema()')
like "$error" "55000: the library of extension \"portfolio_batch\" is version $version, its SQL objects are version 0\.9\.0" \
  'SQL objects of an older version than the library: 55000 with both versions'
like "$error" 'DETAIL:  Each version of the library .* Nothing was done\.' 'and what the rule is'
like "$error" 'HINT:  Run ALTER EXTENSION portfolio_batch UPDATE; .*install the library of version 0\.9\.0' 'and the ways out'
unlike "$error" 'CONTEXT:  (SQL|PL)' 'and no context of our own functions'
like "$(sql_error 'SELECT FROM create_analytics_tables()')" '55000: the library of extension' \
  'a function whose body is PL/pgSQL says the same'
is "$(sql "SELECT count(*) FROM pg_class WHERE relname = 'portfolios'")" 0 'and has done nothing'
like "$(sql_error "SELECT price_asof('X', '2024-01-02')")" '55000: the library of extension' \
  'and a function that reads a table'

open_session before
tell_only before 'SELECT analytics_schema()' 'ALTER EXTENSION portfolio_batch UPDATE' 'SELECT analytics_schema()'
wait_for before
is "$(sed -n '/^public$/p' "$tap_folder/before.out")" public \
  'after ALTER EXTENSION UPDATE, in two steps that call the library, the same session goes on'
is "$(sql "SELECT extversion FROM pg_extension WHERE extname = 'portfolio_batch'" 'SELECT analytics_schema()')" \
  "$version"$'\npublic' 'and a new one works'

sql "ALTER EXTENSION portfolio_batch UPDATE TO '2.0.0'"
lines=$(wc -l <"$tap_folder/before.out")
tell before 'SELECT analytics_schema()'
like "$(tail -n "+$((lines + 1))" "$tap_folder/before.out")" "is version $version, its SQL objects are version 2\.0\.0.*connect again" \
  'a session that had found them to fit notices that another one has updated the extension'
close_session before

# Functions that somebody made of the library by hand belong to no version.
sql 'DROP EXTENSION portfolio_batch' \
  "CREATE FUNCTION by_hand() RETURNS name LANGUAGE c STABLE AS 'portfolio_batch', 'pb_analytics_schema'"
is "$(sql 'SELECT by_hand()')" public 'a function that belongs to no extension has no version to fit'

done_testing
