-- How results reach their tables: as COPY writes them where a table is a plain one, else by INSERT, with the same rows;
-- and on a rerun only what has changed.

\ir include/prelude.psql
SELECT plan(44);

SET LOCAL portfolio_batch.beta_window = 60;
SET LOCAL portfolio_batch.beta_min_observations = 40;

INSERT INTO market_data_cache (symbol, date, close)
SELECT s.symbol, d.session_date, 100 * (1 + 0.02 * sin(d.n * s.pace) + 0.01 * sin(d.n * 1.3) + d.n / 1000.0)
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-03-01', '2024-07-11')) AS d,
     (VALUES ('SPY', 1.3), ('AAA', 0.9), ('BBB', 2.1)) AS s (symbol, pace);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-09');
SELECT pg_temp.add_portfolio(2, 100000, '2024-07-09');
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-09');
SELECT pg_temp.add_lot(2, 21, 'BBB', 100, 100, '2024-07-09');
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-10') \g /dev/null

-- What a run of an empty date writes, and what it takes to write the same by INSERT.
CREATE TEMP TABLE plain AS SELECT * FROM pg_temp.results();
CREATE FUNCTION pg_temp.forget() RETURNS void LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN
  FOR t IN SELECT DISTINCT a.table_name FROM analytics_columns() a
           WHERE a.column_name IS NULL AND a.data_type = 'result' AND a.table_name <> 'portfolio_snapshots'
  LOOP EXECUTE format('DELETE FROM %I', t); END LOOP;
END $$;
CREATE FUNCTION pg_temp.same_results(name text) RETURNS text LANGUAGE sql AS $$
  SELECT is((SELECT count(*) FROM (SELECT * FROM pg_temp.results() EXCEPT SELECT * FROM plain) d)
            + (SELECT count(*) FROM (SELECT * FROM plain EXCEPT SELECT * FROM pg_temp.results()) d),
            0::bigint, name) $$;
CREATE FUNCTION pg_temp.again() RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(rows_written)::bigint FROM unnest(ARRAY['2024-07-09', '2024-07-10']::date[]) AS day,
                                       run_daily_batch(day, phases => '{3}') $$;
SELECT ok((SELECT count(*) > 100 FROM plain), 'there are results to compare');

SELECT pg_temp.forget();
SELECT ok(pg_temp.again() > 100, 'results that are gone are written again');
SELECT pg_temp.same_results('and are the same');
SELECT is(pg_temp.again(), 0::bigint, 'a rerun writes nothing');
SELECT is((SELECT count(*) FROM position_market_betas WHERE xmax <> 0), 0::bigint, 'and locks no row');

-- Where most of the price table is wanted, by its statistics, the rest of it is read along and left out.
INSERT INTO market_data_cache (symbol, date, close)
SELECT s.symbol, m.date, 7 * m.close FROM market_data_cache AS m, (VALUES ('ABA'), ('ZZZ')) AS s (symbol)
WHERE m.symbol = 'AAA';
ANALYZE market_data_cache;
SELECT ok((SELECT reltuples > 0 FROM pg_class WHERE oid = 'market_data_cache'::regclass),
          'the price table has statistics');
SELECT is(pg_temp.again(), 0::bigint, 'prices of symbols that nobody holds change nothing');

CREATE TEMP TABLE fired (table_name text);
CREATE FUNCTION pg_temp.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO fired VALUES (TG_TABLE_NAME); RETURN NEW; END $$;
CREATE TRIGGER fire BEFORE INSERT ON position_market_betas FOR EACH ROW EXECUTE FUNCTION pg_temp.fire();
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT is((SELECT count(*) FROM fired), 4::bigint, 'a trigger on the table fires for each row');
SELECT pg_temp.same_results('with the same rows');
DROP TRIGGER fire ON position_market_betas;

ALTER TABLE position_market_betas ADD COLUMN note text NOT NULL DEFAULT 'none',
  ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid(), ADD COLUMN gone float8;
ALTER TABLE position_market_betas DROP COLUMN gone;
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT results_eq($$SELECT count(*), count(DISTINCT token), min(note) FROM position_market_betas$$,
                  $$VALUES (4::bigint, 4::bigint, 'none')$$, 'columns of the user''s take their defaults, row by row');
ALTER TABLE position_market_betas DROP COLUMN note, DROP COLUMN token;

ALTER TABLE position_market_betas ADD COLUMN twice float8 GENERATED ALWAYS AS (2 * beta) STORED;
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT is((SELECT count(*) FROM position_market_betas WHERE twice = 2 * beta), 4::bigint, 'a generated column is computed');
ALTER TABLE position_market_betas DROP COLUMN twice;

ALTER TABLE position_market_betas ALTER COLUMN beta TYPE numeric(8, 3), ALTER COLUMN method TYPE varchar(20);
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT is((SELECT count(*) FROM position_market_betas WHERE scale(beta) = 3 AND method = 'OLS_NW'), 4::bigint,
          'columns of other types take what can be converted');
ALTER TABLE position_market_betas ALTER COLUMN beta TYPE float8, ALTER COLUMN method TYPE text;

ALTER TABLE position_market_betas ADD CONSTRAINT no_bbb CHECK (portfolio_id <> pg_temp.id(2)) NOT VALID;
SELECT pg_temp.forget();
SELECT results_eq($$SELECT status FROM run_daily_batch('2024-07-10', phases => '{3}') WHERE phase = '3'$$,
                  $$VALUES ('partial')$$, 'a constraint holds');
SELECT results_eq($$SELECT DISTINCT sqlstate FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs)
                    AND job_name = 'market_betas'$$, $$VALUES ('23514')$$, 'and is named in the log');
SELECT is((SELECT count(*) FROM position_market_betas WHERE calculation_date = '2024-07-10'), 0::bigint,
          'and what it stops leaves no half of itself');
ALTER TABLE position_market_betas DROP CONSTRAINT no_bbb;

-- What has changed, and only that.
SELECT pg_temp.again() \g /dev/null
CREATE TEMP TABLE stamps AS SELECT position_id, calculation_date, run_id FROM position_market_betas;
UPDATE market_data_cache SET close = close * 1.5 WHERE symbol = 'BBB' AND date = '2024-06-03';
SELECT ok(pg_temp.again() > 0, 'after a correction of a price');
SELECT results_eq($$SELECT DISTINCT b.portfolio_id FROM position_market_betas b JOIN stamps s
                      USING (position_id, calculation_date) WHERE b.run_id <> s.run_id$$,
                  $$VALUES (pg_temp.id(2))$$, 'rows of that symbol alone are written');
INSERT INTO position_market_betas (portfolio_id, position_id, calculation_date, method, window_days)
VALUES (pg_temp.id(1), pg_temp.id(99), '2024-07-10', 'OLS_NW', 60);
SELECT is(pg_temp.again(), 1::bigint, 'a row that should not be there');
SELECT is((SELECT count(*) FROM position_market_betas WHERE position_id = pg_temp.id(99)), 0::bigint, 'is removed');

-- Whatever somebody changes in one row of each table, column after column, a rerun puts right. Under another key a row
-- may belong to an engine that is not run, and a beta of another model than the row's to none.
SELECT pg_temp.again() \g /dev/null
TRUNCATE plain;
INSERT INTO plain SELECT * FROM pg_temp.results();
CREATE FUNCTION pg_temp.tamper(place integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  at record; other text; changed bigint; tampered bigint = 0;
BEGIN
  FOR at IN SELECT c.oid::regclass AS name, a.attname, a.atttypid::regtype::text AS type
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relname IN (SELECT table_name FROM analytics_columns()
                                WHERE column_name IS NULL AND data_type = 'result'
                                  AND table_name NOT IN ('portfolio_snapshots', 'position_greeks'))
              AND c.relnamespace = 'pb'::regnamespace AND a.attnum = place AND NOT a.attisdropped
              AND a.attname NOT IN ('run_id', 'created_at')
              AND NOT (c.relname = 'position_factor_exposures' AND a.attname LIKE '%\_beta')
              AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND place = ANY (i.indkey))
  LOOP
    other = CASE at.type WHEN 'double precision' THEN 'coalesce(%1$I, 0) + 0.001' WHEN 'integer' THEN 'coalesce(%1$I, 0) + 1'
                         WHEN 'numeric' THEN 'coalesce(%1$I, 0) + 0.0001' WHEN 'text' THEN 'coalesce(%1$I, '''') || ''x'''
                         WHEN 'boolean' THEN '%1$I IS NOT TRUE' WHEN 'date' THEN 'coalesce(%1$I, ''2024-07-01'') + 1'
                         WHEN 'jsonb' THEN 'coalesce(%1$I, ''{}'') || ''{"x": 1}''' WHEN 'uuid' THEN 'gen_random_uuid()'
                         ELSE 'CASE WHEN %1$I IS NULL THEN ''{}''::' || at.type || ' END' END;
    BEGIN
      EXECUTE format('UPDATE %s SET ' || '%I = ' || format(other, at.attname)
                     || ' WHERE ctid = (SELECT ctid FROM %1$s ORDER BY ctid DESC LIMIT 1)', at.name, at.attname);
      GET DIAGNOSTICS changed = ROW_COUNT;
      tampered = tampered + changed;
    EXCEPTION WHEN check_violation OR not_null_violation THEN
      NULL;  -- what the table itself refuses
    END;
  END LOOP;
  RETURN tampered;
END $$;
CREATE TEMP TABLE tampering AS SELECT place, pg_temp.tamper(place) AS tables, pg_temp.again() AS rows
FROM generate_series(3, 30) AS place;
SELECT ok((SELECT sum(tables) > 80 AND bool_and(rows = tables) FROM tampering), 'every change is seen');
SELECT pg_temp.same_results('and put right');
DELETE FROM stress_test_results WHERE ctid = (SELECT max(ctid) FROM stress_test_results);
SELECT is(pg_temp.again(), 1::bigint, 'a row that is missing is written');
SELECT is(pg_temp.again(), 0::bigint, 'and nothing after that');

-- Several dates in one transaction go out together, and what fails is still one engine of one date.
CREATE FUNCTION pg_temp.backfill() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.forget();
  DELETE FROM portfolio_snapshots;
  PERFORM FROM run_daily_batch_with_backfill('2024-07-10');
  RETURN (SELECT status FROM batch_runs ORDER BY run_id DESC LIMIT 1);
END $$;
SELECT pg_temp.backfill() \g /dev/null
CREATE TEMP VIEW figures AS SELECT relation, content - 'analytics_complete' FROM pg_temp.results();
CREATE TEMP TABLE together AS SELECT * FROM figures;
CREATE FUNCTION pg_temp.same_together(name text, apart text) RETURNS text LANGUAGE sql AS $$
  SELECT is((SELECT count(*) FROM (SELECT * FROM figures EXCEPT SELECT * FROM together) d)
            + (SELECT count(*) FROM (SELECT * FROM together EXCEPT SELECT * FROM figures) d
               WHERE (d::text LIKE apart) IS NOT TRUE), 0::bigint, name) $$;
SELECT is((SELECT count(DISTINCT created_at) FROM position_market_betas), 1::bigint, 'two dates are written');
CREATE TEMP TABLE counted AS SELECT job_name, calculation_date, processed, rows_written FROM batch_jobs
WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND job_type = 'engine' AND phase IN ('2', '3');
SELECT pg_temp.forget();
DELETE FROM portfolio_snapshots;
SELECT FROM run_daily_batch('2024-07-09') \g /dev/null
SELECT FROM run_daily_batch('2024-07-10') \g /dev/null
SELECT pg_temp.same_together('two runs of a date each write the same', NULL);
SELECT set_eq($$SELECT job_name, calculation_date, processed, rows_written FROM batch_jobs
                WHERE run_id >= (SELECT max(run_id) - 1 FROM batch_runs) AND job_type = 'engine' AND phase IN ('2', '3')$$,
              'SELECT * FROM counted', 'and count as many rows');
CREATE TRIGGER fire BEFORE INSERT ON position_market_betas FOR EACH ROW EXECUTE FUNCTION pg_temp.fire();
TRUNCATE fired;
SELECT is(pg_temp.backfill(), 'success', 'where one of the tables has a trigger');
SELECT is((SELECT count(*) FROM fired), 4::bigint, 'it fires for each row of the dates');
SELECT pg_temp.same_together('with the same rows', NULL);
DROP TRIGGER fire ON position_market_betas;
ALTER TABLE stress_test_results ADD CONSTRAINT refused CHECK (calculation_date <> '2024-07-09') NOT VALID;
SELECT is(pg_temp.backfill(), 'partial', 'where rows of one date are refused');
SELECT results_eq($$SELECT job_name, calculation_date, sqlstate FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL
                      AND job_type = 'engine'$$,
                  $$VALUES ('stress_tests', '2024-07-09'::date, '23514')$$, 'that engine of that date fails');
SELECT results_eq($$SELECT snapshot_date, bool_and(analytics_complete) FROM portfolio_snapshots GROUP BY 1 ORDER BY 1$$,
                  $$VALUES ('2024-07-09'::date, false), ('2024-07-10', true)$$, 'that date alone is incomplete');
SELECT pg_temp.same_together('and the rest is written', '(stress_test_results,%2024-07-09%');
ALTER TABLE stress_test_results DROP CONSTRAINT refused;
ALTER TABLE portfolio_snapshots ADD CONSTRAINT refused CHECK (snapshot_date <> '2024-07-09' OR hhi IS NULL) NOT VALID;
SELECT is(pg_temp.backfill(), 'partial', 'where what an engine adds to a snapshot is refused');
SELECT results_eq($$SELECT job_name, calculation_date, sqlstate FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL
                      AND job_type = 'engine'$$,
                  $$VALUES ('sector_exposures', '2024-07-09'::date, '23514')$$, 'that engine of that date fails');
SELECT results_eq($$SELECT snapshot_date, bool_and(hhi IS NOT NULL), bool_and(beta IS NOT NULL) FROM portfolio_snapshots
                    GROUP BY 1 ORDER BY 1$$,
                  $$VALUES ('2024-07-09'::date, false, true), ('2024-07-10', true, true)$$, 'and nothing else is missing');
ALTER TABLE portfolio_snapshots DROP CONSTRAINT refused;
ALTER TABLE portfolio_snapshots ADD CONSTRAINT refused CHECK (portfolio_id <> pg_temp.id(2)) NOT VALID;
SELECT is(pg_temp.backfill(), 'partial', 'where the snapshots of a portfolio are refused');
SELECT results_eq($$SELECT portfolio_id, count(*), bool_and(analytics_complete), max(mtd_pnl) - min(mtd_pnl) <> 0
                    FROM portfolio_snapshots GROUP BY 1$$, $$VALUES (pg_temp.id(1), 2::bigint, true, true)$$,
                  'the other one is rolled');
ALTER TABLE portfolio_snapshots DROP CONSTRAINT refused;

-- Documents are those that the server makes of their text, whatever names are in them.
INSERT INTO stress_test_scenarios (scenario_id, name, category, severity, shock_config) VALUES
  ('quoted', E'"All" \\ at once\t', 'custom', 'mild', '{"shocks": {"market": -0.1}}'),
  ('long', repeat('x', 250), 'custom', 'mild', '{"shocks": {"market": -0.1}}'),
  ('foreign', 'Größe – 大', 'custom', 'mild', '{"shocks": {"market": -0.1}}');
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', 'True "Null" Sector')
ON CONFLICT (symbol) DO UPDATE SET sector = excluded.sector;
SELECT pg_temp.again() \g /dev/null
CREATE TEMP TABLE documents AS
SELECT factor_impacts AS document FROM stress_test_results UNION ALL
SELECT calculation_metadata FROM stress_test_results UNION ALL
SELECT top_correlations FROM correlation_calculations UNION ALL
SELECT sector_exposure FROM portfolio_snapshots UNION ALL
SELECT detail FROM batch_jobs UNION ALL
SELECT settings FROM batch_runs;
SELECT is((SELECT count(*) FROM documents AS d, LATERAL (SELECT d.document::text::jsonb) AS s WHERE NOT d *= s), 0::bigint,
          'documents are those that the server makes of their text, byte for byte');
SELECT ok((SELECT count(document) > 100 FROM documents), 'of which there are many');
SELECT set_eq($$SELECT calculation_metadata ->> 'scenario_name' FROM stress_test_results
                WHERE scenario_id IN ('quoted', 'long', 'foreign')$$,
              ARRAY[E'"All" \\ at once\t', repeat('x', 250), 'Größe – 大'], 'names in them are what they were');
SELECT ok(EXISTS (SELECT FROM portfolio_snapshots WHERE sector_exposure ? 'True "Null" Sector'), 'so are keys');

-- Appending needs the right to INSERT, an INSERT that may meet a stored row that to UPDATE as well.
CREATE ROLE appender;
GRANT USAGE ON SCHEMA pb TO appender;
GRANT SELECT ON ALL TABLES IN SCHEMA pb TO appender;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pb TO appender;
GRANT INSERT ON factor_correlations TO appender;
DELETE FROM factor_correlations;
SET LOCAL ROLE appender;
SELECT lives_ok($$SELECT * FROM calc_factor_correlations('2024-07-10')$$, 'a plain table is appended to');
RESET ROLE;
DELETE FROM factor_correlations;
SET LOCAL allow_system_table_mods = on;
INSERT INTO pg_extension SELECT 1, 'citus', extowner, extnamespace, false, '1.0', NULL, NULL FROM pg_extension LIMIT 1;
SET LOCAL ROLE appender;
SELECT throws_ok($$SELECT * FROM calc_factor_correlations('2024-07-10')$$, '42501', NULL,
                 'where rows may belong on another server, by INSERT alone');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
