-- The floor under any program that works outside: COPY of what it must read out of the database, and of what it must
-- write back in, both binary, with nothing computed. Prices are those in reach of the estimates; of the factors of
-- stress tests, of all the past. :folder receives the files; prints the seconds. With a :day the results are those of
-- that day alone, and what was there before stays; the tags are in place.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TEMP TABLE results AS
SELECT t.table_name,
       CASE WHEN :'day' = '' THEN '' ELSE format(' WHERE %I = %L', d.column_name, :'day') END AS condition
FROM analytics_columns() AS t
LEFT JOIN analytics_columns() AS d ON d.table_name = t.table_name AND d.data_type = 'date'
                                  AND d.column_name IN ('calculation_date', 'snapshot_date')
WHERE t.column_name IS NULL AND (t.data_type = 'result' OR t.table_name = 'position_tags')
  AND (:'day' = '' OR d.column_name IS NOT NULL);

SELECT clock_timestamp() AS started \gset
SELECT format('COPY (%s) TO %L (FORMAT binary)', query, :'folder' || '/in' || row_number() OVER ()) FROM (VALUES
  ($$SELECT symbol, date, close, adj_close FROM market_data_cache WHERE symbol IN (SELECT symbol FROM positions
     UNION SELECT long_symbol FROM factor_definitions UNION SELECT short_symbol FROM factor_definitions)
     AND (date > $$ || coalesce(quote_literal(nullif(:'day', '')) || '::date',
                               '(SELECT min(snapshot_date) FROM portfolio_snapshots)') || $$ - 795
          OR symbol = 'SPY' OR symbol IN (SELECT long_symbol FROM factor_definitions WHERE model = 'ridge'))$$),
  ('SELECT * FROM portfolios'), ('SELECT * FROM positions'), ('SELECT * FROM position_realized_events'),
  ('SELECT * FROM equity_changes'), ('SELECT * FROM company_profiles'), ('SELECT * FROM interest_rates')) AS q (query)
\gexec
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz) AS outward \gset

SELECT format('COPY (SELECT * FROM %I%s) TO %L (FORMAT binary)', table_name, condition,
              :'folder' || '/out_' || table_name) FROM results
\gexec
SELECT CASE WHEN condition = '' THEN format('TRUNCATE %I', table_name)
            ELSE format('DELETE FROM %I%s', table_name, condition) END FROM results
\gexec
VACUUM;
CHECKPOINT;
SELECT clock_timestamp() AS started \gset
SELECT format('COPY %I FROM %L (FORMAT binary)', table_name, :'folder' || '/out_' || table_name) FROM results
\gexec
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz) + :outward;
