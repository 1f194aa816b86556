-- Roles. Every function runs with the rights of its caller: what a role can do is decided by grants on the tables. The
-- functions that write are taken from PUBLIC on top of it, so that a slip of a reader ends before anything is read.

CREATE FUNCTION @extschema@.writing_functions()
RETURNS SETOF regprocedure
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT p.oid::regprocedure
  FROM pg_extension AS e
  JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                     AND d.classid = 'pg_proc'::regclass
  JOIN pg_proc AS p ON p.oid = d.objid
  WHERE e.extname = 'portfolio_batch'
    AND p.proname = ANY (ARRAY[
      'run_daily_batch', 'run_daily_batch_with_backfill', 'daily_batch',
      'begin_batch_run', 'run_batch_session', 'run_batch_block', 'begin_batch_session', 'run_batch_shards',
      'run_batch_shard', 'finish_batch_run', 'cancel_run',
      'schedule_batch', 'unschedule_batch', 'enable_schedule', 'disable_schedule', 'activate_schedule',
      'sync_schedules', 'schedule_default_batches', 'rescan_sessions', 'purge_run_records',
      'calc_market_betas', 'calc_interest_rate_betas', 'calc_factor_betas', 'calc_sector_exposures', 'calc_volatility',
      'calc_correlations', 'calc_factor_correlations', 'calc_stress_tests',
      'create_portfolio_snapshots', 'update_position_values', 'restore_sector_tags',
      'close_position', 'purge_portfolio', 'purge_results', 'delete_run_records',
      'load_sample_data', 'create_analytics_tables', 'grant_analytics_roles'])
  ORDER BY p.proname, p.oid
$$;

COMMENT ON FUNCTION @extschema@.writing_functions() IS
  'Functions and procedures of the extension that write: PUBLIC may not execute them, grant_analytics_roles grants '
  'them to the runner. The one list of their names. Takes no argument and reads only the catalogs.';

-- The one description of what the two roles may do: it is granted from here and checked from here.
CREATE FUNCTION @extschema@.role_privileges(reader name, runner name)
RETURNS TABLE (role_name name, privilege text, object_kind text, object_name text, column_names text, held boolean)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH relation AS (
    SELECT format('%I.%I', @extschema@.analytics_schema(), d.table_name) AS name, d.table_name, d.data_type AS kind
    FROM @extschema@.analytics_columns() AS d
    WHERE d.column_name IS NULL
  ), grantee AS (
    SELECT g.name FROM unnest(ARRAY[reader, runner]) AS g (name) WHERE g.name IS NOT NULL
  )
  SELECT DISTINCT g.name, 'USAGE', 'SCHEMA', s.name::text, NULL, has_schema_privilege(g.name, s.name, 'USAGE')
  FROM grantee AS g
  CROSS JOIN unnest(ARRAY['@extschema@'::regnamespace,
                          quote_ident(@extschema@.analytics_schema())::regnamespace]) AS s (name)
  UNION ALL
  SELECT g.name, 'SELECT', 'TABLE', r.name, NULL, has_table_privilege(g.name, r.name, 'SELECT')
  FROM grantee AS g
  CROSS JOIN relation AS r
  UNION ALL
  SELECT runner, p.name, 'TABLE', r.name, NULL, has_table_privilege(runner, r.name, p.name)
  FROM relation AS r
  CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS p (name)
  WHERE runner IS NOT NULL AND r.kind IN ('result', 'log', 'tag')
  UNION ALL
  -- What the batch writes in tables that belong to the users: nothing but these columns.
  SELECT runner, 'UPDATE', 'TABLE', r.name, string_agg(c.name, ', ' ORDER BY c.position),
         bool_and(has_column_privilege(runner, r.name, c.name, 'UPDATE'))
  FROM relation AS r
  JOIN LATERAL unnest(CASE r.table_name
                        WHEN 'portfolios' THEN ARRAY['equity_balance', 'updated_at']
                        WHEN 'positions'  THEN ARRAY['last_price', 'last_price_date', 'market_value', 'unrealized_pnl',
                                                     'realized_pnl', 'updated_at']
                      END) WITH ORDINALITY AS c (name, position) ON true
  WHERE runner IS NOT NULL
  GROUP BY r.name
  UNION ALL
  SELECT runner, 'EXECUTE', 'ROUTINE', f.name::text, NULL, has_function_privilege(runner, f.name, 'EXECUTE')
  FROM @extschema@.writing_functions() AS f (name)
  WHERE runner IS NOT NULL
$$;

COMMENT ON FUNCTION @extschema@.role_privileges(name, name) IS
  'Privileges that a role which reads the results and a role which runs the batch need, one row each, and whether '
  'the role holds it (held): both use the schemas and read every table and view; the runner also writes result, log '
  'and tag tables and the columns of portfolios and positions that the batch keeps (column_names), and executes the '
  'functions that write. NULL stands for no such role. Errors: 42704 for a role that does not exist, 42P01 when the '
  'tables do not.';

CREATE FUNCTION @extschema@.grant_analytics_roles(reader name, runner name)
RETURNS TABLE (role_name name, object_name text, privilege text)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT text := @extschema@.analytics_schema();
  absent        text;
  entry         record;
BEGIN
  IF reader IS NULL AND runner IS NULL THEN
    RAISE EXCEPTION 'grant_analytics_roles needs the name of a role'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'NULL stands for a role that is not wanted; one of the two is needed.';
  END IF;
  SELECT r.name INTO absent
    FROM unnest(ARRAY[reader, runner]) AS r (name)
   WHERE NOT EXISTS (SELECT FROM pg_roles AS p WHERE p.rolname = r.name) AND r.name IS NOT NULL
   LIMIT 1;
  IF absent IS NOT NULL THEN
    RAISE EXCEPTION 'role "%" does not exist', absent
      USING ERRCODE = 'undefined_object', HINT = format('CREATE ROLE %I NOLOGIN;', absent);
  END IF;
  SELECT d.table_name INTO absent
    FROM @extschema@.analytics_columns() AS d
   WHERE d.column_name IS NULL AND to_regclass(format('%I.%I', tables_schema, d.table_name)) IS NULL
   ORDER BY d.ordinal
   LIMIT 1;
  IF absent IS NOT NULL THEN
    RAISE EXCEPTION 'relation "%.%" does not exist', tables_schema, absent
      USING ERRCODE = 'undefined_table',
            HINT = 'Create the tables with create_analytics_tables(), or name their schema in portfolio_batch.schema.';
  END IF;

  FOR entry IN
    SELECT p.* FROM @extschema@.role_privileges(reader, runner) AS p
  LOOP
    EXECUTE format('GRANT %s %s ON %s %s TO %I', entry.privilege, '(' || entry.column_names || ')', entry.object_kind,
                   entry.object_name, entry.role_name);
  END LOOP;

  -- A grantor who holds a privilege without the right to pass it on only gets a warning from GRANT.
  SELECT p.* INTO entry FROM @extschema@.role_privileges(reader, runner) AS p WHERE NOT p.held LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'cannot grant % on % to role "%"', entry.privilege, entry.object_name, entry.role_name
      USING ERRCODE = 'insufficient_privilege',
            HINT = format('Call grant_analytics_roles as the owner of %s or as a superuser.', entry.object_name);
  END IF;

  RETURN QUERY
    SELECT p.role_name,
           CASE p.scope
             WHEN 1 THEN 'schema ' || string_agg(p.object_name, ', ' ORDER BY p.object_name)
             WHEN 2 THEN format('all %s tables and views of schema %I', count(*), tables_schema)
             WHEN 3 THEN format('%s tables of results, runs and tags', count(DISTINCT p.object_name))
             WHEN 4 THEN format('%s (%s)', p.columns_of, p.column_names)
             WHEN 5 THEN format('%s functions and procedures that write', count(*)) END,
           CASE p.scope WHEN 3 THEN 'INSERT, UPDATE, DELETE' ELSE min(p.privilege) END
      FROM (SELECT r.*, CASE WHEN r.column_names IS NOT NULL THEN r.object_name END AS columns_of,
                   CASE WHEN r.object_kind = 'SCHEMA' THEN 1
                        WHEN r.privilege = 'SELECT' THEN 2
                        WHEN r.object_kind = 'TABLE' AND r.column_names IS NULL THEN 3
                        WHEN r.object_kind = 'TABLE' THEN 4
                        ELSE 5 END AS scope
              FROM @extschema@.role_privileges(reader, runner) AS r) AS p
     GROUP BY p.role_name, p.scope, p.columns_of, p.column_names
     ORDER BY p.role_name = runner, p.scope, p.columns_of;
END
$$;

COMMENT ON FUNCTION @extschema@.grant_analytics_roles(name, name) IS
  'Grants what role_privileges lists to two existing roles: the reader may read every table and view, the runner '
  'may also run the batch. Neither may change portfolios, positions, trades, prices or definitions, so '
  'close_position and loaders need grants of their own. NULL stands for a role that is not wanted. Can be called '
  'again, and has to be after an upgrade. Returns a summary. Errors: 42704 with the name of a role that does not '
  'exist, 42P01 when the tables do not, 42501 when the caller cannot grant.';
