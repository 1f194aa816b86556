-- The report, last part: what is held, how good the data are, where the rows come from, and the whole page.

CREATE FUNCTION _portfolio_batch.report_lots(lots jsonb, equity numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT string_agg(format(
           '<tr data-position="%s" data-market-value="%s"><td>%s</td><td>%s</td>%s%s%s%s%s%s%s%s<td>%s</td></tr>',
           l.position_id, l.market_value, _portfolio_batch.html_escape(l.symbol),
           _portfolio_batch.html_escape(l.position_type),
           _portfolio_batch.report_cell(l.quantity::numeric, _portfolio_batch.report_number(l.quantity::numeric,
             CASE WHEN l.quantity = round(l.quantity) THEN 0 ELSE 4 END)),
           _portfolio_batch.report_cell(l.price::numeric, _portfolio_batch.report_number(l.price::numeric, 2)),
           _portfolio_batch.report_cell(l.market_value, _portfolio_batch.report_number(l.market_value)),
           _portfolio_batch.report_cell(l.market_value, _portfolio_batch.report_percent(
             l.market_value / NULLIF(greatest(equity, 0), 0))),
           _portfolio_batch.report_cell(l.exposure::numeric, _portfolio_batch.report_number(l.exposure::numeric),
                                        'n/a'),
           _portfolio_batch.report_cell(l.pnl, _portfolio_batch.report_number(l.pnl), 'n/a'),
           _portfolio_batch.report_cell(l.beta::numeric, _portfolio_batch.report_number(l.beta::numeric, 2), 'n/a'),
           _portfolio_batch.report_cell(l.beta_error::numeric,
                                        _portfolio_batch.report_number(l.beta_error::numeric, 2)),
           concat_ws(', ',
             CASE l.price_quality WHEN 'stale' THEN 'price of ' || _portfolio_batch.report_date(l.price_date)
                                  WHEN 'unpriced' THEN 'no price; carried at the mark of '
                                                       || _portfolio_batch.report_date(l.price_date)
                                  WHEN 'manual' THEN 'marked ' || _portfolio_batch.report_date(l.price_date) END,
             CASE WHEN l.follows <> l.symbol THEN 'follows ' || _portfolio_batch.html_escape(l.follows) END,
             CASE l.quality_flag WHEN 'limited_history' THEN 'limited history'
                                 WHEN 'stale' THEN 'stale estimates' END,
             CASE WHEN l.beta_reason IS NOT NULL THEN _portfolio_batch.report_reason(l.beta_reason) END)), ''
               ORDER BY l.n)
  FROM ROWS FROM (jsonb_to_recordset(lots)
         AS (position_id uuid, symbol text, follows text, position_type text, quantity double precision,
             price double precision, price_date date, price_quality text, market_value numeric, pnl numeric,
             exposure double precision, beta double precision, beta_error double precision, beta_reason text,
             quality_flag text)) WITH ORDINALITY
         AS l (position_id, symbol, follows, position_type, quantity, price, price_date, price_quality, market_value,
               pnl, exposure, beta, beta_error, beta_reason, quality_flag, n)
$$;
COMMENT ON FUNCTION _portfolio_batch.report_lots(jsonb, numeric) IS
'Rows of the report''s tables of positions. lots: of the positions of report_data; equity: the net asset value.';

CREATE FUNCTION _portfolio_batch.report_lot_table(caption text, rows text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<table>' || COALESCE('<caption>' || caption || '</caption>', '')
       || '<thead><tr><th>Symbol</th><th>Type</th><th class="number">Quantity</th><th class="number">Price</th>'
          '<th class="number">Market value</th><th class="number">Of NAV</th><th class="number">Exposure</th>'
          '<th class="number">Unrealized P&amp;L</th><th class="number">Beta</th><th class="number">&#177; error</th>'
          '<th>Remarks</th></tr></thead>' || rows || '</table>';
COMMENT ON FUNCTION _portfolio_batch.report_lot_table(text, text) IS
'A table of positions of the report, around its bodies of rows (markup).';

CREATE FUNCTION _portfolio_batch.report_holdings(data jsonb, at_most integer DEFAULT 25) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH total AS (
    SELECT t.*, (data #>> '{snapshot,total_value}')::numeric AS equity
    FROM jsonb_to_record(data -> 'holdings') AS t (lots bigint, market_value numeric, pnl numeric, with_pnl bigint)
  ), largest AS (
    SELECT count(*) AS lots, sum(l.market_value) AS market_value, COALESCE(sum(l.pnl), 0) AS pnl,
           count(l.pnl) AS with_pnl, jsonb_agg(l.lot ORDER BY l.place) AS list
    FROM (SELECT e.lot, r.* FROM jsonb_array_elements(data -> 'positions') AS e (lot)
          CROSS JOIN LATERAL jsonb_to_record(e.lot) AS r (place bigint, market_value numeric, pnl numeric)) AS l
    WHERE l.place <= at_most
  ), rest AS (
    SELECT t.lots - l.lots AS lots, t.market_value - l.market_value AS market_value,
           CASE WHEN t.with_pnl > l.with_pnl THEN t.pnl - l.pnl END AS pnl
    FROM total AS t CROSS JOIN largest AS l
  )
  SELECT _portfolio_batch.report_section('positions', 'Positions', CASE
    WHEN t.lots = 0 THEN _portfolio_batch.report_missing('No position is open on this date.')
    ELSE _portfolio_batch.report_lot_table(NULL, '<tbody>' || _portfolio_batch.report_lots(l.list, t.equity)
      || CASE WHEN r.lots > 0 THEN
           format('<tr><td colspan="4">%s smaller positions</td>%s%s<td></td>%s<td></td><td></td><td></td></tr>',
                  r.lots, _portfolio_batch.report_cell(r.market_value, _portfolio_batch.report_number(r.market_value)),
                  _portfolio_batch.report_cell(r.market_value, _portfolio_batch.report_percent(
                    r.market_value / NULLIF(greatest(t.equity, 0), 0))),
                  _portfolio_batch.report_cell(r.pnl, _portfolio_batch.report_number(r.pnl)))
              ELSE '' END
      || format('</tbody><tfoot><tr class="sum" data-positions="%s" data-market-value="%s"><td colspan="4">All %1$s '
                'positions</td>%3$s%4$s<td></td>%5$s<td></td><td></td><td></td></tr></tfoot>', t.lots,
                t.market_value,
                _portfolio_batch.report_cell(t.market_value, _portfolio_batch.report_number(t.market_value)),
                _portfolio_batch.report_cell(t.market_value, _portfolio_batch.report_percent(
                  t.market_value / NULLIF(greatest(t.equity, 0), 0))),
                _portfolio_batch.report_cell(t.pnl, _portfolio_batch.report_number(t.pnl))))
      || COALESCE(_portfolio_batch.report_lot_table('Largest unrealized gains and losses of all positions',
           '<tbody>' || _portfolio_batch.report_lots(data -> 'movers', t.equity) || '</tbody>'), '')
      || COALESCE((SELECT _portfolio_batch.report_lot_table(
                            'Smaller positions with an old price, a limited or old history or no beta',
                            '<tbody>' || _portfolio_batch.report_lots(p.listed, t.equity)
                            || CASE WHEN p.lots > jsonb_array_length(p.listed)
                                    THEN format('<tr><td colspan="11">and %s others</td></tr>',
                                                p.lots - jsonb_array_length(p.listed)) ELSE '' END || '</tbody>')
                   FROM jsonb_to_record(data -> 'troubled') AS p (lots bigint, listed jsonb)), '')
      || '<p class="note">Lots by size. Unrealized P&amp;L is against the entry price; exposure of an option is by its '
         'delta. Positions without a price are in no P&amp;L. Error: standard error of the beta (Newey-West).</p>'
    END)
  FROM total AS t CROSS JOIN largest AS l CROSS JOIN rest AS r
$$;
COMMENT ON FUNCTION _portfolio_batch.report_holdings(jsonb, integer) IS
'Section of the report: the largest positions, at most so many and 25, and the sum of all; of a book of more than 25
also the largest gains and losses, and of the smaller ones those that something is to be said of. data: as report_data
returns it.';

CREATE FUNCTION _portfolio_batch.report_quality(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH snapshot AS (
    SELECT s.* FROM jsonb_to_record(data -> 'snapshot')
      AS s (total_market_value numeric, stale_prices integer, unpriced_positions integer, private_positions integer,
            beta_coverage double precision, volatility_coverage double precision, volatility_proxied double precision,
            analytics_complete boolean)
  ), priced AS (
    SELECT p.key AS price_quality, string_agg(format('%s (%s)', _portfolio_batch.html_escape(o.symbol),
                                                     _portfolio_batch.report_date(o.date)), ', ' ORDER BY o.n)
             || CASE WHEN (p.value ->> 'symbols')::bigint > count(*)
                     THEN format(' and %s others', (p.value ->> 'symbols')::bigint - count(*)) ELSE '' END AS names
    FROM jsonb_each(data -> 'prices') AS p
    CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(p.value -> 'oldest') AS (symbol text, date date))
      WITH ORDINALITY AS o (symbol, date, n)
    GROUP BY p.key, p.value
  ), figure AS (
    SELECT q.position, q.figure, sum(q.positions) AS positions,
           COALESCE(sum(q.positions) FILTER (WHERE NOT q.missing), 0) AS known,
           COALESCE(sum(q.positions) FILTER (WHERE q.quality_flag = 'limited_history'), 0) AS short_history,
           NULLIF(concat_ws(', ', 'stale: ' || sum(q.positions) FILTER (WHERE q.quality_flag = 'stale'),
                            string_agg(format('%s: %s', _portfolio_batch.report_reason(q.reason), q.positions), ', '
                                       ORDER BY q.reason) FILTER (WHERE q.reason IS NOT NULL)), '') AS reasons,
           jsonb_object_agg(q.reason, q.positions) FILTER (WHERE q.reason IS NOT NULL) AS counts
    FROM jsonb_to_recordset(data -> 'quality')
      AS q (position integer, figure text, quality_flag text, reason text, missing boolean, positions bigint)
    GROUP BY 1, 2
  ), check_line AS (
    SELECT v.* FROM snapshot AS s
    CROSS JOIN jsonb_to_record(data -> 'holdings') AS h (lots bigint, market_value numeric)
    CROSS JOIN LATERAL (SELECT h.market_value AS sum, h.lots) AS t
    CROSS JOIN LATERAL (VALUES
      (1, 'Lots at a stale price', 'stale_prices', s.stale_prices::text, s.stale_prices > 0,
       (SELECT p.names FROM priced AS p WHERE p.price_quality = 'stale')),
      (2, 'Lots without a price', 'unpriced_positions', s.unpriced_positions::text, s.unpriced_positions > 0,
       (SELECT p.names FROM priced AS p WHERE p.price_quality = 'unpriced')),
      (3, 'Private lots', 'private_positions', s.private_positions::text, false,
       (SELECT p.names FROM priced AS p WHERE p.price_quality = 'manual')),
      (4, 'Gross exposure with a beta', 'beta_coverage', _portfolio_batch.report_percent(s.beta_coverage),
       s.beta_coverage < 0.9, NULL),
      (5, 'Gross exposure in the volatility', 'volatility_coverage',
       _portfolio_batch.report_percent(s.volatility_coverage),
       s.volatility_coverage < 0.9,
       CASE WHEN s.volatility_proxied > 0 THEN _portfolio_batch.report_percent(s.volatility_proxied)
                                               || ' with beta &#215; market on some sessions' END),
      (6, 'Analytics of the date', 'analytics_complete', CASE WHEN s.analytics_complete THEN 'complete'
                                                              ELSE 'outstanding' END, NOT s.analytics_complete, NULL),
      -- A lot is rounded by itself, the snapshot once: half a unit of the last digit a lot is no difference.
      (7, 'Positions against the snapshot', 'reconciled',
       CASE WHEN abs(t.sum - s.total_market_value) <= 0.01 * (t.lots + 1) THEN 'equal' ELSE 'differ' END,
       abs(t.sum - s.total_market_value) > 0.01 * (t.lots + 1),
       CASE WHEN abs(t.sum - s.total_market_value) > 0.01 * (t.lots + 1)
            THEN format('the positions are worth %s now, %s in the snapshot: inputs have changed since the run',
                        _portfolio_batch.report_number(t.sum, 2),
                        _portfolio_batch.report_number(s.total_market_value, 2)) END))
      AS v (i, label, metric, shown, warn, names)
  )
  SELECT _portfolio_batch.report_section('quality', 'Data quality',
    '<div class="split even"><div><table><tbody>'
    || (SELECT string_agg(format('<tr><td>%s</td><td data-metric="%s"%s>%s</td><td>%s</td></tr>', c.label, c.metric,
                                 CASE WHEN c.warn THEN ' class="warn"' ELSE '' END, COALESCE(c.shown, 'n/a'), c.names),
                          '' ORDER BY c.i) FROM check_line AS c)
    || '</tbody></table></div><div>'
    || COALESCE((SELECT '<table><thead><tr><th>Figure</th><th class="number">Positions</th><th class="number">Estimated'
                        '</th><th class="number">Limited history</th><th>Flags and reasons</th></tr></thead><tbody>'
                        || string_agg(format(
                             '<tr data-figure="%s" data-positions="%s" data-known="%s" data-limited="%s"><td>%1$s</td>'
                             '<td class="number">%2$s</td><td class="number">%3$s</td><td class="number">%4$s</td>'
                             '<td>%5$s</td></tr>', _portfolio_batch.html_escape(f.figure), f.positions, f.known,
                             f.short_history, COALESCE(f.reasons, 'none')), '' ORDER BY f.position, f.figure)
                        || '</tbody></table>'
                 FROM figure AS f HAVING count(*) > 0),
                _portfolio_batch.report_missing('No estimates: the risk engines have not run for this date.'))
    || '</div></div>')
$$;
COMMENT ON FUNCTION _portfolio_batch.report_quality(jsonb) IS
'Section of the report: prices, coverage, whether the positions still add up to the snapshot, and by figure how many
positions have it, how many on a limited history, and why others have not. data: as report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_runs(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH written AS (
    SELECT w.* FROM jsonb_to_recordset(data #> '{lineage,written}')
      AS w (position integer, table_name text, run_id bigint, rows bigint, at timestamptz)
  ), run AS (
    SELECT r.* FROM jsonb_to_recordset(data #> '{lineage,runs}')
      AS r (run_id bigint, kind text, status text, version text, requested_by text, started_at timestamptz,
            completed_at timestamptz, errors integer, settings jsonb)
  ), problem AS (
    SELECT p.* FROM jsonb_to_recordset(data #> '{lineage,problems}')
      AS p (run_id bigint, job text, status text, sqlstate text, message text)
  )
  SELECT _portfolio_batch.report_section('lineage', 'Run lineage',
    '<div class="split"><div>'
    || COALESCE((SELECT '<table><thead><tr><th>Run</th><th>Kind</th><th>Status</th><th>Version</th><th>By</th>'
                        '<th>Started (UTC)</th><th class="number">Errors</th></tr></thead><tbody>'
                        || string_agg(format('<tr data-run="%s"><td>%1$s</td><td>%2$s</td><td%3$s>%4$s</td>'
                             '<td>%5$s</td><td>%6$s</td><td>%7$s</td><td class="number">%8$s</td></tr>'
                             '<tr><td></td><td colspan="6">Settings other than the default: %9$s</td></tr>',
                             r.run_id, r.kind,
                             CASE WHEN r.status = 'success' THEN '' ELSE ' class="warn"' END, r.status,
                             _portfolio_batch.html_escape(r.version), _portfolio_batch.html_escape(r.requested_by),
                             to_char(r.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                             COALESCE(r.errors::text, 'n/a'),
                             COALESCE((SELECT string_agg(format('%s = %s (default %s)',
                                                                _portfolio_batch.html_escape(c.name),
                                                                _portfolio_batch.html_escape(c.value),
                                                                _portfolio_batch.html_escape(c.default)), ', '
                                                  ORDER BY c.name)
                                       FROM jsonb_to_recordset(r.settings)
                                         AS c (name text, value text, "default" text)), 'none')), '' ORDER BY r.run_id)
                        || '</tbody></table>' FROM run AS r HAVING count(*) > 0),
                _portfolio_batch.report_missing('The log has no run behind these rows: engines were called by hand, '
                                                'or the log was purged.'))
    || '<h3>Errors of these runs for the date</h3>'
    || COALESCE((SELECT '<table><tbody>' || string_agg(format(
                          '<tr data-problem="%s"><td>run %s</td><td>%s</td><td class="warn">%s</td><td>%s %s</td></tr>',
                          _portfolio_batch.html_escape(p.sqlstate), p.run_id, _portfolio_batch.html_escape(p.job),
                          p.status,
                          _portfolio_batch.html_escape(p.sqlstate), _portfolio_batch.html_escape(p.message)), '')
                        || '</tbody></table>' FROM problem AS p HAVING count(*) > 0),
                '<p>None.</p>')
    || '</div><div><table><thead><tr><th>Table</th><th class="number">Rows</th><th class="number">Run</th>'
       '<th>Last written (UTC)</th></tr></thead><tbody>'
    || (SELECT string_agg(format('<tr data-table="%s" data-run-id="%s" data-rows="%s"><td>%1$s</td>'
                                 '<td class="number">%3$s</td><td class="number">%4$s</td><td>%5$s</td></tr>',
                                 w.table_name, w.run_id, w.rows,
                                 COALESCE(w.run_id::text, 'by hand'),
                                 to_char(w.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')),
                          '' ORDER BY w.position, w.run_id) FROM written AS w)
    || '</tbody></table></div></div>')
$$;
COMMENT ON FUNCTION _portfolio_batch.report_runs(jsonb) IS
'Section of the report: which run wrote the rows of each table, when, with which version and settings, and what went
wrong. data: as report_data returns it.';

CREATE FUNCTION _portfolio_batch.portfolio_report_as_owner(portfolio_id uuid, as_of date DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  is_known      boolean;
  day           date;
  nearest       date;
  data          jsonb;
BEGIN
  PERFORM _portfolio_batch.require_finite('as_of', as_of);
  EXECUTE format('SELECT EXISTS (SELECT FROM %I.portfolios AS p WHERE p.id = $1 AND p.deleted_at IS NULL)',
                 tables_schema) INTO is_known USING portfolio_id;
  IF NOT is_known THEN
    RAISE EXCEPTION 'portfolio does not exist: %', COALESCE(portfolio_id::text, 'NULL')
      USING ERRCODE = 'undefined_object',
            DETAIL = format('No row of %I.portfolios that is not deleted has this id.', tables_schema),
            HINT = format('List the portfolios with SELECT id, name FROM %I.portfolios.', tables_schema);
  END IF;
  EXECUTE format('SELECT max(s.snapshot_date) FILTER (WHERE $2 IS NULL OR s.snapshot_date = $2), '
                 '(array_agg(s.snapshot_date ORDER BY abs(s.snapshot_date - $3), s.snapshot_date))[1] '
                 'FROM %I.portfolio_snapshots AS s WHERE s.portfolio_id = $1', tables_schema)
     INTO day, nearest USING portfolio_id, as_of, greatest('1000-01-01', least('9999-12-31', as_of));
  IF day IS NULL THEN
    RAISE EXCEPTION 'portfolio % has no snapshot%', portfolio_id, COALESCE(' of ' || as_of, '')
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A report shows what a run of the batch has stored for a date.',
            HINT = CASE WHEN nearest IS NULL
                        THEN 'Run the batch first: SELECT * FROM run_daily_batch_with_backfill().'
                        ELSE format('The nearest snapshot is of %s; without a date the report is of the latest.',
                                    nearest) END;
  END IF;

  data := _portfolio_batch.report_data(portfolio_id, day);
  RETURN concat(
    E'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
    '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''"/>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
    '<meta name="color-scheme" content="light dark"/>'
    '<title>', _portfolio_batch.html_escape(data #>> '{portfolio,name}'), ', risk report of ', day, '</title><style>',
    _portfolio_batch.report_style(), E'</style></head>\n<body><main>\n',
    _portfolio_batch.report_header(data), _portfolio_batch.report_tiles(data),
    _portfolio_batch.report_equity_curve(data),
    _portfolio_batch.report_exposures(data), _portfolio_batch.report_sectors(data),
    _portfolio_batch.report_factor_betas(data),
    _portfolio_batch.report_risk(data), _portfolio_batch.report_correlations(data),
    _portfolio_batch.report_stress(data),
    _portfolio_batch.report_holdings(data), _portfolio_batch.report_quality(data), _portfolio_batch.report_runs(data),
    '<footer>Made by portfolio_batch from the tables of ', _portfolio_batch.html_escape(tables_schema),
    '; nothing dated after ', _portfolio_batch.report_date(day),
    E' is in it. Returns and shares are of net asset value, volatilities per year.</footer>\n</main></body></html>');
END
$$;
COMMENT ON FUNCTION _portfolio_batch.portfolio_report_as_owner(uuid, date) IS
'One self-contained HTML page on a portfolio as of a snapshot date (default: its latest): key figures, equity curve with
drawdown, exposures and sectors, factor betas with 95 % intervals, contributions to risk, correlations with clusters,
stress tests, the 25 largest positions (and of more the largest gains and losses and what has a remark; docs/report.md
says what is counted instead of listed), data quality, and which run wrote what. Charts are inline SVG; there is no
script and no reference to anything outside, which the page''s own policy also forbids. Light, dark where the reader
prefers it, and made for paper. Amounts are in the portfolio''s currency; a missing figure is its reason in words, never
0. Exact values are in data attributes. Text is for client_encoding UTF8. It writes nothing, and needs SELECT on the
tables.
The intervals of the factor betas are beta +- 1.96 std_error of portfolio_factor_exposures.
Errors: 42704 for an unknown or deleted portfolio, 22023 for a date without a snapshot, with the nearest one.
Example: psql -XAtc "SELECT portfolio_report(''00000000-0000-4000-8000-000000000001'')" > report.html';
