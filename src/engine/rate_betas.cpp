#include "engine/rate_betas.hpp"

#include "core/error.hpp"
#include "engine/portfolio_exposures.hpp"
#include "engine/risk_models.hpp"
#include "pg/interrupts.hpp"
#include "store/exposure_store.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::engine {

namespace {

constexpr int rate = 1;  // its place among the model's factors, after the market

std::vector<store::SymbolModel> symbol_models(const RiskBook& book, const RateFits& fits) {
  std::vector<store::SymbolModel> rows;
  rows.reserve(book.symbols.size());
  for (std::size_t i = 0; i < book.symbols.size(); ++i)
    rows.push_back(store::symbol_model(book.symbols[i], fits.fits, static_cast<int>(i), book.sessions_per_year));
  return rows;
}

}  // namespace

Report calc_interest_rate_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  RiskModels& models = context.risk(day, portfolio_ids);
  const RateFits& fits = models.rate();
  Report report = write_holdings_of_engine(context, day, portfolio_ids);
  std::vector<store::PortfolioExposure> exposures;
  for (const RiskPortfolio& portfolio : models.book().portfolios) {
    pg::poll();
    count_positions(report, portfolio, [&](int symbol) { return fits.fits.estimated(symbol); });
    if (!portfolio.net_asset_value) continue;
    const FactorExposure exposure = exposure_to(portfolio, [&](int symbol) { return fits.beta(rate, symbol); });
    const double stale = stale_share(portfolio, [&](int symbol) { return fits.is_stale(symbol); });
    exposures.push_back(portfolio_exposure(portfolio, fits.factor, exposure, stale));
    exposures.back().std_error = models.std_errors("rate", portfolio)(rate);
  }
  const std::vector<store::SymbolModel> symbols = symbol_models(models.book(), fits);
  report.rows_written += write_models(context, day, models.describe("rate", fits.factors), symbols) +
                         store::write_portfolio_exposures(context.store(), day, "rate", portfolio_ids, exposures);
  report_estimates(report, models.book(), "rate betas", "rate betas", symbols,
                   fits.series.empty() ? ", no yield series and no bond fund" : " on " + fits.series);
  return report;
}

}  // namespace pb::engine
