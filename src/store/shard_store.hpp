#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/run_store.hpp"

namespace pb::store {

// Waits until no other session is about to commit jobs of the run, and keeps others waiting until the end of the
// transaction. To be called right before the last write_jobs of a transaction: jobs are numbered by what is committed.
void lock_job_numbers(const Store& store, std::int64_t run_id);

// Calls back with the portfolio of each position that is open on the day, and the symbol under which the risk engines
// are sure to book it: empty where that depends on more than the position itself, as after a partial close. To name one
// too few costs some waiting, one too many would leave its rows unwritten.
void each_open_position(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                        const std::function<void(const core::Uuid&, std::string_view)>& callback);

// What one shard reported of one phase.
struct ShardPhase {
  Job job;
  std::int64_t shard;
  std::string text;
};

// Takes the shards' rows of phases out of the log of a run, where one row for the date takes the place of them all;
// in the order of shards.
std::vector<ShardPhase> take_shard_phases(const Store& store, std::int64_t run_id, core::Date day);

}  // namespace pb::store
