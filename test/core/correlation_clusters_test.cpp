#include "core/portfolio/correlation_clusters.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/stats/packed_triangle.hpp"
#include "support.hpp"

namespace correlation_clusters_test {
namespace {

using pb::core::cluster_nickname;
using pb::core::concentration_score;
using pb::core::correlation_clusters;
using pb::core::CorrelationCluster;
using pb::core::NamedMember;
using pb::core::packed_index;
using pb::core::packed_size;
using pb::test::nan;
using pb::test::sqlstate_of;

// Six assets: 0 and 4 move together, and so do 1, 2 and 5; 3 is alone.
std::vector<double> two_groups() {
  std::vector<double> correlations(packed_size(6), 0.1);
  correlations[packed_index(0, 4)] = 0.9;
  correlations[packed_index(1, 2)] = 0.8;
  correlations[packed_index(1, 5)] = 0.75;
  correlations[packed_index(2, 5)] = 0.85;
  return correlations;
}

TEST(CorrelationClusters, DescribeTheirMembers) {
  const std::vector<double> values{100, 50, -70, 1000, 20, 10};
  const std::vector<CorrelationCluster> clusters = correlation_clusters(two_groups(), values);
  ASSERT_EQ(clusters.size(), 2U);
  EXPECT_EQ(clusters[0].members, (std::vector<int>{1, 2, 5}));
  EXPECT_EQ(clusters[0].value, 130);
  EXPECT_DOUBLE_EQ(clusters[0].average_correlation, 0.8);
  ASSERT_EQ(clusters[0].correlation_to_cluster.size(), 3U);
  EXPECT_DOUBLE_EQ(clusters[0].correlation_to_cluster[0], 0.775);
  EXPECT_DOUBLE_EQ(clusters[0].correlation_to_cluster[1], 0.825);
  EXPECT_DOUBLE_EQ(clusters[0].correlation_to_cluster[2], 0.8);
  EXPECT_EQ(clusters[1].members, (std::vector<int>{0, 4}));
  EXPECT_DOUBLE_EQ(concentration_score(clusters, values).value(), 0.2);
}

TEST(CorrelationClusters, LargestValueFirstThenSmallestMember) {
  EXPECT_EQ(correlation_clusters(two_groups(), std::vector<double>{100, 50, 70, 1, 20, 10})[0].members[0], 1);
  EXPECT_EQ(correlation_clusters(two_groups(), std::vector<double>{110, 50, 70, 1, 20, 10})[0].members[0], 0);
  EXPECT_EQ(correlation_clusters(two_groups(), std::vector<double>{120, 50, 70, 1, 20, 10})[0].members[0], 0);
}

// The cut is inclusive: two assets whose correlation is the threshold belong together.
TEST(CorrelationClusters, ThresholdIsInclusive) {
  const std::vector<double> values{1, 1};
  for (const double rho : {-0.3, 0.0, 0.123456789, 0.7, 0.99, 1.0}) {
    EXPECT_EQ(correlation_clusters(std::vector<double>{rho}, values, rho).size(), 1U) << rho;
    EXPECT_TRUE(correlation_clusters(std::vector<double>{rho - 1e-9}, values, rho).empty()) << rho;
  }
  EXPECT_TRUE(correlation_clusters(std::vector<double>{-0.95}, values).empty());  // a hedge is no lookalike
}

// Average linkage does not chain: 0-1 and 1-2 are close, 0-2 is not.
TEST(CorrelationClusters, DoNotChain) {
  const std::vector<CorrelationCluster> clusters =
      correlation_clusters(std::vector<double>{0.8, 0.0, 0.75}, std::vector<double>{1, 1, 1});
  ASSERT_EQ(clusters.size(), 1U);
  EXPECT_EQ(clusters[0].members, (std::vector<int>{0, 1}));
}

TEST(CorrelationClusters, MissingPairsDoNotLink) {
  const std::vector<double> values{1, 1, 1};
  EXPECT_TRUE(correlation_clusters(std::vector<double>{nan, nan, nan}, values).empty());
  // 2 has no correlation with 0, but joins at a lower threshold through 1.
  const std::vector<CorrelationCluster> clusters =
      correlation_clusters(std::vector<double>{0.9, nan, 0.9}, values, 0.3);
  ASSERT_EQ(clusters.size(), 1U);
  EXPECT_EQ(clusters[0].members.size(), 3U);
  EXPECT_DOUBLE_EQ(clusters[0].average_correlation, 0.9);
  EXPECT_DOUBLE_EQ(clusters[0].correlation_to_cluster[0], 0.9);
}

TEST(CorrelationClusters, OfFewAssets) {
  EXPECT_TRUE(correlation_clusters({}, {}).empty());
  EXPECT_TRUE(correlation_clusters({}, std::vector<double>{5}).empty());
  EXPECT_FALSE(concentration_score({}, {}).has_value());
  EXPECT_FALSE(concentration_score({}, std::vector<double>{0, 0}).has_value());
  EXPECT_EQ(concentration_score({}, std::vector<double>{5}).value(), 0);
}

TEST(CorrelationClusters, RefuseImpossibleInput) {
  const std::vector<double> values{1, 1};
  for (const double threshold : {-1.1, 1.1, nan})
    EXPECT_EQ(sqlstate_of([&] { correlation_clusters(std::vector<double>{0.5}, values, threshold); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { correlation_clusters(std::vector<double>{0.5, 0.5}, values); }), "22023");
}

TEST(CorrelationClusters, CanBeCanceled) {
  const auto cancel = [] { throw std::runtime_error("canceled"); };
  EXPECT_THROW(correlation_clusters(two_groups(), std::vector<double>(6, 1), 0.7, cancel), std::runtime_error);
}

// ---- names ---------------------------------------------------------------------------------------------------------

std::vector<NamedMember> members(int count) {
  std::vector<NamedMember> result;
  for (int i = 0; i < count; ++i) result.push_back({std::string(1, static_cast<char>('A' + i)), 10.0 * i, {}, {}});
  return result;
}

TEST(ClusterNickname, TagOfSeventyPercentComesFirst) {
  std::vector<NamedMember> ten = members(10);
  for (int i = 0; i < 10; ++i) ten[static_cast<std::size_t>(i)].sector = "Energy";
  for (std::size_t i = 0; i < 6; ++i) ten[i].tags = {"other", "oil", "oil"};
  EXPECT_EQ(cluster_nickname(ten), "Energy");  // 60 % of the members, however often each carries it
  ten[6].tags = {"oil"};
  EXPECT_EQ(cluster_nickname(ten), "oil");  // exactly 70 %
}

TEST(ClusterNickname, SectorComesNext) {
  std::vector<NamedMember> three = members(3);
  three[0].sector = three[1].sector = "Utilities";
  EXPECT_EQ(cluster_nickname(three), "C lookalikes");  // 67 %
  three[2].sector = "Utilities";
  EXPECT_EQ(cluster_nickname(three), "Utilities");
  std::vector<NamedMember> unknown = members(2);
  EXPECT_EQ(cluster_nickname(unknown), "B lookalikes");  // no sector is not a common one
}

TEST(ClusterNickname, ElseTheLargestMember) {
  std::vector<NamedMember> three = members(3);
  three[0].value = -500;
  EXPECT_EQ(cluster_nickname(three), "A lookalikes");
  three[1].value = 500;
  EXPECT_EQ(cluster_nickname(three), "A lookalikes");  // the same size: by symbol
  std::swap(three[0], three[1]);
  EXPECT_EQ(cluster_nickname(three), "A lookalikes");
}

TEST(ClusterNickname, TiesGoToTheFirstName) {
  std::vector<NamedMember> two = members(2);
  for (NamedMember& member : two) member.tags = {"growth", "core"};
  EXPECT_EQ(cluster_nickname(two), "core");
  EXPECT_EQ(cluster_nickname({}), "");
}

}  // namespace
}  // namespace correlation_clusters_test
