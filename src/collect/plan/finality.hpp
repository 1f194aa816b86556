// Whether a price is final: its session has closed and settled, and the provider's answer is from after the close.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>

#include "core/calendar/date.hpp"

namespace pb::collect {

// The newest session that has closed and settled (early closes are closes), and when it closed.
struct SettledSession {
  core::Date day;
  std::int64_t close = 0;  // seconds since the Unix epoch
};

// market_time: of the newest trade that the provider knew of, seconds since the Unix epoch; none where it does not say.
bool is_final(core::Date day, const SettledSession& newest, std::optional<std::int64_t> market_time);

}  // namespace pb::collect
