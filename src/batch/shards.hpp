#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "batch/open_run.hpp"
#include "pg/function.hpp"
#include "pg/server_error.hpp"

namespace pb::batch {

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
