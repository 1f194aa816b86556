#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol that the batch needs on a day, and its newest price up to that day.
struct WantedSymbol {
  std::string symbol;
  std::optional<core::Date> price_date;
  std::string data_source;
};

// The universe of a day: symbols of positions open on it that trade (no private assets), the active factors' symbols
// and the market symbol; in alphabetical order.
std::vector<WantedSymbol> load_wanted_symbols(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                              core::Date day);

}  // namespace pb::store
