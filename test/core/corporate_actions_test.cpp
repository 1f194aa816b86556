#include "core/portfolio/corporate_actions.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace {

using pb::core::CorporateActions;
using pb::test::day;

// Apple's splits of 2014 and 2020, and a reverse split.
CorporateActions example() {
  CorporateActions actions;
  actions.add_split("AAPL", {day("2020-08-31"), 4});
  actions.add_split("AAPL", {day("2014-06-09"), 7});
  actions.add_split("GE", {day("2021-08-02"), 0.125});
  actions.add_dividend("KO", {day("2024-03-14"), 0.485});
  actions.add_dividend("KO", {day("2024-06-14"), 0.485});
  return actions;
}

TEST(CorporateActions, MultiplySplitsAfterOneDayThroughAnother) {
  const CorporateActions actions = example();
  EXPECT_EQ(actions.split_factor("AAPL", day("2014-06-08"), day("2020-08-31")), 28);
  EXPECT_EQ(actions.split_factor("AAPL", day("2014-06-09"), day("2020-08-31")), 4);
  EXPECT_EQ(actions.split_factor("AAPL", day("2014-06-08"), day("2020-08-30")), 7);
  EXPECT_EQ(actions.split_factor("AAPL", day("2020-08-31"), day("2024-01-02")), 1);
  EXPECT_EQ(actions.split_factor("AAPL", day("2020-09-30"), day("2014-01-02")), 1);
  EXPECT_EQ(actions.split_factor("GE", day("2021-07-30"), day("2021-08-02")), 0.125);
  EXPECT_EQ(actions.split_factor("MSFT", day("1990-01-02"), day("2024-01-02")), 1);
}

TEST(CorporateActions, CountAllSplitsAfterADay) {
  const CorporateActions actions = example();
  EXPECT_EQ(actions.later_split_factor("AAPL", day("2014-01-02")), 28);
  EXPECT_EQ(actions.later_split_factor("AAPL", day("2020-08-30")), 4);
  EXPECT_EQ(actions.later_split_factor("AAPL", day("2020-08-31")), 1);
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

}  // namespace
