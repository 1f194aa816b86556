-- The batch ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.missing_sessions(target_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, session_date date, missing text)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_missing_sessions';
COMMENT ON FUNCTION @extschema@.missing_sessions(date, uuid[]) IS
'The work list, from the data alone: sessions from each portfolio''s inception (inception_date, else its first
entry_date) to the target (default: the latest closed session) that have no snapshot (missing = snapshot) or one whose
analytics are outstanding (missing = analytics). Oldest first.';

CREATE FUNCTION @extschema@.run_daily_batch(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                            phases text[] DEFAULT NULL, force boolean DEFAULT false)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 6 AS 'MODULE_PATHNAME', 'pb_run_daily_batch';
COMMENT ON FUNCTION @extschema@.run_daily_batch(date, uuid[], text[], boolean) IS
'Runs one session, every phase or the named ones (1, 1.5, 2, 2.5, 2.75, 3), in the caller''s transaction, and returns
one row per phase. NULL: the latest closed session, every active portfolio, every phase. A phase that raises is rolled
back alone and later phases run; its error is in batch_jobs. Running a date again changes nothing unless its inputs did.
force: rewrite every result row of the date, so that each carries this run, also where nothing changed. Portfolios that
another session is running are skipped. Errors: 22023 for a date that is no closed session of the
calendar or an unknown phase, 42704 for an unknown portfolio.';

CREATE FUNCTION @extschema@.run_daily_batch_with_backfill(target_date date DEFAULT NULL,
                                                          portfolio_ids uuid[] DEFAULT NULL,
                                                          max_dates integer DEFAULT NULL)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_run_daily_batch_with_backfill';
COMMENT ON FUNCTION @extschema@.run_daily_batch_with_backfill(date, uuid[], integer) IS
'Runs every session that missing_sessions lists, oldest first, at most max_dates of them, as one atomic unit, and
returns one row per date and phase. A target that is no session means the session before it. A portfolio that fails on
a date is blocked for its later dates; others go on. With nothing missing it writes nothing and says so. CALL
daily_batch is the same job, committing date by date.';

CREATE FUNCTION _portfolio_batch.begin_batch_run(run_kind text, target_date date, portfolio_ids uuid[], phases text[])
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_begin_batch_run';
COMMENT ON FUNCTION _portfolio_batch.begin_batch_run(text, date, uuid[], text[]) IS
'Opens a record in batch_runs and returns its run_id; a step of the procedure daily_batch.';

CREATE FUNCTION _portfolio_batch.run_batch_session(run_id bigint, calculation_date date, portfolio_ids uuid[],
                                                   newest boolean, done bigint, total bigint)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 6 AS 'MODULE_PATHNAME', 'pb_run_batch_session';
COMMENT ON FUNCTION _portfolio_batch.run_batch_session(bigint, date, uuid[], boolean, bigint, bigint) IS
'Runs one session of an open run; a step of the procedure daily_batch. newest: the last session of the run, which alone
writes what has no history; done and total are shown as progress.';

CREATE FUNCTION _portfolio_batch.run_batch_block(run_id bigint, first_date date, last_date date, portfolio_ids uuid[],
                                                 newest boolean, done bigint, total bigint)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_run_batch_block';
COMMENT ON FUNCTION _portfolio_batch.run_batch_block(bigint, date, date, uuid[], boolean, bigint, bigint) IS
'Runs what the portfolios lack of a span of sessions of an open run in one transaction, which reads the prices once; a
step of the procedure daily_batch.';

CREATE FUNCTION _portfolio_batch.begin_batch_session(run_id bigint, calculation_date date, portfolio_ids uuid[],
                                                     newest boolean, workers integer, done bigint, total bigint)
RETURNS TABLE (shard_portfolio_ids uuid[], portfolio_counts integer[], symbols text[], symbol_counts integer[],
               busy bigint)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_begin_batch_session';
COMMENT ON FUNCTION _portfolio_batch.begin_batch_session(bigint, date, uuid[], boolean, integer, bigint, bigint) IS
'Begins one session of an open run whose portfolios are divided among workers, by about equal numbers of open positions;
a step of the procedure daily_batch. Returns the portfolios and how many of them, in this order, belong to each shard;
the symbols by the shard that writes their models, and how many of them belong to each; and how many portfolios are
being run elsewhere. No row when all of them are.';

CREATE FUNCTION _portfolio_batch.run_batch_shards(run_id bigint, calculation_date date, portfolio_ids uuid[],
                                                  portfolio_counts integer[], symbols text[], symbol_counts integer[],
                                                  busy bigint, newest boolean, done bigint, total bigint)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_run_batch_shards';
COMMENT ON FUNCTION _portfolio_batch.run_batch_shards(bigint, date, uuid[], integer[], text[], integer[], bigint,
                                                      boolean,
                                                      bigint, bigint) IS
'Runs the shards that begin_batch_session has returned, each in a background worker and a transaction of its own with
the rights and settings of the caller, and then what there is one of for the date; a step of the procedure daily_batch.
A shard that finds no worker is run by those that there are, or by this session. A shard that fails leaves failed jobs
of its portfolios, and the others'' results stay.';

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

-- A COMMIT is possible only at the top level, so the loop over dates is SQL and each date one function call.
CREATE PROCEDURE @extschema@.daily_batch(target_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                         max_dates integer DEFAULT NULL, workers integer DEFAULT NULL,
                                         block integer DEFAULT 1)
LANGUAGE plpgsql AS $procedure$
DECLARE
    run     bigint;
    session record;
    shards  record;
BEGIN
    IF max_dates < 1 THEN
        RAISE EXCEPTION 'max_dates must be positive'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('It is %s.', max_dates),
                  HINT = 'Leave it out to process every missing session.';
    END IF;
    IF workers < 1 THEN
        RAISE EXCEPTION 'workers must be positive'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('It is %s.', workers),
                  HINT = 'Pass 1 to run everything in this session, or leave it out for portfolio_batch.workers.';
    END IF;
    IF block IS NULL OR block < 1 THEN
        RAISE EXCEPTION 'block must be positive'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('It is %s.', block),
                  HINT = 'Pass how many sessions are committed together, or leave it out for one.';
    END IF;
    PERFORM FROM @extschema@.missing_sessions(target_date, portfolio_ids) LIMIT 1;
    IF NOT FOUND THEN
        RAISE NOTICE 'portfolio_batch: up to date, no session is missing';
        RETURN;
    END IF;
    workers := coalesce(workers, pg_catalog.current_setting('portfolio_batch.workers')::integer);
    IF workers > 1 THEN
        block := 1;
    END IF;
    run := _portfolio_batch.begin_batch_run('procedure', target_date, portfolio_ids, NULL);
    COMMIT;
    -- The list is read once, into memory, when the first commit comes; it knows its own last date.
    FOR session IN
        SELECT pg_catalog.min(d.session_date) AS first_date, pg_catalog.max(d.session_date) AS session_date,
               pg_catalog.array_agg(DISTINCT d.portfolio_id) AS ids, pg_catalog.min(d.number) AS number,
               pg_catalog.max(d.number) AS last_number,
               pg_catalog.max(pg_catalog.max(d.number)) OVER () AS total
        FROM (SELECT m.session_date, m.portfolio_id, pg_catalog.dense_rank() OVER (ORDER BY m.session_date) AS number
              FROM @extschema@.missing_sessions(target_date, portfolio_ids) m) d
        WHERE max_dates IS NULL OR d.number <= max_dates
        GROUP BY (d.number - 1) / block
        ORDER BY number
    LOOP
        IF block > 1 THEN
            PERFORM _portfolio_batch.run_batch_block(run, session.first_date, session.session_date, session.ids,
                                                     session.last_number = session.total, session.number - 1,
                                                     session.total);
        ELSIF least(workers, pg_catalog.cardinality(session.ids)) = 1 THEN
            PERFORM _portfolio_batch.run_batch_session(run, session.session_date, session.ids,
                                                       session.number = session.total, session.number - 1,
                                                       session.total);
        ELSE
            SELECT s.* INTO shards
            FROM _portfolio_batch.begin_batch_session(run, session.session_date, session.ids,
                                                      session.number = session.total, workers, session.number - 1,
                                                      session.total) s;
            -- While the workers are at work this session must hold no lock, and after that see what they committed.
            COMMIT;
            SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
            IF shards.shard_portfolio_ids IS NOT NULL THEN
                PERFORM _portfolio_batch.run_batch_shards(run, session.session_date, shards.shard_portfolio_ids,
                                                          shards.portfolio_counts, shards.symbols, shards.symbol_counts,
                                                          shards.busy, session.number = session.total,
                                                          session.number - 1,
                                                          session.total);
            END IF;
        END IF;
        COMMIT;
    END LOOP;
    PERFORM _portfolio_batch.finish_batch_run(run);
    COMMIT;
END
$procedure$;
COMMENT ON PROCEDURE @extschema@.daily_batch(date, uuid[], integer, integer, integer) IS
'The job of run_daily_batch_with_backfill as a procedure that commits date by date, so that a crash or a cancel keeps
what is finished and the next call goes on from there: what schedules use. Must be called outside a transaction block.
workers: among how many background workers the portfolios of each date are divided; NULL means portfolio_batch.workers.
There are never more than portfolios, nor than the server has free slots for (max_worker_processes). Each worker commits
its share of a date, with the rights and settings of the caller and portfolio_batch.max_memory for itself, and the
results are the same whatever their number. With portfolio_batch.ridge_alpha_choice = gcv there is one, because the
penalty is chosen over all symbols.
block: how many sessions are committed together, which read the prices once; what a crash or a cancel takes back. Always
one where there are several workers. Errors: 22023 for max_dates, workers or block below 1, 42704 for an unknown
portfolio.';

