#include "engine/risk_book.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "engine/context.hpp"
#include "pg/interrupts.hpp"
#include "store/position_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::engine {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Puts positions of all portfolios on one list of symbols.
class Builder {
 public:
  Builder(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids)
      : context_(context), day_(day), ids_(portfolio_ids) {
    book_.day = day;
    book_.session = context.market().panel.sessions().index(day).value();
  }

  RiskBook build() {
    const auto net_asset_values = store::net_asset_values(context_.store(), day_, ids_);
    for (const core::Uuid& id : ids_) {
      pg::poll();
      RiskPortfolio& portfolio = book_.portfolios.emplace_back();
      portfolio.id = id;
      if (const auto nav = net_asset_values.find(id); nav != net_asset_values.end())
        portfolio.net_asset_value = core::to_double(nav->second);
      for (const Held& held : context_.held(day_, id)) portfolio.positions.push_back(describe(held));
    }
    name_symbols();
    for (RiskPortfolio& portfolio : book_.portfolios) {
      pg::poll();
      add_up(portfolio);
    }
    return std::move(book_);
  }

 private:
  // The place of a symbol in the order of its first appearance; put in order of the names later.
  int place(std::string_view symbol) {
    return places_.try_emplace(symbol, static_cast<int>(places_.size())).first->second;
  }

  RiskPosition describe(const Held& held) {
    const core::Lot& lot = *held.lot;
    const double value = held.value.market_value;
    if (lot.is_private()) return {&lot, value, nan, -1, "private"};
    if (lot.investment_class != core::InvestmentClass::option) return {&lot, value, value, place(lot.symbol), nullptr};
    const double exposure = option_exposure(held);
    if (!std::isfinite(exposure)) return {&lot, value, nan, -1, "option_without_delta"};
    return {&lot, value, exposure, place(lot.underlying_symbol), nullptr};
  }

  // Delta x quantity x multiplier x price of the underlying. An option's own price does not move like its underlying.
  double option_exposure(const Held& held) {
    if (!deltas_) deltas_ = store::load_deltas(context_.store(), day_, ids_);
    const auto found = deltas_->find({held.lot->portfolio_id, held.lot->id});
    if (found == deltas_->end() || held.lot->underlying_symbol.empty()) return nan;
    const store::Market& market = context_.market();
    double price = found->second.underlying_price;
    if (const auto column = market.panel.column(held.lot->underlying_symbol))
      if (const auto mark = market.panel.mark_asof(*column, day_, market.actions)) price = mark->price;
    return found->second.delta * held.value.quantity * held.lot->multiplier * price;
  }

  void name_symbols() {
    const store::Market& market = context_.market();
    std::vector<int> renumbered(places_.size());
    for (const auto& [symbol, place] : places_) {  // a map: ascending
      pg::poll();
      renumbered[static_cast<std::size_t>(place)] = static_cast<int>(book_.symbols.size());
      const int column = market.panel.column(symbol).value();
      book_.symbols.emplace_back(symbol);
      book_.columns.push_back(column);
      book_.priced.push_back(market.panel.mark_asof(column, day_, market.actions).has_value());
    }
    for (RiskPortfolio& portfolio : book_.portfolios)
      for (RiskPosition& position : portfolio.positions)
        if (position.symbol >= 0) position.symbol = renumbered[static_cast<std::size_t>(position.symbol)];
  }

  static void add_up(RiskPortfolio& portfolio) {
    std::map<int, SymbolExposure> by_symbol;
    for (const RiskPosition& position : portfolio.positions) {
      const double size = std::fabs(position.symbol < 0 ? position.value : position.exposure);
      portfolio.gross += size;
      if (position.symbol < 0) continue;
      SymbolExposure& sum = by_symbol.try_emplace(position.symbol, SymbolExposure{position.symbol, 0, 0}).first->second;
      sum.net += position.exposure;
      sum.gross += size;
    }
    for (const auto& [symbol, sum] : by_symbol) portfolio.exposures.push_back(sum);
  }

  Context& context_;
  core::Date day_;
  std::span<const core::Uuid> ids_;
  std::map<std::string_view, int> places_;  // views into the lots
  std::optional<store::Deltas> deltas_;
  RiskBook book_;
};

}  // namespace

std::string without_snapshot(const RiskBook& book) {
  const auto count = std::count_if(book.portfolios.begin(), book.portfolios.end(),
                                   [](const RiskPortfolio& portfolio) { return !portfolio.net_asset_value; });
  return count == 0 ? "" : ", " + counted(count, "portfolio") + " without snapshot";
}

RiskBook make_risk_book(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return Builder(context, day, portfolio_ids).build();
}

}  // namespace pb::engine
