-- Data dictionary, results by portfolio and by position. Every primary key begins with portfolio_id, so that the tables
-- can be sharded by it, and then has the date, so that the rows of a date are found without those of all others; no
-- foreign keys, as for the results by symbol.

CREATE FUNCTION _portfolio_batch.analytics_columns_portfolio_results()
RETURNS TABLE (table_name text, column_name text, data_type text, modifiers text, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $columns$
  VALUES
    -- portfolio_snapshots
    ('portfolio_snapshots', NULL, 'result',
     'PRIMARY KEY (portfolio_id, snapshot_date)',
     'A portfolio at the close of a session: value, exposure, P&L and risk, all in the portfolio''s currency.'),
    ('portfolio_snapshots', 'portfolio_id',            'uuid',                     'NOT NULL',
     'Portfolio of the result.'),
    ('portfolio_snapshots', 'snapshot_date',           'date',                     'NOT NULL',
     'Session of the snapshot.'),
    ('portfolio_snapshots', 'previous_snapshot_date',  'date',                     NULL,
     'Snapshot from which equity was carried forward; NULL for the first one.'),
    ('portfolio_snapshots', 'total_value',             'numeric(20,4)',            NULL,
     'Net asset value, equal to equity_balance.'),
    ('portfolio_snapshots', 'total_market_value',      'numeric(20,4)',            NULL,
     'Net market value of all open positions, shorts negative.'),
    ('portfolio_snapshots', 'cash_value',              'numeric(20,4)',            NULL,
     'Equity less net market value, negative when borrowed.'),
    ('portfolio_snapshots', 'equity_balance',          'numeric(20,4)',            NULL,
     'Equity: initial equity + P&L + capital flows since inception.'),
    ('portfolio_snapshots', 'total_long',              'numeric(20,4)',            NULL,
     'Market value of the long positions, 0 or more.'),
    ('portfolio_snapshots', 'total_short',             'numeric(20,4)',            NULL,
     'Market value of the short positions, 0 or negative.'),
    ('portfolio_snapshots', 'gross_exposure',          'numeric(20,4)',            NULL,
     'By market value: total_long - total_short, 0 or more.'),
    ('portfolio_snapshots', 'net_exposure',            'numeric(20,4)',            NULL,
     'By market value: total_long + total_short.'),
    ('portfolio_snapshots', 'gross_delta_exposure',    'numeric(20,4)',            NULL,
     'Sum of the absolute exposures of portfolio_holdings, an option by its delta; of private lots and of options '
     'without delta the market value. What sector exposures add up to.'),
    ('portfolio_snapshots', 'net_delta_exposure',      'numeric(20,4)',            NULL,
     'The same with signs.'),
    ('portfolio_snapshots', 'long_count',              'integer',                  NULL,
     'Open lots with a positive quantity.'),
    ('portfolio_snapshots', 'short_count',             'integer',                  NULL,
     'Open lots with a negative quantity.'),
    ('portfolio_snapshots', 'option_count',            'integer',                  NULL,
     'Open lots of options; they count as long or short as well.'),
    ('portfolio_snapshots', 'private_positions',       'integer',                  NULL,
     'Open lots of private assets, valued at the last manual mark or the entry price.'),
    ('portfolio_snapshots', 'stale_prices',            'integer',                  NULL,
     'Open lots valued at a price from an earlier session, within the allowed age.'),
    ('portfolio_snapshots', 'unpriced_positions',      'integer',                  NULL,
     'Open lots without a usable price, valued at their last mark or their trade price.'),
    ('portfolio_snapshots', 'symbol_count',            'integer',                  NULL,
     'Distinct symbols of the open lots.'),
    ('portfolio_snapshots', 'daily_pnl',               'numeric(20,4)',            NULL,
     'P&L since the previous snapshot without capital flows, a gain positive.'),
    ('portfolio_snapshots', 'daily_return',            'double precision',         NULL,
     'Flow-neutral return, daily_pnl over return_base, a decimal; NULL with return_reason.'),
    ('portfolio_snapshots', 'return_reason',           'text',                     NULL,
     'no_equity where return_base is not positive and there is no daily_return; NULL when there is.'),
    ('portfolio_snapshots', 'return_base',             'numeric(20,4)',            NULL,
     'Capital that daily_return is measured on: equity of the previous snapshot and contributions since.'),
    ('portfolio_snapshots', 'gross_return',            'double precision',         NULL,
     'daily_return before fees: daily_pnl less the FEE events since the previous snapshot, over return_base, a '
     'decimal; NULL when that was not positive.'),
    ('portfolio_snapshots', 'mtd_pnl',                 'numeric(20,4)',            NULL,
     'P&L since the last snapshot of the month before.'),
    ('portfolio_snapshots', 'ytd_pnl',                 'numeric(20,4)',            NULL,
     'P&L since the last snapshot of the year before.'),
    ('portfolio_snapshots', 'cumulative_pnl',          'numeric(20,4)',            NULL,
     'P&L since inception: equity less initial equity less capital flows.'),
    ('portfolio_snapshots', 'daily_realized_pnl',      'numeric(20,4)',            NULL,
     'Gains since entry of what was closed since the previous snapshot; a classification, already within P&L.'),
    ('portfolio_snapshots', 'cumulative_realized_pnl', 'numeric(20,4)',            NULL,
     'Gains of everything closed since inception.'),
    ('portfolio_snapshots', 'cumulative_dividends',    'numeric(20,4)',            NULL,
     'P&L of dividends since inception: counted on their ex-dates, corrected when the account reports them.'),
    ('portfolio_snapshots', 'cumulative_cash_pnl',     'numeric(20,4)',            NULL,
     'P&L of cash events since inception but for dividends: fees, commissions, interest, taxes.'),
    ('portfolio_snapshots', 'cumulative_fees',         'numeric(20,4)',            NULL,
     'The FEE events in cumulative_cash_pnl, negative where fees were paid.'),
    ('portfolio_snapshots', 'daily_capital_flow',      'numeric(20,4)',            NULL,
     'Contributions less withdrawals since the previous snapshot.'),
    ('portfolio_snapshots', 'cumulative_capital_flow', 'numeric(20,4)',            NULL,
     'Contributions less withdrawals since inception.'),
    ('portfolio_snapshots', 'net_delta',               'double precision',         NULL,
     'Sum of quantity x multiplier x delta of the open options, in shares of their underlyings; NULL with '
     'greeks_reason.'),
    ('portfolio_snapshots', 'total_gamma',             'double precision',         NULL,
     'Sum of quantity x multiplier x gamma of the open options; NULL with greeks_reason.'),
    ('portfolio_snapshots', 'total_theta',             'double precision',         NULL,
     'Sum of quantity x multiplier x theta of the open options, in currency per calendar day; NULL with '
     'greeks_reason.'),
    ('portfolio_snapshots', 'total_vega',              'double precision',         NULL,
     'Sum of quantity x multiplier x vega of the open options, in currency per volatility point; NULL with '
     'greeks_reason.'),
    ('portfolio_snapshots', 'greeks_reason',           'text',                     NULL,
     'Why one of the four is missing: no_options, or option_without_greeks where one of the options lacks it '
     '(position_greeks); NULL when none is.'),
    ('portfolio_snapshots', 'realized_volatility_21d', 'double precision',         NULL,
     'Volatility of 21 sessions at today''s weights, zero-mean, annualized; NULL with volatility_reason.'),
    ('portfolio_snapshots', 'realized_volatility_63d', 'double precision',         NULL,
     'Volatility of 63 sessions at today''s weights, zero-mean, annualized; NULL with volatility_reason.'),
    ('portfolio_snapshots', 'expected_volatility_21d', 'double precision',         NULL,
     'Forecast of the volatility of the next 21 sessions, annualized; NULL with volatility_reason.'),
    ('portfolio_snapshots', 'expected_volatility_method', 'text',                  NULL,
     'har or ewma: the model behind the forecast; NULL when there is none.'),
    ('portfolio_snapshots', 'volatility_trend',        'text',                     NULL,
     'increasing, decreasing or stable: the last 21 sessions against the 21 before; NULL with volatility_reason.'),
    ('portfolio_snapshots', 'volatility_percentile',   'double precision',         NULL,
     'Rank of the 21-session volatility in its own history, 0 to 1; NULL with volatility_reason.'),
    ('portfolio_snapshots', 'volatility_observations', 'integer',                  NULL,
     'Daily returns of the portfolio that the volatilities used; NULL before the analytics ran.'),
    ('portfolio_snapshots', 'sessions_per_year',       'integer',                  NULL,
     'Sessions of a year of the calendar, by whose square root the volatilities are annualized; NULL before the '
     'analytics ran.'),
    ('portfolio_snapshots', 'volatility_coverage',     'double precision',         NULL,
     'Share of the gross exposure in the portfolio''s return series, 0 to 1; NULL without exposure or equity.'),
    ('portfolio_snapshots', 'volatility_proxied',      'double precision',         NULL,
     'Share of the gross exposure for which beta x market stands in on some sessions, within volatility_coverage; '
     'NULL when it is.'),
    ('portfolio_snapshots', 'volatility_reason',       'text',                     NULL,
     'Why figures of the volatility are missing; NULL when none is.'),
    ('portfolio_snapshots', 'beta',                    'double precision',         NULL,
     'Market beta of the net asset value: sum of exposure x beta over equity; NULL with beta_reason.'),
    ('portfolio_snapshots', 'beta_std_error',          'double precision',         NULL,
     'Standard error of beta by Newey and West, from the residuals of the portfolio itself, so that errors which its '
     'symbols share count; 0 or more, NULL when beta is, with beta_reason.'),
    ('portfolio_snapshots', 'beta_r_squared',          'double precision',         NULL,
     'r_squared of the portfolio''s own returns on the market, 0 to 1; NULL with beta_reason.'),
    ('portfolio_snapshots', 'beta_observations',       'integer',                  NULL,
     'Daily returns behind beta_r_squared; NULL when it is.'),
    ('portfolio_snapshots', 'beta_coverage',           'double precision',         NULL,
     'Share of the gross exposure that has a beta, 0 to 1; NULL without exposure.'),
    ('portfolio_snapshots', 'beta_reason',             'text',                     NULL,
     'Why beta or beta_r_squared is missing: that of a book without moves is (constant_series); NULL when neither is.'),
    ('portfolio_snapshots', 'sector_exposure',         'jsonb',                    NULL,
     'By sector, with Unmapped, ETFs and Private: long, short (at most 0), net, gross, benchmark and active (net '
     'less benchmark) weight, over equity; the last two null without a benchmark. NULL without equity.'),
    ('portfolio_snapshots', 'benchmark_date',          'date',                     NULL,
     'Day of the benchmark''s sector weights in sector_exposure; NULL when there were none.'),
    ('portfolio_snapshots', 'hhi',                     'double precision',         NULL,
     'Herfindahl-Hirschman index of the weights by underlying, |net exposure| over their sum, 0 to 10,000; NULL with '
     'concentration_reason.'),
    ('portfolio_snapshots', 'effective_positions',     'double precision',         NULL,
     'Positions of equal size with the same concentration, 10,000 / hhi; NULL when it is.'),
    ('portfolio_snapshots', 'top_3_concentration',     'double precision',         NULL,
     'Sum of the three largest of these weights, 0 to 1; NULL when hhi is.'),
    ('portfolio_snapshots', 'top_10_concentration',    'double precision',         NULL,
     'Sum of the ten largest of these weights, 0 to 1; NULL when hhi is.'),
    ('portfolio_snapshots', 'concentration_reason',    'text',                     NULL,
     'Why sector_exposure (no_equity) or hhi (no_exposure) is missing; NULL when neither is.'),
    ('portfolio_snapshots', 'is_provisional',          'boolean',                  'NOT NULL DEFAULT false',
     'Valued without a price that was expected, or by one that its source may still change (is_final = false); the '
     'batch computes the session again when the price has come.'),
    ('portfolio_snapshots', 'input_digest',            'bigint',                   NULL,
     'Digest of everything that the date was computed from; a rerun leaves a date alone while it is the same. NULL '
     'before the risk phase has run, and after an engine was called by hand.'),
    ('portfolio_snapshots', 'input_parts',             'bigint[]',                 NULL,
     'Digests of the parts of it, in this order: settings, factors, scenarios, calendar, yields, benchmark, '
     'factor_prices, prices, replays, book, actions, deltas, profiles, tags, snapshots; lineage() shows them. NULL '
     'when input_digest is.'),
    ('portfolio_snapshots', 'analytics_complete',      'boolean',                  'NOT NULL DEFAULT false',
     'Whether every engine of the risk phase ran for the date.'),
    ('portfolio_snapshots', 'created_at',              'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('portfolio_snapshots', 'run_id',                  'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- portfolio_holdings
    ('portfolio_holdings', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date)',
     'What a portfolio held on a date and what each lot did since the snapshot before, a lot at each place of the '
     'arrays; position_history unfolds them. The results by position are those of its symbols.'),
    ('portfolio_holdings', 'portfolio_id', 'uuid', 'NOT NULL',
     'Portfolio of the result.'),
    ('portfolio_holdings', 'calculation_date', 'date', 'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('portfolio_holdings', 'position_ids', 'uuid[]', NULL,
     'Lots (positions.id) that were open, or closed since the snapshot before; by the ids of lot_history what a '
     'corporate action spun off.'),
    ('portfolio_holdings', 'symbols', 'text[]', NULL,
     'Symbol whose estimates are the lot''s, the underlying of an option; NULL with a reason.'),
    ('portfolio_holdings', 'quantities', 'numeric[]', NULL,
     'Signed quantity at the close, in shares of the date; 0 for a closed lot.'),
    ('portfolio_holdings', 'prices', 'numeric[]', NULL,
     'Price of valuation; NULL for a closed lot.'),
    ('portfolio_holdings', 'price_dates', 'date[]', NULL,
     'Day of that price; NULL for a closed lot.'),
    ('portfolio_holdings', 'exposures', 'double precision[]', NULL,
     'Signed dollars that move with the symbol, of an option by its delta; NULL when not known.'),
    ('portfolio_holdings', 'market_values', 'bigint[]', NULL,
     'Signed market value, in 1/10,000 of the currency.'),
    ('portfolio_holdings', 'daily_pnl', 'bigint[]', NULL,
     'P&L since the snapshot before, in 1/10,000: with unallocated_pnl they add up to the snapshot''s.'),
    ('portfolio_holdings', 'realized_pnl', 'bigint[]', NULL,
     'Gains since entry of what was closed since the snapshot before, in 1/10,000.'),
    ('portfolio_holdings', 'reasons', 'text[]', NULL,
     'private, option_without_delta, exposure_out_of_range, stale_price, provisional_price, unpriced, '
     'expired or closed; NULL for none.'),
    ('portfolio_holdings', 'unallocated_pnl', 'numeric(20,4)', NULL,
     'Part of the daily P&L that no lot earned on the date: booked since for an earlier one, or cash events of none.'),
    ('portfolio_holdings', 'created_at', 'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('portfolio_holdings', 'run_id', 'bigint', NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- position_history
    ('position_history', NULL, 'view',
     $view$
       SELECT h.portfolio_id, h.calculation_date, l.position_id, l.symbol, l.quantity, l.price, l.price_date,
              (l.market_value / 10000.0)::numeric(20,4) AS market_value,
              l.market_value / 10000.0::double precision / NULLIF(greatest(s.total_value, 0), 0)::double precision
                AS weight,
              l.exposure, (l.daily_pnl / 10000.0)::numeric(20,4) AS daily_pnl,
              (l.realized_pnl / 10000.0)::numeric(20,4) AS realized_pnl,
              l.daily_pnl / 10000.0::double precision / NULLIF(greatest(s.return_base, 0), 0)::double precision
                AS contribution,
              l.reason, h.created_at, h.run_id
       FROM %1$I.portfolio_holdings AS h
       CROSS JOIN LATERAL unnest(h.position_ids, h.symbols, h.quantities, h.prices, h.price_dates, h.exposures,
                                 h.market_values, h.daily_pnl, h.realized_pnl, h.reasons)
         AS l (position_id, symbol, quantity, price, price_date, exposure, market_value, daily_pnl, realized_pnl,
               reason)
       LEFT JOIN %1$I.portfolio_snapshots AS s
         ON s.portfolio_id = h.portfolio_id AND s.snapshot_date = h.calculation_date
     $view$,
     'What each lot was worth and earned on each date: one row a lot and date, until the date on which it was closed.'),
    ('position_history', 'portfolio_id', 'uuid', NULL,
     'Portfolio of the result.'),
    ('position_history', 'calculation_date', 'date', NULL,
     'Date of the result; nothing later was used.'),
    ('position_history', 'position_id', 'uuid', NULL,
     'Lot of the result (positions.id), or what a corporate action spun off from one (lot_history).'),
    ('position_history', 'symbol', 'text', NULL,
     'Symbol whose estimates are the lot''s, the underlying of an option; NULL with a reason.'),
    ('position_history', 'quantity', 'numeric', NULL,
     'Signed quantity at the close, in shares of the date; 0 for a closed lot.'),
    ('position_history', 'price', 'numeric', NULL,
     'Price of valuation; NULL for a closed lot.'),
    ('position_history', 'price_date', 'date', NULL,
     'Day of that price; NULL for a closed lot.'),
    ('position_history', 'market_value', 'numeric(20,4)', NULL,
     'Signed market value, in currency.'),
    ('position_history', 'weight', 'double precision', NULL,
     'market_value over the net asset value of the date; NULL when that is not positive or not known.'),
    ('position_history', 'exposure', 'double precision', NULL,
     'Signed dollars that move with the symbol, of an option by its delta; NULL when not known.'),
    ('position_history', 'daily_pnl', 'numeric(20,4)', NULL,
     'P&L since the snapshot before, in currency; exact to 1/10,000.'),
    ('position_history', 'realized_pnl', 'numeric(20,4)', NULL,
     'Gains since entry of what was closed since the snapshot before; within P&L already.'),
    ('position_history', 'contribution', 'double precision', NULL,
     'daily_pnl over the return_base of the snapshot: its part in daily_return; NULL when that is not positive.'),
    ('position_history', 'reason', 'text', NULL,
     'private, option_without_delta, exposure_out_of_range, stale_price, provisional_price, unpriced, '
     'expired or closed; NULL for none.'),
    ('position_history', 'created_at', 'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('position_history', 'run_id', 'bigint', NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- position_market_betas
    ('position_market_betas', NULL, 'view',
     $view$
       SELECT h.portfolio_id, l.position_id, h.calculation_date, m.parameters ->> 'method' AS method,
              (m.parameters ->> 'window')::integer AS window_days, f.betas[1] AS beta, f.alpha, f.jensen_alpha,
              f.jensen_alpha_reason, f.r_squared,
              f.std_errors[1] AS std_error,
              %1$I.estimate_p_value(CASE WHEN f.std_errors[1] > 0 THEN f.betas[1] / f.std_errors[1] END,
                                    f.residual_df) AS p_value,
              f.observations, m.long_symbols[1] AS market_index, f.quality_flag,
              CASE WHEN l.symbol IS NULL THEN l.reason ELSE f.reason END AS reason,
              COALESCE(f.created_at, h.created_at) AS created_at, COALESCE(f.run_id, h.run_id) AS run_id
       FROM %1$I.portfolio_holdings AS h
       JOIN %1$I.factor_models AS m ON m.calculation_date = h.calculation_date AND m.model = 'market'
       CROSS JOIN LATERAL unnest(h.position_ids, h.symbols, h.quantities, h.reasons)
         AS l (position_id, symbol, quantity, reason)
       LEFT JOIN %1$I.symbol_model_fits AS f
         ON f.calculation_date = h.calculation_date AND f.symbol = l.symbol AND f.model = m.model
       WHERE l.quantity <> 0 AND (l.symbol IS NULL OR f.symbol IS NOT NULL)
     $view$,
     'Market beta of each position on a date: its symbol''s.'),
    ('position_market_betas', 'portfolio_id',     'uuid',                     NULL,
     'Portfolio of the result.'),
    ('position_market_betas', 'position_id',      'uuid',                     NULL,
     'Lot of the result (positions.id).'),
    ('position_market_betas', 'calculation_date', 'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('position_market_betas', 'method',           'text',                     NULL,
     'Estimator: OLS_NW is ordinary least squares with Newey-West errors.'),
    ('position_market_betas', 'window_days',      'integer',                  NULL,
     'Sessions the window was asked for.'),
    ('position_market_betas', 'beta',             'double precision',         NULL,
     'Return per unit return of the market, not capped; NULL with a reason.'),
    ('position_market_betas', 'alpha',            'double precision',         NULL,
     'Intercept of the regression of the returns as they are, a decimal return per session; riskless returns are in '
     'it; NULL with a reason.'),
    ('position_market_betas', 'jensen_alpha',     'double precision',         NULL,
     'Jensen''s alpha: the intercept of the returns less the riskless one on the market''s less it, a decimal return '
     'per session; NULL with jensen_alpha_reason, or with a reason where there is no beta.'),
    ('position_market_betas', 'jensen_alpha_reason', 'text',                  NULL,
     'Why jensen_alpha is missing beside a beta: no_risk_free_rate where portfolio_batch.risk_free_series has too few '
     'yields in the window; NULL when there is nothing to say.'),
    ('position_market_betas', 'r_squared',        'double precision',         NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('position_market_betas', 'std_error',        'double precision',         NULL,
     'Newey-West standard error of beta; NULL with a reason.'),
    ('position_market_betas', 'p_value',          'double precision',         NULL,
     'Two-sided p-value of beta = 0; NULL with a reason.'),
    ('position_market_betas', 'observations',     'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('position_market_betas', 'market_index',     'text',                     NULL,
     'Symbol whose returns stand for the market.'),
    ('position_market_betas', 'quality_flag',     'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('position_market_betas', 'reason',           'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private, or outlier for a beta that is '
     'implausibly large; NULL when there is nothing to say.'),
    ('position_market_betas', 'created_at',       'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('position_market_betas', 'run_id',           'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- position_interest_rate_betas
    ('position_interest_rate_betas', NULL, 'view',
     $view$
       SELECT h.portfolio_id, l.position_id, h.calculation_date, f.betas[2] AS ir_beta,
              CASE WHEN f.betas IS NOT NULL THEN f.r_squared END AS r_squared, f.std_errors[2] AS std_error,
              f.observations, m.parameters ->> 'rate_series' AS rate_series, m.parameters ->> 'unit' AS unit,
              f.quality_flag, CASE WHEN l.symbol IS NULL THEN l.reason ELSE f.reason END AS reason,
              COALESCE(f.created_at, h.created_at) AS created_at, COALESCE(f.run_id, h.run_id) AS run_id
       FROM %1$I.portfolio_holdings AS h
       JOIN %1$I.factor_models AS m ON m.calculation_date = h.calculation_date AND m.model = 'rate'
       CROSS JOIN LATERAL unnest(h.position_ids, h.symbols, h.quantities, h.reasons)
         AS l (position_id, symbol, quantity, reason)
       LEFT JOIN %1$I.symbol_model_fits AS f
         ON f.calculation_date = h.calculation_date AND f.symbol = l.symbol AND f.model = m.model
       WHERE l.quantity <> 0 AND (l.symbol IS NULL OR f.symbol IS NOT NULL)
     $view$,
     'Sensitivity of each position to interest rates on a date, given the market: its symbol''s.'),
    ('position_interest_rate_betas', 'portfolio_id',     'uuid',                     NULL,
     'Portfolio of the result.'),
    ('position_interest_rate_betas', 'position_id',      'uuid',                     NULL,
     'Lot of the result (positions.id).'),
    ('position_interest_rate_betas', 'calculation_date', 'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('position_interest_rate_betas', 'ir_beta',          'double precision',         NULL,
     'Return per change of the rate in the unit of the row; negative for bonds (rates up, bonds down); NULL with '
     'a reason.'),
    ('position_interest_rate_betas', 'r_squared',        'double precision',         NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('position_interest_rate_betas', 'std_error',        'double precision',         NULL,
     'Standard error of ir_beta, in the same unit; NULL with a reason.'),
    ('position_interest_rate_betas', 'observations',     'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('position_interest_rate_betas', 'rate_series',      'text',                     NULL,
     'Series of interest_rates, or the symbol that stood in for one; NULL when there was neither.'),
    ('position_interest_rate_betas', 'unit',             'text',                     NULL,
     'Change of the rate that ir_beta refers to.'),
    ('position_interest_rate_betas', 'quality_flag',     'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('position_interest_rate_betas', 'reason',           'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('position_interest_rate_betas', 'created_at',       'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('position_interest_rate_betas', 'run_id',           'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- position_factor_exposures
    ('position_factor_exposures', NULL, 'view',
     $view$
       SELECT h.portfolio_id, l.position_id, h.calculation_date, m.model,
              f.betas[array_position(m.factors, 'market')] AS market_beta,
              f.betas[array_position(m.factors, 'value')] AS value_beta,
              f.betas[array_position(m.factors, 'growth')] AS growth_beta,
              f.betas[array_position(m.factors, 'momentum')] AS momentum_beta,
              f.betas[array_position(m.factors, 'quality')] AS quality_beta,
              f.betas[array_position(m.factors, 'size')] AS size_beta,
              f.betas[array_position(m.factors, 'low_vol')] AS low_vol_beta,
              f.betas[array_position(m.factors, 'growth_value_spread')] AS growth_value_spread_beta,
              f.betas[array_position(m.factors, 'momentum_spread')] AS momentum_spread_beta,
              f.betas[array_position(m.factors, 'size_spread')] AS size_spread_beta,
              f.betas[array_position(m.factors, 'quality_spread')] AS quality_spread_beta,
              f.r_squared, f.residual_volatility, f.observations, f.quality_flag,
              CASE WHEN l.symbol IS NULL THEN l.reason ELSE f.reason END AS reason,
              COALESCE(f.created_at, h.created_at) AS created_at, COALESCE(f.run_id, h.run_id) AS run_id
       FROM %1$I.portfolio_holdings AS h
       JOIN %1$I.factor_models AS m ON m.calculation_date = h.calculation_date AND m.model IN ('ridge', 'spread')
       CROSS JOIN LATERAL unnest(h.position_ids, h.symbols, h.quantities, h.reasons)
         AS l (position_id, symbol, quantity, reason)
       LEFT JOIN %1$I.symbol_model_fits AS f
         ON f.calculation_date = h.calculation_date AND f.symbol = l.symbol AND f.model = m.model
       WHERE l.quantity <> 0 AND (l.symbol IS NULL OR f.symbol IS NOT NULL)
     $view$,
     'Factor betas of each position on a date, one row per model: its symbol''s.'),
    ('position_factor_exposures', 'portfolio_id',             'uuid',                     NULL,
     'Portfolio of the result.'),
    ('position_factor_exposures', 'position_id',              'uuid',                     NULL,
     'Lot of the result (positions.id).'),
    ('position_factor_exposures', 'calculation_date',         'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('position_factor_exposures', 'model',                    'text',                     NULL,
     'Factor model: ridge or spread.'),
    ('position_factor_exposures', 'market_beta',              'double precision',         NULL,
     'Beta to the market; NULL with a reason.'),
    ('position_factor_exposures', 'value_beta',               'double precision',         NULL,
     'Beta to value; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'growth_beta',              'double precision',         NULL,
     'Beta to growth; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'momentum_beta',            'double precision',         NULL,
     'Beta to momentum; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'quality_beta',             'double precision',         NULL,
     'Beta to quality; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'size_beta',                'double precision',         NULL,
     'Beta to size (small companies); NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'low_vol_beta',             'double precision',         NULL,
     'Beta to low volatility; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'growth_value_spread_beta', 'double precision',         NULL,
     'Beta to growth less value; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'momentum_spread_beta',     'double precision',         NULL,
     'Beta to momentum less market; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'size_spread_beta',         'double precision',         NULL,
     'Beta to small companies less market; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'quality_spread_beta',      'double precision',         NULL,
     'Beta to quality less market; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposures', 'r_squared',                'double precision',         NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('position_factor_exposures', 'residual_volatility',      'double precision',         NULL,
     'Volatility of the residuals, annualized by the square root of sessions_per_year of factor_models.parameters; '
     'NULL with a reason.'),
    ('position_factor_exposures', 'observations',             'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('position_factor_exposures', 'quality_flag',             'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('position_factor_exposures', 'reason',                   'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('position_factor_exposures', 'created_at',               'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('position_factor_exposures', 'run_id',                   'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- portfolio_model_exposures
    ('portfolio_model_exposures', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date, model)',
     'Exposures of a portfolio to the factors of a model, a factor at each place of the arrays; '
     'portfolio_factor_exposures unfolds them.'),
    ('portfolio_model_exposures', 'portfolio_id', 'uuid', 'NOT NULL',
     'Portfolio of the result.'),
    ('portfolio_model_exposures', 'calculation_date', 'date', 'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('portfolio_model_exposures', 'model', 'text', 'NOT NULL',
     'Factor model: market, ridge, spread or rate.'),
    ('portfolio_model_exposures', 'factors', 'text[]', NULL,
     'Names of the factors, the order of the arrays; specific for what the symbols'' own returns contribute.'),
    ('portfolio_model_exposures', 'exposure_values', 'double precision[]', NULL,
     'Dollar exposures over equity: the portfolio''s betas; NULL with a reason.'),
    ('portfolio_model_exposures', 'std_errors', 'double precision[]', NULL,
     'Newey-West standard errors of the exposure values, from the residuals of the portfolio itself; NULL of specific '
     'and where the value is.'),
    ('portfolio_model_exposures', 'exposure_dollars', 'bigint[]', NULL,
     'Sums of signed exposure x beta, in 1/10,000 of the currency; NULL with a reason.'),
    ('portfolio_model_exposures', 'coverage', 'double precision[]', NULL,
     'Shares of the gross exposure that have the beta, 0 to 1; NULL without exposure.'),
    ('portfolio_model_exposures', 'stale_share', 'double precision', NULL,
     'Share of the gross exposure whose fits have quality_flag stale, 0 to 1; NULL without exposure.'),
    ('portfolio_model_exposures', 'marginal_contributions', 'double precision[]', NULL,
     'Change of the portfolio''s annualized volatility per unit of each exposure value; NULL with a reason, of '
     'specific, and of models market and rate, which split no risk.'),
    ('portfolio_model_exposures', 'contributions', 'double precision[]', NULL,
     'Contributions to the annualized volatility, which add up to it; NULL with a reason, and of models market and '
     'rate.'),
    ('portfolio_model_exposures', 'percent_contributions', 'double precision[]', NULL,
     'Shares of the variance, which add up to 1; NULL with a reason, and of models market and rate.'),
    ('portfolio_model_exposures', 'reasons', 'text[]', NULL,
     'Why figures of a factor are missing, exposures or contributions: no_factor_covariance and no_risk (the hedges '
     'leave no variance to share out) are of contributions alone; NULL when none is.'),
    ('portfolio_model_exposures', 'created_at', 'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('portfolio_model_exposures', 'run_id', 'bigint', NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- portfolio_factor_exposures
    ('portfolio_factor_exposures', NULL, 'view',
     $view$
       SELECT m.portfolio_id, m.calculation_date, m.model, f.factor, f.exposure_value, f.std_error,
              (f.exposure_dollar / 10000.0)::numeric(20,4) AS exposure_dollar, f.coverage,
              CASE WHEN m.stale_share > 0 THEN 'stale' END AS quality_flag, m.stale_share,
              f.marginal_contribution_to_risk, f.contribution_to_risk, f.percent_contribution_to_risk, f.reason,
              m.created_at, m.run_id
       FROM %1$I.portfolio_model_exposures AS m
       CROSS JOIN LATERAL unnest(m.factors, m.exposure_values, m.std_errors, m.exposure_dollars, m.coverage,
                                 m.marginal_contributions, m.contributions, m.percent_contributions, m.reasons)
         AS f (factor, exposure_value, std_error, exposure_dollar, coverage, marginal_contribution_to_risk,
               contribution_to_risk, percent_contribution_to_risk, reason)
     $view$,
     'Factor exposures of the portfolio: signed dollar exposure x beta, summed over its positions.'),
    ('portfolio_factor_exposures', 'portfolio_id',                  'uuid',                     NULL,
     'Portfolio of the result.'),
    ('portfolio_factor_exposures', 'calculation_date',              'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('portfolio_factor_exposures', 'model',                         'text',                     NULL,
     'Factor model: market, ridge, spread or rate.'),
    ('portfolio_factor_exposures', 'factor',                        'text',                     NULL,
     'Name of the factor (factor_definitions.name), or specific for what the symbols'' own returns contribute.'),
    ('portfolio_factor_exposures', 'exposure_value',                'double precision',         NULL,
     'exposure_dollar over equity: the portfolio''s beta to the factor; NULL with a reason.'),
    ('portfolio_factor_exposures', 'std_error',                     'double precision',         NULL,
     'Newey-West standard error of exposure_value, from the residuals of the portfolio itself, so that errors which '
     'its symbols share count; NULL of specific and where exposure_value is.'),
    ('portfolio_factor_exposures', 'exposure_dollar',               'numeric(20,4)',            NULL,
     'Sum of signed exposure x beta, in currency; NULL with a reason.'),
    ('portfolio_factor_exposures', 'coverage',                      'double precision',         NULL,
     'Share of the gross exposure that has this beta, 0 to 1; NULL without exposure.'),
    ('portfolio_factor_exposures', 'quality_flag',                  'text',                     NULL,
     'stale where a part of the gross exposure has fits with that flag (stale_share); else NULL.'),
    ('portfolio_factor_exposures', 'stale_share',                   'double precision',         NULL,
     'Share of the gross exposure whose fits of the model have quality_flag stale, 0 to 1; NULL without exposure.'),
    ('portfolio_factor_exposures', 'marginal_contribution_to_risk', 'double precision',         NULL,
     'Change of the portfolio''s annualized volatility per unit of exposure_value; NULL with a reason, of specific, '
     'and of models market and rate, which split no risk.'),
    ('portfolio_factor_exposures', 'contribution_to_risk',          'double precision',         NULL,
     'exposure_value x marginal_contribution_to_risk, annualized; the rows of a model add up to the portfolio''s '
     'volatility under it; NULL with a reason, and of models market and rate.'),
    ('portfolio_factor_exposures', 'percent_contribution_to_risk',  'double precision',         NULL,
     'Share of the portfolio''s variance due to the factor, a fraction that may be negative; the rows of a model add '
     'up to 1; NULL with a reason, and of models market and rate.'),
    ('portfolio_factor_exposures', 'reason',                        'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_equity or private; no_factor_covariance and no_risk (the '
     'hedges leave no variance to share out) are of contributions alone; NULL when none is.'),
    ('portfolio_factor_exposures', 'created_at',                    'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('portfolio_factor_exposures', 'run_id',                        'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- position_volatility
    ('position_volatility', NULL, 'view',
     $view$
       SELECT h.portfolio_id, l.position_id, h.calculation_date,
              f.realized_volatility_21d, f.realized_volatility_21d_low, f.realized_volatility_21d_high,
              f.realized_volatility_63d, f.realized_volatility_63d_low, f.realized_volatility_63d_high,
              f.return_kurtosis, f.expected_volatility_21d, f.forecast_method, f.model_r_squared, f.volatility_trend,
              f.volatility_trend_strength, f.volatility_percentile, f.observations, f.sessions_per_year,
              f.quality_flag,
              CASE WHEN l.symbol IS NULL THEN l.reason ELSE f.reason END AS reason,
              COALESCE(f.created_at, h.created_at) AS created_at, COALESCE(f.run_id, h.run_id) AS run_id
       FROM %1$I.portfolio_holdings AS h
       CROSS JOIN LATERAL unnest(h.position_ids, h.symbols, h.quantities, h.reasons)
         AS l (position_id, symbol, quantity, reason)
       LEFT JOIN %1$I.symbol_volatility AS f
         ON f.calculation_date = h.calculation_date AND f.symbol = l.symbol
       WHERE l.quantity <> 0 AND (f.symbol IS NOT NULL OR l.symbol IS NULL AND EXISTS
               (SELECT FROM %1$I.symbol_volatility AS v WHERE v.calculation_date = h.calculation_date))
     $view$,
     'Volatility of each position on a date, all annualized decimals: its symbol''s.'),
    ('position_volatility', 'portfolio_id',                 'uuid',                     NULL,
     'Portfolio of the result.'),
    ('position_volatility', 'position_id',                  'uuid',                     NULL,
     'Lot of the result (positions.id).'),
    ('position_volatility', 'calculation_date',             'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('position_volatility', 'realized_volatility_21d',      'double precision',         NULL,
     'Zero-mean volatility of 21 sessions; NULL with a reason.'),
    ('position_volatility', 'realized_volatility_21d_low',  'double precision',         NULL,
     'Lower end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('position_volatility', 'realized_volatility_21d_high', 'double precision',         NULL,
     'Upper end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('position_volatility', 'realized_volatility_63d',      'double precision',         NULL,
     'Zero-mean volatility of 63 sessions; NULL with a reason.'),
    ('position_volatility', 'realized_volatility_63d_low',  'double precision',         NULL,
     'Lower end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('position_volatility', 'realized_volatility_63d_high', 'double precision',         NULL,
     'Upper end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('position_volatility', 'return_kurtosis',              'double precision',         NULL,
     'Kurtosis, 3 to 8, of the returns over the volatility before them, by which intervals and trend allow for fat '
     'tails; 6.5 with fewer than 252 of them; NULL with too few returns for either.'),
    ('position_volatility', 'expected_volatility_21d',      'double precision',         NULL,
     'Forecast of the volatility of the next 21 sessions; NULL with a reason.'),
    ('position_volatility', 'forecast_method',              'text',                     NULL,
     'har or ewma: the model behind the forecast; NULL when there is none.'),
    ('position_volatility', 'model_r_squared',              'double precision',         NULL,
     'r_squared of the forecast model, 0 to 1; NULL when the forecast is not a regression.'),
    ('position_volatility', 'volatility_trend',             'text',                     NULL,
     'increasing, decreasing or stable: the last 21 sessions against the 21 before; NULL with too few returns.'),
    ('position_volatility', 'volatility_trend_strength',    'double precision',         NULL,
     'z-score of that comparison, positive when volatility rises; NULL with too few returns.'),
    ('position_volatility', 'volatility_percentile',        'double precision',         NULL,
     'Rank of the 21-session volatility in its own history, 0 to 1; NULL with too few returns.'),
    ('position_volatility', 'observations',                 'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('position_volatility', 'sessions_per_year',            'integer',                  NULL,
     'Sessions of a year of the calendar, by whose square root all figures are annualized: 252 of NYSE, 365 where '
     'every day is a session.'),
    ('position_volatility', 'quality_flag',                 'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('position_volatility', 'reason',                       'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('position_volatility', 'created_at',                   'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('position_volatility', 'run_id',                       'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- position_greeks
    ('position_greeks', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date, position_id)',
     'Option Greeks of each position per share of the underlying; empty while there is no option feed.'),
    ('position_greeks', 'portfolio_id',       'uuid',                     'NOT NULL',
     'Portfolio of the result.'),
    ('position_greeks', 'position_id',        'uuid',                     'NOT NULL',
     'Lot of the result (positions.id).'),
    ('position_greeks', 'calculation_date',   'date',                     'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('position_greeks', 'delta',              'double precision',         NULL,
     'Change of the option price per unit of the underlying; NULL with a reason.'),
    ('position_greeks', 'gamma',              'double precision',         NULL,
     'Change of delta per unit of the underlying; NULL with a reason.'),
    ('position_greeks', 'theta',              'double precision',         NULL,
     'Change of the option price per calendar day, usually negative; NULL with a reason.'),
    ('position_greeks', 'vega',               'double precision',         NULL,
     'Change of the option price per volatility point; NULL with a reason.'),
    ('position_greeks', 'rho',                'double precision',         NULL,
     'Change of the option price per percentage point of the interest rate; NULL with a reason.'),
    ('position_greeks', 'implied_volatility', 'double precision',         NULL,
     'Volatility implied by the option price, annualized, a decimal; NULL with a reason.'),
    ('position_greeks', 'underlying_price',   'double precision',         NULL,
     'Price of the underlying that was used; NULL with a reason.'),
    ('position_greeks', 'reason',             'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('position_greeks', 'created_at',         'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('position_greeks', 'run_id',             'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- correlation_calculations
    ('correlation_calculations', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date, duration_days)',
     'Correlations of a portfolio''s positions on a date: the summary and, packed, the matrix that '
     'pairwise_correlations unfolds.'),
    ('correlation_calculations', 'portfolio_id',          'uuid',                     'NOT NULL',
     'Portfolio of the result.'),
    ('correlation_calculations', 'calculation_date',      'date',                     'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('correlation_calculations', 'duration_days',         'integer',                  'NOT NULL',
     'Sessions the window was asked for.'),
    ('correlation_calculations', 'avg_correlation',       'double precision',         NULL,
     'Mean correlation of all pairs, signed; NULL with a reason.'),
    ('correlation_calculations', 'weighted_avg_correlation', 'double precision',      NULL,
     'Mean correlation of all pairs, each weighted by the product of its absolute net exposures; NULL with a reason.'),
    ('correlation_calculations', 'position_signed_correlation', 'double precision',   NULL,
     'Mean of correlation x sign of the two positions: a hedge counts as the opposite bet; NULL with a reason.'),
    ('correlation_calculations', 'significant_pairs',     'integer',                  NULL,
     'Pairs with a q-value of at most 0.05 (pairwise_correlations.q_value); NULL with a reason.'),
    ('correlation_calculations', 'total_pairs',           'integer',                  NULL,
     'Pairs that have a correlation; NULL with a reason.'),
    ('correlation_calculations', 'top_correlations',      'jsonb',                    NULL,
     'Up to ten pairs with the largest absolute correlations, largest first: symbol1, symbol2, correlation, p_value, '
     'q_value, observations; NULL with a reason.'),
    ('correlation_calculations', 'effective_positions',   'double precision',         NULL,
     'Number of uncorrelated positions of one size that diversify as much, of sizes and correlations alone: '
     '(sum |w|)^2 / w''Rw; of long-only books, else NULL with diversification_reason.'),
    ('correlation_calculations', 'effective_bets',        'double precision',         NULL,
     'Number of uncorrelated bets that the variance comes from, of long and of long/short books: exp(-sum p ln p), p '
     'the shares of the principal portfolios (Meucci 2009); 1 to the number of symbols. NULL with '
     'diversification_reason.'),
    ('correlation_calculations', 'concentration_score',   'double precision',         NULL,
     'Share of the included value that lies in clusters, 0 to 1; NULL with a reason.'),
    ('correlation_calculations', 'diversification_ratio', 'double precision',         NULL,
     'Weighted mean volatility over portfolio volatility, 1 or more (Choueifaty and Coignard 2008); of long-only '
     'books, else NULL with diversification_reason.'),
    ('correlation_calculations', 'diversification_reason', 'text',                    NULL,
     'Why diversification_ratio, effective_bets or effective_positions is missing: short_positions (the ratio and '
     'effective_positions are of long-only books); no_risk (the hedges leave none to divide by); without matrix_method '
     'insufficient_data (a pair has no correlation), too_many_symbols (to repair their correlations) or the reason of '
     'the row; NULL when none is.'),
    ('correlation_calculations', 'matrix_method',         'text',                     NULL,
     'How the matrix behind ratio and bets came about: ledoit_wolf (shrunk to constant correlation), sample (pairwise, '
     'as it is) or higham (pairwise, replaced by the nearest correlation matrix); NULL when there is none.'),
    ('correlation_calculations', 'shrinkage_intensity',   'double precision',         NULL,
     'Weight of constant correlation in the matrix, 0 to 1; NULL for other methods than ledoit_wolf.'),
    ('correlation_calculations', 'repair_distance',       'double precision',         NULL,
     'Frobenius norm of what the repair changed, 0 for sample; NULL for ledoit_wolf.'),
    ('correlation_calculations', 'positions_included',    'integer',                  NULL,
     'Positions that passed the filters and have enough returns.'),
    ('correlation_calculations', 'positions_excluded',    'integer',                  NULL,
     'Open positions that did not.'),
    ('correlation_calculations', 'data_quality',          'text',                     NULL,
     'sufficient (all that passed the filters has returns on every session of the window), limited, or insufficient '
     '(no pair has a correlation).'),
    ('correlation_calculations', 'min_position_value',    'numeric(20,4)',            NULL,
     'Filter: smallest absolute net exposure to a symbol that was included, in currency.'),
    ('correlation_calculations', 'min_portfolio_weight',  'double precision',         NULL,
     'Filter: smallest share of the gross exposure that was included, a fraction.'),
    ('correlation_calculations', 'filter_mode',           'text',                     NULL,
     'How the two filters combine: both, either, value_only or weight_only.'),
    ('correlation_calculations', 'correlation_threshold', 'double precision',         NULL,
     'Correlation, as held, from which positions form a cluster.'),
    ('correlation_calculations', 'symbols',               'text[]',                   NULL,
     'Symbols of the matrix in ascending byte order; NULL with a reason.'),
    ('correlation_calculations', 'correlations',          'double precision[]',       NULL,
     'Strict lower triangle row by row, (2,1), (3,1), (3,2), ...; an element is NULL when its pair overlaps too '
     'little.'),
    ('correlation_calculations', 'pair_observations',     'integer[]',                NULL,
     'Common returns of each pair in the same order, or one value when all are equal.'),
    ('correlation_calculations', 'reason',                'text',                     NULL,
     'Why there are no figures: no_exposure, private, option_without_delta, single_symbol, below_filters or '
     'insufficient_data; NULL when there are.'),
    ('correlation_calculations', 'created_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('correlation_calculations', 'run_id',                'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- correlation_clusters
    ('correlation_clusters', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date, duration_days, cluster_number)',
     'Groups of positions that move together as they are held (average linkage): a short hedge is no part of what it '
     'hedges.'),
    ('correlation_clusters', 'portfolio_id',         'uuid',                     'NOT NULL',
     'Portfolio of the result.'),
    ('correlation_clusters', 'calculation_date',     'date',                     'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('correlation_clusters', 'duration_days',        'integer',                  'NOT NULL',
     'Sessions the window was asked for.'),
    ('correlation_clusters', 'cluster_number',       'integer',                  'NOT NULL',
     'Number of the cluster, the largest value first.'),
    ('correlation_clusters', 'nickname',             'text',                     NULL,
     'Readable name: the tag or else the sector of 70 % of the symbols, else the largest; of today''s tags and '
     'profiles.'),
    ('correlation_clusters', 'avg_correlation',      'double precision',         NULL,
     'Mean correlation of the pairs in the cluster, as held: of a long and a short with the sign turned.'),
    ('correlation_clusters', 'total_value',          'numeric(20,4)',            NULL,
     'Sum of the absolute net exposures to the symbols, in currency; an option by its delta.'),
    ('correlation_clusters', 'portfolio_percentage', 'double precision',         NULL,
     'total_value over the gross exposure, a fraction (0.25 is 25 %).'),
    ('correlation_clusters', 'created_at',           'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('correlation_clusters', 'run_id',               'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- correlation_cluster_positions
    ('correlation_cluster_positions', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date, duration_days, cluster_number, position_id)',
     'Members of the clusters.'),
    ('correlation_cluster_positions', 'portfolio_id',           'uuid',                     'NOT NULL',
     'Portfolio of the result.'),
    ('correlation_cluster_positions', 'calculation_date',       'date',                     'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('correlation_cluster_positions', 'duration_days',          'integer',                  'NOT NULL',
     'Sessions the window was asked for.'),
    ('correlation_cluster_positions', 'cluster_number',         'integer',                  'NOT NULL',
     'Cluster that the position belongs to.'),
    ('correlation_cluster_positions', 'position_id',            'uuid',                     'NOT NULL',
     'Lot of the result (positions.id).'),
    ('correlation_cluster_positions', 'symbol',                 'text',                     NULL,
     'Symbol of the position, or its underlying.'),
    ('correlation_cluster_positions', 'value',                  'numeric(20,4)',            NULL,
     'Absolute exposure of the lot, in currency; an option by its delta.'),
    ('correlation_cluster_positions', 'portfolio_percentage',   'double precision',         NULL,
     'value over the gross exposure, a fraction (0.25 is 25 %).'),
    ('correlation_cluster_positions', 'correlation_to_cluster', 'double precision',         NULL,
     'Mean correlation of the symbol with the others of the cluster, as held.'),
    ('correlation_cluster_positions', 'created_at',             'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('correlation_cluster_positions', 'run_id',                 'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- stress_scenario_moves
    ('stress_scenario_moves', NULL, 'result',
     'PRIMARY KEY (calculation_date, scenario_id)',
     'What the factors do in each stress scenario of a date, and how that was found: the same for every portfolio.'),
    ('stress_scenario_moves', 'calculation_date', 'date', 'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('stress_scenario_moves', 'scenario_id', 'text', 'NOT NULL',
     'Scenario (stress_test_scenarios.scenario_id).'),
    ('stress_scenario_moves', 'scenario_name', 'text', NULL,
     'Name of the scenario on that date.'),
    ('stress_scenario_moves', 'category', 'text', NULL,
     'Category of the scenario on that date.'),
    ('stress_scenario_moves', 'severity', 'text', NULL,
     'Severity of the scenario on that date.'),
    ('stress_scenario_moves', 'method', 'text', NULL,
     'conditional_expectation; replay (of the price history), or prescribed where the history does not allow the '
     'replay and the shocks of the scenario stand in (note); none where there is no result.'),
    ('stress_scenario_moves', 'factors', 'text[]', NULL,
     'Names of the factors: the order of the next two arrays.'),
    ('stress_scenario_moves', 'shocks', 'double precision[]', NULL,
     'Prescribed moves, of a style beside the market''s part, as the factor is measured: what direct_pnl is of. NULL '
     'for a factor that is not shocked.'),
    ('stress_scenario_moves', 'absolute_shocks', 'double precision[]', NULL,
     'Return of the style''s fund where the scenario prescribes that (basis absolute), from which its shock follows by '
     'the fund''s beta to the market; NULL for other factors.'),
    ('stress_scenario_moves', 'moves', 'double precision[]', NULL,
     'What each factor does given the shocks, or did in a replay; NULL where there is no estimate.'),
    ('stress_scenario_moves', 'rate_factor', 'text', NULL,
     'Factor that is measured beside the market alone; portfolio_stress_tests has its P&L.'),
    ('stress_scenario_moves', 'missing_factors', 'text[]', NULL,
     'Factors without a variance, which take no part; NULL when all have one.'),
    ('stress_scenario_moves', 'covariance_date', 'date', NULL,
     'Date of the factor covariances; NULL without them.'),
    ('stress_scenario_moves', 'covariance_observations', 'integer', NULL,
     'Daily returns behind the variance of the market, of the long run sessions on which all factors moved; NULL '
     'without covariances.'),
    ('stress_scenario_moves', 'covariance_half_life', 'double precision', NULL,
     'Half-life in sessions of the covariances of the day; NULL without them, and for those of the long run.'),
    ('stress_scenario_moves', 'covariance_method', 'text', NULL,
     'long_run: covariances of all sessions at hand; day: the exponentially weighted ones of factor_correlations '
     '(portfolio_batch.stress_covariance, or too little history for the long run); NULL without covariances.'),
    ('stress_scenario_moves', 'covariance_start', 'date', NULL,
     'First session of the covariances of the long run; NULL for others.'),
    ('stress_scenario_moves', 'covariance_shrinkage', 'double precision', NULL,
     'How far their correlations are shrunk to the mean, 0 to 1; NULL for others.'),
    ('stress_scenario_moves', 'extrapolated', 'text[]', NULL,
     'Factors whose expected move would be beyond the worst of the history at hand within 21 sessions, and is cut to '
     'it; NULL when there is none.'),
    ('stress_scenario_moves', 'window_start', 'text', NULL,
     'First day of the window of a replay; NULL for scenarios without one.'),
    ('stress_scenario_moves', 'window_end', 'text', NULL,
     'Last day of the window of a replay; NULL for scenarios without one.'),
    ('stress_scenario_moves', 'note', 'text', NULL,
     'Why the shocks stand in for a replay: history_too_short, window_not_over or market_gaps; NULL when they do not.'),
    ('stress_scenario_moves', 'problem', 'text', NULL,
     'Why there is no result; NULL when there is one.'),
    ('stress_scenario_moves', 'created_at', 'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('stress_scenario_moves', 'run_id', 'bigint', NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- portfolio_stress_tests
    ('portfolio_stress_tests', NULL, 'result',
     'PRIMARY KEY (portfolio_id, calculation_date)',
     'Stress tests of a portfolio on a date, a scenario at each place of the arrays; stress_test_results unfolds '
     'them.'),
    ('portfolio_stress_tests', 'portfolio_id', 'uuid', 'NOT NULL',
     'Portfolio of the result.'),
    ('portfolio_stress_tests', 'calculation_date', 'date', 'NOT NULL',
     'Date of the result; nothing later was used.'),
    ('portfolio_stress_tests', 'scenario_ids', 'text[]', NULL,
     'Scenarios in the order of their ids.'),
    ('portfolio_stress_tests', 'direct_pnl', 'bigint[]', NULL,
     'P&L of the shocked factors alone, in 1/10,000 of the currency; NULL with a reason.'),
    ('portfolio_stress_tests', 'correlated_pnl', 'bigint[]', NULL,
     'P&L when all other factors take their expected moves, in 1/10,000; NULL with a reason.'),
    ('portfolio_stress_tests', 'conditional_sd', 'double precision[]', NULL,
     'Standard deviation of the P&L around correlated_pnl, per session; NULL for replays.'),
    ('portfolio_stress_tests', 'rate_direct_pnl', 'double precision[]', NULL,
     'Part of the rate factor in direct_pnl, which is no product of its exposure and move.'),
    ('portfolio_stress_tests', 'rate_correlated_pnl', 'double precision[]', NULL,
     'Part of the rate factor in correlated_pnl.'),
    ('portfolio_stress_tests', 'reasons', 'text[]', NULL,
     'Why figures of a scenario are missing, or partial_coverage of a replay; NULL when there is nothing to say.'),
    ('portfolio_stress_tests', 'factors', 'text[]', NULL,
     'Names of the factors: the order of the exposures.'),
    ('portfolio_stress_tests', 'exposures', 'double precision[]', NULL,
     'P&L per 1.00 of each factor, in currency; NULL where it is not known.'),
    ('portfolio_stress_tests', 'coverage', 'double precision', NULL,
     'Share of the gross exposure that has a market beta, 0 to 1; NULL without exposure.'),
    ('portfolio_stress_tests', 'stale_share', 'double precision', NULL,
     'Share of the gross exposure with a fit of model market, ridge or rate whose quality_flag is stale, 0 to 1; NULL '
     'without exposure.'),
    ('portfolio_stress_tests', 'equity', 'numeric(20,4)', NULL,
     'Net asset value of the date.'),
    ('portfolio_stress_tests', 'notes', 'jsonb', NULL,
     'By scenario, what only some have: of a replay coverage, proxied, proxied_share and proxies (the shares for which '
     'factor_model and market_beta stood in), shares of the gross exposure of the lots.'),
    ('portfolio_stress_tests', 'created_at', 'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('portfolio_stress_tests', 'run_id', 'bigint', NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- stress_test_results
    ('stress_test_results', NULL, 'view',
     $view$
       SELECT p.portfolio_id, p.calculation_date, r.scenario_id, pnl.direct AS direct_pnl,
              pnl.correlated AS correlated_pnl, (pnl.correlated - pnl.direct)::numeric(20,4) AS correlation_effect,
              CASE WHEN m.method IN ('conditional_expectation', 'prescribed') THEN i.impacts
                   WHEN m.method = 'replay' THEN y.impacts END
                AS factor_impacts,
              jsonb_build_object('scenario_name', m.scenario_name, 'category', m.category, 'severity', m.severity,
                                 'method', m.method)
              || CASE
                   WHEN m.method IN ('conditional_expectation', 'prescribed') THEN
                     CASE WHEN m.note IS NULL THEN '{}'
                          ELSE jsonb_build_object('start', m.window_start, 'end', m.window_end, 'note', m.note) END
                     || jsonb_build_object('covariance_date', to_char(m.covariance_date, 'YYYY-MM-DD'),
                                        'covariance_observations', m.covariance_observations,
                                        'covariance_half_life', m.covariance_half_life, 'coverage', p.coverage)
                     || CASE WHEN p.stale_share > 0
                             THEN jsonb_build_object('quality_flag', 'stale', 'stale_share', p.stale_share)
                             ELSE '{}' END
                     || CASE WHEN m.covariance_method IS NULL THEN '{}'
                             ELSE jsonb_build_object('covariance_method', m.covariance_method) END
                     || CASE WHEN m.covariance_start IS NULL THEN '{}'
                             ELSE jsonb_build_object('covariance_start', to_char(m.covariance_start, 'YYYY-MM-DD'),
                                                     'covariance_shrinkage', m.covariance_shrinkage) END
                     || CASE WHEN m.extrapolated IS NULL THEN '{}'
                             ELSE jsonb_build_object('extrapolated', m.extrapolated) END
                     || CASE WHEN m.missing_factors IS NULL THEN '{}'
                             ELSE jsonb_build_object('missing_factors', m.missing_factors) END
                     || CASE WHEN i.impacts IS NULL THEN '{}'
                             ELSE jsonb_build_object('conditional_sd', r.conditional_sd,
                                                     'pnl_over_equity', i.correlated / NULLIF(x.positive, 0))
                                  || CASE WHEN x.positive > 0 THEN '{}'
                                          ELSE '{"pnl_over_equity_reason": "no_equity"}'::jsonb END END
                   WHEN m.method = 'replay' THEN
                     jsonb_build_object('start', m.window_start, 'end', m.window_end)
                     || COALESCE(p.notes -> r.scenario_id, '{}')
                   ELSE jsonb_build_object('problem', COALESCE(m.problem, '')) END AS calculation_metadata,
              CASE WHEN m.method IN ('conditional_expectation', 'prescribed')
                     THEN COALESCE(i.correlated, i.direct) < 0 AND -COALESCE(i.correlated, i.direct) > x.equity
                   WHEN m.method = 'replay' THEN -pnl.correlated > greatest(p.equity, 0) END AS exceeds_equity,
              r.reason, p.created_at, p.run_id
       FROM %1$I.portfolio_stress_tests AS p
       CROSS JOIN LATERAL (SELECT p.equity::double precision AS equity,
                                  greatest(p.equity, 0)::double precision AS positive) AS x
       CROSS JOIN LATERAL unnest(p.scenario_ids, p.direct_pnl, p.correlated_pnl, p.conditional_sd, p.rate_direct_pnl,
                                 p.rate_correlated_pnl, p.reasons)
         AS r (scenario_id, direct_units, correlated_units, conditional_sd, rate_direct, rate_correlated, reason)
       JOIN %1$I.stress_scenario_moves AS m
         ON m.calculation_date = p.calculation_date AND m.scenario_id = r.scenario_id
       CROSS JOIN LATERAL (SELECT (r.direct_units / 10000.0)::numeric(20,4) AS direct,
                                  (r.correlated_units / 10000.0)::numeric(20,4) AS correlated) AS pnl
       -- A factor's P&L is its exposure times its move, nothing where there is no exposure; that of a factor measured
       -- beside the market alone is given. Without an exposure to the market there is no result.
       CROSS JOIN LATERAL (
         SELECT jsonb_object_agg(k.factor, jsonb_build_object('move', k.move, 'exposure', k.exposure,
                                                              'direct_pnl', k.direct, 'correlated_pnl', k.correlated)
                                           || CASE WHEN k.shock IS NULL THEN '{}'
                                                   ELSE jsonb_build_object('shock', k.shock) END
                                           || CASE WHEN k.absolute IS NULL THEN '{}'
                                                   ELSE jsonb_build_object('absolute_shock', k.absolute) END)
                  AS impacts,
                CASE WHEN count(k.correlated) = count(*) THEN sum(k.correlated ORDER BY k.i) END AS correlated,
                CASE WHEN count(k.direct) = count(*) THEN sum(k.direct ORDER BY k.i) END AS direct
         FROM (SELECT f.i, f.factor, f.shock, f.absolute, f.move, e.exposure,
                      CASE WHEN f.factor = m.rate_factor THEN r.rate_direct
                           WHEN f.shock IS NULL OR e.exposure = 0 THEN 0 ELSE e.exposure * f.shock END AS direct,
                      CASE WHEN f.factor = m.rate_factor THEN r.rate_correlated
                           WHEN e.exposure = 0 THEN 0 ELSE e.exposure * f.move END AS correlated
               FROM unnest(m.factors, m.shocks, m.absolute_shocks, m.moves)
                 WITH ORDINALITY AS f (factor, shock, absolute, move, i)
               CROSS JOIN LATERAL (SELECT p.exposures[array_position(p.factors, f.factor)] AS exposure) AS e
               WHERE m.method IN ('conditional_expectation', 'prescribed') AND p.exposures[1] IS NOT NULL) AS k) AS i
       CROSS JOIN LATERAL (
         SELECT jsonb_object_agg(f.factor, jsonb_build_object('return', f.move)
                                           || CASE WHEN f.factor = ANY (p.factors)
                                                   THEN jsonb_build_object('exposure',
                                                          p.exposures[array_position(p.factors, f.factor)])
                                                   ELSE '{}' END) AS impacts
         FROM unnest(m.factors, m.moves) AS f (factor, move)
         WHERE m.method = 'replay' AND p.notes ? r.scenario_id) AS y
     $view$,
     'P&L of a portfolio under each stress scenario, a loss negative.'),
    ('stress_test_results', 'portfolio_id',         'uuid',                     NULL,
     'Portfolio of the result.'),
    ('stress_test_results', 'calculation_date',     'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('stress_test_results', 'scenario_id',          'text',                     NULL,
     'Scenario (stress_test_scenarios.scenario_id).'),
    ('stress_test_results', 'direct_pnl',           'numeric(20,4)',            NULL,
     'P&L of the shocked factors alone, in currency; NULL with a reason.'),
    ('stress_test_results', 'correlated_pnl',       'numeric(20,4)',            NULL,
     'P&L when all other factors take their expected moves given the shocks, in currency; NULL with a reason.'),
    ('stress_test_results', 'correlation_effect',   'numeric(20,4)',            NULL,
     'correlated_pnl - direct_pnl; NULL with a reason.'),
    ('stress_test_results', 'factor_impacts',       'jsonb',                    NULL,
     'By factor: exposure, move and P&L, direct and correlated; NULL with a reason.'),
    ('stress_test_results', 'calculation_metadata', 'jsonb',                    NULL,
     'How it was computed: covariances (covariance_method long_run or day, date, observations), extrapolated factors '
     '(cut to the worst of the history), missing factors; of a replay its coverage, and what stood in for symbols '
     'without a return (proxied_share, proxies); quality_flag stale and stale_share where estimates are stale.'),
    ('stress_test_results', 'exceeds_equity',       'boolean',                  NULL,
     'Whether the loss is larger than the equity; losses are not capped; NULL with a reason.'),
    ('stress_test_results', 'reason',               'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private, or partial_coverage where they are '
     'those of a replay of less than 0.95 of the gross exposure; NULL when there is nothing to say.'),
    ('stress_test_results', 'created_at',           'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('stress_test_results', 'run_id',               'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- pairwise_correlations
    ('pairwise_correlations', NULL, 'view',
     $view$
       SELECT c.portfolio_id, c.calculation_date,
              pair.symbol AS symbol1, line.symbol AS symbol2,
              pair.correlation AS correlation_coefficient,
              %1$I.pairwise_p_value(pair.correlation, COALESCE(pair.overlap, c.pair_observations[1])) AS p_value,
              COALESCE(pair.overlap, c.pair_observations[1]) AS observations,
              c.duration_days,
              NULLIF(c.q_values[part.before + pair.j], 'NaN') AS q_value
       FROM (SELECT k.portfolio_id, k.calculation_date, k.duration_days, k.symbols, k.correlations, k.pair_observations,
                    -- All q-values of a matrix together, NaN for none. The window is one row and makes the planner
                    -- compute them once for it, or not at all when nobody asks for them, and still look up the keys.
                    first_value((
                      SELECT array_agg(COALESCE(adjusted.q_value, 'NaN') ORDER BY adjusted.i)
                      FROM (SELECT ranked.i,
                                   CASE WHEN ranked.p_value IS NOT NULL
                                        THEN LEAST(1, min(ranked.p_value / (ranked.rank / ranked.tests))
                                                      OVER (ORDER BY ranked.p_value DESC)) END AS q_value
                            FROM (SELECT test.i, test.p_value,
                                         (count(test.p_value) OVER ())::double precision AS tests,
                                         (count(test.p_value) OVER (ORDER BY test.p_value))::double precision AS rank
                                  FROM (SELECT pair.i, %1$I.pairwise_p_value(
                                                 pair.correlation,
                                                 COALESCE(pair.overlap, k.pair_observations[1])) AS p_value
                                        FROM unnest(k.correlations, k.pair_observations)
                                               WITH ORDINALITY AS pair (correlation, overlap, i)) AS test) AS ranked)
                        AS adjusted))
                      OVER (PARTITION BY k.portfolio_id, k.calculation_date, k.duration_days) AS q_values
             FROM %1$I.correlation_calculations AS k) AS c
       -- One matrix row at a time: row i holds i - 1 pairs and begins after (i - 1)(i - 2) / 2 of them.
       CROSS JOIN LATERAL unnest(c.symbols) WITH ORDINALITY AS line (symbol, i)
       CROSS JOIN LATERAL (SELECT ((line.i - 1) * (line.i - 2) / 2)::integer AS before,
                                  (line.i - 1)::integer AS pairs) AS part
       CROSS JOIN LATERAL unnest(c.symbols[1 : part.pairs],
                                 c.correlations[part.before + 1 : part.before + part.pairs],
                                 c.pair_observations[part.before + 1 : part.before + part.pairs])
         WITH ORDINALITY AS pair (symbol, correlation, overlap, j)
     $view$,
     'Every pair of correlation_calculations, once, as rows.'),
    ('pairwise_correlations', 'portfolio_id',            'uuid',             NULL,
     'Portfolio of the result.'),
    ('pairwise_correlations', 'calculation_date',        'date',             NULL,
     'Date of the result; nothing later was used.'),
    ('pairwise_correlations', 'symbol1',                 'text',             NULL,
     'The symbol of the pair that sorts first, by bytes.'),
    ('pairwise_correlations', 'symbol2',                 'text',             NULL,
     'The other symbol of the pair.'),
    ('pairwise_correlations', 'correlation_coefficient', 'double precision', NULL,
     'Correlation of the log returns, -1 to 1; NULL when the pair overlaps too little.'),
    ('pairwise_correlations', 'p_value',                 'double precision', NULL,
     'Two-sided p-value of zero correlation by Student''s t with observations - 2 degrees of freedom; NULL when '
     'the correlation is; needs the extension.'),
    ('pairwise_correlations', 'observations',            'integer',          NULL,
     'Common returns of the pair.'),
    ('pairwise_correlations', 'duration_days',           'integer',          NULL,
     'Sessions the window was asked for.'),
    ('pairwise_correlations', 'q_value',                 'double precision', NULL,
     'p_value after Benjamini and Hochberg among all pairs of the portfolio, date and window: at most a share q of the '
     'pairs with no larger q_value is expected to be chance; NULL when the correlation is; needs the extension.'),

    -- position_factor_exposure
    ('position_factor_exposure', NULL, 'view',
     $view$
       SELECT portfolio_id, position_id, calculation_date, market_beta, value_beta, growth_beta, momentum_beta,
              quality_beta, size_beta, low_vol_beta, r_squared, residual_volatility, observations, quality_flag, reason
       FROM %1$I.position_factor_exposures
       WHERE model = 'ridge'
     $view$,
     'The seven-factor betas of position_factor_exposures under their older, singular name: one row per position '
     'and date.'),
    ('position_factor_exposure', 'portfolio_id',        'uuid',             NULL,
     'Portfolio of the result.'),
    ('position_factor_exposure', 'position_id',         'uuid',             NULL,
     'Lot of the result (positions.id).'),
    ('position_factor_exposure', 'calculation_date',    'date',             NULL,
     'Date of the result; nothing later was used.'),
    ('position_factor_exposure', 'market_beta',         'double precision', NULL,
     'Beta to the market; NULL with a reason.'),
    ('position_factor_exposure', 'value_beta',          'double precision', NULL,
     'Beta to value; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposure', 'growth_beta',         'double precision', NULL,
     'Beta to growth; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposure', 'momentum_beta',       'double precision', NULL,
     'Beta to momentum; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposure', 'quality_beta',        'double precision', NULL,
     'Beta to quality; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposure', 'size_beta',           'double precision', NULL,
     'Beta to size (small companies); NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposure', 'low_vol_beta',        'double precision', NULL,
     'Beta to low volatility; NULL with a reason or when the model has no such factor.'),
    ('position_factor_exposure', 'r_squared',           'double precision', NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('position_factor_exposure', 'residual_volatility', 'double precision', NULL,
     'Volatility of the residuals, annualized by the square root of sessions_per_year of factor_models.parameters; '
     'NULL with a reason.'),
    ('position_factor_exposure', 'observations',        'integer',          NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('position_factor_exposure', 'quality_flag',        'text',             NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('position_factor_exposure', 'reason',              'text',             NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),

    -- position_interest_rate_beta
    ('position_interest_rate_beta', NULL, 'view',
     $view$
       SELECT portfolio_id, position_id, calculation_date, ir_beta, r_squared, std_error, observations, rate_series,
              unit, quality_flag, reason, created_at, run_id
       FROM %1$I.position_interest_rate_betas
     $view$,
     'position_interest_rate_betas under its older, singular name.'),
    ('position_interest_rate_beta', 'portfolio_id',     'uuid',                     NULL,
     'Portfolio of the result.'),
    ('position_interest_rate_beta', 'position_id',      'uuid',                     NULL,
     'Lot of the result (positions.id).'),
    ('position_interest_rate_beta', 'calculation_date', 'date',                     NULL,
     'Date of the result; nothing later was used.'),
    ('position_interest_rate_beta', 'ir_beta',          'double precision',         NULL,
     'Return per change of the rate in the unit of the row; negative for bonds (rates up, bonds down); NULL with '
     'a reason.'),
    ('position_interest_rate_beta', 'r_squared',        'double precision',         NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('position_interest_rate_beta', 'std_error',        'double precision',         NULL,
     'Standard error of ir_beta, in the same unit; NULL with a reason.'),
    ('position_interest_rate_beta', 'observations',     'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('position_interest_rate_beta', 'rate_series',      'text',                     NULL,
     'Series of interest_rates, or the symbol that stood in for one; NULL when there was neither.'),
    ('position_interest_rate_beta', 'unit',             'text',                     NULL,
     'Change of the rate that ir_beta refers to.'),
    ('position_interest_rate_beta', 'quality_flag',     'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('position_interest_rate_beta', 'reason',           'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('position_interest_rate_beta', 'created_at',       'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('position_interest_rate_beta', 'run_id',           'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.')
$columns$;

COMMENT ON FUNCTION _portfolio_batch.analytics_columns_portfolio_results() IS
  'Data dictionary of the results by portfolio and by position: tables and views, columns with type and comments, '
  'in table order. Takes no argument and reads no table. A row without a column name describes the table (its '
  'kind, its constraints), a name that begins with @ an index of it.';
