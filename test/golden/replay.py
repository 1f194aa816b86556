#!/usr/bin/env python3
"""Historical replays from numpy: replay.csv, of the generated returns (risk_returns.csv).

usage: replay.py [--check]

total_return is the product of 1 + r over the sessions after base up to last, less 1; where a series has no return,
beta_market x market + beta_yield x yield stands in, but not less than -1. Empty betas: no model.
"""
import sys

import numpy as np

from golden_files import generated_returns, write_or_check

COLUMNS = ["series", "base", "last", "beta_market", "beta_yield", "total_return", "proxied_sessions"]
WINDOWS = [(0, 899), (100, 130), (580, 640), (400, 401), (870, 899)]
BETAS = [(None, None), (1.2, 0.0), (0.9, -6.5), (-0.4, 12.0)]


def main(arguments):
    returns = generated_returns()
    rows = []
    for series in ("market", "growth", "listed", "halted", "young"):
        for base, last in WINDOWS:
            window = returns.iloc[base + 1:last + 1]
            own = window[series].to_numpy()
            missing = np.isnan(own)
            for market, rate in BETAS:
                row = {"series": series, "base": base, "last": last, "beta_market": market, "beta_yield": rate}
                if market is not None or not missing.any():
                    model = (market or 0.0) * window["market"] + (rate or 0.0) * window["yield"]
                    daily = np.where(missing, np.maximum(model.to_numpy(), -1.0), own)
                    row["total_return"] = np.prod(1.0 + daily) - 1.0
                    row["proxied_sessions"] = int(missing.sum())
                rows.append(row)
    write_or_check("replay.csv", COLUMNS, rows, "--check" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
