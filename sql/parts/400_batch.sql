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

CREATE FUNCTION @extschema@.begin_batch_run(run_kind text, target_date date, portfolio_ids uuid[], phases text[])
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_begin_batch_run';
COMMENT ON FUNCTION @extschema@.begin_batch_run(text, date, uuid[], text[]) IS
'Opens a record in batch_runs and returns its run_id; a step of the procedure daily_batch.';

CREATE FUNCTION @extschema@.run_batch_session(run_id bigint, calculation_date date, portfolio_ids uuid[],
                                              newest boolean, done bigint, total bigint)
RETURNS TABLE (session_date date, phase text, name text, status text, processed bigint, skipped bigint,
               failed bigint, rows_written bigint, duration interval, detail text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 6 AS 'MODULE_PATHNAME', 'pb_run_batch_session';
COMMENT ON FUNCTION @extschema@.run_batch_session(bigint, date, uuid[], boolean, bigint, bigint) IS
'Runs one session of an open run; a step of the procedure daily_batch. newest: the last session of the run, which alone
writes what has no history; done and total are shown as progress.';

CREATE FUNCTION @extschema@.finish_batch_run(run_id bigint) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_finish_batch_run';
COMMENT ON FUNCTION @extschema@.finish_batch_run(bigint) IS
'Closes a record in batch_runs with what its jobs say; a step of the procedure daily_batch.';

-- A COMMIT is possible only at the top level, so the loop over dates is SQL and each date one function call.
CREATE PROCEDURE @extschema@.daily_batch(target_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                         max_dates integer DEFAULT NULL)
LANGUAGE plpgsql AS $procedure$
DECLARE
    run     bigint;
    session record;
BEGIN
    IF max_dates < 1 THEN
        RAISE EXCEPTION 'max_dates must be positive'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('It is %s.', max_dates),
                  HINT = 'Leave it out to process every missing session.';
    END IF;
    PERFORM FROM @extschema@.missing_sessions(target_date, portfolio_ids) LIMIT 1;
    IF NOT FOUND THEN
        RAISE NOTICE 'portfolio_batch: up to date, no session is missing';
        RETURN;
    END IF;
    run := @extschema@.begin_batch_run('procedure', target_date, portfolio_ids, NULL);
    COMMIT;
    -- The list is read once, into memory, when the first commit comes; it knows its own last date.
    FOR session IN
        SELECT d.session_date, d.ids, pg_catalog.row_number() OVER (ORDER BY d.session_date) AS number,
               pg_catalog.count(*) OVER () AS total
        FROM (SELECT m.session_date, pg_catalog.array_agg(m.portfolio_id ORDER BY m.portfolio_id) AS ids
              FROM @extschema@.missing_sessions(target_date, portfolio_ids) m
              GROUP BY m.session_date ORDER BY m.session_date LIMIT max_dates) d
        ORDER BY d.session_date
    LOOP
        PERFORM @extschema@.run_batch_session(run, session.session_date, session.ids, session.number = session.total,
                                              session.number - 1, session.total);
        COMMIT;
    END LOOP;
    PERFORM @extschema@.finish_batch_run(run);
    COMMIT;
END
$procedure$;
COMMENT ON PROCEDURE @extschema@.daily_batch(date, uuid[], integer) IS
'The job of run_daily_batch_with_backfill as a procedure that commits date by date, so that a crash or a cancel keeps
what is finished and the next call goes on from there: what schedules use. Must be called outside a transaction block.';

