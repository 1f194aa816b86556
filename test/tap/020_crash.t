#!/bin/bash
# CALL daily_batch survives whatever ends it: finished dates stay, none is half written, and the next call goes on to
# the same results as a run that nothing disturbed.

. "$(dirname "$0")/tap.bash"
plan 40

begin_cluster
make_book 2024-06-03 4
target=2024-12-31
sql 'CREATE DATABASE undisturbed TEMPLATE book' 'CREATE DATABASE disturbed TEMPLATE book'
started=$SECONDS
PGDATABASE=undisturbed PGOPTIONS='-c portfolio_batch.progress=off' sql "CALL daily_batch('$target')"
note "the undisturbed run takes $((SECONDS - started)) s"
export PGDATABASE=disturbed

seed=${PB_SEED:-$(date +%s)}
RANDOM=$seed
note "PB_SEED=$seed repeats the moments at which the runs are ended"

# The run, in the background; its process id is that of psql.
begin_run() {
  PGAPPNAME=victim psql -Xq -v VERBOSITY=verbose -c "CALL daily_batch('$target')" </dev/null >"$tap_folder/run" 2>&1 &
  client=$!
}

# Waits until the run has committed so many dates more, and a moment longer; prints the process id of its backend.
after_dates() {
  sql "DO \$\$
DECLARE
    have CONSTANT bigint := (SELECT count(DISTINCT snapshot_date) FROM portfolio_snapshots);
    deadline CONSTANT timestamptz := clock_timestamp() + interval '20 s';
BEGIN
    WHILE (SELECT count(DISTINCT snapshot_date) FROM portfolio_snapshots) < have + $1
          AND clock_timestamp() < deadline LOOP
        PERFORM pg_sleep(0.002);
    END LOOP;
    PERFORM pg_sleep(0.001 * $2);
END \$\$" "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND query LIKE 'portfolio_batch run=%'"
}

dates() { sql 'SELECT count(DISTINCT snapshot_date) FROM portfolio_snapshots'; }
last_date() { sql "SELECT coalesce(max(snapshot_date), '2000-01-01') FROM portfolio_snapshots"; }

# What must hold in the disturbed database at any time. EARLIER: how many dates it had when the run began.
check_state() {
  local earlier=$1 name=$2
  holds "$(dates)" '>' "$earlier" "$name: finished dates stay"
  same_results disturbed undisturbed "$(last_date)" "$name: they are whole, and none of a later date is there"
  is "$(sql "SELECT count(*) FROM portfolio_snapshots s WHERE NOT analytics_complete AND NOT EXISTS
               (SELECT FROM missing_sessions('$target') m
                WHERE m.portfolio_id = s.portfolio_id AND m.session_date = s.snapshot_date)")" 0 \
    "$name: every snapshot is complete or on the work list"
}

statuses() { sql "SELECT string_agg(status, ' ' ORDER BY run_id) FROM batch_runs"; }

# A backend is killed: the server ends every session and recovers --------------------------------------------------

rounds=5
for round in $(seq $rounds); do
  name="kill -9 of the backend, $round of $rounds"
  have=$(dates)
  begin_run
  backend=$(after_dates $((RANDOM % 12 + 1)) $((RANDOM % 30)))
  kill -9 "$backend" || true
  wait "$client" || true
  like "$(cat "$tap_folder/run")" 'server closed the connection' "$name: in the middle of a run"
  wait_for_server
  check_state "$have" "$name"
done
is "$(statuses)" 'lost lost lost lost running' 'each run has marked the killed one before it as lost'

# The whole server is killed, as by a loss of power ------------------------------------------------------------------

have=$(dates)
begin_run
after_dates $((RANDOM % 8 + 1)) $((RANDOM % 30)) >/dev/null
postmaster=$(as_server head -n 1 "$tap_folder/data/postmaster.pid")
# shellcheck disable=SC2046
kill -9 "$postmaster" $(ps -o pid= --ppid "$postmaster")
wait "$client" || true
# The pid file stays behind, and so may, for a moment, the shared memory.
for _ in $(seq 20); do
  as_server "$PB_BIN/pg_ctl" -D "$tap_folder/data" -l "$tap_folder/server.log" -w start >/dev/null 2>&1 && break
  sleep 0.2
done
wait_for_server
check_state "$have" 'kill -9 of the whole server'

# Canceled and terminated --------------------------------------------------------------------------------------------

have=$(dates)
begin_run
after_dates 5 7 >/dev/null
sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'" >/dev/null
wait "$client" || true
like "$(cat "$tap_folder/run")" 'ERROR:  57014: canceling statement due to user request' 'a run can be canceled'
check_state "$have" 'cancel'

have=$(dates)
begin_run
after_dates 5 13 >/dev/null
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'" >/dev/null
wait "$client" || true
like "$(cat "$tap_folder/run")" 'FATAL:  57P01: terminating connection' 'a run can be terminated'
check_state "$have" 'terminate'

# As one atomic unit, the same work leaves nothing behind ------------------------------------------------------------

have=$(dates)
runs=$(sql 'SELECT count(*) FROM batch_runs')
PGAPPNAME=victim psql -Xq -v VERBOSITY=verbose -c "SELECT count(*) FROM run_daily_batch_with_backfill('$target')" \
  </dev/null >"$tap_folder/run" 2>&1 &
client=$!
wait_for_activity 'portfolio_batch run=% item=__/%'
sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'" >/dev/null
wait "$client" || true
like "$(cat "$tap_folder/run")" 'ERROR:  57014: canceling statement due to user request' 'a backfill can be canceled'
is "$(dates) $(sql 'SELECT count(*) FROM batch_runs')" "$have $runs" 'and leaves nothing, being one transaction'

# To the end -----------------------------------------------------------------------------------------------------------

holds "$(sql "SELECT count(*) FROM missing_sessions('$target')")" '>' 0 'after all that there is still work to do'
PGOPTIONS='-c portfolio_batch.progress=off' sql "CALL daily_batch('$target')"
same_results disturbed undisturbed '' 'the last run completes what the others left, to the same results'
is "$(sql "SELECT count(*) FROM missing_sessions('$target')")" 0 'nothing is missing'
is "$(sql "SELECT status, count(*) FROM batch_runs GROUP BY 1 ORDER BY 1" | paste -sd' ')" "lost|$((rounds + 3)) success|1" \
  'every run that was ended is known as lost'
is "$(sql "SELECT count(*) FROM (SELECT calculation_date FROM batch_jobs WHERE job_type = 'engine' AND phase = '2'
                                 GROUP BY 1 HAVING count(*) > 1) twice")" 0 'no date was computed and kept twice'
is "$(sql "CALL daily_batch('$target')" 2>&1)" 'NOTICE:  portfolio_batch: up to date, no session is missing' \
  'a further call has nothing to do'

done_testing
