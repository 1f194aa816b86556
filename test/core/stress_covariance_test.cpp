#include "core/portfolio/stress_covariance.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/stats/shrinkage.hpp"
#include "risk_data.hpp"

namespace stress_covariance_test {
namespace {

using pb::core::Matrix;
using pb::core::RiskFactor;
using pb::core::ShockUnit;
using pb::core::stress_covariance;
using pb::core::Vector;
using pb::core::worst_moves;
using pb::core::WorstMoves;
using pb::test::generated_returns;
using pb::test::nan;
using pb::test::sqlstate_of;

Matrix three_series() {
  Matrix moves(generated_returns().values.rows(), 3);
  moves << generated_returns().series("market"), generated_returns().series("growth"),
      generated_returns().series("yield");
  return moves;
}

// ---- covariance ----------------------------------------------------------------------------------------------------

TEST(StressCovariance, IsOfTheSessionsThatAllHave) {
  Matrix moves = three_series();
  std::vector<int> complete;
  for (int t = 0; t < static_cast<int>(moves.rows()); ++t)
    if (moves.row(t).allFinite()) complete.push_back(t);
  ASSERT_GT(complete.size(), 100u);
  const auto found = stress_covariance(moves, 60).value();
  const auto expected = pb::core::ledoit_wolf_constant_correlation(Matrix(moves(complete, Eigen::all)));
  EXPECT_EQ(found.covariance, expected.covariance);
  EXPECT_EQ(found.shrinkage, expected.intensity);
  EXPECT_EQ(found.observations, static_cast<int>(complete.size()));
  EXPECT_EQ(found.first, complete.front());
  EXPECT_TRUE(stress_covariance(moves, found.observations).has_value());
  EXPECT_FALSE(stress_covariance(moves, found.observations + 1).has_value());
}

TEST(StressCovariance, NeedsFactorsThatMove) {
  Matrix moves = three_series();
  moves.col(1).setConstant(0.01);
  EXPECT_FALSE(stress_covariance(moves, 60).has_value());
  moves.col(1).setConstant(nan);
  EXPECT_FALSE(stress_covariance(moves, 60).has_value());
  EXPECT_FALSE(stress_covariance(Matrix(0, 3), 0).has_value());
}

// ---- worst moves ---------------------------------------------------------------------------------------------------

const std::vector<RiskFactor> factors{{"market", ShockUnit::simple_return}, {"rate", ShockUnit::yield_change}};

TEST(WorstMoves, CompoundReturnsAndAddUpYields) {
  Matrix moves(5, 2);
  moves << nan, 0.001, -0.1, 0.002, -0.2, -0.001, 0.5, 0.003, -0.1, -0.01;
  const WorstMoves two = worst_moves(moves, factors, 2);
  EXPECT_DOUBLE_EQ(two.lowest(0), 0.9 * 0.8 - 1);
  EXPECT_DOUBLE_EQ(two.highest(0), 0.5);
  EXPECT_DOUBLE_EQ(two.lowest(1), -0.01);
  EXPECT_DOUBLE_EQ(two.highest(1), 0.003);
  const WorstMoves three = worst_moves(moves, factors, 3);
  EXPECT_DOUBLE_EQ(three.highest(1), 0.004);
  EXPECT_DOUBLE_EQ(worst_moves(moves, factors, 4).highest(1), 0.005);
  EXPECT_DOUBLE_EQ(worst_moves(moves, factors, 1).lowest(0), -0.2);
}

TEST(WorstMoves, DoNotReachAcrossWhatIsMissing) {
  Matrix moves(4, 2);
  moves << 0.1, nan, nan, nan, 0.2, nan, 0.1, nan;
  const WorstMoves worst = worst_moves(moves, factors, 21);
  EXPECT_DOUBLE_EQ(worst.highest(0), 1.2 * 1.1 - 1);
  EXPECT_EQ(worst.lowest(0), 0);  // it never fell
  EXPECT_TRUE(std::isnan(worst.lowest(1)) && std::isnan(worst.highest(1)));
}

TEST(WorstMoves, NeedAHorizonAndUnits) {
  EXPECT_EQ(sqlstate_of([] { worst_moves(Matrix::Zero(3, 2), factors, 0); }), "22023");
  EXPECT_EQ(sqlstate_of([] { worst_moves(Matrix::Zero(3, 1), factors, 21); }), "22023");
}

}  // namespace
}  // namespace stress_covariance_test
