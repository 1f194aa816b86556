-- Bad input: each kind gives the documented error, or a status with its reason, and nothing that was there is lost.

\ir include/prelude.psql
SELECT plan(178);

SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
SET LOCAL portfolio_batch.limited_history_below = 15;

-- A healthy portfolio stands by in all of this.
INSERT INTO market_data_cache (symbol, date, close)
SELECT symbol, session_date, round((level * (1 + swing * sin(n) + n / 1000.0))::numeric, 4)
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-05-01', '2024-07-31')) AS d,
     (VALUES ('SPY', 500, 0.01), ('AAA', 100, 0.02)) AS s (symbol, level, swing);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-08');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-07-10') \gset
CREATE TEMP TABLE healthy AS SELECT * FROM pg_temp.contents(kinds => '{result,tag,input,market,log}');

-- Portfolios ---------------------------------------------------------------------------------------------------------

-- Every function that takes portfolios refuses one that does not exist, and an array with a hole.
SELECT pg_temp.raises(format('SELECT * FROM %s(%L, ARRAY[pg_temp.id(1), %s])', f, '2024-07-10', id), state, message,
                      detail, hint, f || ': ' || what)
  FROM unnest(ARRAY['run_daily_batch', 'run_daily_batch_with_backfill', 'missing_sessions', 'calc_market_betas',
                    'create_portfolio_snapshots', 'update_position_values', 'restore_sector_tags', 'positions_asof',
                    'portfolio_exposures', 'market_data_coverage']) AS f,
       (VALUES ('pg_temp.id(9)', '42704', 'portfolio does not exist: 00000000-0000-4000-8000-000000000009',
                'No row of pb.portfolios that is not deleted has this id.',
                'List the portfolios with SELECT id, name FROM pb.portfolios.', 'an unknown portfolio'),
               ('NULL', '22004', 'argument 2 must not contain NULL', '', '', 'a NULL among portfolios'))
       AS p (id, state, message, detail, hint, what);
SELECT throws_ok($$CALL daily_batch('2024-07-10', ARRAY[pg_temp.id(9)])$$, '42704',
                 'portfolio does not exist: 00000000-0000-4000-8000-000000000009', 'and so does the procedure');
SELECT throws_ok($$SELECT * FROM missing_prices('2024-07-10', '2024-07-10', ARRAY[pg_temp.id(9)])$$, '42704',
                 'portfolio does not exist: 00000000-0000-4000-8000-000000000009', 'and missing_prices');
SELECT throws_ok($$SELECT * FROM run_daily_batch('2024-07-10', phases => ARRAY['2', NULL])$$, '22004',
                 'argument 3 must not contain NULL', 'a NULL among phases');
SELECT set_eq($$SELECT status, detail FROM run_daily_batch('2024-07-10', '{}')$$,
              $$VALUES ('skipped', 'no active portfolio')$$,
              'an empty list of portfolios: nothing to do');

-- Dates --------------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT * FROM %s(%L)', f, day), state, message, detail, hint, f || ' on ' || day)
  FROM unnest(ARRAY['run_daily_batch', 'calc_market_betas', 'create_portfolio_snapshots', 'update_position_values',
                    'restore_sector_tags', 'market_data_coverage']) AS f,
       (VALUES ('2024-07-06', '22023', '2024-07-06 is not a session of the calendar "NYSE"',
                'The session before it is 2024-07-05.', 'Name a session; sessions_between(from, to) lists them.'),
               ('2035-06-01', '22023', 'session 2035-06-01 has not closed and settled yet', 'The latest closed session is %.',
                'Name an earlier session, or leave the date out to use the latest closed one.'),
               ('1989-12-29', '22008', 'date 1989-12-29 is outside the trading calendar "NYSE"',
                'The calendar covers 1990-01-02 to 2035-12-31.',
                'Use a date it covers, or add sessions to pb.trading_calendar.'),
               ('2036-01-02', '22008', 'date 2036-01-02 is outside the trading calendar "NYSE"', '%', '%'),
               ('-infinity', '22008', 'argument 1 must be a finite date', '', '')) AS d (day, state, message, detail, hint);
SELECT throws_ok(format('SELECT * FROM run_daily_batch_with_backfill(%L)', day), state, message,
                 'a backfill to ' || day)
  FROM (VALUES ('2035-06-01', '22023', 'session 2035-06-01 has not closed and settled yet'),
               ('2035-06-02', '22023', 'session 2035-06-01 has not closed and settled yet'),
               ('1985-01-02', '22008', 'date 1985-01-02 is outside the trading calendar "NYSE"'),
               ('2050-01-03', '22008', 'date 2050-01-03 is outside the trading calendar "NYSE"'),
               ('infinity', '22008', 'argument 1 must be a finite date')) AS d (day, state, message);
SELECT throws_ok($$SELECT * FROM missing_sessions('2035-06-01')$$, '22023',
                 'session 2035-06-01 has not closed and settled yet', 'nothing is owed yet for a future session');
SELECT throws_ok($$SELECT * FROM missing_prices('2024-07-10', '2040-07-10')$$, '22008',
                 'date 2040-07-10 is outside the trading calendar "NYSE"', 'nor prices missing up to then');
SELECT throws_ok($$SELECT * FROM missing_prices('1980-01-02', '2024-07-10')$$, '22008',
                 'date 1980-01-02 is outside the trading calendar "NYSE"', 'nor for a day before the calendar');
SELECT pg_temp.raises(format('SELECT * FROM run_daily_batch_with_backfill(%L, max_dates => %s)', '2024-07-10', n),
                      '22023', 'max_dates must be positive', format('It is %s.', n),
                      'Leave it out to process every missing session.', 'a backfill of ' || n || ' dates')
  FROM unnest(ARRAY[0, -1]) AS n;
SELECT pg_temp.raises(format('CALL daily_batch(%L, workers => %s)', '2024-07-11', n), '22023',
                      'workers must be positive', format('It is %s.', n),
                      'Pass 1 to run everything in this session, or leave it out for portfolio_batch.workers.',
                      'a batch with ' || n || ' workers')
  FROM unnest(ARRAY[0, -1]) AS n;
SELECT pg_temp.raises(format('CALL daily_batch(%L, block => %s)', '2024-07-11', n), '22023', 'block must be positive',
                      format('It is %s.', n), 'Pass how many sessions%', 'a batch in blocks of ' || n)
  FROM (VALUES (0), (-1)) AS b (n);
SELECT set_eq('SELECT * FROM pg_temp.contents(kinds => ''{result,tag,input,market,log}'')', 'SELECT * FROM healthy',
              'none of this left a trace, not even in the log');

-- Lineage ------------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT * FROM %s(%s, %s)', f, id, day), state, message, detail, hint, f || ': ' || what)
  FROM unnest(ARRAY['lineage', 'lineage_diff']) AS f,
       (VALUES ('NULL', '''2024-07-10''', '22023', 'portfolio_id must not be NULL', '',
                'List the portfolios with SELECT id, name FROM pb.portfolios.', 'no portfolio'),
               ('pg_temp.id(9)', '''2024-07-10''', '42704',
                'portfolio does not exist: 00000000-0000-4000-8000-000000000009',
                'No row of pb.portfolios that is not deleted has this id.',
                'List the portfolios with SELECT id, name FROM pb.portfolios.', 'an unknown portfolio'),
               ('pg_temp.id(1)', '''2024-07-11''', '22023',
                'portfolio 00000000-0000-4000-8000-000000000001 has no snapshot of 2024-07-11',
                'A lineage tells what a snapshot was computed from. Its newest one is of 2024-07-10.',
                'Name a date with a snapshot, or run the batch first.', 'a date without a snapshot'),
               ('pg_temp.id(1)', '''2035-06-01''', '22023', '% has no snapshot of 2035-06-01', '%', '%',
                'a date in the future'),
               ('pg_temp.id(1)', '''1889-12-29''', '22023', '% has no snapshot of 1889-12-29', '%', '%',
                'a date before the calendar'),
               ('pg_temp.id(1)', 'NULL', '22023', '% has no snapshot of 20%', '%', '%',
                'by default the latest closed session'),
               ('pg_temp.id(1)', '''infinity''', '22008', 'argument 2 must be a finite date', '', '', 'no date'))
       AS p (id, day, state, message, detail, hint, what);
SELECT pg_temp.raises(format('SELECT * FROM lineage_diff(pg_temp.id(1), %L, %L)', day, other), state, message, '%', '%',
                      format('from %s to %s', day, other))
  FROM (VALUES ('2024-07-10', '2024-07-05', '22023', '% has no snapshot of 2024-07-05'),
               ('2024-07-10', '-infinity', '22008', 'argument 3 must be a finite date'),
               ('2024-07-05', '2024-07-10', '22023', '% has no snapshot of 2024-07-05'),
               ('2024-07-10', '2035-06-01', '22023', '% has no snapshot of 2035-06-01'))
       AS d (day, other, state, message);

-- Settings -----------------------------------------------------------------------------------------------------------

SELECT throws_ok(format('SET LOCAL portfolio_batch.%s', setting), state, NULL, 'a setting out of range: ' || setting)
  FROM (VALUES ('max_stale_sessions = -1', '22023'), ('beta_window = 5', '22023'),
               ('settle_delay = ''2 days''', '22023'), ('beta_min_observations = 1', '22023'),
               ('max_memory = ''10kB''', '22023'), ('no_such_setting = 1', '42602'))
       AS s (setting, state);
SET LOCAL portfolio_batch.schema = 'nowhere';
SELECT pg_temp.raises(format('SELECT * FROM %s', f), '42P01', 'analytics tables are not in schema "nowhere"',
                      'Table or view "nowhere.portfolios" does not exist.',
                      'Run create_analytics_tables(''nowhere''), or set portfolio_batch.schema to the schema%',
                      f || ' without tables')
  FROM unnest(ARRAY['run_daily_batch()', 'run_daily_batch_with_backfill()', 'missing_sessions()', 'positions_asof()',
                    'price_asof(''AAA'', ''2024-07-10'')', 'is_session(''2024-07-10'')', 'latest_closed_session()',
                    'calc_market_betas()']) AS f;
RESET portfolio_batch.schema;
SET LOCAL portfolio_batch.market_symbol = 'NOSUCH';
SELECT pg_temp.raises($$SELECT * FROM calc_market_betas('2024-07-10', ARRAY[pg_temp.id(1)])$$, '55000',
                      'market symbol "NOSUCH" has no returns',
                      '%market_data_cache holds no two usable prices of it in % sessions up to 2024-07-10.',
                      'Load its prices, or set portfolio_batch.market_symbol to a symbol that has them.',
                      'a market without prices');
SELECT is_empty($$SELECT * FROM position_market_betas WHERE calculation_date = '2024-07-10' AND beta IS NULL$$,
                'and takes the place of no beta');
RESET portfolio_batch.market_symbol;
SET LOCAL portfolio_batch.max_memory = '1MB';
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
SELECT pg_temp.id(1), 'S' || n, 'LONG', 1, 1, '2024-07-08' FROM generate_series(1, 3000) AS n;
SELECT pg_temp.raises($$SELECT * FROM calc_market_betas('2024-07-10')$$, '53200', '%', '%',
                      '%portfolio_batch.max_memory%', 'more memory than allowed is refused, with a hint');
SELECT results_eq($$SELECT phase, status FROM run_daily_batch('2024-07-10') WHERE phase IN ('1', '2', '3')$$,
                  $$VALUES ('1', 'success'), ('2', 'failed'), ('3', 'skipped')$$, 'in a run its phase fails');
SELECT set_eq($$SELECT DISTINCT sqlstate FROM batch_jobs
                WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL$$, '{53200}'::text[],
              'and the log says why');
DELETE FROM positions WHERE symbol LIKE 'S%';
RESET portfolio_batch.max_memory;

-- Tables -------------------------------------------------------------------------------------------------------------

ALTER TABLE portfolio_snapshots RENAME TO portfolio_snapshots_away;
SELECT pg_temp.raises($$SELECT * FROM run_daily_batch('2024-07-10')$$, '42P01',
                      'analytics tables are not in schema "pb"',
                      'Table or view "pb.portfolio_snapshots" does not exist.', 'Run create_analytics_tables(''pb'')%',
                      'without a table a run is refused, and says how to get it');
ALTER TABLE portfolio_snapshots_away RENAME TO portfolio_snapshots;
ALTER TABLE batch_runs RENAME TO batch_runs_away;
SELECT pg_temp.raises($$SELECT * FROM run_daily_batch('2024-07-10')$$, '42P01',
                      'analytics tables are not in schema "pb"',
                      'Table or view "pb.batch_runs" does not exist.', '%create_analytics_tables%',
                      'nor does it run without its log');
ALTER TABLE batch_runs_away RENAME TO batch_runs;
ALTER TABLE positions RENAME quantity TO amount;
SELECT throws_ok($$SELECT * FROM positions_asof('2024-07-10')$$, '42703', 'column "quantity" does not exist',
                 'a column that is gone is an error that names it');
SELECT is((SELECT detail FROM run_daily_batch('2024-07-10') WHERE phase = '2'),
          'portfolio_snapshots failed: column "quantity" does not exist (42703)', 'in a run it is that of its phase');
ALTER TABLE positions RENAME amount TO quantity;
ALTER TABLE market_data_cache ALTER close TYPE numeric;
SELECT pg_temp.raises($$SELECT * FROM price_asof('AAA', '2024-07-10')$$, '42804',
                      'column "close" has type numeric, expected double precision', '%', '%',
                      'a column of another type is not read as garbage');
ALTER TABLE market_data_cache ALTER close TYPE float8;
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-10')), 0::numeric,
          'and with everything in its place all is well');

-- Values that the tables refuse --------------------------------------------------------------------------------------

SELECT throws_ok(statement, '23514', NULL, what) FROM (VALUES
  ('a long position with a negative quantity',
   $$INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
     VALUES (pg_temp.id(1), 'AAA', 'LONG', -1, 1, '2024-07-08')$$),
  ('a short position with a positive quantity',
   $$INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
     VALUES (pg_temp.id(1), 'AAA', 'SHORT', 1, 1, '2024-07-08')$$),
  ('a short put with a positive quantity',
   $$INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
     VALUES (pg_temp.id(1), 'AAA', 'SP', 1, 1, '2024-07-08')$$),
  ('a position of nothing',
   $$INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
     VALUES (pg_temp.id(1), 'AAA', 'LONG', 0, 1, '2024-07-08')$$),
  ('a quantity that is no number',
   $$INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
     VALUES (pg_temp.id(1), 'AAA', 'LONG', 'NaN', 1, '2024-07-08')$$),
  ('a negative entry price', $$UPDATE positions SET entry_price = -1$$),
  ('an entry price that is no number', $$UPDATE positions SET entry_price = 'NaN'$$),
  ('an entry at no time', $$UPDATE positions SET entry_date = '-infinity'$$),
  ('an exit before the entry', $$UPDATE positions SET exit_date = '2024-07-05', exit_price = 1$$),
  ('an exit without a price', $$UPDATE positions SET exit_date = '2024-07-09'$$),
  ('a price between zero and what counts',
   $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('X', '2024-07-08', 1e-10)$$),
  ('a negative price', $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('X', '2024-07-08', -1)$$),
  ('a price that is no number',
   $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('X', '2024-07-08', 'NaN')$$),
  ('an infinite price', $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('X', '2024-07-08', 'Infinity')$$),
  ('an adjusted price that is no number',
   $$INSERT INTO market_data_cache (symbol, date, close, adj_close) VALUES ('X', '2024-07-08', 1, 'NaN')$$),
  ('an adjusted price below zero',
   $$INSERT INTO market_data_cache (symbol, date, close, adj_close) VALUES ('X', '2024-07-08', 1, -1)$$),
  ('a split of ratio zero',
   $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('X', '2024-07-08', 'split', 0)$$),
  ('a split of an infinite ratio',
   $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('X', '2024-07-08', 'split', 'Infinity')$$),
  ('a dividend that is no number',
   $$INSERT INTO corporate_actions (symbol, ex_date, kind, amount) VALUES ('X', '2024-07-08', 'dividend', 'NaN')$$),
  ('a split with an amount',
   $$INSERT INTO corporate_actions (symbol, ex_date, kind, amount) VALUES ('X', '2024-07-08', 'split', 1)$$),
  ('a withdrawal of less than nothing',
   $$INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
     VALUES (pg_temp.id(1), 'WITHDRAWAL', -1, '2024-07-08')$$),
  ('an initial equity that is no number', $$UPDATE portfolios SET initial_equity = 'NaN'$$),
  ('a close of nothing',
   $$INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
     VALUES (pg_temp.id(1), pg_temp.id(11), '2024-07-09', 0, 1)$$)) AS b (what, statement);

-- close_position -----------------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT close_position(pg_temp.id(1), pg_temp.id(%s), %s, %s, %s)', lot, quantity, price,
                             day), state, message, '%', '_%', what)
  FROM (VALUES
    ('11', '101', '100', '''2024-07-09''', '22023', 'cannot close 101 of position % (AAA): 100 are open on 2024-07-09',
     'more than is open'),
    ('11', '0', '100', '''2024-07-09''', '22023', 'quantity to close of position % must be a positive number',
     'nothing'),
    ('11', '''NaN''', '100', '''2024-07-09''', '22023', 'quantity to close of position % must be a positive number',
     'a quantity that is no number'),
    ('11', '1', '-1', '''2024-07-09''', '22023', 'closing price of position % must be a number, 0 or more, not -1',
     'at a negative price'),
    ('11', '1', '100', '''2024-07-05''', '22023', 'position % (AAA) cannot be closed on 2024-07-05',
     'before the entry'),
    ('11', '1', '100', '''2035-07-05''', '22023', 'position % (AAA) cannot be closed on 2035-07-05', 'in the future'),
    ('11', '1', 'NULL', '''2024-07-09''', '22023', 'close_position needs %', 'without a price'),
    ('99', '1', '100', '''2024-07-09''', '42704', 'position % of portfolio % does not exist', 'a position that is not'))
       AS c (lot, quantity, price, day, state, message, what);
SELECT is((SELECT count(*) FROM position_realized_events), 0::bigint, 'no closing trade was booked');

-- Closing trades that were not made by close_position are not trusted: more than there was cannot have been sold.
SELECT pg_temp.add_portfolio(2, 10000, '2024-07-08');
SELECT pg_temp.add_lot(2, 21, 'AAA', 10, 100, '2024-07-08');
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
VALUES (pg_temp.id(2), pg_temp.id(21), '2024-07-09', 1000, 100);
SELECT results_eq($$SELECT session_date, status, failed FROM run_daily_batch_with_backfill('2024-07-09')
                    WHERE phase = '2'$$,
                  $$VALUES ('2024-07-08'::date, 'success', 0::bigint), ('2024-07-09', 'failed', 1)$$,
                  'selling 1,000 of 10 shares is an error of the portfolio, not 99,000 of cash');
SELECT results_eq($$SELECT portfolio_id, sqlstate, error_message, error_detail, error_hint FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND job_type = 'portfolio'$$,
  $$VALUES (pg_temp.id(2), '22000',
            'portfolio 00000000-0000-4000-8000-000000000002 (Portfolio 2): '
            'more of position 00000000-0000-4000-8000-000000000021 (AAA) is closed than was opened',
            '10.000000 were opened; in those shares 1000.000000 are closed.',
            'Correct its closing trades in position_realized_events.')$$, 'which names the position');
UPDATE position_realized_events SET quantity_closed = 10.000000000001;
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-10', ARRAY[pg_temp.id(2)])), 0::numeric,
          'a difference in the last decimal is none');
UPDATE portfolios SET is_active = false WHERE id = pg_temp.id(2);

-- Empty and poor universes -------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(3, 5000);
SELECT is_empty($$SELECT * FROM missing_sessions('2024-07-10', ARRAY[pg_temp.id(3)])$$,
                'a portfolio without positions and inception owes nothing');
SELECT set_eq($$SELECT status, detail FROM run_daily_batch_with_backfill('2024-07-10', ARRAY[pg_temp.id(3)])$$,
              $$VALUES ('skipped', 'up to date: no session is missing')$$, 'a backfill has nothing to do');
UPDATE portfolios SET inception_date = '2024-07-09' WHERE id = pg_temp.id(3);
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-10', ARRAY[pg_temp.id(3)])), 0::numeric,
          'with an inception it is cash');
SELECT results_eq($$SELECT snapshot_date, equity_balance, cash_value, total_market_value, gross_exposure, daily_pnl,
                           daily_return, long_count + short_count + unpriced_positions, beta, beta_coverage,
                           beta_reason, analytics_complete
                    FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(3) ORDER BY 1$$,
  $$VALUES ('2024-07-09'::date, 5000.0000, 5000.0000, 0.0000, 0.0000, 0.0000, 0::float8, 0, NULL::float8, NULL::float8,
            'no_exposure', true),
           ('2024-07-10', 5000.0000, 5000.0000, 0.0000, 0.0000, 0.0000, 0, 0, NULL, NULL, 'no_exposure', true)$$,
  'its net asset value is its equity, not 0; its beta is missing with a reason');
SELECT results_eq($$SELECT phase, status, processed, skipped, detail
                    FROM run_daily_batch('2024-07-08', ARRAY[pg_temp.id(3)]) WHERE phase IN ('2', '3')$$,
                  $$VALUES ('2', 'success', 0::bigint, 1::bigint, '0 portfolios, 1 not begun'),
                           ('3', 'skipped', 0, 0, 'no snapshot of the date')$$,
                  'before its inception a portfolio is not measured');

-- A symbol with one price, one with none, one that never moves.
SELECT pg_temp.add_portfolio(4, 5000, '2024-07-09');
SELECT pg_temp.add_lot(4, 41, 'ONE', 10, 20, '2024-07-09');
SELECT pg_temp.add_lot(4, 42, 'NOTHING', 10, 30, '2024-07-09');
SELECT pg_temp.add_lot(4, 43, 'FLAT', 10, 40, '2024-07-09');
INSERT INTO market_data_cache (symbol, date, close) VALUES ('ONE', '2024-07-09', 21);
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'FLAT', session_date, 40 FROM sessions_between('2024-05-01', '2024-07-10');
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-10', ARRAY[pg_temp.id(4)])), 0::numeric,
          'poor data fail nothing');
SELECT results_eq($$SELECT symbol, observations, quality_flag, reason, alpha FROM symbol_model_fits
                    WHERE calculation_date = '2024-07-10' AND symbol IN ('ONE', 'NOTHING', 'FLAT') AND model = 'market'
                    ORDER BY symbol COLLATE "C"$$,
                  $$VALUES ('FLAT', 20, 'insufficient_data', 'constant_series', NULL::float8),
                           ('NOTHING', 0, 'insufficient_data', 'no_prices', NULL),
                           ('ONE', 0, 'insufficient_data', 'insufficient_data', NULL)$$,
                  'no beta, each with its reason');
SELECT set_eq($$SELECT symbol, beta, reason FROM symbol_factor_exposures
                WHERE calculation_date = '2024-07-10' AND symbol IN ('ONE', 'NOTHING', 'FLAT') AND model = 'market'$$,
              $$VALUES ('FLAT', NULL::float8, 'constant_series'), ('NOTHING', NULL, 'no_prices'),
                       ('ONE', NULL, 'insufficient_data')$$, 'also where the betas of symbols are');
SELECT results_eq($$SELECT total_market_value, stale_prices, unpriced_positions, beta, beta_coverage, beta_reason
                    FROM portfolio_snapshots WHERE (portfolio_id, snapshot_date) = (pg_temp.id(4), '2024-07-10')$$,
                  $$VALUES (910.0000, 2, 0, NULL::float8, 0::float8, 'insufficient_data')$$,
                  'the portfolio is valued all the same');

-- A beta that is hard to believe is kept and marked.
SELECT pg_temp.add_portfolio(5, 5000, '2024-07-09');
SELECT pg_temp.add_lot(5, 51, 'WILD', 10, 20, '2024-07-09');
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'WILD', session_date, 20 * exp(8 * ln(close / 500)) FROM sessions_between('2024-05-01', '2024-07-10') AS d
JOIN market_data_cache AS m ON m.symbol = 'SPY' AND m.date = d.session_date;
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-07-09', ARRAY[pg_temp.id(5)]) \gset
SELECT results_eq($$SELECT beta BETWEEN 7.5 AND 8.5, reason, quality_flag FROM position_market_betas
                    WHERE portfolio_id = pg_temp.id(5)$$,
                  $$VALUES (true, 'outlier', 'full_history')$$, 'a beta of 8 is not capped, but marked as an outlier');
SELECT results_eq($$SELECT beta > 1, reason FROM position_market_betas
                    WHERE (position_id, calculation_date) = (pg_temp.id(11), '2024-07-10')$$,
                  $$VALUES (true, NULL)$$, 'one of 2 is not');

-- An amount that does not fit concerns its portfolio alone.
SELECT pg_temp.add_portfolio(6, 1000, '2024-07-10');
SELECT pg_temp.add_lot(6, 61, 'AAA', 900000000000, 2000, '2024-07-10');
SELECT results_eq($$SELECT status, processed + skipped, failed FROM run_daily_batch('2024-07-10') WHERE phase = '2'$$,
                  $$VALUES ('partial', 4::bigint, 1::bigint)$$,
                  'an amount beyond what can be held fails its portfolio, not the others');
SELECT results_eq($$SELECT portfolio_id, sqlstate, error_message FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND job_type = 'portfolio'
                      AND status = 'failed'$$,
                  $$VALUES (pg_temp.id(6), '22003',
                            'portfolio ' || pg_temp.id(6) || ' (Portfolio 6): amount of money out of range')$$, 'and is called by its name');
UPDATE portfolios SET is_active = false WHERE id = pg_temp.id(6);

-- No portfolio at all.
UPDATE portfolios SET deleted_at = now();
SELECT results_eq($$SELECT phase, status, processed, detail FROM run_daily_batch('2024-07-10')$$,
                  $$VALUES ('1', 'skipped', 0::bigint, 'no active portfolio'),
                           ('1.5', 'skipped', 0, 'no active portfolio'),
                           ('2', 'skipped', 0, 'no active portfolio'), ('2.5', 'skipped', 0, 'no active portfolio'),
                           ('2.75', 'skipped', 0, 'no active portfolio'), ('3', 'skipped', 0, 'no active portfolio')$$,
                  'without portfolios every phase is skipped');
SELECT is_empty('SELECT * FROM missing_sessions(''2024-07-10'')', 'nothing is owed');
SELECT is((SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-10')
            WHERE status = 'skipped' AND detail = 'no active portfolio'), 6::bigint, 'a backfill says the same');
SELECT is_empty('SELECT * FROM positions_asof(''2024-07-10'')', 'nothing is held');
SELECT is_empty('SELECT * FROM portfolio_exposures(''2024-07-10'')', 'there is no exposure');
SELECT results_eq($$SELECT processed, failed, rows_written FROM calc_market_betas('2024-07-10')$$,
                  $$VALUES (0::bigint, 0::bigint, 0::bigint)$$, 'and an engine does nothing');
UPDATE portfolios SET deleted_at = NULL WHERE id = pg_temp.id(1);

-- The sample: the bounds of its arguments. A NULL stands for the default; what is within comes to the next one.
SELECT pg_temp.raises(format('SELECT * FROM load_sample_data(%s => %s)', name, value), '22023', name || ' is out of range',
                      format('It is %s; %s to %s is possible.', value, least, greatest), '%', name || ' ' || value)
FROM (VALUES ('portfolios', 1, 100000, 0), ('portfolios', 1, 100000, 100001), ('positions', 3, 10000, 2),
             ('positions', 3, 10000, 10001), ('sessions', 1, 5000, 0), ('sessions', 1, 5000, 5001),
             ('symbols', 25, 20000, 24), ('symbols', 25, 20000, 20001), ('history', 0, 5000, -1),
             ('history', 0, 5000, 5001)) AS a (name, least, greatest, value);
SELECT pg_temp.raises('SELECT * FROM load_sample_data(sessions => 5000, history => 5000, last_session => ''2024-07-12'')',
                      '22023', 'the calendar has too few sessions before 2024-07-12', '10000 are wanted, % are there.', '%',
                      'more sessions than the calendar has');

-- Through all of it the healthy portfolio is what it was.
SELECT set_eq($$SELECT relation, content - '{run_id,created_at,updated_at}'::text[] FROM healthy
                WHERE content ->> 'portfolio_id' = pg_temp.id(1)::text$$,
              $$SELECT relation, content - '{run_id,created_at,updated_at}'::text[] FROM pg_temp.contents()
                WHERE content ->> 'portfolio_id' = pg_temp.id(1)::text$$,
              'and nothing of the healthy portfolio is lost');

SELECT * FROM finish();
ROLLBACK;
