#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <span>

#include "batch/open_run.hpp"
#include "batch/shard_plan.hpp"

namespace pb::batch {

// Ends a date whose shards are done: one row of the log for each phase in the place of those of the shards, failed jobs
// for the portfolios of shards that failed as a whole, and rows that portfolios share and nobody has written.
void close_date(const store::Store& store, const SessionOfRun& session, std::span<const Shard> shards, int workers,
                std::int64_t busy);

}  // namespace pb::batch
