-- The audit. A check is a query with one row for each entity that it looks at: entity, expected and actual (how many
-- there should be and are, of what the check counts), status, detail. A row without an entity speaks for all. One
-- function a section lists its checks, and one more check is one more row there; batch_audit runs them all, names what
-- fails and sums up what does not.
--
-- What a query may use: $1 the session; $2 the portfolios; $3 whether every portfolio was asked for; the tables by the
-- schema %1$I, so that a literal percent sign is doubled; and
--   book (portfolio_id, name, start_date): the portfolios that have begun by the session, named apart
--   lot (portfolio_id, position_id, symbol, position_type, investment_class): what they held at its end
-- A figure that is missing with a reason is there. A check looks at what is stored and never takes another one's fault
-- for its own: what has no row is a fault of the check that counts rows, and of no other.

-- PL/pgSQL, which keeps the plan: it is called for every entity that fails.
CREATE FUNCTION _portfolio_batch.audit_names(names text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (SELECT string_agg(n.name, ', ' ORDER BY n.place) FILTER (WHERE n.place <= 5)
                 || CASE WHEN count(*) > 5 THEN format(' and %s more', count(*) - 5) ELSE '' END
          FROM (SELECT d.name, row_number() OVER (ORDER BY d.name COLLATE "C") AS place
                FROM (SELECT DISTINCT u.name FROM unnest(names) AS u (name) WHERE u.name IS NOT NULL) AS d) AS n);
END
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_names(text[]) IS
  'The first five of some names and how many more there are, for the detail of a check; NULL when there is none.';

CREATE FUNCTION _portfolio_batch.audit_worst(statuses text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN 'red' = ANY (statuses) THEN 'red' WHEN 'amber' = ANY (statuses) THEN 'amber'
              WHEN 'green' = ANY (statuses) THEN 'green' ELSE 'grey' END
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_worst(text[]) IS
  'The worst of some statuses: red, amber, green, grey (nothing to look at); grey of none.';

-- Results by position are all alike: each lot has a row of the session. Its figures are those of its symbol.
CREATE FUNCTION _portfolio_batch.audit_query_by_position(table_name text, there text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT replace(replace($query$
    SELECT b.name, count(*), count(r.position_id),
           CASE WHEN count(r.position_id) < count(*) THEN 'red' ELSE 'green' END,
           'missing: ' || _portfolio_batch.audit_names(array_agg(l.symbol) FILTER (WHERE r.position_id IS NULL))
    FROM lot AS l
    JOIN book AS b USING (portfolio_id)
    LEFT JOIN (SELECT DISTINCT r.portfolio_id, r.position_id
               FROM %1$I.<table> AS r
               WHERE r.portfolio_id = ANY ($2) AND r.calculation_date = $1 AND (<there>)) AS r
      USING (portfolio_id, position_id)
    GROUP BY b.portfolio_id, b.name
  $query$, '<table>', table_name), '<there>', there)
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_query_by_position(text, text) IS
  'Query of a check: every lot has a row of the session in a table of results by position. there: the condition under '
  'which a row r counts.';

-- Sections ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.audit_checks_market_data()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    -- Red from two sessions on, or when less than 95 % of the symbols have the close; an option may have no quote.
    ('price of the session', 'closes', 'symbols', $query$
       SELECT c.symbol, 1, (c.status = 'current')::integer,
              CASE WHEN c.status = 'current' THEN 'green'
                   WHEN c.is_option THEN 'amber'
                   WHEN c.price_date >= @extschema@.previous_session($1) AND c.current_share >= 0.95 THEN 'amber'
                   ELSE 'red' END,
              CASE WHEN c.status <> 'current' THEN
                concat_ws(', ', COALESCE('newest price of ' || c.price_date, 'no price'), 'lots: ' || c.lots) END
       FROM (SELECT m.symbol, m.status, m.price_date, h.lots, COALESCE(h.is_option, false) AS is_option,
                    avg((m.status = 'current')::integer) FILTER (WHERE h.is_option IS NOT TRUE) OVER () AS current_share
             FROM @extschema@.market_data_coverage($1, $2) AS m
             LEFT JOIN (SELECT l.symbol, count(*) AS lots, bool_and(l.investment_class = 'OPTIONS') AS is_option
                        FROM lot AS l GROUP BY l.symbol) AS h USING (symbol)) AS c
     $query$),
    -- Closes within reach of the estimates. Red: too few for any beta; amber: a shorter window than asked for.
    ('history depth', 'closes', 'symbols', $query$
       SELECT w.symbol, s.wanted, least(h.closes, s.wanted),
              CASE WHEN h.closes >= s.wanted THEN 'green' WHEN h.closes >= s.needed THEN 'amber' ELSE 'red' END,
              CASE WHEN h.closes < s.wanted THEN 'since ' || h.first_date END
       FROM (SELECT 1 + greatest(current_setting('portfolio_batch.beta_window')::integer,
                                 current_setting('portfolio_batch.factor_window')::integer) AS wanted,
                    1 + current_setting('portfolio_batch.beta_min_observations')::integer AS needed) AS s
       CROSS JOIN (SELECT l.symbol FROM lot AS l WHERE l.investment_class = 'PUBLIC'
                   UNION SELECT unnest(ARRAY[f.long_symbol, f.short_symbol]) FROM %1$I.factor_definitions AS f
                         WHERE f.is_active
                   UNION SELECT current_setting('portfolio_batch.market_symbol')) AS w (symbol)
       CROSS JOIN LATERAL (
         SELECT count(*) AS closes, min(m.date) AS first_date FROM %1$I.market_data_cache AS m
         WHERE m.symbol = w.symbol AND m.date <= $1
           AND m.date >= (SELECT min(c.session_date)
                          FROM (SELECT t.session_date FROM %1$I.trading_sessions AS t
                                WHERE t.calendar = current_setting('portfolio_batch.calendar') AND t.session_date <= $1
                                  AND t.session_date > $1 - 3 * s.wanted
                                ORDER BY t.session_date DESC LIMIT s.wanted * 3 / 2) AS c)) AS h
       WHERE w.symbol IS NOT NULL
     $query$),
    -- Rows from before a split that were fetched before it, beside later ones: the return across it is left out.
    ('prices across a split', 'splits', 'symbols', $query$
       SELECT w.symbol, w.splits + count(u.splits), w.splits - count(j.session_date),
              CASE WHEN count(j.session_date) + count(u.splits) > 0 THEN 'amber' ELSE 'green' END,
              NULLIF(concat_ws(', ',
                string_agg(format('adj_close changes by %%s %%%% on %%s, the day of a split %%s:%%s',
                                  round(100 * j.change::numeric, 1), j.session_date, j.new_shares, j.old_shares), ', '
                           ORDER BY j.session_date) FILTER (WHERE j.session_date IS NOT NULL),
                'close and adj_close part by ' || min(u.splits) || ', and corporate_actions has no split'), '')
       FROM (SELECT m.symbol, (SELECT count(DISTINCT a.ex_date) FROM %1$I.corporate_actions AS a
                               WHERE a.symbol = m.symbol AND a.kind IN ('split', 'stock_dividend')
                                 AND a.ex_date <= $1) AS splits
             FROM @extschema@.market_data_coverage($1, $2) AS m) AS w
       LEFT JOIN _portfolio_batch.prices_across_splits($1, ARRAY(
                   SELECT DISTINCT a.symbol FROM %1$I.corporate_actions AS a
                   JOIN @extschema@.market_data_coverage($1, $2) AS m USING (symbol)
                   WHERE a.kind IN ('split', 'stock_dividend') AND a.ex_date <= $1)) AS j USING (symbol)
       LEFT JOIN (SELECT s.symbol, string_agg(format('%%s:%%s on %%s', s.new_shares, s.old_shares, s.price_date), ', '
                                              ORDER BY s.price_date) AS splits
                  FROM _portfolio_batch.unknown_splits($1, ARRAY(
                         SELECT m.symbol FROM @extschema@.market_data_coverage($1, $2) AS m)) AS s
                  GROUP BY s.symbol) AS u USING (symbol)
       GROUP BY w.symbol, w.splits
     $query$),
    -- Without its legs nobody knows what an action makes of a share, and nothing is done.
    ('corporate actions', 'actions', 'symbols', $query$
       SELECT a.symbol, count(*), count(*) FILTER (WHERE l.is_there),
              CASE WHEN bool_and(l.is_there) THEN 'green' ELSE 'red' END,
              'without rows of corporate_action_legs: '
              || _portfolio_batch.audit_names(array_agg(a.kind || ' on ' || a.ex_date) FILTER (WHERE NOT l.is_there))
       FROM %1$I.corporate_actions AS a
       JOIN (SELECT DISTINCT p.symbol FROM %1$I.positions AS p
             WHERE p.portfolio_id = ANY ($2) AND p.deleted_at IS NULL) AS h USING (symbol)
       CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM %1$I.corporate_action_legs AS l
                                          WHERE l.symbol = a.symbol AND l.ex_date = a.ex_date AND l.kind = a.kind
                                            AND l.action_no = a.action_no) AS is_there) AS l
       WHERE a.kind NOT IN ('split', 'stock_dividend', 'dividend') AND a.ex_date <= $1
       GROUP BY a.symbol
     $query$),
    -- Nobody knows from the shares what becomes of the contracts: the clearing house says it, case by case.
    ('options on converted shares', 'lots', 'portfolios', $query$
       SELECT b.name, count(*), 0, 'amber',
              'underlying converted since the entry: ' || _portfolio_batch.audit_names(array_agg(DISTINCT p.symbol))
              || '; close the lot and enter what it became'
       FROM book AS b
       JOIN %1$I.positions AS p USING (portfolio_id)
       WHERE length(p.position_type) = 2 AND p.deleted_at IS NULL AND p.entry_date <= $1
         AND (p.exit_date > $1) IS NOT FALSE
         AND EXISTS (SELECT FROM %1$I.corporate_action_legs AS l
                     WHERE l.symbol = p.underlying_symbol AND l.ex_date > p.entry_date AND l.ex_date <= $1)
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- Without yields a bond fund stands in for them.
    ('yields', 'series', 'series', $query$
       SELECT NULL, 1, (y.newest IS NOT NULL AND y.age <= y.allowed)::integer,
              CASE WHEN y.age <= y.allowed THEN 'green' ELSE 'amber' END,
              y.series || COALESCE(': newest quote of ' || y.newest, ': no quote')
       FROM (SELECT q.series, q.newest, current_setting('portfolio_batch.max_stale_sessions')::integer AS allowed,
                    (SELECT count(*) FROM %1$I.trading_sessions AS t
                     WHERE t.calendar = current_setting('portfolio_batch.calendar')
                       AND t.session_date > q.newest AND t.session_date <= $1) + CASE WHEN q.newest IS NULL THEN NULL
                     ELSE 0 END AS age
             FROM (SELECT current_setting('portfolio_batch.rate_series') AS series,
                          (SELECT max(i.date) FROM %1$I.interest_rates AS i
                           WHERE i.series = current_setting('portfolio_batch.rate_series') AND i.date <= $1) AS newest)
               AS q) AS y
     $query$),
    -- The columns of positions have no history: looked at where the session is the portfolio's newest.
    ('position values', 'lots', 'portfolios', $query$
       WITH usable AS MATERIALIZED (
         SELECT min(c.session_date) AS since
         FROM (SELECT t.session_date FROM %1$I.trading_sessions AS t
               WHERE t.calendar = current_setting('portfolio_batch.calendar') AND t.session_date <= $1
               ORDER BY t.session_date DESC
               LIMIT 1 + current_setting('portfolio_batch.max_stale_sessions')::integer) AS c
       ), quote AS MATERIALIZED (
         SELECT m.symbol, max(m.date) AS date
         FROM %1$I.market_data_cache AS m
         WHERE m.date <= $1 AND m.date >= (SELECT u.since FROM usable AS u)
         GROUP BY m.symbol
       ), newest AS MATERIALIZED (
         SELECT s.portfolio_id, max(s.snapshot_date) AS date FROM %1$I.portfolio_snapshots AS s
         WHERE s.portfolio_id = ANY ($2) GROUP BY s.portfolio_id
       )
       SELECT b.name, count(*), count(*) FILTER (WHERE v.is_current),
              CASE WHEN bool_and(v.is_current) THEN 'green' ELSE 'red' END,
              'out of date: ' || _portfolio_batch.audit_names(array_agg(l.symbol) FILTER (WHERE NOT v.is_current))
       FROM lot AS l
       JOIN book AS b USING (portfolio_id)
       JOIN newest AS n ON n.portfolio_id = l.portfolio_id AND n.date = $1
       JOIN %1$I.positions AS p ON p.portfolio_id = l.portfolio_id AND p.id = l.position_id
       LEFT JOIN quote AS q ON q.symbol = l.symbol
       -- What has expired is valued by its underlying, on the day on which it did.
       CROSS JOIN LATERAL (SELECT q.date IS NULL OR COALESCE(p.last_price_date >= least(q.date, p.expiration_date)
                                                             AND p.market_value IS NOT NULL, false) AS is_current) AS v
       WHERE l.investment_class <> 'PRIVATE'
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- A private asset that nobody marked is carried at its entry price.
    ('marks of private assets', 'lots', 'symbols', $query$
       SELECT l.symbol, count(*), count(*) FILTER (WHERE m.is_marked),
              CASE WHEN bool_and(m.is_marked) THEN 'green' ELSE 'amber' END,
              CASE WHEN NOT bool_and(m.is_marked) THEN 'carried at the entry price' END
       FROM lot AS l
       CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM %1$I.position_marks AS h
                                          WHERE h.portfolio_id = l.portfolio_id AND h.position_id = l.position_id
                                            AND h.mark_date <= $1)
                                  OR EXISTS (SELECT FROM %1$I.market_data_cache AS c
                                             WHERE c.symbol = l.symbol AND c.date <= $1) AS is_marked) AS m
       WHERE l.investment_class = 'PRIVATE'
       GROUP BY l.symbol
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_market_data() IS
  'Checks of prices, yields and the values of positions: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_profiles()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('sectors', 'symbols', 'symbols', $query$
       SELECT NULL, count(*), count(*) FILTER (WHERE w.is_known),
              CASE WHEN avg(w.is_known::integer) < 0.75 THEN 'red' WHEN avg(w.is_known::integer) < 0.95 THEN 'amber'
                   ELSE 'green' END,
              'without sector: ' || _portfolio_batch.audit_names(array_agg(w.symbol) FILTER (WHERE NOT w.is_known))
       FROM (SELECT s.symbol, COALESCE(_portfolio_batch.sector_name(c.sector) IS NOT NULL OR c.is_etf OR c.is_fund,
                                       false) AS is_known
             FROM (SELECT DISTINCT l.symbol FROM lot AS l WHERE l.investment_class = 'PUBLIC') AS s
             LEFT JOIN %1$I.company_profiles AS c USING (symbol)) AS w
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_profiles() IS
  'Checks of company profiles: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_greeks()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    -- Where nobody supplies Greeks, none is missed.
    ('coverage', 'options', 'portfolios', $query$
       WITH feed AS (SELECT EXISTS (SELECT FROM %1$I.position_greeks AS g
                                    WHERE g.portfolio_id = ANY ($2) AND g.calculation_date <= $1) AS is_on)
       SELECT b.name, count(*), count(g.position_id),
              CASE WHEN count(g.position_id) < count(*) THEN 'red' ELSE 'green' END,
              'missing: ' || _portfolio_batch.audit_names(array_agg(l.symbol) FILTER (WHERE g.position_id IS NULL))
       FROM lot AS l
       JOIN book AS b USING (portfolio_id)
       LEFT JOIN (SELECT DISTINCT g.portfolio_id, g.position_id FROM %1$I.position_greeks AS g
                  WHERE g.portfolio_id = ANY ($2) AND g.calculation_date = $1
                    AND (g.delta IS NOT NULL OR g.reason IS NOT NULL)) AS g USING (portfolio_id, position_id)
       WHERE l.investment_class = 'OPTIONS' AND (SELECT f.is_on FROM feed AS f)
         -- An option that has expired has none any more.
         AND NOT EXISTS (SELECT FROM %1$I.positions AS p WHERE p.portfolio_id = l.portfolio_id
                         AND p.id = l.position_id AND p.expiration_date <= $1)
       GROUP BY b.portfolio_id, b.name
       UNION ALL
       SELECT NULL, 0, 0, 'green', 'disabled: there is no option feed' FROM feed AS f WHERE NOT f.is_on
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_greeks() IS
  'Checks of option Greeks: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_factor_exposures()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('market betas', 'lots', 'portfolios',
     _portfolio_batch.audit_query_by_position('position_market_betas', 'true')),
    ('ridge betas', 'lots', 'portfolios',
     _portfolio_batch.audit_query_by_position('position_factor_exposures', 'r.model = ''ridge''')),
    ('spread betas', 'lots', 'portfolios',
     _portfolio_batch.audit_query_by_position('position_factor_exposures', 'r.model = ''spread''')),
    -- The figures behind these rows.
    ('symbol factors', 'betas', 'symbols', $query$
       SELECT f.symbol, count(*), count(e.factor), CASE WHEN count(e.factor) < count(*) THEN 'red' ELSE 'green' END,
              'missing: ' || _portfolio_batch.audit_names(array_agg(f.model || ' ' || d.name)
                                                    FILTER (WHERE e.factor IS NULL))
       FROM (SELECT DISTINCT f.symbol, f.model FROM %1$I.symbol_model_fits AS f
             WHERE f.calculation_date = $1 AND f.r_squared IS NOT NULL
               AND f.symbol IN (SELECT l.symbol FROM lot AS l)) AS f
       JOIN %1$I.factor_definitions AS d ON d.is_active AND d.model IN (f.model, 'market')
       LEFT JOIN (SELECT DISTINCT e.symbol, e.model, e.factor FROM %1$I.symbol_factor_exposures AS e
                  WHERE e.calculation_date = $1 AND (e.beta IS NOT NULL OR e.reason IS NOT NULL))
         AS e ON e.symbol = f.symbol AND e.model = f.model AND e.factor = d.name
       GROUP BY f.symbol
     $query$),
    ('R-squared', 'fits', 'models', $query$
       SELECT f.model, count(*), count(*) FILTER (WHERE f.r_squared IS NOT NULL OR f.reason IS NOT NULL),
              CASE WHEN bool_or(f.r_squared IS NULL AND f.reason IS NULL) THEN 'red'
                   WHEN avg((f.r_squared < 0.1)::integer) > 0.5 THEN 'amber' ELSE 'green' END,
              'median ' || round(percentile_cont(0.5) WITHIN GROUP (ORDER BY f.r_squared)::numeric, 3)
              || ', below 0.1: ' || round(100 * avg((f.r_squared < 0.1)::integer)) || ' %%'
       FROM %1$I.symbol_model_fits AS f
       WHERE f.calculation_date = $1 AND f.symbol IN (SELECT l.symbol FROM lot AS l)
       GROUP BY f.model
     $query$),
    ('model quality', 'fits', 'symbols', $query$
       SELECT f.symbol, count(*), count(*) FILTER (WHERE f.is_full),
              CASE WHEN bool_and(f.is_full) THEN 'green' ELSE 'amber' END,
              _portfolio_batch.audit_names(array_agg(f.model || ' ' || f.problem) FILTER (WHERE NOT f.is_full))
       FROM (SELECT f.symbol, f.model, COALESCE(f.reason, f.quality_flag, 'unknown') AS problem,
                    f.reason IS NULL AND f.quality_flag IS NOT DISTINCT FROM 'full_history' AS is_full
             FROM %1$I.symbol_model_fits AS f
             WHERE f.calculation_date = $1
               AND f.symbol IN (SELECT l.symbol FROM lot AS l WHERE l.investment_class = 'PUBLIC')) AS f
       GROUP BY f.symbol
     $query$),
    -- In each of the three newest months that are over. What has no other model beside it is not judged.
    ('models against plain ones', 'models', 'models', $query$
       SELECT q.model || ' ' || q.measure || COALESCE(' of ' || b.name, ''), 1, (NOT q.is_lost)::integer,
              CASE WHEN q.is_lost THEN 'amber' ELSE 'green' END,
              CASE WHEN q.is_lost THEN 'against ' || q.alternative || ', ' || q.months END
       FROM (SELECT q.model, q.measure, q.alternative, q.portfolio_id,
                    count(*) FILTER (WHERE q.verdict = 'loses') = 3 AS is_lost,
                    string_agg(format('%%s: %%s and %%s', to_char(q.month, 'YYYY-MM'), round(q.value::numeric, 3),
                                      round(q.alternative_value::numeric, 3)), ', ' ORDER BY q.month) AS months
             FROM (SELECT e.month, (SELECT min(t.session_date) FROM %1$I.trading_sessions AS t
                                    WHERE t.calendar = current_setting('portfolio_batch.calendar')) AS first_session
                   FROM (SELECT (date_trunc('month', $1::timestamp)
                                 + CASE WHEN EXISTS (SELECT FROM %1$I.trading_sessions AS t
                                                     WHERE t.calendar = current_setting('portfolio_batch.calendar')
                                                       AND t.session_date > $1
                                                       AND t.session_date < date_trunc('month', $1::timestamp)
                                                                            + interval '1 month')
                                        THEN interval '0' ELSE interval '1 month' END)::date AS month) AS e) AS s
             CROSS JOIN LATERAL @extschema@.model_quality(
               greatest((s.month - interval '3 months')::date, s.first_session), least($1, s.month - 1),
               CASE WHEN NOT $3 THEN $2 END) AS q
             WHERE q.alternative NOT IN ('nominal', 'std_error')
             GROUP BY q.model, q.measure, q.alternative, q.portfolio_id) AS q
       LEFT JOIN book AS b ON b.portfolio_id = q.portfolio_id
     $query$),
    ('portfolio exposures', 'exposures', 'portfolios', $query$
       SELECT b.name, count(*), count(e.factor), CASE WHEN count(e.factor) < count(*) THEN 'red' ELSE 'green' END,
              'missing: ' || _portfolio_batch.audit_names(array_agg(w.model || ' ' || w.factor)
                                                    FILTER (WHERE e.factor IS NULL))
       FROM book AS b
       CROSS JOIN (SELECT d.model, d.name FROM %1$I.factor_definitions AS d WHERE d.is_active
                   UNION
                   SELECT m.model, f.name
                   FROM (VALUES ('ridge'), ('spread')) AS m (model)
                   CROSS JOIN (SELECT d.name FROM %1$I.factor_definitions AS d WHERE d.is_active AND d.model = 'market'
                               UNION VALUES ('specific')) AS f (name)) AS w (model, factor)
       LEFT JOIN (SELECT DISTINCT e.portfolio_id, e.model, e.factor FROM %1$I.portfolio_factor_exposures AS e
                  WHERE e.portfolio_id = ANY ($2) AND e.calculation_date = $1
                    AND (e.exposure_dollar IS NOT NULL OR e.reason IS NOT NULL OR e.factor = 'specific'))
         AS e ON e.portfolio_id = b.portfolio_id AND e.model = w.model AND e.factor = w.factor
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- Each factor with itself as well.
    ('factor correlations', 'pairs', 'factors', $query$
       SELECT NULL, count(*), count(c.factor_1), CASE WHEN count(c.factor_1) < count(*) THEN 'red' ELSE 'green' END,
              'missing: ' || _portfolio_batch.audit_names(array_agg(a.name || ' x ' || b.name)
                                                    FILTER (WHERE c.factor_1 IS NULL))
       FROM (SELECT DISTINCT d.name FROM %1$I.factor_definitions AS d WHERE d.is_active) AS a
       JOIN (SELECT DISTINCT d.name FROM %1$I.factor_definitions AS d WHERE d.is_active) AS b ON b.name >= a.name
       LEFT JOIN (SELECT DISTINCT least(c.factor_1, c.factor_2) AS factor_1,
                                  greatest(c.factor_1, c.factor_2) AS factor_2
                  FROM %1$I.factor_correlations AS c
                  WHERE c.calculation_date = $1 AND (c.correlation IS NOT NULL OR c.reason IS NOT NULL))
         AS c ON c.factor_1 = a.name AND c.factor_2 = b.name
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_factor_exposures() IS
  'Checks of factor models and exposures: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_rate_betas()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('rate betas', 'lots', 'portfolios',
     _portfolio_batch.audit_query_by_position('position_interest_rate_betas', 'true'))
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_rate_betas() IS
  'Checks of interest-rate betas: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_volatility()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('volatilities', 'lots', 'portfolios',
     _portfolio_batch.audit_query_by_position('position_volatility',
       'r.realized_volatility_21d IS NOT NULL OR r.reason IS NOT NULL'))
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_volatility() IS
  'Checks of the volatilities of positions: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_snapshots()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    -- Amber when at most the last five sessions are yet to be run; red with a hole before a later snapshot.
    ('sessions', 'sessions', 'portfolios', $query$
       SELECT w.name, count(*), count(s.snapshot_date),
              CASE WHEN count(s.snapshot_date) = count(*) THEN 'green'
                   WHEN w.initial_equity IS NOT NULL AND count(*) - count(s.snapshot_date) <= 5
                    AND NOT bool_or(s.snapshot_date IS NULL AND c.session_date < w.newest) THEN 'amber'
                   ELSE 'red' END,
              'missing: ' || _portfolio_batch.audit_names(array_agg(c.session_date::text)
                                                    FILTER (WHERE s.snapshot_date IS NULL))
              || CASE WHEN w.initial_equity IS NULL THEN '; initial_equity is not known' ELSE '' END
       FROM (SELECT b.portfolio_id, b.name, b.start_date, p.initial_equity,
                    COALESCE((SELECT max(s.snapshot_date) FROM %1$I.portfolio_snapshots AS s
                              WHERE s.portfolio_id = b.portfolio_id AND s.snapshot_date <= $1), '-infinity') AS newest
             FROM book AS b JOIN %1$I.portfolios AS p ON p.id = b.portfolio_id) AS w
       JOIN (SELECT t.session_date FROM %1$I.trading_sessions AS t
             WHERE t.calendar = current_setting('portfolio_batch.calendar') AND t.session_date <= $1
               AND t.session_date >= (SELECT min(b.start_date) FROM book AS b)) AS c ON c.session_date >= w.start_date
       LEFT JOIN (SELECT DISTINCT s.portfolio_id, s.snapshot_date FROM %1$I.portfolio_snapshots AS s
                  WHERE s.portfolio_id = ANY ($2) AND s.snapshot_date <= $1)
         AS s ON s.portfolio_id = w.portfolio_id AND s.snapshot_date = c.session_date
       GROUP BY w.portfolio_id, w.name, w.initial_equity
     $query$),
    -- No snapshot on a day without a session.
    ('trading days', 'snapshots', 'portfolios', $query$
       WITH span AS (SELECT f.day AS first_day, $1 - f.day + 1 AS days,
                            (SELECT count(*) FROM %1$I.trading_sessions AS t
                             WHERE t.calendar = current_setting('portfolio_batch.calendar')
                               AND t.session_date BETWEEN f.day AND $1) AS sessions
                     FROM (SELECT min(s.snapshot_date) AS day FROM %1$I.portfolio_snapshots AS s
                           WHERE s.portfolio_id = ANY ($2)) AS f)
       SELECT b.name, count(*), count(c.session_date),
              CASE WHEN count(c.session_date) < count(*) THEN 'red' ELSE 'green' END,
              COALESCE('no session: ' || _portfolio_batch.audit_names(array_agg(s.snapshot_date::text)
                                           FILTER (WHERE c.session_date IS NULL)),
                       (SELECT p.sessions || ' trading days in ' || p.days || ' calendar days since ' || p.first_day
                        FROM span AS p))
       FROM book AS b
       JOIN %1$I.portfolio_snapshots AS s ON s.portfolio_id = b.portfolio_id AND s.snapshot_date <= $1
       LEFT JOIN (SELECT t.session_date FROM %1$I.trading_sessions AS t
                  WHERE t.calendar = current_setting('portfolio_batch.calendar') AND t.session_date <= $1)
         AS c ON c.session_date = s.snapshot_date
       GROUP BY b.portfolio_id, b.name
     $query$),
    ('analytics', 'snapshots', 'portfolios', $query$
       SELECT b.name, count(*), count(*) FILTER (WHERE s.analytics_complete),
              CASE WHEN bool_and(s.analytics_complete) THEN 'green' ELSE 'red' END,
              'outstanding: ' || _portfolio_batch.audit_names(array_agg(s.snapshot_date::text)
                                   FILTER (WHERE NOT s.analytics_complete))
       FROM book AS b
       JOIN %1$I.portfolio_snapshots AS s ON s.portfolio_id = b.portfolio_id AND s.snapshot_date <= $1
       GROUP BY b.portfolio_id, b.name
     $query$),
    ('figures', 'figures', 'portfolios', $query$
       SELECT b.name, count(*), count(*) FILTER (WHERE f.is_there),
              CASE WHEN bool_and(f.is_there) THEN 'green' ELSE 'red' END,
              'neither figure nor reason: ' || _portfolio_batch.audit_names(array_agg(f.figure)
                                                                        FILTER (WHERE NOT f.is_there))
       FROM book AS b
       JOIN %1$I.portfolio_snapshots AS s
         ON s.portfolio_id = b.portfolio_id AND s.snapshot_date = $1 AND s.analytics_complete
       CROSS JOIN LATERAL (VALUES
         ('daily_pnl', s.daily_pnl IS NOT NULL),
         ('beta', num_nonnulls(s.beta, s.beta_reason) > 0),
         ('volatility', num_nonnulls(s.realized_volatility_21d, s.volatility_reason) > 0),
         ('sector_exposure', num_nonnulls(s.sector_exposure, s.concentration_reason) > 0),
         ('hhi', num_nonnulls(s.hhi, s.concentration_reason) > 0)) AS f (figure, is_there)
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- Equity = initial equity + P&L + flows, by the cumulative figures of each snapshot and by the sum of the daily
    -- ones along the chain. Where a snapshot is lost the chain begins anew: the loss is told by sessions.
    ('reconciliation', 'snapshots', 'portfolios', $query$
       SELECT r.name, count(*), count(*) FILTER (WHERE r.holds),
              CASE WHEN bool_and(r.holds) THEN 'green' ELSE 'red' END,
              'first on ' || min(r.snapshot_date) FILTER (WHERE NOT r.holds) || ': '
              || (array_agg(concat('equity ', COALESCE(r.equity_balance::text, 'unknown'), ', from its parts ',
                                   COALESCE(r.of_parts::text, 'unknown')) ORDER BY r.snapshot_date)
                    FILTER (WHERE NOT r.holds))[1]
       FROM (SELECT i.portfolio_id, i.name, i.snapshot_date, i.equity_balance,
                    CASE WHEN abs(i.equity_balance - i.level) <= 0.01 THEN i.base + i.moves
                         ELSE i.level END AS of_parts,
                    COALESCE(abs(i.total_value - i.equity_balance) <= 0.01 AND abs(i.equity_balance - i.level) <= 0.01
                             AND abs(i.equity_balance - i.base - i.moves) <= 0.01, false) AS holds
             FROM (SELECT l.*, sum(l.move) OVER chain AS moves, first_value(l.before) OVER chain AS base
                   FROM (SELECT d.*, count(*) FILTER (WHERE NOT d.follows) OVER (PARTITION BY d.portfolio_id
                                                                                ORDER BY d.snapshot_date) AS link
                         FROM (SELECT b.portfolio_id, b.name, s.snapshot_date, s.total_value, s.equity_balance,
                                      p.initial_equity + s.cumulative_pnl + s.cumulative_capital_flow AS level,
                                      s.daily_pnl + s.daily_capital_flow AS move,
                                      CASE WHEN s.previous_snapshot_date IS NULL THEN p.initial_equity
                                           ELSE s.equity_balance - s.daily_pnl - s.daily_capital_flow END AS before,
                                      COALESCE(s.previous_snapshot_date
                                               = lag(s.snapshot_date) OVER (PARTITION BY b.portfolio_id
                                                                            ORDER BY s.snapshot_date), false) AS follows
                               FROM book AS b
                               JOIN %1$I.portfolios AS p ON p.id = b.portfolio_id
                               JOIN %1$I.portfolio_snapshots AS s
                                 ON s.portfolio_id = b.portfolio_id AND s.snapshot_date <= $1) AS d) AS l
                   WINDOW chain AS (PARTITION BY l.portfolio_id, l.link ORDER BY l.snapshot_date)) AS i) AS r
       GROUP BY r.portfolio_id, r.name
     $query$),
    ('capital flows', 'snapshots', 'portfolios', $query$
       SELECT r.name, 1, r.agrees::integer, CASE WHEN r.agrees THEN 'green' ELSE 'red' END,
              CASE WHEN NOT r.agrees THEN 'booked ' || r.booked || ', in the snapshot of ' || r.snapshot_date || ' '
                                          || COALESCE(r.cumulative_capital_flow::text, 'unknown') END
       FROM (SELECT b.name, s.snapshot_date, s.cumulative_capital_flow, f.booked,
                    COALESCE(abs(s.cumulative_capital_flow - f.booked) <= 0.01, false) AS agrees
             FROM book AS b
             CROSS JOIN LATERAL (SELECT n.snapshot_date, n.cumulative_capital_flow FROM %1$I.portfolio_snapshots AS n
                                 WHERE n.portfolio_id = b.portfolio_id AND n.snapshot_date <= $1
                                 ORDER BY n.snapshot_date DESC LIMIT 1) AS s
             CROSS JOIN LATERAL (SELECT COALESCE(sum(CASE e.change_type WHEN 'CONTRIBUTION' THEN e.amount
                                                          ELSE -e.amount END), 0) AS booked
                                 FROM %1$I.equity_changes AS e
                                 JOIN %1$I.portfolios AS p ON p.id = e.portfolio_id
                                 WHERE e.portfolio_id = b.portfolio_id AND e.change_date <= s.snapshot_date
                                   AND (e.change_date >= p.inception_date
                                        OR e.change_date > _portfolio_batch.opening_session(p.inception_date))
                                       IS NOT FALSE
                                   AND e.deleted_at IS NULL) AS f) AS r
     $query$),
    -- Nobody trades what has expired: until it is booked it stands in the book at its value of that day.
    ('expired options', 'lots', 'portfolios', $query$
       SELECT b.name, count(*), 0, 'amber',
              'not booked: ' || _portfolio_batch.audit_names(array_agg(l.symbol))
              || '; settle_expired_options() books them'
       FROM lot AS l
       JOIN book AS b USING (portfolio_id)
       JOIN %1$I.positions AS p ON p.portfolio_id = l.portfolio_id AND p.id = l.position_id
       WHERE l.position_type IN ('LC', 'LP', 'SC', 'SP') AND p.expiration_date <= $1
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- What was held before the inception is part of initial_equity, at its price of the session before.
    ('values at inception', 'lots', 'portfolios', $query$
       SELECT b.name, count(*), count(*) FILTER (WHERE o.is_priced),
              CASE WHEN bool_and(o.is_priced) THEN 'green' ELSE 'amber' END,
              CASE WHEN NOT bool_and(o.is_priced) THEN
                'without a price of ' || min(o.opening) || ', at which they count: '
                || _portfolio_batch.audit_names(array_agg(o.symbol) FILTER (WHERE NOT o.is_priced)) END
       FROM book AS b
       JOIN _portfolio_batch.lots_at_inception($2) AS o USING (portfolio_id)
       GROUP BY b.portfolio_id, b.name
     $query$),
    ('flows before inception', 'flows', 'portfolios', $query$
       SELECT b.name, count(*), 0, 'amber',
              'in initial_equity already, and not counted: ' || count(*) || ' up to ' || max(e.change_date)
       FROM book AS b
       JOIN %1$I.portfolios AS p ON p.id = b.portfolio_id
       JOIN %1$I.equity_changes AS e ON e.portfolio_id = b.portfolio_id AND e.deleted_at IS NULL
       WHERE e.change_date < p.inception_date
         AND e.change_date <= _portfolio_batch.opening_session(p.inception_date)
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- What the broker reported of a closing, to a cent or a thousandth of its proceeds: commissions are in it or not.
    ('realized P&L as booked', 'closings', 'portfolios', $query$
       SELECT b.name, count(*), count(*) FILTER (WHERE r.agrees),
              CASE WHEN bool_and(r.agrees) THEN 'green' ELSE 'amber' END,
              _portfolio_batch.audit_names(
                array_agg(format('%%s on %%s booked %%s, computed %%s', r.symbol, r.trade_date, r.booked_pnl,
                                 r.realized_pnl)) FILTER (WHERE NOT r.agrees))
       FROM book AS b
       JOIN (SELECT c.*, COALESCE(abs(c.booked_pnl - c.realized_pnl) <= greatest(0.01, c.proceeds / 1000), false)
                         AS agrees
             FROM _portfolio_batch.closings($2, $1) AS c
             JOIN %1$I.positions AS p ON p.portfolio_id = c.portfolio_id AND p.id = c.position_id
             WHERE c.booked_pnl IS NOT NULL AND p.deleted_at IS NULL) AS r USING (portfolio_id)
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- Cash and holdings make the value, long and short the exposures.
    ('balance', 'snapshots', 'portfolios', $query$
       SELECT r.name, count(*), count(*) FILTER (WHERE r.holds),
              CASE WHEN bool_and(r.holds) THEN 'green' ELSE 'red' END,
              'out of balance: ' || _portfolio_batch.audit_names(array_agg(r.snapshot_date::text)
                                                                 FILTER (WHERE NOT r.holds))
       FROM (SELECT b.portfolio_id, b.name, s.snapshot_date,
                    COALESCE(abs(s.cash_value + s.total_market_value - s.total_value) <= 0.01
                             AND abs(s.total_long + s.total_short - s.net_exposure) <= 0.01
                             AND abs(s.total_long - s.total_short - s.gross_exposure) <= 0.01
                             AND s.total_long >= 0 AND s.total_short <= 0, false) AS holds
             FROM book AS b
             JOIN %1$I.portfolio_snapshots AS s ON s.portfolio_id = b.portfolio_id AND s.snapshot_date <= $1) AS r
       GROUP BY r.portfolio_id, r.name
     $query$),
    -- Every lot is there, with a symbol or a reason. Together they earned the P&L of the snapshot, and make its market
    -- value but for their rounding.
    ('holdings', 'lots', 'portfolios', $query$
       SELECT b.name, COALESCE(l.lots, 0), COALESCE(l.held, 0),
              CASE WHEN COALESCE(l.held < l.lots, false) OR NOT r.adds_up THEN 'red' ELSE 'green' END,
              NULLIF(concat_ws('; ', 'missing: ' || l.missing,
                               CASE WHEN NOT r.adds_up THEN
                                 concat('P&L ', s.daily_pnl, ', of the lots ', COALESCE(h.daily_pnl::text, 'unknown'),
                                        '; market value ', s.total_market_value, ', of the lots ',
                                        COALESCE(h.market_value::text, 'unknown')) END), '')
       FROM book AS b
       JOIN %1$I.portfolio_snapshots AS s ON s.portfolio_id = b.portfolio_id AND s.snapshot_date = $1
       LEFT JOIN (SELECT l.portfolio_id, count(*) AS lots, count(e.position_id) AS held,
                         _portfolio_batch.audit_names(array_agg(l.symbol) FILTER (WHERE e.position_id IS NULL))
                           AS missing
                  FROM lot AS l
                  LEFT JOIN (SELECT DISTINCT e.portfolio_id, e.position_id FROM %1$I.position_history AS e
                             WHERE e.portfolio_id = ANY ($2) AND e.calculation_date = $1 AND e.quantity <> 0
                               AND num_nonnulls(e.symbol, e.reason) > 0) AS e USING (portfolio_id, position_id)
                  GROUP BY l.portfolio_id) AS l ON l.portfolio_id = b.portfolio_id
       LEFT JOIN (SELECT h.portfolio_id, cardinality(h.position_ids) AS places,
                         (SELECT COALESCE(sum(u.units), 0) / 10000 FROM unnest(h.market_values) AS u (units))
                           AS market_value,
                         (SELECT COALESCE(sum(u.units), 0) / 10000 FROM unnest(h.daily_pnl) AS u (units))
                           + h.unallocated_pnl AS daily_pnl
                  FROM %1$I.portfolio_holdings AS h
                  WHERE h.portfolio_id = ANY ($2) AND h.calculation_date = $1) AS h
         ON h.portfolio_id = b.portfolio_id
       CROSS JOIN LATERAL (SELECT COALESCE(h.daily_pnl = s.daily_pnl
                                           AND abs(h.market_value - s.total_market_value) <= 0.0001 * (h.places + 1),
                                           false) AS adds_up) AS r
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_snapshots() IS
  'Checks of snapshots and of the equity chain: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_correlations()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('calculations', 'calculations', 'portfolios', $query$
       SELECT b.name, 1, count(c.portfolio_id), CASE WHEN count(c.portfolio_id) = 0 THEN 'red' ELSE 'green' END,
              CASE WHEN count(c.portfolio_id) = 0 THEN
                COALESCE('newest of ' || (SELECT max(k.calculation_date) FROM %1$I.correlation_calculations AS k
                                          WHERE k.portfolio_id = b.portfolio_id AND k.calculation_date < $1),
                         'none yet') END
       FROM book AS b
       LEFT JOIN (SELECT DISTINCT k.portfolio_id FROM %1$I.correlation_calculations AS k
                  WHERE k.portfolio_id = ANY ($2) AND k.calculation_date = $1
                    AND (k.symbols IS NOT NULL OR k.reason IS NOT NULL)) AS c USING (portfolio_id)
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- n (n - 1) / 2 pairs of n symbols; a pair that overlaps too little is there without a correlation.
    ('pairs', 'pairs', 'portfolios', $query$
       SELECT c.name, sum(c.wanted), sum(c.stored), CASE WHEN bool_and(c.agrees) THEN 'green' ELSE 'red' END,
              string_agg('over ' || c.duration_days || ' sessions ' || c.correlations || ' correlations, total_pairs '
                         || COALESCE(c.total_pairs::text, 'unknown'), '; ' ORDER BY c.duration_days)
                FILTER (WHERE NOT c.agrees)
       FROM (SELECT p.*, COALESCE(p.stored = p.wanted AND p.observations IN (1, p.wanted)
                                  AND p.correlations = p.total_pairs, p.wanted = 0) AS agrees
             FROM (SELECT b.portfolio_id, b.name, k.duration_days, k.total_pairs,
                          cardinality(k.symbols) * (cardinality(k.symbols) - 1) / 2 AS wanted,
                          COALESCE(cardinality(k.correlations), 0) AS stored,
                          cardinality(k.pair_observations) AS observations,
                          (SELECT count(*) FROM unnest(k.correlations) AS u (rho) WHERE u.rho BETWEEN -1 AND 1)
                            AS correlations
                   FROM book AS b
                   JOIN %1$I.correlation_calculations AS k USING (portfolio_id)
                   WHERE k.calculation_date = $1 AND k.symbols IS NOT NULL) AS p) AS c
       GROUP BY c.portfolio_id, c.name
     $query$),
    ('data quality', 'calculations', 'portfolios', $query$
       SELECT b.name, count(*), count(*) FILTER (WHERE q.is_sufficient),
              CASE WHEN bool_and(q.is_sufficient) THEN 'green' ELSE 'amber' END,
              'limited: ' || _portfolio_batch.audit_names(array_agg(k.duration_days || ' sessions')
                               FILTER (WHERE NOT q.is_sufficient))
       FROM book AS b
       JOIN %1$I.correlation_calculations AS k USING (portfolio_id)
       CROSS JOIN LATERAL (SELECT k.data_quality IS DISTINCT FROM 'limited'
                                  AND k.reason IS DISTINCT FROM 'insufficient_data' AS is_sufficient) AS q
       WHERE k.calculation_date = $1
       GROUP BY b.portfolio_id, b.name
     $query$),
    -- A cluster has a row and at least two symbols of the matrix; a concentration score says that there are clusters.
    ('clusters', 'clusters', 'portfolios', $query$
       SELECT b.name, count(*), count(*) FILTER (WHERE n.is_sound),
              CASE WHEN bool_and(n.is_sound) THEN 'green' ELSE 'red' END,
              'not sound: ' || _portfolio_batch.audit_names(
                array_agg(COALESCE('cluster ' || n.cluster_number, 'none stored')) FILTER (WHERE NOT n.is_sound))
       FROM book AS b
       JOIN %1$I.correlation_calculations AS k USING (portfolio_id)
       LEFT JOIN (SELECT m.portfolio_id, m.duration_days, m.cluster_number, bool_or(m.symbol IS NULL) AS has_row,
                         array_agg(DISTINCT m.symbol) FILTER (WHERE m.symbol IS NOT NULL) AS symbols
                  FROM (SELECT c.portfolio_id, c.duration_days, c.cluster_number, NULL AS symbol
                        FROM %1$I.correlation_clusters AS c
                        WHERE c.portfolio_id = ANY ($2) AND c.calculation_date = $1
                        UNION ALL
                        SELECT c.portfolio_id, c.duration_days, c.cluster_number, COALESCE(c.symbol, '')
                        FROM %1$I.correlation_cluster_positions AS c
                        WHERE c.portfolio_id = ANY ($2) AND c.calculation_date = $1) AS m
                  GROUP BY m.portfolio_id, m.duration_days, m.cluster_number)
         AS g ON g.portfolio_id = k.portfolio_id AND g.duration_days = k.duration_days
       CROSS JOIN LATERAL (SELECT g.cluster_number,
                                  COALESCE(g.has_row AND cardinality(g.symbols) >= 2 AND g.symbols <@ k.symbols, false)
                                    AS is_sound) AS n
       WHERE k.calculation_date = $1 AND (g.cluster_number IS NOT NULL OR k.concentration_score > 0)
       GROUP BY b.portfolio_id, b.name
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_correlations() IS
  'Checks of correlations and clusters: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_stress_tests()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('scenarios', 'results', 'portfolios', $query$
       SELECT b.name, count(*), count(r.scenario_id),
              CASE WHEN count(r.scenario_id) < count(*) THEN 'red' ELSE 'green' END,
              'missing: ' || _portfolio_batch.audit_names(array_agg(s.scenario_id) FILTER (WHERE r.scenario_id IS NULL))
              || CASE WHEN count(r.scenario_id) > 0 THEN ''
                      ELSE COALESCE('; newest of ' || (SELECT max(t.calculation_date)
                                                       FROM %1$I.portfolio_stress_tests AS t
                                                       WHERE t.portfolio_id = b.portfolio_id
                                                         AND t.calculation_date < $1), '; none yet') END
       FROM book AS b
       CROSS JOIN (SELECT DISTINCT a.scenario_id FROM %1$I.stress_test_scenarios AS a WHERE a.active) AS s
       LEFT JOIN (SELECT DISTINCT t.portfolio_id, e.scenario_id
                  FROM %1$I.portfolio_stress_tests AS t
                  CROSS JOIN LATERAL unnest(t.scenario_ids, t.direct_pnl, t.reasons)
                    AS e (scenario_id, direct_pnl, reason)
                  JOIN %1$I.stress_scenario_moves AS m
                    ON m.calculation_date = t.calculation_date AND m.scenario_id = e.scenario_id
                  WHERE t.portfolio_id = ANY ($2) AND t.calculation_date = $1
                    AND (e.direct_pnl IS NOT NULL OR e.reason IS NOT NULL))
         AS r ON r.portfolio_id = b.portfolio_id AND r.scenario_id = s.scenario_id
       GROUP BY b.portfolio_id, b.name
     $query$),
    ('definitions', 'results', 'scenarios', $query$
       SELECT t.scenario_id, count(*), count(*) FILTER (WHERE t.is_valid),
              CASE WHEN bool_and(t.is_valid) THEN 'green' ELSE 'amber' END,
              'cannot be computed: ' || _portfolio_batch.audit_names(array_agg(t.reason) FILTER (WHERE NOT t.is_valid))
       FROM (SELECT e.scenario_id, e.reason,
                    COALESCE(e.reason NOT IN ('invalid_scenario', 'singular'), true) AS is_valid
             FROM %1$I.portfolio_stress_tests AS t
             CROSS JOIN LATERAL unnest(t.scenario_ids, t.reasons) AS e (scenario_id, reason)
             WHERE t.portfolio_id = ANY ($2) AND t.calculation_date = $1) AS t
       GROUP BY t.scenario_id
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_stress_tests() IS
  'Checks of stress tests: name, what is counted, what is looked at, query.';

-- The newest twenty runs that concern the portfolios, for the checks of the log.
CREATE FUNCTION _portfolio_batch.audit_query_of_runs(query text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT $query$
    WITH run AS (SELECT r.*, row_number() OVER (ORDER BY r.run_id DESC) AS place
                 FROM %1$I.batch_runs AS r
                 WHERE r.status <> 'running' AND ($3 OR r.portfolio_ids IS NULL OR r.portfolio_ids && $2)
                 ORDER BY r.run_id DESC LIMIT 20)
  $query$ || query
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_query_of_runs(text) IS
  'Query of a check of the log, which may use run: the newest twenty runs that are over and concern the portfolios, '
  'place 1 the newest.';

CREATE FUNCTION _portfolio_batch.audit_checks_batch()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    -- How the newest run ended, and the newest session that any run aimed at: one session late is amber.
    ('latest run', 'runs', 'runs', _portfolio_batch.audit_query_of_runs($query$
       SELECT NULL, 1, count(*) FILTER (WHERE r.place = 1 AND r.status = 'success'),
              CASE WHEN count(*) = 0 OR bool_or(r.place = 1 AND r.status IN ('failed', 'lost', 'cancelled', 'blocked'))
                     OR COALESCE(max(r.target_date) < @extschema@.previous_session($1), true) THEN 'red'
                   WHEN bool_or(r.place = 1 AND r.status = 'partial') OR max(r.target_date) < $1 THEN 'amber'
                   ELSE 'green' END,
              COALESCE('run ' || max(r.run_id) || ': ' || min(r.status) FILTER (WHERE r.place = 1)
                       || COALESCE(', newest target ' || max(r.target_date), ''), 'no run is in the log')
       FROM run AS r
     $query$)),
    ('success rate', 'runs', 'runs', _portfolio_batch.audit_query_of_runs($query$
       SELECT NULL, count(*), count(*) FILTER (WHERE r.is_good),
              CASE WHEN avg(r.is_good::integer) < 0.8 THEN 'red' WHEN avg(r.is_good::integer) < 1 THEN 'amber'
                   ELSE 'green' END,
              CASE WHEN count(*) = 0 THEN 'no run before the latest'
                   ELSE round(100 * avg(r.is_good::integer)) || ' %% of the ' || count(*) || ' runs before the latest'
                        || COALESCE(', other: ' || _portfolio_batch.audit_names(array_agg(r.run_id || ' ' || r.status)
                                                     FILTER (WHERE NOT r.is_good)), '') END
       FROM (SELECT r.run_id, r.status, r.status IN ('success', 'skipped') AS is_good FROM run AS r WHERE r.place > 1)
         AS r
     $query$)),
    -- The commonest first. Red when the newest run has the error too.
    ('errors', 'errors', 'kinds of error', _portfolio_batch.audit_query_of_runs($query$
       SELECT j.job_name || COALESCE(' ' || j.sqlstate, ''), 0, count(*),
              CASE WHEN bool_or(r.place = 1) THEN 'red' ELSE 'amber' END,
              COALESCE((array_agg(j.error_message ORDER BY j.run_id DESC, j.job_no))[1], 'without a message')
              || '; last in run ' || max(j.run_id)
       FROM %1$I.batch_jobs AS j
       JOIN run AS r USING (run_id)
       WHERE j.status IN ('failed', 'blocked') OR j.sqlstate IS NOT NULL
       GROUP BY j.job_name, j.sqlstate
     $query$)),
    -- A run whose session is gone will never end.
    ('open runs', 'runs', 'runs', $query$
       SELECT 'run ' || r.run_id, 1, (a.pid IS NOT NULL)::integer, CASE WHEN a.pid IS NULL THEN 'red' ELSE 'green' END,
              CASE WHEN a.pid IS NULL THEN 'its session is gone; begun ' || r.started_at END
       FROM %1$I.batch_runs AS r
       LEFT JOIN pg_stat_activity AS a
         ON a.pid = r.backend_pid AND (a.backend_start IS NULL OR a.backend_start = r.backend_start)
       WHERE r.status = 'running'
     $query$),
    ('schedules', 'schedules', 'schedules', $query$
       SELECT s.schedule_name, 1, (NOT o.is_overdue)::integer, CASE WHEN o.is_overdue THEN 'amber' ELSE 'green' END,
              CASE WHEN o.is_overdue THEN 'was due ' || s.next_run END
       FROM %1$I.batch_job_schedules AS s
       CROSS JOIN LATERAL (SELECT COALESCE(s.next_run < now() - interval '1 day', false) AS is_overdue) AS o
       WHERE s.enabled
     $query$),
    -- Prices that wait for a decision: what is stored is used meanwhile, or nothing.
    ('quarantined prices', 'prices', 'symbols', $query$
       SELECT q.symbol, count(*), 0, 'amber',
              count(*) || ' from ' || min(q.date) || ' to ' || max(q.date) || ': '
              || string_agg(DISTINCT q.gate, ', ' ORDER BY q.gate)
       FROM %1$I.price_quarantine AS q
       WHERE q.status = 'open'
       GROUP BY q.symbol
     $query$),
    -- The newest of each kind: red where it broke off, amber where it did not get all, or where nothing was collected
    -- for the session although a source is switched on.
    ('collections', 'collections', 'kinds of collection', $query$
       SELECT w.kind, 1, (c.status = 'success' AND NOT w.is_late)::integer,
              CASE WHEN c.status IN ('failed', 'lost', 'cancelled') THEN 'red'
                   WHEN c.status = 'partial' OR w.is_late THEN 'amber' ELSE 'green' END,
              CASE WHEN c.status IN ('success', 'running') AND NOT w.is_late THEN NULL
                   ELSE 'collection ' || c.collection_id || ' of ' || c.started_at::date || ': ' || c.status
                        || CASE WHEN w.is_late THEN ', for ' || COALESCE(c.target_date::text, 'no session') ELSE '' END
                        || COALESCE(', ' || c.error_message, '') END
       FROM (SELECT DISTINCT ON (n.kind) n.* FROM %1$I.collections AS n ORDER BY n.kind, n.collection_id DESC) AS c
       CROSS JOIN LATERAL (
         SELECT c.kind, c.kind = 'market_data' AND COALESCE(c.target_date < $1, true)
                        AND (EXISTS (SELECT FROM %1$I.price_sources AS s WHERE s.kind = 'prices' AND s.is_enabled)
                             OR EXISTS (SELECT FROM %1$I.provider_priority AS p
                                        WHERE p.kind = 'prices' AND p.is_enabled)) AS is_late) AS w
     $query$),
    ('providers', 'providers', 'providers', $query$
       SELECT p.provider, 1, (NOT o.is_closed)::integer, CASE WHEN o.is_closed THEN 'amber' ELSE 'green' END,
              CASE WHEN o.is_closed THEN 'not asked before ' || t.closed_until || COALESCE(': ' || t.reason, '') END
       FROM (SELECT DISTINCT r.provider FROM %1$I.provider_priority AS r WHERE r.is_enabled) AS p
       JOIN %1$I.provider_state AS t USING (provider)
       CROSS JOIN LATERAL (SELECT COALESCE(t.closed_until > now(), false) AS is_closed) AS o
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_batch() IS
  'Checks of the log of runs, of the schedules and of collections: name, what is counted, what is looked at, query.';

-- A key that a unique index guards cannot be there twice; only adopted tables can lack one.
CREATE FUNCTION _portfolio_batch.audit_duplicate_keys(session_date date)
RETURNS TABLE (table_name text, key_columns text, duplicates bigint)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  absent        CONSTANT text[] := _portfolio_batch.absent_tables();
  is_guarded    boolean;
  is_dated      boolean;
BEGIN
  FOR table_name, key_columns, is_guarded, is_dated IN
    SELECT k.table_name, k.key_columns,
           EXISTS (SELECT FROM pg_index AS i
                   WHERE i.indrelid = to_regclass(format('%I.%I', tables_schema, k.table_name))
                     AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
                     AND (SELECT bool_and(a.attname = ANY (string_to_array(k.key_columns, ', '))
                                          AND (a.attnotnull OR i.indnullsnotdistinct))
                          FROM pg_attribute AS a
                          WHERE a.attrelid = i.indrelid
                            AND a.attnum = ANY ((i.indkey::smallint[])[0 : i.indnkeyatts - 1]))),
           'calculation_date' = ANY (string_to_array(k.key_columns, ', '))
    FROM (SELECT d.table_name, d.ordinal, substring(d.modifiers FROM 'PRIMARY KEY [(]([^)]*)[)]') AS key_columns
          FROM @extschema@.analytics_columns() AS d
          WHERE d.column_name IS NULL AND d.data_type <> 'view') AS k
    WHERE k.key_columns IS NOT NULL AND k.table_name <> ALL (absent)
    ORDER BY k.ordinal
  LOOP
    duplicates := 0;
    IF NOT is_guarded THEN
      EXECUTE format('SELECT COALESCE(sum(k.rows - 1), 0) FROM (SELECT count(*) AS rows FROM %I.%I AS r WHERE %s '
                     'GROUP BY %s) AS k', tables_schema, table_name,
                     CASE WHEN is_dated THEN 'r.calculation_date = $1' ELSE 'true' END, key_columns)
         INTO duplicates USING session_date;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_duplicate_keys(date) IS
  'Rows beyond the first of each natural key, by table; where a unique index guards the key there is nothing to count. '
  'Of results with a calculation_date only those of the session.';

-- Results have no foreign keys. Those that belong to no portfolio are looked for in all history, by hopping from one
-- portfolio to the next in the index; those that belong to no lot or scenario among the results of the session.
CREATE FUNCTION _portfolio_batch.audit_orphans(parent text, session_date date, portfolio_ids uuid[])
RETURNS TABLE (table_name text, orphans bigint)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  query         CONSTANT text := CASE parent
    WHEN 'portfolio' THEN
      'WITH RECURSIVE hop (id) AS ('
      '(SELECT r.portfolio_id FROM %1$I.%2$I AS r ORDER BY r.portfolio_id LIMIT 1) UNION ALL '
      'SELECT (SELECT r.portfolio_id FROM %1$I.%2$I AS r WHERE r.portfolio_id > hop.id '
      'ORDER BY r.portfolio_id LIMIT 1) FROM hop WHERE hop.id IS NOT NULL) '
      'SELECT count(*) FROM %1$I.%2$I AS r WHERE r.portfolio_id IN (SELECT hop.id FROM hop '
      'WHERE NOT EXISTS (SELECT FROM %1$I.portfolios AS p WHERE p.id = hop.id))'
    WHEN 'position' THEN
      'SELECT count(*) FROM %1$I.%2$I AS r CROSS JOIN LATERAL unnest(%3$s) AS e (id) '
      'WHERE r.portfolio_id = ANY ($2) AND r.calculation_date = $1 '
      'AND NOT EXISTS (SELECT FROM %1$I.positions AS p WHERE p.portfolio_id = r.portfolio_id AND p.id = e.id) '
      -- Nor is it what a corporate action spun off.
      'AND NOT EXISTS (SELECT FROM @extschema@.lot_history(r.portfolio_id) AS h WHERE h.position_id = e.id)'
    WHEN 'scenario' THEN
      'SELECT count(*) FROM %1$I.%2$I AS r CROSS JOIN LATERAL unnest(%3$s) AS e (id) '
      'WHERE r.portfolio_id = ANY ($2) AND r.calculation_date = $1 '
      'AND NOT EXISTS (SELECT FROM %1$I.stress_test_scenarios AS s WHERE s.scenario_id = e.id)' END;
  child         record;
BEGIN
  -- What belongs to no portfolio, as the moves of a scenario, is everybody's.
  FOR child IN
    SELECT t.table_name, CASE WHEN c.column_name = parent || '_id' THEN format('ARRAY[r.%I]', c.column_name)
                              ELSE format('r.%I', c.column_name) END AS ids
    FROM @extschema@.analytics_columns() AS t
    JOIN @extschema@.analytics_columns() AS c
      ON c.table_name = t.table_name AND c.column_name IN (parent || '_id', parent || '_ids')
    JOIN @extschema@.analytics_columns() AS o ON o.table_name = t.table_name AND o.column_name = 'portfolio_id'
    WHERE t.column_name IS NULL AND t.data_type = 'result' AND t.table_name <> ALL (_portfolio_batch.absent_tables())
    ORDER BY t.ordinal
  LOOP
    table_name := child.table_name;
    EXECUTE format(query, tables_schema, child.table_name, child.ids) INTO orphans USING session_date, portfolio_ids;
    RETURN NEXT;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_orphans(text, date, uuid[]) IS
  'Rows of result tables whose parent does not exist, by table. parent: portfolio (all history), position or scenario '
  '(of the session and the portfolios).';

CREATE FUNCTION _portfolio_batch.audit_checks_duplicates()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('keys', 'duplicates', 'tables', $query$
       SELECT k.table_name, 0, k.duplicates, CASE WHEN k.duplicates > 0 THEN 'red' ELSE 'green' END,
              CASE WHEN k.duplicates > 0 THEN 'key ' || k.key_columns END
       FROM _portfolio_batch.audit_duplicate_keys($1) AS k
     $query$),
    -- What no key catches: nothing forbids it, and it is hardly meant.
    ('lots', 'duplicates', 'lots', $query$
       SELECT b.name || ' ' || p.symbol, 0, count(*) - 1, 'amber',
              count(*) || ' lots of ' || trim_scale(p.quantity) || ' at ' || trim_scale(p.entry_price) || ' on '
              || p.entry_date
       FROM book AS b
       JOIN %1$I.positions AS p USING (portfolio_id)
       WHERE p.deleted_at IS NULL AND p.entry_date <= $1
       GROUP BY b.portfolio_id, b.name, p.symbol, p.position_type, p.entry_date, p.entry_price, p.quantity
       HAVING count(*) > 1
     $query$),
    ('closing trades', 'duplicates', 'trades', $query$
       SELECT b.name || ' ' || p.symbol, 0, count(*) - 1, 'amber',
              count(*) || ' closings of ' || trim_scale(e.quantity_closed) || ' at ' || trim_scale(e.exit_price)
              || ' on ' || e.trade_date
       FROM book AS b
       JOIN %1$I.position_realized_events AS e USING (portfolio_id)
       JOIN %1$I.positions AS p ON p.portfolio_id = e.portfolio_id AND p.id = e.position_id AND p.deleted_at IS NULL
       WHERE e.trade_date <= $1
       GROUP BY b.portfolio_id, b.name, p.symbol, e.position_id, e.trade_date, e.quantity_closed, e.exit_price
       HAVING count(*) > 1
     $query$),
    ('capital flows', 'duplicates', 'flows', $query$
       SELECT b.name, 0, count(*) - 1, 'amber',
              count(*) || ' of ' || e.change_type || ' ' || trim_scale(e.amount) || ' on ' || e.change_date
       FROM book AS b
       JOIN %1$I.equity_changes AS e USING (portfolio_id)
       WHERE e.deleted_at IS NULL AND e.change_date <= $1
       GROUP BY b.portfolio_id, b.name, e.change_type, e.amount, e.change_date
       HAVING count(*) > 1
     $query$),
    ('portfolios', 'duplicates', 'names', $query$
       SELECT p.name, 0, count(*) - 1, 'amber', count(*) || ' active portfolios of one owner have this name'
       FROM %1$I.portfolios AS p
       WHERE p.id = ANY ($2)
       GROUP BY p.name, p.owner
       HAVING count(*) > 1
     $query$),
    ('scenarios', 'duplicates', 'names', $query$
       SELECT s.name, 0, count(*) - 1, 'amber', 'active: ' || _portfolio_batch.audit_names(array_agg(s.scenario_id))
       FROM %1$I.stress_test_scenarios AS s
       WHERE s.active
       GROUP BY s.name
       HAVING count(*) > 1
     $query$)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_duplicates() IS
  'Checks of what is there twice: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks_orphans()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  SELECT o.parent || 's', 'orphans', 'tables', replace($query$
       SELECT o.table_name, 0, o.orphans, CASE WHEN o.orphans > 0 THEN 'red' ELSE 'green' END,
              CASE WHEN o.orphans > 0 THEN 'of no <parent> that exists' END
       FROM _portfolio_batch.audit_orphans('<parent>', $1, $2) AS o
       WHERE $3 OR '<parent>' <> 'portfolio'
     $query$, '<parent>', o.parent)
  FROM unnest(ARRAY['portfolio', 'position', 'scenario']) WITH ORDINALITY AS o (parent, place)
  ORDER BY o.place
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_orphans() IS
  'Checks of results without what they are results of: name, what is counted, what is looked at, query. Those of no '
  'portfolio are looked for only when every portfolio is audited.';

CREATE FUNCTION _portfolio_batch.audit_checks_objects()
RETURNS TABLE (check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $checks$
  VALUES
    ('tables', 'objects', 'objects', $query$
       SELECT d.table_name, 1, (a.table_name IS NULL)::integer,
              CASE WHEN a.table_name IS NULL THEN 'green' ELSE 'red' END,
              CASE WHEN a.table_name IS NOT NULL THEN 'table missing' END
       FROM @extschema@.analytics_columns() AS d
       LEFT JOIN unnest(_portfolio_batch.absent_tables()) AS a (table_name) USING (table_name)
       WHERE d.column_name IS NULL
     $query$)
  UNION ALL
  (SELECT c.name, 'objects', 'objects', replace($query$
       SELECT f.what || ' ' || f.object, 0, count(*), 'red', string_agg(f.culprit, ', ')
       FROM _portfolio_batch.foreign_objects(_portfolio_batch.tables_schema()) AS f
       WHERE <which>
       GROUP BY f.what, f.object
     $query$, '<which>', c.which)
  FROM (VALUES (1, 'owners', 'f.culprit LIKE ''belongs to %%'''), (2, 'functions', 'f.culprit LIKE ''uses %%'''))
    AS c (place, name, which)
  ORDER BY c.place)
$checks$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks_objects() IS
  'Checks that every table and view is there, and of what foreign_objects finds, relations of other roles and what '
  'uses their functions: name, what is counted, what is looked at, query.';

CREATE FUNCTION _portfolio_batch.audit_checks()
RETURNS TABLE (section text, check_name text, counted text, entities text, query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT c.section, c.check_name, c.counted, c.entities, c.query
  FROM (      SELECT 1, 'market data', m.*        FROM _portfolio_batch.audit_checks_market_data() WITH ORDINALITY AS m
    UNION ALL SELECT 2, 'profiles', p.*           FROM _portfolio_batch.audit_checks_profiles() WITH ORDINALITY AS p
    UNION ALL SELECT 3, 'snapshots', s.*          FROM _portfolio_batch.audit_checks_snapshots() WITH ORDINALITY AS s
    UNION ALL SELECT 4, 'greeks', g.*             FROM _portfolio_batch.audit_checks_greeks() WITH ORDINALITY AS g
    UNION ALL SELECT 5, 'factor exposures', f.*
              FROM _portfolio_batch.audit_checks_factor_exposures() WITH ORDINALITY AS f
    UNION ALL SELECT 6, 'rate betas', r.*         FROM _portfolio_batch.audit_checks_rate_betas() WITH ORDINALITY AS r
    UNION ALL SELECT 7, 'volatility', v.*         FROM _portfolio_batch.audit_checks_volatility() WITH ORDINALITY AS v
    UNION ALL SELECT 8, 'correlations', c.*       FROM _portfolio_batch.audit_checks_correlations() WITH ORDINALITY AS c
    UNION ALL SELECT 9, 'stress tests', t.*       FROM _portfolio_batch.audit_checks_stress_tests() WITH ORDINALITY AS t
    UNION ALL SELECT 10, 'batch', b.*             FROM _portfolio_batch.audit_checks_batch() WITH ORDINALITY AS b
    UNION ALL SELECT 11, 'duplicates', d.*        FROM _portfolio_batch.audit_checks_duplicates() WITH ORDINALITY AS d
    UNION ALL SELECT 12, 'orphans', o.*           FROM _portfolio_batch.audit_checks_orphans() WITH ORDINALITY AS o
    UNION ALL SELECT 13, 'objects', x.*           FROM _portfolio_batch.audit_checks_objects() WITH ORDINALITY AS x
  ) AS c (section_place, section, check_name, counted, entities, query, place)
  ORDER BY c.section_place, c.place
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_checks() IS
  'The checks of batch_audit by section, in order: name, what is counted (counted), what is looked at (entities), and '
  'the query, whose rules are those that batch_audit states.';

-- The audit ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.audit_day(OUT day date, OUT latest date)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
BEGIN
  latest := @extschema@.latest_closed_session();
  EXECUTE format($query$
    SELECT max(t.session_date)
    FROM (SELECT n.date
          FROM %1$I.portfolios AS p
          CROSS JOIN LATERAL (SELECT max(s.snapshot_date) FROM %1$I.portfolio_snapshots AS s
                              WHERE s.portfolio_id = p.id AND s.snapshot_date <= $1) AS n (date)
          UNION ALL
          SELECT max(m.date) FROM %1$I.market_data_cache AS m
          WHERE m.symbol = current_setting('portfolio_batch.market_symbol') AND m.date <= $1) AS newest (date)
    JOIN %1$I.trading_sessions AS t ON t.session_date = newest.date
    WHERE t.calendar = current_setting('portfolio_batch.calendar')
      -- What a schedule keeps up to date is late, however late it is.
      AND NOT EXISTS (SELECT FROM %1$I.batch_job_schedules AS s WHERE s.enabled)
    HAVING (SELECT count(*) FROM %1$I.trading_sessions AS c
            WHERE c.calendar = current_setting('portfolio_batch.calendar')
              AND c.session_date > max(t.session_date) AND c.session_date <= $1)
           > current_setting('portfolio_batch.max_stale_sessions')::integer
  $query$, tables_schema) INTO day USING latest;
  day := COALESCE(day, latest);
END
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_day() IS
  'The session that is audited when none is named, and the latest closed one. They differ for historical data alone: '
  'where no schedule is in force, and neither a snapshot nor a price of the market is younger than '
  'portfolio_batch.max_stale_sessions, it is the newest session that has one of them.';

CREATE FUNCTION _portfolio_batch.audit_missing_table(section text, check_name text, query text, absent text[])
RETURNS TABLE (finding_section text, entity text, finding_check text, expected text, actual text, status text,
               detail text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT section, 'all', check_name, NULL, NULL, 'red',
         'table missing: ' || _portfolio_batch.audit_names(COALESCE(
           array_agg(a.name) FILTER (WHERE query ~ (E'%1\\$I[.]' || a.name || E'\\M')), absent))
  FROM unnest(absent) AS a (name)
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_missing_table(text, text, text, text[]) IS
  'The row of a check that cannot be made because tables are missing, with those that its query names, else with all '
  'that are.';

CREATE FUNCTION _portfolio_batch.audit_findings_as_owner(as_of date, portfolio_ids uuid[])
RETURNS TABLE (section text, entity text, "check" text, expected text, actual text, status text, detail text)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  named         CONSTANT integer := 20;  -- entities that fail and are named; the rest is counted
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  absent        CONSTANT text[] := _portfolio_batch.absent_tables();
  every         CONSTANT boolean := portfolio_ids IS NULL;
  day           date := as_of;
  latest        date := as_of;
  audited       uuid[];
  names         text[];
  starts        date[];
  holders       uuid[];
  lots          uuid[];
  symbols       text[];
  types         text[];
  classes       text[];
  item          record;
BEGIN
  BEGIN
    IF as_of IS NULL THEN
      SELECT d.day, d.latest INTO day, latest FROM _portfolio_batch.audit_day() AS d;
    END IF;
    -- Refuses a day that is no closed session, unknown portfolios, and a schema without the tables.
    PERFORM FROM @extschema@.market_data_coverage(day, portfolio_ids);

    EXECUTE format($query$
      SELECT array_agg(b.id ORDER BY b.id), array_agg(b.name ORDER BY b.id), array_agg(b.start_date ORDER BY b.id)
      FROM (SELECT p.id, COALESCE(p.inception_date, f.date) AS start_date,
                   p.name || CASE WHEN count(*) OVER (PARTITION BY p.name) > 1 THEN ' (' || p.id || ')' ELSE '' END
                     AS name
            FROM %1$I.portfolios AS p
            LEFT JOIN (SELECT l.portfolio_id, min(l.entry_date) AS date FROM %1$I.positions AS l
                       WHERE l.deleted_at IS NULL GROUP BY l.portfolio_id) AS f ON f.portfolio_id = p.id
            WHERE p.deleted_at IS NULL AND CASE WHEN $2 THEN p.is_active ELSE p.id = ANY ($3) END) AS b
      WHERE b.start_date <= $1
    $query$, tables_schema) INTO audited, names, starts USING day, every, portfolio_ids;
    audited := COALESCE(audited, '{}');

    SELECT array_agg(l.portfolio_id), array_agg(l.position_id), array_agg(l.symbol), array_agg(l.position_type),
           array_agg(l.investment_class)
      INTO holders, lots, symbols, types, classes
      FROM @extschema@.positions_asof(day, audited) AS l;
  EXCEPTION WHEN undefined_table THEN
    -- Every check asks for a table that is gone. Without any table there is nothing to audit.
    IF cardinality(absent) IN (0, (SELECT count(*) FROM @extschema@.analytics_columns() AS d
                                   WHERE d.column_name IS NULL)) THEN
      RAISE;
    END IF;
    RETURN QUERY SELECT 'objects', a.name, 'tables', '1', '0', 'red', 'table missing' FROM unnest(absent) AS a (name);
    RETURN;
  END;
  IF day <> latest THEN
    RETURN QUERY
      SELECT 'market data', 'all', 'session', '0', count(*)::text, 'amber',
             format('as of %s, the newest session with data; the latest closed one is %s', day, latest)
      FROM @extschema@.sessions_between(day + 1, latest);
  END IF;

  FOR item IN SELECT c.* FROM _portfolio_batch.audit_checks() AS c LOOP
    -- Without a portfolio nothing of one is missing.
    IF audited = '{}' AND (item.section NOT IN ('batch', 'duplicates', 'orphans', 'objects')
                           OR item.check_name = 'latest run') THEN
      RETURN QUERY SELECT item.section, 'all', item.check_name, '0', '0', 'grey',
                          format('no portfolio has begun by %s', day);
      CONTINUE;
    END IF;
    BEGIN
      RETURN QUERY EXECUTE
        'WITH book AS (SELECT * FROM unnest($2, $4, $5) AS b (portfolio_id, name, start_date)), '
        'lot AS (SELECT * FROM unnest($6, $7, $8, $9, $10) '
        'AS l (portfolio_id, position_id, symbol, position_type, investment_class)), '
        'examined (entity, expected, actual, status, detail) AS MATERIALIZED ('
        || format(item.query, tables_schema) || $query$
        ), graded AS (
          SELECT e.*, e.status = 'green' AS is_healthy,
                 CASE WHEN e.status <> 'green' THEN
                   row_number() OVER (ORDER BY array_position(ARRAY['red', 'amber', 'green'], e.status),
                                               abs(e.expected - e.actual) DESC, e.entity COLLATE "C") END AS place
          FROM examined AS e
        )
        SELECT $11, o.entity, $12, trim_scale(o.expected::numeric)::text, trim_scale(o.actual::numeric)::text, o.status,
               o.detail
        FROM (SELECT g.place, COALESCE(g.entity, 'all') AS entity, g.expected, g.actual, g.status, g.detail
              FROM graded AS g
              WHERE g.place <= $15
              UNION ALL
              SELECT $15 + 1, count(*) || ' more ' || $14, sum(g.expected), sum(g.actual),
                     _portfolio_batch.audit_worst(array_agg(g.status)), NULL
              FROM graded AS g
              WHERE g.place > $15
              HAVING count(*) > 0
              UNION ALL
              -- One row for all that is well, with what there is to say of it when that is short.
              SELECT $15 + 2, CASE WHEN count(*) = (SELECT count(*) FROM graded) THEN 'all' ELSE 'all others' END,
                     COALESCE(sum(g.expected), 0), COALESCE(sum(g.actual), 0),
                     CASE WHEN $2 = '{}' AND $11 <> 'objects' AND COALESCE(sum(g.expected + g.actual), 0) = 0
                          THEN 'grey' ELSE 'green' END,
                     NULLIF(concat_ws('; ', CASE WHEN count(g.entity) > 0
                                                 THEN $13 || ' of ' || count(*) || ' ' || $14 END,
                                      CASE WHEN min(g.detail) = max(g.detail) THEN min(g.detail)
                                           WHEN count(*) <= 5 THEN string_agg(g.entity || ': ' || g.detail, '; '
                                                                              ORDER BY g.entity COLLATE "C") END), '')
              FROM graded AS g
              WHERE g.is_healthy
              HAVING count(*) > 0 OR NOT EXISTS (SELECT FROM graded)) AS o
        ORDER BY o.place
        $query$
        USING day, audited, every, names, starts, holders, lots, symbols, types, classes, item.section, item.check_name,
              item.counted, item.entities, named;
    EXCEPTION WHEN undefined_table THEN
      IF absent = '{}' THEN
        RAISE;
      END IF;
      RETURN QUERY SELECT m.* FROM _portfolio_batch.audit_missing_table(item.section, item.check_name, item.query,
                                                                        absent) AS m;
    END;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.audit_findings_as_owner(date, uuid[]) IS
  'What batch_audit finds in the tables. A part of it.';

CREATE FUNCTION _portfolio_batch.chosen_portfolios(portfolio_ids uuid[], portfolio_id uuid) RETURNS uuid[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  IF portfolio_ids IS NOT NULL AND portfolio_id IS NOT NULL THEN
    RAISE EXCEPTION 'portfolio_ids and portfolio_id are both given'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass one of them, or neither for every active portfolio.';
  END IF;
  RETURN CASE WHEN portfolio_id IS NULL THEN portfolio_ids ELSE ARRAY[portfolio_id] END;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.chosen_portfolios(uuid[], uuid) IS
  'Whom a function is asked for by its arguments portfolio_ids and portfolio_id; NULL for everybody. Error: 22023 when '
  'both are given.';

-- Whose tables they are is told from the catalogs by the caller, whom the tables themselves may be closed to.
CREATE FUNCTION _portfolio_batch.batch_audit_as_caller(as_of date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                                       portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (section text, entity text, "check" text, expected text, actual text, status text, detail text)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
BEGIN
  PERFORM _portfolio_batch.require_finite('as_of', as_of);
  portfolio_ids := _portfolio_batch.chosen_portfolios(portfolio_ids, portfolio_id);
  IF NOT _portfolio_batch.is_refused_as_superuser(tables_schema) THEN
    RETURN QUERY SELECT f.* FROM _portfolio_batch.audit_findings(as_of, portfolio_ids) AS f;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT 'objects', f.what || ' ' || f.object,
           CASE WHEN f.culprit LIKE 'belongs to %' THEN 'owners' ELSE 'functions' END, '0', '1', 'red', f.culprit
    FROM _portfolio_batch.foreign_objects(tables_schema) AS f;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.batch_audit_as_caller(date, uuid[], uuid) IS
  'Audits what is stored as of a closed session (default: the latest; of historical data, which no schedule keeps up '
  'to date, the newest session there is, which an amber row names) for portfolios (default: every active one): '
  'market data, profiles, snapshots and the equity chain, Greeks, factor exposures, rate betas, volatility, '
  'correlations, stress tests, the log, duplicates, orphans, objects of other roles. For each check one row per '
  'entity that fails, worst first, at most 20 by name and one for the rest, and one row (all, all others) for what is'
  ' well. expected and actual: how many there should be and are, of what the check counts: results, closes, sessions,'
  ' orphans. status: green; amber, usable but look; red, missing or wrong; grey, no portfolio to look at. A table that '
  'is missing is red by name (section objects, check tables), and so is each check that needs it. A figure '
  'that is NULL with a reason is not missing; options and private assets need no prices. When the tables have '
  'several owners, a superuser gets the section objects alone, since nothing is read then. Reads only; set-based: the '
  'number of statements depends on that of the checks alone. Errors: 22023 for a date that is no closed session, '
  '22008 for an infinite one, 42704 for an unknown portfolio, 42P01 when there is no table at all, 42501 without the '
  'right to read the tables.';

CREATE FUNCTION _portfolio_batch.batch_audit_summary_as_caller(as_of date DEFAULT NULL,
                                                              portfolio_ids uuid[] DEFAULT NULL,
                                                               portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (section text, status text, green bigint, amber bigint, red bigint, detail text)
LANGUAGE sql STABLE ROWS 14
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH line AS MATERIALIZED (
    SELECT a.*, array_position(ARRAY['grey', 'green', 'amber', 'red'], a.status) AS badness
    FROM @extschema@.batch_audit($1, $2, $3) WITH ORDINALITY
      AS a (section, entity, check_name, expected, actual, status, detail, place)
  ), by_check AS (
    SELECT l.section, l.check_name, min(l.place) AS place, _portfolio_batch.audit_worst(array_agg(l.status)) AS status,
           max(l.badness) AS badness,
           (array_agg(CASE WHEN l.status = 'grey' THEN 'no portfolio to look at'
                           ELSE concat_ws('; ', l.check_name || ', ' || l.entity
                                                || COALESCE(': ' || l.actual || ' of ' || l.expected, ''), l.detail) END
                      ORDER BY l.badness DESC, l.place))[1] AS detail
    FROM line AS l
    GROUP BY l.section, l.check_name
  ), by_section AS (
    SELECT c.section, min(c.place) AS place, _portfolio_batch.audit_worst(array_agg(c.status)) AS status,
           count(*) FILTER (WHERE c.status = 'green') AS green, count(*) FILTER (WHERE c.status = 'amber') AS amber,
           count(*) FILTER (WHERE c.status = 'red') AS red,
           (array_agg(c.detail ORDER BY c.badness DESC, c.place) FILTER (WHERE c.status <> 'green'))[1] AS detail
    FROM by_check AS c
    GROUP BY c.section
  )
  SELECT r.section, r.status, r.green, r.amber, r.red, r.detail
  FROM (SELECT s.section, s.place, s.status, s.green, s.amber, s.red, CASE WHEN s.status <> 'green' THEN s.detail END
        FROM by_section AS s
        UNION ALL
        SELECT 'verdict', NULL, v.status, v.green, v.amber, v.red,
               CASE WHEN NOT v.is_audited THEN 'NOT AUDITED'
                    WHEN v.status = 'grey' THEN 'NOTHING TO AUDIT'
                    WHEN (SELECT sum(l.actual::numeric) FROM line AS l
                          WHERE (l.section, l.check_name) IN (('snapshots', 'sessions'), ('batch', 'latest run'),
                                                              ('batch', 'success rate'))) = 0
                    THEN 'NO BATCH CALCULATIONS'
                    WHEN v.is_partial THEN 'PARTIAL'
                    WHEN v.status = 'red' THEN 'FAULTS FOUND'
                    WHEN EXISTS (SELECT FROM line AS l WHERE (l.section, l.check_name) = ('market data', 'session'))
                    THEN 'HISTORICAL DATA IS COMPLETE'
                    ELSE 'BATCH CALCULATIONS ARE RUNNING' END
        FROM (SELECT CASE WHEN w.status = 'green' AND w.is_empty THEN 'grey' ELSE w.status END AS status, w.green,
                     w.amber, w.red, w.is_audited, w.is_partial
              FROM (SELECT _portfolio_batch.audit_worst(array_agg(s.status)) AS status, sum(s.green) AS green,
                           sum(s.amber) AS amber, sum(s.red) AS red, bool_or(s.section = 'snapshots') AS is_audited,
                           bool_or(s.section = 'snapshots' AND s.status = 'grey') AS is_empty,
                           bool_or(s.status = 'red' AND s.section IN ('snapshots', 'factor exposures', 'correlations'))
                             AS is_partial
                    FROM by_section AS s) AS w) AS v) AS r (section, place, status, green, amber, red, detail)
  ORDER BY r.place
$$;

COMMENT ON FUNCTION _portfolio_batch.batch_audit_summary_as_caller(date, uuid[], uuid) IS
  'batch_audit for a screen: one row per section with its worst status, how many of its checks are green, amber and '
  'red, and what is worst (NULL when all is well). The last is the verdict, the worst of all rows, titled BATCH '
  'CALCULATIONS ARE RUNNING when none is red (HISTORICAL DATA IS COMPLETE where the session is the newest one of '
  'historical data); PARTIAL when a check of snapshots, factor exposures or correlations is, of whichever portfolio; '
  'FAULTS FOUND when only others are; NO BATCH CALCULATIONS when there is neither a snapshot nor a run that succeeded; '
  'NOTHING TO AUDIT, grey, without a portfolio; NOT AUDITED when the tables have several owners and the caller is a '
  'superuser, or when a table is missing that every check needs. Arguments and errors as for batch_audit.';
