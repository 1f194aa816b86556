#!/bin/bash
# The figures of a symbol depend on its prices, those of the factors, the yields and the settings, and on nothing else:
# each engine gives the same bits of every symbol table for all portfolios together, for one by one in any order, for a
# portfolio that holds nothing but the symbol, for one session or for several together, and with any number of workers.
# On real prices with gaps, under a penalty that is given and under one that is chosen.

. "$(dirname "$0")/tap.bash"
plan 24

if [ ! -r "${PB_PRICES_CSV:-}" ] || [ ! -r "${PB_SHARED_DATA:-}/dgs10_2005_2024.csv" ]; then
  skip_rest 'PB_SHARED_DATA names no folder with prices and yields'
fi

begin_cluster
days=(2024-08-28 2024-08-29 2024-08-30)
last=${days[2]}

# The book -----------------------------------------------------------------------------------------------------------

# The reference portfolios; one of all symbols; one of nothing but TSLA, and so on. Prices are missing on days of their
# own, on days that several symbols share, and of a fund on one day; some symbols are young, and one is split in prices
# that do not know it.
sql 'CREATE DATABASE book'
export PGDATABASE=book PGOPTIONS='-c portfolio_batch.progress=off -c client_min_messages=warning'
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()'
psql -Xq -v ON_ERROR_STOP=1 -v csv="$PB_PRICES_CSV" -f "$PB_ROOT/test/fixtures/load_prices.sql" \
  -f "$PB_ROOT/test/fixtures/real_portfolios.sql"
sql <<SQL
CREATE TEMP TABLE yields (date date, percent float8);
\\copy yields FROM '$PB_SHARED_DATA/dgs10_2005_2024.csv' WITH (FORMAT csv, HEADER true)
INSERT INTO interest_rates (series, date, rate, source) SELECT 'DGS10', date, percent, 'csv' FROM yields;
DELETE FROM market_data_cache WHERE date NOT BETWEEN '2021-06-01' AND '$last';
CREATE FUNCTION pg_temp.draw(seed text, sides integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
\$\$ SELECT get_byte(decode(md5(seed), 'hex'), 0) % sides \$\$;
DELETE FROM market_data_cache WHERE symbol NOT IN (SELECT long_symbol FROM factor_definitions) AND
  (pg_temp.draw(symbol, 3) = 0 AND pg_temp.draw(symbol || date, 40) = 0
   OR pg_temp.draw(symbol, 5) = 3 AND date < DATE '2023-09-01' + 10 * pg_temp.draw(symbol || 'listed', 20)
   OR pg_temp.draw(symbol, 4) = 1 AND date IN ('2024-03-15', '2024-07-11', '2024-08-14'));
DELETE FROM market_data_cache WHERE symbol = 'IWM' AND date = '2024-06-12';
UPDATE market_data_cache SET close = 4 * close, adj_close = 4 * adj_close WHERE symbol = 'GE' AND date < '2024-06-03';
UPDATE market_data_cache SET adjustment = 'raw' WHERE symbol = 'GE';
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator)
VALUES ('GE', '2024-06-03', 'split', 4, 1);

CREATE TABLE single AS
SELECT symbol, ('44444444-4444-4444-8444-' || lpad((row_number() OVER (ORDER BY symbol))::text, 12, '0'))::uuid AS id
FROM (SELECT DISTINCT symbol FROM market_data_cache) AS s
WHERE pg_temp.draw(symbol, 4) <> 2 OR symbol IN ('SPY', 'TLT', 'IWM', 'GE', 'COIN', 'CEG', 'PLTR');
CREATE TABLE everything AS SELECT '33333333-9999-4999-8999-999999999999'::uuid AS id;
INSERT INTO portfolios (id, name, owner, currency, inception_date, initial_equity)
SELECT id, symbol || ' alone', 'desk', 'USD', DATE '${days[0]}', 100000 FROM single
UNION ALL SELECT id, 'Everything', 'desk', 'USD', DATE '${days[0]}', 10000000 FROM everything;
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
SELECT h.id, gen_random_uuid(), h.symbol, 'LONG', 100, 50, DATE '${days[0]}', 'PUBLIC'
FROM (SELECT id, symbol FROM single
      UNION ALL SELECT e.id, s.symbol FROM everything e, (SELECT DISTINCT symbol FROM market_data_cache) s) AS h;

-- Every figure of every symbol, in all digits, with the digest of what it was computed from.
CREATE VIEW figures AS
SELECT of_table || ' ' || concat_ws(' ', symbol, row ->> 'model', row ->> 'factor') AS name, of_table, day, symbol,
       row - '{created_at,run_id}'::text[] AS row
FROM (SELECT 'symbol_model_fits' AS of_table, calculation_date AS day, symbol, to_jsonb(f) AS row
      FROM symbol_model_fits f
      UNION ALL
      SELECT 'symbol_factor_exposures', calculation_date, symbol, to_jsonb(f) FROM symbol_factor_exposures f
      UNION ALL
      SELECT 'symbol_volatility', calculation_date, symbol, to_jsonb(f) FROM symbol_volatility f) AS r;
CREATE TABLE expected (LIKE figures);

-- The engines that write them, for some portfolios and a session.
CREATE FUNCTION run_engines(day date, ids uuid[]) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY['calc_market_betas(\$1, \$2)', 'calc_interest_rate_betas(\$1, \$2)',
                                   'calc_factor_betas(\$1, \$2)', 'calc_factor_betas(\$1, \$2, ''spread'')',
                                   'calc_volatility(\$1, \$2)'] LOOP
    EXECUTE 'SELECT FROM ' || statement USING day, ids;
  END LOOP;
END \$\$;
-- The same for each portfolio by itself, in an order. Of symbols that several hold, the last one's figures stay.
CREATE FUNCTION run_one_by_one(day date, ids uuid[]) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE id uuid;
BEGIN
  TRUNCATE symbol_model_fits, symbol_volatility, factor_models;
  FOREACH id IN ARRAY ids LOOP PERFORM run_engines(day, ARRAY[id]); END LOOP;
END \$\$;
ANALYZE;
SQL

# same_figures DAYS NAME: all figures of some sessions are those that were expected.
same_figures() {
  local day got='' wanted=''
  for day in $1; do
    got+=$(sql "SELECT '$day: ' || count(*) || ' figures' FROM expected WHERE day = '$day'" \
      "SELECT COALESCE(f.name, e.name), f.row, e.row
       FROM (SELECT * FROM figures WHERE day = '$day') AS f
       FULL JOIN (SELECT * FROM expected WHERE day = '$day') AS e USING (name)
       WHERE f.row IS DISTINCT FROM e.row ORDER BY 1 LIMIT 3")
    wanted+="$day: $figures figures"
  done
  is "$got" "$wanted" "$2"
}

ids() { echo "ARRAY(SELECT id FROM portfolios ORDER BY $1)"; }

# Everywhere the same ------------------------------------------------------------------------------------------------

# Windows of an odd length, so that the columns of a matrix begin at other addresses than the first.
for choice in fixed gcv; do
  for database in together 2 3 block; do
    PGDATABASE=postgres sql "CREATE DATABASE ${choice}_$database TEMPLATE book" \
      "ALTER DATABASE ${choice}_$database SET portfolio_batch.ridge_alpha_choice = $choice" \
      "ALTER DATABASE ${choice}_$database SET portfolio_batch.factor_window = 251" \
      "ALTER DATABASE ${choice}_$database SET portfolio_batch.beta_window = 251"
  done
  export PGDATABASE=${choice}_together
  sql "CALL daily_batch('$last')" 'INSERT INTO expected SELECT * FROM figures'
  figures=$(sql "SELECT count(*) FROM expected WHERE day = '$last'")
  # For the other databases.
  pg_dump --data-only -t expected >"$tap_folder/expected.sql"
  is "$(sql "SELECT count(DISTINCT symbol), count(DISTINCT symbol) FILTER (WHERE row ->> 'betas' IS NOT NULL),
                    count(*) > 1000, string_agg(DISTINCT row ->> 'quality_flag', ' ')
             FROM expected WHERE day = '$last'")" \
    '74|74|t|full_history insufficient_data limited_history split_in_prices' "$choice: all symbols have figures, of every quality"
  holds "$(sql "SELECT count(DISTINCT (row ->> 'observations', row ->> 'window_start')) FROM expected
                WHERE day = '$last' AND row ->> 'model' = 'ridge' AND row ? 'betas'")" '>' 20 \
    "$choice: their windows are made of different sessions"
  holds "$(sql "SELECT count(DISTINCT row ->> 'ridge_alpha') FROM expected
                WHERE day = '$last' AND row ->> 'model' = 'ridge'")" '>' 4 "$choice: the penalty is the symbol's own"

  sql "SELECT run_one_by_one('$last', $(ids id))"
  same_figures "$last" "$choice: portfolio by portfolio"
  sql "SELECT run_one_by_one('$last', $(ids 'id DESC'))"
  same_figures "$last" "$choice: in the opposite order"
  sql "SELECT run_one_by_one('$last', $(ids 'md5(id::text)'))"
  same_figures "$last" "$choice: in any other"
  sql 'TRUNCATE symbol_model_fits, symbol_volatility, factor_models' "SELECT run_engines('${days[1]}', NULL)"
  same_figures "${days[1]}" "$choice: all together by the engines alone"

  for workers in 2 3; do
    export PGDATABASE=${choice}_$workers
    sql <"$tap_folder/expected.sql" >"$tap_folder/loaded"
    sql "CALL daily_batch('$last', workers => $workers)"
    same_figures "${days[*]}" "$choice: $workers workers"
    is "$(sql "SELECT max((detail ->> 'workers')::integer) FROM batch_jobs WHERE phase = '3' AND job_type = 'phase'")" \
      $workers "$choice: that really ran"
  done

  export PGDATABASE=${choice}_block
  sql <"$tap_folder/expected.sql" >"$tap_folder/loaded"
  sql "CALL daily_batch('$last', block => 3)"
  same_figures "${days[*]}" "$choice: three sessions together"
done

done_testing
