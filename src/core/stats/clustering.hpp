#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <vector>

#include "core/poll.hpp"
#include "core/stats/packed_triangle.hpp"

namespace pb::core {

// One step of a hierarchical clustering, as in a row of scipy's linkage matrix: the clusters left < right become a
// cluster of `size` items at a height. Items are the clusters 0 to n - 1, and step k makes cluster n + k.
struct Merge {
  int left;
  int right;
  double height;
  int size;
};

// Average linkage (UPGMA; Sokal and Michener 1958): the distance of two clusters is the mean distance of their items.
// By nearest-neighbor chains (Murtagh 1983) in O(n^2) time, on the packed distances of packed_triangle.hpp, which are
// used up. Among equal distances the previous link of the chain wins, then the smallest index, as in
// scipy.cluster.hierarchy.linkage: with items in the order of their symbols, ties are decided by symbol.
// Heights ascend. Throws 22000 on a NaN, 22023 when there is not one distance for each pair.
std::vector<Merge> average_linkage(std::vector<double> distances, int items, Poll poll = no_poll);

// The clusters that remain when only steps up to the height, inclusive, are made: a label for each item, counted from 0
// in the order of the clusters' smallest items. The partition of scipy's fcluster(criterion='distance').
std::vector<int> flat_clusters(std::span<const Merge> merges, int items, double height);

// sqrt((1 - rho) / 2), from 0 for the same to 1 for the opposite (Mantegna 1999, halved as by Lopez de Prado 2016). A
// pair without a correlation has nothing known to link it and stands as uncorrelated, at sqrt(1/2).
double correlation_distance(double correlation);
std::vector<double> correlation_distances(std::span<const double> correlations, Poll poll = no_poll);

}  // namespace pb::core
