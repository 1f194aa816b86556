-- Stress tests on real prices: the covariances and expected moves of numpy (test/golden/stress_real.py), and a long book
-- under the seeded crises beside what the prices of these crises did to it.

\ir include/prelude.psql
SELECT plan(26);

\set have_data `test -r "$PB_PRICES_CSV" && test -r "$PB_SHARED_DATA/dgs10_2005_2024.csv" && test -r "$PB_SHARED_DATA/skfolio/sp500_dataset.csv.gz" && echo true || echo false`
\if :have_data
\else
SELECT * FROM skip('PB_SHARED_DATA names no folder with prices and yields', _get('plan'));
SELECT * FROM finish();
ROLLBACK;
\quit
\endif

\getenv csv PB_PRICES_CSV
\getenv shared PB_SHARED_DATA
\ir ../fixtures/load_prices.sql

CREATE TEMP TABLE yields (date date, percent float8);
CREATE TEMP TABLE golden (date date, kind text, name text, other text, value float8, value_2 float8, note text);
\set file :shared /dgs10_2005_2024.csv
\set command '\\copy yields FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/stress_real.csv
\set command '\\copy golden FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
INSERT INTO interest_rates (series, date, rate, source) SELECT 'DGS10', date, percent, 'csv' FROM yields;

-- A long book of large companies.
SELECT pg_temp.add_portfolio(1, 1000000, '2020-06-30') \g /dev/null
SELECT pg_temp.add_lot(1, 100 + n::integer, symbol, round((100000 / close)::numeric, 2), close::numeric, '2020-06-30')
FROM unnest('{AAPL,BAC,CVX,HD,JNJ,JPM,KO,MSFT,PG,XOM}'::text[]) WITH ORDINALITY AS s (symbol, n)
JOIN market_data_cache USING (symbol) WHERE date = '2020-06-30' \g /dev/null

-- The seeded crises without their windows, so that their shocks apply.
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config)
SELECT scenario_id || ' by shocks', name, shock_config - 'window' FROM stress_test_scenarios WHERE shock_config ? 'window';
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) VALUES
  ('ir_up_100bp', 'Yields alone', '{"shocks": {"interest_rate": 0.01}}'),
  ('ir_up_300bp', 'Yields alone', '{"shocks": {"interest_rate": 0.03}}');
CREATE FUNCTION pg_temp.run(day date) RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(failed)::bigint FROM run_daily_batch(day)
$$;
SELECT is((SELECT sum(pg_temp.run(day)) FROM (VALUES ('2020-06-30'::date), ('2022-10-14'), ('2024-12-31')) AS d (day)),
          0::numeric, 'the days are run');

-- Expected moves -----------------------------------------------------------------------------------------------------

-- Of scenarios that are computed from covariances, by either of the two.
CREATE FUNCTION pg_temp.differing(by_day boolean)
RETURNS TABLE (date date, scenario text, factor text, move float8, wanted float8, is_cut boolean) LANGUAGE sql AS $$
  SELECT g.date, g.name, g.other, f.move, w.move, g.other = ANY (m.extrapolated)
  FROM golden AS g
  JOIN stress_scenario_moves AS m ON m.calculation_date = g.date AND m.scenario_id = g.name || CASE
       WHEN g.name ~ '(2000|2008|2020)$' THEN ' by shocks' ELSE '' END
  LEFT JOIN LATERAL unnest(m.factors, m.moves) AS f (factor, move) ON f.factor = g.other
  CROSS JOIN LATERAL (SELECT CASE WHEN by_day THEN g.value_2 ELSE g.value END AS move) AS w
  WHERE g.kind = 'move'
    AND (abs(f.move - w.move) <= 1e-9 * (abs(w.move) + 0.01)
         AND COALESCE(g.other = ANY (m.extrapolated), false) = (g.note ~ CASE WHEN by_day THEN 'D' ELSE 'L' END)) IS NOT TRUE
$$;
SELECT is((SELECT count(*) FROM golden AS g WHERE kind = 'move'), 24 * 3 * 8::bigint, 'the reference is all there');
UPDATE golden SET note = COALESCE(note, '');
SELECT is_empty('SELECT * FROM pg_temp.differing(false)',
                'moves are expected by the covariance of all the past, and cut to the worst of it');
SELECT results_eq($$SELECT DISTINCT calculation_date, covariance_method, covariance_start, covariance_observations,
                           round(covariance_shrinkage::numeric, 9), covariance_half_life
                    FROM stress_scenario_moves WHERE scenario_id = 'market_down_10'
                    ORDER BY 1$$,
                  $$SELECT date, 'long_run', note::date, value::integer, round(value_2::numeric, 9), NULL::float8
                    FROM golden WHERE kind = 'sample' ORDER BY 1$$, 'which says what it is of');
SELECT results_eq($$SELECT calculation_metadata -> 'covariance_method', calculation_metadata -> 'covariance_start',
                           calculation_metadata -> 'extrapolated' FROM stress_test_results
                    WHERE portfolio_id = pg_temp.id(1) AND calculation_date = '2022-10-14' AND scenario_id = 'value_rotation_20'$$,
                  $$SELECT jsonb '"long_run"', jsonb '"2016-01-05"', jsonb_agg(f ORDER BY place)
                    FROM stress_scenario_moves AS m, unnest(m.extrapolated) WITH ORDINALITY AS e (f, place)
                    WHERE calculation_date = '2022-10-14' AND scenario_id = 'value_rotation_20'$$, 'as the results do');
-- Yields alone: a long book gains where shares and yields rose together. 2020 that was all there was in the newest months.
SELECT ok((SELECT value < 0.1 AND value_2 > 0.19 FROM golden
           WHERE (date, kind, name, other) = ('2020-06-30', 'move', 'ir_up_100bp', 'market')),
          'the market that goes with a point of yield is half of what it was by the newest months');
SET LOCAL portfolio_batch.stress_covariance = 'day';
SELECT count(*) FROM (VALUES ('2020-06-30'::date), ('2022-10-14'), ('2024-12-31')) AS d (day),
                     LATERAL calc_stress_tests(day) \g /dev/null
SELECT is_empty('SELECT * FROM pg_temp.differing(true)', 'or by that of the day, cut as well');
SELECT results_eq($$SELECT DISTINCT calculation_metadata ->> 'covariance_method', calculation_metadata ->> 'covariance_half_life',
                           calculation_metadata ? 'covariance_start'
                    FROM stress_test_results WHERE scenario_id = 'market_down_10' AND calculation_date = '2020-06-30'$$,
                  $$VALUES ('day', '63', false)$$, 'which is named');
SELECT is((SELECT note FROM market_risk('2020-06-30') WHERE scenario_name = 'ir_up_200bp' AND portfolio_id = pg_temp.id(1)),
          'extrapolated: market', 'the grid says where it was cut');
RESET portfolio_batch.stress_covariance;
SELECT count(*) FROM (VALUES ('2020-06-30'::date), ('2022-10-14'), ('2024-12-31')) AS d (day),
                     LATERAL calc_stress_tests(day) \g /dev/null
SELECT is_empty('SELECT * FROM pg_temp.differing(false)', 'and back again');

-- What happened later changes nothing.
CREATE TEMP TABLE before AS SELECT * FROM stress_scenario_moves WHERE calculation_date = '2020-06-30';
SAVEPOINT later;
DELETE FROM market_data_cache WHERE date > '2020-06-30';
DELETE FROM interest_rates WHERE date > '2020-06-30';
SELECT count(*) FROM calc_stress_tests('2020-06-30') \g /dev/null
SELECT set_eq($$SELECT scenario_id, moves, extrapolated FROM stress_scenario_moves WHERE calculation_date = '2020-06-30'$$,
              'SELECT scenario_id, moves, extrapolated FROM before', 'what happened later changes no move');
ROLLBACK TO later;

-- Rates ----------------------------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT scenario_id FROM stress_test_scenarios WHERE category = 'rates'
                    AND (shock_config #>> '{shocks,market}')::float8 IS DISTINCT FROM 0$$,
                'each seeded scenario of rates says what the market does');
SELECT ok((SELECT bool_and((value ->> 'direct_pnl')::float8 = 0 AND (value ->> 'correlated_pnl')::float8 = 0)
           FROM stress_test_results, jsonb_each(factor_impacts) WHERE scenario_id LIKE 'rate%' AND key = 'market'),
          'it stands still');
SELECT ok((SELECT bool_and(pg_temp.near(r.direct_pnl::float8, e.exposure_dollar::float8 * s.size, 1e-6))
           FROM stress_test_results AS r JOIN portfolio_factor_exposures AS e USING (portfolio_id, calculation_date)
           JOIN (VALUES ('rates_up_100bp', 0.01), ('rate_spike_300bp', 0.03)) AS s (id, size) ON s.id = r.scenario_id
           WHERE e.model = 'rate' AND e.factor = 'interest_rate'),
          'so that directly a book loses what its duration says, as if yields moved alone');

-- Crises -------------------------------------------------------------------------------------------------------------

-- What each fund did between two days, and what of it was beside the market by its slope over the 252 sessions before.
CREATE FUNCTION pg_temp.funds(from_day date, to_day date)
RETURNS TABLE (name text, fund float8, beside float8, beta float8) LANGUAGE sql AS $$
  WITH r AS (SELECT symbol, date, adj_close / lag(adj_close) OVER (PARTITION BY symbol ORDER BY date) - 1 AS r
             FROM market_data_cache WHERE symbol IN ('SPY', 'VTV', 'VUG', 'MTUM', 'QUAL', 'IWM', 'USMV')),
       slope AS (SELECT f.symbol, regr_slope(f.r, m.r) AS beta FROM r AS f JOIN r AS m USING (date)
                 WHERE m.symbol = 'SPY' AND date IN (SELECT date FROM r WHERE symbol = 'SPY' AND date <= from_day
                                                     ORDER BY date DESC LIMIT 252)
                 GROUP BY f.symbol),
       total AS (SELECT a.symbol, b.adj_close / a.adj_close - 1 AS r
                 FROM market_data_cache AS a JOIN market_data_cache AS b USING (symbol)
                 WHERE a.date = from_day AND b.date = to_day)
  SELECT d.name, t.r, t.r - s.beta * m.r, s.beta
  FROM factor_definitions AS d JOIN slope AS s ON s.symbol = d.long_symbol JOIN total AS t ON t.symbol = d.long_symbol
  JOIN total AS m ON m.symbol = 'SPY'
  WHERE d.model = 'ridge'
$$;
-- Of the two that a shock can be, the seeds take the one that comes closer.
CREATE TEMP TABLE crash AS
SELECT * FROM pg_temp.funds('2020-02-19', '2020-03-23') WHERE name IN ('value', 'growth', 'quality', 'size');
SELECT results_eq('SELECT name, round(fund::numeric, 3), round(beside::numeric, 3) FROM crash ORDER BY name',
                  $$VALUES ('growth', -0.318, 0.052), ('quality', -0.341, 0.006), ('size', -0.407, -0.030),
                           ('value', -0.364, -0.064)$$, 'beside the market the funds did little');
SELECT ok((SELECT max(abs(beside)) BETWEEN 0.08 AND 0.09 FROM pg_temp.funds('2022-01-03', '2022-10-12')), 'in 2022 as well');
SELECT results_eq($$SELECT c.name, shock_config ->> 'basis' = 'absolute' AND NOT shock_config -> 'basis_of' ? c.name
                    FROM crash AS c, stress_test_scenarios WHERE scenario_id = 'covid_crash_2020' ORDER BY 1$$,
                  $$SELECT name, abs(size - beta * market - beside) < abs(size - beside)
                    FROM (SELECT c.name, beta, beside, (shock_config -> 'shocks' ->> c.name)::float8 AS size,
                                 (shock_config #>> '{shocks,market}')::float8 AS market
                          FROM crash AS c, stress_test_scenarios WHERE scenario_id = 'covid_crash_2020') AS s ORDER BY 1$$,
                  'a loss is that of the fund, a gain one on the market: each the nearer to what happened');

-- Twenty companies since 1990, under names of their own, and the index in the place of the market's fund before 2016.
CREATE TEMP TABLE old_prices (date date, aapl float8, amd float8, bac float8, bby float8, cvx float8, ge float8, hd float8,
                              jnj float8, jpm float8, ko float8, lly float8, mrk float8, msft float8, pep float8, pfe float8,
                              pg float8, rrc float8, unh float8, wmt float8, xom float8);
CREATE TEMP TABLE old_index (date date, close float8);
\set command '\\copy old_prices FROM PROGRAM ''zcat < "$PB_SHARED_DATA/skfolio/sp500_dataset.csv.gz"'' WITH (FORMAT csv, HEADER true)'
:command
\set command '\\copy old_index FROM PROGRAM ''zcat < "$PB_SHARED_DATA/skfolio/sp500_index.csv.gz"'' WITH (FORMAT csv, HEADER true)'
:command
INSERT INTO market_data_cache (symbol, date, close, adj_close, adjustment, data_source)
SELECT 'OLD_' || upper(p.key), o.date, p.value::float8, p.value::float8, 'split', 'csv'
FROM old_prices AS o, jsonb_each_text(to_jsonb(o) - 'date') AS p WHERE p.value IS NOT NULL;
INSERT INTO market_data_cache (symbol, date, close, adj_close, adjustment, data_source)
SELECT 'SPY', o.date, o.close * scale, o.close * scale, 'split', 'csv'
FROM old_index AS o, (SELECT m.close / i.close AS scale FROM market_data_cache AS m JOIN old_index AS i USING (date)
                      WHERE m.symbol = 'SPY' AND m.date = '2016-01-04') AS s
WHERE o.date < '2016-01-04';
ANALYZE market_data_cache;

-- 2: a book of companies that lived through all crises.
SELECT pg_temp.add_portfolio(2, 1000000, '2020-06-30') \g /dev/null
SELECT pg_temp.add_lot(2, 200 + (row_number() OVER (ORDER BY symbol))::integer, symbol, round((50000 / close)::numeric, 2),
                       close::numeric, '2020-06-30')
FROM market_data_cache WHERE symbol LIKE 'OLD\_%' AND date = '2020-06-30' \g /dev/null
SELECT is((SELECT sum(pg_temp.run(day)) FROM (VALUES ('2020-06-30'::date), ('2022-10-14'), ('2022-12-28'), ('2024-12-31')) AS d (day)),
          0::numeric, 'the days are run with the prices of thirty years');
CREATE TEMP TABLE crises AS
SELECT right(r.portfolio_id::text, 1)::integer AS n, r.calculation_date AS day, r.scenario_id AS id, r.correlated_pnl::float8 AS replay,
       s.direct_pnl::float8 AS direct, s.correlated_pnl::float8 AS correlated, r.calculation_metadata AS how
FROM stress_test_results AS r JOIN stress_test_results AS s USING (portfolio_id, calculation_date)
WHERE s.scenario_id = r.scenario_id || ' by shocks' AND NOT (r.portfolio_id = pg_temp.id(2) AND r.calculation_date > '2022-12-28');
SELECT set_eq($$SELECT id, how ->> 'method' AS method, how ->> 'note' AS note, (how ->> 'coverage')::float8 AS coverage,
                       (how ->> 'proxied_share')::float8 AS proxied FROM crises WHERE n = 2 AND day = '2022-12-28'$$,
              $$VALUES ('financial_crisis_2008', 'replay', NULL, 1::float8, 0::float8),
                       ('covid_crash_2020', 'replay', NULL, 1, 0), ('dotcom_crash_2000', 'replay', NULL, 1, 0)$$,
              'all three are replayed, that of 2008 with a window that ends on a Sunday');
-- Exposure x change of the price over the window.
SELECT ok((SELECT pg_temp.near(replay, wanted, 1e-9) FROM crises,
                  (SELECT sum(p.quantity * d.close * (b.close / a.close - 1))::float8 AS wanted
                   FROM positions AS p JOIN market_data_cache AS d ON d.symbol = p.symbol AND d.date = '2022-12-28'
                   JOIN market_data_cache AS a ON a.symbol = p.symbol AND a.date = '2008-09-15'
                   JOIN market_data_cache AS b ON b.symbol = p.symbol AND b.date = '2009-03-13'
                   WHERE p.portfolio_id = pg_temp.id(2)) AS w
           WHERE n = 2 AND day = '2022-12-28' AND id = 'financial_crisis_2008'), 'to Friday''s close');
-- From 0.85 to 1.50 times as much in the two crashes, of own prices or of market betas.
SELECT is_empty($$SELECT n, day, id, replay, direct / replay, correlated / replay FROM crises
                  WHERE id IN ('financial_crisis_2008', 'covid_crash_2020')
                    AND NOT (replay < 0 AND direct / replay BETWEEN 0.85 AND 1.5 AND correlated / replay BETWEEN 0.85 AND 1.5)$$,
                'the shocks of the seeds take from a long book what the crashes did, 0.85 to 1.5 times as much');
SELECT is((SELECT count(*) FROM crises WHERE id IN ('financial_crisis_2008', 'covid_crash_2020')), 14::bigint,
          'on four days');
-- 2000 to 2002 is 31 months of rotation. Companies of today were its winners: these twenty gained.
SELECT is_empty($$SELECT day, replay, direct / replay, correlated / replay FROM crises
                  WHERE n = 1 AND id = 'dotcom_crash_2000'
                    AND NOT (replay < 0 AND direct / replay BETWEEN 0.25 AND 1 AND correlated / replay BETWEEN 0.25 AND 1)$$,
                'those of the dot-com crash a quarter to all of what market betas lost in it');
SELECT ok((SELECT bool_and(replay > 0 AND direct < 0) FROM crises WHERE n = 2 AND id = 'dotcom_crash_2000'),
          'which survivors did not');

-- Without the style funds, which did not exist in 2008, a company that did not either has its market beta.
SELECT ok((SELECT bool_and((how ->> 'coverage')::float8 = 1 AND (how #>> '{proxies,market_beta}')::float8 > 0.99
                           AND (how #>> '{proxies,factor_model}')::float8 = 0 AND replay < 0)
           FROM crises WHERE n = 1 AND id IN ('financial_crisis_2008', 'dotcom_crash_2000') AND day = '2024-12-31'),
          'before the funds existed market betas stand in, and nothing is left out');
SELECT is((SELECT count(*) FROM crises WHERE n = 1 AND id IN ('financial_crisis_2008', 'dotcom_crash_2000') AND day = '2024-12-31'),
          2::bigint, 'in both');
SELECT * FROM finish();
ROLLBACK;
