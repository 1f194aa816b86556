-- The endpoints of a web interface as functions that return jsonb. A server that exposes functions over HTTP calls them
-- by name with their arguments by name, so both are part of the interface; docs/api.md lists every field.

CREATE FUNCTION _portfolio_batch.api_age_sessions(from_day date, to_day date DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();  -- loads the settings, too
  sessions      integer;
BEGIN
  IF from_day IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM _portfolio_batch.require_finite('a day from or to which sessions are counted', d.day)
     FROM unnest(ARRAY[from_day, to_day]) AS d (day);
  EXECUTE format('SELECT count(*) FROM %I.trading_sessions AS s WHERE s.calendar = $1 AND s.session_date > $2 '
                 'AND CASE WHEN $3 IS NOT NULL THEN s.session_date <= $3 ELSE s.close_at <= $4 END', tables_schema)
     INTO sessions
    USING current_setting('portfolio_batch.calendar'), from_day, to_day,
          now() - current_setting('portfolio_batch.settle_delay')::interval;
  RETURN sessions;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_age_sessions(date, date) IS
  'Sessions of portfolio_batch.calendar after a day and up to another, both dates; a NULL to_day counts those that '
  'have closed and settled by now (portfolio_batch.settle_delay). NULL for a NULL from_day. 22008 for an infinite day.';

CREATE FUNCTION _portfolio_batch.api_data_quality(day date, details jsonb DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT jsonb_build_object('calculation_date', day, 'age_sessions', f.age_sessions,
                            'is_current', COALESCE(f.age_sessions = 0, false)) || COALESCE(details, '{}')
  FROM _portfolio_batch.api_age_sessions(day) AS f (age_sessions)
$$;

COMMENT ON FUNCTION _portfolio_batch.api_data_quality(date, jsonb) IS
  'The data_quality of an answer: calculation_date, age_sessions (sessions that have closed and settled since that '
  'day), is_current (none has), and the details of the endpoint. A NULL day stands for no result: both figures are '
  'null and is_current is false.';

CREATE FUNCTION _portfolio_batch.api_unavailable(reason text, message text, subject jsonb, data_quality jsonb
                                                 DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT subject || jsonb_build_object('available', false, 'reason', reason, 'message', message, 'data_quality',
                                       COALESCE(data_quality, _portfolio_batch.api_data_quality(NULL)))
$$;

COMMENT ON FUNCTION _portfolio_batch.api_unavailable(text, text, jsonb, jsonb) IS
  'The answer of an endpoint that has nothing to show: available = false, a reason as a code, a message for people, '
  'what was asked for (subject, an object whose fields are added) and data_quality.';

CREATE FUNCTION _portfolio_batch.api_portfolio_problem(portfolio_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  subject       CONSTANT jsonb := jsonb_build_object('portfolio_id', portfolio_id);
  portfolio     record;
BEGIN
  IF portfolio_id IS NULL THEN
    RAISE EXCEPTION 'portfolio_id must not be NULL'
      USING ERRCODE = 'invalid_parameter_value', HINT = format('SELECT id, name FROM %I.portfolios;', tables_schema);
  END IF;
  EXECUTE format('SELECT p.id, p.deleted_at FROM %I.portfolios AS p WHERE p.id = $1', tables_schema)
     INTO portfolio USING portfolio_id;
  IF portfolio.id IS NULL THEN
    RETURN _portfolio_batch.api_unavailable('unknown_portfolio', format('portfolio %s does not exist', portfolio_id),
                                            subject);
  END IF;
  IF portfolio.deleted_at IS NOT NULL THEN
    RETURN _portfolio_batch.api_unavailable('deleted_portfolio', format('portfolio %s was deleted on %s', portfolio_id,
                                                                        portfolio.deleted_at::date), subject);
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_portfolio_problem(uuid) IS
  'The answer of every endpoint for a portfolio that there is none of (unknown_portfolio, also when row-level '
  'security hides it) or that was deleted (deleted_portfolio); NULL for one that can be shown. Errors: 22023 for '
  'NULL.';

-- GET …/portfolio/{id}/snapshot/latest -------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.api_portfolio_snapshot_as_owner(portfolio_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  answer        jsonb := _portfolio_batch.api_portfolio_problem(portfolio_id);
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  EXECUTE format($query$
    SELECT jsonb_build_object(
             'available', true, 'portfolio_id', s.portfolio_id, 'name', p.name, 'currency', p.currency,
             'snapshot_date', s.snapshot_date, 'previous_snapshot_date', s.previous_snapshot_date,
             'total_value', s.total_value, 'net_asset_value', s.total_value, 'equity_balance', s.equity_balance,
             'total_market_value', s.total_market_value, 'cash_balance', s.cash_value,
             'leverage', round(s.gross_exposure / equity.positive, 6),
             'daily_pnl', s.daily_pnl, 'daily_return', s.daily_return, 'gross_return', s.gross_return,
             'exposures', jsonb_build_object(
               'long_exposure', s.total_long, 'short_exposure', s.total_short,
               'gross_exposure', s.gross_exposure, 'net_exposure', s.net_exposure,
               'gross_delta_exposure', s.gross_delta_exposure, 'net_delta_exposure', s.net_delta_exposure,
               'long_percentage', round(100 * s.total_long / equity.positive, 4),
               'short_percentage', round(100 * s.total_short / equity.positive, 4),
               'gross_percentage', round(100 * s.gross_exposure / equity.positive, 4),
               'net_percentage', round(100 * s.net_exposure / equity.positive, 4)),
             'pnl', jsonb_build_object(
               'daily_pnl', s.daily_pnl, 'mtd_pnl', s.mtd_pnl, 'ytd_pnl', s.ytd_pnl, 'total_pnl', s.cumulative_pnl,
               'realized_pnl', s.cumulative_realized_pnl, 'daily_realized_pnl', s.daily_realized_pnl,
               'unrealized_and_income', s.cumulative_pnl - s.cumulative_realized_pnl,
               'dividends', s.cumulative_dividends, 'fees', s.cumulative_fees,
               'other_cash', s.cumulative_cash_pnl - s.cumulative_fees),
             'capital_flow', jsonb_build_object(
               'daily', s.daily_capital_flow, 'cumulative', s.cumulative_capital_flow),
             'position_count', jsonb_build_object(
               'total_positions', s.long_count + s.short_count, 'long_count', s.long_count,
               'short_count', s.short_count, 'option_count', s.option_count, 'private_count', s.private_positions,
               'symbol_count', s.symbol_count),
             'beta', jsonb_build_object(
               'beta', s.beta, 'std_error', s.beta_std_error, 'r_squared', s.beta_r_squared,
               'observations', s.beta_observations,
               'coverage', s.beta_coverage, 'reason', s.beta_reason),
             'volatility', jsonb_build_object(
               'realized_21d', s.realized_volatility_21d, 'realized_63d', s.realized_volatility_63d,
               'expected_21d', s.expected_volatility_21d, 'expected_method', s.expected_volatility_method,
               'trend', s.volatility_trend, 'percentile', s.volatility_percentile,
               'observations', s.volatility_observations, 'sessions_per_year', s.sessions_per_year,
               'coverage', s.volatility_coverage,
               'reason', s.volatility_reason),
             'concentration', jsonb_build_object(
               'hhi', s.hhi, 'effective_positions', s.effective_positions, 'top_3', s.top_3_concentration,
               'top_10', s.top_10_concentration, 'reason', s.concentration_reason),
             'sector_exposure', s.sector_exposure, 'benchmark_date', s.benchmark_date,
             'greeks', jsonb_build_object(
               'net_delta', s.net_delta, 'total_gamma', s.total_gamma, 'total_theta', s.total_theta,
               'total_vega', s.total_vega),
             'last_updated', s.created_at,
             'data_quality', _portfolio_batch.api_data_quality(s.snapshot_date, jsonb_build_object(
               'analytics_complete', s.analytics_complete, 'stale_prices', s.stale_prices,
               'unpriced_positions', s.unpriced_positions)))
      FROM %1$I.portfolio_snapshots AS s
      JOIN %1$I.portfolios AS p ON p.id = s.portfolio_id
     CROSS JOIN LATERAL (SELECT CASE WHEN s.equity_balance > 0 THEN s.equity_balance END) AS equity (positive)
     WHERE s.portfolio_id = $1
     ORDER BY s.snapshot_date DESC
     LIMIT 1
  $query$, tables_schema) INTO answer USING portfolio_id;
  RETURN COALESCE(answer, _portfolio_batch.api_unavailable(
    'no_snapshot', format('portfolio %s has no snapshot', portfolio_id),
    jsonb_build_object('portfolio_id', portfolio_id)));
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_portfolio_snapshot_as_owner(uuid) IS
  'The latest snapshot of a portfolio: values, exposures, P&L, counts, beta, volatility, concentration and sectors, '
  'as the batch stored them. Money is in the portfolio''s currency with the digits stored, a gain positive, short '
  'exposure negative; percentages are in percent of equity and null when that is not positive. available is false '
  'with reason unknown_portfolio, deleted_portfolio or no_snapshot. Fields: docs/api.md. Errors: 22023 for NULL.';

-- GET …/positions/{id} -----------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.api_position_as_owner(position_id uuid, portfolio_id uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  subject       CONSTANT jsonb := jsonb_build_object('id', position_id, 'portfolio_id', portfolio_id);
  owners        uuid[];
  valued_on     date;  -- what the stored values are of
  held_on       date;
  answer        jsonb;
BEGIN
  IF position_id IS NULL THEN
    RAISE EXCEPTION 'position_id must not be NULL'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('SELECT id, symbol FROM %I.positions;', tables_schema);
  END IF;
  EXECUTE format('SELECT array_agg(l.portfolio_id) FROM %I.positions AS l '
                 'WHERE l.id = $1 AND ($2 IS NULL OR l.portfolio_id = $2)', tables_schema)
     INTO owners USING position_id, portfolio_id;
  IF owners IS NULL THEN
    RETURN _portfolio_batch.api_unavailable(
      'unknown_position', format('position %s does not exist', position_id)
                          || CASE WHEN portfolio_id IS NULL THEN '' ELSE format(' in portfolio %s', portfolio_id) END,
      subject);
  END IF;
  IF cardinality(owners) > 1 THEN
    RAISE EXCEPTION 'position % exists in % portfolios', position_id, cardinality(owners)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give portfolio_id as well.';
  END IF;
  answer := _portfolio_batch.api_portfolio_problem(owners[1]);
  IF answer IS NOT NULL THEN
    RETURN answer || jsonb_build_object('id', position_id);
  END IF;

  -- Stored values are those of the latest snapshot, so the quantity that is still open is told as of the same day.
  EXECUTE format('SELECT max(s.snapshot_date) FROM %I.portfolio_snapshots AS s WHERE s.portfolio_id = $1',
                 tables_schema) INTO valued_on USING owners[1];
  held_on := COALESCE(valued_on, @extschema@.latest_closed_session());
  EXECUTE format($query$
    SELECT jsonb_build_object(
             'available', true, 'id', l.id, 'portfolio_id', l.portfolio_id, 'symbol', l.symbol,
             'status', lot.status, 'position_type', l.position_type, 'investment_class', l.investment_class,
             'investment_subtype', l.investment_subtype, 'quantity', l.quantity,
             'open_quantity', lot.open_quantity, 'contract_multiplier', held.multiplier,
             'underlying_symbol', l.underlying_symbol, 'strike_price', trim_scale(round(held.strike_price, 12)),
             'expiration_date', l.expiration_date, 'entry_price', l.entry_price, 'entry_date', l.entry_date,
             'exit_price', l.exit_price, 'exit_date', l.exit_date,
             'closes', closes.list, 'last_price', l.last_price, 'last_price_date', l.last_price_date,
             'market_value', CASE WHEN lot.reason IS NULL THEN l.market_value END,
             'unrealized_pnl', CASE WHEN lot.reason IS NULL THEN l.unrealized_pnl END,
             'realized_pnl', CASE WHEN lot.status <> 'deleted' THEN l.realized_pnl END,
             'reason', lot.reason, 'notes', l.notes, 'created_at', l.created_at, 'updated_at', l.updated_at,
             'deleted_at', l.deleted_at,
             'data_quality', _portfolio_batch.api_data_quality($3, jsonb_build_object(
               'price_age_sessions', CASE WHEN lot.status = 'open'
                                          THEN _portfolio_batch.api_age_sessions(l.last_price_date, $4) END)))
      FROM %1$I.positions AS l
     CROSS JOIN LATERAL (
             SELECT COALESCE(jsonb_agg(jsonb_build_object(
                      'trade_date', e.trade_date, 'quantity_closed', e.quantity_closed, 'exit_price', e.exit_price,
                      'realized_pnl', c.realized_pnl, 'booked_pnl', e.realized_pnl)
                      ORDER BY e.trade_date, e.created_at, e.id), '[]')
               FROM %1$I.position_realized_events AS e
               LEFT JOIN _portfolio_batch.closings(ARRAY[l.portfolio_id], 'infinity', l.id) AS c ON c.event_id = e.id
              WHERE e.portfolio_id = l.portfolio_id AND e.position_id = l.id) AS closes (list)
     CROSS JOIN LATERAL _portfolio_batch.open_quantity(l.portfolio_id, l.id, $4) AS held
     CROSS JOIN LATERAL (
             SELECT CASE WHEN l.deleted_at IS NOT NULL THEN 'deleted'
                         WHEN l.entry_date > $4 THEN 'pending'
                         WHEN held.quantity <> 0 THEN 'open'
                         ELSE 'closed' END) AS state (status)
     CROSS JOIN LATERAL (
             SELECT state.status, held.quantity AS open_quantity,
                    CASE WHEN state.status IN ('deleted', 'pending') THEN state.status
                         WHEN l.market_value IS NULL THEN CASE WHEN $3 IS NULL THEN 'no_snapshot'
                                                               ELSE 'no_price' END END AS reason) AS lot
     WHERE l.portfolio_id = $1 AND l.id = $2
  $query$, tables_schema) INTO answer USING owners[1], position_id, valued_on, held_on;
  RETURN answer;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_position_as_owner(uuid, uuid) IS
  'One lot: what was opened, what is still open, its closing trades and exit, and the value that the batch stored. '
  'status is open, closed, pending (entered after the latest snapshot) or deleted; market_value and unrealized_pnl '
  'are null with a reason where the lot has none, and 0 when it is closed. Quantities are positive when long and '
  'negative when short, quantity_closed has no sign. portfolio_id is needed only where two portfolios have a lot of '
  'this id, and saves a search through all lots. available is false with reason unknown_position or '
  'deleted_portfolio. Fields: docs/api.md. Errors: 22023 for a position_id that is NULL or exists in several '
  'portfolios.';

-- The newest date of a portfolio with rows in a view over one of its tables, by the table's index: to ask the view for
-- its newest date would unfold the portfolio's whole history.
CREATE FUNCTION _portfolio_batch.api_newest_date(portfolio_id uuid, table_name text, view_name text)
RETURNS date
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  newest date;
BEGIN
  EXECUTE format('SELECT t.calculation_date FROM %1$I.%2$I AS t CROSS JOIN LATERAL (SELECT FROM %1$I.%3$I AS v '
                 'WHERE v.portfolio_id = t.portfolio_id AND v.calculation_date = t.calculation_date LIMIT 1) AS v '
                 'WHERE t.portfolio_id = $1 ORDER BY t.calculation_date DESC LIMIT 1',
                 _portfolio_batch.tables_schema(), table_name, view_name) INTO newest USING portfolio_id;
  RETURN newest;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_newest_date(uuid, text, text) IS
  'The newest date on which a portfolio has rows in a view over a table of its own; NULL when there is none.';

CREATE FUNCTION _portfolio_batch.api_held_positions(portfolio_id uuid, day date)
RETURNS TABLE (id uuid, symbol text, position_type text, investment_class text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT h.position_id,
           CASE WHEN h.symbol IS NULL OR length(l.position_type) = 2 THEN l.symbol ELSE h.symbol END,
           COALESCE(l.position_type, CASE WHEN h.quantity < 0 THEN 'SHORT' ELSE 'LONG' END), l.investment_class
      FROM %1$I.position_history AS h
      LEFT JOIN %1$I.positions AS l ON l.portfolio_id = h.portfolio_id AND l.id = h.position_id
     WHERE h.portfolio_id = $1 AND h.calculation_date = $2
  $query$, _portfolio_batch.tables_schema()) USING portfolio_id, day;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_held_positions(uuid, date) IS
  'The positions of a portfolio that have results on a day, by the names that they had then: also what a corporate '
  'action spun off, which is no row of positions.';

-- GET …/portfolio/{id}/betas -----------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.api_portfolio_betas_as_owner(portfolio_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  answer        jsonb := _portfolio_batch.api_portfolio_problem(portfolio_id);
  day           date;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  day := greatest(_portfolio_batch.api_newest_date(portfolio_id, 'portfolio_holdings', 'position_market_betas'),
                  _portfolio_batch.api_newest_date(portfolio_id, 'portfolio_holdings', 'position_interest_rate_betas'));
  IF day IS NULL THEN
    RETURN _portfolio_batch.api_unavailable(
      'no_results', format('no betas of portfolio %s have been calculated', portfolio_id),
      jsonb_build_object('portfolio_id', portfolio_id));
  END IF;

  EXECUTE format($query$
    WITH market AS (
      SELECT m.* FROM %1$I.position_market_betas AS m
       WHERE m.portfolio_id = $1 AND m.calculation_date = $2
    ), rate AS (
      SELECT r.* FROM %1$I.position_interest_rate_betas AS r
       WHERE r.portfolio_id = $1 AND r.calculation_date = $2
    ), lots AS (
      SELECT l.id, l.symbol, l.position_type, m.beta, m.reason AS market_reason, r.ir_beta,
             jsonb_build_object(
               'position_id', l.id, 'symbol', l.symbol, 'position_type', l.position_type,
               'market_beta', jsonb_build_object(
                 'beta', m.beta, 'alpha', m.alpha, 'jensen_alpha', m.jensen_alpha,
                 'jensen_alpha_reason', m.jensen_alpha_reason, 'r_squared', m.r_squared, 'std_error', m.std_error,
                 'p_value', m.p_value, 'observations', m.observations, 'quality_flag', m.quality_flag,
                 'reason', CASE WHEN m.position_id IS NULL THEN 'no_results' ELSE m.reason END),
               'rate_beta', jsonb_build_object(
                 'beta', r.ir_beta, 'r_squared', r.r_squared, 'std_error', r.std_error,
                 'observations', r.observations, 'quality_flag', r.quality_flag,
                 'reason', CASE WHEN r.position_id IS NULL THEN 'no_results' ELSE r.reason END),
               'provider_beta', c.beta, 'beta_difference', m.beta - c.beta) AS entry
        FROM _portfolio_batch.api_held_positions($1, $2) AS l
        LEFT JOIN market AS m ON m.position_id = l.id
        LEFT JOIN rate AS r ON r.position_id = l.id
        LEFT JOIN %1$I.company_profiles AS c ON c.symbol = l.symbol
                                            AND l.investment_class IS DISTINCT FROM 'PRIVATE'
       WHERE m.position_id IS NOT NULL OR r.position_id IS NOT NULL
    )
    SELECT jsonb_build_object(
             'available', true, 'portfolio_id', $1, 'calculation_date', $2,
             'method', (SELECT min(m.method) FROM market AS m),
             'window_days', (SELECT min(m.window_days) FROM market AS m),
             'market_index', (SELECT min(m.market_index) FROM market AS m),
             'rate_series', (SELECT min(r.rate_series) FROM rate AS r),
             'rate_unit', (SELECT min(r.unit) FROM rate AS r),
             'portfolio', jsonb_build_object(
               'market_beta', (
                 SELECT jsonb_build_object('beta', s.beta, 'std_error', s.beta_std_error, 'r_squared', s.beta_r_squared,
                                           'observations', s.beta_observations, 'coverage', s.beta_coverage,
                                           'reason', CASE WHEN s.portfolio_id IS NULL THEN 'no_snapshot'
                                                          ELSE s.beta_reason END)
                   FROM (VALUES (true)) AS one
                   LEFT JOIN %1$I.portfolio_snapshots AS s ON s.portfolio_id = $1 AND s.snapshot_date = $2),
               'rate_beta', (
                 SELECT jsonb_build_object('beta', x.exposure_value, 'std_error', x.std_error,
                                           'exposure_dollar', x.exposure_dollar,
                                           'coverage', x.coverage,
                                           'reason', CASE WHEN x.portfolio_id IS NULL THEN 'no_results'
                                                          ELSE x.reason END)
                   FROM (VALUES (true)) AS one
                   LEFT JOIN %1$I.portfolio_factor_exposures AS x
                     ON x.portfolio_id = $1 AND x.calculation_date = $2 AND x.model = 'rate'
                    AND x.factor <> 'specific'
                  ORDER BY x.factor
                  LIMIT 1)),
             'positions', (SELECT COALESCE(jsonb_agg(l.entry ORDER BY l.symbol COLLATE "C", l.id), '[]')
                             FROM lots AS l),
             'data_quality', _portfolio_batch.api_data_quality($2, (
               SELECT jsonb_build_object('positions_total', count(*), 'positions_analyzed', count(l.beta),
                                         'positions_skipped', count(*) - count(l.beta),
                                         'positions_with_rate_beta', count(l.ir_beta))
                 FROM lots AS l)))
  $query$, tables_schema) INTO answer USING portfolio_id, day;
  RETURN answer;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_portfolio_betas_as_owner(uuid) IS
  'Market and interest-rate betas of a portfolio and of its lots on the newest date that has any, with r_squared, '
  'standard errors and numbers of observations; a beta that could not be estimated is null with a reason. Portfolio '
  'betas are exposures over equity. The rate beta is a return per rate_unit, negative for bonds. provider_beta is '
  'what the provider of the company profile says, beta_difference market_beta less that. available is false with '
  'reason unknown_portfolio, deleted_portfolio or no_results. Fields: docs/api.md. Errors: 22023 for NULL.';

-- GET …/portfolio/{id}/factors ---------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.api_factor_model(portfolio_id uuid, day date, model text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  answer jsonb;
BEGIN
  EXECUTE format($query$
    WITH exposures AS (
      SELECT x.*, d.factor_type, d.long_symbol, d.short_symbol, d.display_order
        FROM %1$I.portfolio_factor_exposures AS x
        LEFT JOIN %1$I.factor_definitions AS d ON d.name = x.factor AND d.model IN (x.model, 'market')
       WHERE x.portfolio_id = $1 AND x.calculation_date = $2 AND x.model = $3
    ), betas AS (
      SELECT l.symbol, e.*, to_jsonb(e) AS fields
        FROM %1$I.position_factor_exposures AS e
        JOIN _portfolio_batch.api_held_positions($1, $2) AS l ON l.id = e.position_id
       WHERE e.portfolio_id = $1 AND e.calculation_date = $2 AND e.model = $3
    )
    SELECT jsonb_build_object(
             'available', true, 'model', $3,
             'factors', (
               SELECT COALESCE(jsonb_agg(jsonb_build_object(
                        'name', x.factor, 'factor_type', x.factor_type, 'long_symbol', x.long_symbol,
                        'short_symbol', x.short_symbol, 'beta', x.exposure_value, 'std_error', x.std_error,
                        'exposure_dollar', x.exposure_dollar, 'coverage', x.coverage, 'stale_share', x.stale_share,
                        'marginal_contribution_to_risk', x.marginal_contribution_to_risk,
                        'contribution_to_risk', x.contribution_to_risk,
                        'percent_contribution_to_risk', x.percent_contribution_to_risk, 'reason', x.reason)
                        ORDER BY x.display_order, x.factor COLLATE "C"), '[]')
                 FROM exposures AS x WHERE x.factor <> 'specific'),
             'specific', (
               SELECT jsonb_build_object('contribution_to_risk', max(x.contribution_to_risk),
                                         'percent_contribution_to_risk', max(x.percent_contribution_to_risk))
                 FROM exposures AS x WHERE x.factor = 'specific'),
             'volatility', (SELECT CASE WHEN bool_and(x.contribution_to_risk IS NOT NULL)
                                        THEN sum(x.contribution_to_risk ORDER BY x.factor) END FROM exposures AS x),
             'positions', (
               SELECT COALESCE(jsonb_agg(jsonb_build_object(
                        'position_id', b.position_id, 'symbol', b.symbol,
                        'exposures', (SELECT COALESCE(jsonb_object_agg(x.factor, b.fields -> (x.factor || '_beta')),
                                                      '{}')
                                        FROM exposures AS x WHERE x.factor <> 'specific'),
                        'r_squared', b.r_squared, 'residual_volatility', b.residual_volatility,
                        'observations', b.observations, 'quality_flag', b.quality_flag, 'reason', b.reason)
                        ORDER BY b.symbol COLLATE "C", b.position_id), '[]')
                 FROM betas AS b),
             'metadata', jsonb_build_object(
               'total_active_factors', (SELECT count(*) FROM %1$I.factor_definitions AS d
                                         WHERE d.is_active AND d.model IN ($3, 'market')),
               'factors_calculated', (SELECT count(x.exposure_value) FROM exposures AS x WHERE x.factor <> 'specific'),
               'has_market_beta', (SELECT COALESCE(bool_or(x.exposure_value IS NOT NULL), false)
                                     FROM exposures AS x WHERE x.factor = 'market'),
               'ridge_alpha_min', penalty.smallest, 'ridge_alpha_max', penalty.largest),
             'data_quality', _portfolio_batch.api_data_quality($2, (
               SELECT jsonb_build_object('positions_total', count(*), 'positions_analyzed', count(b.r_squared),
                                         'positions_skipped', count(*) - count(b.r_squared))
                 FROM betas AS b)))
      FROM (SELECT min(f.ridge_alpha) AS smallest, max(f.ridge_alpha) AS largest FROM %1$I.symbol_model_fits AS f
             WHERE f.calculation_date = $2 AND f.model = $3 AND f.symbol IN (SELECT b.symbol FROM betas AS b)
           ) AS penalty
     WHERE EXISTS (SELECT FROM exposures) OR EXISTS (SELECT FROM betas)
  $query$, _portfolio_batch.tables_schema()) INTO answer USING portfolio_id, day, model;
  RETURN COALESCE(answer, _portfolio_batch.api_unavailable(
    'no_results', format('the %s model of portfolio %s has not been calculated on %s', model, portfolio_id, day),
    jsonb_build_object('model', model)));
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_factor_model(uuid, date, text) IS
  'One model of api_portfolio_factors (ridge or spread): factors of the portfolio with their share of risk, the '
  'betas of its lots, and data_quality; available is false with reason no_results when the model has nothing on the '
  'day.';

CREATE FUNCTION _portfolio_batch.api_portfolio_factors_as_owner(portfolio_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  answer jsonb := _portfolio_batch.api_portfolio_problem(portfolio_id);
  day    date;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  day := _portfolio_batch.api_newest_date(portfolio_id, 'portfolio_holdings', 'position_factor_exposures');
  IF day IS NULL THEN
    RETURN _portfolio_batch.api_unavailable(
      'no_results', format('no factor exposures of portfolio %s have been calculated', portfolio_id),
      jsonb_build_object('portfolio_id', portfolio_id));
  END IF;
  RETURN jsonb_build_object('available', true, 'portfolio_id', portfolio_id, 'calculation_date', day,
                            'ridge', _portfolio_batch.api_factor_model(portfolio_id, day, 'ridge'),
                            'spread', _portfolio_batch.api_factor_model(portfolio_id, day, 'spread'),
                            'data_quality', _portfolio_batch.api_data_quality(day));
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_portfolio_factors_as_owner(uuid) IS
  'Factor exposures of a portfolio and of its lots on the newest date that has any, under the two models: ridge '
  '(market and six styles) and spread (market and four long-short spreads). beta is per unit of equity, '
  'exposure_dollar in currency, contributions to risk are annualized volatilities; what is missing is null with a '
  'reason. available is false with reason unknown_portfolio, deleted_portfolio or no_results, as a whole or for one '
  'model. Fields: docs/api.md. Errors: 22023 for NULL.';

-- GET …/portfolio/{id}/correlations ----------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.api_symbol_exposures(portfolio_id uuid, day date)
RETURNS TABLE (symbol text, exposure numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT lot.symbol, round(sum(lot.exposure)::numeric, 4)
      FROM %1$I.portfolio_holdings AS h CROSS JOIN LATERAL unnest(h.symbols, h.exposures) AS lot (symbol, exposure)
     WHERE h.portfolio_id = $1 AND h.calculation_date = $2 AND lot.symbol IS NOT NULL
     GROUP BY lot.symbol
  $query$, _portfolio_batch.tables_schema()) USING portfolio_id, day;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_symbol_exposures(uuid, date) IS
  'Net exposure of a portfolio to each symbol on a day, in currency, negative when short, as the engines stored it in '
  'portfolio_holdings: an option counts for its underlying, by its delta. Private lots and options without delta have '
  'none.';

CREATE FUNCTION _portfolio_batch.api_portfolio_correlations_as_owner(portfolio_id uuid, lookback_days integer
                                                                     DEFAULT NULL,
                                                                     min_overlap integer DEFAULT NULL,
                                                                     max_symbols integer DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  subject       jsonb := jsonb_build_object(
                  'portfolio_id', portfolio_id, 'lookback_days', lookback_days, 'min_overlap', min_overlap,
                  'max_symbols', COALESCE(max_symbols, 25));
  answer        jsonb;
  durations     integer[];
  calculation   record;
BEGIN
  IF lookback_days < 2 THEN
    RAISE EXCEPTION 'lookback_days must be 2 or more, not %', lookback_days
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the sessions of a stored calculation, or leave it out for the newest one.';
  END IF;
  IF min_overlap < 2 OR min_overlap > lookback_days THEN
    RAISE EXCEPTION 'min_overlap must be between 2 and lookback_days, not %', min_overlap
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('lookback_days is %s.', COALESCE(lookback_days::text, 'not given')),
            HINT = 'Leave it out to see every pair that the batch could estimate.';
  END IF;
  IF max_symbols < 2 THEN
    RAISE EXCEPTION 'max_symbols must be 2 or more, not %', max_symbols
      USING ERRCODE = 'invalid_parameter_value', HINT = 'A matrix needs two symbols; the default is 25.';
  END IF;
  answer := _portfolio_batch.api_portfolio_problem(portfolio_id);
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;

  EXECUTE format('SELECT array_agg(DISTINCT k.duration_days ORDER BY k.duration_days) '
                 'FROM %I.correlation_calculations AS k WHERE k.portfolio_id = $1', tables_schema)
     INTO durations USING portfolio_id;
  IF durations IS NULL OR NOT COALESCE(lookback_days, durations[1]) = ANY (durations) THEN
    RETURN _portfolio_batch.api_unavailable(
      'no_correlation_calculation',
      format('no correlations of portfolio %s have been calculated', portfolio_id)
      || CASE WHEN durations IS NULL THEN ''
              ELSE format(' over %s sessions, but over %s', lookback_days, array_to_string(durations, ', ')) END,
      subject || jsonb_build_object('available_lookback_days', COALESCE(to_jsonb(durations), '[]')));
  END IF;
  EXECUTE format('SELECT k.* FROM %I.correlation_calculations AS k '
                 'WHERE k.portfolio_id = $1 AND ($2 IS NULL OR k.duration_days = $2) '
                 'ORDER BY k.calculation_date DESC, '
                 'k.duration_days = current_setting(''portfolio_batch.correlation_window'')::integer DESC, '
                 'k.duration_days DESC LIMIT 1', tables_schema)
     INTO calculation USING portfolio_id, lookback_days;
  subject := subject || jsonb_build_object('calculation_date', calculation.calculation_date,
                                           'lookback_days', calculation.duration_days,
                                           'available_lookback_days', durations);
  IF COALESCE(cardinality(calculation.symbols), 0) < 2 THEN
    RETURN _portfolio_batch.api_unavailable(
      'insufficient_symbols',
      format('fewer than two symbols of portfolio %s could be correlated on %s: %s', portfolio_id,
             calculation.calculation_date, calculation.reason), subject,
      _portfolio_batch.api_data_quality(calculation.calculation_date, jsonb_build_object(
        'flag', calculation.data_quality, 'calculation_reason', calculation.reason,
        'positions_included', calculation.positions_included, 'positions_excluded', calculation.positions_excluded)));
  END IF;

  EXECUTE format($query$
    WITH weighed AS (
      SELECT s.symbol, s.i, e.exposure,
             row_number() OVER (ORDER BY abs(e.exposure) DESC NULLS LAST, s.i) AS rank
        FROM unnest($2::text[]) WITH ORDINALITY AS s (symbol, i)
        LEFT JOIN _portfolio_batch.api_symbol_exposures($1, $5) AS e ON e.symbol = s.symbol
    ), shown AS (
      SELECT * FROM weighed AS w WHERE w.rank <= $8
    ), pairs AS (
      SELECT a.symbol AS row_symbol, b.symbol AS column_symbol, a.i > b.i AS counted,
             CASE WHEN p.observations >= COALESCE($7, 0) THEN p.correlation END AS correlation,
             p.correlation IS NOT NULL AND p.observations < $7 AS too_short
        FROM shown AS a
        JOIN shown AS b ON b.i <> a.i
        -- Row i of the strict lower triangle begins after (i - 1)(i - 2) / 2 elements.
        JOIN (SELECT t.place, t.correlation, COALESCE(t.overlap, ($4::integer[])[1]) AS observations
                FROM unnest($3::float8[], $4::integer[]) WITH ORDINALITY AS t (correlation, overlap, place)) AS p
          ON p.place = (greatest(a.i, b.i) - 1) * (greatest(a.i, b.i) - 2) / 2 + least(a.i, b.i)
    ), lines AS (
      SELECT p.row_symbol, jsonb_object_agg(p.column_symbol, p.correlation) || jsonb_build_object(p.row_symbol, 1)
               AS line
        FROM pairs AS p GROUP BY p.row_symbol
    )
    SELECT jsonb_build_object(
             'available', true,
             'symbols', (SELECT jsonb_agg(jsonb_build_object('symbol', s.symbol, 'exposure', s.exposure)
                                          ORDER BY s.rank) FROM shown AS s),
             'matrix', (SELECT jsonb_object_agg(l.row_symbol, l.line) FROM lines AS l),
             'average_correlation', (SELECT avg(p.correlation ORDER BY p.correlation) FROM pairs AS p WHERE p.counted),
             'clusters', (
               SELECT COALESCE(jsonb_agg(jsonb_build_object(
                        'cluster_number', c.cluster_number, 'nickname', c.nickname,
                        'average_correlation', c.avg_correlation, 'total_value', c.total_value,
                        'weight', c.portfolio_percentage,
                        'positions', (
                          SELECT COALESCE(jsonb_agg(jsonb_build_object(
                                   'position_id', m.position_id, 'symbol', m.symbol, 'value', m.value,
                                   'weight', m.portfolio_percentage,
                                   'correlation_to_cluster', m.correlation_to_cluster)
                                   ORDER BY m.value DESC, m.symbol COLLATE "C", m.position_id), '[]')
                            FROM %1$I.correlation_cluster_positions AS m
                           WHERE m.portfolio_id = $1 AND m.calculation_date = $5 AND m.duration_days = $6
                             AND m.cluster_number = c.cluster_number)) ORDER BY c.cluster_number), '[]')
                 FROM %1$I.correlation_clusters AS c
                WHERE c.portfolio_id = $1 AND c.calculation_date = $5 AND c.duration_days = $6),
             'data_quality', _portfolio_batch.api_data_quality($5, $9 || jsonb_build_object(
               'symbols_total', (SELECT count(*) FROM weighed), 'symbols_shown', (SELECT count(*) FROM shown),
               'pairs_shown', (SELECT count(*) FROM pairs AS p WHERE p.counted),
               'pairs_null', (SELECT count(*) FROM pairs AS p WHERE p.counted AND p.correlation IS NULL),
               'pairs_below_min_overlap', (SELECT count(*) FROM pairs AS p WHERE p.counted AND p.too_short))))
  $query$, tables_schema)
    INTO answer
   USING portfolio_id, calculation.symbols, calculation.correlations, calculation.pair_observations,
         calculation.calculation_date, calculation.duration_days, min_overlap, COALESCE(max_symbols, 25),
         jsonb_build_object('flag', calculation.data_quality, 'positions_included', calculation.positions_included,
                            'positions_excluded', calculation.positions_excluded);
  RETURN subject || answer || jsonb_build_object('portfolio_summary', jsonb_build_object(
    'average_correlation', calculation.avg_correlation,
    'weighted_average_correlation', calculation.weighted_avg_correlation,
    'position_signed_correlation', calculation.position_signed_correlation,
    'significant_pairs', calculation.significant_pairs, 'total_pairs', calculation.total_pairs,
    'diversification_ratio', calculation.diversification_ratio,
    'diversification_reason', calculation.diversification_reason,
    'effective_positions', calculation.effective_positions, 'effective_bets', calculation.effective_bets,
    'concentration_score', calculation.concentration_score, 'matrix_method', calculation.matrix_method,
    'top_correlations', calculation.top_correlations));
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_portfolio_correlations_as_owner(uuid, integer, integer, integer) IS
  'Correlations between the symbols of a portfolio, as a matrix of the max_symbols (default 25) with the largest '
  'absolute net exposure, largest first in symbols; its summary over all symbols, and the clusters. lookback_days '
  'picks the newest calculation over that many sessions; NULL the newest of all, of '
  'portfolio_batch.correlation_window where there are several. An unknown correlation is null, never 0: too few '
  'common returns, or fewer than min_overlap (NULL: as the batch had it). available is false with reason '
  'unknown_portfolio, deleted_portfolio, no_correlation_calculation or insufficient_symbols. Fields: docs/api.md. '
  'Errors: 22023 for NULL, lookback_days, min_overlap or max_symbols below 2, min_overlap above lookback_days.';

-- GET …/portfolio/{id}/stress-tests ----------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.api_impact(pnl numeric, baseline numeric)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT jsonb_build_object('dollar_impact', pnl,
                            'percentage_impact', CASE WHEN baseline > 0 THEN round(100 * pnl / baseline, 4) END,
                            'new_portfolio_value', baseline + pnl)
$$;

COMMENT ON FUNCTION _portfolio_batch.api_impact(numeric, numeric) IS
  'A P&L in money, in percent of a baseline (null unless that is positive) and as the value that is left; a loss is '
  'negative, NULL stays null.';

CREATE FUNCTION _portfolio_batch.api_portfolio_stress_tests_as_owner(portfolio_id uuid, scenario_ids text[]
                                                                     DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  subject       jsonb := jsonb_build_object('portfolio_id', portfolio_id);
  answer        jsonb;
  unknown       text;
  day           date;
BEGIN
  IF cardinality(scenario_ids) = 0 THEN
    RAISE EXCEPTION 'scenario_ids names no scenario'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out for all scenarios.';
  END IF;
  EXECUTE format('SELECT COALESCE(quote_literal(n.id), ''NULL'') FROM unnest($1) AS n (id) WHERE NOT EXISTS '
                 '(SELECT FROM %I.stress_test_scenarios AS d WHERE d.scenario_id = n.id) LIMIT 1', tables_schema)
     INTO unknown USING scenario_ids;
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'scenario % does not exist', unknown
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('SELECT scenario_id, name FROM %I.stress_test_scenarios;', tables_schema);
  END IF;
  answer := _portfolio_batch.api_portfolio_problem(portfolio_id);
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;

  day := _portfolio_batch.api_newest_date(portfolio_id, 'portfolio_stress_tests', 'stress_test_results');
  IF day IS NULL THEN
    RETURN _portfolio_batch.api_unavailable(
      'no_results', format('no stress tests of portfolio %s have been calculated', portfolio_id), subject);
  END IF;
  subject := subject || jsonb_build_object('calculation_date', day);

  EXECUTE format($query$
    WITH baseline AS (
      SELECT s.snapshot_date, s.total_value FROM %1$I.portfolio_snapshots AS s
       WHERE s.portfolio_id = $1 AND s.snapshot_date <= $2
       ORDER BY s.snapshot_date DESC LIMIT 1
    ), results AS (
      SELECT r.*, d.name, d.description, d.category, d.severity
        FROM %1$I.stress_test_results AS r
        LEFT JOIN %1$I.stress_test_scenarios AS d ON d.scenario_id = r.scenario_id
       WHERE r.portfolio_id = $1 AND r.calculation_date = $2
         AND ($3 IS NULL OR r.scenario_id = ANY ($3))
    )
    SELECT jsonb_build_object(
             'available', true,
             'baseline_date', (SELECT b.snapshot_date FROM baseline AS b),
             'portfolio_value', (SELECT b.total_value FROM baseline AS b),
             'scenarios', jsonb_agg(jsonb_build_object(
               'id', r.scenario_id, 'name', r.name, 'description', r.description, 'category', r.category,
               'severity', r.severity, 'method', r.calculation_metadata ->> 'method',
               'note', r.calculation_metadata ->> 'note',
               'impact', jsonb_build_object(
                 'direct', _portfolio_batch.api_impact(r.direct_pnl, b.total_value),
                 'correlated', _portfolio_batch.api_impact(r.correlated_pnl, b.total_value),
                 'correlation_effect', r.correlation_effect),
               'exceeds_equity', r.exceeds_equity, 'factor_impacts', r.factor_impacts, 'reason', r.reason)
               ORDER BY r.category COLLATE "C", r.name COLLATE "C", r.scenario_id COLLATE "C"),
             'data_quality', _portfolio_batch.api_data_quality($2, jsonb_build_object(
               'scenarios_total', count(*), 'scenarios_calculated', count(r.direct_pnl),
               'scenarios_without_result', (SELECT COALESCE(jsonb_agg(DISTINCT n.id), '[]')
                                              FROM unnest($3) AS n (id)
                                             WHERE n.id NOT IN (SELECT x.scenario_id FROM results AS x)))))
      FROM results AS r
      LEFT JOIN baseline AS b ON true
    HAVING count(*) > 0
  $query$, tables_schema) INTO answer USING portfolio_id, day, scenario_ids;
  IF answer IS NULL THEN
    RETURN _portfolio_batch.api_unavailable(
      'no_matching_results', format('none of these scenarios was calculated on %s for portfolio %s', day, portfolio_id),
      subject, _portfolio_batch.api_data_quality(day, jsonb_build_object('scenarios_without_result', scenario_ids)));
  END IF;
  RETURN subject || answer;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.api_portfolio_stress_tests_as_owner(uuid, text[]) IS
  'What each scenario, or each of scenario_ids, would do to a portfolio, on the newest date that has results, '
  'ordered by category and name. direct: the shocked factors alone; correlated: with the expected moves of the '
  'others. Impacts are in currency, a loss negative, in percent of portfolio_value, the net asset value of the '
  'latest snapshot up to that date, and as the value left; losses are not capped, exceeds_equity marks those beyond '
  'it. What could not be computed is null with a reason. available is false with reason unknown_portfolio, '
  'deleted_portfolio, no_results or no_matching_results. Fields: docs/api.md. Errors: 22023 for NULL, an empty list '
  'or an unknown scenario.';
