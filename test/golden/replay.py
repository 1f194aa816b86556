#!/usr/bin/env python3
"""Historical replays from numpy: replay.csv, of the generated returns (risk_returns.csv).

usage: replay.py [--check]

total_return is the product of 1 + r over the sessions after base up to last, less 1; where a series has no return,
beta_market x market + beta_yield x yield stands in, where the yield has no move beta_alone x market, neither with less
than -1. The yield has no move on every seventh session. Empty betas: no model, no beta.
"""
import sys

import numpy as np

from golden_files import generated_returns, write_or_check

COLUMNS = ["series", "base", "last", "beta_market", "beta_yield", "beta_alone", "total_return", "by_factors",
           "by_market"]
WINDOWS = [(0, 899), (100, 130), (580, 640), (400, 401), (870, 899)]
BETAS = [(None, None, None), (1.2, 0.0, None), (0.9, -6.5, None), (-0.4, 12.0, 0.7), (0.9, -6.5, 1.1), (None, None, 1.3)]


def main(arguments):
    returns = generated_returns()
    moved = returns.copy()
    moved.loc[moved.index[::7], "yield"] = np.nan
    rows = []
    for series in ("market", "growth", "listed", "halted", "young"):
        for base, last in WINDOWS:
            window = returns.iloc[base + 1:last + 1]
            own = window[series].to_numpy()
            missing = np.isnan(own)
            for market, rate, alone in BETAS:
                row = {"series": series, "base": base, "last": last, "beta_market": market, "beta_yield": rate,
                       "beta_alone": alone}
                by_factors = np.full(len(window), np.nan)
                if market is not None:
                    by_factors = (market * window["market"]).to_numpy()
                    if rate != 0:
                        by_factors = by_factors + rate * moved["yield"].iloc[base + 1:last + 1].to_numpy()
                by_market = np.nan if alone is None else (alone * window["market"]).to_numpy()
                model = np.where(np.isnan(by_factors), by_market, by_factors)
                daily = np.where(missing, np.maximum(model, -1.0), own)
                if not np.isnan(daily).any():
                    row["total_return"] = np.prod(1.0 + daily) - 1.0
                    row["by_factors"] = int((missing & ~np.isnan(by_factors)).sum())
                    row["by_market"] = int((missing & np.isnan(by_factors)).sum())
                rows.append(row)
    write_or_check("replay.csv", COLUMNS, rows, "--check" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
