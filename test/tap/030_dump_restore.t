#!/bin/bash
# The tables are ordinary ones: pg_dump carries them, DROP EXTENSION leaves them, and the batch goes on where it was.

. "$(dirname "$0")/tap.bash"
plan 17

begin_cluster
export PGOPTIONS='-c portfolio_batch.progress=off'
make_book 2024-12-02 2
target=2024-12-31
sql 'CREATE DATABASE source TEMPLATE book'

# Computed in two calls, with roles that have been granted their rights.
export PGDATABASE=source
sql 'CREATE ROLE desk_reader' 'CREATE ROLE desk_runner' \
  "SELECT FROM grant_analytics_roles('desk_reader', 'desk_runner')" \
  "CALL daily_batch('2024-12-16')" "CALL daily_batch('$target')"

# Every row of every table, completely, and what defines the relations.
tables() {
  psql -XAtq -v ON_ERROR_STOP=1 -d "$1" <<'SQL'
SELECT format('SELECT %1$L, to_jsonb(r) FROM %1$I r ORDER BY 2', relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
ORDER BY relname
\gexec
SELECT relname, obj_description(oid, 'pg_class'), relacl FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind <> 'c' ORDER BY relname;
SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
       pg_get_expr(adbin, adrelid), col_description(attrelid, attnum), attacl
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND relkind <> 'c' AND attnum > 0 AND NOT attisdropped
ORDER BY relname, attnum;
SELECT relname, conname, pg_get_constraintdef(n.oid) FROM pg_constraint n JOIN pg_class c ON c.oid = conrelid
WHERE connamespace = 'public'::regnamespace ORDER BY relname, conname;
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname;
SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY viewname;
SELECT sequencename, last_value FROM pg_sequences ORDER BY sequencename;
SQL
}

functions() {
  psql -XAtq -d "$1" -c "SELECT p.oid::regprocedure, obj_description(p.oid, 'pg_proc'), proacl FROM pg_proc p
                         WHERE pronamespace IN ('public'::regnamespace, '_portfolio_batch'::regnamespace)
                         ORDER BY p.oid::regprocedure::text"
}

compare() {
  local status=0 difference
  difference=$(diff "$1" "$2" | cut -c1-300 | head -n 10) || status=1
  [ -s "$1" ] || status=1
  report "$status" "$3" "$difference"
}

nothing_to_do() {
  local name=$1
  is "$(sql "SELECT DISTINCT status, detail FROM run_daily_batch_with_backfill('$target')")" \
    'skipped|up to date: no session is missing' "$name: the backfill finds nothing to do"
  is "$(sql "CALL daily_batch('$target')" 2>&1)" 'NOTICE:  portfolio_batch: up to date, no session is missing' \
    "$name: nor does the procedure"
  tables "$PGDATABASE" >"$tap_folder/after"
  compare "$tap_folder/before" "$tap_folder/after" "$name: and not a row is written"
  is "$(sql "SELECT sum(rows_written) FROM run_daily_batch('$target')")" 0 \
    "$name: the last date, run again, writes no row of a result"
}

tables source >"$tap_folder/before"
functions source >"$tap_folder/functions_before"
note "$(wc -l <"$tap_folder/before") lines describe the source"

# pg_dump and restore --------------------------------------------------------------------------------------------------

sql 'CREATE DATABASE restored'
pg_dump source 2>"$tap_folder/dump_errors" | psql -Xq -v ON_ERROR_STOP=1 -d restored >/dev/null 2>"$tap_folder/errors" || true
is "$(cat "$tap_folder/dump_errors" "$tap_folder/errors")" '' 'pg_dump and psql have nothing to say'
tables restored >"$tap_folder/after"
compare "$tap_folder/before" "$tap_folder/after" 'tables, rows, keys, comments, views, privileges, sequences come back'
functions restored >"$tap_folder/functions_after"
compare "$tap_folder/functions_before" "$tap_folder/functions_after" 'functions too, with the privileges on them'
is "$(PGDATABASE=restored sql "SELECT count(*) > 0, count(*) = count(p_value), count(*) = count(correlation_coefficient)
                               FROM pairwise_correlations WHERE calculation_date = '$target'")" \
  't|t|t' 'the view over the packed matrix works there'
PGDATABASE=restored nothing_to_do 'restored'

# A restored database goes on computing, to the same results.
sql 'CREATE DATABASE half TEMPLATE book' && PGDATABASE=half sql "CALL daily_batch('2024-12-16')"
sql 'CREATE DATABASE second_half'
pg_dump -Fc -f "$tap_folder/half.dump" half
pg_restore -d second_half "$tap_folder/half.dump"
PGDATABASE=second_half sql "CALL daily_batch('$target')"
same_results second_half source '' 'a database that was dumped half way goes on to the same results'

# DROP EXTENSION and back ----------------------------------------------------------------------------------------------

export PGDATABASE=restored
tables restored >"$tap_folder/before"
like "$(sql_error 'DROP EXTENSION portfolio_batch')" '^$' 'DROP EXTENSION needs no CASCADE'
is "$(sql "SELECT count(*) FROM pg_proc WHERE probin LIKE '%portfolio_batch%'")" 0 'its functions are gone'
is "$(sql 'SELECT count(*) FROM portfolio_snapshots' 'SELECT count(*) FROM trading_sessions' \
  "SELECT count(*) FROM position_factor_exposure" | paste -sd' ')" \
  "$(PGDATABASE=source sql 'SELECT count(*) FROM portfolio_snapshots' 'SELECT count(*) FROM trading_sessions' \
    'SELECT count(*) FROM position_factor_exposure' | paste -sd' ')" 'tables and views are not'
sql 'CREATE EXTENSION portfolio_batch'
nothing_to_do 'created again'
is "$(sql "SELECT count(*) FROM create_analytics_tables() WHERE action <> 'exists' OR rows_added <> 0")" 0 \
  'create_analytics_tables finds everything in place'

done_testing
