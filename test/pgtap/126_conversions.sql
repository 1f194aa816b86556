-- Spin-offs, mergers, new names, stock dividends, returns of capital and delistings: what they make of lots, of P&L and
-- of returns, with the figures worked by hand.

\ir include/prelude.psql
SELECT plan(42);

\set market_from 2024-01-02
\set market_to 2024-04-30
\ir include/short_market.psql
-- Three names of one symbol are in it.
SET LOCAL portfolio_batch.beta_window = 50;

-- The books of a portfolio, date by date.
CREATE FUNCTION pg_temp.books(portfolio integer, since date DEFAULT '-infinity')
RETURNS TABLE (day date, market_value numeric, cash numeric, pnl numeric, realized numeric) LANGUAGE sql AS $$
  SELECT s.snapshot_date, s.total_market_value, s.cash_value, s.daily_pnl, s.daily_realized_pnl
  FROM portfolio_snapshots AS s WHERE s.portfolio_id = pg_temp.id(portfolio) AND s.snapshot_date >= since ORDER BY 1
$$;
CREATE FUNCTION pg_temp.prices(symbol text, price float8, from_date date, to_date date) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO market_data_cache (symbol, date, close)
  SELECT symbol, s.session_date, price FROM sessions_between(from_date, to_date) AS s
$$;
CREATE FUNCTION pg_temp.run(portfolio integer, day date) RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(r.failed)::bigint FROM run_daily_batch_with_backfill(day, ARRAY[pg_temp.id(portfolio)]) AS r
$$;

-- A spin-off ---------------------------------------------------------------------------------------------------------

-- One VERN for four PAR; 81.1 % of the cost stay. 150 is 115 and a quarter of 140.
SELECT pg_temp.prices('PAR', 150, '2024-03-01', '2024-04-01'), pg_temp.prices('PAR', 115, '2024-04-02', '2024-04-30'),
       pg_temp.prices('VERN', 140, '2024-04-02', '2024-04-03'), pg_temp.prices('VERN', 150, '2024-04-04', '2024-04-30') \g /dev/null
SELECT pg_temp.add_portfolio(1, 100000, '2024-03-27');
SELECT pg_temp.add_lot(1, 11, 'PAR', 400, 100, '2024-03-27');
INSERT INTO corporate_actions (symbol, ex_date, kind) VALUES ('PAR', '2024-04-02', 'spin_off');
INSERT INTO corporate_action_legs (symbol, ex_date, kind, to_symbol, ratio_numerator, ratio_denominator, cost_share)
VALUES ('PAR', '2024-04-02', 'spin_off', 'VERN', 1, 4, 0.189);
SELECT is(pg_temp.run(1, '2024-04-03'), 0::bigint, 'a book with a spin-off runs');
SELECT results_eq('SELECT * FROM pg_temp.books(1, ''2024-03-27'')',
                  $$VALUES ('2024-03-27'::date, 60000.0000, 60000.0000, 20000.0000, 0.0000),
                           ('2024-03-28', 60000.0000, 60000.0000, 0.0000, 0.0000),
                           ('2024-04-01', 60000.0000, 60000.0000, 0.0000, 0.0000),
                           ('2024-04-02', 60000.0000, 60000.0000, 0.0000, 0.0000),
                           ('2024-04-03', 60000.0000, 60000.0000, 0.0000, 0.0000)$$,
                  'a fair spin-off is no gain, and realizes nothing');
SELECT results_eq($$SELECT symbol, quantity, entry_price, entry_date, price, market_value
                    FROM positions_asof('2024-04-02', ARRAY[pg_temp.id(1)]) ORDER BY symbol$$,
                  $$VALUES ('PAR', 400::float8, 81.1::float8, '2024-03-27'::date, 115::float8, 46000.0000),
                           ('VERN', 100::float8, 75.6::float8, '2024-03-27'::date, 140::float8, 14000.0000)$$,
                  'its shares are there on the day, with their part of the cost');
SELECT results_eq($$SELECT symbol, quantity FROM positions_asof('2024-04-01', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES ('PAR', 400::float8)$$, 'and not the day before');
SELECT position_id AS vern FROM positions_asof('2024-04-02', ARRAY[pg_temp.id(1)]) WHERE symbol = 'VERN' \gset
SELECT results_eq($$SELECT h.symbol, h.market_value, h.daily_pnl FROM position_history AS h
                    WHERE h.portfolio_id = pg_temp.id(1) AND h.calculation_date = '2024-04-02' ORDER BY 1$$,
                  $$VALUES ('PAR', 46000.0000, 0.0000), ('VERN', 14000.0000, 0.0000)$$,
                  'no lot gains by it either');
SELECT results_eq($$SELECT last_price, market_value, unrealized_pnl, realized_pnl FROM positions
                    WHERE portfolio_id = pg_temp.id(1)$$,
                  'VALUES (115::numeric, 46000.0000, 13560.0000, 0.0000)', 'the position is what is left of it');
SELECT results_eq($$SELECT position_id = pg_temp.id(11), symbol, action, from_date, until_date, quantity, entry_price, cost,
                           converted_quantity, converted_cash, realized_pnl
                    FROM lot_history(pg_temp.id(1)) ORDER BY from_date, symbol$$,
                  $$VALUES (true, 'PAR', 'opened', '2024-03-27'::date, '2024-04-02'::date, 400::float8, 100::float8,
                            40000.0000, 400::float8, 0.0000, 0.0000),
                           (true, 'PAR', 'spin_off', '2024-04-02', NULL, 400, 81.1, 32440, NULL, NULL, NULL),
                           (false, 'VERN', 'spin_off', '2024-04-02', NULL, 100, 75.6, 7560, NULL, NULL, NULL)$$,
                  'lot_history shows what became of it');
SELECT set_eq($$SELECT symbol FROM market_data_coverage('2024-04-02', ARRAY[pg_temp.id(1)]) WHERE symbol IN ('PAR', 'VERN')$$,
              $$VALUES ('PAR'), ('VERN')$$, 'its prices are wanted from the day on');
SELECT set_eq($$SELECT symbol FROM market_data_coverage('2024-04-01', ARRAY[pg_temp.id(1)]) WHERE symbol IN ('PAR', 'VERN')$$,
              $$VALUES ('PAR')$$, 'and not before');
SELECT set_hasnt($$SELECT symbol FROM missing_prices('2024-03-27', '2024-04-01', ARRAY[pg_temp.id(1)])$$,
                 $$VALUES ('VERN')$$, 'a loader fetches none of before');

SELECT set_eq($$SELECT p ->> 'symbol' AS symbol, p ->> 'position_type' AS position_type
                FROM jsonb_array_elements(api_portfolio_betas(pg_temp.id(1)) -> 'positions') AS p$$,
              $$VALUES ('PAR', 'LONG'), ('VERN', 'LONG')$$, 'the API has both');

-- They are sold by their own id.
SELECT throws_ok(format('SELECT close_position(pg_temp.id(1), %L, 101, 150, ''2024-04-04'')', :'vern'), '22023',
                 format('cannot close 101 of position %s (VERN): 100 are open on 2024-04-04', :'vern'),
                 'no more than there is');
SELECT throws_ok(format('SELECT close_position(pg_temp.id(1), %L, 1, 150, ''2024-04-01'')', :'vern'), '42704', NULL,
                 'and none of before');
SELECT close_position(pg_temp.id(1), :'vern', 40, 150, '2024-04-04') AS event \gset
SELECT results_eq($$SELECT position_id = pg_temp.id(11), symbol, quantity_closed FROM position_realized_events
                    WHERE portfolio_id = pg_temp.id(1)$$,
                  $$VALUES (true, 'VERN', 40::numeric)$$, 'the closing names the lot and what was sold');
SELECT is(pg_temp.run(1, '2024-04-04'), 0::bigint, 'the next night runs');
SELECT results_eq('SELECT * FROM pg_temp.books(1, ''2024-04-04'')',
                  'VALUES (''2024-04-04''::date, 55000.0000, 66000.0000, 1000.0000, 2976.0000)',
                  'what is sold realizes its gain over its part of the cost: 40 x (150 - 75.6)');
SELECT results_eq($$SELECT symbol, proceeds, realized_pnl FROM _portfolio_batch.closings(ARRAY[pg_temp.id(1)], '2024-04-30')$$,
                  $$VALUES ('VERN', 6000.0000, 2976.0000)$$, 'as the closings say');
SELECT is((SELECT quantity FROM _portfolio_batch.open_quantity(pg_temp.id(1), :'vern', '2024-04-04')), 60::numeric,
          'sixty are left');
SELECT close_position(pg_temp.id(1), pg_temp.id(11), 400, 115, '2024-04-05') AS event \gset
SELECT results_eq($$SELECT exit_date, exit_price FROM positions WHERE portfolio_id = pg_temp.id(1)$$,
                  $$VALUES ('2024-04-05'::date, 115::numeric)$$, 'the rest of the lot is sold');
SELECT is(pg_temp.run(1, '2024-04-05'), 0::bigint, 'and the night after runs');
SELECT results_eq($$SELECT symbol, quantity FROM positions_asof('2024-04-05', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES ('VERN', 60::float8)$$, 'what was spun off is still held');

-- What the company publishes later about the cost is a correction like any other.
UPDATE corporate_action_legs SET cost_share = 0.2 WHERE symbol = 'PAR';
SELECT is((SELECT sum(r.failed) FROM run_daily_batch('2024-04-04', ARRAY[pg_temp.id(1)], force => true) AS r), 0::numeric,
          'another share of the cost');
SELECT is((SELECT realized FROM pg_temp.books(1, '2024-04-04') LIMIT 1), 2800.0000, 'gives another realized gain: 40 x (150 - 80)');

-- A new name -----------------------------------------------------------------------------------------------------------

-- FAQ becomes FAB on March 1st, and that MET on April 2nd; TWIN has the prices of all three. Each name is adjusted for
-- the dividends that were paid under it: FAB's of 2 % on March 15th, MET's of 1 % on April 15th.
INSERT INTO market_data_cache (symbol, date, close, adj_close)
SELECT n.symbol, s.session_date, s.price,
       s.price * CASE WHEN s.session_date < '2024-03-15' AND n.symbol IN ('TWIN', 'FAB') THEN 0.98 ELSE 1 END
               * CASE WHEN s.session_date < '2024-04-15' AND n.symbol IN ('TWIN', 'MET') THEN 0.99 ELSE 1 END
FROM (SELECT session_date, 200 * exp(sum(0.02 * sin(t * t) + 0.005 * cos(3 * t)) OVER (ORDER BY t)) AS price
      FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS t
            FROM sessions_between('2024-01-02', '2024-04-30')) AS n) AS s
JOIN (VALUES ('TWIN', '-infinity'::date, 'infinity'::date), ('FAQ', '-infinity', '2024-02-29'),
             ('FAB', '2024-03-01', '2024-04-01'), ('MET', '2024-04-02', 'infinity'))
  AS n (symbol, since, until) ON s.session_date BETWEEN n.since AND n.until;
INSERT INTO corporate_actions (symbol, ex_date, kind)
VALUES ('FAQ', '2024-03-01', 'symbol_change'), ('FAB', '2024-04-02', 'symbol_change');
INSERT INTO corporate_action_legs (symbol, ex_date, kind, to_symbol, ratio_numerator)
VALUES ('FAQ', '2024-03-01', 'symbol_change', 'FAB', 1), ('FAB', '2024-04-02', 'symbol_change', 'MET', 1);
SELECT pg_temp.add_portfolio(2, 100000, '2024-03-28');
SELECT pg_temp.add_lot(2, 21, 'FAB', 100, 200, '2024-03-28');
SELECT pg_temp.add_lot(2, 22, 'TWIN', 100, 200, '2024-03-28');
SELECT is(pg_temp.run(2, '2024-04-05'), 0::bigint, 'a book with a new name runs');
-- To a ten-thousandth, which is what allocation may give to either.
SELECT results_eq($$SELECT calculation_date, symbol, round(daily_pnl, 3), market_value FROM position_history
                    WHERE portfolio_id = pg_temp.id(2) AND position_id = pg_temp.id(21) ORDER BY 1$$,
                  $$SELECT calculation_date, CASE WHEN calculation_date < '2024-04-02' THEN 'FAB' ELSE 'MET' END, round(daily_pnl, 3),
                           market_value FROM position_history
                    WHERE portfolio_id = pg_temp.id(2) AND position_id = pg_temp.id(22) ORDER BY 1$$,
                  'the position earns what its twin does, under both names');
SELECT results_eq($$SELECT round(b.beta::numeric, 12), b.observations FROM position_market_betas AS b
                    WHERE b.portfolio_id = pg_temp.id(2) AND b.position_id = pg_temp.id(21) AND b.calculation_date = '2024-04-05'$$,
                  $$SELECT round(b.beta::numeric, 12), b.observations FROM position_market_betas AS b
                    WHERE b.portfolio_id = pg_temp.id(2) AND b.position_id = pg_temp.id(22) AND b.calculation_date = '2024-04-05'$$,
                  'and has its beta: the history of the old name counts');
SELECT is((SELECT observations FROM position_market_betas AS b WHERE b.portfolio_id = pg_temp.id(2)
           AND b.position_id = pg_temp.id(21) AND b.calculation_date = '2024-04-05'), 50, 'of the whole window');
SELECT results_eq('SELECT * FROM symbol_history ORDER BY changed_on',
                  $$VALUES ('FAB', 'FAQ', '2024-03-01'::date, 1::float8, 1::float8), ('MET', 'FAB', '2024-04-02', 1, 1)$$,
                  'symbol_history shows it');
SELECT is((api_position(pg_temp.id(21))->>'open_quantity')::numeric, 100::numeric, 'the position is open for the API');

SELECT is((SELECT round((w.before / w.after)::numeric, 6)
           FROM what_if(pg_temp.id(2), '[{"sell": "MET", "quantity": 100}]', '2024-04-05') AS w
           WHERE w.section = 'exposure' AND w.figure = 'gross' AND w.unit = 'currency'), 2.000000,
          'what_if sells it by its new name, and leaves its twin');

-- A merger, a delisting, a return of capital, a stock dividend -------------------------------------------------------------

SELECT pg_temp.prices('OLD', 48, '2024-03-01', '2024-04-01'), pg_temp.prices('BUYER', 60, '2024-04-02', '2024-04-30'),
       pg_temp.prices('DEAD', 4, '2024-03-01', '2024-04-01'), pg_temp.prices('TRUST', 50, '2024-03-01', '2024-04-01'),
       pg_temp.prices('TRUST', 42, '2024-04-02', '2024-04-30'), pg_temp.prices('GROW', 105, '2024-03-01', '2024-04-01'),
       pg_temp.prices('GROW', 100, '2024-04-02', '2024-04-30') \g /dev/null
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator)
VALUES ('OLD', '2024-04-02', 'merger', NULL, NULL), ('DEAD', '2024-04-02', 'delisting', NULL, NULL),
       ('TRUST', '2024-04-02', 'return_of_capital', NULL, NULL), ('GROW', '2024-04-02', 'stock_dividend', 105, 100);
INSERT INTO corporate_action_legs (symbol, ex_date, kind, leg_no, to_symbol, ratio_numerator, ratio_denominator, cash,
                                   cost_share)
VALUES ('OLD', '2024-04-02', 'merger', 1, 'BUYER', 1, 2, NULL, NULL), ('OLD', '2024-04-02', 'merger', 2, NULL, NULL, NULL, 18, 0.4),
       ('DEAD', '2024-04-02', 'delisting', 1, NULL, NULL, NULL, 0, NULL),
       ('TRUST', '2024-04-02', 'return_of_capital', 1, NULL, NULL, NULL, 8, NULL);
SELECT pg_temp.add_portfolio(3, 100000, '2024-03-28');
SELECT pg_temp.add_lot(3, 31, 'OLD', 100, 40, '2024-03-28');
SELECT pg_temp.add_lot(3, 32, 'DEAD', -1000, 5, '2024-03-28');
SELECT pg_temp.add_lot(3, 33, 'TRUST', 100, 50, '2024-03-28');
SELECT pg_temp.add_lot(3, 34, 'GROW', 100, 105, '2024-03-28');
SELECT is(pg_temp.run(3, '2024-04-03'), 0::bigint, 'a book with all of them runs');
-- OLD: 48 is half of 60 and 18. DEAD, short: 4000 less to owe. The others are fair.
SELECT results_eq('SELECT * FROM pg_temp.books(3, ''2024-04-01'')',
                  $$VALUES ('2024-04-01'::date, 16300.0000, 85500.0000, 0.0000, 0.0000),
                           ('2024-04-02', 17700.0000, 88100.0000, 4000.0000, 5200.0000),
                           ('2024-04-03', 17700.0000, 88100.0000, 0.0000, 0.0000)$$,
                  'cash comes in, and what it exceeds its part of the cost by is realized');
SELECT results_eq($$SELECT symbol, quantity, entry_price, market_value FROM positions_asof('2024-04-03', ARRAY[pg_temp.id(3)])
                    ORDER BY symbol$$,
                  $$VALUES ('BUYER', 50::float8, 48::float8, 3000.0000), ('GROW', 105::float8, 100::float8, 10500.0000),
                           ('TRUST', 100::float8, 42::float8, 4200.0000)$$, 'this is left');
SELECT results_eq($$SELECT id, realized_pnl, market_value FROM positions WHERE portfolio_id = pg_temp.id(3) ORDER BY id$$,
                  $$VALUES (pg_temp.id(31), 200.0000, 3000.0000), (pg_temp.id(32), 5000.0000, 0.0000),
                           (pg_temp.id(33), 0.0000, 4200.0000), (pg_temp.id(34), 0.0000, 10500.0000)$$,
                  'and the positions say so');
SELECT set_eq($$SELECT DISTINCT section, "check", status FROM batch_audit('2024-04-03')
                WHERE section = 'orphans' OR "check" IN ('holdings', 'corporate actions', 'balance')$$,
              $$VALUES ('market data', 'corporate actions', 'green'), ('snapshots', 'balance', 'green'),
                       ('snapshots', 'holdings', 'green'), ('orphans', 'portfolios', 'green'),
                       ('orphans', 'positions', 'green'), ('orphans', 'scenarios', 'green')$$,
              'the audit finds all of it whole');
SELECT is((SELECT h.quantity FROM _portfolio_batch.open_quantity(pg_temp.id(3), pg_temp.id(32), '2024-04-03') AS h), 0::numeric,
          'nothing is left of what was delisted');
SELECT throws_ok($$SELECT close_position(pg_temp.id(3), pg_temp.id(32), 1, 0, '2024-04-03')$$, '22023',
                 format('cannot close 1 of position %s (DEAD): 0 are open on 2024-04-03', pg_temp.id(32)), 'to be closed');

-- Nobody knows from the shares what becomes of contracts.
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date)
VALUES (pg_temp.id(3), pg_temp.id(35), 'OLD C', 'LC', 1, 5, '2024-03-28', 'OLD', 40, '2024-06-21');
SELECT results_eq($$SELECT status, detail FROM batch_audit('2024-04-03') WHERE "check" = 'options on converted shares'$$,
                  $$VALUES ('amber', 'underlying converted since the entry: OLD C; close the lot and enter what it became')$$,
                  'an option on what was converted is named');

-- What cannot be used -----------------------------------------------------------------------------------------------------

INSERT INTO corporate_actions (symbol, ex_date, kind) VALUES ('GROW', '2024-04-03', 'merger');
SELECT results_eq($$SELECT status, detail FROM batch_audit('2024-04-03') WHERE "check" = 'corporate actions' AND entity = 'GROW'$$,
                  $$VALUES ('red', 'without rows of corporate_action_legs: merger on 2024-04-03')$$,
                  'an action without terms is red');
INSERT INTO corporate_action_legs (symbol, ex_date, kind, leg_no, to_symbol, ratio_numerator, cost_share)
VALUES ('GROW', '2024-04-03', 'merger', 1, 'BUYER', 1, 0.5), ('GROW', '2024-04-03', 'merger', 2, 'TRUST', 1, 0.4);
SELECT is((SELECT r.failed FROM run_daily_batch('2024-04-03', ARRAY[pg_temp.id(3)], force => true) AS r WHERE r.failed > 0 LIMIT 1),
          1::bigint, 'costs that do not add up stop the portfolio');
SELECT matches((SELECT string_agg(j.error_message, ' ') FROM batch_jobs AS j WHERE j.portfolio_id = pg_temp.id(3)),
               'corporate_action_legs.cost_share is sum 0.9', 'and are named');
SELECT throws_ok($$INSERT INTO corporate_action_legs (symbol, ex_date, kind, to_symbol, ratio_numerator)
                   VALUES ('NONE', '2024-04-03', 'merger', 'BUYER', 1)$$, '23503', NULL, 'legs belong to an action');

SELECT * FROM finish();
ROLLBACK;
