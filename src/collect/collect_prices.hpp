// Phase 1: prices, corporate actions and yields, chunk by chunk, from tables and providers in their order.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "pg/function.hpp"

namespace pb::collect {

struct MarketDataRequest {
  std::optional<core::Date> target = {};                 // none: the newest session that has settled
  std::optional<std::vector<std::string>> symbols = {};  // none: all that the engines need
  std::optional<std::vector<std::string>> kinds = {};    // none: prices, options, corporate_actions, yields
  std::optional<std::int32_t> deadline_minutes = {};     // none: the setting
  bool tells_of_nothing = true;                          // says so where no source is switched on
};

// Collects and commits chunk by chunk. The call must be one of a procedure outside of a transaction block, else 2D000.
void collect_market_data(const pg::Call& call, const MarketDataRequest& request);

}  // namespace pb::collect
