#include "pg/time_zone.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "pgtime.h"
#include "utils/datetime.h"
}

namespace pb::pg {

namespace {

constexpr std::int64_t seconds_per_day = 86400;

// Whether a day since 1970 is in the years 1 to 9999, which the server and the standard library can both write.
bool is_in_range(std::int64_t day) { return day > -719162 && day < 2932896; }

pg_tz* find_zone(std::string_view name) {
  char terminated[TZ_STRLEN_MAX + 1];
  // A name with a NUL in it would be taken for what stands before.
  if (name.empty() || name.size() >= sizeof terminated || name.find('\0') != name.npos) return nullptr;
  std::memcpy(terminated, name.data(), name.size());
  terminated[name.size()] = '\0';
  pg_tz* zone = pg_call([&] { return pg_tzset(terminated); });
  return zone != nullptr && pg_tz_acceptable(zone) ? zone : nullptr;
}

}  // namespace

std::optional<core::Date> local_date(std::int64_t instant, std::string_view zone) {
  pg_tz* found = find_zone(zone);
  if (found == nullptr || !is_in_range(instant / seconds_per_day)) return std::nullopt;
  const pg_time_t time = instant;
  const struct pg_tm* clock = pg_localtime(&time, found);
  if (clock == nullptr) return std::nullopt;
  return core::Date(std::chrono::year(clock->tm_year + 1900) / (clock->tm_mon + 1) / clock->tm_mday);
}

std::optional<std::int64_t> start_of_day(core::Date day, std::string_view zone) {
  pg_tz* found = find_zone(zone);
  const std::int64_t days = day.time_since_epoch().count();
  if (found == nullptr || !is_in_range(days)) return std::nullopt;
  const std::chrono::year_month_day parts{day};
  struct pg_tm midnight = {};
  midnight.tm_year = static_cast<int>(parts.year());
  midnight.tm_mon = static_cast<int>(static_cast<unsigned>(parts.month()));
  midnight.tm_mday = static_cast<int>(static_cast<unsigned>(parts.day()));
  midnight.tm_isdst = -1;
  const int west = pg_call([&] { return DetermineTimeZoneOffset(&midnight, found); });
  return days * seconds_per_day + west;
}

}  // namespace pb::pg
