#include "engine/market_betas.hpp"

#include "core/stats/beta.hpp"
#include "engine/portfolio_exposures.hpp"
#include "engine/risk_models.hpp"
#include "pg/interrupts.hpp"
#include "store/exposure_store.hpp"
#include "store/snapshot_store.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::engine {

using core::BetaFit;
using core::Date;

namespace {

core::BetaSettings beta_settings(const store::Settings& settings) {
  return {settings.beta_window, settings.beta_min_observations, settings.limited_history_below};
}

FactorExposure market_exposure(const RiskPortfolio& portfolio, const std::vector<BetaFit>& fits) {
  return exposure_to(portfolio, [&](int symbol) {
    const BetaFit& fit = fits[static_cast<std::size_t>(symbol)];
    return fit.fit ? std::optional(fit.beta()) : std::nullopt;
  });
}

store::SnapshotBeta snapshot_beta(const RiskPortfolio& portfolio, RiskModels& models, const store::Settings& settings,
                                  double std_error) {
  const std::vector<BetaFit>& fits = models.market();
  const FactorExposure exposure = market_exposure(portfolio, fits);
  store::SnapshotBeta row{.portfolio_id = portfolio.id,
                          .beta = {},
                          .std_error = {},
                          .r_squared = {},
                          .observations = {},
                          .coverage = exposure.coverage,
                          .reason = {}};
  row.reason = missing_exposure_reason(portfolio, exposure);
  if (row.reason != core::Reason::none) return row;
  if (!portfolio.has_equity()) {
    row.reason = core::Reason::no_equity;
  } else {
    std::vector<core::WeightedAsset> assets;
    for (const SymbolExposure& held : portfolio.exposures) {
      const auto place = static_cast<std::size_t>(held.symbol);
      if (!fits[place].fit) continue;
      assets.push_back(
          {held.net / *portfolio.net_asset_value, models.returns().col(models.book().columns[place]), &fits[place]});
    }
    const core::PortfolioBeta beta =
        core::portfolio_beta(assets, models.market_returns(), models.book().session, beta_settings(settings));
    row.beta = beta.beta;
    row.std_error = std_error;
    row.r_squared = beta.r_squared;
    row.observations = beta.observations;
    if (!row.r_squared)
      row.reason = beta.observations < settings.beta_min_observations ? core::Reason::insufficient_data
                                                                      : core::Reason::constant_series;
  }
  return row;
}

std::vector<store::SymbolModel> symbol_models(RiskModels& models) {
  std::vector<store::SymbolModel> rows;
  rows.reserve(models.book().symbols.size());
  for (std::size_t i = 0; i < models.book().symbols.size(); ++i)
    rows.push_back(store::symbol_model(models.book().symbols[i], models.market()[i], models.book().sessions_per_year));
  return rows;
}

}  // namespace

Report calc_market_betas(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  RiskModels& models = context.risk(day, portfolio_ids);
  const std::vector<store::SymbolModel> symbols = symbol_models(models);
  std::vector<store::SnapshotBeta> snapshots;
  std::vector<store::PortfolioExposure> exposures;
  Report report = write_holdings_of_engine(context, day, portfolio_ids);
  for (const RiskPortfolio& portfolio : models.book().portfolios) {
    pg::poll();
    count_positions(report, portfolio, [&](int symbol) {
      return symbols[static_cast<std::size_t>(symbol)].sample.reason == core::Reason::none;
    });
    if (!portfolio.net_asset_value) continue;
    const double std_error = models.std_errors("market", portfolio)(0);
    snapshots.push_back(snapshot_beta(portfolio, models, context.store().settings(), std_error));
    const double stale = stale_share(portfolio, [&](int symbol) { return models.is_market_stale(symbol); });
    exposures.push_back(
        portfolio_exposure(portfolio, market_factor, market_exposure(portfolio, models.market()), stale));
    exposures.back().std_error = std_error;
  }

  const std::vector<std::string> factors{market_factor};
  report.rows_written += write_models(context, day, models.describe("market", factors), symbols) +
                         store::write_snapshot_betas(context.store(), day, snapshots) +
                         store::write_portfolio_exposures(context.store(), day, "market", portfolio_ids, exposures);
  report_estimates(report, models.book(), "market betas", "betas", symbols);
  return report;
}

}  // namespace pb::engine
