#include "store/shard_store.hpp"

#include <algorithm>

#include "pg/select.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

void lock_job_numbers(const Store& store, std::int64_t run_id) {
  pg::execute("SELECT pg_advisory_xact_lock(hashtextextended('portfolio_batch jobs ' || $2 || ' ' || $1, 0))",
              Args{Type::int8, Type::text}.add(run_id).add(store.schema()));
}

void each_open_position(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                        const std::function<void(const core::Uuid&, std::string_view)>& callback) {
  const std::string events = store.table("position_realized_events");
  struct Row {
    core::Uuid portfolio_id;
    std::optional<std::string_view> symbol;
  };
  const auto columns = pg::select(
      "positions", field("p.portfolio_id", &Row::portfolio_id),
      field("CASE WHEN p.investment_class = 'PRIVATE' OR p.quantity = 0 OR (p.portfolio_id, p.id) IN"
            " (SELECT portfolio_id, position_id FROM " +
                events +
                " WHERE portfolio_id = ANY ($1)) THEN NULL"
                " WHEN p.investment_class = 'OPTIONS' OR length(p.position_type) = 2 THEN"
                " CASE WHEN abs(g.delta) < 'infinity' AND g.underlying_price > 0 AND g.underlying_price < 'infinity'"
                " THEN p.underlying_symbol END ELSE p.symbol END",
            &Row::symbol));
  columns.from(store.table("positions") + " p LEFT JOIN " + store.table("position_greeks") +
                   " g ON g.portfolio_id = p.portfolio_id AND g.position_id = p.id AND g.calculation_date = $2"
                   " AND g.delta IS NOT NULL WHERE p.portfolio_id = ANY ($1) AND p.entry_date <= $2"
                   " AND (p.exit_date IS NULL OR p.exit_date > $2) AND p.deleted_at IS NULL",
               Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
               [&](const Row& row) { callback(row.portfolio_id, row.symbol.value_or("")); });
}

std::vector<ShardPhase> take_shard_phases(const Store& store, std::int64_t run_id, core::Date day) {
  struct Row {
    std::string phase, status;
    std::int64_t processed, skipped, failed, rows_written;
    pg::Timestamp started_at, completed_at;
    std::int64_t shard;
    std::optional<std::string> text;
  };
  static const auto columns = pg::select(
      "batch_jobs", field("phase", &Row::phase), field("status", &Row::status), field("processed", &Row::processed),
      field("skipped", &Row::skipped), field("failed", &Row::failed), field("rows_written", &Row::rows_written),
      field("started_at", &Row::started_at), field("completed_at", &Row::completed_at),
      field("(detail ->> 'shard')::bigint", &Row::shard, "detail"), field("detail ->> 'text'", &Row::text));
  std::vector<ShardPhase> taken;
  columns.run(
      "DELETE FROM " + store.table("batch_jobs") +
          " WHERE run_id = $1 AND calculation_date = $2 AND job_type = 'phase' AND detail ? 'shard' RETURNING " +
          columns.list(),
      Args{Type::int8, Type::date}.add(run_id).add(day), [&](Row& row) {
        Job job{.name = {},
                .type = "phase",
                .phase = std::move(row.phase),
                .portfolio_id = std::nullopt,
                .calculation_date = day,
                .status = std::move(row.status),
                .processed = row.processed,
                .skipped = row.skipped,
                .failed = row.failed,
                .rows_written = row.rows_written,
                .started_at = row.started_at.microseconds,
                .completed_at = row.completed_at.microseconds};
        taken.push_back({std::move(job), row.shard, std::move(row.text).value_or("")});
      });
  std::stable_sort(taken.begin(), taken.end(),
                   [](const ShardPhase& a, const ShardPhase& b) { return a.shard < b.shard; });
  return taken;
}

}  // namespace pb::store
