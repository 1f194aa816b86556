-- Real prices: the three reference portfolios over 87 sessions, and betas of 74 symbols, against results that programs
-- without any code in common have computed; and the promises that only real data put to the test.

\ir include/prelude.psql
SELECT plan(65);

\set have_prices `test -r "$PB_PRICES_CSV" && echo true || echo false`
\if :have_prices
\else
SELECT * FROM skip('PB_PRICES_CSV names no readable file of prices', _get('plan'));
SELECT * FROM finish();
ROLLBACK;
\quit
\endif

\getenv csv PB_PRICES_CSV
\ir ../fixtures/load_prices.sql
\ir ../fixtures/real_portfolios.sql

CREATE TEMP TABLE golden (
  portfolio_id uuid, snapshot_date date, equity_balance numeric, daily_pnl numeric, mtd_pnl numeric, ytd_pnl numeric,
  cumulative_pnl numeric, daily_realized_pnl numeric, daily_capital_flow numeric, total_market_value numeric,
  cash_value numeric, total_long numeric, total_short numeric, gross_exposure numeric, long_count int, short_count int,
  option_count int, private_positions int, stale_prices int, unpriced_positions int, symbol_count int,
  daily_return float8);
CREATE TEMP TABLE golden_betas (
  symbol text, date date, observations int, alpha float8, beta float8, std_error float8, t_stat float8, p_value float8,
  alpha_std_error float8, r_squared float8, adj_r_squared float8, residual_volatility float8, window_start date,
  window_end date, condition_number float8, quality_flag text, reason text);
\set file :root /test/golden/accounting_real.csv
\set command '\\copy golden FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/market_beta.csv
\set command '\\copy golden_betas FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
CREATE TEMP TABLE golden_correlations (date date, symbol1 text, symbol2 text, observations int, correlation float8,
                                       p_value float8, q_value float8);
\set file :root /test/golden/correlation_real.csv
\set command '\\copy golden_correlations FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
SELECT is((SELECT count(*) FROM golden_correlations), 462::bigint, '462 reference correlations');
SELECT is((SELECT count(*) FROM golden), 261::bigint, '261 reference snapshots');
SELECT is((SELECT count(*) FROM golden_betas), 370::bigint, '370 reference betas');

-- The accounting -----------------------------------------------------------------------------------------------------

CREATE TEMP TABLE backfill AS SELECT * FROM run_daily_batch_with_backfill('2024-12-31');
SELECT is((SELECT count(*) FROM backfill), 87::bigint * 6, 'a backfill of 87 sessions reports six phases of each');
SELECT is_empty($$SELECT * FROM backfill WHERE failed > 0 OR status NOT IN ('success', 'skipped')$$,
                'and none that failed');
SELECT set_eq('SELECT portfolio_id, snapshot_date FROM portfolio_snapshots',
              'SELECT portfolio_id, snapshot_date FROM golden', 'there is each snapshot and no other');
SELECT is_empty($$
  SELECT s.portfolio_id, s.snapshot_date, s.equity_balance, g.equity_balance
  FROM portfolio_snapshots AS s JOIN golden AS g USING (portfolio_id, snapshot_date)
  WHERE greatest(abs(s.equity_balance - g.equity_balance), abs(s.daily_pnl - g.daily_pnl),
                 abs(s.mtd_pnl - g.mtd_pnl), abs(s.ytd_pnl - g.ytd_pnl), abs(s.cumulative_pnl - g.cumulative_pnl),
                 abs(s.daily_realized_pnl - g.daily_realized_pnl),
                 abs(s.daily_capital_flow - g.daily_capital_flow),
                 abs(s.total_market_value - g.total_market_value), abs(s.cash_value - g.cash_value),
                 abs(s.total_long - g.total_long), abs(s.total_short - g.total_short),
                 abs(s.gross_exposure - g.gross_exposure)) > 0.0001
     OR num_nulls(s.equity_balance, s.daily_pnl, s.mtd_pnl, s.ytd_pnl, s.cumulative_pnl, s.daily_realized_pnl,
                  s.daily_capital_flow, s.total_market_value, s.cash_value, s.total_long, s.total_short,
                  s.gross_exposure) > 0$$,
  'every amount of every snapshot to 0.0001');
SELECT is_empty($$
  SELECT s.portfolio_id, s.snapshot_date
  FROM portfolio_snapshots AS s JOIN golden AS g USING (portfolio_id, snapshot_date)
  WHERE (s.long_count, s.short_count, s.option_count, s.private_positions, s.stale_prices, s.unpriced_positions,
         s.symbol_count)
        IS DISTINCT FROM
        (g.long_count, g.short_count, g.option_count, g.private_positions, g.stale_prices, g.unpriced_positions,
         g.symbol_count)$$,
  'every count');
SELECT is_empty($$
  SELECT s.portfolio_id, s.snapshot_date, s.daily_return, g.daily_return
  FROM portfolio_snapshots AS s JOIN golden AS g USING (portfolio_id, snapshot_date)
  WHERE NOT pg_temp.near(s.daily_return, g.daily_return, 1e-9) AND abs(s.daily_return - g.daily_return) > 1e-9$$,
  'and every return');
SELECT is_empty($$
  SELECT * FROM (SELECT s.*, p.initial_equity, sum(daily_pnl) OVER w AS pnl, sum(daily_capital_flow) OVER w AS flows
                 FROM portfolio_snapshots AS s JOIN portfolios AS p ON p.id = s.portfolio_id
                 WINDOW w AS (PARTITION BY portfolio_id ORDER BY snapshot_date)) AS s
  WHERE initial_equity + pnl + flows <> equity_balance OR cash_value + total_long + total_short <> equity_balance$$,
  'initial equity + P&L + flows = equity = cash + long + short, exactly, on every date');

-- What each lot did --------------------------------------------------------------------------------------------------

CREATE TEMP VIEW by_lot AS
SELECT s.portfolio_id, s.snapshot_date, s.daily_pnl, s.daily_realized_pnl, s.daily_return, s.total_market_value,
       h.unallocated_pnl, l.*
FROM portfolio_snapshots AS s
LEFT JOIN portfolio_holdings AS h ON h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date
CROSS JOIN LATERAL (SELECT count(*) AS lots, sum(p.daily_pnl) AS pnl, sum(p.realized_pnl) AS realized,
                           sum(p.contribution) AS contribution, sum(p.market_value) AS market_value
                    FROM position_history AS p
                    WHERE p.portfolio_id = s.portfolio_id AND p.calculation_date = s.snapshot_date) AS l;
SELECT is_empty('SELECT * FROM by_lot WHERE pnl IS DISTINCT FROM daily_pnl OR unallocated_pnl IS DISTINCT FROM 0
                    OR realized IS DISTINCT FROM daily_realized_pnl',
                'the P&L of the lots adds up to the day''s, exactly, on every date, and so does what they realized');
SELECT is_empty('SELECT * FROM by_lot WHERE abs(contribution - daily_return) > 1e-14 IS NOT FALSE',
                'their contributions add up to the return');
SELECT is_empty('SELECT * FROM by_lot WHERE abs(market_value - total_market_value) > 0.00005 * (lots + 2) IS NOT FALSE',
                'and their values to the market value, but for rounding');
-- Against the trades alone: what a lot was worth less what it was worth before, and what was paid for it and received.
SELECT is_empty($$
  SELECT h.position_id, h.calculation_date, h.daily_pnl, e.pnl
  FROM position_history AS h
  JOIN portfolio_snapshots AS s ON (s.portfolio_id, s.snapshot_date) = (h.portfolio_id, h.calculation_date)
  JOIN positions AS p ON (p.portfolio_id, p.id) = (h.portfolio_id, h.position_id)
  LEFT JOIN position_history AS b ON b.position_id = h.position_id AND b.calculation_date = s.previous_snapshot_date
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(sign(p.quantity) * t.quantity_closed * t.exit_price), 0) AS proceeds,
           coalesce(sum(t.quantity_closed), 0) AS closed
    FROM position_realized_events AS t
    WHERE t.position_id = p.id AND t.trade_date <= h.calculation_date
      AND t.trade_date > coalesce(s.previous_snapshot_date, '-infinity')) AS t
  CROSS JOIN LATERAL (
    SELECT h.market_value - coalesce(b.market_value, p.quantity * p.entry_price * m.size)
           + (t.proceeds + CASE WHEN p.exit_date = h.calculation_date THEN
                (coalesce(b.quantity, p.quantity) - sign(p.quantity) * t.closed) * p.exit_price ELSE 0 END) * m.size AS pnl
    FROM (SELECT coalesce(p.contract_multiplier, CASE p.investment_class WHEN 'OPTIONS' THEN 100 ELSE 1 END) AS size) AS m) AS e
  WHERE NOT EXISTS (SELECT FROM corporate_actions AS a WHERE a.symbol = p.symbol)
    AND abs(h.daily_pnl - e.pnl) > 0.0003$$, 'each lot earns what it gained in value and in cash');
SELECT is((SELECT count(*) FROM position_history WHERE reason = 'closed'),
          (SELECT count(*) FROM positions WHERE exit_date BETWEEN '2024-08-28' AND '2024-12-31'),
          'each lot that was closed is closed on one date');
SELECT is_empty($$SELECT h.position_id FROM position_history AS h JOIN positions AS p ON p.id = h.position_id
                  WHERE coalesce(h.reason = 'closed', false) <> coalesce(h.calculation_date = p.exit_date, false)
                     OR h.calculation_date > p.exit_date$$, 'that of its exit');

-- The betas ----------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM symbol_factor_exposures
            WHERE calculation_date = '2024-12-31' AND model = 'market' AND beta IS NOT NULL), 24::bigint,
          'on the last day 24 symbols have a beta');

-- Stored fits of the dates and symbols of the reference results.
CREATE TEMP VIEW compared AS
SELECT g.symbol, g.date,
       (f.observations, f.window_start, f.window_end, f.quality_flag, f.reason) IS NOT DISTINCT FROM
       (g.observations, g.window_start, g.window_end, g.quality_flag, g.reason) AS same_sample,
       -- The market's own alpha is 0 by definition, here up to rounding.
       (pg_temp.near(f.alpha, g.alpha, 1e-9) OR g.alpha = 0 AND abs(f.alpha) < 1e-17)
       AND pg_temp.near(f.r_squared, g.r_squared, 1e-9)
       AND pg_temp.near(f.adj_r_squared, g.adj_r_squared, 1e-9)
       AND pg_temp.near(f.residual_volatility, g.residual_volatility, 1e-9)
       AND pg_temp.near(f.condition_number, g.condition_number, 1e-9)
       AND pg_temp.near(e.beta, g.beta, 1e-9) AND pg_temp.near(e.std_error, g.std_error, 1e-9)
       AND pg_temp.near(e.t_stat, g.t_stat, 1e-9) AND pg_temp.near(e.p_value, g.p_value, 1e-9) AS same_statistics
FROM golden_betas AS g
JOIN symbol_model_fits AS f ON f.symbol = g.symbol AND f.calculation_date = g.date AND f.model = 'market'
JOIN symbol_factor_exposures AS e ON e.symbol = g.symbol AND e.calculation_date = g.date AND e.model = 'market'
                                 AND e.factor = 'market';
SELECT is((SELECT count(*) FROM compared), 38::bigint,
          'symbols held on the two reference dates that the backfill reached');
SELECT is_empty('SELECT * FROM compared WHERE NOT same_sample', 'each with the same sample');
SELECT is_empty('SELECT * FROM compared WHERE NOT same_statistics', 'and the same statistics to 1e-9');
SELECT is_empty($$
  SELECT p.symbol, b.* FROM position_market_betas AS b
  JOIN positions AS p ON (p.portfolio_id, p.id) = (b.portfolio_id, b.position_id)
  LEFT JOIN symbol_model_fits AS f ON f.symbol = p.symbol AND f.calculation_date = b.calculation_date
                                  AND f.model = 'market' AND p.investment_class = 'PUBLIC'
  LEFT JOIN symbol_factor_exposures AS e ON e.symbol = f.symbol AND e.calculation_date = f.calculation_date
                                        AND e.model = f.model AND e.factor = 'market'
  WHERE (b.beta, b.alpha, b.r_squared, b.std_error, b.p_value, b.quality_flag) IS DISTINCT FROM
        (e.beta, f.alpha, f.r_squared, e.std_error, e.p_value, f.quality_flag)
     OR b.reason IS DISTINCT FROM CASE p.investment_class WHEN 'PRIVATE' THEN 'private'
                                                          WHEN 'OPTIONS' THEN 'option_without_delta' ELSE f.reason END
     OR (b.market_index, b.method, b.window_days) IS DISTINCT FROM ('SPY', 'OLS_NW', 252)$$,
  'each position has the beta of its symbol, options and private assets have the reason why not');
SELECT set_eq($$SELECT portfolio_id, position_id, calculation_date FROM position_market_betas$$,
              $$SELECT p.portfolio_id, p.position_id, d.snapshot_date
                FROM (SELECT DISTINCT snapshot_date FROM golden) AS d, positions_asof(d.snapshot_date) AS p$$,
              'one row for each position held on each date');

-- Portfolio 1 holds shares alone, so its beta can be added up from what is stored.
SELECT is_empty($$
  SELECT s.snapshot_date, s.beta, w.beta FROM portfolio_snapshots AS s
  JOIN (SELECT d.snapshot_date, sum(p.quantity * m.close * e.beta) AS dollar
        FROM (SELECT DISTINCT snapshot_date FROM golden) AS d
        CROSS JOIN positions_asof(d.snapshot_date, '{11111111-1111-4111-8111-111111111111}') AS p
        JOIN market_data_cache AS m ON m.symbol = p.symbol AND m.date = d.snapshot_date
        JOIN symbol_factor_exposures AS e ON e.symbol = p.symbol AND e.calculation_date = d.snapshot_date
                                         AND e.model = 'market'
        GROUP BY d.snapshot_date) AS w (snapshot_date, beta) USING (snapshot_date)
  WHERE s.portfolio_id = '11111111-1111-4111-8111-111111111111'
    AND NOT coalesce(pg_temp.near(s.beta, w.beta / s.total_value::float8, 1e-9) AND s.beta_coverage = 1
                     AND s.beta_r_squared BETWEEN 0.3 AND 1 AND s.beta_observations = 252
                     AND s.beta_reason IS NULL, false)$$,
  'the beta of a portfolio is the sum of exposure x beta over its net asset value');
-- R2 of the weighted return series by plain SQL, on the last day.
SELECT ok((SELECT pg_temp.near(s.beta_r_squared, r.r_squared, 1e-9)
             FROM portfolio_snapshots AS s,
                  (SELECT regr_r2(portfolio, market) AS r_squared
                   FROM (SELECT r.date, sum(r.value * r.return) AS portfolio, max(m.return) AS market
                         FROM (SELECT m.date, p.quantity * last.close AS value, 
                                      m.adj_close / lag(m.adj_close) OVER w - 1 AS return
                               FROM positions_asof('2024-12-31', '{11111111-1111-4111-8111-111111111111}') AS p
                               JOIN market_data_cache AS m
                                 ON m.symbol = p.symbol AND m.date BETWEEN '2023-12-29' AND '2024-12-31'
                               JOIN market_data_cache AS last ON last.symbol = p.symbol AND last.date = '2024-12-31'
                               WINDOW w AS (PARTITION BY p.position_id ORDER BY m.date)) AS r
                         JOIN (SELECT date, adj_close / lag(adj_close) OVER (ORDER BY date) - 1 AS return
                               FROM market_data_cache
                               WHERE symbol = 'SPY' AND date BETWEEN '2023-12-29' AND '2024-12-31') AS m
                           USING (date)
                         WHERE r.return IS NOT NULL GROUP BY r.date) AS series) AS r
            WHERE (s.portfolio_id, s.snapshot_date) = ('11111111-1111-4111-8111-111111111111', '2024-12-31')),
          'and its R2 is that of its own returns on the market');

-- Again --------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE saved AS SELECT * FROM pg_temp.contents();
CREATE TEMP TABLE saved_results AS SELECT * FROM pg_temp.results();
SELECT count(*) AS runs FROM batch_runs \gset
SELECT results_eq($$SELECT phase, status, rows_written, detail FROM run_daily_batch_with_backfill('2024-12-31')$$,
                  $$VALUES ('1', 'skipped', 0::bigint, 'up to date: no session is missing'),
                           ('1.5', 'skipped', 0, 'up to date: no session is missing'),
                           ('2', 'skipped', 0, 'up to date: no session is missing'),
                           ('2.5', 'skipped', 0, 'up to date: no session is missing'),
                           ('2.75', 'skipped', 0, 'up to date: no session is missing'),
                           ('3', 'skipped', 0, 'up to date: no session is missing')$$,
                  'a second backfill skips every phase');
SELECT is((SELECT count(*) FROM batch_runs), :runs::bigint, 'and leaves no run');
SELECT is((SELECT sum(rows_written) FROM run_daily_batch('2024-10-15')), 0::numeric,
          'a session in the middle, run again, writes nothing');
SELECT is((SELECT sum(rows_written) FROM run_daily_batch('2024-12-31')), 0::numeric, 'nor does the last one');
SELECT set_eq('SELECT * FROM pg_temp.contents()', 'SELECT * FROM saved', 'nothing at all has changed');

-- An interior snapshot is deleted: exactly it is restored, and the chain is whole.
DELETE FROM portfolio_snapshots
 WHERE (portfolio_id, snapshot_date) = ('22222222-2222-4222-8222-222222222222', '2024-10-22');
SELECT results_eq($$SELECT * FROM missing_sessions('2024-12-31')$$,
                  $$VALUES ('22222222-2222-4222-8222-222222222222'::uuid, '2024-10-22'::date, 'snapshot')$$,
                  'a deleted snapshot is the work list');
CREATE TEMP TABLE restored AS SELECT * FROM run_daily_batch_with_backfill('2024-12-31');
SELECT set_eq('SELECT DISTINCT session_date FROM restored', '{2024-10-22}'::date[], 'one session is run');
SELECT is((SELECT detail FROM restored WHERE phase = '2'), '1 portfolio, 48 later snapshots rolled again',
          'for one portfolio, and what follows is rolled again');
SELECT set_eq('SELECT * FROM pg_temp.results()', 'SELECT * FROM saved_results', 'all is as before, to the last digit');
SELECT is((SELECT count(*) FROM portfolio_snapshots WHERE run_id = (SELECT max(run_id) FROM batch_runs)), 1::bigint,
          'one snapshot was written, no other was touched');
SELECT is_empty('SELECT * FROM missing_sessions(''2024-12-31'')', 'nothing is missing any more');
-- Two neighbors, the first and the last day of another one.
DELETE FROM portfolio_snapshots
 WHERE portfolio_id = '33333333-3333-4333-8333-333333333333'
   AND snapshot_date IN ('2024-08-28', '2024-11-12', '2024-11-13', '2024-12-31');
SELECT set_eq('SELECT DISTINCT session_date FROM run_daily_batch_with_backfill(''2024-12-31'')',
              '{2024-08-28, 2024-11-12, 2024-11-13, 2024-12-31}'::date[], 'several holes, also at both ends');
SELECT set_eq('SELECT * FROM pg_temp.results()', 'SELECT * FROM saved_results', 'are filled with what was there');

-- Everything computed afresh in another way: date by date, portfolios apart, the newest first.
SELECT count(*) AS purged FROM portfolios AS p, purge_portfolio(p.id) \gset
SELECT is((SELECT count(*) FROM run_daily_batch_with_backfill('2024-12-31', '{22222222-2222-4222-8222-222222222222}')),
          87::bigint * 6, 'portfolio 2 alone');
SELECT is((SELECT sum(failed)
             FROM (SELECT session_date FROM sessions_between('2024-12-17', '2024-12-31') ORDER BY 1 DESC) AS d,
                  run_daily_batch(d.session_date, '{11111111-1111-4111-8111-111111111111,'
                                                  '33333333-3333-4333-8333-333333333333}')),
          0::numeric, 'the others on the last ten sessions, backwards');
SELECT is((SELECT count(DISTINCT session_date) FROM run_daily_batch_with_backfill('2024-12-31')), 77::bigint,
          'then the rest');
SELECT set_eq('SELECT * FROM pg_temp.results()', 'SELECT * FROM saved_results',
              'the order in which dates and portfolios are run leaves no trace');

-- As of D means as of D ----------------------------------------------------------------------------------------------

-- All that is dated after October 31 changes: prices treble, trades, flows, splits and dividends are added.
SELECT purge_portfolio(id) IS NOT NULL AS purged FROM portfolios LIMIT 1 \gset
UPDATE market_data_cache SET close = close * 3, adj_close = adj_close * 3 WHERE date > '2024-10-31';
INSERT INTO market_data_cache (symbol, date, close) VALUES ('HRBR-FUND-II', '2024-11-01', 1);
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
SELECT id, 'CONTRIBUTION', 12345, '2024-11-01' FROM portfolios;
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
SELECT id, 'AMZN', 'LONG', 77, 100, '2024-11-01' FROM portfolios;
INSERT INTO corporate_actions (symbol, ex_date, kind, amount)
SELECT DISTINCT symbol, '2024-11-01'::date, 'dividend', 5 FROM positions;
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
SELECT portfolio_id, id, '2024-11-01', 1, 1 FROM positions WHERE exit_date IS NULL AND entry_date < '2024-11-01';
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2024-10-31') \gset
CREATE FUNCTION pg_temp.until_october(source text) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT relation, content FROM %s WHERE relation NOT IN (''portfolios'', ''positions'') '
                'AND COALESCE(content ->> ''snapshot_date'', content ->> ''calculation_date'') <= ''2024-10-31''',
                source)
$$;
SELECT set_eq(pg_temp.until_october('pg_temp.results()'), pg_temp.until_october('saved_results'),
              'nothing dated after a day changes its results');
SELECT isnt_empty(pg_temp.until_october('saved_results'), 'of which there are some');

-- All 74 symbols -----------------------------------------------------------------------------------------------------

-- The changed prices again as they were.
UPDATE market_data_cache SET close = close / 3, adj_close = adj_close / 3 WHERE date > '2024-10-31';
DELETE FROM corporate_actions;
DELETE FROM market_data_cache;
\ir ../fixtures/load_prices.sql
SELECT pg_temp.add_portfolio(1, 1e9, '2021-01-04');
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
SELECT pg_temp.id(1), symbol, 'LONG', 1, 100, '2021-01-04' FROM (SELECT DISTINCT symbol FROM golden_betas) AS s;
SELECT results_eq(format('SELECT processed, skipped, failed FROM calc_market_betas(%L, ARRAY[pg_temp.id(1)])', date),
                  format('SELECT count(beta), count(*) - count(beta), 0::bigint FROM golden_betas WHERE date = %L',
                         date),
                  'betas of 74 symbols on ' || date)
  FROM unnest(ARRAY['2021-03-31', '2021-06-30', '2022-06-30', '2024-08-28', '2024-12-31']::date[]) AS date;
SELECT is((SELECT count(*) FROM compared), 370::bigint, 'all of them can be compared');
SELECT is_empty('SELECT * FROM compared WHERE NOT same_sample',
                'observations, window, quality and reason equal the reference, also of young and of missing symbols');
SELECT is_empty('SELECT * FROM compared WHERE NOT same_statistics', 'alpha, beta, errors, t, p and R2 to 1e-9');
SELECT results_eq($$SELECT DISTINCT jensen_alpha, jensen_alpha_reason FROM symbol_model_fits
                    WHERE model = 'market' AND calculation_date = '2024-12-31' AND reason IS NULL$$,
                  $$VALUES (NULL::float8, 'no_risk_free_rate')$$, 'without riskless yields there is no Jensen''s alpha');
CREATE TEMP TABLE golden_jensen (symbol text, date date, observations int, jensen_alpha float8, std_error float8);
\set file :root /test/golden/jensen_alpha.csv
\set command '\\copy golden_jensen FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
CREATE TEMP TABLE yields (date date, percent numeric);
\getenv shared PB_SHARED_DATA
\set file :shared /dgs10_2005_2024.csv
\set command '\\copy yields FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
INSERT INTO interest_rates (series, date, rate, source) SELECT 'RISKLESS', date, percent, 'csv' FROM yields;
SET LOCAL portfolio_batch.risk_free_series = 'RISKLESS';
SELECT is((SELECT sum(processed) FROM (SELECT DISTINCT date FROM golden_betas) AS d, calc_market_betas(d.date, ARRAY[pg_temp.id(1)])),
          366::numeric, 'with them, once more');
SELECT is_empty($$SELECT g.symbol, g.date, f.jensen_alpha, g.jensen_alpha, f.jensen_alpha_std_error, g.std_error
                  FROM golden_jensen AS g
                  LEFT JOIN symbol_model_fits AS f ON f.symbol = g.symbol AND f.calculation_date = g.date AND f.model = 'market'
                  WHERE (pg_temp.near(f.jensen_alpha, g.jensen_alpha, 1e-9)
                         AND pg_temp.near(f.jensen_alpha_std_error, g.std_error, 1e-9)
                         AND f.observations = g.observations AND f.jensen_alpha_reason IS NULL) IS NOT TRUE$$,
                'Jensen''s alpha and its error as statsmodels has them of excess returns, to 1e-9');
SELECT is((SELECT count(*) FROM golden_jensen), 361::bigint, 'of 361 symbols and dates');
SELECT is_empty('SELECT * FROM compared WHERE NOT same_statistics', 'what is of returns as they are is the same');
SELECT ok((SELECT avg(abs(jensen_alpha - alpha)) > 1e-6 FROM symbol_model_fits
            WHERE calculation_date = '2024-12-31' AND model = 'market'), 'and another alpha');
RESET portfolio_batch.risk_free_series;
SELECT set_eq($$SELECT symbol, calculation_date, observations, quality_flag, reason FROM symbol_model_fits
                WHERE calculation_date IN (SELECT date FROM golden_betas) AND quality_flag <> 'full_history'$$,
              $$VALUES ('ABNB', '2021-03-31'::date,  75, 'limited_history',   NULL),
                       ('PLTR', '2021-03-31',       125, 'limited_history',   NULL),
                       ('CEG',  '2022-06-30',       112, 'limited_history',   NULL),
                       ('COIN', '2021-06-30',        54, 'insufficient_data', 'insufficient_data'),
                       ('COIN', '2021-03-31',         0, 'insufficient_data', 'no_prices'),
                       ('CEG',  '2021-03-31',         0, 'insufficient_data', 'no_prices'),
                       ('CEG',  '2021-06-30',         0, 'insufficient_data', 'no_prices')$$,
              'the young ones by name');
SELECT is_empty($$SELECT f.symbol, f.calculation_date FROM symbol_model_fits AS f
                  JOIN symbol_factor_exposures AS e USING (symbol, calculation_date, model)
                  WHERE f.symbol = 'SPY' AND model = 'market'
                    AND ((e.beta, e.std_error, e.t_stat, e.p_value, f.r_squared, f.residual_volatility, f.reason)
                         IS DISTINCT FROM (1::float8, 0::float8, NULL::float8, NULL::float8, 1::float8, 0::float8, NULL)
                         OR abs(f.alpha) > 1e-17)$$,
                'the beta of SPY on itself is 1, exactly, without error');

-- A symbol with a few weeks of prices joins: every other estimate stays the same to the last bit.
CREATE TEMP TABLE bits AS
SELECT symbol, e.calculation_date, float8send(e.beta) AS beta, float8send(e.std_error) AS std_error,
       float8send(e.p_value) AS p_value, float8send(f.alpha) AS alpha, float8send(f.r_squared) AS r_squared,
       float8send(f.residual_volatility) AS residual_volatility, f.observations, f.window_start
FROM symbol_factor_exposures AS e JOIN symbol_model_fits AS f USING (symbol, calculation_date, model)
WHERE e.calculation_date IN (SELECT date FROM golden_betas) AND model = 'market';
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'YOUNG', session_date, 20 + extract(doy FROM session_date)::int % 7
FROM sessions_between('2024-12-02', '2024-12-31');
INSERT INTO market_data_cache (symbol, date, close)
SELECT 'RAGGED', session_date, 20 + extract(doy FROM session_date)::int % 7
FROM sessions_between('2020-12-02', '2024-12-31') WHERE extract(isodow FROM session_date) <> 3;
INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date)
VALUES (pg_temp.id(1), 'YOUNG', 'LONG', 1000, 20, '2024-12-02'),
       (pg_temp.id(1), 'RAGGED', 'SHORT', -1000, 20, '2021-01-04');
SELECT is((SELECT sum(processed)
             FROM (SELECT DISTINCT date FROM golden_betas ORDER BY date) AS d,
                  calc_market_betas(d.date, ARRAY[pg_temp.id(1)])),
          370::numeric, 'the ragged symbol has a beta on four dates, the young one on none');
SELECT is_empty($$
  SELECT symbol, e.calculation_date FROM bits AS b
  JOIN symbol_factor_exposures AS e USING (symbol, calculation_date)
  JOIN symbol_model_fits AS f USING (symbol, calculation_date, model)
  WHERE model = 'market' AND
        (b.beta, b.std_error, b.p_value, b.alpha, b.r_squared, b.residual_volatility, b.observations, b.window_start)
        IS DISTINCT FROM
        (float8send(e.beta), float8send(e.std_error), float8send(e.p_value), float8send(f.alpha),
         float8send(f.r_squared), float8send(f.residual_volatility), f.observations, f.window_start)$$,
  'no other symbol''s estimate changes in a single bit');
SELECT is((SELECT count(*) FROM bits), 370::bigint, 'of 370');
SELECT results_eq($$SELECT observations, reason FROM symbol_model_fits
                    WHERE (symbol, calculation_date) = ('YOUNG', '2024-12-31')$$,
                  $$VALUES (20, 'insufficient_data')$$, '21 prices are 20 returns, too few');
SELECT ok((SELECT f.observations = r.days AND pg_temp.near(e.beta, r.beta, 1e-9)
             FROM symbol_model_fits AS f JOIN symbol_factor_exposures AS e USING (symbol, calculation_date, model),
                  (SELECT count(*) AS days, regr_slope(own, market) AS beta
                   FROM (SELECT a.close / lag(a.close) OVER w - 1 AS own,
                                m.adj_close / lag(m.adj_close) OVER w - 1 AS market
                         FROM (SELECT session_date FROM sessions_between('2022-01-03', '2024-12-31')
                               ORDER BY session_date DESC LIMIT 379) AS s
                         LEFT JOIN market_data_cache AS m ON m.symbol = 'SPY' AND m.date = s.session_date
                         LEFT JOIN market_data_cache AS a ON a.symbol = 'RAGGED' AND a.date = s.session_date
                         WINDOW w AS (ORDER BY s.session_date)) AS returns
                   WHERE own IS NOT NULL AND market IS NOT NULL) AS r
            WHERE (f.symbol, f.calculation_date) = ('RAGGED', '2024-12-31')),
          'without Wednesdays two returns a week are none; the beta is that of plain SQL over the others');

-- Correlations -------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE correlations AS
SELECT d.date, c.*
FROM (SELECT date, array_agg(symbol1) || array_agg(symbol2) AS symbols FROM golden_correlations GROUP BY date) AS d
CROSS JOIN LATERAL correlation_matrix(d.symbols, d.date) AS c;
SELECT is_empty($$
  SELECT date, symbol1, symbol2, g.correlation, c.correlation, g.observations, c.observations
  FROM golden_correlations AS g FULL JOIN correlations AS c USING (date, symbol1, symbol2)
  WHERE NOT COALESCE(g.observations = c.observations, false)
     OR NOT pg_temp.near(g.correlation, c.correlation, 1e-9) OR NOT pg_temp.near(g.p_value, c.p_value, 1e-9)
     OR NOT pg_temp.near(g.q_value, c.q_value, 1e-9)$$, 'correlations of real prices on two dates are those of scipy');

SELECT * FROM finish();
ROLLBACK;
