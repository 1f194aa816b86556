-- What somebody who may create in a schema of the search_path could put in the way: functions, operators, types and
-- relations that are found before those of pg_catalog and of the extension, or fit better. Each tells when it runs, as a
-- warning that begins with "hostile". To be run by a superuser; the objects belong to the role mallory.
--   words: file of the identifiers of the sources, one a line
--   own: file of the extension's functions: kind (also RELATION), name, arguments, separated by tabs

SET client_min_messages = error;
SET search_path = pg_catalog;
SET check_function_bodies = off;
CREATE SCHEMA hostile;
CREATE TABLE hostile.words (word name PRIMARY KEY);
CREATE TABLE hostile.own (kind text, name text, arguments text);
\set copy '\\copy hostile.words FROM ' :'words'
:copy
\set copy '\\copy hostile.own FROM ' :'own'
:copy
GRANT USAGE ON SCHEMA hostile TO mallory;
GRANT SELECT ON ALL TABLES IN SCHEMA hostile TO mallory;
CREATE SCHEMA front AUTHORIZATION mallory;
GRANT CREATE ON SCHEMA public TO mallory;
GRANT USAGE ON SCHEMA front TO PUBLIC;

SET SESSION AUTHORIZATION mallory;

CREATE FUNCTION front.hostile_spy(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING 'hostile % ran as %', what, current_user;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION front.hostile_spy TO PUBLIC;

-- Creates it in both schemas; what the server does not let a plain role create is left out.
CREATE FUNCTION front.hostile_create(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  schema text;
BEGIN
  FOREACH schema IN ARRAY '{front,public}'::text[] LOOP
    BEGIN
      EXECUTE replace(statement, '<schema>', schema);
    EXCEPTION WHEN duplicate_function OR duplicate_object OR duplicate_table OR invalid_function_definition
                OR feature_not_supported OR undefined_function OR datatype_mismatch OR wrong_object_type
                OR invalid_table_definition THEN NULL;
    END;
  END LOOP;
END $$;

CREATE FUNCTION front.hostile_function(kind text, name text, arguments text, result text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM front.hostile_create(
    format('CREATE %s <schema>.%I(%s) %s LANGUAGE plpgsql AS %L', kind, name, arguments,
           CASE kind WHEN 'FUNCTION' THEN 'RETURNS ' || result ELSE '' END,
           format('BEGIN RAISE WARNING %L, current_user; %s END',
                  'hostile <schema>.' || replace(name || '(' || arguments || ')', '%', '%%') || ' ran as %',
                  CASE WHEN result IN ('void', '') OR result LIKE 'SETOF %' THEN 'RETURN;' ELSE 'RETURN NULL;' END)));
END $$;

CREATE TABLE front.hostile_types AS
SELECT t.oid AS type, format_type(t.oid, NULL) AS name
FROM unnest('{text,uuid,date,int2,int4,int8,numeric,float8,timestamptz,timestamp,interval,jsonb,bool,name,regclass,oid,
              "char",bytea}'::regtype[]) AS t (oid);

-- Functions of pg_catalog whose names the sources use, with the same arguments.
SELECT count(front.hostile_function('FUNCTION', f.proname, f.arguments, f.result)) AS functions
FROM (SELECT DISTINCT p.proname, p.arguments, p.result
      FROM (SELECT p.proname, (CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END) || format_type(p.prorettype, NULL) AS result,
                   COALESCE((SELECT string_agg(CASE WHEN p.provariadic <> 0 AND a.place = p.pronargs THEN 'VARIADIC ' ELSE '' END
                                               || CASE WHEN p.proargmodes IS NULL AND p.proargnames[a.place] <> ''
                                                       THEN quote_ident(p.proargnames[a.place]) || ' ' ELSE '' END
                                               || format_type(a.type, NULL)
                                               || CASE WHEN a.place > p.pronargs - p.pronargdefaults THEN ' DEFAULT NULL'
                                                       ELSE '' END, ', ' ORDER BY a.place)
                             FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)), '') AS arguments
            FROM pg_proc AS p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind <> 'p'
              AND p.proname IN (SELECT w.word FROM hostile.words AS w)) AS p
      -- What takes anything, with particular types.
      UNION
      SELECT p.proname, a.arguments, 'text'
      FROM pg_proc AS p
      CROSS JOIN front.hostile_types AS t
      CROSS JOIN LATERAL (VALUES (t.name), (t.name || ', ' || t.name), ('text, ' || t.name), (t.name || ', text'),
                                 ('text, ' || t.name || ', ' || t.name)) AS a (arguments)
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (SELECT w.word FROM hostile.words AS w)
        AND p.proargtypes::oid[] && '{"\"any\"",anyelement,anycompatible,anynonarray}'::regtype[]::oid[]) AS f;

-- The extension's own.
SELECT count(front.hostile_function(o.kind, o.name, o.arguments, CASE o.kind WHEN 'FUNCTION' THEN 'text' ELSE '' END))
  AS own_functions
FROM hostile.own AS o WHERE o.kind <> 'RELATION';

-- Every operator of pg_catalog, and those with the same names for pairs of types for which pg_catalog has none.
SELECT count(front.hostile_function('FUNCTION', 'hostile_' || o.place, concat_ws(', ', o.left_type, o.right_type), o.result))
         AS operator_functions,
       count(front.hostile_create(format('CREATE OPERATOR <schema>.%s (FUNCTION = <schema>.hostile_%s%s, RIGHTARG = %s)',
                                         o.name, o.place, ', LEFTARG = ' || o.left_type, o.right_type))) AS operators
FROM (SELECT row_number() OVER () AS place, o.*
      FROM (SELECT o.oprname::text AS name, CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END AS left_type,
                   format_type(o.oprright, NULL) AS right_type, format_type(o.oprresult, NULL) AS result
            FROM pg_operator AS o
            WHERE o.oprnamespace = 'pg_catalog'::regnamespace
            UNION ALL
            SELECT n.name, l.name, r.name, n.result
            FROM (VALUES ('||', 'text'), ('+', 'numeric'), ('-', 'numeric'), ('*', 'numeric'), ('/', 'numeric'),
                         ('%', 'numeric'), ('=', 'boolean'), ('<>', 'boolean'), ('<', 'boolean'), ('<=', 'boolean'),
                         ('>', 'boolean'), ('>=', 'boolean'), ('~', 'boolean'), ('~~', 'boolean'), ('->', 'jsonb'),
                         ('->>', 'text'), ('@>', 'boolean'), ('&&', 'boolean')) AS n (name, result)
            CROSS JOIN front.hostile_types AS l
            CROSS JOIN front.hostile_types AS r
            WHERE NOT EXISTS (SELECT FROM pg_operator AS o
                              WHERE (o.oprname, o.oprleft, o.oprright) = (n.name, l.type, r.type))) AS o) AS o;

-- Types, and relations of pg_catalog and of the data dictionary.
SELECT count(front.hostile_create(format('CREATE DOMAIN <schema>.%1$I AS pg_catalog.%1$I CHECK (front.hostile_spy(%2$L))',
                                         t.typname, 'type ' || t.typname))) AS types
FROM pg_type AS t
WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typelem = 0
  AND t.typname IN (SELECT w.word FROM hostile.words AS w);
SELECT count(front.hostile_create(format('CREATE VIEW <schema>.%1$I AS SELECT r.* FROM pg_catalog.%1$I AS r '
                                         'WHERE front.hostile_spy(%2$L)', c.relname, 'relation ' || c.relname)))
  AS relations
FROM pg_class AS c
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
  AND c.relname IN (SELECT w.word FROM hostile.words AS w);
SELECT count(front.hostile_create(format('CREATE VIEW <schema>.%I AS SELECT front.hostile_spy(%L)', o.name,
                                         'relation ' || o.name))) AS own_relations
FROM hostile.own AS o WHERE o.kind = 'RELATION';
RESET SESSION AUTHORIZATION;
