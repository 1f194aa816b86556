#!/usr/bin/env python3
"""Least-squares reference vectors on small synthetic data: ols_data.csv (inputs) and ols_vectors.csv (results).

usage: ols_vectors.py [--check]

Coefficients, errors, t, p and fit statistics are those of statsmodels. The columns that end in _exact come from the
same float64 inputs in 80-digit decimal arithmetic, rounded once: they show how many digits an oracle in double
precision still has on the ill-conditioned designs, and are the ones to hold a QR solver to.
"""
import csv
import math
import random
import sys
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import scipy.stats
import statsmodels.api as sm

getcontext().prec = 80
HERE = Path(__file__).resolve().parent
MAX_REGRESSORS = 5
COLUMNS = [
    "design", "n", "k", "covariance", "lags", "term", "coefficient", "std_error", "t_stat", "p_value", "r_squared",
    "adj_r_squared", "ssr", "condition_number", "coefficient_exact", "std_error_exact", "t_stat_exact", "p_value_exact",
    "r_squared_exact", "ssr_exact"]


def market_design(rng, n):
    x = [rng.gauss(0.0004, 0.011) for _ in range(n)]
    y = [0.0002 + 1.15 * v + rng.gauss(0.0, 0.014 * (1.0 + 30.0 * abs(v))) for v in x]
    return y, [x]


def heavy_tail_design(rng, n):
    """Student-like tails and errors that follow each other: the case for a robust error."""
    x = [rng.gauss(0.0, 0.01) / math.sqrt(rng.gammavariate(2.5, 0.4)) for _ in range(n)]
    error, y = 0.0, []
    for v in x:
        error = 0.45 * error + rng.gauss(0.0, 0.02)
        y.append(-0.001 + 0.7 * v + error)
    return y, [x]


def two_factor_design(rng, n):
    x1 = [rng.gauss(0.0003, 0.010) for _ in range(n)]
    x2 = [-0.3 * v + rng.gauss(0.0, 0.006) for v in x1]
    y = [0.0001 + 0.9 * a - 2.4 * b + rng.gauss(0.0, 0.012) for a, b in zip(x1, x2)]
    return y, [x1, x2]


def five_factor_design(rng, n):
    market = [rng.gauss(0.0004, 0.010) for _ in range(n)]
    styles = [[b * m + rng.gauss(0.0, s) for m in market]
              for b, s in ((1.0, 0.004), (0.1, 0.005), (-0.2, 0.006), (0.3, 0.003))]
    xs = [market] + styles
    weights = (0.8, 0.5, -0.4, 0.2, 0.1)
    y = [0.0002 + sum(w * x[t] for w, x in zip(weights, xs)) + rng.gauss(0.0, 0.009) for t in range(n)]
    return y, xs


def badly_scaled_design(rng, n):
    """Columns of size 1e-4, 1e0 (with a large mean), 1e5: yields in decimals beside index levels."""
    x1 = [rng.gauss(0.0, 1e-4) for _ in range(n)]
    x2 = [40.0 + rng.gauss(0.0, 1.0) for _ in range(n)]
    x3 = [rng.gauss(0.0, 1e5) for _ in range(n)]
    x4 = [rng.gauss(0.0, 1e-2) for _ in range(n)]
    x5 = [rng.gauss(0.0, 1e3) for _ in range(n)]
    y = [3.0 + 5e3 * x1[t] + 0.25 * x2[t] - 4e-6 * x3[t] + 20.0 * x4[t] + 1e-4 * x5[t] + rng.gauss(0.0, 0.5)
         for t in range(n)]
    return y, [x1, x2, x3, x4, x5]


def near_collinear_design(rng, n):
    """Two regressors that differ in the sixth digit: scaled condition number about 1e6."""
    x1 = [rng.gauss(0.0, 0.01) for _ in range(n)]
    x2 = [v + rng.gauss(0.0, 2e-8) for v in x1]
    y = [0.001 + 0.5 * a + 0.5 * b + rng.gauss(0.0, 0.005) for a, b in zip(x1, x2)]
    return y, [x1, x2]


def sine_series():
    """The golden series of the specification: t = 1..60."""
    ts = range(1, 61)
    f1 = [0.010 * math.sin(t) for t in ts]
    f2 = [0.010 * math.sin(t) + 0.003 * math.cos(2.3 * t) for t in ts]
    f3 = [0.010 * math.sin(t) + 0.003 * math.cos(0.7 * t + 1.0) for t in ts]
    y = [0.0005 + 1.2 * 0.010 * math.sin(t) + 0.0015 * math.cos(2.3 * t) + 0.004 * math.sin(3.1 * t + 0.4) for t in ts]
    return y, f1, f2, f3


def designs():
    """name -> (y, regressors, lags). random.Random is reproducible across Python versions; the CSV is what counts."""
    y, f1, f2, f3 = sine_series()
    return {
        "market_252": (*market_design(random.Random(101), 252), 4),
        "heavy_tail_40": (*heavy_tail_design(random.Random(102), 40), 3),
        "two_factor_120": (*two_factor_design(random.Random(103), 120), 4),
        "five_factor_300": (*five_factor_design(random.Random(104), 300), 5),
        "badly_scaled_150": (*badly_scaled_design(random.Random(105), 150), 4),
        "near_collinear_200": (*near_collinear_design(random.Random(106), 200), 4),
        "sine_market_60": (y, [f1], 3),
        "sine_three_60": (y, [f1, f2, f3], 3),
    }


# ---- 80-digit arithmetic -------------------------------------------------------------------------------------------

def multiply(a, b):
    return [[sum((x * y for x, y in zip(row, column)), Decimal(0)) for column in zip(*b)] for row in a]


def inverse(matrix):
    """Gauss-Jordan with partial pivoting; 80 digits leave more than 60 at the condition numbers used here."""
    n = len(matrix)
    work = [row[:] + [Decimal(int(i == j)) for j in range(n)] for i, row in enumerate(matrix)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda r: abs(work[r][column]))
        work[column], work[pivot] = work[pivot], work[column]
        head = work[column][column]
        work[column] = [v / head for v in work[column]]
        for r in range(n):
            if r != column:
                factor = work[r][column]
                work[r] = [v - factor * p for v, p in zip(work[r], work[column])]
    return [row[n:] for row in work]


def exact_fit(y, xs, lags):
    """Coefficients, {covariance: errors}, R2 and SSR from exact decimal copies of the float64 inputs."""
    target = [Decimal(v) for v in y]
    rows = [[Decimal(1)] + [Decimal(x[t]) for x in xs] for t in range(len(y))]
    n, k = len(rows), len(rows[0])
    bread = inverse(multiply(list(map(list, zip(*rows))), rows))
    moments = [[sum((row[j] * v for row, v in zip(rows, target)), Decimal(0))] for j in range(k)]
    beta = [b[0] for b in multiply(bread, moments)]
    residuals = [v - sum((b * x for b, x in zip(beta, row)), Decimal(0)) for v, row in zip(target, rows)]
    ssr = sum((e * e for e in residuals), Decimal(0))
    mean = sum(target, Decimal(0)) / n
    sst = sum(((v - mean) ** 2 for v in target), Decimal(0))
    scores = [[e * x for x in row] for e, row in zip(residuals, rows)]

    def lagged(lag):
        return [[sum((scores[t][i] * scores[t - lag][j] for t in range(lag, n)), Decimal(0)) for j in range(k)]
                for i in range(k)]

    def errors(meat, factor):
        covariance = multiply(multiply(bread, meat), bread)
        return [(covariance[i][i] * factor).sqrt() for i in range(k)]

    white = lagged(0)
    long_run = [row[:] for row in white]
    for lag in range(1, lags + 1):
        gamma, weight = lagged(lag), 1 - Decimal(lag) / (lags + 1)
        long_run = [[long_run[i][j] + weight * (gamma[i][j] + gamma[j][i]) for j in range(k)] for i in range(k)]
    small_sample = Decimal(n) / (n - k)
    return beta, {
        "classical": [(bread[i][i] * ssr / (n - k)).sqrt() for i in range(k)],
        "HC1": errors(white, small_sample),
        "HAC": errors(long_run, small_sample),
    }, 1 - ssr / sst, ssr


# ---- statsmodels ---------------------------------------------------------------------------------------------------

def statsmodels_fit(y, xs, lags):
    """Results by covariance. Columns are scaled by powers of two first: exact in binary, and undone afterwards."""
    design = sm.add_constant(np.column_stack(xs))
    scale = 2.0 ** -np.round(np.log2(np.linalg.norm(design, axis=0)))
    model = sm.OLS(np.asarray(y), design * scale)
    fits = {
        "classical": model.fit(use_t=True),
        "HC1": model.fit(cov_type="HC1", use_t=True),
        "HAC": model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True),
    }
    condition = float(np.linalg.cond(design / np.linalg.norm(design, axis=0)))
    return fits, scale, condition


def relative(value, reference):
    return abs(value - reference) / abs(reference) if reference else abs(value)


def result_rows(name, y, xs, lags):
    fits, scale, condition = statsmodels_fit(y, xs, lags)
    beta, errors, r_squared, ssr = exact_fit(y, xs, lags)
    terms = ["intercept"] + [f"x{j + 1}" for j in range(len(xs))]
    rows, worst = [], 0.0
    for covariance, fit in fits.items():
        for j, term in enumerate(terms):
            coefficient, error = float(fit.params[j] * scale[j]), float(fit.bse[j] * scale[j])
            worst = max(worst, relative(coefficient, float(beta[j])), relative(error, float(errors[covariance][j])))
            t_exact = beta[j] / errors[covariance][j]
            p_exact = 2.0 * scipy.stats.t.sf(abs(float(t_exact)), len(y) - len(terms))
            rows.append([
                name, len(y), len(xs), covariance, lags if covariance == "HAC" else "", term, repr(coefficient),
                repr(error), repr(float(fit.tvalues[j])), repr(float(fit.pvalues[j])), repr(float(fit.rsquared)),
                repr(float(fit.rsquared_adj)), repr(float(fit.ssr)), repr(condition), repr(float(beta[j])),
                repr(float(errors[covariance][j])), repr(float(t_exact)), repr(float(p_exact)), repr(float(r_squared)),
                repr(float(ssr))])
    # statsmodels multiplies the HAC sandwich by (X'X)^-1 twice, so its error grows with the condition number squared.
    assert worst < 1e-12 + 1e-15 * condition ** 2, (name, worst)
    print(f"{name}: condition {condition:.3g}, statsmodels within {worst:.1e} of exact arithmetic")
    return rows


# ---- the specification's vectors -----------------------------------------------------------------------------------

def close(value, expected, tolerance=1e-9):
    assert abs(value - expected) <= tolerance * max(1.0, abs(expected)), (value, expected)


def ridge_standardized(y, xs, alpha):
    """Ridge on columns of mean 0 and population deviation 1, coefficients back in the units of the inputs."""
    x, y = np.column_stack(xs), np.asarray(y)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / deviation
    gram = z.T @ z
    penalized = np.linalg.inv(gram + alpha * np.eye(x.shape[1]))
    beta = penalized @ z.T @ (y - y.mean()) / deviation
    fitted = y.mean() + (x - mean) @ beta
    r_squared = 1.0 - ((y - fitted) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    return beta, y.mean() - mean @ beta, r_squared, np.trace(penalized @ gram)


def check_specification_vectors():
    y, f1, f2, f3 = sine_series()
    n = len(y)
    model = sm.OLS(y, sm.add_constant(f1))
    classical, hc1 = model.fit(use_t=True), model.fit(cov_type="HC1", use_t=True)
    corrected = model.fit(cov_type="HAC", cov_kwds={"maxlags": 3, "use_correction": True}, use_t=True)
    plain = model.fit(cov_type="HAC", cov_kwds={"maxlags": 3, "use_correction": False}, use_t=True)
    close(classical.params[1], 1.199550804695)
    close(classical.params[0], 0.000457674467)
    close(classical.rsquared, 0.885269908774)
    close(classical.bse[1], 0.056702925719)
    close(classical.tvalues[1], 21.15500725)
    assert math.isclose(classical.pvalues[1], 5.950123e-29, rel_tol=1e-6)
    close(hc1.bse[1], 0.056977233077)
    close(corrected.bse[1], 0.028244422767)
    close(plain.bse[1], 0.027769692776)

    three = sm.OLS(y, sm.add_constant(np.column_stack([f1, f2, f3]))).fit()
    for value, expected in zip(three.params[1:], (0.7561694342, 0.4672991664, -0.0198589407)):
        close(value, expected)
    close(three.rsquared, 0.8974273693)
    for alpha, betas, r_squared, freedom in (
            (1.0, (0.6248352805, 0.4843309231, 0.0825054579), 0.8967738659, 2.453270),
            (10.0, (0.4378979524, 0.4242222380, 0.2635650936), 0.8897084056, 1.416811)):
        beta, intercept, fit, effective = ridge_standardized(y, [f1, f2, f3], alpha)
        for value, expected in zip(beta, betas):
            close(value, expected)
        close(fit, r_squared)
        close(effective, freedom, 1e-6)
        if alpha == 1.0:
            close(intercept, 0.000470800070)

    pearson = np.corrcoef([f1, f2, f3, y])[np.triu_indices(4, 1)]
    for value, expected in zip(pearson, (0.9569949610, 0.9598775175, 0.9408878301, 0.9196383716, 0.9323839521,
                                         0.9022356040)):
        close(value, expected)
    close(np.abs(pearson).mean(), 0.9353363727)
    cosine = [math.cos(2.3 * t) for t in range(1, n + 1)]
    r, p_value = scipy.stats.pearsonr(cosine, y)
    close(r, 0.085114218783)
    close(p_value, 0.5178921784)
    close(np.std(y[-21:], ddof=1) * math.sqrt(252.0), 0.1486181695)
    close(np.std(y[-5:], ddof=1) * math.sqrt(252.0), 0.1604314523)
    close(abs(y[-1]) * math.sqrt(252.0), 0.0818969854)
    # EWMA correlation with lambda 0.94 and the weighted means removed.
    weights = 0.94 ** np.arange(n - 1, -1, -1)
    weights /= weights.sum()
    a, b = np.asarray(f2) - weights @ f2, np.asarray(f3) - weights @ f3
    close((weights * a * b).sum() / math.sqrt((weights * a * a).sum() * (weights * b * b).sum()), 0.919162126603)
    close(1e4 * (0.5 ** 2 + 0.3 ** 2 + 0.2 ** 2), 3800.0)
    close(1.0 / (0.5 ** 2 + 0.3 ** 2 + 0.2 ** 2), 2.6315789474)
    repaired = np.array([[1.0, 0.9, 0.2], [0.9, 1.0, 0.9], [0.2, 0.9, 1.0]])
    for value, expected in zip(np.linalg.eigvalsh(repaired), (-0.1767145335, 0.8, 2.3767145335)):
        close(value, expected)
    print("specification vectors: all agree")


def same(old, new, tolerance):
    if old == new:
        return True
    try:
        return math.isclose(float(old), float(new), rel_tol=tolerance, abs_tol=1e-18)
    except ValueError:
        return False


def compare(name, committed, table):
    """Inputs and exact columns to the last digits of libm; statsmodels to what another LAPACK may change."""
    assert len(committed) == len(table), (name, len(committed), len(table))
    header = table[0]
    for old, new in zip(committed, table):
        for column, a, b in zip(header, old, new):
            tolerance = 1e-12
            if name == "ols_vectors.csv" and not column.endswith("_exact"):
                tolerance = 1e-3 if new[0] == "near_collinear_200" else 1e-9
            assert same(a, str(b), tolerance), (name, new[0], column, a, b)


def emit(name, table, check):
    target = HERE / name
    if check:
        with open(target, newline="", encoding="utf-8") as handle:
            compare(name, list(csv.reader(handle)), table)
    else:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(table)
    print(f"{name}: {'agrees' if check else 'written'}, {len(table) - 1} rows")


def main(arguments):
    check = "--check" in arguments
    check_specification_vectors()
    data = [["design", "t", "y"] + [f"x{j + 1}" for j in range(MAX_REGRESSORS)]]
    vectors = [COLUMNS]
    for name, (y, xs, lags) in designs().items():
        for t, value in enumerate(y):
            cells = [repr(x[t]) for x in xs]
            data.append([name, t + 1, repr(value)] + cells + [""] * (MAX_REGRESSORS - len(cells)))
        vectors += result_rows(name, y, xs, lags)
    emit("ols_data.csv", data, check)
    emit("ols_vectors.csv", vectors, check)


if __name__ == "__main__":
    main(sys.argv[1:])
