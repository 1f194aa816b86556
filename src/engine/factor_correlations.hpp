#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Covariances and correlations of the factors' daily moves; the same for every portfolio.
Report calc_factor_correlations(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
