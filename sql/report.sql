-- A whole report, as it is printed: every figure, mark and place of a page on a made-up book. What is of the day on which
-- it is made stands as TIME and MS; attributes are rounded to nine decimals, for those after them differ by compiler.
SET client_min_messages = warning;
CREATE SCHEMA desk;
SET search_path = desk;
SET portfolio_batch.progress = off;
SET portfolio_batch.correlation_threshold = 0.4;
CREATE EXTENSION portfolio_batch SCHEMA desk;
SELECT count(*) AS tables FROM create_analytics_tables();
SELECT * FROM load_sample_data(portfolios => 2, positions => 8, sessions => 24, last_session => '2024-06-28');
-- A benchmark of three sectors.
INSERT INTO benchmarks_sector_weights (benchmark_code, asof_date, sector, weight)
  VALUES ('SP500', '2024-01-02', 'Technology', 0.5), ('SP500', '2024-01-02', 'Energy', 0.2),
         ('SP500', '2024-01-02', 'Utilities', 0.3);
SELECT name, initial_equity FROM portfolios ORDER BY name;
SELECT phase, sum(failed) AS failed, sum(rows_written) AS rows_written
FROM run_daily_batch_with_backfill('2024-06-28') GROUP BY phase ORDER BY phase::numeric;
\t on
\a
SELECT (SELECT string_agg(CASE WHEN part ~ '^-?\d+[.]\d{10,}(e-\d+)?$' THEN trim_scale(round(part::numeric, 9))::text
                               ELSE part END, '"' ORDER BY i)
        FROM string_to_table(regexp_replace(regexp_replace(
               l.line, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', 'TIME', 'g'), '[0-9,.]+ (ms|s)\y', 'MS', 'g'), '"')
             WITH ORDINALITY AS a (part, i))
FROM portfolios AS p
CROSS JOIN regexp_replace(portfolio_report(p.id), '<style>.*</style>', '') AS page
CROSS JOIN regexp_split_to_table(page, '(?<=>)\s*(?=<)|\n') WITH ORDINALITY AS l (line, n)
WHERE p.name LIKE '%(long/short)'
ORDER BY l.n;
DROP EXTENSION portfolio_batch;
DROP SCHEMA desk CASCADE;
