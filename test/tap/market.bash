# shellcheck shell=bash
# What the TAP programs of collection share: a made-up market behind the addresses of all providers. Source it after
# tap.bash; do not run it.
# shellcheck disable=SC2154  # tap_folder is tap.bash's

market_program=$PB_ROOT/test/collect/market_server.py
market_port=
# What no log, table or message may contain.
market_key=zz0key1that2nobody3may4see

# begin_market DATABASE: writes the closed sessions of the database's calendar to a file, starts the server of the
# market, and points the cluster's collector at it. It goes away with the program, see clean_up.
begin_market() {
  market_sessions=$tap_folder/sessions
  PGDATABASE=$1 psql -XAtq -F' ' -v ON_ERROR_STOP=1 -c "
    SELECT * FROM (
      SELECT session_date, extract(epoch FROM open_at)::bigint, extract(epoch FROM close_at)::bigint
      FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= latest_closed_session()
      ORDER BY 1 DESC LIMIT 620) AS s
    ORDER BY 1" >"$market_sessions"
  # No function of the shell: what is ended with the program is then the server itself.
  PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$market_program" serve --port-file "$tap_folder/port" \
    --sessions "$market_sessions" "${@:2}" >"$tap_folder/market.log" 2>&1 &
  local deadline=$((SECONDS + 30))
  until [ -s "$tap_folder/port" ]; do
    [ $SECONDS -lt $deadline ] || die "the market does not begin: $(cat "$tap_folder/market.log")"
    sleep 0.1
  done
  market_port=$(cat "$tap_folder/port")
  keys_file=$tap_folder/data/provider_keys
  local provider addresses=
  for provider in yahoo fmp polygon tiingo fred treasury edgar; do
    addresses+="${addresses:+,}$provider=http://127.0.0.1:$market_port"
  done
  for provider in fmp polygon tiingo fred; do printf '%s = %s\n' "$provider" "$market_key"; done |
    as_server tee "$keys_file" >/dev/null
  as_server chmod 600 "$keys_file"
  printf '%s\n' "portfolio_batch.provider_addresses = '$addresses'" \
    "portfolio_batch.provider_keys_file = '$keys_file'" 'portfolio_batch.allow_insecure_loopback = on' |
    as_server tee -a "$tap_folder/data/postgresql.conf" >/dev/null
  sql 'SELECT FROM pg_reload_conf()'
}

market() { PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$market_program" "$@"; }

# tell_market JSON: what it answers from now on; the log of requests begins anew.
tell_market() { market tell "$market_port" "$1"; }

# asked PATTERN: how many requests since the last tell_market match.
asked() { market requests "$market_port" | grep -cE "$1" || true; }

# session_before_last NUMBER: the newest closed session (0), the one before it (1), …
session_before_last() { tail -n $(($1 + 1)) "$market_sessions" | head -n 1 | cut -d' ' -f1; }

# market_rows TABLE TODAY: what a collector should have stored on an evening, as CSV.
market_rows() { market rows --sessions "$market_sessions" --today "$2" "$1"; }

# prices_as_expected TODAY NAME: the stored prices are those of the market as of an evening, from the first that is
# stored of each symbol on, none missing and none more; and so are actions, yields and profiles.
prices_as_expected() {
  local table
  for table in market_data_cache corporate_actions interest_rates company_profiles; do
    market_rows $table "$1" >"$tap_folder/expected_$table"
  done
  is "$(PB_EXPECTED=$tap_folder psql -XAtq -v ON_ERROR_STOP=1 -f "$PB_ROOT/test/tap/market_differences.sql" 2>&1)" '' \
    "$2"
}
