#!/usr/bin/env python3
"""Volatility figures from numpy, scipy and statsmodels: volatility.csv of the generated returns (risk_returns.csv) and
volatility_real.csv of the real prices.

usage: volatility.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Without a data directory only the first file is made. Windows are in observations, each looked for within half as many
sessions again; forecast, kurtosis and percentile use what the newest 546 sessions hold. Kurtosis k: N sum z^4 /
(sum z^2)^2 of the returns after the first 42, each over the root of the mean of the earlier r^2 with weights 0.97^age,
at least 3 and at most 8; with fewer than 252 of them 6.5. Realized: sqrt(252 mean r^2) over n = 21 and 63, interval
s sqrt(d/chi2) with d = 2n/(k-1) degrees of freedom.
Forecast: from 500 returns on, non-negative least squares of the mean of the next 21 r^2 on 1, r^2, mean5, mean22 over
the last 504 rows (scipy's Lawson-Hanson), unless its slopes add up to 1 or more; else weights 0.97^age over all returns
there are, at most 546; the variance is at least 1e-12 a day. Trend: ln(s1/s0)/sqrt((k-1)/42) of two windows of 21.
Percentile: (#less + #equal/2)/N over at most 504 rolling values, at least 126. A mean square below 1e-18 is a constant
series.

On the real prices the script also asserts that the intervals hold a constant volatility in 95 % and the trend of one is
not stable in 10 % of cases, to within 2 points (`experiment`), and that those of normal returns do not.
"""
import os
import sys

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats
import statsmodels.api as sm

from golden_files import generated_returns, real_returns, search_span, write_or_check

COLUMNS = [
    "series", "session", "observations", "kurtosis", "realized_21", "realized_21_low", "realized_21_high",
    "realized_21_reason", "realized_63", "realized_63_low", "realized_63_high", "realized_63_reason", "forecast",
    "forecast_method",
    "har_intercept", "har_daily", "har_weekly", "har_monthly", "har_r_squared", "har_rows", "trend", "trend_strength",
    "trend_reason", "percentile", "percentile_reason", "quality_flag", "reason"]
SESSIONS = [20, 21, 41, 62, 63, 130, 146, 300, 499, 500, 520, 546, 600, 750, 880, 899]
DATES = ["2018-12-31", "2020-03-31", "2021-06-30", "2024-12-31"]
LONGEST = 504 + 21 + 21


class NotEnough(Exception):
    pass


def newest(returns, session, window):
    """The newest observations up to the session, oldest first, within the search span; the first session has none."""
    return within(returns, session, search_span(window))[-window:]


def within(returns, session, span):
    """The observations of the newest sessions, oldest first."""
    searched = returns[max(1, session - span + 1):session + 1]
    return searched[np.isfinite(searched)]


def full_window(returns, session, window):
    found = newest(returns, session, window)
    if len(found) < window:
        raise NotEnough("insufficient_data")
    return found


def mean_square(sample):
    value = np.mean(sample**2)
    if value < 1e-18:
        raise NotEnough("constant_series")
    return value


def standardized(squares, start=42):
    """Squares over the exponential average of those before."""
    before = pd.Series(squares).ewm(alpha=0.03, adjust=True).mean().shift(1).to_numpy()
    used = np.arange(len(squares)) >= start
    used[used] = before[used] >= 1e-18
    return squares[used] / before[used]


def kurtosis(squares):
    z2 = standardized(squares)
    if len(z2) < 252 or not z2.sum() > 0.0:
        return 6.5
    return float(np.clip(np.mean(z2**2) / np.mean(z2) ** 2, 3.0, 8.0))


def interval(value, window, k):
    df = 2.0 * window / (k - 1.0)
    return [value * np.sqrt(df / scipy.stats.chi2.ppf(p, df)) for p in (0.975, 0.025)]


def realized(returns, session, window, name, row):
    try:
        value = np.sqrt(252.0 * mean_square(full_window(returns, session, window)))
    except NotEnough as why:
        row[name + "_reason"] = str(why)
        return
    row[name] = value
    row[name + "_low"], row[name + "_high"] = interval(value, window, row["kurtosis"])


def har(squares, row):
    """None when the regressors do not identify the coefficients or the model is explosive."""
    daily = np.array(squares)
    weekly, monthly, ahead = (np.lib.stride_tricks.sliding_window_view(daily, w).mean(axis=1) for w in (5, 22, 21))
    now = np.array([1.0, daily[-1], weekly[-1], monthly[-1]])
    t = np.arange(21, len(daily) - 21)[-504:]
    design = np.column_stack([np.ones(len(t)), daily[t], weekly[t - 4], monthly[t - 21]])
    target = ahead[t + 1]
    scale = np.linalg.norm(design, axis=0)
    if np.linalg.matrix_rank(design / np.where(scale > 0, scale, 1.0)) < 4:
        return None
    coefficients, residual = scipy.optimize.nnls(design / scale, target)
    coefficients /= scale
    plain = sm.OLS(target, design).fit()
    if (plain.params >= 0).all():
        np.testing.assert_allclose(coefficients, plain.params, rtol=1e-8)
        np.testing.assert_allclose(1.0 - residual**2 / plain.centered_tss, plain.rsquared, rtol=1e-9)
    if coefficients[1:].sum() >= 1.0:
        return None
    row.update(zip(("har_intercept", "har_daily", "har_weekly", "har_monthly"), coefficients))
    row["har_r_squared"] = 1.0 - residual**2 / plain.centered_tss
    row["har_rows"] = len(t)
    return now @ coefficients


def forecast(returns, session, row):
    squares = within(returns, session, LONGEST) ** 2
    variance = har(squares, row) if len(squares) >= 500 else None
    row["forecast_method"] = "ewma" if variance is None else "har"
    if variance is None:
        weights = 0.97 ** np.arange(len(squares))[::-1]
        variance = np.average(squares, weights=weights)
    row["forecast"] = np.sqrt(252.0 * max(variance, 1e-12))


def trend(returns, session, row):
    try:
        both = full_window(returns, session, 42)
        log_ratio = np.log(np.sqrt(mean_square(both[21:])) / np.sqrt(mean_square(both[:21])))
        z = log_ratio / np.sqrt((row["kurtosis"] - 1.0) / 42.0)
    except NotEnough as why:
        row["trend_reason"] = str(why)
        return
    row["trend"] = "increasing" if z > 1.645 else "decreasing" if z < -1.645 else "stable"
    row["trend_strength"] = z


def percentile(returns, session, row):
    sample = within(returns, session, LONGEST)[-(504 + 20):]
    if len(sample) < 126 + 20:
        row["percentile_reason"] = "insufficient_data"
        return
    values = np.lib.stride_tricks.sliding_window_view(sample**2, 21).sum(axis=1)
    equal = np.isclose(values, values[-1], rtol=1e-12, atol=0.0)
    row["percentile"] = (np.sum((values < values[-1]) & ~equal) + 0.5 * np.sum(equal)) / len(values)
    if equal.sum() == 1:
        by_scipy = scipy.stats.percentileofscore(values, values[-1], kind="mean") / 100.0
        np.testing.assert_allclose(row["percentile"], by_scipy, rtol=1e-14)


def figures(series, label, returns, session):
    row = {"series": series, "session": label, "observations": len(within(returns, session, LONGEST))}
    row["kurtosis"] = kurtosis(within(returns, session, LONGEST) ** 2)
    realized(returns, session, 21, "realized_21", row)
    realized(returns, session, 63, "realized_63", row)
    trend(returns, session, row)
    row["quality_flag"] = "insufficient_data"
    if "realized_21" in row:
        forecast(returns, session, row)
        percentile(returns, session, row)
        row["quality_flag"] = "full_history" if row["observations"] >= 146 else "limited_history"
    else:
        row["percentile_reason"] = row["realized_21_reason"]
    reasons = (row.get(name + "_reason") for name in ("realized_21", "realized_63", "trend", "percentile"))
    row["reason"] = next((reason for reason in reasons if reason), None)
    return row


def experiment(real, draws=150):
    """Rates of two intervals that hold the truth, and of trends that are not stable, by kurtosis and by normal returns.

    The truth is known where volatility is constant and the returns are as real ones: of each symbol all standardized
    returns, drawn with replacement. Each series is as long as what the estimates look at.
    """
    random = np.random.default_rng(20261130)
    held = {"kurtosis": [[], [], []], "normal": [[], [], []]}
    for symbol in real:
        pool = standardized(real[symbol].dropna().to_numpy() ** 2, 63)
        if len(pool) < 500:
            continue
        for squares in random.choice(pool / pool.mean(), (draws, LONGEST)):
            log_ratio = np.log(squares[-21:].mean() / squares[-42:-21].mean()) / 2.0
            for name, k in (("kurtosis", kurtosis(squares)), ("normal", 3.0)):
                for place, window in enumerate((21, 63)):
                    low, high = interval(np.sqrt(squares[-window:].mean()), window, k)
                    held[name][place].append(low <= 1.0 <= high)
                held[name][2].append(abs(log_ratio) > 1.645 * np.sqrt((k - 1.0) / 42.0))
    rates = {name: [float(np.mean(values)) for values in of] for name, of in held.items()}
    for name, of in rates.items():
        print(f"constant volatility, {name}: held by 21 returns in {of[0]:.3f}, by 63 in {of[1]:.3f}, trend {of[2]:.3f}")
    off = {name: np.abs(np.subtract(of, (0.95, 0.95, 0.10))) for name, of in rates.items()}
    assert (off["kurtosis"] <= 0.02).all() and (off["normal"] > 0.02).all(), rates


def main(arguments):
    check = "--check" in arguments
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    generated = generated_returns()
    rows = [figures(name, str(t), generated[name].to_numpy(), t) for name in generated for t in SESSIONS]
    write_or_check("volatility.csv", COLUMNS, rows, check)
    if data_dir:
        real = real_returns(data_dir)
        rows = [figures(symbol, day, real[symbol].to_numpy(), real.index.get_loc(day))
                for day in DATES for symbol in real]
        write_or_check("volatility_real.csv", COLUMNS, rows, check)
        experiment(real)


if __name__ == "__main__":
    main(sys.argv[1:])
