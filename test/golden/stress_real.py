#!/usr/bin/env python3
"""Covariances and moves of stress tests on real prices: stress_real.csv.

usage: stress_real.py [--check] [DATA_DIR]        DATA_DIR defaults to the environment variable PB_SHARED_DATA

Rows by date and kind. covariance: the long-run covariance of two factors (name, other). sample: its observations, first
session (text) and shrinkage. limit: the largest fall (value) and rise (value_2) of a factor within 21 sessions. beta:
the slope of a style's fund on the market over the newest window. move: what factor `other` does in scenario `name` by
that covariance, and (value_2) by the exponentially weighted one of the day, both cut to the limits; text has an L or a D
where that is so. Of scenarios, those that shock what is not replayed by the date. joint: the covariance of the day.
Nothing here depends on what a portfolio holds, or on a penalty.
"""
import os
import sys
from pathlib import Path

import pandas as pd

import risk_engines as engines
from golden_files import write_or_check
from market_beta import simple_returns

DATES = ["2020-06-30", "2022-10-14", "2024-12-31"]
COLUMNS = ["date", "kind", "name", "other", "value", "value_2", "text"]


def rows_of(day, returns, funds, yields):
    single = engines.session_changes(engines.yield_interval_frame(returns, yields), returns, yields)
    series = engines.orthogonal_series(funds, day).assign(**{engines.RATE: single})
    past = engines.past_series(funds, day, single)
    covariance, intensity, sessions = engines.long_run(past, day)
    of_day = engines.covariance_matrix(list(engines.covariance_rows(series, day)))
    of_day = of_day.loc[engines.STRESS_FACTORS, engines.STRESS_FACTORS]
    limits = engines.worst_moves(past, day)
    slopes = engines.fund_betas(funds, day)
    yield {"kind": "sample", "value": float(len(sessions)), "value_2": intensity, "text": sessions[0]}
    for one in engines.STRESS_FACTORS:
        yield {"kind": "limit", "name": one, "value": limits[one][0], "value_2": limits[one][1]}
        for other in engines.STRESS_FACTORS:
            yield {"kind": "covariance", "name": one, "other": other, "value": covariance.loc[one, other]}
            yield {"kind": "joint", "name": one, "other": other, "value": of_day.loc[one, other]}
    for style, slope in slopes.items():
        yield {"kind": "beta", "name": style, "value": slope}
    scenarios = engines.SCENARIOS | {"ir_up_100bp": {engines.RATE: 0.01}, "ir_up_300bp": {engines.RATE: 0.03}}
    for scenario, shocks in scenarios.items():
        shocks = engines.relative_shocks(scenario, shocks, slopes)
        moves = [engines.limited_moves(c, shocks, limits) for c in (covariance, of_day)]
        free = [engines.expected_moves(c, shocks) for c in (covariance, of_day)]
        for factor in engines.STRESS_FACTORS:
            cut = "".join(letter for letter, m, f in zip("LD", moves, free) if m[factor] != f[factor])
            yield {"kind": "move", "name": scenario, "other": factor, "value": moves[0][factor],
                   "value_2": moves[1][factor], "text": cut}


def main(arguments):
    paths = [a for a in arguments if a != "--check"]
    data_dir = paths[0] if paths else os.environ.get("PB_SHARED_DATA")
    if not data_dir:
        sys.exit(__doc__)
    _, returns = simple_returns(data_dir)
    yields = pd.read_csv(Path(data_dir) / "dgs10_2005_2024.csv", float_precision="round_trip")
    yields = yields.set_index("date")["yield_percent"]
    funds = engines.factor_frame(returns)
    rows = [{"date": day} | row for day in DATES for row in rows_of(day, returns, funds, yields)]
    write_or_check("stress_real.csv", COLUMNS, rows, "--check" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
