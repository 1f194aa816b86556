#include "batch/run.hpp"

#include <algorithm>

#include "batch/run_notices.hpp"
#include "core/text/json.hpp"
#include "engine/input_digest.hpp"
#include "pg/session.hpp"
#include "pg/subtransaction.hpp"
#include "store/shard_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;
using pg::Type;

namespace {

void add_result(pg::RowBuffer& result, Date day, const Phase& phase, const std::string& status,
                const engine::Report& report, std::int64_t usecs) {
  result.add(day).add(phase.key).add(phase.name).add(status).add(report.processed).add(report.skipped);
  // To the millisecond: more digits only blur the table.
  result.add(report.failed).add(report.rows_written).add((usecs + 500) / 1000 * 1000).add(report.detail);
}

engine::Report skipped(std::string reason) {
  engine::Report report;
  report.detail = report.logged = std::move(reason);
  return report;
}

std::string status_of(const engine::Report& report) {
  if (report.failed == 0) return "success";
  return report.processed > 0 ? "partial" : "failed";
}

void append_line(std::string& text, const std::string& line) {
  if (line.empty()) return;
  text += (text.empty() ? "" : "; ") + line;
}

// A line for the caller of a run, and what the log has of it.
void append_line(engine::Report& report, const std::string& line, const std::string& logged) {
  append_line(report.detail, line);
  append_line(report.logged, logged);
}

void append_line(engine::Report& report, const std::string& line) { append_line(report, line, line); }

const std::string& logged_detail(const engine::Report& report) {
  return report.logged.empty() ? report.detail : report.logged;
}

void add(engine::Report& total, const engine::Report& part) {
  total.processed += part.processed;
  total.skipped += part.skipped;
  total.failed += part.failed;
  total.rows_written += part.rows_written;
  if (part.summary.empty())
    append_line(total, part.detail, logged_detail(part));
  else
    append_line(total, part.summary);
  total.issues.insert(total.issues.end(), part.issues.begin(), part.issues.end());
}

// The first issue, for the caller; for the log, how many portfolios have one.
void add_issues(engine::Report& total) {
  if (total.issues.empty()) return;
  const std::string& message = total.issues.front().failure.message;
  if (total.detail.find(message) != std::string::npos) return;
  const auto others = total.issues.size() - 1;
  const std::string logged = engine::counted(static_cast<std::int64_t>(total.issues.size()), "portfolio") + " failed";
  append_line(total, others == 0 ? message : message + " (and " + std::to_string(others) + " more)", logged);
}

// What went well needs few words in the result, which is a table for a screen; the log and batch_report() have them
// all.
void shorten_detail(engine::Report& report) {
  constexpr std::size_t most = 48;
  if (report.detail.size() <= most) return;
  const std::size_t end = report.detail.rfind("; ", most);
  if (end == std::string::npos) return;
  if (report.logged.empty()) report.logged = report.detail;
  report.detail.resize(end);
  report.detail += "; …";
}

store::Job of_portfolio(const store::Job& job, const Uuid& id, const char* status) {
  store::Job result = job;
  result.type = "portfolio";
  result.portfolio_id = id;
  result.status = status;
  result.processed = result.skipped = result.failed = result.rows_written = 0;
  result.failure = {};
  result.detail_json.clear();
  return result;
}

store::Job failed(const store::Job& job, const Uuid& id, const pg::Failure& failure) {
  store::Job result = of_portfolio(job, id, "failed");
  result.failed = 1;
  result.failure = failure;
  return result;
}

}  // namespace

bool Part::holds(const Phase& phase) const {
  return phases.empty() || std::find(phases.begin(), phases.end(), phase.key) != phases.end();
}

std::vector<Uuid> without(std::span<const Uuid> all, std::span<const Uuid> some) {
  const std::set<Uuid> left_out(some.begin(), some.end());
  std::vector<Uuid> rest;
  for (const Uuid& id : all)
    if (!left_out.contains(id)) rest.push_back(id);
  return rest;
}

Date last_day(const store::Store& store, std::span<const Uuid> portfolio_ids, Date target) {
  Date last = target;
  for (const auto& [id, newest] : store::newest_snapshots(store, portfolio_ids)) last = std::max(last, newest);
  return last;
}

pg::RowBuffer result_table() {
  return pg::RowBuffer({{"session_date", Type::date},
                        {"phase", Type::text},
                        {"name", Type::text},
                        {"status", Type::text},
                        {"processed", Type::int8},
                        {"skipped", Type::int8},
                        {"failed", Type::int8},
                        {"rows_written", Type::int8},
                        {"duration", Type::interval},
                        {"detail", Type::text}});
}

Run::Run(const store::Store& store, std::int64_t run_id, std::vector<std::string> phases)
    : store_(store), run_id_(run_id), phases_(std::move(phases)) {}

bool Run::requested(const Phase& phase) const {
  return phases_.empty() || std::find(phases_.begin(), phases_.end(), phase.key) != phases_.end();
}

// Portfolios a phase may work on: not blocked, and where the phase needs it, with a snapshot of the date.
std::vector<Uuid> Run::open_portfolios(std::span<const Uuid> portfolio_ids, const Phase& phase, Date day) {
  std::vector<Uuid> open;
  for (const Uuid& id : portfolio_ids)
    if (!blocked_.contains(id)) open.push_back(id);
  if (!phase.needs_snapshot || open.empty()) return open;
  const auto with_snapshot = store::net_asset_values(store_, day, open);
  std::erase_if(open, [&](const Uuid& id) { return !with_snapshot.contains(id); });
  return open;
}

engine::Report Run::run_engine(engine::Context& context, const Phase& phase, const Engine& engine, Date day,
                               std::span<const Uuid> portfolio_ids) {
  store::Job job{.name = engine.name,
                 .type = "engine",
                 .phase = phase.key,
                 .portfolio_id = std::nullopt,
                 .calculation_date = day,
                 .status = "success"};
  job.started_at = pg::clock_usecs();
  engine::Report report;
  std::optional<LoggedFailure> logged;
  const auto failure = pg::isolate([&] {
    report = phase.books ? engine::run_for_usable(context, engine.run, day, portfolio_ids)
                         : engine.run(context, day, portfolio_ids);
  });
  if (failure) {
    context.forget_ledgers();
    context.forget_holdings();
    report = {};
    report.failed = static_cast<std::int64_t>(portfolio_ids.size());
    report.detail = std::string(engine.name) + " failed: " + failure->message + " (" + failure->sqlstate + ")";
    for (const Uuid& id : portfolio_ids) report.issues.push_back({id, *failure});
    logged.emplace(store_, engine.name, portfolio_ids, *failure);
    job.failure = logged->for_everybody();
    if (job.failure.message != failure->message) report.logged = job.failure.message;
  }
  job.completed_at = pg::clock_usecs();
  job.status = status_of(report);
  job.processed = report.processed;
  job.skipped = report.skipped;
  job.failed = report.failed;
  job.rows_written = report.rows_written;
  job.detail_json = report.detail_json;
  if (const std::size_t taken = context.symbols_taken(); taken > 0 && job.detail_json.empty())
    job.detail_json = core::JsonObject().add("symbols_from_other_workers", static_cast<std::int64_t>(taken)).str();
  jobs_.push_back(job);
  log_portfolios(phase, job, report, logged);
  return report;
}

// Failures of single portfolios get a row each. Of a failure of the whole engine its own row tells all, unless the
// text belongs to some portfolios; the phase of snapshots needs a row of each of those that failed.
void Run::log_portfolios(const Phase& phase, const store::Job& job, const engine::Report& report,
                         const std::optional<LoggedFailure>& logged) {
  for (const engine::Issue& issue : report.issues) {
    const Uuid& id = issue.portfolio_id;
    if (!logged)
      jobs_.push_back(failed(job, id, issue.failure));
    else if (logged->named().contains(id) || phase.owns_snapshots)
      jobs_.push_back(failed(job, id, logged->of(id)));
  }
  for (const engine::Note& note : report.notes) {
    if (note.status == std::string_view("waiting")) waiting_.emplace(*job.calculation_date, note.portfolio_id);
    store::Job row = of_portfolio(job, note.portfolio_id, note.status);
    row.skipped = note.skipped;
    row.detail_json = note.detail_json;
    jobs_.push_back(row);
  }
}

Run::Outcome Run::run_phase(engine::Context& context, const Phase& phase, Date day, std::span<const Uuid> portfolio_ids,
                            bool newest) {
  if (!requested(phase)) return {"skipped", skipped("not requested")};
  if (newest)
    if (auto done = ahead_.extract(phase.key)) return std::move(done.mapped());
  if (phase.has_work && !phase.has_work(context, day)) return {"skipped", skipped(phase.skip_reason)};
  if (phase.newest_date_only && !newest) return {"skipped", skipped("runs for the newest date only")};
  std::vector<Uuid> open = open_portfolios(portfolio_ids, phase, day);
  if (open.empty())
    return {"skipped", skipped(phase.needs_snapshot ? "no snapshot of the date" : "no portfolio to run")};
  const std::size_t all = open.size();
  if (phase.leaves_unchanged()) std::erase_if(open, [&](const Uuid& id) { return unchanged_.contains(id); });
  const auto unchanged = static_cast<std::int64_t>(all - open.size());

  engine::Report total;
  if (unchanged > 0) {
    total.skipped = unchanged;
    append_line(total, engine::counted(unchanged, "portfolio") + " unchanged");
  }
  if (open.empty()) return {"success", total};
  for (const Engine& engine : phase.engines)
    if (part_.shard <= 1 || engine.shared != SharedRows::of_date)
      add(total, run_engine(context, phase, engine, day, open));
  if (phase.owns_snapshots)
    for (const engine::Issue& issue : total.issues) blocked_.insert(issue.portfolio_id);
  if (phase.needs_snapshot && total.issues.empty()) mark_complete(context, day, open);
  add_issues(total);
  const bool is_partial = total.failed > 0 && unchanged > 0;
  return {is_partial ? "partial" : status_of(total), total};
}

// A request for some phases is a request to run them; a forced run computes everything.
void Run::find_unchanged(engine::Context& context, Date day, std::span<const Uuid> portfolio_ids) {
  unchanged_.clear();
  if (!phases_.empty() || store_.stamp().rewrite) return;
  const auto failure = pg::isolate([&] {
    const auto stored = store::digests_of_complete(store_, day, portfolio_ids);
    for (const auto& [id, digest] : stored) {
      const store::Portfolio* portfolio = store::find_portfolio(context.book(), id);
      if (portfolio != nullptr && !context.problem(*portfolio, day) &&
          context.digests().of_portfolio(day, *portfolio).whole == digest)
        unchanged_.insert(id);
    }
  });
  // What cannot be told is computed, and fails where it should.
  if (failure) unchanged_.clear();
}

void Run::mark_complete(engine::Context& context, Date day, std::span<const Uuid> portfolio_ids) {
  std::vector<store::SnapshotDigest> digests;
  const auto failure = pg::isolate([&] {
    for (const Uuid& id : portfolio_ids) {
      const auto digest = context.digests().of_portfolio(day, *store::find_portfolio(context.book(), id));
      digests.push_back({id, digest.whole, std::vector(digest.parts.begin(), digest.parts.end())});
    }
  });
  // Inputs that no engine needed and that cannot be read: what was computed is complete, of inputs not known.
  if (failure) {
    digests.clear();
    for (const Uuid& id : portfolio_ids) digests.push_back({id, std::nullopt, std::nullopt});
  }
  store::mark_analytics_complete(context.store(), day, digests);
}

void Run::run_ahead(engine::Context& context, Date last, std::span<const Uuid> portfolio_ids) {
  for (const Phase& phase : all_phases())
    if (phase.ahead && requested(phase)) {
      Outcome outcome = run_phase(context, phase, last, portfolio_ids, true);
      ahead_.emplace(phase.key, std::move(outcome));
    }
}

void Run::write_jobs() {
  // Job numbers go up by what is committed, so shards that end at the same time write their jobs in turns.
  if (part_.shard > 0) store::lock_job_numbers(store_, run_id_);
  store::write_jobs(store_, run_id_, jobs_);
  jobs_.clear();
}

void Run::run_shared(engine::Context& context, Date day, std::span<const Uuid> portfolio_ids) {
  for (const Phase& phase : all_phases())
    for (const Engine& engine : phase.engines)
      if (engine.shared != SharedRows::none) run_engine(context, phase, engine, day, portfolio_ids);
  write_jobs();
}

void Run::run_for_shards(engine::Context& context, const Phase& phase, const Engine& engine, Date day,
                         std::span<const Uuid> portfolio_ids) {
  const engine::Report report = run_engine(context, phase, engine, day, portfolio_ids);
  if (report.rows_written > 0) {
    store::Job part = jobs_.back();
    part.name = phase.name;
    part.type = "phase";
    part.processed = 0;
    part.detail_json = core::JsonObject().add("text", logged_detail(report)).add("shard", std::int64_t{0}).str();
    jobs_.push_back(part);
  }
  write_jobs();
}

void Run::log_blocked(Date day, std::span<const Uuid> portfolio_ids) {
  for (const Uuid& id : portfolio_ids) {
    if (!blocked_.contains(id)) continue;
    store::Job job{.name = "portfolio_snapshots",
                   .type = "portfolio",
                   .phase = snapshot_phase().key,
                   .portfolio_id = id,
                   .calculation_date = day,
                   .status = "blocked"};
    job.skipped = 1;
    job.failure = {"", "an earlier date of this portfolio failed in this run", "", ""};
    job.started_at = job.completed_at = pg::clock_usecs();
    jobs_.push_back(job);
  }
}

void Run::show(Date day, const Progress& progress, const Phase& phase) const {
  pg::show_activity(text_of({.run_id = run_id_,
                             .session = day,
                             .progress = progress,
                             .waiting = static_cast<std::int64_t>(waiting_.size()),
                             .shard = part_.shard,
                             .shards = part_.shards,
                             .phase = phase.key,
                             .doing = phase.name}));
}

void Run::run_date(engine::Context& context, Date day, std::span<const Uuid> portfolio_ids, bool newest,
                   const Progress& progress, pg::RowBuffer& result) {
  if (part_.phases.empty() || part_.shard > 0) log_blocked(day, portfolio_ids);
  const auto blocked =
      std::count_if(portfolio_ids.begin(), portfolio_ids.end(), [&](const Uuid& id) { return blocked_.contains(id); });
  if (std::any_of(all_phases().begin(), all_phases().end(),
                  [&](const Phase& phase) { return part_.holds(phase) && phase.leaves_unchanged(); }))
    find_unchanged(context, day, portfolio_ids);
  std::string worst = "success";
  for (const Phase& phase : all_phases()) {
    if (!part_.holds(phase)) continue;
    show(day, progress, phase);
    store::Job job{.name = phase.name,
                   .type = "phase",
                   .phase = phase.key,
                   .portfolio_id = std::nullopt,
                   .calculation_date = day,
                   .status = ""};
    job.started_at = pg::clock_usecs();
    Outcome outcome = run_phase(context, phase, day, portfolio_ids, newest);
    job.completed_at = pg::clock_usecs();
    engine::Report& report = outcome.report;
    if (outcome.status == "success") shorten_detail(report);
    if (outcome.status != "skipped") {
      report.skipped += static_cast<std::int64_t>(busy_.size());
      if (!busy_.empty())
        append_line(report, engine::counted(static_cast<std::int64_t>(busy_.size()), "portfolio") +
                                " skipped: already running");
      if (phase.owns_snapshots) report.skipped += blocked;
    }
    if (blocked > 0 && phase.owns_snapshots)
      append_line(report, engine::counted(blocked, "portfolio") + " blocked by an earlier failure");
    job.status = outcome.status;
    job.processed = report.processed;
    job.skipped = report.skipped;
    job.failed = report.failed;
    job.rows_written = report.rows_written;
    core::JsonObject detail;
    detail.add("text", logged_detail(report));
    if (part_.shard > 0) detail.add("shard", part_.shard);
    job.detail_json = detail.str();
    jobs_.push_back(job);
    add_result(result, day, phase, outcome.status, report, job.completed_at - job.started_at);
    if (outcome.status == "failed" || (outcome.status == "partial" && worst == "success")) worst = outcome.status;
  }
  if (part_.phases.empty()) note_session(day, describe(day, progress), worst);
}

std::vector<store::Job> failed_jobs(const store::Store& store, const char* name, Date day,
                                    std::span<const Uuid> portfolio_ids, const pg::Failure& failure) {
  const LoggedFailure logged(store, name, portfolio_ids, failure);
  std::vector<store::Job> jobs;
  for (const Uuid& id : portfolio_ids) {
    store::Job& job = jobs.emplace_back(store::Job{.name = name,
                                                   .type = "portfolio",
                                                   .phase = snapshot_phase().key,
                                                   .portfolio_id = id,
                                                   .calculation_date = day,
                                                   .status = "failed"});
    job.failed = 1;
    job.failure = logged.of(id);
    job.started_at = job.completed_at = pg::clock_usecs();
  }
  return jobs;
}

void report_skipped(Date day, const std::string& reason, pg::RowBuffer& result) {
  for (const Phase& phase : all_phases()) add_result(result, day, phase, "skipped", skipped(reason), 0);
}

}  // namespace pb::batch
