#pragma once
#include "core/no_postgres.hpp"

#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A portfolio's risk and where it comes from. Volatilities are annualized standard deviations of the return on net
// asset value. Where there is no risk at all, shares of it do not exist: marginal, component and percent figures are
// NaN.
struct RiskContributions {
  double total_volatility = 0;
  double systematic_volatility = 0;  // of the factors alone
  double specific_volatility = 0;    // of what the factors do not explain
  Vector marginal;                   // a factor each: change of total volatility per unit of exposure
  Vector component;                  // exposure x marginal; with the specific component they add up to the total
  Vector percent;                    // component / total; with the specific one they add up to 1, a hedge's is negative
  double specific_component = 0;     // specific variance / total volatility
  double specific_percent = 0;
};

// Splits sigma^2 = x'F x + sum_i w_i^2 s_i^2 by Euler's theorem: d sigma / d x_k = (F x)_k / sigma, and
// x_k (F x)_k / sigma^2 is factor k's share (Litterman 1996; Grinold and Kahn 2000).
//   exposures        x, weighted sums of betas, in units of net asset value
//   factor_covariance F, per session, of the same factors, symmetric and positive semidefinite
//   weights          w, signed exposure over net asset value, one for each symbol: lots of one symbol share its
//   specific
//                    return and must be added up first
//   specific_variances s^2, residual variance per session of each symbol
//   sessions_per_year  of the calendar, by which variances are annualized
// Specific returns of different symbols are taken as uncorrelated. Throws 22023 when sizes differ, 22000 when a number
// is not finite, a year has no sessions, a specific variance is negative, or F is not symmetric or gives these
// exposures a negative variance.
RiskContributions risk_contributions(const Vector& exposures, const Matrix& factor_covariance, const Vector& weights,
                                     const Vector& specific_variances, int sessions_per_year);

}  // namespace pb::core
