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

