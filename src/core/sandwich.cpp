#include "core/sandwich.hpp"

#include <cmath>
#include <string>

#include "core/error.hpp"

namespace pb::core {

namespace {

// The sum of a series' autocovariances under the Bartlett kernel, each a sum over the observations.
double bartlett_sum(const Vector& series, int lag) {
  const Eigen::Index n = series.size();
  double sum = series.squaredNorm();
  for (Eigen::Index l = 1; l <= lag && l < n; ++l)
    sum += 2 * (1 - static_cast<double>(l) / (lag + 1.0)) * series.tail(n - l).dot(series.head(n - l));
  return sum;
}

}  // namespace

int newey_west_lag(int observations) {
  return static_cast<int>(std::floor(4.0 * std::pow(observations / 100.0, 2.0 / 9.0)));
}

Vector sandwich_variances(const Matrix& influence, const Vector& residuals, double residual_df, CovarianceType type,
                          std::optional<int> lag) {
  if (type == CovarianceType::classical)
    return residuals.squaredNorm() / residual_df * influence.colwise().squaredNorm().transpose();
  if (lag && *lag < 0)
    throw Error(sqlstate::invalid_parameter, "lag must not be negative", "It is " + std::to_string(*lag) + ".");
  const auto n = static_cast<int>(residuals.size());
  const int lags = type == CovarianceType::newey_west ? lag.value_or(newey_west_lag(n)) : 0;
  Vector variances(influence.cols());
  Vector pulls(n);
  for (Eigen::Index j = 0; j < influence.cols(); ++j) {
    pulls = influence.col(j).cwiseProduct(residuals);
    variances(j) = bartlett_sum(pulls, lags);
  }
  // The kernel is positive semidefinite; a sum below 0 is rounding.
  return n / residual_df * variances.cwiseMax(0.0);
}

}  // namespace pb::core
