#!/usr/bin/env python3
"""Risk contributions by NumPy, with derivatives taken numerically: risk_contribution_model.csv (exposures, factor
covariance, specific variance) and risk_contribution.csv (results).

usage: risk_contribution.py [--check] DATA_DIR        DATA_DIR defaults to the environment variable PB_SHARED_DATA

The model "equal_weight" is a published one: 20 stocks of skfolio's data set with equal weights on its five factors, 252
returns to 2022-12-28, sample covariances; its systematic and specific variances are asserted. The others are generated.
"""
import csv
import math
import os
import random
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ols_vectors import emit

HERE = Path(__file__).resolve().parent


def equal_weight(data_dir):
    stocks = pd.read_csv(Path(data_dir) / "skfolio/sp500_dataset.csv.gz", index_col=0).pct_change()
    funds = pd.read_csv(Path(data_dir) / "skfolio/factors_dataset.csv.gz", index_col=0).pct_change()
    both = pd.concat([stocks, funds], axis=1).dropna().tail(252)
    y, x = both[stocks.columns].to_numpy(), both[funds.columns].to_numpy()
    design = np.column_stack([np.ones(len(x)), x])
    loadings = np.linalg.lstsq(design, y, rcond=None)[0]
    residuals = y - design @ loadings
    weights = np.full(y.shape[1], 1.0 / y.shape[1])
    exposures = loadings[1:] @ weights
    # Sample covariances, divisor n - 1, of factors and residuals alike: so that they add up to that of the returns.
    covariance = np.cov(x, rowvar=False)
    specific = residuals.var(axis=0, ddof=1)
    np.testing.assert_allclose(exposures @ covariance @ exposures, 1.5131882850613995e-4, rtol=1e-12)
    own = (weights ** 2) @ specific
    np.testing.assert_allclose(own, 1.1452292704247177e-5, rtol=1e-12)
    return exposures, covariance, own


def generated(rng, factors, symbols, hedged):
    root = np.array([[rng.gauss(0.0, 0.01) for _ in range(factors)] for _ in range(factors)])
    exposures = np.array([rng.gauss(0.0 if hedged else 0.5, 0.6) for _ in range(factors)])
    weights = np.array([rng.gauss(0.05, 0.1) for _ in range(symbols)])
    specific = np.array([rng.uniform(0.005, 0.03) ** 2 for _ in range(symbols)])
    return exposures, root @ root.T, (weights ** 2) @ specific


def models(data_dir):
    rng = random.Random(501)
    return {"equal_weight": equal_weight(data_dir), "long_short": generated(rng, 7, 6, True),
            "one_factor": generated(rng, 1, 3, False), "no_specific": generated(rng, 4, 0, False)}


def total(exposures, covariance, specific):
    return math.sqrt(252.0 * (exposures @ covariance @ exposures + specific))


def result_rows(name, model):
    exposures, covariance, specific = model
    sigma = total(*model)
    systematic = math.sqrt(252.0 * (exposures @ covariance @ exposures))
    own = math.sqrt(252.0 * specific)
    marginal = 252.0 * covariance @ exposures / sigma
    for k in range(len(exposures)):
        step = np.zeros(len(exposures))
        step[k] = 1e-5
        numeric = (total(exposures + step, *model[1:]) - total(exposures - step, *model[1:])) / 2e-5
        assert abs(numeric - marginal[k]) < 1e-8, (name, k, numeric, marginal[k])
    component = exposures * marginal
    np.testing.assert_allclose(component.sum() + own ** 2 / sigma, sigma, rtol=1e-14)
    rows = [("total_volatility", "", sigma), ("systematic_volatility", "", systematic),
            ("specific_volatility", "", own), ("specific_component", "", own ** 2 / sigma),
            ("specific_percent", "", own ** 2 / sigma ** 2)]
    for k in range(len(exposures)):
        rows += [("marginal", k, marginal[k]), ("component", k, component[k]), ("percent", k, component[k] / sigma)]
    return [[name, quantity, index, repr(float(value))] for quantity, index, value in rows]


def model_rows(name, model):
    exposures, covariance, specific = model
    rows = [[name, "exposure", k, "", repr(float(v))] for k, v in enumerate(exposures)]
    rows += [[name, "covariance", i, j, repr(float(v))] for i, row in enumerate(covariance) for j, v in enumerate(row)]
    return rows + [[name, "specific_variance", "", "", repr(float(specific))]]


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    inputs, results = [["model", "part", "row", "column", "value"]], [["model", "quantity", "factor", "value"]]
    for name, model in models(data_dir).items():
        inputs += model_rows(name, model)
        results += result_rows(name, model)
    emit("risk_contribution_model.csv", inputs, "--check" in arguments)
    emit("risk_contribution.csv", results, "--check" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
