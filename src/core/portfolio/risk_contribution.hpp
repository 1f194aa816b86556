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

// Splits sigma^2 = x'F x + v by Euler's theorem: d sigma / d x_k = (F x)_k / sigma, and
// x_k (F x)_k / sigma^2 is factor k's share (Litterman 1996; Grinold and Kahn 2000).
//   exposures        x, weighted sums of betas, in units of net asset value
//   factor_covariance F, per session, of the same factors, symmetric and positive semidefinite
//   specific_variance v, per session, of what the factors do not explain (specific_risk.hpp)
//   sessions_per_year of the calendar, by which variances are annualized
// Throws 22023 when sizes differ, 22000 when a number is not finite, a year has no sessions, the specific variance is
// negative, or F is not symmetric or gives these exposures a negative variance.
RiskContributions risk_contributions(const Vector& exposures, const Matrix& factor_covariance, double specific_variance,
                                     int sessions_per_year);

}  // namespace pb::core
