-- A small portfolio, worked through a week of July 2024.
SET client_min_messages = warning;
CREATE SCHEMA desk;
SET search_path = desk;
SET datestyle = ISO;
\set growth '''00000000-0000-4000-8000-000000000001'''
\set acme '''00000000-0000-4000-8000-000000000011'''
CREATE EXTENSION portfolio_batch SCHEMA desk;
SELECT count(*) AS created FROM create_analytics_tables() WHERE action = 'created';

-- 50,000 dollars; 100 shares of ACME bought on Monday at 100, 200 of BOND sold short on Tuesday at 50.
INSERT INTO portfolios (id, name, initial_equity) VALUES (:growth, 'Growth', 50000);
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date) VALUES
  (:growth, :acme,             'ACME', 'LONG',   100, 100, '2024-07-08'),
  (:growth, gen_random_uuid(), 'BOND', 'SHORT', -200,  50, '2024-07-09');
INSERT INTO company_profiles (symbol, sector) VALUES ('ACME', 'Industrials');
INSERT INTO market_data_cache (symbol, date, close) VALUES
  ('ACME', '2024-07-08', 101), ('ACME', '2024-07-09', 103), ('ACME', '2024-07-10', 102), ('ACME', '2024-07-12', 105),
  ('BOND', '2024-07-08', 50.25), ('BOND', '2024-07-09', 49.5), ('BOND', '2024-07-10', 49),
  ('BOND', '2024-07-11', 49.75), ('BOND', '2024-07-12', 49.25);
-- Without a market there are no betas, and the risk phase fails.
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'SPY', session_date, 500 + extract(day FROM session_date) FROM sessions_between('2024-07-05', '2024-07-16');
-- Only what the portfolio holds and the market are of interest here.
UPDATE factor_definitions SET is_active = false;

-- Monday night. (The column duration is left out: it is never the same.)
SELECT session_date, phase, name, status, processed, skipped, failed, rows_written, detail
FROM run_daily_batch('2024-07-08');

-- On Wednesday 40 ACME are sold, on Thursday 1,000 dollars are taken out; ACME has no price that day.
SELECT close_position(:growth, :acme, 40, 102.5, '2024-07-10') IS NOT NULL AS closed;
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (:growth, 'WITHDRAWAL', 1000, '2024-07-11');

-- What is owed, and the catching up.
SELECT session_date, missing FROM missing_sessions('2024-07-12');
SELECT session_date, phase, status, processed, skipped, failed, rows_written, detail
FROM run_daily_batch_with_backfill('2024-07-12');
SELECT session_date, phase, status, detail FROM run_daily_batch_with_backfill('2024-07-12');

-- The week: equity = the day before + P&L + flows = cash + long + short.
SELECT snapshot_date, equity_balance, daily_pnl, daily_capital_flow AS flow, cash_value AS cash, total_long,
       total_short, daily_realized_pnl AS realized, stale_prices AS stale, round(daily_return::numeric, 6) AS return
FROM portfolio_snapshots ORDER BY snapshot_date;
SELECT symbol, quantity, last_price, last_price_date, market_value, unrealized_pnl, realized_pnl
FROM positions ORDER BY symbol COLLATE "C";
SELECT symbol, quantity, entry_price FROM positions_asof('2024-07-10') ORDER BY symbol COLLATE "C";
SELECT position_type, long_exposure, short_exposure, gross_exposure, net_exposure, positions
FROM portfolio_exposures('2024-07-12') ORDER BY position_type COLLATE "C";

-- Why there is no beta.
SELECT symbol, observations, beta, f.reason FROM symbol_model_fits AS f
JOIN symbol_factor_exposures AS e USING (symbol, calculation_date, model)
WHERE calculation_date = '2024-07-12' AND model = 'market' ORDER BY symbol COLLATE "C";
SELECT t.name AS sector, p.symbol FROM position_tags AS l JOIN tags AS t ON t.id = l.tag_id
JOIN positions AS p ON p.id = l.position_id ORDER BY p.symbol COLLATE "C";

-- Thursday's price arrives late. Run again, it changes what depends on it.
INSERT INTO market_data_cache (symbol, date, close) VALUES ('ACME', '2024-07-11', 104);
SELECT phase, status, rows_written, detail FROM run_daily_batch('2024-07-11') WHERE phase IN ('2', '2.5', '3');
SELECT snapshot_date, equity_balance, daily_pnl, stale_prices FROM portfolio_snapshots
WHERE snapshot_date >= '2024-07-10' ORDER BY snapshot_date;
SELECT phase, rows_written FROM run_daily_batch('2024-07-11');

-- The procedure does the same and commits after each date.
INSERT INTO market_data_cache (symbol, date, close)
VALUES ('ACME', '2024-07-15', 106), ('BOND', '2024-07-15', 49),
       ('ACME', '2024-07-16', 107), ('BOND', '2024-07-16', 48.5);
CALL daily_batch('2024-07-16');
SELECT snapshot_date, equity_balance, daily_pnl, mtd_pnl FROM portfolio_snapshots
WHERE snapshot_date > '2024-07-12' ORDER BY snapshot_date;

-- The log.
SELECT run_id, run_kind, target_date, status, dates_processed, portfolio_dates, rows_written, error_count
FROM batch_runs ORDER BY run_id;
SELECT job_no, job_type, phase, job_name, calculation_date, status, processed, rows_written
FROM batch_jobs WHERE run_id = 1 ORDER BY job_no;

DROP SCHEMA desk CASCADE;
