#!/bin/bash
# A schedule of pg_cron really runs the batch, as a superuser and as a role that was granted its rights.
# pg_cron fires at full minutes only, so this takes up to a minute.

. "$(dirname "$0")/tap.bash"
plan 9

begin_cluster
make_book 2024-12-02 2
target=2024-12-31
sql 'CREATE ROLE desk_reader' 'CREATE ROLE desk_runner LOGIN' 'CREATE DATABASE desk TEMPLATE book' \
  'CREATE DATABASE office TEMPLATE book'
PGDATABASE=office sql "SELECT FROM grant_analytics_roles('desk_reader', 'desk_runner')"

sql 'CREATE EXTENSION pg_cron' 'GRANT USAGE ON SCHEMA cron TO desk_runner' \
  "GRANT EXECUTE ON FUNCTION cron.schedule(text, text, text) TO desk_runner"
begin_of_minute
sql "SELECT FROM cron.schedule_in_database('nightly', '* * * * *', \$\$CALL daily_batch('$target')\$\$, 'desk')" \
  "SELECT FROM cron.schedule_in_database('nightly of the role', '* * * * *', \$\$CALL daily_batch('$target')\$\$,
                                         'office', 'desk_runner')"
wait_until 75 "SELECT pg_sleep(0.3) IS NOT NULL AND count(*) >= 2 AND bool_and(end_time IS NOT NULL) FROM cron.job_run_details" || true
sql "SELECT cron.unschedule(jobid) FROM cron.job" >/dev/null

is "$(sql "SELECT DISTINCT database, username, status, command FROM cron.job_run_details WHERE runid <= 2 ORDER BY 1")" \
  "desk|postgres|succeeded|CALL daily_batch('$target')
office|desk_runner|succeeded|CALL daily_batch('$target')" 'pg_cron has run both schedules, and both succeeded'

dates=$(PGDATABASE=book sql "SELECT count(DISTINCT session_date) FROM missing_sessions('$target')")
for database in desk office; do
  export PGDATABASE=$database
  [ $database = desk ] && role=postgres || role=desk_runner
  is "$(sql 'SELECT run_kind, status, requested_by, dates_processed, error_count FROM batch_runs')" \
    "procedure|success|$role|$dates|0" "$database: the run is recorded as success, by $role"
  is "$(sql "SELECT count(*) FROM missing_sessions('$target')")" 0 "$database: nothing is missing"
  is "$(sql 'SELECT count(DISTINCT snapshot_date), count(DISTINCT xmin::text) FROM portfolio_snapshots')" \
    "$dates|$dates" "$database: each date was committed by itself"
done
PGOPTIONS='-c portfolio_batch.progress=off' PGDATABASE=book sql "CALL daily_batch('$target')"
same_results desk book '' 'with the results of a run by hand'
same_results office book '' 'also as the role'

done_testing
