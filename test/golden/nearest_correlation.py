#!/usr/bin/env python3
"""Nearest correlation matrices: nearest_correlation.csv.

usage: nearest_correlation.py [--check]

Computed by the dual Newton method of Qi and Sun (2006), which shares nothing with alternating projections but the
unique answer, and asserted to satisfy the optimality conditions; then compared with Matrix::nearPD of R where Rscript
is installed: corr = TRUE, conv.tol = 1e-12, without its two roundings of small eigenvalues (eig.tol, do2eigen).
"""
import random
import shutil
import subprocess

import numpy as np

from reference_csv import publish


def symmetric(n, lower):
    matrix = np.eye(n)
    matrix[np.tril_indices(n, -1)] = lower
    return matrix + np.tril(matrix, -1).T


def ragged_correlations(symbols, sessions, missing, seed):
    """What pairwise-complete estimation gives: more symbols than sessions, so no correlation matrix."""
    rng = random.Random(seed)
    market = [rng.gauss(0, 1) for _ in range(sessions)]
    x = np.array([[m + rng.gauss(0, 1) for _ in range(symbols)] for m in market])
    gone = np.array([[rng.random() < missing for _ in range(symbols)] for _ in range(sessions)])
    matrix = np.eye(symbols)
    for i in range(symbols):
        for j in range(i):
            both = ~(gone[:, i] | gone[:, j])
            matrix[i, j] = matrix[j, i] = np.corrcoef(x[both, i], x[both, j])[0, 1]
    return matrix


def cases():
    """name, matrix, eigenvalue floor"""
    yield "higham", symmetric(3, [1, 0, 1]), 0.0
    yield "nag", np.diag([2.0] * 4) - np.diag([1.0] * 3, 1) - np.diag([1.0] * 3, -1), 0.0
    yield "three", symmetric(3, [.9, .2, .9]), 0.0
    yield "near_pd", symmetric(6, [.477, .644, .516, .478, .233, .599, .651, .682, .581, .741, .826, .75, .742, .8,
                                   .798]), 0.0
    ragged = ragged_correlations(12, 10, 0.2, 2006)
    yield "ragged", ragged, 0.0
    yield "ragged_floor", ragged, 0.05
    yield "higham_floor", symmetric(3, [1, 0, 1]), 1e-8


def projected(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return values, vectors, (vectors * np.maximum(values, 0)) @ vectors.T


def dual_newton(matrix, floor):
    """min |X - A|_F, diag X = 1, X >= floor I: X = (A - floor I + Diag(y))_+ + floor I with diag X = 1."""
    n = len(matrix)
    shifted = matrix - floor * np.eye(n)
    y = np.ones(n) - np.diag(matrix)
    for _ in range(200):
        values, vectors, x = projected(shifted + np.diag(y))
        residual = 1 - floor - np.diag(x)
        if np.abs(residual).max() < 1e-15:
            break
        positive = np.maximum(values, 0)
        gap = values[:, None] - values[None, :]
        omega = np.where(np.abs(gap) > 1e-14, (positive[:, None] - positive[None, :]) / np.where(gap == 0, 1, gap),
                         (values[:, None] > 0).astype(float))
        jacobian = np.empty((n, n))
        for k in range(n):
            outer = np.outer(vectors[k], vectors[k])
            jacobian[:, k] = np.diag(vectors @ (omega * outer) @ vectors.T)
        step = np.linalg.lstsq(jacobian, residual, rcond=1e-13)[0]
        length = 1.0
        while length > 1e-8:  # on the norm of the residual, which Newton's direction reduces near the solution
            _, _, trial = projected(shifted + np.diag(y + length * step))
            if np.linalg.norm(1 - floor - np.diag(trial)) < np.linalg.norm(residual):
                break
            length /= 2
        else:
            break
        y = y + length * step
    _, _, x = projected(shifted + np.diag(y))
    assert np.abs(1 - floor - np.diag(x)).max() < 1e-12
    # Optimality: what the projection cut off is orthogonal to what it left.
    cut = x - shifted - np.diag(y)
    assert abs(np.sum(cut * x)) < 1e-12 and np.linalg.eigvalsh(cut)[0] > -1e-12
    return x + floor * np.eye(n)


def near_pd(matrix):
    """R's answer and its number of iterations."""
    values = ",".join(repr(float(v)) for v in matrix.ravel())
    code = (f"suppressMessages(library(Matrix)); x <- matrix(c({values}), {len(matrix)}); "
            "r <- nearPD(x, corr=TRUE, conv.tol=1e-12, eig.tol=1e-300, do2eigen=FALSE, maxit=10000); "
            "cat(r$iterations, sprintf('%.17g', as.vector(as.matrix(r$mat))))")
    words = subprocess.run(["Rscript", "-e", code], check=True, capture_output=True, text=True).stdout.split()
    return np.array([float(w) for w in words[1:]]).reshape(matrix.shape), int(words[0])


def main():
    rows = []
    for name, matrix, floor in cases():
        nearest = dual_newton(matrix, floor)
        if floor == 0 and shutil.which("Rscript"):
            other, iterations = near_pd(matrix)
            print(f"{name}: nearPD after {iterations} iterations, largest difference {np.abs(other - nearest).max():.1e}")
            assert np.abs(other - nearest).max() < 1e-10
        rows += [[name, floor, i, j, matrix[i, j], nearest[i, j]] for i in range(len(matrix)) for j in range(i + 1)]
    publish("nearest_correlation.csv", ["case", "floor", "i", "j", "value", "nearest"], rows)


if __name__ == "__main__":
    main()
