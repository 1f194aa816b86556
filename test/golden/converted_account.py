#!/usr/bin/env python3
"""An account whose shares become others, followed forward from day to day, independently of the extension.

usage: converted_account.py [--check] [DATA_DIR]

Each lot is a parcel: what it holds of each symbol, in shares of today, and what these cost. A day brings dividends, splits,
conversions, closings and entries, in this order, each of which changes parcels and cash. The extension does the
opposite: it computes every date from the lots as they were opened. Decimal arithmetic, fractions for ratios.
"""
import csv
import json
import os
import sys
from decimal import Decimal

from accounting import FETCHED, FIXTURES, HERE, ZERO, Actions, money, real_prices, rounded_parts, split_ratio, times

COLUMNS = ["snapshot_date", "equity_balance", "cash_value", "total_long", "total_short", "cumulative_pnl", "daily_pnl",
           "daily_realized_pnl", "cumulative_dividends"]


def number(row, name):
    return Decimal(row[name]) if name in row else None


class Parcel:
    """What a lot is by now."""

    def __init__(self, row):
        self.symbol = row["symbol"]  # of the shares that go on as the position
        self.held = {self.symbol: [Decimal(row["quantity"]), Decimal(row["quantity"]) * Decimal(row["entry_price"])]}

    def add(self, symbol, shares, cost):
        holding = self.held.setdefault(symbol, [ZERO, ZERO])
        holding[0] += shares
        holding[1] += cost


class Account:
    def __init__(self, fixture):
        self.portfolio = fixture["portfolios"][0]
        self.actions = fixture["corporate_actions"]
        self.legs = fixture["corporate_action_legs"]
        self.parcels = {}
        self.cash = Decimal(self.portfolio["initial_equity"])
        self.flows = self.dividends = self.realized = ZERO

    def advance(self, day):
        self.realized = ZERO
        for parcel in self.parcels.values():
            self.pay_dividends(parcel, day)
            self.split(parcel, day)
            self.convert(parcel, day)
        for event in self.portfolio["realized_events"]:
            if event["trade_date"] == day:
                self.close(event)
        for position in self.portfolio["positions"]:
            if position["entry_date"] == day:
                self.parcels[position["id"]] = Parcel(position)
                self.cash -= Decimal(position["quantity"]) * Decimal(position["entry_price"])
        for flow in self.portfolio["equity_changes"]:
            if flow["change_date"] == day:
                self.flows += Decimal(flow["amount"])
                self.cash += Decimal(flow["amount"])

    def of_day(self, kinds, day):
        return [a for a in self.actions if a["kind"] in kinds and a["ex_date"] == day]

    def pay_dividends(self, parcel, day):
        for action in self.of_day({"dividend"}, day):
            shares, _ = parcel.held.get(action["symbol"], (ZERO, ZERO))
            self.cash += shares * Decimal(action["amount"])
            self.dividends += shares * Decimal(action["amount"])

    def split(self, parcel, day):
        for action in self.of_day({"split", "stock_dividend"}, day):
            if action["symbol"] in parcel.held:
                holding = parcel.held[action["symbol"]]
                holding[0] = times(holding[0], split_ratio(action))

    def convert(self, parcel, day):
        for action in self.of_day({"spin_off", "merger", "symbol_change", "return_of_capital", "delisting"}, day):
            shares, cost = parcel.held.pop(action["symbol"], (ZERO, ZERO))
            if shares == 0:
                continue
            legs = [leg for leg in self.legs if (leg["symbol"], leg["ex_date"]) == (action["symbol"], day)]
            new = [leg for leg in legs if "to_symbol" in leg]
            paid = sum((shares * number(leg, "cash") for leg in legs if "cash" in leg), ZERO)
            shares_of_cost = [number(leg, "cost_share") for leg in legs if "cash" in leg and "cost_share" in leg]
            stays = action["kind"] in {"spin_off", "return_of_capital"}
            if not stays and not new:
                used = cost
            elif shares_of_cost:
                used = sum(shares_of_cost) * cost
            else:
                used = paid if abs(paid) < abs(cost) else cost
            self.cash += paid
            self.realized += money(paid - used)
            left = cost - used
            for leg in new:
                part = (number(leg, "cost_share") if "cost_share" in leg else 1) * (cost - used)
                parcel.add(leg["to_symbol"], times(shares, split_ratio(leg)), part)
                left -= part
            if stays:
                parcel.add(action["symbol"], shares, left)
            elif new and parcel.symbol == action["symbol"]:
                parcel.symbol = new[0]["to_symbol"]

    def close(self, event):
        parcel = self.parcels[event["position_id"]]
        holding = parcel.held[event.get("symbol", parcel.symbol)]
        sold = Decimal(event["quantity_closed"]) * (1 if holding[0] > 0 else -1)
        cost = holding[1] * sold / holding[0]
        self.cash += sold * Decimal(event["exit_price"])
        self.realized += money(sold * Decimal(event["exit_price"]) - cost)
        holding[0] -= sold
        holding[1] -= cost

    def values(self, day, prices, splits):
        """Market value of longs and of shorts. The stored closes are in shares of the day on which they were fetched."""
        long_value = short_value = ZERO
        for parcel in self.parcels.values():
            for symbol, (shares, _) in parcel.held.items():
                if abs(shares) < Decimal("1e-12"):
                    continue
                row = prices.last(symbol, day)
                value = shares * times(row[1], splits.shares_per_share(symbol, day, FETCHED))
                if value >= 0:
                    long_value += value
                else:
                    short_value += value
        return long_value, short_value


def followed(fixture, prices):
    account = Account(fixture)
    splits = Actions([dict(a, kind="split") if a["kind"] == "stock_dividend" else a for a in fixture["corporate_actions"]])
    sessions = [day for day, _, _ in prices.rows["SPY"]]
    days = [day for day in sessions if fixture["first_session"] <= day <= fixture["last_session"]]
    assert len(days) == fixture["sessions"], len(days)
    initial, before, rows = account.cash, ZERO, []
    for day in days:
        account.advance(day)
        parts = [account.cash, *account.values(day, prices, splits)]
        equity = money(sum(parts))
        cash, total_long, total_short = rounded_parts(parts, equity)
        cumulative = equity - initial - account.flows
        rows.append([day] + [str(money(x)) for x in (equity, cash, total_long, total_short, cumulative,
                                                     cumulative - before, account.realized, account.dividends)])
        before = cumulative
    return rows


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        print("converted_account.csv: not computed, no data directory given")
        return
    fixture = json.loads((FIXTURES / "converted_account.json").read_text(encoding="utf-8"))
    prices = real_prices(data_dir)
    prices.finish()
    table = [COLUMNS] + followed(fixture, prices)
    target = HERE / "converted_account.csv"
    if "--check" in arguments:
        with open(target, newline="", encoding="utf-8") as handle:
            assert list(csv.reader(handle)) == table, "converted_account.csv does not agree with this script"
    else:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(table)
    print(f"converted_account.csv: {len(table) - 1} rows")


if __name__ == "__main__":
    main(sys.argv[1:])
