-- The extension's results against those of the numpy program, in the schema peer: every row, every figure named here.
-- An assertion fails where rows are missing on either side or a figure differs by more than 1e-9 of its size (money: by
-- more than one unit of its last decimal, where both sides round).
SET client_min_messages = warning;
SET work_mem = '256MB';

-- smallest: what figures are held to that are smaller, such as a beta near 0, which is a difference of larger numbers.
CREATE FUNCTION pg_temp.agree(ours text, theirs text, key text, figures text[], is_money boolean DEFAULT false,
                              smallest double precision DEFAULT 1e-6)
RETURNS TABLE (checked text, figure text, compared bigint, worst double precision, money boolean)
LANGUAGE plpgsql AS $$
DECLARE
  differences text;
  gaps text;
  worsts double precision[];
  missing bigint[];
BEGIN
  IF to_regclass(ours) IS NULL OR to_regclass(theirs) IS NULL THEN RETURN; END IF;
  checked := theirs;
  money := is_money;
  SELECT string_agg(format(
           CASE WHEN is_money THEN 'max(abs(o.%1$I - t.%1$I))'
                ELSE 'max(abs(o.%1$I - t.%1$I) / greatest(abs(o.%1$I), abs(t.%1$I), %2$s))' END, f.name, smallest),
           ', ' ORDER BY f.place),
         string_agg(format('count(*) FILTER (WHERE (o.%1$I IS NULL) <> (t.%1$I IS NULL) OR o.* IS NULL OR t.* IS NULL)',
                           f.name), ', ' ORDER BY f.place)
    INTO differences, gaps FROM unnest(figures) WITH ORDINALITY AS f (name, place);
  -- One join for all figures: of the pairs there are millions.
  EXECUTE format('SELECT count(*), ARRAY[%s]::double precision[], ARRAY[%s] FROM %s o FULL JOIN %s t USING (%s)',
                 differences, gaps, ours, theirs, key) INTO compared, worsts, missing;
  FOR i IN 1 .. cardinality(figures) LOOP
    figure := figures[i];
    worst := coalesce(worsts[i], 0);
    ASSERT missing[i] = 0, format('%s.%s: %s rows on one side only', theirs, figure, missing[i]);
    ASSERT worst <= CASE WHEN is_money THEN 0.0001 ELSE 1e-9 END,
      format('%s.%s: differs by %s', theirs, figure, worst);
    IF compared > 0 THEN RETURN NEXT; END IF;
  END LOOP;
END $$;

-- Engines that have not written anything are not compared; of those that have, every row.
CREATE FUNCTION pg_temp.agree_if_written(name text, key text, figures text[], is_money boolean DEFAULT false,
                                         smallest double precision DEFAULT 1e-6)
RETURNS TABLE (checked text, figure text, compared bigint, worst double precision, money boolean)
LANGUAGE plpgsql AS $$
DECLARE
  is_written boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM public.%1$I) AND EXISTS (SELECT FROM peer.%1$I)', name) INTO is_written;
  IF is_written THEN
    RETURN QUERY SELECT * FROM pg_temp.agree('public.' || name, 'peer.' || name, key, figures, is_money,
                                             smallest);
  END IF;
END $$;

-- worst: of the figures that are not money.
SELECT checked, max(compared) AS rows, count(*) AS figures, max(worst) FILTER (WHERE NOT money) AS worst FROM (
  SELECT * FROM pg_temp.agree_if_written('portfolio_snapshots', 'portfolio_id, snapshot_date',
    '{total_value,cash_value,total_long,total_short,daily_pnl,mtd_pnl,ytd_pnl,cumulative_pnl,daily_realized_pnl,
      daily_capital_flow,long_count,short_count,option_count,private_positions,stale_prices,unpriced_positions,
      symbol_count}', true)
  UNION ALL SELECT * FROM pg_temp.agree_if_written('positions', 'portfolio_id, id',
    '{market_value,unrealized_pnl,realized_pnl,last_price}', true)
  UNION ALL SELECT * FROM pg_temp.agree_if_written('symbol_model_fits', 'symbol, calculation_date, model',
    '{observations,alpha,jensen_alpha,r_squared,adj_r_squared,residual_volatility,ridge_alpha,effective_df,
      condition_number,max_vif}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('symbol_factor_exposures', 'symbol, calculation_date, model, factor',
    '{beta,std_error,t_stat}', smallest => 1e-3)
  UNION ALL SELECT * FROM pg_temp.agree_if_written('position_market_betas',
    'portfolio_id, position_id, calculation_date, method, window_days',
    '{beta,alpha,jensen_alpha,r_squared,std_error,p_value}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('position_interest_rate_betas',
    'portfolio_id, position_id, calculation_date', '{ir_beta,r_squared,std_error}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('position_factor_exposures',
    'portfolio_id, position_id, calculation_date, model',
    '{market_beta,value_beta,growth_beta,momentum_beta,quality_beta,size_beta,low_vol_beta,growth_value_spread_beta,
      momentum_spread_beta,size_spread_beta,quality_spread_beta,r_squared,residual_volatility}', smallest => 1e-3)
  UNION ALL SELECT * FROM pg_temp.agree_if_written('portfolio_factor_exposures',
    'portfolio_id, calculation_date, model, factor',
    '{exposure_value,std_error,coverage,stale_share,marginal_contribution_to_risk,contribution_to_risk,
      percent_contribution_to_risk}',
    smallest => 1e-3)
  UNION ALL SELECT * FROM pg_temp.agree_if_written('factor_correlations', 'calculation_date, factor_1, factor_2',
    '{correlation,covariance}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('position_volatility', 'portfolio_id, position_id, calculation_date',
    '{realized_volatility_21d,realized_volatility_63d,realized_volatility_21d_low,realized_volatility_63d_high,
      return_kurtosis,expected_volatility_21d,volatility_trend_strength,volatility_percentile}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('correlation_calculations',
    'portfolio_id, calculation_date, duration_days',
    '{avg_correlation,weighted_avg_correlation,position_signed_correlation,effective_positions,effective_bets,
      diversification_ratio,shrinkage_intensity,concentration_score,significant_pairs,total_pairs,positions_included,
      positions_excluded}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('pairwise_correlations',
    'portfolio_id, calculation_date, symbol1, symbol2', '{correlation_coefficient,p_value,observations}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('correlation_cluster_positions',
    'portfolio_id, calculation_date, duration_days, cluster_number, position_id', '{correlation_to_cluster}')
  UNION ALL SELECT * FROM pg_temp.agree_if_written('stress_test_results', 'portfolio_id, calculation_date, scenario_id',
    '{direct_pnl,correlated_pnl,correlation_effect}', true)
) AS comparison GROUP BY checked ORDER BY checked;

-- Columns of the snapshots that belong to one engine each.
SELECT checked || '.' || figure AS checked, compared AS rows, 1 AS figures, worst FROM (VALUES
  ('beta'), ('beta_std_error'), ('beta_r_squared'), ('beta_coverage'), ('realized_volatility_21d'),
  ('realized_volatility_63d'), ('expected_volatility_21d'), ('volatility_percentile'), ('volatility_coverage'),
  ('hhi'), ('effective_positions'), ('top_3_concentration'), ('top_10_concentration')) AS columns (name)
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM public.portfolio_snapshots s
                                   WHERE to_jsonb(s) -> columns.name <> 'null') AS is_written) AS ours
CROSS JOIN LATERAL pg_temp.agree('public.portfolio_snapshots', 'peer.portfolio_snapshots',
                                 'portfolio_id, snapshot_date', ARRAY[columns.name])
WHERE ours.is_written;

-- What stress tests say of themselves, out of their JSON.
SELECT format('CREATE TEMP VIEW %I AS SELECT portfolio_id, calculation_date, scenario_id, %s'
              ' FROM %I.stress_test_results', v.name,
              string_agg(format('%s::double precision AS %I', replace(f.how, '.', 'calculation_metadata'), f.name),
                         ', '), v.schema)
FROM (VALUES ('our_stress_details', 'public'), ('peer_stress_details', 'peer')) AS v (name, schema)
CROSS JOIN (VALUES
  ('coverage', '(. ->> ''coverage'')'), ('conditional_sd', '(. ->> ''conditional_sd'')'),
  ('pnl_over_equity', '(. ->> ''pnl_over_equity'')'), ('observations', '(. ->> ''covariance_observations'')'),
  ('shrinkage', '(. ->> ''covariance_shrinkage'')'), ('extrapolated', 'jsonb_array_length(. -> ''extrapolated'')'))
  AS f (name, how)
WHERE to_regclass(v.schema || '.stress_test_results') IS NOT NULL
GROUP BY v.name, v.schema
\gexec
SELECT checked, max(compared), count(*), max(worst)
FROM pg_temp.agree('our_stress_details', 'peer_stress_details', 'portfolio_id, calculation_date, scenario_id',
                   '{coverage,conditional_sd,pnl_over_equity,observations,shrinkage,extrapolated}', smallest => 1e-3)
WHERE EXISTS (SELECT FROM public.stress_test_results) AND EXISTS (SELECT FROM peer.stress_test_results)
GROUP BY checked;
