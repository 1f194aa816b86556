#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <string>

#include "engine/risk_models.hpp"
#include "store/exposure_store.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::engine {

// "24 of 25 symbols": how many could be estimated.
std::string estimated(std::span<const store::SymbolModel> symbols);

// A portfolio's exposure to a factor as it is stored: in dollars, and over net asset value where that is positive.
store::PortfolioExposure portfolio_exposure(const RiskPortfolio& portfolio, const std::string& factor,
                                            const FactorExposure& exposure);

}  // namespace pb::engine
