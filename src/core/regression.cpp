#include "core/regression.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "core/binary_scale.hpp"
#include "core/collinearity.hpp"
#include "core/distributions.hpp"
#include "core/error.hpp"

namespace pb::core {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

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

// The fit of columns whose squares are in range.
RegressionFit fit_scaled(const Vector& y, const Matrix& x, const RegressionOptions& options) {
  const ScaledDesign design = scale_design(x, options.intercept);
  const Eigen::Index n = design.columns.rows();
  const Eigen::Index k = design.columns.cols();
  if (k == 0)
    throw Error(sqlstate::invalid_parameter, "regression needs a regressor or an intercept", "It has neither.");
  require_observations(n, k);

  Eigen::ColPivHouseholderQR<Matrix> qr(n, k);
  qr.setThreshold(epsilon * static_cast<double>(n));
  qr.compute(design.columns);
  if (qr.rank() < k)
    throw Error(sqlstate::singular_design, "regression design is singular",
                "The " + std::to_string(k) + " columns have rank " + std::to_string(qr.rank()) + ".",
                "Remove regressors that are constant or combinations of others.");

  const Matrix r = qr.matrixR().topLeftCorner(k, k).triangularView<Eigen::Upper>();
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
  const double rounding = rounding_level(y);
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
  fit.condition_number = condition_number(r);
  fit.coefficients = scaled_coefficients.cwiseQuotient(design.scale);

  const Vector variances =
      sandwich_variances(pseudo_inverse.transpose(), residuals, fit.residual_df, options.covariance, options.lag);
  fit.std_errors = variances.cwiseSqrt().cwiseQuotient(design.scale);
  fit.t_stats.resize(k);
  fit.p_values.resize(k);
  for (Eigen::Index j = 0; j < k; ++j) {
    fit.t_stats(j) = t_statistic(fit.coefficients(j), fit.std_errors(j));
    fit.p_values(j) = student_t_p_value(fit.t_stats(j), fit.residual_df);
  }
  return fit;
}

// From units of 2^y_exponent and 2^x_exponents to those of the inputs. An intercept is in units of y.
void restore_units(RegressionFit& fit, int y_exponent, const std::vector<int>& x_exponents) {
  fit.residual_sd = unscaled(fit.residual_sd, y_exponent, "residual deviation");
  const auto intercept = fit.coefficients.size() - static_cast<Eigen::Index>(x_exponents.size());
  for (Eigen::Index j = 0; j < fit.coefficients.size(); ++j) {
    const int exponent = y_exponent - (j < intercept ? 0 : x_exponents[static_cast<std::size_t>(j - intercept)]);
    fit.coefficients(j) = unscaled(fit.coefficients(j), exponent, "coefficient");
    fit.std_errors(j) = unscaled(fit.std_errors(j), exponent, "standard error");
  }
}

}  // namespace

double rounding_level(const Eigen::Ref<const Vector>& y) { return 16 * epsilon * y.norm(); }

double t_statistic(double coefficient, double std_error) {
  return std_error > 0 ? coefficient / std_error : std::numeric_limits<double>::quiet_NaN();
}

void require_matching_rows(Eigen::Index rows, Eigen::Index values) {
  if (rows == values) return;
  throw Error(sqlstate::invalid_parameter, "regression needs as many rows of x as values of y",
              std::to_string(rows) + " rows for " + std::to_string(values) + " values.");
}

RegressionFit ols(const Vector& y, const Matrix& x, const RegressionOptions& options) {
  require_matching_rows(x.rows(), y.size());
  require_finite(y, x);
  const BinaryScaled scaled_x(x);
  const BinaryScaled scaled_y(y);
  RegressionFit fit = fit_scaled(scaled_y.columns, scaled_x.columns, options);
  restore_units(fit, scaled_y.exponents[0], scaled_x.exponents);
  return fit;
}

}  // namespace pb::core
