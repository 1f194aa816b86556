-- Reports, preflight and the state of runs. test/tap/100_monitoring.t watches runs that are under way.

\ir include/prelude.psql
SELECT plan(74);

SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
SET LOCAL portfolio_batch.limited_history_below = 15;

-- Before there is anything ----------------------------------------------------------------------------------------------

SELECT is_empty('SELECT * FROM batch_report()', 'no report of no run');
SELECT is_empty('SELECT * FROM batch_progress()', 'no progress');
SELECT throws_ok('SELECT * FROM batch_report(1)', '42704', 'run 1 does not exist', 'a report of a run that never was');
SELECT throws_ok('SELECT cancel_run(1)', '42704', 'run 1 does not exist', 'to cancel a run that never was');
SELECT throws_ok('SELECT cancel_run(NULL)', '42704', 'run NULL does not exist', 'to cancel NULL');

CREATE FUNCTION pg_temp.check_of(name text, day date DEFAULT '2024-07-09', coverage double precision DEFAULT 95)
RETURNS text
LANGUAGE sql AS $$
  SELECT concat(CASE p.ok WHEN true THEN 'ok' WHEN false THEN 'not ok' ELSE 'NULL' END, ': ', p.detail)
  FROM batch_preflight(day, coverage) AS p WHERE p.check_name = name
$$;

SELECT results_eq('SELECT check_name FROM batch_preflight()',
                  $$VALUES ('tables'), ('objects'), ('lock free'), ('calendar covers the date'), ('session closed'),
                           ('universe'), ('earlier sessions complete'), ('factor definitions seeded'),
                           ('scenarios seeded'), ('factor prices fresh'), ('price coverage'), ('sources of prices'), ('prices across a split'),
                           ('values at inception'), ('expired options'), ('temporary space')$$, 'the checks');
SELECT is(pg_temp.check_of('universe'), 'not ok: 0 active portfolios with 0 open positions in 0 symbols', 'no portfolio');
SELECT is(pg_temp.check_of('earlier sessions complete'), 'ok: nothing is missing before 2024-07-09', 'hence no gap');
SELECT is(pg_temp.check_of('factor definitions seeded'), 'ok: 6 of model ridge, 4 of model spread', 'definitions');
SELECT is(pg_temp.check_of('scenarios seeded'), 'ok: 22 active stress tests, 10 market scenarios', 'scenarios');
SELECT matches(pg_temp.check_of('factor prices fresh'), '^not ok: without a price of 2024-07-09: IWM never, MTUM never, ',
               'no prices');
SELECT matches(pg_temp.check_of('temporary space'), '^ok: [0-9]+ .B free, a run of this size may take 64 MB$', 'space');
SELECT is(pg_temp.check_of('tables'), 'ok: complete in schema pb', 'tables');
SELECT is(pg_temp.check_of('lock free'), 'ok: no portfolio is being run', 'lock');

-- A market and two portfolios -------------------------------------------------------------------------------------------

INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT symbol, session_date, round((100 * (1 + swing * sin(n) + 0.005 * cos(n * n)))::numeric, 4), 'test'
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-05-01', '2024-07-09')) AS d,
     (VALUES ('SPY', 0.01), ('AAA', 0.013), ('BBB', 0.007)) AS s (symbol, swing);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
SELECT pg_temp.add_portfolio(2, 50000, '2024-07-08');
SELECT pg_temp.add_lot(1, 11, 'AAA', 300, 101, '2024-07-08');
SELECT pg_temp.add_lot(1, 12, 'BBB', -400, 39, '2024-07-08');
SELECT pg_temp.add_lot(2, 21, 'BBB', 700, 38.5, '2024-07-08');

SELECT is(pg_temp.check_of('session closed'), 'ok: 2024-07-09 closed at 16:00 New York time', 'a session');
SELECT is(pg_temp.check_of('session closed', '2024-07-03'), 'ok: 2024-07-03 closed at 13:00 New York time', 'an early close');
SELECT is(pg_temp.check_of('session closed', '2024-07-04'), 'not ok: 2024-07-04 is no session; the one before is 2024-07-03',
          'a holiday');
SELECT is(pg_temp.check_of('session closed', '2035-07-03'),
          'not ok: 2035-07-03 is not over and settled; the latest that is: ' || latest_closed_session(), 'the future');
SELECT results_eq($$SELECT check_name, ok, detail FROM batch_preflight('1985-01-02') OFFSET 3$$,
                  $$VALUES ('calendar covers the date', false, 'NYSE has sessions from 1990-01-02 to 2035-12-31')$$,
                  'before the calendar the other checks are left out');
SELECT is(pg_temp.check_of('universe'), 'ok: 2 active portfolios with 3 open positions in 2 symbols', 'the universe');
SELECT is(pg_temp.check_of('earlier sessions complete'),
          'not ok: 1 sessions of 2 portfolios are missing since 2024-07-08; CALL daily_batch() computes them first', 'a gap');
SELECT is(pg_temp.check_of('price coverage'), 'not ok: 30.0 % on 2024-07-09: 3 of 10 symbols; wanted are 95 %',
          'coverage');
SELECT is(pg_temp.check_of('price coverage', coverage => 30), 'ok: 30.0 % on 2024-07-09: 3 of 10 symbols; wanted are 30 %',
          'with another threshold');
UPDATE factor_definitions SET is_active = false WHERE model <> 'ridge' OR name <> 'market';
SELECT is(pg_temp.check_of('factor definitions seeded'), 'not ok: 0 of model ridge, 0 of model spread', 'no factors');
SELECT is(pg_temp.check_of('factor prices fresh'), 'ok: 1 symbols have prices of 2024-07-09', 'but the market');
SELECT is(pg_temp.check_of('factor prices fresh', '2024-07-10'), 'not ok: without a price of 2024-07-10: SPY last on 2024-07-09',
          'a stale one');
UPDATE factor_definitions SET is_active = true;
SELECT throws_ok('SELECT batch_preflight(NULL, ' || c || ')', '22023', NULL, 'no percentage: ' || c)
  FROM unnest(ARRAY['NULL', '-1', '101', '''NaN''']) AS c;

-- Reports ---------------------------------------------------------------------------------------------------------------

SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-09') \g /dev/null
CREATE FUNCTION pg_temp.line(key text, name text) RETURNS text
LANGUAGE sql AS $$
  SELECT concat_ws(' | ', r.value, r.detail) FROM batch_report() AS r WHERE r.phase = key AND r.metric = name
$$;
SELECT is(pg_temp.line('run', 'run'), (SELECT max(run_id) || ' | backfill by ' || session_user FROM batch_runs), 'the run');
SELECT is(pg_temp.line('run', 'sessions'), '2 | 2024-07-08 to 2024-07-09', 'its sessions');
SELECT is(pg_temp.line('run', 'rows written'), (SELECT rows_written::text FROM batch_runs), 'its rows');
SELECT is(pg_temp.line('1', 'symbols requested'), '10 | on 2024-07-09', 'symbols');
SELECT is(pg_temp.line('1', 'symbols fetched'), '3 | test 3', 'those that there are, by source');
SELECT is(pg_temp.line('1', 'coverage'), '30.0 % | missing: IWM, MTUM, QUAL, TLT, USMV, VTV, VUG', 'coverage');
SELECT is(pg_temp.line('1.5', 'status'), 'skipped | fundamentals: no provider of fundamentals is configured',
          'a phase that was skipped, and why');
SELECT is(pg_temp.line('2', 'snapshots'), '4', 'snapshots');
SELECT is(pg_temp.line('2.5', 'positions updated') || pg_temp.line('2.5', 'positions skipped'), '30', 'positions');
SELECT is(pg_temp.line('2.75', 'status') LIKE 'success | sector tags: %', true, 'tags');
SELECT matches(pg_temp.line('3', 'market_betas'), '^6 \| [0-9]+ rows, [0-9]+ ms$', 'an engine');
SELECT is_empty($$SELECT job_name FROM batch_jobs WHERE job_type = 'engine' AND phase = '3'
                  EXCEPT SELECT metric FROM batch_report() WHERE phase = '3'$$, 'every engine has a line');
SELECT is((SELECT array_agg(DISTINCT phase ORDER BY phase) FROM batch_report()), '{1,1.5,2,2.5,2.75,3,run}', 'every phase');
SELECT is((SELECT string_agg(phase, ' ' ORDER BY n) FROM (SELECT phase, min(n) AS n FROM (SELECT phase, row_number() OVER () AS n
             FROM batch_report()) AS r GROUP BY phase) AS r), 'run 1 1.5 2 2.5 2.75 3', 'in order');

ALTER TABLE symbol_model_fits ADD CONSTRAINT house_rule CHECK (model <> 'market' OR created_at IS NULL) NOT VALID;
SELECT count(*) FROM run_daily_batch('2024-07-09', force => true) \g /dev/null
ALTER TABLE symbol_model_fits DROP CONSTRAINT house_rule;
SELECT matches(pg_temp.line('3', 'error'), '^23514 \| market_betas, 2024-07-09, 1 portfolio: .*violates check constraint "house_rule"',
               'an error, with its SQLSTATE');
SELECT is(pg_temp.line('run', 'status') || ' ' || pg_temp.line('run', 'errors'), 'partial 2', 'the run says that it had one, of its engine and of the portfolio whose row it was');
SELECT is(pg_temp.line('3', 'status') LIKE 'partial | %', true, 'so does its phase');
SELECT is((SELECT count(*) FROM batch_report((SELECT min(run_id) FROM batch_runs)) WHERE metric = 'error'), 0::bigint,
          'an older run keeps its own report');

-- Phases ------------------------------------------------------------------------------------------------------------------

SELECT results_eq('SELECT phase, name FROM run_daily_batch(''2024-07-09'')', 'SELECT phase, name FROM _portfolio_batch.batch_phases()',
                  'the phases of a run are those that monitoring knows');
SELECT results_eq('SELECT phase, owns_snapshots, needs_snapshot, is_last FROM _portfolio_batch.batch_phases()
                   WHERE owns_snapshots OR needs_snapshot OR is_last',
                  $$VALUES ('2', true, false, false), ('3', false, true, true)$$, 'what they are for');

-- States of records -----------------------------------------------------------------------------------------------------

SELECT is(_portfolio_batch.run_state('success', 0, NULL, now()), 'success', 'a run that is over keeps its status');
SELECT is((SELECT _portfolio_batch.run_state('running', a.pid, a.backend_start, clock_timestamp()) FROM pg_stat_activity AS a
            WHERE a.pid = pg_backend_pid()), 'running', 'a session at work');
SELECT is((SELECT _portfolio_batch.run_state('running', a.pid, a.backend_start, a.query_start - interval '1 s')
             FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()), 'lost', 'that went on to another statement');
SELECT is((SELECT _portfolio_batch.run_state('running', a.pid, a.backend_start - interval '1 s', clock_timestamp())
             FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()), 'lost', 'another session with its process id');
SELECT is(_portfolio_batch.run_state('running', 0, now(), now()), 'lost', 'no such session');

INSERT INTO batch_runs (run_id, run_kind, status, started_at, backend_pid, backend_start, requested_by)
VALUES (1001, 'procedure', 'running', '2024-07-09 21:00+00', 0, '2024-07-09 20:00+00', 'desk');
SELECT results_eq('SELECT run_id, status, elapsed, remaining, role_name FROM batch_progress()',
                  $$VALUES (1001::bigint, 'lost', NULL::interval, NULL::interval, 'desk')$$,
                  'progress shows a run whose session is gone as lost');
SELECT is(pg_temp.line('run', 'status'), 'lost', 'so does the report');
SELECT throws_ok('SELECT cancel_run(1001)', '55000', 'run 1001 is not running, its status is lost', 'nothing to cancel');
SELECT count(*) FROM run_daily_batch('2024-07-09') \g /dev/null
SELECT is((SELECT status FROM batch_runs WHERE run_id = 1001), 'lost', 'the next run finds the same');
SELECT is_empty('SELECT * FROM batch_progress()', 'and it is no longer shown');

INSERT INTO batch_runs (run_id, run_kind, status, started_at, backend_pid, backend_start)
SELECT 1002, 'procedure', 'running', clock_timestamp(), a.pid, a.backend_start
  FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid();
DO $$
BEGIN
  UPDATE batch_runs SET started_at = clock_timestamp() WHERE run_id = 1002;
  PERFORM cancel_run(1002);
  RAISE 'not refused';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  PERFORM set_config('test.message', SQLERRM, true);
END $$;
SELECT is(current_setting('test.message'), 'run 1002 is run by this session', 'a session cannot cancel itself');
DELETE FROM batch_runs WHERE run_id = 1002;

-- Roles -----------------------------------------------------------------------------------------------------------------

CREATE ROLE pb_reader;
CREATE ROLE pb_stranger;
SELECT FROM grant_analytics_roles('pb_reader', NULL);
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SET LOCAL ROLE pb_reader;
SELECT isnt_empty('SELECT * FROM batch_report()', 'a reader reads reports');
SELECT is_empty('SELECT * FROM batch_progress()', 'watches progress');
SELECT isnt_empty('SELECT * FROM batch_preflight()', 'and looks whether a run could begin');
SELECT throws_ok('SELECT cancel_run(1)', '42501', NULL, 'but cancels none');
SET LOCAL ROLE pb_stranger;
SELECT throws_ok(statement, '42501', NULL, 'a stranger is refused: ' || statement)
  FROM (VALUES ('SELECT batch_report()'), ('SELECT batch_progress()'), ('SELECT batch_preflight()'),
               ('SELECT _portfolio_batch.busy_portfolios()'), ('SELECT cancel_run(1)')) AS r (statement);
RESET ROLE;

-- Without tables --------------------------------------------------------------------------------------------------------

CREATE SCHEMA pb_empty;
SET LOCAL portfolio_batch.schema = 'pb_empty';
SELECT results_eq('SELECT check_name, ok FROM batch_preflight()', $$VALUES ('tables', false)$$, 'preflight says so');
SELECT throws_ok('SELECT ' || f || '()', '42P01', NULL, f || ' has nothing to read')
  FROM unnest(ARRAY['batch_report', 'batch_progress', 'batch_schedules']) AS f;

SELECT * FROM finish();
ROLLBACK;
