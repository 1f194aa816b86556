#pragma once
#include "core/no_postgres.hpp"

#include <optional>

#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Kurtosis of returns that are standardized by the volatility known before each of them:
//   z(t)^2 = r(t)^2 / v(t-1),    k = N sum z^4 / (sum z^2)^2,
// v the average of the earlier r^2 with weights lambda^age, normalized over those there are (RiskMetrics 1996).
// Zero-mean and not centered: 3 for the normal distribution. That volatility changes is in v and not in k, which is
// what one return adds to the error of a variance: Var(mean r^2) = v^2 (k - 1) / n.
//
// Squared returns are consecutive observations, oldest first, finite. The first `start` only begin the average, and
// what follows a variance of nothing but rounding is left out. None with fewer than `min_returns` standardized returns,
// or when all are 0.
std::optional<double> standardized_kurtosis(const Vector& squared_returns, double lambda, int start, int min_returns);

}  // namespace pb::core
