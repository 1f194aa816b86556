-- What was it worth, what was held, how much of it: price_asof, positions_asof, portfolio_exposures, and what is
-- missing.

\ir include/prelude.psql
SELECT plan(76);

-- Sessions in July 2024: Mon 1, Tue 2, Wed 3, Fri 5, Mon 8, Tue 9, Wed 10, Thu 11, Fri 12, Mon 15.

-- price_asof --------------------------------------------------------------------------------------------------------

SELECT pg_temp.add_prices('AAA', '2024-07-01', '{100, 101, 102}');
SELECT pg_temp.add_prices('LATER', '2024-07-08', '{50}');

SELECT results_eq(format('SELECT * FROM price_asof(%L, %L)', 'AAA', day),
                  format('VALUES (%L::float8, %L::date, %s)', price, price_date, age), 'price ' || what)
  FROM (VALUES
    ('2024-07-01', 100, '2024-07-01', 0, 'of the first day'),
    ('2024-07-02', 101, '2024-07-02', 0, 'of the day itself, although there are later ones'),
    ('2024-07-03', 102, '2024-07-03', 0, 'of the last day'),
    ('2024-07-04', 102, '2024-07-03', 0, 'on a holiday is no session old'),
    ('2024-07-05', 102, '2024-07-03', 1, 'one session old'),
    ('2024-07-06', 102, '2024-07-03', 1, 'on a Saturday is as old as on Friday'),
    ('2024-07-11', 102, '2024-07-03', 5, 'five sessions old, the oldest that serves'),
    ('2024-07-12', NULL, '2024-07-03', 6, 'six sessions old is none, and its date says why'),
    ('2024-12-31', NULL, '2024-07-03', 125, 'half a year old is none')) AS p (day, price, price_date, age, what);
SELECT results_eq(format('SELECT * FROM price_asof(%L, %L, %s)', 'AAA', day, max_stale),
                  format('VALUES (%L::float8, %L::date, %s)', price, '2024-07-03', age), what)
  FROM (VALUES
    ('2024-07-03', '0', 102, 0, 'an age of 0 admits the price of the day'),
    ('2024-07-05', '0', NULL, 1, 'and no other'),
    ('2024-07-09', '3', 102, 3, 'a younger limit can be given'),
    ('2024-07-10', '3', NULL, 4, 'and holds'),
    ('2024-07-12', '6', 102, 6, 'so can an older one'),
    ('2024-07-11', 'NULL', 102, 5, 'NULL means the setting')) AS p (day, max_stale, price, age, what);
SET LOCAL portfolio_batch.max_stale_sessions = 2;
SELECT results_eq($$SELECT price, stale_sessions FROM price_asof('AAA', '2024-07-08')$$, $$VALUES (102::float8, 2)$$,
                  'the setting decides without a limit');
SELECT results_eq($$SELECT price, stale_sessions FROM price_asof('AAA', '2024-07-09')$$, $$VALUES (NULL::float8, 3)$$,
                  'in both directions');
SET LOCAL portfolio_batch.max_stale_sessions = 5;

SELECT results_eq($$SELECT * FROM price_asof('AAA', '2024-06-28')$$, $$VALUES (NULL::float8, NULL::date, NULL::int)$$,
                  'before the first price there is none: one row of NULLs');
SELECT results_eq($$SELECT * FROM price_asof('LATER', '2024-07-05')$$, $$VALUES (NULL::float8, NULL::date, NULL::int)$$,
                  'a later price is never used');
SELECT results_eq($$SELECT * FROM price_asof('NONE', '2024-07-05')$$, $$VALUES (NULL::float8, NULL::date, NULL::int)$$,
                  'a symbol that nobody knows has none');
SELECT results_eq($$SELECT * FROM price_asof(NULL, '2024-07-05')$$, $$VALUES (NULL::float8, NULL::date, NULL::int)$$,
                  'neither has no symbol');
SELECT results_eq($$SELECT * FROM price_asof('AAA', NULL)$$, $$VALUES (NULL::float8, NULL::date, NULL::int)$$,
                  'on no day there is none');
SELECT pg_temp.raises($$SELECT * FROM price_asof('AAA', '2024-07-05', -1)$$, '22023',
                      'max_stale_sessions must not be negative', 'It is -1.', '', 'a negative age is an error');
SELECT throws_ok($$SELECT * FROM price_asof('AAA', '1980-01-02')$$, '22008',
                 'date 1980-01-02 is outside the trading calendar "NYSE"', 'so is a day before the calendar');

-- The same share before and after 4:1, once as traded and once with the split divided out.
SELECT pg_temp.add_prices('RAW', '2024-07-01', '{400, 404, NULL, 102}');
SELECT pg_temp.add_prices('ADJ', '2024-07-01', '{100, 101, NULL, 102}');
UPDATE market_data_cache SET adjustment = 'split' WHERE symbol = 'ADJ';
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator)
VALUES ('RAW', '2024-07-03', 'split', 4), ('ADJ', '2024-07-03', 'split', 4), ('REV', '2024-07-02', 'split', 0.1);
SELECT results_eq(format('SELECT price, stale_sessions FROM price_asof(%L, %L)', symbol, day),
                  format('VALUES (%s::float8, %s)', price, age), format('%s on %s', symbol, day))
  FROM (VALUES ('RAW', '2024-07-02', 404, 0), ('RAW', '2024-07-03', 101, 1), ('RAW', '2024-07-05', 102, 0),
               ('ADJ', '2024-07-02', 404, 0), ('ADJ', '2024-07-03', 101, 1), ('ADJ', '2024-07-05', 102, 0))
       AS p (symbol, day, price, age);
SELECT pg_temp.add_prices('REV', '2024-07-01', '{2.5}');
SELECT results_eq($$SELECT price, stale_sessions FROM price_asof('REV', '2024-07-05')$$, $$VALUES (25::float8, 3)$$,
                  'a price carried over a reverse split 1:10 counts the new shares');
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('REV', '2024-07-05', 'split', 3);
SELECT is((SELECT round(price::numeric, 9) FROM price_asof('REV', '2024-07-05')), 8.333333333, 'two splits multiply');
SELECT is((SELECT price FROM price_asof('REV', '2024-07-03')), 25::float8, 'and a later one changes nothing');

-- Funds publish values on days without a session.
INSERT INTO market_data_cache (symbol, date, close)
VALUES ('FUND', '2024-07-05', 10), ('FUND', '2024-07-06', 11), ('FUND', '2024-07-07', 12);
SELECT results_eq($$SELECT * FROM price_asof('FUND', '2024-07-08')$$, $$VALUES (12::float8, '2024-07-07'::date, 1)$$,
                  'a price of a Sunday is used on Monday, one session old');
SELECT results_eq($$SELECT * FROM price_asof('FUND', '2024-07-06')$$, $$VALUES (11::float8, '2024-07-06'::date, 0)$$,
                  'on the Saturday itself it is the price of the day');
SELECT results_eq($$SELECT * FROM price_asof('FUND', '2024-07-07')$$, $$VALUES (12::float8, '2024-07-07'::date, 0)$$,
                  'and so on Sunday');

-- positions_asof ----------------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(1, 100000);
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 99, '2024-07-01');
SELECT pg_temp.add_lot(1, 12, 'AAA', -50, 101, '2024-07-02');
SELECT pg_temp.add_lot(1, 13, 'RAW', 50, 400, '2024-07-01');
SELECT pg_temp.add_lot(1, 14, 'AAA', 10, 100, '2024-07-01', 102, '2024-07-05');
SELECT pg_temp.add_lot(1, 15, 'LATER', 5, 48, '2024-07-08');
SELECT pg_temp.add_lot(1, 16, 'AAA', 999, 100, '2024-07-01');
UPDATE positions SET deleted_at = now() WHERE id = pg_temp.id(16);
SELECT ok(close_position(pg_temp.id(1), pg_temp.id(11), 40, 103, '2024-07-05') IS NOT NULL, 'a part of lot 11 closed');
SELECT ok(close_position(pg_temp.id(1), pg_temp.id(12), 20, 99.5, '2024-07-08') IS NOT NULL, 'a part of short lot 12');
SELECT ok(close_position(pg_temp.id(1), pg_temp.id(13), 80, 103, '2024-07-08') IS NOT NULL,
          'a part of lot 13, counted in shares after the split');

-- Lots and quantities of portfolio 1 on a day, as text.
CREATE FUNCTION pg_temp.held(day date) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(right(position_id::text, 2) || ':' || quantity, ' ' ORDER BY position_id)
  FROM positions_asof(day, ARRAY[pg_temp.id(1)])
$$;
SELECT is(pg_temp.held(day::date), lots, format('%s: %s', day, what)) FROM (VALUES
  ('2024-06-28', NULL, 'nothing before the first trade'),
  ('2024-07-01', '11:100 13:50 14:10', 'lots count from their entry date'),
  ('2024-07-02', '11:100 12:-50 13:50 14:10', 'a short lot is negative'),
  ('2024-07-03', '11:100 12:-50 13:200 14:10', 'a split multiplies the quantity'),
  ('2024-07-04', '11:100 12:-50 13:200 14:10', 'a day without a session'),
  ('2024-07-05', '11:60 12:-50 13:200', 'a partial close reduces, an exit ends, both on their date'),
  ('2024-07-08', '11:60 12:-30 13:120 15:5', 'closing after a split counts new shares; a later lot begins'),
  ('2024-12-31', '11:60 12:-30 13:120 15:5', 'and it stays')) AS p (day, lots, what);
SELECT is((SELECT quantity FROM positions WHERE id = pg_temp.id(11)), 100::numeric, 'the quantity as opened stays');
SELECT ok(close_position(pg_temp.id(1), pg_temp.id(12), 30, 99, '2024-07-09') IS NOT NULL, 'the rest of lot 12');
SELECT is(pg_temp.held('2024-07-09'), '11:60 13:120 15:5', 'ends it');
SELECT is(pg_temp.held('2024-07-08'), '11:60 12:-30 13:120 15:5', 'from that date on only');

SELECT results_eq($$SELECT entry_price, entry_date FROM positions_asof('2024-07-02', ARRAY[pg_temp.id(1)])
                    WHERE position_id = pg_temp.id(13)$$, $$VALUES (400::float8, '2024-07-01'::date)$$,
                  'the entry price is as traded before a split');
SELECT results_eq($$SELECT entry_price, entry_date FROM positions_asof('2024-07-03', ARRAY[pg_temp.id(1)])
                    WHERE position_id = pg_temp.id(13)$$, $$VALUES (100::float8, '2024-07-01'::date)$$,
                  'and in new shares after it');

SELECT pg_temp.add_portfolio(2, 50000);
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, contract_multiplier,
                       investment_class, underlying_symbol) VALUES
  (pg_temp.id(2), pg_temp.id(21), 'AAA240920C00100000', 'LC', 2,  4, '2024-07-01', NULL, NULL, 'AAA'),
  (pg_temp.id(2), pg_temp.id(22), 'AAA240920P00100000', 'SP', -1, 3, '2024-07-01', 10, 'OPTIONS', 'AAA'),
  (pg_temp.id(2), pg_temp.id(23), 'HOUSE', 'LONG', 1, 20000, '2024-07-01', NULL, 'PRIVATE', NULL),
  (pg_temp.id(2), pg_temp.id(24), 'AAA', 'SHORT', -10, 100, '2024-07-01', NULL, NULL, NULL);
SELECT results_eq($$SELECT position_id, position_type, investment_class, quantity, contract_multiplier,
                           underlying_symbol
                    FROM positions_asof('2024-07-01', ARRAY[pg_temp.id(2)]) ORDER BY 1$$,
                  $$VALUES (pg_temp.id(21), 'LC', 'OPTIONS', 2::float8, 100::float8, 'AAA'),
                           (pg_temp.id(22), 'SP', 'OPTIONS', -1, 10, 'AAA'),
                           (pg_temp.id(23), 'LONG', 'PRIVATE', 1, 1, NULL),
                           (pg_temp.id(24), 'SHORT', 'PUBLIC', -10, 1, NULL)$$,
                  'class and multiplier follow from the type where they are not given');

SELECT set_eq($$SELECT DISTINCT portfolio_id FROM positions_asof('2024-07-01')$$,
              $$VALUES (pg_temp.id(1)), (pg_temp.id(2))$$, 'without portfolios: every active one');
UPDATE portfolios SET is_active = false WHERE id = pg_temp.id(2);
SELECT set_eq($$SELECT DISTINCT portfolio_id FROM positions_asof('2024-07-01')$$, $$VALUES (pg_temp.id(1))$$,
              'an inactive portfolio has to be named');
SELECT isnt_empty($$SELECT * FROM positions_asof('2024-07-01', ARRAY[pg_temp.id(2)])$$, 'and then it is there');
UPDATE portfolios SET is_active = true, deleted_at = now() WHERE id = pg_temp.id(2);
SELECT throws_ok($$SELECT * FROM positions_asof('2024-07-01', ARRAY[pg_temp.id(2)])$$, '42704',
                 'portfolio does not exist: 00000000-0000-4000-8000-000000000002', 'a deleted one is gone');
UPDATE portfolios SET deleted_at = NULL WHERE id = pg_temp.id(2);
SELECT pg_temp.raises(
  $$SELECT * FROM positions_asof('2024-07-01', ARRAY[pg_temp.id(8), pg_temp.id(1), pg_temp.id(9)])$$, '42704',
  'portfolio does not exist: 00000000-0000-4000-8000-000000000008, 00000000-0000-4000-8000-000000000009',
  'No row of pb.portfolios that is not deleted has this id.',
  'List the portfolios with SELECT id, name FROM pb.portfolios.', 'unknown portfolios are named, all of them');
SELECT is_empty($$SELECT * FROM positions_asof('2024-07-01', '{}')$$, 'of no portfolio: nothing');
SELECT set_eq($$SELECT * FROM positions_asof()$$, $$SELECT * FROM positions_asof(latest_closed_session())$$,
              'without a day: the latest closed session');

-- portfolio_exposures -----------------------------------------------------------------------------------------------

-- July 3: AAA closes at 102; lots 11 and 14 are 110 shares, lot 12 is 50 short; RAW has no price, 404 of July 2 are
-- 101 in new shares, 200 of them. The options were never priced (trade price 4 x 2 x 100, 3 x -1 x 10), neither was
-- the house.
SELECT results_eq($$SELECT right(portfolio_id::text, 1), position_type, long_exposure, short_exposure, gross_exposure,
                           net_exposure, positions
                    FROM portfolio_exposures('2024-07-03') ORDER BY 1, 2$$,
  $$VALUES ('1', 'ALL',   31420.0000, -5100.0000, 36520.0000, 26320.0000, 4::bigint),
           ('1', 'LONG',  31420.0000,     0.0000, 31420.0000, 31420.0000, 3),
           ('1', 'SHORT',     0.0000, -5100.0000,  5100.0000, -5100.0000, 1),
           ('2', 'ALL',   20800.0000, -1050.0000, 21850.0000, 19750.0000, 4),
           ('2', 'LC',      800.0000,     0.0000,   800.0000,   800.0000, 1),
           ('2', 'LONG',  20000.0000,     0.0000, 20000.0000, 20000.0000, 1),
           ('2', 'SHORT',     0.0000, -1020.0000,  1020.0000, -1020.0000, 1),
           ('2', 'SP',        0.0000,   -30.0000,    30.0000,   -30.0000, 1)$$,
  'exposures by type and in total, short ones negative');
SELECT results_eq($$SELECT position_type, long_exposure, short_exposure, gross_exposure, net_exposure, positions
                    FROM portfolio_exposures('2024-06-28', ARRAY[pg_temp.id(1)])$$,
                  $$VALUES ('ALL', 0.0000, 0.0000, 0.0000, 0.0000, 0::bigint)$$,
                  'a portfolio that holds nothing has exposures of zero');
SELECT is((SELECT count(*) FROM run_daily_batch('2024-07-03')), 6::bigint, 'the snapshot of the day');
SELECT results_eq($$SELECT portfolio_id, total_long, total_short, gross_exposure, net_exposure
                    FROM portfolio_snapshots ORDER BY 1$$,
                  $$SELECT portfolio_id, long_exposure, short_exposure, gross_exposure, net_exposure
                    FROM portfolio_exposures('2024-07-03') WHERE position_type = 'ALL' ORDER BY 1$$,
                  'has the same exposures');
SELECT results_eq($$SELECT portfolio_id, sum(long_exposure), sum(net_exposure), sum(positions)
                    FROM portfolio_exposures('2024-07-09') WHERE position_type <> 'ALL' GROUP BY 1 ORDER BY 1$$,
                  $$SELECT portfolio_id, long_exposure, net_exposure, positions::numeric
                    FROM portfolio_exposures('2024-07-09') WHERE position_type = 'ALL' ORDER BY 1$$,
                  'the types add up to the total');
SELECT throws_ok($$SELECT * FROM portfolio_exposures('2024-07-01', ARRAY[pg_temp.id(9)])$$, '42704',
                 'portfolio does not exist: 00000000-0000-4000-8000-000000000009', 'exposures of an unknown portfolio');
SELECT throws_ok($$SELECT * FROM portfolio_exposures('2040-07-01')$$, '22008',
                 'date 2040-07-01 is outside the trading calendar "NYSE"', 'or on a day beyond the calendar');

-- What is missing ---------------------------------------------------------------------------------------------------

UPDATE factor_definitions SET is_active = name = 'size';
SELECT pg_temp.add_prices('SPY', '2024-07-01', '{545, 548, 551}');
SELECT results_eq($$SELECT symbol, status, price_date, data_source
                    FROM market_data_coverage('2024-07-05', ARRAY[pg_temp.id(1)]) ORDER BY symbol COLLATE "C"$$,
                  $$VALUES ('AAA', 'stale', '2024-07-03'::date, 'test'), ('IWM', 'missing', NULL, NULL),
                           ('RAW', 'current', '2024-07-05', 'test'), ('SPY', 'stale', '2024-07-03', 'test')$$,
                  'coverage: symbols held, active factors and the market, each current, stale or missing');
SELECT results_eq($$SELECT symbol, status FROM market_data_coverage('2024-07-12', ARRAY[pg_temp.id(1)])
                    ORDER BY symbol COLLATE "C"$$,
                  $$VALUES ('AAA', 'missing'), ('IWM', 'missing'), ('LATER', 'stale'), ('RAW', 'stale'),
                           ('SPY', 'missing')$$,
                  'a price older than the limit counts as missing');
SELECT set_eq($$SELECT symbol FROM market_data_coverage('2024-07-03', ARRAY[pg_temp.id(2)])$$,
              '{AAA, AAA240920C00100000, AAA240920P00100000, IWM, SPY}'::text[],
              'options are wanted under their own symbol, private assets are not');
SELECT set_eq($$SELECT symbol, session_date FROM missing_prices('2024-07-02', '2024-07-05', ARRAY[pg_temp.id(1)])$$,
              $$VALUES ('AAA', '2024-07-05'::date), ('RAW', '2024-07-03'), ('SPY', '2024-07-05'),
                       ('IWM', '2024-07-02'), ('IWM', '2024-07-03'), ('IWM', '2024-07-05')$$,
              'missing_prices lists each symbol and session without a price, no holiday');
SELECT is_empty($$SELECT * FROM missing_prices('2024-07-05', '2024-07-02')$$, 'the wrong way round: nothing');
SELECT is_empty($$SELECT * FROM missing_prices(NULL, '2024-07-02')$$, 'without a beginning: nothing');
INSERT INTO market_data_cache (symbol, date, close)
SELECT symbol, session_date, 200 FROM missing_prices('2024-07-02', '2024-07-05', ARRAY[pg_temp.id(1)]);
SELECT is_empty($$SELECT * FROM missing_prices('2024-07-02', '2024-07-05', ARRAY[pg_temp.id(1)])$$,
                'and nothing when a loader has brought them');
SELECT set_eq($$SELECT DISTINCT status FROM market_data_coverage('2024-07-05', ARRAY[pg_temp.id(1)])$$,
              '{current}'::text[], 'when all are current');

SELECT * FROM finish();
ROLLBACK;
