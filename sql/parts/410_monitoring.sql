-- Watching runs: what is running now, what a run did, whether one could begin, and stopping one -----------------------

CREATE FUNCTION _portfolio_batch.run_state(status text, backend_pid integer, backend_start timestamptz,
                                           started_at timestamptz)
RETURNS text
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT CASE
           WHEN run_state.status IS DISTINCT FROM 'running' THEN run_state.status
           WHEN EXISTS (SELECT FROM pg_stat_activity AS a
                        WHERE a.pid = run_state.backend_pid
                          AND (a.backend_start IS NULL OR a.backend_start = run_state.backend_start)
                          AND (a.state IS NULL OR a.state = 'disabled'
                               OR (a.state = 'active' AND a.query_start <= run_state.started_at))) THEN 'running'
           ELSE 'lost'
         END
$$;
COMMENT ON FUNCTION _portfolio_batch.run_state(text, integer, timestamptz, timestamptz) IS
'Status of a record of batch_runs as of now: lost where the record says running but its session no longer executes the
statement that began it; else the status itself. The next run writes lost into the record. A session whose state the
caller may not see counts as running.';

CREATE FUNCTION _portfolio_batch.batch_phases()
RETURNS TABLE (phase text, name text, owns_snapshots boolean, needs_snapshot boolean, is_last boolean)
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 6 AS 'MODULE_PATHNAME', 'pb_batch_phases';
COMMENT ON FUNCTION _portfolio_batch.batch_phases() IS
'The phases of a run in their order, with what tells them apart: the one that makes snapshots, those that work on
portfolios with a snapshot of the date (risk), and the last one, with which a session is finished.';

-- What a session does for a run it can say in pg_stat_activity only, in the text of its query: see docs/operations.md,
-- "The line in pg_stat_activity".

CREATE FUNCTION _portfolio_batch.activity_line(run_id bigint, session_date date, done bigint, total bigint,
                                               waiting bigint, shard bigint, shards bigint, phase text, doing text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_activity_line';
COMMENT ON FUNCTION _portfolio_batch.activity_line(bigint, date, bigint, bigint, bigint, bigint, bigint, text, text) IS
'The line that a session shows in pg_stat_activity while it works on a run, as the batch writes it: pairs key=value, the
last one in double quotes. shard 0: the session has no shard; phase empty: it is between phases. To see the format and
to test what reads it.';

CREATE FUNCTION _portfolio_batch.activity_field(line text, key text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT COALESCE(f.value[1], f.value[2])
  FROM regexp_match(activity_field.line, '^portfolio_batch(?: [a-z]+=(?:"[^"]*"|[^" ]+))*? ' || activity_field.key
                                         || '=(?:"([^"]*)"|([^" ]+) )') AS f (value)
$$;
COMMENT ON FUNCTION _portfolio_batch.activity_field(text, text) IS
'The value of a key in a line that a session shows of a run (activity_line). NULL when the line has no such key, is no
line of a run, or was cut off (track_activity_query_size) before the value was complete.';

CREATE FUNCTION _portfolio_batch.activity_date(line text) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  -- Added up: a cast would raise where the text is no day, and one session's text must not stop those who look.
  SELECT (make_date(d.part[1], 1, 1) + make_interval(months => d.part[2] - 1, days => d.part[3] - 1))::date
  FROM (SELECT regexp_match(_portfolio_batch.activity_field(activity_date.line, 'session'),
                            '^([1-9][0-9]{3,4})-([0-9]{2})-([0-9]{2})$')::integer[]) AS d (part)
$$;
COMMENT ON FUNCTION _portfolio_batch.activity_date(text) IS
'The session in a line that a session shows of a run (activity_line). NULL as for activity_field, and where it is not
written as a date; never an error.';

CREATE FUNCTION _portfolio_batch.batch_activity()
RETURNS TABLE (run_id bigint, pid integer, backend_start timestamptz, query_start timestamptz, role_name name,
               session_date date, done bigint, total bigint, waiting bigint, shard integer, phase text,
               in_schema boolean)
LANGUAGE sql STABLE ROWS 10
SET search_path TO pg_catalog, pg_temp
AS $$
  -- What does not look like a value is none.
  SELECT f.run_id, a.pid, a.backend_start, a.query_start, a.usename,
         _portfolio_batch.activity_date(a.query),
         f.item[1]::bigint - 1, f.item[2]::bigint,
         substring(_portfolio_batch.activity_field(a.query, 'waiting') FROM '^[0-9]{1,18}$')::bigint,
         substring(_portfolio_batch.activity_field(a.query, 'shard') FROM '^([0-9]{1,9})/')::integer,
         NULLIF(concat_ws(' ', _portfolio_batch.activity_field(a.query, 'phase'),
                          _portfolio_batch.activity_field(a.query, 'doing')), ''),
         EXISTS (SELECT FROM pg_locks AS l
                 WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
                   AND l.relation = to_regclass(format('%I.portfolios', _portfolio_batch.tables_schema())))
  FROM pg_stat_activity AS a
  CROSS JOIN LATERAL (
    SELECT substring(_portfolio_batch.activity_field(a.query, 'run') FROM '^[0-9]{1,18}$')::bigint AS run_id,
           regexp_match(_portfolio_batch.activity_field(a.query, 'item'), '^([0-9]{1,18})/([0-9]{1,18})$') AS item
  ) AS f
  WHERE a.datname = current_database() AND a.state = 'active' AND f.run_id IS NOT NULL
$$;
COMMENT ON FUNCTION _portfolio_batch.batch_activity() IS
'Sessions and background workers of this database that execute a run, as they report it in pg_stat_activity: the session
being computed, how many of how many are done, dates of portfolios that wait for prices (of the transaction at hand),
the shard (NULL for the session that leads the run) and the phase with its name, or what is done between phases. NULL is
also what the server cut off (track_activity_query_size). in_schema: whether they have tables of analytics_schema()
open, since run numbers of two schemas can be the same. Shows what the caller may see: sessions of own roles, or of all
with pg_read_all_stats.';

-- Monitoring asks the tables as their owner, and the server about sessions as the caller, who sees what he may see.

CREATE FUNCTION _portfolio_batch.stored_runs_as_owner(of_run bigint DEFAULT NULL)
RETURNS TABLE (run_id bigint, run_kind text, status text, backend_pid integer, backend_start timestamptz,
               started_at timestamptz, requested_by text)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT r.run_id, r.run_kind, r.status, r.backend_pid, r.backend_start, r.started_at, r.requested_by
    FROM %I.batch_runs AS r
    WHERE CASE WHEN $1 IS NULL THEN r.status = 'running' ELSE r.run_id = $1 END
  $query$, _portfolio_batch.tables_schema()) USING of_run;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.stored_runs_as_owner(bigint) IS
'The record of a run in batch_runs (NULL: those that say running), and who runs it.';

CREATE FUNCTION _portfolio_batch.finished_sessions_as_owner(of_run bigint)
RETURNS TABLE (sessions bigint, newest date, waiting bigint)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT count(DISTINCT d.finished), max(d.finished),
           count(DISTINCT (j.calculation_date, j.portfolio_id)) FILTER (WHERE j.status = 'waiting')
    FROM %I.batch_jobs AS j
    CROSS JOIN LATERAL (SELECT CASE WHEN j.job_type = 'phase' AND j.phase = $2
                                     AND NOT COALESCE(j.detail ? 'shard', false)
                                    THEN j.calculation_date END) AS d (finished)
    WHERE j.run_id = $1
  $query$, _portfolio_batch.tables_schema())
  USING of_run, (SELECT p.phase FROM _portfolio_batch.batch_phases() AS p WHERE p.is_last);
END
$$;
COMMENT ON FUNCTION _portfolio_batch.finished_sessions_as_owner(bigint) IS
'How many sessions a run has finished, the newest of them, and how many dates of portfolios it left waiting for prices:
what is committed of it.';

CREATE FUNCTION _portfolio_batch.batch_progress_as_caller()
RETURNS TABLE (run_id bigint, kind text, status text, session_date date, phase text, done bigint, total bigint,
               waiting bigint, elapsed interval, remaining interval, workers bigint, pid integer, role_name text,
               started_at timestamptz)
LANGUAGE sql STABLE ROWS 10
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH activity AS MATERIALIZED (
    SELECT * FROM _portfolio_batch.batch_activity()
  ), recorded AS MATERIALIZED (
    SELECT r.*, _portfolio_batch.run_state(r.status, r.backend_pid, r.backend_start, r.started_at) AS state
    FROM _portfolio_batch.stored_runs() AS r
  ), run AS (
    -- A procedure's record is committed and says whose it is; of a function's run there is only what it shows.
    SELECT COALESCE(r.run_id, a.run_id) AS run_id, COALESCE(r.run_kind, 'function') AS kind,
           COALESCE(r.state, 'running') AS status, a.session_date, a.phase, a.done, a.total, a.waiting,
           COALESCE(r.backend_pid, a.pid) AS pid, COALESCE(r.requested_by, a.role_name::text) AS role_name,
           COALESCE(r.started_at, a.query_start) AS started_at
    FROM recorded AS r
    FULL JOIN (SELECT * FROM activity WHERE activity.shard IS NULL) AS a
      ON a.run_id = r.run_id AND a.pid = r.backend_pid AND a.backend_start = r.backend_start
    WHERE r.run_id IS NOT NULL OR a.in_schema
  )
  SELECT r.run_id, r.kind, r.status, COALESCE(r.session_date, finished.newest),
         COALESCE(shards.phases, r.phase), COALESCE(r.done, finished.sessions), r.total,
         -- Committed, and of the transaction at hand: a sum would count twice what has just been committed.
         GREATEST(finished.waiting, r.waiting), e.elapsed,
         CASE WHEN r.status = 'running' AND r.done > 0
              THEN date_trunc('milliseconds', e.elapsed * ((r.total - r.done)::double precision / r.done)) END,
         COALESCE(shards.workers, 0), r.pid, r.role_name, r.started_at
  FROM run AS r
  CROSS JOIN LATERAL (SELECT date_trunc('milliseconds', clock_timestamp() - r.started_at)
                      WHERE r.status = 'running'
                      UNION ALL SELECT NULL WHERE r.status <> 'running') AS e (elapsed)
  CROSS JOIN LATERAL (SELECT count(*), string_agg(DISTINCT a.phase, ', ')
                      FROM activity AS a
                      WHERE a.run_id = r.run_id AND a.shard IS NOT NULL AND a.in_schema) AS shards (workers, phases)
  CROSS JOIN LATERAL (SELECT f.sessions, f.newest, f.waiting
                      FROM _portfolio_batch.finished_sessions(r.run_id) AS f
                      WHERE r.kind <> 'function'
                      UNION ALL SELECT 0, NULL, NULL WHERE r.kind = 'function') AS finished
  ORDER BY r.started_at, r.run_id
$$;
COMMENT ON FUNCTION _portfolio_batch.batch_progress_as_caller() IS
'Runs that are under way, also while nothing of them is committed: one row each with its kind (procedure, or function
for a run in one transaction), the session and phase being computed (with workers, the phases they are in and how many
are at work), sessions done of all, dates of portfolios that it left waiting for prices (waiting), time since it began,
and the time it will still take at the rate so far (NULL until the first session is done). status lost: the session that
ran it died, and the next CALL daily_batch does what is left. What sessions do is read from pg_stat_activity, which
shows other roles'' to members of pg_read_all_stats only: without that, a procedure of another role is told from its
committed records (sessions done, not phase or total), and a function of another role is not seen. No row when nothing
runs. Errors: 42P01 when the tables do not exist, 42501 without the right to read them.';

CREATE FUNCTION _portfolio_batch.batch_report_as_owner(run_id bigint DEFAULT NULL)
RETURNS TABLE (phase text, metric text, value text, detail text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  found_id      bigint;
BEGIN
  -- A tick that found everything taken by another run is newer than that one, and has nothing to tell.
  EXECUTE format('SELECT r.run_id FROM %I.batch_runs AS r WHERE $1 IS NULL OR r.run_id = $1 '
                 'ORDER BY r.status = ''skipped'', r.run_id DESC LIMIT 1', tables_schema)
     INTO found_id USING batch_report_as_owner.run_id;
  IF found_id IS NULL AND batch_report_as_owner.run_id IS NOT NULL THEN
    RAISE EXCEPTION 'run % does not exist', batch_report_as_owner.run_id
      USING ERRCODE = 'undefined_object',
            HINT = format('SELECT run_id, status FROM %I.batch_runs ORDER BY run_id DESC; what runs in one transaction '
                          'has no record before it ends, batch_progress() shows it.', tables_schema);
  END IF;

  RETURN QUERY EXECUTE format($query$
    WITH run AS (
      SELECT r.* FROM %1$I.batch_runs AS r WHERE r.run_id = $1
    ), job AS (
      SELECT j.* FROM %1$I.batch_jobs AS j WHERE j.run_id = $1 AND NOT COALESCE(j.detail ? 'shard', false)
    ), phase AS (
      SELECT j.phase, min(j.job_name) AS name,
             CASE WHEN bool_and(j.status = 'skipped') THEN 'skipped'
                  WHEN bool_and(j.status IN ('success', 'skipped')) THEN 'success'
                  WHEN bool_or(j.status IN ('success', 'partial')) THEN 'partial'
                  ELSE 'failed' END AS status,
             sum(j.processed) AS processed, sum(j.skipped) AS skipped, sum(j.failed) AS failed,
             sum(j.rows_written) AS rows_written, sum(j.duration_seconds) AS seconds,
             (array_agg(j.detail ->> 'text' ORDER BY j.status = 'skipped', j.job_no DESC))[1] AS text
      FROM job AS j
      WHERE j.job_type = 'phase'
      GROUP BY j.phase
    ), label (phase, processed, skipped) AS (
      VALUES ('1.5', 'symbols evaluated', 'symbols skipped'), ('2', 'snapshots', 'portfolios skipped'),
             ('2.5', 'positions updated', 'positions skipped'), ('2.75', 'positions tagged', 'positions skipped'),
             ('3', 'results', 'results skipped')
    ), coverage AS (
      SELECT j.calculation_date, j.detail
      FROM job AS j
      WHERE j.phase = '1' AND j.job_type = 'engine' AND j.detail ? 'data_coverage_pct'
      ORDER BY j.job_no DESC
      LIMIT 1
    ), late (kind, symbols) AS (
      -- Symbols of definitions stand in the row of the run, those that a portfolio holds in a row of that portfolio.
      SELECT k.kind, string_agg(DISTINCT s.symbol, ', ' ORDER BY s.symbol)
      FROM coverage AS c
      JOIN job AS j ON j.calculation_date = c.calculation_date AND j.phase = '1' AND j.job_type <> 'phase'
      CROSS JOIN (VALUES ('stale', 'stale_symbols'), ('missing', 'missing_symbols')) AS k (kind, key)
      CROSS JOIN LATERAL jsonb_array_elements_text(j.detail -> k.key) AS s (symbol)
      GROUP BY k.kind
    ), engine AS (
      SELECT j.phase, j.job_name, min(j.job_no) AS place, sum(j.processed) AS processed, sum(j.skipped) AS skipped,
             sum(j.failed) AS failed, sum(j.rows_written) AS rows_written, sum(j.duration_seconds) AS seconds
      FROM job AS j
      WHERE j.job_type = 'engine'
      GROUP BY j.phase, j.job_name
    ), error AS (
      SELECT j.phase, j.sqlstate, j.job_name, j.error_message, min(j.job_no) AS place, count(*) AS times,
             min(j.calculation_date) AS first_date, max(j.calculation_date) AS last_date,
             count(DISTINCT j.portfolio_id) AS portfolios
      FROM job AS j
      WHERE j.error_message IS NOT NULL
      GROUP BY j.phase, j.sqlstate, j.job_name, j.error_message
    ), line (phase, ordinal, place, metric, value, detail) AS (
      SELECT 'run', 0, v.place, v.metric, v.value, v.detail
      FROM run AS r
      CROSS JOIN (SELECT count(DISTINCT j.calculation_date), min(j.calculation_date), max(j.calculation_date)
                  FROM job AS j) AS d (sessions, first_date, last_date)
      CROSS JOIN LATERAL (VALUES
        (1, 'run', r.run_id::text, concat_ws(' ', r.run_kind, 'by ' || r.requested_by)),
        (2, 'status', _portfolio_batch.run_state(r.status, r.backend_pid, r.backend_start, r.started_at), NULL),
        (3, 'target date', r.target_date::text, NULL),
        (4, 'sessions', d.sessions::text,
         d.first_date || CASE WHEN d.last_date > d.first_date THEN ' to ' || d.last_date ELSE '' END),
        (5, 'started', to_char(r.started_at, 'YYYY-MM-DD HH24:MI:SS TZ'), NULL),
        (6, 'duration', round(r.duration_seconds::numeric * 1000) || ' ms', NULL),
        (7, 'rows written', r.rows_written::text, NULL),
        (8, 'errors', r.error_count::text, NULL)) AS v (place, metric, value, detail)
      WHERE v.value IS NOT NULL
      UNION ALL
      SELECT p.phase, 1, 0, 'status', p.status, p.name || COALESCE(': ' || p.text, '') FROM phase AS p
      UNION ALL
      SELECT '1', 2, v.place, v.metric, v.value, v.detail
      FROM coverage AS c
      CROSS JOIN LATERAL (VALUES
        (1, 'symbols requested', c.detail ->> 'symbols_requested', 'on ' || c.calculation_date),
        (2, 'symbols fetched', c.detail ->> 'symbols_with_data',
         (SELECT string_agg(s.key || ' ' || s.value, ', ' ORDER BY s.key)
          FROM jsonb_each_text(c.detail -> 'provider_breakdown') AS s)),
        (3, 'coverage', round((c.detail ->> 'data_coverage_pct')::numeric, 1) || ' %%',
         (SELECT string_agg(l.kind || ': ' || l.symbols, '; ' ORDER BY l.kind DESC) FROM late AS l))
      ) AS v (place, metric, value, detail)
      UNION ALL
      SELECT p.phase, 3, v.place, v.metric, v.value::text, NULL
      FROM phase AS p
      JOIN label AS l ON l.phase = p.phase
      CROSS JOIN LATERAL (VALUES (1, l.processed, p.processed), (2, l.skipped, p.skipped),
                                 (3, 'failed', NULLIF(p.failed, 0))) AS v (place, metric, value)
      WHERE p.status <> 'skipped' AND v.value IS NOT NULL
      UNION ALL
      SELECT e.phase, 4, e.place, e.job_name, COALESCE(e.processed, 0)::text,
             concat_ws(', ', COALESCE(e.rows_written, 0) || ' rows', NULLIF(e.skipped, 0) || ' skipped',
                       NULLIF(e.failed, 0) || ' failed', round(e.seconds::numeric * 1000) || ' ms')
      FROM engine AS e
      JOIN _portfolio_batch.batch_phases() AS b ON b.phase = e.phase AND b.needs_snapshot
      UNION ALL
      SELECT p.phase, 5, v.place, v.metric, v.value, NULL
      FROM phase AS p
      CROSS JOIN LATERAL (VALUES (1, 'rows written', p.rows_written::text),
                                 (2, 'duration', round(p.seconds::numeric * 1000) || ' ms')) AS v (place, metric, value)
      WHERE p.status <> 'skipped' AND v.value IS NOT NULL
      UNION ALL
      SELECT e.phase, 6, e.place, 'error', e.sqlstate,
             concat_ws(', ', e.job_name, e.first_date || CASE WHEN e.last_date > e.first_date
                                                              THEN ' to ' || e.last_date ELSE '' END,
                       CASE e.portfolios WHEN 0 THEN NULL WHEN 1 THEN '1 portfolio'
                                         ELSE e.portfolios || ' portfolios' END)
             || ': ' || e.error_message || CASE WHEN e.times > 1 THEN ' (' || e.times || ' times)' ELSE '' END
      FROM error AS e
    )
    SELECT l.phase, l.metric, l.value, l.detail
    FROM line AS l
    ORDER BY CASE l.phase WHEN 'run' THEN -1 ELSE l.phase::numeric END NULLS LAST, l.ordinal, l.place, l.detail
  $query$, tables_schema) USING found_id;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.batch_report_as_owner(bigint) IS
'What a run did (default: the newest), phase by phase and readable in psql: status with the text of its newest session,
symbols fetched and coverage on that session, snapshots, positions updated and skipped, results of each risk engine,
rows written, durations, and each different error with its SQLSTATE. Counts are sums over the sessions of the run. Of a
run that is under way, or lost, it tells what is committed. No row when there was no run. Errors: 42704 for a run that
does not exist, 42P01 when the tables do not, 42501 without the right to read them.';

CREATE FUNCTION _portfolio_batch.free_temporary_space(tablespace bigint) RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_free_temporary_space';
COMMENT ON FUNCTION _portfolio_batch.free_temporary_space(bigint) IS
'Bytes that the server may still write on the disk of a tablespace; NULL when the operating system does not tell.';

CREATE FUNCTION _portfolio_batch.busy_portfolios()
RETURNS TABLE (portfolio_id uuid, holder text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT p.id, COALESCE('process ' || l.pid, 'prepared transaction' || COALESCE(format(' "%%s"', x.gid), ''))
    FROM %1$I.portfolios AS p
    JOIN pg_locks AS l
      ON (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('portfolio_batch ' || $1 || ' ' || p.id, 0)
    -- A prepared transaction has no process; it is known by the lock on its own number.
    LEFT JOIN pg_locks AS t ON l.pid IS NULL AND t.pid IS NULL AND t.virtualtransaction = l.virtualtransaction
                           AND t.locktype = 'transactionid'
    LEFT JOIN pg_prepared_xacts AS x ON x.transaction = t.transactionid
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
  $query$, _portfolio_batch.tables_schema()) USING _portfolio_batch.tables_schema();
END
$$;
COMMENT ON FUNCTION _portfolio_batch.busy_portfolios() IS
'Portfolios that other sessions are running at this moment, with the process or the prepared
transaction that does: those whose lock they hold.';

CREATE FUNCTION _portfolio_batch.opening_session(inception date)
RETURNS date
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  before  CONSTANT text := format('(SELECT max(t.session_date) FROM %I.trading_sessions AS t '
                                  'WHERE t.calendar = current_setting(''portfolio_batch.calendar'') '
                                  'AND t.session_date < $1', _portfolio_batch.tables_schema());
  session date;
BEGIN
  -- It is days away; only a calendar with a gap is searched whole.
  EXECUTE format('SELECT COALESCE(%1$s AND t.session_date > $1 - 30), %1$s))', before) INTO session USING inception;
  RETURN session;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.opening_session(date) IS
'The session before an inception, at whose close initial_equity is measured: trades, flows and cash events up to it are
in initial_equity already. NULL when the calendar begins later.';

CREATE FUNCTION _portfolio_batch.lots_at_inception(portfolio_ids uuid[])
RETURNS TABLE (portfolio_id uuid, position_id uuid, symbol text, opening date, is_priced boolean)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT p.portfolio_id, p.id, p.symbol, o.opening,
           EXISTS (SELECT FROM @extschema@.price_asof(p.symbol, o.opening) AS c WHERE c.price IS NOT NULL)
           OR EXISTS (SELECT FROM %1$I.position_marks AS m WHERE m.portfolio_id = p.portfolio_id
                                                             AND m.position_id = p.id AND m.mark_date <= o.opening)
      FROM %1$I.portfolios AS f
      JOIN %1$I.positions AS p ON p.portfolio_id = f.id AND p.deleted_at IS NULL AND p.entry_date < f.inception_date
     CROSS JOIN LATERAL _portfolio_batch.opening_session(f.inception_date) AS o (opening)
     WHERE f.deleted_at IS NULL AND CASE WHEN $1 IS NULL THEN f.is_active ELSE f.id = ANY ($1) END
       AND p.entry_date < o.opening AND (p.exit_date > o.opening) IS NOT FALSE
  $query$, _portfolio_batch.tables_schema()) USING portfolio_ids;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.lots_at_inception(uuid[]) IS
'The lots that were held before the session before the inception of their portfolio (opening), at whose close
initial_equity is measured, and whether they have a price of it: a close not older than
portfolio_batch.max_stale_sessions, or a mark by hand. Without one they count at their entry price.';

CREATE FUNCTION _portfolio_batch.preflight_checks_as_owner(target_date date, min_coverage double precision)
RETURNS TABLE (check_name text, ok boolean, detail text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema  CONSTANT name := _portfolio_batch.tables_schema();
  exchange       CONSTANT text := current_setting('portfolio_batch.calendar');
  latest         date;    -- session that is closed and settled
  day            date;    -- session that would be run
  calendar_first date;
  calendar_last  date;
  wanted         bigint;  -- bytes of temporary files
  found          record;
  unknown        text;
BEGIN
  SELECT count(DISTINCT b.portfolio_id) AS portfolios, string_agg(DISTINCT b.holder, ', ') AS holders INTO found
    FROM _portfolio_batch.busy_portfolios() AS b;
  check_name := 'lock free';
  ok := found.portfolios = 0;
  detail := CASE WHEN ok THEN 'no portfolio is being run'
                 ELSE format('%s held by %s', CASE found.portfolios WHEN 1 THEN '1 portfolio'
                                                                    ELSE found.portfolios || ' portfolios' END,
                             found.holders || CASE WHEN found.holders LIKE '%prepared%'
                                                   THEN '; COMMIT PREPARED or ROLLBACK PREPARED lets go'
                                                   ELSE '; see batch_progress()' END) END;
  RETURN NEXT;

  EXECUTE format('SELECT min(s.session_date), max(s.session_date) FROM %I.trading_sessions AS s WHERE s.calendar = $1',
                 tables_schema)
     INTO calendar_first, calendar_last USING exchange;
  check_name := 'calendar covers the date';
  ok := COALESCE(target_date, (now() AT TIME ZONE 'America/New_York')::date) BETWEEN calendar_first AND calendar_last;
  ok := COALESCE(ok, false);
  detail := COALESCE(format('%s has sessions from %s to %s', exchange, calendar_first, calendar_last), exchange);
  IF calendar_first IS NULL THEN
    detail := format('%s has no session', exchange);
  END IF;
  RETURN NEXT;
  IF NOT ok THEN
    RETURN;
  END IF;

  latest := @extschema@.latest_closed_session();
  day := COALESCE(target_date, latest);
  check_name := 'session closed';
  ok := COALESCE(day <= latest, false) AND @extschema@.is_session(day);
  IF ok THEN
    EXECUTE format('SELECT s.close_at FROM %I.trading_sessions AS s WHERE s.calendar = $1 AND s.session_date = $2',
                   tables_schema)
       INTO found USING exchange, day;
    detail := format('%s closed at %s New York time', day,
                     to_char(found.close_at AT TIME ZONE 'America/New_York', 'HH24:MI'));
  ELSIF day > latest OR latest IS NULL THEN
    detail := format('%s is not over and settled; the latest that is: %s', COALESCE(day::text, 'no session'),
                     COALESCE(latest::text, 'none'));
  ELSE
    detail := format('%s is no session; the one before is %s', day, @extschema@.previous_session(day));
  END IF;
  RETURN NEXT;
  IF latest IS NULL THEN
    RETURN;
  END IF;
  day := least(day, latest);
  IF NOT @extschema@.is_session(day) THEN
    day := @extschema@.previous_session(day);
  END IF;

  EXECUTE format($query$
    SELECT count(DISTINCT f.id) AS portfolios, count(p.id) AS positions, count(DISTINCT p.symbol) AS symbols
    FROM %1$I.portfolios AS f
    LEFT JOIN %1$I.positions AS p ON p.portfolio_id = f.id AND p.deleted_at IS NULL AND p.entry_date <= $1
                                 AND (p.exit_date IS NULL OR p.exit_date > $1)
    WHERE f.is_active AND f.deleted_at IS NULL
  $query$, tables_schema) INTO found USING day;
  wanted := 67108864 + 16384 * found.positions;
  check_name := 'universe';
  ok := found.positions > 0;
  detail := format('%s active portfolios with %s open positions in %s symbols', found.portfolios, found.positions,
                   found.symbols);
  RETURN NEXT;

  check_name := 'earlier sessions complete';
  SELECT count(DISTINCT m.session_date) AS sessions, count(DISTINCT m.portfolio_id) AS portfolios,
         min(m.session_date) AS first_date
    INTO found
    FROM @extschema@.missing_sessions(least(day, latest)) AS m WHERE m.session_date < day;
  ok := found.sessions = 0;
  detail := CASE WHEN ok THEN 'nothing is missing before ' || day
                 ELSE format('%s sessions of %s portfolios are missing since %s; CALL daily_batch() computes them '
                             'first', found.sessions, found.portfolios, found.first_date) END;
  RETURN NEXT;

  EXECUTE format($query$
    SELECT count(*) FILTER (WHERE f.model = 'ridge') AS ridge, count(*) FILTER (WHERE f.model = 'spread') AS spread,
           string_agg(DISTINCT f.model || ' ' || f.name, ', ') FILTER (WHERE f.long_symbol IS NULL) AS incomplete
    FROM %1$I.factor_definitions AS f WHERE f.is_active
  $query$, tables_schema) INTO found;
  check_name := 'factor definitions seeded';
  ok := found.ridge > 0 AND found.spread > 0;
  detail := format('%s of model ridge, %s of model spread', found.ridge, found.spread);
  RETURN NEXT;

  EXECUTE format($query$
    SELECT (SELECT count(*) FROM %1$I.stress_test_scenarios AS s WHERE s.active) AS stress,
           (SELECT count(*) FROM %1$I.market_risk_scenarios) AS market
  $query$, tables_schema) INTO found;
  check_name := 'scenarios seeded';
  ok := found.stress > 0 AND found.market > 0;
  detail := format('%s active stress tests, %s market scenarios', found.stress, found.market);
  RETURN NEXT;

  check_name := 'factor prices fresh';
  EXECUTE format($query$
    SELECT count(*) AS symbols,
           string_agg(f.symbol || ' ' || COALESCE('last on ' || c.price_date, 'never'), ', ' ORDER BY f.symbol)
             FILTER (WHERE c.price_date IS DISTINCT FROM $1) AS stale
    FROM (SELECT unnest(ARRAY[d.long_symbol, d.short_symbol]) FROM %1$I.factor_definitions AS d WHERE d.is_active
          UNION SELECT current_setting('portfolio_batch.market_symbol')) AS f (symbol)
    LEFT JOIN LATERAL (SELECT max(m.date) FROM %1$I.market_data_cache AS m
                       WHERE m.symbol = f.symbol AND m.date <= $1) AS c (price_date) ON true
    WHERE f.symbol IS NOT NULL
  $query$, tables_schema) INTO found USING day;
  ok := found.stale IS NULL;
  detail := CASE WHEN ok THEN format('%s symbols have prices of %s', found.symbols, day)
                 ELSE format('without a price of %s: %s', day, found.stale) END;
  RETURN NEXT;

  check_name := 'price coverage';
  SELECT count(*) AS symbols, count(*) FILTER (WHERE c.status = 'current') AS current,
         100.0 * count(*) FILTER (WHERE c.status = 'current') / NULLIF(count(*), 0) AS percent
    INTO found
    FROM @extschema@.market_data_coverage(day) AS c;
  ok := COALESCE(found.percent >= min_coverage, false);
  detail := format('%s %% on %s: %s of %s symbols; wanted are %s %%', COALESCE(round(found.percent, 1)::text, 'none'),
                   day, found.current, found.symbols, min_coverage);
  RETURN NEXT;

  SELECT count(*) AS sources, string_agg(DISTINCT r.source, ', ') AS names,
         string_agg(DISTINCT r.source || ': ' || r.status, '; ') FILTER (WHERE r.status <> 'ready') AS problems
    INTO found
    FROM _portfolio_batch.price_source_report_as_owner() AS r WHERE r.enabled;
  check_name := 'sources of prices';
  ok := found.problems IS NULL;
  detail := COALESCE(found.problems, 'switched on: ' || found.names,
                     'none is switched on; prices come from whoever loads them');
  RETURN NEXT;

  check_name := 'prices across a split';
  EXECUTE format($query$
    SELECT count(*) AS splits,
           string_agg(format('%%s %%s:%%s on %%s', j.symbol, j.new_shares, j.old_shares, j.session_date), ', '
                      ORDER BY j.symbol, j.session_date) AS list
    FROM _portfolio_batch.prices_across_splits($1, ARRAY(
           SELECT DISTINCT a.symbol FROM %1$I.corporate_actions AS a
           JOIN @extschema@.market_data_coverage($1) AS c USING (symbol)
           WHERE a.kind IN ('split', 'stock_dividend') AND a.ex_date <= $1)) AS j
  $query$, tables_schema) INTO found USING day;
  SELECT string_agg(format('%s %s:%s on %s', u.symbol, u.new_shares, u.old_shares, u.price_date), ', '
                    ORDER BY u.symbol, u.price_date) INTO unknown
    FROM _portfolio_batch.unknown_splits(
           day, ARRAY(SELECT c.symbol FROM @extschema@.market_data_coverage(day) AS c)) AS u;
  ok := found.splits = 0 AND unknown IS NULL;
  detail := CASE WHEN ok THEN 'no adj_close jumps by the ratio of a split'
                 ELSE concat_ws('. ',
                   CASE WHEN found.splits > 0 THEN
                     format('adj_close jumps by the ratio of a split: %s; fetch the rows before it again',
                            found.list) END,
                   CASE WHEN unknown IS NOT NULL THEN
                     format('close and adj_close part by the ratio of a split that corporate_actions does not have: '
                            '%s; enter it, or fetch the rows before it again', unknown) END)
            END;
  RETURN NEXT;

  check_name := 'values at inception';
  SELECT count(*) AS lots, string_agg(DISTINCT o.symbol || ' on ' || o.opening, ', ') AS list INTO found
    FROM _portfolio_batch.lots_at_inception(NULL) AS o WHERE NOT o.is_priced;
  ok := found.lots = 0;
  detail := CASE WHEN ok THEN 'every lot from before the inception of its portfolio has a price of the session before'
                 ELSE format('lots from before the inception without a price of the session before: %s; load one, or '
                             'they count at their entry price', found.list) END;
  RETURN NEXT;

  check_name := 'expired options';
  EXECUTE format($query$
    SELECT count(*) AS lots, string_agg(DISTINCT p.symbol, ', ') AS list
    FROM %1$I.positions AS p JOIN %1$I.portfolios AS f ON f.id = p.portfolio_id AND f.is_active
                                                      AND f.deleted_at IS NULL
    WHERE length(p.position_type) = 2 AND p.expiration_date < $1 AND p.exit_date IS NULL AND p.deleted_at IS NULL
  $query$, tables_schema) INTO found USING day;
  ok := found.lots = 0;
  detail := CASE WHEN ok THEN 'no option has expired without being booked'
                 ELSE format('expired and not booked: %s; settle_expired_options() books them', found.list) END;
  RETURN NEXT;

  SELECT min(_portfolio_batch.free_temporary_space(t.oid::bigint)) AS free,
         COALESCE((SELECT NULLIF(s.setting::bigint, -1) * 1024 FROM pg_settings AS s
                   WHERE s.name = 'temp_file_limit'), 9223372036854775807) AS most
    INTO found
    FROM pg_tablespace AS t
   WHERE t.oid = (SELECT d.dattablespace FROM pg_database AS d WHERE d.datname = current_database())
      OR t.spcname = ANY (string_to_array(replace(current_setting('temp_tablespaces'), ' ', ''), ','));
  check_name := 'temporary space';
  ok := COALESCE(found.free, 9223372036854775807) >= wanted AND found.most >= wanted;
  detail := format('%s free, a run of this size may take %s', COALESCE(pg_size_pretty(found.free), 'unknown'),
                   pg_size_pretty(wanted))
            || CASE WHEN found.most < wanted THEN format('; temp_file_limit allows %s', pg_size_pretty(found.most))
                    ELSE '' END;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.preflight_checks_as_owner(date, double precision) IS
'The checks of batch_preflight that read the tables. A part of it.';

CREATE FUNCTION _portfolio_batch.absent_tables() RETURNS text[]
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT COALESCE(array_agg(d.table_name ORDER BY d.ordinal), '{}')
  FROM @extschema@.analytics_columns() AS d
  WHERE d.column_name IS NULL
    AND to_regclass(format('%I.%I', _portfolio_batch.tables_schema(), d.table_name)) IS NULL
$$;
COMMENT ON FUNCTION _portfolio_batch.absent_tables() IS
'Tables and views of create_analytics_tables that are not there.';

-- Whose tables they are is told from the catalogs by the caller, whom the tables themselves may be closed to.
CREATE FUNCTION _portfolio_batch.batch_preflight_as_caller(target_date date DEFAULT NULL,
                                                           min_coverage double precision DEFAULT 95)
RETURNS TABLE (check_name text, ok boolean, detail text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  absent        CONSTANT text[] := _portfolio_batch.absent_tables();
  found         record;
BEGIN
  PERFORM _portfolio_batch.require_finite('target_date', target_date);
  IF min_coverage IS NULL OR NOT min_coverage BETWEEN 0 AND 100 THEN
    RAISE EXCEPTION 'min_coverage must be a percentage from 0 to 100, not %', COALESCE(min_coverage::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass 0 to be content with any coverage.';
  END IF;

  check_name := 'tables';
  ok := absent = '{}';
  detail := CASE WHEN ok THEN format('complete in schema %I', tables_schema)
                 ELSE format('missing in schema %I: %s; run create_analytics_tables(%L)', tables_schema,
                             array_to_string(absent, ', '), tables_schema) END;
  RETURN NEXT;
  IF NOT ok THEN
    RETURN;
  END IF;

  SELECT count(*) AS number, (array_agg(format('%s %s %s', f.what, f.object, f.culprit)))[1] AS first INTO found
    FROM _portfolio_batch.foreign_objects(tables_schema) AS f;
  check_name := 'objects';
  ok := found.number = 0;
  detail := CASE WHEN ok THEN format('nothing in schema %I runs what other roles own', tables_schema)
                 ELSE format('%s%s; see _portfolio_batch.foreign_objects(%L)', found.first,
                             CASE WHEN found.number > 1 THEN format(' and %s more', found.number - 1) ELSE '' END,
                             tables_schema) END;
  RETURN NEXT;

  IF _portfolio_batch.is_refused_as_superuser(tables_schema) THEN
    RETURN;
  END IF;

  RETURN QUERY SELECT c.* FROM _portfolio_batch.preflight_checks(target_date, min_coverage) AS c;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.batch_preflight_as_caller(date, double precision) IS
'Whether a run of a session (default: the latest that is closed and settled) would find what it needs, one row a check:
tables complete, no object of another role on them, no portfolio being run, calendar, session closed, open positions,
no earlier session missing, definitions and scenarios seeded, a price of the session for every factor, coverage of at
least min_coverage percent of the symbols, no jump by the ratio of a split, a price for every lot at the inception of
its portfolio, no option that expired without being booked, and space for temporary files (64 MB and 16 kB for each open
position). For a day that is no closed session the checks below that one are of the latest before it. ok false is advice
and never stops a run. Without tables, or outside of the calendar, the rows after that check are left out; so are those
after objects for a superuser when the tables have several owners, since nothing is read then. Reads only. Errors:
22023 for a min_coverage that is no percentage, 22008 for an infinite date, 42501 without the right to read the
tables.';

CREATE FUNCTION _portfolio_batch.record_cancelled_as_owner(cancelled_run bigint, OUT status text,
                                                           OUT dates_processed integer)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
BEGIN
  EXECUTE format('SELECT r.status FROM %I.batch_runs AS r WHERE r.run_id = $1 FOR UPDATE', tables_schema)
     INTO status USING cancelled_run;
  -- It may have come to its end before the cancel did.
  IF status NOT IN ('running', 'lost') THEN
    RETURN;
  END IF;
  PERFORM _portfolio_batch.finish_batch_run(cancelled_run);
  EXECUTE format($query$
    UPDATE %I.batch_runs AS r SET status = 'cancelled' WHERE r.run_id = $1 RETURNING r.status, r.dates_processed
  $query$, tables_schema) INTO status, dates_processed USING cancelled_run;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.record_cancelled_as_owner(bigint) IS
'Closes the record of a run whose session was told to stop, as cancelled unless it had come to its end by itself;
returns how it ended and the sessions it finished.';

CREATE FUNCTION _portfolio_batch.session_of_run(run_id bigint, recorded_pid integer, recorded_start timestamptz,
                                                started_at timestamptz, patience timestamptz, OUT pid integer,
                                                OUT backend_start timestamptz)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT a.pid, a.backend_start INTO session_of_run.pid, session_of_run.backend_start
      FROM _portfolio_batch.batch_activity() AS a
     WHERE a.run_id = session_of_run.run_id AND a.shard IS NULL AND a.in_schema AND a.pid = recorded_pid
       AND a.backend_start = recorded_start;
    EXIT WHEN FOUND OR _portfolio_batch.run_state('running', recorded_pid, recorded_start, started_at) = 'lost';
    IF EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = recorded_pid AND a.backend_start IS NULL) THEN
      RAISE EXCEPTION 'permission denied to cancel run %', run_id
        USING ERRCODE = 'insufficient_privilege',
              DETAIL = 'What its session executes is not shown to this role.',
              HINT = 'It takes the role of the run, a superuser, or membership in pg_read_all_stats and '
                     'pg_signal_backend.';
    END IF;
    IF clock_timestamp() > patience THEN
      RAISE EXCEPTION 'process % does not execute run %', recorded_pid, run_id
        USING ERRCODE = 'object_not_in_prerequisite_state',
              DETAIL = 'The record of the run names a session that does not show it in pg_stat_activity.',
              HINT = 'Without track_activities no session shows what it does. Else look who wrote that record.';
    END IF;
    PERFORM pg_sleep(0.01);
  END LOOP;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.session_of_run(bigint, integer, timestamptz, timestamptz, timestamptz) IS
'The session that executes a run: that of its record, once it shows the run itself, for which it is waited until
patience; NULL when it has ended. Whoever may write the record could put any session into it. A part of cancel_run.
Errors: 42501 when the caller may not see the session, 55000 when it shows something else.';

CREATE FUNCTION _portfolio_batch.cancel_run_as_caller(run_id bigint)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  patience CONSTANT timestamptz := clock_timestamp() + interval '10 s';
  run      record;
  session  record;
  state    text;
BEGIN
  SELECT r.* INTO run FROM _portfolio_batch.stored_runs(cancel_run_as_caller.run_id) AS r
   WHERE cancel_run_as_caller.run_id IS NOT NULL;
  IF run.run_id IS NOT NULL THEN
    state := _portfolio_batch.run_state(run.status, run.backend_pid, run.backend_start, run.started_at);
    IF state <> 'running' THEN
      RAISE EXCEPTION 'run % is not running, its status is %', run_id, state
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = CASE state WHEN 'lost' THEN 'Its session died. CALL daily_batch() computes what is left.'
                                ELSE format('SELECT * FROM batch_report(%s) tells what it did.', run_id) END;
    END IF;
  END IF;
  IF run.backend_pid = pg_backend_pid()
     OR EXISTS (SELECT FROM _portfolio_batch.batch_activity() AS a
                WHERE a.run_id = cancel_run_as_caller.run_id AND a.pid = pg_backend_pid()) THEN
    RAISE EXCEPTION 'run % is run by this session', run_id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Roll its transaction back instead.';
  END IF;

  IF run.run_id IS NOT NULL THEN
    session := _portfolio_batch.session_of_run(run_id, run.backend_pid, run.backend_start, run.started_at, patience);
  ELSE
    -- Of a run in one transaction there is only what its session shows.
    SELECT a.pid, a.backend_start INTO session
      FROM _portfolio_batch.batch_activity() AS a
     WHERE a.run_id = cancel_run_as_caller.run_id AND a.shard IS NULL AND a.in_schema;
    IF session.pid IS NULL THEN
      RAISE EXCEPTION 'run % does not exist', COALESCE(run_id::text, 'NULL')
        USING ERRCODE = 'undefined_object', HINT = 'SELECT * FROM batch_progress() lists the runs under way.';
    END IF;
  END IF;

  -- Refused with 42501 by the server where the caller is neither of the run's role nor of pg_signal_backend.
  PERFORM pg_cancel_backend(a.pid)
     FROM pg_stat_activity AS a
    WHERE a.pid = session.pid AND a.backend_start = session.backend_start;
  LOOP
    PERFORM pg_stat_clear_snapshot();
    IF run.run_id IS NULL THEN
      PERFORM FROM _portfolio_batch.batch_activity() AS a
        WHERE a.run_id = cancel_run_as_caller.run_id AND a.pid = session.pid
          AND a.backend_start = session.backend_start;
      state := CASE WHEN FOUND THEN 'running' ELSE 'lost' END;
    ELSE
      state := _portfolio_batch.run_state('running', run.backend_pid, run.backend_start, run.started_at);
    END IF;
    EXIT WHEN state = 'lost' OR clock_timestamp() > patience;
    PERFORM pg_sleep(0.01);
  END LOOP;
  IF state = 'running' THEN
    RAISE WARNING 'run % was told to stop, but has not within 10 s', run_id
      USING HINT = format('Look again with batch_progress(); SELECT pg_terminate_backend(%s) ends its session.',
                          session.pid);
    RETURN format('run %s was told to stop', run_id);
  END IF;
  IF run.run_id IS NULL THEN
    RETURN format('run %s is over; it was one transaction, of which a cancel leaves nothing', run_id);
  END IF;

  run := _portfolio_batch.record_cancelled(run_id);
  IF run.status <> 'cancelled' THEN
    RETURN format('run %s had ended already, with status %s', run_id, run.status);
  END IF;
  RETURN format('run %s is cancelled; the sessions it finished (%s) are committed and stay', run_id,
                run.dates_processed);
END
$$;
COMMENT ON FUNCTION _portfolio_batch.cancel_run_as_caller(bigint) IS
'Stops a run that another session executes, its workers included, and waits up to 10 s until it has. A run of CALL
daily_batch keeps the sessions it finished and its record becomes cancelled; a run in one transaction (run_daily_batch,
run_daily_batch_with_backfill) disappears as a whole. Returns what came of it; a warning says that the run goes on.
Takes the role that runs it, or membership in pg_signal_backend and, to see the session, pg_read_all_stats. Errors:
42704 for a run that does not exist, 55000 when it is not running, is this session''s own, or its record names a session
that does not show it; 42501.';

-- Settings ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.setting_refusal(setting_name text, setting_value text) RETURNS TABLE (reason text)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_setting_refusal';
COMMENT ON FUNCTION _portfolio_batch.setting_refusal(text, text) IS
'Why the server would refuse a value of a setting, as it does when a session begins for what ALTER DATABASE or ALTER
ROLE has set; no row where it would not. Changes nothing.';

CREATE FUNCTION _portfolio_batch.refused_settings()
RETURNS TABLE (setting_name text, command text, reason text)
LANGUAGE sql STABLE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT c.part[1],
         CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I', current_database())
              WHEN s.setdatabase = 0 THEN format('ALTER ROLE %I', a.rolname)
              ELSE format('ALTER ROLE %I IN DATABASE %I', a.rolname, current_database()) END
         || format(' SET %s = %L', c.part[1], c.part[2]),
         r.reason
  FROM pg_db_role_setting AS s
  LEFT JOIN pg_roles AS a ON a.oid = s.setrole
  CROSS JOIN unnest(s.setconfig) AS e (entry)
  CROSS JOIN LATERAL (SELECT ARRAY[split_part(e.entry, '=', 1),
                                   substr(e.entry, position('=' IN e.entry) + 1)]) AS c (part)
  CROSS JOIN LATERAL _portfolio_batch.setting_refusal(c.part[1], c.part[2]) AS r
  WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
    AND starts_with(c.part[1], 'portfolio_batch.')
$$;
COMMENT ON FUNCTION _portfolio_batch.refused_settings() IS
'Settings of the extension that ALTER DATABASE or ALTER ROLE gives this database values that a session refuses: it keeps
the default then, with a warning when the library is loaded.';

-- The library is loaded when this is entered, so that the settings are known whatever the session has done before.
CREATE FUNCTION _portfolio_batch.batch_settings_as_caller()
RETURNS TABLE (name text, value text, source text, default_value text, allowed text, description text, refused text)
LANGUAGE sql STABLE ROWS 30
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH known AS MATERIALIZED (
    SELECT substr(s.name, length('portfolio_batch.') + 1) AS name, current_setting(s.name) AS value, s.source,
           CASE s.unit WHEN 'kB' THEN replace(pg_size_pretty(s.boot_val::bigint * 1024), ' ', '')
                       ELSE concat(s.boot_val, s.unit) END AS default_value,
           CASE WHEN s.vartype = 'enum' THEN array_to_string(s.enumvals, ', ')
                WHEN s.vartype = 'bool' THEN 'on, off'
                WHEN s.unit = 'kB' THEN format('from %s', replace(pg_size_pretty(s.min_val::bigint * 1024), ' ', ''))
                WHEN s.min_val IS NOT NULL THEN format('%s to %s', s.min_val, concat(s.max_val, s.unit))
                ELSE 'text' END AS allowed,
           s.short_desc
    FROM pg_settings AS s
    WHERE starts_with(s.name, 'portfolio_batch.')
  ), refusal AS (
    SELECT substr(r.setting_name, length('portfolio_batch.') + 1) AS name,
           string_agg(r.command || ': ' || r.reason, '; ' ORDER BY r.command) AS text
    FROM _portfolio_batch.refused_settings() AS r
    GROUP BY r.setting_name
  )
  SELECT COALESCE(k.name, r.name), k.value, k.source, k.default_value, k.allowed,
         COALESCE(k.short_desc, 'no setting of this name'), r.text
  FROM known AS k
  FULL JOIN refusal AS r USING (name)
  ORDER BY 1
$$;
COMMENT ON FUNCTION _portfolio_batch.batch_settings_as_caller() IS
'Every setting of the extension (their names here without portfolio_batch.): value in this session, where it comes from
(source, as in pg_settings), default, values that it may have, what it is. refused: values that ALTER DATABASE or ALTER
ROLE … SET gives it for this database and that sessions refuse, so that they keep the default; a misspelled name has a
row of its own. Also in a session that has not used the extension yet, where SHOW does not know the settings. Reads only
the catalogs.';
