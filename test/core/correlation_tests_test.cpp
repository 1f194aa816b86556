#include "core/stats/correlation_tests.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/stats/multiple_testing.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace correlation_tests_test {
namespace {

using pb::core::CorrelatedPair;
using pb::core::Correlations;
using pb::core::Matrix;
using pb::test::bits;

// Few to all pairs significant, with and without gaps, with constant series and pairs that overlap too little.
std::vector<Correlations> cases() {
  std::vector<Correlations> result;
  for (const double market : {0.0, 0.1, 0.25, 1.0})
    for (const double missing : {0.0, 0.3}) {
      Matrix returns = pb::test::generated_returns(70, 40, 11, market);
      if (missing > 0) pb::test::remove_cells(returns, missing, 12);
      returns.col(5).setConstant(0.01);
      result.push_back(pb::core::pairwise_correlations(returns, {.min_overlap = missing > 0 ? 34 : 10}));
    }
  return result;
}

TEST(CorrelationTests, CountsAsManySignificantPairsAsAllQValuesShow) {
  bool some = false;
  for (const Correlations& correlations : cases()) {
    const auto q_values = pb::core::benjamini_hochberg(pb::core::correlation_p_values(correlations));
    for (const double level : {0.0, 0.01, 0.05, 0.5, 1.0}) {
      const auto expected = std::count_if(q_values.begin(), q_values.end(), [&](double q) { return q <= level; });
      EXPECT_EQ(pb::core::significant_pairs(correlations, level), static_cast<std::size_t>(expected)) << level;
      some = some || (expected > 0 && expected < static_cast<std::ptrdiff_t>(q_values.size()) / 2);
    }
    const auto tests = std::count_if(q_values.begin(), q_values.end(), [](double q) { return !std::isnan(q); });
    EXPECT_EQ(pb::core::tested_pairs(correlations), static_cast<std::size_t>(tests));
  }
  EXPECT_TRUE(some);
}

TEST(CorrelationTests, TestsSomePairsAsIfAllWere) {
  for (const Correlations& correlations : cases()) {
    const auto p_values = pb::core::correlation_p_values(correlations);
    const auto q_values = pb::core::benjamini_hochberg(p_values);
    for (const int count : {1, 10, 1000}) {
      const auto pairs = pb::core::top_correlations(correlations.values, correlations.symbols, count);
      const auto tests = pb::core::test_pairs(correlations, pairs);
      ASSERT_EQ(tests.size(), pairs.size());
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        const std::size_t place = pb::core::packed_index(pairs[i].first, pairs[i].second);
        EXPECT_EQ(bits(tests[i].p_value), bits(p_values[place]));
        EXPECT_EQ(bits(tests[i].q_value), bits(q_values[place]));
      }
    }
  }
}

TEST(CorrelationTests, NothingIsTestedWithoutThreeCommonReturns) {
  Matrix returns = pb::test::generated_returns(2, 3, 1);
  const Correlations two = pb::core::pairwise_correlations(returns, {.min_overlap = 2, .constant_variance = 0});
  ASSERT_FALSE(std::isnan(two.values[0]));
  EXPECT_EQ(pb::core::tested_pairs(two), 0U);
  EXPECT_EQ(pb::core::significant_pairs(two), 0U);
  const auto tests = pb::core::test_pairs(two, std::vector<CorrelatedPair>{{0, 1, two.values[0]}});
  EXPECT_TRUE(std::isnan(tests[0].p_value) && std::isnan(tests[0].q_value));
  EXPECT_EQ(pb::core::significant_pairs(Correlations{}), 0U);
  EXPECT_TRUE(pb::core::test_pairs(two, {}).empty());
}

}  // namespace
}  // namespace correlation_tests_test
