#!/bin/bash
# Whatever the settings of the client, installing, creating tables, running and reading give the same.

. "$(dirname "$0")/tap.bash"
plan 6

begin_cluster
day=2026-11-20

# Settings under which text is read or written in another way, as a database or a driver may have them.
sql 'CREATE DATABASE plain' 'CREATE DATABASE odd' 'ALTER DATABASE plain SET portfolio_batch.progress = off' \
  'ALTER DATABASE odd SET portfolio_batch.progress = off' 'ALTER DATABASE odd SET quote_all_identifiers = on' \
  'ALTER DATABASE odd SET standard_conforming_strings = off' 'ALTER DATABASE odd SET escape_string_warning = off' \
  "ALTER DATABASE odd SET DateStyle = 'German'" 'ALTER DATABASE odd SET IntervalStyle = sql_standard' \
  "ALTER DATABASE odd SET TimeZone = 'Asia/Kolkata'" 'ALTER DATABASE odd SET extra_float_digits = -15' \
  'ALTER DATABASE odd SET bytea_output = escape' 'ALTER DATABASE odd SET row_security = off' \
  'ALTER DATABASE odd SET transform_null_equals = on' 'ALTER DATABASE odd SET array_nulls = off' \
  'ALTER DATABASE odd SET default_transaction_isolation = serializable' \
  'ALTER DATABASE odd SET xmloption = document' 'ALTER DATABASE odd SET backslash_quote = on'
other_locale=$(locale -a | grep -m1 '^de_DE' || true)
if [ -n "$other_locale" ]; then
  for category in lc_messages lc_monetary lc_numeric lc_time; do
    sql "ALTER DATABASE odd SET $category = '$other_locale'"
  done
fi

# All of it in one session. What functions return is kept in tables, and read later under one and the same settings.
fill() {
  psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -v day="$day" <<'SQL'
SET client_min_messages = warning;
CREATE SCHEMA "The Desk";
CREATE EXTENSION portfolio_batch SCHEMA "The Desk";
CREATE SCHEMA kept;
SET search_path = "The Desk";
CREATE TABLE kept.created AS SELECT * FROM create_analytics_tables('Desk Tables');
CREATE TABLE kept.loaded AS
SELECT * FROM load_sample_data(portfolios => 3, positions => 8, sessions => 4, last_session => :'day');
CREATE TABLE kept.missing AS SELECT * FROM missing_sessions(:'day');
CREATE TABLE kept.phases AS
SELECT session_date, phase, name, status, processed, skipped, failed, rows_written, detail
FROM run_daily_batch_with_backfill(:'day');
CREATE TABLE kept.audit AS SELECT * FROM batch_audit(:'day');
CREATE TABLE kept.audit_summary AS SELECT * FROM batch_audit_summary(:'day');
CREATE TABLE kept.preflight AS SELECT * FROM batch_preflight(:'day') WHERE check_name <> 'temporary space';
CREATE TABLE kept.snapshots AS SELECT p.id, api_portfolio_snapshot(p.id) FROM "Desk Tables".portfolios AS p;
CREATE TABLE kept.positions AS SELECT p.id, api_position(p.id) FROM "Desk Tables".positions AS p;
CREATE TABLE kept.betas AS SELECT p.id, api_portfolio_betas(p.id) FROM "Desk Tables".portfolios AS p;
CREATE TABLE kept.factors AS SELECT p.id, api_portfolio_factors(p.id) FROM "Desk Tables".portfolios AS p;
CREATE TABLE kept.correlations AS SELECT p.id, api_portfolio_correlations(p.id) FROM "Desk Tables".portfolios AS p;
CREATE TABLE kept.stress_tests AS SELECT p.id, api_portfolio_stress_tests(p.id) FROM "Desk Tables".portfolios AS p;
CREATE TABLE kept.reports AS SELECT p.id, portfolio_report(p.id) FROM "Desk Tables".portfolios AS p;
CREATE TABLE kept.run_report AS
SELECT phase, metric, value, detail FROM batch_report()
WHERE metric NOT IN ('started', 'duration') AND detail IS DISTINCT FROM NULL AND detail !~ ' ms';
CREATE TABLE kept.due AS
SELECT cron_next_run('30 21 * * 1-5', '2026-11-20 22:00+00') AT TIME ZONE 'GMT' AS weekday,
       cron_next_run('0 0 29 2 *', '2026-11-20 22:00+00') AT TIME ZONE 'GMT' AS leap_day;
CREATE TABLE kept.exposures AS SELECT * FROM portfolio_exposures(:'day');
CREATE TABLE kept.risk AS SELECT * FROM market_risk(:'day');
CREATE TABLE kept.matrix AS SELECT * FROM correlation_matrix('{SPY,TLT,VTV}', :'day');
SQL
}

# read_from DATABASE: psql under the same settings for both databases, with statements on standard input.
read_from() {
  PGOPTIONS='-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1 -c bytea_output=hex'
  PGOPTIONS+=' -c quote_all_identifiers=off -c standard_conforming_strings=on -c transform_null_equals=off'
  PGOPTIONS+=' -c array_nulls=on -c lc_numeric=C -c lc_time=C -c lc_monetary=C'
  PGOPTIONS=$PGOPTIONS psql -XAtq -v ON_ERROR_STOP=1 -d "$1" "${@:2}"
}

# Every row of the tables of a schema, but for what is drawn by lot and what tells when it was written.
rows() {
  read_from "$1" -v schema="$2" <<'SQL' |
SELECT format('SELECT %1$L, to_jsonb(r) - ''{run_id,created_at,updated_at,fetched_at,assigned_at,started_at,'
              'completed_at,duration_seconds,backend_pid,backend_start,last_updated,tag_id}''::text[] FROM %2$I.%1$I AS r',
              relname, :'schema')
FROM pg_class WHERE relnamespace = quote_ident(:'schema')::regnamespace AND relkind IN ('r', 'v') ORDER BY relname
\gexec
SQL
    sed -E 's/[0-9]+ ms/… ms/g; s/"(created_at|updated_at|last_updated)": "[^"]*"/"\1": …/g
            s/20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}/…/g; /^tags[|]/s/"id": "[^"]*"/"id": …/' |
    LC_ALL=C sort
}

definitions() {
  read_from "$1" <<'SQL'
SELECT pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc'), p.proacl FROM pg_proc AS p
WHERE p.pronamespace IN ('_portfolio_batch'::regnamespace, '"The Desk"'::regnamespace, '"Desk Tables"'::regnamespace)
ORDER BY p.oid::regprocedure::text;
SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class AS c
WHERE c.relnamespace = '"Desk Tables"'::regnamespace AND c.relkind = 'v' ORDER BY 1;
SELECT n.conrelid::regclass, n.conname, pg_get_constraintdef(n.oid) FROM pg_constraint AS n
WHERE n.connamespace = '"Desk Tables"'::regnamespace ORDER BY 1, 2;
SELECT d.adrelid::regclass, d.adnum, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
JOIN pg_class AS c ON c.oid = d.adrelid WHERE c.relnamespace = '"Desk Tables"'::regnamespace ORDER BY 1, 2;
SQL
}

same() {
  local what=$1 name=$2 status=0 difference
  shift 2
  "$what" plain "$@" >"$tap_folder/one"
  "$what" odd "$@" >"$tap_folder/other"
  [ -s "$tap_folder/one" ] || status=1
  difference=$(diff "$tap_folder/one" "$tap_folder/other" | cut -c1-400 | head -n 10) || status=1
  report "$status" "$name" "$(wc -l <"$tap_folder/one") lines against $(wc -l <"$tap_folder/other")" "$difference"
}

is "$(fill plain 2>&1)" '' 'under the usual settings everything runs'
is "$(fill odd 2>&1)" '' 'so it does under others'
same definitions 'functions, views, checks and defaults are the same'
same rows 'all tables hold the same' 'Desk Tables'
same rows 'all functions return the same' kept

# A role without superuser rights, for whom row_security = off would be an error.
for database in plain odd; do
  PGDATABASE=$database sql 'CREATE ROLE reader_of_'"$database"' LOGIN' \
    "SET portfolio_batch.schema = 'Desk Tables'" \
    "SELECT FROM \"The Desk\".grant_analytics_roles('reader_of_$database', NULL)" \
    'ALTER TABLE "Desk Tables".portfolios ENABLE ROW LEVEL SECURITY' \
    'CREATE POLICY one ON "Desk Tables".portfolios USING (name LIKE '"'%1 %'"')'
done
visible() {
  PGUSER=reader_of_$1 PGDATABASE=$1 sql "SET portfolio_batch.schema = 'Desk Tables'" \
    "SELECT count(DISTINCT portfolio_id) FROM \"The Desk\".positions_asof('$day')" \
    "SELECT count(DISTINCT entity) FROM \"The Desk\".batch_audit('$day') WHERE section = 'snapshots'" 2>&1
}
is "$(visible odd)" "$(visible plain)" 'row-level security is applied, whatever row_security is'

done_testing
