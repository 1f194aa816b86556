#pragma once
#include "core/no_postgres.hpp"

#include <span>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// What a book has of one symbol's own returns.
struct SpecificExposure {
  int column;       // of the residuals
  double weight;    // signed, in any unit; lots of one symbol are added up first
  double variance;  // of the residuals as the symbol's fit has it, per session
};

// The variance of a book that no factor explains, per session, in the square of the weights' unit.
struct SpecificVariance {
  double value = 0;       // diagonal + (1 - shrinkage) x covariance
  double diagonal = 0;    // sum w_i^2 s_i^2, as if residuals of different symbols were uncorrelated
  double covariance = 0;  // what the variance of the book's own residual series, sum w_i e_it, has beside that
  double shrinkage = 1;   // 0 to 1
};

// Shrinks the variance v of the book's residual series towards the diagonal sum d. Residuals of companies of one sector
// move together, so that d says too little of a book of such; v of few sessions is noisy. The weight of d is Ledoit and
// Wolf's (2003), of this one variance: (Var v - Cov(v, d)) / (v - d)^2, which minimizes the expected squared error,
// with moments of the sessions weighted as the variances are,
//   shrinkage = sum_t p_t^2 (u_t^2 - v) (c_t - c) / c^2,   u_t = sum_i w_i e_it,   c_t = u_t^2 - sum_i w_i^2 e_it^2,
// v and c the means of u_t^2 and c_t, p_t = 2^(-age / half_life) over their sum.
//   residuals  sessions x symbols, the newest last; NaN where missing
// A variance s_i^2 is of the sessions that its symbol has. Where two symbols have no session in common they count as
// uncorrelated, and in part where they have few. A symbol with fewer residuals than min_observations has its fit's
// variance and is uncorrelated. What is left of a perfect hedge, 1e-14 of the diagonal, is 0.
// Takes sessions x exposures steps. Throws 22023 unless the half-life is positive.
SpecificVariance specific_variance(const Eigen::Ref<const Matrix>& residuals,
                                   std::span<const SpecificExposure> exposures, double half_life, int min_observations,
                                   Poll poll = no_poll);

}  // namespace pb::core
