-- Installing: the extension brings the functions, one call creates the tables in a schema of your choice.
CREATE SCHEMA desk;
SET search_path = desk;
SET datestyle = ISO;
\set SHOW_CONTEXT never
CREATE EXTENSION portfolio_batch SCHEMA desk;
SELECT * FROM create_analytics_tables();

-- A second call finds everything in place, also what somebody has changed.
UPDATE factor_definitions SET is_active = false WHERE name = 'low_vol';
SELECT action, count(*), sum(rows_added) AS rows_added FROM create_analytics_tables() GROUP BY action;
SELECT name, model, long_symbol, short_symbol, is_active FROM factor_definitions ORDER BY display_order;
SELECT category, count(*), count(*) FILTER (WHERE active) AS active FROM stress_test_scenarios GROUP BY category
ORDER BY category COLLATE "C";
SELECT min(session_date), max(session_date), count(*) FROM trading_sessions WHERE calendar = 'NYSE';

-- Tables of another shape are not touched; the error lists what does not fit and what to do.
CREATE SCHEMA older;
CREATE TABLE older.portfolios (id uuid PRIMARY KEY, name varchar(255) NOT NULL, currency text NOT NULL DEFAULT 'USD');
SELECT * FROM create_analytics_tables('older');

-- The tables belong to who made them: without the extension they are still there.
INSERT INTO portfolios (id, name, initial_equity) VALUES ('00000000-0000-4000-8000-000000000001', 'Growth', 100000);
DROP EXTENSION portfolio_batch;
SELECT name, currency, initial_equity, is_active FROM portfolios;

SET client_min_messages = warning;
DROP SCHEMA desk, older CASCADE;
