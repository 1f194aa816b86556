#include "collect/plan/restatement.hpp"

#include <gtest/gtest.h>

namespace restatement_test {

using namespace pb;
using Kind = collect::Restatement::Kind;
using collect::StoredBar;
using market::Action;
using market::Bar;

namespace {

const core::Date start = *core::from_iso("2024-07-01");
core::Date day(int i) { return start + std::chrono::days{i}; }

std::vector<StoredBar> stored_closes(int count) {
  std::vector<StoredBar> bars;
  for (int i = 0; i < count; ++i)
    bars.push_back({.bar = {.date = day(i), .close = 100.0 + i, .adj_close = 90.0 + i},
                    .is_split_adjusted = true,
                    .source = "yahoo"});
  return bars;
}

market::PriceSeries times(double close, double adjusted, int count) {
  market::PriceSeries series{.is_split_adjusted = true};
  for (int i = 0; i < count; ++i)
    series.bars.push_back({.date = day(i), .close = close * (100.0 + i), .adj_close = adjusted * (90.0 + i)});
  return series;
}

Kind kind(const market::PriceSeries& series, std::vector<Action> delivered = {}, std::vector<Action> known = {},
          int count = 10) {
  const auto stored = stored_closes(count);
  return collect::find_restatement(series, delivered, "yahoo", stored, known).kind;
}

const Action split_of_4{.ex_date = day(11), .kind = "split", .numerator = 4, .denominator = 1};

}  // namespace

TEST(Restatement, NoneWhereThePricesAgree) {
  EXPECT_EQ(kind(times(1, 1, 12)), Kind::none);
  EXPECT_EQ(kind(times(1.004, 1.004, 12)), Kind::adjusted);
}

TEST(Restatement, ANewSplitWithAndWithoutTheRatio) {
  EXPECT_EQ(kind(times(0.25, 0.25, 12), {split_of_4}), Kind::split);
  EXPECT_EQ(kind(times(1, 1, 12), {split_of_4}), Kind::split);
  EXPECT_EQ(kind(times(1, 1, 12), {split_of_4}, {split_of_4}), Kind::none);
  // Raw prices are not restated by it.
  auto raw = times(1, 1, 12);
  raw.is_split_adjusted = false;
  EXPECT_EQ(kind(raw, {split_of_4}), Kind::none);
  // Before all that is stored.
  EXPECT_EQ(kind(times(1, 1, 12), {{.ex_date = day(0), .kind = "split", .numerator = 2}}), Kind::none);
}

TEST(Restatement, ARatioOfASplitThatNobodyAnnouncesIsSuspect) {
  EXPECT_EQ(kind(times(0.25, 0.25, 12)), Kind::suspect);
  EXPECT_EQ(kind(times(0.25, 0.25, 12), {}, {split_of_4}), Kind::split);
  EXPECT_EQ(kind(times(0.5, 0.5, 12), {}, {split_of_4}), Kind::suspect);
}

TEST(Restatement, AnotherCommonRatioIsARestatement) {
  EXPECT_EQ(kind(times(0.9137, 0.9137, 12)), Kind::restated);
  EXPECT_EQ(kind(times(0.9137, 0.9137, 12), {}, {}, 4), Kind::none) << "from 5 prices on";
  auto one_differs = times(0.9137, 1, 12);
  one_differs.bars[3].close = 103;
  EXPECT_EQ(kind(one_differs), Kind::none);
}

TEST(Restatement, AdjustedClosesAloneAfterADividend) {
  EXPECT_EQ(kind(times(1, 0.995, 12)), Kind::adjusted);
  // Closes that differ without a common ratio are for the gates.
  auto one_differs = times(0.25, 0.25, 12);
  one_differs.bars[3].close = 103;
  EXPECT_EQ(kind(one_differs), Kind::none);
}

TEST(Restatement, OtherSourcesBasesAndProvisionalPricesAreNotCompared) {
  auto stored = stored_closes(10);
  EXPECT_EQ(collect::find_restatement(times(0.9137, 1, 12), {}, "fmp", stored, {}).kind, Kind::none);
  for (StoredBar& bar : stored) bar.is_final = false;
  EXPECT_EQ(collect::find_restatement(times(0.9137, 1, 12), {}, "yahoo", stored, {}).kind, Kind::none);
}

TEST(Restatement, RatiosOfSplits) {
  for (const double ratio : {2.0, 0.5, 1.5, 2 / 3.0, 0.05, 50.0, 7 / 3.0})
    EXPECT_TRUE(collect::is_ratio_of_split(ratio));
  for (const double ratio : {1.0, 0.9137, 1.02, 51.0}) EXPECT_FALSE(collect::is_ratio_of_split(ratio));
}

TEST(Restatement, WhatAWholeHistoryLacksIsBroughtToItsBasis) {
  auto stored = stored_closes(6);
  for (StoredBar& old : stored) {
    old.bar.open = 80;
    old.bar.volume = 1000;
  }
  stored[5].source = "fmp";
  auto series = times(0.25, 0.2, 6);
  series.bars.erase(series.bars.begin() + 2);
  series.bars.erase(series.bars.begin());
  const auto rebased = collect::rebase_missing(series, "yahoo", stored);
  ASSERT_EQ(rebased.size(), 2U);
  EXPECT_EQ(rebased[0].bar.date, day(0));
  EXPECT_DOUBLE_EQ(*rebased[0].bar.close, 25);
  EXPECT_EQ(rebased[1].bar.date, day(2));
  EXPECT_DOUBLE_EQ(*rebased[1].bar.close, 25.5);
  EXPECT_DOUBLE_EQ(*rebased[1].bar.adj_close, 18.4);
  EXPECT_DOUBLE_EQ(*rebased[1].bar.open, 20);
  EXPECT_EQ(rebased[1].bar.volume, 4000);
  EXPECT_FALSE(rebased[1].bar.high);
  series.bars.clear();
  EXPECT_TRUE(collect::rebase_missing(series, "yahoo", stored).empty());
}

TEST(Restatement, ADayIsRebasedAsTheNearestOfBothHistories) {
  const auto stored = stored_closes(9);
  auto series = times(0.25, 0.25, 9);
  for (int i = 5; i < 9; ++i) *series.bars[static_cast<std::size_t>(i)].close *= 2;
  series.bars.erase(series.bars.begin() + 6);
  series.bars.erase(series.bars.begin() + 3);
  const auto rebased = collect::rebase_missing(series, "yahoo", stored);
  ASSERT_EQ(rebased.size(), 2U);
  EXPECT_DOUBLE_EQ(*rebased[0].bar.close, 103 * 0.25);
  EXPECT_DOUBLE_EQ(*rebased[1].bar.close, 106 * 0.5);
}

}  // namespace restatement_test
