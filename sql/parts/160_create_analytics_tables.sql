-- Tables from the data dictionary. Portfolios, prices and results are no members of the extension but ordinary tables
-- of whoever calls create_analytics_tables: DROP EXTENSION keeps them, pg_dump carries them, and they can be
-- partitioned, replicated, distributed and protected by row-level security like any other.

CREATE FUNCTION @extschema@.analytics_columns()
RETURNS TABLE (ordinal integer, table_name text, column_name text, data_type text, modifiers text, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT (row_number() OVER (ORDER BY d.part, d.line))::integer,
         d.table_name, d.column_name, d.data_type, d.modifiers, d.comment
  FROM (SELECT 1, i.* FROM _portfolio_batch.analytics_columns_inputs()            WITH ORDINALITY AS i UNION ALL
        SELECT 2, m.* FROM _portfolio_batch.analytics_columns_market()            WITH ORDINALITY AS m UNION ALL
        SELECT 3, c.* FROM _portfolio_batch.analytics_columns_collection()        WITH ORDINALITY AS c UNION ALL
        SELECT 4, r.* FROM _portfolio_batch.analytics_columns_reference()         WITH ORDINALITY AS r UNION ALL
        SELECT 5, s.* FROM _portfolio_batch.analytics_columns_symbol_results()    WITH ORDINALITY AS s UNION ALL
        SELECT 6, p.* FROM _portfolio_batch.analytics_columns_portfolio_results() WITH ORDINALITY AS p UNION ALL
        SELECT 7, b.* FROM _portfolio_batch.analytics_columns_batch()             WITH ORDINALITY AS b)
       AS d (part, table_name, column_name, data_type, modifiers, comment, line);
END;

COMMENT ON FUNCTION @extschema@.analytics_columns() IS
  'The whole data dictionary in the order in which its tables can be created. A row without a column name is the '
  'table itself: data_type is its kind (input: users write it; market: loaders; definition: seeded; tag: users and '
  'the batch; result and log: the batch; view), modifiers its constraints or its query with %1$I for the schema. A '
  'name that begins with @ is an index. Takes no argument and reads no table.';

-- Every number and every day of a table that people or loaders fill is finite: an infinity or a NaN that gets in would
-- spread through sums and regressions without a trace. Engines write NULL and a reason instead, so results need no
-- check.
CREATE FUNCTION _portfolio_batch.finite_check(table_kind text, table_name text, column_name text, data_type text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT format('CONSTRAINT %I CHECK (' || rule.condition || ')', table_name || '_' || column_name || '_finite',
                column_name)
  FROM (VALUES ('double precision', '%2$I > ''-Infinity'' AND %2$I < ''Infinity'''),
               ('numeric%',         '%2$I <> ''NaN'''),  -- with a precision it cannot hold an infinity
               ('date',             'isfinite(%2$I)')) AS rule (type, condition)
  WHERE data_type LIKE rule.type AND table_kind IN ('input', 'market', 'definition')
    -- A range holds nothing that is not finite.
    AND COALESCE(_portfolio_batch.range_check(table_kind, table_name, column_name, data_type), '') NOT LIKE '%BETWEEN%'
$$;

COMMENT ON FUNCTION _portfolio_batch.finite_check(text, text, text, text) IS
  'Column constraint that refuses NaN and infinities, for the kind and name of a table and the name and type of its '
  'column; NULL for kinds that the batch fills and for types that have neither.';

-- How tables are stored, where the server's usual way costs time on every night. It changes no result, so a table that
-- is there already is left as its owner made it.
CREATE FUNCTION _portfolio_batch.analytics_storage()
RETURNS TABLE (table_name text, clause text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  VALUES
    -- Each night gives every open position its price, and every portfolio its equity. With room on its page, a new
    -- version needs no index entries, and little WAL. The first price makes a row a third longer.
    ('positions', 'SET (fillfactor = 30)'),
    ('portfolios', 'SET (fillfactor = 40)'),
    -- Correlations do not compress, and to try takes longer than to write them.
    ('correlation_calculations', 'ALTER COLUMN correlations SET STORAGE EXTERNAL')
$$;

COMMENT ON FUNCTION _portfolio_batch.analytics_storage() IS
  'How create_analytics_tables has new tables stored: a table and a clause of ALTER TABLE for it. Tables that exist '
  'keep what they have. Takes no argument and reads no table.';

CREATE FUNCTION _portfolio_batch.create_analytics_relation(schema_name text, relation_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  relation record;
  columns  text;
  entry    record;
BEGIN
  SELECT d.data_type AS kind, format(d.modifiers, schema_name) AS body, d.comment
    INTO STRICT relation
    FROM @extschema@.analytics_columns() AS d
   WHERE d.table_name = relation_name AND d.column_name IS NULL;

  IF relation.kind = 'view' THEN
    -- A view reads with the rights of whoever asks, so that row-level security of the tables holds through it.
    EXECUTE format('CREATE VIEW %I.%I WITH (security_invoker = true) AS %s', schema_name, relation_name,
                   relation.body);
    EXECUTE format('CREATE TRIGGER read_only INSTEAD OF INSERT OR UPDATE OR DELETE ON %1$I.%2$I FOR EACH ROW '
                   'EXECUTE FUNCTION %1$I.refuse_view_write()', schema_name, relation_name);
  ELSE
    SELECT string_agg(concat_ws(' ', quote_ident(d.column_name), d.data_type, d.modifiers,
                                _portfolio_batch.finite_check(relation.kind, d.table_name, d.column_name, d.data_type),
                                _portfolio_batch.range_check(relation.kind, d.table_name, d.column_name, d.data_type)),
                      ', ' ORDER BY d.ordinal)
      INTO columns
      FROM @extschema@.analytics_columns() AS d
     WHERE d.table_name = relation_name AND d.column_name NOT LIKE '@%';
    EXECUTE format('CREATE TABLE %I.%I (%s, %s)', schema_name, relation_name, columns, relation.body);
    FOR entry IN SELECT s.clause FROM _portfolio_batch.analytics_storage() AS s WHERE s.table_name = relation_name LOOP
      EXECUTE format('ALTER TABLE %I.%I %s', schema_name, relation_name, entry.clause);
    END LOOP;
  END IF;
  EXECUTE format('COMMENT ON %s %I.%I IS %L', CASE relation.kind WHEN 'view' THEN 'VIEW' ELSE 'TABLE' END,
                 schema_name, relation_name, relation.comment);

  FOR entry IN
    SELECT d.column_name AS name, d.column_name LIKE '@%' AS is_index, substr(d.column_name, 2) AS index_name,
           d.data_type, d.modifiers, d.comment
      FROM @extschema@.analytics_columns() AS d
     WHERE d.table_name = relation_name AND d.column_name IS NOT NULL
     ORDER BY d.ordinal
  LOOP
    IF entry.is_index THEN
      EXECUTE format('CREATE %s %I ON %I.%I %s', entry.data_type, entry.index_name, schema_name, relation_name,
                     entry.modifiers);
      EXECUTE format('COMMENT ON INDEX %I.%I IS %L', schema_name, entry.index_name, entry.comment);
    ELSE
      EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', schema_name, relation_name, entry.name, entry.comment);
    END IF;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.create_analytics_relation(text, text) IS
  'Creates one table or view of the data dictionary in a schema, with its constraints, indexes and comments. A part '
  'of create_analytics_tables, with the rights of the caller. Errors: P0002 when the dictionary has no such '
  'relation, 42P07 when it exists already.';

-- Views call functions of the tables' schema rather than the extension's own, because a view that depends on a member
-- of the extension would go with it, or stop DROP EXTENSION. What the body of a PL/pgSQL function calls is not recorded
-- as a dependency, so tables and views outlive the extension, and only a query that asks for p-values needs it.
-- Schedules are those of the schema of the view, whatever schema the session's setting names.
CREATE FUNCTION _portfolio_batch.view_functions()
RETURNS TABLE (function_name text, arguments text, argument_types text, result_type text, properties text,
               is_of_schema boolean, body text, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT v.function_name, v.arguments, v.argument_types, 'double precision', 'STABLE PARALLEL SAFE', false,
         format($body$BEGIN
  IF pg_catalog.to_regproc('@extschema@.%1$s') IS NULL THEN
    RAISE EXCEPTION 'p-values need the extension portfolio_batch, which is no longer installed in schema @extschema@'
      USING ERRCODE = 'undefined_function',
            HINT = 'CREATE EXTENSION portfolio_batch and call create_analytics_tables() again. The other columns of '
                   'the view can be read without it.';
  END IF;
  RETURN @extschema@.%1$s(%2$s);
END$body$, v.target, v.passed), v.comment
  FROM (VALUES
    ('pairwise_p_value', 'correlation double precision, observations integer', 'double precision, integer',
     'correlation_p_value', 'correlation, observations',
     'Two-sided p-value of zero correlation for a correlation of so many observations, as the extension '
     'portfolio_batch computes it; NULL when the correlation is; error 42883 when the extension is gone.'),
    ('estimate_p_value', 't_stat double precision, degrees_of_freedom double precision',
     'double precision, double precision', 'student_t_p_value', 't_stat, degrees_of_freedom',
     'Two-sided p-value of an estimate by its t statistic, as the extension portfolio_batch computes it; NULL when '
     'the statistic is; error 42883 when the extension is gone.'))
    AS v (function_name, arguments, argument_types, target, passed, comment)
  UNION ALL
  SELECT 'schedules_now', '', '',
         'TABLE (schedule_name text, cron_expression text, command text, enabled boolean, owner text, '
         'last_run timestamptz, last_status text, last_message text, next_run timestamptz, job_id bigint)',
         'STABLE ROWS 10', true,
         $body$BEGIN
  -- Who may not look into the schema may not ask for its functions either.
  IF pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('@extschema@'), 'USAGE') THEN
    IF pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('@extschema@.batch_schedules()'), 'EXECUTE') THEN
      RETURN QUERY SELECT b.* FROM @extschema@.batch_schedules() AS b;
    END IF;
  END IF;
END$body$,
         'What batch_schedules() of the extension portfolio_batch says of the schedules of this schema; no row when '
         'the extension is gone or the caller may not execute that function.'
  UNION ALL
  SELECT 'refuse_view_write', '', '', 'trigger', '', false,
         $body$BEGIN
  RAISE EXCEPTION 'cannot % view "%"', CASE TG_OP WHEN 'INSERT' THEN 'insert into' WHEN 'DELETE' THEN 'delete from'
                                                   ELSE 'update' END, TG_TABLE_NAME
    USING ERRCODE = 'object_not_in_prerequisite_state',
          DETAIL = CASE TG_TABLE_NAME WHEN 'batch_job_schedules' THEN 'It shows jobs of pg_cron as they are now.'
                   ELSE 'It shows results that tables of the batch hold in another form.' END,
          HINT = CASE TG_TABLE_NAME WHEN 'batch_job_schedules'
                 THEN 'schedule_batch, unschedule_batch, enable_schedule and disable_schedule change them.'
                 ELSE 'purge_results(before_date) removes results before a date, purge_portfolio(portfolio_id) all of '
                 'a portfolio. Run the batch or an engine again to compute them.' END;
END$body$,
         'Error of INSERT, UPDATE and DELETE on a view of results: names the functions that remove results.'
$$;

COMMENT ON FUNCTION _portfolio_batch.view_functions() IS
  'The functions that create_analytics_tables puts beside the tables, because views call them: name, arguments, their '
  'types, result, properties, whether they work on the tables of their own schema (is_of_schema), body and comment. '
  'Takes no argument and reads no table.';

CREATE FUNCTION _portfolio_batch.create_view_function(schema_name text, name text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  wanted   record;
  present  text;
  settings text[] := '{"search_path=pg_catalog, pg_temp"}';
BEGIN
  SELECT v.* INTO STRICT wanted FROM _portfolio_batch.view_functions() AS v WHERE v.function_name = name;
  IF wanted.is_of_schema THEN
    settings := settings || ('portfolio_batch.schema=' || schema_name);
  END IF;
  SELECT p.prosrc || COALESCE(array_to_string(p.proconfig, ''), '') INTO present
    FROM pg_proc AS p
   WHERE p.oid = to_regprocedure(format('%I.%I(%s)', schema_name, name, wanted.argument_types));
  IF present = wanted.body || array_to_string(settings, '') THEN
    RETURN 'exists';
  END IF;
  EXECUTE format('CREATE OR REPLACE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql %s '
                 'SET search_path TO pg_catalog, pg_temp %s AS %L', schema_name, name, wanted.arguments,
                 wanted.result_type, wanted.properties,
                 CASE WHEN wanted.is_of_schema THEN format('SET portfolio_batch.schema TO %L', schema_name) END,
                 wanted.body);
  EXECUTE format('COMMENT ON FUNCTION %I.%I(%s) IS %L', schema_name, name, wanted.argument_types, wanted.comment);
  RETURN CASE WHEN present IS NULL THEN 'created' ELSE 'replaced' END;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.create_view_function(text, text) IS
  'Creates one of the functions that views call in the schema of the tables, or replaces it when the extension now '
  'lives elsewhere; returns created, replaced or exists. A part of create_analytics_tables, with the rights of the '
  'caller.';

CREATE FUNCTION _portfolio_batch.analytics_misfits(schema_name text)
RETURNS TABLE (ordinal integer, problem text, object_name text, expected text, found text, remedy text,
               addable boolean)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH relation AS (
    -- Foreign tables may stand in for what the batch only reads; they cannot have the unique index its writes need.
    SELECT d.ordinal, d.table_name, d.data_type AS kind, c.oid, c.relkind,
           format('%I.%I', schema_name, d.table_name) AS full_name,
           c.relkind = ANY (CASE WHEN d.data_type = 'view' THEN '{v}'
                                 WHEN d.data_type IN ('market', 'definition') THEN '{r,p,f}'
                                 ELSE '{r,p}' END::"char"[]) AS right_kind,
           d.data_type IN ('definition', 'tag', 'result', 'log') AS written,
           string_to_array(substring(d.modifiers FROM 'PRIMARY KEY [(]([^)]*)[)]'), ', ') AS key
    FROM @extschema@.analytics_columns() AS d
    JOIN pg_class AS c ON c.relname = d.table_name
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = schema_name
    WHERE d.column_name IS NULL
  ), attribute AS (
    SELECT a.attrelid, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull, a.atthasdef OR a.attidentity <> '' AS has_default
    FROM pg_attribute AS a
    WHERE a.attrelid IN (SELECT r.oid FROM relation AS r) AND a.attnum > 0 AND NOT a.attisdropped
  ), described AS (
    SELECT d.ordinal, d.table_name || '.' || d.column_name AS object_name, d.column_name, d.data_type,
           r.kind, r.relkind, r.full_name, r.written, r.key,
           a.name IS NOT NULL AS present, a.type, a.attnotnull, a.has_default,
           concat_ws(' ', d.data_type, d.modifiers,
                     _portfolio_batch.finite_check(r.kind, d.table_name, d.column_name, d.data_type),
                     _portfolio_batch.range_check(r.kind, d.table_name, d.column_name, d.data_type)) AS definition,
           COALESCE(d.modifiers LIKE '%NOT NULL%', false) OR d.column_name = ANY (r.key) AS not_null,
           substring(d.modifiers FROM 'DEFAULT [^ ]+|GENERATED.*') AS default_clause
    FROM relation AS r
    JOIN @extschema@.analytics_columns() AS d ON d.table_name = r.table_name AND d.column_name NOT LIKE '@%'
    LEFT JOIN attribute AS a ON a.attrelid = r.oid AND a.name = d.column_name
    WHERE r.right_kind
  )
  -- Another kind of relation has the name.
  SELECT r.ordinal, 'other kind of relation', r.table_name, CASE r.kind WHEN 'view' THEN 'a view' ELSE 'a table' END,
         CASE r.relkind WHEN 'r' THEN 'a table' WHEN 'p' THEN 'a partitioned table' WHEN 'f' THEN 'a foreign table'
                        WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'S' THEN 'a sequence'
                        WHEN 'c' THEN 'a composite type' ELSE 'an index' END,
         format('ALTER %s %s RENAME TO %I;', CASE r.relkind WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, r.full_name,
                r.table_name || '_old'),
         false
  FROM relation AS r
  WHERE NOT r.right_kind
  UNION ALL
  -- A column is missing or of another type.
  SELECT d.ordinal, CASE WHEN d.present THEN 'other type' ELSE 'missing column' END, d.object_name, d.data_type,
         d.type,
         CASE WHEN d.kind = 'view' THEN format('DROP VIEW %s;', d.full_name)
              WHEN d.present THEN format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %3$s USING %2$I::%3$s;',
                                         d.full_name, d.column_name, d.data_type)
              ELSE format('ALTER TABLE %s ADD COLUMN %I %s;', d.full_name, d.column_name, d.definition) END,
         d.relkind IN ('r', 'p') AND NOT d.present AND d.column_name <> ALL (d.key)
           AND (NOT d.not_null OR d.default_clause IS NOT NULL)
  FROM described AS d
  WHERE d.type IS DISTINCT FROM d.data_type
  UNION ALL
  -- No unique index tells rows apart as the primary key would: ON CONFLICT, with which all writes are made, needs one.
  SELECT r.ordinal, 'no unique index', format('%s (%s)', r.table_name, array_to_string(r.key, ', ')),
         'a unique index', NULL,
         format('CREATE UNIQUE INDEX ON %s (%s);', r.full_name, array_to_string(r.key, ', ')), false
  FROM relation AS r
  WHERE r.right_kind AND r.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM unnest(r.key) AS k WHERE NOT EXISTS
                      (SELECT FROM attribute AS a WHERE a.attrelid = r.oid AND a.name = k))
    AND NOT EXISTS (
      SELECT FROM pg_index AS i
      WHERE i.indrelid = r.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = cardinality(r.key)
        AND NOT EXISTS (SELECT FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
                        JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.attnum
                        WHERE k.position <= i.indnkeyatts AND a.attname <> ALL (r.key)))
  UNION ALL
  -- A NOT NULL would refuse rows of the batch: on a column whose value can be missing, or that a default should fill.
  SELECT d.ordinal, 'not null', d.object_name,
         CASE WHEN d.not_null THEN d.default_clause ELSE 'NULL allowed' END,
         CASE WHEN d.not_null THEN 'no default' ELSE 'NOT NULL' END,
         CASE WHEN d.not_null
              THEN format('ALTER TABLE %s ALTER COLUMN %I %s %s;', d.full_name, d.column_name,
                          CASE WHEN d.default_clause LIKE 'DEFAULT%' THEN 'SET' ELSE 'ADD' END, d.default_clause)
              ELSE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL;', d.full_name, d.column_name) END,
         false
  FROM described AS d
  WHERE d.written AND d.attnotnull AND (NOT d.not_null OR (d.default_clause IS NOT NULL AND NOT d.has_default))
  UNION ALL
  -- The batch knows nothing of further columns, so they must get along without it.
  SELECT r.ordinal, 'not null', r.table_name || '.' || a.name, 'NULL allowed or a default', 'NOT NULL',
         format('ALTER TABLE %s ALTER COLUMN %I %s;', r.full_name, a.name,
                CASE WHEN a.type = 'uuid' THEN 'SET DEFAULT gen_random_uuid()'
                     WHEN a.type IN ('integer', 'bigint') THEN 'ADD GENERATED BY DEFAULT AS IDENTITY'
                     ELSE 'DROP NOT NULL' END),
         false
  FROM relation AS r
  JOIN attribute AS a ON a.attrelid = r.oid
  WHERE r.right_kind AND r.written AND a.attnotnull AND NOT a.has_default
    AND NOT EXISTS (SELECT FROM @extschema@.analytics_columns() AS d
                    WHERE d.table_name = r.table_name AND d.column_name = a.name)
$$;

COMMENT ON FUNCTION _portfolio_batch.analytics_misfits(text) IS
  'Where existing relations of a schema cannot serve as the tables of the data dictionary: another kind of '
  'relation, a column that is missing (found is NULL) or of another type, no unique index on the primary key '
  'columns, or a NOT NULL that would refuse rows of the batch. One row per misfit with the statement that removes '
  'it; addable means that create_analytics_tables can add the column itself. No row when everything fits or nothing '
  'is there yet. Reads only the catalogs.';

CREATE FUNCTION _portfolio_batch.refuse_misfits(schema_name text, add_missing_columns boolean)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  misfits record;
BEGIN
  SELECT count(*) AS number, bool_and(m.problem = 'missing column') AS only_missing,
         count(*) FILTER (WHERE m.addable) AS addable,
         string_agg(format('%s: expected %s, %s', m.object_name, m.expected, COALESCE('found ' || m.found, 'missing')),
                    E'\n' ORDER BY m.ordinal, m.object_name) AS lines,
         string_agg(m.remedy, E'\n' ORDER BY m.ordinal, m.object_name) AS remedies
    INTO misfits
    FROM _portfolio_batch.analytics_misfits(schema_name) AS m
   WHERE NOT (m.addable AND add_missing_columns);

  IF misfits.number > 0 THEN
    RAISE EXCEPTION 'existing tables of schema "%" cannot be adopted: % misfit%', schema_name, misfits.number,
                    CASE misfits.number WHEN 1 THEN '' ELSE 's' END
      USING ERRCODE = CASE WHEN misfits.only_missing THEN 'undefined_column' ELSE 'datatype_mismatch' END,
            DETAIL = misfits.lines,
            HINT = CASE WHEN misfits.addable > 0
                        THEN format('add_missing_columns => true would add %s of them. The statements for all:',
                                    misfits.addable)
                        ELSE 'Change the tables and call again:' END || E'\n' || misfits.remedies;
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.refuse_misfits(text, boolean) IS
  'Raises one error that lists every misfit of the existing tables of a schema, with the statements that remove '
  'them; with add_missing_columns, columns that can be added are no misfits. A part of create_analytics_tables. '
  'Errors: 42703 when columns are missing and nothing else is wrong, 42804 otherwise.';

CREATE FUNCTION _portfolio_batch.add_missing_columns(schema_name text)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT d.table_name, d.column_name, d.comment, m.remedy
      FROM _portfolio_batch.analytics_misfits(schema_name) AS m
      JOIN @extschema@.analytics_columns() AS d ON d.ordinal = m.ordinal
     WHERE m.addable
     ORDER BY d.ordinal
  LOOP
    EXECUTE entry.remedy;
    EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', schema_name, entry.table_name, entry.column_name,
                   entry.comment);
    RETURN NEXT entry.table_name;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.add_missing_columns(text) IS
  'Adds the columns of the data dictionary that adopted tables of a schema lack, as far as they may be NULL or have '
  'a default, and returns the name of the table for each. A part of create_analytics_tables, with the rights of the '
  'caller.';

CREATE FUNCTION _portfolio_batch.seed_factor_definitions()
RETURNS TABLE (name text, model text, factor_type text, long_symbol text, short_symbol text, display_order integer,
               description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  VALUES
    ('market',              'market', 'market', 'SPY',  NULL,   1, 'Broad US equity market'),
    ('value',               'ridge',  'style',  'VTV',  NULL,   2, 'Large value companies'),
    ('growth',              'ridge',  'style',  'VUG',  NULL,   3, 'Large growth companies'),
    ('momentum',            'ridge',  'style',  'MTUM', NULL,   4, 'Companies with rising prices'),
    ('quality',             'ridge',  'style',  'QUAL', NULL,   5, 'Profitable companies with little debt'),
    ('size',                'ridge',  'style',  'IWM',  NULL,   6, 'Small companies'),
    ('low_vol',             'ridge',  'style',  'USMV', NULL,   7, 'Companies with little volatility'),
    ('growth_value_spread', 'spread', 'spread', 'VUG',  'VTV',  8, 'Growth less value'),
    ('momentum_spread',     'spread', 'spread', 'MTUM', 'SPY',  9, 'Momentum less market'),
    ('size_spread',         'spread', 'spread', 'IWM',  'SPY', 10, 'Small companies less market'),
    ('quality_spread',      'spread', 'spread', 'QUAL', 'SPY', 11, 'Quality less market'),
    ('interest_rate',       'rate',   'rate',   'TLT',  NULL,  12, 'Treasury bonds of more than 20 years')
$$;

COMMENT ON FUNCTION _portfolio_batch.seed_factor_definitions() IS
  'The 12 factors that create_analytics_tables seeds, as rows of factor_definitions. Takes no argument.';

-- A shock is a decimal return of its factor; a shock of interest_rate is a decimal change of the yield (0.01: +100 bp).
-- Of a style, basis says what the return is: absolute, that of its fund, or relative, beside the market's part.
-- Rotations are relative. In crashes the losses are those of the funds; a style that gains gains on the market, because
-- no fund of shares gained 20 % while the market lost 45 %. In the crash of 2020 each of these readings is the nearer
-- one to what the funds did (docs/methods.md). Scenarios of rates say that the market stands still: whether shares rise
-- or fall with yields is a matter of the regime, not of the newest months.
CREATE FUNCTION _portfolio_batch.seed_stress_test_scenarios()
RETURNS TABLE (scenario_id text, name text, category text, severity text, active boolean, shock_config text,
               description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  VALUES
    ('market_up_5',                 'Market Rally 5%',              'market',     'base',     true,
     '{"shocks": {"market": 0.05}, "unit": "return"}',
     'The market gains 5 %.'),
    ('market_down_5',               'Market Decline 5%',            'market',     'base',     true,
     '{"shocks": {"market": -0.05}, "unit": "return"}',
     'The market loses 5 %.'),
    ('rates_up_50bp',               'Rates Up 50bp',                'rates',      'base',     true,
     '{"shocks": {"interest_rate": 0.005, "market": 0}}',
     'Yields rise by 50 basis points; the market stands still.'),
    ('rates_down_50bp',             'Rates Down 50bp',              'rates',      'base',     true,
     '{"shocks": {"interest_rate": -0.005, "market": 0}}',
     'Yields fall by 50 basis points; the market stands still.'),
    ('market_up_10',                'Market Rally 10%',             'market',     'moderate', true,
     '{"shocks": {"market": 0.10}, "unit": "return"}',
     'The market gains 10 %.'),
    ('market_down_10',              'Market Decline 10%',           'market',     'moderate', true,
     '{"shocks": {"market": -0.10}, "unit": "return"}',
     'The market loses 10 %.'),
    ('market_crash_35',             'Market Crash 35%',             'market',     'severe',   true,
     '{"shocks": {"market": -0.35}, "unit": "return"}',
     'The market loses 35 %.'),
    ('market_rally_25',             'Market Rally 25%',             'market',     'severe',   true,
     '{"shocks": {"market": 0.25}, "unit": "return"}',
     'The market gains 25 %.'),
    ('rates_up_25bp',               'Rates Up 25bp',                'rates',      'mild',     true,
     '{"shocks": {"interest_rate": 0.0025, "market": 0}}',
     'Yields rise by 25 basis points; the market stands still.'),
    ('rates_down_25bp',             'Rates Down 25bp',              'rates',      'mild',     true,
     '{"shocks": {"interest_rate": -0.0025, "market": 0}}',
     'Yields fall by 25 basis points; the market stands still.'),
    ('rates_up_100bp',              'Rates Up 100bp',               'rates',      'moderate', true,
     '{"shocks": {"interest_rate": 0.01, "market": 0}}',
     'Yields rise by 100 basis points; the market stands still.'),
    ('rates_down_100bp',            'Rates Down 100bp',             'rates',      'moderate', true,
     '{"shocks": {"interest_rate": -0.01, "market": 0}}',
     'Yields fall by 100 basis points; the market stands still.'),
    ('rate_spike_300bp',            'Rate Spike 300bp',             'rates',      'severe',   true,
     '{"shocks": {"interest_rate": 0.03, "market": 0}}',
     'Yields jump by 300 basis points; the market stands still.'),
    ('value_rotation_20',           'Value Rotation 20%',           'rotation',   'moderate', true,
     '{"shocks": {"value": 0.20, "growth": -0.10}, "unit": "return", "basis": "relative"}',
     'Money moves from growth into value companies: moves beside the market.'),
    ('growth_rally_15',             'Growth Rally 15%',             'rotation',   'moderate', true,
     '{"shocks": {"growth": 0.15, "momentum": 0.10}, "unit": "return", "basis": "relative"}',
     'Growth and momentum companies rally together, ahead of the market.'),
    ('small_cap_outperformance_10', 'Small Cap Outperformance 10%', 'rotation',   'mild',     true,
     '{"shocks": {"size": 0.10}, "unit": "return", "basis": "relative"}',
     'Small companies gain 10 % on the market.'),
    ('quality_flight_12',           'Flight to Quality 12%',        'rotation',   'mild',     true,
     '{"shocks": {"quality": 0.12, "market": -0.05}, "unit": "return", "basis": "relative"}',
     'Money moves into quality companies, which gain on the market while it falls.'),
    ('vix_spike_150',               'VIX Spike 150%',               'volatility', 'severe',   true,
     '{"shocks": {"low_vol": -0.25, "market": -0.15}, "unit": "return", "basis": "absolute"}',
     'Implied volatility rises by 150 %; the market falls, and the fund of low volatility by more.'),
    ('liquidity_crisis',            'Liquidity Crisis',             'volatility', 'severe',   true,
     '{"shocks": {"market": -0.20, "low_vol": -0.30, "quality": 0.15, "size": -0.10}, "unit": "return", '
     '"basis": "relative", "basis_of": {"low_vol": "absolute"}}',
     'Liquidity dries up and holders sell what they can; small companies lose against the market, quality gains on '
     'it.'),
    ('financial_crisis_2008',       '2008 Financial Crisis Replay', 'historical', 'extreme',  true, 
     '{"shocks": {"market": -0.45, "value": -0.30, "size": -0.25, "quality": 0.20, "low_vol": -0.35}, '
     '"unit": "return", "basis": "absolute", "basis_of": {"quality": "relative"}, '
     '"window": {"start": "2008-09-15", "end": "2009-03-15"}}',
     'The financial crisis, September 2008 to March 2009.'),
    ('covid_crash_2020',            'COVID-19 Crash Replay',        'historical', 'extreme',  true, 
     '{"shocks": {"market": -0.35, "growth": 0.15, "value": -0.40, "size": -0.30, "quality": 0.10}, '
     '"unit": "return", "basis": "absolute", "basis_of": {"growth": "relative", "quality": "relative"}, '
     '"window": {"start": "2020-02-19", "end": "2020-03-23"}}',
     'The pandemic crash, February and March 2020.'),
    ('dotcom_crash_2000',           'Dot-Com Crash Replay',         'historical', 'extreme',  true, 
     '{"shocks": {"market": -0.45, "growth": -0.60, "value": 0.20, "momentum": -0.50, "quality": 0.15}, '
     '"unit": "return", "basis": "absolute", "basis_of": {"value": "relative", "quality": "relative"}, '
     '"window": {"start": "2000-03-10", "end": "2002-10-09"}}',
     'The end of the dot-com boom, March 2000 to October 2002.')
$$;

COMMENT ON FUNCTION _portfolio_batch.seed_stress_test_scenarios() IS
  'The 22 stress scenarios that create_analytics_tables seeds, as rows of stress_test_scenarios. The three replays '
  'of historical crises play the returns of their window where the price history reaches it; their shocks stand in '
  'where it does not. Takes no argument.';

CREATE FUNCTION _portfolio_batch.seed_market_risk_scenarios()
RETURNS TABLE (scenario_name text, scenario_type text, market_shock double precision, parameters jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT s.name, s.type, CASE s.type WHEN 'market' THEN s.shock END,
         jsonb_build_object('shocks', jsonb_build_object(s.type, s.shock), 'unit', s.unit)
  FROM (VALUES
    ('market_up_5',    'market',         0.05, 'return'),
    ('market_down_5',  'market',        -0.05, 'return'),
    ('market_up_10',   'market',         0.10, 'return'),
    ('market_down_10', 'market',        -0.10, 'return'),
    ('market_up_20',   'market',         0.20, 'return'),
    ('market_down_20', 'market',        -0.20, 'return'),
    ('ir_up_100bp',    'interest_rate',  0.01, 'yield_change'),
    ('ir_down_100bp',  'interest_rate', -0.01, 'yield_change'),
    ('ir_up_200bp',    'interest_rate',  0.02, 'yield_change'),
    ('ir_down_200bp',  'interest_rate', -0.02, 'yield_change')
  ) AS s (name, type, shock, unit)
$$;

COMMENT ON FUNCTION _portfolio_batch.seed_market_risk_scenarios() IS
  'The 10 single moves that create_analytics_tables seeds, as rows of market_risk_scenarios: the market by 5, 10 '
  'and 20 %, yields by 100 and 200 basis points, both ways. Takes no argument.';

CREATE FUNCTION _portfolio_batch.seed_provider_priority()
RETURNS TABLE (kind text, provider text, priority integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  VALUES ('prices', 'yahoo', 20), ('prices', 'fmp', 30), ('prices', 'polygon', 40), ('prices', 'tiingo', 50),
         ('options', 'polygon', 20), ('options', 'yahoo', 30),
         ('corporate_actions', 'yahoo', 20), ('corporate_actions', 'fmp', 30), ('corporate_actions', 'polygon', 40),
         ('corporate_actions', 'tiingo', 50),
         ('yields', 'fred', 20), ('yields', 'treasury', 30),
         ('profiles', 'yahoo', 20), ('profiles', 'fmp', 30), ('profiles', 'polygon', 40),
         ('statements', 'edgar', 20), ('statements', 'yahoo', 30), ('statements', 'fmp', 40),
         ('statements', 'polygon', 50),
         ('estimates', 'yahoo', 20), ('estimates', 'fmp', 30),
         ('earnings_dates', 'yahoo', 20), ('earnings_dates', 'fmp', 30)
$$;

COMMENT ON FUNCTION _portfolio_batch.seed_provider_priority() IS
  'The order of providers by kind of data that create_analytics_tables seeds, switched off. Tables of one''s own come '
  'before them, unless registered otherwise. Takes no argument.';

-- Rows that are there already are left out before the insert: ON CONFLICT alone would use up identity values each time.
CREATE FUNCTION _portfolio_batch.seed_analytics_tables_as_owner(schema_name text)
RETURNS TABLE (table_name text, rows_added bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  table_name := 'factor_definitions';
  EXECUTE format($seed$
    INSERT INTO %1$I.factor_definitions
      (name, model, factor_type, long_symbol, short_symbol, display_order, description)
    SELECT s.*
    FROM _portfolio_batch.seed_factor_definitions() AS s
    WHERE NOT EXISTS (SELECT FROM %1$I.factor_definitions AS f WHERE (f.name, f.model) = (s.name, s.model))
    ON CONFLICT DO NOTHING $seed$, schema_name);
  GET DIAGNOSTICS rows_added = ROW_COUNT;
  RETURN NEXT;

  table_name := 'stress_test_scenarios';
  EXECUTE format($seed$
    INSERT INTO %1$I.stress_test_scenarios
      (scenario_id, name, category, severity, active, shock_config, description)
    SELECT s.scenario_id, s.name, s.category, s.severity, s.active, s.shock_config::jsonb, s.description
    FROM _portfolio_batch.seed_stress_test_scenarios() AS s
    WHERE NOT EXISTS (SELECT FROM %1$I.stress_test_scenarios AS t WHERE t.scenario_id = s.scenario_id)
    ON CONFLICT DO NOTHING $seed$, schema_name);
  GET DIAGNOSTICS rows_added = ROW_COUNT;
  RETURN NEXT;

  table_name := 'market_risk_scenarios';
  EXECUTE format($seed$
    INSERT INTO %1$I.market_risk_scenarios (scenario_name, scenario_type, market_shock, parameters)
    SELECT s.*
    FROM _portfolio_batch.seed_market_risk_scenarios() AS s
    WHERE NOT EXISTS (SELECT FROM %1$I.market_risk_scenarios AS m WHERE m.scenario_name = s.scenario_name)
    ON CONFLICT DO NOTHING $seed$, schema_name);
  GET DIAGNOSTICS rows_added = ROW_COUNT;
  RETURN NEXT;

  table_name := 'provider_priority';
  EXECUTE format($seed$
    INSERT INTO %1$I.provider_priority (kind, provider, priority)
    SELECT s.*
    FROM _portfolio_batch.seed_provider_priority() AS s
    WHERE NOT EXISTS (SELECT FROM %1$I.provider_priority AS p WHERE (p.kind, p.provider) = (s.kind, s.provider))
    ON CONFLICT DO NOTHING $seed$, schema_name);
  GET DIAGNOSTICS rows_added = ROW_COUNT;
  RETURN NEXT;

  table_name := 'trading_calendar';
  EXECUTE format($seed$
    INSERT INTO %1$I.trading_calendar (calendar, session_date, open_at, close_at, is_early_close)
    SELECT 'NYSE', s.session_date, s.open_at, s.close_at, s.is_early_close
    FROM @extschema@.nyse_calendar('1990-01-01', '2035-12-31') AS s
    WHERE NOT EXISTS (SELECT FROM %1$I.trading_calendar AS c
                      WHERE c.calendar = 'NYSE' AND c.session_date = s.session_date)
    ON CONFLICT DO NOTHING $seed$, schema_name);
  GET DIAGNOSTICS rows_added = ROW_COUNT;
  RETURN NEXT;

  table_name := 'trading_calendar_exceptions';
  EXECUTE format($seed$
    INSERT INTO %1$I.trading_calendar_exceptions (calendar, exception_date, is_open, close_time, reason)
    SELECT 'NYSE', s.exception_date, s.is_open, s.close_time, s.reason
    FROM @extschema@.nyse_special_closures() AS s
    WHERE NOT EXISTS (SELECT FROM %1$I.trading_calendar_exceptions AS e
                      WHERE e.calendar = 'NYSE' AND e.exception_date = s.exception_date)
    ON CONFLICT DO NOTHING $seed$, schema_name);
  GET DIAGNOSTICS rows_added = ROW_COUNT;
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.seed_analytics_tables_as_owner(text) IS
  'Adds the definitions that are missing from the tables of a schema: 12 factors, 22 stress scenarios (19 active), '
  '10 market risk scenarios, and the sessions and exceptions of the NYSE from 1990 to 2035. Rows that are there '
  'stay as they are; a definition that is not wanted is switched off (is_active, active) rather than deleted, '
  'because a deleted one comes back. Returns the rows added by table. A part of create_analytics_tables.';

CREATE FUNCTION _portfolio_batch.create_analytics_tables_as_caller(schema_name text DEFAULT NULL,
                                                                   add_missing_columns boolean DEFAULT false)
RETURNS TABLE (object_name text, object_kind text, action text, rows_added bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  target  CONSTANT text := COALESCE(schema_name, _portfolio_batch.tables_schema());
  owner   name;           -- of what is created
  actions jsonb := '{}';  -- table or view -> created or altered
  seeded  jsonb;          -- table -> rows added
  missing record;
BEGIN
  PERFORM _portfolio_batch.refuse_schema_name(target);
  -- Two sessions that install at once would both find the tables missing.
  PERFORM pg_advisory_xact_lock(hashtextextended('portfolio_batch.create_analytics_tables ' || target, 0));
  PERFORM _portfolio_batch.refuse_foreign_objects(target);
  PERFORM _portfolio_batch.refuse_misfits(target, add_missing_columns);
  owner := _portfolio_batch.tables_owner(target, current_user);

  object_name := target;
  object_kind := 'schema';
  action := 'exists';
  rows_added := 0;
  IF to_regnamespace(quote_ident(target)) IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', target);
    action := 'created';
  END IF;
  RETURN NEXT;

  FOR missing IN SELECT v.function_name AS name, v.argument_types FROM _portfolio_batch.view_functions() AS v LOOP
    object_name := missing.name;
    object_kind := 'function';
    action := _portfolio_batch.create_view_function(target, missing.name);
    IF action = 'created' AND owner <> current_user THEN
      EXECUTE format('ALTER FUNCTION %I.%I(%s) OWNER TO %I', target, missing.name, missing.argument_types, owner);
    END IF;
    RETURN NEXT;
  END LOOP;

  IF add_missing_columns THEN
    SELECT COALESCE(jsonb_object_agg(t.name, 'altered'), '{}') INTO actions
      FROM (SELECT DISTINCT a AS name FROM _portfolio_batch.add_missing_columns(target) AS a) AS t;
  END IF;
  FOR missing IN
    SELECT d.table_name AS name, d.data_type = 'view' AS is_view
      FROM @extschema@.analytics_columns() AS d
     WHERE d.column_name IS NULL AND to_regclass(format('%I.%I', target, d.table_name)) IS NULL
     ORDER BY d.data_type = 'view', d.ordinal
  LOOP
    PERFORM _portfolio_batch.create_analytics_relation(target, missing.name);
    -- A superuser who completes the tables of a schema's owner does it for him: they keep one owner.
    IF owner <> current_user THEN
      EXECUTE format('ALTER %s %I.%I OWNER TO %I', CASE WHEN missing.is_view THEN 'VIEW' ELSE 'TABLE' END, target,
                     missing.name, owner);
    END IF;
    actions := actions || jsonb_build_object(missing.name, 'created');
  END LOOP;
  -- Once more, since whoever may create in the schema could have been faster.
  PERFORM _portfolio_batch.refuse_foreign_objects(target);

  -- From here on the tables are where the session looks for them. What they are seeded with is written as their owner.
  IF target <> _portfolio_batch.tables_schema() THEN
    PERFORM set_config('portfolio_batch.schema', target, false);
    RAISE NOTICE 'portfolio_batch.schema is now "%" in this session', target
      USING HINT = format('To make it last: ALTER DATABASE %I SET portfolio_batch.schema = %L;', current_database(),
                          target);
  END IF;
  SELECT jsonb_object_agg(s.table_name, s.rows_added) INTO seeded
    FROM _portfolio_batch.seed_analytics_tables(target) AS s;
  RETURN QUERY
    SELECT d.table_name, CASE d.data_type WHEN 'view' THEN 'view' ELSE 'table' END,
           COALESCE(actions ->> d.table_name, 'exists'), COALESCE((seeded ->> d.table_name)::bigint, 0)
      FROM @extschema@.analytics_columns() AS d
     WHERE d.column_name IS NULL
     ORDER BY d.ordinal;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.create_analytics_tables_as_caller(text, boolean) IS
  'Creates the tables and views of the batch in a schema (NULL: the one that portfolio_batch.schema names, else the '
  'extension''s own; created when missing), owned by the caller, with comments and seeded definitions. Tables that '
  'exist are adopted when every column of the data dictionary is there with its type and the primary key columns '
  'have a unique index; further columns are fine when they can be left out. add_missing_columns adds columns that '
  'are missing and may be NULL or have a default. Can be called again: what exists is left alone, also rows and '
  'views that somebody changed. When the schema is not the current one, portfolio_batch.schema is set for the '
  'session. What exists is adopted only from the caller himself, by a superuser also from another one or the owner '
  'of the schema, for whom he then creates the rest; and when nothing on it runs a function of a role that has not '
  'the owner''s rights anyway. Returns one row per object: created, altered, replaced or exists, and the definitions '
  'added. Errors: 42501 with every object of other roles and the statements that help, and without the right to '
  'create; 42703 or 42804 with every misfit and its remedy when tables cannot be adopted; 42622 and 22023 for a schema '
  'whose name is too long or that is temporary or the server''s.';
