#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"

namespace pb::engine {

// Phase 1. Compares the symbols that the day needs with the prices that are there: with a price of the day, with a
// stale one, with none. It reads only; what is missing is named, and never replaced.
Report report_coverage(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
