-- What becomes of fundamentals that a table source delivers. The procedure commits, so it has a database of its own.

\set QUIET 1
SET client_min_messages = warning;
DROP DATABASE IF EXISTS pb_fundamentals;
CREATE DATABASE pb_fundamentals;
\c pb_fundamentals
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET search_path = pb, public;
CREATE TEMP TABLE created AS SELECT * FROM create_analytics_tables();

SELECT plan(37);

INSERT INTO portfolios (id, name, inception_date, initial_equity)
VALUES ('00000000-0000-0000-0000-000000000001', 'one', '2024-01-02', 100000);
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, market_value)
SELECT '00000000-0000-0000-0000-000000000001', symbol, 'LONG', 10, 1, '2024-01-02', 10
FROM unnest(ARRAY['ZZTA', 'ZZTB', 'ZZTC']) AS symbol;

-- Without sources ---------------------------------------------------------------------------------------------------

CALL collect_fundamentals('2024-05-10');
SELECT is_empty('SELECT * FROM fundamental_state', 'where nobody is asked, nothing counts as an attempt');
SELECT results_eq('SELECT kind, target_date, status, symbols_requested, symbols_fetched FROM collections',
                  $$VALUES ('fundamentals', '2024-05-10'::date, 'success', 3, 0)$$, 'the record says what was due');
SELECT is((SELECT detail -> 'notes' ->> 2 FROM collections), 'no source or provider of statements is switched on',
          'and why nothing was fetched');
SELECT throws_ok('CALL pb.collect_fundamentals()', '2D000', NULL, 'it refuses to run inside a function');

-- Two sources -------------------------------------------------------------------------------------------------------

CREATE TABLE profiles_of_files (symbol text, company_name text, sector text, industry text, is_etf boolean,
                                employees integer, market_cap numeric, next_earnings_date date);
INSERT INTO profiles_of_files VALUES
  ('ZZTA', 'ZZTA Corp', 'Technology', 'Software', false, 12, 1234567890.1234, NULL),
  ('ZZTC', 'ZZTC Fund', NULL, NULL, true, NULL, NULL, NULL);
CREATE TABLE statements_of_files (symbol text, period_date date, frequency text, statement_table text, currency text,
                                  fiscal_year integer, fiscal_quarter integer, known_on date, total_revenue numeric,
                                  cost_of_revenue numeric, gross_profit numeric, net_income numeric,
                                  diluted_average_shares numeric, total_assets numeric, current_assets numeric,
                                  current_liabilities numeric, total_liabilities numeric,
                                  total_stockholders_equity numeric, operating_cash_flow numeric,
                                  capital_expenditures numeric);
CREATE TABLE statements_of_others (LIKE statements_of_files);
INSERT INTO statements_of_files (symbol, period_date, frequency, statement_table, currency, fiscal_year,
                                 fiscal_quarter, known_on, total_revenue, cost_of_revenue, gross_profit, net_income,
                                 diluted_average_shares)
VALUES ('ZZTA', '2024-03-31', 'q', 'income_statements', 'CNY', 2024, 1, '2024-05-03', 123456789012345.6789, 100, 50,
        -7.25, 1000.5);
INSERT INTO statements_of_files (symbol, period_date, frequency, statement_table, currency, known_on, total_assets,
                                 current_assets, current_liabilities, total_liabilities, total_stockholders_equity)
VALUES ('ZZTA', '2024-03-31', 'q', 'balance_sheets', 'CNY', '2024-05-03', 100, 60, 24, 90, 20);
INSERT INTO statements_of_others (symbol, period_date, frequency, statement_table, currency, total_revenue)
VALUES ('ZZTA', '2024-03-31', 'q', 'income_statements', 'USD', 1),
       ('ZZTB', '2024-03-31', 'q', 'income_statements', 'USD', 2);
INSERT INTO price_sources (name, kind, relation, priority)
VALUES ('files', 'profiles', 'pb.profiles_of_files', 1), ('files', 'statements', 'pb.statements_of_files', 1),
       ('others', 'statements', 'pb.statements_of_others', 2);

CALL collect_fundamentals('2024-05-10');
SELECT results_eq(
  $$SELECT symbol, company_name, sector, is_etf, employees, market_cap, data_source FROM company_profiles
    ORDER BY symbol$$,
  $$VALUES ('ZZTA', 'ZZTA Corp', 'Technology', false, 12, 1234567890.1234, 'files'),
           ('ZZTC', 'ZZTC Fund', NULL, true, NULL, NULL, 'files')$$, 'profiles are stored');
SELECT results_eq(
  $$SELECT provider, currency, fiscal_year, fiscal_quarter, known_on, total_revenue, net_income, diluted_average_shares
    FROM income_statements WHERE symbol = 'ZZTA'$$,
  $$VALUES ('files', 'CNY', 2024, 1, '2024-05-03'::date, 123456789012345.6789, -7.25, 1001::bigint)$$,
  'amounts keep their digits, shares are whole, and no other source is asked where one has answered');
SELECT is((SELECT gross_margin FROM income_statements WHERE symbol = 'ZZTA'),
          (50 / 123456789012345.6789)::double precision, 'margins follow from the parts');
SELECT results_eq(
  $$SELECT working_capital, current_ratio, debt_to_equity FROM balance_sheets WHERE symbol = 'ZZTA'$$,
  $$VALUES (36.0000, 2.5::double precision, NULL::double precision)$$, 'so do differences and ratios');
SELECT results_eq($$SELECT provider, total_revenue FROM income_statements WHERE symbol = 'ZZTB'$$,
                  $$VALUES ('others', 2.0000)$$, 'what the first source does not have comes from the next');
SELECT is_empty($$SELECT * FROM income_statements WHERE symbol = 'ZZTC'$$, 'a fund is asked for no statements');
SELECT results_eq(
  $$SELECT symbol, kind, provider, outcome, rows_received, rows_written FROM collection_results
    ORDER BY symbol, kind, provider$$,
  $$VALUES ('ZZTA', 'profiles', 'files', 'OK', 1::bigint, 1::bigint),
           ('ZZTA', 'statements', 'files', 'OK', 2, 2),
           ('ZZTB', 'profiles', 'files', 'NO_DATA', 0, 0),
           ('ZZTB', 'statements', 'files', 'NO_DATA', 0, 0),
           ('ZZTB', 'statements', 'others', 'OK', 1, 1),
           ('ZZTC', 'profiles', 'files', 'OK', 1, 1)$$, 'each answer is recorded');
SELECT matches((SELECT message FROM collection_results WHERE symbol = 'ZZTA' AND kind = 'statements'),
               'gross profit is not revenue less its cost.*liabilities and equity exceed assets',
               'what does not add up is told, and stored all the same');
SELECT results_eq(
  $$SELECT symbol, kind, provider, answered_for, last_success_at IS NOT NULL, last_new_data_at IS NOT NULL,
           last_period_end, no_data_count, failure_count FROM fundamental_state ORDER BY symbol, kind$$,
  $$VALUES ('ZZTA', 'profiles', 'files', '2024-05-10'::date, true, true, NULL::date, 0, 0),
           ('ZZTA', 'statements', 'files', '2024-05-10', true, true, NULL, 0, 0),
           ('ZZTB', 'profiles', NULL, '2024-05-10', false, false, NULL, 1, 0),
           ('ZZTB', 'statements', 'others', '2024-05-10', true, true, NULL, 0, 0),
           ('ZZTC', 'profiles', 'files', '2024-05-10', true, true, NULL, 0, 0)$$, 'and the state follows');
SELECT results_eq(
  $$SELECT status, symbols_requested, symbols_fetched, rows_written, detail -> 'providers'
    FROM collections ORDER BY collection_id DESC LIMIT 1$$,
  $$VALUES ('success', 3, 3, 5::bigint, '{"files": 3, "others": 1}'::jsonb)$$, 'the record of the collection sums up');

-- Again -------------------------------------------------------------------------------------------------------------

CALL collect_fundamentals('2024-05-10');
SELECT is((SELECT symbols_requested FROM collections ORDER BY collection_id DESC LIMIT 1), 2,
          'at once, only what nobody is switched on for is due');
SELECT is((SELECT count(*) FROM collection_results WHERE collection_id = (SELECT max(collection_id) FROM collections)),
          0::bigint, 'and nobody is asked');

-- What is not said, and what changes --------------------------------------------------------------------------------

UPDATE statements_of_files SET total_revenue = NULL, net_income = 8, known_on = NULL
WHERE statement_table = 'income_statements';
UPDATE profiles_of_files SET sector = NULL, employees = 13 WHERE symbol = 'ZZTA';
INSERT INTO statements_of_files (symbol, period_date, frequency, statement_table, currency, known_on,
                                 operating_cash_flow, capital_expenditures)
VALUES ('ZZTA', '2024-03-31', 'q', 'cash_flows', 'CNY', '2024-05-10', 30, -12.5);
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
SELECT results_eq(
  $$SELECT total_revenue, net_income, known_on, currency FROM income_statements WHERE symbol = 'ZZTA'$$,
  $$VALUES (123456789012345.6789, 8.0000, '2024-05-03'::date, 'CNY')$$, 'an absent value overwrites nothing');
SELECT results_eq($$SELECT sector, employees FROM company_profiles WHERE symbol = 'ZZTA'$$,
                  $$VALUES ('Technology', 13)$$, 'in a profile neither');
SELECT is((SELECT free_cash_flow FROM cash_flows WHERE symbol = 'ZZTA'), 17.5, 'free cash flow follows from its parts');
SELECT results_eq(
  $$SELECT last_period_end, expected_period_end, attempts_since_due FROM fundamental_state
    WHERE symbol = 'ZZTA' AND kind = 'statements'$$,
  $$VALUES ('2024-03-31'::date, '2024-06-30'::date, 0)$$, 'with the cash flow the quarter is complete');
SELECT is((SELECT reason FROM fundamentals_due('2024-05-13', '{ZZTA}') WHERE kind = 'statements'),
          'the period to 2024-06-30 is expected next, no earnings date is known', 'and the next one is awaited');
CREATE TEMP TABLE fetched AS SELECT fetched_at FROM income_statements WHERE symbol = 'ZZTA';
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
SELECT is((SELECT rows_written FROM collections ORDER BY collection_id DESC LIMIT 1), 0::bigint,
          'the same answer once more writes nothing');
SELECT results_eq($$SELECT fetched_at FROM income_statements WHERE symbol = 'ZZTA'$$, 'SELECT * FROM fetched',
                  'not even the time');

-- Another currency, another source ----------------------------------------------------------------------------------

UPDATE statements_of_files SET currency = 'USD', net_income = 9 WHERE statement_table = 'income_statements';
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
SELECT results_eq($$SELECT net_income, currency FROM income_statements WHERE symbol = 'ZZTA'$$,
                  $$VALUES (8.0000, 'CNY')$$, 'a row takes no figures of another currency');
SELECT matches((SELECT message FROM collection_results WHERE symbol = 'ZZTA' AND kind = 'statements'
                ORDER BY collection_id DESC LIMIT 1), '1 in another currency than before are left out',
               'which the record tells');
DELETE FROM statements_of_files;
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
SELECT results_eq(
  $$SELECT provider, no_data_count, last_period_end FROM fundamental_state
    WHERE symbol = 'ZZTA' AND kind = 'statements'$$,
  $$VALUES ('files', 2, '2024-03-31'::date)$$, 'a source that has nothing twice keeps its series');
SELECT is((SELECT count(*) FROM income_statements WHERE symbol = 'ZZTA'), 1::bigint, 'and its rows');
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
CALL collect_fundamentals('2024-05-10', '{ZZTA}', true);
SELECT results_eq(
  $$SELECT s.provider, i.total_revenue, i.currency FROM fundamental_state s
    JOIN income_statements i ON i.symbol = s.symbol AND i.provider = s.provider
    WHERE s.symbol = 'ZZTA' AND s.kind = 'statements'$$,
  $$VALUES ('others', 1.0000, 'USD')$$, 'after three times the next source begins one of its own');
SELECT is((SELECT total_revenue FROM income_statements WHERE symbol = 'ZZTA' AND provider = 'files'),
          123456789012345.6789, 'and the former one stays as it was');

-- One symbol that cannot be stored ----------------------------------------------------------------------------------

UPDATE statements_of_others SET total_revenue = 1e17 WHERE symbol = 'ZZTA';
UPDATE statements_of_others SET total_revenue = 3 WHERE symbol = 'ZZTB';
CALL collect_fundamentals('2024-05-10', '{ZZTA,ZZTB}', true);
SELECT results_eq(
  $$SELECT symbol, outcome, message IS NOT NULL FROM collection_results
    WHERE collection_id = (SELECT max(collection_id) FROM collections) AND kind = 'statements' ORDER BY symbol$$,
  $$VALUES ('ZZTA', 'MALFORMED', true), ('ZZTB', 'OK', false)$$, 'a symbol whose rows cannot be stored fails alone');
SELECT is((SELECT total_revenue FROM income_statements WHERE symbol = 'ZZTB'), 3.0000, 'the others are stored');
SELECT is((SELECT status FROM collections ORDER BY collection_id DESC LIMIT 1), 'partial', 'the collection is partial');
SELECT results_eq(
  $$SELECT provider, failure_count, last_error, last_success_at IS NOT NULL FROM fundamental_state
    WHERE symbol = 'ZZTA' AND kind = 'statements'$$,
  $$VALUES ('others', 1, 'numeric field overflow', true)$$, 'a failure leaves what is known');
SELECT is((SELECT reason FROM fundamentals_due(NULL, '{ZZTA}') WHERE kind = 'statements'),
          'failed 1 time in a row, again 1 hour after the last', 'and is tried again after an hour');

-- In a run -----------------------------------------------------------------------------------------------------------

SELECT results_eq(
  $$SELECT status, processed, skipped, failed, detail FROM run_daily_batch('2024-05-10', phases => '{1.5}')
    WHERE phase = '1.5'$$,
  $$VALUES ('success', 2::bigint, 0::bigint, 0::bigint,
            '2 of 2 symbols with something due were fetched; …')$$, 'a run says what was due and fetched');
SELECT is((SELECT detail FROM run_daily_batch('2024-05-09', phases => '{1.5}') WHERE phase = '1.5'),
          'not collected for the date; …', 'and where nothing was collected');

-- The past ----------------------------------------------------------------------------------------------------------

CALL collect_fundamentals('2024-04-10', '{ZZTB}');
SELECT is((SELECT answered_for FROM fundamental_state WHERE symbol = 'ZZTB' AND kind = 'statements'), '2024-05-10',
          'a session before the last answer is not collected');

SELECT * FROM finish();
\c postgres
DROP DATABASE pb_fundamentals;
