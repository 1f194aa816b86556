#!/bin/bash
# Functions, operators, types and relations of a plain role that are found before those of the server and of the
# extension, or fit better than them: in public, in a schema at the head of search_path, and in pg_temp. Nothing of the
# extension ever calls one, whoever made them first, and all results are those of a database without them.
# Each tells when it runs, as a warning, which is in the log of the server also when it happens in a background worker.

. "$(dirname "$0")/tap.bash"

plan 19

begin_cluster 'max_locks_per_transaction = 1024'
sql 'CREATE ROLE mallory LOGIN' 'CREATE ROLE desk_reader LOGIN' 'CREATE ROLE desk_runner LOGIN' 'CREATE DATABASE late'
# pg_cron serves this database only, so two of the three scenarios take turns in it.
sql 'CREATE EXTENSION pg_cron' 'GRANT USAGE ON SCHEMA cron TO desk_runner'

# Every identifier of the sources may be one that a statement leaves to search_path.
grep -hoE '[A-Za-z_][A-Za-z0-9_]*' "$PB_ROOT"/sql/parts/*.sql "$PB_ROOT"/src/*/*.?pp | tr '[:upper:]' '[:lower:]' |
  awk 'length < 64' | LC_ALL=C sort -u >"$tap_folder/words"

install() {
  PGDATABASE=$1 sql 'CREATE SCHEMA pb' 'GRANT USAGE ON SCHEMA pb TO desk_runner' 'CREATE EXTENSION portfolio_batch SCHEMA pb' \
    "ALTER DATABASE $1 SET portfolio_batch.schema = 'desk'" "ALTER DATABASE $1 SET portfolio_batch.progress = off"
}

make_hostile() {
  psql -Xq -v ON_ERROR_STOP=1 -d "$1" -v words="$tap_folder/words" -v own="$tap_folder/own" \
    -f "$PB_ROOT/test/tap/hostile.sql" >"$tap_folder/made.$1"
  sql "ALTER DATABASE $1 SET search_path = front, public, pg_catalog"
}

# In a session whose own temporary schema holds such types and relations as well.
make_temporary="DO \$\$ DECLARE statement pg_catalog.text; BEGIN
  IF pg_catalog.to_regnamespace('front') IS NULL THEN RETURN; END IF;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog', false);
  FOR statement IN
    SELECT format('CREATE TEMP VIEW %I AS SELECT front.hostile_spy(%L)', c.relname, 'temporary relation ' || c.relname)
      FROM pg_class AS c WHERE c.relnamespace = 'front'::regnamespace AND c.relkind = 'v'
    UNION ALL
    SELECT format('CREATE DOMAIN pg_temp.%1\$I AS pg_catalog.%1\$I CHECK (front.hostile_spy(%2\$L))', t.typname,
                  'temporary type ' || t.typname)
      FROM pg_type AS t WHERE t.typnamespace = 'front'::regnamespace AND t.typtype = 'd'
  LOOP
    EXECUTE statement;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', 'front, public, pg_catalog', false);
END \$\$"

# Calls of functions as name|query; what they return is kept in a table of that name.
calls() {
  cat <<CALLS
created|pb.create_analytics_tables('desk')
loaded|pb.load_sample_data(portfolios => 3, positions => 8, sessions => 4, last_session => '$day')
granted|pb.grant_analytics_roles('desk_reader', 'desk_runner')
privileges|pb.role_privileges('desk_reader', 'desk_runner')
missing|pb.missing_sessions('$day')
no_prices|pb.missing_prices('$earlier', '$day')
covered|pb.market_data_coverage('$day')
CALLS
  calls_of_runner
  cat <<CALLS
preflight|pb.batch_preflight('$day')
schema|pb.analytics_schema()
special|pb.nyse_special_closures()
nyse|pb.nyse_calendar('2024-01-01', '2024-12-31')
session|pb.is_session('$day')
previous|pb.previous_session('$day')
next|pb.next_session('$day')
span|pb.sessions_between('$earlier', '$day')
latest|pb.latest_closed_session()
p_value|pb.correlation_p_value(0.5, 20)
t_p_value|pb.student_t_p_value(2.5, 20)
settings|pb.batch_settings()
dictionary|pb.analytics_columns()
price|pb.price_asof('SPY', '$day')
held|pb.positions_asof('$day')
lots|desk.portfolios AS p, pb.lot_history(p.id)
exposures|pb.portfolio_exposures('$day')
risk|pb.market_risk('$day')
kinds|pb.pnl_by_kind('$earlier', '$day')
quality|pb.model_quality('$earlier', '$day')
what_if|(SELECT p.* FROM desk.portfolios AS p ORDER BY p.id USING OPERATOR(pg_catalog.<) LIMIT 1) AS p, LATERAL (SELECT w.* FROM pb.what_if(p.id, '[{"set_weight": "SPY", "weight": 0.1}, {"cash": 100}]', '$day') AS w) AS w
matrix|pb.correlation_matrix('{SPY,TLT,VTV}', '$day')
ols|pb.ols_fit('{1,2,4,3,6}', '{1,2,3,4,5}')
ridge|pb.ridge_fit('{1,2,4,3,6}', '{1,2,3,4,5}', 0.1)
nearest|pb.nearest_correlation('{{1,0.9},{0.9,1}}')
shrunk|pb.ledoit_wolf('{{1,2},{2,1},{3,5}}')
clusters|pb.cluster_average_linkage('{{1,0.9},{0.9,1}}', 0.7)
linkage|pb.linkage_average('{{1,0.5,0.2},{0.5,1,0.3},{0.2,0.3,1}}')
adjusted|pb.benjamini_hochberg('{0.01,0.2,0.03}')
due|pb.cron_next_run('30 21 * * 1-5', '2026-11-20 22:00+00')
snapshot|desk.portfolios AS p, pb.api_portfolio_snapshot(p.id)
position|desk.positions AS p, pb.api_position(p.id)
lineage|(SELECT id FROM desk.portfolios) AS p, LATERAL (SELECT kind, l.name AS part, input_digest, prices FROM pb.lineage(p.id, '$day') AS l) AS l
lineage_diff|(SELECT id FROM desk.portfolios) AS p, pb.lineage_diff(p.id, '$day')
betas|desk.portfolios AS p, pb.api_portfolio_betas(p.id)
factors|desk.portfolios AS p, pb.api_portfolio_factors(p.id)
correlations|desk.portfolios AS p, pb.api_portfolio_correlations(p.id)
stress|desk.portfolios AS p, pb.api_portfolio_stress_tests(p.id)
page|desk.portfolios AS p, pb.portfolio_report(p.id)
pairs|desk.pairwise_correlations
betas_of_lots|desk.position_market_betas
rates_of_lots|desk.position_interest_rate_betas
factors_of_lots|desk.position_factor_exposures
history_of_lots|desk.position_history
coefficients|desk.symbol_factor_exposures
scenarios|desk.stress_test_results
audit|pb.batch_audit('$day')
verdict|pb.batch_audit_summary('$day')
report|pb.batch_report()
progress|pb.batch_progress()
no_run|pb.cancel_run(-1)
schedules|pb.batch_schedules()
feed|(SELECT m.symbol, m.date, CASE WHEN m.date OPERATOR(pg_catalog.=) '$day' AND m.symbol OPERATOR(pg_catalog.=) ANY ('{SPY,TLT}') THEN m.close OPERATOR(pg_catalog.*) 3::pg_catalog.float8 ELSE m.close END AS close FROM desk.market_data_cache AS m) AS m
described|pb.register_price_source('feed', 'desk.company_profiles', kind => 'profiles')
registered|pb.register_price_source('feed', 'kept.feed')
previewed|pb.preview_price_source('feed', '{SPY}', '$earlier', '$day')
imported|pb.import_prices_csv('kept.feed')
sources|pb.price_source_report()
fundamentals|pb.fundamentals_due('$day')
quarantined|pb.quarantined_prices()
accepted|pb.accept_quarantined('SPY', '$day', 'feed')
rejected|pb.reject_quarantined('TLT', '$day', 'feed')
unregistered|pb.unregister_price_source('feed')
closed|(SELECT p.* FROM desk.positions AS p WHERE p.quantity OPERATOR(pg_catalog.>) 1::numeric AND p.exit_date IS NULL ORDER BY p.id USING OPERATOR(pg_catalog.<) LIMIT 1) AS p, pb.close_position(p.portfolio_id, p.id, 1, 100, '$day')
marked|(SELECT p.* FROM desk.positions AS p WHERE p.investment_class OPERATOR(pg_catalog.=) 'PRIVATE' ORDER BY p.id USING OPERATOR(pg_catalog.<) LIMIT 1) AS p, LATERAL (SELECT pg_catalog.count(*) AS calls FROM pb.mark_position(p.portfolio_id, p.id, 100, '$day')) AS m
settled|pb.settle_expired_options('$day')
undone|(SELECT p.portfolio_id, p.settles FROM desk.positions AS p WHERE p.settles IS NOT NULL) AS s, pb.undo_settlement(s.portfolio_id, s.settles)
records|pb.purge_run_records('1 day')
purged|pb.purge_results('$earlier')
one_gone|(SELECT p.* FROM desk.portfolios AS p ORDER BY p.id USING OPERATOR(pg_catalog.<) LIMIT 1) AS p, pb.purge_portfolio(p.id)
CALLS
}

# What the runner does as well.
calls_of_runner() {
  cat <<CALLS
run|pb.run_daily_batch_with_backfill('$earlier')
values|pb.update_position_values('$earlier')
tags|pb.restore_sector_tags('$earlier')
one_day|pb.run_daily_batch('$earlier', force => true)
snapshots|pb.create_portfolio_snapshots('$earlier')
market|pb.calc_market_betas('$earlier')
rates|pb.calc_interest_rate_betas('$earlier')
ridge_betas|pb.calc_factor_betas('$earlier')
sectors|pb.calc_sector_exposures('$earlier')
volatility|pb.calc_volatility('$earlier')
factor_correlations|pb.calc_factor_correlations('$earlier')
stress_tests|pb.calc_stress_tests('$earlier')
correlation|pb.calc_correlations('$earlier')
CALLS
}

calls_of_schedules() {
  cat <<CALLS
scheduled|pb.schedule_batch('nightly', '0 22 1 1 *')
defaults|pb.schedule_default_batches()
off|pb.disable_schedule('nightly')
on|pb.enable_schedule('nightly')
synchronized|pb.sync_schedules()
listed|pb.batch_schedules()
unscheduled|(SELECT pg_catalog.count(*) AS n FROM pb.unschedule_batch('nightly')) AS u
tenants|(SELECT pg_catalog.count(*) AS n FROM pb.enable_tenant_security()) AS t
CALLS
}

# run_calls DATABASE SCHEMA CALLS: keeps results in the schema; prints errors and warnings.
run_calls() {
  {
    printf '%s;\n' "$make_temporary" "CREATE SCHEMA $2"
    "$3" | while IFS='|' read -r name query; do
      printf 'CREATE TABLE %s.%s AS SELECT * FROM %s;\n' "$2" "$name" "$query"
      # The procedures between: the dates that are left, in workers, and all of them again.
      [ "$name" != registered ] ||
        printf "CALL pb.collect_market_data('%s');\nCALL pb.collect_fundamentals('%s');\n" "$day" "$day"
      [ "$name" != correlation ] || [ "$3" = calls_of_runner ] ||
        printf "CALL pb.daily_batch('%s', workers => 2);\nCALL pb.rescan_sessions(20);\n" "$day"
    done
  } | psql -Xq -d "$1" -f - 2>&1 | sed -E 's/^psql:<stdin>:[0-9]+: //'
}

scenario() {
  # An option in the money that has expired.
  PGDATABASE=$1 sql "UPDATE desk.positions SET strike_price = 1, expiration_date = '$earlier' WHERE position_type = 'LC'"
  run_calls "$1" kept calls
  # The runner starts with nothing computed.
  PGDATABASE=$1 sql 'TRUNCATE desk.portfolio_snapshots, desk.batch_runs, desk.batch_jobs' "GRANT CREATE ON DATABASE $1 TO desk_runner"
  PGUSER=desk_runner run_calls "$1" kept_by_runner calls_of_runner
}

# Every row of the tables of a schema, but for what is drawn by lot and what tells when it was written.
rows() {
  PGOPTIONS='-c search_path=pg_catalog' psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -v schema="$2" <<'SQL' |
SELECT format('SELECT %1$L, to_jsonb(r) - ''{run_id,created_at,updated_at,fetched_at,assigned_at,started_at,completed_at,'
              'duration,duration_seconds,backend_pid,backend_start,last_updated,tag_id,id,job_id,close_position,opened_position_id,'
              'revised_at,decided_at,set_aside_at,last_answer,last_attempt_at,last_success_at,last_new_data_at}''::text[] FROM %2$I.%1$I AS r',
              relname, :'schema')
FROM pg_class WHERE relnamespace = quote_ident(:'schema')::regnamespace AND relkind IN ('r', 'v') ORDER BY relname
\gexec
SQL
    sed -E 's/[0-9]+ ms/… ms/g; s/"(created_at|updated_at|last_updated|next_run)": "[^"]*"/"\1": …/g; s/run [0-9]+/run …/g
            s/20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}/…/g; s/[0-9.]+ [GMk]B/… B/g
            # Which of two workers is the first to estimate a symbol is chance.
            s/"detail": (null|\{"symbols_from_other_workers": [0-9]+\})/"detail": …/g
            /"metric": "(run|started|duration)"/d; /"cron.job_run_details"/d' | LC_ALL=C sort
}

# clear DATABASE: without the extension and its tables.
clear() {
  PGDATABASE=$1 PGOPTIONS='-c search_path=pg_catalog -c client_min_messages=warning' sql \
    'SELECT cron.unschedule(jobid) FROM cron.job' 'DROP EXTENSION portfolio_batch CASCADE' \
    'DROP SCHEMA pb, desk, kept, kept_by_runner, kept_of_schedules CASCADE' >/dev/null
}

# heard: what hostile objects have said since it was asked last.
heard_lines=0
heard() {
  local said
  said=$(as_server grep -aE 'WARNING:  hostile' "$tap_folder/server.log" | tail -n +$((heard_lines + 1)) || true)
  heard_lines=$((heard_lines + $(grep -c . <<<"$said" || true)))
  [ -z "$said" ] || sed -E 's/^.*WARNING:  //' <<<"$said" | LC_ALL=C sort | uniq -c | head -n 30
}

# Without anything hostile ---------------------------------------------------------------------------------------------

install postgres
sql "SELECT FROM pb.create_analytics_tables('desk')"
# Of the sessions of the sample; the newest that has closed, since rescan_sessions goes on to that one.
day=$(sql 'SELECT pb.latest_closed_session()')
earlier=$(sql "SELECT pb.previous_session(pb.previous_session('$day'))")
PGOPTIONS='-c search_path=pg_catalog' psql -XAtq -F $'\t' >"$tap_folder/own" <<'SQL'
SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.proname, pg_get_function_arguments(p.oid)
FROM pg_extension AS e
JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                   AND d.classid = 'pg_proc'::regclass
JOIN pg_proc AS p ON p.oid = d.objid
WHERE e.extname = 'portfolio_batch'
UNION ALL
SELECT 'RELATION', d.table_name, '' FROM pb.analytics_columns() AS d WHERE d.column_name IS NULL;
SQL
is "$(sql "SELECT p.proname FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pb'::regnamespace ORDER BY p.proname COLLATE \"C\"")" \
  "$( (calls; calls_of_schedules; echo 'x|pb.daily_batch('; echo 'x|pb.rescan_sessions('
      echo 'x|pb.collect_market_data('; echo 'x|pb.collect_fundamentals(') | grep -oE 'pb\.[a-z_]+\(' |
    sed 's/pb\.//; s/($//' | LC_ALL=C sort -u)" 'every function of the extension is called below'
scenario postgres >"$tap_folder/said.clean"
is "$(grep -v '^CONTEXT:' "$tap_folder/said.clean" | cut -d ';' -f 1)" \
  'NOTICE:  portfolio_batch: up to date, no session is missing
ERROR:  run -1 does not exist
HINT:  SELECT * FROM batch_progress() lists the runs under way.
NOTICE:  portfolio_batch: fundamentals of 20 symbols were due, of 20 some were fetched' 'without hostile objects everything runs'
for schema in desk kept kept_by_runner; do rows postgres $schema >"$tap_folder/clean.$schema"; done
run_calls postgres kept_of_schedules calls_of_schedules >"$tap_folder/said.schedules"
rows postgres kept_of_schedules >"$tap_folder/clean.kept_of_schedules"
holds "$(cat "$tap_folder"/clean.* | wc -l)" '>' 10000 'and gives results'
is "$(heard)" '' 'without a word of theirs'

# compare DATABASE NAME SCHEMA …: the rows of the schemas with those of the clean database.
compare() {
  local database=$1 name=$2 schema status=0 difference=
  shift 2
  for schema in "$@"; do
    rows "$database" "$schema" >"$tap_folder/other"
    difference+=$(diff "$tap_folder/clean.$schema" "$tap_folder/other" | cut -c1-300 | head -n 10) || status=1
  done
  report "$status" "$name" "$difference"
}

# Made before the extension is created ---------------------------------------------------------------------------------

clear postgres
make_hostile postgres
note "$(paste -sd' ' "$tap_folder/made.postgres")"
heard >/dev/null
install postgres
sql "SELECT FROM pb.create_analytics_tables('desk')"
scenario postgres >"$tap_folder/said.early"
is "$(heard)" '' 'made first: none of them is called, not in the session, in workers, in pg_temp'
is "$(cat "$tap_folder/said.early")" "$(cat "$tap_folder/said.clean")" 'errors and notices are the same'
compare postgres 'all tables hold the same, all functions return the same' desk kept kept_by_runner
is "$(run_calls postgres kept_of_schedules calls_of_schedules)$(heard)" "$(cat "$tap_folder/said.schedules")" \
  'none is called by schedules'
compare postgres 'which are the same as well' kept_of_schedules

# Made when the extension and its tables are there ---------------------------------------------------------------------

export PGDATABASE=late
install late
sql "SELECT FROM pb.create_analytics_tables('desk')"
make_hostile late
heard >/dev/null
scenario late >"$tap_folder/said.late"
is "$(heard)" '' 'made later: none of them is called'
is "$(cat "$tap_folder/said.late")" "$(cat "$tap_folder/said.clean")" 'errors and notices are the same'
compare late 'all tables hold the same, all functions return the same' desk kept kept_by_runner

# That they would be ---------------------------------------------------------------------------------------------------

# said STATEMENT …: what is heard of statements in a session like those above.
said() {
  psql -Xq -c "$make_temporary" "${@/#/-c}" >/dev/null 2>&1 || true
  heard | sed -E 's/^ +[0-9]+ //'
}
like "$(said 'SELECT pg_catalog.upper($$a$$) || pg_catalog.gen_random_uuid()')" \
  'hostile front\.hostile_[0-9]+\(text, uuid\) ran as postgres' 'an ordinary statement calls an operator that fits better'
like "$(said 'SELECT 1 + 1')" 'hostile front\.hostile_[0-9]+\(integer, integer\) ran as postgres' 'one that fits as well'
like "$(said 'SELECT lower($$A$$)')" 'hostile front\.lower\(text\) ran as postgres' 'a function'
like "$(said 'SELECT $$a$$::text')" 'hostile temporary type text ran as postgres' 'a type of pg_temp'
like "$(said 'SELECT * FROM pg_class')" 'hostile temporary relation pg_class ran as postgres' 'a relation of pg_temp'
like "$(psql -Xqc 'SELECT * FROM portfolios' 2>&1)" 'hostile relation portfolios ran as postgres' 'and one of front'
like "$(said 'SELECT missing_sessions()')" 'hostile front\.missing_sessions\(' 'what is named like a function of the extension'

done_testing
