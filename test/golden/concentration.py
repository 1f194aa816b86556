#!/usr/bin/env python3
"""Sectors and concentration from pandas: concentration.csv, with positions and a benchmark as inputs.

usage: concentration.py [--check]

Rows of kind 'position' give underlying, the provider's name of the sector, whether it is private or a fund, and the
signed exposure; 'benchmark' the index's weight of a sector under the provider's name; 'sector' the result by sector
over the net asset value of the book; 'book' its concentration on net exposure by underlying. The specification's book
.5, .3, .2 has HHI 3800.
"""
import random
import sys

import numpy as np
import pandas as pd

from golden_files import write_or_check

COLUMNS = ["kind", "book", "underlying", "sector", "is_private", "is_fund", "exposure", "net_asset_value", "long",
           "short", "net", "gross", "net_weight", "gross_weight", "benchmark_weight", "active_weight", "hhi",
           "effective_positions", "top_3", "top_10", "underlyings"]
OURS = {"Financial Services": "Financials", "Consumer Cyclical": "Consumer Discretionary",
        "Consumer Defensive": "Consumer Staples", "Basic Materials": "Materials"}
PROVIDER_SECTORS = ["Technology", "Healthcare", "Financial Services", "Consumer Cyclical", "Consumer Defensive",
                    "Basic Materials", "Communication Services", "Energy", "Industrials", "Real Estate", "Utilities"]
# Energy is missing: a benchmark need not know every sector of a book.
BENCHMARK = dict(zip(PROVIDER_SECTORS, [0.31, 0.12, 0.13, 0.10, 0.06, 0.025, 0.09, None, 0.085, 0.023, 0.025]))


def book_rows(name, net_asset_value, positions, benchmark):
    for position in positions:
        yield {"kind": "position", "book": name, **position}
    frame = pd.DataFrame(positions)
    sector = frame["sector"].map(lambda s: OURS.get(s, s) if s and s != "Unknown" else "Unmapped")
    frame["bucket"] = np.where(frame["is_private"] == 1, "Private", np.where(frame["is_fund"] == 1, "ETFs", sector))
    frame["long"] = frame["exposure"].clip(lower=0.0)
    frame["short"] = frame["exposure"].clip(upper=0.0)
    sums = frame.groupby("bucket")[["long", "short"]].sum()
    weights = pd.Series({OURS.get(s, s): w for s, w in BENCHMARK.items() if w is not None} if benchmark else {},
                        dtype=float)
    for bucket, row in sums.reindex(sums.index.union(weights.index), fill_value=0.0).iterrows():
        net, gross = row["long"] + row["short"], row["long"] - row["short"]
        out = {"kind": "sector", "book": name, "sector": bucket, "net_asset_value": net_asset_value,
               "long": row["long"], "short": row["short"], "net": net, "gross": gross,
               "net_weight": net / net_asset_value, "gross_weight": gross / net_asset_value}
        if benchmark:
            out["benchmark_weight"] = float(weights.get(bucket, 0.0))
            out["active_weight"] = out["net_weight"] - out["benchmark_weight"]
        yield out
    sizes = frame.groupby("underlying")["exposure"].sum().abs()
    shares = (sizes[sizes > 0] / sizes.sum()).sort_values(ascending=False)
    hhi = 1e4 * (shares**2).sum()
    yield {"kind": "book", "book": name, "net_asset_value": net_asset_value, "hhi": hhi,
           "effective_positions": 1e4 / hhi, "top_3": shares[:3].sum(), "top_10": shares[:10].sum(),
           "underlyings": len(shares)}


def position(underlying, sector, exposure, is_private=0, is_fund=0):
    return {"underlying": underlying, "sector": sector, "is_private": is_private, "is_fund": is_fund,
            "exposure": exposure}


def long_short_book():
    """Several lots of a symbol, longs against shorts, options on a held stock, funds, private assets, no sector."""
    rng = random.Random(11)
    lots = []
    for i in range(24):
        sector = PROVIDER_SECTORS[i % len(PROVIDER_SECTORS)]
        for _ in range(1 + i % 3):
            lots.append(position(f"S{i:02}", sector, round(rng.gauss(20000.0, 60000.0), 2)))
    lots += [position("IWM", "", -55000.25, is_fund=1), position("SPY", "Financial Services", 81000.5, is_fund=1),
             position("FUND_A", "", 120000.0, is_private=1), position("NEWCO", "", 9000.0),
             position("OTHER", "Unknown", -4000.0), position("ALIEN", "Space Mining", 1500.0)]
    return lots


def main(arguments):
    rows = [{"kind": "benchmark", "sector": s, "benchmark_weight": w} for s, w in BENCHMARK.items() if w is not None]
    rows += book_rows("specification", 1000.0, [
        position("A", "Technology", 500.0), position("B", "Energy", 300.0), position("C", "Utilities", 200.0)], False)
    assert abs(rows[-1]["hhi"] - 3800.0) < 1e-9 and abs(rows[-1]["effective_positions"] - 2.6315789474) < 1e-10
    rows += book_rows("long_short", 750000.0, long_short_book(), True)
    write_or_check("concentration.csv", COLUMNS, rows, "--check" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
