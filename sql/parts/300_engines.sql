-- Engines, each usable alone. All take (date, portfolio_ids): NULL means the latest closed session and every active
-- portfolio; all return what they did in one row.

CREATE FUNCTION @extschema@.create_portfolio_snapshots(calculation_date date DEFAULT NULL,
                                                       portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_create_portfolio_snapshots';
COMMENT ON FUNCTION @extschema@.create_portfolio_snapshots(date, uuid[]) IS
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
                                                   portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_update_position_values';
COMMENT ON FUNCTION @extschema@.update_position_values(date, uuid[]) IS
'Brings last_price, last_price_date, market_value (signed), unrealized_pnl and realized_pnl of positions up to a
session, for portfolios that have no newer snapshot: these columns have no history. Counts lots; a lot whose price is
older than portfolio_batch.max_stale_sessions is skipped and keeps what it has; a private asset keeps its own
last_price.'; 
CREATE FUNCTION @extschema@.restore_sector_tags(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_restore_sector_tags';
COMMENT ON FUNCTION @extschema@.restore_sector_tags(date, uuid[]) IS
'Links each position open on the day to the system tag of its sector in company_profiles (an option to that of its
underlying), Uncategorized where there is none. Writes nothing when the tags are current; tags and links that are not
marked is_system are never touched. Counts positions.';

CREATE FUNCTION @extschema@.calc_market_betas(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_market_betas';
COMMENT ON FUNCTION @extschema@.calc_market_betas(date, uuid[]) IS
'Market beta of every symbol held on a session, once per symbol, by r = alpha + beta r_m + e on simple daily total
returns, r_m the returns of portfolio_batch.market_symbol. OLS by QR; standard errors of Newey and West (1987) with the
Bartlett kernel, lag floor(4 (n/100)^(2/9)) and factor n/(n-2); t on n-2 degrees of freedom. alpha is per day;
residual_volatility is annualized by sqrt(252). No cap: |beta| > 5 is marked outlier.
Sample: the newest portfolio_batch.beta_window sessions (252) up to the date on which both returns exist, within the
last 1.5 times as many; a return needs a price on both of two consecutive sessions. Fewer than beta_min_observations
(60) give NULL with a reason; fewer than limited_history_below (126) are flagged limited_history.
Writes symbol_model_fits, symbol_factor_exposures (model and factor market), position_market_betas (options and private
positions NULL with the reason), portfolio_factor_exposures and the beta columns of the snapshot: beta = sum of exposure
x beta / net asset value, R2 of the present weights'' return series on the market. Counts positions.';

CREATE FUNCTION @extschema@.calc_interest_rate_betas(calculation_date date DEFAULT NULL,
                                                     portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_interest_rate_betas';
COMMENT ON FUNCTION @extschema@.calc_interest_rate_betas(date, uuid[]) IS
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
                                              choose text DEFAULT NULL, orthogonalize boolean DEFAULT true)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_factor_betas';
COMMENT ON FUNCTION @extschema@.calc_factor_betas(date, uuid[], text, double precision, text, boolean) IS
'Factor betas of every symbol held on a session, once per symbol, on the active factors of factor_definitions.
ridge: the market, and the styles with what the market explains of them taken out over the same window; market
unpenalized, styles standardized (population deviation) and penalized by alpha: minimize ||y - X b||^2 + alpha sum of
the styles'' squared standardized coefficients. The market beta is then that of calc_market_betas. Betas are per unit
of return. alpha: as given, else portfolio_batch.ridge_alpha (1.0); choose => gcv takes the alpha that minimizes the
sum over symbols of n RSS / (n - 1 - df)^2 (Golub, Heath and Wahba 1979). orthogonalize => false: all factors as they
are, standardized and penalized, scikit-learn''s Ridge behind StandardScaler.
spread: the market and the spreads (long less short) in one ordinary least squares regression.
Errors of both: Newey-West, lag floor(4 (n/100)^(2/9)), n - 1 - df degrees of freedom, df the effective number of
factors. residual_volatility is annualized by sqrt(252). Sample: factor_window (252) sessions up to the date on which
symbol and factors have returns; fewer than factor_min_observations (126) give NULL with a reason, as do constant series
and factors that are combinations of one another (singular).
Writes symbol_model_fits, symbol_factor_exposures, position_factor_exposures and portfolio_factor_exposures: exposure
over net asset value and in dollars, coverage, and by the covariances of calc_factor_correlations the contribution to
risk, sigma^2 = x'' F x + sum of w_i^2 s_i^2 (Litterman 1996), factors and specific adding up to the whole. Counts
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
yield of calc_interest_rate_betas. Each pair uses the sessions on which both moved; fewer than beta_min_observations
(60) give NULL with insufficient_data, a factor that does not move constant_series. Counts pairs.';

CREATE FUNCTION @extschema@.calc_stress_tests(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                              scenarios text[] DEFAULT NULL)
RETURNS TABLE (processed bigint, skipped bigint, failed bigint, rows_written bigint, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_calc_stress_tests';
COMMENT ON FUNCTION @extschema@.calc_stress_tests(date, uuid[], text[]) IS
'P&L of each portfolio under the active scenarios of stress_test_scenarios, or under the named ones (active or not), a
loss negative, in the portfolio''s currency. Factors: the market, the styles beside the market (a shock to a style is a
move relative to the market), and the yield; exposures X in dollars are those of portfolio_factor_exposures: market of
model market, styles of model ridge, interest_rate of model rate, the P&L per 1.00 of yield (duration).
direct_pnl = sum of X s over the shocked factors, all others standing still. correlated_pnl = sum of X f with f = s for
the shocked factors, exactly as prescribed, and f_U = Sigma_US Sigma_SS^-1 s for the rest (Kupiec 1998), Sigma the
covariances of calc_factor_correlations. The market beta holds what the yield does along with the market, so of the
yield''s move only the rest, dy - cov(dy, m) / var(m) x m, counts beside a move m of the market: nothing is counted
twice. Linear in the shocks, no cap; exceeds_equity says when the loss is larger than the net asset value.
A scenario with a window (start, end) in shock_config replays it where the prices of portfolio_batch.market_symbol reach
back to its start and the window ended by the date: sum of exposure x compounded return of each symbol; on sessions
without a return the symbol''s factor model stands in and the result is flagged proxied. Elsewhere its shocks apply.
NULL with a reason: private, option_without_delta, insufficient_data, no_exposure; invalid_scenario or singular for a
scenario that cannot be computed, which is named in the detail and does not stop the others. Replaces the date''s rows.
Counts portfolios x scenarios. Errors: 42704 for a scenario that does not exist.';

CREATE FUNCTION @extschema@.market_risk(calculation_date date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, scenario_name text, scenario_type text, shock double precision,
               direct_pnl numeric, correlated_pnl numeric, exceeds_equity boolean, reason text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pb_market_risk';
COMMENT ON FUNCTION @extschema@.market_risk(date, uuid[]) IS
'P&L of each portfolio on the grid of market_risk_scenarios, single moves of the market (decimal return) or of the yield
(decimal change), by the definitions of calc_stress_tests; computed anew and not stored. shock is NULL where a
scenario has more than one. Reads only.';
