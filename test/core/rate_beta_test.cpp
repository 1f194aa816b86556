#include "core/stats/rate_beta.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/stats/regression.hpp"
#include "support.hpp"

namespace rate_beta_test {
namespace {

using pb::core::Date;
using pb::core::fit_rate_betas;
using pb::core::implied_changes;
using pb::core::interval_returns;
using pb::core::Matrix;
using pb::core::oldest_rate_change;
using pb::core::RateBetas;
using pb::core::RateChanges;
using pb::core::Reason;
using pb::core::serve_for;
using pb::core::Sessions;
using pb::core::Vector;
using pb::core::WindowSettings;
using pb::core::yield_changes;
using pb::core::YieldQuote;
using pb::test::day;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

constexpr WindowSettings settings{.window = 252, .min_observations = 60, .limited_below = 126};
constexpr double fund_duration = 16.5;

// Two weeks of sessions from a Monday.
const Sessions fortnight = pb::test::weekdays(day("2024-01-01"), 10);

// ---- changes of the yield ------------------------------------------------------------------------------------------

TEST(RateChanges, AreDecimalAndEndOnTheirSession) {
  const RateChanges changes = yield_changes(
      std::vector<YieldQuote>{{day("2024-01-01"), 4.00}, {day("2024-01-02"), 4.10}, {day("2024-01-03"), 4.05}},
      fortnight);
  ASSERT_EQ(changes.change.size(), 10);
  EXPECT_TRUE(std::isnan(changes.change(0)));
  EXPECT_NEAR(changes.change(1), 0.0010, 1e-17);
  EXPECT_NEAR(changes.change(2), -0.0005, 1e-17);
  EXPECT_EQ(changes.start[2], 1);
  EXPECT_TRUE(changes.change.tail(7).array().isNaN().all());
}

// A bond holiday lengthens the interval; a quote of a day without trading, here a Saturday, changes nothing.
TEST(RateChanges, AreThoseOfTheIntersection) {
  const std::vector<YieldQuote> quotes{{day("2024-01-01"), 4.0}, {day("2024-01-02"), 4.1}, {day("2024-01-04"), 4.4},
                                       {day("2024-01-05"), 4.3}, {day("2024-01-06"), 9.9}, {day("2024-01-08"), 4.5}};
  const RateChanges changes = yield_changes(quotes, fortnight);
  EXPECT_TRUE(std::isnan(changes.change(2)));
  EXPECT_NEAR(changes.change(3), 0.003, 1e-16);
  EXPECT_EQ(changes.start[3], 1);
  EXPECT_NEAR(changes.change(5), 0.002, 1e-16);
  EXPECT_EQ(changes.start[5], 4);
}

TEST(RateChanges, AHoleInTheSeriesIsNoObservation) {
  const RateChanges week = yield_changes(
      std::vector<YieldQuote>{{day("2024-01-02"), 4.0}, {day("2024-01-09"), 4.1}, {day("2024-01-10"), 4.2}}, fortnight);
  EXPECT_NEAR(week.change(6), 0.001, 1e-16);  // five sessions
  const RateChanges more = yield_changes(
      std::vector<YieldQuote>{{day("2024-01-01"), 4.0}, {day("2024-01-09"), 4.1}, {day("2024-01-10"), 4.2}}, fortnight);
  EXPECT_TRUE(std::isnan(more.change(6)));  // six
  EXPECT_NEAR(more.change(7), 0.001, 1e-16);
}

TEST(RateChanges, BadQuotesAreRefused) {
  const auto state = [](const std::vector<YieldQuote>& quotes) {
    return sqlstate_of([&] { yield_changes(quotes, fortnight); });
  };
  EXPECT_EQ(state({{day("2024-01-02"), 4.0}, {day("2024-01-02"), 4.1}}), "22000");
  EXPECT_EQ(state({{day("2024-01-02"), 4.0}, {day("2024-01-01"), 4.1}}), "22000");
  EXPECT_EQ(state({{day("2024-01-02"), nan}}), "22000");
  EXPECT_EQ(state({}), "");
  for (const double duration : {0.0, -16.5, nan, HUGE_VAL})
    EXPECT_EQ(sqlstate_of([&] { implied_changes(Vector::Zero(3), duration); }), "22023");
}

TEST(RateChanges, AreImpliedByABondFund) {
  Vector fund(3);
  fund << nan, -0.0165, 0.033;
  const RateChanges changes = implied_changes(fund, fund_duration);
  EXPECT_TRUE(std::isnan(changes.change(0)));
  EXPECT_NEAR(changes.change(1), 0.001, 1e-18);  // the fund lost, so the yield rose
  EXPECT_NEAR(changes.change(2), -0.002, 1e-18);
  EXPECT_EQ(changes.start[2], 1);
}

// As many as the window needs in its reach, and none of them too old.
TEST(RateChanges, ServeWhileTheyAreEnoughAndRecent) {
  constexpr WindowSettings short_window{.window = 20, .min_observations = 10, .limited_below = 15};
  RateChanges changes = pb::core::no_changes(60);
  EXPECT_FALSE(serve_for(changes, 59, short_window));
  for (int t = 30; t < 40; ++t) changes.change(t) = 0.0001;
  EXPECT_EQ(oldest_rate_change, 10);
  EXPECT_TRUE(serve_for(changes, 39, short_window));
  EXPECT_TRUE(serve_for(changes, 49, short_window));
  EXPECT_FALSE(serve_for(changes, 50, short_window));
  EXPECT_FALSE(serve_for(changes, 38, short_window));  // nine, as of then
  changes.change(35) = nan;
  EXPECT_FALSE(serve_for(changes, 39, short_window));
}

TEST(IntervalReturns, AreCompounded) {
  const std::vector<YieldQuote> quotes{
      {day("2024-01-01"), 4.0}, {day("2024-01-02"), 4.1}, {day("2024-01-05"), 4.4}, {day("2024-01-09"), 4.4}};
  const RateChanges changes = yield_changes(quotes, fortnight);
  Vector returns(10);
  returns << nan, 0.013, 0.02, -0.01, 0.03, nan, 0.01, 0.01, 0.01, 0.01;
  const Vector compounded = interval_returns(returns, changes);
  EXPECT_EQ(compounded(1), 0.013);
  EXPECT_NEAR(compounded(4), 1.02 * 0.99 * 1.03 - 1, 1e-15);
  EXPECT_TRUE(std::isnan(compounded(6)));  // a return is missing within the interval
  EXPECT_TRUE(std::isnan(compounded(2)) && std::isnan(compounded(9)));
}

// ---- estimates -----------------------------------------------------------------------------------------------------

constexpr int session_count = 400;
constexpr int last = session_count - 1;

struct Economy {
  Sessions sessions = pb::test::weekdays(day("2022-01-03"), session_count);
  std::vector<YieldQuote> quotes;
  Matrix returns{session_count, 3};  // market, a bond of 8 years, a bank
};

Economy make_economy() {
  Economy economy;
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  double percent = 4;
  for (int t = 0; t < session_count; ++t) {
    const double move = 0.06 * normal(random);
    percent += move;
    economy.quotes.push_back({economy.sessions[t], percent});
    const double market = 0.01 * normal(random) - 0.04 * move;
    economy.returns.row(t) << market, -8 * move / 100 + 0.001 * normal(random),
        1.1 * market + 3 * move / 100 + 0.006 * normal(random);
  }
  economy.returns.row(0).setConstant(nan);
  return economy;
}

RateBetas fit(const Economy& economy, const RateChanges& changes, const std::vector<int>& columns, int session = last) {
  return fit_rate_betas(economy.returns, columns, 0, changes, session, economy.sessions, settings);
}

TEST(RateBeta, IsThatOfTheJointRegression) {
  const Economy economy = make_economy();
  const RateChanges changes = yield_changes(economy.quotes, economy.sessions);
  const RateBetas betas = fit(economy, changes, {1, 2});
  Matrix design(252, 2);
  design << economy.returns.col(0).tail(252), changes.change.tail(252);
  for (int i = 0; i < 2; ++i) {
    const auto direct = pb::core::ols(economy.returns.col(i + 1).tail(252), design);
    EXPECT_LE(relative_error(betas.market_beta(i), direct.coefficients(1)), 1e-12);
    EXPECT_LE(relative_error(betas.rate_beta(i), direct.coefficients(2)), 1e-12);
    EXPECT_LE(relative_error(betas.rate_std_error(i), direct.std_errors(2)), 1e-12);
    EXPECT_LE(relative_error(betas.r_squared(i), direct.r_squared), 1e-12);
    EXPECT_EQ(betas.duration(i), -betas.rate_beta(i));
    EXPECT_TRUE(betas.estimated(i));
  }
  EXPECT_EQ(betas.fits.samples[0].observations, 252);
}

// Rates up, bonds down; a bank gains.
TEST(RateBeta, HasTheSignOfTheLoss) {
  const Economy economy = make_economy();
  const RateBetas betas = fit(economy, yield_changes(economy.quotes, economy.sessions), {1, 2});
  EXPECT_NEAR(betas.duration(0), 8, 0.3);
  EXPECT_LT(betas.rate_beta(0) * 0.01, 0);  // the return when the yield rises by 100 basis points
  EXPECT_GT(betas.rate_beta(1), 0);
}

// Quotes in other units, or a fund of another duration, rescale the beta and nothing else.
TEST(RateBeta, IsPerUnitOfTheYield) {
  Economy economy = make_economy();
  const RateBetas once = fit(economy, yield_changes(economy.quotes, economy.sessions), {1});
  for (YieldQuote& quote : economy.quotes) quote.percent *= 100;
  const RateBetas hundredth = fit(economy, yield_changes(economy.quotes, economy.sessions), {1});
  EXPECT_LE(relative_error(hundredth.rate_beta(0) * 100, once.rate_beta(0)), 1e-12);
  EXPECT_LE(relative_error(hundredth.market_beta(0), once.market_beta(0)), 1e-10);
  const RateBetas longer = fit(economy, implied_changes(economy.returns.col(1), 2 * fund_duration), {2});
  const RateBetas shorter = fit(economy, implied_changes(economy.returns.col(1), fund_duration), {2});
  EXPECT_LE(relative_error(longer.rate_beta(0), 2 * shorter.rate_beta(0)), 1e-12);
}

TEST(RateBeta, FundOnItselfHasItsDuration) {
  const Economy economy = make_economy();
  const RateBetas betas = fit(economy, implied_changes(economy.returns.col(1), fund_duration), {1, 0});
  EXPECT_LE(relative_error(betas.duration(0), fund_duration), 1e-13);
  EXPECT_NEAR(betas.market_beta(0), 0, 1e-14);
  EXPECT_EQ(betas.rate_std_error(0), 0);
  EXPECT_NEAR(betas.market_beta(1), 1, 1e-14);
  EXPECT_NEAR(betas.rate_beta(1), 0, 1e-13);
}

TEST(RateBeta, NothingToEstimateHasAReason) {
  Economy economy = make_economy();
  economy.returns.col(2).head(350).setConstant(nan);
  const RateChanges changes = yield_changes(economy.quotes, economy.sessions);
  EXPECT_EQ(fit(economy, changes, {2}).fits.samples[0].reason, Reason::insufficient_data);
  EXPECT_EQ(fit(economy, changes, {2}).fits.samples[0].observations, 50);
  EXPECT_EQ(fit(economy, yield_changes({}, economy.sessions), {1}).fits.samples[0].reason, Reason::insufficient_data);
  for (YieldQuote& quote : economy.quotes) quote.percent = 4;
  EXPECT_EQ(fit(economy, yield_changes(economy.quotes, economy.sessions), {1}).fits.samples[0].reason,
            Reason::constant_series);
  EXPECT_EQ(fit(economy, implied_changes(economy.returns.col(0), fund_duration), {1}).fits.samples[0].reason,
            Reason::singular);
  EXPECT_EQ(sqlstate_of([&] { fit(economy, implied_changes(Vector::Zero(10), 1), {1}); }), "22023");
}

// Quotes and returns of later days change nothing.
TEST(RateBeta, OnlyThePastMatters) {
  Economy economy = make_economy();
  const int session = 390;
  const RateBetas before = fit(economy, yield_changes(economy.quotes, economy.sessions), {1}, session);
  for (int t = session + 1; t < session_count; ++t) economy.quotes[static_cast<std::size_t>(t)].percent = 50;
  economy.returns.bottomRows(last - session).setConstant(0.5);
  const RateBetas after = fit(economy, yield_changes(economy.quotes, economy.sessions), {1}, session);
  EXPECT_EQ(after.fits.fits.coefficients, before.fits.fits.coefficients);
  EXPECT_EQ(after.fits.fits.std_errors, before.fits.fits.std_errors);
  economy.quotes[session].percent += 0.01;
  EXPECT_NE(fit(economy, yield_changes(economy.quotes, economy.sessions), {1}, session).fits.fits.coefficients,
            before.fits.fits.coefficients);
}

// ---- reference results ---------------------------------------------------------------------------------------------

void expect_row(const Record& expected, const RateBetas& betas) {
  const auto& sample = betas.fits.samples[0];
  const auto iso = [](const std::optional<Date>& date) { return date ? pb::core::to_iso(*date) : ""; };
  EXPECT_EQ(sample.observations, expected.integer("observations"));
  EXPECT_EQ(iso(sample.window_start), expected.text("window_start"));
  EXPECT_EQ(iso(sample.window_end), expected.text("window_end"));
  EXPECT_EQ(to_word(sample.quality_flag), expected.text("quality_flag"));
  EXPECT_EQ(to_word(sample.reason), expected.text("reason"));
  EXPECT_EQ(sample.reason == Reason::none, expected.has("rate_beta"));
  if (sample.reason != Reason::none) return;
  const auto& fits = betas.fits.fits;
  EXPECT_LE(relative_error(betas.market_beta(0), expected.number("market_beta")), 1e-10);
  EXPECT_LE(relative_error(betas.rate_beta(0), expected.number("rate_beta")), 1e-10);
  EXPECT_LE(relative_error(fits.coefficients(0, 0), expected.number("alpha")), 1e-10);
  EXPECT_LE(relative_error(fits.std_errors(1, 0), expected.number("market_std_error")), 1e-11);
  EXPECT_LE(relative_error(betas.rate_std_error(0), expected.number("rate_std_error")), 1e-11);
  EXPECT_LE(relative_error(fits.t_stats(2, 0), expected.number("rate_t_stat")), 1e-10);
  EXPECT_LE(relative_error(fits.p_values(2, 0), expected.number("rate_p_value")), 1e-9);
  EXPECT_NEAR(betas.r_squared(0), expected.number("r_squared"), 1e-13);
  EXPECT_NEAR(fits.adj_r_squared(0), expected.number("adj_r_squared"), 1e-13);
  EXPECT_LE(relative_error(betas.fits.residual_volatility(0, 252), expected.number("residual_volatility")), 1e-12);
}

std::vector<YieldQuote> read_yields(const std::filesystem::path& path) {
  std::vector<YieldQuote> quotes;
  for (const Record& row : pb::test::read_csv(path))
    quotes.push_back({day(row.text("date")), row.number("yield_percent")});
  return quotes;
}

TEST(RateBetaGolden, GeneratedReturnsWithHolesInTheYields) {
  const std::vector<Record> data = pb::test::read_csv(pb::test::golden_file("rate_beta_data.csv"));
  const std::vector<std::string> names{"SPY", "TLT", "BANK", "UTILITY"};
  std::vector<Date> dates;
  Matrix returns(data.size(), names.size());
  for (std::size_t t = 0; t < data.size(); ++t) {
    dates.push_back(day(data[t].text("date")));
    for (std::size_t i = 0; i < names.size(); ++i)
      returns(static_cast<Eigen::Index>(t), static_cast<Eigen::Index>(i)) = data[t].number(names[i].c_str());
  }
  const Sessions sessions(dates);
  const RateChanges by_yield = yield_changes(read_yields(pb::test::golden_file("rate_beta_yields.csv")), sessions);
  const RateChanges by_fund = implied_changes(returns.col(1), fund_duration);
  int rows = 0;
  for (const Record& expected : pb::test::read_csv(pb::test::golden_file("rate_beta.csv"))) {
    if (expected.text("source") != "generated") continue;
    SCOPED_TRACE(expected.text("symbol") + " " + expected.text("date") + " " + expected.text("rates"));
    const auto found = std::find(names.begin(), names.end(), expected.text("symbol"));
    expect_row(expected, fit_rate_betas(returns, std::vector<int>{static_cast<int>(found - names.begin())}, 0,
                                        expected.text("rates") == "yield" ? by_yield : by_fund,
                                        sessions.index(day(expected.text("date"))).value(), sessions,
                                        {.window = 100, .min_observations = 60, .limited_below = 90}));
    ++rows;
  }
  EXPECT_EQ(rows, 10);
}

class RateBetaReal : public testing::Test {
 protected:
  void SetUp() override {
    PB_SKIP_WITHOUT_SHARED_DATA();
    const std::vector<pb::test::Price> prices = pb::test::read_shared_prices();
    panel_.emplace(pb::test::make_panel(pb::test::sessions_of(prices, "SPY"), prices));
    by_yield_ = yield_changes(read_yields(*pb::test::shared_data() / "dgs10_2005_2024.csv"), panel_->sessions());
    by_fund_ = implied_changes(panel_->returns(column("TLT")), fund_duration);
  }

  int column(const std::string& symbol) const { return panel_->column(symbol).value(); }
  RateBetas fit(const std::string& symbol, const std::string& date, const RateChanges& changes) const {
    return fit_rate_betas(panel_->returns(), std::vector<int>{column(symbol)}, column("SPY"), changes,
                          panel_->sessions().index(day(date)).value(), panel_->sessions(), settings);
  }

  std::optional<pb::core::PricePanel> panel_;
  RateChanges by_yield_;
  RateChanges by_fund_;
};

TEST_F(RateBetaReal, EverySymbolAgrees) {
  int rows = 0;
  for (const Record& expected : pb::test::read_csv(pb::test::golden_file("rate_beta.csv"))) {
    if (expected.text("source") != "real") continue;
    SCOPED_TRACE(expected.text("symbol") + " " + expected.text("date") + " " + expected.text("rates"));
    expect_row(expected, fit(expected.text("symbol"), expected.text("date"),
                             expected.text("rates") == "yield" ? by_yield_ : by_fund_));
    ++rows;
  }
  EXPECT_EQ(rows, 54);
}

// The fund of bonds of twenty years and more has a duration near the one that stands in for missing yields: 14.3 to
// 18.3, and 22.5 in 2020, when long yields moved more than that of ten years.
TEST_F(RateBetaReal, DurationOfTheBondFund) {
  double sum = 0;
  const char* dates[] = {"2017-12-29", "2018-12-31", "2019-12-31", "2020-12-31",
                         "2021-12-31", "2022-12-30", "2023-12-29", "2024-12-31"};
  for (const char* date : dates) {
    const RateBetas betas = fit("TLT", date, by_yield_);
    EXPECT_GT(betas.duration(0), 13) << date;
    EXPECT_LT(betas.duration(0), 23) << date;
    EXPECT_GT(betas.r_squared(0), 0.75) << date;
    sum += betas.duration(0);
  }
  EXPECT_NEAR(sum / 8, fund_duration, 1);
  EXPECT_EQ(fit("TLT", "2024-12-31", by_yield_).fits.samples[0].observations, 252);
}

TEST(RateBeta, ChangesOverLongerIntervalsAreNoSessionsMove) {
  pb::core::RateChanges changes{Vector(4), {0, 0, 0, 2}};
  changes.change << nan, 0.001, 0.002, 0.003;
  const Vector single = pb::core::session_changes(changes);
  EXPECT_TRUE(std::isnan(single(0)));
  EXPECT_EQ(single(1), 0.001);
  EXPECT_TRUE(std::isnan(single(2)));
  EXPECT_EQ(single(3), 0.003);
}

}  // namespace
}  // namespace rate_beta_test
