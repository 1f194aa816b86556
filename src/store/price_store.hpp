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

// Reads the prices of the symbols from the first session to the last day on which positions are valued (it need not be
// a session), once, with one statement; a second one fetches the last earlier price of symbols that have none on the
// first such day. Symbols may come in any order; of closed symbols only the corporate actions are read.
Market load_market(const Store& store, core::Sessions sessions, std::vector<std::string> symbols,
                   std::span<const std::string> closed_symbols, core::Date valued_from, core::Date valued_until,
                   pg::MemoryBudget& budget);

}  // namespace pb::store
