#!/usr/bin/env python3
"""Ledoit-Wolf covariances: shrinkage_returns.csv and diabetes.csv (inputs), shrinkage.csv (results).

usage: shrinkage.py [--check]

The scaled identity target is scikit-learn's LedoitWolf. The constant-correlation target is written out from the
definitions in Ledoit and Wolf (2003), one loop for each sum and none of their rearrangements. The diabetes data are
those of scikit-learn, as measured; the test scales them as load_diabetes does, centered columns of unit length.
"""
import random

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_diabetes

from reference_csv import publish

# name: sessions, symbols
BLOCKS = {"tall": (126, 8), "wide": (20, 30), "pair": (60, 2), "noise": (25, 12)}


def block(name, rng):
    sessions, symbols = BLOCKS[name]
    loading = 0.0 if name == "noise" else 1.0
    betas = [loading * rng.uniform(0.4, 1.6) for _ in range(symbols)]
    scales = [0.01 if name == "noise" else rng.uniform(0.005, 0.03) for _ in range(symbols)]
    rows = []
    for _ in range(sessions):
        market = rng.gauss(0.0005, 0.011)
        rows.append([beta * market + rng.gauss(0.0, scale) for beta, scale in zip(betas, scales)])
    return np.array(rows)


def constant_correlation(x):
    t, n = x.shape
    x = x - x.mean(axis=0)
    s = np.array([[np.mean(x[:, i] * x[:, j]) for j in range(n)] for i in range(n)])
    sd = np.sqrt(np.diag(s))
    r = s / np.outer(sd, sd)
    mean_r = np.mean([r[i, j] for i in range(n) for j in range(n) if i != j])
    target = mean_r * np.outer(sd, sd)
    np.fill_diagonal(target, np.diag(s))
    pi = rho = gamma = 0.0
    for i in range(n):
        for j in range(n):
            pi_ij = np.mean((x[:, i] * x[:, j] - s[i, j]) ** 2)
            pi += pi_ij
            gamma += (target[i, j] - s[i, j]) ** 2
            if i == j:
                rho += pi_ij
                continue
            theta_ii = np.mean((x[:, i] ** 2 - s[i, i]) * (x[:, i] * x[:, j] - s[i, j]))
            theta_jj = np.mean((x[:, j] ** 2 - s[j, j]) * (x[:, i] * x[:, j] - s[i, j]))
            rho += mean_r / 2 * (sd[j] / sd[i] * theta_ii + sd[i] / sd[j] * theta_jj)
    # With two symbols the target is the sample.
    intensity = 0.0 if n == 2 else max(0.0, min(1.0, (pi - rho) / gamma / t))
    return intensity * target + (1 - intensity) * s, intensity, mean_r


def identity(x):
    estimate = LedoitWolf().fit(x)
    centered = x - x.mean(axis=0)
    return estimate.covariance_, estimate.shrinkage_, np.mean(centered ** 2)


def main():
    rng = random.Random(2003)
    blocks = {name: block(name, rng) for name in BLOCKS}
    publish("shrinkage_returns.csv", ["case", "session", "symbol", "value"],
            [[name, t, i, x[t, i]] for name, x in blocks.items() for t in range(x.shape[0]) for i in range(x.shape[1])])
    raw = load_diabetes(scaled=False)
    publish("diabetes.csv", raw.feature_names, raw.data.tolist())
    scaled = load_diabetes().data
    mine = raw.data - raw.data.mean(axis=0)
    np.testing.assert_allclose(mine / np.linalg.norm(mine, axis=0), scaled, rtol=1e-9)
    rows = []
    for name, x in [*blocks.items(), ("diabetes", scaled)]:
        for method, estimate in (("identity", identity), ("constant_correlation", constant_correlation)):
            covariance, intensity, target = estimate(x)
            rows.append([name, method, "intensity", 0, 0, intensity])
            rows.append([name, method, "target", 0, 0, target])
            rows += [[name, method, "covariance", i, j, covariance[i, j]]
                     for i in range(x.shape[1]) for j in range(i + 1)]
    assert abs(LedoitWolf().fit(scaled).shrinkage_ - 0.020900916755115878) < 1e-15
    publish("shrinkage.csv", ["case", "method", "quantity", "i", "j", "value"], rows)


if __name__ == "__main__":
    main()
