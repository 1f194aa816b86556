#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace pb::engine {

// P&L of every portfolio under the active stress scenarios.
Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

// The same for the scenarios that are named, beside those that the portfolios have results of; without names for all
// active ones.
Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids,
                         const std::optional<std::vector<std::string>>& names);

}  // namespace pb::engine
