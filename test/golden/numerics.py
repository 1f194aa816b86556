#!/usr/bin/env python3
"""What the numeric SQL functions return for small inputs: numerics.csv, and numerics_prices.csv, the inputs of
correlation_matrix.

usage: numerics.py [--check]

ols_fit is statsmodels, ridge_fit scikit-learn behind StandardScaler, ledoit_wolf scikit-learn, the linkage scipy,
correlation_matrix scipy's pearsonr on the common log returns with statsmodels' false discovery rates. The cases called
"example" are those of the comments on the functions.
"""
import math
import random

import numpy as np
import statsmodels.api as sm
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import pearsonr
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.multitest import multipletests

from reference_csv import publish

Y = np.array([1.0, 3, 4, 6, 6])
X = np.array([1.0, 2, 3, 4, 5])
RETURNS = np.array([[1.0, 2], [2, 1], [3, 5], [4, 4], [5, 8]])
TRIPLE = np.array([[1, 0.2, 0.9], [0.2, 1, 0.1], [0.9, 0.1, 1]])
WINDOW, MIN_OVERLAP = 40, 20


def ols_rows(name, design, terms, **covariance):
    fit = sm.OLS(Y, design).fit(use_t=True, **covariance)
    for i, term in enumerate(terms):
        for quantity, value in (("coefficient", fit.params[i]), ("std_error", fit.bse[i]), ("t_stat", fit.tvalues[i]),
                                ("p_value", fit.pvalues[i]), ("r_squared", fit.rsquared),
                                ("adj_r_squared", fit.rsquared_adj), ("residual_sd", math.sqrt(fit.scale))):
            yield ["ols_fit", name, quantity, term, "", value]


def ols():
    both = sm.add_constant(X)
    yield from ols_rows("example", both, ["intercept", "x1"], cov_type="nonrobust")
    yield from ols_rows("hc1", both, ["intercept", "x1"], cov_type="HC1")
    yield from ols_rows("newey_west_1", both, ["intercept", "x1"], cov_type="HAC",
                        cov_kwds={"maxlags": 1, "use_correction": True})
    yield from ols_rows("through_origin", X.reshape(-1, 1), ["x1"], cov_type="nonrobust")
    yield from ols_rows("mean", np.ones((5, 1)), ["intercept"], cov_type="HAC",
                        cov_kwds={"maxlags": 2, "use_correction": True})


def ridge():
    scaler = StandardScaler().fit(X.reshape(-1, 1))
    fit = Ridge(alpha=2.5).fit(scaler.transform(X.reshape(-1, 1)), Y)
    slope = fit.coef_[0] / scaler.scale_[0]
    yield ["ridge_fit", "example", "coefficient", "intercept", "", fit.intercept_ - slope * scaler.mean_[0]]
    yield ["ridge_fit", "example", "coefficient", "x1", "", slope]
    yield ["ridge_fit", "example", "effective_df", "x1", "", 5 / 7.5]


def shrinkage():
    fit = LedoitWolf().fit(RETURNS)
    yield ["ledoit_wolf", "example", "intensity", "", "", fit.shrinkage_]
    yield ["ledoit_wolf", "example", "target_value", "", "", np.mean((RETURNS - RETURNS.mean(axis=0)) ** 2)]
    for i in range(2):
        for j in range(2):
            yield ["ledoit_wolf", "example", "covariance", i + 1, j + 1, fit.covariance_[i, j]]


def block_correlations(rng):
    """Twelve series in three groups of different cohesion, one of them against the others."""
    sessions = 80
    groups = [[rng.gauss(0, 1) for _ in range(sessions)] for _ in range(3)]
    series = [[(-1 if i == 4 else 1) * g + rng.gauss(0, 0.4 + 0.3 * (i % 3)) for g in groups[i % 3]] for i in range(12)]
    matrix = np.corrcoef(np.array(series))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1)
    return matrix


def clusters(name, matrix, cuts):
    distances = np.sqrt((1 - matrix) / 2)
    np.fill_diagonal(distances, 0)
    steps = linkage(squareform(distances, checks=False), "average")
    n = len(matrix)
    for i in range(n):
        for j in range(n):
            yield ["linkage", name, "correlation", i + 1, j + 1, matrix[i, j]]
    for k, (left, right, height, size) in enumerate(steps):
        for quantity, value in (("left_cluster", left + 1), ("right_cluster", right + 1), ("height", height),
                                ("size", size)):
            yield ["linkage", name, quantity, k + 1, "", value]
    for cut in cuts:
        labels = fcluster(steps, math.sqrt((1 - cut) / 2), "distance")
        order = list(dict.fromkeys(labels))
        for i, label in enumerate(labels):
            yield ["linkage", name, "cluster", i + 1, cut, order.index(label) + 1]


def prices(rng):
    """Closes on WINDOW + 11 sessions: the first ten are before the window. Symbols with gaps, a young, a constant, and
    one whose prices end too early."""
    sessions = WINDOW + 11
    market = [rng.gauss(0.0004, 0.01) for _ in range(sessions)]
    table = {}
    for s, (symbol, beta, sd) in enumerate((("B", 1.0, 0.005), ("A", 0.8, 0.01), ("GAPS", 1.2, 0.008),
                                            ("YOUNG", 1.1, 0.01), ("a", -0.5, 0.01), ("CONST", 0, 0),
                                            ("GONE", 1, 0.01))):
        level, closes = 50.0 + 10 * s, []
        for t in range(sessions):
            level *= math.exp(beta * market[t] + (rng.gauss(0, sd) if sd else 0))
            closes.append(level)
        table[symbol] = closes
    for t in (12, 13, 25, 40):
        table["GAPS"][t] = None
    table["YOUNG"][:sessions - 19] = [None] * (sessions - 19)
    table["GONE"][9:] = [None] * (sessions - 9)
    return table


def log_returns(closes):
    window = closes[-WINDOW - 1:]
    return [math.log(b / a) if a and b else None for a, b in zip(window, window[1:])]


def correlations(table):
    returns = {symbol: log_returns(closes) for symbol, closes in table.items()}
    symbols = sorted(returns)
    rows = []
    for i, one in enumerate(symbols):
        for other in symbols[i + 1:]:
            pairs = [(a, b) for a, b in zip(returns[one], returns[other]) if a is not None and b is not None]
            values = dict(observations=len(pairs), correlation=None, p_value=None)
            if len(pairs) >= MIN_OVERLAP and "CONST" not in (one, other):
                values["correlation"], values["p_value"] = pearsonr(*zip(*pairs))
            rows.append((one, other, values))
    tested = [v for _, _, v in rows if v["p_value"] is not None]
    for v, q in zip(tested, multipletests([v["p_value"] for v in tested], method="fdr_bh")[1]):
        v["q_value"] = q
    for one, other, values in rows:
        for quantity in ("observations", "correlation", "p_value", "q_value"):
            yield ["correlation_matrix", "window", quantity, one, other, values.get(quantity)]


def main():
    rng = random.Random(20241231)
    table = prices(rng)
    publish("numerics_prices.csv", ["symbol", "session", "close"],
            [[symbol, t + 1, close] for symbol, closes in table.items() for t, close in enumerate(closes)
             if close is not None])
    rows = [*ols(), *ridge(), *shrinkage(), *clusters("example", TRIPLE, [0.7]),
            *clusters("groups", block_correlations(rng), [0.9, 0.7, 0.5, 0.0, -1.0]), *correlations(table)]
    publish("numerics.csv", ["function", "case", "quantity", "i", "j", "value"], rows)


if __name__ == "__main__":
    main()
