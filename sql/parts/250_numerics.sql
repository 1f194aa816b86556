-- The numerics of the engines on arrays and on the prices. They write nothing. ----------------------------------------

CREATE FUNCTION @extschema@.ols_fit(y double precision[], x double precision[], covariance text DEFAULT 'newey_west',
                                    lag integer DEFAULT NULL, intercept boolean DEFAULT true)
RETURNS TABLE (term text, coefficient double precision, std_error double precision, t_stat double precision,
               p_value double precision, observations integer, residual_df integer, r_squared double precision,
               adj_r_squared double precision, residual_sd double precision, condition_number double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 3 AS 'MODULE_PATHNAME', 'pb_ols_fit';
COMMENT ON FUNCTION @extschema@.ols_fit(double precision[], double precision[], text, integer, boolean) IS
'Ordinary least squares y = a + x b + e: one row per term, intercept first, then x1, x2, … in the order of the columns.
y: n numbers. x: n rows of regressors; of one dimension: a single regressor; empty: none, which estimates the mean.
coefficient and std_error are in units of y per unit of x, residual_sd in units of y, nothing is annualized; the other
columns have no unit. Fit by QR with column pivoting and one step of refinement.
covariance, with k coefficients: newey_west (Newey and West 1987: Bartlett kernel with lag L, by default
floor(4 (n/100)^(2/9)) by Newey and West 1994, factor n/(n-k)), hc1 (White 1980, factor n/(n-k)) or classical
(e''e/(n-k) (x''x)^-1). lag is for newey_west only. t_stat is Student with residual_df = n-k degrees of freedom, p_value
two-sided. residual_sd = sqrt(e''e/(n-k)); r_squared is centered when there is an intercept; condition_number is that of
the columns scaled to unit length: above 30, collinearity is felt (Belsley, Kuh and Welsch 1980). NULL: t_stat and
p_value of an exact fit, r_squared of a constant y.
Nothing may be missing: 22004 for a NULL element, 22023 for NaN or infinite ones. 22023 also for a NULL y or x, another
number of rows of x than of y, a negative lag, an unknown covariance, and neither regressor nor intercept. PB001 unless
n > k; PB002 when a column is constant beside the intercept or a combination of others; 22003 when a result exceeds
double precision. NULL for an option means its default.
Example: SELECT term, coefficient, std_error FROM ols_fit(''{1,3,4,6,6}'', ''{1,2,3,4,5}'', ''classical'') gives
intercept 0.1, 0.635…, and x1 1.3, 0.191….';

CREATE FUNCTION @extschema@.ridge_fit(y double precision[], x double precision[], alpha double precision DEFAULT 1.0,
                                      unpenalized integer[] DEFAULT NULL, choose text DEFAULT 'fixed',
                                      covariance text DEFAULT 'newey_west', lag integer DEFAULT NULL)
RETURNS TABLE (term text, coefficient double precision, std_error double precision, t_stat double precision,
               p_value double precision, observations integer, alpha_used double precision,
               effective_df double precision, r_squared double precision, adj_r_squared double precision,
               residual_sd double precision, condition_number double precision, variance_inflation double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 5 AS 'MODULE_PATHNAME', 'pb_ridge_fit';
COMMENT ON FUNCTION @extschema@.ridge_fit(double precision[], double precision[], double precision, integer[], text,
                                          text, integer) IS
'Ridge regression (Hoerl and Kennard 1970): the a and b that minimize
|y - a - sum_j b_j (x_j - mean_j)/sd_j|^2 + alpha sum_j b_j^2, sd_j with divisor n, over all columns in the penalty but
those in unpenalized (counted from 1). As scikit-learn''s Ridge behind StandardScaler and MASS''s lm.ridge. One row per
term, intercept first, then x1, x2, …. y: n numbers; x: n rows of regressors, of one dimension: a single regressor.
coefficient and std_error are in units of y per unit of x (b_j / sd_j), residual_sd in units of y, nothing annualized.
choose: fixed takes alpha as given, 0 or more; gcv ignores it and takes, of 81 values from 1e-3 to 1e5 evenly spaced in
the logarithm, the one with the least n RSS / (n - 1 - df)^2 (Golub, Heath and Wahba 1979); alpha_used says which, NULL
when nothing is penalized. effective_df = number of unpenalized columns + sum_j d_j / (d_j + alpha), without the
intercept, d_j the eigenvalues of the cross-product of the standardized penalized columns beside the unpenalized ones.
std_error is the spread of the estimate around its own expectation, which the penalty shifts; covariance and lag as in
ols_fit, with n - 1 - effective_df residual degrees of freedom, of t too. r_squared is of the penalized fit.
condition_number and variance_inflation (1 / (1 - R2) of a column on the others; NULL for the intercept and where it is
infinite) are those without a penalty. With alpha 0 every number is that of ols_fit.
Nothing may be missing: 22004 for a NULL element, 22023 for NaN or infinite ones. 22023 also for a NULL or empty x, a
NULL y, another number of rows of x than of y, a negative alpha or lag, a column that does not exist, an unknown choice.
PB001 unless n - 1 > effective_df and n > 1; PB002 for a constant column, and for combinations of others among columns
without penalty; 22003 when a result exceeds double precision. NULL for an option means its default.
Example: SELECT term, coefficient, effective_df FROM ridge_fit(''{1,3,4,6,6}'', ''{1,2,3,4,5}'', 2.5) gives intercept
1.4, x1 0.866…, effective_df 0.666…: two thirds of the slope 1.3.';

CREATE FUNCTION @extschema@.correlation_matrix(symbols text[], calculation_date date DEFAULT NULL,
                                               window_days integer DEFAULT NULL, min_overlap integer DEFAULT NULL)
RETURNS TABLE (symbol1 text, symbol2 text, correlation double precision, p_value double precision,
               q_value double precision, observations integer, reason text)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_correlation_matrix';
COMMENT ON FUNCTION @extschema@.correlation_matrix(text[], date, integer, integer) IS
'Pearson correlations of the daily log total returns of symbols as of a session (default: the latest closed one): one
row for each unordered pair, symbol1 < symbol2 by bytes, in that order. A symbol named twice counts once; one symbol has
no pair. The window is window_days sessions up to the date (default portfolio_batch.correlation_window, 126); a return
needs a price on both of two consecutive sessions, and a pair uses the sessions on which both have one: observations of
them. Fewer than min_overlap (default portfolio_batch.correlation_min_overlap, 60) give a NULL correlation, with the
reason insufficient_data; others are no_prices (no return in the window, also of a symbol that nobody knows) and
constant_series.
p_value is two-sided for no correlation, t = r sqrt((n-2)/(1-r2)), Student with n-2 degrees of freedom; q_value is that
of Benjamini and Hochberg (1995) over the pairs of this call. Correlations, p- and q-values have no unit.
Made pair by pair, it need not be a correlation matrix where prices are missing: nearest_correlation repairs that.
22004 for a NULL symbol; 22023 for NULL symbols, a date that is no closed session, unless 2 <= min_overlap <=
window_days <= 65535; 53200 beyond portfolio_batch.max_memory.
Example: when X closed at 1, 2, 4, 2, 4 and Y at 1, 2, 2, 1, 2, correlation_matrix(''{X,Y}'', the fifth session, 4, 4)
gives (X, Y, 0.8703…, 0.1296…, 0.1296…, 4, NULL).';

CREATE FUNCTION @extschema@.nearest_correlation(correlation double precision[],
                                                eigenvalue_floor double precision DEFAULT 0)
RETURNS TABLE (matrix double precision[], distance double precision, iterations integer, converged boolean)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10000 ROWS 1 AS 'MODULE_PATHNAME', 'pb_nearest_correlation';
COMMENT ON FUNCTION @extschema@.nearest_correlation(double precision[], double precision) IS
'The correlation matrix nearest to a symmetric n x n matrix in the Frobenius norm: unit diagonal, no eigenvalue below
eigenvalue_floor (0 to below 1; above 0 it can be inverted). Alternating projections with Dykstra''s correction (Higham
2002), until no step changes the infinity norm by more than 1e-12 of it, 1000 at most: without convergence the matrix is
a correlation matrix still, if not the nearest. distance: Frobenius norm of what was changed. A matrix that needs no
repair comes back as it is, after 0 iterations. No units. Empty gives empty.
22000 unless the matrix is square and exactly symmetric; 22004 for a NULL element; 22023 for a NULL matrix, NaN or
infinite elements, or a floor out of range; 53200 beyond portfolio_batch.max_memory.
Example: SELECT matrix, distance FROM nearest_correlation(''{{1,1,0},{1,1,1},{0,1,1}}'') (Higham 2002) gives
{{1,0.7607,0.1573},{0.7607,1,0.7607},{0.1573,0.7607,1}}, rounded, at a distance of 0.5278.';

CREATE FUNCTION @extschema@.ledoit_wolf(returns double precision[], target text DEFAULT 'constant_variance')
RETURNS TABLE (covariance double precision[], intensity double precision, target_value double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10000 ROWS 1 AS 'MODULE_PATHNAME', 'pb_ledoit_wolf';
COMMENT ON FUNCTION @extschema@.ledoit_wolf(double precision[], text) IS
'Covariance matrix of returns (a row per session, a column per series; of one dimension: one series), shrunk towards a
target: covariance = intensity x target + (1 - intensity) x sample covariance with divisor n, in squares of the unit of
the returns per period; not annualized. It can be inverted also with more series than sessions.
target constant_variance (Ledoit and Wolf 2004, as sklearn.covariance.LedoitWolf): the identity times the mean variance,
which is target_value. constant_correlation (Ledoit and Wolf 2003): the sample variances with the mean correlation,
which is target_value, for all pairs. intensity, 0 to 1, minimizes the expected squared error.
Nothing may be missing: 22004 for a NULL element, 22023 for NaN or infinite ones, for NULL returns or an unknown target.
PB001 below two sessions; 22000 for a constant series with constant_correlation, which has none; 22003 when a variance
exceeds double precision; 53200 beyond portfolio_batch.max_memory.
Example: SELECT * FROM ledoit_wolf(''{{1,2},{2,1},{3,5},{4,4},{5,8}}'') gives {{2.849…,1.726…},{1.726…,5.150…}} with
intensity 0.424… towards the mean variance 4.';

CREATE FUNCTION @extschema@.cluster_average_linkage(correlation double precision[], cut double precision DEFAULT 0.7)
RETURNS TABLE (item integer, cluster integer)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'pb_cluster_average_linkage';
COMMENT ON FUNCTION @extschema@.cluster_average_linkage(double precision[], double precision) IS
'Clusters of the n items of a correlation matrix: average linkage (UPGMA; Sokal and Michener 1958) on the distances
sqrt((1 - rho)/2), cut at the distance of the correlation cut (-1 to 1), inclusive. One row per item, 1 to n in the
order of the rows of the matrix; clusters are numbered from 1 in the order of their first items, single items included.
A NULL element is a pair without a correlation and stands as uncorrelated. Among equal distances the first items merge
first. No units. Empty gives no rows.
22000 unless the matrix is square and symmetric with a diagonal of 1 and elements in -1 to 1; 22023 for a NULL matrix,
NaN or infinite elements, or a cut out of range; 53200 beyond portfolio_batch.max_memory.
Example: SELECT * FROM cluster_average_linkage(''{{1,0.2,0.9},{0.2,1,0.1},{0.9,0.1,1}}'') gives (1,1), (2,2), (3,1).';

CREATE FUNCTION @extschema@.linkage_average(correlation double precision[])
RETURNS TABLE (step integer, left_cluster integer, right_cluster integer, height double precision, size integer)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'pb_linkage_average';
COMMENT ON FUNCTION @extschema@.linkage_average(double precision[]) IS
'The n - 1 steps of the average linkage that cluster_average_linkage cuts, by ascending height: the clusters
left_cluster < right_cluster, whose mean distance is height (0 to 1, sqrt((1 - rho)/2) for two items), become a cluster
of size items. Clusters 1 to n are the items; step k makes cluster n + k. As scipy''s linkage matrix, counted from 1.
Missing elements and errors as in cluster_average_linkage.
Example: SELECT * FROM linkage_average(''{{1,0.2,0.9},{0.2,1,0.1},{0.9,0.1,1}}'') gives (1, 1, 3, 0.2236…, 2) and
(2, 2, 4, 0.6516…, 3).';

CREATE FUNCTION @extschema@.benjamini_hochberg(p double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'pb_benjamini_hochberg';
COMMENT ON FUNCTION @extschema@.benjamini_hochberg(double precision[]) IS
'q-values of p-values, in their order: calling everything with q <= level a discovery keeps the expected share of false
ones at the level (Benjamini and Hochberg 1995). The i-th smallest of m p-values gives p m / i, made monotone from the
largest down and never above 1. A NULL is no test: it stays NULL and does not count in m. NULL gives NULL. 22023 for a
number outside 0 to 1 and for more than one dimension.
Example: SELECT benjamini_hochberg(''{0.01,0.04,NULL,0.03,0.5}'') gives {0.04,0.0533…,NULL,0.0533…,0.5}.';
