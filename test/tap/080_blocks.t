#!/bin/bash
# However many sessions are computed together, and however little memory there is for their prices: the same rows.

. "$(dirname "$0")/tap.bash"
plan 5

begin_cluster
make_book 2024-11-01 3
target=2024-12-31

# A window so long that 1 MB holds it for all symbols, and 11 sessions more; a price takes 16 bytes.
symbols=$(PGDATABASE=book sql "SELECT count(*) FROM (
  SELECT symbol FROM positions UNION SELECT underlying_symbol FROM positions UNION SELECT 'SPY' UNION
  SELECT unnest(ARRAY[long_symbol, short_symbol]) FROM factor_definitions WHERE is_active) s WHERE symbol <> ''")
window=$((1024 * 1024 / 16 / symbols - 12))
export PGOPTIONS="-c portfolio_batch.progress=off -c portfolio_batch.covariance_window=$window"

for name in by_date by_block atomic small; do sql "CREATE DATABASE $name TEMPLATE book"; done
PGDATABASE=by_date sql "CALL daily_batch('$target')"

PGDATABASE=by_block sql "CALL daily_batch('$target', block => 7)"
same_results by_block by_date '' 'seven sessions in a transaction'
is "$(PGDATABASE=by_block sql 'SELECT count(DISTINCT xmin::text) FROM batch_jobs')" 6 'are committed block by block'

PGDATABASE=atomic sql "SELECT FROM run_daily_batch_with_backfill('$target')"
same_results atomic by_date '' 'all sessions in one'

# Splits and dividends are read with the prices, and nowhere else.
readings() {
  sql 'SELECT pg_stat_force_next_flush()' \
    "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'corporate_actions'" | tail -n 1
}
export PGDATABASE=small PGOPTIONS="$PGOPTIONS -c portfolio_batch.max_memory=1MB"
before=$(readings)
sql "SELECT FROM run_daily_batch_with_backfill('$target')" 'SELECT pg_stat_force_next_flush()'
# For stress tests, all the past of the factors is read as well.
is $(($(readings) - before)) 8 '41 sessions with memory for 11: prices and the past of factors are read four times'
same_results small by_date '' 'to the same results'

done_testing
