-- Sources of one's own: what is registered and what is refused, quarantined prices, and who may do what.

\ir include/prelude.psql
SELECT plan(85);

CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
CREATE ROLE pb_stranger;
CREATE SCHEMA feed;
CREATE TABLE feed.eod (ticker text, day date, px_last numeric, px_open text, volume bigint, venue text);
INSERT INTO feed.eod VALUES ('ZZTA', '2024-07-08', 10.5, '10.4', 100, 'X'), ('ZZTA', '2024-07-09', 10.6, 'N/A', 90, 'X'),
                            ('ZZTB', '2024-07-10', 20, NULL, NULL, 'X');

-- Registered ---------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT * FROM register_price_source('vendor', 'feed.eod',
                      '{"symbol": "ticker", "date": "day", "close": "px_last", "open": "px_open", "currency": "=USD"}')$$,
                  $$VALUES ('vendor', 'prices', 'feed.eod', 'symbol = ticker, date = day, close = px_last, '
                            'open = px_open, volume, currency = USD', 'venue', 3::bigint, '2024-07-08'::date,
                            '2024-07-10'::date)$$, 'a table with other names is registered');
SELECT results_eq('SELECT * FROM price_sources',
                  $$VALUES ('vendor', 'prices', 'feed.eod', '{"symbol": "ticker", "date": "day", "close": "px_last",
                             "open": "px_open", "currency": "=USD"}'::jsonb, 10, true)$$, 'as it was said');
SELECT lives_ok($$SELECT register_price_source('vendor', 'feed.eod',
                    '{"symbol": "ticker", "date": "day", "close": "px_last", "adjustment": "=split"}', 5)$$,
                'registered again');
SELECT results_eq('SELECT priority, mapping ->> ''adjustment'' FROM price_sources', $$VALUES (5, '=split')$$,
                  'it takes the place of the former');
CREATE VIEW feed."Odd ""name""" AS
SELECT 'ZZTA' AS symbol, '2024-07-08T20:00:00Z'::timestamptz AS "date", 1 AS "close";
SELECT results_eq($$SELECT relation_name, columns, first_date FROM register_price_source('odd', 'feed."Odd ""name"""')$$,
                  $$VALUES ('feed."Odd ""name"""', 'symbol, date, close', '2024-07-08'::date)$$,
                  'a view with a name that has to be quoted');
SELECT results_eq($$SELECT m.expression FROM _portfolio_batch.mapped_source_columns('feed."Odd ""name"""'::regclass,
                      'prices', '{"currency": "=it''s"}') AS m ORDER BY 1$$,
                  $$VALUES ('''it''''s'''), ('(s.date AT TIME ZONE ''America/New_York'')::date'), ('s.close'),
                           ('s.symbol')$$, 'names and constants are quoted');
CREATE TABLE feed.actions (symbol text, ex_date date, kind text, amount float8);
SELECT lives_ok($$SELECT register_price_source('vendor', 'feed.actions', kind => 'corporate_actions')$$,
                'another kind of the same name');
CREATE TABLE feed.curve (series text, date date, rate float4);
SELECT lives_ok($$SELECT register_price_source('curve', 'feed.curve', kind => 'yields')$$, 'yields');
CREATE TABLE feed.profiles (symbol text, sector text, pe_ratio float8, is_etf boolean);
SELECT results_eq($$SELECT columns, first_date FROM register_price_source('people', 'feed.profiles', kind => 'profiles')$$,
                  $$VALUES ('symbol, sector, is_etf, pe_ratio', NULL::date)$$, 'profiles have no date');
CREATE TABLE feed.income (symbol text, period_date date, frequency text, net_income numeric, diluted_eps numeric);
SELECT results_eq($$SELECT columns FROM register_price_source('books', 'feed.income',
                      '{"statement_table": "=income_statements"}', kind => 'statements')$$,
                  $$VALUES ('symbol, period_date, frequency, statement_table = income_statements, net_income, '
                            'diluted_eps')$$, 'statements of one table');
CREATE TABLE feed.texts (symbol text, date text, close text);
INSERT INTO feed.texts VALUES ('ZZTA', '2024-07-08', '1'), ('ZZTA', 'N/A', 'x'), ('ZZTA', '2024-02-31', 'x');
SELECT results_eq($$SELECT row_count, first_date, last_date FROM register_price_source('texts', 'feed.texts')$$,
                  $$VALUES (3::bigint, '2024-07-08'::date, '2024-07-08'::date)$$, 'texts that are no dates are no error');

-- Refused ------------------------------------------------------------------------------------------------------------

CREATE TABLE sources_before AS SELECT * FROM price_sources;
SELECT results_eq($q$SELECT state, message, detail
                         FROM pg_temp.error_of($$SELECT register_price_source('bad', 'feed.eod')$$)$q$,
          $$VALUES ('42703', 'feed.eod does not fit a source of prices',
           'close: feed.eod has no column of that name, and the mapping names none; date: feed.eod has no column of '
           'that name, and the mapping names none; symbol: feed.eod has no column of that name, and the mapping names '
           'none.')$$, 'columns that are missing are named, all of them');
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'feed.eod', '{"symbol": "ticker", "date": "day",
                              "close": "venue", "high": "nothing", "cloze": "px_last", "low": 3}')$$)).detail,
          'cloze: a source of prices has no such column; high: feed.eod has no column "nothing"; low: 3 is no name of '
          'a column.', 'unknown keys and columns as well');
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'feed.eod', '{"symbol": "ticker", "date": "volume",
                              "close": "day"}')$$)).detail,
          'close: column "day" has type date, which is no number; date: column "volume" has type int8, which is no '
          'date.', 'and types that do not fit');
SELECT is((pg_temp.error_of($$SELECT register_price_source('yahoo', 'feed.texts')$$)).state, '22023',
          'a provider is no source');
SELECT is((pg_temp.error_of($$SELECT register_price_source('Bad name', 'feed.texts')$$)).state, '22023', 'a bad name');
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'feed.texts', kind => 'news')$$)).message,
          'there are no sources of kind "news"', 'a kind that there is not');
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'feed.texts', '[1]')$$)).state, '22023',
          'a mapping that is no object');
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', NULL)$$)).state, '22023', 'no relation');
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'feed.absent')$$)).state, '42P01',
          'a relation that is not there');
CREATE TEMP TABLE staged (symbol text, date date, close float8);
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'staged')$$)).state, '42809', 'a temporary table');
CREATE SEQUENCE feed.numbers;
SELECT is((pg_temp.error_of($$SELECT register_price_source('bad', 'feed.numbers')$$)).state, '42809', 'a sequence');
SELECT set_eq('SELECT * FROM price_sources', 'SELECT * FROM sources_before', 'what is refused changes nothing');

-- What is read ------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT * FROM preview_price_source('vendor', '{ZZTB,ZZTA,ZZTC}', '2024-07-08', '2024-07-10')$$,
                  $$VALUES ('ZZTB', 'OK', 1::bigint, '2024-07-10'::date, '2024-07-10'::date, NULL),
                           ('ZZTA', 'PENDING', 2, '2024-07-08', '2024-07-09', NULL),
                           ('ZZTC', 'NO_DATA', 0, NULL, NULL, NULL)$$, 'a source is read by symbol and day');
SELECT results_eq($$SELECT row_count FROM preview_price_source('vendor', '{ZZTA}', '2024-07-09', '2024-07-09')$$,
                  'VALUES (1::bigint)', 'of the days that are asked for');
INSERT INTO symbol_aliases VALUES ('ZZTN', 'vendor', 'ZZTA', '1900-01-01', '2024-07-08'),
                                  ('ZZTN', 'vendor', 'ZZTB', '2024-07-09', NULL), ('ZZTM', 'other', 'ZZTA', DEFAULT, NULL);
SELECT results_eq($$SELECT symbol, row_count, first_date, last_date
                    FROM preview_price_source('vendor', '{ZZTN,ZZTM,ZZTA}', '2024-07-01', '2024-07-31')$$,
                  $$VALUES ('ZZTN', 2::bigint, '2024-07-08'::date, '2024-07-10'::date),
                           ('ZZTM', 0, NULL, NULL), ('ZZTA', 2, '2024-07-08', '2024-07-09')$$,
                  'under its names there, each on its days');
INSERT INTO feed.texts VALUES ('ZZTA', '2024-07-09', 'N/A'), ('ZZTA', '20240710', ' 1e1 '), ('ZZTA', '2024-07-11', '12,5'),
                              ('ZZTB', '2024-07-11', '1'), ('ZZTB', '2024-07-11', '2'), ('ZZTD', '2024-07-11', '3'),
                              ('ZZTD', '2024-07-11', '3.0'), ('ZZTE', '2024-07-12', 'x'), ('ZZTF', '2024-07-12', '+1');
SELECT results_eq($$SELECT * FROM preview_price_source('texts', '{ZZTA,ZZTB,ZZTD,ZZTE,ZZTF}', '2024-07-08', '2024-07-12')$$,
                  $$VALUES ('ZZTA', 'PENDING', 3::bigint, '2024-07-08'::date, '2024-07-10'::date,
                            '3 rows rejected, the first: date is not there'),
                           ('ZZTB', 'MALFORMED', 0, NULL, NULL, '2 rows rejected, the first: different prices of '
                            '2024-07-11'), ('ZZTD', 'PENDING', 1, '2024-07-11', '2024-07-11', NULL),
                           ('ZZTE', 'MALFORMED', 0, NULL, NULL, 'close: "x" is no number'),
                           ('ZZTF', 'OK', 1, '2024-07-12', '2024-07-12', NULL)$$,
                  'a value that is none rejects its row, not the others');
INSERT INTO feed.actions VALUES ('ZZTA', '2024-07-08', 'dividend', 1), ('ZZTA', '2024-07-09', 'split', NULL),
                                ('ZZTA', '2024-07-10', 'party', 1), ('ZZTA', '2024-07-11', 'dividend', -1);
SELECT results_eq($$SELECT outcome, row_count, message FROM preview_price_source('vendor', '{ZZTA}', '2024-07-08',
                      '2024-07-12', 'corporate_actions')$$,
                  $$VALUES ('OK', 1::bigint, '3 rows rejected, the first: ratio_numerator is not there')$$, 'actions');
INSERT INTO feed.curve VALUES ('DGS10', '2024-07-08', 4.25), ('DGS10', '2024-07-09', NULL), ('DGS2', '2024-07-09', 5);
SELECT results_eq($$SELECT symbol, outcome, row_count FROM preview_price_source('curve', '{DGS10}', '2024-07-08',
                      '2024-07-12', 'yields')$$, $$VALUES ('DGS10', 'OK', 1::bigint)$$, 'yields');
INSERT INTO feed.profiles VALUES ('ZZTA', 'Energy', 12, false), ('ZZTB', 'N/A', NULL, NULL);
SELECT results_eq($$SELECT symbol, outcome, row_count FROM preview_price_source('people', '{ZZTA,ZZTC}', '2024-07-08',
                      '2024-07-12', 'profiles')$$, $$VALUES ('ZZTA', 'OK', 1::bigint), ('ZZTC', 'NO_DATA', 0)$$,
                  'profiles');
INSERT INTO feed.income VALUES ('ZZTA', '2024-06-28', 'q', 100, 1.5), ('ZZTA', '2024-03-12', 'x', 100, 1.5);
SELECT results_eq($$SELECT outcome, row_count, first_date, message FROM preview_price_source('books', '{ZZTA}',
                      '2024-07-08', '2024-07-12', 'statements')$$,
                  $$VALUES ('OK', 1::bigint, '2024-06-30'::date, 'frequency: "x" is neither q nor a')$$,
                  'statements, by the end of the month that is near');
SELECT is((pg_temp.error_of($$SELECT preview_price_source('vendor', '{ZZTA}', '2024-07-08', '2024-07-12', 'yields')$$)).state,
          '42704', 'a source that is not registered');
SELECT is((pg_temp.error_of($$SELECT preview_price_source('vendor', NULL, '2024-07-08', '2024-07-12')$$)).state, '22023',
          'nothing asked for');

-- The report ---------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT source, enabled, reads, status FROM price_source_report() WHERE kind = 'prices'$$,
                  $$VALUES ('vendor', true, 'feed.eod', 'ready'), ('odd', true, 'feed."Odd ""name"""', 'ready'),
                           ('texts', true, 'feed.texts', 'ready'), ('yahoo', false, 'network', 'switched off'),
                           ('fmp', false, 'network', 'switched off'), ('polygon', false, 'network', 'switched off'),
                           ('tiingo', false, 'network', 'switched off')$$, 'in the order in which they are asked');
UPDATE provider_priority SET is_enabled = true WHERE kind = 'prices' AND provider IN ('yahoo', 'fmp');
INSERT INTO provider_state (provider, closed_until, reason) VALUES ('yahoo', now() + interval '1 hour', 'BLOCKED');
DROP VIEW feed."Odd ""name""";
ALTER TABLE feed.eod RENAME COLUMN px_last TO px;
INSERT INTO collection_results (collection_id, symbol, kind, provider, outcome, completed_at)
VALUES (1, 'ZZTA', 'prices', 'vendor', 'NO_DATA', '2024-07-08'), (2, 'ZZTA', 'prices', 'vendor', 'OK', '2024-07-09');
SELECT results_eq($$SELECT source, status COLLATE "C" ~ w.pattern, last_outcome FROM price_source_report()
                    JOIN (VALUES ('vendor', '^close: feed.eod has no column "px_last"$'),
                                 ('odd', '^the relation is not there$'), ('yahoo', '^not asked before .*: BLOCKED$'),
                                 ('fmp', '^ready$')) AS w (name, pattern) ON w.name = source
                    WHERE kind = 'prices'$$,
                  $$VALUES ('vendor', true, 'OK'), ('odd', true, NULL), ('yahoo', true, NULL), ('fmp', true, NULL)$$,
                  'what cannot be asked says why');

SELECT is(unregister_price_source('odd'), 1::bigint, 'a source is removed');
SELECT is(unregister_price_source('vendor', 'corporate_actions'), 1::bigint, 'of one kind');
SELECT is((SELECT count(*) FROM price_sources WHERE name = 'vendor'), 1::bigint, 'the other kind stays');
SELECT is((pg_temp.error_of($$SELECT unregister_price_source('vendor', 'yields')$$)).message,
          'there is no source "vendor" of yields', 'one that there is not');

-- The order of providers is seeded, and what somebody changed stays ----------------------------------------------------

UPDATE provider_priority SET priority = 99 WHERE kind = 'prices' AND provider = 'fmp';
DELETE FROM provider_priority WHERE kind = 'yields';
SELECT count(*) AS objects FROM create_analytics_tables() \gset
SELECT results_eq($$SELECT priority, is_enabled FROM provider_priority WHERE kind = 'prices' AND provider = 'fmp'$$,
                  $$VALUES (99, true)$$, 'a changed row stays');
SELECT results_eq($$SELECT provider, is_enabled FROM provider_priority WHERE kind = 'yields' ORDER BY priority$$,
                  $$VALUES ('fred', false), ('treasury', false)$$, 'a deleted one comes back, switched off');

-- Quarantine ---------------------------------------------------------------------------------------------------------

INSERT INTO market_data_cache (symbol, date, close, data_source, fetched_at)
VALUES ('ZZTA', '2024-07-09', 11, 'csv', '2024-07-09 21:00Z'), ('ZZTA', '2024-07-10', 11, 'csv', '2024-07-10 21:00Z');
INSERT INTO price_quarantine (symbol, date, data_source, open, close, adj_close, adjustment, gate, facts, created_at)
VALUES ('ZZTA', '2024-07-09', 'vendor', 0, 50, 50, 'split', 'jump', '{"ratio": 4.5, "limit": 0.4}', '2024-07-09 22:00Z'),
       ('ZZTA', '2024-07-10', 'vendor', NULL, 51, NULL, 'raw', 'jump', '{}', now()),
       ('ZZTA', '2024-07-11', 'vendor', NULL, 52, NULL, 'raw', 'jump', '{}', now()),
       ('ZZTA', '2024-07-11', 'other', NULL, 53, NULL, 'raw', 'jump', '{}', now()),
       ('ZZTB', '2024-07-11', 'vendor', NULL, NULL, NULL, 'raw', 'not_positive', '{}', now()),
       ('ZZTB', '2024-07-12', 'vendor', NULL, -1, NULL, 'raw', 'not_positive', '{}', now());
SELECT results_eq($$SELECT date, source, gate, close, stored_close, facts, status FROM quarantined_prices('ZZTA')$$,
                  $$VALUES ('2024-07-09'::date, 'vendor', 'jump', 50::float8, 11::float8, 'limit 0.4, ratio 4.5', 'open'),
                           ('2024-07-10', 'vendor', 'jump', 51, 11, NULL, 'open'),
                           ('2024-07-11', 'other', 'jump', 53, NULL, NULL, 'open'),
                           ('2024-07-11', 'vendor', 'jump', 52, NULL, NULL, 'open')$$, 'what waits is listed');
SELECT is((SELECT count(*) FROM quarantined_prices()), 6::bigint, 'of all symbols');
SELECT results_eq($$SELECT * FROM accept_quarantined('ZZTA', '2024-07-09')$$,
                  $$VALUES ('ZZTA', '2024-07-09'::date, 'vendor', 50::float8, 11::float8)$$, 'one is accepted');
SELECT results_eq($$SELECT open, close, adj_close, adjustment, data_source, fetched_at = '2024-07-09 22:00Z'
                    FROM market_data_cache WHERE symbol = 'ZZTA' AND date = '2024-07-09'$$,
                  $$VALUES (NULL::float8, 50::float8, 50::float8, 'split', 'vendor', true)$$,
                  'it is stored, without what is no price, as of when it was fetched');
SELECT results_eq($$SELECT close, data_source, fetched_at, reason, new_source FROM market_data_revisions$$,
                  $$VALUES (11::float8, 'csv', '2024-07-09 21:00Z'::timestamptz, 'accepted', 'vendor')$$,
                  'what it took the place of is kept');
SELECT results_eq($$SELECT status, decided_by, decided_at = now() FROM price_quarantine
                    WHERE symbol = 'ZZTA' AND date = '2024-07-09'$$,
                  $$VALUES ('accepted', session_user::text COLLATE "default", true)$$, 'and who decided');
SELECT is((pg_temp.error_of($$SELECT accept_quarantined('ZZTA', '2024-07-09')$$)).message,
          'no price of ZZTA on 2024-07-09 waits for a decision', 'once');
SELECT is((pg_temp.error_of($$SELECT accept_quarantined('ZZTA', '2024-07-09', through => '2024-07-11')$$)).message,
          '2 sources have a price of ZZTA on 2024-07-11 in quarantine', 'which of two is asked');
SELECT is((SELECT close FROM market_data_cache WHERE symbol = 'ZZTA' AND date = '2024-07-10'), 11::double precision,
          'and nothing of the span is changed');
SELECT is((SELECT count(*) FROM accept_quarantined('ZZTA', '2024-07-09', 'vendor', through => '2024-07-31')),
          2::bigint, 'a span of one source');
SELECT results_eq($$SELECT date, close FROM market_data_cache WHERE symbol = 'ZZTA' ORDER BY date$$,
                  $$VALUES ('2024-07-09'::date, 50::float8), ('2024-07-10', 51), ('2024-07-11', 52)$$,
                  'is stored, also where there was no price');
SELECT is((SELECT count(*) FROM market_data_revisions), 2::bigint, 'a price that was none leaves no former one');
SELECT results_eq($$SELECT * FROM reject_quarantined('ZZTA', '2024-07-11')$$,
                  $$VALUES ('ZZTA', '2024-07-11'::date, 'other', 53::float8, 52::float8)$$, 'one is rejected');
SELECT is((SELECT close FROM market_data_cache WHERE symbol = 'ZZTA' AND date = '2024-07-11'), 52::double precision,
          'and what is stored stays');
SELECT is((pg_temp.error_of($$SELECT accept_quarantined('ZZTA', '2024-07-11')$$)).state, '42704',
          'a rejected one does not wait');
SELECT is((SELECT count(*) FROM accept_quarantined('ZZTA', '2024-07-11', 'other')), 1::bigint,
          'unless its source is named');
SELECT is((pg_temp.error_of($$SELECT accept_quarantined('ZZTB', '2024-07-11')$$)).detail, 'Its close is NULL.',
          'no price is none to accept');
SELECT is((pg_temp.error_of($$SELECT accept_quarantined('ZZTB', '2024-07-12')$$)).state, '23514', 'nor a negative one');
SELECT is((pg_temp.error_of($$SELECT accept_quarantined(NULL, '2024-07-12')$$)).state, '22023', 'no symbol');
SELECT is((pg_temp.error_of($$SELECT reject_quarantined('ZZTB', 'infinity')$$)).state, '22008', 'no infinite date');
SELECT is((pg_temp.error_of($$SELECT reject_quarantined('ZZTB', '2024-07-12', through => '2024-07-11')$$)).state, '22023',
          'nor a span that ends before it begins');
SELECT is((SELECT count(*) FROM quarantined_prices('ZZTB') AS q,
                  reject_quarantined(q.quarantined_symbol, q.date, q.source)), 2::bigint, 'several at once');
SELECT is_empty('SELECT * FROM quarantined_prices()', 'then nothing waits');
SELECT is((SELECT count(*) FROM quarantined_prices(decided => true)), 6::bigint, 'all is kept');

-- A file that was copied into a table ----------------------------------------------------------------------------------

CREATE TEMP TABLE staging (symbol text, date text, price text, ccy text);
INSERT INTO staging VALUES
  ('ZZTX', '2024-07-08', '100', NULL), ('ZZTX', '2024-07-09', '101', NULL), ('ZZTX', '2024-07-10', '400', NULL),
  ('ZZTX', '2024-07-11', '102', NULL), ('ZZTX', '2024-07-12', 'N/A', NULL), ('ZZTX', '2024-07-13', '102', NULL),
  ('ZZTX', '1980-01-02', '1', NULL), ('ZZTY', '2024-07-12', '5', NULL), ('', '2024-07-12', '5', NULL),
  ('ZZTY', 'yesterday', '5', NULL), ('ZZTZ', '2024-07-12', '250', 'GBp');
INSERT INTO market_data_cache (symbol, date, close, data_source) VALUES ('ZZTY', '2024-07-12', 6, 'vendor');
SELECT results_eq($$SELECT row_count, written, unchanged, quarantined, rejected, symbols
                    FROM import_prices_csv('staging', '{"close": "price", "currency": "ccy"}')$$,
                  $$VALUES (11::bigint, 4::bigint, 1::bigint, 2::bigint, 4::bigint, 3::bigint)$$,
                  'a file is imported through the gates, and its rows are accounted for');
SELECT results_eq($$SELECT symbol, date, close, adjustment, data_source, is_final FROM market_data_cache
                    WHERE symbol IN ('ZZTX', 'ZZTY', 'ZZTZ') ORDER BY symbol, date$$,
                  $$VALUES ('ZZTX', '2024-07-08'::date, 100::float8, 'raw', 'csv', true),
                           ('ZZTX', '2024-07-09', 101, 'raw', 'csv', true),
                           ('ZZTX', '2024-07-11', 102, 'raw', 'csv', true),
                           ('ZZTY', '2024-07-12', 6, 'raw', 'vendor', true),
                           ('ZZTZ', '2024-07-12', 2.5, 'raw', 'csv', true)$$,
                  'prices of another source stay, pence are converted');
SELECT results_eq($$SELECT date, gate FROM quarantined_prices('ZZTX')$$,
                  $$VALUES ('2024-07-10'::date, 'jump'), ('2024-07-13', 'not_a_session')$$, 'suspects are set aside');
SELECT results_eq($$SELECT kind, status, rows_written, detail -> 'reasons' FROM collections
                    ORDER BY collection_id DESC LIMIT 1$$,
                  $$VALUES ('import', 'partial', 4::bigint, '["symbol is not there",
                            "ZZTY date: \"yesterday\" is no date",
                            "ZZTX date: before 1990-01-02, where the calendar begins",
                            "ZZTX close is not there"]'::jsonb)$$, 'the record says why rows were rejected');
SELECT results_eq($$SELECT written, unchanged, quarantined
                    FROM import_prices_csv('staging', '{"close": "price", "currency": "ccy"}')$$,
                  $$VALUES (0::bigint, 5::bigint, 2::bigint)$$, 'again: nothing is written');
UPDATE staging SET price = '103' WHERE date = '2024-07-11';
SELECT results_eq($$SELECT written FROM import_prices_csv('staging', '{"close": "price", "currency": "ccy"}')$$,
                  $$VALUES (1::bigint)$$, 'a correction of the same source is written');
SELECT results_eq($$SELECT close, reason FROM market_data_revisions WHERE symbol = 'ZZTX'$$,
                  $$VALUES (102::float8, 'correction')$$, 'and the former price is kept');
SELECT is((pg_temp.error_of($$SELECT import_prices_csv('staging')$$)).state, '42703', 'a file without a column');
SELECT is((pg_temp.error_of($$SELECT import_prices_csv('staging', 'x')$$)).state, '22P02', 'a mapping that is no JSON');
SELECT is((pg_temp.error_of($$SELECT import_prices_csv(NULL)$$)).state, '22023', 'no table');

-- The night sees it ---------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT "check", entity, status, detail
                           ~ '^(collection [0-9]+ of .*: partial|not asked before .*: BLOCKED|2 from 2024-07-10 to 2024-07-13: jump, not_a_session)$' FROM batch_audit('2024-07-12')
                    WHERE "check" IN ('quarantined prices', 'collections', 'providers') ORDER BY 1, 2$$,
                  $$VALUES ('collections', 'import', 'amber', true),
                           ('providers', 'yahoo', 'amber', true),
                           ('quarantined prices', 'ZZTX', 'amber', true)$$, 'the audit');
SELECT results_eq($$SELECT ok, detail ~ 'vendor: close: feed.eod has no column "px_last"' FROM batch_preflight('2024-07-12')
                    WHERE check_name = 'sources of prices'$$, 'VALUES (false, true)', 'the preflight names what cannot be read');

-- Rights -------------------------------------------------------------------------------------------------------------

SELECT count(*) AS grants FROM grant_analytics_roles('pb_reader', 'pb_runner') \gset
INSERT INTO price_quarantine (symbol, date, data_source, close, gate) VALUES ('ZZTA', '2024-07-12', 'vendor', 60, 'jump');
CREATE FUNCTION pg_temp.state_as(role_name name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role_name);
  EXECUTE statement;
  RESET ROLE;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RESET ROLE;
  RETURN SQLSTATE;
END
$$;
SELECT results_eq($$SELECT r.name, pg_temp.state_as(r.name, s.statement) FROM
                    (VALUES (1, 'SELECT pb.register_price_source(''mine'', ''feed.texts'')'),
                            (2, 'SELECT pb.unregister_price_source(''texts'')'),
                            (3, 'SELECT pb.reject_quarantined(''ZZTA'', ''2024-07-12'')'),
                            (4, 'SELECT count(*) FROM pb.quarantined_prices()'),
                            (5, 'SELECT count(*) FROM pb.price_source_report()')) AS s (place, statement),
                    (VALUES ('pb_stranger'), ('pb_reader')) AS r (name) ORDER BY s.place, r.name DESC$$,
                  $$VALUES ('pb_stranger', '42501'), ('pb_reader', '42501'), ('pb_stranger', '42501'),
                           ('pb_reader', '42501'), ('pb_stranger', '42501'), ('pb_reader', '42501'),
                           ('pb_stranger', '42501'), ('pb_reader', 'done'), ('pb_stranger', '42501'),
                           ('pb_reader', 'done')$$, 'others register and decide nothing; a reader lists');
SELECT is(pg_temp.state_as('pb_runner', 'SELECT pb.register_price_source(''mine'', ''feed.texts'')'), '42501',
          'the runner may not read what nobody let it read');
SELECT is(pg_temp.state_as('pb_runner', 'SELECT pb.accept_quarantined(''ZZTA'', ''2024-07-12'')'), 'done',
          'the runner decides about prices');
GRANT USAGE ON SCHEMA feed TO pb_runner;
GRANT SELECT ON feed.texts TO pb_runner;
GRANT INSERT, UPDATE ON price_sources TO pb_runner;
SELECT is(pg_temp.state_as('pb_runner', 'SELECT pb.register_price_source(''mine'', ''feed.texts'')'), 'done',
          'and registers what it may read, with a grant on the list of sources');

SELECT is(pg_temp.state_as('pb_runner', 'SELECT pb.preview_price_source(''texts'', ''{ZZTA}'', ''2024-07-08'', '
                           '''2024-07-12'')'), 'done', 'it reads what it may read');
SELECT is(pg_temp.state_as('pb_runner', 'SELECT pb.preview_price_source(''curve'', ''{DGS10}'', ''2024-07-08'', '
                           '''2024-07-12'', ''yields'')'), '42501', 'and nothing else');
ALTER TABLE feed.texts ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_symbol ON feed.texts USING (symbol = 'ZZTF');
CREATE FUNCTION pg_temp.rows_as_runner() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  found bigint;
BEGIN
  SET LOCAL ROLE pb_runner;
  SELECT sum(p.row_count) INTO found
    FROM pb.preview_price_source('texts', '{ZZTA,ZZTF}', '2024-07-08', '2024-07-12') AS p;
  RESET ROLE;
  RETURN found;
END
$$;
SELECT is(pg_temp.rows_as_runner(), 1::bigint, 'and of that what a policy lets it see');

-- What a view does, it would do as a superuser.
CREATE FUNCTION feed.spy() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
CREATE VIEW feed.spied AS SELECT feed.spy() AS symbol, '2024-07-08'::date AS date, 1 AS close;
ALTER VIEW feed.spied OWNER TO pb_stranger;
SELECT is((pg_temp.error_of($$SELECT register_price_source('spy', 'feed.spied')$$)).message,
          'feed.spied belongs to role pb_stranger, which is no superuser', 'a superuser reads no relation of others');

SELECT * FROM finish();
ROLLBACK;
