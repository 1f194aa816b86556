#include "core/shrinkage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/binary_scale.hpp"
#include "core/error.hpp"

namespace pb::core {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

// Columns whose products are formed between two polls.
constexpr Eigen::Index columns_at_once = 128;

// Returns, centered, in units of 2^exponent, one for all of them, so that their fourth powers are in range.
struct CenteredReturns {
  explicit CenteredReturns(const Eigen::Ref<const Matrix>& returns);

  Matrix x;
  int exponent;
};

void require_usable(const Eigen::Ref<const Matrix>& returns) {
  if (returns.rows() < 2)
    throw Error(sqlstate::too_few_observations, "too few observations for a covariance",
                std::to_string(returns.rows()) + " sessions.", "Use a longer window or fewer symbols.");
  if (!returns.allFinite())
    throw Error(sqlstate::data_exception, "returns must be finite", "A value is NaN or infinite.",
                "Keep the complete cases first.");
}

CenteredReturns::CenteredReturns(const Eigen::Ref<const Matrix>& returns) : x(returns) {
  require_usable(x);
  exponent = binary_exponent(x);
  scale_by_power_of_two(x, -exponent);
  x.rowwise() -= x.colwise().mean().eval();
  x.rowwise() -= x.colwise().mean().eval();
}

// The covariance of the returns as they came.
void restore_units(Matrix& covariance, int exponent) {
  covariance = covariance.unaryExpr([=](double v) { return unscaled(v, 2 * exponent, "covariance"); });
}

// x'x / n, exactly symmetric.
Matrix sample_covariance(const Matrix& x, Poll poll) {
  const Eigen::Index symbols = x.cols();
  Matrix covariance(symbols, symbols);
  for (Eigen::Index first = 0; first < symbols; first += columns_at_once) {
    poll();
    const Eigen::Index count = std::min(columns_at_once, symbols - first);
    covariance.block(first, first, symbols - first, count).noalias() =
        x.rightCols(symbols - first).transpose() * x.middleCols(first, count) / static_cast<double>(x.rows());
  }
  covariance.triangularView<Eigen::StrictlyUpper>() = covariance.transpose();
  return covariance;
}

// Sum over all pairs of the variance of the product of their two returns: n times the sum of the asymptotic variances
// of the sample covariances, (1/n) sum_t |x_t x_t' - S|^2 = (1/n) sum_t |x_t|^4 - |S|^2.
double product_variance(const Matrix& x, const Matrix& covariance) {
  const double fourth = x.rowwise().squaredNorm().array().square().sum() / static_cast<double>(x.rows());
  return std::max(0.0, fourth - covariance.squaredNorm());
}

// Mean over all pairs of different symbols of s_ij / (s_i s_j).
double mean_correlation(const Matrix& covariance, const Vector& deviations) {
  const auto n = static_cast<double>(covariance.rows());
  const Vector inverse = deviations.cwiseInverse();
  return (inverse.dot(covariance * inverse) - n) / (n * (n - 1));
}

// Sum of n times the asymptotic covariances between target and sample (rho-hat of the paper): the variances of the
// sample variances, which the target shares, and for i != j the mean correlation times s_j / s_i times the covariance
// theta of s_ii and s_ij. The double sum over (1/n) sum_t (x_ti^3 / s_i) (s_j x_tj) is a product of two sums for each
// session.
double target_covariance(const Matrix& x, const Matrix& covariance, const Vector& deviations, double correlation) {
  const auto n = static_cast<double>(x.rows());
  const Vector variances = covariance.diagonal();
  const double fourth = x.array().square().square().sum() / n;
  const Vector cubes = x.array().cube().matrix() * deviations.cwiseInverse();
  const Vector weighted = x * deviations;
  const double theta =
      (cubes.dot(weighted) / n - fourth) - (deviations.dot(covariance * deviations) - variances.squaredNorm());
  return fourth - variances.squaredNorm() + correlation * theta;
}

ShrunkCovariance shrink_to_identity(const Matrix& x, Poll poll) {
  ShrunkCovariance result{sample_covariance(x, poll)};
  if (x.cols() == 0) return result;
  result.target = result.covariance.trace() / static_cast<double>(x.cols());
  Matrix& covariance = result.covariance;
  const double error = product_variance(x, covariance) / static_cast<double>(x.rows());
  covariance.diagonal().array() -= result.target;
  const double distance = covariance.squaredNorm();
  covariance.diagonal().array() += result.target;
  result.intensity = distance > 0 ? std::min(1.0, error / distance) : 0;
  covariance *= 1 - result.intensity;
  covariance.diagonal().array() += result.intensity * result.target;
  return result;
}

ShrunkCovariance shrink_to_constant_correlation(const Matrix& x, Poll poll) {
  ShrunkCovariance result{sample_covariance(x, poll)};
  if (x.cols() < 2) return result;
  const Vector deviations = result.covariance.diagonal().cwiseSqrt();
  if (!(deviations.minCoeff() > 0))
    throw Error(sqlstate::data_exception, "a constant series has no correlation to shrink",
                "The variance of a column of returns is 0.", "Remove constant series first.");
  result.target = mean_correlation(result.covariance, deviations);
  Matrix target = deviations * deviations.transpose();
  target *= result.target;
  target.diagonal() = result.covariance.diagonal();
  const double distance = (result.covariance - target).squaredNorm();
  // With two symbols, sample and target are the same but for rounding.
  const double rounding = 16 * epsilon * result.covariance.trace();
  if (distance <= rounding * rounding) return result;
  const double kappa =
      (product_variance(x, result.covariance) - target_covariance(x, result.covariance, deviations, result.target)) /
      distance;
  result.intensity = std::clamp(kappa / static_cast<double>(x.rows()), 0.0, 1.0);
  result.covariance += result.intensity * (target - result.covariance);
  return result;
}

}  // namespace

ShrunkCovariance ledoit_wolf(const Eigen::Ref<const Matrix>& returns, Poll poll) {
  const CenteredReturns centered(returns);
  ShrunkCovariance result = shrink_to_identity(centered.x, poll);
  restore_units(result.covariance, centered.exponent);
  result.target = unscaled(result.target, 2 * centered.exponent, "variance");
  return result;
}

ShrunkCovariance ledoit_wolf_constant_correlation(const Eigen::Ref<const Matrix>& returns, Poll poll) {
  const CenteredReturns centered(returns);
  ShrunkCovariance result = shrink_to_constant_correlation(centered.x, poll);
  restore_units(result.covariance, centered.exponent);
  return result;
}

Matrix correlation_of_covariance(const Matrix& covariance) {
  const Vector scale = covariance.diagonal().cwiseSqrt().cwiseInverse();
  Matrix correlation = scale.asDiagonal() * covariance * scale.asDiagonal();
  correlation = correlation.array().isFinite().select(correlation.cwiseMin(1.0).cwiseMax(-1.0),
                                                      std::numeric_limits<double>::quiet_NaN());
  correlation.diagonal().setOnes();
  return correlation;
}

}  // namespace pb::core
