-- Closing trades, marks by hand, and the removal of whole histories of results.

CREATE FUNCTION _portfolio_batch.standard_multiplier(position_type text, investment_class text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN position_type IN ('LC', 'LP', 'SC', 'SP') AND investment_class IS DISTINCT FROM 'PRIVATE'
            THEN 100 ELSE 1 END;

COMMENT ON FUNCTION _portfolio_batch.standard_multiplier(text, text) IS
  'The contract multiplier of a lot whose contract_multiplier is NULL: 100 for an option, 1 for everything else and '
  'for private lots. The one place that says so.';

CREATE FUNCTION _portfolio_batch.split_ratio(symbol text, after_date date, through_date date,
                                             OUT new_shares numeric, OUT old_shares numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  split record;
BEGIN
  PERFORM _portfolio_batch.require_finite('a date of a split ratio', d.day)
     FROM unnest(ARRAY[after_date, through_date]) AS d (day);
  new_shares := 1;
  old_shares := 1;
  FOR split IN
    EXECUTE format('SELECT a.ratio_numerator::numeric AS numerator, COALESCE(a.ratio_denominator::numeric, 1) '
                   'AS denominator FROM %I.corporate_actions AS a WHERE a.symbol = $1 AND a.kind = ''split'' '
                   'AND a.ex_date > $2 AND a.ex_date <= $3', _portfolio_batch.tables_schema())
      USING symbol, after_date, through_date
  LOOP
    new_shares := new_shares * split.numerator;
    old_shares := old_shares * split.denominator;
  END LOOP;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.split_ratio(text, date, date) IS
  'New shares on through_date for old shares on after_date: the products of the split ratios of a symbol with an '
  'ex-date after after_date and on or before through_date; 1 and 1 when there is none. Two numbers, since 1:3 is no '
  'decimal. Errors: 22008 for an infinite date.';

CREATE FUNCTION _portfolio_batch.split_ratios(symbol text, after_date date)
RETURNS TABLE (from_date date, before_date date, new_shares numeric, old_shares numeric)
LANGUAGE plpgsql STABLE ROWS 2
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  split record;
BEGIN
  new_shares := 1;
  old_shares := 1;
  from_date := '-infinity';
  FOR split IN
    EXECUTE format('SELECT a.ex_date, a.ratio_numerator::numeric AS numerator, '
                   'COALESCE(a.ratio_denominator::numeric, 1) AS denominator FROM %I.corporate_actions AS a '
                   'WHERE a.symbol = $1 AND a.kind = ''split'' AND a.ex_date > $2 ORDER BY a.ex_date, a.action_no',
                   _portfolio_batch.tables_schema())
      USING symbol, after_date
  LOOP
    before_date := split.ex_date;
    RETURN NEXT;
    new_shares := new_shares * split.numerator;
    old_shares := old_shares * split.denominator;
    from_date := split.ex_date;
  END LOOP;
  before_date := 'infinity';
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.split_ratios(text, date) IS
  'split_ratio(symbol, after_date, day) for all days from from_date until before before_date. To be joined to many '
  'trades of one symbol.';

CREATE FUNCTION _portfolio_batch.open_quantity(portfolio_id uuid, position_id uuid, day date,
                                               closed_until date DEFAULT NULL, OUT quantity numeric,
                                               OUT closed numeric, OUT new_shares numeric, OUT old_shares numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  lot           record;
  rounding      numeric;  -- quantities have six decimals on the day of their trade, so each may be off by half of one
BEGIN
  EXECUTE format('SELECT p.* FROM %I.positions AS p WHERE p.portfolio_id = $1 AND p.id = $2', tables_schema)
     INTO lot USING portfolio_id, position_id;
  -- A split changes the number of shares, so trades before and after it are compared in shares at entry.
  EXECUTE format('SELECT COALESCE(sum(e.quantity_closed * s.old_shares / s.new_shares), 0), '
                 'COALESCE(sum(0.0000005 * s.old_shares / s.new_shares), 0) '
                 'FROM %I.position_realized_events AS e '
                 'JOIN _portfolio_batch.split_ratios($3, $4) AS s '
                 'ON e.trade_date >= s.from_date AND e.trade_date < s.before_date '
                 'WHERE e.portfolio_id = $1 AND e.position_id = $2 AND e.trade_date <= $5', tables_schema)
     INTO closed, rounding USING portfolio_id, position_id, lot.symbol, lot.entry_date, COALESCE(closed_until, day);
  SELECT s.* INTO new_shares, old_shares FROM _portfolio_batch.split_ratio(lot.symbol, lot.entry_date, day) AS s;
  quantity := CASE WHEN lot.deleted_at IS NULL AND lot.entry_date <= day AND (lot.exit_date > day) IS NOT FALSE
                    AND abs(lot.quantity) - closed > rounding
                   THEN round(sign(lot.quantity) * (abs(lot.quantity) - closed) * new_shares / old_shares, 6)
                   ELSE 0.000000 END;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.open_quantity(uuid, uuid, date, date) IS
  'What is open of a lot at the end of a day, negative when short: as opened, less what was closed until closed_until '
  '(default: that day), times the splits since entry; the quantity of positions_asof, in decimals. closed: what was '
  'closed, in shares at entry; new_shares on the day for old_shares at entry. 0 before the entry, from the exit on, '
  'for a deleted lot, and where what is left is no more than the rounding of the closings.';

CREATE FUNCTION _portfolio_batch.closings(portfolio_ids uuid[], through_date date, lot_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, position_id uuid, event_id uuid, symbol text, trade_date date, proceeds numeric,
               realized_pnl numeric, booked_pnl numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    -- The splits of a lot are looked up once, however many closings it has.
    WITH lot AS MATERIALIZED (
      SELECT p.portfolio_id, p.id, p.symbol, p.quantity, p.entry_price, s.*,
             COALESCE(p.contract_multiplier,
                      _portfolio_batch.standard_multiplier(p.position_type, p.investment_class)) AS multiplier
      FROM %1$I.positions AS p
      CROSS JOIN LATERAL _portfolio_batch.split_ratios(p.symbol, p.entry_date) AS s
      WHERE p.portfolio_id = ANY ($1) AND ($3 IS NULL OR p.id = $3)
        AND EXISTS (SELECT FROM %1$I.position_realized_events AS c
                    WHERE c.portfolio_id = p.portfolio_id AND c.position_id = p.id)
    )
    SELECT l.portfolio_id, l.id, e.id, l.symbol, e.trade_date,
           round(e.exit_price * e.quantity_closed * l.multiplier, 4),
           round(sign(l.quantity) * (e.exit_price - l.entry_price * l.old_shares / l.new_shares) * e.quantity_closed
                 * l.multiplier, 4), e.realized_pnl
    FROM lot AS l
    JOIN %1$I.position_realized_events AS e ON e.portfolio_id = l.portfolio_id AND e.position_id = l.id
                                           AND e.trade_date >= l.from_date AND e.trade_date < l.before_date
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
  open_quantity numeric;  -- in shares on the trade date, without sign
  event_id      uuid;
BEGIN
  IF num_nulls(portfolio_id, position_id, quantity, price, trade_date) > 0 THEN
    RAISE EXCEPTION 'close_position needs a portfolio, a position, a quantity, a price and a trade date'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'None of the five may be NULL.';
  END IF;
  PERFORM _portfolio_batch.require_finite('trade_date', trade_date);
  quantity := CASE WHEN quantity < 'Infinity' THEN round(quantity, 6) ELSE 'NaN' END;
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
  IF lot.exit_date IS NOT NULL THEN
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
  IF quantity > open_quantity THEN
    RAISE EXCEPTION 'cannot close % of position % (%): % are open on %', trim_scale(quantity), position_id, lot.symbol,
                    trim_scale(open_quantity), trade_date
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('%s were opened on %s; in those shares %s are closed%s.',
                            trim_scale(abs(lot.quantity)), lot.entry_date, trim_scale(round(held.closed, 6)),
                            CASE WHEN held.new_shares <> held.old_shares
                                 THEN format('; splits since made %s shares of %s', trim_scale(held.new_shares),
                                             trim_scale(held.old_shares)) END),
            HINT = format('Close at most %s, or correct the earlier trades in %I.position_realized_events.',
                          trim_scale(open_quantity), tables_schema);
  END IF;

  EXECUTE format('INSERT INTO %I.position_realized_events '
                 '(portfolio_id, position_id, trade_date, quantity_closed, exit_price) '
                 'VALUES ($1, $2, $3, $4, $5) RETURNING id', tables_schema)
     INTO event_id USING portfolio_id, position_id, trade_date, quantity, price;

  IF quantity = open_quantity THEN
    -- Trades can be entered out of order: the exit is the latest of them.
    EXECUTE format('UPDATE %1$I.positions AS p '
                   'SET exit_date = last.trade_date, exit_price = last.exit_price, updated_at = now() '
                   'FROM (SELECT e.trade_date, e.exit_price FROM %1$I.position_realized_events AS e '
                   'WHERE e.portfolio_id = $1 AND e.position_id = $2 '
                   'ORDER BY e.trade_date DESC, e.id = $3 DESC LIMIT 1) AS last '
                   'WHERE p.portfolio_id = $1 AND p.id = $2', tables_schema)
      USING portfolio_id, position_id, event_id;
  ELSE
    EXECUTE format('UPDATE %I.positions AS p SET updated_at = now() WHERE p.portfolio_id = $1 AND p.id = $2',
                   tables_schema) USING portfolio_id, position_id;
  END IF;
  RETURN event_id;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.close_position_as_owner(uuid, uuid, numeric, numeric, date) IS
  'Closes a position in part or in full: quantity in shares or contracts of the trade date without sign, price per '
  'share as traded. Writes a row of position_realized_events, whose id it returns; what it realizes is computed by the '
  'batch, and realized_pnl of the row is left for what the broker reports. When nothing is left, exit_date and '
  'exit_price of the position are those of its last trade. positions.quantity stays as opened. Snapshots that exist '
  'from the trade date on have to be run again. Errors: 22023 for an argument that is NULL or out of range or for '
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
END
$$;

COMMENT ON FUNCTION _portfolio_batch.delete_run_records_as_owner(timestamptz) IS
  'Deletes the log of runs that began before a time and are over, and returns the rows deleted by table: a part of '
  'purge_results and purge_run_records.';

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
  'Deletes the analytics dated before a day, and the log of runs that began before it (New York time) and are over, '
  'and returns the rows deleted by table. Snapshots stay, since they are the books from which later P&L and the work '
  'list are told (purge_portfolio removes them), and so do inputs and definitions. Errors: 22023 for a date that is '
  'NULL or later than today, 22008 for one that is infinite.';
