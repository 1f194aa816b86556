-- Roles. Every function runs with the rights of its caller: what a role can do is decided by grants on the tables. On
-- top of it PUBLIC may execute only what is cheap whatever its arguments are, so that a role without any grant can
-- neither write nor keep the server busy.

CREATE FUNCTION _portfolio_batch.executing_roles()
RETURNS TABLE (function regprocedure, role_kind text)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH kind (role_kind, names) AS (VALUES
    -- Cheap: no table, or a few rows of it, and no loop whose length an argument decides.
    ('public', ARRAY[
      'analytics_columns', 'analytics_schema', 'batch_settings', 'correlation_p_value', 'cron_next_run', 'is_session',
      'latest_closed_session', 'next_session', 'nyse_calendar', 'nyse_special_closures', 'previous_session',
      'role_privileges', 'sessions_between', 'student_t_p_value',
      -- Parts of functions. Those of create_analytics_tables change what the caller could change without them, so that
      -- who may execute that one needs no further grant.
      'add_missing_columns', 'analytics_columns_batch', 'analytics_columns_collection',
      'analytics_columns_inputs', 'analytics_columns_market',
      'analytics_columns_portfolio_results', 'analytics_columns_reference', 'analytics_columns_symbol_results',
      'analytics_misfits', 'analytics_storage', 'api_age_sessions', 'api_data_quality', 'api_impact',
      'api_portfolio_problem', 'api_unavailable', 'audit_checks', 'audit_checks_batch',
      'audit_checks_correlations', 'audit_checks_duplicates', 'audit_checks_factor_exposures',
      'audit_checks_greeks', 'audit_checks_market_data', 'audit_checks_objects', 'audit_checks_orphans',
      'audit_checks_profiles', 'audit_checks_rate_betas', 'audit_checks_snapshots', 'audit_checks_stress_tests',
      'audit_checks_volatility', 'audit_names', 'audit_query_by_position', 'audit_query_of_runs', 'audit_worst',
      'create_analytics_relation', 'create_view_function', 'cron_due', 'cron_field', 'cron_interval', 'cron_setting',
      'cron_time_zone', 'executing_roles', 'finite_check',
      'foreign_objects', 'has_conversions', 'has_cron', 'html_escape', 'is_refused_as_superuser', 'range_check',
      'refuse_foreign_objects', 'refuse_misfits', 'refuse_schema_name', 'refused_settings', 'report_bar', 'report_cell',
      'report_compact', 'report_date', 'report_factor_name', 'report_line', 'report_lot_table',
      'report_lots', 'report_missing', 'report_model',
      'report_number', 'report_percent', 'report_reason', 'report_scale', 'report_section', 'report_style',
      'report_svg', 'report_text', 'report_tick', 'report_tile', 'report_value', 'require_cron',
      'require_cron_takes', 'require_finite', 'require_lasting_schema', 'run_state', 'schedule_job_name',
      'rounding_of_closing', 'sector_name', 'seed_analytics_tables', 'seed_factor_definitions',
      'seed_market_risk_scenarios', 'seed_provider_priority', 'seed_stress_test_scenarios', 'setting_refusal',
      'split_ratio', 'split_ratios',
      'standard_multiplier', 'tables_owner', 'tables_schema', 'view_functions']),
    -- What writes, and what stops others.
    ('runner', ARRAY[
      'accept_quarantined', 'calc_correlations', 'calc_factor_betas', 'calc_factor_correlations',
      'calc_interest_rate_betas', 'calc_market_betas', 'calc_sector_exposures', 'calc_stress_tests',
      'calc_volatility', 'cancel_run', 'close_position', 'collect_fundamentals', 'collect_market_data',
      'create_analytics_tables', 'create_portfolio_snapshots', 'daily_batch', 'disable_schedule', 'enable_schedule',
      'enable_tenant_security', 'grant_analytics_roles', 'import_prices_csv', 'load_sample_data', 'mark_position',
      'purge_portfolio', 'purge_results', 'purge_run_records', 'register_price_source', 'reject_quarantined',
      'rescan_sessions', 'restore_sector_tags',
      'run_daily_batch', 'run_daily_batch_with_backfill', 'schedule_batch', 'schedule_default_batches',
      'settle_expired_options', 'sync_schedules', 'undo_settlement', 'unregister_price_source', 'unschedule_batch',
      'update_position_values', 'what_if',
      -- Parts of functions.
      'activate_schedule', 'add_schedules', 'collect_for_batch', 'decide_quarantined', 'delete_run_records',
      'delete_schedule', 'enter_trade',
      'finish_batch_run', 'record_cancelled', 'run_batch_shard', 'session_of_run', 'settle_options',
      'update_schedules', 'what_if_apply', 'what_if_run'])
  )
  SELECT p.oid::regprocedure, COALESCE(k.role_kind, 'reader')
  FROM pg_extension AS e
  JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                     AND d.classid = 'pg_proc'::regclass
  JOIN pg_proc AS p ON p.oid = d.objid
  -- A body may be executed by whoever may execute the function that is entered.
  LEFT JOIN kind AS k ON regexp_replace(p.proname, '_as_(owner|caller)$', '') = ANY (k.names)
  WHERE e.extname = 'portfolio_batch'
  ORDER BY p.proname, p.oid
$$;

COMMENT ON FUNCTION _portfolio_batch.executing_roles() IS
  'Who executes each function and procedure of the extension: public, whoever likes; reader, only roles that '
  'grant_analytics_roles makes readers, or runners; runner, only the latter. What is not listed by name is for '
  'readers. Takes no argument and reads only the catalogs.';

-- The one description of what the two roles may do: it is granted from here and checked from here. What a superuser
-- calls runs as the owner of the tables, who therefore may execute whatever can be called.
CREATE FUNCTION _portfolio_batch.role_privileges_as_caller(reader name, runner name)
RETURNS TABLE (role_name name, privilege text, object_kind text, object_name text, column_names text, held boolean)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH relation AS (
    SELECT format('%I.%I', _portfolio_batch.tables_schema(), d.table_name) AS name, d.table_name, d.data_type AS kind
    FROM @extschema@.analytics_columns() AS d
    WHERE d.column_name IS NULL
  ), owner AS (
    SELECT o.rolname AS name
    FROM pg_class AS c
    JOIN pg_roles AS o ON o.oid = c.relowner
    WHERE c.oid = to_regclass(format('%I.portfolios', _portfolio_batch.tables_schema())) AND NOT o.rolsuper
  ), grantee AS (
    SELECT g.name FROM unnest(ARRAY[reader, runner]) AS g (name) WHERE g.name IS NOT NULL
  )
  SELECT DISTINCT g.name, 'USAGE', 'SCHEMA', s.name::text, NULL, has_schema_privilege(g.name, s.name, 'USAGE')
  FROM (SELECT name FROM grantee UNION SELECT name FROM owner) AS g
  CROSS JOIN unnest(ARRAY['@extschema@'::regnamespace,
                          quote_ident(_portfolio_batch.tables_schema())::regnamespace]) AS s (name)
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
  -- What collection writes: it adds and corrects, and deletes nothing. What a price was before it changed stays as it
  -- is. The terms of conversions come from people.
  SELECT runner, p.name, 'TABLE', r.name, NULL, has_table_privilege(runner, r.name, p.name)
  FROM relation AS r
  CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE']) AS p (name)
  WHERE runner IS NOT NULL AND r.kind = 'market' AND r.table_name <> 'corporate_action_legs'
    AND NOT (r.table_name = 'market_data_revisions' AND p.name = 'UPDATE')
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
  SELECT g.name, 'EXECUTE', 'ROUTINE', f.function::text, NULL, has_function_privilege(g.name, f.function, 'EXECUTE')
  FROM (SELECT r.name, 'reader' AS role_kind FROM grantee AS r
        UNION SELECT runner, 'runner' WHERE runner IS NOT NULL
        UNION SELECT o.name, k.kind FROM owner AS o CROSS JOIN (VALUES ('reader'), ('runner')) AS k (kind))
       AS g (name, role_kind)
  JOIN _portfolio_batch.executing_roles() AS f ON f.role_kind = g.role_kind
$$;

COMMENT ON FUNCTION _portfolio_batch.role_privileges_as_caller(name, name) IS
  'Privileges that a role which reads the results and a role which runs the batch need, one row each, and whether '
  'the role holds it (held): both use the schemas, read every table and view and execute the functions that read; the '
  'runner also writes result, log and tag tables and the columns of portfolios and positions that the batch keeps '
  '(column_names), adds to and changes the tables of market data and fundamentals that collections fill, and executes '
  'the functions that write. The owner of the tables, where that is no superuser, '
  'executes all of them, since what a superuser calls runs as the owner. NULL stands for no such role. Errors: 42704 '
  'for a role that does not exist, 42P01 when the tables do not.';

CREATE FUNCTION _portfolio_batch.grant_analytics_roles_as_caller(reader name, runner name)
RETURNS TABLE (role_name name, object_name text, privilege text)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT text := _portfolio_batch.tables_schema();
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
    -- GRANT would raise an error of its own for a function of which the grantor holds nothing.
    WHERE (p.role_name IN (reader, runner) OR NOT p.held)
      AND (p.object_kind <> 'ROUTINE' OR has_function_privilege(p.object_name, 'EXECUTE WITH GRANT OPTION'))
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
             WHEN 3.5 THEN format('%s tables of market data and fundamentals', count(DISTINCT p.object_name))
             WHEN 3.6 THEN min(p.object_name)
             WHEN 5 THEN 'functions and procedures that read' || CASE WHEN bool_or(p.writes) THEN ' and that write'
                                                                      ELSE '' END END,
           CASE p.scope WHEN 3 THEN 'INSERT, UPDATE, DELETE' WHEN 3.5 THEN 'INSERT, UPDATE' ELSE min(p.privilege) END
      FROM (SELECT r.*, w.function IS NOT NULL AS writes,
                   CASE WHEN r.column_names IS NOT NULL THEN r.object_name END AS columns_of,
                   CASE WHEN r.object_kind = 'SCHEMA' THEN 1
                        WHEN r.privilege = 'SELECT' THEN 2
                        WHEN m.table_name = 'market_data_revisions' THEN 3.6
                        WHEN r.object_kind = 'TABLE' AND m.table_name IS NOT NULL THEN 3.5
                        WHEN r.object_kind = 'TABLE' AND r.column_names IS NULL THEN 3
                        WHEN r.object_kind = 'TABLE' THEN 4
                        ELSE 5 END AS scope
              FROM @extschema@.role_privileges(reader, runner) AS r
              LEFT JOIN @extschema@.analytics_columns() AS m
                ON m.column_name IS NULL AND m.data_type = 'market'
               AND r.object_name = format('%I.%I', tables_schema, m.table_name)
              LEFT JOIN _portfolio_batch.executing_roles() AS w
                ON w.role_kind = 'runner' AND w.function::text = r.object_name AND r.object_kind = 'ROUTINE') AS p
     GROUP BY p.role_name, p.scope, p.columns_of, p.column_names
     ORDER BY CASE p.role_name WHEN reader THEN 1 WHEN runner THEN 2 ELSE 3 END, p.scope, p.columns_of;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.grant_analytics_roles_as_caller(name, name) IS
  'Grants what role_privileges lists to two existing roles, and to the owner of the tables what that one lacks: the '
  'reader may read every table and view and execute what reads, the runner may also run the batch and collect. '
  'Neither may '
  'change portfolios, positions, trades or definitions, such as sources of prices, so close_position, mark_position, '
  'what_if, register_price_source and loaders of portfolios need grants of their own. NULL stands for a role that '
  'is not wanted. Can be called again, and has to be after an '
  'upgrade. Returns a summary. Errors: 42704 with the name of a role that does not exist, 42P01 when the tables do '
  'not, 42501 when the caller cannot grant.';
