#include "core/stats/multiple_testing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace pb::core {

std::vector<double> benjamini_hochberg(std::span<const double> p_values, std::size_t left_out, Poll poll) {
  std::vector<std::size_t> order;
  order.reserve(p_values.size());
  std::vector<double> q_values;
  q_values.reserve(p_values.size());
  in_steps(std::ssize(p_values), 2, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    q_values.resize(static_cast<std::size_t>(first + count), std::numeric_limits<double>::quiet_NaN());
    for (auto i = static_cast<std::size_t>(first); i < q_values.size(); ++i)
      if (!std::isnan(p_values[i])) order.push_back(i);
  });
  polled_sort(
      order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; }, poll);

  const auto tests = static_cast<double>(order.size() + left_out);
  double smallest = 1;
  // Each step waits for the memory twice.
  in_steps(std::ssize(order), 32, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = first; i < first + count; ++i) {
      const std::size_t rank = order.size() - static_cast<std::size_t>(i);
      smallest = std::min(smallest, p_values[order[rank - 1]] / (static_cast<double>(rank) / tests));
      q_values[order[rank - 1]] = smallest;
    }
  });
  return q_values;
}

}  // namespace pb::core
