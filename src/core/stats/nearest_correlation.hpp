#pragma once
#include "core/no_postgres.hpp"

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

struct NearestCorrelationSettings {
  double eigenvalue_floor = 0;  // smallest eigenvalue of the result, 0 to below 1
  double tolerance = 1e-12;     // relative change in the infinity norm below which the iteration has converged
  int max_iterations = 1000;
};

struct NearestCorrelation {
  Matrix matrix;        // symmetric, diagonal exactly 1, no eigenvalue below the floor but for rounding
  double distance = 0;  // Frobenius norm of what was changed
  int iterations = 0;   // 0 when the matrix needed no repair, which returns it as it is
  bool converged = true;
};

// The correlation matrix nearest in the Frobenius norm to a symmetric matrix, as one assembled from pairwise-complete
// correlations need not be one: alternating projections onto the matrices with eigenvalues at or above the floor and
// onto those with unit diagonal, with Dykstra's correction (Higham 2002, IMA Journal of Numerical Analysis). Without
// convergence in max_iterations the result is a valid correlation matrix still, if not the nearest.
//
// One eigenvalue decomposition an iteration, O(n^3), with polls throughout.
// Throws 22023 on a floor outside [0, 1), 22000 when the matrix is not square, symmetric and finite.
NearestCorrelation nearest_correlation(const Matrix& matrix, const NearestCorrelationSettings& settings = {},
                                       Poll poll = no_poll);

}  // namespace pb::core
