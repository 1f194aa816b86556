#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <optional>

#include "core/poll.hpp"
#include "core/stats/correlation.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A covariance matrix that can be used as one: no combination of the symbols has a negative variance.
struct CovarianceEstimate {
  Matrix covariance;   // per session, of the symbols in their order
  const char* method;  // ledoit_wolf; sample, the pairwise correlations as they are; or higham, repaired
  double shrinkage_intensity = std::numeric_limits<double>::quiet_NaN();  // of ledoit_wolf, 0 to 1
  double repair_distance = std::numeric_limits<double>::quiet_NaN();      // of the others, Frobenius norm; 0 for sample
};

struct CovarianceEstimateSettings {
  double min_coverage = 0.9;     // share of the sessions that each symbol must have for complete cases
  int largest_repairable = 250;  // symbols above which eigenvalues, O(n^3) each time, are not computed
};

// The best estimate that the returns allow, sessions x symbols with NaN where missing, and their pairwise correlations:
//  1. where all symbols have their returns on the same sessions, the covariance of these, shrunk to constant
//     correlation (Ledoit and Wolf 2003);
//  2. else the same on the sessions on which all have one, where each has min_coverage of the sessions and what is left
//     are at least correlations.min_overlap;
//  3. else the pairwise correlations, replaced by the nearest correlation matrix (Higham 2002) unless they are one,
//  with
//     the standard deviations of each symbol's own sessions (divisor n - 1).
// None where a pair has no correlation, and in case 3 above largest_repairable symbols. The columns of the returns are
// the symbols of the correlations, at least two; sizes that do not fit raise 22023.
std::optional<CovarianceEstimate> estimate_covariance(const Eigen::Ref<const Matrix>& returns,
                                                      const Correlations& correlations,
                                                      const CovarianceEstimateSettings& settings = {},
                                                      Poll poll = no_poll);

}  // namespace pb::core
