#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <vector>

#include "core/portfolio/scenario.hpp"
#include "core/stats/estimate.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// The factors of one coherent model with the covariance of their daily moves, each in its own unit. NaN marks a
// covariance that could not be estimated. Two models side by side, or a factor beside its own parts, would count the
// same risk twice.
struct FactorModel {
  std::vector<RiskFactor> factors;
  Matrix covariance;  // by which moves are expected
  // A factor, as the yield, whose exposures come from a regression on it and the first factor, the market, alone, while
  // those to all others come from one without it. Each of the two holds in part what the other measures.
  std::optional<int> beside_market = {};
  // The covariance in the time in which the exposures were measured, where that is another one: it tells what of a
  // factor beside the market the other exposures hold. Empty: the same.
  Matrix measured_covariance = {};
  // The largest moves that are expected, down and up, one for each factor; NaN: any. Empty: of all.
  Vector lowest = {};
  Vector highest = {};

  const Matrix& measured() const { return measured_covariance.size() > 0 ? measured_covariance : covariance; }
};

// How such a factor takes part in a scenario, so that nothing is counted twice. With E the other factors, the
// exposures a of one regression on all factors follow from the measured ones X by what the two regressions must find
// in it:
//   a_E + lambda_E a_r = X_E,   and the coefficient of r in a regression on the market and r = X_r,
// lambda_A = Sigma_AA^-1 Sigma_Ar being what r does along with factors A, Sigma the measured covariance.
struct BesideMarket {
  int factor;
  Matrix joint;              // a = joint X
  Vector along_all;          // lambda_E, 0 for r itself
  Vector of_shocked;         // coefficient of r in a regression on r, the market and the shocked = of_shocked . a
  Vector along_shocked;      // lambda of these, 0 for all others
  bool with_others = false;  // whether another factor than the market is shocked
};

// What every factor does in a scenario; the same for all portfolios.
struct ScenarioMoves {
  std::vector<bool> shocked;
  Vector moves;                // given all shocks, of shocked factors too; NaN when there is no estimate
  Vector shocks;               // of the shocked factors while all others stand still; NaN for others
  Matrix residual_covariance;  // per day, of the moves given the shocks; 0 for what is shocked
  std::optional<BesideMarket> beside_market = {};
  std::vector<int> extrapolated = {};  // factors whose expected move was beyond the model's limits and is cut to them
};

// Propagates the shocks s to the other factors by their conditional expectation under joint normality,
//   f_U = Sigma_US Sigma_SS^-1 s,   residual covariance Sigma_UU - Sigma_US Sigma_SS^-1 Sigma_SU
// (Kupiec 1998, "Stress testing in a value at risk framework"). Shocked factors move exactly as prescribed, however
// many there are. The response to one shock is rho sigma_g / sigma_f, not rho.
// A shock of a style says f + c m = s of the factor f and the market m: c = removed - fund_beta when it is relative,
// removed when it is absolute, so that in a model whose styles are orthogonal to the market a relative shock is a move
// of the factor. With the market shocked as well, f = s - c m. Without, the market takes its expected move, given all
// s, and f the rest; alone, while the market stands still, f = s. An expected move beyond the model's limits is cut to
// them, each factor by itself; a prescribed one never is. Throws 22023 for a scenario that does not fit the
// factors (see resolve_shocks), and PB002 when the covariance of the shocked factors is singular or indefinite, so that
// one of them follows from the others.
ScenarioMoves propagate(const FactorModel& model, const Scenario& scenario);

// One portfolio as stress tests see it.
struct StressExposure {
  Vector dollars;                // P&L per 1.00 of each factor, signed; per 1.00 of yield for a yield; NaN when unknown
  double equity;                 // net asset value; NaN when unknown
  double specific_variance = 0;  // of the daily P&L that no factor explains, dollars squared
};

// One factor's part in the P&L.
struct FactorImpact {
  bool shocked = false;
  double exposure = 0;               // dollars per 1.00 of the factor
  double move = 0;                   // given all shocks; NaN when there is no estimate
  std::optional<double> direct_pnl;  // 0 unless shocked
  std::optional<double> correlated_pnl;
};

// P&L of a portfolio in a scenario, in the currency of the exposures, a loss negative: the sum of exposure x move over
// the factors, of one that was measured beside the market only as far as it does not move along with the others. Linear
// in shocks and exposures, not capped and not rounded. A figure is missing with insufficient_data when a factor it
// needs has no exposure or no move; a factor to which the exposure is 0 needs no move.
struct StressResult {
  Estimate<double> direct_pnl = Estimate<double>::missing(Reason::insufficient_data);      // shocked factors alone
  Estimate<double> correlated_pnl = Estimate<double>::missing(Reason::insufficient_data);  // all factors
  Estimate<double> correlation_effect = Estimate<double>::missing(Reason::insufficient_data);
  // Standard deviation of the P&L around correlated_pnl: sqrt((X_U' residual X_U + specific) x sessions).
  Estimate<double> conditional_sd = Estimate<double>::missing(Reason::insufficient_data);
  // correlated_pnl over equity; missing with no_equity when that is not positive.
  Estimate<double> equity_fraction = Estimate<double>::missing(Reason::insufficient_data);
  // Whether the loss, correlated or where there is none direct, is larger than the equity.
  Estimate<bool> exceeds_equity = Estimate<bool>::missing(Reason::insufficient_data);
  std::vector<FactorImpact> impacts;  // in the order of the factors
};

// Applies a scenario's moves to a portfolio. `sessions` is the time over which the scenario plays, for the deviation.
StressResult stress(const ScenarioMoves& scenario, const StressExposure& portfolio, double sessions = 1);

}  // namespace pb::core
