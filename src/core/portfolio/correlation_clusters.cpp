#include "core/portfolio/correlation_clusters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "core/error.hpp"
#include "core/stats/clustering.hpp"
#include "core/stats/packed_triangle.hpp"

namespace pb::core {

namespace {

// Sum and number of the correlations that exist.
struct Mean {
  double sum = 0;
  int count = 0;

  void add(double correlation) {
    if (std::isnan(correlation)) return;
    sum += correlation;
    ++count;
  }
  double value() const { return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN(); }
};

void describe(CorrelationCluster& cluster, std::span<const double> correlations, std::span<const double> values,
              Poll poll) {
  Mean pairs;
  for (const int member : cluster.members) {
    poll();
    Mean to_others;
    for (const int other : cluster.members) {
      if (other == member) continue;
      const double correlation = correlations[packed_index(member, other)];
      to_others.add(correlation);
      if (other < member) pairs.add(correlation);
    }
    cluster.correlation_to_cluster.push_back(to_others.value());
    cluster.value += std::fabs(values[static_cast<std::size_t>(member)]);
  }
  cluster.average_correlation = pairs.value();
}

// The most frequent name if at least 70 % of the members have it, else empty.
std::string_view common_name(const std::map<std::string_view, std::size_t>& counts, std::size_t members) {
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most != counts.end() && 10 * most->second >= 7 * members ? most->first : std::string_view();
}

}  // namespace

std::vector<CorrelationCluster> correlation_clusters(std::span<const double> correlations,
                                                     std::span<const double> values, double threshold, Poll poll) {
  if (!(std::fabs(threshold) <= 1))
    throw Error(sqlstate::invalid_parameter, "the correlation at which clusters form must be in -1 to 1",
                "It is " + std::to_string(threshold) + ".");
  const int items = static_cast<int>(values.size());
  const std::vector<Merge> merges = average_linkage(correlation_distances(correlations, poll), items, poll);
  const std::vector<int> labels = flat_clusters(merges, items, correlation_distance(threshold));
  std::vector<CorrelationCluster> clusters;
  for (int item = 0; item < items; ++item) {
    const auto label = static_cast<std::size_t>(labels[static_cast<std::size_t>(item)]);
    if (label == clusters.size()) clusters.emplace_back();
    clusters[label].members.push_back(item);
  }
  std::erase_if(clusters, [](const CorrelationCluster& cluster) { return cluster.members.size() < 2; });
  for (CorrelationCluster& cluster : clusters) describe(cluster, correlations, values, poll);
  std::stable_sort(clusters.begin(), clusters.end(),
                   [](const CorrelationCluster& a, const CorrelationCluster& b) { return a.value > b.value; });
  return clusters;
}

std::optional<double> concentration_score(std::span<const CorrelationCluster> clusters,
                                          std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += std::fabs(value);
  if (!(total > 0)) return std::nullopt;
  double clustered = 0;
  for (const CorrelationCluster& cluster : clusters) clustered += cluster.value;
  return std::min(1.0, clustered / total);
}

std::string cluster_nickname(std::span<const NamedMember> members) {
  if (members.empty()) return {};
  std::map<std::string_view, std::size_t> tags;
  std::map<std::string_view, std::size_t> sectors;
  for (const NamedMember& member : members) {
    for (const std::string_view tag : std::set<std::string_view>(member.tags.begin(), member.tags.end())) ++tags[tag];
    if (!member.sector.empty()) ++sectors[member.sector];
  }
  for (const auto* counts : {&tags, &sectors})
    if (const std::string_view name = common_name(*counts, members.size()); !name.empty()) return std::string(name);
  const auto largest = std::max_element(members.begin(), members.end(), [](const NamedMember& a, const NamedMember& b) {
    if (std::fabs(a.value) != std::fabs(b.value)) return std::fabs(a.value) < std::fabs(b.value);
    return a.symbol > b.symbol;
  });
  return largest->symbol + " lookalikes";
}

}  // namespace pb::core
