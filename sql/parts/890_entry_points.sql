-- Where functions are entered. A function of SQL or PL/pgSQL called _as_owner or _as_caller is the body of one in C
-- with the same arguments and result, which has it run under the settings for which it is written instead of the
-- caller's; of the first kind also as the owner of the tables, where the caller is a superuser and the owner is none.
-- So each statement is resolved in known schemas, and no trigger, view, policy or default of the owner gets a
-- superuser's rights. The functions made here are those that are called, also by the bodies of each other.

DO $$
DECLARE
  -- Parts of functions that need the owner of the tables on their own; the other entries are the public functions.
  parts CONSTANT text[] := ARRAY['add_schedules', 'audit_findings', 'delete_run_records', 'delete_schedule',
                                 'finished_sessions', 'preflight_checks', 'record_cancelled', 'run_of_process',
                                 'seed_analytics_tables', 'stored_runs', 'stored_schedules', 'update_schedules'];
  entry record;
BEGIN
  FOR entry IN
    SELECT format('%s.%I', CASE WHEN f.name = ANY (parts) THEN '_portfolio_batch' ELSE $name$@extschema@$name$ END,
                  f.name) AS name,
           p.oid::regprocedure AS body, pg_get_function_arguments(p.oid) AS arguments,
           pg_get_function_identity_arguments(p.oid) AS types, pg_get_function_result(p.oid) AS result,
           CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END AS volatility,
           CASE WHEN p.proisstrict THEN 'STRICT' ELSE 'CALLED ON NULL INPUT' END AS nulls, p.procost AS cost,
           CASE WHEN p.proretset THEN 'ROWS ' || p.prorows END AS rows, 'pb_as_' || f.identity AS symbol,
           obj_description(p.oid, 'pg_proc') AS comment
    FROM pg_proc AS p
    CROSS JOIN LATERAL (SELECT regexp_replace(p.proname, '_as_(owner|caller)$', ''),
                               substring(p.proname FROM '_as_(owner|caller)$')) AS f (name, identity)
    WHERE p.pronamespace = '_portfolio_batch'::regnamespace AND f.identity IS NOT NULL
    ORDER BY p.proname
  LOOP
    EXECUTE format('CREATE FUNCTION %s(%s) RETURNS %s LANGUAGE c %s %s PARALLEL UNSAFE COST %s %s AS %L, %L',
                   entry.name, entry.arguments, entry.result, entry.volatility, entry.nulls, entry.cost, entry.rows,
                   'MODULE_PATHNAME', entry.symbol);
    EXECUTE format('COMMENT ON FUNCTION %s(%s) IS %L', entry.name, entry.types, entry.comment);
    EXECUTE format('COMMENT ON FUNCTION %s IS %L', entry.body,
                   format('What %s does; see there.', entry.name));
  END LOOP;
END
$$;
