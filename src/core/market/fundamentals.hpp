// What is known of the fundamentals of a symbol, and the days that name fiscal periods.
#pragma once
#include "core/no_postgres.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/calendar/date.hpp"
#include "core/market/data.hpp"

namespace pb::market {

// What a symbol is, as far as fundamentals depend on it.
enum class InstrumentClass { equity, etf, fund, option, other, private_asset };

enum class EarningsStatus { estimate, window, confirmed, reported };

// The next report of earnings, or the newest: a day, or a window of days.
struct Earnings {
  core::Date first, last;
  EarningsStatus status = EarningsStatus::estimate;
};

// A row of fundamental_state: what came of the attempts to have one kind of data of a symbol.
struct FundamentalState {
  std::string provider = {};                           // whose series is kept; empty: none yet
  std::optional<std::int64_t> last_attempt_at = {};    // microseconds since the Unix epoch
  std::optional<std::int64_t> last_success_at = {};    // of the last answer with data
  std::optional<core::Date> answered_for = {};         // session as of which the last answer came, data or none
  std::optional<core::Date> last_period_end = {};      // of the newest quarter with all three statements
  std::optional<core::Date> expected_period_end = {};  // of the quarter that comes next
  std::optional<Earnings> earnings = {};
  int attempts_since_due = 0;  // answers in a row without the expected quarter
  int no_data_count = 0;       // answers without data in a row
  int failure_count = 0;       // failures in a row
};

inline core::Date end_of_month(std::chrono::year_month month) {
  return core::Date{month.year() / month.month() / std::chrono::last};
}

// The day that names a fiscal period: the nearest end of a month within 10 days, since providers differ (28 September
// and 30 September) and a year of 52 or 53 weeks ends on another day each time. The day itself where none is as near.
inline core::Date canonical_period_end(core::Date reported) {
  const std::chrono::year_month_day ymd{reported};
  const std::chrono::year_month month{ymd.year(), ymd.month()};
  constexpr std::chrono::days reach{10};
  if (const core::Date end = end_of_month(month); end - reported <= reach) return end;
  if (const core::Date end = end_of_month(month - std::chrono::months{1}); reported - end <= reach) return end;
  return reported;
}

}  // namespace pb::market
