#!/bin/bash
# CALL daily_batch(workers => n): the same results whoever runs them, with the caller's rights and settings, and nothing
# is lost or left behind when a worker or its leader ends early.

. "$(dirname "$0")/tap.bash"
plan 48

begin_cluster
make_book 2024-12-02 7
target=2024-12-31
portfolio() { printf '%s%s%s%s0000-0000-4000-8000-000000000000' "$1" "$1" "$1" "$1"; }

# A few options with deltas, so that a symbol is held by way of one as well; on some days nobody knows what it stands at.
PGDATABASE=book sql "INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, underlying_price)
                     SELECT portfolio_id, p.id, s, 0.5,
                            CASE extract(day FROM s)::integer % 3 WHEN 0 THEN 'NaN'::float8 ELSE 100 END
                     FROM positions p, sessions_between('2024-12-02', '$target') s
                     WHERE p.position_type = 'LC' AND p.portfolio_id <> '$(portfolio 2)'"
for database in one two three settled failing terminated killed canceled desk crowded serial late; do
  sql "CREATE DATABASE $database TEMPLATE book"
done
quiet='-c portfolio_batch.progress=off'
PGDATABASE=one PGOPTIONS=$quiet sql "CALL daily_batch('$target')"

statuses() { sql "SELECT string_agg(status, ' ' ORDER BY run_id) FROM batch_runs"; }
workers_left() { PGDATABASE=postgres sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'portfolio_batch worker'"; }

# The same results -----------------------------------------------------------------------------------------------------

PGDATABASE=two sql "CALL daily_batch('$target', workers => 2)" >"$tap_folder/notices" 2>&1
same_results one two '' 'two workers come to the same rows as none'
like "$(tail -n 1 "$tap_folder/notices")" 'portfolio_batch: 21 sessions, .* to 2024-12-31: success, [0-9.]+ s, 2 workers; see' \
  'the summary names the workers'
PGDATABASE=three PGOPTIONS="$quiet -c portfolio_batch.workers=3" sql "CALL daily_batch('$target')"
same_results one three '' 'so do three, by the setting'
phases="SELECT calculation_date, phase, status, processed, skipped, failed, rows_written FROM batch_jobs
        WHERE job_type = 'phase' ORDER BY 1, 2"
is "$(diff <(PGDATABASE=three sql "$phases") <(PGDATABASE=one sql "$phases"))" '' \
  'one row for each phase of a date, with the same numbers'
is "$(PGDATABASE=three sql "SELECT status, dates_processed, portfolio_dates, error_count FROM batch_runs")" \
  "$(PGDATABASE=one sql "SELECT status, dates_processed, portfolio_dates, error_count FROM batch_runs")" \
  'and the same record of the run'
is "$(PGDATABASE=three sql "SELECT count(*) FILTER (WHERE job_name = 'factor_correlations'),
                                   count(*) FILTER (WHERE job_name = 'market_betas')
                            FROM batch_jobs WHERE calculation_date = '$target'")" '1|3' \
  'an engine has a row for each shard, one that knows no portfolios a single one'
PGDATABASE=three PGOPTIONS=$quiet sql "DELETE FROM portfolio_snapshots WHERE snapshot_date = '2024-12-16'" \
  "CALL daily_batch('$target', workers => 100)"
same_results one three '' 'more workers than portfolios: no more than these, also for a day in between'
is "$(PGDATABASE=three sql "SELECT DISTINCT detail ->> 'workers' FROM batch_jobs WHERE run_id = 2 AND phase = '3'
                            AND job_type = 'phase'")" 7 'each portfolio has its own'
PGDATABASE=serial PGOPTIONS="$quiet -c default_transaction_isolation=serializable" sql "CALL daily_batch('$target', workers => 2)"
same_results one serial '' 'whatever the isolation level is by default'

# Symbols are estimated once -----------------------------------------------------------------------------------------------

# The shard of portfolio 2 begins its risk analytics when the other has long put up what they both need.
sql_late() { PGDATABASE=late PGOPTIONS=$quiet sql "$@"; }
sql_late "CREATE FUNCTION be_late() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
            IF EXISTS (SELECT FROM fresh WHERE portfolio_id = '$(portfolio 2)') THEN PERFORM pg_sleep(3); END IF;
            RETURN NULL; END \$\$" \
  'CREATE TRIGGER be_late AFTER INSERT ON portfolio_snapshots REFERENCING NEW TABLE AS fresh
   FOR EACH STATEMENT EXECUTE FUNCTION be_late()' \
  "CALL daily_batch('2024-12-02', workers => 2)"
is "$(sql_late "SELECT string_agg(job_name, ' ' ORDER BY job_name) FROM batch_jobs
                WHERE (detail ->> 'symbols_from_other_workers')::integer > 0")" \
  'interest_rate_betas market_betas ridge_betas spread_betas volatility' \
  'a worker takes over what another has estimated for the symbols they share'
same_results one late 2024-12-02 'to the same results'

# Rights and settings of the caller --------------------------------------------------------------------------------------

export PGDATABASE=desk
sql 'CREATE ROLE runner NOLOGIN' 'CREATE ROLE person LOGIN' 'CREATE ROLE stranger LOGIN' 'GRANT runner TO person' \
  'GRANT pg_read_all_stats TO runner' \
  "SELECT FROM grant_analytics_roles(NULL, 'runner')" \
  'ALTER TABLE portfolios ENABLE ROW LEVEL SECURITY' \
  "CREATE POLICY desk ON portfolios TO runner USING (owner = current_setting('desk.owner') AND
                                                     id <> '$(portfolio 3)')" \
  "CREATE TABLE witnesses (who text, session text, app text, what text)" 'GRANT INSERT ON witnesses TO runner' \
  "CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
     INSERT INTO public.witnesses VALUES (current_user, session_user, current_setting('application_name'),
       (SELECT backend_type || ' | ' || query FROM pg_stat_activity WHERE pid = pg_backend_pid()));
     RAISE NOTICE 'seen by a trigger';
     RETURN NULL; END \$\$" \
  'CREATE TRIGGER witness AFTER INSERT ON portfolio_snapshots FOR EACH STATEMENT EXECUTE FUNCTION witness()'
PGUSER=person PGAPPNAME=desk sql 'SET ROLE runner' "SET desk.owner = 'desk'" 'SET portfolio_batch.beta_window = 120' \
  'SET portfolio_batch.progress = off' "CALL daily_batch('2024-12-02', workers => 2)" >"$tap_folder/notices" 2>&1
is "$(sql "SELECT count(DISTINCT portfolio_id), count(*) FILTER (WHERE portfolio_id = '$(portfolio 3)')
           FROM portfolio_snapshots")" '6|0' 'a portfolio that row-level security hides from the caller is not run'
is "$(sql "SELECT max(observations), count(*) > 0 FROM symbol_model_fits WHERE model = 'market'")" '120|t' \
  'a setting of the session holds in the workers'
is "$(sql 'SELECT DISTINCT who, session, app FROM witnesses')" 'runner|person|desk' \
  'so do role, session user and application name'
is "$(sql 'SELECT DISTINCT what FROM witnesses ORDER BY 1' | sed 's/run=[0-9]*/run=N/')" \
  "portfolio_batch worker | portfolio_batch run=N session=2024-12-02 item=1/1 shard=1/2 waiting=0 phase=2 doing=\"P&L and snapshots\"
portfolio_batch worker | portfolio_batch run=N session=2024-12-02 item=1/1 shard=2/2 waiting=0 phase=2 doing=\"P&L and snapshots\"" \
  'pg_stat_activity shows the workers, their shards and phases'
is "$(grep -c 'NOTICE:  seen by a trigger' "$tap_folder/notices")" 2 'notices of the workers arrive'
sql 'REVOKE INSERT ON portfolio_snapshots FROM runner'
PGUSER=person PGAPPNAME=desk sql 'SET ROLE runner' "SET desk.owner = 'desk'" 'SET portfolio_batch.progress = off' \
  "CALL daily_batch('2024-12-03', workers => 2)" >/dev/null 2>&1
is "$(sql "SELECT count(*) FROM portfolio_snapshots WHERE snapshot_date = '2024-12-03'" \
  "SELECT DISTINCT sqlstate FROM batch_jobs WHERE status = 'failed' AND sqlstate IS NOT NULL" | paste -sd' ')" '0 42501' \
  'without the right to write nothing is written'
like "$(PGUSER=stranger sql_error "SELECT _portfolio_batch.run_batch_shard(1, '2024-12-03', '{}', '{}', true, 1, 1, 0, 1)")" 42501 \
  'who may not run the batch cannot have workers run it'

# A portfolio that fails -------------------------------------------------------------------------------------------------

export PGDATABASE=failing PGOPTIONS=$quiet
sql "ALTER TABLE portfolio_snapshots ADD CONSTRAINT wrong CHECK (portfolio_id <> '$(portfolio 4)'
                                                                 OR snapshot_date < '2024-12-10')"
sql "CALL daily_batch('$target', workers => 3)"
is "$(statuses)" partial 'a portfolio whose rows are refused: the run is partial'
is "$(sql "SELECT sqlstate, min(calculation_date), count(*) FROM batch_jobs WHERE sqlstate IS NOT NULL
           AND job_type = 'portfolio' AND portfolio_id = '$(portfolio 4)' GROUP BY 1")" '23514|2024-12-10|1' \
  'its SQLSTATE is in the log, and its later dates are blocked'
holds "$(sql "SELECT count(DISTINCT portfolio_id) FROM portfolio_snapshots WHERE snapshot_date = '$target'")" '>=' 4 \
  'portfolios of other shards go on to the end'
sql 'ALTER TABLE portfolio_snapshots DROP CONSTRAINT wrong' "CALL daily_batch('$target', workers => 2)"
same_results one failing '' 'the next run completes it, to the same results'
is "$(sql "SELECT count(*) FROM missing_sessions('$target')")" 0 'nothing is missing'

# A worker that is ended -------------------------------------------------------------------------------------------------

# Portfolio 2 takes its time, so that one can meet its worker.
slow="CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
        IF EXISTS (SELECT FROM fresh WHERE portfolio_id = '$(portfolio 2)') AND current_setting('slow.off', true) IS NULL
        THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END \$\$"
trigger='CREATE TRIGGER wait_here AFTER INSERT ON portfolio_model_exposures REFERENCING NEW TABLE AS fresh
         FOR EACH STATEMENT EXECUTE FUNCTION wait_here()'
met="SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'portfolio_batch worker' AND wait_event = 'PgSleep')"
export PGDATABASE=terminated
sql "$slow" "$trigger"
sql "CALL daily_batch('2024-12-02', workers => 3)" >"$tap_folder/run" 2>&1 &
leader=$!
wait_until 20 "$met" || true
sql "SELECT FROM pg_stat_activity a, pg_terminate_backend(a.pid) WHERE backend_type = 'portfolio_batch worker'
     AND wait_event = 'PgSleep'"
status=0
wait "$leader" || status=$?
is "$status" 0 'a worker is terminated: its leader goes on'
is "$(statuses)" partial 'the run is partial'
like "$(sql "SELECT DISTINCT sqlstate, error_message, job_type FROM batch_jobs WHERE status = 'failed'
             AND portfolio_id = '$(portfolio 2)'")" '^57P01\|terminating background worker .*\|portfolio$' \
  'the portfolios of its shard are reported as failed, with what ended it'
is "$(sql "SELECT count(*) FROM portfolio_snapshots s JOIN batch_jobs j USING (portfolio_id) WHERE j.sqlstate = '57P01'")" 0 \
  'nothing of the shard is there'
is "$(sql "SELECT count(DISTINCT portfolio_id) + (SELECT count(*) FROM batch_jobs WHERE sqlstate = '57P01')
           FROM portfolio_snapshots")" 7 'everything of the others is'
is "$(sql "SELECT s.symbol FROM (SELECT DISTINCT p.symbol FROM positions p JOIN portfolio_snapshots USING (portfolio_id)
                                 WHERE p.investment_class = 'PUBLIC') s
           WHERE NOT EXISTS (SELECT FROM symbol_model_fits f WHERE f.symbol = s.symbol AND f.model = 'ridge')")" '' \
  'also the models of symbols that they share with it'
PGOPTIONS="$quiet -c slow.off=1" sql "CALL daily_batch('$target', workers => 2)"
same_results one terminated "$target" 'the next run completes it, to the same results'

# A worker that is killed takes the whole server down, which comes up again; what was committed is there.
export PGDATABASE=killed
sql "$slow" "$trigger"
sql "CALL daily_batch('2024-12-02', workers => 3)" >"$tap_folder/run" 2>&1 &
leader=$!
wait_until 20 "$met" || true
kill -9 "$(sql "SELECT pid FROM pg_stat_activity WHERE backend_type = 'portfolio_batch worker' AND wait_event = 'PgSleep'")"
status=0
wait "$leader" || status=$?
holds "$status" '>' 0 'a worker is killed: the run ends'
wait_for_server
is "$(sql "SELECT count(*) FROM portfolio_snapshots WHERE portfolio_id = '$(portfolio 2)'")" 0 \
  'nothing of its shard is there'
PGOPTIONS="$quiet -c slow.off=1" sql "CALL daily_batch('$target', workers => 2)"
is "$(statuses)" 'lost success' 'the next run marks the run as lost'
same_results one killed "$target" 'and completes it, to the same results'

# A leader that is ended -------------------------------------------------------------------------------------------------

export PGDATABASE=canceled
sql "$slow" "$trigger"
for way in cancel terminate; do
  PGAPPNAME=leader psql -Xq -v VERBOSITY=verbose -c "CALL daily_batch('2024-12-03', workers => 2)" \
    </dev/null >"$tap_folder/run" 2>&1 &
  leader=$!
  wait_until 20 "$met" || true
  sql "SELECT FROM pg_stat_activity a, pg_${way}_backend(a.pid) WHERE application_name = 'leader'
       AND backend_type = 'client backend'"
  status=0
  wait "$leader" || status=$?
  [ $way = cancel ] && code=57014 || code=57P01
  like "$(cat "$tap_folder/run")" "$code" "$way of the leader ends it"
  # The server tells the client that it has ended before the process is quite gone.
  wait_until 5 "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'portfolio_batch worker'" || true
  is "$(workers_left)" 0 "$way of the leader: no worker is left"
  is "$(sql "SELECT count(*) FROM portfolio_snapshots WHERE portfolio_id = '$(portfolio 2)'")" 0 \
    "$way of the leader: nothing of a shard that was under way is there"
done
# A lock that somebody waits for while workers are at work is no trap: their leader holds none.
sql "CALL daily_batch('2024-12-03', workers => 2)" >"$tap_folder/run" 2>&1 &
leader=$!
wait_until 20 "$met" || true
is "$(sql "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
           WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND c.relnamespace = 'public'::regnamespace")" 0 \
  'a leader holds no lock on a table while its workers are at work'
sql "SELECT FROM pg_stat_activity a, pg_cancel_backend(a.pid) WHERE backend_type = 'client backend'
     AND query LIKE 'portfolio_batch run=%'"
wait "$leader" || true
PGOPTIONS="$quiet -c slow.off=1" sql "CALL daily_batch('$target', workers => 2)"
same_results one canceled '' 'the next run completes it, to the same results'

# Fewer workers than wanted ----------------------------------------------------------------------------------------------

unset PGOPTIONS
export PGDATABASE=crowded
restart_with() {
  printf '%s\n' "$@" | as_server tee -a "$tap_folder/data/postgresql.conf" >/dev/null
  as_server "$PB_BIN/pg_ctl" -D "$tap_folder/data" -m fast -w stop >/dev/null
  restart_cluster "$tap_folder"
}
# The launchers of logical replication and of pg_cron have one slot each.
restart_with 'max_worker_processes = 3'
sql "CALL daily_batch('2024-12-09', workers => 3)" >"$tap_folder/notices" 2>&1
like "$(cat "$tap_folder/notices")" 'NOTICE:  portfolio_batch: 1 of 3 workers could be started, the shards are run by those' \
  'one free slot: a notice says so'
like "$(cat "$tap_folder/notices")" 'DETAIL:  max_worker_processes is 3' 'and why'
same_results one crowded 2024-12-09 'the worker that there is runs all shards'
restart_with 'max_worker_processes = 2'
sql "CALL daily_batch('$target', workers => 3)" >"$tap_folder/notices" 2>&1
like "$(cat "$tap_folder/notices")" '0 of 2 workers could be started, the shards are run by this session' \
  'no free slot: a notice says so'
same_results one crowded "$target" 'and the session runs them itself'
is "$(sql "SELECT DISTINCT status FROM batch_runs")" success 'with success'

done_testing
