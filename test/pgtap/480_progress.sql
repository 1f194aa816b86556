-- The progress of a run to the unit: what a trigger sees of it that fires while the run writes.

\ir include/prelude.psql
SELECT plan(9);

SET LOCAL portfolio_batch.progress = off;
SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
SET LOCAL portfolio_batch.limited_history_below = 15;
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT symbol, session_date, round((100 * (1 + swing * sin(n) + 0.005 * cos(n * n)))::numeric, 4), 'test'
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-05-01', '2024-07-12') AS s (session_date)) AS d,
     (VALUES ('SPY', 0.01), ('AAA', 0.013)) AS s (symbol, swing);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08') \g /dev/null
SELECT pg_temp.add_lot(1, 11, 'AAA', 300, 101, '2024-07-08') \g /dev/null

CREATE TABLE seen AS SELECT p.* FROM batch_progress() AS p LIMIT 0;
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SET search_path = pb, pg_catalog AS $$
BEGIN
  PERFORM pg_stat_clear_snapshot();
  INSERT INTO seen SELECT p.* FROM batch_progress() AS p;
  RETURN NULL;
END $$;
CREATE TRIGGER look AFTER INSERT ON portfolio_snapshots FOR EACH STATEMENT EXECUTE FUNCTION look();

-- A run over five sessions: the first has none behind it, the last four.
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-12') \g /dev/null
SELECT results_eq('SELECT status, session_date, split_part(phase, '' '', 1), done, total, workers FROM seen',
                  $$SELECT 'running', s, '2', row_number() OVER (ORDER BY s) - 1, 5::bigint, 0::bigint
                    FROM sessions_between('2024-07-08', '2024-07-12') AS s$$, 'what is done and what there is to do');
SELECT is((SELECT count(*) FROM seen WHERE elapsed > '0'), 5::bigint, 'for some time by now');
SELECT is_empty($$SELECT * FROM seen WHERE remaining IS DISTINCT FROM
                    CASE WHEN done > 0 THEN date_trunc('milliseconds', elapsed * ((5.0 - done) / done)::float8) END$$,
                'the rest takes as long a session as what is done has taken, and nobody knows before the first is done');

-- The same in blocks of two sessions, for want of memory: 1 MB holds 65536 prices of 16 bytes, of 9 symbols 7281 each,
-- and a window of 4852 returns is looked for in 7278 sessions and the one before them.
TRUNCATE seen, portfolio_snapshots;
SET LOCAL portfolio_batch.max_memory = '1MB';
SET LOCAL portfolio_batch.beta_window = 4852;
SELECT is((SELECT count(DISTINCT symbol) FROM market_data_coverage('2024-07-08')), 9::bigint, 'the symbols of the book');
CREATE TEMP TABLE phases AS SELECT * FROM run_daily_batch_with_backfill('2024-07-12');
SELECT results_eq('SELECT session_date, done, total FROM seen',
                  $$SELECT s, row_number() OVER (ORDER BY s) - 1, 5::bigint
                    FROM sessions_between('2024-07-08', '2024-07-12') AS s$$, 'in blocks of two sessions as well');
SELECT is_empty('SELECT FROM phases WHERE failed > 0', 'which is enough for every engine');
-- A run that is seen by its record alone: sessions are done when phase 3 of theirs is, not a shard's.
TRUNCATE seen;
INSERT INTO batch_runs (run_id, run_kind, status, started_at, backend_pid, backend_start, requested_by)
SELECT 1001, 'procedure', 'running', now(), a.pid, a.backend_start, 'desk'
  FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid();
INSERT INTO batch_jobs (run_id, job_no, job_name, job_type, phase, calculation_date, status, detail, started_at)
SELECT v.*, now()
FROM (VALUES
       (1001, 1, 'snapshots', 'phase', '2', date '2024-07-08', 'success', jsonb '{}'),
       (1001, 2, 'risk analytics', 'phase', '3', '2024-07-08', 'success', '{}'),
       (1001, 3, 'risk analytics', 'phase', '3', '2024-07-09', 'success', NULL),
       (1001, 4, 'risk analytics', 'phase', '3', '2024-07-09', 'success', NULL),
       (1001, 5, 'risk analytics', 'phase', '3', '2024-07-10', 'success', '{"shard": 1}'),
       (1001, 6, 'volatility', 'engine', '3', '2024-07-11', 'success', '{}'),
       (1001, 7, 'snapshots', 'phase', '2', '2024-07-12', 'success', '{}'),
       (1002, 1, 'risk analytics', 'phase', '3', '2024-07-12', 'success', '{}')) AS v;
-- Two portfolios wait on one date, one of them also on the next and again when the run comes back to it.
INSERT INTO batch_jobs (run_id, job_no, job_name, job_type, phase, portfolio_id, calculation_date, status, started_at)
SELECT v.run_id, v.job_no, 'portfolio_snapshots', 'portfolio', '2', pg_temp.id(v.portfolio), v.day, v.status, now()
FROM (VALUES
       (1001, 8, 1, date '2024-07-08', 'waiting'),
       (1001, 9, 2, '2024-07-08', 'waiting'),
       (1001, 10, 1, '2024-07-09', 'waiting'),
       (1001, 11, 1, '2024-07-09', 'waiting'),
       (1001, 12, 2, '2024-07-09', 'failed'),
       (1002, 2, 2, '2024-07-12', 'waiting')) AS v (run_id, job_no, portfolio, day, status);
DO $$
BEGIN
  PERFORM pg_stat_clear_snapshot();
  UPDATE batch_runs SET started_at = clock_timestamp() WHERE run_id = 1001;
  INSERT INTO seen SELECT p.* FROM batch_progress() AS p;
END $$;
SELECT results_eq('SELECT run_id, kind, status, session_date, phase, done, total, remaining, workers, role_name FROM seen',
                  $$VALUES (1001::bigint, 'procedure', 'running', '2024-07-09'::date, NULL, 2::bigint, NULL::bigint,
                            NULL::interval, 0::bigint, 'desk')$$, 'a run that is seen by its record alone');
SELECT ok((SELECT elapsed >= '0' FROM seen), 'has begun');
SELECT is((SELECT waiting FROM seen), 3::bigint, 'and has left three dates of portfolios waiting for prices');

SELECT * FROM finish();
ROLLBACK;
