#!/usr/bin/env python3
"""Jensen's alpha of every symbol in the price file, from statsmodels on excess returns.

usage: jensen_alpha.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

The sample is that of market_beta.py. The riskless return of a session is the newest yield of the session before or an
earlier day, at most ten days older, times the calendar days between the two sessions over 365. The data directory has the
10-year yield alone, which stands for a riskless one here; nothing in the arithmetic depends on the maturity.
"""
import csv
import math
import os
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import statsmodels.api as sm

from market_beta import DATES, HERE, MARKET, MINIMUM, SEARCH_SESSIONS, WINDOW, compare, simple_returns

COLUMNS = ["symbol", "date", "observations", "jensen_alpha", "jensen_alpha_std_error"]
OLDEST = 10


def riskless_returns(data_dir, sessions):
    yields = pd.read_csv(Path(data_dir) / "dgs10_2005_2024.csv", float_precision="round_trip")
    quotes = list(zip(yields["date"], yields["yield_percent"]))
    earned = {}
    for before, day in zip(sessions, sessions[1:]):
        quoted, percent = max((q for q in quotes if q[0] <= before), key=lambda q: q[0])
        if (date.fromisoformat(before) - date.fromisoformat(quoted)).days <= OLDEST:
            days = (date.fromisoformat(day) - date.fromisoformat(before)).days
            earned[day] = percent / 100.0 * days / 365.0
    return pd.Series(earned)


def fit(symbol, day, returns, riskless):
    sample = returns[[symbol, MARKET]].loc[:day].tail(SEARCH_SESSIONS).dropna().tail(WINDOW)
    sample = sample.sub(riskless.reindex(sample.index), axis=0).dropna()
    n = len(sample)
    if n < MINIMUM:
        return None
    lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))
    result = sm.OLS(sample[symbol].to_numpy(), sm.add_constant(sample[MARKET].to_numpy())).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    return {"symbol": symbol, "date": day, "observations": n, "jensen_alpha": repr(float(result.params[0])),
            "jensen_alpha_std_error": repr(float(result.bse[0]))}


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    _, returns = simple_returns(data_dir)
    riskless = riskless_returns(data_dir, list(returns.index))
    symbols = [s for s in returns.columns if s != MARKET]
    rows = [row for day in DATES for s in symbols if (row := fit(s, day, returns, riskless))]
    target = HERE / "jensen_alpha.csv"
    if "--check" in arguments:
        compare(rows, target, COLUMNS)
    else:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    print(f"jensen_alpha.csv: {'agrees' if '--check' in arguments else 'written'}, {len(rows)} rows")


if __name__ == "__main__":
    main(sys.argv[1:])
