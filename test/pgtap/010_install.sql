-- The installed tables: every documented table and column with its type, keys, comments, seeds and views; a second
-- call changes nothing; DROP EXTENSION keeps everything.

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET LOCAL search_path = pb, public;

SELECT plan(150);

-- The first call ----------------------------------------------------------------------------------------------------

CREATE TEMP TABLE first_call AS SELECT * FROM create_analytics_tables();

SELECT is((SELECT object_name || ' ' || action FROM first_call WHERE object_kind = 'schema'), 'pb exists',
          'without an argument the tables go to the extension''s schema');
SELECT is_empty($$SELECT * FROM first_call WHERE object_kind <> 'schema' AND action <> 'created'$$,
                'the first call creates everything');
SELECT results_eq($$SELECT object_name, rows_added FROM first_call
                    WHERE rows_added > 0 AND object_name NOT LIKE 'trading%' ORDER BY 1$$,
                  $$VALUES ('factor_definitions', 12::bigint), ('market_risk_scenarios', 10),
                           ('provider_priority', 23), ('stress_test_scenarios', 22)$$,
                  'it reports the definitions it seeded');

-- Documented columns ------------------------------------------------------------------------------------------------

-- Written out by hand from the documentation, not taken from the data dictionary, so that a slip there is found here.
CREATE TEMP TABLE documented (table_name text, data_type text, column_names text);
INSERT INTO documented VALUES
  ('portfolios', 'uuid', 'id'),
  ('portfolios', 'text', 'name owner currency'),
  ('portfolios', 'date', 'inception_date'),
  ('portfolios', 'numeric(20,4)', 'initial_equity equity_balance'),
  ('portfolios', 'boolean', 'is_active'),
  ('portfolios', 'timestamp with time zone', 'created_at updated_at deleted_at'),
  ('positions', 'uuid', 'portfolio_id id settles'),
  ('positions', 'text', 'symbol position_type underlying_symbol investment_class investment_subtype notes'),
  ('positions', 'numeric', 'quantity entry_price exit_price strike_price contract_multiplier last_price'),
  ('positions', 'date', 'entry_date exit_date expiration_date last_price_date'),
  ('positions', 'numeric(20,4)', 'market_value unrealized_pnl realized_pnl'),
  ('positions', 'timestamp with time zone', 'created_at updated_at deleted_at'),
  ('position_marks', 'uuid', 'portfolio_id position_id'),
  ('position_marks', 'date', 'mark_date'),
  ('position_marks', 'numeric', 'price'),
  ('position_marks', 'text', 'source'),
  ('position_marks', 'timestamp with time zone', 'created_at'),
  ('position_realized_events', 'uuid', 'portfolio_id id position_id settles'),
  ('position_realized_events', 'text', 'symbol'),
  ('position_realized_events', 'date', 'trade_date'),
  ('position_realized_events', 'numeric', 'quantity_closed exit_price'),
  ('position_realized_events', 'numeric(20,4)', 'realized_pnl'),
  ('position_realized_events', 'timestamp with time zone', 'created_at'),
  ('equity_changes', 'uuid', 'portfolio_id id'),
  ('equity_changes', 'text', 'change_type notes'),
  ('equity_changes', 'numeric(20,4)', 'amount'),
  ('equity_changes', 'date', 'change_date'),
  ('equity_changes', 'timestamp with time zone', 'created_at deleted_at'),
  ('cash_events', 'uuid', 'portfolio_id id position_id'),
  ('cash_events', 'text', 'kind symbol notes'),
  ('cash_events', 'numeric(20,4)', 'amount'),
  ('cash_events', 'date', 'event_date ex_date'),
  ('cash_events', 'timestamp with time zone', 'created_at deleted_at'),
  ('tags', 'uuid', 'id'),
  ('tags', 'text', 'owner name color description'),
  ('tags', 'boolean', 'is_system is_archived'),
  ('tags', 'integer', 'display_order usage_count'),
  ('tags', 'timestamp with time zone', 'created_at updated_at'),
  ('position_tags', 'uuid', 'portfolio_id position_id tag_id'),
  ('position_tags', 'boolean', 'is_system'),
  ('position_tags', 'timestamp with time zone', 'assigned_at'),
  ('position_tags', 'text', 'assigned_by'),
  ('tag_usage', 'uuid', 'tag_id'),
  ('tag_usage', 'text', 'name'),
  ('tag_usage', 'boolean', 'is_system'),
  ('tag_usage', 'bigint', 'usage_count'),
  ('market_data_cache', 'text', 'symbol adjustment data_source'),
  ('market_data_cache', 'date', 'date'),
  ('market_data_cache', 'double precision', 'open high low close adj_close'),
  ('market_data_cache', 'bigint', 'volume'),
  ('market_data_cache', 'boolean', 'is_final'),
  ('market_data_cache', 'timestamp with time zone', 'fetched_at'),
  ('corporate_actions', 'text', 'symbol kind source'),
  ('corporate_actions', 'date', 'ex_date'),
  ('corporate_actions', 'integer', 'action_no'),
  ('corporate_actions', 'double precision', 'ratio_numerator ratio_denominator amount'),
  ('corporate_actions', 'timestamp with time zone', 'created_at'),
  ('corporate_action_legs', 'text', 'symbol kind to_symbol'),
  ('corporate_action_legs', 'date', 'ex_date'),
  ('corporate_action_legs', 'integer', 'action_no leg_no'),
  ('corporate_action_legs', 'double precision', 'ratio_numerator ratio_denominator cash cost_share'),
  ('symbol_history', 'text', 'symbol former_symbol'),
  ('symbol_history', 'date', 'changed_on'),
  ('symbol_history', 'double precision', 'ratio_numerator ratio_denominator'),
  ('interest_rates', 'text', 'series'),
  ('interest_rates', 'date', 'date'),
  ('interest_rates', 'double precision', 'rate'),
  ('company_profiles', 'text', 'symbol company_name sector industry exchange country description ceo website'),
  ('company_profiles', 'numeric(20,4)', 'market_cap total_revenue next_earnings_expected_revenue'),
  ('company_profiles', 'boolean', 'is_etf is_fund'),
  ('company_profiles', 'double precision', 'pe_ratio forward_pe dividend_yield beta week_52_high week_52_low '
   'target_mean_price recommendation_mean forward_eps profit_margins operating_margins gross_margins return_on_equity'),
  ('company_profiles', 'date', 'next_earnings_date'),
  ('company_profiles', 'timestamp with time zone', 'fundamentals_last_fetched last_updated'),
  ('income_statements', 'text', 'symbol frequency provider currency eps_currency'),
  ('income_statements', 'date', 'period_date reported_period_date known_on'),
  ('income_statements', 'integer', 'fiscal_year fiscal_quarter'),
  ('income_statements', 'numeric(20,4)', 'total_revenue cost_of_revenue gross_profit operating_income ebit ebitda '
   'net_income tax_provision interest_expense depreciation_and_amortization research_and_development '
   'selling_general_and_administrative'),
  ('income_statements', 'double precision', 'gross_margin operating_margin net_margin diluted_eps basic_eps'),
  ('income_statements', 'bigint', 'basic_average_shares diluted_average_shares'),
  ('balance_sheets', 'text', 'symbol frequency provider currency'),
  ('balance_sheets', 'date', 'period_date reported_period_date known_on'),
  ('balance_sheets', 'numeric(20,4)', 'total_assets current_assets cash_and_cash_equivalents short_term_investments '
   'accounts_receivable inventory property_plant_equipment intangible_assets total_liabilities current_liabilities '
   'accounts_payable short_term_debt long_term_debt total_debt total_stockholders_equity retained_earnings '
   'common_stock working_capital net_debt'),
  ('balance_sheets', 'double precision', 'current_ratio debt_to_equity book_value_per_share'),
  ('cash_flows', 'text', 'symbol frequency provider currency'),
  ('cash_flows', 'date', 'period_date reported_period_date known_on'),
  ('cash_flows', 'numeric(20,4)', 'operating_cash_flow depreciation_and_amortization stock_based_compensation '
   'change_in_working_capital investing_cash_flow capital_expenditures acquisitions purchases_of_investments '
   'financing_cash_flow dividends_paid stock_repurchases debt_issuance_repayment net_change_in_cash '
   'beginning_cash_position free_cash_flow'),
  ('cash_flows', 'double precision', 'fcf_margin'),
  ('analyst_estimates', 'text', 'symbol frequency provider currency'),
  ('analyst_estimates', 'date', 'period_date'),
  ('analyst_estimates', 'numeric(20,4)', 'revenue_avg revenue_low revenue_high'),
  ('analyst_estimates', 'double precision', 'eps_avg eps_low eps_high'),
  ('benchmarks_sector_weights', 'text', 'benchmark_code sector data_source'),
  ('benchmarks_sector_weights', 'date', 'asof_date'),
  ('benchmarks_sector_weights', 'double precision', 'weight'),
  ('factor_definitions', 'integer', 'id display_order'),
  ('factor_definitions', 'text', 'name model factor_type long_symbol short_symbol'),
  ('factor_definitions', 'boolean', 'is_active'),
  ('stress_test_scenarios', 'text', 'scenario_id name description category severity'),
  ('stress_test_scenarios', 'jsonb', 'shock_config'),
  ('stress_test_scenarios', 'boolean', 'active'),
  ('market_risk_scenarios', 'text', 'scenario_name scenario_type'),
  ('market_risk_scenarios', 'double precision', 'market_shock volatility_shock'),
  ('market_risk_scenarios', 'jsonb', 'parameters'),
  ('trading_calendar', 'text', 'calendar'),
  ('trading_calendar', 'date', 'session_date'),
  ('trading_calendar', 'timestamp with time zone', 'open_at close_at'),
  ('trading_calendar', 'boolean', 'is_early_close'),
  ('trading_calendar_exceptions', 'text', 'calendar reason'),
  ('trading_calendar_exceptions', 'date', 'exception_date'),
  ('trading_calendar_exceptions', 'boolean', 'is_open'),
  ('trading_calendar_exceptions', 'time without time zone', 'open_time close_time'),
  ('trading_sessions', 'text', 'calendar'),
  ('trading_sessions', 'date', 'session_date'),
  ('trading_sessions', 'timestamp with time zone', 'open_at close_at'),
  ('trading_sessions', 'boolean', 'is_early_close'),
  ('factor_models', 'text', 'model'),
  ('factor_models', 'date', 'calculation_date window_start window_end'),
  ('factor_models', 'text[]', 'factors long_symbols short_symbols'),
  ('factor_models', 'bigint[]', 'long_digests short_digests'),
  ('factor_models', 'jsonb', 'parameters'),
  ('symbol_model_fits', 'text', 'symbol model quality_flag reason jensen_alpha_reason'),
  ('symbol_model_fits', 'date', 'calculation_date window_start window_end'),
  ('symbol_model_fits', 'integer', 'observations'),
  ('symbol_model_fits', 'double precision', 'alpha jensen_alpha jensen_alpha_std_error r_squared adj_r_squared residual_volatility residual_df ridge_alpha '
   'effective_df condition_number max_vif'),
  ('symbol_model_fits', 'double precision[]', 'betas std_errors'),
  ('symbol_volatility', 'date', 'calculation_date'),
  ('symbol_volatility', 'text', 'symbol forecast_method volatility_trend quality_flag reason'),
  ('symbol_volatility', 'double precision', 'return_kurtosis realized_volatility_21d realized_volatility_21d_low '
   'realized_volatility_21d_high realized_volatility_63d realized_volatility_63d_low realized_volatility_63d_high '
   'expected_volatility_21d model_r_squared volatility_trend_strength volatility_percentile'),
  ('symbol_volatility', 'integer', 'observations'),
  ('symbol_factor_exposures', 'text', 'symbol model factor reason'),
  ('symbol_factor_exposures', 'date', 'calculation_date'),
  ('symbol_factor_exposures', 'double precision', 'beta std_error t_stat p_value'),
  ('portfolio_holdings', 'uuid', 'portfolio_id'),
  ('portfolio_holdings', 'date', 'calculation_date'),
  ('portfolio_holdings', 'uuid[]', 'position_ids'),
  ('portfolio_holdings', 'text[]', 'symbols reasons'),
  ('portfolio_holdings', 'numeric[]', 'quantities prices'),
  ('portfolio_holdings', 'date[]', 'price_dates'),
  ('portfolio_holdings', 'double precision[]', 'exposures'),
  ('portfolio_holdings', 'bigint[]', 'market_values daily_pnl realized_pnl'),
  ('portfolio_holdings', 'numeric(20,4)', 'unallocated_pnl'),
  ('position_history', 'uuid', 'portfolio_id position_id'),
  ('position_history', 'date', 'calculation_date price_date'),
  ('position_history', 'text', 'symbol reason'),
  ('position_history', 'numeric', 'quantity price'),
  ('position_history', 'numeric(20,4)', 'market_value daily_pnl realized_pnl'),
  ('position_history', 'double precision', 'weight exposure contribution'),
  ('position_market_betas', 'uuid', 'portfolio_id position_id'),
  ('position_market_betas', 'date', 'calculation_date'),
  ('position_market_betas', 'text', 'method market_index quality_flag reason jensen_alpha_reason'),
  ('position_market_betas', 'integer', 'window_days observations'),
  ('position_market_betas', 'double precision', 'beta alpha jensen_alpha r_squared std_error p_value'),
  ('position_interest_rate_betas', 'uuid', 'portfolio_id position_id'),
  ('position_interest_rate_betas', 'date', 'calculation_date'),
  ('position_interest_rate_betas', 'double precision', 'ir_beta r_squared std_error'),
  ('position_interest_rate_betas', 'integer', 'observations'),
  ('position_interest_rate_betas', 'text', 'rate_series unit'),
  ('position_interest_rate_beta', 'double precision', 'ir_beta'),
  ('position_interest_rate_beta', 'date', 'calculation_date'),
  ('position_factor_exposures', 'uuid', 'portfolio_id position_id'),
  ('position_factor_exposures', 'date', 'calculation_date'),
  ('position_factor_exposures', 'text', 'model quality_flag'),
  ('position_factor_exposures', 'double precision', 'market_beta value_beta growth_beta momentum_beta quality_beta '
   'size_beta low_vol_beta growth_value_spread_beta momentum_spread_beta size_spread_beta quality_spread_beta '
   'r_squared residual_volatility'),
  ('position_factor_exposures', 'integer', 'observations'),
  ('position_factor_exposure', 'double precision', 'market_beta value_beta growth_beta momentum_beta quality_beta '
   'size_beta low_vol_beta r_squared residual_volatility'),
  ('position_factor_exposure', 'date', 'calculation_date'),
  ('portfolio_model_exposures', 'uuid', 'portfolio_id'),
  ('portfolio_model_exposures', 'date', 'calculation_date'),
  ('portfolio_model_exposures', 'text', 'model'),
  ('portfolio_model_exposures', 'text[]', 'factors reasons'),
  ('portfolio_model_exposures', 'double precision', 'stale_share'),
  ('portfolio_model_exposures', 'double precision[]', 'exposure_values std_errors coverage marginal_contributions contributions '
   'percent_contributions'),
  ('portfolio_model_exposures', 'bigint[]', 'exposure_dollars'),
  ('portfolio_factor_exposures', 'uuid', 'portfolio_id'),
  ('portfolio_factor_exposures', 'date', 'calculation_date'),
  ('portfolio_factor_exposures', 'text', 'model factor quality_flag'),
  ('portfolio_factor_exposures', 'double precision', 'exposure_value std_error coverage stale_share marginal_contribution_to_risk '
   'percent_contribution_to_risk'),
  ('portfolio_factor_exposures', 'numeric(20,4)', 'exposure_dollar'),
  ('factor_correlations', 'date', 'calculation_date'),
  ('factor_correlations', 'text', 'factor_1 factor_2'),
  ('factor_correlations', 'double precision', 'correlation covariance half_life'),
  ('factor_correlations', 'integer', 'observations'),
  ('position_volatility', 'uuid', 'portfolio_id position_id'),
  ('position_volatility', 'date', 'calculation_date'),
  ('position_volatility', 'double precision', 'realized_volatility_21d realized_volatility_63d expected_volatility_21d '
   'volatility_percentile'),
  ('position_volatility', 'text', 'volatility_trend'),
  ('correlation_calculations', 'uuid', 'portfolio_id'),
  ('correlation_calculations', 'date', 'calculation_date'),
  ('correlation_calculations', 'integer', 'duration_days positions_included positions_excluded'),
  ('correlation_calculations', 'double precision', 'avg_correlation effective_positions concentration_score '
   'diversification_ratio min_portfolio_weight correlation_threshold'),
  ('correlation_calculations', 'jsonb', 'top_correlations'),
  ('correlation_calculations', 'text', 'data_quality filter_mode'),
  ('correlation_calculations', 'numeric(20,4)', 'min_position_value'),
  ('correlation_calculations', 'text[]', 'symbols'),
  ('correlation_calculations', 'double precision[]', 'correlations'),
  ('correlation_calculations', 'integer[]', 'pair_observations'),
  ('pairwise_correlations', 'uuid', 'portfolio_id'),
  ('pairwise_correlations', 'date', 'calculation_date'),
  ('pairwise_correlations', 'text', 'symbol1 symbol2'),
  ('pairwise_correlations', 'double precision', 'correlation_coefficient p_value'),
  ('pairwise_correlations', 'integer', 'observations'),
  ('correlation_clusters', 'uuid', 'portfolio_id'),
  ('correlation_clusters', 'date', 'calculation_date'),
  ('correlation_clusters', 'integer', 'duration_days cluster_number'),
  ('correlation_clusters', 'text', 'nickname'),
  ('correlation_clusters', 'double precision', 'avg_correlation portfolio_percentage'),
  ('correlation_clusters', 'numeric(20,4)', 'total_value'),
  ('correlation_cluster_positions', 'uuid', 'portfolio_id position_id'),
  ('correlation_cluster_positions', 'text', 'symbol'),
  ('correlation_cluster_positions', 'numeric(20,4)', 'value'),
  ('correlation_cluster_positions', 'double precision', 'portfolio_percentage correlation_to_cluster'),
  ('stress_scenario_moves', 'date', 'calculation_date covariance_date'),
  ('stress_scenario_moves', 'text', 'scenario_id scenario_name category severity method rate_factor window_start '
   'window_end problem'),
  ('stress_scenario_moves', 'text[]', 'factors missing_factors'),
  ('stress_scenario_moves', 'double precision[]', 'shocks moves'),
  ('stress_scenario_moves', 'integer', 'covariance_observations'),
  ('stress_scenario_moves', 'double precision', 'covariance_half_life'),
  ('portfolio_stress_tests', 'uuid', 'portfolio_id'),
  ('portfolio_stress_tests', 'date', 'calculation_date'),
  ('portfolio_stress_tests', 'text[]', 'scenario_ids reasons factors'),
  ('portfolio_stress_tests', 'bigint[]', 'direct_pnl correlated_pnl'),
  ('portfolio_stress_tests', 'double precision[]', 'conditional_sd rate_direct_pnl rate_correlated_pnl exposures'),
  ('portfolio_stress_tests', 'double precision', 'coverage stale_share'),
  ('portfolio_stress_tests', 'numeric(20,4)', 'equity'),
  ('portfolio_stress_tests', 'jsonb', 'notes'),
  ('stress_test_results', 'uuid', 'portfolio_id'),
  ('stress_test_results', 'date', 'calculation_date'),
  ('stress_test_results', 'text', 'scenario_id'),
  ('stress_test_results', 'numeric(20,4)', 'direct_pnl correlated_pnl correlation_effect'),
  ('stress_test_results', 'jsonb', 'factor_impacts calculation_metadata'),
  ('stress_test_results', 'boolean', 'exceeds_equity'),
  ('portfolio_snapshots', 'uuid', 'portfolio_id'),
  ('portfolio_snapshots', 'date', 'snapshot_date previous_snapshot_date'),
  ('portfolio_snapshots', 'numeric(20,4)', 'total_value total_market_value cash_value equity_balance total_long '
   'total_short gross_exposure net_exposure gross_delta_exposure net_delta_exposure daily_pnl mtd_pnl ytd_pnl cumulative_pnl daily_realized_pnl '
   'cumulative_realized_pnl cumulative_dividends cumulative_cash_pnl cumulative_fees daily_capital_flow cumulative_capital_flow return_base'),
  ('portfolio_snapshots', 'integer', 'long_count short_count option_count private_positions stale_prices '
   'unpriced_positions symbol_count beta_observations'),
  ('portfolio_snapshots', 'double precision', 'daily_return gross_return net_delta total_gamma total_theta total_vega '
   'realized_volatility_21d realized_volatility_63d expected_volatility_21d volatility_percentile beta beta_std_error beta_r_squared '
   'beta_coverage hhi effective_positions top_3_concentration top_10_concentration'),
  ('portfolio_snapshots', 'text', 'volatility_trend beta_reason'),
  ('portfolio_snapshots', 'jsonb', 'sector_exposure'),
  ('portfolio_snapshots', 'boolean', 'analytics_complete'),
  ('position_greeks', 'uuid', 'portfolio_id position_id'),
  ('position_greeks', 'date', 'calculation_date'),
  ('position_greeks', 'double precision', 'delta gamma theta vega rho implied_volatility underlying_price'),
  ('price_sources', 'text', 'name kind relation'),
  ('price_sources', 'jsonb', 'mapping'),
  ('price_sources', 'integer', 'priority'),
  ('price_sources', 'boolean', 'is_enabled'),
  ('provider_priority', 'text', 'kind provider'),
  ('provider_priority', 'integer', 'priority'),
  ('provider_priority', 'boolean', 'is_enabled'),
  ('provider_limits', 'text', 'provider'),
  ('provider_limits', 'double precision', 'requests_per_second burst'),
  ('provider_limits', 'integer', 'concurrent'),
  ('provider_limits', 'bigint', 'requests_per_day'),
  ('provider_state', 'text', 'provider reason'),
  ('provider_state', 'date', 'quota_day'),
  ('provider_state', 'bigint', 'requests_sent'),
  ('provider_state', 'integer', 'failures_in_a_row times_opened'),
  ('provider_state', 'timestamp with time zone', 'closed_until updated_at'),
  ('symbol_aliases', 'text', 'symbol provider provider_symbol'),
  ('symbol_aliases', 'date', 'valid_from valid_to'),
  ('collection_results', 'bigint', 'collection_id rows_received rows_written rows_quarantined'),
  ('collection_results', 'text', 'symbol kind provider outcome message'),
  ('collection_results', 'integer', 'http_status requests'),
  ('collection_results', 'double precision', 'duration_seconds'),
  ('collection_results', 'timestamp with time zone', 'completed_at'),
  ('collections', 'bigint', 'collection_id rows_written'),
  ('collections', 'text', 'kind status error_message'),
  ('collections', 'date', 'target_date'),
  ('collections', 'timestamp with time zone', 'started_at completed_at backend_start'),
  ('collections', 'integer', 'symbols_requested symbols_fetched symbols_with_data symbols_wanted backend_pid'),
  ('collections', 'jsonb', 'detail'),
  ('market_data_revisions', 'text', 'symbol adjustment data_source reason new_source'),
  ('market_data_revisions', 'date', 'date'),
  ('market_data_revisions', 'timestamp with time zone', 'revised_at fetched_at'),
  ('market_data_revisions', 'double precision', 'open high low close adj_close'),
  ('market_data_revisions', 'bigint', 'volume'),
  ('market_data_revisions', 'boolean', 'is_final'),
  ('price_quarantine', 'text', 'symbol data_source adjustment gate status decided_by'),
  ('price_quarantine', 'date', 'date'),
  ('price_quarantine', 'double precision', 'open high low close adj_close'),
  ('price_quarantine', 'bigint', 'volume'),
  ('price_quarantine', 'boolean', 'is_final'),
  ('price_quarantine', 'jsonb', 'facts'),
  ('price_quarantine', 'timestamp with time zone', 'decided_at created_at'),
  ('fundamental_state', 'text', 'symbol kind provider earnings_status last_error'),
  ('fundamental_state', 'timestamp with time zone', 'last_attempt_at last_success_at last_new_data_at'),
  ('fundamental_state', 'date', 'last_period_end expected_period_end earnings_first earnings_last'),
  ('fundamental_state', 'integer', 'attempts_since_due no_data_count failure_count'),
  ('batch_runs', 'bigint', 'run_id rows_written'),
  ('batch_runs', 'text', 'run_kind status extension_version requested_by'),
  ('batch_runs', 'date', 'target_date'),
  ('batch_runs', 'uuid[]', 'portfolio_ids'),
  ('batch_runs', 'text[]', 'phases'),
  ('batch_runs', 'boolean', 'force'),
  ('batch_runs', 'timestamp with time zone', 'started_at completed_at backend_start'),
  ('batch_runs', 'double precision', 'duration_seconds'),
  ('batch_runs', 'integer', 'dates_processed portfolio_dates error_count backend_pid'),
  ('batch_runs', 'jsonb', 'settings'),
  ('batch_jobs', 'bigint', 'run_id processed skipped failed rows_written'),
  ('batch_jobs', 'integer', 'job_no'),
  ('batch_jobs', 'text', 'job_name job_type phase status error_message sqlstate error_detail error_hint'),
  ('batch_jobs', 'uuid', 'portfolio_id'),
  ('batch_jobs', 'date', 'calculation_date'),
  ('batch_jobs', 'timestamp with time zone', 'started_at completed_at'),
  ('batch_jobs', 'double precision', 'duration_seconds'),
  ('batch_jobs', 'jsonb', 'detail'),
  ('batch_schedule_records', 'text', 'schedule_name cron_expression command owner last_status last_message'),
  ('batch_schedule_records', 'boolean', 'enabled'),
  ('batch_schedule_records', 'timestamp with time zone', 'last_run next_run'),
  ('batch_schedule_records', 'bigint', 'job_id'),
  ('batch_job_schedules', 'text', 'schedule_name cron_expression command last_status'),
  ('batch_job_schedules', 'boolean', 'enabled'),
  ('batch_job_schedules', 'timestamp with time zone', 'last_run next_run');

SELECT is_empty($$SELECT d.table_name, c.name, d.data_type
                    FROM documented AS d
                    CROSS JOIN LATERAL regexp_split_to_table(d.column_names, ' ') AS c (name)
                    LEFT JOIN pg_attribute AS a ON a.attrelid = to_regclass('pb.' || d.table_name)
                                               AND a.attname = c.name
                                               AND format_type(a.atttypid, a.atttypmod) = d.data_type
                   WHERE a.attname IS NULL$$, 'every table and view has its documented columns');

SELECT set_eq($$SELECT DISTINCT table_name FROM documented$$,
              $$SELECT object_name FROM first_call WHERE object_kind IN ('table', 'view')$$,
              'every table and view is documented here');
SELECT is_empty($$SELECT d.table_name FROM analytics_columns() AS d
                  WHERE d.column_name IS NULL AND d.data_type = 'result'
                    AND 2 <> (SELECT count(*) FROM pg_attribute AS a
                              WHERE a.attrelid = to_regclass('pb.' || d.table_name)
                                AND ((a.attname = 'created_at' AND a.attnotnull AND a.atthasdef)
                                     OR (a.attname = 'run_id' AND NOT a.attnotnull)))$$,
                'every result says when and by which run it was written');

SELECT is((SELECT reloptions FROM pg_class WHERE oid = 'pb.positions'::regclass), '{fillfactor=30}',
          'pages of positions have room for the prices of the next night');
SELECT is((SELECT attstorage FROM pg_attribute
            WHERE attrelid = 'pb.correlation_calculations'::regclass AND attname = 'correlations'), 'e',
          'correlations are stored without an attempt to compress them');

-- Keys --------------------------------------------------------------------------------------------------------------

SELECT col_is_pk('pb', k.table_name, string_to_array(k.key, ' ')::name[], k.table_name || ' has its documented key')
  FROM (VALUES
    ('portfolios',                    'id'),
    ('positions',                     'portfolio_id id'),
    ('position_realized_events',      'portfolio_id id'),
    ('position_marks',                'portfolio_id position_id mark_date'),
    ('equity_changes',                'portfolio_id id'),
    ('cash_events',                   'portfolio_id id'),
    ('tags',                          'id'),
    ('position_tags',                 'portfolio_id position_id tag_id'),
    ('market_data_cache',             'symbol date'),
    ('corporate_actions',             'symbol ex_date kind action_no'),
    ('corporate_action_legs',         'symbol ex_date kind action_no leg_no'),
    ('interest_rates',                'series date'),
    ('company_profiles',              'symbol'),
    ('income_statements',             'symbol period_date frequency provider'),
    ('balance_sheets',                'symbol period_date frequency provider'),
    ('cash_flows',                    'symbol period_date frequency provider'),
    ('analyst_estimates',             'symbol period_date frequency provider'),
    ('benchmarks_sector_weights',     'benchmark_code asof_date sector'),
    ('factor_definitions',            'id'),
    ('stress_test_scenarios',         'scenario_id'),
    ('market_risk_scenarios',         'scenario_name'),
    ('trading_calendar',              'calendar session_date'),
    ('trading_calendar_exceptions',   'calendar exception_date'),
    ('factor_models',                 'calculation_date model'),
    ('symbol_model_fits',             'calculation_date symbol model'),
    ('symbol_volatility',             'calculation_date symbol'),
    ('factor_correlations',           'calculation_date factor_1 factor_2'),
    ('portfolio_snapshots',           'portfolio_id snapshot_date'),
    ('portfolio_holdings',            'portfolio_id calculation_date'),
    ('portfolio_model_exposures',     'portfolio_id calculation_date model'),
    ('position_greeks',               'portfolio_id calculation_date position_id'),
    ('correlation_calculations',      'portfolio_id calculation_date duration_days'),
    ('correlation_clusters',          'portfolio_id calculation_date duration_days cluster_number'),
    ('correlation_cluster_positions', 'portfolio_id calculation_date duration_days cluster_number position_id'),
    ('stress_scenario_moves',         'calculation_date scenario_id'),
    ('portfolio_stress_tests',        'portfolio_id calculation_date'),
    ('batch_runs',                    'run_id'),
    ('batch_jobs',                    'run_id job_no'),
    ('batch_schedule_records',        'schedule_name')) AS k (table_name, key);

SELECT is_empty($$SELECT conrelid::regclass, conname FROM pg_constraint AS c
                  JOIN analytics_columns() AS d ON c.conrelid = to_regclass('pb.' || d.table_name)
                                               AND d.column_name IS NULL
                  WHERE c.contype = 'f' AND d.data_type = 'result'$$,
                'results have no foreign keys');
SELECT set_eq($$SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
                WHERE contype = 'f' AND connamespace = 'pb'::regnamespace$$,
              $$VALUES ('positions', 'portfolios'), ('position_realized_events', 'positions'),
                       ('position_marks', 'positions'), ('equity_changes', 'portfolios'),
                       ('cash_events', 'portfolios'), ('cash_events', 'positions'), ('position_tags', 'positions'), ('position_tags', 'tags'),
                       ('corporate_action_legs', 'corporate_actions')$$,
              'inputs have foreign keys');
SELECT is_empty($$SELECT tgrelid::regclass FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
                  WHERE c.relnamespace = 'pb'::regnamespace AND c.relkind <> 'v' AND NOT t.tgisinternal$$,
                'tables have no triggers');
SELECT has_index('pb', 'market_data_cache', 'market_data_cache_date_idx', 'date', 'prices are indexed by date');
SELECT index_is_unique('pb', 'tags', 'tags_system_name_idx', 'system tags have unique names');
SELECT index_is_unique('pb', 'factor_definitions', 'factor_definitions_active_name_idx', 'so do active factors');

-- Comments ----------------------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT relname FROM pg_class
                  WHERE relnamespace = 'pb'::regnamespace AND relkind IN ('r', 'v')
                    AND COALESCE(obj_description(oid, 'pg_class'), '') !~ '\.$'$$,
                'every table and view has a comment');
SELECT is_empty($$SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
                  WHERE c.relnamespace = 'pb'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
                    AND COALESCE(col_description(c.oid, a.attnum), '') !~ '\.$'$$,
                'every column has a comment');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc AS p
                  WHERE p.pronamespace = 'pb'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL$$,
                'every function has a comment');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
                  WHERE c.relnamespace = 'pb'::regnamespace AND NOT a.attnotnull AND a.attnum > 0 AND c.relkind = 'r'
                    AND c.relname IN ('portfolios', 'positions', 'market_data_cache', 'company_profiles')
                    AND col_description(c.oid, a.attnum) !~ 'NULL'$$,
                'the comment of an input column that can be NULL says when it is');

-- The second call ---------------------------------------------------------------------------------------------------

UPDATE stress_test_scenarios SET name = 'Ours', shock_config = '{"shocks": {"market": -0.07}}', active = false
 WHERE scenario_id = 'market_down_5';
UPDATE factor_definitions SET long_symbol = 'VOO' WHERE name = 'market';
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS writes_before,
       (SELECT last_value FROM factor_definitions_id_seq) AS id_before
  FROM pg_stat_xact_all_tables WHERE schemaname IN ('pb', 'pg_catalog') \gset
SELECT count(*) AS objects, count(*) FILTER (WHERE action = 'exists' AND rows_added = 0) AS unchanged
  FROM create_analytics_tables() \gset
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS writes_after,
       (SELECT last_value FROM factor_definitions_id_seq) AS id_after
  FROM pg_stat_xact_all_tables WHERE schemaname IN ('pb', 'pg_catalog') \gset
SELECT is(:unchanged, :objects, 'a second call finds everything there');
SELECT is(:writes_after, :writes_before, 'a second call writes no row of a table or catalogue');
SELECT is(:id_after, :id_before, 'a second call uses no identity value');
SELECT is((SELECT name FROM stress_test_scenarios WHERE scenario_id = 'market_down_5'), 'Ours',
          'a scenario that was changed stays as it is');
SELECT is((SELECT long_symbol FROM factor_definitions WHERE name = 'market'), 'VOO',
          'a factor that was changed stays as it is');
DELETE FROM stress_test_scenarios WHERE scenario_id = 'market_down_5';
SELECT is((SELECT rows_added FROM create_analytics_tables() WHERE object_name = 'stress_test_scenarios'), 1::bigint,
          'a scenario that was deleted comes back');

-- Seeds -------------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM stress_test_scenarios), 22::bigint, '22 stress scenarios');
SELECT is((SELECT count(*) FROM stress_test_scenarios WHERE active), 22::bigint, 'all of them active');
SELECT set_eq($$SELECT scenario_id, shock_config -> 'window' ->> 'start' AS first,
                       shock_config -> 'window' ->> 'end' AS last
                FROM stress_test_scenarios WHERE category = 'historical'$$,
              $$VALUES ('financial_crisis_2008', '2008-09-15', '2009-03-15'),
                       ('covid_crash_2020', '2020-02-19', '2020-03-23'),
                       ('dotcom_crash_2000', '2000-03-10', '2002-10-09')$$,
              'the historical replays name their days');
SELECT set_eq($$SELECT category, severity, count(*) FROM stress_test_scenarios GROUP BY 1, 2$$,
              $$VALUES ('market', 'base', 2::bigint), ('market', 'moderate', 2), ('market', 'severe', 2),
                       ('rates', 'base', 2), ('rates', 'mild', 2), ('rates', 'moderate', 2), ('rates', 'severe', 1),
                       ('rotation', 'moderate', 2), ('rotation', 'mild', 2), ('volatility', 'severe', 2),
                       ('historical', 'extreme', 3)$$,
              'scenarios by category and severity');
SELECT is_empty($$SELECT scenario_id, k FROM stress_test_scenarios, jsonb_object_keys(shock_config -> 'shocks') AS k
                  WHERE k NOT IN (SELECT name FROM factor_definitions)$$,
                'scenarios shock factors that exist');
SELECT is_empty($$SELECT scenario_id FROM stress_test_scenarios
                  WHERE (shock_config ->> 'unit' = 'yield_change') <> (shock_config -> 'shocks' ? 'interest_rate')$$,
                'shocks of interest rates are changes of the yield');
SELECT is((SELECT shock_config -> 'shocks' FROM stress_test_scenarios WHERE scenario_id = 'liquidity_crisis'),
          '{"market": -0.20, "low_vol": -0.30, "quality": 0.15, "size": -0.10}'::jsonb,
          'the shocks of the liquidity crisis');
SELECT set_eq($$SELECT name, model, long_symbol, short_symbol FROM factor_definitions WHERE name <> 'market'$$,
              $$VALUES ('value', 'ridge', 'VTV', NULL), ('growth', 'ridge', 'VUG', NULL),
                       ('momentum', 'ridge', 'MTUM', NULL), ('quality', 'ridge', 'QUAL', NULL),
                       ('size', 'ridge', 'IWM', NULL), ('low_vol', 'ridge', 'USMV', NULL),
                       ('growth_value_spread', 'spread', 'VUG', 'VTV'), ('momentum_spread', 'spread', 'MTUM', 'SPY'),
                       ('size_spread', 'spread', 'IWM', 'SPY'), ('quality_spread', 'spread', 'QUAL', 'SPY'),
                       ('interest_rate', 'rate', 'TLT', NULL)$$,
              'the factors and their symbols');
SELECT set_eq($$SELECT scenario_type, market_shock, (parameters -> 'shocks' ->> scenario_type)::float8
                FROM market_risk_scenarios$$,
              $$VALUES ('market', 0.05::float8, 0.05::float8), ('market', -0.05, -0.05), ('market', 0.1, 0.1),
                       ('market', -0.1, -0.1), ('market', 0.2, 0.2), ('market', -0.2, -0.2),
                       ('interest_rate', NULL, 0.01), ('interest_rate', NULL, -0.01), ('interest_rate', NULL, 0.02),
                       ('interest_rate', NULL, -0.02)$$,
              'the grid of market and rate moves');
SELECT results_eq($$SELECT DISTINCT calendar FROM trading_calendar$$, $$VALUES ('NYSE')$$, 'the calendar of the NYSE');
SELECT results_eq($$SELECT extract(year FROM session_date)::int FROM trading_calendar GROUP BY 1
                    HAVING count(*) BETWEEN 248 AND 262 ORDER BY 1$$,
                  $$SELECT generate_series(1990, 2035)$$, 'sessions from 1990 to 2035');
SELECT is_empty($$SELECT session_date FROM trading_sessions
                  WHERE session_date IN ('2012-10-29', '2012-10-30', '2025-01-09')$$,
                'special closures are no sessions');
SELECT results_eq($$SELECT close_at, is_early_close FROM trading_sessions WHERE session_date = '1999-12-31'$$,
                  $$VALUES ('1999-12-31 13:00 America/New_York'::timestamptz, true)$$,
                  'a special early close');

-- Views -------------------------------------------------------------------------------------------------------------

INSERT INTO trading_calendar (calendar, session_date, open_at, close_at, is_early_close) VALUES
  ('TEST', '2024-07-01', '2024-07-01 09:30 America/New_York', '2024-07-01 16:00 America/New_York', false),
  ('TEST', '2024-07-02', '2024-07-02 09:30 America/New_York', '2024-07-02 16:00 America/New_York', false),
  ('TEST', '2024-07-03', '2024-07-03 09:30 America/New_York', '2024-07-03 13:00 America/New_York', true),
  ('TEST', '2024-07-05', '2024-07-05 09:30 America/New_York', '2024-07-05 16:00 America/New_York', false),
  ('TEST', '2024-07-08', '2024-07-08 09:30 America/New_York', '2024-07-08 16:00 America/New_York', false);
INSERT INTO trading_calendar_exceptions (calendar, exception_date, is_open, open_time, close_time, reason) VALUES
  ('TEST', '2024-07-02', false, NULL,    NULL,    'closed'),
  ('TEST', '2024-07-03', true,  NULL,    '16:00', 'closes at the regular hour after all'),
  ('TEST', '2024-07-05', true,  '11:00', NULL,    'opens late'),
  ('TEST', '2024-07-06', true,  NULL,    '12:00', 'a session on Saturday'),
  ('TEST', '2024-07-07', false, NULL,    NULL,    'no session anyway'),
  ('OTHER', '2024-07-08', false, NULL,   NULL,    'another calendar');
SELECT results_eq(
  $$SELECT session_date, open_at AT TIME ZONE 'America/New_York', close_at AT TIME ZONE 'America/New_York',
           is_early_close
    FROM trading_sessions WHERE calendar = 'TEST' ORDER BY session_date$$,
  $$VALUES ('2024-07-01'::date, '2024-07-01 09:30'::timestamp, '2024-07-01 16:00'::timestamp, false),
           ('2024-07-03', '2024-07-03 09:30', '2024-07-03 16:00', false),
           ('2024-07-05', '2024-07-05 11:00', '2024-07-05 16:00', false),
           ('2024-07-06', '2024-07-06 09:30', '2024-07-06 12:00', true),
           ('2024-07-08', '2024-07-08 09:30', '2024-07-08 16:00', false)$$,
  'trading_sessions is the calendar after its exceptions');

INSERT INTO correlation_calculations (portfolio_id, calculation_date, duration_days, symbols, correlations, "pair_observations")
VALUES
  ('00000000-0000-0000-0000-000000000001', '2024-07-01', 126, '{A,B,C,D}', '{0.21,0.31,0.32,0.41,0.42,NULL}', '{126}'),
  ('00000000-0000-0000-0000-000000000002', '2024-07-01', 126, '{A,B,C}',   '{0.21,0.31,0.32}',          '{60,70,80}'),
  ('00000000-0000-0000-0000-000000000003', '2024-07-01', 126, '{A,B}',     '{0.5}',                     '{99}'),
  ('00000000-0000-0000-0000-000000000004', '2024-07-01', 126, '{A}',       '{}',                        '{}'),
  ('00000000-0000-0000-0000-000000000005', '2024-07-01', 126, NULL,        NULL,                        NULL);
SELECT results_eq(
  $$SELECT right(portfolio_id::text, 1), symbol1, symbol2, correlation_coefficient, observations
    FROM pairwise_correlations ORDER BY 1, symbol2, symbol1$$,
  $$VALUES ('1', 'A', 'B', 0.21::float8, 126), ('1', 'A', 'C', 0.31, 126), ('1', 'B', 'C', 0.32, 126),
           ('1', 'A', 'D', 0.41, 126), ('1', 'B', 'D', 0.42, 126), ('1', 'C', 'D', NULL, 126),
           ('2', 'A', 'B', 0.21, 60), ('2', 'A', 'C', 0.31, 70), ('2', 'B', 'C', 0.32, 80),
           ('3', 'A', 'B', 0.5, 99)$$,
  'pairwise_correlations unfolds the packed matrix');
SELECT is_empty($$SELECT * FROM pairwise_correlations
                  WHERE p_value IS DISTINCT FROM correlation_p_value(correlation_coefficient, observations)
                     OR (p_value IS NULL) <> (correlation_coefficient IS NULL)$$,
                'with the p-values of correlation_p_value');

-- A book of a stock, a private lot and a lot that was closed on the day, with fits of the stock alone.
INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date, total_value, equity_balance, daily_pnl, return_base)
VALUES ('00000000-0000-0000-0000-000000000001', '2024-07-01', 2000, 2000, 30, 1600);
INSERT INTO portfolio_holdings (portfolio_id, calculation_date, position_ids, symbols, quantities, prices, price_dates,
                                exposures, market_values, daily_pnl, realized_pnl, reasons, unallocated_pnl, run_id)
VALUES ('00000000-0000-0000-0000-000000000001', '2024-07-01',
        '{00000000-0000-0000-0000-00000000000a,00000000-0000-0000-0000-00000000000b,00000000-0000-0000-0000-00000000000c}',
        '{A,NULL,NULL}', '{-10.5,2,0}', '{100.25,55,NULL}', '{2024-06-28,2024-07-01,NULL}', '{-1052.625,110,0}',
        '{-10526250,1100000,0}', '{123456,-1,80000}', '{0,0,1234567}', '{stale_price,private,closed}', 9.6544, 7);
INSERT INTO factor_models (calculation_date, model, factors, long_symbols, parameters) VALUES
  ('2024-07-01', 'market', '{market}', '{SPY}', '{"method": "OLS_NW", "window": 252}'),
  ('2024-07-01', 'rate', '{market,interest_rate}', '{SPY,DGS10}', '{"rate_series": "DGS10", "unit": "1 pp"}'),
  ('2024-07-01', 'ridge', '{market,low_vol,value}', '{SPY,USMV,VTV}', '{}'),
  ('2024-07-01', 'spread', '{market,size_spread}', '{SPY,IWM}', '{}');
INSERT INTO symbol_model_fits (calculation_date, symbol, model, betas, std_errors, residual_df, alpha, r_squared,
                               residual_volatility, observations, quality_flag, reason) VALUES
  ('2024-07-01', 'A', 'market', '{1.5}', '{0.25}', 250, 0.001, 0.6, 0.2, 252, 'full_history', NULL),
  ('2024-07-01', 'A', 'rate', '{1.25,-8.5}', '{0.5,2}', 249, 0, 0.7, 0.1, 251, 'full_history', NULL),
  ('2024-07-01', 'A', 'ridge', '{1.1,0.3,0.2}', '{1,0,NULL}', 245, 0, 0.8, 0.15, 250, 'full_history', 'outlier'),
  ('2024-07-01', 'A', 'spread', NULL, NULL, NULL, NULL, NULL, NULL, 3, 'insufficient_data', 'insufficient_data'),
  ('2024-07-01', 'B', 'market', '{0.5}', '{0.25}', 250, 0, 0.6, 0.2, 252, 'full_history', NULL);
INSERT INTO symbol_volatility (calculation_date, symbol, realized_volatility_21d, forecast_method, reason)
VALUES ('2024-07-01', 'A', 0.25, 'har', NULL);
INSERT INTO stress_scenario_moves (calculation_date, scenario_id, scenario_name, category, severity, method, factors,
                                   shocks, moves, covariance_date, covariance_observations, covariance_half_life,
                                   window_start, window_end, problem) VALUES
  ('2024-07-01', 'down', 'Down', 'market', 'base', 'conditional_expectation', '{market,value}', '{-0.1,NULL}',
   '{-0.1,0.02}', '2024-07-01', 252, 63, NULL, NULL, NULL),
  ('2024-07-01', 'odd', 'Odd', 'custom', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'no shocks'),
  ('2024-07-01', 'past', 'Past', 'historical', 'extreme', 'replay', '{market}', NULL, '{-0.3}', NULL, NULL, NULL,
   '2020-02-19', '2020-03-23', NULL);
INSERT INTO portfolio_stress_tests (portfolio_id, calculation_date, scenario_ids, direct_pnl, correlated_pnl,
                                    conditional_sd, reasons, factors, exposures, coverage, equity, notes)
VALUES ('00000000-0000-0000-0000-000000000001', '2024-07-01', '{down,odd,past}', '{-1000000,NULL,-3000000}',
        '{-900000,NULL,-3000000}', '{12.5,NULL,NULL}', '{NULL,bad_definition,NULL}', '{market,value}', '{1000,500}', 0.9,
        250, '{"past": {"coverage": 0.8}}');
INSERT INTO tags (name, is_system) VALUES ('Energy', true);

SELECT results_eq(
  $$SELECT right(position_id::text, 1), symbol, quantity, price, price_date, market_value, weight, exposure, daily_pnl,
           realized_pnl, contribution, reason, run_id
    FROM position_history ORDER BY position_id$$,
  $$VALUES ('a', 'A', -10.5, 100.25, '2024-06-28'::date, -1052.6250::numeric(20,4), -1052.625 / 2000::float8,
            -1052.625::float8, 12.3456::numeric(20,4), 0.0000::numeric(20,4), 12.3456 / 1600::float8, 'stale_price', 7::bigint),
           ('b', NULL, 2, 55, '2024-07-01', 110.0000, 110 / 2000::float8, 110, -0.0001, 0.0000, -0.0001 / 1600::float8,
            'private', 7),
           ('c', NULL, 0, NULL, NULL, 0.0000, 0, 0, 8.0000, 123.4567, 8 / 1600::float8, 'closed', 7)$$,
  'position_history unfolds what was held, in currency, over the equity of the date and of the day before');
SELECT results_eq(
  $$SELECT symbol, model, factor, beta, std_error, t_stat, p_value = student_t_p_value(t_stat, residual_df), f.reason
    FROM symbol_factor_exposures AS f JOIN symbol_model_fits AS m USING (symbol, calculation_date, model)
    ORDER BY symbol, model, factor$$,
  $$VALUES ('A', 'market', 'market', 1.5::float8, 0.25::float8, 6::float8, true, NULL),
           ('A', 'rate', 'interest_rate', -8.5, 2, -4.25, true, NULL), ('A', 'rate', 'market', 1.25, 0.5, 2.5, true, NULL),
           ('A', 'ridge', 'low_vol', 0.3, 0, NULL, NULL, 'outlier'), ('A', 'ridge', 'market', 1.1, 1, 1.1, true, 'outlier'),
           ('A', 'ridge', 'value', 0.2, NULL, NULL, NULL, 'outlier'),
           ('A', 'spread', 'market', NULL, NULL, NULL, NULL, 'insufficient_data'),
           ('A', 'spread', 'size_spread', NULL, NULL, NULL, NULL, 'insufficient_data'),
           ('B', 'market', 'market', 0.5, 0.25, 2, true, NULL)$$,
  'symbol_factor_exposures unfolds the betas of a fit by the factors of its model');
SELECT results_eq(
  $$SELECT right(position_id::text, 1), method, window_days, beta, alpha, r_squared, std_error,
           p_value = student_t_p_value(6, 250), observations, market_index, quality_flag, reason
    FROM position_market_betas ORDER BY position_id$$,
  $$VALUES ('a', 'OLS_NW', 252, 1.5::float8, 0.001::float8, 0.6::float8, 0.25::float8, true, 252, 'SPY', 'full_history', NULL),
           ('b', 'OLS_NW', 252, NULL, NULL, NULL, NULL, NULL, NULL, 'SPY', NULL, 'private')$$,
  'position_market_betas gives each open lot the beta of its symbol, or says why it has none');
SELECT results_eq(
  $$SELECT right(position_id::text, 1), ir_beta, r_squared, std_error, observations, rate_series, unit, reason
    FROM position_interest_rate_betas ORDER BY position_id$$,
  $$VALUES ('a', '-8.5'::float8, 0.7::float8, 2::float8, 251, 'DGS10', '1 pp', NULL),
           ('b', NULL, NULL, NULL, NULL, 'DGS10', '1 pp', 'private')$$,
  'position_interest_rate_betas that to the rate, beside the market');
INSERT INTO portfolio_model_exposures (portfolio_id, calculation_date, model, factors, exposure_values, std_errors, exposure_dollars,
                                       coverage, marginal_contributions, contributions, percent_contributions, reasons, run_id)
VALUES (gen_random_uuid(), '2024-07-01', 'ridge', '{market,value,specific}', '{0.5,NULL,NULL}', '{0.04,NULL,NULL}', '{123456789,NULL,NULL}',
        '{0.9,0,0.9}', '{0.2,NULL,NULL}', '{0.1,NULL,0.05}', '{0.8,NULL,0.2}', '{NULL,no_prices,NULL}', 7),
       (gen_random_uuid(), '2024-07-02', 'market', '{market}', NULL, NULL, '{-1}', NULL, NULL, NULL, NULL, NULL, 7);
SELECT results_eq(
  $$SELECT calculation_date, model, factor, exposure_value, std_error, exposure_dollar, coverage, marginal_contribution_to_risk,
           contribution_to_risk, percent_contribution_to_risk, reason, run_id
    FROM portfolio_factor_exposures ORDER BY calculation_date, factor$$,
  $$VALUES ('2024-07-01'::date, 'ridge', 'market', 0.5::float8, 0.04::float8, 12345.6789::numeric(20,4), 0.9::float8, 0.2::float8,
            0.1::float8, 0.8::float8, NULL, 7::bigint),
           ('2024-07-01', 'ridge', 'specific', NULL, NULL, NULL, 0.9, NULL, 0.05, 0.2, NULL, 7),
           ('2024-07-01', 'ridge', 'value', NULL, NULL, NULL, 0, NULL, NULL, NULL, 'no_prices', 7),
           ('2024-07-02', 'market', 'market', NULL, NULL, -0.0001, NULL, NULL, NULL, NULL, NULL, 7)$$,
  'portfolio_factor_exposures unfolds the exposures of a portfolio by factor, in currency');
SELECT results_eq(
  $$SELECT right(position_id::text, 1), model, market_beta, value_beta, low_vol_beta, growth_beta, size_spread_beta,
           r_squared, residual_volatility, observations, reason
    FROM position_factor_exposures ORDER BY position_id, model$$,
  $$VALUES ('a', 'ridge', 1.1::float8, 0.2::float8, 0.3::float8, NULL::float8, NULL::float8, 0.8::float8, 0.15::float8, 250,
            'outlier'),
           ('a', 'spread', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3, 'insufficient_data'),
           ('b', 'ridge', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'private'),
           ('b', 'spread', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'private')$$,
  'position_factor_exposures finds each beta by the name of its factor');
SELECT results_eq(
  $$SELECT right(position_id::text, 1), realized_volatility_21d, forecast_method, reason
    FROM position_volatility ORDER BY position_id$$,
  $$VALUES ('a', 0.25::float8, 'har', NULL), ('b', NULL, NULL, 'private')$$,
  'position_volatility gives each open lot the volatility of its symbol');
SELECT results_eq(
  $$SELECT scenario_id, direct_pnl, correlated_pnl, correlation_effect, exceeds_equity, reason, factor_impacts,
           calculation_metadata
    FROM stress_test_results ORDER BY scenario_id$$,
  $$VALUES ('down', -100.0000::numeric(20,4), -90.0000::numeric(20,4), 10.0000::numeric(20,4), false, NULL,
            '{"market": {"move": -0.1, "shock": -0.1, "exposure": 1000, "direct_pnl": -100, "correlated_pnl": -100},
              "value": {"move": 0.02, "exposure": 500, "direct_pnl": 0, "correlated_pnl": 10}}'::jsonb,
            '{"method": "conditional_expectation", "scenario_name": "Down", "category": "market", "severity": "base",
              "covariance_date": "2024-07-01", "covariance_observations": 252, "covariance_half_life": 63,
              "coverage": 0.9, "conditional_sd": 12.5, "pnl_over_equity": -0.36}'::jsonb),
           ('odd', NULL, NULL, NULL, NULL, 'bad_definition', NULL,
            '{"method": "none", "scenario_name": "Odd", "category": "custom", "severity": null, "problem": "no shocks"}'),
           ('past', -300.0000, -300.0000, 0.0000, true, NULL, '{"market": {"return": -0.3, "exposure": 1000}}',
            '{"method": "replay", "scenario_name": "Past", "category": "historical", "severity": "extreme",
              "start": "2020-02-19", "end": "2020-03-23", "coverage": 0.8}')$$,
  'stress_test_results puts what the factors do and what the portfolio has of them together');
SELECT results_eq($$SELECT right(position_id::text, 1), market_beta, value_beta, reason FROM position_factor_exposure
                    ORDER BY position_id$$,
                  $$VALUES ('a', 1.1::float8, 0.2::float8, 'outlier'), ('b', NULL, NULL, 'private')$$,
                  'position_factor_exposure shows the seven-factor model');
SELECT results_eq('SELECT * FROM position_interest_rate_beta ORDER BY position_id',
                  $$SELECT portfolio_id, position_id, calculation_date, ir_beta, r_squared, std_error, observations,
                           rate_series, unit, quality_flag, reason, created_at, run_id
                    FROM position_interest_rate_betas ORDER BY position_id$$,
                  'position_interest_rate_beta shows the rate betas');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'pb'::regnamespace AND relkind = 'v'
                    AND NOT COALESCE('security_invoker=true' = ANY (reloptions), false)$$,
                'views read with the rights of whoever asks');


-- Every way to write through a view.
CREATE FUNCTION pg_temp.error_of(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                          hint = PG_EXCEPTION_HINT;
END $$;
INSERT INTO batch_schedule_records (schedule_name, cron_expression, command) VALUES ('nightly', '0 22 * * *', 'SELECT 1');
INSERT INTO corporate_actions (symbol, ex_date, kind) VALUES ('OLD', '2024-07-01', 'symbol_change');
INSERT INTO corporate_action_legs (symbol, ex_date, kind, to_symbol, ratio_numerator)
VALUES ('OLD', '2024-07-01', 'symbol_change', 'NEW', 1);
CREATE TEMP TABLE attempts AS
SELECT v.table_name AS name, w.verb, w.statement
FROM analytics_columns() AS v
CROSS JOIN LATERAL (SELECT c.column_name AS name FROM analytics_columns() AS c
                    WHERE c.table_name = v.table_name AND c.column_name IS NOT NULL ORDER BY c.ordinal LIMIT 1) AS first
CROSS JOIN LATERAL (VALUES
  ('insert into', format('INSERT INTO %I (%I) VALUES (NULL)', v.table_name, first.name)),
  ('update', format('UPDATE %I SET %I = NULL', v.table_name, first.name)),
  ('delete from', format('DELETE FROM %I', v.table_name))) AS w (verb, statement)
WHERE v.column_name IS NULL AND v.data_type = 'view';
SELECT is((SELECT count(*) FROM attempts), 45::bigint, 'to insert, update and delete in each of fifteen views');
SELECT set_eq('SELECT name, verb, e.* FROM attempts, LATERAL pg_temp.error_of(statement) AS e',
              $$SELECT name, verb, '55000' AS state, format('cannot %s view "%s"', verb, name) AS message,
                       v.detail, v.hint
                FROM attempts
                JOIN (VALUES (true, 'It shows jobs of pg_cron as they are now.',
                              'schedule_batch, unschedule_batch, enable_schedule and disable_schedule change them.'),
                             (false, 'It shows results that tables of the batch hold in another form.',
                              'purge_results(before_date) removes results before a date, purge_portfolio(portfolio_id) '
                              'all of a portfolio. Run the batch or an engine again to compute them.'))
                  AS v (of_schedules, detail, hint) ON v.of_schedules = (name = 'batch_job_schedules')$$,
              'is refused with one error that names the view, and the functions that change what it shows');

-- Checks ------------------------------------------------------------------------------------------------------------

INSERT INTO portfolios (id, name) VALUES ('00000000-0000-0000-0000-00000000000a', 'Checks');

CREATE FUNCTION pg_temp.position_with(setting text, value text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  fields jsonb := '{"portfolio_id": "00000000-0000-0000-0000-00000000000a", "symbol": "AAA", "position_type": "LONG",
                    "quantity": "10", "entry_price": "5", "entry_date": "2024-07-01"}';
BEGIN
  fields := fields || jsonb_build_object(setting, value);
  EXECUTE (SELECT format('INSERT INTO pb.positions (%s) VALUES (%s)', string_agg(quote_ident(f.key), ', '),
                         string_agg(quote_nullable(f.value), ', ')) FROM jsonb_each_text(fields) AS f);
END $$;

SELECT lives_ok($$SELECT pg_temp.position_with('notes', 'fine')$$, 'a position as it should be');
SELECT throws_ok(format('SELECT pg_temp.position_with(%L, %L)', b.field, b.value), b.state, NULL,
                 format('position refused: %s %s', b.field, COALESCE(b.value, 'NULL')))
  FROM (VALUES
    ('quantity', '0', '23514'), ('quantity', '-10', '23514'), ('quantity', 'NaN', '23514'),
    ('quantity', 'Infinity', '23514'), ('quantity', NULL, '23502'),
    ('position_type', 'SHORT', '23514'), ('position_type', 'SC', '23514'), ('position_type', 'STOCK', '23514'),
    ('entry_price', '-1', '23514'), ('entry_price', 'NaN', '23514'), ('entry_date', 'infinity', '23514'),
    ('exit_date', '2024-07-02', '23514'), ('exit_price', '7', '23514'), ('strike_price', '0', '23514'),
    ('contract_multiplier', '0', '23514'), ('investment_class', 'CRYPTO', '23514'), ('symbol', '', '23514'),
    ('market_value', 'NaN', '23514'), ('portfolio_id', '00000000-0000-0000-0000-00000000000b', '23503'))
    AS b (field, value, state);
SELECT throws_ok(b.statement, '23514', NULL, 'refused: ' || b.what)
  FROM (VALUES
    ('an exit before the entry',
     $$INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, exit_price,
                              exit_date)
       VALUES ('00000000-0000-0000-0000-00000000000a', 'AAA', 'LONG', 1, 1, '2024-07-02', 1, '2024-07-01')$$),
    ('a price between zero and what counts',
     $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('AAA', '2024-07-01', 1e-10)$$),
    ('a price that is NaN',
     $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('AAA', '2024-07-01', 'NaN')$$),
    ('an infinite price',
     $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('AAA', '2024-07-01', 'Infinity')$$),
    ('an adjusted price that is NaN',
     $$INSERT INTO market_data_cache (symbol, date, close, adj_close) VALUES ('AAA', '2024-07-01', 1, 'NaN')$$),
    ('an unknown basis of prices',
     $$INSERT INTO market_data_cache (symbol, date, close, adjustment) VALUES ('AAA', '2024-07-01', 1, 'total')$$),
    ('a split without a ratio', $$INSERT INTO corporate_actions (symbol, ex_date, kind, amount)
                                  VALUES ('AAA', '2024-07-01', 'split', 1)$$),
    ('a dividend with a ratio', $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, amount)
                                  VALUES ('AAA', '2024-07-01', 'dividend', 2, 1)$$),
    ('a ratio of zero', $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator)
                          VALUES ('AAA', '2024-07-01', 'split', 0)$$),
    ('a ratio without a numerator', $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_denominator)
                                      VALUES ('AAA', '2024-07-01', 'split', 3)$$),
    ('a denominator of zero', $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, ratio_denominator)
                                VALUES ('AAA', '2024-07-01', 'split', 1, 0)$$),
    ('a dividend with a denominator', $$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_denominator, amount)
                                        VALUES ('AAA', '2024-07-01', 'dividend', 1, 1)$$),
    ('an action without a number', $$INSERT INTO corporate_actions (symbol, ex_date, kind, action_no, amount)
                                     VALUES ('AAA', '2024-07-01', 'dividend', 0, 1)$$),
    ('a rate that is NaN', $$INSERT INTO interest_rates (series, date, rate) VALUES ('DGS10', '2024-07-01', 'NaN')$$),
    ('a negative capital flow', $$INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
       VALUES ('00000000-0000-0000-0000-00000000000a', 'WITHDRAWAL', -5, '2024-07-01')$$),
    ('a currency in lower case', $$INSERT INTO portfolios (name, currency) VALUES ('x', 'usd')$$),
    ('a scenario without shocks',
     $$INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) VALUES ('x', 'x', '{}')$$),
    ('a profile with an infinite ratio',
     $$INSERT INTO company_profiles (symbol, pe_ratio) VALUES ('AAA', '-Infinity')$$),
    ('an unknown status of a run', $$INSERT INTO batch_runs (run_kind, status) VALUES ('daily', 'done')$$))
    AS b (what, statement);
SELECT lives_ok($$INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator, amount)
                  VALUES ('AAA', '2024-07-01', 'split', 2, NULL), ('AAA', '2024-07-01', 'dividend', NULL, 0.5)$$,
                'a split and a dividend on one day');
SELECT throws_ok($$INSERT INTO corporate_actions (symbol, ex_date, kind, amount) VALUES ('AAA', '2024-07-01', 'dividend', 2)$$,
                 '23505', NULL, 'a second dividend of the day under the number of the first');
SELECT lives_ok($$INSERT INTO corporate_actions (symbol, ex_date, kind, action_no, amount)
                  VALUES ('AAA', '2024-07-01', 'dividend', 2, 2)$$, 'a second dividend of the day with its own');

-- Another schema ----------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM create_analytics_tables('pb Risk') WHERE action = 'created'),
          (SELECT count(*) FROM first_call), 'a second set of tables in a schema of its own');
SELECT is(current_setting('portfolio_batch.schema'), 'pb Risk', 'which the session now uses');
SELECT is(analytics_schema(), 'pb Risk'::name, 'as analytics_schema() says');
SELECT is((SELECT count(*) FROM "pb Risk".pairwise_correlations), 0::bigint,
          'the new tables are empty but for the seeds');
SELECT throws_ok($$SELECT _portfolio_batch.create_analytics_relation('pb Risk', 'no_such_table')$$, 'P0002', NULL,
                 'a relation that the dictionary does not know');

-- Without the extension ---------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT d.classid::regclass, d.objid, d.objsubid FROM pg_depend AS d
                  JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
                                     AND c.relkind <> 'c'
                  JOIN pg_depend AS e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
                  JOIN pg_extension AS x ON x.oid = e.refobjid AND x.extname = 'portfolio_batch'$$,
                'no table or view depends on the extension');
CREATE TEMP TABLE readings AS
SELECT v.table_name AS name, c.column_name, format('SELECT %I FROM pb.%I', c.column_name, v.table_name) AS statement
FROM analytics_columns() AS v JOIN analytics_columns() AS c USING (table_name)
WHERE v.column_name IS NULL AND v.data_type = 'view' AND c.column_name IS NOT NULL;
SELECT is_empty('SELECT r.name, r.column_name, e.* FROM readings AS r, LATERAL pg_temp.error_of(statement) AS e
                 WHERE e.state IS NOT NULL', 'every column of every view can be read');
DROP EXTENSION portfolio_batch;
SELECT has_table('pb', 'portfolio_snapshots', 'DROP EXTENSION keeps the tables');
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 'pb'::regnamespace AND relkind = 'v'), 15::bigint,
          'and the views');
SELECT is((SELECT count(correlation_coefficient) FROM pb.pairwise_correlations), 9::bigint, 'with what they show');
SELECT set_eq('SELECT r.name, r.column_name, e.* FROM readings AS r, LATERAL pg_temp.error_of(statement) AS e
               WHERE e.state IS NOT NULL',
              $$SELECT name, column_name, '42883' AS state,
                       'p-values need the extension portfolio_batch, which is no longer installed in schema pb' AS message,
                       '' AS detail, 'CREATE EXTENSION portfolio_batch and call create_analytics_tables() again. The '
                                     'other columns of the view can be read without it.' AS hint
                FROM (VALUES ('pairwise_correlations', 'p_value'), ('pairwise_correlations', 'q_value'),
                             ('symbol_factor_exposures', 'p_value'), ('position_market_betas', 'p_value'))
                       AS v (name, column_name)$$,
              'only p-values need the extension, and say so');
SELECT is((pg_temp.error_of('DELETE FROM pb.stress_test_results')).state, '55000', 'views still refuse to be written');
CREATE SCHEMA pb_again;
CREATE EXTENSION portfolio_batch SCHEMA pb_again;
SELECT set_eq($$SELECT object_name, action FROM pb_again.create_analytics_tables('pb') WHERE action <> 'exists'$$,
              $$VALUES ('pairwise_p_value', 'replaced'), ('estimate_p_value', 'replaced'), ('schedules_now', 'replaced')$$,
              'an extension installed elsewhere finds the tables');
SELECT is_empty('SELECT r.name, r.column_name, e.* FROM readings AS r, LATERAL pg_temp.error_of(statement) AS e
                 WHERE e.state IS NOT NULL', 'and serves the views again');
SELECT is((SELECT count(p_value) FROM pb.pairwise_correlations), 9::bigint, 'with p-values of pairs');
SELECT is((SELECT count(p_value) FROM pb.symbol_factor_exposures), 5::bigint, 'and of betas');

SELECT * FROM finish();
ROLLBACK;
