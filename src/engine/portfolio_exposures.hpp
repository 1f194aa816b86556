#pragma once
#include "core/no_postgres.hpp"

#include <string>

#include "engine/risk_models.hpp"
#include "store/exposure_store.hpp"

namespace pb::engine {

// A portfolio's exposure to a factor as it is stored: in dollars, and over net asset value where that is positive.
store::PortfolioExposure portfolio_exposure(const RiskPortfolio& portfolio, const std::string& factor,
                                            const FactorExposure& exposure);

}  // namespace pb::engine
