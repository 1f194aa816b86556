#include "core/stats/covariance_estimate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/stats/complete_cases.hpp"
#include "core/stats/nearest_correlation.hpp"
#include "core/stats/shrinkage.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace covariance_estimate_test {
namespace {

using pb::core::Correlations;
using pb::core::CovarianceEstimate;
using pb::core::estimate_covariance;
using pb::core::Matrix;
using pb::test::nan;
using pb::test::sqlstate_of;

constexpr pb::core::CorrelationSettings settings{.min_overlap = 40};

std::optional<CovarianceEstimate> estimate(const Matrix& returns) {
  return estimate_covariance(returns, pb::core::pairwise_correlations(returns, settings));
}

TEST(CovarianceEstimate, IsShrunkWhereAllShareTheirSessions) {
  Matrix returns = pb::test::generated_returns(100, 6, 3);
  returns.topRows(45).setConstant(nan);  // far below the coverage, but for all alike
  const auto result = estimate(returns);
  ASSERT_TRUE(result);
  const auto shrunk = pb::core::ledoit_wolf_constant_correlation(returns.bottomRows(55));
  EXPECT_EQ(std::string(result->method), "ledoit_wolf");
  EXPECT_EQ(result->shrinkage_intensity, shrunk.intensity);
  EXPECT_GT(shrunk.intensity, 0);
  EXPECT_TRUE(std::isnan(result->repair_distance));
  EXPECT_EQ(result->covariance, shrunk.covariance);
}

TEST(CovarianceEstimate, IsShrunkOnCompleteCasesOfSymbolsThatMissLittle) {
  Matrix returns = pb::test::generated_returns(100, 6, 3);
  returns(10, 0) = returns(20, 1) = returns(30, 1) = nan;
  const auto result = estimate(returns);
  ASSERT_TRUE(result);
  const Matrix complete = pb::core::complete_cases(returns, 0).returns;
  ASSERT_EQ(complete.rows(), 97);
  EXPECT_EQ(result->covariance, pb::core::ledoit_wolf_constant_correlation(complete).covariance);
}

TEST(CovarianceEstimate, IsPairwiseWhereASymbolIsYoung) {
  Matrix returns = pb::test::generated_returns(100, 6, 3);
  returns.col(2).head(11).setConstant(nan);  // 89 % of the sessions
  const Correlations correlations = pb::core::pairwise_correlations(returns, settings);
  const auto result = estimate_covariance(returns, correlations);
  ASSERT_TRUE(result);
  EXPECT_EQ(std::string(result->method), "sample");
  EXPECT_EQ(result->repair_distance, 0);
  EXPECT_TRUE(std::isnan(result->shrinkage_intensity));
  const auto deviation = [&](int symbol, Eigen::Index from) {
    const pb::core::Vector own = returns.col(symbol).tail(100 - from);
    return std::sqrt((own.array() - own.mean()).square().sum() / static_cast<double>(own.size() - 1));
  };
  EXPECT_NEAR(result->covariance(2, 2), std::pow(deviation(2, 11), 2), 1e-16);
  EXPECT_NEAR(result->covariance(2, 4), correlations.value(2, 4) * deviation(2, 11) * deviation(4, 0), 1e-16);
  returns.col(2).head(10).setConstant(0.01);
  returns.col(2)(10) = nan;  // 99 %
  EXPECT_EQ(std::string(estimate(returns)->method), "ledoit_wolf");
}

// Three symbols that meet pairwise on different sessions: two that move as one, and a third that goes with the one and
// against the other.
TEST(CovarianceEstimate, IsRepairedWherePairsContradictOneAnother) {
  Matrix returns = Matrix::Constant(150, 3, nan);
  const Matrix moves = pb::test::generated_returns(150, 3, 5, 0);
  returns.col(0).head(100) = moves.col(0).head(100);
  returns.col(1).head(50) = moves.col(0).head(50);
  returns.col(1).tail(50) = moves.col(1).tail(50);
  returns.col(2).segment(50, 50) = moves.col(0).segment(50, 50);
  returns.col(2).tail(50) = -moves.col(1).tail(50);
  const Correlations correlations = pb::core::pairwise_correlations(returns, settings);
  const auto result = estimate_covariance(returns, correlations);
  ASSERT_TRUE(result);
  EXPECT_EQ(std::string(result->method), "higham");
  EXPECT_GT(result->repair_distance, 0.5);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(result->covariance, Eigen::EigenvaluesOnly);
  EXPECT_GT(solver.eigenvalues()(0), -1e-12 * solver.eigenvalues()(2));
  EXPECT_FALSE(estimate_covariance(returns, correlations, {.largest_repairable = 2}));
}

TEST(CovarianceEstimate, IsNoneWhereAPairHasNoCorrelation) {
  Matrix returns = pb::test::generated_returns(100, 4, 3);
  returns.col(0).head(50).setConstant(nan);
  returns.col(1).tail(50).setConstant(nan);
  EXPECT_FALSE(estimate(returns));
}

// Its only moves are on sessions that another symbol lacks.
TEST(CovarianceEstimate, DoesNotShrinkASeriesThatIsConstantOnTheCompleteCases) {
  Matrix returns = pb::test::generated_returns(100, 3, 3);
  returns.col(0).setZero();
  returns(10, 0) = 0.02;
  returns(20, 0) = -0.03;
  returns(10, 1) = returns(20, 1) = nan;
  EXPECT_FALSE(estimate(returns));  // and so it has no correlation with the second symbol
}

TEST(CovarianceEstimate, RefusesCorrelationsOfOtherSymbols) {
  const Matrix returns = pb::test::generated_returns(100, 4, 3);
  const Correlations correlations = pb::core::pairwise_correlations(returns.leftCols(3), settings);
  EXPECT_EQ(sqlstate_of([&] { estimate_covariance(returns, correlations); }), "22023");
}

}  // namespace
}  // namespace covariance_estimate_test
