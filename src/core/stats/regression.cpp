#include "core/stats/regression.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/binary_scale.hpp"
#include "core/stats/collinearity.hpp"
#include "core/stats/distributions.hpp"
#include "core/stats/householder.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

namespace {

void require_observations(Eigen::Index n, Eigen::Index k) {
  if (n > k) return;
  throw Error(sqlstate::too_few_observations, "too few observations for a regression",
              std::to_string(n) + " observations for " + std::to_string(k) + " coefficients.",
              "Use a longer window or fewer regressors.");
}

void require_finite(const Vector& y, const Matrix& x, Poll poll) {
  if (all_finite(y, poll) && all_finite(x, poll)) return;
  throw Error(sqlstate::data_exception, "regression data must be finite", "A value is NaN or infinite.",
              "Remove incomplete observations first.");
}

// How much each observation moves each coefficient of A P = Q R: the transpose of P R^-1 Q'.
Matrix influence(const HouseholderQr& qr, const Matrix& r, Poll poll) {
  const Matrix q = qr.basis(poll);
  const Eigen::Index k = r.cols();
  Matrix result(q.rows(), k);
  in_steps(q.rows(), solving_work(k), poll, [&](Eigen::Index first, Eigen::Index count) {
    const Matrix rows = r.triangularView<Eigen::Upper>().solve(q.middleRows(first, count).transpose());
    for (Eigen::Index j = 0; j < k; ++j)
      result.col(qr.order()[static_cast<std::size_t>(j)]).segment(first, count) = rows.row(j).transpose();
  });
  return result;
}

// The fit of columns whose squares are in range.
RegressionFit fit_scaled(const Vector& y, const Matrix& x, const RegressionOptions& options, Poll poll) {
  const ScaledDesign design = scale_design(x, options.intercept, poll);
  const Eigen::Index n = design.columns.rows();
  const Eigen::Index k = design.columns.cols();
  if (k == 0)
    throw Error(sqlstate::invalid_parameter, "regression needs a regressor or an intercept", "It has neither.");
  require_observations(n, k);

  const HouseholderQr qr(design.columns, Pivoting::columns, poll);
  if (const Eigen::Index rank = qr.rank(epsilon * static_cast<double>(n)); rank < k)
    throw Error(sqlstate::singular_design, "regression design is singular",
                "The " + std::to_string(k) + " columns have rank " + std::to_string(rank) + ".",
                "Remove regressors that are constant or combinations of others.");

  Vector scaled_coefficients = qr.solve(y, poll);
  Vector residuals = y;
  add_product(residuals, design.columns, -scaled_coefficients, poll);
  // One step of iterative refinement recovers the digits that an ill-conditioned design costs.
  scaled_coefficients += qr.solve(residuals, poll);
  residuals = y;
  add_product(residuals, design.columns, -scaled_coefficients, poll);

  poll();
  const double mean = options.intercept ? y.mean() : 0.0;
  const double total = (y.array() - mean).square().sum();
  double unexplained = residuals.squaredNorm();
  poll();
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
  const Matrix r = qr.triangle(poll);
  fit.condition_number = condition_number(r, poll);
  fit.coefficients = scaled_coefficients.cwiseQuotient(design.scale);

  const Vector variances =
      sandwich_variances(influence(qr, r, poll), residuals, fit.residual_df, options.covariance, options.lag, poll);
  fit.std_errors = variances.cwiseSqrt().cwiseQuotient(design.scale);
  fit.t_stats.resize(k);
  fit.p_values.resize(k);
  for (Eigen::Index j = 0; j < k; ++j) {
    poll();
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

RegressionFit ols(const Vector& y, const Matrix& x, const RegressionOptions& options, Poll poll) {
  require_matching_rows(x.rows(), y.size());
  require_finite(y, x, poll);
  const BinaryScaled scaled_x(x, poll);
  const BinaryScaled scaled_y(y, poll);
  RegressionFit fit = fit_scaled(scaled_y.columns, scaled_x.columns, options, poll);
  restore_units(fit, scaled_y.exponents[0], scaled_x.exponents);
  return fit;
}

}  // namespace pb::core
