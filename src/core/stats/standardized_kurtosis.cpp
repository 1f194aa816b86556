#include "core/stats/standardized_kurtosis.hpp"

#include "core/stats/constant_series.hpp"

namespace pb::core {

std::optional<double> standardized_kurtosis(const Vector& squared_returns, double lambda, int start, int min_returns) {
  double sum = 0;
  double weights = 0;
  double second = 0;
  double fourth = 0;
  int count = 0;
  for (Eigen::Index t = 0; t < squared_returns.size(); ++t) {
    const double square = squared_returns(t);
    // The sums are of the returns before.
    if (t >= start && sum >= constant_series_variance * weights) {
      const double standardized = square / (sum / weights);
      second += standardized;
      fourth += standardized * standardized;
      ++count;
    }
    sum = lambda * sum + square;
    weights = lambda * weights + 1;
  }
  if (count < min_returns || !(second > 0)) return std::nullopt;
  return count * fourth / (second * second);
}

}  // namespace pb::core
