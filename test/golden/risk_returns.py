#!/usr/bin/env python3
"""Generated daily returns for the risk figures: risk_returns.csv, one row a session, empty where there is no return.

usage: risk_returns.py [--check]

market     volatility that clusters; the whole history
value      follows the market; the whole history
growth     follows the market; every 20th session missing
listed     trades on the last 300 sessions only
young      trades on the last 60 sessions only
frozen     no move in the last 70 sessions
late       no return on the last 8 sessions
halted     no return on the last 15 sessions
jumps      quiet but for rare large moves, which decay slowly
yield      changes of a yield, a tenth of the size of the returns
"""
import random
import sys

from golden_files import write_or_check

SESSIONS = 900
SERIES = ["market", "value", "growth", "listed", "young", "frozen", "late", "halted", "jumps", "yield"]


def make_rows():
    rng = random.Random(20241231)
    variance, shock = 1e-4, 0.0
    level = 0.004
    for t in range(SESSIONS):
        normal = {name: rng.gauss(0.0, 1.0) for name in SERIES}
        variance = 2e-6 + 0.9 * variance + 0.08 * shock * shock
        shock = variance ** 0.5 * normal["market"]
        market = 0.0004 + shock
        level = 0.004 + 0.93 * (level - 0.004) + (0.05 if rng.random() < 0.006 else 0.0)
        row = {
            "market": market,
            "value": 0.9 * market + 0.004 * normal["value"],
            "growth": None if t % 20 == 7 else 1.2 * market + 0.005 * normal["growth"],
            "listed": 0.02 * normal["listed"] if t >= SESSIONS - 300 else None,
            "young": 0.03 * normal["young"] if t >= SESSIONS - 60 else None,
            "frozen": 0.015 * normal["frozen"] if t < SESSIONS - 70 else 0.0,
            "late": 0.01 * normal["late"] if t < SESSIONS - 8 else None,
            "halted": 0.01 * normal["halted"] if t < SESSIONS - 15 else None,
            "jumps": level * normal["jumps"],
            "yield": -0.01 * market + 0.0005 * normal["yield"],
        }
        # Eight decimals are read as the same number everywhere.
        yield {"session": str(t)} | {
            name: "" if t == 0 or value is None else f"{value:.8f}" for name, value in row.items()}


if __name__ == "__main__":
    write_or_check("risk_returns.csv", ["session"] + SERIES, list(make_rows()), "--check" in sys.argv[1:])
