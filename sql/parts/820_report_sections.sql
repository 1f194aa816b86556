-- The report, third part: one function a section, each from the document of report_data to markup. They read nothing.

CREATE FUNCTION _portfolio_batch.report_style() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $css$
:root { color-scheme: light dark; --page: #f3f4f6; --panel: #ffffff; --ink: #16202c; --soft: #5b6776; --rule: #dfe3e8;
  --grid: #e9ecf0; --pos: #0072b2; --neg: #d55e00; --accent: #33475b; --warn: #9a4a00; }
@media (prefers-color-scheme: dark) { :root { --page: #10151b; --panel: #181f27; --ink: #e4e9ef; --soft: #9aa7b5;
  --rule: #2d3742; --grid: #252e38; --pos: #4ea8de; --neg: #f58b4b; --accent: #b9c6d3;
  --warn: #f0a868; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, system-ui, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 36px; display: grid; gap: 16px;
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
header, .wide, .tiles, footer { grid-column: 1 / -1; }
header { display: flex; justify-content: space-between; align-items: flex-end; gap: 24px;
  border-bottom: 2px solid var(--accent); padding-bottom: 14px; }
h1 { margin: 0; font-size: 27px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 15px; font-weight: 650; }
h3 { margin: 14px 0 4px; font-size: 12px; font-weight: 600; color: var(--soft); }
p { margin: 6px 0; } .about, .note, footer { color: var(--soft); font-size: 12px; } .note { margin-top: 8px; }
.headline { text-align: right; white-space: nowrap; } .headline strong { display: block; font-size: 25px;
  line-height: 1.25; font-weight: 650; }
section { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 16px 18px;
  min-width: 0; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 1px; margin: 0; background: var(--rule);
  border: 1px solid var(--rule); border-radius: 6px; overflow: hidden; }
.tiles div { background: var(--panel); padding: 10px 14px 11px; } .tiles dt { color: var(--soft); font-size: 12px; }
.tiles dd { margin: 1px 0 0; font-size: 19px; font-weight: 600; line-height: 1.3; }
.tiles dd small { display: block; font-size: 11.5px; font-weight: 400; color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 8px 0 0; font-size: 12.5px; }
.facts div { display: flex; gap: 7px; } .facts dt { color: var(--soft); } .facts dd { margin: 0; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; } caption { text-align: left; color: var(--soft); }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 11.5px; } thead th { vertical-align: bottom; }
th, td { padding: 3.5px 8px; border-bottom: 1px solid var(--grid); vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; } td.missing { white-space: normal; }
.negative { color: var(--neg); } .missing { color: var(--soft); font-style: italic; font-weight: 400; }
.tiles .missing { font-size: 12.5px; } .warn { color: var(--warn); font-weight: 600; }
.sum td { border-top: 1px solid var(--soft); font-weight: 600; } .split { display: grid; gap: 24px;
  grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); } 
.even { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } details { margin-top: 10px; font-size: 12.5px; }
summary { cursor: pointer; color: var(--soft); }
svg { display: block; width: 100%; height: auto; } text { fill: var(--ink); font-size: 12px; }
text.soft { fill: var(--soft); font-size: 11px; } text.end { text-anchor: end; } text.middle { text-anchor: middle; }
text.strong { font-weight: 600; }
text.over { paint-order: stroke; stroke: var(--panel); stroke-width: 4px; } text.down { fill: var(--neg); }
text.cell { font-size: 9.5px; text-anchor: middle; }
text.cell.on { fill: var(--panel); }
.grid { stroke: var(--grid); } .zero { stroke: var(--soft); } .flow { stroke: var(--soft); stroke-dasharray: 2 3; }
.curve { fill: none; stroke: var(--pos); stroke-width: 1.8; stroke-linejoin: round; }
.second { stroke: var(--accent); stroke-dasharray: 5 3; } .area { fill: var(--pos); fill-opacity: 0.10; }
.pos { fill: var(--pos); } .neg { fill: var(--neg); }
.under { fill: var(--neg); fill-opacity: 0.22; stroke: var(--neg); stroke-width: 1.2; stroke-linejoin: round; }
.net { stroke: var(--ink); stroke-width: 2; } .whisker { stroke: var(--accent); stroke-width: 1.6; }
.dot { fill: var(--pos); stroke: var(--panel); stroke-width: 1.2; } .direct { fill: none; stroke: var(--ink); }
.frame { fill: none; stroke: var(--ink); stroke-width: 2; } .self { fill: var(--grid); }
.hatched { fill: url(#hatch); } .hatch { stroke: var(--soft); stroke-width: 1.2; }
@media screen and (max-width: 880px) { main { grid-template-columns: minmax(0, 1fr); padding: 16px 12px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .split { grid-template-columns: minmax(0, 1fr); }
  header { flex-direction: column; align-items: flex-start; } .headline { text-align: left; }
  section { overflow-x: auto; } }
@page { size: A4 landscape; margin: 11mm; }
@media print { :root { color-scheme: light; --page: #ffffff; --panel: #ffffff; --ink: #000000; --soft: #454f5b;
  --rule: #c3c9d0; --grid: #e1e5e9; --pos: #0072b2; --neg: #c04f00; --accent: #33475b;
  --warn: #8a4200; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } body { font-size: 12px; }
  main { max-width: none; padding: 0; gap: 12px; } section { padding: 11px 14px; break-inside: avoid; }
  header, .tiles, tr { break-inside: avoid; } h2, h3, thead { break-after: avoid; } details { display: none; }
  table { font-size: 10.5px; } th, td { padding: 2px 7px; } h1 { font-size: 23px; } header { padding-bottom: 8px; }
  .tiles div { padding: 5px 12px 6px; } .tiles dd { font-size: 16px; } }
$css$;
COMMENT ON FUNCTION _portfolio_batch.report_style() IS
'The style sheet of the report: light, dark where the reader prefers it, and light again on paper. Blue and orange tell
gains and losses apart for the color-blind too; signs are written out everywhere.';

CREATE FUNCTION _portfolio_batch.report_header(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT format('<header><div><h1 data-metric="name">%s</h1><p class="about">Portfolio risk report as of '
                '<time datetime="%s">%s</time>%s &#183; amounts in %s &#183; portfolio %s</p></div>'
                '<div class="headline"><span class="about">Net asset value</span><strong>%s</strong></div></header>',
                _portfolio_batch.html_escape(p.name), data ->> 'as_of',
                _portfolio_batch.report_date((data ->> 'as_of')::date), ' &#183; '
                  || _portfolio_batch.html_escape(p.owner),
                p.currency, p.id, _portfolio_batch.report_value('total_value', s.total_value,
                                                                _portfolio_batch.report_number(s.total_value, 2),
                                                                'no_equity'))
         || E'\n'
  FROM jsonb_to_record(data -> 'portfolio') AS p (id uuid, name text, owner text, currency text),
       jsonb_to_record(data -> 'snapshot') AS s (total_value numeric)
$$;
COMMENT ON FUNCTION _portfolio_batch.report_header(jsonb) IS
'Head of the report: portfolio, date, net asset value. data: as report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_tile(label text, value text, note text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<div><dt>' || label || '</dt><dd>' || value || COALESCE('<small>' || note || '</small>', '') || '</dd></div>';
COMMENT ON FUNCTION _portfolio_batch.report_tile(text, text, text) IS
'One key figure of the report: label, value and a line below it (all markup).';

CREATE FUNCTION _portfolio_batch.report_tiles(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT '<dl class="tiles">' || concat(
    _portfolio_batch.report_tile('Day P&amp;L',
      _portfolio_batch.report_value('daily_pnl', s.daily_pnl, _portfolio_batch.report_number(s.daily_pnl)),
      _portfolio_batch.report_value('daily_return', s.daily_return, _portfolio_batch.report_percent(s.daily_return, 2),
                                    'no_equity')),
    _portfolio_batch.report_tile('Month to date',
      _portfolio_batch.report_value('mtd_pnl', s.mtd_pnl, _portfolio_batch.report_number(s.mtd_pnl))),
    _portfolio_batch.report_tile('Year to date',
      _portfolio_batch.report_value('ytd_pnl', s.ytd_pnl, _portfolio_batch.report_number(s.ytd_pnl))),
    _portfolio_batch.report_tile('Since inception',
      _portfolio_batch.report_value('cumulative_pnl', s.cumulative_pnl,
                                    _portfolio_batch.report_number(s.cumulative_pnl)),
      'realized ' || _portfolio_batch.report_value('cumulative_realized_pnl', s.cumulative_realized_pnl,
                                                   _portfolio_batch.report_number(s.cumulative_realized_pnl))),
    _portfolio_batch.report_tile('Gross / net exposure',
      _portfolio_batch.report_value('gross_over_equity',
        CASE WHEN s.total_value > 0 THEN s.gross_exposure / s.total_value END,
        _portfolio_batch.report_percent(s.gross_exposure / NULLIF(s.total_value, 0), 0), 'no_equity')
      || ' / '
      || _portfolio_batch.report_value('net_over_equity',
        CASE WHEN s.total_value > 0 THEN s.net_exposure / s.total_value END,
        _portfolio_batch.report_percent(s.net_exposure / NULLIF(s.total_value, 0), 0), 'no_equity'),
      'of net asset value'),
    _portfolio_batch.report_tile('Cash',
      _portfolio_batch.report_value('cash_value', s.cash_value, _portfolio_batch.report_number(s.cash_value))),
    _portfolio_batch.report_tile('Market beta',
      _portfolio_batch.report_value('beta', s.beta, _portfolio_batch.report_number(s.beta, 2), s.beta_reason),
      'R&#178; ' || _portfolio_batch.report_value('beta_r_squared', s.beta_r_squared,
                      _portfolio_batch.report_number(s.beta_r_squared, 2), s.beta_reason)
      || ', covers ' || COALESCE(_portfolio_batch.report_percent(s.beta_coverage, 0), 'n/a')),
    _portfolio_batch.report_tile('Yield +100 bp',
      _portfolio_batch.report_value('rate_effect', rate.exposure / 100,
                                    _portfolio_batch.report_percent(rate.exposure / 100, 2), rate.reason),
      'of NAV, market unchanged'),
    _portfolio_batch.report_tile('Realized volatility',
      _portfolio_batch.report_value('realized_volatility_63d', s.realized_volatility_63d,
                                    _portfolio_batch.report_percent(s.realized_volatility_63d), s.volatility_reason),
      '63 sessions; 21: ' || COALESCE(_portfolio_batch.report_percent(s.realized_volatility_21d), 'n/a')),
    _portfolio_batch.report_tile('Expected volatility',
      _portfolio_batch.report_value('expected_volatility_21d', s.expected_volatility_21d,
                                    _portfolio_batch.report_percent(s.expected_volatility_21d), s.volatility_reason),
      '21 sessions' || COALESCE(', ' || upper(s.expected_volatility_method), '')
      || COALESCE(', ' || s.volatility_trend, '')),
    _portfolio_batch.report_tile('Effective positions',
      _portfolio_batch.report_value('effective_positions', s.effective_positions,
                                    _portfolio_batch.report_number(s.effective_positions, 1), s.concentration_reason),
      'HHI ' || _portfolio_batch.report_value('hhi', s.hhi, _portfolio_batch.report_number(s.hhi),
                                              s.concentration_reason)
      || COALESCE(', top 10 ' || _portfolio_batch.report_percent(s.top_10_concentration, 0), '')),
    _portfolio_batch.report_tile('Diversification ratio',
      _portfolio_batch.report_value('diversification_ratio', c.diversification_ratio,
                                    _portfolio_batch.report_number(c.diversification_ratio, 2),
                                    COALESCE(c.diversification_reason, c.reason)),
      'effective bets ' || COALESCE(_portfolio_batch.report_number(c.effective_bets, 1), 'n/a'))) || E'</dl>\n'
  FROM jsonb_to_record(data -> 'snapshot')
         AS s (total_value numeric, daily_pnl numeric, daily_return numeric, mtd_pnl numeric, ytd_pnl numeric,
               cumulative_pnl numeric, cumulative_realized_pnl numeric, gross_exposure numeric, net_exposure numeric,
               cash_value numeric, beta numeric, beta_r_squared numeric,
               beta_coverage numeric, beta_reason text, realized_volatility_63d numeric,
               realized_volatility_21d numeric, expected_volatility_21d numeric,
               expected_volatility_method text, volatility_trend text, volatility_reason text,
               effective_positions numeric, hhi numeric, top_10_concentration numeric,
               concentration_reason text)
  LEFT JOIN (SELECT f.exposure, f.reason
             FROM jsonb_to_recordset(data -> 'factors') AS f (model text, exposure numeric, reason text)
             WHERE f.model = 'rate' LIMIT 1) AS rate ON true
  LEFT JOIN jsonb_to_record(data -> 'correlation')
         AS c (diversification_ratio numeric, effective_bets numeric, diversification_reason text, reason text) ON true
$$;
COMMENT ON FUNCTION _portfolio_batch.report_tiles(jsonb) IS
'Key figures of the report, from the snapshot, the rate exposure and the correlations. data: as report_data returns
it.';

CREATE FUNCTION _portfolio_batch.report_equity_curve(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH snapshot AS (
    SELECT h.*, row_number() OVER (ORDER BY h.date) AS i,
           -- Growth of one unit of capital: flows raise the net asset value and are no gain.
           exp(sum(CASE WHEN h.return > -1 THEN ln(1 + h.return) END) OVER (ORDER BY h.date)) AS growth
    FROM jsonb_to_recordset(data -> 'history')
           AS h (date date, value numeric, flow numeric, pnl numeric, return double precision)
    WHERE h.value IS NOT NULL
  ), point AS (
    SELECT s.*, s.growth / greatest(1, max(s.growth) OVER (ORDER BY s.date)) - 1 AS drawdown FROM snapshot AS s
  ), span AS (
    SELECT count(*) AS points, min(p.date) AS first, max(p.date) AS last, min(p.value)::double precision AS lowest,
           max(p.value)::double precision AS highest, min(p.drawdown) AS deepest,
           count(*) FILTER (WHERE p.return IS NULL OR p.return <= -1) AS unknown,
           greatest((max(p.value) - min(p.value)) * 0.06, abs(max(p.value)) * 0.002)::double precision AS margin
    FROM point AS p
  ), axis AS (
    SELECT s.*, s.lowest - s.margin AS low, s.highest + s.margin AS high,
           least(COALESCE(s.deepest, 0) * 1.08, -0.001) AS bottom,
           CASE WHEN s.last - s.first <= 70 THEN 'week' WHEN s.last - s.first <= 500 THEN 'month'
                WHEN s.last - s.first <= 1500 THEN 'quarter' ELSE 'year' END AS unit
    FROM span AS s
  ), place AS (
    SELECT p.*, _portfolio_batch.report_scale(p.date - a.first, 0, a.last - a.first, 70, 1064) AS x,
           _portfolio_batch.report_scale(p.value, a.low, a.high, 216, 12) AS y,
           _portfolio_batch.report_scale(p.drawdown, a.bottom, 0, 326, 254) AS depth
    FROM point AS p, axis AS a
  ), date_tick AS (
    SELECT t.day, _portfolio_batch.report_scale(t.day - a.first, 0, a.last - a.first, 70, 1064) AS x,
           to_char(t.day::timestamp, CASE a.unit WHEN 'week' THEN 'FMDD Mon' WHEN 'year' THEN 'YYYY'
                                                 ELSE 'Mon YYYY' END) AS label
    FROM axis AS a
    CROSS JOIN LATERAL (
      SELECT g::date AS day
      FROM generate_series(date_trunc(a.unit, a.first::timestamp), a.last::timestamp,
                           CASE a.unit WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || a.unit)::interval END) AS g
      WHERE g::date BETWEEN a.first AND a.last) AS t
  ), extremes AS (
    SELECT (array_agg(p.date ORDER BY p.drawdown, p.date))[1] AS deepest_on,
           (array_agg(p.drawdown ORDER BY p.date DESC))[1] AS now_down,
           (array_agg(p.growth ORDER BY p.date DESC))[1] AS growth,
           max(p.return) AS best, (array_agg(p.date ORDER BY p.return DESC NULLS LAST))[1] AS best_on,
           min(p.return) AS worst, (array_agg(p.date ORDER BY p.return NULLS LAST))[1] AS worst_on
    FROM point AS p
  )
  SELECT _portfolio_batch.report_section('equity', 'Equity curve and drawdown', CASE
    WHEN a.points < 2 THEN _portfolio_batch.report_missing(
      format('A curve needs two snapshots; up to this date there is %s.',
             CASE a.points WHEN 0 THEN 'none' ELSE 'one' END))
    ELSE
      _portfolio_batch.report_svg(1080, CASE WHEN a.unknown = 0 THEN 352 ELSE 244 END,
        format('Net asset value over %s snapshots, %s to %s', a.points, _portfolio_batch.report_date(a.first),
               _portfolio_batch.report_date(a.last)) || CASE WHEN a.unknown = 0 THEN ', and drawdown below it' ELSE ''
                 END,
        concat(
          _portfolio_batch.report_side_axis(a.low, a.high, 216, 12, 70, 1064, 5),
          (SELECT string_agg(_portfolio_batch.report_line(d.x, 12, d.x, CASE WHEN a.unknown = 0 THEN 326 ELSE 216 END,
                                                          'grid')
                             || _portfolio_batch.report_text(d.x, CASE WHEN a.unknown = 0 THEN 344 ELSE 236 END,
                                                             'soft middle', d.label), '')
           FROM date_tick AS d),
          (SELECT string_agg(format('<line x1="%1$s" y1="12" x2="%1$s" y2="216" class="flow"><title>%2$s: capital flow '
                                    '%3$s</title></line>', p.x, p.date, _portfolio_batch.report_number(p.flow, 2)), '')
           FROM place AS p WHERE p.flow <> 0),
          (SELECT format('<path class="area" d="M%s,216 L%s L%s,216 Z"/><path class="curve" data-series="value" '
                         'data-points="%s" data-first="%s" data-last="%s" data-lowest="%s" data-highest="%s" d="M%s"/>',
                         min(p.x), string_agg(p.x || ',' || p.y, ' ' ORDER BY p.date), max(p.x), count(*),
                         (array_agg(p.value ORDER BY p.date))[1], (array_agg(p.value ORDER BY p.date DESC))[1],
                         min(p.value), max(p.value), string_agg(p.x || ',' || p.y, ' ' ORDER BY p.date))
           FROM place AS p),
          CASE WHEN a.unknown = 0 THEN concat(
            _portfolio_batch.report_line(70, 254, 1064, 254, 'zero'),
            _portfolio_batch.report_text(70, 246, 'soft', 'Drawdown'),
            _portfolio_batch.report_side_axis(a.bottom, 0, 326, 254, 70, 1064, 3, true),
            (SELECT format('<path class="under" data-series="drawdown" data-deepest="%s" data-last="%s" '
                           'd="M%s,254 L%s L%s,254 Z"/>', a.deepest, (array_agg(p.drawdown ORDER BY p.date DESC))[1],
                           min(p.x), string_agg(p.x || ',' || p.depth, ' ' ORDER BY p.date), max(p.x))
             FROM place AS p)) END))
      || CASE WHEN a.unknown = 0 THEN format(
           '<dl class="facts"><div><dt>Return over the period</dt><dd>%s</dd></div><div><dt>Largest drawdown</dt>'
           '<dd>%s on %s</dd></div><div><dt>Drawdown now</dt><dd>%s</dd></div><div><dt>Best session</dt><dd>%s on %s'
           '</dd></div><div><dt>Worst session</dt><dd>%s on %s</dd></div></dl>',
           _portfolio_batch.report_value('total_return', (e.growth - 1)::numeric,
                                         _portfolio_batch.report_percent(e.growth - 1, 2)),
           _portfolio_batch.report_value('max_drawdown', a.deepest::numeric,
                                         _portfolio_batch.report_percent(a.deepest, 2)),
           _portfolio_batch.report_date(e.deepest_on),
           _portfolio_batch.report_value('drawdown', e.now_down::numeric,
                                         _portfolio_batch.report_percent(e.now_down, 2)),
           _portfolio_batch.report_percent(e.best, 2), _portfolio_batch.report_date(e.best_on),
           _portfolio_batch.report_percent(e.worst, 2), _portfolio_batch.report_date(e.worst_on))
         ELSE _portfolio_batch.report_missing(format(
           'No drawdown: %s of %s snapshots have no daily return, so the growth of capital is not known.',
           a.unknown, a.points)) END
      || '<p class="note">Drawdown is from the peak of the growth of one unit of capital, the daily returns '
         'compounded; capital flows (dotted lines) move the net asset value and are no gain.</p>'
      || (SELECT format('<details><summary>The last %s of %s sessions in numbers</summary><table><thead><tr>'
                        '<th>Date</th><th class="number">Net asset value</th><th class="number">P&amp;L</th>'
                        '<th class="number">Flow</th><th class="number">Return</th></tr></thead><tbody>%s</tbody>'
                        '</table></details>',
                        count(*), a.points,
                        string_agg(format('<tr data-date="%s" data-value="%s"><td>%s</td>%s%s%s%s</tr>', p.date,
                                          p.value, p.date, _portfolio_batch.report_cell(p.value,
                                            _portfolio_batch.report_number(p.value, 2)),
                                          _portfolio_batch.report_cell(p.pnl, _portfolio_batch.report_number(p.pnl, 2),
                                                                       'n/a'),
                                          _portfolio_batch.report_cell(p.flow,
                                                                       _portfolio_batch.report_number(p.flow, 2),
                                                                       'n/a'),
                                          _portfolio_batch.report_cell(p.return::numeric,
                                            _portfolio_batch.report_percent(p.return, 2), 'n/a')), ''
                                              ORDER BY p.date DESC))
          FROM point AS p WHERE p.i > a.points - 260)
    END)
  FROM axis AS a, extremes AS e
$$;
COMMENT ON FUNCTION _portfolio_batch.report_equity_curve(jsonb) IS
'Section of the report: net asset value over the snapshots up to the date and, below, the drawdown of the compounded
daily returns, which is left out with a reason when a return is missing. data: as report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_exposures(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH snapshot AS (
    SELECT s.* FROM jsonb_to_record(data -> 'snapshot')
      AS s (total_value numeric, total_long numeric, total_short numeric, gross_exposure numeric, net_exposure numeric,
            gross_delta_exposure numeric, net_delta_exposure numeric, long_count integer, short_count integer,
            symbol_count integer, option_count integer, private_positions integer)
  ), bar AS (
    SELECT b.* FROM snapshot AS s,
      LATERAL (VALUES (1, 'Long', 'total_long', s.total_long), (2, 'Short', 'total_short', s.total_short),
                      (3, 'Net', 'net_exposure', s.net_exposure), (4, 'Gross', 'gross_exposure', s.gross_exposure))
      AS b (i, label, metric, value)
  ), axis AS (
    SELECT least(min(b.value), 0)::double precision AS low, greatest(max(b.value), 1)::double precision AS high,
           count(b.value) AS bars
    FROM bar AS b
  ), past AS (
    SELECT h.date, (h.gross / h.value)::double precision AS gross, (h.net / h.value)::double precision AS net
    FROM jsonb_to_recordset(data -> 'history') AS h (date date, value numeric, gross numeric, net numeric)
    WHERE h.value > 0 AND h.gross IS NOT NULL
  ), span AS (
    SELECT count(*) AS points, min(p.date) AS first, max(p.date) AS last, least(min(p.net), 0) AS low,
           greatest(max(p.gross), 0.01) AS high
    FROM past AS p
  ), course AS (
    SELECT p.date, _portfolio_batch.report_scale(p.date - n.first, 0, n.last - n.first, 56, 440) AS x,
           _portfolio_batch.report_scale(p.gross, n.low, n.high, 96, 12) AS gross,
           _portfolio_batch.report_scale(p.net, n.low, n.high, 96, 12) AS net
    FROM past AS p, span AS n
  )
  SELECT _portfolio_batch.report_section('exposures', 'Exposures', CASE
    WHEN a.bars < 4 OR s.gross_exposure = 0 THEN _portfolio_batch.report_missing(
      CASE WHEN s.gross_exposure = 0 THEN 'No exposure: nothing is held on this date.' END)
    ELSE _portfolio_batch.report_svg(520, 146, 'Long, short, net and gross exposure', concat(
           _portfolio_batch.report_axis(a.low, a.high, 56, 330, 8, 122, 3),
           (SELECT string_agg(concat(
                     _portfolio_batch.report_text(0, 28 * b.i - 4, '', b.label),
                     _portfolio_batch.report_bar(_portfolio_batch.report_scale(0, a.low, a.high, 56, 330),
                                                 _portfolio_batch.report_scale(b.value, a.low, a.high, 56, 330),
                                                 28 * b.i - 17, 18, CASE WHEN b.value < 0 THEN 'neg' ELSE 'pos' END,
                                                 b.label || ' ' || _portfolio_batch.report_number(b.value, 2)),
                     format('<text x="448" y="%s" class="end" data-metric="%s" data-value="%s">%s</text>', 28 * b.i - 4,
                            b.metric, b.value, _portfolio_batch.report_number(b.value)),
                     _portfolio_batch.report_text(520, 28 * b.i - 4, 'soft end',
                       _portfolio_batch.report_percent(b.value / NULLIF(s.total_value, 0)))),
                   '' ORDER BY b.i) FROM bar AS b)))
         || format('<p class="note">Lots: %s long, %s short, of %s symbols; of these %s options, %s private. Market '
                   'values, and percent of net asset value.%s</p>', s.long_count, s.short_count, s.symbol_count,
                   s.option_count, s.private_positions,
                   CASE WHEN s.gross_delta_exposure IS NOT NULL THEN format(
                     ' With options by their delta, as sectors and risk have them: gross %s, net %s.',
                     _portfolio_batch.report_value('gross_delta_exposure', s.gross_delta_exposure,
                                                   _portfolio_batch.report_number(s.gross_delta_exposure)),
                     _portfolio_batch.report_value('net_delta_exposure', s.net_delta_exposure,
                                                   _portfolio_batch.report_number(s.net_delta_exposure))) END)
         || CASE WHEN n.points < 2 THEN '' ELSE
              '<h3>Gross and net exposure over net asset value</h3>'
              || _portfolio_batch.report_svg(520, 118, 'Gross and net exposure over the snapshots', concat(
                   _portfolio_batch.report_side_axis(n.low, n.high, 96, 12, 56, 440, 3, true),
                   _portfolio_batch.report_text(56, 114, 'soft', _portfolio_batch.report_date(n.first)),
                   _portfolio_batch.report_text(440, 114, 'soft end', _portfolio_batch.report_date(n.last)),
                   (SELECT format('<path class="curve" d="M%s"/><path class="curve second" d="M%s"/>',
                                  string_agg(c.x || ',' || c.gross, ' ' ORDER BY c.date),
                                  string_agg(c.x || ',' || c.net, ' ' ORDER BY c.date))
                           || _portfolio_batch.report_text(448, (array_agg(c.gross ORDER BY c.date DESC))[1] + 4, '',
                                                           'gross')
                           || _portfolio_batch.report_text(448, greatest((array_agg(c.net ORDER BY c.date DESC))[1],
                                (array_agg(c.gross ORDER BY c.date DESC))[1] + 13) + 4, '', 'net')
                    FROM course AS c))) END
    END, false)
  FROM axis AS a, snapshot AS s, span AS n
$$;
COMMENT ON FUNCTION _portfolio_batch.report_exposures(jsonb) IS
'Section of the report: long, short, net and gross market value, and gross and net over the snapshots. data: as
report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_sectors(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH sector AS (
    SELECT e.key AS name, v.*, row_number() OVER (ORDER BY v.net DESC, e.key COLLATE "C") AS i
    FROM jsonb_each(COALESCE(data #> '{snapshot,sector_exposure}', '{}')) AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value)
      AS v (long double precision, short double precision, net double precision, benchmark double precision,
            active double precision)
  ), axis AS (
    SELECT least(min(s.short), 0) AS low, greatest(max(s.long), 0.01) AS high, count(*)::integer AS sectors,
           count(s.benchmark) AS compared
    FROM sector AS s
  )
  SELECT _portfolio_batch.report_section('sectors', 'Sectors', CASE
    WHEN a.sectors = 0 THEN _portfolio_batch.report_missing(
      'No sector exposure: ' || _portfolio_batch.report_reason(data #>> '{snapshot,concentration_reason}') || '.')
    ELSE _portfolio_batch.report_svg(520, 20 * a.sectors + 42, 'Long, short and net exposure by sector', concat(
           _portfolio_batch.report_text(430, 12, 'soft end', 'long'),
           _portfolio_batch.report_text(475, 12, 'soft end', 'short'),
           _portfolio_batch.report_text(520, 12, 'soft end', 'net'),
           _portfolio_batch.report_axis(a.low, a.high, 166, 380, 18, 20 * a.sectors + 22, 4, true),
           (SELECT string_agg(format('<g data-sector="%s" data-long="%s" data-short="%s" data-net="%s">%s</g>',
                     _portfolio_batch.html_escape(s.name), s.long, s.short, s.net, concat(
                       _portfolio_batch.report_text(0, 20 * s.i + 13, '', _portfolio_batch.html_escape(
                         CASE WHEN length(s.name) > 25 THEN left(s.name, 24) || '...' ELSE s.name END)),
                       _portfolio_batch.report_bar(z.zero,
                                                   _portfolio_batch.report_scale(s.long, a.low, a.high, 166, 380),
                                                   20 * s.i + 2, 14, 'pos', _portfolio_batch.html_escape(s.name)
                                                     || ', long'),
                       _portfolio_batch.report_bar(z.zero,
                                                   _portfolio_batch.report_scale(s.short, a.low, a.high, 166, 380),
                                                   20 * s.i + 2, 14, 'neg', _portfolio_batch.html_escape(s.name)
                                                     || ', short'),
                       _portfolio_batch.report_line(z.net, 20 * s.i, z.net, 20 * s.i + 18, 'net'),
                       _portfolio_batch.report_text(430, 20 * s.i + 13, 'end', _portfolio_batch.report_percent(s.long)),
                       _portfolio_batch.report_text(475, 20 * s.i + 13, 'end',
                                                    _portfolio_batch.report_percent(s.short)),
                       _portfolio_batch.report_text(520, 20 * s.i + 13, 'end strong',
                                                    _portfolio_batch.report_percent(s.net)))),
                   '' ORDER BY s.i)
            FROM sector AS s
            CROSS JOIN LATERAL (SELECT _portfolio_batch.report_scale(0, a.low, a.high, 166, 380) AS zero,
                                       _portfolio_batch.report_scale(s.net, a.low, a.high, 166, 380) AS net) AS z)))
         || '<p class="note">Percent of net asset value; the upright mark is the net exposure. Options count by their '
            'delta, or at market value without one.'
         || CASE WHEN a.compared > 0 THEN ' Against the benchmark of '
              || _portfolio_batch.report_date((data #>> '{snapshot,benchmark_date}')::date) || ', net less benchmark: '
              || (SELECT string_agg(_portfolio_batch.html_escape(s.name) || ' '
                                    || _portfolio_batch.report_percent(s.active), ', '
                                    ORDER BY s.active DESC) FROM sector AS s WHERE s.active IS NOT NULL) || '.'
                 ELSE ' There are no benchmark weights to compare with.' END || '</p>'
    END, false)
  FROM axis AS a
$$;
COMMENT ON FUNCTION _portfolio_batch.report_sectors(jsonb) IS
'Section of the report: long, short and net exposure by sector over net asset value, and the active weights where there
is a benchmark. data: as report_data returns it.';
