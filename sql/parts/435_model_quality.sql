-- How good the stored models and forecasts were. It reads what is stored and the prices since, and writes nothing.

CREATE FUNCTION @extschema@.model_quality(from_date date DEFAULT NULL, to_date date DEFAULT NULL,
                                          portfolio_ids uuid[] DEFAULT NULL, portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (month date, model text, measure text, portfolio_id uuid, value double precision, alternative text,
               alternative_value double precision, range_low double precision, range_high double precision,
               observations bigint, verdict text, reason text)
LANGUAGE c STABLE PARALLEL UNSAFE COST 10000 ROWS 180 AS 'MODULE_PATHNAME', 'pb_model_quality';
COMMENT ON FUNCTION @extschema@.model_quality(date, date, uuid[], uuid) IS
'How good the stored models and forecasts were against what happened and against a plainer one (alternative), a row a
month, model and measure. Nothing is estimated again: a forecast of a date is compared with returns after it and up to
to_date, and belongs to the month in which the last of these was known. month is its first day.
out_of_sample_r2 (market, ridge, spread; Campbell and Thompson 2008): 1 - sum (r - f)^2 / sum r^2 over symbols and
sessions, f the betas of the session before x the moves of the factors; against zero, ridge and spread against market.
qlike_to_ewma, qlike_to_realized (volatility; Patton 2011): mean of ln(s2) + r2 / s2, s2 the expected variance per
session and r2 the mean square of the 21 returns after it, smaller is better; against the exponential average and
realized_volatility_21d. coverage_21d, coverage_63d (volatility): share of the 95 % intervals that hold the volatility
of the next window; against those of normal returns (chi_square). beta_coverage (with rate): the same of betas and
those of a window later, at the end of the month. Both should be 0.834 (nominal): the next estimate has an error too.
beta_change: |b - b0| / |b0| of all betas against the month before; against what their standard errors make of constant
ones (std_error). bias_statistic (ridge, spread, and volatility: that of the snapshot, by portfolio_id): standard
deviation of daily_return / volatility of the session before, above 1 where risk was too low; against
realized_volatility_63d (realized_63d). range_low to range_high: where chance alone puts the value in 95 of 100 months,
1 -+ sqrt(2 / n) of a bias.
verdict: wins, the value is better than that of the alternative, or nearer to what it should be; ties, equal or within
the range; loses. observations: what was compared, each with forecast, alternative and outcome; below 15 (beta_change:
1) value and verdict are NULL with reason insufficient_data; constant_series where nothing moved.
from_date NULL: a year of months; to_date NULL: the latest closed session. portfolio_ids NULL: all symbols with
estimates and every active portfolio; else the symbols that these portfolios held. Errors: 22008 for a date that the
calendar does not cover, 42704 for an unknown portfolio, 22023 for both portfolio_ids and portfolio_id, 53200 for a
span whose prices exceed portfolio_batch.max_memory.';
