-- The schema peer: empty tables as a program without the extension would have them, for the programs that are measured
-- beside it: rows of the documented columns, with primary keys, references and storage, none of the extension's checks.
-- Names that are views over more compact tables are tables of rows here; arrays, which only those have, stay empty.
-- Pairs of correlations are rows of a plain table, without a key: only their portfolio and date find them again.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TEMP TABLE relation AS
SELECT a.table_name, a.data_type = 'view' AS is_view, k.columns AS key
FROM analytics_columns() AS a
LEFT JOIN (VALUES
  ('symbol_factor_exposures', 'symbol, calculation_date, model, factor'),
  ('position_market_betas', 'portfolio_id, calculation_date, position_id, method, window_days'),
  ('position_interest_rate_betas', 'portfolio_id, calculation_date, position_id'),
  ('position_factor_exposures', 'portfolio_id, calculation_date, position_id, model'),
  ('portfolio_factor_exposures', 'portfolio_id, calculation_date, model, factor'),
  ('position_volatility', 'portfolio_id, calculation_date, position_id'),
  ('stress_test_results', 'portfolio_id, calculation_date, scenario_id')) AS k (name, columns) ON k.name = a.table_name
WHERE a.column_name IS NULL
  AND (a.data_type = 'result' OR a.data_type = 'view' AND k.name IS NOT NULL
       OR a.table_name IN ('portfolios', 'positions', 'tags', 'position_tags'));
SELECT format('CREATE TABLE peer.%I (LIKE %I INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES)', table_name,
              table_name) FROM relation
\gexec
SELECT format('ALTER TABLE peer.%I ADD PRIMARY KEY (%s), ALTER created_at SET DEFAULT now()', table_name, key)
FROM relation WHERE is_view
\gexec
ALTER TABLE peer.position_market_betas ALTER method SET DEFAULT 'OLS_NW';
SELECT format('ALTER TABLE peer.%I ALTER %I DROP NOT NULL', r.table_name, a.attname)
FROM relation AS r
JOIN pg_attribute AS a ON a.attrelid = format('peer.%I', r.table_name)::regclass AND a.attnotnull AND a.attnum > 0
JOIN pg_type AS t ON t.oid = a.atttypid AND t.typcategory = 'A'
\gexec
SELECT format('ALTER TABLE peer.%I %s', s.table_name, s.clause)
FROM _portfolio_batch.analytics_storage() AS s WHERE to_regclass(format('peer.%I', s.table_name)) IS NOT NULL
\gexec
CREATE TABLE peer.pairwise_correlations (
  portfolio_id uuid, calculation_date date, symbol1 text, symbol2 text, correlation_coefficient double precision,
  p_value double precision, observations integer, duration_days integer);
INSERT INTO peer.portfolios SELECT * FROM portfolios;
INSERT INTO peer.positions SELECT * FROM positions;
ALTER TABLE peer.position_tags
  ADD FOREIGN KEY (portfolio_id, position_id) REFERENCES peer.positions (portfolio_id, id),
  ADD FOREIGN KEY (tag_id) REFERENCES peer.tags (id);
-- As the extension's tables are when its run begins.
VACUUM ANALYZE peer.portfolios, peer.positions;
CHECKPOINT;
