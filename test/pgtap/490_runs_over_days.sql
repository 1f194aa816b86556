-- Runs over several days: an engine that fails on one of them, a portfolio that is blocked from then on, a position that is
-- sold on the way, and a late trade that leaves the value of a day as it was.

\ir include/prelude.psql
SELECT plan(21);

SET LOCAL portfolio_batch.progress = off;
SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
SET LOCAL portfolio_batch.limited_history_below = 15;
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT symbol, session_date, round((100 * (1 + swing * sin(n) + 0.005 * cos(n * n)))::numeric, 4), 'test'
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-05-01', '2024-07-12') AS s (session_date)) AS d,
     (VALUES ('SPY', 0.01), ('AAA', 0.013), ('BBB', 0.007), ('CCC', 0.02)) AS s (symbol, swing);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08'), pg_temp.add_portfolio(2, 50000, '2024-07-08') \g /dev/null
SELECT pg_temp.add_lot(1, 11, 'AAA', 300, 101, '2024-07-08'), pg_temp.add_lot(1, 12, 'BBB', -200, 99, '2024-07-08'),
       pg_temp.add_lot(2, 21, 'BBB', 100, 99, '2024-07-08') \g /dev/null
SAVEPOINT book;

-- An engine that fails after it has handed over rows -----------------------------------------------------------------

-- The last table that the engine of market betas writes refuses its rows of one day, where one has been left before.
INSERT INTO portfolio_model_exposures (portfolio_id, calculation_date, model, factors, reasons)
VALUES (pg_temp.id(1), '2024-07-10', 'market', '{market}', '{left}');
ALTER TABLE portfolio_model_exposures ADD CONSTRAINT refused
  CHECK (calculation_date <> '2024-07-10' OR model <> 'market') NOT VALID;
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-12') \g /dev/null
SELECT results_eq($$SELECT calculation_date, status, sqlstate, rows_written FROM batch_jobs
                    WHERE job_type = 'engine' AND job_name = 'market_betas' AND status <> 'success'$$,
                  $$VALUES ('2024-07-10'::date, 'failed', '23514', 0::bigint)$$, 'an engine fails on one of five days');
CREATE FUNCTION pg_temp.days(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT string_agg(DISTINCT extract(day FROM q.d)::text, '' '' ORDER BY extract(day FROM q.d)::text) '
                 'FROM (%s) AS q (d)', query) INTO result;
  RETURN result;
END $$;
SELECT is(pg_temp.days(query), '11 12 8 9', 'nothing of that day is left: ' || query)
FROM (VALUES ('SELECT calculation_date FROM symbol_model_fits WHERE model = ''market'''),
             ('SELECT calculation_date FROM position_market_betas'),
             ('SELECT snapshot_date FROM portfolio_snapshots WHERE beta IS NOT NULL'),
             ('SELECT calculation_date FROM portfolio_factor_exposures WHERE model = ''market'' AND exposure_value <> 0'))
  AS v (query);
SELECT is(pg_temp.days(query), '10 11 12 8 9', 'other engines have all days: ' || query)
FROM (VALUES ('SELECT calculation_date FROM symbol_model_fits WHERE model = ''rate'''),
             ('SELECT calculation_date FROM position_volatility'),
             ('SELECT snapshot_date FROM portfolio_snapshots WHERE realized_volatility_21d IS NOT NULL')) AS v (query);
SELECT is(pg_temp.days('SELECT snapshot_date FROM portfolio_snapshots WHERE NOT analytics_complete'), '10',
          'and the day is outstanding');
ROLLBACK TO book;

-- A portfolio that fails ---------------------------------------------------------------------------------------------

-- Refused on 10 July, it is blocked on the 11th and the 12th. Errors: its failure, the engine that had it, and two dates
-- on which it was blocked.
ALTER TABLE portfolio_snapshots ADD CONSTRAINT refused
  CHECK (snapshot_date <> '2024-07-10' OR portfolio_id <> '00000000-0000-4000-8000-000000000001');
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-12') \g /dev/null
SELECT results_eq($$SELECT calculation_date, job_type, status FROM batch_jobs
                    WHERE status NOT IN ('success', 'skipped') ORDER BY 1, 2$$,
                  $$VALUES ('2024-07-10'::date, 'engine', 'partial'), ('2024-07-10', 'phase', 'partial'),
                           ('2024-07-10', 'portfolio', 'failed'), ('2024-07-11', 'portfolio', 'blocked'),
                           ('2024-07-12', 'portfolio', 'blocked')$$, 'a portfolio that fails is blocked from then on');
SELECT results_eq('SELECT status, error_count, dates_processed, portfolio_dates FROM batch_runs',
                  $$VALUES ('partial', 4, 5, 7)$$, 'dates on which it was blocked count as errors');
ROLLBACK TO book;

-- A position that is sold on the way ---------------------------------------------------------------------------------

-- AAA in part on the 9th and for good on the 11th; CCC is bought on the 10th; portfolio 2 sells all it has on the 9th.
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
VALUES (pg_temp.id(1), pg_temp.id(11), '2024-07-09', 100, 101.5), (pg_temp.id(1), pg_temp.id(11), '2024-07-11', 200, 100.5);
UPDATE positions SET exit_date = '2024-07-11', exit_price = 100.5 WHERE id = pg_temp.id(11);
UPDATE positions SET exit_date = '2024-07-09', exit_price = 99.5 WHERE id = pg_temp.id(21);
SELECT pg_temp.add_lot(1, 13, 'CCC', 50, 98, '2024-07-10') \g /dev/null
CREATE TEMP VIEW digest AS
SELECT count(*) AS rows, md5(string_agg(r.relation || r.content, E'\n' ORDER BY r.relation, r.content::text)) AS digest
FROM pg_temp.results(ARRAY(SELECT table_name FROM analytics_columns() WHERE column_name IS NULL AND data_type = 'result')) AS r;
SAVEPOINT trades;
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-12') \g /dev/null
SELECT rows, digest FROM digest \gset at_once_
CREATE FUNCTION pg_temp.held(relation text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT to_char(r.calculation_date, ''DD'') || '' '' || string_agg(DISTINCT right(r.position_id::text, 2), '
    ''' '') FROM %I AS r GROUP BY r.calculation_date ORDER BY r.calculation_date', relation);
END $$;
SELECT is((SELECT string_agg(h, ', ') FROM pg_temp.held(relation) AS h), '08 11 12 21, 09 11 12, 10 11 12 13, 11 12 13, 12 12 13',
          'the lots of each day, in ' || relation)
FROM unnest(ARRAY['position_market_betas', 'position_volatility', 'position_interest_rate_betas']) AS relation;
SELECT results_eq($$SELECT calculation_date, symbol FROM symbol_model_fits WHERE model = 'market' ORDER BY 1, 2$$,
                  $$VALUES ('2024-07-08'::date, 'AAA'), ('2024-07-08', 'BBB'), ('2024-07-09', 'AAA'), ('2024-07-09', 'BBB'),
                           ('2024-07-10', 'AAA'), ('2024-07-10', 'BBB'), ('2024-07-10', 'CCC'),
                           ('2024-07-11', 'BBB'), ('2024-07-11', 'CCC'), ('2024-07-12', 'BBB'), ('2024-07-12', 'CCC')$$,
                  'a symbol is estimated on the days on which it is held');
SELECT is_empty($$SELECT s.snapshot_date, s.total_long, s.total_short
                  FROM portfolio_snapshots AS s
                  JOIN (VALUES ('2024-07-08'::date, 300, 0), ('2024-07-09', 200, 0), ('2024-07-10', 200, 50),
                               ('2024-07-11', 0, 50), ('2024-07-12', 0, 50)) AS h (day, aaa, ccc) ON h.day = s.snapshot_date
                  JOIN market_data_cache AS a ON a.symbol = 'AAA' AND a.date = h.day
                  JOIN market_data_cache AS b ON b.symbol = 'BBB' AND b.date = h.day
                  JOIN market_data_cache AS c ON c.symbol = 'CCC' AND c.date = h.day
                  WHERE s.portfolio_id = pg_temp.id(1)
                    AND (s.total_long <> (h.aaa * a.close + h.ccc * c.close)::numeric(20, 4)
                         OR s.total_short <> (-200 * b.close)::numeric(20, 4))$$, 'and valued with what is left of it');
SELECT is_empty($$SELECT s.portfolio_id, s.snapshot_date FROM portfolio_snapshots AS s
                  JOIN portfolio_factor_exposures AS x ON x.portfolio_id = s.portfolio_id
                   AND x.calculation_date = s.snapshot_date AND x.model = 'market'
                  LEFT JOIN (SELECT p.portfolio_id, d.day, sum(p.quantity * m.close * f.beta) AS dollars
                             FROM sessions_between('2024-07-08', '2024-07-12') AS d (day)
                             CROSS JOIN positions_asof(d.day) AS p
                             JOIN market_data_cache AS m ON m.symbol = p.symbol AND m.date = d.day
                             JOIN symbol_factor_exposures AS f ON f.symbol = p.symbol AND f.calculation_date = d.day
                              AND f.model = 'market' AND f.factor = 'market'
                             GROUP BY 1, 2) AS h ON h.portfolio_id = s.portfolio_id AND h.day = s.snapshot_date
                  WHERE abs(x.exposure_dollar::float8 - h.dollars) > 0.0001
                     OR (x.exposure_dollar IS NULL) <> (h.dollars IS NULL)$$, 'exposures are those of the day''s lots');
ROLLBACK TO trades;
SELECT count(*) FROM sessions_between('2024-07-08', '2024-07-12') AS day, run_daily_batch(day) \g /dev/null
SELECT is((SELECT rows || ' ' || digest FROM digest), :'at_once_rows' || ' ' || :'at_once_digest', 'day by day comes to the same');
ROLLBACK TO book;

-- A late trade at the close ------------------------------------------------------------------------------------------

-- It has no P&L on its day, so that the value stays; but more is long, or short, and the analytics are of another book.
SELECT count(*) FROM run_daily_batch('2024-07-08') \g /dev/null
CREATE TEMP TABLE before AS SELECT * FROM portfolio_snapshots;
CREATE FUNCTION pg_temp.after_late_trade(trade text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  BEGIN
    EXECUTE trade;
    PERFORM FROM create_portfolio_snapshots('2024-07-08', ARRAY[pg_temp.id(1)]);
    SELECT concat_ws(' ', 'value', CASE WHEN n.total_value = b.total_value THEN 'equal' ELSE 'differs' END,
                     'long', n.total_long - b.total_long, 'short', n.total_short - b.total_short,
                     CASE WHEN n.analytics_complete THEN 'complete' ELSE 'outstanding' END,
                     (SELECT count(*) FROM missing_sessions('2024-07-08')))
      INTO result
      FROM portfolio_snapshots AS n JOIN before AS b USING (portfolio_id, snapshot_date)
     WHERE n.portfolio_id = pg_temp.id(1);
    RAISE 'undo' USING ERRCODE = 'PBTST';
  EXCEPTION WHEN SQLSTATE 'PBTST' THEN NULL;
  END;
  RETURN result;
END $$;
UPDATE market_data_cache SET close = 90 WHERE symbol = 'CCC' AND date = '2024-07-08';
SELECT is(pg_temp.after_late_trade(trade), wanted, 'late: ' || trade)
FROM (VALUES ('SELECT', 'value equal long 0.0000 short 0.0000 complete 0'),
             ('SELECT pg_temp.add_lot(1, 14, ''CCC'', 10, 90, ''2024-07-08'')',
              'value equal long 900.0000 short 0.0000 outstanding 1'),
             ('SELECT pg_temp.add_lot(1, 14, ''CCC'', -10, 90, ''2024-07-08'')',
              'value equal long 0.0000 short -900.0000 outstanding 1')) AS v (trade, wanted);

SELECT * FROM finish();
ROLLBACK;
