#include "core/stats/ewma.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/constant_series.hpp"

namespace pb::core {

namespace {

using Column = Eigen::Ref<const Vector>;

// Ones where there is a return, zeros elsewhere; the returns that are missing become zeros themselves.
Matrix take_presence(Matrix& returns) {
  Matrix present(returns.rows(), returns.cols());
  for (Eigen::Index i = 0; i < returns.size(); ++i) {
    double& value = returns.data()[i];
    const bool usable = std::isfinite(value * value);
    present.data()[i] = usable ? 1 : 0;
    if (!usable) value = 0;
  }
  return present;
}

struct PairMoments {
  double variance_x;
  double variance_y;
  double covariance;
};

// Moments of a pair; the weights are zero where either return is missing and add up to `total`. Means are taken away
// before anything is multiplied, which keeps the digits.
PairMoments pair_moments(const Column& x, const Column& y, const Vector& weights, double total, EwmaMean mean) {
  const bool centered = mean == EwmaMean::weighted;
  const double mean_x = centered ? weights.dot(x) / total : 0;
  const double mean_y = centered ? weights.dot(y) / total : 0;
  PairMoments sums{0, 0, 0};
  for (Eigen::Index t = 0; t < x.size(); ++t) {
    const double dx = x(t) - mean_x;
    const double dy = y(t) - mean_y;
    // The weight last: then the order of the two series does not show in a single bit.
    sums.variance_x += weights(t) * (dx * dx);
    sums.variance_y += weights(t) * (dy * dy);
    sums.covariance += weights(t) * (dx * dy);
  }
  return {sums.variance_x / total, sums.variance_y / total, sums.covariance / total};
}

}  // namespace

double ewma_lambda(double half_life) {
  if (!(half_life > 0) || !std::isfinite(half_life))
    throw Error(sqlstate::invalid_parameter, "half-life must be positive and finite");
  return std::exp2(-1 / half_life);
}

Vector ewma_weights(Eigen::Index sessions, double lambda) {
  Vector weights(sessions);
  double weight = 1;
  for (Eigen::Index t = sessions - 1; t >= 0; --t, weight *= lambda) weights(t) = weight;
  return weights;
}

Reason EwmaMoments::reason(Eigen::Index i, Eigen::Index j) const {
  if (observations(i, j) < min_observations) return Reason::insufficient_data;
  return std::isnan(correlation(i, j)) ? Reason::constant_series : Reason::none;
}

EwmaMoments ewma_moments(const Eigen::Ref<const Matrix>& returns, int session, const EwmaSettings& settings,
                         Poll poll) {
  if (settings.window < 1 || settings.min_observations < 1)
    throw Error(sqlstate::invalid_parameter, "window and minimum of an exponential average must be positive");
  const double lambda = ewma_lambda(settings.half_life);
  const int first = std::max(1, session - settings.window + 1);
  const int sessions = std::max(0, session - first + 1);
  Matrix values = sessions > 0 ? Matrix(returns.middleRows(first, sessions)) : Matrix(0, returns.cols());
  const Matrix present = take_presence(values);
  const Vector session_weights = ewma_weights(sessions, lambda);

  const Eigen::Index k = returns.cols();
  EwmaMoments moments{Matrix::Constant(k, k, nan), Matrix::Constant(k, k, nan), Eigen::MatrixXi::Zero(k, k),
                      Matrix::Zero(k, k), settings.min_observations};
  Vector weights(sessions);
  for (Eigen::Index j = 0; j < k; ++j) {
    poll();
    for (Eigen::Index i = j; i < k; ++i) {
      weights = session_weights.cwiseProduct(present.col(i)).cwiseProduct(present.col(j));
      const double total = weights.sum();
      const int observations = static_cast<int>(present.col(i).dot(present.col(j)));
      moments.observations(i, j) = moments.observations(j, i) = observations;
      if (!(total > 0)) continue;
      moments.effective_observations(i, j) = moments.effective_observations(j, i) =
          total * total / weights.squaredNorm();
      if (observations < settings.min_observations) continue;
      const PairMoments pair = pair_moments(values.col(i), values.col(j), weights, total, settings.mean);
      if (std::min(pair.variance_x, pair.variance_y) < constant_series_variance) continue;
      const double scale = std::sqrt(pair.variance_x) * std::sqrt(pair.variance_y);
      moments.covariance(i, j) = moments.covariance(j, i) = pair.covariance;
      moments.correlation(i, j) = moments.correlation(j, i) =
          i == j ? 1 : std::clamp(pair.covariance / scale, -1.0, 1.0);
    }
  }
  return moments;
}

}  // namespace pb::core
