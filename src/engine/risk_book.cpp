#include "engine/risk_book.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "core/calendar/sessions_per_year.hpp"
#include "engine/lot_exposures.hpp"
#include "engine/report.hpp"
#include "pg/interrupts.hpp"
#include "store/snapshot_store.hpp"

namespace pb::engine {

namespace {

// Puts positions of all portfolios on one list of symbols.
class RiskBookBuilder {
 public:
  RiskBookBuilder(Inputs& inputs, core::Date day, std::span<const core::Uuid> portfolio_ids)
      : inputs_(inputs), day_(day), ids_(portfolio_ids) {
    book_.day = day;
    book_.session = inputs.market().panel.sessions().index(day).value();
    book_.sessions_per_year = core::sessions_per_year(inputs.market().panel.sessions(), book_.session);
    book_.max_stale_sessions = inputs.store().settings().max_stale_sessions;
  }

  RiskBook build() {
    const auto net_asset_values = store::net_asset_values(inputs_.store(), day_, ids_);
    for (const core::Uuid& id : ids_) {
      pg::poll();
      RiskPortfolio& portfolio = book_.portfolios.emplace_back();
      portfolio.id = id;
      if (const auto nav = net_asset_values.find(id); nav != net_asset_values.end())
        portfolio.net_asset_value = core::to_double(nav->second);
      add_positions(portfolio);
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

  void add_positions(RiskPortfolio& portfolio) {
    const LotExposures exposures = lot_exposures(inputs_, day_, portfolio.id);
    if (!exposures.countable) {
      portfolio.net_asset_value.reset();
      return;
    }
    for (const LotExposure& lot : exposures.lots)
      portfolio.positions.push_back(
          {lot.lot, lot.value, lot.exposure, lot.symbol.empty() ? -1 : place(lot.symbol), lot.reason});
  }

  void name_symbols() {
    const store::Market& market = inputs_.market();
    std::vector<int> renumbered(places_.size());
    for (const auto& [symbol, place] : places_) {  // a map: ascending
      pg::poll();
      renumbered[static_cast<std::size_t>(place)] = static_cast<int>(book_.symbols.size());
      const int column = market.panel.column(symbol).value();
      book_.symbols.emplace_back(symbol);
      book_.columns.push_back(column);
      book_.left_out.push_back(market.panel.newest_left_out(column, day_).has_value());
      const core::SplitJump* jump = market.panel.newest_split_jump(column, day_);
      book_.split_jumps.push_back(jump != nullptr ? std::optional(jump->session) : std::nullopt);
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

  Inputs& inputs_;
  core::Date day_;
  std::span<const core::Uuid> ids_;
  std::map<std::string_view, int> places_;  // views into the lots
  RiskBook book_;
};

}  // namespace

core::Reason missing_price_reason(const RiskBook& book, std::size_t symbol, core::Reason reason) {
  if (!book.priced[symbol]) return book.left_out[symbol] ? core::Reason::invalid_price : core::Reason::no_prices;
  const bool is_short = reason == core::Reason::insufficient_data;
  return is_short && book.left_out[symbol] ? core::Reason::invalid_price : reason;
}

core::Quality quality_of_window(const RiskBook& book, std::size_t symbol, core::Date first, int newest_session,
                                core::Quality quality) {
  const auto& jump = book.split_jumps[symbol];
  if (jump && *jump >= first) quality = worse_of(quality, core::Quality::split_in_prices);
  const bool is_stale = book.session - newest_session > book.max_stale_sessions;
  return is_stale ? worse_of(quality, core::Quality::stale) : quality;
}

std::string without_snapshot(const RiskBook& book) {
  const auto count = std::count_if(book.portfolios.begin(), book.portfolios.end(),
                                   [](const RiskPortfolio& portfolio) { return !portfolio.net_asset_value; });
  return count == 0 ? "" : ", " + counted(count, "portfolio") + " without snapshot";
}

RiskBook make_risk_book(Inputs& inputs, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return RiskBookBuilder(inputs, day, portfolio_ids).build();
}

}  // namespace pb::engine
