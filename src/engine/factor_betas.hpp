#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Factor models of every held symbol, its positions, and the portfolios' exposures with what they contribute to risk.
Report calc_ridge_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);
Report calc_spread_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
