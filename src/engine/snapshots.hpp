#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Phase 2. Values each portfolio on the day, rolls its equity forward and writes its snapshot; snapshots of later
// days, if there are any, are rolled again from it. The context must cover those days.
Report create_portfolio_snapshots(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
