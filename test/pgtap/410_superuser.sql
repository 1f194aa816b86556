-- A superuser calls functions on tables of a role that is none. What the owner has attached to the tables, functions in
-- triggers, views, checks, defaults, policies and indexes, must never run as the superuser. They write down who runs
-- them.

\ir include/prelude.psql
SELECT plan(10);

CREATE ROLE pb_owner;
CREATE ROLE pb_reader;
CREATE SCHEMA pb_desk AUTHORIZATION pb_owner;
GRANT USAGE ON SCHEMA pb TO pb_owner;
GRANT EXECUTE ON FUNCTION create_analytics_tables(text, boolean) TO pb_owner;
SELECT count(*) > 0 AS has_cron FROM pg_available_extensions
WHERE name = 'pg_cron' AND current_setting('cron.database_name', true) = current_database() \gset
\if :has_cron
CREATE EXTENSION pg_cron;
\endif

SET LOCAL ROLE pb_owner;
SELECT count(*) AS objects FROM create_analytics_tables('pb_desk') \gset
SET LOCAL search_path = pb_desk, pb, public;

CREATE TABLE pb_desk.seen (kind text, role_name name DEFAULT current_user);
CREATE FUNCTION pb_desk.note(kind text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO pb_desk.seen VALUES (kind);
  RETURN true;
END $$;
-- As an index wants it, what it is not.
CREATE FUNCTION pb_desk.note_key(kind text, key text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  EXECUTE 'SELECT pb_desk.note($1)' USING kind;
  RETURN key;
END $$;
CREATE FUNCTION pb_desk.watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pb_desk.note('trigger on ' || TG_TABLE_NAME);
  RETURN NULL;
END $$;

SELECT format('CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON pb_desk.%I EXECUTE FUNCTION pb_desk.watch()',
              relname)
FROM pg_class WHERE relnamespace = 'pb_desk'::regnamespace AND relkind = 'r' AND relname <> 'seen' \gexec
SELECT format('ALTER TABLE pb_desk.%1$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; '
              'CREATE POLICY everything ON pb_desk.%1$I USING ((SELECT pb_desk.note(''policy of %1$I'')))', name)
FROM unnest(ARRAY['portfolios', 'batch_runs', 'batch_schedule_records', 'market_data_cache']) AS name \gexec
ALTER TABLE portfolio_snapshots ADD CHECK (pb_desk.note('check of portfolio_snapshots'));
ALTER TABLE position_realized_events ADD CHECK (pb_desk.note('check of position_realized_events'));
ALTER TABLE batch_schedule_records ADD noted boolean DEFAULT pb_desk.note('default of batch_schedule_records');
ALTER TABLE batch_jobs ADD noted boolean DEFAULT pb_desk.note('default of batch_jobs');
CREATE INDEX ON positions (pb_desk.note_key('index of positions', symbol));
DELETE FROM factor_definitions WHERE name = 'low_vol';
ALTER TABLE factor_definitions DROP COLUMN is_active CASCADE, ADD COLUMN noted text
  GENERATED ALWAYS AS (pb_desk.note_key('generated column of factor_definitions', name)) STORED,
  ADD CHECK (pb_desk.note('check of factor_definitions'));
CREATE INDEX ON factor_definitions (pb_desk.note_key('index of factor_definitions', name));
SELECT pg_get_viewdef('trading_sessions'::regclass) AS sessions \gset
SELECT format('CREATE OR REPLACE VIEW trading_sessions AS SELECT * FROM (%s) AS s '
              'WHERE (SELECT pb_desk.note(''view trading_sessions''))', rtrim(:'sessions', ';')) \gexec
RESET ROLE;
SET LOCAL search_path = pb_desk, pb, public;
SET LOCAL portfolio_batch.schema = 'pb_desk';
SELECT format('ALTER ROLE %I SET portfolio_batch.schema = pb_desk', session_user) \gexec
TRUNCATE seen;

-- What a call is worth: done, or the error; and who ran what meanwhile.
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

SELECT is(pg_temp.attempt($$SELECT * FROM grant_analytics_roles('pb_reader', NULL)$$), 'done',
          'a superuser lets a reader read, and the owner execute what superusers call');
SELECT is((SELECT format('%s, %s row', c.action, c.rows_added)
           FROM create_analytics_tables('pb_desk', add_missing_columns => true) AS c
           WHERE c.object_name = 'factor_definitions'), 'altered, 1 row',
          'and adds the column and the definition that are missing');
SET LOCAL ROLE pb_owner;
ALTER TABLE company_profiles RENAME TO stored_profiles;
CREATE VIEW company_profiles AS SELECT * FROM stored_profiles WHERE (SELECT pb_desk.note('view company_profiles'));
RESET ROLE;

-- given: the rows that a call works on, which the owner looks up, since the test itself is a superuser.
CREATE TEMP TABLE calls (place serial, call text, given text);
INSERT INTO calls (call, given) VALUES
  ('load_sample_data(portfolios => 2, positions => 4, sessions => 3, last_session => ''2026-11-20'')', NULL),
  ('run_daily_batch_with_backfill(''2026-11-20'')', NULL), ('run_daily_batch(''2026-11-20'')', NULL),
  ('lineage(g.id, ''2026-11-20'')', 'portfolios'), ('lineage_diff(g.id, ''2026-11-20'')', 'portfolios'),
  ('calc_market_betas(''2026-11-20'')', NULL), ('create_portfolio_snapshots(''2026-11-20'')', NULL),
  ('update_position_values(''2026-11-20'')', NULL), ('restore_sector_tags(''2026-11-20'')', NULL),
  ('missing_sessions(''2026-11-20'')', NULL), ('positions_asof(''2026-11-20'')', NULL),
  ('price_asof(''SPY'', ''2026-11-20'')', NULL), ('market_data_coverage(''2026-11-20'')', NULL),
  ('missing_prices(''2026-11-19'', ''2026-11-20'')', NULL), ('is_session(''2026-11-20'')', NULL),
  ('market_risk(''2026-11-20'')', NULL), ('model_quality(''2026-11-01'', ''2026-11-20'')', NULL), ('batch_report()', NULL), ('batch_progress()', NULL),
  ('batch_preflight(''2026-11-20'')', NULL), ('batch_schedules()', NULL), ('batch_audit(''2026-11-20'')', NULL),
  ('batch_audit_summary(''2026-11-20'')', NULL), ('role_privileges(''pb_reader'', ''pb_owner'')', NULL),
  ('api_portfolio_snapshot(g.id)', 'portfolios'), ('api_portfolio_betas(g.id)', 'portfolios'),
  ('api_portfolio_factors(g.id)', 'portfolios'), ('api_portfolio_correlations(g.id)', 'portfolios'),
  ('api_portfolio_stress_tests(g.id)', 'portfolios'), ('api_position(g.id)', 'positions'),
  ('portfolio_report(g.id)', 'portfolios'),
  ('close_position(g.portfolio_id, g.id, 1, 100, ''2026-11-20'')',
   'positions WHERE position_type = ''LONG'' AND exit_date IS NULL LIMIT 1'),
  ('mark_position(g.portfolio_id, g.id, 100, ''2026-11-20'')', 'positions WHERE investment_class = ''PRIVATE'' LIMIT 1'),
  ('_portfolio_batch.finish_batch_run(g.run_id)', 'batch_runs ORDER BY run_id DESC LIMIT 1'),
  ('_portfolio_batch.record_cancelled(g.run_id)', 'batch_runs ORDER BY run_id DESC LIMIT 1'),
  ('purge_run_records(''1 day'')', NULL), ('purge_results(''2026-11-19'')', NULL),
  ('purge_portfolio(g.id)', 'portfolios LIMIT 1');
CREATE FUNCTION pg_temp.by_superuser(call text, given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  outcome text;
BEGIN
  SET LOCAL ROLE pb_owner;
  EXECUTE 'CREATE TEMP TABLE given AS SELECT * FROM ' || COALESCE(given, '(VALUES (1)) AS v');
  RESET ROLE;
  outcome := pg_temp.attempt(format('SELECT * FROM given AS g, %s', call));
  DROP TABLE given;
  RETURN outcome;
END $$;
SELECT results_eq('SELECT call, pg_temp.by_superuser(call, given) FROM calls ORDER BY place',
                  $$SELECT call, 'done' FROM calls ORDER BY place$$, 'a superuser calls everything');

-- With pg_cron, schedules belong to who makes them, and their rows to the owner of the table. Without it, nothing is
-- done.
CREATE TEMP TABLE of_schedules (place serial, call text);
INSERT INTO of_schedules (call) VALUES
  ('schedule_batch(''nightly'', ''0 22 * * 1-5'')'), ('schedule_default_batches()'),
  ('disable_schedule(''nightly'')'), ('enable_schedule(''nightly'')'), ('sync_schedules()'), ('batch_schedules()'),
  ('purge_run_records()'), ('unschedule_batch(''nightly'')');
SELECT results_eq('SELECT call, pg_temp.attempt(''SELECT * FROM '' || call) ~ ''^done'' FROM of_schedules ORDER BY place',
                  format('SELECT call, %L OR call ~ ''^(batch_schedules|purge)'' FROM of_schedules ORDER BY place',
                         :'has_cron'), 'schedules included, where there is pg_cron');

-- Who ran what ------------------------------------------------------------------------------------------------------------

SELECT set_eq('SELECT DISTINCT role_name FROM seen', ARRAY['pb_owner'], 'all that the owner attached ran as the owner');
SELECT set_has('SELECT kind FROM seen',
               $$VALUES ('trigger on portfolio_snapshots'), ('trigger on batch_runs'), ('trigger on batch_jobs'),
                        ('trigger on positions'), ('trigger on position_realized_events'),
                        ('trigger on factor_definitions'), ('index of factor_definitions'),
                        ('check of factor_definitions'), ('generated column of factor_definitions'),
                        ('policy of portfolios'), ('policy of batch_runs'),
                        ('policy of batch_schedule_records'), ('policy of market_data_cache'),
                        ('check of portfolio_snapshots'), ('check of position_realized_events'),
                        ('default of batch_jobs'), ('index of positions'), ('view company_profiles'),
                        ('view trading_sessions')$$, 'and all of it was met');
SELECT is((SELECT count(*) > 0 FROM seen
            WHERE kind IN ('trigger on batch_schedule_records', 'default of batch_schedule_records')), :'has_cron', 'that of the table of schedules where there is pg_cron');

TRUNCATE seen;
DELETE FROM tags WHERE false;
SELECT results_eq('SELECT kind, role_name FROM seen', $$VALUES ('trigger on tags', session_user)$$,
                  'a statement of the superuser''s own is seen as his');

-- What the owner attaches cannot become more than the owner, and the session is the superuser's again.
SET LOCAL ROLE pb_owner;
CREATE OR REPLACE FUNCTION pb_desk.note(kind text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'RESET ROLE';
  RETURN true;
END $$;
RESET ROLE;
SELECT matches(pg_temp.attempt('SELECT * FROM batch_preflight(''2026-11-20'')'), '^42501 ',
               'the owner cannot become somebody else meanwhile');
SELECT is(current_user, session_user, 'after a call, also one that fails, the caller is who he was');

SELECT * FROM finish();
ROLLBACK;
