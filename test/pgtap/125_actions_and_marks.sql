-- Splits that have not happened, prices on both sides of one, marks by hand, and what is realized: books that went wrong
-- once, each with the figures worked by hand.

\ir include/prelude.psql
SELECT plan(52);

\set market_from 2024-03-01
\set market_to 2024-10-31
\ir include/short_market.psql

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
SELECT is((SELECT price FROM _portfolio_batch.report_positions(pg_temp.id(1), '2024-09-05')), 500::float8, 'nor does the report');

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
-- A time that is none says nothing of what was divided out, and the price before it is taken.
UPDATE market_data_cache SET fetched_at = 'infinity' WHERE symbol = 'NIGHTLY' AND date = '2024-09-06';
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-09-06', ARRAY[pg_temp.id(2)], force => true)), 0::numeric,
          'a price that was fetched at no time stops no run');
SELECT results_eq($$SELECT total_market_value, stale_prices FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(2) AND snapshot_date = '2024-09-06'$$,
                  'VALUES (50000.0000, 1)', 'and is left out where a split follows');
UPDATE market_data_cache SET fetched_at = '2024-09-09 00:00 America/New_York' WHERE symbol = 'NIGHTLY' AND date = '2024-09-06';

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
  (SELECT 'audit ' || a.status, a.detail FROM batch_audit('2024-07-12', ARRAY[pg_temp.id(3)]) AS a
   WHERE a."check" = 'prices across a split' ORDER BY a.status LIMIT 1)
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
-- The same rows when nobody has entered the split: closes as traded, adjusted closes in shares of today.
DELETE FROM corporate_actions WHERE symbol = 'JUMP';
SELECT results_eq('SELECT source, detail FROM pg_temp.found()',
                  $$VALUES ('preflight false', 'close and adj_close part by the ratio of a split that corporate_actions does '
                                               'not have: JUMP 10:1 on 2024-06-20; enter it, or fetch the rows before it again'),
                           ('audit amber', 'close and adj_close part by 10:1 on 2024-06-20, and corporate_actions has no split')$$,
                  'a split that nobody has entered is found where close and adj_close part by its ratio');
-- A feed that fetches the closes again but only appends the adjusted ones.
UPDATE market_data_cache SET close = close / 10, adj_close = adj_close * 10 WHERE symbol = 'JUMP' AND date < '2024-06-20';
SELECT matches((SELECT string_agg(detail, ' / ') FROM pg_temp.found()),
               'JUMP 1:10 on 2024-06-20.* / .*1:10 on 2024-06-20', 'and where only one of the two was fetched again');
-- A dividend is no split, nor is a fall that both have.
UPDATE market_data_cache SET close = close * 10 WHERE symbol = 'JUMP' AND date < '2024-06-20';
UPDATE market_data_cache SET adj_close = adj_close * 0.8 WHERE symbol = 'JUMP' AND date < '2024-05-10';
SELECT results_eq('SELECT source FROM pg_temp.found()', $$VALUES ('preflight true'), ('audit green')$$,
                  'but not in a dividend of a fifth, nor in a fall of both');
UPDATE market_data_cache SET adj_close = adj_close / 10 WHERE symbol = 'JUMP' AND date < '2024-06-20';
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('JUMP', '2024-06-20', 'split', 10);

-- Marks by hand -----------------------------------------------------------------------------------------------------

-- A fund that is marked each quarter; its dates are run again when the next mark is there.
SELECT pg_temp.add_portfolio(4, 1000000, '2024-06-25');
SELECT pg_temp.add_lot(4, 41, 'HARBOR II', 5000, 100, '2024-06-25', investment_class => 'PRIVATE');
SELECT lives_ok($$SELECT mark_position(pg_temp.id(4), pg_temp.id(41), 110, '2024-06-28')$$, 'a fund is marked');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-27', ARRAY[pg_temp.id(4)]) \gset
SELECT lives_ok($$SELECT mark_position(pg_temp.id(4), pg_temp.id(41), 120, '2024-09-30')$$, 'and again a quarter later');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-10-02', ARRAY[pg_temp.id(4)]) \gset
CREATE TEMP TABLE quarter AS SELECT * FROM pg_temp.books(4);
SELECT results_eq('SELECT * FROM quarter WHERE pnl <> 0 OR day IN (''2024-06-27'', ''2024-09-27'')',
                  $$VALUES ('2024-06-27'::date, 500000.0000, 0.0000), ('2024-06-28', 550000.0000, 50000.0000),
                           ('2024-09-27', 550000.0000, 0.0000), ('2024-09-30', 600000.0000, 50000.0000)$$,
                  'each mark makes its P&L on its day');
SELECT is((SELECT sum(r.failed) FROM sessions_between('2024-06-25', '2024-10-02') AS s,
                  run_daily_batch(s.session_date, ARRAY[pg_temp.id(4)], force => true) AS r), 0::numeric,
          'the dates of the quarter are run again');
SELECT results_eq('SELECT * FROM pg_temp.books(4)', 'TABLE quarter', 'and keep the mark that counted');
SELECT results_eq($$SELECT last_price, last_price_date, market_value, unrealized_pnl FROM positions WHERE id = pg_temp.id(41)$$,
                  $$VALUES (120.000000, '2024-09-30'::date, 600000.0000, 100000.0000)$$, 'the position shows the newest one');
UPDATE positions SET last_price = 1, last_price_date = '2024-10-01' WHERE id = pg_temp.id(41);
SELECT is((SELECT market_value FROM positions_asof('2024-10-02', ARRAY[pg_temp.id(4)])), 600000.0000,
          'and what it shows is no input');

-- A mark that is corrected: what has to be run again is what it concerns, and what follows.
SELECT lives_ok($$SELECT mark_position(pg_temp.id(4), pg_temp.id(41), 111, '2024-06-28')$$, 'a mark is corrected');
SELECT is((SELECT count(*) FROM position_marks WHERE position_id = pg_temp.id(41)), 2::bigint, 'in its place');
SELECT results_eq($$SELECT kind || ' ' || name FROM lineage_diff(pg_temp.id(4), '2024-09-27')$$, $$VALUES ('input book')$$,
                  'dates from it on are out of date');
SELECT is_empty($$SELECT * FROM lineage_diff(pg_temp.id(4), '2024-06-27')$$, 'those before are not');
SELECT count(*) AS phases FROM run_daily_batch('2024-06-28', ARRAY[pg_temp.id(4)]) \gset
SELECT results_eq('SELECT * FROM pg_temp.books(4) WHERE pnl <> 0',
                  $$VALUES ('2024-06-28'::date, 555000.0000, 55000.0000), ('2024-09-30', 600000.0000, 45000.0000)$$,
                  'one run of its date corrects those after it');

-- A split after the mark.
SELECT pg_temp.add_portfolio(5, 100000, '2024-09-03');
SELECT pg_temp.add_lot(5, 51, 'ROCKETCO', 100, 500, '2024-09-03', investment_class => 'PRIVATE');
SELECT mark_position(pg_temp.id(5), pg_temp.id(51), 560, '2024-09-04') \g /dev/null
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('ROCKETCO', '2024-09-09', 'split', 10);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-11', ARRAY[pg_temp.id(5)]) \gset
SELECT results_eq('SELECT * FROM pg_temp.books(5)',
                  $$SELECT s.session_date, CASE s.session_date WHEN '2024-09-03' THEN 50000.0000 ELSE 56000.0000 END,
                           CASE s.session_date WHEN '2024-09-04' THEN 6000.0000 ELSE 0.0000 END
                    FROM sessions_between('2024-09-03', '2024-09-11') AS s$$, 'a split divides a mark like any price');
SELECT results_eq($$SELECT quantity, price, price_date, price_quality, market_value, unrealized_pnl
                    FROM _portfolio_batch.report_positions(pg_temp.id(5), '2024-09-11')$$,
                  $$VALUES (1000::float8, 56::float8, '2024-09-04'::date, 'manual', 56000.0000, 6000.0000)$$,
                  'the report values it in the same way');
SELECT results_eq($$SELECT last_price, last_price_date, market_value FROM positions WHERE id = pg_temp.id(51)$$,
                  $$VALUES (56.000000, '2024-09-04'::date, 56000.0000)$$, 'and the position shows it in shares of the day');

-- What is refused.
SELECT pg_temp.add_lot(5, 52, 'SOLD', 10, 5, '2024-09-03', 6, '2024-09-06', 'PRIVATE');
SELECT pg_temp.add_lot(5, 53, 'GONE', 10, 5, '2024-09-03', investment_class => 'PRIVATE');
UPDATE positions SET deleted_at = now() WHERE id = pg_temp.id(53);
SELECT pg_temp.raises(format('SELECT mark_position(pg_temp.id(%s), pg_temp.id(%s), %s, %s)', book, lot, price, day),
                      state, message, '%', hint, 'a mark is refused ' || what)
FROM (VALUES
  ('5', '51', 'NULL', '''2024-09-05''', '22023', 'mark_position needs a portfolio, a position, a price and a date',
   'None of the four may be NULL.', 'without a price'),
  ('5', '51', '-1', '''2024-09-05''', '22023', 'price of position % must be a number, 0 or more, not -1', 'Give the price%',
   'below 0'),
  ('5', '51', '''NaN''', '''2024-09-05''', '22023', '%not NaN', 'Give the price%', 'that is no number'),
  ('5', '59', '1', '''2024-09-05''', '42704', 'position % of portfolio % does not exist', 'SELECT id, symbol FROM %',
   'of a position that is not there'),
  ('5', '53', '1', '''2024-09-05''', '55000', 'position % (GONE) was deleted on %', 'Set its deleted_at%',
   'of one that was deleted'),
  ('1', '11', '1', '''2024-09-05''', '55000', 'position % (SOONSPLIT) is not PRIVATE and has no marks',
   'Load a price into pb.market_data_cache, or set its investment_class to PRIVATE.', 'of one that trades'),
  ('5', '51', '1', '''2024-09-02''', '22023', 'position % (ROCKETCO) cannot be marked on 2024-09-02',
   'Give a date from its entry on 2024-09-03 to today, %', 'before the entry'),
  ('5', '51', '1', '(now() AT TIME ZONE ''America/New_York'')::date + 1', '22023', 'position % (ROCKETCO) cannot be marked on %',
   'Give a date from its entry on 2024-09-03 to today, %', 'of tomorrow'),
  ('5', '52', '1', '''2024-09-06''', '22023', 'position % (SOLD) cannot be marked on 2024-09-06',
   'Give a date from its entry on 2024-09-03 to the day before its exit on 2024-09-06.', 'from the exit on'))
  AS r (book, lot, price, day, state, message, hint, what);
SELECT lives_ok($$SELECT mark_position(pg_temp.id(5), pg_temp.id(52), 0, '2024-09-05')$$, '0 is a price, of the last day too');

-- What is realized ---------------------------------------------------------------------------------------------------

-- A split that is entered after a sale, of which the broker reported the P&L without it.
SELECT pg_temp.add_portfolio(6, 10000, '2024-09-03');
SELECT pg_temp.add_lot(6, 61, 'LATE', 100, 20, '2024-09-03');
SELECT pg_temp.add_prices('LATE', '2024-09-03', '{20, 10, 10, 10}');
SELECT count(*) AS events FROM close_position(pg_temp.id(6), pg_temp.id(61), 50, 10, '2024-09-05') \gset
UPDATE position_realized_events SET realized_pnl = -500 WHERE position_id = pg_temp.id(61);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-05', ARRAY[pg_temp.id(6)]) \gset
CREATE FUNCTION pg_temp.booked() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(': ', a.status, a.detail) FROM batch_audit('2024-09-06', ARRAY[pg_temp.id(6)]) AS a
  WHERE a."check" = 'realized P&L as booked'
$$;
SELECT is((SELECT cumulative_realized_pnl FROM portfolio_snapshots
           WHERE portfolio_id = pg_temp.id(6) AND snapshot_date = '2024-09-05'), -500.0000, 'a sale without the split');
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('LATE', '2024-09-04', 'split', 2);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-06', ARRAY[pg_temp.id(6)]) \gset
SELECT count(*) AS phases FROM run_daily_batch('2024-09-04', ARRAY[pg_temp.id(6)]) \gset
SELECT results_eq($$SELECT total_value, daily_pnl, cumulative_realized_pnl FROM portfolio_snapshots
                    WHERE portfolio_id = pg_temp.id(6) ORDER BY snapshot_date$$,
                  $$VALUES (10000.0000, 0.0000, 0.0000), (10000.0000, 0.0000, 0.0000), (10000.0000, 0.0000, 0.0000),
                           (10000.0000, 0.0000, 0.0000)$$, 'is worth and realizes what it does with it');
SELECT is((SELECT realized_pnl FROM positions WHERE id = pg_temp.id(61)), 0.0000, 'of the position too');
SELECT is((SELECT c ->> 'realized_pnl' || ' ' || (c ->> 'booked_pnl')
           FROM api_position(pg_temp.id(61)) AS a, jsonb_array_elements(a -> 'closes') AS c), '0.0000 -500.0000',
          'the interface shows both');
SELECT is(pg_temp.booked(), 'amber: LATE on 2024-09-05 booked -500.0000, computed 0.0000', 'and the audit compares them');
UPDATE position_realized_events SET realized_pnl = 0.5 WHERE position_id = pg_temp.id(61);
SELECT matches(pg_temp.booked(), '^green', 'a thousandth of the proceeds is no difference');

-- Closed in part, and no price for longer than one serves: what is left is carried at the last one, if there was any.
SELECT pg_temp.add_portfolio(7, 100000, '2024-08-20');
SELECT pg_temp.add_lot(7, 71, 'HALTED', 100, 50, '2024-08-20'), pg_temp.add_lot(7, 72, 'NEVER', 100, 50, '2024-08-20');
SELECT pg_temp.add_prices('HALTED', '2024-08-20', '{51}');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-08-20', ARRAY[pg_temp.id(7)]) \gset
SELECT count(*) AS events FROM unnest('{71,72}'::int[]) AS l, close_position(pg_temp.id(7), pg_temp.id(l), 40, 45, '2024-09-05') \gset
SELECT is((SELECT detail FROM run_daily_batch_with_backfill('2024-09-06', ARRAY[pg_temp.id(7)])
           WHERE phase = '2.5' AND session_date = '2024-09-06'), '0 positions valued, 2 without price', 'neither has a price');
SELECT results_eq($$SELECT right(id::text, 2), last_price, last_price_date, market_value, unrealized_pnl, realized_pnl
                    FROM positions WHERE portfolio_id = pg_temp.id(7) ORDER BY 1$$,
                  $$VALUES ('71', 51.000000, '2024-08-20'::date, 3060.0000, 60.0000, -200.0000),
                           ('72', 50.000000, '2024-08-20', 3000.0000, 0.0000, -200.0000)$$,
                  'but what was sold is sold, and the rest is carried');
-- A lot that was never valued is not valued at its trade of long ago.
SELECT pg_temp.add_portfolio(8, 100000, '2024-09-05');
SELECT pg_temp.add_lot(8, 81, 'NEVER', 100, 50, '2024-08-20');
SELECT count(*) AS events FROM close_position(pg_temp.id(8), pg_temp.id(81), 40, 45, '2024-09-05') \gset
SELECT count(*) AS phases FROM run_daily_batch('2024-09-05', ARRAY[pg_temp.id(8)]) \gset
SELECT results_eq($$SELECT last_price, last_price_date, market_value, unrealized_pnl, realized_pnl
                    FROM positions WHERE portfolio_id = pg_temp.id(8)$$,
                  $$VALUES (NULL::numeric, NULL::date, 3000.0000, NULL::numeric, -200.0000)$$, 'it counts as in the snapshot, without price and gain');
SELECT is_empty($$SELECT p.portfolio_id FROM positions AS p JOIN portfolio_snapshots AS s USING (portfolio_id)
                  WHERE (s.portfolio_id, s.snapshot_date) IN (SELECT portfolio_id, max(snapshot_date) FROM portfolio_snapshots GROUP BY 1)
                  GROUP BY p.portfolio_id, s.total_market_value HAVING sum(p.market_value) <> s.total_market_value$$,
                'the values of positions add up to those of snapshots');


SELECT * FROM finish();
ROLLBACK;
