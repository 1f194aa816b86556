-- The same where no constraint refuses anything: tables that were adopted let every value in, and it is the reading
-- that keeps it to the portfolio or symbol that has it.

\ir include/prelude.psql
SELECT plan(5);
\ir include/bad_rows.psql

-- What is left are the unique indexes, without which a table is not adopted.
CREATE FUNCTION pg_temp.drop_constraints() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
  c record;
BEGIN
  FOR t IN SELECT b.relation, substring(d.modifiers FROM 'PRIMARY KEY [(]([^)]*)[)]') AS key
             FROM bad_row AS b JOIN analytics_columns() AS d ON d.table_name = b.relation AND d.column_name IS NULL LOOP
    FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = t.relation::regclass AND contype <> 'n' LOOP
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
SELECT is_empty($$SELECT table_name, column_name, left(value, 40), outcome, detail FROM attempt
                   WHERE outcome NOT IN ('refused', 'isolated')$$,
                'each value is kept to the portfolio or symbol that has it');
SELECT is((SELECT count(DISTINCT ordinal) FROM attempt), (SELECT count(*) FROM input_column WHERE is_read),
          'every column that is read was tried');
SELECT is((SELECT count(*)::int FROM attempt
           WHERE outcome = 'isolated' AND detail IS NOT NULL
             AND detail NOT LIKE 'portfolio ' || pg_temp.id(1) || '%'), 0, 'a failed portfolio is named');
SELECT is((SELECT string_agg(format('%s.%s = %s', a.table_name, a.column_name, COALESCE(left(a.value, 20), 'NULL')), ', ')
           FROM attempt AS a
           JOIN (VALUES ('positions', 'quantity|entry_price|entry_date|symbol|position_type'),
                        ('position_realized_events', 'position_id|trade_date|quantity_closed|exit_price'),
                        ('position_marks', 'position_id|mark_date|price'),
                        ('equity_changes', 'amount|change_date|change_type'), ('portfolios', 'initial_equity'),
                        ('corporate_actions', 'ratio_numerator|ratio_denominator|amount|kind'),
                        ('corporate_action_legs', 'ratio_numerator|cash|kind')) AS r (relation, names)
             ON r.relation = a.table_name AND a.column_name ~ ('^(' || r.names || ')$')
           WHERE a.outcome = 'isolated' AND a.detail IS NULL
             AND (a.value IS NULL OR octet_length(a.value) > 1000
                  OR a.value IN ('NaN', 'Infinity', '1000000000000000', '99999999999999', '5e-324', ''))
             -- Amounts of money may be as large, and cash of a share as small; no denominator is 1.
             AND NOT (a.column_name = 'ratio_denominator' AND a.value IS NULL)
             AND ((a.column_name, a.value) IN (('initial_equity', '99999999999999'), ('amount', '99999999999999'),
                                               ('amount', '5e-324'), ('cash', '5e-324'))) IS NOT TRUE), NULL, 'and what no portfolio can be computed from is told');
SELECT diag(string_agg(format('%s %s', n, outcome), ', ' ORDER BY outcome))
FROM (SELECT outcome, count(*) AS n FROM attempt GROUP BY 1) AS o;

SELECT * FROM finish();
ROLLBACK;
