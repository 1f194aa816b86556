#pragma once
#include "core/no_postgres.hpp"

#include <span>

#include "batch/run.hpp"
#include "batch/work_list.hpp"

namespace pb::batch {

// Runs the dates of a work list, oldest first. All of them share one reading of the prices; where those would take
// more than portfolio_batch.max_memory, as many dates at a time as it holds. The results are the same however many:
// what is estimated for a date depends on its own windows alone. newest: the list ends with the last date of the run.
void run_in_blocks(Run& run, const store::Store& store, const WorkList& work, std::span<const core::Uuid> portfolio_ids,
                   bool newest, Progress progress, pg::RowBuffer& result);

// What a run leaves outstanding: a date that was filled changes what later ones were computed from. Runs it as well, as
// long as that gets anything done, and says what is left in the end.
void run_what_is_left(Run& run, const store::Store& base, const WorkList& done,
                      std::span<const core::Uuid> portfolio_ids, core::Date target, pg::RowBuffer& result);

}  // namespace pb::batch
