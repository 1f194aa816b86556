#!/usr/bin/env python3
"""Market beta of every symbol in the price file, from statsmodels: the reference for the extension's estimator.

usage: market_beta.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Simple returns between consecutive sessions (the market's dates are the sessions); the sample is the last 252 dates on
or before D on which symbol and market both have a return, looked for within the last 378 sessions; below 60 the fit is
refused. OLS with intercept; Newey-West errors: Bartlett kernel, L = floor(4 (n/100)^(2/9)), factor n/(n-2), Student t.
"""
import csv
import math
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm

HERE = Path(__file__).resolve().parent
MARKET = "SPY"
WINDOW = 252
SEARCH_SESSIONS = math.ceil(1.5 * WINDOW)
MINIMUM = 60
LIMITED_BELOW = 126
# 2021-06-30 is there for a listing too young for a fit (COIN), which none of the other dates has.
DATES = ["2021-03-31", "2021-06-30", "2022-06-30", "2024-08-28", "2024-12-31"]
COLUMNS = [
    "symbol", "date", "observations", "alpha", "beta", "std_error", "t_stat", "p_value", "alpha_std_error", "r_squared",
    "adj_r_squared", "residual_volatility", "window_start", "window_end", "condition_number", "quality_flag", "reason"]


def simple_returns(data_dir):
    long = pd.read_csv(Path(data_dir) / "prices_adjusted_2016_2024.csv.gz", float_precision="round_trip")
    prices = long.pivot(index="date", columns="symbol", values="adj_close")
    prices = prices.loc[prices[MARKET].notna()]
    # Masked, then differenced: a price that is missing on either session leaves no return for that symbol.
    return prices, prices / prices.shift(1) - 1.0


def scaled_condition_number(design):
    """Condition number with every column at unit length: collinearity, not units."""
    return np.linalg.cond(design / np.linalg.norm(design, axis=0))


def newey_west_by_hand(design, residuals, lags):
    """The sandwich written out, to be sure of what statsmodels was asked for."""
    n, k = design.shape
    scores = design * residuals[:, None]
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        gamma = scores[lag:].T @ scores[:-lag]
        meat += (1.0 - lag / (lags + 1.0)) * (gamma + gamma.T)
    bread = np.linalg.inv(design.T @ design)
    return np.sqrt(np.diag(bread @ meat @ bread) * n / (n - k))


def fit(symbol, day, prices, returns):
    row = dict.fromkeys(COLUMNS, "")
    row.update(symbol=symbol, date=day, observations=0, quality_flag="insufficient_data")
    searched = returns.loc[:day].tail(SEARCH_SESSIONS)
    both = searched[[symbol, MARKET]] if symbol != MARKET else searched[[MARKET]]
    sample = both.dropna().tail(WINDOW)
    n = len(sample)
    row["observations"] = n
    if n:
        row.update(window_start=sample.index[0], window_end=sample.index[-1])
    if n < MINIMUM:
        row["reason"] = "insufficient_data" if prices[symbol].loc[:day].notna().any() else "no_prices"
        return row
    row["quality_flag"] = "full_history" if n >= LIMITED_BELOW else "limited_history"
    y, x = sample[symbol].to_numpy(), sample[MARKET].to_numpy()
    design = sm.add_constant(x)
    row["condition_number"] = repr(float(scaled_condition_number(design)))
    if symbol == MARKET:
        # Exact by definition; t and p are undefined because the error is zero.
        row.update(alpha="0.0", beta="1.0", std_error="0.0", alpha_std_error="0.0", r_squared="1.0",
                   adj_r_squared="1.0", residual_volatility="0.0")
        return row
    lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))
    result = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    np.testing.assert_allclose(result.bse, newey_west_by_hand(design, result.resid, lags), rtol=1e-10)
    numbers = dict(
        alpha=result.params[0], beta=result.params[1], std_error=result.bse[1], t_stat=result.tvalues[1],
        p_value=result.pvalues[1], alpha_std_error=result.bse[0], r_squared=result.rsquared,
        adj_r_squared=result.rsquared_adj, residual_volatility=math.sqrt(result.ssr / (n - 2)) * math.sqrt(252.0))
    row.update({name: repr(float(value)) for name, value in numbers.items()})
    return row


def compare(rows, target, columns=COLUMNS):
    """Text must be equal; numbers to the last digits, which depend on the LAPACK at hand."""
    with open(target, newline="", encoding="utf-8") as handle:
        committed = list(csv.DictReader(handle))
    assert len(committed) == len(rows), (len(committed), len(rows))
    for old, new in zip(committed, rows):
        for column in columns:
            if old[column] == str(new[column]):
                continue
            assert math.isclose(float(old[column]), float(new[column]), rel_tol=1e-9, abs_tol=1e-15), (old, column, new)


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    prices, returns = simple_returns(data_dir)
    rows = [fit(symbol, day, prices, returns) for day in DATES for symbol in prices.columns]
    target = HERE / "market_beta.csv"
    if "--check" in arguments:
        compare(rows, target)
    else:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    print(f"market_beta.csv: {'agrees' if '--check' in arguments else 'written'}, {len(rows)} rows")


if __name__ == "__main__":
    main(sys.argv[1:])
