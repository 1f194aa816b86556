#include "core/stats/clustering.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support.hpp"

namespace clustering_test {
namespace {

using pb::core::average_linkage;
using pb::core::correlation_distance;
using pb::core::correlation_distances;
using pb::core::flat_clusters;
using pb::core::Merge;
using pb::core::packed_index;
using pb::core::packed_size;
using pb::test::golden_file;
using pb::test::nan;
using pb::test::read_csv;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

struct Case {
  int items = 0;
  std::vector<double> distances;
};

std::map<std::string, Case> golden_cases() {
  std::map<std::string, Case> cases;
  for (const Record& record : read_csv(golden_file("clustering_distances.csv"))) {
    Case& c = cases[record.text("case")];
    c.items = std::max(c.items, record.integer("i") + 1);
    c.distances.push_back(record.number("distance"));
  }
  return cases;
}

// By the definition: of the present clusters, which are item lists, the two with the smallest mean distance.
std::vector<double> heights_by_definition(const std::vector<double>& distances, int items) {
  std::vector<std::vector<int>> clusters(static_cast<std::size_t>(items));
  for (int i = 0; i < items; ++i) clusters[static_cast<std::size_t>(i)] = {i};
  std::vector<double> heights;
  while (clusters.size() > 1) {
    double smallest = 0;
    std::size_t left = 0;
    std::size_t right = 0;
    for (std::size_t a = 0; a < clusters.size(); ++a)
      for (std::size_t b = 0; b < a; ++b) {
        double sum = 0;
        for (const int i : clusters[a])
          for (const int j : clusters[b]) sum += distances[packed_index(i, j)];
        const double mean = sum / static_cast<double>(clusters[a].size() * clusters[b].size());
        if (left == right || mean < smallest) {
          smallest = mean;
          left = b;
          right = a;
        }
      }
    heights.push_back(smallest);
    clusters[left].insert(clusters[left].end(), clusters[right].begin(), clusters[right].end());
    clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(right));
  }
  return heights;
}

std::vector<double> random_distances(int items, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0.1, 1);
  std::vector<double> distances(packed_size(items));
  for (double& distance : distances) distance = uniform(random);
  return distances;
}

TEST(Clustering, AgreesWithScipyAlsoOnTies) {
  const std::map<std::string, Case> cases = golden_cases();
  ASSERT_EQ(cases.size(), 6U);
  std::map<std::string, std::vector<Merge>> trees;
  for (const auto& [name, c] : cases) {
    trees[name] = average_linkage(c.distances, c.items);
    ASSERT_EQ(trees[name].size(), static_cast<std::size_t>(c.items - 1)) << name;
  }
  for (const Record& record : read_csv(golden_file("clustering_merges.csv"))) {
    const Merge& merge = trees.at(record.text("case")).at(static_cast<std::size_t>(record.integer("step")));
    SCOPED_TRACE(record.text("case") + " " + record.text("step"));
    EXPECT_EQ(merge.left, record.integer("left"));
    EXPECT_EQ(merge.right, record.integer("right"));
    EXPECT_LE(relative_error(merge.height, record.number("height")), 1e-15);
    EXPECT_EQ(merge.size, record.integer("size"));
  }
  std::map<std::pair<std::string, double>, std::vector<int>> labels;
  for (const Record& record : read_csv(golden_file("clustering_labels.csv")))
    labels[{record.text("case"), record.number("cut")}].push_back(record.integer("label"));
  ASSERT_EQ(labels.size(), 19U);
  for (const auto& [key, expected] : labels)
    EXPECT_EQ(flat_clusters(trees.at(key.first), cases.at(key.first).items, key.second), expected)
        << key.first << " at " << key.second;
}

// MATLAB's figures for six cities, as in scipy's tests.
TEST(Clustering, AgreesWithPublishedHeights) {
  const std::vector<Merge> tree = average_linkage(golden_cases().at("published").distances, 6);
  const double heights[] = {138, 219, 333.5, 347.5, 680.77777778};
  for (std::size_t step = 0; step < 5; ++step) EXPECT_NEAR(tree[step].height, heights[step], 5e-9);
}

TEST(Clustering, JoinsTheNearestByTheDefinition) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const int items = 2 + static_cast<int>(seed);
    const std::vector<double> distances = random_distances(items, seed);
    const std::vector<Merge> tree = average_linkage(distances, items);
    const std::vector<double> heights = heights_by_definition(distances, items);
    for (std::size_t step = 0; step < tree.size(); ++step) {
      EXPECT_LE(relative_error(tree[step].height, heights[step]), 1e-13) << seed;
      EXPECT_LT(tree[step].left, tree[step].right);
      EXPECT_LT(tree[step].right, items + static_cast<int>(step));
    }
    EXPECT_EQ(tree.back().size, items);
  }
}

TEST(Clustering, DoesNotDependOnTheOrderOfTheItems) {
  const int items = 60;
  const std::vector<double> distances = random_distances(items, 31);
  std::vector<int> order(items);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(32));
  std::vector<double> shuffled(distances.size());
  for (int i = 0; i < items; ++i)
    for (int j = 0; j < i; ++j)
      shuffled[packed_index(i, j)] =
          distances[packed_index(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)])];
  const double cut = 0.45;
  const std::vector<int> labels = flat_clusters(average_linkage(distances, items), items, cut);
  const std::vector<int> same = flat_clusters(average_linkage(shuffled, items), items, cut);
  EXPECT_GT(*std::max_element(labels.begin(), labels.end()), 3);
  for (std::size_t i = 0; i < items; ++i)
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_EQ(same[i] == same[j],
                labels[static_cast<std::size_t>(order[i])] == labels[static_cast<std::size_t>(order[j])]);
}

TEST(Clustering, LabelsFollowTheSmallestMember) {
  // 0 and 3 are near, 1 and 2 are nearer.
  std::vector<double> distances(packed_size(5), 1);
  distances[packed_index(3, 0)] = 0.3;
  distances[packed_index(2, 1)] = 0.1;
  const std::vector<Merge> tree = average_linkage(distances, 5);
  EXPECT_EQ(flat_clusters(tree, 5, 0.3), (std::vector<int>{0, 1, 1, 0, 2}));  // the cut is inclusive
  EXPECT_EQ(flat_clusters(tree, 5, 0.29), (std::vector<int>{0, 1, 1, 2, 3}));
  EXPECT_EQ(flat_clusters(tree, 5, 0.05), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(flat_clusters(tree, 5, 1), (std::vector<int>{0, 0, 0, 0, 0}));
}

TEST(Clustering, OfFewItems) {
  EXPECT_TRUE(average_linkage({}, 0).empty());
  EXPECT_TRUE(average_linkage({}, 1).empty());
  EXPECT_TRUE(flat_clusters({}, 0, 1).empty());
  EXPECT_EQ(flat_clusters({}, 1, 1), std::vector<int>{0});
}

TEST(Clustering, RefusesWhatIsNoDistance) {
  EXPECT_EQ(sqlstate_of([] { average_linkage({1, nan, 1}, 3); }), "22000");
  EXPECT_EQ(sqlstate_of([] { average_linkage({1, 2}, 3); }), "22023");
}

TEST(Clustering, CanBeCanceled) {
  const auto cancel = [] { throw std::runtime_error("canceled"); };
  EXPECT_THROW(average_linkage({1, 2, 3}, 3, cancel), std::runtime_error);
}

TEST(CorrelationDistance, GrowsAsTheCorrelationFalls) {
  EXPECT_EQ(correlation_distance(1), 0);
  EXPECT_EQ(correlation_distance(-1), 1);
  EXPECT_EQ(correlation_distance(0), std::sqrt(0.5));
  EXPECT_NEAR(correlation_distance(0.7), 0.387, 5e-4);
  EXPECT_EQ(correlation_distance(nan), correlation_distance(0));
  EXPECT_EQ(correlation_distances(std::vector<double>{1, nan, 0.5}),
            (std::vector<double>{0, correlation_distance(0), 0.5}));
}

}  // namespace
}  // namespace clustering_test
