#include "store/shard_store.hpp"

#include <algorithm>

#include "pg/query.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

void lock_job_numbers(const Store& store, std::int64_t run_id) {
  pg::execute("SELECT pg_advisory_xact_lock(hashtextextended('portfolio_batch jobs ' || $2 || ' ' || $1, 0))",
              Args{Type::int8, Type::text}.add(run_id).add(store.schema()));
}

void each_open_position(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                        const std::function<void(const core::Uuid&, std::string_view)>& callback) {
  const std::string events = store.table("position_realized_events");
  pg::each_row(
      "SELECT p.portfolio_id, CASE WHEN p.investment_class = 'PRIVATE' OR p.quantity = 0 OR (p.portfolio_id, p.id) IN"
      " (SELECT portfolio_id, position_id FROM " +
          events +
          " WHERE portfolio_id = ANY ($1)) THEN NULL"
          " WHEN p.investment_class = 'OPTIONS' OR length(p.position_type) = 2 THEN"
          " CASE WHEN abs(g.delta) < 'infinity' AND g.underlying_price > 0 AND g.underlying_price < 'infinity'"
          " THEN p.underlying_symbol END ELSE p.symbol END FROM " +
          store.table("positions") + " p LEFT JOIN " + store.table("position_greeks") +
          " g ON g.portfolio_id = p.portfolio_id AND g.position_id = p.id AND g.calculation_date = $2"
          " AND g.delta IS NOT NULL WHERE p.portfolio_id = ANY ($1) AND p.entry_date <= $2"
          " AND (p.exit_date IS NULL OR p.exit_date > $2) AND p.deleted_at IS NULL",
      Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
      {required(Type::uuid, "positions.portfolio_id"), nullable(Type::text)},
      [&](const RowView& row) { callback(row.uuid(0), row.text(1)); });
}

std::vector<ShardPhase> take_shard_phases(const Store& store, std::int64_t run_id, core::Date day) {
  std::vector<ShardPhase> taken;
  pg::each_row(
      "DELETE FROM " + store.table("batch_jobs") +
          " WHERE run_id = $1 AND calculation_date = $2 AND job_type = 'phase' AND detail ? 'shard'"
          " RETURNING phase, status, processed, skipped, failed, rows_written, started_at, completed_at,"
          " (detail ->> 'shard')::bigint, detail ->> 'text'",
      Args{Type::int8, Type::date}.add(run_id).add(day),
      {required(Type::text, "batch_jobs.phase"), required(Type::text, "batch_jobs.status"),
       required(Type::int8, "batch_jobs.processed"), required(Type::int8, "batch_jobs.skipped"),
       required(Type::int8, "batch_jobs.failed"), required(Type::int8, "batch_jobs.rows_written"),
       required(Type::timestamptz, "batch_jobs.started_at"), required(Type::timestamptz, "batch_jobs.completed_at"),
       required(Type::int8, "batch_jobs.detail"), nullable(Type::text)},
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
