#!/usr/bin/env python3
"""The batch as a program beside the database: reads the tables by binary COPY, computes on whole matrices and writes
the result columns by binary COPY, one for each table, into the schema peer. Prints what it took as JSON.

usage: peer_numpy.py --date YYYY-MM-DD [--every-session] [--engines NAME,...] [--replace] [--filters VALUE,WEIGHT]

Pairs of correlations are rows of a plain table. The libraries are loaded before the clock starts.

What it does not compute it refuses with NotImplementedError; the made-up markets have none of it: splits, deltas of
options, replays of the past, yields of riskless investments (Jensen's alpha is NULL), gaps in the returns of a
volatility, errors of portfolios whose symbols have different samples, stress tests with less than 60 sessions of past,
shocks of the yield beside a factor that moves.
"""
import argparse
import json
import resource
import sys
import time

import numpy as np
import psycopg2
import scipy.special

import arithmetic as am
import binary_copy as bc
from peer_inputs import NEVER, OPTION, PRIVATE, PUBLIC, Inputs

ENGINES = ["snapshots", "values", "tags", "market", "rate", "ridge", "spread", "sectors", "volatility", "correlations",
           "factor_correlations", "stress"]
LOOKBACK = {"volatility": am.VOLATILITY_SESSIONS, "correlations": am.CORRELATION_WINDOW, "sectors": 6, "snapshots": 6,
            "values": 6, "tags": 6}
MAX_STALE = 5
MIN_VALUE, MIN_WEIGHT = 10000.0, 0.01
MINIMUM = {"market": 60, "rate": 60, "ridge": 126, "spread": 126}
UNIT = "return per 1.00 yield change"
REASONS = np.array([b"", b"option_without_delta", b"private"])
SECTORS = {"Financial Services": "Financials", "Consumer Cyclical": "Consumer Discretionary",
           "Consumer Defensive": "Consumer Staples", "Basic Materials": "Materials",
           "Information Technology": "Technology", "Health Care": "Healthcare"}
TOP_PAIRS = 10
SERIES_AT_ONCE = 2000


def round_money(values):
    return np.rint(values * 1e4) / 1e4


def add_up(parts, total):
    """Rounds parts such that they add up to a total that is rounded: a unit of what is missing to each of those that
    were rounded the farthest the other way."""
    parts = np.stack(parts)
    rounded = round_money(parts)
    missing = np.rint((total - rounded.sum(axis=0)) * 1e4)
    # Ties between parts are not for the last bits of a sum to decide.
    rounded_up = np.round(rounded - parts, 7) * np.sign(missing)
    rank = np.argsort(np.argsort(rounded_up, axis=0, kind="stable"), axis=0)
    return round_money(rounded + np.where(rank < np.abs(missing), np.sign(missing) * 1e-4, 0.0))


def objects(texts):
    """Byte strings of any length."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


class Results:
    """Rows of the tables, a column at a time: an array, or one value for all rows."""

    def __init__(self):
        self.parts = {}

    def add(self, table, order=None, **columns):
        """order: numbers by which rows of several parts are put in the order of the table's key."""
        count = next(len(values) for values in columns.values() if not np.isscalar(values))
        self.parts.setdefault(table, []).append((count, order, columns))

    def count(self, table):
        return sum(count for count, _, _ in self.parts[table])

    def columns(self, table):
        parts = self.parts[table]
        names = list(dict.fromkeys(name for _, _, columns in parts for name in columns))
        columns = {name: self.together(parts, name) for name in names}
        if len(parts) > 1 and parts[0][1] is not None:
            place = np.argsort(np.concatenate([order for _, order, _ in parts]), kind="stable")
            columns = {name: values if np.isscalar(values) else values[place] for name, values in columns.items()}
        return columns

    @staticmethod
    def together(parts, name):
        found = [columns.get(name, np.nan) for _, _, columns in parts]
        if len(found) == 1 or all(np.isscalar(values) and values == found[0] for values in found):
            return found[0]
        return np.concatenate([np.full(count, values) if np.isscalar(values) else values
                               for (count, _, _), values in zip(parts, found)])


MONEY = {"exposure_dollar", "direct_pnl", "correlated_pnl", "correlation_effect", "total_value", "total_market_value",
         "cash_value", "equity_balance", "total_long", "total_short", "gross_exposure", "net_exposure", "daily_pnl",
         "mtd_pnl", "ytd_pnl", "cumulative_pnl", "daily_realized_pnl", "cumulative_realized_pnl", "daily_capital_flow",
         "cumulative_capital_flow", "return_base", "value", "min_position_value"}
JSON = {"factor_impacts", "calculation_metadata", "sector_exposure", "top_correlations"}


def as_column(name, values):
    values = np.array([values]) if np.isscalar(values) else values
    if name in JSON:
        return bc.of_json(values)
    if values.dtype.names:
        return bc.of_ids(values.astype(bc.UUID))
    if values.dtype.kind in "SU":
        return bc.of_text(values)
    if values.dtype.kind == "b":
        return bc.of_booleans(values)
    if values.dtype.kind == "i":
        return bc.of_integers(values, values <= NEVER)
    return bc.of_money(values) if name in MONEY else bc.of_floats(values)


class Batch:
    def __init__(self, inputs, engines):
        self.inputs, self.engines, self.results = inputs, engines, Results()
        lots = inputs.lots
        self.portfolios, self.columns = len(inputs.portfolio_ids), len(inputs.symbols)
        self.value_lots()
        self.snapshots = {}
        self.net_asset_values = None
        with np.errstate(invalid="ignore"):
            adjusted = inputs.adjusted
            self.returns = np.full_like(adjusted, np.nan)
            np.divide(adjusted[1:], adjusted[:-1], out=self.returns[1:])
            self.returns -= 1.0
        self.lot_reason = REASONS[lots["kind"]]
        self.read_factors()
        if "stress" in engines:
            self.read_past()

    # ---- values ------------------------------------------------------------------------------------------------------

    def value_lots(self):
        """Price, quantity and value of every lot on every computed session."""
        inputs, lots = self.inputs, self.inputs.lots
        sessions, days = inputs.sessions, inputs.days
        quoted = np.where(np.isfinite(inputs.closes), np.arange(len(sessions))[:, None], -1)
        newest = np.maximum.accumulate(quoted, axis=0)[days][:, lots["column"]]
        entry = np.searchsorted(sessions, lots["entry_date"])
        by_market = newest >= entry
        price = np.where(by_market, inputs.closes[np.maximum(newest, 0), lots["column"]], lots["entry_price"])
        age = days[:, None] - np.where(by_market, newest, entry)
        marked_on = np.where(by_market, sessions[np.maximum(newest, 0)], lots["entry_date"])
        is_private = lots["kind"] == PRIVATE
        manual = (is_private & (lots["mark_date"] >= lots["entry_date"]) & (lots["mark_date"] >= marked_on)
                  & (lots["mark_date"] <= sessions[days][:, None]))
        self.price, self.price_date = np.where(manual, lots["mark"], price), marked_on
        self.stale = (age > 0) & (age <= MAX_STALE) & ~is_private
        self.unpriced = (age > MAX_STALE) & ~is_private
        open_quantity = np.where(lots["entry_date"] <= sessions[days][:, None], lots["quantity"], 0.0)
        closings = inputs.closings
        sign = np.sign(lots["quantity"])
        for lot, date, quantity in zip(closings["lot"], closings["date"], closings["quantity"]):
            open_quantity[sessions[days] >= date, lot] -= sign[lot] * quantity
        self.quantity = open_quantity
        self.value = open_quantity * self.price * lots["multiplier"]

    def by_portfolio(self, values, of_lots=slice(None)):
        """Sums over lots, by computed session and portfolio."""
        number = self.inputs.lots["portfolio"][of_lots]
        count = len(self.inputs.days)
        place = (np.arange(count)[:, None] * self.portfolios + number).ravel()
        return np.bincount(place, np.broadcast_to(values, (count, len(number))).ravel(),
                           count * self.portfolios).reshape(count, self.portfolios)

    def lots(self, chosen):
        """Lots among the chosen, by computed session and portfolio."""
        return self.by_portfolio(chosen.astype(float)).astype(int)

    def instruments(self, chosen):
        """Distinct symbols among the chosen lots, by computed session and portfolio."""
        lots = self.inputs.lots
        key = lots["portfolio"] * self.columns + lots["column"]
        kinds, place = np.unique(key, return_inverse=True)
        count = np.zeros((len(chosen), self.portfolios), int)
        for day, of_day in enumerate(chosen):
            held = np.bincount(place, of_day, len(kinds)) > 0
            count[day] = np.bincount(kinds[held] // self.columns, minlength=self.portfolios)
        return count

    def through(self, dates, owners, amounts):
        """Cumulated amounts of owners' bookings, by computed session and portfolio."""
        days = self.inputs.sessions[self.inputs.days]
        booked = np.zeros((len(days) + 1, self.portfolios))
        np.add.at(booked, (np.searchsorted(days, dates), owners), amounts)
        return booked[:len(days)].cumsum(axis=0)

    def contributions(self, since):
        """What was paid in on each computed session, and before the first of them since a date of each portfolio."""
        flows = self.inputs.flows
        paid_in = np.where(flows["date"] > np.ravel(since)[flows["portfolio"]], np.maximum(flows["amount"], 0), 0.0)
        return round_money(np.diff(self.through(flows["date"], flows["portfolio"], paid_in), axis=0, prepend=0.0))

    def compute_snapshots(self):
        inputs, lots, closings = self.inputs, self.inputs.lots, self.inputs.closings
        cost = -lots["quantity"] * lots["entry_price"] * lots["multiplier"]
        lot = closings["lot"]
        sign = np.sign(lots["quantity"][lot]) * lots["multiplier"][lot]
        proceeds = sign * closings["quantity"] * closings["price"]
        gains = sign * closings["quantity"] * (closings["price"] - lots["entry_price"][lot])
        trades = self.through(lots["entry_date"], lots["portfolio"], cost)
        trades += self.through(closings["date"], lots["portfolio"][lot], proceeds)
        realized = round_money(self.through(closings["date"], lots["portfolio"][lot], round_money(gains)))
        flows = round_money(self.through(inputs.flows["date"], inputs.flows["portfolio"], inputs.flows["amount"]))
        paid_in = inputs.initial_equity + flows
        is_long = self.value >= 0
        longs = self.by_portfolio(np.where(is_long, self.value, 0.0))
        shorts = self.by_portfolio(np.where(is_long, 0.0, self.value))
        # Equity is rounded once.
        equity = round_money(paid_in + trades + longs + shorts)
        booked, longs, shorts = add_up([trades, longs, shorts], equity - paid_in)
        cash = paid_in + booked
        profit = round_money(equity - inputs.initial_equity - flows)
        held = self.quantity != 0
        first = np.full(self.portfolios, 10**9)
        np.minimum.at(first, lots["portfolio"], lots["entry_date"])
        days = inputs.sessions[inputs.days]
        self.begun = days[:, None] >= first
        dates = (bc.EPOCH + days).astype("datetime64[D]")
        ledger = inputs.read_ledger(days[0])
        before = lambda levels, unit: self.level_before(levels, dates.astype(f"datetime64[{unit}]"), ledger[unit])
        previous = lambda levels, name: np.vstack([ledger[name], levels[:-1]])
        has_previous = np.vstack([ledger["date"] > NEVER, self.begun[:-1]])
        equity_before = np.where(has_previous, np.vstack([ledger["equity"], equity[:-1]]), inputs.initial_equity)
        daily = round_money(profit - previous(profit, "profit"))
        base = equity_before + self.contributions(ledger["date"])
        date_before = np.vstack([ledger["date"], np.repeat(days[:-1, None], self.portfolios, axis=1)])
        previous_date = np.where(has_previous, date_before, NEVER)
        with np.errstate(divide="ignore", invalid="ignore"):
            daily_return = np.where(base > 0, daily / base, np.nan)
        kind = lots["kind"]
        self.net_asset_values = equity
        self.snapshots = {
            "previous_snapshot_date": previous_date, "total_value": equity, "total_market_value": longs + shorts,
            "cash_value": cash, "equity_balance": equity, "total_long": longs, "total_short": shorts,
            "gross_exposure": longs - shorts, "net_exposure": longs + shorts,
            "long_count": self.lots(held & (self.quantity > 0)),
            "short_count": self.lots(held & (self.quantity < 0)),
            "option_count": self.lots(held & (kind == OPTION)),
            "private_positions": self.lots(held & (kind == PRIVATE)),
            "stale_prices": self.lots(held & self.stale),
            "unpriced_positions": self.lots(held & self.unpriced), "symbol_count": self.instruments(held),
            "daily_pnl": daily,
            "return_base": base, "daily_return": daily_return, "mtd_pnl": profit - before(profit, "M"),
            "ytd_pnl": profit - before(profit, "Y"), "cumulative_pnl": profit,
            "daily_realized_pnl": realized - previous(realized, "realized"), "cumulative_realized_pnl": realized,
            "daily_capital_flow": flows - previous(flows, "flows"), "cumulative_capital_flow": flows}

    @staticmethod
    def level_before(levels, periods, earlier):
        """The last level before the period of each session began; that of the ledger before the first."""
        starts = np.searchsorted(periods, periods)
        return np.vstack([earlier, levels])[starts]

    def compute_values(self):
        lots, day = self.inputs.lots, -1
        has_begun = lots["entry_date"] <= self.inputs.sessions[self.inputs.days[day]]
        usable = has_begun & ~((self.quantity[day] != 0) & self.unpriced[day])
        gains = (self.price[day] - lots["entry_price"]) * self.quantity[day] * lots["multiplier"]
        realized = np.zeros(len(usable))
        lot = self.inputs.closings["lot"]
        np.add.at(realized, lot, np.sign(lots["quantity"][lot]) * self.inputs.closings["quantity"]
                  * (self.inputs.closings["price"] - lots["entry_price"][lot]) * lots["multiplier"][lot])
        shown = usable & (self.quantity[day] != 0)
        self.results.add("new_values", portfolio_id=lots["portfolio_id"][usable], id=lots["id"][usable],
                         last_price=np.where(shown, self.price[day], np.nan)[usable],
                         last_price_date=np.where(shown, self.price_date[day], NEVER)[usable],
                         market_value=self.value[day][usable], unrealized_pnl=gains[usable],
                         realized_pnl=realized[usable])

    def compute_tags(self):
        lots, day = self.inputs.lots, -1
        held = lots["entry_date"] <= self.inputs.sessions[self.inputs.days[day]]
        names, place = np.unique(lots["underlying"], return_inverse=True)
        sectors = np.array([(self.sector(name) or "Uncategorized").encode() for name in names.tolist()])
        held &= ~self.is_tagged(sectors[place])
        if held.any():
            self.results.add("new_tags", portfolio_id=lots["portfolio_id"][held], position_id=lots["id"][held],
                             sector=sectors[place][held])

    def is_tagged(self, sectors):
        """Which lots have the tag of their sector already."""
        tags = bc.read(self.inputs.cursor, "SELECT p.position_id, rpad(t.name, 64) FROM peer.position_tags p"
                       " JOIN peer.tags t ON t.id = p.tag_id WHERE t.is_system ORDER BY p.position_id",
                       {"lot": bc.UUID, "name": "S64"})
        ids, tagged = self.inputs.lots["id"]["high"], tags["lot"]["high"].astype(np.uint64)
        if not len(tagged):
            return np.zeros(len(ids), bool)
        place = np.minimum(np.searchsorted(tagged, ids.astype(np.uint64)), len(tagged) - 1)
        return (tagged[place] == ids) & (np.char.rstrip(tags["name"])[place] == sectors)

    # ---- risk --------------------------------------------------------------------------------------------------------

    def read_factors(self):
        column = self.inputs.column
        self.market = self.returns[:, column[b"SPY"]]
        own = lambda factor: self.returns[:, column[factor[2].encode()]]
        styles = [f for f in self.inputs.factors if f[0] == "ridge"]
        spreads = [f for f in self.inputs.factors if f[0] == "spread"]
        self.styles = np.column_stack([own(f) for f in styles])
        self.spreads = np.column_stack([own(f) - self.returns[:, column[f[3].encode()]] for f in spreads])
        self.rate_change, self.rate_intervals = self.yield_changes(self.inputs.yields)
        self.names = {"market": ["market"], "ridge": ["market", *(f[1] for f in styles)],
                      "spread": ["market", *(f[1] for f in spreads)], "rate": ["market", "interest_rate"]}
        self.factors = {"market": self.market[:, None], "ridge": np.column_stack([self.market, self.styles]),
                        "spread": np.column_stack([self.market, self.spreads])}
        self.all_names = [*self.names["ridge"], *self.names["spread"][1:], "interest_rate"]

    @staticmethod
    def yield_changes(yields):
        """By session, and the intervals of those that are over several."""
        quoted = np.flatnonzero(np.isfinite(yields))
        change = np.full(len(yields), np.nan)
        steps = np.diff(quoted)
        kept = steps <= 5
        change[quoted[1:][kept]] = np.diff(yields[quoted])[kept] / 100.0
        longer = kept & (steps > 1)
        return change, list(zip(quoted[:-1][longer], quoted[1:][longer]))

    @staticmethod
    def single_changes(change, intervals):
        """Those over one session."""
        single = change.copy()
        single[[now for _, now in intervals]] = np.nan
        return single

    def read_past(self):
        """Moves of the market, the styles and the yield on all sessions."""
        prices = self.inputs.past_prices
        returns = np.full_like(prices, np.nan)
        np.divide(prices[1:], prices[:-1], out=returns[1:])
        single = self.single_changes(*self.yield_changes(self.inputs.past_yields))
        self.past = np.column_stack([returns - 1.0, single])

    def interval_returns(self, returns):
        """Compounded over the intervals between quoted sessions, where these are longer than one."""
        if not self.rate_intervals:
            return returns
        returns = returns.copy()
        for before, now in self.rate_intervals:
            returns[now] = (1.0 + returns[before + 1:now + 1]).prod(axis=0) - 1.0
        return returns

    def start_days(self, days):
        """Exposures on some computed sessions, in dollars, of all portfolios to all risk symbols. What is by lot and
        day follows the order of the tables' keys."""
        lots = self.inputs.lots
        self.days, self.sessions = days, self.inputs.days[days]
        self.dates, self.count = self.inputs.sessions[self.sessions], len(days)
        self.held, self.on = np.nonzero(self.quantity[days].T != 0)
        self.owner, self.values = lots["portfolio"][self.held], self.value[days[self.on], self.held]
        self.cell = self.on * self.portfolios + self.owner
        is_public = lots["kind"][self.held] == PUBLIC
        columns = lots["column"][self.held]
        self.risk_columns = np.unique(columns[is_public])
        self.symbols = len(self.risk_columns)
        self.place = np.where(is_public, np.searchsorted(self.risk_columns, columns), -1)
        self.exposures = self.by_cell(self.values[is_public], is_public, self.place[is_public], self.symbols)
        self.gross = self.by_cell(np.abs(self.values))
        self.nav = self.net_asset_values[days]
        with np.errstate(invalid="ignore"):
            self.weights = self.exposures / self.nav[..., None]
        known = np.isfinite(self.nav) & (self.begun[days] if self.snapshots else True)
        self.known = tuple(np.nonzero(known.T)[::-1])
        present = np.zeros((self.count, self.symbols), bool)
        present[self.on[is_public], self.place[is_public]] = True
        self.present, self.rows = present, tuple(np.nonzero(present.T)[::-1])
        self.own = self.returns if self.symbols == self.columns else self.returns[:, self.risk_columns]
        self.fitted, self.moments, self.modelled = {}, None, []

    def by_cell(self, values, of_lots=slice(None), place=0, width=1):
        """Sums over lots by day and portfolio, and by place where there are several."""
        sums = np.bincount(self.cell[of_lots] * width + place, values, self.count * self.portfolios * width)
        shape = (self.count, self.portfolios)
        return sums.reshape(shape if np.isscalar(place) else (*shape, width))

    def at_lots(self, values, missing=np.nan):
        """Values by day and symbol, of the lots; missing where a lot has no symbol of risk."""
        return np.where(self.place >= 0, values[self.on, self.place], missing)

    def fits(self, model):
        if model not in self.fitted:
            if model == "rate":
                own = self.interval_returns(self.own)
                factors = np.column_stack([self.interval_returns(self.market[:, None])[:, 0], self.rate_change])
            else:
                own, factors = self.own, self.factors[model]
            self.fitted[model] = am.fit(own, factors, self.sessions, MINIMUM[model],
                                        am.ridge if model == "ridge" else am.least_squares)
        return self.fitted[model]

    def covariances(self):
        """Covariances, correlations and observations of all factors, by day."""
        if self.moments is None:
            single = self.single_changes(self.rate_change, self.rate_intervals)
            found = []
            for session in self.sessions:
                styles = am.orthogonal_styles(self.market, self.styles, session)
                found.append(am.covariances(np.column_stack([self.market, styles, self.spreads, single]), session))
            self.moments = tuple(np.stack(part) for part in zip(*found))
        return self.moments

    def specific_variances(self, model, exposures):
        """By day and portfolio, of exposures by day, portfolio and symbol, in the square of their unit."""
        fits, result = self.fits(model), np.empty(exposures.shape[:2])
        for day, session in enumerate(self.sessions):
            factors = self.factors[model]
            if model == "ridge":
                styles = am.orthogonal_styles(self.market, self.styles, session)
                factors = np.column_stack([self.market, styles])
            window = slice(max(0, session + 1 - am.WINDOW), session + 1)
            n = fits.observations[day]
            residuals = self.own[window] - factors[window] @ fits.betas[:, day]
            residuals *= np.sqrt(n / (n - 1 - fits.df[day]))
            result[day] = am.specific_variance(residuals, np.where(fits.estimated[day], exposures[day], 0.0))
        return result

    def covariance_of(self, names):
        places = np.array([self.all_names.index(name) for name in names])
        return self.covariances()[0][:, places[:, None], places]

    def is_stale(self, fits):
        """Whose newest observation is old, by day and symbol."""
        return fits.estimated & (self.sessions[:, None] - fits.last > MAX_STALE)

    def flags(self, fits, minimum):
        n = fits.observations
        flag = np.where(n < minimum, b"insufficient_data",
                        np.where(n < am.LIMITED_BELOW, b"limited_history", b"full_history"))
        flag = np.where(self.is_stale(fits), b"stale", flag)
        return flag, np.where(fits.estimated, b"", b"insufficient_data")

    def add_lots(self, table, **columns):
        lots = self.inputs.lots
        self.results.add(table, self.held, portfolio_id=lots["portfolio_id"][self.held],
                         position_id=lots["id"][self.held], calculation_date=self.dates[self.on], **columns)

    def add_symbols(self):
        """All models at once, so that rows come in the order of the tables' keys."""
        models = sorted(self.modelled)
        if not models:
            return
        day, symbol = self.rows
        count, each = len(models), len(models) * len(day)
        names = np.repeat(self.inputs.symbols[self.risk_columns[symbol]], count)
        dates, order = np.repeat(self.dates[day], count), np.repeat(self.risk_columns[symbol], count)
        by_model = lambda take: np.stack([take(model, self.fits(model))[day, symbol] for model in models], 1).ravel()
        figure = lambda name: by_model(lambda model, fits: getattr(fits, name))
        session = lambda places: np.where(places >= 0, self.inputs.sessions[places], NEVER)
        estimated = figure("estimated")
        self.results.add(
            "symbol_model_fits", order, symbol=names, calculation_date=dates,
            model=np.tile(np.array(models, "S"), len(day)), observations=figure("observations"),
            alpha=figure("alpha"), r_squared=figure("r_squared"), adj_r_squared=figure("adj_r_squared"),
            residual_volatility=figure("residual_volatility"),
            ridge_alpha=np.where(estimated & np.tile(np.array(models) == "ridge", len(day)),
                                 am.RIDGE_ALPHA_PER_OBSERVATION * figure("observations"), np.nan),
            effective_df=np.where(np.tile(np.array(models) == "market", len(day)), np.nan, figure("df")),
            condition_number=figure("condition"), max_vif=figure("max_vif"), window_start=session(figure("first")),
            window_end=session(figure("last")),
            # There are no riskless returns.
            jensen_alpha_reason=np.where(estimated & np.tile(np.array(models) == "market", len(day)),
                                         b"no_risk_free_rate", b""),
            quality_flag=by_model(lambda model, fits: self.flags(fits, MINIMUM[model])[0]),
            reason=by_model(self.reason_of_model))
        self.add_betas(models, day, symbol)

    def reason_of_model(self, model, fits):
        reason = self.flags(fits, MINIMUM[model])[1]
        is_outlier = (model == "market") & fits.estimated & (np.abs(fits.betas[0]) > 5.0)
        return np.where(is_outlier, b"outlier", reason)

    def add_betas(self, models, day, symbol):
        keys = [(model, k) for model in models for k in np.argsort(self.names[model])]
        figure = lambda name: np.stack([getattr(self.fits(model), name)[k][day, symbol] for model, k in keys], 1)
        repeated = lambda values: np.repeat(values, len(keys))
        reasons = {model: self.flags(self.fits(model), MINIMUM[model])[1][day, symbol] for model in models}
        self.results.add(
            "symbol_factor_exposures", repeated(self.risk_columns[symbol]),
            symbol=repeated(self.inputs.symbols[self.risk_columns[symbol]]), calculation_date=repeated(self.dates[day]),
            model=np.tile(np.array([model for model, _ in keys], "S"), len(day)),
            factor=np.tile(np.array([self.names[model][k] for model, k in keys], "S"), len(day)),
            beta=figure("betas").ravel(), std_error=figure("errors").ravel(), t_stat=figure("t").ravel(),
            p_value=figure("p").ravel(), reason=np.stack([reasons[model] for model, _ in keys], 1).ravel())

    def lot_reasons(self, reason):
        return np.where(self.place >= 0, reason[self.on, self.place], self.lot_reason[self.held])

    def dollars(self, fits):
        """By day, portfolio and factor."""
        return self.exposures @ np.where(fits.estimated, fits.betas, 0.0).transpose(1, 2, 0)

    def share(self, of_symbols):
        """Of the gross exposure, of symbols chosen by day."""
        covered = np.flatnonzero((self.place >= 0) & of_symbols[self.on, self.place])
        with np.errstate(invalid="ignore"):
            return self.by_cell(np.abs(self.values[covered]), covered) / self.gross

    def add_portfolios(self, model, factors, dollars, errors, contributions=None):
        """Rows of portfolio_factor_exposures, those of a portfolio and day together; where there are contributions, the
        last factor is what is specific. Errors by factor, day and portfolio."""
        day, portfolio = self.known
        fits = self.fits(model)
        dollars, errors = dollars[self.known], errors[:, day, portfolio].T
        exposure = dollars / self.nav[self.known][:, None]
        marginal = total = percent = np.full_like(exposure, np.nan)
        if contributions is not None:
            marginal, percent, specific, share = (part[self.known] for part in contributions)
            total = np.column_stack([marginal * exposure, specific])
            percent = np.column_stack([percent, share])
            missing = np.full((len(day), 1), np.nan)
            dollars, exposure, marginal, errors = (np.hstack([part, missing])
                                                   for part in (dollars, exposure, marginal, errors))
            factors = [*factors, "specific"]
        repeated = lambda values: np.repeat(values, len(factors))
        stale = self.share(self.is_stale(fits))[self.known]
        self.results.add(
            "portfolio_factor_exposures", repeated(portfolio),
            portfolio_id=repeated(self.inputs.portfolio_ids[portfolio]), calculation_date=repeated(self.dates[day]),
            model=np.full(len(day) * len(factors), model.encode()), factor=np.tile(np.array(factors, "S"), len(day)),
            coverage=repeated(self.share(fits.estimated)[self.known]), exposure_value=exposure.ravel(),
            std_error=errors.ravel(), exposure_dollar=dollars.ravel(), stale_share=repeated(stale),
            quality_flag=repeated(np.where(stale > 0, b"stale", b"")), marginal_contribution_to_risk=marginal.ravel(),
            contribution_to_risk=total.ravel(), percent_contribution_to_risk=percent.ravel())

    def set_snapshot(self, **columns):
        """Columns of the snapshots, by day and portfolio."""
        for name, values in columns.items():
            if name not in self.snapshots:
                filler = {"S": b"", "i": NEVER, "O": b"{}"}.get(values.dtype.kind, np.nan)
                kind = "S16" if values.dtype.kind == "S" else values.dtype
                self.snapshots[name] = np.full((len(self.inputs.days), self.portfolios), filler, kind)
            self.snapshots[name][self.days] = values

    def add_market(self):
        fits = self.fits("market")
        self.modelled.append("market")
        flag, reason = self.flags(fits, MINIMUM["market"])
        self.add_lots(
            "position_market_betas", method="OLS_NW", window_days=am.WINDOW, beta=self.at_lots(fits.betas[0]),
            alpha=self.at_lots(fits.alpha), r_squared=self.at_lots(fits.r_squared),
            std_error=self.at_lots(fits.errors[0]), p_value=self.at_lots(fits.p[0]),
            observations=self.at_lots(fits.observations, NEVER), market_index="SPY",
            quality_flag=self.at_lots(flag, b""), reason=self.lot_reasons(reason),
            jensen_alpha_reason=np.where(self.at_lots(fits.estimated, False), b"no_risk_free_rate", b""))
        dollars, errors = self.dollars(fits), am.portfolio_errors(fits, self.weights)
        self.add_portfolios("market", ["market"], dollars, errors)
        explained, observations = zip(*(self.explained_by_market(day, fits) for day in range(self.count)))
        self.set_snapshot(beta=dollars[..., 0] / self.nav, beta_std_error=errors[0], beta_r_squared=np.stack(explained),
                          beta_observations=np.repeat(np.array(observations)[:, None], self.portfolios, 1),
                          beta_coverage=self.share(fits.estimated))

    def explained_by_market(self, day, fits):
        """r squared of the portfolios' own series with the market, and its sessions."""
        session, estimated = self.sessions[day], fits.estimated[day]
        days = np.flatnonzero(np.isfinite(self.market[:session + 1]))
        days = days[days > session - am.search_span(am.WINDOW)][-am.WINDOW:]
        market, own = self.market[days], self.own[days]
        missing = ~np.isfinite(own)
        if missing.any():
            own = np.where(missing, fits.alpha[day] + np.outer(market, fits.betas[0][day]), own)
        series = np.where(estimated, own, 0.0) @ np.where(estimated, self.weights[day], 0.0).T
        series -= series.mean(axis=0)
        centered = market - market.mean()
        r = centered @ series / np.sqrt((centered @ centered) * np.einsum("tp,tp->p", series, series))
        return np.minimum(1.0, r**2), len(days)

    def add_rate(self):
        fits = self.fits("rate")
        self.modelled.append("rate")
        flag, reason = self.flags(fits, MINIMUM["rate"])
        self.add_lots(
            "position_interest_rate_betas", ir_beta=self.at_lots(fits.betas[1]),
            r_squared=self.at_lots(fits.r_squared), std_error=self.at_lots(fits.errors[1]),
            observations=self.at_lots(fits.observations, NEVER), rate_series="DGS10", unit=UNIT,
            quality_flag=self.at_lots(flag, b""), reason=self.lot_reasons(reason))
        self.add_portfolios("rate", ["interest_rate"], self.dollars(fits)[..., 1:],
                            am.portfolio_errors(fits, self.weights)[1:])

    def add_factor_model(self, model):
        fits = self.fits(model)
        self.modelled.append(model)
        flag, reason = self.flags(fits, MINIMUM[model])
        betas = {name + "_beta": self.at_lots(fits.betas[k]) for k, name in enumerate(self.names[model])}
        self.add_lots("position_factor_exposures", model=np.full(len(self.held), model.encode()), **betas,
                      r_squared=self.at_lots(fits.r_squared), observations=self.at_lots(fits.observations, NEVER),
                      residual_volatility=self.at_lots(fits.residual_volatility), quality_flag=self.at_lots(flag, b""),
                      reason=self.lot_reasons(reason))
        dollars = self.dollars(fits)
        contributions = am.risk_contributions(dollars / self.nav[..., None], self.covariance_of(self.names[model]),
                                              self.specific_variances(model, self.weights))
        self.add_portfolios(model, self.names[model], dollars, am.portfolio_errors(fits, self.weights), contributions)

    def add_ridge(self):
        self.add_factor_model("ridge")

    def add_spread(self):
        self.add_factor_model("spread")

    def sector(self, name):
        sector = self.inputs.profiles.get(name, (None, False))[0]
        return SECTORS.get(sector, sector)

    def bucket(self, name):
        is_fund = self.inputs.profiles.get(name, (None, False))[1]
        return "ETFs" if is_fund else self.sector(name) or "Unmapped"

    def add_sectors(self):
        lots = self.inputs.lots
        names, underlying = np.unique(lots["underlying"], return_inverse=True)
        underlying = underlying[self.held]
        buckets, of_name = np.unique([self.bucket(name) for name in names.tolist()], return_inverse=True)
        buckets = [*buckets.tolist(), "Private"]
        bucket = np.where(lots["kind"][self.held] == PRIVATE, len(buckets) - 1, of_name[underlying])
        sums = lambda values: self.by_cell(values, slice(None), bucket, len(buckets)) / self.nav[..., None]
        texts = self.sector_texts(buckets, sums(np.maximum(self.values, 0.0)), sums(np.minimum(self.values, 0.0)),
                                  self.by_cell(np.ones(len(bucket)), slice(None), bucket, len(buckets)) > 0)
        shares = np.abs(self.by_cell(self.values, slice(None), underlying, len(names)))
        with np.errstate(invalid="ignore"):
            shares /= shares.sum(axis=2, keepdims=True)
        hhi = 1e4 * (shares**2).sum(axis=2)
        top = np.sort(-np.partition(-shares, min(10, len(names) - 1), axis=2)[..., :10], axis=2)[..., ::-1]
        self.set_snapshot(sector_exposure=texts, hhi=hhi, effective_positions=1e4 / hhi,
                          top_3_concentration=top[..., :3].sum(axis=2), top_10_concentration=top.sum(axis=2))

    def sector_texts(self, buckets, longs, shorts, present):
        shape = '"%s": {"long": %%r, "short": %%r, "net": %%r, "gross": %%r, "benchmark": null, "active": null}'
        shapes = [shape % name for name in buckets]
        texts = np.empty((self.count, self.portfolios), object)
        for place in np.ndindex(texts.shape):
            cells = zip(shapes, longs[place].tolist(), shorts[place].tolist(), present[place].tolist())
            texts[place] = ("{" + ", ".join([text % (up, down, up + down, up - down)
                                             for text, up, down, is_here in cells if is_here]) + "}").encode()
        return texts

    def windows(self, length):
        """Days that have the same number of returns, up to length, with their sessions."""
        first = np.maximum(1, self.sessions + 1 - length)
        lengths = self.sessions + 1 - first
        for n in np.unique(lengths):
            days = np.flatnonzero(lengths == n)
            yield days, first[days, None] + np.arange(n)

    def add_volatility(self):
        nothing = am.Volatility.nothing
        figures, whole = nothing((self.count, self.symbols)), nothing((self.count, self.portfolios))
        for days, used in self.windows(am.VOLATILITY_SESSIONS):
            own = self.own[used]
            if not np.isfinite(own).all(axis=1)[self.present[days]].all():
                raise NotImplementedError("volatility of symbols with gaps")
            of_series = lambda returns: am.Volatility(returns.transpose(1, 0, 2).reshape(used.shape[1], -1))
            am.Volatility.put(figures, days, of_series(own))
            am.Volatility.put(whole, days, of_series(np.where(self.present[days, None], own, 0.0)
                                                     @ self.weights[days].transpose(0, 2, 1)))
        realized = {name: self.at_lots(values) for name, values in figures.items() if name.startswith("realized")}
        texts = {column: self.at_lots(figures[name], b"") for column, name in
                 (("forecast_method", "method"), ("volatility_trend", "trend"), ("quality_flag", "flag"))}
        self.add_lots(
            "position_volatility", **realized, **texts, expected_volatility_21d=self.at_lots(figures["forecast"]),
            model_r_squared=self.at_lots(figures["r_squared"]),
            volatility_trend_strength=self.at_lots(figures["strength"]),
            return_kurtosis=self.at_lots(figures["kurtosis"]),
            volatility_percentile=self.at_lots(figures["percentile"]),
            observations=self.at_lots(figures["observations"], NEVER), reason=self.lot_reason[self.held])
        self.set_snapshot(realized_volatility_21d=whole["realized_volatility_21d"],
                          realized_volatility_63d=whole["realized_volatility_63d"],
                          expected_volatility_21d=whole["forecast"], expected_volatility_method=whole["method"],
                          volatility_trend=whole["trend"], volatility_percentile=whole["percentile"],
                          volatility_observations=whole["observations"],
                          volatility_coverage=self.share(np.ones((self.count, self.symbols), bool)),
                          volatility_proxied=np.zeros((self.count, self.portfolios)))

    def add_correlations(self):
        net = np.abs(self.exposures)
        with np.errstate(invalid="ignore"):
            included = (net >= self.min_value) & (net / self.gross[..., None] >= self.min_weight)
        # Symbols that a portfolio does not hold are none of its symbols, whatever the filters.
        held = np.zeros_like(included)
        of_symbol = self.place >= 0
        held[self.on[of_symbol], self.owner[of_symbol], self.place[of_symbol]] = True
        included &= held
        used = np.flatnonzero(included.any(axis=(0, 1)))
        if not len(used):
            return
        self.used_place = np.full(self.symbols, -1)
        self.used_place[used] = np.arange(len(used))
        window = self.sessions[:, None] + np.arange(1 - am.CORRELATION_WINDOW, 1)
        self.logs = np.log1p(self.own[:, used])[window]
        self.rho, self.overlap = am.correlations(self.logs)
        counts = included.sum(axis=2)
        for number in np.unique(counts[counts >= 2]):
            day, portfolio = np.nonzero(counts == number)
            at_once = max(1, int(1e6 // number**2))
            for start in range(0, len(day), at_once):
                some = slice(start, start + at_once)
                symbols = np.nonzero(included[day[some], portfolio[some]])[1].reshape(-1, number)
                self.correlate(day[some], portfolio[some], symbols)

    def correlate(self, day, portfolio, symbols):
        """Portfolios on days, all with the same number of symbols."""
        count, number = symbols.shape
        second, first = np.tril_indices(number, -1)
        places = self.used_place[symbols]
        of_day = lambda matrix: matrix[day[:, None], places[:, first], places[:, second]]
        packed = of_day(self.rho)
        n = np.array([[am.CORRELATION_WINDOW]]) if self.overlap is None else of_day(self.overlap)
        p = am.p_values(packed, n)
        q = am.benjamini_hochberg(p)
        n = np.broadcast_to(n, packed.shape)
        pairs = packed.shape[1]
        names = self.inputs.symbols[self.risk_columns[symbols]]
        ids, dates = self.inputs.portfolio_ids[portfolio], self.dates[day]
        self.results.add(
            "pairwise_correlations", portfolio_id=np.repeat(ids, pairs), calculation_date=np.repeat(dates, pairs),
            symbol1=names[:, first].ravel(), symbol2=names[:, second].ravel(), correlation_coefficient=packed.ravel(),
            p_value=p.ravel(), duration_days=am.CORRELATION_WINDOW,
            observations=am.CORRELATION_WINDOW if self.overlap is None else n.ravel())
        self.add_averages(day, portfolio, symbols, places, packed, q,
                          self.top_pairs(names, first, second, packed, p, q, n))

    def add_averages(self, day, portfolio, symbols, places, packed, q, top_pairs):
        count, number = symbols.shape
        second, first = np.tril_indices(number, -1)
        exposures = self.exposures[day[:, None], portfolio[:, None], symbols]
        weights = exposures / self.nav[day, portfolio][:, None]
        products = weights[:, first] * weights[:, second]
        sizes, sign = np.abs(products), np.sign(products)
        covariance, intensity = am.constant_correlation_shrinkage(
            self.logs[day[:, None], :, places].transpose(0, 2, 1))
        sd = np.sqrt(np.einsum("pii->pi", covariance))
        quadratic = lambda x: ((x[:, None] @ covariance)[:, 0] * x).sum(axis=1)
        longs = (weights >= 0).all(axis=1)
        ratio = np.where(longs, (weights * sd).sum(axis=1) / np.sqrt(quadratic(weights)), np.nan)
        effective = np.where(longs, weights.sum(axis=1)**2 / quadratic(weights / sd), np.nan)
        values, vectors = np.linalg.eigh(covariance)
        share = (weights[:, None] @ vectors)[:, 0]**2 * values / quadratic(weights)[:, None]
        bets = np.exp(-scipy.special.xlogy(share, share).sum(axis=1))
        score = np.zeros(count)
        # As held: a short hedge is the opposite bet of what it hedges.
        signs = np.sign(exposures)
        for k in np.flatnonzero((packed * sign).max(axis=1) >= am.THRESHOLD):
            held = self.rho[day[k]][np.ix_(places[k], places[k])] * np.outer(signs[k], signs[k])
            score[k] = self.add_clusters(day[k], portfolio[k], symbols[k], held, np.abs(exposures[k]))
        chosen = self.is_included(day, portfolio, symbols)
        included = self.by_cell(np.ones(len(chosen)), chosen)[day, portfolio].astype(int)
        lots = self.by_cell(np.ones(len(self.held)))[day, portfolio].astype(int)
        self.results.add(
            "correlation_calculations", portfolio_id=self.inputs.portfolio_ids[portfolio],
            calculation_date=self.dates[day], duration_days=am.CORRELATION_WINDOW, avg_correlation=packed.mean(axis=1),
            weighted_avg_correlation=(packed * sizes).sum(axis=1) / sizes.sum(axis=1),
            position_signed_correlation=(packed * sign).mean(axis=1), significant_pairs=(q <= 0.05).sum(axis=1),
            total_pairs=np.full(count, packed.shape[1]), effective_positions=effective, effective_bets=bets,
            concentration_score=score, diversification_ratio=ratio, shrinkage_intensity=intensity,
            matrix_method="ledoit_wolf_constant_correlation", positions_included=included,
            positions_excluded=lots - included, data_quality="sufficient", min_position_value=self.min_value,
            min_portfolio_weight=self.min_weight, filter_mode="both", correlation_threshold=am.THRESHOLD,
            top_correlations=top_pairs)

    def is_included(self, day, portfolio, symbols):
        """Places of the lots of these portfolios, days and symbols."""
        chosen = np.zeros((self.count, self.portfolios, self.symbols), bool)
        chosen[day[:, None], portfolio[:, None], symbols] = True
        return np.flatnonzero((self.place >= 0) & chosen[self.on, self.owner, self.place])

    @staticmethod
    def top_pairs(names, first, second, packed, p, q, n):
        best = np.arange(packed.shape[1])[None].repeat(len(packed), 0)
        if packed.shape[1] > TOP_PAIRS:
            best = np.argpartition(-np.abs(packed), TOP_PAIRS, axis=1)[:, :TOP_PAIRS]
        order = np.argsort(-np.abs(np.take_along_axis(packed, best, 1)), axis=1, kind="stable")
        best = np.take_along_axis(best, order, 1)
        one, other = (np.take_along_axis(names, ends[best], 1).astype(str).tolist() for ends in (first, second))
        figures = (np.take_along_axis(part, best, 1).tolist() for part in (packed, p, q, n))
        item = ('{"symbol1": "%s", "symbol2": "%s", "correlation": %r, "p_value": %r, "q_value": %r,'
                ' "observations": %d}')
        texts = np.empty(len(best), object)
        for k, rows in enumerate(zip(one, other, *figures)):
            texts[k] = ("[" + ", ".join([item % row for row in zip(*rows)]) + "]").encode()
        return texts

    def add_clusters(self, day, portfolio, symbols, rho, values):
        """Clusters of one portfolio; returns the share of value that lies in them."""
        inside = 0.0
        lots, date, gross = self.inputs.lots, self.dates[day], self.gross[day, portfolio]
        names = self.inputs.symbols[self.risk_columns[symbols]]
        of_portfolio = np.flatnonzero(self.cell == day * self.portfolios + portfolio)
        for number, group in enumerate(am.clusters(rho, values), 1):
            total = values[group].sum()
            inside += total
            inner = rho[np.ix_(group, group)]
            mean = (inner.sum(axis=1) - 1.0) / (len(group) - 1)
            self.results.add(
                "correlation_clusters", portfolio_id=self.inputs.portfolio_ids[[portfolio]],
                calculation_date=np.array([date]), duration_days=am.CORRELATION_WINDOW,
                cluster_number=np.array([number]),
                nickname=np.array([self.nickname(names[group], values[group]).encode()]),
                avg_correlation=np.array([mean.mean()]), total_value=np.array([total]),
                portfolio_percentage=np.array([total / gross]))
            member = of_portfolio[np.isin(self.place[of_portfolio], symbols[group])]
            lot, sizes = self.held[member], np.abs(self.values[member])
            self.results.add(
                "correlation_cluster_positions", portfolio_id=lots["portfolio_id"][lot], position_id=lots["id"][lot],
                calculation_date=np.full(len(lot), date), duration_days=am.CORRELATION_WINDOW,
                cluster_number=np.full(len(lot), number), symbol=lots["symbol"][lot], value=sizes,
                portfolio_percentage=sizes / gross,
                correlation_to_cluster=mean[np.searchsorted(symbols[group], self.place[member])])
        return inside / values.sum()

    def nickname(self, names, values):
        sectors = [self.bucket(name) for name in names.tolist()]
        most = max(sorted(set(sectors)), key=sectors.count)
        return most if sectors.count(most) >= 0.7 * len(names) else names[np.argmax(values)].decode() + " lookalikes"

    def add_factor_correlations(self):
        i, j = np.triu_indices(len(self.all_names))
        covariance, correlation, n = (part[:, i, j] for part in self.covariances())
        names = np.array(self.all_names, "S")
        correlation = np.where(i == j, 1.0, correlation)
        enough = n >= 60
        self.results.add("factor_correlations", calculation_date=np.repeat(self.dates, len(i)),
                         factor_1=np.tile(names[i], self.count), factor_2=np.tile(names[j], self.count),
                         correlation=np.where(enough, correlation, np.nan).ravel(),
                         covariance=np.where(enough, covariance, np.nan).ravel(), observations=n.ravel(),
                         half_life=am.HALF_LIFE)

    def add_stress(self):
        names = [*self.names["ridge"], "interest_rate"]
        # Exposures were measured in the time of the covariance of the day; moves are expected by that of all the past.
        covariance = self.covariance_of(names)
        past = self.pasts()
        fits = {model: self.fits(model) for model in ("market", "ridge", "rate")}
        dollars = np.concatenate([self.dollars(fits["market"]), self.dollars(fits["ridge"])[..., 1:],
                                  self.dollars(fits["rate"])[..., 1:]], axis=2)
        # What one regression on all factors would have found: the yield's beta was measured beside the market alone,
        # and the others without the yield.
        count, last = len(names), len(names) - 1
        slopes = np.zeros((self.count, count))
        slopes[:, :last] = np.linalg.solve(covariance[:, :last, :last], covariance[:, :last, last])
        pair = np.array([0, last])
        measured = np.tile(np.eye(count), (self.count, 1, 1))
        measured[:, :, -1] += slopes
        measured[:, -1] = np.linalg.solve(covariance[:, pair[:, None], pair], covariance[:, pair])[:, 1]
        own = dollars @ np.linalg.inv(measured).transpose(0, 2, 1)
        specific = self.specific_variances("ridge", self.exposures)
        stale = self.share(np.any([self.is_stale(fit) for fit in fits.values()], axis=0))
        market = {"names": names, "past": past, "dollars": dollars, "slopes": slopes, "own": own, "specific": specific,
                  "coverage": self.share(fits["market"].estimated), "stale": stale}
        for scenario in sorted(self.inputs.scenarios):
            self.add_scenario(scenario, **market)

    def pasts(self):
        """What all the past says on each day: parts by day."""
        counts = np.searchsorted(self.inputs.past_sessions, self.dates, "right")
        return tuple(np.array(part) for part in zip(*(am.long_run(self.past[:count]) for count in counts)))

    def add_scenario(self, scenario, names, past, dollars, slopes, own, specific, coverage, stale):
        scenario_id, title, category, severity, config = scenario
        if "window" in config and config["window"]["start"] >= self.inputs.has_history:
            raise NotImplementedError("replays of the past")
        shocked = np.array([names.index(factor) for factor in config["shocks"]])
        sizes, absolute = self.shocks_of(config)
        covariance, _, _, _, lowest, highest = past
        moves, free, conditional, cut = am.expected_moves(covariance, shocked, sizes, lowest, highest)
        is_shocked = np.isin(np.arange(len(names)), shocked)
        # Beside a market that stands still, a yield's shock costs what was measured beside the market.
        if is_shocked[-1] and (is_shocked[1:-1].any() or config["shocks"].get("market")):
            raise NotImplementedError("shocks of the yield beside others")
        correlated = dollars * moves[:, None]
        direct = np.where(is_shocked, correlated, 0.0)
        correlated[..., -1] = own[..., -1] * (moves[:, -1] - (slopes * moves).sum(axis=1))[:, None]
        both = correlated.sum(axis=2)
        total, alone = round_money(both[self.known]), round_money(direct.sum(axis=2)[self.known])
        variance = (own[..., free] @ conditional * own[..., free]).sum(axis=2)
        deviation = np.sqrt(np.maximum(variance, 0.0) + specific)
        day, portfolio = self.known
        self.results.add(
            "stress_test_results", portfolio * len(self.inputs.days) + self.days[day],
            portfolio_id=self.inputs.portfolio_ids[portfolio], calculation_date=self.dates[day],
            scenario_id=np.full(len(day), scenario_id.encode()), direct_pnl=alone, correlated_pnl=total,
            correlation_effect=total - alone, exceeds_equity=-both[self.known] > self.nav[self.known],
            factor_impacts=self.impacts(names, is_shocked, absolute, moves, dollars, direct, correlated),
            calculation_metadata=self.details((title, category, severity, config.get("window")), past,
                                              self.names_of(cut, names), (coverage, deviation, both / self.nav, stale)))

    @staticmethod
    def names_of(cut, names):
        """JSON by day; nothing where no factor is."""
        texts = [", ".join(f'"{name}"' for name, is_cut in zip(names, of_day) if is_cut) for of_day in cut]
        return [f', "extrapolated": [{text}]' if text else "" for text in texts]

    def shocks_of(self, config):
        """Shocks by day, and those that are returns of funds: these lose the part of the market, shocked as well."""
        shocks, bases = config["shocks"], config.get("basis_of", {})
        absolute = {f: size for f, size in shocks.items() if f in self.names["ridge"][1:]
                    and bases.get(f, config.get("basis", "relative")) == "absolute"}
        if absolute and "market" not in shocks:
            raise NotImplementedError("returns of funds without a shock of the market")
        sizes = np.tile(np.array(list(shocks.values())), (self.count, 1))
        for place, factor in enumerate(shocks):
            if factor in absolute:
                style = self.names["ridge"].index(factor) - 1
                slopes = [am.style_slopes(self.market, self.styles, session)[style] for session in self.sessions]
                sizes[:, place] -= np.array(slopes) * shocks["market"]
        return sizes, absolute

    def impacts(self, names, is_shocked, absolute, moves, dollars, direct, correlated):
        """JSON of each factor: a text by day, filled in by portfolio."""
        shape = '"%s": {%s"exposure": %%%%r, "move": %%r, "direct_pnl": %%%%r, "correlated_pnl": %%%%r}'
        said = {name: f'"absolute_shock": {size!r}, ' for name, size in absolute.items()}
        shape = "{" + ", ".join(shape % (name, said.get(name, "") + ('"shock": %r, ' if is_shocked[k] else ""))
                                for k, name in enumerate(names)) + "}"
        twice = np.repeat(np.arange(len(names)), 1 + is_shocked)
        of_day = [shape % tuple(row) for row in moves[:, twice].tolist()]
        cells = np.stack([dollars[self.known], direct[self.known], correlated[self.known]], axis=2)
        return objects([(of_day[day] % tuple(row)).encode() for day, row in
                        zip(self.known[0].tolist(), cells.reshape(len(cells), -1).tolist())])

    def details(self, scenario, past, extrapolated, cells):
        title, category, severity, window = scenario
        replay = ('"prescribed", "start": "%(start)s", "end": "%(end)s", "note": "history_too_short"' % window
                  if window else '"conditional_expectation"')
        head = ('{"scenario_name": %s, "category": "%s", "severity": "%s", "method": %s,'
                % (json.dumps(title).replace("%", "%%"), category, severity, replay))
        basis = (' "covariance_date": "%s", "covariance_observations": %d, "covariance_half_life": null,'
                 ' "covariance_method": "long_run", "covariance_start": "%s", "covariance_shrinkage": %r%s')
        tail = ', "coverage": %r, "conditional_sd": %r, "pnl_over_equity": %r'
        starts = bc.EPOCH + self.inputs.past_sessions[past[3]]
        of_day = [head + basis % row + tail for row in
                  zip(bc.EPOCH + self.dates, past[2].tolist(), starts, past[1].tolist(), extrapolated)]
        flagged = ', "quality_flag": "stale", "stale_share": %r'
        cells = np.stack([part[self.known] for part in cells], axis=1).tolist()
        return objects([(of_day[day] % tuple(row) + (flagged % share if share > 0 else "") + "}").encode()
                        for day, (*row, share) in zip(self.known[0].tolist(), cells)])

    # ---- all ---------------------------------------------------------------------------------------------------------

    def compute(self, filters):
        self.min_value, self.min_weight = filters
        for engine in ("snapshots", "values", "tags"):
            if engine in self.engines:
                getattr(self, "compute_" + engine)()
        risk = [engine for engine in ENGINES[3:] if engine in self.engines]
        if not risk:
            return
        if self.net_asset_values is None:
            self.net_asset_values = self.inputs.net_asset_values()
        # As many days at once as keep the matrices small enough for the cache.
        at_once = max(1, SERIES_AT_ONCE // (self.columns + self.portfolios))
        for start in range(0, len(self.inputs.days), at_once):
            self.start_days(np.arange(start, min(start + at_once, len(self.inputs.days))))
            for engine in risk:
                getattr(self, "add_" + engine)()
            self.add_symbols()


class Writer:
    def __init__(self, cursor, batch):
        self.cursor, self.batch, self.results = cursor, batch, batch.results
        self.rows = 0

    def write(self):
        results = self.results
        if self.batch.snapshots:
            self.write_snapshots()
        if "new_values" in results.parts:
            self.write_values()
        if "new_tags" in results.parts:
            self.write_tags()
        for table in results.parts:
            if not table.startswith("new_"):
                self.copy("peer." + table, table)
                self.rows += results.count(table)

    def copy(self, target, table):
        columns = {name: as_column(name, values) for name, values in self.results.columns(table).items()}
        bc.write(self.cursor, target, columns, self.results.count(table))

    def write_snapshots(self):
        """Whole rows when the snapshots are new; else the engines' columns of those that are there."""
        batch = self.batch
        begun = batch.begun if "snapshots" in batch.engines else np.isfinite(batch.net_asset_values)
        portfolio, day = np.nonzero(begun.T)
        batch.results.add("new_snapshots", portfolio_id=batch.inputs.portfolio_ids[portfolio],
                          snapshot_date=batch.inputs.sessions[batch.inputs.days][day],
                          **{name: values[day, portfolio] for name, values in batch.snapshots.items()})
        self.rows += len(day)
        if "snapshots" in batch.engines:
            self.copy("peer.portfolio_snapshots", "new_snapshots")
            self.cursor.execute(
                "UPDATE peer.portfolios p SET equity_balance = s.equity_balance, updated_at = now() FROM"
                " peer.portfolio_snapshots s WHERE s.portfolio_id = p.id AND s.snapshot_date ="
                " (SELECT max(snapshot_date) FROM peer.portfolio_snapshots)")
            self.rows += self.cursor.rowcount
            return
        names = list(batch.snapshots)
        self.cursor.execute("CREATE TEMP TABLE new_snapshots ON COMMIT DROP AS SELECT portfolio_id, snapshot_date, "
                            + ", ".join(names) + " FROM peer.portfolio_snapshots LIMIT 0")
        self.copy("new_snapshots", "new_snapshots")
        self.cursor.execute("UPDATE peer.portfolio_snapshots t SET "
                            + ", ".join(f"{name} = n.{name}" for name in names)
                            + " FROM new_snapshots n WHERE t.portfolio_id = n.portfolio_id"
                            " AND t.snapshot_date = n.snapshot_date")

    def write_values(self):
        self.cursor.execute("CREATE TEMP TABLE new_values (portfolio_id uuid, id uuid, last_price float8,"
                            " last_price_date date, market_value float8, unrealized_pnl float8, realized_pnl float8)"
                            " ON COMMIT DROP")
        self.copy("new_values", "new_values")
        self.cursor.execute(
            "UPDATE peer.positions p SET last_price = coalesce(n.last_price::numeric, p.last_price), last_price_date ="
            " coalesce(n.last_price_date, p.last_price_date), market_value = n.market_value::numeric, unrealized_pnl ="
            " n.unrealized_pnl::numeric, realized_pnl = n.realized_pnl::numeric, updated_at = now() FROM new_values n"
            " WHERE p.portfolio_id = n.portfolio_id AND p.id = n.id")
        self.rows += self.cursor.rowcount

    def write_tags(self):
        self.cursor.execute("CREATE TEMP TABLE new_tags (portfolio_id uuid, position_id uuid, sector text)"
                            " ON COMMIT DROP")
        self.copy("new_tags", "new_tags")
        self.cursor.execute("INSERT INTO peer.tags (name, description, is_system, usage_count) SELECT sector,"
                            " 'Sector: ' || sector, true, count(*) FROM new_tags GROUP BY sector"
                            " ON CONFLICT DO NOTHING")
        self.rows += self.cursor.rowcount
        self.cursor.execute("INSERT INTO peer.position_tags (portfolio_id, position_id, tag_id, is_system, assigned_by)"
                            " SELECT n.portfolio_id, n.position_id, t.id, true, 'peer' FROM new_tags n JOIN peer.tags t"
                            " ON t.name = n.sector AND t.is_system ON CONFLICT DO NOTHING")
        self.rows += self.cursor.rowcount


def delete_date(cursor, target, every_session):
    """A run over results that are there replaces them: how such programs run again."""
    cursor.execute("SELECT table_name FROM analytics_columns() WHERE column_name = 'calculation_date' AND data_type ="
                   " 'date' AND to_regclass('peer.' || table_name) IS NOT NULL")
    tables = [name for name, in cursor.fetchall()]
    for table in tables:
        cursor.execute(f"DELETE FROM peer.{table} WHERE %s OR calculation_date = %s", (every_session, target))
    cursor.execute("DELETE FROM peer.portfolio_snapshots WHERE %s OR snapshot_date = %s", (every_session, target))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--date", required=True)
    options.add_argument("--every-session", action="store_true")
    options.add_argument("--replace", action="store_true")
    options.add_argument("--engines", default=",".join(ENGINES))
    options.add_argument("--filters", default=f"{MIN_VALUE},{MIN_WEIGHT}")
    chosen = options.parse_args()
    engines = chosen.engines.split(",")
    if unknown := set(engines) - set(ENGINES):
        sys.exit(f"no such engine: {unknown}")
    connection = psycopg2.connect("")
    started = time.perf_counter()
    lookback = max(LOOKBACK.get(engine, am.search_span(am.WINDOW)) for engine in engines) + 1
    inputs = Inputs(connection, chosen.date, lookback, chosen.every_session)
    if "stress" in engines:
        inputs.read_past()
    read = time.perf_counter()
    batch = Batch(inputs, engines)
    batch.compute([float(limit) for limit in chosen.filters.split(",")])
    computed = time.perf_counter()
    cursor = connection.cursor()
    if chosen.replace:
        delete_date(cursor, chosen.date, chosen.every_session)
    writer = Writer(cursor, batch)
    writer.write()
    connection.commit()
    written = time.perf_counter()
    print(json.dumps({"read": read - started, "compute": computed - read, "write": written - computed,
                      "seconds": written - started, "rows_read": inputs.price_rows + len(inputs.lots["id"]),
                      "rows_written": writer.rows,
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
