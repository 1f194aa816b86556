#!/usr/bin/env python3
"""Pairwise-complete correlations and their inference: correlation_returns.csv (inputs), correlation_pairs.csv
(results), and with the price file correlation_real.csv.

usage: correlation.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Columns that end in _exact are computed from the same float64 inputs in 60-digit decimal arithmetic and rounded once;
they must agree with pandas and scipy, which give the others. q-values are those of statsmodels' multipletests.
"""
import math
import os
import random
import sys
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.stats.multitest import multipletests

from reference_csv import publish

getcontext().prec = 60
SESSIONS = 126
MINIMUM = 60
REAL_DATES = ["2021-07-30", "2024-12-31"]
REAL_SYMBOLS = ["AAPL", "ABNB", "BA", "CEG", "COIN", "DUK", "GOOGL", "JPM", "KO", "MSFT", "NEM", "NVDA", "PLTR", "SPY",
                "T", "TLT", "TSLA", "UBER", "WMT", "XLC", "XLE", "XOM"]


def generated_returns():
    """A market with fat tails, and every kind of gap that a panel has."""
    rng = random.Random(20020607)
    market = [rng.gauss(0.0004, 0.01) / math.sqrt(rng.gammavariate(2.0, 0.5)) for _ in range(SESSIONS)]
    columns = {}
    for k, beta in enumerate([1.0, 1.3, 0.7, -0.4, 1.1, 0.0, 0.9, 1.6, 0.5, 1.2, 0.8, 1.0, 1.0]):
        columns[f"S{k:02d}"] = [beta * m + rng.gauss(0.0, 0.012) for m in market]
    for t in range(SESSIONS):  # scattered gaps, two series with the same ones
        if rng.random() < 0.15:
            columns["S03"][t] = columns["S04"][t] = math.nan
        if rng.random() < 0.35:
            columns["S05"][t] = math.nan
    columns["S06"][:50] = [math.nan] * 50      # a listing with enough history
    columns["S07"][:90] = [math.nan] * 90      # and one without
    columns["S08"][70:] = [math.nan] * 56      # delisted: 70 sessions, 20 in common with S06
    columns["S09"] = [0.0] * SESSIONS          # halted
    columns["S10"][30] = 25.0                  # a jump that dwarfs everything else, and lies in a gap of S11
    columns["S11"][30] = math.nan
    columns["S12"] = [2.0 * v if not math.isnan(v) else v for v in columns["S01"]]  # correlation 1
    return columns


def exact_correlation(x, y):
    x, y = [Decimal(v) for v in x], [Decimal(v) for v in y]
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    xx = sum((v - mean_x) ** 2 for v in x)
    yy = sum((v - mean_y) ** 2 for v in y)
    xy = sum((v - mean_x) * (w - mean_y) for v, w in zip(x, y))
    return xy / (xx * yy).sqrt()


def pair(x, y):
    """overlap, r, exact r, t, p, 95 % interval of two series."""
    both = ~(np.isnan(x) | np.isnan(y))
    n = int(both.sum())
    x, y = x[both], y[both]
    if n < MINIMUM or np.ptp(x) == 0 or np.ptp(y) == 0:
        return [n] + [None] * 6
    exact = float(exact_correlation(x, y))
    result = scipy.stats.pearsonr(x, y)
    r = result.statistic
    assert abs(r - exact) < 1e-13, (r, exact)
    if 1 - abs(exact) < 1e-15:
        return [n, exact, exact, math.inf, 0.0, 1.0, 1.0]
    interval = result.confidence_interval(0.95)
    return [n, r, exact, r * math.sqrt((n - 2) / ((1 - r) * (1 + r))), result.pvalue, interval.low, interval.high]


def q_values(p_values):
    p_values = np.array([math.nan if p is None else p for p in p_values], dtype=float)
    q = np.full(len(p_values), math.nan)
    tested = ~np.isnan(p_values)
    q[tested] = multipletests(p_values[tested], method="fdr_bh")[1]
    return q.tolist()


def pairs_of(columns):
    names = list(columns)
    values = {name: np.array(columns[name], dtype=float) for name in names}
    rows = [[names[j], names[i], *pair(values[names[i]], values[names[j]])]
            for i in range(len(names)) for j in range(i)]
    return [[*row, q] for row, q in zip(rows, q_values([row[6] for row in rows]))]


def real_rows(data_dir):
    long = pd.read_csv(Path(data_dir) / "prices_adjusted_2016_2024.csv.gz", float_precision="round_trip")
    prices = long.pivot(index="date", columns="symbol", values="adj_close")
    prices = prices.loc[prices["SPY"].notna()]
    returns = np.log1p(prices / prices.shift(1) - 1.0)
    for day in REAL_DATES:
        window = returns.loc[:day].tail(SESSIONS)[REAL_SYMBOLS]
        reference = window.corr(min_periods=MINIMUM)
        for row in pairs_of({symbol: window[symbol].to_numpy() for symbol in REAL_SYMBOLS}):
            first, second, n, r, exact, _, p = row[:7]
            assert r is None or abs(reference.loc[first, second] - r) < 1e-12
            yield [day, first, second, n, exact, p, row[-1]]


def main(arguments):
    columns = generated_returns()
    publish("correlation_returns.csv", list(columns), zip(*columns.values()))
    publish("correlation_pairs.csv", ["symbol1", "symbol2", "observations", "correlation", "correlation_exact", "t_stat",
                                      "p_value", "lower", "upper", "q_value"], pairs_of(columns))
    data_dir = next((a for a in arguments if a != "--check"), os.environ.get("PB_SHARED_DATA"))
    if data_dir:
        publish("correlation_real.csv",
                ["date", "symbol1", "symbol2", "observations", "correlation_exact", "p_value", "q_value"],
                list(real_rows(data_dir)))


if __name__ == "__main__":
    main(sys.argv[1:])
