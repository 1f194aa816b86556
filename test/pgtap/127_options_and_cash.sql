-- Options that split with their underlying, expire and are settled; books with lots from before their inception; what an
-- account is paid and charged. Values by hand.

\ir include/prelude.psql
SELECT plan(48);

CREATE FUNCTION pg_temp.add_option(portfolio integer, n integer, symbol text, type text, contracts numeric, price numeric,
                                   strike numeric, expiration date, underlying text DEFAULT 'UND') RETURNS void
LANGUAGE sql AS $$
  INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                         strike_price, expiration_date)
  VALUES (pg_temp.id(portfolio), pg_temp.id(n), symbol, type, contracts, price, '2024-09-03', underlying, strike, expiration)
$$;
-- Snapshots of a portfolio: date, value of the positions, net asset value, P&L.
CREATE FUNCTION pg_temp.snapshots(portfolio integer, VARIADIC days date[])
RETURNS TABLE (day date, value numeric, equity numeric, pnl numeric) LANGUAGE sql AS $$
  SELECT s.snapshot_date, trim_scale(s.total_market_value), trim_scale(s.total_value), trim_scale(s.daily_pnl)
  FROM portfolio_snapshots AS s WHERE s.portfolio_id = pg_temp.id(portfolio) AND s.snapshot_date = ANY (days) ORDER BY 1
$$;
-- What a settlement changes, without the columns of the batch.
CREATE FUNCTION pg_temp.booked() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'lots', (SELECT jsonb_agg(to_jsonb(p) - '{updated_at,last_price,last_price_date,market_value,unrealized_pnl,
                                                         realized_pnl}'::text[] ORDER BY p.id) FROM positions AS p),
    'closings', (SELECT jsonb_agg(e ORDER BY e.id) FROM position_realized_events AS e))
$$;

INSERT INTO market_data_cache (symbol, date, close)
SELECT 'SPY', d, 500 FROM sessions_between('2024-09-03', '2024-11-29') AS t (d);

-- Splits of the underlying ----------------------------------------------------------------------------------------------

-- 4:1 on September 5: five calls struck at 400 are twenty at 100. 3:2 on the 6th: a contract delivers 150 shares.
SELECT pg_temp.add_portfolio(1, 100000, '2024-09-03');
SELECT pg_temp.add_portfolio(2, 100000, '2024-09-03');
SELECT pg_temp.add_option(1, 11, 'U C400', 'LC', 5, 20, 400, '2025-01-17', 'U');
SELECT pg_temp.add_option(2, 12, 'U C400 adj', 'LC', 5, 20, 400, '2025-01-17', 'U');
INSERT INTO market_data_cache (symbol, date, close) VALUES
  ('U', '2024-09-03', 400), ('U', '2024-09-04', 400), ('U', '2024-09-05', 100), ('U', '2024-09-06', 66.6666666666667);
INSERT INTO market_data_cache (symbol, date, close)
SELECT s, d, CASE d WHEN '2024-09-05' THEN 5 WHEN '2024-09-06' THEN 5 / 1.5 ELSE 20 END
FROM sessions_between('2024-09-03', '2024-09-06') AS t (d), unnest('{U C400,U C400 adj}'::text[]) AS s;
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator) VALUES
  ('U', '2024-09-05', 'split', 4, NULL), ('U C400 adj', '2024-09-05', 'split', 4, NULL), ('U', '2024-09-06', 'split', 3, 2);
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta)
SELECT portfolio_id, id, d, 0.5 FROM positions, sessions_between('2024-09-03', '2024-09-06') AS t (d);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-06') \gset
SELECT results_eq(format('SELECT day, round(value, 2), round(pnl, 2) FROM pg_temp.snapshots(%s, ''2024-09-04'', ''2024-09-05'', ''2024-09-06'')', n),
                  $$VALUES ('2024-09-04'::date, 10000.00, 0.00), ('2024-09-05', 10000.00, 0.00), ('2024-09-06', 10000.00, 0.00)$$,
                  'splits of the underlying are no P&L of an option, ' || what)
FROM (VALUES (1, 'whose own symbol has none'), (2, 'nor where its own symbol has one of them as well')) AS b (n, what);
SELECT results_eq($$SELECT h.calculation_date, h.quantity, round(h.market_value, 2) FROM position_history AS h
                    WHERE portfolio_id = pg_temp.id(1) ORDER BY 1$$,
                  $$VALUES ('2024-09-03'::date, 5::numeric, 10000.00), ('2024-09-04', 5, 10000.00), ('2024-09-05', 20, 10000.00),
                           ('2024-09-06', 20, 10000.00)$$, 'four contracts for one, and as many after 3:2');
SELECT is((SELECT array_agg(round(e::numeric, 4)) FROM portfolio_holdings AS h, unnest(h.exposures) AS e
           WHERE h.portfolio_id IN (pg_temp.id(1), pg_temp.id(2))), array_fill(100000.0000, ARRAY[8]),
          'exposure by delta is the same before and after');
SELECT results_eq($$SELECT trim_scale(round(gross_delta_exposure, 2)), trim_scale(round(net_delta_exposure, 2)), trim_scale(round(gross_exposure, 2))
                    FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1) AND snapshot_date = '2024-09-05'$$,
                  $$VALUES (100000::numeric, 100000::numeric, 10000::numeric)$$, 'the snapshot shows it beside the market value');
SELECT results_eq($$SELECT (a ->> 'open_quantity')::numeric, (a ->> 'strike_price')::numeric, (a ->> 'contract_multiplier')::numeric
                    FROM api_position(pg_temp.id(11)) AS a$$, $$VALUES (20::numeric, round(400 / 6.0, 12), 150::numeric)$$,
                  'the interface shows contracts, strike and multiplier of the day');
SELECT results_eq($$SELECT quantity, contract_multiplier, entry_price FROM positions_asof('2024-09-06', portfolio_id => pg_temp.id(1))$$,
                  $$VALUES (20::float8, 150::float8, 20 / 6::float8)$$, 'and so does positions_asof');
SELECT is((SELECT count(*) FROM close_position(pg_temp.id(1), pg_temp.id(11), 20, 4, '2024-09-06')), 1::bigint, 'all of it is sold');
SELECT count(*) AS phases FROM run_daily_batch('2024-09-06', ARRAY[pg_temp.id(1)], force => true) \gset
SELECT is((SELECT trim_scale(cumulative_realized_pnl) FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1)
             AND snapshot_date = '2024-09-06'), 2000::numeric, '20 contracts of 150 shares bring 4 a share, and cost 3.33');
SELECT is((SELECT trim_scale(round(realized_pnl, 2)) FROM _portfolio_batch.closings(ARRAY[pg_temp.id(1)], '2024-09-06')), 2000::numeric,
          'which closings tells likewise');

-- Expiry ------------------------------------------------------------------------------------------------------------------

-- UND is at 100 on September 20. A call at 110 and a put at 90 lapse; a call at 80 and a put at 110 do not.
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'UND', d, CASE WHEN d <= '2024-09-20' THEN 100 ELSE 150 END FROM sessions_between('2024-09-03', '2024-11-29') AS t (d);
INSERT INTO market_data_cache (symbol, date, close)
SELECT s, d, 0.35 FROM sessions_between('2024-09-03', '2024-09-19') AS t (d), unnest('{UND C110,UND P90,UND C80,UND P110}'::text[]) AS s;
SELECT lives_ok($$INSERT INTO market_data_cache (symbol, date, close) VALUES ('UND P90', '2024-09-18', 0)
                  ON CONFLICT (symbol, date) DO UPDATE SET close = 0$$, 'a worthless option can be stored');
SELECT pg_temp.add_portfolio(3, 100000, '2024-09-03');
SELECT pg_temp.add_option(3, 31, 'UND C110', 'LC', 10, 2.5, 110, '2024-09-20');
SELECT pg_temp.add_option(3, 32, 'UND P90', 'SP', -1, 3, 90, '2024-09-20');
SELECT pg_temp.add_portfolio(4, 100000, '2024-09-03');
SELECT pg_temp.add_option(4, 41, 'UND C80', 'LC', 2, 15, 80, '2024-09-20');
SELECT pg_temp.add_option(4, 42, 'UND P110', 'SP', -1, 3, 110, '2024-09-20');
SELECT pg_temp.add_option(4, 43, 'UND C80', 'SC', -3, 15, 80, '2024-09-20');
SELECT pg_temp.add_lot(4, 44, 'UND', 120, 90, '2024-09-03');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-11-29') \gset
SELECT results_eq($$SELECT * FROM pg_temp.snapshots(3, '2024-09-17', '2024-09-18', '2024-09-19', '2024-09-20', '2024-09-23', '2024-11-29')$$,
                  $$VALUES ('2024-09-17'::date, 315::numeric, 98115::numeric, 0::numeric), ('2024-09-18', 350, 98150, 35),
                           ('2024-09-19', 315, 98115, -35), ('2024-09-20', 0, 97800, -315), ('2024-09-23', 0, 97800, 0),
                           ('2024-11-29', 0, 97800, 0)$$, 'options out of the money are worth 0 from their expiration on');
-- 2 x 100 x 20 - 100 x 10 - 3 x 100 x 20 + 120 x 100 = 9,000 on the day, and only the shares move after it.
SELECT results_eq($$SELECT day, value, pnl FROM pg_temp.snapshots(4, '2024-09-20', '2024-09-23', '2024-11-29')$$,
                  $$VALUES ('2024-09-20'::date, 9000::numeric, -2930::numeric), ('2024-09-23', 15000, 6000), ('2024-11-29', 15000, 0)$$,
                  'those in the money at their intrinsic value of that day, for good');
SELECT results_eq($$SELECT p.symbol, h.price, h.price_date, h.reason FROM position_history AS h JOIN positions AS p ON p.id = h.position_id
                    WHERE h.calculation_date = '2024-11-29' AND h.portfolio_id = pg_temp.id(3) ORDER BY 1$$,
                  $$VALUES ('UND C110', 0::numeric, '2024-09-20'::date, 'expired'), ('UND P90', 0, '2024-09-20', 'expired')$$, 'with the reason');
SELECT results_eq($$SELECT DISTINCT price_quality FROM positions_asof('2024-10-01', portfolio_id => pg_temp.id(3))$$, $$VALUES ('expired')$$,
                  'and the quality');
SELECT is((SELECT array_agg(ROW(stale_prices, unpriced_positions)::text) FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(3)
             AND snapshot_date = '2024-11-29'), '{"(0,0)"}'::text[], 'nothing about it is stale');
SELECT is_empty($$SELECT * FROM missing_prices('2024-09-23', '2024-09-27', portfolio_id => pg_temp.id(3)) WHERE symbol ~ '^UND [CP]'$$,
                'no price of theirs is wanted any more');
SELECT results_eq($$SELECT DISTINCT symbol FROM missing_prices('2024-09-19', '2024-09-23', portfolio_id => pg_temp.id(3)) WHERE symbol ~ 'UND'$$,
                  ARRAY[]::text[], 'and those of their last days were there');
SELECT ok((SELECT bool_or("check" = 'expired options' AND status = 'amber' AND detail ~ 'UND C110.*UND P90.*settle_expired_options')
           FROM batch_audit('2024-11-29', portfolio_id => pg_temp.id(3))), 'the audit asks for them to be booked');
SELECT ok((SELECT NOT ok AND detail ~ 'UND C110' FROM batch_preflight('2024-11-29') WHERE check_name = 'expired options'), 'preflight too');

CREATE TEMP TABLE before_settling AS SELECT pg_temp.booked() AS state;
CREATE TEMP TABLE settled AS SELECT * FROM settle_expired_options('2024-11-29');
SELECT results_eq($$SELECT position_id, outcome, contracts, strike_price, underlying_price, shares FROM settled ORDER BY 1$$,
                  $$VALUES (pg_temp.id(31), 'lapsed', 10::numeric, 110::numeric, 100::float8, NULL::numeric),
                           (pg_temp.id(32), 'lapsed', -1, 90, 100, NULL), (pg_temp.id(41), 'exercised', 2, 80, 100, 200),
                           (pg_temp.id(42), 'assigned', -1, 110, 100, 100), (pg_temp.id(43), 'assigned', -3, 80, 100, -300)$$,
                  'what becomes of each');
-- In the order of the symbols: exercise buys 200 at 80, assignment of the calls sells 120 + 180, of the put buys 100 at 110.
SELECT results_eq($$SELECT symbol, position_type, quantity, entry_price, entry_date, exit_price FROM positions
                    WHERE settles IS NOT NULL ORDER BY entry_price, quantity$$,
                  $$VALUES ('UND', 'LONG', 200::numeric, 80::numeric, '2024-09-20'::date, NULL::numeric), ('UND', 'LONG', 100, 110, '2024-09-20', NULL)$$,
                  'shares that were bought at the strike');
SELECT results_eq($$SELECT position_id = pg_temp.id(44), quantity_closed, exit_price FROM position_realized_events
                    WHERE settles = pg_temp.id(43) AND position_id <> pg_temp.id(43) ORDER BY 1 DESC$$,
                  $$VALUES (true, 120::numeric, 80::numeric), (false, 180, 80)$$, 'sold are the oldest lots');
SELECT is_empty($$SELECT * FROM settle_expired_options('2024-11-29')$$, 'nothing is settled twice');
-- What a book is computed from does not depend on who else is computed: its options are closed, and nobody but the other
-- book reads the prices of their underlying.
CREATE FUNCTION pg_temp.digest_with(VARIADIC portfolios integer[]) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM run_daily_batch('2024-11-29', ARRAY(SELECT pg_temp.id(n) FROM unnest(portfolios) AS n), force => true);
  SELECT input_digest FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(3) AND snapshot_date = '2024-11-29'
$$;
SELECT is(pg_temp.digest_with(3), pg_temp.digest_with(3, 4), 'a book has the same digest alone and beside another');
CREATE TEMP TABLE by_intrinsic AS SELECT * FROM pg_temp.snapshots(4, VARIADIC ARRAY(SELECT d FROM sessions_between('2024-09-03', '2024-09-20') AS t (d)));
SELECT count(*) AS phases FROM create_portfolio_snapshots('2024-09-03') \gset
SELECT results_eq('SELECT day, equity, pnl FROM by_intrinsic', $$SELECT day, equity, pnl FROM
                  pg_temp.snapshots(4, VARIADIC ARRAY(SELECT d FROM sessions_between('2024-09-03', '2024-09-20') AS t (d)))$$,
                  'settling changes no net asset value up to the expiration');
SELECT results_eq($$SELECT * FROM pg_temp.snapshots(4, '2024-09-20', '2024-09-23')$$,
                  $$SELECT '2024-09-20'::date, 12000::numeric, equity, pnl FROM by_intrinsic WHERE day = '2024-09-20'
                    UNION ALL SELECT '2024-09-23', 18000, equity + 6000, 6000 FROM by_intrinsic WHERE day = '2024-09-20'$$,
                  '120 shares are left, which move on');
SELECT pg_temp.raises(format('SELECT * FROM undo_settlement(%s)', arguments), state, message, '%', '%', message)
FROM (VALUES ('NULL, NULL', '22023', 'undo_settlement needs a portfolio and a position'),
             ('pg_temp.id(4), pg_temp.id(44)', '42704', '% was not settled'),
             ('pg_temp.id(4), pg_temp.id(41)', '55000', 'the settlement of position % cannot be undone: shares that it delivered were sold'))
     AS b (arguments, state, message);
SELECT results_eq($$SELECT l.n, u.* FROM unnest('{43,42,41,32,31}'::integer[]) WITH ORDINALITY AS l (n, place),
                         undo_settlement(pg_temp.id(CASE WHEN l.n < 40 THEN 3 ELSE 4 END), pg_temp.id(l.n)) AS u ORDER BY place, 2 DESC$$,
                  $$VALUES (43, 'positions', 0::bigint), (43, 'position_realized_events', 3), (42, 'positions', 1), (42, 'position_realized_events', 1),
                           (41, 'positions', 1), (41, 'position_realized_events', 1), (32, 'positions', 0), (32, 'position_realized_events', 1),
                           (31, 'positions', 0), (31, 'position_realized_events', 1)$$, 'one call takes a settlement back');
SELECT is(pg_temp.booked(), (SELECT state FROM before_settling), 'and the books are as before');
SELECT results_eq($$SELECT outcome, shares FROM settle_expired_options('2024-11-29', cash_settled => '{UND}', portfolio_id => pg_temp.id(4)) ORDER BY contracts$$,
                  $$VALUES ('paid in cash', NULL::numeric), ('paid in cash', NULL), ('paid in cash', NULL)$$, 'some options pay cash');
SELECT is((SELECT array_agg(trim_scale(exit_price) ORDER BY exit_price) FROM position_realized_events WHERE portfolio_id = pg_temp.id(4)),
          '{10,20,20}'::numeric[], 'their intrinsic value');
SELECT pg_temp.raises($$SELECT * FROM settle_expired_options(portfolio_ids => '{}', portfolio_id => pg_temp.id(3))$$, '22023', '%', '%', '%', 'both given');
DELETE FROM market_data_cache WHERE symbol = 'UND' AND date BETWEEN '2024-09-01' AND '2024-09-20';
SELECT results_eq($$SELECT DISTINCT outcome FROM settle_expired_options('2024-11-29', portfolio_id => pg_temp.id(3))$$,
                  $$VALUES ('not settled: no price of the underlying, or no strike')$$, 'where nobody can tell, nothing is booked');

-- Lots from before the inception ----------------------------------------------------------------------------------------

-- Worth 496,000 at the close of August 30: 100,000 cash and 4,000 shares at 99, bought for 37.50.
SELECT pg_temp.add_portfolio(5, 496000, '2024-09-03');
SELECT pg_temp.add_lot(5, 51, 'OLD', 4000, 37.5, '2019-05-06');
SELECT pg_temp.add_prices('OLD', '2024-08-30', '{99,100,101,101}');
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date) VALUES (pg_temp.id(5), 'CONTRIBUTION', 7777, '2024-08-30'),
                                                                                    (pg_temp.id(5), 'CONTRIBUTION', 1000, '2024-09-01');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-05', ARRAY[pg_temp.id(5)]) \gset
SELECT results_eq($$SELECT snapshot_date, trim_scale(cash_value), trim_scale(total_value), trim_scale(daily_pnl), trim_scale(ytd_pnl),
                           trim_scale(daily_capital_flow)
                    FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(5) ORDER BY 1$$,
                  $$VALUES ('2024-09-03'::date, 101000::numeric, 501000::numeric, 4000::numeric, 4000::numeric, 1000::numeric),
                           ('2024-09-04', 101000, 505000, 4000, 8000, 0), ('2024-09-05', 101000, 505000, 0, 8000, 0)$$,
                  'the first day shows the P&L of that day; what was paid in on the last session before is in the equity already');
SELECT results_eq($$SELECT "check", status FROM batch_audit('2024-09-05', portfolio_id => pg_temp.id(5))
                    WHERE section = 'snapshots' AND "check" IN ('values at inception', 'flows before inception', 'capital flows', 'reconciliation')
                      AND status <> 'grey' ORDER BY 1$$,
                  $$VALUES ('capital flows', 'green'), ('flows before inception', 'amber'), ('reconciliation', 'green'),
                           ('values at inception', 'green')$$, 'the audit says so');
DELETE FROM market_data_cache WHERE symbol = 'OLD' AND date = '2024-08-30';
SELECT ok((SELECT bool_or("check" = 'values at inception' AND status = 'amber' AND detail ~ '2024-08-30.*OLD')
           FROM batch_audit('2024-09-05', portfolio_id => pg_temp.id(5))), 'a lot without a price of that day is named');
SELECT ok((SELECT NOT ok AND detail ~ 'OLD on 2024-08-30' FROM batch_preflight('2024-09-05') WHERE check_name = 'values at inception'),
          'by preflight too');

-- Cash events -----------------------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(6, 10000, '2024-09-03');
SELECT pg_temp.add_lot(6, 61, 'PAYS', 100, 50, '2024-09-03');
SELECT pg_temp.add_prices('PAYS', '2024-09-03', '{50,50,49.5,49.5,49.5,49.5}');
INSERT INTO corporate_actions (symbol, ex_date, kind, amount) VALUES ('PAYS', '2024-09-05', 'dividend', 0.5);
INSERT INTO cash_events (portfolio_id, kind, amount, event_date, symbol, position_id) VALUES
  (pg_temp.id(6), 'DIVIDEND', 49, '2024-09-09', 'PAYS', NULL), (pg_temp.id(6), 'WITHHOLDING', -7.5, '2024-09-09', NULL, pg_temp.id(61)),
  (pg_temp.id(6), 'FEE', -20, '2024-09-04', NULL, NULL), (pg_temp.id(6), 'INTEREST', 3, '2024-09-07', NULL, NULL);
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-10', ARRAY[pg_temp.id(6)]) \gset
SELECT results_eq($$SELECT snapshot_date, trim_scale(daily_pnl), trim_scale(cumulative_dividends), trim_scale(cumulative_cash_pnl),
                           trim_scale(cumulative_fees), round(daily_return::numeric, 8), round(gross_return::numeric, 8)
                    FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(6) AND snapshot_date <= '2024-09-09' ORDER BY 1$$,
                  $$VALUES ('2024-09-03'::date, 0::numeric, 0::numeric, 0::numeric, 0::numeric, 0.00000000, 0.00000000),
                           ('2024-09-04', -20, 0, -20, -20, -0.00200000, 0.00000000), ('2024-09-05', 0, 50, -20, -20, 0, 0),
                           ('2024-09-06', 0, 50, -20, -20, 0, 0),
                           ('2024-09-09', -5.5, 49, -24.5, -20, round(-5.5 / 9980, 8), round(-5.5 / 9980, 8))$$,
                  'a dividend counts once, on its ex-date, and fees lower the return after fees only');
SELECT is((SELECT trim_scale(unallocated_pnl) FROM portfolio_holdings WHERE portfolio_id = pg_temp.id(6) AND calculation_date = '2024-09-09'),
          2::numeric, 'what belongs to no lot is told apart: 3 of interest and 1 less of a dividend');
SELECT results_eq($$SELECT kind, trim_scale(amount) FROM pnl_by_kind('2024-09-03', '2024-09-10', portfolio_id => pg_temp.id(6))$$,
                  $$VALUES ('PRICE', -50::numeric), ('DIVIDEND', 49), ('FEE', -20), ('INTEREST', 3), ('WITHHOLDING', -7.5), ('TOTAL', -25.5)$$,
                  'P&L by kind adds up');
SELECT throws_ok(format('INSERT INTO cash_events (portfolio_id, kind, amount, event_date, ex_date) VALUES (pg_temp.id(6), %s, ''2024-09-09'', %s)', row, ex), '23514', NULL,
                 'refused: ' || row || ' ' || ex)
FROM (VALUES ('''DIVIDEND'', 1', 'NULL'), ('''FEE'', 1', '''2024-09-05'''), ('''FEE'', 0', 'NULL'), ('''GIFT'', 1', 'NULL')) AS b (row, ex);

-- Small prices and large quantities ---------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(7, 10000, '2024-09-03');
SELECT pg_temp.add_lot(7, 71, 'TINY', 123456789.123456789012, 0.00000823, '2024-09-03');
SELECT pg_temp.add_prices('TINY', '2024-09-03', '{0.00000823,0.00000824}');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-09-04', ARRAY[pg_temp.id(7)]) \gset
SELECT results_eq($$SELECT quantity, entry_price, last_price, trim_scale(market_value) FROM positions WHERE id = pg_temp.id(71)$$,
                  $$VALUES (123456789.123456789012, 0.00000823, 0.00000824, 1017.2839)$$, 'what is entered is kept');

SELECT * FROM finish();
ROLLBACK;
