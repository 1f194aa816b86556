#!/bin/bash
# What other sessions keep from its end: lock timeouts, serialization failures and deadlocks end a date and not a portfolio.
# A function raises them; daily_batch, which has transactions of its own, tries again. Prepared transactions hold locks too.

. "$(dirname "$0")/tap.bash"

plan 27
begin_cluster 'max_prepared_transactions = 5'
make_book 2024-11-01 3
target=2024-11-06
sql 'CREATE DATABASE undisturbed TEMPLATE book' 'CREATE DATABASE locked TEMPLATE book' \
  'CREATE DATABASE serial TEMPLATE book' 'CREATE DATABASE deadlock TEMPLATE book' 'CREATE DATABASE prepared TEMPLATE book' \
  'CREATE DATABASE poor TEMPLATE book'
quiet='-c portfolio_batch.progress=off'
PGDATABASE=undisturbed PGOPTIONS=$quiet sql "CALL daily_batch('$target')"
failures="SELECT DISTINCT sqlstate FROM batch_jobs WHERE sqlstate IS NOT NULL"
state_of_last='SELECT status, error_count > 0 FROM batch_runs ORDER BY run_id DESC LIMIT 1'

# Lock timeouts ------------------------------------------------------------------------------------------------------

# The positions are written on the newest date, after the snapshots of it.
export PGDATABASE=locked PGOPTIONS=$quiet
open_session holder
tell holder 'BEGIN' 'SELECT count(*) FROM (SELECT FROM positions FOR UPDATE) AS held'
like "$(PGOPTIONS="$quiet -c lock_timeout=200ms" sql_error "SELECT FROM run_daily_batch('2024-11-01')")" '55P03' \
  'a lock timeout ends run_daily_batch with its own SQLSTATE'
is "$(sql 'SELECT count(*) FROM portfolio_snapshots' 'SELECT count(*) FROM batch_runs' | paste -sd' ')" '0 0' \
  'and nothing of the date is kept'
started=$(date +%s%N)
PGOPTIONS="$quiet -c lock_timeout=200ms" sql "CALL daily_batch('$target')"
holds "$((($(date +%s%N) - started) / 1000000))" '>=' 600 'daily_batch waits for the lock three times'
is "$(sql "$failures")" 55P03 'and records why the date failed'
is "$(sql "$state_of_last")" 'partial|t' 'the run says so'
is "$(sql "SELECT count(DISTINCT snapshot_date) FROM portfolio_snapshots" \
  "SELECT count(DISTINCT session_date) FROM missing_sessions('$target')" | paste -sd' ')" '3 1' \
  'the dates that needed no lock are done, the one that did is left'
PGOPTIONS="$quiet -c lock_timeout=500ms" sql "CALL daily_batch('$target')" &
sleep 0.8
tell holder 'COMMIT'
close_session holder
wait $!
is "$(sql "$state_of_last")" 'success|f' 'a lock that is let go before the last attempt keeps nobody'
is "$(sql "SELECT count(*) FROM missing_sessions('$target')")" 0 'nothing is missing'
same_results locked undisturbed '' 'and the results are those of a run alone'

# Serialization failures -----------------------------------------------------------------------------------------------

export PGDATABASE=serial
open_session reader
tell reader 'SET portfolio_batch.progress = off' 'BEGIN ISOLATION LEVEL REPEATABLE READ' 'SELECT count(*) FROM positions'
sql "UPDATE positions SET notes = 'changed meanwhile'"
tell reader "SELECT FROM run_daily_batch('2024-11-01')"
like "$(cat "$tap_folder/reader.out")" 'could not serialize access due to concurrent update' \
  'under REPEATABLE READ a concurrent update ends run_daily_batch with a serialization failure'
tell reader 'ROLLBACK'
close_session reader
is "$(sql 'SELECT count(*) FROM portfolio_snapshots' 'SELECT count(*) FROM batch_jobs' | paste -sd' ')" '0 0' \
  'and nothing is kept'
# The update is committed while the procedure waits for it: the first attempt fails, the next one sees it.
open_session writer
tell writer 'BEGIN' "UPDATE positions SET notes = 'again'"
PGAPPNAME=batch PGOPTIONS="$quiet -c default_transaction_isolation=repeatable\\ read" sql "CALL daily_batch('$target')" &
wait_until 20 "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'batch' AND wait_event_type = 'Lock')"
tell writer 'COMMIT'
close_session writer
wait $!
is "$(sql "$state_of_last")" 'success|f' 'daily_batch tries again and succeeds'
is "$(sql "SELECT count(*) FROM missing_sessions('$target')" "$failures" | paste -sd' ')" '0' 'nothing is missing, nothing failed'
sql 'UPDATE positions SET notes = NULL'
same_results serial undisturbed '' 'to the results of a run alone'

# Deadlocks --------------------------------------------------------------------------------------------------------------

# The other session holds the positions and then wants a portfolio that the batch has just written. The batch waits first,
# and looks for a deadlock when the other one waits as well.
export PGDATABASE=deadlock
PGOPTIONS=$quiet sql "SELECT FROM run_daily_batch('2024-11-01')"
deadlock() {
  open_session other
  tell other "SET deadlock_timeout = '30s'" 'BEGIN' 'SELECT count(*) FROM (SELECT FROM positions FOR UPDATE) AS held'
  PGAPPNAME=batch PGOPTIONS="$quiet -c deadlock_timeout=2s" sql_error "$1" >"$tap_folder/batch.out" &
  local batch=$!
  wait_until 20 "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'batch' AND wait_event_type = 'Lock')"
  tell other "UPDATE portfolios SET notes_of_other = 'x'" 'COMMIT'
  close_session other
  wait "$batch" || true
}
sql 'ALTER TABLE portfolios ADD COLUMN notes_of_other text'
deadlock "SELECT FROM run_daily_batch('2024-11-04')"
like "$(cat "$tap_folder/batch.out")" '40P01' 'a deadlock ends run_daily_batch with its own SQLSTATE'
is "$(sql "SELECT count(*) FROM portfolio_snapshots WHERE snapshot_date = '2024-11-04'" "$failures" | paste -sd' ')" 0 \
  'and nothing of the date is kept, nor any portfolio blamed'
deadlock "CALL daily_batch('2024-11-04')"
is "$(sql "$state_of_last")" 'success|f' 'daily_batch tries again and succeeds'
sql "CALL daily_batch('$target')"
is "$(sql "SELECT count(*) FROM missing_sessions('$target')" "$failures" | paste -sd' ')" 0 'nothing is missing, nothing failed'
sql 'ALTER TABLE portfolios DROP COLUMN notes_of_other'
same_results deadlock undisturbed '' 'to the results of a run alone'

# Prepared transactions ----------------------------------------------------------------------------------------------------

export PGDATABASE=prepared
sql 'BEGIN' "SELECT FROM run_daily_batch('2024-11-01')" "PREPARE TRANSACTION 'left behind'"
like "$(sql "SELECT ok, detail FROM batch_preflight('$target') WHERE check_name = 'lock free'")" \
  '^f\|3 portfolios held by prepared transaction "left behind"; COMMIT PREPARED' 'batch_preflight names a prepared transaction that holds portfolios'
sql "ROLLBACK PREPARED 'left behind'"
is "$(sql "SELECT ok FROM batch_preflight('$target') WHERE check_name = 'lock free'")" t 'and no longer when it is gone'

# A portfolio that fails ---------------------------------------------------------------------------------------------------

# Each date is a transaction of its own, and knows from the log what failed before.
export PGDATABASE=poor PGOPTIONS=$quiet
poor=$(sql 'SELECT id FROM portfolios ORDER BY id LIMIT 1')
sql "UPDATE portfolios SET initial_equity = NULL WHERE id = '$poor'" "CALL daily_batch('$target')"
is "$(sql "$state_of_last")" 'partial|t' 'a portfolio without equity: the run is partial'
is "$(sql "SELECT calculation_date, status, sqlstate FROM batch_jobs WHERE portfolio_id = '$poor' AND phase = '2' ORDER BY job_no LIMIT 2")" \
  "2024-11-01|failed|55000
2024-11-04|blocked|" 'its first date failed, the next ones are blocked'
is "$(sql 'SELECT portfolio_dates FROM batch_runs')" 8 'the others are done'

# An error that is nobody's ends the run and is recorded.
sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE EXCEPTION 'the log is closed'; END \$\$" \
  "CREATE TRIGGER refuse BEFORE INSERT ON batch_jobs FOR EACH ROW WHEN (NEW.phase = '1') EXECUTE FUNCTION refuse()" \
  'DELETE FROM portfolio_snapshots'
like "$(sql_error "CALL daily_batch('$target')")" 'P0001: the log is closed' 'an error outside of the engines ends the run'
is "$(sql "SELECT r.status, j.sqlstate, j.error_message FROM batch_runs r JOIN batch_jobs j USING (run_id)
           WHERE j.job_name = 'daily_batch' ORDER BY run_id DESC LIMIT 1")" 'failed|P0001|the log is closed' \
  'which is in its record'

# Transaction blocks -------------------------------------------------------------------------------------------------------

like "$(sql_error 'BEGIN' 'CALL daily_batch()')" '2D000.*HINT:.*run_daily_batch_with_backfill' \
  'daily_batch in a transaction block says what to do instead'

done_testing
