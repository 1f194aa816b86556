#pragma once
#include "core/no_postgres.hpp"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace pb::core {

// A calendar day without time or zone: days since 1970-01-01 in the proleptic Gregorian calendar.
using Date = std::chrono::sys_days;

// A point in time, to the microsecond.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

// Writes a date as "YYYY-MM-DD", because every message and file of the project names days in ISO 8601. Years outside
// 0..9999 are printed with as many digits as they need.
inline std::string to_iso(Date date) {
  const std::chrono::year_month_day ymd{date};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                static_cast<unsigned>(ymd.day()));
  return text;
}

// Reads "YYYY-MM-DD"; none for any other text and for days that do not exist.
inline std::optional<Date> from_iso(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  char rest = 0;
  if (text.size() != 10 || std::sscanf(std::string(text).c_str(), "%4d-%2u-%2u%c", &year, &month, &day, &rest) != 3)
    return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!ymd.ok() || to_iso(Date{ymd}) != text) return std::nullopt;
  return Date{ymd};
}

}  // namespace pb::core
