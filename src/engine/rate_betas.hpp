#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Sensitivity of every held symbol to the yield beside the market, its positions, and the portfolios' exposures.
Report calc_interest_rate_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
