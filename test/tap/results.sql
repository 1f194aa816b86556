-- Results of the batch as text, one line a row, without what differs from run to run, as digests do that depend on
-- which snapshots were there: those dated up to "until", and without "until" also what has no history. The tables are
-- those of the data dictionary.

\if :{?until}
    \set with_state false
\else
    \set with_state true
    \set until infinity
\endif
SELECT format('SELECT %1$L, to_jsonb(r) - ''{created_at,run_id,input_digest,input_parts}''::text[] FROM %2$I.%1$I r WHERE %3$I <= %4$L ORDER BY 2',
              t.table_name, analytics_schema(), d.column_name, :'until')
FROM analytics_columns() t
JOIN analytics_columns() d ON d.table_name = t.table_name AND d.column_name IN ('snapshot_date', 'calculation_date')
WHERE t.column_name IS NULL AND t.data_type = 'result'
ORDER BY t.ordinal
\gexec
\if :with_state
    SELECT 'positions', to_jsonb(p) - '{created_at,updated_at}'::text[] FROM positions p ORDER BY portfolio_id, id;
    SELECT 'portfolios', to_jsonb(p) - '{created_at,updated_at}'::text[] FROM portfolios p ORDER BY id;
    SELECT 'position_tags', l.portfolio_id, l.position_id, t.name, t.usage_count, l.is_system
    FROM position_tags l JOIN tags t ON t.id = l.tag_id ORDER BY 2, 3, 4;
\endif
