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
positions NULL with the reason) and the beta columns of the snapshot: beta = sum of exposure x beta / net asset value,
R2 of the present weights'' return series on the market. Counts positions.';

