#include "core/stats/covariance_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/stats/complete_cases.hpp"
#include "core/stats/nearest_correlation.hpp"
#include "core/stats/polled_algebra.hpp"
#include "core/stats/shrinkage.hpp"
#include "core/stats/window.hpp"

namespace pb::core {

namespace {

// Whether the sessions on which all symbols have a return are all that each of them has.
bool same_sessions(const Eigen::Ref<const Matrix>& returns, const CompleteCases& cases, Poll poll) {
  const auto complete = static_cast<Eigen::Index>(cases.sessions.size());
  for (Eigen::Index symbol = 0; symbol < returns.cols(); ++symbol) {
    poll();
    if (returns.col(symbol).array().isFinite().count() != complete) return false;
  }
  return true;
}

// A symbol may vary only on sessions that the others do not have; then it has no correlation on those that are left.
bool all_vary(const Matrix& returns, Poll poll) {
  for (Eigen::Index symbol = 0; symbol < returns.cols(); ++symbol) {
    poll();
    if (is_constant(returns.col(symbol))) return false;
  }
  return true;
}

std::optional<CompleteCases> usable_cases(const Eigen::Ref<const Matrix>& returns, int min_overlap, double min_coverage,
                                          Poll poll) {
  CompleteCases cases = complete_cases(returns, 0, poll);
  if (!same_sessions(returns, cases, poll)) cases = complete_cases(returns, min_coverage, poll);
  const bool all_kept = static_cast<Eigen::Index>(cases.columns.size()) == returns.cols();
  if (!all_kept || static_cast<int>(cases.sessions.size()) < std::max(2, min_overlap)) return std::nullopt;
  return all_vary(cases.returns, poll) ? std::optional(std::move(cases)) : std::nullopt;
}

Vector standard_deviations(const Eigen::Ref<const Matrix>& returns, Poll poll) {
  Vector deviations(returns.cols());
  for (Eigen::Index symbol = 0; symbol < returns.cols(); ++symbol) {
    poll();
    const auto present = returns.col(symbol).array().isFinite();
    const auto n = static_cast<double>(present.count());
    const double mean = present.select(returns.col(symbol).array(), 0).sum() / n;
    const double squares = present.select((returns.col(symbol).array() - mean).square(), 0).sum();
    deviations(symbol) = std::sqrt(squares / (n - 1));
  }
  return deviations;
}

}  // namespace

std::optional<CovarianceEstimate> estimate_covariance(const Eigen::Ref<const Matrix>& returns,
                                                      const Correlations& correlations,
                                                      const CovarianceEstimateSettings& settings, Poll poll) {
  if (returns.cols() != correlations.symbols || correlations.symbols < 2)
    throw Error(sqlstate::invalid_parameter, "a covariance needs the returns and correlations of the same symbols",
                std::to_string(returns.cols()) + " columns of returns, correlations of " +
                    std::to_string(correlations.symbols) + " symbols.");
  if (const auto cases = usable_cases(returns, correlations.min_overlap, settings.min_coverage, poll)) {
    ShrunkCovariance shrunk = ledoit_wolf_constant_correlation(cases->returns, poll);
    return CovarianceEstimate{std::move(shrunk.covariance), "ledoit_wolf", shrunk.intensity};
  }
  const auto missing = [](double correlation) { return std::isnan(correlation); };
  if (correlations.symbols > settings.largest_repairable ||
      std::any_of(correlations.values.begin(), correlations.values.end(), missing))
    return std::nullopt;
  NearestCorrelation nearest =
      nearest_correlation(unpack_triangle(correlations.values, correlations.symbols, 1, poll), {}, poll);
  const Vector deviations = standard_deviations(returns, poll);
  CovarianceEstimate estimate{copied(deviations.asDiagonal() * nearest.matrix * deviations.asDiagonal(), poll),
                              nearest.iterations == 0 ? "sample" : "higham"};
  estimate.repair_distance = nearest.distance;
  return estimate;
}

}  // namespace pb::core
