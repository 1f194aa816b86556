-- What a portfolio would be with other trades. The engines write what they compute, so they run in a subtransaction
-- that is rolled back whatever happens, on the portfolio itself with the trades entered: there is one way to compute.

CREATE FUNCTION _portfolio_batch.what_if_figures(portfolio_id uuid, calculation_date date)
RETURNS TABLE (n bigint, section text, figure text, unit text, value double precision, reason text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    WITH snapshot AS (
      SELECT s.*, CASE WHEN s.total_value > 0 THEN s.total_value END AS positive
      FROM %1$I.portfolio_snapshots AS s WHERE s.portfolio_id = $1 AND s.snapshot_date = $2
    ), lot AS (
      -- As the sectors are: by delta where it is known, else by value.
      SELECT COALESCE(l.exposure, l.market_value / 10000.0) AS exposure, l.reason
      FROM %1$I.portfolio_holdings AS h
      CROSS JOIN LATERAL unnest(h.quantities, h.exposures, h.market_values, h.reasons)
        AS l (quantity, exposure, market_value, reason)
      WHERE h.portfolio_id = $1 AND h.calculation_date = $2 AND l.quantity <> 0
    ), by_delta AS (
      SELECT COALESCE(sum(l.exposure ORDER BY l.exposure) FILTER (WHERE l.exposure > 0), 0) AS long,
             COALESCE(sum(l.exposure ORDER BY l.exposure) FILTER (WHERE l.exposure < 0), 0) AS short,
             min(l.reason) FILTER (WHERE l.reason = 'option_without_delta') AS reason
      FROM lot AS l
    ), exposure AS (
      SELECT v.* FROM snapshot AS s CROSS JOIN by_delta AS d
      CROSS JOIN LATERAL (VALUES
        (1, 'exposure', 'long',  s.total_long::double precision, NULL::text),
        (2, 'exposure', 'short', s.total_short, NULL),
        (3, 'exposure', 'gross', s.gross_exposure, NULL),
        (4, 'exposure', 'net',   s.net_exposure, NULL),
        (5, 'exposure by delta', 'long',  d.long, d.reason),
        (6, 'exposure by delta', 'short', d.short, d.reason),
        (7, 'exposure by delta', 'gross', d.long - d.short, d.reason),
        (8, 'exposure by delta', 'net',   d.long + d.short, d.reason)) AS v (i, section, figure, amount, reason)
    ), figure AS (
      SELECT 100 + v.i AS n, 'value' AS section, v.figure, 'currency' AS unit, v.amount AS value, NULL::text AS reason
      FROM snapshot AS s
      CROSS JOIN LATERAL (VALUES (1, 'net_asset_value', s.total_value::double precision),
                                 (2, 'cash', s.cash_value), (3, 'market_value', s.total_market_value))
        AS v (i, figure, amount)
      UNION ALL
      SELECT 200 + 2 * e.i + u.j, e.section, e.figure, u.unit,
             CASE u.j WHEN 0 THEN e.amount ELSE e.amount / s.positive::double precision END,
             CASE WHEN u.j = 1 AND s.positive IS NULL THEN 'no_equity' ELSE e.reason END
      FROM exposure AS e CROSS JOIN snapshot AS s CROSS JOIN (VALUES (0, 'currency'), (1, 'of equity')) AS u (j, unit)
      UNION ALL
      SELECT 300 + v.i, 'concentration', v.figure, v.unit, v.value,
             CASE WHEN v.value IS NULL THEN s.concentration_reason END
      FROM snapshot AS s
      CROSS JOIN LATERAL (VALUES (1, 'hhi', 'points', s.hhi),
                                 (2, 'effective_positions', 'positions', s.effective_positions),
                                 (3, 'top_3', 'share', s.top_3_concentration),
                                 (4, 'top_10', 'share', s.top_10_concentration)) AS v (i, figure, unit, value)
      UNION ALL
      SELECT 400 + row_number() OVER (ORDER BY e.sector COLLATE "C", u.j), 'sectors', e.sector || u.of, 'of equity',
             (e.weights ->> u.name)::double precision, NULL
      FROM snapshot AS s CROSS JOIN LATERAL jsonb_each(s.sector_exposure) AS e (sector, weights)
      CROSS JOIN (VALUES (1, 'net', ' net'), (2, 'gross', ' gross')) AS u (j, name, of)
      UNION ALL
      SELECT 1000 + row_number() OVER (ORDER BY CASE f.model WHEN 'market' THEN 1 WHEN 'rate' THEN 2 WHEN 'ridge' THEN 3
                                                 ELSE 4 END, f.factor <> 'market', f.factor COLLATE "C", u.j),
             'factors', f.model || ' ' || f.factor, u.unit,
             CASE u.j WHEN 1 THEN f.exposure_value ELSE f.exposure_dollar END,
             CASE WHEN CASE u.j WHEN 1 THEN f.exposure_value ELSE f.exposure_dollar END IS NULL THEN f.reason END
      FROM %1$I.portfolio_factor_exposures AS f CROSS JOIN (VALUES (1, 'beta'), (2, 'currency')) AS u (j, unit)
      WHERE f.portfolio_id = $1 AND f.calculation_date = $2 AND f.factor <> 'specific'
        AND (f.model <> 'rate' OR f.factor <> 'market')
      UNION ALL
      SELECT 2000 + v.i, 'volatility', v.figure, 'per year', v.value,
             CASE WHEN v.value IS NULL THEN s.volatility_reason END
      FROM snapshot AS s
      CROSS JOIN LATERAL (VALUES (1, 'realized_21d', s.realized_volatility_21d),
                                 (2, 'realized_63d', s.realized_volatility_63d),
                                 (3, 'expected_21d', s.expected_volatility_21d)) AS v (i, figure, value)
      UNION ALL
      -- What the factors and the symbols' own returns contribute adds up to the volatility of the model.
      SELECT 2010 + row_number() OVER (ORDER BY f.model), 'volatility', 'of the ' || f.model || ' model', 'per year',
             CASE WHEN bool_and(f.contribution_to_risk IS NOT NULL) THEN sum(f.contribution_to_risk) END,
             CASE WHEN bool_or(f.contribution_to_risk IS NULL) THEN min(f.reason) END
      FROM %1$I.portfolio_factor_exposures AS f
      WHERE f.portfolio_id = $1 AND f.calculation_date = $2 AND f.model IN ('ridge', 'spread')
      GROUP BY f.model
      UNION ALL
      SELECT 2100 + v.i, 'correlations', v.figure, v.unit, v.value,
             CASE WHEN v.value IS NULL THEN COALESCE(c.reason, c.diversification_reason) END
      FROM %1$I.correlation_calculations AS c
      CROSS JOIN LATERAL (VALUES (1, 'avg_correlation', 'correlation', c.avg_correlation),
                                 (2, 'diversification_ratio', 'ratio', c.diversification_ratio),
                                 (3, 'effective_bets', 'bets', c.effective_bets),
                                 (4, 'effective_positions', 'positions', c.effective_positions))
        AS v (i, figure, unit, value)
      WHERE c.portfolio_id = $1 AND c.calculation_date = $2
        AND c.duration_days = current_setting('portfolio_batch.correlation_window')::integer
      UNION ALL
      SELECT 2200 + v.i, 'greeks', v.figure, v.unit, v.value, CASE WHEN v.value IS NULL THEN s.greeks_reason END
      FROM snapshot AS s
      CROSS JOIN LATERAL (VALUES (1, 'net_delta', 'shares', s.net_delta), (2, 'total_gamma', 'shares', s.total_gamma),
                                 (3, 'total_theta', 'currency per day', s.total_theta),
                                 (4, 'total_vega', 'currency per point', s.total_vega)) AS v (i, figure, unit, value)
      UNION ALL
      SELECT 3000 + row_number() OVER (ORDER BY r.scenario_id COLLATE "C", u.j), 'stress tests',
             r.scenario_id || u.of, 'currency', CASE u.j WHEN 1 THEN r.direct_pnl ELSE r.correlated_pnl END,
             CASE WHEN CASE u.j WHEN 1 THEN r.direct_pnl ELSE r.correlated_pnl END IS NULL THEN r.reason END
      FROM %1$I.stress_test_results AS r CROSS JOIN (VALUES (1, ' direct'), (2, ' correlated')) AS u (j, of)
      WHERE r.portfolio_id = $1 AND r.calculation_date = $2
    )
    SELECT f.n::bigint, f.section::text, f.figure::text, f.unit::text, f.value::double precision, f.reason::text
    FROM figure AS f
  $query$, _portfolio_batch.tables_schema()) USING portfolio_id, calculation_date;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.what_if_figures(uuid, date) IS
  'Every figure of the risk of a portfolio on a date as stored, one row each: n orders them, unit says what value is '
  'in, reason why value is NULL, or of the exposures by delta that an option counts with its value.';

CREATE FUNCTION _portfolio_batch.what_if_change(change jsonb, place bigint)
RETURNS TABLE (verb text, symbol text, quantity numeric, weight numeric, price numeric, amount numeric)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  verbs   CONSTANT text[] := ARRAY['buy', 'sell', 'set_weight', 'cash'];
  shapes  CONSTANT text := 'A change is one of {"buy": "AAPL", "quantity": 100}, {"sell": "AAPL", "quantity": 50} and '
                           '{"set_weight": "SPY", "weight": 0.25}, each with a "price" where it is not that of the '
                           'date, or {"cash": -10000}.';
  wanted  text;
  problem text;
BEGIN
  IF jsonb_typeof(change) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'change % is no object', place USING ERRCODE = 'invalid_parameter_value', HINT = shapes;
  END IF;
  IF (SELECT count(*) FROM jsonb_object_keys(change) AS k WHERE k = ANY (verbs)) <> 1 THEN
    RAISE EXCEPTION 'change % needs one of the keys %', place, array_to_string(verbs, ', ')
      USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is %s.', left(change::text, 200)), HINT = shapes;
  END IF;
  SELECT k INTO verb FROM jsonb_object_keys(change) AS k WHERE k = ANY (verbs);
  wanted := CASE verb WHEN 'set_weight' THEN 'weight' WHEN 'cash' THEN 'cash' ELSE 'quantity' END;
  SELECT format('has an unknown key "%s"', left(min(k), 63)) INTO problem
    FROM jsonb_object_keys(change) AS k
   WHERE NOT k = ANY (ARRAY[verb, wanted] || CASE verb WHEN 'cash' THEN '{}'::text[] ELSE ARRAY['price'] END)
  HAVING count(*) > 0;
  problem := COALESCE(problem, CASE
    WHEN verb <> 'cash' AND (jsonb_typeof(change -> verb) <> 'string' OR change ->> verb = '')
      THEN format('needs a symbol as "%s"', verb)
    WHEN jsonb_typeof(change -> wanted) IS DISTINCT FROM 'number' THEN format('needs a number as "%s"', wanted)
    WHEN abs((change ->> wanted)::numeric) > 1e12 THEN format('has a "%s" that is too large', wanted)
    WHEN wanted = 'quantity' AND round((change ->> wanted)::numeric, 12) <= 0 THEN 'needs a quantity above 0'
    WHEN wanted = 'cash' AND round((change ->> wanted)::numeric, 4) = 0 THEN 'needs an amount other than 0'
    WHEN change ? 'price' AND jsonb_typeof(change -> 'price') <> 'number' THEN 'needs a number as "price"'
    WHEN (change ->> 'price')::numeric NOT BETWEEN 0 AND 1e12 THEN 'has a "price" that is out of range' END);
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'change % %', place, problem
      USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is %s.', left(change::text, 200)), HINT = shapes;
  END IF;
  symbol := CASE WHEN verb <> 'cash' THEN change ->> verb END;
  quantity := round((change ->> 'quantity')::numeric, 12);
  weight := (change ->> 'weight')::numeric;
  price := (change ->> 'price')::numeric;
  amount := round((change ->> 'cash')::numeric, 4);
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.what_if_change(jsonb, bigint) IS
  'One change of what_if, checked: verb is buy, sell, set_weight or cash. 22023 names what is wrong with it and its '
  'place among the changes.';

CREATE FUNCTION _portfolio_batch.what_if_apply(portfolio_id uuid, changes jsonb, day date)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  equity        numeric;
  change        record;
  own           record;
  trade_price   numeric;
  trade         numeric;
BEGIN
  EXECUTE format('SELECT s.total_value FROM %I.portfolio_snapshots AS s '
                 'WHERE s.portfolio_id = $1 AND s.snapshot_date = $2', tables_schema)
     INTO equity USING portfolio_id, day;
  SELECT equity + COALESCE(sum(c.amount), 0) INTO equity
    FROM jsonb_array_elements(changes) WITH ORDINALITY AS e (change, place)
   CROSS JOIN LATERAL _portfolio_batch.what_if_change(e.change, e.place) AS c;
  FOR change IN SELECT c.*, e.place
                  FROM jsonb_array_elements(changes) WITH ORDINALITY AS e (change, place)
                 CROSS JOIN LATERAL _portfolio_batch.what_if_change(e.change, e.place) AS c
                 ORDER BY e.place
  LOOP
    IF change.verb = 'cash' THEN
      EXECUTE format('INSERT INTO %I.equity_changes (portfolio_id, change_type, amount, change_date) '
                     'VALUES ($1, $2, $3, $4)', tables_schema)
        USING portfolio_id, CASE WHEN change.amount > 0 THEN 'CONTRIBUTION' ELSE 'WITHDRAWAL' END,
              abs(change.amount), day;
      CONTINUE;
    END IF;
    SELECT COALESCE(sum(l.quantity) FILTER (WHERE l.quantity > 0), 0) AS long, COALESCE(sum(l.quantity), 0) AS net,
           COALESCE(max(l.multiplier), 1) AS multiplier
      INTO own FROM _portfolio_batch.open_lots(portfolio_id, change.symbol, day) AS l;
    trade_price := COALESCE(change.price,
                            (SELECT p.price::numeric FROM @extschema@.price_asof(change.symbol, day) AS p));
    IF trade_price IS NULL THEN
      RAISE EXCEPTION 'change % needs a price: there is none of "%" on %', change.place, change.symbol, day
        USING ERRCODE = 'invalid_parameter_value',
              DETAIL = 'The newest close is older than portfolio_batch.max_stale_sessions, or there is none.',
              HINT = 'Correct the symbol, or add "price" to the change.';
    END IF;
    trade_price := round(trade_price, 12);
    IF change.verb = 'set_weight' THEN
      IF equity <= 0 OR trade_price = 0 THEN
        RAISE EXCEPTION 'change % cannot set a weight of "%"', change.place, change.symbol
          USING ERRCODE = 'invalid_parameter_value',
                DETAIL = format('The net asset value is %s, the price %s.', equity, trim_scale(trade_price)),
                HINT = 'A weight is a share of a positive net asset value; give a quantity instead.';
      END IF;
      trade := round(change.weight * equity
                     / (COALESCE((SELECT p.price::numeric FROM @extschema@.price_asof(change.symbol, day) AS p),
                                 trade_price) * own.multiplier), 12) - own.net;
    ELSE
      trade := CASE change.verb WHEN 'buy' THEN change.quantity ELSE -change.quantity END;
      IF trade + own.long < 0 THEN
        RAISE EXCEPTION 'change % cannot sell % of "%": % are held on %', change.place, trim_scale(change.quantity),
                        change.symbol, trim_scale(own.long), day
          USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Sell at most what is held; set_weight with a negative weight goes short.';
      END IF;
    END IF;
    IF trade <> 0 THEN
      PERFORM _portfolio_batch.enter_trade(portfolio_id, change.symbol, trade, trade_price, day);
    END IF;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.what_if_apply(uuid, jsonb, date) IS
  'Enters the changes of what_if as trades and capital flows of a day, in their order. Weights are of the net asset '
  'value of the day with all cash that the changes add.';

CREATE FUNCTION _portfolio_batch.what_if_run(portfolio_id uuid, day date, again boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  query CONSTANT text := format('SELECT s.run_id, s.analytics_complete FROM %I.portfolio_snapshots AS s '
                                'WHERE s.portfolio_id = $1 AND s.snapshot_date = $2', _portfolio_batch.tables_schema());
  earlier record;
  now_is  record;
  failed  boolean;
  said    text;
BEGIN
  EXECUTE query INTO earlier USING portfolio_id, day;
  SELECT bool_or(r.status = 'failed' OR r.failed > 0),
         string_agg(format('%s: %s, %s', r.name, r.status, r.detail), '; ') FILTER (WHERE r.phase IN ('2', '3'))
    INTO failed, said
    FROM @extschema@.run_daily_batch(day, ARRAY[what_if_run.portfolio_id],
                                     CASE WHEN again THEN '{2,3}'::text[] END, again) AS r;
  EXECUTE query INTO now_is USING portfolio_id, day;
  IF failed OR now_is.run_id IS NULL OR NOT now_is.analytics_complete
     OR again AND now_is.run_id IS NOT DISTINCT FROM earlier.run_id THEN
    RAISE EXCEPTION 'portfolio % cannot be computed on %', portfolio_id, day
      USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = COALESCE(said || '.', ''),
            HINT = 'Look at what run_daily_batch says of it: it may not have begun, wait for prices, or be run by '
                   'another session.';
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.what_if_run(uuid, date, boolean) IS
  'Computes a date of a portfolio as the batch does: what is stored with the digest of its inputs stays, unless again. '
  '55000 when there are no complete results afterwards, or, again, when nothing was computed.';

CREATE FUNCTION _portfolio_batch.what_if_as_owner(portfolio_id uuid, changes jsonb, calculation_date date DEFAULT NULL)
RETURNS TABLE (section text, figure text, unit text, before double precision, after double precision,
               change double precision, reason text)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  id            CONSTANT uuid := portfolio_id;
  has_equity    CONSTANT jsonpath := '$[*] ? (@.figure == "net_asset_value" && @.value > 0)';
  day           date := calculation_date;
  old_figures   jsonb;
  new_figures   jsonb;
  later_trades  boolean;
BEGIN
  IF id IS NULL OR jsonb_typeof(changes) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'what_if needs a portfolio and an array of changes'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example what_if(id, ''[{"buy": "AAPL", "quantity": 100}]''); [] changes nothing.';
  END IF;
  PERFORM FROM jsonb_array_elements(changes) WITH ORDINALITY AS e (change, place)
          CROSS JOIN LATERAL _portfolio_batch.what_if_change(e.change, e.place);
  IF day IS NULL THEN
    EXECUTE format('SELECT max(s.snapshot_date) FROM %I.portfolio_snapshots AS s WHERE s.portfolio_id = $1',
                   tables_schema)
       INTO day USING id;
    day := COALESCE(day, @extschema@.latest_closed_session());
  END IF;
  BEGIN
    PERFORM _portfolio_batch.what_if_run(id, day, false);
    SELECT jsonb_agg(f) INTO old_figures FROM _portfolio_batch.what_if_figures(id, day) AS f;
    -- What came later has not happened yet: shares that were sold later can be sold on the day.
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.position_realized_events AS e '
                                  'WHERE e.portfolio_id = $1 AND e.trade_date > $2) '
                   'OR EXISTS (SELECT FROM %1$I.positions AS p WHERE p.portfolio_id = $1 AND p.exit_date > $2)',
                   tables_schema) INTO STRICT later_trades USING id, day;
    IF later_trades THEN
      EXECUTE format('DELETE FROM %I.position_realized_events AS e WHERE e.portfolio_id = $1 AND e.trade_date > $2',
                     tables_schema) USING id, day;
      EXECUTE format('UPDATE %I.positions AS p SET exit_date = NULL, exit_price = NULL '
                     'WHERE p.portfolio_id = $1 AND p.exit_date > $2', tables_schema) USING id, day;
    END IF;
    EXECUTE format('DELETE FROM %I.portfolio_snapshots AS s WHERE s.portfolio_id = $1 AND s.snapshot_date > $2',
                   tables_schema) USING id, day;
    PERFORM _portfolio_batch.what_if_apply(id, changes, day);
    PERFORM _portfolio_batch.what_if_run(id, day, true);
    SELECT jsonb_agg(f) INTO new_figures FROM _portfolio_batch.what_if_figures(id, day) AS f;
    -- Undoes all that was written since BEGIN; the variables stay.
    RAISE EXCEPTION 'what_if is done' USING ERRCODE = 'PB0WI';
  EXCEPTION WHEN SQLSTATE 'PB0WI' THEN
    NULL;
  END;
  RETURN QUERY
    SELECT f.section, f.figure, f.unit, f.old_value, f.new_value,
           CASE WHEN f.unit = 'currency' THEN round(f.new_value::numeric - f.old_value::numeric, 4)::double precision
                ELSE f.new_value - f.old_value END, f.reason
    FROM (SELECT COALESCE(o.n, w.n) AS n, COALESCE(o.section, w.section) AS section,
                 COALESCE(o.figure, w.figure) AS figure, COALESCE(o.unit, w.unit) AS unit,
                 -- A sector without positions has a weight of 0, where there are weights.
                 CASE WHEN o.n IS NULL AND old_weights THEN 0 ELSE o.value END AS old_value,
                 CASE WHEN w.n IS NULL AND new_weights THEN 0 ELSE w.value END AS new_value,
                 COALESCE(w.reason, o.reason,
                          CASE WHEN o.n IS NULL AND NOT old_weights OR w.n IS NULL AND NOT new_weights
                               THEN 'no_equity' END) AS reason
          FROM (SELECT jsonb_path_exists(old_figures, has_equity) AS old_weights,
                       jsonb_path_exists(new_figures, has_equity) AS new_weights) AS known
          CROSS JOIN (jsonb_to_recordset(old_figures)
                        AS o (n bigint, section text, figure text, unit text, value double precision, reason text)
                      FULL JOIN jsonb_to_recordset(new_figures)
                        AS w (n bigint, section text, figure text, unit text, value double precision, reason text)
                        ON (w.section, w.figure, w.unit) = (o.section, o.figure, o.unit))) AS f
    ORDER BY f.n, f.figure COLLATE "C";
END
$$;

COMMENT ON FUNCTION _portfolio_batch.what_if_as_owner(uuid, jsonb, date) IS
'The risk of a portfolio before and after some trades, and the difference, one row a figure; nothing stays of it.
changes: an array of {"buy": "AAPL", "quantity": 100}, {"sell": "MSFT", "quantity": 50},
{"set_weight": "SPY", "weight": 0.25} and {"cash": -10000}, entered in this order as trades of the date. A price
("price") that is not given is that of price_asof. Trades are paid from cash, so the net asset value stays but for cash,
which is a capital flow, and for what a given price differs from the close. buy covers short lots first, sell closes
long ones, the oldest first; weight is market value over the net asset value with all cash of the changes, negative for
a short. A new lot is of the same contract as those that are held of its symbol, else of shares.
Rows: value; exposure by market value and by delta, in currency and of equity; concentration and sectors; factors
(market, rate, ridge, spread) as beta and in currency; volatility per year, realized and expected at constant weights
and of the factor models; correlations; greeks; stress tests. reason says why a figure is NULL.
calculation_date NULL: that of the newest snapshot, else the latest closed session. The figures before are those that
the batch stores; they are computed first where they are not stored with the present inputs. Those after are what the
batch computes with the trades entered: both run in a subtransaction that is rolled back, with the privileges of the
batch and of who enters trades (INSERT on positions, position_realized_events and equity_changes, UPDATE on positions).
Takes the locks of a run while it runs; run ids are used up. Errors: 22023 for a change that is not one, a symbol
without a price and a sale of more than is held, with its place; 42704 for an unknown portfolio; 55000 when the date
cannot be computed.';
