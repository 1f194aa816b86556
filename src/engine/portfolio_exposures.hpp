#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <string>

#include "engine/context.hpp"
#include "engine/risk_models.hpp"
#include "store/exposure_store.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::engine {

// Says of how many symbols something could be estimated: "market betas of 24 of 25 symbols", in short "betas 24/25".
void report_estimates(Report& report, const RiskBook& book, const std::string& what, const std::string& in_short,
                      std::span<const store::SymbolModel> symbols, const std::string& addition = "");

// A portfolio's exposure to a factor as it is stored: in dollars, and over net asset value where that is positive. The
// share of its gross exposure whose betas are stale is that of the model.
store::PortfolioExposure portfolio_exposure(const RiskPortfolio& portfolio, const std::string& factor,
                                            const FactorExposure& exposure, double stale);

// Writes what the portfolios held on the day, which the positions' estimates refer to: the report that an engine of
// such estimates begins with.
Report write_holdings_of_engine(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

// Writes a model of the day and its symbols' fits, each with the digest of its inputs.
std::int64_t write_models(Context& context, core::Date day, store::FactorModelRow model,
                          std::vector<store::SymbolModel> rows);

// Counts a portfolio's positions as processed where their symbol is estimated, else as skipped.
template <class IsEstimated>
void count_positions(Report& report, const RiskPortfolio& portfolio, IsEstimated&& is_estimated) {
  for (const RiskPosition& position : portfolio.positions)
    ++(position.symbol >= 0 && is_estimated(position.symbol) ? report.processed : report.skipped);
}

}  // namespace pb::engine
