#!/bin/bash
# collect_market_data against a server on loopback that answers as providers do: what is asked for night by night, what
# is written, who is asked next, and what is left when a collection is cut off.

. "$(dirname "$0")/tap.bash"
plan 79

# Waits until a command succeeds.
await() {
  local deadline=$((SECONDS + 30))
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { note "waited in vain for: $*"; return 1; }
    sleep 0.02
  done
}

begin_cluster
feed=$tap_folder/feed
mkdir "$feed"
# Held open for as long as the program runs: the server ends with it.
# shellcheck disable=SC2034
exec {replay_input}> >(exec /usr/bin/python3 "$PB_ROOT/test/collect/replay_server.py" --folder "$feed")
await test -f "$feed/ready" || exit
port=$(sed -E 's/.*"http": ([0-9]+).*/\1/' "$feed/ports.json")
printf 'tiingo = tiingosecret\nfmp = fmpsecret\n' >"$tap_folder/keys"
chmod 600 "$tap_folder/keys"
[ "$(id -u)" -ne 0 ] || chown postgres "$tap_folder/keys"

sql 'CREATE DATABASE night'
export PGDATABASE=night PGOPTIONS='-c portfolio_batch.progress=off -c client_min_messages=warning'
sql "ALTER DATABASE night SET portfolio_batch.allow_insecure_loopback = on" \
  "ALTER DATABASE night SET portfolio_batch.provider_addresses = 'tiingo=http://127.0.0.1:$port, fmp=http://127.0.0.1:$port'" \
  "ALTER DATABASE night SET portfolio_batch.provider_keys_file = '$tap_folder/keys'" \
  "ALTER DATABASE night SET portfolio_batch.market_symbol = 'ZZTA'"
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
  'UPDATE factor_definitions SET is_active = false' \
  "INSERT INTO portfolios (id, name, inception_date, initial_equity)
   VALUES ('00000000-0000-0000-0000-000000000001', 'book', '2024-06-03', 100000)" \
  "INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
   SELECT '00000000-0000-0000-0000-000000000001', s, 'LONG', 10, 50, '2024-06-03', 'PUBLIC'
   FROM unnest(ARRAY['ZZTA', 'ZZTB']) AS s" \
  "INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
   VALUES ('00000000-0000-0000-0000-000000000001', 'ZZPRIVATE', 'LONG', 1, 50, '2024-06-03', 'PRIVATE')" \
  "INSERT INTO provider_limits (provider, requests_per_second, burst, concurrent)
   VALUES ('tiingo', 1000, 1000, 10), ('fmp', 1000, 1000, 10)" \
  "DELETE FROM provider_priority" \
  "INSERT INTO provider_priority (kind, provider, priority, is_enabled)
   VALUES ('prices', 'tiingo', 1, true), ('prices', 'fmp', 2, true)" || exit

# Sessions from January to a day; a change of prices is a Python statement over d (day) and p (price).
cat >"$feed/make.py" <<'PYTHON'
import datetime, json, sys
holidays = {"2024-01-01", "2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27", "2024-06-19", "2024-07-04"}
kind, last, change = sys.argv[1], sys.argv[2], (sys.argv[3:] + [""])[0]
days, day = [], datetime.date(2024, 1, 2)
while day.isoformat() <= last:
    if day.weekday() < 5 and day.isoformat() not in holidays:
        days.append(day.isoformat())
    day += datetime.timedelta(1)
rows = []
for i, d in enumerate(days):
    scope = {"d": d, "p": 50 + round(0.1 * (i % 17), 2)}
    exec(change, scope)
    p = scope["p"]
    if kind == "tiingo":
        rows.append({"date": d + "T00:00:00.000Z", "close": p, "open": p, "high": p, "low": p, "volume": 100,
                     "adjClose": p, "divCash": 0.0, "splitFactor": 1.0})
    else:
        rows.insert(0, {"symbol": "ZZTB", "date": d, "open": p, "high": p, "low": p, "close": p, "volume": 100,
                        "adjOpen": p, "adjHigh": p, "adjLow": p, "adjClose": p})
print(json.dumps(rows))
PYTHON
make_rows() { /usr/bin/python3 "$feed/make.py" "$@"; }

# route SYMBOL RESPONSE: of the first provider.
route() { printf '{"path": "/tiingo/daily/%s/prices", "responses": [%s]}' "$1" "$2"; }
delivers() { printf '{"json": %s}' "$1"; }
absent='{"status": 404, "json": {"detail": "Not found."}}'
script() {
  local routes
  routes=$(IFS=,; printf '%s' "$*")
  /usr/bin/python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], sys.argv[2].encode()).read()' \
    "http://127.0.0.1:$port/_scenario" "{\"routes\": [$routes]}"
}
requests() { grep -c "${1:-.}" "$feed/requests.log" || true; }
collect() { sql "CALL collect_market_data($1)"; }
result() { sql "SELECT string_agg(concat_ws(' ', symbol, provider, outcome, rows_written), ', ' ORDER BY symbol, completed_at)
                FROM collection_results WHERE collection_id = (SELECT max(collection_id) FROM collections)"; }
newest() { sql "SELECT concat_ws(' ', status, $1) FROM collections ORDER BY collection_id DESC LIMIT 1"; }

# Nights -------------------------------------------------------------------------------------------------------------

script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-10)")")" "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-10)")")"
collect "'2024-06-10'"
is "$(result)" 'ZZTA tiingo OK 111, ZZTA fmp NO_DATA 0, ZZTB tiingo OK 111, ZZTB fmp NO_DATA 0' \
  'the first night takes all that the provider has, and asks the next for what was before'
is "$(requests tiingo) $(requests)" '2 4' 'with one request a symbol of each'
is "$(requests ZZPRIVATE)" 0 'and none for what is private'
is "$(requests '"authorization": "Token tiingosecret"')" 2 'the key is in the header'
is "$(newest 'symbols_requested, symbols_fetched, symbols_with_data, symbols_wanted, rows_written')" 'success 2 2 2 2 222' \
  'the record says what was asked for and is there'
is "$(sql "SELECT detail ->> 'coverage', detail ->> 'providers', detail ->> 'missing' FROM collections")" \
  '100|{"tiingo": 2}|[]' 'with coverage, providers and what is missing'
is "$(sql "SELECT count(*), bool_and(is_final), string_agg(DISTINCT adjustment, ' ') FROM market_data_cache")" '222|t|raw' \
  'the prices are final, on the basis that the provider has'

collect "'2024-06-10'"
is "$(requests)" 4 'a rerun asks for nothing'
is "$(newest 'symbols_requested')" 'success 0' 'and says so'

script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-11)")")" "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-11)")")"
collect "'2024-06-11'"
is "$(result)" 'ZZTA tiingo OK 1, ZZTB tiingo OK 1' 'the next night writes the new session alone'
is "$(requests 'startDate=2024-05-28&endDate=2024-06-11')" 2 'it asks for ten sessions before it as well'
is "$(sql 'SELECT count(*) FROM market_data_revisions')" 0 'which have not changed'

script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-12 'if d == "2024-06-07": p += 0.25')")")" \
  "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-12)")")"
collect "'2024-06-12'"
is "$(sql 'SELECT symbol, date, reason, data_source, new_source FROM market_data_revisions')" \
  'ZZTA|2024-06-07|correction|tiingo|tiingo' 'a late correction keeps the former row'
is "$(sql "SELECT m.close - r.close FROM market_data_cache m JOIN market_data_revisions r USING (symbol, date)")" 0.25 \
  'and changes the price'

sql "UPDATE market_data_cache SET is_final = false WHERE symbol = 'ZZTB' AND date = '2024-06-12'"
collect "'2024-06-12'"
is "$(result)" 'ZZTB tiingo OK 1' 'a provisional price is asked for again'
is "$(sql "SELECT is_final FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-12'")" t 'and becomes final'
is "$(sql "SELECT reason FROM market_data_revisions WHERE symbol = 'ZZTB'")" became_final 'which its former row tells'

sql "UPDATE market_data_cache SET data_source = 'hand', close = 49 WHERE symbol = 'ZZTB' AND date = '2024-06-07'"
sql "DELETE FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-06'"
collect "'2024-06-12', symbols => '{ZZTB}'"
is "$(sql "SELECT close FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-07'")" 49 \
  'a final price of another source stays'
is "$(sql "SELECT count(*) FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-06'")" 1 \
  'who names a symbol has its gaps filled'

sql "DELETE FROM market_data_cache WHERE symbol = 'ZZTB' AND date IN ('2024-06-04', '2024-06-05')" \
  "CREATE FUNCTION public.write_first() RETURNS trigger LANGUAGE plpgsql AS \$\$
   BEGIN
     IF pg_trigger_depth() = 1 THEN
       INSERT INTO public.market_data_cache (symbol, date, close, data_source) VALUES ('ZZTB', '2024-06-05', 48, 'hand')
       ON CONFLICT DO NOTHING;
     END IF;
     RETURN NULL;
   END \$\$" \
  'CREATE TRIGGER write_first BEFORE INSERT ON market_data_cache EXECUTE FUNCTION public.write_first()'
collect "'2024-06-12', symbols => '{ZZTB}'"
is "$(sql "SELECT date, data_source FROM market_data_cache WHERE symbol = 'ZZTB' AND date BETWEEN '2024-06-04' AND '2024-06-05'
           ORDER BY date")" $'2024-06-04|tiingo\n2024-06-05|hand' \
  'a price that somebody else has written meanwhile stays, and the others are written'
like "$(result)" 'ZZTB tiingo OK' 'which is no failure'
sql 'DROP TRIGGER write_first ON market_data_cache' \
  "DELETE FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-05'"
collect "'2024-06-12', symbols => '{ZZTB}'"

# One provider after the other ---------------------------------------------------------------------------------------

fmp='{"path": "/stable/historical-price-eod/full", "query": {"symbol": "ZZTB"}, "responses": [{"json": ROWS}]},
     {"path": "/stable/historical-price-eod/dividend-adjusted", "query": {"symbol": "ZZTB"}, "responses": [{"json": ROWS}]}'
script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-13 'if d == "2024-06-07": p += 0.25')")")" \
  "$(route ZZTB "$absent")" "${fmp//ROWS/$(make_rows fmp 2024-06-13)}"
collect "'2024-06-13'"
is "$(result)" 'ZZTA tiingo OK 1, ZZTB tiingo NO_DATA 0, ZZTB fmp OK 1' 'what the first does not have the second is asked for'
is "$(requests 'stable.*ZZTA')" 0 'and nothing else'
is "$(requests 'historical-price-eod/full?symbol=ZZTB&from=2024-06-13&to=2024-06-13')" 1 'only the session that is missing'
is "$(sql "SELECT data_source FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-13'")" fmp \
  'the price says whose it is'
is "$(sql "SELECT detail ->> 'providers' FROM collections ORDER BY collection_id DESC LIMIT 1")" '{"fmp": 1, "tiingo": 1}' \
  'and the record how many each delivered'

script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-13 'if d == "2024-06-07": p += 0.25')")")" \
  "$(route ZZTB "$absent")"
collect "'2024-06-14'"
like "$(result)" 'ZZTA tiingo PENDING 0' 'an answer without the newest session is pending'
is "$(sql "SELECT count(*) FROM market_data_cache WHERE date = '2024-06-14'")" 0 'and no price is carried'
is "$(sql "SELECT detail ->> 'missing' FROM collections ORDER BY collection_id DESC LIMIT 1")" '["ZZTA", "ZZTB"]' \
  'the record names what is missing'

# A split of prices that the provider restates -----------------------------------------------------------------------

sql "UPDATE provider_priority SET is_enabled = provider = 'fmp'" \
  "UPDATE market_data_cache SET data_source = 'fmp', adjustment = 'split', close = open WHERE symbol = 'ZZTB'"
before=$(sql "SELECT count(*) FROM market_data_revisions")
script "${fmp//ROWS/$(make_rows fmp 2024-06-14 'p /= 4')}"
collect "'2024-06-14', symbols => '{ZZTB}'"
is "$(sql "SELECT count(*) FROM market_data_cache WHERE symbol = 'ZZTB' AND date = '2024-06-14'")" 0 \
  'prices at a quarter of the stored ones, with no split to explain it, are not taken'
is "$(sql "SELECT gate, status FROM price_quarantine WHERE symbol = 'ZZTB' AND date = '2024-06-14'")" 'disagreement|open' \
  'but set aside'
sql "INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator, source)
     VALUES ('ZZTB', '2024-06-14', 'split', 4, 1, 'hand')"
collect "'2024-06-14', symbols => '{ZZTB}'"
is "$(sql "SELECT count(*), count(*) FILTER (WHERE close < 15) FROM market_data_cache WHERE symbol = 'ZZTB'")" '115|115' \
  'with the split the whole history is on the new basis'
is "$(($(sql 'SELECT count(*) FROM market_data_revisions') - before))" 114 'and the former prices are kept'
is "$(sql "SELECT string_agg(DISTINCT reason, ' ') FROM market_data_revisions WHERE symbol = 'ZZTB' AND new_source = 'fmp'")" \
  split 'as changed by a split'
sql "UPDATE provider_priority SET is_enabled = true"

# Quota --------------------------------------------------------------------------------------------------------------

script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-17)")")" "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-17)")")"
sent=$(sql "SELECT requests_sent FROM provider_state WHERE provider = 'tiingo'")
holds "$sent" '>=' 9 'the requests of the day are counted across collections'
sql "UPDATE provider_limits SET requests_per_day = $sent WHERE provider = 'tiingo'" \
  "UPDATE provider_priority SET is_enabled = provider = 'tiingo'"
collect "'2024-06-17'"
is "$(requests tiingo)" 0 'a quota that is used up sends nothing'
like "$(result)" 'ZZTA tiingo (SKIPPED|RATE_LIMIT) 0' 'and says so'
is "$(newest "detail ->> 'missing'")" 'partial ["ZZTA", "ZZTB"]' 'the collection is partial'
sql "UPDATE provider_limits SET requests_per_day = NULL"

# While the network is awaited ---------------------------------------------------------------------------------------

hanging='{"hang": true}'
script "$(route ZZTA "$hanging")" "$(route ZZTB "$hanging")" "$(route ZZTC "$hanging")"
begin_collecting() {
  PGAPPNAME=collector psql -Xq -v VERBOSITY=verbose -c "CALL collect_market_data('2024-06-17')" </dev/null \
    >"$tap_folder/collector" 2>&1 &
  collector=$!
}
begin_collecting
both_hang() { [ "$(requests tiingo)" -ge 2 ]; }
await both_hang
is "$(sql "SELECT backend_xmin IS NULL, backend_xid IS NULL FROM pg_stat_activity WHERE application_name = 'collector'")" \
  't|t' 'it holds neither snapshot nor transaction meanwhile'
is "$(sql "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
           WHERE a.application_name = 'collector' AND l.locktype = 'relation'")" 0 'and no lock'
like "$(
  export PGOPTIONS=''
  sql_error "CALL collect_market_data('2024-06-17')"
  psql -Xq -c "CALL collect_market_data('2024-06-17')" 2>&1
)" \
  'another session is collecting market data' 'a second collector leaves it alone'
pid=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'collector'")
unlike "$(sql "SELECT query FROM pg_stat_activity WHERE pid = $pid")" secret 'its activity shows no key'
start=$(date +%s%N)
sql "SELECT pg_cancel_backend($pid)" >/dev/null
wait "$collector" || true
holds $((($(date +%s%N) - start) / 1000000)) '<' 300 'a cancel ends it at once'
like "$(cat "$tap_folder/collector")" 57014 'as a cancel'

# A kill in mid-chunk ------------------------------------------------------------------------------------------------

sql "ALTER DATABASE night SET portfolio_batch.collect_chunk = 1"
script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-17)")")" "$(route ZZTB "$hanging")"
begin_collecting
await grep -q 'tiingo/daily/ZZTB' "$feed/requests.log"
as_server kill -9 "$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'collector'")"
wait "$collector" || true
wait_for_server
is "$(sql "SELECT count(*) FROM market_data_cache WHERE symbol = 'ZZTA' AND date = '2024-06-17'")" 1 \
  'what a killed collection had finished stays'
script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-17)")")" \
  "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-17 'p /= 4')")")"
collect "'2024-06-17'"
is "$(requests tiingo/daily/ZZTA) $(requests tiingo/daily/ZZTB)" '0 1' 'the next one asks for what is missing alone'
is "$(sql "SELECT string_agg(status, ' ' ORDER BY collection_id DESC) FROM (SELECT * FROM collections
           ORDER BY collection_id DESC LIMIT 3) AS c")" 'success lost lost' 'and marks those that were cut off as lost'

# daily_batch --------------------------------------------------------------------------------------------------------

script "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-18)")")" \
  "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-18 'p /= 4')")")"
sql "CALL daily_batch('2024-06-18')"
is "$(requests tiingo)" 2 'daily_batch collects'
is "$(sql "SELECT max(snapshot_date), count(*) FROM portfolio_snapshots")" '2024-06-18|12' 'before it computes'
is "$(sql "SELECT detail ->> 'fetch_mode', detail ->> 'symbols_fetched', detail ->> 'symbols_with_data' FROM batch_jobs
           WHERE job_name = 'market_data_coverage' AND calculation_date = '2024-06-18'")" 'collected|2|2' \
  'and phase 1 reports the collection'
script
sql "ALTER DATABASE night SET portfolio_batch.provider_keys_file = '$tap_folder/nowhere'"
sql "CALL daily_batch('2024-06-20')"
is "$(sql "SELECT max(snapshot_date) FROM portfolio_snapshots")" 2024-06-20 'a failed collection keeps no date from being computed'
is "$(sql "SELECT status, sqlstate FROM batch_jobs WHERE job_name = 'collect_market_data'")" 'failed|58P01' \
  'and has a job that tells why'

open_session quiet
tell quiet 'SELECT count(*) FROM run_daily_batch()'
pid=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'quiet'")
is "$(as_server grep -c 'libcurl\|portfolio_batch_collect' "/proc/$pid/maps")" 0 'a session that only computes has not loaded libcurl'
is "$(as_server grep -q 'portfolio_batch.so' "/proc/$pid/maps" && echo yes)" yes 'but the first library'
tell quiet "CALL collect_market_data('2024-06-20')"
holds "$(as_server grep -c 'libcurl' "/proc/$pid/maps")" '>' 0 'one that collects has'

# A second database, where the first provider divides by splits -----------------------------------------------------

# chart LAST [CHANGE [META [EVENTS]]]: an answer; weekends too, where the change says "weekends = True".
cat >"$feed/chart.py" <<'PYTHON'
import datetime, json, sys
last, change, meta, events = sys.argv[1:] + ["", "{}", "{}"][len(sys.argv) - 2:]
holidays = {"2024-01-01", "2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27", "2024-06-19", "2024-07-04"}
stamps, closes, day = [], [], datetime.date(int(last[:4]), 1, 2)
while day.isoformat() <= last:
    scope = {"d": day.isoformat(), "p": 50 + day.toordinal() % 7, "weekends": False}
    exec(change, scope)
    if scope["weekends"] or (day.weekday() < 5 and day.isoformat() not in holidays):
        stamps.append(int(datetime.datetime(day.year, day.month, day.day, 15, tzinfo=datetime.timezone.utc).timestamp()))
        closes.append(scope["p"])
    day += datetime.timedelta(1)
def stamped(event):
    day = datetime.date.fromisoformat(event["date"])
    return {**event, "date": int(datetime.datetime(day.year, day.month, day.day, 15, tzinfo=datetime.timezone.utc).timestamp())}
found = {kind: {str(i): stamped(event) for i, event in enumerate(all)} for kind, all in json.loads(events).items()}
result = {"meta": {"currency": "USD", "exchangeTimezoneName": "America/New_York", "regularMarketTime": 1900000000,
                   **json.loads(meta)},
          "timestamp": stamps, "events": found,
          "indicators": {"quote": [{"open": closes, "high": closes, "low": closes, "close": closes,
                                    "volume": [100] * len(closes)}], "adjclose": [{"adjclose": closes}]}}
print(json.dumps({"chart": {"result": [result], "error": None}}))
PYTHON
chart() { /usr/bin/python3 "$feed/chart.py" "$@"; }
chart_route() { printf '{"path": "/v8/finance/chart/%s", "responses": [%s]}' "$1" "$2"; }
nobody='{"path": "/v8/finance/chart/{symbol}", "responses": [{"status": 404, "json": {"chart": {"result": null, "error":
         {"code": "Not Found", "description": "No data found, symbol may be delisted"}}}}]}'

sql 'CREATE DATABASE second'
sql "ALTER DATABASE second SET portfolio_batch.allow_insecure_loopback = on" \
  "ALTER DATABASE second SET portfolio_batch.provider_addresses =
     'yahoo=http://127.0.0.1:$port, tiingo=http://127.0.0.1:$port, polygon=http://127.0.0.1:$port'" \
  "ALTER DATABASE second SET portfolio_batch.provider_keys_file = '$tap_folder/keys'" \
  "ALTER DATABASE second SET portfolio_batch.market_symbol = 'ZZTA'"
export PGDATABASE=second
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
  'UPDATE factor_definitions SET is_active = false' \
  "INSERT INTO portfolios (id, name, inception_date, initial_equity)
   VALUES ('00000000-0000-0000-0000-000000000001', 'book', '2024-06-03', 100000)" \
  "INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
   SELECT '00000000-0000-0000-0000-000000000001', s, 'LONG', 10, 50, '2024-06-03', 'PUBLIC'
   FROM unnest(ARRAY['ZZTA', 'ZZTB']) AS s" \
  "INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
   VALUES ('00000000-0000-0000-0000-000000000001', 'ZZ_HOUSE', 'LONG', 1, 50, '2024-06-03')" \
  "INSERT INTO symbol_aliases (symbol, provider, provider_symbol) VALUES ('ZZ_HOUSE', 'yahoo', 'ZZHOUSE')" \
  "INSERT INTO provider_limits (provider, requests_per_second, burst, concurrent)
   SELECT p, 1000, 1000, 10 FROM unnest('{yahoo,tiingo,polygon}'::text[]) AS p" \
  "DELETE FROM provider_priority" \
  "INSERT INTO provider_priority (kind, provider, priority, is_enabled)
   VALUES ('prices', 'yahoo', 1, true), ('prices', 'tiingo', 2, false), ('prices', 'polygon', 3, false)" || exit

dividend='{"dividends": [{"date": "2024-05-15", "amount": 0.82}]}'
split='{"dividends": [{"date": "2024-05-15", "amount": 0.205}],
        "splits": [{"date": "2024-06-11", "numerator": 4, "denominator": 1}]}'
script "$(chart_route ZZTA "$(delivers "$(chart 2024-06-10 '' '{}' "$dividend")")")" "$nobody"
collect "'2024-06-10'"
is "$(requests HOUSE) $(requests chart/ZZTA)" '0 1' 'what looks private and has no class of investment is not asked for, whatever it is called there'
like "$(result)" 'ZZTB yahoo NO_DATA 0' 'a delisted symbol has no data'
is "$(sql "SELECT ex_date, amount FROM corporate_actions WHERE kind = 'dividend'")" '2024-05-15|0.82' 'a dividend is stored'
script "$(chart_route ZZTA "$(delivers "$(chart 2024-06-11 'p /= 4' '{}' "$split")")")" \
  "$(chart_route ZZTB '{"body": "<!DOCTYPE html><html><body>Will be right back</body></html>"}')"
collect "'2024-06-11'"
is "$(requests chart/ZZTA)" 2 'after a split the whole history is fetched'
is "$(sql "SELECT count(*) FILTER (WHERE close > 20), count(*) > 90 FROM market_data_cache")" '0|t' 'and is on one basis'
is "$(sql "SELECT ex_date, kind, amount FROM corporate_actions ORDER BY 1")" $'2024-05-15|dividend|0.82\n2024-06-11|split|' \
  'the dividend before the split is what was paid'
like "$(result)" 'ZZTB yahoo (BLOCKED|TRANSIENT) 0' 'a page for people is no answer'

# The second source --------------------------------------------------------------------------------------------------

sql "UPDATE provider_priority SET is_enabled = provider IN ('yahoo', 'tiingo')"
doubled='p /= 4
if d == "2024-06-12": p *= 3'
script "$(chart_route ZZTA "$(delivers "$(chart 2024-06-12 "$doubled")")")" \
  "$(chart_route ZZTB "$(delivers "$(chart 2024-06-12 "$doubled")")")" \
  "$(route ZZTA "$(delivers "$(make_rows tiingo 2024-06-12 "import datetime
p = (50 + datetime.date.fromisoformat(d).toordinal() % 7) / 4
if d == '2024-06-12': p *= 3")")")" \
  "$(route ZZTB "$(delivers "$(make_rows tiingo 2024-06-12 "import datetime
p = (50 + datetime.date.fromisoformat(d).toordinal() % 7) / 4")")")"
collect "'2024-06-12'"
is "$(sql "SELECT symbol, data_source, gate, status, decided_by FROM price_quarantine WHERE date = '2024-06-12' ORDER BY 1, 2")" \
  'ZZTA|yahoo|jump|accepted|second source
ZZTB|tiingo|disagreement|open|
ZZTB|yahoo|jump|open|' 'a jump that the next source has as well is accepted, one that it does not have waits with both prices'
is "$(sql "SELECT symbol, data_source FROM market_data_cache WHERE date = '2024-06-12'")" 'ZZTA|tiingo' 'one price is stored, the other missing'
sql "UPDATE provider_priority SET is_enabled = provider = 'yahoo'"

# Currencies and weekends ------------------------------------------------------------------------------------------

sql "INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
     SELECT '00000000-0000-0000-0000-000000000001', s, 'LONG', 10, 50, '2024-06-03', 'PUBLIC'
     FROM unnest(ARRAY['ZZTC', 'BTC-USD']) AS s"
script "$(chart_route ZZTC "$(delivers "$(chart 2024-06-12 '' '{"currency": "EUR"}')")")" \
  "$(chart_route BTC-USD "$(delivers "$(chart 2024-06-12 'weekends = True')")")"
collect "'2024-06-12', symbols => '{ZZTC,BTC-USD}'"
is "$(sql "SELECT DISTINCT symbol, gate, facts FROM price_quarantine WHERE symbol IN ('ZZTC', 'BTC-USD')")" \
  'ZZTC|currency|{"found": "EUR", "expected": "USD"}' 'a price in another currency than its portfolio is set aside; weekends are no sessions, and no fault'
is "$(sql "SELECT count(*) > 90, count(*) FILTER (WHERE extract(isodow FROM date) > 5) FROM market_data_cache WHERE symbol = 'BTC-USD'")" \
  't|0' 'sessions of what trades always are taken'

# The circuit breaker ----------------------------------------------------------------------------------------------

printf 'polygon = polygonsecret\n' >>"$tap_folder/keys"
sql "UPDATE provider_priority SET is_enabled = provider <> 'tiingo'" \
  "ALTER DATABASE second SET portfolio_batch.collect_overlap = 0" \
  "DELETE FROM positions WHERE symbol IN ('ZZTC', 'BTC-USD')" \
  "INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
   VALUES ('00000000-0000-0000-0000-000000000001', 'ZZTD', 'LONG', 10, 50, '2024-06-03', 'PUBLIC')" \
  "INSERT INTO market_data_cache (symbol, date, close, adj_close, adjustment, data_source)
   SELECT 'ZZTD', date, close, adj_close, adjustment, data_source FROM market_data_cache WHERE symbol = 'ZZTA'" \
  "INSERT INTO collection_results (collection_id, symbol, kind, provider, outcome, asked_first, asked_last)
   SELECT collection_id, 'ZZTD', kind, provider, outcome, asked_first, asked_last FROM collection_results
   WHERE symbol = 'ZZTA'" \
  "UPDATE provider_state SET closed_until = now() + interval '1 hour', times_opened = 1, reason = 'TRANSIENT' WHERE provider = 'yahoo'"
grouped='{"path": "/v2/aggs/grouped/locale/us/market/stocks/2024-06-13", "responses": [{"json": {"status": "OK", "adjusted": true,
  "resultsCount": 2, "results": [{"T": "ZZTA", "c": 40, "h": 40, "l": 40, "o": 40, "v": 100, "t": 1718308800000},
                                 {"T": "ZZTD", "c": 41, "h": 41, "l": 41, "o": 41, "v": 1, "t": 1718308800000}]}}]}'
script "$grouped"
collect "'2024-06-13'"
is "$(requests chart) $(requests grouped)" '0 1' 'a provider whose breaker is open is not asked, and a whole day comes from another'
is "$(sql "SELECT symbol, data_source, close FROM market_data_cache WHERE date = '2024-06-13' ORDER BY 1")" \
  $'ZZTA|polygon|40\nZZTD|polygon|41' 'with one request for all symbols'
sql "UPDATE provider_priority SET is_enabled = provider = 'yahoo'" \
  "UPDATE provider_state SET closed_until = now() - interval '1 second', failures_in_a_row = 5 WHERE provider = 'yahoo'"
script '{"path": "/v8/finance/chart/{symbol}", "responses": [{"status": 503, "body": "down"}]}'
collect "'2024-06-14', symbols => '{ZZTA,ZZTC}'"
is "$(requests chart)" 1 'when it has waited, one request is tried'
is "$(sql "SELECT times_opened, closed_until > now() FROM provider_state WHERE provider = 'yahoo'")" '2|t' \
  'which fails, and opens the breaker again'
collect "'2024-06-14', symbols => '{ZZTA,ZZTC}'"
is "$(requests chart)" 1 'so that the next collection asks nothing'
sql "UPDATE provider_state SET closed_until = now() - interval '1 second' WHERE provider = 'yahoo'"
script "$(chart_route ZZTA "$(delivers "$(chart 2024-06-14 'p /= 4')")")" "$nobody"
collect "'2024-06-14', symbols => '{ZZTA}'"
is "$(sql "SELECT failures_in_a_row, times_opened, closed_until FROM provider_state WHERE provider = 'yahoo'")" '0|0|' \
  'an answer closes it'

# Prices of a session under way ------------------------------------------------------------------------------------

today=$(sql "SELECT max(session_date) FROM trading_sessions WHERE calendar = 'NYSE' AND close_at < now() - interval '1 hour'")
close=$(sql "SELECT extract(epoch FROM close_at)::bigint FROM trading_sessions WHERE calendar = 'NYSE' AND session_date = '$today'")
script "$(chart_route ZZTL "$(delivers "$(chart "$today" '' "{\"regularMarketTime\": $((close - 600))}")")")"
collect "NULL, symbols => '{ZZTL}'"
is "$(sql "SELECT is_final FROM market_data_cache WHERE symbol = 'ZZTL' AND date = '$today'")" f \
  'a price from before the close is provisional'
script "$(chart_route ZZTL "$(delivers "$(chart "$today" '' "{\"regularMarketTime\": $((close + 1))}")")")"
collect "NULL, symbols => '{ZZTL}'"
is "$(sql "SELECT m.is_final, r.is_final, r.reason FROM market_data_cache AS m JOIN market_data_revisions AS r USING (symbol, date)
           WHERE m.symbol = 'ZZTL'")" 't|f|became_final' 'one from after it takes its place'

# Yields and their vintage -----------------------------------------------------------------------------------------

sql 'CREATE TABLE our_yields (series text, date date, rate float8, known_on date)' \
  "INSERT INTO our_yields VALUES ('DGS10', '2024-06-12', 4.2, '2024-06-13')" \
  "INSERT INTO price_sources (name, kind, relation) VALUES ('hand', 'yields', 'public.our_yields')"
collect "'2024-06-12', kinds => '{yields}'"
sql "UPDATE our_yields SET rate = 4.3, known_on = '2024-06-20'"
collect "'2024-06-13', kinds => '{yields}'"
is "$(sql 'SELECT rate, known_on FROM interest_rates')" '4.3|2024-06-20' 'a revised yield has the day of its newest vintage'
sql "UPDATE our_yields SET rate = 4.1, known_on = '2024-06-18'"
collect "'2024-06-14', kinds => '{yields}'"
is "$(sql 'SELECT rate, known_on FROM interest_rates')" '4.3|2024-06-20' 'which an older one does not replace'

# Fundamentals -----------------------------------------------------------------------------------------------------

sql "INSERT INTO provider_priority (kind, provider, priority, is_enabled)
     SELECT k, 'yahoo', 1, true FROM unnest('{profiles,estimates,earnings_dates}'::text[]) AS k"
script '{"path": "/", "responses": [{"status": 404, "headers": {"Set-Cookie": "A3=d=ZZ; Path=/"}}]}' \
  '{"path": "/v1/test/getcrumb", "responses": [{"body": "zz.crumb"}]}' \
  "{\"path\": \"/v10/finance/quoteSummary/ZZTA\", \"responses\": [$(delivers "$(cat "$PB_ROOT/test/collect/yahoo/summary.json")")]}"
sql "CALL collect_fundamentals('2024-06-14', symbols => '{ZZTA}')"
is "$(sql "SELECT string_agg(kind, ' ' ORDER BY kind) FROM fundamental_state WHERE provider = 'yahoo'") $(requests quoteSummary)" \
  'earnings_dates estimates profiles 1' 'one answer gives all that it has'
is "$(sql "SELECT sum(requests), count(*) FROM collection_results WHERE collection_id = (SELECT max(collection_id) FROM collections)
           AND outcome = 'OK'")" '1|3' 'which the results tell'
export PGDATABASE=night

is "$(grep -c 'secret' "$tap_folder/server.log"; sql "SELECT count(*) FROM collection_results WHERE message ~ 'secret'")" \
  $'0\n0' 'no key is in the log or in a result'
done_testing
