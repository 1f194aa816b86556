#include "core/stats/clustering.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.hpp"

namespace pb::core {

namespace {

// The clusters that are left while a tree is built. A merged cluster goes on under the larger of the two indices.
class ChainLinkage {
 public:
  ChainLinkage(std::vector<double> distances, int items)
      : distances_(std::move(distances)), sizes_(static_cast<std::size_t>(items), 1), active_(sizes_.size()) {
    std::iota(active_.begin(), active_.end(), 0);
  }

  // Follows nearest neighbors until two are each other's nearest, and merges them.
  Merge step(Poll poll);

 private:
  double& distance(int i, int j) { return distances_[packed_index(i, j)]; }
  int& size(int cluster) { return sizes_[static_cast<std::size_t>(cluster)]; }
  std::pair<int, double> nearest(int cluster);
  Merge merge(int left, int right, double height);

  std::vector<double> distances_;
  std::vector<int> sizes_;
  std::vector<int> active_;  // ascending
  std::vector<int> chain_;
};

// The nearest neighbor of the chain's last cluster. The one before it wins a tie, or the chain could go in circles.
std::pair<int, double> ChainLinkage::nearest(int cluster) {
  std::pair<int, double> best{-1, std::numeric_limits<double>::infinity()};
  if (chain_.size() > 1) {
    const int previous = chain_[chain_.size() - 2];
    best = {previous, distance(cluster, previous)};
  }
  for (const int other : active_) {
    if (other == cluster) continue;
    const double candidate = distance(cluster, other);
    if (candidate < best.second) best = {other, candidate};
  }
  return best;
}

Merge ChainLinkage::merge(int left, int right, double height) {
  const int left_size = size(left);
  const int right_size = size(right);
  active_.erase(std::lower_bound(active_.begin(), active_.end(), left));
  for (const int other : active_)
    if (other != right)
      distance(right, other) =
          (left_size * distance(left, other) + right_size * distance(right, other)) / (left_size + right_size);
  size(right) = left_size + right_size;
  return {left, right, height, size(right)};
}

Merge ChainLinkage::step(Poll poll) {
  if (chain_.empty()) chain_.push_back(active_.front());
  for (;;) {
    poll();
    const int last = chain_.back();
    const auto [neighbor, height] = nearest(last);
    if (chain_.size() > 1 && neighbor == chain_[chain_.size() - 2]) {
      chain_.resize(chain_.size() - 2);
      return merge(std::min(last, neighbor), std::max(last, neighbor), height);
    }
    chain_.push_back(neighbor);
  }
}

// The cluster that each item belongs to so far, by a link to another member that is followed to its end.
class Forest {
 public:
  explicit Forest(int items) : links_(static_cast<std::size_t>(items)) { std::iota(links_.begin(), links_.end(), 0); }

  int root(int item) {
    while (link(item) != item) item = link(item) = link(link(item));
    return item;
  }
  void join(int root, int under) { link(root) = under; }

 private:
  int& link(int item) { return links_[static_cast<std::size_t>(item)]; }

  std::vector<int> links_;
};

// Replaces the members that stand for clusters by the clusters' numbers, now that the steps are in order.
void number_clusters(std::vector<Merge>& merges, int items) {
  Forest forest(items + static_cast<int>(merges.size()));
  int next = items;
  for (Merge& merge : merges) {
    const auto [left, right] = std::minmax({forest.root(merge.left), forest.root(merge.right)});
    const auto size_of = [&](int cluster) {
      return cluster < items ? 1 : merges[static_cast<std::size_t>(cluster - items)].size;
    };
    merge = {left, right, merge.height, size_of(left) + size_of(right)};
    forest.join(left, next);
    forest.join(right, next);
    ++next;
  }
}

}  // namespace

std::vector<Merge> average_linkage(std::vector<double> distances, int items, Poll poll) {
  require_packed(distances.size(), items);
  bool is_missing = false;
  in_steps(std::ssize(distances), 1, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    const auto from = distances.begin() + first;
    is_missing = is_missing || std::any_of(from, from + count, [](double d) { return std::isnan(d); });
  });
  if (is_missing) throw Error(sqlstate::data_exception, "distances to be clustered must be numbers", "One is NaN.");
  std::vector<Merge> merges;
  if (items < 2) return merges;
  merges.reserve(static_cast<std::size_t>(items - 1));
  ChainLinkage linkage(std::move(distances), items);
  while (static_cast<int>(merges.size()) < items - 1) {
    merges.push_back(linkage.step(poll));
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) { return a.height < b.height; });
  number_clusters(merges, items);
  return merges;
}

std::vector<int> flat_clusters(std::span<const Merge> merges, int items, double height) {
  Forest forest(items + static_cast<int>(merges.size()));
  int next = items;
  for (const Merge& merge : merges) {
    if (!(merge.height <= height)) break;
    forest.join(merge.left, next);
    forest.join(merge.right, next);
    ++next;
  }
  std::vector<int> label_of_root(static_cast<std::size_t>(items) + merges.size(), -1);
  std::vector<int> labels;
  int clusters = 0;
  for (int item = 0; item < items; ++item) {
    int& label = label_of_root[static_cast<std::size_t>(forest.root(item))];
    if (label < 0) label = clusters++;
    labels.push_back(label);
  }
  return labels;
}

double correlation_distance(double correlation) {
  return std::sqrt((1 - (std::isnan(correlation) ? 0 : correlation)) / 2);
}

std::vector<double> correlation_distances(std::span<const double> correlations, Poll poll) {
  std::vector<double> distances;
  distances.reserve(correlations.size());
  in_steps(std::ssize(correlations), 4, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    const auto from = correlations.begin() + first;
    std::transform(from, from + count, std::back_inserter(distances), correlation_distance);
  });
  return distances;
}

}  // namespace pb::core
