#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <span>
#include <string>

#include "core/calendar/date.hpp"
#include "core/stats/ewma.hpp"
#include "store/store.hpp"

namespace pb::store {

// Replaces the factor covariances of a day, each pair once with the factor that comes first in the list as factor_1.
std::int64_t write_factor_correlations(const Store& store, core::Date day, std::span<const std::string> factors,
                                       const core::EwmaMoments& moments);

}  // namespace pb::store
