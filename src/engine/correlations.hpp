#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Phase 3. Correlates the symbols that each portfolio holds enough of, and groups those that move together.
Report calc_correlations(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
