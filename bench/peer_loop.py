#!/usr/bin/env python3
"""The usual first program: a loop over positions that queries prices into pandas, fits each model with statsmodels and
inserts a row; a loop over pairs for correlations. Runs on a sample of the positions and prints the seconds that a
position takes, or a pair of them, by engine, as JSON.

usage: peer_loop.py DATE POSITIONS
"""
import json
import sys
import time

import numpy as np
import pandas as pd
import psycopg2
import statsmodels.api as sm

STYLES = ["VTV", "VUG", "MTUM", "QUAL", "IWM", "USMV"]
SPREADS = [("VUG", "VTV"), ("MTUM", "SPY"), ("IWM", "SPY"), ("QUAL", "SPY")]


class Loop:
    def __init__(self, day):
        self.day, self.connection = day, psycopg2.connect("")
        self.cursor = self.connection.cursor()

    def series(self, query, *arguments):
        self.cursor.execute(query, arguments)
        rows = self.cursor.fetchall()
        return pd.Series([row[1] for row in rows], index=[row[0] for row in rows], dtype=float)

    def returns(self, symbol):
        prices = self.series("SELECT date, coalesce(adj_close, close) FROM market_data_cache WHERE symbol = %s AND date"
                             " <= %s ORDER BY date DESC LIMIT 550", symbol, self.day)
        return prices.sort_index().pct_change()

    def yields(self):
        rates = self.series("SELECT date, rate FROM interest_rates WHERE series = 'DGS10' AND date <= %s"
                            " ORDER BY date DESC LIMIT 550", self.day)
        return rates.sort_index().diff() / 100.0

    def insert(self, table, **row):
        self.cursor.execute(f"INSERT INTO peer.{table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                            list(row.values()))
        self.connection.commit()

    def fit(self, own, factors):
        frame = pd.concat([own.rename("own"), factors], axis=1).dropna().tail(252)
        return sm.OLS(frame["own"], sm.add_constant(frame.drop(columns="own"))).fit(
            cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": True}, use_t=True)

    def market_betas(self, key, symbol):
        fit = self.fit(self.returns(symbol), self.returns("SPY").rename("market"))
        self.insert("position_market_betas", **key, window_days=252, beta=fit.params["market"],
                    alpha=fit.params["const"], r_squared=fit.rsquared, std_error=fit.bse["market"],
                    p_value=fit.pvalues["market"], observations=int(fit.nobs), market_index="SPY")
        return fit.params["market"]

    def rate_betas(self, key, symbol):
        factors = pd.concat([self.returns("SPY").rename("market"), self.yields().rename("rate")], axis=1)
        fit = self.fit(self.returns(symbol), factors)
        self.insert("position_interest_rate_betas", **key, ir_beta=fit.params["rate"], r_squared=fit.rsquared,
                    std_error=fit.bse["rate"], observations=int(fit.nobs), rate_series="DGS10")

    def ridge_betas(self, key, symbol):
        frame = pd.concat([self.returns(s).rename(s) for s in [symbol, "SPY", *STYLES]], axis=1).dropna().tail(252)
        base = sm.add_constant(frame["SPY"])
        own = frame[symbol]
        market = sm.OLS(own, base).fit()
        styles = pd.DataFrame({s: sm.OLS(frame[s], base).fit().resid for s in STYLES})
        z = styles / styles.std(ddof=0)
        penalty = 0.4 * len(frame) * np.eye(len(STYLES))
        betas = np.linalg.solve(z.T @ z + penalty, z.T @ own) / styles.std(ddof=0)
        names = ["value_beta", "growth_beta", "momentum_beta", "quality_beta", "size_beta", "low_vol_beta"]
        self.insert("position_factor_exposures", **key, model="ridge", market_beta=market.params["SPY"],
                    **dict(zip(names, betas.tolist())), observations=len(frame))
        return betas.iloc[0]

    def spread_betas(self, key, symbol):
        factors = pd.concat([self.returns("SPY").rename("market")]
                            + [(self.returns(a) - self.returns(b)).rename(a + b) for a, b in SPREADS], axis=1)
        fit = self.fit(self.returns(symbol), factors)
        names = ["market_beta", "growth_value_spread_beta", "momentum_spread_beta", "size_spread_beta",
                 "quality_spread_beta"]
        self.insert("position_factor_exposures", **key, model="spread", **dict(zip(names, fit.params[1:].tolist())),
                    r_squared=fit.rsquared, observations=int(fit.nobs))

    def volatility(self, key, symbol):
        r = self.returns(symbol).dropna()
        square = (r**2).reset_index(drop=True)
        frame = pd.DataFrame({"now": square, "week": square.rolling(5).mean(), "month": square.rolling(22).mean(),
                              "ahead": square.rolling(21).mean().shift(-21)})
        last = frame[["now", "week", "month"]].iloc[-1]
        fitted = sm.OLS(frame.dropna()["ahead"], sm.add_constant(frame.dropna()[["now", "week", "month"]])).fit()
        ranks = np.sqrt(252.0 * square.rolling(21).mean()).dropna()
        self.insert("position_volatility", **key, realized_volatility_21d=np.sqrt(252.0 * square.tail(21).mean()),
                    realized_volatility_63d=np.sqrt(252.0 * square.tail(63).mean()),
                    expected_volatility_21d=float(np.sqrt(252.0 * max(fitted.params @ [1.0, *last], 1e-12))),
                    volatility_percentile=float((ranks < ranks.iloc[-1]).mean()))

    def correlations(self, portfolio):
        """Of one portfolio: one frame of returns, and a row inserted for each pair. Returns the number of pairs."""
        self.cursor.execute("SELECT DISTINCT symbol FROM positions WHERE portfolio_id = %s AND investment_class ="
                            " 'PUBLIC' ORDER BY symbol LIMIT 50", (portfolio,))
        symbols = [row[0] for row in self.cursor.fetchall()]
        rho = pd.concat([self.returns(s).tail(126).rename(s) for s in symbols], axis=1).apply(np.log1p).corr()
        for i, one in enumerate(symbols):
            for other in symbols[i + 1:]:
                self.cursor.execute("INSERT INTO peer.pairwise_correlations (portfolio_id, calculation_date, symbol1,"
                                    " symbol2, correlation_coefficient, observations) VALUES (%s, %s, %s, %s, %s, 126)",
                                    (portfolio, self.day, one, other, rho.loc[one, other]))
        self.connection.commit()
        return len(symbols) * (len(symbols) - 1) // 2


def main(day, count):
    loop = Loop(day)
    loop.cursor.execute("TRUNCATE peer.position_market_betas, peer.position_interest_rate_betas,"
                        " peer.position_factor_exposures, peer.position_volatility, peer.pairwise_correlations")
    loop.cursor.execute("SELECT portfolio_id, id, symbol FROM positions WHERE investment_class = 'PUBLIC'"
                        " AND entry_date <= %s ORDER BY id LIMIT %s", (day, count))
    positions = loop.cursor.fetchall()
    seconds = {}
    for engine in ("market_betas", "rate_betas", "ridge_betas", "spread_betas", "volatility"):
        started = time.perf_counter()
        for portfolio_id, position_id, symbol in positions:
            getattr(loop, engine)({"portfolio_id": portfolio_id, "position_id": position_id, "calculation_date": day},
                                  symbol)
        seconds[engine] = (time.perf_counter() - started) / len(positions)
    started = time.perf_counter()
    pairs = loop.correlations(positions[0][0])
    seconds["correlations"] = (time.perf_counter() - started) / pairs
    print(json.dumps({"positions": len(positions), "seconds_each": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
