-- batch_settings: every setting with its value, origin, default and range, and what the server would refuse.

\ir include/prelude.psql
SELECT plan(13);

SELECT results_eq($$SELECT 'portfolio_batch.' || name, value, source FROM batch_settings()$$,
                  $$SELECT name, current_setting(name), source FROM pg_settings WHERE name LIKE 'portfolio\_batch.%'
                    ORDER BY 1$$, 'every setting, by name, with its value and where it comes from');
SELECT is_empty('SELECT name FROM batch_settings() WHERE num_nulls(source, default_value, allowed, description) > 0',
                'each with its default, what is allowed, and a description');
SELECT results_eq($$SELECT name, default_value, allowed FROM batch_settings()
                    WHERE name IN ('beta_window', 'correlation_threshold', 'market_symbol', 'max_memory', 'progress',
                                   'ridge_alpha_choice', 'schema', 'settle_delay')$$,
                  $$VALUES ('beta_window', '252', '20 to 10000'), ('correlation_threshold', '0.7', '-1 to 1'),
                           ('market_symbol', 'SPY', 'text'), ('max_memory', '512MB', 'from 1024kB'),
                           ('progress', 'on', 'on, off'), ('ridge_alpha_choice', 'fixed', 'fixed, gcv'),
                           ('schema', '', 'text'), ('settle_delay', '30min', '0 to 1440min')$$,
                  'of each kind');
-- What it says of a value is what SET does with it.
SELECT is_empty($$SELECT name FROM batch_settings() WHERE default_value <> ''
                    AND EXISTS (SELECT FROM _portfolio_batch.setting_refusal('portfolio_batch.' || name, default_value))$$,
                'each default is allowed');
SET LOCAL portfolio_batch.beta_window = 90;
SELECT results_eq($$SELECT value, source, default_value FROM batch_settings() WHERE name = 'beta_window'$$,
                  $$VALUES ('90', 'session', '252')$$, 'a value of the session');

-- Values that sessions to come will refuse.
SELECT is_empty('SELECT name FROM batch_settings() WHERE refused IS NOT NULL', 'nothing is refused');
CREATE ROLE pb_desk;
SELECT current_database() AS db \gset
-- As they come into the catalog: by a session that has not loaded the library, which takes any value.
INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig)
SELECT d.oid, r.oid, v.config
FROM (VALUES (:'db', 'pb_desk', '{portfolio_batch.beta_window=5,portfolio_batch.workers=4,portfolio_batch.calendar=NY=SE}'::text[]),
             (NULL, 'pb_desk', '{portfolio_batch.max_memory=lots,portfolio_batch.betawindow=90,work_mem=4MB}'),
             ('template1', 'pb_desk', '{portfolio_batch.beta_window=6}')) AS v (db, role, config)
JOIN pg_roles AS r ON r.rolname = v.role
CROSS JOIN LATERAL (SELECT COALESCE((SELECT p.oid FROM pg_database AS p WHERE p.datname = v.db), 0) AS oid) AS d;
SELECT results_eq('SELECT name, refused FROM batch_settings() WHERE refused IS NOT NULL', format($$VALUES
  ('beta_window', 'ALTER ROLE pb_desk IN DATABASE %1$I SET portfolio_batch.beta_window = ''5'': 5 is outside the valid range '
                  'for parameter "portfolio_batch.beta_window" (20 .. 10000)'),
  ('betawindow', 'ALTER ROLE pb_desk SET portfolio_batch.betawindow = ''90'': invalid configuration parameter name '
                 '"portfolio_batch.betawindow" ("portfolio_batch" is a reserved prefix.)'),
  ('max_memory', 'ALTER ROLE pb_desk SET portfolio_batch.max_memory = ''lots'': invalid value for parameter '
                 '"portfolio_batch.max_memory": "lots"')$$, :'db'),
                  'each by the command that gave it, with the reason; those of other databases are not this one''s');
SELECT results_eq($$SELECT value, source, default_value, allowed, description FROM batch_settings() WHERE name = 'betawindow'$$,
                  $$VALUES (NULL, NULL, NULL, NULL, 'no setting of this name')$$, 'a misspelled name has a row of its own');
SELECT is((SELECT count(*) FROM batch_settings()),
          (SELECT count(*) + 1 FROM pg_settings WHERE name LIKE 'portfolio\_batch.%'), 'and adds no other');
SELECT is(current_setting('portfolio_batch.beta_window'), '90', 'to look at them changes nothing');
SET LOCAL ROLE pb_desk;
SELECT throws_ok('SELECT FROM pb.batch_settings()', '42501', NULL, 'it takes the schema');
RESET ROLE;
GRANT USAGE ON SCHEMA pb TO pb_desk;
SET LOCAL ROLE pb_desk;
SELECT is((SELECT count(*) FROM pb.batch_settings() WHERE refused IS NOT NULL), 3::bigint, 'and no other right');
RESET ROLE;

SELECT pg_temp.add_portfolio(1, 1000, '2024-07-10') \g /dev/null
SELECT count(*) AS phases FROM run_daily_batch('2024-07-10') \gset
-- What a run records is what there is, but for what no result depends on.
SELECT set_eq($$SELECT k FROM batch_runs AS r, jsonb_object_keys(r.settings) AS k
                WHERE r.run_id = (SELECT max(run_id) FROM batch_runs)$$,
              $$SELECT CASE name WHEN 'max_memory' THEN 'max_memory_kb' ELSE name END FROM batch_settings()
                WHERE name NOT IN ('schema', 'progress', 'betawindow', 'user_agent', 'contact', 'allow_insecure_loopback')
                  AND name !~ '^(collect|provider)_'$$, 'a run records every other setting');

SELECT * FROM finish();
ROLLBACK;
