#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "batch/run.hpp"

namespace pb::batch {

// A date's portfolios in shards that several sessions run beside each other, and the symbols whose rows each of them
// writes. Shard after shard, so that an array and the number of each shard's elements can travel through SQL.
struct ShardPlan {
  std::vector<core::Uuid> portfolio_ids;
  std::vector<std::int32_t> portfolio_counts;
  // Symbols by the shard that writes their rows, one of those that hold them: a second one that wrote them as well
  // would have to wait for the first one's commit. Each shard has about as many.
  std::vector<std::string> symbols;
  std::vector<std::int32_t> symbol_counts;
};

// Divides the portfolios, the largest first, so that each shard has about as many open positions as the others. The
// blocked ones will not be run, and so own no symbol. The same book gives the same plan.
ShardPlan plan_shards(const store::Store& store, std::span<const core::Uuid> portfolio_ids, core::Date day,
                      std::size_t shards, const std::set<core::Uuid>& blocked);

// Into how many shards so many portfolios are divided for some workers: one where the settings do not allow more.
std::size_t shard_count(const store::Store& store, std::int32_t workers, std::size_t portfolios);

// Runs one shard in the transaction at hand: the session's portfolios, without the rows of models that other shards
// write. What a worker of run_session_in_workers does.
void run_shard(const store::Store& store, const SessionOfRun& session, const std::vector<std::string>& other_symbols,
               std::int64_t number, std::int64_t shards);

// One session of a run whose portfolios are divided among background workers: the phases before the shards, the shards
// with the rights and settings of the caller, each in a transaction of its own, and what there is one of for the date.
// A shard that finds no worker is run by those that there are, or by this session. A shard that fails leaves failed
// jobs of its portfolios, and the others' results stay.
std::optional<pg::Failure> run_session_in_workers(const pg::Call& call, const SessionOfRun& session,
                                                  std::int32_t workers);

}  // namespace pb::batch
