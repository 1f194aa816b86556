#!/usr/bin/env python3
"""The batch as a program beside the database: reads the tables by binary COPY, computes on whole matrices and writes
the result columns by binary COPY, one for each table, into the schema peer. Prints what it took as JSON.

usage: peer_numpy.py --date YYYY-MM-DD [--every-session] [--engines NAME,...] [--replace] [--filters VALUE,WEIGHT]

Pairs of correlations are rows of a plain table. The libraries are loaded before the clock starts.
"""
import argparse
import json
import resource
import sys
import time

import numpy as np
import psycopg2

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


def round_money(values):
    return np.rint(values * 1e4) / 1e4


def at(values, places, missing=np.nan):
    """Values at the places; missing where the place is negative."""
    return np.where(places >= 0, values[places], missing)


class Results:
    """Rows of the tables, a column at a time."""

    def __init__(self):
        self.parts = {}

    def add(self, table, **columns):
        self.parts.setdefault(table, []).append(columns)

    def column(self, table, name):
        parts = [part[name] for part in self.parts[table]]
        if isinstance(parts[0], list):
            return sum(parts[1:], parts[0])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


MONEY = {"exposure_dollar", "direct_pnl", "correlated_pnl", "correlation_effect", "total_value", "total_market_value",
         "cash_value", "equity_balance", "total_long", "total_short", "gross_exposure", "net_exposure", "daily_pnl",
         "mtd_pnl", "ytd_pnl", "cumulative_pnl", "daily_realized_pnl", "cumulative_realized_pnl", "daily_capital_flow",
         "cumulative_capital_flow", "value", "min_position_value"}
JSON = {"factor_impacts", "calculation_metadata", "sector_exposure", "top_correlations"}


def as_column(name, values):
    if values.dtype.names:
        return bc.of_ids(values.astype(bc.UUID))
    if values.dtype.kind == "S":
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
        cash = inputs.initial_equity + flows + round_money(trades)
        is_long = self.value >= 0
        longs = round_money(self.by_portfolio(np.where(is_long, self.value, 0.0)))
        shorts = round_money(self.by_portfolio(np.where(is_long, 0.0, self.value)))
        equity = cash + longs + shorts
        profit = round_money(equity - inputs.initial_equity - flows)
        held = self.quantity != 0
        first = np.full(self.portfolios, 10**9)
        np.minimum.at(first, lots["portfolio"], lots["entry_date"])
        days = inputs.sessions[inputs.days]
        self.begun = days[:, None] >= first
        dates = (bc.EPOCH + days).astype("datetime64[D]")
        before = lambda levels, unit: self.level_before(levels, dates.astype(f"datetime64[{unit}]"))
        previous = lambda levels: np.vstack([np.zeros(self.portfolios), levels[:-1]])
        equity_before = np.vstack([inputs.initial_equity, equity[:-1]])
        equity_before = np.where(np.vstack([np.zeros(self.portfolios, bool), self.begun[:-1]]), equity_before,
                                 inputs.initial_equity)
        daily = round_money(profit - previous(profit))
        previous_date = np.where(np.vstack([np.zeros(self.portfolios, bool), self.begun[:-1]]),
                                 np.concatenate([[0], days[:-1]])[:, None], NEVER)
        with np.errstate(divide="ignore", invalid="ignore"):
            daily_return = np.where(equity_before > 0, daily / equity_before, np.nan)
        kind = lots["kind"]
        self.net_asset_values = equity
        self.snapshots = {
            "previous_snapshot_date": previous_date, "total_value": equity, "total_market_value": longs + shorts,
            "cash_value": cash, "equity_balance": equity, "total_long": longs, "total_short": shorts,
            "gross_exposure": longs - shorts, "net_exposure": longs + shorts,
            "long_count": self.instruments(held & (self.quantity > 0)),
            "short_count": self.instruments(held & (self.quantity < 0)),
            "option_count": self.instruments(held & (kind == OPTION)),
            "private_positions": self.instruments(held & (kind == PRIVATE)),
            "stale_prices": self.instruments(held & self.stale),
            "unpriced_positions": self.instruments(held & self.unpriced), "daily_pnl": daily,
            "daily_return": daily_return, "mtd_pnl": profit - before(profit, "M"),
            "ytd_pnl": profit - before(profit, "Y"), "cumulative_pnl": profit,
            "daily_realized_pnl": realized - previous(realized), "cumulative_realized_pnl": realized,
            "daily_capital_flow": flows - previous(flows), "cumulative_capital_flow": flows}

    @staticmethod
    def level_before(levels, periods):
        """The last level before the period of each session began; 0 before the first."""
        starts = np.searchsorted(periods, periods)
        return np.vstack([np.zeros(levels.shape[1]), levels])[starts]

    def compute_values(self):
        lots, day = self.inputs.lots, -1
        has_begun = lots["entry_date"] <= self.inputs.sessions[self.inputs.days[day]]
        usable = has_begun & ~((self.quantity[day] != 0) & self.unpriced[day])
        gains = (self.price[day] - lots["entry_price"]) * self.quantity[day] * lots["multiplier"]
        realized = np.zeros(len(usable))
        lot = self.inputs.closings["lot"]
        np.add.at(realized, lot, np.sign(lots["quantity"][lot]) * self.inputs.closings["quantity"]
                  * (self.inputs.closings["price"] - lots["entry_price"][lot]) * lots["multiplier"][lot])
        shown = usable & (lots["kind"] != PRIVATE) & (self.quantity[day] != 0)
        self.results.add("new_values", portfolio_id=lots["portfolio_id"][usable], id=lots["id"][usable],
                         last_price=np.where(shown, self.price[day], np.nan)[usable],
                         last_price_date=np.where(shown, self.price_date[day], NEVER)[usable],
                         market_value=self.value[day][usable], unrealized_pnl=gains[usable],
                         realized_pnl=realized[usable])

    def compute_tags(self):
        lots, day = self.inputs.lots, -1
        held = lots["entry_date"] <= self.inputs.sessions[self.inputs.days[day]]
        names, place = np.unique(lots["underlying"], return_inverse=True)
        sectors = np.array([(self.inputs.profiles.get(name, (None, False))[0] or "Uncategorized").encode()
                            for name in names.tolist()])
        self.results.add("new_tags", portfolio_id=lots["portfolio_id"][held], position_id=lots["id"][held],
                         sector=sectors[place][held])

    # ---- risk --------------------------------------------------------------------------------------------------------

    def read_factors(self):
        column = self.inputs.column
        self.market = self.returns[:, column[b"SPY"]]
        own = lambda factor: self.returns[:, column[factor[2].encode()]]
        styles = [f for f in self.inputs.factors if f[0] == "ridge"]
        spreads = [f for f in self.inputs.factors if f[0] == "spread"]
        self.styles = np.column_stack([own(f) for f in styles])
        self.spreads = np.column_stack([own(f) - self.returns[:, column[f[3].encode()]] for f in spreads])
        quoted = np.flatnonzero(np.isfinite(self.inputs.yields))
        self.rate_change = np.full(len(self.returns), np.nan)
        steps = np.diff(quoted)
        kept = steps <= 5
        self.rate_change[quoted[1:][kept]] = np.diff(self.inputs.yields[quoted])[kept] / 100.0
        self.rate_intervals = [(b, e) for b, e in zip(quoted[:-1][kept & (steps > 1)], quoted[1:][kept & (steps > 1)])]
        self.names = {"market": ["market"], "ridge": ["market", *(f[1] for f in styles)],
                      "spread": ["market", *(f[1] for f in spreads)], "rate": ["market", "interest_rate"]}
        self.factors = {"market": self.market[:, None], "ridge": np.column_stack([self.market, self.styles]),
                        "spread": np.column_stack([self.market, self.spreads])}
        self.all_names = [*self.names["ridge"], *self.names["spread"][1:], "interest_rate"]

    def interval_returns(self, returns):
        """Compounded over the intervals between quoted sessions, where these are longer than one."""
        if not self.rate_intervals:
            return returns
        returns = returns.copy()
        for before, now in self.rate_intervals:
            returns[now] = (1.0 + returns[before + 1:now + 1]).prod(axis=0) - 1.0
        return returns

    def start_day(self, day):
        """Exposures of a computed session, in dollars, of all portfolios to all risk symbols."""
        self.day, self.session = day, self.inputs.days[day]
        self.date = int(self.inputs.sessions[self.session])
        lots = self.inputs.lots
        self.held = np.flatnonzero(self.quantity[day] != 0)
        self.owner, self.values = lots["portfolio"][self.held], self.value[day][self.held]
        is_public = lots["kind"][self.held] == PUBLIC
        columns = lots["column"][self.held]
        self.risk_columns = np.unique(columns[is_public])
        self.place = np.where(is_public, np.searchsorted(self.risk_columns, columns), -1)
        self.symbols = len(self.risk_columns)
        self.exposures = np.bincount(self.owner[is_public] * self.symbols + self.place[is_public],
                                     self.values[is_public], self.portfolios * self.symbols
                                     ).reshape(self.portfolios, self.symbols)
        self.gross = np.bincount(self.owner, np.abs(self.values), self.portfolios)
        self.nav = self.net_asset_values[day]
        self.known = np.flatnonzero(np.isfinite(self.nav) & (self.begun[day] if self.snapshots else True))
        all_columns = self.symbols == self.columns
        self.own = self.returns if all_columns else self.returns[:, self.risk_columns]
        self.fitted, self.moments = {}, None

    def fits(self, model):
        if model not in self.fitted:
            if model == "rate":
                own = self.interval_returns(self.own)
                factors = np.column_stack([self.interval_returns(self.market[:, None])[:, 0], self.rate_change])
            else:
                own, factors = self.own, self.factors[model]
            self.fitted[model] = am.fit(own, factors, self.session, MINIMUM[model],
                                        am.ridge if model == "ridge" else am.least_squares)
        return self.fitted[model]

    def covariances(self):
        if self.moments is None:
            styles = am.orthogonal_styles(self.market, self.styles, self.session)
            single = self.rate_change.copy()
            single[[now for _, now in self.rate_intervals]] = np.nan
            series = np.column_stack([self.market, styles, self.spreads, single])
            self.moments = am.covariances(series, self.session)
        return self.moments

    def flags(self, fits, minimum):
        n = fits.observations
        flag = np.where(n < minimum, b"insufficient_data",
                        np.where(n < am.LIMITED_BELOW, b"limited_history", b"full_history"))
        return flag, np.where(fits.estimated, b"", b"insufficient_data")

    def lot_ids(self):
        lots = self.inputs.lots
        return {"portfolio_id": lots["portfolio_id"][self.held], "position_id": lots["id"][self.held],
                "calculation_date": np.full(len(self.held), self.date)}

    def add_symbols(self, model):
        fits, names = self.fits(model), self.inputs.symbols[self.risk_columns]
        flag, reason = self.flags(fits, MINIMUM[model])
        dates = self.inputs.sessions
        same = np.full(self.symbols, model.encode())
        is_ridge = model == "ridge"
        nothing = np.full(self.symbols, np.nan)
        self.results.add(
            "symbol_model_fits", symbol=names, calculation_date=np.full(self.symbols, self.date), model=same,
            observations=fits.observations, alpha=fits.alpha, r_squared=fits.r_squared,
            adj_r_squared=fits.adj_r_squared, residual_volatility=fits.residual_volatility,
            ridge_alpha=np.where(fits.estimated & is_ridge, 1.0, np.nan),
            effective_df=nothing if model == "market" else fits.df, condition_number=fits.condition,
            max_vif=fits.max_vif, window_start=np.where(fits.first >= 0, dates[fits.first], NEVER),
            window_end=np.where(fits.last >= 0, dates[fits.last], NEVER), quality_flag=flag,
            reason=np.where(fits.estimated & (np.abs(fits.betas[0]) > 5.0), b"outlier", reason)
            if model == "market" else reason)
        factors = np.array([name.encode() for name in self.names[model]])
        count = len(factors)
        self.results.add(
            "symbol_factor_exposures", symbol=np.tile(names, count),
            calculation_date=np.full(count * self.symbols, self.date), model=np.tile(same, count),
            factor=np.repeat(factors, self.symbols), beta=fits.betas.ravel(), std_error=fits.errors.ravel(),
            t_stat=fits.t.ravel(), p_value=fits.p.ravel(), reason=np.tile(reason, count))

    def lot_reasons(self, reason):
        return np.where(self.place >= 0, reason[self.place], self.lot_reason[self.held])

    def dollars(self, fits):
        return self.exposures @ np.where(fits.estimated, fits.betas, 0.0).T

    def coverage(self, estimated):
        covered = np.where(self.place >= 0, estimated[self.place], False)
        sizes = np.bincount(self.owner[covered], np.abs(self.values[covered]), self.portfolios)
        with np.errstate(invalid="ignore"):
            return sizes / self.gross

    def add_portfolios(self, model, factors, dollars, estimated, contributions=None):
        """Rows of portfolio_factor_exposures, the last factor being specific where there are contributions."""
        known, count = self.known, len(self.known)
        coverage = self.coverage(estimated)[known]
        for k, factor in enumerate(factors):
            row = {"exposure_value": dollars[known, k] / self.nav[known], "exposure_dollar": dollars[known, k]}
            row |= {"marginal_contribution_to_risk": np.full(count, np.nan),
                    "contribution_to_risk": np.full(count, np.nan),
                    "percent_contribution_to_risk": np.full(count, np.nan)}
            if contributions is not None:
                marginal, percent = contributions[0][:, k], contributions[1][:, k]
                row |= {"marginal_contribution_to_risk": marginal, "percent_contribution_to_risk": percent,
                        "contribution_to_risk": marginal * row["exposure_value"]}
            self.add_exposure(model, factor, coverage, row)
        if contributions is not None:
            nothing = np.full(count, np.nan)
            self.add_exposure(model, "specific", coverage, {
                "exposure_value": nothing, "exposure_dollar": nothing, "marginal_contribution_to_risk": nothing,
                "contribution_to_risk": contributions[2], "percent_contribution_to_risk": contributions[3]})

    def add_exposure(self, model, factor, coverage, row):
        count = len(self.known)
        self.results.add("portfolio_factor_exposures", portfolio_id=self.inputs.portfolio_ids[self.known],
                         calculation_date=np.full(count, self.date), model=np.full(count, model.encode()),
                         factor=np.full(count, factor.encode()), coverage=coverage, **row)

    def set_snapshot(self, **columns):
        for name, values in columns.items():
            if name not in self.snapshots:
                shape = (len(self.inputs.days), self.portfolios)
                if isinstance(values, list):
                    self.snapshots[name] = [[b"{}"] * self.portfolios for _ in self.inputs.days]
                else:
                    filler = {"S": b"", "i": NEVER}.get(values.dtype.kind, np.nan)
                    kind = "S16" if values.dtype.kind == "S" else values.dtype
                    self.snapshots[name] = np.full(shape, filler, kind)
            self.snapshots[name][self.day] = values

    def add_market(self):
        fits = self.fits("market")
        self.add_symbols("market")
        flag, reason = self.flags(fits, MINIMUM["market"])
        place, count = self.place, len(self.held)
        self.results.add(
            "position_market_betas", **self.lot_ids(), method=np.full(count, b"OLS_NW"),
            window_days=np.full(count, am.WINDOW), beta=at(fits.betas[0], place), alpha=at(fits.alpha, place),
            r_squared=at(fits.r_squared, place), std_error=at(fits.errors[0], place), p_value=at(fits.p[0], place),
            observations=at(fits.observations, place, NEVER), market_index=np.full(count, b"SPY"),
            quality_flag=at(flag, place, b""), reason=self.lot_reasons(reason))
        dollars = self.dollars(fits)
        self.add_portfolios("market", ["market"], dollars, fits.estimated)
        days = np.flatnonzero(np.isfinite(self.market[:self.session + 1]))
        days = days[days > self.session - am.search_span(am.WINDOW)][-am.WINDOW:]
        market = self.market[days]
        own = self.own[days]
        missing = ~np.isfinite(own)
        if missing.any():
            own = np.where(missing, fits.alpha + np.outer(market, fits.betas[0]), own)
        series = own @ np.where(fits.estimated, self.exposures / self.nav[:, None], 0.0).T
        series -= series.mean(axis=0)
        centered = market - market.mean()
        r = centered @ series / np.sqrt((centered @ centered) * np.einsum("tp,tp->p", series, series))
        self.set_snapshot(beta=dollars[:, 0] / self.nav, beta_r_squared=np.minimum(1.0, r**2),
                          beta_observations=np.full(self.portfolios, len(days)),
                          beta_coverage=self.coverage(fits.estimated))

    def add_rate(self):
        fits = self.fits("rate")
        self.add_symbols("rate")
        flag, reason = self.flags(fits, MINIMUM["rate"])
        place, count = self.place, len(self.held)
        self.results.add(
            "position_interest_rate_betas", **self.lot_ids(), ir_beta=at(fits.betas[1], place),
            r_squared=at(fits.r_squared, place), std_error=at(fits.errors[1], place),
            observations=at(fits.observations, place, NEVER), rate_series=np.full(count, b"DGS10"),
            unit=np.full(count, UNIT.encode()), quality_flag=at(flag, place, b""), reason=self.lot_reasons(reason))
        self.add_portfolios("rate", ["interest_rate"], self.dollars(fits)[:, 1:], fits.estimated)

    def add_factor_model(self, model):
        fits = self.fits(model)
        self.add_symbols(model)
        flag, reason = self.flags(fits, MINIMUM[model])
        place, count = self.place, len(self.held)
        self.results.add(
            "position_" + model, **self.lot_ids(), model=np.full(count, model.encode()),
            **{name + "_beta": at(fits.betas[k], place) for k, name in enumerate(self.names[model])},
            r_squared=at(fits.r_squared, place), residual_volatility=at(fits.residual_volatility, place),
            observations=at(fits.observations, place, NEVER), quality_flag=at(flag, place, b""),
            reason=self.lot_reasons(reason))
        dollars = self.dollars(fits)
        places = [self.all_names.index(name) for name in self.names[model]]
        covariance = self.covariances()[0][np.ix_(places, places)]
        weights = np.where(fits.estimated, self.exposures / self.nav[:, None], 0.0)
        specific = weights**2 @ np.where(fits.estimated, fits.residual_sd**2, 0.0)
        x = dollars / self.nav[:, None]
        contributions = [part[self.known] for part in am.risk_contributions(x, covariance, specific)]
        self.add_portfolios(model, self.names[model], dollars, fits.estimated, contributions)

    def add_ridge(self):
        self.add_factor_model("ridge")

    def add_spread(self):
        self.add_factor_model("spread")

    def bucket(self, name):
        sector, is_fund = self.inputs.profiles.get(name, (None, False))
        return "ETFs" if is_fund else SECTORS.get(sector, sector) or "Unmapped"

    def add_sectors(self):
        lots = self.inputs.lots
        names, underlying = np.unique(lots["underlying"][self.held], return_inverse=True)
        buckets, of_name = np.unique([self.bucket(name) for name in names.tolist()], return_inverse=True)
        buckets = [*buckets.tolist(), "Private"]
        bucket = np.where(lots["kind"][self.held] == PRIVATE, len(buckets) - 1, of_name[underlying])
        sums = [np.bincount(self.owner * len(buckets) + bucket, part, self.portfolios * len(buckets)
                            ).reshape(self.portfolios, -1) / self.nav[:, None]
                for part in (np.maximum(self.values, 0.0), np.minimum(self.values, 0.0))]
        present = np.bincount(self.owner * len(buckets) + bucket, minlength=self.portfolios * len(buckets)
                              ).reshape(self.portfolios, -1) > 0
        texts = []
        for longs, shorts, here in zip(sums[0].tolist(), sums[1].tolist(), present.tolist()):
            texts.append(("{" + ", ".join(
                '"%s": {"long": %r, "short": %r, "net": %r, "gross": %r, "benchmark": null, "active": null}'
                % (name, up, down, up + down, up - down)
                for name, up, down, is_here in zip(buckets, longs, shorts, here) if is_here) + "}").encode())
        net = np.abs(np.bincount(self.owner * len(names) + underlying, self.values, self.portfolios * len(names)
                                 ).reshape(self.portfolios, -1))
        with np.errstate(invalid="ignore"):
            shares = net / net.sum(axis=1, keepdims=True)
        hhi = 1e4 * (shares**2).sum(axis=1)
        top = np.sort(-np.partition(-shares, min(10, shares.shape[1] - 1), axis=1)[:, :10], axis=1)[:, ::-1]
        self.set_snapshot(sector_exposure=texts, hhi=hhi, effective_positions=1e4 / hhi,
                          top_3_concentration=top[:, :3].sum(axis=1), top_10_concentration=top.sum(axis=1))

    def add_volatility(self):
        first = max(1, self.session + 1 - am.VOLATILITY_SESSIONS)
        own = self.own[first:self.session + 1]
        if not np.isfinite(own).all():
            raise NotImplementedError("volatility of symbols with gaps")
        figures = am.Volatility(own)
        place = self.place
        self.results.add(
            "position_volatility", **self.lot_ids(), **self.realized(figures, lambda v: at(v, place)),
            expected_volatility_21d=at(figures.forecast, place), forecast_method=at(figures.method, place, b""),
            model_r_squared=at(figures.r_squared, place), volatility_trend=at(figures.trend, place, b""),
            volatility_trend_strength=at(figures.strength, place), volatility_percentile=at(figures.percentile, place),
            observations=at(figures.observations, place, NEVER), quality_flag=at(figures.flag, place, b""),
            reason=self.lot_reasons(np.full(self.symbols, b"")))
        whole = am.Volatility(own @ (self.exposures / self.nav[:, None]).T)
        self.set_snapshot(realized_volatility_21d=whole.short[0], realized_volatility_63d=whole.long[0],
                          expected_volatility_21d=whole.forecast, expected_volatility_method=whole.method,
                          volatility_trend=whole.trend, volatility_percentile=whole.percentile,
                          volatility_observations=whole.observations,
                          volatility_coverage=self.coverage(np.ones(self.symbols, bool)),
                          volatility_proxied=np.zeros(self.portfolios))

    @staticmethod
    def realized(figures, take):
        names = ("", "_low", "_high")
        return ({"realized_volatility_21d" + n: take(v) for n, v in zip(names, figures.short)}
                | {"realized_volatility_63d" + n: take(v) for n, v in zip(names, figures.long)})

    def add_correlations(self):
        net, weight = np.abs(self.exposures), np.abs(self.exposures) / self.gross[:, None]
        included = (net >= self.min_value) & (weight >= self.min_weight)
        used = np.flatnonzero(included.any(axis=0))
        if not len(used):
            return
        logs = np.log1p(self.own[self.session + 1 - am.CORRELATION_WINDOW:self.session + 1, used])
        rho, overlap = am.correlations(logs)
        place_of = np.full(self.symbols, -1)
        place_of[used] = np.arange(len(used))
        counts = included.sum(axis=1)
        for count in np.unique(counts[counts >= 2]):
            members = np.flatnonzero(counts == count)
            at_once = max(1, int(4e6 // count**2))
            for start in range(0, len(members), at_once):
                some = members[start:start + at_once]
                symbols = np.nonzero(included[some])[1].reshape(len(some), count)
                self.correlate(some, symbols, place_of[symbols], rho, overlap, logs)

    def correlate(self, portfolios, symbols, places, rho, overlap, logs):
        """Portfolios with the same number of symbols, all at once."""
        count, number = len(portfolios), symbols.shape[1]
        second, first = np.tril_indices(number, -1)
        packed = rho[places[:, first], places[:, second]]
        n = (np.full(packed.shape, am.CORRELATION_WINDOW, np.int32) if overlap is None
             else overlap[places[:, first], places[:, second]])
        p = am.p_values(packed, n)
        q = am.benjamini_hochberg(p)
        names = self.inputs.symbols[self.risk_columns]
        exposures = np.take_along_axis(self.exposures[portfolios], symbols, 1)
        weights = exposures / self.nav[portfolios, None]
        products = weights[:, first] * weights[:, second]
        sizes = np.abs(products)
        x = logs[:, places].transpose(1, 0, 2)
        covariance, intensity = am.constant_correlation_shrinkage(x)
        sd = np.sqrt(np.einsum("pii->pi", covariance))
        variance = np.einsum("pi,pij,pj->p", weights, covariance, weights, optimize=True)
        ratio = (np.abs(weights) * sd).sum(axis=1) / np.sqrt(variance)
        own = weights / sd
        effective = np.abs(weights).sum(axis=1)**2 / np.einsum("pi,pij,pj->p", own, covariance, own, optimize=True)
        score = np.zeros(count)
        values = np.abs(exposures)
        # As held: a short hedge is the opposite bet of what it hedges.
        signs = np.sign(exposures)
        for k in np.flatnonzero((packed * np.sign(products)).max(axis=1) >= am.THRESHOLD):
            held = rho[np.ix_(places[k], places[k])] * np.outer(signs[k], signs[k])
            score[k] = self.add_clusters(portfolios[k], symbols[k], held, values[k])
        ids = self.inputs.portfolio_ids[portfolios]
        pairs = packed.shape[1]
        self.results.add(
            "pairwise_correlations", portfolio_id=np.repeat(ids, pairs),
            calculation_date=np.full(count * pairs, self.date), symbol1=names[symbols[:, first]].ravel(),
            symbol2=names[symbols[:, second]].ravel(), correlation_coefficient=packed.ravel(), p_value=p.ravel(),
            observations=n.ravel(), duration_days=np.full(count * pairs, am.CORRELATION_WINDOW))
        best = np.argsort(-np.abs(packed), axis=1, kind="stable")[:, :TOP_PAIRS] if pairs <= TOP_PAIRS else None
        if best is None:
            best = np.argpartition(-np.abs(packed), TOP_PAIRS, axis=1)[:, :TOP_PAIRS]
            order = np.argsort(-np.abs(np.take_along_axis(packed, best, 1)), axis=1, kind="stable")
            best = np.take_along_axis(best, order, 1)
        tops = self.top_pairs(names[symbols], first, second, best, packed, p, q, n)
        included = np.bincount(self.owner[self.is_included(portfolios, symbols)], minlength=self.portfolios)
        lots = np.bincount(self.owner, minlength=self.portfolios)
        self.results.add(
            "correlation_calculations", portfolio_id=ids, calculation_date=np.full(count, self.date),
            duration_days=np.full(count, am.CORRELATION_WINDOW), avg_correlation=packed.mean(axis=1),
            weighted_avg_correlation=(packed * sizes).sum(axis=1) / sizes.sum(axis=1),
            position_signed_correlation=(packed * np.sign(products)).mean(axis=1),
            significant_pairs=(q <= 0.05).sum(axis=1), total_pairs=np.full(count, pairs), effective_positions=effective,
            effective_bets=ratio**2, concentration_score=score, diversification_ratio=ratio,
            shrinkage_intensity=intensity, matrix_method=np.full(count, b"ledoit_wolf_constant_correlation"),
            positions_included=included[portfolios], positions_excluded=(lots - included)[portfolios],
            data_quality=np.full(count, b"sufficient"), min_position_value=np.full(count, self.min_value),
            min_portfolio_weight=np.full(count, self.min_weight), filter_mode=np.full(count, b"both"),
            correlation_threshold=np.full(count, am.THRESHOLD), top_correlations=tops)

    def is_included(self, portfolios, symbols):
        """Lots of the portfolios in the symbols."""
        chosen = np.zeros((self.portfolios, self.symbols), bool)
        chosen[portfolios[:, None], symbols] = True
        return np.where(self.place >= 0, chosen[self.owner, self.place], False)

    @staticmethod
    def top_pairs(names, first, second, best, packed, p, q, n):
        texts = []
        for k, row in enumerate(best):
            items = zip(names[k, first[row]].astype(str), names[k, second[row]].astype(str), packed[k, row].tolist(),
                        p[k, row].tolist(), q[k, row].tolist(), n[k, row].tolist())
            texts.append(("[" + ", ".join(
                '{"symbol1": "%s", "symbol2": "%s", "correlation": %r, "p_value": %r, "q_value": %r,'
                ' "observations": %d}' % item for item in items) + "]").encode())
        return texts

    def add_clusters(self, portfolio, symbols, rho, values):
        """Clusters of one portfolio; returns the share of value that lies in them."""
        inside = 0.0
        names = self.inputs.symbols[self.risk_columns[symbols]]
        of_portfolio = np.flatnonzero(self.owner == portfolio)
        for number, group in enumerate(am.clusters(rho, values), 1):
            total = values[group].sum()
            inside += total
            inner = rho[np.ix_(group, group)]
            mean = (inner.sum(axis=1) - 1.0) / (len(group) - 1)
            sectors = [self.bucket(name) for name in names[group].tolist()]
            most = max(sorted(set(sectors)), key=sectors.count)
            largest = names[group[np.argmax(values[group])]].decode()
            nickname = most if sectors.count(most) >= 0.7 * len(group) else largest + " lookalikes"
            key = {"calculation_date": np.array([self.date]), "duration_days": np.array([am.CORRELATION_WINDOW]),
                   "cluster_number": np.array([number])}
            self.results.add("correlation_clusters", portfolio_id=self.inputs.portfolio_ids[[portfolio]], **key,
                             nickname=np.array([nickname.encode()]), avg_correlation=np.array([mean.mean()]),
                             value=np.array([total]), portfolio_percentage=np.array([total / self.gross[portfolio]]))
            member = of_portfolio[np.isin(self.place[of_portfolio], symbols[group])]
            where = np.searchsorted(symbols[group], self.place[member])
            lots = self.inputs.lots
            repeated = {name: np.repeat(value, len(member)) for name, value in key.items()}
            self.results.add("correlation_cluster_positions", portfolio_id=lots["portfolio_id"][self.held[member]],
                             position_id=lots["id"][self.held[member]], **repeated,
                             symbol=lots["symbol"][self.held[member]], value=np.abs(self.values[member]),
                             portfolio_percentage=np.abs(self.values[member]) / self.gross[portfolio],
                             correlation_to_cluster=mean[where])
        return inside / values.sum()

    def add_factor_correlations(self):
        covariance, correlation, n = self.covariances()
        i, j = np.triu_indices(len(covariance))
        names = np.array([name.encode() for name in self.all_names])
        enough = n[i, j] >= 60
        unit = np.where(i == j, 1.0, correlation[i, j])
        self.results.add("factor_correlations", calculation_date=np.full(len(i), self.date), factor_1=names[i],
                         factor_2=names[j], correlation=np.where(enough, unit, np.nan),
                         covariance=np.where(enough, covariance[i, j], np.nan), observations=n[i, j],
                         half_life=np.full(len(i), am.HALF_LIFE))

    def add_stress(self):
        names = [*self.names["ridge"], "interest_rate"]
        places = [self.all_names.index(name) for name in names]
        covariance = self.covariances()[0][np.ix_(places, places)]
        fits = {model: self.fits(model) for model in ("market", "ridge", "rate")}
        dollars = np.column_stack([self.dollars(fits["market"])[:, 0], self.dollars(fits["ridge"])[:, 1:],
                                   self.dollars(fits["rate"])[:, 1]])[self.known]
        # What one regression on all factors would have found: the yield's beta was measured beside the market alone, and
        # the others without the yield.
        slopes = np.append(np.linalg.solve(covariance[:-1, :-1], covariance[:-1, -1]), 0.0)
        pair = [0, len(names) - 1]
        measured = np.eye(len(names))
        measured[:, -1] += slopes
        measured[-1] = np.linalg.solve(covariance[np.ix_(pair, pair)], covariance[pair])[1]
        own = dollars @ np.linalg.inv(measured).T
        specific = self.exposures[self.known]**2 @ np.where(fits["ridge"].estimated, fits["ridge"].residual_sd**2, 0.0)
        coverage = self.coverage(fits["market"].estimated)[self.known]
        nav = self.nav[self.known]
        day = str(bc.EPOCH + self.date)
        for scenario in self.inputs.scenarios:
            self.add_scenario(scenario, names, covariance, dollars, slopes, own, specific, coverage, nav, day)

    def add_scenario(self, scenario, names, covariance, dollars, slopes, own, specific, coverage, nav, day):
        scenario_id, title, category, severity, config = scenario
        if "window" in config and config["window"]["start"] >= self.inputs.has_history:
            raise NotImplementedError("replays of the past")
        shocked = np.array([names.index(factor) for factor in config["shocks"]])
        moves, free, conditional = am.expected_moves(covariance, shocked, np.array(list(config["shocks"].values())))
        is_shocked = np.isin(np.arange(len(names)), shocked)
        if is_shocked[-1] and len(shocked) > 1:
            raise NotImplementedError("shocks of the yield beside others")
        correlated = dollars * moves
        correlated[:, -1] = own[:, -1] * (moves[-1] - slopes @ moves)
        direct = np.where(is_shocked, dollars * moves, 0.0)
        total, alone = round_money(correlated.sum(axis=1)), round_money(direct.sum(axis=1))
        variance = np.einsum("pi,ij,pj->p", own[:, free], conditional, own[:, free])
        deviation = np.sqrt(np.maximum(variance, 0.0) + specific)
        template = "{" + ", ".join(
            '"%s": {%s"exposure": %%r, "move": %r, "direct_pnl": %%r, "correlated_pnl": %%r}'
            % (name, '"shock": %r, ' % move if hit else "", move)
            for name, move, hit in zip(names, moves.tolist(), is_shocked)) + "}"
        cells = np.stack([dollars, direct, correlated], axis=2).reshape(len(nav), -1).tolist()
        head = ('{"scenario_name": %s, "category": "%s", "severity": "%s", "method": "conditional_expectation",'
                ' "covariance_date": "%s", "covariance_observations": 252, "covariance_half_life": 63, '
                % (json.dumps(title).replace("%", "%%"), category, severity, day))
        tail = head + '"coverage": %r, "conditional_sd": %r, "pnl_over_equity": %r}'
        details = np.column_stack([coverage, deviation, correlated.sum(axis=1) / nav]).tolist()
        count = len(nav)
        self.results.add(
            "stress_test_results", portfolio_id=self.inputs.portfolio_ids[self.known],
            calculation_date=np.full(count, self.date), scenario_id=np.full(count, scenario_id.encode()),
            direct_pnl=alone, correlated_pnl=total, correlation_effect=total - alone,
            exceeds_equity=-correlated.sum(axis=1) > nav,
            factor_impacts=[(template % tuple(c)).encode() for c in cells],
            calculation_metadata=[(tail % tuple(d)).encode() for d in details])

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
        for day in range(len(self.inputs.days)):
            self.start_day(day)
            for engine in risk:
                getattr(self, "add_" + engine)()


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
        # Columns that only some rows have are left out of the others' COPY.
        targets = {"position_ridge": "position_factor_exposures", "position_spread": "position_factor_exposures"}
        for table in results.parts:
            if not table.startswith("new_"):
                self.copy("peer." + targets.get(table, table), table)

    def copy(self, target, table, renamed={"correlation_clusters": {"value": "total_value"}}):
        columns, tail = {}, {}
        for name in self.results.parts[table][0]:
            values = self.results.column(table, name)
            shown = renamed.get(table, {}).get(name, name)
            if name in JSON:
                tail[shown] = values
            else:
                columns[shown] = as_column(name, values)
        written = bc.write(self.cursor, target, columns, tail)
        self.rows += written
        return written

    def write_snapshots(self):
        """Whole rows when the snapshots are new; else the engines' columns of those that are there."""
        batch = self.batch
        begun = batch.begun if "snapshots" in batch.engines else np.isfinite(batch.net_asset_values)
        day, portfolio = np.nonzero(begun)
        batch.results.add(
            "new_snapshots", portfolio_id=batch.inputs.portfolio_ids[portfolio],
            snapshot_date=batch.inputs.sessions[batch.inputs.days][day],
            **{name: [values[d][p] for d, p in zip(day, portfolio)] if isinstance(values, list)
               else values[day, portfolio] for name, values in batch.snapshots.items()})
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
