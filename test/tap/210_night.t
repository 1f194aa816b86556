#!/bin/bash
# Nights of an empty database with three portfolios: pg_cron fires, prices, actions, yields and profiles arrive from
# providers on loopback, snapshots and analytics follow. One symbol comes late and the next tick completes it; a
# dividend and a split arrive, and history is rebased; one provider dies and the next takes over. In the end every
# result is that of a database into which the same data was copied by hand.

. "$(dirname "$0")/tap.bash"
. "$(dirname "$0")/market.bash"
plan 35

begin_cluster
export PGOPTIONS='-c portfolio_batch.progress=off'
for database in night by_hand; do
  sql "CREATE DATABASE $database"
  PGDATABASE=$database sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()'
done
begin_market night
first=$(session_before_last 6)
evenings=()
for back in 3 2 1 0; do evenings+=("$(session_before_last $back)"); done
for database in night by_hand; do
  PGDATABASE=$database psql -Xq -v ON_ERROR_STOP=1 -v first="$first" -f "$PB_ROOT/test/tap/night.sql"
done

# Off until configured -------------------------------------------------------------------------------------------------

export PGDATABASE=night
tell_market "{\"today\": \"${evenings[0]}\"}"
sql "CALL daily_batch('${evenings[0]}', max_dates => 1)"
is "$(asked .)" 0 'nothing is asked until somebody says so'
sql 'DELETE FROM batch_jobs' 'DELETE FROM batch_runs' 'DELETE FROM portfolio_snapshots'
sql "UPDATE provider_priority SET is_enabled = true
     WHERE (kind, provider) IN (('prices', 'yahoo'), ('prices', 'fmp'), ('options', 'polygon'),
                                ('yields', 'treasury'), ('profiles', 'yahoo'))" \
  "INSERT INTO provider_limits (provider, requests_per_second, burst, concurrent)
   SELECT unnest('{yahoo,fmp,polygon,treasury}'::text[]), 1000, 1000, 4"

# what COLUMN: of the newest run.
of_run() { sql "SELECT $1 FROM batch_runs ORDER BY run_id DESC LIMIT 1"; }
of_collection() { sql "SELECT $1 FROM collections WHERE kind = 'market_data' ORDER BY collection_id DESC LIMIT 1"; }
outcomes() {
  sql "SELECT kind, provider, outcome, count(*) FROM collection_results
       WHERE collection_id = (SELECT max(collection_id) FROM collections WHERE kind = 'market_data')
       GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
}

# The first night: pg_cron fires ---------------------------------------------------------------------------------------

PGDATABASE=postgres sql 'CREATE EXTENSION pg_cron'
PGDATABASE=postgres sql "SELECT FROM cron.schedule_in_database('night', '* * * * *',
                           \$\$CALL daily_batch('${evenings[0]}')\$\$, 'night')"
PGDATABASE=postgres wait_until 100 'SELECT pg_sleep(0.3) IS NOT NULL AND count(*) > 0 AND bool_and(end_time IS NOT NULL)
                                    FROM cron.job_run_details' || true
PGDATABASE=postgres sql 'SELECT cron.unschedule(jobid) FROM cron.job' >/dev/null
is "$(PGDATABASE=postgres sql 'SELECT status FROM cron.job_run_details ORDER BY runid LIMIT 1')" succeeded \
  'pg_cron has fired'
is "$(of_run 'status, error_count, dates_processed')" 'success|0|4' 'the run succeeds for every session since inception'
is "$(of_collection "status, symbols_wanted = symbols_with_data")" 'success|t' 'every wanted symbol has a price'
prices_as_expected "${evenings[0]}" 'prices, actions, yields and profiles are those of the market'
is "$(sql 'SELECT count(*) FROM missing_sessions()' "SELECT count(*) FROM missing_sessions('${evenings[0]}')" |
  tail -n 1)" 0 'no session is missing'
is "$(sql "SELECT string_agg(DISTINCT data_source, ' ' ORDER BY data_source) FROM market_data_cache")" 'polygon yahoo' \
  'stocks are those of the first provider, the option of the one that has options'
is "$(sql "SELECT count(*) FROM portfolio_snapshots WHERE beta IS NULL OR is_provisional")" 0 \
  'every snapshot is final and has a beta'
is "$(sql "SELECT count(*), count(DISTINCT t.name) FROM position_tags l JOIN tags t ON t.id = l.tag_id
           WHERE l.is_system AND t.name IN ('Technology', 'Energy', 'Utilities', 'Healthcare')")" '15|4' \
  'sector tags follow from the profiles'
is "$(asked 'HOUSE|FUND')" 0 'no provider is asked for a private asset'

# Again: nothing to do -------------------------------------------------------------------------------------------------

tell_market '{}'
before=$(sql 'SELECT count(*), max(xmin::text::bigint) FROM market_data_cache')
sql "CALL daily_batch('${evenings[0]}')"
is "$(asked '/chart/|/aggs/')" 0 'a tick that finds everything there asks for no price'
is "$(sql 'SELECT count(*), max(xmin::text::bigint) FROM market_data_cache')" "$before" 'and writes none'

# The second night: a dividend, and one symbol is late -----------------------------------------------------------------

tell_market "{\"today\": \"${evenings[1]}\", \"late\": [\"ZZTC\"]}"
sql "CALL daily_batch('${evenings[1]}')"
is "$(of_run 'status')" success 'a night without one price succeeds'
is "$(sql "SELECT outcome FROM collection_results WHERE symbol = 'ZZTC' AND kind = 'prices' AND provider = 'yahoo'
           ORDER BY collection_id DESC LIMIT 1")" PENDING 'what is not there yet is pending'
is "$(sql "SELECT max(date) FROM market_data_cache WHERE symbol = 'ZZTC'")" "${evenings[0]}" 'no price is carried'
like "$(of_collection "detail ->> 'missing'")" ZZTC 'the collection names it'
is "$(sql "SELECT string_agg((stale_prices > 0)::text, ' ' ORDER BY portfolio_id) FROM portfolio_snapshots
           WHERE snapshot_date = '${evenings[1]}'")" 'true false true' 'the snapshots of its holders say so'
tell_market '{"late": []}'
sql "CALL daily_batch('${evenings[1]}')"
is "$(asked '/chart/')|$(asked '/chart/ZZTC')" '1|1' 'the next tick asks for it alone'
is "$(sql "SELECT count(*) FROM portfolio_snapshots WHERE stale_prices > 0 OR is_provisional")" 0 \
  'and completes the snapshots'
prices_as_expected "${evenings[1]}" 'history is adjusted for the dividend from its first day on'

# The third night: a split ---------------------------------------------------------------------------------------------

tell_market "{\"today\": \"${evenings[2]}\"}"
sql "CALL daily_batch('${evenings[2]}')"
is "$(of_run 'status')" success 'the night of a split succeeds'
is "$(sql "SELECT ratio_numerator, ratio_denominator FROM corporate_actions
           WHERE symbol = 'ZZTB' AND ex_date = '${evenings[2]}' AND kind = 'split'")" '4|1' 'the split is stored'
prices_as_expected "${evenings[2]}" 'the history of the symbol is rebased'
is "$(sql "SELECT reason, count(*) = (SELECT count(*) - 1 FROM market_data_cache WHERE symbol = 'ZZTB')
           FROM market_data_revisions WHERE symbol = 'ZZTB' AND revised_at > now() - interval '5 min'
             AND reason IN ('split', 'restated') GROUP BY 1")" 'split|t' 'the former prices are kept'
holds "$(sql "SELECT max(abs(daily_return)) FROM portfolio_snapshots WHERE snapshot_date = '${evenings[2]}'")" '<' 0.1 \
  'no portfolio lost or won by it'
is "$(sql 'SELECT count(*) FROM price_quarantine')" 0 'nothing is in quarantine'

# The fourth night: the first provider is dead -------------------------------------------------------------------------

tell_market "{\"today\": \"${evenings[3]}\", \"dead\": {\"yahoo\": 503}}"
sql "CALL daily_batch('${evenings[3]}')"
is "$(of_run 'status')" success 'the night without the first provider succeeds'
is "$(sql "SELECT data_source, count(*) FROM market_data_cache WHERE date = '${evenings[3]}' GROUP BY 1 ORDER BY 1")" \
  'fmp|20
polygon|1' 'the second provider takes over'
holds "$(asked '/chart/')" '<' 30 'the dead one is not asked for every symbol: its breaker opens'
like "$(sql "SELECT reason FROM provider_state WHERE provider = 'yahoo' AND closed_until > now()")" TRANSIENT \
  'and its state says why'
prices_as_expected "${evenings[3]}" 'the prices are those of the market'

# By hand --------------------------------------------------------------------------------------------------------------

sql 'CALL rescan_sessions(30)'
export PGDATABASE=by_hand
first_of=$(PGDATABASE=night sql "SELECT format('(''%s'', ''%s'')', symbol, min(date)) FROM market_data_cache
                                 GROUP BY symbol" | paste -sd,)
first_yield=$(PGDATABASE=night sql 'SELECT min(date) FROM interest_rates')
sql "CREATE TABLE copied (symbol text, date date, open float8, high float8, low float8, close float8, adj_close float8,
                          volume bigint, adjustment text)" \
  'CREATE TABLE copied_actions (symbol text, ex_date date, kind text, n float8, d float8, amount float8)' \
  'CREATE TABLE copied_yields (series text, date date, rate float8)' \
  'CREATE TABLE copied_profiles (symbol text, company_name text, sector text, industry text, is_etf boolean)' \
  "\\copy copied FROM '$tap_folder/expected_market_data_cache' (FORMAT csv)" \
  "\\copy copied_actions FROM '$tap_folder/expected_corporate_actions' (FORMAT csv)" \
  "\\copy copied_yields FROM '$tap_folder/expected_interest_rates' (FORMAT csv)" \
  "\\copy copied_profiles FROM '$tap_folder/expected_company_profiles' (FORMAT csv)" \
  "INSERT INTO market_data_cache (symbol, date, open, high, low, close, adj_close, volume, adjustment)
   SELECT c.* FROM copied c JOIN (VALUES $first_of) AS f (symbol, first) USING (symbol) WHERE c.date >= f.first::date" \
  'INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator, amount)
   SELECT * FROM copied_actions WHERE (symbol, ex_date) IN (SELECT symbol, date FROM market_data_cache)' \
  "INSERT INTO interest_rates (series, date, rate) SELECT * FROM copied_yields WHERE date >= '$first_yield'" \
  'INSERT INTO company_profiles (symbol, company_name, sector, industry, is_etf) SELECT * FROM copied_profiles' \
  'DROP TABLE copied, copied_actions, copied_yields, copied_profiles' "CALL daily_batch('${evenings[3]}')"
is "$(of_run 'status')" success 'the run by hand succeeds'
same_results night by_hand '' 'every result is that of the same data copied by hand'

# Keys -----------------------------------------------------------------------------------------------------------------

export PGDATABASE=night
holds "$(market requests "$market_port" | grep -c "$market_key")" '>' 0 'the providers were shown the key'
in_log=$(as_server grep -c "$market_key" "$tap_folder/server.log" || true)
is "$in_log|$(pg_dump night | grep -c "$market_key" || true)" '0|0' 'it is in no log and in no table'

done_testing
