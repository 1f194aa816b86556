#include "core/stats/sandwich.hpp"

#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

double bartlett_sum(const Vector& series, int lag, Poll poll) {
  const Eigen::Index n = series.size();
  double sum = series.squaredNorm();
  for (Eigen::Index l = 1; l <= lag && l < n; ++l) {
    poll();
    sum += 2 * (1 - static_cast<double>(l) / (lag + 1.0)) * series.tail(n - l).dot(series.head(n - l));
  }
  return sum;
}

int newey_west_lag(int observations) {
  return static_cast<int>(std::floor(4.0 * std::pow(observations / 100.0, 2.0 / 9.0)));
}

Vector sandwich_variances(const Matrix& influence, const Vector& residuals, double residual_df, CovarianceType type,
                          std::optional<int> lag, Poll poll) {
  Vector variances(influence.cols());
  if (type == CovarianceType::classical) {
    in_column_steps(influence, poll, [&](Eigen::Index first, Eigen::Index count) {
      variances.segment(first, count) = influence.middleCols(first, count).colwise().squaredNorm();
    });
    return residuals.squaredNorm() / residual_df * variances;
  }
  if (lag && *lag < 0)
    throw Error(sqlstate::invalid_parameter, "lag must not be negative", "It is " + std::to_string(*lag) + ".");
  const auto n = static_cast<int>(residuals.size());
  const int lags = type == CovarianceType::newey_west ? lag.value_or(newey_west_lag(n)) : 0;
  Vector pulls(n);
  for (Eigen::Index j = 0; j < influence.cols(); ++j) {
    poll();
    pulls = influence.col(j).cwiseProduct(residuals);
    variances(j) = bartlett_sum(pulls, lags, poll);
  }
  // The kernel is positive semidefinite; a sum below 0 is rounding.
  return n / residual_df * variances.cwiseMax(0.0);
}

}  // namespace pb::core
