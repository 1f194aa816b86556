-- A replay of days on which a symbol had no price: its ridge model stands in, with the funds' returns as they were. What
-- the model took out of the styles goes back by the slopes of the symbol's own window. The figures are multiplied up by
-- SQL.

\ir include/prelude.psql
SELECT plan(3);

\set factor_market_from 2024-01-02
\set factor_market_to 2024-07-12
\set factor_market_sessions 90
\set factor_market_symbols '(''OLD'', 0.9, 0.59), (''YOUNG'', 1.1, 0.41)'
\ir include/factor_market.psql
CREATE TEMP TABLE session AS
SELECT session_date, row_number() OVER (ORDER BY session_date DESC) - 1 AS age
FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= '2024-07-12';
DELETE FROM market_data_cache AS m USING session AS s
WHERE s.session_date = m.date AND m.symbol = 'YOUNG' AND s.age > 52;
SELECT pg_temp.add_portfolio(1, 1000000, '2024-07-12'), pg_temp.add_lot(1, 11, 'YOUNG', 1000, 100, '2024-07-12') \g /dev/null
-- Another book, of a symbol with the whole window.
SELECT pg_temp.add_portfolio(2, 1000000, '2024-07-12'), pg_temp.add_lot(2, 21, 'OLD', 1000, 100, '2024-07-12') \g /dev/null
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config)
SELECT 'before', 'Before it was listed',
       jsonb_build_object('shocks', '{"market": -0.1}'::jsonb, 'window',
                          jsonb_build_object('start', max(session_date) FILTER (WHERE age = 80),
                                             'end', max(session_date) FILTER (WHERE age = 70)))
FROM session;
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-12')), 0::numeric, 'the day is run');

CREATE TEMP TABLE ret AS
SELECT m.symbol, s.age, m.close / lag(m.close) OVER (PARTITION BY m.symbol ORDER BY m.date) - 1 AS r
FROM market_data_cache AS m JOIN session AS s ON s.session_date = m.date;
-- What the replay would be with the slopes of the newest returns, so many.
CREATE FUNCTION pg_temp.replayed(of_returns int) RETURNS float8 LANGUAGE sql AS $$
  WITH style AS (
    SELECT d.long_symbol, max(e.beta) AS beta, regr_slope(g.r, m.r) AS slope
    FROM factor_definitions AS d
    JOIN symbol_factor_exposures AS e ON e.factor = d.name AND e.model = 'ridge' AND e.symbol = 'YOUNG'
    JOIN ret AS g ON g.symbol = d.long_symbol JOIN ret AS m ON m.symbol = 'SPY' AND m.age = g.age
    WHERE d.model = 'ridge' AND g.age < of_returns
    GROUP BY d.long_symbol
  ), market AS (
    SELECT e.beta - (SELECT sum(s.slope * s.beta) FROM style AS s) AS beta
    FROM symbol_factor_exposures AS e WHERE e.factor = 'market' AND e.model = 'ridge' AND e.symbol = 'YOUNG'
  ), day AS (
    SELECT m.age, market.beta * m.r + (SELECT sum(s.beta * g.r) FROM style AS s
                                       JOIN ret AS g ON g.symbol = s.long_symbol AND g.age = m.age) AS r
    FROM ret AS m, market WHERE m.symbol = 'SPY' AND m.age BETWEEN 70 AND 79
  )
  SELECT 1000 * (SELECT close FROM market_data_cache WHERE symbol = 'YOUNG' AND date = '2024-07-12')
         * (exp(sum(ln(1 + r))) - 1) FROM day
$$;
SELECT results_eq($$SELECT abs(correlated_pnl::float8 - pg_temp.replayed(52)) < 1e-4,
                           (calculation_metadata ->> 'proxied_share')::float8
                    FROM stress_test_results WHERE scenario_id = 'before' AND portfolio_id = pg_temp.id(1)$$, 'VALUES (true, 1::float8)',
                  'the slopes are those of the 52 returns that the symbol has');
SELECT ok(abs(pg_temp.replayed(52) - pg_temp.replayed(60)) > 1, 'those of the whole window are others');

SELECT * FROM finish();
ROLLBACK;
