-- Splits that have not happened, prices on both sides of one, marks by hand, and what is realized: books that went wrong
-- once, each with the figures worked by hand.

\ir include/prelude.psql
SELECT plan(15);

SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
SET LOCAL portfolio_batch.limited_history_below = 15;
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'SPY', s.session_date, 500 * exp(sum(0.01 * sin(s.t * s.t)) OVER (ORDER BY s.t))
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS t
      FROM sessions_between('2024-03-01', '2024-10-31')) AS s;

-- The books of a portfolio, date by date.
CREATE FUNCTION pg_temp.books(portfolio integer) RETURNS TABLE (day date, market_value numeric, pnl numeric)
LANGUAGE sql AS $$
  SELECT s.snapshot_date, s.total_market_value, s.daily_pnl FROM portfolio_snapshots AS s
  WHERE s.portfolio_id = pg_temp.id(portfolio) ORDER BY 1
$$;

-- A split that is announced -----------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(1, 100000, '2024-09-03');
SELECT pg_temp.add_lot(1, 11, 'SOONSPLIT', 100, 500, '2024-09-03');
INSERT INTO market_data_cache (symbol, date, close, adjustment)
SELECT 'SOONSPLIT', s.session_date, 500, 'split' FROM sessions_between('2024-08-01', '2024-09-30') AS s;
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-04', ARRAY[pg_temp.id(1)]) \gset
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator)
VALUES ('SOONSPLIT', (now() AT TIME ZONE 'America/New_York')::date + 30, 'split', 10);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-05', ARRAY[pg_temp.id(1)]) \gset
SELECT results_eq('SELECT * FROM pg_temp.books(1)',
                  $$VALUES ('2024-09-03'::date, 50000.0000, 0.0000), ('2024-09-04', 50000.0000, 0.0000),
                           ('2024-09-05', 50000.0000, 0.0000)$$,
                  'no provider has divided out a split that has not happened');
SELECT results_eq($$SELECT * FROM price_asof('SOONSPLIT', '2024-09-05')$$,
                  $$VALUES (500::float8, '2024-09-05'::date, 0)$$, 'nor does a price');
SELECT is((SELECT price FROM report_positions(pg_temp.id(1), '2024-09-05')), 500::float8, 'nor does the report');

-- Split-adjusted rows that were appended night by night ---------------------------------------------------------------

SELECT pg_temp.add_portfolio(2, 100000, '2024-09-03');
SELECT pg_temp.add_lot(2, 21, 'NIGHTLY', 100, 500, '2024-09-03');
INSERT INTO market_data_cache (symbol, date, close, adjustment, fetched_at)
SELECT 'NIGHTLY', s.session_date, CASE WHEN s.session_date >= '2024-09-09' THEN 50 ELSE 500 END, 'split',
       (s.session_date + time '22:00') AT TIME ZONE 'America/New_York'
FROM sessions_between('2024-09-03', '2024-09-10') AS s;
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-06', ARRAY[pg_temp.id(2)]) \gset
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('NIGHTLY', '2024-09-09', 'split', 10);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-10', ARRAY[pg_temp.id(2)]) \gset
CREATE TEMP TABLE by_night AS SELECT * FROM pg_temp.books(2);
SELECT results_eq('TABLE by_night',
                  $$SELECT s.session_date, 50000.0000, 0.0000 FROM sessions_between('2024-09-03', '2024-09-10') AS s$$,
                  'a split that goes ex between two nights makes no P&L');
SELECT is((SELECT sum(r.failed) FROM sessions_between('2024-09-04', '2024-09-10') AS s,
                  run_daily_batch(s.session_date, ARRAY[pg_temp.id(2)], force => true) AS r), 0::numeric,
          'the dates are run again');
SELECT results_eq('SELECT * FROM pg_temp.books(2)', 'TABLE by_night', 'and give the same');
-- In New York the split is of the day after; fetched an hour before its midnight, it is not divided out.
UPDATE market_data_cache SET fetched_at = '2024-09-08 23:00 America/New_York' WHERE symbol = 'NIGHTLY' AND date = '2024-09-06';
SELECT is((SELECT price FROM price_asof('NIGHTLY', '2024-09-06')), 500::float8, 'fetched on the eve of the ex-date');
UPDATE market_data_cache SET fetched_at = '2024-09-09 00:00 America/New_York' WHERE symbol = 'NIGHTLY' AND date = '2024-09-06';
SELECT is((SELECT price FROM price_asof('NIGHTLY', '2024-09-06')), 5000::float8, 'and on the ex-date');

-- Adjusted closes that jump by a split ------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(3, 100000, '2024-07-12');
SELECT pg_temp.add_lot(3, 31, 'JUMP', 100, 100, '2024-07-12');
INSERT INTO market_data_cache (symbol, date, close, adj_close)
SELECT 'JUMP', p.day, p.price, p.price
FROM (SELECT s.day, 100 * exp(sum(0.012 * cos(s.t * s.t)) OVER (ORDER BY s.t))
                    * CASE WHEN s.day < '2024-06-20' THEN 10 ELSE 1 END AS price
      FROM (SELECT session_date AS day, row_number() OVER (ORDER BY session_date) AS t
            FROM sessions_between('2024-03-01', '2024-07-12')) AS s) AS p;
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('JUMP', '2024-06-20', 'split', 10);
SELECT count(*) AS phases FROM run_daily_batch('2024-07-12', ARRAY[pg_temp.id(3)]) \gset
CREATE FUNCTION pg_temp.flags() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', (SELECT quality_flag || (CASE WHEN realized_volatility_21d < 0.25 THEN ' < 25 %' ELSE ' large' END)
                         FROM symbol_volatility WHERE symbol = 'JUMP' AND calculation_date = '2024-07-12'),
                   (SELECT quality_flag || ' ' || observations FROM symbol_model_fits
                    WHERE symbol = 'JUMP' AND calculation_date = '2024-07-12' AND model = 'market'))
$$;
CREATE FUNCTION pg_temp.found() RETURNS TABLE (source text, detail text) LANGUAGE sql AS $$
  SELECT 'preflight ' || p.ok, p.detail FROM batch_preflight('2024-07-12') AS p WHERE p.check_name = 'prices across a split'
  UNION ALL
  SELECT 'audit ' || a.status, a.detail FROM batch_audit('2024-07-12', ARRAY[pg_temp.id(3)]) AS a
  WHERE a."check" = 'prices across a split'
$$;
UPDATE portfolios SET is_active = id = pg_temp.id(3);
SELECT is(pg_temp.flags(), 'split_in_prices < 25 % split_in_prices 20',
          'the return across the split is left out of volatility and beta, which say so');
SELECT results_eq('SELECT source, detail FROM pg_temp.found()',
                  $$VALUES ('preflight false', 'adj_close jumps by the ratio of a split: JUMP 10:1 on 2024-06-20; '
                                               'fetch the rows before it again'),
                           ('audit amber', (SELECT format('adj_close changes by %s %% on 2024-06-20, the day of a split 10:1',
                                                          round(100 * (b.adj_close / a.adj_close - 1)::numeric, 1))
                                            FROM market_data_cache AS a JOIN market_data_cache AS b USING (symbol)
                                            WHERE symbol = 'JUMP' AND a.date = '2024-06-18' AND b.date = '2024-06-20'))$$,
                  'and the checks name it');
UPDATE market_data_cache SET adj_close = adj_close / 10 WHERE symbol = 'JUMP' AND date < '2024-06-20';
SELECT count(*) AS phases FROM run_daily_batch('2024-07-12', ARRAY[pg_temp.id(3)]) \gset
SELECT is(pg_temp.flags(), 'limited_history < 25 % full_history 20', 'until the rows before it are fetched again');
SELECT results_eq('SELECT source FROM pg_temp.found()', $$VALUES ('preflight true'), ('audit green')$$,
                  'and nothing is found any more');

SELECT * FROM finish();
ROLLBACK;
