#include "engine/volatility.hpp"

#include <algorithm>

#include "core/portfolio/portfolio_series.hpp"
#include "core/stats/volatility.hpp"
#include "engine/input_digest.hpp"
#include "engine/portfolio_exposures.hpp"
#include "engine/risk_models.hpp"
#include "engine/symbol_estimates.hpp"
#include "pg/interrupts.hpp"
#include "store/volatility_store.hpp"

namespace pb::engine {

using core::Volatility;

namespace {

std::vector<store::SymbolVolatility> symbol_volatilities(Context& context, RiskModels& models,
                                                         const core::VolatilityEstimator& estimator) {
  const RiskBook& book = models.book();
  const auto estimate = [&](const std::vector<int>& indexes) {
    std::vector<Volatility> estimates;
    for (const int index : indexes) {
      pg::poll();
      estimates.push_back(estimator.estimate(models.returns().col(book.columns[static_cast<std::size_t>(index)]),
                                             book.session, book.sessions_per_year));
    }
    return estimates;
  };
  std::vector<Volatility> estimates =
      estimate_symbols(context.store(), models.symbols_taken(), SymbolTopic::volatility, "", book.symbols,
                       std::vector<Volatility>(book.symbols.size()), estimate);
  std::vector<store::SymbolVolatility> result;
  result.reserve(estimates.size());
  const core::Sessions& sessions = context.market().panel.sessions();
  const core::Date oldest = sessions[std::max(0, book.session - estimator.sessions_needed() + 1)];
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    if (estimates[i].realized_short.has_value())
      estimates[i].quality_flag =
          quality_of_window(book, i, oldest, book.session - estimates[i].newest_age, estimates[i].quality_flag);
    result.push_back({book.symbols[i], estimates[i], missing_price_reason(book, i, estimates[i].reason()),
                      book.sessions_per_year, context.digests().of_prices(book.day, book.columns[i])});
  }
  return result;
}

std::vector<core::SeriesAsset> series_assets(const RiskPortfolio& portfolio, RiskModels& models) {
  const std::vector<core::BetaFit>& fits = models.market();
  std::vector<core::SeriesAsset> assets;
  assets.reserve(portfolio.exposures.size());
  for (const SymbolExposure& held : portfolio.exposures) {
    const auto place = static_cast<std::size_t>(held.symbol);
    assets.push_back({held.net / *portfolio.net_asset_value, models.returns().col(models.book().columns[place]),
                      fits[place].fit ? std::optional(fits[place].beta()) : std::nullopt});
  }
  return assets;
}

// How much of the gross exposure the series holds, and how much of that it fills with betas.
FactorExposure describe_series(const RiskPortfolio& portfolio, const core::PortfolioSeries& series,
                               store::SnapshotVolatility& row) {
  double covered = 0;
  double proxied = 0;
  FactorExposure exposure;
  for (std::size_t i = 0; i < series.parts.size(); ++i) {
    if (series.parts[i] == core::SeriesPart::left_out) continue;
    exposure.estimated = true;
    covered += portfolio.exposures[i].gross;
    if (series.parts[i] == core::SeriesPart::proxied) proxied += portfolio.exposures[i].gross;
  }
  row.coverage = covered / portfolio.gross;
  row.proxied = proxied / portfolio.gross;
  return exposure;
}

store::SnapshotVolatility snapshot_volatility(const RiskPortfolio& portfolio, RiskModels& models,
                                              const core::VolatilityEstimator& estimator) {
  store::SnapshotVolatility row;
  row.portfolio_id = portfolio.id;
  row.sessions_per_year = models.book().sessions_per_year;
  if (!portfolio.has_equity()) {
    row.reason = core::Reason::no_equity;
    return row;
  }
  const int session = models.book().session;
  const core::PortfolioSeries series = core::portfolio_series(series_assets(portfolio, models), models.market_returns(),
                                                              session, estimator.sessions_needed());
  row.reason = missing_exposure_reason(portfolio, describe_series(portfolio, series, row));
  if (row.reason != core::Reason::none) return row;
  row.volatility = estimator.estimate(series.returns, session, row.sessions_per_year);
  row.reason = row.volatility.reason();
  return row;
}

void describe(Report& report, const RiskBook& book, const std::vector<store::SymbolVolatility>& symbols) {
  const auto estimated = std::count_if(symbols.begin(), symbols.end(), [](const store::SymbolVolatility& symbol) {
    return symbol.volatility.realized_short.has_value();
  });
  const auto all = static_cast<std::int64_t>(symbols.size());
  report.detail =
      "volatility of " + std::to_string(estimated) + " of " + counted(all, "symbol") + without_snapshot(book);
  report.summary = "volatility " + std::to_string(estimated) + "/" + std::to_string(all);
}

}  // namespace

Report calc_volatility(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  RiskModels& models = context.risk(day, portfolio_ids);
  const core::VolatilityEstimator estimator;
  const std::vector<store::SymbolVolatility> symbols = symbol_volatilities(context, models, estimator);
  std::vector<store::SnapshotVolatility> snapshots;
  Report report = write_holdings_of_engine(context, day, portfolio_ids);
  for (const RiskPortfolio& portfolio : models.book().portfolios) {
    pg::poll();
    count_positions(report, portfolio, [&](int symbol) {
      return symbols[static_cast<std::size_t>(symbol)].volatility.realized_short.has_value();
    });
    if (portfolio.net_asset_value) snapshots.push_back(snapshot_volatility(portfolio, models, estimator));
  }
  report.rows_written += store::write_symbol_volatilities(context.store(), day, symbols) +
                         store::write_snapshot_volatilities(context.store(), day, snapshots);
  describe(report, models.book(), symbols);
  return report;
}

}  // namespace pb::engine
