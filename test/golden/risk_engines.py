#!/usr/bin/env python3
"""Everything that the risk engines write for the real books, from numpy, scipy and statsmodels: the files risk_*.csv,
with columns named as in the tables.

usage: risk_engines.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

The books are those of test/fixtures/real_portfolios.json, valued by accounting.py. README.md has the definitions. The
column rate_series says which changes of yield a figure rests on: those of the series DGS10, or those that the returns
of the bond fund TLT imply; it is empty where they play no part.
"""
import csv
import itertools
import json
import math
import os
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.cluster.hierarchy
import scipy.stats
import statsmodels.api as sm
from scipy.spatial.distance import squareform
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.outliers_influence import variance_inflation_factor

import accounting
import specific_risk
import volatility
from golden_files import HERE, search_span, write_or_check
from market_beta import scaled_condition_number, simple_returns

DATES = ["2024-10-15", "2024-11-29", "2024-12-31"]
MARKET, BOND_FUND, DURATION = "SPY", "TLT", 16.5
STYLES = {"value": "VTV", "growth": "VUG", "momentum": "MTUM", "quality": "QUAL", "size": "IWM", "low_vol": "USMV"}
SPREADS = {"growth_value_spread": ("VUG", "VTV"), "momentum_spread": ("MTUM", "SPY"), "size_spread": ("IWM", "SPY"),
           "quality_spread": ("QUAL", "SPY")}
RATE = "interest_rate"
RATE_SERIES = ["DGS10", "TLT"]
UNIT = "return per 1.00 yield change"
FACTORS = ["market", *STYLES, *SPREADS, RATE]
MODELS = {"market": ["market"], "rate": ["market", RATE], "ridge": ["market", *STYLES], "spread": ["market", *SPREADS]}
STRESS_FACTORS = ["market", *STYLES, RATE]
MINIMUM = {"market": 60, "rate": 60, "ridge": 126, "spread": 126}
WINDOW, LIMITED_BELOW, SESSIONS_A_YEAR = 252, 126, 252
RIDGE_ALPHA_PER_OBSERVATION = 0.4
HALF_LIFE, COVARIANCE_MINIMUM = 63.0, 60
WORST_MOVE_SESSIONS, FULL_COVERAGE = 21, 0.95
LONGEST_RATE_INTERVAL = 5
CORRELATION_WINDOW, MIN_OVERLAP, THRESHOLD, MIN_VALUE, MIN_WEIGHT = 126, 60, 0.7, 10000.0, 0.01
SECTOR_NAMES = {"Financial Services": "Financials", "Consumer Cyclical": "Consumer Discretionary",
                "Consumer Defensive": "Consumer Staples", "Basic Materials": "Materials",
                "Information Technology": "Technology", "Health Care": "Healthcare"}


def market_only(size):
    return {"market": size}


def rates_only(size):
    """The market's move is part of these scenarios: it stands still."""
    return {RATE: size, "market": 0.0}


SCENARIOS = {
    "market_up_5": market_only(0.05), "market_down_5": market_only(-0.05), "rates_up_50bp": rates_only(0.005),
    "rates_down_50bp": rates_only(-0.005), "market_up_10": market_only(0.10), "market_down_10": market_only(-0.10),
    "market_crash_35": market_only(-0.35), "market_rally_25": market_only(0.25), "rates_up_25bp": rates_only(0.0025),
    "rates_down_25bp": rates_only(-0.0025), "rates_up_100bp": rates_only(0.01), "rates_down_100bp": rates_only(-0.01),
    "rate_spike_300bp": rates_only(0.03), "value_rotation_20": {"value": 0.20, "growth": -0.10},
    "growth_rally_15": {"growth": 0.15, "momentum": 0.10}, "small_cap_outperformance_10": {"size": 0.10},
    "quality_flight_12": {"quality": 0.12, "market": -0.05}, "vix_spike_150": {"low_vol": -0.25, "market": -0.15},
    "liquidity_crisis": {"market": -0.20, "low_vol": -0.30, "quality": 0.15, "size": -0.10},
    "financial_crisis_2008": {"market": -0.45, "value": -0.30, "size": -0.25, "quality": 0.20, "low_vol": -0.35},
    "covid_crash_2020": {"market": -0.35, "growth": 0.15, "value": -0.40, "size": -0.30, "quality": 0.10},
    "dotcom_crash_2000": {"market": -0.45, "growth": -0.60, "value": 0.20, "momentum": -0.50, "quality": 0.15}}
# Whether the shock of a style is the return of its fund; else it is beside the market's part.
ABSOLUTE = {"vix_spike_150": ["low_vol"], "liquidity_crisis": ["low_vol"],
            "financial_crisis_2008": ["value", "size", "low_vol"], "covid_crash_2020": ["value", "size"],
            "dotcom_crash_2000": ["growth", "momentum"]}
REPLAYS = {"financial_crisis_2008": ("2008-09-15", "2009-03-15"), "covid_crash_2020": ("2020-02-19", "2020-03-23"),
           "dotcom_crash_2000": ("2000-03-10", "2002-10-09")}


# ---- books ---------------------------------------------------------------------------------------------------------

class Holding:
    """A lot that is open on a day, with its value."""

    def __init__(self, row, lot, value):
        self.position_id = row["id"]
        self.value = value
        self.is_private = lot.is_private
        # An option moves with its underlying by its delta; these books have none.
        self.reason = "private" if lot.is_private else "option_without_delta" if lot.is_option else None
        self.symbol = None if self.reason else lot.symbol
        self.underlying = row["underlying_symbol"] if lot.is_option else lot.symbol


class Portfolio:
    """A book on a day: net asset value, lots, and what it has in each symbol, all lots together."""

    def __init__(self, definition, book, day, prices, sessions):
        self.id = definition["id"]
        self.net_asset_value = float(accounting.levels(book, day, prices, sessions)["equity_balance"])
        self.holdings = []
        for row, lot in zip(definition["positions"], book.lots):
            if lot.remaining(day) != 0:
                value = lot.remaining(day) * lot.mark(day, prices)[0] * lot.multiplier
                self.holdings.append(Holding(row, lot, float(value)))
        self.gross = math.fsum(abs(h.value) for h in self.holdings)
        self.exposures = {}
        for holding in self.holdings:
            if holding.symbol:
                self.exposures[holding.symbol] = self.exposures.get(holding.symbol, 0.0) + holding.value

    def coverage(self, symbols):
        """Share of the gross exposure that lies in these symbols."""
        return math.fsum(abs(h.value) for h in self.holdings if h.symbol in symbols) / self.gross

    def weights(self, symbols):
        return np.array([self.exposures[s] / self.net_asset_value for s in symbols])


def load_books(data_dir, quotes):
    real = json.loads((accounting.FIXTURES / "real_portfolios.json").read_text(encoding="utf-8"))
    prices = accounting.Prices()
    for symbol in quotes:
        for day, price in quotes[symbol].dropna().items():
            prices.add(symbol, day, Decimal(repr(price)), "csv", "split")
    accounting.load_marks(real, prices)
    prices.finish()
    actions = accounting.Actions(real["corporate_actions"])
    books = [(definition, accounting.Book(definition, actions)) for definition in real["portfolios"]]
    sessions = list(quotes.index)
    portfolios = {day: [Portfolio(definition, book, day, prices, sessions) for definition, book in books]
                  for day in DATES}
    return portfolios, {profile["symbol"]: profile for profile in real["company_profiles"]}


def check_net_asset_values(portfolios):
    with open(HERE / "accounting_real.csv", newline="", encoding="utf-8") as handle:
        known = {(r["portfolio_id"], r["snapshot_date"]): r for r in csv.DictReader(handle)}
    for day, of_day in portfolios.items():
        for portfolio in of_day:
            row = known[portfolio.id, day]
            assert portfolio.net_asset_value == float(row["equity_balance"]), (portfolio.id, day)
            assert abs(portfolio.gross - float(row["gross_exposure"])) <= 1e-4, (portfolio.id, day)


# ---- returns and factors -------------------------------------------------------------------------------------------

def yield_interval_frame(returns, yields):
    """Returns compounded over the intervals between quoted sessions, with the change of the yield, by their last day;
    and the changes alone by session."""
    quoted = [t for t, day in enumerate(returns.index) if day in yields.index]
    frame = pd.DataFrame(np.nan, index=returns.index, columns=[*returns.columns, RATE])
    growth = 1.0 + returns.to_numpy()
    for before, now in zip(quoted, quoted[1:]):
        if now - before <= LONGEST_RATE_INTERVAL:
            change = (yields[returns.index[now]] - yields[returns.index[before]]) / 100.0
            frame.iloc[now] = np.append(growth[before + 1:now + 1].prod(axis=0) - 1.0, change)
    return frame


def session_changes(frame, returns, yields):
    """The changes of the yield over single sessions."""
    days = returns.index
    longer = [day for before, day in zip(days, days[1:]) if yields is not None and before not in yields.index]
    changes = frame[RATE].copy()
    changes.loc[longer] = np.nan
    return changes


def fund_interval_frame(returns):
    return returns.assign(**{RATE: -returns[BOND_FUND] / DURATION})


def factor_frame(returns):
    columns = {"market": returns[MARKET]}
    columns |= {name: returns[fund] for name, fund in STYLES.items()}
    columns |= {name: returns[long] - returns[short] for name, (long, short) in SPREADS.items()}
    return pd.DataFrame(columns)


def newest(frame, day, window=WINDOW):
    """The newest complete rows up to the day, within the search span."""
    return frame.loc[:day].tail(search_span(window)).dropna().tail(window)


# ---- models of symbols ---------------------------------------------------------------------------------------------

def newey_west(influence, residuals, residual_df):
    """Errors of the linear estimator whose weights are the rows of influence."""
    n = len(residuals)
    lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))
    pulls = influence * residuals
    total = (pulls**2).sum(axis=1)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * (pulls[:, lag:] * pulls[:, :-lag]).sum(axis=1)
    return np.sqrt(total * n / residual_df)


def described(x, y, coefficients, errors, df):
    """What is stored of a fit with df effective degrees of freedom beside the intercept; x without the constant."""
    n, residual_df = len(y), len(y) - 1 - df
    residuals = y - coefficients[0] - x @ coefficients[1:]
    if np.linalg.norm(residuals) < 1e-12 * np.linalg.norm(y):
        # A factor, or a spread with its leg, explains itself: exactly, so errors are 0 and t and p undefined.
        residuals, coefficients, errors = 0.0 * residuals, np.round(coefficients, 9) + 0.0, 0.0 * errors
    rss, tss = residuals @ residuals, ((y - y.mean()) ** 2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(errors > 0, coefficients / errors, np.nan)
    design = sm.add_constant(x)
    vif = [variance_inflation_factor(design, j + 1) for j in range(x.shape[1])]
    return {"alpha": coefficients[0], "r_squared": 1.0 - rss / tss,
            "adj_r_squared": 1.0 - rss / tss * (n - 1) / residual_df,
            "residual_volatility": math.sqrt(rss / residual_df * SESSIONS_A_YEAR), "effective_df": df,
            "condition_number": scaled_condition_number(design), "max_vif": max(vif) if len(vif) > 1 else None,
            "betas": coefficients[1:], "std_errors": errors[1:], "t_stats": t[1:],
            "p_values": 2.0 * scipy.stats.t.sf(np.abs(t[1:]), residual_df)}


def least_squares(x, y):
    """By statsmodels, with columns scaled by powers of two, which is exact."""
    scale = np.exp2(-np.round(np.log2(x.std(axis=0))))
    design = sm.add_constant(x * scale)
    lags = math.floor(4.0 * (len(y) / 100.0) ** (2.0 / 9.0))
    fit = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    back = np.append(1.0, scale)
    if np.linalg.norm(fit.resid) > 1e-12 * np.linalg.norm(y):
        np.testing.assert_allclose(newey_west(np.linalg.pinv(design), fit.resid, fit.df_resid), fit.bse, rtol=1e-9)
    return described(x, y, fit.params * back, fit.bse * back, x.shape[1])


def market_model(x, y):
    return least_squares(x, y) | {"effective_df": None}


def ridge(x, y):
    """Market by least squares; the others less their regression on [1, market], standardized, penalized together."""
    base = sm.add_constant(x[:, 0])
    to_base = np.linalg.pinv(base)
    styles = x[:, 1:] - base @ np.linalg.lstsq(base, x[:, 1:], rcond=None)[0]
    sd = styles.std(axis=0)
    z = styles / sd
    # Least squares on z above sqrt(alpha) I is the ridge regression, without its normal equations.
    alpha = RIDGE_ALPHA_PER_OBSERVATION * len(y)
    stacked = np.vstack([z, math.sqrt(alpha) * np.eye(z.shape[1])])
    to_styles = np.linalg.pinv(stacked)[:, :len(y)]
    coefficients = np.concatenate([to_base @ y, (to_styles @ y) / sd])
    df = 1.0 + np.trace(to_styles @ z)
    full = np.column_stack([x[:, 0], styles])
    residuals = y - coefficients[0] - full @ coefficients[1:]
    influence = np.vstack([to_base, to_styles / sd[:, None]])
    errors = newey_west(influence, residuals, len(y) - 1 - df)
    return described(full, y, coefficients, errors, df) | {"ridge_alpha": alpha}


ESTIMATORS = {"market": market_model, "rate": least_squares, "ridge": ridge, "spread": least_squares}


def fit_symbol(symbol, day, model, frame, factors):
    """A row of symbol_model_fits, with the betas."""
    sample = newest(factors.assign(own=frame[symbol]), day)
    n = len(sample)
    fit = {"symbol": symbol, "calculation_date": day, "model": model, "observations": n,
           "quality_flag": "insufficient_data", "factors": list(factors.columns)}
    if n:
        fit |= {"window_start": sample.index[0], "window_end": sample.index[-1]}
    if n < MINIMUM[model]:
        return fit | {"reason": "insufficient_data" if frame[symbol].loc[:day].notna().any() else "no_prices"}
    fit["quality_flag"] = "full_history" if n >= LIMITED_BELOW else "limited_history"
    fit |= ESTIMATORS[model](sample[factors.columns].to_numpy(), sample["own"].to_numpy())
    if model == "market" and abs(fit["betas"][0]) > 5.0:
        fit["reason"] = "outlier"
    return fit


def is_estimated(fit):
    return "betas" in fit


def rate_factors(frame):
    return pd.DataFrame({"market": frame[MARKET], RATE: frame[RATE]})


def fit_models(symbols, day, returns, funds, intervals):
    """{(model, rate series): {symbol: fit}}; the rate series is None for the models without one."""
    fits = {}
    for model in ("market", "ridge", "spread"):
        factors = funds[MODELS[model]]
        fits[model, None] = {s: fit_symbol(s, day, model, returns, factors) for s in symbols}
    for series, frame in intervals.items():
        fits["rate", series] = {s: fit_symbol(s, day, "rate", frame, rate_factors(frame)) | {"rate_series": series}
                                for s in symbols}
    return fits


# ---- covariances of factors ----------------------------------------------------------------------------------------

def orthogonal_series(funds, day):
    """Styles less their slope on the market over the newest window, the constant left in; the rest as it is."""
    sample = newest(funds[MODELS["ridge"]], day)
    centered = sample - sample.mean()
    slopes = centered[list(STYLES)].T @ centered["market"] / (centered["market"] @ centered["market"])
    series = funds.copy()
    for style in STYLES:
        series[style] = funds[style] - slopes[style] * funds["market"]
    return series


def covariance_pair(x, y):
    weights = 2.0 ** (-np.arange(len(x))[::-1] / HALF_LIFE)
    both = np.isfinite(x) & np.isfinite(y)
    n = int(both.sum())
    if n < COVARIANCE_MINIMUM:
        return n, None, None
    xy, xx, yy = (np.average(a[both] * b[both], weights=weights[both]) for a, b in ((x, y), (x, x), (y, y)))
    return n, xy, xy / math.sqrt(xx * yy)


def covariance_rows(series, day):
    window = series.loc[:day].tail(WINDOW)
    for one, other in itertools.combinations_with_replacement(FACTORS, 2):
        n, covariance, correlation = covariance_pair(window[one].to_numpy(), window[other].to_numpy())
        yield {"calculation_date": day, "factor_1": one, "factor_2": other, "observations": n,
               "covariance": covariance, "correlation": 1.0 if one == other else correlation, "half_life": HALF_LIFE,
               "reason": "insufficient_data" if covariance is None else None}


def covariance_matrix(rows):
    matrix = pd.DataFrame(np.nan, index=FACTORS, columns=FACTORS)
    for row in rows:
        matrix.loc[row["factor_1"], row["factor_2"]] = row["covariance"]
        matrix.loc[row["factor_2"], row["factor_1"]] = row["covariance"]
    return matrix


# ---- exposures of portfolios ---------------------------------------------------------------------------------------

def dollar_exposures(portfolio, fits):
    """Sum of exposure x beta over the symbols that have one."""
    symbols = [s for s in portfolio.exposures if is_estimated(fits[s])]
    factors = fits[symbols[0]]["factors"]
    return symbols, {factor: math.fsum(portfolio.exposures[s] * fits[s]["betas"][k] for s in symbols)
                     for k, factor in enumerate(factors)}


def specific_variance(portfolio, symbols, fits, moves, returns):
    """Of the portfolio's residuals beside the moves of the factors, over the sessions of both: by specific_risk.py."""
    own = []
    for s in symbols:
        fit = fits[s]
        scale = math.sqrt(fit["observations"] / (fit["observations"] - 1 - fit["effective_df"]))
        exact = fit["residual_volatility"] == 0
        own.append(0.0 * returns[s] if exact else scale * (returns[s] - moves[fit["factors"]] @ fit["betas"]))
    return specific_risk.specific_variance(np.column_stack(own), portfolio.weights(symbols))[3] * SESSIONS_A_YEAR


def portfolio_errors(portfolio, day, model, frame, factors, fits):
    """Standard errors of one regression of the portfolio's own returns, which all of its symbols allow: they have the
    same sample. The coefficients are the sums of theirs."""
    symbols = [s for s in portfolio.exposures if is_estimated(fits[s])]
    assert len({(fits[s]["window_start"], fits[s]["window_end"], fits[s]["observations"]) for s in symbols}) == 1
    sample = newest(factors.join(frame[symbols], rsuffix=" own"), day)
    names = [s + " own" if s in factors.columns else s for s in symbols]
    own = sample[names].to_numpy() @ portfolio.weights(symbols)
    fit = ESTIMATORS[model](sample[factors.columns].to_numpy(), own)
    sums = portfolio.weights(symbols) @ np.array([fits[s]["betas"] for s in symbols])
    np.testing.assert_allclose(fit["betas"], sums, rtol=1e-8, atol=1e-10)
    return fit["std_errors"]


def exposure_rows(portfolio, day, model, series, fits, covariance, moves, returns, errors):
    symbols, dollars = dollar_exposures(portfolio, fits)
    x = np.array(list(dollars.values())) / portfolio.net_asset_value
    moved = covariance.loc[list(dollars), list(dollars)].to_numpy() @ x * SESSIONS_A_YEAR
    if model in ("ridge", "spread"):
        own = specific_variance(portfolio, symbols, fits, moves, returns)
    else:
        own = math.fsum((portfolio.weights(symbols) * [fits[s]["residual_volatility"] for s in symbols]) ** 2)
    total = math.sqrt(x @ moved + own)
    base = {"portfolio_id": portfolio.id, "calculation_date": day, "model": model, "rate_series": series,
            "coverage": portfolio.coverage(symbols)}
    marginal = moved / total
    for k, (factor, dollar) in enumerate(dollars.items()):
        yield base | {"factor": factor, "exposure_value": x[k], "exposure_dollar": dollar, "std_error": errors[k],
                      "marginal_contribution_to_risk": marginal[k], "contribution_to_risk": x[k] * marginal[k],
                      "percent_contribution_to_risk": x[k] * marginal[k] / total}
    yield base | {"factor": "specific", "contribution_to_risk": own / total,
                  "percent_contribution_to_risk": own / total**2}


def position_rate_rows(portfolio, day, series, fits):
    for holding in portfolio.holdings:
        row = {"portfolio_id": portfolio.id, "position_id": holding.position_id, "calculation_date": day,
               "rate_series": series, "unit": UNIT, "reason": holding.reason}
        if holding.symbol:
            fit = fits[holding.symbol]
            row |= {name: fit.get(name) for name in ("r_squared", "observations", "quality_flag", "reason")}
            if is_estimated(fit):
                row |= {"ir_beta": fit["betas"][1], "std_error": fit["std_errors"][1]}
        yield row


def symbol_exposure_rows(fit):
    for k, factor in enumerate(fit["factors"]):
        row = {name: fit.get(name) for name in ("symbol", "calculation_date", "model", "rate_series", "reason")}
        if is_estimated(fit):
            row |= {"beta": fit["betas"][k], "std_error": fit["std_errors"][k], "t_stat": fit["t_stats"][k],
                    "p_value": fit["p_values"][k]}
        yield row | {"factor": factor}


# ---- sectors and concentration -------------------------------------------------------------------------------------

def benchmark_rows(data_dir):
    """The share of each sector in the constituents of the index, equal weights half a year later, and, after the last
    date, weights that nothing may read."""
    with open(Path(data_dir) / "sp500_constituents.csv", newline="", encoding="utf-8") as handle:
        names = [row["gics_sector"] for row in csv.DictReader(handle)]
    sectors = sorted(set(names))
    for asof, weight in (("2024-06-28", lambda s: names.count(s) / len(names)), ("2024-12-31", lambda s: 1.0 / 11.0),
                         ("2025-01-31", lambda s: 0.05)):
        for sector in sectors:
            yield {"benchmark_code": "SP500", "asof_date": asof, "sector": sector, "weight": weight(sector)}


def normalized(sector):
    return SECTOR_NAMES.get(sector, sector)


def bucket(holding, profiles):
    profile = profiles.get(holding.underlying, {})
    if holding.is_private:
        return "Private"
    if profile.get("is_etf"):
        return "ETFs"
    return normalized(profile.get("sector")) or "Unmapped"


def sector_rows(portfolio, day, profiles, benchmark):
    asof = max(row["asof_date"] for row in benchmark if row["asof_date"] <= day)
    expected = {normalized(row["sector"]): row["weight"] for row in benchmark if row["asof_date"] == asof}
    lots = pd.DataFrame([(bucket(h, profiles), max(h.value, 0.0), min(h.value, 0.0)) for h in portfolio.holdings],
                        columns=["sector", "long", "short"])
    sums = lots.groupby("sector").sum() / portfolio.net_asset_value
    for sector, row in sums.reindex(sums.index.union(list(expected)), fill_value=0.0).iterrows():
        net, weight = row["long"] + row["short"], expected.get(sector, 0.0)
        yield {"portfolio_id": portfolio.id, "snapshot_date": day, "sector": sector, "long": row["long"],
               "short": row["short"], "net": net, "gross": row["long"] - row["short"], "benchmark": weight,
               "active": net - weight}


def concentration_row(portfolio, day):
    lots = pd.DataFrame([(h.underlying, h.value) for h in portfolio.holdings], columns=["underlying", "value"])
    sizes = lots.groupby("underlying")["value"].sum().abs().sort_values(ascending=False)
    shares = (sizes / sizes.sum()).to_numpy()
    hhi = 1e4 * (shares**2).sum()
    return {"portfolio_id": portfolio.id, "snapshot_date": day, "hhi": hhi, "effective_positions": 1e4 / hhi,
            "top_3_concentration": shares[:3].sum(), "top_10_concentration": shares[:10].sum()}


# ---- volatility ----------------------------------------------------------------------------------------------------

def volatility_row(returns, session):
    figures = volatility.figures("", "", returns, session)
    names = {"realized_volatility_21d": "realized_21", "realized_volatility_21d_low": "realized_21_low",
             "realized_volatility_21d_high": "realized_21_high", "realized_volatility_63d": "realized_63",
             "realized_volatility_63d_low": "realized_63_low", "realized_volatility_63d_high": "realized_63_high",
             "expected_volatility_21d": "forecast", "forecast_method": "forecast_method",
             "model_r_squared": "har_r_squared", "volatility_trend": "trend",
             "volatility_trend_strength": "trend_strength", "volatility_percentile": "percentile",
             "observations": "observations", "quality_flag": "quality_flag", "reason": "reason"}
    return {ours: figures.get(theirs) for ours, theirs in names.items()}


def portfolio_returns(portfolio, returns, session, market_fits):
    """Returns at today's weights; the market, times beta, stands in for a return that is missing."""
    searched = returns.iloc[session - volatility.LONGEST + 1:session + 1]
    symbols = [s for s in portfolio.exposures if is_estimated(market_fits[s]) or searched[s].notna().all()]
    total = pd.Series(0.0, index=returns.index)
    for symbol, weight in zip(symbols, portfolio.weights(symbols)):
        own = returns[symbol]
        if is_estimated(market_fits[symbol]):
            own = own.fillna(market_fits[symbol]["betas"][0] * returns[MARKET])
        total += weight * own
    return symbols, total.to_numpy()


# ---- correlations --------------------------------------------------------------------------------------------------

def constant_correlation_shrinkage(x):
    """Ledoit and Wolf (2003): covariance pulled towards equal correlations, and by how much."""
    t, n = x.shape
    x = x - x.mean(axis=0)
    s = x.T @ x / t
    sd = np.sqrt(np.diag(s))
    off = ~np.eye(n, dtype=bool)
    mean_r = (s / np.outer(sd, sd))[off].mean()
    target = np.where(off, mean_r * np.outer(sd, sd), s)
    products = np.einsum("ti,tj->tij", x, x) - s
    spread = (products**2).mean(axis=0)
    theta = np.einsum("ti,tij->ij", x**2 - np.diag(s), products) / t
    ratio = np.outer(1.0 / sd, sd)
    cross = mean_r / 2.0 * (ratio * theta + (ratio * theta).T)
    excess = spread.sum() - np.trace(spread) - cross[off].sum()
    intensity = min(1.0, max(0.0, excess / ((target - s) ** 2).sum() / t)) if n > 2 else 0.0
    return intensity * target + (1.0 - intensity) * s, intensity


def check_shrinkage():
    returns = pd.read_csv(HERE / "shrinkage_returns.csv", float_precision="round_trip")
    known = pd.read_csv(HERE / "shrinkage.csv", float_precision="round_trip")
    for case, block in returns.groupby("case"):
        _, intensity = constant_correlation_shrinkage(block.pivot(index="session", columns="symbol",
                                                                  values="value").to_numpy())
        wanted = known[(known["case"] == case) & (known["method"] == "constant_correlation")
                       & (known["quantity"] == "intensity")]["value"].item()
        assert math.isclose(intensity, wanted, rel_tol=1e-9, abs_tol=1e-15), (case, intensity, wanted)


def included_symbols(portfolio):
    return sorted(s for s, e in portfolio.exposures.items()
                  if abs(e) >= MIN_VALUE and abs(e) / portfolio.gross >= MIN_WEIGHT)


def pair_rows(portfolio, day, sample):
    rows = []
    for one, other in itertools.combinations(sample.columns, 2):
        both = sample[[one, other]].dropna()
        n = len(both)
        row = {"portfolio_id": portfolio.id, "calculation_date": day, "symbol1": one, "symbol2": other,
               "observations": n}
        if n >= MIN_OVERLAP:
            r, p = scipy.stats.pearsonr(both[one], both[other])
            row |= {"correlation_coefficient": r, "p_value": p}
        rows.append(row)
    tested = [row for row in rows if "p_value" in row]
    for row, q in zip(tested, multipletests([row["p_value"] for row in tested], method="fdr_bh")[1]):
        row["q_value"] = q
    ranked = sorted(tested, key=lambda row: -abs(row["correlation_coefficient"]))
    for k, row in enumerate(ranked):
        row["rank"] = k + 1
    return rows


def square_correlations(symbols, pairs):
    rho = pd.DataFrame(np.eye(len(symbols)), index=symbols, columns=symbols)
    for pair in pairs:
        rho.loc[pair["symbol1"], pair["symbol2"]] = pair["correlation_coefficient"]
        rho.loc[pair["symbol2"], pair["symbol1"]] = pair["correlation_coefficient"]
    return rho


def effective_bets(weights, covariance):
    """exp of the entropy of the shares that the principal portfolios have of the variance (Meucci 2009)."""
    values, vectors = np.linalg.eigh(covariance)
    assert np.diff(values).min() > 1e-8 * values[-1], "eigenvalues that count as one"
    shares = (vectors.T @ weights) ** 2 * values / (weights @ covariance @ weights)
    return math.exp(scipy.stats.entropy(shares))


def diversification(weights, covariance):
    """Ratio of weighted to portfolio volatility, and the effective number of positions of the correlations, of books
    without shorts."""
    if (weights < 0).any():
        return None, None
    sd = np.sqrt(np.diag(covariance))
    rho = covariance / np.outer(sd, sd)
    return (np.abs(weights) @ sd / math.sqrt(weights @ covariance @ weights),
            np.abs(weights).sum() ** 2 / (weights @ rho @ weights))


def clusters_of(rho, values):
    """Groups of two or more symbols, the largest first, then by the smallest member."""
    distance = np.sqrt((1.0 - rho.to_numpy()) / 2.0)
    np.fill_diagonal(distance, 0.0)
    tree = scipy.cluster.hierarchy.linkage(squareform(distance, checks=False), method="average")
    labels = scipy.cluster.hierarchy.fcluster(tree, math.sqrt((1.0 - THRESHOLD) / 2.0), criterion="distance")
    groups = [[s for s, label in zip(rho.columns, labels) if label == wanted] for wanted in set(labels)]
    groups = [group for group in groups if len(group) > 1]
    return sorted(groups, key=lambda group: (-sum(values[s] for s in group), group[0]))


def nickname(group, values, profiles):
    sectors = [normalized(profiles.get(s, {}).get("sector")) for s in group]
    for sector in sorted({s for s in sectors if s}):
        if sectors.count(sector) >= 0.7 * len(group):
            return sector
    return min(group, key=lambda s: (-values[s], s)) + " lookalikes"


def cluster_rows(portfolio, day, groups, rho, values, profiles):
    for number, group in enumerate(groups, 1):
        inner = rho.loc[group, group].to_numpy()
        total = math.fsum(values[s] for s in group)
        base = {"portfolio_id": portfolio.id, "calculation_date": day, "duration_days": CORRELATION_WINDOW,
                "cluster_number": number, "nickname": nickname(group, values, profiles),
                "avg_correlation": inner[np.tril_indices(len(group), -1)].mean(), "total_value": total,
                "portfolio_percentage": total / portfolio.gross}
        for k, symbol in enumerate(group):
            to_others = np.delete(inner[k], k).mean()
            for holding in portfolio.holdings:
                if holding.symbol == symbol:
                    yield base | {"position_id": holding.position_id, "symbol": symbol, "value": abs(holding.value),
                                  "position_percentage": abs(holding.value) / portfolio.gross,
                                  "correlation_to_cluster": to_others}


def correlation_results(portfolio, day, returns, profiles):
    """The summary, the pairs and the clusters of a portfolio."""
    symbols = included_symbols(portfolio)
    sample = np.log1p(returns[symbols].loc[:day].tail(CORRELATION_WINDOW))
    assert sample.notna().all().all(), "pairwise covariances would need a repair"
    pairs = pair_rows(portfolio, day, sample)
    rho = square_correlations(symbols, pairs)
    lower = np.tril_indices(len(symbols), -1)
    r, weights = rho.to_numpy()[lower], portfolio.weights(symbols)
    products = np.outer(weights, weights)[lower]
    shrunk, intensity = constant_correlation_shrinkage(sample.to_numpy())
    values = {s: abs(portfolio.exposures[s]) for s in symbols}
    groups = clusters_of(rho, values)
    included = sum(h.symbol in symbols for h in portfolio.holdings)
    ratio, positions = diversification(weights, shrunk)
    sample_ratio, sample_positions = diversification(weights, np.cov(sample.to_numpy(), rowvar=False, ddof=0))
    summary = {
        "portfolio_id": portfolio.id, "calculation_date": day, "duration_days": CORRELATION_WINDOW,
        "avg_correlation": r.mean(), "weighted_avg_correlation": np.average(r, weights=np.abs(products)),
        "position_signed_correlation": (r * np.sign(products)).mean(), "diversification_ratio": ratio,
        "effective_bets": effective_bets(weights, shrunk), "effective_positions": positions,
        "concentration_score": sum(values[s] for group in groups for s in group) / sum(values.values()),
        "matrix_method": "ledoit_wolf_constant_correlation", "shrinkage_intensity": intensity,
        "positions_included": included, "positions_excluded": len(portfolio.holdings) - included,
        "symbols": len(symbols), "data_quality": "sufficient", "sample_diversification_ratio": sample_ratio,
        "sample_effective_positions": sample_positions}
    return summary, pairs, list(cluster_rows(portfolio, day, groups, rho, values, profiles))


# ---- stress --------------------------------------------------------------------------------------------------------

def expected_moves(covariance, shocks):
    """Moves of all factors given the shocked ones, by the precision matrix, with units taken out first."""
    names = list(covariance.columns)
    scale = np.sqrt(np.diag(covariance))
    precision = np.linalg.inv(covariance.to_numpy() / np.outer(scale, scale))
    shocked = [names.index(f) for f in shocks]
    free = [k for k in range(len(names)) if k not in shocked]
    moves = np.zeros(len(names))
    moves[shocked] = np.array(list(shocks.values())) / scale[shocked]
    moves[free] = -np.linalg.solve(precision[np.ix_(free, free)], precision[np.ix_(free, shocked)] @ moves[shocked])
    # The same from the covariances.
    whole = covariance.to_numpy() / np.outer(scale, scale)
    response = whole[np.ix_(free, shocked)] @ np.linalg.solve(whole[np.ix_(shocked, shocked)], moves[shocked])
    np.testing.assert_allclose(moves[free], response, rtol=1e-10, atol=1e-12)
    return dict(zip(names, moves * scale))


def past_series(funds, day, changes):
    """All moves up to the day: styles less their slope on the market over all of them, the rest as it is."""
    series = funds.loc[:day, ["market", *STYLES]].assign(**{RATE: changes})
    sample = series[["market", *STYLES]].dropna()
    for style in STYLES:
        series[style] -= scipy.stats.linregress(sample["market"], sample[style]).slope * series["market"]
    return series


def long_run(series, day):
    """Covariance of all complete sessions up to the day, correlations shrunk to their mean; with the intensity."""
    sample = series.loc[:day, STRESS_FACTORS].dropna()
    covariance, intensity = constant_correlation_shrinkage(sample.to_numpy())
    return pd.DataFrame(covariance, STRESS_FACTORS, STRESS_FACTORS), intensity, sample.index


def worst_moves(series, day):
    """The largest fall and rise of each factor over 1 to 21 consecutive sessions; returns compound, yields add up."""
    limits = {}
    for factor in STRESS_FACTORS:
        x = series.loc[:day, factor].to_numpy()
        daily = x if factor == RATE else 1.0 + x
        total, found = daily.copy(), []
        for sessions in range(1, WORST_MOVE_SESSIONS + 1):
            found += [np.nanmin(total), np.nanmax(total)]
            total = total[:-1] + daily[sessions:] if factor == RATE else total[:-1] * daily[sessions:]
        base = 0.0 if factor == RATE else 1.0
        limits[factor] = min(min(found) - base, 0.0), max(max(found) - base, 0.0)
    return limits


def limited_moves(covariance, shocks, limits):
    """The expected moves, those of factors that are not shocked no larger than the limits."""
    return {f: move if f in shocks else min(max(move, limits[f][0]), limits[f][1])
            for f, move in expected_moves(covariance, shocks).items()}


def stress_exposures(portfolio, market_fits, ridge_fits, rate_fits):
    dollars = {"market": dollar_exposures(portfolio, market_fits)[1]["market"]}
    styles = dollar_exposures(portfolio, ridge_fits)[1]
    dollars |= {style: styles[style] for style in STYLES}
    return dollars | {RATE: dollar_exposures(portfolio, rate_fits)[1][RATE]}


def joint_exposures(covariance, dollars):
    """The exposures of one regression on all factors, in which a regression on all but the yield finds those to the
    market and the styles, and a regression on market and yield that to the yield."""
    s = covariance.loc[STRESS_FACTORS, STRESS_FACTORS]
    equity = [f for f in STRESS_FACTORS if f != RATE]
    found = pd.DataFrame(np.linalg.solve(s.loc[equity, equity], s.loc[equity]), equity, STRESS_FACTORS)
    pair = ["market", RATE]
    found.loc[RATE] = np.linalg.solve(s.loc[pair, pair], s.loc[pair])[1]
    measured = np.array([dollars[f] for f in found.index])
    return dict(zip(STRESS_FACTORS, np.linalg.solve(found[STRESS_FACTORS].to_numpy(), measured)))


def replay_pnl(portfolio, window, returns, moves, betas):
    """Present exposures through a window of the past; a factor model stands in for returns that are missing."""
    first, last = (returns.index.searchsorted(day, side="right") - 1 for day in window)
    days = returns.index[first + 1:last + 1]
    pnl = 0.0
    for symbol, exposure in portfolio.exposures.items():
        proxy = (moves.loc[days, list(betas[symbol])] @ pd.Series(betas[symbol])).clip(lower=-1.0)
        pnl += exposure * ((1.0 + returns[symbol].loc[days].fillna(proxy)).prod(skipna=False) - 1.0)
    return pnl


def symbol_betas(symbol, market_fits, ridge_fits):
    return {"market": market_fits[symbol]["betas"][0]} | dict(zip(STYLES, ridge_fits[symbol]["betas"][1:]))


def fund_betas(funds, day):
    """Slopes of the style funds' returns on the market's, over the newest sessions on which all have one."""
    window = funds.loc[:day, ["market", *STYLES]].dropna().tail(WINDOW)
    return {style: scipy.stats.linregress(window["market"], window[style]).slope for style in STYLES}


def relative_shocks(scenario, shocks, betas):
    return {f: size - betas[f] * shocks["market"] if f in ABSOLUTE.get(scenario, []) else size
            for f, size in shocks.items()}


def stress_rows(portfolio, day, series, fits, covariance, past, factors, returns, slopes):
    """Exposures are those of the day's covariance, moves those of the long run."""
    models = fits["market", None], fits["ridge", None], fits["rate", series]
    dollars = stress_exposures(portfolio, *models)
    covariance = covariance.loc[STRESS_FACTORS, STRESS_FACTORS]
    joint = joint_exposures(covariance, dollars)
    betas = {s: symbol_betas(s, *models[:2]) for s in portfolio.exposures}
    expected, limits = long_run(past, day)[0], worst_moves(past, day)
    covered = portfolio.coverage(portfolio.exposures)
    for scenario, shocks in SCENARIOS.items():
        window = REPLAYS.get(scenario)
        shocks = relative_shocks(scenario, shocks, slopes)
        if window and window[0] >= returns.index[0] and window[1] < day:
            method, direct = "replay", replay_pnl(portfolio, window, returns, factors, betas)
            correlated = direct
        else:
            method, direct = "prescribed" if window else "conditional_expectation", sum(dollars[f] * size for f, size in shocks.items())
            moves = limited_moves(expected, shocks, limits)
            correlated = sum(joint[f] * moves[f] for f in STRESS_FACTORS)
        worst = correlated + portfolio.net_asset_value < 0
        yield {"portfolio_id": portfolio.id, "calculation_date": day, "rate_series": series, "scenario_id": scenario,
               "method": method, "direct_pnl": direct, "correlated_pnl": correlated,
               "correlation_effect": correlated - direct, "exceeds_equity": str(bool(worst)).lower(),
               "reason": "partial_coverage" if method == "replay" and covered < FULL_COVERAGE else None}


# ---- files ---------------------------------------------------------------------------------------------------------

FIT_COLUMNS = ["symbol", "calculation_date", "model", "rate_series", "observations", "alpha", "r_squared",
               "adj_r_squared", "residual_volatility", "ridge_alpha", "effective_df", "condition_number", "max_vif",
               "window_start", "window_end", "quality_flag", "reason"]
FILES = {
    "risk_symbol_models.csv": FIT_COLUMNS,
    "risk_symbol_exposures.csv": ["symbol", "calculation_date", "model", "rate_series", "factor", "beta", "std_error",
                                  "t_stat", "p_value", "reason"],
    "risk_position_rates.csv": ["portfolio_id", "position_id", "calculation_date", "rate_series", "unit", "ir_beta",
                                "r_squared", "std_error", "observations", "quality_flag", "reason"],
    "risk_portfolio_exposures.csv": ["portfolio_id", "calculation_date", "model", "rate_series", "factor",
                                     "exposure_value", "exposure_dollar", "coverage", "marginal_contribution_to_risk",
                                     "contribution_to_risk", "percent_contribution_to_risk", "std_error"],
    "risk_factor_correlations.csv": ["calculation_date", "rate_series", "factor_1", "factor_2", "correlation",
                                     "covariance", "observations", "half_life", "reason"],
    "risk_benchmark.csv": ["benchmark_code", "asof_date", "sector", "weight"],
    "risk_sectors.csv": ["portfolio_id", "snapshot_date", "sector", "long", "short", "net", "gross", "benchmark",
                         "active"],
    "risk_concentration.csv": ["portfolio_id", "snapshot_date", "hhi", "effective_positions", "top_3_concentration",
                               "top_10_concentration"],
    "risk_volatility.csv": ["portfolio_id", "symbol", "calculation_date", "realized_volatility_21d",
                            "realized_volatility_21d_low", "realized_volatility_21d_high", "realized_volatility_63d",
                            "realized_volatility_63d_low", "realized_volatility_63d_high", "expected_volatility_21d",
                            "forecast_method", "model_r_squared", "volatility_trend", "volatility_trend_strength",
                            "volatility_percentile", "observations", "quality_flag", "reason", "volatility_coverage"],
    "risk_correlations.csv": ["portfolio_id", "calculation_date", "duration_days", "avg_correlation",
                              "weighted_avg_correlation", "position_signed_correlation", "diversification_ratio",
                              "effective_bets", "effective_positions", "concentration_score", "matrix_method",
                              "shrinkage_intensity", "positions_included", "positions_excluded", "symbols",
                              "data_quality", "sample_diversification_ratio", "sample_effective_positions"],
    "risk_pairs.csv": ["portfolio_id", "calculation_date", "symbol1", "symbol2", "correlation_coefficient", "p_value",
                       "q_value", "observations", "rank"],
    "risk_clusters.csv": ["portfolio_id", "calculation_date", "duration_days", "cluster_number", "nickname",
                          "avg_correlation", "total_value", "portfolio_percentage", "position_id", "symbol", "value",
                          "position_percentage", "correlation_to_cluster"],
    "risk_stress.csv": ["portfolio_id", "calculation_date", "rate_series", "scenario_id", "method", "direct_pnl",
                        "correlated_pnl", "correlation_effect", "exceeds_equity", "reason"]}


def committed(name, **wanted):
    with open(HERE / name, newline="", encoding="utf-8") as handle:
        return [row for row in csv.DictReader(handle) if all(row[key] == value for key, value in wanted.items())]


def agree(mine, row, names):
    """Names of our figures and theirs; an empty cell of theirs is not compared."""
    for ours, theirs in names.items():
        if row[theirs] != "" and not math.isclose(mine[ours], float(row[theirs]), rel_tol=1e-9, abs_tol=1e-12):
            raise AssertionError((ours, mine, row))


def check_fits(out):
    """Fits of the last date against those of the scripts for one model each."""
    fits = {(r["symbol"], r["model"], r.get("rate_series")): r for r in out["risk_symbol_models.csv"]
            if r["calculation_date"] == "2024-12-31"}
    compared = 0
    for row in committed("market_beta.csv", date="2024-12-31"):
        if fit := fits.get((row["symbol"], "market", None)):
            agree(fit | {"beta": fit["betas"][0], "std_error": fit["std_errors"][0]}, row,
                  {name: name for name in ("alpha", "residual_volatility", "condition_number", "beta", "std_error")})
            compared += 1
    for row in committed("factor_model.csv", source="real", date="2024-12-31"):
        if fit := fits.get((row["symbol"], row["model"], None)):
            terms = {f"b{k + 1}": b for k, b in enumerate(fit["betas"])}
            terms |= {f"e{k + 1}": e for k, e in enumerate(fit["std_errors"])}
            names = [*terms, "r_squared", "adj_r_squared", "residual_volatility", "effective_df", "condition_number",
                     "max_vif"]
            agree(fit | terms, row, {name: name for name in names})
            compared += 1
    for row in committed("rate_beta.csv", source="real", date="2024-12-31"):
        if fit := fits.get((row["symbol"], "rate", {"yield": "DGS10", "fund": "TLT"}[row["rates"]])):
            agree(fit | {"rate": fit["betas"][1], "error": fit["std_errors"][1], "p": fit["p_values"][1]}, row,
                  {"rate": "rate_beta", "error": "rate_std_error", "p": "rate_p_value", "r_squared": "r_squared",
                   "alpha": "alpha"})
            compared += 1
    assert compared > 50, compared
    return compared


def check_other_figures(out):
    """Correlations, volatilities and the market's variance of the last date against the scripts for each."""
    pairs = {(r["symbol1"], r["symbol2"]): r for r in out["risk_pairs.csv"] if r["calculation_date"] == "2024-12-31"}
    correlations = [(pairs[key], row) for row in committed("correlation_real.csv", date="2024-12-31")
                    if (key := tuple(sorted((row["symbol1"], row["symbol2"])))) in pairs]
    for mine, row in correlations:
        agree(mine, row, {"correlation_coefficient": "correlation_exact", "p_value": "p_value",
                          "observations": "observations"})
    own = {r["symbol"]: r for r in out["risk_volatility.csv"]
           if r["calculation_date"] == "2024-12-31" and "symbol" in r}
    volatilities = [(own[row["series"]], row) for row in committed("volatility_real.csv", session="2024-12-31")
                    if row["series"] in own]
    for mine, row in volatilities:
        agree(mine, row, {"realized_volatility_21d": "realized_21", "expected_volatility_21d": "forecast",
                          "volatility_percentile": "percentile"})
    market = next(r for r in out["risk_factor_correlations.csv"]
                  if (r["calculation_date"], r["factor_1"], r["factor_2"]) == ("2024-12-31", "market", "market"))
    agree(market, committed("ewma_real.csv", session="2024-12-31", mean="zero", series_1="SPY", series_2="SPY")[0],
          {"covariance": "covariance", "observations": "observations"})
    assert min(len(correlations), len(volatilities)) > 10
    return len(correlations) + len(volatilities) + 1


def check_invariants(out):
    shares = pd.DataFrame(out["risk_portfolio_exposures.csv"])
    sums = shares.groupby(["portfolio_id", "calculation_date", "model", "rate_series"],
                          dropna=False)["percent_contribution_to_risk"].sum()
    np.testing.assert_allclose(sums, 1.0, rtol=1e-12)
    exposures = {(r["portfolio_id"], r["calculation_date"], r["model"]): r["exposure_value"]
                 for r in out["risk_portfolio_exposures.csv"] if r["factor"] == "market"}
    for (portfolio, day, model), value in exposures.items():
        if model == "ridge":
            assert math.isclose(value, exposures[portfolio, day, "market"], rel_tol=1e-10), (portfolio, day)


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    check_shrinkage()
    prices, returns = simple_returns(data_dir)
    yields = pd.read_csv(Path(data_dir) / "dgs10_2005_2024.csv", float_precision="round_trip")
    yields = yields.set_index("date")["yield_percent"]
    portfolios, profiles = load_books(data_dir, prices)
    check_net_asset_values(portfolios)
    intervals = {"DGS10": yield_interval_frame(returns, yields), "TLT": fund_interval_frame(returns)}
    funds = factor_frame(returns)
    out = {name: [] for name in FILES}
    out["risk_benchmark.csv"] = list(benchmark_rows(data_dir))
    for day in DATES:
        session = returns.index.get_loc(day)
        symbols = sorted({s for p in portfolios[day] for s in p.exposures})
        fits = fit_models(symbols, day, returns, funds, intervals)
        for of_model in fits.values():
            out["risk_symbol_models.csv"] += of_model.values()
            for fit in of_model.values():
                out["risk_symbol_exposures.csv"] += symbol_exposure_rows(fit)
        series_of, covariances, pasts = orthogonal_series(funds, day), {}, {}
        for series, frame in intervals.items():
            single = session_changes(frame, returns, yields if series == RATE_SERIES[0] else None)
            pasts[series] = past_series(funds, day, single)
            rows = list(covariance_rows(series_of.assign(**{RATE: single}), day))
            covariances[series] = covariance_matrix(rows)
            for row in rows:
                with_rate = RATE in (row["factor_1"], row["factor_2"])
                if with_rate or series == RATE_SERIES[0]:
                    out["risk_factor_correlations.csv"].append(row | {"rate_series": series if with_rate else None})
        for symbol in symbols:
            out["risk_volatility.csv"].append({"symbol": symbol, "calculation_date": day}
                                              | volatility_row(returns[symbol].to_numpy(), session))
        for portfolio in portfolios[day]:
            for (model, series), of_model in fits.items():
                frame = intervals[series] if series else returns
                factors = rate_factors(frame) if series else funds[MODELS[model]]
                out["risk_portfolio_exposures.csv"] += exposure_rows(
                    portfolio, day, model, series, of_model, covariances[series or RATE_SERIES[0]],
                    series_of.loc[:day].tail(WINDOW), returns.loc[:day].tail(WINDOW),
                    portfolio_errors(portfolio, day, model, frame, factors, of_model))
            out["risk_sectors.csv"] += sector_rows(portfolio, day, profiles, out["risk_benchmark.csv"])
            out["risk_concentration.csv"].append(concentration_row(portfolio, day))
            covered, series_returns = portfolio_returns(portfolio, returns, session, fits["market", None])
            out["risk_volatility.csv"].append({"portfolio_id": portfolio.id, "calculation_date": day,
                                               "volatility_coverage": portfolio.coverage(covered)}
                                              | volatility_row(series_returns, session))
            summary, pairs, clusters = correlation_results(portfolio, day, returns, profiles)
            out["risk_correlations.csv"].append(summary)
            out["risk_pairs.csv"] += pairs
            out["risk_clusters.csv"] += clusters
            for series in RATE_SERIES:
                out["risk_position_rates.csv"] += position_rate_rows(portfolio, day, series, fits["rate", series])
                out["risk_stress.csv"] += stress_rows(portfolio, day, series, fits, covariances[series], pasts[series],
                                                      series_of.assign(**{RATE: intervals[series][RATE]}), returns,
                                                      fund_betas(funds, day))
    compared = check_fits(out) + check_other_figures(out)
    check_invariants(out)
    for name, columns in FILES.items():
        write_or_check(name, columns, out[name], "--check" in arguments)
    print(f"{compared} results agree with those of other scripts")


if __name__ == "__main__":
    main(sys.argv[1:])
