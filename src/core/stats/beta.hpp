#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <optional>
#include <span>
#include <string>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/regression.hpp"
#include "core/stats/window.hpp"

namespace pb::core {

using BetaSettings = WindowSettings;

// The intercept of r - r_f = alpha + beta (r_m - r_f) + e, what a symbol earned beyond its market risk (Jensen 1968),
// per session. NaN with a reason; without one where the market model has no estimate either.
struct JensenAlpha {
  double alpha = std::numeric_limits<double>::quiet_NaN();
  double std_error = std::numeric_limits<double>::quiet_NaN();
  Reason reason = Reason::none;
};

// A symbol's market model r = alpha + beta r_m + e, of returns as they are: alpha has (1 - beta) of the riskless return
// in it.
struct BetaFit : Sample {
  std::optional<RegressionFit> fit;
  JensenAlpha jensen = {};

  double alpha() const { return fit->coefficients(0); }
  double beta() const { return fit->coefficients(1); }
  double std_error() const { return fit->std_errors(1); }
};

// Estimates the model on the newest observations up to and including the session: days on which both returns exist.
// Jensen's alpha is of those of them that have a riskless return, at least as many as the model needs; without riskless
// returns, or with fewer, its reason is no_risk_free_rate.
BetaFit fit_beta(const Eigen::Ref<const Vector>& asset_returns, const Eigen::Ref<const Vector>& market_returns,
                 int session, const Sessions& sessions, const BetaSettings& settings,
                 const Vector* risk_free = nullptr);

// One position's weight in a portfolio with its model, for the portfolio's own regression.
struct WeightedAsset {
  double weight;  // signed exposure over net asset value
  Eigen::Ref<const Vector> returns;
  const BetaFit* model;
};

// A portfolio's market beta at its present weights.
struct PortfolioBeta {
  double beta = 0;                  // sum of weight x beta
  std::optional<double> r_squared;  // of the weighted return series regressed on the market
  int observations = 0;
};

// Beta is the weighted sum; R2 comes from the return series of the present weights, because an average of position
// R2 ignores diversification. Where an asset has no return its model's fitted value stands in.
PortfolioBeta portfolio_beta(std::span<const WeightedAsset> assets, const Eigen::Ref<const Vector>& market_returns,
                             int session, const BetaSettings& settings);

}  // namespace pb::core
