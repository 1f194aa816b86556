-- Plain SQL for what it has aggregates for: market betas by regr_slope, and correlations by corr() over a self-join,
-- from the same prices for the same positions. No standard errors, no samples by symbol: less than the engines write.
-- :day is the session, :min_weight and :min_value the filters, :part is betas or correlations, these of :at_most
-- symbols of a portfolio.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT :'part' = 'betas' AS is_betas \gset
\if :is_betas
DROP TABLE IF EXISTS peer.sql_market_betas;
CREATE TABLE peer.sql_market_betas (portfolio_id uuid, position_id uuid, calculation_date date, beta double precision,
                                    alpha double precision, r_squared double precision,
                                    PRIMARY KEY (portfolio_id, position_id, calculation_date));
SELECT clock_timestamp() AS started \gset
WITH days AS MATERIALIZED (
  SELECT session_date FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= :'day'
  ORDER BY session_date DESC LIMIT 253),
returns AS MATERIALIZED (
  SELECT symbol, date, price / lag(price) OVER (PARTITION BY symbol ORDER BY date) - 1 AS r
  FROM (SELECT symbol, date, coalesce(adj_close, close) AS price FROM market_data_cache
        WHERE date >= (SELECT min(session_date) FROM days) AND date <= :'day'
          AND symbol IN (SELECT symbol FROM positions WHERE investment_class = 'PUBLIC' UNION SELECT 'SPY')) AS prices),
betas AS MATERIALIZED (
  SELECT own.symbol, regr_slope(own.r, market.r) AS beta, regr_intercept(own.r, market.r) AS alpha,
         regr_r2(own.r, market.r) AS r_squared
  FROM returns AS own JOIN returns AS market ON market.symbol = 'SPY' AND market.date = own.date
  GROUP BY own.symbol HAVING count(own.r) >= 60)
INSERT INTO peer.sql_market_betas
SELECT p.portfolio_id, p.id, :'day', b.beta, b.alpha, b.r_squared
FROM positions AS p LEFT JOIN betas AS b ON b.symbol = p.symbol AND p.investment_class = 'PUBLIC'
WHERE p.entry_date <= :'day';
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz);
\else
DROP TABLE IF EXISTS peer.sql_correlations;
CREATE TABLE peer.sql_correlations (portfolio_id uuid, calculation_date date, symbol1 text COLLATE "C",
                                    symbol2 text COLLATE "C", correlation_coefficient double precision,
                                    observations integer,
                                    PRIMARY KEY (portfolio_id, calculation_date, symbol1, symbol2));
SELECT clock_timestamp() AS started \gset
-- A pair is computed once, whoever holds it; work_mem so that the joins and groups stay in memory.
SET work_mem = '512MB';
WITH days AS MATERIALIZED (
  SELECT session_date FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= :'day'
  ORDER BY session_date DESC LIMIT 127),
held AS MATERIALIZED (
  SELECT portfolio_id, symbol COLLATE "C" AS symbol FROM (
    SELECT p.portfolio_id, p.symbol, abs(sum(p.market_value) FILTER (WHERE p.investment_class = 'PUBLIC')) AS value,
           sum(sum(abs(p.market_value))) OVER (PARTITION BY p.portfolio_id) AS gross,
           row_number() OVER (PARTITION BY p.portfolio_id ORDER BY p.symbol) AS place
    FROM positions AS p WHERE p.entry_date <= :'day' GROUP BY p.portfolio_id, p.symbol) AS sizes
  WHERE value >= :min_value AND value >= :min_weight * gross AND place <= :at_most),
returns AS MATERIALIZED (
  SELECT symbol, date, ln(price / lag(price) OVER (PARTITION BY symbol ORDER BY date)) AS r
  FROM (SELECT symbol COLLATE "C" AS symbol, date, coalesce(adj_close, close) AS price FROM market_data_cache
        WHERE date >= (SELECT min(session_date) FROM days) AND date <= :'day'
          AND symbol IN (SELECT symbol FROM held)) AS prices),
wanted AS MATERIALIZED (
  SELECT a.portfolio_id, a.symbol AS symbol1, b.symbol AS symbol2
  FROM held AS a JOIN held AS b ON b.portfolio_id = a.portfolio_id AND a.symbol < b.symbol),
pairs AS MATERIALIZED (
  SELECT w.symbol1, w.symbol2, corr(a.r, b.r) AS rho, count(a.r) AS n
  FROM (SELECT DISTINCT symbol1, symbol2 FROM wanted) AS w
  JOIN returns AS a ON a.symbol = w.symbol1 JOIN returns AS b ON b.symbol = w.symbol2 AND b.date = a.date
  WHERE a.r IS NOT NULL AND b.r IS NOT NULL GROUP BY w.symbol1, w.symbol2)
INSERT INTO peer.sql_correlations
SELECT w.portfolio_id, :'day', symbol1, symbol2, CASE WHEN n >= 60 THEN rho END, n
FROM wanted AS w JOIN pairs USING (symbol1, symbol2);
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz);
\endif
