#pragma once
#include "core/no_postgres.hpp"

#include <chrono>
#include <cstdio>
#include <string>

namespace pb::core {

// A calendar day without time or zone: days since 1970-01-01 in the proleptic Gregorian calendar.
using Date = std::chrono::sys_days;

// Writes a date as "YYYY-MM-DD", because every message and file of the project names days in ISO 8601. Years outside
// 0..9999 are printed with as many digits as they need.
inline std::string to_iso(Date date) {
  const std::chrono::year_month_day ymd{date};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                static_cast<unsigned>(ymd.day()));
  return text;
}

}  // namespace pb::core
