-- collect_market_data as far as it shows inside a transaction: who may call it, what it refuses, and its settings. What
-- it collects is tested by test/tap/200_collection.t.

\ir include/prelude.psql
SELECT plan(14);

SELECT throws_ok('CALL collect_market_data()', '2D000', NULL, 'not inside a transaction block');
SELECT throws_ok($$CALL collect_market_data(deadline => 0)$$, '22023', 'deadline must be positive',
                 'a deadline of no minutes is refused');
SELECT throws_ok('CALL _portfolio_batch.collect_for_batch(NULL)', '2D000', NULL, 'nor what daily_batch calls');
SELECT is_empty('SELECT FROM collections', 'neither leaves a record');
SELECT results_eq($$SELECT p.proname::text COLLATE "default", has_function_privilege('public', p.oid, 'EXECUTE')
                    FROM pg_proc AS p WHERE p.proname IN ('collect_market_data', 'collect_for_batch') ORDER BY p.proname$$,
                  $$VALUES ('collect_for_batch', false), ('collect_market_data', false)$$, 'PUBLIC may call neither');
SELECT is((SELECT count(*) FROM pg_proc WHERE probin = '$libdir/portfolio_batch_collect' AND NOT prosrc ~ '^pb_'),
          0::bigint, 'the second library is entered by names of its own');

-- Settings of a superuser.
CREATE ROLE pb_other;
GRANT USAGE ON SCHEMA pb TO pb_other;
SELECT set_config('portfolio_batch.provider_keys_file', '/nowhere', true) \g /dev/null
SET LOCAL ROLE pb_other;
SELECT throws_ok($$SET LOCAL portfolio_batch.provider_keys_file = '/etc/passwd'$$, '42501', NULL, 'the file of keys');
SELECT throws_ok($$SHOW portfolio_batch.provider_keys_file$$, '42501', NULL, 'is not even shown to others');
SELECT throws_ok($$SET LOCAL portfolio_batch.provider_addresses = 'yahoo=https://other.invalid'$$, '42501', NULL,
                 'addresses of providers are set by a superuser alone');
SELECT throws_ok('SET LOCAL portfolio_batch.allow_insecure_loopback = on', '42501', NULL, 'and so is plain HTTP');
SELECT throws_ok($$SET LOCAL portfolio_batch.provider_ca_file = '/tmp/ca'$$, '42501', NULL, 'and whom to trust');
SELECT throws_ok($$SET LOCAL portfolio_batch.user_agent = 'Mozilla/5.0'$$, '42501', NULL, 'and what they are shown');
SELECT lives_ok($$SET LOCAL portfolio_batch.contact = 'desk@example.com'$$, 'anybody may give a contact');
RESET ROLE;

-- One statement reads what is wanted: private positions are none of it.
SELECT is((SELECT count(*) FROM provider_priority WHERE is_enabled), 0::bigint, 'no provider is switched on');

SELECT * FROM finish();
ROLLBACK;
