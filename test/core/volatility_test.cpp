#include "core/stats/volatility.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/stats/beta.hpp"
#include "risk_data.hpp"

namespace {

using pb::core::ForecastMethod;
using pb::core::HarFit;
using pb::core::Quality;
using pb::core::RealizedVolatility;
using pb::core::Reason;
using pb::core::TrendDirection;
using pb::core::Vector;
using pb::core::Volatility;
using pb::core::VolatilityEstimator;
using pb::core::VolatilitySettings;
using pb::test::bits;
using pb::test::generated_returns;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

constexpr int session_count = 900;
constexpr int last = session_count - 1;

const VolatilityEstimator& estimator() {
  static const VolatilityEstimator standard;
  return standard;
}

// On a calendar of exchanges.
Volatility estimated(const Eigen::Ref<const Vector>& returns, int session) {
  return estimator().estimate(returns, session, 252);
}

Vector random_returns(unsigned seed, double sd = 0.01) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, sd);
  Vector returns(session_count);
  for (double& r : returns) r = normal(random);
  returns(0) = nan;
  return returns;
}

// All figures, to be compared bit by bit.
std::vector<std::uint64_t> fingerprint(const Volatility& v) {
  std::vector<std::uint64_t> all{static_cast<std::uint64_t>(v.observations)};
  for (const auto* realized : {&v.realized_short, &v.realized_long})
    if (realized->has_value())
      for (const double number : {(*realized)->value, (*realized)->low, (*realized)->high}) all.push_back(bits(number));
  if (v.forecast.has_value()) {
    all.push_back(bits(v.forecast->value));
    if (const auto& har = v.forecast->har) all.push_back(bits(har->monthly + har->r_squared));
  }
  if (v.trend.has_value()) all.push_back(bits(v.trend->strength));
  if (v.percentile.has_value()) all.push_back(bits(*v.percentile));
  return all;
}

// ---- reference results ---------------------------------------------------------------------------------------------

void expect_realized(const pb::core::Estimate<RealizedVolatility>& actual, const Record& expected,
                     const std::string& name) {
  EXPECT_EQ(to_word(actual.reason()), expected.text((name + "_reason").c_str()));
  ASSERT_EQ(actual.has_value(), expected.has(name.c_str()));
  if (!actual.has_value()) return;
  EXPECT_LE(relative_error(actual->value, expected.number(name.c_str())), 1e-14);
  EXPECT_LE(relative_error(actual->low, expected.number((name + "_low").c_str())), 1e-13);
  EXPECT_LE(relative_error(actual->high, expected.number((name + "_high").c_str())), 1e-13);
}

void expect_har(const HarFit& actual, const Record& expected) {
  // The coefficients of variances of 1e-4 in units of 1; digits go with the condition of the design.
  EXPECT_NEAR(actual.daily, expected.number("har_daily"), 1e-12);
  EXPECT_NEAR(actual.weekly, expected.number("har_weekly"), 1e-12);
  EXPECT_NEAR(actual.monthly, expected.number("har_monthly"), 1e-12);
  EXPECT_NEAR(actual.r_squared, expected.number("har_r_squared"), 1e-12);
  EXPECT_LE(std::fabs(actual.intercept - expected.number("har_intercept")), 1e-11 * actual.forecast);
  EXPECT_EQ(actual.rows, expected.integer("har_rows"));
}

void expect_volatility(const Volatility& actual, const Record& expected) {
  EXPECT_EQ(actual.observations, expected.integer("observations"));
  EXPECT_EQ(to_word(actual.quality_flag), expected.text("quality_flag"));
  EXPECT_EQ(to_word(actual.reason()), expected.text("reason"));
  expect_realized(actual.realized_short, expected, "realized_21");
  expect_realized(actual.realized_long, expected, "realized_63");
  ASSERT_EQ(actual.forecast.has_value(), expected.has("forecast"));
  if (actual.forecast.has_value()) {
    EXPECT_EQ(to_word(actual.forecast->method), expected.text("forecast_method"));
    EXPECT_LE(relative_error(actual.forecast->value, expected.number("forecast")), 1e-12);
    ASSERT_EQ(actual.forecast->har.has_value(), expected.has("har_rows"));
    if (actual.forecast->har) expect_har(*actual.forecast->har, expected);
  }
  EXPECT_EQ(to_word(actual.trend.reason()), expected.text("trend_reason"));
  ASSERT_EQ(actual.trend.has_value(), expected.has("trend"));
  if (actual.trend.has_value()) {
    EXPECT_EQ(to_word(actual.trend->direction), expected.text("trend"));
    EXPECT_NEAR(actual.trend->strength, expected.number("trend_strength"), 1e-13);
  }
  EXPECT_EQ(to_word(actual.percentile.reason()), expected.text("percentile_reason"));
  ASSERT_EQ(actual.percentile.has_value(), expected.has("percentile"));
  if (!actual.percentile.has_value()) return;
  EXPECT_LE(relative_error(*actual.percentile, expected.number("percentile")), 1e-15);
}

TEST(Volatility, AgreesOnGeneratedReturns) {
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("volatility.csv"));
  EXPECT_EQ(rows.size(), 160u);
  for (const Record& expected : rows) {
    SCOPED_TRACE(expected.text("series") + " " + expected.text("session"));
    expect_volatility(estimated(generated_returns().series(expected.text("series")), expected.integer("session")),
                      expected);
  }
}

TEST(VolatilityReal, EverySymbolOnEveryDateAgrees) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const pb::test::RealMarket& market = pb::test::real_market();
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("volatility_real.csv"));
  EXPECT_EQ(rows.size(), 296u);
  for (const Record& expected : rows) {
    SCOPED_TRACE(expected.text("series") + " " + expected.text("session"));
    const int session = market.sessions.index(pb::test::day(expected.text("session"))).value();
    expect_volatility(estimated(market.returns(expected.text("series")), session), expected);
  }
}

// ---- realized ------------------------------------------------------------------------------------------------------

TEST(Volatility, DoesNotSubtractTheMean) {
  const Volatility v = estimated(Vector::Constant(session_count, 0.01), last);
  EXPECT_DOUBLE_EQ(v.realized_short->value, 0.01 * std::sqrt(252.0));
  EXPECT_DOUBLE_EQ(v.realized_long->value, 0.01 * std::sqrt(252.0));
}

TEST(Volatility, IntervalHoldsTheEstimateAndNarrows) {
  const Volatility v = estimated(random_returns(1), last);
  EXPECT_NEAR(v.realized_short->low / v.realized_short->value, std::sqrt(20 / 34.16960690283833), 1e-13);
  EXPECT_NEAR(v.realized_short->high / v.realized_short->value, std::sqrt(20 / 9.590777392264867), 1e-13);
  EXPECT_GT(v.realized_long->low / v.realized_long->value, v.realized_short->low / v.realized_short->value);
  EXPECT_LT(v.realized_long->high / v.realized_long->value, v.realized_short->high / v.realized_short->value);
}

// 95 of 100 intervals hold the truth; normal returns, of which 2,000 samples are looked at.
TEST(Volatility, IntervalCoversTheTruth) {
  int covered = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const Vector returns = random_returns(1000 + seed).head(22);
    const Volatility v = estimated(returns, 21);
    const double truth = 0.01 * std::sqrt(252.0);
    covered += v.realized_short->low <= truth && truth <= v.realized_short->high ? 1 : 0;
  }
  EXPECT_NEAR(covered / 2000.0, 0.95, 0.015);
}

TEST(Volatility, ScalesWithTheReturnsAndNotWithTheirSign) {
  const Vector returns = generated_returns().series("market");
  const Volatility v = estimated(returns, last);
  const Volatility scaled = estimated(-3 * returns, last);
  ASSERT_EQ(v.forecast->method, ForecastMethod::har);
  EXPECT_LE(relative_error(scaled.realized_short->value, 3 * v.realized_short->value), 1e-14);
  EXPECT_LE(relative_error(scaled.realized_long->high, 3 * v.realized_long->high), 1e-14);
  EXPECT_LE(relative_error(scaled.forecast->value, 3 * v.forecast->value), 1e-12);
  EXPECT_NEAR(scaled.trend->strength, v.trend->strength, 1e-13);
  EXPECT_EQ(*scaled.percentile, *v.percentile);
  EXPECT_EQ(fingerprint(estimated(-returns, last)), fingerprint(v));
}

// ---- windows -------------------------------------------------------------------------------------------------------

TEST(Volatility, WindowCountsObservationsWithinTheSearchSpan) {
  EXPECT_EQ(estimator().sessions_needed(), 546);
  const Vector full = random_returns(2);
  // Eleven of the newest 32 sessions may be missing for a window of 21, no more.
  Vector returns = full;
  for (int gap = 0; gap < 11; ++gap) returns(last - 2 * gap) = nan;
  Volatility v = estimated(returns, last);
  ASSERT_TRUE(v.realized_short.has_value());
  Vector kept(21);
  for (int i = 0, t = last; i < 21; --t)
    if (std::isfinite(returns(t))) kept(i++) = returns(t);
  EXPECT_LE(relative_error(v.realized_short->value, std::sqrt(252 * kept.squaredNorm() / 21)), 1e-14);
  returns(last - 1) = nan;
  v = estimated(returns, last);
  EXPECT_EQ(v.realized_short.reason(), Reason::insufficient_data);
  EXPECT_EQ(v.forecast.reason(), Reason::insufficient_data);
  EXPECT_EQ(v.percentile.reason(), Reason::insufficient_data);
  EXPECT_EQ(v.quality_flag, Quality::insufficient_data);
  EXPECT_TRUE(v.realized_long.has_value());
}

TEST(Volatility, EachFigureHasItsMinimum) {
  const Vector full = random_returns(3);
  const auto of = [&](int observations) {
    Vector returns = full;
    returns.head(session_count - observations).setConstant(nan);
    return estimated(returns, last);
  };
  EXPECT_FALSE(of(20).realized_short.has_value());
  EXPECT_EQ(of(20).reason(), Reason::insufficient_data);
  EXPECT_EQ(of(20).observations, 20);
  EXPECT_TRUE(of(21).realized_short.has_value());
  EXPECT_EQ(of(21).forecast->method, ForecastMethod::ewma);
  EXPECT_FALSE(of(41).trend.has_value());
  EXPECT_TRUE(of(42).trend.has_value());
  EXPECT_FALSE(of(62).realized_long.has_value());
  EXPECT_TRUE(of(63).realized_long.has_value());
  EXPECT_FALSE(of(145).percentile.has_value());
  EXPECT_EQ(of(145).quality_flag, Quality::limited_history);
  EXPECT_EQ(of(145).reason(), Reason::insufficient_data);
  EXPECT_TRUE(of(146).percentile.has_value());
  EXPECT_EQ(of(146).quality_flag, Quality::full_history);
  EXPECT_EQ(of(146).reason(), Reason::none);
  EXPECT_EQ(of(499).forecast->method, ForecastMethod::ewma);
  EXPECT_FALSE(of(499).forecast->har.has_value());
  EXPECT_EQ(of(500).forecast->method, ForecastMethod::har);
  EXPECT_EQ(of(500).forecast->har->rows, 500 - 42);
  EXPECT_EQ(of(0).observations, 0);
  EXPECT_EQ(of(0).reason(), Reason::insufficient_data);
}

// Nothing dated after the session may change a single bit, nor may anything older than the longest window.
TEST(Volatility, OnlyTheWindowsUpToTheSessionMatter) {
  const int session = 840;
  Vector returns = generated_returns().series("market");
  returns(session - 4) = nan;
  const auto before = fingerprint(estimated(returns, session));
  EXPECT_GE(before.size(), 10u);
  for (const double garbage : {1e6, -0.5, nan}) {
    returns.tail(last - session).setConstant(garbage);
    returns.head(session - 546).setConstant(garbage);
    EXPECT_EQ(fingerprint(estimated(returns, session)), before) << garbage;
  }
  const Vector shorter = returns.head(session + 1);
  EXPECT_EQ(fingerprint(estimated(shorter, session)), before);
  returns(session) += 1e-6;
  EXPECT_NE(fingerprint(estimated(returns, session)), before);
}

TEST(Volatility, FirstSessionHasNoReturnWhateverItHolds) {
  Vector returns = random_returns(4);
  returns(0) = 0.5;
  EXPECT_EQ(estimated(returns, 30).observations, 30);
  EXPECT_EQ(estimated(returns, 0).observations, 0);
}

TEST(Volatility, ReturnsThatAreNoNumbersAreMissing) {
  Vector returns = random_returns(5);
  const auto clean = [&] {
    Vector copy = returns;
    copy(last - 3) = nan;
    return fingerprint(estimated(copy, last));
  }();
  for (const double odd : {std::numeric_limits<double>::infinity(), -1e200}) {
    returns(last - 3) = odd;
    EXPECT_EQ(fingerprint(estimated(returns, last)), clean) << odd;
  }
}

// ---- constant series -----------------------------------------------------------------------------------------------

TEST(Volatility, ConstantSeriesHasNone) {
  Vector returns = random_returns(6);
  returns.tail(21).setZero();
  Volatility v = estimated(returns, last);
  EXPECT_EQ(v.realized_short.reason(), Reason::constant_series);
  EXPECT_EQ(v.forecast.reason(), Reason::constant_series);
  EXPECT_EQ(v.percentile.reason(), Reason::constant_series);
  EXPECT_EQ(v.trend.reason(), Reason::constant_series);
  EXPECT_EQ(v.reason(), Reason::constant_series);
  EXPECT_TRUE(v.realized_long.has_value());
  // The month before stood still: the present has a volatility, but nothing to be compared with.
  returns = random_returns(6);
  returns.segment(session_count - 42, 21).setZero();
  v = estimated(returns, last);
  EXPECT_TRUE(v.realized_short.has_value());
  EXPECT_EQ(v.trend.reason(), Reason::constant_series);
}

// ---- forecast ------------------------------------------------------------------------------------------------------

TEST(VolatilityForecast, ExponentialAverageFollowsItsRecursion) {
  Vector returns = random_returns(7);
  returns.head(session_count - 300).setConstant(nan);
  const Volatility v = estimated(returns, last);
  double sum = 0;
  double weights = 0;
  for (int age = 0; age < 300; ++age) {
    const double weight = std::pow(0.97, age);
    sum += weight * returns(last - age) * returns(last - age);
    weights += weight;
  }
  EXPECT_LE(relative_error(v.forecast->value, std::sqrt(252 * sum / weights)), 1e-13);
  // A volatility that never changes is forecast to stay.
  const Volatility level = estimated(Vector::Constant(session_count, 0.02), last);
  EXPECT_EQ(level.forecast->method, ForecastMethod::ewma);  // the regression has nothing to learn from
  EXPECT_LE(relative_error(level.forecast->value, 0.02 * std::sqrt(252.0)), 1e-14);
}

TEST(VolatilityForecast, HasAFloor) {
  const Vector returns = random_returns(8, 1e-8);
  EXPECT_DOUBLE_EQ(estimated(returns, last).forecast->value, std::sqrt(252e-12));
  EXPECT_DOUBLE_EQ(estimated(returns, 100).forecast->value, std::sqrt(252e-12));
}

// After a calm month in a stormy year the model expects more than the month showed, after a storm less.
TEST(VolatilityForecast, RevertsToTheMean) {
  Vector returns = generated_returns().series("market");
  const double usual = std::sqrt(252 * returns.tail(500).squaredNorm() / 500);
  Vector calm = returns;
  calm.tail(22) *= 0.1;
  const Volatility after_calm = estimated(calm, last);
  EXPECT_GT(after_calm.forecast->value, after_calm.realized_short->value);
  EXPECT_LT(after_calm.forecast->value, usual);
  EXPECT_EQ(after_calm.forecast->method, ForecastMethod::har);
  EXPECT_LT(after_calm.forecast->har->persistence(), 1);
}

// A fit that ends in the storm it has never seen pass is explosive, and not used.
TEST(VolatilityForecast, DoesNotExtrapolateAStorm) {
  Vector returns = generated_returns().series("market");
  returns.tail(22) *= 5;
  const auto fit = pb::core::fit_har(returns.tail(546).cwiseAbs2(), 21, 504);
  ASSERT_GE(fit->persistence(), 1);
  const Volatility v = estimated(returns, last);
  EXPECT_GT(std::sqrt(252 * fit->forecast), v.realized_short->value);
  EXPECT_EQ(v.forecast->method, ForecastMethod::ewma);
  EXPECT_FALSE(v.forecast->har.has_value());
  EXPECT_LT(v.forecast->value, v.realized_short->value);
  EXPECT_GT(v.forecast->value, v.realized_long->value / 2);
}

// ---- trend ---------------------------------------------------------------------------------------------------------

TEST(VolatilityTrend, ComparesTwoDisjointWindows) {
  const double at_critical = std::exp(1.645 / std::sqrt(20.0));
  const auto trend_of = [](double ratio) {
    Vector returns = Vector::Constant(session_count, 0.01);
    returns.tail(21) *= ratio;
    return *estimated(returns, last).trend;
  };
  EXPECT_NEAR(trend_of(2).strength, std::log(2) * std::sqrt(20.0), 1e-13);
  EXPECT_EQ(trend_of(at_critical * 1.0001).direction, TrendDirection::increasing);
  EXPECT_EQ(trend_of(at_critical * 0.9999).direction, TrendDirection::stable);
  EXPECT_EQ(trend_of(1 / at_critical * 0.9999).direction, TrendDirection::decreasing);
  EXPECT_EQ(trend_of(1 / at_critical * 1.0001).direction, TrendDirection::stable);
  EXPECT_EQ(trend_of(1).strength, 0);
}

// ---- percentile ----------------------------------------------------------------------------------------------------

TEST(VolatilityPercentile, IsTheMidRank) {
  Vector growing(session_count);
  for (int t = 0; t < session_count; ++t) growing(t) = 0.001 * std::exp(0.003 * t);
  const auto percentile_of = [](const Vector& returns) { return *estimated(returns, last).percentile; };
  EXPECT_DOUBLE_EQ(percentile_of(growing), 503.5 / 504);
  EXPECT_DOUBLE_EQ(percentile_of(growing.reverse()), 0.5 / 504);
  // Fewer values, another N.
  growing.head(session_count - 146).setConstant(nan);
  EXPECT_DOUBLE_EQ(percentile_of(growing), 125.5 / 126);
}

TEST(VolatilityPercentile, TiesCountHalf) {
  EXPECT_DOUBLE_EQ(*estimated(Vector::Constant(session_count, 0.01), last).percentile, 0.5);
  // With a period of the window every window holds the same squares, summed in another order.
  const Vector month = random_returns(9).segment(1, 21);
  Vector periodic(session_count);
  for (int t = 0; t < session_count; ++t) periodic(t) = month(t % 21);
  EXPECT_DOUBLE_EQ(*estimated(periodic, last).percentile, 0.5);
}

TEST(VolatilityPercentile, OfRandomReturnsIsUniform) {
  double sum = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    const double p = *estimated(random_returns(5000 + seed), last).percentile;
    EXPECT_GT(p, 0);
    EXPECT_LT(p, 1);
    sum += p;
  }
  EXPECT_NEAR(sum / 400, 0.5, 0.05);
}

// ---- settings ------------------------------------------------------------------------------------------------------

// A calendar of every day: each variance is that of 365 sessions; what is no volatility stays.
TEST(Volatility, IsAnnualizedByTheSessionsOfTheCalendar) {
  const Vector returns = random_returns(77);
  const Volatility exchange = estimated(returns, last);
  const Volatility every_day = estimator().estimate(returns, last, 365);
  const double ratio = std::sqrt(365.0 / 252);
  EXPECT_LE(relative_error(every_day.realized_short->value, ratio * exchange.realized_short->value), 1e-14);
  EXPECT_LE(relative_error(every_day.realized_short->low, ratio * exchange.realized_short->low), 1e-14);
  EXPECT_LE(relative_error(every_day.realized_long->high, ratio * exchange.realized_long->high), 1e-14);
  EXPECT_LE(relative_error(every_day.forecast->value, ratio * exchange.forecast->value), 1e-14);
  EXPECT_EQ(every_day.forecast->method, exchange.forecast->method);
  EXPECT_EQ(every_day.trend->strength, exchange.trend->strength);
  EXPECT_EQ(*every_day.percentile, *exchange.percentile);
  EXPECT_EQ(sqlstate_of([&] { estimator().estimate(returns, last, 0); }), "22023");
}

TEST(VolatilitySettings, AreChecked) {
  const auto refused = [](auto change) {
    VolatilitySettings settings;
    change(settings);
    return sqlstate_of([&] { VolatilityEstimator{settings}; });
  };
  EXPECT_EQ(refused([](VolatilitySettings&) {}), "");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.short_window = 1; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.long_window = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.long_window = 1; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.confidence = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.confidence = 1; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.har_min_observations = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.har_max_rows = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.ewma_lambda = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.ewma_lambda = 1; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.variance_floor = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.trend_critical = nan; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.trend_critical = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.percentile_min_values = 505; }), "22023");
}

}  // namespace
