#pragma once
#include "core/no_postgres.hpp"

#include <span>

#include "engine/context.hpp"

namespace pb::engine {

// Whether there is anything to report of fundamentals: a source is switched on, or the date was collected.
bool has_fundamentals(const Context& context, core::Date day);

// Phase 1.5 where it cannot fetch: how much was due and fetched for the date, and why not all of it.
Report report_fundamentals(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
