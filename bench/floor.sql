-- The floor under any program that works outside: COPY of what it must read out of the database, and of what it must
-- write back in, both binary, with nothing computed. :folder receives the files; prints the seconds.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TEMP TABLE results AS
SELECT table_name FROM analytics_columns()
WHERE column_name IS NULL AND (data_type = 'result' OR table_name = 'position_tags');

SELECT clock_timestamp() AS started \gset
SELECT format('COPY (%s) TO %L (FORMAT binary)', query, :'folder' || '/in' || row_number() OVER ()) FROM (VALUES
  ($$SELECT symbol, date, close, adj_close FROM market_data_cache WHERE symbol IN (SELECT symbol FROM positions
     UNION SELECT long_symbol FROM factor_definitions UNION SELECT short_symbol FROM factor_definitions)
     AND date > (SELECT min(snapshot_date) - 795 FROM portfolio_snapshots)$$),
  ('SELECT * FROM portfolios'), ('SELECT * FROM positions'), ('SELECT * FROM position_realized_events'),
  ('SELECT * FROM equity_changes'), ('SELECT * FROM company_profiles'), ('SELECT * FROM interest_rates')) AS q (query)
\gexec
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz) AS outward \gset

SELECT format('COPY %I TO %L (FORMAT binary)', table_name, :'folder' || '/out_' || table_name) FROM results
\gexec
SELECT format('TRUNCATE %I', table_name) FROM results
\gexec
CHECKPOINT;
SELECT clock_timestamp() AS started \gset
SELECT format('COPY %I FROM %L (FORMAT binary)', table_name, :'folder' || '/out_' || table_name) FROM results
\gexec
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz) + :outward;
