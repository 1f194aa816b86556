#pragma once
#include "core/no_postgres.hpp"

#include <limits>

namespace pb::core {

// What has no value; results say beside it why (core::Estimate).
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// The distance from 1 to the next double: 2^-52.
inline constexpr double epsilon = std::numeric_limits<double>::epsilon();

}  // namespace pb::core
