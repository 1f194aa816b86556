#include "core/stats/ridge.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/binary_scale.hpp"
#include "core/stats/collinearity.hpp"
#include "core/stats/distributions.hpp"
#include "core/stats/householder.hpp"
#include "core/stats/polled_algebra.hpp"
#include "core/stats/regression.hpp"
#include "core/stats/singular_values.hpp"

namespace pb::core {

namespace {

[[noreturn]] void refuse_design(const std::string& detail) {
  throw Error(sqlstate::singular_design, "ridge design is singular", detail,
              "Remove regressors that are constant or combinations of others.");
}

[[noreturn]] void refuse_observations(Eigen::Index count, const std::string& what) {
  throw Error(sqlstate::too_few_observations, "too few observations for a regression",
              std::to_string(count) + " observations " + what, "Use a longer window or fewer regressors.");
}

void require_alpha(double alpha) {
  if (alpha >= 0 && std::isfinite(alpha)) return;
  throw Error(sqlstate::invalid_parameter, "ridge alpha must be finite and not negative",
              "It is " + std::to_string(alpha) + ".");
}

void require_regressors(const Matrix& x, Poll poll) {
  if (!all_finite(x, poll))
    throw Error(sqlstate::data_exception, "regression data must be finite", "A value is NaN or infinite.",
                "Remove incomplete observations first.");
  if (x.rows() < 2) refuse_observations(x.rows(), "have no variation.");
}

// Which columns are named; throws 22023 for one that does not exist.
std::vector<bool> named_columns(Eigen::Index columns, std::span<const int> names) {
  std::vector<bool> named(static_cast<std::size_t>(columns));
  for (const int column : names) {
    if (column < 0 || column >= columns)
      throw Error(sqlstate::invalid_parameter, "unpenalized column does not exist",
                  "Column " + std::to_string(column) + " of " + std::to_string(columns) + ".");
    named[static_cast<std::size_t>(column)] = true;
  }
  return named;
}

}  // namespace

std::vector<double> alpha_candidates(const AlphaGrid& grid) {
  if (!(grid.lowest > 0) || !(grid.highest >= grid.lowest) || !std::isfinite(grid.highest) || grid.count < 1)
    throw Error(sqlstate::invalid_parameter, "ridge alpha grid must be ascending and positive");
  const double from = std::log10(grid.lowest);
  const double step = grid.count > 1 ? (std::log10(grid.highest) - from) / (grid.count - 1) : 0;
  std::vector<double> alphas;
  alphas.reserve(static_cast<std::size_t>(grid.count));
  for (int i = 0; i < grid.count; ++i) alphas.push_back(std::pow(10, from + step * i));
  return alphas;
}

RidgeFits::RidgeFits(Eigen::Index regressors, Eigen::Index responses)
    : coefficients(Matrix::Constant(regressors + 1, responses, nan)),
      std_errors(coefficients),
      t_stats(coefficients),
      p_values(coefficients),
      r_squared(Vector::Constant(responses, nan)),
      adj_r_squared(r_squared),
      residual_sd(r_squared),
      alpha(r_squared),
      effective_df(r_squared) {}

void copy_column(const RidgeFits& from, Eigen::Index source, RidgeFits& to, Eigen::Index target) {
  for (const auto matrix :
       {&RidgeFits::coefficients, &RidgeFits::std_errors, &RidgeFits::t_stats, &RidgeFits::p_values})
    (to.*matrix).col(target) = (from.*matrix).col(source);
  for (const auto vector : {&RidgeFits::r_squared, &RidgeFits::adj_r_squared, &RidgeFits::residual_sd,
                            &RidgeFits::alpha, &RidgeFits::effective_df})
    (to.*vector)(target) = (from.*vector)(source);
}

RidgeDesign::RidgeDesign(const Matrix& x, std::span<const int> unpenalized, Poll poll)
    : order_(static_cast<std::size_t>(x.cols())) {
  // The unpenalized columns first, either kind in its own order.
  const std::vector<bool> is_unpenalized = named_columns(x.cols(), unpenalized);
  std::iota(order_.begin(), order_.end(), 0);
  const auto penalized = std::stable_partition(
      order_.begin(), order_.end(), [&](int column) { return is_unpenalized[static_cast<std::size_t>(column)]; });
  unpenalized_ = penalized - order_.begin();
  require_regressors(x, poll);
  BinaryScaled scaled(x, poll);
  exponents_ = std::move(scaled.exponents);
  standardize(scaled.columns, poll);
  factor_unpenalized(poll);
  factor_penalized(poll);
  condition_number_ = core::condition_number(scale_design(scaled.columns, true, poll).columns, poll);
  variance_inflation_ = core::variance_inflation(scaled.columns, poll);
}

void RidgeDesign::standardize(const Matrix& x, Poll poll) {
  columns_.resize(x.rows(), x.cols());
  means_.resize(x.cols());
  scales_.resize(x.cols());
  in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
    for (Eigen::Index j = first; j < first + count; ++j) {
      const int source = order_[static_cast<std::size_t>(j)];
      auto column = columns_.col(j);
      means_(j) = x.col(source).mean();
      column = x.col(source).array() - means_(j);
      scales_(j) = column.norm() / std::sqrt(static_cast<double>(x.rows()));
      if (column.norm() <= rounding_level(x.col(source)))
        refuse_design("Column " + std::to_string(source + 1) + " is constant.");
      column /= scales_(j);
    }
  });
}

void RidgeDesign::factor_unpenalized(Poll poll) {
  const Eigen::Index n = columns_.rows();
  const Eigen::Index count = unpenalized_;
  unpenalized_basis_.resize(n, count);
  unpenalized_triangle_.resize(count, count);
  if (count == 0) return;
  if (n <= count) refuse_observations(n, "do not suffice for " + std::to_string(count) + " unpenalized columns.");
  const HouseholderQr qr(columns_.leftCols(count), Pivoting::none, poll);
  unpenalized_basis_ = qr.basis(poll);
  unpenalized_triangle_ = qr.triangle(poll);
  // A column of standardized length sqrt(n) whose rest beside the others is rounding is their combination.
  const double least = epsilon * static_cast<double>(n) * std::sqrt(static_cast<double>(n));
  if (unpenalized_triangle_.diagonal().cwiseAbs().minCoeff() <= least)
    refuse_design("An unpenalized column is a combination of the others.");
}

void RidgeDesign::factor_penalized(Poll poll) {
  const Eigen::Index penalized = columns_.cols() - unpenalized_;
  Matrix rest = copied(columns_.rightCols(penalized), poll);
  Matrix shadow = product(unpenalized_basis_.transpose(), rest, poll);
  add_product(rest, unpenalized_basis_, -shadow, poll);
  overlap_ = std::move(shadow);
  in_steps(penalized, solving_work(unpenalized_), poll, [&](Eigen::Index first, Eigen::Index count) {
    auto columns = overlap_.middleCols(first, count);
    unpenalized_triangle_.triangularView<Eigen::Upper>().solveInPlace(columns);
  });
  // Once more, for what rounding left.
  add_product(rest, unpenalized_basis_, -product(unpenalized_basis_.transpose(), rest, poll), poll);
  if (penalized == 0) {
    penalized_basis_.resize(columns_.rows(), 0);
    rotation_.resize(0, 0);
    return;
  }
  SingularValueDecomposition svd = decompose_singular(rest, poll);
  penalized_basis_ = std::move(svd.left);
  singular_values_ = std::move(svd.values);
  rotation_ = std::move(svd.right);
}

double RidgeDesign::effective_df(double alpha) const {
  double df = static_cast<double>(unpenalized_);
  for (const double value : singular_values_)
    if (value > 0) df += value * value / (value * value + alpha);
  return df;
}

void RidgeDesign::require_estimable(double alpha) const {
  require_alpha(alpha);
  const auto n = static_cast<double>(observations());
  const Eigen::Index penalized = columns_.cols() - unpenalized_;
  if (alpha == 0 && penalized > 0)
    if (singular_values_.size() < penalized || singular_values_.minCoeff() <= epsilon * n * std::sqrt(n))
      refuse_design("Without a penalty, " + std::to_string(columns_.cols()) + " columns have no unique coefficients.");
  if (n - 1 - effective_df(alpha) < 1e-6) refuse_observations(observations(), "leave no residual degree of freedom.");
}

void RidgeDesign::project(const Eigen::Ref<const Vector>& y, Projection& projection, Poll poll) const {
  // A copy first, so that sums do not depend on where in memory the response lies.
  projection.centered = y;
  projection.exponent = binary_exponent(projection.centered);
  scale_by_power_of_two(projection.centered, -projection.exponent);
  projection.mean = projection.centered.mean();
  projection.rounding = rounding_level(projection.centered);
  projection.centered.array() -= projection.mean;
  projection.along_penalized = product(penalized_basis_.transpose(), projection.centered, poll);
  projection.unpenalized_coefficients = product(unpenalized_basis_.transpose(), projection.centered, poll);
  unpenalized_triangle_.triangularView<Eigen::Upper>().solveInPlace(projection.unpenalized_coefficients);
}

Vector RidgeDesign::criteria(const Projection& projection, std::span<const double> alphas, Poll poll) const {
  Vector unexplained = projection.centered;
  add_product(unexplained, columns_.leftCols(unpenalized_), -projection.unpenalized_coefficients, poll);
  add_product(unexplained, penalized_basis_, -projection.along_penalized, poll);
  const double least = unexplained.squaredNorm();
  const auto n = static_cast<double>(observations());
  Vector result(alphas.size());
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    poll();
    double rss = least;
    for (Eigen::Index j = 0; j < singular_values_.size(); ++j) {
      const double kept_out = alphas[i] / (singular_values_(j) * singular_values_(j) + alphas[i]);
      rss += std::pow(kept_out * projection.along_penalized(j), 2);
    }
    // Rounding must not choose.
    if (rss <= projection.rounding * projection.rounding) rss = 0;
    result(static_cast<Eigen::Index>(i)) = n * rss / std::pow(n - 1 - effective_df(alphas[i]), 2);
  }
  return result;
}

Vector RidgeDesign::gcv(const Eigen::Ref<const Vector>& y, std::span<const double> alphas, Poll poll) const {
  for (const double alpha : alphas) require_estimable(alpha);
  Projection projection;
  project(y, projection, poll);
  return criteria(projection, alphas, poll).unaryExpr([&](double v) { return std::ldexp(v, 2 * projection.exponent); });
}

std::vector<double> RidgeDesign::choose_alphas(const Eigen::Ref<const Matrix>& y, const RidgeOptions& options,
                                               Poll poll) const {
  const auto responses = static_cast<std::size_t>(y.cols());
  if (options.choice == AlphaChoice::fixed) return std::vector<double>(responses, options.alpha);
  const std::vector<double> candidates = alpha_candidates(options.grid);
  for (const double alpha : candidates) {
    poll();
    require_estimable(alpha);
  }
  std::vector<double> chosen(responses);
  Projection projection;
  Eigen::Index best = 0;
  for (std::size_t i = 0; i < responses; ++i) {
    poll();
    project(y.col(static_cast<Eigen::Index>(i)), projection, poll);
    // Of equal ones the first, which is the smallest alpha.
    criteria(projection, candidates, poll).minCoeff(&best);
    chosen[i] = candidates[static_cast<std::size_t>(best)];
  }
  return chosen;
}

// s / (s^2 + alpha): what a coordinate along a singular direction contributes to the coefficients.
Vector RidgeDesign::shrinkage(double alpha) const {
  return singular_values_.unaryExpr([=](double s) { return s > 0 ? s / (s * s + alpha) : 0.0; });
}

Matrix RidgeDesign::influence(double alpha, Poll poll) const {
  Matrix all = scaled_influence(alpha, poll);
  for (std::size_t j = 0; j < exponents_.size(); ++j) {
    auto column = all.col(static_cast<Eigen::Index>(j) + 1);
    column = column.unaryExpr([&](double value) { return std::ldexp(value, -exponents_[j]); });
  }
  return all;
}

// The same in units of 2^exponents_.
Matrix RidgeDesign::scaled_influence(double alpha, Poll poll) const {
  const Eigen::Index n = columns_.rows();
  const Matrix weights = copied(shrinkage(alpha).asDiagonal() * rotation_.transpose(), poll);
  Matrix penalized = product(penalized_basis_, weights, poll);
  Matrix unpenalized(n, unpenalized_);
  in_steps(n, solving_work(unpenalized_), poll, [&](Eigen::Index first, Eigen::Index count) {
    const Matrix alone = unpenalized_triangle_.triangularView<Eigen::Upper>().solve(
        unpenalized_basis_.middleRows(first, count).transpose());
    unpenalized.middleRows(first, count) = alone.transpose();
  });
  add_product(unpenalized, penalized, -overlap_.transpose(), poll);
  Matrix all(n, columns_.cols() + 1);
  all.col(0).setConstant(1 / static_cast<double>(n));
  for (Eigen::Index j = 0; j < columns_.cols(); ++j) {
    poll();
    auto column = all.col(order_[static_cast<std::size_t>(j)] + 1);
    column = j < unpenalized_ ? unpenalized.col(j) : penalized.col(j - unpenalized_);
    column /= scales_(j);
    all.col(0) -= means_(j) * column;
  }
  return all;
}

// Coefficients of the standardized columns, in internal order.
Vector RidgeDesign::standardized_coefficients(const Projection& projection, double alpha) const {
  const Eigen::Index penalized = columns_.cols() - unpenalized_;
  Vector coefficients(columns_.cols());
  coefficients.tail(penalized) = rotation_ * shrinkage(alpha).cwiseProduct(projection.along_penalized);
  coefficients.head(unpenalized_) = projection.unpenalized_coefficients - overlap_ * coefficients.tail(penalized);
  return coefficients;
}

void RidgeDesign::fit_one(const Projection& projection, double alpha, const Matrix& influence,
                          const RidgeOptions& options, Eigen::Index column, RidgeFits& fits, Poll poll) const {
  const Vector standardized = standardized_coefficients(projection, alpha);
  auto coefficients = fits.coefficients.col(column);
  coefficients(0) = projection.mean;
  for (Eigen::Index j = 0; j < standardized.size(); ++j) {
    const double coefficient = standardized(j) / scales_(j);
    coefficients(order_[static_cast<std::size_t>(j)] + 1) = coefficient;
    coefficients(0) -= means_(j) * coefficient;
  }

  Vector residuals = projection.centered;
  add_product(residuals, columns_, -standardized, poll);
  if (residuals.norm() <= projection.rounding) residuals.setZero();
  const double unexplained = residuals.squaredNorm();
  const double total = projection.centered.squaredNorm();
  const double total_df = observations() - 1.0;
  const double df = effective_df(alpha);
  const double residual_df = total_df - df;
  fits.alpha(column) = unpenalized_ < columns_.cols() ? alpha : nan;
  fits.effective_df(column) = df;
  fits.residual_sd(column) = std::sqrt(unexplained / residual_df);
  fits.r_squared(column) = std::sqrt(total) > projection.rounding ? 1 - unexplained / total : nan;
  fits.adj_r_squared(column) = 1 - (1 - fits.r_squared(column)) * total_df / residual_df;

  fits.std_errors.col(column) =
      sandwich_variances(influence, residuals, residual_df, options.covariance, options.lag, poll).cwiseSqrt();
  for (Eigen::Index j = 0; j < coefficients.size(); ++j) {
    poll();
    fits.t_stats(j, column) = t_statistic(coefficients(j), fits.std_errors(j, column));
    fits.p_values(j, column) = student_t_p_value(fits.t_stats(j, column), residual_df);
  }
  restore_units(projection.exponent, column, fits);
}

// From units of 2^y_exponent and 2^exponents_ to those of the inputs.
void RidgeDesign::restore_units(int y_exponent, Eigen::Index column, RidgeFits& fits) const {
  fits.residual_sd(column) = unscaled(fits.residual_sd(column), y_exponent, "residual deviation");
  for (Eigen::Index j = 0; j < fits.coefficients.rows(); ++j) {
    const int exponent = y_exponent - (j == 0 ? 0 : exponents_[static_cast<std::size_t>(j - 1)]);
    fits.coefficients(j, column) = unscaled(fits.coefficients(j, column), exponent, "coefficient");
    fits.std_errors(j, column) = unscaled(fits.std_errors(j, column), exponent, "standard error");
  }
}

RidgeFits RidgeDesign::fit(const Eigen::Ref<const Matrix>& y, const RidgeOptions& options, Poll poll) const {
  require_matching_rows(columns_.rows(), y.rows());
  if (!all_finite(y, poll))
    throw Error(sqlstate::data_exception, "regression data must be finite", "A value is NaN or infinite.",
                "Remove incomplete observations first.");
  const std::vector<double> alphas = choose_alphas(y, options, poll);
  std::map<double, Matrix> influences;
  RidgeFits fits(columns_.cols(), y.cols());
  Projection projection;
  for (Eigen::Index i = 0; i < y.cols(); ++i) {
    poll();
    const double alpha = alphas[static_cast<std::size_t>(i)];
    auto found = influences.find(alpha);
    if (found == influences.end()) {
      require_estimable(alpha);
      found = influences.emplace(alpha, scaled_influence(alpha, poll)).first;
    }
    project(y.col(i), projection, poll);
    fit_one(projection, alpha, found->second, options, i, fits, poll);
  }
  return fits;
}

}  // namespace pb::core
