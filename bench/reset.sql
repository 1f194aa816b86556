-- Forgets results, so that a run starts from the inputs. :keep_snapshots is on to keep the accounting, for engines that
-- are measured alone; what they write to the snapshots is forgotten.
SET client_min_messages = warning;
SELECT format('TRUNCATE %I', table_name) FROM analytics_columns()
WHERE column_name IS NULL AND (data_type IN ('result', 'log') OR table_name = 'position_tags')
  AND NOT (:'keep_snapshots' = 'on' AND table_name IN ('portfolio_snapshots', 'portfolio_holdings', 'position_tags',
                                                           'position_greeks'))
\gexec
SELECT :'keep_snapshots' = 'on' AS keeps \gset
\if :keeps
UPDATE portfolio_snapshots SET beta = NULL, beta_std_error = NULL, beta_r_squared = NULL, beta_observations = NULL,
       beta_coverage = NULL,
  realized_volatility_21d = NULL, realized_volatility_63d = NULL, expected_volatility_21d = NULL,
  expected_volatility_method = NULL, volatility_trend = NULL, volatility_percentile = NULL,
  volatility_observations = NULL, volatility_coverage = NULL, volatility_proxied = NULL, sector_exposure = NULL,
  hhi = NULL, effective_positions = NULL, top_3_concentration = NULL, top_10_concentration = NULL;
\else
UPDATE positions SET last_price = NULL, last_price_date = NULL, market_value = NULL, unrealized_pnl = NULL,
                     realized_pnl = NULL;
UPDATE portfolios SET equity_balance = NULL;
\endif
VACUUM;
CHECKPOINT;
