-- The schema peer: empty tables like those of the extension, with the same keys and checks, for the programs that are
-- measured beside it. Pairs of correlations are rows of a table, as they are without the extension's packed matrix.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
SELECT format('CREATE TABLE peer.%I (LIKE %I INCLUDING ALL)', table_name, table_name) FROM analytics_columns()
WHERE column_name IS NULL
  AND (data_type = 'result' OR table_name IN ('portfolios', 'positions', 'tags', 'position_tags'))
\gexec
CREATE TABLE peer.pairwise_correlations (
  portfolio_id uuid, calculation_date date, symbol1 text, symbol2 text, correlation_coefficient double precision,
  p_value double precision, observations integer, duration_days integer,
  PRIMARY KEY (portfolio_id, calculation_date, symbol1, symbol2));
INSERT INTO peer.portfolios SELECT * FROM portfolios;
INSERT INTO peer.positions SELECT * FROM positions;
ALTER TABLE peer.position_tags
  ADD FOREIGN KEY (portfolio_id, position_id) REFERENCES peer.positions (portfolio_id, id),
  ADD FOREIGN KEY (tag_id) REFERENCES peer.tags (id);
