#include "core/nearest_correlation.hpp"

#include <limits>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace pb::core {

namespace {

using EigenSolver = Eigen::SelfAdjointEigenSolver<Matrix>;

void require_repairable(const Matrix& matrix, const NearestCorrelationSettings& settings) {
  if (!(settings.eigenvalue_floor >= 0 && settings.eigenvalue_floor < 1))
    throw Error(sqlstate::invalid_parameter, "the eigenvalue floor of a correlation matrix must be in 0 to below 1",
                "It is " + std::to_string(settings.eigenvalue_floor) + ".");
  if (matrix.rows() != matrix.cols() || !matrix.allFinite() || matrix != matrix.transpose())
    throw Error(sqlstate::data_exception, "only a symmetric, finite matrix can be repaired",
                "It is " + std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols()) + ".",
                "Replace missing correlations first.");
}

EigenSolver decompose(const Matrix& matrix, int options) {
  EigenSolver solver(matrix, options);
  if (solver.info() != Eigen::Success)
    throw Error(sqlstate::data_exception, "the eigenvalues of the matrix cannot be computed",
                "The iteration did not converge for " + std::to_string(matrix.rows()) + " symbols.");
  return solver;
}

double infinity_norm(const Matrix& matrix) { return matrix.cwiseAbs().rowwise().sum().maxCoeff(); }

// The nearest matrix whose eigenvalues are at or above the floor: raises those below it, and is exactly symmetric.
Matrix raise_eigenvalues(const Matrix& matrix, double floor) {
  const EigenSolver solver = decompose(matrix, Eigen::ComputeEigenvectors);
  const Eigen::Index low = (solver.eigenvalues().array() < floor).count();
  Matrix raised = matrix;
  if (low > 0) {
    const Vector lift = (floor - solver.eigenvalues().head(low).array()).sqrt();
    const Matrix directions = solver.eigenvectors().leftCols(low) * lift.asDiagonal();
    raised.selfadjointView<Eigen::Lower>().rankUpdate(directions);
    raised.triangularView<Eigen::StrictlyUpper>() = raised.transpose();
  }
  return raised;
}

double smallest_eigenvalue(const Matrix& matrix) { return decompose(matrix, Eigen::EigenvaluesOnly).eigenvalues()(0); }

// A singular matrix has eigenvalues of rounding size on both sides of 0; they are no reason to repair it.
bool is_correlation(const Matrix& matrix, double floor) {
  const double rounding = 16 * std::numeric_limits<double>::epsilon() * static_cast<double>(matrix.rows());
  return (matrix.diagonal().array() == 1).all() && smallest_eigenvalue(matrix) >= floor - rounding;
}

// Takes out what is left below the floor when the iteration stops by a small step towards the identity, which leaves
// the diagonal as it is.
void finish(Matrix& correlation, double floor) {
  const double smallest = smallest_eigenvalue(correlation);
  if (smallest >= floor) return;
  correlation *= (1 - floor) / (1 - smallest);
  correlation.diagonal().setOnes();
}

}  // namespace

NearestCorrelation nearest_correlation(const Matrix& matrix, const NearestCorrelationSettings& settings, Poll poll) {
  require_repairable(matrix, settings);
  NearestCorrelation result{matrix};
  if (matrix.rows() == 0) return result;
  poll();
  if (is_correlation(matrix, settings.eigenvalue_floor)) return result;

  result.converged = false;
  Matrix& y = result.matrix;
  Matrix correction = Matrix::Zero(matrix.rows(), matrix.cols());
  while (!result.converged && result.iterations < settings.max_iterations) {
    poll();
    const Matrix shifted = y - correction;
    Matrix next = raise_eigenvalues(shifted, settings.eigenvalue_floor);
    correction = next - shifted;
    next.diagonal().setOnes();
    result.converged = infinity_norm(next - y) <= settings.tolerance * infinity_norm(y);
    y = std::move(next);
    ++result.iterations;
  }
  finish(y, settings.eigenvalue_floor);
  result.distance = (matrix - y).norm();
  return result;
}

}  // namespace pb::core
