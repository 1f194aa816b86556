#include "core/multiple_testing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace pb::core {

std::vector<double> benjamini_hochberg(std::span<const double> p_values, std::size_t left_out) {
  std::vector<std::size_t> order;
  order.reserve(p_values.size());
  for (std::size_t i = 0; i < p_values.size(); ++i)
    if (!std::isnan(p_values[i])) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });

  std::vector<double> q_values(p_values.size(), std::numeric_limits<double>::quiet_NaN());
  const auto tests = static_cast<double>(order.size() + left_out);
  double smallest = 1;
  for (std::size_t rank = order.size(); rank > 0; --rank) {
    smallest = std::min(smallest, p_values[order[rank - 1]] / (static_cast<double>(rank) / tests));
    q_values[order[rank - 1]] = smallest;
  }
  return q_values;
}

}  // namespace pb::core
