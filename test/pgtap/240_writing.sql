-- How results reach their tables: by statements, so that triggers, defaults, constraints, partitions and policies hold,
-- whatever the table is, with the same rows; and on a rerun only what has changed.

\ir include/prelude.psql
SELECT plan(88);

SET LOCAL portfolio_batch.beta_window = 60;
SET LOCAL portfolio_batch.beta_min_observations = 40;

INSERT INTO market_data_cache (symbol, date, close)
SELECT s.symbol, d.session_date, 100 * (1 + 0.02 * sin(d.n * s.pace) + 0.01 * sin(d.n * 1.3) + d.n / 1000.0)
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-03-01', '2024-07-11')) AS d,
     (VALUES ('SPY', 1.3), ('AAA', 0.9), ('BBB', 2.1), ('CCC', 0.9005)) AS s (symbol, pace);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-09');
SELECT pg_temp.add_portfolio(2, 100000, '2024-07-09');
SELECT pg_temp.add_lot(1, 11, 'AAA', 200, 100, '2024-07-09');
SELECT pg_temp.add_lot(1, 12, 'CCC', 200, 100, '2024-07-09');
SELECT pg_temp.add_lot(2, 21, 'BBB', 100, 100, '2024-07-09');
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-10') \g /dev/null

-- What a run of an empty date writes, and how to have it written again.
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
SELECT is((SELECT count(*) FROM (SELECT xmax FROM symbol_model_fits UNION ALL SELECT xmax FROM portfolio_holdings UNION ALL
                                 SELECT xmax FROM portfolio_stress_tests) AS r WHERE xmax <> 0), 0::bigint,
          'and locks no row');

-- Where most of the price table is wanted, by its statistics, the rest of it is read along and left out.
INSERT INTO market_data_cache (symbol, date, close)
SELECT s.symbol, m.date, 7 * m.close FROM market_data_cache AS m, (VALUES ('ABA'), ('ZZZ')) AS s (symbol)
WHERE m.symbol = 'AAA';
ANALYZE market_data_cache;
SELECT ok((SELECT reltuples > 0 FROM pg_class WHERE oid = 'market_data_cache'::regclass),
          'the price table has statistics');
SELECT is(pg_temp.again(), 0::bigint, 'prices of symbols that nobody holds change nothing');

-- Tables that somebody has made his own --------------------------------------------------------------------------------

-- Three symbols and four models on two dates; two portfolios on two dates.
CREATE TEMP TABLE fired (table_name text);
CREATE FUNCTION pg_temp.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO fired VALUES (TG_TABLE_NAME); RETURN NEW; END $$;
CREATE TRIGGER fire BEFORE INSERT ON symbol_model_fits FOR EACH ROW EXECUTE FUNCTION pg_temp.fire();
CREATE TRIGGER fire AFTER INSERT ON portfolio_holdings FOR EACH ROW EXECUTE FUNCTION pg_temp.fire();
CREATE TRIGGER fire BEFORE INSERT ON portfolio_stress_tests FOR EACH ROW EXECUTE FUNCTION pg_temp.fire();
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT set_eq('SELECT table_name, count(*) FROM fired GROUP BY 1',
              $$VALUES ('symbol_model_fits', 24::bigint), ('portfolio_holdings', 4), ('portfolio_stress_tests', 4)$$,
              'triggers fire for each row');
SELECT pg_temp.same_results('with the same rows');
TRUNCATE fired;
SELECT is(pg_temp.again(), 0::bigint, 'a rerun writes nothing');
SELECT is_empty('SELECT * FROM fired', 'and fires none');
DROP TRIGGER fire ON symbol_model_fits;
DROP TRIGGER fire ON portfolio_holdings;
DROP TRIGGER fire ON portfolio_stress_tests;
CREATE TRIGGER fire BEFORE DELETE ON portfolio_model_exposures FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.fire();
SELECT pg_temp.forget();
TRUNCATE fired;
SELECT pg_temp.again() \g /dev/null
SELECT is_empty('SELECT * FROM fired', 'nothing is deleted from where nothing is stored');
UPDATE portfolio_model_exposures SET coverage = NULL WHERE model = 'market';
SELECT pg_temp.again() \g /dev/null
SELECT isnt_empty('SELECT * FROM fired', 'but where something is');
DROP TRIGGER fire ON portfolio_model_exposures;

-- What a trigger puts in the place of a value is not what the batch computed, and is corrected on a rerun.
CREATE FUNCTION pg_temp.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.quality_flag = 'ours'; RETURN NEW; END $$;
CREATE TRIGGER meddle BEFORE INSERT ON symbol_model_fits FOR EACH ROW EXECUTE FUNCTION pg_temp.meddle();
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT is((SELECT count(*) FROM symbol_model_fits WHERE quality_flag = 'ours'), 24::bigint, 'a trigger may change a row');
DROP TRIGGER meddle ON symbol_model_fits;
SELECT is(pg_temp.again(), 24::bigint, 'which is put right without it');
SELECT pg_temp.same_results('as it was');
-- A trigger that swallows rows is the user's will.
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON portfolio_stress_tests FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow();
SELECT pg_temp.forget();
SELECT is(pg_temp.again(), (SELECT count(*) - 4 FROM plain WHERE relation NOT IN ('portfolio_snapshots', 'positions', 'portfolios',
                                                                                'tags', 'position_tags')),
          'rows that a trigger swallows are not counted');
SELECT is_empty('SELECT * FROM portfolio_stress_tests', 'nor there');
DROP TRIGGER swallow ON portfolio_stress_tests;
SELECT is(pg_temp.again(), 4::bigint, 'and are written without it');

ALTER TABLE symbol_model_fits ADD COLUMN note text NOT NULL DEFAULT 'none',
  ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid(), ADD COLUMN gone float8;
ALTER TABLE symbol_model_fits DROP COLUMN gone;
ALTER TABLE portfolio_holdings ADD COLUMN gone text, ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY;
ALTER TABLE portfolio_holdings DROP COLUMN gone;
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT results_eq($$SELECT count(*), count(DISTINCT token), min(note), max(note) FROM symbol_model_fits$$,
                  $$VALUES (24::bigint, 24::bigint, 'none', 'none')$$,
                  'columns of the user''s take their defaults, row by row');
SELECT is((SELECT count(DISTINCT number) FROM portfolio_holdings), 4::bigint, 'identities as well');
UPDATE symbol_model_fits SET note = 'read', alpha = alpha + 1 WHERE symbol = 'AAA' AND model = 'market';
SELECT is(pg_temp.again(), 2::bigint, 'when rows are put right');
SELECT is((SELECT count(*) FROM symbol_model_fits WHERE note = 'read'), 2::bigint, 'such columns keep their values');
ALTER TABLE symbol_model_fits DROP COLUMN note, DROP COLUMN token;
ALTER TABLE portfolio_holdings DROP COLUMN number;
SELECT pg_temp.same_results('with the same rows');

ALTER TABLE symbol_model_fits ADD COLUMN market_beta float8 GENERATED ALWAYS AS (betas[1]) STORED;
ALTER TABLE portfolio_holdings ADD COLUMN lots integer GENERATED ALWAYS AS (cardinality(position_ids)) STORED;
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT is((SELECT count(*) FROM symbol_model_fits WHERE market_beta = betas[1] AND model = 'market'), 6::bigint,
          'a generated column is computed');
SELECT is((SELECT sum(lots) FROM portfolio_holdings), 6::bigint, 'from an array as well');
SELECT is(pg_temp.again(), 0::bigint, 'and is no change');
ALTER TABLE symbol_model_fits DROP COLUMN market_beta;
ALTER TABLE portfolio_holdings DROP COLUMN lots;

-- Other types, of columns that no view shows.
CREATE DOMAIN pg_temp.share AS float8 CHECK (VALUE <= 1);
ALTER TABLE symbol_model_fits ALTER COLUMN adj_r_squared TYPE numeric(8, 3), ALTER COLUMN condition_number TYPE text,
  ALTER COLUMN window_start TYPE timestamp, ALTER COLUMN effective_df TYPE real;
ALTER TABLE factor_models ALTER COLUMN short_symbols TYPE varchar(20)[];
ALTER TABLE correlation_calculations ALTER COLUMN concentration_score TYPE pg_temp.share;
SELECT pg_temp.forget();
SELECT pg_temp.again() \g /dev/null
SELECT is((SELECT count(*) FROM symbol_model_fits
           WHERE scale(adj_r_squared) = 3 AND condition_number::float8 >= 1 AND window_start = window_start::date AND model = 'market'),
          6::bigint, 'columns of other types take what can be converted');
SELECT is(pg_temp.again(), 0::bigint, 'which a rerun finds unchanged, digits lost or not');
ALTER TABLE symbol_model_fits ALTER COLUMN adj_r_squared TYPE float8,
  ALTER COLUMN condition_number TYPE float8 USING condition_number::float8, ALTER COLUMN window_start TYPE date,
  ALTER COLUMN effective_df TYPE float8;
ALTER TABLE factor_models ALTER COLUMN short_symbols TYPE text[];
ALTER TABLE correlation_calculations ALTER COLUMN concentration_score TYPE float8;
ALTER TABLE symbol_model_fits ALTER COLUMN max_vif TYPE boolean USING NULL, ALTER COLUMN condition_number TYPE uuid USING NULL;
SELECT pg_temp.forget();
SELECT results_eq($$SELECT status FROM run_daily_batch('2024-07-10', phases => '{3}') WHERE phase = '3'$$,
                  $$VALUES ('partial')$$, 'what cannot be converted is refused');
SELECT results_eq($$SELECT DISTINCT sqlstate FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs)
                    AND job_name = 'market_betas' AND job_type = 'engine'$$, $$VALUES ('22P02')$$, 'by its SQLSTATE');
ALTER TABLE symbol_model_fits ALTER COLUMN max_vif TYPE float8 USING NULL,
  ALTER COLUMN condition_number TYPE float8 USING NULL;
ALTER TABLE factor_models RENAME long_symbols TO symbols;
SELECT results_eq($$SELECT status FROM run_daily_batch('2024-07-10', phases => '{3}') WHERE phase = '3'$$,
                  $$VALUES ('partial')$$, 'so is a table that lacks a column');
SELECT results_eq($$SELECT DISTINCT sqlstate, error_message, error_hint FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND job_name = 'market_betas'
                      AND job_type = 'engine'$$,
                  $$VALUES ('42703', 'column "long_symbols" of pb.factor_models does not exist',
                            'create_analytics_tables(add_missing_columns => true) adds what is missing.')$$,
                  'which the log says, with what helps');
ALTER TABLE factor_models RENAME symbols TO long_symbols;

ALTER TABLE symbol_model_fits ADD CONSTRAINT no_bbb CHECK (symbol <> 'BBB') NOT VALID;
SELECT pg_temp.forget();
SELECT results_eq($$SELECT status FROM run_daily_batch('2024-07-10', phases => '{3}') WHERE phase = '3'$$,
                  $$VALUES ('partial')$$, 'a constraint holds');
SELECT results_eq($$SELECT DISTINCT sqlstate FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs)
                    AND job_name = 'market_betas'$$, $$VALUES ('23514')$$, 'and is named in the log');
SELECT is_empty($$SELECT content FROM pg_temp.results() WHERE content ->> 'calculation_date' = '2024-07-10'
                    AND relation IN ('factor_models', 'symbol_model_fits', 'portfolio_model_exposures')$$,
                'and what it stops leaves no half of itself');
ALTER TABLE symbol_model_fits DROP CONSTRAINT no_bbb;
SELECT pg_temp.again() \g /dev/null
SELECT pg_temp.same_results('without it all is there');

-- What has changed, and only that ----------------------------------------------------------------------------------------

CREATE TEMP TABLE stamps AS
SELECT relation, content - 'run_id' AS content, content ->> 'run_id' AS run_id
FROM pg_temp.contents(false, kinds => '{result}');
UPDATE market_data_cache SET close = close * 1.5 WHERE symbol = 'BBB' AND date = '2024-06-03';
SELECT ok(pg_temp.again() > 0, 'after a correction of a price');
SELECT set_eq($$SELECT relation, coalesce(content ->> 'symbol', right(content ->> 'portfolio_id', 1))
                FROM pg_temp.contents(false, kinds => '{result}') AS c
                WHERE relation <> 'portfolio_snapshots'
                  AND content ->> 'run_id' NOT IN (SELECT run_id FROM stamps AS s WHERE s.relation = c.relation)$$,
              $$VALUES ('symbol_model_fits', 'BBB'), ('symbol_volatility', 'BBB'), ('portfolio_model_exposures', '2'),
                       ('portfolio_stress_tests', '2')$$,
              'rows of that symbol, and of who holds it, alone are written');
UPDATE portfolio_model_exposures SET factors = factors || '{weather}'
 WHERE (portfolio_id, calculation_date, model) = (pg_temp.id(1), '2024-07-10', 'market');
INSERT INTO factor_correlations (calculation_date, factor_1, factor_2) VALUES ('2024-07-10', 'weather', 'weather');
SELECT is(pg_temp.again(), 2::bigint, 'rows that should not be there');
SELECT is_empty($$SELECT FROM pg_temp.contents(kinds => '{result}') WHERE content::text LIKE '%weather%'$$, 'are removed');
-- Rows of symbols belong to everybody: those of a symbol that is not held here may be wanted elsewhere.
INSERT INTO symbol_model_fits (calculation_date, symbol, model) VALUES ('2024-07-10', 'ZZZ', 'market');
INSERT INTO symbol_volatility (calculation_date, symbol) VALUES ('2024-07-10', 'ZZZ');
SELECT is(pg_temp.again(), 0::bigint, 'but not those of a symbol that nobody holds');
DELETE FROM symbol_model_fits WHERE symbol = 'ZZZ';
DELETE FROM symbol_volatility WHERE symbol = 'ZZZ';

-- Whatever somebody changes in one row of each table, column after column, a rerun puts right: a value, an array as a
-- whole, and one element of an array. Under another key a row may belong to an engine that is not run.
SELECT pg_temp.again() \g /dev/null
TRUNCATE plain;
INSERT INTO plain SELECT * FROM pg_temp.results();
-- Another value than one of a type; NULL where there is none.
CREATE FUNCTION pg_temp.other(type text, of_element boolean) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN type LIKE '%[]' AND of_element THEN 'array_prepend('
                   || format(pg_temp.other(rtrim(type, '[]'), false), '%1$s[1]') || ', %1$s[2:])'
              WHEN type LIKE '%[]' THEN 'CASE WHEN %1$s IS NULL THEN ''{}''::' || type || ' END'
              WHEN of_element THEN NULL
              WHEN type = 'double precision' THEN 'coalesce(%1$s, 0) + 0.001'
              WHEN type IN ('integer', 'bigint') THEN 'coalesce(%1$s, 0) + 1'
              WHEN type = 'numeric' THEN 'coalesce(%1$s, 0) + 0.0001'
              WHEN type = 'text' THEN 'coalesce(%1$s, '''') || ''x'''
              WHEN type = 'boolean' THEN '%1$s IS NOT TRUE'
              WHEN type = 'date' THEN 'coalesce(%1$s, ''2024-07-01'') + 1'
              WHEN type = 'jsonb' THEN 'coalesce(%1$s, ''{}'') || ''{"x": 1}'''
              WHEN type = 'uuid' THEN 'gen_random_uuid()' END
$$;
CREATE FUNCTION pg_temp.tamper(place integer, of_element boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  at record; changed bigint; tampered text[] = '{}';
BEGIN
  FOR at IN SELECT c.oid::regclass AS name, a.attname,
                   format(pg_temp.other(a.atttypid::regtype::text, of_element), quote_ident(a.attname)) AS other
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relname IN (SELECT table_name FROM analytics_columns()
                                WHERE column_name IS NULL AND data_type = 'result'
                                  AND table_name NOT IN ('portfolio_snapshots', 'position_greeks'))
              AND c.relnamespace = 'pb'::regnamespace AND a.attnum = place AND NOT a.attisdropped
              AND a.attname NOT IN ('run_id', 'created_at')
              AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND place = ANY (i.indkey))
              AND pg_temp.other(a.atttypid::regtype::text, of_element) IS NOT NULL
  LOOP
    EXECUTE format('UPDATE %1$s SET %2$I = %3$s WHERE ctid = (SELECT ctid FROM %1$s ORDER BY ctid DESC LIMIT 1)', at.name,
                   at.attname, at.other);
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed = 1 THEN
      tampered = tampered || format('%s.%s', at.name, at.attname);
    END IF;
  END LOOP;
  RETURN tampered;
END $$;
CREATE TEMP TABLE tampering AS
SELECT of_element, pg_temp.tamper(place, of_element) AS columns, pg_temp.again() AS rows
FROM generate_series(3, 34) AS place, unnest(ARRAY[false, true]) AS of_element;
SELECT set_eq($$SELECT unnest(columns) FROM tampering WHERE NOT of_element$$,
              $$SELECT d.table_name || '.' || d.column_name FROM analytics_columns() AS t JOIN analytics_columns() AS d USING (table_name)
                WHERE t.column_name IS NULL AND t.data_type = 'result' AND d.column_name NOT IN ('run_id', 'created_at')
                  AND d.table_name NOT IN ('portfolio_snapshots', 'position_greeks')
                  AND d.column_name <> ALL (string_to_array(substring(t.modifiers FROM 'KEY [(](.*)[)]'), ', '))$$,
              'each column of each table is changed');
SELECT set_eq($$SELECT unnest(columns) FROM tampering WHERE of_element$$,
              $$SELECT d.table_name || '.' || d.column_name FROM analytics_columns() AS d JOIN analytics_columns() AS t USING (table_name)
                WHERE t.column_name IS NULL AND t.data_type = 'result' AND d.data_type LIKE '%[]'
                  AND d.table_name <> 'portfolio_snapshots'$$,
              'and an element of each array');
SELECT is_empty('SELECT columns, rows FROM tampering WHERE rows <> cardinality(columns)', 'every change is seen');
SELECT pg_temp.same_results('and put right');

-- The same for a row that is missing.
CREATE FUNCTION pg_temp.delete_one(name text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %1$I WHERE ctid = (SELECT max(ctid) FROM %1$I)', name);
  RETURN pg_temp.again();
END $$;
CREATE TEMP TABLE deleting AS
SELECT table_name, pg_temp.delete_one(table_name) AS rows FROM analytics_columns()
WHERE column_name IS NULL AND data_type = 'result' AND table_name NOT IN ('portfolio_snapshots', 'position_greeks');
SELECT is_empty('SELECT * FROM deleting WHERE rows <> 1', 'a row that is missing is written');
SELECT is((SELECT count(*) FROM deleting), 11::bigint, 'of eleven tables');
SELECT pg_temp.same_results('as it was');
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
               WHERE (d::text ~ apart) IS NOT TRUE), 0::bigint, name) $$;
SELECT results_eq('SELECT count(DISTINCT created_at), count(DISTINCT calculation_date) FROM symbol_model_fits',
                  'VALUES (1::bigint, 2::bigint)', 'two dates are written');
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
CREATE TRIGGER fire BEFORE INSERT ON symbol_model_fits FOR EACH ROW EXECUTE FUNCTION pg_temp.fire();
TRUNCATE fired;
SELECT is(pg_temp.backfill(), 'success', 'where one of the tables has a trigger');
SELECT is((SELECT count(*) FROM fired), 24::bigint, 'it fires for each row of the dates');
SELECT pg_temp.same_together('with the same rows', NULL);
DROP TRIGGER fire ON symbol_model_fits;
ALTER TABLE portfolio_stress_tests ADD CONSTRAINT refused CHECK (calculation_date <> '2024-07-09') NOT VALID;
SELECT is(pg_temp.backfill(), 'partial', 'where rows of one date are refused');
SELECT results_eq($$SELECT job_name, calculation_date, sqlstate FROM batch_jobs
                    WHERE run_id = (SELECT max(run_id) FROM batch_runs) AND sqlstate IS NOT NULL
                      AND job_type = 'engine'$$,
                  $$VALUES ('stress_tests', '2024-07-09'::date, '23514')$$, 'that engine of that date fails');
SELECT results_eq($$SELECT snapshot_date, bool_and(analytics_complete) FROM portfolio_snapshots GROUP BY 1 ORDER BY 1$$,
                  $$VALUES ('2024-07-09'::date, false), ('2024-07-10', true)$$, 'that date alone is incomplete');
SELECT pg_temp.same_together('and the rest is written',
                             '^.(stress_scenario_moves|portfolio_stress_tests),.*2024-07-09');
ALTER TABLE portfolio_stress_tests DROP CONSTRAINT refused;
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
SELECT is(pg_temp.backfill(), 'success', 'and both when they are not');
SELECT pg_temp.same_together('as ever', NULL);

-- Documents are those that the server makes of their text, whatever names are in them.
INSERT INTO stress_test_scenarios (scenario_id, name, category, severity, shock_config) VALUES
  ('quoted', E'"All" \\ at once\t', 'custom', 'mild', '{"shocks": {"market": -0.1}}'),
  ('long', repeat('x', 250), 'custom', 'mild', '{"shocks": {"market": -0.1}}'),
  ('foreign', 'Größe – 大', 'custom', 'mild', '{"shocks": {"market": -0.1}}');
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', 'True "Null" Sector')
ON CONFLICT (symbol) DO UPDATE SET sector = excluded.sector;
SELECT pg_temp.again() \g /dev/null
CREATE TEMP TABLE documents AS
SELECT parameters AS document FROM factor_models UNION ALL
SELECT notes FROM portfolio_stress_tests UNION ALL
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

-- Rights, partitions and policies -----------------------------------------------------------------------------------------

-- An INSERT that may meet a stored row needs the right to UPDATE as well, and to replace rows that to DELETE.
CREATE ROLE writer;
GRANT USAGE ON SCHEMA pb, _portfolio_batch TO writer;
GRANT SELECT ON ALL TABLES IN SCHEMA pb TO writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pb TO writer;
DELETE FROM factor_correlations;
CREATE FUNCTION pg_temp.state_with(rights text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
BEGIN
  EXECUTE format('REVOKE ALL ON pb.factor_correlations FROM writer; GRANT %s ON pb.factor_correlations TO writer', rights);
  SET LOCAL ROLE writer;
  BEGIN
    PERFORM FROM calc_factor_correlations('2024-07-10');
    state = 'done';
  EXCEPTION WHEN OTHERS THEN state = SQLSTATE;
  END;
  RESET ROLE;
  RETURN state;
END $$;
SELECT is(pg_temp.state_with(rights), state, 'with ' || rights || ': ' || state)
FROM (VALUES ('SELECT', '42501'), ('SELECT, INSERT', '42501'), ('SELECT, INSERT, UPDATE', '42501'),
             ('SELECT, INSERT, DELETE', '42501'), ('INSERT, UPDATE, DELETE', '42501'),
             ('SELECT, INSERT, UPDATE, DELETE', 'done')) AS r (rights, state);

-- Rows that a policy hides from who writes are as if they were not there, until they are in the way.
GRANT ALL ON ALL TABLES IN SCHEMA pb TO writer;
ALTER TABLE portfolio_stress_tests ENABLE ROW LEVEL SECURITY;
CREATE POLICY first ON portfolio_stress_tests TO writer USING (portfolio_id = pg_temp.id(1));
UPDATE portfolio_stress_tests SET coverage = 7;
SET LOCAL ROLE writer;
SELECT is((SELECT rows_written FROM calc_stress_tests('2024-07-10', ARRAY[pg_temp.id(1)])), 1::bigint,
          'who sees a portfolio writes its row');
SELECT throws_ok($$SELECT * FROM calc_stress_tests('2024-07-10', ARRAY[pg_temp.id(2)])$$, '42501',
                 'new row violates row-level security policy for table "portfolio_stress_tests"',
                 'who does not is refused');
RESET ROLE;
SELECT results_eq('SELECT portfolio_id, calculation_date FROM portfolio_stress_tests WHERE coverage = 7 ORDER BY 1, 2',
                  $$VALUES (pg_temp.id(1), '2024-07-09'::date), (pg_temp.id(2), '2024-07-09'), (pg_temp.id(2), '2024-07-10')$$,
                  'and no other row is touched');
ALTER TABLE portfolio_stress_tests DISABLE ROW LEVEL SECURITY;
SELECT pg_temp.again() \g /dev/null

-- Partitioned tables, by range, list and hash, with columns in another order.
CREATE TEMP TABLE unpartitioned AS SELECT * FROM pg_temp.results()
WHERE relation <> ALL ('{portfolios,positions,tags,position_tags}');
CREATE SCHEMA parts;
CREATE TABLE parts.symbol_model_fits (LIKE pb.symbol_model_fits INCLUDING ALL) PARTITION BY RANGE (calculation_date);
CREATE TABLE parts.fits_1 PARTITION OF parts.symbol_model_fits FOR VALUES FROM (MINVALUE) TO ('2024-07-10');
CREATE TABLE parts.fits_2 PARTITION OF parts.symbol_model_fits FOR VALUES FROM ('2024-07-10') TO (MAXVALUE);
CREATE TABLE parts.portfolio_holdings (own text DEFAULT 'x', LIKE pb.portfolio_holdings INCLUDING ALL)
  PARTITION BY HASH (portfolio_id);
CREATE TABLE parts.holdings_0 PARTITION OF parts.portfolio_holdings FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts.holdings_1 PARTITION OF parts.portfolio_holdings FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE parts.portfolio_stress_tests (LIKE pb.portfolio_stress_tests INCLUDING ALL) PARTITION BY LIST (portfolio_id);
CREATE TABLE parts.stress_1 (gone text, LIKE pb.portfolio_stress_tests INCLUDING ALL);
ALTER TABLE parts.stress_1 DROP COLUMN gone;
ALTER TABLE parts.portfolio_stress_tests ATTACH PARTITION parts.stress_1
  FOR VALUES IN ('00000000-0000-4000-8000-000000000001');
CREATE TABLE parts.stress_rest PARTITION OF parts.portfolio_stress_tests DEFAULT;
SELECT is((SELECT count(*) FROM create_analytics_tables('parts') WHERE object_name IN ('symbol_model_fits', 'portfolio_holdings',
                                                                     'portfolio_stress_tests') AND action = 'exists'),
          3::bigint, 'partitioned tables are adopted');
INSERT INTO parts.portfolios SELECT * FROM pb.portfolios;
INSERT INTO parts.positions SELECT * FROM pb.positions;
INSERT INTO parts.market_data_cache SELECT * FROM pb.market_data_cache;
INSERT INTO parts.company_profiles SELECT * FROM pb.company_profiles;
INSERT INTO parts.stress_test_scenarios SELECT * FROM pb.stress_test_scenarios ON CONFLICT DO NOTHING;
SET LOCAL search_path = parts, pb, public;
SELECT is((SELECT sum(failed) FROM run_daily_batch_with_backfill('2024-07-10')), 0::numeric, 'and written');
CREATE TEMP VIEW partitioned AS
SELECT relation, content - 'own' FROM pg_temp.results() WHERE relation <> ALL ('{portfolios,positions,tags,position_tags}');
SELECT set_eq('SELECT * FROM partitioned', 'SELECT * FROM unpartitioned', 'with the same results');
SELECT results_eq('SELECT (SELECT count(*) FROM fits_1), (SELECT count(*) FROM fits_2), (SELECT count(*) FROM stress_1), '
                  '(SELECT count(*) FROM stress_rest), (SELECT count(*) FROM portfolio_holdings WHERE own = $$x$$)',
                  'VALUES (12::bigint, 12::bigint, 2::bigint, 2::bigint, 4::bigint)', 'each row in its partition');
SELECT set_eq($$SELECT to_jsonb(v) - 'run_id' FROM position_market_betas AS v$$,
              $$SELECT to_jsonb(v) - 'run_id' FROM pb.position_market_betas AS v$$, 'views show them');
SELECT is(pg_temp.again(), 0::bigint, 'a rerun writes nothing');
UPDATE portfolio_holdings SET quantities = '{1}';
DELETE FROM portfolio_stress_tests WHERE portfolio_id = pg_temp.id(1);
SELECT is(pg_temp.again(), 6::bigint, 'and puts right what is not as it was');
SELECT set_eq('SELECT * FROM partitioned', 'SELECT * FROM unpartitioned', 'row by row');

SELECT * FROM finish();
ROLLBACK;
