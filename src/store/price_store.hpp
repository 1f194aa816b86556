#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/price_panel.hpp"
#include "pg/memory.hpp"
#include "store/store.hpp"

namespace pb::store {

// The prices of a span with the corporate actions that were applied to them.
struct Market {
  core::CorporateActions actions;
  core::PricePanel panel;
  // Prices that their source may still change (is_final = false), by column and day.
  std::set<std::pair<int, core::Date>> provisional = {};
};

// What a price of the panel takes: a close and a return.
constexpr std::size_t bytes_per_price = 2 * sizeof(double);

// The splits and dividends of the symbols.
core::CorporateActions load_actions(const Store& store, const std::vector<std::string>& symbols);

// An option and what it is on.
using OptionSymbol = std::pair<std::string, std::string>;

// Those of the symbols that are options of any portfolio.
std::vector<OptionSymbol> load_options(const Store& store, std::span<const std::string> symbols);

// What is to be read of the market, for positions that are valued from one day to another; neither need be a session.
struct MarketRequest {
  core::Date valued_from;
  core::Date valued_until;
  std::vector<std::string> symbols;              // in any order
  std::vector<std::string> closed_symbols = {};  // of which only the corporate actions are read
  std::vector<OptionSymbol> options = {};        // each follows the splits of its underlying
  // Symbols that are also valued on a day before the rest.
  std::vector<std::pair<std::string, core::Date>> earlier = {};
};

// Reads the prices of the symbols from the first session to the last day on which positions are valued, once, with one
// statement; a second one fetches the last earlier price of symbols that have none on the first such day, and the
// newest as of the earlier days. A symbol that had another name has the prices of that name up to its change, where it
// has none of its own.
Market load_market(const Store& store, core::Sessions sessions, MarketRequest request, pg::MemoryBudget& budget);

}  // namespace pb::store
