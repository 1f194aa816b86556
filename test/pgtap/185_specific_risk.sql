-- The specific variance of books on real prices: by SQL from the stored betas and the prices, and the volatility of the
-- whole beside that of the same book's returns.

\ir include/prelude.psql
SELECT plan(12);

\set have_data `test -r "$PB_PRICES_CSV" && test -r "$PB_SHARED_DATA/sp500_constituents.csv" && echo true || echo false`
\if :have_data
\else
SELECT * FROM skip('PB_SHARED_DATA names no folder with prices and sectors', _get('plan'));
SELECT * FROM finish();
ROLLBACK;
\quit
\endif

\getenv csv PB_PRICES_CSV
\getenv shared PB_SHARED_DATA
\ir ../fixtures/load_prices.sql
CREATE TEMP TABLE constituents (symbol text, company text, sector text, industry text);
\set file :shared /sp500_constituents.csv
\set command '\\copy constituents FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command

-- Books --------------------------------------------------------------------------------------------------------------

-- One of each sector, equally weighted; all stocks; within each sector every other stock long and the others short; one
-- sector against another.
CREATE TEMP TABLE stock AS
SELECT c.symbol, c.sector, row_number() OVER (PARTITION BY c.sector ORDER BY c.symbol) AS place,
       count(*) OVER (PARTITION BY c.sector) AS of_sector, count(*) OVER () AS of_all
FROM constituents AS c WHERE EXISTS (SELECT FROM market_data_cache AS m WHERE m.symbol = c.symbol AND m.date = '2023-01-03');
CREATE TEMP TABLE holding AS
SELECT b.book, s.symbol, b.weight
FROM stock AS s CROSS JOIN LATERAL (VALUES
  (s.sector, CASE WHEN s.of_sector >= 3 THEN 1.0 / s.of_sector END),
  ('all', 1.0 / s.of_all),
  ('neutral', (CASE WHEN s.place % 2 = 1 THEN 1.5 ELSE -1.5 END) / s.of_all),
  ('pair', CASE s.sector WHEN 'Industrials' THEN 1.0 / s.of_sector WHEN 'Health Care' THEN -0.6 / s.of_sector END))
  AS b (book, weight)
WHERE b.weight IS NOT NULL;
CREATE TEMP TABLE book AS SELECT book, row_number() OVER (ORDER BY book)::integer AS n FROM holding GROUP BY book;
CREATE TEMP TABLE days (day date);
INSERT INTO days VALUES ('2024-06-28'), ('2024-12-31');

SELECT pg_temp.add_portfolio(n, 10000000, '2024-06-28') FROM book \g /dev/null
SELECT pg_temp.add_lot(b.n, (100 * b.n + row_number() OVER (ORDER BY h.book, h.symbol))::integer, h.symbol,
                       round(10000000 * h.weight / m.close::numeric), m.close::numeric, '2024-06-28')
FROM holding AS h JOIN book AS b USING (book) JOIN market_data_cache AS m ON m.symbol = h.symbol AND m.date = '2024-06-28'
\g /dev/null
-- Every factor of the stress tests at once, which leaves only what is specific.
DELETE FROM stress_test_scenarios;
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) VALUES
  ('all', 'Every factor', '{"shocks": {"market": -0.1, "value": 0.01, "growth": -0.02, "momentum": 0.03, "quality": -0.01,
                                       "size": 0.02, "low_vol": -0.03, "interest_rate": 0.01}}');
SELECT is((SELECT sum(r.failed) FROM days, run_daily_batch(day) AS r), 0::numeric, 'the days are run');
SELECT cmp_ok((SELECT count(*) FROM book), '>=', 12::bigint, 'nine sectors or more, all stocks, and two long/short books');

-- The same by SQL ----------------------------------------------------------------------------------------------------

CREATE TEMP TABLE session AS
SELECT session_date AS day, row_number() OVER (ORDER BY session_date) AS t
FROM trading_sessions WHERE calendar = 'NYSE' AND session_date BETWEEN '2023-01-03' AND '2024-12-31';
CREATE TEMP TABLE ret AS
SELECT n.symbol, s.t, n.adj_close / o.adj_close - 1 AS r
FROM session AS s JOIN session AS before ON before.t = s.t - 1
JOIN market_data_cache AS n ON n.date = s.day JOIN market_data_cache AS o ON o.symbol = n.symbol AND o.date = before.day;
CREATE TEMP TABLE newest AS
SELECT d.day, s.t, 2 ^ ((s.t - max(s.t) OVER (PARTITION BY d.day)) / 63.0) AS decay
FROM days AS d CROSS JOIN LATERAL (SELECT t FROM session WHERE day <= d.day ORDER BY t DESC LIMIT 252) AS s;
ANALYZE stock, session, ret, newest;
-- The market, styles less their slope times it, spreads.
CREATE TEMP TABLE move AS
SELECT n.day, n.t, 'market'::text AS factor, r.r AS f FROM newest AS n JOIN ret AS r USING (t) WHERE r.symbol = 'SPY'
UNION ALL
SELECT n.day, n.t, d.name, l.r - CASE d.model WHEN 'ridge' THEN regr_slope(l.r, m.r) OVER (PARTITION BY n.day, d.name) * m.r
                                              ELSE s.r END
FROM newest AS n CROSS JOIN factor_definitions AS d
JOIN ret AS l ON l.t = n.t AND l.symbol = d.long_symbol JOIN ret AS m ON m.t = n.t AND m.symbol = 'SPY'
LEFT JOIN ret AS s ON s.t = n.t AND s.symbol = d.short_symbol
WHERE d.model IN ('ridge', 'spread');

CREATE TEMP TABLE weight AS
SELECT h.portfolio_id, h.calculation_date AS day, l.symbol, l.exposure / s.total_value::float8 AS w
FROM portfolio_holdings AS h CROSS JOIN LATERAL unnest(h.symbols, h.exposures) AS l (symbol, exposure)
JOIN portfolio_snapshots AS s ON s.portfolio_id = h.portfolio_id AND s.snapshot_date = h.calculation_date;
-- Under each model, once a factor.
CREATE TEMP TABLE beta AS
SELECT calculation_date AS day, model, symbol, factor, beta FROM symbol_factor_exposures
WHERE model IN ('ridge', 'spread') AND symbol IN (SELECT symbol FROM stock);
ANALYZE move, weight, beta;
CREATE TEMP TABLE residual AS
SELECT n.day, b.model, b.symbol, n.t, n.decay, r.r - sum(b.beta * m.f) AS e
FROM newest AS n JOIN ret AS r USING (t)
JOIN beta AS b ON b.symbol = r.symbol AND b.day = n.day
JOIN move AS m ON m.day = n.day AND m.t = n.t AND m.factor = b.factor
GROUP BY n.day, b.model, b.symbol, n.t, n.decay, r.r;
ANALYZE residual;
CREATE TEMP TABLE held_move AS
SELECT w.portfolio_id, w.day, f.model, w.symbol, e.t, e.decay, w.w * e.e * sqrt(f.observations / f.residual_df) AS move
FROM weight AS w JOIN residual AS e ON e.day = w.day AND e.symbol = w.symbol
JOIN symbol_model_fits AS f ON f.symbol = w.symbol AND f.calculation_date = w.day AND f.model = e.model;
ANALYZE held_move;
CREATE TEMP TABLE expected AS
WITH series AS (
  SELECT portfolio_id, day, model, decay / sum(decay) OVER (PARTITION BY portfolio_id, day, model) AS p,
         sum(move) ^ 2 AS u, sum(move ^ 2) AS own
  FROM held_move GROUP BY portfolio_id, day, model, t, decay
), mean AS (
  SELECT portfolio_id, day, model, sum(p * u) AS u, sum(p * own) AS own FROM series GROUP BY 1, 2, 3
)
SELECT portfolio_id, day, model, mean.own AS diagonal, mean.u AS variance,
       least(1, greatest(0, sum(p ^ 2 * (s.u - mean.u) * (s.u - s.own - mean.u + mean.own)) / (mean.u - mean.own) ^ 2)) AS shrinkage
FROM series AS s JOIN mean USING (portfolio_id, day, model) GROUP BY 1, 2, 3, mean.own, mean.u;

CREATE TEMP TABLE found AS
SELECT b.book, e.portfolio_id, e.calculation_date AS day, e.model, sum(e.contribution_to_risk) AS sigma,
       max(e.contribution_to_risk) FILTER (WHERE e.factor = 'specific') AS own,
       sum(e.percent_contribution_to_risk) AS shares
FROM portfolio_factor_exposures AS e JOIN book AS b ON pg_temp.id(b.n) = e.portfolio_id
WHERE e.model IN ('ridge', 'spread') GROUP BY 1, 2, 3, 4;
SELECT is((SELECT count(*) FROM expected JOIN found USING (portfolio_id, day, model)), 4 * (SELECT count(*) FROM book),
          'each book has a specific variance on both days under both models');
SELECT is_empty($$SELECT f.book, day, model, f.own * f.sigma, 252 * (shrinkage * diagonal + (1 - shrinkage) * variance)
                  FROM found AS f LEFT JOIN expected USING (portfolio_id, day, model)
                  WHERE pg_temp.near(f.own * f.sigma, 252 * (shrinkage * diagonal + (1 - shrinkage) * variance), 1e-9)
                        IS NOT TRUE$$,
                'the variance of its residual series, shrunk to the sum of those of its symbols');
SELECT is_empty('SELECT * FROM found WHERE (abs(shares - 1) < 1e-12) IS NOT TRUE', 'with the factors it is all of the risk');
SELECT is_empty($$SELECT f.book, day FROM found AS f JOIN portfolio_snapshots AS s
                    ON s.portfolio_id = f.portfolio_id AND s.snapshot_date = day
                  LEFT JOIN stress_test_results AS r ON r.portfolio_id = f.portfolio_id AND r.calculation_date = day
                  WHERE model = 'ridge' AND scenario_id = 'all'
                    AND pg_temp.near((r.calculation_metadata ->> 'conditional_sd')::float8,
                                     sqrt(f.own * f.sigma / 252) * s.total_value::float8, 1e-9) IS NOT TRUE$$,
                'and what stress tests leave unexplained when every factor is given');

-- Beside what the books did ------------------------------------------------------------------------------------------

-- The volatility of the returns of the holdings of the day, at the decay of the factors.
CREATE TEMP TABLE realized AS
SELECT portfolio_id, day, sqrt(252 * sum(decay * r ^ 2) / sum(decay)) AS volatility
FROM (SELECT w.portfolio_id, w.day, n.decay, sum(w.w * r.r) AS r
      FROM weight AS w JOIN newest AS n USING (day) JOIN ret AS r ON r.symbol = w.symbol AND r.t = n.t
      GROUP BY 1, 2, n.t, 3) AS r GROUP BY 1, 2;
CREATE TEMP TABLE ratio AS
SELECT f.book, f.day, f.model, f.sigma / r.volatility AS whole,
       sqrt(f.sigma ^ 2 - f.own * f.sigma + 252 * e.diagonal) / r.volatility AS of_diagonal, e.shrinkage, e.diagonal, e.variance
FROM found AS f JOIN realized AS r USING (portfolio_id, day) JOIN expected AS e USING (portfolio_id, day, model);
SELECT is((SELECT count(*) FROM ratio), (SELECT count(*) FROM found), 'each book has returns');
SELECT is_empty('SELECT * FROM ratio WHERE (whole BETWEEN 0.85 AND 1.17) IS NOT TRUE',
                'the volatility of the model is near that of each book');
SELECT ok((SELECT min(of_diagonal) < 0.85 FROM ratio WHERE book NOT IN ('all', 'neutral', 'pair')),
          'which it would not be of sectors with residuals that are taken for uncorrelated');
SELECT is_empty($$SELECT book, day, avg(abs(ln(whole))), avg(abs(ln(of_diagonal))) FROM ratio
                  WHERE book IN ('Energy', 'Consumer Staples', 'Utilities', 'Health Care') AND day = '2024-12-31'
                  GROUP BY 1, 2 HAVING avg(abs(ln(whole))) > 0.75 * avg(abs(ln(of_diagonal)))$$,
                'where it is nearer');
SELECT is_empty('SELECT * FROM ratio WHERE (shrinkage BETWEEN 0 AND 1 AND variance > 0) IS NOT TRUE', 'weights are weights');
-- A figure of the portfolio: the same alone as among others.
CREATE TEMP TABLE before AS SELECT model, contribution_to_risk FROM portfolio_factor_exposures
WHERE portfolio_id = pg_temp.id(1) AND calculation_date = '2024-12-31' AND factor = 'specific';
SELECT count(*) FROM calc_factor_betas('2024-12-31', portfolio_id => pg_temp.id(1)) \g /dev/null
SELECT set_eq($$SELECT model, contribution_to_risk FROM portfolio_factor_exposures
                WHERE portfolio_id = pg_temp.id(1) AND calculation_date = '2024-12-31' AND factor = 'specific'$$,
              'SELECT * FROM before', 'the same alone as among others');
SELECT * FROM finish();
ROLLBACK;
