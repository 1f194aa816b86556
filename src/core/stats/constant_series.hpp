#pragma once
#include "core/no_postgres.hpp"

namespace pb::core {

// A daily variance below this is that of a constant series seen through rounding; nothing is estimated from it.
inline constexpr double constant_series_variance = 1e-18;

}  // namespace pb::core
