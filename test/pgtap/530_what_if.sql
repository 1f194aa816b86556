-- what_if: risk before and after some trades. The figures before are those that the batch stored, those after are those of
-- a copy of the portfolio in which the trades were really entered, and nothing stays.

\ir include/prelude.psql
SELECT plan(52);

\set factor_market_from 2023-06-01
\set factor_market_to 2024-07-15
\set factor_market_sessions 200
\set factor_market_symbols '(''AAA'', 1.3, 1.37), (''BBB'', 0.6, 1.61), (''CCC'', 0.9, 1.87), (''DDD'', 1.5, 2.03)'
\ir include/factor_market.psql
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', 'Energy'), ('BBB', 'Utilities'), ('CCC', 'Energy');

-- Two lots of AAA, one of BBB, a short one of CCC, a call on BBB with a delta, a private asset.
CREATE FUNCTION pg_temp.add_book(n integer) RETURNS void LANGUAGE sql AS $$
  SELECT pg_temp.add_portfolio(n, 100000, '2024-07-10');
  SELECT pg_temp.add_lot(n, 10 * n + 1, 'AAA', 100, 90, '2024-07-10'),
         pg_temp.add_lot(n, 10 * n + 2, 'AAA', 50, 95.5, '2024-07-11'),
         pg_temp.add_lot(n, 10 * n + 3, 'BBB', 200, 100, '2024-07-10'),
         pg_temp.add_lot(n, 10 * n + 4, 'CCC', -80, 100, '2024-07-10'),
         pg_temp.add_lot(n, 10 * n + 6, 'HOUSE', 1, 5000, '2024-07-10', investment_class => 'PRIVATE');
  INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date,
                         underlying_symbol, strike_price, expiration_date, contract_multiplier, investment_class)
  VALUES (pg_temp.id(n), pg_temp.id(10 * n + 5), 'BBB240920C00100000', 'LC', 2, 5, '2024-07-11', 'BBB', 100,
          '2024-09-20', 100, 'OPTIONS');
  INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, gamma, theta, vega,
                               implied_volatility)
  VALUES (pg_temp.id(n), pg_temp.id(10 * n + 5), '2024-07-12', 0.5, 0.02, -0.05, 0.12, 0.25);
$$;
SELECT pg_temp.add_book(n) FROM generate_series(1, 4) AS n \g /dev/null
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-12')), 0::numeric, 'the books are run');

CREATE FUNCTION pg_temp.figures(n integer, day date DEFAULT '2024-07-12')
RETURNS TABLE (section text, figure text, unit text, value float8) LANGUAGE sql AS $$
  SELECT section, figure, unit, value FROM _portfolio_batch.what_if_figures(pg_temp.id(n), day)
$$;
CREATE TEMP VIEW everything AS
SELECT * FROM pg_temp.contents(kinds => '{input,market,definition,tag,result,log}') WHERE relation <> 'trading_calendar';
CREATE TEMP TABLE untouched AS SELECT * FROM everything;

-- Nothing changes ----------------------------------------------------------------------------------------------------

CREATE TEMP TABLE nothing AS SELECT * FROM what_if(pg_temp.id(1), '[]', '2024-07-12');
SELECT results_eq('SELECT section, figure, unit, before FROM nothing ORDER BY 1, 2, 3',
                  'SELECT * FROM pg_temp.figures(1) ORDER BY 1, 2, 3', 'before is what the batch stored');
SELECT is_empty('SELECT * FROM nothing WHERE before IS DISTINCT FROM after OR change <> 0',
                'without changes after is before, to the last bit');
SELECT set_eq('SELECT * FROM everything', 'SELECT * FROM untouched', 'and nothing is written');
SELECT results_eq('SELECT * FROM what_if(pg_temp.id(1), ''[]'')', 'TABLE nothing',
                  'the date is that of the newest snapshot when none is given');
-- The figures against the tables, not by the function that reads them.
SELECT results_eq($$SELECT figure, before FROM nothing WHERE section = 'value' ORDER BY 1$$,
                  $$SELECT v.* FROM portfolio_snapshots AS s, LATERAL (VALUES
                      ('cash', s.cash_value::float8), ('market_value', s.total_market_value),
                      ('net_asset_value', s.total_value)) AS v
                    WHERE portfolio_id = pg_temp.id(1) AND snapshot_date = '2024-07-12' ORDER BY 1$$, 'values');
SELECT results_eq($$SELECT figure, before FROM nothing WHERE section = 'exposure' AND unit = 'currency' ORDER BY 1$$,
                  $$SELECT v.* FROM portfolio_snapshots AS s, LATERAL (VALUES
                      ('gross', s.gross_exposure::float8), ('long', s.total_long), ('net', s.net_exposure),
                      ('short', s.total_short)) AS v
                    WHERE portfolio_id = pg_temp.id(1) AND snapshot_date = '2024-07-12' ORDER BY 1$$,
                  'exposures by market value');
SELECT ok((SELECT pg_temp.near(n.before, s.of_lots, 1e-12) AND pg_temp.near(o.before, s.of_lots / s.nav, 1e-12)
           FROM nothing AS n, nothing AS o,
                (SELECT sum(abs(COALESCE(p.exposure, p.market_value::float8))) AS of_lots,
                        (SELECT total_value::float8 FROM portfolio_snapshots
                         WHERE portfolio_id = pg_temp.id(1) AND snapshot_date = '2024-07-12') AS nav
                 FROM positions_asof('2024-07-12', portfolio_id => pg_temp.id(1)) AS p) AS s
           WHERE (n.section, n.figure, n.unit) = ('exposure by delta', 'gross', 'currency')
             AND (o.section, o.figure, o.unit) = ('exposure by delta', 'gross', 'of equity')),
          'by delta an option counts with its underlying');
SELECT results_eq($$SELECT figure, before FROM nothing WHERE section = 'stress tests' ORDER BY 1$$,
                  $$SELECT scenario_id || v.of, v.pnl FROM stress_test_results AS r, LATERAL (VALUES
                      (' direct', r.direct_pnl::float8), (' correlated', r.correlated_pnl)) AS v (of, pnl)
                    WHERE portfolio_id = pg_temp.id(1) AND calculation_date = '2024-07-12' ORDER BY 1$$,
                  'each stress test, direct and correlated');
SELECT results_eq($$SELECT figure, unit, before FROM nothing WHERE section = 'factors' ORDER BY 1, 2$$,
                  $$SELECT model || ' ' || factor, v.unit, v.value FROM portfolio_factor_exposures AS e, LATERAL (VALUES
                      ('beta', e.exposure_value), ('currency', e.exposure_dollar::float8)) AS v (unit, value)
                    WHERE portfolio_id = pg_temp.id(1) AND calculation_date = '2024-07-12' AND factor <> 'specific'
                      AND (model, factor) <> ('rate', 'market') ORDER BY 1, 2$$,
                  'market, rate, seven ridge and five spread exposures');
SELECT is((SELECT count(*) FROM nothing WHERE section = 'factors'), 28::bigint, 'as weight and in currency');
SELECT results_eq($$SELECT DISTINCT section FROM nothing ORDER BY 1$$,
                  $$VALUES ('concentration'), ('correlations'), ('exposure'), ('exposure by delta'), ('factors'),
                           ('greeks'), ('sectors'), ('stress tests'), ('value'), ('volatility')$$, 'all sections');
SELECT is_empty('SELECT * FROM nothing WHERE (before IS NULL OR after IS NULL) AND reason IS NULL',
                'a figure that is missing has a reason');

-- Trades -------------------------------------------------------------------------------------------------------------

-- Buys 30 AAA at the close and 120 CCC, of which 80 close the short; sells 120 BBB at 101.25 and one of two calls at 6;
-- a quarter in SPY, which is new; takes out 10,000.
\set trades '[{"buy": "AAA", "quantity": 30}, {"buy": "CCC", "quantity": 120}, {"sell": "BBB", "quantity": 120, "price": 101.25}, {"sell": "BBB240920C00100000", "quantity": 1, "price": 6}, {"set_weight": "SPY", "weight": 0.25}, {"cash": -10000}]'
CREATE TEMP TABLE traded AS SELECT * FROM what_if(pg_temp.id(1), :'trades', '2024-07-12');
SELECT set_eq('SELECT * FROM everything', 'SELECT * FROM untouched', 'trades leave nothing either');
SELECT results_eq($$SELECT section, figure, unit, before FROM traded WHERE figure !~ '^Unmapped' ORDER BY 1, 2, 3$$,
                  'SELECT * FROM pg_temp.figures(1) ORDER BY 1, 2, 3', 'before is the same');
CREATE FUNCTION pg_temp.close_of(wanted text) RETURNS numeric LANGUAGE sql AS $$
  SELECT close::numeric FROM market_data_cache WHERE symbol = wanted AND date = '2024-07-12'
$$;
-- The copy: the same trades by hand.
SELECT total_value AS nav FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(2) AND snapshot_date = '2024-07-12' \gset
SELECT pg_temp.add_lot(2, 201, 'AAA', 30, pg_temp.close_of('AAA'), '2024-07-12'),
       close_position(pg_temp.id(2), pg_temp.id(24), 80, pg_temp.close_of('CCC'), '2024-07-12'),
       pg_temp.add_lot(2, 202, 'CCC', 40, pg_temp.close_of('CCC'), '2024-07-12'),
       close_position(pg_temp.id(2), pg_temp.id(23), 120, 101.25, '2024-07-12'),
       close_position(pg_temp.id(2), pg_temp.id(25), 1, 6, '2024-07-12'),
       pg_temp.add_lot(2, 203, 'SPY', round(0.25 * (:nav - 10000) / pg_temp.close_of('SPY'), 12),
                       pg_temp.close_of('SPY'), '2024-07-12') \g /dev/null
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(2), 'WITHDRAWAL', 10000, '2024-07-12');
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-12', ARRAY[pg_temp.id(2)])), 0::numeric, 'a copy is traded');
-- Lots have other identifiers here, and are added up in another order.
CREATE FUNCTION pg_temp.differing(asked regclass, n integer)
RETURNS TABLE (section text, figure text, unit text, after float8, wanted float8) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT section, figure, unit, a.after, w.value FROM %s AS a FULL JOIN pg_temp.figures($1) AS w '
    'USING (section, figure, unit) WHERE NOT pg_temp.near(a.after, w.value, 1e-11) AND abs(a.after - w.value) > 1e-9 '
    'OR (a.after IS NULL) <> (w.value IS NULL)', asked) USING n;
END $$;
SELECT is_empty($$SELECT * FROM pg_temp.differing('traded', 2)$$,
                  'after is what the batch computes of the copy with the trades in it');
SELECT ok((SELECT count(*) > 60 FROM traded WHERE change <> 0), 'and most of it is something else than before');
SELECT is_empty($$SELECT * FROM traded WHERE abs(change - (after - before)) > 1e-4
                     OR (change IS NULL) <> (before IS NULL OR after IS NULL)$$, 'change is the difference');
-- Paid from cash: the value changes by the withdrawal, and by what the given prices differ from the marks.
SELECT ok((SELECT abs(change - (-10000 + 120 * (101.25 - pg_temp.close_of('BBB')) + 100 * (6 - 5))) < 0.001 FROM traded
           WHERE figure = 'net_asset_value'), 'the net asset value moves by flow and by the price of the trades');
SELECT ok((SELECT abs(after / (SELECT before - 10000 FROM traded WHERE figure = 'net_asset_value') - 0.25) < 1e-6
           FROM (SELECT sum(quantity * pg_temp.close_of('SPY'))::float8 AS after FROM positions
                 WHERE portfolio_id = pg_temp.id(2) AND symbol = 'SPY') AS q), 'a quarter is one of what is left');
SELECT results_eq($$SELECT figure, before, round(after::numeric, 3), reason FROM traded WHERE figure ~ '^Unmapped'
                    ORDER BY 1$$,
                  $$VALUES ('Unmapped gross', 0::float8, 0.250, NULL), ('Unmapped net', 0, 0.250, NULL)$$,
                  'a sector that is new has a weight of 0 before');

-- Sales of the oldest lots first, a weight of 0, and one below.
CREATE TEMP TABLE turned AS SELECT * FROM what_if(pg_temp.id(3), '[{"sell": "AAA", "quantity": 120},
  {"set_weight": "BBB", "weight": -0.1}, {"set_weight": "CCC", "weight": 0}]', '2024-07-12');
SELECT total_value AS nav FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(3) AND snapshot_date = '2024-07-12' \gset
SELECT close_position(pg_temp.id(3), pg_temp.id(31), 100, pg_temp.close_of('AAA'), '2024-07-12'),
       close_position(pg_temp.id(3), pg_temp.id(32), 20, pg_temp.close_of('AAA'), '2024-07-12'),
       close_position(pg_temp.id(3), pg_temp.id(33), 200, pg_temp.close_of('BBB'), '2024-07-12'),
       pg_temp.add_lot(3, 301, 'BBB', round(-0.1 * :nav / pg_temp.close_of('BBB'), 12),
                       pg_temp.close_of('BBB'), '2024-07-12'),
       close_position(pg_temp.id(3), pg_temp.id(34), 80, pg_temp.close_of('CCC'), '2024-07-12') \g /dev/null
SELECT count(*) FROM run_daily_batch('2024-07-12', ARRAY[pg_temp.id(3)]) \g /dev/null
SELECT is_empty($$SELECT * FROM pg_temp.differing('turned', 3) WHERE after IS DISTINCT FROM 0$$,
                  'the oldest lots are sold first, and a negative weight goes short');
SELECT ok((SELECT abs(change) < 0.0002 FROM turned WHERE figure = 'net_asset_value'),
          'at the prices of the date trades leave the net asset value alone');

-- After 3:2 a contract delivers 150 shares, and so does one that is bought. A millionth is a price.
SELECT pg_temp.add_portfolio(7, 100000, '2024-07-10') \g /dev/null
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date)
VALUES (pg_temp.id(7), pg_temp.id(71), 'SPL240920C00090000', 'LC', 2, 7.5, '2024-07-10', 'SPL', 90, '2024-09-20');
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator)
VALUES ('SPL', '2024-07-11', 'split', 3, 2);
INSERT INTO market_data_cache (symbol, date, close)
SELECT p.symbol, d.day, CASE WHEN d.day < '2024-07-11' THEN p.before ELSE p.after END
FROM (VALUES ('SPL', 90, 60), ('SPL240920C00090000', 7.5, 5), ('DUST', 0.0000012345678, 0.0000012345678))
       AS p (symbol, before, after)
CROSS JOIN sessions_between('2024-07-10', '2024-07-12') AS d (day);
SELECT results_eq($$SELECT figure, round(before::numeric, 4), round(change::numeric, 4) FROM what_if(pg_temp.id(7),
                      '[{"buy": "SPL240920C00090000", "quantity": 1}, {"buy": "DUST", "quantity": 1e8}]', '2024-07-12')
                    WHERE section = 'value' ORDER BY 1$$,
                  $$VALUES ('cash', 98500.0000, -873.4568), ('market_value', 1500.0000, 873.4568),
                           ('net_asset_value', 100000.0000, 0.0000)$$,
                  'a contract is one of the day, and a small price is not rounded away');
SELECT _portfolio_batch.enter_trade(pg_temp.id(7), 'SPL240920C00090000', -3, 5, '2024-07-12') \g /dev/null
SELECT results_eq($$SELECT position_type, quantity, round(strike_price, 6), contract_multiplier, expiration_date
                    FROM positions WHERE portfolio_id = pg_temp.id(7) AND quantity < 0$$,
                  $$VALUES ('SC', -1::numeric, 60.000000, 150::numeric, '2024-09-20'::date)$$,
                  'what is sold beyond the lots is a contract written, with the strike of the day');
SELECT results_eq($$SELECT position_id, quantity_closed FROM position_realized_events WHERE portfolio_id = pg_temp.id(7)$$,
                  $$VALUES (pg_temp.id(71), 2::numeric)$$, 'and the lots are closed');
-- A private asset of the same name is nothing that an option delivers, but can be sold.
SELECT pg_temp.add_portfolio(8, 100000, '2024-07-10'),
       pg_temp.add_lot(8, 81, 'SPL', 10, 50, '2024-07-12', investment_class => 'PRIVATE'),
       _portfolio_batch.enter_trade(pg_temp.id(8), 'SPL', -4, 60, '2024-07-12', settled_option => pg_temp.id(71)),
       _portfolio_batch.enter_trade(pg_temp.id(8), 'SPL', -3, 60, '2024-07-12') \g /dev/null
SELECT results_eq($$SELECT position_type, quantity, investment_class, settles FROM positions
                    WHERE portfolio_id = pg_temp.id(8) ORDER BY quantity$$,
                  $$VALUES ('SHORT', -4::numeric, NULL::text, pg_temp.id(71)), ('LONG', 10, 'PRIVATE', NULL)$$,
                  'an option delivers no private asset');
SELECT results_eq($$SELECT position_id, quantity_closed, settles FROM position_realized_events
                    WHERE portfolio_id = pg_temp.id(8)$$,
                  $$VALUES (pg_temp.id(81), 3::numeric, NULL::uuid)$$, 'which can be sold');

-- Books without equity, and without anything.
SELECT pg_temp.add_portfolio(5, 1000, '2024-07-12'), pg_temp.add_portfolio(6, 1000, '2024-07-12'),
       pg_temp.add_lot(5, 51, 'AAA', -10, 100, '2024-07-12') \g /dev/null
SELECT count(*) FROM run_daily_batch('2024-07-12', ARRAY[pg_temp.id(5), pg_temp.id(6)]) \g /dev/null
SELECT results_eq($$SELECT figure, before IS NULL, after IS NULL, change IS NULL, reason
                    FROM what_if(pg_temp.id(5), '[{"cash": -5000}]', '2024-07-12')
                    WHERE figure IN ('Energy net', 'hhi', 'net_asset_value') OR (figure, unit) = ('market market', 'beta')
                    ORDER BY 1$$,
                  $$VALUES ('Energy net', false, true, true, 'no_equity'), ('hhi', false, false, false, NULL),
                           ('market market', false, true, true, 'no_equity'),
                           ('net_asset_value', false, false, false, NULL)$$,
                  'without equity there is nothing to weigh by, and it says so');
SELECT results_eq($$SELECT figure, before, round(after::numeric, 6) FROM what_if(pg_temp.id(6),
                      '[{"set_weight": "AAA", "weight": 0.5}, {"set_weight": "BBB", "weight": 0.5}]', '2024-07-12')
                    WHERE section = 'sectors' AND figure ~ ' net$' OR (section, figure) = ('concentration', 'hhi')
                       OR figure = 'cash' AND false ORDER BY 1$$,
                  $$VALUES ('Energy net', 0::float8, 0.500000), ('Utilities net', 0, 0.500000), ('hhi', NULL, 5000.000000)$$,
                  'a book that holds nothing can begin to');
SELECT throws_ok($$SELECT * FROM what_if(pg_temp.id(5), '[{"cash": -5000}, {"set_weight": "AAA", "weight": 0.1}]',
                                         '2024-07-12')$$, '22023', 'change 2 cannot set a weight of "AAA"',
                 'a weight needs equity');

-- Days with trades after them ----------------------------------------------------------------------------------------

SELECT close_position(pg_temp.id(4), pg_temp.id(43), 200, 100, '2024-07-15') IS NOT NULL AS closed \gset
SELECT sum(failed) AS failed FROM run_daily_batch_with_backfill('2024-07-15', ARRAY[pg_temp.id(4)]) \gset
CREATE TEMP TABLE later AS SELECT * FROM everything;
CREATE TEMP TABLE past AS SELECT * FROM what_if(pg_temp.id(4), '[{"sell": "BBB", "quantity": 200}]', '2024-07-12');
SELECT results_eq('SELECT section, figure, unit, before FROM past ORDER BY 1, 2, 3',
                  'SELECT * FROM pg_temp.figures(4) ORDER BY 1, 2, 3', 'a day with later trades is as it was stored');
SELECT ok((SELECT abs(change + 200 * pg_temp.close_of('BBB')) < 0.001 FROM past WHERE figure = 'market_value'),
          'what was sold later can be sold on it');
SELECT set_eq('SELECT * FROM everything', 'SELECT * FROM later', 'and is sold later still');

-- Errors -------------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT * FROM what_if(%L, %L, ''2024-07-12'')', pg_temp.id(1), changes), '22023', message,
                      detail, hint, message)
FROM (VALUES
  ('[{"buy": "AAA", "quantity": 1}, {"buy": "NONE", "quantity": 1}]', 'change 2 needs a price: there is none of "NONE"%',
   '%max_stale_sessions%', '%"price"%'),
  ('[{"sell": "AAA", "quantity": 150.5}]', 'change 1 cannot sell 150.5 of "AAA": 150 are held on 2024-07-12', '',
   'Sell at most%'),
  ('[{"sell": "CCC", "quantity": 1}]', 'change 1 cannot sell 1 of "CCC": 0 are held%', '', '%goes short%'),
  ('[{"buy": "AAA", "quantity": 1, "prize": 3}]', 'change 1 has an unknown key "prize"', 'It is {%', '%"price"%'),
  ('[{"buy": "AAA", "amount": 1}]', 'change 1 has an unknown key "amount"', 'It is {%', '%'),
  ('[{"buy": "AAA"}]', 'change 1 needs a number as "quantity"', '%', '%'),
  ('[{"buy": "AAA", "quantity": -1}]', 'change 1 needs a quantity above 0', '%', '%'),
  ('[{"purchase": "AAA"}]', 'change 1 needs one of the keys buy, sell, set_weight, cash', '%', '%'),
  ('["AAA"]', 'change 1 is no object', '', '%'),
  ('{"buy": "AAA", "quantity": 1}', 'what_if needs a portfolio and an array of changes', '', '%')
) AS e (changes, message, detail, hint);
SELECT pg_temp.raises('SELECT * FROM what_if(pg_temp.id(77), ''[]'', ''2024-07-12'')', '42704', '%', '%', '%',
                      'an unknown portfolio');
SELECT pg_temp.raises('SELECT * FROM what_if(pg_temp.id(1), ''[]'', ''2024-07-09'')', '55000',
                      'portfolio % cannot be computed on 2024-07-09', 'P&L and snapshots: %', 'Look at %',
                      'a day before the portfolio began');
SELECT pg_temp.raises('SELECT * FROM what_if(pg_temp.id(1), ''[]'', ''2024-07-13'')', '22023', '%is not a session%', '%', '%',
                      'a day that is no session');
SELECT set_eq('SELECT * FROM everything', 'SELECT * FROM later', 'errors leave nothing');

-- Roles --------------------------------------------------------------------------------------------------------------

CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
SELECT count(*) FROM grant_analytics_roles('pb_reader', 'pb_runner') \g /dev/null
SET LOCAL ROLE pb_reader;
SELECT throws_ok($$SELECT * FROM what_if('00000000-0000-4000-8000-000000000001', '[]', '2024-07-12')$$, '42501', NULL,
                 'who reads may not run anything');
SET LOCAL ROLE pb_runner;
SELECT throws_ok($$SELECT * FROM what_if('00000000-0000-4000-8000-000000000001', '[{"buy": "AAA", "quantity": 1}]',
                                         '2024-07-12')$$, '42501', NULL, 'who runs the batch enters no trades');
RESET ROLE;
GRANT INSERT ON positions, position_realized_events, equity_changes TO pb_runner;
GRANT UPDATE ON positions TO pb_runner;
SET LOCAL ROLE pb_runner;
SELECT ok((SELECT count(*) > 60 FROM what_if('00000000-0000-4000-8000-000000000001',
             '[{"buy": "AAA", "quantity": 1}, {"sell": "BBB", "quantity": 1}, {"cash": 1}]', '2024-07-12')),
          'who may do both asks what if');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
