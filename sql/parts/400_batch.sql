-- The batch ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.missing_sessions(target_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                             portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, session_date date, missing text)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_missing_sessions';
COMMENT ON FUNCTION @extschema@.missing_sessions(date, uuid[], uuid) IS
'The work list, from the data alone: sessions from each portfolio''s inception (inception_date, else its first
entry_date) to the target (default: the latest closed session) that have no snapshot (missing = snapshot), or one whose
analytics are outstanding or miss a row, those of symbols being looked for over the last year (missing = analytics), or
a provisional one for which a price has come (missing = prices). Oldest first.';

CREATE FUNCTION @extschema@.run_daily_batch(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                            phases text[] DEFAULT NULL, force boolean DEFAULT false,
                                            portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 6 AS 'MODULE_PATHNAME', 'pb_run_daily_batch';
COMMENT ON FUNCTION @extschema@.run_daily_batch(date, uuid[], text[], boolean, uuid) IS
'Runs one session, every phase or the named ones (1, 1.5, 2, 2.5, 2.75, 3), in the caller''s transaction, and returns
one row per phase. NULL: the latest closed session, every active portfolio, every phase. A phase that raises is rolled
back alone and later phases run; its error is in batch_jobs. Running a date again changes nothing unless its inputs did.
force: rewrite every result row of the date, so that each carries this run, also where nothing changed. Portfolios that
another session is running are skipped. Errors: 22023 for a date that is no closed session of the
calendar or an unknown phase, 42704 for an unknown portfolio.';

CREATE FUNCTION @extschema@.run_daily_batch_with_backfill(target_date date DEFAULT NULL,
                                                          portfolio_ids uuid[] DEFAULT NULL,
                                                          max_dates integer DEFAULT NULL,
                                                          portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_run_daily_batch_with_backfill';
COMMENT ON FUNCTION @extschema@.run_daily_batch_with_backfill(date, uuid[], integer, uuid) IS
'Runs every session that missing_sessions lists, oldest first, at most max_dates of them, as one atomic unit, and
returns one row per date and phase. A target that is no session means the session before it. A portfolio that fails on
a date is blocked for its later dates; others go on. With nothing missing it writes nothing and says so. CALL
daily_batch is the same job, committing date by date.';

CREATE FUNCTION _portfolio_batch.run_batch_shard(run_id bigint, calculation_date date, portfolio_ids uuid[],
                                                 other_symbols text[], newest boolean, shard integer, shards integer,
                                                 done bigint, total bigint)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_run_batch_shard';
COMMENT ON FUNCTION _portfolio_batch.run_batch_shard(bigint, date, uuid[], text[], boolean, integer, integer, bigint,
                                                     bigint) IS
'Runs the phases of one session of an open run that concern portfolios, for one shard of them: what run_batch_shards has
a worker do. other_symbols: those whose models another shard writes.';

CREATE FUNCTION _portfolio_batch.finish_batch_run(run_id bigint) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_finish_batch_run';
COMMENT ON FUNCTION _portfolio_batch.finish_batch_run(bigint) IS
'Closes a record in batch_runs with what its jobs say; a step of the procedure daily_batch.';

CREATE FUNCTION _portfolio_batch.shard_plan(calculation_date date, portfolio_ids uuid[], workers integer)
RETURNS TABLE (shard_portfolio_ids uuid[], portfolio_counts integer[], symbols text[], symbol_counts integer[])
LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_shard_plan';
COMMENT ON FUNCTION _portfolio_batch.shard_plan(date, uuid[], integer) IS
'How daily_batch would divide the portfolios of a session among workers, by about equal numbers of open positions: the
portfolios and how many of them, in this order, belong to each shard; the symbols by the shard that writes their models,
and how many of them belong to each.';

CREATE PROCEDURE @extschema@.daily_batch(target_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                         max_dates integer DEFAULT NULL, workers integer DEFAULT NULL,
                                         block integer DEFAULT 1, portfolio_id uuid DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'pb_daily_batch';
COMMENT ON PROCEDURE @extschema@.daily_batch(date, uuid[], integer, integer, integer, uuid) IS
'The job of run_daily_batch_with_backfill as a procedure that commits date by date, so that a crash or a cancel keeps
what is finished and the next call goes on from there: what schedules use. Must be called outside a transaction block.
workers: among how many background workers the portfolios of each date are divided; NULL means portfolio_batch.workers.
There are never more than portfolios, nor than the server has free slots for (max_worker_processes). Each worker commits
its share of a date, with the rights and settings of the caller and portfolio_batch.max_memory for itself, and the
results are the same whatever their number.
block: how many sessions are committed together, which read the prices once; what a crash or a cancel takes back. Always
one where there are several workers.
A date that other sessions keep from its end (a deadlock, a serialization failure, a lock timeout) is rolled back and
tried again, up to three times; then its portfolios are recorded as failed and the run goes on. Other errors end the run
and are recorded in it. Errors: 2D000 inside a transaction block, 22023 for max_dates, workers or block below 1, 42704
for an unknown portfolio.';
