-- What must hold of the risk engines whatever the data: over whole runs, on a market that is made up so that every
-- kind of series is in it.

\ir include/prelude.psql
SELECT plan(34);

-- Daily returns are sums of waves: of the market, of each style, of each stock. Thirty months of them.
CREATE TEMP TABLE days AS
SELECT session_date, row_number() OVER (ORDER BY session_date) AS n FROM sessions_between('2022-01-03', '2024-07-10');
CREATE TEMP TABLE moves AS
SELECT s.symbol, d.session_date, d.n,
       0.0003 + s.market * (0.006 * sin(d.n * 1.7) + 0.004 * sin(d.n * d.n * 0.37)) + s.style * 0.003 * sin(d.n * s.pace)
       + s.own * 0.008 * sin(d.n * d.n * s.pace * 0.11 + 1) AS move
FROM days AS d,
     (VALUES ('SPY', 1.0, 0, 1, 0), ('VTV', 0.9, 1, 2.3, 0), ('VUG', 1.1, -1, 2.9, 0.05), ('MTUM', 1.05, 1, 3.7, 0.1),
             ('QUAL', 1.0, 0.5, 4.1, 0.02), ('IWM', 1.2, 1, 4.7, 0.2), ('USMV', 0.7, 0.7, 5.3, 0.02),
             ('TLT', -0.2, 1, 6.1, 0.4), ('AAA', 1.3, 1, 2.3, 1), ('BBB', 0.6, -1, 4.7, 1.2), ('CCC', 0.9, 1, 6.1, 0.8),
             ('YOUNG', 1.5, 0, 1, 1.5)) AS s (symbol, market, style, pace, own);
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT symbol, session_date, 100 * exp(sum(move) OVER (PARTITION BY symbol ORDER BY n)), 'test' FROM moves
WHERE symbol <> 'YOUNG' OR n > 500;
INSERT INTO market_data_cache (symbol, date, close, data_source) SELECT 'FLAT', session_date, 50, 'test' FROM days;
DELETE FROM market_data_cache WHERE symbol = 'CCC' AND extract(day FROM date) = 13;
INSERT INTO company_profiles (symbol, sector, is_etf) VALUES
  ('AAA', 'Technology', false), ('BBB', 'Energy', false), ('CCC', 'Technology', false), ('SPY', NULL, true);

-- 1: long and short, three symbols. 2: the same in more lots, in another order. 3: with a young and a flat symbol and
-- one without prices. 4: nothing but a private asset. 5: the market. 6: long bonds. 7: no equity left. 8: as much
-- short as long. 9: no position at all.
SELECT pg_temp.add_portfolio(n, CASE n WHEN 7 THEN 1000 ELSE 100000 END, '2024-07-08') FROM generate_series(1, 9) AS n;
SELECT pg_temp.add_lot(p, 100 * p + n, symbol, quantity, price, '2024-07-08')
  FROM (VALUES (1, 1, 'AAA', 300, 100), (1, 2, 'BBB', -200, 100), (1, 3, 'CCC', 400, 100),
               (2, 1, 'CCC', 150, 100), (2, 2, 'AAA', 100, 100), (2, 3, 'BBB', -120, 100), (2, 4, 'CCC', 250, 100),
               (2, 5, 'AAA', 200, 100), (2, 6, 'BBB', -80, 100),
               (3, 1, 'AAA', 300, 100), (3, 2, 'YOUNG', 100, 100), (3, 3, 'FLAT', 100, 50), (3, 4, 'NOWHERE', 100, 10),
               (5, 1, 'SPY', 500, 100), (6, 1, 'TLT', 500, 100), (7, 1, 'AAA', 300, 900), (8, 1, 'AAA', 300, 100),
               (8, 2, 'AAA', -300, 100)) AS l (p, n, symbol, quantity, price);
SELECT pg_temp.add_lot(4, 401, 'HOUSE', 1, 50000, '2024-07-08', investment_class => 'PRIVATE');
CREATE TEMP TABLE run AS SELECT * FROM run_daily_batch_with_backfill('2024-07-10');
SELECT is_empty($$SELECT * FROM run WHERE status NOT IN ('success', 'skipped')$$, 'every phase of every date succeeds');
SELECT is_empty($$SELECT job_name, error_message FROM batch_jobs WHERE status NOT IN ('success', 'skipped')$$,
                'and every engine');
\set day '''2024-07-10'''

-- The market on itself ----------------------------------------------------------------------------------------------

SELECT results_eq(format($$SELECT model, factor, round(beta::numeric, 10), round(std_error::numeric, 10)
                           FROM symbol_factor_exposures WHERE symbol = 'SPY' AND calculation_date = %L AND factor = 'market'
                           ORDER BY model$$, :day),
  $$VALUES ('market', 'market', 1.0, 0.0), ('rate', 'market', 1, 0), ('ridge', 'market', 1, 0), ('spread', 'market', 1, 0)$$,
  'the market has beta 1 on itself in every model, without error');
SELECT ok((SELECT bool_and(abs(beta) < 1e-10) FROM symbol_factor_exposures
            WHERE symbol = 'SPY' AND calculation_date = :day AND factor <> 'market'), 'and none on anything else');
SELECT ok((SELECT bool_and(pg_temp.near(r.beta, m.beta, 1e-10)) AND count(*) > 10
             FROM symbol_factor_exposures AS r
             JOIN symbol_factor_exposures AS m USING (symbol, calculation_date, factor)
            WHERE r.model = 'ridge' AND m.model = 'market' AND r.beta IS NOT NULL),
          'beside styles that are orthogonal to it the market beta is what it is alone');

-- Sums --------------------------------------------------------------------------------------------------------------

SELECT is_empty(format($$
  SELECT e.portfolio_id, e.model, e.factor, e.exposure_dollar, s.dollars
  FROM portfolio_factor_exposures AS e
  JOIN LATERAL (SELECT sum(v.quantity * p.price * b.beta) AS dollars
                FROM positions_asof(e.calculation_date, ARRAY[e.portfolio_id]) AS v
                CROSS JOIN price_asof(v.symbol, e.calculation_date) AS p
                JOIN symbol_factor_exposures AS b ON b.symbol = v.symbol AND b.calculation_date = e.calculation_date
                                                 AND b.model = e.model AND b.factor = e.factor) AS s ON true
  WHERE e.calculation_date = %L AND e.factor <> 'specific' AND e.reason IS NULL
    AND abs(e.exposure_dollar - s.dollars) > 0.00011 + 1e-9 * abs(s.dollars)$$, :day),
  'exposures are sums of signed values x betas');
SELECT is_empty($$SELECT e.portfolio_id, model, factor FROM portfolio_factor_exposures AS e
                  JOIN portfolio_snapshots AS s ON (s.portfolio_id, s.snapshot_date) = (e.portfolio_id, calculation_date)
                  WHERE exposure_value IS NOT NULL
                    AND abs(exposure_value * total_value::float8 - exposure_dollar) > 0.0001 + 1e-9 * abs(exposure_dollar)$$,
                'in units of net asset value they are dollars over it');
SELECT ok((SELECT count(*) >= 20 AND bool_and(pg_temp.near(total, 1, 1e-10))
             FROM (SELECT sum(percent_contribution_to_risk) AS total FROM portfolio_factor_exposures
                   WHERE model IN ('ridge', 'spread') AND percent_contribution_to_risk IS NOT NULL
                   GROUP BY portfolio_id, calculation_date, model) AS s),
          'shares of risk add up to all of it');
SELECT is_empty($$SELECT portfolio_id, model, factor FROM portfolio_factor_exposures
                  WHERE contribution_to_risk IS NOT NULL AND factor <> 'specific'
                    AND NOT pg_temp.near(contribution_to_risk, exposure_value * marginal_contribution_to_risk, 1e-10)$$,
                'a contribution is exposure x marginal contribution');
SELECT ok((SELECT bool_and(pg_temp.near(s.beta, e.exposure_value, 1e-10)) AND count(*) > 10
             FROM portfolio_snapshots AS s JOIN portfolio_factor_exposures AS e
               ON (e.portfolio_id, e.calculation_date, e.model) = (s.portfolio_id, s.snapshot_date, 'market')
            WHERE s.beta IS NOT NULL),
          'the snapshot has the market exposure');

-- Stress ------------------------------------------------------------------------------------------------------------

SELECT results_eq(format('SELECT portfolio_id, count(*) FROM stress_test_results WHERE calculation_date = %L
                          GROUP BY 1 ORDER BY 1', :day),
                  'SELECT pg_temp.id(n), 22::bigint FROM generate_series(1, 9) AS n', '22 scenarios for every portfolio');
SELECT is_empty($$SELECT a.portfolio_id, a.scenario_id, a.direct_pnl, b.direct_pnl, a.correlated_pnl, b.correlated_pnl
                  FROM stress_test_results AS a JOIN stress_test_results AS b USING (portfolio_id, calculation_date)
                  WHERE b.scenario_id = replace(replace(a.scenario_id, '_up_', '_down_'), 'rally', 'rally')
                    AND a.scenario_id LIKE '%\_up\_%'
                    AND (a.direct_pnl <> -b.direct_pnl OR a.correlated_pnl <> -b.correlated_pnl)$$,
                'the opposite shock is the opposite P&L');
SELECT ok((SELECT bool_and(abs(b.correlated_pnl - 2 * a.correlated_pnl) <= 0.0002) AND count(*) > 10
             FROM stress_test_results AS a JOIN stress_test_results AS b USING (portfolio_id, calculation_date)
            WHERE (a.scenario_id, b.scenario_id) IN (('market_up_5', 'market_up_10'),
                                                     ('rates_up_25bp', 'rates_up_50bp'))),
          'twice the shock is twice the P&L');
SELECT is_empty($$SELECT * FROM stress_test_results WHERE correlation_effect <> correlated_pnl - direct_pnl$$,
                'the effect is the difference');
SELECT is_empty($$
  SELECT portfolio_id, scenario_id FROM stress_test_results, jsonb_each(factor_impacts) AS f
  WHERE calculation_metadata ->> 'method' = 'conditional_expectation'
  GROUP BY portfolio_id, calculation_date, scenario_id, direct_pnl, correlated_pnl
  HAVING abs(sum((f.value ->> 'direct_pnl')::numeric) - direct_pnl) > 0.0001
      OR abs(sum((f.value ->> 'correlated_pnl')::numeric) - correlated_pnl) > 0.0001$$, 'impacts of factors add up to it');
SELECT ok((SELECT bool_and(abs(direct_pnl + 0.1 * total_value::float8 * beta) <= 0.0001 + 1e-9 * abs(direct_pnl))
                  AND count(*) >= 6
             FROM stress_test_results JOIN portfolio_snapshots ON (portfolio_snapshots.portfolio_id, snapshot_date)
                                                                = (stress_test_results.portfolio_id, calculation_date)
            WHERE scenario_id = 'market_down_10' AND beta IS NOT NULL AND calculation_date = :day),
          'the market down by a tenth costs a tenth of beta x net asset value');
SELECT ok((SELECT direct_pnl < 0 AND reason IS NULL FROM stress_test_results
            WHERE portfolio_id = pg_temp.id(6) AND scenario_id = 'rates_up_100bp' AND calculation_date = :day),
          'bonds lose when yields rise');
SELECT ok((SELECT pg_temp.near(ir_beta, -16.5, 1e-10) FROM position_interest_rate_betas
            WHERE portfolio_id = pg_temp.id(6) AND calculation_date = :day),
          'the bond fund that stands in for yields has the duration it is given');
SELECT ok((SELECT bool_and(direct_pnl = 0 AND correlated_pnl = 0 AND reason IS NULL AND NOT exceeds_equity)
             FROM stress_test_results WHERE portfolio_id = pg_temp.id(8) AND calculation_date = :day),
          'a book as short as long has exposure 0 to everything, and no P&L: 0 because it is');
SELECT ok((SELECT bool_and(direct_pnl < -1000 AND exceeds_equity) FROM stress_test_results
            WHERE portfolio_id = pg_temp.id(7) AND scenario_id = 'market_crash_35' AND calculation_date = :day),
          'a loss beyond the equity is shown whole, and marked');

-- Lots, their order and company -------------------------------------------------------------------------------------

SELECT is_empty(format($$
  SELECT a.model, a.factor FROM portfolio_factor_exposures AS a JOIN portfolio_factor_exposures AS b
    USING (calculation_date, model, factor)
  WHERE a.portfolio_id = pg_temp.id(1) AND b.portfolio_id = pg_temp.id(2) AND calculation_date = %L
    AND NOT (pg_temp.near(a.exposure_value, b.exposure_value, 1e-12) AND a.exposure_dollar = b.exposure_dollar
             AND pg_temp.near(a.percent_contribution_to_risk, b.percent_contribution_to_risk, 1e-12)
             AND a.coverage = b.coverage)$$, :day), 'splitting lots changes no exposure');
SELECT is_empty(format($$
  SELECT scenario_id FROM stress_test_results AS a JOIN stress_test_results AS b USING (calculation_date, scenario_id)
  WHERE a.portfolio_id = pg_temp.id(1) AND b.portfolio_id = pg_temp.id(2) AND calculation_date = %L
    AND (a.direct_pnl <> b.direct_pnl OR a.correlated_pnl <> b.correlated_pnl)$$, :day), 'and no P&L');
SELECT results_eq(format($$SELECT round(beta::numeric, 12), round(beta_r_squared::numeric, 12),
                         round(realized_volatility_21d::numeric, 12), round(realized_volatility_63d::numeric, 12),
                         round(expected_volatility_21d::numeric, 12), volatility_percentile, volatility_trend,
                         round(hhi::numeric, 8), round(top_3_concentration::numeric, 12)
                  FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(%s) AND snapshot_date = %L$$, 1, :day),
                  format($$SELECT round(beta::numeric, 12), round(beta_r_squared::numeric, 12),
                         round(realized_volatility_21d::numeric, 12), round(realized_volatility_63d::numeric, 12),
                         round(expected_volatility_21d::numeric, 12), volatility_percentile, volatility_trend,
                         round(hhi::numeric, 8), round(top_3_concentration::numeric, 12)
                  FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(%s) AND snapshot_date = %L$$, 2, :day),
                  'nor volatility, nor concentration');
SELECT results_eq(format($$SELECT symbol1, symbol2, correlation_coefficient, observations FROM pairwise_correlations
                           WHERE portfolio_id = pg_temp.id(%s) AND calculation_date = %L ORDER BY 1, 2$$, 1, :day),
                  format($$SELECT symbol1, symbol2, correlation_coefficient, observations FROM pairwise_correlations
                           WHERE portfolio_id = pg_temp.id(%s) AND calculation_date = %L ORDER BY 1, 2$$, 2, :day),
                  'nor correlations');
-- The symbols of portfolio 1 alone, computed again without the others.
CREATE TEMP TABLE in_company AS SELECT symbol, model, factor, beta, std_error FROM symbol_factor_exposures
 WHERE calculation_date = :day;
SAVEPOINT alone;
DELETE FROM symbol_model_fits;
SELECT count(*) FROM calc_factor_betas(:day, ARRAY[pg_temp.id(1)]) \g /dev/null
SELECT count(*) FROM calc_interest_rate_betas(:day, ARRAY[pg_temp.id(1)]) \g /dev/null
SELECT results_eq('SELECT symbol, model, factor, beta, std_error FROM symbol_factor_exposures ORDER BY 1, 2, 3',
                  $$SELECT * FROM in_company WHERE symbol IN ('AAA', 'BBB', 'CCC') AND model IN ('ridge', 'rate')
                    ORDER BY 1, 2, 3$$, 'a symbol has the same betas in any company, to the last bit');
ROLLBACK TO alone;

-- What is missing ---------------------------------------------------------------------------------------------------

SELECT results_eq(format($$SELECT symbol, model, observations, reason FROM symbol_model_fits
                           WHERE symbol IN ('YOUNG', 'FLAT', 'NOWHERE') AND calculation_date = %L ORDER BY 1, 2$$, :day),
  $$VALUES ('FLAT', 'market', 252, 'constant_series'), ('FLAT', 'rate', 252, 'constant_series'),
           ('FLAT', 'ridge', 252, 'constant_series'), ('FLAT', 'spread', 252, 'constant_series'),
           ('NOWHERE', 'market', 0, 'no_prices'), ('NOWHERE', 'rate', 0, 'no_prices'),
           ('NOWHERE', 'ridge', 0, 'no_prices'), ('NOWHERE', 'spread', 0, 'no_prices'),
           ('YOUNG', 'market', 131, NULL), ('YOUNG', 'rate', 131, NULL), ('YOUNG', 'ridge', 131, NULL),
           ('YOUNG', 'spread', 131, NULL)$$, 'a symbol that cannot be estimated says why');
SELECT is_empty($$SELECT symbol, model, factor FROM symbol_factor_exposures
                  WHERE (beta IS NULL) <> (reason IS NOT NULL AND reason <> 'outlier')$$,
                'a beta is there or a reason is, never both, never neither');
SELECT ok((SELECT bool_and(coverage < 1 AND exposure_dollar IS NOT NULL) AND count(*) > 0
             FROM portfolio_factor_exposures
            WHERE portfolio_id = pg_temp.id(3) AND factor <> 'specific' AND calculation_date = :day),
          'what it does not cover lowers the coverage');
SELECT ok((SELECT bool_and(reason = 'private' AND exposure_value IS NULL AND exposure_dollar IS NULL) AND count(*) > 10
             FROM portfolio_factor_exposures WHERE portfolio_id = pg_temp.id(4)),
          'nothing but private assets: a status, no number');
SELECT ok((SELECT bool_and(reason = 'private' AND direct_pnl IS NULL AND correlated_pnl IS NULL) AND count(*) = 66
             FROM stress_test_results WHERE portfolio_id = pg_temp.id(4)), 'under every scenario too');
SELECT ok((SELECT bool_and(reason = 'no_exposure' AND direct_pnl IS NULL) FROM stress_test_results
            WHERE portfolio_id = pg_temp.id(9) AND calculation_date = :day), 'no positions, no exposure');
SELECT ok((SELECT bool_and(reason = 'no_equity' AND exposure_value IS NULL AND exposure_dollar IS NOT NULL)
                  AND count(*) > 10
             FROM portfolio_factor_exposures
            WHERE portfolio_id = pg_temp.id(7) AND factor <> 'specific' AND calculation_date = :day),
          'without equity exposures are in dollars only');

-- Time --------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE before AS SELECT * FROM pg_temp.contents(kinds => '{result}');
INSERT INTO market_data_cache (symbol, date, close)
SELECT symbol, session_date, 1 + 100 * random() FROM sessions_between('2024-07-11', '2024-07-19'),
       unnest(ARRAY['SPY', 'VTV', 'TLT', 'AAA', 'BBB', 'CCC', 'YOUNG', 'NOWHERE']) AS symbol;
INSERT INTO interest_rates (series, date, rate)
SELECT 'DGS10', session_date, 4 + random() FROM sessions_between('2024-07-11', '2024-07-19');
INSERT INTO benchmarks_sector_weights (benchmark_code, asof_date, sector, weight)
VALUES ('SP500', '2024-07-11', 'Technology', 0.5);
SELECT is((SELECT sum(rows_written) FROM run_daily_batch(:day)), 0::numeric,
          'what is dated later changes nothing: the same run again writes nothing');
SELECT set_eq($$SELECT relation, place, content FROM pg_temp.contents(kinds => '{result}')$$,
              'SELECT relation, place, content FROM before', 'not a single row');

SELECT * FROM finish();
ROLLBACK;
