-- Load adjusted closes (header: symbol,date,price): psql -v csv=/path/to/prices.csv -f demo_prices.sql
-- The file holds one price a day, adjusted for splits and dividends. It goes into close and into adj_close, so that
-- valuation and returns read the same series; no corporate action belongs to it.

CREATE TEMPORARY TABLE demo_prices (symbol text, date text, price text);
-- \copy does not expand variables in its own arguments, hence the command is assembled first.
\set copy_command '\\copy pg_temp.demo_prices FROM ' :'csv' ' WITH (FORMAT csv, HEADER true)'
:copy_command

SELECT * FROM import_prices_csv('pg_temp.demo_prices',
                                '{"close": "price", "adj_close": "price", "adjustment": "=split"}');
DROP TABLE pg_temp.demo_prices;
\unset copy_command
ANALYZE market_data_cache;
