-- Every result of the batch, as tables and as the documented views: one line a row, the name of the relation, a tab, and
-- the row as JSON. Before the rows of a relation stands one with the types of its columns. What differs from run to run
-- is left out, as are digests, which are of the very bits of the numbers they are made of. A tag has its name for its
-- identifier, which is a random one.

SELECT format($$SELECT %1$L || E'\t' || jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
                FROM pg_attribute a WHERE a.attrelid = '%2$I.%1$I'::regclass AND a.attnum > 0;
                SELECT %1$L || E'\t' || ((to_jsonb(r) %3$s)
                                          - '{created_at,updated_at,fetched_at,assigned_at,run_id}'::text[]
                                          - '{input_digest,input_parts}'::text[])
                FROM %2$I.%1$I r ORDER BY 1;$$, table_name, analytics_schema(),
              CASE WHEN table_name IN ('position_tags', 'tag_usage')
                   THEN format($$|| (SELECT jsonb_build_object('tag_id', t.name) FROM %I.tags t WHERE t.id = r.tag_id)$$,
                               analytics_schema()) END)
FROM analytics_columns()
WHERE column_name IS NULL
  AND (data_type = 'result' OR data_type = 'view' AND table_name <> 'batch_job_schedules'
       OR table_name IN ('portfolios', 'positions', 'position_tags', 'market_data_cache'))
ORDER BY ordinal
\gexec
