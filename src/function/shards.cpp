// What a worker of a run executes, and the plan by which a date is divided among workers.
#include "batch/shards.hpp"

#include "batch/shard_plan.hpp"

#include "pg/function.hpp"

namespace pb::function {

using core::Uuid;

// run_batch_shard(run_id, calculation_date, portfolio_ids, other_symbols, newest, shard, shards, done, total): what a
// worker executes.
PB_FUNCTION(pb_run_batch_shard) {
  const store::Store store(call);
  batch::run_shard(store,
                   {.run_id = call.int8(0).value(),
                    .day = call.date(1).value(),
                    .portfolio_ids = call.uuids(2).value(),
                    .newest = call.boolean(4).value(),
                    .progress = {.done = call.int8(7).value(), .total = call.int8(8).value()}},
                   call.texts(3).value(), call.int4(5).value(), call.int4(6).value());
  call.return_null();
}

// shard_plan(calculation_date, portfolio_ids, workers): which portfolios and symbols would belong to which shard.
PB_FUNCTION(pb_shard_plan) {
  using pg::Type;
  const store::Store store(call);
  const auto ids = store::resolve_portfolios(store, call.uuids(1));
  const batch::ShardPlan plan =
      batch::plan_shards(store, ids, call.date(0).value(), batch::shard_count(call.int4(2).value(), ids.size()), {});
  pg::RowBuffer rows({{"portfolio_ids", Type::uuid_array},
                      {"portfolio_counts", Type::int4_array},
                      {"symbols", Type::text_array},
                      {"symbol_counts", Type::int4_array}});
  rows.add(std::span<const Uuid>(plan.portfolio_ids)).add(std::span<const std::int32_t>(plan.portfolio_counts));
  rows.add(std::span<const std::string>(plan.symbols)).add(std::span<const std::int32_t>(plan.symbol_counts));
  call.return_rows(rows);
}

}  // namespace pb::function
