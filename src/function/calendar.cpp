// The trading calendar: its sessions as the tables have them, and the NYSE's as the rules give them.
#include <cstdint>
#include <optional>
#include <string>

#include "core/calendar/nyse_calendar.hpp"
#include "pg/function.hpp"
#include "store/calendar_store.hpp"

namespace pb::function {

namespace {

using core::Date;

// The calendar named by the argument, or by the setting when it is NULL.
std::string calendar_argument(const pg::Call& call, const store::Store& store, int index) {
  return call.text(index).value_or(store.settings().calendar);
}

}  // namespace

PB_FUNCTION(pb_is_session) {
  const auto day = call.date(0);
  if (!day) return call.return_null();
  const store::Store store(call);
  const std::string calendar = calendar_argument(call, store, 1);
  store::require_covered(store, calendar, *day);
  call.return_bool(!store::load_sessions(store, calendar, *day, *day).empty());
}

PB_FUNCTION(pb_previous_session) {
  const auto day = call.date(0);
  if (!day) return call.return_null();
  const store::Store store(call);
  const std::string calendar = calendar_argument(call, store, 1);
  store::require_covered(store, calendar, *day);
  call.return_date(store::session_before(store, calendar, *day));
}

PB_FUNCTION(pb_next_session) {
  const auto day = call.date(0);
  if (!day) return call.return_null();
  const store::Store store(call);
  const std::string calendar = calendar_argument(call, store, 1);
  store::require_covered(store, calendar, *day);
  call.return_date(store::session_after(store, calendar, *day));
}

PB_FUNCTION(pb_sessions_between) {
  pg::RowBuffer rows({{"session_date", pg::Type::date}});
  const auto from = call.date(0);
  const auto to = call.date(1);
  if (from && to && *from <= *to) {
    const store::Store store(call);
    const std::string calendar = calendar_argument(call, store, 2);
    store::require_covered(store, calendar, *from);
    store::require_covered(store, calendar, *to);
    for (const Date day : store::load_sessions(store, calendar, *from, *to).dates()) rows.add(day);
  }
  call.return_rows(rows);
}

PB_FUNCTION(pb_latest_closed_session) {
  const store::Store store(call);
  call.return_date(store::latest_closed_session(store));
}

PB_FUNCTION(pb_nyse_calendar) {
  using pg::Type;
  pg::RowBuffer rows({{"session_date", Type::date},
                      {"open_at", Type::timestamptz},
                      {"close_at", Type::timestamptz},
                      {"is_early_close", Type::boolean}});
  const auto micros = [](std::chrono::sys_seconds at) {
    return static_cast<std::int64_t>(at.time_since_epoch().count()) * 1000000;
  };
  const auto from = call.date(0).value_or(core::nyse_first_day);
  const auto to = call.date(1).value_or(core::nyse_last_day);
  for (const core::Session& session : core::nyse_sessions(from, to))
    rows.add(session.date)
        .add(micros(core::open_at(session)))
        .add(micros(core::close_at(session)))
        .add(session.early_close);
  call.return_rows(rows);
}

PB_FUNCTION(pb_nyse_special_closures) {
  using pg::Type;
  pg::RowBuffer rows(
      {{"exception_date", Type::date}, {"is_open", Type::boolean}, {"close_time", Type::time}, {"reason", Type::text}});
  for (const core::SpecialDay& day : core::nyse_special_days()) {
    rows.add(day.date).add(day.is_open);
    if (day.close_minute)
      rows.add(static_cast<std::int64_t>(*day.close_minute) * 60000000);
    else
      rows.null();
    rows.add(day.reason);
  }
  call.return_rows(rows);
}

}  // namespace pb::function
