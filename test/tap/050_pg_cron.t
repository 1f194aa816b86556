#!/bin/bash
# A schedule of pg_cron really runs the batch: at a full minute, as a superuser and as a role that was granted its rights,
# and every second where pg_cron takes that. Waiting for the minute takes most of the time.

. "$(dirname "$0")/tap.bash"
plan 13

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

# Every second, which pg_cron takes from 1.5 on --------------------------------------------------------------------------

export PGDATABASE=postgres PGOPTIONS='-c portfolio_batch.progress=off'
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
  'SELECT FROM load_sample_data(portfolios => 1, positions => 3, sessions => 2)' 'CREATE DATABASE quick TEMPLATE book'
version=$(sql "SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'")
if [ "$(printf '%s\n' 1.5 "$version" | sort -V | head -n 1)" = 1.5 ]; then
  is "$(sql "SELECT cron_expression, enabled, next_run = now() + interval '1 s' FROM schedule_batch('tick', '1 second')")" \
    '1 second|t|t' "pg_cron $version takes a schedule of one second"
  sql "SELECT FROM cron.schedule_in_database('quick', '1 seconds', \$\$CALL daily_batch('$target')\$\$, 'quick')"
  # Were they read as a schedule of each minute, three of each would take longer.
  wait_until 115 "SELECT pg_sleep(0.3) IS NOT NULL AND count(*) = 2 AND bool_and(ended >= 3)
                  FROM (SELECT count(d.end_time) AS ended FROM cron.job j JOIN cron.job_run_details d USING (jobid)
                        GROUP BY j.jobid) AS t" || true
  sql 'SELECT cron.unschedule(jobid) FROM cron.job' >/dev/null
  is "$(sql "SELECT database, min(status), max(status), count(*) >= 3 FROM cron.job_run_details
             WHERE runid > 2 AND end_time IS NOT NULL GROUP BY 1 ORDER BY 1")" \
    'postgres|succeeded|succeeded|t
quick|succeeded|succeeded|t' 'it fires again and again, here and in another database'
  is "$(sql 'SELECT run_kind, status, dates_processed, error_count FROM batch_runs WHERE dates_processed > 0' \
    'SELECT count(*) FROM missing_sessions()' | paste -sd' ')" 'procedure|success|2|0 0' 'the batch has run once'
  same_results quick book '' 'with the results of a run by hand, in the other database as well'
else
  like "$(sql_error "SELECT schedule_batch('tick', '1 second')")" \
    'ERROR:  0A000: pg_cron of this server does not take the schedule "1 second".*HINT:  Install pg_cron 1\.5 or later' \
    "pg_cron $version takes no schedule of seconds, and the hint names the version that does"
  like "$(sql_error "SELECT cron.schedule('tick', '1 second', 'SELECT 1')")" 'ERROR: .*invalid schedule: 1 second' \
    'as pg_cron itself says'
  is "$(sql 'SELECT count(*) FROM cron.job' 'SELECT count(*) FROM batch_schedule_records' | paste -sd' ')" '0 0' \
    'what was refused leaves no job and no row'
  like "$(PGDATABASE=quick sql_error "SELECT schedule_batch('tick', '1 second')")" \
    'ERROR:  0A000: .*HINT:  Install pg_cron 1\.5 or later' 'it is refused in another database as well'
fi

done_testing
