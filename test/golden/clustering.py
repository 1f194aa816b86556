#!/usr/bin/env python3
"""Average linkage and flat clusters by scipy: clustering_distances.csv (inputs), clustering_merges.csv and
clustering_labels.csv (results).

usage: clustering.py [--check]

Distances are in the order of the strict lower triangle, row by row; scipy's own order is the upper one. Labels count
from 0 in the order of each cluster's smallest item. The tied cases hold the order in which scipy breaks ties.
"""
import math
import random

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from reference_csv import publish


def correlation_like(n, rng):
    """sqrt((1 - rho) / 2) of assets in a few groups."""
    x = np.array([[rng.gauss(0, 1) for _ in range(60)] for _ in range(4)])
    series = np.array([1.4 * x[rng.randrange(4)] + np.array([rng.gauss(0, 1) for _ in range(60)]) for _ in range(n)])
    rho = np.corrcoef(series)
    distance = np.sqrt((1 - rho) / 2)
    np.fill_diagonal(distance, 0)
    return (distance + distance.T) / 2


def tied(n, levels, rng):
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = rng.randint(1, levels)
    return matrix


def cases():
    """name, square distances, heights to cut at"""
    rng = random.Random(1958)
    published = [662, 877, 255, 412, 996, 295, 468, 268, 400, 754, 564, 138, 219, 869, 669]  # scipy, from MATLAB
    yield "published", squareform(np.array(published, dtype=float)), [100, 138, 333.5, 340, 1000]
    yield "groups", correlation_like(40, rng), [math.sqrt(0.15), 0.5, 0.6]
    yield "two", tied(2, 3, rng), [0.5, 5]
    for levels in (1, 2, 5):
        yield f"tied_{levels}", tied(25, levels, rng), [1, 1.5, 2]


def ordered(labels):
    seen = {}
    return [seen.setdefault(label, len(seen)) for label in labels]


def main():
    distances, merges, labels = [], [], []
    for name, square, heights in cases():
        n = len(square)
        distances += [[name, i, j, square[i, j]] for i in range(n) for j in range(i)]
        tree = linkage(squareform(square, checks=False), method="average")
        merges += [[name, k, int(a), int(b), height, int(size)] for k, (a, b, height, size) in enumerate(tree)]
        for height in heights:
            flat = ordered(fcluster(tree, height, criterion="distance"))
            labels += [[name, float(height), item, label] for item, label in enumerate(flat)]
    publish("clustering_distances.csv", ["case", "i", "j", "distance"], distances)
    publish("clustering_merges.csv", ["case", "step", "left", "right", "height", "size"], merges)
    publish("clustering_labels.csv", ["case", "cut", "item", "label"], labels)


if __name__ == "__main__":
    main()
