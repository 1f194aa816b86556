#include "core/stats/model_quality.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "core/stats/factor_model.hpp"
#include "core/stats/volatility.hpp"

namespace model_quality_test {
namespace {

using pb::core::BetaChange;
using pb::core::BiasStatistic;
using pb::core::IntervalCoverage;
using pb::core::min_scores;
using pb::core::nominal_coverage;
using pb::core::OutOfSampleR2;
using pb::core::QlikeLoss;
using pb::core::Reason;
using pb::core::Score;
using pb::core::to_word;
using pb::core::Verdict;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// The score of as many of the same observations.
template <class Measure, class... Values>
Score score_of(Measure measure, std::int64_t times, Values... values) {
  for (std::int64_t i = 0; i < times; ++i) measure.add(values...);
  return measure.score();
}

TEST(ModelQuality, TooFewObservationsHaveAReasonAndNoFigure) {
  const Score few = score_of(OutOfSampleR2(), min_scores - 1, 0.02, 0.01, 0.0);
  EXPECT_TRUE(std::isnan(few.value));
  EXPECT_EQ(few.observations, min_scores - 1);
  EXPECT_EQ(few.reason, Reason::insufficient_data);
  EXPECT_EQ(few.verdict, Verdict::none);
  EXPECT_EQ(to_word(few.verdict), "");
  EXPECT_EQ(score_of(OutOfSampleR2(), min_scores, 0.02, 0.01, 0.0).reason, Reason::none);
}

TEST(ModelQuality, R2IsAgainstNoMoveAtAll) {
  OutOfSampleR2 r2;
  for (int i = 0; i < 20; ++i) r2.add(i % 2 == 0 ? 0.02 : -0.01, i % 2 == 0 ? 0.01 : -0.01, 0);
  const Score score = r2.score();
  EXPECT_NEAR(score.value, 1 - 1.0 / 5, 1e-15);
  EXPECT_NEAR(score.plain, 0, 1e-15);
  EXPECT_EQ(score.verdict, Verdict::wins);
  EXPECT_EQ(score_of(OutOfSampleR2(), 20, 0.02, -0.01, 0.0).verdict, Verdict::loses);
  EXPECT_EQ(score_of(OutOfSampleR2(), 20, 0.02, 0.01, 0.01).verdict, Verdict::ties);
  EXPECT_EQ(score_of(OutOfSampleR2(), 20, 0.0, 0.0, 0.0).reason, Reason::constant_series);
}

TEST(ModelQuality, WhatIsMissingIsLeftOutOfBothSides) {
  OutOfSampleR2 r2;
  r2.add(nan, 1, 1);
  r2.add(1, nan, 1);
  r2.add(1, 1, nan);
  QlikeLoss loss;
  loss.add(-1, 1, 1);
  loss.add(1, 0, 1);
  loss.add(1, 1, 0);
  loss.add(nan, 1, 1);
  BiasStatistic bias;
  bias.add(1, 0, 1);
  bias.add(1, 1, nan);
  bias.add(nan, 1, 1);
  BetaChange change(0.1);
  change.add(nan, 1, 1);
  change.add(1, nan, 1);
  change.add(1, 1, nan);
  for (const Score& score : {r2.score(), loss.score(), bias.score(), change.score()}) EXPECT_EQ(score.observations, 0);
}

TEST(ModelQuality, TheTrueVarianceHasTheLeastLoss) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  QlikeLoss too_low;
  QlikeLoss too_high;
  for (int i = 0; i < 5000; ++i) {
    const double variance = 1e-4 * (1 + i % 3);
    const double move = normal(random);
    too_low.add(variance * move * move, variance, 0.8 * variance);
    too_high.add(variance * move * move, variance, 1.25 * variance);
  }
  EXPECT_EQ(too_low.score().verdict, Verdict::wins);
  EXPECT_EQ(too_high.score().verdict, Verdict::wins);
  EXPECT_NEAR(score_of(QlikeLoss(), 20, 2e-4, 1e-4, 4e-4).value, std::log(1e-4) + 2, 1e-14);
  EXPECT_NEAR(score_of(QlikeLoss(), 20, 2e-4, 1e-4, 4e-4).plain, std::log(4e-4) + 0.5, 1e-14);
}

TEST(ModelQuality, ABiasIsJudgedByItsDistanceFromOneAndItsRange) {
  const auto bias_of = [](double forecast, double plain) {
    BiasStatistic bias;
    for (int i = 0; i < 18; ++i) bias.add(i % 2 == 0 ? 0.01 : -0.01, forecast, plain);
    return bias.score();
  };
  const double deviation = 0.01 * std::sqrt(18.0 / 17);
  const Score right = bias_of(deviation, deviation / 2);
  EXPECT_NEAR(right.value, 1, 1e-12);
  EXPECT_NEAR(right.plain, 2, 1e-12);
  EXPECT_NEAR(right.low, 1 - 1.0 / 3, 1e-12);
  EXPECT_NEAR(right.high, 1 + 1.0 / 3, 1e-12);
  EXPECT_EQ(right.verdict, Verdict::wins);
  EXPECT_EQ(bias_of(deviation / 1.2, deviation).verdict, Verdict::ties);
  EXPECT_EQ(bias_of(deviation / 1.4, deviation).verdict, Verdict::loses);
  EXPECT_EQ(bias_of(deviation / 1.4, deviation / 1.5).verdict, Verdict::wins);
  EXPECT_EQ(bias_of(deviation / 3, deviation / 3).verdict, Verdict::ties);
}

TEST(ModelQuality, AnIntervalHoldsTheNextEstimateAsOftenAsTwoErrorsAllow) {
  EXPECT_NEAR(nominal_coverage(), 0.834, 0.0005);
  IntervalCoverage coverage;
  for (int i = 0; i < 100; ++i) coverage.add(i < 83, i < 50);
  EXPECT_NEAR(coverage.score(100).value, 0.83, 1e-15);
  EXPECT_NEAR(coverage.score(100).plain, 0.5, 1e-15);
  EXPECT_EQ(coverage.score(100).verdict, Verdict::wins);
  EXPECT_EQ(coverage.score().verdict, Verdict::ties);
  EXPECT_GT(coverage.score(4).high - coverage.score(4).low, coverage.score(100).high - coverage.score(100).low);
  EXPECT_EQ(coverage.score(1000).low, coverage.score(100).low);
  IntervalCoverage narrow;
  for (int i = 0; i < 100; ++i) narrow.add(i < 50, i < 83);
  EXPECT_EQ(narrow.score(100).verdict, Verdict::loses);
  EXPECT_EQ(narrow.score().verdict, Verdict::loses);
  EXPECT_EQ(IntervalCoverage().score(0).reason, Reason::insufficient_data);
}

TEST(ModelQuality, TheIntervalOfNormalReturnsIsThatOfTheTables) {
  EXPECT_NEAR(pb::core::normal_interval(21).low, std::sqrt(20 / 34.169607), 1e-8);
  EXPECT_NEAR(pb::core::normal_interval(21).high, std::sqrt(20 / 9.590777), 1e-7);
}

TEST(ModelQuality, BetasThatStayDoNotChange) {
  BetaChange change(0.08);
  change.add(3, 3, 0.5);
  change.add(4, 4, 0);
  const Score stable = change.score();
  EXPECT_EQ(stable.value, 0);
  EXPECT_NEAR(stable.plain, std::sqrt(2 * 0.08) * 0.5 / 5, 1e-15);
  EXPECT_EQ(stable.verdict, Verdict::wins);
  const auto moved = [](double by) {
    BetaChange one(0.5);
    one.add(1, 1 + by, 0.1);
    return one.score().verdict;
  };
  EXPECT_EQ(moved(0.15), Verdict::ties);
  EXPECT_EQ(moved(0.2), Verdict::loses);
  EXPECT_EQ(BetaChange(0).score().reason, Reason::insufficient_data);
}

TEST(ModelQuality, SlopesAreThoseOfTheNewestCompleteSessions) {
  pb::core::Matrix moves(40, 2);
  for (int t = 0; t < 40; ++t) moves.row(t) << std::sin(t), (t < 20 ? 7 : 2) * std::sin(t) + 0.1 * std::cos(3 * t);
  moves(0, 0) = nan;
  moves(35, 1) = nan;
  pb::core::Matrix later = moves;
  later.row(39).setConstant(9);
  const auto slopes = pb::core::slopes_on_first(moves, 38, 15, 10);
  EXPECT_EQ(slopes(0), 0);
  EXPECT_NEAR(slopes(1), 2, 0.1);
  EXPECT_EQ(slopes(1), pb::core::slopes_on_first(later, 38, 15, 10)(1));
  EXPECT_TRUE(std::isnan(pb::core::slopes_on_first(moves, 38, 15, 16)(1)));
  EXPECT_TRUE(std::isnan(pb::core::slopes_on_first(moves, 38, 0, 0)(1)));
  moves.col(1) = 2 * moves.col(0);
  EXPECT_TRUE(std::isnan(pb::core::slopes_on_first(moves, 38, 15, 10)(1)));
}

TEST(ModelQuality, TheExponentialAverageIsThatOfTheForecast) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, 0.01);
  pb::core::Vector returns(1300);
  for (double& value : returns) value = normal(random);
  returns(0) = nan;
  for (const int gap : {150, 700, 701, 1200}) returns(gap) = nan;
  // The first returns are large, so that one too many is seen.
  for (int t = 1; t < 30; ++t) returns(t) *= 1000;
  const pb::core::VolatilityEstimator estimator;
  const pb::core::Vector variances = estimator.exponential_variances(returns);
  const pb::core::VolatilitySettings exponential;
  EXPECT_TRUE(std::isnan(variances(0)));
  for (const int session : {40, 190, 545, 546, 560, 575, 576, 800, 1299}) {
    double sum = 0;
    double weights = 0;
    for (int t = std::max(1, session - estimator.sessions_needed() + 1); t <= session; ++t) {
      if (std::isnan(returns(t))) continue;
      sum = exponential.ewma_lambda * sum + returns(t) * returns(t);
      weights = exponential.ewma_lambda * weights + 1;
    }
    EXPECT_NEAR(variances(session) / (sum / weights), 1, 1e-9) << session;
  }
  const auto young = estimator.estimate(returns, 190, 252);
  EXPECT_NEAR(252 * variances(190) / std::pow(young.forecast->value, 2), 1, 1e-12);
}

}  // namespace
}  // namespace model_quality_test
