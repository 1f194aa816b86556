#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Exposure of the portfolios by sector, against a benchmark, and their concentration by underlying.
Report calc_sector_exposures(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
