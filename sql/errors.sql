-- What goes wrong says what it was, and what to do.
SET client_min_messages = warning;
CREATE SCHEMA desk;
SET search_path = desk;
SET datestyle = ISO;
\set SHOW_CONTEXT never
\set growth '''00000000-0000-4000-8000-000000000001'''
\set income '''00000000-0000-4000-8000-000000000002'''
\set acme '''00000000-0000-4000-8000-000000000011'''
CREATE EXTENSION portfolio_batch SCHEMA desk;

-- Before the tables exist.
SELECT * FROM run_daily_batch('2024-07-08');
SELECT count(*) AS created FROM create_analytics_tables() WHERE action = 'created';

-- No portfolio is no error.
SELECT phase, name, status, detail FROM run_daily_batch('2024-07-08');

-- Dates.
SELECT * FROM run_daily_batch('2024-07-06');
SELECT * FROM run_daily_batch('1985-07-08');
SELECT * FROM run_daily_batch_with_backfill('2050-07-08');
SELECT * FROM run_daily_batch_with_backfill('2024-07-08', max_dates => 0);

-- Collections.
CALL collect_market_data(kinds => '{price}');
CALL collect_fundamentals('2024-07-06');
-- (The details would show today.)
\set VERBOSITY terse
CALL collect_market_data('2033-07-05');
CALL collect_fundamentals('2033-07-05');
\set VERBOSITY default
BEGIN;
CALL collect_market_data('2024-07-05');
ROLLBACK;
BEGIN;
CALL collect_fundamentals('2024-07-05');
ROLLBACK;

-- Portfolios and phases.
SELECT * FROM run_daily_batch('2024-07-08', '{00000000-0000-4000-8000-000000000009}');
SELECT * FROM run_daily_batch('2024-07-08', '{NULL}');
SELECT * FROM run_daily_batch('2024-07-08', phases => '{2,risk}');

-- Input that the tables refuse. (The details would show the time.)
INSERT INTO portfolios (id, name, initial_equity) VALUES (:growth, 'Growth', 50000), (:income, 'Income', NULL);
\set VERBOSITY terse
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
VALUES (:growth, 'ACME', 'SHORT', 100, 100, '2024-07-08');
INSERT INTO market_data_cache (symbol, date, close) VALUES ('ACME', '2024-07-08', 'NaN');
\set VERBOSITY default

-- A portfolio that cannot be computed does not stop another one.
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date) VALUES
  (:growth, :acme, 'ACME', 'LONG', 100, 100, '2024-07-08'),
  (:income, gen_random_uuid(), 'ACME', 'LONG', 100, 100, '2024-07-08');
INSERT INTO market_data_cache (symbol, date, close) VALUES ('ACME', '2024-07-08', 101), ('ACME', '2024-07-09', 102);
-- Without a market there are no betas, and the risk phase fails.
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'SPY', session_date, 500 + extract(day FROM session_date) FROM sessions_between('2024-07-05', '2024-07-09');
UPDATE factor_definitions SET is_active = false;
SELECT session_date, phase, status, processed, skipped, failed, detail
FROM run_daily_batch_with_backfill('2024-07-09') WHERE phase IN ('2', '3');
SELECT calculation_date, portfolio_id, status, sqlstate, error_message, error_hint
FROM batch_jobs WHERE portfolio_id IS NOT NULL ORDER BY job_no;
SELECT status, dates_processed, portfolio_dates FROM batch_runs;

-- A phase that fails is rolled back alone.
ALTER TABLE symbol_model_fits ADD CONSTRAINT house_rule CHECK (calculation_date <> '2024-07-09' OR model <> 'market')
  NOT VALID;
SELECT phase, name, status, rows_written, detail
FROM run_daily_batch('2024-07-09', ARRAY[:growth::uuid], force => true);
SELECT job_name, job_type, status, sqlstate, error_message FROM batch_jobs
WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL;

-- Closing trades.
SELECT close_position(:growth, :acme, 101, 103, '2024-07-09');
SELECT close_position(:growth, :acme, 0, 103, '2024-07-09');
SELECT close_position(:growth, :growth, 1, 103, '2024-07-09');

-- Codes, for programs.
\set VERBOSITY sqlstate
SELECT * FROM run_daily_batch('2024-07-06');
SELECT * FROM run_daily_batch('2024-07-08', '{00000000-0000-4000-8000-000000000009}');
SELECT * FROM create_portfolio_snapshots('2024-07-09', ARRAY[:income::uuid]);
SELECT price_asof('ACME', '2024-07-09', -1);
SET portfolio_batch.schema = 'nowhere';
SELECT * FROM run_daily_batch('2024-07-08');
SET portfolio_batch.beta_window = 0;
\set VERBOSITY default

RESET portfolio_batch.schema;
DROP SCHEMA desk CASCADE;
