#!/usr/bin/env python3
"""What the penalty of the ridge model is worth on real prices: how much of the next quarter's returns its styles
explain, how much its betas change from quarter to quarter, and how many degrees of freedom it takes. Prints a table
with a row for each penalty; nothing is written. docs/methods.md has the figures.

usage: ridge_out_of_sample.py [PRICES_CSV]     symbol, date, adj_close; default: the file that PB_PRICES_CSV names

On the last session of each quarter the model is estimated from the newest 252 returns of every stock that has all
prices: the market by least squares, the six style funds less their regression on [1, market], standardized, with the
penalty. Over the sessions of the next quarter the betas and slopes stay what they were:

  R2 of the styles   1 - sum (r - b_m m - sum b_k s_k)^2 / sum (r - b_m m)^2,  s_k = g_k - c_k m, over all stocks,
                     quarters and sessions; 0 is the market model, below 0 worse than it
  change of betas    the length by which the vector of a stock's style betas changes from one quarter to the next,
                     over its length before, each summed over stocks and quarters
  shift              |b - b of least squares| over the standard error of the latter, errors of constant variance; median
                     over stocks, styles and quarters

gcv is the penalty with the least n RSS / (n - 1 - df)^2 for each stock and quarter, among 81 from 1e-3 to 1e5.
"""
import os
import sys

import numpy as np
import pandas as pd

MARKET, STYLES = "SPY", ["VTV", "VUG", "MTUM", "QUAL", "IWM", "USMV"]
FUNDS = {MARKET, *STYLES, "SIZE", "TLT"}
WINDOW = 252
PENALTIES = [0.0, 1.0, 10.0, 30.0, 100.0, 0.4 * WINDOW, 300.0, 1000.0, "gcv"]
GRID = 10.0 ** np.linspace(-3, 5, 81)


def read_returns(path):
    """Sessions x symbols, of the funds and of the stocks without a missing price; sector funds are left out."""
    prices = pd.read_csv(path, parse_dates=["date"]).pivot(index="date", columns="symbol", values="adj_close")
    prices = prices.loc[prices[MARKET].notna()].dropna(axis=1)
    stocks = [s for s in prices.columns if s not in FUNDS and not s.startswith("XL")]
    return prices[[MARKET, *STYLES, *stocks]].pct_change().iloc[1:], stocks


def quarters(returns):
    """Numbers of the sessions of each quarter that has a full window before it and ends in the sample."""
    number = pd.Series(np.arange(len(returns)), index=returns.index)
    return [rows.to_numpy() for _, rows in number.groupby(returns.index.to_period("Q")) if rows.iloc[0] >= WINDOW]


class Window:
    """A year of returns, with everything that does not depend on the penalty."""

    def __init__(self, market, styles, stocks):
        base = np.column_stack([np.ones(len(market)), market])
        fit = lambda y: np.linalg.lstsq(base, y, rcond=None)[0]
        self.slopes, self.market_betas = fit(styles)[1], fit(stocks)[1]
        beside = styles - base @ fit(styles)
        self.deviation = beside.std(axis=0)
        self.u, self.d, self.vt = np.linalg.svd(beside / self.deviation, full_matrices=False)
        self.residuals = stocks - base @ fit(stocks)
        self.along = self.u.T @ self.residuals

    def effective_df(self, penalties):
        return 1 + (self.d**2 / (self.d**2 + penalties[..., None])).sum(axis=-1)

    def betas(self, penalties):
        """Styles x stocks, for a penalty of each stock."""
        shrunk = self.d[:, None] / (self.d[:, None] ** 2 + penalties) * self.along
        return self.vt.T @ shrunk / self.deviation[:, None]

    def errors(self):
        """Standard errors of least squares, styles x stocks."""
        n, count = self.u.shape
        variances = ((self.residuals**2).sum(axis=0) - (self.along**2).sum(axis=0)) / (n - 2 - count)
        return np.sqrt(np.outer(((self.vt.T / self.d) ** 2).sum(axis=1), variances)) / self.deviation[:, None]

    def chosen(self):
        """The penalty of each stock with the least criterion."""
        n = len(self.u)
        outside = (self.residuals**2).sum(axis=0) - (self.along**2).sum(axis=0)
        left = (GRID[:, None] / (self.d**2 + GRID[:, None])) ** 2 @ self.along**2 + outside
        return GRID[np.argmin(n * left / (n - 1 - self.effective_df(GRID))[:, None] ** 2, axis=0)]


def study(returns, stocks, penalty):
    market, styles, own = returns[MARKET].to_numpy(), returns[STYLES].to_numpy(), returns[stocks].to_numpy()
    before, left, total, df, shifts = None, 0.0, 0.0, [], []
    changes = lengths = 0.0
    for sessions in quarters(returns):
        past = slice(sessions[0] - WINDOW, sessions[0])
        window = Window(market[past], styles[past], own[past])
        penalties = window.chosen() if penalty == "gcv" else np.full(len(stocks), penalty)
        betas = window.betas(penalties)
        beside = own[sessions] - np.outer(market[sessions], window.market_betas)
        moves = styles[sessions] - np.outer(market[sessions], window.slopes)
        left += ((beside - moves @ betas) ** 2).sum()
        total += (beside**2).sum()
        df.append(window.effective_df(penalties).mean())
        shifts.append(np.abs(betas - window.betas(np.zeros(len(stocks)))) / window.errors())
        if before is not None:
            changes += np.linalg.norm(betas - before, axis=0).sum()
            lengths += np.linalg.norm(before, axis=0).sum()
        before = betas
    return 1 - left / total, changes / lengths, np.mean(df), np.median(shifts)


def main(arguments):
    path = arguments[0] if arguments else os.environ.get("PB_PRICES_CSV")
    if not path:
        sys.exit(__doc__)
    returns, stocks = read_returns(path)
    of_quarters = quarters(returns)
    print(f"{len(stocks)} stocks, {len(of_quarters)} quarters, {returns.index[of_quarters[0][0]]:%Y-%m-%d} to "
          f"{returns.index[of_quarters[-1][-1]]:%Y-%m-%d}\n")
    print("| penalty | R2 of the styles | change of betas | effective df | shift |\n|---|---|---|---|---|")
    for penalty in PENALTIES:
        r_squared, change, df, shift = study(returns, stocks, penalty)
        name = penalty if penalty == "gcv" else f"{penalty:g}"
        print(f"| {name} | {r_squared:.3f} | {change:.2f} | {df:.2f} | {shift:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
