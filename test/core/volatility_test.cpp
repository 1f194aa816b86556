#include "core/stats/volatility.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/stats/beta.hpp"
#include "core/stats/chi_squared.hpp"
#include "risk_data.hpp"

namespace volatility_test {
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

// Student's t with 8 degrees of freedom: a kurtosis of 4.5.
Vector heavy_tailed_returns(unsigned seed) {
  std::mt19937_64 random(seed);
  std::student_t_distribution<double> heavy(8);
  Vector returns(session_count);
  for (double& r : returns) r = 0.01 * heavy(random);
  return returns;
}

// All figures, to be compared bit by bit.
std::vector<std::uint64_t> fingerprint(const Volatility& v) {
  std::vector<std::uint64_t> all{static_cast<std::uint64_t>(v.observations), bits(v.kurtosis)};
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
  EXPECT_LE(relative_error(actual.kurtosis, expected.number("kurtosis")), 1e-12);
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

// Degrees of freedom: as many as returns where the kurtosis is that of the normal distribution, else fewer.
TEST(Volatility, IntervalHoldsTheEstimateAndNarrows) {
  const Volatility even = estimated(Vector::Constant(session_count, 0.01), last);
  EXPECT_EQ(even.kurtosis, 3);
  EXPECT_NEAR(even.realized_short->low / even.realized_short->value, std::sqrt(21 / 35.478875905727264), 1e-13);
  EXPECT_NEAR(even.realized_short->high / even.realized_short->value, std::sqrt(21 / 10.282897782522863), 1e-13);
  const Volatility v = estimated(heavy_tailed_returns(1), last);
  EXPECT_GT(v.kurtosis, 3);
  EXPECT_LT(v.kurtosis, 8);
  const double df = 2 * 21 / (v.kurtosis - 1);
  EXPECT_NEAR(v.realized_short->low / v.realized_short->value,
              std::sqrt(df / pb::core::chi_squared_quantile(0.975, df)), 1e-13);
  EXPECT_NEAR(v.realized_short->high / v.realized_short->value,
              std::sqrt(df / pb::core::chi_squared_quantile(0.025, df)), 1e-13);
  EXPECT_GT(v.realized_long->low / v.realized_long->value, v.realized_short->low / v.realized_short->value);
  EXPECT_LT(v.realized_long->high / v.realized_long->value, v.realized_short->high / v.realized_short->value);
}

// The kurtosis is that of enough returns, between its bounds.
TEST(Volatility, KurtosisIsBounded) {
  const Vector returns = heavy_tailed_returns(2);
  const auto of = [&](int observations) { return estimated(returns.head(observations + 1), observations).kurtosis; };
  EXPECT_EQ(of(42 + 251), 6.5);
  EXPECT_NE(of(42 + 252), 6.5);
  Vector wild = returns;
  wild(last - 100) = 0.5;
  EXPECT_EQ(estimated(wild, last).kurtosis, 8);
  EXPECT_EQ(estimated(Vector::Zero(session_count), last).kurtosis, 6.5);
}

// How often intervals hold a constant volatility, and how often the trend of one is not stable.
class ConstantVolatility {
 public:
  explicit ConstantVolatility(const VolatilitySettings& settings = {}) : estimator_(settings) {}

  // Returns of deviation 1, as many as estimates look at.
  void look_at(const Vector& returns) {
    const Volatility v = estimator_.estimate(returns, static_cast<int>(returns.size()) - 1, 1);
    const auto holds = [](const RealizedVolatility& realized) { return realized.low <= 1 && 1 <= realized.high; };
    ++count_;
    held_short_ += holds(*v.realized_short) ? 1 : 0;
    held_long_ += holds(*v.realized_long) ? 1 : 0;
    alarms_ += v.trend->direction != TrendDirection::stable ? 1 : 0;
  }
  double held_short() const { return held_short_ / count_; }
  double held_long() const { return held_long_ / count_; }
  double alarms() const { return alarms_ / count_; }

 private:
  VolatilityEstimator estimator_;
  double count_ = 0;
  double held_short_ = 0;
  double held_long_ = 0;
  double alarms_ = 0;
};

TEST(Volatility, IntervalAndTrendAreRightForNormalReturns) {
  ConstantVolatility rates;
  for (unsigned seed = 0; seed < 2000; ++seed) rates.look_at(random_returns(1000 + seed, 1).head(547));
  EXPECT_NEAR(rates.held_short(), 0.95, 0.015);
  EXPECT_NEAR(rates.held_long(), 0.95, 0.015);
  EXPECT_NEAR(rates.alarms(), 0.10, 0.015);
}

// The returns of a symbol over the exponential average of the squares before them: what is left of real returns when
// changes of volatility are taken out.
std::vector<double> standardized(const Vector& returns) {
  std::vector<double> result;
  double sum = 0;
  double weights = 0;
  int before = 0;
  for (const double r : returns) {
    if (!std::isfinite(r)) continue;
    if (before++ >= 63) result.push_back(r / std::sqrt(sum / weights));
    sum = 0.97 * sum + r * r;
    weights = 0.97 * weights + 1;
  }
  return result;
}

// The volatility of real returns is not known, and changes. So each symbol's standardized returns are drawn at random,
// with replacement: their distribution is that of real returns, and the volatility is constant and known, the root of
// their mean square. What normal returns would have fails here, or the experiment would say nothing.
TEST(VolatilityReal, IntervalAndTrendAreRightForRealReturns) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const pb::test::RealMarket& market = pb::test::real_market();
  VolatilitySettings normal;
  normal.least_kurtosis = normal.typical_kurtosis = normal.largest_kurtosis = 3;
  ConstantVolatility rates;
  ConstantVolatility normal_rates(normal);
  std::mt19937_64 random(20261130);
  for (const std::string& symbol : market.panel.symbols()) {
    const std::vector<double> pool = standardized(market.returns(symbol));
    if (pool.size() < 500) continue;
    double squares = 0;
    for (const double z : pool) squares += z * z;
    const double deviation = std::sqrt(squares / static_cast<double>(pool.size()));
    for (int draw = 0; draw < 150; ++draw) {
      Vector returns(547);
      for (double& r : returns) r = pool[random() % pool.size()] / deviation;
      rates.look_at(returns);
      normal_rates.look_at(returns);
    }
  }
  EXPECT_NEAR(rates.held_short(), 0.95, 0.02);
  EXPECT_NEAR(rates.held_long(), 0.95, 0.02);
  EXPECT_NEAR(rates.alarms(), 0.10, 0.02);
  EXPECT_LT(normal_rates.held_short(), 0.85);
  EXPECT_LT(normal_rates.held_long(), 0.85);
  EXPECT_GT(normal_rates.alarms(), 0.20);
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
  const double at_critical = std::exp(1.645 / std::sqrt(21.0));  // with the kurtosis of normal returns
  const auto trend_of = [](double ratio) {
    Vector returns = Vector::Constant(session_count, 0.01);
    returns.tail(21) *= ratio;
    return *estimated(returns, last).trend;
  };
  EXPECT_NEAR(trend_of(2).strength, std::log(2) * std::sqrt(21.0), 1e-13);
  EXPECT_EQ(trend_of(at_critical * 1.0001).direction, TrendDirection::increasing);
  EXPECT_EQ(trend_of(at_critical * 0.9999).direction, TrendDirection::stable);
  EXPECT_EQ(trend_of(1 / at_critical * 0.9999).direction, TrendDirection::decreasing);
  EXPECT_EQ(trend_of(1 / at_critical * 1.0001).direction, TrendDirection::stable);
  EXPECT_EQ(trend_of(1).strength, 0);
  const Vector returns = heavy_tailed_returns(3);
  const Volatility v = estimated(returns, last);
  const double ratio = returns.tail(21).norm() / returns.segment(session_count - 42, 21).norm();
  EXPECT_GT(v.kurtosis, 3);
  EXPECT_NEAR(v.trend->strength, std::log(ratio) / std::sqrt((v.kurtosis - 1) / 42), 1e-13);
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
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.kurtosis_start = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.kurtosis_min_returns = 0; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.least_kurtosis = 1; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.typical_kurtosis = 2.9; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.largest_kurtosis = 6.4; }), "22023");
  EXPECT_EQ(refused([](VolatilitySettings& s) { s.largest_kurtosis = std::numeric_limits<double>::infinity(); }),
            "22023");
}

}  // namespace
}  // namespace volatility_test
