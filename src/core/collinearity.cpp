#include "core/collinearity.hpp"

#include <limits>

namespace pb::core {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double infinity = std::numeric_limits<double>::infinity();

// The upper triangle of a QR decomposition without pivoting.
Matrix triangle(const Matrix& x) {
  const Eigen::Index k = x.cols();
  return Eigen::HouseholderQR<Matrix>(x).matrixQR().topRows(k).triangularView<Eigen::Upper>();
}

}  // namespace

ScaledDesign scale_design(const Matrix& x, bool intercept) {
  const Eigen::Index shift = intercept ? 1 : 0;
  ScaledDesign design{Matrix(x.rows(), x.cols() + shift), Vector(x.cols() + shift)};
  if (intercept) design.columns.col(0).setOnes();
  design.columns.rightCols(x.cols()) = x;
  for (Eigen::Index j = 0; j < design.columns.cols(); ++j) {
    design.scale(j) = design.columns.col(j).norm();
    if (design.scale(j) > 0) design.columns.col(j) /= design.scale(j);
  }
  return design;
}

double condition_number(const Matrix& scaled) {
  if (scaled.rows() < scaled.cols()) return infinity;
  const Matrix r = triangle(scaled);
  const Vector values = Eigen::JacobiSVD<Matrix>(r).singularValues();
  const double smallest = values(values.size() - 1);
  return smallest > 0 ? values(0) / smallest : infinity;
}

Vector variance_inflation(const Matrix& x) {
  const Eigen::Index k = x.cols();
  if (x.rows() <= k) return Vector::Constant(k, infinity);
  Matrix centered = x.rowwise() - x.colwise().mean();
  centered.colwise().normalize();
  Matrix r = triangle(centered);
  for (Eigen::Index j = 0; j < k; ++j)
    if (r(j, j) == 0) r(j, j) = epsilon;
  // With unit columns the factors are the diagonal of (R'R)^-1.
  const Matrix inverse = r.triangularView<Eigen::Upper>().solve(Matrix::Identity(k, k));
  const double limit = 1 / (epsilon * static_cast<double>(x.rows()));
  return inverse.rowwise().squaredNorm().unaryExpr([=](double vif) { return vif < limit ? vif : infinity; });
}

}  // namespace pb::core
