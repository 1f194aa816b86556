-- A NULL in any column of any relation that is read, where no constraint forbids it: each function gives a result or an
-- error that says what is wrong, and never loses its way.

\ir include/prelude.psql
SELECT plan(3);
\ir include/bad_rows.psql
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-07-10') \gset

-- The same rows in relations of plain columns, which somebody made by hand.
CREATE SCHEMA plain;
CREATE FUNCTION pg_temp.copy_plainly() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
  c record;
BEGIN
  FOR t IN SELECT table_name, substring(modifiers FROM 'PRIMARY KEY [(]([^)]*)[)]') AS key
             FROM pb.analytics_columns() WHERE column_name IS NULL AND data_type <> 'view' LOOP
    EXECUTE format('CREATE TABLE plain.%1$I (LIKE pb.%1$I INCLUDING DEFAULTS)', t.table_name);
    FOR c IN SELECT attname FROM pg_attribute
              WHERE attrelid = format('plain.%I', t.table_name)::regclass AND attnum > 0 AND attnotnull LOOP
      EXECUTE format('ALTER TABLE plain.%I ALTER %I DROP NOT NULL', t.table_name, c.attname);
    END LOOP;
    EXECUTE format('INSERT INTO plain.%1$I SELECT * FROM pb.%1$I', t.table_name);
    EXECUTE format('CREATE UNIQUE INDEX ON plain.%I (%s)', t.table_name, t.key);
  END LOOP;
END $$;
SELECT pg_temp.copy_plainly();
ALTER TABLE plain.batch_runs ALTER run_id SET DEFAULT 1000;
ALTER TABLE plain.factor_definitions ALTER id SET DEFAULT 1000;
SELECT is((SELECT count(*) FROM create_analytics_tables('plain') WHERE object_kind = 'table' AND action <> 'exists'),
          0::bigint, 'plain tables are adopted');
SET LOCAL portfolio_batch.schema = 'plain';
SET LOCAL search_path = plain, pb, public;

-- A whole run where an input is emptied, and one over what is stored where a result is; what looks at everything, and
-- reads it by SQL alone, where a key is.
CREATE TEMP TABLE call (statement text, of text);
INSERT INTO call VALUES
  ('SELECT * FROM missing_sessions(''2024-07-10'')', 'all'),
  ('SELECT * FROM market_data_coverage(''2024-07-10'')', 'all'),
  ('SELECT * FROM positions_asof(''2024-07-10'')', 'all'),
  ('SELECT * FROM portfolio_exposures(''2024-07-10'')', 'all'),
  ('SELECT * FROM lineage(pg_temp.id(1), ''2024-07-10'')', 'all'),
  ('SELECT * FROM lineage_diff(pg_temp.id(1), ''2024-07-10'')', 'all'),
  ('SELECT * FROM batch_preflight(''2024-07-10'')', 'key'),
  ('SELECT * FROM batch_audit(''2024-07-10'')', 'key'),
  ('SELECT * FROM market_risk(''2024-07-10'')', 'all'),
  ('SELECT api_portfolio_snapshot(pg_temp.id(1))', 'all'),
  ('SELECT api_portfolio_betas(pg_temp.id(1))', 'all'),
  ('SELECT api_portfolio_factors(pg_temp.id(1))', 'all'),
  ('SELECT api_position(pg_temp.id(11), pg_temp.id(1))', 'all'),
  ('SELECT * FROM run_daily_batch_with_backfill(''2024-07-10'')', 'input'),
  ('SELECT * FROM run_daily_batch(''2024-07-10'')', 'result');

-- Calls all of it with one column emptied, and says what is no answer. A unique index takes any number of NULLs.
CREATE FUNCTION pg_temp.without_values(relation text, name text, kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c record;
  problems text;
BEGIN
  BEGIN
    EXECUTE format('UPDATE plain.%I SET %I = NULL', relation, name);
    -- Statements and estimates of analysts are read by no run.
    FOR c IN SELECT * FROM call
              WHERE of = 'all' OR (of = 'key' AND name ~ '^(id|symbol|date|portfolio_id|run_id|calculation_date)$')
                 OR of = CASE WHEN relation ~ '^(income_statements|balance_sheets|cash_flows|analyst_estimates)$' THEN ''
                              WHEN kind IN ('result', 'log') THEN 'result' ELSE 'input' END LOOP
      BEGIN
        EXECUTE c.statement;
      EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE !~ '^(22|42|55|23|P0001)' THEN
          problems := concat_ws(E'\n', problems, c.statement || ': ' || SQLSTATE || ' ' || SQLERRM);
        END IF;
      END;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'TT001';
  EXCEPTION WHEN SQLSTATE 'TT001' THEN
    RETURN problems;
  END;
END $$;

CREATE TEMP TABLE answer AS
SELECT c.table_name, c.column_name, pg_temp.without_values(c.table_name, c.column_name, t.kind) AS problem
FROM pb.analytics_columns() AS c
JOIN (SELECT table_name, data_type AS kind FROM pb.analytics_columns() WHERE column_name IS NULL) AS t USING (table_name)
WHERE c.column_name NOT LIKE '@%' AND t.kind <> 'view';
SELECT is_empty('SELECT * FROM answer WHERE problem IS NOT NULL', 'a NULL gives a result or a named error, never a crash');
SELECT is((SELECT count(DISTINCT table_name) FROM answer),
          (SELECT count(*) FROM pb.analytics_columns() WHERE column_name IS NULL AND data_type <> 'view'),
          'in every table');

SELECT * FROM finish();
ROLLBACK;
