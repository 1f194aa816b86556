// The batch as SQL functions: a date and a backfill, each in the transaction of the caller, and the work list.
#include <algorithm>
#include <utility>

#include "batch/blocks.hpp"
#include "batch/open_run.hpp"
#include "batch/run_notices.hpp"
#include "core/error.hpp"
#include "function/entry.hpp"
#include "pg/session.hpp"
#include "store/calendar_store.hpp"
#include "store/run_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::function {

using namespace batch;
using core::Date;
using core::Uuid;

namespace {

constexpr const char* up_to_date = "up to date: no session is missing";

const char* why_nothing_is_locked(const Claim& claim) {
  return claim.busy.empty() ? "no active portfolio" : "already running in another session";
}

}  // namespace

// run_daily_batch(calculation_date, portfolio_ids, phases, force): one date, in the caller's transaction.
PB_FUNCTION(pb_run_daily_batch) {
  const store::Store store(call);
  const Date day = session_argument(call, 0, store);
  const auto requested = portfolios_argument(call, 1);
  const auto phases = call.texts(2).value_or(std::vector<std::string>{});
  require_known_phases(phases);
  Claim claim = claim_portfolios(store, requested);
  pg::RowBuffer result = result_table();
  if (claim.locked.empty()) {
    report_skipped(day, why_nothing_is_locked(claim), result);
    return call.return_rows(result);
  }
  const bool force = call.boolean(3).value_or(false);
  const pg::ActivityScope activity;
  const std::int64_t run_id = store::begin_run(
      store, {.kind = "daily", .target_date = day, .portfolio_ids = requested, .phases = phases, .force = force});
  OpenRun open(store, {.run_id = run_id, .rewrite = force}, std::move(claim), phases);
  RunNotices notices(store.settings().progress);
  open.run_date(day, true, {}, result);
  store::finish_run(store, run_id, snapshot_phase().key);
  notices.summarize(run_id);
  call.return_rows(result);
}

// run_daily_batch_with_backfill(target_date, portfolio_ids, max_dates): every missing session, oldest first, as one
// atomic unit.
PB_FUNCTION(pb_run_daily_batch_with_backfill) {
  const store::Store store(call);
  const Date target = target_session(call.date(0), store);
  const auto requested = portfolios_argument(call, 1);
  const auto max_dates = call.int4(2);
  if (max_dates && *max_dates < 1)
    throw core::Error(core::sqlstate::invalid_parameter, "max_dates must be positive",
                      "It is " + std::to_string(*max_dates) + ".", "Leave it out to process every missing session.");
  Claim claim = claim_portfolios(store, requested);
  pg::RowBuffer result = result_table();
  if (claim.locked.empty()) {
    report_skipped(target, why_nothing_is_locked(claim), result);
    return call.return_rows(result);
  }
  WorkList work = work_list(store, claim.locked, target);
  const std::size_t total = max_dates ? std::min(work.size(), static_cast<std::size_t>(*max_dates)) : work.size();
  if (total == 0) {
    report_skipped(target, up_to_date, result);
    return call.return_rows(result);
  }
  keep_first(work, total);
  const pg::ActivityScope activity;
  const std::int64_t run_id =
      store::begin_run(store, {.kind = "backfill", .target_date = target, .portfolio_ids = requested, .phases = {}});
  OpenRun open(store, {.run_id = run_id}, std::move(claim));
  RunNotices notices(store.settings().progress);
  const Progress progress{.done = 0, .total = static_cast<std::int64_t>(total)};
  run_in_blocks(open.run, open.store, work, open.portfolio_ids, true, progress, result);
  if (!max_dates) run_what_is_left(open.run, open.store, work, open.portfolio_ids, target, result);
  store::finish_run(store, run_id, snapshot_phase().key);
  notices.summarize(run_id);
  call.return_rows(result);
}

// batch_phases(): the phases of a run, in order.
PB_FUNCTION(pb_batch_phases) {
  using pg::Type;
  pg::RowBuffer rows({{"phase", Type::text},
                      {"name", Type::text},
                      {"owns_snapshots", Type::boolean},
                      {"needs_snapshot", Type::boolean},
                      {"is_last", Type::boolean}});
  for (const Phase& phase : all_phases()) {
    rows.add(phase.key).add(phase.name).add(phase.owns_snapshots).add(phase.needs_snapshot);
    rows.add(&phase == &all_phases().back());
  }
  call.return_rows(rows);
}

// missing_sessions(target_date, portfolio_ids): the work list.
PB_FUNCTION(pb_missing_sessions) {
  const store::Store store(call);
  const core::Date target = target_session(call.date(0), store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  pg::RowBuffer rows({{"portfolio_id", pg::Type::uuid}, {"session_date", pg::Type::date}, {"missing", pg::Type::text}});
  for (const store::MissingSession& missing : store::missing_sessions(store, ids, target))
    rows.add(missing.portfolio_id).add(missing.date).add(missing.missing);
  call.return_rows(rows);
}

// activity_line(run_id, session_date, done, total, waiting, shard, shards, phase, doing): what a session shows of a
// run.
PB_FUNCTION(pb_activity_line) {
  call.return_text(text_of({.run_id = call.int8(0).value(),
                            .session = call.date(1).value(),
                            .progress = {.done = call.int8(2).value(), .total = call.int8(3).value()},
                            .waiting = call.int8(4).value(),
                            .shard = call.int8(5).value(),
                            .shards = call.int8(6).value(),
                            .phase = call.text(7).value(),
                            .doing = call.text(8).value()}));
}

// finish_batch_run(run_id): closes the record of a run with what its jobs say.
PB_FUNCTION(pb_finish_batch_run) {
  const store::Store store(call);
  store::finish_run(store, call.int8(0).value(), snapshot_phase().key);
  call.return_null();
}

}  // namespace pb::function
