#include "core/ridge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>

#include "core/binary_scale.hpp"
#include "core/collinearity.hpp"
#include "core/distributions.hpp"
#include "core/error.hpp"
#include "core/regression.hpp"

namespace pb::core {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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

void require_usable(const Matrix& x) {
  if (!x.allFinite())
    throw Error(sqlstate::data_exception, "regression data must be finite", "A value is NaN or infinite.",
                "Remove incomplete observations first.");
  if (x.rows() < 2) refuse_observations(x.rows(), "have no variation.");
}

// The unpenalized columns first, either kind in its own order.
std::vector<int> internal_order(Eigen::Index columns, std::span<const int> unpenalized) {
  std::vector<int> order(static_cast<std::size_t>(columns));
  std::iota(order.begin(), order.end(), 0);
  for (const int column : unpenalized)
    if (column < 0 || column >= columns)
      throw Error(sqlstate::invalid_parameter, "unpenalized column does not exist",
                  "Column " + std::to_string(column) + " of " + std::to_string(columns) + ".");
  std::stable_partition(order.begin(), order.end(), [&](int column) {
    return std::find(unpenalized.begin(), unpenalized.end(), column) != unpenalized.end();
  });
  return order;
}

}  // namespace

std::vector<double> alpha_candidates(const AlphaGrid& grid) {
  if (!(grid.lowest > 0) || !(grid.highest >= grid.lowest) || !std::isfinite(grid.highest) || grid.count < 1)
    throw Error(sqlstate::invalid_parameter, "ridge alpha grid must be ascending and positive");
  const double from = std::log10(grid.lowest);
  const double step = grid.count > 1 ? (std::log10(grid.highest) - from) / (grid.count - 1) : 0;
  std::vector<double> alphas;
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

RidgeDesign::RidgeDesign(const Matrix& x, std::span<const int> unpenalized)
    : order_(internal_order(x.cols(), unpenalized)) {
  require_usable(x);
  const BinaryScaled scaled(x);
  exponents_ = scaled.exponents;
  columns_ = scaled.columns(Eigen::all, order_);
  means_ = columns_.colwise().mean();
  columns_.rowwise() -= means_.transpose();
  scales_ = columns_.colwise().norm() / std::sqrt(static_cast<double>(x.rows()));
  for (Eigen::Index j = 0; j < columns_.cols(); ++j) {
    const int column = order_[static_cast<std::size_t>(j)];
    if (columns_.col(j).norm() <= rounding_level(scaled.columns.col(column)))
      refuse_design("Column " + std::to_string(column + 1) + " is constant.");
    columns_.col(j) /= scales_(j);
  }
  factor_unpenalized(std::count_if(order_.begin(), order_.end(), [&](int column) {
    return std::find(unpenalized.begin(), unpenalized.end(), column) != unpenalized.end();
  }));
  factor_penalized();
  condition_number_ = core::condition_number(scale_design(scaled.columns, true).columns);
  variance_inflation_ = core::variance_inflation(scaled.columns);
}

void RidgeDesign::factor_unpenalized(Eigen::Index count) {
  const Eigen::Index n = columns_.rows();
  unpenalized_ = count;
  unpenalized_basis_.resize(n, count);
  unpenalized_triangle_.resize(count, count);
  if (count == 0) return;
  if (n <= count) refuse_observations(n, "do not suffice for " + std::to_string(count) + " unpenalized columns.");
  const Eigen::HouseholderQR<Matrix> qr(columns_.leftCols(count));
  unpenalized_basis_ = qr.householderQ() * Matrix::Identity(n, count);
  unpenalized_triangle_ = qr.matrixQR().topRows(count).triangularView<Eigen::Upper>();
  // A column of standardized length sqrt(n) whose rest beside the others is rounding is their combination.
  const double least = epsilon * static_cast<double>(n) * std::sqrt(static_cast<double>(n));
  if (unpenalized_triangle_.diagonal().cwiseAbs().minCoeff() <= least)
    refuse_design("An unpenalized column is a combination of the others.");
}

void RidgeDesign::factor_penalized() {
  const Eigen::Index penalized = columns_.cols() - unpenalized_;
  Matrix rest = columns_.rightCols(penalized);
  const Matrix shadow = unpenalized_basis_.transpose() * rest;
  overlap_ = unpenalized_triangle_.triangularView<Eigen::Upper>().solve(shadow);
  rest -= unpenalized_basis_ * shadow;
  // Once more, for what rounding left.
  rest -= unpenalized_basis_ * (unpenalized_basis_.transpose() * rest);
  if (penalized == 0) {
    penalized_basis_.resize(columns_.rows(), 0);
    rotation_.resize(0, 0);
    return;
  }
  const Eigen::JacobiSVD<Matrix> svd(rest, Eigen::ComputeThinU | Eigen::ComputeThinV);
  penalized_basis_ = svd.matrixU();
  singular_values_ = svd.singularValues();
  rotation_ = svd.matrixV();
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

void RidgeDesign::project(const Eigen::Ref<const Vector>& y, Projection& projection) const {
  // A copy first, so that sums do not depend on where in memory the response lies.
  projection.centered = y;
  projection.exponent = binary_exponent(projection.centered);
  scale_by_power_of_two(projection.centered, -projection.exponent);
  projection.mean = projection.centered.mean();
  projection.rounding = rounding_level(projection.centered);
  projection.centered.array() -= projection.mean;
  projection.along_penalized.noalias() = penalized_basis_.transpose() * projection.centered;
  projection.unpenalized_coefficients.noalias() = unpenalized_basis_.transpose() * projection.centered;
  unpenalized_triangle_.triangularView<Eigen::Upper>().solveInPlace(projection.unpenalized_coefficients);
}

Vector RidgeDesign::criteria(const Projection& projection, std::span<const double> alphas) const {
  const Vector unexplained = projection.centered -
                             columns_.leftCols(unpenalized_) * projection.unpenalized_coefficients -
                             penalized_basis_ * projection.along_penalized;
  const double least = unexplained.squaredNorm();
  const auto n = static_cast<double>(observations());
  Vector result(alphas.size());
  for (std::size_t i = 0; i < alphas.size(); ++i) {
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

Vector RidgeDesign::gcv(const Eigen::Ref<const Vector>& y, std::span<const double> alphas) const {
  for (const double alpha : alphas) require_estimable(alpha);
  Projection projection;
  project(y, projection);
  return criteria(projection, alphas).unaryExpr([&](double v) { return std::ldexp(v, 2 * projection.exponent); });
}

std::vector<double> RidgeDesign::choose_alphas(const Eigen::Ref<const Matrix>& y, const RidgeOptions& options,
                                               Poll poll) const {
  const auto responses = static_cast<std::size_t>(y.cols());
  if (options.choice == AlphaChoice::fixed) return std::vector<double>(responses, options.alpha);
  const std::vector<double> candidates = alpha_candidates(options.grid);
  for (const double alpha : candidates) require_estimable(alpha);
  Vector sum = Vector::Zero(static_cast<Eigen::Index>(candidates.size()));
  const int largest = binary_exponent(y);
  std::vector<double> chosen(responses);
  Projection projection;
  Eigen::Index best = 0;
  for (std::size_t i = 0; i < responses; ++i) {
    if (i % 64 == 0) poll();
    project(y.col(static_cast<Eigen::Index>(i)), projection);
    const Vector own = criteria(projection, candidates);
    own.minCoeff(&best);
    chosen[i] = candidates[static_cast<std::size_t>(best)];
    sum += own.unaryExpr([&](double v) { return std::ldexp(v, 2 * (projection.exponent - largest)); });
  }
  if (options.choice == AlphaChoice::gcv_shared) {
    sum.minCoeff(&best);
    std::fill(chosen.begin(), chosen.end(), candidates[static_cast<std::size_t>(best)]);
  }
  return chosen;
}

// s / (s^2 + alpha): what a coordinate along a singular direction contributes to the coefficients.
Vector RidgeDesign::shrinkage(double alpha) const {
  return singular_values_.unaryExpr([=](double s) { return s > 0 ? s / (s * s + alpha) : 0.0; });
}

// How much each observation moves each coefficient: coefficients = influence' y, in the order and units of the inputs.
Matrix RidgeDesign::influence(double alpha) const {
  const Eigen::Index n = columns_.rows();
  const Matrix penalized = penalized_basis_ * shrinkage(alpha).asDiagonal() * rotation_.transpose();
  const Matrix alone = unpenalized_triangle_.triangularView<Eigen::Upper>().solve(unpenalized_basis_.transpose());
  const Matrix unpenalized = alone.transpose() - penalized * overlap_.transpose();
  Matrix all(n, columns_.cols() + 1);
  all.col(0).setConstant(1 / static_cast<double>(n));
  for (Eigen::Index j = 0; j < columns_.cols(); ++j) {
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
                          const RidgeOptions& options, Eigen::Index column, RidgeFits& fits) const {
  const Vector standardized = standardized_coefficients(projection, alpha);
  auto coefficients = fits.coefficients.col(column);
  coefficients(0) = projection.mean;
  for (Eigen::Index j = 0; j < standardized.size(); ++j) {
    const double coefficient = standardized(j) / scales_(j);
    coefficients(order_[static_cast<std::size_t>(j)] + 1) = coefficient;
    coefficients(0) -= means_(j) * coefficient;
  }

  Vector residuals = projection.centered - columns_ * standardized;
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
      sandwich_variances(influence, residuals, residual_df, options.covariance, options.lag).cwiseSqrt();
  for (Eigen::Index j = 0; j < coefficients.size(); ++j) {
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
  if (!y.allFinite())
    throw Error(sqlstate::data_exception, "regression data must be finite", "A value is NaN or infinite.",
                "Remove incomplete observations first.");
  const std::vector<double> alphas = choose_alphas(y, options, poll);
  std::map<double, Matrix> influences;
  RidgeFits fits(columns_.cols(), y.cols());
  Projection projection;
  for (Eigen::Index i = 0; i < y.cols(); ++i) {
    if (i % 64 == 0) poll();
    const double alpha = alphas[static_cast<std::size_t>(i)];
    auto found = influences.find(alpha);
    if (found == influences.end()) {
      require_estimable(alpha);
      found = influences.emplace(alpha, influence(alpha)).first;
    }
    project(y.col(i), projection);
    fit_one(projection, alpha, found->second, options, i, fits);
  }
  return fits;
}

}  // namespace pb::core
