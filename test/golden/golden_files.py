"""What the scripts of this directory that make risk figures share: returns, writing and comparing of the CSV files."""
import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent


def search_span(window):
    """Sessions in which a window of observations is looked for."""
    return (3 * window + 1) // 2


def text(value):
    """NULL is an empty cell; a float keeps every bit."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def real_returns(data_dir):
    """Simple returns of consecutive sessions, which are the market's dates; NaN unless both have a price."""
    long = pd.read_csv(Path(data_dir) / "prices_adjusted_2016_2024.csv.gz", float_precision="round_trip")
    prices = long.pivot(index="date", columns="symbol", values="adj_close")
    prices = prices.loc[prices["SPY"].notna()]
    return prices / prices.shift(1) - 1.0


def generated_returns():
    """risk_returns.csv: one row a session, the first without returns."""
    return pd.read_csv(HERE / "risk_returns.csv", index_col="session", float_precision="round_trip")


def write_or_check(name, columns, rows, check, rel_tol=1e-9):
    """Writes the rows, or compares them: text exactly, numbers up to the digits that depend on the LAPACK at hand."""
    rows = [{column: text(row.get(column)) for column in columns} for row in rows]
    target = HERE / name
    if not check:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    else:
        with open(target, newline="", encoding="utf-8") as handle:
            committed = list(csv.DictReader(handle))
        assert len(committed) == len(rows), (name, len(committed), len(rows))
        for old, new in zip(committed, rows):
            for column in columns:
                if old[column] != new[column]:
                    assert math.isclose(float(old[column]), float(new[column]), rel_tol=rel_tol, abs_tol=1e-18), (
                        column, old, new)
    print(f"{name}: {'agrees' if check else 'written'}, {len(rows)} rows")
