#!/usr/bin/env python3
"""Daily accounting of the fixture books, written independently of the extension (Python, decimal arithmetic).

usage: accounting.py [--check] [DATA_DIR]

  DATA_DIR   directory of prices_adjusted_2016_2024.csv.gz; default: environment variable PB_SHARED_DATA.
             Without it only the small cases run, since they carry their own prices.
  --check    compare with the committed accounting_real.csv instead of writing it

Every figure of a date is a level computed from the whole history of the book, so the order in which dates or late
bookings arrive cannot matter; daily figures are differences of levels. Each real book is then attributed a second way
(held, bought and sold quantity times price move) and the two routes must agree.
"""
import bisect
import csv
import gzip
import json
import os
import sys
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, getcontext
from fractions import Fraction
from pathlib import Path

getcontext().prec = 40
HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
CENT_PRECISION = Decimal("0.0001")
MAX_STALE_SESSIONS = 5
OPTION_TYPES = {"LC", "LP", "SC", "SP"}
ZERO = Decimal(0)
FETCHED = "2026-01-01"  # no book has a split after it; rows that are loaded at once know all splits before
MONEY = ["equity_balance", "daily_pnl", "mtd_pnl", "ytd_pnl", "cumulative_pnl", "daily_realized_pnl",
         "daily_capital_flow", "total_market_value", "cash_value", "total_long", "total_short", "gross_exposure"]
COUNTS = ["long_count", "short_count", "option_count", "private_positions", "stale_prices", "unpriced_positions",
          "symbol_count"]
COLUMNS = ["portfolio_id", "snapshot_date"] + MONEY + COUNTS + ["daily_return"]
CASH = ["cumulative_dividends", "cumulative_cash_pnl", "cumulative_fees"]
ACCOUNT_COLUMNS = COLUMNS + CASH + ["gross_return"]
OLDEST_DIVIDEND = 100  # days after its ex-date on which a payment is still taken for that of a dividend
OLDEST_SETTLEMENT = 10  # days before an expiration from which a close of the underlying still settles it


def money(amount):
    return amount.quantize(CENT_PRECISION, rounding=ROUND_HALF_UP)


def rounded_parts(parts, total):
    """The parts rounded such that they add up to their rounded total: those that lost the most, or won, give way."""
    rounded = [money(part) for part in parts]
    while sum(rounded) != total:
        step = CENT_PRECISION if sum(rounded) < total else -CENT_PRECISION
        gains = [(r - p) / step for r, p in zip(rounded, parts)]
        rounded[gains.index(min(gains))] += step
    return rounded


def days_between(first, last):
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


class Prices:
    """Price rows of all symbols: dates in order, closes, and the source of each row."""

    def __init__(self):
        self.rows = {}
        self.adjustment = {}
        self.nightly = set()  # symbols whose rows were fetched in the night after their date

    def add(self, symbol, day, close, source, adjustment):
        self.rows.setdefault(symbol, []).append((day, close, source))
        self.adjustment[symbol] = adjustment

    def finish(self):
        for rows in self.rows.values():
            rows.sort()

    def last(self, symbol, day, manual_only=False):
        """(date, close) of the last row dated on or before day, or None."""
        rows = self.rows.get(symbol, [])
        for row_day, close, source in reversed(rows[:bisect.bisect_right(rows, day, key=lambda r: r[0])]):
            if not manual_only or source == "manual":
                return row_day, close
        return None


def real_prices(data_dir):
    prices = Prices()
    with gzip.open(Path(data_dir) / "prices_adjusted_2016_2024.csv.gz", "rt", newline="") as handle:
        for row in csv.DictReader(handle):
            prices.add(row["symbol"], row["date"], Decimal(row["adj_close"]), "csv", "split")
    return prices


def split_ratio(row):
    return Fraction(row["ratio_numerator"]) / Fraction(row.get("ratio_denominator", "1"))


def times(amount, ratio):
    """A decimal times a fraction, rounded once."""
    return amount * ratio.numerator / ratio.denominator


class Actions:
    """Splits and dividends. A split makes new shares of old shares, two numbers, on its ex-date."""

    def __init__(self, rows):
        self.splits = [(r["symbol"], r["ex_date"], split_ratio(r)) for r in rows if r["kind"] == "split"]
        self.dividends = [(r["symbol"], r["ex_date"], Decimal(r["amount"])) for r in rows if r["kind"] == "dividend"]

    def shares_per_share(self, symbol, after, until):
        """How many shares of `until` one share of `after` has become."""
        ratio = Fraction(1)
        for name, ex_date, one in self.splits:
            if name == symbol and after < ex_date <= until:
                ratio *= one
        return ratio


class Lot:
    """One position row with its closings; quantities inside are in shares of the entry date, signed."""

    def __init__(self, row, events, marks, actions):
        self.id = row["id"]
        self.symbol = row["symbol"]
        self.underlying = row.get("underlying_symbol")
        self.strike = Decimal(row["strike_price"]) if row.get("strike_price") else None
        self.expiration = row.get("expiration_date")
        self.is_call = row["position_type"] in {"LC", "SC"}
        self.entry_date = row["entry_date"]
        self.entry_price = Decimal(row["entry_price"])
        self.quantity = Decimal(row["quantity"])
        self.is_option = row["position_type"] in OPTION_TYPES
        self.is_private = row["investment_class"] == "PRIVATE"
        self.multiplier = Decimal(row.get("contract_multiplier") or ("100" if self.is_option else "1"))
        self.actions = actions
        self.marks = sorted((m["mark_date"], Decimal(m["price"])) for m in marks)
        self.closings = []       # (trade date, entry-date quantity closed, traded quantity, price), signed like the lot
        sign = 1 if self.quantity > 0 else -1
        for event in sorted(events, key=lambda e: e["trade_date"]):
            traded = sign * Decimal(event["quantity_closed"])
            self._close(event["trade_date"], traded, Decimal(event["exit_price"]))
        if row.get("exit_date"):
            left = self.remaining(row["exit_date"])
            if left != 0:
                traded = times(left, self.shares_per_share(self.entry_date, row["exit_date"]))
                self._close(row["exit_date"], traded, Decimal(row["exit_price"]))

    def _close(self, day, traded, price):
        opened = times(traded, 1 / self.shares_per_share(self.entry_date, day))
        self.closings.append((day, opened, traded, price))

    def shares_per_share(self, after, until):
        """An option follows the splits of its underlying: of these books, all of them into whole shares."""
        return self.actions.shares_per_share(self.underlying if self.is_option and self.underlying else self.symbol,
                                             after, until)

    def remaining(self, day):
        """Quantity still open at the end of day, in shares of the entry date."""
        if day < self.entry_date:
            return ZERO
        return self.quantity - sum((opened for when, opened, _, _ in self.closings if when <= day), ZERO)

    def trade_cash(self, day):
        if day < self.entry_date:
            return ZERO
        cash = -self.quantity * self.entry_price * self.multiplier
        return cash + sum((traded * price * self.multiplier for when, _, traded, price in self.closings if when <= day),
                          ZERO)

    def dividend_cash(self, day):
        """Dividends fall to the quantity held the day before the ex-date; a short pays them."""
        cash = ZERO
        for symbol, ex_date, amount in self.actions.dividends:
            if symbol == self.symbol and self.entry_date < ex_date <= day:
                held = self.quantity - sum((o for when, o, _, _ in self.closings if when < ex_date), ZERO)
                before = self.actions.shares_per_share(symbol, self.entry_date, ex_date)
                same_day = [r for s, d, r in self.actions.splits if s == symbol and d == ex_date]
                for ratio in same_day:
                    before /= ratio
                cash += times(held, before) * amount * self.multiplier
        return cash

    def realized(self, after, until):
        """(exit - entry) x closed quantity x multiplier of the closings in (after, until]."""
        gain = ZERO
        for when, opened, traded, price in self.closings:
            if after < when <= until:
                gain += (traded * price - opened * self.entry_price) * self.multiplier
        return gain

    def settlement(self, day, prices):
        """Of an option that has expired by day: its intrinsic value by the close of the underlying, per share of the
        entry date, or None."""
        if not self.is_option or self.expiration is None or day < self.expiration or self.strike is None:
            return None
        row = prices.last(self.underlying, self.expiration)
        if row is None or days_between(row[0], self.expiration) > OLDEST_SETTLEMENT:
            return None
        basis = FETCHED if prices.adjustment[self.underlying] == "split" else row[0]
        close = times(row[1], self.shares_per_share(self.entry_date, basis))
        return max(close - self.strike if self.is_call else self.strike - close, ZERO)

    def mark(self, day, prices):
        """(value of one share of the entry date, date of that price)."""
        settled = self.settlement(day, prices)
        if settled is not None:
            return settled, self.expiration
        by_hand = [mark for mark in self.marks if mark[0] <= day]
        row = prices.last(self.symbol, day, manual_only=self.is_private)
        if self.is_private and by_hand and (row is None or by_hand[-1][0] >= row[0]):
            when, price = by_hand[-1]
            return times(price, self.shares_per_share(self.entry_date, when)), when
        if row is None or (not self.is_private and row[0] < self.entry_date):
            return self.entry_price, self.entry_date
        # The price counts shares of its own date (raw) or of the day on which it was fetched (split-adjusted).
        is_at_once = prices.adjustment[self.symbol] == "split" and self.symbol not in prices.nightly
        basis = FETCHED if is_at_once else row[0]
        return times(row[1], self.shares_per_share(self.entry_date, basis)), row[0]

    def since_opening(self, opening, prices):
        """What a lot that was held at the opening cannot earn any more: its gain until then, and its dividends."""
        if opening is None or self.entry_date > opening:
            return ZERO
        value = self.remaining(opening) * self.mark(opening, prices)[0] * self.multiplier
        return self.trade_cash(opening) + self.dividend_cash(opening) + value


class Book:
    def __init__(self, portfolio, actions, prices=None):
        self.id = portfolio["id"]
        self.opening = portfolio.get("opening")
        self.actions = actions
        self.prices = prices
        self.initial_equity = Decimal(portfolio["initial_equity"])
        events = {}
        for event in portfolio["realized_events"]:
            events.setdefault(event["position_id"], []).append(event)
        marks = {}
        for mark in portfolio.get("marks", []):
            marks.setdefault(mark["position_id"], []).append(mark)
        self.lots = [Lot(p, events.get(p["id"], []), marks.get(p["id"], []), actions) for p in portfolio["positions"]]
        self.flows = [(f["change_date"], Decimal(f["amount"]) * (1 if f["change_type"] == "CONTRIBUTION" else -1))
                      for f in portfolio["equity_changes"] if f["change_date"] > (self.opening or "")]
        self.events = sorted((e for e in portfolio.get("cash_events", []) if e["event_date"] > (self.opening or "")),
                             key=lambda e: e["event_date"])

    def flows_to(self, day):
        return sum((amount for when, amount in self.flows if when <= day), ZERO)

    def dividends_counted(self, lots, ex_date):
        """What lots were paid on an ex-date."""
        before = (date.fromisoformat(ex_date) - timedelta(1)).isoformat()
        return sum((lot.dividend_cash(ex_date) - lot.dividend_cash(before) for lot in lots), ZERO)

    def cash_events(self, day):
        """(kind, amount as it counts, lot or None) of the events to day. A dividend that the account reports counts by
        its difference to the oldest one of its symbol or lot that was counted and not reported yet."""
        counted, reported = [], set()
        for event in (e for e in self.events if e["event_date"] <= day):
            lot = next((x for x in self.lots if x.id == event.get("position_id")), None)
            amount = Decimal(event["amount"])
            if event["kind"] == "DIVIDEND":
                symbol = lot.symbol if lot else event["symbol"]
                lots = [lot] if lot else [x for x in self.lots if x.symbol == symbol]
                known = sorted({d for s, d, _ in self.actions.dividends if s == symbol and d > (self.opening or "")})
                if event.get("ex_date"):
                    known = [event["ex_date"]]
                else:
                    known = [d for d in known if 0 <= days_between(d, event["event_date"]) <= OLDEST_DIVIDEND]
                for ex_date in known:
                    open_lots = [x for x in lots if (x.id, ex_date) not in reported]
                    on_ex_date = self.dividends_counted(open_lots, ex_date)
                    if on_ex_date != 0:
                        reported |= {(x.id, ex_date) for x in open_lots if self.dividends_counted([x], ex_date) != 0}
                        amount -= on_ex_date
                        break
            counted.append((event["kind"], amount, lot))
        return counted

    def contributions(self, previous_day, day):
        return sum((amount for when, amount in self.flows if previous_day < when <= day and amount > 0), ZERO)

    def cash(self, day):
        trades = sum((lot.trade_cash(day) + lot.dividend_cash(day) - lot.since_opening(self.opening, self.prices)
                      for lot in self.lots), ZERO)
        events = sum((amount for _, amount, _ in self.cash_events(day)), ZERO)
        return self.initial_equity + self.flows_to(day) + trades + events

    def dividends(self, day):
        """On ex-dates since the opening, and what the account reported otherwise."""
        on_ex_dates = sum((lot.dividend_cash(day) - (lot.dividend_cash(self.opening) if self.opening else ZERO)
                           for lot in self.lots), ZERO)
        return on_ex_dates + sum((a for kind, a, _ in self.cash_events(day) if kind == "DIVIDEND"), ZERO)

    def cash_pnl(self, day, kinds=None):
        return sum((a for kind, a, _ in self.cash_events(day)
                    if kind != "DIVIDEND" and (kinds is None or kind in kinds)), ZERO)


def levels(book, day, prices, sessions):
    """What the book is worth at the close of day, and what it holds."""
    long_value, short_value = ZERO, ZERO
    counts, symbols = dict.fromkeys(COUNTS, 0), set()
    for lot in book.lots:
        quantity = lot.remaining(day)
        if quantity == 0:
            continue
        price, price_date = lot.mark(day, prices)
        value = quantity * price * lot.multiplier
        symbols.add(lot.symbol)
        if quantity > 0:
            long_value += value
            counts["long_count"] += 1
        else:
            short_value += value
            counts["short_count"] += 1
        counts["option_count"] += lot.is_option
        if lot.is_private:
            counts["private_positions"] += 1
            continue
        if lot.settlement(day, prices) is not None:
            continue
        age = bisect.bisect_right(sessions, day) - bisect.bisect_right(sessions, price_date)
        if age > MAX_STALE_SESSIONS:
            counts["unpriced_positions"] += 1
        elif age > 0:
            counts["stale_prices"] += 1
    counts["symbol_count"] = len(symbols)
    equity = money(book.cash(day) + long_value + short_value)
    cash, total_long, total_short = rounded_parts([book.cash(day), long_value, short_value], equity)
    market_value = total_long + total_short
    return {
        "equity_balance": equity, "total_market_value": market_value, "cash_value": cash, "total_long": total_long,
        "total_short": total_short, "gross_exposure": total_long - total_short, **counts,
        "flows": book.flows_to(day),
        "cumulative_pnl": equity - book.initial_equity - book.flows_to(day),
        "cumulative_dividends": money(book.dividends(day)), "cumulative_cash_pnl": money(book.cash_pnl(day)),
        "cumulative_fees": money(book.cash_pnl(day, {"FEE"})),
    }


def snapshots(book, days, prices, sessions):
    rows, previous, previous_day = [], None, "0001-01-01"
    month_base = year_base = ZERO
    for day in days:
        row = dict(levels(book, day, prices, sessions), portfolio_id=book.id, snapshot_date=day)
        before = previous or {"cumulative_pnl": ZERO, "flows": ZERO, "equity_balance": book.initial_equity,
                              "cumulative_fees": ZERO}
        if previous and previous_day[:7] != day[:7]:
            month_base = previous["cumulative_pnl"]
        if previous and previous_day[:4] != day[:4]:
            year_base = previous["cumulative_pnl"]
        row["daily_pnl"] = row["cumulative_pnl"] - before["cumulative_pnl"]
        row["mtd_pnl"] = row["cumulative_pnl"] - month_base
        row["ytd_pnl"] = row["cumulative_pnl"] - year_base
        row["daily_capital_flow"] = row["flows"] - before["flows"]
        since = max(previous_day, book.opening or "")
        row["daily_realized_pnl"] = money(sum((lot.realized(since, day) for lot in book.lots), ZERO))
        row["return_base"] = before["equity_balance"] + book.contributions(previous_day, day)
        row["daily_return"] = repr(float(row["daily_pnl"] / row["return_base"]))
        fees = row["cumulative_fees"] - before["cumulative_fees"]
        row["gross_return"] = repr(float((row["daily_pnl"] - fees) / row["return_base"]))
        rows.append(row)
        previous, previous_day = row, day
    return rows


def attributed_pnl(book, previous_day, day, prices):
    """P&L of (previous_day, day] from the positions alone: held, bought and sold quantity times its price move."""
    previous_day = max(previous_day, book.opening or "")
    pnl = book.cash_pnl(day) - book.cash_pnl(previous_day)
    for when, sign in ((day, 1), (previous_day, -1)):
        pnl += sign * sum((a for kind, a, _ in book.cash_events(when) if kind == "DIVIDEND"), ZERO)
    for lot in book.lots:
        carried = lot.remaining(previous_day)
        start = lot.mark(previous_day, prices)[0] if carried != 0 else lot.entry_price
        entered = lot.quantity if previous_day < lot.entry_date <= day else ZERO
        sold = ZERO
        for when, opened, traded, price in lot.closings:
            if previous_day < when <= day:
                pnl += (traded * price - opened * start) * lot.multiplier
                sold += opened
        left = carried + entered - sold
        if left != 0:
            pnl += left * (lot.mark(day, prices)[0] - start) * lot.multiplier
        pnl += lot.dividend_cash(day) - lot.dividend_cash(previous_day)
    return pnl


def check_invariants(book, rows, prices):
    """The chain adds up exactly; the second route agrees up to the rounding of two levels, half a unit each, and so
    does cumulative P&L, half a unit whatever the number of days."""
    total, attributed, previous_day = book.initial_equity, ZERO, "0001-01-01"
    for row in rows:
        total += row["daily_pnl"] + row["daily_capital_flow"]
        assert total == row["equity_balance"], (book.id, row["snapshot_date"], total, row["equity_balance"])
        assert row["equity_balance"] == row["cash_value"] + row["total_long"] + row["total_short"]
        other = attributed_pnl(book, previous_day, row["snapshot_date"], prices)
        attributed += other
        assert abs(other - row["daily_pnl"]) <= CENT_PRECISION, (book.id, row["snapshot_date"], other, row)
        assert money(attributed) == row["cumulative_pnl"], (book.id, row["snapshot_date"], attributed, row)
        previous_day = row["snapshot_date"]


def load_marks(book, prices):
    for series in book["market_data"]:
        if series.get("fetched") == "nightly":
            prices.nightly.add(series["symbol"])
        for day, close in series["rows"]:
            prices.add(series["symbol"], day, Decimal(close), series["data_source"], series["adjustment"])


def text_rows(rows, columns):
    return [[str(money(row[c])) if c in MONEY + CASH else str(row[c]) for c in columns] for row in rows]


def run_real(data_dir, check, fixture, target, columns):
    real = json.loads((FIXTURES / fixture).read_text(encoding="utf-8"))
    prices = real_prices(data_dir)
    load_marks(real, prices)
    prices.finish()
    sessions = [day for day, _, _ in prices.rows["SPY"]]
    days = [day for day in sessions if real["first_session"] <= day <= real["last_session"]]
    assert len(days) == real["sessions"], len(days)
    rows = []
    for portfolio in real["portfolios"]:
        assert "opening" in portfolio or all(p["entry_date"] >= portfolio["inception_date"]
                                             for p in portfolio["positions"])
        book = Book(portfolio, Actions(real["corporate_actions"]), prices)
        of_book = snapshots(book, days, prices, sessions)
        check_invariants(book, of_book, prices)
        rows += of_book
    table = [columns] + text_rows(rows, columns)
    if check:
        with open(HERE / target, newline="", encoding="utf-8") as handle:
            assert list(csv.reader(handle)) == table, f"{target} does not agree with this script"
    else:
        with open(HERE / target, "w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(table)
    print(f"{target}: {'agrees' if check else 'written'}, {len(rows)} rows, chain exact on every date")


def run_cases():
    """Compute the small cases and compare them with the figures worked by hand in accounting_cases.csv."""
    cases = json.loads((FIXTURES / "accounting_cases.json").read_text(encoding="utf-8"))
    prices = Prices()
    load_marks(cases, prices)
    prices.finish()
    sessions = ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-04", "2024-03-05"]
    computed = {}
    for portfolio in cases["portfolios"]:
        late = [f for f in portfolio["equity_changes"] if f.get("booked_late")]
        variants = [(portfolio["case"], portfolio)]
        if late:
            on_time = [f for f in portfolio["equity_changes"] if not f.get("booked_late")]
            variants = [(portfolio["case"] + "_before", dict(portfolio, equity_changes=on_time)),
                        (portfolio["case"] + "_after", portfolio)]
        for name, variant in variants:
            book = Book(variant, Actions(cases["corporate_actions"]))
            rows = snapshots(book, variant["sessions"], prices, sessions)
            check_invariants(book, rows, prices)
            computed.update({(name, row["snapshot_date"]): row for row in rows})
    with open(HERE / "accounting_cases.csv", newline="", encoding="utf-8") as handle:
        expected = list(csv.DictReader(handle))
    assert {(r["case"], r["snapshot_date"]) for r in expected} == set(computed), "cases and figures do not pair up"
    for row in expected:
        mine = computed[(row["case"], row["snapshot_date"])]
        assert row["portfolio_id"] == mine["portfolio_id"]
        for column in MONEY:
            assert Decimal(row[column]) == mine[column], (row["case"], row["snapshot_date"], column, mine[column])
        for column in COUNTS:
            assert int(row[column]) == mine[column], (row["case"], row["snapshot_date"], column, mine[column])
        assert abs(float(row["daily_return"]) - float(mine["daily_return"])) < 1e-12, (row["case"], mine)
    print(f"accounting_cases.csv: agrees, {len(expected)} rows")


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    run_cases()
    if data_dir:
        run_real(data_dir, "--check" in arguments, "real_portfolios.json", "accounting_real.csv", COLUMNS)
        run_real(data_dir, "--check" in arguments, "real_account.json", "accounting_account.csv", ACCOUNT_COLUMNS)
    else:
        print("accounting_real.csv: not computed, no data directory given")


if __name__ == "__main__":
    main(sys.argv[1:])
