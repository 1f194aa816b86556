#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Phase 3. Estimates each held symbol's market beta once, joins it to the positions, and adds the portfolio's beta to
// the day's snapshot.
Report calc_market_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
