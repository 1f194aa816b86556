#include "core/portfolio/corporate_actions.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace corporate_actions_test {
namespace {

using pb::core::CorporateActions;
using pb::core::Instant;
using pb::core::SplitRatio;
using pb::test::day;

// Apple's splits of 2014 and 2020, and a reverse split.
CorporateActions example() {
  CorporateActions actions;
  actions.add_split("AAPL", {day("2020-08-31"), {4}});
  actions.add_split("AAPL", {day("2014-06-09"), {7}});
  actions.add_split("GE", {day("2021-08-02"), {1, 8}});
  actions.add_dividend("KO", {day("2024-03-14"), 0.485});
  actions.add_dividend("KO", {day("2024-06-14"), 0.485});
  return actions;
}

TEST(CorporateActions, MultiplySplitsAfterOneDayThroughAnother) {
  const CorporateActions actions = example();
  EXPECT_EQ(actions.split_ratio("AAPL", day("2014-06-08"), day("2020-08-31")), (SplitRatio{28}));
  EXPECT_EQ(actions.split_ratio("AAPL", day("2014-06-09"), day("2020-08-31")), (SplitRatio{4}));
  EXPECT_EQ(actions.split_ratio("AAPL", day("2014-06-08"), day("2020-08-30")), (SplitRatio{7}));
  EXPECT_EQ(actions.split_ratio("AAPL", day("2020-08-31"), day("2024-01-02")), (SplitRatio{1}));
  EXPECT_EQ(actions.split_ratio("AAPL", day("2020-09-30"), day("2014-01-02")), (SplitRatio{1}));
  EXPECT_EQ(actions.split_ratio("GE", day("2021-07-30"), day("2021-08-02")), (SplitRatio{1, 8}));
  EXPECT_EQ(actions.split_ratio("MSFT", day("1990-01-02"), day("2024-01-02")), (SplitRatio{1}));
}

TEST(CorporateActions, DivideOutWhatHadHappenedWhenAPriceWasFetched) {
  const CorporateActions actions = example();
  const auto divided = [&](const char* date, const char* fetched) {
    return actions.divided_out("AAPL", day(date), Instant(day(fetched)));
  };
  EXPECT_EQ(divided("2014-01-02", "2024-01-02"), (SplitRatio{28}));
  EXPECT_EQ(divided("2014-01-02", "2020-08-31"), (SplitRatio{28}));
  EXPECT_EQ(divided("2014-01-02", "2020-08-30"), (SplitRatio{7}));
  EXPECT_EQ(divided("2014-01-02", "2014-01-02"), (SplitRatio{1}));
  EXPECT_EQ(divided("2020-08-30", "2024-01-02"), (SplitRatio{4}));
  EXPECT_EQ(divided("2020-08-31", "2024-01-02"), (SplitRatio{1}));
  EXPECT_TRUE(actions.has_split_after("AAPL", day("2020-08-30")));
  EXPECT_FALSE(actions.has_split_after("AAPL", day("2020-08-31")));
}

// The ex-date begins at midnight where the instrument trades, which is later than at Greenwich.
TEST(CorporateActions, ASplitHappensWhenItsDayBeginsAtItsPlace) {
  CorporateActions actions;
  const Instant midnight = Instant(day("2024-03-06")) + std::chrono::hours(5);
  actions.add_split("A", {day("2024-03-06"), {4}, midnight});
  EXPECT_EQ(actions.divided_out("A", day("2024-03-05"), midnight), (SplitRatio{4}));
  EXPECT_EQ(actions.divided_out("A", day("2024-03-05"), midnight - std::chrono::microseconds(1)), (SplitRatio{1}));
}

// The quotients 1/3 and 1/49 are no numbers of a double: 49 x (1/49) is less than 1.
TEST(CorporateActions, RatioOfTwoNumbersLosesNoShare) {
  const SplitRatio one_to_three{1, 3};
  EXPECT_EQ(one_to_three.to_new_shares(300), 100);
  EXPECT_EQ(one_to_three.to_old_shares(100), 300);
  EXPECT_EQ(one_to_three.to_new_price(10), 30);
  EXPECT_EQ(one_to_three.to_old_price(30), 10);
  for (double shares = 1; shares < 100; ++shares) EXPECT_EQ((SplitRatio{1, shares}).to_new_shares(shares), 1) << shares;
  SplitRatio both = one_to_three;
  both *= {9, 2};
  EXPECT_EQ(both, (SplitRatio{3, 2}));
  EXPECT_FALSE(both == one_to_three);
}

TEST(CorporateActions, KnowDividendsBySymbol) {
  const CorporateActions actions = example();
  ASSERT_EQ(actions.dividends("KO").size(), 2u);
  EXPECT_EQ(actions.dividends("KO")[1].ex_date, day("2024-06-14"));
  EXPECT_TRUE(actions.dividends("AAPL").empty());
  EXPECT_TRUE(actions.dividends("MSFT").empty());
  EXPECT_TRUE(actions.has_any("KO"));
  EXPECT_FALSE(actions.has_any("MSFT"));
}

TEST(CorporateActions, OptionFollowsItsUnderlying) {
  CorporateActions actions;
  actions.add_split("U", {day("2024-03-06"), {4}});
  actions.add_split("U", {day("2024-05-06"), {3, 2}});
  actions.add_split("U", {day("2024-07-08"), {1, 10}});
  actions.add_dividend("U", {day("2024-04-04"), 1});
  actions.add_split("U C2", {day("2024-03-06"), {5}});
  for (const char* option : {"U C1", "U C2"}) actions.follow(option, "U");
  const auto& splits = actions.splits("U C1");
  const auto since = [&](const char* until) { return day(until); };
  // 4:1 makes four contracts of one; 3:2 and 1:10 leave the contracts and change what they deliver.
  EXPECT_EQ(CorporateActions::quantity_ratio(splits, day("2024-01-02"), since("2024-12-31")), (SplitRatio{4}));
  EXPECT_EQ(CorporateActions::multiplier_ratio(splits, day("2024-01-02"), since("2024-12-31")), (SplitRatio{3, 20}));
  EXPECT_EQ(CorporateActions::split_ratio(splits, day("2024-01-02"), since("2024-12-31")), (SplitRatio{12, 20}));
  EXPECT_TRUE(actions.dividends("U C1").empty());
  // A split of the option's own says how its contracts were adjusted that day.
  EXPECT_EQ(actions.split_ratio("U C2", day("2024-01-02"), day("2024-03-06")), (SplitRatio{5}));
  EXPECT_EQ(actions.split_ratio("U C2", day("2024-01-02"), day("2024-05-06")), (SplitRatio{15, 2}));
  // The underlying itself has shares, and no multiplier.
  EXPECT_EQ(CorporateActions::quantity_ratio(actions.splits("U"), day("2024-01-02"), day("2024-12-31")),
            (SplitRatio{12, 20}));
}

TEST(CorporateActions, OptionSharesTheProblemsOfItsUnderlying) {
  CorporateActions actions;
  actions.add_problem("U", {day("2024-03-06"), "ratio_numerator", "NaN", "symbol U", true});
  actions.add_problem("V", {day("2024-03-06"), "amount", "NaN", "symbol V", false});
  actions.follow("U C1", "U");
  actions.follow("V C1", "V");
  EXPECT_NE(actions.problem("U C1", day("2024-03-01"), day("2024-03-08")), nullptr);
  EXPECT_EQ(actions.problem("V C1", day("2024-03-01"), day("2024-03-08")), nullptr);
}

}  // namespace
}  // namespace corporate_actions_test
