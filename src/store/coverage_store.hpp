#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/calendar/sessions.hpp"
#include "core/portfolio/price_panel.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol that the batch needs on a day, and its newest price up to that day.
struct WantedSymbol {
  std::string symbol;
  std::optional<core::Date> price_date;
  std::string data_source;
  bool is_usable = true;  // whether the price can be used; else the batch leaves its row out
};

// The universe of a day: symbols of positions open on it that trade (no private assets), the active factors' symbols
// and the market symbol; in alphabetical order.
std::vector<WantedSymbol> load_wanted_symbols(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                              core::Date day);

// Calls back with each symbol and session from one day to another where a symbol of this universe has no price, in
// alphabetical order; a symbol counts from the first day to the last, whenever it was held in between.
void each_missing_price(const Store& store, core::Date from, core::Date to, std::span<const core::Uuid> portfolio_ids,
                        const std::function<void(std::string_view, core::Date)>& callback);

// Which of these portfolios hold each of some symbols on a day, in positions that trade.
std::map<core::Uuid, std::set<std::string>> holders_of_symbols(const Store& store,
                                                               std::span<const core::Uuid> portfolio_ids,
                                                               core::Date day, std::span<const std::string> symbols);

// Where the prices of some days come from.
class PriceSources {
 public:
  PriceSources(core::Sessions sessions, std::size_t symbols)
      : sessions_(std::move(sessions)), symbols_(symbols), places_(sessions_.dates().size() * symbols, 0) {}

  void set(core::Date day, int column, std::string_view source);
  // "unknown" where the price does not say.
  const std::string& of(core::Date day, int column) const;

 private:
  std::size_t at(int session, int column) const {
    return static_cast<std::size_t>(session) * symbols_ + static_cast<std::size_t>(column);
  }

  core::Sessions sessions_;
  std::size_t symbols_;
  std::vector<std::string> names_{"unknown"};
  std::vector<std::uint8_t> places_;  // in names_, by session and symbol
};

// The sources of the panel's prices between two days, read once.
PriceSources load_price_sources(const Store& store, const core::PricePanel& panel, core::Date first, core::Date last);

}  // namespace pb::store
