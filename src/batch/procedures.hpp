#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "pg/function.hpp"

namespace pb::batch {

// What a caller may limit: how many sessions are run, how many workers share each, and how many sessions are committed
// together.
struct Limits {
  std::optional<std::int32_t> max_dates = std::nullopt;
  std::optional<std::int32_t> workers = std::nullopt;
  std::int32_t block = 1;
};

// The whole job of daily_batch: every session that is missing. The procedure is named in errors.
void run_missing(const pg::Call& call, const char* procedure, const std::optional<core::Date>& target,
                 const Limits& limits, const std::optional<std::vector<core::Uuid>>& portfolio_ids);

// Every session of the last days that has snapshots, once more.
void run_again(const pg::Call& call, std::int32_t days, const std::optional<std::vector<core::Uuid>>& portfolio_ids);

}  // namespace pb::batch
