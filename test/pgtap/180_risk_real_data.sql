-- Risk on real prices: what the engines write for the three reference portfolios on three dates, against figures that
-- numpy, scipy and statsmodels have computed without any code in common (test/golden/risk_engines.py).

\ir include/prelude.psql
SELECT plan(60);

\set have_data `test -r "$PB_PRICES_CSV" && test -r "$PB_SHARED_DATA/dgs10_2005_2024.csv" && echo true || echo false`
\if :have_data
\else
SELECT * FROM skip('PB_SHARED_DATA names no folder with prices and yields', _get('plan'));
SELECT * FROM finish();
ROLLBACK;
\quit
\endif

\getenv csv PB_PRICES_CSV
\getenv shared PB_SHARED_DATA
\ir ../fixtures/load_prices.sql
\ir ../fixtures/real_portfolios.sql

-- The reference ------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE yields (date date, percent float8);
CREATE TEMP TABLE golden_models (
  symbol text, calculation_date date, model text, rate_series text, observations int, alpha float8, r_squared float8,
  adj_r_squared float8, residual_volatility float8, ridge_alpha float8, effective_df float8, condition_number float8,
  max_vif float8, window_start date, window_end date, quality_flag text, reason text);
CREATE TEMP TABLE golden_betas (
  symbol text, calculation_date date, model text, rate_series text, factor text, beta float8, std_error float8,
  t_stat float8, p_value float8, reason text);
CREATE TEMP TABLE golden_rates (
  portfolio_id uuid, position_id uuid, calculation_date date, rate_series text, unit text, ir_beta float8,
  r_squared float8, std_error float8, observations int, quality_flag text, reason text);
CREATE TEMP TABLE golden_exposures (
  portfolio_id uuid, calculation_date date, model text, rate_series text, factor text, exposure_value float8,
  exposure_dollar float8, coverage float8, marginal_contribution_to_risk float8, contribution_to_risk float8,
  percent_contribution_to_risk float8, std_error float8);
CREATE TEMP TABLE golden_covariances (
  calculation_date date, rate_series text, factor_1 text, factor_2 text, correlation float8, covariance float8,
  observations int, half_life float8, reason text);
CREATE TEMP TABLE golden_sectors (
  portfolio_id uuid, snapshot_date date, sector text, long float8, short float8, net float8, gross float8,
  benchmark float8, active float8);
CREATE TEMP TABLE golden_concentration (
  portfolio_id uuid, snapshot_date date, hhi float8, effective_positions float8, top_3_concentration float8,
  top_10_concentration float8);
CREATE TEMP TABLE golden_volatility (
  portfolio_id uuid, symbol text, calculation_date date, realized_volatility_21d float8,
  realized_volatility_21d_low float8, realized_volatility_21d_high float8, realized_volatility_63d float8,
  realized_volatility_63d_low float8, realized_volatility_63d_high float8, expected_volatility_21d float8,
  forecast_method text, model_r_squared float8, volatility_trend text, volatility_trend_strength float8,
  volatility_percentile float8, observations int, quality_flag text, reason text, volatility_coverage float8);
CREATE TEMP TABLE golden_correlations (
  portfolio_id uuid, calculation_date date, duration_days int, avg_correlation float8, weighted_avg_correlation float8,
  position_signed_correlation float8, diversification_ratio float8, effective_bets float8, effective_positions float8,
  concentration_score float8, matrix_method text, shrinkage_intensity float8, positions_included int,
  positions_excluded int, symbols int, data_quality text, sample_diversification_ratio float8,
  sample_effective_positions float8);
CREATE TEMP TABLE golden_pairs (
  portfolio_id uuid, calculation_date date, symbol1 text, symbol2 text, correlation_coefficient float8, p_value float8,
  q_value float8, observations int, rank int);
CREATE TEMP TABLE golden_clusters (
  portfolio_id uuid, calculation_date date, duration_days int, cluster_number int, nickname text,
  avg_correlation float8, total_value float8, portfolio_percentage float8, position_id uuid, symbol text, value float8,
  position_percentage float8, correlation_to_cluster float8);
CREATE TEMP TABLE golden_stress (
  portfolio_id uuid, calculation_date date, rate_series text, scenario_id text, method text, direct_pnl float8,
  correlated_pnl float8, correlation_effect float8, exceeds_equity boolean, reason text);

\set file :shared /dgs10_2005_2024.csv
\set command '\\copy yields FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_benchmark.csv
\set columns '(benchmark_code, asof_date, sector, weight)'
\set command '\\copy benchmarks_sector_weights ' :columns ' FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_symbol_models.csv
\set command '\\copy golden_models FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_symbol_exposures.csv
\set command '\\copy golden_betas FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_position_rates.csv
\set command '\\copy golden_rates FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_portfolio_exposures.csv
\set command '\\copy golden_exposures FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_factor_correlations.csv
\set command '\\copy golden_covariances FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_sectors.csv
\set command '\\copy golden_sectors FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_concentration.csv
\set command '\\copy golden_concentration FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_volatility.csv
\set command '\\copy golden_volatility FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_correlations.csv
\set command '\\copy golden_correlations FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_pairs.csv
\set command '\\copy golden_pairs FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_clusters.csv
\set command '\\copy golden_clusters FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :root /test/golden/risk_stress.csv
\set command '\\copy golden_stress FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
SELECT results_eq($$SELECT (SELECT count(*) FROM golden_models), (SELECT count(*) FROM golden_betas),
                           (SELECT count(*) FROM golden_rates), (SELECT count(*) FROM golden_exposures),
                           (SELECT count(*) FROM golden_covariances), (SELECT count(*) FROM golden_sectors),
                           (SELECT count(*) FROM golden_volatility), (SELECT count(*) FROM golden_pairs),
                           (SELECT count(*) FROM golden_clusters), (SELECT count(*) FROM golden_stress)$$,
                  $$VALUES (335::bigint, 1139::bigint, 184::bigint, 198::bigint, 270::bigint, 113::bigint, 76::bigint,
                            299::bigint, 12::bigint, 396::bigint)$$, 'the reference is all there');

INSERT INTO interest_rates (series, date, rate, source) SELECT 'DGS10', date, percent, 'csv' FROM yields;
-- The replays are part of the test; elsewhere they are at the user's choice.
UPDATE stress_test_scenarios SET active = true WHERE NOT active;

-- Equal to nine digits; NULL only equals NULL. What is 0 by definition may be rounding of the magnitude of a beta.
CREATE FUNCTION pg_temp.near(a float8, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
              WHEN b = 0 THEN abs(a) < 1e-12
              ELSE abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)) END
$$;
-- An amount is stored to four decimals.
CREATE FUNCTION pg_temp.same_amount(a numeric, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
              ELSE abs(a::float8 - b) <= 0.0000501 + 1e-9 * abs(b) END
$$;
CREATE FUNCTION pg_temp.rows_written(statement text, OUT rows_written bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT sum(rows_written) FROM %s AS engine', statement) INTO rows_written;
END $$;

CREATE TEMP TABLE days AS SELECT DISTINCT snapshot_date AS day FROM golden_concentration;

-- A reference row has a rate series only where one plays a part in it.
CREATE FUNCTION pg_temp.differing_models(series text)
RETURNS TABLE (symbol text, calculation_date date, model text, what text) LANGUAGE sql AS $$
  SELECT g.symbol, g.calculation_date, g.model,
         CASE WHEN f.symbol IS NULL THEN 'missing' WHEN NOT s.same_sample THEN 'sample' ELSE 'statistics' END
  FROM golden_models AS g
  LEFT JOIN symbol_model_fits AS f USING (symbol, calculation_date, model)
  CROSS JOIN LATERAL (SELECT
    (f.observations, f.window_start, f.window_end, f.quality_flag, f.reason) IS NOT DISTINCT FROM
    (g.observations, g.window_start, g.window_end, g.quality_flag, g.reason) AS same_sample,
    pg_temp.near(f.alpha, g.alpha) AND pg_temp.near(f.r_squared, g.r_squared)
    AND pg_temp.near(f.adj_r_squared, g.adj_r_squared)
    AND pg_temp.near(f.residual_volatility, g.residual_volatility)
    AND pg_temp.near(f.ridge_alpha, g.ridge_alpha) AND pg_temp.near(f.effective_df, g.effective_df)
    AND pg_temp.near(f.condition_number, g.condition_number)
    AND pg_temp.near(f.max_vif, g.max_vif) AS same_statistics) AS s
  WHERE coalesce(g.rate_series, series) = series AND (f.symbol IS NOT NULL AND s.same_sample AND s.same_statistics)
        IS NOT TRUE
$$;
CREATE FUNCTION pg_temp.differing_betas(series text)
RETURNS TABLE (symbol text, calculation_date date, model text, factor text, beta float8, wanted float8)
LANGUAGE sql AS $$
  SELECT g.symbol, g.calculation_date, g.model, g.factor, e.beta, g.beta
  FROM golden_betas AS g LEFT JOIN symbol_factor_exposures AS e USING (symbol, calculation_date, model, factor)
  WHERE coalesce(g.rate_series, series) = series
    AND (pg_temp.near(e.beta, g.beta) AND pg_temp.near(e.std_error, g.std_error)
         AND pg_temp.near(e.t_stat, g.t_stat) AND pg_temp.near(e.p_value, g.p_value)
         AND e.reason IS NOT DISTINCT FROM g.reason AND e.symbol IS NOT NULL) IS NOT TRUE
$$;
CREATE FUNCTION pg_temp.differing_rates(series text)
RETURNS TABLE (position_id uuid, calculation_date date, ir_beta float8, wanted float8) LANGUAGE sql AS $$
  SELECT g.position_id, g.calculation_date, r.ir_beta, g.ir_beta
  FROM golden_rates AS g LEFT JOIN position_interest_rate_betas AS r USING (portfolio_id, position_id, calculation_date)
  WHERE g.rate_series = series
    AND (pg_temp.near(r.ir_beta, g.ir_beta) AND pg_temp.near(r.r_squared, g.r_squared)
         AND pg_temp.near(r.std_error, g.std_error)
         AND (r.rate_series, r.unit, r.observations, r.quality_flag, r.reason) IS NOT DISTINCT FROM
             (g.rate_series, g.unit, g.observations, g.quality_flag, g.reason)) IS NOT TRUE
$$;
-- The market and the rate model are stored as one exposure each; contributions to risk belong to ridge and spread.
CREATE TEMP VIEW wanted_exposures AS
SELECT * FROM golden_exposures
WHERE model IN ('ridge', 'spread') OR (model, factor) IN (('market', 'market'), ('rate', 'interest_rate'));
CREATE FUNCTION pg_temp.differing_exposures(series text)
RETURNS TABLE (portfolio_id uuid, calculation_date date, model text, factor text, exposure_value float8, wanted float8)
LANGUAGE sql AS $$
  SELECT g.portfolio_id, g.calculation_date, g.model, g.factor, e.exposure_value, g.exposure_value
  FROM wanted_exposures AS g
  LEFT JOIN portfolio_factor_exposures AS e USING (portfolio_id, calculation_date, model, factor)
  WHERE coalesce(g.rate_series, series) = series
    AND (pg_temp.near(e.exposure_value, g.exposure_value) AND pg_temp.near(e.std_error, g.std_error)
         AND pg_temp.same_amount(e.exposure_dollar, g.exposure_dollar)
         AND pg_temp.near(e.coverage, g.coverage) AND e.reason IS NULL) IS NOT TRUE
$$;
CREATE FUNCTION pg_temp.differing_covariances(series text)
RETURNS TABLE (calculation_date date, factor_1 text, factor_2 text, covariance float8, wanted float8)
LANGUAGE sql AS $$
  SELECT g.calculation_date, g.factor_1, g.factor_2, c.covariance, g.covariance
  FROM golden_covariances AS g LEFT JOIN factor_correlations AS c USING (calculation_date, factor_1, factor_2)
  WHERE coalesce(g.rate_series, series) = series
    AND (pg_temp.near(c.covariance, g.covariance) AND pg_temp.near(c.correlation, g.correlation)
         AND (c.observations, c.half_life, c.reason) IS NOT DISTINCT FROM (g.observations, g.half_life, g.reason))
        IS NOT TRUE
$$;
CREATE FUNCTION pg_temp.differing_stress(series text)
RETURNS TABLE (portfolio_id uuid, calculation_date date, scenario_id text, direct_pnl numeric, wanted_direct float8,
               correlated_pnl numeric, wanted_correlated float8) LANGUAGE sql AS $$
  SELECT g.portfolio_id, g.calculation_date, g.scenario_id, s.direct_pnl, g.direct_pnl, s.correlated_pnl,
         g.correlated_pnl
  FROM golden_stress AS g LEFT JOIN stress_test_results AS s USING (portfolio_id, calculation_date, scenario_id)
  WHERE g.rate_series = series
    AND (pg_temp.same_amount(s.direct_pnl, g.direct_pnl) AND pg_temp.same_amount(s.correlated_pnl, g.correlated_pnl)
         -- A difference of two amounts that are stored.
         AND abs(s.correlation_effect - g.correlation_effect::numeric) <= 0.0002
         AND s.exceeds_equity = g.exceeds_equity AND s.reason IS NOT DISTINCT FROM g.reason
         AND s.calculation_metadata ->> 'method' = g.method) IS NOT TRUE
$$;

-- The batch ----------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE backfill AS SELECT * FROM run_daily_batch_with_backfill('2024-12-31');
-- What autovacuum does after a night: without statistics the joins below go by one row each.
ANALYZE factor_models, symbol_model_fits, symbol_volatility, portfolio_holdings, stress_scenario_moves, portfolio_stress_tests;
SELECT is_empty($$SELECT * FROM backfill WHERE failed > 0 OR status NOT IN ('success', 'skipped')$$,
                'every phase of the backfill succeeds');
SELECT is_empty($$SELECT job_name, error_message FROM batch_jobs WHERE status = 'failed'$$,
                'and every engine');
SELECT is_empty($$SELECT portfolio_id, snapshot_date FROM portfolio_snapshots
                  WHERE analytics_complete IS NOT TRUE$$, 'all analytics are there on every date');

-- Models of symbols --------------------------------------------------------------------------------------------------

SELECT set_eq($$SELECT symbol, calculation_date, model FROM symbol_model_fits JOIN days ON day = calculation_date$$,
              $$SELECT DISTINCT symbol, calculation_date, model FROM golden_models$$,
              'four models of every symbol that is held, and of no other');
SELECT is_empty($$SELECT * FROM pg_temp.differing_models('DGS10')$$,
                'each on the same sample, with the same statistics');
SELECT set_eq($$SELECT symbol, calculation_date, model, factor FROM symbol_factor_exposures
                JOIN days ON day = calculation_date$$,
              $$SELECT DISTINCT symbol, calculation_date, model, factor FROM golden_betas$$, 'a beta to each factor');
SELECT is_empty($$SELECT * FROM pg_temp.differing_betas('DGS10')$$, 'betas, errors, t and p are the reference''s');
SELECT set_eq($$SELECT portfolio_id, position_id, calculation_date FROM position_interest_rate_betas
                JOIN days ON day = calculation_date$$,
              $$SELECT DISTINCT portfolio_id, position_id, calculation_date FROM golden_rates$$,
              'every lot has a row of rate betas');
SELECT is_empty($$SELECT * FROM pg_temp.differing_rates('DGS10')$$,
                'which is its symbol''s, or says why there is none');
SELECT is_empty($$
  SELECT p.symbol, x.calculation_date, x.model FROM position_factor_exposures AS x
  JOIN days ON day = x.calculation_date
  JOIN positions AS p ON (p.portfolio_id, p.id) = (x.portfolio_id, x.position_id)
  LEFT JOIN symbol_model_fits AS f ON f.symbol = p.symbol AND f.calculation_date = x.calculation_date
                                  AND f.model = x.model AND p.investment_class = 'PUBLIC'
  LEFT JOIN (SELECT symbol, calculation_date, model, jsonb_object_agg(factor || '_beta', beta) AS betas
             FROM symbol_factor_exposures GROUP BY symbol, calculation_date, model) AS e
         ON (e.symbol, e.calculation_date, e.model) = (f.symbol, f.calculation_date, f.model)
  WHERE (x.r_squared, x.residual_volatility, x.observations, x.quality_flag) IS DISTINCT FROM
        (f.r_squared, f.residual_volatility, f.observations, f.quality_flag)
     OR coalesce(e.betas, '{}') IS DISTINCT FROM
        jsonb_strip_nulls(to_jsonb(x) - '{portfolio_id,position_id,calculation_date,model,r_squared,residual_volatility,
                          observations,quality_flag,reason,created_at,run_id}'::text[])
     OR x.reason IS DISTINCT FROM
        CASE p.investment_class WHEN 'PRIVATE' THEN 'private' WHEN 'OPTIONS' THEN 'option_without_delta'
                                ELSE f.reason END$$,
  'each position has the betas of its symbol');
SELECT set_eq($$SELECT portfolio_id, position_id, calculation_date, model FROM position_factor_exposures
                JOIN days ON day = calculation_date$$,
              $$SELECT DISTINCT portfolio_id, position_id, calculation_date, model
                FROM golden_rates CROSS JOIN (VALUES ('ridge'), ('spread')) AS m (model)$$,
              'under both models');

-- Covariances and exposures ------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM factor_correlations JOIN days ON day = calculation_date), 3::bigint * 78,
          'each pair of the twelve factors is there once, and each variance');
SELECT is_empty($$SELECT * FROM pg_temp.differing_covariances('DGS10')$$, 'covariances and correlations of factors');
SELECT is_empty($$SELECT * FROM pg_temp.differing_exposures('DGS10')$$, 'exposures of portfolios, their errors by one regression of the '
                'portfolio in statsmodels, and their coverage');
SELECT is_empty($$
  SELECT portfolio_id, calculation_date, model, factor FROM portfolio_factor_exposures
  JOIN days ON day = calculation_date
  EXCEPT SELECT portfolio_id, calculation_date, model, factor FROM golden_exposures$$, 'and no others');
SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, g.model, g.factor, e.contribution_to_risk, g.contribution_to_risk
  FROM golden_exposures AS g JOIN portfolio_factor_exposures AS e USING (portfolio_id, calculation_date, model, factor)
  WHERE coalesce(g.rate_series, 'DGS10') = 'DGS10'
    AND (g.model IN ('ridge', 'spread') OR e.percent_contribution_to_risk IS NOT NULL)
    AND (pg_temp.near(e.marginal_contribution_to_risk, g.marginal_contribution_to_risk)
         AND pg_temp.near(e.contribution_to_risk, g.contribution_to_risk)
         AND pg_temp.near(e.percent_contribution_to_risk, g.percent_contribution_to_risk)) IS NOT TRUE$$,
  'what each factor contributes to risk');
SELECT is_empty($$
  SELECT portfolio_id, calculation_date, model, sum(percent_contribution_to_risk) FROM portfolio_factor_exposures
  WHERE model IN ('ridge', 'spread') GROUP BY 1, 2, 3
  HAVING (abs(sum(percent_contribution_to_risk) - 1) < 1e-12) IS NOT TRUE$$,
  'which with the specific risk is all of it');
SELECT is_empty($$
  SELECT s.portfolio_id, s.snapshot_date, s.beta, e.exposure_value
  FROM portfolio_snapshots AS s JOIN portfolio_factor_exposures AS e
    ON (e.portfolio_id, e.calculation_date, e.model, e.factor) = (s.portfolio_id, s.snapshot_date, 'market', 'market')
  WHERE (pg_temp.near(s.beta, e.exposure_value) AND s.beta_std_error = e.std_error AND pg_temp.near(s.beta_coverage, e.coverage)) IS NOT TRUE$$,
  'the exposure to the market is the beta of the snapshot');
-- Errors that symbols share do not cancel as independent ones would.
CREATE TEMP VIEW independent AS
SELECT e.std_error, sqrt(sum((w.exposure * b.std_error) ^ 2)) / s.total_value::float8 AS error
FROM days
JOIN portfolio_factor_exposures AS e ON e.calculation_date = days.day
JOIN portfolio_snapshots AS s ON s.portfolio_id = e.portfolio_id AND s.snapshot_date = days.day
CROSS JOIN LATERAL (SELECT h.symbol, sum(h.exposure) AS exposure FROM position_history AS h
                    WHERE h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date GROUP BY 1) AS w
JOIN symbol_factor_exposures AS b ON b.symbol = w.symbol AND b.calculation_date = days.day AND b.model = e.model
                                 AND b.factor = e.factor
WHERE e.model IN ('market', 'ridge', 'spread')
GROUP BY e.portfolio_id, e.calculation_date, e.model, e.factor, e.std_error, s.total_value;
SELECT ok((SELECT max(std_error / error) > 1.2 FROM independent WHERE error > 0),
          'errors of a portfolio are more than those of symbols whose errors are independent, by a fifth in these books');

-- Sectors and concentration ------------------------------------------------------------------------------------------

CREATE TEMP VIEW stored_sectors AS
SELECT s.portfolio_id, s.snapshot_date, x.key AS sector, (x.value ->> 'long')::float8 AS long,
       (x.value ->> 'short')::float8 AS short, (x.value ->> 'net')::float8 AS net,
       (x.value ->> 'gross')::float8 AS gross, (x.value ->> 'benchmark')::float8 AS benchmark,
       (x.value ->> 'active')::float8 AS active
FROM portfolio_snapshots AS s CROSS JOIN LATERAL jsonb_each(s.sector_exposure) AS x
JOIN days ON day = s.snapshot_date;
SELECT set_eq('SELECT portfolio_id, snapshot_date, sector FROM stored_sectors',
              'SELECT portfolio_id, snapshot_date, sector FROM golden_sectors',
              'sectors of the portfolio and of the newest benchmark, under one name each');
SELECT is_empty($$
  SELECT g.portfolio_id, g.snapshot_date, g.sector, to_jsonb(s) AS stored, to_jsonb(g) AS wanted
  FROM golden_sectors AS g JOIN stored_sectors AS s USING (portfolio_id, snapshot_date, sector)
  WHERE (pg_temp.near(s.long, g.long) AND pg_temp.near(s.short, g.short) AND pg_temp.near(s.net, g.net)
         AND pg_temp.near(s.gross, g.gross) AND pg_temp.near(s.benchmark, g.benchmark)
         -- A difference of two weights has the rounding of a weight.
         AND abs(s.active - g.active) < 1e-12) IS NOT TRUE$$, 'exposure by sector, and beside the benchmark');
SELECT is_empty($$
  SELECT g.portfolio_id, g.snapshot_date, s.hhi, g.hhi
  FROM golden_concentration AS g JOIN portfolio_snapshots AS s USING (portfolio_id, snapshot_date)
  WHERE (pg_temp.near(s.hhi, g.hhi) AND pg_temp.near(s.effective_positions, g.effective_positions)
         AND pg_temp.near(s.top_3_concentration, g.top_3_concentration)
         AND pg_temp.near(s.top_10_concentration, g.top_10_concentration)) IS NOT TRUE$$, 'concentration');
SELECT is_empty($$
  SELECT portfolio_id, snapshot_date FROM portfolio_snapshots JOIN (
    SELECT portfolio_id, snapshot_date, sum(gross) AS gross FROM stored_sectors GROUP BY 1, 2) AS s
    USING (portfolio_id, snapshot_date)
  WHERE NOT pg_temp.near(s.gross, (gross_exposure / total_value)::float8)$$,
  'the sectors add up to the gross exposure over net asset value');

-- Volatility ---------------------------------------------------------------------------------------------------------

-- R2 is held to 1e-9 of its range: that of a model without explanatory power is rounding.
SELECT is_empty($$
  SELECT p.symbol, v.calculation_date, to_jsonb(v) AS stored, to_jsonb(g) AS wanted
  FROM position_volatility AS v JOIN days ON day = v.calculation_date
  JOIN positions AS p ON (p.portfolio_id, p.id) = (v.portfolio_id, v.position_id)
  LEFT JOIN golden_volatility AS g ON g.symbol = p.symbol AND g.calculation_date = v.calculation_date
                                  AND p.investment_class = 'PUBLIC'
  WHERE (pg_temp.near(v.realized_volatility_21d, g.realized_volatility_21d)
         AND pg_temp.near(v.realized_volatility_21d_low, g.realized_volatility_21d_low)
         AND pg_temp.near(v.realized_volatility_21d_high, g.realized_volatility_21d_high)
         AND pg_temp.near(v.realized_volatility_63d, g.realized_volatility_63d)
         AND pg_temp.near(v.realized_volatility_63d_low, g.realized_volatility_63d_low)
         AND pg_temp.near(v.realized_volatility_63d_high, g.realized_volatility_63d_high)
         AND pg_temp.near(v.expected_volatility_21d, g.expected_volatility_21d)
         AND pg_temp.near(1 + v.model_r_squared, 1 + g.model_r_squared)
         AND pg_temp.near(v.volatility_trend_strength, g.volatility_trend_strength)
         AND pg_temp.near(v.volatility_percentile, g.volatility_percentile)
         AND (v.forecast_method, v.volatility_trend, v.observations, v.quality_flag) IS NOT DISTINCT FROM
             (g.forecast_method, g.volatility_trend, g.observations, g.quality_flag)
         AND v.reason IS NOT DISTINCT FROM CASE p.investment_class
             WHEN 'PRIVATE' THEN 'private' WHEN 'OPTIONS' THEN 'option_without_delta' ELSE g.reason END) IS NOT TRUE$$,
  'volatilities of positions are those of their symbols');
SELECT set_eq($$SELECT portfolio_id, position_id, calculation_date FROM position_volatility
                JOIN days ON day = calculation_date$$,
              $$SELECT DISTINCT portfolio_id, position_id, calculation_date FROM golden_rates$$,
              'a row for every position');
SELECT is((SELECT count(*) FROM golden_volatility WHERE portfolio_id IS NOT NULL), 9::bigint,
          'the portfolios'' own volatilities are compared too');
SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, s.expected_volatility_21d, g.expected_volatility_21d
  FROM golden_volatility AS g
  LEFT JOIN portfolio_snapshots AS s ON (s.portfolio_id, s.snapshot_date) = (g.portfolio_id, g.calculation_date)
  WHERE g.portfolio_id IS NOT NULL
    AND (pg_temp.near(s.realized_volatility_21d, g.realized_volatility_21d)
         AND pg_temp.near(s.realized_volatility_63d, g.realized_volatility_63d)
         AND pg_temp.near(s.expected_volatility_21d, g.expected_volatility_21d)
         AND pg_temp.near(s.volatility_percentile, g.volatility_percentile)
         AND pg_temp.near(s.volatility_coverage, g.volatility_coverage)
         AND s.volatility_trend IS NOT DISTINCT FROM g.volatility_trend
         AND s.volatility_reason IS NOT DISTINCT FROM g.reason) IS NOT TRUE$$,
  'they are those of the present weights, over net asset value');

-- Correlations -------------------------------------------------------------------------------------------------------

SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, to_jsonb(g) AS wanted
  FROM golden_correlations AS g
  LEFT JOIN correlation_calculations AS c USING (portfolio_id, calculation_date, duration_days)
  WHERE (pg_temp.near(c.avg_correlation, g.avg_correlation)
         AND pg_temp.near(c.weighted_avg_correlation, g.weighted_avg_correlation)
         AND pg_temp.near(c.position_signed_correlation, g.position_signed_correlation)
         AND pg_temp.near(c.concentration_score, g.concentration_score)
         AND cardinality(c.symbols) = g.symbols AND c.reason IS NULL
         AND (c.positions_included, c.positions_excluded, c.data_quality, c.min_position_value, c.min_portfolio_weight,
              c.filter_mode, c.correlation_threshold) IS NOT DISTINCT FROM
             (g.positions_included, g.positions_excluded, g.data_quality, 10000::numeric, 0.01::float8, 'both',
              0.7::float8)) IS NOT TRUE$$,
  'summaries of correlations, with their filters');
-- The matrix as a matrix: shrunk towards equal correlations.
SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, c.matrix_method, c.shrinkage_intensity, g.shrinkage_intensity,
         c.diversification_ratio, g.diversification_ratio, c.effective_positions, g.effective_positions
  FROM golden_correlations AS g
  LEFT JOIN correlation_calculations AS c USING (portfolio_id, calculation_date, duration_days)
  WHERE (c.matrix_method LIKE 'ledoit_wolf%' AND pg_temp.near(c.shrinkage_intensity, g.shrinkage_intensity)
         AND pg_temp.near(c.diversification_ratio, g.diversification_ratio)
         AND pg_temp.near(c.effective_bets, g.effective_bets)
         AND pg_temp.near(c.effective_positions, g.effective_positions)
         AND coalesce(c.repair_distance, 0) = 0) IS NOT TRUE$$,
  'diversification by the shrunk matrix');
CREATE TEMP VIEW stored_pairs AS
SELECT p.* FROM pairwise_correlations AS p JOIN days ON day = p.calculation_date;
SELECT set_eq('SELECT portfolio_id, calculation_date, symbol1, symbol2 FROM stored_pairs',
              'SELECT portfolio_id, calculation_date, symbol1, symbol2 FROM golden_pairs',
              'each pair that passes the filters, once');
SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, g.symbol1, g.symbol2, p.correlation_coefficient, g.correlation_coefficient
  FROM golden_pairs AS g JOIN stored_pairs AS p USING (portfolio_id, calculation_date, symbol1, symbol2)
  WHERE (pg_temp.near(p.correlation_coefficient, g.correlation_coefficient) AND pg_temp.near(p.p_value, g.p_value)
         AND p.observations = g.observations) IS NOT TRUE$$, 'correlations, p-values and overlaps');
SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, g.symbol1, g.symbol2, m.q_value, g.q_value
  FROM correlation_calculations AS c JOIN days ON day = c.calculation_date
  CROSS JOIN LATERAL correlation_matrix(c.symbols, c.calculation_date) AS m
  FULL JOIN golden_pairs AS g ON (g.portfolio_id, g.calculation_date, g.symbol1, g.symbol2) =
                                 (c.portfolio_id, c.calculation_date, m.symbol1, m.symbol2)
  WHERE (pg_temp.near(m.q_value, g.q_value) AND pg_temp.near(m.correlation, g.correlation_coefficient)) IS NOT TRUE$$,
  'correlation_matrix says the same, with q-values over the pairs of the portfolio');
SELECT is_empty($$
  SELECT c.portfolio_id, c.calculation_date, t.ordinal, t.pair
  FROM correlation_calculations AS c JOIN days ON day = c.calculation_date
  CROSS JOIN LATERAL jsonb_array_elements(c.top_correlations) WITH ORDINALITY AS t (pair, ordinal)
  LEFT JOIN golden_pairs AS g ON (g.portfolio_id, g.calculation_date, g.rank) =
                                 (c.portfolio_id, c.calculation_date, t.ordinal)
  WHERE (t.pair ->> 'symbol1' = g.symbol1 AND t.pair ->> 'symbol2' = g.symbol2
         AND pg_temp.near((t.pair ->> 'correlation')::float8, g.correlation_coefficient)) IS NOT TRUE$$,
  'the largest correlations, largest first');
SELECT is_empty($$SELECT portfolio_id, calculation_date FROM correlation_calculations
                  JOIN days ON day = calculation_date
                  WHERE (jsonb_array_length(top_correlations) > 0) IS NOT TRUE$$, 'of which there are some');
SELECT set_eq($$SELECT portfolio_id, calculation_date, cluster_number, position_id
                FROM correlation_cluster_positions JOIN days ON day = calculation_date$$,
              $$SELECT portfolio_id, calculation_date, cluster_number, position_id FROM golden_clusters$$,
              'the members of clusters');
SELECT is_empty($$
  SELECT g.portfolio_id, g.calculation_date, g.cluster_number, g.symbol, c.nickname, g.nickname
  FROM golden_clusters AS g
  LEFT JOIN correlation_clusters AS c USING (portfolio_id, calculation_date, duration_days, cluster_number)
  LEFT JOIN correlation_cluster_positions AS p
    USING (portfolio_id, calculation_date, duration_days, cluster_number, position_id)
  WHERE (c.nickname = g.nickname AND pg_temp.near(c.avg_correlation, g.avg_correlation)
         AND pg_temp.same_amount(c.total_value, g.total_value)
         AND pg_temp.near(c.portfolio_percentage, g.portfolio_percentage)
         AND p.symbol = g.symbol AND pg_temp.same_amount(p.value, g.value)
         AND pg_temp.near(p.portfolio_percentage, g.position_percentage)
         AND pg_temp.near(p.correlation_to_cluster, g.correlation_to_cluster)) IS NOT TRUE$$,
  'clusters by name, size and correlation');
SELECT is_empty($$
  SELECT c.portfolio_id, c.calculation_date, c.cluster_number FROM correlation_clusters AS c
  JOIN days ON day = c.calculation_date
  LEFT JOIN golden_clusters AS g USING (portfolio_id, calculation_date, duration_days, cluster_number)
  WHERE g.portfolio_id IS NULL$$, 'and no others');

-- Stress tests -------------------------------------------------------------------------------------------------------

SELECT set_eq($$SELECT portfolio_id, calculation_date, scenario_id FROM stress_test_results
                JOIN days ON day = calculation_date$$,
              $$SELECT DISTINCT portfolio_id, calculation_date, scenario_id FROM golden_stress$$,
              '22 scenarios of each portfolio');
SELECT is_empty($$SELECT * FROM pg_temp.differing_stress('DGS10')$$,
                'P&L of each, direct and with what the other factors are expected to do, replays by what prices did');

-- Without yields -----------------------------------------------------------------------------------------------------

DELETE FROM interest_rates;
SELECT ok((SELECT bool_and(pg_temp.rows_written(format(call, day)) > 0)
             FROM days, (VALUES ('calc_interest_rate_betas(%L)'), ('calc_factor_correlations(%L)'),
                                ('calc_stress_tests(%L)')) AS c (call)),
          'without yields the engines write anew');
SELECT is_empty($$SELECT * FROM pg_temp.differing_models('TLT') WHERE model = 'rate'$$,
                'rate models on what a bond fund implies');
SELECT is_empty($$SELECT * FROM pg_temp.differing_betas('TLT') WHERE model = 'rate'$$, 'with their betas');
SELECT is_empty($$SELECT * FROM pg_temp.differing_rates('TLT')$$, 'at the positions, with the fund as series');
SELECT is_empty($$SELECT * FROM pg_temp.differing_exposures('TLT')$$, 'exposures of the portfolios');
SELECT is_empty($$SELECT * FROM pg_temp.differing_covariances('TLT')$$, 'covariances');
SELECT is_empty($$SELECT * FROM pg_temp.differing_stress('TLT')$$, 'stress tests');
INSERT INTO interest_rates (series, date, rate, source) SELECT 'DGS10', date, percent, 'csv' FROM yields;
SELECT ok((SELECT bool_and(pg_temp.rows_written(format(call, day)) > 0)
             FROM days, (VALUES ('calc_interest_rate_betas(%L)'), ('calc_factor_correlations(%L)'),
                                ('calc_stress_tests(%L)')) AS c (call)),
          'with yields they write once more');
SELECT is_empty($$SELECT * FROM pg_temp.differing_stress('DGS10')$$, 'what they had written before');
SELECT is((SELECT sum(pg_temp.rows_written(format(call, day)))
             FROM days, (VALUES ('calc_market_betas(%L)'), ('calc_interest_rate_betas(%L)'), ('calc_factor_betas(%L)'),
                                ('calc_factor_betas(%L, NULL, ''spread'')'), ('calc_sector_exposures(%L)'),
                                ('calc_volatility(%L)'), ('calc_correlations(%L)'), ('calc_factor_correlations(%L)'),
                                ('calc_stress_tests(%L)')) AS c (call)),
          0::numeric, 'and then, run again, nothing');

-- Options with a delta -----------------------------------------------------------------------------------------------

-- Portfolio 3 holds five calls on AAPL, and in two lots fourteen puts on SPY, of which it has no shares.
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta)
SELECT portfolio_id, position_id, '2024-12-31', CASE WHEN position_type = 'LC' THEN 0.8 ELSE -0.25 END
FROM positions_asof('2024-12-31', '{33333333-3333-4333-8333-333333333333}') WHERE position_type IN ('LC', 'LP');
SELECT is((SELECT count(*) FROM position_greeks), 3::bigint, 'three lots of options have a delta');
CREATE TEMP TABLE without_delta AS
SELECT e.*, s.gross_exposure::float8 AS gross, s.total_value::float8 AS net_asset_value
FROM portfolio_factor_exposures AS e JOIN portfolio_snapshots AS s
  ON (s.portfolio_id, s.snapshot_date) = (e.portfolio_id, e.calculation_date)
WHERE (e.portfolio_id, e.calculation_date, e.factor) = ('33333333-3333-4333-8333-333333333333', '2024-12-31', 'market');
SELECT ok(bool_and(pg_temp.rows_written(call) > 0), 'which changes what is written')
  FROM (VALUES ('calc_market_betas(''2024-12-31'')'), ('calc_factor_betas(''2024-12-31'')')) AS c (call);
CREATE TEMP TABLE option_exposures AS
SELECT p.underlying_symbol AS symbol,
       g.delta * p.quantity::float8 * 100 * m.close AS exposure,
       abs(p.quantity::float8) * 100 * coalesce(o.price, p.entry_price::float8) AS premium
FROM position_greeks AS g
JOIN positions AS p ON (p.portfolio_id, p.id) = (g.portfolio_id, g.position_id)
JOIN market_data_cache AS m ON (m.symbol, m.date) = (p.underlying_symbol, g.calculation_date)
LEFT JOIN LATERAL (SELECT close AS price FROM market_data_cache AS q
                   WHERE q.symbol = p.symbol AND q.date <= g.calculation_date AND q.date >= p.entry_date
                   ORDER BY q.date DESC LIMIT 1) AS o ON true;
SELECT is_empty($$
  SELECT e.model, e.exposure_dollar, w.exposure_dollar, o.dollars
  FROM portfolio_factor_exposures AS e JOIN without_delta AS w USING (portfolio_id, calculation_date, model, factor)
  JOIN LATERAL (SELECT sum(o.exposure * b.beta) AS dollars, sum(abs(o.exposure)) AS exposures,
                       sum(o.premium) AS premiums
                FROM option_exposures AS o JOIN symbol_factor_exposures AS b
                  ON (b.symbol, b.calculation_date, b.model, b.factor) =
                     (o.symbol, e.calculation_date, e.model, e.factor)) AS o ON true
  WHERE e.model IN ('market', 'ridge')
    -- Two amounts that are stored to four decimals.
    AND (abs(e.exposure_dollar::float8 - w.exposure_dollar::float8 - o.dollars) < 0.0002
         AND pg_temp.near(e.coverage, (w.coverage * w.gross + o.exposures) / (w.gross - o.premiums + o.exposures)))
        IS NOT TRUE$$, 'an option moves with its underlying by delta x quantity x multiplier x price');
SELECT is((SELECT count(*)
             FROM portfolio_factor_exposures AS e
             JOIN without_delta AS w USING (portfolio_id, calculation_date, model, factor)
            WHERE e.model IN ('market', 'ridge') AND abs(e.exposure_dollar - w.exposure_dollar) > 1000),
          2::bigint, 'of two models');

-- A penalty that is chosen -------------------------------------------------------------------------------------------

-- By scikit-learn for each symbol by itself (test/golden/factor_model.py), here among the symbols of three portfolios.
CREATE TEMP TABLE golden_gcv (
  source text, symbol text, date text, model text, observations text, window_start text, window_end text,
  quality_flag text, reason text, b0 text, b1 text, b2 text, b3 text, b4 text, b5 text, b6 text, b7 text, e0 text,
  e1 text, e2 text, e3 text, e4 text, e5 text, e6 text, e7 text, r_squared text, adj_r_squared text,
  residual_volatility text, alpha text, effective_df text, condition_number text, max_vif text);
\set file :root /test/golden/factor_model.csv
\set command '\\copy golden_gcv FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
SELECT ok(pg_temp.rows_written($$calc_factor_betas('2024-12-31', choose => 'gcv')$$) > 0,
          'betas with a penalty that is chosen');
SELECT results_eq($$SELECT count(*), count(DISTINCT f.ridge_alpha) > 5
                    FROM golden_gcv AS g JOIN symbol_model_fits AS f USING (symbol)
                    WHERE f.calculation_date = '2024-12-31' AND f.model = 'ridge' AND f.betas IS NOT NULL
                      AND (g.source, g.model, g.date) = ('real', 'ridge_gcv', '2024-12-31')$$,
                  'VALUES (11::bigint, true)', 'of eleven symbols that the reference has, most have another penalty');
SELECT is_empty($$
  SELECT g.symbol, f.ridge_alpha, g.alpha, f.betas
  FROM golden_gcv AS g JOIN symbol_model_fits AS f USING (symbol)
  WHERE f.calculation_date = '2024-12-31' AND f.model = 'ridge'
    AND (g.source, g.model, g.date) = ('real', 'ridge_gcv', '2024-12-31')
    AND (pg_temp.near(f.ridge_alpha, g.alpha::float8) AND pg_temp.near(f.effective_df, g.effective_df::float8)
         AND pg_temp.near(f.r_squared, g.r_squared::float8) AND f.observations = g.observations::integer
         AND pg_temp.near(f.residual_volatility, g.residual_volatility::float8)
         AND (SELECT bool_and(abs(beta - wanted) <= 1e-9 * error) AND bool_and(pg_temp.near(std_error, error))
                FROM unnest(f.betas, f.std_errors, ARRAY[b1, b2, b3, b4, b5, b6, b7]::float8[],
                            ARRAY[e1, e2, e3, e4, e5, e6, e7]::float8[]) AS b (beta, std_error, wanted, error)))
        IS NOT TRUE$$, 'penalty, betas and errors are those of the reference');
SELECT is((SELECT parameters - '{window,min_observations,limited_history_below,sessions_per_year}'::text[]
             FROM factor_models WHERE calculation_date = '2024-12-31' AND model = 'ridge'),
          '{"alpha_choice": "gcv", "orthogonalized": true, "max_stale_sessions": 5}', 'and the model says how it was found');
SET LOCAL portfolio_batch.ridge_alpha_choice = gcv;
SELECT ok(pg_temp.rows_written($$calc_factor_betas('2024-12-31', alpha => 1)$$) > 0, 'betas with a penalty that is given');
SELECT results_eq($$SELECT DISTINCT f.ridge_alpha, m.parameters ->> 'alpha_choice', (m.parameters -> 'alpha')::float8
                    FROM symbol_model_fits AS f JOIN factor_models AS m USING (calculation_date, model)
                    WHERE f.calculation_date = '2024-12-31' AND f.model = 'ridge' AND f.betas IS NOT NULL$$,
                  $$VALUES (1::float8, 'fixed', 1::float8)$$, 'which is that of every symbol, whatever the setting');

SELECT * FROM finish();
ROLLBACK;
