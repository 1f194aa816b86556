#include "core/calendar/sessions.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "support.hpp"

namespace sessions_test {
namespace {

using pb::core::Sessions;
using pb::test::day;

// A Thursday, a Friday, and, after the weekend and a holiday, a Tuesday.
const Sessions sessions({day("2024-05-23"), day("2024-05-24"), day("2024-05-28")});

TEST(Sessions, CountThroughAnyDay) {
  EXPECT_EQ(sessions.count_through(day("2024-05-22")), 0);
  EXPECT_EQ(sessions.count_through(day("2024-05-23")), 1);
  EXPECT_EQ(sessions.count_through(day("2024-05-27")), 2);
  EXPECT_EQ(sessions.count_through(day("2030-01-01")), 3);
}

TEST(Sessions, FindOnlyDaysThatAreSessions) {
  EXPECT_EQ(sessions.index(day("2024-05-23")), 0);
  EXPECT_EQ(sessions.index(day("2024-05-28")), 2);
  EXPECT_EQ(sessions.index(day("2024-05-22")), std::nullopt);
  EXPECT_EQ(sessions.index(day("2024-05-26")), std::nullopt);
  EXPECT_EQ(sessions.index(day("2024-05-29")), std::nullopt);
}

TEST(Sessions, AgeCountsSessionsNotDays) {
  EXPECT_EQ(sessions.age(day("2024-05-24"), day("2024-05-24")), 0);
  EXPECT_EQ(sessions.age(day("2024-05-24"), day("2024-05-27")), 0);
  EXPECT_EQ(sessions.age(day("2024-05-24"), day("2024-05-28")), 1);
  EXPECT_EQ(sessions.age(day("2024-05-23"), day("2024-05-28")), 2);
  // A price of the weekend is newer than Friday's, and one session old on Tuesday.
  EXPECT_EQ(sessions.age(day("2024-05-25"), day("2024-05-28")), 1);
  EXPECT_EQ(sessions.age(day("2024-05-28"), day("2024-05-23")), 0);
}

TEST(Sessions, MayBeEmpty) {
  const Sessions none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.count_through(day("2024-05-24")), 0);
  EXPECT_EQ(none.index(day("2024-05-24")), std::nullopt);
  EXPECT_EQ(none.age(day("2024-05-23"), day("2024-05-24")), 0);
}

}  // namespace
}  // namespace sessions_test
