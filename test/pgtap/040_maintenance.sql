-- Closing trades and the removal of results: what is written, what stays, and every way to be refused.

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET LOCAL search_path = pb, public;
SELECT create_analytics_tables() \g /dev/null

SELECT plan(79);

CREATE FUNCTION pg_temp.book() RETURNS uuid IMMUTABLE LANGUAGE sql AS
$$ SELECT '00000000-0000-0000-0000-000000000001'::uuid $$;
CREATE FUNCTION pg_temp.lot(number int) RETURNS uuid IMMUTABLE LANGUAGE sql AS
$$ SELECT ('00000000-0000-0000-0000-0000000000' || number)::uuid $$;
CREATE FUNCTION pg_temp.close(number int, quantity numeric, price numeric, trade_date date) RETURNS uuid LANGUAGE sql AS
$$ SELECT close_position(pg_temp.book(), pg_temp.lot(number), quantity, price, trade_date) $$;
-- Today in New York, which decides what lies in the future.
CREATE FUNCTION pg_temp.today() RETURNS date STABLE LANGUAGE sql AS
$$ SELECT (now() AT TIME ZONE 'America/New_York')::date $$;
CREATE FUNCTION pg_temp.closings(number int) RETURNS TABLE (trade_date date, proceeds numeric, realized_pnl numeric)
LANGUAGE sql AS $$
  SELECT c.trade_date, c.proceeds, c.realized_pnl
  FROM _portfolio_batch.closings(ARRAY[pg_temp.book()], 'infinity', pg_temp.lot(number)) AS c
$$;
CREATE FUNCTION pg_temp.detail_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN detail;
END
$$;

INSERT INTO portfolios (id, name, initial_equity) VALUES (pg_temp.book(), 'Maintenance', 100000);
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, contract_multiplier)
VALUES (pg_temp.book(), pg_temp.lot(11), 'LNG',  'LONG',  100,  10,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(12), 'SHRT', 'SHORT', -50,  20,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(13), 'CALL', 'LC',      2,   3,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(14), 'PUT',  'SP',     -4,   5,  '2024-01-02', 10),
       (pg_temp.book(), pg_temp.lot(15), 'SPL',  'LONG',  100,  90,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(16), 'ODD',  'LONG',  100,  30,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(17), 'GONE', 'LONG',   10,   1,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(18), 'MANY', 'LONG',   10,   1,  '2024-01-02', NULL),
       (pg_temp.book(), pg_temp.lot(19), 'NOW',  'LONG',   10,   1,  pg_temp.today(), NULL),
       (pg_temp.book(), pg_temp.lot(21), 'OFTEN', 'LONG', 100,  10,  '2024-01-02', NULL);
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
VALUES (pg_temp.book(), pg_temp.lot(20), 'PRIV', 'LC', 5, 2, '2024-01-02', 'PRIVATE');
UPDATE positions SET deleted_at = now() WHERE symbol = 'GONE';
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator, amount)
VALUES ('SPL', '2023-12-29', 'split', 7, NULL, NULL),  -- before the entry
       ('SPL', '2024-01-02', 'split', 5, NULL, NULL),  -- on the day of the entry: what was traded is already split
       ('SPL', '2024-03-01', 'split', 3, NULL, NULL),
       ('SPL', '2024-03-01', 'dividend', NULL, NULL, 1),
       ('SPL', '2024-05-01', 'split', 1, 2, NULL),
       ('LNGX', '2024-03-01', 'split', 2, NULL, NULL),
       ('ODD', '2024-03-01', 'split', 1, 3, NULL);

-- Partial and full closes -------------------------------------------------------------------------------------------

SELECT pg_temp.close(11, 40, 12.5, '2024-02-01') AS event \gset
SELECT results_eq(format($$SELECT portfolio_id, position_id, trade_date, quantity_closed, exit_price, realized_pnl
                           FROM position_realized_events WHERE id = %L$$, :'event'),
                  $$VALUES (pg_temp.book(), pg_temp.lot(11), '2024-02-01'::date, 40::numeric, 12.5::numeric,
                            NULL::numeric(20,4))$$,
                  'a partial close writes an event and returns its id');
SELECT results_eq($$SELECT quantity, exit_date, exit_price FROM positions WHERE symbol = 'LNG'$$,
                  $$VALUES (100::numeric, NULL::date, NULL::numeric)$$,
                  'the quantity stays as opened and the position open');
SELECT lives_ok($$SELECT pg_temp.close(11, 60, 9, '2024-02-05')$$, 'the rest is closed');
SELECT results_eq($$SELECT quantity, exit_date, exit_price FROM positions WHERE symbol = 'LNG'$$,
                  $$VALUES (100::numeric, '2024-02-05'::date, 9::numeric)$$,
                  'a full close sets the exit, and the quantity still stays as opened');
SELECT is((SELECT sum(realized_pnl) FROM pg_temp.closings(11)), 40.0000,
          'the gains and losses of a long position');

SELECT lives_ok($$SELECT pg_temp.close(12, 50, 15.5, '2024-02-01')$$, 'a short position is closed without sign');
SELECT is((SELECT realized_pnl FROM pg_temp.closings(12)), 225.0000,
          'a short position gains when the price falls');
SELECT lives_ok($$SELECT pg_temp.close(13, 1, 4.25, '2024-02-01')$$, 'an option');
SELECT is((SELECT realized_pnl FROM pg_temp.closings(13)), 125.0000,
          'an option stands for 100 shares');
SELECT lives_ok($$SELECT pg_temp.close(14, 4, 0, '2024-02-01')$$, 'an option that expires worthless');
SELECT is((SELECT realized_pnl FROM pg_temp.closings(14)), 200.0000,
          'a multiplier of its own is used');

SELECT pg_temp.close(20, 5, 3, '2024-02-01') \g /dev/null
SELECT is((SELECT realized_pnl FROM pg_temp.closings(20)), 5.0000,
          'a private option stands for itself');

-- The batch, the interface and closings take the multiplier from one rule.
SELECT results_eq($$SELECT type, class, _portfolio_batch.standard_multiplier(type, class)
                    FROM unnest('{LONG,LC,LP,SC,SP}'::text[]) AS t (type), unnest('{PUBLIC,OPTIONS,PRIVATE,NULL}'::text[]) AS c (class)
                    WHERE type = 'LC' OR class = 'OPTIONS' ORDER BY 1, 2$$,
                  $$VALUES ('LC', 'OPTIONS', 100), ('LC', 'PRIVATE', 1), ('LC', 'PUBLIC', 100), ('LC', NULL, 100), ('LONG', 'OPTIONS', 1),
                           ('LP', 'OPTIONS', 100), ('SC', 'OPTIONS', 100), ('SP', 'OPTIONS', 100)$$,
                  'an option that says nothing else stands for 100 shares, unless it is private');
SELECT results_eq($$SELECT p.symbol, p.contract_multiplier, (api_position(p.position_id) ->> 'contract_multiplier')::float8
                    FROM positions_asof('2024-01-31') AS p WHERE p.symbol IN ('LNG', 'CALL', 'PUT', 'PRIV') ORDER BY 1$$,
                  $$VALUES ('CALL', 100::float8, 100::float8), ('LNG', 1, 1), ('PRIV', 1, 1), ('PUT', 10, 10)$$,
                  'the batch and the interface agree');

-- Splits: 100 shares at 90 become 300 at 30 on March 1 and 150 at 60 on May 1.
SELECT results_eq($$SELECT s.* FROM unnest('{2024-02-29,2024-03-01,2024-05-01}'::date[]) AS d,
                         _portfolio_batch.split_ratio('SPL', '2024-01-02', d) AS s$$,
                  $$VALUES (1::numeric, 1::numeric, 1::numeric, 1::numeric), (3, 1, 1, 1), (3, 2, 1, 1)$$, 'split ratios since the entry');
SELECT results_eq($$SELECT * FROM _portfolio_batch.split_ratios('SPL', '2024-01-02')$$,
                  $$VALUES ('-infinity'::date, '2024-03-01'::date, 1::numeric, 1::numeric, 1::numeric, 1::numeric),
                           ('2024-03-01', '2024-05-01', 3, 1, 1, 1), ('2024-05-01', 'infinity', 3, 2, 1, 1)$$,
                  'and the same for all days at once');
SELECT lives_ok($$SELECT pg_temp.close(15, 10, 95, '2024-02-29')$$, 'before the split 10 of 100 shares');
SELECT throws_ok($$SELECT pg_temp.close(15, 271, 33, '2024-04-01')$$, '22023',
                 'cannot close 271 of position 00000000-0000-0000-0000-000000000015 (SPL): 270 are open on 2024-04-01',
                 'the other 90 are 270 after it');
SELECT is(pg_temp.detail_of($$SELECT pg_temp.close(15, 271, 58, '2024-06-03')$$),
          '100 were opened on 2024-01-02; in those shares 10 are closed; splits since made 3 shares of 2.',
          'what splits have made of them is said');
SELECT lives_ok($$SELECT pg_temp.close(15, 120, 33, '2024-03-01')$$, 'from the ex-date in new shares');
SELECT lives_ok($$SELECT pg_temp.close(15, 75, 58, '2024-06-03')$$, 'the last 50 are 75 after the reverse split');
SELECT results_eq($$SELECT trade_date, proceeds, realized_pnl FROM pg_temp.closings(15) ORDER BY trade_date$$,
                  $$VALUES ('2024-02-29'::date, 950::numeric(20,4), 50::numeric(20,4)), ('2024-03-01', 3960, 360),
                           ('2024-06-03', 4350, -150)$$,
                  'the entry price is split as well');
SELECT is((SELECT exit_date FROM positions WHERE symbol = 'SPL'), '2024-06-03'::date, 'and the position is closed');
SELECT lives_ok($$SELECT pg_temp.close(16, 33.333333, 91, '2024-03-04')$$, 'a split that leaves a fraction');
SELECT is((SELECT exit_date FROM positions WHERE symbol = 'ODD'), '2024-03-04'::date, 'closes in full to six decimals, as brokers round them');

-- However many trades a lot has, its splits are looked up as often as for one.
CREATE FUNCTION pg_temp.look_ups(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  before bigint := (SELECT COALESCE(sum(calls), 0) FROM pg_stat_xact_user_functions WHERE funcname ~ '^split_ratio');
BEGIN
  EXECUTE statement;
  RETURN (SELECT sum(calls) FROM pg_stat_xact_user_functions WHERE funcname ~ '^split_ratio') - before;
END
$$;
SET LOCAL track_functions = 'pl';
SELECT pg_temp.close(21, 1, 20, '2024-02-01') \g /dev/null
SELECT pg_temp.look_ups($$SELECT pg_temp.close(21, 1, 20, '2024-02-01')$$) AS to_close,
       pg_temp.look_ups($$SELECT api_position(pg_temp.lot(21))$$) AS to_show \gset
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
SELECT portfolio_id, id, '2024-01-03'::date + i % 50, 0.01, 20 FROM positions, generate_series(1, 200) AS i
WHERE id = pg_temp.lot(21);
SELECT is(pg_temp.look_ups($$SELECT pg_temp.close(21, 1, 20, '2024-02-01')$$), :to_close::bigint,
          'a lot of 200 closings is closed with as many look-ups of splits as another');
SELECT is(pg_temp.look_ups($$SELECT api_position(pg_temp.lot(21))$$), :to_show::bigint, 'and shown with as many');
SET LOCAL track_functions = DEFAULT;

-- Trades entered out of order.
SELECT pg_temp.close(18, 4, 3, '2024-03-01') \g /dev/null
SELECT throws_ok($$SELECT pg_temp.close(18, 7, 2, '2024-02-01')$$, '22023',
                 'cannot close 7 of position 00000000-0000-0000-0000-000000000018 (MANY): 6 are open on 2024-02-01',
                 'what was closed later cannot be closed before');
SELECT lives_ok($$SELECT pg_temp.close(18, 6, 2, '2024-02-01')$$, 'the rest can');
SELECT results_eq($$SELECT exit_date, exit_price FROM positions WHERE symbol = 'MANY'$$,
                  $$VALUES ('2024-03-01'::date, 3::numeric)$$, 'the exit is the latest trade');
SELECT lives_ok($$SELECT pg_temp.close(19, 1, 1, pg_temp.today())$$, 'a close on the day of the entry, today');

-- What is open of a lot is one thing, whoever asks: after every trade and split, in odd shares, short, rounded and out of
-- order.
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date)
VALUES (pg_temp.book(), pg_temp.lot(31), 'SPL', 'SHORT', -77.123456, 90, '2024-01-02'),
       (pg_temp.book(), pg_temp.lot(32), 'ODD', 'LONG',   10,        30, '2024-01-02'),
       (pg_temp.book(), pg_temp.lot(33), 'ODD', 'LONG',   10,        30, '2024-01-02');
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
VALUES (pg_temp.book(), pg_temp.lot(31), '2024-02-01', 7.000001, 80), (pg_temp.book(), pg_temp.lot(31), '2024-04-01', 100.5, 30),
       (pg_temp.book(), pg_temp.lot(31), '2024-06-03', 33.333333, 60),
       (pg_temp.book(), pg_temp.lot(32), '2024-03-04', 1.111111, 91), (pg_temp.book(), pg_temp.lot(32), '2024-03-05', 1.111111, 91),
       (pg_temp.book(), pg_temp.lot(32), '2024-03-06', 1.11111, 91),
       (pg_temp.book(), pg_temp.lot(33), '2024-03-04', 1.111111, 91), (pg_temp.book(), pg_temp.lot(33), '2024-03-05', 1.111111, 91),
       (pg_temp.book(), pg_temp.lot(33), '2024-03-06', 1.11, 91);
CREATE TEMP TABLE held AS
SELECT d.day::date, l.symbol, l.id, h.quantity, h.closed, h.new_shares, h.old_shares, p.quantity AS batch
FROM unnest('{2024-01-01,2024-01-02,2024-02-01,2024-02-05,2024-02-29,2024-03-01,2024-03-04,2024-03-05,2024-03-06,2024-04-01,2024-05-01,
              2024-06-03,2024-06-04}'::date[]) AS d (day)
CROSS JOIN positions AS l
CROSS JOIN LATERAL _portfolio_batch.open_quantity(l.portfolio_id, l.id, d.day) AS h
LEFT JOIN LATERAL positions_asof(d.day, ARRAY[pg_temp.book()]) AS p ON p.position_id = l.id;
SELECT is_empty('SELECT * FROM held WHERE abs(quantity::float8 - COALESCE(batch, 0)) > 5.1e-7 OR (quantity = 0) <> (batch IS NULL)',
                'close_position and the interface see as much of a lot as the batch');
SELECT ok((SELECT count(*) > 50 FROM held WHERE quantity <> 0) AND (SELECT count(DISTINCT quantity) > 15 FROM held), 'of many');
SELECT results_eq($$SELECT right(id::text, 2), quantity FROM held WHERE day = '2024-06-04' AND id IN (pg_temp.lot(32), pg_temp.lot(33))
                    ORDER BY 1$$, $$VALUES ('32', 0::numeric), ('33', 0.001111333333)$$,
                  'what is left within the rounding of closings is nothing');

-- Refused closes ----------------------------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT close_position(%s)', b.arguments), b.state, b.message, 'refused: ' || b.what)
  FROM (VALUES
    ('no portfolio', $$NULL, pg_temp.lot(13), 1, 1, '2024-02-01'$$, '22023',
     'close_position needs a portfolio, a position, a quantity, a price and a trade date'),
    ('no position', $$pg_temp.book(), NULL, 1, 1, '2024-02-01'$$, '22023', NULL),
    ('no quantity', $$pg_temp.book(), pg_temp.lot(13), NULL, 1, '2024-02-01'$$, '22023', NULL),
    ('no price', $$pg_temp.book(), pg_temp.lot(13), 1, NULL, '2024-02-01'$$, '22023', NULL),
    ('no date', $$pg_temp.book(), pg_temp.lot(13), 1, 1, NULL$$, '22023', NULL),
    ('a quantity of zero', $$pg_temp.book(), pg_temp.lot(13), 0, 1, '2024-02-01'$$, '22023',
     'quantity to close of position 00000000-0000-0000-0000-000000000013 must be a positive number'),
    ('a quantity that rounds to zero', $$pg_temp.book(), pg_temp.lot(13), 0.0000000000001, 1, '2024-02-01'$$, '22023', NULL),
    ('a negative quantity', $$pg_temp.book(), pg_temp.lot(13), -1, 1, '2024-02-01'$$, '22023', NULL),
    ('a quantity that is NaN', $$pg_temp.book(), pg_temp.lot(13), 'NaN', 1, '2024-02-01'$$, '22023', NULL),
    ('an infinite quantity', $$pg_temp.book(), pg_temp.lot(13), 'Infinity', 1, '2024-02-01'$$, '22023', NULL),
    ('a negative price', $$pg_temp.book(), pg_temp.lot(13), 1, -0.01, '2024-02-01'$$, '22023',
     'closing price of position 00000000-0000-0000-0000-000000000013 must be a number, 0 or more, not -0.01'),
    ('a price that is NaN', $$pg_temp.book(), pg_temp.lot(13), 1, 'NaN', '2024-02-01'$$, '22023', NULL),
    ('an infinite price', $$pg_temp.book(), pg_temp.lot(13), 1, 'Infinity', '2024-02-01'$$, '22023', NULL),
    ('an unknown position', $$pg_temp.book(), pg_temp.lot(99), 1, 1, '2024-02-01'$$, '42704',
     'position 00000000-0000-0000-0000-000000000099 of portfolio 00000000-0000-0000-0000-000000000001 does not exist'),
    ('a position of another portfolio', $$pg_temp.lot(99), pg_temp.lot(13), 1, 1, '2024-02-01'$$, '42704', NULL),
    ('a deleted position', $$pg_temp.book(), pg_temp.lot(17), 1, 1, '2024-02-01'$$, '55000',
     format('position 00000000-0000-0000-0000-000000000017 (GONE) was deleted on %s', current_date)),
    ('a closed position', $$pg_temp.book(), pg_temp.lot(11), 1, 1, '2024-02-06'$$, '55000',
     'position 00000000-0000-0000-0000-000000000011 (LNG) was closed on 2024-02-05'),
    ('a date before the entry', $$pg_temp.book(), pg_temp.lot(13), 1, 1, '2024-01-01'$$, '22023',
     'position 00000000-0000-0000-0000-000000000013 (CALL) cannot be closed on 2024-01-01'),
    ('a date in the future', $$pg_temp.book(), pg_temp.lot(13), 1, 1, pg_temp.today() + 1$$, '22023', NULL),
    ('the end of time', $$pg_temp.book(), pg_temp.lot(13), 1, 1, 'infinity'$$, '22008', 'trade_date must be finite, not infinity'),
    ('more than is open', $$pg_temp.book(), pg_temp.lot(13), 2, 1, '2024-02-01'$$, '22023',
     'cannot close 2 of position 00000000-0000-0000-0000-000000000013 (CALL): 1 are open on 2024-02-01'))
    AS b (what, arguments, state, message);
SELECT is((SELECT count(*) FROM position_realized_events WHERE position_id = pg_temp.lot(13)), 1::bigint,
          'a refused close writes nothing');

-- Purging a portfolio -----------------------------------------------------------------------------------------------

-- One row in each result table, for a portfolio and a date; symbol results for the date.
CREATE FUNCTION pg_temp.add_results(book uuid, day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT t.table_name,
           string_agg(quote_ident(k.name), ', ') AS names,
           string_agg(CASE WHEN k.name = 'portfolio_id' THEN quote_literal(book)
                           WHEN k.name LIKE '%\_date'   THEN quote_literal(day)
                           WHEN k.name LIKE '%\_id' AND k.name <> 'scenario_id' THEN quote_literal(pg_temp.lot(11))
                           ELSE quote_literal('1') END, ', ') AS row
      FROM analytics_columns() AS t
     CROSS JOIN LATERAL regexp_split_to_table(substring(t.modifiers FROM 'PRIMARY KEY \(([^)]*)\)'), ', ') AS k (name)
     WHERE t.column_name IS NULL AND t.data_type = 'result'
     GROUP BY t.table_name
  LOOP
    EXECUTE format('INSERT INTO pb.%I (%s) VALUES (%s) ON CONFLICT DO NOTHING', entry.table_name, entry.names,
                   entry.row);
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.counts() RETURNS TABLE (table_name text, number bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR table_name IN SELECT t.table_name FROM analytics_columns() AS t
                     WHERE t.column_name IS NULL AND t.data_type IN ('result', 'log', 'input') LOOP
    EXECUTE format('SELECT count(*) FROM pb.%I', table_name) INTO number;
    RETURN NEXT;
  END LOOP;
END $$;

INSERT INTO portfolios (id, name) VALUES (pg_temp.lot(50), 'Other');
SELECT pg_temp.add_results(b, d) FROM unnest(ARRAY[pg_temp.book(), pg_temp.lot(50)]) AS b,
                                      unnest(ARRAY['2024-02-01', '2024-02-02']::date[]) AS d \g /dev/null
CREATE TEMP TABLE before_purge AS SELECT * FROM pg_temp.counts();
CREATE TEMP TABLE purged AS SELECT * FROM purge_portfolio(pg_temp.book());
SELECT set_eq($$SELECT * FROM purged$$,
              $$SELECT t.table_name, 2::bigint AS rows FROM analytics_columns() AS t
                WHERE t.column_name IS NULL AND t.data_type = 'result'
                  AND EXISTS (SELECT FROM analytics_columns() AS c
                              WHERE c.table_name = t.table_name AND c.column_name = 'portfolio_id')$$,
              'purge_portfolio deletes every result of the portfolio');
SELECT is((SELECT count(*) FROM purged), 8::bigint, 'from eight tables');
SELECT set_eq($$SELECT table_name, number FROM pg_temp.counts()$$,
              $$SELECT b.table_name, b.number - COALESCE(p.rows_deleted, 0) FROM before_purge AS b
                LEFT JOIN purged AS p USING (table_name)$$,
              'and nothing else');
SELECT is_empty($$SELECT * FROM portfolio_snapshots WHERE portfolio_id = pg_temp.book()$$, 'no snapshot is left');
SELECT is((SELECT sum(rows_deleted) FROM purge_portfolio(pg_temp.book())), 0::numeric, 'a portfolio without results');
DELETE FROM portfolios WHERE id = pg_temp.lot(50);
SELECT is((SELECT sum(rows_deleted) FROM purge_portfolio(pg_temp.lot(50))), 16::numeric,
          'the results of a portfolio that is gone');
SELECT throws_ok($$SELECT purge_portfolio(pg_temp.lot(50))$$, '42704',
                 'portfolio 00000000-0000-0000-0000-000000000050 does not exist', 'a portfolio that nobody knows');
SELECT throws_ok($$SELECT purge_portfolio(NULL)$$, '42704', 'portfolio NULL does not exist', 'no portfolio');

-- Purging old results -----------------------------------------------------------------------------------------------

SELECT pg_temp.add_results(pg_temp.book(), d) FROM unnest(ARRAY['2024-02-01', '2024-02-02', '2024-02-05']::date[]) AS d
       \g /dev/null
INSERT INTO batch_runs (run_id, run_kind, status, target_date, started_at) VALUES
  (1001, 'daily',    'success', '2024-02-01', '2024-02-01 22:00 America/New_York'),
  (1002, 'daily',    'running', '2024-02-01', '2024-02-01 22:00 America/New_York'),
  (1003, 'daily',    'lost',    '2024-02-02', '2024-02-04 23:59 America/New_York'),
  (1004, 'backfill', 'success', '2024-02-01', '2024-02-05 00:00 America/New_York');
INSERT INTO batch_jobs (run_id, job_no, job_name, job_type, status, started_at)
SELECT run_id, job_no, 'market_betas', 'engine', 'success', started_at FROM batch_runs, generate_series(1, 2) AS job_no;
INSERT INTO collections (collection_id, kind, status, target_date, started_at) VALUES
  (1001, 'market_data', 'success', '2024-02-01', '2024-02-01 22:00 America/New_York'),
  (1002, 'market_data', 'running', '2024-02-01', '2024-02-01 22:00 America/New_York'),
  (1003, 'import',      'partial', '2024-02-02', '2024-02-04 23:59 America/New_York'),
  (1004, 'market_data', 'success', '2024-02-01', '2024-02-05 00:00 America/New_York'),
  (1005, 'market_data', 'success', '2024-02-01', '2024-02-05 00:00 America/New_York');
-- The last answer of 1003 came on the day itself.
INSERT INTO collection_results (collection_id, symbol, kind, provider, outcome, completed_at)
SELECT c.collection_id, s.symbol, 'prices', 'vendor', 'OK', c.started_at + s.later
FROM collections AS c, (VALUES ('LNG', interval '0'), ('SHT', interval '2 minutes')) AS s (symbol, later)
WHERE c.collection_id < 1005;
CREATE TEMP TABLE before_old AS SELECT * FROM pg_temp.counts();
CREATE TEMP TABLE old AS SELECT * FROM purge_results('2024-02-05');
SELECT set_eq($$SELECT table_name, rows_deleted FROM old WHERE table_name !~ '^(batch|collection)'$$,
              $$SELECT table_name, 2::bigint AS rows FROM analytics_columns()
                WHERE column_name IS NULL AND data_type = 'result' AND table_name <> 'portfolio_snapshots'$$,
              'purge_results deletes what is dated before the day');
SELECT set_eq($$SELECT table_name, number FROM pg_temp.counts()$$,
              $$SELECT b.table_name, b.number - COALESCE(o.rows_deleted, 0) FROM before_old AS b
                LEFT JOIN old AS o USING (table_name)$$,
              'and nothing else');
SELECT results_eq($$SELECT DISTINCT calculation_date FROM portfolio_holdings$$, $$VALUES ('2024-02-05'::date)$$,
                  'the day itself stays');
SELECT is((SELECT count(*) FROM old WHERE table_name = 'portfolio_snapshots'), 0::bigint, 'but no snapshot');
SELECT results_eq($$SELECT run_id FROM batch_runs ORDER BY run_id$$, $$VALUES (1002::bigint), (1004)$$,
                  'runs that began before the day and are over are deleted');
SELECT results_eq($$SELECT run_id, count(*) FROM batch_jobs GROUP BY 1 ORDER BY 1$$,
                  $$VALUES (1002::bigint, 2::bigint), (1004, 2)$$, 'with their jobs');
SELECT results_eq($$SELECT collection_id, count(r.symbol)
                    FROM collections LEFT JOIN collection_results AS r USING (collection_id) GROUP BY 1 ORDER BY 1$$,
                  $$VALUES (1002::bigint, 0::bigint), (1003, 1), (1004, 2), (1005, 0)$$,
                  'answers that came before the day are deleted, and collections that are over when none is left');
SELECT is((SELECT sum(rows_deleted) FROM purge_results('2024-02-05')), 0::numeric,
          'a second time there is nothing to delete');
SELECT lives_ok($$SELECT purge_results(pg_temp.today())$$, 'everything before today');
SELECT throws_ok(format('SELECT purge_results(%s)', b.argument), '22023', b.message, 'refused: ' || b.argument)
  FROM (VALUES ('NULL', 'purge_results needs a date up to today, not NULL'),
               ('pg_temp.today() + 1', NULL)) AS b (argument, message);
SELECT throws_ok(format('SELECT purge_results(%L)', day), '22008',
                 'the date before which results are purged must be finite, not ' || day, 'refused: ' || day)
  FROM unnest(ARRAY['infinity', '-infinity']) AS day;

-- Another schema ----------------------------------------------------------------------------------------------------

SELECT create_analytics_tables('pb Other') \g /dev/null
INSERT INTO "pb Other".portfolios (id, name) VALUES (pg_temp.book(), 'Maintenance');
INSERT INTO "pb Other".positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date)
VALUES (pg_temp.book(), pg_temp.lot(11), 'LNG', 'LONG', 1, 10, '2024-01-02');
SELECT lives_ok($$SELECT pg_temp.close(11, 1, 12.5, '2024-02-01')$$,
                'portfolio_batch.schema decides which tables are meant');
SELECT is((SELECT count(*) FROM "pb Other".position_realized_events), 1::bigint, 'there is the trade');

SELECT * FROM finish();
ROLLBACK;
