#pragma once
#include "core/no_postgres.hpp"

#include "core/portfolio/specific_risk.hpp"
#include "engine/risk_models.hpp"
#include "store/settings.hpp"

namespace pb::engine {

// What a factor model leaves unexplained of portfolios: the one source of their specific variance.
class SpecificRisk {
 public:
  // Takes the symbols' residuals over the sessions and at the decay of the factor covariances: return less
  // sum of beta x factor move, in the moves of which the covariances are, times sqrt(n / residual degrees of freedom),
  // so that they are as large as the fit's residual variance says. 0 where a fit is exact.
  SpecificRisk(RiskModels& models, const SymbolFits& fits, const store::Settings& settings);

  // Of the symbols that have the model, per session, in dollars squared.
  core::SpecificVariance variance(const RiskPortfolio& portfolio) const;

 private:
  void take_residuals(RiskModels& models);

  const SymbolFits& fits_;
  const store::Settings& settings_;
  core::Matrix residuals_;  // sessions x symbols of the book
};

}  // namespace pb::engine
