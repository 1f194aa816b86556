-- The batch: what a run reports and logs, how failures stay where they belong, and what a later run makes good.

\ir include/prelude.psql
SELECT plan(108);

-- Short windows, so that a small market suffices.
SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
SET LOCAL portfolio_batch.limited_history_below = 15;

-- Three symbols that move together in part, from May 1 to July 31, 2024.
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT symbol, session_date, round((level * (1 + drift * n / 100 + swing * sin(n) + own * cos(n * n)))::numeric, 4),
       'test'
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-05-01', '2024-07-31')) AS d,
     (VALUES ('SPY', 500, 0.1, 0.01, 0), ('AAA', 100, 0.3, 0.013, 0.006), ('BBB', 40, -0.2, 0.007, 0.009))
     AS s (symbol, level, drift, swing, own);
SELECT is((SELECT count(*) FROM market_data_cache), 189::bigint, 'three symbols on 63 sessions');
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
SELECT pg_temp.add_portfolio(2, 50000, '2024-07-08');
SELECT pg_temp.add_lot(1, 11, 'AAA', 300, 101, '2024-07-08');
SELECT pg_temp.add_lot(1, 12, 'BBB', -400, 39, '2024-07-09');
SELECT pg_temp.add_lot(2, 21, 'BBB', 700, 38.5, '2024-07-08');
-- Sessions: July 8 to 12 and 15 to 19 are Mondays to Fridays without a holiday.

-- What a run reports -------------------------------------------------------------------------------------------------

CREATE TEMP TABLE early AS SELECT * FROM run_daily_batch('2024-07-08', phases => '{3}');
SELECT results_eq('SELECT phase, status, detail FROM early',
                  $$VALUES ('1', 'skipped', 'not requested'), ('1.5', 'skipped', 'not requested'),
                           ('2', 'skipped', 'not requested'), ('2.5', 'skipped', 'not requested'),
                           ('2.75', 'skipped', 'not requested'), ('3', 'skipped', 'no snapshot of the date')$$,
                  'phase 3 alone, before there is a snapshot, is skipped; every phase is reported');

CREATE TEMP TABLE first AS SELECT * FROM run_daily_batch('2024-07-08');
SELECT results_eq('SELECT session_date, phase, name, status, processed, skipped, failed, rows_written FROM first',
  $$VALUES ('2024-07-08'::date, '1', 'market data', 'success', 10::bigint, 7::bigint, 0::bigint, 0::bigint),
           ('2024-07-08', '1.5',  'fundamentals',      'skipped', 0, 0, 0, 0),
           ('2024-07-08', '2',    'P&L and snapshots', 'success', 2, 0, 0, 6),
           ('2024-07-08', '2.5',  'position values',   'success', 2, 0, 0, 2),
           ('2024-07-08', '2.75', 'sector tags',       'success', 2, 0, 0, 3),
           ('2024-07-08', '3',    'risk analytics',    'success', 19, 117, 0, 132)$$,
  'the first run of a date: each phase once, in order, with what it counted and wrote');
SELECT is_empty($$SELECT * FROM first WHERE duration IS NULL OR duration < '0' OR duration > '1 minute'$$,
                'and how long it took');
SELECT results_eq('SELECT detail FROM first',
  ARRAY['30.0 % coverage: 3 of 10 symbols; …', 'no provider of fundamentals is configured', '2 portfolios',
        '2 positions valued, 0 without price', '2 links added, 0 removed, 1 tag created',
        'betas 2/2; rate betas 0/2 on TLT; ridge 0/2; …'], 'and a short line for people');

CREATE TEMP TABLE second AS SELECT * FROM run_daily_batch('2024-07-08');
SELECT results_eq('SELECT phase, status, processed, rows_written FROM second',
                  $$SELECT phase, status, CASE WHEN phase IN ('2', '3') THEN 0 ELSE processed END, 0::bigint FROM first$$,
                  'a second run finds nothing changed and writes nothing');

SELECT results_eq($$SELECT phase FROM run_daily_batch('2024-07-09', phases => '{3,2}') WHERE status = 'success'$$,
                  $$VALUES ('2'), ('3')$$, 'phases run in their own order, however they are named');
SELECT results_eq($$SELECT phase FROM run_daily_batch('2024-07-09', phases => '{2.75,2.75}') WHERE status = 'success'$$,
                  $$VALUES ('2.75')$$, 'twice the same is once');
SELECT is((SELECT count(*) FROM run_daily_batch('2024-07-09', phases => '{}') WHERE status = 'success'), 5::bigint,
          'no phase named means all');
SELECT pg_temp.raises($$SELECT * FROM run_daily_batch('2024-07-09', phases => '{2,4}')$$, '22023',
                      'unknown phase "4"', 'The phases are 1, 1.5, 2, 2.5, 2.75, 3.', '%phases%2,3%leave it out%',
                      'an unknown phase is an error that lists the known ones');

-- What it logs -------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM batch_runs), 6::bigint, 'each run has a record, that with an error has none');
SELECT run_id AS early_run FROM batch_runs ORDER BY run_id LIMIT 1 \gset
SELECT results_eq(format($$SELECT run_kind, target_date, portfolio_ids, phases, force, status, dates_processed,
                                  portfolio_dates, rows_written, error_count, extension_version, backend_pid
                           FROM batch_runs WHERE run_id = %s$$, :early_run + 1),
                  $$SELECT 'daily', '2024-07-08'::date, NULL::uuid[], NULL::text[], false, 'success', 1, 2,
                           (SELECT sum(rows_written)::bigint FROM first), 0, extversion COLLATE "default", pg_backend_pid()
                    FROM pg_extension WHERE extname = 'portfolio_batch'$$, 'a run is recorded with what came of it');
SELECT is((SELECT b.requested_by FROM batch_runs AS b WHERE b.run_id = :early_run + 1), session_user::text,
          'with who asked for it');
SELECT is((SELECT backend_start FROM batch_runs WHERE run_id = :early_run + 1),
          (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
          'and with the session that ran it');
SELECT ok((SELECT completed_at > started_at
                  AND abs(duration_seconds - extract(epoch FROM completed_at - started_at)) < 1e-5 FROM batch_runs
            WHERE run_id = :early_run + 1), 'with its times');
SELECT ok((SELECT settings @> '{"beta_window": 20, "beta_min_observations": 10, "market_symbol": "SPY",
                                "calendar": "NYSE", "max_stale_sessions": 5, "settle_delay": 30}'
             FROM batch_runs WHERE run_id = :early_run + 1),
          'and with the settings it used');
SELECT is((SELECT phases FROM batch_runs WHERE run_id = :early_run + 3), '{3,2}'::text[],
          'the phases asked for are recorded');
SELECT results_eq(format($$SELECT j.phase, j.job_name, j.calculation_date, j.status, j.processed, j.skipped, j.failed,
                                  j.rows_written, j.detail ->> 'text'
                           FROM batch_jobs AS j WHERE run_id = %s AND job_type = 'phase' ORDER BY job_no$$,
                         :early_run + 1),
                  $$SELECT phase, name, session_date, status, processed, skipped, failed, rows_written,
                           CASE phase WHEN '1' THEN '30.0 % coverage: 3 of 10 symbols; missing: 7'
                                      WHEN '3' THEN 'betas 2/2; rate betas 0/2 on TLT; ridge 0/2; spread 0/2; sectors 2; '
                                                    'volatility 2/2; correlations 0; 12 factors; 22 scenarios'
                                      ELSE detail END
                    FROM first$$, 'each phase is a job with the figures of the result, its whole line, and not its symbols');
SELECT results_eq(format($$SELECT job_name, phase, status, portfolio_id FROM batch_jobs
                           WHERE run_id = %s AND job_type = 'engine' ORDER BY job_no$$, :early_run + 1),
                  $$VALUES ('market_data_coverage', '1', 'success', NULL::uuid),
                           ('portfolio_snapshots', '2', 'success', NULL),
                           ('position_values', '2.5', 'success', NULL), ('sector_tags', '2.75', 'success', NULL),
                           ('market_betas', '3', 'success', NULL), ('interest_rate_betas', '3', 'success', NULL),
                           ('ridge_betas', '3', 'success', NULL), ('spread_betas', '3', 'success', NULL),
                           ('sector_exposures', '3', 'success', NULL), ('volatility', '3', 'success', NULL),
                           ('correlations', '3', 'success', NULL), ('factor_correlations', '3', 'success', NULL),
                           ('stress_tests', '3', 'success', NULL)$$, 'and so is each engine');
SELECT is_empty($$SELECT * FROM (SELECT j.*, row_number() OVER (PARTITION BY run_id ORDER BY job_no) AS n
                                 FROM batch_jobs AS j) AS j
                  WHERE job_no <> n OR completed_at < started_at OR error_message IS NOT NULL
                     OR abs(duration_seconds - extract(epoch FROM completed_at - started_at)) > 1e-5$$,
                'jobs are numbered without holes, with their times in seconds, and none had an error');
SELECT is((SELECT detail FROM batch_jobs WHERE run_id = :early_run + 1 AND job_name = 'market_data_coverage'),
          '{"symbols_requested": 10, "symbols_with_data": 3, "data_coverage_pct": 30,
                     "stale": 0, "missing": 7, "invalid": 0, "invalid_symbols": [],
                     "missing_symbols": ["IWM", "MTUM", "QUAL", "TLT", "USMV", "VTV", "VUG"], "stale_symbols": [],
                     "provider_breakdown": {"test": 3}, "fetch_mode": "in_database"}'::jsonb,
          'the coverage is there in figures');
SELECT is_empty(format($$SELECT relation, content FROM pg_temp.contents(kinds => '{result}')
                         WHERE content ->> 'run_id' IS NULL
                            OR coalesce(content ->> 'snapshot_date', content ->> 'calculation_date') = '2024-07-08'
                               AND content ->> 'run_id' <> '%s'$$, :early_run + 1),
                'results carry the run that wrote them');

-- Engines by hand ----------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT processed, skipped, failed, rows_written, detail
                    FROM create_portfolio_snapshots('2024-07-10', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES (1::bigint, 0::bigint, 0::bigint, 3::bigint, '1 portfolio')$$, 'an engine alone');
SELECT results_eq($$SELECT run_id FROM portfolio_snapshots
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), '2024-07-10')$$, 'VALUES (NULL::bigint)',
                  'leaves rows without a run');
SELECT results_eq($$SELECT processed, skipped, rows_written
                    FROM calc_market_betas('2024-07-10', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES (2::bigint, 0::bigint, 5::bigint)$$,
                  'betas of two positions: the model, two fits, one exposure, the snapshot');
SELECT results_eq($$SELECT processed, rows_written FROM update_position_values('2024-07-10', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES (2::bigint, 2::bigint)$$, 'values of two positions');
SELECT results_eq($$SELECT processed, rows_written, detail
                    FROM restore_sector_tags('2024-07-10', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES (2::bigint, 0::bigint, 'tags are current')$$, 'their tags');
SELECT is((SELECT count(*) FROM batch_runs), 6::bigint, 'and no run is recorded');
SELECT results_eq($$SELECT session_date, missing FROM missing_sessions('2024-07-10')$$,
                  $$VALUES ('2024-07-10'::date, 'analytics'), ('2024-07-10', 'snapshot')$$,
                  'a date done by hand in part still owes its analytics to the batch');

-- Outstanding analytics ----------------------------------------------------------------------------------------------

SELECT count(*) AS phases FROM run_daily_batch('2024-07-10', phases => '{2}') \gset
SELECT results_eq($$SELECT portfolio_id, missing FROM missing_sessions('2024-07-10')$$,
                  $$VALUES (pg_temp.id(1), 'analytics'), (pg_temp.id(2), 'analytics')$$,
                  'a snapshot without analytics is on the work list');
CREATE TEMP TABLE completed AS SELECT * FROM run_daily_batch_with_backfill('2024-07-10');
SELECT results_eq($$SELECT phase, status, rows_written > 100 FROM completed WHERE phase IN ('2', '3')$$,
                  $$VALUES ('2', 'success', false), ('3', 'success', true)$$,
                  'the next backfill completes it, and leaves the snapshot as it is');
SELECT is_empty($$SELECT * FROM missing_sessions('2024-07-10')$$, 'then nothing is missing');

-- An engine that raises -----------------------------------------------------------------------------------------------

-- A rule of the house that the betas of July 11 break.
ALTER TABLE symbol_model_fits ADD CONSTRAINT house_rule
  CHECK ((calculation_date, model, symbol) <> ('2024-07-11', 'market', 'AAA'));
CREATE TEMP TABLE failed AS SELECT * FROM run_daily_batch('2024-07-11');
SELECT results_eq('SELECT phase, status, failed FROM failed',
                  $$VALUES ('1', 'success', 0::bigint), ('1.5', 'skipped', 0), ('2', 'success', 0),
                           ('2.5', 'success', 0), ('2.75', 'success', 0), ('3', 'partial', 2)$$,
                  'an engine that raises fails alone');
SELECT matches((SELECT detail FROM failed WHERE phase = '3'),
               '^market_betas failed: .*violates check constraint "house_rule" \(23514\); rate betas 0/2',
               'and says what it was');
SELECT results_eq($$SELECT job_type, status, sqlstate, error_message LIKE '%symbol_model_fits%"house_rule"',
                           error_detail LIKE 'Failing row contains (%'
                    FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL$$,
                  $$VALUES ('engine', 'failed', '23514', true, NULL), ('portfolio', 'failed', '23514', true, true)$$,
                  'the log has the error with its SQLSTATE, and its detail where the row belongs');
SELECT results_eq($$SELECT status, error_count > 0 FROM batch_runs ORDER BY run_id DESC LIMIT 1$$,
                  $$VALUES ('partial', true)$$, 'the run is partial');
SELECT is_empty($$SELECT relation FROM pg_temp.contents(kinds => '{result}')
                  WHERE content ->> 'calculation_date' = '2024-07-11' AND content ->> 'model' = 'market'$$,
                'of the engine that failed nothing is left');
SELECT is_empty($$SELECT * FROM position_market_betas WHERE calculation_date = '2024-07-11'$$, 'nor shown');
SELECT is((SELECT count(*) FROM portfolio_snapshots
            WHERE snapshot_date = '2024-07-11' AND beta IS NULL AND NOT analytics_complete), 2::bigint,
          'of the others everything');
SELECT set_eq('SELECT DISTINCT last_price_date FROM positions', '{2024-07-11}'::date[], 'positions have their values');
SELECT results_eq($$SELECT session_date, missing FROM missing_sessions('2024-07-11')$$,
                  $$VALUES ('2024-07-11'::date, 'analytics'), ('2024-07-11', 'analytics')$$, 'and the rest is owed');
ALTER TABLE symbol_model_fits DROP CONSTRAINT house_rule;
SELECT results_eq($$SELECT phase, status FROM run_daily_batch_with_backfill('2024-07-11') WHERE rows_written > 0$$,
                  $$VALUES ('3', 'success')$$, 'with the rule gone, the next run makes it good');
SELECT is((SELECT count(*) FROM portfolio_snapshots
            WHERE snapshot_date = '2024-07-11' AND beta IS NOT NULL AND analytics_complete), 2::bigint, 'in full');

-- The same for each phase: something that it needs is missing while it runs.
CREATE FUNCTION pg_temp.outcome(day date, OUT statuses text, OUT states text, OUT run_status text)
LANGUAGE plpgsql AS $$
BEGIN
  SELECT string_agg(phase || ' ' || status, ', ' ORDER BY phase::numeric) INTO statuses
    FROM run_daily_batch(day) WHERE status <> 'success';
  SELECT string_agg(DISTINCT sqlstate, ' ') INTO states
    FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs);
  SELECT status INTO run_status FROM batch_runs ORDER BY run_id DESC LIMIT 1;
END $$;
ALTER TABLE factor_definitions RENAME TO factor_definitions_away;
SELECT is(pg_temp.outcome('2024-07-11')::text, '("1 failed, 1.5 skipped, 3 failed",42P01,partial)',
          'phases 1 and 3 without their table');
ALTER TABLE factor_definitions_away RENAME TO factor_definitions;
ALTER TABLE positions RENAME exit_price TO sold_at;
SELECT is(pg_temp.outcome('2024-07-11')::text,
          '("1.5 skipped, 2 failed, 2.5 skipped, 2.75 skipped, 3 skipped",42703,partial)',
          'positions without a column: no snapshot can be made, and nothing that needs one');
ALTER TABLE positions RENAME sold_at TO exit_price;
ALTER TABLE positions RENAME unrealized_pnl TO unrealised_pnl;
SELECT is(pg_temp.outcome('2024-07-11')::text, '("1.5 skipped, 2.5 failed",42703,partial)',
          'phase 2.5 without its column');
ALTER TABLE positions RENAME unrealised_pnl TO unrealized_pnl;
ALTER TABLE tags RENAME TO tags_away;
SELECT is(pg_temp.outcome('2024-07-11')::text, '("1.5 skipped, 2.75 failed",42P01,partial)',
          'phase 2.75 without its table');
ALTER TABLE tags_away RENAME TO tags;
ALTER TABLE symbol_model_fits RENAME TO symbol_model_fits_away;
SELECT is(pg_temp.outcome('2024-07-11')::text, '("1.5 skipped, 3 partial",42P01,partial)',
          'an engine of phase 3 without its table');
ALTER TABLE symbol_model_fits_away RENAME TO symbol_model_fits;
SELECT is(pg_temp.outcome('2024-07-11')::text, '("1.5 skipped",,success)', 'and with everything in its place');

-- A result table that has lost a column.
ALTER TABLE portfolio_snapshots RENAME cash_value TO cash;
CREATE TEMP TABLE without_column AS SELECT * FROM run_daily_batch('2024-07-12');
SELECT results_eq($$SELECT phase, status, processed, failed FROM without_column WHERE phase IN ('1', '2', '3')$$,
                  $$VALUES ('1', 'success', 10::bigint, 0::bigint), ('2', 'failed', 0, 2), ('3', 'skipped', 0, 0)$$,
                  'a snapshot table without a column: phase 2 fails, and says for how many portfolios');
SELECT results_eq($$SELECT portfolio_id, status, sqlstate FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND job_type = 'portfolio' ORDER BY 1$$,
                  $$VALUES (pg_temp.id(1), 'failed', '42703'), (pg_temp.id(2), 'failed', '42703')$$,
                  'each of them is in the log');
ALTER TABLE portfolio_snapshots RENAME cash TO cash_value;
SELECT is((SELECT count(*) FROM portfolio_snapshots), 8::bigint, 'older snapshots are all there');

-- A portfolio that fails ---------------------------------------------------------------------------------------------

-- Portfolio 3 has no initial equity; it begins before the others go on.
SELECT pg_temp.add_portfolio(3, NULL, '2024-07-11');
SELECT pg_temp.add_lot(3, 31, 'AAA', 10, 100, '2024-07-11');
CREATE TEMP TABLE partial AS SELECT * FROM run_daily_batch('2024-07-12');
SELECT results_eq($$SELECT phase, status, processed, failed FROM partial WHERE phase <> '1.5'$$,
                  $$VALUES ('1', 'success', 10::bigint, 0::bigint), ('2', 'partial', 2, 1), ('2.5', 'success', 3, 0),
                           ('2.75', 'success', 3, 0), ('3', 'success', 21, 0)$$,
                  'a portfolio without initial equity fails alone; the others get everything');
SELECT is((SELECT detail FROM partial WHERE phase = '2'),
          '2 portfolios; portfolio 00000000-0000-4000-8000-000000000003 (Portfolio 3) has no initial equity',
          'which phase 2 says');
SELECT results_eq($$SELECT job_type, portfolio_id, status, sqlstate, error_message, error_detail, error_hint
                    FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL$$,
  $$VALUES ('portfolio', pg_temp.id(3), 'failed', '55000',
            'portfolio 00000000-0000-4000-8000-000000000003 (Portfolio 3) has no initial equity',
            'Without the net asset value before the first trade there is no equity to roll forward.',
            'Set initial_equity in pb.portfolios and run again.')$$, 'and the log, with what to do');
SELECT is((SELECT status FROM batch_runs ORDER BY run_id DESC LIMIT 1), 'partial', 'the run is partial');
SELECT set_eq($$SELECT portfolio_id FROM portfolio_snapshots
                WHERE snapshot_date = '2024-07-12' AND analytics_complete$$,
              $$VALUES (pg_temp.id(1)), (pg_temp.id(2))$$, 'two portfolios are complete');
SELECT is_empty($$SELECT relation FROM pg_temp.contents(kinds => '{result}')
                  WHERE content ->> 'portfolio_id' = pg_temp.id(3)::text$$, 'the third has nothing at all');
SELECT pg_temp.raises($$SELECT * FROM create_portfolio_snapshots('2024-07-12', ARRAY[pg_temp.id(3)])$$, '55000',
                      '%(Portfolio 3) has no initial equity', 'Without the net asset value%', 'Set initial_equity in%',
                      'by hand, where nothing else is asked for, it is an error');

CREATE TEMP TABLE blocked AS SELECT * FROM run_daily_batch_with_backfill('2024-07-15');
SELECT results_eq($$SELECT session_date, status, processed, skipped, failed FROM blocked WHERE phase = '2'$$,
                  $$VALUES ('2024-07-11'::date, 'failed', 0::bigint, 0::bigint, 1::bigint),
                           ('2024-07-12', 'skipped', 0, 0, 0), ('2024-07-15', 'success', 2, 1, 0)$$,
                  'in a backfill its later dates are blocked, those of others are not');
SELECT results_eq($$SELECT detail FROM blocked WHERE phase = '2' AND session_date > '2024-07-11'$$,
                  ARRAY['no portfolio to run; 1 portfolio blocked by an earlier failure',
                        '2 portfolios; 1 portfolio blocked by an earlier failure'], 'and the reason is given');
SELECT results_eq($$SELECT calculation_date, status, sqlstate, error_message FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND portfolio_id = pg_temp.id(3)
                    ORDER BY job_no$$,
                  $$VALUES ('2024-07-11'::date, 'failed', '55000',
                            'portfolio 00000000-0000-4000-8000-000000000003 (Portfolio 3) has no initial equity'),
                           ('2024-07-12', 'blocked', NULL, 'an earlier date of this portfolio failed in this run'),
                           ('2024-07-15', 'blocked', NULL, 'an earlier date of this portfolio failed in this run')$$,
                  'the log tells the date that failed from those that were blocked');
SELECT set_eq($$SELECT session_date FROM missing_sessions('2024-07-15')$$,
              '{2024-07-11, 2024-07-12, 2024-07-15}'::date[], 'all three are still owed');
UPDATE portfolios SET initial_equity = 20000 WHERE id = pg_temp.id(3);
CREATE TEMP TABLE before_third AS SELECT * FROM pg_temp.contents() WHERE relation NOT IN ('tags', 'portfolios');
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-15')), 0::numeric,
          'with an initial equity, the next backfill does them');
SELECT is((SELECT count(*) FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(3) AND analytics_complete),
          3::bigint, 'all of them');
SELECT is_empty($$SELECT * FROM before_third EXCEPT SELECT * FROM pg_temp.contents()
                  EXCEPT SELECT * FROM before_third WHERE content ->> 'portfolio_id' = pg_temp.id(3)::text$$,
                'and nothing of the other portfolios is touched');

-- A row of one portfolio that the database refuses: the same holds.
ALTER TABLE portfolio_snapshots ADD CONSTRAINT house_rule
  CHECK (portfolio_id <> pg_temp.id(2) OR snapshot_date <> '2024-07-17');
SELECT results_eq($$SELECT session_date, status, processed, skipped, failed
                    FROM run_daily_batch_with_backfill('2024-07-18') WHERE phase = '2'$$,
                  $$VALUES ('2024-07-16'::date, 'success', 3::bigint, 0::bigint, 0::bigint),
                           ('2024-07-17', 'partial', 2, 0, 1), ('2024-07-18', 'success', 2, 1, 0)$$,
                  'a snapshot that the database refuses stops the chain of its portfolio alone');
SELECT results_eq($$SELECT portfolio_id, max(snapshot_date) FROM portfolio_snapshots GROUP BY 1 ORDER BY 1$$,
                  $$VALUES (pg_temp.id(1), '2024-07-18'::date), (pg_temp.id(2), '2024-07-16'),
                           (pg_temp.id(3), '2024-07-18')$$,
                  'the dates before it stand, those after it are not computed on a wrong equity');
ALTER TABLE portfolio_snapshots DROP CONSTRAINT house_rule;
SELECT set_eq($$SELECT session_date, status, processed FROM run_daily_batch_with_backfill('2024-07-18')
                WHERE phase = '2'$$,
              $$VALUES ('2024-07-17'::date, 'success', 1::bigint), ('2024-07-18', 'success', 1)$$,
              'and are made good when it is gone');

-- Portfolios and dates -----------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT DISTINCT session_date
                    FROM run_daily_batch_with_backfill('2024-07-25', ARRAY[pg_temp.id(2)], 2) ORDER BY 1$$,
                  $$VALUES ('2024-07-19'::date), ('2024-07-22')$$, 'at most so many dates, the oldest first');
SELECT set_eq($$SELECT portfolio_id, count(*) FROM portfolio_snapshots WHERE snapshot_date > '2024-07-18' GROUP BY 1$$,
              $$VALUES (pg_temp.id(2), 2::bigint)$$, 'of the named portfolio alone');
SELECT results_eq($$SELECT run_kind, target_date, portfolio_ids, dates_processed, portfolio_dates FROM batch_runs
                    ORDER BY run_id DESC LIMIT 1$$,
                  $$VALUES ('backfill', '2024-07-25'::date, ARRAY[pg_temp.id(2)], 2, 2)$$, 'as its record says');
SELECT set_eq($$SELECT p.id, p.last_price_date FROM positions AS p WHERE portfolio_id = pg_temp.id(2)$$,
              $$VALUES (pg_temp.id(21), '2024-07-22'::date)$$, 'its positions are valued at the last date of the run');
SELECT is((SELECT count(DISTINCT session_date) FROM run_daily_batch_with_backfill('2024-07-25', max_dates => 99)),
          5::bigint, 'a limit that is not reached is none');
SELECT is((SELECT processed + skipped FROM run_daily_batch('2024-07-25', ARRAY[pg_temp.id(2), pg_temp.id(2)]) WHERE phase = '2'),
          1::bigint, 'a portfolio named twice is one');
UPDATE portfolios SET is_active = false WHERE id = pg_temp.id(3);
SELECT is((SELECT processed FROM run_daily_batch('2024-07-26') WHERE phase = '2'), 2::bigint,
          'an inactive portfolio is left out');
SELECT is((SELECT processed FROM run_daily_batch('2024-07-26', ARRAY[pg_temp.id(3)]) WHERE phase = '2'), 1::bigint,
          'unless it is named');
UPDATE portfolios SET is_active = true WHERE id = pg_temp.id(3);
SELECT results_eq($$SELECT DISTINCT session_date FROM run_daily_batch_with_backfill('2024-07-28')$$,
                  $$VALUES ('2024-07-26'::date)$$, 'a target on a Sunday means the Friday before it');

-- Only the newest date has a say in what has no history.
SELECT results_eq($$SELECT session_date, phase, status, detail FROM run_daily_batch_with_backfill('2024-07-30')
                    WHERE phase IN ('2.5', '2.75')$$,
  $$VALUES ('2024-07-29'::date, '2.5', 'skipped', 'runs for the newest date only'),
           ('2024-07-29', '2.75', 'skipped', 'runs for the newest date only'),
           ('2024-07-30', '2.5', 'success', '4 positions valued, 0 without price'),
           ('2024-07-30', '2.75', 'success', 'tags are current')$$,
  'a backfill values positions and tags them once, on its last date');
SELECT set_eq('SELECT DISTINCT last_price_date FROM positions', '{2024-07-30}'::date[], 'with the prices of that date');
CREATE TEMP TABLE positions_before AS SELECT * FROM positions;
SELECT is((SELECT processed FROM run_daily_batch('2024-07-19') WHERE phase = '2.5'), 0::bigint,
          'a run of an older date values nothing');
SELECT set_eq('SELECT * FROM positions', 'SELECT * FROM positions_before', 'and changes no position');

-- A corrected price --------------------------------------------------------------------------------------------------

CREATE TEMP TABLE before_price AS SELECT * FROM pg_temp.contents() WHERE relation <> 'portfolios';
UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('AAA', '2024-07-22');
SELECT count(*) AS phases FROM run_daily_batch('2024-07-22') \gset
CREATE TEMP TABLE changed AS
SELECT relation, n.content AS now FROM pg_temp.contents() AS n LEFT JOIN before_price AS b USING (relation, place)
WHERE b.place IS NULL AND relation <> 'portfolios';
SELECT set_eq($$SELECT relation, coalesce(now ->> 'snapshot_date', now ->> 'calculation_date') AS day,
                       coalesce(now ->> 'symbol',
                                right(coalesce(now ->> 'position_id', now ->> 'portfolio_id'), 2)) AS key
                FROM changed$$,
  $$VALUES ('portfolio_snapshots', '2024-07-22', '01'), ('portfolio_snapshots', '2024-07-22', '03'),
           ('portfolio_snapshots', '2024-07-23', '01'), ('portfolio_snapshots', '2024-07-23', '03'),
           ('portfolio_holdings', '2024-07-22', '01'), ('portfolio_holdings', '2024-07-22', '03'),
           ('portfolio_holdings', '2024-07-23', '01'), ('portfolio_holdings', '2024-07-23', '03'),
           ('symbol_model_fits', '2024-07-22', 'AAA'), ('symbol_volatility', '2024-07-22', 'AAA'),
           ('portfolio_model_exposures', '2024-07-22', '01'), ('portfolio_model_exposures', '2024-07-22', '03'),
           ('portfolio_stress_tests', '2024-07-22', '01'), ('portfolio_stress_tests', '2024-07-22', '03')$$,
  'a corrected price, run again, changes its day, the P&L of the next, the risk of its symbol, and nothing else');
SELECT is((SELECT n.equity_balance - (b.content ->> 'equity_balance')::numeric
             FROM portfolio_snapshots AS n JOIN before_price AS b ON b.relation = 'portfolio_snapshots'
              AND b.content ->> 'snapshot_date' = '2024-07-23' AND b.content ->> 'portfolio_id' = n.portfolio_id::text
            WHERE (n.portfolio_id, n.snapshot_date) = (pg_temp.id(1), '2024-07-23')), 0::numeric,
          'the equity of the day after is what it was');
SELECT is((SELECT sum(failed) FROM sessions_between('2024-07-23', '2024-07-30') AS d, run_daily_batch(d.session_date)),
          0::numeric, 'the later dates are run again');
CREATE TEMP TABLE after_price AS SELECT * FROM pg_temp.results();
SELECT count(*) AS purged FROM portfolios AS p, purge_portfolio(p.id) \gset
DELETE FROM factor_models;
DELETE FROM symbol_model_fits;
DELETE FROM symbol_volatility;
DELETE FROM factor_correlations;
DELETE FROM stress_scenario_moves;
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-07-30') \gset
SELECT set_eq('SELECT * FROM pg_temp.results()', 'SELECT * FROM after_price', 'and then all is as if computed afresh');

-- Force --------------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT phase, status FROM run_daily_batch('2024-07-30', force => true) WHERE rows_written > 0$$,
                  $$VALUES ('2', 'success'), ('3', 'success')$$, 'force writes the results of a date again');
SELECT is_empty($$SELECT relation, content FROM pg_temp.contents(kinds => '{result}')
                  WHERE coalesce(content ->> 'snapshot_date', content ->> 'calculation_date') = '2024-07-30'
                    AND content ->> 'run_id' <> (SELECT max(run_id)::text FROM batch_runs)$$,
                'all of them, stamped anew');
SELECT set_eq('SELECT * FROM pg_temp.results()', 'SELECT * FROM after_price', 'with the same values');
SELECT is((SELECT force FROM batch_runs ORDER BY run_id DESC LIMIT 1), true, 'and the record says so');

-- Sector tags --------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT t.name, t.is_system, t.owner, t.color, t.description, t.usage_count, u.usage_count
                    FROM tags AS t JOIN tag_usage AS u ON u.tag_id = t.id$$,
  $$VALUES ('Uncategorized', true, NULL, '#9E9E9E', 'Positions without sector classification', NULL::integer, 4::bigint)$$,
  'without a profile a position is Uncategorized');
INSERT INTO tags (id, owner, name, description) VALUES (pg_temp.id(91), 'jane', 'Technology', 'Sector: my own'),
                                                       (pg_temp.id(92), 'jane', 'to sell', NULL);
INSERT INTO position_tags (portfolio_id, position_id, tag_id, assigned_by)
VALUES (pg_temp.id(1), pg_temp.id(11), pg_temp.id(91), 'jane'), (pg_temp.id(1), pg_temp.id(12), pg_temp.id(92), 'jane');
CREATE TEMP TABLE janes AS
SELECT relation, place, content FROM pg_temp.contents(kinds => '{tag}')
WHERE 'jane' IN (content ->> 'owner', content ->> 'assigned_by');
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', ' information technology '), ('BBB', 'Energy');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol)
VALUES (pg_temp.id(1), pg_temp.id(13), 'AAA241220C00120000', 'LC', 1, 5, '2024-07-29', 'AAA');
SELECT pg_temp.add_lot(1, 14, 'BBB', 5, 40, '2024-07-08', 41, '2024-07-15');
SELECT results_eq($$SELECT status, processed, rows_written, detail FROM run_daily_batch('2024-07-30')
                    WHERE phase = '2.75'$$,
                  $$VALUES ('success', 5::bigint, 11::bigint, '5 links added, 4 removed, 2 tags created')$$,
                  'profiles arrive: tags follow');
CREATE FUNCTION pg_temp.sectors() RETURNS TABLE (lot text, tag text) LANGUAGE sql AS $$
  SELECT right(l.position_id::text, 2), t.name FROM position_tags AS l JOIN tags AS t ON t.id = l.tag_id
  WHERE l.is_system AND t.is_system ORDER BY 1, 2
$$;
SELECT results_eq('SELECT * FROM pg_temp.sectors()',
                  $$VALUES ('11', 'Technology'), ('12', 'Energy'), ('13', 'Technology'),
                           ('21', 'Energy'), ('31', 'Technology')$$,
                  'each open position has its sector, an option that of its underlying, a closed one none');
SELECT set_eq($$SELECT t.name, t.color, u.usage_count FROM tags AS t JOIN tag_usage AS u ON u.tag_id = t.id
                WHERE t.is_system$$,
              $$VALUES ('Technology', '#2196F3', 3), ('Energy', '#FFC107', 2),
                       ('Uncategorized', '#9E9E9E', 0)$$,
              'system tags have the colors of their sectors and are counted');
SELECT set_eq($$SELECT relation, place, content FROM pg_temp.contents(kinds => '{tag}')
                WHERE 'jane' IN (content ->> 'owner', content ->> 'assigned_by')$$, 'SELECT * FROM janes',
              'tags and links of users are not touched, whatever their name');
CREATE TEMP TABLE tags_before AS SELECT * FROM pg_temp.contents(kinds => '{tag}');
SELECT results_eq($$SELECT rows_written, detail FROM run_daily_batch('2024-07-30') WHERE phase = '2.75'$$,
                  $$VALUES (0::bigint, 'tags are current')$$, 'when they are current nothing happens');
SELECT set_eq($$SELECT * FROM pg_temp.contents(kinds => '{tag}')$$, 'SELECT * FROM tags_before', 'at all');
UPDATE company_profiles SET sector = 'Utilities' WHERE symbol = 'BBB';
SELECT is((SELECT detail FROM run_daily_batch('2024-07-30') WHERE phase = '2.75'),
          '2 links added, 2 removed, 1 tag created', 'a sector that changes moves its positions');
SELECT set_eq($$SELECT name, usage_count FROM tag_usage WHERE is_system$$,
              $$VALUES ('Technology', 3), ('Energy', 0), ('Utilities', 2), ('Uncategorized', 0)$$,
              'and the counts');
UPDATE tags SET is_archived = true WHERE name = 'Energy' AND is_system;
CREATE TEMP TABLE archived AS SELECT * FROM tags WHERE is_archived;
UPDATE company_profiles SET sector = 'Energy' WHERE symbol = 'BBB';
SELECT count(*) AS phases FROM run_daily_batch('2024-07-30', phases => '{2.75}') \gset
SELECT set_eq('SELECT * FROM tags WHERE is_archived', 'SELECT * FROM archived', 'an archived tag is left alone');
SELECT is_empty($$SELECT l.* FROM position_tags AS l JOIN archived AS t ON t.id = l.tag_id$$,
                'nothing is linked to it');

-- Symbols that have no price ------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(93, 50000, '2024-07-30');
SELECT pg_temp.add_lot(93, 931, 'CCC', 10, 20, '2024-07-30');
SELECT pg_temp.add_lot(93, 932, 'AAA', 10, 100, '2024-07-30');
SELECT count(*) AS phases FROM run_daily_batch('2024-07-30', ARRAY[pg_temp.id(93), pg_temp.id(1)]) \gset
SELECT results_eq($$SELECT j.portfolio_id, j.status, j.skipped, j.detail FROM batch_jobs AS j
                    WHERE j.run_id = (SELECT max(run_id) FROM batch_runs) AND j.job_name = 'market_data_coverage'
                      AND j.portfolio_id IS NOT NULL ORDER BY j.portfolio_id$$,
                  $$VALUES (pg_temp.id(1), 'success', 1::bigint,
                            '{"stale_symbols": [], "missing_symbols": ["AAA241220C00120000"], "invalid_symbols": []}'::jsonb),
                           (pg_temp.id(93), 'success', 1,
                            '{"stale_symbols": [], "missing_symbols": ["CCC"], "invalid_symbols": []}')$$,
                  'stand in a row of the portfolio that holds them');
SELECT is((SELECT detail FROM batch_report() WHERE metric = 'coverage'),
          'missing: AAA241220C00120000, CCC, IWM, MTUM, QUAL, TLT, USMV, VTV, VUG',
          'and in the report');

-- In a table that allows it a NULL is no amount of zero.
ALTER TABLE equity_changes ALTER COLUMN amount DROP NOT NULL;
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
  VALUES (pg_temp.id(93), 'CONTRIBUTION', NULL, '2024-07-30');
SELECT count(*) AS phases FROM run_daily_batch('2024-07-30', ARRAY[pg_temp.id(93)], force => true) \gset
SELECT matches((SELECT sqlstate || ' ' || error_message FROM batch_jobs
                WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND portfolio_id = pg_temp.id(93) AND phase = '2'
                  AND sqlstate IS NOT NULL),
               '^22004 .* has a value that cannot be used: equity_changes.amount is NULL$', 'it is a missing amount');
DELETE FROM equity_changes WHERE amount IS NULL;
ALTER TABLE equity_changes ALTER COLUMN amount SET NOT NULL;

-- The steps of the procedure -----------------------------------------------------------------------------------------

UPDATE tags SET is_archived = false;
SELECT throws_ok($$CALL daily_batch('2024-07-31')$$, '2D000', NULL,
                 'the procedure commits, so it refuses a transaction block');
SELECT lives_ok($$CALL daily_batch('2024-07-30')$$, 'with nothing to do it has nothing to commit');
SELECT pg_temp.raises($$CALL daily_batch('2024-07-31', max_dates => 0)$$, '22023', 'max_dates must be positive',
                      'It is 0.', 'Leave it out to process every missing session.', 'at most no date makes no sense');
-- Runs whose session has died are told from those that run.
INSERT INTO batch_runs (run_kind, status, started_at, backend_pid, backend_start)
VALUES ('procedure', 'running', now() - interval '1 day', 2147483647, now() - interval '2 days'),
       ('backfill', 'running', now() - interval '1 day', pg_backend_pid(), now() - interval '2 days'),
       ('procedure', 'running', clock_timestamp(), pg_backend_pid(),
        (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()));
-- Within a transaction the server shows the activity of sessions as it was at first sight.
SELECT pg_stat_clear_snapshot() AS cleared \gset
SELECT count(*) AS phases FROM run_daily_batch('2024-07-31', ARRAY[pg_temp.id(1)]) \gset
SELECT results_eq($$SELECT status, completed_at IS NOT NULL FROM batch_runs ORDER BY run_id DESC LIMIT 3 OFFSET 1$$,
                  $$VALUES ('lost', true), ('lost', true), ('lost', true)$$,
                  'a run is lost when its session is gone, when its process is another session now, and when its '
                  'session does something else');

SELECT * FROM finish();
ROLLBACK;
