#include "core/portfolio/price_panel.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "support.hpp"

namespace price_panel_test {
namespace {

using pb::core::CorporateActions;
using pb::core::Instant;
using pb::core::Mark;
using pb::core::PricePanel;
using pb::core::Sessions;
using pb::core::SplitRatio;
using pb::test::day;
using pb::test::make_panel;
using pb::test::nan;

// A return is a ratio less one: its error is that of the ratio.
constexpr double rounding = 2e-16;

// Monday 2024-03-04 to Friday 2024-03-08.
const Sessions week = pb::test::weekdays(day("2024-03-04"), 5);

TEST(PricePanel, KnowsItsSymbols) {
  PricePanel panel(week, {"AAA", "BBB"});
  EXPECT_EQ(panel.column("BBB"), 1);
  EXPECT_EQ(panel.column("AA"), std::nullopt);
  const PricePanel moved = std::move(panel);
  EXPECT_EQ(moved.column("AAA"), 0);
}

TEST(PricePanel, ReturnsAreSimple) {
  const PricePanel panel =
      make_panel(week, {{"A", week[0], 100}, {"A", week[1], 110}, {"A", week[2], 99}, {"A", week[3], 99}});
  EXPECT_TRUE(std::isnan(panel.returns(0)(0)));
  EXPECT_NEAR(panel.returns(0)(1), 0.1, rounding);
  EXPECT_NEAR(panel.returns(0)(2), -0.1, rounding);
  EXPECT_EQ(panel.returns(0)(3), 0);
  EXPECT_TRUE(std::isnan(panel.returns(0)(4)));
}

// A two-day return in a series of daily ones would distort every estimate.
TEST(PricePanel, GapsAreNotBridged) {
  const PricePanel panel = make_panel(week, {{"A", week[0], 100},
                                             {"A", week[2], 120},
                                             {"A", week[3], 126},
                                             {"B", week[0], 10},
                                             {"B", week[1], 11},
                                             {"B", week[2], 11},
                                             {"B", week[3], 11}});
  EXPECT_TRUE(std::isnan(panel.close(1, 0)));
  EXPECT_TRUE(std::isnan(panel.returns(0)(1)));
  EXPECT_TRUE(std::isnan(panel.returns(0)(2)));
  EXPECT_NEAR(panel.returns(0)(3), 0.05, rounding);
  EXPECT_NEAR(panel.returns(1)(1), 0.1, rounding);
}

TEST(PricePanel, AdjustedClosesMakeTheReturnWhereBothAreThere) {
  // Adjusted prices move by 10 %, closes do not; the last pair has closes only.
  const PricePanel panel =
      make_panel(week, {{"A", week[0], 50, 100}, {"A", week[1], 50, 110}, {"A", week[2], 50, 121}, {"A", week[3], 50}});
  EXPECT_NEAR(panel.returns(0)(1), 0.1, rounding);
  EXPECT_NEAR(panel.returns(0)(2), 0.1, rounding);
  EXPECT_EQ(panel.close(1, 0), 50);
}

TEST(PricePanel, ChangeOfBasisIsNoReturn) {
  const PricePanel to_unadjusted =
      make_panel(week, {{"A", week[0], 50, 40}, {"A", week[1], 50, 40}, {"A", week[2], 50}, {"A", week[3], 55}});
  EXPECT_EQ(to_unadjusted.returns(0)(1), 0);
  EXPECT_TRUE(std::isnan(to_unadjusted.returns(0)(2)));
  EXPECT_NEAR(to_unadjusted.returns(0)(3), 0.1, rounding);
  const PricePanel to_adjusted = make_panel(week, {{"A", week[0], 50}, {"A", week[1], 50, 40}, {"A", week[2], 50, 44}});
  EXPECT_TRUE(std::isnan(to_adjusted.returns(0)(1)));
  EXPECT_NEAR(to_adjusted.returns(0)(2), 0.1, rounding);
  const PricePanel at_the_last = make_panel(week, {{"A", week[0], 50}, {"A", week[1], 50, 40}});
  EXPECT_TRUE(std::isnan(at_the_last.returns(0)(1)));
}

TEST(PricePanel, SplitsAndDividendsArePartOfTheReturn) {
  CorporateActions actions;
  actions.add_split("A", {week[1], {4}});
  actions.add_dividend("A", {week[2], 2});
  actions.add_split("A", {week[3], {0.5}});
  actions.add_dividend("A", {week[3], 3});  // on one of the shares held before the reverse split
  const PricePanel panel =
      make_panel(week, {{"A", week[0], 400}, {"A", week[1], 101}, {"A", week[2], 99}, {"A", week[3], 195}}, actions);
  EXPECT_DOUBLE_EQ(panel.returns(0)(1), 404.0 / 400 - 1);
  EXPECT_DOUBLE_EQ(panel.returns(0)(2), 101.0 / 101 - 1);
  EXPECT_DOUBLE_EQ(panel.returns(0)(3), (195 * 0.5 + 3) / 99 - 1);
}

// Vendors restate the past in today's shares; closes here are what was traded.
TEST(PricePanel, SplitAdjustedClosesAreTakenBackToTheirDay) {
  CorporateActions actions;
  actions.add_split("A", {week[2], {4}});
  const PricePanel raw = make_panel(week, {{"A", week[1], 404}, {"A", week[2], 100}, {"A", week[3], 102}}, actions);
  const PricePanel adjusted = make_panel(
      week, {{"A", week[1], 101, nan, true}, {"A", week[2], 100, nan, true}, {"A", week[3], 102, nan, true}}, actions);
  for (int t = 1; t <= 3; ++t) {
    EXPECT_DOUBLE_EQ(adjusted.close(t, 0), raw.close(t, 0)) << t;
    if (t > 1) {
      EXPECT_DOUBLE_EQ(adjusted.returns(0)(t), raw.returns(0)(t)) << t;
    }
  }
  EXPECT_DOUBLE_EQ(adjusted.returns(0)(2), 100.0 / 101 - 1);
}

// Also a split after the panel: the day's own close does not change with it.
TEST(PricePanel, SplitAfterThePanelIsTakenBackToo) {
  CorporateActions actions;
  actions.add_split("A", {day("2026-01-02"), {2}});
  const PricePanel panel = make_panel(week, {{"A", week[1], 50, nan, true}}, actions);
  EXPECT_EQ(panel.close(1, 0), 100);
  EXPECT_EQ(panel.mark_asof(0, week[4], actions)->price, 100);
}

// Nobody has divided out what had not happened when the row was fetched: neither a split that is only announced, nor
// one between the nights on which the rows were fetched.
TEST(PricePanel, SplitAfterTheFetchIsNotTakenBack) {
  CorporateActions actions;
  actions.add_split("A", {week[2], {4}});
  actions.add_split("A", {day("2027-06-01"), {10}});
  const auto night = [](int t) { return Instant(week[t]) + std::chrono::hours(22); };
  const PricePanel nightly = make_panel(week,
                                        {{"A", week[1], 404, nan, true, night(1)},
                                         {"A", week[2], 100, nan, true, night(2)},
                                         {"A", week[3], 102, nan, true, night(3)}},
                                        actions);
  const PricePanel at_once = make_panel(
      week, {{"A", week[1], 101, nan, true}, {"A", week[2], 100, nan, true}, {"A", week[3], 102, nan, true}}, actions);
  for (const PricePanel* panel : {&nightly, &at_once}) {
    EXPECT_EQ(panel->close(1, 0), 404);
    EXPECT_EQ(panel->close(2, 0), 100);
    EXPECT_EQ(panel->close(3, 0), 102);
    EXPECT_DOUBLE_EQ(panel->returns(0)(2), 400.0 / 404 - 1);
    EXPECT_EQ(panel->mark_asof(0, week[4], actions)->price, 102);
  }
}

// Without the time it is not known whose shares a close is in, unless there is no split after it.
TEST(PricePanel, SplitAdjustedCloseOfAnUnknownTimeIsLeftOutBeforeASplit) {
  CorporateActions actions;
  actions.add_split("A", {week[2], {4}});
  const PricePanel panel = make_panel(
      week, {{"A", week[1], 101, nan, true, std::nullopt}, {"A", week[2], 100, nan, true, std::nullopt}}, actions);
  EXPECT_TRUE(std::isnan(panel.close(1, 0)));
  EXPECT_EQ(panel.newest_left_out(0, week[4]), week[1]);
  EXPECT_EQ(panel.close(2, 0), 100);
}

// Adjusted closes of before the split were fetched before it: they jump by its ratio, which is no return.
TEST(PricePanel, JumpOfAdjustedClosesBySplitIsNoReturn) {
  CorporateActions actions;
  actions.add_split("A", {week[2], {4}});
  actions.add_split("B", {week[2], {1, 4}});
  const PricePanel panel = make_panel(week,
                                      {{"A", week[1], 404, 400},
                                       {"A", week[2], 100, 99},
                                       {"A", week[3], 102, 101},
                                       {"B", week[1], 10, 10},
                                       {"B", week[2], 41, 41},
                                       {"B", week[3], 42, 42}},
                                      actions);
  for (const int column : {0, 1}) {
    EXPECT_TRUE(std::isnan(panel.returns(column)(2))) << column;
    ASSERT_EQ(panel.split_jumps(column).size(), 1u) << column;
    EXPECT_EQ(panel.split_jumps(column)[0].session, week[2]);
    EXPECT_EQ(panel.newest_split_jump(column, week[1]), nullptr);
    ASSERT_NE(panel.newest_split_jump(column, week[2]), nullptr);
    EXPECT_EQ(panel.newest_left_out(column, week[4]), std::nullopt);
  }
  EXPECT_DOUBLE_EQ(panel.returns(0)(3), 101.0 / 99 - 1);
  EXPECT_DOUBLE_EQ(panel.split_jumps(0)[0].change, 99.0 / 400 - 1);
  EXPECT_EQ(panel.split_jumps(0)[0].ratio, (SplitRatio{4}));
  EXPECT_EQ(panel.split_jumps(1)[0].ratio, (SplitRatio{1, 4}));
}

// A move as large as the split that the closes, which have the split, show too is real; and one without a split is not
// looked at.
TEST(PricePanel, LargeMovesOnTheDayOfASplitAreReturns) {
  CorporateActions actions;
  actions.add_split("A", {week[2], {2}});
  actions.add_split("C", {week[2], {2}});
  const PricePanel panel = make_panel(week,
                                      {{"A", week[1], 100, 50},
                                       {"A", week[2], 25, 25},
                                       {"B", week[1], 100, 100},
                                       {"B", week[2], 25, 25},
                                       {"C", week[1], 100, 49},
                                       {"C", week[2], 51, 51}},
                                      actions);
  EXPECT_DOUBLE_EQ(panel.returns(0)(2), -0.5);
  EXPECT_DOUBLE_EQ(panel.returns(1)(2), -0.75);
  EXPECT_DOUBLE_EQ(panel.returns(2)(2), 51.0 / 49 - 1);
  for (const int column : {0, 1, 2}) EXPECT_TRUE(panel.split_jumps(column).empty()) << column;
}

// Several jumps: the newest one up to a day.
TEST(PricePanel, NewestSplitJumpIsAsOfTheDay) {
  CorporateActions actions;
  actions.add_split("A", {week[1], {4}});
  actions.add_split("A", {week[3], {3}});
  const PricePanel panel = make_panel(
      week, {{"A", week[0], 120, 120}, {"A", week[1], 30, 30}, {"A", week[2], 30, 30}, {"A", week[3], 10, 10}},
      actions);
  EXPECT_EQ(panel.newest_split_jump(0, week[0]), nullptr);
  EXPECT_EQ(panel.newest_split_jump(0, week[2])->session, week[1]);
  EXPECT_EQ(panel.newest_split_jump(0, week[4])->session, week[3]);
}

// A row that cannot be used is as good as none, of its symbol alone, and is told.
TEST(PricePanel, UnusablePricesAreLeftOut) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, -1.0, 5e-324, 1e-300, 1e15, 1e300, infinity, -infinity, nan}) {
    const PricePanel closes = make_panel(week, {{"A", week[0], 10},
                                                {"A", week[1], bad},
                                                {"A", week[2], 10},
                                                {"A", week[3], 11},
                                                {"B", week[0], 20},
                                                {"B", week[1], 22}});
    EXPECT_TRUE(std::isnan(closes.close(1, 0))) << bad;
    EXPECT_TRUE(std::isnan(closes.returns(0)(1))) << bad;
    EXPECT_TRUE(std::isnan(closes.returns(0)(2))) << bad;
    EXPECT_NEAR(closes.returns(0)(3), 0.1, rounding) << bad;
    EXPECT_NEAR(closes.returns(1)(1), 0.1, rounding) << bad;
    EXPECT_EQ(closes.mark_asof(0, week[1], {})->date, week[0]) << bad;
    EXPECT_EQ(closes.newest_left_out(0, week[4]), week[1]) << bad;
    EXPECT_EQ(closes.newest_left_out(0, week[0]), std::nullopt) << bad;
    EXPECT_EQ(closes.newest_left_out(1, week[4]), std::nullopt) << bad;
    if (std::isnan(bad)) continue;  // an adjusted close that is not there
    const PricePanel adjusted =
        make_panel(week, {{"A", week[0], 10, 9}, {"A", week[1], 10, bad}, {"A", week[2], 10, 9}});
    EXPECT_TRUE(std::isnan(adjusted.close(1, 0))) << bad;
    EXPECT_TRUE(std::isnan(adjusted.returns(0)(2))) << bad;
  }
}

TEST(PricePanel, PricesOfTwoBasesHaveNoReturn) {
  const PricePanel panel = make_panel(week, {{"A", week[0], 1e-9}, {"A", week[1], 1e12}, {"A", week[2], 1e12}});
  EXPECT_TRUE(std::isnan(panel.returns(0)(1)));
  EXPECT_EQ(panel.returns(0)(2), 0);
  EXPECT_EQ(panel.newest_left_out(0, week[4]), week[1]);
}

// What an unusable split makes of a share is not known, so neither is what goes across it.
TEST(PricePanel, NothingIsKnownAcrossAnUnusableAction) {
  for (const bool is_split : {true, false}) {
    CorporateActions actions;
    actions.add_problem("A", {week[2], is_split ? "ratio" : "amount", "5e-324", "symbol A", is_split});
    const PricePanel panel =
        make_panel(week, {{"A", week[0], 10}, {"A", week[1], 11}, {"A", week[2], 11}, {"A", week[3], 11}}, actions);
    EXPECT_NEAR(panel.returns(0)(1), 0.1, rounding);
    EXPECT_TRUE(std::isnan(panel.returns(0)(2)));
    EXPECT_EQ(panel.returns(0)(3), 0);
    EXPECT_EQ(actions.problem("A", week[0], week[1]), nullptr);
    ASSERT_NE(actions.problem("A", week[1], week[2]), nullptr);
    EXPECT_EQ(actions.problem("A", week[1], week[2])->value, "5e-324");
    EXPECT_EQ(actions.problem("A", week[2], week[4]), nullptr);
    EXPECT_EQ(actions.problem("B", week[0], week[4]), nullptr);
  }
}

// Without a day it may have changed any.
TEST(PricePanel, AnActionWithoutADayIsAlwaysAProblem) {
  CorporateActions actions;
  actions.add_problem("A", {std::nullopt, "ex_date", "NULL", "symbol A", true});
  EXPECT_NE(actions.problem("A", week[0], week[1]), nullptr);
}

TEST(PricePanel, MarkIsTheNewestOnOrBeforeTheDay) {
  const CorporateActions actions;
  const PricePanel panel = make_panel(week, {{"A", week[1], 10}, {"A", week[3], 12}});
  EXPECT_EQ(panel.mark_asof(0, week[0], actions), std::nullopt);
  EXPECT_EQ(panel.mark_asof(0, week[1], actions)->stale_sessions, 0);
  const Mark carried = panel.mark_asof(0, week[2], actions).value();
  EXPECT_EQ(carried.price, 10);
  EXPECT_EQ(carried.date, week[1]);
  EXPECT_EQ(carried.stale_sessions, 1);
  EXPECT_EQ(panel.mark_asof(0, day("2024-03-10"), actions)->price, 12);
  EXPECT_EQ(panel.mark_asof(0, day("2024-03-10"), actions)->stale_sessions, 1);
}

TEST(PricePanel, MarkIsInSharesOfTheDayAsked) {
  CorporateActions actions;
  actions.add_split("A", {week[2], {4}});
  const PricePanel panel = make_panel(week, {{"A", week[1], 404}}, actions);
  EXPECT_EQ(panel.mark_asof(0, week[1], actions)->price, 404);
  EXPECT_EQ(panel.mark_asof(0, week[2], actions)->price, 101);
}

TEST(PricePanel, PricesOffSessionsAreForValuationOnly) {
  const CorporateActions actions;
  const auto saturday = day("2024-03-09");
  const Sessions two_weeks = pb::test::weekdays(week[0], 10);
  const PricePanel panel =
      make_panel(two_weeks, {{"A", week[4], 10}, {"A", saturday, 20}, {"A", two_weeks[5], 11}}, actions);
  EXPECT_NEAR(panel.returns(0)(5), 0.1, rounding);
  EXPECT_EQ(panel.mark_asof(0, week[4], actions)->price, 10);
  EXPECT_EQ(panel.mark_asof(0, saturday, actions)->price, 20);
  EXPECT_EQ(panel.mark_asof(0, saturday, actions)->stale_sessions, 0);
  EXPECT_EQ(panel.mark_asof(0, two_weeks[5], actions)->price, 11);
}

TEST(PricePanel, EarlierMarkServesUntilThePanelHasAPrice) {
  CorporateActions actions;
  actions.add_split("A", {week[1], {2}});
  PricePanel panel(week, {"A"});
  panel.set_earlier(0, {day("2024-02-29"), 30, nan, false}, actions);
  panel.set(0, {week[3], 16, nan, false}, actions);
  panel.finish(actions);
  EXPECT_EQ(panel.mark_asof(0, day("2024-02-28"), actions), std::nullopt);
  const Mark earlier = panel.mark_asof(0, week[2], actions).value();
  EXPECT_EQ(earlier.price, 15);
  EXPECT_EQ(earlier.date, day("2024-02-29"));
  EXPECT_EQ(earlier.stale_sessions, 3);
  EXPECT_EQ(panel.mark_asof(0, week[3], actions)->price, 16);
  EXPECT_TRUE(std::isnan(panel.returns(0)(3)));
}

TEST(PricePanel, MayBeEmpty) {
  const CorporateActions actions;
  PricePanel panel(Sessions{}, {"A"});
  panel.set(0, {week[0], 5, nan, false}, actions);
  panel.finish(actions);
  EXPECT_EQ(panel.mark_asof(0, week[1], actions)->price, 5);
}

// An option may be worthless; of anything else a close of 0 is a missing price that somebody wrote as 0.
TEST(PricePanel, ZeroIsAPriceOfAnOptionOnly) {
  const auto week = pb::test::weekdays(day("2024-03-04"), 5);
  PricePanel panel(week, {"A", "A C"});
  const CorporateActions actions;
  panel.set_option(1);
  for (const int column : {0, 1}) {
    panel.set(column, {week[0], 2, nan, false}, actions);
    panel.set(column, {week[1], 0, nan, false}, actions);
    panel.set(column, {week[2], 3, nan, false}, actions);
    panel.set(column, {week[3], 6, nan, false}, actions);
  }
  panel.finish(actions);
  EXPECT_EQ(panel.mark_asof(1, week[1], actions)->price, 0);
  EXPECT_EQ(panel.mark_asof(0, week[1], actions)->price, 2);
  EXPECT_TRUE(panel.newest_left_out(0, week[4]).has_value());
  EXPECT_FALSE(panel.newest_left_out(1, week[4]).has_value());
  EXPECT_TRUE(std::isnan(panel.returns(1)(1)));
  EXPECT_TRUE(std::isnan(panel.returns(1)(2)));
  EXPECT_EQ(panel.returns(1)(3), 1);
}

}  // namespace
}  // namespace price_panel_test
