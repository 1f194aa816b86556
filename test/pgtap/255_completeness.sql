-- Complete means: from the inputs as they are now. A session waits for its prices, is published as provisional, and is
-- computed again when they have come; rows that are gone are on the work list; what has not changed is left alone.

\ir include/prelude.psql
SELECT plan(31);

SET LOCAL portfolio_batch.beta_window = 60;
SET LOCAL portfolio_batch.beta_min_observations = 40;
SET LOCAL portfolio_batch.factor_window = 60;
SET LOCAL portfolio_batch.factor_min_observations = 40;

-- The newest sessions, the last being s(0).
CREATE TEMP TABLE sessions AS
SELECT session_date, row_number() OVER (ORDER BY session_date DESC) - 1 AS back
FROM sessions_between((latest_closed_session() - interval '150 days')::date, latest_closed_session());
CREATE FUNCTION pg_temp.s(n integer) RETURNS date LANGUAGE sql STABLE AS
$$ SELECT session_date FROM sessions WHERE back = n $$;
INSERT INTO market_data_cache (symbol, date, close)
SELECT p.symbol, s.session_date, 100 * (1 + 0.02 * sin(s.back * p.pace) + 0.01 * sin(s.back * 1.3))
FROM sessions AS s, (VALUES ('SPY', 1.3), ('AAA', 0.9), ('BBB', 2.1), ('CCC', 0.5), ('DDD', 0.7)) AS p (symbol, pace)
WHERE s.back > 0;
SELECT pg_temp.add_portfolio(1, 100000, pg_temp.s(3));
SELECT pg_temp.add_portfolio(2, 100000, pg_temp.s(3));
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, pg_temp.s(3));
SELECT pg_temp.add_lot(1, 12, 'BBB', 100, 100, pg_temp.s(3));
SELECT pg_temp.add_lot(1, 13, 'CCC', 100, 100, pg_temp.s(3));
SELECT pg_temp.add_lot(2, 21, 'DDD', 100, 100, pg_temp.s(3));
INSERT INTO market_data_cache (symbol, date, close) VALUES ('SPY', pg_temp.s(0), 101), ('DDD', pg_temp.s(0), 102);
CREATE FUNCTION pg_temp.owed() RETURNS TABLE (portfolio_id uuid, session_date date, missing text) LANGUAGE sql AS
$$ SELECT * FROM missing_sessions() $$;

-- Prices that have not come yet ---------------------------------------------------------------------------------------

SELECT count(*) FROM run_daily_batch_with_backfill() \g /dev/null
SELECT results_eq('SELECT * FROM pg_temp.owed()', $$VALUES (pg_temp.id(1), pg_temp.s(0), 'snapshot')$$,
                  'a session without prices waits, and holds up neither the days before nor another portfolio');
SELECT results_eq($$SELECT portfolio_id, status, detail ->> 'text' FROM batch_jobs WHERE status = 'waiting'$$,
                  $$VALUES (pg_temp.id(1), 'waiting', 'priced 0 of 3 symbols')$$, 'and says for what');
SELECT is((SELECT status FROM batch_runs), 'success', 'to wait is no failure');
INSERT INTO market_data_cache (symbol, date, close) VALUES ('AAA', pg_temp.s(0), 103);
SELECT count(*) FROM run_daily_batch_with_backfill() \g /dev/null
SELECT results_eq('SELECT * FROM pg_temp.owed()', $$VALUES (pg_temp.id(1), pg_temp.s(0), 'snapshot')$$, 'one of three is too few');
SAVEPOINT waiting;
SELECT count(*) FROM run_daily_batch(pg_temp.s(0), force => true) \g /dev/null
SELECT results_eq($$SELECT is_provisional, stale_prices FROM portfolio_snapshots
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), pg_temp.s(0))$$,
                  $$VALUES (true, 2)$$, 'a forced run publishes it as it is');
ROLLBACK TO waiting;
SAVEPOINT old;
DELETE FROM market_data_cache WHERE symbol IN ('AAA', 'BBB', 'CCC') AND date >= pg_temp.s(3);
DELETE FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1);
SELECT count(*) FROM run_daily_batch_with_backfill() \g /dev/null
SELECT results_eq($$SELECT snapshot_date, is_provisional FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1)$$,
                  $$VALUES (pg_temp.s(3), true)$$, 'after three sessions a day is published with what there is');
ROLLBACK TO old;

INSERT INTO market_data_cache (symbol, date, close) VALUES ('BBB', pg_temp.s(0), 99);
SELECT count(*) FROM run_daily_batch_with_backfill() \g /dev/null
SELECT results_eq($$SELECT snapshot_date, is_provisional FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1)
                    ORDER BY 1 DESC LIMIT 2$$,
                  $$VALUES (pg_temp.s(0), true), (pg_temp.s(1), false)$$, 'two of three are published, as provisional');
SELECT results_eq($$SELECT position_id, reason FROM position_history
                    WHERE (portfolio_id, calculation_date) = (pg_temp.id(1), pg_temp.s(0)) AND reason IS NOT NULL$$,
                  $$VALUES (pg_temp.id(13), 'stale_price')$$, 'with the lot that lacks its price');
SELECT is_empty('SELECT * FROM pg_temp.owed()', 'and nothing is to be done until it comes');
INSERT INTO market_data_cache (symbol, date, close, is_final) VALUES ('CCC', pg_temp.s(0), 98, false);
SELECT results_eq('SELECT * FROM pg_temp.owed()', $$VALUES (pg_temp.id(1), pg_temp.s(0), 'prices')$$, 'then it is');
SELECT count(*) FROM run_daily_batch_with_backfill() \g /dev/null
SELECT results_eq($$SELECT is_provisional, stale_prices FROM portfolio_snapshots
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), pg_temp.s(0))$$,
                  $$VALUES (true, 0)$$, 'a price that may still change is provisional as well');
SELECT is_empty('SELECT * FROM pg_temp.owed()', 'and waits for the final one');
UPDATE market_data_cache SET close = 97, is_final = true WHERE (symbol, date) = ('CCC', pg_temp.s(0));
SELECT count(*) FROM run_daily_batch_with_backfill() \g /dev/null
SELECT results_eq($$SELECT is_provisional FROM portfolio_snapshots
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), pg_temp.s(0))$$,
                  $$VALUES (false)$$, 'which makes it final');
SELECT results_eq($$SELECT price FROM position_history
                    WHERE (position_id, calculation_date) = (pg_temp.id(13), pg_temp.s(0))$$,
                  $$VALUES (97::numeric)$$, 'at that price');

-- Rows that are gone --------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.restored(fault text, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  results text;
BEGIN
  CREATE TEMP TABLE before AS SELECT * FROM pg_temp.results();
  EXECUTE fault;
  results = ok((SELECT count(*) > 0 AND bool_and(missing = 'analytics') FROM pg_temp.owed()), name || ' is on the work list');
  PERFORM count(*) FROM run_daily_batch_with_backfill();
  results = results || E'\n' || is((SELECT count(*) FROM (TABLE before EXCEPT SELECT * FROM pg_temp.results()) AS d), 0::bigint,
                                   'and restored');
  DROP TABLE before;
  RETURN results;
END $$;
SELECT pg_temp.restored(format('DELETE FROM %s', fault), what)
FROM (VALUES ('symbol_model_fits WHERE symbol = ''AAA'' AND model = ''ridge'' AND calculation_date = pg_temp.s(2)', 'a fit'),
             ('symbol_volatility WHERE symbol = ''BBB'' AND calculation_date = pg_temp.s(1)', 'a volatility'),
             ('portfolio_stress_tests WHERE calculation_date = pg_temp.s(2)', 'a stress test'),
             ('stress_scenario_moves WHERE calculation_date = pg_temp.s(2) AND scenario_id = ''market_up_10''', 'a move'),
             ('correlation_calculations WHERE calculation_date = pg_temp.s(1)', 'a correlation')) AS f (fault, what);

-- What has not changed ------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT phase, status, processed, skipped, rows_written FROM run_daily_batch(pg_temp.s(1))
                    WHERE phase IN ('2', '3')$$,
                  $$VALUES ('2', 'success', 0::bigint, 2::bigint, 0::bigint), ('3', 'success', 0, 2, 0)$$,
                  'a date whose inputs are the same is left alone');
UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('DDD', pg_temp.s(20));
SELECT results_eq($$SELECT phase, processed > 0, skipped FROM run_daily_batch(pg_temp.s(1)) WHERE phase = '2'$$,
                  $$VALUES ('2', true, 1::bigint)$$, 'a price of the past concerns those who hold the symbol');
SELECT ok((SELECT bool_and(rows_written > 0) FROM run_daily_batch(pg_temp.s(1), force => true) WHERE phase = '2'),
          'a forced run computes everything');

-- A market without prices ---------------------------------------------------------------------------------------------

CREATE TEMP TABLE good AS SELECT * FROM pg_temp.results();
SET LOCAL portfolio_batch.market_symbol = 'NOSUCH';
SELECT results_eq($$SELECT status FROM run_daily_batch(pg_temp.s(1)) WHERE phase = '3'$$, $$VALUES ('partial')$$,
                  'without a market the risk phase does not succeed');
SELECT results_eq($$SELECT DISTINCT error_message FROM batch_jobs WHERE job_name = 'market_betas' AND status = 'failed'$$,
                  $$VALUES ('market symbol "NOSUCH" has no returns')$$, 'and says why');
RESET portfolio_batch.market_symbol;
SELECT is((SELECT count(*) FROM symbol_factor_exposures WHERE model = 'market' AND beta IS NULL), 0::bigint,
          'nothing good was overwritten');
SELECT ok((SELECT count(*) > 0 FROM batch_audit(pg_temp.s(1)) WHERE status = 'red'), 'and the audit is red');
SELECT * FROM finish();
ROLLBACK;
