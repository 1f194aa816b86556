-- The same where no constraint refuses anything: tables that were adopted let every value in, and it is the reading
-- that keeps it to the portfolio or symbol that has it.

\ir include/prelude.psql
SELECT plan((SELECT count(*)::int FROM analytics_columns() AS c
             WHERE c.column_name NOT LIKE '@%'
               AND (c.table_name ~ '^(portfolios|positions|position_realized_events|equity_changes|tags|position_tags)$'
                    OR c.table_name ~ '^(market_data_cache|corporate_actions|interest_rates|position_greeks)$'
                    OR c.table_name ~ '^(factor_definitions|.*_scenarios|trading_calendar.*|benchmarks_.*)$'
                    OR (c.table_name = 'company_profiles' AND c.column_name ~ '^(symbol|sector|is_etf|is_fund)$')))
            + 2);
\ir include/bad_rows.psql

-- What is left are the unique indexes, without which a table is not adopted.
CREATE FUNCTION pg_temp.drop_constraints() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
  c record;
BEGIN
  FOR t IN SELECT b.relation, substring(d.modifiers FROM 'PRIMARY KEY [(]([^)]*)[)]') AS key
             FROM bad_row AS b JOIN analytics_columns() AS d ON d.table_name = b.relation AND d.column_name IS NULL LOOP
    FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = t.relation::regclass LOOP
      EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I CASCADE', t.relation, c.conname);
    END LOOP;
    EXECUTE format('CREATE UNIQUE INDEX ON %I (%s)', t.relation, t.key);
    FOR c IN SELECT attname FROM pg_attribute
              WHERE attrelid = t.relation::regclass AND attnum > 0 AND attnotnull AND attidentity = '' LOOP
      EXECUTE format('ALTER TABLE %I ALTER %I DROP NOT NULL', t.relation, c.attname);
    END LOOP;
  END LOOP;
END $$;
SELECT pg_temp.drop_constraints();

SELECT count(*) AS phases FROM run_daily_batch('2024-07-10') WHERE status IN ('failed', 'partial') \gset
SELECT is(:phases, 0, 'without a bad row nothing fails');
CREATE TEMP TABLE healthy AS
SELECT pg_temp.of_portfolio_2(false) AS results, pg_temp.snapshot_of_portfolio_2() AS snapshot;

INSERT INTO attempt
SELECT c.ordinal, c.table_name, c.column_name, v.value, a.outcome, a.detail
FROM input_column AS c JOIN odd_value AS v ON c.data_type ~ v.types, healthy AS h,
     LATERAL pg_temp.attempt_bad(c, v.value, h.results, h.snapshot) AS a
WHERE c.is_read;
SELECT is((SELECT string_agg(format(E'\n%s: %s: %s', COALESCE(left(a.value, 40), 'NULL'), a.outcome, a.detail), '')
           FROM attempt AS a WHERE a.ordinal = c.ordinal AND a.outcome NOT IN ('refused', 'isolated')),
          NULL, format('%s.%s: %s', c.table_name, c.column_name,
                       (SELECT string_agg(format('%s %s', o.n, o.outcome), ', ' ORDER BY o.outcome)
                        FROM (SELECT a.outcome, count(*) AS n FROM attempt AS a WHERE a.ordinal = c.ordinal
                              GROUP BY 1) AS o)))
FROM input_column AS c WHERE c.is_read ORDER BY c.ordinal;
SELECT is((SELECT count(*)::int FROM attempt
           WHERE outcome = 'isolated' AND detail IS NOT NULL
             AND detail NOT LIKE 'portfolio ' || pg_temp.id(1) || '%'), 0, 'a failed portfolio is named');
SELECT diag(string_agg(format('%s %s', n, outcome), ', ' ORDER BY outcome))
FROM (SELECT outcome, count(*) AS n FROM attempt GROUP BY 1) AS o;

SELECT * FROM finish();
ROLLBACK;
