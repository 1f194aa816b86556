#include "core/portfolio/lot_results.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pb::core {

namespace {

// Units that the total's own rounding may add: it is the difference of two amounts on each of two dates.
constexpr std::int64_t rounding_of_totals = 2;

}  // namespace

Allocation allocate(std::span<const long double> parts, Money total) {
  Allocation result;
  result.amounts.reserve(parts.size());
  std::vector<long double> rounded_up;  // by how much
  Money sum;
  for (const long double part : parts) {
    result.amounts.push_back(to_money(part));
    rounded_up.push_back(static_cast<long double>(result.amounts.back().units) - part * Money::scale);
    sum += result.amounts.back();
  }
  const std::int64_t missing = (total - sum).units;
  const auto count = static_cast<std::int64_t>(parts.size());
  if (count == 0 || std::abs(missing) > count + rounding_of_totals) {
    result.rest = total - sum;
    return result;
  }
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const long double sign = missing > 0 ? 1 : -1;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sign * rounded_up[a] < sign * rounded_up[b]; });
  const Money unit{missing > 0 ? 1 : -1};
  for (std::int64_t i = 0; i < std::abs(missing); ++i)
    result.amounts[order[static_cast<std::size_t>(i % count)]] += unit;
  return result;
}

}  // namespace pb::core
