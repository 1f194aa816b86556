#include "store/shard_store.hpp"

#include <algorithm>

#include "pg/query.hpp"

namespace pb::store {

using pg::Args;
using pg::RowView;
using pg::Type;

void lock_job_numbers(const Store& store, std::int64_t run_id) {
  pg::execute("SELECT pg_advisory_xact_lock(hashtextextended('portfolio_batch jobs ' || $2 || ' ' || $1, 0))",
              Args{Type::int8, Type::text}.add(run_id).add(store.schema()));
}

std::vector<ShardPhase> take_shard_phases(const Store& store, std::int64_t run_id, core::Date day) {
  std::vector<ShardPhase> taken;
  pg::each_row("DELETE FROM " + store.table("batch_jobs") +
                   " WHERE run_id = $1 AND calculation_date = $2 AND job_type = 'phase' AND detail ? 'shard'"
                   " RETURNING phase, status, processed, skipped, failed, rows_written, started_at, completed_at,"
                   " (detail ->> 'shard')::bigint, detail ->> 'text'",
               Args{Type::int8, Type::date}.add(run_id).add(day),
               {Type::text, Type::text, Type::int8, Type::int8, Type::int8, Type::int8, Type::timestamptz,
                Type::timestamptz, Type::int8, Type::text},
               [&](const RowView& row) {
                 Job job{.name = {},
                         .type = "phase",
                         .phase = row.text_or_empty(0),
                         .portfolio_id = std::nullopt,
                         .calculation_date = day,
                         .status = row.text_or_empty(1),
                         .processed = row.int8(2),
                         .skipped = row.int8(3),
                         .failed = row.int8(4),
                         .rows_written = row.int8(5),
                         .started_at = row.timestamptz(6),
                         .completed_at = row.timestamptz(7)};
                 taken.push_back({std::move(job), row.int8(8), row.text_or_empty(9)});
               });
  std::stable_sort(taken.begin(), taken.end(),
                   [](const ShardPhase& a, const ShardPhase& b) { return a.shard < b.shard; });
  return taken;
}

}  // namespace pb::store
