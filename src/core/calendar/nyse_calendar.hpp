#pragma once
#include "core/no_postgres.hpp"

#include <chrono>
#include <optional>
#include <vector>

#include "core/calendar/date.hpp"

namespace pb::core {

// The trading calendar of the New York Stock Exchange, 1990 to 2035, in two parts that a caller puts together:
//
//   * nyse_sessions(): what the exchange's rules say, including the rules' own history (a holiday or an early close
//     exists only from the year in which it was introduced). Future years follow the rules in force today.
//   * nyse_special_days(): what no rule explains, such as days of national mourning, and early closes decided for one
//     year only. A special day replaces the session of the same date.
//
// They are kept apart because the second part grows: the next unscheduled closure is a new row of exceptions, while the
// rules stay as they are. All wall-clock times are New York local time. Trading halts and late openings within a
// session (storms, circuit breakers, memorials) are not part of the calendar: such a day is still a session, it still
// has a closing price, and taking its close at the regular hour never declares a price final too early.

// First day covered. Earlier days are refused, since older eras had rules that are not described here.
inline constexpr Date nyse_first_day = std::chrono::year{1990} / std::chrono::January / 1;

// Last day covered. Later days are refused rather than guessed.
inline constexpr Date nyse_last_day = std::chrono::year{2035} / std::chrono::December / 31;

// Regular opening, 09:30 New York local time, in minutes after midnight (since 1985-09-30).
inline constexpr int nyse_open_minute = 9 * 60 + 30;

// Regular close, 16:00 New York local time, in minutes after midnight (since 1974-10-01).
inline constexpr int nyse_close_minute = 16 * 60;

// One trading day; the minutes count from midnight, New York local time.
struct Session {
  Date date;
  int open_minute;
  int close_minute;
  bool early_close;  // the close is before the regular 16:00

  bool operator==(const Session&) const = default;
};

// One day that departs from the rules. A closed day has no close_minute; an open day closes at close_minute (New York
// local) and opens at the regular time.
struct SpecialDay {
  Date date;
  bool is_open;
  std::optional<int> close_minute;
  const char* reason;
};

// Lists the sessions that the rules give for from..to, both included, in ascending order; empty when from > to.
// Special days are not applied. Throws Error 22023 when either end is outside nyse_first_day..nyse_last_day.
std::vector<Session> nyse_sessions(Date from, Date to);

// Lists the days on which the exchange departed from its rules, in ascending order, each date once.
const std::vector<SpecialDay>& nyse_special_days();

// Gives New York local time minus UTC (-5 h or -4 h) at a local wall-clock minute (0..1439) of a date, by the daylight
// saving rules of the United States, because the standard library has no time-zone database here. In the hour that
// autumn repeats the first passage (daylight time) is meant; in the hour that spring skips daylight time applies.
// Throws Error 22023 for a date outside nyse_first_day..nyse_last_day or a minute outside 0..1439.
std::chrono::seconds new_york_utc_offset(Date date, int minute);

// Gives the instant at which a session opens, in UTC, so that it can be stored and compared without a time zone.
std::chrono::sys_seconds open_at(const Session& session);

// Gives the instant at which a session closes, in UTC: from here on its closing prices can become final.
std::chrono::sys_seconds close_at(const Session& session);

}  // namespace pb::core
