#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include "core/poll.hpp"

namespace pb::core {

// q-values by Benjamini and Hochberg (1995): calling everything with q <= level a discovery keeps the expected share of
// false ones at the level. The i-th smallest of m p-values gives p m / i, made monotone from the largest down and never
// above 1. A NaN is no test: it stays NaN and does not count in m. In the order of the input.
// left_out further tests, whose p-values are all larger than these, count in m without being there; the q-values up to
// the smallest of those p-values are what they would be with them.
std::vector<double> benjamini_hochberg(std::span<const double> p_values, std::size_t left_out = 0, Poll poll = no_poll);

}  // namespace pb::core
