#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "store/store.hpp"

namespace pb::store {

// The first and last day that the calendar covers.
struct CalendarBounds {
  core::Date first;
  core::Date last;
};

// Throws 22023 when the calendar has no sessions at all.
CalendarBounds calendar_bounds(const Store& store, const std::string& calendar);

// Throws 22008, naming the day and the bounds, when the calendar does not cover it.
void require_covered(const Store& store, const std::string& calendar, core::Date day);

// The sessions in [from, to].
core::Sessions load_sessions(const Store& store, const std::string& calendar, core::Date from, core::Date to);

// The sessions in [first, last] and the given number of sessions before them.
core::Sessions load_sessions_with_lookback(const Store& store, core::Date first, core::Date last, int lookback);

std::optional<core::Date> session_before(const Store& store, const std::string& calendar, core::Date day);
std::optional<core::Date> session_after(const Store& store, const std::string& calendar, core::Date day);

// The newest session whose close, as the exchange really closed that day, lies at least the settle delay in the past.
std::optional<core::Date> latest_closed_session(const Store& store);

// The same, for who needs one. Throws 22023 where the calendar has none.
core::Date latest_session(const Store& store);

// Throws 22023 unless the day is a session of the calendar that has closed and settled.
void require_closed_session(const Store& store, core::Date day);

}  // namespace pb::store
