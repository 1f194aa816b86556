#include "core/stats/complete_cases.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "returns.hpp"
#include "support.hpp"

namespace complete_cases_test {
namespace {

using pb::core::complete_cases;
using pb::core::CompleteCases;
using pb::core::Matrix;
using pb::test::generated_returns;
using pb::test::nan;
using pb::test::sqlstate_of;

TEST(CompleteCases, YoungListingDoesNotShortenTheOthers) {
  Matrix returns = generated_returns(20, 4, 1);
  returns.col(1).head(3).setConstant(nan);  // 85 %
  returns.col(2).head(2).setConstant(nan);  // 90 %
  returns(7, 3) = std::numeric_limits<double>::infinity();
  const CompleteCases cases = complete_cases(returns);
  EXPECT_EQ(cases.columns, (std::vector<int>{0, 2, 3}));
  std::vector<int> sessions;
  for (int t = 2; t < 20; ++t)
    if (t != 7) sessions.push_back(t);
  EXPECT_EQ(cases.sessions, sessions);
  EXPECT_EQ(cases.returns, Matrix(returns(sessions, std::vector<int>{0, 2, 3})));
  EXPECT_TRUE(cases.returns.allFinite());
}

TEST(CompleteCases, CoverageDecidesWhoStays) {
  Matrix returns = generated_returns(10, 3, 2);
  returns.col(0).setConstant(nan);
  returns.col(1).head(5).setConstant(nan);
  EXPECT_EQ(complete_cases(returns, 1).columns, std::vector<int>{2});
  EXPECT_EQ(complete_cases(returns, 1).sessions.size(), 10U);
  EXPECT_EQ(complete_cases(returns, 0.5).columns, (std::vector<int>{1, 2}));
  EXPECT_EQ(complete_cases(returns, 0.5).sessions.size(), 5U);
  EXPECT_EQ(complete_cases(returns, 0).columns.size(), 3U);
  EXPECT_TRUE(complete_cases(returns, 0).sessions.empty());
}

TEST(CompleteCases, OfCompleteReturnsAreAllOfThem) {
  const Matrix returns = generated_returns(12, 5, 3);
  EXPECT_EQ(complete_cases(returns).returns, returns);
  EXPECT_EQ(complete_cases(Matrix(0, 0)).returns.size(), 0);
}

TEST(CompleteCases, RefusesAnImpossibleCoverage) {
  const Matrix returns = generated_returns(12, 5, 4);
  for (const double coverage : {-0.1, 1.1, nan})
    EXPECT_EQ(sqlstate_of([&] { complete_cases(returns, coverage); }), "22023") << coverage;
}

}  // namespace
}  // namespace complete_cases_test
