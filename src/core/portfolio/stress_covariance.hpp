#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>

#include "core/poll.hpp"
#include "core/portfolio/scenario.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// What stresses take from all of the past that is at hand, instead of from the newest months.
struct StressCovariance {
  Matrix covariance;  // of daily moves
  double shrinkage;   // 0 (sample) to 1 (all pairs have the mean correlation)
  int observations;   // sessions on which all factors moved
  int first;          // row of the first of them
};

// The covariance of the factors' moves (sessions x factors, NaN where missing) over all sessions on which each has one,
// equally weighted and centered, divisor n, with correlations that are shrunk to their mean (Ledoit and Wolf 2003, see
// ledoit_wolf_constant_correlation). None with fewer sessions than the minimum, or where a factor does not move on
// them.
std::optional<StressCovariance> stress_covariance(const Eigen::Ref<const Matrix>& moves, int min_observations,
                                                  Poll poll = no_poll);

// The largest fall and the largest rise of each factor within a horizon; a decimal, the fall not above 0 and the rise
// not below. NaN for a factor that never moved that we know of.
struct WorstMoves {
  Vector lowest;
  Vector highest;
};

// Over every run of at most `horizon` consecutive sessions with moves (sessions x factors): returns are compounded,
// changes of yields added up. A session without a move ends a run. Throws 22023 unless the horizon is positive and
// there is a unit for each factor.
WorstMoves worst_moves(const Eigen::Ref<const Matrix>& moves, std::span<const RiskFactor> factors, int horizon,
                       Poll poll = no_poll);

}  // namespace pb::core
