#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Phase 2.75. Re-applies sector tags from the company profiles, for portfolios that have no newer snapshot: tags have
// no history. Writes nothing when they are current.
Report restore_sector_tags(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

// The part of it that a date's shards leave to their leader: the tags of sectors that have none yet.
Report create_sector_tags(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
