-- Every function that takes portfolio_ids takes a single portfolio_id instead.

\ir include/prelude.psql
SELECT plan(17);

CREATE TEMP TABLE taking AS
SELECT p.oid, p.proname::text COLLATE "default" AS name, p.prokind, p.pronargs, p.proargnames[: p.pronargs] AS arguments
FROM pg_proc AS p
WHERE p.pronamespace = 'pb'::regnamespace AND 'portfolio_ids' = ANY (p.proargnames[: p.pronargs]);
SELECT cmp_ok((SELECT count(*) FROM taking), '>=', 22::bigint, 'there are such functions');
SELECT is_empty($$SELECT name FROM taking WHERE arguments[pronargs] <> 'portfolio_id'$$, 'each has portfolio_id as its last argument');
SELECT is_empty($$SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'pb'::regnamespace
                  GROUP BY p.proname HAVING count(*) > 1$$, 'as one function, not two of one name');

-- Both are one too many. What has no default is a date.
SELECT set_eq($$SELECT t.name, e.state, e.message, e.hint
                FROM taking AS t
                CROSS JOIN LATERAL (
                  SELECT string_agg('''2024-07-10'', ', '') AS dates
                  FROM generate_series(1, (SELECT pronargs - pronargdefaults FROM pg_proc AS p WHERE p.oid = t.oid))) AS d
                CROSS JOIN LATERAL pg_temp.error_of(format(
                  '%s pb.%I(%sportfolio_ids => ''{}'', portfolio_id => %L)',
                  CASE WHEN t.prokind = 'p' THEN 'CALL' ELSE 'SELECT * FROM' END, t.name, d.dates, pg_temp.id(1))) AS e$$,
              $$SELECT name, '22023' AS state, 'portfolio_ids and portfolio_id are both given' AS message,
                       'Pass one of them, or neither for every active portfolio.' AS hint FROM taking$$, 'both of them are refused');

-- One is the same as an array of it.
SET LOCAL portfolio_batch.progress = off;
SELECT count(*) AS tables FROM load_sample_data(portfolios => 3, positions => 4, sessions => 3, last_session => '2024-07-12') \gset
SELECT id AS one FROM portfolios ORDER BY name LIMIT 1 \gset
DELETE FROM market_data_cache WHERE date = '2024-07-11';
SELECT set_eq(format('SELECT DISTINCT portfolio_id FROM missing_sessions(''2024-07-12'', portfolio_id => %L)', :'one'),
              ARRAY[:'one'::uuid], 'missing_sessions');
SELECT is((SELECT processed FROM run_daily_batch('2024-07-10', portfolio_id => :'one') WHERE phase = '2'), 1::bigint,
          'run_daily_batch');
SELECT is((SELECT sum(processed) FROM run_daily_batch_with_backfill('2024-07-12', portfolio_id => :'one') WHERE phase = '2'),
          2::numeric, 'run_daily_batch_with_backfill');
SELECT set_eq('SELECT DISTINCT portfolio_id FROM portfolio_snapshots', ARRAY[:'one'::uuid], 'which run that one alone');
SELECT is((SELECT processed FROM calc_volatility('2024-07-12', portfolio_id => :'one')),
          (SELECT processed FROM calc_volatility('2024-07-12', ARRAY[:'one'::uuid])), 'calc_volatility');
SELECT set_eq(format('SELECT * FROM %s portfolio_id => %L)', f, :'one'),
              format('SELECT * FROM %s portfolio_ids => ARRAY[%L::uuid])', f, :'one'), f)
FROM unnest(ARRAY['positions_asof(''2024-07-12'',', 'portfolio_exposures(''2024-07-12'',', 'market_data_coverage(''2024-07-12'',',
                  'missing_prices(''2024-07-10'', ''2024-07-12'',', 'market_risk(''2024-07-12'',',
                  'batch_audit(''2024-07-12'',', 'model_quality(''2024-07-01'', ''2024-07-12'',']) AS f;
SELECT throws_ok(format('SELECT * FROM run_daily_batch(portfolio_id => %L)', pg_temp.id(9)), '42704',
                 'portfolio does not exist: 00000000-0000-4000-8000-000000000009', 'one that does not exist');

SELECT * FROM finish();
ROLLBACK;
