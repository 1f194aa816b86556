-- What the extension installs: which functions are in whose sight, how they are resolved and entered, and who may
-- execute them. All of it is asked of the catalogs.

\ir include/prelude.psql
SELECT plan(52);

-- The functions that README documents, from its table.
\set readme `cat "${PB_ROOT:-.}/README.md"`
CREATE TEMP TABLE documented AS
SELECT DISTINCT n.name[1] AS name
FROM regexp_matches(:'readme', '### Functions(.*?)### Tables') AS part (text),
     regexp_matches(part.text[1], '^\| ([^|]*) \|', 'gn') AS cell (text),
     regexp_matches(cell.text[1], '`(?:CALL )?([a-z_]+)[`(]', 'g') AS n (name);
CREATE TEMP TABLE installed AS
SELECT p.oid, p.proname::text COLLATE "default" AS name, p.pronamespace::regnamespace::text AS schema, p.prolang,
       l.lanname::text AS language, p.prosrc, p.prosqlbody IS NOT NULL AS is_parsed, p.proconfig, p.prokind,
       regexp_replace(p.proname, '_as_(owner|caller)$', '') AS entry_name,
       substring(p.proname FROM '_as_(owner|caller)$') AS identity
FROM pg_extension AS e
JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                   AND d.classid = 'pg_proc'::regclass
JOIN pg_proc AS p ON p.oid = d.objid
JOIN pg_language AS l ON l.oid = p.prolang
WHERE e.extname = 'portfolio_batch';

-- The settings that README documents, with their defaults.
SELECT set_eq($$SELECT name.found[1], value.text
                FROM regexp_matches($$ || quote_literal(:'readme') || $$, '^\| (`portfolio_batch[.][^|]*) \| ([^|]*) \|', 'gn')
                  AS line (cell),
                     regexp_matches(line.cell[1], '`(?:portfolio_batch[.])?([a-z_]+)`', 'g') WITH ORDINALITY AS name (found, n),
                     regexp_split_to_table(line.cell[2], ', ') WITH ORDINALITY AS value (text, n)
                WHERE value.n = name.n$$,
              $$SELECT split_part(s.name, '.', 2), CASE WHEN s.boot_val = '' THEN 'empty' WHEN s.unit = 'kB' THEN s.boot_val::bigint / 1024 || ' MB'
                                                        ELSE concat_ws(' ', s.boot_val, s.unit) END
                FROM pg_settings AS s WHERE s.name LIKE 'portfolio\_batch.%'$$, 'README lists every setting and its default');

-- Schemas -----------------------------------------------------------------------------------------------------------

SELECT set_eq($$SELECT name FROM installed WHERE schema = 'pb'$$,
              $$SELECT name FROM documented
                UNION SELECT unnest(ARRAY['analytics_schema', 'nyse_calendar', 'nyse_special_closures',
                                          'role_privileges', 'correlation_p_value', 'student_t_p_value'])$$,
              'the schema of the extension has what the README documents, and six functions for those who look');
SELECT set_eq('SELECT DISTINCT schema FROM installed', ARRAY['pb', '_portfolio_batch'],
              'everything else is in a schema of its own');
SELECT is(obj_description('_portfolio_batch'::regnamespace, 'pg_namespace') ~ 'not meant to be called', true,
          'which says so');
SELECT is_empty('SELECT name FROM installed WHERE obj_description(oid, $$pg_proc$$) IS NULL',
                'every function has a comment');

-- Names are resolved in known schemas ----------------------------------------------------------------------------------

SELECT is_empty($$SELECT name FROM installed WHERE language IN ('sql', 'plpgsql') AND NOT is_parsed
                    AND NOT 'search_path=pg_catalog, pg_temp' = ANY (COALESCE(proconfig, '{}'))$$,
                'each function has a search_path of its own or a body that was parsed when it was created');
SELECT is_empty($$SELECT name, language FROM installed WHERE language NOT IN ('c', 'sql', 'plpgsql')$$,
                'there is no other language');
-- Read under the standard_conforming_strings of the session, a plain literal with a backslash is another one.
SELECT is_empty($$SELECT name FROM installed
                  WHERE language IN ('sql', 'plpgsql')
                    AND regexp_replace(prosrc, 'E''([^'']|'''')*''', '', 'g') LIKE '%\\%'$$,
                'backslashes stand in E'''' only');
SELECT is_empty($$SELECT proname FROM pg_proc
                  WHERE pronamespace = 'pb'::regnamespace AND oid NOT IN (SELECT oid FROM installed)
                    AND NOT 'search_path=pg_catalog, pg_temp' = ANY (COALESCE(proconfig, '{}'))$$,
                'so do the functions that the tables need');

SELECT is_empty($$SELECT name FROM installed WHERE prosrc LIKE '%analytics_schema(%'$$,
                'the schema of the tables is asked of tables_schema(), which knows when names do not hold any more');

-- Functions are entered through C --------------------------------------------------------------------------------------

SELECT set_eq($$SELECT name FROM installed WHERE schema = 'pb' AND language <> 'c'$$, ARRAY['analytics_columns'],
              'what is called is written in C, but for the dictionary, which reads no table');
SELECT is_empty($$SELECT b.name FROM installed AS b
                  WHERE b.identity IS NOT NULL AND 1 <> (
                    SELECT count(*) FROM installed AS e JOIN pg_proc AS ep ON ep.oid = e.oid
                    JOIN pg_proc AS bp ON bp.oid = b.oid
                    WHERE e.name = b.entry_name AND e.language = 'c' AND e.prosrc = 'pb_as_' || b.identity
                      AND pg_get_function_arguments(e.oid) = pg_get_function_arguments(b.oid)
                      AND pg_get_function_result(e.oid) = pg_get_function_result(b.oid)
                      AND (ep.provolatile, ep.proisstrict, ep.proretset, ep.procost, ep.prorows)
                        = (bp.provolatile, bp.proisstrict, bp.proretset, bp.procost, bp.prorows)
                      AND ep.proparallel = 'u' AND NOT ep.prosecdef)$$,
                'each body has one entry of the same arguments, result and properties');
SELECT is_empty($$SELECT e.name FROM installed AS e
                  WHERE e.prosrc IN ('pb_as_owner', 'pb_as_caller')
                    AND NOT EXISTS (SELECT FROM installed AS b WHERE b.entry_name = e.name
                                                                 AND e.prosrc = 'pb_as_' || b.identity)$$,
                'and each entry a body');

-- Who may execute what --------------------------------------------------------------------------------------------------

SELECT set_eq($$SELECT name FROM installed WHERE schema = 'pb' AND has_function_privilege('public', oid, 'EXECUTE')$$,
              ARRAY['analytics_columns', 'analytics_schema', 'batch_settings', 'correlation_p_value', 'cron_next_run', 'is_session',
                    'latest_closed_session', 'next_session', 'nyse_calendar', 'nyse_special_closures',
                    'previous_session', 'role_privileges', 'sessions_between', 'student_t_p_value'],
              'PUBLIC may execute what is cheap');
SELECT set_eq($$SELECT DISTINCT entry_name FROM installed
                WHERE schema = '_portfolio_batch' AND has_function_privilege('public', oid, 'EXECUTE')
                  AND entry_name NOT IN (SELECT name FROM installed WHERE schema = 'pb')$$,
              string_to_array('add_missing_columns analytics_columns_batch analytics_columns_collection '
                'analytics_columns_inputs '
                'analytics_columns_market analytics_columns_portfolio_results analytics_columns_reference '
                'analytics_columns_symbol_results analytics_misfits analytics_storage api_age_sessions '
                'api_data_quality api_impact api_portfolio_problem api_unavailable audit_checks audit_checks_batch '
                'audit_checks_correlations audit_checks_duplicates audit_checks_factor_exposures audit_checks_greeks '
                'audit_checks_market_data audit_checks_objects audit_checks_orphans audit_checks_profiles audit_checks_rate_betas '
                'audit_checks_snapshots audit_checks_stress_tests audit_checks_volatility audit_names '
                'audit_query_by_position audit_query_of_runs audit_worst create_analytics_relation '
                'create_view_function cron_due cron_field cron_interval cron_setting cron_time_zone executing_roles finite_check foreign_objects has_conversions has_cron html_escape '
                'is_refused_as_superuser range_check refuse_foreign_objects refuse_misfits refuse_schema_name refused_settings '
                'report_bar report_cell report_compact report_date report_factor_name report_line report_lot_table report_lots report_missing '
                'report_model report_number report_percent report_reason report_scale report_section report_style '
                'report_svg report_text report_tick report_tile report_value require_cron require_cron_takes require_finite '
                'require_lasting_schema run_state rounding_of_closing schedule_job_name sector_name seed_analytics_tables seed_factor_definitions '
                'seed_market_risk_scenarios seed_provider_priority seed_stress_test_scenarios setting_refusal split_ratio split_ratios standard_multiplier tables_owner tables_schema view_functions', ' '),
              'and the parts of functions that are');
SELECT is_empty($$SELECT b.name FROM installed AS b JOIN installed AS e ON e.name = b.entry_name
                  WHERE b.identity IS NOT NULL AND has_function_privilege('public', b.oid, 'EXECUTE')
                                                <> has_function_privilege('public', e.oid, 'EXECUTE')$$,
                'a body may be executed by whoever may execute its entry');
SELECT set_eq($$SELECT p.proname::text COLLATE "default" FROM _portfolio_batch.executing_roles() AS f
                JOIN pg_proc AS p ON p.oid = f.function
                WHERE f.role_kind = 'runner' AND p.pronamespace = 'pb'::regnamespace$$,
              string_to_array('accept_quarantined calc_correlations calc_factor_betas calc_factor_correlations calc_interest_rate_betas '
                'calc_market_betas calc_sector_exposures calc_stress_tests calc_volatility cancel_run close_position collect_fundamentals collect_market_data '
                'create_analytics_tables create_portfolio_snapshots daily_batch disable_schedule enable_schedule enable_tenant_security '
                'grant_analytics_roles import_prices_csv load_sample_data mark_position purge_portfolio purge_results purge_run_records '
                'register_price_source reject_quarantined rescan_sessions restore_sector_tags run_daily_batch run_daily_batch_with_backfill schedule_batch '
                'schedule_default_batches settle_expired_options sync_schedules undo_settlement unschedule_batch unregister_price_source '
                'update_position_values what_if', ' '),
              'only runners may execute what writes');
SELECT is_empty($$SELECT f.function FROM _portfolio_batch.executing_roles() AS f
                  JOIN pg_proc AS p ON p.oid = f.function
                  WHERE f.role_kind <> 'runner' AND p.provolatile = 'v' AND p.pronamespace = 'pb'::regnamespace$$,
                'and nothing that may write is left to readers');

-- Dates and times without end -------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT * FROM %s', call), '22008', '%', '%', '%', call)
  FROM unnest(ARRAY[
    $$cron_next_run('* * * * *', 'infinity')$$, $$cron_next_run('* * * * *', '-infinity')$$,
    $$cron_next_run('* * * * *', '294276-12-31')$$,
    $$purge_results('infinity')$$, $$purge_results('-infinity')$$, $$purge_run_records('300000 years')$$,
    $$close_position(pg_temp.id(1), pg_temp.id(2), 1, 1, 'infinity')$$,
    $$close_position(pg_temp.id(1), pg_temp.id(2), 1, 1, '-infinity')$$,
    $$mark_position(pg_temp.id(1), pg_temp.id(2), 1, 'infinity')$$,
    $$mark_position(pg_temp.id(1), pg_temp.id(2), 1, '-infinity')$$,
    $$settle_expired_options('infinity')$$, $$pnl_by_kind('-infinity', '2024-07-12')$$,
    $$accept_quarantined('AAA', 'infinity')$$, $$reject_quarantined('AAA', '2024-07-01', through => 'infinity')$$,
    $$batch_audit('infinity')$$, $$batch_audit_summary('-infinity')$$, $$batch_preflight('infinity')$$,
    $$portfolio_report(pg_temp.id(1), '-infinity')$$,
    $$_portfolio_batch.api_age_sessions('-infinity')$$,
    $$_portfolio_batch.api_age_sessions('2024-07-01', 'infinity')$$,
    $$_portfolio_batch.split_ratio('AAA', '2024-07-01', 'infinity')$$,
    $$_portfolio_batch.split_ratio('AAA', '-infinity', '2024-07-01')$$]) AS call;
SELECT throws_ok($$SELECT _portfolio_batch.cron_field('*', 'minute', 0, 2147483647)$$, '22023',
                 'a field of a cron expression has at most 60 values, not 0 to 2147483647',
                 'nor can a field of a cron expression have any number of values');

-- The name of the schema --------------------------------------------------------------------------------------------------

DROP EXTENSION portfolio_batch;
CREATE SCHEMA "50%";
SELECT pg_temp.raises('CREATE EXTENSION portfolio_batch SCHEMA "50%"', '22023',
                      'portfolio_batch cannot live in schema "50\%"',
                      'The name of its schema must not contain a percent sign.', '%CREATE EXTENSION%',
                      'a schema whose name would be read as a pattern');
CREATE SCHEMA "pb Desk";
CREATE EXTENSION portfolio_batch SCHEMA "pb Desk";
SELECT FROM "pb Desk".create_analytics_tables();
SELECT lives_ok($$SELECT * FROM "pb Desk".batch_report()$$, 'a schema whose name has to be quoted is fine');
ALTER SCHEMA "pb Desk" RENAME TO "pb Other";
SELECT pg_temp.raises('SELECT * FROM "pb Other".batch_report()', '55000',
                      'the schema of portfolio_batch was renamed from "pb Desk" to "pb Other"', '%',
                      'ALTER SCHEMA "pb Other" RENAME TO "pb Desk";', 'a schema that was renamed is told');
ALTER SCHEMA "pb Other" RENAME TO "pb Desk";
SELECT lives_ok($$SELECT * FROM "pb Desk".batch_report()$$, 'and can be named back');

-- Installed by the owner of a database -----------------------------------------------------------------------------------

DROP EXTENSION portfolio_batch;
CREATE ROLE pb_database_owner;
CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
SELECT format('GRANT CREATE ON DATABASE %I TO pb_database_owner', current_database()) \gexec
CREATE SCHEMA pb_desk AUTHORIZATION pb_database_owner;
SET LOCAL ROLE pb_database_owner;
SELECT lives_ok('CREATE EXTENSION portfolio_batch SCHEMA pb_desk', 'who may create in a database may install');
SELECT is((SELECT count(*) FROM pb_desk.create_analytics_tables() WHERE action = 'created'),
          :created_relations::bigint, 'and create the tables');
SELECT lives_ok($$SELECT pb_desk.grant_analytics_roles('pb_reader', 'pb_runner')$$, 'and grant roles what they need');
SELECT is_empty($$SELECT * FROM pb_desk.role_privileges('pb_reader', 'pb_runner') WHERE NOT held$$,
                'which they hold then');
SELECT lives_ok($$SELECT * FROM pb_desk.load_sample_data(1, 3, 2, last_session => '2026-11-20')$$,
                'and have a made-up market');
SET LOCAL ROLE pb_runner;
SELECT is((SELECT sum(failed) FROM pb_desk.run_daily_batch_with_backfill('2026-11-20')), 0::numeric,
          'on which the runner runs the batch');
SET LOCAL ROLE pb_reader;
SELECT lives_ok('SELECT pb_desk.portfolio_report(id) FROM pb_desk.portfolios', 'of which the reader has a report');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
