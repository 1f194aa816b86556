#include "core/portfolio/stress_covariance.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/complete_cases.hpp"
#include "core/stats/constant_series.hpp"
#include "core/stats/shrinkage.hpp"

namespace pb::core {

namespace {

bool moves_enough(const Vector& series) {
  return (series.array() - series.mean()).square().mean() >= constant_series_variance;
}

// The runs that end on a session, from the shortest to the longest.
void extend(const Eigen::Ref<const Vector>& moves, Eigen::Index session, ShockUnit unit, int horizon, double& lowest,
            double& highest) {
  double total = 0;
  for (Eigen::Index t = session; t >= 0 && session - t < horizon && std::isfinite(moves(t)); --t) {
    total = unit == ShockUnit::simple_return ? (1 + total) * (1 + moves(t)) - 1 : total + moves(t);
    // Comparisons, which leave the bounds alone where the total is no number, as fmin does by a call.
    if (total < lowest) lowest = total;
    if (total > highest) highest = total;
  }
}

}  // namespace

std::optional<StressCovariance> stress_covariance(const Eigen::Ref<const Matrix>& moves, int min_observations,
                                                  Poll poll) {
  const CompleteCases cases = complete_cases(moves, 0, poll);
  const auto observations = static_cast<int>(cases.sessions.size());
  if (static_cast<Eigen::Index>(cases.columns.size()) < moves.cols() || observations < std::max(min_observations, 2))
    return std::nullopt;
  for (Eigen::Index k = 0; k < moves.cols(); ++k)
    if (!moves_enough(cases.returns.col(k))) return std::nullopt;
  ShrunkCovariance shrunk = ledoit_wolf_constant_correlation(cases.returns, poll);
  return StressCovariance{std::move(shrunk.covariance), shrunk.intensity, observations, cases.sessions.front()};
}

WorstMoves worst_moves(const Eigen::Ref<const Matrix>& moves, std::span<const RiskFactor> factors, int horizon,
                       Poll poll) {
  if (horizon < 1 || moves.cols() != static_cast<Eigen::Index>(factors.size()))
    throw Error(sqlstate::invalid_parameter, "worst moves need a positive horizon and one series for each factor");
  WorstMoves worst{Vector::Constant(moves.cols(), nan), Vector::Constant(moves.cols(), nan)};
  for (Eigen::Index k = 0; k < moves.cols(); ++k) {
    poll();
    if (!moves.col(k).array().isFinite().any()) continue;
    worst.lowest(k) = worst.highest(k) = 0;  // to stand still is in every history
    for (Eigen::Index t = 0; t < moves.rows(); ++t)
      extend(moves.col(k), t, factors[static_cast<std::size_t>(k)].unit, horizon, worst.lowest(k), worst.highest(k));
  }
  return worst;
}

}  // namespace pb::core
