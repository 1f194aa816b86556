-- What of the tables belongs to whom. Whoever uses a table runs what its owner, and whoever else was let, has attached
-- to it: triggers, rules, policies, defaults, checks, domains, expressions of indexes, tables that inherit from it, and
-- what a view reads. So the owner of such a thing has the rights of everybody who uses the table, and is to be somebody
-- who has them anyway: the owner of the tables, whoever can become that role, or a superuser.

CREATE FUNCTION _portfolio_batch.tables_owner(schema_name text, adopter name DEFAULT NULL)
RETURNS name
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH schema AS (
    SELECT n.oid, CASE n.nspowner WHEN 'pg_database_owner'::regrole
                       THEN (SELECT d.datdba FROM pg_database AS d WHERE d.datname = current_database())
                       ELSE n.nspowner END AS owner
    FROM pg_namespace AS n
    WHERE n.nspname = schema_name
  ), found AS (
    SELECT o.rolname, o.rolsuper, o.oid = s.owner AS owns_schema, c.relname = 'portfolios' AS is_first
    FROM schema AS s
    JOIN pg_class AS c ON c.relnamespace = s.oid
    JOIN pg_roles AS o ON o.oid = c.relowner
    WHERE c.relname IN (SELECT d.table_name FROM @extschema@.analytics_columns() AS d WHERE d.column_name IS NULL)
  )
  SELECT CASE WHEN adopter IS NULL THEN (SELECT f.rolname FROM found AS f WHERE f.is_first)
              WHEN NOT COALESCE((SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = adopter), false) THEN adopter
              ELSE COALESCE((SELECT f.rolname FROM found AS f WHERE f.rolsuper AND f.is_first),
                            (SELECT f.rolname FROM found AS f WHERE f.owns_schema ORDER BY f.is_first DESC LIMIT 1),
                            adopter) END
$$;

COMMENT ON FUNCTION _portfolio_batch.tables_owner(text, name) IS
  'The role to which the tables of a schema belong: the owner of portfolios, NULL when it is not there. With adopter, '
  'the role to which they belong once that role has called create_analytics_tables: itself; when it is a superuser and '
  'the tables are of another one or of the owner of the schema, then that one. Reads only the catalogs.';

-- Objects that the server comes with have numbers below 16384, belong to a superuser and are not followed. The plan is
-- large and its tables are small: to compile it would take seconds.
CREATE FUNCTION _portfolio_batch.foreign_objects(schema_name text, adopter name DEFAULT NULL)
RETURNS TABLE (object text, what text, culprit text, remedy text)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
SET jit TO off
AS $$
  WITH RECURSIVE home AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspowner = 'pg_database_owner'::regrole AS is_of_database,
           CASE n.nspowner WHEN 'pg_database_owner'::regrole
                THEN (SELECT d.datdba FROM pg_database AS d WHERE d.datname = current_database())
                ELSE n.nspowner END AS schema_owner,
           t.oid AS tables_owner, t.rolname AS owner_name, t.rolsuper AS owner_is_superuser,
           a.oid AS adopter, a.rolsuper AS adopter_is_superuser
    FROM pg_namespace AS n
    JOIN pg_roles AS t ON t.rolname = (SELECT _portfolio_batch.tables_owner(schema_name, adopter))
    LEFT JOIN pg_roles AS a ON a.rolname = adopter
    WHERE n.nspname = schema_name
  ), trusted AS MATERIALIZED (
    SELECT r.oid FROM home AS h JOIN pg_roles AS r ON pg_has_role(r.oid, h.tables_owner, 'MEMBER')
  ), dictionary AS MATERIALIZED (
    SELECT c.oid
    FROM home AS h
    JOIN pg_class AS c ON c.relnamespace = h.oid
    WHERE c.relname IN (SELECT d.table_name FROM @extschema@.analytics_columns() AS d WHERE d.column_name IS NULL)
  ), reached (oid) AS (
    -- The tables, those that inherit from them, and what their views, rules and policies read or write.
    SELECT d.oid FROM dictionary AS d
    UNION
    SELECT c.oid
    FROM reached AS r
    CROSS JOIN LATERAL (
      SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = r.oid
      UNION ALL
      SELECT d.refobjid
      FROM (SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite AS w WHERE w.ev_class = r.oid
            UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy AS p WHERE p.polrelid = r.oid)
             AS s (classid, objid)
      JOIN pg_depend AS d ON d.classid = s.classid AND d.objid = s.objid AND d.refclassid = 'pg_class'::regclass
    ) AS n (oid)
    JOIN pg_class AS c ON c.oid = n.oid
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  ), relation AS MATERIALIZED (
    SELECT c.oid, c.relkind, c.relowner, c.oid::regclass::text AS name, d.oid IS NOT NULL AS is_ours,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                          ELSE 'table' END AS kind,
           (SELECT min(i.inhparent::regclass::text) FROM pg_inherits AS i WHERE i.inhrelid = c.oid) AS parent,
           c.relispartition
    FROM reached AS r
    JOIN pg_class AS c ON c.oid = r.oid
    LEFT JOIN dictionary AS d ON d.oid = r.oid
  ), attached (relation, classid, objid, what, object, remedy) AS MATERIALIZED (
    SELECT r.oid, 'pg_trigger'::regclass, t.oid, 'trigger', format('%I on %s', t.tgname, r.name),
           format('DROP TRIGGER %I ON %s;', t.tgname, r.name)
    FROM relation AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT r.oid, 'pg_rewrite'::regclass, w.oid, CASE w.rulename WHEN '_RETURN' THEN r.kind ELSE 'rule' END,
           CASE w.rulename WHEN '_RETURN' THEN r.name ELSE format('%I on %s', w.rulename, r.name) END,
           CASE w.rulename WHEN '_RETURN'
                THEN format('DROP %s %s%s;', upper(r.kind), r.name, CASE WHEN r.is_ours THEN '' ELSE ' CASCADE' END)
                ELSE format('DROP RULE %I ON %s;', w.rulename, r.name) END
    FROM relation AS r JOIN pg_rewrite AS w ON w.ev_class = r.oid
    UNION ALL
    SELECT r.oid, 'pg_policy'::regclass, p.oid, 'policy', format('%I on %s', p.polname, r.name),
           format('DROP POLICY %I ON %s;', p.polname, r.name)
    FROM relation AS r JOIN pg_policy AS p ON p.polrelid = r.oid
    UNION ALL
    SELECT r.oid, 'pg_attrdef'::regclass, f.oid, CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated column' END,
           format('%s.%I', r.name, a.attname),
           format('ALTER TABLE %s ALTER COLUMN %I DROP %s;', r.name, a.attname,
                  CASE a.attgenerated WHEN '' THEN 'DEFAULT' ELSE 'EXPRESSION' END)
    FROM relation AS r
    JOIN pg_attrdef AS f ON f.adrelid = r.oid
    JOIN pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
    UNION ALL
    SELECT r.oid, 'pg_constraint'::regclass, k.oid, 'constraint', format('%I on %s', k.conname, r.name),
           format('ALTER TABLE %s DROP CONSTRAINT %I;', r.name, k.conname)
    FROM relation AS r JOIN pg_constraint AS k ON k.conrelid = r.oid
    UNION ALL
    SELECT r.oid, 'pg_class'::regclass, i.indexrelid, 'index', i.indexrelid::regclass::text,
           format('DROP INDEX %s;', i.indexrelid::regclass)
    FROM relation AS r JOIN pg_index AS i ON i.indrelid = r.oid
    UNION ALL
    SELECT r.oid, 'pg_statistic_ext'::regclass, s.oid, 'statistics',
           format('%s.%I', s.stxnamespace::regnamespace, s.stxname),
           format('DROP STATISTICS %s.%I;', s.stxnamespace::regnamespace, s.stxname)
    FROM relation AS r JOIN pg_statistic_ext AS s ON s.stxrelid = r.oid
    UNION ALL
    SELECT r.oid, 'pg_type'::regclass, a.atttypid, 'column', format('%s.%I', r.name, a.attname),
           CASE WHEN r.relkind IN ('v', 'm') THEN format('DROP %s %s;', upper(r.kind), r.name)
                ELSE format('ALTER TABLE %s DROP COLUMN %I;', r.name, a.attname) END
    FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND NOT a.attisdropped AND a.atttypid >= 16384
    UNION ALL
    -- What the table itself depends on: functions of its partition key, the source of a foreign table.
    SELECT r.oid, 'pg_class'::regclass, r.oid, r.kind, r.name, format('DROP %s %s;', upper(r.kind), r.name)
    FROM relation AS r WHERE r.relkind IN ('r', 'p', 'f')
  ), used (relation, what, object, remedy, classid, objid) AS (
    -- From there to the functions: through operators, types and their checks, operator classes, aggregates.
    SELECT a.relation, a.what, a.object, a.remedy, a.classid, a.objid FROM attached AS a
    UNION
    SELECT u.relation, u.what, u.object, u.remedy, n.classid, n.objid
    FROM used AS u
    CROSS JOIN LATERAL (
      SELECT d.refclassid, d.refobjid FROM pg_depend AS d
      WHERE d.classid = u.classid AND d.objid = u.objid AND d.objsubid = 0
        AND (u.classid <> 'pg_proc'::regclass OR EXISTS (SELECT FROM pg_aggregate AS g WHERE g.aggfnoid = u.objid))
        AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_opclass'::regclass,
                             'pg_foreign_server'::regclass, 'pg_foreign_data_wrapper'::regclass)
      UNION ALL
      SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint AS k
      WHERE u.classid = 'pg_type'::regclass AND k.contypid = u.objid
      UNION ALL
      SELECT 'pg_type'::regclass, a.atttypid
      FROM pg_type AS t
      JOIN pg_attribute AS a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE u.classid = 'pg_type'::regclass AND t.oid = u.objid
      UNION ALL
      SELECT f.classid, f.objid
      FROM pg_opclass AS c
      CROSS JOIN LATERAL (SELECT 'pg_proc'::regclass, p.amproc::oid FROM pg_amproc AS p
                          WHERE p.amprocfamily = c.opcfamily
                          UNION ALL
                          SELECT 'pg_operator'::regclass, o.amopopr FROM pg_amop AS o
                          WHERE o.amopfamily = c.opcfamily) AS f (classid, objid)
      WHERE u.classid = 'pg_opclass'::regclass AND c.oid = u.objid
    ) AS n (classid, objid)
    WHERE n.objid >= 16384
  ), owned (relation, what, object, remedy, kind, name, owner) AS (
    SELECT u.relation, u.what, u.object, u.remedy, 'function', p.oid::regprocedure::text, p.proowner
    FROM used AS u JOIN pg_proc AS p ON u.classid = 'pg_proc'::regclass AND p.oid = u.objid
    UNION ALL
    SELECT u.relation, u.what, u.object, u.remedy, 'type', t.oid::regtype::text, t.typowner
    FROM used AS u JOIN pg_type AS t ON u.classid = 'pg_type'::regclass AND t.oid = u.objid
    UNION ALL
    SELECT u.relation, u.what, u.object, u.remedy, 'operator class',
           format('%s.%I', c.opcnamespace::regnamespace, c.opcname), c.opcowner
    FROM used AS u JOIN pg_opclass AS c ON u.classid = 'pg_opclass'::regclass AND c.oid = u.objid
    UNION ALL
    SELECT u.relation, u.what, u.object, u.remedy, 'foreign-data wrapper', quote_ident(w.fdwname), w.fdwowner
    FROM used AS u
    JOIN pg_foreign_data_wrapper AS w ON u.classid = 'pg_foreign_data_wrapper'::regclass AND w.oid = u.objid
  )
  SELECT f.object, f.what, f.culprit, f.remedy
  FROM (
    -- Whoever owns the schema can put other tables in the place of these.
    SELECT 1, h.nspname::text, 'schema', format('belongs to role %I', o.rolname),
           format('ALTER SCHEMA %I OWNER TO %I;', h.nspname, h.owner_name)
    FROM home AS h
    JOIN pg_roles AS o ON o.oid = h.schema_owner
    WHERE CASE WHEN h.adopter IS NULL THEN h.owner_is_superuser AND NOT o.rolsuper
               ELSE NOT h.adopter_is_superuser AND NOT o.rolsuper AND NOT h.is_of_database
                    AND NOT pg_has_role(h.adopter, h.schema_owner, 'MEMBER') END
    UNION ALL
    SELECT 2, r.name, r.kind, format('belongs to role %I', o.rolname),
           CASE WHEN r.is_ours OR r.parent IS NULL
                THEN format('ALTER %s %s OWNER TO %I;', upper(r.kind), r.name, h.owner_name)
                WHEN r.relispartition THEN format('ALTER TABLE %s DETACH PARTITION %s;', r.parent, r.name)
                ELSE format('ALTER TABLE %s NO INHERIT %s;', r.name, r.parent) END
    FROM home AS h
    CROSS JOIN relation AS r
    JOIN pg_roles AS o ON o.oid = r.relowner
    WHERE r.relowner <> h.tables_owner
      AND CASE WHEN r.is_ours THEN NOT o.rolsuper OR (h.adopter IS NOT NULL AND NOT h.adopter_is_superuser)
               ELSE r.relowner NOT IN (SELECT t.oid FROM trusted AS t) END
    UNION ALL
    SELECT 3, format('%I.%I', h.nspname, v.function_name), 'function',
           format('belongs to role %I', o.rolname),
           format('ALTER FUNCTION %s OWNER TO %I;', p.oid::regprocedure, h.owner_name)
    FROM home AS h
    CROSS JOIN _portfolio_batch.view_functions() AS v
    JOIN pg_proc AS p ON p.oid = to_regprocedure(format('%I.%I(%s)', h.nspname, v.function_name, v.argument_types))
    JOIN pg_roles AS o ON o.oid = p.proowner
    WHERE p.proowner <> h.tables_owner
      AND (NOT o.rolsuper OR (h.adopter IS NOT NULL AND NOT h.adopter_is_superuser))
    UNION ALL
    -- One line for each function and thing that uses it, whichever way it is found.
    SELECT DISTINCT 4, w.object, w.what, format('uses %s %s of role %I', w.kind, w.name, o.rolname), w.remedy
    FROM home AS h
    CROSS JOIN owned AS w
    JOIN pg_roles AS o ON o.oid = w.owner
    WHERE w.owner NOT IN (SELECT t.oid FROM trusted AS t)
      AND w.name NOT IN (SELECT to_regprocedure(format('%I.%I(%s)', h.nspname, v.function_name,
                                                       v.argument_types))::text
                         FROM _portfolio_batch.view_functions() AS v
                         WHERE to_regprocedure(format('%I.%I(%s)', h.nspname, v.function_name, v.argument_types))
                               IS NOT NULL)
  ) AS f (place, object, what, culprit, remedy)
  ORDER BY f.place, f.object COLLATE "C", f.culprit COLLATE "C"
$$;

COMMENT ON FUNCTION _portfolio_batch.foreign_objects(text, name) IS
  'What of the tables of a schema is in the hands of somebody who must not have the rights of those who use them: '
  'relations of the data dictionary of another role than the owner of portfolios or a superuser, and triggers, rules, '
  'policies, defaults, constraints, types, indexes, statistics, views, inheriting tables and what those read, that use '
  'functions of a role that cannot become the owner. One row each: the object, what it is, who or what is wrong with '
  'it (culprit), and the statement that helps. With adopter: judged for that role''s call of create_analytics_tables, '
  'the schema included; without, the schema counts when the tables are of a superuser and it is not. '
  'No row when all is well or nothing is there. Reads only the catalogs.';

CREATE FUNCTION _portfolio_batch.is_refused_as_superuser(schema_name text)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT r.rolsuper AND EXISTS (SELECT FROM _portfolio_batch.foreign_objects(schema_name) AS f
                                WHERE f.what <> 'function' AND f.culprit LIKE 'belongs to %'
                                  AND f.remedy LIKE 'ALTER % OWNER TO %')
  FROM pg_roles AS r
  WHERE r.rolname = current_user
$$;

COMMENT ON FUNCTION _portfolio_batch.is_refused_as_superuser(text) IS
  'Whether the caller is a superuser and the tables of a schema, or what they read, have several owners. What a '
  'superuser calls runs as one owner, who cannot read the tables of another one, or is refused.';

CREATE FUNCTION _portfolio_batch.refuse_foreign_objects(schema_name text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  refused record;
BEGIN
  SELECT count(*) AS number, string_agg(format('%s %s: %s', f.what, f.object, f.culprit), E'\n') AS lines,
         (SELECT string_agg(s.remedy, E'\n' ORDER BY s.place)
          FROM (SELECT g.remedy, min(g.place) AS place
                FROM unnest(array_agg(f.remedy)) WITH ORDINALITY AS g (remedy, place) GROUP BY g.remedy) AS s)
           AS remedies
    INTO refused
    FROM _portfolio_batch.foreign_objects(schema_name, current_user) AS f;
  IF refused.number > 0 THEN
    RAISE EXCEPTION 'existing objects of schema "%" cannot be adopted: % of other roles', schema_name, refused.number
      USING ERRCODE = 'insufficient_privilege', DETAIL = refused.lines,
            HINT = format('Whoever uses the tables runs what is attached to them, so all of it must belong to role %s '
                          'or to a superuser. Look at each, then change hands or remove it and call again:%s%s',
                          _portfolio_batch.tables_owner(schema_name, current_user), E'\n', refused.remedies);
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.refuse_foreign_objects(text) IS
  'Raises one error, 42501, that lists what foreign_objects finds for the caller of create_analytics_tables, with the '
  'statements that help. A part of it.';

CREATE FUNCTION _portfolio_batch.refuse_schema_name(schema_name text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  IF octet_length(schema_name) > 63 THEN
    RAISE EXCEPTION 'the name of schema "%" is too long', schema_name
      USING ERRCODE = 'name_too_long',
            DETAIL = format('It has %s bytes; the server keeps 63 of a name.', octet_length(schema_name)),
            HINT = 'Choose a shorter name.';
  END IF;
  IF schema_name ~ '^pg_(temp|toast)(_|$)' OR schema_name IN ('pg_catalog', 'information_schema', '_portfolio_batch')
  THEN
    RAISE EXCEPTION 'the tables cannot be in schema "%"', schema_name
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = CASE WHEN schema_name ~ '^pg_(temp|toast)'
                          THEN 'It is a schema of temporary objects, which end with their session.'
                          WHEN schema_name = '_portfolio_batch'
                          THEN 'It belongs to the extension and goes with it.'
                          ELSE 'It belongs to the server.' END,
            HINT = 'Name another one; it is created when it does not exist.';
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.refuse_schema_name(text) IS
  'Raises 42622 for a name that the server would cut, 22023 for schemas of temporary objects, of the server and of the '
  'extension: the tables cannot be there. A part of create_analytics_tables.';
