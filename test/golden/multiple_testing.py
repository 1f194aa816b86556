#!/usr/bin/env python3
"""q-values of Benjamini and Hochberg, from statsmodels: multiple_testing.csv.

usage: multiple_testing.py [--check]

A NaN, an empty cell, is left out before the call. The cases have ties, zeros, ones, and a family of one.
"""
import math
import random

import numpy as np
from statsmodels.stats.multitest import multipletests

from reference_csv import publish


def cases():
    rng = random.Random(1995)
    # The fifteen p-values of Benjamini and Hochberg (1995), section 4.2.
    yield "published", [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590,
                        1.0]
    yield "shuffled", rng.sample([rng.random() ** 3 for _ in range(60)], 60)
    yield "ties", [rng.choice([0.0, 0.001, 0.01, 0.01, 0.2, 0.5, 1.0]) for _ in range(40)]
    yield "gaps", [rng.random() if rng.random() < 0.7 else math.nan for _ in range(30)]
    yield "single", [0.03]
    yield "tiny", [1e-300, 1e-200, 1e-307, 0.9]
    yield "none", [math.nan, math.nan]


def main():
    rows = []
    for name, p_values in cases():
        p_values = np.array(p_values)
        tested = ~np.isnan(p_values)
        q_values = np.full(len(p_values), math.nan)
        if tested.any():
            q_values[tested] = multipletests(p_values[tested], method="fdr_bh")[1]
        rows += [[name, p, q] for p, q in zip(p_values, q_values)]
    publish("multiple_testing.csv", ["case", "p_value", "q_value"], rows)


if __name__ == "__main__":
    main()
