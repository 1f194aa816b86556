#include "engine/market_betas.hpp"

#include <cmath>
#include <map>

#include "core/beta.hpp"
#include "pg/function.hpp"
#include "pg/interrupts.hpp"
#include "store/beta_store.hpp"
#include "store/calendar_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::engine {

using core::BetaFit;
using core::Date;
using core::Lot;

namespace {

// Fits by symbol; the order of a map, so that rows are written in the order of their key.
using Fits = std::map<std::string, BetaFit>;

// An option's premium does not move like its underlying, and a private asset has no return series.
const char* why_not_estimated(const Lot& lot) {
  if (lot.is_private()) return "private";
  return lot.investment_class == core::InvestmentClass::option ? "option_without_delta" : nullptr;
}

core::BetaSettings beta_settings(const pg::Settings& settings) {
  return {settings.beta_window, settings.beta_min_observations, settings.limited_history_below};
}

class Estimator {
 public:
  Estimator(Context& context, Date day)
      : market_(context.market()),
        settings_(beta_settings(context.store().settings())),
        session_(market_.panel.sessions().index(day).value()),
        market_column_(market_.panel.column(context.store().settings().market_symbol).value()) {}

  BetaFit fit(const std::string& symbol, Date day) const {
    const int column = market_.panel.column(symbol).value();
    if (!market_.panel.mark_asof(column, day, market_.actions)) {
      BetaFit none;
      none.reason = "no_prices";
      return none;
    }
    return core::fit_beta(market_.panel.returns(column), market_returns(), session_, market_.panel.sessions(),
                          settings_);
  }

  core::PortfolioBeta of_portfolio(std::span<const core::WeightedAsset> assets) const {
    return core::portfolio_beta(assets, market_returns(), session_, settings_);
  }

  Eigen::Ref<const core::Vector> returns(const std::string& symbol) const {
    return market_.panel.returns(market_.panel.column(symbol).value());
  }

 private:
  Eigen::Ref<const core::Vector> market_returns() const { return market_.panel.returns(market_column_); }

  const store::Market& market_;
  core::BetaSettings settings_;
  int session_;
  int market_column_;
};

// Exposure of one portfolio by symbol, signed, where the symbol has a model; and what lies beside it.
struct Exposure {
  std::map<std::string, double> by_symbol;
  double gross = 0;
  double gross_with_beta = 0;
};

store::SnapshotBeta snapshot_beta(const core::Uuid& id, const Exposure& exposure, core::Money net_asset_value,
                                  const Fits& fits, const Estimator& estimator) {
  store::SnapshotBeta row{.portfolio_id = id,
                          .beta = {},
                          .r_squared = {},
                          .observations = {},
                          .coverage = exposure.gross_with_beta / exposure.gross,
                          .reason = {}};
  if (exposure.gross == 0) {
    row.reason = "no_exposure";
  } else if (exposure.by_symbol.empty()) {
    row.reason = "insufficient_data";
  } else if (net_asset_value.units <= 0) {
    row.reason = "no_equity";
  } else {
    std::vector<core::WeightedAsset> assets;
    for (const auto& [symbol, value] : exposure.by_symbol)
      assets.push_back({value / core::to_double(net_asset_value), estimator.returns(symbol), &fits.at(symbol)});
    const core::PortfolioBeta beta = estimator.of_portfolio(assets);
    row.beta = beta.beta;
    row.r_squared = beta.r_squared;
    row.observations = beta.observations;
  }
  return row;
}

std::string summary(const Fits& fits, std::size_t positions) {
  std::int64_t estimated = 0;
  for (const auto& [symbol, fit] : fits) estimated += fit.fit.has_value();
  return "betas of " + std::to_string(estimated) + " of " + counted(static_cast<std::int64_t>(fits.size()), "symbol") +
         ", " + counted(static_cast<std::int64_t>(positions), "position");
}

}  // namespace

Report calc_market_betas(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  const Estimator estimator(context, day);
  const auto net_asset_values = store::net_asset_values(context.store(), day, portfolio_ids);
  Fits fits;
  std::vector<store::PositionBeta> positions;
  std::vector<store::SnapshotBeta> snapshots;
  for (const core::Uuid& id : portfolio_ids) {
    Exposure exposure;
    for (const auto& [held, value] : context.held(day, id)) {
      const Lot& lot = *held;
      pg::poll();
      exposure.gross += std::fabs(value.market_value);
      if (const char* reason = why_not_estimated(lot)) {
        positions.push_back({id, lot.id, nullptr, reason});
        continue;
      }
      auto found = fits.find(lot.symbol);
      if (found == fits.end()) found = fits.emplace(lot.symbol, estimator.fit(lot.symbol, day)).first;
      positions.push_back({id, lot.id, &found->second, ""});
      if (!found->second.fit) continue;
      exposure.gross_with_beta += std::fabs(value.market_value);
      exposure.by_symbol[lot.symbol] += value.market_value;
    }
    if (const auto nav = net_asset_values.find(id); nav != net_asset_values.end())
      snapshots.push_back(snapshot_beta(id, exposure, nav->second, fits, estimator));
  }

  std::vector<store::SymbolBeta> symbols;
  symbols.reserve(fits.size());
  for (const auto& [symbol, fit] : fits) symbols.push_back({symbol, fit});
  Report report;
  report.rows_written = store::write_symbol_betas(context.store(), day, symbols) +
                        store::write_position_betas(context.store(), day, portfolio_ids, positions) +
                        store::write_snapshot_betas(context.store(), day, snapshots);
  for (const store::PositionBeta& position : positions)
    ++(position.fit != nullptr && position.fit->fit ? report.processed : report.skipped);
  report.detail = summary(fits, positions.size());
  return report;
}

}  // namespace pb::engine

PB_FUNCTION(pb_calc_market_betas) {
  using namespace pb;
  const store::Store store(call);
  const core::Date day = engine::session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, call.uuids(1));
  engine::Context context(store, ids, day, day);
  engine::return_report(call, engine::calc_market_betas(context, day, ids));
}
