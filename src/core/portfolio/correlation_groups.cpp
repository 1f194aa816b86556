#include "core/portfolio/correlation_groups.hpp"

#include <algorithm>

#include "core/stats/polled_algebra.hpp"

namespace pb::core {

Correlations correlations_among(const Correlations& all, std::span<const int> symbols, Poll poll) {
  Correlations part;
  part.symbols = static_cast<int>(symbols.size());
  part.min_overlap = all.min_overlap;
  for (const int symbol : symbols) part.reasons.push_back(all.reasons[static_cast<std::size_t>(symbol)]);
  part.values.reserve(packed_size(part.symbols));
  const bool shared = all.overlaps.size() == 1;
  if (!shared) part.overlaps.reserve(packed_size(part.symbols));
  for (std::size_t i = 1; i < symbols.size(); ++i) {
    poll();
    const std::size_t row = packed_row(symbols[i]);
    for (std::size_t j = 0; j < i; ++j) {
      part.values.push_back(all.values[row + static_cast<std::size_t>(symbols[j])]);
      if (!shared) part.overlaps.push_back(all.overlaps[row + static_cast<std::size_t>(symbols[j])]);
    }
  }
  if (part.values.empty()) return part;
  const int first = shared ? all.overlaps[0] : part.overlaps[0];
  if (std::all_of(part.overlaps.begin(), part.overlaps.end(), [first](int n) { return n == first; }))
    part.overlaps.assign(1, first);
  return part;
}

bool one_triangle_is_cheaper(int columns, std::span<const std::vector<int>> groups) {
  std::size_t pairs = 0;
  for (const std::vector<int>& group : groups) pairs += packed_size(static_cast<int>(group.size()));
  return packed_size(columns) < pairs;
}

void correlate_groups(const Eigen::Ref<const Matrix>& returns, std::span<const std::vector<int>> groups,
                      const CorrelationSettings& settings, Poll poll,
                      const std::function<void(std::size_t, const Correlations&)>& receive) {
  if (!one_triangle_is_cheaper(static_cast<int>(returns.cols()), groups)) {
    for (std::size_t group = 0; group < groups.size(); ++group)
      receive(group, pairwise_correlations(copied(returns(every, groups[group]), poll), settings, poll));
    return;
  }
  const Correlations all = pairwise_correlations(returns, settings, poll);
  for (std::size_t group = 0; group < groups.size(); ++group) {
    poll();
    receive(group, correlations_among(all, groups[group], poll));
  }
}

}  // namespace pb::core
