-- The report, second part: all that it shows, read from the tables once, as one document. What is written from it
-- reads nothing any more. To compile these queries would take longer than to run them.

CREATE FUNCTION _portfolio_batch.report_positions(portfolio_id uuid, as_of date)
RETURNS TABLE (position_id uuid, symbol text, follows text, position_type text, investment_class text,
               quantity double precision, price double precision, price_date date, price_quality text,
               market_value numeric, unrealized_pnl numeric, exposure double precision)
LANGUAGE sql STABLE
-- Parsed here, so that it becomes a part of the query that calls it, which a SET would prevent.
BEGIN ATOMIC
  SELECT l.position_id, l.symbol, COALESCE(l.underlying_symbol, l.symbol), l.position_type, l.investment_class,
         l.quantity, l.price, l.price_date, l.price_quality, l.market_value,
         round((l.quantity * l.contract_multiplier * (l.price - l.entry_price))::numeric, 4), l.exposure
  FROM @extschema@.positions_asof($2, ARRAY[$1]) AS l;
END;
COMMENT ON FUNCTION _portfolio_batch.report_positions(uuid, date) IS
'The open lots of a portfolio on a day as positions_asof values them. unrealized_pnl is against the
entry price, in currency; follows is the symbol that exposure moves with, of an option its underlying. 42704 for an
unknown portfolio.';

CREATE FUNCTION _portfolio_batch.report_lineage(portfolio_id uuid, as_of date) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
SET jit TO off
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  written       jsonb;
  lineage       jsonb;
BEGIN
  EXECUTE (
    SELECT format($query$
             WITH held AS (
               SELECT array_agg(DISTINCT l.symbol) AS symbols
               FROM %I.portfolio_holdings AS h CROSS JOIN LATERAL unnest(h.symbols) AS l (symbol)
               WHERE h.portfolio_id = $1 AND h.calculation_date = $2)
             SELECT jsonb_agg(to_jsonb(w) ORDER BY w.position, w.run_id) FROM (%s) AS w$query$, tables_schema,
                  string_agg(format(
                    $query$SELECT %s AS position, %L AS table_name, r.run_id, count(*) AS rows, max(r.created_at) AS at
                           FROM %I.%I AS r WHERE r.%I = $2%s GROUP BY r.run_id$query$,
                    t.position, t.name, tables_schema, t.name,
                    CASE t.name WHEN 'portfolio_snapshots' THEN 'snapshot_date' ELSE 'calculation_date' END,
                    CASE WHEN t.name ~ '^factor_' THEN ''
                         WHEN t.name ~ '^symbol_' THEN ' AND r.symbol = ANY ((SELECT h.symbols FROM held AS h)::text[])'
                         ELSE ' AND r.portfolio_id = $1' END),
                  ' UNION ALL '))
    FROM unnest(ARRAY['portfolio_snapshots', 'portfolio_holdings', 'factor_models', 'symbol_model_fits',
                      'symbol_volatility', 'portfolio_model_exposures', 'position_greeks', 'correlation_calculations',
                      'correlation_clusters', 'correlation_cluster_positions', 'factor_correlations',
                      'portfolio_stress_tests'])
         WITH ORDINALITY AS t (name, position))
    INTO written USING portfolio_id, as_of;

  EXECUTE format($query$
    WITH run AS (
      SELECT b.* FROM %1$I.batch_runs AS b
      WHERE b.run_id IN (SELECT (w ->> 'run_id')::bigint FROM jsonb_array_elements($3) AS w)
    ), initial AS (
      -- Runs record the settings without their prefix, and memory with its unit.
      SELECT CASE s.name WHEN 'portfolio_batch.max_memory' THEN 'max_memory_kb'
                         ELSE substr(s.name, length('portfolio_batch.') + 1) END AS name, s.boot_val AS value
      FROM pg_settings AS s WHERE starts_with(s.name, 'portfolio_batch.')
    )
    SELECT jsonb_build_object(
      'written', $3,
      'runs', (SELECT jsonb_agg(jsonb_build_object(
                        'run_id', r.run_id, 'kind', r.run_kind, 'status', r.status, 'version', r.extension_version,
                        'requested_by', r.requested_by, 'started_at', r.started_at, 'completed_at', r.completed_at,
                        'errors', r.error_count,
                        'settings', (SELECT jsonb_agg(jsonb_build_object('name', c.key, 'value', c.value,
                                                                         'default', i.value) ORDER BY c.key)
                                     FROM jsonb_each_text(r.settings) AS c JOIN initial AS i ON i.name = c.key
                                     WHERE c.value <> i.value)) ORDER BY r.run_id)
               FROM run AS r),
      'problems', (SELECT jsonb_agg(jsonb_build_object('run_id', j.run_id, 'job', j.job_name, 'status', j.status,
                                                       'sqlstate', j.sqlstate, 'message', j.error_message)
                                    ORDER BY j.run_id, j.job_no)
                   FROM %1$I.batch_jobs AS j
                   WHERE j.run_id IN (SELECT r.run_id FROM run AS r)
                     AND (j.calculation_date = $2 OR j.calculation_date IS NULL)
                     AND (j.portfolio_id = $1 OR j.portfolio_id IS NULL)
                     AND (j.status IN ('failed', 'partial', 'blocked') OR j.error_message IS NOT NULL)))
  $query$, tables_schema) INTO lineage USING portfolio_id, as_of, COALESCE(written, '[]');
  RETURN lineage;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.report_lineage(uuid, date) IS
'Where a portfolio''s results of a date come from: written (rows by table and run, and when; of tables by symbol those
of the symbols held), runs (kind, status, version, who, when, the settings that were not at their defaults) and problems
(jobs of these runs that failed, for the date and the portfolio). Only runs that wrote something that is still there are
listed.';

CREATE FUNCTION _portfolio_batch.report_data(portfolio_id uuid, as_of date) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
SET jit TO off
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  -- A large book has more lots than anybody reads, and a page has to be made at once.
  listed_lots   CONSTANT integer := 25;
  listed_movers CONSTANT integer := 5;
  data          jsonb;
BEGIN
  EXECUTE format($query$
    WITH snapshot AS (
      SELECT s.* FROM %1$I.portfolio_snapshots AS s WHERE s.portfolio_id = $1 AND s.snapshot_date = $2
    ), fit AS MATERIALIZED (
      SELECT f.symbol, f.betas[1] AS beta, f.std_errors[1] AS beta_error, f.reason, f.quality_flag
      FROM %1$I.symbol_model_fits AS f
      WHERE f.calculation_date = $2 AND f.model = 'market'
    ), beta AS (
      -- As position_market_betas has it, which looks the symbol of each lot up.
      SELECT h.position_id, f.beta, f.beta_error, CASE WHEN h.symbol IS NULL THEN h.reason ELSE f.reason END
               AS beta_reason, f.quality_flag
      FROM (SELECT l.* FROM %1$I.portfolio_holdings AS r
            CROSS JOIN LATERAL unnest(r.position_ids, r.symbols, r.quantities, r.reasons)
              AS l (position_id, symbol, quantity, reason)
            WHERE r.portfolio_id = $1 AND r.calculation_date = $2) AS h
      LEFT JOIN fit AS f ON f.symbol = h.symbol
      WHERE h.quantity <> 0 AND (h.symbol IS NULL OR f.symbol IS NOT NULL)
        AND EXISTS (SELECT FROM %1$I.factor_models AS m WHERE m.calculation_date = $2 AND m.model = 'market')
    ), lot AS MATERIALIZED (
      -- What is carried at an old mark has no P&L to speak of.
      SELECT p.*, b.beta, b.beta_error, b.beta_reason, b.quality_flag,
             CASE WHEN p.price_quality <> 'unpriced' THEN p.unrealized_pnl END AS pnl,
             row_number() OVER (ORDER BY COALESCE(abs(p.exposure), abs(p.market_value)) DESC NULLS LAST,
                                         p.symbol COLLATE "C", p.position_id) AS place
      FROM _portfolio_batch.report_positions($1, $2) AS p
      LEFT JOIN beta AS b USING (position_id)
    ), troubled AS MATERIALIZED (
      -- Lots beyond the listed ones that have something to be said of.
      SELECT l.*, (l.price_quality <> 'unpriced')::integer AS priced, (l.price_quality <> 'stale')::integer AS fresh
      FROM lot AS l
      WHERE l.place > $3 AND (l.price_quality IN ('unpriced', 'stale') OR l.quality_flag IN ('limited_history', 'stale')
                              OR l.beta_reason <> 'private')
    ), mover AS (
      (SELECT l.* FROM lot AS l WHERE l.pnl > 0 ORDER BY l.pnl DESC, l.place LIMIT $4)
      UNION ALL
      (SELECT l.* FROM lot AS l WHERE l.pnl < 0 ORDER BY l.pnl, l.place LIMIT $4)
    ), held AS (
      SELECT p.follows AS symbol, sum(p.exposure) AS exposure
      FROM lot AS p
      WHERE p.exposure IS NOT NULL
      GROUP BY p.follows
    ), factor AS (
      SELECT f.model, f.factor, f.exposure_value AS exposure, f.exposure_dollar, f.coverage,
             f.contribution_to_risk AS contribution, f.percent_contribution_to_risk AS share, f.reason, f.std_error,
             COALESCE((SELECT min(d.display_order) FROM %1$I.factor_definitions AS d WHERE d.name = f.factor), 99)
               AS position
      FROM %1$I.portfolio_factor_exposures AS f
      WHERE f.portfolio_id = $1 AND f.calculation_date = $2
    ), correlation AS (
      SELECT c.* FROM %1$I.correlation_calculations AS c
      WHERE c.portfolio_id = $1 AND c.calculation_date = $2
      ORDER BY c.created_at DESC, c.duration_days DESC LIMIT 1
    ), lots_of AS MATERIALIZED (
      -- Estimates are those of symbols: a large book has many lots of each.
      SELECT l.symbol, CASE WHEN l.symbol IS NULL THEN l.reason END AS reason, count(*) AS lots
      FROM %1$I.portfolio_holdings AS h
      CROSS JOIN LATERAL unnest(h.symbols, h.quantities, h.reasons) AS l (symbol, quantity, reason)
      WHERE h.portfolio_id = $1 AND h.calculation_date = $2 AND l.quantity <> 0
      GROUP BY 1, 2
    ), estimated AS (
      SELECT m.position, m.figure, o.lots, f.betas IS NULL AS missing, f.quality_flag,
             CASE WHEN o.symbol IS NULL THEN o.reason ELSE f.reason END AS reason
      FROM %1$I.factor_models AS d
      JOIN (VALUES ('market', 1, 'market beta'), ('rate', 2, 'rate beta'), ('ridge', 3, 'factor betas, ridge'),
                   ('spread', 4, 'factor betas, spread')) AS m (model, position, figure) ON m.model = d.model
      CROSS JOIN lots_of AS o
      LEFT JOIN %1$I.symbol_model_fits AS f
        ON f.calculation_date = d.calculation_date AND f.model = d.model AND f.symbol = o.symbol
      WHERE d.calculation_date = $2 AND (o.symbol IS NULL OR f.symbol IS NOT NULL)
      UNION ALL
      SELECT 5, 'volatility', o.lots, v.realized_volatility_21d IS NULL, v.quality_flag,
             CASE WHEN o.symbol IS NULL THEN o.reason ELSE v.reason END
      FROM lots_of AS o
      LEFT JOIN %1$I.symbol_volatility AS v ON v.calculation_date = $2 AND v.symbol = o.symbol
      WHERE v.symbol IS NOT NULL
         OR o.symbol IS NULL AND EXISTS (SELECT FROM %1$I.symbol_volatility AS e WHERE e.calculation_date = $2)
    )
    -- What is missing is left out, so that it reads as NULL.
    SELECT jsonb_strip_nulls(jsonb_build_object(
      'as_of', $2,
      'portfolio', (SELECT to_jsonb(p) FROM %1$I.portfolios AS p WHERE p.id = $1),
      'snapshot', (SELECT to_jsonb(s) FROM snapshot AS s),
      'history', (SELECT jsonb_agg(jsonb_build_object('date', h.snapshot_date, 'value', h.total_value,
                                                      'flow', h.daily_capital_flow, 'pnl', h.daily_pnl,
                                                      'return', h.daily_return, 'gross', h.gross_exposure,
                                                      'net', h.net_exposure) ORDER BY h.snapshot_date)
                  FROM %1$I.portfolio_snapshots AS h WHERE h.portfolio_id = $1 AND h.snapshot_date <= $2),
      'positions', (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.place) FROM lot AS l WHERE l.place <= $3),
      'holdings', (SELECT jsonb_build_object('lots', count(*), 'market_value', COALESCE(sum(l.market_value), 0),
                                             'pnl', sum(l.pnl), 'with_pnl', count(l.pnl)) FROM lot AS l),
      'movers', (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.pnl DESC, m.place) FROM mover AS m
                 WHERE (SELECT count(*) FROM lot) > $3),
      'troubled', (SELECT jsonb_build_object('lots', count(*), 'listed', (
                            SELECT jsonb_agg(to_jsonb(t) ORDER BY t.priced, t.fresh, t.beta_reason IS NULL, t.place)
                            FROM (SELECT * FROM troubled AS t
                                  ORDER BY t.priced, t.fresh, t.beta_reason IS NULL, t.place LIMIT $3) AS t))
                   FROM troubled HAVING count(*) > 0),
      'prices', (SELECT jsonb_object_agg(q.price_quality, jsonb_build_object('symbols', q.symbols, 'oldest', q.oldest))
                 FROM (SELECT d.price_quality, max(d.n) AS symbols,
                              jsonb_agg(jsonb_build_object('symbol', d.symbol, 'date', d.price_date) ORDER BY d.n)
                                FILTER (WHERE d.n <= $3) AS oldest
                       FROM (SELECT l.price_quality, l.symbol, l.price_date,
                                    row_number() OVER (PARTITION BY l.price_quality
                                                       ORDER BY l.price_date, l.symbol COLLATE "C") AS n
                             FROM lot AS l WHERE l.price_quality <> 'current' GROUP BY 1, 2, 3) AS d
                       GROUP BY d.price_quality) AS q),
      'factors', (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.model, f.factor = 'specific', f.position, f.factor)
                  FROM factor AS f),
      'correlation', (SELECT to_jsonb(c) FROM correlation AS c),
      'held', (SELECT jsonb_agg(to_jsonb(h)) FROM held AS h
               WHERE h.symbol = ANY ((SELECT c.symbols FROM correlation AS c)::text[])),
      'clusters', (SELECT jsonb_agg(to_jsonb(k) || jsonb_build_object(
                            'symbols', (SELECT jsonb_agg(DISTINCT m.symbol)
                                        FROM %1$I.correlation_cluster_positions AS m
                                        WHERE m.portfolio_id = $1 AND m.calculation_date = $2
                                          AND m.duration_days = k.duration_days
                                          AND m.cluster_number = k.cluster_number)) ORDER BY k.cluster_number)
                   FROM %1$I.correlation_clusters AS k JOIN correlation AS c USING (duration_days)
                   WHERE k.portfolio_id = $1 AND k.calculation_date = $2),
      'stress', (SELECT jsonb_agg(jsonb_build_object(
                          'id', r.scenario_id, 'name', COALESCE(d.name, r.scenario_id), 'severity', d.severity,
                          'direct', r.direct_pnl, 'correlated', r.correlated_pnl, 'reason', r.reason,
                          'exceeds_equity', r.exceeds_equity, 'method', r.calculation_metadata ->> 'method')
                        ORDER BY r.correlated_pnl NULLS LAST, r.scenario_id)
                 FROM %1$I.stress_test_results AS r
                 LEFT JOIN %1$I.stress_test_scenarios AS d ON d.scenario_id = r.scenario_id
                 WHERE r.portfolio_id = $1 AND r.calculation_date = $2),
      'quality', (SELECT jsonb_agg(to_jsonb(q) ORDER BY q.position, q.quality_flag, q.reason)
                  FROM (SELECT e.position, e.figure, e.quality_flag, e.reason, e.missing, sum(e.lots) AS positions
                        FROM estimated AS e GROUP BY 1, 2, 3, 4, 5) AS q),
      'lineage', _portfolio_batch.report_lineage($1, $2)))
  $query$, tables_schema) INTO data USING portfolio_id, as_of, listed_lots, listed_movers;
  RETURN data;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.report_data(uuid, date) IS
'Everything that portfolio_report shows of a portfolio on a date, read once, as one document: portfolio, snapshot,
history (snapshots up to the date), positions (the 25 largest of report_positions with their market betas, place their
rank), holdings (number and sums of all), movers (of a book of more: the five largest gains and losses), troubled (lots
beyond the 25 with an old price or a remark: their number and the first 25), prices (by quality, the symbols that are
not of the day: their number and the 25 oldest), factors (exposures with their standard errors),
correlation and clusters, held (exposure by symbol of the correlations), stress, quality (positions by figure, flag and
reason) and lineage (report_lineage). What is NULL, and a part for which there is no row, is left out. Nothing dated
after the date is read but the definitions and names, which have no history. 42704 for an unknown portfolio.';
