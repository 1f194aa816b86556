#include "core/calendar/sessions_per_year.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "core/calendar/nyse_calendar.hpp"
#include "support.hpp"

namespace sessions_per_year_test {
namespace {

using pb::core::Date;
using pb::core::Sessions;
using pb::core::sessions_per_year;
using pb::test::day;
using pb::test::sqlstate_of;

Sessions days(Date first, Date last, const std::function<bool(Date)>& is_session) {
  std::vector<Date> dates;
  for (Date date = first; date <= last; date += std::chrono::days{1})
    if (is_session(date)) dates.push_back(date);
  return Sessions(std::move(dates));
}

// 0 is Sunday.
unsigned weekday(Date date) { return std::chrono::weekday{date}.c_encoding(); }

bool on_weekdays(Date date) { return weekday(date) != 0 && weekday(date) != 6; }

int through(const Sessions& sessions) { return sessions_per_year(sessions, sessions.size() - 1); }

const Date first = day("2024-01-01");
const Date last = day("2025-06-30");

TEST(SessionsPerYear, AreThoseOfTheDaysOfTheWeek) {
  EXPECT_EQ(through(days(first, last, on_weekdays)), 252);
  EXPECT_EQ(through(days(first, last, [](Date) { return true; })), 365);
  // Sunday to Thursday, as in Tel Aviv: weekends are sessions, and yet they are five.
  EXPECT_EQ(through(days(first, last, [](Date date) { return weekday(date) < 5; })), 252);
  EXPECT_EQ(through(days(first, last, [](Date date) { return weekday(date) != 0; })), 313);
  EXPECT_EQ(through(days(first, last, [](Date date) { return weekday(date) == 3; })), 52);
}

// Every session of New York from 1991 on, as the years' holidays were.
TEST(SessionsPerYear, AreTheSameOnEverySessionOfAnExchange) {
  std::vector<Date> dates;
  for (const pb::core::Session& session : pb::core::nyse_sessions(day("1990-01-01"), day("2026-12-31")))
    if (std::none_of(pb::core::nyse_special_days().begin(), pb::core::nyse_special_days().end(),
                     [&](const auto& special) { return special.date == session.date && !special.is_open; }))
      dates.push_back(session.date);
  const Sessions sessions(std::move(dates));
  ASSERT_GT(sessions.size(), 9000);
  for (int i = 4; i < sessions.size(); ++i) ASSERT_EQ(sessions_per_year(sessions, i), 252) << i;
}

TEST(SessionsPerYear, KeepTheirNumberWithSingleExtraSessionsAndHolidays) {
  const Date extra = day("2025-03-08");  // a Saturday
  EXPECT_EQ(through(days(first, last, [&](Date date) { return on_weekdays(date) || date == extra; })), 252);
  // Every second Friday off: half of the weeks are enough.
  const auto shorter = [&](Date date) {
    return on_weekdays(date) && !(weekday(date) == 5 && (date - first).count() % 14 < 7);
  };
  EXPECT_EQ(through(days(first, day("2025-06-29"), shorter)), 252);
  // Two of three Fridays off: four days a week.
  const auto four = [&](Date date) {
    return on_weekdays(date) && !(weekday(date) == 5 && (date - first).count() % 21 < 14);
  };
  EXPECT_EQ(through(days(first, last, four)), 209);
}

TEST(SessionsPerYear, LookAtTheLastYearUpToTheSession) {
  const Date turn = day("2025-01-01");
  // Every day from the turn on.
  const Sessions sessions =
      days(first, day("2026-06-30"), [&](Date date) { return date >= turn || on_weekdays(date); });
  EXPECT_EQ(sessions_per_year(sessions, sessions.count_through(day("2024-12-31")) - 1), 252);
  EXPECT_EQ(sessions_per_year(sessions, sessions.count_through(day("2025-05-01")) - 1), 252);
  EXPECT_EQ(sessions_per_year(sessions, sessions.count_through(day("2025-08-01")) - 1), 365);
}

TEST(SessionsPerYear, CountFromTheBeginningOfAShortCalendar) {
  EXPECT_EQ(through(days(first, day("2024-01-14"), on_weekdays)), 252);
  EXPECT_EQ(through(Sessions({first})), 52);
}

TEST(SessionsPerYear, NeedASession) {
  EXPECT_EQ(sqlstate_of([] { sessions_per_year(Sessions(), 0); }), "22023");
  EXPECT_EQ(sqlstate_of([] { sessions_per_year(Sessions({first}), 1); }), "22023");
  EXPECT_EQ(sqlstate_of([] { sessions_per_year(Sessions({first}), -1); }), "22023");
}

}  // namespace
}  // namespace sessions_per_year_test
