-- The intervals of yields that rate betas are measured on, at the far end of their reach: what is in it does not depend on
-- how far back a run happens to read.

\ir include/prelude.psql
SELECT plan(3);

-- A reach of 600 sessions, which is more than any other estimate looks back. Quotes on every fifth session: the oldest
-- interval in reach ends 598 sessions before the day, and begins 603 before it.
SET LOCAL portfolio_batch.beta_window = 400;
CREATE TEMP TABLE session AS
SELECT session_date, row_number() OVER (ORDER BY session_date DESC) - 1 AS age
FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= '2024-06-28';
INSERT INTO market_data_cache (symbol, date, close)
SELECT p.symbol, s.session_date, 100 * exp(sum(p.beta * 0.01 * sin(s.age * s.age) + 0.005 * sin(p.own * s.age * s.age))
                                           OVER (PARTITION BY p.symbol ORDER BY s.session_date))
FROM session AS s, (VALUES ('SPY', 1, 0), ('AAA', 1.2, 1.7)) AS p (symbol, beta, own)
WHERE s.age <= 620;
INSERT INTO interest_rates (series, date, rate)
SELECT 'DGS10', s.session_date, 4 + 0.2 * sin(3 * s.age * s.age) FROM session AS s WHERE s.age % 5 = 3 AND s.age <= 620;
SELECT pg_temp.add_portfolio(1, 100000, '2024-06-17'), pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-06-17') \g /dev/null

SELECT is((SELECT detail FROM calc_interest_rate_betas('2024-06-28')),
          'rate betas of 1 of 1 symbol on DGS10, 1 portfolio without snapshot', 'the day alone');
CREATE TEMP TABLE alone AS SELECT * FROM symbol_model_fits;
SELECT results_eq('SELECT observations, window_start FROM alone',
                  'SELECT count(*)::int, min(session_date) FROM session WHERE age % 5 = 3 AND age < 600',
                  'an interval is in reach when it ends there');
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-06-28') \gset
SELECT results_eq($$SELECT observations, betas FROM symbol_model_fits WHERE model = 'rate'
                    AND calculation_date = '2024-06-28'$$, 'SELECT observations, betas FROM alone',
                  'the same in a run of several days');

SELECT * FROM finish();
ROLLBACK;
