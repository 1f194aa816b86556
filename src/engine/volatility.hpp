#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Volatility of every held symbol, of its positions, and of the portfolios at their present weights.
Report calc_volatility(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
