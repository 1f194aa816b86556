#!/usr/bin/env python3
"""Stress tests from numpy: stress.csv, with covariances, shocks and exposures as inputs and moves and P&L as results.

usage: stress.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Rows of kind 'factor' give a model: its covariance by factor (columns c1..c6) and the exposures of one portfolio; rows
of kind 'scenario' its shocks (s1..s6, empty: not shocked) with the moves of all factors (m1..m6) and the figures. The
moves come from the precision matrix P = Sigma^-1, f_U = -P_UU^-1 P_US s with conditional covariance P_UU^-1, while the
extension uses Sigma_US Sigma_SS^-1. Model 'published' is the sample covariance of the last 252 returns of five funds
and the S&P 500, for which the response to -10 % of the index is published; it needs the data directory, and is copied
from the committed file without one.
"""
import csv
import os
import random
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from golden_files import HERE, write_or_check

N = 6
COLUMNS = (["kind", "model", "name"] + [f"c{i + 1}" for i in range(N)] + ["exposure"] +
           [f"s{i + 1}" for i in range(N)] + [f"m{i + 1}" for i in range(N)] +
           ["equity", "specific_variance", "sessions", "direct_pnl", "correlated_pnl", "correlation_effect",
            "conditional_sd", "equity_fraction", "exceeds_equity"])
PUBLISHED = ["MTUM", "QUAL", "SIZE", "USMV", "VLUE", "SP500"]
PUBLISHED_MOVES = [-0.0935179683, -0.1053581867, -0.0987097510, -0.0714446430, -0.0893355125]


def propagate(covariance, shocks):
    shocked = [i for i in range(N) if shocks[i] is not None]
    free = [i for i in range(N) if shocks[i] is None]
    moves = np.array([0.0 if s is None else s for s in shocks])
    residual = np.zeros((N, N))
    if free:
        # Units are taken out first, so that the inverse is one of correlations.
        scale = np.sqrt(np.diag(covariance))
        precision = np.linalg.inv(covariance / np.outer(scale, scale))
        inner = np.linalg.inv(precision[np.ix_(free, free)])
        moves[free] = -inner @ precision[np.ix_(free, shocked)] @ (moves[shocked] / scale[shocked]) * scale[free]
        residual[np.ix_(free, free)] = inner * np.outer(scale[free], scale[free])
    return moves, residual


def scenario(model, name, covariance, exposures, shocks, equity, specific, sessions):
    moves, residual = propagate(covariance, shocks)
    direct = sum(e * s for e, s in zip(exposures, shocks) if s is not None)
    correlated = exposures @ moves
    row = {"kind": "scenario", "model": model, "name": name, "equity": equity, "specific_variance": specific,
           "sessions": sessions, "direct_pnl": direct, "correlated_pnl": correlated,
           "correlation_effect": sum(e * m for e, m, s in zip(exposures, moves, shocks) if s is None),
           "conditional_sd": np.sqrt((exposures @ residual @ exposures + specific) * sessions),
           "equity_fraction": correlated / equity, "exceeds_equity": int(-correlated > equity)}
    row.update({f"s{i + 1}": s for i, s in enumerate(shocks)})
    row.update({f"m{i + 1}": m for i, m in enumerate(moves)})
    return row


def model_rows(model, names, covariance, exposures):
    for i, name in enumerate(names):
        yield ({"kind": "factor", "model": model, "name": name, "exposure": exposures[i]} |
               {f"c{j + 1}": covariance[i, j] for j in range(N)})


def generated_model():
    """Five returns and a yield, whose moves are a hundred times smaller."""
    rng = random.Random(7)
    loadings = np.array([[rng.gauss(0.0, 1.0) for _ in range(3)] for _ in range(N)])
    sigma = np.array([0.011, 0.004, 0.006, 0.005, 0.007, 0.0006])
    covariance = loadings @ loadings.T + np.diag([rng.uniform(0.2, 1.0) for _ in range(N)])
    scale = sigma / np.sqrt(np.diag(covariance))
    return covariance * np.outer(scale, scale)


def published_model(data_dir):
    if data_dir:
        folder = Path(data_dir) / "skfolio"
        prices = pd.concat([pd.read_csv(folder / name, index_col="Date") for name in
                            ("factors_dataset.csv.gz", "sp500_index.csv.gz")], axis=1, join="inner")[PUBLISHED]
        return np.cov(prices.pct_change().to_numpy()[-252:].T)
    with open(HERE / "stress.csv", newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if (row["kind"], row["model"]) == ("factor", "published")]
    return np.array([[float(row[f"c{j + 1}"]) for j in range(N)] for row in rows])


def make_rows(data_dir):
    _ = None  # not shocked
    covariance = published_model(data_dir)
    exposures = np.array([10000.0, 30000.0, 10000.0, 30000.0, 10000.0, 10000.0])
    yield from model_rows("published", PUBLISHED, covariance, exposures)
    row = scenario("published", "index_down_10", covariance, exposures, [_, _, _, _, _, -0.10], 8000.0, 0.0, 1.0)
    np.testing.assert_allclose([row[f"m{i + 1}"] for i in range(5)], PUBLISHED_MOVES, rtol=1e-9)
    yield row

    covariance = generated_model()
    exposures = np.array([1.2e6, -3.5e5, 2.2e5, 0.0, -8.0e4, -7.5e6])
    names = ["market", "growth_value_spread", "momentum_spread", "size_spread", "quality_spread", "interest_rate"]
    yield from model_rows("generated", names, covariance, exposures)
    for name, shocks in {
            "market_crash_35": [-0.35, _, _, _, _, _],
            "market_rally_25": [0.25, _, _, _, _, _],
            "rates_up_100bp": [_, _, _, _, _, 0.01],
            "rates_down_25bp": [_, _, _, _, _, -0.0025],
            "rotation": [_, -0.20, 0.10, _, _, _],
            "flight": [-0.05, _, _, _, 0.12, _],
            "crisis": [-0.20, _, _, -0.10, 0.15, 0.003],
            "all_but_one": [-0.10, 0.02, -0.03, 0.01, _, -0.002],
            "everything": [-0.10, 0.02, -0.03, 0.01, 0.04, -0.002],
            "nothing_moves": [0.0, 0.0, _, _, _, _],
    }.items():
        yield scenario("generated", name, covariance, exposures, shocks, 3.0e5, 2.5e7, 21.0)


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    write_or_check("stress.csv", COLUMNS, list(make_rows(data_dir)), "--check" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
