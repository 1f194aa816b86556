#include "core/calendar/sessions_per_year.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"

namespace pb::core {

namespace {

constexpr int days_of_week = 7;
constexpr int days_of_year = 365;
constexpr int weeks_looked_at = 52;
constexpr int of_exchange = 252;  // sessions of an exchange that is open on five days a week

}  // namespace

int sessions_per_year(const Sessions& sessions, int session) {
  if (session < 0 || session >= sessions.size())
    throw Error(sqlstate::invalid_parameter, "a year's sessions are counted up to a session of the calendar");
  const Date last = sessions[session];
  const Date first = last - std::chrono::days{weeks_looked_at * days_of_week - 1};
  std::array<int, days_of_week> counts{};
  int i = session;
  for (; i >= 0 && sessions[i] >= first; --i) ++counts[std::chrono::weekday{sessions[i]}.c_encoding()];
  const int days = static_cast<int>((last - sessions[i + 1]).count()) + 1;
  const int weeks = (days + days_of_week - 1) / days_of_week;
  const auto regular = static_cast<int>(
      std::count_if(counts.begin(), counts.end(), [&](int count) { return count > 0 && 2 * count >= weeks; }));
  if (regular == 5) return of_exchange;
  return std::max(1, static_cast<int>(std::lround(static_cast<double>(days_of_year * regular) / days_of_week)));
}

}  // namespace pb::core
