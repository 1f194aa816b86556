#include "core/regression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/distributions.hpp"
#include "core/error.hpp"

namespace pb::core {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

// The design with its intercept, each column scaled to unit length, which makes rank and condition independent of
// the units of the regressors.
struct ScaledDesign {
  Matrix columns;
  Vector scale;
};

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

// The covariance of the scaled coefficients. Each observation moves them by its residual times its column of the
// pseudo-inverse, R^-1 Q'; summing these influences directly keeps digits that (X'X)^-1 on both sides would lose.
Matrix coefficient_covariance(const RegressionOptions& options, const Matrix& pseudo_inverse, const Vector& residuals) {
  const Eigen::Index k = pseudo_inverse.rows();
  const Eigen::Index n = pseudo_inverse.cols();
  const auto residual_df = static_cast<double>(n - k);
  if (options.covariance == CovarianceType::classical)
    return residuals.squaredNorm() / residual_df * (pseudo_inverse * pseudo_inverse.transpose());
  const Matrix influence = pseudo_inverse.array().rowwise() * residuals.transpose().array();
  Matrix covariance = influence * influence.transpose();
  const int lag =
      options.covariance == CovarianceType::newey_west ? options.lag.value_or(newey_west_lag(static_cast<int>(n))) : 0;
  for (Eigen::Index l = 1; l <= lag && l < n; ++l) {
    const double weight = 1.0 - static_cast<double>(l) / (lag + 1);
    const Matrix lagged = influence.rightCols(n - l) * influence.leftCols(n - l).transpose();
    covariance += weight * (lagged + lagged.transpose());
  }
  return static_cast<double>(n) / residual_df * covariance;
}

void require_observations(Eigen::Index n, Eigen::Index k) {
  if (n > k) return;
  throw Error(sqlstate::too_few_observations, "too few observations for a regression",
              std::to_string(n) + " observations for " + std::to_string(k) + " coefficients.",
              "Use a longer window or fewer regressors.");
}

void require_finite(const Vector& y, const Matrix& x) {
  if (y.allFinite() && x.allFinite()) return;
  throw Error(sqlstate::data_exception, "regression data must be finite", "A value is NaN or infinite.",
              "Remove incomplete observations first.");
}

}  // namespace

int newey_west_lag(int observations) {
  return static_cast<int>(std::floor(4.0 * std::pow(observations / 100.0, 2.0 / 9.0)));
}

RegressionFit ols(const Vector& y, const Matrix& x, const RegressionOptions& options) {
  if (y.size() != x.rows())
    throw Error(sqlstate::invalid_parameter, "regression needs as many rows of x as values of y",
                std::to_string(x.rows()) + " rows for " + std::to_string(y.size()) + " values.");
  require_finite(y, x);
  const ScaledDesign design = scale_design(x, options.intercept);
  const Eigen::Index n = design.columns.rows();
  const Eigen::Index k = design.columns.cols();
  require_observations(n, k);

  Eigen::ColPivHouseholderQR<Matrix> qr(n, k);
  qr.setThreshold(epsilon * static_cast<double>(n));
  qr.compute(design.columns);
  if (qr.rank() < k)
    throw Error(sqlstate::singular_design, "regression design is singular",
                "The " + std::to_string(k) + " columns have rank " + std::to_string(qr.rank()) + ".",
                "Remove regressors that are constant or combinations of others.");

  const Matrix r = qr.matrixR().topLeftCorner(k, k).triangularView<Eigen::Upper>();
  const Eigen::JacobiSVD<Matrix> svd(r);
  const Matrix q = qr.householderQ() * Matrix::Identity(n, k);
  const Matrix pseudo_inverse = qr.colsPermutation() * Matrix(r.triangularView<Eigen::Upper>().solve(q.transpose()));

  Vector scaled_coefficients = qr.solve(y);
  Vector residuals = y - design.columns * scaled_coefficients;
  // One step of iterative refinement recovers the digits that an ill-conditioned design costs.
  const Vector correction = qr.solve(residuals);
  scaled_coefficients += correction;
  residuals = y - design.columns * scaled_coefficients;

  const double mean = options.intercept ? y.mean() : 0.0;
  const double total = (y.array() - mean).square().sum();
  double unexplained = residuals.squaredNorm();
  // Residuals at the level of rounding are those of an exact fit; their pattern means nothing. Nor does a variation of
  // y at that level: it is constant.
  const double rounding = 16 * epsilon * y.norm();
  const bool varies = total > rounding * rounding;
  if (unexplained <= rounding * rounding) {
    unexplained = 0;
    residuals.setZero();
  }

  RegressionFit fit;
  fit.observations = static_cast<int>(n);
  fit.residual_df = static_cast<int>(n - k);
  fit.residual_sd = std::sqrt(unexplained / fit.residual_df);
  fit.r_squared = varies ? 1.0 - unexplained / total : std::numeric_limits<double>::quiet_NaN();
  const double intercept_df = options.intercept ? 1 : 0;
  fit.adj_r_squared = 1.0 - (1.0 - fit.r_squared) * (static_cast<double>(n) - intercept_df) / fit.residual_df;
  fit.condition_number = svd.singularValues()(0) / svd.singularValues()(k - 1);
  fit.coefficients = scaled_coefficients.cwiseQuotient(design.scale);

  const Matrix covariance = coefficient_covariance(options, pseudo_inverse, residuals);
  fit.std_errors = covariance.diagonal().cwiseMax(0.0).cwiseSqrt().cwiseQuotient(design.scale);
  fit.t_stats.resize(k);
  fit.p_values.resize(k);
  for (Eigen::Index j = 0; j < k; ++j) {
    const double error = fit.std_errors(j);
    fit.t_stats(j) = error > 0 ? fit.coefficients(j) / error : std::numeric_limits<double>::quiet_NaN();
    fit.p_values(j) = student_t_p_value(fit.t_stats(j), fit.residual_df);
  }
  return fit;
}

}  // namespace pb::core
