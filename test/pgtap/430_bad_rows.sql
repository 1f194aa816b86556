-- One bad row stops nobody else: every value that has no place in a column is refused by its table, or is a problem of
-- the portfolio or symbol that has it.

\ir include/prelude.psql
SELECT plan(5);
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
SELECT is_empty($$SELECT table_name, column_name, left(value, 40), outcome, detail FROM attempt
                   WHERE outcome NOT IN ('refused', 'isolated', 'not read')$$,
                'each value is refused, or kept to the portfolio or symbol that has it');
SELECT is((SELECT count(DISTINCT ordinal) FROM attempt), (SELECT count(*) FROM input_column),
          'every column of the inputs was tried');
SELECT is((SELECT string_agg(DISTINCT detail, ', ') FROM attempt
           WHERE outcome = 'refused' AND detail LIKE '23514%' AND detail !~ '^23514 [a-z_0-9]+$'), NULL,
          'what is refused is refused by a constraint that has a name');
SELECT diag(string_agg(format('%s %s', n, outcome), ', ' ORDER BY outcome))
FROM (SELECT outcome, count(*) AS n FROM attempt GROUP BY 1) AS o;

SELECT * FROM finish();
ROLLBACK;
