-- Volatility of positions and portfolios: figures that can be told without the engine, what a missing return does, what
-- must not matter, and every reason for a missing figure.

\ir include/prelude.psql
SELECT plan(44);

CREATE FUNCTION pg_temp.near(a float8, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_temp.near(a, b, 1e-9) $$;

-- 400 sessions up to June 28, 2024; n counts them. TICK goes up and down 1 % in turn, so that every r^2 is 1e-4; SPY
-- and WAVE wander; FLAT never moves; MORE triples its swings in the last 21 sessions, LESS has a third of them left;
-- LATE came when 30 sessions were left; WAIT had no price on two of the last 10; OLD left 60 sessions ago; NONE never
-- had a price.
CREATE TEMP TABLE days AS
SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
FROM (SELECT session_date FROM sessions_between('2022-01-03', '2024-06-28') ORDER BY session_date DESC LIMIT 400) AS d;
INSERT INTO market_data_cache (symbol, date, close)
SELECT symbol, session_date,
       100 * exp(sum(ln(1 + CASE symbol WHEN 'TICK' THEN CASE n % 2 WHEN 0 THEN 0.01 ELSE -0.01 END
                                        WHEN 'SPY' THEN 0.01 * sin(n * n) + 0.0003
                                        WHEN 'WAVE' THEN 0.012 * sin(n * n) + 0.008 * cos(n * n * n)
                                        WHEN 'FLAT' THEN 0
                                        WHEN 'MORE' THEN CASE n % 2 WHEN 0 THEN 0.01 ELSE -0.01 END
                                                         * CASE WHEN n > 379 THEN 3 ELSE 1 END
                                        WHEN 'LESS' THEN CASE n % 2 WHEN 0 THEN 0.03 ELSE -0.03 END
                                                         / CASE WHEN n > 379 THEN 3 ELSE 1 END
                                        ELSE 0.011 * sin(n * n) + 0.009 * sin(n * n * n) END))
                OVER (PARTITION BY symbol ORDER BY n))
FROM days,
     (VALUES ('TICK'), ('SPY'), ('WAVE'), ('FLAT'), ('MORE'), ('LESS'), ('LATE'), ('WAIT'), ('OLD')) AS s (symbol);
DELETE FROM market_data_cache USING days
WHERE date = session_date AND (symbol = 'LATE' AND n <= 370 OR symbol = 'WAIT' AND n IN (392, 396)
                               OR symbol = 'OLD' AND n > 340);

CREATE FUNCTION pg_temp.price(wanted text) RETURNS numeric LANGUAGE sql AS $$
  SELECT close::numeric FROM market_data_cache WHERE symbol = wanted AND date <= '2024-06-28' ORDER BY date DESC LIMIT 1
$$;
-- One lot in each symbol.
SELECT pg_temp.add_portfolio(1, 100000, '2024-06-28');
SELECT pg_temp.add_lot(1, 10 + n::int, symbol, 100, coalesce(pg_temp.price(symbol), 50), '2024-06-28')
FROM unnest('{TICK,WAVE,FLAT,MORE,LESS,LATE,WAIT,OLD,NONE}'::text[]) WITH ORDINALITY AS s (symbol, n);
SELECT pg_temp.add_lot(1, 20, 'HOUSE', 1, 1000, '2024-06-28', investment_class => 'PRIVATE');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date, contract_multiplier, investment_class)
VALUES (pg_temp.id(1), pg_temp.id(21), 'WAVE240920C00100000', 'LC', 2, 5, '2024-06-28', 'WAVE', 100, '2024-09-20', 100,
        'OPTIONS');
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28') \gset

-- By position --------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT processed, skipped, failed, rows_written, detail FROM calc_volatility('2024-06-28')$$,
                  $$VALUES (6::bigint, 5::bigint, 0::bigint, 10::bigint,
                            'volatility of 6 of 9 symbols')$$,
                  'nine symbols and a snapshot are written');
CREATE TEMP VIEW by_symbol AS
SELECT p.symbol, v.* FROM position_volatility AS v JOIN positions AS p ON p.id = v.position_id
WHERE v.portfolio_id = pg_temp.id(1) AND v.calculation_date = '2024-06-28';

-- The same by SQL, of the newest 546 returns of a series, oldest first, and of a symbol; NULL where no figure needs it.
CREATE FUNCTION pg_temp.kurtosis(r float8[]) RETURNS float8 LANGUAGE sql AS $$
  WITH s AS (SELECT n, x * x AS square FROM unnest(r) WITH ORDINALITY AS u (x, n)),
       z AS (SELECT s.square * sum(0.97::float8 ^ (s.n - b.n)::float8)
                    / sum(b.square * 0.97::float8 ^ (s.n - b.n)::float8) AS z2
             FROM s JOIN s AS b ON b.n < s.n WHERE s.n > 42 GROUP BY s.n, s.square)
  SELECT CASE WHEN count(*) < 252 THEN 6.5 ELSE greatest(3, least(8, avg(z2 * z2) / avg(z2) ^ 2)) END FROM z
$$;
CREATE FUNCTION pg_temp.kurtosis(of text) RETURNS float8 LANGUAGE sql AS $$
  SELECT pg_temp.kurtosis(array_agg(r ORDER BY n) FILTER (WHERE r IS NOT NULL))
  FROM (SELECT n, CASE WHEN n - 1 = lag(n) OVER (ORDER BY n) THEN close / lag(close) OVER (ORDER BY n) - 1 END AS r
        FROM market_data_cache JOIN days ON date = session_date WHERE symbol = of) AS w
$$;

SELECT ok((SELECT pg_temp.near(realized_volatility_21d, sqrt(252) * 0.01)
                  AND pg_temp.near(realized_volatility_63d, sqrt(252) * 0.01)
                  AND pg_temp.near(expected_volatility_21d, sqrt(252) * 0.01)
             FROM by_symbol WHERE symbol = 'TICK'),
          'moves of 1 % a day are a volatility of sqrt(252) %, zero-mean, in every figure');
-- A move of one size has a kurtosis of 1, and so that of normal returns. Quantiles of chi-square with 21 degrees of
-- freedom: 10.282897783 and 35.478875906.
SELECT ok((SELECT return_kurtosis = 3
                  AND pg_temp.near(realized_volatility_21d_low, realized_volatility_21d * sqrt(21 / 35.478875906))
                  AND pg_temp.near(realized_volatility_21d_high, realized_volatility_21d * sqrt(21 / 10.282897783))
                  AND realized_volatility_63d_low BETWEEN realized_volatility_21d_low AND realized_volatility_63d
                  AND realized_volatility_63d_high BETWEEN realized_volatility_63d AND realized_volatility_21d_high
             FROM by_symbol WHERE symbol = 'TICK'),
          'the interval is that of chi-square, and narrower for more returns');
SELECT results_eq($$SELECT forecast_method, model_r_squared, volatility_trend, volatility_percentile, observations,
                           quality_flag, reason FROM by_symbol WHERE symbol = 'TICK'$$,
                  $$VALUES ('ewma', NULL::float8, 'stable', 0.5::float8, 399, 'full_history', NULL)$$,
                  'nothing changes: stable, in the middle of its own history, and too short a history for the model');
SELECT ok((SELECT abs(volatility_trend_strength) < 1e-9 FROM by_symbol WHERE symbol = 'TICK'), 'a trend of 0');
SELECT results_eq($$SELECT symbol, volatility_trend, round(volatility_trend_strength::numeric, 9) FROM by_symbol
                    WHERE symbol IN ('MORE', 'LESS') ORDER BY symbol$$,
                  $$SELECT symbol, CASE symbol WHEN 'LESS' THEN 'decreasing' ELSE 'increasing' END,
                           round((CASE symbol WHEN 'LESS' THEN -1 ELSE 1 END * ln(3::float8)
                                  / sqrt((pg_temp.kurtosis(symbol) - 1) / 42))::numeric, 9)
                    FROM unnest('{LESS,MORE}'::text[]) AS s (symbol)$$,
                  'three times the volatility, up and down: z = ln 3 / sqrt((k - 1) / 42)');
SELECT is_empty($$SELECT symbol FROM by_symbol
                  WHERE NOT pg_temp.near(return_kurtosis, CASE WHEN realized_volatility_21d IS NOT NULL
                                                               THEN pg_temp.kurtosis(symbol) END, 1e-12)$$,
                'the kurtosis is that of returns over the volatility before them, within its bounds');
-- Rolling windows: 379 of them, the newest alone without a smaller swing.
SELECT ok(pg_temp.near((SELECT volatility_percentile FROM by_symbol WHERE symbol = 'MORE'), 378.5 / 379)
          AND pg_temp.near((SELECT volatility_percentile FROM by_symbol WHERE symbol = 'LESS'), 0.5 / 379),
          'the highest and the lowest of 379');
SELECT ok((SELECT pg_temp.near(v.realized_volatility_21d, sqrt(252 * own.mean21))
                  AND pg_temp.near(v.realized_volatility_63d, sqrt(252 * own.mean63))
                  AND pg_temp.near(v.expected_volatility_21d, sqrt(252 * own.average))
             FROM by_symbol AS v,
                  (SELECT avg(r * r) FILTER (WHERE n > 379) AS mean21, avg(r * r) FILTER (WHERE n > 337) AS mean63,
                          sum(r * r * 0.97 ^ (400 - n)) / sum(0.97 ^ (400 - n)) AS average
                   FROM (SELECT n::float8, close / lag(close) OVER (ORDER BY n) - 1 AS r
                         FROM market_data_cache JOIN days ON date = session_date WHERE symbol = 'WAVE') AS w
                   WHERE n > 1) AS own
            WHERE v.symbol = 'WAVE'),
          'WAVE as plain SQL has it');
-- A gap of one price costs two returns: that of the day and that of the next.
SELECT ok((SELECT pg_temp.near(v.realized_volatility_21d, sqrt(252 * own.mean)) AND v.observations = 395
             FROM by_symbol AS v,
                  (SELECT avg(r * r) AS mean
                   FROM (SELECT CASE WHEN n - 1 = lag(n) OVER (ORDER BY n)
                                     THEN close / lag(close) OVER (ORDER BY n) - 1 END AS r, n
                         FROM market_data_cache JOIN days ON date = session_date WHERE symbol = 'WAIT') AS w
                   WHERE n > 375) AS own
            WHERE v.symbol = 'WAIT'),
          'returns over a missing session are dropped, and earlier ones are taken instead');
SELECT results_eq($$SELECT symbol, observations, quality_flag, reason, realized_volatility_21d IS NOT NULL,
                           realized_volatility_63d IS NOT NULL, expected_volatility_21d IS NOT NULL,
                           volatility_percentile IS NOT NULL
                    FROM by_symbol WHERE reason IS NOT NULL ORDER BY symbol$$,
  $$VALUES ('FLAT', 399, 'insufficient_data', 'constant_series', false, false, false, false),
           ('HOUSE', NULL::int, NULL, 'private', false, false, false, false),
           ('LATE', 29, 'limited_history', 'insufficient_data', true, false, true, false),
           ('NONE', 0, 'insufficient_data', 'no_prices', false, false, false, false),
           ('OLD', 339, 'insufficient_data', 'insufficient_data', false, false, false, false),
           ('WAVE240920C00100000', NULL, NULL, 'option_without_delta', false, false, false, false)$$,
  'what is missing is NULL with its reason, and nothing else is');
SELECT is_empty($$SELECT * FROM by_symbol
                  WHERE 0 IN (realized_volatility_21d, realized_volatility_63d, expected_volatility_21d)$$,
                'no volatility is 0');

-- By portfolio -------------------------------------------------------------------------------------------------------

-- Weights over net asset value: half TICK long, WAVE and MORE short, the rest cash.
CREATE FUNCTION pg_temp.snapshot(portfolio int, day date DEFAULT '2024-06-28') RETURNS SETOF portfolio_snapshots
LANGUAGE sql AS $$
  SELECT * FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(portfolio) AND snapshot_date = day
$$;
CREATE FUNCTION pg_temp.run(portfolio int) RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(processed) FROM create_portfolio_snapshots('2024-06-28', ARRAY[pg_temp.id(portfolio)]);
  SELECT rows_written FROM calc_volatility('2024-06-28', ARRAY[pg_temp.id(portfolio)]);
$$;
-- What a portfolio's returns would have been, by session; a missing return is beta x market.
CREATE FUNCTION pg_temp.series(portfolio int) RETURNS TABLE (n bigint, r float8) LANGUAGE sql AS $$
  WITH returns AS (
    SELECT symbol, n, CASE WHEN n - 1 = lag(n) OVER w THEN close / lag(close) OVER w - 1 END AS r
    FROM market_data_cache JOIN days ON date = session_date WINDOW w AS (PARTITION BY symbol ORDER BY n)),
  market AS (SELECT n, r AS m FROM returns WHERE symbol = 'SPY'),
  weights AS (
    SELECT p.symbol, sum(p.quantity * pg_temp.price(p.symbol)) / s.total_value AS w
    FROM positions AS p JOIN portfolio_snapshots AS s USING (portfolio_id)
    WHERE p.portfolio_id = pg_temp.id(portfolio) AND s.snapshot_date = '2024-06-28' GROUP BY p.symbol, s.total_value),
  betas AS (SELECT symbol, regr_slope(r, m) AS beta
            FROM (SELECT symbol, r, m, row_number() OVER (PARTITION BY symbol ORDER BY n DESC) AS newest
                  FROM returns JOIN market USING (n) WHERE r IS NOT NULL AND n > 22) AS b
            WHERE newest <= 252 GROUP BY symbol)
  SELECT m.n, sum(w * coalesce(x.r, beta * m.m))
  FROM market AS m CROSS JOIN weights AS w LEFT JOIN returns AS x ON x.symbol = w.symbol AND x.n = m.n
  LEFT JOIN betas AS b ON b.symbol = w.symbol
  WHERE m.n > 1 GROUP BY m.n
$$;
-- Whether the snapshot has the volatilities of that series.
CREATE FUNCTION pg_temp.agrees(portfolio int) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_temp.near(realized_volatility_21d, sqrt(252 * mean21))
         AND pg_temp.near(realized_volatility_63d, sqrt(252 * mean63))
         AND pg_temp.near(expected_volatility_21d, sqrt(252 * average)) AND expected_volatility_method = 'ewma'
         AND volatility_observations = observations
  FROM pg_temp.snapshot(portfolio),
       (SELECT avg(r * r) FILTER (WHERE n > 379) AS mean21, avg(r * r) FILTER (WHERE n > 337) AS mean63,
               sum(r * r * 0.97 ^ (400 - n)) / sum(0.97 ^ (400 - n)) AS average, count(*) AS observations
        FROM (SELECT n::float8, r FROM pg_temp.series(portfolio)) AS s) AS s
$$;

SELECT pg_temp.add_portfolio(2, 100000, '2024-06-28');
SELECT pg_temp.add_lot(2, 30, 'TICK', 500, pg_temp.price('TICK'), '2024-06-28');
SELECT pg_temp.add_lot(2, 31, 'WAVE', -200, pg_temp.price('WAVE'), '2024-06-28');
SELECT pg_temp.add_lot(2, 32, 'MORE', -300, pg_temp.price('MORE'), '2024-06-28');
SELECT is(pg_temp.run(2), 1::bigint, 'of symbols that are known, a snapshot alone');
SELECT ok(pg_temp.agrees(2), 'the volatility of long and short at weights over net asset value');
SELECT results_eq('SELECT volatility_coverage, volatility_proxied, volatility_reason FROM pg_temp.snapshot(2)',
                  'VALUES (1::float8, 0::float8, NULL::text)', 'all of it in the series, nothing made up');
SELECT is(pg_temp.run(2), 0::bigint, 'an unchanged rerun writes nothing');
SELECT ok((SELECT volatility_trend = (CASE WHEN z > 1.645 THEN 'increasing' WHEN z < -1.645 THEN 'decreasing'
                                           ELSE 'stable' END) AND z IS NOT NULL
             FROM pg_temp.snapshot(2),
                  (SELECT ln(avg(r * r) FILTER (WHERE n > 379) / avg(r * r) FILTER (WHERE n BETWEEN 359 AND 379)) / 2
                          / sqrt((pg_temp.kurtosis(array_agg(r ORDER BY n)) - 1) / 42) AS z
                   FROM pg_temp.series(2)) AS s),
          'the trend is that of the series');

-- The same in other lots, in another order: nothing changes.
SELECT pg_temp.add_portfolio(3, 100000, '2024-06-28');
SELECT pg_temp.add_lot(3, 40, 'MORE', -300, pg_temp.price('MORE'), '2024-06-28');
SELECT pg_temp.add_lot(3, 41, 'WAVE', -50, pg_temp.price('WAVE'), '2024-06-28');
SELECT pg_temp.add_lot(3, 42, 'TICK', 125, pg_temp.price('TICK'), '2024-06-28');
SELECT pg_temp.add_lot(3, 43, 'WAVE', -150, pg_temp.price('WAVE'), '2024-06-28');
SELECT pg_temp.add_lot(3, 44, 'TICK', 375, pg_temp.price('TICK'), '2024-06-28');
SELECT is(pg_temp.run(3), 1::bigint, 'five lots of them');
SELECT ok((SELECT pg_temp.near(a.realized_volatility_21d, b.realized_volatility_21d, 1e-12)
                  AND pg_temp.near(a.realized_volatility_63d, b.realized_volatility_63d, 1e-12)
                  AND pg_temp.near(a.expected_volatility_21d, b.expected_volatility_21d, 1e-12)
                  AND a.volatility_percentile = b.volatility_percentile AND a.volatility_trend = b.volatility_trend
             FROM pg_temp.snapshot(2) AS a, pg_temp.snapshot(3) AS b),
          'neither the order nor the number of lots matters');

-- Missing returns: betas stand in for WAIT (with a beta), not for LATE (too short for one).
SELECT pg_temp.add_portfolio(4, 100000, '2024-06-28');
SELECT pg_temp.add_lot(4, 50, 'TICK', 200, pg_temp.price('TICK'), '2024-06-28');
SELECT pg_temp.add_lot(4, 51, 'WAIT', 300, pg_temp.price('WAIT'), '2024-06-28');
SELECT is(pg_temp.run(4), 1::bigint, 'a portfolio with missing returns');
SELECT ok(pg_temp.agrees(4), 'beta x market stands in for a missing return');
SELECT ok((SELECT volatility_coverage = 1
                  AND pg_temp.near(volatility_proxied, (300 * pg_temp.price('WAIT') / gross_exposure)::float8)
             FROM pg_temp.snapshot(4)),
          'which is counted');
SELECT pg_temp.add_portfolio(5, 100000, '2024-06-28');
SELECT pg_temp.add_lot(5, 60, 'TICK', 200, pg_temp.price('TICK'), '2024-06-28');
SELECT pg_temp.add_lot(5, 61, 'LATE', -300, pg_temp.price('LATE'), '2024-06-28');
SELECT pg_temp.add_lot(5, 62, 'HOUSE', 1, 1000, '2024-06-28', investment_class => 'PRIVATE');
SELECT is(pg_temp.run(5), 1::bigint, 'a portfolio with a symbol that has neither returns nor beta');
SELECT ok((SELECT pg_temp.near(realized_volatility_21d,
                               (200 * pg_temp.price('TICK') / total_value)::float8 * sqrt(252) * 0.01)
                  AND pg_temp.near(volatility_coverage, (200 * pg_temp.price('TICK') / (200 * pg_temp.price('TICK')
                                                         + 300 * pg_temp.price('LATE') + 1000))::float8)
                  AND volatility_proxied = 0 AND volatility_reason IS NULL
             FROM pg_temp.snapshot(5)),
          'it is left out, and the coverage says so');

-- An option moves with its underlying by its delta: that much of WAVE, whatever the option itself costs.
SELECT pg_temp.add_portfolio(6, 100000, '2024-06-28');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date, contract_multiplier, investment_class)
VALUES (pg_temp.id(6), pg_temp.id(70), 'WAVE240920P00100000', 'LP', 4, 5, '2024-06-28', 'WAVE', 100, '2024-09-20', 100,
        'OPTIONS');
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta)
VALUES (pg_temp.id(6), pg_temp.id(70), '2024-06-28', -0.25);
SELECT is(pg_temp.run(6), 1::bigint, 'an option with a delta');
SELECT results_eq('SELECT portfolio_id, count(*), count(realized_volatility_21d) FROM position_volatility GROUP BY 1 ORDER BY 1',
                  $$VALUES (pg_temp.id(1), 11::bigint, 6::bigint), (pg_temp.id(2), 3, 3), (pg_temp.id(3), 5, 5), (pg_temp.id(4), 2, 2),
                           (pg_temp.id(5), 3, 2), (pg_temp.id(6), 1, 1)$$, 'each lot has the volatility of its symbol, or a reason');
SELECT ok((SELECT pg_temp.near(s.realized_volatility_21d,
                               (0.25 * 400 * pg_temp.price('WAVE') / s.total_value)::float8
                               * v.realized_volatility_21d, 1e-7)
                  AND s.volatility_coverage = 1
             FROM pg_temp.snapshot(6) AS s, by_symbol AS v WHERE v.symbol = 'WAVE'),
          'has delta x underlying at work');
SELECT results_eq($$SELECT realized_volatility_21d, reason FROM position_volatility
                    WHERE position_id = pg_temp.id(70)$$,
                  $$SELECT realized_volatility_21d, NULL::text FROM by_symbol WHERE symbol = 'WAVE'$$,
                  'and the volatility of its underlying');

-- Portfolios without figures.
SELECT pg_temp.add_portfolio(7, 1000, '2024-06-28');                    -- holds nothing
SELECT pg_temp.add_portfolio(8, 1000, '2024-06-28');                    -- owes more than it has
SELECT pg_temp.add_lot(8, 80, 'TICK', -100, 1, '2024-06-28');
SELECT pg_temp.add_portfolio(9, 100000, '2024-06-28');                  -- private only
SELECT pg_temp.add_lot(9, 90, 'HOUSE', 1, 1000, '2024-06-28', investment_class => 'PRIVATE');
SELECT pg_temp.add_portfolio(10, 100000, '2024-06-28');                 -- never moves
SELECT pg_temp.add_lot(10, 100, 'FLAT', 10, 100, '2024-06-28');
SELECT pg_temp.add_portfolio(11, 100000, '2024-06-28');                 -- never had a price
SELECT pg_temp.add_lot(11, 110, 'NONE', 10, 100, '2024-06-28');
SELECT pg_temp.add_portfolio(12, 100000, '2024-06-28');                 -- hedged to nothing
SELECT pg_temp.add_lot(12, 120, 'TICK', 10, 100, '2024-06-28');
SELECT pg_temp.add_lot(12, 121, 'TICK', -10, 100, '2024-06-28');
SELECT sum(pg_temp.run(n)) AS written FROM generate_series(7, 12) AS n \gset
SELECT results_eq($$SELECT n, realized_volatility_21d, realized_volatility_63d, expected_volatility_21d,
                           expected_volatility_method, volatility_trend, volatility_percentile, volatility_coverage,
                           volatility_reason
                    FROM generate_series(7, 12) AS n, pg_temp.snapshot(n) ORDER BY n$$,
  $$VALUES (7, NULL::float8, NULL::float8, NULL::float8, NULL, NULL, NULL::float8, NULL::float8, 'no_exposure'),
           (8, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'no_equity'),
           (9, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'private'),
           (10, NULL, NULL, NULL, NULL, NULL, NULL, 1, 'constant_series'),
           (11, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'insufficient_data'),
           (12, NULL, NULL, NULL, NULL, NULL, NULL, 1, 'constant_series')$$,
  'nothing held, no equity, private, constant, without prices, hedged: NULL, and why');
SELECT results_eq('SELECT reason FROM position_volatility WHERE position_id = pg_temp.id(80)', 'VALUES (NULL)',
                  'without equity the position still has its own volatility');

SELECT pg_temp.add_portfolio(13, 1000, '2024-06-28');
SELECT pg_temp.add_lot(13, 130, 'TICK', 1, 100, '2024-06-28');
SELECT results_eq($$SELECT processed, rows_written, detail
                    FROM calc_volatility('2024-06-28', ARRAY[pg_temp.id(13)])$$,
                  $$VALUES (1::bigint, 1::bigint,
                            'volatility of 1 of 1 symbol, 1 portfolio without snapshot')$$,
                  'without a snapshot the positions have their figures, and it is told');

-- What must not matter -----------------------------------------------------------------------------------------------

CREATE TEMP TABLE before AS SELECT * FROM pg_temp.contents(kinds => '{result}');
INSERT INTO market_data_cache (symbol, date, close) VALUES ('TICK', '2024-07-01', 900), ('SPY', '2024-07-01', 1);
SELECT is((SELECT sum(rows_written)
             FROM calc_volatility('2024-06-28', ARRAY(SELECT pg_temp.id(n) FROM generate_series(1, 13) AS n))),
          0::numeric, 'prices after the day change nothing');
SELECT set_eq($$SELECT * FROM pg_temp.contents(kinds => '{result}')$$, 'SELECT * FROM before', 'not a row');
SELECT is((SELECT sum(rows_written)
             FROM generate_series(1, 13) AS n, calc_volatility('2024-06-28', ARRAY[pg_temp.id(n)])), 0::numeric,
          'nor does which portfolios are computed together');

DELETE FROM positions WHERE portfolio_id = pg_temp.id(2) AND symbol = 'MORE';
SELECT is(pg_temp.run(2), 1::bigint, 'a position that is gone');
SELECT is((SELECT count(*) FROM position_volatility WHERE portfolio_id = pg_temp.id(2)), 2::bigint,
          'takes its row along');
SELECT ok(pg_temp.agrees(2), 'and the portfolio follows');

-- Calendars ----------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT DISTINCT sessions_per_year FROM symbol_volatility
                    UNION SELECT DISTINCT sessions_per_year FROM position_volatility WHERE reason IS NULL
                    UNION SELECT sessions_per_year FROM portfolio_snapshots WHERE sessions_per_year IS NOT NULL$$,
                  'VALUES (252)', 'NYSE has 252 sessions a year, whatever the holidays of one');

-- A calendar on which every day is a session, and one of four days a week, each with a market that wanders on its days.
-- Moves of 1 % each session are sqrt(365) and sqrt(209) % a year.
CREATE TEMP TABLE days_of AS
SELECT w.calendar, d::date AS day, row_number() OVER (PARTITION BY w.calendar ORDER BY d) AS n
FROM (VALUES ('EVERY', 7), ('FOUR', 4)) AS w (calendar, days)
CROSS JOIN generate_series('2023-01-02', '2024-06-27', interval '1 day') AS d
WHERE extract(isodow FROM d) <= w.days;
INSERT INTO trading_calendar (calendar, session_date, open_at, close_at)
SELECT calendar, day, day + time '00:00', day + time '23:59' FROM days_of;
DELETE FROM market_data_cache;
INSERT INTO market_data_cache (symbol, date, close)
SELECT s.symbol || d.calendar, d.day,
       100 * exp(sum(ln(1 + CASE s.symbol WHEN 'TICK' THEN CASE d.n % 2 WHEN 0 THEN 0.01 ELSE -0.01 END
                                          ELSE 0.01 * sin(n * n) + 0.0003 END))
                 OVER (PARTITION BY s.symbol, d.calendar ORDER BY d.n))
FROM days_of AS d, (VALUES ('TICK'), ('SPY')) AS s (symbol);
SELECT pg_temp.add_portfolio(14, 100000, '2024-06-27'), pg_temp.add_portfolio(15, 100000, '2024-06-27');
SELECT pg_temp.add_lot(14, 140, 'TICKEVERY', 100, 100, '2024-06-27'),
       pg_temp.add_lot(15, 150, 'TICKFOUR', 100, 100, '2024-06-27');
CREATE FUNCTION pg_temp.run_on(calendar text, portfolio integer) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('portfolio_batch.calendar', calendar, true),
          set_config('portfolio_batch.market_symbol', 'SPY' || calendar, true);
  PERFORM FROM run_daily_batch('2024-06-27', ARRAY[pg_temp.id(portfolio)]);
  RETURN (SELECT input_digest FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(portfolio));
END $$;
SELECT pg_temp.run_on('EVERY', 14) IS NOT NULL AND pg_temp.run_on('FOUR', 15) IS NOT NULL AS computed \gset
SELECT ok(:'computed', 'both have digests of their inputs');
SELECT results_eq($$SELECT symbol, sessions_per_year, round(realized_volatility_21d::numeric, 12),
                           round(expected_volatility_21d::numeric, 12)
                    FROM symbol_volatility WHERE calculation_date = '2024-06-27' ORDER BY symbol$$,
                  $$SELECT symbol, m, round(0.01 * sqrt(m)::numeric, 12), round(0.01 * sqrt(m)::numeric, 12)
                    FROM (VALUES ('TICKEVERY', 365), ('TICKFOUR', 209)) AS v (symbol, m)$$,
                  'every day a session: sqrt(365); four days of seven: sqrt(209)');
SELECT results_eq($$SELECT s.sessions_per_year,
                           pg_temp.near(s.realized_volatility_63d, p.weight * 0.01 * sqrt(s.sessions_per_year), 1e-8),
                           pg_temp.near(s.expected_volatility_21d, p.weight * 0.01 * sqrt(s.sessions_per_year), 1e-8)
                    FROM portfolio_snapshots AS s JOIN position_history AS p USING (portfolio_id)
                    WHERE s.snapshot_date = '2024-06-27' ORDER BY 1$$,
                  'VALUES (209, true, true), (365, true, true)', 'and so the portfolio');
SELECT results_eq($$SELECT model, (parameters ->> 'sessions_per_year')::int FROM factor_models
                    WHERE calculation_date = '2024-06-27' ORDER BY model$$,
                  $$VALUES ('market', 209), ('rate', 209), ('ridge', 209), ('spread', 209)$$,
                  'each model of the date says how its residual volatilities and contributions were annualized');
-- r_squared of a regression gives the variance of the residuals without the engine's annualization.
SELECT results_eq($$SELECT f.symbol, pg_temp.near(f.residual_volatility, sqrt(r.m * (1 - f.r_squared) * r.variance
                                                                              * (f.observations - 1) / (f.observations - 2)))
                    FROM symbol_model_fits AS f
                    JOIN (SELECT symbol, CASE symbol WHEN 'TICKFOUR' THEN 209 ELSE 365 END AS m, var_samp(r) AS variance
                          FROM (SELECT symbol, date, close / lag(close) OVER (PARTITION BY symbol ORDER BY date) - 1 AS r,
                                       row_number() OVER (PARTITION BY symbol ORDER BY date DESC) AS age
                                FROM market_data_cache) AS d WHERE age <= 252 GROUP BY symbol) AS r USING (symbol)
                    WHERE f.calculation_date = '2024-06-27' AND f.model = 'market' ORDER BY 1$$,
                  $$VALUES ('TICKEVERY', true), ('TICKFOUR', true)$$,
                  'residual volatilities too');
SET LOCAL portfolio_batch.calendar = 'NYSE';
SET LOCAL portfolio_batch.market_symbol = 'SPY';

-- Roles --------------------------------------------------------------------------------------------------------------

CREATE ROLE pb_stranger;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT throws_ok($$SELECT * FROM calc_volatility('2024-06-28')$$, '42501', NULL, 'nobody without rights');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
