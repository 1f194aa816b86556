-- What the shocks of scenarios are: returns of style funds or moves beside the market, prescribed shocks where a replay
-- cannot be played, and moves of implied volatility. The figures are added up from prices by SQL.

\ir include/prelude.psql
SELECT plan(37);

SELECT results_eq($$SELECT scenario_id, shock_config ->> 'basis', shock_config -> 'basis_of'
                    FROM stress_test_scenarios WHERE shock_config ? 'basis' ORDER BY scenario_id COLLATE "C"$$,
                  $$VALUES ('covid_crash_2020', 'absolute', '{"growth": "relative", "quality": "relative"}'::jsonb),
                           ('dotcom_crash_2000', 'absolute', '{"value": "relative", "quality": "relative"}'),
                           ('financial_crisis_2008', 'absolute', '{"quality": "relative"}'),
                           ('growth_rally_15', 'relative', NULL),
                           ('liquidity_crisis', 'relative', '{"low_vol": "absolute"}'),
                           ('quality_flight_12', 'relative', NULL),
                           ('small_cap_outperformance_10', 'relative', NULL),
                           ('value_rotation_20', 'relative', NULL), ('vix_spike_150', 'absolute', NULL)$$,
                  'each seeded scenario that shocks a style says what its shocks are');
SELECT is_empty($$SELECT scenario_id FROM stress_test_scenarios
                  WHERE NOT shock_config ? 'basis'
                    AND EXISTS (SELECT FROM jsonb_object_keys(shock_config -> 'shocks') AS k
                                WHERE k NOT IN ('market', 'interest_rate'))$$, 'and no other does');

\set factor_market_from 2024-01-02
\set factor_market_to 2024-07-12
\set factor_market_sessions 90
\set factor_market_symbols '(''AAA'', 1.3, 1.37), (''NEW'', 1.2, 1.9), (''NEWER'', 0.8, 2.1)'
\ir include/factor_market.psql
-- Momentum's fund has existed since March, NEW since April, NEWER for 30 returns: a beta and no factor model.
DELETE FROM market_data_cache WHERE symbol = 'MTUM' AND date < '2024-03-20' OR symbol = 'NEW' AND date < '2024-04-08';
DELETE FROM market_data_cache WHERE symbol = 'NEWER' AND date NOT IN (
  SELECT day FROM sessions_between('2024-01-02', '2024-07-12') AS day ORDER BY day DESC LIMIT 31);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-12') \g /dev/null
SELECT pg_temp.add_lot(1, 11, 'AAA', 300, 100, '2024-07-12'), pg_temp.add_lot(1, 12, 'VUG', 200, 100, '2024-07-12')
  \g /dev/null
-- 2: 400 of NEW and some of NEWER, most of it against each other, and a private asset. 3: the same without it.
SELECT pg_temp.add_portfolio(n, 100000, '2024-07-12'), pg_temp.add_lot(n, 10 * n + 1, 'NEW', 300, 100, '2024-07-12'),
       pg_temp.add_lot(n, 10 * n + 2, 'NEW', -100, 100, '2024-07-12'),
       pg_temp.add_lot(n, 10 * n + 3, 'NEWER', 50, 100, '2024-07-12'),
       pg_temp.add_lot(n, 10 * n + 4, 'NEWER', -50, 100, '2024-07-12'),
       pg_temp.add_lot(n, 10 * n + 5, 'VUG', 50, 100, '2024-07-12')
FROM generate_series(2, 3) AS n \g /dev/null
SELECT pg_temp.add_lot(2, 26, 'FUND', 100, 100, '2024-07-12', investment_class => 'PRIVATE') \g /dev/null
DELETE FROM stress_test_scenarios;
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) VALUES
  ('absolute', 'The fund', '{"shocks": {"market": -0.45, "growth": -0.60}, "basis": "absolute"}'),
  ('both', 'One of each', '{"shocks": {"market": -0.45, "growth": -0.60, "value": -0.20}, "basis": "relative",
                            "basis_of": {"growth": "absolute"}}'),
  ('fund alone', 'Without the market', '{"shocks": {"growth": -0.05}, "basis": "absolute"}'),
  ('relative', 'Beside the market', '{"shocks": {"market": -0.45, "growth": -0.60}, "basis": "relative"}'),
  ('unsaid', 'The same', '{"shocks": {"market": -0.45, "growth": -0.60}}'),
  ('early', 'Before the prices', '{"shocks": {"market": -0.1, "growth": -0.2}, "basis": "absolute",
                                   "window": {"start": "2020-02-19", "end": "2020-03-23"}}'),
  ('plain', 'The same shocks', '{"shocks": {"market": -0.1, "growth": -0.2}, "basis": "absolute"}'),
  ('late', 'Not over', '{"shocks": {"market": -0.1}, "window": {"start": "2024-07-01", "end": "2024-07-31"}}'),
  ('spring', 'Played', '{"shocks": {"market": -0.1}, "window": {"start": "2024-05-01", "end": "2024-05-31"}}'),
  ('weekend', 'From a Saturday to a Sunday', '{"shocks": {"market": -0.1}, "window": {"start": "2024-05-04", "end": "2024-06-02"}}'),
  ('to the day', 'Over on Friday', '{"shocks": {"market": -0.1}, "window": {"start": "2024-06-28", "end": "2024-07-14"}}'),
  ('march', 'Before some were there', '{"shocks": {"momentum": -0.1}, "window": {"start": "2024-03-11", "end": "2024-03-31"}}'),
  ('bad basis', 'A word', '{"shocks": {"growth": -0.1}, "basis": "net"}'),
  ('bad basis of', 'A word of one', '{"shocks": {"growth": -0.1}, "basis_of": {"growth": "gross"}}'),
  ('bad list', 'No object', '{"shocks": {"growth": -0.1}, "basis_of": ["growth"]}'),
  ('bad name', 'Of what is not shocked', '{"shocks": {"growth": -0.1}, "basis_of": {"Growth": "absolute"}}');
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-12')), 0::numeric, 'the day is run');

-- The slope of the fund on the market over the window of the model, and the exposures.
CREATE TEMP TABLE slope AS
SELECT regr_slope(g, m) AS of_growth
FROM (SELECT date, max(r) FILTER (WHERE symbol = 'VUG') AS g, max(r) FILTER (WHERE symbol = 'SPY') AS m
      FROM (SELECT symbol, date, close / lag(close) OVER (PARTITION BY symbol ORDER BY date) - 1 AS r
            FROM market_data_cache WHERE symbol IN ('VUG', 'SPY')) AS d
      GROUP BY date ORDER BY date DESC LIMIT 60) AS pair;
CREATE TEMP TABLE x AS
SELECT factor, exposure_dollar::float8 AS x FROM portfolio_factor_exposures
WHERE portfolio_id = pg_temp.id(1) AND (model IN ('market', 'rate') OR model = 'ridge' AND factor NOT IN ('market', 'specific'));
CREATE FUNCTION pg_temp.of(scenario text, factor text, OUT shock float8, OUT absolute float8, OUT move float8)
LANGUAGE sql AS $$
  SELECT f.shock, f.absolute, f.move
  FROM stress_scenario_moves AS m,
       unnest(m.factors, m.shocks, m.absolute_shocks, m.moves) AS f (factor, shock, absolute, move)
  WHERE m.scenario_id = scenario AND f.factor = of.factor
$$;
CREATE FUNCTION pg_temp.direct(scenario text, n integer DEFAULT 1) RETURNS float8 LANGUAGE sql AS $$
  SELECT direct_pnl::float8 FROM stress_test_results WHERE scenario_id = scenario AND portfolio_id = pg_temp.id(n)
$$;

-- Returns of funds ---------------------------------------------------------------------------------------------------

SELECT ok((SELECT of_growth BETWEEN 0.8 AND 1.4 FROM slope), 'the fund moves with the market');
SELECT ok((SELECT pg_temp.near(shock, -0.60 + of_growth * 0.45, 1e-9) AND move = shock AND absolute = -0.60
           FROM pg_temp.of('absolute', 'growth'), slope),
          'a fund that loses 60 % while the market loses 45 % loses beside it what its beta does not explain');
SELECT ok((SELECT shock = -0.45 AND absolute IS NULL FROM pg_temp.of('absolute', 'market')), 'the market has no basis');
SELECT ok((SELECT abs(pg_temp.direct('absolute') - (-0.45 * m.x + (-0.60 + of_growth * 0.45) * g.x)) < 0.001
           FROM x AS m, x AS g, slope WHERE m.factor = 'market' AND g.factor = 'growth'),
          'direct P&L is of the market and of that');
SELECT ok((SELECT abs(pg_temp.direct('relative') - (-0.45 * m.x - 0.60 * g.x)) < 0.001
           FROM x AS m, x AS g WHERE m.factor = 'market' AND g.factor = 'growth'), 'a relative shock is taken as it is');
SELECT is(pg_temp.direct('unsaid'), pg_temp.direct('relative'), 'so is one that does not say');
SELECT ok(abs(pg_temp.direct('relative') - pg_temp.direct('absolute')) > 1000, 'which is something else');
SELECT ok((SELECT g.absolute = -0.60 AND pg_temp.near(g.shock, -0.60 + of_growth * 0.45, 1e-9)
                  AND v.absolute IS NULL AND v.shock = -0.20
           FROM pg_temp.of('both', 'growth') AS g, pg_temp.of('both', 'value') AS v, slope),
          'basis_of says it for one factor');
SELECT ok((SELECT (factor_impacts #>> '{growth,absolute_shock}')::float8 = -0.60
                  AND pg_temp.near((factor_impacts #>> '{growth,shock}')::float8, -0.60 + of_growth * 0.45, 1e-9)
                  AND NOT factor_impacts -> 'value' ? 'absolute_shock'
           FROM stress_test_results, slope WHERE scenario_id = 'both' AND portfolio_id = pg_temp.id(1)),
          'the results show both');
-- Without a shock of the market the fund's return is the condition: f + beta m = -0.05.
SELECT ok((SELECT pg_temp.near(g.move + of_growth * m.move, -0.05, 1e-9) AND g.shock = -0.05 AND m.shock IS NULL
                  AND m.move < -0.02
           FROM pg_temp.of('fund alone', 'growth') AS g, pg_temp.of('fund alone', 'market') AS m, slope),
          'a fund alone takes the market along');
SELECT ok((SELECT abs(pg_temp.direct('fund alone') + 0.05 * x) < 0.001 FROM x WHERE factor = 'growth'),
          'which stands still for direct P&L');
-- f = Sigma c (c' Sigma c)^-1 s for the one condition, c = growth + beta market; by the covariances of the day, which
-- are at hand.
SET LOCAL portfolio_batch.stress_covariance = 'day';
SELECT count(*) FROM calc_stress_tests('2024-07-12', scenarios => '{fund alone}') \g /dev/null
CREATE TEMP TABLE sigma AS
SELECT factor_1 AS a, factor_2 AS b, covariance AS s FROM factor_correlations
UNION SELECT factor_2, factor_1, covariance FROM factor_correlations;
SELECT is_empty($$
  SELECT g.a, moved.move, (g.s + of_growth * m.s) / variance * -0.05
  FROM slope, sigma AS g JOIN sigma AS m ON m.a = g.a AND m.b = 'market',
       LATERAL (SELECT gg.s + 2 * of_growth * gm.s + of_growth ^ 2 * mm.s AS variance
                FROM sigma AS gg, sigma AS gm, sigma AS mm
                WHERE (gg.a, gg.b, gm.a, gm.b, mm.a, mm.b) = ('growth', 'growth', 'growth', 'market', 'market', 'market'))
         AS v, LATERAL pg_temp.of('fund alone', g.a) AS moved
  WHERE g.b = 'growth' AND moved.move IS NOT NULL
    AND NOT pg_temp.near(moved.move, (g.s + of_growth * m.s) / variance * -0.05, 1e-9)$$,
  'and all other factors by their covariances with it');
RESET portfolio_batch.stress_covariance;
SELECT count(*) FROM calc_stress_tests('2024-07-12') \g /dev/null

SELECT results_eq($$SELECT r.scenario_id, r.reason, m.method, m.problem, r.correlated_pnl
                    FROM stress_test_results AS r JOIN stress_scenario_moves AS m USING (calculation_date, scenario_id)
                    WHERE r.scenario_id ~ '^bad' AND portfolio_id = pg_temp.id(1) ORDER BY 1$$,
                  $$VALUES ('bad basis', 'invalid_scenario', 'none', 'unknown basis of a shock: "net"', NULL::numeric),
                           ('bad basis of', 'invalid_scenario', 'none', 'unknown basis of a shock: "gross"', NULL),
                           ('bad list', 'invalid_scenario', 'none',
                            'scenario "bad list" has a basis_of that is no object', NULL),
                           ('bad name', 'invalid_scenario', 'none',
                            'scenario "bad name" has a basis_of a factor that it does not shock: "Growth"', NULL)$$,
                  'a basis that is none is told');

-- Replays ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.replays() RETURNS TABLE (id text, method text, note text, first text, last text)
LANGUAGE sql AS $$
  SELECT scenario_id, calculation_metadata ->> 'method', calculation_metadata ->> 'note',
         calculation_metadata ->> 'start', calculation_metadata ->> 'end'
  FROM stress_test_results WHERE scenario_id IN ('early', 'late', 'plain', 'spring') AND portfolio_id = pg_temp.id(1) ORDER BY 1
$$;
SELECT results_eq('SELECT * FROM pg_temp.replays()',
                  $$VALUES ('early', 'prescribed', 'history_too_short', '2020-02-19', '2020-03-23'),
                           ('late', 'prescribed', 'window_not_over', '2024-07-01', '2024-07-31'),
                           ('plain', 'conditional_expectation', NULL, NULL, NULL),
                           ('spring', 'replay', NULL, '2024-05-01', '2024-05-31')$$,
                  'a replay is called one where the past is played, and else says why it is not');
SELECT results_eq($$SELECT direct_pnl, correlated_pnl, exceeds_equity, factor_impacts FROM stress_test_results
                    WHERE scenario_id = 'early' ORDER BY portfolio_id$$,
                  $$SELECT direct_pnl, correlated_pnl, exceeds_equity, factor_impacts FROM stress_test_results
                    WHERE scenario_id = 'plain' ORDER BY portfolio_id$$, 'the shocks that stand in are computed like others');

-- A day without a session has the close of the one before, also where that is the day of the results.
CREATE FUNCTION pg_temp.change(symbol text, from_day date, to_day date) RETURNS float8 LANGUAGE sql AS $$
  SELECT b.close / a.close - 1 FROM market_data_cache AS a JOIN market_data_cache AS b USING (symbol)
  WHERE a.symbol = change.symbol AND a.date = from_day AND b.date = to_day
$$;
SELECT results_eq($$SELECT scenario_id, calculation_metadata ->> 'method', round(direct_pnl, 2) FROM stress_test_results
                    WHERE portfolio_id = pg_temp.id(1) AND scenario_id IN ('weekend', 'to the day') ORDER BY 1 DESC$$,
                  $$SELECT w.id, 'replay', round((300 * a.close * pg_temp.change('AAA', w.base, w.last)
                                                  + 200 * v.close * pg_temp.change('VUG', w.base, w.last))::numeric, 2)
                    FROM (VALUES ('weekend', '2024-05-03'::date, '2024-05-31'::date),
                                 ('to the day', '2024-06-28', '2024-07-12')) AS w (id, base, last),
                         market_data_cache AS a, market_data_cache AS v
                    WHERE (a.symbol, a.date, v.symbol, v.date) = ('AAA', '2024-07-12', 'VUG', '2024-07-12')$$,
                  'a window without sessions at its ends is played from session to session');

-- What stands in for NEW in March, by its stored betas: the market beta until momentum's fund has a return, then the model.
CREATE TEMP TABLE moved AS
SELECT symbol, date, close / lag(close) OVER (PARTITION BY symbol ORDER BY date) - 1 AS r FROM market_data_cache;
CREATE TEMP TABLE modeled AS
WITH fund AS (SELECT f.name, f.long_symbol AS symbol, s.beta, regr_slope(r.r, m.r) AS slope
              FROM factor_definitions AS f
              JOIN symbol_factor_exposures AS s ON s.symbol = 'NEW' AND s.model = 'ridge' AND s.factor = f.name
              JOIN moved AS r ON r.symbol = f.long_symbol JOIN moved AS m ON m.symbol = 'SPY' AND m.date = r.date
              WHERE f.model = 'ridge' AND r.date IN (SELECT date FROM moved WHERE symbol = 'SPY' ORDER BY date DESC LIMIT 60)
              GROUP BY 1, 2, 3)
SELECT m.date, m.r AS market, (SELECT b.beta FROM symbol_factor_exposures AS b WHERE (b.symbol, b.model) = ('NEW', 'market')) * m.r
         AS by_market,
       (SELECT b.beta FROM symbol_factor_exposures AS b WHERE (b.symbol, b.model, b.factor) = ('NEW', 'ridge', 'market')) * m.r
         + sum(fund.beta * (r.r - fund.slope * m.r)) AS by_factors, count(r.r) AS funds
FROM moved AS m CROSS JOIN fund LEFT JOIN moved AS r ON r.symbol = fund.symbol AND r.date = m.date
WHERE m.symbol = 'SPY' AND m.date > '2024-03-11' AND m.date <= '2024-03-31' GROUP BY m.date, m.r;
SELECT results_eq('SELECT funds, count(*) FROM modeled GROUP BY 1 ORDER BY 1', 'VALUES (5::bigint, 7::bigint), (6, 6)',
                  'one fund is missing for a half of March');
SELECT ok((SELECT bool_and(abs(pg_temp.direct('march', n) - (200 * a.close * p.r + 50 * v.close * pg_temp.change('VUG', '2024-03-11', '2024-03-28')))
                           < 0.001)
           FROM generate_series(2, 3) AS n, market_data_cache AS a, market_data_cache AS v,
                (SELECT exp(sum(ln(1 + CASE WHEN funds = 6 THEN by_factors ELSE by_market END))) - 1 AS r FROM modeled) AS p
           WHERE (a.symbol, a.date, v.symbol, v.date) = ('NEW', '2024-07-12', 'VUG', '2024-07-12')),
          'what was not listed is played by its factor model as far as the funds reach, else by its market beta');
CREATE TEMP TABLE gross AS
SELECT 400 * max(close) FILTER (WHERE symbol = 'NEW') AS new, 100 * max(close) FILTER (WHERE symbol = 'NEWER') AS newer,
       50 * max(close) FILTER (WHERE symbol = 'VUG') AS fund
FROM market_data_cache WHERE date = '2024-07-12';
CREATE FUNCTION pg_temp.march(n integer, OUT coverage float8, OUT proxied float8, OUT by_factors float8, OUT by_market float8,
                              OUT reason text) LANGUAGE sql AS $$
  SELECT (calculation_metadata ->> 'coverage')::float8, (calculation_metadata ->> 'proxied_share')::float8,
         (calculation_metadata #>> '{proxies,factor_model}')::float8, (calculation_metadata #>> '{proxies,market_beta}')::float8,
         reason
  FROM stress_test_results WHERE scenario_id = 'march' AND portfolio_id = pg_temp.id(n)
$$;
SELECT ok((SELECT coverage = 1 AND pg_temp.near(proxied, (new + newer) / (new + newer + fund), 1e-12)
                  AND pg_temp.near(by_factors, new / (new + newer + fund), 1e-12)
                  AND pg_temp.near(by_market, (new + newer) / (new + newer + fund), 1e-12) AND reason IS NULL
           FROM pg_temp.march(3), gross), 'shares are of all lots, also of those that net out, and none is above 1');
SELECT ok((SELECT pg_temp.near(coverage, (new + newer + fund) / (new + newer + fund + 10000), 1e-12) AND coverage < 0.95
                  AND reason = 'partial_coverage' FROM pg_temp.march(2), gross), 'a part of a book has a P&L and the reason');
-- Without a covariance of the factor that it shocks, and without any factor model, the past is played all the same.
SAVEPOINT young;
DELETE FROM market_data_cache WHERE symbol = 'MTUM' AND date < '2024-07-01';
SELECT count(*) FROM calc_factor_betas('2024-07-12') \g /dev/null
SELECT count(*) FROM calc_stress_tests('2024-07-12') \g /dev/null
SELECT results_eq($$SELECT scenario_id, reason, direct_pnl IS NOT NULL, calculation_metadata ->> 'method' FROM stress_test_results
                    WHERE portfolio_id = pg_temp.id(3) AND scenario_id IN ('absolute', 'march', 'weekend') ORDER BY 1$$,
                  $$VALUES ('absolute', 'insufficient_data', false, 'none'), ('march', NULL, true, 'replay'),
                           ('weekend', NULL, true, 'replay')$$, 'a replay needs no exposure to a style');
SELECT ok((SELECT coverage = 1 AND by_factors = 0 AND pg_temp.near(by_market, (new + newer) / (new + newer + fund), 1e-12)
           FROM pg_temp.march(3), gross), 'market betas stand in for all of it');
ROLLBACK TO young;
DELETE FROM market_data_cache WHERE symbol = 'SPY' AND date = '2024-05-15';
SELECT count(*) FROM calc_stress_tests('2024-07-12', scenarios => '{spring}') \g /dev/null
SELECT results_eq($$SELECT * FROM pg_temp.replays() WHERE id = 'spring'$$,
                  $$VALUES ('spring', 'prescribed', 'market_gaps', '2024-05-01', '2024-05-31')$$,
                  'a market that lacks a price in the window is told too');

-- Implied volatility -------------------------------------------------------------------------------------------------

-- Ten calls that gain 0.12 a point at 25 %, four short puts that lose 0.30 a point at 40 %.
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date, contract_multiplier, investment_class)
VALUES (pg_temp.id(1), pg_temp.id(13), 'AAA240920C00100000', 'LC', 10, 5, '2024-07-12', 'AAA', 100, '2024-09-20', 100,
        'OPTIONS'),
       (pg_temp.id(1), pg_temp.id(14), 'AAA240920P00090000', 'SP', -4, 3, '2024-07-12', 'AAA', 90, '2024-09-20', 100,
        'OPTIONS');
DELETE FROM market_risk_scenarios WHERE scenario_name <> 'market_down_10';
INSERT INTO market_risk_scenarios (scenario_name, scenario_type, market_shock, volatility_shock, parameters) VALUES
  ('calm', 'volatility', NULL, 0, '{"shocks": {}}'),
  ('column', 'market', -0.10, NULL, '{"shocks": {}}'),
  ('crash', 'market', -0.10, 0.5, '{"shocks": {"market": -0.10}, "unit": "return"}'),
  ('torn', 'market', -0.20, 0.5, '{"shocks": {"market": -0.10}, "unit": "return"}'),
  ('vix', 'volatility', NULL, 0.5, '{"shocks": {}}');
SELECT count(*) FROM create_portfolio_snapshots('2024-07-12') \g /dev/null
CREATE FUNCTION pg_temp.grid() RETURNS TABLE (name text, shock float8, volatility_shock float8, volatility_pnl numeric,
                                              direct_pnl numeric, reason text, note text) LANGUAGE sql AS $$
  SELECT scenario_name, shock, volatility_shock, volatility_pnl, direct_pnl, reason, note
  FROM market_risk('2024-07-12', portfolio_id => pg_temp.id(1)) ORDER BY 1
$$;
SELECT results_eq($$SELECT name, volatility_pnl, direct_pnl, reason, note FROM pg_temp.grid() WHERE name = 'vix'$$,
                  $$VALUES ('vix', NULL::numeric, NULL::numeric, 'option_without_vega',
                            '2 of 2 options without vega and implied volatility of the date')$$,
                  'without any vega there is no P&L of volatility, and it says why');
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, vega, implied_volatility)
VALUES (pg_temp.id(1), pg_temp.id(13), '2024-07-12', 0.5, 0.12, 0.25),
       (pg_temp.id(1), pg_temp.id(14), '2024-07-12', -0.3, 0.30, NULL);
SELECT results_eq($$SELECT name, volatility_pnl, direct_pnl, reason, note FROM pg_temp.grid() WHERE name = 'vix'$$,
                  $$VALUES ('vix', 1500.0000, 1500.0000, NULL,
                            '1 of 2 options without vega and implied volatility of the date')$$,
                  '10 x 100 x 0.12 x 12.5 points; an option without implied volatility is left out and counted');
UPDATE position_greeks SET implied_volatility = 0.40 WHERE position_id = pg_temp.id(14);
CREATE TEMP TABLE grid AS SELECT * FROM pg_temp.grid();
SELECT results_eq($$SELECT name, shock, volatility_shock, volatility_pnl, reason, note FROM grid WHERE name <> 'torn'$$,
                  $$VALUES ('calm', NULL::float8, 0::float8, 0.0000, NULL, NULL),
                           ('column', -0.1, NULL, NULL, NULL, NULL), ('crash', -0.1, 0.5, -900.0000, NULL, NULL),
                           ('market_down_10', -0.1, NULL, NULL, NULL, NULL), ('vix', NULL, 0.5, -900.0000, NULL, NULL)$$,
                  'the puts lose 4 x 100 x 0.30 x 20 points');
SELECT is((SELECT direct_pnl FROM grid WHERE name = 'crash'),
          (SELECT direct_pnl - 900 FROM grid WHERE name = 'market_down_10'), 'which is added to what the market does');
SELECT is((SELECT direct_pnl FROM grid WHERE name = 'column'),
          (SELECT direct_pnl FROM grid WHERE name = 'market_down_10'), 'a market_shock that parameters lack is used');
SELECT is((SELECT direct_pnl FROM grid WHERE name = 'vix'), -900.0000, 'volatility alone moves nothing else');
SELECT results_eq($$SELECT direct_pnl, volatility_pnl, reason, note FROM grid WHERE name = 'torn'$$,
                  $$VALUES (NULL::numeric, NULL::numeric, 'invalid_scenario',
                            'scenario "torn" has a market_shock that is not that of its parameters')$$,
                  'one that differs from parameters is refused');
SELECT is((SELECT correlated_pnl - (SELECT correlated_pnl FROM market_risk('2024-07-12', portfolio_id => pg_temp.id(1))
                                    WHERE scenario_name = 'market_down_10')
           FROM market_risk('2024-07-12', portfolio_id => pg_temp.id(1)) WHERE scenario_name = 'crash'), -900.0000, 'in the correlated P&L as well');
UPDATE market_risk_scenarios SET volatility_shock = 1000 WHERE scenario_name = 'vix';
SELECT is((SELECT exceeds_equity FROM market_risk('2024-07-12', portfolio_id => pg_temp.id(1)) WHERE scenario_name = 'vix'), true,
          'and in whether it exceeds the equity');
UPDATE market_risk_scenarios SET volatility_shock = -1.5 WHERE scenario_name = 'calm';
SELECT results_eq($$SELECT direct_pnl, reason, note FROM market_risk('2024-07-12', portfolio_id => pg_temp.id(1)) WHERE scenario_name = 'calm'$$,
                  $$VALUES (NULL::numeric, 'invalid_scenario',
                            'scenario "calm" has a volatility_shock below -1, which leaves no volatility')$$,
                  'volatility can at most go to 0');
UPDATE position_greeks SET vega = 1e300;
SELECT is((SELECT reason FROM market_risk('2024-07-12', portfolio_id => pg_temp.id(1)) WHERE scenario_name = 'vix'), 'out_of_range',
          'more than can be counted is no figure');

SELECT * FROM finish();
ROLLBACK;
