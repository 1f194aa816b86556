#include "core/portfolio/correlation_groups.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "returns.hpp"
#include "support.hpp"

namespace correlation_groups_test {
namespace {

using pb::core::Correlations;
using pb::core::Matrix;
using pb::test::bits;

constexpr pb::core::CorrelationSettings settings{.min_overlap = 20};

using Groups = std::vector<std::vector<int>>;

std::vector<Correlations> correlate(const Matrix& returns, const Groups& groups) {
  std::vector<Correlations> results;
  pb::core::correlate_groups(returns, groups, settings, pb::core::no_poll,
                             [&](std::size_t group, const Correlations& found) {
                               EXPECT_EQ(group, results.size());
                               results.push_back(found);
                             });
  return results;
}

void expect_same(const Correlations& a, const Correlations& b) {
  EXPECT_EQ(a.symbols, b.symbols);
  EXPECT_EQ(a.min_overlap, b.min_overlap);
  EXPECT_EQ(a.overlaps, b.overlaps);
  EXPECT_EQ(a.reasons, b.reasons);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) EXPECT_EQ(bits(a.values[i]), bits(b.values[i])) << i;
}

const Groups overlapping{
    {0, 1, 2, 5, 8}, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 2, 4, 6, 8}, {3}, {}, {0, 1, 2, 3, 4, 5, 6, 7, 8}};
const Groups disjoint{{0, 4}, {1, 2, 3}, {}, {5, 6}};

Matrix returns_with(double missing) {
  Matrix returns = pb::test::generated_returns(90, 9, 7);
  if (missing > 0) pb::test::remove_cells(returns, missing, 8);
  return returns;
}

TEST(CorrelationGroups, OneTriangleServesGroupsThatOverlap) {
  EXPECT_TRUE(pb::core::one_triangle_is_cheaper(9, overlapping));
  EXPECT_FALSE(pb::core::one_triangle_is_cheaper(9, disjoint));
  EXPECT_FALSE(pb::core::one_triangle_is_cheaper(3, Groups{{0, 1, 2}}));
}

TEST(CorrelationGroups, GiveWhatEachGroupAloneGivesToTheLastBit) {
  for (const double missing : {0.0, 0.2})
    for (const Groups& groups : {overlapping, disjoint}) {
      const Matrix returns = returns_with(missing);
      const std::vector<Correlations> results = correlate(returns, groups);
      ASSERT_EQ(results.size(), groups.size());
      for (std::size_t i = 0; i < groups.size(); ++i)
        expect_same(results[i], pb::core::pairwise_correlations(Matrix(returns(pb::core::every, groups[i])), settings));
    }
}

// Symbols with gaps elsewhere must not leave an overlap for each pair where all overlaps of the group are equal.
TEST(CorrelationGroups, KeepOneOverlapWhereAllAreEqual) {
  Matrix returns = returns_with(0);
  returns.col(7).head(30).setConstant(pb::test::nan);
  const Correlations all = pb::core::pairwise_correlations(returns, settings);
  ASSERT_GT(all.overlaps.size(), 1U);
  EXPECT_EQ(pb::core::correlations_among(all, std::vector<int>{0, 3, 8}).overlaps, std::vector<int>{90});
  EXPECT_EQ(pb::core::correlations_among(all, std::vector<int>{0, 3, 7}).overlaps, (std::vector<int>{90, 60, 60}));
}

}  // namespace
}  // namespace correlation_groups_test
