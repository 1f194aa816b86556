#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <vector>

#include "core/portfolio/money.hpp"

namespace pb::core {

// Amounts in whole ten-thousandths that add up to a total.
struct Allocation {
  std::vector<Money> amounts;
  Money rest;  // of the total, what does not belong to the amounts: 0 unless they are of something else
};

// Rounds the parts of an amount that was itself rounded so that they add up to it. Each is rounded to the nearest
// ten-thousandth; what is then missing or too much, which is the rounding of the parts and of the total, goes one unit
// each to those that were rounded the farthest the other way (largest remainder; Hamilton's method of apportionment).
Allocation allocate(std::span<const long double> parts, Money total);

}  // namespace pb::core
