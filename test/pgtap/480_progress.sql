-- The progress of a run to the unit: what a trigger sees of it that fires while the run writes.

\ir include/prelude.psql
SELECT plan(29);

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
SELECT results_eq('SELECT status, session_date, phase, done, total, waiting, workers FROM seen',
                  $$SELECT 'running', s, '2 P&L and snapshots', row_number() OVER (ORDER BY s) - 1, 5::bigint, 0::bigint, 0::bigint
                    FROM sessions_between('2024-07-08', '2024-07-12') AS s$$, 'what is done and what there is to do');
SELECT is((SELECT count(*) FROM seen WHERE elapsed > '0'), 5::bigint, 'for some time by now');
SELECT is_empty($$SELECT * FROM seen WHERE remaining IS DISTINCT FROM
                    CASE WHEN done > 0 THEN date_trunc('milliseconds', elapsed * ((5.0 - done) / done)::float8) END$$,
                'the rest takes as long a session as what is done has taken, and nobody knows before the first is done');

-- The same in blocks of three sessions, for want of memory: 1 MB holds 65536 prices of 16 bytes, of 9 symbols 7281 each,
-- and a window of 4848 returns is looked for in 7272 sessions, five more in which an interval of yields may begin, and
-- the one before them.
TRUNCATE seen, portfolio_snapshots;
SET LOCAL portfolio_batch.max_memory = '1MB';
SET LOCAL portfolio_batch.beta_window = 4848;
SELECT is((SELECT count(DISTINCT symbol) FROM market_data_coverage('2024-07-08')), 9::bigint, 'the symbols of the book');
CREATE TEMP TABLE phases AS SELECT * FROM run_daily_batch_with_backfill('2024-07-12');
SELECT results_eq('SELECT session_date, done, total FROM seen',
                  $$SELECT s, row_number() OVER (ORDER BY s) - 1, 5::bigint
                    FROM sessions_between('2024-07-08', '2024-07-12') AS s$$, 'in blocks of three sessions as well');
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

-- A run in one transaction over the last four sessions, of which the second has no price yet, and waits.
TRUNCATE seen, portfolio_snapshots, batch_runs, batch_jobs;
RESET portfolio_batch.max_memory;
SET LOCAL portfolio_batch.beta_window = 20;
CREATE TEMP TABLE late AS
SELECT s AS day, row_number() OVER (ORDER BY s DESC) AS back
FROM sessions_between(latest_closed_session() - 30, latest_closed_session()) AS s;
SELECT pg_temp.add_portfolio(2, 100000, day) FROM late WHERE back = 4 \g /dev/null
SELECT pg_temp.add_lot(2, 21, 'BBB', 300, 101, day) FROM late WHERE back = 4 \g /dev/null
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT 'BBB', day, 100 + back, 'test' FROM late WHERE back <> 3;
SELECT count(*) FROM run_daily_batch_with_backfill(portfolio_id => pg_temp.id(2)) \g /dev/null
SELECT results_eq('SELECT l.back, s.done, s.total, s.waiting FROM seen AS s JOIN late AS l ON l.day = s.session_date ORDER BY 1 DESC',
                  $$VALUES (4::bigint, 0::bigint, 4::bigint, 0::bigint), (2, 2, 4, 1), (1, 3, 4, 1)$$,
                  'a date that waits is counted from the next session on');

-- The line in pg_stat_activity ----------------------------------------------------------------------------------------

-- What is written, in every combination of what can be left out.
CREATE TEMP TABLE lines AS
SELECT run, day, done, total, waiting, shard, shards, phase, doing,
       _portfolio_batch.activity_line(run, day, done, total, waiting, shard, shards, phase, doing) AS line
FROM (VALUES (1::bigint, date '2024-07-08', 0::bigint, 1::bigint), (9223372036854775807, '10000-01-03', 999999, 1000000)) AS r (run, day, done, total),
     (VALUES (0::bigint), (17)) AS w (waiting),
     (VALUES (0::bigint, 0::bigint), (2, 16)) AS s (shard, shards),
     (VALUES ('2.75', 'sector tags'), ('2', 'P&L and snapshots'), ('', 'waiting for workers'), ('', ''), ('3', 'a=b phase=9 c')) AS p (phase, doing);
CREATE FUNCTION pg_temp.fields(line text, OUT run text, OUT day text, OUT item text, OUT shard text, OUT waiting text,
                               OUT phase text, OUT doing text) LANGUAGE sql AS $$
  SELECT f.v[1], f.v[2], f.v[3], f.v[4], f.v[5], f.v[6], f.v[7]
  FROM (SELECT array_agg(_portfolio_batch.activity_field(line, k.key) ORDER BY k.n)
        FROM unnest('{run,session,item,shard,waiting,phase,doing}'::text[]) WITH ORDINALITY AS k (key, n)) AS f (v)
$$;
SELECT is((SELECT count(DISTINCT line) FROM lines), 40::bigint, 'lines of which no two are alike');
SELECT is_empty($$SELECT l.line, f.* FROM lines AS l, pg_temp.fields(l.line) AS f
                  WHERE (f.run, f.day, f.item, f.waiting) IS DISTINCT FROM
                        (l.run::text, l.day::text, concat(l.done + 1, '/', l.total), l.waiting::text)
                     OR (f.shard, f.phase, f.doing) IS DISTINCT FROM
                        (CASE WHEN l.shard > 0 THEN concat(l.shard, '/', l.shards) END, NULLIF(l.phase, ''), l.doing)$$,
                'what the batch writes is what is read');
SELECT is_empty($$SELECT l.line, n FROM lines AS l, generate_series(0, length(l.line) - 1) AS n,
                         pg_temp.fields(l.line) AS whole, pg_temp.fields(left(l.line, n)) AS part,
                         LATERAL (VALUES (whole.run, part.run), (whole.day, part.day), (whole.item, part.item),
                                         (whole.shard, part.shard), (whole.waiting, part.waiting),
                                         (whole.phase, part.phase), (whole.doing, part.doing)) AS f (whole, part)
                  WHERE f.part <> f.whole OR f.whole IS NULL AND f.part IS NOT NULL$$,
                'wherever the server cuts a line off, a value is whole or none');
SELECT is_empty($$SELECT l.line FROM lines AS l, pg_temp.fields(left(l.line, 99)) AS f
                  WHERE f.run IS NULL OR f.day IS NULL OR f.item IS NULL$$,
                'a server that keeps the least that it can, 100 bytes, has run, date and item');
SELECT is(_portfolio_batch.activity_field(line, 'run'), NULL, 'no line of a run: ' || line)
FROM (VALUES (''), ('SELECT 1'), ('portfolio_batch'), ('portfolio_batch run=1'), (' portfolio_batch run=1 '),
             ('portfolio_batch run= session=1 ')) AS v (line);
SELECT is(_portfolio_batch.activity_field(NULL, 'run'), NULL, 'nor NULL, of what another role does');
SELECT is_empty('SELECT line, day FROM lines WHERE _portfolio_batch.activity_date(line) IS DISTINCT FROM day',
                'the date is read as one');
SELECT lives_ok(format('SELECT _portfolio_batch.activity_date(%L)', 'portfolio_batch session=' || day || ' doing="x"'),
                'and stops nobody where it is none: ' || day)
FROM unnest(ARRAY['2024-99-99', '2024-02-30', '2024-00-00', '0000-01-01', '99999-99-99', '999999-99-99', 'today']) AS day;

SELECT * FROM finish();
ROLLBACK;
