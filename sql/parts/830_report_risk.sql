-- The report, fourth part: the sections on risk.

CREATE FUNCTION _portfolio_batch.report_model(model text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE model WHEN 'ridge' THEN 'Seven factors (ridge)' WHEN 'spread' THEN 'Market and four spreads'
                  ELSE _portfolio_batch.html_escape(model) END;
COMMENT ON FUNCTION _portfolio_batch.report_model(text) IS
'Name of a factor model as the report writes it (markup).';

CREATE FUNCTION _portfolio_batch.report_factor_name(factor text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN _portfolio_batch.html_escape(CASE factor WHEN 'low_vol' THEN 'low volatility' WHEN 'specific' THEN 'specific'
                                           ELSE replace(replace(factor, '_spread', ' spread'), '_', ' ') END);
COMMENT ON FUNCTION _portfolio_batch.report_factor_name(text) IS
'Name of a factor as the report writes it (markup).';

CREATE FUNCTION _portfolio_batch.report_factor_betas(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH factor AS (
    SELECT f.*, f.exposure - 1.959963984540054 * f.std_error AS low,
           f.exposure + 1.959963984540054 * f.std_error AS high
    FROM jsonb_to_recordset(data -> 'factors')
      AS f (model text, factor text, position integer, exposure double precision, std_error double precision,
            coverage double precision, reason text)
    WHERE f.model IN ('ridge', 'spread') AND f.factor <> 'specific'
  ), line AS (
    -- A heading above the factors of each model.
    SELECT l.*, row_number() OVER (ORDER BY l.model, l.factor IS NOT NULL, l.position, l.factor) AS i
    FROM (SELECT f.* FROM factor AS f
          UNION ALL
          SELECT DISTINCT f.model, NULL, 0, NULL::double precision, NULL::double precision,
                 max(f.coverage) OVER (PARTITION BY f.model), NULL, NULL::double precision, NULL::double precision
          FROM factor AS f) AS l
  ), axis AS (
    SELECT least(min(COALESCE(l.low, l.exposure)), 0) AS low, greatest(max(COALESCE(l.high, l.exposure)), 0.1) AS high,
           count(*)::integer AS lines, count(l.exposure) AS known, count(l.low) AS with_interval
    FROM line AS l
  )
  SELECT _portfolio_batch.report_section('factors', 'Factor betas', CASE
    WHEN a.known = 0 THEN _portfolio_batch.report_missing(
      'No factor betas: ' || _portfolio_batch.report_reason((SELECT min(f.reason) FROM factor AS f)) || '.')
    ELSE _portfolio_batch.report_svg(520, 22 * a.lines + 28, 'Factor betas of the portfolio with 95 percent confidence '
                                     'intervals', concat(
           _portfolio_batch.report_axis(a.low, a.high, 140, 370, 6, 22 * a.lines + 8, 5),
           (SELECT string_agg(CASE
                     WHEN l.factor IS NULL THEN
                       _portfolio_batch.report_text(0, 22 * l.i - 3, 'soft strong over',
                                                    _portfolio_batch.report_model(l.model)
                         || COALESCE(' &#183; covers ' || _portfolio_batch.report_percent(l.coverage, 0), ''))
                     WHEN l.exposure IS NULL THEN
                       _portfolio_batch.report_text(10, 22 * l.i - 3, '', _portfolio_batch.report_factor_name(l.factor))
                       || _portfolio_batch.report_text(520, 22 * l.i - 3, 'soft end',
                                                       _portfolio_batch.report_reason(l.reason))
                     ELSE format('<g data-model="%s" data-factor="%s" data-exposure="%s" data-error="%s">%s</g>',
                       _portfolio_batch.html_escape(l.model), _portfolio_batch.html_escape(l.factor), l.exposure,
                       l.std_error,
                       concat(_portfolio_batch.report_text(10, 22 * l.i - 3, '',
                                                           _portfolio_batch.report_factor_name(l.factor)),
                              _portfolio_batch.report_line(z.low, 22 * l.i - 7, z.high, 22 * l.i - 7, 'whisker'),
                              _portfolio_batch.report_line(z.low, 22 * l.i - 11, z.low, 22 * l.i - 3, 'whisker'),
                              _portfolio_batch.report_line(z.high, 22 * l.i - 11, z.high, 22 * l.i - 3, 'whisker'),
                              format('<circle cx="%s" cy="%s" r="4.5" class="dot"/>',
                                     _portfolio_batch.report_scale(l.exposure, a.low, a.high, 140, 370), 22 * l.i - 7),
                              _portfolio_batch.report_text(420, 22 * l.i - 3, 'end strong',
                                                           _portfolio_batch.report_number(l.exposure::numeric, 2)),
                              _portfolio_batch.report_text(520, 22 * l.i - 3, 'soft end',
                                COALESCE(_portfolio_batch.report_number(l.low::numeric, 2) || ' to '
                                         || _portfolio_batch.report_number(l.high::numeric, 2), 'no interval')))) END,
                   '' ORDER BY l.i)
            FROM line AS l
            CROSS JOIN LATERAL (SELECT _portfolio_batch.report_scale(l.low, a.low, a.high, 140, 370) AS low,
                                       _portfolio_batch.report_scale(l.high, a.low, a.high, 140, 370) AS high) AS z)))
         || '<p class="note">Beta of net asset value: per unit return of the market, of a style beside the market, of '
            'a spread. Whiskers are 95&#8239;% intervals by Newey and West, from the residuals of the portfolio '
            'itself: surprises that its symbols share are in them.'
         || CASE WHEN a.with_interval < a.known THEN ' Without an interval: a standard error is missing.' ELSE '' END
         || '</p>'
    END, false)
  FROM axis AS a
$$;
COMMENT ON FUNCTION _portfolio_batch.report_factor_betas(jsonb) IS
'Section of the report: exposures to the factors of the models ridge and spread, with 95 % intervals by their standard
errors. data: as report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_risk(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH share AS (
    SELECT f.*, row_number() OVER (PARTITION BY f.model ORDER BY f.share DESC, f.factor) AS place
    FROM jsonb_to_recordset(data -> 'factors')
      AS f (model text, factor text, share double precision, contribution double precision)
    WHERE f.model IN ('ridge', 'spread') AND f.share IS NOT NULL
  ), line AS (
    -- Above the factors of each model their sum, which is all of its risk.
    SELECT l.*, row_number() OVER (ORDER BY l.model, l.place) AS i
    FROM (SELECT s.* FROM share AS s
          UNION ALL
          SELECT s.model, NULL, sum(s.share), sum(s.contribution), 0 FROM share AS s GROUP BY s.model) AS l
  ), axis AS (
    SELECT least(min(l.share), 0) AS low, greatest(max(l.share) FILTER (WHERE l.factor IS NOT NULL), 0.1) AS high,
           count(*)::integer AS lines
    FROM line AS l
  )
  SELECT _portfolio_batch.report_section('risk', 'Risk contributions', CASE
    WHEN a.lines = 0 THEN _portfolio_batch.report_missing('No contributions: ' || _portfolio_batch.report_reason(
      (SELECT min(f.reason) FROM jsonb_to_recordset(data -> 'factors') AS f (model text, reason text)
       WHERE f.model IN ('ridge', 'spread'))) || '.')
    ELSE _portfolio_batch.report_svg(520, 22 * a.lines + 28, 'Share of each factor in the variance of the portfolio',
                                     concat(
           _portfolio_batch.report_axis(a.low, a.high, 140, 390, 6, 22 * a.lines + 8, 4, true),
           (SELECT string_agg(format('<g data-model="%s" data-risk="%s" data-share="%s" data-contribution="%s">%s</g>',
                     _portfolio_batch.html_escape(l.model), COALESCE(_portfolio_batch.html_escape(l.factor), 'total'),
                     l.share,
                     l.contribution, concat(
                       CASE WHEN l.factor IS NULL
                            THEN _portfolio_batch.report_text(0, 22 * l.i - 3, 'soft strong over',
                                                              _portfolio_batch.report_model(l.model))
                            ELSE _portfolio_batch.report_text(10, 22 * l.i - 3, '',
                                                              _portfolio_batch.report_factor_name(l.factor))
                                 || _portfolio_batch.report_bar(
                                      _portfolio_batch.report_scale(0, a.low, a.high, 140, 390),
                                      _portfolio_batch.report_scale(l.share, a.low, a.high, 140, 390), 22 * l.i - 14,
                                      14,
                                      CASE WHEN l.share < 0 THEN 'neg' ELSE 'pos' END,
                                      _portfolio_batch.report_factor_name(l.factor)) END,
                       _portfolio_batch.report_text(456, 22 * l.i - 3, 'end strong',
                                                    _portfolio_batch.report_percent(l.share)),
                       _portfolio_batch.report_text(520, 22 * l.i - 3, 'soft end',
                                                    _portfolio_batch.report_percent(l.contribution, 2)))), ''
                                                      ORDER BY l.i)
            FROM line AS l)))
         || '<p class="note">Percent of the variance, and the contribution to the annual volatility in percentage '
            'points; each model''s add up to its total. A hedge contributes less than nothing. Specific: what the '
            'symbols'' own returns add.</p>'
    END, false)
  FROM axis AS a
$$;
COMMENT ON FUNCTION _portfolio_batch.report_risk(jsonb) IS
'Section of the report: share of each factor, and of the symbols'' own returns, in the variance, by model. data: as
report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_correlations(data jsonb, at_most integer DEFAULT 40) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH summary AS (
    SELECT c.* FROM jsonb_to_record(data -> 'correlation')
      AS c (duration_days integer, symbols jsonb, correlations jsonb, pair_observations jsonb, reason text,
            avg_correlation numeric, weighted_avg_correlation numeric,
            position_signed_correlation numeric, significant_pairs integer, total_pairs integer,
            diversification_ratio numeric, effective_bets numeric,
            concentration_score numeric, positions_included integer, positions_excluded integer,
            data_quality text, matrix_method text, correlation_threshold numeric, top_correlations jsonb)
  ), cluster AS (
    SELECT k.* FROM jsonb_to_recordset(data -> 'clusters')
      AS k (cluster_number integer, nickname text, avg_correlation double precision, total_value numeric,
            portfolio_percentage double precision, symbols jsonb)
  ), ranked AS (
    -- The largest symbols are shown, cluster by cluster, and the others after them.
    SELECT s.name, s.n, h.exposure, k.cluster_number,
           row_number() OVER (ORDER BY abs(h.exposure) DESC NULLS LAST, s.n) AS rank
    FROM summary AS c
    CROSS JOIN LATERAL jsonb_array_elements_text(c.symbols) WITH ORDINALITY AS s (name, n)
    LEFT JOIN jsonb_to_recordset(data -> 'held') AS h (symbol text, exposure double precision) ON h.symbol = s.name
    LEFT JOIN cluster AS k ON k.symbols ? s.name
  ), shown AS (
    SELECT r.*, (row_number() OVER (ORDER BY r.cluster_number NULLS LAST, r.rank))::integer AS i
    FROM ranked AS r WHERE r.rank <= at_most
  ), size AS (
    SELECT count(*)::integer AS shown, (SELECT count(*) FROM ranked)::integer AS symbols,
           least(30, 560.0 / greatest(count(*), 1))::numeric(6, 2) AS side
    FROM shown
  ), pair AS (
    SELECT r.n, r.r::double precision AS r,
           COALESCE(o.n, (SELECT (c.pair_observations ->> 0)::integer FROM summary AS c)) AS observations
    FROM summary AS c
    CROSS JOIN LATERAL jsonb_array_elements_text(c.correlations) WITH ORDINALITY AS r (r, n)
    LEFT JOIN (SELECT o.value::integer AS n, o.ordinality AS i
               FROM summary AS s CROSS JOIN LATERAL jsonb_array_elements_text(s.pair_observations)
                 WITH ORDINALITY AS o
               WHERE jsonb_array_length(s.pair_observations) > 1) AS o ON o.i = r.n
  ), cell AS (
    SELECT a.i AS across, b.i AS down, a.name AS one, b.name AS other, p.r, p.observations
    FROM shown AS a
    JOIN shown AS b ON b.i <> a.i
    JOIN pair AS p ON p.n = (greatest(a.n, b.n) - 1) * (greatest(a.n, b.n) - 2) / 2 + least(a.n, b.n)
  ), frame AS (
    SELECT k.cluster_number, k.nickname, min(s.i) AS first, max(s.i) AS last
    FROM shown AS s JOIN cluster AS k USING (cluster_number) GROUP BY 1, 2 HAVING count(*) > 1
  )
  SELECT _portfolio_batch.report_section('correlations', 'Correlations and clusters', CASE
    WHEN z.shown = 0 THEN _portfolio_batch.report_missing('No correlations: '
      || _portfolio_batch.report_reason((SELECT c.reason FROM summary AS c)) || '.')
    ELSE '<div class="split"><div>'
      || _portfolio_batch.report_svg((z.shown * z.side)::integer + 142, (z.shown * z.side)::integer + 92,
           format('Correlations of %s symbols over %s sessions', z.shown, c.duration_days), concat(
             '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
             'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" class="hatch"/></pattern></defs>',
             (SELECT string_agg(concat(
                       _portfolio_batch.report_text(98, 84 + (s.i - 0.5) * z.side + 4, 'soft end', label.text),
                       format('<text transform="translate(%s,78) rotate(-60)" class="soft">%s</text>',
                              round(106 + (s.i - 0.5) * z.side, 1), label.text),
                       format('<rect x="%s" y="%s" width="%s" height="%3$s" class="self"/>',
                              102 + (s.i - 1) * z.side, 84 + (s.i - 1) * z.side, z.side - 1)), '' ORDER BY s.i)
              FROM shown AS s
              CROSS JOIN LATERAL (SELECT CASE WHEN s.exposure < 0 THEN '&#8722;' ELSE '' END
                                  || _portfolio_batch.html_escape(
                                           CASE WHEN length(s.name) > 13 THEN left(s.name, 12) || '.' ELSE s.name END)
                                         AS text) AS label),
             (SELECT string_agg(format('<rect x="%s" y="%s" width="%s" height="%3$s" %s><title>%s, %s: %s</title>'
                                       '</rect>%s',
                       102 + (l.across - 1) * z.side, 84 + (l.down - 1) * z.side, z.side - 1,
                       CASE WHEN l.r IS NULL THEN 'class="hatched"'
                            ELSE format('class="%s" fill-opacity="%s"', CASE WHEN l.r < 0 THEN 'neg' ELSE 'pos' END,
                                        round(abs(l.r)::numeric, 2)) END
                       || CASE WHEN l.across < l.down
                               THEN format(' data-one="%s" data-other="%s" data-correlation="%s"',
                                           _portfolio_batch.html_escape(l.one), _portfolio_batch.html_escape(l.other),
                                           l.r)
                               ELSE '' END,
                       _portfolio_batch.html_escape(l.one), _portfolio_batch.html_escape(l.other),
                       COALESCE(_portfolio_batch.report_number(l.r::numeric, 2) || ' over ' || l.observations
                                || ' returns',
                                'too few common returns'),
                       CASE WHEN z.side >= 20 AND l.r IS NOT NULL
                            THEN _portfolio_batch.report_text(round(102 + (l.across - 0.5) * z.side - 0.5, 1),
                                                              round(84 + (l.down - 0.5) * z.side + 3, 1),
                                   'cell' || CASE WHEN abs(l.r) >= 0.6 THEN ' on' ELSE '' END,
                                   replace(_portfolio_batch.report_number(l.r::numeric, 2), '0.', '.')) ELSE '' END),
                     '' ORDER BY l.down, l.across) FROM cell AS l),
             (SELECT string_agg(format('<rect x="%s" y="%s" width="%s" height="%3$s" class="frame" data-cluster="%s">'
                                       '<title>%s</title></rect>', 101.5 + (f.first - 1) * z.side,
                                       83.5 + (f.first - 1) * z.side, (f.last - f.first + 1) * z.side,
                                       f.cluster_number, _portfolio_batch.html_escape(f.nickname)), '' ORDER BY f.first)
              FROM frame AS f)))
      || CASE WHEN z.symbols > z.shown THEN format('<p class="note">The %s largest of %s symbols by exposure; %s '
           'smaller ones are left out here, and are in the figures beside it.</p>', z.shown, z.symbols,
           z.symbols - z.shown)
              ELSE '' END
      || '</div><div>' || format('<table><tbody>%s</tbody></table>', (
           SELECT string_agg(format('<tr><td>%s</td><td class="number">%s</td></tr>', v.label,
                                    _portfolio_batch.report_value(v.metric, v.value, v.shown, c.reason)), ''
                             ORDER BY v.i)
           FROM (VALUES
             (1, 'Mean correlation', 'avg_correlation', c.avg_correlation,
              _portfolio_batch.report_number(c.avg_correlation, 2)),
             (2, 'weighted by exposure', 'weighted_avg_correlation', c.weighted_avg_correlation,
              _portfolio_batch.report_number(c.weighted_avg_correlation, 2)),
             (3, 'as held, shorts turned', 'position_signed_correlation', c.position_signed_correlation,
              _portfolio_batch.report_number(c.position_signed_correlation, 2)),
             (4, 'Significant pairs of ' || c.total_pairs || ' (q &#8804; 0.05)', 'significant_pairs',
              c.significant_pairs, c.significant_pairs::text),
             (5, 'Share of value in clusters', 'concentration_score', c.concentration_score,
              _portfolio_batch.report_percent(c.concentration_score, 0)),
             (6, 'Positions included', 'positions_included', c.positions_included,
              c.positions_included || ', excluded ' || c.positions_excluded)) AS v (i, label, metric, value, shown)))
      || '<h3>Clusters from a correlation of '
      || COALESCE(_portfolio_batch.report_number(c.correlation_threshold, 2), 'n/a') || ' as held</h3>'
      || COALESCE((SELECT format('<table><thead><tr><th>Cluster</th><th>Symbols</th><th class="number">Mean</th>'
                                 '<th class="number">Gross</th></tr></thead><tbody>%s</tbody></table>',
                                 string_agg(format('<tr data-cluster-number="%s" data-share="%s"><td>%s</td>'
                                                   '<td>%s</td>%s%s</tr>',
                                 k.cluster_number, k.portfolio_percentage, _portfolio_batch.html_escape(k.nickname),
                                 (SELECT string_agg(_portfolio_batch.html_escape(m.symbol), ', ' ORDER BY m.symbol)
                                           FILTER (WHERE m.n <= at_most)
                                         || CASE WHEN count(*) > at_most
                                                 THEN format(' and %s others', count(*) - at_most) ELSE '' END
                                  FROM (SELECT e.symbol, row_number() OVER (ORDER BY e.symbol) AS n
                                        FROM jsonb_array_elements_text(k.symbols) AS e (symbol)) AS m),
                                 _portfolio_batch.report_cell(k.avg_correlation::numeric,
                                   _portfolio_batch.report_number(k.avg_correlation::numeric, 2)),
                                 _portfolio_batch.report_cell(k.portfolio_percentage::numeric,
                                   _portfolio_batch.report_percent(k.portfolio_percentage))), ''
                                     ORDER BY k.cluster_number))
                   FROM cluster AS k HAVING count(*) > 0),
                  '<p>No two symbols move together so closely.</p>')
      || COALESCE((SELECT '<h3>Strongest pairs</h3><table><tbody>' || string_agg(format('<tr><td>%s, %s</td>%s</tr>',
                            _portfolio_batch.html_escape(t.symbol1), _portfolio_batch.html_escape(t.symbol2),
                            _portfolio_batch.report_cell(t.correlation::numeric,
                              _portfolio_batch.report_number(t.correlation::numeric, 2))), ''
                            ORDER BY abs(t.correlation) DESC, t.symbol1, t.symbol2) || '</tbody></table>'
                   FROM jsonb_to_recordset(c.top_correlations)
                     AS t (symbol1 text, symbol2 text, correlation double precision) HAVING count(*) > 0), '')
      || (SELECT _portfolio_batch.report_svg(360, 40, 'Scale of the colors, from minus one to one', concat(
                   '<g class="soft">', string_agg(format('<rect x="%s" y="8" width="26" height="12" class="%s" '
                     'fill-opacity="%s"/>', 26 * (k + 5), CASE WHEN k < 0 THEN 'neg' ELSE 'pos' END,
                     round(abs(k) / 5.0, 1)), ''), '</g>',
                   _portfolio_batch.report_text(0, 35, 'soft', '&#8722;1'),
                   _portfolio_batch.report_text(143, 35, 'soft middle', '0'),
                   _portfolio_batch.report_text(286, 35, 'soft end', '1')))
          FROM generate_series(-5, 5) AS k)
      || '<p class="note">Log returns of ' || c.duration_days || ' sessions. Blue is positive, orange negative, '
         'hatched has too few common returns; &#8722; before a symbol is a short; a frame is a cluster. '
         'Diversification from '
      || COALESCE(_portfolio_batch.html_escape(replace(c.matrix_method, '_', ' ')), 'no') || ' matrix; data '
      || COALESCE(_portfolio_batch.html_escape(c.data_quality), 'n/a') || '.</p></div></div>'
    END)
  FROM size AS z LEFT JOIN summary AS c ON true
$$;
COMMENT ON FUNCTION _portfolio_batch.report_correlations(jsonb, integer) IS
'Section of the report: heat map of the correlations, cluster by cluster, at most so many symbols, and the clusters.
data: as report_data returns it.';

CREATE FUNCTION _portfolio_batch.report_stress(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH scenario AS (
    SELECT s.* FROM jsonb_to_recordset(data -> 'stress')
      AS s (id text, name text, direct numeric, correlated numeric, reason text, exceeds_equity boolean, method text)
  ), known AS (
    SELECT s.*, row_number() OVER (ORDER BY s.correlated, s.id) AS i
    FROM scenario AS s WHERE s.correlated IS NOT NULL
  ), axis AS (
    SELECT least(min(least(k.direct, k.correlated)), 0)::double precision AS low,
           greatest(max(greatest(k.direct, k.correlated)), 0)::double precision AS high, count(*)::integer AS scenarios,
           (data #>> '{snapshot,total_value}')::numeric AS equity
    FROM known AS k
  )
  SELECT _portfolio_batch.report_section('stress', 'Stress tests', CASE
    WHEN a.scenarios = 0 THEN _portfolio_batch.report_missing(
      'No stress tests: ' || _portfolio_batch.report_reason((SELECT min(s.reason) FROM scenario AS s)) || '.')
    ELSE _portfolio_batch.report_svg(1080, 24 * a.scenarios + 48,
           'Profit and loss under stress scenarios, worst first', concat(
           _portfolio_batch.report_text(915, 14, 'soft end', 'direct'),
           _portfolio_batch.report_text(1010, 14, 'soft end', 'correlated'),
           _portfolio_batch.report_text(1080, 14, 'soft end', 'of equity'),
           _portfolio_batch.report_axis(a.low, a.high, 275, 815, 20, 24 * a.scenarios + 26, 7),
           (SELECT string_agg(format('<g data-scenario="%s" data-direct="%s" data-correlated="%s">%s</g>',
                     _portfolio_batch.html_escape(k.id), k.direct, k.correlated, concat(
                       _portfolio_batch.report_text(0, 24 * k.i + 13, '', _portfolio_batch.html_escape(
                         CASE WHEN length(k.name) > 40 THEN left(k.name, 39) || '...' ELSE k.name END)
                         || CASE WHEN k.method IN ('replay', 'prescribed') THEN ' (' || k.method || ')' ELSE '' END),
                       _portfolio_batch.report_bar(z.zero, z.correlated, 24 * k.i + 2, 15,
                         CASE WHEN k.correlated < 0 THEN 'neg' ELSE 'pos' END,
                         'correlated ' || _portfolio_batch.report_number(k.correlated, 2)),
                       _portfolio_batch.report_bar(z.zero, z.direct, 24 * k.i + 5, 9, 'direct',
                         'direct ' || _portfolio_batch.report_number(k.direct, 2)),
                       _portfolio_batch.report_text(915, 24 * k.i + 13, 'soft end',
                                                    _portfolio_batch.report_number(k.direct)),
                       _portfolio_batch.report_text(1010, 24 * k.i + 13, 'end strong',
                                                    _portfolio_batch.report_number(k.correlated)),
                       _portfolio_batch.report_text(1080, 24 * k.i + 13, CASE
                                                    WHEN k.exceeds_equity THEN 'end strong down'
                                                                              ELSE 'soft end' END,
                         COALESCE(_portfolio_batch.report_percent(k.correlated / NULLIF(greatest(a.equity, 0), 0)),
                                  'n/a')))),
                   '' ORDER BY k.i)
            FROM known AS k
            CROSS JOIN LATERAL (
              SELECT _portfolio_batch.report_scale(0, a.low, a.high, 275, 815) AS zero,
                     _portfolio_batch.report_scale(k.direct, a.low, a.high, 275, 815) AS direct,
                     _portfolio_batch.report_scale(k.correlated, a.low, a.high, 275, 815) AS correlated)
              AS z)))
         || '<p class="note">Filled bars: correlated P&amp;L, with the other factors moving as expected given the '
            'shock. Outlined bars: direct P&amp;L of the shocked factors alone. Linear, without gamma; losses are '
            'not capped. Prescribed: the prices do not reach back to what would be replayed, and the shocks of the '
            'scenario stand in.</p>'
         || COALESCE('<p>' || (SELECT string_agg(_portfolio_batch.html_escape(s.name) || ': n/a, '
                                                 || _portfolio_batch.report_reason(s.reason), '; ' ORDER BY s.id)
                               FROM scenario AS s WHERE s.correlated IS NULL) || '.</p>', '')
    END)
  FROM axis AS a
$$;
COMMENT ON FUNCTION _portfolio_batch.report_stress(jsonb) IS
'Section of the report: P&L under every scenario, direct and correlated, worst first. data: as report_data returns it.';
