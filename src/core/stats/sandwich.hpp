#pragma once
#include "core/no_postgres.hpp"

#include <optional>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// How the covariance of linear estimates is estimated.
enum class CovarianceType {
  classical,   // homoskedastic, s^2 (X'X)^-1
  hc1,         // White with n/(n-k)
  newey_west,  // Bartlett kernel, n/(n-k)
};

// floor(4 (n/100)^(2/9)), the lag rule of Newey and West (1994) for the Bartlett kernel.
int newey_west_lag(int observations);

// The sum of a series' autocovariances under the Bartlett kernel, each a sum over the observations. It polls before
// each lag.
double bartlett_sum(const Vector& series, int lag, Poll poll = no_poll);

// Sampling variances of linear estimates b = W'y, one column of the influence W (observations x estimates) each, from
// the residuals e. An observation moves an estimate by u_t = W_t e_t, and the variance is that of the sum of the u:
//   classical   s^2 sum_t W_t^2,  s^2 = e'e / residual_df
//   HC1         n / residual_df  sum_t u_t^2
//   Newey-West  n / residual_df (sum_t u_t^2 + 2 sum_l (1 - l/(L+1)) sum_t u_t u_{t-l})
// Summing influences keeps digits that (X'X)^-1 on both sides would lose. Without a lag, L follows the rule above.
// A negative one is refused with 22023. It polls before each lag of each estimate.
// White (1980); Newey and West (1987).
Vector sandwich_variances(const Matrix& influence, const Vector& residuals, double residual_df, CovarianceType type,
                          std::optional<int> lag, Poll poll = no_poll);

}  // namespace pb::core
