-- Accounting: cases worked by hand, and the rules that an earlier system broke, each by name.

\ir include/prelude.psql
SELECT plan(69);

-- Without a market there are no betas, and the risk phase fails.
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'SPY', session_date, 400 + row_number() OVER (ORDER BY session_date)
FROM sessions_between('2023-12-01', '2024-12-31');

CREATE TEMP TABLE golden (
  "case" text, portfolio_id uuid, snapshot_date date, equity_balance numeric, daily_pnl numeric, mtd_pnl numeric,
  ytd_pnl numeric, cumulative_pnl numeric, daily_realized_pnl numeric, daily_capital_flow numeric,
  total_market_value numeric, cash_value numeric, total_long numeric, total_short numeric, gross_exposure numeric,
  long_count int, short_count int, option_count int, private_positions int, stale_prices int, unpriced_positions int,
  symbol_count int, daily_return numeric);
\set file :root /test/golden/accounting_cases.csv
\set command '\\copy golden FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command

-- Every snapshot in the columns of the reference results; returns there are rounded to 12 digits.
CREATE TEMP VIEW computed AS
SELECT portfolio_id, snapshot_date, equity_balance, daily_pnl, mtd_pnl, ytd_pnl, cumulative_pnl, daily_realized_pnl,
       daily_capital_flow, total_market_value, cash_value, total_long, total_short, gross_exposure, long_count,
       short_count, option_count, private_positions, stale_prices, unpriced_positions,
       symbol_count, round(daily_return::numeric, 12) AS daily_return
FROM portfolio_snapshots;

CREATE FUNCTION pg_temp.matches(case_name text) RETURNS text LANGUAGE sql AS $$
  SELECT results_eq(
    format('SELECT c.* FROM computed AS c JOIN golden AS g USING (portfolio_id, snapshot_date) WHERE g."case" = %L '
           'ORDER BY snapshot_date', case_name),
    format('SELECT portfolio_id, snapshot_date, equity_balance, daily_pnl, mtd_pnl, ytd_pnl, cumulative_pnl, '
           'daily_realized_pnl, daily_capital_flow, total_market_value, cash_value, total_long, total_short, '
           'gross_exposure, long_count, short_count, option_count, private_positions, stale_prices, '
           'unpriced_positions, symbol_count, round(daily_return, 12) FROM golden WHERE "case" = %L ORDER BY snapshot_date',
           case_name),
    'case ' || case_name)
$$;

-- The accounting identity and what follows from it, over all snapshots there are.
CREATE FUNCTION pg_temp.identities(description text) RETURNS text LANGUAGE sql AS $$
  SELECT is_empty($q$
    SELECT * FROM (
      SELECT s.*, p.initial_equity,
             sum(s.daily_pnl)          OVER w AS pnl,
             sum(s.daily_capital_flow) OVER w AS flows,
             sum(s.daily_realized_pnl) OVER w AS realized,
             lag(s.snapshot_date)      OVER w AS previous,
             lag(s.equity_balance, 1, p.initial_equity) OVER w AS equity_before
      FROM portfolio_snapshots AS s JOIN portfolios AS p ON p.id = s.portfolio_id
      WINDOW w AS (PARTITION BY s.portfolio_id ORDER BY s.snapshot_date)) AS s
    WHERE initial_equity + pnl + flows IS DISTINCT FROM equity_balance
       OR equity_before + daily_pnl + daily_capital_flow IS DISTINCT FROM equity_balance
       OR (pnl, flows, realized) IS DISTINCT FROM (cumulative_pnl, cumulative_capital_flow, cumulative_realized_pnl)
       OR previous IS DISTINCT FROM previous_snapshot_date
       OR total_value IS DISTINCT FROM equity_balance
       OR cash_value + total_market_value IS DISTINCT FROM equity_balance
       OR total_long + total_short IS DISTINCT FROM total_market_value
       OR total_long - total_short IS DISTINCT FROM gross_exposure
       OR net_exposure IS DISTINCT FROM total_market_value
       OR total_long < 0 OR total_short > 0
       OR return_base IS DISTINCT FROM equity_before
          + (SELECT COALESCE(sum(c.amount), 0) FROM equity_changes AS c
             WHERE c.portfolio_id = s.portfolio_id AND c.change_type = 'CONTRIBUTION' AND c.deleted_at IS NULL
               AND c.change_date > COALESCE(s.previous, '-infinity') AND c.change_date <= s.snapshot_date)
       OR daily_return IS DISTINCT FROM CASE WHEN return_base > 0 THEN daily_pnl::float8 / return_base::float8 END
       OR daily_pnl IS DISTINCT FROM (SELECT h.unallocated_pnl + COALESCE((SELECT sum(u) FROM unnest(h.daily_pnl) AS u), 0) / 10000
                                      FROM portfolio_holdings AS h
                                      WHERE h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date)
  $q$, description)
$$;

-- The cases worked by hand ------------------------------------------------------------------------------------------

\ir ../fixtures/accounting_cases.sql
CREATE TEMP TABLE first_run AS SELECT * FROM run_daily_batch_with_backfill('2024-03-05');
SELECT is_empty($$SELECT * FROM first_run WHERE failed > 0 OR status NOT IN ('success', 'skipped')$$,
                'the cases run without a failure');
SELECT pg_temp.matches(c)
  FROM unnest(ARRAY['broker_disagrees', 'dividend_long', 'dividend_short', 'entry_mark', 'late_contribution_before',
                    'partial_close', 'private_marks', 'round_trip', 'split_adjusted', 'split_in_thirds', 'split_nightly', 'split_raw',
                    'split_stale_price', 'split_then_close', 'two_dividends']) AS c;
SELECT set_eq('SELECT DISTINCT "case" FROM golden',
              ARRAY['broker_disagrees', 'dividend_long', 'dividend_short', 'entry_mark', 'late_contribution_after',
                    'late_contribution_before', 'partial_close', 'private_marks', 'round_trip', 'split_adjusted', 'split_in_thirds',
                    'split_nightly', 'split_raw', 'split_stale_price', 'split_then_close', 'two_dividends'], 'these are all cases');
SELECT pg_temp.identities('every identity holds on every date of every case');
SELECT results_eq($$SELECT id, equity_balance FROM portfolios ORDER BY id$$,
                  $$SELECT portfolio_id, equity_balance FROM portfolio_snapshots WHERE snapshot_date = '2024-03-05'
                    ORDER BY 1$$, 'the balance of a portfolio is that of its newest snapshot');
SELECT set_eq($$SELECT DISTINCT initial_equity FROM portfolios$$, '{10000.0000, 30000.0000, 100000.0000}'::numeric[],
              'the initial equity stays');

-- A contribution that is booked late, dated on a Saturday.
\ir ../fixtures/accounting_cases_late.sql
CREATE TEMP TABLE late AS
SELECT * FROM run_daily_batch('2024-03-04', ARRAY['44444444-4444-4444-8444-000000000007'::uuid]);
SELECT is((SELECT detail FROM late WHERE phase = '2'), '1 portfolio, 1 later snapshot rolled again',
          'a late booking rolls the later snapshots again');
SELECT pg_temp.matches('late_contribution_after');
SELECT pg_temp.identities('and every identity still holds');
SELECT is((SELECT equity_balance FROM portfolios WHERE id = '44444444-4444-4444-8444-000000000007'), 10650.0000,
          'the balance of the portfolio follows');

-- Date by date, each a run of its own, as nights go: the same as one backfill.
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-05') \gset
CREATE TEMP TABLE by_backfill AS SELECT * FROM pg_temp.results('{portfolio_snapshots,portfolios}');
SELECT count(*) AS purged FROM portfolios AS p, purge_portfolio(p.id) \gset
SELECT is((SELECT sum(failed) FROM sessions_between('2024-02-28', '2024-03-05') AS d, run_daily_batch(d.session_date)),
          0::numeric, 'the cases again, night by night');
SELECT set_eq($$SELECT * FROM pg_temp.results('{portfolio_snapshots,portfolios}')$$, 'SELECT * FROM by_backfill',
              'single runs leave what one backfill leaves');

-- A lot that is closed and gone keeps what it brought: dividends, and shares from a split.
SELECT pg_temp.add_portfolio(20, 10000, '2024-02-28');
SELECT pg_temp.add_lot(20, 201, 'PAID', 100, 20, '2024-02-28', 11, '2024-03-01');
SELECT pg_temp.add_prices('PAID', '2024-02-28', '{20, 10, 11}');
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, amount)
VALUES ('PAID', '2024-02-29', 'split', 2, NULL), ('PAID', '2024-02-29', 'dividend', NULL, 0.5);
SELECT is((SELECT sum(failed)
             FROM sessions_between('2024-02-28', '2024-03-05') AS d,
                  run_daily_batch(d.session_date, ARRAY[pg_temp.id(20)])),
          0::numeric, 'a lot with a split and a dividend is closed, and two nights pass');
SELECT results_eq($$SELECT snapshot_date, equity_balance, daily_pnl, cumulative_realized_pnl FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(20) ORDER BY 1$$,
                  $$VALUES ('2024-02-28'::date, 10000.0000, 0.0000, 0.0000),
                           ('2024-02-29', 10050.0000, 50.0000, 0.0000), ('2024-03-01', 10250.0000, 200.0000, 200.0000),
                           ('2024-03-04', 10250.0000, 0.0000, 200.0000), ('2024-03-05', 10250.0000, 0.0000, 200.0000)$$,
                  'its split and its dividend count on every later day');
SELECT purge_portfolio(pg_temp.id(20)) IS NOT NULL AS purged LIMIT 1 \gset
UPDATE portfolios SET is_active = false WHERE id = pg_temp.id(20);

-- By name -----------------------------------------------------------------------------------------------------------

SELECT is((SELECT sum(daily_pnl) FROM portfolio_snapshots WHERE portfolio_id = '44444444-4444-4444-8444-000000000001'),
          300.0000, 'buy 100 at 10, close 12, sell at 13: 300, not 500');
SELECT is((SELECT equity_balance FROM portfolios WHERE id = '44444444-4444-4444-8444-000000000001'), 10300.0000,
          'and 300 more equity');
SELECT is((SELECT daily_pnl FROM portfolio_snapshots
            WHERE (portfolio_id, snapshot_date) = ('44444444-4444-4444-8444-000000000002', '2024-02-28')), 100.0000,
          'entry-day P&L is measured from the trade price');

-- Running a date again changes nothing: not the values, not created_at, not run_id, not even the row's place.
CREATE TEMP TABLE before_reruns AS SELECT * FROM pg_temp.contents();
-- The reference to round makes each of them a call of its own.
CREATE TEMP TABLE reruns AS
SELECT round, run.* FROM generate_series(2, 4) AS round,
       LATERAL run_daily_batch('2024-03-01', CASE WHEN round > 0 THEN NULL::uuid[] END) AS run;
SELECT is((SELECT count(*) FROM reruns), 18::bigint, 'the same date is run three times more');
SELECT is_empty($$SELECT * FROM reruns WHERE rows_written <> 0 OR failed <> 0$$, 'nothing is written');
SELECT set_eq('SELECT * FROM pg_temp.contents()', 'SELECT * FROM before_reruns',
              'running a date four times changes nothing');
SELECT isnt_empty($$SELECT * FROM before_reruns WHERE relation = 'portfolio_snapshots'
                    AND content ->> 'run_id' <> (SELECT max(run_id)::text FROM batch_runs)$$,
                  'although each run has a number of its own');

-- A session that was skipped and is filled later.
SELECT pg_temp.add_portfolio(1, 10000, '2024-02-28');
SELECT pg_temp.add_lot(1, 11, 'CASE-TRIP', 100, 10, '2024-02-28', 13, '2024-03-01');
SELECT count(*) AS phases FROM run_daily_batch('2024-02-28', ARRAY[pg_temp.id(1)]) \gset
SELECT count(*) AS phases FROM run_daily_batch('2024-03-01', ARRAY[pg_temp.id(1)]) \gset
SELECT results_eq($$SELECT snapshot_date, previous_snapshot_date, daily_pnl, equity_balance FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(1) ORDER BY 1$$,
                  $$VALUES ('2024-02-28'::date, NULL::date, 0.0000, 10000.0000),
                           ('2024-03-01', '2024-02-28', 300.0000, 10300.0000)$$,
                  'over a skipped session P&L is measured from the previous snapshot: none is lost');
SELECT pg_temp.identities('with a hole every identity holds');
SELECT results_eq($$SELECT session_date FROM missing_sessions('2024-03-01', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES ('2024-02-29'::date)$$, 'the hole is on the work list');
SELECT is((SELECT count(*) FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(1)])), 6::bigint,
          'and is filled');
SELECT results_eq($$SELECT snapshot_date, equity_balance, daily_pnl, mtd_pnl, cumulative_pnl, daily_realized_pnl,
                           previous_snapshot_date FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(1) ORDER BY 1$$,
                  $$SELECT snapshot_date, equity_balance, daily_pnl, mtd_pnl, cumulative_pnl, daily_realized_pnl,
                           previous_snapshot_date FROM portfolio_snapshots
                    WHERE portfolio_id = '44444444-4444-4444-8444-000000000001' AND snapshot_date <= '2024-03-01'
                    ORDER BY 1$$, 'a session filled later leaves what one forward run leaves');

-- A partial close keeps history.
SELECT pg_temp.add_portfolio(2, 10000, '2024-02-28');
SELECT pg_temp.add_lot(2, 21, 'CASE-PART', 100, 20, '2024-02-28');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(2)]) \gset
CREATE TEMP TABLE before_close AS SELECT * FROM computed
 WHERE portfolio_id = pg_temp.id(2) AND snapshot_date = '2024-02-28';
SELECT ok(close_position(pg_temp.id(2), pg_temp.id(21), 40, 22.5, '2024-02-29') IS NOT NULL, '40 of 100 are closed');
SELECT purge_portfolio(pg_temp.id(2)) IS NOT NULL AS purged LIMIT 1 \gset
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(2)]) \gset
SELECT results_eq($$SELECT * FROM computed WHERE portfolio_id = pg_temp.id(2) AND snapshot_date = '2024-02-28'$$,
                  'SELECT * FROM before_close', 'computed afresh after a partial close, the day before it is the same');
SELECT results_eq($$SELECT equity_balance, daily_pnl, daily_realized_pnl, total_market_value FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(2) ORDER BY snapshot_date$$,
                  $$SELECT equity_balance, daily_pnl, daily_realized_pnl, total_market_value FROM golden
                    WHERE "case" = 'partial_close' ORDER BY snapshot_date$$,
                  'and the days from it on are those of a book that knew of it from the start');

-- Months and years --------------------------------------------------------------------------------------------------

-- 100 shares at 10 from 2023-12-27; the price rises by 0.1 a session, so P&L is 10 a session from the second on.
-- Sessions: Dec 27 28 29, Jan 2 3 … 30 31, Feb 1 2. January 31 and February 1 are left out at first.
SELECT pg_temp.add_portfolio(3, 5000, '2023-12-27');
SELECT pg_temp.add_lot(3, 31, 'RISE', 100, 10, '2023-12-27');
SELECT pg_temp.add_prices('RISE', '2023-12-27', array_agg(10 + 0.1 * n ORDER BY n)) FROM generate_series(0, 30) AS n;
-- Contributions on New Year's Day and on a Saturday, a withdrawal on the last day of January.
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(3), 'CONTRIBUTION', 1000, '2024-01-01'), (pg_temp.id(3), 'CONTRIBUTION', 200, '2024-01-20'),
       (pg_temp.id(3), 'WITHDRAWAL', 300, '2024-01-31');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-01-30', ARRAY[pg_temp.id(3)]) \gset
SELECT count(*) AS phases FROM run_daily_batch('2024-02-02', ARRAY[pg_temp.id(3)]) \gset
CREATE FUNCTION pg_temp.periods() RETURNS TABLE (day date, daily numeric, mtd numeric, ytd numeric, flow numeric,
                                                 equity numeric) LANGUAGE sql AS $$
  SELECT snapshot_date, daily_pnl, mtd_pnl, ytd_pnl, daily_capital_flow, equity_balance FROM portfolio_snapshots
  WHERE portfolio_id = pg_temp.id(3)
    AND snapshot_date IN ('2023-12-27', '2023-12-29', '2024-01-02', '2024-01-03', '2024-01-22', '2024-01-30',
                          '2024-01-31', '2024-02-01', '2024-02-02')
  ORDER BY snapshot_date
$$;
SELECT results_eq('SELECT * FROM pg_temp.periods()',
  $$VALUES ('2023-12-27'::date, 0.0000, 0.0000, 0.0000, 0.0000, 5000.0000),
           ('2023-12-29', 10.0000, 20.0000, 20.0000, 0.0000, 5020.0000),
           ('2024-01-02', 10.0000, 10.0000, 10.0000, 1000.0000, 6030.0000),
           ('2024-01-03', 10.0000, 20.0000, 20.0000, 0.0000, 6040.0000),
           ('2024-01-22', 10.0000, 140.0000, 140.0000, 200.0000, 6360.0000),
           ('2024-01-30', 10.0000, 200.0000, 200.0000, 0.0000, 6420.0000),
           ('2024-02-02', 30.0000, 30.0000, 230.0000, -300.0000, 6150.0000)$$,
  'month and year start after the last snapshot before them, also over a hole; flows of free days count on the next');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-02-02', ARRAY[pg_temp.id(3)]) \gset
SELECT results_eq($$SELECT * FROM pg_temp.periods() WHERE day >= '2024-01-30'$$,
  $$VALUES ('2024-01-30'::date, 10.0000, 200.0000, 200.0000, 0.0000, 6420.0000),
           ('2024-01-31', 10.0000, 210.0000, 210.0000, -300.0000, 6130.0000),
           ('2024-02-01', 10.0000, 10.0000, 220.0000, 0.0000, 6140.0000),
           ('2024-02-02', 10.0000, 20.0000, 230.0000, 0.0000, 6150.0000)$$,
  'the filled hole moves the beginning of the month, and later snapshots with it');
SELECT is_empty($$
  SELECT * FROM (
    SELECT s.*, sum(daily_pnl) OVER (PARTITION BY portfolio_id, date_trunc('month', snapshot_date)
                                     ORDER BY snapshot_date) AS month,
           sum(daily_pnl) OVER (PARTITION BY portfolio_id, date_trunc('year', snapshot_date)
                                ORDER BY snapshot_date) AS year
    FROM portfolio_snapshots AS s) AS s
  WHERE (mtd_pnl, ytd_pnl) IS DISTINCT FROM (month, year)$$,
  'without holes P&L of month and year are the sums of their days');
SELECT pg_temp.identities('across months and years every identity holds');

-- Lots --------------------------------------------------------------------------------------------------------------

-- One lot, and the same in three lots in another order.
SELECT pg_temp.add_prices('ODD', '2024-02-28', '{33.333333, 33.333335, 33.33}');
SELECT pg_temp.add_portfolio(4, 100000, '2024-02-28');
SELECT pg_temp.add_portfolio(5, 100000, '2024-02-28');
SELECT pg_temp.add_lot(4, 41, 'ODD', 301.5, 33.1, '2024-02-28');
SELECT pg_temp.add_lot(5, 53, 'ODD', 100.25, 33.1, '2024-02-28');
SELECT pg_temp.add_lot(5, 52, 'ODD', 0.000001, 33.1, '2024-02-28');
SELECT pg_temp.add_lot(5, 51, 'ODD', 201.249999, 33.1, '2024-02-28');
SELECT count(*) AS phases
  FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(4), pg_temp.id(5)]) \gset
SELECT results_eq($$SELECT to_jsonb(s) - '{portfolio_id,run_id,input_digest,input_parts}'::text[] FROM portfolio_snapshots AS s
                    WHERE portfolio_id = pg_temp.id(5) ORDER BY snapshot_date$$,
                  $$SELECT to_jsonb(s) - '{portfolio_id,run_id,input_digest,input_parts}'::text[] || '{"long_count": 3}' FROM portfolio_snapshots AS s
                    WHERE portfolio_id = pg_temp.id(4) ORDER BY snapshot_date$$,
                  'splitting a lot into three changes no figure of the portfolio but the number of lots');

-- Closed by exit date alone, by one event, by two events: the same book.
SELECT pg_temp.add_portfolio(n, 10000, '2024-02-28') FROM generate_series(6, 8) AS n;
SELECT pg_temp.add_lot(6, 61, 'CASE-PART', -100, 20, '2024-02-28', 19.25, '2024-03-01');
SELECT pg_temp.add_lot(7, 71, 'CASE-PART', -100, 20, '2024-02-28');
SELECT pg_temp.add_lot(8, 81, 'CASE-PART', -100, 20, '2024-02-28');
SELECT ok(close_position(pg_temp.id(7), pg_temp.id(71), 100, 19.25, '2024-03-01') IS NOT NULL, 'closed at once');
SELECT ok(close_position(pg_temp.id(8), pg_temp.id(81), 30, 19.25, '2024-03-01') IS NOT NULL, 'closed in two parts,');
SELECT ok(close_position(pg_temp.id(8), pg_temp.id(81), 70, 19.25, '2024-03-01') IS NOT NULL, 'the second ends it');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', (SELECT array_agg(pg_temp.id(n))
                                                                            FROM generate_series(6, 8) AS n)) \gset
SELECT results_eq($$SELECT snapshot_date, equity_balance, daily_pnl, daily_realized_pnl, total_short, short_count
                    FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(6) ORDER BY 1$$,
                  $$VALUES ('2024-02-28'::date, 9900.0000, -100.0000, 0.0000, -2100.0000, 1),
                           ('2024-02-29', 9800.0000, -100.0000, 0.0000, -2200.0000, 1),
                           ('2024-03-01', 10075.0000, 275.0000, 75.0000, 0.0000, 0)$$,
                  'a short round trip by exit date: 75 in all, also realized, and 275 on the last day');
SELECT results_eq(format('SELECT to_jsonb(s) - ''{portfolio_id,run_id,input_digest,input_parts}''::text[] FROM portfolio_snapshots AS s
                          WHERE portfolio_id = pg_temp.id(%s) ORDER BY snapshot_date', n),
                  'SELECT to_jsonb(s) - ''{portfolio_id,run_id,input_digest,input_parts}''::text[] FROM portfolio_snapshots AS s
                   WHERE portfolio_id = pg_temp.id(6) ORDER BY snapshot_date',
                  'and the same by ' || what)
  FROM (VALUES (7, 'one closing trade'), (8, 'two')) AS v (n, what);

-- A lot and a flow deleted as mistakes are gone from every date that is run again.
SELECT pg_temp.add_portfolio(9, 10000, '2024-02-28');
SELECT pg_temp.add_lot(9, 91, 'CASE-PART', 100, 20, '2024-02-28');
SELECT pg_temp.add_lot(9, 92, 'CASE-PART', 500, 20, '2024-02-28');
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(9), 'CONTRIBUTION', 7000, '2024-02-28');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(9)]) \gset
UPDATE positions SET deleted_at = now() WHERE id = pg_temp.id(92);
UPDATE equity_changes SET deleted_at = now() WHERE portfolio_id = pg_temp.id(9);
SELECT count(*) AS phases FROM run_daily_batch('2024-02-28', ARRAY[pg_temp.id(9)]) \gset
SELECT results_eq($$SELECT snapshot_date, equity_balance, daily_pnl, daily_capital_flow FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(9) ORDER BY 1$$,
                  $$VALUES ('2024-02-28'::date, 10100.0000, 100.0000, 0.0000),
                           ('2024-02-29', 10200.0000, 100.0000, 0.0000), ('2024-03-01', 9900.0000, -300.0000, 0.0000)$$,
                  'a deleted lot and a deleted contribution leave no trace, also on the days after');

-- Marks -------------------------------------------------------------------------------------------------------------

-- A price missing for a day is carried, counted, and made good when it comes.
SELECT pg_temp.add_portfolio(10, 10000, '2024-02-28');
SELECT pg_temp.add_lot(10, 101, 'GAPS', 10, 50, '2024-02-28');
SELECT pg_temp.add_prices('GAPS', '2024-02-28', '{51, NULL, 55}');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(10)]) \gset
SELECT results_eq($$SELECT daily_pnl, total_market_value, stale_prices FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(10) ORDER BY snapshot_date$$,
                  $$VALUES (10.0000, 510.0000, 0), (0.0000, 510.0000, 1), (40.0000, 550.0000, 0)$$,
                  'a missing price is carried and counted as stale; the next one catches up');
INSERT INTO market_data_cache (symbol, date, close) VALUES ('GAPS', '2024-02-29', 53);
SELECT count(*) AS phases FROM run_daily_batch('2024-02-29', ARRAY[pg_temp.id(10)]) \gset
SELECT results_eq($$SELECT daily_pnl, total_market_value, stale_prices FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(10) ORDER BY snapshot_date$$,
                  $$VALUES (10.0000, 510.0000, 0), (20.0000, 530.0000, 0), (20.0000, 550.0000, 0)$$,
                  'when it comes, the day and the day after are as if it had never been missing');

-- Beyond the limit the last mark still values the lot, but it is called unpriced; no P&L is invented either way.
SELECT pg_temp.add_portfolio(11, 10000, '2024-02-28');
SELECT pg_temp.add_lot(11, 111, 'HALT', 10, 50, '2024-02-28');
SELECT pg_temp.add_lot(11, 112, 'NOPRICE', -10, 20, '2024-02-28');
SELECT pg_temp.add_prices('HALT', '2024-02-28', '{51, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 40}');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-11', ARRAY[pg_temp.id(11)]) \gset
SELECT results_eq($$SELECT snapshot_date, daily_pnl, total_market_value, stale_prices, unpriced_positions
                    FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(11) ORDER BY 1$$,
  $$VALUES ('2024-02-28'::date, 10.0000, 310.0000, 0, 0), ('2024-02-29', 0.0000, 310.0000, 2, 0),
           ('2024-03-01', 0.0000, 310.0000, 2, 0), ('2024-03-04', 0.0000, 310.0000, 2, 0),
           ('2024-03-05', 0.0000, 310.0000, 2, 0), ('2024-03-06', 0.0000, 310.0000, 2, 0),
           ('2024-03-07', 0.0000, 310.0000, 0, 2), ('2024-03-08', 0.0000, 310.0000, 0, 2),
           ('2024-03-11', -110.0000, 200.0000, 0, 1)$$,
  'five sessions stale, then unpriced at the last mark; the price that ends it brings the whole move');

-- An option is valued at its own price, a private asset at its mark from the day of the mark.
SELECT pg_temp.add_portfolio(12, 100000, '2024-02-28');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class,
                       underlying_symbol) VALUES
  (pg_temp.id(12), pg_temp.id(121), 'OPT', 'LC', 2, 3, '2024-02-28', 'OPTIONS', 'CASE-PART'),
  (pg_temp.id(12), pg_temp.id(122), 'HOUSE', 'LONG', 1, 20000, '2024-02-28', 'PRIVATE', NULL);
SELECT mark_position(pg_temp.id(12), pg_temp.id(122), 23000, '2024-02-29') \g /dev/null
SELECT pg_temp.add_prices('OPT', '2024-02-28', '{3.5, 4, 4}');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(12)]) \gset
SELECT results_eq($$SELECT snapshot_date, daily_pnl, total_market_value, option_count, private_positions, stale_prices,
                           unpriced_positions FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(12) ORDER BY 1$$,
                  $$VALUES ('2024-02-28'::date, 100.0000, 20700.0000, 1, 1, 0, 0),
                           ('2024-02-29', 3100.0000, 23800.0000, 1, 1, 0, 0),
                           ('2024-03-01', 0.0000, 23800.0000, 1, 1, 0, 0)$$,
                  'an option moves by 100 a point, a private asset when it is marked, and not before');
SELECT results_eq($$SELECT last_price, last_price_date FROM positions WHERE id = pg_temp.id(122)$$,
                  $$VALUES (23000.000000, '2024-02-29'::date)$$, 'a private asset shows its newest mark');

-- Money that comes in works from the start of its day, money that goes out until the end of it.
SELECT pg_temp.add_portfolio(14, 10000, '2024-02-28'), pg_temp.add_portfolio(15, 0, '2024-02-28'),
       pg_temp.add_portfolio(16, 1000000, '2024-02-28');
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(14), 'CONTRIBUTION', 990000, '2024-02-29'), (pg_temp.id(15), 'CONTRIBUTION', 1000000, '2024-02-28'),
       (pg_temp.id(16), 'WITHDRAWAL', 999000, '2024-02-29');
SELECT pg_temp.add_prices('FUND', '2024-02-28', '{100,101,101.5}');
SELECT pg_temp.add_lot(14, 141, 'FUND', 9900, 100, '2024-02-29'),
       pg_temp.add_lot(15, 151, 'FUND', 9900, 100, '2024-02-28'),
       pg_temp.add_lot(16, 161, 'FUND', 9900, 100, '2024-02-28', 100.5, '2024-02-29');
SELECT count(*) AS phases
FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(14), pg_temp.id(15), pg_temp.id(16)]) \gset
SELECT results_eq($$SELECT right(portfolio_id::text, 2), snapshot_date, daily_pnl, return_base, round(daily_return::numeric, 9)
                    FROM portfolio_snapshots WHERE portfolio_id IN (pg_temp.id(14), pg_temp.id(15), pg_temp.id(16))
                    ORDER BY 1, 2$$,
                  $$VALUES ('14', '2024-02-28'::date, 0.0000, 10000.0000, 0.000000000),
                           ('14', '2024-02-29', 9900.0000, 1000000.0000, 0.009900000),
                           ('14', '2024-03-01', 4950.0000, 1009900.0000, 0.004901475),
                           ('15', '2024-02-28', 0.0000, 1000000.0000, 0.000000000),
                           ('15', '2024-02-29', 9900.0000, 1000000.0000, 0.009900000),
                           ('15', '2024-03-01', 4950.0000, 1009900.0000, 0.004901475),
                           ('16', '2024-02-28', 0.0000, 1000000.0000, 0.000000000),
                           ('16', '2024-02-29', 4950.0000, 1000000.0000, 0.004950000),
                           ('16', '2024-03-01', 0.0000, 5950.0000, 0.000000000)$$,
                  'a deposit that is invested the same day earns what it earns, and so does what is taken out');
SELECT is((SELECT (xpath('//data[@data-metric="total_return"]/@value', xmlparse(DOCUMENT portfolio_report(pg_temp.id(14)))))[1]::text::numeric),
          round(1.0099 * (1 + 4950 / 1009900.0) - 1, 9), 'the report chains the returns');

-- Equity below zero has no return.
SELECT pg_temp.add_portfolio(13, 100, '2024-02-28');
SELECT pg_temp.add_lot(13, 131, 'CASE-PART', -500, 20, '2024-02-28');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-03-01', ARRAY[pg_temp.id(13)]) \gset
SELECT results_eq($$SELECT equity_balance, daily_return FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(13)
                    ORDER BY snapshot_date$$,
                  $$VALUES (-400.0000, -5::float8), (-900.0000, NULL), (600.0000, NULL)$$,
                  'a return needs a positive equity before it');
SELECT pg_temp.identities('through all of this every identity holds');

-- Position values ---------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT right(id::text, 3), last_price, last_price_date, market_value, unrealized_pnl, realized_pnl
                    FROM positions WHERE portfolio_id IN (pg_temp.id(2), pg_temp.id(6), pg_temp.id(12)) ORDER BY 1$$,
  $$VALUES ('021', 19.000000, '2024-03-01'::date, 1140.0000, -60.0000, 100.0000),
           ('061', NULL, NULL, 0.0000, 0.0000, 75.0000),
           ('121', 4.000000, '2024-03-01', 800.0000, 200.0000, 0.0000),
           ('122', 23000.000000, '2024-02-29', 23000.0000, 3000.0000, 0.0000)$$,
  'value, unrealized and realized P&L of a lot closed in part, of one closed, of an option and of a private asset');
SELECT results_eq($$SELECT sum(market_value) FROM positions WHERE portfolio_id = pg_temp.id(10)$$,
                  $$SELECT total_market_value FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(10) ORDER BY snapshot_date DESC LIMIT 1$$,
                  'position values add up to the snapshot');
CREATE TEMP TABLE newest_values AS SELECT * FROM positions;
CREATE TEMP TABLE older AS SELECT * FROM run_daily_batch('2024-02-29');
SELECT set_eq('SELECT * FROM positions WHERE portfolio_id <> pg_temp.id(3)',
              'SELECT * FROM newest_values WHERE portfolio_id <> pg_temp.id(3)',
              'running an older date leaves the values of the newest one');
SELECT results_eq('SELECT last_price, last_price_date, market_value FROM positions WHERE portfolio_id = pg_temp.id(3)',
                  $$SELECT h.price, h.price_date, h.market_value FROM position_history AS h
                    WHERE h.portfolio_id = pg_temp.id(3) AND h.calculation_date = '2024-02-29'$$,
                  'where that is the newest one, an old mark is that of the snapshot');
SELECT is((SELECT detail FROM older WHERE phase = '2.5'),
          '0 positions valued, 1 without price, 30 portfolios valued on a newer date',
          'and says so; only portfolio 3 has no newer date, and no price');

SELECT * FROM finish();
ROLLBACK;
