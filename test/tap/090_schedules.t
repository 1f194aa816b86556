#!/bin/bash
# Schedules made by schedule_batch: they fire, write runs, keep out of each other's way, and tell what came of them.
# pg_cron fires at full minutes only, so this takes up to three of them.

. "$(dirname "$0")/tap.bash"
plan 59

begin_cluster
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
  'SELECT FROM load_sample_data(portfolios => 2, positions => 4, sessions => 3)'
sql 'CREATE ROLE desk_reader LOGIN' 'CREATE ROLE desk_runner LOGIN' 'CREATE ROLE stranger LOGIN' \
  "SELECT FROM grant_analytics_roles('desk_reader', 'desk_runner')" 'CREATE DATABASE other'
as_runner() { PGUSER=desk_runner sql "$@"; }
export PGOPTIONS='-c portfolio_batch.progress=off'

# What is missing is said ------------------------------------------------------------------------------------------------

like "$(sql_error "SELECT schedule_batch('tick', '* * * * *')")" \
  'ERROR:  55000: schedules need pg_cron, which is not installed in database "postgres".*CREATE EXTENSION pg_cron' \
  'without pg_cron the database says what to install'
is "$(sql 'SELECT count(*) FROM batch_schedules()')" 0 'schedules can be listed without it'
PGDATABASE=other sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()'
error=$(PGDATABASE=other sql_error "SELECT schedule_batch('tick', '* * * * *')")
like "$error" 'ERROR:  55000: schedules of database "other" have to be made in database "postgres"' \
  'in a database that pg_cron does not serve it names both'
sql 'CREATE EXTENSION pg_cron'
sql "$(grep -o 'SELECT cron.schedule_in_database([^;]*;' <<<"$error")" >/dev/null
is "$(sql 'SELECT jobname, schedule, command, database, username FROM cron.job')" \
  'portfolio_batch public: tick|* * * * *|CALL public.daily_batch()|other|postgres' 'and the command that it gives works'
sql 'SELECT cron.unschedule(jobid) FROM cron.job' >/dev/null
PGDATABASE=other sql "SELECT FROM grant_analytics_roles('desk_reader', 'desk_runner')"
like "$(PGDATABASE=other PGUSER=desk_runner sql_error "SELECT schedule_batch('tick', '* * * * *')")" \
  "need pg_cron, .* in database \"other\".*as a superuser there: SELECT cron.schedule_in_database\(.*'other', 'desk_runner'\);" \
  'a role that is not shown which database that is gets the command as well'

# What pg_cron takes depends on its version, and is the same in every database -------------------------------------------

version=$(sql "SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'")
is_from() { [ "$(printf '%s\n' "$1" "$version" | sort -V | head -n 1)" = "$1" ]; }
literally() { sed 's/[][$*.^\\]/\\&/g' <<<"$1"; }
# taken FROM EXPRESSION INSTEAD: a form of schedules that pg_cron takes from a version on.
taken() {
  local error
  error=$(PGDATABASE=other sql_error "SELECT schedule_batch('form', '$2')")
  if is_from "$1"; then
    is "$(sql "SELECT cron_expression, next_run > now(), job_id > 0 FROM schedule_batch('form', '$2')")" "$2|t|t" \
      "pg_cron $version takes $2"
    sql "SELECT unschedule_batch('form')"
    like "$error" "55000: .* SELECT cron.schedule_in_database\('.*', '$(literally "$2")'" 'in another database as well'
  else
    like "$(sql_error "SELECT schedule_batch('form', '$2')")" \
      "0A000: .* does not take the schedule \"$(literally "$2")\".* needs pg_cron $(literally "$1")\..*'$(literally "$3")'" \
      "pg_cron $version does not take $2, and says which one would"
    like "$error" 'ERROR:  0A000' 'nor in another database'
  fi
}
taken 1.5 '59 seconds' '* * * * *'
taken 1.6 '0 22 $ 1,2 *' '0 22 28-31 1,2 *'

# Who may schedule what --------------------------------------------------------------------------------------------------

like "$(PGUSER=stranger sql_error "SELECT schedule_batch('tick', '* * * * *')")" 42501 'a stranger cannot schedule'
like "$(PGUSER=desk_reader sql_error "SELECT schedule_batch('tick', '* * * * *')")" 42501 'nor can a reader'
like "$(PGUSER=desk_runner sql_error "SELECT schedule_batch('tick', '* * * * *')")" \
  'ERROR:  42501: permission denied for schema cron.*GRANT USAGE ON SCHEMA cron TO desk_runner' \
  'a runner needs the use of pg_cron, and is told the grant'
sql 'GRANT USAGE ON SCHEMA cron TO desk_runner'
is "$(sql "SELECT schedule_name, cron_expression, command, enabled, owner, next_run = cron_next_run('0 0 1 1 *'), job_id > 0
           FROM schedule_batch('tick', '0 0 1 1 *')")" \
  'tick|0 0 1 1 *|CALL public.daily_batch()|t|postgres|t|t' 'a schedule is made with one call'
like "$(PGUSER=desk_runner sql_error "SELECT schedule_batch('tick', '0 0 * * *')")" \
  'ERROR:  42501: schedule "tick" belongs to role "postgres"' "another role cannot change it"
like "$(PGUSER=desk_runner sql_error "SELECT unschedule_batch('tick')")" '42501' 'nor remove it'
like "$(PGUSER=desk_runner sql_error "SELECT disable_schedule('tick')")" '42501' 'nor disable it'
as_runner "SELECT FROM schedule_batch('runner tick', '0 0 1 1 *')"
is "$(sql 'SELECT username, schedule FROM cron.job ORDER BY 1')" 'desk_runner|0 0 1 1 *
postgres|0 0 1 1 *' 'each has a job of its own'
like "$(PGUSER=desk_runner sql_error "SELECT disable_schedule('runner tick')")" \
  'ERROR:  42501: permission denied for function cron.alter_job.*GRANT EXECUTE ON FUNCTION cron.alter_job' \
  'to disable one takes a right that is named'
is "$(as_runner 'SELECT schedule_name, owner, enabled FROM batch_schedules()')" 'runner tick|desk_runner|t
tick|postgres|t' 'everybody sees all of them'

# The table knows what it was told last; pg_cron shows a superuser the jobs of all, and others their own.
as_runner "SELECT cron.schedule('portfolio_batch public: runner tick', '7 7 * * *', 'CALL public.daily_batch(block => 2)')" \
  >/dev/null
sql "SELECT cron.schedule('portfolio_batch public: tick', '8 8 * * *', 'CALL public.daily_batch()')" >/dev/null
is "$(sql "SELECT schedule_name, cron_expression, command, next_run = cron_next_run(cron_expression) FROM batch_schedules()")" \
  'runner tick|7 7 * * *|CALL public.daily_batch(block => 2)|t
tick|8 8 * * *|CALL public.daily_batch()|t' 'a superuser sees all schedules as of now'
is "$(as_runner "SELECT schedule_name, cron_expression FROM batch_schedules()")" 'runner tick|7 7 * * *
tick|0 0 1 1 *' 'others see their own as of now'
columns='schedule_name, cron_expression, command, owner, enabled, last_run, last_status, last_message, next_run, job_id'
same="SELECT count(*) FROM (SELECT $columns FROM batch_schedules() EXCEPT SELECT $columns FROM batch_job_schedules) AS d"
is "$(sql "$same") $(as_runner "$same") $(sql "SELECT cron_expression FROM batch_job_schedules ORDER BY schedule_name" \
  "SELECT string_agg(cron_expression, ' ') FROM batch_schedule_records WHERE cron_expression IN ('7 7 * * *', '8 8 * * *')" |
  paste -sd'|')" '0 0 7 7 * * *|8 8 * * *|' 'the view is of now as well, for both, though the records are not'
as_runner "SELECT FROM schedule_batch('runner tick', '0 0 1 1 *')"
sql "SELECT FROM schedule_batch('tick', '0 0 1 1 *')"

# Whoever may write the table must not have others run what he likes.
as_runner "UPDATE batch_schedule_records SET command = 'DROP TABLE portfolios', owner = 'postgres'" \
  "INSERT INTO batch_schedule_records (schedule_name, cron_expression, command, owner)
   VALUES ('trap', '0 0 1 1 *', 'DROP TABLE portfolios', 'postgres')"
sql 'SELECT FROM sync_schedules()'
is "$(sql "SELECT count(*) FROM cron.job WHERE command LIKE 'DROP%'" \
  "SELECT command FROM batch_schedule_records WHERE schedule_name = 'tick'" | paste -sd' ')" '0 CALL public.daily_batch()' \
  'what is written into the table by hand reaches no job, and is put right'
like "$(sql_error "SELECT enable_schedule('trap')")" \
  "ERROR:  55000: schedule \"trap\" has no job in pg_cron.*SELECT \* FROM schedule_batch\('trap'" \
  'a row without a job cannot be enabled unseen'
sql "DELETE FROM batch_schedule_records WHERE schedule_name IN ('trap', 'runner tick')"
is "$(as_runner 'SELECT schedule_name, owner, command FROM sync_schedules()')" \
  'runner tick|desk_runner|CALL public.daily_batch()' 'a job without a row gets one'

# A session's own schema would be another one when the schedule runs.
sql "SELECT FROM create_analytics_tables('risk')" 2>/dev/null
like "$(sql_error "SET portfolio_batch.schema = 'risk'" "SELECT schedule_batch('risk tick', '0 0 * * *')")" \
  'ERROR:  55000: portfolio_batch.schema is "risk" in this session only.*ALTER ROLE postgres IN DATABASE postgres SET' \
  'a schema that holds for the session only is refused'
is "$(sql "SET portfolio_batch.schema = 'risk'" 'ALTER ROLE postgres IN DATABASE postgres SET portfolio_batch.schema = risk' \
  "SELECT schedule_name, job_id > 0 FROM schedule_batch('risk tick', '0 0 2 1 *')" \
  "SELECT jobname FROM cron.job WHERE schedule = '0 0 2 1 *'" "SELECT unschedule_batch('risk tick')" \
  'ALTER ROLE postgres IN DATABASE postgres RESET portfolio_batch.schema' "SELECT count(*) FROM risk.batch_schedule_records")" \
  'risk tick|t
portfolio_batch risk: risk tick

0' 'one that lasts is not'

# The first minute: the portfolios are being run by another session ------------------------------------------------------

open_session holder
first=$(sql 'SELECT min(session_date) FROM missing_sessions()')
tell holder 'BEGIN' "SELECT DISTINCT status FROM run_daily_batch('$first') WHERE phase = '2'"
begin_of_minute
as_runner "SELECT FROM schedule_batch('runner tick', '* * * * *')"
sql "SELECT FROM schedule_batch('off', '0 0 1 1 *', 'SELECT 2')"
is "$(sql "SELECT enabled, next_run FROM disable_schedule('off')")" 'f|' 'a schedule can be disabled'
is "$(sql "SELECT enabled, cron_expression FROM schedule_batch('off', '* * * * *', 'SELECT 2')")" 'f|* * * * *' \
  'and stays it when it is changed'
sql "SELECT FROM schedule_batch('tick', '* * * * *')" "SELECT FROM schedule_batch('broken', '* * * * *', 'SELECT 1 / 0')"
wait_until 80 "SELECT pg_sleep(0.3) IS NOT NULL AND count(DISTINCT jobid) = 3 AND bool_and(end_time IS NOT NULL)
               FROM cron.job_run_details" || true
sql "SELECT unschedule_batch('broken')"
like "$(sql "SELECT status, return_message FROM cron.job_run_details WHERE command = 'SELECT 1 / 0' LIMIT 1")" \
  '^failed\|ERROR: +division by zero' 'pg_cron ran a command that fails'
like "$(sql "SELECT last_status, last_message, last_run > now() - interval '2 min', (SELECT count(*) FROM portfolio_snapshots)
             FROM batch_schedules() WHERE schedule_name = 'tick'")" '^skipped\|run [0-9]+, sessions 0, errors 0\|t\|0$' \
  'a tick that finds its portfolios being run does nothing, and says so'

# The second minute: they are free ---------------------------------------------------------------------------------------

begin_of_minute
tell holder 'ROLLBACK'
close_session holder
wait_until 80 "SELECT pg_sleep(0.3) IS NOT NULL AND (SELECT count(*) = 0 FROM missing_sessions()) AND count(*) = 0
               FROM batch_runs WHERE status = 'running'" || true
is "$(sql 'SELECT count(*) FROM missing_sessions()' "SELECT count(DISTINCT snapshot_date) FROM portfolio_snapshots" \
  "SELECT count(*) FROM (SELECT FROM batch_jobs WHERE job_type = 'engine' AND phase = '2'
                         GROUP BY calculation_date HAVING sum(processed) > 2) AS twice" | paste -sd' ')" '0 3 0' \
  'ticks of two roles at the same moment have done the work once'
is "$(sql "SELECT count(*) FROM batch_runs r WHERE r.status NOT IN ('success', 'skipped')
             OR NOT EXISTS (SELECT FROM cron.job_run_details d WHERE d.job_pid = r.backend_pid)")" 0 \
  'in runs of sessions of pg_cron'
is "$(sql "SELECT DISTINCT last_status FROM batch_schedules() WHERE schedule_name = 'tick'" |
  grep -Ec '^(success|skipped)$')" 1 'which the schedule shows'

# The third minute: a phase fails, while pg_cron sees no failure ---------------------------------------------------------

as_runner "SELECT unschedule_batch('runner tick')"
sql 'BEGIN' 'DELETE FROM portfolio_snapshots WHERE snapshot_date = (SELECT max(snapshot_date) FROM portfolio_snapshots)' \
  'DELETE FROM portfolio_stress_tests WHERE calculation_date = (SELECT max(calculation_date) FROM portfolio_stress_tests)' \
  'ALTER TABLE portfolio_stress_tests ADD CONSTRAINT house_rule CHECK (direct_pnl IS NULL) NOT VALID' 'COMMIT'
wait_until 80 "SELECT pg_sleep(0.3) IS NOT NULL AND EXISTS (SELECT FROM batch_runs WHERE status = 'partial')" || true
wait_until 5 'SELECT bool_and(end_time IS NOT NULL) FROM cron.job_run_details' || true
is "$(sql 'SELECT status FROM cron.job_run_details ORDER BY runid DESC LIMIT 1')" succeeded 'the command succeeds'
like "$(sql "SELECT last_status, last_message FROM sync_schedules() WHERE schedule_name = 'tick'")" \
  '^partial\|run [0-9]+, sessions 1, errors [1-9]: .*violates check constraint "house_rule"' \
  'the run in which something failed is seen in the outcome of the schedule'
is "$(sql "SELECT last_status FROM batch_schedule_records WHERE schedule_name = 'tick'")" partial 'and, synchronized, in the record'
is "$(sql "SELECT count(*) FROM cron.job_run_details WHERE command = 'SELECT 2'" \
  "SELECT last_status IS NULL, enabled, next_run IS NULL FROM batch_schedules() WHERE schedule_name = 'off'" |
  paste -sd' ')" '0 t|f|t' 'a schedule that is disabled never ran'
is "$(sql "SELECT enabled, next_run > now() FROM enable_schedule('off')")" 't|t' 'it can be enabled again'
sql "SELECT unschedule_batch('off')" "SELECT unschedule_batch('tick')" \
  'ALTER TABLE portfolio_stress_tests DROP CONSTRAINT house_rule'
is "$(sql 'SELECT count(*) FROM cron.job' 'SELECT count(*) FROM batch_schedules()' | paste -sd' ')" '0 0' \
  'schedules can be removed'

# The default set --------------------------------------------------------------------------------------------------------

is "$(sql 'SELECT schedule_name, cron_expression, command FROM schedule_default_batches()')" \
  "batch tick|*/15 0-3,20-23 * * *|CALL public.daily_batch()
gap scan|0 6 * * 0|CALL public.rescan_sessions(90)
late corrections|30 4 * * *|CALL public.rescan_sessions(14)
run records|30 5 * * *|SELECT FROM public.purge_run_records('90 days')" 'the default set'
sql "SELECT FROM schedule_batch('gap scan', '0 7 * * 6')"
is "$(sql "SELECT cron_expression FROM schedule_default_batches() WHERE schedule_name = 'gap scan'" \
  'SELECT count(*) FROM cron.job' | paste -sd' ')" '0 7 * * 6 4' 'a second call leaves what was changed alone'
like "$(PGUSER=desk_runner sql_error 'SELECT FROM sync_schedules()' 'SELECT count(*) FROM schedule_default_batches()')" \
  '^4$' 'and what is of another role'

# The scan for what came late --------------------------------------------------------------------------------------------

sql 'CALL daily_batch()'
is "$(sql 'SELECT target_date = latest_closed_session() FROM batch_runs ORDER BY run_id DESC LIMIT 1')" t \
  'a run without a date notes the session that it was to reach'
last=$(sql 'SELECT max(snapshot_date) FROM portfolio_snapshots')
symbol=$(sql "SELECT symbol FROM positions WHERE position_type = 'LONG' AND exit_date IS NULL ORDER BY symbol LIMIT 1")
sql "UPDATE market_data_cache SET close = close * 1.01, adj_close = adj_close * 1.01
     WHERE symbol = '$symbol' AND date = '$last'"
value="SELECT total_value FROM portfolio_snapshots s WHERE snapshot_date = '$last' AND EXISTS
         (SELECT FROM positions p WHERE p.portfolio_id = s.portfolio_id AND p.symbol = '$symbol') ORDER BY 1 LIMIT 1"
was=$(sql "$value")
like "$(sql_error 'CALL daily_batch()')" 'up to date, no session is missing' 'a correction of a price is no gap'
sql 'CALL rescan_sessions()' 2>/dev/null
holds "$(sql "$value")" '!=' "$was" 'the scan takes it up'
is "$(sql 'SELECT run_kind, status, dates_processed, rows_written > 0 FROM batch_runs ORDER BY run_id DESC LIMIT 1')" \
  'procedure|success|3|t' 'as one run over the sessions of the last 90 days'
sql 'CALL rescan_sessions(30)' 2>/dev/null
is "$(sql 'SELECT dates_processed, rows_written FROM batch_runs ORDER BY run_id DESC LIMIT 1')" '3|0' \
  'another one finds nothing to write'
like "$(sql_error 'CALL rescan_sessions(0)')" '22023: days must be positive' 'days must be positive'
like "$(sql_error "CALL rescan_sessions(9, ARRAY[gen_random_uuid()])")" '42704' 'a portfolio that does not exist'
like "$(PGUSER=stranger sql_error 'CALL rescan_sessions()')" 42501 'a stranger is refused'

# Records go -------------------------------------------------------------------------------------------------------------

sql "UPDATE batch_runs SET started_at = started_at - interval '91 days' WHERE run_id = (SELECT min(run_id) FROM batch_runs)" \
  "SELECT FROM schedule_batch('tick', '0 0 1 1 *')"
is "$(sql 'SELECT table_name, rows_deleted > 0 FROM purge_run_records()')" 'batch_jobs|f
batch_runs|t
collection_results|f
collections|f
cron.job_run_details|f' 'records of more than 90 days are deleted'
sql "INSERT INTO cron.job_run_details (jobid, username, start_time, end_time, status)
     SELECT jobid, username, now() - interval '2 days', now() - interval '2 days', 'succeeded' FROM cron.job"
as_runner "SELECT FROM purge_run_records('1 day')"
is "$(sql "SELECT count(*) FROM cron.job_run_details WHERE end_time < now() - interval '1 day'")" 5 \
  'a role leaves what pg_cron recorded for others'
is "$(sql "SELECT rows_deleted FROM purge_run_records('1 day') WHERE table_name LIKE 'cron.%'" \
  "SELECT last_status, last_run < now() - interval '1 day' FROM batch_schedules() WHERE schedule_name = 'tick'" |
  paste -sd' ')" '5 success|t' 'its own goes, and the table keeps the last outcome'
like "$(sql_error "SELECT purge_run_records('-1 day')")" 22023 'not in the future'

# By another clock -------------------------------------------------------------------------------------------------------

# restart_with LINE: another line in the configuration.
restart_with() {
  as_server tee -a "$tap_folder/data/postgresql.conf" >/dev/null <<<"$1"
  as_server "$PB_BIN/pg_ctl" -D "$tap_folder/data" -m fast -w stop >/dev/null
  restart_cluster "$tap_folder"
}
sql "SELECT unschedule_batch('batch tick')"
restart_with "cron.timezone = 'Asia/Kolkata'"
next="SELECT cron_next_run('0 9 * * *', '2026-11-21 00:00+00') AT TIME ZONE 'GMT'"
tick="SELECT cron_expression FROM schedule_default_batches() WHERE schedule_name = 'batch tick'"
if is_from 1.5; then
  is "$(sql "$next" "$tick" | paste -sd'|')" '2026-11-21 03:30:00|*/15 * * * *' \
    'pg_cron reads an expression in its time zone, in which the default set ticks all day'
  is "$(as_runner "$next")" '' 'who is not shown the time zone is not told a time'
else
  is "$(sql "$next" "$tick" | paste -sd'|')" '2026-11-21 09:00:00|*/15 0-3,20-23 * * *' \
    "pg_cron $version reads an expression in GMT, whatever time zone is set"
  is "$(as_runner "$next")" '2026-11-21 09:00:00' 'for every role'
fi

# Without pg_cron in the server ------------------------------------------------------------------------------------------

# These belong to a library that is not loaded.
as_server sed -i '/^cron\./d' "$tap_folder/data/postgresql.conf"
restart_with "shared_preload_libraries = ''"
export PGDATABASE=other
like "$(sql_error "SELECT schedule_batch('tick', '* * * * *')")" \
  'ERROR:  55000: schedules need pg_cron, which this server has not loaded.*shared_preload_libraries' \
  'a server without pg_cron says what to install'
is "$(sql 'SELECT count(*) FROM batch_schedules()' 'SELECT count(*) FROM batch_progress()' | paste -sd' ')" '0 0' \
  'everything else works'

done_testing
