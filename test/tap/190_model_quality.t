#!/bin/bash
# model_quality on a year of batches over real prices, against a program that computes every figure from the stored
# tables (test/golden/model_quality.py).

. "$(dirname "$0")/tap.bash"
plan 8

[ -r "${PB_PRICES_CSV:-}" ] && [ -r "${PB_SHARED_DATA:-}/dgs10_2005_2024.csv" ] ||
  skip_rest 'PB_SHARED_DATA names no folder with prices and yields'
begin_cluster
export PGOPTIONS='-c portfolio_batch.progress=off -c client_min_messages=warning'
sql "CREATE DATABASE quality"
export PGDATABASE=quality
sql "CREATE EXTENSION portfolio_batch" "SELECT FROM create_analytics_tables()"
psql -Xq -v ON_ERROR_STOP=1 -v csv="$PB_PRICES_CSV" -f "$PB_ROOT/test/fixtures/load_prices.sql"
# A few prices are missing. The books are three long ones and one that hedges, of what was listed by then.
psql -Xq -v ON_ERROR_STOP=1 <<SQL
CREATE TEMP TABLE yields (date date, percent float8);
\\copy yields FROM '$PB_SHARED_DATA/dgs10_2005_2024.csv' WITH (FORMAT csv, HEADER true)
INSERT INTO interest_rates (series, date, rate, source) SELECT 'DGS10', date, percent, 'csv' FROM yields;
DELETE FROM market_data_cache WHERE (symbol, date) IN (('AAPL', '2024-05-15'), ('TSLA', '2024-08-01'), ('MTUM', '2024-10-10'));
INSERT INTO portfolios (id, name, inception_date, initial_equity)
SELECT format('00000000-0000-4000-8000-00000000000%s', n)::uuid, 'book ' || n, '2023-12-20', 1000000 FROM generate_series(1, 4) AS n;
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
SELECT f.id, s.symbol, CASE WHEN x.is_short THEN 'SHORT' ELSE 'LONG' END,
       CASE WHEN x.is_short THEN -1 ELSE 1 END * round((60000 / c.close)::numeric), c.close, '2023-12-20'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM portfolios) AS f
CROSS JOIN unnest('{AAPL,ABNB,CEG,COIN,IWM,JNJ,JPM,LLY,META,MSFT,NVDA,PFE,PLTR,TLT,TSLA,UBER,XLK,XLU,XOM}'::text[])
  WITH ORDINALITY AS s (symbol, place)
CROSS JOIN LATERAL (SELECT f.n = 4 AND s.place % 2 = 0 AS is_short) AS x
JOIN market_data_cache AS c ON c.symbol = s.symbol AND c.date = '2023-12-20'
WHERE f.n = 4 OR s.place % 3 = f.n - 1;
SQL
sql "CALL daily_batch('2024-12-31')"
is "$(sql "SELECT count(*), count(DISTINCT snapshot_date) FROM portfolio_snapshots WHERE analytics_complete")" '1036|259' \
  'a year of batches'

# The stored tables, and what the program makes of them.
copy() { psql -Xq -v ON_ERROR_STOP=1 -c "\\copy ($2) TO '$tap_folder/$1.csv' WITH (FORMAT csv, HEADER)"; }
export_tables() {
  for table in factor_models symbol_model_fits symbol_volatility portfolio_snapshots portfolio_model_exposures; do
    copy "$table" "SELECT * FROM $table"
  done
  copy prices 'SELECT symbol, date, adj_close AS price FROM market_data_cache'
  copy sessions "SELECT session_date FROM trading_sessions
                 WHERE calendar = 'NYSE' AND session_date BETWEEN '2016-01-04' AND '2024-12-31'"
}
# compare FROM TO NAME: the figures of the program are in the table other.
compare() {
  python3 "$PB_ROOT/test/golden/model_quality.py" "$tap_folder" "$1" "$2" >"$tap_folder/figures.csv"
  sql "DROP TABLE IF EXISTS other" "CREATE TABLE other AS SELECT * FROM model_quality('$1', '$2') WHERE false"
  psql -Xq -v ON_ERROR_STOP=1 -c "\\copy other FROM '$tap_folder/figures.csv' WITH (FORMAT csv, HEADER)"
  is "$(sql "
    SELECT q.month, q.model, q.measure, q.value, o.value, q.alternative_value, o.alternative_value, q.observations,
           o.observations, q.verdict, o.verdict
    FROM (SELECT *, concat(portfolio_id) AS book FROM model_quality('$1', '$2')) AS q
    FULL JOIN (SELECT *, concat(portfolio_id) AS book FROM other) AS o USING (month, model, measure, book)
    CROSS JOIN LATERAL (SELECT bool_and(CASE WHEN f.a IS NULL OR f.b IS NULL THEN f.a IS NULL AND f.b IS NULL
                                             ELSE abs(f.a - f.b) <= 1e-9 * greatest(abs(f.a), abs(f.b)) END) AS agree
                        FROM (VALUES (q.value, o.value), (q.alternative_value, o.alternative_value),
                                     (q.range_low, o.range_low), (q.range_high, o.range_high)) AS f (a, b)) AS d
    WHERE NOT d.agree OR (q.alternative, q.observations, q.verdict, q.reason)
                         IS DISTINCT FROM (o.alternative, o.observations, o.verdict, o.reason)")" '' "$3"
}
export_tables
compare 2024-01-01 2024-12-31 'a year: every figure, number and verdict'
is "$(sql "SELECT count(DISTINCT month), count(DISTINCT measure), count(*) FILTER (WHERE value IS NOT NULL) > 250 FROM other")" \
  '12|8|t' 'each month and measure is among them'
is "$(sql "SELECT string_agg(DISTINCT model, ' ' ORDER BY model) FROM other WHERE measure = 'beta_coverage' AND value IS NOT NULL")" \
  'market rate ridge spread' 'also betas of which the next window is over'
compare 2024-03-11 2024-10-17 'parts of months'
is "$(sql "SELECT count(*) FROM model_quality('2024-06-01', '2024-06-30') EXCEPT
           SELECT count(*) FROM (SELECT * FROM model_quality('2024-06-01', '2024-06-30') INTERSECT
                                 SELECT * FROM model_quality('2024-01-01', '2024-12-31')) AS q")" '' \
  'a month is the same whatever months are asked for'

# Without orthogonal styles, and with models that are not there on some days.
sql "UPDATE factor_models SET parameters = parameters || '{\"orthogonalized\": false}' WHERE model = 'ridge'" \
  "DELETE FROM factor_models WHERE calculation_date IN ('2024-04-09', '2024-04-30')" \
  "UPDATE symbol_volatility SET forecast_method = 'ewma' WHERE symbol < 'K'"
export_tables
compare 2024-03-01 2024-08-31 'styles as they are, and days without models'
is "$(sql "SELECT count(value) FROM other WHERE measure = 'out_of_sample_r2' AND model = 'ridge'")" 6 'which are six months of styles'
done_testing
