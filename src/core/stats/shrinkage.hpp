#pragma once
#include "core/no_postgres.hpp"

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A covariance estimate pulled towards a target with fewer parameters, which makes it well-conditioned even when there
// are more symbols than sessions: intensity x target + (1 - intensity) x sample covariance.
struct ShrunkCovariance {
  Matrix covariance;     // per period, in squares of the unit of the returns
  double intensity = 0;  // 0 (sample) to 1 (target)
  double target = 0;     // its parameter: the mean variance, or the mean correlation
};

// Ledoit and Wolf (2004, Journal of Multivariate Analysis): the target is the identity times the mean variance, and the
// intensity minimizes the expected squared error. Returns are sessions x symbols without gaps; they are centered, and
// the covariance has divisor n, as in sklearn.covariance.LedoitWolf. Throws PB001 below two sessions, 22000 on a NaN
// or an infinity, 22003 where a variance is beyond the range of double.
ShrunkCovariance ledoit_wolf(const Eigen::Ref<const Matrix>& returns, Poll poll = no_poll);

// Ledoit and Wolf (2003, "Honey, I shrunk the sample covariance matrix"): the target keeps the variances and gives all
// pairs the mean correlation; otherwise as above. Throws 22000 also when a series is constant, as it has no
// correlation.
ShrunkCovariance ledoit_wolf_constant_correlation(const Eigen::Ref<const Matrix>& returns, Poll poll = no_poll);

}  // namespace pb::core
