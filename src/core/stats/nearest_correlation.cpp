#include "core/stats/nearest_correlation.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/stats/polled_algebra.hpp"
#include "core/stats/symmetric_eigen.hpp"

namespace pb::core {

namespace {

bool is_symmetric(const Matrix& matrix, Poll poll) {
  bool symmetric = true;
  in_column_steps(matrix, poll, [&](Eigen::Index first, Eigen::Index count) {
    symmetric = symmetric && matrix.middleCols(first, count) == matrix.middleRows(first, count).transpose();
  });
  return symmetric;
}

void require_repairable(const Matrix& matrix, const NearestCorrelationSettings& settings, Poll poll) {
  if (!(settings.eigenvalue_floor >= 0 && settings.eigenvalue_floor < 1))
    throw Error(sqlstate::invalid_parameter, "the eigenvalue floor of a correlation matrix must be in 0 to below 1",
                "It is " + std::to_string(settings.eigenvalue_floor) + ".");
  if (matrix.rows() != matrix.cols() || !all_finite(matrix, poll) || !is_symmetric(matrix, poll))
    throw Error(sqlstate::data_exception, "only a symmetric, finite matrix can be repaired",
                "It is " + std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols()) + ".",
                "Replace missing correlations first.");
}

// matrix += half half', exactly symmetric.
void add_square(Matrix& matrix, const Matrix& half, Poll poll) {
  const Eigen::Index n = matrix.rows();
  in_steps(n, n * half.cols(), poll, [&](Eigen::Index first, Eigen::Index count) {
    auto below = matrix.block(first, first, n - first, count);
    add_product(below, half.bottomRows(n - first), half.middleRows(first, count).transpose(), poll);
  });
  mirror_lower(matrix, poll);
}

// The nearest matrix whose eigenvalues are at or above the floor: raises those below it.
Matrix raise_eigenvalues(const Matrix& matrix, double floor, Poll poll) {
  const SymmetricEigen eigen = decompose_symmetric(matrix, poll);
  const Eigen::Index low = (eigen.values.array() < floor).count();
  Matrix raised = copied(matrix, poll);
  if (low == 0) return raised;
  const Vector lift = (floor - eigen.values.head(low).array()).sqrt();
  add_square(raised, copied(eigen.vectors.leftCols(low) * lift.asDiagonal(), poll), poll);
  return raised;
}

// A singular matrix has eigenvalues of rounding size on both sides of 0; they are no reason to repair it.
bool is_correlation(const Matrix& matrix, double floor, Poll poll) {
  const double rounding = 16 * std::numeric_limits<double>::epsilon() * static_cast<double>(matrix.rows());
  return (matrix.diagonal().array() == 1).all() && symmetric_eigenvalues(matrix, poll)(0) >= floor - rounding;
}

// Takes out what is left below the floor when the iteration stops by a small step towards the identity, which leaves
// the diagonal as it is.
void finish(Matrix& correlation, double floor, Poll poll) {
  const double smallest = symmetric_eigenvalues(correlation, poll)(0);
  if (smallest >= floor) return;
  in_column_steps(correlation, poll, [&](Eigen::Index first, Eigen::Index count) {
    correlation.middleCols(first, count) *= (1 - floor) / (1 - smallest);
  });
  correlation.diagonal().setOnes();
}

// Alternating projections with Dykstra's correction.
class Projections {
 public:
  Projections(const Matrix& matrix, Poll poll) : y_(copied(matrix, poll)), correction_(matrix.rows(), matrix.cols()) {
    in_column_steps(correction_, poll,
                    [&](Eigen::Index first, Eigen::Index count) { correction_.middleCols(first, count).setZero(); });
  }

  // Projects once onto either set; whether that changed the infinity norm by no more than a share of it.
  bool step(const NearestCorrelationSettings& settings, Poll poll) {
    const Matrix shifted = copied(y_ - correction_, poll);
    Matrix next = raise_eigenvalues(shifted, settings.eigenvalue_floor, poll);
    Vector changes = Vector::Zero(next.rows());  // of the rows
    Vector sizes = Vector::Zero(next.rows());
    in_column_steps(next, poll, [&](Eigen::Index first, Eigen::Index count) {
      auto columns = next.middleCols(first, count);
      correction_.middleCols(first, count) = columns - shifted.middleCols(first, count);
      columns.diagonal(-first).setOnes();
      changes += (columns - y_.middleCols(first, count)).cwiseAbs().rowwise().sum();
      sizes += y_.middleCols(first, count).cwiseAbs().rowwise().sum();
    });
    y_ = std::move(next);
    return changes.maxCoeff() <= settings.tolerance * sizes.maxCoeff();
  }

  Matrix& matrix() { return y_; }

 private:
  Matrix y_;
  Matrix correction_;
};

}  // namespace

NearestCorrelation nearest_correlation(const Matrix& matrix, const NearestCorrelationSettings& settings, Poll poll) {
  require_repairable(matrix, settings, poll);
  NearestCorrelation result;
  if (matrix.rows() == 0) return result;
  if (is_correlation(matrix, settings.eigenvalue_floor, poll)) {
    result.matrix = copied(matrix, poll);
    return result;
  }

  result.converged = false;
  Projections projections(matrix, poll);
  while (!result.converged && result.iterations < settings.max_iterations) {
    result.converged = projections.step(settings, poll);
    ++result.iterations;
  }
  result.matrix = std::move(projections.matrix());
  finish(result.matrix, settings.eigenvalue_floor, poll);
  result.distance = std::sqrt(squared_norm(matrix - result.matrix, poll));
  return result;
}

}  // namespace pb::core
