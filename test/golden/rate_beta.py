#!/usr/bin/env python3
"""Rate betas by statsmodels: rate_beta_data.csv and rate_beta_yields.csv (generated) and rate_beta.csv (results on them
and on real prices and yields).

usage: rate_beta.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

r = alpha + b_m r_m + b_r dy + e on the newest `window` intervals within 1.5 windows of sessions. Intervals lie between
consecutive sessions that have a yield (intersected, then differenced), no longer than five sessions; returns are
compounded over them; dy is a decimal. Source "fund": dy = -r_TLT / 16.5 of every session. Newey-West errors as for beta.
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

from market_beta import compare, simple_returns

HERE = Path(__file__).resolve().parent
MARKET, FUND, DURATION = "SPY", "TLT", 16.5
LONGEST = 5
SESSIONS = 180
REAL_DATES = ["2021-06-30", "2024-12-31"]
REAL_SYMBOLS = ["AAPL", "BAC", "COIN", "DUK", "GS", "JPM", "KO", "NEE", "PLD", "PLTR", "SPY", "TLT", "XLRE", "XLU",
                "XOM"]
COLUMNS = [
    "source", "rates", "symbol", "date", "observations", "window_start", "window_end", "quality_flag", "reason", "alpha",
    "market_beta", "rate_beta", "market_std_error", "rate_std_error", "rate_t_stat", "rate_p_value", "r_squared",
    "adj_r_squared", "residual_volatility"]


# ---- inputs --------------------------------------------------------------------------------------------------------

def generated_inputs():
    """Returns by session, and yields with holidays, quotes of closed days and a hole of nine sessions."""
    rng = random.Random(401)
    days = pd.bdate_range("2024-01-01", periods=SESSIONS)
    returns, percent, yields = [], 4.0, []
    for t, day in enumerate(days):
        move = rng.gauss(0.0, 0.06)
        percent = round(percent + move, 2)
        market = rng.gauss(0.0005, 0.010) - 0.02 * move
        returns.append({MARKET: market, FUND: -0.165 * move + rng.gauss(0.0, 0.003),
                        "BANK": 1.2 * market + 0.04 * move + rng.gauss(0.0, 0.008),
                        "UTILITY": 0.5 * market - 0.05 * move + rng.gauss(0.0, 0.006)})
        if t % 23 != 7 and not 60 <= t < 68:
            yields.append((day, percent))
        if t % 37 == 4:
            yields.append((day + pd.offsets.Week(weekday=5), percent + 0.5))  # a Saturday
    frame = pd.DataFrame(returns, index=days.strftime("%Y-%m-%d"))
    frame.iloc[0] = np.nan
    frame.loc[frame.index[100:104], "UTILITY"] = np.nan
    series = pd.Series(dict(yields)).sort_index()
    series.index = series.index.strftime("%Y-%m-%d")
    return frame, series


def real_inputs(data_dir):
    _, returns = simple_returns(data_dir)
    yields = pd.read_csv(Path(data_dir) / "dgs10_2005_2024.csv", float_precision="round_trip")
    return returns, yields.set_index("date")["yield_percent"]


# ---- estimates -----------------------------------------------------------------------------------------------------

def by_interval(returns, yields):
    """Market and symbols compounded over the intervals, and the change of the yield, by the session they end on."""
    common = [t for t, day in enumerate(returns.index) if day in yields.index]
    rows = {}
    for before, now in zip(common, common[1:]):
        if now - before > LONGEST:
            continue
        values = (1.0 + returns.iloc[before + 1:now + 1]).prod(skipna=False) - 1.0
        values["dy"] = (yields[returns.index[now]] - yields[returns.index[before]]) / 100.0
        rows[returns.index[now]] = values
    return pd.DataFrame(rows).T.reindex(returns.index)


def by_fund(returns):
    return returns.assign(dy=-returns[FUND] / DURATION)


def fit(source, rates, frame, symbol, date, window, minimum, limited_below):
    row = dict.fromkeys(COLUMNS, "")
    row.update(source=source, rates=rates, symbol=symbol, date=date, quality_flag="insufficient_data")
    searched = frame.loc[:date].tail(math.ceil(1.5 * window))
    sample = searched[list(dict.fromkeys([symbol, MARKET, "dy"]))].dropna().tail(window)
    n = len(sample)
    row["observations"] = n
    if n:
        row.update(window_start=sample.index[0], window_end=sample.index[-1])
    if n < minimum:
        row["reason"] = "insufficient_data"
        return row
    row["quality_flag"] = "full_history" if n >= limited_below else "limited_history"
    # The yield's changes are a hundredth of returns in size: scaled by a power of two, which is exact.
    design = sm.add_constant(np.column_stack([sample[MARKET], sample["dy"] * 16.0]))
    lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))
    result = sm.OLS(sample[symbol].to_numpy(), design).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    numbers = dict(
        alpha=result.params[0], market_beta=result.params[1], rate_beta=result.params[2] * 16.0,
        market_std_error=result.bse[1], rate_std_error=result.bse[2] * 16.0, rate_t_stat=result.tvalues[2],
        rate_p_value=result.pvalues[2], r_squared=result.rsquared, adj_r_squared=result.rsquared_adj,
        residual_volatility=math.sqrt(result.ssr / (n - 3) * 252.0))
    row.update({name: repr(float(value)) for name, value in numbers.items()})
    return row


def all_rows(source, returns, yields, symbols, dates, *settings):
    frames = {"yield": by_interval(returns, yields), "fund": by_fund(returns)}
    # Market and fund are explained exactly by themselves: errors of 0, which no program's rounding agrees on.
    return [fit(source, rates, frame, symbol, date, *settings) for rates, frame in frames.items() for date in dates
            for symbol in symbols if symbol != MARKET and (symbol, rates) != (FUND, "fund")]


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    returns, yields = generated_inputs()
    rows = all_rows("generated", returns, yields, list(returns.columns), [returns.index[-1], returns.index[110]],
                    100, 60, 90)
    rows += all_rows("real", *real_inputs(data_dir), REAL_SYMBOLS, REAL_DATES, 252, 60, 126)
    durations = [-float(row["rate_beta"]) for row in rows
                 if (row["source"], row["symbol"], row["rates"]) == ("real", FUND, "yield")]
    print("duration of the bond fund:", ", ".join(f"{value:.2f}" for value in durations))
    assert all(14.0 < value < 20.0 for value in durations), durations
    yield_rows = [["date", "yield_percent"]] + [[day, repr(float(value))] for day, value in yields.items()]
    if "--check" in arguments:
        compare(rows, HERE / "rate_beta.csv", COLUMNS)
        committed = pd.read_csv(HERE / "rate_beta_data.csv", index_col="date", float_precision="round_trip")
        pd.testing.assert_frame_equal(committed, returns, check_names=False)
        with open(HERE / "rate_beta_yields.csv", newline="", encoding="utf-8") as handle:
            assert list(csv.reader(handle)) == yield_rows
    else:
        with open(HERE / "rate_beta.csv", "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        returns.to_csv(HERE / "rate_beta_data.csv", index_label="date", lineterminator="\n")
        with open(HERE / "rate_beta_yields.csv", "w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(yield_rows)
    print(f"rate_beta.csv: {'agrees' if '--check' in arguments else 'written'}, {len(rows)} rows")


if __name__ == "__main__":
    main(sys.argv[1:])
