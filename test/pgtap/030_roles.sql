-- Who may do what: a reader, a runner, an owner without superuser rights, and everybody else.

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET LOCAL search_path = pb, public;
CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
CREATE ROLE pb_stranger;
CREATE ROLE pb_newcomer;
CREATE ROLE pb_owner;

SELECT plan(77);

-- Refused -----------------------------------------------------------------------------------------------------------

SELECT throws_ok($$SELECT grant_analytics_roles('pb_reader', 'pb_runner')$$, '42P01',
                 'relation "pb.portfolios" does not exist', 'nothing to grant before there are tables');
SELECT create_analytics_tables() \g /dev/null
SELECT throws_ok($$SELECT grant_analytics_roles('pb_nobody', 'pb_runner')$$, '42704', 'role "pb_nobody" does not exist',
                 'a reader that does not exist');
SELECT throws_ok($$SELECT grant_analytics_roles('pb_reader', 'PB nobody')$$, '42704', 'role "PB nobody" does not exist',
                 'a runner that does not exist');
SELECT throws_ok($$SELECT grant_analytics_roles('public', NULL)$$, '42704', 'role "public" does not exist',
                 'PUBLIC is no role');
SELECT throws_ok($$SELECT grant_analytics_roles(NULL, NULL)$$, '22023',
                 'grant_analytics_roles needs the name of a role', 'no role at all');
SELECT is_empty($$SELECT * FROM role_privileges('pb_reader', 'pb_runner') WHERE held AND privilege <> 'USAGE'$$,
                'a refused call grants nothing');

-- Granted -----------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT role_name::text COLLATE "default", object_name, privilege
                    FROM grant_analytics_roles('pb_reader', 'pb_runner')$$,
                  $$VALUES ('pb_reader', 'schema pb', 'USAGE'),
                           ('pb_reader', 'all 64 tables and views of schema pb', 'SELECT'),
                           ('pb_reader', 'functions and procedures that read', 'EXECUTE'),
                           ('pb_runner', 'schema pb', 'USAGE'),
                           ('pb_runner', 'all 64 tables and views of schema pb', 'SELECT'),
                           ('pb_runner', '20 tables of results, runs and tags', 'INSERT, UPDATE, DELETE'),
                           ('pb_runner', '11 tables of market data and fundamentals', 'INSERT, UPDATE'),
                           ('pb_runner', 'pb.market_data_revisions', 'INSERT'),
                           ('pb_runner', 'pb.portfolios (equity_balance, updated_at)', 'UPDATE'),
                           ('pb_runner', 'pb.positions (last_price, last_price_date, market_value, unrealized_pnl, '
                                         'realized_pnl, updated_at)', 'UPDATE'),
                           ('pb_runner', 'functions and procedures that read and that write', 'EXECUTE')$$,
                  'the summary');
SELECT is_empty($$SELECT * FROM role_privileges('pb_reader', 'pb_runner') WHERE NOT held$$, 'everything is held');
SELECT lives_ok($$SELECT grant_analytics_roles('pb_reader', 'pb_runner')$$, 'and can be granted again');

-- The documented matrix, by table and role, as the catalogues see it.
CREATE TEMP TABLE matrix AS
SELECT c.relname::text AS name, r.name AS role,
       (SELECT string_agg(p.letter, '' ORDER BY p.position)
          FROM (VALUES (1, 'r', 'SELECT'), (2, 'a', 'INSERT'), (3, 'w', 'UPDATE'), (4, 'd', 'DELETE'),
                       (5, 'D', 'TRUNCATE'), (6, 'x', 'REFERENCES'), (7, 't', 'TRIGGER'))
               AS p (position, letter, privilege)
         WHERE has_table_privilege(r.name, c.oid, p.privilege)) AS rights
  FROM pg_class AS c
 CROSS JOIN (VALUES ('pb_reader'), ('pb_runner'), ('pb_stranger')) AS r (name)
 WHERE c.relnamespace = 'pb'::regnamespace AND c.relkind IN ('r', 'v');
SELECT is_empty($$SELECT * FROM matrix WHERE role = 'pb_stranger' AND rights <> ''$$,
                'others have no right to any table');
SELECT is_empty($$SELECT * FROM matrix WHERE role = 'pb_reader' AND rights IS DISTINCT FROM 'r'$$,
                'the reader reads every table and view and no more');
SELECT set_eq($$SELECT name FROM matrix WHERE role = 'pb_runner' AND rights = 'rawd'$$,
              ARRAY['factor_models', 'symbol_model_fits', 'symbol_volatility', 'factor_correlations',
                    'portfolio_snapshots', 'portfolio_holdings', 'portfolio_model_exposures', 'position_greeks',
                    'correlation_calculations', 'correlation_clusters', 'correlation_cluster_positions',
                    'stress_scenario_moves', 'portfolio_stress_tests',
                    'batch_runs', 'batch_jobs', 'batch_schedule_records', 'tags', 'position_tags', 'collections',
                    'collection_results'],
              'the runner writes results, runs and tags');
SELECT set_eq($$SELECT name, rights FROM matrix WHERE role = 'pb_runner' AND rights NOT IN ('r', 'rawd')$$,
              $$VALUES ('market_data_cache', 'raw'), ('corporate_actions', 'raw'), ('interest_rates', 'raw'),
                       ('company_profiles', 'raw'), ('income_statements', 'raw'), ('balance_sheets', 'raw'),
                       ('cash_flows', 'raw'), ('analyst_estimates', 'raw'), ('provider_state', 'raw'),
                       ('market_data_revisions', 'ra'), ('price_quarantine', 'raw'), ('fundamental_state', 'raw')$$,
              'adds to and corrects what collections fill, and reads the others');
SELECT set_eq($$SELECT c.relname::text, a.attname::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
                WHERE c.relnamespace = 'pb'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
                  AND has_column_privilege('pb_runner', c.oid, a.attnum, 'UPDATE')
                  AND NOT has_table_privilege('pb_runner', c.oid, 'UPDATE')$$,
              $$VALUES ('portfolios', 'equity_balance'), ('portfolios', 'updated_at'), ('positions', 'last_price'),
                       ('positions', 'last_price_date'), ('positions', 'market_value'), ('positions', 'unrealized_pnl'),
                       ('positions', 'realized_pnl'), ('positions', 'updated_at')$$,
              'of the users'' tables the runner writes single columns');
SELECT is_empty($$SELECT f.function FROM _portfolio_batch.executing_roles() AS f
                  WHERE has_function_privilege('pb_stranger', f.function, 'EXECUTE') <> (f.role_kind = 'public')
                     OR has_function_privilege('pb_reader', f.function, 'EXECUTE') <> (f.role_kind <> 'runner')
                     OR NOT has_function_privilege('pb_runner', f.function, 'EXECUTE')$$,
                'functions that write: only the runner; that read: the reader, too; that are cheap: everybody');
SELECT set_has($$SELECT p.proname::text FROM _portfolio_batch.executing_roles() AS f JOIN pg_proc AS p ON p.oid = f.function
                 WHERE f.role_kind = 'runner'$$,
               $$VALUES ('close_position'), ('purge_portfolio'), ('purge_results'), ('create_analytics_tables'),
                        ('grant_analytics_roles')$$,
               'executing_roles lists them');

-- As each role ------------------------------------------------------------------------------------------------------

INSERT INTO portfolios (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'Roles');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'AAA', 'LONG', 10, 5,
        '2024-07-01', 'PRIVATE');
INSERT INTO correlation_calculations (portfolio_id, calculation_date, duration_days, symbols, correlations, pair_observations)
VALUES ('00000000-0000-0000-0000-000000000001', '2024-07-01', 126, '{A,B}', '{0.5}', '{60}');

CREATE FUNCTION pg_temp.can_read(relation text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT * FROM pb.%I', relation);
  RETURN true;
EXCEPTION WHEN OTHERS THEN RETURN false;
END $$;

SET LOCAL ROLE pb_reader;
SELECT set_eq('SELECT DISTINCT table_name FROM analytics_columns() WHERE pg_temp.can_read(table_name)',
              $$SELECT relname::text COLLATE "default" FROM pg_class
                WHERE relnamespace = 'pb'::regnamespace AND relkind IN ('r', 'v')$$,
              'the reader reads every table and view');
SELECT isnt((SELECT p_value FROM pairwise_correlations), NULL, 'p-values included');
SELECT throws_ok(statement, '42501', NULL, 'the reader is refused: ' || statement)
  FROM (VALUES ('INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date) VALUES (gen_random_uuid(), now())'),
               ('UPDATE portfolios SET equity_balance = 1'), ('DELETE FROM batch_jobs'),
               ($$SELECT purge_results('2024-07-01')$$), ('SELECT purge_portfolio(gen_random_uuid())'),
               ($$SELECT close_position(gen_random_uuid(), gen_random_uuid(), 1, 1, '2024-07-01')$$),
               ($$SELECT mark_position(gen_random_uuid(), gen_random_uuid(), 1, '2024-07-01')$$),
               ('SELECT create_analytics_tables()'), ($$SELECT grant_analytics_roles('pb_stranger', NULL)$$))
    AS r (statement);
RESET ROLE;

SET LOCAL ROLE pb_runner;
SELECT lives_ok(statement, 'the runner may: ' || statement)
  FROM (VALUES ('INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date) VALUES (gen_random_uuid(), now())'),
               ('INSERT INTO batch_runs (run_kind) VALUES ($$daily$$)'),
               ('INSERT INTO tags (name, is_system) VALUES ($$Energy$$, true)'),
               ('UPDATE portfolios SET equity_balance = 1, updated_at = now()'),
               ('UPDATE positions SET last_price = 6, last_price_date = $$2024-07-01$$, market_value = 60, '
                'unrealized_pnl = 10, realized_pnl = 0, updated_at = now()'),
               ('SELECT id FROM positions FOR UPDATE'),
               ('SELECT purge_results($$2024-07-02$$)'),
               ('SELECT purge_portfolio($$00000000-0000-0000-0000-000000000001$$)')) AS r (statement);
SELECT throws_ok(statement, '42501', NULL, 'the runner is refused: ' || statement)
  FROM (VALUES ('INSERT INTO portfolios (name) VALUES ($$x$$)'), ('UPDATE portfolios SET initial_equity = 1'),
               ('UPDATE positions SET quantity = 1'), ('DELETE FROM positions'),
               ('DELETE FROM market_data_cache'), ('UPDATE market_data_revisions SET close = 1'),
               ('UPDATE price_sources SET relation = $$x$$'), ('UPDATE stress_test_scenarios SET active = false'),
               ('TRUNCATE portfolio_snapshots'), ('CREATE TABLE pb.mine (id int)'),
               ('DELETE FROM position_market_betas'), ('UPDATE stress_test_results SET direct_pnl = 1'),
               ('INSERT INTO position_history (portfolio_id) VALUES (gen_random_uuid())'),
               ('SELECT mark_position(portfolio_id, id, 1, entry_date) FROM positions'),
               ('SELECT close_position(portfolio_id, id, 1, 1, entry_date) FROM positions')) AS r (statement);
RESET ROLE;

CREATE SCHEMA pb_desk;
GRANT USAGE ON SCHEMA pb, pb_desk TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT throws_ok(statement, '42501', NULL, 'others are refused: ' || statement)
  FROM (VALUES ('SELECT * FROM portfolios'), ('SELECT * FROM pairwise_correlations'),
               ('SELECT * FROM trading_sessions'),
               ('SELECT create_analytics_tables()'), ($$SELECT purge_results('2024-07-01')$$),
               ($$SELECT _portfolio_batch.split_ratio('AAA', '2024-07-01', '2024-07-02')$$),
               ($$SELECT _portfolio_batch.split_ratios('AAA', '2024-07-01')$$),
               ($$SELECT _portfolio_batch.create_analytics_relation('pb', 'portfolios')$$), ($$SELECT _portfolio_batch.seed_analytics_tables('pb')$$),
               ($$SELECT _portfolio_batch.create_view_function('pb_desk', 'pairwise_p_value')$$)) AS r (statement);
RESET ROLE;

-- Row-level security of a table holds through the views.
ALTER TABLE correlation_calculations ENABLE ROW LEVEL SECURITY;
INSERT INTO correlation_calculations (portfolio_id, calculation_date, duration_days, symbols, correlations, pair_observations)
VALUES ('00000000-0000-0000-0000-000000000001', '2024-07-01', 126, '{A,B}', '{0.5}', '{60}');
INSERT INTO portfolio_holdings (portfolio_id, calculation_date, position_ids, quantities)
VALUES ('00000000-0000-0000-0000-000000000001', '2024-07-01', '{00000000-0000-0000-0000-000000000002}', '{10}'),
       ('00000000-0000-0000-0000-000000000003', '2024-07-01', '{00000000-0000-0000-0000-000000000004}', '{20}');
INSERT INTO factor_models (calculation_date, model, factors)
SELECT '2024-07-01', model, '{market}' FROM unnest(ARRAY['market', 'rate', 'ridge']) AS model;
INSERT INTO symbol_volatility (calculation_date, symbol) VALUES ('2024-07-01', 'AAA');
INSERT INTO stress_scenario_moves (calculation_date, scenario_id) VALUES ('2024-07-01', 'down');
INSERT INTO portfolio_stress_tests (portfolio_id, calculation_date, scenario_ids)
SELECT portfolio_id, calculation_date, '{down}' FROM portfolio_holdings;
ALTER TABLE portfolio_holdings ENABLE ROW LEVEL SECURITY;
ALTER TABLE portfolio_stress_tests ENABLE ROW LEVEL SECURITY;
CREATE POLICY third ON portfolio_holdings TO pb_reader USING (portfolio_id = '00000000-0000-0000-0000-000000000003');
CREATE POLICY third ON portfolio_stress_tests TO pb_reader
  USING (portfolio_id = '00000000-0000-0000-0000-000000000003');
SET LOCAL ROLE pb_reader;
SELECT is((SELECT count(*) FROM pairwise_correlations), 0::bigint, 'views respect row-level security');
CREATE FUNCTION pg_temp.seen() RETURNS TABLE (name text, portfolio text) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH name IN ARRAY ARRAY['position_history', 'position_market_betas', 'position_interest_rate_betas',
                              'position_factor_exposures', 'position_volatility', 'stress_test_results'] LOOP
    RETURN QUERY EXECUTE format('SELECT %L, right(v.portfolio_id::text, 1) FROM %I AS v', name, name);
  END LOOP;
END $$;
SELECT set_eq('SELECT * FROM pg_temp.seen()',
              $$VALUES ('position_history', '3'), ('position_market_betas', '3'), ('position_interest_rate_betas', '3'),
                       ('position_factor_exposures', '3'), ('position_volatility', '3'), ('stress_test_results', '3')$$,
              'those that unfold a portfolio''s row as well');
RESET ROLE;
SELECT is((SELECT count(*) FROM pg_temp.seen()), 12::bigint, 'of two portfolios');

-- An owner without superuser rights ---------------------------------------------------------------------------------

SET LOCAL portfolio_batch.schema = '';
GRANT USAGE ON SCHEMA pb TO pb_owner;
GRANT EXECUTE ON FUNCTION create_analytics_tables(text, boolean) TO pb_owner;
SET LOCAL ROLE pb_owner;
SELECT throws_ok($$SELECT create_analytics_tables('pb_desk')$$, '42501', NULL, 'tables need the right to create');
SELECT throws_ok($$SELECT create_analytics_tables('pb_new')$$, '42501', NULL, 'so do schemas');
RESET ROLE;
ALTER SCHEMA pb_desk OWNER TO pb_owner;
SET LOCAL ROLE pb_owner;
SELECT is((SELECT count(*) FROM create_analytics_tables('pb_desk') WHERE action = 'created'), 68::bigint,
          'a plain role creates the tables in a schema of its own');
SELECT is((SELECT count(*) FROM create_analytics_tables('pb_desk') WHERE action <> 'exists' OR rows_added > 0),
          0::bigint, 'and again');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'pb_desk'::regnamespace AND relkind IN ('r', 'v')
                    AND relowner <> 'pb_owner'::regrole$$, 'which it owns');
SELECT lives_ok($$INSERT INTO pb_desk.portfolios (name) VALUES ('Desk')$$, 'and writes');
RESET ROLE;

-- An owner of the tables can grant the tables but not the schema and functions of the extension.
GRANT EXECUTE ON FUNCTION grant_analytics_roles(name, name) TO pb_owner;
SET LOCAL ROLE pb_owner;
SET LOCAL client_min_messages = error;
SELECT throws_ok($$SELECT grant_analytics_roles('pb_newcomer', NULL)$$, '42501',
                 'cannot grant USAGE on pb to role "pb_newcomer"', 'who may not pass a privilege on is refused');
SELECT throws_ok($$SELECT grant_analytics_roles(NULL, 'pb_newcomer')$$, '42501', NULL, 'for a runner as well');
SET LOCAL client_min_messages = warning;
RESET ROLE;
SELECT throws_ok($$SELECT grant_analytics_roles('pb_nobody', NULL)$$, '42704', NULL, 'a role is looked up each time');
SELECT set_eq($$SELECT DISTINCT role_name::text FROM grant_analytics_roles('pb_stranger', NULL)$$,
              ARRAY['pb_stranger', 'pb_owner'], 'one role alone, and the owner of the tables');
SELECT is_empty($$SELECT * FROM role_privileges('pb_stranger', NULL) WHERE NOT held$$,
                'reads the tables of the setting');
SELECT ok(NOT has_table_privilege('pb_stranger', 'pb.portfolios', 'SELECT'), 'and no others');

-- Tenants: a view that reads with its owner's rights would show everything.
RESET portfolio_batch.schema;
ALTER VIEW pb.trading_sessions RESET (security_invoker);
SELECT results_eq($$SELECT table_name FROM enable_tenant_security() WHERE action = 'security_invoker'$$,
                  $$VALUES ('trading_sessions')$$, 'a view is made to read with the rights of whoever asks');
SELECT is_empty($$SELECT table_name FROM enable_tenant_security() WHERE action = 'security_invoker'$$, 'once');

SELECT * FROM finish();
ROLLBACK;
