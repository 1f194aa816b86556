-- Names of schemas that the extension cannot live with, and arrays of other shapes than a list.

\ir include/prelude.psql
SELECT plan(17);

-- A renamed schema ---------------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
ALTER SCHEMA pb RENAME TO elsewhere;
SELECT pg_temp.raises('SELECT * FROM elsewhere.' || call, '55000',
                      'the schema of portfolio_batch was renamed from pb to elsewhere',
                      'Its functions name each other by the schema that the extension was created in.',
                      'ALTER SCHEMA elsewhere RENAME TO pb;', 'functions say that their schema has another name: ' || call)
  FROM unnest(ARRAY['batch_report()', 'batch_audit()', 'batch_preflight()',
                    'api_portfolio_snapshot(''00000000-0000-4000-8000-000000000001'')']) AS call;
SELECT is(elsewhere.is_session('2024-07-08'), true, 'those that name no other go on');
ALTER SCHEMA elsewhere RENAME TO pb;
SELECT lives_ok('SELECT * FROM pb.batch_report()', 'under the old name all of them work again');

-- Lists --------------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises($$SELECT * FROM missing_sessions('2024-07-09', '{{00000000-0000-4000-8000-000000000001}}')$$, '22023',
                      'argument 2 must be an array of one dimension', 'It has 2 dimensions.', '', 'portfolios in a matrix');
SELECT pg_temp.raises($$SELECT * FROM correlation_matrix('{{AAA},{BBB}}', '2024-07-09')$$, '22023',
                      'argument 1 must be an array of one dimension', 'It has 2 dimensions.', '', 'symbols in a matrix');
SELECT pg_temp.raises($$SELECT * FROM run_daily_batch('2024-07-09', phases => '{{2},{3}}')$$, '22023',
                      'argument 3 must be an array of one dimension', 'It has 2 dimensions.', '', 'phases in a matrix');
SELECT pg_temp.raises($$SELECT * FROM ridge_fit('{1,3,4,6,6}', '{1,2,3,4,5}', unpenalized => '{{1}}')$$, '22023',
                      'argument 4 must be an array of one dimension', 'It has 2 dimensions.', '', 'numbers in a matrix');
SELECT pg_temp.raises($$SELECT * FROM missing_sessions('2024-07-09', '{NULL}')$$, '22004',
                      'argument 2 must not contain NULL', '', '', 'a portfolio that is NULL');
SELECT is((SELECT count(*) FROM missing_sessions('2024-07-09', '{}')), 0::bigint, 'no portfolio');
SELECT results_eq($$SELECT * FROM missing_sessions('2024-07-09', '[5:5]={00000000-0000-4000-8000-000000000001}')$$,
                  $$SELECT * FROM missing_sessions('2024-07-09', '{00000000-0000-4000-8000-000000000001}')$$,
                  'a list that counts from 5');
SELECT results_eq($$SELECT coefficient FROM ols_fit('[0:4]={1,3,4,6,6}', '[-1:3]={1,2,3,4,5}')$$,
                  $$SELECT coefficient FROM ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$, 'numbers that count from 0 and from -1');

-- Names --------------------------------------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT * FROM create_analytics_tables(%L)', repeat('x', 64)), '42622', NULL,
                 'a name that the server would cut off');
DROP EXTENSION portfolio_batch CASCADE;
CREATE SCHEMA "100%";
SELECT pg_temp.raises('CREATE EXTENSION portfolio_batch SCHEMA "100%"', '22023', '%100%%', '%percent sign%', '%',
                      'the extension does not install where format patterns would break');
CREATE SCHEMA "Risk desk";
SELECT lives_ok('CREATE EXTENSION portfolio_batch SCHEMA "Risk desk"', 'another name that needs quotes will do');

SELECT * FROM finish();
ROLLBACK;
