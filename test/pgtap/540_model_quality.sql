-- How good stored models and forecasts were. The tables hold forecasts that are known to be right, or wrong, of prices
-- that are made for it; the figures on real prices are those of test/tap/190_model_quality.t.

\ir include/prelude.psql
SELECT plan(37);

CREATE FUNCTION pg_temp.wave(t integer, k integer) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT sin(sqrt(k) * t * t) $$;
CREATE TEMP TABLE day AS
SELECT session_date AS d, (row_number() OVER (ORDER BY session_date) - 1)::integer AS t
FROM trading_sessions WHERE calendar = 'NYSE' AND session_date BETWEEN '2022-01-01' AND '2025-03-31';
CREATE TEMP TABLE name (symbol text, n integer, market float8, style float8);
INSERT INTO name VALUES ('AAA', 12, 1.2, 0.5), ('BBB', 13, 0.8, -0.6), ('CCC', 14, 1.0, 0.9), ('DDD', 15, 0.5, -0.3);

-- Returns: the market, a style that has nothing of it, and four symbols that follow both, in months of different calm.
CREATE TEMP TABLE ret AS
SELECT 'SPY' AS symbol, d, t, 0.01 * pg_temp.wave(t, 2) AS r FROM day
UNION ALL SELECT 'STY', d, t, 0.008 * pg_temp.wave(t, 3) FROM day
UNION ALL
SELECT n.symbol, d, t, n.market * 0.01 * pg_temp.wave(t, 2) + n.style * 0.008 * pg_temp.wave(t, 3)
                       + 0.004 * (1 + (t / 30) % 3) * pg_temp.wave(t, n.n) FROM day CROSS JOIN name AS n;
INSERT INTO market_data_cache (symbol, date, close, adj_close)
SELECT symbol, d, p, p
FROM (SELECT symbol, d, 100 * exp(sum(CASE WHEN t = 0 THEN 0 ELSE ln(1 + r) END) OVER (PARTITION BY symbol ORDER BY t)) AS p FROM ret) AS c;

-- Models of every session since 2023-06, with the betas that are true.
INSERT INTO factor_models (calculation_date, model, factors, long_symbols, short_symbols, parameters)
SELECT d, m.model, m.factors, m.symbols, array_fill(NULL::text, ARRAY[cardinality(m.factors)]),
       '{"window": 100, "min_observations": 60, "orthogonalized": false, "sessions_per_year": 252}'
FROM day CROSS JOIN (VALUES ('market', '{market}'::text[], '{SPY}'::text[]), ('ridge', '{market,style}', '{SPY,STY}')) AS m (model, factors, symbols)
WHERE d BETWEEN '2023-06-01' AND '2024-12-31';
INSERT INTO symbol_model_fits (calculation_date, symbol, model, betas, std_errors)
SELECT m.calculation_date, n.symbol, m.model, (ARRAY[n.market, n.style])[: cardinality(m.factors)], (ARRAY[0.1, 0.2])[: cardinality(m.factors)]
FROM factor_models AS m CROSS JOIN name AS n;
-- Volatilities: the forecast is what comes, the interval of the past one is wide.
INSERT INTO symbol_volatility (calculation_date, symbol, realized_volatility_21d, realized_volatility_21d_low, realized_volatility_21d_high,
                               expected_volatility_21d, forecast_method, sessions_per_year)
SELECT d, symbol, past, past * 0.1, past * 10, next, 'har', 252
FROM (SELECT symbol, d, sqrt(252 * avg(r * r) OVER w) AS past, sqrt(252 * avg(r * r) OVER v) AS next FROM ret
      WINDOW w AS (PARTITION BY symbol ORDER BY t ROWS BETWEEN 20 PRECEDING AND CURRENT ROW),
             v AS (PARTITION BY symbol ORDER BY t ROWS BETWEEN 1 FOLLOWING AND 21 FOLLOWING)) AS f
WHERE d BETWEEN '2023-06-01' AND '2024-12-31' AND symbol ~ '^(.)\1\1$';
-- A portfolio whose risk is forecast as twice what it is, while its plain alternative is right.
SELECT pg_temp.add_portfolio(1, 1000000, '2023-06-01') \g /dev/null
INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date, previous_snapshot_date, daily_return, realized_volatility_63d,
                                 expected_volatility_21d, sessions_per_year)
SELECT pg_temp.id(1), d, lag(d) OVER (ORDER BY d), 0.01 * pg_temp.wave(t, 5), sqrt(252) * 0.0071, sqrt(252) * 0.0355, 252
FROM day WHERE d BETWEEN '2023-06-01' AND '2024-12-31';
INSERT INTO portfolio_model_exposures (portfolio_id, calculation_date, model, factors, contributions)
SELECT pg_temp.id(1), d, 'ridge', '{market,style,specific}', ARRAY[0.5 * s, 0.2 * s, 0.3 * s]
FROM day CROSS JOIN (SELECT sqrt(252) * 0.0142 AS s) AS risk WHERE d BETWEEN '2023-06-01' AND '2024-12-31';
INSERT INTO portfolio_holdings (portfolio_id, calculation_date, symbols)
SELECT pg_temp.id(1), d, '{AAA,BBB}' FROM day WHERE d BETWEEN '2023-06-01' AND '2024-12-31';

CREATE TEMP TABLE found AS SELECT * FROM model_quality('2024-01-01', '2024-06-30');

-- Rows --------------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT model, measure, alternative FROM found WHERE month = '2024-03-01' ORDER BY model, measure$$,
                  $$VALUES ('market', 'beta_change', 'std_error'), ('market', 'beta_coverage', 'nominal'), ('market', 'out_of_sample_r2', 'zero'),
                           ('rate', 'beta_change', 'std_error'), ('rate', 'beta_coverage', 'nominal'),
                           ('ridge', 'beta_change', 'std_error'), ('ridge', 'beta_coverage', 'nominal'), ('ridge', 'bias_statistic', 'realized_63d'),
                           ('ridge', 'out_of_sample_r2', 'market'),
                           ('spread', 'beta_change', 'std_error'), ('spread', 'beta_coverage', 'nominal'), ('spread', 'bias_statistic', 'realized_63d'),
                           ('spread', 'out_of_sample_r2', 'market'),
                           ('volatility', 'bias_statistic', 'realized_63d'), ('volatility', 'coverage_21d', 'chi_square'),
                           ('volatility', 'coverage_63d', 'chi_square'), ('volatility', 'qlike_to_ewma', 'ewma'),
                           ('volatility', 'qlike_to_realized', 'realized')$$, 'one row a month, model and measure');
SELECT results_eq('SELECT DISTINCT month FROM found ORDER BY month', $$SELECT generate_series('2024-01-01', '2024-06-01', interval '1 month')::date$$,
                  'of each month');
SELECT is_empty($$SELECT * FROM found WHERE (value IS NULL) <> (reason IS NOT NULL) OR (value IS NULL) <> (verdict IS NULL)
                     OR (value IS NULL) <> (alternative_value IS NULL)$$, 'a figure with its alternative and a verdict, or a reason');
SELECT set_eq($$SELECT DISTINCT model, measure, observations, reason FROM found WHERE value IS NULL$$,
              $$VALUES ('rate', 'beta_change', 0::bigint, 'insufficient_data'), ('rate', 'beta_coverage', 0, 'insufficient_data'),
                       ('spread', 'beta_change', 0, 'insufficient_data'), ('spread', 'beta_coverage', 0, 'insufficient_data'),
                       ('spread', 'bias_statistic', 0, 'insufficient_data'), ('spread', 'out_of_sample_r2', 0, 'insufficient_data'),
                       ('volatility', 'coverage_63d', 0, 'insufficient_data'), ('market', 'beta_coverage', 4, 'insufficient_data'),
                       ('ridge', 'beta_coverage', 8, 'insufficient_data')$$, 'what is not stored is not there, with the number of what is');
SELECT is_empty($$SELECT * FROM model_quality('2024-02-01', '2024-01-31')$$, 'the wrong way round: nothing');
SELECT results_eq($$SELECT DISTINCT month FROM model_quality(NULL, '2024-03-15') ORDER BY month$$,
                  $$SELECT generate_series('2023-04-01', '2024-03-01', interval '1 month')::date$$, 'without a beginning: a year of months');
SELECT lives_ok('SELECT * FROM model_quality()', 'without dates: up to the latest session');
SELECT throws_ok($$SELECT * FROM model_quality('1980-01-02', '2024-07-10')$$, '22008', NULL, 'a date before the calendar');
SELECT throws_ok($$SELECT * FROM model_quality('2024-01-02', 'infinity')$$, '22008', NULL, 'and one without end');
SELECT throws_ok($$SELECT * FROM model_quality('2024-01-02', '2024-07-10', portfolio_id => pg_temp.id(9))$$, '42704', NULL, 'an unknown portfolio');

-- Figures, by plain SQL ----------------------------------------------------------------------------------------------

CREATE TEMP TABLE outcome AS   -- of 2024-05: the models of the session before
SELECT y.symbol, y.t, y.r, n.market * m.r AS by_market, n.market * m.r + n.style * s.r AS by_ridge
FROM ret AS y JOIN name AS n USING (symbol) JOIN ret AS m ON m.symbol = 'SPY' AND m.t = y.t JOIN ret AS s ON s.symbol = 'STY' AND s.t = y.t
WHERE y.d BETWEEN '2024-05-01' AND '2024-05-31';
CREATE FUNCTION pg_temp.figures(model text, measure text, month date DEFAULT '2024-05-01', OUT value numeric, OUT plain numeric, OUT n bigint, OUT verdict text)
LANGUAGE sql AS $$ SELECT round(f.value::numeric, 9), round(f.alternative_value::numeric, 9), f.observations, f.verdict FROM found AS f
                   WHERE f.model = $1 AND f.measure = $2 AND f.month = $3 $$;
SELECT results_eq($$SELECT * FROM pg_temp.figures('market', 'out_of_sample_r2')$$,
                  $$SELECT round((1 - sum((r - by_market) ^ 2) / sum(r ^ 2))::numeric, 9), 0::numeric, count(*), 'wins' FROM outcome$$, 'the market model');
SELECT results_eq($$SELECT * FROM pg_temp.figures('ridge', 'out_of_sample_r2')$$,
                  $$SELECT round((1 - sum((r - by_ridge) ^ 2) / sum(r ^ 2))::numeric, 9),
                           round((1 - sum((r - by_market) ^ 2) / sum(r ^ 2))::numeric, 9), count(*), 'wins' FROM outcome$$, 'a model that knows more beats it');
CREATE TEMP TABLE forecast AS   -- those whose 21 returns end in 2024-05
SELECT f.* FROM (SELECT symbol, d, t, avg(r * r) OVER (PARTITION BY symbol ORDER BY t ROWS BETWEEN 20 PRECEDING AND CURRENT ROW) AS outcome,
                        avg(r * r) OVER (PARTITION BY symbol ORDER BY t ROWS BETWEEN 41 PRECEDING AND 21 PRECEDING) AS realized FROM ret) AS f
JOIN name USING (symbol) WHERE d BETWEEN '2024-05-01' AND '2024-05-31';
SELECT results_eq($$SELECT * FROM pg_temp.figures('volatility', 'qlike_to_realized')$$,
                  $$SELECT round(avg(ln(outcome) + 1)::numeric, 9), round(avg(ln(realized) + outcome / realized)::numeric, 9), count(*), 'wins' FROM forecast$$,
                  'the loss of the best forecast there can be');
SELECT results_eq($$SELECT round(plain, 6), verdict FROM pg_temp.figures('volatility', 'qlike_to_ewma')$$,
                  $$SELECT round(avg(ln(e.s2) + f.outcome / e.s2)::numeric, 6), 'wins'
                    FROM forecast AS f CROSS JOIN LATERAL (
                      SELECT sum(0.97 ^ (f.t - 21 - r.t) * r.r ^ 2) / sum(0.97 ^ (f.t - 21 - r.t)) AS s2 FROM ret AS r
                      WHERE r.symbol = f.symbol AND r.t BETWEEN greatest(1, f.t - 21 - 545) AND f.t - 21) AS e$$, 'and of the exponential average');
SELECT results_eq($$SELECT * FROM pg_temp.figures('ridge', 'bias_statistic')$$,
                  $$SELECT round((stddev_samp(0.01 * pg_temp.wave(t, 5)) / 0.0142)::numeric, 9), round((stddev_samp(0.01 * pg_temp.wave(t, 5)) / 0.0071)::numeric, 9),
                           count(*), 'loses' FROM day WHERE d BETWEEN '2024-05-01' AND '2024-05-31'$$, 'twice the risk there is: half the deviation');
SELECT results_eq($$SELECT round(range_low::numeric, 9), round(range_high::numeric, 9), verdict FROM found WHERE measure = 'bias_statistic' AND model = 'volatility' AND month = '2024-05-01'$$,
                  $$SELECT round((1 - sqrt(2.0 / count(*)))::numeric, 9), round((1 + sqrt(2.0 / count(*)))::numeric, 9), 'loses' FROM day
                    WHERE d BETWEEN '2024-05-01' AND '2024-05-31'$$, 'against the range 1 -+ sqrt(2 / n)');
SELECT results_eq($$SELECT value, observations, verdict FROM found WHERE measure = 'coverage_21d' AND month = '2024-05-01'$$,
                  $$SELECT 1::float8, count(*), 'ties' FROM forecast$$, 'intervals that hold everything');
SELECT is((SELECT alternative_value FROM found WHERE measure = 'coverage_21d' AND month = '2024-05-01'),
          (SELECT avg((sqrt(outcome / realized) BETWEEN sqrt(20 / 34.169607) AND sqrt(20 / 9.590777))::integer)::float8 FROM forecast),
          'and those of normal returns');
SELECT results_eq($$SELECT value, round(alternative_value::numeric, 9), observations, verdict FROM found WHERE (model, measure, month) = ('ridge', 'beta_change', '2024-05-01'::date)$$,
                  $$SELECT 0::float8, round((sqrt(2 * h.share * 4 * (0.01 + 0.04)) / sqrt(sum(market ^ 2 + style ^ 2)))::numeric, 9), 8::bigint, 'wins'
                    FROM name, (SELECT count(*) / 100.0 AS share FROM day WHERE d BETWEEN '2024-05-01' AND '2024-05-31') AS h GROUP BY h.share$$,
                  'betas that stay, against what their errors would make of them');

-- What a fault makes of a figure. Nothing of it stays. ------------------------------------------------------------------

CREATE FUNCTION pg_temp.after(fault text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  BEGIN
    EXECUTE fault;
    EXECUTE query INTO answer;
    RAISE 'undo' USING ERRCODE = 'PBTST';
  EXCEPTION WHEN SQLSTATE 'PBTST' THEN NULL;
  END;
  RETURN answer;
END $$;
CREATE FUNCTION pg_temp.verdicts(model text, measure text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT format('SELECT string_agg(DISTINCT verdict, '' '') FROM model_quality(''2024-01-01'', ''2024-06-30'') WHERE model = %L AND measure = %L', model, measure) $$;
\set noise 'UPDATE symbol_model_fits SET betas = ARRAY[betas[1], 5 * pg_temp.wave(calculation_date - ''2020-01-01'', 7)] WHERE model = ''ridge'''
SELECT is(pg_temp.after('SELECT 1', pg_temp.verdicts('ridge', 'out_of_sample_r2')), 'wins', 'true betas win every month');
SELECT is(pg_temp.after(:'noise', pg_temp.verdicts('ridge', 'out_of_sample_r2')), 'loses', 'noise in their place loses');
SELECT is(pg_temp.after(:'noise', pg_temp.verdicts('ridge', 'beta_change')), 'loses', 'and is not stable');
SELECT is(pg_temp.after('UPDATE symbol_volatility SET expected_volatility_21d = exp(pg_temp.wave(calculation_date - ''2020-01-01'', 7))',
                        pg_temp.verdicts('volatility', 'qlike_to_ewma')), 'loses', 'so do volatilities');
-- Factors that nobody leans on, and the style as the ninth.
SELECT is(pg_temp.after($$WITH m AS (INSERT INTO factor_models (calculation_date, model, factors, long_symbols, short_symbols, parameters)
                            SELECT calculation_date, 'spread', '{market,b,c,d,e,f,g,h,style}', '{SPY,STY,STY,STY,STY,STY,STY,STY,STY}',
                                   array_fill(NULL::text, ARRAY[9]), parameters FROM factor_models WHERE model = 'ridge')
                          INSERT INTO symbol_model_fits (calculation_date, symbol, model, betas)
                          SELECT calculation_date, symbol, 'spread', ARRAY[betas[1], 0, 0, 0, 0, 0, 0, 0, betas[2]]
                          FROM symbol_model_fits WHERE model = 'ridge'$$,
                        $$SELECT bool_and(pg_temp.near(s.value, f.value, 1e-12) AND s.observations = f.observations)::text
                          FROM model_quality('2024-01-01', '2024-06-30') AS s JOIN found AS f USING (month, measure)
                          WHERE measure = 'out_of_sample_r2' AND s.model = 'spread' AND f.model = 'ridge'$$), 'true', 'a model of many factors');
SELECT is(pg_temp.after('UPDATE symbol_volatility SET forecast_method = ''ewma''', pg_temp.verdicts('volatility', 'qlike_to_ewma')), 'ties',
          'an exponential average is its own alternative');

-- Nothing after to_date is read; what is missing is not 0.
SELECT is(pg_temp.after(d.statement, $$SELECT count(*) FROM ((TABLE found EXCEPT SELECT * FROM model_quality('2024-01-01', '2024-06-30'))
                                       UNION ALL (SELECT * FROM model_quality('2024-01-01', '2024-06-30') EXCEPT TABLE found)) AS x$$), '0', d.what)
FROM (VALUES (1, 'UPDATE market_data_cache SET close = 3 * close, adj_close = (1.5 + sin(close)) * adj_close WHERE date > ''2024-06-30''', 'other prices after the last day change nothing'),
             (2, 'UPDATE symbol_model_fits SET betas = ''{7,7}'' WHERE calculation_date > ''2024-06-30''', 'nor do later models'),
             (3, 'DELETE FROM portfolio_snapshots WHERE snapshot_date > ''2024-06-30''', 'nor later snapshots')) AS d (n, statement, what) ORDER BY n;
SELECT isnt(pg_temp.after('UPDATE market_data_cache SET adj_close = 1.1 * adj_close WHERE symbol = ''AAA'' AND date = ''2024-06-28''',
                          $$SELECT count(*) FROM ((SELECT * FROM model_quality('2024-01-01', '2024-06-30')) EXCEPT TABLE found) AS x$$), '0', 'those of the last day do');
SELECT is(pg_temp.after('DELETE FROM market_data_cache WHERE symbol = ''AAA'' AND date = ''2024-05-15''',
                        $$SELECT string_agg(f.observations - q.observations || '', '' ORDER BY f.measure)
                          FROM model_quality('2024-05-01', '2024-05-31') AS q JOIN found AS f USING (month, model, measure)
                          WHERE (model, measure) IN (('market', 'out_of_sample_r2'), ('volatility', 'qlike_to_realized'))$$), '212',
          'a price that is missing costs a symbol two returns, and each volatility that they are in');
SELECT is(pg_temp.after('UPDATE symbol_model_fits SET betas = ''{9,9}'' WHERE calculation_date = ''2024-05-31''',
                        $$SELECT count(*) FROM model_quality('2024-05-01', '2024-05-31') AS q JOIN found AS f USING (month, model, measure)
                          WHERE measure = 'out_of_sample_r2' AND q.value = f.value$$), '2', 'a model is not used on its own day');
SELECT is(pg_temp.after('DELETE FROM symbol_model_fits WHERE calculation_date <> ''2024-05-14'' AND calculation_date BETWEEN ''2024-04-30'' AND ''2024-05-29''',
                        $$SELECT format('%s %s %s', observations, value, reason) FROM model_quality('2024-05-01', '2024-05-31') WHERE model = 'ridge' AND measure = 'out_of_sample_r2'$$),
          '8  insufficient_data', 'a session without a model the evening before is not compared');
SELECT is(pg_temp.after(d.statement, $$SELECT string_agg(f.observations - q.observations || '', ' ' ORDER BY q.model COLLATE "C")
                                       FROM model_quality('2024-05-01', '2024-05-31') AS q JOIN found AS f USING (month, model, measure)
                                       WHERE measure = 'bias_statistic' AND model <> 'spread'$$), d.lost, d.what)
FROM (VALUES (1, 'UPDATE portfolio_snapshots SET previous_snapshot_date = ''2024-05-13'' WHERE snapshot_date = ''2024-05-15''', '1 1', 'nor is a return over two sessions'),
             (2, 'UPDATE portfolio_model_exposures SET contributions[2] = NULL WHERE calculation_date = ''2024-05-14''', '1 0', 'nor a risk without one of its parts'))
  AS d (n, statement, lost, what) ORDER BY n;
SELECT is(pg_temp.after('UPDATE factor_models SET factors = ''{market,other}'' WHERE model = ''ridge'' AND calculation_date = ''2024-05-31''',
                        $$SELECT format('%s %s', observations, reason) FROM model_quality('2024-05-01', '2024-05-31') WHERE model = 'ridge' AND measure = 'beta_change'$$),
          '0 insufficient_data', 'betas of other factors are others');
SELECT results_eq($$SELECT DISTINCT model, measure, observations FROM model_quality('2024-05-01', '2024-05-31', portfolio_id => pg_temp.id(1))
                    WHERE model = 'market' AND measure = 'out_of_sample_r2'$$,
                  $$SELECT model, measure, observations / 2 FROM found WHERE model = 'market' AND measure = 'out_of_sample_r2' AND month = '2024-05-01'$$, 'of a portfolio: the two symbols that it holds');

-- The audit: amber after the third month, not before. ------------------------------------------------------------------

CREATE FUNCTION pg_temp.audit(fault text, day date) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.after(fault, format('SELECT string_agg(status || '': '' || entity, '', '' ORDER BY entity) FROM batch_audit(%L) WHERE "check" = ''models against plain ones'' AND entity LIKE ''%%qlike%%''', day)) $$;
\set from_april 'UPDATE symbol_volatility SET expected_volatility_21d = 9 WHERE calculation_date >= ''2024-03-01'''
SELECT results_eq(format('SELECT pg_temp.audit(%L, d) FROM unnest(''{2024-05-31,2024-06-27,2024-06-28}''::date[]) AS d', :'from_april'),
                  $$VALUES (NULL), (NULL), ('amber: volatility qlike_to_ewma, amber: volatility qlike_to_realized')$$,
                  'two months lost: nothing; three, when the last is over: amber');

SELECT * FROM finish();
ROLLBACK;
