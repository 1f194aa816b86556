-- Data dictionary, results by symbol and by factor: a beta belongs to a symbol, so it is estimated once per date and
-- joined to positions. No foreign keys: one costs more than the whole write; batch_audit checks what they would have.

CREATE FUNCTION _portfolio_batch.analytics_columns_symbol_results()
RETURNS TABLE (table_name text, column_name text, data_type text, modifiers text, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $columns$
  VALUES
    -- factor_models
    ('factor_models', NULL, 'result',
     'PRIMARY KEY (calculation_date, model)',
     'Factor models of a date: the order in which symbol_model_fits holds their betas, and how they were estimated.'),
    ('factor_models', 'calculation_date',    'date',                     'NOT NULL',
     'Date of the estimates; nothing later was used.'),
    ('factor_models', 'model',               'text',                     'NOT NULL',
     'Factor model: market, ridge, spread or rate.'),
    ('factor_models', 'factors',             'text[]',                   NULL,
     'Names of the factors (factor_definitions.name), the market first: the order of every array of the model.'),
    ('factor_models', 'long_symbols',        'text[]',                   NULL,
     'Symbol whose returns stand for each factor, or the series of interest_rates for a yield without one.'),
    ('factor_models', 'short_symbols',       'text[]',                   NULL,
     'Symbol whose returns are taken off these; NULL for a factor without a short leg.'),
    ('factor_models', 'long_digests',        'bigint[]',                 NULL,
     'Digest of the prices of each of long_symbols, as symbol_volatility.input_digest; NULL for a series of yields.'),
    ('factor_models', 'short_digests',       'bigint[]',                 NULL,
     'The same of short_symbols; NULL for a factor without a short leg.'),
    ('factor_models', 'parameters',          'jsonb',                    NULL,
     'What the estimates depend on beside prices: window, min_observations, limited_history_below, '
     'max_stale_sessions, sessions_per_year (by which variances of the model are annualized, 252 of NYSE); method and '
     'risk_free_series of market; alpha_choice, with it alpha_per_observation or alpha where it is fixed, and '
     'orthogonalized of ridge; rate_series and unit of rate.'),
    ('factor_models', 'window_start',        'date',                     NULL,
     'First of the sessions that the window asks for.'),
    ('factor_models', 'window_end',          'date',                     NULL,
     'Last of these sessions.'),
    ('factor_models', 'created_at',          'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('factor_models', 'run_id',              'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- symbol_model_fits
    ('symbol_model_fits', NULL, 'result',
     'PRIMARY KEY (calculation_date, symbol, model)',
     'Regression of a symbol''s daily returns on the factors of a model: one row per date, symbol and model. '
     'symbol_factor_exposures unfolds the betas.'),
    ('symbol_model_fits', 'symbol',              'text',                     'NOT NULL',
     'Symbol that was fitted.'),
    ('symbol_model_fits', 'calculation_date',    'date',                     'NOT NULL',
     'Date of the estimate; nothing later was used.'),
    ('symbol_model_fits', 'model',               'text',                     'NOT NULL',
     'Factor model: market, ridge, spread or rate.'),
    ('symbol_model_fits', 'observations',        'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('symbol_model_fits', 'alpha',               'double precision',         NULL,
     'Intercept of the regression of the returns as they are, a decimal return per session; not Jensen''s alpha, for '
     'riskless returns are in it; NULL with a reason.'),
    ('symbol_model_fits', 'jensen_alpha',        'double precision',         NULL,
     'Of model market: Jensen''s alpha, the intercept of the returns less the riskless one on the market''s less it, a '
     'decimal return per session; NULL with jensen_alpha_reason, and of other models.'),
    ('symbol_model_fits', 'jensen_alpha_std_error', 'double precision',      NULL,
     'Its Newey-West standard error; NULL when it is.'),
    ('symbol_model_fits', 'jensen_alpha_reason', 'text',                     NULL,
     'Why jensen_alpha is missing beside a market beta: no_risk_free_rate where portfolio_batch.risk_free_series has '
     'too few yields in the window; NULL when there is nothing to say.'),
    ('symbol_model_fits', 'r_squared',           'double precision',         NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('symbol_model_fits', 'adj_r_squared',       'double precision',         NULL,
     'r_squared adjusted for the number of factors, may be negative; NULL with a reason.'),
    ('symbol_model_fits', 'residual_volatility', 'double precision',         NULL,
     'Volatility of the residuals, annualized by the square root of sessions_per_year of factor_models.parameters; '
     'NULL with a reason.'),
    ('symbol_model_fits', 'residual_df',         'double precision',         NULL,
     'Degrees of freedom of the residuals, and of t; NULL with a reason.'),
    ('symbol_model_fits', 'ridge_alpha',         'double precision',         NULL,
     'Penalty of the ridge regression on standardized factors, in the units of scikit-learn''s Ridge: 0.4 for each '
     'of the observations by default, or the one that generalized cross-validation chose for the symbol; NULL for '
     'other models.'),
    ('symbol_model_fits', 'effective_df',        'double precision',         NULL,
     'Effective degrees of freedom of the factors after the penalty; NULL with a reason.'),
    ('symbol_model_fits', 'condition_number',    'double precision',         NULL,
     'Condition number of the design matrix, 1 or more; NULL with a reason.'),
    ('symbol_model_fits', 'max_vif',             'double precision',         NULL,
     'Largest variance inflation factor, 1 or more; NULL for one factor or with a reason.'),
    ('symbol_model_fits', 'betas',               'double precision[]',       NULL,
     'Return of the symbol per unit return of each factor, in the order of factor_models.factors; NULL with a reason.'),
    ('symbol_model_fits', 'std_errors',          'double precision[]',       NULL,
     'Standard errors of the betas in the same order; NULL with a reason.'),
    ('symbol_model_fits', 'window_start',        'date',                     NULL,
     'Session of the first return used; NULL when none was.'),
    ('symbol_model_fits', 'window_end',          'date',                     NULL,
     'Session of the last return used; NULL when none was.'),
    ('symbol_model_fits', 'quality_flag',        'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('symbol_model_fits', 'reason',              'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private, or outlier for a beta that is '
     'implausibly large; NULL when there is nothing to say.'),
    ('symbol_model_fits', 'input_digest',        'bigint',                   NULL,
     'Digest of the prices, yields and parameters that the fit was computed from.'),
    ('symbol_model_fits', 'created_at',          'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('symbol_model_fits', 'run_id',              'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- symbol_factor_exposures
    ('symbol_factor_exposures', NULL, 'view',
     $view$
       SELECT f.symbol, f.calculation_date, f.model, b.factor, b.beta, b.std_error, t.t_stat,
              %1$I.estimate_p_value(t.t_stat, f.residual_df) AS p_value, f.reason, f.created_at, f.run_id
       FROM %1$I.symbol_model_fits AS f
       JOIN %1$I.factor_models AS m ON m.calculation_date = f.calculation_date AND m.model = f.model
       CROSS JOIN LATERAL unnest(m.factors, f.betas, f.std_errors) AS b (factor, beta, std_error)
       CROSS JOIN LATERAL (SELECT CASE WHEN b.std_error > 0 THEN b.beta / b.std_error END AS t_stat) AS t
     $view$,
     'Betas of a symbol, one row per factor of a model: estimated once per symbol and date and joined to positions.'),
    ('symbol_factor_exposures', 'symbol',           'text',                     NULL,
     'Symbol that was fitted.'),
    ('symbol_factor_exposures', 'calculation_date', 'date',                     NULL,
     'Date of the estimate; nothing later was used.'),
    ('symbol_factor_exposures', 'model',            'text',                     NULL,
     'Factor model: market, ridge, spread or rate.'),
    ('symbol_factor_exposures', 'factor',           'text',                     NULL,
     'Name of the factor (factor_definitions.name).'),
    ('symbol_factor_exposures', 'beta',             'double precision',         NULL,
     'Return of the symbol per unit return of the factor; NULL with a reason.'),
    ('symbol_factor_exposures', 'std_error',        'double precision',         NULL,
     'Standard error of beta; NULL with a reason or when the model gives none.'),
    ('symbol_factor_exposures', 't_stat',           'double precision',         NULL,
     'beta over std_error; NULL when std_error is NULL or 0.'),
    ('symbol_factor_exposures', 'p_value',          'double precision',         NULL,
     'Two-sided p-value of beta = 0 by Student''s t with symbol_model_fits.residual_df degrees of freedom; NULL when '
     't_stat is; needs the extension.'),
    ('symbol_factor_exposures', 'reason',           'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('symbol_factor_exposures', 'created_at',       'timestamp with time zone', NULL,
     'Time the row was first written or last changed by a run.'),
    ('symbol_factor_exposures', 'run_id',           'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- symbol_volatility
    ('symbol_volatility', NULL, 'result',
     'PRIMARY KEY (calculation_date, symbol)',
     'Volatility of each symbol on a date, all annualized decimals.'),
    ('symbol_volatility', 'calculation_date',             'date',                     'NOT NULL',
     'Date of the estimate; nothing later was used.'),
    ('symbol_volatility', 'symbol',                       'text',                     'NOT NULL',
     'Symbol that was estimated.'),
    ('symbol_volatility', 'realized_volatility_21d',      'double precision',         NULL,
     'Zero-mean volatility of 21 sessions; NULL with a reason.'),
    ('symbol_volatility', 'realized_volatility_21d_low',  'double precision',         NULL,
     'Lower end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('symbol_volatility', 'realized_volatility_21d_high', 'double precision',         NULL,
     'Upper end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('symbol_volatility', 'realized_volatility_63d',      'double precision',         NULL,
     'Zero-mean volatility of 63 sessions; NULL with a reason.'),
    ('symbol_volatility', 'realized_volatility_63d_low',  'double precision',         NULL,
     'Lower end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('symbol_volatility', 'realized_volatility_63d_high', 'double precision',         NULL,
     'Upper end of its 95 % interval, by return_kurtosis; NULL when it is.'),
    ('symbol_volatility', 'return_kurtosis',              'double precision',         NULL,
     'Kurtosis, 3 to 8, of the returns over the volatility before them, by which intervals and trend allow for fat '
     'tails; 6.5 with fewer than 252 of them; NULL with too few returns for either.'),
    ('symbol_volatility', 'expected_volatility_21d',      'double precision',         NULL,
     'Forecast of the volatility of the next 21 sessions; NULL with a reason.'),
    ('symbol_volatility', 'forecast_method',              'text',                     NULL,
     'har or ewma: the model behind the forecast; NULL when there is none.'),
    ('symbol_volatility', 'model_r_squared',              'double precision',         NULL,
     'r_squared of the forecast model, 0 to 1; NULL when the forecast is not a regression.'),
    ('symbol_volatility', 'volatility_trend',             'text',                     NULL,
     'increasing, decreasing or stable: the last 21 sessions against the 21 before; NULL with too few returns.'),
    ('symbol_volatility', 'volatility_trend_strength',    'double precision',         NULL,
     'z-score of that comparison, positive when volatility rises; NULL with too few returns.'),
    ('symbol_volatility', 'volatility_percentile',        'double precision',         NULL,
     'Rank of the 21-session volatility in its own history, 0 to 1; NULL with too few returns.'),
    ('symbol_volatility', 'observations',                 'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('symbol_volatility', 'sessions_per_year',            'integer',                  NULL,
     'Sessions of a year of the calendar, by whose square root all figures are annualized: 252 of NYSE, 365 where '
     'every day is a session.'),
    ('symbol_volatility', 'quality_flag',                 'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; split_in_prices where a '
     'return of the window is left out because adj_close jumps by the ratio of a split; stale, before both, where the '
     'newest observation is more than max_stale_sessions old; NULL when no estimate applies.'),
    ('symbol_volatility', 'reason',                       'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('symbol_volatility', 'input_digest',        'bigint',                   NULL,
     'Digest of the prices that the figures were computed from.'),
    ('symbol_volatility', 'created_at',                   'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('symbol_volatility', 'run_id',                       'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- factor_correlations
    ('factor_correlations', NULL, 'result',
     'PRIMARY KEY (calculation_date, factor_1, factor_2)',
     'Exponentially weighted covariances of daily factor returns, each pair once and each factor with itself.'),
    ('factor_correlations', 'calculation_date', 'date',                     'NOT NULL',
     'Date of the estimate; nothing later was used.'),
    ('factor_correlations', 'factor_1',         'text',                     'NOT NULL',
     'Name of a factor.'),
    ('factor_correlations', 'factor_2',         'text',                     'NOT NULL',
     'Name of the other factor; the same for a variance.'),
    ('factor_correlations', 'correlation',      'double precision',         NULL,
     'Correlation, -1 to 1; NULL with a reason.'),
    ('factor_correlations', 'covariance',       'double precision',         NULL,
     'Covariance of the daily returns, not annualized; NULL with a reason.'),
    ('factor_correlations', 'observations',     'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('factor_correlations', 'half_life',        'double precision',         NULL,
     'Half-life of the weights in sessions.'),
    ('factor_correlations', 'reason',           'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('factor_correlations', 'created_at',       'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('factor_correlations', 'run_id',           'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.')
$columns$;

COMMENT ON FUNCTION _portfolio_batch.analytics_columns_symbol_results() IS
  'Data dictionary of the results by symbol and by factor: tables, columns with type and comments, in table order. '
  'Takes no argument and reads no table. A row without a column name describes the table (its kind, its '
  'constraints), a name that begins with @ an index of it.';
