#include "core/stats/collinearity.hpp"

#include <cstddef>
#include <limits>

#include "core/limits.hpp"
#include "core/stats/householder.hpp"
#include "core/stats/polled_algebra.hpp"
#include "core/stats/singular_values.hpp"

namespace pb::core {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The columns without their means, of unit length.
Matrix centered_columns(const Matrix& x, Poll poll) {
  Matrix centered(x.rows(), x.cols());
  in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
    auto columns = centered.middleCols(first, count);
    columns = x.middleCols(first, count).rowwise() - x.middleCols(first, count).colwise().mean();
    columns.colwise().normalize();
  });
  return centered;
}

// The squared lengths of the rows of R^-1, without a 0 on the diagonal of R.
Vector squared_rows_of_inverse(const Matrix& r, Poll poll) {
  const Eigen::Index k = r.cols();
  Vector squares = Vector::Zero(k);
  in_steps(k, solving_work(k), poll, [&](Eigen::Index first, Eigen::Index count) {
    Matrix inverse = Matrix::Zero(k, count);
    inverse.middleRows(first, count).setIdentity();
    r.triangularView<Eigen::Upper>().solveInPlace(inverse);
    squares += inverse.rowwise().squaredNorm();
  });
  return squares;
}

}  // namespace

ScaledDesign scale_design(const Matrix& x, bool intercept, Poll poll) {
  const Eigen::Index shift = intercept ? 1 : 0;
  ScaledDesign design{Matrix(x.rows(), x.cols() + shift), Vector(x.cols() + shift)};
  in_column_steps(design.columns, poll, [&](Eigen::Index first, Eigen::Index count) {
    for (Eigen::Index j = first; j < first + count; ++j) {
      auto column = design.columns.col(j);
      if (j < shift)
        column.setOnes();
      else
        column = x.col(j - shift);
      design.scale(j) = column.norm();
      if (design.scale(j) > 0) column /= design.scale(j);
    }
  });
  return design;
}

double condition_number(const Matrix& scaled, Poll poll) {
  if (scaled.rows() < scaled.cols()) return infinity;
  const Vector values = singular_values(scaled, poll);
  const double smallest = values(values.size() - 1);
  return smallest > 0 ? values(0) / smallest : infinity;
}

Vector variance_inflation(const Matrix& x, Poll poll) {
  const Eigen::Index k = x.cols();
  if (x.rows() <= k) return Vector::Constant(k, infinity);
  Matrix r = HouseholderQr(centered_columns(x, poll), Pivoting::none, poll).triangle(poll);
  for (Eigen::Index j = 0; j < k; ++j)
    if (r(j, j) == 0) r(j, j) = epsilon;
  // With unit columns the factors are the diagonal of (R'R)^-1.
  const double limit = 1 / (epsilon * static_cast<double>(x.rows()));
  return squared_rows_of_inverse(r, poll).unaryExpr([=](double vif) { return vif < limit ? vif : infinity; });
}

}  // namespace pb::core
