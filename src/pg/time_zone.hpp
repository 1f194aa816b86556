#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/calendar/date.hpp"

namespace pb::pg {

// The local day of an instant (seconds since the Unix epoch) in a time zone of the IANA database, by the server's
// copy of it. None where the zone is not known, or the instant is out of the server's range.
std::optional<core::Date> local_date(std::int64_t instant, std::string_view zone);

// The instant (seconds since the Unix epoch) at which a local day begins. Where the clock skips midnight, the day
// begins an hour later. None where the zone is not known, or the day is out of the server's range.
std::optional<std::int64_t> start_of_day(core::Date day, std::string_view zone);

}  // namespace pb::pg
