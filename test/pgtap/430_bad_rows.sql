-- One bad row stops nobody else: every value that has no place in a column is refused by its table, or is a problem of
-- the portfolio or symbol that has it.

\ir include/prelude.psql
SELECT plan(294);
\ir include/bad_rows.psql

SELECT count(*) AS phases FROM run_daily_batch('2024-07-10') WHERE status IN ('failed', 'partial') \gset
SELECT is(:phases, 0, 'without a bad row nothing fails');
CREATE TEMP TABLE healthy AS
SELECT pg_temp.of_portfolio_2(false) AS results, pg_temp.snapshot_of_portfolio_2() AS snapshot;
SELECT isnt((SELECT snapshot FROM healthy), NULL, 'and portfolio 2 has its snapshot');

INSERT INTO attempt
SELECT c.ordinal, c.table_name, c.column_name, v.value, a.outcome, a.detail
FROM input_column AS c JOIN odd_value AS v ON c.data_type ~ v.types, healthy AS h,
     LATERAL pg_temp.attempt_bad(c, v.value, h.results, h.snapshot) AS a;
SELECT is((SELECT string_agg(format(E'\n%s: %s: %s', COALESCE(left(a.value, 40), 'NULL'), a.outcome, a.detail), '')
           FROM attempt AS a WHERE a.ordinal = c.ordinal AND a.outcome NOT IN ('refused', 'isolated', 'not read')),
          NULL, format('%s.%s: %s', c.table_name, c.column_name,
                       (SELECT string_agg(format('%s %s', o.n, o.outcome), ', ' ORDER BY o.outcome)
                        FROM (SELECT a.outcome, count(*) AS n FROM attempt AS a WHERE a.ordinal = c.ordinal
                              GROUP BY 1) AS o)))
FROM input_column AS c ORDER BY c.ordinal;
SELECT is((SELECT string_agg(DISTINCT detail, ', ') FROM attempt
           WHERE outcome = 'refused' AND detail LIKE '23514%' AND detail !~ '^23514 [a-z_0-9]+$'), NULL,
          'what is refused is refused by a constraint that has a name');
SELECT diag(string_agg(format('%s %s', n, outcome), ', ' ORDER BY outcome))
FROM (SELECT outcome, count(*) AS n FROM attempt GROUP BY 1) AS o;

SELECT * FROM finish();
ROLLBACK;
