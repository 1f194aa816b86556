-- Tenants: portfolios of several owners in the same tables, of whom none sees the others'. Row-level security does it;
-- here are the policies that this takes, which anybody could write by hand.

CREATE FUNCTION _portfolio_batch.tenant_policies(owner_column text, symbols boolean)
RETURNS TABLE (ordinal integer, table_name text, condition text)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH part AS (
    -- An array that depends on no row is found out once for a statement, and the primary keys are searched with it.
    SELECT 'ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles AS r WHERE pg_catalog.pg_has_role(r.oid, ''MEMBER''))'
             AS roles,
           format('ARRAY(SELECT f.id FROM %I.portfolios AS f)', _portfolio_batch.tables_schema()) AS portfolios,
           _portfolio_batch.tables_schema() AS schema_name
  ), relation AS (
    SELECT d.table_name, d.data_type AS kind, min(d.ordinal) AS ordinal,
           EXISTS (SELECT FROM @extschema@.analytics_columns() AS c
                   WHERE c.table_name = d.table_name AND c.column_name = 'portfolio_id') AS of_portfolio,
           EXISTS (SELECT FROM @extschema@.analytics_columns() AS c
                   WHERE c.table_name = d.table_name AND c.column_name = 'symbol') AS of_symbol
    FROM @extschema@.analytics_columns() AS d
    WHERE d.column_name IS NULL AND d.data_type <> 'view'
    GROUP BY d.table_name, d.data_type
  )
  SELECT r.ordinal, r.table_name, c.condition
  FROM relation AS r
  CROSS JOIN part AS p
  CROSS JOIN LATERAL (SELECT
    CASE
      WHEN r.table_name = 'portfolios' THEN format('%I::text = ANY (%s)', owner_column, p.roles)
      -- Runs of other portfolios alone are nobody else's business; counts of a run of all portfolios are everybody's.
      WHEN r.table_name = 'batch_runs' THEN format('portfolio_ids IS NULL OR portfolio_ids <@ %s', p.portfolios)
      WHEN r.table_name = 'batch_jobs' THEN format('portfolio_id IS NULL OR portfolio_id = ANY (%s)', p.portfolios)
      WHEN r.table_name = 'batch_schedule_records' THEN format('owner = ANY (%s)', p.roles)
      WHEN r.table_name = 'tags' THEN format('is_system OR owner = ANY (%s) OR id IN '
                                             '(SELECT l.tag_id FROM %I.position_tags AS l)', p.roles, p.schema_name)
      -- What is collected is what all portfolios hold.
      WHEN r.table_name = 'collections' THEN 'false'
      WHEN r.of_portfolio THEN format('portfolio_id = ANY (%s)', p.portfolios)
      WHEN r.table_name = 'collection_results' OR (symbols AND r.kind = 'result' AND r.of_symbol)
        THEN format('symbol = ANY (ARRAY(SELECT s.symbol FROM %1$I.positions AS p CROSS JOIN LATERAL '
                    '(VALUES (p.symbol), (p.underlying_symbol)) AS s (symbol) WHERE s.symbol IS NOT NULL))',
                    p.schema_name)
    END) AS c (condition)
  WHERE c.condition IS NOT NULL
$$;

COMMENT ON FUNCTION _portfolio_batch.tenant_policies(text, boolean) IS
  'The conditions under which a row of each table is seen and written by a tenant, for the column of portfolios that '
  'holds the name of the role to which a portfolio belongs; with symbols also of the tables of symbols.';

CREATE FUNCTION _portfolio_batch.policy_mark(policy oid, condition text)
RETURNS text
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT 'Made by enable_tenant_security ('
         || md5(concat_ws('|', condition, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
                          p.polcmd, p.polpermissive, p.polroles::text)) || ').'
  FROM pg_policy AS p
  WHERE p.oid = policy
$$;

COMMENT ON FUNCTION _portfolio_batch.policy_mark(oid, text) IS
  'The comment of a policy that enable_tenant_security made from a condition; another one when the policy was altered.';

CREATE FUNCTION _portfolio_batch.enable_tenant_security_as_caller(owner_column text DEFAULT 'owner',
                                                                  symbols boolean DEFAULT NULL)
RETURNS TABLE (table_name text, policy_name text, condition text, action text)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT text := _portfolio_batch.tables_schema();
  own_name      CONSTANT text := 'portfolio_batch_tenant';
  own_mark      CONSTANT text := 'Made by enable_tenant_security%';
  owner_type    text;
  entry         record;
  present       record;
BEGIN
  SELECT format_type(a.atttypid, NULL) INTO owner_type
    FROM pg_attribute AS a
   WHERE a.attrelid = format('%I.portfolios', tables_schema)::regclass AND a.attname = owner_column AND a.attnum > 0
     AND NOT a.attisdropped;
  IF owner_type IS NULL THEN
    RAISE EXCEPTION 'column "%" of %.portfolios does not exist', COALESCE(owner_column, 'NULL'), tables_schema
      USING ERRCODE = 'undefined_column',
            HINT = 'Pass the column that holds the name of the role to which a portfolio belongs.';
  ELSIF owner_type NOT IN ('text', 'character varying', 'name') THEN
    RAISE EXCEPTION 'column "%" of %.portfolios is of type %', owner_column, tables_schema, owner_type
      USING ERRCODE = 'datatype_mismatch', DETAIL = 'The name of a role is text.',
            HINT = 'Pass the column that holds the name of the role to which a portfolio belongs.';
  END IF;

  FOR entry IN
    SELECT t.table_name, format('%I.%I', tables_schema, t.table_name) AS full_name, w.condition
      FROM _portfolio_batch.tenant_policies(owner_column, true) AS t
      LEFT JOIN _portfolio_batch.tenant_policies(owner_column, COALESCE(symbols, false)) AS w USING (table_name)
     -- NULL leaves the tables of symbols as they are.
     WHERE symbols IS NOT NULL OR w.condition IS NOT NULL
     ORDER BY t.ordinal
  LOOP
    SELECT c.relrowsecurity AS enabled, p.oid AS policy, obj_description(p.oid, 'pg_policy') AS mark INTO present
      FROM pg_class AS c
      LEFT JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polname = own_name
     WHERE c.oid = entry.full_name::regclass;
    table_name := entry.table_name;
    policy_name := own_name;
    condition := entry.condition;
    IF present.policy IS NOT NULL AND COALESCE(present.mark, '') NOT LIKE own_mark THEN
      RAISE EXCEPTION 'policy "%" of % was not made by enable_tenant_security', own_name, entry.full_name
        USING ERRCODE = 'duplicate_object',
              HINT = format('ALTER POLICY %I ON %s RENAME TO …; or drop it.', own_name, entry.full_name);
    ELSIF entry.condition IS NULL THEN
      CONTINUE WHEN present.policy IS NULL;
      EXECUTE format('DROP POLICY %I ON %s', own_name, entry.full_name);
      IF NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = entry.full_name::regclass) THEN
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', entry.full_name);
      END IF;
      action := 'removed';
    ELSIF present.enabled AND present.mark = _portfolio_batch.policy_mark(present.policy, entry.condition) THEN
      action := 'exists';
    ELSE
      IF present.policy IS NOT NULL THEN
        EXECUTE format('DROP POLICY %I ON %s', own_name, entry.full_name);
      END IF;
      EXECUTE format('CREATE POLICY %I ON %s USING (%s)', own_name, entry.full_name, entry.condition);
      EXECUTE format('COMMENT ON POLICY %I ON %s IS %L', own_name, entry.full_name, (
                       SELECT _portfolio_batch.policy_mark(p.oid, entry.condition) FROM pg_policy AS p
                        WHERE p.polrelid = entry.full_name::regclass AND p.polname = own_name));
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', entry.full_name);
      action := CASE WHEN present.policy IS NULL THEN 'created' ELSE 'replaced' END;
    END IF;
    RETURN NEXT;

    -- What another policy permits is permitted, whatever this one says.
    RETURN QUERY
      SELECT entry.table_name, p.polname::text, pg_get_expr(p.polqual, p.polrelid), 'other'
        FROM pg_policy AS p
       WHERE p.polrelid = entry.full_name::regclass AND p.polname <> own_name AND p.polpermissive
       ORDER BY p.polname;
  END LOOP;

  -- A view that reads with its owner's rights would show everything.
  FOR entry IN
    SELECT d.table_name, c.oid::regclass AS full_name
      FROM @extschema@.analytics_columns() AS d
      JOIN pg_class AS c ON c.oid = to_regclass(format('%I.%I', tables_schema, d.table_name)) AND c.relkind = 'v'
     WHERE d.column_name IS NULL AND d.data_type = 'view'
       AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) AS o
                       WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)
     ORDER BY d.ordinal
  LOOP
    EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', entry.full_name);
    table_name := entry.table_name;
    policy_name := NULL;
    condition := NULL;
    action := 'security_invoker';
    RETURN NEXT;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.enable_tenant_security_as_caller(text, boolean) IS
  'Row-level security by tenant: enables it on portfolios, on every table whose rows belong to a portfolio, on runs, '
  'jobs, schedules and tags, with a policy portfolio_batch_tenant on each. The owner_column of portfolios holds the '
  'name of a role; a session sees and writes portfolios of the roles of which its own is a member, itself included, '
  'and what belongs to them. Rows of the log without a portfolio carry counts and are seen by all, except collections, '
  'which name symbols and are seen by none, and collection_results, seen of symbols that the portfolios of the session '
  'hold; so the owner of the tables collects for all. symbols: true also '
  'limits the tables of symbols to what the portfolios of the session hold, false removes that again, NULL leaves it '
  'as it is. The owner of the tables, superusers and roles with BYPASSRLS see everything, and run the batch for all. '
  'Can be called again: changes only what is not as it should be, and only policies of its own. Views that do not read '
  'with the rights of whoever asks are made to. Returns a row for each table: created, replaced, exists or removed; '
  'other for a further policy that permits more; security_invoker for a view. Errors: 42703 or 42804 for a column that '
  'is not there or no text, 42710 for a policy of that name which is not its own, 42501 unless the caller owns the '
  'tables, 42P01 when they do not exist.';
