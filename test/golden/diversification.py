#!/usr/bin/env python3
"""Diversification measures of small portfolios by NumPy: diversification_inputs.csv and diversification.csv.

usage: diversification.py [--check]

The portfolio "sine" is that of the specification's golden vectors.
"""
import random

import numpy as np

from reference_csv import publish


def sine():
    t = np.arange(1, 61)
    f1 = 0.010 * np.sin(t)
    f2 = f1 + 0.003 * np.cos(2.3 * t)
    f3 = f1 + 0.003 * np.cos(0.7 * t + 1)
    y = 0.0005 + 1.2 * f1 + 0.0015 * np.cos(2.3 * t) + 0.004 * np.sin(3.1 * t + 0.4)
    x = np.array([f1, f2, f3, y])
    return np.corrcoef(x), np.full(4, 0.25), x.std(axis=1)


def generated(n, long_short, rng):
    x = np.array([[rng.gauss(0, 1) for _ in range(90)] for _ in range(n + 1)])
    series = x[1:] + 0.8 * x[0]
    sides = [rng.choice([-1, 1]) if long_short else 1 for _ in range(n)]
    weights = np.array([side * rng.uniform(5e3, 2e5) for side in sides])
    return np.corrcoef(series), weights, np.array([rng.uniform(0.008, 0.04) for _ in range(n)])


def equal(w):
    """All correlations 0.4 and all volatilities 1 %: every portfolio without a net position has one eigenvalue."""
    n = len(w)
    return np.full((n, n), 0.4) + 0.6 * np.eye(n), np.array(w), np.full(n, 0.01)


def effective_bets(covariance, w):
    """exp of the entropy of the principal portfolios' shares of the variance (Meucci 2009), those of equal eigenvalues
    equal to their mean."""
    values, vectors = np.linalg.eigh(covariance)
    shares = (vectors.T @ w) ** 2 * np.maximum(values, 0) / (w @ covariance @ w)
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf) > 1e-8 * values[-1])
    sizes = np.diff(starts, append=len(w))
    mean = np.repeat(np.add.reduceat(shares, starts) / sizes, sizes)
    mean = mean[mean > 0]
    return np.exp(-mean @ np.log(mean))


def measures(rho, w, sigma):
    """Every sum over matrices, none over packed pairs."""
    lower = np.tril_indices(len(w), -1)
    covariance = np.outer(sigma, sigma) * rho
    pair_weights = np.abs(np.outer(w, w))[lower]
    ratio = np.abs(w) @ sigma / np.sqrt(w @ covariance @ w)
    return {
        "average_correlation": np.mean(rho[lower]),
        "weighted_average_correlation": np.average(rho[lower], weights=pair_weights),
        "position_signed_correlation": np.mean((rho * np.sign(np.outer(w, w)))[lower]),
        "diversification_ratio": ratio,
        "effective_bets": effective_bets(covariance, w),
        "effective_positions": np.abs(w).sum() ** 2 / (w @ rho @ w),
    }


def main():
    rng = random.Random(2008)
    portfolios = {"sine": sine(), "long": generated(12, False, rng), "long_short": generated(15, True, rng)}
    portfolios |= {"equal": equal([3.0, -1.0, 2.0, -2.5, 1.0, -1.0])}
    inputs, results = [], []
    for name, (rho, w, sigma) in portfolios.items():
        for i in range(len(w)):
            inputs += [[name, "weight", i, i, w[i]], [name, "volatility", i, i, sigma[i]]]
            inputs += [[name, "correlation", i, j, rho[i, j]] for j in range(i)]
        results += [[name, measure, value] for measure, value in measures(rho, w, sigma).items()]
    for rho, w, sigma in portfolios.values():
        assert 1 <= measures(rho, w, sigma)["effective_bets"] <= len(w)
    golden = measures(*portfolios["sine"])
    assert abs(golden["average_correlation"] - 0.9353363727) < 1e-10
    assert abs(golden["effective_positions"] - 1.0509696314) < 1e-10
    publish("diversification_inputs.csv", ["case", "quantity", "i", "j", "value"], inputs)
    publish("diversification.csv", ["case", "measure", "value"], results)


if __name__ == "__main__":
    main()
