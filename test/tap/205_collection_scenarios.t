#!/bin/bash
# What becomes of an answer that is not as it should be, or rarely is: by provider, the outcome, what is stored and what
# is set aside, how often was asked. No key is seen anywhere.

. "$(dirname "$0")/tap.bash"
. "$(dirname "$0")/market.bash"
plan 65

begin_cluster
export PGOPTIONS='-c portfolio_batch.progress=off'
sql 'CREATE DATABASE book'
export PGDATABASE=book
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()'
begin_market book
target=$(session_before_last 0)
eve=$(session_before_last 1)

# One stock, held, and no factor: nothing else is wanted. Its history is there but for the newest two sessions.
market_rows market_data_cache "$target" | grep '^ZZTA,' >"$tap_folder/history"
sql 'UPDATE factor_definitions SET is_active = false' \
  "INSERT INTO portfolios (id, name, owner, currency, inception_date, initial_equity)
   VALUES ('00000000-0000-4000-8000-000000000001', 'One', 'desk', 'USD', '$eve', 100000)" \
  "INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
   VALUES ('00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'ZZTA', 'LONG', 10, 100, '$eve', 'PUBLIC')" \
  'CREATE TABLE history (symbol text, date date, open float8, high float8, low float8, close float8, adj_close float8,
                         volume bigint, adjustment text)' \
  "\\copy history FROM '$tap_folder/history' (FORMAT csv)"

# switch_on KIND PROVIDER …: these in this order, and nothing else.
switch_on() {
  local kind=$1 provider priority=100
  shift
  sql 'UPDATE provider_priority SET is_enabled = false' 'TRUNCATE provider_limits'
  for provider in "$@"; do
    sql "INSERT INTO provider_priority (kind, provider, priority, is_enabled)
         VALUES ('$kind', '$provider', $((priority += 1)), true)
         ON CONFLICT (kind, provider) DO UPDATE SET priority = excluded.priority, is_enabled = true" \
      "INSERT INTO provider_limits (provider, requests_per_second, burst, concurrent)
       VALUES ('$provider', 1000, 1000, 4) ON CONFLICT DO NOTHING"
  done
}

start_again() {
  sql 'TRUNCATE market_data_cache, market_data_revisions, price_quarantine, collections, collection_results,
         provider_state, corporate_actions, corporate_action_legs' \
    "INSERT INTO market_data_cache (symbol, date, open, high, low, close, adj_close, volume, adjustment, data_source,
                                    fetched_at)
     SELECT *, 'yahoo', now() - interval '1 day' FROM history WHERE date < '$eve'"
}

# case_of NAME ENTRY OUTCOMES STORED [GATES]: one collection of prices, of which ENTRY (a JSON object, see State.script)
# changes the answers. OUTCOMES: provider, outcome and status in the order of asking. STORED: of the newest session, in
# words. GATES: of what was set aside.
case_of() {
  local name=$1 entry=$2 outcomes=$3 stored=$4 gates=${5:-} got
  start_again
  tell_market "{\"script\": [$entry]}"
  sql "CALL collect_market_data('$target')" >"$tap_folder/said" 2>&1 || true
  got=$(sql "SELECT string_agg(concat_ws(' ', provider, outcome, http_status), ', ' ORDER BY completed_at, p.priority)
             FROM collection_results r LEFT JOIN provider_priority p USING (kind, provider)
             WHERE symbol = 'ZZTA' AND kind = 'prices'")
  got+=" | $(sql "SELECT concat_ws(' ', m.data_source, CASE WHEN m.close = h.close THEN 'right' ELSE m.close::text END,
                                   CASE WHEN NOT m.is_final THEN 'provisional' END,
                                   CASE WHEN m.adj_close IS NULL THEN 'unadjusted' END)
                 FROM market_data_cache m JOIN history h USING (symbol, date) WHERE date = '$target'")"
  got+=" | $(sql "SELECT string_agg(DISTINCT gate, ' ' ORDER BY gate) FROM price_quarantine")"
  is "$got" "$outcomes | $stored | $gates" "$name" "$(cat "$tap_folder/said")" \
    "$(sql 'SELECT provider, outcome, message FROM collection_results')"
}

chart() { printf '{"match": "chart/ZZTA", "edit": "%s"}' "$1"; }
yahoo() { printf '{"match": "chart/ZZTA", %s}' "$1"; }
fmp() { printf '{"match": "/stable/historical-price-eod/", %s}' "$1"; }
polygon() { printf '{"match": "/v2/aggs/", %s}' "$1"; }

# Charts of Yahoo ------------------------------------------------------------------------------------------------------

switch_on prices yahoo fmp
case_of 'a chart as it is' "$(chart 'as it is')" 'yahoo OK 200' 'yahoo right'
is "$(sql 'SELECT count(*) FROM market_data_revisions')|$(asked '/chart/ZZTA')|$(asked '/stable/')" '0|1|0' \
  'one request, and nothing of the history is written again'
case_of 'rows in any order' "$(chart 'reversed')" 'yahoo OK 200' 'yahoo right'
case_of 'a session twice: the last one counts' "$(chart 'the last twice')" 'yahoo OK 200' 'yahoo right'
case_of 'a row behind the span is left out' "$(chart 'a later row')" 'yahoo OK 200' 'yahoo right'
case_of 'an adjusted close that is absurd is none' "$(chart 'absurd adjclose')" 'yahoo OK 200' 'yahoo right unadjusted'
case_of 'no volume' "$(chart 'no volume')" 'yahoo OK 200' 'yahoo right'
case_of 'no currency' "$(chart 'no currency')" 'yahoo OK 200' 'yahoo right'
case_of 'a correction of the session before is taken up' "$(chart 'corrected')" 'yahoo OK 200' 'yahoo right'
case_of 'a session that is still trading for the provider: the next is asked' "$(chart 'still trading')" \
  'yahoo PENDING 200, fmp OK 200' 'fmp right'
case_of 'no rows in the span: the next is asked' "$(chart 'empty')" 'yahoo NO_DATA 200, fmp OK 200' 'fmp right'
case_of 'a lone price without time is none' "$(chart 'without timestamps')" 'yahoo NO_DATA 200, fmp OK 200' 'fmp right'
case_of 'columns of different length' "$(chart 'unequal')" 'yahoo MALFORMED 200, fmp OK 200' 'fmp right'
case_of 'an adjusted close that is Infinity is none' "$(chart 'infinite adjclose')" 'yahoo OK 200' \
  'yahoo right unadjusted'
case_of 'five thousand levels' "$(chart 'deep')" 'yahoo MALFORMED 200, fmp OK 200' 'fmp right'
case_of 'bytes that are no text' "$(chart 'not UTF-8')" 'yahoo MALFORMED 200, fmp OK 200' 'fmp right'
case_of 'a NUL within a text' "$(chart 'NUL')" 'yahoo MALFORMED 200, fmp OK 200' 'fmp right'

# Prices that are suspect: what is stored stays, the next source is asked ----------------------------------------------

case_of 'a close that is negative' "$(chart 'negative')" 'yahoo PENDING 200, fmp OK 200' 'fmp right' 'not_positive'
case_of 'a close that doubles' "$(chart 'doubled')" 'yahoo PENDING 200, fmp PENDING 200' '' 'disagreement jump'
case_of 'a close a hundred times as high' "$(chart 'hundredfold')" 'yahoo PENDING 200, fmp OK 200' 'fmp right' \
  'factor_of_100'
case_of 'a row of a Sunday' "$(chart 'a sunday')" 'yahoo OK 200' 'yahoo right' 'not_a_session'
case_of 'a high below the low' "$(chart 'high below low')" 'yahoo PENDING 200, fmp OK 200' 'fmp right' \
  'inconsistent_range'
case_of 'another currency' "$(chart 'in euro')" 'yahoo PENDING 200, fmp OK 200' 'fmp right' 'currency'

# Answers that are none ------------------------------------------------------------------------------------------------

case_of 'an unknown symbol' "$(yahoo '"status": 404, "body": {"chart": {"result": null, "error": {"code": "Not Found",
  "description": "No data found, symbol may be delisted"}}}')" 'yahoo NO_DATA 404, fmp OK 200' 'fmp right'
case_of 'too many requests' "$(yahoo '"status": 429, "kind": "text/html", "body": "Edge: Too Many Requests"')" \
  'yahoo RATE_LIMIT 429, fmp OK 200' 'fmp right'
is "$(asked '/chart/ZZTA')" 1 'a 429 of Yahoo is not tried again'
holds "$(sql "SELECT extract(epoch FROM closed_until - now()) FROM provider_state WHERE provider = 'yahoo'")" '>' 800 \
  'and closes it for a quarter of an hour'
case_of 'a page for people' "$(yahoo '"kind": "text/html", "body": "<html><body>Will be right back</body></html>"')" \
  'yahoo TRANSIENT 200, fmp OK 200' 'fmp right'
case_of 'a proof of work' "$(yahoo '"kind": "text/html",
  "body": "<!doctype html><html><script>crypto.subtle.digest(\"SHA-256\", nonce)</script></html>"')" \
  'yahoo BLOCKED 200, fmp OK 200' 'fmp right'
case_of 'the address is refused' "$(yahoo '"status": 403, "body": "Forbidden", "kind": "text/plain"')" \
  'yahoo BLOCKED 403, fmp OK 200' 'fmp right'
case_of 'a failure that passes' "$(yahoo '"status": 503, "times": 1, "body": ""')" 'yahoo OK 200' 'yahoo right'
case_of 'a failure that stays' "$(yahoo '"status": 502, "body": "<html>Bad Gateway</html>"')" \
  'yahoo TRANSIENT 502, fmp OK 200' 'fmp right'
is "$(asked '/chart/ZZTA')" 3 'it was tried three times'
case_of 'half an answer' "$(yahoo '"cut": 100, "body": {"chart": {"result": [{"meta": {"currency": "USD",
  "symbol": "ZZTA", "exchangeTimezoneName": "America/New_York", "instrumentType": "EQUITY"}}]}}')" \
  'yahoo TRANSIENT 200, fmp OK 200' 'fmp right'
case_of 'twenty megabytes' "$(yahoo '"repeat": ["0", 20000000]')" 'yahoo MALFORMED 200, fmp OK 200' 'fmp right'
case_of 'twenty megabytes in twenty thousand bytes' "$(yahoo '"repeat": ["0", 20000000], "gzip": true')" \
  'yahoo MALFORMED 200, fmp OK 200' 'fmp right'
case_of 'a redirect to an address of the cloud' \
  "$(yahoo '"status": 302, "headers": {"Location": "http://169.254.169.254/latest/meta-data/"}')" \
  'yahoo BLOCKED 302, fmp OK 200' 'fmp right'
case_of 'a redirect to a file' "$(yahoo '"status": 302, "headers": {"Location": "file:///etc/passwd"}')" \
  'yahoo BLOCKED 302, fmp OK 200' 'fmp right'

# FMP ------------------------------------------------------------------------------------------------------------------

switch_on prices fmp yahoo
case_of 'a list without rows' "$(fmp '"body": []')" 'fmp NO_DATA 200, yahoo OK 200' 'yahoo right'
case_of 'a key that is refused' \
  "$(fmp "\"status\": 401, \"body\": {\"Error Message\": \"Invalid API KEY $market_key.\"}")" \
  'fmp AUTH 401, yahoo OK 200' 'yahoo right'
case_of 'a plan without it' "$(fmp '"status": 402, "kind": "text/plain",
  "body": "Premium Query Parameter: this value is not available under your current subscription"')" \
  'fmp PLAN_LIMIT 402, yahoo OK 200' 'yahoo right'
case_of 'a legacy endpoint' "$(fmp '"status": 403,
  "body": {"Error Message": "Legacy Endpoint : Due to Legacy endpoints being no longer supported"}')" \
  'fmp AUTH 403, yahoo OK 200' 'yahoo right'
case_of 'the limit is reached' "$(fmp '"status": 429, "body": {"Error Message": "Limit Reach . Please upgrade"}')" \
  'fmp RATE_LIMIT 429, yahoo OK 200' 'yahoo right'
case_of 'an error with status 200' "$(fmp '"body": {"Error Message": "Invalid API KEY."}')" \
  'fmp AUTH 200, yahoo OK 200' 'yahoo right'
case_of 'an object in place of a list' "$(fmp '"body": {"symbol": "ZZTA"}')" 'fmp MALFORMED 200, yahoo OK 200' \
  'yahoo right'

# Polygon --------------------------------------------------------------------------------------------------------------

switch_on prices polygon yahoo
case_of 'no results' "$(polygon '"body": {"status": "OK", "resultsCount": 0}')" 'polygon NO_DATA 200, yahoo OK 200' \
  'yahoo right'
case_of 'not entitled' "$(polygon '"status": 403, "body": {"status": "NOT_AUTHORIZED",
  "message": "You are not entitled to this data. Please upgrade your plan"}')" \
  'polygon PLAN_LIMIT 403, yahoo OK 200' 'yahoo right'
case_of 'an unknown key' "$(polygon '"status": 401, "body": {"status": "ERROR", "error": "Unknown API Key"}')" \
  'polygon AUTH 401, yahoo OK 200' 'yahoo right'
case_of 'a next page at a stranger' "$(polygon '"body": {"status": "OK", "results": [], "next_url":
  "https://attacker.example/v2/aggs/x?cursor=1"}')" 'polygon MALFORMED 200, yahoo OK 200' 'yahoo right'
case_of 'pages without an end' "$(polygon "\"body\": {\"status\": \"OK\", \"results\": [], \"next_url\":
  \"http://127.0.0.1:$market_port/v2/aggs/ticker/ZZTA/range/1/day/a/b?cursor=1\"}")" \
  'polygon MALFORMED 200, yahoo OK 200' 'yahoo right'
holds "$(asked '/v2/aggs/')" '<' 60 'which are not followed for ever'

# The quota of a day ---------------------------------------------------------------------------------------------------

switch_on prices fmp yahoo
sql "UPDATE provider_limits SET requests_per_day = 0 WHERE provider = 'fmp'"
case_of 'a quota that is used up' '' 'fmp RATE_LIMIT, yahoo OK 200' 'yahoo right'
is "$(asked '/stable/')" 0 'nothing is sent beyond it'

# While the network is awaited -----------------------------------------------------------------------------------------

switch_on prices yahoo
start_again
tell_market '{"script": [{"match": "chart/", "hang": true}]}'
open_session collector
tell_only collector "SELECT 'pid', pg_backend_pid()" "CALL collect_market_data('$target')"
deadline=$((SECONDS + 10))
until [ "$(asked chart)" -gt 0 ] || [ $SECONDS -ge $deadline ]; do sleep 0.1; done
is "$(sql "SELECT count(*) FILTER (WHERE backend_xmin IS NULL), count(*) FILTER (WHERE backend_xid IS NULL)
           FROM pg_stat_activity WHERE query LIKE 'CALL collect_market_data%'")" '1|1' \
  'neither a snapshot nor a transaction number is held while the network is awaited'
began=$(date +%s%N)
sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL collect_market_data%'" >/dev/null
wait_for collector || true
holds "$((($(date +%s%N) - began) / 1000000))" '<' 700 'a cancel answers at once'
like "$(cat "$tap_folder/collector.out")" '57014' 'as a canceled statement'
close_session collector

# Other encodings ------------------------------------------------------------------------------------------------------

for encoding in LATIN1 SQL_ASCII; do
  sql "CREATE DATABASE in_$encoding TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'"
  export PGDATABASE=in_${encoding,,}
  sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
    'UPDATE factor_definitions SET is_active = false' \
    "INSERT INTO portfolios (id, name, owner, currency, inception_date, initial_equity)
     VALUES ('00000000-0000-4000-8000-000000000001', 'One', 'desk', 'USD', '$eve', 100000)" \
    "INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date,
                            investment_class)
     VALUES ('00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'ZZTA', 'LONG', 10, 100, '$eve', 'PUBLIC'),
            ('00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'ZZTB', 'LONG', 10, 100, '$eve', 'PUBLIC')"
  switch_on prices yahoo
  sql "UPDATE provider_priority SET is_enabled = true WHERE kind = 'profiles' AND provider = 'fmp'"
  tell_market '{"script": [{"match": "/stable/profile.*ZZTA", "body": [{"symbol": "ZZTA",
    "companyName": "Caf\u00e9 \u682a\u5f0f", "sector": "Technology", "industry": "Food", "isEtf": false}]}]}'
  sql "CALL collect_market_data('$target')" "CALL collect_fundamentals('$target')" >"$tap_folder/said" 2>&1 || true
  is "$(sql "SELECT count(*) FROM market_data_cache WHERE date = '$target' AND symbol LIKE 'ZZT%'")" 2 \
    "$encoding: prices arrive" \
    "$(cat "$tap_folder/said")"
  is "$(sql "SELECT sector FROM company_profiles WHERE symbol = 'ZZTB'")" Energy \
    "$encoding: a name that cannot be written takes nothing else down" "$(cat "$tap_folder/said")"
done
export PGDATABASE=book

# The two libraries ----------------------------------------------------------------------------------------------------

libraries=$tap_stage/usr/lib/postgresql/$PB_SERVER/lib
unlike "$(readelf -d "$libraries/portfolio_batch.so")" 'NEEDED.*(curl|simdjson|ssl)' \
  'the library of the engines has no HTTP in it'
like "$(readelf -d "$libraries/portfolio_batch_collect.so")" 'NEEDED.*curl' 'the library of the collector has'
open_session computing
tell computing "SELECT 'pid ' || pg_backend_pid()" "SELECT count(*) FROM run_daily_batch('$target')"
pid=$(sed -n 's/^pid //p' "$tap_folder/computing.out")
is "$(as_server grep -c 'portfolio_batch_collect\|libcurl' "/proc/$pid/maps" || true)" 0 \
  'a session that computes has loaded neither the collector nor libcurl'
close_session computing

# Keys -----------------------------------------------------------------------------------------------------------------

found=0
for database in book in_latin1 in_sql_ascii; do
  found=$((found + $(pg_dump "$database" | grep -c "$market_key" || true)))
done
is "$found|$(as_server grep -c "$market_key" "$tap_folder/server.log" || true)" '0|0' \
  'no key is in a table or in the log, not even one that a provider repeats'
is "$(sql "SELECT count(*) FROM pg_stat_activity
           WHERE query LIKE '%$market_key%' AND pid <> pg_backend_pid()")" 0 'nor in pg_stat_activity'

done_testing
