-- Engines, each usable alone. All take (date, portfolio_ids): NULL means the latest closed session and every active
-- portfolio; all return what they did in one row.

CREATE FUNCTION @extschema@.create_portfolio_snapshots(calculation_date date DEFAULT NULL,
                                                       portfolio_ids uuid[] DEFAULT NULL,
                                                       portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_create_portfolio_snapshots';
COMMENT ON FUNCTION @extschema@.create_portfolio_snapshots(date, uuid[], uuid) IS
'Values each portfolio at the end of a session, rolls its equity forward and writes portfolio_snapshots; snapshots of
later days are rolled again. Counts portfolios.
Cash(D) = initial equity + flows + trade cash + dividends up to D; equity(D) = cash(D) + sum of quantity x price x
multiplier. Cumulative P&L = equity - initial equity - flows; daily, MTD and YTD P&L are its changes since the previous
snapshot and since the last snapshot before the month and the year. Realized P&L is a classification and is never added.
Levels are computed from all bookings, not from the day before, so a late booking or a filled gap loses nothing. Money
is rounded once, to 4 decimals: daily P&L + flows + initial equity add up to equity exactly.
Prices: the close of the day, at most portfolio_batch.max_stale_sessions old (counted in stale_prices), else the last
mark or the trade price (counted in unpriced_positions). Options are valued at their own price; private assets at their
last mark, else at entry. A portfolio without initial_equity raises 55000 here, and is reported by the batch.';

CREATE FUNCTION @extschema@.update_position_values(calculation_date date DEFAULT NULL,
                                                   portfolio_ids uuid[] DEFAULT NULL,
                                                   portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_update_position_values';
COMMENT ON FUNCTION @extschema@.update_position_values(date, uuid[], uuid) IS
'Brings last_price, last_price_date, market_value (signed), unrealized_pnl and realized_pnl of positions up to a
session, for portfolios that have no newer snapshot: these columns have no history. Counts lots; a lot whose price is
older than portfolio_batch.max_stale_sessions counts as skipped: it is carried at that price, and of one that never
had a value only realized_pnl is written.';
CREATE FUNCTION _portfolio_batch.sector_name(sector text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_sector_name';
COMMENT ON FUNCTION _portfolio_batch.sector_name(text) IS
'The name that a sector has everywhere in the results, whatever a provider calls it: Financial Services is Financials,
information technology is Technology; other names have each word with a capital. NULL for what is no sector: a text
without a letter or digit, Unknown, N/A, None, Data not available and the like.';

CREATE FUNCTION @extschema@.restore_sector_tags(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                                portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_restore_sector_tags';
COMMENT ON FUNCTION @extschema@.restore_sector_tags(date, uuid[], uuid) IS
'Links each position open on the day to the system tag of its sector in company_profiles (an option to that of its
underlying), by the name that sector_exposure has for it; Uncategorized where there is none. Writes nothing when the
tags are current; tags and links that are not marked is_system are never touched. Counts positions.';

CREATE FUNCTION @extschema@.calc_market_betas(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                              portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_market_betas';
COMMENT ON FUNCTION @extschema@.calc_market_betas(date, uuid[], uuid) IS
'Market beta of every symbol held on a session, once per symbol, by r = alpha + beta r_m + e on simple daily total
returns, r_m the returns of portfolio_batch.market_symbol. OLS by QR; standard errors of Newey and West (1987) with the
Bartlett kernel, lag floor(4 (n/100)^(2/9)) and factor n/(n-2); t on n-2 degrees of freedom. alpha is the
intercept of the returns as they are, per session; jensen_alpha that of the returns less the riskless one of
portfolio_batch.risk_free_series, NULL with jensen_alpha_reason without it. residual_volatility is annualized by
sqrt(m), see calc_volatility. No cap: |beta| > 5 is marked outlier.
Sample: the newest portfolio_batch.beta_window sessions (252) up to the date on which both returns exist, within the
last 1.5 times as many; a return needs a price on both of two consecutive sessions. Fewer than beta_min_observations
(60) give NULL with a reason; fewer than limited_history_below (126) are flagged limited_history, and estimates whose
newest observation is more than max_stale_sessions (5) old are stale.
Writes symbol_model_fits, symbol_factor_exposures (model and factor market), position_market_betas (options and private
positions NULL with the reason), portfolio_factor_exposures and the beta columns of the snapshot: beta = sum of exposure
x beta / net asset value, its standard error from the residuals of the portfolio itself, R2 of the present weights''
return series on the market. Counts positions.';

CREATE FUNCTION @extschema@.calc_interest_rate_betas(calculation_date date DEFAULT NULL,
                                                     portfolio_ids uuid[] DEFAULT NULL,
                                                     portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_interest_rate_betas';
COMMENT ON FUNCTION @extschema@.calc_interest_rate_betas(date, uuid[], uuid) IS
'Sensitivity of every symbol held on a session to the yield, once per symbol, by r = alpha + beta_m r_m + beta_r dy + e,
ordinary least squares with Newey-West errors as for the market beta: without the market beside it a rate beta mostly
measures equity beta. dy is a decimal change, 0.01 for 100 basis points, so beta_r is the return per 1.00 of yield:
negative for a bond (rates up, bonds down), and minus its modified duration in years.
Yields: the quotes of portfolio_batch.rate_series (DGS10) in interest_rates, in percent; sessions without a quote are
left out first and the rest differenced, and returns are compounded over the same intervals; intervals of more than 5
sessions are dropped. Where the series has fewer than beta_min_observations changes in reach of the date, the returns of
the symbol of model rate in factor_definitions (TLT) stand in, dy = -r / portfolio_batch.rate_duration (16.5 years).
Sample: beta_window (252) intervals up to the date on which symbol, market and yield are all there; fewer than
beta_min_observations (60) give NULL with a reason. Writes symbol_model_fits and symbol_factor_exposures (model rate),
position_interest_rate_betas with series and unit, and portfolio_factor_exposures: exposure_dollar is the P&L per 1.00
of yield. Counts
positions. The two-factor model of Stone (1974).';

CREATE FUNCTION @extschema@.calc_factor_betas(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                              model text DEFAULT 'ridge', alpha double precision DEFAULT NULL,
                                              choose text DEFAULT NULL, orthogonalize boolean DEFAULT true,
                                              portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_factor_betas';
COMMENT ON FUNCTION @extschema@.calc_factor_betas(date, uuid[], text, double precision, text, boolean, uuid) IS
'Factor betas of every symbol held on a session, once per symbol, on the active factors of factor_definitions.
ridge: the market, and the styles with what the market explains of them taken out over the same window; market
unpenalized, styles standardized (population deviation) and penalized by alpha: minimize ||y - X b||^2 + alpha sum of
the styles'' squared standardized coefficients. The market beta is then that of calc_market_betas. Betas are per unit
of return. alpha: as given, for windows of any length, else portfolio_batch.ridge_alpha_per_observation (0.4) times the
observations of the symbol, 100.8 of 252. choose: fixed, or gcv for the alpha that minimizes n RSS / (n - 1 - df)^2 of
the symbol''s own window (Golub, Heath and Wahba 1979) among 81 from 1e-3 to 1e5, evenly spaced in the logarithm, of
equal ones the smallest; NULL means fixed where alpha is given, else portfolio_batch.ridge_alpha_choice. orthogonalize
=> false: all factors as they are, standardized and penalized, scikit-learn''s Ridge behind StandardScaler.
spread: the market and the spreads (long less short) in one ordinary least squares regression.
Errors of both: Newey-West, lag floor(4 (n/100)^(2/9)), n - 1 - df degrees of freedom, df the effective number of
factors. residual_volatility is annualized by sqrt(m), see calc_volatility. Sample: factor_window (252) sessions up to
the date on which symbol and factors have returns; fewer than factor_min_observations (126) give NULL with a reason, as
do constant series and factors that are combinations of one another (singular).
Writes symbol_model_fits, symbol_factor_exposures, position_factor_exposures and portfolio_factor_exposures: exposure
over net asset value and in dollars, coverage, and by the covariances of calc_factor_correlations the contribution to
risk, sigma^2 = x'' F x + v (Litterman 1996), factors and specific adding up to the whole. v is the variance of the
portfolio''s own residual series at the decay of F, shrunk by the intensity of Ledoit and Wolf (2003) towards the sum of
w_i^2 s_i^2 over its symbols, which takes their residuals as uncorrelated. NULL with no_factor_covariance, or no_risk
where the hedges leave sigma 0. Counts positions.';

CREATE FUNCTION @extschema@.calc_sector_exposures(calculation_date date DEFAULT NULL,
                                                  portfolio_ids uuid[] DEFAULT NULL,
                                                  portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_sector_exposures';
COMMENT ON FUNCTION @extschema@.calc_sector_exposures(date, uuid[], uuid) IS
'Exposure of each portfolio by sector, and its concentration, in the snapshot of a session. A position counts with its
signed exposure: market value, for an option delta x quantity x multiplier x price of the underlying where
position_greeks has its delta of the date, else its market value; private assets with their value.
sector_exposure: per sector long = sum of the positive exposures, short = sum of the negative, net = long + short, gross
= long - short, all over net asset value (a fraction; 0.25 is 25 %); benchmark = the weight in portfolio_batch.benchmark
(SP500) of the newest asof_date of benchmarks_sector_weights up to the session, which benchmark_date names, 0 for a
sector that it lacks; active = net - benchmark. Sectors of portfolio and benchmark both appear; without a benchmark the
two members are null. The gross of all sectors adds up to gross exposure over net asset value.
Sector: Private for a private asset, ETFs for is_etf and is_fund, else that of company_profiles as it is now (an option
has its underlying''s) under one name for all providers, else Unmapped.
Concentration: w = |e| / sum of |e| by underlying, e its net exposure over all lots; hhi = 10,000 sum of w^2 (Hirschman
1945; 10,000 / n for n equal ones), effective_positions = 10,000 / hhi, sums of the 3 and 10 largest w.
Missing figures are NULL with concentration_reason: no_equity (net asset value not positive: no sector_exposure),
no_exposure (nothing held, or all of it hedged: no hhi). A portfolio without a snapshot of the session is skipped.
Counts portfolios.';

CREATE FUNCTION @extschema@.calc_volatility(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                            portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_volatility';
COMMENT ON FUNCTION @extschema@.calc_volatility(date, uuid[], uuid) IS
'Volatility of every symbol held on a session, once per symbol, and of each portfolio, from simple daily total returns
up to the session. All volatilities are decimals per year, annualized by sqrt(m): m = sessions_per_year, a constant of
the calendar by the days of the week on which it has sessions in at least half of the weeks among the last 364 days: 252
for five (NYSE), 365 for seven, else as many sevenths of 365.
realized_volatility_21d and _63d: sqrt(m mean(r^2)) over the newest 21 and 63 returns, found within the last 1.5 times
as many sessions. Zero-mean, because over such spans the mean cannot be told from 0 (RiskMetrics 1996); with the 95 %
interval s sqrt(d / chi2) of d = 2n / (k-1) degrees of freedom, k the return_kurtosis: N sum z^4 / (sum z^2)^2 of the
returns over the volatility before them (r^2 weighted by 0.97^age), at least 3 and at most 8; 6.5 with fewer than 252.
expected_volatility_21d: of the next 21 sessions. har: mean of the next 21 r^2 on r^2 and its means over 5 and 22
returns, non-negative least squares on at most 504 rows (Corsi 2009), from 500 returns on, unless it fails or is
explosive; else ewma: r^2 weighted by 0.97^age. model_r_squared is that of har.
volatility_trend: z = ln(s1/s0) / sqrt((k-1) / 42) of the newest 21 returns against the 21 before, which share none;
increasing above 1.645, decreasing below -1.645, else stable. volatility_percentile: (number below + half the number
equal) / N of the newest among up to 504 rolling 21-return volatilities, at least 126.
Portfolio: the series r_p = sum of w_i r_i at the weights of the session, w_i = signed exposure (an option''s by its
delta) of all lots in the symbol over net asset value; cash earns nothing. Where r_i is missing, its market beta
(calc_market_betas) x the market''s return stands in; a symbol without beta that lacks a return of the history is left
out; a session on which neither exists has no portfolio return. volatility_coverage is the share of gross exposure in
the series, volatility_proxied that for which betas stand in.
Missing figures are NULL with a reason: insufficient_data, constant_series, no_prices, private, option_without_delta;
for a portfolio also no_exposure and no_equity (net asset value not positive). A portfolio without a snapshot of the
session gets no figures of its own. Writes position_volatility and the volatility columns of the snapshot. Counts
positions.';

CREATE FUNCTION @extschema@.calc_factor_correlations(calculation_date date DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_factor_correlations';
COMMENT ON FUNCTION @extschema@.calc_factor_correlations(date) IS
'Covariances and correlations of the factors'' daily moves as of a session, the same for every portfolio, written to
factor_correlations once per date: each pair of active factors and each factor with itself.
Exponentially weighted, not centered (RiskMetrics 1996): sum of w f g / sum of w, w = 2^(-age / covariance_half_life),
half-life 63 sessions over the newest covariance_window (252). Per day, not annualized. Moves are those on which
exposures are measured: the market''s return; a style''s return less its slope on the market''s over the newest
factor_window (252) complete sessions; a spread''s return, long less short; for interest_rate the decimal change of the
yield of calc_interest_rate_betas, changes over more than one session left out. Each pair uses the sessions on which
both moved; fewer than beta_min_observations (60) give NULL with insufficient_data, a factor that does not move
constant_series. Counts pairs.';

CREATE FUNCTION @extschema@.calc_stress_tests(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                              scenarios text[] DEFAULT NULL, portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_stress_tests';
COMMENT ON FUNCTION @extschema@.calc_stress_tests(date, uuid[], text[], uuid) IS
'P&L of each portfolio under the active scenarios of stress_test_scenarios, or under the named ones (active or not), a
loss negative, in the portfolio''s currency. Factors: the market, the styles beside the market, and the yield; exposures
X in dollars are those of portfolio_factor_exposures: market of model market, styles of model ridge, interest_rate of
model rate, the P&L per 1.00 of yield (duration).
direct_pnl = sum of X s over the shocked factors, all others standing still. correlated_pnl = sum of X f with f = s for
the shocked factors, exactly as prescribed, and f_U = Sigma_US Sigma_SS^-1 s for the rest (Kupiec 1998). Sigma is by
portfolio_batch.stress_covariance long_run, the covariance of the daily moves over all sessions at hand up to the date,
equally weighted, correlations shrunk to their mean (Ledoit and Wolf 2003), or day, that of calc_factor_correlations,
also where fewer than beta_min_observations sessions have all factors; calculation_metadata names it. A move f_U beyond
the worst of the same history, the largest fall or rise of the factor within 21 sessions, is cut to it and the factor
named under extrapolated. The yield''s exposure was measured beside the market alone, and those to the
market and the styles without it: each holds part of what the other measures. So beside moves of the others only the
rest of the yield''s move counts, dy - lambda'' f with lambda its slopes on all others, times the exposure that one
regression on all factors would have found, which follows from X and the covariances of the day, in which exposures were
measured: nothing is counted twice. Linear in the shocks up to that limit, no cap on losses; exceeds_equity says when
the loss is larger than the net asset value.
A shock of a style is relative (fund less beta x market, the factor itself; the default) or absolute (the return of its
fund) by basis and basis_of of shock_config. s = absolute - beta x m with the market''s shock m, beta that of the fund
over the window in which styles are made orthogonal to the market; where the market is not shocked, absolute = f + beta
f_m is what the expectation is conditional on, and direct_pnl has the market standing still.
A scenario with a window (start, end; a day without a session stands for the session before it) in shock_config replays
it where the prices of portfolio_batch.market_symbol reach back to its start and the window ended by the date: sum of
exposure x compounded return of each symbol. On a session without a return the symbol''s factor model stands in, where
one of its factors has no move its market beta; proxied_share and proxies say for how much of the gross exposure of the
lots. With less than 0.95 of it covered the P&L is given with the reason partial_coverage. Elsewhere its shocks apply,
with method prescribed and a note (history_too_short, window_not_over, market_gaps).
NULL with a reason: private, option_without_delta, insufficient_data, no_exposure; invalid_scenario or singular for a
scenario that cannot be computed, which is named in the detail and does not stop the others. Replaces the date''s rows.
Counts portfolios x scenarios. Errors: 42704 for a scenario that does not exist.';

CREATE FUNCTION @extschema@.market_risk(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                        portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, scenario_name text, scenario_type text, shock double precision,
               volatility_shock double precision, direct_pnl numeric, correlated_pnl numeric, volatility_pnl numeric,
               exceeds_equity boolean, reason text, note text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pb_market_risk';
COMMENT ON FUNCTION @extschema@.market_risk(date, uuid[], uuid) IS
'P&L of each portfolio on the grid of market_risk_scenarios, single moves of the market (decimal return) or of the yield
(decimal change), by the definitions of calc_stress_tests; computed anew and not stored. shock is NULL where a
scenario has more than one. volatility_shock moves the implied volatility of every option by that share of it (0.5: 20 %
becomes 30 %, 10 points): volatility_pnl = sum of quantity x multiplier x vega x points, by vega (per point) and
implied_volatility of position_greeks of the date; it is part of direct_pnl and of correlated_pnl. Linear: no change of
vega or delta along the way. note counts the options that lack either and are left out; where all do the figures are
NULL with option_without_vega. Of a scenario that cannot be computed (invalid_scenario, such as a market_shock that is
not that of parameters) note says why; extrapolated: names factors whose expected move is cut to the worst of the
history; stale estimates: how much of the gross exposure has them. Reads only.';

CREATE FUNCTION @extschema@.calc_correlations(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                              duration_days integer DEFAULT NULL, min_overlap integer DEFAULT NULL,
                                              min_position_value double precision DEFAULT NULL,
                                              min_portfolio_weight double precision DEFAULT NULL,
                                              filter_mode text DEFAULT NULL,
                                              correlation_threshold double precision DEFAULT NULL,
                                              portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_correlations';
COMMENT ON FUNCTION @extschema@.calc_correlations(date, uuid[], integer, integer, double precision, double precision,
                                                  text, double precision, uuid) IS
'Correlations between the symbols that a portfolio holds on a session, and the clusters they form.
Symbols: lots are netted by symbol first, an option as delta x quantity x multiplier x price in its underlying. Those
count whose absolute net exposure is at least min_position_value (10,000) and at least the share min_portfolio_weight
(0.01) of the gross exposure; filter_mode: both, either, value_only, weight_only. A net exposure of 0 never counts.
Correlation: Pearson, of log total returns ln(1 + r), pairwise over the sessions of the last duration_days (126) on
which both symbols have a return; fewer than min_overlap (60) give NULL, a constant series none. p by Student''s t,
n - 2 degrees of freedom; q by Benjamini and Hochberg (1995) over the pairs of the portfolio (pairwise_correlations).
avg_correlation is the signed mean; weighted by |w_i w_j|; position-signed as the mean of rho sign(w_i w_j).
Matrix: where all symbols have their returns on the same sessions, or on at least 90 % of them each with min_overlap in
common, their covariance shrunk to constant correlation (Ledoit and Wolf 2003); else, up to 250 symbols, the pairwise
correlations, replaced by the nearest correlation matrix where they are none (Higham 2002), with each symbol''s own
standard deviation; else NULL, as when a pair has no correlation. effective_bets = exp(-sum p ln p), w signed, p_i =
(e_i'' w)^2 lambda_i / (w'' S w) over the eigenvectors of S (Meucci 2009), 1 to the number of symbols. Of books without
short positions: diversification_ratio = sum w s / sqrt(w'' S w) (Choueifaty and Coignard 2008), and effective_positions
= (sum w)^2 / (w'' R w). Where one is NULL, diversification_reason says why (no_risk: the hedges leave none).
Clusters: average linkage on sqrt((1 - rho) / 2) of rho as held, times the signs of both positions, cut at
correlation_threshold (0.7); a short hedge does not cluster with what it hedges. Named by the users'' tag of 70 % of the
symbols, else their sector, else the largest; tags and sectors are of today, as they have no history.
data_quality: sufficient when all that passes the filters has returns on every session of the window, limited when some
pair has a correlation, else insufficient. Fewer than two symbols: a row with the reason and no figures.
NULL arguments take the settings of portfolio_batch (correlation_window, correlation_min_overlap, min_position_value,
min_portfolio_weight, position_filter, correlation_threshold). Writes correlation_calculations, correlation_clusters and
correlation_cluster_positions; results of other windows stay. Net asset value is not used, so no snapshot is needed.
Errors: 22023 for an argument out of range. Counts portfolios; those without figures are skipped.';
