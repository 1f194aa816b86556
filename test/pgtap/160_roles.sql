-- Every entry point as a superuser, as the runner, as a reader and as somebody without grants; row-level security; and
-- an owner who is no superuser.

\ir include/prelude.psql
SELECT plan(29);

CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
CREATE ROLE pb_stranger;
SELECT count(*) AS grants FROM grant_analytics_roles('pb_reader', 'pb_runner') \gset

INSERT INTO market_data_cache (symbol, date, close)
SELECT symbol, session_date, round((level * (1 + swing * sin(n) + n / 1000.0))::numeric, 4)
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-03-01', '2024-07-12')) AS d,
     (VALUES ('SPY', 500, 0.01), ('AAA', 100, 0.02), ('BBB', 50, 0.015)) AS s (symbol, level, swing);
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', 'Energy');
CREATE TABLE public.feed (symbol text, date date, close float8);
INSERT INTO price_sources (name, relation) VALUES ('prices', 'pb.market_data_cache');
INSERT INTO price_quarantine (symbol, date, data_source, close, gate) VALUES ('AAA', '2024-07-11', 'prices', 1, 'jump');
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
SELECT pg_temp.add_portfolio(2, 100000, '2024-07-08');
UPDATE portfolios SET owner = CASE id WHEN pg_temp.id(1) THEN 'north' ELSE 'south' END;
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-08');
SELECT pg_temp.add_lot(2, 21, 'BBB', 100, 50, '2024-07-08');
SELECT pg_temp.add_lot(1, 14, 'HOUSE', 1, 100, '2024-07-08', investment_class => 'PRIVATE');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date)
VALUES (pg_temp.id(1), pg_temp.id(16), 'AAA C', 'LC', 1, 5, '2024-07-08', 'AAA', 1000, '2024-07-09');
SELECT count(*) AS settled FROM settle_expired_options('2024-07-09') \gset
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-07-10') \gset

-- Every entry point --------------------------------------------------------------------------------------------------

-- run: the runner may. manage: granted to the runner too, but it changes tables that are not the runner's. read: who
-- may read the tables. pure: reads no table of ours.
CREATE TEMP TABLE entry_points (kind text, function_name text, statement text);
INSERT INTO entry_points VALUES
  ('run', 'run_daily_batch', 'SELECT * FROM pb.run_daily_batch(''2024-07-11'')'),
  ('run', 'run_daily_batch_with_backfill', 'SELECT * FROM pb.run_daily_batch_with_backfill(''2024-07-12'')'),
  ('run', 'daily_batch', 'CALL pb.daily_batch(''2024-07-10'')'),
  ('run', 'run_batch_shard', 'SELECT _portfolio_batch.run_batch_shard(1, ''2024-07-11'', '
   '''{00000000-0000-4000-8000-000000000001}'', ''{}'', true, 1, 1, 0, 1)'),
  ('run', 'finish_batch_run', 'SELECT _portfolio_batch.finish_batch_run(1)'),
  ('run', 'create_portfolio_snapshots', 'SELECT * FROM pb.create_portfolio_snapshots(''2024-07-11'')'),
  ('run', 'calc_market_betas', 'SELECT * FROM pb.calc_market_betas(''2024-07-11'')'),
  ('run', 'calc_interest_rate_betas', 'SELECT * FROM pb.calc_interest_rate_betas(''2024-07-11'')'),
  ('run', 'calc_factor_betas', 'SELECT * FROM pb.calc_factor_betas(''2024-07-11'')'),
  ('run', 'calc_sector_exposures', 'SELECT * FROM pb.calc_sector_exposures(''2024-07-11'')'),
  ('run', 'calc_volatility', 'SELECT * FROM pb.calc_volatility(''2024-07-11'')'),
  ('run', 'calc_correlations', 'SELECT * FROM pb.calc_correlations(''2024-07-11'')'),
  ('run', 'calc_factor_correlations', 'SELECT * FROM pb.calc_factor_correlations(''2024-07-11'')'),
  ('run', 'calc_stress_tests', 'SELECT * FROM pb.calc_stress_tests(''2024-07-11'')'),
  ('read', 'market_risk', 'SELECT * FROM pb.market_risk(''2024-07-11'')'),
  ('run', 'update_position_values', 'SELECT * FROM pb.update_position_values(''2024-07-11'')'),
  ('run', 'restore_sector_tags', 'SELECT * FROM pb.restore_sector_tags(''2024-07-11'')'),
  ('run', 'purge_portfolio', 'SELECT * FROM pb.purge_portfolio(''00000000-0000-4000-8000-000000000001'')'),
  ('run', 'purge_results', 'SELECT * FROM pb.purge_results(''2024-07-09'')'),
  ('run', 'purge_run_records', 'SELECT * FROM pb.purge_run_records()'),
  ('run', 'delete_run_records', 'SELECT * FROM _portfolio_batch.delete_run_records(now())'),
  ('manage', 'close_position', 'SELECT pb.close_position(''00000000-0000-4000-8000-000000000001'', '
   '''00000000-0000-4000-8000-000000000011'', 1, 100, ''2024-07-09'')'),
  ('manage', 'mark_position', 'SELECT pb.mark_position(''00000000-0000-4000-8000-000000000001'', '
   '''00000000-0000-4000-8000-000000000014'', 100, ''2024-07-09'')'),
  -- What is to be settled needs the rights to write it; here there is nothing.
  ('run', 'settle_expired_options', 'SELECT * FROM pb.settle_expired_options(''2024-07-11'')'),
  ('run', 'settle_options', 'SELECT * FROM _portfolio_batch.settle_options(''2024-07-11'', NULL, NULL)'),
  ('manage', 'undo_settlement', 'SELECT * FROM pb.undo_settlement(''00000000-0000-4000-8000-000000000001'', '
   '''00000000-0000-4000-8000-000000000016'')'),
  ('manage', 'enter_trade', 'SELECT _portfolio_batch.enter_trade(''00000000-0000-4000-8000-000000000001'', '
   '''AAA'', 1, 100, ''2024-07-09'')'),
  ('read', 'open_lots', 'SELECT * FROM _portfolio_batch.open_lots(''00000000-0000-4000-8000-000000000001'', '
   '''AAA'', ''2024-07-09'')'),
  ('read', 'opening_session', 'SELECT _portfolio_batch.opening_session(''2024-07-09'')'),
  ('read', 'pnl_by_kind', 'SELECT * FROM pb.pnl_by_kind(''2024-07-11'', ''2024-07-12'')'),
  ('read', 'pnl_by_kind_of', 'SELECT * FROM _portfolio_batch.pnl_by_kind_of(NULL, ''2024-07-11'', ''2024-07-12'')'),
  ('read', 'lots_at_inception', 'SELECT * FROM _portfolio_batch.lots_at_inception(NULL)'),
  ('manage', 'what_if', 'SELECT * FROM pb.what_if(''00000000-0000-4000-8000-000000000001'', '
   '''[{"buy": "AAA", "quantity": 1}]'', ''2024-07-10'')'),
  ('manage', 'what_if_apply', 'SELECT _portfolio_batch.what_if_apply(''00000000-0000-4000-8000-000000000001'', '
   '''[{"cash": 1}]'', ''2024-07-10'')'),
  ('run', 'what_if_run', 'SELECT _portfolio_batch.what_if_run(''00000000-0000-4000-8000-000000000001'', '
   '''2024-07-10'', false)'),
  ('read', 'what_if_figures', 'SELECT * FROM _portfolio_batch.what_if_figures(''00000000-0000-4000-8000-000000000001'', '
   '''2024-07-10'')'),
  ('pure', 'what_if_change', 'SELECT * FROM _portfolio_batch.what_if_change(''{"cash": 1}'', 1)'),
  ('manage', 'load_sample_data', 'SELECT * FROM pb.load_sample_data(portfolios => 1, last_session => ''2024-07-12'')'),
  ('manage', 'create_analytics_tables', 'SELECT * FROM pb.create_analytics_tables()'),
  ('manage', 'enable_tenant_security', 'SELECT * FROM pb.enable_tenant_security()'),
  ('manage', 'grant_analytics_roles', 'SELECT * FROM pb.grant_analytics_roles(''pb_stranger'', NULL)'),
  -- The list of sources is a definition: somebody else's, as relations that the runner was not let to read are.
  ('manage', 'register_price_source', 'SELECT * FROM pb.register_price_source(''feed'', ''public.feed'')'),
  ('manage', 'unregister_price_source', 'SELECT pb.unregister_price_source(''prices'')'),
  ('read', 'price_source_report', 'SELECT * FROM pb.price_source_report()'),
  ('read', 'preview_price_source', 'SELECT * FROM pb.preview_price_source(''prices'', ''{AAA}'', ''2024-07-11'', '
   '''2024-07-12'')'),
  ('pure', 'source_columns', 'SELECT * FROM _portfolio_batch.source_columns(''prices'')'),
  ('pure', 'mapped_source_columns',
   'SELECT * FROM _portfolio_batch.mapped_source_columns(''pb.market_data_cache'', ''prices'', ''{}'')'),
  ('read', 'require_readable_source', 'SELECT _portfolio_batch.require_readable_source(''pb.market_data_cache'')'),
  ('manage', 'import_prices_csv', 'SELECT * FROM pb.import_prices_csv(''public.feed'')'),
  ('read', 'quarantined_prices', 'SELECT * FROM pb.quarantined_prices()'),
  ('run', 'accept_quarantined', 'SELECT * FROM pb.accept_quarantined(''AAA'', ''2024-07-11'')'),
  ('run', 'reject_quarantined', 'SELECT * FROM pb.reject_quarantined(''AAA'', ''2024-07-11'')'),
  ('run', 'decide_quarantined', 'SELECT * FROM _portfolio_batch.decide_quarantined(''AAA'', ''2024-07-11'', NULL, NULL, '
   '''rejected'')'),
  ('read', 'is_session', 'SELECT pb.is_session(''2024-07-11'')'),
  ('read', 'previous_session', 'SELECT pb.previous_session(''2024-07-11'')'),
  ('read', 'next_session', 'SELECT pb.next_session(''2024-07-11'')'),
  ('read', 'sessions_between', 'SELECT * FROM pb.sessions_between(''2024-07-11'', ''2024-07-12'')'),
  ('read', 'latest_closed_session', 'SELECT pb.latest_closed_session()'),
  ('read', 'price_asof', 'SELECT * FROM pb.price_asof(''AAA'', ''2024-07-11'')'),
  ('read', 'positions_asof', 'SELECT * FROM pb.positions_asof(''2024-07-11'')'),
  ('read', 'portfolio_exposures', 'SELECT * FROM pb.portfolio_exposures(''2024-07-11'')'),
  ('read', 'market_data_coverage', 'SELECT * FROM pb.market_data_coverage(''2024-07-11'')'),
  ('read', 'missing_prices', 'SELECT * FROM pb.missing_prices(''2024-07-11'', ''2024-07-12'')'),
  ('read', 'lineage', 'SELECT * FROM pb.lineage(''00000000-0000-4000-8000-000000000001'', ''2024-07-10'')'),
  ('read', 'lineage_diff', 'SELECT * FROM pb.lineage_diff(''00000000-0000-4000-8000-000000000001'', ''2024-07-10'')'),
  ('read', 'shard_plan', 'SELECT * FROM _portfolio_batch.shard_plan(''2024-07-11'', '
   '''{00000000-0000-4000-8000-000000000001}'', 2)'),
  ('read', 'missing_sessions', 'SELECT * FROM pb.missing_sessions(''2024-07-12'')'),
  ('read', 'api_newest_date', $$SELECT _portfolio_batch.api_newest_date(pg_temp.id(1), 'portfolio_holdings', 'position_market_betas')$$),
  ('read', 'api_age_sessions', 'SELECT _portfolio_batch.api_age_sessions(''2024-07-11'')'),
  ('read', 'api_data_quality', 'SELECT _portfolio_batch.api_data_quality(''2024-07-11'')'),
  ('read', 'api_portfolio_problem', 'SELECT _portfolio_batch.api_portfolio_problem(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'api_portfolio_snapshot', 'SELECT pb.api_portfolio_snapshot(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'api_position', 'SELECT pb.api_position(''00000000-0000-4000-8000-000000000011'')'),
  ('read', 'api_portfolio_betas', 'SELECT pb.api_portfolio_betas(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'api_factor_model', 'SELECT _portfolio_batch.api_factor_model(''00000000-0000-4000-8000-000000000001'', '
   '''2024-07-11'', ''ridge'')'),
  ('read', 'api_portfolio_factors', 'SELECT pb.api_portfolio_factors(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'api_symbol_exposures', 'SELECT * FROM _portfolio_batch.api_symbol_exposures(''00000000-0000-4000-8000-000000000001'', '
   '''2024-07-11'')'),
  ('read', 'api_portfolio_correlations', 'SELECT '
   'pb.api_portfolio_correlations(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'api_portfolio_stress_tests', 'SELECT '
   'pb.api_portfolio_stress_tests(''00000000-0000-4000-8000-000000000001'')'),
  ('pure', 'api_impact', 'SELECT _portfolio_batch.api_impact(1, 2)'),
  ('pure', 'api_unavailable', 'SELECT _portfolio_batch.api_unavailable(''no_results'', ''none'', ''{}'', ''{}'')'),
  ('read', 'fundamentals_due', 'SELECT * FROM pb.fundamentals_due(''2024-07-11'')'),
  ('read', 'batch_audit', 'SELECT * FROM pb.batch_audit(''2024-07-10'')'),
  ('read', 'batch_audit_summary', 'SELECT * FROM pb.batch_audit_summary(''2024-07-10'')'),
  ('read', 'lot_history', 'SELECT * FROM pb.lot_history(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'converted_lots', 'SELECT * FROM _portfolio_batch.converted_lots('
   '''00000000-0000-4000-8000-000000000001'', ''2024-07-11'')'),
  ('read', 'api_held_positions', 'SELECT * FROM _portfolio_batch.api_held_positions('
   '''00000000-0000-4000-8000-000000000001'', ''2024-07-11'')'),
  ('read', 'has_conversions', 'SELECT _portfolio_batch.has_conversions()'),
  ('read', 'split_ratio', 'SELECT _portfolio_batch.split_ratio(''AAA'', ''2024-07-11'', ''2024-07-12'')'),
  ('read', 'split_ratios', 'SELECT _portfolio_batch.split_ratios(''AAA'', ''2024-07-11'')'),
  ('read', 'open_quantity', 'SELECT _portfolio_batch.open_quantity(''00000000-0000-4000-8000-000000000001'', '
   '''00000000-0000-4000-8000-000000000011'', ''2024-07-11'')'),
  ('read', 'portfolio_report', 'SELECT pb.portfolio_report(''00000000-0000-4000-8000-000000000001'')'),
  ('read', 'model_quality', 'SELECT * FROM pb.model_quality(''2024-07-11'', ''2024-07-12'')'),
  ('read', 'correlation_matrix', 'SELECT * FROM pb.correlation_matrix(''{AAA,BBB}'', ''2024-07-11'')'),
  ('read', 'batch_progress', 'SELECT * FROM pb.batch_progress()'),
  ('read', 'batch_report', 'SELECT * FROM pb.batch_report()'),
  ('read', 'batch_preflight', 'SELECT * FROM pb.batch_preflight(''2024-07-11'')'),
  ('read', 'closings',
   'SELECT * FROM _portfolio_batch.closings(''{00000000-0000-4000-8000-000000000001}'', ''2024-07-11'')'),
  ('read', 'prices_across_splits',
   'SELECT * FROM _portfolio_batch.prices_across_splits(''2024-07-11'', ''{AAA}'')'),
  ('read', 'unknown_splits',
   'SELECT * FROM _portfolio_batch.unknown_splits(''2024-07-11'', ''{AAA}'')'),
  ('read', 'busy_portfolios', 'SELECT * FROM _portfolio_batch.busy_portfolios()'),
  ('read', 'batch_schedules', 'SELECT * FROM pb.batch_schedules()'),
  ('pure', 'batch_activity', 'SELECT * FROM _portfolio_batch.batch_activity()'),
  ('pure', 'batch_phases', 'SELECT * FROM _portfolio_batch.batch_phases()'),
  ('pure', 'activity_date', 'SELECT _portfolio_batch.activity_date(''portfolio_batch session=2024-07-11 '')'),
  ('pure', 'activity_field', 'SELECT _portfolio_batch.activity_field(''portfolio_batch run=1 '', ''run'')'),
  ('pure', 'activity_line', 'SELECT _portfolio_batch.activity_line(1, ''2024-07-11'', 0, 1, 0, 0, 0, ''2'', ''P&L'')'),
  ('pure', 'run_state', 'SELECT _portfolio_batch.run_state(''running'', 1, now(), now())'),
  ('pure', 'free_temporary_space', 'SELECT _portfolio_batch.free_temporary_space(1663)'),
  ('pure', 'batch_settings', 'SELECT * FROM pb.batch_settings()'),
  ('pure', 'refused_settings', 'SELECT * FROM _portfolio_batch.refused_settings()'),
  ('pure', 'setting_refusal', 'SELECT * FROM _portfolio_batch.setting_refusal(''portfolio_batch.workers'', ''0'')'),
  ('pure', 'absent_tables', 'SELECT _portfolio_batch.absent_tables()'),
  ('pure', 'chosen_portfolios', 'SELECT _portfolio_batch.chosen_portfolios(NULL, NULL)'),
  ('pure', 'cron_field', 'SELECT _portfolio_batch.cron_field(''*/5'', ''minute'', 0, 59)'),
  ('pure', 'cron_due', 'SELECT _portfolio_batch.cron_due(''0 22 * * 1-5'', now(), ''GMT'')'),
  ('pure', 'cron_interval', 'SELECT _portfolio_batch.cron_interval(''30 seconds'')'),
  ('pure', 'cron_setting', 'SELECT * FROM _portfolio_batch.cron_setting(''cron.timezone'')'),
  ('pure', 'cron_time_zone', 'SELECT _portfolio_batch.cron_time_zone()'),
  ('pure', 'cron_next_run', 'SELECT pb.cron_next_run(''0 22 * * 1-5'')'),
  ('pure', 'schedule_job_name', 'SELECT _portfolio_batch.schedule_job_name(''nightly'')'),
  ('pure', 'has_cron', 'SELECT _portfolio_batch.has_cron()'),
  ('pure', 'ols_fit', 'SELECT * FROM pb.ols_fit(''{1,3,4}'', ''{1,2,3}'')'),
  ('pure', 'ridge_fit', 'SELECT * FROM pb.ridge_fit(''{1,3,4}'', ''{1,2,3}'')'),
  ('pure', 'nearest_correlation', 'SELECT * FROM pb.nearest_correlation(''{{1,0.5},{0.5,1}}'')'),
  ('pure', 'ledoit_wolf', 'SELECT * FROM pb.ledoit_wolf(''{{1,2},{2,1},{3,5}}'')'),
  ('pure', 'cluster_average_linkage', 'SELECT * FROM pb.cluster_average_linkage(''{{1,0.5},{0.5,1}}'')'),
  ('pure', 'linkage_average', 'SELECT * FROM pb.linkage_average(''{{1,0.5},{0.5,1}}'')'),
  ('pure', 'benjamini_hochberg', 'SELECT pb.benjamini_hochberg(''{0.01,0.5}'')'),
  ('pure', 'sector_name', 'SELECT _portfolio_batch.sector_name(''Financial Services'')'),
  ('pure', 'rounding_of_closing', 'SELECT _portfolio_batch.rounding_of_closing(1)'),
  ('pure', 'standard_multiplier', 'SELECT _portfolio_batch.standard_multiplier(''LC'', ''OPTIONS'')'),
  ('pure', 'html_escape', 'SELECT _portfolio_batch.html_escape(''<b>'')'),
  ('pure', 'analytics_schema', 'SELECT pb.analytics_schema()'),
  ('pure', 'nyse_calendar', 'SELECT * FROM pb.nyse_calendar(''2024-07-11'', ''2024-07-12'')'),
  ('pure', 'nyse_special_closures', 'SELECT * FROM pb.nyse_special_closures()'),
  ('pure', 'correlation_p_value', 'SELECT pb.correlation_p_value(0.5, 60)'),
  ('pure', 'student_t_p_value', 'SELECT pb.student_t_p_value(2, 60)'),
  ('pure', 'batch_settings', 'SELECT * FROM pb.batch_settings()'),
  ('pure', 'setting_refusal', 'SELECT * FROM _portfolio_batch.setting_refusal(''portfolio_batch.beta_window'', ''60'')'),
  ('pure', 'refused_settings', 'SELECT * FROM _portfolio_batch.refused_settings()'),
  ('pure', 'absent_tables', 'SELECT _portfolio_batch.absent_tables()');
-- What everybody may execute: 420_public_functions.sql has the list.
CREATE TEMP TABLE cheap AS
SELECT p.proname::text COLLATE "default" AS name
FROM _portfolio_batch.executing_roles() AS e JOIN pg_proc AS p ON p.oid = e.function WHERE e.role_kind = 'public';
GRANT SELECT ON entry_points, cheap TO PUBLIC;

-- The parts of create_analytics_tables, of the data dictionary, of the audit and of the report run with the rights of
-- their caller and are tested with it; what needs pg_cron, another session or no transaction around it is tested by the
-- programs of test/tap; everything else that the extension installs has to be in the list above.
CREATE TEMP TABLE installed AS
SELECT p.proname::text COLLATE "default" AS name, p.oid, p.provolatile
FROM pg_extension AS e JOIN pg_depend AS d ON d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
JOIN pg_proc AS p ON p.oid = d.objid
WHERE e.extname = 'portfolio_batch';
SELECT set_eq($$SELECT name FROM installed
                WHERE name !~ '^(analytics_columns|seed_|audit_|report_)|_as_(owner|caller)$' AND name <> ALL (
                  '{finite_check,analytics_storage,analytics_misfits,refuse_misfits,add_missing_columns,create_analytics_relation,
                    create_view_function,view_functions,executing_roles,foreign_objects,tables_owner,refuse_foreign_objects,refuse_schema_name,range_check,role_privileges,tenant_policies,policy_mark,tables_schema,require_finite,
                    stored_runs,finished_sessions,record_cancelled,run_of_process,session_of_run,preflight_checks,is_refused_as_superuser,
                    stored_schedules,add_schedules,update_schedules,delete_schedule,
                    schedule_batch,unschedule_batch,enable_schedule,disable_schedule,activate_schedule,sync_schedules,
                    schedule_default_batches,require_cron,require_cron_takes,require_lasting_schema,require_own_schedule,rescan_sessions,
                    cancel_run,collect_market_data,collect_fundamentals,collect_for_batch}')$$,
              'SELECT function_name FROM entry_points', 'every entry point is tested here');

-- What becomes of a statement: "done", or the error; in any case nothing of it stays.
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RAISE 'undo' USING ERRCODE = 'PBTST';
EXCEPTION
  WHEN SQLSTATE 'PBTST' THEN RETURN 'done';
  WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION pg_temp.refusal(function_name text) RETURNS text LANGUAGE sql AS $$
  SELECT format('42501 permission denied for %s %s',
                CASE function_name WHEN 'daily_batch' THEN 'procedure' ELSE 'function' END, function_name)
$$;

SELECT set_eq('SELECT function_name, pg_temp.attempt(statement) FROM entry_points',
              $$SELECT function_name, 'done' FROM entry_points$$, 'a superuser may call everything');

SET LOCAL ROLE pb_runner;
SET LOCAL client_min_messages = error;  -- GRANT warns of each table
SELECT set_eq($$SELECT function_name, regexp_replace(pg_temp.attempt(statement), '^42501 .*', '42501')
                FROM entry_points$$,
              $$SELECT function_name, CASE kind WHEN 'manage' THEN '42501' ELSE 'done' END
                FROM entry_points$$, 'the runner may call what runs and what reads, but not manage');
SET LOCAL client_min_messages = warning;

SET LOCAL ROLE pb_reader;
SELECT set_eq('SELECT function_name, pg_temp.attempt(statement) FROM entry_points',
              $$SELECT function_name,
                       CASE WHEN kind IN ('read', 'pure') THEN 'done' ELSE pg_temp.refusal(function_name) END
                FROM entry_points$$, 'a reader may call what reads, and is stopped before the others');

SET LOCAL ROLE pb_stranger;
SELECT set_eq($$SELECT function_name, pg_temp.attempt(statement) FROM entry_points
                 WHERE statement !~ '_portfolio_batch[.]'$$,
              $$SELECT function_name, '42501 permission denied for schema pb' FROM entry_points
                WHERE statement !~ '_portfolio_batch[.]'$$, 'others are stopped before everything');
RESET ROLE;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT set_eq($$SELECT function_name, regexp_replace(pg_temp.attempt(statement),
                                                     '^(42501 permission denied for) (table|view) .*', '\1 a table')
                FROM entry_points$$,
              $$SELECT function_name,
                       CASE WHEN kind IN ('run', 'manage') OR NOT EXISTS (SELECT FROM cheap AS c
                                                                          WHERE c.name = function_name)
                            THEN pg_temp.refusal(function_name)
                            WHEN kind = 'read' THEN '42501 permission denied for a table' ELSE 'done' END
                FROM entry_points$$,
              'the schema alone does not help to run or to read; what reads no table and costs little is free');
RESET ROLE;
REVOKE USAGE ON SCHEMA pb FROM pb_stranger;

SELECT set_eq($$SELECT name FROM installed
                WHERE has_function_privilege('public', oid, 'EXECUTE') AND provolatile = 'v'$$,
              '{create_analytics_relation,create_view_function,add_missing_columns,seed_analytics_tables,
                seed_analytics_tables_as_owner}'::text[],
              'of what may write PUBLIC may execute only the parts of create_analytics_tables, with its own rights');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc AS p JOIN installed AS i ON i.oid = p.oid WHERE p.prosecdef$$,
                'no function runs with the rights of its owner');

-- The runner's work --------------------------------------------------------------------------------------------------

SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-07-12') \gset
CREATE TEMP TABLE by_superuser AS SELECT * FROM pg_temp.results();
SELECT count(*) AS purged FROM portfolios AS p, purge_portfolio(p.id) \gset
DELETE FROM factor_models;
DELETE FROM symbol_model_fits;
DELETE FROM symbol_volatility;
DELETE FROM factor_correlations;
DELETE FROM stress_scenario_moves;
DELETE FROM position_tags;
DELETE FROM tags;
UPDATE positions SET last_price = NULL, last_price_date = NULL, market_value = NULL, unrealized_pnl = NULL;
SET LOCAL ROLE pb_runner;
-- As a careful job would: with an empty search path.
SET LOCAL search_path = '';
CREATE TEMP TABLE by_runner AS SELECT * FROM pb.run_daily_batch_with_backfill('2024-07-12');
SET LOCAL search_path = pb, public;
RESET ROLE;
SELECT is_empty($$SELECT * FROM by_runner WHERE failed > 0 OR status NOT IN ('success', 'skipped')$$,
                'the runner computes everything');
SELECT set_eq($$SELECT relation, content - '{id,tag_id}'::text[] FROM pg_temp.results()
                WHERE relation NOT IN ('portfolios', 'positions')$$,
              $$SELECT relation, content - '{id,tag_id}'::text[] FROM by_superuser
                WHERE relation NOT IN ('portfolios', 'positions')$$, 'with the results of a superuser');
SELECT set_eq($$SELECT content FROM pg_temp.results('{portfolios,positions}')$$,
              $$SELECT content FROM by_superuser WHERE relation IN ('portfolios', 'positions')$$,
              'in the columns that are the batch''s of tables that are not');
SELECT is((SELECT requested_by FROM batch_runs ORDER BY run_id DESC LIMIT 1), session_user::text,
          'the log names who was logged in');

-- Row-level security -------------------------------------------------------------------------------------------------

-- The runner works for the north, the reader looks at the south.
ALTER TABLE portfolios ENABLE ROW LEVEL SECURITY;
ALTER TABLE positions ENABLE ROW LEVEL SECURITY;
ALTER TABLE portfolio_snapshots ENABLE ROW LEVEL SECURITY;
CREATE POLICY north ON portfolios TO pb_runner USING (owner = 'north');
CREATE POLICY south ON portfolios TO pb_reader USING (owner = 'south');
CREATE POLICY seen ON positions USING (portfolio_id IN (SELECT id FROM pb.portfolios));
CREATE POLICY seen ON portfolio_snapshots USING (portfolio_id IN (SELECT id FROM pb.portfolios));
SELECT count(*) AS purged FROM portfolios AS p, purge_portfolio(p.id) \gset
SET LOCAL ROLE pb_runner;
SELECT set_eq($$SELECT DISTINCT portfolio_id FROM missing_sessions('2024-07-12')$$, $$VALUES (pg_temp.id(1))$$,
              'row-level security: the work list of the runner has the portfolios it may see');
SELECT set_eq($$SELECT processed FROM run_daily_batch_with_backfill('2024-07-10') WHERE phase = '2'$$, '{1}'::bigint[],
              'a backfill takes no other');
SELECT throws_ok($$SELECT * FROM run_daily_batch('2024-07-10', ARRAY[pg_temp.id(2)])$$, '42704',
                 'portfolio does not exist: 00000000-0000-4000-8000-000000000002', 'and to name another does not help');
SELECT set_eq($$SELECT DISTINCT portfolio_id FROM positions_asof('2024-07-10')$$, $$VALUES (pg_temp.id(1))$$,
              'positions_asof shows the runner''s');
SELECT throws_ok($$SELECT * FROM purge_portfolio(pg_temp.id(2))$$, '42704', NULL, 'nor can it be purged');
SET LOCAL ROLE pb_reader;
SELECT set_eq($$SELECT DISTINCT portfolio_id FROM positions_asof('2024-07-10')$$, $$VALUES (pg_temp.id(2))$$,
              'the reader sees other positions');
SELECT set_eq($$SELECT DISTINCT portfolio_id FROM portfolio_exposures('2024-07-10')$$, $$VALUES (pg_temp.id(2))$$,
              'and other exposures');
SELECT set_eq($$SELECT DISTINCT symbol FROM missing_prices('2024-07-10', '2024-07-11') WHERE symbol IN ('AAA', 'BBB')$$,
              ARRAY[]::text[], 'neither lacks a price');
SELECT is_empty('SELECT * FROM portfolio_snapshots', 'the north''s snapshots are hidden');
RESET ROLE;
SELECT set_eq($$SELECT portfolio_id, count(*) FROM portfolio_snapshots GROUP BY 1$$,
              $$VALUES (pg_temp.id(1), 3::bigint)$$, 'the south was not touched');

-- A policy that refuses a write is an error of the portfolio concerned.
CREATE POLICY closed_day ON portfolio_snapshots AS RESTRICTIVE TO pb_runner
  USING (true) WITH CHECK (snapshot_date <> '2024-07-11');
SET LOCAL ROLE pb_runner;
SELECT results_eq($$SELECT session_date, status, failed, skipped FROM run_daily_batch_with_backfill('2024-07-12')
                    WHERE phase = '2'$$,
                  $$VALUES ('2024-07-11'::date, 'failed', 1::bigint, 0::bigint), ('2024-07-12', 'skipped', 0, 0)$$,
                  'a row that a policy refuses fails its portfolio');
RESET ROLE;
SELECT results_eq($$SELECT portfolio_id, sqlstate FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL$$,
                  $$VALUES (pg_temp.id(1), '42501')$$, 'and is in the log');
DROP POLICY closed_day ON portfolio_snapshots;
SET LOCAL ROLE pb_runner;
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-12')), 0::numeric,
          'without the policy it goes on');
RESET ROLE;

-- An owner who is no superuser ---------------------------------------------------------------------------------------

CREATE ROLE pb_owner;
CREATE SCHEMA pb_desk AUTHORIZATION pb_owner;
GRANT USAGE ON SCHEMA pb TO pb_owner;
SELECT format('GRANT EXECUTE ON ROUTINE %s TO pb_owner', function)
FROM _portfolio_batch.executing_roles() WHERE role_kind <> 'public' \gexec
SET LOCAL ROLE pb_owner;
SELECT is((SELECT count(*) FROM create_analytics_tables('pb_desk') WHERE action = 'created'),
          :created_relations::bigint, 'an owner creates tables of its own');
SET LOCAL search_path = pb_desk, pb, public;
SELECT pg_temp.add_portfolio(1, 1000, '2024-07-11');
SELECT pg_temp.add_lot(1, 11, 'CCC', 10, 100, '2024-07-11');
SELECT pg_temp.add_prices('CCC', '2024-07-11', '{101, 102}');
SELECT pg_temp.add_prices('SPY', '2024-07-10', '{500, 501, 502}');
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-12')), 0::numeric, 'runs the batch on them');
SELECT results_eq('SELECT snapshot_date, equity_balance FROM pb_desk.portfolio_snapshots ORDER BY 1',
                  $$VALUES ('2024-07-11'::date, 1010.0000), ('2024-07-12', 1020.0000)$$, 'and has its results');
SELECT matches(pg_temp.attempt('SELECT * FROM pb.portfolios'), '^42501 ', 'those of others stay closed');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
