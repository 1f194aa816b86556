#pragma once
#include "core/no_postgres.hpp"

namespace pb::core {

// Sessions of a year by convention: a variance per session times this is one per year.
inline constexpr double sessions_per_year = 252;

}  // namespace pb::core
