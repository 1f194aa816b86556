#!/bin/bash
# Runs beside each other: nobody runs a portfolio twice at once, others go on, and everybody can see how far a run is.

. "$(dirname "$0")/tap.bash"
plan 31

begin_cluster
make_book 2024-09-03 4
target=2024-12-31
sql 'CREATE DATABASE undisturbed TEMPLATE book' 'CREATE DATABASE twice TEMPLATE book' \
  'CREATE DATABASE crowd TEMPLATE book' 'CREATE DATABASE mixed TEMPLATE book'
PGDATABASE=undisturbed PGOPTIONS='-c portfolio_batch.progress=off' sql "CALL daily_batch('$target')"

# Portfolios 1 and 3 have no symbol in common.
portfolio() { printf '%s%s%s%s0000-0000-4000-8000-000000000000' "$1" "$1" "$1" "$1"; }
first="ARRAY['$(portfolio 1)']::uuid[]"
third="ARRAY['$(portfolio 3)']::uuid[]"
both="ARRAY['$(portfolio 1)', '$(portfolio 3)']::uuid[]"

# A second session that has to wait shall fail, not hang.
quiet="-c portfolio_batch.progress=off -c lock_timeout=5s -c statement_timeout=60s"
export PGDATABASE=twice
PGOPTIONS=$quiet sql "SELECT FROM run_daily_batch('2024-09-03')"

# One run is held open ---------------------------------------------------------------------------------------------

open_session holder
tell holder 'SET portfolio_batch.progress = off' 'BEGIN' "SELECT DISTINCT status FROM run_daily_batch('2024-09-04', $first)
                                                          WHERE phase IN ('1', '2', '3')"
like "$(cat "$tap_folder/holder.out")" '^success' 'one session runs a portfolio and keeps its transaction open'

export PGOPTIONS=$quiet
started=$(date +%s%N)
is "$(sql "SELECT status, detail, count(*) FROM run_daily_batch('2024-09-04', $first) GROUP BY 1, 2")" \
  'skipped|already running in another session|6' 'the same portfolio in another session is skipped: already running'
is "$(sql "SELECT DISTINCT status, detail FROM run_daily_batch('2024-09-05', $first)")" \
  'skipped|already running in another session' 'another date of it too'
is "$(sql "SELECT DISTINCT status, detail FROM run_daily_batch_with_backfill('$target', $first)")" \
  'skipped|already running in another session' 'and a backfill'
said=$(sql_error "CALL daily_batch('2024-09-06', $first)")
holds "$((($(date +%s%N) - started) / 1000000))" '<' 3000 'each of them at once'
is "$(sql "SELECT status, dates_processed FROM batch_runs WHERE run_kind = 'procedure' ORDER BY run_id DESC LIMIT 1")" \
  'skipped|0' 'a procedure that found every portfolio busy is recorded as skipped'
is "$(grep -v '^LOCATION' <<<"$said")" 'NOTICE:  00000: portfolio_batch: another run is computing 1 of 1 portfolio, '\
'which this one leaves alone; see batch_progress()' 'and says so in a line'
like "$(sql_error BEGIN "CALL daily_batch('2024-09-04', $both)")" 'another run is computing 1 of 2 portfolios' \
  'as does one that finds some of them busy'
is "$(sql 'SELECT status FROM batch_runs ORDER BY run_id DESC LIMIT 1' \
  "SELECT r.value = (SELECT max(run_id)::text FROM batch_runs WHERE status <> 'skipped') FROM batch_report() AS r
   WHERE r.phase = 'run' AND r.metric = 'run'" | paste -sd' ')" 'skipped t' \
  'a report is that of the newest run that did something'
is "$(sql "SELECT status, processed FROM run_daily_batch('2024-09-05', $third) WHERE phase = '2'")" 'success|1' \
  'a run of another portfolio proceeds'
like "$(PGOPTIONS="$quiet -c lock_timeout=300ms" sql_error "SELECT FROM run_daily_batch('2024-09-04', $third)")" 55P03 \
  'on the same date it waits for the rows that belong to the date, and a lock timeout ends it as a whole'
like "$(sql "SELECT status, processed, skipped, detail FROM run_daily_batch('2024-09-06', $both) WHERE phase = '2'")" \
  '^success\|1\|1\|.*; 1 portfolio skipped: already running$' 'a run of both does the other one and says so'
is "$(sql "SELECT portfolio_id, count(*) FROM portfolio_snapshots WHERE snapshot_date > '2024-09-03' GROUP BY 1")" \
  "$(portfolio 3)|2" 'and writes nothing for the one that is running'
tell holder 'COMMIT'
is "$(sql "SELECT sum(rows_written) FROM run_daily_batch('2024-09-04', $first)")" 0 \
  'after its commit the portfolio can be run again, with nothing to write'

tell holder 'BEGIN' "SELECT FROM run_daily_batch('2024-09-05', $first)" 'ROLLBACK'
is "$(sql "SELECT status, processed FROM run_daily_batch('2024-09-05', $first) WHERE phase = '2'")" 'success|1' \
  'after a rollback too, and it has to'

# A run whose session died is marked by the next one, which may take long to commit. Others must not wait for that.
PGAPPNAME=victim sql "CALL daily_batch('$target', $both)" >/dev/null 2>&1 &
wait_for_activity 'portfolio_batch run=% item=_/%'
sql "SELECT FROM pg_terminate_backend((SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'))"
wait $! || true
is "$(sql "SELECT count(*) FROM batch_runs WHERE status = 'running'")" 1 'a session was ended in the middle of its run'
tell holder 'BEGIN' "SELECT FROM run_daily_batch('2024-09-06', $first)"
is "$(sql_error "SELECT status, processed + skipped FROM run_daily_batch('2024-09-09', $third) WHERE phase = '2'")" 'success|1' \
  'while one session marks it as lost, another need not wait for it'
tell holder 'COMMIT'
is "$(sql "SELECT count(*) FROM batch_runs WHERE status = 'running'" \
  "SELECT count(*) FROM batch_runs WHERE status = 'lost'" | paste -sd' ')" '0 1' 'and marked it is'
close_session holder

# Progress -----------------------------------------------------------------------------------------------------------

dates=$(sql "SELECT count(*) FROM missing_sessions('2024-11-29', $first)")
# At least 50 ms a session, so that the run takes seconds.
sql "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END'" \
  'CREATE TRIGGER slow AFTER INSERT ON batch_jobs EXECUTE FUNCTION public.slow()'
began=$SECONDS
PGAPPNAME=runner PGOPTIONS='' psql -Xq -c "CALL daily_batch('2024-11-29', $first)" </dev/null >"$tap_folder/notices" 2>&1 &
running=$!
wait_for_activity 'portfolio_batch run=% item=__/%'
shown=$(sql "SELECT query FROM pg_stat_activity WHERE application_name = 'runner' AND state = 'active'")
like "$shown" \
  "^portfolio_batch run=[0-9]+ session=2024-[0-9-]+ item=[0-9]+/$dates waiting=0 phase=[0-9.]+ doing=\"[a-zA-Z& ]+\"\$" \
  'pg_stat_activity shows the date, how far the run is, and the phase'
for ((try = 0; try < 50; try++)); do grep -q '^NOTICE:' "$tap_folder/notices" && break || sleep 0.1; done
kill -0 "$running" 2>/dev/null && alive=yes || alive=no
like "$alive $(head -n 1 "$tap_folder/notices")" \
  "^yes NOTICE:  portfolio_batch: 2024-[0-9-]+ \\([0-9]+ of $dates\\) success, [0-9.]+ s so far\$" 'a line of progress while it runs'
wait "$running" || true
holds "$(grep -c . "$tap_folder/notices")" '<=' $((SECONDS - began + 2)) 'and at most one a second'
like "$(tail -n 1 "$tap_folder/notices")" \
  "NOTICE:  portfolio_batch: $dates sessions, 2024-[0-9-]+ to 2024-11-29: success, [0-9.]+ s; see batch_report\\([0-9]+\\)\$" \
  'the last is a summary'
sql 'DROP FUNCTION public.slow CASCADE' 2>/dev/null
is "$(PGOPTIONS='' sql_error "SELECT DISTINCT status FROM run_daily_batch('2024-11-29', $first) WHERE phase = '3'" |
      grep -v '^LOCATION' | sed -E 's/[0-9.]+ s; .*//')" 'NOTICE:  00000: portfolio_batch: 1 session, 2024-11-29: success, 
success' 'of a run that takes no time it is all there is'

open_session shown
tell shown "SELECT count(*) FROM run_daily_batch('2024-12-02', $first)"
is "$(sql "SELECT query LIKE 'SELECT count(*) FROM run_daily_batch(%' FROM pg_stat_activity
           WHERE application_name = 'shown'")" t 'after a run its statement is shown again'
close_session shown
sql "SELECT FROM run_daily_batch('2024-12-02')"

# Somebody else does a part of the work while a procedure is about to begin. The last date must still be treated as the
# newest, on which alone position values and tags are written.
open_session holder
tell holder 'SET portfolio_batch.progress = off' 'BEGIN' 'LOCK TABLE batch_runs IN EXCLUSIVE MODE'
PGAPPNAME=late sql "CALL daily_batch('2024-12-04')" &
wait_until 10 "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'late' AND wait_event_type = 'Lock')"
tell holder "SELECT FROM run_daily_batch('2024-12-03')" 'COMMIT'
close_session holder
wait $! || true
is "$(sql "SELECT count(*) FROM missing_sessions('2024-12-04')" \
  "SELECT max(last_price_date) FROM positions WHERE investment_class = 'PUBLIC'" | paste -sd' ')" '0 2024-12-04' \
  'a procedure whose work list shrinks writes position values on its last date'

# Everybody at once ---------------------------------------------------------------------------------------------------

# The procedure commits date by date, so that several can take turns on the same portfolios.
export PGDATABASE=crowd
pids=()
for _ in 1 2 3; do
  sql "CALL daily_batch('$target')" >"$tap_folder/crowd.$_" 2>&1 &
  pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "$failed" 0 'three procedures over the same portfolios at once: none fails'
sql "CALL daily_batch('$target')" >/dev/null 2>&1
same_results crowd undisturbed '' 'and together they come to the results of one'
is "$(sql "SELECT count(*) FROM batch_jobs WHERE status IN ('failed', 'partial', 'blocked')")" 0 'no job of theirs failed'

# One transaction for all dates each, over portfolios that share symbols with their neighbors: each waits for the others.
export PGDATABASE=mixed PGOPTIONS="$quiet -c lock_timeout=0"
pids=()
for portfolio in 1 2 3 4; do
  sql "SELECT FROM run_daily_batch_with_backfill('$target', ARRAY['$(portfolio $portfolio)']::uuid[])" &
  pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "$failed" 0 'four backfills of neighboring portfolios at once: none fails'
is "$(sql "SELECT job_name, sqlstate, count(*) FROM batch_jobs WHERE status IN ('failed', 'partial', 'blocked')
           GROUP BY 1, 2")" '' 'no job of theirs fails'
same_results mixed undisturbed '' 'and their results are those of one run over all'

done_testing
