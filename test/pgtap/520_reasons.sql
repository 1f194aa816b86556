-- NULL has a reason: books that are hedged out, empty, in debt or without Greeks, and every figure of the result tables
-- that is missing in them.

\ir include/prelude.psql
SELECT plan(16);

SET LOCAL portfolio_batch.min_position_value = 0;
SET LOCAL portfolio_batch.min_portfolio_weight = 0;

-- TWIN has the prices of AAA, YOUNG the newest ten of them.
\set factor_market_from 2023-06-01
\set factor_market_to 2024-07-12
\set factor_market_sessions 200
\set factor_market_symbols '(''AAA'', 1.3, 1.37), (''TWIN'', 1.3, 1.37), (''BBB'', 0.6, 1.61), (''YOUNG'', 1.3, 1.37)'
\ir include/factor_market.psql
DELETE FROM market_data_cache WHERE symbol = 'YOUNG' AND date < '2024-06-28';

CREATE FUNCTION pg_temp.add_call(portfolio integer, n integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                         strike_price, expiration_date, contract_multiplier, investment_class)
  VALUES (pg_temp.id(portfolio), pg_temp.id(n), 'AAA240920C00100000', 'LC', 1, 5, '2024-07-12', 'AAA', 100,
          '2024-09-20', 100, 'OPTIONS')
$$;
SELECT pg_temp.add_portfolio(n, CASE n WHEN 4 THEN 0 ELSE 100000 END, '2024-07-12') FROM generate_series(1, 9) AS n
  \g /dev/null
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-12'), pg_temp.add_lot(1, 12, 'AAA', -100, 100, '2024-07-12'),
       -- 2: hedged by its twin.
       pg_temp.add_lot(2, 21, 'AAA', 100, 100, '2024-07-12'), pg_temp.add_lot(2, 22, 'TWIN', -100, 100, '2024-07-12'),
       -- 3: nothing; 4: on margin, without equity of its own.
       pg_temp.add_lot(4, 41, 'AAA', 100, 10000, '2024-07-12'), pg_temp.add_lot(4, 42, 'BBB', 100, 10000, '2024-07-12'),
       -- 5 and 6: with an option, without and with a delta alone; 7: one that is young; 8: as it should be.
       pg_temp.add_lot(5, 51, 'AAA', 100, 100, '2024-07-12'), pg_temp.add_call(5, 52),
       pg_temp.add_lot(6, 61, 'BBB', 100, 100, '2024-07-12'), pg_temp.add_call(6, 62),
       pg_temp.add_lot(7, 71, 'AAA', 100, 100, '2024-07-12'), pg_temp.add_lot(7, 72, 'BBB', 100, 100, '2024-07-12'),
       pg_temp.add_lot(7, 73, 'YOUNG', 100, 100, '2024-07-12'),
       pg_temp.add_lot(8, 81, 'AAA', 100, 100, '2024-07-12'), pg_temp.add_lot(8, 82, 'BBB', 100, 100, '2024-07-12'),
       pg_temp.add_lot(9, 91, 'FUND', 1, 1000, '2024-07-12', investment_class => 'PRIVATE') \g /dev/null
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta)
VALUES (pg_temp.id(6), pg_temp.id(62), '2024-07-12', 0.5);
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-12')), 0::numeric, 'the day is run');

CREATE TEMP VIEW of_book AS
SELECT right(portfolio_id::text, 1)::integer AS n, s.* FROM portfolio_snapshots AS s;
CREATE TEMP VIEW contribution AS
SELECT right(portfolio_id::text, 1)::integer AS n, e.* FROM portfolio_factor_exposures AS e;
CREATE TEMP VIEW correlation AS
SELECT right(portfolio_id::text, 1)::integer AS n, c.* FROM correlation_calculations AS c;

-- Hedged out ---------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT model, bool_and(exposure_value = 0), array_agg(DISTINCT reason), count(percent_contribution_to_risk)
                    FROM contribution WHERE n = 1 AND model IN ('ridge', 'spread') AND factor <> 'specific'
                    GROUP BY model ORDER BY model$$,
                  $$VALUES ('ridge', true, '{no_risk}'::text[], 0::bigint), ('spread', true, '{no_risk}', 0)$$,
                  'a book that is hedged with itself has exposures of 0 and no risk to share out');
SELECT results_eq($$SELECT DISTINCT reason FROM contribution WHERE n = 1 AND factor = 'specific'$$,
                  $$VALUES ('no_risk')$$, 'nor has what is specific to its symbols');
SELECT results_eq('SELECT beta, beta_r_squared, beta_reason FROM of_book WHERE n = 1',
                  $$VALUES (0::float8, NULL::float8, 'constant_series')$$, 'a beta of 0 and no r_squared, and why');
SELECT results_eq($$SELECT diversification_ratio, effective_bets, effective_positions, matrix_method,
                           diversification_reason, reason FROM correlation WHERE n = 2$$,
                  $$VALUES (NULL::float8, NULL::float8, NULL::float8, 'ledoit_wolf', 'no_risk', NULL)$$,
                  'a book that is hedged with a twin has a matrix and no risk to divide by');
SELECT results_eq($$SELECT reason, diversification_reason FROM correlation WHERE n IN (1, 3, 9) ORDER BY n$$,
                  $$VALUES ('no_exposure', 'no_exposure'), ('no_exposure', 'no_exposure'), ('private', 'private')$$,
                  'without correlations the reason is theirs');
SELECT results_eq($$SELECT diversification_ratio > 1, diversification_reason FROM correlation WHERE n = 8$$,
                  'VALUES (true, NULL)', 'where the ratio is there, there is no reason');
-- A fourth symbol whose returns overlap too little has a correlation with none.
SELECT results_eq($$SELECT positions_excluded, diversification_ratio > 1, diversification_reason FROM correlation
                    WHERE n = 7$$, 'VALUES (1, true, NULL)', 'what is left out does not take the matrix along');

-- Without covariances ------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT DISTINCT reason, percent_contribution_to_risk IS NULL FROM contribution
                    WHERE n = 8 AND model = 'ridge'$$, 'VALUES (NULL, false)', 'contributions that are known have no reason');
SET LOCAL portfolio_batch.beta_min_observations = 61;
SELECT count(*) FROM calc_factor_betas('2024-07-12') \g /dev/null
SELECT results_eq($$SELECT DISTINCT reason, exposure_value IS NULL, percent_contribution_to_risk IS NULL FROM contribution
                    WHERE n = 8 AND model = 'ridge' AND factor <> 'specific'$$,
                  $$VALUES ('no_factor_covariance', false, true)$$,
                  'exposures whose contributions are missing say why');
SET LOCAL portfolio_batch.beta_min_observations = 20;

-- Snapshots ----------------------------------------------------------------------------------------------------------

SELECT results_eq('SELECT n, daily_return IS NULL, return_reason FROM of_book ORDER BY n',
                  $$SELECT n, n = 4, CASE n WHEN 4 THEN 'no_equity' END FROM generate_series(1, 9) AS n$$,
                  'a day that begins without equity has no return');
SELECT results_eq($$SELECT n, net_delta, total_vega, greeks_reason FROM of_book WHERE n IN (5, 6, 8) ORDER BY n$$,
                  $$VALUES (5, NULL::float8, NULL::float8, 'option_without_greeks'), (6, 50, NULL, 'option_without_greeks'),
                           (8, NULL, NULL, 'no_options')$$, 'sums of Greeks that are missing, of one or of all');
UPDATE position_greeks SET gamma = 0.1, theta = -0.2, vega = 0.3;
SELECT count(*) FROM create_portfolio_snapshots('2024-07-12', portfolio_id => pg_temp.id(6)) \g /dev/null
SELECT results_eq($$SELECT net_delta, total_vega, greeks_reason FROM of_book WHERE n = 6$$,
                  'VALUES (50::float8, 30::float8, NULL)', 'and that are there');

-- All of them --------------------------------------------------------------------------------------------------------

-- Each figure of the results with what says why it is missing. Figures of contributions are those of the models that
-- split risk; specific has no marginal contribution.
CREATE TEMP TABLE missing (relation text, figure text, known bigint, unexplained bigint);
DO $test$
DECLARE
  f record;
BEGIN
  FOR f IN SELECT * FROM (VALUES
    ('portfolio_snapshots', 'daily_return', 'return_reason', 'true'),
    ('portfolio_snapshots', 'net_delta', 'greeks_reason', 'true'),
    ('portfolio_snapshots', 'total_gamma', 'greeks_reason', 'true'),
    ('portfolio_snapshots', 'total_theta', 'greeks_reason', 'true'),
    ('portfolio_snapshots', 'total_vega', 'greeks_reason', 'true'),
    ('portfolio_snapshots', 'realized_volatility_21d', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'realized_volatility_63d', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'expected_volatility_21d', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'volatility_trend', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'volatility_percentile', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'volatility_coverage', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'volatility_proxied', 'volatility_reason', 'true'),
    ('portfolio_snapshots', 'beta', 'beta_reason', 'true'),
    ('portfolio_snapshots', 'beta_std_error', 'beta_reason', 'true'),
    ('portfolio_snapshots', 'beta_r_squared', 'beta_reason', 'true'),
    ('portfolio_snapshots', 'beta_observations', 'beta_reason', 'true'),
    ('portfolio_snapshots', 'beta_coverage', 'beta_reason', 'true'),
    ('portfolio_snapshots', 'sector_exposure', 'concentration_reason', 'true'),
    ('portfolio_snapshots', 'hhi', 'concentration_reason', 'true'),
    ('portfolio_snapshots', 'effective_positions', 'concentration_reason', 'true'),
    ('portfolio_snapshots', 'top_3_concentration', 'concentration_reason', 'true'),
    ('portfolio_factor_exposures', 'exposure_value', 'reason', 'factor <> ''specific'''),
    ('portfolio_factor_exposures', 'std_error', 'reason', 'factor <> ''specific'''),
    ('portfolio_factor_exposures', 'exposure_dollar', 'reason', 'factor <> ''specific'''),
    ('portfolio_factor_exposures', 'coverage', 'reason', 'true'),
    ('portfolio_factor_exposures', 'marginal_contribution_to_risk', 'reason',
     'factor <> ''specific'' AND model IN (''ridge'', ''spread'')'),
    ('portfolio_factor_exposures', 'contribution_to_risk', 'reason', 'model IN (''ridge'', ''spread'')'),
    ('portfolio_factor_exposures', 'percent_contribution_to_risk', 'reason', 'model IN (''ridge'', ''spread'')'),
    ('correlation_calculations', 'avg_correlation', 'reason', 'true'),
    ('correlation_calculations', 'weighted_avg_correlation', 'reason', 'true'),
    ('correlation_calculations', 'position_signed_correlation', 'reason', 'true'),
    ('correlation_calculations', 'concentration_score', 'reason', 'true'),
    ('correlation_calculations', 'diversification_ratio', 'diversification_reason', 'true'),
    ('correlation_calculations', 'effective_bets', 'diversification_reason', 'true'),
    ('correlation_calculations', 'effective_positions', 'diversification_reason', 'true'),
    ('symbol_volatility', 'realized_volatility_21d', 'reason', 'true'),
    ('symbol_volatility', 'realized_volatility_63d', 'reason', 'true'),
    ('symbol_volatility', 'expected_volatility_21d', 'reason', 'true'),
    ('symbol_volatility', 'volatility_trend', 'reason', 'true'),
    ('symbol_volatility', 'volatility_percentile', 'reason', 'true'),
    ('symbol_model_fits', 'alpha', 'reason', 'true'),
    ('symbol_model_fits', 'betas', 'reason', 'true'),
    ('symbol_model_fits', 'r_squared', 'reason', 'true'),
    ('symbol_model_fits', 'residual_volatility', 'reason', 'true'),
    ('factor_correlations', 'correlation', 'reason', 'true'),
    ('factor_correlations', 'covariance', 'reason', 'true'),
    ('stress_test_results', 'direct_pnl', 'reason', 'true'),
    ('stress_test_results', 'correlated_pnl', 'reason', 'true'),
    ('stress_test_results', 'correlation_effect', 'reason', 'true'),
    ('stress_test_results', 'exceeds_equity', 'reason', 'true'),
    ('position_history', 'exposure', 'reason', 'quantity <> 0')) AS v (relation, figure, reason, condition)
  LOOP
    EXECUTE format('INSERT INTO missing SELECT %1$L, %2$L, count(%2$I), count(*) FILTER (WHERE %2$I IS NULL AND %3$I IS NULL) '
                   'FROM %1$I WHERE %4$s', f.relation, f.figure, f.reason, f.condition);
  END LOOP;
END $test$;
SELECT is_empty('SELECT * FROM missing WHERE unexplained > 0', 'every figure that is missing says why');
SELECT is_empty('SELECT * FROM missing WHERE known = 0', 'and each is known somewhere');
SELECT is_empty($$SELECT n, scenario_id FROM (SELECT right(portfolio_id::text, 1)::integer AS n, r.*
                                              FROM stress_test_results AS r) AS r
                  WHERE (calculation_metadata ? 'pnl_over_equity')
                    AND (calculation_metadata ->> 'pnl_over_equity_reason') IS DISTINCT FROM
                        CASE WHEN calculation_metadata ->> 'pnl_over_equity' IS NULL THEN 'no_equity' END$$,
                'a stress test over no equity says so');

SELECT * FROM finish();
ROLLBACK;
