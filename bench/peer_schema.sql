-- The schema peer: empty tables as a program without the extension would have them, for the programs that are measured
-- beside it: the same columns, primary keys, references and storage, none of the extension's checks. Pairs of
-- correlations are rows of a plain table, without a key: nothing but their portfolio and date finds them again.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
SELECT format('CREATE TABLE peer.%I (LIKE %I INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES)', table_name,
              table_name) FROM analytics_columns()
WHERE column_name IS NULL
  AND (data_type = 'result' OR table_name IN ('portfolios', 'positions', 'tags', 'position_tags'))
\gexec
SELECT format('ALTER TABLE peer.%I %s', table_name, clause) FROM _portfolio_batch.analytics_storage()
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
