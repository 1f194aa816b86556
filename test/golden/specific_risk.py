#!/usr/bin/env python3
"""Specific variances of books by NumPy, from matrices of all pairs: specific_risk_residuals.csv (residuals of real
returns beside the market), specific_risk_books.csv (weights) and specific_risk.csv (results).

usage: specific_risk.py [--check] [DATA_DIR]      DATA_DIR defaults to the environment variable PB_SHARED_DATA

The residuals are those of 252 sessions to 2024-12-31, some of them taken away: NVDA is young, every ninth session of
JPM is missing, HD has fewer than 60 residuals, and PG none.
"""
import os
import sys

import numpy as np

from golden_files import real_returns
from reference_csv import publish

SYMBOLS = ["XOM", "CVX", "COP", "JPM", "BAC", "AAPL", "MSFT", "NVDA", "HD", "PG"]
HALF_LIFE, MINIMUM = 63.0, 60
FIT_VARIANCE = 1.5e-4  # of symbols with too few residuals
BOOKS = {"energy": {"XOM": 0.5, "CVX": 0.4, "COP": 0.3},
         "long_short": {"XOM": 0.5, "CVX": 0.3, "JPM": -0.4, "BAC": -0.2, "AAPL": 0.3, "MSFT": -0.3},
         "broad": {symbol: 0.1 for symbol in SYMBOLS},
         "one": {"NVDA": 250000.0},
         "gaps": {"NVDA": 0.4, "JPM": 0.5, "AAPL": 0.2, "HD": -0.1},
         "hedged": {"XOM": 1.0, "CVX": -1.0},
         "unknown": {"HD": 0.5, "PG": -0.25}}


def residuals(data_dir):
    returns = real_returns(data_dir).loc[:"2024-12-31"].tail(252)
    market = returns["SPY"].to_numpy()
    own = returns[SYMBOLS].to_numpy()
    own = own - np.outer(market, market @ own / (market @ market))
    of = SYMBOLS.index
    own[:100, of("NVDA")] = np.nan
    own[::9, of("JPM")] = np.nan
    own[:-59, of("HD")] = np.nan
    own[:, of("PG")] = np.nan
    return own


def specific_variance(own, weights):
    """Every pair of symbols on every session, then Ledoit and Wolf's intensity for w'Sw and w'diag(S)w."""
    count = np.isfinite(own).sum(axis=0)
    known = np.flatnonzero((weights != 0) & (count >= MINIMUM))
    unknown = (weights != 0) & (count < MINIMUM)
    w, x = weights[known], own[:, known]
    age = np.arange(len(x))[::-1]
    decay = 2.0 ** (-age / HALF_LIFE)
    own_variances = np.array([np.average(c[np.isfinite(c)] ** 2, weights=decay[np.isfinite(c)]) for c in x.T])
    diagonal = (w**2 * own_variances).sum() + (weights[unknown] ** 2).sum() * FIT_VARIANCE
    if len(known) < 2:
        return diagonal, 0.0, 1.0, diagonal
    some = np.isfinite(x).any(axis=1)
    p = np.where(some, decay, 0.0) / decay[some].sum()
    pairs = np.nan_to_num(x)[:, :, None] * np.nan_to_num(x)[:, None, :] * np.outer(w, w)
    off = pairs * (1.0 - np.eye(len(w)))
    covariance = np.tensordot(p, off, 1).sum()
    variance = pairs.sum(axis=(1, 2))
    target = variance - off.sum(axis=(1, 2))
    center = lambda a: a - p @ a
    pi, rho = (p**2 @ center(variance) ** 2, p**2 @ (center(variance) * center(target)))
    shrinkage = min(1.0, max(0.0, (pi - rho) / covariance**2))
    return diagonal, covariance, shrinkage, shrinkage * diagonal + (1.0 - shrinkage) * (diagonal + covariance)


def main():
    paths = [a for a in sys.argv[1:] if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    own = residuals(data_dir)
    results = []
    for name, book in BOOKS.items():
        weights = np.array([book.get(symbol, 0.0) for symbol in SYMBOLS])
        figures = specific_variance(own, weights)
        assert figures[3] >= 0, name
        results.append([name, *figures])
    publish("specific_risk_residuals.csv", SYMBOLS, own)
    publish("specific_risk_books.csv", ["book", "column", "weight"],
            [[name, SYMBOLS.index(symbol), weight] for name, book in BOOKS.items() for symbol, weight in book.items()])
    publish("specific_risk.csv", ["book", "diagonal", "covariance", "shrinkage", "value"], results)


if __name__ == "__main__":
    main()
