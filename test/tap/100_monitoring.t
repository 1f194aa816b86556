#!/bin/bash
# Runs watched from other sessions: progress while nothing is committed, cancel, the death of a session, and reports.

. "$(dirname "$0")/tap.bash"
plan 36

begin_cluster
make_book 2024-06-03 8
target=2024-12-31
sql 'CREATE DATABASE undisturbed TEMPLATE book' 'CREATE DATABASE watched TEMPLATE book'
PGDATABASE=undisturbed PGOPTIONS='-c portfolio_batch.progress=off' sql "CALL daily_batch('$target')"
export PGDATABASE=watched PGOPTIONS='-c portfolio_batch.progress=off -c lock_timeout=10s'
sql 'CREATE ROLE desk_reader LOGIN' 'CREATE ROLE desk_runner LOGIN' 'CREATE ROLE stranger LOGIN' \
  'CREATE ROLE watcher LOGIN IN ROLE desk_runner, pg_signal_backend, pg_read_all_stats' \
  "SELECT FROM grant_analytics_roles('desk_reader', 'desk_runner')" \
  'CREATE SCHEMA elsewhere' "SELECT FROM create_analytics_tables('elsewhere')" 2>/dev/null
sessions=$(sql "SELECT count(DISTINCT session_date) FROM missing_sessions('$target')")

# begin_run ROLE STATEMENT: the run, in the background.
begin_run() {
  PGUSER=$1 PGAPPNAME=victim psql -Xq -v VERBOSITY=verbose -c "$2" </dev/null >"$tap_folder/run" 2>&1 &
  client=$!
}

end_of_run() { wait "$client" || true; }
dates() { sql 'SELECT count(DISTINCT snapshot_date) FROM portfolio_snapshots'; }
status_of() { sql "SELECT status FROM batch_runs WHERE run_id = $1"; }

is "$(sql 'SELECT count(*) FROM batch_progress()' 'SELECT count(*) FROM batch_report()' | paste -sd' ')" '0 0' \
  'before the first run there is nothing to see'

# Settings of a session that has used nothing of the extension yet: SHOW does not know them, and anything can be given.
like "$(sql_error 'SHOW portfolio_batch.beta_window')" 'unrecognized configuration parameter' 'the library is not loaded'
sql "ALTER ROLE stranger SET portfolio_batch.beta_window = 'wide'"
is "$(sql 'SELECT name, value, source, allowed, refused FROM batch_settings()' | grep '^beta_window')" "beta_window|252|default|\
20 to 10000|ALTER ROLE stranger SET portfolio_batch.beta_window = 'wide': invalid value for parameter \
\"portfolio_batch.beta_window\": \"wide\"" 'batch_settings() does, and says what will be refused'
sql 'ALTER ROLE stranger RESET portfolio_batch.beta_window'

# A run in one transaction ---------------------------------------------------------------------------------------------

begin_run postgres "SELECT count(*) FROM run_daily_batch_with_backfill('$target')"
wait_for_activity 'portfolio_batch run=% item=__/%'
shown=$(sql "SELECT kind, status, total, role_name, pid = (SELECT pid FROM pg_stat_activity
                      WHERE application_name = 'victim') FROM batch_progress()" \
  "SELECT session_date > '2024-06-03', done BETWEEN 9 AND total, phase ~ '^[0-9.]+ [a-zA-Z]', elapsed > '0', remaining > '0',
          remaining < elapsed * total / done FROM batch_progress()" \
  'SELECT count(*) FROM batch_runs' \
  "SELECT string_agg(check_name, ',') FROM batch_preflight('$target') WHERE NOT ok AND check_name = 'lock free'" \
  "SET portfolio_batch.schema = 'elsewhere'" 'SELECT count(*) FROM batch_progress()')
kill -0 "$client" 2>/dev/null && alive=yes || alive=no
is "$shown $alive" "function|running|$sessions|postgres|t
t|t|t|t|t|t
0
lock free
0 yes" 'a run of which nothing is committed is seen: done of all, phase, time left; not from tables elsewhere; preflight
knows that portfolios are being run'
run=$(sql 'SELECT run_id FROM batch_progress()')
like "$(PGUSER=stranger sql_error "SELECT cancel_run($run)")" '42501' 'a stranger cannot cancel it'
like "$(PGUSER=desk_runner sql_error "SELECT cancel_run($run)")" "ERROR:  42704: run $run does not exist" \
  'to a role that may not see other sessions, it does not exist'
is "$(sql "SELECT cancel_run($run)")" "run $run is over; it was one transaction, of which a cancel leaves nothing" \
  'it can be canceled'
end_of_run
like "$(cat "$tap_folder/run")" 'ERROR:  57014: canceling statement due to user request' 'its session was told so'
is "$(dates) $(sql 'SELECT count(*) FROM batch_runs' 'SELECT count(*) FROM batch_progress()' | paste -sd' ')" '0 0 0' \
  'nothing of it is left'

# A procedure ----------------------------------------------------------------------------------------------------------

begin_run desk_runner "CALL daily_batch('$target')"
wait_for_activity 'portfolio_batch run=% item=__/%'
run=$(sql 'SELECT run_id FROM batch_runs')
shown=$(sql "SELECT run_id, kind, status, total, role_name, workers, session_date IS NOT NULL, phase IS NOT NULL, done >= 9,
                    remaining > '0' FROM batch_progress()")
as_reader=$(PGUSER=desk_reader sql "SELECT run_id, kind, status, total, done >= 8, remaining, phase FROM batch_progress()")
report=$(sql "SELECT value FROM batch_report($run) WHERE metric = 'status' AND phase = 'run'")
refused=$(PGUSER=desk_reader sql_error "SELECT cancel_run($run)")
kill -0 "$client" 2>/dev/null && alive=yes || alive=no
is "$shown $alive" "$run|procedure|running|$sessions|desk_runner|0|t|t|t|t yes" 'a procedure is seen with its record'
is "$as_reader" "$run|procedure|running||t||" 'without the right to see its session, from what it has committed'
is "$report" running 'its report says that it is running'
like "$refused" 42501 'a reader cannot cancel it'
cancelled=$(PGUSER=desk_runner sql "SELECT cancel_run($run)")
end_of_run
done=$(dates)
is "$cancelled" "run $run is cancelled; the sessions it finished ($done) are committed and stay" 'its own role can'
is "$(sql "SELECT status, dates_processed, completed_at > started_at, duration_seconds > 0 FROM batch_runs")" \
  "cancelled|$done|t|t" 'its record is complete'
is "$(sql 'SELECT count(*) FROM batch_progress()')" 0 'it is no longer seen'
like "$(sql_error "SELECT cancel_run($run)")" "ERROR:  55000: run $run is not running, its status is cancelled" \
  'it cannot be canceled twice'
like "$(sql_error 'SELECT cancel_run(4711)')" 'ERROR:  42704: run 4711 does not exist' 'nor can one that never was'

begin_run postgres "CALL daily_batch('$target')"
wait_for_activity 'portfolio_batch run=% item=__/%'
run=$(sql 'SELECT max(run_id) FROM batch_runs')
like "$(PGUSER=desk_runner sql_error "SELECT cancel_run($run)")" "ERROR:  42501: permission denied to cancel run $run" \
  "a role cannot cancel a superuser's run"
like "$(PGUSER=watcher sql_error "SELECT cancel_run($run)")" 'ERROR:  42501: must be a superuser to' \
  'also not one that sees what it does'
is "$(status_of "$run")" running 'which goes on'
sql "SELECT cancel_run($run)" >/dev/null
end_of_run

# A record is written by whoever owns it: it cannot have any other session stopped.
PGAPPNAME=bystander psql -Xqc 'SELECT pg_sleep(60)' >"$tap_folder/bystander" 2>&1 &
bystander=$!
wait_for_activity 'SELECT pg_sleep(60)'
sql "INSERT INTO batch_runs (run_id, run_kind, status, started_at, backend_pid, backend_start)
     SELECT 990, 'procedure', 'running', clock_timestamp(), a.pid, a.backend_start
     FROM pg_stat_activity AS a WHERE a.application_name = 'bystander'"
like "$(sql_error 'SELECT cancel_run(990)')" 'ERROR:  55000: process [0-9]+ does not execute run 990' \
  'a record that names another session is not believed'
kill -0 "$bystander" 2>/dev/null && alive=yes || alive=no
is "$alive $(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bystander' AND state = 'active'")" 'yes 1' \
  'and that session goes on'
is "$(status_of 990)" running 'nothing is recorded'
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bystander'" \
  'DELETE FROM batch_runs WHERE run_id = 990' >/dev/null
wait "$bystander" || true

# Workers --------------------------------------------------------------------------------------------------------------

begin_run postgres "CALL daily_batch('$target', workers => 2)"
sql 'CREATE TABLE seen AS SELECT * FROM batch_progress() LIMIT 0' "DO \$\$
DECLARE deadline CONSTANT timestamptz := clock_timestamp() + interval '20 s';
BEGIN
    WHILE clock_timestamp() < deadline LOOP
        -- A worker that has just begun is in no phase yet.
        INSERT INTO seen SELECT * FROM batch_progress() WHERE workers = 2 AND done > 2 AND phase ~ '^[0-9]';
        EXIT WHEN FOUND;
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.001);
    END LOOP;
END \$\$"
is "$(sql "SELECT status, workers > 0, phase ~ '^[0-9.]+ [a-zA-Z]', done > 2, total > done FROM seen")" 'running|t|t|t|t' \
  'workers are counted, and their phases shown'
run=$(sql 'SELECT run_id FROM seen')
like "$(sql "SELECT cancel_run($run)")" 'is cancelled' 'a run with workers can be canceled'
is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'portfolio_batch worker'")" 0 'its workers stop too'
end_of_run
is "$(status_of "$run")" cancelled 'it is recorded as cancelled'

# A session that is killed -----------------------------------------------------------------------------------------------

begin_run postgres "CALL daily_batch('$target')"
wait_for_activity 'portfolio_batch run=% item=__/%'
run=$(sql 'SELECT max(run_id) FROM batch_runs')
kill -9 "$(sql 'SELECT pid FROM batch_progress()')"
end_of_run
wait_for_server
is "$(status_of "$run")" running 'a session was killed; its record has not noticed'
is "$(sql 'SELECT run_id, status, elapsed, remaining, done > 0 FROM batch_progress()')" "$run|lost|||t" \
  'progress shows the run as lost at once'
is "$(sql "SELECT value FROM batch_report($run) WHERE metric = 'status' AND phase = 'run'")" lost 'so does its report'
like "$(sql_error "SELECT cancel_run($run)")" "ERROR:  55000: run $run is not running, its status is lost" \
  'it cannot be canceled'
sql "CALL daily_batch('$target')"
is "$(status_of "$run") $(sql 'SELECT count(*) FROM batch_progress()')" 'lost 0' 'the next run marks it'
same_results watched undisturbed '' 'and completes the work, to the same results'
is "$(sql "SELECT metric, value FROM batch_report() WHERE phase = 'run' AND metric IN ('status', 'errors')")" \
  'status|success
errors|0' 'the report is that of the newest run'
like "$(sql_error "SELECT cancel_run((SELECT max(run_id) FROM batch_runs))")" '55000: .* its status is success' \
  'a run that is over cannot be canceled'

done_testing
