// Which sessions are asked for, by what is stored and what was answered.
#include "collect/plan/missing.hpp"

#include <gtest/gtest.h>

namespace missing_test {

using namespace pb;
using collect::StoredDate;

namespace {

core::Date day(const char* iso) { return *core::from_iso(iso); }

// 20 sessions, Monday 2024-07-01 on, without the 4th.
core::Sessions july() {
  std::vector<core::Date> days;
  for (core::Date d = day("2024-07-01"); days.size() < 20; d += std::chrono::days{1}) {
    const std::chrono::weekday weekday{d};
    if (weekday != std::chrono::Saturday && weekday != std::chrono::Sunday && d != day("2024-07-04")) days.push_back(d);
  }
  return core::Sessions(days);
}

std::vector<StoredDate> stored(int from, int until) {
  std::vector<StoredDate> all;
  for (int i = from; i < until; ++i) all.push_back({july()[i]});
  return all;
}

const collect::Span whole_month{day("2024-07-01"), day("2024-07-29")};

}  // namespace

TEST(Missing, NothingStoredIsAskedWhole) {
  const auto missing = collect::find_missing(july(), {whole_month}, 10);
  EXPECT_EQ(missing.sessions, july().dates());
  EXPECT_EQ(missing.asked.first, whole_month.first);
  EXPECT_EQ(missing.asked.last, whole_month.last);
}

TEST(Missing, AllStoredIsNotAsked) {
  const auto all = stored(0, 20);
  EXPECT_TRUE(collect::find_missing(july(), {whole_month, all}, 10).sessions.empty());
}

TEST(Missing, TheNewestSessionIsAskedWithAnOverlap) {
  const auto all = stored(0, 19);
  const auto missing = collect::find_missing(july(), {whole_month, all}, 10);
  EXPECT_EQ(missing.sessions, std::vector{july()[19]});
  EXPECT_EQ(missing.asked.first, july()[9]);
  EXPECT_EQ(collect::find_missing(july(), {whole_month, all}, 0).asked.first, july()[19]);
  EXPECT_EQ(collect::find_missing(july(), {whole_month, all}, 100).asked.first, july()[0]);
}

TEST(Missing, AGapInsideIsFilled) {
  auto some = stored(0, 20);
  some.erase(some.begin() + 3);
  const auto missing = collect::find_missing(july(), {whole_month, some}, 2);
  EXPECT_EQ(missing.sessions, std::vector{july()[3]});
  EXPECT_EQ(missing.asked.first, july()[1]);
  EXPECT_EQ(missing.asked.last, whole_month.last);
}

TEST(Missing, AProvisionalPriceIsAskedAgain) {
  auto all = stored(0, 20);
  all[19].is_final = false;
  EXPECT_EQ(collect::find_missing(july(), {whole_month, all}, 1).sessions, std::vector{july()[19]});
  // Also where the answer that it came with covers it.
  EXPECT_EQ(collect::find_missing(july(), {whole_month, all, whole_month}, 1).sessions, std::vector{july()[19]});
}

TEST(Missing, WhatWasAnsweredIsNotAskedAgainButTheNewestIs) {
  const auto some = stored(5, 19);
  const auto missing = collect::find_missing(july(), {whole_month, some, whole_month}, 2);
  EXPECT_EQ(missing.sessions, std::vector{july()[19]});
  EXPECT_EQ(missing.asked.first, july()[17]);
  // A longer history than was asked for before.
  const collect::Span later{july()[3], july()[18]};
  EXPECT_EQ(collect::find_missing(july(), {whole_month, some, later}, 2).sessions,
            (std::vector{july()[0], july()[1], july()[2], july()[19]}));
}

TEST(Missing, NothingOutsideOfWhatIsWanted) {
  const collect::Span some{july()[4], july()[6]};
  const auto missing = collect::find_missing(july(), {some}, 10);
  EXPECT_EQ(missing.sessions, (std::vector{july()[4], july()[5], july()[6]}));
  EXPECT_EQ(missing.asked.last, july()[6]);
}

TEST(Missing, TheWholeHistoryReachesBackToTheFirstPrice) {
  const auto all = stored(0, 19);
  const auto whole = collect::whole_history({{july()[4], july()[19]}, all});
  EXPECT_EQ(whole.first, july()[0]);
  EXPECT_EQ(whole.last, july()[19]);
}

}  // namespace missing_test
