#!/bin/bash
# The owner of a database, who is no superuser, installs the extension in any schema, and gains nothing by it that he did
# not have: whatever he attaches to his tables, or puts in the place of those of a superuser, never runs as a superuser
# who uses them afterwards.

. "$(dirname "$0")/tap.bash"

plan 25

begin_cluster
sql 'CREATE ROLE desk_owner LOGIN' 'CREATE ROLE desk_reader LOGIN' 'CREATE ROLE desk_runner LOGIN' \
  'CREATE DATABASE desk OWNER desk_owner' 'CREATE DATABASE shared OWNER desk_owner'
export PGDATABASE=desk PGOPTIONS='-c portfolio_batch.progress=off'
as_owner() { PGUSER=desk_owner sql "$@"; }
owner_error() { PGUSER=desk_owner sql_error "$@"; }

# The installation ------------------------------------------------------------------------------------------------------

as_owner 'CREATE SCHEMA other' 'CREATE EXTENSION portfolio_batch SCHEMA other' 'SELECT FROM other.create_analytics_tables()' \
  'DROP EXTENSION portfolio_batch' 'DROP SCHEMA other CASCADE' 2>/dev/null
as_owner 'CREATE SCHEMA risk' 'CREATE EXTENSION portfolio_batch SCHEMA risk' 'SELECT FROM risk.create_analytics_tables()' \
  'ALTER DATABASE desk SET search_path = risk' 2>/dev/null
is "$(sql 'SELECT r.rolname FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner WHERE extname = $$portfolio_batch$$' \
  'SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = $$risk$$')" 'desk_owner
desk_owner' 'the owner of a database installs, in one schema and in another, and owns the tables'
day=$(as_owner 'SELECT latest_closed_session()')
as_owner "SELECT FROM load_sample_data(portfolios => 3, positions => 6, sessions => 4, last_session => '$day')" \
  "SELECT FROM run_daily_batch_with_backfill(previous_session('$day'))" "CALL daily_batch(workers => 2)" \
  "CALL rescan_sessions(20)" 'SELECT FROM grant_analytics_roles($$desk_reader$$, $$desk_runner$$)' 2>/dev/null
is "$(as_owner "SELECT DISTINCT status FROM batch_audit('$day') WHERE status = 'red'" \
  'SELECT count(*) > 0 FROM missing_sessions()' 'SELECT DISTINCT status, requested_by FROM batch_runs' \
  'SELECT count(portfolio_report(id)), count(api_portfolio_snapshot(id)) FROM portfolios')" 'f
success|desk_owner
3|3' 'runs the batch, in workers too, audits, and reads reports'
is "$(PGUSER=desk_reader sql 'SELECT count(*) > 0 FROM portfolios' "SELECT count(*) > 0 FROM positions_asof('$day')")" 't
t' 'lets a reader read'
is "$(PGUSER=desk_runner sql "SELECT DISTINCT status FROM run_daily_batch('$day', force => true) WHERE phase = '3'")" success \
  'and a runner run'

# What he does not gain ---------------------------------------------------------------------------------------------------

like "$(owner_error 'CREATE FUNCTION mine() RETURNS text LANGUAGE c AS $$portfolio_batch$$, $$pb_as_owner$$')" 42501 \
  'he makes no function in C of its library'
like "$(owner_error 'CREATE EVENT TRIGGER all_of_it ON ddl_command_end EXECUTE FUNCTION suppress_redundant_updates_trigger()')" \
  42501 'and no event trigger'
like "$(owner_error 'CREATE OR REPLACE FUNCTION is_session(day date, calendar text DEFAULT NULL) RETURNS boolean
                     LANGUAGE sql AS $$SELECT true$$')" 42501 'nor replaces a function of the extension'
like "$(owner_error 'ALTER FUNCTION is_session(date, text) OWNER TO desk_owner')" 42501 'nor takes one over'
like "$(owner_error 'CREATE FUNCTION _portfolio_batch.mine() RETURNS text LANGUAGE sql AS $$SELECT NULL$$')" 42501 \
  'nor adds one to the schema of its parts'
is "$(sql "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.prosecdef AND p.pronamespace IN ('risk'::regnamespace,
             '_portfolio_batch'::regnamespace)")" '' 'no function of the extension has the rights of its owner'
is "$(sql "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = '_portfolio_batch'::regnamespace
             AND p.proowner = 'desk_owner'::regrole")" '' 'nor does its installer own one of the parts'

# The attacks -------------------------------------------------------------------------------------------------------------

as_owner <<'SQL'
CREATE TABLE seen (what text, role_name name, is_superuser boolean);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION spy(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO risk.seen SELECT what, current_user, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user;
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    RAISE WARNING '% ran as a superuser', what;
    EXECUTE 'ALTER ROLE desk_owner SUPERUSER';
  END IF;
  RETURN true;
EXCEPTION WHEN read_only_sql_transaction OR feature_not_supported THEN RETURN true;
END $$;
CREATE FUNCTION spy_key(what text, key text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  EXECUTE 'SELECT risk.spy($1)' USING what;
  RETURN key;
END $$;
CREATE FUNCTION spy_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM risk.spy('trigger on ' || TG_TABLE_NAME);
  RETURN COALESCE(new, old);
END $$;
SELECT format('CREATE TRIGGER spy BEFORE INSERT OR UPDATE OR DELETE ON risk.%I FOR EACH ROW EXECUTE FUNCTION risk.spy_row()',
              d.table_name)
FROM analytics_columns() AS d WHERE d.column_name IS NULL AND d.data_type <> 'view' AND to_regclass('risk.' || d.table_name)
  IN (SELECT oid FROM pg_class WHERE relkind = 'r') \gexec
ALTER TABLE portfolio_snapshots ADD CHECK (risk.spy('check')), ADD noted boolean DEFAULT risk.spy('default');
ALTER TABLE batch_runs ADD noted boolean DEFAULT risk.spy('default of runs');
ALTER TABLE portfolios ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY spy ON portfolios USING (risk.spy('policy'));
CREATE INDEX ON stress_scenario_moves (risk.spy_key('index', scenario_id));
CREATE RULE spy AS ON DELETE TO portfolio_holdings DO ALSO SELECT risk.spy('rule');
CREATE TABLE more_prices () INHERITS (market_data_cache);
CREATE TRIGGER spy BEFORE INSERT OR UPDATE OR DELETE ON more_prices FOR EACH ROW EXECUTE FUNCTION spy_row();
CREATE OR REPLACE FUNCTION pairwise_p_value(correlation float8, observations integer) RETURNS float8 LANGUAGE plpgsql
AS $$ BEGIN PERFORM risk.spy('pairwise_p_value'); RETURN 0.5; END $$;
ALTER TABLE company_profiles RENAME TO stored_profiles;
CREATE VIEW company_profiles AS SELECT * FROM stored_profiles WHERE risk.spy('view in the place of a table');
ALTER VIEW trading_sessions RENAME TO stored_sessions;
CREATE VIEW trading_sessions AS SELECT * FROM stored_sessions WHERE risk.spy('view of sessions');
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
SQL
as_owner 'TRUNCATE seen'

# A superuser uses all of it.
uses=$(
  psql -Xq -v day="$day" <<'SQL' 2>&1
SET client_min_messages = warning;
SELECT count(*) FROM create_analytics_tables();
SELECT count(*) FROM grant_analytics_roles('desk_reader', 'desk_runner');
SELECT count(*) FROM run_daily_batch(:'day', force => true);
CALL rescan_sessions(20);
SELECT count(*) FROM purge_results(:'day');
CALL daily_batch(workers => 2);
CALL daily_batch(block => 2);
SELECT count(*) FROM calc_market_betas(:'day');
SELECT count(*) FROM calc_volatility(:'day');
SELECT count(*) FROM calc_correlations(:'day');
SELECT count(*) FROM batch_audit(:'day');
SELECT count(*) FROM batch_audit_summary(:'day');
SELECT count(*) FROM batch_preflight(:'day');
SELECT count(*) FROM batch_progress();
SELECT count(*) FROM batch_report();
SELECT count(*) FROM batch_schedules();
SELECT count(*) FROM missing_sessions();
SELECT count(*) FROM positions_asof(:'day');
SELECT count(*) FROM market_risk(:'day');
SELECT count(*) FROM correlation_matrix('{SPY,TLT}', :'day');
SET ROLE desk_owner;
CREATE TEMP TABLE ids AS SELECT id FROM portfolios;
CREATE TEMP TABLE lots AS SELECT portfolio_id, id FROM positions WHERE position_type = 'LONG' AND exit_date IS NULL;
RESET ROLE;
SELECT count(portfolio_report(id)) FROM ids;
SELECT count(api_portfolio_snapshot(id)), count(api_portfolio_betas(id)), count(api_portfolio_factors(id)),
       count(api_portfolio_correlations(id)), count(api_portfolio_stress_tests(id)) FROM ids;
SELECT count(api_position(id)) FROM lots;
SELECT count(*) FROM (SELECT * FROM lots LIMIT 1) AS l, close_position(l.portfolio_id, l.id, 1, 100, :'day');
SELECT count(*) FROM schedule_batch('nightly', '0 22 * * *');
SELECT count(*) FROM purge_run_records('0 days');
SELECT count(*) FROM (SELECT * FROM ids LIMIT 1) AS i, purge_portfolio(i.id);
SQL
)
is "$(sql 'SELECT DISTINCT role_name, is_superuser FROM seen')" 'desk_owner|f' 'all that he attached has run as himself'
is "$(sql 'SELECT rolsuper FROM pg_roles WHERE rolname = $$desk_owner$$')" f 'he is no superuser'
unlike "$uses" 'ran as a superuser' 'nothing was rolled back that ran as one'
is "$(as_server grep -ac 'ran as a superuser' "$tap_folder/server.log" || true)" 0 'also in no worker'
note "$(grep -a ERROR <<<"$uses" | sed 's/^psql:<stdin>:[0-9]*: //')"
is "$(sql "SELECT string_agg(DISTINCT regexp_replace(what, ' on .*', ''), ', ') FROM seen WHERE what NOT LIKE 'default of%'")" \
  'check, default, index, policy, rule, trigger, view in the place of a table, view of sessions' \
  'all of it has been met in calls that superusers make'

# In the place of a superuser's tables ----------------------------------------------------------------------------------

# The schema public belongs to the owner of the database, who can drop what a superuser creates there.
export PGDATABASE=shared
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
  "SELECT FROM load_sample_data(portfolios => 2, positions => 4, sessions => 2, last_session => '$day')"
like "$(sql "SELECT culprit FROM _portfolio_batch.foreign_objects('public')")" '^belongs to role desk_owner$' \
  'a check says that tables of superusers are not safe in the schema of another role'
as_owner 'DROP TABLE public.tags CASCADE' 'CREATE TABLE public.tags (id uuid)' 2>/dev/null
for call in "is_session('$day')" "run_daily_batch('$day')" "market_data_coverage('$day')" 'batch_report()'; do
  like "$(sql_error "SELECT * FROM $call")" 'ERROR:  42501: "public.tags" belongs to role "desk_owner", which is no superuser' \
    "with a table of his in the place of one, a superuser's call is refused: $call"
done
like "$(sql_error "CALL daily_batch()")" '42501: "public.tags" belongs' 'a procedure too'
is "$(sql "SELECT section, entity, detail FROM batch_audit('$day')" 'SELECT check_name, ok FROM batch_preflight()')" \
  'objects|schema public|belongs to role desk_owner
objects|table public.tags|belongs to role desk_owner
tables|f' 'the audit says whose they are, and the check before a run that one is missing'
like "$(sql_error "SELECT create_analytics_tables('public')")" '42501: existing objects of schema "public" cannot be adopted' \
  'and it is not adopted'
as_owner 'DROP TABLE public.tags'
is "$(sql "SELECT action FROM create_analytics_tables() WHERE object_name = 'tags'" \
  "SELECT count(*) > 0 FROM run_daily_batch('$day')")" 'created
t' 'without it, it is created again, and the batch runs'

done_testing
