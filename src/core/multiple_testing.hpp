#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <vector>

namespace pb::core {

// q-values by Benjamini and Hochberg (1995): calling everything with q <= level a discovery keeps the expected share of
// false ones at the level. The i-th smallest of m p-values gives p m / i, made monotone from the largest down and never
// above 1. A NaN is no test: it stays NaN and does not count in m. In the order of the input.
std::vector<double> benjamini_hochberg(std::span<const double> p_values);

}  // namespace pb::core
