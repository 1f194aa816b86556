-- Tables that exist already: adopted when they fit, else refused with one error that names every misfit and its remedy.

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET LOCAL search_path = pb, public;

SELECT plan(27);

-- The complete error of a statement; NULL when it succeeds.
CREATE FUNCTION pg_temp.error_of(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                          hint = PG_EXCEPTION_HINT;
END $$;

CREATE FUNCTION pg_temp.relations_of(schema text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT c.relname FROM pg_class AS c
  WHERE c.relnamespace = schema::regnamespace AND c.relkind IN ('r', 'p', 'f', 'v')
$$;

-- Tables that fit ---------------------------------------------------------------------------------------------------

CREATE SCHEMA fits;
-- Other columns in another order, a unique index instead of a primary key, no checks.
CREATE TABLE fits.position_greeks (
  vendor text, rho float8, vega float8, theta float8, gamma float8, delta float8, implied_volatility float8,
  underlying_price float8, reason text, created_at timestamptz DEFAULT now(), run_id bigint,
  note text NOT NULL DEFAULT '', calculation_date date, position_id uuid, portfolio_id uuid);
CREATE UNIQUE INDEX ON fits.position_greeks (calculation_date, position_id, portfolio_id) INCLUDE (delta);
INSERT INTO fits.position_greeks (portfolio_id, position_id, calculation_date, delta)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', '2024-07-01', 0.5);
-- Partitioned prices, and rates that come from elsewhere.
CREATE TABLE fits.market_data_cache (
  symbol text, date date, open float8, high float8, low float8, close float8 NOT NULL, adj_close float8, volume bigint,
  adjustment text NOT NULL, data_source text, is_final boolean NOT NULL, fetched_at timestamptz NOT NULL,
  PRIMARY KEY (symbol, date)) PARTITION BY RANGE (date);
CREATE FOREIGN DATA WRAPPER pb_wrapper;
CREATE SERVER pb_server FOREIGN DATA WRAPPER pb_wrapper;
CREATE FOREIGN TABLE fits.interest_rates (series text, date date, rate float8, source text, fetched_at timestamptz,
                                          known_on date)
  SERVER pb_server;
-- A definition that somebody has already, and a view with the documented columns.
CREATE TABLE fits.market_risk_scenarios (scenario_name text PRIMARY KEY, scenario_type text, market_shock float8,
                                         volatility_shock float8, parameters jsonb);
INSERT INTO fits.market_risk_scenarios VALUES ('market_up_5', 'market', 0.055, NULL, NULL);
CREATE VIEW fits.position_interest_rate_beta AS
  SELECT gen_random_uuid() AS portfolio_id, gen_random_uuid() AS position_id, current_date AS calculation_date,
         0::float8 AS ir_beta, 0::float8 AS r_squared, 0::float8 AS std_error, 0 AS observations,
         ''::text AS rate_series, ''::text AS unit, ''::text AS quality_flag, ''::text AS reason, now() AS created_at,
         0::bigint AS run_id;

SELECT set_eq($$SELECT object_name, action, rows_added FROM create_analytics_tables('fits')
                WHERE object_name IN ('fits', 'position_greeks', 'market_data_cache', 'interest_rates',
                                      'market_risk_scenarios', 'position_interest_rate_beta', 'positions')$$,
              $$VALUES ('fits', 'exists', 0::bigint), ('position_greeks', 'exists', 0),
                       ('market_data_cache', 'exists', 0), ('interest_rates', 'exists', 0),
                       ('market_risk_scenarios', 'exists', 9),
                       ('position_interest_rate_beta', 'exists', 0), ('positions', 'created', 0)$$,
              'tables that fit are adopted, the others created');
SELECT is((SELECT delta FROM fits.position_greeks), 0.5::float8, 'adopted tables keep their rows');
SELECT is((SELECT market_shock FROM fits.market_risk_scenarios WHERE scenario_name = 'market_up_5'), 0.055::float8,
          'also where a definition is seeded');
SELECT is_empty($$SELECT * FROM _portfolio_batch.analytics_misfits('fits')$$, 'nothing is left to complain about');
SELECT is_empty($$SELECT * FROM _portfolio_batch.analytics_misfits('no such schema')$$, 'nor about a schema that does not exist');

-- Tables that do not ------------------------------------------------------------------------------------------------

CREATE SCHEMA misfit;
CREATE TABLE misfit.portfolios (
  id uuid PRIMARY KEY, name varchar(255) NOT NULL, owner text, currency char(3) NOT NULL, inception_date date,
  initial_equity numeric(20,4), equity_balance numeric(16,2), is_active boolean NOT NULL, created_at timestamptz,
  updated_at timestamptz, deleted_at timestamptz, user_id uuid NOT NULL);
CREATE TABLE misfit.equity_changes (
  id uuid PRIMARY KEY, portfolio_id uuid NOT NULL, change_type text NOT NULL, amount numeric(20,4) NOT NULL,
  change_date date NOT NULL, created_at timestamptz);
CREATE VIEW misfit.positions AS SELECT 1 AS id;
CREATE TABLE misfit.pairwise_correlations (id uuid);
CREATE TABLE misfit.batch_schedule_records (
  id uuid PRIMARY KEY, schedule_name text UNIQUE, cron_expression text NOT NULL, command text NOT NULL,
  enabled boolean NOT NULL, last_run timestamptz NOT NULL, next_run timestamptz, created_at timestamptz,
  updated_at timestamptz);
SELECT * INTO TEMP TABLE refused FROM pg_temp.error_of($$SELECT create_analytics_tables('misfit')$$);

SELECT is((SELECT state FROM refused), '42804', 'misfits of type and kind: SQLSTATE');
SELECT is((SELECT message FROM refused), 'existing tables of schema "misfit" cannot be adopted: 15 misfits',
          'the message counts them');
SELECT is((SELECT detail FROM refused), $expected$portfolios.name: expected text, found character varying(255)
portfolios.currency: expected text, found character(3)
portfolios.equity_balance: expected numeric(20,4), found numeric(16,2)
positions: expected a table, found a view
equity_changes (portfolio_id, id): expected a unique index, missing
equity_changes.notes: expected text, missing
equity_changes.deleted_at: expected timestamp with time zone, missing
pairwise_correlations: expected a view, found a table
batch_schedule_records.id: expected NULL allowed or a default, found NOT NULL
batch_schedule_records.owner: expected text, missing
batch_schedule_records.enabled: expected DEFAULT true, found no default
batch_schedule_records.last_run: expected NULL allowed, found NOT NULL
batch_schedule_records.last_status: expected text, missing
batch_schedule_records.last_message: expected text, missing
batch_schedule_records.job_id: expected bigint, missing$expected$, 'the detail has a line for each');
SELECT is((SELECT hint FROM refused), $expected$add_missing_columns => true would add 6 of them. The statements for all:
ALTER TABLE misfit.portfolios ALTER COLUMN name TYPE text USING name::text;
ALTER TABLE misfit.portfolios ALTER COLUMN currency TYPE text USING currency::text;
ALTER TABLE misfit.portfolios ALTER COLUMN equity_balance TYPE numeric(20,4) USING equity_balance::numeric(20,4);
ALTER TABLE misfit.positions RENAME TO positions_old;
CREATE UNIQUE INDEX ON misfit.equity_changes (portfolio_id, id);
ALTER TABLE misfit.equity_changes ADD COLUMN notes text;
ALTER TABLE misfit.equity_changes ADD COLUMN deleted_at timestamp with time zone;
ALTER TABLE misfit.pairwise_correlations RENAME TO pairwise_correlations_old;
ALTER TABLE misfit.batch_schedule_records ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE misfit.batch_schedule_records ADD COLUMN owner text NOT NULL DEFAULT CURRENT_USER;
ALTER TABLE misfit.batch_schedule_records ALTER COLUMN enabled SET DEFAULT true;
ALTER TABLE misfit.batch_schedule_records ALTER COLUMN last_run DROP NOT NULL;
ALTER TABLE misfit.batch_schedule_records ADD COLUMN last_status text;
ALTER TABLE misfit.batch_schedule_records ADD COLUMN last_message text;
ALTER TABLE misfit.batch_schedule_records ADD COLUMN job_id bigint;$expected$, 'the hint has the statement for each');
SELECT set_eq($$SELECT pg_temp.relations_of('misfit')$$,
              ARRAY['portfolios', 'equity_changes', 'positions', 'pairwise_correlations', 'batch_schedule_records'],
              'a refused call leaves the schema as it was');
SELECT is(current_setting('portfolio_batch.schema'), 'fits', 'and the setting too');

DO $$
DECLARE
  statement text;
BEGIN
  FOR statement IN SELECT remedy FROM _portfolio_batch.analytics_misfits('misfit') ORDER BY ordinal, object_name LOOP
    EXECUTE statement;
  END LOOP;
END $$;
SELECT set_eq($$SELECT object_name FROM create_analytics_tables('misfit') WHERE action = 'exists'$$,
              ARRAY['misfit', 'portfolios', 'equity_changes', 'batch_schedule_records'],
              'after the statements of the hint the tables are adopted');
SELECT lives_ok($$INSERT INTO misfit.batch_schedule_records (schedule_name, cron_expression, command)
                  VALUES ('nightly', '0 22 * * *', 'CALL daily_batch()')$$, 'and can be written');

-- Columns that are missing ------------------------------------------------------------------------------------------

CREATE SCHEMA lacking;
CREATE TABLE lacking.portfolio_snapshots (portfolio_id uuid, snapshot_date date, total_value numeric(20,4),
                                          PRIMARY KEY (portfolio_id, snapshot_date));
INSERT INTO lacking.portfolio_snapshots VALUES (gen_random_uuid(), '2024-07-01', 1000);
SELECT is((SELECT e.state FROM pg_temp.error_of($$SELECT create_analytics_tables('lacking')$$) AS e), '42703',
          'columns that are missing and nothing else: SQLSTATE');
SELECT set_eq($$SELECT object_name, action FROM create_analytics_tables('lacking', add_missing_columns => true)
                WHERE object_kind IN ('schema', 'table') AND action <> 'created'$$,
              $$VALUES ('lacking', 'exists'), ('portfolio_snapshots', 'altered')$$,
              'add_missing_columns adds them');
SELECT results_eq($$SELECT total_value, analytics_complete, created_at = now() FROM lacking.portfolio_snapshots$$,
                  $$VALUES (1000::numeric(20,4), false, true)$$, 'with their defaults, and keeps the rows');
SELECT is((SELECT col_description(attrelid, attnum) FROM pg_attribute
            WHERE attrelid = 'lacking.portfolio_snapshots'::regclass AND attname = 'unpriced_positions'),
          (SELECT comment FROM analytics_columns()
            WHERE table_name = 'portfolio_snapshots' AND column_name = 'unpriced_positions'),
          'and with their comments');
SELECT is((SELECT count(*) FROM create_analytics_tables('lacking', add_missing_columns => true)
            WHERE action <> 'exists' OR rows_added <> 0), 0::bigint, 'the next call finds nothing to do');

CREATE SCHEMA required;
CREATE TABLE required.market_data_cache (symbol text, date date, open float8, PRIMARY KEY (symbol, date));
CREATE TABLE required.corporate_actions (symbol text PRIMARY KEY);
SELECT is((SELECT e.detail
             FROM pg_temp.error_of($$SELECT create_analytics_tables('required', add_missing_columns => true)$$) AS e),
          $expected$market_data_cache.close: expected double precision, missing
corporate_actions.ex_date: expected date, missing
corporate_actions.kind: expected text, missing
corporate_actions.action_no: expected integer, missing$expected$,
          'columns of the key or without a default cannot be added to rows that exist');
SELECT is((SELECT count(*) FROM pg_attribute
            WHERE attrelid = 'required.market_data_cache'::regclass AND attname = 'volume'), 0::bigint,
          'nor are the others then');
ALTER TABLE required.market_data_cache ADD COLUMN close float8 NOT NULL;
DROP TABLE required.corporate_actions;
SELECT lives_ok($$SELECT create_analytics_tables('required', add_missing_columns => true)$$, 'until they are there');
SELECT throws_ok($$INSERT INTO required.market_data_cache (symbol, date, close, adj_close)
                   VALUES ('A', '2024-07-01', 1, 'NaN')$$,
                 '23514', NULL, 'a column that was added is checked like one that was created');

-- Kinds of relation and of index ------------------------------------------------------------------------------------

CREATE SCHEMA kinds;
CREATE MATERIALIZED VIEW kinds.portfolio_snapshots AS SELECT 1 AS one;
CREATE SEQUENCE kinds.tags;
CREATE TYPE kinds.batch_runs AS (run_id bigint);
CREATE FOREIGN TABLE kinds.position_greeks (portfolio_id uuid) SERVER pb_server;
CREATE TABLE kinds.other (id int);
CREATE INDEX positions ON kinds.other (id);
CREATE VIEW kinds.position_interest_rate_beta AS SELECT 1 AS ir_beta;
SELECT set_eq($$SELECT object_name, expected, found FROM _portfolio_batch.analytics_misfits('kinds')
                WHERE problem = 'other kind of relation'$$,
              $$VALUES ('portfolio_snapshots', 'a table', 'a materialized view'), ('tags', 'a table', 'a sequence'),
                       ('batch_runs', 'a table', 'a composite type'), ('position_greeks', 'a table', 'a foreign table'),
                       ('positions', 'a table', 'an index')$$,
              'only tables are adopted as tables, and foreign tables only for what is not written');
SELECT set_has($$SELECT object_name, expected, found, remedy FROM _portfolio_batch.analytics_misfits('kinds')$$,
               $$VALUES ('position_interest_rate_beta.ir_beta', 'double precision', 'integer',
                         'DROP VIEW kinds.position_interest_rate_beta;')$$,
               'a view with other columns is refused too');

CREATE SCHEMA keys;
CREATE TABLE keys.interest_rates (series text, date date, rate float8, source text, fetched_at timestamptz,
                                  known_on date);
SELECT is((SELECT count(*) FROM _portfolio_batch.analytics_misfits('keys')), 1::bigint, 'no unique index');
CREATE INDEX ON keys.interest_rates (series, date);
CREATE UNIQUE INDEX ON keys.interest_rates (series, date, source);
CREATE UNIQUE INDEX ON keys.interest_rates (series, date) WHERE rate > 0;
CREATE UNIQUE INDEX ON keys.interest_rates (series, (date + 1));
CREATE UNIQUE INDEX ON keys.interest_rates (series) INCLUDE (date);
ALTER TABLE keys.interest_rates ADD UNIQUE (date, series) DEFERRABLE;
SELECT is((SELECT problem FROM _portfolio_batch.analytics_misfits('keys')), 'no unique index',
          'indexes that cannot tell rows apart at once do not count');
CREATE UNIQUE INDEX ON keys.interest_rates (date, series);
SELECT is((SELECT count(*) FROM _portfolio_batch.analytics_misfits('keys')), 0::bigint, 'a unique index in any order of columns does');

SELECT * FROM finish();
ROLLBACK;
