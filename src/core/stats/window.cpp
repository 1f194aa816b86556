#include "core/stats/window.hpp"

#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

#include "core/stats/constant_series.hpp"

namespace pb::core {

int search_span(int window) { return (3 * window + 1) / 2; }

bool is_constant(const Eigen::Ref<const Vector>& values) {
  return (values.array() - values.mean()).square().sum() / static_cast<double>(values.size()) <
         constant_series_variance;
}

Sample describe_sample(const std::vector<int>& days, const Sessions& sessions, const WindowSettings& settings) {
  Sample sample;
  sample.observations = static_cast<int>(days.size());
  if (!days.empty()) {
    sample.window_start = sessions[days.front()];
    sample.window_end = sessions[days.back()];
  }
  if (days.empty() || sample.observations < settings.min_observations)
    sample.refuse(Reason::insufficient_data);
  else
    sample.quality_flag =
        sample.observations < settings.limited_below ? Quality::limited_history : Quality::full_history;
  return sample;
}

std::vector<ObservationGroup> group_by_observations(const Eigen::Ref<const Matrix>& returns,
                                                    std::span<const int> columns,
                                                    const std::vector<bool>& regressors_exist, int session, int window,
                                                    Poll poll) {
  std::vector<ObservationGroup> groups;
  std::map<std::vector<int>, std::size_t> group_of;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i % 256 == 0) poll();
    const auto own = returns.col(columns[i]);
    std::vector<int> days = newest_sessions(
        session, window, [&](int t) { return regressors_exist[static_cast<std::size_t>(t)] && std::isfinite(own(t)); });
    const auto [found, is_new] = group_of.try_emplace(std::move(days), groups.size());
    if (is_new) groups.push_back({found->first, {}});
    groups[found->second].members.push_back(static_cast<int>(i));
  }
  return groups;
}

}  // namespace pb::core
