-- Bad input to the risk engines: a named error that changes nothing, or a status with its reason while the rest goes on.

\ir include/prelude.psql
SELECT plan(53);

SET LOCAL portfolio_batch.beta_window = 60;
SET LOCAL portfolio_batch.beta_min_observations = 40;
SET LOCAL portfolio_batch.factor_window = 60;
SET LOCAL portfolio_batch.factor_min_observations = 40;
SET LOCAL portfolio_batch.covariance_window = 60;
SET LOCAL portfolio_batch.limited_history_below = 30;

INSERT INTO market_data_cache (symbol, date, close)
SELECT s.symbol, d.session_date, 100 * (1 + 0.02 * sin(d.n * s.pace) + 0.01 * s.market * sin(d.n * 1.3) + d.n / 1000.0)
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-03-01', '2024-07-10')) AS d,
     (VALUES ('SPY', 1.3, 1), ('VTV', 2.1, 1), ('VUG', 2.9, 1), ('MTUM', 3.7, 1), ('QUAL', 4.3, 1), ('IWM', 5.1, 1),
             ('USMV', 5.9, 1), ('TLT', 0.7, 0), ('AAA', 0.9, 1)) AS s (symbol, pace, market);
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-09');
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-09');
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-10') \g /dev/null
CREATE TEMP TABLE healthy AS SELECT * FROM pg_temp.contents(kinds => '{result}');
SELECT ok((SELECT count(*) = 22 AND bool_and(correlated_pnl IS NOT NULL) FROM stress_test_results
            WHERE calculation_date = '2024-07-10'), 'all is well to begin with');

-- Parameters ---------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises($$SELECT * FROM calc_factor_betas('2024-07-10', model => 'apt')$$, '22023',
                      'unknown factor model "apt"', 'The models are ridge and spread.', 'Pass model%', 'an unknown model');
SELECT pg_temp.raises(format($$SELECT * FROM calc_factor_betas('2024-07-10', alpha => %L)$$, alpha), '22023',
                      'alpha must be a number of at least 0', 'It is %', '%', 'alpha ' || alpha)
  FROM unnest(ARRAY['-1', 'NaN', 'Infinity']) AS alpha;
SELECT pg_temp.raises($$SELECT * FROM calc_factor_betas('2024-07-10', choose => 'guess')$$, '22023',
                      'unknown choice of alpha "guess"', '%', 'Pass choose%', 'an unknown choice of alpha');
SELECT throws_ok(format('SET LOCAL portfolio_batch.%s = %s', setting, value), '22023', NULL,
                 setting || ' = ' || value || ' is out of range')
  FROM (VALUES ('factor_window', 5), ('factor_min_observations', 5), ('beta_window', 5), ('correlation_window', 5),
               ('correlation_min_overlap', 2), ('covariance_window', 10), ('rate_duration', 0),
               ('ridge_alpha_per_observation', -1), ('correlation_threshold', 2), ('min_portfolio_weight', 2), ('covariance_half_life', 0))
       AS s (setting, value);
SELECT throws_ok($$SET LOCAL portfolio_batch.position_filter = 'some'$$, '22023', NULL, 'an unknown filter');
SELECT pg_temp.raises($$SELECT * FROM calc_stress_tests('2024-07-10', scenarios => '{market_up_5,doomsday}')$$, '42704',
                      'scenario does not exist: doomsday', 'No row of pb.stress_test_scenarios has this scenario_id.',
                      'List the scenarios%', 'an unknown scenario');
SELECT pg_temp.raises(format('SELECT * FROM %s(%L)', f, '2024-07-06'), '22023', '2024-07-06 is not a session%', '%', '%',
                      f || ' on a Saturday')
  FROM unnest(ARRAY['calc_interest_rate_betas', 'calc_factor_betas', 'calc_sector_exposures', 'calc_volatility',
                    'calc_correlations', 'calc_factor_correlations', 'calc_stress_tests', 'market_risk']) AS f;
SELECT pg_temp.raises(format('SELECT * FROM %s(%L, ARRAY[pg_temp.id(9)])', f, '2024-07-10'), '42704',
                      'portfolio does not exist: %', '%', '%', f || ' for an unknown portfolio')
  FROM unnest(ARRAY['calc_interest_rate_betas', 'calc_factor_betas', 'calc_sector_exposures', 'calc_volatility',
                    'calc_correlations', 'calc_stress_tests', 'market_risk']) AS f;
SELECT set_eq($$SELECT relation, place, content FROM pg_temp.contents(kinds => '{result}')$$,
              'SELECT relation, place, content FROM healthy', 'none of this changed anything');

-- Scenarios ----------------------------------------------------------------------------------------------------------

SAVEPOINT scenarios;
INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) VALUES
  ('bad_factor', 'Unknown factor', '{"shocks": {"moon": 0.1}}'),
  ('bad_text',   'Not a number',   '{"shocks": {"market": "much"}}'),
  ('bad_null',   'No number',      '{"shocks": {"market": null}}'),
  ('bad_huge',   'Infinite',       '{"shocks": {"market": 1e999}}'),
  ('bad_empty',  'No shocks',      '{"shocks": {}}'),
  ('bad_unit',   'Wrong unit',     '{"shocks": {"market": 0.1}, "unit": "yield_change"}'),
  ('bad_word',   'Unknown unit',   '{"shocks": {"market": 0.1}, "unit": "furlong"}'),
  ('bad_window', 'Window',         '{"shocks": {"market": 0.1}, "window": {"start": "2024-02-30", "end": "2024-06-01"}}'),
  ('bad_order',  'Backwards',      '{"shocks": {"market": 0.1}, "window": {"start": "2024-06-03", "end": "2024-05-01"}}'),
  ('good_mix',   'Each its unit',  '{"shocks": {"market": -0.1, "interest_rate": 0.01}}');
CREATE TEMP TABLE stressed AS SELECT * FROM calc_stress_tests('2024-07-10');
SELECT results_eq('SELECT processed, skipped, failed FROM stressed', 'VALUES (23::bigint, 9::bigint, 0::bigint)',
                  'nine scenarios make no sense, all others are computed');
SELECT results_eq($$SELECT scenario_id, reason, direct_pnl IS NULL AND correlated_pnl IS NULL,
                           calculation_metadata ->> 'problem' LIKE '%' || scenario_id || '%'
                             OR calculation_metadata ->> 'problem' LIKE '%furlong%'
                             OR calculation_metadata ->> 'problem' LIKE '%2024-06-03%'
                    FROM stress_test_results WHERE scenario_id LIKE 'bad%' AND calculation_date = '2024-07-10'
                    ORDER BY 1$$,
  $$SELECT id, 'invalid_scenario', true, true
    FROM unnest(ARRAY['bad_empty', 'bad_factor', 'bad_huge', 'bad_null', 'bad_order', 'bad_text', 'bad_unit',
                      'bad_window', 'bad_word']) AS id$$, 'each of these says what is wrong with it');
SELECT ok((SELECT detail LIKE '%bad_factor%moon%' FROM stressed), 'and so does the report');
ROLLBACK TO scenarios;
SELECT results_eq($$SELECT rows_written FROM calc_stress_tests('2024-07-10', scenarios => '{market_up_5}')$$,
                  'VALUES (0::bigint)', 'one scenario alone is what it was, and leaves the others');

-- Factors ------------------------------------------------------------------------------------------------------------

SAVEPOINT factors;
INSERT INTO factor_definitions (name, model, long_symbol, short_symbol) VALUES ('again', 'spread', 'VUG', 'VTV');
SELECT results_eq($$SELECT status, failed FROM run_daily_batch('2024-07-10', phases => '{3}') WHERE phase = '3'$$,
                  $$VALUES ('success', 0::bigint)$$, 'a factor that is another one over again');
SELECT results_eq($$SELECT model, reason FROM symbol_model_fits WHERE symbol = 'AAA' AND calculation_date = '2024-07-10'
                    ORDER BY 1$$,
                  $$VALUES ('market', NULL), ('rate', NULL), ('ridge', NULL), ('spread', 'singular')$$,
                  'makes its model singular, which says so, and leaves the others alone');
SELECT ok((SELECT bool_and(market_beta IS NULL AND reason = 'singular') FROM position_factor_exposures
            WHERE model = 'spread' AND calculation_date = '2024-07-10'), 'also where positions are');
ROLLBACK TO factors;
SELECT throws_ok($$INSERT INTO factor_definitions (name, model, long_symbol) VALUES ('value', 'spread', 'VTV')$$,
                 '23505', NULL, 'two active factors of one name are refused');
DROP INDEX factor_definitions_active_name_idx;
INSERT INTO factor_definitions (name, model, long_symbol) VALUES ('value', 'spread', 'VTV');
SELECT pg_temp.raises($$SELECT * FROM calc_factor_betas('2024-07-10')$$, '22023', 'two active factors are named "value"',
                      '%', '%is_active%', 'also where the index is missing');
SELECT results_eq($$SELECT phase, status FROM run_daily_batch('2024-07-10') WHERE phase IN ('2', '3')$$,
                  $$VALUES ('2', 'success'), ('3', 'failed')$$, 'stop the risk engines only');
ROLLBACK TO factors;
UPDATE factor_definitions SET long_symbol = 'NOWHERE' WHERE name = 'momentum';
SELECT count(*) FROM run_daily_batch('2024-07-10', phases => '{3}') \g /dev/null
SELECT results_eq($$SELECT model, reason FROM symbol_model_fits WHERE symbol = 'AAA' AND calculation_date = '2024-07-10'
                    ORDER BY 1$$,
                  $$VALUES ('market', NULL), ('rate', NULL), ('ridge', 'insufficient_data'), ('spread', NULL)$$,
                  'a factor without prices leaves its model without a sample');
SELECT ok((SELECT bool_and(direct_pnl IS NOT NULL) FROM stress_test_results
            WHERE scenario_id IN ('market_down_10', 'rates_up_100bp') AND calculation_date = '2024-07-10'),
          'shocks to other factors still cost what they cost directly');
SELECT ok((SELECT bool_and(reason IS NULL AND correlated_pnl IS NOT NULL
                           AND calculation_metadata -> 'missing_factors' ? 'momentum')
             FROM stress_test_results
            WHERE scenario_id IN ('market_down_10', 'rates_up_100bp') AND calculation_date = '2024-07-10'),
          'and the styles that take no part are named');
ROLLBACK TO factors;
UPDATE factor_definitions SET is_active = false WHERE model = 'rate';
SELECT count(*) FROM run_daily_batch('2024-07-10', phases => '{3}') \g /dev/null
SELECT results_eq($$SELECT ir_beta, rate_series, reason FROM position_interest_rate_betas
                    WHERE calculation_date = '2024-07-10'$$,
                  $$VALUES (NULL::float8, NULL::text, 'insufficient_data')$$, 'neither yields nor a bond fund: no rate beta');
SELECT ok((SELECT bool_and(direct_pnl IS NOT NULL) FROM stress_test_results
            WHERE scenario_id = 'market_down_10' AND calculation_date = '2024-07-10'),
          'and market shocks are computed all the same');
ROLLBACK TO factors;

-- A market without prices --------------------------------------------------------------------------------------------

CREATE TEMP TABLE with_market AS SELECT * FROM pg_temp.results('{symbol_model_fits,portfolio_stress_tests}');
DELETE FROM market_data_cache WHERE symbol = 'SPY';
SELECT results_eq($$SELECT phase, status FROM run_daily_batch('2024-07-10') WHERE phase IN ('2', '3')$$,
                  $$VALUES ('2', 'success'), ('3', 'partial')$$, 'without prices of the market only what needs none goes through');
SELECT set_has($$SELECT job_name FROM batch_jobs WHERE run_id = (SELECT max(run_id) FROM batch_runs)
                   AND status = 'failed' AND sqlstate = '55000' AND error_message = 'market symbol "SPY" has no returns'$$,
               $$VALUES ('market_betas'), ('ridge_betas'), ('spread_betas'), ('stress_tests')$$, 'the engines that need it say so');
SELECT set_has($$SELECT * FROM pg_temp.results('{symbol_model_fits,portfolio_stress_tests}') WHERE content ->> 'model' IS DISTINCT FROM 'rate'$$,
               $$SELECT * FROM with_market WHERE content ->> 'model' IS DISTINCT FROM 'rate'$$, 'and leave what is stored alone');

SELECT * FROM finish();
ROLLBACK;
