// The batch as procedures, which commit date by date: a crash or a cancel keeps what is finished, and the next call
// goes on from there. Each date is a piece of work in a transaction of its own. A date that other sessions keep from
// its end is tried again; when that does not help, its portfolios are recorded as failed and the run goes on with the
// next date. Any other error ends the run, whose record says so.
#include "batch/procedures.hpp"

#include <array>
#include <iterator>

#include "batch/blocks.hpp"
#include "batch/logged_failure.hpp"
#include "batch/open_run.hpp"
#include "batch/run_notices.hpp"
#include "batch/shards.hpp"
#include "core/error.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "store/calendar_store.hpp"
#include "store/collection_store.hpp"
#include "store/commit.hpp"
#include "store/snapshot_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;

namespace {

// How the dates of a run are cut into transactions, and how many workers share each.
struct Cut {
  std::int32_t sessions = 1;
  std::int32_t workers = 1;
};

void require_top_level(const pg::Call& call, const std::string& procedure, const std::string& instead) {
  if (call.may_commit()) return;
  throw core::Error(
      "2D000", procedure + " cannot run inside a transaction block",
      "It commits each session by itself, so that a crash keeps what is finished.",
      "CALL it outside of BEGIN and COMMIT, functions and procedures with settings of their own" + instead + ".");
}

void run_session(const store::Store& store, const SessionOfRun& session) {
  auto open = open_session(store, session);
  if (!open) return;
  pg::RowBuffer result = result_table();
  open->run_date(session.day, session.newest, session.progress, result);
}

// What the portfolios lack of the sessions from one day to that of the last session, whose piece this is.
void run_block(const store::Store& store, Date first, const SessionOfRun& last) {
  auto open = open_session(store, last);
  if (!open) return;
  WorkList work = work_list(store, open->portfolio_ids, last.day);
  work.erase(work.begin(), work.lower_bound(first));
  if (work.empty()) return;
  pg::RowBuffer result = result_table();
  run_in_blocks(open->run, open->store, work, open->portfolio_ids, last.newest, last.progress, result);
}

// What could not be recorded has no place but the error.
void require_committed(const std::optional<pg::Failure>& failure) {
  if (failure) throw core::Error(failure->sqlstate, failure->message, failure->detail, failure->hint);
}

void record_failure(const pg::Call& call, std::int64_t run_id, WorkList::const_iterator begin,
                    WorkList::const_iterator end, const pg::Failure& failure) {
  require_committed(store::commit_work(call, [&](const store::Store& store) {
    for (auto entry = begin; entry != end; ++entry)
      store::write_jobs(store, run_id, failed_jobs(store, "daily_batch", entry->first, entry->second, failure));
  }));
}

void run_dates(const pg::Call& call, std::int64_t run_id, const WorkList& work, Cut cut) {
  const auto total = static_cast<std::int64_t>(work.size());
  std::int64_t done = 0;
  for (auto first = work.begin(); first != work.end();) {
    const auto count = std::min<std::int64_t>(cut.sessions, total - done);
    const auto end = std::next(first, count);
    const SessionOfRun session{.run_id = run_id,
                               .day = std::prev(end)->first,
                               .portfolio_ids = portfolios_of(first, end),
                               .newest = end == work.end(),
                               .progress = {.done = done, .total = total}};
    std::optional<pg::Failure> failure;
    if (cut.sessions > 1)
      failure = store::commit_work(call, [&](const store::Store& store) { run_block(store, first->first, session); });
    else if (cut.workers > 1 && session.portfolio_ids.size() > 1)
      failure = run_session_in_workers(call, session, cut.workers);
    else
      failure = store::commit_work(call, [&](const store::Store& store) { run_session(store, session); });
    if (failure) {
      record_failure(call, run_id, first, end, *failure);
      for (auto entry = first; entry != end; ++entry)
        note_session(entry->first, core::to_iso(entry->first), "failed", cut.workers > 1 ? cut.workers : 0);
    }
    done += count;
    first = end;
  }
}

// Closes the record of a run that an error ends, as far as the server still can; the error is what counts.
void record_end(const pg::Call& call, std::int64_t run_id, const WorkList& work, const pg::Failure& failure) noexcept {
  try {
    pg::rollback();
    store::commit_work(call, [&](const store::Store& store) {
      store::Job job{.name = "daily_batch",
                     .type = "phase",
                     .phase = {},
                     .portfolio_id = std::nullopt,
                     .calculation_date = std::nullopt,
                     .status = "failed"};
      const std::vector<Uuid> ids = portfolios_of(work.begin(), work.end());
      const LoggedFailure logged(store, job.name, ids, failure);
      job.failed = 1;
      job.failure = logged.for_everybody();
      job.started_at = job.completed_at = pg::clock_usecs();
      std::vector<store::Job> jobs{job};
      for (const Uuid& id : logged.named()) {
        jobs.push_back(job);
        jobs.back().type = "portfolio";
        jobs.back().portfolio_id = id;
        jobs.back().failure = failure;
      }
      store::write_jobs(store, run_id, jobs);
      store::finish_run(store, run_id, snapshot_phase().key);
    });
  } catch (...) {
    // The next run finds the record of a session that no longer runs, and marks it as lost.
  }
}

// A date that was filled changes what later ones were computed from: they are outstanding then, and are run as well as
// long as that gets anything done.
void run_what_is_left(const pg::Call& call, std::int64_t run_id, const WorkList& done, Date target,
                      const std::optional<std::vector<Uuid>>& portfolio_ids, Cut cut) {
  WorkList all;
  const auto look = [&] {
    WorkList left;
    require_committed(store::commit_work(call, [&](const store::Store& store) {
      all = work_list(store, store::resolve_portfolios(store, portfolio_ids), target);
      left = without_unfinished(all, store, run_id);
    }));
    return left;
  };
  WorkList before = done;
  for (WorkList left = look(); !left.empty() && left != before; left = look()) {
    run_dates(call, run_id, left, cut);
    before = std::move(left);
  }
  require_committed(store::commit_work(call, [&](const store::Store& store) { tell_what_is_left(store, all); }));
}

// With a target: also what the run leaves outstanding up to it.
void run_and_record(const pg::Call& call, std::int64_t run_id, const WorkList& work, Cut cut,
                    const std::optional<Date>& target, const std::optional<std::vector<Uuid>>& portfolio_ids) {
  try {
    run_dates(call, run_id, work, cut);
    if (target) run_what_is_left(call, run_id, work, *target, portfolio_ids, cut);
    require_committed(store::commit_work(
        call, [&](const store::Store& store) { store::finish_run(store, run_id, snapshot_phase().key); }));
  } catch (const pg::ServerError& error) {
    if (!error.is_interruption())
      record_end(call, run_id, work, {error.sqlstate(), error.message(), error.detail(), {}});
    throw;
  } catch (const core::Error& error) {
    record_end(call, run_id, work, {error.sqlstate(), error.message(), error.detail(), error.hint()});
    throw;
  }
}

// Phases 1 and 1.5 of the run: collects what is missing, in transactions of its own, where a source is switched on.
// What cannot be collected keeps no date from being computed: the failure is returned, and becomes a job of the run.
std::optional<pg::Failure> collect_first(const pg::Call& call, const std::optional<Date>& target) {
  if (!call.may_commit()) return std::nullopt;
  {
    const store::EndOfWork end(call);
    if (!store::collects_for_batch(store::Store(call))) return std::nullopt;
  }
  try {
    // By the catalog: this library does not link the one that collects.
    call.call_procedure(store::helper_schema, "collect_for_batch", target);
    return std::nullopt;
  } catch (const pg::ServerError& error) {
    if (error.is_interruption()) throw;
    pg::rollback();
    pg::notice("portfolio_batch: market data could not be collected: " + error.message(), error.detail());
    return pg::Failure{error.sqlstate(), error.message(), error.detail(), error.hint()};
  }
}

// What a procedure finds to do, in the transaction of its call: nothing is written yet, so it may be a transaction
// block.
struct Plan {
  std::string procedure;
  std::string instead;  // how else to have it done
  Date target = {};
  WorkList work = {};
  Cut cut = {};
  bool is_whole = false;  // all that is missing, and so also what that leaves outstanding
  bool tells_progress = true;
  std::optional<pg::Failure> not_collected = {};
};

// Whoever waits for a run that finds its portfolios taken should know why it computes nothing. The locks are those of
// the transaction, and go with it before the first date.
void tell_of_other_runs(const store::Store& store, const std::vector<Uuid>& portfolio_ids) {
  const std::size_t busy = portfolio_ids.size() - store::lock_portfolios(store, portfolio_ids).size();
  if (busy == 0) return;
  pg::notice("portfolio_batch: another run is computing " + std::to_string(busy) + " of " +
             engine::counted(static_cast<std::int64_t>(portfolio_ids.size()), "portfolio") +
             ", which this one leaves alone; see batch_progress()");
}

store::Job failed_collection(const Plan& plan) {
  store::Job job{.name = "collect_market_data",
                 .type = "engine",
                 .phase = all_phases().front().key,
                 .portfolio_id = std::nullopt,
                 .calculation_date = plan.target,
                 .status = "failed"};
  job.failed = 1;
  job.failure = *plan.not_collected;
  job.started_at = job.completed_at = pg::clock_usecs();
  return job;
}

void carry_out(const pg::Call& call, const Plan& plan, const std::optional<std::vector<Uuid>>& portfolio_ids) {
  require_top_level(call, plan.procedure, plan.instead);
  const pg::ActivityScope activity;
  std::int64_t run_id = 0;
  require_committed(store::commit_work(call, [&](const store::Store& store) {
    run_id = store::begin_run(
        store, {.kind = "procedure", .target_date = plan.target, .portfolio_ids = portfolio_ids, .phases = {}});
    if (plan.not_collected) store::write_jobs(store, run_id, std::array{failed_collection(plan)});
  }));
  RunNotices notices(plan.tells_progress);
  run_and_record(call, run_id, plan.work, plan.cut, plan.is_whole ? std::optional(plan.target) : std::nullopt,
                 portfolio_ids);
  notices.summarize(run_id);
}

}  // namespace

void run_missing(const pg::Call& call, const char* procedure, const std::optional<Date>& target, const Limits& limits,
                 const std::optional<std::vector<Uuid>>& portfolio_ids) {
  Plan plan{.procedure = procedure,
            .instead = "; run_daily_batch_with_backfill() is the same job in one transaction",
            .cut = {.sessions = limits.block}};
  plan.not_collected = collect_first(call, target);
  {
    const store::EndOfWork end(call);
    const store::Store store(call);
    plan.tells_progress = store.settings().progress;
    plan.target = target_session(target, store);
    plan.work = work_list(store, store::resolve_portfolios(store, portfolio_ids), plan.target);
    plan.cut.workers = limits.workers.value_or(store.settings().workers);
    plan.is_whole = !limits.max_dates;
    if (limits.max_dates) keep_first(plan.work, static_cast<std::size_t>(*limits.max_dates));
    if (!plan.work.empty()) tell_of_other_runs(store, portfolios_of(plan.work.begin(), plan.work.end()));
  }
  if (plan.cut.workers > 1) plan.cut.sessions = 1;
  if (plan.work.empty())
    pg::notice("portfolio_batch: up to date, no session is missing");
  else
    carry_out(call, plan, portfolio_ids);
}

void run_again(const pg::Call& call, std::int32_t days, const std::optional<std::vector<Uuid>>& portfolio_ids) {
  Plan plan{.procedure = "rescan_sessions", .instead = ""};
  {
    const store::EndOfWork end(call);
    const store::Store store(call);
    plan.tells_progress = store.settings().progress;
    plan.target = target_session(std::nullopt, store);
    plan.work = store::sessions_with_snapshots(store, store::resolve_portfolios(store, portfolio_ids),
                                               plan.target - std::chrono::days{days - 1}, plan.target);
    plan.is_whole = true;
    if (!plan.work.empty()) tell_of_other_runs(store, portfolios_of(plan.work.begin(), plan.work.end()));
  }
  if (plan.work.empty())
    pg::notice("portfolio_batch: no snapshot in the last " + std::to_string(days) + " days");
  else
    carry_out(call, plan, portfolio_ids);
}

}  // namespace pb::batch
