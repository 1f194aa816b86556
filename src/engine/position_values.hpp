#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Phase 2.5. Brings last_price, market_value, unrealized and realized P&L of every lot up to the day, for portfolios
// that have no newer snapshot: these columns have no history, so only the newest day may write them. A lot without a
// usable price keeps what it has and is counted as skipped; a private asset keeps its own mark.
Report update_position_values(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
