-- Everything that the session's role can read, one line each: "relation NAME ROW" and "function NAME ROW", without what
-- differs from one run to the next. What the functions change is undone. The variable portfolio names a portfolio of
-- the role.

\set QUIET on
SET client_min_messages = notice;

-- A row without times, processes and the random identifiers of tags.
CREATE FUNCTION pg_temp.without_chance(content jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT regexp_replace(regexp_replace(
           (content - '{duration,duration_seconds,backend_pid,pid,tag_id,elapsed,remaining}'::text[])::text,
           '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9.]+)?([+]00(:00)?| UTC)?', 'TIME', 'g'),
           '[0-9.]+ (ms|MB|GB|kB|TB)|\\?"' || current_database() || '\\?"|''' || current_database() || '''', 'CHANCE', 'g')
$$;

CREATE FUNCTION pg_temp.relations() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  entry record;
BEGIN
  FOR entry IN SELECT d.table_name AS name FROM analytics_columns() AS d WHERE d.column_name IS NULL LOOP
    RETURN QUERY EXECUTE format('SELECT %L || pg_temp.without_chance(to_jsonb(r) - %L::text[]) FROM %I AS r',
                                'relation ' || entry.name || ' ',
                                CASE entry.name WHEN 'tags' THEN '{id}' WHEN 'batch_jobs' THEN '{job_no}' ELSE '{}' END,
                                entry.name);
  END LOOP;
END
$$;

-- The public functions with an argument for each parameter that needs one, and for each day.
CREATE FUNCTION pg_temp.calls(portfolio uuid) RETURNS TABLE (name text, call text) LANGUAGE sql AS $$
  SELECT p.proname::text,
         format('%I(%s)', p.proname, (
           SELECT string_agg(format('%I => %s', a.name, v.value), ', ' ORDER BY a.place)
           FROM unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY AS a (name, type, place)
           CROSS JOIN LATERAL (SELECT CASE
               WHEN a.name = 'from_date' THEN $v$'2024-07-08'$v$
               WHEN a.type = 'date'::regtype THEN $v$'2024-07-12'$v$
               WHEN a.place <= p.pronargs - p.pronargdefaults THEN CASE
                 WHEN a.name = 'portfolio_id' THEN quote_literal(portfolio)
                 WHEN a.name = 'position_id' THEN (SELECT quote_literal(l.id) FROM positions AS l
                                                    WHERE l.portfolio_id = portfolio AND l.position_type = 'LONG'
                                                    ORDER BY l.id LIMIT 1)
                 WHEN a.name IN ('symbols', 'symbol') AND a.type = 'text'::regtype THEN $v$'SPY'$v$
                 WHEN a.name = 'symbols' THEN $v$'{SPY,TLT}'$v$
                 WHEN a.name IN ('correlation', 'returns') AND a.type = 'float8[]'::regtype THEN $v$'{{1,0.5},{0.5,1}}'$v$
                 WHEN a.name = 'reader' THEN 'NULL'
                 WHEN a.type = 'float8[]'::regtype THEN $v$'{0.1,0.3,0.4}'$v$
                 WHEN a.type = 'name'::regtype THEN 'current_user'
                 WHEN a.name = 'cron_expression' THEN $v$'0 22 * * 1-5'$v$
                 WHEN a.type = 'text'::regtype THEN $v$'nightly'$v$
                 ELSE '1' END
             END) AS v (value)
           WHERE v.value IS NOT NULL))
  FROM pg_extension AS e
  JOIN pg_depend AS d ON d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
  JOIN pg_proc AS p ON p.oid = d.objid
  WHERE e.extname = 'portfolio_batch' AND p.prokind = 'f' AND p.pronamespace <> '_portfolio_batch'::regnamespace
$$;

CREATE FUNCTION pg_temp.answers(name text, call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
  detail text;
  hint   text;
BEGIN
  BEGIN
    EXECUTE format('SELECT COALESCE(jsonb_agg(to_jsonb(r)), ''[]'') FROM %s AS r', call) INTO answer;
    RAISE 'undo' USING ERRCODE = 'PBTST';
  EXCEPTION
    WHEN SQLSTATE 'PBTST' THEN NULL;
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
      answer := jsonb_build_array(jsonb_build_object('error', concat_ws(' | ', SQLSTATE, SQLERRM, detail, hint)));
  END;
  RETURN NEXT 'function ' || name || ' gives ' || jsonb_array_length(answer) || ' rows';
  RETURN QUERY
    SELECT 'function ' || name || ' '
           || CASE jsonb_typeof(e.content) WHEN 'object' THEN pg_temp.without_chance(e.content)
                                           ELSE pg_temp.without_chance(jsonb_build_object('value', e.content)) END
    FROM jsonb_array_elements(answer) AS e (content);
END
$$;

SELECT * FROM pg_temp.relations();
SELECT a.line FROM pg_temp.calls(:'portfolio') AS c CROSS JOIN LATERAL pg_temp.answers(c.name, c.call) AS a (line);
