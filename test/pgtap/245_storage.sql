-- What a portfolio held and what each lot earned, as stored in a row of arrays a date and shown by position_history: it
-- adds up to the snapshot exactly, on each date of made-up books with partial and full closes, a day trade, a split, a
-- dividend, flows, a gap and a late booking.

\ir include/prelude.psql
SELECT plan(47);

SELECT pg_temp.add_prices(symbol, '2024-07-08', closes::float8[])
FROM (VALUES ('AAA', '{101,103,102,105,104,106,107,108,110,111}'),
             ('BBB', '{50,49,48,47,46,45,44,43,42,41}'),
             ('CCC', '{200,210,220,216,109,110,111,112,113,114}'),
             ('DDD', '{30,30.5,31,30.25,30.5,31,31,31,32,33}'),
             ('EEE', '{10.0123,10.0456,9.9871,10.0001,10.1,10.2022,10.1999,10.0333,10.0777,10.1111}'))
       AS p (symbol, closes) \g /dev/null
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, amount)
VALUES ('CCC', '2024-07-12', 'split', 2, NULL), ('DDD', '2024-07-11', 'dividend', NULL, 0.75);

CREATE FUNCTION pg_temp.run(first date, last date, book integer DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  SELECT FROM sessions_between(first, last) AS s,
              run_daily_batch(s.session_date, CASE WHEN book IS NOT NULL THEN ARRAY[pg_temp.id(book)] END, '{2}')
$$;

-- Portfolio 1: a bit of everything.
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-08');
SELECT pg_temp.add_lot(1, 12, 'BBB', -50, 50.5, '2024-07-08');
SELECT pg_temp.add_lot(1, 13, 'CCC', 10, 199, '2024-07-08');
SELECT pg_temp.add_lot(1, 14, 'DDD', 200, 29.9, '2024-07-09');
SELECT pg_temp.add_lot(1, 15, 'EEE', 33.333333, 10.0111, '2024-07-08');
SELECT pg_temp.add_lot(1, 16, 'FUND', 5, 1000, '2024-07-08', investment_class => 'PRIVATE');
SELECT pg_temp.add_lot(1, 18, 'EEE', 10, 10, '2024-07-11');
SELECT pg_temp.add_lot(1, 20, 'EEE', 10, 10, '2024-07-12', 10, '2024-07-12');
SELECT pg_temp.add_lot(1, 19, 'NEVER', 10, 10, '2024-07-08');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol)
VALUES (pg_temp.id(1), pg_temp.id(17), 'AAA240920C00100000', 'LC', 1, 5, '2024-07-08', 'AAA');
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(1), 'CONTRIBUTION', 5000, '2024-07-10'), (pg_temp.id(1), 'WITHDRAWAL', 1000.5, '2024-07-15');
SELECT close_position(pg_temp.id(1), pg_temp.id(lot), quantity, price, day)
FROM (VALUES (11, 40, 102.5, '2024-07-10'::date), (12, 50, 46.75, '2024-07-11'), (18, 10, 10.5, '2024-07-11'),
             (11, 60, 106.5, '2024-07-16')) AS c (lot, quantity, price, day) \g /dev/null

-- Portfolio 2: no snapshots from July 9 to 11, and a lot that is closed in between.
SELECT pg_temp.add_portfolio(2, 50000, '2024-07-08');
SELECT pg_temp.add_lot(2, 21, 'AAA', 10, 100, '2024-07-08', 103.5, '2024-07-10');
SELECT pg_temp.add_lot(2, 22, 'BBB', 10, 50, '2024-07-08');

-- Portfolio 3: bought on margin, so that there is no equity at first, and less than none in the end.
SELECT pg_temp.add_portfolio(3, 0, '2024-07-08');
SELECT pg_temp.add_lot(3, 31, 'BBB', 100, 50, '2024-07-08');
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(3), 'CONTRIBUTION', 350, '2024-07-09');

-- Portfolio 4: cash alone.
SELECT pg_temp.add_portfolio(4, 1000, '2024-07-08');

-- Portfolio 5: 300 lots of quantities with six decimals, so that hardly any amount is one of 1/10,000; a third of them
-- closed in part, a third in full, on all days.
SELECT pg_temp.add_portfolio(5, 1234567.8901, '2024-07-08');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date)
SELECT pg_temp.id(5), pg_temp.id(5000 + n), substr('AAABBBCCCDDDEEE', n % 5 * 3 + 1, 3),
       CASE WHEN n % 7 < 5 THEN 'LONG' ELSE 'SHORT' END,
       round((CASE WHEN n % 7 < 5 THEN 1 ELSE -1 END * (1 + 1000 * abs(sin(n))))::numeric, 6),
       round((20 + 100 * abs(cos(n)))::numeric, 6), '2024-07-08'::date + n % 4
FROM generate_series(1, 300) AS n;
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
SELECT portfolio_id, id, entry_date + n % 9, round(abs(quantity) / 3, 6), round((30 + 50 * abs(sin(n * n)))::numeric, 6)
FROM (SELECT p.*, right(id::text, 4)::integer AS n FROM positions AS p WHERE portfolio_id = pg_temp.id(5)) AS p
WHERE n % 3 = 1;
UPDATE positions SET exit_date = entry_date + right(id::text, 4)::integer % 10, exit_price = entry_price * 1.0371
WHERE portfolio_id = pg_temp.id(5) AND right(id::text, 4)::integer % 3 = 2;

SELECT pg_temp.run('2024-07-08', '2024-07-17', book) FROM unnest(ARRAY[1, 3, 4, 5]) AS book \g /dev/null
SELECT pg_temp.run('2024-07-08', '2024-07-08', 2);
SELECT pg_temp.run('2024-07-12', '2024-07-17', 2);

-- What must hold on each date -------------------------------------------------------------------------------------------

CREATE TEMP VIEW totals AS
SELECT s.*, h.unallocated_pnl, l.*
FROM portfolio_snapshots AS s
LEFT JOIN portfolio_holdings AS h ON h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date
CROSS JOIN LATERAL (SELECT count(*) AS lots, coalesce(sum(p.daily_pnl), 0) AS pnl_of_lots,
                           coalesce(sum(p.realized_pnl), 0) AS realized_of_lots,
                           coalesce(sum(p.market_value), 0) AS value_of_lots, sum(p.weight) AS weights,
                           coalesce(sum(p.contribution), 0) AS contributions, count(p.contribution) AS contributing
                    FROM position_history AS p
                    WHERE p.portfolio_id = s.portfolio_id AND p.calculation_date = s.snapshot_date) AS l;
SELECT set_eq('SELECT portfolio_id, calculation_date FROM portfolio_holdings',
              'SELECT portfolio_id, snapshot_date FROM portfolio_snapshots', 'each snapshot has its row of holdings');
SELECT is((SELECT count(*) FROM totals), 8::bigint * 4 + 5, 'of which there are 37');
SELECT is_empty('SELECT portfolio_id, snapshot_date, pnl_of_lots, unallocated_pnl, daily_pnl FROM totals
                 WHERE pnl_of_lots + unallocated_pnl IS DISTINCT FROM daily_pnl',
                'the P&L of lots and what belongs to none add up to the day''s, exactly');
SELECT is_empty('SELECT portfolio_id, snapshot_date, unallocated_pnl FROM totals WHERE unallocated_pnl <> 0',
                'and nothing belongs to none');
SELECT is_empty('SELECT portfolio_id, snapshot_date FROM totals WHERE realized_of_lots <> daily_realized_pnl',
                'what lots realized adds up as well');
SELECT is_empty('SELECT portfolio_id, snapshot_date, contributions, daily_return FROM totals
                 WHERE contributing = lots AND lots > 0 AND abs(contributions - daily_return) > 1e-14
                    OR (daily_return IS NULL) <> (contributing = 0 AND lots > 0)',
                'contributions add up to the return, and are missing where it is');
SELECT is_empty('SELECT portfolio_id, snapshot_date FROM totals
                 WHERE abs(value_of_lots - total_market_value) > 0.00005 * (lots + 2)
                    OR abs(weights - total_market_value / nullif(total_value, 0)) > 1e-6', 'market values and weights but for rounding');
SELECT is_empty($$SELECT * FROM position_history WHERE num_nulls(quantity, market_value, daily_pnl, realized_pnl) > 0
                     OR (quantity = 0) <> (reason IS NOT DISTINCT FROM 'closed') OR (quantity = 0) <> (price IS NULL)
                     OR (quantity = 0) <> (price_date IS NULL) OR quantity = 0 AND (market_value, exposure) <> (0, 0)$$,
                'a lot with a quantity of 0 is closed, has no price any more and no value');
SELECT is_empty($$SELECT h.portfolio_id, h.calculation_date FROM portfolio_holdings AS h
                  CROSS JOIN LATERAL (VALUES (cardinality(h.symbols)), (cardinality(h.quantities)), (cardinality(h.prices)),
                                             (cardinality(h.price_dates)), (cardinality(h.exposures)),
                                             (cardinality(h.market_values)), (cardinality(h.daily_pnl)),
                                             (cardinality(h.realized_pnl)),
                                             (coalesce(cardinality(h.reasons), cardinality(h.position_ids)))) AS n (length)
                  WHERE n.length IS DISTINCT FROM cardinality(h.position_ids)$$, 'arrays of a row are of one length');
SELECT is_empty('SELECT portfolio_id, calculation_date, position_id FROM position_history GROUP BY 1, 2, 3 HAVING count(*) > 1',
                'no lot is there twice');
-- The lots that were open at the close, by the trades alone.
SELECT set_eq($$SELECT portfolio_id, calculation_date, position_id, round(quantity, 6) FROM position_history
                WHERE quantity <> 0$$,
              $$SELECT s.portfolio_id, s.snapshot_date, p.position_id, round(p.quantity::numeric, 6)
                FROM portfolio_snapshots AS s, positions_asof(s.snapshot_date, ARRAY[s.portfolio_id]) AS p$$,
              'lots that are open are those of positions_asof');

-- What each lot did ------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.history(lot integer) RETURNS TABLE (day text, quantity numeric, price numeric, market_value numeric,
                                                            daily_pnl numeric, realized_pnl numeric, reason text)
LANGUAGE sql AS $$
  SELECT to_char(calculation_date, 'MM-DD'), trim_scale(quantity), trim_scale(price), trim_scale(market_value),
         trim_scale(daily_pnl), trim_scale(realized_pnl), reason
  FROM position_history WHERE position_id = pg_temp.id(lot) ORDER BY calculation_date
$$;
SELECT results_eq('SELECT * FROM pg_temp.history(11)',
                  $$VALUES ('07-08', 100::numeric, 101::numeric, 10100::numeric, 100::numeric, 0::numeric, NULL),
                           ('07-09', 100, 103, 10300, 200, 0, NULL), ('07-10', 60, 102, 6120, -80, 100, NULL),
                           ('07-11', 60, 105, 6300, 180, 0, NULL), ('07-12', 60, 104, 6240, -60, 0, NULL),
                           ('07-15', 60, 106, 6360, 120, 0, NULL), ('07-16', 0, NULL, 0, 30, 390, 'closed')$$,
                  'a long lot, closed in part and in full: on the day with a quantity of 0, then no more');
SELECT results_eq('SELECT * FROM pg_temp.history(12)',
                  $$VALUES ('07-08', -50::numeric, 50::numeric, -2500::numeric, 25::numeric, 0::numeric, NULL),
                           ('07-09', -50, 49, -2450, 50, 0, NULL), ('07-10', -50, 48, -2400, 50, 0, NULL),
                           ('07-11', 0, NULL, 0, 62.5, 187.5, 'closed')$$, 'a short lot gains when the price falls');
SELECT results_eq('SELECT * FROM pg_temp.history(13)',
                  $$VALUES ('07-08', 10::numeric, 200::numeric, 2000::numeric, 10::numeric, 0::numeric, NULL),
                           ('07-09', 10, 210, 2100, 100, 0, NULL), ('07-10', 10, 220, 2200, 100, 0, NULL),
                           ('07-11', 10, 216, 2160, -40, 0, NULL), ('07-12', 20, 109, 2180, 20, 0, NULL),
                           ('07-15', 20, 110, 2200, 20, 0, NULL), ('07-16', 20, 111, 2220, 20, 0, NULL),
                           ('07-17', 20, 112, 2240, 20, 0, NULL)$$, 'a split doubles the shares and earns nothing');
SELECT results_eq($$SELECT * FROM pg_temp.history(14) WHERE day <= '07-12'$$,
                  $$VALUES ('07-09', 200::numeric, 30.5::numeric, 6100::numeric, 120::numeric, 0::numeric, NULL),
                           ('07-10', 200, 31, 6200, 100, 0, NULL), ('07-11', 200, 30.25, 6050, 0, 0, NULL),
                           ('07-12', 200, 30.5, 6100, 50, 0, NULL)$$, 'a dividend makes good what the price loses');
SELECT results_eq('SELECT * FROM pg_temp.history(18)',
                  $$VALUES ('07-11', 0::numeric, NULL::numeric, 0::numeric, 5::numeric, 5::numeric, 'closed')$$,
                  'a day trade is in its day');
SELECT results_eq('SELECT * FROM pg_temp.history(20)',
                  $$VALUES ('07-12', 0::numeric, NULL::numeric, 0::numeric, 0::numeric, 0::numeric, 'closed')$$,
                  'also one that earned nothing');
SELECT results_eq($$SELECT DISTINCT quantity, price, market_value, daily_pnl, reason FROM pg_temp.history(16)$$,
                  $$VALUES (5::numeric, 1000::numeric, 5000::numeric, 0::numeric, 'private')$$,
                  'a private lot stands at its entry price');
SELECT results_eq($$SELECT DISTINCT quantity, price, market_value, daily_pnl, reason FROM pg_temp.history(17)$$,
                  $$VALUES (1::numeric, 5::numeric, 500::numeric, 0::numeric, 'option_without_delta')$$,
                  'an option that nobody prices as well');
SELECT results_eq($$SELECT quantity, price, market_value, daily_pnl, reason, count(*), min(day) FROM pg_temp.history(19)
                    GROUP BY 1, 2, 3, 4, 5 ORDER BY 7$$,
                  $$VALUES (10::numeric, 10::numeric, 100::numeric, 0::numeric, NULL, 1::bigint, '07-08'),
                           (10, 10, 100, 0, 'stale_price', 5, '07-09'), (10, 10, 100, 0, 'unpriced', 2, '07-16')$$,
                  'and a lot without prices, which says how old its price is');
SELECT results_eq($$SELECT DISTINCT position_id, price_date FROM position_history
                    WHERE position_id IN (pg_temp.id(16), pg_temp.id(17), pg_temp.id(19)) ORDER BY 1$$,
                  $$VALUES (pg_temp.id(16), '2024-07-08'::date), (pg_temp.id(17), '2024-07-08'), (pg_temp.id(19), '2024-07-08')$$,
                  'all with the day of the trade');
SELECT results_eq($$SELECT h.symbol, h.exposure FROM position_history AS h
                    WHERE portfolio_id = pg_temp.id(1) AND calculation_date = '2024-07-09' ORDER BY position_id$$,
                  $$VALUES ('AAA', 10300::float8), ('BBB', -2450), ('CCC', 2100), ('DDD', 6100), ('EEE', 33.333333 * 10.0456::float8),
                           (NULL, NULL), (NULL, NULL), ('NEVER', 100)$$,
                  'exposures are to symbols');
-- 100,000 + 125 + what EEE earned; the AAA lot earned 200 of it on July 9.
SELECT results_eq($$SELECT weight, contribution FROM position_history
                    WHERE position_id = pg_temp.id(11) AND calculation_date = '2024-07-09'$$,
                  $$SELECT 10300 / t.total_value::float8, 200 / y.equity_balance::float8 FROM totals AS t, totals AS y
                    WHERE (t.portfolio_id, t.snapshot_date) = (pg_temp.id(1), '2024-07-09')
                      AND (y.portfolio_id, y.snapshot_date) = (pg_temp.id(1), '2024-07-08')$$,
                  'weights are of the net asset value of the day, contributions of the equity of the day before');
SELECT is_empty($$SELECT y.portfolio_id, y.snapshot_date FROM totals AS t JOIN totals AS y
                    ON (y.portfolio_id, y.snapshot_date) = (t.portfolio_id, t.previous_snapshot_date)
                  JOIN position_history AS p ON (p.portfolio_id, p.calculation_date) = (t.portfolio_id, t.snapshot_date)
                  CROSS JOIN LATERAL (SELECT coalesce(sum(c.amount), 0) AS amount FROM equity_changes AS c
                                      WHERE c.portfolio_id = t.portfolio_id AND c.change_type = 'CONTRIBUTION'
                                        AND c.change_date > y.snapshot_date AND c.change_date <= t.snapshot_date) AS paid_in
                  WHERE p.contribution IS DISTINCT FROM
                        p.daily_pnl::float8 / nullif(greatest(y.equity_balance + paid_in.amount, 0), 0)::float8$$,
                'and of what has been paid in since');

-- Books of another kind --------------------------------------------------------------------------------------------------

SELECT results_eq('SELECT * FROM pg_temp.history(21)',
                  $$VALUES ('07-08', 10::numeric, 101::numeric, 1010::numeric, 10::numeric, 0::numeric, NULL),
                           ('07-12', 0, NULL, 0, 25, 35, 'closed')$$,
                  'what was closed in a gap is in the row after it, with what it earned since the row before it');
SELECT pg_temp.run('2024-07-10', '2024-07-10', 2);
SELECT results_eq('SELECT * FROM pg_temp.history(21)',
                  $$VALUES ('07-08', 10::numeric, 101::numeric, 1010::numeric, 10::numeric, 0::numeric, NULL),
                           ('07-10', 0, NULL, 0, 25, 35, 'closed')$$, 'with the gap filled it is in its own');
SELECT results_eq($$SELECT snapshot_date, lots, pnl_of_lots, daily_pnl, unallocated_pnl FROM totals
                    WHERE portfolio_id = pg_temp.id(2) AND snapshot_date <= '2024-07-12' ORDER BY 1$$,
                  $$VALUES ('2024-07-08'::date, 2::bigint, 10.0000, 10.0000, 0.0000), ('2024-07-10', 2, 5.0000, 5.0000, 0.0000),
                           ('2024-07-12', 1, -20.0000, -20.0000, 0.0000)$$, 'and the row after it has the rest');
SELECT results_eq($$SELECT calculation_date, weight IS NULL, contribution IS NULL FROM position_history
                    WHERE portfolio_id = pg_temp.id(3) ORDER BY 1$$,
                  $$VALUES ('2024-07-08'::date, true, true), ('2024-07-09', false, false), ('2024-07-10', false, false),
                           ('2024-07-11', false, false), ('2024-07-12', true, false), ('2024-07-15', true, true),
                           ('2024-07-16', true, true), ('2024-07-17', true, true)$$,
                  'without equity there are no weights, and no contributions on the day after, unless more is paid in');
SELECT results_eq($$SELECT DISTINCT position_ids, unallocated_pnl FROM portfolio_holdings WHERE portfolio_id = pg_temp.id(4)$$,
                  $$VALUES ('{}'::uuid[], 0::numeric(20,4))$$, 'cash alone holds nothing');
SELECT ok((SELECT count(*) > 1600 AND count(*) FILTER (WHERE reason = 'closed') > 70 FROM position_history
           WHERE portfolio_id = pg_temp.id(5)), 'the large book is large');
SELECT is_empty($$SELECT p.id FROM positions AS p JOIN position_history AS h ON h.position_id = p.id
                  WHERE h.calculation_date > p.exit_date + 3 OR h.calculation_date > p.exit_date AND h.reason IS DISTINCT FROM 'closed'$$,
                'and keeps no lot that is closed');

-- A rerun, a late booking --------------------------------------------------------------------------------------------------

CREATE TEMP TABLE before AS SELECT * FROM pg_temp.contents(kinds => '{result}');
SELECT pg_temp.run('2024-07-17', '2024-07-17');
SELECT FROM run_daily_batch('2024-07-17', phases => '{3}') \g /dev/null
SELECT set_eq($$SELECT * FROM pg_temp.contents(kinds => '{result}') WHERE relation = 'portfolio_holdings'$$,
              $$SELECT * FROM before WHERE relation = 'portfolio_holdings'$$, 'neither a rerun nor risk analytics change a row');

-- Booked on July 18 for July 15: 50 of DDD were sold at 30.9, and not held until they were worth 31 on July 17.
SELECT close_position(pg_temp.id(1), pg_temp.id(14), 50, 30.9, '2024-07-15') \g /dev/null
SELECT pg_temp.run('2024-07-18', '2024-07-18');
SELECT results_eq($$SELECT unallocated_pnl, daily_realized_pnl - realized_of_lots FROM totals
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), '2024-07-18')$$,
                  'VALUES (-5.0000, 50.0000)', 'what is booked late for an earlier date belongs to no lot of the day');
SELECT results_eq($$SELECT * FROM pg_temp.history(14) WHERE day >= '07-15'$$,
                  $$VALUES ('07-15', 200::numeric, 31::numeric, 6200::numeric, 100::numeric, 0::numeric, NULL),
                           ('07-16', 200, 31, 6200, 0, 0, NULL), ('07-17', 200, 31, 6200, 0, 0, NULL),
                           ('07-18', 150, 32, 4800, 150, 0, NULL)$$, 'which has what it held and earned on it');
SELECT is_empty('SELECT portfolio_id, snapshot_date FROM totals WHERE pnl_of_lots + unallocated_pnl IS DISTINCT FROM daily_pnl',
                'and still all adds up');
SELECT ok((SELECT abs(contributions + unallocated_pnl::float8 / (equity_balance - daily_pnl)::float8 - daily_return) < 1e-14
           FROM totals WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), '2024-07-18')),
          'the return has what contributions lack');
SELECT pg_temp.run('2024-07-19', '2024-07-19');
SELECT is_empty('SELECT portfolio_id, snapshot_date FROM totals WHERE snapshot_date <> ''2024-07-18'' AND unallocated_pnl <> 0',
                'on other dates nothing is left');
SELECT is((SELECT count(*) FROM totals WHERE unallocated_pnl <> 0), 1::bigint, 'nor in other portfolios');

-- Run again from the date of the booking on, all is where it belongs.
SELECT pg_temp.run('2024-07-15', '2024-07-19');
SELECT is_empty('SELECT portfolio_id, snapshot_date FROM totals WHERE unallocated_pnl <> 0
                    OR pnl_of_lots IS DISTINCT FROM daily_pnl OR realized_of_lots <> daily_realized_pnl',
                'dates that are run again leave nothing');
SELECT results_eq($$SELECT * FROM pg_temp.history(14) WHERE day >= '07-15'$$,
                  $$VALUES ('07-15', 150::numeric, 31::numeric, 4650::numeric, 95::numeric, 50::numeric, NULL),
                           ('07-16', 150, 31, 4650, 0, 0, NULL), ('07-17', 150, 31, 4650, 0, 0, NULL),
                           ('07-18', 150, 32, 4800, 150, 0, NULL), ('07-19', 150, 33, 4950, 150, 0, NULL)$$,
                  'the lot has the trade on its day');
CREATE TEMP TABLE rerun AS SELECT content - '{run_id,created_at}'::text[] AS row FROM pg_temp.contents(false, '{result}')
WHERE relation = 'portfolio_holdings';
DELETE FROM portfolio_holdings;
DELETE FROM portfolio_snapshots WHERE portfolio_id <> pg_temp.id(2);
SELECT pg_temp.run('2024-07-08', '2024-07-19', book) FROM unnest(ARRAY[1, 3, 4, 5]) AS book \g /dev/null
SELECT set_eq($$SELECT content - '{run_id,created_at}'::text[] FROM pg_temp.contents(false, '{result}')
                WHERE relation = 'portfolio_holdings'$$,
              $$SELECT row FROM rerun WHERE row ->> 'portfolio_id' <> pg_temp.id(2)::text$$, 'as if computed afresh');

-- Where a view belongs ----------------------------------------------------------------------------------------------------

CREATE SCHEMA taken;
CREATE TABLE taken.stress_test_results AS SELECT * FROM stress_test_results;
CREATE TABLE taken.position_market_betas (id integer);
CREATE MATERIALIZED VIEW taken.position_volatility AS SELECT 1 AS x;
SELECT pg_temp.raises($$SELECT * FROM create_analytics_tables('taken')$$, '42804',
                      'existing tables of schema "taken" cannot be adopted: 3 misfits',
                      E'position\\_market\\_betas: expected a view, found a table\n'
                      'position\\_volatility: expected a view, found a materialized view\n'
                      'stress\\_test\\_results: expected a view, found a table',
                      E'Change the tables and call again:\n'
                      'ALTER TABLE taken.position\\_market\\_betas RENAME TO position\\_market\\_betas\\_old;\n'
                      'ALTER TABLE taken.position\\_volatility RENAME TO position\\_volatility\\_old;\n'
                      'ALTER TABLE taken.stress\\_test\\_results RENAME TO stress\\_test\\_results\\_old;',
                      'what stands where a view belongs is named, all in one error');
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 'taken'::regnamespace), 3::bigint, 'and nothing is created');
SELECT split_part((pg_temp.error_of($$SELECT * FROM create_analytics_tables('taken')$$)).hint, E':\n', 2) AS remedies \gset
:remedies
SELECT is((SELECT count(*) FROM create_analytics_tables('taken') WHERE action = 'created'), :created_relations::bigint,
          'the statements of the hint make room');
SELECT has_table('taken', 'stress_test_results_old', 'and keep the table');

-- Without the extension ---------------------------------------------------------------------------------------------------

CREATE TEMP TABLE shown AS SELECT * FROM pb.position_history;
DROP EXTENSION portfolio_batch;
SELECT set_eq('SELECT * FROM pb.position_history', 'SELECT * FROM shown', 'position_history needs no extension');
SELECT isnt_empty('SELECT * FROM shown', 'to show what was held');

SELECT * FROM finish();
ROLLBACK;
