-- Fundamentals: which are due and why, and what becomes of what sources deliver.

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET LOCAL search_path = pb, public;
CREATE TEMP TABLE created AS SELECT * FROM create_analytics_tables();

SELECT plan(16);

-- Which are due -----------------------------------------------------------------------------------------------------

INSERT INTO portfolios (id, name, inception_date, initial_equity, is_active)
VALUES ('00000000-0000-0000-0000-000000000001', 'one', '2024-01-02', 100000, true),
       ('00000000-0000-0000-0000-000000000002', 'closed', '2024-01-02', 100000, false);
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, exit_date, exit_price,
                       underlying_symbol, strike_price, expiration_date, investment_class)
SELECT format('00000000-0000-0000-0000-00000000000%s', portfolio)::uuid, symbol, kind, quantity, 1, '2024-01-02',
       closed::date, CASE WHEN closed IS NOT NULL THEN 1 END, underlying, CASE WHEN underlying IS NOT NULL THEN 150 END,
       CASE WHEN underlying IS NOT NULL THEN '2025-01-17'::date END, class
FROM (VALUES
  (1, 'ZZTA',                  'LONG',  10, NULL,         NULL,   NULL),
  (1, 'ZZTB',                  'LONG',  10, NULL,         NULL,   NULL),
  (1, 'SPY',                   'SHORT', -1, NULL,         NULL,   NULL),
  (1, 'ZZTO  250117C00150000', 'LC',     1, NULL,         'ZZTO', NULL),
  (1, 'ZZT_HOUSE',             'LONG',   1, NULL,         NULL,   'PRIVATE'),
  (1, 'ZZTGONE',               'LONG',   1, '2024-02-01', NULL,   NULL),
  (2, 'ZZTELSE',               'LONG',   1, NULL,         NULL,   NULL))
  AS v (portfolio, symbol, kind, quantity, closed, underlying, class);

SELECT results_eq(
  $$SELECT symbol, string_agg(kind, ' ' ORDER BY kind) FILTER (WHERE is_due) FROM fundamentals_due('2024-06-28')
    GROUP BY symbol ORDER BY symbol COLLATE "C"$$,
  $$VALUES ('SPY', 'profiles'), ('ZZTA', 'earnings_dates estimates profiles statements'),
           ('ZZTB', 'earnings_dates estimates profiles statements'),
           ('ZZTO', 'earnings_dates estimates profiles statements'), ('ZZTO  250117C00150000', NULL),
           ('ZZT_HOUSE', NULL)$$,
  'companies are asked for all, funds for their profile, options and private positions for nothing');
SELECT is((SELECT DISTINCT reason FROM fundamentals_due('2024-06-28') WHERE symbol = 'ZZTA'), 'never asked',
          'what was never asked is due');
SELECT is((SELECT DISTINCT reason FROM fundamentals_due('2024-06-28') WHERE symbol LIKE 'ZZTO  %'),
          'options have no fundamentals', 'an option says why not');
SELECT is((SELECT DISTINCT reason FROM fundamentals_due('2024-06-28') WHERE symbol = 'ZZT_HOUSE'),
          'private positions are not asked for', 'a private position says why not');
SELECT is((SELECT reason FROM fundamentals_due('2024-06-28') WHERE symbol = 'SPY' AND kind = 'statements'),
          'funds report no earnings', 'a symbol of factors is a fund');
SELECT is((SELECT count(*)::int FROM fundamentals_due('2024-06-28', '{ZZTX,^ZZT}')), 8,
          'symbols that are named are there, held or not');
SELECT is((SELECT count(*)::int FROM fundamentals_due('2024-06-28', '{}')), 0, 'none of no symbols');

INSERT INTO company_profiles (symbol, is_fund) VALUES ('ZZTB', true);
SELECT is((SELECT string_agg(kind, ' ') FILTER (WHERE is_due) FROM fundamentals_due('2024-06-28', '{ZZTB}')),
          'profiles', 'the profile says what is a fund');

INSERT INTO fundamental_state (symbol, kind, provider, answered_for, last_success_at, expected_period_end)
VALUES ('ZZTA', 'statements', 'filed', '2024-04-15', '2024-04-15 22:00+00', '2024-03-31');
SELECT results_eq(
  $$SELECT is_due, reason, next_due, last_success_at, provider FROM fundamentals_due('2024-04-24', '{ZZTA}')
    WHERE kind = 'statements'$$,
  $$VALUES (false, 'the period to 2024-03-31 is expected next, no earnings date is known', '2024-04-25'::date,
            '2024-04-15 22:00+00'::timestamptz, 'filed')$$, 'statements wait for the deadlines of filings');
SELECT results_eq(
  $$SELECT is_due, reason, next_due FROM fundamentals_due('2024-04-25', '{ZZTA}') WHERE kind = 'statements'$$,
  $$VALUES (true, 'the period to 2024-03-31 ended 25 days ago, no earnings date is known, and it is not complete',
            '2024-04-25'::date)$$, 'and are due when the first has come');
INSERT INTO fundamental_state (symbol, kind, answered_for, earnings_first, earnings_last, earnings_status)
VALUES ('ZZTA', 'earnings_dates', '2024-04-24', '2024-05-02', '2024-05-02', 'confirmed');
SELECT results_eq(
  $$SELECT is_due, reason, next_due FROM fundamentals_due('2024-04-25', '{ZZTA}') WHERE kind = 'statements'$$,
  $$VALUES (false, 'the period to 2024-03-31 is reported on 2024-05-02', '2024-05-03'::date)$$,
  'an earnings date is better than a deadline');
SELECT results_eq(
  $$SELECT kind, next_due FROM fundamentals_due('2024-04-25', '{ZZTA}') WHERE kind = 'earnings_dates'$$,
  $$VALUES ('earnings_dates', '2024-04-27'::date)$$, 'and is asked for again before it comes');
SELECT is((SELECT reason FROM fundamentals_due('2024-04-11', '{ZZTA}') WHERE kind = 'statements'),
          'answered as of 2024-04-15, a later session', 'the past is not collected again');
UPDATE fundamental_state SET failure_count = 2, last_attempt_at = now() WHERE symbol = 'ZZTA' AND kind = 'statements';
SELECT is((SELECT reason FROM fundamentals_due(NULL, '{ZZTA}') WHERE kind = 'statements'),
          'failed 2 times in a row, again 4 hours after the last', 'a failure is tried again after hours');
UPDATE fundamental_state SET failure_count = 0, no_data_count = 3 WHERE symbol = 'ZZTA' AND kind = 'statements';
SELECT results_eq(
  $$SELECT is_due, next_due FROM fundamentals_due('2024-04-25', '{ZZTA}') WHERE kind = 'statements'$$,
  $$VALUES (false, '2024-05-13'::date)$$, 'no data is asked for again after weeks');

SELECT throws_like($$SELECT * FROM fundamentals_due('2024-04-25', ARRAY['ZZTA', NULL])$$, '%NULL%',
                   'NULL is no symbol');

SELECT * FROM finish();
ROLLBACK;
