-- What was held and what it was worth -------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.price_asof(symbol text, day date, max_stale_sessions integer DEFAULT NULL)
RETURNS TABLE (price double precision, price_date date, stale_sessions integer)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_price_asof';
COMMENT ON FUNCTION @extschema@.price_asof(text, date, integer) IS
'The one price of a symbol on a day, used by everything: the newest close on or before the day, in shares of the day
(splits after the close divided out; of a split-adjusted close those that had happened when it was fetched are already),
its date, and its age in sessions. price is NULL when it is older than max_stale_sessions
(default: portfolio_batch.max_stale_sessions); all three are NULL when there is no price at all. Always one row. 22023
for a negative age, 22008 for a day that the calendar does not cover. Reads market_data_cache, corporate_actions,
trading_sessions and positions, which tells that a symbol is an option and so splits with its underlying.';

CREATE FUNCTION _portfolio_batch.prices_across_splits(day date, symbols text[])
RETURNS TABLE (symbol text, session_date date, new_shares double precision, old_shares double precision,
               change double precision)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pb_prices_across_splits';
COMMENT ON FUNCTION _portfolio_batch.prices_across_splits(date, text[]) IS
'The sessions up to a day, within reach of its estimates, across which adj_close of a symbol jumps by the ratio of a
split, new_shares for old_shares: rows from before the split were fetched before it. change is that of adj_close, 9 for
ten times as much. The engines leave these returns out. Nothing for a NULL. 22008 for a day that the calendar does not
cover.';

CREATE FUNCTION _portfolio_batch.unknown_splits(day date, symbols text[])
RETURNS TABLE (symbol text, price_date date, new_shares integer, old_shares integer)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    WITH ratio (new_shares, old_shares, size) AS (
      SELECT r.a, r.b, ln(r.a::double precision / r.b)
        FROM (VALUES (3, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (12, 1), (15, 1), (20, 1),
                     (25, 1), (30, 1), (40, 1), (50, 1), (100, 1)) AS v (one, other)
       CROSS JOIN LATERAL (VALUES (v.one, v.other), (v.other, v.one)) AS r (a, b)
    ), parted AS (
      -- What the adjustment of a row says that a share of its day has become since.
      SELECT m.symbol, m.date, lag(m.date) OVER w AS before,
             ln(m.adj_close / m.close) - lag(ln(m.adj_close / m.close)) OVER w AS size
        FROM %1$I.market_data_cache AS m
       WHERE m.symbol = ANY ($2) AND m.date <= $1 AND m.date > $1 - 1100 AND m.close > 0 AND m.adj_close > 0
      WINDOW w AS (PARTITION BY m.symbol ORDER BY m.date)
    )
    SELECT p.symbol, p.date, r.new_shares, r.old_shares
      FROM parted AS p
      JOIN ratio AS r ON abs(p.size - r.size) < 0.02
     WHERE abs(p.size) > 0.3
       AND NOT EXISTS (SELECT FROM %1$I.corporate_actions AS a
                        WHERE a.symbol = p.symbol AND a.ex_date > p.before - 5 AND a.ex_date <= p.date + 5)
     ORDER BY p.symbol, p.date
  $query$, _portfolio_batch.tables_schema()) USING day, symbols;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.unknown_splits(date, text[]) IS
'The days up to a day, in three years, on which close and adj_close of a symbol part by the ratio of a split, new_shares
for old_shares (3:2, 2:1 to 100:1 and the other way round, within 2 %), and corporate_actions has nothing of the symbol
within five days: either the split is missing there, so that its shares are counted wrongly, or one of the two columns
was fetched before it and not again. Nothing for a NULL.';

CREATE FUNCTION @extschema@.positions_asof(day date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                           portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, position_id uuid, symbol text, position_type text, investment_class text,
               quantity double precision, contract_multiplier double precision, entry_price double precision,
               entry_date date, underlying_symbol text, price double precision, price_date date, price_quality text,
               market_value numeric, exposure double precision)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_positions_asof';
COMMENT ON FUNCTION @extschema@.positions_asof(date, uuid[], uuid) IS
'The lots open at the end of a day (default: the latest closed session) with the quantity of that day: as opened, less
what was closed on or before it, times the splits since entry; negative for short positions. entry_price is in shares of
the day. They are valued as their snapshot values them: price is the newest of the trade price, the close and a private
asset''s mark, in shares of the day, price_date its day, and price_quality current (of the day), stale (at most
portfolio_batch.max_stale_sessions old), unpriced (older: a last mark), manual (private) or expired (an option from its
expiration on, at its intrinsic value by the close of the underlying on that date). An option follows the splits of its
underlying: contracts, or contract_multiplier where they would be no whole number. A lot is what corporate actions made
of it by the day: symbol, quantity and entry_price, which carries its cost, are those of then, and entry_date is that
of the lot as it was opened; shares that were spun off have a position_id of their own (lot_history). market_value is
signed, in
the portfolio''s currency, and NULL where it cannot be counted. exposure is the signed amount that moves with the symbol
or, of an option, by its delta with the underlying_symbol; NULL for a private asset and for an option without delta.
portfolio_ids NULL: every active portfolio. Unknown portfolios raise 42704.';

CREATE FUNCTION @extschema@.lot_history(portfolio_id uuid)
RETURNS TABLE (opened_as uuid, position_id uuid, symbol text, action text, from_date date, until_date date,
               quantity double precision, entry_price double precision, cost numeric,
               multiplier double precision, converted_quantity double precision, converted_cash numeric,
               realized_pnl numeric)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_lot_history';
COMMENT ON FUNCTION @extschema@.lot_history(uuid) IS
'What corporate actions made of the lots of a portfolio: a row for each stretch of time between them, of every lot that
one touches. opened_as is the lot as it was opened (positions.id), position_id what it goes by then: the same, or for
shares that were spun off an id of their own. action is opened, or the kind of the corporate action that it comes from.
quantity, negative when short, entry_price and cost (quantity x entry_price x multiplier) are those of from_date; they
change until until_date, NULL for none, by closings and splits alone. Where a corporate action ends it:
converted_quantity is what was open, in shares of that day, converted_cash what was paid for it, and realized_pnl that
cash less its part of the cost, in the portfolio''s currency. The costs of what it became, and the part of the cash, add
up to the cost. Actions that are announced for later are shown as well. 42704 for a portfolio that does not exist.';

CREATE FUNCTION @extschema@.portfolio_exposures(day date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                                portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, position_type text, long_exposure numeric, short_exposure numeric,
               gross_exposure numeric, net_exposure numeric, positions bigint)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_portfolio_exposures';
COMMENT ON FUNCTION @extschema@.portfolio_exposures(date, uuid[], uuid) IS
'Market value of each portfolio on a day by position type, and for all types together (ALL): long >= 0, short <= 0,
gross = long - short, net = long + short, and the number of lots. Valued like snapshots: own price of the day, stale
up to portfolio_batch.max_stale_sessions, else the last mark.';

CREATE FUNCTION _portfolio_batch.pnl_by_kind_of(portfolio_ids uuid[], from_date date, to_date date)
RETURNS TABLE (portfolio_id uuid, kind text, amount numeric)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM _portfolio_batch.require_finite('a date of a period', d.day)
     FROM unnest(ARRAY[from_date, to_date]) AS d (day);
  RETURN QUERY EXECUTE format($query$
    WITH period AS (
      SELECT f.id, f.name, l.snapshot_date AS last_date, e.snapshot_date AS before_date,
             l.cumulative_pnl - COALESCE(e.cumulative_pnl, 0) AS pnl,
             COALESCE(l.cumulative_dividends, 0) - COALESCE(e.cumulative_dividends, 0) AS dividends,
             COALESCE(l.cumulative_cash_pnl, 0) - COALESCE(e.cumulative_cash_pnl, 0) AS cash_pnl
        FROM %1$I.portfolios AS f
       CROSS JOIN LATERAL (SELECT s.* FROM %1$I.portfolio_snapshots AS s
                            WHERE s.portfolio_id = f.id AND s.snapshot_date BETWEEN $2 AND $3
                            ORDER BY s.snapshot_date DESC LIMIT 1) AS l
        LEFT JOIN LATERAL (SELECT s.* FROM %1$I.portfolio_snapshots AS s
                            WHERE s.portfolio_id = f.id AND s.snapshot_date < $2
                            ORDER BY s.snapshot_date DESC LIMIT 1) AS e ON true
       WHERE f.deleted_at IS NULL AND CASE WHEN $1 IS NULL THEN f.is_active ELSE f.id = ANY ($1) END
    ), event AS (
      SELECT c.portfolio_id, c.kind, sum(c.amount) AS amount
        FROM %1$I.cash_events AS c JOIN period AS p ON p.id = c.portfolio_id
       WHERE c.kind <> 'DIVIDEND' AND c.deleted_at IS NULL AND c.event_date <= p.last_date
         AND (c.event_date > p.before_date) IS NOT FALSE
       GROUP BY c.portfolio_id, c.kind
    ), part AS (
      SELECT p.id, 1 AS place, 'PRICE' AS kind, p.pnl - p.dividends - p.cash_pnl AS amount FROM period AS p
      UNION ALL
      SELECT p.id, 2, 'DIVIDEND', p.dividends FROM period AS p WHERE p.dividends <> 0
      UNION ALL
      SELECT e.portfolio_id, 3, e.kind, e.amount FROM event AS e
      UNION ALL
      -- What was booked since for days before the period belongs to it, for the snapshots before did not hold it.
      SELECT p.id, 4, 'EARLIER', p.cash_pnl - COALESCE(e.amount, 0)
        FROM period AS p
        LEFT JOIN (SELECT e.portfolio_id, sum(e.amount) AS amount FROM event AS e GROUP BY e.portfolio_id) AS e
          ON e.portfolio_id = p.id
       WHERE p.cash_pnl <> COALESCE(e.amount, 0)
      UNION ALL
      SELECT p.id, 5, 'TOTAL', p.pnl FROM period AS p
    )
    SELECT t.id, t.kind, round(t.amount, 4)
      FROM part AS t JOIN period AS p USING (id)
     ORDER BY p.name COLLATE "C", t.id, t.place, t.kind COLLATE "C"
  $query$, _portfolio_batch.tables_schema()) USING portfolio_ids, from_date, to_date;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.pnl_by_kind_of(uuid[], date, date) IS 'What pnl_by_kind does; see there.';

CREATE FUNCTION _portfolio_batch.pnl_by_kind_as_owner(from_date date, to_date date, portfolio_ids uuid[] DEFAULT NULL,
                                                      portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (portfolio_id uuid, kind text, amount numeric)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT p.* FROM _portfolio_batch.pnl_by_kind_of(_portfolio_batch.chosen_portfolios($3, $4), $1, $2) AS p
$$;
COMMENT ON FUNCTION _portfolio_batch.pnl_by_kind_as_owner(date, date, uuid[], uuid) IS
'What the P&L of a period came from, by the snapshots from from_date to to_date against the last one before, in the
portfolio''s currency, a gain positive: PRICE (changes of prices), DIVIDEND (counted on ex-dates, corrected when the
account reports them), each other kind of cash_events, EARLIER (cash events that were booked since for days before the
period) and TOTAL, to which the others add up exactly. Kinds without an amount are left out, and so are portfolios
without a snapshot in the period. portfolio_ids NULL: every active portfolio. Errors: 22008 for an infinite date, 22023
for both portfolio_ids and portfolio_id.';

CREATE FUNCTION @extschema@.market_data_coverage(day date DEFAULT NULL, portfolio_ids uuid[] DEFAULT NULL,
                                                 portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (symbol text, status text, price_date date, data_source text)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_market_data_coverage';
COMMENT ON FUNCTION @extschema@.market_data_coverage(date, uuid[], uuid) IS
'The symbols that a session needs (positions that trade, underlyings of options, active factors, the market) with the
state of their price:
current (of the day), stale (at most portfolio_batch.max_stale_sessions old), missing (older, or none).';

CREATE FUNCTION @extschema@.missing_prices(from_date date, to_date date, portfolio_ids uuid[] DEFAULT NULL,
                                           portfolio_id uuid DEFAULT NULL)
RETURNS TABLE (symbol text, session_date date)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_missing_prices';
COMMENT ON FUNCTION @extschema@.missing_prices(date, date, uuid[], uuid) IS
'The (symbol, session) pairs from one day to another that have no row in market_data_cache: what a loader has to fetch.
Symbols: positions open at some time in the span that trade, underlyings of options, active factors, the market. An
option that has expired needs none.';

