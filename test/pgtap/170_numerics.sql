-- The numerics on arrays and on prices: every function against results of programs without any code in common, its
-- documented example, and what it refuses.

\ir include/prelude.psql
SELECT plan(180);

-- Reference values -------------------------------------------------------------------------------------------------

CREATE TEMP TABLE golden (function text, name text, quantity text, i text, j text, value float8);
CREATE TEMP TABLE golden_prices (symbol text, session int, close float8);
CREATE TEMP TABLE ols_data (design text, t int, y float8, x1 float8, x2 float8, x3 float8, x4 float8, x5 float8);
CREATE TEMP TABLE ols_vectors (
  design text, n int, k int, covariance text, lags int, term text, coefficient float8, std_error float8, t_stat float8,
  p_value float8, r_squared float8, adj_r_squared float8, ssr float8, condition_number float8, coefficient_exact float8,
  std_error_exact float8, t_stat_exact float8, p_value_exact float8, r_squared_exact float8, ssr_exact float8);
CREATE TEMP TABLE ridge_data (design text, t int, y float8, x1 float8, x2 float8, x3 float8, x4 float8, x5 float8,
                              x6 float8, x7 float8);
CREATE TEMP TABLE ridge_vectors (
  design text, n int, k int, unpenalized text, alpha float8, covariance text, lags int, term text,
  coefficient_exact float8, std_error_exact float8, t_stat_exact float8, p_value_exact float8, r_squared_exact float8,
  adj_r_squared_exact float8, residual_sd_exact float8, df_exact float8, gcv_exact float8, vif_exact float8);
CREATE TEMP TABLE nist_data (row_number int GENERATED ALWAYS AS IDENTITY, dataset text, y float8, x1 float8, x2 float8,
                             x3 float8, x4 float8, x5 float8, x6 float8);
CREATE TEMP TABLE nist_certified (dataset text, degree int, intercept int, quantity text, term int, certified float8);
CREATE TEMP TABLE golden_nearest (name text, eigenvalue_floor float8, i int, j int, value float8, nearest float8);
CREATE TEMP TABLE shrinkage_returns (name text, session int, symbol int, value float8);
CREATE TEMP TABLE golden_shrinkage (name text, method text, quantity text, i int, j int, value float8);
CREATE TEMP TABLE golden_q (row_number int GENERATED ALWAYS AS IDENTITY, name text, p_value float8, q_value float8);
\set options ' WITH (FORMAT csv, HEADER true)'
\set file :root /test/golden/numerics.csv
\set command '\\copy golden FROM ' :'file' :options
:command
\set file :root /test/golden/numerics_prices.csv
\set command '\\copy golden_prices FROM ' :'file' :options
:command
\set file :root /test/golden/ols_data.csv
\set command '\\copy ols_data FROM ' :'file' :options
:command
\set file :root /test/golden/ols_vectors.csv
\set command '\\copy ols_vectors FROM ' :'file' :options
:command
\set file :root /test/golden/ridge_data.csv
\set command '\\copy ridge_data FROM ' :'file' :options
:command
\set file :root /test/golden/ridge_vectors.csv
\set command '\\copy ridge_vectors FROM ' :'file' :options
:command
\set file :root /test/golden/nist_strd_data.csv
\set command '\\copy nist_data (dataset, y, x1, x2, x3, x4, x5, x6) FROM ' :'file' :options
:command
\set file :root /test/golden/nist_strd_certified.csv
\set command '\\copy nist_certified FROM ' :'file' :options
:command
\set file :root /test/golden/nearest_correlation.csv
\set command '\\copy golden_nearest FROM ' :'file' :options
:command
\set file :root /test/golden/shrinkage_returns.csv
\set command '\\copy shrinkage_returns FROM ' :'file' :options
:command
\set file :root /test/golden/shrinkage.csv
\set command '\\copy golden_shrinkage FROM ' :'file' :options
:command
\set file :root /test/golden/multiple_testing.csv
\set command '\\copy golden_q (name, p_value, q_value) FROM ' :'file' :options
:command

-- Numbers that are equal to twelve digits, or both next to 0.
CREATE FUNCTION pg_temp.same(a float8, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT COALESCE(abs(a - b) < 1e-14, false) OR pg_temp.near(a, b, 1e-12)
$$;

-- The reference values of a case, for the quantities that a function returned in columns: one row for each that is
-- wrong or that only one side has.
CREATE FUNCTION pg_temp.differences(actual jsonb, of_function text, of_case text)
RETURNS TABLE (i text, quantity text, actual_value float8, expected float8) LANGUAGE sql AS $$
  SELECT COALESCE(g.i, a.i), COALESCE(g.quantity, a.quantity), a.value, g.value
  FROM (SELECT r ->> 'i' AS i, e.key AS quantity, e.value::float8 AS value
        FROM jsonb_array_elements(actual) AS r, jsonb_each_text(r - 'i') AS e) AS a
  FULL JOIN (SELECT * FROM golden WHERE function = of_function AND name = of_case) AS g USING (i, quantity)
  WHERE NOT COALESCE(g.i IS NOT NULL AND a.i IS NOT NULL AND pg_temp.same(a.value, g.value), false)
$$;

-- ols_fit ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.ols_differences(of_case text, x text, options text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  actual jsonb;
BEGIN
  EXECUTE format($f$SELECT jsonb_agg(jsonb_build_object('i', term, 'coefficient', coefficient, 'std_error', std_error,
                    't_stat', t_stat, 'p_value', p_value, 'r_squared', r_squared, 'adj_r_squared', adj_r_squared,
                    'residual_sd', residual_sd)) FROM ols_fit('{1,3,4,6,6}', %L %s)$f$, x, options) INTO actual;
  RETURN (SELECT count(*) FROM pg_temp.differences(actual, 'ols_fit', of_case));
END $$;
SELECT is(pg_temp.ols_differences(name, x, options), 0::bigint, 'ols_fit: ' || what) FROM (VALUES
  ('example', '{1,2,3,4,5}', ', ''classical''', 'the example'),
  ('example', '{{1},{2},{3},{4},{5}}', ', ''classical''', 'one regressor in two dimensions'),
  ('hc1', '{1,2,3,4,5}', ', ''hc1''', 'errors of White'),
  ('newey_west_1', '{1,2,3,4,5}', ', lag => 1', 'errors of Newey and West with a lag'),
  ('through_origin', '{1,2,3,4,5}', ', ''classical'', intercept => false', 'without an intercept'),
  ('mean', '{}', ', lag => 2', 'without regressors: the mean')) AS c (name, x, options, what);
SELECT results_eq($$SELECT term, round(coefficient::numeric, 12), trunc(std_error::numeric, 3), observations, residual_df
                    FROM ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}', 'classical')$$,
                  $$VALUES ('intercept', 0.1, 0.635, 5, 3), ('x1', 1.3, 0.191, 5, 3)$$, 'the digits of its comment');
SELECT isnt(pg_temp.ols_differences('hc1', '{1,2,3,4,5}', ', ''classical'''), 0::bigint,
            'a comparison with another case fails');

-- All regressors of a design, as SQL builds them.
CREATE FUNCTION pg_temp.designs() RETURNS TABLE (design text, y float8[], x float8[]) LANGUAGE sql AS $$
  SELECT d.design, array_agg(d.y ORDER BY t), array_agg((ARRAY[x1, x2, x3, x4, x5])[1:v.k] ORDER BY t)
  FROM ols_data AS d JOIN (SELECT DISTINCT design, k FROM ols_vectors) AS v USING (design)
  GROUP BY d.design
$$;
CREATE TEMP TABLE ols_results AS
SELECT v.*, f.term AS actual_term, f.coefficient AS b, f.std_error AS se, f.t_stat AS t, f.p_value AS p,
       f.observations, f.residual_df, f.r_squared AS r2, f.adj_r_squared AS adj, f.residual_sd AS sd,
       f.condition_number AS condition
FROM (SELECT DISTINCT design, covariance, lags, n FROM ols_vectors) AS c
JOIN pg_temp.designs() AS d USING (design)
CROSS JOIN LATERAL ols_fit(d.y, d.x, CASE c.covariance WHEN 'classical' THEN 'classical' WHEN 'HC1' THEN 'hc1' END,
                           c.lags) AS f
FULL JOIN ols_vectors AS v ON v.design = c.design AND v.covariance = c.covariance AND v.term = f.term
                          AND v.lags IS NOT DISTINCT FROM c.lags;
SELECT is((SELECT count(*) FROM ols_results WHERE actual_term = term), 84::bigint,
          'ols_fit: all reference regressions');
SELECT is_empty($$SELECT design, covariance, term, b, se, t, p FROM ols_results, LATERAL (SELECT
                    CASE design WHEN 'near_collinear_200' THEN 3e-10 ELSE 1e-12 END AS tolerance) AS l
                  WHERE NOT (pg_temp.near(b, coefficient_exact, tolerance)
                             AND pg_temp.near(se, std_error_exact, tolerance) AND pg_temp.near(t, t_stat_exact, tolerance)
                             AND pg_temp.near(p, p_value_exact, tolerance * greatest(1, t * t))
                             AND pg_temp.near(r2, r_squared_exact, 1e-12) AND pg_temp.near(adj, adj_r_squared, 1e-11)
                             AND pg_temp.near(sd, sqrt(ssr_exact / (n - k - 1)), 1e-12)
                             AND pg_temp.near(condition, condition_number, 1e-9)
                             AND observations = n AND residual_df = n - k - 1) IS NOT FALSE$$,
                'agree with exact arithmetic in every column');
SELECT is_empty($$SELECT d.design FROM pg_temp.designs() AS d
                  CROSS JOIN LATERAL (SELECT std_error FROM ols_fit(d.y, d.x) WHERE term = 'x1') AS by_default
                  CROSS JOIN LATERAL (SELECT std_error FROM ols_fit(d.y, d.x, 'newey_west',
                    floor(4 * (cardinality(d.y) / 100.0) ^ (2 / 9.0))::int, true) WHERE term = 'x1') AS by_rule
                  WHERE by_default.std_error <> by_rule.std_error$$, 'the lag without an argument is the rule');

-- Powers of one regressor where the data set is a polynomial. Digits are the base-10 logarithm of the relative error.
CREATE TEMP TABLE nist AS
SELECT d.dataset, array_agg(d.y ORDER BY row_number) AS y, c.intercept,
       array_agg(CASE WHEN c.degree > 0 THEN (SELECT array_agg(x1 ^ power ORDER BY power)
                                              FROM generate_series(1, c.degree) AS power)
                      ELSE ARRAY[x1, x2, x3, x4, x5, x6] END ORDER BY row_number) AS x
FROM nist_data AS d JOIN (SELECT DISTINCT dataset, degree, intercept FROM nist_certified) AS c USING (dataset)
GROUP BY d.dataset, c.intercept;
CREATE TEMP TABLE nist_digits AS
SELECT c.dataset, c.quantity, c.term,
       CASE WHEN f.actual = c.certified THEN 15
            ELSE -log(abs(f.actual - c.certified) / COALESCE(NULLIF(abs(c.certified), 0), 1)) END AS digits
FROM (SELECT n.dataset, e.ordinality - 1 AS term, v.quantity, v.actual
      FROM nist AS n
      CROSS JOIN LATERAL ols_fit(n.y, n.x, 'classical', intercept => n.intercept = 1) WITH ORDINALITY AS e
      CROSS JOIN LATERAL (VALUES ('coefficient', e.coefficient), ('std_error', e.std_error)) AS v (quantity, actual)
      UNION ALL
      SELECT n.dataset, 0, v.quantity, v.actual
      FROM nist AS n
      CROSS JOIN LATERAL (SELECT * FROM ols_fit(n.y, n.x, 'classical', intercept => n.intercept = 1) LIMIT 1) AS e
      CROSS JOIN LATERAL (VALUES ('r_squared', e.r_squared), ('residual_sd', e.residual_sd)) AS v (quantity, actual)
     ) AS f
RIGHT JOIN nist_certified AS c USING (dataset, quantity, term);
SELECT is((SELECT count(DISTINCT dataset) FROM nist_digits), 11::bigint, 'NIST: eleven data sets');
SELECT ok((SELECT bool_and(COALESCE(digits >= least, false)) FROM nist_digits AS d WHERE d.dataset = r.dataset),
          format('%s: at least %s digits of all certified numbers', dataset, least))
  FROM (VALUES ('Longley', 10.5), ('Filip', 7.5), ('Norris', 13), ('Pontius', 12.5), ('NoInt1', 14), ('NoInt2', 14.5),
               ('Wampler1', 9.5), ('Wampler2', 12.5), ('Wampler3', 9), ('Wampler4', 7.5), ('Wampler5', 5.5))
       AS r (dataset, least);

SELECT results_eq($$SELECT term, t_stat, p_value, residual_sd, r_squared FROM ols_fit('{2,4,6,8}', '{1,2,3,4}')$$,
                  $$VALUES ('intercept', NULL::float8, NULL::float8, 0::float8, 1::float8), ('x1', NULL, NULL, 0, 1)$$,
                  'an exact fit has no t');
SELECT results_eq($$SELECT r_squared FROM ols_fit('{5,5,5,5}', '{1,2,3,5}') LIMIT 1$$, 'VALUES (NULL::float8)',
                  'a constant y has no R2');
SELECT is((SELECT round(coefficient::numeric, 12)::float8 FROM ols_fit(y::float8[], x::float8[]) WHERE term = 'x1'),
          expected, 'magnitudes: ' || what)
  FROM (VALUES ('{2e300,4e300,7e300,8e300}', '{1e300,2e300,3e300,4e300}', 2.1::float8, 'squares that overflow'),
               ('{2e-300,4e-300,7e-300,8e-300}', '{1e-300,2e-300,3e-300,4e-300}', 2.1, 'squares that vanish')) AS m
       (y, x, expected, what);

-- Statement, SQLSTATE, patterns of message and detail.
SELECT pg_temp.raises('SELECT * FROM ' || statement, state, message, detail, '%', 'refused: ' || what) FROM (VALUES
  ('ols_fit(NULL, ''{1,2,3}'')', '22023', 'y must not be NULL', '', 'no y'),
  ('ols_fit(''{1,2,3}'', NULL)', '22023', 'x must not be NULL', '', 'no x'),
  ('ols_fit(''{1,2,3,4}'', ''{1,2,3}'')', '22023', 'regression needs as many rows of x as values of y',
   '3 rows for 4 values.', 'another number of rows, named'),
  ('ols_fit(''{1,2,3}'', ''{{1,2,3}}'')', '22023', 'regression needs as many rows of x as values of y',
   '1 rows for 3 values.', 'x the wrong way round'),
  ('ols_fit(''{1,NULL,3}'', ''{1,2,3}'')', '22004', 'argument 1 must not contain NULL', 'Element [2] is NULL.',
   'NULL in y'),
  ('ols_fit(''{1,2,3}'', ''{{1,2},{3,4},{5,NULL}}'')', '22004', 'argument 2 must not contain NULL',
   'Element [3][2] is NULL.', 'NULL in x'),
  ('ols_fit(''{1,2,3}'', ''{{1,NaN},{3,4},{5,6}}'')', '22023', 'argument 2 must contain finite numbers only',
   'Element [1][2] is NaN.', 'NaN in x'),
  ('ols_fit(''{1,2,-Infinity}'', ''{1,2,3}'')', '22023', 'argument 1 must contain finite numbers only',
   'Element [3] is -Infinity.', 'infinity in y'),
  ('ols_fit(''{{1},{2},{3}}'', ''{1,2,3}'')', '22023', 'argument 1 must be an array of one dimension',
   'It has 2 dimensions.', 'y of two dimensions'),
  ('ols_fit(''{1,2}'', ''{{{1}},{{2}}}'')', '22023', 'argument 2 must be an array of one or two dimensions',
   'It has 3 dimensions.', 'x of three dimensions'),
  ('ols_fit(''{1,2,4,3}'', ''{1,2,3,4}'', ''HC3'')', '22023', 'covariance "HC3" does not exist', '',
   'an unknown covariance'),
  ('ols_fit(''{1,2,4,3}'', ''{1,2,3,4}'', ''classical'', -1)', '22023', 'lag must not be negative', 'It is -1.',
   'a negative lag, also where it has no use'),
  ('ols_fit(''{1,2,3}'', ''{}'', intercept => false)', '22023', 'regression needs a regressor or an intercept',
   'It has neither.', 'nothing to fit'),
  ('ols_fit(''{}'', ''{}'')', 'PB001', 'too few observations for a regression', '0 observations for 1 coefficients.',
   'no observations'),
  ('ols_fit(''{1,2}'', ''{1,2}'')', 'PB001', 'too few observations for a regression',
   '2 observations for 2 coefficients.', 'no residual degree of freedom'),
  ('ols_fit(''{1,2,4,3}'', ''{2,2,2,2}'')', 'PB002', 'regression design is singular', 'The 2 columns have rank 1.',
   'a constant regressor'),
  ('ols_fit(''{1,2,4,3}'', ''{{1,2},{2,4},{3,6},{5,10}}'')', 'PB002', 'regression design is singular',
   'The 3 columns have rank 2.', 'two regressors that are one'),
  ('ols_fit(''{1e300,3e300,2e300}'', ''{1e-300,2e-300,3e-300}'')', '22003', 'coefficient is out of range', '%',
   'a coefficient that no double holds'),
  ('ridge_fit(NULL, ''{1,2,3}'')', '22023', 'y must not be NULL', '', 'ridge without y'),
  ('ridge_fit(''{1,2,3,5}'', ''{}'')', '22023', 'ridge regression needs a regressor', 'x is empty.', 'ridge without x'),
  ('ridge_fit(''{1,2,3,4}'', ''{{1},{2}}'')', '22023', 'regression needs as many rows of x as values of y',
   '2 rows for 4 values.', 'ridge with another number of rows'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', -1)', '22023', 'ridge alpha must be finite and not negative', '%',
   'a negative alpha'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', ''NaN'')', '22023', 'ridge alpha must be finite and not negative', '%',
   'alpha NaN'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', 1, ''{2}'')', '22023', 'unpenalized column does not exist', 'Column 2 of 1.',
   'an unpenalized column too many'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', 1, ''{0}'')', '22023', 'unpenalized column does not exist', 'Column 0 of 1.',
   'columns are counted from 1'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', 1, ''{NULL}'')', '22004', 'argument 4 must not contain NULL', '',
   'a NULL among the unpenalized'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', choose => ''aic'')', '22023', 'choose "aic" does not exist', '',
   'an unknown choice'),
  ('ridge_fit(''{1,2,4,3}'', ''{1,2,3,4}'', lag => -2)', '22023', 'lag must not be negative', 'It is -2.',
   'ridge with a negative lag'),
  ('ridge_fit(''{1,2,4,3}'', ''{2,2,2,2}'')', 'PB002', 'ridge design is singular', 'Column 1 is constant.',
   'ridge on a constant'),
  ('ridge_fit(''{1,2,4,3}'', ''{{1,2},{2,4},{3,6},{5,10}}'', 0)', 'PB002', 'ridge design is singular', '%',
   'no penalty on two regressors that are one'),
  ('ridge_fit(''{1,2}'', ''{1,2}'', 0)', 'PB001', 'too few observations for a regression', '%',
   'ridge without a residual degree of freedom'),
  ('nearest_correlation(NULL)', '22023', 'correlation must not be NULL', '', 'no matrix to repair'),
  ('nearest_correlation(''{{1,0.5},{0.4,1}}'')', '22000', 'only a symmetric, finite matrix can be repaired', '%',
   'an asymmetric matrix'),
  ('nearest_correlation(''{{1,0.5}}'')', '22000', 'only a symmetric, finite matrix can be repaired', 'It is 1 x 2.',
   'a matrix that is not square'),
  ('nearest_correlation(''{{1,NULL},{NULL,1}}'')', '22004', 'argument 1 must not contain NULL',
   'Element [1][2] is NULL.', 'a matrix with NULL'),
  ('nearest_correlation(''{{1,0.5},{0.5,1}}'', 1)', '22023',
   'the eigenvalue floor of a correlation matrix must be in 0 to below 1', '%', 'a floor of 1'),
  ('nearest_correlation(''{{1,0.5},{0.5,1}}'', -0.1)', '22023',
   'the eigenvalue floor of a correlation matrix must be in 0 to below 1', '%', 'a negative floor'),
  ('ledoit_wolf(NULL)', '22023', 'returns must not be NULL', '', 'no returns'),
  ('ledoit_wolf(''{}'')', 'PB001', 'too few observations for a covariance', '0 sessions.', 'no sessions'),
  ('ledoit_wolf(''{{1,2}}'')', 'PB001', 'too few observations for a covariance', '1 sessions.', 'one session'),
  ('ledoit_wolf(''{{1,2},{3,NULL}}'')', '22004', 'argument 1 must not contain NULL', 'Element [2][2] is NULL.',
   'a missing return'),
  ('ledoit_wolf(''{{1,2},{3,4}}'', ''one_factor'')', '22023', 'target "one_factor" does not exist', '',
   'an unknown target'),
  ('ledoit_wolf(''{{1,2},{1,4}}'', ''constant_correlation'')', '22000',
   'a constant series has no correlation to shrink', '%', 'a constant series has no correlation'),
  ('ledoit_wolf(''{{1e300,2},{3e300,4}}'')', '22003', 'covariance is out of range', '%', 'a variance out of range'),
  ('cluster_average_linkage(NULL)', '22023', 'correlation must not be NULL', '', 'no matrix to cluster'),
  ('cluster_average_linkage(''{{1,0.5}}'')', '22000', 'not a matrix of correlations', 'It is 1 x 2.',
   'clusters of a matrix that is not square'),
  ('cluster_average_linkage(''{{1,0.5},{0.4,1}}'')', '22000', 'not a matrix of correlations',
   'Element [2][1] differs from its mirror image.', 'of an asymmetric one'),
  ('cluster_average_linkage(''{{1,NULL},{0.4,1}}'')', '22000', 'not a matrix of correlations',
   'Element [2][1] differs from its mirror image.', 'missing on one side only'),
  ('cluster_average_linkage(''{{1,1.5},{1.5,1}}'')', '22000', 'not a matrix of correlations',
   'Element [2][1] is outside -1 to 1.', 'with a correlation above 1'),
  ('cluster_average_linkage(''{{4,0.5},{0.5,9}}'')', '22000', 'not a matrix of correlations', 'Element [1][1] is not 1.',
   'of a covariance matrix'),
  ('cluster_average_linkage(''{{1,NULL},{NULL,NULL}}'')', '22000', 'not a matrix of correlations', '%',
   'with a diagonal that is missing'),
  ('cluster_average_linkage(''{{1,0.5},{0.5,1}}'', 1.1)', '22023', 'cut must be a correlation from -1 to 1', '%',
   'a cut above 1'),
  ('cluster_average_linkage(''{{1,0.5},{0.5,1}}'', ''NaN'')', '22023', 'cut must be a correlation from -1 to 1', '%',
   'a cut that is no number'),
  ('linkage_average(''{{1,2},{2,1}}'')', '22000', 'not a matrix of correlations', '%', 'the linkage checks as well'),
  ('benjamini_hochberg(''{0.5,-0.1}'')', '22023', 'a p-value must be from 0 to 1', 'Element [2] is %',
   'a negative p-value'),
  ('benjamini_hochberg(''{0.5,NULL,1.1}'')', '22023', 'a p-value must be from 0 to 1', 'Element [3] is %',
   'a p-value above 1'),
  ('benjamini_hochberg(''{0.5,NaN}'')', '22023', 'argument 1 must contain finite numbers only', 'Element [2] is NaN.',
   'a p-value that is no number'),
  ('benjamini_hochberg(''{{0.5,0.1}}'')', '22023', 'argument 1 must be an array of one dimension', '%',
   'p-values of two dimensions'))
  AS r (statement, state, message, detail, what);
SELECT throws_ok($$SELECT * FROM ols_fit('{1,2,3}', '{{1,2},{3}}')$$, '22P02', NULL,
                 'the server itself has no ragged arrays');

-- ridge_fit --------------------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT * FROM pg_temp.differences(
                    (SELECT jsonb_agg(jsonb_build_object('i', term, 'coefficient', coefficient)
                                      || CASE term WHEN 'x1' THEN jsonb_build_object('effective_df', effective_df)
                                         ELSE '{}' END)
                     FROM ridge_fit('{1,3,4,6,6}', '{1,2,3,4,5}', 2.5)), 'ridge_fit', 'example')$$,
                'ridge_fit: the example');
SELECT results_eq($$SELECT term, round(coefficient::numeric, 12), round(effective_df::numeric, 12)
                    FROM ridge_fit('{1,3,4,6,6}', '{1,2,3,4,5}', 2.5)$$,
                  $$VALUES ('intercept', 1.4, 0.666666666667), ('x1', 0.866666666667, 0.666666666667)$$,
                  'the digits of its comment');
CREATE TEMP TABLE ridge_designs AS
SELECT d.design, array_agg(d.y ORDER BY t) AS y, array_agg((ARRAY[x1, x2, x3, x4, x5, x6, x7])[1:v.k] ORDER BY t) AS x
FROM ridge_data AS d JOIN (SELECT DISTINCT design, k FROM ridge_vectors) AS v USING (design)
GROUP BY d.design;
-- The columns that are not penalized are counted from 0 in the file.
CREATE FUNCTION pg_temp.from_one(columns text) RETURNS int[] LANGUAGE sql AS $$
  SELECT array_agg(c::int + 1) FROM string_to_table(NULLIF(columns, ''), ' ') AS c
$$;
CREATE TEMP TABLE ridge_results AS
SELECT v.*, f.term AS actual_term, f.coefficient AS b, f.std_error AS se, f.t_stat AS t, f.p_value AS p, f.observations,
       f.alpha_used, f.effective_df AS df, f.r_squared AS r2, f.adj_r_squared AS adj, f.residual_sd AS sd,
       f.condition_number AS condition, f.variance_inflation AS vif,
       cardinality(pg_temp.from_one(c.unpenalized)) IS NOT DISTINCT FROM v.k AS all_unpenalized
FROM (SELECT DISTINCT design, unpenalized, alpha, covariance, lags FROM ridge_vectors) AS c
JOIN ridge_designs AS d USING (design)
CROSS JOIN LATERAL ridge_fit(d.y, d.x, c.alpha, pg_temp.from_one(c.unpenalized), 'fixed',
                             CASE c.covariance WHEN 'classical' THEN 'classical' WHEN 'HC1' THEN 'hc1' END,
                             c.lags) AS f
FULL JOIN ridge_vectors AS v ON v.design = c.design AND v.unpenalized IS NOT DISTINCT FROM c.unpenalized
                            AND v.alpha = c.alpha AND v.covariance = c.covariance AND v.term = f.term
                            AND v.lags IS NOT DISTINCT FROM c.lags;
SELECT is((SELECT count(*) FROM ridge_results WHERE actual_term = term), (SELECT count(*) FROM ridge_vectors),
          'ridge_fit: all reference regressions');
SELECT is_empty($$SELECT design, unpenalized, alpha, covariance, term, b, se, t, p FROM ridge_results
                  WHERE NOT (pg_temp.near(b, coefficient_exact, 1e-11) AND pg_temp.near(se, std_error_exact, 1e-12)
                             AND pg_temp.near(t, t_stat_exact, 1e-11)
                             AND pg_temp.near(p, p_value_exact, 1e-11 * greatest(1, t * t))
                             AND pg_temp.near(r2, r_squared_exact, 1e-12) AND pg_temp.near(adj, adj_r_squared_exact, 1e-12)
                             AND pg_temp.near(sd, residual_sd_exact, 1e-12) AND pg_temp.near(df, df_exact, 1e-12)
                             AND pg_temp.near(vif, vif_exact, 1e-12) AND observations = n
                             AND alpha_used IS NOT DISTINCT FROM CASE WHEN NOT all_unpenalized THEN alpha END) IS NOT FALSE$$,
                'agree with exact arithmetic in every column');
SELECT is_empty($$SELECT d.design FROM ridge_designs AS d
                  CROSS JOIN LATERAL (SELECT condition_number FROM ridge_fit(d.y, d.x) LIMIT 1) AS r
                  CROSS JOIN LATERAL (SELECT condition_number FROM ols_fit(d.y, d.x) LIMIT 1) AS o
                  WHERE NOT pg_temp.near(r.condition_number, o.condition_number, 1e-12)$$,
                'the condition number is that of ols_fit');
-- What is chosen has the least criterion of its neighbors: n RSS / (n - 1 - df)^2, of which residual_sd^2 is a part.
SELECT is_empty($$SELECT d.design FROM ridge_designs AS d
                  CROSS JOIN LATERAL (SELECT * FROM ridge_fit(d.y, d.x, choose => 'gcv') LIMIT 1) AS chosen
                  CROSS JOIN generate_series(-3, 5, 0.1) AS exponent
                  CROSS JOIN LATERAL (SELECT * FROM ridge_fit(d.y, d.x, 10.0::float8 ^ exponent::float8) LIMIT 1) AS other
                  WHERE other.residual_sd ^ 2 / (other.observations - 1 - other.effective_df)
                        < (1 - 1e-12) * chosen.residual_sd ^ 2 / (chosen.observations - 1 - chosen.effective_df)$$,
                'gcv takes the alpha with the least criterion');
SELECT ok((SELECT min(alpha_used) < max(alpha_used)
             FROM ridge_designs AS d CROSS JOIN LATERAL ridge_fit(d.y, d.x, choose => 'gcv')),
          'which is not the same for all');
SELECT results_eq('SELECT (SELECT f FROM ridge_fit(y, x, 1e9, choose => ''gcv'') AS f LIMIT 1) FROM ridge_designs',
                  'SELECT (SELECT f FROM ridge_fit(y, x, choose => ''gcv'') AS f LIMIT 1) FROM ridge_designs',
                  'whatever alpha was given');
SELECT results_eq('SELECT f FROM ridge_designs CROSS JOIN LATERAL ridge_fit(y, x, NULL, NULL, NULL, NULL, NULL) AS f',
                  'SELECT f FROM ridge_designs CROSS JOIN LATERAL ridge_fit(y, x, 1.0) AS f',
                  'a NULL option means its default');

-- nearest_correlation ----------------------------------------------------------------------------------------------

-- The matrix of a case, from its lower triangle.
CREATE FUNCTION pg_temp.nearest_case(of_name text) RETURNS float8[] LANGUAGE sql AS $$
  SELECT array_agg(row_values ORDER BY i)
  FROM (SELECT a.i, array_agg(c.value ORDER BY b.i) AS row_values
        FROM (SELECT DISTINCT i FROM golden_nearest WHERE name = of_name) AS a
        CROSS JOIN (SELECT DISTINCT i FROM golden_nearest WHERE name = of_name) AS b
        JOIN golden_nearest AS c ON c.name = of_name AND c.i = greatest(a.i, b.i) AND c.j = least(a.i, b.i)
        GROUP BY a.i) AS r
$$;
CREATE TEMP TABLE nearest_results AS
SELECT g.name, pg_temp.nearest_case(g.name) AS given, n.*
FROM (SELECT DISTINCT name, eigenvalue_floor FROM golden_nearest) AS g
CROSS JOIN LATERAL nearest_correlation(pg_temp.nearest_case(g.name), g.eigenvalue_floor) AS n;
SELECT is((SELECT count(*) FROM nearest_results WHERE converged AND iterations > 0 AND distance > 0), 7::bigint,
          'nearest_correlation: seven cases converge');
SELECT is_empty($$SELECT g.name, g.i, g.j, r.matrix[g.i + 1][g.j + 1], g.nearest
                  FROM golden_nearest AS g LEFT JOIN nearest_results AS r USING (name)
                  WHERE NOT COALESCE(abs(r.matrix[g.i + 1][g.j + 1] - g.nearest) < 1e-9
                                     AND r.matrix[g.i + 1][g.j + 1] = r.matrix[g.j + 1][g.i + 1], false)$$,
                'agree with the dual Newton method');
SELECT is_empty($$SELECT name FROM nearest_results
                  WHERE NOT pg_temp.near(distance ^ 2, (SELECT sum((given[i][j] - matrix[i][j]) ^ 2)
                    FROM generate_subscripts(given, 1) AS i, generate_subscripts(given, 2) AS j), 1e-12)$$,
                'the distance is that of the two matrices');
SELECT results_eq($$SELECT matrix::numeric(5,4)[], round(distance::numeric, 4)
                    FROM nearest_correlation('{{1,1,0},{1,1,1},{0,1,1}}')$$,
                  $$VALUES ('{{1,0.7607,0.1573},{0.7607,1,0.7607},{0.1573,0.7607,1}}'::numeric(5,4)[], 0.5278)$$,
                  'the digits of its comment');
SELECT results_eq($$SELECT * FROM nearest_correlation('{{1,0.5},{0.5,1}}')$$,
                  $$VALUES ('{{1,0.5},{0.5,1}}'::float8[], 0::float8, 0, true)$$,
                  'a matrix that is good comes back as it is');
SELECT results_eq($$SELECT * FROM nearest_correlation('{}')$$, $$VALUES ('{}'::float8[], 0::float8, 0, true)$$,
                  'and so does an empty one');

-- ledoit_wolf ------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE shrinkage_blocks AS
SELECT name, array_agg(row_values ORDER BY session) AS returns
FROM (SELECT name, session, array_agg(value ORDER BY symbol) AS row_values
      FROM shrinkage_returns GROUP BY name, session) AS r
GROUP BY name;
CREATE TEMP TABLE shrinkage_results AS
SELECT b.name, t.method, s.*
FROM shrinkage_blocks AS b
CROSS JOIN (VALUES ('identity', 'constant_variance'), ('constant_correlation', 'constant_correlation')) AS t (method, target)
CROSS JOIN LATERAL ledoit_wolf(b.returns, t.target) AS s;
SELECT is((SELECT count(*) FROM shrinkage_results), 8::bigint, 'ledoit_wolf: eight cases');
SELECT is_empty($$SELECT g.* FROM golden_shrinkage AS g LEFT JOIN shrinkage_results AS r USING (name, method)
                  WHERE g.name <> 'diabetes'
                    AND NOT COALESCE(abs(g.value - CASE g.quantity WHEN 'intensity' THEN r.intensity
                                                    WHEN 'target' THEN r.target_value
                                                    ELSE r.covariance[g.i + 1][g.j + 1] END)
                                     <= 1e-10 * CASE g.quantity WHEN 'covariance' THEN abs(r.covariance[1][1])
                                                ELSE abs(g.value) END + 1e-18, false)$$,
                'agree with scikit-learn and with the definitions');
SELECT results_eq($$SELECT covariance::numeric(20,12)[], round(intensity::numeric, 12), target_value
                    FROM ledoit_wolf('{{1,2},{2,1},{3,5},{4,4},{5,8}}')$$,
                  $$SELECT ARRAY[[a, b], [b, d]]::numeric(20,12)[], round(w::numeric, 12), t
                    FROM (SELECT max(value) FILTER (WHERE i = '1' AND j = '1') AS a,
                                 max(value) FILTER (WHERE i = '1' AND j = '2') AS b,
                                 max(value) FILTER (WHERE i = '2' AND j = '2') AS d,
                                 max(value) FILTER (WHERE quantity = 'intensity') AS w,
                                 max(value) FILTER (WHERE quantity = 'target_value') AS t
                          FROM golden WHERE function = 'ledoit_wolf') AS g$$, 'the example, as scikit-learn');
SELECT results_eq($$SELECT covariance::numeric(4,3)[], round(intensity::numeric, 3), target_value
                    FROM ledoit_wolf('{{1,2},{2,1},{3,5},{4,4},{5,8}}')$$,
                  $$VALUES ('{{2.849,1.726},{1.726,5.151}}'::numeric(4,3)[], 0.425, 4::float8)$$,
                  'the digits of its comment');
SELECT is((SELECT covariance FROM ledoit_wolf('{1,2,3,4,5}')), '{{2}}', 'one series has its variance');

-- Clusters ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.linkage_case(of_name text) RETURNS float8[] LANGUAGE sql AS $$
  SELECT array_agg(row_values ORDER BY i)
  FROM (SELECT i::int, array_agg(value ORDER BY j::int) AS row_values FROM golden
        WHERE function = 'linkage' AND name = of_name AND quantity = 'correlation' GROUP BY i) AS r
$$;
SELECT results_eq(format($$SELECT step, left_cluster, right_cluster, round(height::numeric, 12), size
                           FROM linkage_average(pg_temp.linkage_case(%L)) ORDER BY step$$, name),
                  format($$SELECT i::int, l.value::int, r.value::int, round(h.value::numeric, 12), s.value::int
                           FROM golden AS l JOIN golden AS r USING (function, name, i) JOIN golden AS h USING (function, name, i)
                           JOIN golden AS s USING (function, name, i)
                           WHERE function = 'linkage' AND name = %L AND l.quantity = 'left_cluster'
                             AND r.quantity = 'right_cluster' AND h.quantity = 'height' AND s.quantity = 'size'
                           ORDER BY i::int$$, name), 'linkage_average: as scipy, ' || name)
  FROM (VALUES ('example'), ('groups')) AS c (name);
SELECT results_eq(format($$SELECT item, cluster FROM cluster_average_linkage(pg_temp.linkage_case(%L), %s)$$, name, j),
                  format($$SELECT i::int, value::int FROM golden WHERE function = 'linkage' AND name = %L
                           AND quantity = 'cluster' AND j = %L ORDER BY i::int$$, name, j),
                  format('cluster_average_linkage: as scipy, %s cut at %s', name, j))
  FROM (VALUES ('example', '0.7'), ('groups', '-1.0'), ('groups', '0.0'), ('groups', '0.5'), ('groups', '0.7'),
               ('groups', '0.9')) AS c (name, j);
SELECT is((SELECT count(DISTINCT (name, j)) FROM golden WHERE function = 'linkage' AND quantity = 'cluster'),
          6::bigint, 'cluster_average_linkage: all reference cuts');
SELECT ok((SELECT min(value) < max(value)
             FROM (SELECT max(value) AS value FROM golden
                   WHERE function = 'linkage' AND name = 'groups' AND quantity = 'cluster' GROUP BY j) AS c),
          'the cuts give different clusters');
SELECT results_eq($$SELECT * FROM cluster_average_linkage('{{1,0.2,0.9},{0.2,1,0.1},{0.9,0.1,1}}')$$,
                  'VALUES (1, 1), (2, 2), (3, 1)', 'the example of its comment');
SELECT results_eq($$SELECT step, left_cluster, right_cluster, trunc(height::numeric, 4), size
                    FROM linkage_average('{{1,0.2,0.9},{0.2,1,0.1},{0.9,0.1,1}}')$$,
                  'VALUES (1, 1, 3, 0.2236, 2), (2, 2, 4, 0.6516, 3)', 'and that of the linkage');
SELECT results_eq($$SELECT * FROM cluster_average_linkage('{{1,0.7},{0.7,1}}')$$, 'VALUES (1, 1), (2, 1)',
                  'the cut is inclusive');
SELECT results_eq($$SELECT cluster FROM cluster_average_linkage('{{1,0.69},{0.69,1}}')$$, 'VALUES (1), (2)',
                  'and is 0.7 unless given');
SELECT results_eq($$SELECT cluster FROM cluster_average_linkage('{{1,0.69},{0.69,1}}', NULL)$$, 'VALUES (1), (2)',
                  'also as NULL');
SELECT results_eq($$SELECT height FROM linkage_average('{{1,NULL},{NULL,1}}')$$, 'VALUES (sqrt(0.5::float8))',
                  'a missing correlation stands as none');
SELECT is_empty($$SELECT * FROM cluster_average_linkage('{}')$$, 'no items, no clusters');
SELECT results_eq($$SELECT * FROM cluster_average_linkage('{{1}}')$$, 'VALUES (1, 1)', 'one item is one cluster');
SELECT is_empty($$SELECT * FROM linkage_average('{{1}}')$$, 'in no step');

-- benjamini_hochberg -----------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT g.name, q.p_value, q.q_value, q.actual
                  FROM (SELECT name, array_agg(p_value ORDER BY row_number) AS p,
                               array_agg(q_value ORDER BY row_number) AS q FROM golden_q GROUP BY name) AS g
                  CROSS JOIN LATERAL unnest(g.p, g.q, benjamini_hochberg(g.p)) AS q (p_value, q_value, actual)
                  WHERE NOT pg_temp.near(q.actual, q.q_value, 1e-14)$$, 'benjamini_hochberg: as statsmodels');
SELECT is(benjamini_hochberg('{0.01,0.04,NULL,0.03,0.5}')::numeric(5,4)[], '{0.04,0.0533,NULL,0.0533,0.5}',
          'the example of its comment');
SELECT is(benjamini_hochberg('{}'), '{}', 'no tests, no q-values');
SELECT is(benjamini_hochberg(NULL), NULL, 'NULL gives NULL');

-- correlation_matrix -----------------------------------------------------------------------------------------------

-- The last of the 51 sessions of the made-up prices is 2024-07-15.
SELECT pg_temp.add_prices(symbol, '2024-05-01', array_agg(close ORDER BY s.session))
  FROM (SELECT DISTINCT symbol FROM golden_prices) AS p CROSS JOIN generate_series(1, 51) AS s (session)
  LEFT JOIN golden_prices USING (symbol, session)
 GROUP BY symbol;
SELECT is((SELECT max(session_date)
             FROM (SELECT session_date FROM sessions_between('2024-05-01', '2024-12-31') ORDER BY 1 LIMIT 51) AS s),
          '2024-07-15'::date, 'the window ends in July');
CREATE TEMP TABLE pairs AS
SELECT * FROM correlation_matrix('{B,A,GAPS,YOUNG,a,CONST,GONE,B}', '2024-07-15', 40, 20) WITH ORDINALITY;
SELECT is_empty($$SELECT p.symbol1, p.symbol2, g.quantity, g.value, v.actual
                  FROM (SELECT * FROM golden WHERE function = 'correlation_matrix') AS g
                  FULL JOIN (pairs AS p CROSS JOIN LATERAL (VALUES ('observations', p.observations::float8),
                    ('correlation', p.correlation), ('p_value', p.p_value), ('q_value', p.q_value)) AS v (quantity, actual))
                    ON g.i = p.symbol1 AND g.j = p.symbol2 AND g.quantity = v.quantity
                  WHERE NOT COALESCE(g.quantity = v.quantity AND pg_temp.near(g.value, v.actual, 1e-10), false)$$,
                'correlation_matrix: pairs, overlaps, correlations, p- and q-values are as scipy''s');
SELECT is((SELECT count(*) FROM pairs WHERE correlation IS NOT NULL), 6::bigint,
          'six pairs of them have a correlation');
SELECT results_eq('SELECT symbol1 COLLATE "C", symbol2 COLLATE "C" FROM pairs ORDER BY ordinality',
                  'SELECT symbol1 COLLATE "C", symbol2 COLLATE "C" FROM pairs ORDER BY 1, 2',
                  'in the order of their bytes, each once');
SELECT is_empty($$SELECT symbol1, symbol2, reason FROM pairs
                  WHERE reason IS DISTINCT FROM CASE WHEN 'GONE' IN (symbol1, symbol2) THEN
                          CASE WHEN symbol1 = 'CONST' THEN 'constant_series' ELSE 'no_prices' END
                        WHEN symbol1 = 'CONST' THEN 'constant_series' WHEN symbol2 = 'CONST' THEN 'constant_series'
                        WHEN 'YOUNG' IN (symbol1, symbol2) THEN 'insufficient_data' END$$,
                'the others have the reason why not');
SELECT results_eq($$SELECT * FROM correlation_matrix('{A,NOBODY}', '2024-07-15', 40, 20)$$,
                  $$VALUES ('A', 'NOBODY', NULL::float8, NULL::float8, NULL::float8, 0, 'no_prices')$$,
                  'a symbol that nobody knows has no prices');
SELECT results_eq($$SELECT correlation, observations, p_value = q_value
                    FROM correlation_matrix('{A,B}', '2024-07-15', 40, 20)$$,
                  $$SELECT correlation, observations, true FROM pairs WHERE symbol1 = 'A' AND symbol2 = 'B'$$,
                  'a correlation does not depend on the other symbols; one test needs no correction');
SELECT results_eq($$SELECT observations, reason FROM correlation_matrix('{A,B}', '2024-07-15')$$,
                  $$VALUES (50, 'insufficient_data')$$, 'the window is 126 and the least overlap 60 unless given');
SELECT is((SELECT observations FROM correlation_matrix('{A,B}', '2024-07-15', 39, 20)), 39, 'a window ends on the day');
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('A', '2024-07-01', 'split', 4);
UPDATE market_data_cache SET close = close / 4 WHERE symbol = 'A' AND date >= '2024-07-01';
SELECT ok((SELECT pg_temp.near(c.correlation, p.correlation, 1e-12)
             FROM correlation_matrix('{A,B}', '2024-07-15', 40, 20) AS c JOIN pairs AS p USING (symbol1, symbol2)),
          'a split changes nothing');
SELECT pg_temp.add_prices('X', '2024-07-01', '{1, 2, 4, 2, 4}'), pg_temp.add_prices('Y', '2024-07-01', '{1, 2, 2, 1, 2}');
SELECT results_eq($$SELECT symbol1, symbol2, trunc(correlation::numeric, 4), trunc(p_value::numeric, 4),
                           trunc(q_value::numeric, 4), observations, reason
                    FROM correlation_matrix('{X,Y}', '2024-07-08', 4, 4)$$,
                  $$VALUES ('X', 'Y', 0.8703, 0.1296, 0.1296, 4, NULL)$$, 'the example of its comment');
SELECT is_empty($$SELECT * FROM correlation_matrix('{}', '2024-07-15')$$, 'no symbols, no pairs');
SELECT is_empty($$SELECT * FROM correlation_matrix('{A,A}', '2024-07-15')$$, 'one symbol, no pair');
SELECT lives_ok($$SELECT * FROM correlation_matrix('{A,B}')$$, 'without a date: the latest closed session');
SELECT pg_temp.raises('SELECT * FROM correlation_matrix(' || arguments || ')', state, message, detail, '%',
                      'refused: ' || what)
  FROM (VALUES ('NULL', '22023', 'symbols must not be NULL', '', 'no symbols'),
               ('''{A,NULL}''', '22004', 'argument 1 must not contain NULL', '', 'a NULL symbol'),
               ('''{A,B}'', ''2024-07-14''', '22023', '2024-07-14 is not a session of the calendar "NYSE"', '%',
                'a Sunday'),
               ('''{A,B}'', ''2024-07-15'', 40', '22023', 'a correlation needs 2 <= min_overlap <= window_days',
                'min_overlap is 60, window_days is 40.', 'an overlap that the window cannot hold'),
               ('''{A,B}'', ''2024-07-15'', 40, 1', '22023', 'a correlation needs 2 <= min_overlap <= window_days',
                'min_overlap is 1, window_days is 40.', 'an overlap of one')) AS r (arguments, state, message, detail, what);

-- Memory, roles and parallel plans ---------------------------------------------------------------------------------

SET LOCAL portfolio_batch.max_memory = '16MB';
SELECT throws_ok(statement, '53200', message, 'memory is counted before it is taken: ' || message) FROM (VALUES
  ($$SELECT ols_fit(array_agg(i::float8), array_agg(ARRAY[i::float8, i])) FROM generate_series(1, 200000) AS i$$,
   'regression exceeds portfolio_batch.max_memory'),
  ($$SELECT ols_fit('{1}', array_fill(1::float8, ARRAY[3000, 1000]))$$, 'argument 2 exceeds portfolio_batch.max_memory'),
  ($$SELECT nearest_correlation(array_fill(1::float8, ARRAY[700, 700]))$$,
   'nearest correlation matrix exceeds portfolio_batch.max_memory'),
  ($$SELECT ledoit_wolf(array_fill(1::float8, ARRAY[2, 700]))$$, 'covariance matrix exceeds portfolio_batch.max_memory'),
  ($$SELECT linkage_average(array_fill(1::float8, ARRAY[1000, 1000]))$$, 'clustering exceeds portfolio_batch.max_memory'),
  ($$SELECT benjamini_hochberg(array_fill(0.5::float8, ARRAY[3000000]))$$,
   'argument 1 exceeds portfolio_batch.max_memory'),
  ($$SELECT correlation_matrix((SELECT array_agg('S' || i) FROM generate_series(1, 400) AS i), '2024-07-15')$$,
   'correlation matrix exceeds portfolio_batch.max_memory')) AS m (statement, message);
RESET portfolio_batch.max_memory;

CREATE TEMP TABLE declared AS
SELECT p.proname::text AS name, p.provolatile, p.proparallel, p.proisstrict
FROM pg_proc AS p WHERE p.pronamespace = 'pb'::regnamespace
  AND p.proname IN ('ols_fit', 'ridge_fit', 'correlation_matrix', 'nearest_correlation', 'ledoit_wolf',
                    'cluster_average_linkage', 'linkage_average', 'benjamini_hochberg');
SELECT is((SELECT count(*) FROM declared), 8::bigint, 'eight functions');
SELECT is_empty($$SELECT * FROM declared WHERE (provolatile, proparallel, proisstrict) IS DISTINCT FROM
                    CASE name WHEN 'correlation_matrix' THEN ('s'::"char", 'u'::"char", false)
                         ELSE ('i'::"char", 's'::"char", name = 'benjamini_hochberg') END$$,
                'immutable and parallel safe, but for the one that reads tables');
SELECT name AS in_workers FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SET LOCAL :in_workers = on;
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  plan text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) ' || statement LOOP
    plan := plan || line || E'\n';
  END LOOP;
  RETURN plan;
END $$;
SELECT matches(pg_temp.plan_of('SELECT * FROM ' || statement), 'Workers Launched: 1', 'in a worker: ' || statement)
  FROM (VALUES ($$ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$), ($$ridge_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$),
               ($$nearest_correlation('{{1,1,0},{1,1,1},{0,1,1}}')$$), ($$ledoit_wolf('{1,2,3}')$$),
               ($$linkage_average('{{1,0.5},{0.5,1}}')$$), ($$cluster_average_linkage('{{1,0.5},{0.5,1}}')$$),
               ($$generate_series(1, 1) AS i, benjamini_hochberg(ARRAY[0.5 / i])$$)) AS s (statement);
CREATE TEMP TABLE by_worker AS SELECT * FROM ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}');
RESET :in_workers;
SELECT results_eq('SELECT * FROM by_worker', $$SELECT * FROM ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$,
                  'which finds the same');

CREATE ROLE pb_reader;
CREATE ROLE pb_stranger;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SELECT FROM grant_analytics_roles('pb_reader', NULL);
SET LOCAL ROLE pb_reader;
SELECT lives_ok('SELECT * FROM ' || statement, 'a reader may: ' || statement) FROM (VALUES
  ($$ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$), ($$ridge_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$),
  ($$nearest_correlation('{{1,0.5},{0.5,1}}')$$), ($$ledoit_wolf('{1,2,3}')$$),
  ($$cluster_average_linkage('{{1,0.5},{0.5,1}}')$$), ($$linkage_average('{{1,0.5},{0.5,1}}')$$),
  ($$benjamini_hochberg('{0.5}')$$)) AS s (statement);
SET LOCAL ROLE pb_stranger;
SELECT throws_ok('SELECT * FROM ' || statement, '42501', NULL, 'others may not: ' || statement) FROM (VALUES
  ($$ols_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$), ($$ridge_fit('{1,3,4,6,6}', '{1,2,3,4,5}')$$),
  ($$nearest_correlation('{{1,0.5},{0.5,1}}')$$), ($$ledoit_wolf('{1,2,3}')$$),
  ($$cluster_average_linkage('{{1,0.5},{0.5,1}}')$$), ($$linkage_average('{{1,0.5},{0.5,1}}')$$),
  ($$benjamini_hochberg('{0.5}')$$)) AS s (statement);
SELECT throws_ok($$SELECT * FROM correlation_matrix('{A,B}', '2024-07-15')$$, '42501', NULL,
                 'prices are for those who may read them');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
