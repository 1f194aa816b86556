-- Forty made-up books with lots of all digits against exact arithmetic: numeric multiplies and adds without rounding, so
-- that what the snapshots must show is the exact sum rounded once. And what they count.

\ir include/prelude.psql
SELECT plan(11);
SET LOCAL portfolio_batch.progress = off;
SELECT setseed(0.23);

CREATE TEMP TABLE session AS
SELECT session_date AS day, row_number() OVER (ORDER BY session_date) AS n FROM sessions_between('2024-03-04', '2024-03-22');

-- Closes of six decimals, which a double holds to more digits than these amounts have.
CREATE TEMP TABLE price AS
SELECT 'S' || s AS symbol, d.day, round((10 + 190 * random())::numeric, 6) AS close
FROM generate_series(1, 6) AS s, session AS d;
INSERT INTO market_data_cache (symbol, date, close, data_source) SELECT symbol, day, close, 'test' FROM price;
CREATE TEMP TABLE dividend (symbol text, ex_date date, amount numeric);
INSERT INTO dividend VALUES ('S1', '2024-03-08', 0.123457), ('S2', '2024-03-13', 1.000003), ('S3', '2024-03-14', 0.333333);
INSERT INTO corporate_actions (symbol, ex_date, kind, amount) SELECT symbol, ex_date, 'dividend', amount FROM dividend;

SELECT pg_temp.add_portfolio(p, round((100000 * random())::numeric, 4) + 1000000, '2024-03-04') FROM generate_series(1, 40) AS p;
CREATE TEMP TABLE lot AS
SELECT p, 100 * p + i AS n, 'S' || 1 + floor(6 * random())::integer AS symbol,
       round((random() * 400)::numeric, 6) * CASE WHEN random() < 0.4 THEN -1 ELSE 1 END
         + CASE WHEN random() < 0.5 THEN 0.000001 ELSE 0.5 END AS quantity,
       round((10 + 190 * random())::numeric, 6) AS entry_price, 1 + floor(12 * random())::integer AS entered,
       CASE WHEN random() < 0.5 THEN 1 + floor(3 * random())::integer END AS wait, random() AS part,
       round((10 + 190 * random())::numeric, 6) AS exit_price
FROM generate_series(1, 40) AS p, generate_series(1, 9) AS i;
SELECT pg_temp.add_lot(l.p, l.n, l.symbol, l.quantity, l.entry_price, d.day)
FROM lot AS l JOIN session AS d ON d.n = l.entered WHERE l.quantity <> 0;
CREATE TEMP TABLE closing AS
SELECT l.p, l.n, d.day, sign(l.quantity) * round(abs(l.quantity) * l.part::numeric, 6) AS quantity, l.exit_price
FROM lot AS l JOIN session AS d ON d.n = l.entered + l.wait;
DELETE FROM closing WHERE quantity = 0;
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
SELECT pg_temp.id(p), pg_temp.id(n), day, abs(quantity), exit_price FROM closing;
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
SELECT pg_temp.id(p), CASE WHEN random() < 0.5 THEN 'CONTRIBUTION' ELSE 'WITHDRAWAL' END,
       round((5000 * random())::numeric, 4) + 1, (SELECT day FROM session WHERE n = 2 + p % 10)
FROM generate_series(1, 40) AS p;
INSERT INTO cash_events (portfolio_id, kind, amount, event_date)
SELECT pg_temp.id(p), 'FEE', -round((50 * random())::numeric, 4) - 1, (SELECT day FROM session WHERE n = 1 + p % 14)
FROM generate_series(1, 40) AS p;

CREATE TEMP TABLE run AS
SELECT r.* FROM (SELECT day FROM session ORDER BY n) AS s CROSS JOIN LATERAL create_portfolio_snapshots(s.day) AS r;
SELECT is_empty($$SELECT * FROM run WHERE failed > 0 OR processed <> 40$$, 'every date is computed');
SELECT is((SELECT count(*) FROM portfolio_snapshots), 40 * (SELECT count(*) FROM session), 'of every book');

-- By lot: what it cost, what its closings and dividends brought, and what is left of it is worth.
CREATE TEMP TABLE exact_lot AS
SELECT l.p, l.n, l.symbol, d.day, d.n AS date_no, l.quantity - c.closed AS left_over,
       (l.quantity - c.closed) * price.close AS value,
       c.proceeds - l.quantity * l.entry_price + i.dividends AS cash
FROM lot AS l
JOIN session AS e ON e.n = l.entered
JOIN session AS d ON d.day >= e.day
JOIN price ON price.symbol = l.symbol AND price.day = d.day
CROSS JOIN LATERAL (SELECT coalesce(sum(c.quantity), 0) AS closed, coalesce(sum(c.quantity * c.exit_price), 0) AS proceeds
                    FROM closing AS c WHERE c.n = l.n AND c.day <= d.day) AS c
CROSS JOIN LATERAL (SELECT coalesce(sum(a.amount * (l.quantity - coalesce(
                             (SELECT sum(c.quantity) FROM closing AS c WHERE c.n = l.n AND c.day < a.ex_date), 0))), 0) AS dividends
                    FROM dividend AS a
                    WHERE a.symbol = l.symbol AND a.ex_date > e.day AND a.ex_date <= d.day) AS i;
CREATE TEMP TABLE exact AS
SELECT pg_temp.id(p) AS portfolio_id, f.initial_equity, d.day, flow.amount AS flows, x.cash + event.amount AS cash,
       x.long, x.short, x.cash + event.amount + x.long + x.short AS pnl, x.longs, x.shorts, x.symbols
FROM generate_series(1, 40) AS p
JOIN portfolios AS f ON f.id = pg_temp.id(p)
CROSS JOIN session AS d
CROSS JOIN LATERAL (SELECT coalesce(sum(CASE change_type WHEN 'CONTRIBUTION' THEN amount ELSE -amount END), 0) AS amount
                    FROM equity_changes WHERE portfolio_id = f.id AND change_date <= d.day) AS flow
CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM cash_events
                    WHERE portfolio_id = f.id AND event_date <= d.day) AS event
CROSS JOIN LATERAL (SELECT coalesce(sum(l.cash), 0) AS cash, coalesce(sum(l.value) FILTER (WHERE l.value > 0), 0) AS long,
                           coalesce(sum(l.value) FILTER (WHERE l.value < 0), 0) AS short,
                           count(*) FILTER (WHERE l.left_over > 0) AS longs,
                           count(*) FILTER (WHERE l.left_over < 0) AS shorts,
                           count(DISTINCT l.symbol) FILTER (WHERE l.left_over <> 0) AS symbols
                    FROM exact_lot AS l WHERE l.p = p.p AND l.day = d.day) AS x;
CREATE TEMP VIEW against AS
SELECT s.*, e.initial_equity + e.flows AS paid_in, e.cash, e.long, e.short, e.pnl, e.longs, e.shorts, e.symbols,
       e.pnl - coalesce(lag(e.pnl) OVER w, 0) AS pnl_of_day,
       round(e.pnl, 4) - coalesce(lag(round(e.pnl, 4)) OVER w, 0) AS difference_of_day,
       lag(s.snapshot_date) OVER w IS NULL AS is_first
FROM portfolio_snapshots AS s JOIN exact AS e ON e.portfolio_id = s.portfolio_id AND e.day = s.snapshot_date
WINDOW w AS (PARTITION BY s.portfolio_id ORDER BY s.snapshot_date);

SELECT is_empty($$SELECT portfolio_id, snapshot_date, cumulative_pnl, pnl FROM against
                  WHERE cumulative_pnl IS DISTINCT FROM round(pnl, 4)
                     OR equity_balance IS DISTINCT FROM paid_in + round(pnl, 4)$$,
                'P&L since inception is the exact sum rounded once, on every date of every book, and so is equity');
SELECT is_empty($$SELECT portfolio_id, snapshot_date, daily_pnl, pnl_of_day FROM against
                  WHERE daily_pnl IS DISTINCT FROM difference_of_day$$,
                'P&L of a day is the difference of two such sums');
SELECT is_empty($$SELECT portfolio_id, snapshot_date, daily_pnl, pnl_of_day FROM against
                  WHERE CASE WHEN is_first THEN daily_pnl <> round(pnl_of_day, 4)
                             ELSE abs(daily_pnl - pnl_of_day) >= 0.0001 END$$,
                'that of the first day the exact sum rounded once, of any other within the one unit that the chain costs');
SELECT is_empty($$SELECT portfolio_id, snapshot_date FROM against
                  WHERE cash_value + total_long + total_short IS DISTINCT FROM equity_balance
                     OR abs(cash_value - paid_in - cash) >= 0.0001 OR abs(total_long - long) >= 0.0001
                     OR abs(total_short - short) >= 0.0001$$,
                'cash, long and short value add up to equity, each within a unit of its exact sum');
SELECT ok((SELECT count(*) > 100 FROM against
            WHERE round(cash, 4) + round(long, 4) + round(short, 4) <> round(pnl, 4)),
          'which they do not where each is rounded by itself');
SELECT is_empty($$SELECT s.portfolio_id, s.snapshot_date, s.daily_pnl
                  FROM portfolio_snapshots AS s
                  JOIN portfolio_holdings AS h ON h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date
                  WHERE s.daily_pnl IS DISTINCT FROM h.unallocated_pnl
                        + (SELECT coalesce(sum(p.daily_pnl), 0) FROM position_history AS p
                           WHERE p.portfolio_id = s.portfolio_id AND p.calculation_date = s.snapshot_date)$$,
                'the lots of position_history and what belongs to none add up to the P&L of the day, exactly');
SELECT is_empty($$SELECT position_id, calculation_date, daily_pnl, earned
                  FROM (SELECT l.n, l.day, l.value + l.cash - lag(l.value + l.cash, 1, 0::numeric) OVER (PARTITION BY l.n ORDER BY l.day) AS earned
                        FROM exact_lot AS l) AS x
                  JOIN position_history AS h ON h.position_id = pg_temp.id(x.n) AND h.calculation_date = x.day
                  WHERE abs(h.daily_pnl - x.earned) > 0.00016$$,
                'and each of them is its own exact P&L, but for the unit that it may have to give');

-- Counts are of lots; symbol_count is of what they are lots of.
SELECT is_empty($$SELECT portfolio_id, snapshot_date, long_count, longs, short_count, shorts, symbol_count, symbols FROM against
                  WHERE (long_count, short_count, symbol_count) IS DISTINCT FROM (longs, shorts, symbols)$$,
                'long_count and short_count are the open lots, symbol_count their symbols');
SELECT ok((SELECT bool_or(symbol_count < long_count + short_count) FROM against), 'of which there are fewer');

SELECT * FROM finish();
ROLLBACK;
