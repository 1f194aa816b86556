-- Stress tests of a book that is small enough to be added up by hand: what is specific to its symbols, how much of it is
-- covered, and what is said when only a part of the P&L is known.

\ir include/prelude.psql
SELECT plan(18);

SET LOCAL portfolio_batch.beta_window = 60;
SET LOCAL portfolio_batch.beta_min_observations = 20;
SET LOCAL portfolio_batch.factor_window = 60;
SET LOCAL portfolio_batch.factor_min_observations = 50;
SET LOCAL portfolio_batch.covariance_window = 60;

-- Ninety sessions in which nothing repeats: each symbol follows the market a little and has a way of its own.
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT s.symbol, d.day,
       round((100 * exp(sum(s.market * 0.01 * sin(1.3 * d.n + 0.2 * d.n * d.n) + 0.008 * sin(s.own * d.n + s.own * d.n * d.n))
                          OVER (PARTITION BY s.symbol ORDER BY d.n)))::numeric, 4), 'test'
FROM (VALUES ('SPY', 1, 0), ('VTV', 0.9, 0.11), ('VUG', 1.1, 0.37), ('MTUM', 1.05, 0.53), ('QUAL', 0.95, 0.71),
             ('IWM', 1.2, 0.83), ('USMV', 0.7, 1.07), ('TLT', -0.3, 1.19), ('AAA', 1.3, 1.37), ('BBB', 0.6, 1.61),
             ('DDD', 1.5, 1.73)) AS s (symbol, market, own)
CROSS JOIN (SELECT day, row_number() OVER (ORDER BY day) AS n
            FROM (SELECT day FROM sessions_between('2024-01-02', '2024-07-12') AS day ORDER BY day DESC LIMIT 90) AS l) AS d;
-- CCC came to the market on the day, DDD so late that it has a beta and no factor model: 31 closes, 30 returns.
INSERT INTO market_data_cache (symbol, date, close) VALUES ('CCC', '2024-07-12', 50);
DELETE FROM market_data_cache WHERE symbol = 'DDD' AND date NOT IN (
  SELECT day FROM sessions_between('2024-01-02', '2024-07-12') AS day ORDER BY day DESC LIMIT 31);

SELECT pg_temp.add_portfolio(1, 100000, '2024-07-12'), pg_temp.add_portfolio(2, 1000, '2024-07-12') \g /dev/null
-- Of AAA 300 are long and 100 short; 8 of a fund at 50 are private.
SELECT pg_temp.add_lot(1, 11, 'AAA', 300, 100, '2024-07-12'), pg_temp.add_lot(1, 12, 'AAA', -100, 100, '2024-07-12'),
       pg_temp.add_lot(1, 13, 'BBB', -200, 100, '2024-07-12'), pg_temp.add_lot(1, 14, 'CCC', 100, 50, '2024-07-12'),
       pg_temp.add_lot(1, 15, 'FUND', 8, 50, '2024-07-12', investment_class => 'PRIVATE'),
       pg_temp.add_lot(2, 21, 'DDD', 100, 100, '2024-07-12') \g /dev/null
DELETE FROM stress_test_scenarios;
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) VALUES
  ('all', 'Every factor', '{"shocks": {"market": -0.1, "value": 0.01, "growth": -0.02, "momentum": 0.03, "quality": -0.01,
                                       "size": 0.02, "low_vol": -0.03, "interest_rate": 0.01}}'),
  ('market', 'The market alone', '{"shocks": {"market": -0.1}}'),
  ('crash', 'All of the market', '{"shocks": {"market": -1}}'),
  ('replay', 'The spring again', '{"shocks": {"market": -0.1}, "window": {"start": "2024-05-01", "end": "2024-05-31"}}');
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-12')), 0::numeric, 'the day is run');

CREATE TEMP TABLE figures AS
SELECT right(portfolio_id::text, 1)::integer AS n, scenario_id AS id, direct_pnl, correlated_pnl, correlation_effect, exceeds_equity, reason,
       (calculation_metadata ->> 'conditional_sd')::float8 AS sd, (calculation_metadata ->> 'coverage')::float8 AS coverage,
       calculation_metadata ->> 'method' AS method
FROM stress_test_results;
SELECT set_eq('SELECT n, id, method FROM figures',
              $$SELECT n, v.* FROM (VALUES (1), (2)) AS p (n), (VALUES ('all', 'conditional_expectation'),
                  ('market', 'conditional_expectation'), ('crash', 'conditional_expectation'), ('replay', 'replay')) AS v$$,
              'every scenario has a result');

-- Specific variance --------------------------------------------------------------------------------------------------

-- Where every factor is shocked nothing is left but what is specific, which the contributions to risk have as well: its
-- share of the variance of a year, over net asset value.
CREATE TEMP TABLE specific AS
SELECT e.contribution_to_risk * (SELECT sum(a.contribution_to_risk) FROM portfolio_factor_exposures AS a
                                 WHERE a.portfolio_id = e.portfolio_id AND a.model = e.model) / 252
       * s.total_value::float8 ^ 2 AS variance
FROM portfolio_factor_exposures AS e JOIN portfolio_snapshots AS s ON s.portfolio_id = e.portfolio_id
WHERE e.portfolio_id = pg_temp.id(1) AND e.model = 'ridge' AND e.factor = 'specific';
SELECT ok((SELECT variance > 100 FROM specific), 'the symbols have something of their own');
SELECT ok((SELECT pg_temp.near(sd, (SELECT sqrt(variance) FROM specific), 1e-9) FROM figures WHERE n = 1 AND id = 'all'),
          'given every factor, the deviation is what is specific to the book in its contributions to risk');
SELECT ok((SELECT sd > 1.01 * (SELECT a.sd FROM figures AS a WHERE a.n = 1 AND a.id = 'all') FROM figures WHERE n = 1 AND id = 'market'),
          'given the market alone, the other factors add to it');
SELECT is((SELECT sd FROM figures WHERE n = 1 AND id = 'crash'), (SELECT sd FROM figures WHERE n = 1 AND id = 'market'),
          'whatever the size of the shock');

-- Coverage -----------------------------------------------------------------------------------------------------------

-- Of the gross exposure, lot by lot: 400 AAA and 200 BBB, of these and 100 CCC at 50 and 400 of a private asset.
CREATE TEMP TABLE closes AS
SELECT max(close) FILTER (WHERE symbol = 'AAA') AS a, max(close) FILTER (WHERE symbol = 'BBB') AS b
FROM market_data_cache WHERE date = '2024-07-12';
SELECT ok((SELECT pg_temp.near(f.coverage, (400 * a + 200 * b) / (400 * a + 200 * b + 5000 + 400), 1e-12)
           FROM figures AS f, closes WHERE n = 1 AND f.id = 'market'), 'coverage is by gross exposure');
SELECT is((SELECT coverage FROM figures WHERE n = 1 AND id = 'replay'), (SELECT coverage FROM figures WHERE n = 1 AND id = 'market'),
          'of a replay as well');
SELECT ok((SELECT pg_temp.near(f.correlated_pnl::float8, 200 * a.close * (a.later / a.earlier - 1)
                                                         - 200 * b.close * (b.later / b.earlier - 1), 1e-6)
                  AND f.direct_pnl = f.correlated_pnl AND f.correlation_effect = 0
           FROM figures AS f,
                (SELECT max(close) FILTER (WHERE date = '2024-07-12') AS close,
                        max(close) FILTER (WHERE date = '2024-05-01') AS earlier,
                        max(close) FILTER (WHERE date = '2024-05-31') AS later FROM market_data_cache WHERE symbol = 'AAA') AS a,
                (SELECT max(close) FILTER (WHERE date = '2024-07-12') AS close,
                        max(close) FILTER (WHERE date = '2024-05-01') AS earlier,
                        max(close) FILTER (WHERE date = '2024-05-31') AS later FROM market_data_cache WHERE symbol = 'BBB') AS b
           WHERE n = 1 AND f.id = 'replay'), 'which does with what is held on balance what the prices did');
SELECT ok((SELECT coverage = 1 FROM figures WHERE n = 2 AND id = 'market'), 'all of a book can be covered');

-- A part of the P&L --------------------------------------------------------------------------------------------------

-- DDD has a beta, so that a shock of the market has a direct P&L; without a factor model nobody knows what else moves.
SELECT results_eq($$SELECT id, correlated_pnl, correlation_effect, reason, sd FROM figures
                    WHERE n = 2 AND id IN ('market', 'crash') ORDER BY id$$,
                  $$VALUES ('crash', NULL::numeric, NULL::numeric, 'insufficient_data', NULL::float8),
                           ('market', NULL, NULL, 'insufficient_data', NULL)$$, 'a correlated P&L that is not known');
SELECT ok((SELECT bool_and(abs(f.direct_pnl - (v.shock * 100 * m.close * b.beta)::numeric) < 0.0001)
           FROM (VALUES ('market', -0.1), ('crash', -1)) AS v (id, shock)
           JOIN figures AS f ON f.n = 2 AND f.id = v.id
           JOIN market_data_cache AS m ON m.symbol = 'DDD' AND m.date = '2024-07-12'
           JOIN symbol_factor_exposures AS b ON b.symbol = 'DDD' AND b.calculation_date = m.date AND b.model = 'market'),
          'beside a direct one that is');
SELECT ok((SELECT beta BETWEEN 0.2 AND 5 FROM symbol_factor_exposures WHERE symbol = 'DDD' AND model = 'market'
           AND calculation_date = '2024-07-12'), 'of a beta as it should be');
-- Equity is 1000, the book ten times as much.
SELECT is((SELECT string_agg(id || ' ' || exceeds_equity || ' ' || (-direct_pnl > 1000), ', ' ORDER BY id) FROM figures
           WHERE n = 2 AND id IN ('market', 'crash')), 'crash true true, market true true', 'a direct loss can exceed the equity');
UPDATE stress_test_scenarios SET shock_config = '{"shocks": {"market": -0.001}}' WHERE scenario_id = 'market';
SELECT is((SELECT processed || ' ' || skipped FROM calc_stress_tests('2024-07-12', ARRAY[pg_temp.id(2)], '{market}')), '0 1',
          'and counts as left out');
SELECT is((SELECT string_agg(concat_ws(' ', scenario_id, exceeds_equity, direct_pnl < 0, correlated_pnl IS NULL), ', ')
           FROM stress_test_results WHERE portfolio_id = pg_temp.id(2) AND scenario_id = 'market'), 'market f t t',
          'a small one does not');
SELECT results_eq($$SELECT a ->> 'id', (a #> '{impact,direct,dollar_impact}')::numeric < 0, a #> '{impact,correlated,dollar_impact}',
                           a #> '{impact,correlation_effect}', a ->> 'reason'
                    FROM jsonb_array_elements(api_portfolio_stress_tests(pg_temp.id(2), '{crash}') -> 'scenarios') AS a$$,
                  $$VALUES ('crash', true, jsonb 'null', jsonb 'null', 'insufficient_data')$$, 'the endpoint says so as well');
SELECT is(api_portfolio_stress_tests(pg_temp.id(2), '{crash,market}') #> '{data_quality,scenarios_calculated}', '2',
          'and counts what has a direct P&L');

SELECT * FROM finish();
ROLLBACK;
