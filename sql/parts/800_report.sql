-- The report, first part: how text, numbers and charts are written as markup. The page is HTML that is well-formed XML
-- too, in ASCII but for what people have named. Bodies of the form RETURN are bound when they are created, so they need
-- no search_path of their own and the planner can inline them.

CREATE FUNCTION _portfolio_batch.html_escape(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(replace(replace(replace(replace(
         -- Control characters are allowed in neither HTML nor XML.
         regexp_replace(value, E'[\x01-\x08\x0B\x0C\x0E-\x1F\x7F]', '?', 'g'),
         '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
COMMENT ON FUNCTION _portfolio_batch.html_escape(text) IS
'Text as HTML or XML shows it, in content and in quoted attributes: & < > " and '' become references, control characters
a question mark. NULL for NULL.
Example: SELECT html_escape(''<b> & "c"'') gives &lt;b&gt; &amp; &quot;c&quot;.';

CREATE FUNCTION _portfolio_batch.report_number(value numeric, decimals integer DEFAULT 0) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN round(value, decimals) < 0 THEN '&#8722;' ELSE '' END
       || to_char(abs(round(value, decimals)),
                  'FM999,999,999,999,999,990' || CASE WHEN decimals > 0 THEN '.' || repeat('0', decimals) ELSE '' END);
COMMENT ON FUNCTION _portfolio_batch.report_number(numeric, integer) IS
'Markup of a number with so many decimals, thousands set apart by commas and a true minus sign. NULL for NULL.';

CREATE FUNCTION _portfolio_batch.report_percent(value double precision, decimals integer DEFAULT 1) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN _portfolio_batch.report_number(100 * value::numeric, decimals) || '&#8239;%';
COMMENT ON FUNCTION _portfolio_batch.report_percent(double precision, integer) IS
'Markup of a fraction as percent: 0.25 is 25.0 %. NULL for NULL.';

CREATE FUNCTION _portfolio_batch.report_compact(value numeric) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN value < 0 THEN '&#8722;' ELSE '' END
       || CASE WHEN abs(value) >= 1e9 THEN trim_scale(round(abs(value) / 1e9, 3))::text || 'bn'
               WHEN abs(value) >= 1e6 THEN trim_scale(round(abs(value) / 1e6, 3))::text || 'M'
               WHEN abs(value) >= 1e4 THEN trim_scale(round(abs(value) / 1e3, 2))::text || 'k'
               ELSE trim_scale(round(abs(value), 4))::text END;
COMMENT ON FUNCTION _portfolio_batch.report_compact(numeric) IS
'Markup of an amount for an axis: 1250000 is 1.25M, 40000 is 40k. NULL for NULL.';

CREATE FUNCTION _portfolio_batch.report_date(day date) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_char(day::timestamp, 'FMDD Mon YYYY');
COMMENT ON FUNCTION _portfolio_batch.report_date(date) IS
'A day as the report writes it, such as 20 Nov 2026, whatever DateStyle and the language of the server. NULL for NULL.';

CREATE FUNCTION _portfolio_batch.report_reason(reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE reason
         WHEN 'insufficient_data' THEN 'too few returns'
         WHEN 'no_prices' THEN 'no prices'
         WHEN 'constant_series' THEN 'the price never moves'
         WHEN 'singular' THEN 'the factors cannot be told apart'
         WHEN 'private' THEN 'private asset'
         WHEN 'option_without_delta' THEN 'option without a delta'
         WHEN 'outlier' THEN 'implausibly large'
         WHEN 'no_equity' THEN 'no positive net asset value'
         WHEN 'no_exposure' THEN 'no exposure'
         WHEN 'no_risk' THEN 'the hedges leave no risk'
         WHEN 'short_positions' THEN 'the book has short positions'
         WHEN 'too_many_symbols' THEN 'too many symbols with gaps'
         WHEN 'no_risk_free_rate' THEN 'no riskless yields'
         WHEN 'no_factor_covariance' THEN 'no covariances of the factors'
         WHEN 'partial_coverage' THEN 'of a part of the book'
         WHEN 'single_symbol' THEN 'only one symbol is held'
         WHEN 'below_filters' THEN 'fewer than two symbols are large enough'
         WHEN 'invalid_scenario' THEN 'the scenario cannot be read'
         ELSE COALESCE(_portfolio_batch.html_escape(replace(reason, '_', ' ')), 'not computed for this date') END;
COMMENT ON FUNCTION _portfolio_batch.report_reason(text) IS
'Markup of a reason of the result tables in words; NULL stands for a figure that was never computed.';

CREATE FUNCTION _portfolio_batch.report_missing(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<p class="missing">' || COALESCE(words, 'Not computed for this date.') || '</p>';
COMMENT ON FUNCTION _portfolio_batch.report_missing(text) IS
'What stands in the place of a chart or table that cannot be made: why, in words (markup).';

CREATE FUNCTION _portfolio_batch.report_value(metric text, value numeric, shown text, reason text DEFAULT NULL)
  RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL
            THEN '<span class="missing" data-metric="' || metric || '">n/a: ' || _portfolio_batch.report_reason(reason)
                 || '</span>'
            ELSE '<data data-metric="' || metric || '" value="' || value::text || '"'
                 || CASE WHEN value < 0 THEN ' class="negative"' ELSE '' END || '>' || shown || '</data>' END;
COMMENT ON FUNCTION _portfolio_batch.report_value(text, numeric, text, text) IS
'Markup of one figure: shown (markup) for people, with the exact value beside it for programs. metric is its name. A
missing value is the reason in words.';

CREATE FUNCTION _portfolio_batch.report_cell(value numeric, shown text, missing text DEFAULT '') RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL THEN '<td class="number missing">' || COALESCE(missing, '') || '</td>'
            ELSE '<td class="number' || CASE WHEN value < 0 THEN ' negative' ELSE '' END || '">'
                 || shown || '</td>' END;
COMMENT ON FUNCTION _portfolio_batch.report_cell(numeric, text, text) IS
'Markup of a number in a table: shown (markup), or for a missing value what to say instead (markup).';

CREATE FUNCTION _portfolio_batch.report_section(id text, title text, body text, wide boolean DEFAULT true) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<section id="' || id || '"' || CASE WHEN wide THEN ' class="wide"' ELSE '' END || '><h2>' || title || '</h2>'
       || COALESCE(body, _portfolio_batch.report_missing(NULL)) || '</section>' || E'\n';
COMMENT ON FUNCTION _portfolio_batch.report_section(text, text, text, boolean) IS
'A section of the report with its heading; wide ones take the whole width. Without a body it says that there is
nothing.';

-- Charts -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.report_svg(width integer, height integer, label text, body text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<svg viewBox="0 0 ' || width || ' ' || height || '" role="img" aria-label="' || label || '">'
       || body || '</svg>';
COMMENT ON FUNCTION _portfolio_batch.report_svg(integer, integer, text, text) IS
'A chart of so many units, which grows and shrinks with the page; label (markup) is what it shows, in words.';

CREATE FUNCTION _portfolio_batch.report_scale(value double precision, low double precision, high double precision,
                                              at_low double precision, at_high double precision) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN round((CASE WHEN high = low THEN (at_low + at_high) / 2
                   ELSE at_low + (value - low) / (high - low) * (at_high - at_low) END)::numeric, 1);
COMMENT ON FUNCTION _portfolio_batch.report_scale(double precision, double precision, double precision,
                                                  double precision,
                                                  double precision) IS
'Place of a value on an axis on which low lies at at_low and high at at_high, in units of the chart; the middle where
there is no span.';

CREATE FUNCTION _portfolio_batch.report_ticks(low double precision, high double precision, wanted integer)
RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 6
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH magnitude AS (
    -- A condition after WHERE would not keep the planner from computing it for arguments that it knows.
    SELECT CASE WHEN high > low THEN 10::numeric ^ floor(log(((high - low) / wanted)::numeric)) END AS power
  ), chosen AS (
    SELECT min(power * round) AS step
    FROM magnitude, unnest(ARRAY[1, 2, 2.5, 5, 10]) AS round
    WHERE power * round >= ((high - low) / wanted)::numeric * 0.999
  )
  SELECT generate_series(ceil(low::numeric / step) * step, high::numeric, step) FROM chosen
$$;
COMMENT ON FUNCTION _portfolio_batch.report_ticks(double precision, double precision, integer) IS
'Round numbers from low to high, about so many as are wanted, a step of 1, 2, 2.5 or 5 times a power of ten apart; none
where high is not above low.';

CREATE FUNCTION _portfolio_batch.report_text(x numeric, y numeric, class text, content text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<text x="' || x || '" y="' || y || '" class="' || class || '">' || content || '</text>';
COMMENT ON FUNCTION _portfolio_batch.report_text(numeric, numeric, text, text) IS
'Text in a chart: its place, its classes (end and middle align it) and the text (markup).';

CREATE FUNCTION _portfolio_batch.report_line(x1 numeric, y1 numeric, x2 numeric, y2 numeric, class text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<line x1="' || x1 || '" y1="' || y1 || '" x2="' || x2 || '" y2="' || y2 || '" class="' || class || '"/>';
COMMENT ON FUNCTION _portfolio_batch.report_line(numeric, numeric, numeric, numeric, text) IS
'A line in a chart, from a point to a point, and its classes.';

CREATE FUNCTION _portfolio_batch.report_bar(from_x numeric, to_x numeric, y numeric, height numeric, class text,
                                            hint text DEFAULT '') RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<rect x="' || least(from_x, to_x) || '" y="' || y || '" width="' || abs(to_x - from_x) || '" height="'
       || height || '" class="' || class || '"><title>' || hint || '</title></rect>';
COMMENT ON FUNCTION _portfolio_batch.report_bar(numeric, numeric, numeric, numeric, text, text) IS
'A horizontal bar between two places of a chart, whichever is the left one, with its classes and what it says when it is
pointed at (markup).';

CREATE FUNCTION _portfolio_batch.report_tick(value numeric, as_percent boolean) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN as_percent THEN _portfolio_batch.report_compact(100 * value) || '&#8239;%'
            ELSE _portfolio_batch.report_compact(value) END;
COMMENT ON FUNCTION _portfolio_batch.report_tick(numeric, boolean) IS
'Markup of a number beside an axis: an amount, or a fraction as percent.';

CREATE FUNCTION _portfolio_batch.report_axis(low double precision, high double precision, at_low double precision,
                                             at_high double precision, top numeric, bottom numeric, wanted integer,
                                             as_percent boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT string_agg(_portfolio_batch.report_line(t.x, top, t.x, bottom, CASE WHEN t.tick = 0 THEN 'zero' ELSE 'grid'
                                                 END)
                    || _portfolio_batch.report_text(t.x, bottom + 16, 'soft middle',
                                                    _portfolio_batch.report_tick(t.tick, as_percent)), '')
  FROM (SELECT tick, _portfolio_batch.report_scale(tick, low, high, at_low, at_high) AS x
        FROM _portfolio_batch.report_ticks(low, high, wanted) AS tick) AS t
$$;
COMMENT ON FUNCTION _portfolio_batch.report_axis(double precision, double precision, double precision, double precision,
                                                 numeric, numeric, integer, boolean) IS
'The horizontal axis of a chart: an upright line from top to bottom at each round number, and the number below it. low
to high lie at at_low to at_high; wanted is about how many there are.';

CREATE FUNCTION _portfolio_batch.report_side_axis(low double precision, high double precision, at_low double precision,
                                                  at_high double precision, left_x numeric, right_x numeric,
                                                  wanted integer,
                                                  as_percent boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT string_agg(_portfolio_batch.report_line(left_x, t.y, right_x, t.y,
                                                 CASE WHEN t.tick = 0 THEN 'zero' ELSE 'grid' END)
                    || _portfolio_batch.report_text(left_x - 8, t.y + 4, 'soft end',
                                                    _portfolio_batch.report_tick(t.tick, as_percent)), '')
  FROM (SELECT tick, _portfolio_batch.report_scale(tick, low, high, at_low, at_high) AS y
        FROM _portfolio_batch.report_ticks(low, high, wanted) AS tick) AS t
$$;
COMMENT ON FUNCTION _portfolio_batch.report_side_axis(double precision, double precision, double precision,
                                                      double precision,
                                                      numeric, numeric, integer, boolean) IS
'The vertical axis of a chart: a line from left to right at each round number, and the number to the left of it.
Otherwise as report_axis.';
