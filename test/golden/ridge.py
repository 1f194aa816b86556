#!/usr/bin/env python3
"""Ridge regression reference vectors: ridge_data.csv (inputs) and ridge_vectors.csv (results).

usage: ridge.py [--check] [DATA_DIR]        with a data directory, the published vectors on its real prices as well

Convention: columns standardized by mean and population deviation; alpha on the sum of squares of the standardized
coefficients, unpenalized columns (and the intercept) exempt; df = trace of the smoother without the intercept;
GCV = n RSS / (n - 1 - df)^2; errors of the linear estimator b = P y, factor n / (n - 1 - df).

All committed numbers come from 80-digit arithmetic on the same float64 inputs, rounded once. scikit-learn's Ridge on
StandardScaler's output, MASS's lm.ridge (when Rscript is there) and, at alpha 0, statsmodels must agree with them.
"""
import csv
import math
import os
import random
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import scipy.stats
import statsmodels.api as sm
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.outliers_influence import variance_inflation_factor

from ols_vectors import emit, inverse, multiply, sine_series

HERE = Path(__file__).resolve().parent
MAX_REGRESSORS = 7
ALPHAS = ["0", "0.1", "1", "10", "250"]
COLUMNS = [
    "design", "n", "k", "unpenalized", "alpha", "covariance", "lags", "term", "coefficient_exact", "std_error_exact",
    "t_stat_exact", "p_value_exact", "r_squared_exact", "adj_r_squared_exact", "residual_sd_exact", "df_exact",
    "gcv_exact", "vif_exact"]


def style_design(rng, n):
    """A market and six funds that are mostly the market: correlations of 0.8 to 0.97."""
    market = [rng.gauss(0.0005, 0.010) for _ in range(n)]
    funds = [[b * m + rng.gauss(0.0, s) for m in market]
             for b, s in ((0.9, 0.003), (1.1, 0.003), (1.05, 0.005), (0.98, 0.002), (1.2, 0.006), (0.75, 0.003))]
    xs = [market] + funds
    y = [0.0003 + 1.1 * m + 0.4 * f - 0.3 * g + rng.gauss(0.0, 0.012 * (1 + 40 * abs(m)))
         for m, f, g in zip(market, funds[1], funds[4])]
    return y, xs


def scaled_design(rng, n):
    """Columns of size 1e-4, 1 with a mean of 40, and 1e5, with errors that follow each other."""
    xs = [[rng.gauss(0.0, 1e-4) for _ in range(n)], [40.0 + rng.gauss(0.0, 1.0) for _ in range(n)],
          [rng.gauss(0.0, 1e5) for _ in range(n)]]
    error, y = 0.0, []
    for a, b, c in zip(*xs):
        error = 0.5 * error + rng.gauss(0.0, 0.5)
        y.append(3.0 + 5e3 * a + 0.25 * b - 4e-6 * c + error)
    return y, xs


def designs():
    """name -> (y, regressors, lags, sets of unpenalized columns)"""
    y, *xs = sine_series()
    return {
        "sine_60": (y, xs, 3, [[], [0]]),
        "style_126": (*style_design(random.Random(201), 126), 4, [[], [0], [0, 3]]),
        "scaled_50": (*scaled_design(random.Random(202), 50), 3, [[], [2], [0, 1, 2]]),
    }


# ---- 80-digit arithmetic -------------------------------------------------------------------------------------------

class Exact:
    """A design in exact decimal copies of the float64 inputs."""

    def __init__(self, y, xs):
        self.n, self.k = len(y), len(xs)
        self.y = [Decimal(v) for v in y]
        columns = [[Decimal(v) for v in x] for x in xs]
        self.mean = [sum(x) / self.n for x in columns]
        self.scale = [(sum((v - m) ** 2 for v in x) / self.n).sqrt() for x, m in zip(columns, self.mean)]
        self.z = [[(v - m) / s for v in x] for x, m, s in zip(columns, self.mean, self.scale)]
        self.gram = [[sum(a * b for a, b in zip(p, q)) for q in self.z] for p in self.z]

    def vif(self):
        return [inverse(self.gram)[j][j] * self.n for j in range(self.k)]

    def fit(self, alpha, unpenalized):
        penalty = [Decimal(0) if j in unpenalized else alpha for j in range(self.k)]
        solver = inverse([[g + (penalty[i] if i == j else 0) for j, g in enumerate(row)]
                          for i, row in enumerate(self.gram)])
        slopes = [[p / self.scale[j] for p in row] for j, row in enumerate(multiply(solver, self.z))]
        intercept = [1 / Decimal(self.n) - sum(m * s[t] for m, s in zip(self.mean, slopes)) for t in range(self.n)]
        self.influence = [intercept] + slopes
        self.beta = [sum(p * v for p, v in zip(row, self.y)) for row in self.influence]
        center = sum(self.y) / self.n
        standardized = [b * s for b, s in zip(self.beta[1:], self.scale)]
        self.residuals = [v - center - sum(b * z[t] for b, z in zip(standardized, self.z))
                          for t, v in enumerate(self.y)]
        self.df = sum(sum(a * b for a, b in zip(row, column)) for row, column in zip(solver, zip(*self.gram)))
        self.rss = sum(e * e for e in self.residuals)
        self.tss = sum((v - center) ** 2 for v in self.y)
        self.residual_df = self.n - 1 - self.df

    def errors(self, covariance, lags):
        result = []
        for row in self.influence:
            if covariance == "classical":
                variance = self.rss / self.residual_df * sum(p * p for p in row)
            else:
                u = [p * e for p, e in zip(row, self.residuals)]
                variance = sum(v * v for v in u)
                for lag in range(1, lags + 1 if covariance == "HAC" else 1):
                    variance += 2 * (1 - Decimal(lag) / (lags + 1)) * sum(u[t] * u[t - lag] for t in range(lag, self.n))
                variance *= Decimal(self.n) / self.residual_df
            result.append(variance.sqrt())
        return result


def result_rows(name, y, xs, lags, unpenalized_sets):
    exact = Exact(y, xs)
    vif = exact.vif()
    check_vif(xs, vif)
    rows = []
    for unpenalized in unpenalized_sets:
        for alpha in ALPHAS:
            exact.fit(Decimal(alpha), unpenalized)
            check_estimate(y, xs, float(alpha), unpenalized, exact, lags)
            r_squared = 1 - exact.rss / exact.tss
            shared = [r_squared, 1 - (1 - r_squared) * (exact.n - 1) / exact.residual_df,
                      (exact.rss / exact.residual_df).sqrt(), exact.df, exact.n * exact.rss / exact.residual_df ** 2]
            for covariance in ("classical", "HC1", "HAC"):
                errors = exact.errors(covariance, lags)
                for j, (b, e) in enumerate(zip(exact.beta, errors)):
                    p_value = 2.0 * scipy.stats.t.sf(abs(float(b / e)), float(exact.residual_df))
                    numbers = [b, e, b / e, p_value] + shared + ([vif[j - 1]] if j else [])
                    rows.append([name, exact.n, exact.k, " ".join(map(str, unpenalized)), alpha, covariance,
                                 lags if covariance == "HAC" else "", "intercept" if j == 0 else f"x{j}"]
                                + [repr(float(v)) for v in numbers] + ([""] if j == 0 else []))
    return rows


# ---- other programs ------------------------------------------------------------------------------------------------

def agree(values, expected, tolerance=1e-9):
    np.testing.assert_allclose(np.asarray(values, float), [float(v) for v in expected], rtol=tolerance)


def check_vif(xs, vif):
    design = sm.add_constant(np.column_stack(xs))
    agree([variance_inflation_factor(design, j + 1) for j in range(len(xs))], vif)


def check_estimate(y, xs, alpha, unpenalized, exact, lags):
    x = np.column_stack(xs)
    if not unpenalized:
        scaler = StandardScaler().fit(x)
        model = Ridge(alpha=alpha, solver="svd").fit(scaler.transform(x), y)
        agree(model.coef_ / scaler.scale_, exact.beta[1:])
        agree([model.intercept_ - scaler.mean_ @ (model.coef_ / scaler.scale_)], exact.beta[:1], 1e-8)
    if not unpenalized and shutil.which("Rscript"):
        check_mass(y, x, alpha, exact)
    if alpha == 0 or len(unpenalized) == x.shape[1]:
        # Scaled by powers of two, which is exact, since statsmodels multiplies by (X'X)^-1.
        design = sm.add_constant(x)
        scale = 2.0 ** -np.round(np.log2(np.linalg.norm(design, axis=0)))
        fit = sm.OLS(y, design * scale).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True},
                                            use_t=True)
        agree(fit.params * scale, exact.beta)
        agree(fit.bse * scale, exact.errors("HAC", lags), 1e-8)


MASS = """
library(MASS)
data <- as.matrix(read.csv("stdin", header = FALSE))
fit <- lm.ridge(data[, 1] ~ data[, -1], lambda = as.numeric(commandArgs(TRUE)[1]))
cat(format(c(coef(fit), fit$GCV), digits = 17), sep = "\\n")
"""


def check_mass(y, x, alpha, exact):
    """MASS standardizes alike; its GCV is RSS / (n - df)^2, without the intercept's degree of freedom."""
    lines = "\n".join(",".join(map(repr, map(float, row))) for row in np.column_stack([y, x]))
    printed = subprocess.run(["Rscript", "-e", MASS, str(alpha)], input=lines, text=True, capture_output=True, check=True)
    numbers = [float(v) for v in printed.stdout.split()]
    agree(numbers[:-1], exact.beta, 1e-8)
    agree(numbers[-1:], [exact.rss / (exact.n - exact.df) ** 2])


def check_longley():
    """Published: z-scored Longley at alpha 1."""
    data = sm.datasets.longley.load_pandas()
    z = StandardScaler().fit_transform(data.exog)
    published = [895.958347785301, 1085.6838191206505, -743.6812471652216, -196.61806163233257, 789.4944680367954,
                 1062.2709561203988]
    agree(Ridge(alpha=1.0, solver="svd").fit(z, data.endog).coef_, published, 1e-11)


def check_specification():
    y, *xs = sine_series()
    exact = Exact(y, xs)
    for alpha, betas, r_squared, df in (
            ("0", (0.7561694342, 0.4672991664, -0.0198589407), 0.8974273693, 3.0),
            ("1", (0.6248352805, 0.4843309231, 0.0825054579), 0.8967738659, 2.453270),
            ("10", (0.4378979524, 0.4242222380, 0.2635650936), 0.8897084056, 1.416811)):
        exact.fit(Decimal(alpha), [])
        np.testing.assert_allclose([float(b) for b in exact.beta[1:]], betas, atol=5.1e-11)
        assert abs(float(1 - exact.rss / exact.tss) - r_squared) < 1e-10
        assert abs(float(exact.df) - df) < 1e-6


def check_published_prices(data_dir):
    """AAPL on five funds, 252 returns to 2022-12-28: ridge at alpha 1 and the regression without a penalty."""
    import pandas as pd
    stocks = pd.read_csv(Path(data_dir) / "skfolio/sp500_dataset.csv.gz", index_col=0).pct_change()
    funds = pd.read_csv(Path(data_dir) / "skfolio/factors_dataset.csv.gz", index_col=0).pct_change()
    both = pd.concat([stocks["AAPL"], funds[["MTUM", "QUAL", "SIZE", "USMV", "VLUE"]]], axis=1).dropna().tail(252)
    xs = [both[name].tolist() for name in both.columns[1:]]
    exact = Exact(both["AAPL"].tolist(), xs)
    exact.fit(Decimal(1), [])
    agree(exact.beta[1:], [0.03820676567285656, 1.6489604463617216, -0.7153449044007939, 0.07470627838195615,
                           0.14870439719178538])
    vif = exact.vif()
    assert [round(float(v), 2) for v in (vif[1], vif[2])] == [25.68, 26.78], vif
    exact.fit(Decimal(0), [])
    np.testing.assert_allclose([float(b) for b in exact.beta[1:]], [0.01184, 1.86311, -0.91811, 0.03862, 0.18071],
                               atol=5.1e-6)
    print("published vectors on real prices: all agree")


def main(arguments):
    check = "--check" in arguments
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    check_specification()
    check_longley()
    if data_dir:
        check_published_prices(data_dir)
    data = [["design", "t", "y"] + [f"x{j + 1}" for j in range(MAX_REGRESSORS)]]
    vectors = [COLUMNS]
    for name, (y, xs, lags, unpenalized_sets) in designs().items():
        for t, value in enumerate(y):
            cells = [repr(x[t]) for x in xs]
            data.append([name, t + 1, repr(value)] + cells + [""] * (MAX_REGRESSORS - len(cells)))
        vectors += result_rows(name, y, xs, lags, unpenalized_sets)
    if not shutil.which("Rscript"):
        print("Rscript is not there: not compared with MASS")
    emit("ridge_data.csv", data, check)
    emit("ridge_vectors.csv", vectors, check)


if __name__ == "__main__":
    main(sys.argv[1:])
