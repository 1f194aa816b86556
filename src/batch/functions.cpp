// The batch as SQL functions: a date, a backfill, and the steps from which the procedure daily_batch commits per date.
#include <algorithm>
#include <map>
#include <set>

#include "batch/blocks.hpp"
#include "batch/run.hpp"
#include "core/error.hpp"
#include "pg/function.hpp"
#include "pg/session.hpp"
#include "store/calendar_store.hpp"
#include "store/run_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;

namespace {

constexpr const char* already_running = "already running in another session";
constexpr const char* up_to_date = "up to date: no session is missing";

WorkList work_list(const store::Store& store, std::span<const Uuid> ids, Date target) {
  WorkList work;
  for (const store::MissingSession& missing : store::missing_sessions(store, ids, target))
    work[missing.date].push_back(missing.portfolio_id);
  return work;
}

// A backfill's target: the latest closed session, or the session on or before the given day.
Date target_argument(const pg::Call& call, int index, const store::Store& store) {
  const auto requested = call.date(index);
  if (!requested) return engine::session_argument(call, index, store);
  const std::string& calendar = store.settings().calendar;
  store::require_covered(store, calendar, *requested);
  Date day = *requested;
  if (store::load_sessions(store, calendar, day, day).empty())
    if (const auto before = store::session_before(store, calendar, day)) day = *before;
  engine::require_closed_session(store, day);
  return day;
}

std::string phases_text(const std::vector<std::string>& phases) {
  if (phases.empty()) return "";
  std::string text;
  for (const std::string& phase : phases) text += (text.empty() ? ", phases " : " ") + phase;
  return text;
}

void announce(const store::Store& store, std::size_t dates, std::size_t portfolios, Date first, Date last,
              const std::vector<std::string>& phases) {
  if (!store.settings().progress) return;
  pg::notice("portfolio_batch: " + engine::counted(static_cast<std::int64_t>(dates), "session") + " for " +
             engine::counted(static_cast<std::int64_t>(portfolios), "portfolio") + ", " + core::to_iso(first) + " to " +
             core::to_iso(last) + phases_text(phases));
}

}  // namespace
}  // namespace pb::batch

// run_daily_batch(calculation_date, portfolio_ids, phases, force): one date, in the caller's transaction.
PB_FUNCTION(pb_run_daily_batch) {
  using namespace pb;
  using namespace pb::batch;
  const store::Store store(call);
  const Date day = engine::session_argument(call, 0, store);
  const auto requested = call.uuids(1);
  const auto phases = call.texts(2).value_or(std::vector<std::string>{});
  require_known_phases(phases);
  const auto ids = store::resolve_portfolios(store, requested);
  pg::RowBuffer result = result_table();
  const auto locked = store::lock_portfolios(store, ids);
  if (locked.empty()) {
    report_skipped(day, ids.empty() ? "no active portfolio" : already_running, result);
    return call.return_rows(result);
  }
  const bool force = call.boolean(3).value_or(false);
  const pg::ActivityScope activity;
  const std::int64_t run_id = store::begin_run(
      store, {.kind = "daily", .target_date = day, .portfolio_ids = requested, .phases = phases, .force = force});
  const store::Store stamped = store.for_run({.run_id = run_id, .rewrite = force});
  Run run(stamped, run_id, phases);
  run.set_busy(without(ids, locked));
  engine::Context context(stamped, locked, day, last_day(store, locked, day));
  announce(store, 1, locked.size(), day, day, phases);
  run.run_date(context, day, locked, true, {}, result);
  run.write_jobs();
  store::finish_run(store, run_id);
  call.return_rows(result);
}

// run_daily_batch_with_backfill(target_date, portfolio_ids, max_dates): every missing session, oldest first, as one
// atomic unit.
PB_FUNCTION(pb_run_daily_batch_with_backfill) {
  using namespace pb;
  using namespace pb::batch;
  const store::Store store(call);
  const Date target = target_argument(call, 0, store);
  const auto requested = call.uuids(1);
  const auto max_dates = call.int4(2);
  if (max_dates && *max_dates < 1)
    throw core::Error(core::sqlstate::invalid_parameter, "max_dates must be positive",
                      "It is " + std::to_string(*max_dates) + ".", "Leave it out to process every missing session.");
  const auto ids = store::resolve_portfolios(store, requested);
  pg::RowBuffer result = result_table();
  const auto locked = store::lock_portfolios(store, ids);
  if (locked.empty()) {
    report_skipped(target, ids.empty() ? "no active portfolio" : already_running, result);
    return call.return_rows(result);
  }
  WorkList work = work_list(store, locked, target);
  const std::size_t total = max_dates ? std::min(work.size(), static_cast<std::size_t>(*max_dates)) : work.size();
  if (total == 0) {
    report_skipped(target, up_to_date, result);
    return call.return_rows(result);
  }
  work.erase(std::next(work.begin(), static_cast<std::ptrdiff_t>(total)), work.end());
  const pg::ActivityScope activity;
  const std::int64_t run_id =
      store::begin_run(store, {.kind = "backfill", .target_date = target, .portfolio_ids = requested, .phases = {}});
  const store::Store stamped = store.for_run({.run_id = run_id});
  Run run(stamped, run_id, {});
  run.set_busy(without(ids, locked));
  std::set<core::Uuid> behind;
  for (const auto& [day, portfolio_ids] : work) behind.insert(portfolio_ids.begin(), portfolio_ids.end());
  announce(store, total, behind.size(), work.begin()->first, work.rbegin()->first, {});
  run_in_blocks(run, stamped, work, locked, true, {.done = 0, .total = static_cast<std::int64_t>(total)}, result);
  store::finish_run(store, run_id);
  call.return_rows(result);
}

// missing_sessions(target_date, portfolio_ids): the work list.
PB_FUNCTION(pb_missing_sessions) {
  using namespace pb;
  const store::Store store(call);
  const core::Date target = batch::target_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, call.uuids(1));
  pg::RowBuffer rows({{"portfolio_id", pg::Type::uuid}, {"session_date", pg::Type::date}, {"missing", pg::Type::text}});
  for (const store::MissingSession& missing : store::missing_sessions(store, ids, target))
    rows.add(missing.portfolio_id).add(missing.date).add(missing.has_snapshot ? "analytics" : "snapshot");
  call.return_rows(rows);
}

// begin_batch_run(run_kind, target_date, portfolio_ids, phases): the first step of the procedure daily_batch.
PB_FUNCTION(pb_begin_batch_run) {
  using namespace pb;
  const store::Store store(call);
  call.return_int8(store::begin_run(store, {.kind = call.text(0).value_or("procedure"),
                                            .target_date = batch::target_argument(call, 1, store),
                                            .portfolio_ids = call.uuids(2),
                                            .phases = call.texts(3).value_or(std::vector<std::string>{})}));
}

// run_batch_session(run_id, calculation_date, portfolio_ids, newest, done, total): one date of a run that is open.
PB_FUNCTION(pb_run_batch_session) {
  using namespace pb;
  using namespace pb::batch;
  const store::Store store(call);
  const std::int64_t run_id = call.int8(0).value();
  const Date day = call.date(1).value();
  engine::require_closed_session(store, day);
  const auto ids = store::resolve_portfolios(store, call.uuids(2));
  pg::RowBuffer result = result_table();
  const auto locked = store::lock_portfolios(store, ids);
  if (locked.empty()) {
    report_skipped(day, already_running, result);
    return call.return_rows(result);
  }
  const store::Store stamped = store.for_run({.run_id = run_id});
  Run run(stamped, run_id, {});
  run.block(store::failed_portfolios(store, run_id));
  run.set_busy(without(ids, locked));
  engine::Context context(stamped, locked, day, last_day(store, locked, day));
  run.run_date(context, day, locked, call.boolean(3).value_or(false),
               {.done = call.int8(4).value_or(0), .total = call.int8(5).value_or(1)}, result);
  run.write_jobs();
  call.return_rows(result);
}

// run_batch_block(run_id, first_date, last_date, portfolio_ids, newest, done, total): what the portfolios lack of a
// span of dates, in one transaction of a run that is open.
PB_FUNCTION(pb_run_batch_block) {
  using namespace pb;
  using namespace pb::batch;
  const store::Store store(call);
  const std::int64_t run_id = call.int8(0).value();
  const Date first = call.date(1).value();
  const Date last = call.date(2).value();
  engine::require_closed_session(store, last);
  const auto ids = store::resolve_portfolios(store, call.uuids(3));
  pg::RowBuffer result = result_table();
  const auto locked = store::lock_portfolios(store, ids);
  if (locked.empty()) {
    report_skipped(last, already_running, result);
    return call.return_rows(result);
  }
  WorkList work = work_list(store, locked, last);
  work.erase(work.begin(), work.lower_bound(first));
  if (work.empty()) {
    report_skipped(last, up_to_date, result);
    return call.return_rows(result);
  }
  const store::Store stamped = store.for_run({.run_id = run_id});
  Run run(stamped, run_id, {});
  run.block(store::failed_portfolios(store, run_id));
  run.set_busy(without(ids, locked));
  run_in_blocks(run, stamped, work, locked, call.boolean(4).value_or(false),
                {.done = call.int8(5).value_or(0), .total = call.int8(6).value_or(1)}, result);
  call.return_rows(result);
}

PB_FUNCTION(pb_finish_batch_run) {
  using namespace pb;
  const store::Store store(call);
  store::finish_run(store, call.int8(0).value());
  // The steps left the text of the last one, so that it is shown between dates as well.
  pg::restore_activity();
  call.return_null();
}
