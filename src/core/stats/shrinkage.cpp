#include "core/stats/shrinkage.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/binary_scale.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

namespace {

// Columns whose products with themselves and those after them are formed at a time.
constexpr Eigen::Index columns_at_once = 128;

// Returns, centered, in units of 2^exponent, one for all of them, so that their fourth powers are in range.
struct CenteredReturns {
  CenteredReturns(const Eigen::Ref<const Matrix>& returns, Poll poll);

  Matrix x;
  int exponent;
};

void require_returns(const Eigen::Ref<const Matrix>& returns, Poll poll) {
  if (returns.rows() < 2)
    throw Error(sqlstate::too_few_observations, "too few observations for a covariance",
                std::to_string(returns.rows()) + " sessions.", "Use a longer window or fewer symbols.");
  if (!all_finite(returns, poll))
    throw Error(sqlstate::data_exception, "returns must be finite", "A value is NaN or infinite.",
                "Keep the complete cases first.");
}

CenteredReturns::CenteredReturns(const Eigen::Ref<const Matrix>& returns, Poll poll) : x(copied(returns, poll)) {
  require_returns(x, poll);
  exponent = binary_exponent(x, poll);
  in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
    auto columns = x.middleCols(first, count);
    scale_by_power_of_two(columns, -exponent);
    columns.rowwise() -= columns.colwise().mean().eval();
    columns.rowwise() -= columns.colwise().mean().eval();
  });
}

// The covariance of the returns as they came.
void restore_units(Matrix& covariance, int exponent, Poll poll) {
  in_steps(covariance.cols(), 4 * covariance.rows(), poll, [&](Eigen::Index first, Eigen::Index count) {
    auto columns = covariance.middleCols(first, count);
    columns = columns.unaryExpr([=](double v) { return unscaled(v, 2 * exponent, "covariance"); });
  });
}

// x'x / n, exactly symmetric.
Matrix sample_covariance(const Matrix& x, Poll poll) {
  const Eigen::Index symbols = x.cols();
  Matrix covariance(symbols, symbols);
  for (Eigen::Index first = 0; first < symbols; first += columns_at_once) {
    const Eigen::Index count = std::min(columns_at_once, symbols - first);
    auto below = covariance.block(first, first, symbols - first, count);
    below.setZero();
    add_product(below, x.rightCols(symbols - first).transpose(), x.middleCols(first, count), poll);
    below /= static_cast<double>(x.rows());
  }
  mirror_lower(covariance, poll);
  return covariance;
}

// Sum over all pairs of the variance of the product of their two returns: n times the sum of the asymptotic variances
// of the sample covariances, (1/n) sum_t |x_t x_t' - S|^2 = (1/n) sum_t |x_t|^4 - |S|^2.
double product_variance(const Matrix& x, const Matrix& covariance, Poll poll) {
  Vector squares = Vector::Zero(x.rows());  // |x_t|^2
  in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
    squares += x.middleCols(first, count).rowwise().squaredNorm();
  });
  const double fourth = squares.array().square().sum() / static_cast<double>(x.rows());
  return std::max(0.0, fourth - squared_norm(covariance, poll));
}

// Mean over all pairs of different symbols of s_ij / (s_i s_j).
double mean_correlation(const Matrix& covariance, const Vector& deviations, Poll poll) {
  const auto n = static_cast<double>(covariance.rows());
  const Vector inverse = deviations.cwiseInverse();
  return (inverse.dot(product(covariance, inverse, poll)) - n) / (n * (n - 1));
}

// Sum of n times the asymptotic covariances between target and sample (rho-hat of the paper): the variances of the
// sample variances, which the target shares, and for i != j the mean correlation times s_j / s_i times the covariance
// theta of s_ii and s_ij. The double sum over (1/n) sum_t (x_ti^3 / s_i) (s_j x_tj) is a product of two sums for each
// session.
double target_covariance(const Matrix& x, const Matrix& covariance, const Vector& deviations, double correlation,
                         Poll poll) {
  const auto n = static_cast<double>(x.rows());
  const Vector variances = covariance.diagonal();
  double fourth = 0;
  Vector cubes = Vector::Zero(x.rows());
  in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
    const auto columns = x.middleCols(first, count);
    fourth += columns.array().square().square().sum();
    cubes += columns.array().cube().matrix() * deviations.segment(first, count).cwiseInverse();
  });
  fourth /= n;
  const Vector weighted = product(x, deviations, poll);
  const double theta = (cubes.dot(weighted) / n - fourth) -
                       (deviations.dot(product(covariance, deviations, poll)) - variances.squaredNorm());
  return fourth - variances.squaredNorm() + correlation * theta;
}

ShrunkCovariance shrink_to_identity(const Matrix& x, Poll poll) {
  ShrunkCovariance result{sample_covariance(x, poll)};
  if (x.cols() == 0) return result;
  result.target = result.covariance.trace() / static_cast<double>(x.cols());
  Matrix& covariance = result.covariance;
  const double error = product_variance(x, covariance, poll) / static_cast<double>(x.rows());
  covariance.diagonal().array() -= result.target;
  const double distance = squared_norm(covariance, poll);
  covariance.diagonal().array() += result.target;
  result.intensity = distance > 0 ? std::min(1.0, error / distance) : 0;
  in_column_steps(covariance, poll, [&](Eigen::Index first, Eigen::Index count) {
    covariance.middleCols(first, count) *= 1 - result.intensity;
  });
  covariance.diagonal().array() += result.intensity * result.target;
  return result;
}

// The variances with one correlation for all pairs.
Matrix constant_correlation(const Vector& deviations, const Vector& variances, double correlation, Poll poll) {
  Matrix target(deviations.size(), deviations.size());
  in_column_steps(target, poll, [&](Eigen::Index first, Eigen::Index count) {
    auto columns = target.middleCols(first, count);
    columns = deviations * deviations.segment(first, count).transpose();
    columns *= correlation;
  });
  target.diagonal() = variances;
  return target;
}

ShrunkCovariance shrink_to_constant_correlation(const Matrix& x, Poll poll) {
  ShrunkCovariance result{sample_covariance(x, poll)};
  if (x.cols() < 2) return result;
  Matrix& covariance = result.covariance;
  const Vector deviations = covariance.diagonal().cwiseSqrt();
  if (!(deviations.minCoeff() > 0))
    throw Error(sqlstate::data_exception, "a constant series has no correlation to shrink",
                "The variance of a column of returns is 0.", "Remove constant series first.");
  result.target = mean_correlation(covariance, deviations, poll);
  const Matrix target = constant_correlation(deviations, covariance.diagonal(), result.target, poll);
  const double distance = squared_norm(covariance - target, poll);
  // With two symbols, sample and target are the same but for rounding.
  const double rounding = 16 * epsilon * covariance.trace();
  if (distance <= rounding * rounding) return result;
  const double kappa =
      (product_variance(x, covariance, poll) - target_covariance(x, covariance, deviations, result.target, poll)) /
      distance;
  result.intensity = std::clamp(kappa / static_cast<double>(x.rows()), 0.0, 1.0);
  in_column_steps(covariance, poll, [&](Eigen::Index first, Eigen::Index count) {
    auto columns = covariance.middleCols(first, count);
    columns += result.intensity * (target.middleCols(first, count) - columns);
  });
  return result;
}

}  // namespace

ShrunkCovariance ledoit_wolf(const Eigen::Ref<const Matrix>& returns, Poll poll) {
  const CenteredReturns centered(returns, poll);
  ShrunkCovariance result = shrink_to_identity(centered.x, poll);
  restore_units(result.covariance, centered.exponent, poll);
  result.target = unscaled(result.target, 2 * centered.exponent, "variance");
  return result;
}

ShrunkCovariance ledoit_wolf_constant_correlation(const Eigen::Ref<const Matrix>& returns, Poll poll) {
  const CenteredReturns centered(returns, poll);
  ShrunkCovariance result = shrink_to_constant_correlation(centered.x, poll);
  restore_units(result.covariance, centered.exponent, poll);
  return result;
}

}  // namespace pb::core
