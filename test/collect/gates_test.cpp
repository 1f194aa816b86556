#include "collect/plan/gates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

namespace pb::collect::gates_test {
namespace {

using core::Date;
using core::Sessions;
using market::Action;
using market::Bar;
using market::PriceSeries;

// Weekdays from Monday, 2026-01-05 on.
Sessions weekdays(int count) {
  std::vector<Date> days;
  for (Date day = std::chrono::sys_days{std::chrono::year{2026} / 1 / 5}; static_cast<int>(days.size()) < count;
       day += std::chrono::days{1}) {
    const unsigned weekday = std::chrono::weekday{day}.c_encoding();
    if (weekday >= 1 && weekday <= 5) days.push_back(day);
  }
  return Sessions(days);
}

Bar bar_of(Date date, double close) { return {.date = date, .close = close}; }

// A series with these closes, one a session from the first on.
PriceSeries series_of(const Sessions& sessions, const std::vector<double>& closes) {
  PriceSeries series;
  for (std::size_t i = 0; i < closes.size(); ++i)
    series.bars.push_back(bar_of(sessions[static_cast<int>(i)], closes[i]));
  return series;
}

std::vector<std::string> gates_of(const Gated& gated) {
  std::vector<std::string> gates;
  for (const Suspect& suspect : gated.suspects) gates.push_back(core::to_iso(suspect.bar.date) + " " + suspect.gate);
  return gates;
}

using Texts = std::vector<std::string>;

const Sessions ten = weekdays(10);

TEST(Gates, GoodPricesPass) {
  const Gated gated = pass_gates(series_of(ten, {100, 101, 99, 102}), {}, ten, std::nullopt);
  EXPECT_EQ(gated.accepted.size(), 4U);
  EXPECT_TRUE(gated.suspects.empty());
}

TEST(Gates, WeekendsOfWhatTradesAlwaysAreNoFault) {
  PriceSeries series = series_of(ten, {100, 101, 99, 102, 100, 101});
  series.bars.push_back(bar_of(ten[4] + std::chrono::days{1}, 150));  // a Saturday
  const Gated gated = pass_gates(series, {.trades_on_weekends = true}, ten, std::nullopt);
  EXPECT_EQ(gated.accepted.size(), 6U);
  EXPECT_TRUE(gated.suspects.empty());
  EXPECT_EQ(gates_of(pass_gates(series, {}, ten, std::nullopt)), Texts{"2026-01-10 not_a_session"});
  // What lies after the last session is not known to be none.
  series.bars.push_back(bar_of(ten[9] + std::chrono::days{1}, 100));
  EXPECT_EQ(gates_of(pass_gates(series, {.trades_on_weekends = true}, ten, std::nullopt)),
            Texts{"2026-01-17 in_the_future"});
}

TEST(Gates, AMissingCloseIsNoBar) {
  PriceSeries series = series_of(ten, {100, 101});
  series.bars[1].close.reset();
  const Gated gated = pass_gates(series, {}, ten, std::nullopt);
  EXPECT_EQ(gated.accepted.size(), 1U);
  EXPECT_TRUE(gated.suspects.empty());
}

TEST(Gates, PricesArePositiveAndFinite) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  PriceSeries series = series_of(ten, {100, 0, -1, std::nan(""), infinity, 101, 102});
  series.bars[5].adj_close = infinity;
  const Gated gated = pass_gates(series, {}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), (Texts{"2026-01-06 not_positive", "2026-01-07 not_positive", "2026-01-08 not_positive",
                                    "2026-01-09 not_positive", "2026-01-12 not_positive"}));
  EXPECT_EQ(gated.accepted.size(), 2U);
  EXPECT_EQ(gated.suspects[0].facts, R"({"column": "close", "value": "not above 0"})");
  EXPECT_EQ(gated.suspects[2].facts, R"({"column": "close", "value": "not a finite number"})");
  EXPECT_EQ(gated.suspects[4].facts, R"({"column": "adj_close", "value": "not a finite number"})");
}

TEST(Gates, ARangeThatContradictsTheCloseIsDropped) {
  PriceSeries series = series_of(ten, {100, 100, 100, 100, 100, 100});
  series.bars[0].high = 99;  // below the close
  series.bars[0].low = 98;
  series.bars[0].open = 98.5;
  series.bars[1].low = 101;   // above it
  series.bars[2].open = 105;  // above the high
  series.bars[2].high = 104;
  series.bars[3].open = 0;
  series.bars[3].high = 101;
  series.bars[4].open = 99;
  series.bars[4].high = 100;
  series.bars[4].low = 99;
  series.bars[5].high = 100 * (1 - 1e-7);  // a matter of rounding
  series.bars[5].volume = -1;
  const Gated gated = pass_gates(series, {}, ten, std::nullopt);
  EXPECT_TRUE(gated.suspects.empty());
  ASSERT_EQ(gated.accepted.size(), 6U);
  for (std::size_t i = 0; i < 4; ++i) {
    const Bar& bar = gated.accepted[i];
    EXPECT_TRUE(!bar.open && !bar.high && !bar.low) << i;
    EXPECT_EQ(bar.close, 100) << i;
  }
  EXPECT_EQ(gated.accepted[4].low, 99);
  EXPECT_TRUE(gated.accepted[5].high);
  EXPECT_FALSE(gated.accepted[5].volume);
}

TEST(Gates, ARangeFarFromTheCloseIsASuspect) {
  PriceSeries series = series_of(ten, {10});
  series.bars[0].high = 102;
  series.bars[0].low = 100;
  EXPECT_EQ(gates_of(pass_gates(series, {}, ten, std::nullopt)), Texts{"2026-01-05 inconsistent_range"});
  const std::vector<Bar> second{bar_of(ten[0], 10.1)};
  const Gated confirmed = pass_gates(series, {.second = second}, ten, std::nullopt);
  ASSERT_EQ(confirmed.accepted.size(), 1U);
  EXPECT_FALSE(confirmed.accepted[0].high);
}

TEST(Gates, SessionsAreThoseOfTheCalendar) {
  PriceSeries series = series_of(ten, {100});
  const Date saturday = ten[4] + std::chrono::days{1};
  const Date next = ten[9] + std::chrono::days{3};
  series.bars.push_back(bar_of(saturday, 100));
  series.bars.push_back(bar_of(next, 100));
  series.bars.push_back(bar_of(ten[0] - std::chrono::days{1}, 100));
  EXPECT_EQ(gates_of(pass_gates(series, {}, ten, std::nullopt)),
            (Texts{"2026-01-04 not_a_session", "2026-01-10 not_a_session", "2026-01-19 in_the_future"}));
  EXPECT_EQ(gates_of(pass_gates(series, {}, ten, next)),
            (Texts{"2026-01-04 not_a_session", "2026-01-10 not_a_session"}));
  EXPECT_EQ(pass_gates(series, {}, Sessions(), std::nullopt).suspects.size(), 4U);
}

TEST(Gates, AnotherCurrencyIsASuspect) {
  PriceSeries series = series_of(ten, {100, 101});
  series.currency = "EUR";
  const Gated gated = pass_gates(series, {.currency = "USD"}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), (Texts{"2026-01-05 currency", "2026-01-06 currency"}));
  EXPECT_EQ(gated.suspects[0].facts, R"({"expected": "USD", "found": "EUR"})");
  EXPECT_EQ(pass_gates(series, {.currency = "EUR"}, ten, std::nullopt).accepted.size(), 2U);
  EXPECT_EQ(pass_gates(series, {}, ten, std::nullopt).accepted.size(), 2U);
  series.currency.clear();
  EXPECT_EQ(pass_gates(series, {.currency = "USD"}, ten, std::nullopt).accepted.size(), 2U);
}

TEST(Gates, ASlipOfOneSessionIsSetAside) {
  const Gated gated = pass_gates(series_of(ten, {100, 150, 101, 102}), {}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), Texts{"2026-01-06 jump"});
  EXPECT_EQ(gated.suspects[0].facts,
            R"({"close": 150, "previous_close": 100, "previous_date": "2026-01-05", "ratio": 1.5, "limit": 0.4})");
}

TEST(Gates, TheLimitOfAJump) {
  const double below = 100 * std::exp(0.3999), above = 100 * std::exp(0.4001);
  EXPECT_EQ(pass_gates(series_of(ten, {100, below}), {}, ten, std::nullopt).accepted.size(), 2U);
  EXPECT_EQ(pass_gates(series_of(ten, {100, above}), {}, ten, std::nullopt).accepted.size(), 1U);
  EXPECT_EQ(pass_gates(series_of(ten, {100, 10000 / below}), {}, ten, std::nullopt).accepted.size(), 2U);
  EXPECT_EQ(pass_gates(series_of(ten, {100, 10000 / above}), {}, ten, std::nullopt).accepted.size(), 1U);
}

TEST(Gates, TheLimitGrowsWithTheSessionsBetween) {
  PriceSeries series = series_of(ten, {100});
  series.bars.push_back(bar_of(ten[4], 100 * std::exp(0.79)));
  EXPECT_EQ(pass_gates(series, {}, ten, std::nullopt).accepted.size(), 2U);
  series.bars[1].close = 100 * std::exp(0.81);
  EXPECT_EQ(pass_gates(series, {}, ten, std::nullopt).accepted.size(), 1U);
}

TEST(Gates, ALevelThatLastsGoesOn) {
  const Gated gated = pass_gates(series_of(ten, {100, 40, 41, 39}), {}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), Texts{"2026-01-06 jump"});
  EXPECT_EQ(gated.accepted.size(), 3U);
}

TEST(Gates, TheStoredPriceBeforeCounts) {
  const std::vector<StoredBar> stored{{.bar = bar_of(ten[0], 100)}, {.bar = bar_of(ten[3], 40)}};
  PriceSeries series;
  series.bars = {bar_of(ten[1], 50), bar_of(ten[4], 41)};
  EXPECT_EQ(gates_of(pass_gates(series, {.stored = stored}, ten, std::nullopt)), Texts{"2026-01-06 jump"});
}

TEST(Gates, SplitsExplainAJumpOfTradedPrices) {
  const std::vector<Action> actions{{.ex_date = ten[2], .kind = "split", .numerator = 4, .denominator = 1}};
  EXPECT_TRUE(
      pass_gates(series_of(ten, {400, 404, 100, 101}), {.actions = actions}, ten, std::nullopt).suspects.empty());
  // Without the fall, the prices are not those that were traded.
  const Gated gated = pass_gates(series_of(ten, {400, 404, 400}), {.actions = actions}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), Texts{"2026-01-07 jump"});
  EXPECT_NE(gated.suspects[0].facts.find(R"("split_ratio": 4)"), std::string::npos);
  // A day early, the split explains nothing; from its day on, it does.
  EXPECT_EQ(gates_of(pass_gates(series_of(ten, {400, 100, 101}), {.actions = actions}, ten, std::nullopt)),
            Texts{"2026-01-06 jump"});
}

TEST(Gates, AdjustedPricesDoNotFallWithASplit) {
  const std::vector<Action> actions{{.ex_date = ten[2], .kind = "split", .numerator = 4}};
  PriceSeries series = series_of(ten, {100, 101, 100});
  series.is_split_adjusted = true;
  EXPECT_TRUE(pass_gates(series, {.actions = actions}, ten, std::nullopt).suspects.empty());
  series.bars[2].close = 25;
  EXPECT_EQ(gates_of(pass_gates(series, {.actions = actions}, ten, std::nullopt)), Texts{"2026-01-07 jump"});
}

TEST(Gates, AStoredPriceMayKnowFewerSplits) {
  const std::vector<Action> actions{{.ex_date = ten[5], .kind = "split", .numerator = 4, .denominator = 1}};
  for (const bool stored_is_adjusted : {false, true}) {
    const std::vector<StoredBar> stored{{.bar = bar_of(ten[0], 400), .is_split_adjusted = stored_is_adjusted}};
    PriceSeries series;
    series.bars = {bar_of(ten[1], 101), bar_of(ten[2], 102)};
    series.is_split_adjusted = true;
    EXPECT_TRUE(pass_gates(series, {.stored = stored, .actions = actions}, ten, std::nullopt).suspects.empty());
  }
}

TEST(Gates, DividendsAndOtherActionsExplain) {
  const std::vector<Action> special{{.ex_date = ten[1], .kind = "dividend", .amount = 60}};
  EXPECT_TRUE(pass_gates(series_of(ten, {100, 41}), {.actions = special}, ten, std::nullopt).suspects.empty());
  EXPECT_FALSE(pass_gates(series_of(ten, {100, 20}), {.actions = special}, ten, std::nullopt).suspects.empty());
  const std::vector<Action> spin_off{{.ex_date = ten[1], .kind = "spin_off"}};
  EXPECT_TRUE(pass_gates(series_of(ten, {100, 30}), {.actions = spin_off}, ten, std::nullopt).suspects.empty());
  EXPECT_FALSE(pass_gates(series_of(ten, {100, 99, 30}), {.actions = spin_off}, ten, std::nullopt).suspects.empty());
  EXPECT_EQ(gates_of(pass_gates(series_of(ten, {100, 1}), {.actions = spin_off}, ten, std::nullopt)),
            Texts{"2026-01-06 factor_of_100"});
}

TEST(Gates, ASecondSourceConfirmsAJump) {
  const std::vector<Bar> second{bar_of(ten[1], 40.5)};
  EXPECT_EQ(pass_gates(series_of(ten, {100, 40, 41}), {.second = second}, ten, std::nullopt).accepted.size(), 3U);
  const std::vector<Bar> other{bar_of(ten[1], 100.5)};
  const Gated gated = pass_gates(series_of(ten, {100, 40}), {.second = other}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), Texts{"2026-01-06 jump"});
  EXPECT_NE(gated.suspects[0].facts.find(R"("second_close": 100.5)"), std::string::npos);
}

TEST(Gates, ADisagreementIsASuspect) {
  const std::vector<Bar> second{bar_of(ten[0], 100 / 1.019), bar_of(ten[1], 100 / 1.021)};
  const Gated gated = pass_gates(series_of(ten, {100, 100}), {.second = second}, ten, std::nullopt);
  EXPECT_EQ(gates_of(gated), Texts{"2026-01-06 disagreement"});
  // Prices of the other basis agree.
  const std::vector<Action> actions{{.ex_date = ten[5], .kind = "split", .numerator = 3}};
  const std::vector<Bar> adjusted{bar_of(ten[0], 33.3)};
  EXPECT_TRUE(
      pass_gates(series_of(ten, {100}), {.actions = actions, .second = adjusted}, ten, std::nullopt).suspects.empty());
}

TEST(Gates, PenceAreNotPounds) {
  const std::vector<StoredBar> stored{{.bar = bar_of(ten[0], 1.50), .source = "csv"}};
  for (const double close : {150.0, 0.015, 151.4, 148.6}) {
    const Gated gated = pass_gates(series_of(ten, {close}), {.stored = stored}, ten, std::nullopt);
    EXPECT_EQ(gates_of(gated), Texts{"2026-01-05 factor_of_100"}) << close;
    EXPECT_NE(gated.suspects[0].facts.find(R"("stored_source": "csv")"), std::string::npos);
  }
  EXPECT_TRUE(pass_gates(series_of(ten, {152}), {.stored = stored}, ten, std::nullopt).suspects.empty());
  // Also after the stored price, and however long it lasts.
  PriceSeries series;
  for (int i = 1; i < 10; ++i) series.bars.push_back(bar_of(ten[i], 150 + 3 * i));
  const Gated gated = pass_gates(series, {.stored = stored}, ten, std::nullopt);
  EXPECT_TRUE(gated.accepted.empty());
  for (const Suspect& suspect : gated.suspects) EXPECT_EQ(suspect.gate, "factor_of_100");
}

TEST(Gates, GoodSeriesPassWholeInAnyOrder) {
  const Sessions sessions = weekdays(300);
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> move(-0.19, 0.19), share(0, 1);
    PriceSeries series;
    std::vector<StoredBar> stored;
    std::vector<Bar> second;
    std::vector<Action> actions;
    double close = 50;
    for (int i = 0; i < sessions.size(); ++i) {
      close *= std::exp(move(random));
      if (share(random) < 0.01) {
        const double numerator = 2 + std::floor(5 * share(random));
        actions.push_back({.ex_date = sessions[i], .kind = "split", .numerator = numerator, .denominator = 1});
        close /= numerator;
      }
      Bar bar = bar_of(sessions[i], close);
      bar.open = close * 1.01, bar.high = close * 1.03, bar.low = close * 0.98;
      if (share(random) < 0.9) series.bars.push_back(bar);
      if (share(random) < 0.5) stored.push_back({.bar = bar});
      if (share(random) < 0.5) second.push_back(bar_of(sessions[i], close * (1 + 0.019 * share(random))));
    }
    const GateFacts facts{.stored = stored, .actions = actions, .second = second};
    const Gated gated = pass_gates(series, facts, sessions, std::nullopt);
    ASSERT_TRUE(gated.suspects.empty()) << seed << ' ' << gated.suspects[0].gate << gated.suspects[0].facts;
    ASSERT_EQ(gated.accepted.size(), series.bars.size());
    for (std::size_t i = 0; i < gated.accepted.size(); ++i) ASSERT_EQ(gated.accepted[i].open, series.bars[i].open);
  }
}

TEST(Gates, EachBarEndsOnceAndTheOrderDecidesNothing) {
  const Sessions sessions = weekdays(60);
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> share(0, 1);
    PriceSeries series;
    std::vector<StoredBar> stored;
    std::vector<Bar> second;
    std::vector<Action> actions;
    for (Date day = sessions[0] - std::chrono::days{3}; day < sessions[59] + std::chrono::days{5};
         day += std::chrono::days{1}) {
      const double close =
          std::exp(8 * (share(random) - 0.5) * (share(random) < 0.2)) * (share(random) < 0.02 ? -1 : 1);
      Bar bar = bar_of(day, close);
      if (share(random) < 0.3) bar.high = close * (0.5 + share(random));
      if (share(random) < 0.8) series.bars.push_back(bar);
      if (share(random) < 0.3) stored.push_back({.bar = bar_of(day, 1 + share(random))});
      if (share(random) < 0.3) second.push_back(bar_of(day, 1 + 0.1 * share(random)));
      if (share(random) < 0.05) actions.push_back({.ex_date = day, .kind = "split", .numerator = 2});
    }
    const Gated expected =
        pass_gates(series, {.stored = stored, .actions = actions, .second = second}, sessions, std::nullopt);
    EXPECT_EQ(expected.accepted.size() + expected.suspects.size(), series.bars.size());
    EXPECT_FALSE(expected.suspects.empty());
    std::shuffle(series.bars.begin(), series.bars.end(), random);
    std::shuffle(stored.begin(), stored.end(), random);
    std::shuffle(second.begin(), second.end(), random);
    std::shuffle(actions.begin(), actions.end(), random);
    const Gated shuffled =
        pass_gates(series, {.stored = stored, .actions = actions, .second = second}, sessions, std::nullopt);
    ASSERT_EQ(gates_of(shuffled), gates_of(expected)) << seed;
    for (std::size_t i = 0; i < expected.suspects.size(); ++i)
      ASSERT_EQ(shuffled.suspects[i].facts, expected.suspects[i].facts);
    ASSERT_EQ(shuffled.accepted.size(), expected.accepted.size());
    for (std::size_t i = 0; i < expected.accepted.size(); ++i)
      ASSERT_EQ(shuffled.accepted[i].date, expected.accepted[i].date);
  }
}

}  // namespace
}  // namespace pb::collect::gates_test
