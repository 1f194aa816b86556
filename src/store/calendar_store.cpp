#include "store/calendar_store.hpp"

#include <algorithm>
#include <vector>

#include "core/error.hpp"
#include "pg/select.hpp"

namespace pb::store {

using core::Date;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

struct SessionRow {
  Date date;
};

// From the view and what follows.
core::Sessions collect_sessions(const std::string& source, const Args& args) {
  static const auto columns = pg::select("trading_sessions", field("session_date", &SessionRow::date));
  std::vector<Date> dates;
  columns.from(source, args, [&](const SessionRow& row) { dates.push_back(row.date); });
  return core::Sessions(std::move(dates));
}

// The last or the first session that satisfies a condition over the calendar $1 and $2. Most calls need to look no
// further than a month, and the view over the whole calendar is long.
std::optional<Date> nearest_session(const Store& store, const char* aggregate, const std::string& condition,
                                    const std::string& near, const Args& args) {
  const std::string select = std::string("(SELECT ") + aggregate + "(session_date) FROM " +
                             store.table("trading_sessions") + " WHERE calendar = $1 AND " + condition;
  struct Row {
    std::optional<Date> date;
  };
  return pg::select("trading_sessions", field("nearest.date", &Row::date))
      .only_row("SELECT coalesce(" + select + " AND " + near + "), " + select + "))", args)
      .date;
}

}  // namespace

CalendarBounds calendar_bounds(const Store& store, const std::string& calendar) {
  struct Row {
    std::optional<Date> first, last;
  };
  static const auto columns = pg::select("trading_calendar", field("least(regular.first, special.first)", &Row::first),
                                         field("greatest(regular.last, special.last)", &Row::last));
  std::optional<CalendarBounds> bounds;
  columns.from("(SELECT min(session_date), max(session_date) FROM " + store.table("trading_calendar") +
                   " WHERE calendar = $1 AND isfinite(session_date)) regular (first, last),"
                   " (SELECT min(exception_date), max(exception_date) FROM " +
                   store.table("trading_calendar_exceptions") +
                   " WHERE calendar = $1 AND is_open AND isfinite(exception_date)) special (first, last)",
               Args{Type::text}.add(calendar), [&](const Row& row) {
                 if (row.first) bounds = CalendarBounds{*row.first, *row.last};
               });
  if (bounds) return *bounds;
  throw core::Error(core::sqlstate::invalid_parameter, "trading calendar \"" + calendar + "\" has no sessions",
                    "Table " + store.table("trading_calendar") + " holds none for it.",
                    "Run create_analytics_tables() to load the NYSE calendar, or set portfolio_batch.calendar.");
}

void require_covered(const Store& store, const std::string& calendar, Date day) {
  const CalendarBounds bounds = calendar_bounds(store, calendar);
  if (day >= bounds.first && day <= bounds.last) return;
  throw core::Error(core::sqlstate::date_out_of_range,
                    "date " + core::to_iso(day) + " is outside the trading calendar \"" + calendar + "\"",
                    "The calendar covers " + core::to_iso(bounds.first) + " to " + core::to_iso(bounds.last) + ".",
                    "Use a date it covers, or add sessions to " + store.table("trading_calendar") + ".");
}

core::Sessions load_sessions(const Store& store, const std::string& calendar, Date from, Date to) {
  return collect_sessions(
      store.table("trading_sessions") + " WHERE calendar = $1 AND session_date BETWEEN $2 AND $3 ORDER BY session_date",
      Args{Type::text, Type::date, Type::date}.add(calendar).add(from).add(to));
}

core::Sessions load_sessions_with_lookback(const Store& store, Date first, Date last, int lookback) {
  std::vector<Date> near =
      load_sessions(store, store.settings().calendar, first - std::chrono::days{2 * lookback + 30}, last).dates();
  const auto earlier = std::upper_bound(near.begin(), near.end(), first) - near.begin();
  if (earlier > lookback) {
    near.erase(near.begin(), near.begin() + (earlier - lookback - 1));
    return core::Sessions(std::move(near));
  }
  // The calendar has gaps, or begins here.
  const std::string sessions = store.table("trading_sessions");
  return collect_sessions(
      sessions +
          " WHERE calendar = $1 AND session_date <= $3 AND session_date >= coalesce("
          "(SELECT min(session_date) FROM (SELECT session_date FROM " +
          sessions +
          " WHERE calendar = $1 AND session_date <= $2 ORDER BY session_date DESC LIMIT $4) earlier), $2)"
          " ORDER BY session_date",
      Args{Type::text, Type::date, Type::date, Type::int4}
          .add(store.settings().calendar)
          .add(first)
          .add(last)
          .add(lookback + 1));
}

std::optional<Date> session_before(const Store& store, const std::string& calendar, Date day) {
  return nearest_session(store, "max", "session_date < $2", "session_date > $2 - 30",
                         Args{Type::text, Type::date}.add(calendar).add(day));
}

std::optional<Date> session_after(const Store& store, const std::string& calendar, Date day) {
  return nearest_session(store, "min", "session_date > $2", "session_date < $2 + 30",
                         Args{Type::text, Type::date}.add(calendar).add(day));
}

std::optional<Date> latest_closed_session(const Store& store) {
  return nearest_session(
      store, "max", "close_at + make_interval(mins => $2) <= now()",
      "session_date BETWEEN (now() AT TIME ZONE 'UTC')::date - 30 AND (now() AT TIME ZONE 'UTC')::date + 1",
      Args{Type::text, Type::int4}.add(store.settings().calendar).add(store.settings().settle_delay_minutes));
}

void require_closed_session(const Store& store, Date day) {
  const std::string& calendar = store.settings().calendar;
  require_covered(store, calendar, day);
  const auto latest = latest_closed_session(store);
  if (load_sessions(store, calendar, day, day).empty()) {
    const auto before = session_before(store, calendar, day);
    throw core::Error(core::sqlstate::invalid_parameter,
                      core::to_iso(day) + " is not a session of the calendar \"" + calendar + "\"",
                      before ? "The session before it is " + core::to_iso(*before) + "." : "",
                      "Name a session; sessions_between(from, to) lists them.");
  }
  if (!latest || day > *latest)
    throw core::Error(core::sqlstate::invalid_parameter,
                      "session " + core::to_iso(day) + " has not closed and settled yet",
                      latest ? "The latest closed session is " + core::to_iso(*latest) + "." : "",
                      "Name an earlier session, or leave the date out to use the latest closed one.");
}

Date latest_session(const Store& store) {
  if (const auto latest = latest_closed_session(store)) return *latest;
  throw core::Error(core::sqlstate::invalid_parameter,
                    "the calendar \"" + store.settings().calendar + "\" has no closed session",
                    "No session in " + store.table("trading_sessions") + " lies in the past.",
                    "Run create_analytics_tables() to load the NYSE calendar, or set portfolio_batch.calendar.");
}

}  // namespace pb::store
