-- Closing trades, marks by hand, and the removal of whole histories of results.

CREATE FUNCTION _portfolio_batch.standard_multiplier(position_type text, investment_class text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN position_type IN ('LC', 'LP', 'SC', 'SP') AND investment_class IS DISTINCT FROM 'PRIVATE'
            THEN 100 ELSE 1 END;

COMMENT ON FUNCTION _portfolio_batch.standard_multiplier(text, text) IS
  'The contract multiplier of a lot whose contract_multiplier is NULL: 100 for an option, 1 for everything else and '
  'for private lots. The one place that says so.';

CREATE FUNCTION _portfolio_batch.split_ratios(symbol text, after_date date, underlying_symbol text DEFAULT NULL)
RETURNS TABLE (from_date date, before_date date, new_shares numeric, old_shares numeric, new_units numeric,
               old_units numeric)
LANGUAGE plpgsql STABLE ROWS 2
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  split record;
BEGIN
  new_shares := 1;
  old_shares := 1;
  new_units := 1;
  old_units := 1;
  from_date := '-infinity';
  FOR split IN
    EXECUTE format('WITH split AS (SELECT a.symbol, a.ex_date, a.action_no, a.ratio_numerator::numeric AS numerator, '
                   'COALESCE(a.ratio_denominator::numeric, 1) AS denominator FROM %I.corporate_actions AS a '
                   'WHERE a.symbol IN ($1, $3) AND a.kind IN (''split'', ''stock_dividend'') AND a.ex_date > $2) '
                   'SELECT s.*, s.symbol <> $1 AND s.numerator %% s.denominator <> 0 AS in_units FROM split AS s '
                   'WHERE s.symbol = $1 OR s.ex_date NOT IN (SELECT o.ex_date FROM split AS o WHERE o.symbol = $1) '
                   'ORDER BY s.ex_date, s.action_no', _portfolio_batch.tables_schema())
      USING symbol, after_date, underlying_symbol
  LOOP
    before_date := split.ex_date;
    RETURN NEXT;
    IF split.in_units THEN
      new_units := new_units * split.numerator;
      old_units := old_units * split.denominator;
    ELSE
      new_shares := new_shares * split.numerator;
      old_shares := old_shares * split.denominator;
    END IF;
    from_date := split.ex_date;
  END LOOP;
  before_date := 'infinity';
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.split_ratios(text, date, text) IS
  'What splits after after_date have made of a lot, for all days from from_date until before before_date: new_shares '
  'for old_shares, by which quantities change, and new_units for old_units, by which the multiplier of an option '
  'changes; prices and strikes change by both, the other way. Two numbers each, since 1:3 is no decimal. An option, '
  'for which underlying_symbol is given, follows the splits of its underlying but for days on which its own symbol has '
  'a split: whole ones multiply the contracts, others the multiplier.';

CREATE FUNCTION _portfolio_batch.split_ratio(symbol text, after_date date, through_date date,
                                             underlying_symbol text DEFAULT NULL,
                                             OUT new_shares numeric, OUT old_shares numeric, OUT new_units numeric,
                                             OUT old_units numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM _portfolio_batch.require_finite('a date of a split ratio', d.day)
     FROM unnest(ARRAY[after_date, through_date]) AS d (day);
  SELECT s.new_shares, s.old_shares, s.new_units, s.old_units INTO new_shares, old_shares, new_units, old_units
    FROM _portfolio_batch.split_ratios(symbol, after_date, underlying_symbol) AS s
   WHERE through_date >= s.from_date AND through_date < s.before_date;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.split_ratio(text, date, date, text) IS
  'What split_ratios says of one day, through_date. Errors: 22008 for an infinite date.';

CREATE FUNCTION _portfolio_batch.rounding_of_closing(quantity numeric)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(5e-7, quantity * 1e-6);

COMMENT ON FUNCTION _portfolio_batch.rounding_of_closing(numeric) IS
  'What the quantity of a closing may be off by after a split, when brokers round shares to six decimals: half a unit '
  'of the sixth, and no more than a millionth of the quantity. As src/core/portfolio/lot.cpp has it.';

CREATE FUNCTION _portfolio_batch.converted_lots(portfolio_id uuid, day date)
RETURNS TABLE (opened_as uuid, position_id uuid, symbol text, from_date date, quantity double precision,
               closable double precision)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_converted_lots';

COMMENT ON FUNCTION _portfolio_batch.converted_lots(uuid, date) IS
  'The lots of a portfolio that corporate actions convert at any time, as what they are by the end of a day: the lot '
  'that was opened, the position that its shares are now, their symbol and since when, the quantity of positions_asof, '
  'and closable, which is what later closings leave of it. Nothing for lots that no action touches.';

CREATE FUNCTION _portfolio_batch.has_conversions(symbol text DEFAULT NULL, after_date date DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  found boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %I.corporate_action_legs AS l WHERE ($1 IS NULL OR l.symbol = $1) '
                 'AND ($2 IS NULL OR l.ex_date > $2))', _portfolio_batch.tables_schema())
     INTO found USING symbol, after_date;
  RETURN found;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.has_conversions(text, date) IS
  'Whether a corporate action with legs converts shares of a symbol (default: of any) after a day (default: ever). '
  'Without, a lot is what was opened, and nothing needs to be asked of it.';

CREATE FUNCTION _portfolio_batch.open_quantity(portfolio_id uuid, position_id uuid, day date,
                                               closed_until date DEFAULT NULL, OUT quantity numeric,
                                               OUT closed numeric, OUT new_shares numeric, OUT old_shares numeric,
                                               OUT multiplier numeric, OUT strike_price numeric,
                                               OUT converted_symbol text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  lot           record;
  split         record;
  opened_as     uuid;     -- of what a corporate action made
  followed      text;     -- whose splits an option follows
  rounding      numeric;  -- what closings may be off by: src/core/portfolio/lot.cpp says why
BEGIN
  EXECUTE format('SELECT p.* FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.id = $2', tables_schema)
     INTO lot USING portfolio_id, position_id;
  IF _portfolio_batch.has_conversions(lot.symbol, lot.entry_date) THEN
    SELECT c.opened_as, c.symbol, trim_scale(round((CASE WHEN closed_until IS NULL THEN c.quantity
                                                         ELSE c.closable END)::numeric, 12))
      INTO opened_as, converted_symbol, quantity
      FROM _portfolio_batch.converted_lots(portfolio_id, day) AS c
     WHERE c.position_id = open_quantity.position_id;
    EXECUTE format('SELECT p.* FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.id = $2', tables_schema)
       INTO lot USING portfolio_id, COALESCE(opened_as, position_id);
  END IF;
  IF converted_symbol IS NOT NULL THEN
    new_shares := 1;
    old_shares := 1;
    multiplier := COALESCE(lot.contract_multiplier,
                           _portfolio_batch.standard_multiplier(lot.position_type, lot.investment_class));
    RETURN;
  END IF;
  followed := CASE WHEN length(lot.position_type) = 2 THEN lot.underlying_symbol END;
  -- A split changes the number of shares, so trades before and after it are compared in shares at entry.
  EXECUTE format('SELECT COALESCE(sum(e.quantity_closed * s.old_shares / s.new_shares), 0), '
                 'COALESCE(sum(CASE WHEN s.new_shares = s.old_shares THEN e.quantity_closed * 1e-12 '
                 'ELSE greatest(e.quantity_closed * 1e-12, _portfolio_batch.rounding_of_closing(e.quantity_closed)) '
                 'END * s.old_shares / s.new_shares), 0) '
                 'FROM %I.position_realized_events AS e '
                 'JOIN _portfolio_batch.split_ratios($3, $4, $6) AS s '
                 'ON e.trade_date >= s.from_date AND e.trade_date < s.before_date '
                 'WHERE e.portfolio_id = $1 AND e.position_id = $2 AND e.trade_date <= $5', tables_schema)
     INTO closed, rounding
    USING portfolio_id, position_id, lot.symbol, lot.entry_date, COALESCE(closed_until, day), followed;
  split := _portfolio_batch.split_ratio(lot.symbol, lot.entry_date, day, followed);
  new_shares := split.new_shares;
  old_shares := split.old_shares;
  multiplier := COALESCE(lot.contract_multiplier,
                         _portfolio_batch.standard_multiplier(lot.position_type, lot.investment_class))
                * split.new_units / split.old_units;
  strike_price := lot.strike_price * split.old_shares * split.old_units / (split.new_shares * split.new_units);
  quantity := CASE WHEN lot.deleted_at IS NULL AND lot.entry_date <= day AND (lot.exit_date > day) IS NOT FALSE
                    AND abs(lot.quantity) - closed > rounding
                   THEN trim_scale(round(sign(lot.quantity) * (abs(lot.quantity) - closed) * new_shares / old_shares,
                                         12))
                   ELSE 0 END;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.open_quantity(uuid, uuid, date, date) IS
  'What is open of a lot at the end of a day, negative when short: as opened, less what was closed until closed_until '
  '(default: that day), times the splits since entry; the quantity of positions_asof, in decimals. closed: what was '
  'closed, in shares at entry; new_shares on the day for old_shares at entry; multiplier and strike_price of an option '
  'are those of the day. 0 before the entry, from the exit on, '
  'for a deleted lot, and where what is left is no more than the rounding of the closings. Of a lot that a corporate '
  'action converts: converted_symbol is what it is on the day, and closed_until counts as for ever.';

CREATE FUNCTION _portfolio_batch.closings(portfolio_ids uuid[], through_date date, lot_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, position_id uuid, event_id uuid, symbol text, trade_date date, proceeds numeric,
               realized_pnl numeric, booked_pnl numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    -- Lots that corporate actions convert are several, one after the other.
    WITH converted AS MATERIALIZED (
      SELECT i.id AS portfolio_id, h.opened_as, h.symbol, h.from_date, h.quantity::numeric AS quantity,
             h.entry_price::numeric AS entry_price, COALESCE(h.until_date, 'infinity') AS until_date,
             CASE WHEN h.position_id <> h.opened_as THEN h.symbol END AS sold
      FROM unnest(CASE WHEN _portfolio_batch.has_conversions() THEN $1 END) AS i (id)
      CROSS JOIN LATERAL @extschema@.lot_history(i.id) AS h
    ), part AS (
      SELECT p.portfolio_id, p.id, p.symbol, p.quantity, p.entry_date, p.entry_price, date 'infinity' AS until_date,
             NULL::text AS sold, p.contract_multiplier, p.position_type, p.investment_class, p.underlying_symbol
      FROM %1$I.positions AS p
      WHERE p.portfolio_id = ANY ($1)
        AND NOT EXISTS (SELECT FROM converted AS c WHERE c.portfolio_id = p.portfolio_id AND c.opened_as = p.id)
      UNION ALL
      SELECT p.portfolio_id, p.id, c.symbol, c.quantity, c.from_date, c.entry_price, c.until_date, c.sold,
             p.contract_multiplier, p.position_type, p.investment_class, p.underlying_symbol
      FROM converted AS c
      JOIN %1$I.positions AS p ON p.portfolio_id = c.portfolio_id AND p.id = c.opened_as
    -- The splits of a lot are looked up once, however many closings it has.
    ), lot AS MATERIALIZED (
      SELECT p.portfolio_id, p.id, p.symbol, p.quantity, p.sold, greatest(s.from_date, p.entry_date) AS from_date,
             least(s.before_date, p.until_date) AS before_date,
             p.entry_price * s.old_shares * s.old_units / (s.new_shares * s.new_units) AS entry_price,
             COALESCE(p.contract_multiplier,
                      _portfolio_batch.standard_multiplier(p.position_type, p.investment_class))
             * s.new_units / s.old_units AS multiplier
      FROM part AS p
      CROSS JOIN LATERAL _portfolio_batch.split_ratios(
                           p.symbol, p.entry_date,
                           CASE WHEN length(p.position_type) = 2 THEN p.underlying_symbol END) AS s
      WHERE p.portfolio_id = ANY ($1) AND ($3 IS NULL OR p.id = $3)
        AND EXISTS (SELECT FROM %1$I.position_realized_events AS c
                    WHERE c.portfolio_id = p.portfolio_id AND c.position_id = p.id)
    )
    SELECT l.portfolio_id, l.id, e.id, l.symbol, e.trade_date,
           round(e.exit_price * e.quantity_closed * l.multiplier, 4),
           round(sign(l.quantity) * (e.exit_price - l.entry_price) * e.quantity_closed * l.multiplier, 4),
           e.realized_pnl
    FROM lot AS l
    JOIN %1$I.position_realized_events AS e ON e.portfolio_id = l.portfolio_id AND e.position_id = l.id
                                           AND e.trade_date >= l.from_date AND e.trade_date < l.before_date
                                           AND e.symbol IS NOT DISTINCT FROM l.sold
    WHERE e.trade_date <= $2
  $query$, _portfolio_batch.tables_schema()) USING portfolio_ids, through_date, lot_id;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.closings(uuid[], date, uuid) IS
  'The closing trades of portfolios, or of one lot, up to a day: proceeds without sign, realized_pnl as the batch '
  'computes it from lot, closing and splits, a gain positive, and booked_pnl as the broker reported it, NULL where it '
  'did not; in currency, also of lots that are deleted.';

CREATE FUNCTION _portfolio_batch.close_position_as_owner(portfolio_id uuid, position_id uuid, quantity numeric,
                                                         price numeric,
                                                         trade_date date)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  today         CONSTANT date := (now() AT TIME ZONE 'America/New_York')::date;
  lot           record;
  held          record;   -- on the trade date
  made          record;   -- shares that a corporate action made of a lot
  open_quantity numeric;  -- in shares on the trade date, without sign
  tolerance     numeric;  -- by which it may differ
  event_id      uuid;
BEGIN
  IF num_nulls(portfolio_id, position_id, quantity, price, trade_date) > 0 THEN
    RAISE EXCEPTION 'close_position needs a portfolio, a position, a quantity, a price and a trade date'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'None of the five may be NULL.';
  END IF;
  PERFORM _portfolio_batch.require_finite('trade_date', trade_date);
  quantity := CASE WHEN quantity < 'Infinity' THEN trim_scale(round(quantity, 12)) ELSE 'NaN' END;
  IF quantity <= 0 OR quantity = 'NaN' THEN
    RAISE EXCEPTION 'quantity to close of position % must be a positive number', position_id
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give shares or contracts without sign, also for a short position.';
  END IF;
  IF price < 0 OR price >= 'Infinity' THEN
    RAISE EXCEPTION 'closing price of position % must be a number, 0 or more, not %', position_id, price
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the price per share as traded; 0 when it expired worthless.';
  END IF;

  EXECUTE format('SELECT p.* FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.id = $2 FOR UPDATE', tables_schema)
     INTO lot USING portfolio_id, position_id;
  IF lot.id IS NULL AND _portfolio_batch.has_conversions() THEN
    SELECT c.* INTO made
      FROM _portfolio_batch.converted_lots(portfolio_id, trade_date) AS c
     WHERE c.position_id = close_position_as_owner.position_id;
    EXECUTE format('SELECT p.* FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.id = $2 FOR UPDATE',
                   tables_schema) INTO lot USING portfolio_id, made.opened_as;
  END IF;
  IF lot.id IS NULL THEN
    RAISE EXCEPTION 'position % of portfolio % does not exist', position_id, portfolio_id
      USING ERRCODE = 'undefined_object',
            HINT = format('SELECT id, symbol FROM %I.positions WHERE portfolio_id = %L;', tables_schema, portfolio_id);
  END IF;
  IF lot.deleted_at IS NOT NULL THEN
    RAISE EXCEPTION 'position % (%) was deleted on %', position_id, lot.symbol, lot.deleted_at::date
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Set its deleted_at to NULL first if it still counts.';
  END IF;
  IF lot.exit_date IS NOT NULL AND lot.id = position_id THEN
    RAISE EXCEPTION 'position % (%) was closed on %', position_id, lot.symbol, lot.exit_date
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'To correct the close, delete its rows of position_realized_events and set exit_date and exit_price '
                   'to NULL.';
  END IF;
  IF trade_date < lot.entry_date OR trade_date > today THEN
    RAISE EXCEPTION 'position % (%) cannot be closed on %', position_id, lot.symbol, trade_date
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Give a date from its entry on %s to today, %s in New York.', lot.entry_date, today);
  END IF;

  -- Trades after the date count as well: what they closed can no longer be closed before them.
  held := _portfolio_batch.open_quantity(portfolio_id, position_id, trade_date, 'infinity');
  open_quantity := abs(held.quantity);
  tolerance := CASE WHEN held.new_shares <> held.old_shares OR held.converted_symbol IS NOT NULL
                    THEN _portfolio_batch.rounding_of_closing(quantity) ELSE 0 END;
  IF quantity > open_quantity + tolerance THEN
    RAISE EXCEPTION 'cannot close % of position % (%): % are open on %', trim_scale(quantity), position_id,
                    COALESCE(held.converted_symbol, lot.symbol), trim_scale(open_quantity), trade_date
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = CASE WHEN held.converted_symbol IS NOT NULL
                          THEN format('Lot %s was opened as %s; lot_history() shows what corporate actions made of it, '
                                      'and later closings count as well.', lot.id, lot.symbol)
                          ELSE format('%s were opened on %s; in those shares %s are closed%s.',
                            trim_scale(abs(lot.quantity)), lot.entry_date, trim_scale(round(held.closed, 12)),
                            CASE WHEN held.new_shares <> held.old_shares
                                 THEN format('; splits since made %s shares of %s', trim_scale(held.new_shares),
                                             trim_scale(held.old_shares)) END) END,
            HINT = format('Close at most %s, or correct the earlier trades in %I.position_realized_events.',
                          trim_scale(open_quantity), tables_schema);
  END IF;

  EXECUTE format('INSERT INTO %I.position_realized_events '
                 '(portfolio_id, position_id, trade_date, quantity_closed, exit_price, symbol) '
                 'VALUES ($1, $2, $3, $4, $5, $6) RETURNING id', tables_schema)
     INTO event_id
    USING portfolio_id, lot.id, trade_date, quantity, price,
          CASE WHEN lot.id <> position_id THEN held.converted_symbol END;

  IF quantity >= open_quantity - tolerance AND lot.id = position_id THEN
    -- Trades can be entered out of order: the exit is the latest of them.
    EXECUTE format('UPDATE %1$I.positions AS p '
                   'SET exit_date = last.trade_date, exit_price = last.exit_price, updated_at = now() '
                   'FROM (SELECT e.trade_date, e.exit_price FROM %1$I.position_realized_events AS e '
                   'WHERE e.portfolio_id = $1 AND e.position_id = $2 AND e.symbol IS NULL '
                   'ORDER BY e.trade_date DESC, e.id = $3 DESC LIMIT 1) AS last '
                   'WHERE p.portfolio_id = $1 AND p.id = $2', tables_schema)
      USING portfolio_id, position_id, event_id;
  ELSE
    EXECUTE format('UPDATE %I.positions AS p SET updated_at = now() WHERE p.portfolio_id = $1 AND p.id = $2',
                   tables_schema) USING portfolio_id, lot.id;
  END IF;
  RETURN event_id;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.close_position_as_owner(uuid, uuid, numeric, numeric, date) IS
  'Closes a position in part or in full: quantity in shares or contracts of the trade date without sign, price per '
  'share as traded. Writes a row of position_realized_events, whose id it returns; what it realizes is computed by the '
  'batch, and realized_pnl of the row is left for what the broker reports. When nothing is left, exit_date and '
  'exit_price of the position are those of its last trade. positions.quantity stays as opened. Snapshots that exist '
  'from the trade date on have to be run again. Shares that a corporate action spun off are closed by the id that '
  'positions_asof shows for them. Errors: 22023 for an argument that is NULL or out of range or for '
  'more than is open, 22008 for an infinite date, 42704 for a position that does not exist, 55000 when it is deleted '
  'or already closed.';

CREATE FUNCTION _portfolio_batch.mark_position_as_owner(portfolio_id uuid, position_id uuid, price numeric,
                                                        mark_date date)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  today         CONSTANT date := (now() AT TIME ZONE 'America/New_York')::date;
  lot           record;
BEGIN
  IF num_nulls(portfolio_id, position_id, price, mark_date) > 0 THEN
    RAISE EXCEPTION 'mark_position needs a portfolio, a position, a price and a date'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'None of the four may be NULL.';
  END IF;
  PERFORM _portfolio_batch.require_finite('mark_date', mark_date);
  IF price < 0 OR price >= 'Infinity' THEN
    RAISE EXCEPTION 'price of position % must be a number, 0 or more, not %', position_id, price
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the price per share; 0 when it is worthless.';
  END IF;

  EXECUTE format('SELECT p.* FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.id = $2', tables_schema)
     INTO lot USING portfolio_id, position_id;
  IF lot.id IS NULL THEN
    RAISE EXCEPTION 'position % of portfolio % does not exist', position_id, portfolio_id
      USING ERRCODE = 'undefined_object',
            HINT = format('SELECT id, symbol FROM %I.positions WHERE portfolio_id = %L;', tables_schema, portfolio_id);
  END IF;
  IF lot.deleted_at IS NOT NULL THEN
    RAISE EXCEPTION 'position % (%) was deleted on %', position_id, lot.symbol, lot.deleted_at::date
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Set its deleted_at to NULL first if it still counts.';
  END IF;
  IF lot.investment_class IS DISTINCT FROM 'PRIVATE' THEN
    RAISE EXCEPTION 'position % (%) is not PRIVATE and has no marks', position_id, lot.symbol
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'It is valued at the closes of its symbol.',
            HINT = format('Load a price into %I.market_data_cache, or set its investment_class to PRIVATE.',
                          tables_schema);
  END IF;
  IF mark_date < lot.entry_date OR mark_date > today OR mark_date >= lot.exit_date THEN
    RAISE EXCEPTION 'position % (%) cannot be marked on %', position_id, lot.symbol, mark_date
      USING ERRCODE = 'invalid_parameter_value',
            HINT = CASE WHEN lot.exit_date <= today
                        THEN format('Give a date from its entry on %s to the day before its exit on %s.',
                                    lot.entry_date, lot.exit_date)
                        ELSE format('Give a date from its entry on %s to today, %s in New York.', lot.entry_date, today)
                   END;
  END IF;

  EXECUTE format('INSERT INTO %I.position_marks AS m (portfolio_id, position_id, mark_date, price) '
                 'VALUES ($1, $2, $3, $4) ON CONFLICT (portfolio_id, position_id, mark_date) '
                 'DO UPDATE SET price = excluded.price, created_at = now() WHERE m.price <> excluded.price',
                 tables_schema)
    USING portfolio_id, position_id, mark_date, price;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.mark_position_as_owner(uuid, uuid, numeric, date) IS
  'Marks a PRIVATE position by hand: price per share in shares of the date, 0 when it is worthless. The mark counts '
  'from the date until that of the next one, in a row of position_marks; one of the same date is replaced. Splits '
  'after the date divide it. Snapshots that exist from the date on have to be run again. Errors: 22023 for an argument '
  'that is NULL or out of range or a date on which the position is not held, 22008 for an infinite date, 42704 for a '
  'position that does not exist, 55000 when it is deleted or not PRIVATE.';

-- Trades --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.open_lots(portfolio_id uuid, symbol text, day date)
RETURNS TABLE (position_id uuid, is_private boolean, quantity numeric, multiplier numeric, strike_price numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT i.id, p.investment_class IS NOT DISTINCT FROM 'PRIVATE', h.quantity, h.multiplier, h.strike_price
      FROM (SELECT o.id, o.id AS opened_as FROM %1$I.positions AS o
             WHERE o.portfolio_id = $1 AND o.symbol = $2
             UNION
            -- What corporate actions made the symbol by then.
            SELECT c.position_id, c.opened_as FROM _portfolio_batch.converted_lots($1, $3) AS c
             WHERE c.symbol = $2 AND _portfolio_batch.has_conversions()) AS i
      JOIN %1$I.positions AS p ON p.portfolio_id = $1 AND p.id = i.opened_as
     CROSS JOIN LATERAL _portfolio_batch.open_quantity(p.portfolio_id, i.id, $3, 'infinity') AS h
     WHERE (p.exit_date IS NULL OR i.id <> p.id) AND COALESCE(h.converted_symbol, p.symbol) = $2 AND h.quantity <> 0
     ORDER BY p.entry_date, i.id
  $query$, _portfolio_batch.tables_schema()) USING portfolio_id, symbol, day;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.open_lots(uuid, text, date) IS
  'The lots of a symbol that can be traded on a day, the oldest first: quantity is negative when short, and without '
  'what was closed later; multiplier and strike_price are those of the day. A lot is of the symbol that corporate '
  'actions gave it by then, and what they spun off is a lot of its own.';

CREATE FUNCTION _portfolio_batch.enter_trade(portfolio_id uuid, symbol text, quantity numeric, price numeric, day date,
                                             settled_option uuid DEFAULT NULL, notes text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  lot           record;
  event_id      uuid;
  part          numeric;
  opened        uuid;
BEGIN
  FOR lot IN
    SELECT l.* FROM _portfolio_batch.open_lots(portfolio_id, symbol, day) AS l
     WHERE settled_option IS NULL OR NOT l.is_private  -- which nobody delivers
  LOOP
    CONTINUE WHEN sign(lot.quantity) <> -sign(quantity);
    part := least(abs(quantity), abs(lot.quantity));
    event_id := @extschema@.close_position(portfolio_id, lot.position_id, part, price, day);
    IF settled_option IS NOT NULL THEN
      EXECUTE format('UPDATE %I.position_realized_events AS e SET settles = $3 '
                     'WHERE e.portfolio_id = $1 AND e.id = $2', tables_schema)
        USING portfolio_id, event_id, settled_option;
    END IF;
    quantity := quantity - sign(quantity) * part;
  END LOOP;
  IF quantity <> 0 THEN
    -- After the loop, lot is the newest of the lots, or NULL.
    EXECUTE format($query$
      INSERT INTO %1$I.positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, settles,
                                  notes, underlying_symbol, strike_price, expiration_date, contract_multiplier,
                                  investment_class, investment_subtype)
      SELECT $1, $2,
             CASE WHEN t.position_type IN ('LC', 'SC') THEN CASE WHEN $3 > 0 THEN 'LC' ELSE 'SC' END
                  WHEN t.position_type IN ('LP', 'SP') THEN CASE WHEN $3 > 0 THEN 'LP' ELSE 'SP' END
                  WHEN $3 > 0 THEN 'LONG' ELSE 'SHORT' END,
             $3, $4, $5, $6, $7, t.underlying_symbol, round($9, 12), t.expiration_date,
             NULLIF($10, _portfolio_batch.standard_multiplier(t.position_type, t.investment_class)),
             t.investment_class, t.investment_subtype
        FROM (SELECT) AS one
        LEFT JOIN %1$I.positions AS t ON t.portfolio_id = $1 AND t.id = $8
      RETURNING id
    $query$, tables_schema)
       INTO opened
      USING portfolio_id, symbol, quantity, price, day, settled_option, notes, lot.position_id, lot.strike_price,
            lot.multiplier;
  END IF;
  RETURN opened;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.enter_trade(uuid, text, numeric, numeric, date, uuid, text) IS
  'Enters a trade of a day: quantity above 0 buys, below 0 sells. Lots held the other way round are closed by it, the '
  'oldest first; the rest opens a lot, whose id it returns, of the same contract as the newest that is held, else one '
  'of shares. settled_option: the option whose exercise or assignment it is. Writes positions and closings.';

-- Options that have expired -------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.settle_options(expired_through date, portfolio_ids uuid[], cash_settled text[])
RETURNS TABLE (portfolio_id uuid, position_id uuid, symbol text, expiration_date date, outcome text,
               contracts numeric, strike_price numeric, underlying_price double precision, shares numeric,
               opened_position_id uuid)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  lot           record;
  held          record;
  event_id      uuid;
BEGIN
  PERFORM _portfolio_batch.require_finite('expired_through', expired_through);
  expired_through := COALESCE(expired_through, @extschema@.latest_closed_session());
  FOR lot IN
    EXECUTE format($query$
      SELECT p.*, v.price, v.price_quality, u.price AS underlying_close
        FROM %1$I.positions AS p
        JOIN LATERAL (SELECT a.position_id, a.price, a.price_quality
                        FROM @extschema@.positions_asof(p.expiration_date, ARRAY[p.portfolio_id]) AS a) AS v
          ON v.position_id = p.id
       CROSS JOIN LATERAL @extschema@.price_asof(p.underlying_symbol, p.expiration_date) AS u
       WHERE p.portfolio_id IN (SELECT f.id FROM %1$I.portfolios AS f
                                 WHERE f.deleted_at IS NULL AND CASE WHEN $2 IS NULL THEN f.is_active
                                                                     ELSE f.id = ANY ($2) END)
         AND p.expiration_date <= $1 AND length(p.position_type) = 2 AND p.deleted_at IS NULL
         AND p.exit_date IS NULL
       ORDER BY p.portfolio_id, p.expiration_date, p.symbol COLLATE "C", p.id
       FOR UPDATE OF p
    $query$, tables_schema) USING expired_through, portfolio_ids
  LOOP
    held := _portfolio_batch.open_quantity(lot.portfolio_id, lot.id, lot.expiration_date, 'infinity');
    CONTINUE WHEN held.quantity = 0;
    portfolio_id := lot.portfolio_id;
    position_id := lot.id;
    symbol := lot.symbol;
    expiration_date := lot.expiration_date;
    contracts := trim_scale(held.quantity);
    strike_price := trim_scale(held.strike_price);
    underlying_price := lot.underlying_close;
    shares := NULL;
    opened_position_id := NULL;
    outcome := CASE WHEN lot.price_quality <> 'expired' THEN 'not settled: no price of the underlying, or no strike'
                    WHEN lot.price = 0 THEN 'lapsed'
                    WHEN lot.underlying_symbol = ANY (cash_settled) THEN 'paid in cash'
                    WHEN held.quantity > 0 THEN 'exercised'
                    ELSE 'assigned' END;
    IF lot.price_quality = 'expired' THEN
      event_id := @extschema@.close_position(
                    lot.portfolio_id, lot.id, abs(held.quantity),
                    CASE outcome WHEN 'paid in cash' THEN round(lot.price::numeric, 12) ELSE 0 END,
                    lot.expiration_date);
      EXECUTE format('UPDATE %I.position_realized_events AS e SET settles = $3 '
                     'WHERE e.portfolio_id = $1 AND e.id = $2', tables_schema)
        USING lot.portfolio_id, event_id, lot.id;
    END IF;
    IF outcome IN ('exercised', 'assigned') THEN
      -- A call that was bought buys, a put that was bought sells; of options that were sold it is the other way round.
      shares := trim_scale(round(held.quantity * held.multiplier, 12))
                * CASE WHEN lot.position_type IN ('LC', 'SC') THEN 1 ELSE -1 END;
      opened_position_id := _portfolio_batch.enter_trade(lot.portfolio_id, lot.underlying_symbol, shares,
                                                         round(held.strike_price, 12), lot.expiration_date, lot.id,
                                                         format('%s of %s', CASE outcome WHEN 'exercised'
                                                                THEN 'exercise' ELSE 'assignment' END, lot.symbol));
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.settle_options(date, uuid[], text[]) IS
  'What settle_expired_options does; see there.';

CREATE FUNCTION _portfolio_batch.settle_expired_options_as_owner(expired_through date DEFAULT NULL,
                                                                 portfolio_ids uuid[] DEFAULT NULL,
                                                                 cash_settled text[] DEFAULT '{}',
                                                                 portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, position_id uuid, symbol text, expiration_date date, outcome text,
               contracts numeric, strike_price numeric, underlying_price double precision, shares numeric,
               opened_position_id uuid)
LANGUAGE sql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT s.* FROM _portfolio_batch.settle_options($1, _portfolio_batch.chosen_portfolios($2, $4), $3) AS s
$$;

COMMENT ON FUNCTION _portfolio_batch.settle_expired_options_as_owner(date, uuid[], text[], uuid) IS
  'Books what became of the options that have expired by a day (default: the latest closed session) and are still '
  'open, one row a lot. Out of the money they lapse: the lot is closed at 0 on its expiration date. In the money, by '
  'the close of the underlying on that date, they are exercised (bought ones) or assigned (sold ones): the lot is '
  'closed at 0 and shares of the underlying are bought or sold at the strike, which closes lots of the other side, the '
  'oldest first, and opens a lot for the rest. Options on the underlyings in cash_settled are closed at their '
  'intrinsic value instead. contracts and shares are signed, negative sold. A lot without a close of its underlying, '
  'or without a strike, is left as it is and says so. What is settled is not settled again; undo_settlement takes it '
  'back. Snapshots from the expiration on keep their value and have to be run again. portfolio_ids NULL: every active'
  ' portfolio. Errors: 22008 for an infinite date, 22023 for both portfolio_ids and portfolio_id, or where later '
  'trades leave no room for the closing.';

CREATE FUNCTION _portfolio_batch.undo_settlement_as_owner(portfolio_id uuid, position_id uuid)
RETURNS TABLE (table_name text, rows_deleted bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  traded        record;
  reopened      uuid[];
BEGIN
  IF num_nulls(portfolio_id, position_id) > 0 THEN
    RAISE EXCEPTION 'undo_settlement needs a portfolio and a position'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Neither may be NULL.';
  END IF;
  EXECUTE format('SELECT p.id, p.symbol FROM %1$I.positions AS p JOIN %1$I.position_realized_events AS e '
                 'ON e.portfolio_id = p.portfolio_id AND e.position_id = p.id '
                 'WHERE p.portfolio_id = $1 AND p.settles = $2 LIMIT 1', tables_schema)
     INTO traded USING portfolio_id, position_id;
  IF traded.id IS NOT NULL THEN
    RAISE EXCEPTION 'the settlement of position % cannot be undone: shares that it delivered were sold', position_id
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('Position %s (%s) has closing trades.', traded.id, traded.symbol),
            HINT = format('Delete them from %I.position_realized_events first.', tables_schema);
  END IF;
  EXECUTE format('DELETE FROM %1$I.position_tags AS t USING %1$I.positions AS p WHERE p.portfolio_id = $1 '
                 'AND p.settles = $2 AND t.portfolio_id = p.portfolio_id AND t.position_id = p.id', tables_schema)
    USING portfolio_id, position_id;
  EXECUTE format('DELETE FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.settles = $2', tables_schema)
    USING portfolio_id, position_id;
  table_name := 'positions';
  GET DIAGNOSTICS rows_deleted = ROW_COUNT;
  RETURN NEXT;
  EXECUTE format('WITH gone AS (DELETE FROM %I.position_realized_events AS e WHERE e.portfolio_id = $1 '
                 'AND e.settles = $2 RETURNING e.position_id) SELECT array_agg(DISTINCT g.position_id), count(*) '
                 'FROM gone AS g', tables_schema)
     INTO reopened, rows_deleted USING portfolio_id, position_id;
  table_name := 'position_realized_events';
  RETURN NEXT;
  EXECUTE format('UPDATE %I.positions AS p SET exit_date = NULL, exit_price = NULL, updated_at = now() '
                 'WHERE p.portfolio_id = $1 AND p.id = ANY ($2)', tables_schema) USING portfolio_id, reopened;
  IF reopened IS NULL THEN
    RAISE EXCEPTION 'position % of portfolio % was not settled', position_id, portfolio_id
      USING ERRCODE = 'undefined_object',
            HINT = format('SELECT DISTINCT portfolio_id, settles FROM %I.position_realized_events '
                          'WHERE settles IS NOT NULL;', tables_schema);
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.undo_settlement_as_owner(uuid, uuid) IS
  'Takes back what settle_expired_options booked for an option lot: deletes the lots that it opened and the closings '
  'that it made, opens again what these closed, and returns the rows deleted by table. Errors: 22023 for NULL, 42704 '
  'for a lot that was not settled, 55000 where shares that it delivered were sold since.';

CREATE FUNCTION _portfolio_batch.purge_portfolio_as_owner(portfolio_id uuid)
RETURNS TABLE (table_name text, rows_deleted bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  is_known      boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %I.portfolios AS p WHERE p.id = $1)', tables_schema)
     INTO is_known USING portfolio_id;
  FOR table_name IN
    SELECT t.table_name
      FROM @extschema@.analytics_columns() AS t
      JOIN @extschema@.analytics_columns() AS c ON c.table_name = t.table_name AND c.column_name = 'portfolio_id'
     WHERE t.column_name IS NULL AND t.data_type = 'result'
     ORDER BY t.ordinal
  LOOP
    EXECUTE format('DELETE FROM %I.%I AS r WHERE r.portfolio_id = $1', tables_schema, table_name) USING portfolio_id;
    GET DIAGNOSTICS rows_deleted = ROW_COUNT;
    -- Results can outlive the row of their portfolio, since no foreign key holds them.
    is_known := is_known OR rows_deleted > 0;
    RETURN NEXT;
  END LOOP;
  IF NOT is_known THEN
    RAISE EXCEPTION 'portfolio % does not exist', COALESCE(portfolio_id::text, 'NULL')
      USING ERRCODE = 'undefined_object', HINT = format('SELECT id, name FROM %I.portfolios;', tables_schema);
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.purge_portfolio_as_owner(uuid) IS
  'Deletes every result of a portfolio, whose own row may be gone already, and returns the rows deleted by table. '
  'Its positions, trades and capital flows and the log of runs stay; the next backfill computes the results again '
  'when the portfolio is active. Errors: 42704 when there is neither such a portfolio nor a result of it.';

CREATE FUNCTION _portfolio_batch.delete_run_records_as_owner(before timestamptz)
RETURNS TABLE (table_name text, rows_deleted bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  finished      CONSTANT text := format('SELECT b.run_id FROM %I.batch_runs AS b WHERE b.status <> ''running'' '
                                        'AND b.started_at < $1', tables_schema);
BEGIN
  FOREACH table_name IN ARRAY ARRAY['batch_jobs', 'batch_runs'] LOOP
    EXECUTE format('DELETE FROM %I.%I AS r WHERE r.run_id IN (%s)', tables_schema, table_name, finished) USING before;
    GET DIAGNOSTICS rows_deleted = ROW_COUNT;
    RETURN NEXT;
  END LOOP;
  -- Answers by the time they came, since the planner reads those of the last weeks; collections when none is left.
  table_name := 'collection_results';
  EXECUTE format('DELETE FROM %I.collection_results AS r WHERE r.completed_at < $1', tables_schema) USING before;
  GET DIAGNOSTICS rows_deleted = ROW_COUNT;
  RETURN NEXT;
  table_name := 'collections';
  EXECUTE format('DELETE FROM %1$I.collections AS c WHERE c.status <> ''running'' AND c.started_at < $1 AND NOT EXISTS '
                 '(SELECT FROM %1$I.collection_results AS r WHERE r.collection_id = c.collection_id)', tables_schema)
    USING before;
  GET DIAGNOSTICS rows_deleted = ROW_COUNT;
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.delete_run_records_as_owner(timestamptz) IS
  'Deletes the log of runs that began before a time and are over, answers of collections that came before it and '
  'collections of which none is left, and returns the rows deleted by table: a part of purge_results and '
  'purge_run_records.';

CREATE FUNCTION _portfolio_batch.purge_results_as_owner(before date)
RETURNS TABLE (table_name text, rows_deleted bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  today         CONSTANT date := (now() AT TIME ZONE 'America/New_York')::date;
BEGIN
  PERFORM _portfolio_batch.require_finite('the date before which results are purged', before);
  IF before IS NULL OR before > today THEN
    RAISE EXCEPTION 'purge_results needs a date up to today, not %', COALESCE(before::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Results dated before the date are deleted; today is %s in New York.', today);
  END IF;

  -- Snapshots stay: they are the books, from which P&L of later periods and the work list are told, and they are small.
  FOR table_name IN
    SELECT t.table_name
      FROM @extschema@.analytics_columns() AS t
      JOIN @extschema@.analytics_columns() AS c ON c.table_name = t.table_name AND c.column_name = 'calculation_date'
     WHERE t.column_name IS NULL AND t.data_type = 'result'
     ORDER BY t.ordinal
  LOOP
    EXECUTE format('DELETE FROM %I.%I AS r WHERE r.calculation_date < $1', tables_schema, table_name) USING before;
    GET DIAGNOSTICS rows_deleted = ROW_COUNT;
    RETURN NEXT;
  END LOOP;

  -- The log goes by when a run was made, not by the dates it computed: yesterday's backfill of last year is recent.
  RETURN QUERY SELECT * FROM _portfolio_batch.delete_run_records(before::timestamp AT TIME ZONE 'America/New_York');
END
$$;

COMMENT ON FUNCTION _portfolio_batch.purge_results_as_owner(date) IS
  'Deletes the analytics dated before a day, and the log of runs and collections that began before it (New York '
  'time) and are over, and returns the rows deleted by table. Snapshots stay, since they are the books from which '
  'later P&L and the work list are told (purge_portfolio removes them), and so do inputs and definitions. Errors: '
  '22023 for a date that is NULL or later than today, 22008 for one that is infinite.';
