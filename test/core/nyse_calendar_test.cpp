#include "core/calendar/nyse_calendar.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/error.hpp"
#include "support.hpp"

namespace pb::core {

// Lets GoogleTest show a session of a failed comparison readably.
inline void PrintTo(const Session& session, std::ostream* out) {
  *out << to_iso(session.date) << " minutes " << session.open_minute << ".." << session.close_minute
       << (session.early_close ? " early" : "");
}

}  // namespace pb::core

namespace nyse_calendar_test {
namespace {

using namespace std::chrono_literals;
using pb::core::Date;
using pb::core::Session;
using pb::core::SpecialDay;
using pb::core::to_iso;
using pb::test::sqlstate_of;
using std::chrono::days;
using std::chrono::weekday;
using std::chrono::year;

using Row = std::vector<std::string>;
using Days = std::vector<std::string>;

// Builds the day in question from plain numbers, so that the facts below read like a table.
Date on(int y, unsigned m, unsigned d) { return year{y} / std::chrono::month{m} / std::chrono::day{d}; }

// Puts rules and special days together, as every reader of the calendar has to.
std::vector<Session> merged_sessions(Date from, Date to) {
  std::map<Date, Session> by_date;
  for (const Session& session : pb::core::nyse_sessions(from, to)) by_date[session.date] = session;
  for (const SpecialDay& special : pb::core::nyse_special_days()) {
    if (special.date < from || special.date > to) continue;
    by_date.erase(special.date);
    if (!special.is_open) continue;
    const int close_minute = special.close_minute.value_or(pb::core::nyse_close_minute);
    by_date[special.date] = {special.date, pb::core::nyse_open_minute, close_minute,
                             close_minute < pb::core::nyse_close_minute};
  }
  std::vector<Session> sessions;
  std::transform(by_date.begin(), by_date.end(), std::back_inserter(sessions),
                 [](auto& entry) { return entry.second; });
  return sessions;
}

// Lists the weekdays without a session.
Days closures(Date from, Date to) {
  Days closed;
  const std::vector<Session> sessions = merged_sessions(from, to);
  auto next = sessions.begin();
  for (Date date = from; date <= to; date += days{1}) {
    if (next != sessions.end() && next->date == date) {
      ++next;
    } else if (weekday{date}.iso_encoding() <= 5) {
      closed.push_back(to_iso(date));
    }
  }
  return closed;
}

Days closures(int y) { return closures(on(y, 1, 1), on(y, 12, 31)); }

// Lists the early closes as "YYYY-MM-DD HH:MM", New York local time.
Days early_closes(Date from, Date to) {
  Days early;
  for (const Session& session : merged_sessions(from, to)) {
    if (!session.early_close) continue;
    char close[16];
    std::snprintf(close, sizeof close, " %02d:%02d", session.close_minute / 60 % 24, session.close_minute % 60);
    early.push_back(to_iso(session.date) + close);
  }
  return early;
}

Days early_closes(int y) { return early_closes(on(y, 1, 1), on(y, 12, 31)); }

// Writes an instant as "YYYY-MM-DDTHH:MM:SSZ", the form of the reference files.
std::string to_iso_instant(std::chrono::sys_seconds instant) {
  const Date date = std::chrono::floor<days>(instant);
  const std::chrono::hh_mm_ss<std::chrono::seconds> time{instant - date};
  char text[32];
  std::snprintf(text, sizeof text, "T%02d:%02d:%02dZ", static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return to_iso(date) + text;
}

TEST(Date, IsWrittenInIso8601) {
  EXPECT_EQ(to_iso(on(1970, 1, 1)), "1970-01-01");
  EXPECT_EQ(to_iso(on(2024, 2, 29)), "2024-02-29");
  EXPECT_EQ(to_iso(on(987, 12, 3)), "0987-12-03");
}

TEST(NyseCalendar, CountsSessionsPerYear) {
  const std::vector<int> expected{
      253, 253, 254, 253, 252, 252, 254, 253, 252, 252,  // 1990-1999
      252, 248, 252, 252, 252, 252, 251, 251, 253, 252,  // 2000-2009
      252, 252, 250, 252, 252, 252, 252, 251, 251, 252,  // 2010-2019
      253, 252, 251, 250, 252, 250, 251, 251, 251, 251,  // 2020-2029
      251,                                               // 2030
  };
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const int y = 1990 + static_cast<int>(i);
    EXPECT_EQ(merged_sessions(on(y, 1, 1), on(y, 12, 31)).size(), static_cast<std::size_t>(expected[i])) << y;
  }
}

TEST(NyseCalendar, ClosesOnTheHolidaysOfEachEra) {
  EXPECT_EQ(closures(1990), (Days{"1990-01-01", "1990-02-19", "1990-04-13", "1990-05-28", "1990-07-04", "1990-09-03",
                                  "1990-11-22", "1990-12-25"}));
  // The last year without Martin Luther King Jr. Day, and the first with it (Independence Day on a Saturday).
  EXPECT_EQ(closures(1997), (Days{"1997-01-01", "1997-02-17", "1997-03-28", "1997-05-26", "1997-07-04", "1997-09-01",
                                  "1997-11-27", "1997-12-25"}));
  EXPECT_EQ(closures(1998), (Days{"1998-01-01", "1998-01-19", "1998-02-16", "1998-04-10", "1998-05-25", "1998-07-03",
                                  "1998-09-07", "1998-11-26", "1998-12-25"}));
  // The last year without Juneteenth, and the first with it (on a Sunday, as New Year's Day is on a Saturday).
  EXPECT_EQ(closures(2021), (Days{"2021-01-01", "2021-01-18", "2021-02-15", "2021-04-02", "2021-05-31", "2021-07-05",
                                  "2021-09-06", "2021-11-25", "2021-12-24"}));
  EXPECT_EQ(closures(2022), (Days{"2022-01-17", "2022-02-21", "2022-04-15", "2022-05-30", "2022-06-20", "2022-07-04",
                                  "2022-09-05", "2022-11-24", "2022-12-26"}));
  // Fixed dates on weekends, all at once: Juneteenth on Saturday, Independence Day on Sunday, Christmas on Saturday.
  EXPECT_EQ(closures(2027), (Days{"2027-01-01", "2027-01-18", "2027-02-15", "2027-03-26", "2027-05-31", "2027-06-18",
                                  "2027-07-05", "2027-09-06", "2027-11-25", "2027-12-24"}));
}

TEST(NyseCalendar, ClosesOnUnscheduledDays) {
  EXPECT_EQ(closures(1994), (Days{"1994-02-21", "1994-04-01", "1994-04-27", "1994-05-30", "1994-07-04", "1994-09-05",
                                  "1994-11-24", "1994-12-26"}));
  EXPECT_EQ(closures(2001),
            (Days{"2001-01-01", "2001-01-15", "2001-02-19", "2001-04-13", "2001-05-28", "2001-07-04", "2001-09-03",
                  "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2001-11-22", "2001-12-25"}));
  EXPECT_EQ(closures(2012), (Days{"2012-01-02", "2012-01-16", "2012-02-20", "2012-04-06", "2012-05-28", "2012-07-04",
                                  "2012-09-03", "2012-10-29", "2012-10-30", "2012-11-22", "2012-12-25"}));
  EXPECT_EQ(closures(2025), (Days{"2025-01-01", "2025-01-09", "2025-01-20", "2025-02-17", "2025-04-18", "2025-05-26",
                                  "2025-06-19", "2025-07-04", "2025-09-01", "2025-11-27", "2025-12-25"}));
  Days closed;
  for (const SpecialDay& special : pb::core::nyse_special_days()) {
    if (!special.is_open) closed.push_back(to_iso(special.date));
  }
  EXPECT_EQ(closed, (Days{"1994-04-27", "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2004-06-11",
                          "2007-01-02", "2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"}));
}

TEST(NyseCalendar, DoesNotMoveNewYearFromSaturday) {
  for (const int y : {1994, 2000, 2005, 2011, 2022, 2028, 2033}) {
    const Date eve = on(y - 1, 12, 31);
    ASSERT_EQ(weekday{eve}, std::chrono::Friday) << y;
    EXPECT_EQ(merged_sessions(eve, eve).size(), 1u) << y;
    EXPECT_EQ(merged_sessions(on(y, 1, 1), on(y, 1, 3)).size(), 1u) << y;
  }
}

TEST(NyseCalendar, FollowsEasterToItsExtremes) {
  EXPECT_EQ(closures(on(2008, 3, 1), on(2008, 4, 30)), Days{"2008-03-21"});
  EXPECT_EQ(closures(on(2011, 3, 1), on(2011, 4, 30)), Days{"2011-04-22"});
  EXPECT_EQ(closures(on(2035, 3, 1), on(2035, 4, 30)), Days{"2035-03-23"});
}

TEST(NyseCalendar, ClosesEarlyByTheRulesOfEachEra) {
  EXPECT_EQ(early_closes(1990), Days{"1990-12-24 14:00"});
  EXPECT_EQ(early_closes(1992), (Days{"1992-11-27 14:00", "1992-12-24 14:00"}));
  EXPECT_EQ(early_closes(1993), Days{"1993-11-26 13:00"});
  EXPECT_EQ(early_closes(1995), (Days{"1995-07-03 13:00", "1995-11-24 13:00"}));
  // Independence Day on a Thursday: the Friday after it until 2012, the Wednesday before it since 2013.
  EXPECT_EQ(early_closes(2002), (Days{"2002-07-05 13:00", "2002-11-29 13:00", "2002-12-24 13:00"}));
  EXPECT_EQ(early_closes(2013), (Days{"2013-07-03 13:00", "2013-11-29 13:00", "2013-12-24 13:00"}));
  // Independence Day on a Friday, Saturday, Sunday and Monday.
  EXPECT_EQ(early_closes(2014), (Days{"2014-07-03 13:00", "2014-11-28 13:00", "2014-12-24 13:00"}));
  EXPECT_EQ(early_closes(2020), (Days{"2020-11-27 13:00", "2020-12-24 13:00"}));
  EXPECT_EQ(early_closes(2021), Days{"2021-11-26 13:00"});
  EXPECT_EQ(early_closes(2022), Days{"2022-11-25 13:00"});
  EXPECT_EQ(early_closes(on(1990, 1, 1), on(2030, 12, 31)).size(), 88u);
}

TEST(NyseCalendar, ClosesEarlyOnceWithoutARule) {
  EXPECT_EQ(early_closes(1997), (Days{"1997-07-03 13:00", "1997-11-28 13:00", "1997-12-24 13:00", "1997-12-26 13:00"}));
  EXPECT_EQ(early_closes(1999), (Days{"1999-11-26 13:00", "1999-12-31 13:00"}));
  EXPECT_EQ(early_closes(2003), (Days{"2003-07-03 13:00", "2003-11-28 13:00", "2003-12-24 13:00", "2003-12-26 13:00"}));
  EXPECT_EQ(early_closes(2008), (Days{"2008-07-03 13:00", "2008-11-28 13:00", "2008-12-24 13:00"}));
}

// A special day that the rules already give would be a second truth about the same day.
TEST(NyseCalendar, KeepsSpecialDaysApartFromTheRules) {
  const std::vector<SpecialDay>& specials = pb::core::nyse_special_days();
  for (std::size_t i = 0; i < specials.size(); ++i) {
    const SpecialDay& special = specials[i];
    SCOPED_TRACE(to_iso(special.date));
    if (i > 0) {
      EXPECT_LT(specials[i - 1].date, special.date);
    }
    EXPECT_EQ(special.is_open, special.close_minute.has_value());
    EXPECT_NE(std::string{special.reason}, "");
    const Session regular{special.date, pb::core::nyse_open_minute, pb::core::nyse_close_minute, false};
    EXPECT_EQ(pb::core::nyse_sessions(special.date, special.date), std::vector<Session>{regular});
  }
}

TEST(NyseCalendar, GivesTheSameDaysForAnyRange) {
  const std::vector<Session> all = pb::core::nyse_sessions(pb::core::nyse_first_day, pb::core::nyse_last_day);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.date < b.date; }));
  const Date from = on(1999, 12, 20);
  const Date to = on(2002, 1, 10);
  std::vector<Session> within;
  std::copy_if(all.begin(), all.end(), std::back_inserter(within),
               [&](const Session& session) { return session.date >= from && session.date <= to; });
  EXPECT_EQ(pb::core::nyse_sessions(from, to), within);
  EXPECT_EQ(pb::core::nyse_sessions(on(2024, 7, 4), on(2024, 7, 4)), std::vector<Session>{});
  EXPECT_EQ(pb::core::nyse_sessions(on(2024, 7, 5), on(2024, 7, 3)), std::vector<Session>{});
}

TEST(NyseCalendar, RefusesDaysItDoesNotCover) {
  const auto refuses = [](auto&& call) { return sqlstate_of(call) == pb::core::sqlstate::date_out_of_range; };
  EXPECT_TRUE(refuses([] { pb::core::nyse_sessions(on(1989, 12, 31), on(1990, 1, 31)); }));
  EXPECT_TRUE(refuses([] { pb::core::nyse_sessions(on(2035, 12, 1), on(2036, 1, 1)); }));
  EXPECT_TRUE(refuses([] { pb::core::new_york_utc_offset(on(1989, 12, 31), 0); }));
  EXPECT_TRUE(refuses([] { pb::core::new_york_utc_offset(on(2036, 1, 1), 0); }));
  for (const int minute : {-1, 1440})
    EXPECT_EQ(sqlstate_of([&] { pb::core::new_york_utc_offset(on(2024, 1, 2), minute); }),
              pb::core::sqlstate::invalid_parameter);
}

TEST(NewYork, ChangesClocksAtTwoByTheRulesOfEachEra) {
  using pb::core::new_york_utc_offset;
  const int before = 119;
  const int at_two = 120;
  for (const Date spring : {on(1990, 4, 1), on(2006, 4, 2), on(2007, 3, 11), on(2024, 3, 10), on(2035, 3, 11)}) {
    SCOPED_TRACE(to_iso(spring));
    EXPECT_EQ(new_york_utc_offset(spring - days{1}, 1439), -5h);
    EXPECT_EQ(new_york_utc_offset(spring, before), -5h);
    EXPECT_EQ(new_york_utc_offset(spring, at_two), -4h);
  }
  for (const Date autumn : {on(1990, 10, 28), on(2006, 10, 29), on(2007, 11, 4), on(2024, 11, 3), on(2035, 11, 4)}) {
    SCOPED_TRACE(to_iso(autumn));
    EXPECT_EQ(new_york_utc_offset(autumn, before), -4h);
    EXPECT_EQ(new_york_utc_offset(autumn, at_two), -5h);
    EXPECT_EQ(new_york_utc_offset(autumn + days{1}, 0), -5h);
  }
}

TEST(NewYork, GivesInstantsInUtc) {
  const auto instants = [](Date date) {
    const Session session = merged_sessions(date, date).at(0);
    return std::pair{to_iso_instant(open_at(session)), to_iso_instant(close_at(session))};
  };
  EXPECT_EQ(instants(on(2024, 1, 2)),
            (std::pair<std::string, std::string>{"2024-01-02T14:30:00Z", "2024-01-02T21:00:00Z"}));
  EXPECT_EQ(instants(on(2024, 7, 3)),
            (std::pair<std::string, std::string>{"2024-07-03T13:30:00Z", "2024-07-03T17:00:00Z"}));
  EXPECT_EQ(instants(on(1992, 11, 27)),
            (std::pair<std::string, std::string>{"1992-11-27T14:30:00Z", "1992-11-27T19:00:00Z"}));
}

// Compares every day with reference lists (an independent calendar library's sessions, and lists of holidays and early
// closes), which are too large to be part of the tree. PB_SHARED_DATA names the directory that has them.
class NyseReference : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* name = std::getenv("PB_SHARED_DATA");
    if (name == nullptr || !std::filesystem::is_directory(name)) {
      GTEST_SKIP() << "PB_SHARED_DATA does not name a directory: every-day comparison with reference lists not made";
    }
    directory_ = name;
  }

  // Reads a comma-separated file without its header line.
  std::vector<Row> read(const char* file_name) const {
    std::ifstream file(directory_ / file_name);
    EXPECT_TRUE(file.is_open()) << file_name;
    std::vector<Row> rows;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      Row row;
      std::istringstream fields(line.substr(0, line.find('\r')));
      for (std::string field; std::getline(fields, field, ',');) row.push_back(field);
      if (!row.empty()) rows.push_back(row);
    }
    EXPECT_FALSE(rows.empty()) << file_name;
    return rows;
  }

 private:
  std::filesystem::path directory_;
};

// Says where two lists differ, one line a difference, instead of printing thousands of equal lines.
std::string differences(const Days& ours, const Days& theirs) {
  Days only_ours;
  Days only_theirs;
  std::set_difference(ours.begin(), ours.end(), theirs.begin(), theirs.end(), std::back_inserter(only_ours));
  std::set_difference(theirs.begin(), theirs.end(), ours.begin(), ours.end(), std::back_inserter(only_theirs));
  std::string text;
  for (const std::string& day : only_ours) text += "calendar only: " + day + "\n";
  for (const std::string& day : only_theirs) text += "reference only: " + day + "\n";
  if (text.empty() && ours.size() != theirs.size()) text = "a list repeats a day";
  return text;
}

TEST_F(NyseReference, EverySessionWithOpenAndCloseTo2022) {
  Days theirs;
  for (const Row& row : read("xnys_sessions_1990_2022.csv")) {
    theirs.push_back(row.at(0) + " " + row.at(1) + " " + row.at(2));
  }
  Days ours;
  for (const Session& session : merged_sessions(on(1990, 1, 1), on(2022, 12, 31))) {
    ours.push_back(to_iso(session.date) + " " + to_iso_instant(open_at(session)) + " " +
                   to_iso_instant(close_at(session)));
  }
  EXPECT_EQ(differences(ours, theirs), "");
}

TEST_F(NyseReference, EveryClosedWeekdayTo2030) {
  Days theirs;
  for (const Row& row : read("nyse_holidays_1990_2030.csv")) theirs.push_back(row.at(0));
  EXPECT_EQ(differences(closures(on(1990, 1, 1), on(2030, 12, 31)), theirs), "");
}

TEST_F(NyseReference, EveryEarlyCloseTo2030) {
  Days theirs;
  for (const Row& row : read("nyse_early_closes_1990_2030.csv")) theirs.push_back(row.at(0) + " " + row.at(2));
  EXPECT_EQ(differences(early_closes(on(1990, 1, 1), on(2030, 12, 31)), theirs), "");
}

}  // namespace
}  // namespace nyse_calendar_test
