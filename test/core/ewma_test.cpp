#include "core/stats/ewma.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "risk_data.hpp"

namespace ewma_test {
namespace {

using pb::core::ewma_lambda;
using pb::core::ewma_moments;
using pb::core::EwmaMean;
using pb::core::EwmaMoments;
using pb::core::EwmaSettings;
using pb::core::Matrix;
using pb::core::Reason;
using pb::core::Vector;
using pb::test::bits;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

constexpr int session_count = 400;
constexpr int last = session_count - 1;

// Returns with a common factor; the first session has none.
Matrix random_returns(Eigen::Index k, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0.0003, 0.01);
  Matrix returns(session_count, k);
  for (Eigen::Index t = 0; t < session_count; ++t) {
    const double common = normal(random);
    for (Eigen::Index j = 0; j < k; ++j) returns(t, j) = common + normal(random);
  }
  returns.row(0).setConstant(nan);
  return returns;
}

EwmaSettings with_mean(const std::string& mean) {
  return {.mean = mean == "weighted" ? EwmaMean::weighted : EwmaMean::zero};
}

// ---- reference results ---------------------------------------------------------------------------------------------

void expect_pair(const EwmaMoments& moments, Eigen::Index i, Eigen::Index j, const Record& expected) {
  EXPECT_EQ(moments.observations(i, j), expected.integer("observations"));
  EXPECT_LE(relative_error(moments.effective_observations(i, j), expected.number("effective_observations")), 1e-13);
  EXPECT_EQ(to_word(moments.reason(i, j)), expected.text("reason"));
  if (!expected.has("covariance")) {
    EXPECT_TRUE(std::isnan(moments.covariance(i, j)) && std::isnan(moments.correlation(i, j)));
    return;
  }
  // A covariance near 0 has lost digits in any program; the scale it is measured in is that of its variances.
  EXPECT_NEAR(moments.correlation(i, j), expected.number("correlation"), 1e-14);
  const double scale = std::fabs(expected.number("covariance") / expected.number("correlation"));
  EXPECT_LE(std::fabs(moments.covariance(i, j) - expected.number("covariance")), 1e-14 * scale);
}

TEST(Ewma, AgreesOnGeneratedReturns) {
  const pb::test::GeneratedReturns& generated = pb::test::generated_returns();
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("ewma.csv"));
  EXPECT_EQ(rows.size(), 378u);
  for (const Record& expected : rows) {
    SCOPED_TRACE(expected.text("session") + " " + expected.text("mean") + " " + expected.text("series_1") + " " +
                 expected.text("series_2"));
    const EwmaMoments moments =
        ewma_moments(generated.values, expected.integer("session"), with_mean(expected.text("mean")));
    expect_pair(moments, generated.index(expected.text("series_1")), generated.index(expected.text("series_2")),
                expected);
  }
}

TEST(EwmaReal, FactorsAgree) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const pb::test::RealMarket& market = pb::test::real_market();
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("ewma_real.csv"));
  EXPECT_EQ(rows.size(), 216u);
  for (const Record& expected : rows) {
    SCOPED_TRACE(expected.text("session") + " " + expected.text("series_1") + " " + expected.text("series_2"));
    Matrix returns(market.sessions.size(), 2);
    returns << market.returns(expected.text("series_1")), market.returns(expected.text("series_2"));
    const int session = market.sessions.index(pb::test::day(expected.text("session"))).value();
    const EwmaMoments moments = ewma_moments(returns, session, with_mean(expected.text("mean")));
    if (expected.text("series_1") != expected.text("series_2"))
      expect_pair(moments, 0, 1, expected);
    else
      expect_pair(moments, 0, 0, expected);
  }
}

// t = 1..60; f1 = 0.010 sin t; f2 = f1 + 0.003 cos 2.3t; f3 = f1 + 0.003 cos(0.7t + 1), centered on the weighted mean.
TEST(Ewma, SineSeries) {
  Matrix returns = Matrix::Constant(61, 2, nan);
  for (int t = 1; t <= 60; ++t) {
    const double f1 = 0.010 * std::sin(t);
    returns.row(t) << f1 + 0.003 * std::cos(2.3 * t), f1 + 0.003 * std::cos(0.7 * t + 1);
  }
  const EwmaSettings settings{.half_life = -std::log(2) / std::log(0.94), .mean = EwmaMean::weighted};
  const EwmaMoments moments = ewma_moments(returns, 60, settings);
  EXPECT_NEAR(moments.correlation(0, 1), 0.919162126603, 1e-12);
  EXPECT_EQ(moments.observations(0, 1), 60);
}

// ---- weights -------------------------------------------------------------------------------------------------------

TEST(Ewma, HalfLifeIsWhatItSays) {
  EXPECT_DOUBLE_EQ(ewma_lambda(1), 0.5);
  EXPECT_NEAR(std::pow(ewma_lambda(63), 63), 0.5, 1e-14);
  EXPECT_NEAR(ewma_lambda(11.2), 0.94, 1e-4);
  for (const double bad : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()})
    EXPECT_EQ(sqlstate_of([&] { ewma_lambda(bad); }), "22023") << bad;
}

TEST(Ewma, EffectiveObservationsAreKishs) {
  const Matrix returns = random_returns(2, 1);
  const EwmaMoments moments = ewma_moments(returns, last);
  EXPECT_EQ(moments.observations(1, 0), 252);
  EXPECT_NEAR(moments.effective_observations(1, 0), 160.3953607685376, 1e-10);
  // Nearly equal weights count nearly all.
  EXPECT_NEAR(ewma_moments(returns, last, {.half_life = 1e9}).effective_observations(0, 0), 252, 1e-9);
}

TEST(Ewma, EqualWeightsAreTheSecondMoments) {
  const Matrix returns = random_returns(3, 2);
  const Matrix sample = returns.bottomRows(252);
  const EwmaMoments moments = ewma_moments(returns, last, {.half_life = 1e15});
  EXPECT_LE((moments.covariance - sample.transpose() * sample / 252).cwiseAbs().maxCoeff(), 1e-17);
  const Matrix centered = sample.rowwise() - sample.colwise().mean();
  const EwmaMoments weighted = ewma_moments(returns, last, {.half_life = 1e15, .mean = EwmaMean::weighted});
  EXPECT_LE((weighted.covariance - centered.transpose() * centered / 252).cwiseAbs().maxCoeff(), 1e-17);
}

// ---- invariants ----------------------------------------------------------------------------------------------------

TEST(Ewma, MatricesAreSymmetricAndPositiveSemidefinite) {
  for (const EwmaMean mean : {EwmaMean::zero, EwmaMean::weighted}) {
    Matrix returns = random_returns(9, 3);
    returns.col(8) = returns.col(0) - 2 * returns.col(1);  // of deficient rank
    const EwmaMoments moments = ewma_moments(returns, last, {.mean = mean});
    EXPECT_EQ(moments.covariance, moments.covariance.transpose());
    EXPECT_EQ(moments.correlation, moments.correlation.transpose());
    EXPECT_EQ(moments.observations, moments.observations.transpose());
    EXPECT_EQ(moments.correlation.diagonal(), Vector::Ones(9));
    EXPECT_LE(moments.correlation.cwiseAbs().maxCoeff(), 1);
    EXPECT_GE(Eigen::SelfAdjointEigenSolver<Matrix>(moments.correlation).eigenvalues()(0), -1e-12);
    const Vector sd = moments.covariance.diagonal().cwiseSqrt();
    EXPECT_LE((moments.covariance - sd.asDiagonal() * moments.correlation * sd.asDiagonal()).cwiseAbs().maxCoeff(),
              1e-18);
  }
}

TEST(Ewma, CorrelationsStayWithinOneWhereSamplesDiffer) {
  Matrix returns = random_returns(2, 4);
  returns.col(1) = 3 * returns.col(0);
  returns.col(0).segment(last - 150, 100).setConstant(nan);
  const EwmaMoments moments = ewma_moments(returns, last);
  EXPECT_DOUBLE_EQ(moments.correlation(0, 1), 1);
  EXPECT_EQ(moments.observations(0, 0), 152);
  EXPECT_EQ(moments.observations(0, 1), 152);
  EXPECT_EQ(moments.observations(1, 1), 252);
}

// The covariance of a series with another is that of each by itself: a young listing changes nobody else's.
TEST(Ewma, DoesNotDependOnTheSeriesBesideIt) {
  Matrix returns = random_returns(4, 5);
  const EwmaMoments before = ewma_moments(returns, last);
  returns.col(3).head(session_count - 70).setConstant(nan);
  const EwmaMoments after = ewma_moments(returns, last);
  EXPECT_EQ(after.covariance.topLeftCorner(3, 3), before.covariance.topLeftCorner(3, 3));
  EXPECT_EQ(after.observations(3, 0), 70);
  const Matrix reversed = returns.rowwise().reverse();
  const EwmaMoments permuted = ewma_moments(reversed, last);
  EXPECT_EQ(permuted.covariance.reverse(), after.covariance);
  const EwmaMoments alone = ewma_moments(returns.col(1), last);
  EXPECT_EQ(alone.covariance(0, 0), after.covariance(1, 1));
}

TEST(Ewma, OnlyTheWindowUpToTheSessionMatters) {
  const int session = 350;
  Matrix returns = random_returns(3, 6);
  returns(session - 5, 1) = nan;
  const EwmaMoments before = ewma_moments(returns, session);
  EXPECT_EQ(before.observations(0, 1), 251);
  for (const double garbage : {1e6, -0.5, nan}) {
    returns.bottomRows(last - session).setConstant(garbage);
    returns.topRows(session - 251).setConstant(garbage);
    EXPECT_EQ(ewma_moments(returns, session).covariance, before.covariance) << garbage;
    EXPECT_EQ(ewma_moments(returns.topRows(session + 1), session).covariance, before.covariance) << garbage;
  }
  returns(session, 0) += 1e-6;
  EXPECT_NE(ewma_moments(returns, session).covariance(0, 0), before.covariance(0, 0));
}

TEST(Ewma, ScalesWithTheReturns) {
  const Matrix returns = random_returns(2, 7);
  const EwmaMoments moments = ewma_moments(returns, last);
  const EwmaMoments scaled = ewma_moments(returns * Eigen::Vector2d(-2, 4).asDiagonal(), last);
  EXPECT_DOUBLE_EQ(scaled.covariance(0, 1), -8 * moments.covariance(0, 1));
  EXPECT_DOUBLE_EQ(scaled.correlation(0, 1), -moments.correlation(0, 1));
}

// ---- where there is nothing to estimate ----------------------------------------------------------------------------

TEST(Ewma, SaysWhyThereIsNone) {
  Matrix returns = random_returns(4, 8);
  returns.col(1).head(session_count - 59).setConstant(nan);
  returns.col(2).setZero();
  returns.col(3).setConstant(nan);
  const EwmaMoments moments = ewma_moments(returns, last);
  EXPECT_EQ(moments.reason(0, 0), Reason::none);
  EXPECT_EQ(moments.reason(0, 1), Reason::insufficient_data);
  EXPECT_EQ(moments.reason(2, 0), Reason::constant_series);
  EXPECT_EQ(moments.reason(2, 2), Reason::constant_series);
  EXPECT_EQ(moments.reason(3, 3), Reason::insufficient_data);
  EXPECT_EQ(moments.observations(3, 0), 0);
  EXPECT_EQ(moments.effective_observations(3, 0), 0);
  EXPECT_TRUE(std::isnan(moments.correlation(2, 2)));
  // A constant return is not constant about 0, only about its mean.
  returns.col(2).setConstant(0.001);
  EXPECT_EQ(ewma_moments(returns, last).reason(2, 2), Reason::none);
  EXPECT_EQ(ewma_moments(returns, last, {.mean = EwmaMean::weighted}).reason(2, 2), Reason::constant_series);
}

TEST(Ewma, FirstSessionHasNoReturnWhateverItHolds) {
  Matrix returns = random_returns(1, 9);
  returns(0, 0) = 0.5;
  EXPECT_EQ(ewma_moments(returns, 100).observations(0, 0), 100);
  EXPECT_EQ(ewma_moments(returns, 0).observations(0, 0), 0);
  EXPECT_EQ(ewma_moments(returns, 0).reason(0, 0), Reason::insufficient_data);
}

TEST(Ewma, SettingsAreChecked) {
  const Matrix returns = random_returns(1, 10);
  EXPECT_EQ(sqlstate_of([&] { ewma_moments(returns, last, {.window = 0}); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { ewma_moments(returns, last, {.min_observations = 0}); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { ewma_moments(returns, last, {.half_life = 0}); }), "22023");
}

int polls = 0;

TEST(Ewma, Polls) {
  polls = 0;
  ewma_moments(random_returns(5, 11), last, {}, [] { ++polls; });
  EXPECT_EQ(polls, 5);
}

}  // namespace
}  // namespace ewma_test
