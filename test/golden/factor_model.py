#!/usr/bin/env python3
"""Factor models by scikit-learn, statsmodels and NumPy: factor_model_data.csv (generated returns with gaps) and
factor_model.csv (results on them and on real prices).

usage: factor_model.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Models, all on the newest observations on which the symbol and every factor have a return, within 1.5 windows:
  ridge        market by least squares; six funds, each less its regression on [1, market], standardized, Ridge with
               alpha 0.4 times the number of observations
  ridge_gcv    the same with alpha of 10^-3 ... 10^5, ten a decade, that minimizes n RSS / (n - 1 - df)^2
  plain_ridge  StandardScaler and Ridge with the same alpha on all seven
  spread       least squares on market and four differences
Errors: Newey-West, Bartlett, L = floor(4 (n/100)^(2/9)), factor n / (n - 1 - df), of the linear estimator.
"""
import csv
import math
import os
import random
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.outliers_influence import variance_inflation_factor

from market_beta import compare, scaled_condition_number, simple_returns

HERE = Path(__file__).resolve().parent
FUNDS = ["SPY", "VTV", "VUG", "MTUM", "QUAL", "IWM", "USMV"]
SPREADS = [("VUG", "VTV"), ("MTUM", "SPY"), ("IWM", "SPY"), ("QUAL", "SPY")]
REAL_DATES = ["2021-06-30", "2024-12-31"]
REAL_SYMBOLS = ["AAPL", "ABNB", "CEG", "COIN", "JPM", "KO", "MTUM", "NEM", "NVDA", "PLTR", "SPY", "TLT", "UBER", "VTV",
                "XLC", "XOM"]
MODELS = ["ridge", "ridge_gcv", "plain_ridge", "spread"]
ALPHA_PER_OBSERVATION = 0.4
SESSIONS = 200
MAX_TERMS = 8
COLUMNS = (["source", "symbol", "date", "model", "observations", "window_start", "window_end", "quality_flag", "reason"]
           + [f"b{j}" for j in range(MAX_TERMS)] + [f"e{j}" for j in range(MAX_TERMS)]
           + ["r_squared", "adj_r_squared", "residual_volatility", "alpha", "effective_df", "condition_number",
              "max_vif"])


# ---- returns -------------------------------------------------------------------------------------------------------

def generated_returns():
    """Returns by session number. One fund misses a day; OLD has gaps, YOUNG 80 days, NEW 30, and FLAT never moves."""
    rng = random.Random(301)
    rows = []
    for _ in range(SESSIONS):
        market = rng.gauss(0.0004, 0.011)
        row = {"SPY": market}
        for name, slope, own in (("VTV", 0.9, 0.003), ("VUG", 1.1, 0.003), ("MTUM", 1.05, 0.006), ("QUAL", 0.98, 0.002),
                                 ("IWM", 1.2, 0.006), ("USMV", 0.7, 0.003)):
            row[name] = slope * market + rng.gauss(0.0, own)
        row["FULL"] = 1.3 * market + 0.8 * (row["VUG"] - 1.1 * market) + rng.gauss(0.0, 0.012)
        row["OLD"] = 0.6 * row["USMV"] + 0.3 * row["VTV"] + rng.gauss(0.0, 0.008)
        row["YOUNG"] = 1.8 * market + 0.5 * (row["IWM"] - 1.2 * market) + rng.gauss(0.0, 0.02)
        row["NEW"] = market + rng.gauss(0.0, 0.02)
        row["FLAT"] = 0.0
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame.iloc[0] = np.nan
    frame.loc[150, "IWM"] = np.nan
    frame.loc[list(range(90, 200, 7)), "OLD"] = np.nan
    frame.loc[:SESSIONS - 81, "YOUNG"] = np.nan
    frame.loc[:SESSIONS - 31, "NEW"] = np.nan
    return frame


# ---- estimates -----------------------------------------------------------------------------------------------------

def sandwich(influence, residuals, residual_df):
    n = len(residuals)
    lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))
    pulls = influence * residuals
    total = (pulls ** 2).sum(axis=1)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * (pulls[:, lag:] * pulls[:, :-lag]).sum(axis=1)
    return np.sqrt(total * n / residual_df)


def described(y, x, coefficients, influence, df, alpha):
    n = len(y)
    residuals = y - coefficients[0] - x @ coefficients[1:]
    if np.linalg.norm(residuals) < 1e-12 * np.linalg.norm(y):
        residuals = np.zeros(n)  # a factor regressed on itself
    rss, tss = residuals @ residuals, ((y - y.mean()) ** 2).sum()
    residual_df = n - 1 - df
    design = sm.add_constant(x)
    errors = sandwich(influence, residuals, residual_df)
    row = {f"b{j}": b for j, b in enumerate(coefficients)} | {f"e{j}": e for j, e in enumerate(errors)}
    row |= {"r_squared": 1 - rss / tss, "adj_r_squared": 1 - rss / tss * (n - 1) / residual_df,
            "residual_volatility": math.sqrt(rss / residual_df * 252), "alpha": alpha, "effective_df": df,
            "condition_number": scaled_condition_number(design),
            "max_vif": max(variance_inflation_factor(design, j + 1) for j in range(x.shape[1]))}
    return row, n * rss / residual_df ** 2


def penalized_part(x, y, alpha):
    """Coefficients by scikit-learn, their influence rows and degrees of freedom."""
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    coefficients = Ridge(alpha=alpha, solver="svd").fit(z, y).coef_ / scaler.scale_
    solver = np.linalg.inv(z.T @ z + alpha * np.eye(x.shape[1]))
    return coefficients, solver @ z.T / scaler.scale_[:, None], np.trace(solver @ z.T @ z)


def orthogonal_ridge(y, funds, alpha):
    market = funds[:, 0]
    base = sm.add_constant(market)
    pseudo_inverse = np.linalg.pinv(base)
    styles = funds[:, 1:] - base @ (pseudo_inverse @ funds[:, 1:])
    coefficients, influence, df = penalized_part(styles, y, alpha)
    # Least squares of y on the market, whatever the styles: they have nothing in common with it.
    return described(y, np.column_stack([market, styles]), np.concatenate([pseudo_inverse @ y, coefficients]),
                     np.vstack([pseudo_inverse, influence]), 1 + df, alpha)


def plain_ridge(y, funds, alpha):
    coefficients, influence, df = penalized_part(funds, y, alpha)
    mean = funds.mean(axis=0)
    intercept = np.full(len(y), 1.0 / len(y)) - mean @ influence
    return described(y, funds, np.concatenate([[y.mean() - mean @ coefficients], coefficients]),
                     np.vstack([intercept, influence]), df, alpha)


def spread_regression(y, funds):
    columns = {name: funds[:, j] for j, name in enumerate(FUNDS)}
    x = np.column_stack([columns["SPY"]] + [columns[a] - columns[b] for a, b in SPREADS])
    design = sm.add_constant(x)
    row, _ = described(y, x, np.linalg.lstsq(design, y, rcond=None)[0], np.linalg.pinv(design), x.shape[1], 0.0)
    if row["residual_volatility"] > 0:
        lags = math.floor(4.0 * (len(y) / 100.0) ** (2.0 / 9.0))
        fit = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
        np.testing.assert_allclose([row[f"e{j}"] for j in range(6)], fit.bse, rtol=1e-9)
        np.testing.assert_allclose([row[f"b{j}"] for j in range(6)], fit.params, rtol=1e-9)
        np.testing.assert_allclose(row["adj_r_squared"], fit.rsquared_adj, rtol=1e-9)
    return row


def estimate(model, y, funds):
    if model == "spread":
        return spread_regression(y, funds)
    if model == "plain_ridge":
        return plain_ridge(y, funds, ALPHA_PER_OBSERVATION * len(y))[0]
    if model == "ridge":
        return orthogonal_ridge(y, funds, ALPHA_PER_OBSERVATION * len(y))[0]
    candidates = [orthogonal_ridge(y, funds, 10.0 ** (-3 + 0.1 * i)) for i in range(81)]
    return min(candidates, key=lambda pair: pair[1])[0]


def fit(source, returns, symbol, date, model, window, minimum, limited_below):
    row = dict.fromkeys(COLUMNS, "")
    row.update(source=source, symbol=symbol, date=date, model=model, quality_flag="insufficient_data")
    searched = returns.loc[:date].tail(math.ceil(1.5 * window))
    sample = searched[list(dict.fromkeys(FUNDS + [symbol]))].dropna().tail(window)
    row["observations"] = len(sample)
    if len(sample):
        row.update(window_start=sample.index[0], window_end=sample.index[-1])
    if len(sample) < minimum:
        row["reason"] = "insufficient_data"
    elif sample[symbol].var(ddof=0) < 1e-18:
        row["reason"] = "constant_series"
    else:
        row["quality_flag"] = "full_history" if len(sample) >= limited_below else "limited_history"
        numbers = estimate(model, sample[symbol].to_numpy(), sample[FUNDS].to_numpy())
        row.update({name: repr(float(value)) for name, value in numbers.items()})
    return row


def check_market_beta(rows, returns):
    """The orthogonal model's market beta is that of a regression on the market alone."""
    for row in rows:
        if row["source"] != "real" or not row["model"].startswith("ridge") or row["b1"] == "":
            continue
        sample = returns.loc[row["window_start"]:row["window_end"], list({row["symbol"], *FUNDS})].dropna()
        alone = sm.OLS(sample[row["symbol"]], sm.add_constant(sample["SPY"])).fit().params
        np.testing.assert_allclose(float(row["b1"]), alone["SPY"], rtol=1e-12)


def models_of(symbol):
    """A fund is explained by itself to 1e-6 where the penalty may vanish: too few digits are left to compare."""
    return [model for model in MODELS if model != "ridge_gcv" or symbol not in FUNDS]


def generated_rows(returns):
    symbols = ["FULL", "OLD", "YOUNG", "NEW", "FLAT", "SPY", "MTUM"]
    return [fit("generated", returns, symbol, date, model, 120, 60, 100)
            for date in (SESSIONS - 1, SESSIONS - 41) for symbol in symbols for model in models_of(symbol)]


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    generated = generated_returns()
    _, real = simple_returns(data_dir)
    rows = generated_rows(generated) + [fit("real", real, symbol, date, model, 252, 126, 126)
                                        for date in REAL_DATES for symbol in REAL_SYMBOLS for model in models_of(symbol)]
    check_market_beta(rows, real)
    target, data = HERE / "factor_model.csv", HERE / "factor_model_data.csv"
    if "--check" in arguments:
        compare(rows, target, COLUMNS)
        pd.testing.assert_frame_equal(pd.read_csv(data, float_precision="round_trip", dtype=float), generated)
    else:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        generated.to_csv(data, index=False, lineterminator="\n")
    print(f"factor_model.csv: {'agrees' if '--check' in arguments else 'written'}, {len(rows)} rows")


if __name__ == "__main__":
    main(sys.argv[1:])
