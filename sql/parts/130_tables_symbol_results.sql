-- Data dictionary, results by symbol and by factor: a beta belongs to a symbol, so it is estimated once per date and
-- joined to positions. No foreign keys: one costs more than the whole write; batch_audit checks what they would have.

CREATE FUNCTION _portfolio_batch.analytics_columns_symbol_results()
RETURNS TABLE (table_name text, column_name text, data_type text, modifiers text, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $columns$
  VALUES
    -- symbol_model_fits
    ('symbol_model_fits', NULL, 'result',
     'PRIMARY KEY (symbol, calculation_date, model)',
     'Regression of a symbol''s daily returns on the factors of a model: one row per symbol, date and model.'),
    ('symbol_model_fits', 'symbol',              'text',                     'NOT NULL',
     'Symbol that was fitted.'),
    ('symbol_model_fits', 'calculation_date',    'date',                     'NOT NULL',
     'Date of the estimate; nothing later was used.'),
    ('symbol_model_fits', 'model',               'text',                     'NOT NULL',
     'Factor model: market, ridge, spread or rate.'),
    ('symbol_model_fits', 'observations',        'integer',                  NULL,
     'Daily returns used; NULL when none were looked for.'),
    ('symbol_model_fits', 'alpha',               'double precision',         NULL,
     'Intercept, a decimal return per day; NULL with a reason.'),
    ('symbol_model_fits', 'r_squared',           'double precision',         NULL,
     'Share of the variance explained, 0 to 1; NULL with a reason.'),
    ('symbol_model_fits', 'adj_r_squared',       'double precision',         NULL,
     'r_squared adjusted for the number of factors, may be negative; NULL with a reason.'),
    ('symbol_model_fits', 'residual_volatility', 'double precision',         NULL,
     'Volatility of the residuals, annualized by the square root of 252; NULL with a reason.'),
    ('symbol_model_fits', 'ridge_alpha',         'double precision',         NULL,
     'Penalty of the ridge regression on standardized factors; NULL for other models.'),
    ('symbol_model_fits', 'effective_df',        'double precision',         NULL,
     'Effective degrees of freedom of the factors after the penalty; NULL with a reason.'),
    ('symbol_model_fits', 'condition_number',    'double precision',         NULL,
     'Condition number of the design matrix, 1 or more; NULL with a reason.'),
    ('symbol_model_fits', 'max_vif',             'double precision',         NULL,
     'Largest variance inflation factor, 1 or more; NULL for one factor or with a reason.'),
    ('symbol_model_fits', 'window_start',        'date',                     NULL,
     'Session of the first return used; NULL when none was.'),
    ('symbol_model_fits', 'window_end',          'date',                     NULL,
     'Session of the last return used; NULL when none was.'),
    ('symbol_model_fits', 'quality_flag',        'text',                     NULL,
     'full_history, limited_history or insufficient_data, by the number of observations; NULL when no estimate '
     'applies.'),
    ('symbol_model_fits', 'reason',              'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private, or outlier for a beta that is '
     'implausibly large; NULL when there is nothing to say.'),
    ('symbol_model_fits', 'created_at',          'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('symbol_model_fits', 'run_id',              'bigint',                   NULL,
     'Run that wrote the row (batch_runs); NULL when an engine was called by hand.'),

    -- symbol_factor_exposures
    ('symbol_factor_exposures', NULL, 'result',
     'PRIMARY KEY (symbol, calculation_date, model, factor)',
     'Betas of a symbol: estimated once per symbol and date and joined to positions.'),
    ('symbol_factor_exposures', 'symbol',           'text',                     'NOT NULL',
     'Symbol that was fitted.'),
    ('symbol_factor_exposures', 'calculation_date', 'date',                     'NOT NULL',
     'Date of the estimate; nothing later was used.'),
    ('symbol_factor_exposures', 'model',            'text',                     'NOT NULL',
     'Factor model: market, ridge, spread or rate.'),
    ('symbol_factor_exposures', 'factor',           'text',                     'NOT NULL',
     'Name of the factor (factor_definitions.name).'),
    ('symbol_factor_exposures', 'beta',             'double precision',         NULL,
     'Return of the symbol per unit return of the factor; NULL with a reason.'),
    ('symbol_factor_exposures', 'std_error',        'double precision',         NULL,
     'Standard error of beta; NULL with a reason or when the model gives none.'),
    ('symbol_factor_exposures', 't_stat',           'double precision',         NULL,
     'beta over std_error; NULL when std_error is NULL or 0.'),
    ('symbol_factor_exposures', 'p_value',          'double precision',         NULL,
     'Two-sided p-value of beta = 0; NULL when t_stat is.'),
    ('symbol_factor_exposures', 'reason',           'text',                     NULL,
     'Why figures are missing, such as insufficient_data, no_prices or private; NULL when none is.'),
    ('symbol_factor_exposures', 'created_at',       'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was first written or last changed by a run.'),
    ('symbol_factor_exposures', 'run_id',           'bigint',                   NULL,
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
