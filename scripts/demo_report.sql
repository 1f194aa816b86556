-- What the demo shows after its run.
\pset footer off
\echo
\echo The run:
SELECT run_id, run_kind, status, dates_processed AS dates, portfolio_dates, rows_written,
       round(duration_seconds::numeric, 2) AS seconds
FROM batch_runs ORDER BY run_id DESC LIMIT 1;

\echo The newest snapshots:
SELECT p.name, s.snapshot_date, round(s.total_value, 2) AS total_value, round(s.cash_value, 2) AS cash,
       round(s.daily_pnl, 2) AS daily_pnl, round(s.mtd_pnl, 2) AS mtd_pnl, round(s.ytd_pnl, 2) AS ytd_pnl,
       s.long_count AS long, s.short_count AS short, round(s.beta::numeric, 3) AS beta,
       round(s.beta_r_squared::numeric, 3) AS r_squared
FROM portfolio_snapshots s JOIN portfolios p ON p.id = s.portfolio_id
WHERE s.snapshot_date = (SELECT max(snapshot_date) FROM portfolio_snapshots)
ORDER BY p.name;

\echo Market betas of the first ten positions:
SELECT p.name, l.symbol, l.position_type AS type, round(b.beta::numeric, 3) AS beta,
       round(b.std_error::numeric, 3) AS std_error, round(b.r_squared::numeric, 3) AS r_squared,
       b.observations AS n, coalesce(b.reason, b.quality_flag) AS quality
FROM position_market_betas b
JOIN positions l ON l.portfolio_id = b.portfolio_id AND l.id = b.position_id
JOIN portfolios p ON p.id = b.portfolio_id
WHERE b.calculation_date = (SELECT max(calculation_date) FROM position_market_betas)
ORDER BY (b.beta IS NULL) DESC, p.name, l.symbol LIMIT 10;
