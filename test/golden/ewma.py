#!/usr/bin/env python3
"""Exponentially weighted covariances from numpy and pandas: ewma.csv of the generated returns (risk_returns.csv) and
ewma_real.csv of the factor funds' real returns.

usage: ewma.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Weights 2^(-age/63) over the last 252 sessions, normalized over the sessions that a pair has in common, at least 60;
mean 'zero' does not center the returns, 'weighted' takes the weighted mean of the pair's sample away, without a
correction of bias. Also asserted: pandas' ewm(...).cov(bias=True) for complete pairs, the specification's
correlation at lambda = 0.94, and the published volatilities of AAPL at lambda = 0.94 and at a half-life of 63.
"""
import itertools
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from golden_files import generated_returns, real_returns, write_or_check

COLUMNS = ["session", "mean", "series_1", "series_2", "observations", "effective_observations", "covariance",
           "correlation", "reason"]
SESSIONS = [59, 60, 61, 252, 253, 500, 640, 880, 899]
FACTORS = ["SPY", "VTV", "VUG", "MTUM", "QUAL", "IWM", "USMV", "TLT"]
DATES = ["2017-02-28", "2020-03-31", "2024-12-31"]
HALF_LIFE = 63.0
WINDOW = 252
MINIMUM = 60


def pair(x, y, mean, row):
    weights = 2.0 ** (-np.arange(len(x))[::-1] / HALF_LIFE)
    both = np.isfinite(x) & np.isfinite(y)
    x, y, weights = x[both], y[both], weights[both]
    row["observations"] = len(x)
    row["effective_observations"] = weights.sum() ** 2 / (weights**2).sum() if len(x) else 0.0
    if len(x) < MINIMUM:
        row["reason"] = "insufficient_data"
        return row
    if mean == "weighted":
        moments = np.cov(x, y, aweights=weights, ddof=0)
    else:
        sample = np.column_stack([x, y])
        moments = sample.T @ (sample * weights[:, None]) / weights.sum()
    if min(moments[0, 0], moments[1, 1]) < 1e-18:
        row["reason"] = "constant_series"
        return row
    row["covariance"] = moments[0, 1]
    row["correlation"] = 1.0 if row["series_1"] == row["series_2"] else moments[0, 1] / np.sqrt(
        moments[0, 0] * moments[1, 1])
    return row


def pairs(returns, label, session):
    window = returns.iloc[max(1, session - WINDOW + 1):session + 1]
    for mean in ("zero", "weighted"):
        for one, other in itertools.combinations_with_replacement(returns.columns, 2):
            row = {"session": label, "mean": mean, "series_1": one, "series_2": other}
            row = pair(window[one].to_numpy(), window[other].to_numpy(), mean, row)
            complete = not np.isnan(window[[one, other]]).to_numpy().any()
            if mean == "weighted" and complete and "covariance" in row:
                frame = window[one].ewm(halflife=HALF_LIFE, adjust=True).cov(window[other], bias=True)
                np.testing.assert_allclose(row["covariance"], frame.iloc[-1], rtol=1e-9)
            yield row


def check_published(data_dir):
    t = np.arange(1, 61)
    f1 = 0.010 * np.sin(t)
    f2, f3 = f1 + 0.003 * np.cos(2.3 * t), f1 + 0.003 * np.cos(0.7 * t + 1.0)
    moments = np.cov(f2, f3, aweights=0.94 ** (60 - t), ddof=0)
    correlation = moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1])
    np.testing.assert_allclose(correlation, 0.919162126603, rtol=1e-12)
    if data_dir:
        prices = pd.read_csv(Path(data_dir) / "skfolio" / "sp500_dataset.csv.gz", index_col="Date")
        squares = prices["AAPL"].pct_change().to_numpy()[-WINDOW:] ** 2
        for decay, expected in ((0.94, 0.022600574973920866), (2.0 ** (-1.0 / 63.0), 0.023356120104870714)):
            weights = decay ** np.arange(WINDOW)[::-1]
            np.testing.assert_allclose(np.sqrt(np.average(squares, weights=weights)), expected, rtol=1e-14)
        np.testing.assert_allclose(weights.sum() ** 2 / (weights**2).sum(), 160.39536, rtol=1e-7)


def main(arguments):
    check = "--check" in arguments
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    check_published(data_dir)
    generated = generated_returns()[["market", "growth", "listed", "frozen", "late", "yield"]]
    rows = [row for session in SESSIONS for row in pairs(generated, str(session), session)]
    write_or_check("ewma.csv", COLUMNS, rows, check)
    if data_dir:
        real = real_returns(data_dir)
        factors = real[FACTORS]
        rows = [row for day in DATES for row in pairs(factors, day, real.index.get_loc(day))]
        write_or_check("ewma_real.csv", COLUMNS, rows, check)


if __name__ == "__main__":
    main(sys.argv[1:])
